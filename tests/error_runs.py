"""Tiny runs of the layouts answers, pairs and texts, whose predictions are made by hand: wrong in known ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from toys import FILLER, WORDS, toy_recipe

from labkit.data import Answer
from labkit.models import build_starter
from labkit.tasks import Alternative, AnswerPredictions, LanguagePredictions, TextPredictions
from labkit.training import Run, train

HOSTILE = "<img src=x onerror=window.pwned=1>"
CONTEXT = "😀 {food} {travel} the {filler} אבג . " + " ".join(FILLER * 12) + f" {HOSTILE} . the very end {{food}} ."
COUNT = 80


def answers(folder: Path) -> Run:
    """Of five questions each: right; cut too short; nothing answered; elsewhere; answered though there is nothing (the question
    has no answer in the context)."""
    rows: list[dict[str, Any]] = []
    for i in range(COUNT):
        food, travel = WORDS["food"][i % 10], WORDS["travel"][i * 7 % 10]
        # each of its own: questions about one context go to one split, and the test split shall have every kind
        context = CONTEXT.format(food=food, filler=FILLER[i % 15], travel=travel) + f" This was text {i}."
        said = f"{food} {travel}"
        places = [] if i % 5 == 4 else [{"text": said, "answer_start": context.index(said)}]
        if i % 10 == 0:
            places.append({"text": food, "answer_start": context.rindex(food)})
        question = f"what is in number {i} ? {HOSTILE if i % 6 == 0 else ''}"
        rows.append({"id": f"q{i}", "question": question, "context": context, "answers": places})
    run = _trained(folder, "question-answering", "bert", rows, ["question", "context"])
    kept = run.predictions("test")
    assert isinstance(kept, AnswerPredictions) and kept.gold is not None
    predicted, sure, gaps, alternatives = [], [], [], []
    for row_id, context, gold in zip(kept.row_ids, kept.contexts, kept.gold, strict=True):
        i = int(row_id[1:])
        elsewhere = Answer(context.index("very end"), "very end")
        first = gold[0] if gold else elsewhere
        short = Answer(first.start, first.text.split()[0])
        answer = (first, short, None, elsewhere, elsewhere)[i % 5]
        best = answer or first
        predicted.append(answer)
        scores = np.array([5.0, 3.0, 4.0 - i / 100 if answer else 6.0 + i / 100])  # of both stretches, and of no answer
        chances = np.exp(scores) / np.exp(scores).sum()
        sure.append(float(chances[0 if answer else 2]))
        gaps.append(float(scores[2] - scores[0]))
        alternatives.append((Alternative(best.start, best.text, 5.0), Alternative(context.index("the"), "the", 3.0)))
    _keep(
        run,
        AnswerPredictions(
            row_ids=kept.row_ids,
            questions=kept.questions,
            contexts=kept.contexts,
            predicted=predicted,
            confidence=sure,
            no_answer=gaps,
            alternatives=alternatives,
            gold=kept.gold,
        ),
    )
    return run


def pairs(folder: Path, task: str = "translation") -> Run:
    """Of five rows each: written exactly; one word changed; half of it; something else; nothing."""
    rows = []
    for i in range(COUNT):
        food, travel = WORDS["food"][i % 10], WORDS["travel"][i * 7 % 10]
        target = f"das {food} und {travel} {i} אבג {HOSTILE if i % 6 == 0 else 'sind hier'}"
        source = f"😀 the {food} and the {travel} {i} {HOSTILE if i % 7 == 0 else 'are here'}"
        rows.append({"id": f"p{i}", "source": source, "target": target, "channel": ("mail", "chat")[i % 2]})
    run = _trained(folder, task, "bart", rows, ["source", "target"])
    kept = run.predictions("test")
    assert isinstance(kept, TextPredictions) and kept.references is not None
    written, sure = [], []
    for row_id, target in zip(kept.row_ids, kept.references, strict=True):
        i, words = int(row_id[1:]), str(target).split()
        outputs = (str(target), " ".join(["die", *words[1:]]), " ".join(words[:3]), "etwas ganz anderes", "")
        written.append(outputs[i % 5])
        sure.append(float("nan") if i % 5 == 4 else 0.3 + i / 100)
    _keep(
        run,
        TextPredictions(
            task=task,
            row_ids=kept.row_ids,
            inputs=kept.inputs,
            predicted=written,
            confidence=np.array(sure),
            references=kept.references,
        ),
    )
    return run


def texts(folder: Path, form: str = "prompt") -> Run:
    """Rows whose perplexity rises with their number; of every second one the model wrote something, with "prompt" beside a
    completion, with "raw" behind running text, with "masks" not at all. Every fifth was foreseen token by token."""
    rows: list[dict[str, Any]] = []
    for i in range(COUNT):
        food, travel = WORDS["food"][i % 10], WORDS["travel"][i * 7 % 10]
        text = f"😀 {food} and {travel} number {i} אבג {HOSTILE if i % 6 == 0 else 'with salt'}"
        row = {"id": f"t{i}", "channel": ("mail", "chat")[i % 2]}
        row |= {"prompt": text, "completion": f"we take the {travel} {i}"} if form == "prompt" else {"text": text}
        rows.append(row)
    task, family = ("fill-mask", "bert") if form == "masks" else ("text-generation", "gpt2")
    run = _trained(folder, task, family, rows, ["prompt", "completion"] if form == "prompt" else ["text"])
    kept = run.predictions("test")
    assert isinstance(kept, LanguagePredictions)
    numbers = np.array([int(row_id[1:]) for row_id in kept.row_ids])
    tokens = np.full(len(kept), 10.0)
    written = [None if form == "masks" or i % 2 else f"we take the bread {i} {HOSTILE}" for i in numbers.tolist()]
    _keep(
        run,
        LanguagePredictions(
            task=task,
            row_ids=kept.row_ids,
            inputs=kept.inputs,
            nll=tokens * (0.1 + numbers / 20),
            tokens=tokens,
            hits=np.where(numbers % 5 == 0, 10.0, numbers % 10),
            predicted=written,
            references=kept.references,
        ),
    )
    return run


def _trained(folder: Path, task: str, family: str, rows: list[dict[str, Any]], columns: list[str]) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    base = build_starter(family, [row[name] for row in rows for name in columns], size="tiny")  # type: ignore[arg-type]
    recipe = toy_recipe(path, base.folder, task=task, model={"max_length": 64}, budget={"epochs": 1})
    return train(recipe, folder / "run")


def _keep(run: Run, predictions: Any) -> None:
    predictions.save(run.directory / "predictions" / "test.parquet")
