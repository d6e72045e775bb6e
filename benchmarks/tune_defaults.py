"""How the default recipe was chosen: settings compared on rows of the training data that are held out.

    python benchmarks/tune_defaults.py DATA_FOLDER [SETTING ...] [--data banking77] [--task ID] [--rows 0] [--seeds 1]

DATA_FOLDER holds banking77/train.jsonl and the like (README.md names where anyone gets them). Each SETTING is a
comma-separated list as ``labkit train --set`` takes it; without any, the ones compared for the default learning rate run.
With ``--rows`` so many random rows are trained on and 1,000 others judged, another draw for each seed. Test data is never read.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from labkit.events import Evaluated
from labkit.tasks import TASKS
from labkit.training import Recipe, parse_set, train

SETTINGS = [
    "optimizer.learning_rate=1e-4,budget.epochs=8",
    "optimizer.learning_rate=2e-4,budget.epochs=5",
    "optimizer.learning_rate=2e-4,budget.epochs=8",
    "optimizer.learning_rate=3e-4,budget.epochs=5",
    "optimizer.learning_rate=3e-4,budget.epochs=8",
    "optimizer.learning_rate=3e-4,budget.epochs=8,technique.freeze_embeddings=true",
    "optimizer.learning_rate=3e-4,budget.epochs=8,technique.label_smoothing=0.1",
]
JUDGED = 1000


def main() -> None:
    """Print, for each setting, the means of the validation figures of its best epochs, and training minutes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("settings", nargs="*", default=SETTINGS)
    parser.add_argument("--data", default="banking77")
    parser.add_argument("--task", default="text-classification", choices=list(TASKS))
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    source = options.folder / options.data / "train.jsonl"
    for setting in options.settings:
        done = [trained(source, setting, options.task, options.rows, seed) for seed in range(options.seeds)]
        means = {name: [one[name] for one in done if name in one] for name in done[0]}
        said = ", ".join(
            f"{name} {statistics.mean(values):.4f}" + (f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else "")
            for name, values in means.items()
        )
        print(f"{setting}: {said}", flush=True)


def trained(source: Path, setting: str, task: str, rows: int, seed: int) -> dict[str, float]:
    """Train by a setting, and give the validation figures of the best epoch, that epoch, and the minutes."""
    metric = TASKS[task].metric
    with tempfile.TemporaryDirectory() as scratch:
        given = {"train": str(source), "validation": "", "test_share": 0.0}
        if rows:
            given |= drawn(source, rows, seed, Path(scratch))
        recipe = Recipe.from_dict(
            {"task": task, "seed": seed, "data": given, "evaluation": {"baselines": False}}
        ).with_values(**parse_set(setting.split(",")))
        began = time.monotonic()
        run = train(recipe, Path(scratch) / "run")
        if run.status != "completed":  # a run that was stopped has figures too, and they are not to be compared
            raise SystemExit(f"{setting}: {run.status}")
        looks = [event for event in run.events() if isinstance(event, Evaluated)]
    best = max(looks, key=lambda event: event.metrics[metric])
    shown = {
        name: best.metrics[name] for name in dict.fromkeys((metric, "accuracy", "log_loss")) if name in best.metrics
    }
    return {**shown, "epoch": best.epoch, "minutes": (time.monotonic() - began) / 60}


def drawn(source: Path, rows: int, seed: int, scratch: Path) -> dict[str, str]:
    """Two files with random rows of one: those to train on, and those to judge by."""
    with source.open(encoding="utf-8") as file:
        lines = list(file)
    random.Random(seed).shuffle(lines)
    parts = {"train": lines[:rows], "validation": lines[rows : rows + JUDGED]}
    for name, some in parts.items():
        (scratch / f"{name}.jsonl").write_text("".join(some), encoding="utf-8")
    return {name: str(scratch / f"{name}.jsonl") for name in parts}


if __name__ == "__main__":
    main()
