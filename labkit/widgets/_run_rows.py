"""The rows behind a run's predictions, by row id, read again from the run's data when somebody looks at them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.data import Corpus, load
from labkit.data._corpus import LayoutName
from labkit.errors import LabError, UnknownName
from labkit.evaluation import Evaluation, evaluate
from labkit.tasks import TASKS, Predictions, SpanPredictions
from labkit.training import Run

CELL_KEYS = ("true", "predicted", "found", "missed", "false_alarm")
"""What a cell of a confusion matrix, and a filter of an error list, can ask for."""


class RunRows:
    """Predictions and data of a run, each read once and only when asked for.

    Attributes:
        note: what a reader must know about the texts, such as that the data is gone; empty before they were read.
    """

    def __init__(self, run: Run | str | os.PathLike[str]) -> None:
        self.run = run if isinstance(run, Run) else Run(run)
        self.note = ""
        self._corpus: Corpus | None = None
        self._read = False
        self._at: dict[str, dict[str, int]] = {}

    @property
    def name(self) -> str:
        return self.run.directory.name

    @property
    def splits(self) -> list[str]:
        """The splits that the run has predictions of."""
        stored = (path.stem for path in (self.run.directory / "predictions").glob("*.parquet"))
        return sorted(name for name in stored if "." not in name)

    @property
    def corpus(self) -> Corpus | None:
        """The run's data, or None where it cannot be read any more (``note`` says why).

        Data that has changed since is read all the same: rows are looked up by their ids.
        """
        if not self._read:
            config = dataclasses.replace(self.run.recipe.data.unaugmented(), name_texts=0)
            try:
                self._corpus = load(config)
            except LabError as first:
                try:
                    self._corpus = load(dataclasses.replace(config, fingerprint=""))
                    self.note = "The data has changed since this run: texts are those that its rows have now."
                except LabError:
                    self.note = f"The run's data cannot be read, so that rows are shown by their ids. {first}"
            self._read = True
        return self._corpus

    def columns(self, split: str, row_ids: Sequence[str]) -> dict[str, list[Any]]:
        """Columns of some rows, aligned with the ids; None where a row is gone, no columns where the data is."""
        corpus = self.corpus
        if corpus is None or split not in corpus:
            return {}
        rows = corpus[split]
        if split not in self._at:
            self._at[split] = {row_id: i for i, row_id in enumerate(rows["row_id"])}
        at = [self._at[split].get(row_id) for row_id in row_ids]
        there = rows.select([i for i in at if i is not None])
        result: dict[str, list[Any]] = {}
        for name in rows.column_names:
            values = iter(there[name])
            result[name] = [None if i is None else next(values) for i in at]
        return result


class Source:
    """What an evaluation widget looks at: a run, an evaluation alone, or predictions with columns beside them.

    Attributes:
        name: what to call it on the screen.
        code: how it is written in a cell.
    """

    def __init__(self, given: Any, rows: Any = None, *, called: str = "evaluation") -> None:
        self.name, self.code = "", called
        self._evaluations: dict[str, Evaluation] = {}
        self._predictions: dict[str, Predictions] = {}
        self._run: RunRows | None = None
        self._one: Evaluation | Predictions | SpanPredictions | None = None
        self._columns: dict[str, list[Any]] = {}
        if isinstance(given, Evaluation | Predictions | SpanPredictions):
            self._one = given
            names = getattr(rows, "column_names", None) or list(rows or {})
            self._columns = {name: list(rows[name]) for name in names}
        elif not isinstance(given, Run | str | os.PathLike):
            came = type(given).__name__
            raise LabError("a run, or an evaluation or predictions of classes or entities", came)
        else:
            self._run = RunRows(given)
            self.name = self._run.run.directory.name
            self.code = repr(str(self._run.run.directory))

    @property
    def splits(self) -> list[str]:
        return self._run.splits if self._run else []

    @property
    def has_rows(self) -> bool:
        """Whether single rows can be listed: predictions of classes are there."""
        if self._run:
            return TASKS[self._run.run.recipe.task].layout == "labels"
        return isinstance(self._one, Predictions)

    @property
    def note(self) -> str:
        return self._run.note if self._run else ""

    def evaluation(self, split: str) -> Evaluation:
        """
        Raises:
            UnknownName: the run has no evaluation of that split.
        """
        if isinstance(self._one, Evaluation):
            return self._one
        if split not in self._evaluations:
            if self._run:
                found = self._run.run.evaluations
                if split not in found:
                    raise UnknownName("evaluated split", split, sorted(found))
                self._evaluations.update(found)
            else:
                assert self._one is not None
                self._evaluations[split] = evaluate(self._one, resamples=0)
        return self._evaluations[split]

    def predictions(self, split: str) -> Predictions | None:
        """The predictions; None of an evaluation alone."""
        return self._known(split) if self.has_rows else None

    def texts(self, split: str, row_ids: Sequence[str]) -> list[str | None]:
        """Texts of some rows (both of a pair), None where a row is gone."""
        if self._run:
            columns = self._run.columns(split, row_ids)
        else:
            at = {row_id: i for i, row_id in enumerate(self._columns.get("row_id", ()))}
            columns = {
                name: [self._columns[name][at[row_id]] if row_id in at else None for row_id in row_ids]
                for name in ("text", "text_pair")
                if name in self._columns
            }
        return whole_texts(columns, len(row_ids))

    def _known(self, split: str) -> Predictions:
        if isinstance(self._one, Predictions):
            return self._one
        if split not in self._predictions and self._run:
            self._predictions[split] = of_classes(self._run.run, split)
        return self._predictions[split]


def of_classes(run: Run, split: str) -> Predictions:
    """A run's predictions of classes.

    Raises:
        LabError: the run is of another task.
        UnknownName: it has none of that split.
    """
    if TASKS[run.recipe.task].layout != "labels":
        do = "look at run.evaluation and run.predictions() instead"
        raise LabError("a run for text-classification", f"one for {run.recipe.task}", do)
    found = run.predictions(split)
    if not isinstance(found, Predictions):
        do = "look at run.evaluation and run.predictions() instead"
        raise LabError("a run that predicts classes", "one that predicts something else, such as a number", do)
    return found


def layout_of(run: Run) -> LayoutName:
    """What a row of a run's data is, which says how it is shown."""
    return TASKS[run.recipe.task].layout


