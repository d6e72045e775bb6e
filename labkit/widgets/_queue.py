"""The order in which rows come to a person who labels them, and what a model suggests for them."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.data import Corpus, Query, Table
from labkit.errors import LabError, UnknownName
from labkit.tasks import Predictions

QUEUES = ("file", "random", "unlabelled", "unsure", "suspects")
_TITLES = {
    "file": "File order",
    "random": "Random order",
    "unlabelled": "Without a label",
    "unsure": "Model least sure",
    "suspects": "Suspected errors",
}
_SEED = 0  # of the random order, which must be the same after a restart
_SHOWN = 5  # labels of a suggestion with their probabilities
_BATCH = 32  # texts at a time for a suggesting function

Positions = npt.NDArray[np.int32]
Item = tuple[str, str, str | None]
"""Row id, text and second text."""


class Order:
    """Rows in the order in which they come, by their positions in the table, and which of them are done.

    Args:
        rows: positions.
        size: rows of the table.
    """

    def __init__(self, rows: Positions, size: int) -> None:
        self.rows = rows
        self.done = np.zeros(len(rows), dtype=np.bool_)
        self._places = np.full(size, -1, dtype=np.int32)
        self._places[rows[::-1]] = np.arange(len(rows), dtype=np.int32)[::-1]
        self.count = 0

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, position: int) -> int:
        """Where a row of the table stands; -1 where it is not among the rows."""
        return int(self._places[position])

    def mark(self, positions: Sequence[int], done: bool) -> None:
        """Note of some rows of the table whether they are done."""
        places = self._places[np.asarray(positions, dtype=np.int64)]
        self.done[places[places >= 0]] = done
        self.count = int(self.done.sum())

    def open_from(self, place: int, n: int) -> list[int]:
        """The next ``n`` places that are not done, from ``place`` on and then from the beginning."""
        found = np.flatnonzero(~self.done[place:])[:n] + place
        if len(found) < n and place > 0:
            found = np.concatenate([found, np.flatnonzero(~self.done[:place])[: n - len(found)]])
        return [int(i) for i in found]


def choices(labels: Sequence[str], *, doubtful: bool, unsure: bool) -> list[list[str]]:
    """Queues to choose from: pairs of value and title.

    Args:
        labels: each is a queue of its own; none where rows have no label of their own.
        doubtful: whether there are labels to doubt.
        unsure: whether there is a model that could be unsure.
    """
    names = {"file", "random"} | ({"unlabelled"} if labels else set())
    names |= ({"suspects"} if doubtful and labels else set()) | ({"unsure"} if unsure and labels else set())
    pairs = [[name, _TITLES[name]] for name in QUEUES if name in names]
    return pairs + [[f"class:{label}", f"Class {label}"] for label in labels]


def arrange(
    queue: str | Sequence[str],
    corpus: Corpus,
    table: Table,
    *,
    split: str | None,
    force: Mapping[str, Any],
    suggestions: Suggestions,
) -> Positions:
    """Positions of the rows of a queue, in its order.

    Args:
        queue: one of ``QUEUES``, ``"class:NAME"``, or row ids.
        corpus: the data.
        table: of the corpus.
        split: rows of this split only; None: of all.
        force: row id → label that a person decided on, of the rows where somebody did.
        suggestions: of a model, for "unsure" and "suspects".

    Raises:
        UnknownName: no such queue, split or label.
        LabError: the queue needs suggestions, or row ids of which none is in the data.
    """
    if split is not None and split not in corpus:
        raise UnknownName("split", split, corpus.splits)
    splits = () if split is None else (split,)
    every = table.view(Query(splits=splits)).positions
    if not isinstance(queue, str):
        ids = list(dict.fromkeys(str(row_id) for row_id in queue))
        found = _among(table.positions_of(ids), every)
        if ids and not len(found):
            raise LabError("ids of rows that the data has", f"{len(ids):,} others, such as {ids[0]!r}")
        return found
    if queue == "file":
        return every
    if queue == "random":
        return np.random.default_rng(_SEED).permutation(every)
    if queue == "unlabelled":
        return _with_label(table, every, splits, "", force)
    if queue.startswith("class:"):
        name = queue.removeprefix("class:")
        if name not in table.labels and not any(name in _names(value) for value in force.values()):
            raise UnknownName("label", name, table.labels)
        return _with_label(table, every, splits, name, force)
    if queue == "unsure":
        from labkit.evaluation import uncertain

        return _among(table.positions_of(uncertain(suggestions.about(table, splits))), every)
    if queue == "suspects":
        return _suspects(corpus, table, every, splits, force, suggestions)
    raise UnknownName("queue", queue, [*QUEUES, *(f"class:{label}" for label in table.labels)])


def _among(found: Positions, rows: Positions) -> Positions:
    return found[np.isin(found, rows)]


def _names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [v for v in value or () if isinstance(v, str)]


def _with_label(
    table: Table, every: Positions, splits: tuple[str, ...], name: str, force: Mapping[str, Any]
) -> Positions:
    """Rows whose label in force is ``name`` ("" for none): those of the file, corrected by what people decided."""
    known = name == "" or name in table.labels
    found = set(table.view(Query(splits=splits, labels=(name,))).positions.tolist()) if known else set()
    decided = list(force)
    has = [row_id for row_id in decided if name in (_names(force[row_id]) or [""])]
    found -= set(table.positions_of(decided).tolist())
    found |= set(table.positions_of(has).tolist())
    return every[np.isin(every, np.array(sorted(found), dtype=np.int32))]


def _suspects(
    corpus: Corpus,
    table: Table,
    every: Positions,
    splits: tuple[str, ...],
    force: Mapping[str, Any],
    suggestions: Suggestions,
) -> Positions:
    """Rows with a doubtful label: by the model's predictions, and on training rows by cross-validated TF-IDF."""
    from labkit.evaluation import out_of_sample, suspects

    parts = [suggestions.about(table, splits)] if suggestions else []
    if splits in ((), ("train",)) and "train" in corpus and corpus.labelled and not (parts and suggestions.asks):
        mine = out_of_sample(corpus)
        theirs = {row_id for part in parts for row_id in part.row_ids}
        parts.append(mine.take([i for i, row_id in enumerate(mine.row_ids) if row_id not in theirs]))
        suggestions.add(parts[-1])
    if not parts:
        raise LabError('labels to doubt for queue="suspects"', "rows without any label", "label some rows first")
    ranked = sorted(
        (suspect for part in parts if len(part) for suspect in suspects(with_gold(part, table, force))),
        key=lambda suspect: -suspect.loss,
    )
    return _among(table.positions_of(dict.fromkeys(suspect.row_id for suspect in ranked)), every)


