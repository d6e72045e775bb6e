"""What a regression model said about rows: a score beside the true one, by row id.

Evaluation, charts and widgets take this, never a trainer or a model.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labkit.errors import DataError
from labkit.tasks import _files

if TYPE_CHECKING:
    from labkit.tasks._scores import Scores

_COLUMNS = {"row_id": pa.string(), "label": pa.float64(), "score": pa.float64()}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ScorePredictions:
    """Scores of a regression model.

    Attributes:
        row_ids: id of each row, n of them.
        predicted: the scores, shape (n,).
        gold: the true scores, shape (n,), NaN where nobody knows; None where that is so of every row.
    """

    row_ids: Sequence[str]
    predicted: Floats
    gold: Floats | None = None

    def __post_init__(self) -> None:
        n = len(self.row_ids)
        for name, values in (("scores", self.predicted), ("true scores", self.gold)):
            if values is not None and values.shape != (n,):
                raise DataError(f"{name} of shape ({n},)", f"{values.shape}")

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def labels(self) -> tuple[str, ...]:
        """None: a score is no class."""
        return ()

    @property
    def known(self) -> npt.NDArray[np.int64]:
        """Positions of the rows whose true score is known."""
        return np.zeros(0, np.int64) if self.gold is None else np.flatnonzero(~np.isnan(self.gold))

    def take(self, index: npt.ArrayLike) -> ScorePredictions:
        """The rows at the given positions (or where a bool mask holds)."""
        at = np.asarray(index)
        positions = np.flatnonzero(at) if at.dtype == bool else at.astype(np.int64)
        return ScorePredictions(
            row_ids=[self.row_ids[int(i)] for i in positions],
            predicted=self.predicted[positions],
            gold=None if self.gold is None else self.gold[positions],
        )

    def to_table(self) -> pa.Table:
        """An Arrow table: row_id, label (the true score, if known) and score."""
        columns: dict[str, pa.Array] = {"row_id": pa.array(list(self.row_ids), pa.string())}
        if self.gold is not None:
            columns["label"] = pa.array(self.gold, pa.float64(), from_pandas=True)
        columns["score"] = pa.array(self.predicted, pa.float64())
        return pa.table(columns).replace_schema_metadata({_files.KIND: b"scores"})

    def answers(self) -> pa.Table:
        """The table without the true scores: what ``labkit predict`` writes."""
        return ScorePredictions(row_ids=self.row_ids, predicted=self.predicted).to_table()

    def scores(self) -> Scores:
        """How well it did, row by row, for ``labkit.evaluation.evaluate``.

        Raises:
            DataError: no row has a known score, or a score is no finite number.
        """
        from labkit.tasks._score_metrics import score_scores

        return score_scores(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a Parquet file, under a temporary name first, and return its path."""
        return _files.write(self.to_table(), path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ScorePredictions:
        """Read what ``save`` wrote.

        Raises:
            DataError: the file is missing, or is no Parquet file of such predictions.
        """
        table = _files.read(path, "scores", "predicted scores", _COLUMNS, optional=("label",), empty=("label", "score"))
        return cls(
            row_ids=table["row_id"].to_pylist(),
            predicted=_floats(table["score"]),
            gold=_floats(table["label"]) if "label" in table.column_names else None,
        )


def _floats(column: pa.ChunkedArray) -> Floats:
    values: Floats = column.cast(pa.float64()).to_numpy()  # nulls become NaN
    return values
