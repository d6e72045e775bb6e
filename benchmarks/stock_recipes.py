"""Tasks beside the stock recipes of transformers: same model, rows, epochs, batch size and learning rate, in turn.

    python benchmarks/stock_recipes.py TASK DATA_FOLDER [--rounds 3] [--epochs 5] [--rows 0]

Stock is what transformers' guide to the task does (``benchmarks/stock/``, a module a task): Trainer with the data collator of
the guide, float32, AdamW, random order. labkit is its default recipe at the same settings, without early stopping and choice of
a checkpoint (no validation rows). The model is the embedded one; for translation and summarization a starter model, built once
from the training texts and loaded by both. Each round is a seed, each training a process of its own, and the two take turns at
going first.

Two times: "train" is that of the training loop alone, "total" has the evaluation of the test split in it, with which labkit
also makes intervals and a model card. The data: banking77, wnut17, xquad_en, multi30k_en_de and dialogsum, each a folder of
DATA_FOLDER with train.jsonl and test.jsonl.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from stock import TASKS
from stock.frame import Settings, train_labkit

WHICH = ("stock", "labkit")


def main() -> None:
    """Print each round, then the medians of times and ratios, and the mean scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=float, default=0.0, help="0: as the task's module has it")
    parser.add_argument("--rows", type=int, default=0, help="use only so many rows of each split; 0: all")
    parser.add_argument("--one", nargs=3, metavar=("WHICH", "SEED", "MODEL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    task = TASKS[options.task]
    epochs = options.epochs or task.EPOCHS
    if options.one:
        which, seed, model = options.one
        settings = Settings(
            folder=options.folder,
            model=Path(model),
            epochs=epochs,
            batch=task.BATCH,
            rate=task.RATE,
            seed=int(seed),
        )
        done = (
            task.stock(settings)
            if which == "stock"
            else train_labkit(settings, task.recipe(), baselines=settings.seed == 0)
        )
        print("RESULT " + json.dumps(done))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = shortened(options.folder / task.DATA, options.rows, Path(scratch))
        print(
            f"{options.task}: {epochs:g} epochs, {task.STARTER or 'embedded model'}, batches of {task.BATCH}",
            flush=True,
        )
        compare(options.task, folder, base_model(task.STARTER, folder), epochs, options.rounds)


def compare(task: str, folder: Path, model: Path, epochs: float, rounds: int) -> None:
    """Train in turn, and print."""
    came: dict[str, list[dict[str, float]]] = {which: [] for which in WHICH}
    for seed in range(rounds):
        for which in WHICH if seed % 2 == 0 else WHICH[::-1]:
            command = [sys.executable, __file__, task, str(folder), "--epochs", str(epochs)]
            command += ["--one", which, str(seed), str(model)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            came[which].append(json.loads(done.stdout.rsplit("RESULT ", 1)[1]))
            said = ", ".join(f"{name} {value:.4g}" for name, value in came[which][-1].items())
            print(f"seed {seed}: {which}: {said}", flush=True)
    for time in ("train", "total"):
        both = [[one[time] for one in came[which]] for which in WHICH]
        ratios = [stock / ours for stock, ours in zip(*both, strict=True)]
        shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        medians = " and ".join(f"{statistics.median(some):.1f} s" for some in both)
        print(
            f"{time}: stock and labkit, medians {medians}; times as fast {shown}, median {statistics.median(ratios):.2f}"
        )
    for which in WHICH:
        scores = [one["score"] for one in came[which]]
        spread = f" ± {statistics.stdev(scores):.4f}" if len(scores) > 1 else ""
        print(f"{which}: score {statistics.mean(scores):.4f}{spread}")


def shortened(folder: Path, rows: int, scratch: Path) -> Path:
    """The folder, or a copy of it with so many rows of each split, evenly spread: some data is sorted by class."""
    if not rows:
        return folder
    for name in ("train.jsonl", "test.jsonl"):
        with (folder / name).open(encoding="utf-8") as file:
            lines = list(file)
        (scratch / name).write_text("".join(lines[:: max(1, len(lines) // rows)][:rows]), "utf-8")
    return scratch


def base_model(starter: str, folder: Path) -> Path:
    """The embedded model's folder, or that of a starter model whose tokenizer is made from the training texts."""
    from labkit.models import build_starter, resolve

    if not starter:
        return resolve("minilm").folder
    with (folder / "train.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return build_starter(starter, [row[side] for row in rows for side in ("source", "target")]).folder


if __name__ == "__main__":
    main()