def with_gold(predictions: Predictions, table: Table, force: Mapping[str, Any]) -> Predictions:
    """Predictions beside the labels in force, in place of those that were true when they were made."""
    index = {label: j for j, label in enumerate(predictions.labels)}
    place = {row_id: i for i, row_id in enumerate(predictions.row_ids)}
    shape = (len(predictions), len(index)) if predictions.multi_label else (len(predictions),)
    gold = np.zeros(shape, dtype=bool) if predictions.multi_label else np.full(shape, -1, dtype=np.int64)
    found = table.view(Query(rows=tuple(predictions.row_ids)))
    for row in found.page(0, len(found)):
        labels = [index[name] for name in _names(force.get(row["row_id"], row.get("label"))) if name in index]
        if predictions.multi_label:
            gold[place[row["row_id"]], labels] = True
        elif labels:
            gold[place[row["row_id"]]] = labels[0]
    return dataclasses.replace(predictions, gold=gold)


class Suggestions:
    """What a model says of rows, from stored predictions or from a function that is asked in a thread of its own.

    Args:
        given: ``Predictions``, a run or its directory, a function from texts (and ``pairs=``) to ``Predictions``, or for
            spans a mapping from row ids, or a function from texts, to lists of ``{"start", "end", "label"}``. None: nothing.
        ready: called in that thread when new suggestions are there.

    Raises:
        LabError: something else was given.
        RunError, UnknownName: the run is not there, or has no stored predictions.
    """

    def __init__(self, given: Any, ready: Callable[[], None], failed: Callable[[Exception], None]) -> None:
        self._ready, self._failed = ready, failed
        self._lock = threading.Lock()
        self._waiting: dict[str, Item] = {}
        self._thread: threading.Thread | None = None
        self._spans: dict[str, Any] = {}
        self._parts: list[Predictions] = []
        self._where: dict[str, tuple[Predictions, int]] = {}
        self._ask: Callable[..., Any] | None = None
        if isinstance(given, Predictions):
            self.add(given)
        elif isinstance(given, Mapping):
            self._spans = dict(given)
        elif hasattr(given, "predictions") or isinstance(given, str | Path):
            self.add(_stored(given))
        elif callable(given):
            self._ask = given
        elif given is not None:
            raise LabError("predictions, a run or a function as suggestions", type(given).__name__)

    def __bool__(self) -> bool:
        return bool(self._ask or self._parts or self._spans)

    @property
    def asks(self) -> bool:
        """Whether a function is asked, so that any row can be had."""
        return self._ask is not None

    def add(self, predictions: Predictions) -> None:
        """Take in predictions; those that are there already go before."""
        self._parts.append(predictions)
        for i, row_id in enumerate(predictions.row_ids):
            self._where.setdefault(row_id, (predictions, i))

    def of(self, row_id: str) -> dict[str, Any] | None:
        """The suggestion for a row: ``value``, ``confidence`` from 0 to 1, and ``scores``, the most probable labels."""
        if row_id in self._spans:
            spans = [dict(span) for span in self._spans[row_id]]
            sure = [float(span.pop("confidence", 1.0)) for span in spans]
            return {"value": spans, "confidence": min(sure, default=1.0), "scores": []}
        predictions, i = self._where.get(row_id, (None, 0))
        if predictions is None:
            return None
        p = predictions.probabilities[i]
        best = np.argsort(-p, kind="stable")
        scores = [[predictions.labels[j], round(float(p[j]), 4)] for j in best[:_SHOWN]]
        if not predictions.multi_label:
            return {"value": predictions.labels[best[0]], "confidence": float(p[best[0]]), "scores": scores}
        limit = np.full(len(p), 0.5) if predictions.thresholds is None else predictions.thresholds
        chosen = p >= limit
        value = [predictions.labels[j] for j in np.flatnonzero(chosen)]
        return {"value": value, "confidence": float(np.where(chosen, p, 1 - p).min()), "scores": scores}

    def above(self, threshold: float) -> list[str]:
        """Ids of rows with a suggestion at least that sure, among those that were predicted."""
        known = [*self._where, *self._spans]
        return [row_id for row_id in known if (self.of(row_id) or {"confidence": -1.0})["confidence"] >= threshold]

    def about(self, table: Table, splits: tuple[str, ...] = ()) -> Predictions:
        """Predictions of those rows of a table of which there are any; a function is asked about all that are missing.

        Args:
            table: the rows.
            splits: rows of these splits; empty: of all.

        Raises:
            LabError: nothing was given.
        """
        if not self or self._spans:
            raise LabError("suggestions of a classifier for this queue", "none", "give suggestions=, such as a run")
        if self._ask:
            given = (table.row(int(position)) for position in table.view(Query(splits=splits)).positions)
            missing = [
                (r["row_id"], r["text"] or "", r.get("text_pair")) for r in given if r["row_id"] not in self._where
            ]
            self._predict(missing)
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

    def want(self, items: Sequence[Item]) -> None:
        """Have the function asked about rows; returns at once, and ``ready`` is called when the answers are there."""
        if self._ask is None:
            return
        with self._lock:
            new = {item[0]: item for item in items if item[0] not in self._where and item[0] not in self._spans}
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
        if isinstance(found, Predictions):
            self.add(dataclasses.replace(found, row_ids=ids, gold=None))
        else:
            self._spans.update(zip(ids, found, strict=True))


def _stored(given: Any) -> Predictions:
    """Predictions of a file, or all that a run has stored; it has none of the rows that it was trained on."""
    from labkit.training import Run

    if isinstance(given, str | Path) and Path(given).suffix == ".parquet":
        return Predictions.load(given)
    run = Run(given) if isinstance(given, str | Path) else given
    parts, missing = [], None
    for split in ("validation", "test"):
        try:
            parts.append(run.predictions(split))
        except UnknownName as error:
            missing = error
    if not parts and missing:
        raise missing
    return _joined(parts)


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
