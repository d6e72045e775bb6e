"""What a model wrote about rows: its texts beside the true ones, by row id.

Evaluation, charts and widgets take this, never a trainer or a model. Tokens are left to the task.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labkit.errors import DataError, UnknownName
from labkit.tasks import _files
from labkit.tasks._row_scores import RowScores

if TYPE_CHECKING:
    from labkit.tasks._scores import Scores
    from labkit.tasks._text_metrics import RowMeasure

_COLUMNS = {
    "row_id": pa.string(),
    "text": pa.string(),
    "target": pa.string(),
    "predicted": pa.string(),
    "confidence": pa.float64(),
}
_TASK = b"labkit.task"


@dataclass(frozen=True, kw_only=True, eq=False)
class TextPredictions:
    """Texts written by a model.

    Attributes:
        task: id of the task, which says how they are scored.
        row_ids: id of each row, n of them.
        inputs: what the model was given.
        predicted: what it wrote.
        confidence: geometric mean of the probabilities of the tokens that it wrote, one a row; NaN where there is none.
        references: what it should have written, None where nobody knows; None where that is known of no row.
        numbers: name → a number for each row, where the task counts more than the texts show.
    """

    task: str
    row_ids: Sequence[str]
    inputs: Sequence[str]
    predicted: Sequence[str]
    confidence: npt.NDArray[np.float64]
    references: Sequence[str | None] | None = None
    numbers: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.row_ids)
        columns: dict[str, Any] = {"inputs": self.inputs, "predicted": self.predicted, "confidence": self.confidence}
        columns |= {} if self.references is None else {"references": self.references}
        for name, rows in {**columns, **self.numbers}.items():
            if len(rows) != n:
                raise DataError(f"{name} of {n:,} rows", f"{len(rows):,}")

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def labels(self) -> tuple[str, ...]:
        """None: texts have no labels."""
        return ()

    @property
    def known(self) -> npt.NDArray[np.int64]:
        """Positions of the rows whose true text is known."""
        return np.array([i for i, text in enumerate(self.references or ()) if text is not None], dtype=np.int64)

    def take(self, index: npt.ArrayLike) -> TextPredictions:
        """The rows at the given positions (or where a bool mask holds)."""
        at = np.asarray(index)
        positions = [int(i) for i in (np.flatnonzero(at) if at.dtype == bool else at)]
        return TextPredictions(
            task=self.task,
            row_ids=[self.row_ids[i] for i in positions],
            inputs=[self.inputs[i] for i in positions],
            predicted=[self.predicted[i] for i in positions],
            confidence=self.confidence[positions],
            references=None if self.references is None else [self.references[i] for i in positions],
            numbers={name: values[positions] for name, values in self.numbers.items()},
        )

    def to_table(self) -> pa.Table:
        """An Arrow table: row_id, text (the input), target (the true text, if known), predicted, confidence, numbers."""
        rows: dict[str, Any] = {"row_id": list(self.row_ids), "text": list(self.inputs)}
        if self.references is not None:
            rows["target"] = list(self.references)
        rows |= {"predicted": list(self.predicted), "confidence": self.confidence}
        columns = {name: pa.array(values, _COLUMNS[name]) for name, values in rows.items()}
        columns |= {name: pa.array(values, pa.float64()) for name, values in self.numbers.items()}
        table = pa.table(columns)
        return table.replace_schema_metadata({_files.KIND: b"texts", _TASK: self.task.encode()})

    def answers(self) -> pa.Table:
        """An Arrow table of what was written: row_id and predicted."""
        return pa.table(
            {
                "row_id": pa.array(list(self.row_ids), pa.string()),
                "predicted": pa.array(list(self.predicted), pa.string()),
            }
        )

    def scores(self) -> Scores:
        """Statistics of the texts, row by row, for ``labkit.evaluation.evaluate``.

        Raises:
            DataError: no row has a known text.
            UnknownName: the task does not score texts.
        """
        from labkit.tasks._text_metrics import SCORES

        if self.task not in SCORES:
            raise UnknownName("task that writes texts", self.task, SCORES)
        return SCORES[self.task](self)

    def row_scores(self) -> RowScores:
        """What each row is judged by: chrF of a translation, ROUGE-L of a summary.

        Raises:
            UnknownName: the task does not score texts.
        """
        measure, at = self._measure(), self.known
        said = [self.predicted[i] for i in at]
        true = [str(self.references[i]) for i in at] if self.references is not None else []
        values, right = np.full(len(self), np.nan), np.zeros(len(self), dtype=bool)
        if len(at):
            values[at] = measure.of(said, true)
            right[at] = [one == other for one, other in zip(said, true, strict=True)]
        return RowScores(name=measure.name, values=values, right=right)

    def row_figures(self, i: int) -> dict[str, float]:
        """Every figure of the row at a position, by name; nothing where its true text is unknown."""
        row = self.take([i])
        return self._measure().figures(row.scores().values(), row) if len(row.known) else {}

    def _measure(self) -> RowMeasure:
        from labkit.tasks._text_metrics import ROWS

        if self.task not in ROWS:
            raise UnknownName("task that writes texts", self.task, ROWS)
        return ROWS[self.task]

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a Parquet file, under a temporary name first, and return its path."""
        return _files.write(self.to_table(), path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TextPredictions:
        """Read what ``save`` wrote.

        Raises:
            DataError: the file is missing or damaged, or is no Parquet file of predicted texts.
        """
        table = _files.read(path, "texts", "predicted texts", _COLUMNS, optional=("target",), empty=("target",))
        numbers = [field.name for field in table.schema if field.name not in _COLUMNS]
        try:
            return cls(
                task=(table.schema.metadata or {}).get(_TASK, b"").decode(),
                row_ids=table["row_id"].to_pylist(),
                inputs=table["text"].to_pylist(),
                predicted=table["predicted"].to_pylist(),
                confidence=table["confidence"].to_numpy(),
                references=table["target"].to_pylist() if "target" in table.column_names else None,
                numbers={name: table[name].to_numpy().astype(np.float64) for name in numbers},
            )
        except (TypeError, ValueError) as error:
            raise _files.damaged("predicted texts", error, path) from error


def known_texts(predictions: TextPredictions) -> TextPredictions:
    """The rows whose true text is known.

    Raises:
        DataError: there is none.
    """
    at = predictions.known
    if not len(at):
        raise DataError("rows with known texts", "none", "give the true texts, or predict without evaluating")
    return predictions if len(at) == len(predictions) else predictions.take(at)
