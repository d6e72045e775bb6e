"""Rows on their way through a queue: what stands in the journal about them, which come next, what is shown of them.

No widget: ``Labeler`` gives it its buttons.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from labkit._places import named
from labkit.data import Corpus, Decision, Journal, Query, Table
from labkit.data._journals.answers import answers_alike
from labkit.data._journals.spans import types_of
from labkit.data._layouts.answers import label_of
from labkit.data._scan import batches
from labkit.data._texts import is_empty
from labkit.errors import DataError, LabError, UnknownName
from labkit.widgets._decisions import Kind, in_words
from labkit.widgets._queue import Order, arrange
from labkit.widgets._suggestions import Item, Suggestions

CUT = 20_000
"""Characters of a text that an example has; more on demand."""
_TITLE = 300  # characters
_PAUSE = 120.0  # seconds: who takes longer was interrupted
_PACE = 50  # decisions that speed is measured by
_PASSED = ("skip", "exclude")  # fields that settle a row without a decision on it
_NOTHING = object()


class Labelling:
    """A corpus with its journal, in the order of a queue.

    Attributes:
        rows: the table of the corpus.
        order: the queue.
        decided: ids of the rows with a decision in force.
        pace: seconds of this person's latest decisions.

    Args:
        corpus: the data.
        journal: its label journal.
        kind: what is decided.
        columns: further columns of an example.
        split: rows of this split only; None: of all.
        suggestions: of a model.

    Raises:
        UnknownName: no such column.
    """

    def __init__(
        self,
        corpus: Corpus,
        journal: Journal,
        *,
        kind: Kind,
        columns: Sequence[str],
        split: str | None,
        suggestions: Suggestions,
    ) -> None:
        self.corpus, self.journal, self.kind, self.columns = corpus, journal, kind, tuple(columns)
        self.field = kind.field
        self.split, self.suggestions = split, suggestions
        self.rows = Table(corpus)
        for name in self.columns:
            if name not in self.rows.columns:
                raise UnknownName("column", name, self.rows.columns)
        self.order = Order(np.zeros(0, dtype=np.int32), len(self.rows))
        self.decided: set[str] = set()
        self.pace: deque[float] = deque(maxlen=_PACE)
        self._known: dict[str, tuple[int, Any]] = {}  # row id → position, label of the file
        self._seen = 0

    def take(self, queue: str | Sequence[str]) -> None:
        """Take another queue.

        Raises:
            UnknownName, LabError: as ``arrange``.
        """
        self.follow()
        force = self.journal.current(self.field)
        names = {"spans": types_of, "answers": label_of}.get(self.field)
        if names:
            told = {row: None if value is None else names(value) for row, value in force.items()}
            force = {row: value for row, value in told.items() if row in self.decided}
        if isinstance(queue, str) and self.field != "label":
            queue = self._by_suggestion(queue)
        rows = arrange(queue, self.corpus, self.rows, split=self.split, force=force, suggestions=self.suggestions)
        self.order = Order(rows, len(self.rows))
        self._mark(self.decided)

    def _by_suggestion(self, queue: str) -> str | list[str]:
        """Ids of the rows of a queue that follows from values and suggestions that are no labels; other queues as they are."""
        splits = () if self.split is None else (self.split,)
        if queue == "unlabelled" and self.field == "target":
            return self._without_text(splits)
        if queue == "unsure":
            return self.suggestions.ranked(self.rows, splits)
        if queue != "suspects" or self.field != "answers":
            return queue
        found = []
        for row in reversed(self.suggestions.ranked(self.rows, splits)):
            value, said = self.in_force(row), self.suggestion(row)
            if value is not None and said is not None and not answers_alike(value, said["value"])[0]:
                found.append(row)  # the surest first
        return found

    def _without_text(self, splits: tuple[str, ...]) -> list[str]:
        decided = self.journal.current(self.field)
        found = []
        for split, rows in self.corpus.splits.items():
            own = [self.kind.own] if self.kind.own in rows.column_names else []
            for batch in batches(rows, ["row_id", *own]) if split in (splits or self.corpus.splits) else ():
                texts = batch[own[0]] if own else [None] * len(batch["row_id"])
                pairs = zip(batch["row_id"], texts, strict=True)
                found += [row_id for row_id, text in pairs if is_empty(decided.get(row_id, text))]
        return found

    @property
    def progress(self) -> dict[str, Any]:
        """``done`` and ``total`` rows, ``per_hour`` and seconds ``left``; None where no time is known."""
        pace = sum(self.pace) / len(self.pace) if self.pace else None
        done, total = self.order.count, len(self.order)
        per_hour = 3600 / pace if pace else None
        return {"done": done, "total": total, "per_hour": per_hour, "left": pace * (total - done) if pace else None}

    # -- following the journal ------------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Take note of new lines of the journal, others' included."""
        lines = self.journal.decisions()
        if len(lines) < self._seen:  # another file took its place
            self._seen, self.decided = 0, set()
            self.order.mark(self.order.rows.tolist(), False)
        fresh = lines[self._seen :]
        for line in fresh:
            if line.seconds is not None and line.who == self.journal.who:
                self.pace.append(min(line.seconds, _PAUSE))
        rows = dict.fromkeys(line.row_id for line in fresh)
        if self._seen:
            now = {row for row in rows if self._is_decided(row)}
        else:
            decided = self.journal.current(self.field)
            passed = [row for name in _PASSED for row, value in self.journal.current(name).items() if value]
            now = {*(decided.keys() - self.kind.unfit(decided, self.corpus)), *passed}
        self.decided -= rows.keys()
        self.decided |= now
        self._seen = len(lines)
        self._mark(rows)

    def _mark(self, rows: Collection[str]) -> None:
        for done in (True, False):
            ids = [row for row in rows if (row in self.decided) is done]
            strange = [row for row in ids if row not in self._known]
            there = [self._known[row][0] for row in ids if row in self._known]
            self.order.mark([*there, *(self.rows.positions_of(strange).tolist() if strange else ())], done)

    def _is_decided(self, row: str) -> bool:
        passed = any(self.journal.value(row, name, False) for name in _PASSED)
        return passed or self._decision(row) is not _NOTHING

    def _decision(self, row: str) -> Any:
        """What was decided on a row; _NOTHING where nothing was, or what does not fit its text, as ``apply`` has it."""
        value = self.journal.value(row, self.field, _NOTHING)
        if value is None or value is _NOTHING or self.kind.fits is None:
            return value
        position = self.rows.positions_of([row]) if row not in self._known else [self._known[row][0]]
        if not len(position):  # a row of an older state of the data
            return value
        fitting = self.kind.fits(value, self.rows.row(int(position[0]))[self.kind.counted] or "")
        return _NOTHING if fitting is None else fitting

    # -- rows ------------------------------------------------------------------------------------------------------------------

    def position(self, row_id: str) -> int:
        """Position of a row in the table.

        Raises:
            LabError: there is no such row.
        """
        if row_id not in self._known:
            found = self.rows.positions_of([row_id])
            if not len(found):
                do = "take an id from the column row_id"
                raise LabError("the id of a row of the data", repr(row_id)[:80], do)
            self._learn(self.rows.row(int(found[0])), int(found[0]))
        return self._known[row_id][0]

    def _learn(self, row: dict[str, Any], position: int) -> None:
        self._known[row["row_id"]] = (position, row.get(self.kind.own) if self.kind.own else None)

    def in_force(self, row: str) -> Any:
        """The value of a row: what was decided, else what the file has."""
        self.position(row)
        value = self._decision(row)
        return self._known[row][1] if value is _NOTHING else value

    def given(self, row_id: str) -> Any:
        """The value that the file has for a row."""
        self.position(row_id)
        return self._known[row_id][1]

    def text(self, row_id: str) -> str:
        """The complete text of a row that is labelled, as it was corrected where somebody did; "" where there is none."""
        return self._text(self.rows.row(self.position(row_id)))

    def _text(self, row: Mapping[str, Any]) -> str:
        column = self.kind.counted
        own = str(row.get(column) or "") if column else ""
        return str(self.journal.value(row["row_id"], "text", own)) if self.field in ("label", "spans") else own

    def item(self, row_id: str) -> Item:
        """What a model is asked about a row."""
        row = self.rows.row(self.position(row_id))
        pair = row.get("text_pair")
        text = str(row["text"] or "") if self.field == "answers" or not self.kind.counted else self._text(row)
        return row_id, text, None if pair is None else str(pair)

    def suggestion(self, row_id: str) -> dict[str, Any] | None:
        """The suggestion for a row, None where there is none, or one about another text than the row has."""
        found = self.suggestions.of(row_id)
        if found is None or self.field not in ("answers", "target"):
            return found
        value = found["value"]
        if self.field == "target":
            return found if isinstance(value, str) else None
        whole = isinstance(value, list) and all(isinstance(one, dict) for one in value)
        fitting = self.kind.fits(value, self.text(row_id)) if whole and self.kind.fits else None
        return None if fitting is None else {**found, "value": fitting}

    def title(self, row_id: str) -> str:
        """What a row is recognised by: the question, the source, or its text."""
        return self._title(self.rows.row(self.position(row_id)))

    def _title(self, row: Mapping[str, Any]) -> str:
        bare = self.field == "answers" or not self.kind.counted
        return str(row["text"] or "") if bare else self._text(row)

    def id_at(self, place: int) -> str:
        """Id of the row at a place of the queue."""
        position = int(self.order.rows[place])
        row = self.rows.row(position)
        self._learn(row, position)
        return str(row["row_id"])

    def open_ids(self, place: int, n: int) -> list[str]:
        """Ids of the next rows without a decision, from a place of the queue on and then from its beginning."""
        return [self.id_at(at) for at in self.order.open_from(min(max(place, 0), len(self.order)), n)]

    def example(self, row_id: str, cut: int = CUT) -> dict[str, Any]:
        """What is shown of a row, as values that JSON can hold; of its text ``cut`` characters."""
        position = self.position(row_id)
        row = self.rows.row(position)
        lines = self.journal.history(row_id)
        text, beside = self._text(row), row.get(self.kind.beside) if self.kind.beside else None
        value, suggestion, given = self.in_force(row_id), self.suggestion(row_id), self._known[row_id][1]
        if self.field == "target" and cut < CUT:  # only to be looked at
            value, given = (one and one[:cut] for one in (value, given))
            suggestion = suggestion and {**suggestion, "value": suggestion["value"][:cut]}
        elif cut == CUT and self.field in ("spans", "answers"):  # what is shown in part would be kept in part
            parts = [*(value or ()), *(given or ()), *((suggestion or {}).get("value") or ())]
            cut = max([cut, *(one.get("end", one["start"] + len(one.get("text", ""))) for one in parts)])
        return {
            "row_id": row_id,
            "place": self.order.place(position),
            "split": row["split"],
            "title": self._title(row)[:_TITLE],
            "text": text[:cut],
            "length": len(text),
            "text_pair": None if beside is None else str(beside)[:cut],
            "value": value,
            "given": given,
            "decided": row_id in self.decided,
            "skipped": bool(self.journal.value(row_id, "skip", False)) if lines else False,
            "excluded": bool(self.journal.value(row_id, "exclude", False)) if lines else False,
            "flag": bool(self.journal.value(row_id, "flag", False)) if lines else False,
            "note": str(self.journal.value(row_id, "note", "") or "") if lines else "",
            "suggestion": suggestion,
            "after": lines[-1].id if lines else "",
            "beside": {name: in_words(row.get(name))[:500] for name in self.columns},
        }

    def history(self, n: int) -> list[dict[str, Any]]:
        """This person's latest decisions in force, the last one first; what was done at one stroke is one entry."""
        found: list[Decision] = []
        groups: Counter[str] = Counter()
        for line in reversed(self.journal.decisions()):
            if line.who != self.journal.who or line.why in ("undo", "redo") or not self.journal.in_force(line):
                continue
            stroke = line.group or line.id
            if stroke not in groups:
                if len(found) == n:
                    break
                found.append(line)
            groups[stroke] += 1
        return [self._entry(line, groups[line.group or line.id]) for line in found]

    def _entry(self, line: Decision, rows: int) -> dict[str, Any]:
        try:
            text = self.title(line.row_id)[:80]
        except LabError:  # a row of an older state of the data
            text = line.row_id
        told = {"id": line.id, "row_id": line.row_id, "field": line.field, "value": line.new}
        return {**told, "text": text, "rows": rows}

    def sure(self, threshold: float) -> list[str]:
        """Rows of the queue without a decision whose suggestion is at least that sure."""
        if self.suggestions.asks:
            places = [int(i) for i in np.flatnonzero(~self.order.done)]
            return [row for row in map(self.id_at, places) if self.suggestions.sure(row, threshold)]
        wanted = [row for row in self.suggestions.above(threshold) if row not in self.decided]
        found = self.rows.view(Query(splits=() if self.split is None else (self.split,), rows=tuple(wanted)))
        pairs = zip(found.positions.tolist(), found.row_ids(None), strict=True)
        return [row for position, row in pairs if self.order.place(position) >= 0 and self.suggestion(row) is not None]


