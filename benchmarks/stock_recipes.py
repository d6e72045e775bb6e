"""Tasks beside the stock recipes of transformers: same model, rows, epochs, batch size and learning rate, in turn.

    python benchmarks/stock_recipes.py token-classification DATA_FOLDER [--rounds 3] [--epochs 5]

Stock is what transformers' guide to the task does: Trainer with its data collator for the task, float32, AdamW, random order,
and the best class of every token. labkit is its default recipe at the same settings, without early stopping and choice of a
checkpoint (no validation rows). Each round is a seed, each training a process of its own; time is that of the training loop.
token-classification takes wnut17 (files train.jsonl and test.jsonl with tokens and tags) from the folder;
scores are F1 of entities.
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
from typing import Any

RATE, BATCH, LONGEST = 2e-4, 32, 128


def stock_token_classification(folder: Path, epochs: float, seed: int) -> dict[str, float]:
    """transformers' guide to token classification."""
    import torch
    from datasets import load_dataset
    from transformers import (
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    from labkit.data import tags_to_spans
    from labkit.models import resolve

    base = resolve("minilm").folder
    files = {split: str(folder / "wnut17" / f"{split}.jsonl") for split in ("train", "test")}
    rows = load_dataset("json", data_files=files)
    tags = sorted({tag for some in rows["train"]["tags"] for tag in some} | {"O"})
    tokenizer = AutoTokenizer.from_pretrained(base)

    def align(batch: dict[str, Any]) -> dict[str, Any]:
        coded = tokenizer(batch["tokens"], truncation=True, is_split_into_words=True, max_length=LONGEST)
        labels = []
        for i, told in enumerate(batch["tags"]):
            before, row = None, []
            for word in coded.word_ids(batch_index=i):
                row.append(
                    -100 if word is None or word == before else tags.index(told[word]) if told[word] in tags else 0
                )
                before = word
            labels.append(row)
        return {**coded, "labels": labels}

    coded = rows.map(align, batched=True, remove_columns=rows["train"].column_names)
    set_seed(seed)
    model = AutoModelForTokenClassification.from_pretrained(
        base, num_labels=len(tags), id2label=dict(enumerate(tags)), dtype=torch.float32
    )
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
            train_dataset=coded["train"],
            processing_class=tokenizer,
            data_collator=DataCollatorForTokenClassification(tokenizer),
        )
        began = time.monotonic()
        trainer.train()
        seconds = time.monotonic() - began
        said = trainer.predict(coded["test"])
    hit = gold = found = 0
    for logits, labels, told in zip(said.predictions, said.label_ids, rows["test"]["tags"], strict=True):
        names = [tags[int(row.argmax())] for row, label in zip(logits, labels, strict=True) if label != -100]
        names += ["O"] * (len(told) - len(names))  # words that were cut off
        true, claimed = set(tags_to_spans(told, "IOB2")), set(tags_to_spans(names, "IOB2"))
        hit, gold, found = hit + len(true & claimed), gold + len(true), found + len(claimed)
    return {"seconds": seconds, "score": 2 * hit / max(gold + found, 1)}


def labkit_token_classification(folder: Path, epochs: float, seed: int) -> dict[str, float]:
    """labkit's defaults."""
    from labkit.training import Recipe, train

    home = folder / "wnut17"
    recipe = Recipe.from_dict(
        {
            "task": "token-classification",
            "seed": seed,
            "data": {"train": str(home / "train.jsonl"), "test": str(home / "test.jsonl"), "validation_share": 0},
            "model": {"max_length": LONGEST},
            "optimizer": {"learning_rate": RATE, "batch_size": BATCH},
            "budget": {"epochs": epochs},
            "evaluation": {"baselines": seed == 0},
        }
    )
    with tempfile.TemporaryDirectory() as out:
        run = train(recipe, Path(out) / "run")
        events = list(run.events())
        first = next(event for event in events if type(event).__name__ == "RunStarted")
        last = [event for event in events if type(event).__name__ == "CheckpointSaved"][-1]
        result = run.evaluation
    others = {name: other.b["f1"].value for name, other in result.baselines.items()}
    return {"seconds": last.time - first.time, "score": result.headline["f1"].value, **others}


def main() -> None:
    """Print each round, then the median ratio of times and the mean scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["token-classification"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=float, default=5)
    parser.add_argument("--one", nargs=2, metavar=("WHICH", "SEED"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name = f"{options.one[0]}_{options.task.replace('-', '_')}"
        print(json.dumps(globals()[name](options.folder, options.epochs, int(options.one[1]))))
        return
    ratios, scores = [], {"stock": [], "labkit": []}  # type: ignore[var-annotated]
    for seed in range(options.rounds):
        came = {}
        for which in ("stock", "labkit") if seed % 2 == 0 else ("labkit", "stock"):
            command = [sys.executable, __file__, options.task, str(options.folder), "--epochs", str(options.epochs)]
            done = subprocess.run([*command, "--one", which, str(seed)], capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            came[which] = json.loads(done.stdout.splitlines()[-1])
            scores[which].append(came[which]["score"])
        ratios.append(came["stock"]["seconds"] / came["labkit"]["seconds"])
        print(f"seed {seed}: {json.dumps(came)}  {ratios[-1]:.2f} times as fast", flush=True)
    print(f"median {statistics.median(ratios):.2f} times as fast")
    for which, values in scores.items():
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        print(f"{which}: score {statistics.mean(values):.4f} ± {spread:.4f}")


if __name__ == "__main__":
    main()
