"""Test accuracy of the default recipe on public data sets, several seeds each, beside the baselines.

    python benchmarks/accuracy.py DATA_FOLDER [--sets banking77 sst2 sms_spam] [--seeds 0 1 2] [--set section.field=value …]

DATA_FOLDER holds a folder per set with train.jsonl and test.jsonl (README.md names where anyone gets them). Prints a Markdown
table: mean and range over the seeds, TF-IDF + logistic regression on the same rows, training minutes and peak memory.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from labkit.evaluation import TFIDF
from labkit.events import RunStarted, StepLogged
from labkit.training import Recipe, launch, parse_set


def main() -> None:
    """Run every set with every seed and print the table, a line as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", default=["banking77", "sst2", "sms_spam"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    print("| data | rows | accuracy (seeds) | macro F1 | TF-IDF + LR | difference | fine-tuning | peak memory |")
    print("|---|---|---|---|---|---|---|---|")
    for name in options.sets:
        figures: list[dict[str, float]] = []
        for seed in options.seeds:
            source = {split: str(options.folder / name / f"{split}.jsonl") for split in ("train", "test")}
            validation = options.folder / name / "validation.jsonl"
            if validation.exists():
                source["validation"] = str(validation)
            recipe = Recipe.from_dict({"seed": seed, "data": source}).with_values(**parse_set(options.set))
            with tempfile.TemporaryDirectory() as folder:
                run = launch(recipe, Path(folder) / "run")  # a process of its own, so that peak memory is its own
                if run.wait() != "completed":
                    raise SystemExit(run.error)
                events, result = run.events(), run.evaluation
            steps = [e for e in events if isinstance(e, StepLogged)]
            began = next(e for e in events if isinstance(e, RunStarted))
            figures.append(
                {
                    "accuracy": 100 * result.metrics["accuracy"],
                    "macro_f1": 100 * result.metrics["macro_f1"],
                    "baseline": 100 * result.baselines[TFIDF].b["accuracy"].value,
                    "minutes": (steps[-1].time - began.time) / 60,
                    "memory": max(e.memory_mb or 0 for e in steps),
                    "rows": began.rows["train"],
                }
            )
        mean = {key: statistics.mean(f[key] for f in figures) for key in figures[0]}
        each = ", ".join(f"{f['accuracy']:.1f}" for f in figures)
        print(
            f"| {name} | {mean['rows']:.0f} | {mean['accuracy']:.2f} ({each}) | {mean['macro_f1']:.2f} "
            f"| {mean['baseline']:.2f} | {mean['accuracy'] - mean['baseline']:+.2f} "
            f"| {mean['minutes']:.1f} min | {mean['memory']:.0f} MB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
