"""How the default recipe was chosen: a few settings on a validation split of banking77's training data.

    python benchmarks/tune_defaults.py DATA_FOLDER [SETTING ...]

DATA_FOLDER holds banking77/train.jsonl (README.md names where anyone gets it). Each SETTING is a comma-separated list as
``labkit train --set`` takes it; without any, the ones compared for the defaults run. Test data is never read.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from labkit.events import Evaluated
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


def main() -> None:
    """Print validation accuracy, macro F1, log-loss and training minutes of each setting."""
    source = Path(sys.argv[1]) / "banking77" / "train.jsonl"
    base = {"data": {"train": str(source), "test_share": 0.0}, "evaluation": {"baselines": False}}
    for setting in sys.argv[2:] or SETTINGS:
        recipe = Recipe.from_dict(base).with_values(**parse_set(setting.split(",")))
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            run = train(recipe, Path(folder) / "run")
            if run.status != "completed":  # a run that was stopped has figures too, and they are not to be compared
                raise SystemExit(f"{setting}: {run.status}")
            looks = [e for e in run.events() if isinstance(e, Evaluated)]
        best = max(looks, key=lambda e: e.metrics["macro_f1"])
        figures = ", ".join(f"{k} {best.metrics[k]:.4f}" for k in ("accuracy", "macro_f1", "log_loss"))
        print(f"{setting}: {figures} at epoch {best.epoch:.0f}, {(time.monotonic() - began) / 60:.1f} min", flush=True)


if __name__ == "__main__":
    main()
