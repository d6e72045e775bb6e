"""What the ``labkit`` command shows in a terminal: answers on standard output, progress and messages on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Progress:
    """Events as a line on standard error: rewritten in a terminal, one line an evaluation elsewhere."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, event: Any) -> None:
        from labkit import events

        if isinstance(event, events.RunStarted):
            self.steps = event.steps
            resumed = f", from step {event.from_step}" if event.from_step else ""
            say(
                f"training {event.model} on {event.rows['train']:,} rows, {event.steps} steps in {event.precision}{resumed}"
            )
            if event.trains:
                say(f"trained: {event.trains}")
        elif isinstance(event, events.Note):
            progress(event.text, False)
        elif isinstance(event, events.StepLogged):
            left = f", {clock(event.seconds_left)} left" if event.seconds_left else ""
            progress(f"step {event.step}/{self.steps}, epoch {event.epoch:.1f}, loss {event.loss:.3f}{left}", False)
        elif isinstance(event, events.Evaluated):
            end_progress()
            figures = ", ".join(f"{name} {value:.3f}" for name, value in event.metrics.items())
            say(f"epoch {event.epoch:.1f}: {figures}{'  (best so far)' if event.best else ''}")
        elif isinstance(event, events.RunEnded):
            end_progress()


def answer(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, ensure_ascii=False, indent=1))


def say(text: str) -> None:
    """A message to the person, on standard error."""
    print(text, file=sys.stderr, flush=True)


_width = 0


def progress(text: str, last: bool) -> None:
    """A line that the next one replaces; in a log file, no step lines."""
    global _width
    if sys.stderr.isatty():
        room = os.get_terminal_size(sys.stderr.fileno()).columns - 1
        print("\r" + text[:room].ljust(min(_width, room)), end="\n" if last else "", file=sys.stderr, flush=True)
        _width = 0 if last else len(text)
    elif not text.startswith("step "):
        say(text)


def end_progress() -> None:
    """Go below the progress line, if one stands."""
    global _width
    if _width and sys.stderr.isatty():
        print(file=sys.stderr, flush=True)
    _width = 0


def table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows in columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_card(card: dict[str, Any]) -> None:
    """Print named facts, a line each."""
    for name, value in card.items():
        if value not in ("", ()):
            shown = ", ".join(value) if isinstance(value, list | tuple) else value
            print(f"{name.replace('_', ' '):15} {shown}")


def percent(value: float | None) -> str:
    """A share as a percentage; nothing for none."""
    return "" if value is None else f"{100 * value:.1f} %"


def clock(seconds: float | None) -> str:
    """Seconds, or minutes."""
    seconds = seconds or 0
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def short(path: str | os.PathLike[str]) -> str:
    """A path as one would type it here."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return str(path)
