"""Decisions about texts to be written: targets, completions, last answers and raw texts that people edited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.data._corpus import Corpus
from labkit.data._journals.spans import mended
from labkit.data._layouts.chats import as_messages, last_answer
from labkit.data._scan import batches

_ROWS = 10_000  # a batch


def target_column(corpus: Corpus) -> str:
    """The column that decisions about the field "target" replace: of raw texts the text itself, else ``target``."""
    have = any("target" in rows.column_names for rows in corpus.splits.values())
    return "target" if have or corpus.config.layout == "pairs" else "text"


def target_cells(decided: Mapping[str, Any], corpus: Corpus) -> dict[str, dict[str, Any]]:
    """What edited texts make of the rows of a corpus of layout "pairs" or "texts".

    In a conversation the last answer of the assistant is replaced, or put behind it where there is none. A conversation and a
    raw text keep their own where people say that none can be known.

    Args:
        decided: row id → text, None where it cannot be known.
        corpus: whose rows they are.

    Returns:
        Column → row id → value.
    """
    column = target_column(corpus)
    chats = any("messages" in rows.column_names for rows in corpus.splits.values())
    kept = {
        row_id: None if value is None else mended(value)
        for row_id, value in decided.items()
        if value is not None or not (chats or column == "text")
    }
    cells = {column: kept}
    if chats:
        cells["messages"] = _conversations(kept, corpus)
    return cells


def _conversations(texts: Mapping[str, Any], corpus: Corpus) -> dict[str, Any]:
    found = {}
    for rows in corpus.splits.values() if texts else ():
        if "messages" not in rows.column_names:
            continue
        for batch in batches(rows, ["row_id", "messages"], _ROWS):
            for row_id, cell in zip(batch["row_id"], batch["messages"], strict=True):
                if row_id in texts:
                    turns = [message._asdict() for message in as_messages(cell)]
                    at = last_answer(as_messages(cell))
                    answer = {"role": "assistant", "content": texts[row_id]}
                    found[row_id] = [*turns, answer] if at is None else [*turns[:at], answer, *turns[at + 1 :]]
    return found
