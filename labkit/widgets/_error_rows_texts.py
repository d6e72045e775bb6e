"""The rows of a language model in an error list: texts that it foresees badly, and what it writes behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from labkit.errors import LabError
from labkit.evaluation import TITLES
from labkit.tasks import LanguagePredictions
from labkit.widgets._error_rows_base import NO_COLUMNS, ErrorRows, Row, number
from labkit.widgets._error_rows_pairs import figures, shown
from labkit.widgets._run_rows import RunRows
from labkit.widgets._span_faces import html_table
from labkit.widgets._text_faces import differences_html, text_html


class TextRows(ErrorRows):
    """Texts with tokens to foresee, by perplexity. Texts are those that the run saw.

    A row is right where every token was foreseen, which is rare.
    """

    view = "texts"
    filters = (*ErrorRows.filters, "written")
    names: ClassVar[Mapping[str, str]] = {"wrong": "Misses", "unsure": "No misses", "all": "All"}
    called: ClassVar[Mapping[str, str]] = {
        "wrong": "rows with tokens not foreseen",
        "unsure": "rows foreseen token by token",
        "all": "rows",
    }
    hidden = (*NO_COLUMNS, "target", "messages")

    def __init__(self, of: RunRows, split: str) -> None:
        found: LanguagePredictions = of.run.predictions(split)
        at = np.flatnonzero(found.tokens > 0)
        if not len(at):
            raise LabError(f"tokens to foresee in the {split} rows", "none", "choose a split with texts")
        self._predictions = found.take(at)
        super().__init__(of, split, list(self._predictions.row_ids))
        self.texts = list(self._predictions.inputs)
        self._scores = self._predictions.row_scores()

    @property
    def measure(self) -> str:
        return TITLES[self._scores.name].lower()

    @property
    def orders(self) -> Mapping[str, str]:
        return {
            "errors": f"highest {self.measure} first",
            "accuracy": f"lowest {TITLES['token_accuracy'].lower()} first",
        }

    @property
    def predictions(self) -> LanguagePredictions:
        return self._predictions

    def ordered(self, include: str, order: str) -> str:
        return self.orders[order]

    def choices(self) -> Row:
        written = sum(text is not None for text in self._predictions.predicted)
        return {**super().choices(), "written": written}

    def detail(self, row_id: str) -> Row:
        """The row with what was written behind it, what should have been, and every figure of it."""
        i = self.at[row_id]
        p = self._predictions
        return {
            **super().detail(row_id),
            "target": p.references[i],
            "predicted": p.predicted[i],
            "tokens": int(p.tokens[i]),
            "hits": int(p.hits[i]),
            "right": bool(self._scores.right[i]),
            "figures": figures(p.row_figures(i)),
        }

    def searched(self, row: Row) -> str:
        i = self.at[row["row_id"]]
        return "\n".join([row["text"], self._predictions.references[i] or "", self._predictions.predicted[i] or ""])

    def beside(self, columns: Mapping[str, list[Any]], i: int) -> Row:
        return {"target": columns["target"][i] if "target" in columns else None}

    def face(self, listed: list[Row]) -> str:
        headings, rows = (
            [self.measure, "text"],
            [[shown(row["score"]), text_html(row["text"])] for row in listed],
        )
        at = [self.at[row["row_id"]] for row in listed]
        said, wanted = ([texts[i] for i in at] for texts in (self._predictions.predicted, self._predictions.references))
        if any(text is not None for text in (*said, *wanted)):
            headings += ["should be", "written"]
            for cells, one, other in zip(rows, said, wanted, strict=True):
                if one is not None and other is not None:
                    cells += differences_html(other, one)
                else:
                    cells += ["" if text is None else text_html(text) for text in (other, one)]
        return html_table(headings, rows)

    def _row(self, i: int) -> Row:
        p = self._predictions
        return {
            "row_id": self.ids[i],
            "text": self.texts[i],
            "score": number(self._scores.values[i]),
            "accuracy": float(p.hits[i] / p.tokens[i]),
            "tokens": int(p.tokens[i]),
            "written": p.predicted[i] is not None,
            "right": bool(self._scores.right[i]),
        }

    def _passes(self, filters: Mapping[str, Any], include: str) -> list[Callable[[Row], bool]]:
        return [lambda row: bool(row["written"])] if "written" in filters else []

    def _list(self, include: str, order: str) -> list[Row]:
        rows = [self._row(i) for i in self._scores.worst_first().tolist()]
        if order == "accuracy":
            rows.sort(key=lambda row: row["accuracy"])
        wanted = {"wrong": (False,), "unsure": (True,), "all": (False, True)}[include]
        return [row for row in rows if row["right"] in wanted]
