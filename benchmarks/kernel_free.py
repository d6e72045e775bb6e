"""How long a cell takes in a kernel while a training that its launcher started runs on the same machine.

    python benchmarks/kernel_free.py [--cells 20] [--steps 100] [--pause 0.5]

Starts a Jupyter kernel, makes a ``TrainingLauncher`` with the embedded model and the support sample in it, shows a
``TrainingMonitor`` that follows the run, and times the cell ``1+1`` from the request to the reply. The same cells are timed
before the launch, for comparison. The run is stopped at the end, when the kernel is dead already.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from jupyter_client.manager import start_new_kernel

from labkit.data import sample_path
from labkit.events import StepLogged
from labkit.training import attach

PATIENCE = 300  # seconds for loading the libraries on a busy machine


def main() -> None:
    """Time the cells and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between cells")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        manager, kernel = start_new_kernel(startup_timeout=PATIENCE)
        try:

            def run_cell(code: str) -> str:
                said: list[str] = []

                def hear(message: dict[str, dict[str, object]]) -> None:
                    if message["header"]["msg_type"] == "stream":
                        said.append(str(message["content"]["text"]))

                reply = kernel.execute_interactive(code, timeout=PATIENCE, output_hook=hear)
                if reply["content"]["status"] != "ok":
                    raise SystemExit("\n".join(reply["content"]["traceback"]))
                return "".join(said)

            def seconds() -> list[float]:
                taken = []
                for _ in range(options.cells):
                    began = time.perf_counter()
                    run_cell("1+1")
                    taken.append(time.perf_counter() - began)
                    time.sleep(options.pause)
                return sorted(taken)

            train = str(Path(sample_path("support")) / "train.csv")
            run_cell(
                "import time\nfrom labkit.widgets import TrainingLauncher, TrainingMonitor\n"
                f"launcher = TrainingLauncher({train!r}, out={folder!r})\n"
                f"launcher.set(**{{'budget.max_steps': {options.steps}, 'evaluation.baselines': False}})\n"
                "while launcher.measuring: time.sleep(0.1)"
            )
            idle = seconds()
            began = time.perf_counter()
            directory = run_cell("print(launcher.launch())").strip()
            launched = time.perf_counter() - began
            run_cell("monitor = TrainingMonitor(launcher.run)")
            run = attach(directory)
            until = time.monotonic() + PATIENCE
            while not any(isinstance(event, StepLogged) for event in run.events()):
                if time.monotonic() > until or run.status != "running":
                    raise SystemExit(f"the run is {run.status}: {run.error}")
                time.sleep(0.2)
            first = run.events()[-1]
            busy = seconds()
            still = run.status == "running"
            manager.shutdown_kernel(now=True)
            time.sleep(2)
            outlived = run.status == "running"
            if outlived:
                run.stop()
                run.wait(timeout=PATIENCE)
        finally:
            if manager.is_alive():
                manager.shutdown_kernel(now=True)
        steps = [event.step for event in run.events() if isinstance(event, StepLogged) and event.time >= first.time]
        print(
            json.dumps(
                {
                    "cells": options.cells,
                    "idle_p50_ms": _ms(statistics.median(idle)),
                    "idle_p95_ms": _ms(_p95(idle)),
                    "training_p50_ms": _ms(statistics.median(busy)),
                    "training_p95_ms": _ms(_p95(busy)),
                    "training_max_ms": _ms(busy[-1]),
                    "launch_ms": _ms(launched),
                    "steps_meanwhile": max(steps) - min(steps) if steps else 0,
                    "training_throughout": still,
                    "outlived_the_kernel": outlived,
                    "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
                    "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
                },
                indent=1,
            )
        )


def _p95(ordered: list[float]) -> float:
    """The 95th percentile, by nearest rank."""
    return ordered[min(len(ordered) - 1, -(-95 * len(ordered) // 100) - 1)]


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)


if __name__ == "__main__":
    main()
