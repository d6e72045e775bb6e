"""One decision about one row, the line of JSON that it is, and what many of them add up to. Standard library only."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, KeysView, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.data._texts import is_empty
from labkit.errors import DataError

WHYS = ("person", "rule", "suggestion", "undo", "redo", "merge")
_START = b'{"id": "'  # of every line
_TAKES_BACK = ("undo", "redo")
_DO = "give texts, numbers, True, False, None, and lists and dicts of them"
_MUST = {"id", "row_id", "field", "old", "new", "who", "time", "seconds", "why"}
_UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What somebody decided about one field of one row: a line of a label journal.

    Attributes:
        id: unique, in every journal.
        row_id: which row.
        field: what of the row: "label", "text", "text_pair", "exclude", "spans", "answers", "target", or any other name.
        old: the value before: a string, a list of strings, a list of ``{"start", "end", "label"}`` or of ``{"start", "text"}``,
            a bool, or None.
        new: the value from now on.
        who: name of the person.
        time: when, in seconds since the epoch.
        seconds: how long the decision took; None where that is not known.
        why: "person", "rule" (in bulk), "suggestion" (one was accepted), "merge" (a disagreement was settled), "undo", "redo".
        note: typed by the person, or the rule.
        undoes: id of the line that an undo or redo takes back.
        group: what the decisions made at one stroke share; they are undone at one stroke.
        suggestion: the value that a model suggested, where one was shown.
        confidence: how sure the model was of it, from 0 to 1.
    """

    id: str
    row_id: str
    field: str = "label"
    old: Any = None
    new: Any = None
    who: str
    time: float
    seconds: float | None = None
    why: str = "person"
    note: str = ""
    undoes: str = ""
    group: str = ""
    suggestion: Any = None
    confidence: float | None = None


_DEFAULTS = {f.name: f.default for f in dataclasses.fields(Decision)}


# --- what may stand in a line ---------------------------------------------------------------------------------------


def _strings(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _spans(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(span, dict)
        and isinstance(span.get("label"), str)
        and all(isinstance(span.get(end), int) for end in ("start", "end"))
        for span in value
    )


def _answers(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(one, dict) and isinstance(one.get("start"), int) and isinstance(one.get("text"), str)
        for one in value
    )


_VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "label": (
        lambda value: value is None or isinstance(value, str) or _strings(value),
        "a text, a list of texts, or None",
    ),
    "text": (lambda value: isinstance(value, str), "a text"),
    "text_pair": (lambda value: isinstance(value, str), "a text"),
    "exclude": (lambda value: isinstance(value, bool), "True or False"),
    "spans": (lambda value: value is None or _spans(value), 'a list of {"start": …, "end": …, "label": …}, or None'),
    "answers": (lambda value: value is None or _answers(value), 'a list of {"start": …, "text": …}, or None'),
    "target": (
        lambda value: value is None or (isinstance(value, str) and not is_empty(value)),
        "a text with something to read, or None",
    ),
}


def _number(value: Any, low: float = -1e18, high: float = 1e18) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def problem(decision: Decision) -> tuple[str, str]:
    """What was expected of a decision and what came instead; two empty strings where all is well."""
    for name in ("id", "row_id", "field", "who", "why"):
        value = getattr(decision, name)
        if not isinstance(value, str) or not value.strip():
            return f"a text as {name} of a decision", repr(value)[:60]
    for name in ("note", "undoes", "group"):
        if not isinstance(getattr(decision, name), str):
            return f"a text as {name} of a decision", repr(getattr(decision, name))[:60]
    if not _number(decision.time):
        return "seconds since the epoch as time of a decision", repr(decision.time)[:60]
    if decision.seconds is not None and not _number(decision.seconds, 0):
        return "a number of seconds, or None", repr(decision.seconds)[:60]
    if decision.confidence is not None and not _number(decision.confidence, 0, 1):
        return "a confidence from 0 to 1, or None", repr(decision.confidence)[:60]
    fits, words = _VALUES.get(decision.field, (lambda value: True, ""))
    if decision.why not in _TAKES_BACK and not fits(decision.new):
        return f"{words} as {decision.field} of the row {decision.row_id!r}", repr(decision.new)[:60]
    return "", ""


# --- lines ----------------------------------------------------------------------------------------------------------


def _refuse(name: str) -> float:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


# made once: for a call with options, json makes new ones each time
_DECODE = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite).decode
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_ENCODE_ASCII = json.JSONEncoder(allow_nan=False).encode


def to_line(decision: Decision) -> bytes:
    """The line of a decision, with its end.

    Raises:
        DataError: the decision holds a value that JSON cannot hold.
    """
    try:
        kept = {name: value for name, value in vars(decision).items() if name in _MUST or value not in (None, "")}
        try:
            return _ENCODE(kept).encode() + b"\n"
        except UnicodeEncodeError:  # half a surrogate pair, which only an escape can hold
            return _ENCODE_ASCII(kept).encode() + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError("a value that JSON can hold", str(error), _DO) from None


def from_line(line: bytes) -> Decision | None:
    """The decision in a line, None where the line is torn or holds no decision."""
    try:
        values = _DECODE(line.decode("utf-8"))
        decision = Decision(**{name: value for name, value in values.items() if name in _DEFAULTS})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return None if problem(decision)[0] else decision


