"""Memory of this process, while it trains."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading

_SECONDS = 0.1


def resident_mb() -> float:
    """Resident memory of this process, in MB."""
    import psutil

    return float(psutil.Process().memory_info().rss) / 1e6


def give_back() -> None:
    """What earlier trainings of this process have freed goes back to the system, where its C library can (glibc): else the
    next would begin at their peak."""
    gc.collect()  # models hold themselves in cycles
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


class PeakMemory:
    """Looks ten times a second, from when it is made until ``stop``: steps and evaluations have their peaks between events."""

    def __init__(self) -> None:
        give_back()
        self.mb = resident_mb()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(_SECONDS):
            self.mb = max(self.mb, resident_mb())

    def stop(self) -> float:
        """The highest that was seen, in MB."""
        self._over.set()
        self._thread.join()
        self.mb = max(self.mb, resident_mb())
        return self.mb
