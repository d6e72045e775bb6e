"""The event log: what is written comes back, whatever happened to the last line."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest

from labkit import events
from labkit.events import CheckpointSaved, Evaluated, Event, EventLog, Note, RunEnded, RunStarted, StepLogged

ONE_OF_EACH = [
    RunStarted(
        run="r", task="t", model="m", rows={"train": 8}, steps=4, epochs=2.0, from_step=1, precision="bf16", pid=7
    ),
    Note(text='Grüße, "quoted"\nand a second line\u2028'),
    StepLogged(step=1, epoch=0.5, loss=0.25, learning_rate=1e-4, gradient_norm=1.5, memory_mb=300.0, seconds_left=9.0),
    Evaluated(step=2, epoch=1.0, split="validation", metrics={"macro_f1": 0.5}, best=True),
    CheckpointSaved(step=2, path="checkpoints/checkpoint-2"),
    RunEnded(status="failed", step=2, seconds=3.5, metrics={"accuracy": 1.0}, error="Expected more memory."),
]


def test_there_is_an_example_of_every_kind() -> None:
    assert {type(event) for event in ONE_OF_EACH} == set(events.KINDS.values())


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_events_come_back_as_they_were(event: Event) -> None:
    line = events.to_json(event)
    assert "\n" not in line
    assert events.from_json(line) == event


def test_what_is_trained_is_said_in_words() -> None:
    one = dataclasses.replace(ONE_OF_EACH[0], parameters=22_713_216, trained=331_776)
    assert isinstance(one, RunStarted) and one.trains == "331,776 of 22,713,216 parameters (1.46 %, 1.3 MB)"
    assert isinstance(ONE_OF_EACH[0], RunStarted) and ONE_OF_EACH[0].trains == ""


def test_events_know_when_they_happened() -> None:
    assert abs(Note(text="now").time - __import__("time").time()) < 60


def test_events_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ONE_OF_EACH[1].text = "other"  # type: ignore[attr-defined]


def test_numbers_that_are_not_finite_become_null() -> None:
    line = events.to_json(
        StepLogged(step=1, epoch=1.0, loss=math.nan, learning_rate=0.1, gradient_norm=math.inf, seconds_left=-math.inf)
    )
    fields = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert fields["loss"] is fields["gradient_norm"] is fields["seconds_left"] is None
    nested = json.loads(events.to_json(Evaluated(step=1, epoch=1.0, split="v", metrics={"roc_auc": math.nan})))
    assert nested["metrics"] == {"roc_auc": None}


@pytest.mark.parametrize(
    "line",
    ['{"event": "FromTheFuture", "time": 1.0}', '{"event": "Note"}', '{"event": "Note", "text', "", "[]", "null", "17",
     '{"no": "event"}', '{"event": ["Note"]}', "\x00\x00"],
)  # fmt: skip
def test_lines_that_cannot_be_understood_are_skipped(line: str) -> None:
    assert events.from_json(line) is None


def test_fields_of_a_later_version_are_ignored() -> None:
    assert events.from_json('{"event": "Note", "time": 1.0, "text": "hello", "colour": "red"}') == Note(
        time=1.0, text="hello"
    )


def test_log_keeps_the_order(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    for event in ONE_OF_EACH:
        log.append(event)
    assert events.read(log.path) == ONE_OF_EACH


def test_reading_a_log_that_is_not_there_gives_nothing(tmp_path: Path) -> None:
    assert events.read(tmp_path / "none.jsonl") == []


def test_unknown_kinds_in_a_log_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = ['{"event": "Note", "text": "a"}', '{"event": "New", "time": 2.0}', "", '{"event": "Note", "text": "b"}']
    path.write_text("\n".join(lines) + "\n")
    assert [e.text for e in events.read(path) if isinstance(e, Note)] == ["a", "b"]


def test_torn_last_line_is_ignored_then_repaired_by_the_next_append(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.append(Note(text="whole"))
    torn = events.to_json(Note(text="torn, with umlaut ü")).encode()
    with path.open("ab") as file:
        file.write(torn[: torn.index("ü".encode()) + 1])  # in the middle of a character
    assert [e.text for e in events.read(path) if isinstance(e, Note)] == ["whole"]
    EventLog(path).append(Note(text="after the crash"))
    assert [e.text for e in events.read(path) if isinstance(e, Note)] == ["whole", "after the crash"]


def test_append_after_an_append_that_failed_half_way(tmp_path: Path) -> None:
    """On a full disk a write ends in the middle of a line; what is said next must still be readable."""
    resource = pytest.importorskip("resource", reason="the limit on file sizes is a Unix thing")
    log = EventLog(tmp_path / "events.jsonl")
    log.append(Note(text="whole"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.path.stat().st_size + 10, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            log.append(Note(text="lost"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    log.append(RunEnded(status="failed", step=3, seconds=1.0, error="The disk is full."))
    found = events.read(log.path)
    assert [type(event) for event in found] == [Note, RunEnded]


def test_follow_goes_on_where_it_left_off(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.append(Note(text="äöü"))
    log.append(Note(text="b"))
    seen = list(events.follow(log.path))
    assert [e.text for e, _ in seen if isinstance(e, Note)] == ["äöü", "b"]
    offset = seen[-1][1]
    assert offset == log.path.stat().st_size
    assert list(events.follow(log.path, offset)) == []
    with log.path.open("ab") as file:
        file.write(b'{"event": "Note", "time": 1.0, "te')
    assert list(events.follow(log.path, offset)) == [], "a line that is still being written is no event yet"
    with log.path.open("ab") as file:
        file.write(b'xt": "c"}\n')
    assert [e.text for e, _ in events.follow(log.path, offset) if isinstance(e, Note)] == ["c"]
    assert [e.text for e, _ in events.follow(log.path, seen[0][1]) if isinstance(e, Note)] == ["b", "c"]
