"""The rows behind an error list, split by split: of a classifier, or of a tagger."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from labkit.errors import LabError, UnknownName
from labkit.evaluation import ERROR_KINDS, SpanError, Suspect, errors, slice_rows, span_errors, suspects
from labkit.tasks import Predictions, SpanPredictions
from labkit.widgets._run_rows import CELL_KEYS, RunRows, checked, layout_of, marked, of_classes, said, whole_texts

INCLUDE = ("wrong", "unsure", "all")
ORDERS = ("errors", "confidence")
NO_COLUMNS = ("row_id", "text", "text_pair", "label", "spans", "words")
"""What is no column to slice by, or to show beside a text."""

_BARS = 12  # probabilities that are shown of many classes
Row = dict[str, Any]


class ErrorRows(ABC):
    """What is known about the rows of one split, worked out once.

    Attributes:
        at: row id → position.
        texts: of each row; None where it is gone.
        filters: what the list can be filtered by.
    """

    filters: ClassVar[tuple[str, ...]] = ("slice", "search", "rows")

    def __init__(self, of: RunRows, split: str, ids: list[str]) -> None:
        self._of, self._split = of, split
        self.ids = ids
        self.at = {row_id: i for i, row_id in enumerate(ids)}
        self._columns = of.columns(split, ids)
        self.texts: list[str | None] = whole_texts(self._columns, len(ids))
        self._listed: dict[tuple[str, str], list[Row]] = {}
        self._slices: dict[str, dict[str, list[str]]] = {}

    @property
    def note(self) -> str:
        """What to know about the texts."""
        return self._of.note

    @property
    def columns(self) -> list[str]:
        """Columns to slice by."""
        if not self._columns:
            return []
        return ["length", *(name for name in self._columns if name not in (*NO_COLUMNS, "length"))]

    @property
    @abstractmethod
    def predictions(self) -> Any:
        """Those of the rows, aligned with them."""

    def slices(self, column: str) -> dict[str, list[str]]:
        """Slice → row ids."""
        if column not in self.columns:
            raise UnknownName("column to slice by", column, self.columns)
        if column not in self._slices:
            texts = {"text": [text or "" for text in self.texts]}
            self._slices[column] = slice_rows(self.predictions, {**self._columns, **texts}, column)
        return self._slices[column]

    def listed(self, include: str, order: str = "errors") -> list[Row]:
        """Rows of one kind, in order."""
        if (include, order) not in self._listed:
            self._listed[include, order] = self._list(include, order)
        return self._listed[include, order]

    def checked(self, filters: Mapping[str, Any]) -> Row:
        """Filters without the empty ones.

        Raises:
            UnknownName: a filter, or a value of one, that does not exist.
        """
        given = {name: v for name, v in filters.items() if v is not None and v not in ("", False, [], ())}
        for name in given:
            if name not in self.filters:
                raise UnknownName("filter of the error list", name, self.filters)
        self._check(given)
        if "slice" in given:
            if isinstance(given["slice"], str) or len(given["slice"]) != 2:
                raise LabError("a slice as [column, value]", repr(given["slice"])[:80])
            column, value = map(str, given["slice"])
            if value not in (slices := self.slices(column)):
                raise UnknownName(f"slice by {column}", value, slices)
            given["slice"] = [column, value]
        if "rows" in given:
            given["rows"] = [str(row_id) for row_id in given["rows"]]
        return given

    def passing(self, include: str, order: str, filters: Mapping[str, Any]) -> list[Row]:
        """The rows of one kind that pass the filters."""
        passes = self._passes(filters, include)
        if "slice" in filters:
            among = set(self.slices(filters["slice"][0])[filters["slice"][1]])
            passes.append(lambda row: row["row_id"] in among)
        if "rows" in filters:
            wanted = set(filters["rows"])
            passes.append(lambda row: row["row_id"] in wanted)
        if "search" in filters:
            words = str(filters["search"]).casefold()
            passes.append(lambda row: words in (row["text"] or row["row_id"]).casefold())
        return [row for row in self.listed(include, order) if all(one(row) for one in passes)]

    def choices(self) -> Row:
        """What can be chosen, and how many rows there are of each kind."""
        return {
            "slices": {name: list(self.slices(name)) for name in self.columns},
            "counts": {name: len(self.listed(name)) for name in INCLUDE},
        }

    def detail(self, row_id: str) -> Row:
        """Everything about one row."""
        columns = self._of.columns(self._split, [row_id])
        others = {name: values[0] for name, values in columns.items() if name not in NO_COLUMNS}
        shown = {name: str(value) for name, value in others.items() if value not in (None, "")}
        return {"row_id": row_id, "text": self.texts[self.at[row_id]], "columns": shown}

    @abstractmethod
    def _list(self, include: str, order: str) -> list[Row]: ...

    @abstractmethod
    def _check(self, given: Mapping[str, Any]) -> None: ...

    @abstractmethod
    def _passes(self, filters: Mapping[str, Any], include: str) -> list[Callable[[Row], bool]]: ...


def error_rows(of: RunRows, split: str) -> ErrorRows:
    """The rows of a split of a run.

    Raises:
        LabError: the run is of a task whose errors are not shown, or no row of the split has a known truth.
        UnknownName: the run has no predictions of the split.
    """
    return SpanRows(of, split) if layout_of(of.run) == "spans" else LabelRows(of, split)


class LabelRows(ErrorRows):
    """Rows of a classifier, by falling loss."""

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
    def predictions(self) -> Predictions:
        return self._predictions

    def choices(self) -> Row:
        return {
            **super().choices(),
            "labels": list(self._predictions.labels),
            "suspects": sum(suspect.likely for suspect in self.suspects.values()),
            "multi_label": self._predictions.multi_label,
            "kinds": {},
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


class SpanRows(ErrorRows):
    """Rows of a tagger whose true spans are known. Texts are those that the run saw: its spans count characters of them."""

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
    def predictions(self) -> Any:
        return self._predictions

    @property
    def note(self) -> str:
        if not self._of.note:
            return ""
        if self._of.corpus is None:
            return "The run's data cannot be read: the texts are those that the run has stored."
        return "The data has changed since this run: the texts are those that the run has stored."

    def choices(self) -> Row:
        counted = dict.fromkeys(ERROR_KINDS, 0)
        for found in self.errors.values():
            for error in found:
                counted[error.kind] += 1
        return {
            **super().choices(),
            "labels": self.types,
            "suspects": 0,
            "multi_label": False,
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
        for name, what, known in (("kind", "kind of error", ERROR_KINDS), ("type", "type of entity", self.types)):
            if name in given and given[name] not in known:
                raise UnknownName(what, str(given[name]), known)

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
