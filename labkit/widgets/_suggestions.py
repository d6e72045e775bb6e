"""What a model suggests for rows: from stored predictions, or from a function that is asked in a thread of its own."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labkit.data import Query, Table
from labkit.errors import LabError, UnknownName
from labkit.tasks import (
    AnswerPredictions,
    LanguagePredictions,
    Predictions,
    SpanPredictions,
    TextPredictions,
    load_predictions,
)

_KINDS: Mapping[type, str] = {
    Predictions: "labels",
    SpanPredictions: "spans",
    AnswerPredictions: "answers",
    TextPredictions: "texts",
    LanguagePredictions: "texts",
}
_SHOWN = 5  # labels of a suggestion with their probabilities
_BATCH = 32  # texts at a time for a suggesting function

Item = tuple[str, str, str | None]
"""Row id, text and second text."""


class Suggestions:
    """What a model says of rows, from stored predictions or from a function that is asked in a thread of its own.

    Args:
        given: predictions of any task, a run or its directory, or a function from texts (and ``pairs=``) to predictions; or a
            mapping from row ids, or a function from texts, to values: lists of ``{"start", "end", "label"}`` for spans, of
            ``{"start", "text"}`` for answers, texts for texts. None: nothing.
        ready: called in that thread when new suggestions are there.
        failed: called there with an error of the function.

    Attributes:
        kind: of the predictions: "labels", "spans", "answers" or "texts"; empty where values were given, or nothing yet.
        continues: whether what a language model wrote stands behind its text, in place of being one of its own.

    Raises:
        LabError: something else was given.
        RunError, UnknownName: the run is not there, or has no stored predictions.
    """

    def __init__(self, given: Any, ready: Callable[[], None], failed: Callable[[Exception], None]) -> None:
        self._ready, self._failed = ready, failed
        self._lock = threading.Lock()
        self._waiting: dict[str, Item] = {}
        self._thread: threading.Thread | None = None
        self.kind = ""
        self.continues = False
        self._values: dict[str, dict[str, Any]] = {}
        self._parts: list[Predictions] = []
        self._where: dict[str, tuple[Predictions, int]] = {}
        self._ask: Callable[..., Any] | None = None
        self._asked: set[str] = set()
        if isinstance(given, Predictions | SpanPredictions | AnswerPredictions | TextPredictions | LanguagePredictions):
            self.add(given)
        elif isinstance(given, Mapping):
            self._values = {str(row_id): _plain(value) for row_id, value in given.items()}
        elif hasattr(given, "predictions") or isinstance(given, str | Path):
            for part in _stored(given):
                self.add(part)
        elif callable(given):
            self._ask = given
        elif given is not None:
            raise LabError("predictions, a run or a function as suggestions", type(given).__name__)

    def __bool__(self) -> bool:
        return bool(self._ask or self._parts or self._values)

    @property
    def asks(self) -> bool:
        """Whether a function is asked, so that any row can be had."""
        return self._ask is not None

    def add(self, predictions: Any) -> None:
        """Take in predictions; those that are there already go before."""
        self.kind = self.kind or _kind(predictions)
        self.continues = isinstance(predictions, LanguagePredictions)
        if not isinstance(predictions, Predictions):
            self._values = {**_told(predictions), **self._values}
            return
        self._parts.append(predictions)
        for i, row_id in enumerate(predictions.row_ids):
            self._where.setdefault(row_id, (predictions, i))

    def of(self, row_id: str) -> dict[str, Any] | None:
        """The suggestion for a row: ``value``, ``confidence`` from 0 to 1 or None, and ``scores``, the most probable labels."""
        if row_id in self._values:
            return {**self._values[row_id], "scores": []}
        predictions, i = self._where.get(row_id, (None, 0))
        if predictions is None:
            return None
        p = predictions.probabilities[i]
        best = np.argsort(-p, kind="stable")
        scores = [[predictions.labels[j], round(float(p[j]), 4)] for j in best[:_SHOWN]]
        row = predictions.take([i])
        return {"value": row.names(row.predicted)[0], "confidence": float(row.confidence[0]), "scores": scores}

    def above(self, threshold: float) -> list[str]:
        """Ids of rows with a suggestion at least that sure, among those that were predicted."""
        return [row_id for row_id in [*self._where, *self._values] if self.sure(row_id, threshold)]

    def sure(self, row_id: str, threshold: float) -> bool:
        """Whether there is a suggestion for a row, at least that sure; one without a confidence is as unsure as can be."""
        found = self.of(row_id)
        return found is not None and (found["confidence"] or 0.0) >= threshold

    def ranked(self, table: Table, splits: tuple[str, ...] = ()) -> list[str]:
        """Ids of rows of a table with a suggestion, the least sure first; a function is asked about all that are missing.

        Raises:
            LabError: nothing was given, or nothing for rows of this table.
        """
        if self._ask:
            self._predict_all(table, splits)
        known = set(table.view(Query(splits=splits, rows=tuple(self._values))).row_ids(None)) if self._values else set()
        if not known:
            came = f"{len(self._values):,} of others" if self._values else "none"
            raise LabError("suggestions for this queue", came, "give suggestions=, such as a run on this data")
        return sorted(known, key=lambda row_id: (self._values[row_id]["confidence"] or 0.0, row_id))

    def about(self, table: Table, splits: tuple[str, ...] = ()) -> Predictions:
        """Predictions of those rows of a table of which there are any; a function is asked about all that are missing.

        Args:
            table: the rows.
            splits: rows of these splits; empty: of all.

        Raises:
            LabError: nothing was given.
        """
        if not self or self._values:
            raise LabError("suggestions of a classifier for this queue", "none", "give suggestions=, such as a run")
        if self._ask:
            self._predict_all(table, splits)
        wanted = set(table.view(Query(splits=splits, rows=tuple(self._where))).row_ids(None))
        taken: set[str] = set()
        parts = []
        for part in self._parts:
            at = [i for i, row_id in enumerate(part.row_ids) if row_id in wanted and row_id not in taken]
            parts.append(part.take(at))
            taken.update(part.row_ids[i] for i in at)
        if not taken:
            raise LabError(
                "predictions of rows of this data", f"{len(self._where):,} of others", "give those of this data"
            )
        return _joined(parts)

    def _predict_all(self, table: Table, splits: tuple[str, ...]) -> None:
        given = (table.row(int(position)) for position in table.view(Query(splits=splits)).positions)
        have = self._where.keys() | self._values.keys() | self._asked
        self._predict([(r["row_id"], r["text"] or "", r.get("text_pair")) for r in given if r["row_id"] not in have])

    def want(self, items: Sequence[Item]) -> None:
        """Have the function asked about rows; returns at once, and ``ready`` is called when the answers are there."""
        if self._ask is None:
            return
        with self._lock:
            have = self._where.keys() | self._values.keys() | self._asked
            new = {item[0]: item for item in items if item[0] not in have}
            self._waiting.update(new)
            if not self._waiting or (self._thread and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._work, name="labkit-suggestions", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                batch = [self._waiting.pop(row_id) for row_id in list(self._waiting)[:_BATCH]]
                if not batch:
                    self._thread = None
                    return
            try:
                self._predict(batch)
            except Exception as error:  # it is a user's function; labelling goes on without it
                self._failed(error)
                self._ask = None
                return
            self._ready()

    def _predict(self, items: Sequence[Item]) -> None:
        if not items or self._ask is None:
            return
        texts = [text for _, text, _ in items]
        pairs = [pair for _, _, pair in items if pair is not None]
        found = self._ask(texts, pairs=pairs) if len(pairs) == len(texts) else self._ask(texts)
        if len(found) != len(items):
            raise LabError(f"{len(items)} suggestions for as many texts", f"{len(found)}")
        ids = [row_id for row_id, _, _ in items]
        self._asked.update(ids)
        if _kind(found) == "labels":
            self.add(dataclasses.replace(found, row_ids=ids, gold=None))
        elif _kind(found):
            self.add(dataclasses.replace(found, row_ids=ids))
        else:
            self._values.update((row_id, _plain(value)) for row_id, value in zip(ids, found, strict=True))


def _kind(predictions: Any) -> str:
    return next((name for kind, name in _KINDS.items() if isinstance(predictions, kind)), "")


def _plain(value: Any) -> dict[str, Any]:
    """A value that was given, and its confidence: the least of those of its parts, where they have any."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return {"value": value, "confidence": None}
    parts = [dict(one) if isinstance(one, Mapping) else one for one in value]
    sure = [float(one.pop("confidence", 1.0)) for one in parts if isinstance(one, dict)]
    return {"value": parts, "confidence": min(sure, default=1.0)}


