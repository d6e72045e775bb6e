"""Work of a widget that would keep the kernel busy: one thread a job, its state in the widget's ``jobs`` trait."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from labkit.errors import LabError

_LOG = logging.getLogger("labkit.widgets")
_PAUSE = 0.5  # seconds between two reports of progress: more of them would flood the notebook


def load_transformers() -> None:
    """Import transformers (half a second, without torch) before a thread does: a cell that selects rows meanwhile would find it
    half imported, because ``datasets`` looks into it where it is there, and fail."""
    import transformers  # noqa: F401


class _Owner(Protocol):
    lock: Any
    jobs: Any


class Jobs:
    """The jobs of one widget, by name; a job that runs is not started again.

    Args:
        owner: the widget; its trait ``jobs`` maps names to ``{"state", "text", "share", "error"}``, where the state is
            "running", "done" or "failed".
    """

    def __init__(self, owner: _Owner) -> None:
        self._owner = owner
        self._threads: dict[str, threading.Thread] = {}
        self._told = 0.0

    def start(self, name: str, work: Callable[[], object], text: str = "") -> None:
        """Run something in a thread; what it raises becomes the state's ``error``."""
        with self._owner.lock:
            if self.running(name):
                return
            self._say(name, state="running", text=text)
            load_transformers()
            thread = threading.Thread(target=self._run, args=(name, work), name=f"labkit-{name}", daemon=True)
            self._threads[name] = thread
        thread.start()

    def running(self, name: str) -> bool:
        """Whether a job runs now."""
        return name in self._threads and self._owner.jobs.get(name, {}).get("state") == "running"

    def progress(self, name: str, done: int, of: int) -> None:
        """Say how far a job is, now and then."""
        if time.monotonic() - self._told > _PAUSE:
            self._told = time.monotonic()
            self._say(name, state="running", text=f"{done:,} of {of:,}", share=done / max(of, 1))

    def clear(self, name: str) -> None:
        """Forget how a job ended."""
        if not self.running(name):
            with self._owner.lock:
                self._owner.jobs = {key: value for key, value in self._owner.jobs.items() if key != name}

    def wait(self, seconds: float) -> None:
        """Until every job has ended.

        Raises:
            LabError: one has not.
        """
        ends = time.monotonic() + seconds
        while late := [name for name, thread in list(self._threads.items()) if thread.is_alive()]:
            if time.monotonic() > ends:
                raise LabError(f"an end of {', '.join(late)} within {seconds:g} s", "none yet", "wait for longer")
            self._threads[late[0]].join(0.05)

    def _run(self, name: str, work: Callable[[], object]) -> None:
        try:
            work()
        except LabError as error:
            self._say(name, state="failed", error=str(error))
        except Exception as error:  # in a thread it would only be seen in the server's log
            _LOG.exception("%s", name)
            self._say(name, state="failed", error=f"{type(error).__name__}: {error}")
        else:
            self._say(name, state="done")

    def _say(self, name: str, **state: Any) -> None:
        with self._owner.lock:
            self._owner.jobs = {**self._owner.jobs, name: {"text": "", "share": 0.0, "error": "", **state}}
