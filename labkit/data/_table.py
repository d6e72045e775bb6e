"""``Table``: all rows of a corpus as one table that is searched, filtered, sorted and paged without loading it.

Made for a million rows: nothing is copied but numbers, a filter is one scan of a column, and a page of a sorted table is
selected instead of sorting everything.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from labkit.data._arrays import Marks
from labkit.data._check import Tokenizer
from labkit.data._corpus import Corpus
from labkit.data._filters import filters, having_ids
from labkit.data._order import Level, Positions, place, stretch, whole
from labkit.data._query import Query
from labkit.data._report import Lengths
from labkit.data._store import RATIO, Kept, Store
from labkit.data._tokens import tokens_of
from labkit.errors import LabError

CUT = 500
"""Characters of a text that ``View.page`` gives; ``Table.row`` gives all of them."""

_VIEWS = 8  # views that are kept
_BLOCK = 1000  # rows of an order that are selected at a time: several pages
_BLOCKS = 8  # of them that a view keeps
_BINS = 20
_MENU = 50

Values = tuple[tuple[Any, int], ...]
"""Values of a column with the number of rows of each, the most frequent first; None for rows without a value."""


@dataclass(frozen=True, kw_only=True)
class Facets:
    """What could be chosen, counted: each facet over the rows that pass all filters but its own.

    Attributes:
        labels: label → rows; "" for rows without a label.
        splits: split → rows.
        lengths: of the texts, in characters.
        columns: column → its most frequent values.
    """

    labels: Mapping[str, int]
    splits: Mapping[str, int]
    lengths: Lengths
    columns: Mapping[str, Values] = field(default_factory=dict)


class Table:
    """All rows of a corpus, split after split; a row is addressed by its position, 0 to ``len(table) - 1``.

    Attributes:
        columns: names of the columns of a page, "split" and "length" (characters of the texts) included, and of pairs
            "length_ratio" (characters of the target for each of the source). A column of the source that has the name of one of
            the table's own is called "… (source)".
        texts: names of the columns with the texts, which a search goes through.
        splits: names of the splits.
        labels: every label that a row has, in natural order.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._store = Store(corpus)
        self._views = Kept(_VIEWS, lambda view: 1)
        self.splits = self._store.splits
        first = [
            name for name in ("row_id", "split", *self._store.texts, "label") if name in ("split", *self._store.names)
        ]
        self.texts = self._store.texts
        self.columns = (*first, *self._store.virtual[1:], *(name for name in self._store.names if name not in first))

    def __len__(self) -> int:
        return self._store.count

    def __repr__(self) -> str:
        return f"Table({len(self):,} rows: {', '.join(self.columns)})"

    @property
    def labels(self) -> tuple[str, ...]:
        return self._store.labels

    def view(self, query: Query | None = None) -> View:
        """The rows that pass a query, in its order. The latest views are kept.

        Raises:
            UnknownName: the query names a column, label or split that the table does not have.
            LabError: an invalid regular expression, a comparison or an order that a column does not allow.
        """
        query = query or Query()
        return self._views.get(query, lambda: View(self._store, query))

    def facets(self, query: Query | None = None, *, bins: int = _BINS, columns: Iterable[str] = ()) -> Facets:
        """What there is to choose beside what was chosen: each facet counted under all other filters of the query.

        Args:
            query: the filters.
            bins: of the lengths.
            columns: columns whose values are wanted, too.

        Raises:
            UnknownName, LabError: as ``view``.
        """
        found = filters(self._store, query or Query())

        def rows(facet: str) -> Marks | None:
            return _all(marks for name, marks in found.items() if name != facet)

        return Facets(
            labels=_label_totals(self._store, rows("labels")),
            splits=_split_totals(self._store, rows("splits")),
            lengths=_lengths(self._store, rows("length"), bins),
            columns={name: _values(self._store, name, rows(f"where {name}"), _MENU) for name in columns},
        )

    def row(self, position: int) -> dict[str, Any]:
        """A row, its texts uncut; keys as in ``View.page``.

        Raises:
            LabError: there is no such position.
        """
        self._require(position)
        return _rows(self._store, np.array([position], dtype=np.int32), None)[0]

    def positions_of(self, row_ids: Iterable[str]) -> Positions:
        """Positions of the rows with some ids, in the order of the ids.

        An id that several rows have (copies that ``balance`` made) gives all of them, one that no row has gives none.
        """
        wanted = {row_id: i for i, row_id in reversed(list(enumerate(row_ids)))}
        if not wanted:
            return np.zeros(0, dtype=np.int32)
        found = np.flatnonzero(having_ids(self._store, list(wanted))).astype(np.int32)
        asked = [wanted[row_id] for row_id in self._store.take("row_id", found).to_pylist()]
        return found[np.argsort(np.array(asked, dtype=np.int64), kind="stable")]

    def row_ids(self, positions: Positions) -> list[str]:
        """Ids of the rows at some positions."""
        found: list[str] = self._store.take("row_id", np.asarray(positions, dtype=np.int32)).to_pylist()
        return found

    def tokens(self, position: int, tokenizer: Tokenizer, max_length: int) -> list[dict[str, Any]]:
        """What a tokenizer makes of a row.

        Args:
            position: of the row.
            tokenizer: one of transformers.
            max_length: tokens to which the model's input is cut, special ones included.

        Returns:
            A dictionary a token: ``token`` as the vocabulary has it; ``column``, the text that it is from ("" for special
            tokens); ``start`` and ``end``, its characters in that text, None where the tokenizer is a slow one, which
            does not know; ``unknown``, not in the vocabulary; ``special``, put in by the tokenizer; ``beyond``, cut off, None
            where a slow tokenizer cut a pair. Of very long texts the first 50,000 characters are looked at.

        Raises:
            LabError: there is no such position, or no room for a token.
        """
        self._require(position)
        at = np.array([position], dtype=np.int32)
        texts = {name: self._store.take(name, at)[0].as_py() or "" for name in self._store.texts}
        if self._store.layout == "pairs":  # an encoder reads the source, and a decoder writes the target
            return [token for name, text in texts.items() for token in tokens_of({name: text}, tokenizer, max_length)]
        return tokens_of(texts, tokenizer, max_length)

    def _require(self, position: int) -> None:
        if not 0 <= position < len(self):
            raise LabError(f"a position from 0 to {len(self) - 1:,}", f"{position:,}", "take one from a page")


