"""The columns of a corpus, all splits one after another, as arrays that can be scanned a million rows at a time.

Texts stay where they are, in the memory-mapped files: a scan goes through them chunk by chunk, on every core, since Arrow's
kernels let go of the interpreter. Only numbers are kept (a length, a code, a key, a mark for a row), up to ``KEPT_BYTES``.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labkit.data._arrays import (
    Marks,
    array,
    as_numbers,
    as_text,
    bits,
    can_be,
    chunks_of,
    identity,
    is_list,
    is_sortable,
    is_text,
    joined_codes,
    some_of,
    word,
)
from labkit.data._corpus import CANONICAL, Corpus
from labkit.data._layouts.multi import natural
from labkit.data._order import Keys, Level, Positions
from labkit.data._scan import as_labels, text_columns
from labkit.errors import LabError, UnknownName

RATIO = "length_ratio"
"""Column of pairs: characters of the target for each of the source."""

KEPT_BYTES = 160_000_000
_FEW = 1000  # different values up to which a column is coded
_WORDS = 8  # keys of 8 bytes that are compared before whole strings are
_THREADS = 8

_Made = TypeVar("_Made")


class Kept:
    """Results that were expensive to make, the latest used ones of them; safe to use from several threads.

    Args:
        size: how much to keep.
        weigh: how much of that something takes.
    """

    def __init__(self, size: int, weigh: Callable[[Any], int]) -> None:
        self._size, self._weigh = size, weigh
        self._things: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.RLock()

    def get(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """What ``make`` made, the last time or now."""
        with self._lock:
            if key not in self._things:
                self._things[key] = make()
            self._things.move_to_end(key)
            thing: _Made = self._things[key]
            while len(self._things) > 1 and sum(map(self._weigh, self._things.values())) > self._size:
                self._things.popitem(last=False)
            return thing


@dataclass(frozen=True, kw_only=True, eq=False)
class Codes:
    """A column with few different values.

    Attributes:
        of: index into ``values`` for each row, -1 where it has none.
        values: the values in the order in which they sort; tuples of labels for the column "label".
    """

    of: npt.NDArray[np.int32]
    values: tuple[Any, ...]

    @property
    def nbytes(self) -> int:
        """Memory taken by the numbers."""
        return int(self.of.nbytes)


@dataclass(frozen=True, kw_only=True, eq=False)
class Numbers:
    """A column of numbers: int64, or float64 with NaN (0 in integers) where ``missing`` is set."""

    of: npt.NDArray[Any]
    missing: Marks

    @property
    def nbytes(self) -> int:
        """Memory taken by the numbers."""
        return int(self.of.nbytes + self.missing.nbytes)


class Store:
    """The columns of a corpus.

    Attributes:
        count: rows of all splits.
        splits: names of the splits, in order.
        starts: position at which each split starts, and the number of rows at the end.
        layout: of the corpus.
        texts: the columns with the texts.
        virtual: columns that the sources do not have: split and length, and of pairs length_ratio.
        names: the columns: row_id, the texts, label, then those of the source. One that has the name of a column of the table
            itself is called "… (source)".
        labels: every label, in natural order.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.splits = tuple(corpus.splits)
        self.starts = np.concatenate([[0], np.cumsum([len(rows) for rows in corpus.splits.values()])]).astype(np.int64)
        self.count = int(self.starts[-1])
        self.kept = Kept(KEPT_BYTES, lambda thing: int(thing.nbytes))
        self._pool: ThreadPoolExecutor | None = None
        self._known = corpus.labels
        self._scored = corpus.scores
        tables: list[Any] = []  # splits drawn from one file share it
        at: dict[Hashable, int] = {}
        stored = 0
        places = []
        for rows in corpus.splits.values():
            table = rows.data.table
            place = identity(table)
            if place not in at:
                at[place] = stored
                tables.append(table)
                stored += len(table)
            drawn = rows._indices
            own = np.arange(len(table)) if drawn is None else np.asarray(drawn.column(0)).astype(np.int64)
            places.append(own + at[place])
        rows_at = np.concatenate(places) if places else np.zeros(0, dtype=np.int64)
        whole = len(rows_at) == stored and bool((rows_at == np.arange(stored)).all())
        self._rows = None if whole else rows_at
        found = dict.fromkeys(name for table in tables for name in table.column_names)
        self.layout = layout = corpus.config.layout
        self.texts = tuple(
            dict.fromkeys(name for rows in corpus.splits.values() for name in text_columns(rows, layout))
        )
        self.virtual = ("split", "length", RATIO) if layout == "pairs" and len(self.texts) > 1 else ("split", "length")
        canonical = tuple(dict.fromkeys(("row_id", *self.texts, *CANONICAL)))
        own_names = [name for name in canonical if name in found] + [name for name in found if name not in canonical]
        reserved = {*self.virtual, "position", "cut"}
        self._sources = {f"{name} (source)" if name in reserved else name: name for name in own_names}
        self.names = tuple(self._sources)
        self._chunks = {name: chunks_of(tables, source) for name, source in self._sources.items()}
        lengths = [len(chunk) for chunk in next(iter(self._chunks.values()), [])]
        self._limits = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    def known(self, name: str, *, virtual: bool = False) -> str:
        """The name itself.

        Raises:
            UnknownName: there is no such column.
        """
        names = (*self.names, *self.virtual) if virtual else self.names
        if name not in names:
            raise UnknownName("column of this table", name, names)
        return name

    def kind(self, name: str) -> Any:
        """The Arrow type of a column."""
        if name in self.virtual:
            return {"split": pa.string(), "length": pa.int32(), RATIO: pa.float64()}[name]
        return self._chunks[name][0].type if self._chunks[name] else pa.string()

    # --- scans ------------------------------------------------------------------------------------------------------

    def scan(self, name: str, look: Callable[[Any], npt.NDArray[Any]], kind: type = np.bool_) -> npt.NDArray[Any]:
        """One number for each row.

        Args:
            name: a column.
            look: from a chunk of it to an array of that length.
            kind: of the numbers, for a table without rows.
        """
        chunks = self._chunks[name]
        threads = min(_THREADS, _cores(), len(chunks))
        if threads > 1:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(threads, thread_name_prefix="labkit-table")
            parts = list(self._pool.map(look, chunks))
        else:
            parts = [look(chunk) for chunk in chunks]
        found: npt.NDArray[Any] = np.concatenate(parts) if parts else np.zeros(0, dtype=kind)
        return found if self._rows is None else found[self._rows]

    def take(self, name: str, rows: Positions) -> Any:
        """The values of some rows as one Arrow array."""
        stored = rows.astype(np.int64) if self._rows is None else self._rows[rows]
        chunks = self._chunks[name]
        if not len(stored):
            return pa.array([], self.kind(name))
        of = np.searchsorted(self._limits, stored, side="right") - 1
        order = np.argsort(of, kind="stable")
        used, first = np.unique(of[order], return_index=True)
        parts = [
            chunks[chunk].take(pa.array(stored[part] - self._limits[chunk]))
            for chunk, part in zip(used, np.split(order, first[1:]), strict=True)
        ]
        joined = pa.concat_arrays(parts)
        if bool((order[1:] > order[:-1]).all()):
            return joined
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return joined.take(pa.array(back))

    def split_of(self, rows: Positions) -> npt.NDArray[np.int64]:
        """Index of the split of each of some rows."""
        found: npt.NDArray[np.int64] = np.searchsorted(self.starts, rows, side="right") - 1
        return found

    # --- what is kept -----------------------------------------------------------------------------------------------

    def lengths(self) -> npt.NDArray[np.int32]:
        """Characters of each row's text, of both texts of a pair."""

        def make() -> npt.NDArray[np.int32]:
            total = np.zeros(self.count, dtype=np.int32)
            for name in self.texts:
                total += self._characters(name)
            return total

        return self.kept.get("lengths", make)

    def ratios(self) -> Numbers:
        """Of pairs, the characters of the target for each of the source; missing where one of them is empty."""

        def make() -> Numbers:
            source, target = (self._characters(name) for name in self.texts)
            missing = (source == 0) | (target == 0)
            of = np.divide(target, source, out=np.full(self.count, np.nan), where=~missing)
            return Numbers(of=of.round(3), missing=missing)

        return self.kept.get("ratios", make)

    def coded(self, name: str) -> Codes | None:
        """A column as codes; None where too many values differ, or where they are neither strings nor truth values."""
        if name == "split":
            every = np.arange(self.count, dtype=np.int32)
            return self.kept.get(
                ("codes", name), lambda: Codes(of=self.split_of(every).astype(np.int32), values=self.splits)
            )
        if name == "label" and not self._scored:
            return self.label_codes()
        if name in self.virtual:
            return None
        chunks = self._chunks[name]
        plain = bool(chunks) and (pa.types.is_boolean(chunks[0].type) or is_text(chunks[0].type))
        if name in ("row_id", *self.texts) or not plain or len(pc.unique(some_of(chunks))) > _FEW:
            return None

        def make() -> Codes:
            coded = pa.chunked_array([as_text(chunk) for chunk in chunks]).dictionary_encode().unify_dictionaries()
            values = coded.chunk(0).dictionary.to_pylist() if coded.num_chunks else []
            order = sorted(range(len(values)), key=values.__getitem__)
            return Codes(of=self._ranked(coded.chunks, order), values=tuple(values[i] for i in order))

        return self.kept.get(("codes", name), make)

    def label_codes(self) -> Codes:
        """The sets of labels that rows have, each a tuple; -1 for rows without any, be they unlabelled or free of labels."""

        def make() -> Codes:
            chunks = self._chunks.get("label", [])
            if not chunks:
                return Codes(of=np.full(self.count, -1, dtype=np.int32), values=())
            several = is_list(chunks[0].type)
            inner: list[Any] = []
            if several:  # by the numbers of the labels, since a label may hold any character
                flat = pa.chunked_array([chunk.flatten() for chunk in chunks]).dictionary_encode().unify_dictionaries()
                inner = flat.chunk(0).dictionary.to_pylist()
                chunks = [joined_codes(chunk, own.indices) for chunk, own in zip(chunks, flat.chunks, strict=True)]
            coded = pa.chunked_array(chunks).dictionary_encode().unify_dictionaries()
            cells = coded.chunk(0).dictionary.to_pylist()
            if several:
                cells = [[inner[int(i)] for i in cell.split(",") if i] for cell in cells]
            sets = [as_labels(cell) for cell in cells]
            ranks = {label: i for i, label in enumerate(self._in_order({name for one in sets for name in one or ()}))}
            values = sorted({one for one in sets if one}, key=lambda one: [ranks[label] for label in one])
            index = {one: i for i, one in enumerate(values)}
            new = np.array([index.get(one, -1) if one else -1 for one in sets], dtype=np.int32)
            return Codes(of=self._ranked(coded.chunks, None, new), values=tuple(values))

        return self.kept.get("labels", make)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that a row has, in natural order."""
        return self._in_order({label for one in self.label_codes().values for label in one})

    def numbers(self, name: str) -> Numbers | None:
        """A column as numbers, also one of strings that all are numbers; None where that is not so."""
        if name == "length":
            return Numbers(of=self.lengths(), missing=np.zeros(self.count, dtype=np.bool_))
        if name in self.virtual:
            return self.ratios() if name == RATIO else None
        chunks = self._chunks.get(name, [])
        if name in self.texts or (name == "label" and not self._scored) or not chunks:
            return None
        kind = self.kind(name)
        if is_text(kind):
            for number in (pa.int64(), pa.float64()):
                if can_be(some_of(chunks), number):
                    try:
                        return self.kept.get(("numbers", name), partial(self._numbers, name, number))
                    except pa.ArrowInvalid:
                        continue  # the sample did not tell
            return None
        if pa.types.is_integer(kind) and kind != pa.uint64():
            return self.kept.get(("numbers", name), lambda: self._numbers(name, pa.int64()))
        if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or kind == pa.uint64():
            return self.kept.get(("numbers", name), lambda: self._numbers(name, pa.float64()))
        return None

    def levels(self, name: str, *, descending: bool) -> list[Level]:
        """What orders the rows by a column; see ``_order``.

        Raises:
            LabError: the values of the column have no order.
        """
        if (numbers := self.numbers(name)) is not None:
            key = self.kept.get(("order", name, descending), lambda: _number_keys(numbers, descending))
            return _with_missing(numbers.missing, lambda rows: key[rows])
        if (codes := self.coded(name)) is not None:
            last = len(codes.values)
            by_code = np.append(np.arange(last)[::-1] if descending else np.arange(last), last)
            return [lambda rows: by_code[codes.of[rows]]]  # -1, for none, is the last place
        kind = self.kind(name)
        if not is_sortable(kind):
            raise LabError(f"a column with an order, to sort by {name!r}", f"one of {kind}", "sort by another column")
        missing = self.kept.get(("missing", name), lambda: self.scan(name, lambda chunk: bits(chunk.is_null())))

        def scan(depth: int) -> Keys:
            return self.scan(name, lambda chunk: word(as_text(chunk), depth), np.uint64)

        def part(depth: int, rows: Positions) -> Keys:
            if not depth or len(rows) > self.count // 4:  # from there on, taking the rows is slower
                return _turned(self.kept.get(("order", name, depth), partial(scan, depth))[rows], descending)
            return _turned(word(as_text(self.take(name, rows)), depth), descending)

        def rest(rows: Positions) -> Keys:
            ranks = pc.rank(as_text(self.take(name, rows)), tiebreaker="dense")
            return _turned(array(ranks, 0).astype(np.int64), descending)

        return _with_missing(missing, *(partial(part, depth) for depth in range(_WORDS)), rest)

    # --- inner ------------------------------------------------------------------------------------------------------

    def _characters(self, name: str) -> npt.NDArray[np.int32]:
        return self.scan(name, lambda chunk: array(pc.utf8_length(chunk), 0).astype(np.int32), np.int32)

    def _in_order(self, labels: set[str]) -> tuple[str, ...]:
        known = [label for label in self._known if label in labels]
        return (*known, *sorted(labels.difference(known), key=natural))

    def _ranked(self, chunks: Sequence[Any], order: Sequence[int] | None, new: Any = None) -> npt.NDArray[np.int32]:
        if order is not None:
            new = np.empty(len(order), dtype=np.int32)
            new[list(order)] = np.arange(len(order))
        new = np.append(new, -1).astype(np.int32)
        found = np.concatenate([new[array(chunk.indices, -1)] for chunk in chunks] or [new[:0]])
        return found if self._rows is None else found[self._rows]

    def _numbers(self, name: str, kind: Any) -> Numbers:
        def look(chunk: Any) -> npt.NDArray[Any]:
            return array(as_numbers(chunk, kind), 0 if kind == pa.int64() else float("nan"))

        of = self.scan(name, look, np.float64)
        if kind == pa.float64():
            return Numbers(of=of, missing=np.isnan(of))
        return Numbers(of=of, missing=self.scan(name, lambda chunk: bits(as_numbers(chunk, kind).is_null())))


def _turned(keys: Keys, descending: bool) -> Keys:
    return ~keys if descending else keys  # the complement reverses the order of integers without overflow


def _number_keys(numbers: Numbers, descending: bool) -> Keys:
    """Integers that sort as the numbers do."""
    if numbers.of.dtype.kind == "i":
        return _turned(numbers.of, descending)
    # IEEE 754 numbers sort as their bits do, negative ones the other way round; adding 0 makes -0 to 0
    raw = (numbers.of + 0.0).view(np.int64)
    return _turned(np.where(raw < 0, raw ^ np.int64((1 << 63) - 1), raw), descending)


def _with_missing(missing: Marks, *levels: Level) -> list[Level]:
    return [lambda rows: missing[rows].view(np.uint8), *levels] if missing.any() else list(levels)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
