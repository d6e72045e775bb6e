"""question-answering on the English part of XQuAD: transformers' run_qa.py. The figure is F1 over the words of the answer.

Overlapping windows of 384 tokens, 128 of them in common, padded to full length as run_qa.py does unless told otherwise; its
post-processing (utils_qa.py) takes the best of the 20 × 20 likeliest first and last tokens of each window, at most 30 tokens
long, over all windows of a question.
"""

from __future__ import annotations

from typing import Any

from stock.frame import Settings, arguments, timed

DATA, EPOCHS, BATCH, RATE, STARTER = "xquad_en", 5.0, 16, 2e-4, ""
LONGEST, STRIDE = 384, 128
BEST, LONGEST_ANSWER = 20, 30


def stock(settings: Settings) -> dict[str, float]:
    """Trainer on windows, with run_qa.py's labels and post-processing."""
    import torch
    from datasets import load_dataset
    from transformers import (
        AutoModelForQuestionAnswering,
        AutoTokenizer,
        Trainer,
        TrainingArguments,
        default_data_collator,
        set_seed,
    )

    rows = load_dataset("json", data_files=settings.files)
    tokenizer = AutoTokenizer.from_pretrained(settings.model)

    def windows(batch: dict[str, Any]) -> Any:
        return tokenizer(
            [question.lstrip() for question in batch["question"]],
            batch["context"],
            truncation="only_second",
            max_length=LONGEST,
            stride=STRIDE,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding="max_length",
        )

    def learn(batch: dict[str, Any]) -> dict[str, Any]:
        coded = windows(batch)
        places, owners = coded.pop("offset_mapping"), coded.pop("overflow_to_sample_mapping")
        starts, ends = [], []
        for i, (offsets, owner) in enumerate(zip(places, owners, strict=True)):
            none = coded["input_ids"][i].index(tokenizer.cls_token_id)
            context = [at for at, text in enumerate(coded.sequence_ids(i)) if text == 1]
            answers = batch["answers"][owner]
            first = answers["answer_start"][0] if answers["answer_start"] else -1
            last = first + len(answers["text"][0]) if first >= 0 else -1
            if first < 0 or offsets[context[0]][0] > first or offsets[context[-1]][1] < last:
                starts.append(none)
                ends.append(none)
            else:
                starts.append(max(at for at in context if offsets[at][0] <= first))
                ends.append(min(at for at in context if offsets[at][1] >= last))
        return {**coded, "start_positions": starts, "end_positions": ends}

    def ask(batch: dict[str, Any]) -> dict[str, Any]:
        coded = windows(batch)
        owners = coded.pop("overflow_to_sample_mapping")
        coded["example_id"] = [batch["id"][owner] for owner in owners]
        coded["offset_mapping"] = [
            [place if text == 1 else None for place, text in zip(places, coded.sequence_ids(i), strict=True)]
            for i, places in enumerate(coded["offset_mapping"])
        ]
        return dict(coded)

    names = rows["train"].column_names
    train = rows["train"].map(learn, batched=True, remove_columns=names)
    set_seed(settings.seed)
    model = AutoModelForQuestionAnswering.from_pretrained(settings.model, dtype=torch.float32)

    def score(trainer: Trainer) -> float:
        test = rows["test"].map(ask, batched=True, remove_columns=names)
        said = trainer.predict(test.remove_columns(["example_id", "offset_mapping"]))
        return _f1(rows["test"], _answers(rows["test"], test, *said.predictions[:2]))

    return timed(
        lambda out: Trainer(
            model=model,
            args=TrainingArguments(**arguments(settings, out)),
            train_dataset=train,
            processing_class=tokenizer,
            data_collator=default_data_collator,
        ),
        score,
    )


def recipe() -> dict[str, Any]:
    """What the task adds to labkit's recipe."""
    return {"task": "question-answering", "model": {"max_length": LONGEST}}


def _answers(rows: Any, windows: Any, starts: Any, ends: Any) -> list[str]:
    """The answer to each question, as ``postprocess_qa_predictions`` finds it where every question has one."""
    import numpy as np

    best: dict[str, tuple[float, tuple[int, int]]] = {}
    for owner, places, start, end in zip(windows["example_id"], windows["offset_mapping"], starts, ends, strict=True):
        for i in np.argsort(start)[: -BEST - 1 : -1].tolist():
            for j in np.argsort(end)[: -BEST - 1 : -1].tolist():
                if not places[i] or not places[j] or j < i or j - i + 1 > LONGEST_ANSWER:
                    continue
                score = float(start[i] + end[j])
                if owner not in best or score > best[owner][0]:
                    best[owner] = (score, (places[i][0], places[j][1]))
    found = []
    for row in rows:
        first, last = best.get(row["id"], (0.0, (0, 0)))[1]
        found.append(row["context"][first:last])
    return found


def _f1(rows: Any, answers: list[str]) -> float:
    """F1 by the official counting, which labkit's evaluation follows."""
    import numpy as np

    from labkit.data import Answer
    from labkit.evaluation import evaluate
    from labkit.tasks import AnswerPredictions

    n = len(rows)
    gold = [
        tuple(Answer(start, text) for start, text in zip(cell["answer_start"], cell["text"], strict=True))
        for cell in rows["answers"]
    ]
    said = [
        Answer(context.index(text), text) if text else None
        for context, text in zip(rows["context"], answers, strict=True)
    ]
    predictions = AnswerPredictions(
        row_ids=list(rows["id"]),
        questions=list(rows["question"]),
        contexts=list(rows["context"]),
        predicted=said,
        confidence=np.zeros(n).tolist(),
        no_answer=np.zeros(n).tolist(),
        alternatives=[()] * n,
        gold=gold,
    )
    return evaluate(predictions, resamples=0).metrics["f1"]
