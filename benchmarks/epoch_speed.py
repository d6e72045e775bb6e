"""One epoch at batch 32: labkit beside the stock Trainer recipe, in turn, on the same rows and in the same number of threads.

    python benchmarks/epoch_speed.py DATA_FOLDER [--rounds 3] [--epochs 1]

Stock is what transformers' text-classification guide does: Trainer, DataCollatorWithPadding (dynamic padding), float32, AdamW,
random order. Both train on banking77's training split with the same learning rate, and both are scored on its test split, so
that the speed is seen beside the accuracy. Each round is a seed, each training a process of its own; time is that of the
training loop alone, without start-up. Prints both and the ratio, round by round, then the median ratio and the mean accuracies.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RATE, BATCH = 2e-4, 32


def stock(folder: Path, epochs: float, seed: int) -> dict[str, float]:
    """The guide's recipe."""
    import numpy as np
    import torch
    from datasets import load_dataset
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    from labkit.models import resolve

    base = resolve("minilm").folder
    files = {split: str(folder / "banking77" / f"{split}.jsonl") for split in ("train", "test")}
    rows = load_dataset("json", data_files=files)
    labels = sorted(set(rows["train"]["label"]))
    tokenizer = AutoTokenizer.from_pretrained(base)

    def code(batch: dict) -> dict:
        return {**tokenizer(batch["text"], truncation=True), "labels": [labels.index(x) for x in batch["label"]]}

    rows = rows.map(code, batched=True, remove_columns=["text", "label"])
    set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(labels), dtype=torch.float32)
    with tempfile.TemporaryDirectory() as out:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=out,
                per_device_train_batch_size=BATCH,
                per_device_eval_batch_size=BATCH,
                num_train_epochs=epochs,
                seed=seed,
                learning_rate=RATE,
                warmup_steps=0.1,
                weight_decay=0.01,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                use_cpu=True,
            ),
            train_dataset=rows["train"],
            processing_class=tokenizer,
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        began = time.monotonic()
        trainer.train()
        seconds = time.monotonic() - began
        said = trainer.predict(rows["test"])
    return {"seconds": seconds, "accuracy": float(np.mean(said.predictions.argmax(-1) == said.label_ids))}


def ours(folder: Path, epochs: float, seed: int) -> dict[str, float]:
    """labkit, on the same rows: no validation split is set aside."""
    from labkit.events import RunStarted, StepLogged
    from labkit.training import Recipe, train

    recipe = Recipe.from_dict(
        {
            "seed": seed,
            "data": {
                "train": str(folder / "banking77/train.jsonl"),
                "test": str(folder / "banking77/test.jsonl"),
                "validation_share": 0.0,
            },
            "optimizer": {"learning_rate": RATE, "batch_size": BATCH},
            "budget": {"epochs": epochs},
            "evaluation": {"baselines": False},
        }
    )
    with tempfile.TemporaryDirectory() as out:
        run = train(recipe, Path(out) / "run")
        events = run.events()
        began = next(e for e in events if isinstance(e, RunStarted)).time
        ended = [e for e in events if isinstance(e, StepLogged)][-1].time
        return {"seconds": ended - began, "accuracy": run.evaluation.metrics["accuracy"]}


def main() -> None:
    """Run the pairs and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--only", choices=["stock", "ours"], help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    options = parser.parse_args()
    if options.only:
        result = (stock if options.only == "stock" else ours)(options.folder, options.epochs, options.seed)
        print("RESULT " + json.dumps(result))
        return
    ratios: list[float] = []
    accuracies: dict[str, list[float]] = {"stock": [], "ours": []}
    for seed in range(options.seed, options.seed + options.rounds):
        done = {}
        for which in ("stock", "ours"):
            command = [sys.executable, __file__, str(options.folder), "--epochs", str(options.epochs)]
            command += ["--seed", str(seed), "--only", which]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            done[which] = json.loads(out.rsplit("RESULT ", 1)[1])
            accuracies[which].append(done[which]["accuracy"])
        ratios.append(done["stock"]["seconds"] / done["ours"]["seconds"])
        print(
            f"seed {seed}: stock {done['stock']['seconds']:.0f} s (accuracy {done['stock']['accuracy']:.3f}), "
            f"labkit {done['ours']['seconds']:.0f} s (accuracy {done['ours']['accuracy']:.3f}), {ratios[-1]:.2f} times",
            flush=True,
        )
    print(f"median of {len(ratios)}: {statistics.median(ratios):.2f} times as fast")
    for which, values in accuracies.items():
        spread = f", standard deviation {statistics.stdev(values):.3f}" if len(values) > 1 else ""
        print(f"{which}: mean accuracy {statistics.mean(values):.3f}{spread}")


if __name__ == "__main__":
    main()
