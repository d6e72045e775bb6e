"""Tiny runs that learn in seconds to answer, to translate, to write and to fill masks."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from toys import FILLER, WORDS, toy_recipe

from labkit.models import build_starter
from labkit.training import Run, train

DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
GERMAN = dict(zip(DAYS, ["montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag"], strict=True))


def next_day(day: str) -> str:
    return DAYS[(DAYS.index(day) + 1) % 7]


def _questions(chooser: random.Random) -> list[dict[str, Any]]:
    rows = []
    for i in range(160):
        food, travel = chooser.choice(WORDS["food"]), chooser.choice(WORDS["travel"])
        noise = [chooser.choice(FILLER) for _ in range(chooser.randint(1, 5))]
        context = " ".join(["😀", *noise, food, chooser.choice(FILLER), travel, "."])
        asked, answer = ("food", food) if i % 3 else ("map", "")
        found = [{"text": answer, "start": context.index(answer, 2)}] if answer else []
        rows.append({"id": f"q{i}", "question": f"which {asked} ?", "context": context, "answers": found})
    return rows


def _rows(kind: str) -> list[dict[str, Any]]:
    chooser = random.Random(1)
    two = [(chooser.choice(DAYS), chooser.choice(DAYS)) for _ in range(160)]
    if kind == "answers":
        return _questions(chooser)
    if kind == "translation":
        return [{"text": f"{a} and {b}", "target": f"{GERMAN[a]} und {GERMAN[b]}"} for a, b in two]
    if kind == "chat":
        return [
            {"messages": [{"role": "user", "content": f"{a} {b}"}, {"role": "assistant", "content": next_day(b)}]}
            for a, b in two
        ]
    if kind == "masks":
        pairs = [chooser.sample(WORDS["food"] + WORDS["travel"], 2) for _ in range(160)]
        return [{"text": " ".join(chooser.choice(pair) for _ in range(12))} for pair in pairs]
    return [{"text": " ".join(DAYS[(DAYS.index(a) + i) % 7] for i in range(14))} for a, _ in two]


# fmt: off
_PLANS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "answers": (
        "question-answering", "bert",
        {"model": {"max_length": 40, "dropout": 0.0}, "optimizer": {"learning_rate": 3e-3, "batch_size": 8}},
    ),
    "translation": ("translation", "bart", {"generation": {"max_target_length": 16}, "model": {"max_length": 32}}),
    "raw": ("text-generation", "gpt2", {"model": {"max_length": 33}}),
    "chat": ("text-generation", "gpt2", {"model": {"max_length": 48}}),
    "masks": ("fill-mask", "bert", {"model": {"max_length": 32}}),
}
# fmt: on


def tiny_run(kind: str, folder: Path, *, epochs: int, name: str = "") -> Run:
    """A run of one of the kinds "answers", "translation", "raw", "chat", "masks".

    Args:
        kind: what it learns.
        folder: where data and run go.
        epochs: how long; a second or two for ten.
        name: of the run directory; empty: the kind.
    """
    rows = _rows(kind)
    path = folder / f"{kind}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    task, family, sections = _PLANS[kind]
    texts = [value for row in rows for value in row.values() if isinstance(value, str)]
    texts += [message["content"] for row in rows for message in row.get("messages", ())]
    base = build_starter(family, texts, size="tiny")  # type: ignore[arg-type]
    plan = toy_recipe(path, base.folder, task=task, **sections).with_values(budget={"epochs": epochs})
    return train(plan, folder / (name or kind))
