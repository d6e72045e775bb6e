"""What a tagger said about rows: labelled stretches of the texts beside the true ones, by row id.

Evaluation, charts and widgets take this, never a trainer or a model. Tags of words and pieces are left to the task.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labkit.data._layouts.spans import Span
from labkit.errors import DataError
from labkit.tasks import _files
from labkit.tasks._scores import LabelCount, Scores

_SPAN = [("start", pa.int32()), ("end", pa.int32()), ("label", pa.string())]
_COLUMNS = {
    "row_id": pa.string(),
    "text": pa.string(),
    "spans": pa.list_(pa.struct(_SPAN)),
    "predicted": pa.list_(pa.struct([*_SPAN, ("confidence", pa.float64())])),
}
NOTHING = "(nothing)"
"""Stands for no entity in a confusion matrix: its row holds the spurious ones, its column the missed ones."""

_LABELS = b"labkit.labels"


@dataclass(frozen=True, kw_only=True, eq=False)
class SpanPredictions:
    """Spans found by a tagger.

    Attributes:
        row_ids: id of each row, n of them.
        texts: text of each row, which the spans count characters of.
        labels: entity types that the tagger knows, k of them, in natural order.
        predicted: spans found in each row.
        confidence: for each row, a number for each predicted span: the mean probability of the chosen tags over the
            words of the span.
        gold: true spans of each row, None for a row that nobody has labelled (an empty tuple is a row without
            entities); None where no row is labelled. Types outside ``labels`` may occur.
    """

    row_ids: Sequence[str]
    texts: Sequence[str]
    labels: tuple[str, ...]
    predicted: Sequence[tuple[Span, ...]]
    confidence: Sequence[tuple[float, ...]]
    gold: Sequence[tuple[Span, ...] | None] | None = None

    def __post_init__(self) -> None:
        n = len(self.row_ids)
        for name, rows in (("texts", self.texts), ("predicted", self.predicted), ("confidence", self.confidence)):
            if len(rows) != n:
                raise DataError(f"{name} of {n:,} rows", f"{len(rows):,}")
        if self.gold is not None and len(self.gold) != n:
            raise DataError(f"gold spans of {n:,} rows", f"{len(self.gold):,}")
        for row_id, spans, numbers in zip(self.row_ids, self.predicted, self.confidence, strict=True):
            if len(spans) != len(numbers):
                raise DataError(
                    f"a confidence for each of the {len(spans):,} spans of row {row_id}", f"{len(numbers):,}"
                )

    def __len__(self) -> int:
        return len(self.row_ids)

    def take(self, index: npt.ArrayLike) -> SpanPredictions:
        """The rows at the given positions (or where a bool mask holds)."""
        at = np.asarray(index)
        positions = [int(i) for i in (np.flatnonzero(at) if at.dtype == bool else at)]
        return SpanPredictions(
            row_ids=[self.row_ids[i] for i in positions],
            texts=[self.texts[i] for i in positions],
            labels=self.labels,
            predicted=[self.predicted[i] for i in positions],
            confidence=[self.confidence[i] for i in positions],
            gold=None if self.gold is None else [self.gold[i] for i in positions],
        )

    def to_table(self) -> pa.Table:
        """An Arrow table: row_id, text, spans (the true ones, if known), and predicted with a confidence each."""
        rows: dict[str, list[Any]] = {"row_id": list(self.row_ids), "text": list(self.texts)}
        if self.gold is not None:
            rows["spans"] = [None if spans is None else [span._asdict() for span in spans] for spans in self.gold]
        rows["predicted"] = [
            [{**span._asdict(), "confidence": number} for span, number in zip(spans, numbers, strict=True)]
            for spans, numbers in zip(self.predicted, self.confidence, strict=True)
        ]
        table = pa.table({name: pa.array(values, _COLUMNS[name]) for name, values in rows.items()})
        meta = {_files.KIND: b"spans", _LABELS: json.dumps(self.labels, ensure_ascii=False).encode()}
        return table.replace_schema_metadata(meta)

    def answers(self) -> pa.Table:
        """An Arrow table of what was found: row_id, and predicted spans with their text and a confidence each."""
        found = [
            [
                {**span._asdict(), "text": text[span.start : span.end], "confidence": number}
                for span, number in zip(spans, numbers, strict=True)
            ]
            for text, spans, numbers in zip(self.texts, self.predicted, self.confidence, strict=True)
        ]
        kind = pa.list_(pa.struct([*_SPAN, ("text", pa.string()), ("confidence", pa.float64())]))
        return pa.table({"row_id": pa.array(list(self.row_ids), pa.string()), "predicted": pa.array(found, kind)})

    def scores(self) -> Scores:
        """Counts of entities, row by row, for ``labkit.evaluation.evaluate``.

        Raises:
            DataError: no row has known spans.
        """
        from labkit.tasks import _span_metrics as spans

        rows = spans.known(self)
        assert rows.gold is not None and self.gold is not None
        counts = spans.per_type(rows)
        entities = sum(count.gold for count in counts.values())
        right = [set(gold or ()) == set(said) for gold, said in zip(rows.gold, rows.predicted, strict=True)]
        return Scores(
            positions=np.array([i for i, one in enumerate(self.gold) if one is not None], dtype=np.int64),
            row_ids=list(rows.row_ids),
            sums=spans.row_statistics(rows),
            figures=spans.from_sums,
            headline=("f1", "precision", "recall", "macro_f1", "partial_f1", "exact_rows"),
            right=np.array(right, dtype=bool),
            what=f"{len(rows):,} rows with {entities:,} entities of {len(counts):,} types",
            bounds=dict.fromkeys(spans.METRICS, (0.0, 1.0)),
            counts=tuple(LabelCount(label=name, **count._asdict()) for name, count in counts.items()),
            confusion=spans.confusion(rows),
            names=(*counts, NOTHING),
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a Parquet file, under a temporary name first, and return its path."""
        return _files.write(self.to_table(), path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SpanPredictions:
        """Read what ``save`` wrote.

        Raises:
            DataError: the file is missing or damaged, or is no Parquet file of predicted spans.
        """
        table = _files.read(path, "spans", "predicted spans", _COLUMNS, optional=("spans",), empty=("spans",))
        try:
            predicted = table["predicted"].to_pylist()
            return cls(
                row_ids=table["row_id"].to_pylist(),
                texts=table["text"].to_pylist(),
                labels=_labels((table.schema.metadata or {}).get(_LABELS, b"")),
                predicted=[_spans(spans) for spans in predicted],
                confidence=[tuple(float(span["confidence"]) for span in spans) for spans in predicted],
                gold=[None if spans is None else _spans(spans) for spans in table["spans"].to_pylist()]
                if "spans" in table.column_names
                else None,
            )
        except (TypeError, ValueError) as error:
            raise _files.damaged("predicted spans", error, path) from error


def _spans(spans: list[dict[str, Any]]) -> tuple[Span, ...]:
    made = tuple(Span(span["start"], span["end"], span["label"]) for span in spans)
    if any(value is None for span in made for value in span):
        raise ValueError("a span without start, end or type")
    return made


def _labels(text: bytes) -> tuple[str, ...]:
    labels = json.loads(text)
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError("the entity types are no list of names")
    return tuple(labels)
