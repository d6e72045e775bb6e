"""The rows of a model that writes a text from a text in an error list: translations, summaries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from labkit.errors import LabError
from labkit.evaluation import TITLES
from labkit.tasks import TextPredictions
from labkit.widgets._error_rows_base import NO_COLUMNS, ErrorRows, Row, number
from labkit.widgets._run_rows import RunRows
from labkit.widgets._span_faces import html_table
from labkit.widgets._text_faces import differences_html, text_html


class PairRows(ErrorRows):
    """Texts whose true counterpart is known, by what the task judges a row by. Texts are those that the run saw."""

    view = "pairs"
    names: ClassVar[Mapping[str, str]] = {"wrong": "Different", "unsure": "Exact", "all": "All"}
    called: ClassVar[Mapping[str, str]] = {
        "wrong": "rows not written like their reference",
        "unsure": "rows written exactly",
        "all": "rows",
    }
    hidden = (*NO_COLUMNS, "target")

    def __init__(self, of: RunRows, split: str) -> None:
        found: TextPredictions = of.run.predictions(split)
        if not len(found.known):
            raise LabError(f"true texts in the {split} rows", "none", "choose a split with targets")
        self._predictions = found.take(found.known)
        super().__init__(of, split, list(self._predictions.row_ids))
        self.texts = list(self._predictions.inputs)
        self._references = [text or "" for text in self._predictions.references or ()]
        self._scores = self._predictions.row_scores()
        self._worst = "lowest" if self._scores.higher else "highest"

    @property
    def measure(self) -> str:
        return TITLES[self._scores.name]

    @property
    def orders(self) -> Mapping[str, str]:
        return {"errors": f"{self._worst} {self.measure} first", "confidence": "surest first"}

    @property
    def predictions(self) -> TextPredictions:
        return self._predictions

    def detail(self, row_id: str) -> Row:
        """The row with its three texts and every figure of it."""
        i = self.at[row_id]
        p = self._predictions
        return {
            **super().detail(row_id),
            "target": self._references[i],
            "predicted": p.predicted[i],
            "confidence": number(p.confidence[i]),
            "right": bool(self._scores.right[i]),
            "words": [len(text.split()) for text in (self.texts[i] or "", self._references[i], p.predicted[i])],
            "figures": figures(p.row_figures(i)),
        }

    def searched(self, row: Row) -> str:
        return f"{row['text']}\n{row['target']}\n{row['predicted']}"

    def beside(self, columns: Mapping[str, list[Any]], i: int) -> Row:
        return {"target": columns["target"][i] if "target" in columns else None}

    def face(self, listed: list[Row]) -> str:
        rows = [
            [shown(row["score"]), text_html(row["text"]), *differences_html(row["target"], row["predicted"])]
            for row in listed
        ]
        return html_table([self.measure, "source", "should be", "written"], rows)

    def _row(self, i: int) -> Row:
        return {
            "row_id": self.ids[i],
            "text": self.texts[i],
            "target": self._references[i],
            "predicted": self._predictions.predicted[i],
            "score": number(self._scores.values[i]),
            "confidence": number(self._predictions.confidence[i]),
            "right": bool(self._scores.right[i]),
        }

    def _list(self, include: str, order: str) -> list[Row]:
        def sure(row: Row) -> float:
            return -1.0 if row["confidence"] is None else float(row["confidence"])

        every = [self._row(i) for i in self._scores.worst_first().tolist()]
        wrong = [row for row in every if not row["right"]]
        if order == "confidence":
            wrong.sort(key=lambda row: -sure(row))
        right = sorted((row for row in every if row["right"]), key=sure)
        return {"wrong": wrong, "unsure": right, "all": [*wrong, *right]}[include]


def figures(values: Mapping[str, float]) -> list[Row]:
    """Figures of a row for a list: "name" as reports call it, "value" as it is written."""
    return [
        {"name": TITLES.get(name, name), "value": shown(value)}
        for name, value in values.items()
        if math.isfinite(value)
    ]


def shown(value: float | None) -> str:
    """A figure of a row: so many digits as matter."""
    if value is None or not math.isfinite(value):
        return "–"
    if abs(value) >= 1e5:
        return f"{value:.1e}"
    return f"{value:,.2f}" if abs(value) < 10 else f"{value:,.1f}"
