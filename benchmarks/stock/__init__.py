"""Each task as transformers' guide to it does it, and the same settings as a recipe of labkit. One module a task."""

from __future__ import annotations

from types import ModuleType

from stock import question_answering, summarization, text_classification, token_classification, translation

TASKS: dict[str, ModuleType] = {
    "text-classification": text_classification,
    "token-classification": token_classification,
    "question-answering": question_answering,
    "translation": translation,
    "summarization": summarization,
}
"""Task id → module with ``DATA``, ``EPOCHS``, ``BATCH``, ``RATE``, ``STARTER``, ``stock`` and ``recipe``."""