class View:
    """The rows of a table that pass a query, in its order; ``Table.view`` makes it.

    Attributes:
        query: what was asked.
        count: rows that pass.
    """

    def __init__(self, store: Store, query: Query) -> None:
        self.query = query
        self._store = store
        self._marks = _all(filters(store, query).values())
        every = np.arange(store.count, dtype=np.int32)
        self._rows: Positions = every if self._marks is None else every[self._marks]
        self.count = len(self._rows)
        for name, _ in query.sort:
            store.known(name, virtual=True)
        self._blocks = Kept(_BLOCKS, lambda rows: 1)
        self._whole: Positions | None = None if query.sort else self._rows
        if query.sort:
            self._stretch(0, min(_BLOCK, self.count))  # an order that is not possible says so now

    def __len__(self) -> int:
        return self.count

    @property
    def positions(self) -> Positions:
        """Positions in the table of all rows, in order; int32. The first call of a sorted view sorts everything."""
        if self._whole is None:
            self._whole = whole(self._rows, self._levels())
        return self._whole

    def page(self, offset: int = 0, size: int = 100) -> list[dict[str, Any]]:
        """Some rows, as plain values that JSON can hold.

        Args:
            offset: rows of the view to pass over.
            size: most rows to give.

        Returns:
            A dictionary a row with its ``position``, the table's columns, and ``cut``: names of the columns of which only
            the first ``CUT`` characters are given.

        Raises:
            LabError: a negative number.
        """
        if offset < 0 or size < 0:
            raise LabError("an offset and a size of at least 0", f"{offset} and {size}")
        return _rows(self._store, self._stretch(offset, min(offset + size, self.count)), CUT)

    def row_ids(self, limit: int | None = 10_000) -> list[str]:
        """Ids of the first rows, in order; None: of all."""
        rows = self._stretch(0, self.count if limit is None else min(limit, self.count))
        found: list[str] = self._store.take("row_id", rows).to_pylist()
        return found

    def where_is(self, row_id: str) -> int | None:
        """How many rows of the view stand before a row; None where it is not in the view."""
        found = np.flatnonzero(having_ids(self._store, [row_id]))
        inside = found if self._marks is None else found[self._marks[found]]
        if not len(inside):
            return None
        if not self.query.sort:
            return int(np.searchsorted(self._rows, inside[0]))
        return place(self._rows, self._levels(), int(inside[0]))

    def balance(self) -> dict[str, dict[str, int]]:
        """Label → split → rows of the view; "" for rows without a label. A row counts for each of its labels."""
        store, rows = self._store, self._rows
        codes, splits = store.label_codes(), len(store.splits)
        cells = (codes.of[rows].astype(np.int64) + 1) * splits + store.split_of(rows)
        counts = np.bincount(cells, minlength=(len(codes.values) + 1) * splits).reshape(-1, splits)
        found = {label: np.zeros(splits, dtype=np.int64) for label in (*store.labels, "")}
        for labels, own in zip([("",), *codes.values], counts, strict=True):
            for label in labels:
                found[label] += own
        return {label: dict(zip(store.splits, own.tolist(), strict=True)) for label, own in found.items()}

    def lengths(self, bins: int = _BINS) -> Lengths:
        """Characters of the texts of the view's rows. The bins are those of the whole table, whatever the filters."""
        return _lengths(self._store, self._marks, bins)

    def values(self, column: str, limit: int = _MENU) -> Values:
        """The most frequent values of a column in the view.

        Raises:
            UnknownName: there is no such column.
        """
        return _values(self._store, column, self._marks, limit)

    def _levels(self) -> list[Level]:
        return [
            level
            for name, direction in self.query.sort
            for level in self._store.levels(name, descending=direction == "descending")
        ]

    def _stretch(self, start: int, stop: int) -> Positions:
        if self._whole is not None or stop - start > _BLOCK:
            return self.positions[start:stop]
        parts = []
        for block in range(start // _BLOCK, max(start, stop - 1) // _BLOCK + 1):
            first = block * _BLOCK
            own = self._blocks.get(block, partial(self._block, first))
            parts.append(own[max(0, start - first) : max(0, stop - first)])
        return np.concatenate(parts)

    def _block(self, first: int) -> Positions:
        return stretch(self._rows, self._levels(), first, first + _BLOCK)


# --- counting -------------------------------------------------------------------------------------------------------


def _all(marks: Iterable[Marks]) -> Marks | None:
    """Rows that have every mark; None for all rows."""
    found: Marks | None = None
    for own in marks:
        found = own if found is None else found & own
    return found


def _of(numbers: npt.NDArray[Any], marks: Marks | None) -> npt.NDArray[Any]:
    return numbers if marks is None else numbers[marks]


def _label_totals(store: Store, marks: Marks | None) -> dict[str, int]:
    codes = store.label_codes()
    counts = np.bincount(_of(codes.of, marks) + 1, minlength=len(codes.values) + 1)
    found = dict.fromkeys((*store.labels, ""), 0)
    for labels, own in zip([("",), *codes.values], counts.tolist(), strict=True):
        for label in labels:
            found[label] += own
    return found


def _split_totals(store: Store, marks: Marks | None) -> dict[str, int]:
    limits = zip(store.splits, store.starts[:-1], store.starts[1:], strict=True)
    return {name: int(end - start if marks is None else marks[start:end].sum()) for name, start, end in limits}


def _lengths(store: Store, marks: Marks | None, bins: int) -> Lengths:
    if bins < 1:
        raise LabError("at least 1 bin", str(bins))
    lengths = store.lengths()
    # the longest percent would stretch the scale until the rest is one bar
    top = store.kept.get("top", lambda: np.array(_quantiles(np.bincount(lengths), 0.99)))
    width = max(1, math.ceil((float(top[0]) + 1) / bins))
    counts = np.bincount(_of(lengths, marks), minlength=1)  # rows of each length: everything else follows from it
    median, p95 = _quantiles(counts, 0.5, 0.95)
    every = np.arange(len(counts))
    own = np.bincount(np.minimum(every // width, bins - 1), weights=counts, minlength=bins)
    return Lengths(
        mean=float((every * counts).sum() / max(1, counts.sum())),
        median=median,
        p95=p95,
        max=len(counts) - 1,
        edges=tuple(float(width * i) for i in range(bins + 1)),
        counts=tuple(own.astype(np.int64).tolist()),
    )


def _quantiles(counts: npt.NDArray[np.int64], *shares: float) -> list[float]:
    """Quantiles of counted numbers, between two of them as numpy has it; 0 of nothing."""
    below = np.cumsum(counts)
    last = int(below[-1]) - 1 if len(below) else -1
    found = []
    for share in shares:
        at = share * max(0, last)
        low, high = np.searchsorted(below, [math.floor(at), math.ceil(at)], side="right") if last >= 0 else (0, 0)
        found.append(float(low + (high - low) * (at - math.floor(at))))
    return found


def _values(store: Store, column: str, marks: Marks | None, limit: int) -> Values:
    store.known(column, virtual=True)
    counted: list[tuple[Any, int]]
    if column == "label":
        counted = [(label or None, count) for label, count in _label_totals(store, marks).items() if count]
    elif (codes := store.coded(column)) is not None:
        counts = np.bincount(_of(codes.of, marks) + 1, minlength=len(codes.values) + 1).tolist()
        counted = [(value, count) for value, count in zip((None, *codes.values), counts, strict=True) if count]
    else:
        if column in store.virtual:
            numbers = store.numbers(column)
            assert numbers is not None
            values, counts = np.unique(_of(numbers.of, marks)[~_of(numbers.missing, marks)], return_counts=True)
            first = np.argsort(-counts, kind="stable")[:limit]
            return tuple((values[i].item(), int(counts[i])) for i in first)
        every = np.arange(store.count, dtype=np.int32)
        cells = store.take(column, _of(every, marks))
        try:
            found = pc.value_counts(cells)
        except NotImplementedError as error:  # Arrow cannot compare lists
            raise LabError(f"single values in {column!r} to count", f"{cells.type}", "choose another column") from error
        first = np.argsort(-found.field("counts").to_numpy(), kind="stable")[:limit]
        counted = [(_plain(found.field("values")[i].as_py()), found.field("counts")[i].as_py()) for i in first]
    return tuple(sorted(counted, key=lambda one: -one[1])[:limit])


# --- rows as plain values -------------------------------------------------------------------------------------------


def _rows(store: Store, positions: Positions, cut: int | None) -> list[dict[str, Any]]:
    columns = {name: store.take(name, positions).to_pylist() for name in store.names}
    splits = store.split_of(positions)
    found = []
    for i, position in enumerate(positions.tolist()):
        row = {"position": position, "split": store.splits[splits[i]], "length": 0}
        lengths = [len(columns[name][i] or "") for name in store.texts]
        row["length"] = sum(lengths)
        if RATIO in store.virtual:
            row[RATIO] = round(lengths[1] / lengths[0], 3) if all(lengths) else None
        shortened = []
        for name, values in columns.items():
            value = _plain(values[i])
            if cut is not None and isinstance(value, list | dict) and name != "label":
                written = json.dumps(value, ensure_ascii=False)
                value = written if len(written) > cut else value
            if cut is not None and isinstance(value, str) and len(value) > cut and name not in ("row_id", "label"):
                value = value[:cut]
                shortened.append(name)
            row[name] = value
        found.append({**row, "cut": shortened})
    return found


def _plain(value: Any) -> Any:
    """A value that JSON can hold."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
