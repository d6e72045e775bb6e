"""summarization on DialogSum, by a starter model. The figure is ROUGE-L."""

from __future__ import annotations

from typing import Any

from stock.frame import Settings
from stock.seq2seq import recipe_seq2seq, stock_seq2seq

DATA, EPOCHS, BATCH, RATE, STARTER = "dialogsum", 5.0, 16, 5e-4, "bart"
LONGEST, METRIC = 96, "rougeL"


def stock(settings: Settings) -> dict[str, float]:
    """transformers' guide to summarization."""
    return stock_seq2seq(settings, "summarization", METRIC, LONGEST)


def recipe() -> dict[str, Any]:
    """What the task adds to labkit's recipe."""
    return recipe_seq2seq("summarization", LONGEST)
