"""What a classifier said about rows: probabilities beside the gold labels, by row id.

Evaluation, charts and widgets take this, never a trainer or a model.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labkit.errors import DataError
from labkit.tasks import _files

_PREFIX = "p_"


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """Probabilities of a classifier.

    Attributes:
        row_ids: id of each row, n of them.
        labels: class names, k of them, in the order of the columns of ``probabilities``.
        probabilities: float array of shape (n, k). Rows sum to 1 with single labels; each entry is a probability of its
            own with several labels.
        gold: with single labels an int array of shape (n,), -1 where the true label is unknown; with several labels a
            bool array of shape (n, k); None where no row has a label.
        multi_label: whether a row may have several labels.
        thresholds: with several labels, the probability from which each label counts as predicted, shape (k,);
            0.5 each when None. With single labels the one is predicted whose probability is the largest in relation to its
            threshold: of two classes the second above its threshold, where the first has what is left to 1.
    """

    row_ids: Sequence[str]
    labels: tuple[str, ...]
    probabilities: npt.NDArray[np.float64]
    gold: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | None = None
    multi_label: bool = False
    thresholds: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n, k = len(self.row_ids), len(self.labels)
        if self.probabilities.shape != (n, k):
            raise DataError(f"probabilities of shape ({n}, {k})", f"{self.probabilities.shape}")
        shape = (n, k) if self.multi_label else (n,)
        if self.gold is not None and self.gold.shape != shape:
            raise DataError(f"gold labels of shape {shape}", f"{self.gold.shape}")

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def predicted(self) -> npt.NDArray[np.int64] | npt.NDArray[np.bool_]:
        """The decision: class index of shape (n,) with single labels, bools of shape (n, k) with several."""
        if not self.multi_label:
            p = self.probabilities if self.thresholds is None else self.probabilities / self.thresholds
            decided: npt.NDArray[np.int64] = p.argmax(axis=1)
            return decided
        limit = np.full(len(self.labels), 0.5) if self.thresholds is None else self.thresholds
        chosen: npt.NDArray[np.bool_] = self.probabilities >= limit
        return chosen

    @property
    def confidence(self) -> npt.NDArray[np.float64]:
        """Probability of the predicted class, or of the least sure of the k decisions, shape (n,)."""
        p = self.probabilities
        sure: npt.NDArray[np.float64]
        if self.multi_label:
            sure = np.where(self.predicted, p, 1 - p).min(axis=1) if len(p) else np.zeros(0)
        else:
            sure = p[np.arange(len(p)), self.predicted.astype(np.int64)]
        return sure

    def take(self, index: npt.ArrayLike) -> Predictions:
        """The rows at the given positions (or where a bool mask holds)."""
        at = np.asarray(index)
        positions = np.flatnonzero(at) if at.dtype == bool else at
        return Predictions(
            row_ids=[self.row_ids[int(i)] for i in positions],
            labels=self.labels,
            probabilities=self.probabilities[positions],
            gold=None if self.gold is None else self.gold[positions],
            multi_label=self.multi_label,
            thresholds=self.thresholds,
        )

    def names(self, coded: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> list[str | list[str] | None]:
        """Decisions or gold labels as names: a string a row, or a list of strings with several labels."""
        if self.multi_label:
            return [[self.labels[j] for j in np.flatnonzero(row)] for row in coded]
        return [self.labels[int(i)] if i >= 0 else None for i in coded]

    def to_table(self) -> pa.Table:
        """An Arrow table: row_id, label (if known), predicted, confidence, and ``p_<label>`` for each label."""
        columns: dict[str, object] = {"row_id": pa.array(list(self.row_ids), pa.string())}
        kind = pa.list_(pa.string()) if self.multi_label else pa.string()
        if self.gold is not None:
            columns["label"] = pa.array(self.names(self.gold), kind)
        columns["predicted"] = pa.array(self.names(self.predicted), kind)
        p = self.probabilities
        columns["confidence"] = self.confidence
        columns.update({f"{_PREFIX}{label}": p[:, j] for j, label in enumerate(self.labels)})
        table = pa.table(columns)
        meta = {b"labkit.multi_label": str(self.multi_label).encode()}
        if self.thresholds is not None:
            meta[b"labkit.thresholds"] = ",".join(repr(float(t)) for t in self.thresholds).encode()
        return table.replace_schema_metadata(meta)

    def answers(self) -> pa.Table:
        """The table without the true labels: what ``labkit predict`` writes."""
        return dataclasses.replace(self, gold=None).to_table()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a Parquet file, under a temporary name first, and return its path."""
        return _files.write(self.to_table(), path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Predictions:
        """Read what ``save`` wrote.

        Raises:
            DataError: the file is missing, or is no Parquet file of predictions.
        """
        table = _files.read(path, "labels", "predictions", {})
        names = [name for name in table.column_names if name.startswith(_PREFIX)]
        if "row_id" not in table.column_names or not names:
            raise DataError("the columns row_id and p_<label>", ", ".join(table.column_names), file=path)
        labels = tuple(name[len(_PREFIX) :] for name in names)
        meta = table.schema.metadata or {}
        multi_label = meta.get(b"labkit.multi_label") == b"True"
        limits = meta.get(b"labkit.thresholds")
        gold: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | None = None
        if "label" in table.column_names:
            index = {label: j for j, label in enumerate(labels)}
            values = table["label"].to_pylist()
            if multi_label:
                gold = np.zeros((len(values), len(labels)), dtype=bool)
                for i, row in enumerate(values):
                    gold[i, [index[label] for label in row]] = True
            else:
                gold = np.array([index.get(value, -1) for value in values], dtype=np.int64)
        return cls(
            row_ids=table["row_id"].to_pylist(),
            labels=labels,
            probabilities=np.column_stack([table[name].to_numpy() for name in names]),
            gold=gold,
            multi_label=multi_label,
            thresholds=None if limits is None else np.array([float(t) for t in limits.split(b",")]),
        )
