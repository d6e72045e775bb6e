"""Labelling: one example at a time or a table, every decision a line of the journal before it counts as saved.

The browser half draws the next example at once and waits for the answer before it shows a decision as saved. It gives each
decision an id, so that one that is sent again, because no answer came, is not written twice.
"""

from __future__ import annotations

import html
import secrets
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import traitlets

from labkit.data import Corpus, Journal, read
from labkit.data._corpus import LayoutName
from labkit.errors import LabError, UnknownName
from labkit.widgets._labelling import (
    Labelling,
    cell_of,
    checked_spans,
    guidelines_of,
    in_words,
    journal_of,
    label_names,
)
from labkit.widgets._queue import Suggestions, choices
from labkit.widgets._widget import LabWidget, command, shown, table

MODES = ("single", "multi", "spans")
_LINE = 300  # characters of a text in the table
_HISTORY = 10
_AHEAD = 40
_DECIDES = ("label", "accept", "skip", "flag", "note", "bulk", "accept_many")


class Labeler(LabWidget):
    """Labels for rows, typed with single keys, in the order of a queue.

    Every decision is a line of the label journal; ``labkit.data.apply`` puts the journal over the data. A fresh kernel finds
    everything again, and goes on at the first row of the queue without a decision.

    Args:
        data: a corpus, or what ``labkit.data.read`` takes.
        journal: path of the label journal; beside the data file when None.
        labels: names to choose from; those of the data and of the journal when None.
        mode: "single" label, "multi" (several labels) or "spans" (labelled stretches of the text), for which the data is read
            with ``layout="spans"``; detected when None.
        suggestions: of a model: predictions, a run or its directory, or a function from texts to predictions (with
            ``pairs=`` for pairs). For spans, a mapping from row ids to lists of spans, or a function from texts to such.
        queue: "file", "random", "unlabelled", "unsure" (the model's least sure rows first), "suspects" (labels that are
            probably wrong), "class:NAME", or row ids such as another widget's selection.
        split: rows of this split only.
        guidelines: text beside the examples, or the path of an ``.md`` or ``.txt`` file.
        who: name of the person; the account's when None.
        columns: further columns to show with each example.
        traits: further traits, such as ``view="table"``.

    Raises:
        LabError: an unknown keyword, mode, queue, column or label; data, journal or suggestions that cannot be read.
    """

    stem: ClassVar[str] = "labeler"
    by_hand: ClassVar[tuple[str, ...]] = ("queue", "view")

    labels = traitlets.List(traitlets.Unicode(), help="Names to choose from, in the order of their keys.").tag(
        sync=True
    )
    mode = traitlets.Enum(MODES, "single", help="One label, several labels, or spans.").tag(sync=True)
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

    def __init__(
        self,
        data: Any,
        *,
        journal: str | Path | None = None,
        labels: Sequence[str] | None = None,
        mode: str | None = None,
        suggestions: Any = None,
        queue: Any = "file",
        split: str | None = None,
        guidelines: str | Path = "",
        who: str | None = None,
        columns: Sequence[str] = (),
        **traits: Any,
    ) -> None:
        layout: LayoutName = "spans" if mode == "spans" else "labels"
        self.corpus = data if isinstance(data, Corpus) else read(data, require_label=False, layout=layout)
        self.journal = Journal(journal_of(self.corpus) if journal is None else journal, who)
        self._given = {"data": data, "journal": journal, "labels": labels, "suggestions": suggestions, "who": who}
        self._given |= {"mode": mode, "guidelines": guidelines, "split": split}
        self._speaks = ""  # the browser view whose call is being answered
        self._did = False  # whether it has changed something
        self._at = 0  # place in the queue of the example that is shown
        super().__init__(**traits)
        self.mode = mode or self._detect()
        if self.mode == "spans" and not isinstance(data, Corpus) and self.corpus.config.layout != "spans":
            self.corpus = read(data, require_label=False, layout="spans")
        if self.mode != "spans" and self.corpus.config.layout == "spans":
            raise LabError(
                "mode 'spans' for a corpus with spans", repr(self.mode), "leave it out, or read the data as labels"
            )
        self.place, self.guidelines = str(self.journal.path), guidelines_of(guidelines)
        self.suggestions = Suggestions(suggestions, self._thought, self._silent)
        self.work = Labelling(
            self.corpus,
            self.journal,
            field="spans" if self.mode == "spans" else "label",
            columns=(columns,) if isinstance(columns, str) else tuple(columns),
            split=split,
            suggestions=self.suggestions,
        )
        known = self.corpus.labels if self.mode != "spans" or self.corpus.config.layout == "spans" else ()
        found = list(known if labels is None else labels)
        used = {name for value in self.journal.current(self.work.field).values() for name in label_names(value)}
        self.labels = list(dict.fromkeys(found + sorted(used)))
        self.queue = queue
        self.observe(self.refresh_code, names=["queue", "view"])
        self.refresh_code()

    # -- deciding -------------------------------------------------------------------------------------------------------------

    @command
    def label(
        self,
        label: Any,
        row_id: str | None = None,
        *,
        seconds: float | None = None,
        new: bool = False,
        accepted: bool = False,
        id: str = "",
    ) -> dict[str, Any]:
        """Decide on a row, and go to the next one without a decision.

        Args:
            label: a label; a list of labels in mode "multi"; a list of ``{"start", "end", "label"}`` in characters in mode
                "spans"; None: it cannot be known.
            row_id: which row; the current one when None.
            seconds: how long it took.
            new: whether the label may be one that does not exist yet.
            accepted: whether it is what the model suggested, accepted as it was.
            id: of the decision, where it may be sent twice.

        Returns:
            ``id`` of the decision, ``row_id``, and ``progress``.

        Raises:
            UnknownName: no such label or row.
            LabError: the wrong kind of value for this mode; the journal cannot be written.
        """
        row = self._row(row_id)
        value = self._value(label, row, new)
        suggestion = self.suggestions.of(row) or {}
        return self._decide(
            row,
            self.work.field,
            value,
            seconds=seconds,
            why="suggestion" if accepted else "person",
            id=id,
            suggestion=suggestion.get("value"),
            confidence=suggestion.get("confidence"),
        )

    @command
    def accept(self, row_id: str | None = None, *, seconds: float | None = None, id: str = "") -> dict[str, Any]:
        """Take the model's suggestion over, and go to the next row.

        Raises:
            LabError: there is none for this row.
        """
        row = self._row(row_id)
        suggestion = self.suggestions.of(row)
        if suggestion is None:
            raise LabError(f"a suggestion for the row {row!r}", "none", "choose a label")
        return self.label(suggestion["value"], row, seconds=seconds, new=True, accepted=True, id=id)

    @command
    def skip(self, row_id: str | None = None, *, seconds: float | None = None, id: str = "") -> dict[str, Any]:
        """Decide nothing about a row, and do not ask again."""
        return self._decide(self._row(row_id), "skip", True, seconds=seconds, id=id)

    @command
    def flag(self, on: bool | None = None, row_id: str | None = None, *, id: str = "") -> dict[str, Any]:
        """Mark a row for a second look, or take the mark off; None: the other way round."""
        row = self._row(row_id)
        value = not self.journal.value(row, "flag", False) if on is None else bool(on)
        return self._decide(row, "flag", value, id=id, stay=True)

    @command
    def note(self, text: str, row_id: str | None = None, *, id: str = "") -> dict[str, Any]:
        """Write a note on a row; an empty one takes it away."""
        return self._decide(self._row(row_id), "note", text, id=id, stay=True)

    @command
    def bulk(self, row_ids: Sequence[str], label: Any, *, id: str = "") -> dict[str, Any]:
        """Give several rows the same label at one stroke, which is undone at one stroke.

        Raises:
            UnknownName: no such label or row; nothing is written then.
        """
        value = {row: self._value(label, self._row(row), False) for row in dict.fromkeys(row_ids)}
        return self._several(value, "rule", f"set for {len(value):,} rows at once", id)

    @command
    def accept_many(
        self, row_ids: Sequence[str] | None = None, *, threshold: float = 0.0, id: str = ""
    ) -> dict[str, Any]:
        """Accept the suggestions for several rows at one stroke.

        Args:
            row_ids: which; None: all rows of the queue without a decision.
            threshold: only suggestions at least that sure, from 0 to 1.
        """
        rows = self.work.sure(threshold) if row_ids is None else [self._row(row) for row in row_ids]
        found = {row: self.suggestions.of(row) for row in rows}
        sure = {row: s["value"] for row, s in found.items() if s is not None and s["confidence"] >= threshold}
        value = {row: self._value(label, row, True) for row, label in sure.items()}
        return self._several(value, "suggestion", f"suggestions of at least {threshold:.0%}", id)

    @command
    def count_above(self, threshold: float) -> int:
        """How many rows of the queue ``accept_many`` would label."""
        return len(self.work.sure(threshold))

    @command
    def add_label(self, label: str) -> None:
        """Offer one more label; it is kept once a decision uses it."""
        label = label.strip()
        if not label:
            raise LabError("a name for a label", "nothing")
        if label not in self.labels:
            self.labels = [*self.labels, label]
            self._list_queues()

    @command
    def undo(self, n: int = 1, *, of: str = "") -> dict[str, Any]:
        """Take back this person's latest decisions, those of earlier days too, and go to the row of the last of them.

        Args:
            n: how many; what was done at one stroke counts as one.
            of: id of the decision that is meant. Where it is taken back already, nothing happens.
        """
        return self._back(n, of, undo=True)

    @command
    def redo(self, n: int = 1) -> dict[str, Any]:
        """Take back the latest undos, unless something new was decided since."""
        return self._back(n, "", undo=False)

    @command
    def restore(self, calls: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Carry out decisions that were kept in the browser because no answer to them came.

        Args:
            calls: ``name`` and ``args`` of each, and ``after``, the last line about the row that the person had seen.

        Returns:
            ``done``: ids that are in the journal now; ``overtaken``: those that were left out, because somebody has decided
            on the row since; ``failed``: id → message.
        """
        done, overtaken, failed = [], [], {}
        for call in calls:
            name, arguments, id = call["name"], call["args"], call["args"]["id"]
            if name not in _DECIDES:
                raise UnknownName("decision", name, _DECIDES)
            if "row_id" in arguments:
                lines = [line.id for line in self.journal.history(arguments["row_id"])]
                if id not in lines and lines and lines[-1] != call.get("after"):
                    overtaken.append(id)
                    continue
            try:
                getattr(self, name)(**arguments)
                done.append(id)
            except LabError as error:
                failed[id] = str(error)
        return {"done": done, "overtaken": overtaken, "failed": failed, "progress": self.progress}

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
            n: how many.
            have: ids of rows that are not wanted.
        """
        with self.lock:
            self._follow()
            known = set(have)
            rows = [row for row in self.work.open_ids(after + 1, n + len(known)) if row not in known]
            return self._ask([self.work.example(row) for row in rows[:n]])

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
        """The complete text of a row."""
        return self.work.text(row_id)

    @command
    def suggest(self, row_ids: Sequence[str]) -> dict[str, Any]:
        """The suggestions for some rows, as far as they are there."""
        return {row: self.suggestions.of(row) for row in row_ids}

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

    # -- inside: deciding -----------------------------------------------------------------------------------------------------

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

    def _decide(self, row: str, field: str, value: Any, stay: bool = False, **told: Any) -> dict[str, Any]:
        with self.lock:
            old = self.work.in_force(row) if field == self.work.field else self.journal.value(row, field)
            line = self.journal.add(row, value, field=field, old=old, **told)
            self._follow()
            if not stay:
                self._next(row)
            self._tell()
            return {"id": line.id, "row_id": row, "progress": self.progress}

    def _several(self, values: dict[str, Any], why: str, note: str, id: str) -> dict[str, Any]:
        with self.lock:
            id = id or secrets.token_urlsafe(9)
            items = [
                {"row_id": row, "new": value, "old": self.work.in_force(row), "id": f"{id}.{i}" if i else id}
                for i, (row, value) in enumerate(values.items())
            ]
            if items:
                self.journal.add_many(items, field=self.work.field, why=why, note=note)
                self._follow()
                if self.current in self.work.decided:
                    self._next(self.current)
                self._tell()
            return {"id": id, "rows": len(items), "progress": self.progress}

    def _back(self, n: int, of: str, *, undo: bool) -> dict[str, Any]:
        with self.lock:
            latest = self.history(1)
            if of and (not latest or latest[0]["id"] != of):
                if any(line.id == of and self.journal.in_force(line) for line in self.journal.decisions()):
                    raise LabError("to undo the latest decision", "a later one, made elsewhere", "look at the history")
                return self.look()
            lines = self.journal.undo(n) if undo else self.journal.redo(n)
            self._follow()
            if lines:
                stroke = [line for line in lines if line.group and line.group == lines[-1].group]
                self.go((stroke or lines)[-1].row_id)
            return self.look()

    def _next(self, row: str) -> None:
        """Go to the first row without a decision behind a row."""
        place = self.work.order.place(self.work.position(row))
        self._arrive(self._at if place < 0 else place + 1)

    def _arrive(self, place: int) -> None:
        """Go to the first row without a decision from a place on."""
        self.current = next(iter(self.work.open_ids(place, 1)), "")
        self._at = self.work.order.place(self.work.position(self.current)) if self.current else self._at

    def _value(self, label: Any, row: str, new: bool) -> Any:
        """A value for the journal, of the kind that this mode takes."""
        if label is None:
            return None
        wanted = {"single": "a label", "multi": "a list of labels", "spans": 'a list of {"start", "end", "label"}'}
        listed = isinstance(label, Sequence) and not isinstance(label, str)
        kind = isinstance(label, str) if self.mode == "single" else listed
        if not kind:
            raise LabError(f"{wanted[self.mode]} in mode {self.mode!r}", repr(label)[:80])
        if self.mode == "spans":
            value: Any = checked_spans(label, self.work.text(row))
        else:
            value = label if isinstance(label, str) else list(dict.fromkeys(map(str, label)))
        for name in label_names(value):
            if name not in self.labels:
                if not new:
                    raise UnknownName("label", name, self.labels, "A new one is made by: add_label(name)")
                self.add_label(name)
        return value

    # -- inside: telling the browser ------------------------------------------------------------------------------------------

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
        self.suggestions.want([(e["row_id"], e["text"], e["text_pair"]) for e in examples if not e["suggestion"]])
        return examples

    @shown
    def _thought(self) -> None:
        self.thought += 1

    @shown
    def _silent(self, error: Exception) -> None:
        raise error

    # -- inside: queue and labels ---------------------------------------------------------------------------------------------

    def _row(self, row_id: str | None) -> str:
        row = self.current if row_id is None else row_id
        if not row:
            do = "take another queue, or go(row_id)"
            raise LabError("a row to decide on", "a queue of which every row is decided", do)
        self.work.position(row)
        return row

    def _kept_of(self) -> str:
        return str(self.journal.path.absolute())

    @traitlets.validate("queue")
    def _arranged(self, proposal: Any) -> Any:
        queue = proposal["value"] if proposal["value"] is not None else "file"
        queue = queue if isinstance(queue, str) else [str(row) for row in queue]
        with self.lock:
            self.work.take(queue)
            self.queue_name = queue if isinstance(queue, str) else "selection"
            self.suggests = bool(self.suggestions)
            self.progress = self.work.progress
            self._list_queues()
            self._at = 0
            self._arrive(0)
            self._tell()
        return queue

    def _list_queues(self) -> None:
        whole = self.mode != "spans"  # a row has one answer, which a model can be asked about
        have = whole and (self.corpus.labelled or self.suggests)
        labels = self.labels if whole or self.corpus.config.layout == "spans" else []
        pairs = choices(labels, doubtful=have, unsure=whole and self.suggests)
        if self.queue_name == "selection":
            pairs.append(["selection", f"Selection of {len(self.work.order):,} rows"])
        self.queues = pairs

    def _detect(self) -> str:
        if self.corpus.config.layout == "spans":
            return "spans"
        if self.corpus.multi_label:
            return "multi"
        have = any("spans" in rows.column_names for rows in self.corpus.splits.values())
        spans = have or bool(self.journal.current("spans"))
        return "spans" if spans and not self.corpus.labelled else "single"

    # -- faces ----------------------------------------------------------------------------------------------------------------

    def cell(self) -> str:
        here = {"queue": self.queue, "columns": self.work.columns, "view": self.view if self.view != "one" else None}
        return cell_of(self.corpus, self.journal, {**self._given, **here})

    def face(self) -> str:
        values = [value for value in self.journal.current(self.work.field).values() if value is not None]
        counts = Counter(name for value in values for name in label_names(value))
        done, total = self.progress["done"], self.progress["total"]
        latest = [
            [entry["row_id"], entry["text"], entry["field"], in_words(entry["value"])] for entry in self.history()
        ]
        title = dict(map(tuple, self.queues)).get(self.queue_name, self.queue_name)
        return (
            f"<h4>Labels in {html.escape(self.journal.path.name)}</h4>"
            f"<p>{html.escape(title)}: {done:,} of {total:,} rows decided.</p>"
            f"{table(['label', 'decisions'], [[n, c] for n, c in counts.most_common(20)], numbers={1}) if counts else ''}"
            f"{table(['row', 'text', 'what', 'decision'], latest) if latest else ''}"
        )

    def __repr__(self) -> str:
        done, total = self.progress.get("done", 0), self.progress.get("total", 0)
        return f"Labeler({self.journal.path.name!r}: {done:,} of {total:,} rows decided)"
