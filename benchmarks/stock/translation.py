"""translation on Multi30k, English to German, by a starter model. The figure is BLEU of sacrebleu."""

from __future__ import annotations

from typing import Any

from stock.frame import Settings
from stock.seq2seq import recipe_seq2seq, stock_seq2seq

DATA, EPOCHS, BATCH, RATE, STARTER = "multi30k_en_de", 5.0, 32, 5e-4, "bart"
LONGEST, METRIC = 64, "bleu"


def stock(settings: Settings) -> dict[str, float]:
    """transformers' guide to translation."""
    return stock_seq2seq(settings, "translation", METRIC, LONGEST)


def recipe() -> dict[str, Any]:
    """What the task adds to labkit's recipe."""
    return recipe_seq2seq("translation", LONGEST)
