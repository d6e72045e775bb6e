"""The findings of ``check`` about texts to learn: conversations out of order, completions that teach nothing, repetition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from labkit.data import _scan
from labkit.data._corpus import Corpus
from labkit.data._findings import finding
from labkit.data._layouts.text_rows import Positions, bad_chats, empty_completions
from labkit.data._report import Finding
from labkit.data._scan import Scan, batches
from labkit.data._texts import normalise

_GRAM = 4  # words
_FEW = 40  # words below which a text may repeat itself
_REPEATED = 0.5


def text_findings(corpus: Corpus, scans: Mapping[str, Scan]) -> Iterator[Finding]:
    """Everything that is found in the columns ``messages``, ``target`` and ``text`` of texts to learn."""
    bad, why = bad_chats(corpus)
    yield from finding(
        "bad_chats",
        "error",
        bad,
        scans,
        f"Conversations are out of order: {why}. A model would learn turns in the wrong place.",
        "drop_bad_chats",
    )
    yield from finding(
        "empty_completions",
        "error",
        empty_completions(corpus),
        scans,
        "Completions, or last answers of the assistant, have nothing to read: nothing can be learnt from them.",
        "drop_empty_completions",
    )
    same: Positions = defaultdict(list)
    loops: Positions = defaultdict(list)
    for split, rows in corpus.splits.items():
        answered = "target" in rows.column_names
        at = 0
        for batch in batches(rows, ["text", *(["target"] if answered else [])]):
            for i, text in enumerate(batch["text"]):
                target = (batch["target"][i] or "") if answered else ""
                if target and normalise(target) == normalise(text or ""):
                    same[split].append(at)
                if repeated(target or text or "") > _REPEATED:
                    loops[split].append(at)
                at += 1
    yield from finding(
        "completion_is_prompt",
        "warning",
        same,
        scans,
        "The completion says what the prompt says: a model learns to repeat what it is asked.",
    )
    yield from finding(
        "repetitive_texts",
        "warning",
        loops,
        scans,
        f"More than half of the runs of {_GRAM} words in these texts are repeats: a model learns to go round in circles. Look "
        "at them; tables, menus and boilerplate are the usual reason.",
    )
    torn = {split: _scan.conflicts(rows) for split, rows in scans.items()}
    yield from finding(
        "one_prompt_several_completions",
        "info",
        {split: sorted(i for group in groups.values() for i in group) for split, groups in torn.items()},
        scans,
        "The same prompt has different completions; for free texts that may be as it should be.",
    )


def repeated(text: str) -> float:
    """Share of the runs of four words that occurred before in the text; 0 of a short one."""
    words = text.split()
    if len(words) < _FEW:
        return 0.0
    grams: list[Any] = [tuple(words[i : i + _GRAM]) for i in range(len(words) - _GRAM + 1)]
    return 1 - len(set(grams)) / len(grams)
