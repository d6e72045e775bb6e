"""text-classification on banking77: transformers' guide with dynamic padding. The figure is accuracy."""

from __future__ import annotations

from typing import Any

from stock.frame import Settings, arguments, timed

DATA, EPOCHS, BATCH, RATE, STARTER = "banking77", 1.0, 32, 2e-4, ""


def stock(settings: Settings) -> dict[str, float]:
    """Trainer with DataCollatorWithPadding."""
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

    rows = load_dataset("json", data_files=settings.files)
    labels = sorted(set(rows["train"]["label"]) | set(rows["test"]["label"]))
    tokenizer = AutoTokenizer.from_pretrained(settings.model)

    def code(batch: dict[str, Any]) -> dict[str, Any]:
        return {**tokenizer(batch["text"], truncation=True), "labels": [labels.index(x) for x in batch["label"]]}

    coded = rows.map(code, batched=True, remove_columns=rows["train"].column_names)
    set_seed(settings.seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        settings.model, num_labels=len(labels), dtype=torch.float32
    )

    def score(trainer: Trainer) -> float:
        said = trainer.predict(coded["test"])
        return float(np.mean(said.predictions.argmax(-1) == said.label_ids))

    return timed(
        lambda out: Trainer(
            model=model,
            args=TrainingArguments(**arguments(settings, out)),
            train_dataset=coded["train"],
            processing_class=tokenizer,
            data_collator=DataCollatorWithPadding(tokenizer),
        ),
        score,
    )


def recipe() -> dict[str, Any]:
    """What the task adds to labkit's recipe."""
    return {"task": "text-classification"}
