"""What a running job says about itself: small dataclasses, appended as JSON lines.

Events are all that training tells the world. Progress bars, live charts, the command line and the widgets read them; none
of them hooks into the trainer. Standard library only, so that a viewer never has to load torch.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Status = Literal["running", "completed", "stopped", "failed", "interrupted"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events; ``time`` is in seconds since the epoch."""

    time: float = field(default_factory=time.time)


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """A process began to train. A resumed run says this again, with the step it goes on from."""

    run: str
    task: str
    model: str
    rows: dict[str, int]  # split → number of rows
    steps: int  # optimiser steps in the whole run
    epochs: float
    from_step: int = 0
    precision: str = "float32"
    pid: int = 0
    labels: int = 0  # number of classes; 0: not known
    learning_rate: float = 0.0  # the highest one planned; 0: not known
    parameters: int = 0  # of the model, adapters included; 0: not known
    trained: int = 0  # parameters that are trained

    @property
    def trains(self) -> str:
        """How much of the model is trained, in words and in bytes as float32; empty where it is not known."""
        if not self.parameters:
            return ""
        share, kilobytes = 100 * self.trained / self.parameters, 4 * self.trained / 1e3
        size = f"{kilobytes / 1e3:,.1f} MB" if kilobytes >= 1e3 else f"{kilobytes:,.1f} kB"
        return f"{self.trained:,} of {self.parameters:,} parameters ({share:.3g} %, {size})"


@dataclass(frozen=True, kw_only=True)
class Note(Event):
    """One plain sentence about what is going on, for people."""

    text: str


@dataclass(frozen=True, kw_only=True)
class StepLogged(Event):
    """Where training stands. ``loss`` is the mean since the last such event."""

    step: int
    epoch: float
    loss: float
    learning_rate: float
    gradient_norm: float | None = None
    examples_per_second: float | None = None
    tokens_per_second: float | None = None
    memory_mb: float | None = None  # resident memory of the training process
    seconds_left: float | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluated(Event):
    """Metrics of the model as it stands on one split."""

    step: int
    epoch: float
    split: str
    metrics: dict[str, float]
    best: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckpointSaved(Event):
    """A checkpoint is whole and on disk; ``path`` is relative to the run directory."""

    step: int
    path: str


@dataclass(frozen=True, kw_only=True)
class RunEnded(Event):
    """The process is done: completed, stopped on request (resumable), or failed (``error`` says why)."""

    status: Status
    step: int
    seconds: float
    metrics: dict[str, float] = field(default_factory=dict)
    error: str = ""
    memory_mb: float | None = None  # peak resident memory of the process, while it worked on this run


KINDS: dict[str, type[Event]] = {
    kind.__name__: kind for kind in (RunStarted, Note, StepLogged, Evaluated, CheckpointSaved, RunEnded)
}


def to_json(event: Event) -> str:
    """One line of JSON. Numbers that are not finite become null, which every JSON reader understands."""
    return json.dumps({"event": type(event).__name__, **_finite(dataclasses.asdict(event))}, ensure_ascii=False)


def from_json(line: str) -> Event | None:
    """The event in a line, or None where the line is torn or of a kind that this version does not know."""
    try:
        fields = json.loads(line)
        kind = KINDS[fields.pop("event")]
        known = {f.name for f in dataclasses.fields(kind)}
        return kind(**{name: value for name, value in fields.items() if name in known})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


class EventLog:
    """Appends events to a file; the first append after a crash repairs a torn last line.

    Args:
        path: the file; its folder must exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._whole = False

    def append(self, event: Event) -> None:
        """Write one event and flush it to disk."""
        with self.path.open("ab") as file:
            if not self._whole and file.tell() and not _ends_with_newline(self.path):
                file.write(b"\n")
            self._whole = False  # should this append fail, on a full disk, the next one repairs what it left
            file.write(to_json(event).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._whole = True


def read(path: str | os.PathLike[str]) -> list[Event]:
    """All whole events of a log file, oldest first; an empty list where there is no file."""
    return [event for event, _ in follow(path)]


def follow(path: str | os.PathLike[str], offset: int = 0) -> Iterator[tuple[Event, int]]:
    """The whole events behind byte ``offset``, each with the offset at which the next one starts."""
    if not Path(path).is_file():
        return
    with Path(path).open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return  # still being written
            offset += len(line)
            event = from_json(line.decode("utf-8", "replace"))
            if event is not None:
                yield event, offset


def in_force(events: Iterable[Event]) -> list[Event]:
    """A run's history as if nothing had come in between: steps that a resumed run made again are there once, as made
    last, and so is its end."""
    result: list[Event] = []
    for event in events:
        if isinstance(event, RunStarted):
            # a resumed run goes back to its checkpoint: what came after that is made again
            kept = [old for old in result if not isinstance(old, RunEnded)]
            result = [old for old in kept if getattr(old, "step", 0) <= event.from_step]
        result.append(event)
    return result


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
