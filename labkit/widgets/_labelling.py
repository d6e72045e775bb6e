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
from labkit.data._journals.spans import fitted, span_cells, types_of
from labkit.errors import DataError, LabError, UnknownName
from labkit.widgets._queue import Order, Suggestions, arrange

CUT = 20_000
"""Characters of a text that an example has; more on demand."""
_PAUSE = 120.0  # seconds: who takes longer was interrupted
_PACE = 50  # decisions that speed is measured by
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
        field: what is decided, "label" or "spans".
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
        field: str,
        columns: Sequence[str],
        split: str | None,
        suggestions: Suggestions,
    ) -> None:
        self.corpus, self.journal, self.field, self.columns = corpus, journal, field, tuple(columns)
        self.split, self.suggestions = split, suggestions
        self.rows = Table(corpus)
        self._fits = field == "spans" and corpus.config.layout == "spans"  # decisions are held against the texts
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
        if self.field == "spans":
            types = {row: None if spans is None else types_of(spans) for row, spans in force.items()}
            force = {row: names for row, names in types.items() if row in self.decided}
        rows = arrange(queue, self.corpus, self.rows, split=self.split, force=force, suggestions=self.suggestions)
        self.order = Order(rows, len(self.rows))
        self._mark(self.decided)

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
            skipped = self.journal.current("skip")
            decided = self.journal.current(self.field)
            unfit = span_cells(decided, self.corpus)[1] if self._fits else ()
            now = {*(decided.keys() - unfit), *(row for row, value in skipped.items() if value)}
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
        return self._decision(row) is not _NOTHING or bool(self.journal.value(row, "skip", False))

    def _decision(self, row: str) -> Any:
        """What was decided on a row; _NOTHING where nothing was, or spans that do not fit its text, as ``apply`` has it."""
        value = self.journal.value(row, self.field, _NOTHING)
        if value is None or value is _NOTHING or not self._fits:
            return value
        position = self.rows.positions_of([row]) if row not in self._known else [self._known[row][0]]
        if not len(position):  # a row of an older state of the data
            return value
        spans = fitted(value, self.rows.row(int(position[0]))["text"] or "")
        return _NOTHING if spans is None else spans

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
        self._known[row["row_id"]] = (position, row.get(self.field))

    def in_force(self, row: str) -> Any:
        """The value of a row: what was decided, else what the file has."""
        self.position(row)
        value = self._decision(row)
        return self._known[row][1] if value is _NOTHING else value

    def text(self, row_id: str) -> str:
        """The complete text of a row, as it was corrected where somebody did."""
        return str(self.journal.value(row_id, "text", self.rows.row(self.position(row_id))["text"]) or "")

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
        text = str(self.journal.value(row_id, "text", row["text"]) or "")
        value, suggestion = self.in_force(row_id), self.suggestions.of(row_id)
        if self.field == "spans" and cut == CUT:  # a span that is shown in part would be kept in part
            shown = [*(value or ()), *((suggestion or {}).get("value") or ())]
            cut = max([cut, *(span["end"] for span in shown)])
        return {
            "row_id": row_id,
            "place": self.order.place(position),
            "split": row["split"],
            "text": text[:cut],
            "length": len(text),
            "text_pair": None if row.get("text_pair") is None else str(row["text_pair"])[:cut],
            "value": value,
            "given": self._known[row_id][1],
            "decided": row_id in self.decided,
            "skipped": bool(self.journal.value(row_id, "skip", False)) if lines else False,
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
            text = self.text(line.row_id)[:80]
        except LabError:  # a row of an older state of the data
            text = line.row_id
        told = {"id": line.id, "row_id": line.row_id, "field": line.field, "value": line.new}
        return {**told, "text": text, "rows": rows}

    def sure(self, threshold: float) -> list[str]:
        """Rows of the queue without a decision whose suggestion is at least that sure."""
        if self.suggestions.asks:
            places = [int(i) for i in np.flatnonzero(~self.order.done)]
            rows = [row for row in (self.id_at(place) for place in places) if self.suggestions.of(row)]
            return [row for row in rows if (self.suggestions.of(row) or {})["confidence"] >= threshold]
        wanted = [row for row in self.suggestions.above(threshold) if row not in self.decided]
        found = self.rows.view(Query(splits=() if self.split is None else (self.split,), rows=tuple(wanted)))
        pairs = zip(found.positions.tolist(), found.row_ids(None), strict=True)
        return [row for position, row in pairs if self.order.place(position) >= 0]


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


def label_names(value: Any) -> list[str]:
    """The labels in a value of the journal."""
    if isinstance(value, str):
        return [value]
    return [one["label"] if isinstance(one, dict) else one for one in value or ()]


def checked_spans(given: Sequence[Any], text: str) -> list[dict[str, Any]]:
    """Spans in their order, for the journal, each with the words that it marks: where the text changes, they tell.

    Raises:
        LabError: something that is no span, or lies outside the text.
    """
    spans = []
    for one in given:
        start, end, label = (
            (one.get(name) for name in ("start", "end", "label")) if isinstance(one, dict) else (0, 0, 0)
        )
        if not (type(start) is int and type(end) is int and isinstance(label, str) and label.strip()):
            raise LabError('spans as {"start", "end", "label"}', repr(one)[:80])
        if not 0 <= start < end <= len(text):
            raise LabError(f"a span inside the {len(text):,} characters of the text", f"{start} to {end}")
        spans.append({"start": start, "end": end, "label": label, "text": text[start:end]})
    return sorted(spans, key=lambda span: (span["start"], span["end"], span["label"]))


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


def in_words(value: Any) -> str:
    """A value as a person reads it."""
    return ", ".join(label_names(value)) if isinstance(value, list) else "" if value is None else str(value)