def journal_of(corpus: Corpus) -> str:
    """Where the journal of a corpus belongs: the one that is applied already, else beside the data."""
    config = corpus.config
    if config.labels:
        return config.labels[-1]
    if not config.train:
        raise DataError("data that was read from a file", "a corpus made by hand", 'give journal="….labels.jsonl"')
    return config.train


def guidelines_of(given: str | Path) -> str:
    """The guidelines themselves, or what is in the file of that name.

    Raises:
        DataError: the file cannot be read.
    """
    text = str(given)
    if not isinstance(given, Path) and ("\n" in text or not text.endswith((".md", ".txt"))):
        return text
    path = named(text)
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("guidelines as text in UTF-8", str(error), "check the path", file=text) from error


def cell_of(corpus: Corpus, journal: Journal, given: Mapping[str, Any]) -> str:
    """The cell that makes a labeler again.

    Args:
        corpus: its data.
        journal: its journal.
        given: its arguments by name, and ``data``; None and empty ones are left out.
    """
    data, suggestions = given["data"], given["suggestions"]
    directory = getattr(suggestions, "directory", suggestions)
    stored = isinstance(directory, str | Path)
    values = {name: value for name, value in given.items() if name not in ("data", "journal", "suggestions")}
    if given["journal"] is not None:
        values = {"journal": str(journal.path), **values}
    if stored:
        values["suggestions"] = str(directory)
    if isinstance(values.get("guidelines"), Path):
        values["guidelines"] = str(values["guidelines"])
    made, first = ("", repr(str(data))) if isinstance(data, str | Path) else (_made(corpus), "corpus")
    arguments = [first, *(f"{name}={value!r}" for name, value in values.items() if value not in (None, "", (), []))]
    note = "\n# with suggestions= as they were given" if suggestions is not None and not stored else ""
    return f"from labkit.widgets import Labeler\n{made}\nlabeler = Labeler({', '.join(arguments)}){note}\nlabeler"


def _made(corpus: Corpus) -> str:
    """Code that makes a corpus again."""
    config = corpus.config
    given = {f.name: getattr(config, f.name) for f in fields(config)}
    kept = {f.name: given[f.name] for f in fields(config) if given[f.name] != f.default and "fingerprint" not in f.name}
    if corpus.steps:
        values = ", ".join(f"{name}={value!r}" for name, value in kept.items())
        return f"from labkit.data import DataConfig, load\n\ncorpus = load(DataConfig({values}))"
    names = (
        "train",
        "validation",
        "test",
        "text",
        "text_pair",
        "label",
        "label_separator",
        "multi_label",
        "id",
        "layout",
    )
    values = ", ".join([repr(config.train), *(f"{n}={kept[n]!r}" for n in names[1:] if n in kept)])
    return f"from labkit.data import read\n\ncorpus = read({values}, require_label=False)"
