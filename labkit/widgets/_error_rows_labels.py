"""The rows of a classifier in an error list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from labkit.errors import LabError
from labkit.evaluation import Suspect, errors, suspects
from labkit.tasks import Predictions
from labkit.widgets._error_rows_base import ErrorRows, Row
from labkit.widgets._run_rows import CELL_KEYS, RunRows, checked, marked, of_classes, said, whole_texts
from labkit.widgets._widget import table

_BARS = 12  # probabilities that are shown of many classes


class LabelRows(ErrorRows):
    """Rows of a classifier, by falling loss."""

    view = "labels"
    stored = False
    filters = (*CELL_KEYS, *ErrorRows.filters, "suspects")

    def __init__(self, of: RunRows, split: str) -> None:
        self._predictions = of_classes(of.run, split)
        if self._predictions.gold is None:
            raise LabError(f"true labels in the {split} rows", "none", "choose a split with labels")
        super().__init__(of, split, list(self._predictions.row_ids))
        self.suspects: dict[str, Suspect] = {}
        for suspect in reversed(suspects(self._predictions)):
            self.suspects[suspect.row_id] = suspect
        self.known = {row["row_id"]: row for row in self.listed("all")}

    @property
    def measure(self) -> str:
        return "loss"

    @property
    def orders(self) -> Mapping[str, str]:
        return {"errors": "highest loss first"}

    @property
    def predictions(self) -> Predictions:
        return self._predictions

    def compared(self, columns: Mapping[str, list[Any]], n: int) -> list[str | None]:
        return whole_texts(columns, n)

    def choices(self) -> Row:
        return {
            **super().choices(),
            "labels": list(self._predictions.labels),
            "suspects": sum(suspect.likely for suspect in self.suspects.values()),
            "multi_label": self._predictions.multi_label,
        }

    def detail(self, row_id: str) -> Row:
        at, p = self.at[row_id], self._predictions
        order = np.argsort(-p.probabilities[at], kind="stable")
        true = [] if p.gold is None else p.names(p.gold[[at]])[0] or []
        given = p.names(p.predicted[[at]])[0] or []
        true, given = ([one] if isinstance(one, str) else one for one in (true, given))
        # the true label is shown however improbable it is
        shown_labels = [int(j) for n, j in enumerate(order) if n < _BARS or p.labels[int(j)] in {*true, *given}]
        suspect = self.suspects.get(row_id)
        found = self.known.get(row_id, {})
        return {
            **super().detail(row_id),
            "true": true,
            "predicted": given,
            "confidence": found.get("confidence"),
            "loss": found.get("loss"),
            "probabilities": [[p.labels[j], float(p.probabilities[at, j])] for j in shown_labels],
            "more": len(order) - len(shown_labels),
            "suspect": None if suspect is None or not suspect.likely else suspect.suggested or f"not {suspect.given}",
        }

    def _check(self, given: Mapping[str, Any]) -> None:
        checked({name: given[name] for name in CELL_KEYS if name in given}, self._predictions.labels)

    def _passes(self, filters: Mapping[str, Any], include: str) -> list[Callable[[Row], bool]]:
        marks = marked(self._predictions, {key: filters[key] for key in CELL_KEYS if key in filters})
        passes: list[Callable[[Row], bool]] = [lambda row: bool(marks[self.at[row["row_id"]]])]
        if "suspects" in filters:
            passes.append(lambda row: bool(row["suspect"]))
        return passes

    def _list(self, include: str, order: str) -> list[Row]:
        return [
            {
                "row_id": row["row_id"],
                "text": self.texts[self.at[row["row_id"]]],
                "true": said(row["gold"]),
                "predicted": said(row["predicted"]),
                "confidence": row["confidence"],
                "loss": row["loss"],
                "right": row["gold"] == row["predicted"],
                "suspect": row["row_id"] in self.suspects and self.suspects[row["row_id"]].likely,
            }
            for row in errors(self._predictions, include=include)  # type: ignore[arg-type]
        ]

    def face(self, listed: list[Row]) -> str:
        rows = [
            [(row["text"] or f"row {row['row_id']}")[:160], row["true"], row["predicted"], f"{row['loss']:.2f}"]
            for row in listed
        ]
        return table(["text", "true", "predicted", "loss"], rows, numbers={3})
