"""What translation and summarization share: transformers' guides with Seq2SeqTrainer, and texts generated to be scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stock.frame import Settings, arguments, timed


def stock_seq2seq(settings: Settings, task: str, metric: str, longest: int) -> dict[str, float]:
    """Seq2SeqTrainer with DataCollatorForSeq2Seq and greedy generation of the test split.

    Args:
        settings: of the training.
        task: task id, by which the texts are scored.
        metric: the figure.
        longest: tokens of a target when training, and of what is written.
    """
    import numpy as np
    import torch
    from datasets import Dataset
    from transformers import (
        AutoModelForSeq2SeqLM,
        AutoTokenizer,
        DataCollatorForSeq2Seq,
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
        set_seed,
    )

    from labkit.evaluation import evaluate
    from labkit.tasks import TextPredictions

    rows = {split: _pairs(file) for split, file in settings.files.items()}
    tokenizer = AutoTokenizer.from_pretrained(settings.model)

    def code(batch: dict[str, Any]) -> Any:
        coded = tokenizer(batch["source"], max_length=512, truncation=True)
        coded["labels"] = tokenizer(text_target=batch["target"], max_length=longest, truncation=True)["input_ids"]
        return coded

    coded = {
        split: some.map(code, batched=True, remove_columns=some.column_names)
        for split, some in ((split, Dataset.from_list(some)) for split, some in rows.items())
    }
    set_seed(settings.seed)
    model = AutoModelForSeq2SeqLM.from_pretrained(settings.model, dtype=torch.float32)

    def score(trainer: Seq2SeqTrainer) -> float:
        said = trainer.predict(coded["test"])
        ids = np.where(said.predictions != -100, said.predictions, tokenizer.pad_token_id)
        written = [text.strip() for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]
        predictions = TextPredictions(
            task=task,
            row_ids=[str(i) for i in range(len(written))],
            inputs=[row["source"] for row in rows["test"]],
            predicted=written,
            confidence=np.full(len(written), np.nan),
            references=[row["target"] for row in rows["test"]],
        )
        return evaluate(predictions, resamples=0).metrics[metric]

    return timed(
        lambda out: Seq2SeqTrainer(
            model=model,
            args=Seq2SeqTrainingArguments(
                **arguments(settings, out),
                predict_with_generate=True,
                generation_max_length=longest,
                generation_num_beams=1,
            ),
            train_dataset=coded["train"],
            processing_class=tokenizer,
            data_collator=DataCollatorForSeq2Seq(tokenizer, model=model),
        ),
        score,
    )


def recipe_seq2seq(task: str, longest: int) -> dict[str, Any]:
    """What the task adds to labkit's recipe."""
    return {
        "task": task,
        "data": {"text": "source", "label": ["target"]},
        "generation": {"max_target_length": longest},
    }


def _pairs(file: str) -> list[dict[str, str]]:
    """Source and target of each row; the splits differ in their other columns."""
    with Path(file).open(encoding="utf-8") as lines:
        return [{side: row[side] for side in ("source", "target")} for row in map(json.loads, lines)]
