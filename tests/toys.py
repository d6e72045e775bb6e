"""Toy data and toy recipes: a toy run takes a second."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

WORDS = {
    "sport": ["goal", "match", "team", "ball", "score", "league", "coach", "player", "win", "season"],
    "food": ["soup", "bread", "salt", "oven", "spoon", "taste", "dinner", "sauce", "bake", "fresh"],
    "travel": ["train", "ticket", "hotel", "beach", "flight", "map", "border", "luggage", "tour", "sea"],
}
FILLER = ["the", "a", "we", "you", "it", "was", "is", "my", "with", "and", "for", "very", "today", "again", "some"]


def toy_rows(count: int = 120, seed: int = 0) -> list[dict[str, str]]:
    """Texts of three topics that a toy model can tell apart."""
    chooser = random.Random(seed)
    rows = []
    for i in range(count):
        topic = sorted(WORDS)[i % 3]
        words = [
            chooser.choice(WORDS[topic] if chooser.random() < 0.5 else FILLER) for _ in range(chooser.randint(4, 14))
        ]
        rows.append({"id": f"t{i}", "text": " ".join([*words, chooser.choice(WORDS[topic])]), "topic": topic})
    return rows


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write rows as a CSV file and return its path."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def toy_recipe(data: Path | str, model: Path | str, /, **sections: Any) -> Any:
    """A recipe for a toy run of a second: three epochs of six steps, no baselines; ``sections`` change it."""
    from labkit.training import Recipe

    base = Recipe.from_dict(
        {
            "data": {"train": str(data)},
            "model": {"name": str(model)},
            "optimizer": {"batch_size": 16, "learning_rate": 1e-2},
            "budget": {"epochs": 3, "threads": 1, "precision": "float32"},
            "evaluation": {"baselines": False, "resamples": 100, "slices": []},
        }
    )
    return base.with_values(**sections)