def _told(predictions: Any) -> dict[str, dict[str, Any]]:
    """Row id → value and confidence, of everything that was predicted."""
    if isinstance(predictions, SpanPredictions):
        spans = [[one._asdict() for one in some] for some in predictions.predicted]
        return _by_row(predictions, spans, [min(numbers, default=1.0) for numbers in predictions.confidence])
    if isinstance(predictions, AnswerPredictions):
        answers = [[] if one is None else [one._asdict()] for one in predictions.predicted]
        return _by_row(predictions, answers, predictions.confidence)
    sure: Sequence[float | None] = [None] * len(predictions)
    if isinstance(predictions, TextPredictions):
        sure = predictions.confidence.tolist()
    found = _by_row(predictions, predictions.predicted, sure)
    return {row_id: one for row_id, one in found.items() if one["value"] and one["value"].strip()}


def _by_row(predictions: Any, values: Sequence[Any], sure: Sequence[float | None]) -> dict[str, dict[str, Any]]:
    known = [None if number is None or math.isnan(number) else float(number) for number in sure]
    triples = zip(predictions.row_ids, values, known, strict=True)
    return {row_id: {"value": value, "confidence": number} for row_id, value, number in triples}


def _stored(given: Any) -> list[Any]:
    """Predictions of a file, or all that a run has stored; it has none of the rows that it was trained on."""
    from labkit.training import Run

    if isinstance(given, str | Path) and Path(given).suffix == ".parquet":
        return [load_predictions(given)]
    run = Run(given) if isinstance(given, str | Path) else given
    parts, missing = [], None
    for split in ("validation", "test"):
        try:
            parts.append(run.predictions(split))
        except UnknownName as error:
            missing = error
    if not parts and missing:
        raise missing
    return parts


def _joined(parts: Sequence[Predictions]) -> Predictions:
    """One for all, over the labels of the first; a label that only others have is left out."""
    if len(parts) == 1:
        return parts[0]
    labels = parts[0].labels
    columns = []
    for part in parts:
        index = {label: j for j, label in enumerate(part.labels)}
        columns.append(
            np.column_stack([part.probabilities[:, index[x]] if x in index else np.zeros(len(part)) for x in labels])
        )
    return dataclasses.replace(
        parts[0],
        row_ids=[row_id for part in parts for row_id in part.row_ids],
        probabilities=np.concatenate(columns),
        gold=None,
    )
