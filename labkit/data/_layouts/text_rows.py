"""Rows of texts to learn that nothing can be learnt from: what ``check`` lists and ``clean`` drops."""

from __future__ import annotations

from collections import defaultdict

from labkit.data._corpus import Corpus
from labkit.data._layouts.chats import as_messages, faults
from labkit.data._scan import batches
from labkit.data._texts import is_empty

Positions = dict[str, list[int]]


def bad_chats(corpus: Corpus) -> tuple[Positions, str]:
    """Rows whose conversation is out of order, by split, and what is wrong with the first few."""
    found: Positions = defaultdict(list)
    said: dict[str, int] = {}
    for split, rows in corpus.splits.items():
        if "messages" not in rows.column_names:
            continue
        at = 0
        for batch in batches(rows, ["messages"]):
            for cell in batch["messages"]:
                if wrong := faults(as_messages(cell)):
                    found[split].append(at)
                    said[wrong[0]] = said.get(wrong[0], 0) + 1
                at += 1
    ranked = sorted(said, key=lambda name: (-said[name], name))
    return found, "; ".join(ranked[:3])


def empty_completions(corpus: Corpus) -> Positions:
    """Rows whose completion has nothing to read, by split; conversations without an answer are another matter."""
    found: Positions = defaultdict(list)
    for split, rows in corpus.splits.items():
        if "target" not in rows.column_names:
            continue
        chats = "messages" in rows.column_names
        at = 0
        for batch in batches(rows, ["target"]):
            for target in batch["target"]:
                if is_empty(target) and not (chats and target is None):
                    found[split].append(at)
                at += 1
    return found