def check(decision: Decision) -> None:
    """Make sure that the line of a decision can be written and read.

    Raises:
        DataError: it cannot; says what is wrong with the decision.
    """
    line = to_line(decision)
    if from_line(line) is None:
        expected, came = problem(decision)
        raise DataError(expected or "a value that JSON can hold", came or "one that cannot be read back", _DO)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What stands in some bytes of a journal.

    Attributes:
        decisions: those of the whole lines, in the order of the file.
        damaged: which lines hold no decision, counted from 0.
        lines: number of whole lines.
        size: bytes of the whole lines.
        tail: a last line that has no end.
        last: the decision in the tail; None where it is torn.
    """

    decisions: Sequence[Decision]
    damaged: Sequence[int]
    lines: int
    size: int
    tail: bytes
    last: Decision | None


def parse(content: bytes) -> Piece:
    """Read some bytes of a journal that begin with a line."""
    *lines, tail = content.removeprefix(_UTF8_MARK).split(b"\n")
    found = [from_line(line) for line in lines]
    return Piece(
        decisions=[decision for decision in found if decision is not None],
        damaged=[i for i, decision in enumerate(found) if decision is None and lines[i].strip()],
        lines=len(lines),
        size=len(content) - len(tail) if lines else 0,
        tail=tail,
        last=from_line(tail),
    )


def ours(tail: bytes) -> bool:
    """Whether a torn line is the beginning of a decision, or the zeros that a power cut leaves."""
    return tail[: len(_START)] == _START[: len(tail)] or not tail.strip(b"\0")


# --- what they add up to --------------------------------------------------------------------------------------------


class Ledger:
    """Decisions in their order, and the values that are in force after them.

    The last decision on a field of a row is in force, unless a line undoes it that no redo took back.
    """

    def __init__(self, decisions: Iterable[Decision] = ()) -> None:
        self.all: list[Decision] = []
        self._ids: dict[str, Decision] = {}
        self._taken_back: dict[str, list[str]] = {}  # id → ids of the lines that take it back
        self._fields: dict[str, dict[str, list[Decision]]] = {}  # field → row id → decisions
        self._rows: dict[str, list[Decision]] = {}
        for decision in decisions:
            self.take(decision)

    def take(self, decision: Decision) -> None:
        """Add a decision; one that is known already changes nothing."""
        if decision.id in self._ids:
            return
        self.all.append(decision)
        self._ids[decision.id] = decision
        self._rows.setdefault(decision.row_id, []).append(decision)
        if decision.why in _TAKES_BACK:
            self._taken_back.setdefault(decision.undoes, []).append(decision.id)
        else:
            self._fields.setdefault(decision.field, {}).setdefault(decision.row_id, []).append(decision)

    def get(self, id: str) -> Decision | None:
        """The decision with an id."""
        return self._ids.get(id)

    def rows(self) -> KeysView[str]:
        """Ids of the rows that some line is about."""
        return self._rows.keys()

    def history(self, row_id: str) -> list[Decision]:
        """Every line about a row."""
        return list(self._rows.get(row_id, ()))

    def in_force(self, decision: Decision) -> bool:
        """Whether no line takes the decision back, or what took it back was taken back."""
        return all(id in self._taken_back for id in self._taken_back.get(decision.id, ()))

    def last(self, row_id: str, field: str, without: Collection[str] = ()) -> Decision | None:
        """The decision in force on a field of a row, as if those in ``without`` were undone."""
        for decision in reversed(self._fields.get(field, {}).get(row_id, ())):
            if decision.id not in without and self.in_force(decision):
                return decision
        return None

    def before(self, row_id: str, field: str) -> Any:
        """The value that a field of a row had before the first decision."""
        decisions = self._fields.get(field, {}).get(row_id)
        return decisions[0].old if decisions else None

    def current(self, field: str) -> dict[str, Any]:
        """Row id → value in force, of rows with a decision in force, in the order of their first decision."""
        found = ((row_id, self.last(row_id, field)) for row_id in self._fields.get(field, {}))
        return {row_id: decision.new for row_id, decision in found if decision is not None}

    def by_person(self, field: str) -> dict[str, dict[str, Any]]:
        """Row id → person → the value that is in force by that person's decisions alone."""
        found: dict[str, dict[str, Any]] = {}
        for row_id, decisions in self._fields.get(field, {}).items():
            values = {decision.who: decision.new for decision in decisions if self.in_force(decision)}
            if values:
                found[row_id] = values
        return found

    def steps_back(self, who: str) -> Iterator[list[Decision]]:
        """A person's decisions in force, the latest first; those of one stroke together."""
        waiting: list[Decision] = []
        for decision in reversed(self.all):
            if decision.who != who or decision.why in _TAKES_BACK or not self.in_force(decision):
                continue
            if waiting and not (decision.group and decision.group == waiting[-1].group):
                yield waiting
                waiting = []
            waiting.append(decision)
        if waiting:
            yield waiting

    def steps_forward(self, who: str) -> Iterator[list[Decision]]:
        """A person's undo lines since the last new decision, the latest first; those of one stroke together."""
        waiting: list[Decision] = []
        for line in reversed(self.all):
            if line.who != who:
                continue
            if line.why not in _TAKES_BACK:
                break
            if line.why == "redo" or line.id in self._taken_back:
                continue
            if waiting and not (line.group and line.group == waiting[-1].group):
                yield waiting
                waiting = []
            waiting.append(line)
        if waiting:
            yield waiting


def merged(journals: Iterable[Sequence[Decision]]) -> list[Decision]:
    """The decisions of several journals by time, each once.

    Each journal keeps its own order, also where a clock was set back: what stands behind another line counts as no earlier.
    """
    timed: list[tuple[float, Decision]] = []
    for decisions in journals:
        latest = -math.inf
        for decision in decisions:
            latest = max(latest, decision.time)
            timed.append((latest, decision))
    timed.sort(key=lambda pair: pair[0])
    once: dict[str, Decision] = {}
    for _, decision in timed:
        once.setdefault(decision.id, decision)
    return list(once.values())
