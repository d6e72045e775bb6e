"""Ctrl-C and SIGTERM during a training: the first asks to save and stop, the second interrupts."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class Interrupt:
    """The first Ctrl-C or SIGTERM asks the loop to save and stop; outside the loop, or the second time, it interrupts."""

    def __init__(self) -> None:
        self.asked = False
        self.patient = False  # whether a loop looks at ``asked``
        self.ended = False  # whether there is nothing left to interrupt
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: object) -> None:
        if self.ended:
            return  # a press too many
        if self.asked or not self.patient:
            self.ended = True
            raise KeyboardInterrupt
        self.asked = True

    @contextlib.contextmanager
    def patience(self) -> Iterator[None]:
        self.patient = True
        try:
            yield
        finally:
            self.patient = False