def whole_texts(columns: Mapping[str, Sequence[Any]], n: int) -> list[str | None]:
    """Texts of n rows, both of a pair one under the other; None where a row is gone."""
    firsts = list(columns.get("text") or [None] * n)
    pairs = list(columns.get("text_pair") or [None] * n)
    return [None if a is None else str(a) if b is None else f"{a}\n{b}" for a, b in zip(firsts, pairs, strict=True)]


def marked(predictions: Predictions, asked: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """The rows of a cell, of a row or of a column of a confusion matrix.

    Args:
        predictions: n rows.
        asked: "true", "predicted": a label that a row has, was given; "found", "missed", "false_alarm": a label that it
            has and was given, has only, was given only.

    Returns:
        Bools of shape (n,).

    Raises:
        UnknownName: no such label, or another key.
    """
    marks = np.ones(len(predictions), dtype=bool)
    for key, label in checked(asked, predictions.labels).items():
        has, given = _having(predictions, predictions.gold, label), _having(predictions, predictions.predicted, label)
        marks &= {
            "true": has,
            "predicted": given,
            "found": has & given,
            "missed": has & ~given,
            "false_alarm": given & ~has,
        }[key]
    return marks


def checked(asked: Mapping[str, Any], labels: Sequence[str]) -> dict[str, str]:
    """A cell without its empty parts.

    Raises:
        UnknownName: no such label, or another key.
    """
    given = {key: label for key, label in asked.items() if label not in (None, "")}
    for key, label in given.items():
        if key not in CELL_KEYS:
            raise UnknownName("part of a cell", key, CELL_KEYS)
        if label not in labels:
            raise UnknownName("label", str(label), labels)
    return given


def _having(predictions: Predictions, coded: Any, label: str) -> npt.NDArray[np.bool_]:
    if coded is None:
        return np.zeros(len(predictions), dtype=bool)
    j = predictions.labels.index(label)
    having: npt.NDArray[np.bool_] = coded[:, j] if predictions.multi_label else coded == j
    return having


def said(value: str | list[str] | None) -> str:
    """A label, or several, for one line."""
    return ", ".join(value) if isinstance(value, list) else value or ""
