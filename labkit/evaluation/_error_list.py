"""A list of errors that a notebook shows as a table."""

from __future__ import annotations

import html as markup
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

_CELL = "padding:4px 14px 4px 0;border-bottom:1px solid rgba(128,128,128,.25);text-align:left;vertical-align:top"

Error = TypeVar("Error")


class ErrorList(Sequence[Error], Generic[Error]):
    """Errors in an order, with a table of them as the face in a notebook.

    A subclass names the columns and gives the cells of an error.
    """

    kinds: ClassVar[tuple[str, ...]] = ()
    """Kinds of errors, where errors have a ``kind``."""
    style: ClassVar[str] = ""
    """Of every cell, beside the usual one."""

    def __init__(self, errors: Sequence[Error]) -> None:
        self._errors = tuple(errors)

    @overload
    def __getitem__(self, at: int) -> Error: ...
    @overload
    def __getitem__(self, at: slice) -> Self: ...
    def __getitem__(self, at: int | slice) -> Error | Self:
        return self._some(self._errors[at]) if isinstance(at, slice) else self._errors[at]

    def __len__(self) -> int:
        return len(self._errors)

    @property
    def counts(self) -> dict[str, int]:
        """Kind → number of errors, in the order of the kinds."""
        found = Counter(getattr(error, "kind", "") for error in self._errors)
        return {kind: found[kind] for kind in self.kinds if found[kind]}

    def __repr__(self) -> str:
        return "\n".join(str(error) for error in self._errors) or "No errors."

    def _repr_html_(self) -> str:
        if not self._errors:
            return "<p>No errors.</p>"
        head = "".join(f'<th style="{_CELL}">{markup.escape(name)}</th>' for name in self._headings())
        cell = f"{_CELL};{self.style}" if self.style else _CELL
        rows = "".join(
            "<tr>" + "".join(f'<td style="{cell}">{part}</td>' for part in self._cells(error)) + "</tr>"
            for error in self._errors
        )
        return f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'

    def _some(self, errors: Sequence[Error]) -> Self:
        return type(self)(errors)

    @abstractmethod
    def _headings(self) -> Sequence[str]:
        """Names of the columns."""

    @abstractmethod
    def _cells(self, error: Any) -> Sequence[str]:
        """The cells of an error, as HTML in which everything is escaped."""


def kind_html(kind: str) -> str:
    """A kind of error, on one line."""
    return f'<span style="white-space:nowrap">{markup.escape(kind)}</span>'


def around_html(text: str, start: int, end: int, inner: str, characters: int) -> str:
    """A stretch of a text among some characters before and behind it.

    Args:
        text: of a row.
        start, end: of the stretch.
        inner: HTML that stands for it.
        characters: how many are shown on each side.
    """
    first, last = max(0, start - characters), min(len(text), end + characters)
    before = ("…" if first else "") + text[first:start]
    after = text[end:last] + ("…" if last < len(text) else "")
    return f"{markup.escape(before)}{inner}{markup.escape(after)}"
