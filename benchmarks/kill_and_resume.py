"""Kill a run with SIGKILL at random moments, resume it each time, and compare the result with the uninterrupted run's.

    python benchmarks/kill_and_resume.py [--kills 10] [--seed 0] [--sample support] [--epochs 3]

Every trial starts the same recipe in a new directory, kills its process at a random moment of the whole run (start-up, reading,
training, checkpoint, evaluation), resumes it, and holds predictions and metrics against the reference: they must be equal to
the last bit. Exits with 1 where one is not.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
from pathlib import Path

import numpy as np

from labkit import data
from labkit.events import CheckpointSaved, RunStarted
from labkit.training import Recipe, launch, relaunch
from labkit.training._rundir import owner


def main() -> int:
    """Run the trials and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sample", default="support")
    parser.add_argument("--epochs", type=float, default=3)
    options = parser.parse_args()
    recipe = Recipe.from_dict(
        {
            "data": {"train": str(data.sample_path(options.sample))},
            "budget": {"epochs": options.epochs, "checkpoint_minutes": 0.05, "precision": "float32"},
            "evaluation": {"baselines": False},
        }
    )
    chooser = random.Random(options.seed)
    equal = 0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        began = time.monotonic()
        reference = launch(recipe, home / "reference")
        reference.wait()
        length = time.monotonic() - began
        wanted = reference.predictions("test").probabilities
        figure = reference.evaluation.metrics["accuracy"]
        print(f"uninterrupted: accuracy {figure:.4f}, {length:.0f} s", flush=True)
        for number in range(1, options.kills + 1):
            moment = chooser.uniform(0.02, 1.0) * length
            run = launch(recipe, home / f"trial-{number}")
            time.sleep(moment)
            pid = owner(run.directory)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            while run.status == "running":
                time.sleep(0.05)
            seen = run.events()
            status = run.status
            last = max((e.step for e in seen if isinstance(e, CheckpointSaved)), default=0)
            if status != "completed":
                run = relaunch(run.directory)
                run.wait()
            resumed = [e.from_step for e in run.events() if isinstance(e, RunStarted)][-1]
            same = np.array_equal(run.predictions("test").probabilities, wanted)
            equal += same
            print(
                f"{number:2}. killed after {moment:5.1f} s ({status}, newest checkpoint {last}), resumed from step {resumed}: "
                f"accuracy {run.evaluation.metrics['accuracy']:.4f}, predictions {'equal' if same else 'DIFFERENT'}",
                flush=True,
            )
    print(f"{equal} of {options.kills} equal")
    return 0 if equal == options.kills else 1


if __name__ == "__main__":
    raise SystemExit(main())
