"""Labelling: one example at a time or a table, every decision a line of the journal before it counts as saved.

The browser half draws the next example at once and waits for the answer before it shows a decision as saved. It gives each
decision an id, so that one that is sent again, because no answer came, is not written twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import traitlets

from labkit.data import Corpus, Journal, read
from labkit.data._corpus import LayoutName
from labkit.errors import LabError, UnknownName
from labkit.widgets._decisions import LAYOUTS, MODES, checked, kind_of, label_names, mode_of, require_fit
from labkit.widgets._label_faces import face_of
from labkit.widgets._label_view import LabelView
from labkit.widgets._labelling import Labelling, cell_of, guidelines_of, journal_of
from labkit.widgets._queue import choices
from labkit.widgets._suggestions import Suggestions
from labkit.widgets._widget import command

_DECIDES = ("label", "accept", "skip", "leave_out", "flag", "note", "bulk", "accept_many")
_BLANK = {"answers": "Without known answers", "text": "Without a text"}


class Labeler(LabelView):
    """Labels for rows, typed with single keys, in the order of a queue; or answers marked in contexts, or texts edited.

    Every decision is a line of the label journal; ``labkit.data.apply`` puts the journal over the data. A fresh kernel finds
    everything again, and goes on at the first row of the queue without a decision.

    Args:
        data: a corpus, or what ``labkit.data.read`` takes.
        journal: path of the label journal; beside the data file when None.
        labels: names to choose from; those of the data and of the journal when None.
        mode: "single" label, "multi" (several labels), "spans" (labelled stretches of the text), "answers" (stretches of the
            context that answer the question) or "text" (the target, completion, last answer or raw text, edited whole); that
            of the data when None.
        layout: how data that is no corpus is read; as the mode wants it when None, which is "pairs" for "text".
        suggestions: of a model: predictions, a run or its directory, or a function from texts to predictions (with
            ``pairs=`` for pairs, and for the contexts of questions). Else values: a mapping from row ids to spans, answers or
            texts, or a function from texts to a list of such.
        queue: "file", "random", "unlabelled", "unsure" (the model's least sure rows first), "suspects" (labels or answers that
            are probably wrong), "class:NAME", or row ids such as another widget's selection.
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

    def __init__(
        self,
        data: Any,
        *,
        journal: str | Path | None = None,
        labels: Sequence[str] | None = None,
        mode: str | None = None,
        layout: LayoutName | None = None,
        suggestions: Any = None,
        queue: Any = "file",
        split: str | None = None,
        guidelines: str | Path = "",
        who: str | None = None,
        columns: Sequence[str] = (),
        **traits: Any,
    ) -> None:
        if mode is not None and mode not in MODES:
            raise UnknownName("mode", mode, MODES)
        read_as: LayoutName = layout or LAYOUTS[mode or "single"][0]
        self.corpus = data if isinstance(data, Corpus) else read(data, require_label=False, layout=read_as)
        self.journal = Journal(journal_of(self.corpus) if journal is None else journal, who)
        self._given = {"data": data, "journal": journal, "labels": labels, "suggestions": suggestions, "who": who}
        self._given |= {"mode": mode, "layout": layout, "guidelines": guidelines, "split": split}
        super().__init__(**traits)
        self.mode = mode or mode_of(self.corpus, self.journal.current("spans"))
        if self.mode == "spans" and not isinstance(data, Corpus) and self.corpus.config.layout != "spans":
            self.corpus = read(data, require_label=False, layout="spans")
        require_fit(self.mode, self.corpus)
        self.place, self.guidelines = str(self.journal.path), guidelines_of(guidelines)
        self.suggestions = self._suggested(suggestions)
        self.work = Labelling(
            self.corpus,
            self.journal,
            kind=kind_of(self.mode, self.corpus),
            columns=(columns,) if isinstance(columns, str) else tuple(columns),
            split=split,
            suggestions=self.suggestions,
        )
        self.target = self._target() if self.mode == "text" else ""
        self.labels = self._names(labels)
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
                "spans"; a list of ``{"start", "text"}`` in mode "answers", empty where the context holds none; the whole text
                in mode "text". None: it cannot be known.
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
        suggestion = self.work.suggestion(row) or {}
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
        suggestion = self.work.suggestion(row)
        if suggestion is None:
            raise LabError(f"a suggestion for the row {row!r}", "none", "choose a label")
        return self.label(suggestion["value"], row, seconds=seconds, new=True, accepted=True, id=id)

    @command
    def skip(self, row_id: str | None = None, *, seconds: float | None = None, id: str = "") -> dict[str, Any]:
        """Decide nothing about a row, and do not ask again."""
        return self._decide(self._row(row_id), "skip", True, seconds=seconds, id=id)

    @command
    def leave_out(self, row_id: str | None = None, *, seconds: float | None = None, id: str = "") -> dict[str, Any]:
        """Leave a row out of the data, for ``labkit.data.apply`` and so for training; ``undo`` takes that back."""
        return self._decide(self._row(row_id), "exclude", True, seconds=seconds, id=id)

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
        found = {row: self.work.suggestion(row) for row in rows if self.suggestions.sure(row, threshold)}
        sure = {row: s["value"] for row, s in found.items() if s is not None}
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

    # -- inside: deciding -----------------------------------------------------------------------------------------------------

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

    def _value(self, label: Any, row: str, new: bool) -> Any:
        """A value for the journal, of the kind that this mode takes."""
        value = checked(label, self.mode, self.work.text(row) if self.mode in ("spans", "answers") else "")
        if self.mode in ("answers", "text"):
            return value
        for name in label_names(value):
            if name not in self.labels:
                if not new:
                    raise UnknownName("label", name, self.labels, "A new one is made by: add_label(name)")
                self.add_label(name)
        return value

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
        classes, spans, known = self.mode in ("single", "multi"), self.mode == "spans", self.mode == "answers"
        labels = self.labels if not spans or self.corpus.config.layout == "spans" else []
        pairs = choices(
            labels,
            blank=_BLANK.get(self.mode, "Without a label" if labels else ""),
            doubtful=bool(classes and labels and (self.corpus.labelled or self.suggests)) or (known and self.suggests),
            unsure=self.suggests and (bool(labels) if classes else True),
            each="" if known else "Class ",
        )
        if self.queue_name == "selection":
            pairs.append(["selection", f"Selection of {len(self.work.order):,} rows"])
        self.queues = pairs

    def _names(self, labels: Sequence[str] | None) -> list[str]:
        """What to choose from: names given, else those of the data, and those that the journal has."""
        if self.mode == "text":
            return []
        known = self.corpus.labels if self.mode != "spans" or self.corpus.config.layout == "spans" else ()
        found = list(known if labels is None else labels)
        field = self.work.field
        used = {name for value in self.journal.current(field).values() for name in label_names(value, field)}
        return list(dict.fromkeys(found + sorted(used)))

    def _target(self) -> str:
        if not self.work.kind.counted:
            return "Text"
        chats = any("messages" in rows.column_names for rows in self.corpus.splits.values())
        return "Target" if self.corpus.config.layout == "pairs" else "Answer" if chats else "Completion"

    def _suggested(self, given: Any) -> Suggestions:
        """What was given as suggestions. What a language model wrote behind raw texts cannot stand for them: that is none.

        Raises:
            LabError: predictions of another kind than this mode's.
        """
        found = Suggestions(given, self._thought, self._silent)
        wanted = {"spans": "spans", "answers": "answers", "text": "texts"}.get(self.mode, "labels")
        if found.kind not in ("", wanted):
            came, do = f"predictions of {found.kind}", "give those of a run of the right task"
            raise LabError(f"suggestions of {wanted} in mode {self.mode!r}", came, do)
        raw = self.mode == "text" and not kind_of(self.mode, self.corpus).counted
        return Suggestions(None, self._thought, self._silent) if raw and found.continues else found

    # -- faces ----------------------------------------------------------------------------------------------------------------

    def cell(self) -> str:
        here = {"queue": self.queue, "columns": self.work.columns, "view": self.view if self.view != "one" else None}
        return cell_of(self.corpus, self.journal, {**self._given, **here})

    def face(self) -> str:
        title = dict(map(tuple, self.queues)).get(self.queue_name, self.queue_name)
        return face_of(self.work, self.history(), title)

    def __repr__(self) -> str:
        done, total = self.progress.get("done", 0), self.progress.get("total", 0)
        return f"Labeler({self.journal.path.name!r}: {done:,} of {total:,} rows decided)"
