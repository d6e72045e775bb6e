"""What a labeler shows: the example, those that follow, pages of the queue, and how its browser views hear of changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from labkit.widgets._decisions import MODES
from labkit.widgets._labelling import Labelling
from labkit.widgets._suggestions import Suggestions
from labkit.widgets._widget import LabWidget, command, shown

_LINE = 300  # characters of a text in the table
_HISTORY = 10
_AHEAD = 40
_SIZE = 1_000_000  # characters of the examples that are sent ahead


class LabelView(LabWidget):
    """The part of ``Labeler`` that looks and decides nothing."""

    work: Labelling
    suggestions: Suggestions
    _speaks = ""  # the browser view whose call is being answered
    _did = False  # whether it has changed something
    _at = 0  # place in the queue of the example that is shown

    labels = traitlets.List(traitlets.Unicode(), help="Names to choose from, in the order of their keys.").tag(
        sync=True
    )
    mode = traitlets.Enum(MODES, "single", help="One label, several labels, spans, answers, or a text.").tag(sync=True)
    target = traitlets.Unicode("", help="In mode 'text': what is edited, in a word.").tag(sync=True)
    view = traitlets.Enum(("one", "table"), "one", help="One example at a time, or a table.").tag(sync=True)
    guidelines = traitlets.Unicode("", help="Text of the guidelines.").tag(sync=True)
    place = traitlets.Unicode("", help="Path of the journal.").tag(sync=True)
    queues: Any = traitlets.List(help="Queues to choose from: pairs of value and title.").tag(sync=True)
    queue_name = traitlets.Unicode("file", help="The queue's name; 'selection' for given rows.").tag(sync=True)
    suggests = traitlets.Bool(False, help="Whether there are suggestions.").tag(sync=True)
    changed = traitlets.Int(0, help="Counts what Python changed; views that are told look again.").tag(sync=True)
    thought = traitlets.Int(0, help="Counts batches of new suggestions.").tag(sync=True)

    queue = traitlets.Any(None, help="The queue: a name, or row ids.")
    current = traitlets.Unicode("", help="Id of the row to be decided on; empty where none is left.")
    progress = traitlets.Dict(help="done, total, per_hour, left (seconds).")

    # -- looking --------------------------------------------------------------------------------------------------------------

    @command
    def look(self) -> dict[str, Any]:
        """The current example, those that follow, the latest decisions and the progress."""
        with self.lock:
            self._follow()
            example = self.example
            after = [] if example is None else self.upcoming(example["place"], have=[example["row_id"]])
            if example is not None:
                self._ask([example])
            return {"example": example, "upcoming": after, "history": self.history(), "progress": self.progress}

    @command
    def upcoming(self, after: int, n: int = _AHEAD, have: Sequence[str] = ()) -> list[dict[str, Any]]:
        """The next examples without a decision.

        Args:
            after: a place in the queue.
            n: how many; fewer where they are very long.
            have: ids of rows that are not wanted.
        """
        with self.lock:
            self._follow()
            known = set(have)
            rows = [row for row in self.work.open_ids(after + 1, n + len(known)) if row not in known]
            found, size = [], 0
            for row in rows[:n]:
                found.append(self.work.example(row))
                size += len(json.dumps(found[-1], ensure_ascii=False))
                if size > _SIZE:
                    break
            return self._ask(found)

    @command
    def go(self, row_id: str) -> dict[str, Any]:
        """Show a row, whether it is in the queue or decided on already.

        Raises:
            LabError: no such row.
        """
        with self.lock:
            place = self.work.order.place(self.work.position(row_id))
            self._at = place if place >= 0 else self._at
            self.current = row_id
            self._tell()
            return self.look()

    @command
    def step(self, by: int = 1, row_id: str | None = None) -> dict[str, Any]:
        """Show the next (or with -1 the previous) row of the queue, decided on or not.

        Args:
            by: how many rows further.
            row_id: from which row; the current one when None.
        """
        with self.lock:
            order = self.work.order
            if not len(order):
                return self.look()
            place = order.place(self.work.position(row_id)) if row_id else self._at
            place = min(max((place if place >= 0 else self._at) + by, 0), len(order) - 1)
            return self.go(self.work.id_at(place))

    @command
    def whole(self, row_id: str) -> str:
        """The complete text of a row; in mode "answers" its context."""
        return self.work.text(row_id)

    @command
    def suggest(self, row_ids: Sequence[str]) -> dict[str, Any]:
        """The suggestions for some rows, as far as they are there."""
        return {row: self.work.suggestion(row) for row in row_ids}

    @command
    def page(self, offset: int = 0, size: int = 25, undecided: bool = False) -> dict[str, Any]:
        """Rows of the queue for the table.

        Args:
            offset: rows to pass over.
            size: most rows to give.
            undecided: only rows without a decision.

        Returns:
            ``rows``, ``count`` of all, and ``offset``, which is smaller where there are no more so many rows.
        """
        with self.lock:
            self._follow()
            order = self.work.order
            places = np.flatnonzero(~order.done) if undecided else np.arange(len(order))
            offset = max(0, min(offset, (len(places) - 1) // size * size))
            ids = [self.work.id_at(int(place)) for place in places[offset : offset + size]]
            rows = self._ask([self.work.example(row, _LINE) for row in ids])
            return {"rows": rows, "count": len(places), "offset": offset}

    @command
    def choose(self, queue: str) -> dict[str, Any]:
        """Take another queue, as by setting ``queue``."""
        self.queue = queue
        return self.look()

    @command
    def history(self, n: int = _HISTORY) -> list[dict[str, Any]]:
        """This person's latest decisions in force, the last one first; what was done at one stroke is one entry."""
        return self.work.history(n)

    @property
    def example(self) -> dict[str, Any] | None:
        """What is shown of the current row."""
        return self.work.example(self.current) if self.current else None

    # -- telling the browser ------------------------------------------------------------------------------------------

    def answer(self, name: Any, arguments: Any) -> dict[str, Any]:
        """As ``LabWidget.answer``. All views hear the answer, and where one of them changed something, it says which."""
        arguments = dict(arguments or {})
        with self.lock:
            self._speaks, self._did = str(arguments.pop("view", "")), False
            try:
                answer = super().answer(name, arguments)
                return {**answer, "by": self._speaks} if self._did else answer
            finally:
                self._speaks = ""

    def _follow(self) -> None:
        self.work.follow()
        self.progress = self.work.progress

    def _tell(self) -> None:
        """Tell the views that something changed; the answer to a view's call tells the others."""
        self._did = True
        if not self._speaks:
            self.changed += 1

    def _ask(self, examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Have the model asked about examples of which it has not spoken yet."""
        if self.suggestions.asks:
            self.suggestions.want([self.work.item(e["row_id"]) for e in examples if not e["suggestion"]])
        return examples

    @shown
    def _thought(self) -> None:
        self.thought += 1

    @shown
    def _silent(self, error: Exception) -> None:
        raise error

    def _arrive(self, place: int) -> None:
        """Go to the first row without a decision from a place on."""
        self.current = next(iter(self.work.open_ids(place, 1)), "")
        self._at = self.work.order.place(self.work.position(self.current)) if self.current else self._at
