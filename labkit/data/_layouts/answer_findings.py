"""The findings of ``check`` about answers: those that do not stand where they should, and contexts on both sides of a split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from labkit.data._corpus import Corpus
from labkit.data._findings import finding
from labkit.data._layouts.answers import LONG, MOVED, Answer, as_answers, cut, has_answers, loose, stands
from labkit.data._report import Finding
from labkit.data._scan import Scan, batches
from labkit.data._texts import text_key, visible


def answer_findings(corpus: Corpus, scans: Mapping[str, Scan]) -> Iterator[Finding]:
    """Everything that is found in the columns ``answers`` and ``text_pair``."""
    at: dict[str, dict[str, list[int]]] = {kind: defaultdict(list) for kind in ("bad", "moved", "long", "loose", "cut")}
    shown: dict[str, str] = {}
    contexts: dict[str, list[bytes]] = {}
    for split, rows in corpus.splits.items():
        contexts[split] = []
        if not has_answers(rows):
            continue
        marked = MOVED in rows.column_names
        i = -1
        for batch in batches(rows, ["text_pair", "answers", *([MOVED] if marked else [])]):
            moved = batch[MOVED] if marked else [False] * len(batch["answers"])
            for context, cell, was in zip(batch["text_pair"], batch["answers"], moved, strict=True):
                i += 1
                contexts[split].append(text_key(context or ""))
                for kind in _kinds(context or "", as_answers(cell) or (), shown):
                    at[kind][split].append(i)
                if was:
                    at["moved"][split].append(i)
    yield from finding(
        "bad_answers",
        "error",
        at["bad"],
        scans,
        f"Answers do not stand at their place in the context, such as {shown.get('bad', '')}; a model cannot learn where they "
        "are. The repair takes them out, and with them the rows that have no other.",
        "drop_bad_answers",
    )
    yield from finding(
        "moved_answers",
        "warning",
        at["moved"],
        scans,
        "Answers did not stand where they were said to, or nothing was said and they occur several times; they are taken where "
        "their text stands nearby, or first. Look at these rows.",
    )
    yield from finding(
        "long_answers",
        "warning",
        at["long"],
        scans,
        f"Answers have more than {LONG} words, such as {shown.get('long', '')}; no prediction is longer than that.",
    )
    kinds = [
        ("loose", "white space hangs on to an answer"),
        ("cut", "an answer begins or ends in the middle of a word"),
    ]
    said = [f"{text} ({shown[kind]})" for kind, text in kinds if kind in shown]
    yield from finding(
        "answer_edges",
        "warning",
        {split: sorted({*at["loose"][split], *at["cut"][split]}) for split in scans},
        scans,
        f"In these rows {', or '.join(said)}.",
        "trim_answers" if "loose" in shown else "",
    )
    yield from _shared_contexts(contexts, scans)


def _kinds(context: str, answers: tuple[Answer, ...], shown: dict[str, str]) -> set[str]:
    """What is wrong with the answers of a row; the first of each kind is kept to be shown."""
    found = {}
    for one in answers:
        there = stands(context, one)
        for kind, holds in (
            ("bad", not there),
            ("long", len(one.text.split()) > LONG),
            ("loose", loose(one)),
            ("cut", there and cut(context, one)),
        ):
            if holds:
                found[kind] = repr(visible(one.text, 40))
    for kind, text in found.items():
        shown.setdefault(kind, text)
    return set(found)


def _shared_contexts(contexts: Mapping[str, list[bytes]], scans: Mapping[str, Scan]) -> Iterator[Finding]:
    train = set(contexts.get("train", ()))
    held_out = {
        split: [i for i, key in enumerate(keys) if key in train] for split, keys in contexts.items() if split != "train"
    }
    both = {contexts[split][i] for split, rows in held_out.items() for i in rows}
    yield from finding(
        "shared_contexts",
        "warning",
        held_out,
        scans,
        f"{len(both):,} contexts of validation or test are also in train: these questions are easier than new ones would be. "
        "Splits that labkit makes keep the questions of a context together.",
    )
