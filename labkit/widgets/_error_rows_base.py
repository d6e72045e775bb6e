"""What every error list knows about the rows of one split of a run, whatever a row is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from labkit.errors import LabError, UnknownName
from labkit.evaluation import slice_rows
from labkit.widgets._run_rows import RunRows, whole_texts

INCLUDE = ("wrong", "unsure", "all")
ORDERS = ("errors", "confidence", "accuracy")
NO_COLUMNS = ("row_id", "text", "text_pair", "label", "spans", "words")
"""What is no column to slice by, or to show beside a text."""

Row = dict[str, Any]


class ErrorRows(ABC):
    """What is known about the rows of one split, worked out once.

    Attributes:
        at: row id → position.
        texts: of each row; None where it is gone.
        view: what a row is, and so how it is shown.
        filters: what the list can be filtered by.
        kinds: of errors, where the list can be filtered by them.
        names: kind of rows → what it is called on a button.
        called: kind of rows → what those are called in a sentence.
        stored: whether the texts are those that the predictions have kept, and not those of the data.
        hidden: columns of the data that are part of the row itself.
    """

    view: ClassVar[str]
    filters: ClassVar[tuple[str, ...]] = ("slice", "search", "rows")
    kinds: ClassVar[tuple[str, ...]] = ()
    names: ClassVar[Mapping[str, str]] = {"wrong": "Wrong", "unsure": "Unsure", "all": "All"}
    called: ClassVar[Mapping[str, str]] = {"wrong": "wrong rows", "unsure": "right rows", "all": "rows"}
    stored: ClassVar[bool] = True
    hidden: ClassVar[tuple[str, ...]] = NO_COLUMNS

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
        if not self.stored or not self._of.note:
            return self._of.note
        if self._of.corpus is None:
            return "The run's data cannot be read: the texts are those that the run has stored."
        return "The data has changed since this run: the texts are those that the run has stored."

    @property
    def columns(self) -> list[str]:
        """Columns to slice by."""
        if not self._columns:
            return []
        return ["length", *(name for name in self._columns if name not in (*self.hidden, "length"))]

    @property
    @abstractmethod
    def measure(self) -> str:
        """What the rows are ordered by."""

    @property
    @abstractmethod
    def orders(self) -> Mapping[str, str]:
        """Order of the list → how it is said; the first is the usual one."""

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
            passes.append(lambda row: words in self.searched(row).casefold())
        return [row for row in self.listed(include, order) if all(one(row) for one in passes)]

    def choices(self) -> Row:
        """What can be chosen, and how many rows there are of each kind."""
        return {
            "slices": {name: list(self.slices(name)) for name in self.columns},
            "counts": {name: len(self.listed(name)) for name in INCLUDE},
            "names": dict(self.names),
            "called": dict(self.called),
            "measure": self.measure,
            "orders": [[value, said[0].upper() + said[1:]] for value, said in self.orders.items()],
            "labels": [],
            "kinds": {},
            "suspects": 0,
            "multi_label": False,
        }

    def ordered(self, include: str, order: str) -> str:
        """How the rows of a kind are ordered, in words."""
        return "least sure first" if include == "unsure" else self.orders[order]

    def searched(self, row: Row) -> str:
        """What a search looks through."""
        return str(row["text"] or row["row_id"])

    def compared(self, columns: Mapping[str, list[Any]], n: int) -> list[str | None]:
        """What is embedded of n training rows to find those that are like a row of the list."""
        return list(columns.get("text") or [None] * n)

    @property
    def own_compared(self) -> list[str | None]:
        """What is embedded of the rows themselves."""
        return self.texts

    def beside(self, columns: Mapping[str, list[Any]], i: int) -> Row:
        """What is shown of a training row beside its text and its label."""
        return {}

    @abstractmethod
    def face(self, listed: list[Row]) -> str:
        """Some rows as an HTML table in which everything is escaped."""

    def detail(self, row_id: str) -> Row:
        """Everything about one row."""
        columns = self._of.columns(self._split, [row_id])
        others = {name: values[0] for name, values in columns.items() if name not in self.hidden}
        shown = {name: str(value) for name, value in others.items() if value not in (None, "")}
        return {"row_id": row_id, "text": self.texts[self.at[row_id]], "columns": shown}

    @abstractmethod
    def _list(self, include: str, order: str) -> list[Row]:
        """Rows of one kind, in order."""

    def _check(self, given: Mapping[str, Any]) -> None:
        """Refuse values of filters that do not exist, besides those that every list has."""
        if "kind" in given and given["kind"] not in self.kinds:
            raise UnknownName("kind of error", str(given["kind"]), self.kinds)

    def _passes(self, filters: Mapping[str, Any], include: str) -> list[Callable[[Row], bool]]:
        """What the filters ask for, besides those that every list has."""
        return []


def number(value: Any) -> float | None:
    """A figure that JSON can hold; None where there is none."""
    return float(value) if np.isfinite(value) else None
