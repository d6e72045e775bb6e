"""Filters of a query as marks over the rows, a million of them in the time of a key press.

Searching is left to RE2 (through pyarrow), also for plain text: folding the case while it reads, it was faster than lowering
the texts first and needs no second copy of them; no pattern can make it take more than linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from labkit.data._arrays import Marks, as_text, bits, is_list, is_text
from labkit.data._order import Positions
from labkit.data._query import Query, literal
from labkit.data._store import Store
from labkit.errors import LabError, UnknownName, quoted

Look: TypeAlias = Callable[[Any], Marks]

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": np.equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_ARROW: dict[str, Callable[[Any, Any], Any]] = {
    "=": pc.equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_FOLDS_INTO_ASCII = frozenset("\u017f\u212a")  # long s and the sign of kelvin


def filters(store: Store, query: Query) -> dict[str, Marks]:
    """The rows that pass each filter of a query: "search", "labels", "splits", "length", "rows" and "where …" for each
    column with conditions; those that the query does not use are absent.

    Raises:
        UnknownName: a column, label or split that the table does not have.
        LabError: a regular expression that RE2 cannot read; a comparison that the column does not allow.
    """
    found: dict[str, Marks] = {}
    if query.search:
        columns = tuple(store.known(name) for name in query.columns or store.texts)
        searched = ("search", query.pattern, query.case, columns)
        found["search"] = store.kept.get(searched, lambda: _search(store, query, columns))
    if query.labels:
        for label in query.labels:
            if label and label not in store.labels:
                raise UnknownName("label of this table", label, store.labels)
        wanted = set(query.labels)
        codes = store.label_codes()
        table = [not wanted.isdisjoint(labels) for labels in codes.values]
        found["labels"] = np.array([*table, "" in wanted], dtype=np.bool_)[codes.of]  # -1, no label, is the last
    if query.splits:
        found["splits"] = np.zeros(store.count, dtype=np.bool_)
        for split in query.splits:
            if split not in store.splits:
                raise UnknownName("split of this table", split, store.splits)
            at = store.splits.index(split)
            found["splits"][store.starts[at] : store.starts[at + 1]] = True
    if query.length != (None, None):
        shortest, longest = query.length
        lengths = store.lengths()
        found["length"] = lengths >= (shortest or 0)
        if longest is not None:
            found["length"] &= lengths <= longest
    if query.rows is not None:
        rows = query.rows
        found["rows"] = store.kept.get(("rows", rows), lambda: having_ids(store, rows))
    for condition in query.where:
        column, operator, value = condition
        store.known(column, virtual=True)
        # the value as it is written: 1 and True are equal as keys
        key = ("where", column, operator, repr(value), query.case)
        marks = store.kept.get(key, partial(_where, store, *condition, case=query.case))
        facet = f"where {column}"
        found[facet] = found[facet] & marks if facet in found else marks
    return found


def having_ids(store: Store, row_ids: Any) -> Marks:
    """The rows with one of some ids."""
    wanted = pa.array(row_ids, pa.string())
    return store.scan(
        "row_id", lambda chunk: bits(pc.is_in(as_text(chunk), value_set=wanted.cast(as_text(chunk).type)))
    )


# --- search ---------------------------------------------------------------------------------------------------------


def _search(store: Store, query: Query, columns: tuple[str, ...]) -> Marks:
    pattern = query.pattern
    if query.regex:
        require_regex(pattern)
    look = _finder(pattern, case=query.case) if query.regex else _text_finder(query.search, case=query.case)
    found = np.zeros(store.count, dtype=np.bool_)
    if not query.regex and not query.case and _folds(query.search):
        first = _finder(re.sub("[A-Za-z]", lambda one: f"[{one[0].lower()}{one[0].upper()}]", pattern), case=True)
        for name in columns:
            found |= store.scan(name, lambda chunk: _any(chunk, first))
            odd = _odd_rows(store, name)
            found[odd] |= _any(store.take(name, odd), look)
        return found
    for name in columns:
        found |= store.scan(name, lambda chunk: _any(chunk, look))
    return found


def _folds(text: str) -> bool:
    """Whether characters beyond ASCII fold into letters of an ASCII text: with these, RE2 takes twice as long."""
    return text.isascii() and "\0" not in text and bool(re.search("[sk]", text, re.IGNORECASE))


def _odd_rows(store: Store, name: str) -> Positions:
    """The few rows that have such characters."""

    def make() -> Positions:
        look = _finder(f"[{''.join(_FOLDS_INTO_ASCII)}]", case=True)
        return np.flatnonzero(store.scan(name, lambda chunk: _any(chunk, look))).astype(np.int32)

    return store.kept.get(("odd", name), make)


def _beyond_ascii(text: str) -> bool:
    """Whether only a text with characters beyond ASCII can hold this one."""
    return any(ord(character) > 127 and character not in _FOLDS_INTO_ASCII for character in text)


def _finder(pattern: str, *, case: bool) -> Look:
    return lambda chunk: bits(pc.match_substring_regex(chunk, pattern, ignore_case=not case))


def _text_finder(text: str, *, case: bool) -> Look:
    full = _finder(literal(text), case=case)
    if not _beyond_ascii(text):
        return full

    def look(chunk: Any) -> Marks:
        # most rows of most languages written in Latin letters need not be read again
        plain = bits(pc.string_is_ascii(chunk))
        if not len(chunk) or plain.mean() <= 0.5:
            return full(chunk)
        found = np.zeros(len(chunk), dtype=np.bool_)
        some = np.flatnonzero(~plain)
        found[some] = full(chunk.take(pa.array(some)))
        return found

    return look


def _any(chunk: Any, look: Look) -> Marks:
    """Whether a cell passes, or one of the items of a list."""
    if not is_list(chunk.type):
        return look(as_text(chunk))
    found = np.zeros(len(chunk), dtype=np.bool_)
    rows = pc.list_parent_indices(chunk).to_numpy(zero_copy_only=False)
    found[rows[look(as_text(chunk.flatten()))]] = True
    return found


def require_regex(pattern: str) -> None:
    """Raise unless RE2 can read a pattern.

    Raises:
        LabError: it says why, and where.
    """
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
        return
    except pa.ArrowInvalid as error:
        reason, _, part = str(error).partition(": ")[2].partition(": ")
    at = pattern.find(part) if part and part != pattern else -1
    try:
        re.compile(pattern)
    except re.error as error:  # RE2 does not say where
        at = at if at > 0 or error.pos is None else error.pos
    do = "mend it, or search for plain text"
    if part.startswith(("(?=", "(?!", "(?<")) or re.fullmatch(r"\\[1-9]", part):
        do = "look-around and back-references are not available: with them some patterns would take for ever"
    where = f" at position {at}" if at >= 0 else ""
    raise LabError("a regular expression of RE2", f"{pattern[:80]!r} ({reason}{where})", do)


# --- conditions -----------------------------------------------------------------------------------------------------


def _where(store: Store, column: str, operator: str, value: Any, *, case: bool) -> Marks:
    if operator == "!=":
        return ~_where(store, column, "=", value, case=case)
    if operator == "missing":
        if column in store.virtual:
            numbers = None if column == "split" else store.numbers(column)
            missing = np.zeros(store.count, dtype=np.bool_) if numbers is None else numbers.missing
            return missing if value else ~missing
        return store.scan(column, lambda chunk: bits(chunk.is_null()) == value)
    if operator == "in":
        kind = store.kind(column)
        texts = [item for item in value if isinstance(item, str)] if is_text(kind) or is_list(kind) else []
        found = np.zeros(store.count, dtype=np.bool_)
        if texts and column != "split":
            wanted = pa.array(texts, pa.string())
            look = _of_kind(lambda cells: pc.is_in(cells, value_set=wanted.cast(cells.type)))
            found |= store.scan(column, lambda chunk: _any(chunk, look))
        else:
            texts = []
        for item in value:
            if item not in texts:
                found |= _where(store, column, "=", item, case=case)
        return found
    if operator == "contains":
        look = _text_finder(value, case=case)
        if column == "split":
            return _of_splits(store, look(pa.array(store.splits, pa.string())))
        if column in store.virtual:
            raise LabError("a column of text for 'contains'", f"{column!r}, which is a number", "use <, = or >")
        return store.scan(column, lambda chunk: _any(chunk, look))
    if column == "split":
        return _of_splits(store, bits(_ARROW[operator](pa.array(store.splits, pa.string()), str(value))))
    return _compare(store, column, operator, value)


def _compare(store: Store, column: str, operator: str, value: Any) -> Marks:
    kind = store.kind(column)
    several, numeric = is_list(kind), not (is_text(kind) or is_list(kind) or pa.types.is_boolean(kind))
    number = _number(value)
    # "=" with a string is about what the cell says ("007"), everything else with a number in it about its value
    if numeric or type(value) in (int, float) or (operator != "=" and number is not None):
        numbers = store.numbers(column)
        if numbers is not None and number is not None:
            marks: Marks = _COMPARE[operator](numbers.of, number) & ~numbers.missing
            return marks
        if numbers is not None:
            raise LabError(f"a number to compare {column!r} with", repr(value)[:60], "write one such as 3 or 0.5")
        if not isinstance(value, str | bool):
            some = store.take(column, np.arange(min(store.count, 3), dtype=np.int32)).to_pylist()
            came = f"one with other values, such as {quoted(map(str, some))}"
            do = "compare it with a string"
            raise LabError(f"a column of numbers to compare {column!r} with {value!r}", came, do)
    if several and operator != "=":
        raise LabError(f"'=', 'contains', 'in' or 'missing' for the lists of {column!r}", repr(operator))
    text = str(value).lower() if isinstance(value, bool) else value
    return store.scan(column, lambda chunk: _any(chunk, _of_kind(lambda cells: _ARROW[operator](cells, text))))


def _of_kind(look: Callable[[Any], Any]) -> Look:
    return lambda cells: bits(look(cells))


def _of_splits(store: Store, marks: Marks) -> Marks:
    return np.repeat(marks, np.diff(store.starts))


def _number(value: Any) -> int | float | None:
    if isinstance(value, int | float):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return None
