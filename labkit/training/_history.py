"""The course of a training as its events tell it: the curves that ``diagnose`` judges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

from labkit.events import Evaluated, Event, RunEnded, RunStarted, StepLogged, in_force

LOSSES = ("log_loss", "loss")
"""What the loss on a split may be called."""


@dataclass(frozen=True, kw_only=True)
class History:
    """What was said by a run, in order, without what a resumed run made again."""

    started: RunStarted | None
    ended: RunEnded | None
    steps: list[StepLogged]  # those with a finite loss
    checks: list[Evaluated]  # on the validation split
    lost: StepLogged | Evaluated | None  # the first with a loss that is not finite

    @property
    def at(self) -> int:
        """The last step that is known of."""
        return max((event.step for event in self.both), default=0)

    @property
    def epoch(self) -> float:
        """Where that is in epochs."""
        return max((event.epoch for event in self.both), default=0.0)

    @property
    def both(self) -> list[StepLogged | Evaluated]:
        """What has a step and an epoch."""
        return [*self.steps, *self.checks]

    @property
    def progress(self) -> float:
        """Share of the run that is done; 1 where it is complete, 0 where its length is not known."""
        if self.ended is not None and self.ended.status == "completed":
            return 1.0
        return self.at / self.started.steps if self.started and self.started.steps else 0.0

    @property
    def peak_rate(self) -> float:
        """The highest learning rate planned, or seen so far where none was named."""
        named = self.started.learning_rate if self.started else 0.0
        return named or max((event.learning_rate or 0.0 for event in self.steps), default=0.0)

    @property
    def guessing(self) -> float:
        """Loss of guessing among the classes; 0 where their number is not known."""
        return math.log(self.started.labels) if self.started and self.started.labels > 1 else 0.0

    @property
    def window(self) -> int:
        """Events that a level is the median of: one batch says little, and a level must be of now."""
        return max(1, min(25, len(self.steps) // 5))

    @property
    def level(self) -> float:
        """Where the training loss stands."""
        return median(event.loss for event in self.steps[-self.window :])

    def figures(self, names: Sequence[str]) -> tuple[str, list[tuple[Evaluated, float]]]:
        """The first of the names that was measured, and its finite values."""
        for name in names:
            found = [(check, check.metrics[name]) for check in self.checks if finite(check.metrics.get(name))]
            if found:
                return name, found
        return "", []

    def training_loss(self, before: Evaluated, span: int) -> float | None:
        """Mean training loss of the ``span`` steps before an evaluation."""
        losses = [event.loss for event in self.steps if before.step - span < event.step <= before.step]
        return mean(losses) if losses else None


def read_history(events: Iterable[Event]) -> History:
    """The history in the events of a run, resumed or not."""
    happened = in_force(events)
    steps = [event for event in happened if isinstance(event, StepLogged)]
    checks = [event for event in happened if isinstance(event, Evaluated) and event.split == "validation"]
    lost = [
        event
        for event in happened
        if (isinstance(event, StepLogged) and not finite(event.loss))
        or (isinstance(event, Evaluated) and any(not finite(event.metrics.get(name, 0.0)) for name in LOSSES))
    ]
    return History(
        started=next((event for event in reversed(happened) if isinstance(event, RunStarted)), None),
        ended=next((event for event in reversed(happened) if isinstance(event, RunEnded)), None),
        steps=[event for event in steps if finite(event.loss)],
        checks=checks,
        lost=lost[0] if lost else None,
    )


def finite(value: Any) -> bool:
    """Whether a value is a finite number; the log has null for those that are not."""
    return isinstance(value, int | float) and math.isfinite(value)
