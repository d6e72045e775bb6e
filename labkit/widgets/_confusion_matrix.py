"""Which classes are taken for which: a confusion matrix whose cells open their rows."""

from __future__ import annotations

import dataclasses
import html
import os
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import numpy as np
import traitlets

from labkit import charts
from labkit.errors import LabError
from labkit.evaluation import (
    ClassOrder,
    Evaluation,
    cell_rows,
    confused_pairs,
    confusion_csv,
    confusion_difference,
    order_classes,
)
from labkit.tasks import Predictions, SpanPredictions
from labkit.tasks._span_predictions import NOTHING
from labkit.training import Run
from labkit.widgets._run_rows import Source, checked, marked, said
from labkit.widgets._widget import LabWidget, command, shown, table

if TYPE_CHECKING:
    import plotly.graph_objects as go

VALUES = ("counts", "shares")
ORDERS = get_args(ClassOrder)
_PAIRS = 12
_IN_FACE = 12  # classes up to which the static face has the whole matrix


class ConfusionMatrix(LabWidget):
    """True classes in rows, predicted ones in columns; a click on a cell or a class name lists its rows.

    ``picked`` says which cell is open, ``selection`` which rows that are: let other widgets follow them. With several labels a
    row there is a table instead: how often each label was found, missed and wrongly given.

    Of entities in texts, the classes are their types and "(nothing)", and the cells count entities, boundaries aside. No rows
    are listed then: ``ErrorBrowser`` shows them.

    Args:
        source: a run or its directory; an ``Evaluation``, which holds no rows to list; ``Predictions``; or
            ``SpanPredictions``.
        compare: another of these for the same rows; the matrix then shows its counts less those of ``source``.
        split: of the runs' predictions.
        rows: with ``Predictions``, a split of a corpus (or columns with row_id and text) to take texts from.
        traits: ``values`` ("counts", "shares" of the true class), ``order`` ("given", "frequency", "errors",
            "similarity"), ``focus`` (leave the diagonal out).

    Raises:
        UnknownName: the run has no such split.
        LabError: the two are of other rows or labels; an evaluation of something else than classes or entities; a cell of
            entities is picked; an unknown keyword or value.
    """

    stem: ClassVar[str] = "confusion_matrix"
    by_hand: ClassVar[tuple[str, ...]] = ("split", "values", "order", "focus", "picked")

    split = traitlets.Unicode("test", help="Which predictions of a run are shown.").tag(sync=True)
    values = traitlets.Enum(VALUES, "counts", help="Counts, or shares of the true class.").tag(sync=True)
    order = traitlets.Enum(ORDERS, "given", help="Order of the classes.").tag(sync=True)
    focus = traitlets.Bool(False, help="Whether the diagonal is left out.").tag(sync=True)
    picked = traitlets.Dict(help="The cell: labels as true and predicted, or one of them; empty: none.").tag(sync=True)
    selection = traitlets.List(traitlets.Unicode(), help="Ids of the rows of what is picked.").tag(sync=True)
    matrix = traitlets.Dict(help="What is drawn: labels, their order and the cells above 0.").tag(sync=True)

    def __init__(
        self,
        source: Run | str | os.PathLike[str] | Evaluation | Predictions | SpanPredictions,
        *,
        compare: Run | str | os.PathLike[str] | Evaluation | Predictions | SpanPredictions | None = None,
        split: str = "test",
        rows: Any = None,
        **traits: Any,
    ) -> None:
        self._a = Source(source, rows)
        self._b = None if compare is None else Source(compare, rows, called="other")
        picked = traits.pop("picked", {})
        drawn = self._draw(split, traits.get("order", "given"))
        super().__init__(split=split, matrix=drawn, **traits)
        self.observe(self._redraw, names=["split", "order"])
        self.observe(self._pick, names=["picked", "split"])
        self.observe(self.refresh_code, names=["split", "values", "order", "focus", "picked"])
        self.picked = picked
        self.refresh_code()

    def _kept_of(self) -> str:
        return " ".join([self._a.code, *([self._b.code] if self._b else [])])

    @traitlets.validate("picked")
    def _known_cell(self, proposal: Any) -> dict[str, str]:
        cell = checked(proposal["value"], self.evaluation.labels)
        if cell and self.evaluation.what:
            do = "filter ErrorBrowser(run) by kind and type"
            raise LabError("a matrix whose cells count rows", "one that counts entities", do)
        return cell

    @property
    def evaluation(self) -> Evaluation:
        """The evaluation that is drawn (of the first run)."""
        return self._a.evaluation(self.split)

    # -- what the buttons do --------------------------------------------------------------------------------------------------

    @command
    def pick(self, true: str | None = None, predicted: str | None = None, **several: str) -> list[str]:
        """Pick a cell, or a whole row (``true`` alone) or column (``predicted`` alone); nothing: pick none.

        Args:
            true, predicted: labels.
            several: with several labels a row, one of ``found=``, ``missed=`` and ``false_alarm=`` a label.

        Returns:
            The ids of its rows, as in ``selection``.
        """
        self.picked = {"true": true, "predicted": predicted, **several}
        return list(self.selection)

    @command
    def examples(self, page: int = 0, size: int = 20) -> dict[str, Any]:
        """A page of the rows of what is picked, by falling loss; of two runs, rows that were decided otherwise first.

        Args:
            page: from 0.
            size: rows a page, 1 to 200.

        Returns:
            "rows" (row_id, text, true, predicted, confidence, loss, and of two runs "other", what the other one said),
            "of" (how many there are) and "note".
        """
        found = self._rows()
        size = max(1, min(200, size))
        shown_rows = found[page * size : (page + 1) * size]
        texts = self._a.texts(self.split, [row["row_id"] for row in shown_rows])
        return {
            "rows": [{**row, "text": text} for row, text in zip(shown_rows, texts, strict=True)],
            "of": len(found),
            "note": self._a.note,
        }

    @command
    def csv(self) -> str:
        """The matrix as CSV, classes as given; of two runs the difference."""
        if self._b is None:
            return confusion_csv(self.evaluation)
        change = confusion_difference(self.evaluation, self._b.evaluation(self.split))
        return confusion_csv(dataclasses.replace(self.evaluation, confusion=change))

    def figure(self) -> go.Figure:
        """The matrix as a plotly figure, as in ``labkit.charts.confusion`` (of the first run)."""
        return charts.confusion(self.evaluation, share=self.values == "shares", order=self.order)

    def pairs(self) -> list[dict[str, Any]]:
        """The pairs of classes that are confused most often; of two runs, those that changed most."""
        return list(self.matrix["pairs"])

    # -- inside ---------------------------------------------------------------------------------------------------------------

    def _draw(self, split: str, order: Any) -> dict[str, Any]:
        a = self._a.evaluation(split)
        if not a.labels or (a.what and NOTHING not in a.labels):
            do = "list the rows with ErrorBrowser(run)"
            raise LabError("an evaluation of classes or of entities", f"one of {a.what or 'something else'}", do)
        b = None if self._b is None else self._b.evaluation(split)
        before = a.confusion
        change = np.zeros_like(before) if b is None else confusion_difference(a, b)
        after = before + change
        counts = before if b is None else before + after
        where = np.argwhere((before > 0) | (after > 0))
        cells = (
            np.column_stack([where, before[tuple(where.T)], after[tuple(where.T)]]).ravel().tolist()
            if not a.multi_label
            else [
                [[int(m[1, 1]), int(m[1, 0]), int(m[0, 1])] for m in pair] for pair in zip(before, after, strict=True)
            ]
        )
        return {
            "name": self._a.name or ("the first" if self._b else ""),
            "compare": self._b.name or "the second" if self._b else "",
            "splits": self._a.splits,
            "labels": list(a.labels),
            "order": order_classes(counts, order),
            "multi_label": a.multi_label,
            "cells": cells,
            "n": int(before.sum()) if a.what else a.n,
            "entities": bool(a.what),
            "pairs": _changes(a, change) if b is not None else _pairs(a),
            "rows": self._a.has_rows,
        }

    @shown
    def _redraw(self, _: Any) -> None:
        self.error = ""
        self.matrix = self._draw(self.split, self.order)

    @shown
    def _pick(self, *_: Any) -> None:
        self.error = ""
        self.selection = [row["row_id"] for row in self._rows()]

    def _rows(self) -> list[dict[str, Any]]:
        """The rows of what is picked, most interesting first."""
        predictions = self._a.predictions(self.split)
        if not self.picked or predictions is None:
            return []
        marks = marked(predictions, self.picked)
        other = None if self._b is None else self._b.predictions(self.split)
        answers: dict[str, str] = {}
        if other is not None:
            answers = dict(zip(other.row_ids, map(said, other.names(other.predicted)), strict=True))
            theirs = marked(other, self.picked)
            there = {other.row_ids[int(i)] for i in np.flatnonzero(theirs)}
            marks |= np.array([row_id in there for row_id in predictions.row_ids])
        if predictions.gold is not None and not predictions.multi_label:
            marks &= predictions.gold >= 0
        if not marks.any():
            return []
        found = [
            {
                "row_id": row["row_id"],
                "true": said(row["gold"]),
                "predicted": said(row["predicted"]),
                "confidence": row["confidence"],
                "loss": row["loss"],
                **({"other": answers.get(row["row_id"], "")} if other is not None else {}),
            }
            for row in cell_rows(predictions.take(marks))
        ]
        return sorted(found, key=lambda row: row.get("other", row["predicted"]) == row["predicted"])

    def cell(self) -> str:
        usual = {"split": "test", "values": "counts", "order": "given", "focus": False}
        given = [self._a.code]
        if self._b is not None:
            given.append(f"compare={self._b.code}")
        given += [f"{name}={getattr(self, name)!r}" for name, value in usual.items() if getattr(self, name) != value]
        lines = ["from labkit.widgets import ConfusionMatrix", "", f"matrix = ConfusionMatrix({', '.join(given)})"]
        if self.picked:
            lines.append(f"matrix.pick({', '.join(f'{key}={label!r}' for key, label in self.picked.items())})")
        return "\n".join([*lines, "matrix"])

    def face(self) -> str:
        a, labels = self.evaluation, self.evaluation.labels
        right = "" if a.multi_label else f", {int(np.trace(a.confusion)):,} right"
        title = f"Confusion matrix{f' of {self._a.name}' if self._a.name else ''}"
        of = html.escape(a.what) if a.what else f"{a.n:,} rows"
        head = f"<h4>{html.escape(title)}</h4><p>{of}{right}, {len(labels):,} classes.</p>"
        if a.multi_label:
            counted = [[labels[j], *self.matrix["cells"][j][0]] for j in self.matrix["order"]]
            return head + table(["label", "found", "missed", "false alarms"], counted, numbers={1, 2, 3})
        if len(labels) <= _IN_FACE:
            at = self.matrix["order"]
            counts = [[labels[i], *(f"{a.confusion[i, j]:,}" if a.confusion[i, j] else "" for j in at)] for i in at]
            head += table(["true \\ predicted", *(labels[j] for j in at)], counts, numbers=set(range(1, len(at) + 1)))
        what = "change" if self._b else "entities" if a.what else "rows"
        pairs = [
            [pair["true"], pair["predicted"], f"{pair['count']:+,}" if self._b else f"{pair['count']:,}"]
            for pair in self.pairs()
        ]
        title = f"What {self._b.name or 'the second'} does otherwise" if self._b else "Most confused"
        return f"{head}<h4>{html.escape(title)}</h4>" + table(["true", "predicted", what], pairs, numbers={2})


def _pairs(evaluation: Evaluation) -> list[dict[str, Any]]:
    if evaluation.multi_label:
        return []
    return [dataclasses.asdict(pair) for pair in confused_pairs(evaluation, _PAIRS)]


def _changes(a: Evaluation, change: Any) -> list[dict[str, Any]]:
    """The wrong cells that changed most."""
    if a.multi_label:
        return []
    support = np.maximum(a.confusion.sum(axis=1), 1)
    wrong = [(int(i), int(j)) for i, j in np.argwhere(change) if i != j]
    wrong.sort(key=lambda at: -abs(int(change[at])))
    return [
        {
            "true": a.labels[i],
            "predicted": a.labels[j],
            "count": int(change[i, j]),
            "share": float(change[i, j] / support[i]),
        }
        for i, j in wrong[:_PAIRS]
    ]
