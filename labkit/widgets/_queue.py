"""The order in which rows come to a person who labels them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.data import Corpus, Query, Table
from labkit.errors import LabError, UnknownName
from labkit.tasks import Predictions
from labkit.widgets._suggestions import Suggestions

QUEUES = ("file", "random", "unlabelled", "unsure", "suspects")
_TITLES = {
    "file": "File order",
    "random": "Random order",
    "unlabelled": "Without a label",
    "unsure": "Model least sure",
    "suspects": "Suspected errors",
}
_SEED = 0  # of the random order, which must be the same after a restart

Positions = npt.NDArray[np.int32]


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


def choices(
    labels: Sequence[str], *, blank: str, doubtful: bool, unsure: bool, each: str = "Class "
) -> list[list[str]]:
    """Queues to choose from: pairs of value and title.

    Args:
        labels: each is a queue of its own; none where rows have no label of their own.
        blank: title of the queue of rows that have nothing of what is decided; "" for no such queue.
        doubtful: whether there is something to doubt.
        unsure: whether there is a model that could be unsure.
        each: what stands before a label in the title of its queue.
    """
    offered = {"unlabelled": bool(blank), "suspects": doubtful, "unsure": unsure}
    titles = _TITLES | {"unlabelled": blank}
    pairs = [[name, titles[name]] for name in QUEUES if offered.get(name, True)]
    return pairs + [[f"class:{label}", f"{each}{label}" if each else label.capitalize()] for label in labels]


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
