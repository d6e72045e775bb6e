"""What a table of rows is asked for: a search, filters and an order, as plain values that survive a trip through JSON."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from labkit.errors import LabError, UnknownName

OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "contains", "in", "missing")
"""What ``Query.where`` can ask of a column."""

Direction = Literal["ascending", "descending"]

_LISTS = ("columns", "labels", "splits", "rows", "where", "sort")
_SPECIAL = frozenset("\\.+*?()|[]{}^$")


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which rows of a ``Table``, and in which order. A row must pass every filter; an empty one lets all rows pass.

    Raises:
        LabError: a value of the wrong kind, an operator or a direction that does not exist.
    """

    search: str = ""
    """Text to find. Letters fold one to one, as the Unicode Standard's simple case folding has them: "É" finds "é"."""
    regex: bool = False
    """Whether ``search`` is a regular expression of RE2, which takes time linear in the text and knows no look-around."""
    case: bool = False
    """Whether upper and lower case differ, in ``search`` and in "contains"."""
    columns: tuple[str, ...] = ()
    """Columns to search; empty: the texts of a row, be it a text, a pair, a question with its context, a source with its target
    or a prompt with its completion."""
    labels: tuple[str, ...] = ()
    """Rows with any of these labels; "" (or None) stands for rows without a label."""
    splits: tuple[str, ...] = ()
    """Rows of these splits."""
    length: tuple[int | None, int | None] = (None, None)
    """Fewest and most characters, both included, of a row's texts together; None: no limit."""
    rows: tuple[str, ...] | None = None
    """Row ids to choose from, such as those of a finding; None: all rows."""
    where: tuple[tuple[str, str, Any], ...] = ()
    """Conditions (column, operator, value). "=" and its opposite "!=", and "in" a list, compare whole values; the four
    comparisons go by number where every value of the column is one, else by code points; "missing" takes true or false."""
    sort: tuple[tuple[str, Direction], ...] = ()
    """(column, "ascending" or "descending"), the most important first; "length" and "split" are columns, too. Rows without
    a value come last either way, and equal rows stay in file order."""

    def __post_init__(self) -> None:
        for name in _LISTS:
            value = getattr(self, name)
            if value is None and name == "rows":
                continue
            if isinstance(value, str) or not hasattr(value, "__iter__"):
                raise LabError(f"a list as {name!r} of a query", repr(value)[:60], f"write {name}=(…,)")
            object.__setattr__(self, name, tuple(value))
        for name in ("search", "regex", "case"):
            value, kind = getattr(self, name), str if name == "search" else bool
            if not isinstance(value, kind):
                raise LabError(f"{'a string' if kind is str else 'true or false'} as {name!r}", repr(value)[:60])
        object.__setattr__(self, "labels", tuple("" if label is None else label for label in self.labels))
        for name in ("columns", "labels", "splits", "rows"):
            for item in getattr(self, name) or ():
                if not isinstance(item, str):
                    raise LabError(f"strings in {name!r} of a query", repr(item)[:60])
        object.__setattr__(self, "length", _length(self.length))
        object.__setattr__(self, "where", tuple(map(_condition, self.where)))
        object.__setattr__(self, "sort", tuple(map(_key, self.sort)))
        for text in (self.search, *(value for _, _, value in self.where if isinstance(value, str))):
            try:
                text.encode()
            except UnicodeEncodeError as error:
                came = f"half a surrogate pair at position {error.start}"
                raise LabError("whole characters to search for", came, "take that character out") from None

    def replace(self, **changes: Any) -> Query:
        """A copy with other values for some fields."""
        return Query.from_dict({**{one.name: getattr(self, one.name) for one in dataclasses.fields(self)}, **changes})

    def to_dict(self) -> dict[str, Any]:
        """The fields that differ from the defaults, as plain lists, strings and numbers."""
        given = ((one.name, getattr(self, one.name), one.default) for one in dataclasses.fields(self))
        return {name: _plain(value) for name, value, default in given if value != default}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Query:
        """The query that ``to_dict`` wrote.

        Raises:
            UnknownName: a field that queries do not have.
            LabError: a value of the wrong kind.
        """
        if not isinstance(values, Mapping):
            raise LabError("a query as a dictionary", type(values).__name__)
        known = [one.name for one in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise UnknownName("field of a query", name, known)
        return cls(**values)

    @property
    def pattern(self) -> str:
        """``search`` as a regular expression of RE2.

        Text that can be encoded in more ways than one (é as one character, or as e and an accent) is found in each.
        """
        return self.search if self.regex else literal(self.search)


def literal(text: str) -> str:
    """The regular expression of RE2 that finds a text, however its accents are encoded."""
    forms = dict.fromkeys((text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)))
    quoted = ["".join(_quote(character) for character in form) for form in forms]
    return quoted[0] if len(quoted) == 1 else f"(?:{'|'.join(quoted)})"


def _quote(character: str) -> str:
    if character == "\0":
        return r"\x00"
    return f"\\{character}" if character in _SPECIAL else character


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _length(value: Any) -> tuple[int | None, int | None]:
    limits = tuple(value) if isinstance(value, list | tuple) else ()
    if len(limits) != 2 or not all(one is None or (isinstance(one, int) and one >= 0) for one in limits):
        raise LabError("two numbers of characters (or None) as 'length'", repr(value)[:60], "write length=(10, 200)")
    return limits[0], limits[1]


def _condition(value: Any) -> tuple[str, str, Any]:
    if not isinstance(value, list | tuple) or len(value) != 3 or not isinstance(value[0], str):
        raise LabError("conditions (column, operator, value)", repr(value)[:60], 'write where=(("stars", ">", 3),)')
    column, operator, wanted = value
    if operator not in OPERATORS:
        raise UnknownName("operator", operator, OPERATORS)
    kinds = (str, int, float, bool)
    if operator == "in":
        if not isinstance(wanted, list | tuple) or not all(isinstance(item, kinds) for item in wanted):
            raise LabError("a list of strings or numbers for 'in'", repr(wanted)[:60])
        return column, operator, tuple(wanted)
    if operator == "missing":
        wanted = True if wanted is None else wanted
        if not isinstance(wanted, bool):
            raise LabError("true or false for 'missing'", repr(wanted)[:60])
    elif not isinstance(wanted, kinds) or (operator == "contains" and not isinstance(wanted, str)):
        raise LabError(f"a value to compare {column!r} with", repr(wanted)[:60], "use 'missing' for rows without one")
    return column, operator, wanted


def _key(value: Any) -> tuple[str, Direction]:
    if isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str):
        if value[1] == "ascending":
            return value[0], "ascending"
        if value[1] == "descending":
            return value[0], "descending"
        raise UnknownName("direction", value[1], ("ascending", "descending"))
    raise LabError("keys (column, direction) in 'sort'", repr(value)[:60], 'write sort=(("length", "descending"),)')
