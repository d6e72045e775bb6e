"""token-classification on wnut17: transformers' guide, the best class of every token. The figure is F1 of entities."""

from __future__ import annotations

from typing import Any

from stock.frame import Settings, arguments, timed

DATA, EPOCHS, BATCH, RATE, STARTER = "wnut17", 5.0, 32, 2e-4, ""
LONGEST = 128


def stock(settings: Settings) -> dict[str, float]:
    """Trainer with DataCollatorForTokenClassification; the first token of a word carries its tag."""
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

    rows = load_dataset("json", data_files=settings.files)
    tags = sorted({tag for some in rows["train"]["tags"] for tag in some} | {"O"})
    tokenizer = AutoTokenizer.from_pretrained(settings.model)

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
    set_seed(settings.seed)
    model = AutoModelForTokenClassification.from_pretrained(
        settings.model, num_labels=len(tags), id2label=dict(enumerate(tags)), dtype=torch.float32
    )

    def score(trainer: Trainer) -> float:
        said = trainer.predict(coded["test"])
        hit = gold = found = 0
        for logits, labels, told in zip(said.predictions, said.label_ids, rows["test"]["tags"], strict=True):
            names = [tags[int(row.argmax())] for row, label in zip(logits, labels, strict=True) if label != -100]
            names += ["O"] * (len(told) - len(names))  # words that were cut off
            true, claimed = set(tags_to_spans(told, "IOB2")), set(tags_to_spans(names, "IOB2"))
            hit, gold, found = hit + len(true & claimed), gold + len(true), found + len(claimed)
        return 2 * hit / max(gold + found, 1)

    return timed(
        lambda out: Trainer(
            model=model,
            args=TrainingArguments(**arguments(settings, out)),
            train_dataset=coded["train"],
            processing_class=tokenizer,
            data_collator=DataCollatorForTokenClassification(tokenizer),
        ),
        score,
    )


def recipe() -> dict[str, Any]:
    """What the task adds to labkit's recipe."""
    return {"task": "token-classification", "model": {"max_length": LONGEST}}
