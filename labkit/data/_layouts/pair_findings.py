"""The findings of ``check`` about pairs of source and target: sides that are empty, copied, swapped, or of another row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from labkit.data import _scan
from labkit.data._corpus import Corpus
from labkit.data._findings import finding
from labkit.data._layouts.pairs import pairs_of
from labkit.data._report import Finding
from labkit.data._scan import Scan


def pair_findings(corpus: Corpus, scans: Mapping[str, Scan]) -> Iterator[Finding]:
    """Everything that is found in source and target side by side."""
    if not any("target" in rows.column_names for rows in corpus.splits.values()):
        return
    pairs = pairs_of(corpus)
    yield from finding(
        "empty_target",
        "warning",
        {name: [i for i, answer in enumerate(rows.answers) if answer is None] for name, rows in scans.items()},
        scans,
        "Rows have no target, so there is nothing to learn from or to compare with.",
        "drop_empty",
    )
    yield from finding(
        "copied_target",
        "warning",
        pairs.places(pairs.copies),
        scans,
        "The target is the source again, word for word: it was not translated, or not summarised.",
        "drop_copies",
    )
    yield from finding(
        "swapped_sides",
        "error",
        pairs.places(pairs.swapped),
        scans,
        "The source is in the language of the targets, and the target in that of the sources.",
        "swap_sides",
    )
    yield from finding(
        "other_language",
        "warning",
        pairs.places(pairs.other_language),
        scans,
        "The target is in another language than the others: hardly any of its words stands in another target, or they are "
        "those of the sources.",
        "drop_misaligned",
    )
    yield from finding(
        "misaligned",
        "warning",
        pairs.places(pairs.strangers),
        scans,
        "The target does not belong to its source: by what the other rows show, its words are likelier without this source "
        "than with it. Look at these rows; where many follow each other, one side is shifted by a line.",
        "drop_misaligned",
    )
    yield from finding(
        "far_lengths",
        "warning",
        pairs.places(pairs.far_lengths),
        scans,
        "The target is far longer or shorter, beside its source, than those of nearly all other rows.",
        "drop_misaligned",
    )
    yield from finding(
        "target_longer",
        "info",
        pairs.places(pairs.longer),
        scans,
        "The target is longer than its source, though most are much shorter.",
    )
    yield from finding(
        "numbers_differ",
        "info",
        pairs.places(pairs.numbers),
        scans,
        "A number in digits stands on one side only; it may be written out on the other, or be wrong.",
    )
    yield from _repeats(scans)


def _repeats(scans: Mapping[str, Scan]) -> Iterator[Finding]:
    torn = {name: _scan.conflicts(rows) for name, rows in scans.items()}
    yield from finding(
        "several_targets",
        "info",
        {name: sorted(i for group in groups.values() for i in group) for name, groups in torn.items()},
        scans,
        "The same source has different targets. All may be right; a model learns to choose between them by chance.",
    )
    of: dict[object, set[bytes | None]] = defaultdict(set)
    for rows in scans.values():
        for key, answer in zip(rows.keys, rows.answers, strict=True):
            if answer is not None:
                of[answer].add(key)
    yield from finding(
        "repeated_targets",
        "info",
        {
            name: [i for i, answer in enumerate(rows.answers) if len(of[answer]) > 1 and answer]
            for name, rows in scans.items()
        },
        scans,
        "Different sources have the same target, which is rare among long texts and usual among short ones.",
    )
