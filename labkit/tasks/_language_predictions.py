"""What a language model said about rows: how well it foresaw their tokens, and what it wrote, by row id.

Evaluation, charts and widgets take this, never a trainer or a model.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labkit.errors import DataError
from labkit.tasks import _files
from labkit.tasks._row_scores import RowScores

if TYPE_CHECKING:
    from labkit.tasks._scores import Scores

_FILLERS = pa.list_(pa.list_(pa.struct([("token", pa.string()), ("probability", pa.float64())])))
_SUMS = ("nll", "tokens", "hits", "pseudo_nll", "pseudo_tokens")
_COLUMNS = {
    "row_id": pa.string(),
    "text": pa.string(),
    **dict.fromkeys(_SUMS, pa.float64()),
    "predicted": pa.string(),
    "target": pa.string(),
    "fillers": _FILLERS,
}
_TASK = b"labkit.task"

Floats = npt.NDArray[np.float64]


class Filler(NamedTuple):
    """A token that may stand in the place of a mask.

    Attributes:
        token: as it reads in the text.
        probability: that the model gives it.
    """

    token: str
    probability: float


@dataclass(frozen=True, kw_only=True, eq=False)
class LanguagePredictions:
    """Losses of a language model, and texts written by it.

    Attributes:
        task: "fill-mask" or "text-generation".
        row_ids: id of each row, n of them.
        inputs: texts that the model was given.
        nll: negative log-likelihood of each row's tokens in nats, summed, shape (n,).
        tokens: how many tokens of each row were to be foreseen, shape (n,); 0 where none was.
        hits: how many of them the model held to be the most probable, shape (n,).
        pseudo_nll: of fill-mask, the negative log-likelihood of tokens masked one by one, summed, shape (n,).
        pseudo_tokens: of how many tokens that is.
        predicted: what the model wrote behind each input, or the input with its masks filled in; None where it wrote
            nothing.
        references: what should have been written, None where nobody knows.
        fillers: for each row, and each mask in it, the most probable fillers.
    """

    task: str
    row_ids: Sequence[str]
    inputs: Sequence[str]
    nll: Floats
    tokens: Floats
    hits: Floats
    pseudo_nll: Floats = field(default_factory=lambda: np.zeros(0))
    pseudo_tokens: Floats = field(default_factory=lambda: np.zeros(0))
    predicted: Sequence[str | None] = ()
    references: Sequence[str | None] = ()
    fillers: Sequence[Sequence[Sequence[Filler]]] = ()

    def __post_init__(self) -> None:
        n = len(self.row_ids)
        for name, empty in (
            ("pseudo_nll", np.zeros(n)),
            ("pseudo_tokens", np.zeros(n)),
            ("predicted", [None] * n),
            ("references", [None] * n),
            ("fillers", [[] for _ in range(n)]),
        ):
            if not len(getattr(self, name)):
                object.__setattr__(self, name, empty)
        for name in ("inputs", *_SUMS, "predicted", "references", "fillers"):
            if len(getattr(self, name)) != n:
                raise DataError(f"{name} of {n:,} rows", f"{len(getattr(self, name)):,}")

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def labels(self) -> tuple[str, ...]:
        """None: a language model has no classes."""
        return ()

    def take(self, index: npt.ArrayLike) -> LanguagePredictions:
        """The rows at the given positions (or where a bool mask holds)."""
        at = np.asarray(index)
        positions = [int(i) for i in (np.flatnonzero(at) if at.dtype == bool else at)]
        return LanguagePredictions(
            task=self.task,
            row_ids=[self.row_ids[i] for i in positions],
            inputs=[self.inputs[i] for i in positions],
            predicted=[self.predicted[i] for i in positions],
            references=[self.references[i] for i in positions],
            fillers=[self.fillers[i] for i in positions],
            **{name: getattr(self, name)[positions] for name in _SUMS},
        )

    def to_table(self) -> pa.Table:
        """An Arrow table: row_id, text, the sums, and predicted, target and fillers where there are any."""
        rows: dict[str, Any] = {"row_id": list(self.row_ids), "text": list(self.inputs)}
        rows |= {name: getattr(self, name) for name in _SUMS}
        rows |= {"predicted": list(self.predicted), "target": list(self.references), "fillers": self._fillers()}
        table = pa.table({name: pa.array(values, _COLUMNS[name]) for name, values in rows.items()})
        return table.replace_schema_metadata({_files.KIND: b"language", _TASK: self.task.encode()})

    def answers(self) -> pa.Table:
        """An Arrow table of what was written: row_id, predicted, and with fill-mask the fillers of each mask."""
        columns = {
            "row_id": pa.array(list(self.row_ids), pa.string()),
            "predicted": pa.array([text or "" for text in self.predicted], pa.string()),
        }
        if self.task == "fill-mask":
            columns["fillers"] = pa.array(self._fillers(), _FILLERS)
        return pa.table(columns)

    def _fillers(self) -> list[list[list[dict[str, Any]]]]:
        return [[[one._asdict() for one in place] for place in row] for row in self.fillers]

    def scores(self) -> Scores:
        """Losses and hits, row by row, for ``labkit.evaluation.evaluate``.

        Raises:
            DataError: no row has a token to foresee.
        """
        from labkit.tasks._language_metrics import scores

        return scores(self)

    def row_scores(self) -> RowScores:
        """What each row is judged by: the perplexity of its tokens; NaN where none was to be foreseen."""
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.where(self.tokens > 0, np.exp(np.minimum(self.nll / self.tokens, 700)), np.nan)
        right = (self.tokens > 0) & (self.hits == self.tokens)
        return RowScores(name="perplexity", values=values, right=right, higher=False)

    def row_figures(self, i: int) -> dict[str, float]:
        """Every figure of the row at a position, by name; nothing where no token of it was to be foreseen."""
        return self.take([i]).scores().values() if self.tokens[i] > 0 else {}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a Parquet file, under a temporary name first, and return its path."""
        return _files.write(self.to_table(), path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> LanguagePredictions:
        """Read what ``save`` wrote.

        Raises:
            DataError: the file is missing or damaged, or is no Parquet file of a language model's predictions.
        """
        table = _files.read(path, "language", "a language model's predictions", _COLUMNS, empty=("predicted", "target"))
        return cls(
            task=(table.schema.metadata or {}).get(_TASK, b"").decode(),
            row_ids=table["row_id"].to_pylist(),
            inputs=table["text"].to_pylist(),
            predicted=table["predicted"].to_pylist(),
            references=table["target"].to_pylist(),
            fillers=[
                [[Filler(one["token"], one["probability"]) for one in place] for place in row]
                for row in table["fillers"].to_pylist()
            ],
            **{name: table[name].to_numpy() for name in _SUMS},
        )
