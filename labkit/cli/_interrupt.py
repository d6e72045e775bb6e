"""Ctrl-C."""

from __future__ import annotations


class CtrlC:
    """What Ctrl-C does to the process of a command: it interrupts it once, and no more when it is on its way out anyway.

    A second press would otherwise tear up the last words, or put a traceback of Python's own exit behind them.
    """

    leaving = False

    def __call__(self, number: int, frame: object) -> None:
        if not self.leaving:
            self.leaving = True
            raise KeyboardInterrupt


ctrl_c = CtrlC()
