"""What a layout is: the part of reading, checking and repairing that depends on what a row stands for.

Sources, formats, row ids, splits and Arrow files are the same for all layouts. A layout is an object in the mapping of
``_layouts``; while a source is read, it has a ``Shape`` of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from labkit.data._columns import Choice, Profile
from labkit.data._files.formats import Batch, Row, Source


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What the rows of all sources together show."""

    labels: Sequence[str]
    multi_label: bool
    scores: bool = False


class Shape(Protocol):
    """One source in a layout: what its rows become. All rows are seen before any becomes cells."""

    def see(self, row: Row, line: int) -> None:
        """Look at a row.

        Raises:
            DataError: a cell of it cannot be used.
        """

    def fields(self) -> list[tuple[str, Any]]:
        """Name and Arrow type of the columns between ``row_id`` and those that are kept as they are."""

    def cells(self, row: Row, line: int) -> list[Any]:
        """The row in these columns."""

    def notes(self, file: str, rows: int) -> list[str]:
        """What to say about the rows when all were seen."""


class Layout(Protocol):
    """What a row is."""

    own: tuple[str, ...]
    """Names that no other column of the corpus may have."""
    refused: Mapping[str, str]
    """Name of a repair that cannot be made here → the one to make instead, or "" where there is none."""
    advice: str
    """What to do where there is no repair to make instead."""
    undecided: tuple[str, ...]
    """Fields about which a label journal may hold no decisions."""

    def batches(self, source: Source, notes: list[str]) -> Iterator[Batch]:
        """The rows of a source, taken out of whatever is wrapped around them."""

    def choose(
        self,
        columns: Mapping[str, Profile],
        file: str,
        *,
        text: str,
        text_pair: str,
        label: tuple[str, ...],
        separator: str,
        multi_label: bool | None,
        id: str,
        require_label: bool,
    ) -> Choice:
        """Decide on the columns; whatever is given is taken, the rest is detected.

        Raises:
            UnknownName: a given column does not exist.
            DataError: no column fits, or several fit equally well.
        """

    def shape(self, source: Source, choice: Choice) -> Shape:
        """A source before its first row."""

    def settle(self, shapes: Mapping[str, Any], choice: Choice, *, require_label: bool) -> Settled:
        """Make the sources agree, once all rows were seen.

        Args:
            shapes: split → what ``shape`` made.

        Raises:
            DataError: there are no labels though they are required, or the sources do not fit together.
        """

    def learned(self, shapes: Mapping[str, Any]) -> list[str]:
        """What to say when all rows were written."""
