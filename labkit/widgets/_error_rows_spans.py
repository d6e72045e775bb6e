"""The rows of a tagger in an error list."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

from labkit.errors import LabError, UnknownName
from labkit.evaluation import ERROR_KINDS, SpanError, span_errors
from labkit.tasks import SpanPredictions
from labkit.widgets._error_rows_base import ErrorRows, Row
from labkit.widgets._run_rows import RunRows
from labkit.widgets._span_faces import html_table, marked_html


class SpanRows(ErrorRows):
    """Rows of a tagger whose true spans are known. Texts are those that the run saw: its spans count characters of them."""

    view = "spans"
    kinds = ERROR_KINDS
    filters = ("kind", "type", *ErrorRows.filters)

    def __init__(self, of: RunRows, split: str) -> None:
        found = of.run.predictions(split)
        if found.gold is None or all(spans is None for spans in found.gold):
            raise LabError(f"true spans in the {split} rows", "none", "choose a split with labels")
        self._predictions: SpanPredictions = found.take([i for i, spans in enumerate(found.gold) if spans is not None])
        super().__init__(of, split, list(self._predictions.row_ids))
        self.texts = list(self._predictions.texts)
        self.errors: dict[str, list[SpanError]] = {row_id: [] for row_id in self.ids}
        for error in span_errors(self._predictions):
            self.errors[error.row_id].append(error)
        assert self._predictions.gold is not None
        self.gold = [sorted(set(spans or ())) for spans in self._predictions.gold]
        self.said = [
            sorted(dict(zip(*both, strict=True)).items())
            for both in zip(self._predictions.predicted, self._predictions.confidence, strict=True)
        ]
        seen = {span.label for spans in self.gold for span in spans}
        self.types = [*self._predictions.labels, *sorted(seen.difference(self._predictions.labels))]
        self.summary = {row_id: self._sum_up(i, row_id) for i, row_id in enumerate(self.ids)}

    @property
    def measure(self) -> str:
        return "errors"

    @property
    def orders(self) -> Mapping[str, str]:
        return {"errors": "most errors first", "confidence": "surest errors first"}

    @property
    def predictions(self) -> Any:
        return self._predictions

    def choices(self) -> Row:
        counted = dict.fromkeys(ERROR_KINDS, 0)
        for found in self.errors.values():
            for error in found:
                counted[error.kind] += 1
        return {
            **super().choices(),
            "labels": self.types,
            "kinds": counted,
        }

    def detail(self, row_id: str) -> Row:
        at = self.at[row_id]
        found = self.errors[row_id]
        wrong = {error.gold: error.kind for error in found if error.gold}
        off = {error.predicted: error.kind for error in found if error.predicted}
        return {
            **super().detail(row_id),
            "true": [{**span._asdict(), "error": wrong.get(span, "")} for span in self.gold[at]],
            "predicted": [
                {**span._asdict(), "confidence": sure, "error": off.get(span, "")} for span, sure in self.said[at]
            ],
            "errors": [
                {
                    "kind": error.kind,
                    "true": error.gold and error.gold._asdict(),
                    "predicted": error.predicted and error.predicted._asdict(),
                    "confidence": error.confidence if error.predicted else None,
                }
                for error in sorted(found, key=lambda error: error.gold or error.predicted or ())
            ],
        }

    def _sum_up(self, at: int, row_id: str) -> Row:
        found = self.errors[row_id]
        kinds = {kind: sum(error.kind == kind for error in found) for kind in ERROR_KINDS}
        sure = [sure for _, sure in self.said[at]]
        return {
            "row_id": row_id,
            "text": self.texts[at],
            "errors": len(found),
            "kinds": {kind: n for kind, n in kinds.items() if n},
            "entities": len(self.gold[at]),
            # of the surest mistake, or of the least sure entity of a row without mistakes
            "confidence": max(error.confidence for error in found) if found else min(sure, default=None),
            "right": not found,
        }

    def _check(self, given: Mapping[str, Any]) -> None:
        super()._check(given)
        if "type" in given and given["type"] not in self.types:
            raise UnknownName("type of entity", str(given["type"]), self.types)

    def _passes(self, filters: Mapping[str, Any], include: str) -> list[Callable[[Row], bool]]:
        kind, label = filters.get("kind"), filters.get("type")

        def wrongly(row: Row) -> bool:
            return any(
                kind in (None, error.kind)
                and (label is None or label in {span.label for span in (error.gold, error.predicted) if span})
                for error in self.errors[row["row_id"]]
            )

        def holds(row: Row) -> bool:
            at = self.at[row["row_id"]]
            return label in {span.label for span in (*self.gold[at], *(span for span, _ in self.said[at]))}

        if kind is None and label is None:
            return []
        return [wrongly if kind is not None or include == "wrong" else holds]

    def _list(self, include: str, order: str) -> list[Row]:
        wrong = [row for row in self.summary.values() if not row["right"]]
        right = [row for row in self.summary.values() if row["right"]]
        keys = ("errors", "confidence") if order == "errors" else ("confidence", "errors")
        wrong.sort(key=lambda row: tuple(-row[key] for key in keys))
        right.sort(key=lambda row: 2.0 if row["confidence"] is None else row["confidence"])
        return {"wrong": wrong, "unsure": right, "all": [*wrong, *right]}[include]

    def beside(self, columns: Mapping[str, list[Any]], i: int) -> Row:
        return {"spans": columns["spans"][i] or []} if "spans" in columns else {}

    def face(self, listed: list[Row]) -> str:
        rows = []
        for row in listed:
            one = self.detail(row["row_id"])
            kinds = ", ".join(f"{n} {kind}" for kind, n in row["kinds"].items())
            both = [marked_html(row["text"], one[part], self.types) for part in ("true", "predicted")]
            rows.append([html.escape(kinds) or "none", *both])
        return html_table(["errors", "true", "predicted"], rows)
