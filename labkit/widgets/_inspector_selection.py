"""Selected rows of a widget that shows a table: a mark for each row, whatever the view, and a trait to observe and to set."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import traitlets
from traitlets import observe

from labkit.data import Finding, Query, Table, View
from labkit.errors import LabError, UnknownName
from labkit.widgets._widget import LabWidget, command

SELECTION_LIMIT = 1_000
"""Row ids that ``selection`` lists; a larger selection stays in Python."""

_HOW = ("only", "add", "remove", "toggle")


class RowSelection(LabWidget):
    """The part of a widget that selects rows. The rest gives ``table``, ``view`` and what stands under "given" below."""

    selection = traitlets.List(traitlets.Unicode(), help="Ids of the selected rows; [] where they are over 1,000.").tag(
        sync=True
    )
    selected = traitlets.Int(0, help="Number of selected rows.").tag(sync=True)
    revision = traitlets.Int(0, help="Changes when rows that were given out may no longer hold.").tag(sync=True)
    filters = traitlets.Dict(help="Filters in force, see filter.").tag(sync=True)

    table: Table

    def __init__(self, **traits: Any) -> None:
        self._marks: npt.NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self._selected_by: dict[str, Any] | None = None  # filters by which all rows were selected
        self._busy = False  # while a method sets several traits, of which none must answer to the others
        super().__init__(**traits)

    # -- given ----------------------------------------------------------------------------------------------------------------

    @property
    def view(self) -> View:
        """The rows that pass the filters."""
        raise NotImplementedError

    def _page(self, offset: int, size: int) -> list[dict[str, Any]]:
        raise NotImplementedError

    def _query(self, filters: Any, sort: Any) -> Query:
        raise NotImplementedError

    def _kept(self, filters: Any) -> dict[str, Any]:
        raise NotImplementedError

    def _finding(self, name: str) -> Finding:
        raise NotImplementedError

    # -- selection ------------------------------------------------------------------------------------------------------------

    @command
    def select(self, row_ids: list[str], how: str = "only") -> None:
        """Select rows by their ids.

        Args:
            row_ids: of any rows, in view or not.
            how: "only" these, or "add", "remove" or "toggle" them.

        Raises:
            LabError: an id that no row has.
        """
        if how not in _HOW:
            raise UnknownName("way to select", how, _HOW)
        positions = self.table.positions_of(row_ids)
        missing = set(row_ids).difference(self.table.row_ids(positions))
        if missing:
            raise LabError("ids of rows of this data", repr(min(missing))[:80], "take them from the column row_id")
        marks = self._marks & (how != "only")
        marks[positions] = ~marks[positions] if how == "toggle" else how != "remove"
        self._mark(marks)

    @command
    def select_range(self, first: int, last: int, how: str = "only") -> None:
        """Select a stretch of the rows in view, from one place to another, both included."""
        if how not in ("only", "add"):
            raise UnknownName("way to select a range", how, ("only", "add"))
        low, high = sorted((max(0, first), max(0, last)))
        marks = self._marks & (how != "only")
        if high - low < SELECTION_LIMIT:
            marks[[row["position"] for row in self._page(low, high - low + 1)]] = True
        else:
            marks[self.view.positions[low : high + 1]] = True
        self._mark(marks)

    @command
    def select_all(self, filters: dict[str, Any] | None = None) -> None:
        """Select all rows in view; or all rows that pass some filters, which are not set."""
        chosen = self.filters if filters is None else self._kept(filters)
        marks = self._marks & False
        marks[self.table.view(self._query(chosen, [])).positions] = True
        self._mark(marks, chosen)

    @command
    def select_none(self) -> None:
        """Select no row."""
        self._mark(self._marks & False)

    def select_finding(self, name: str) -> None:
        """Select the rows of a finding (at most 10,000), by its name or a part of it that no other finding has.

        Raises:
            UnknownName: there is no such finding.
        """
        self.select(list(self._finding(name).row_ids))

    def selected_ids(self) -> list[str]:
        """Ids of all selected rows, in the order of the files."""
        return self.table.row_ids(self._marks.nonzero()[0].astype(np.int32))

    @observe("selection")
    def _selection_set(self, change: Any) -> None:
        if not self._busy:
            self.select(list(change["new"]))

    def _mark(self, marks: npt.NDArray[np.bool_], by: dict[str, Any] | None = None) -> None:
        count = int(marks.sum())
        with self._at_once():
            # the rows of a large selection carry their marks themselves
            self.revision += max(count, self.selected) > SELECTION_LIMIT
            self._marks, self._selected_by = marks, by
            self.selected = count
            self.selection = self.selected_ids() if count <= SELECTION_LIMIT else []
        self.refresh_code()

    @contextlib.contextmanager
    def _at_once(self) -> Iterator[None]:
        """Set several traits that belong together."""
        outer, self._busy = self._busy, True
        try:
            with self.lock, self.hold_sync():
                yield
        finally:
            self._busy = outer
