"""The findings of ``check``: from what was seen of the rows to sentences, each with the call that repairs it."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from labkit.data import _scan
from labkit.data._clean import VERY_LONG
from labkit.data._corpus import Corpus
from labkit.data._report import Finding, Severity
from labkit.data._scan import Scan
from labkit.data._texts import visible

SANE = 100_000
"""Tokens beyond which a stated longest input means that none is known; such tokenizers claim 10^30."""

_LISTED = 10_000  # row ids of a finding


@dataclass(eq=False)
class Facts:
    """What the texts of a split are like; lists of positions, or one number a row."""

    tokens: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    characters: list[int] = field(default_factory=list)
    truncated: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    control: list[int] = field(default_factory=list)
    replaced: int = 0
    mojibake: list[int] = field(default_factory=list)
    whitespace: list[int] = field(default_factory=list)
    markup: list[int] = field(default_factory=list)
    very_long: list[int] = field(default_factory=list)
    cut: int = 0
    unknown_tokens: int = 0
    plain_tokens: int = 0


def share_of(part: int, whole: int) -> float:
    """A share, 0 of nothing."""
    return part / whole if whole else 0.0


def finding(
    name: str,
    severity: Severity,
    positions: Mapping[str, Iterable[int]],
    scans: Mapping[str, Scan],
    text: str,
    repair: str = "",
    *,
    call: str = "",
    count: int | None = None,
    unit: str = "rows",
) -> list[Finding]:
    """A list of one finding, or an empty one where there is nothing to report.

    Args:
        repair: name of a repair of ``clean``.
        call: what repairs it, where that is no repair of ``clean``.
        count: if it does not count rows.
    """
    at = {split: list(rows) for split, rows in positions.items()}
    splits = {split: len(rows) for split, rows in at.items() if rows}
    total = sum(splits.values()) if count is None else count
    if not total:
        return []
    row_ids = [scans[split].row_ids[i] for split, rows in at.items() for i in rows[:_LISTED]]
    return [
        Finding(
            name=name,
            severity=severity,
            count=total,
            row_ids=tuple(row_ids[:_LISTED]),
            text=text,
            repair=f'clean(corpus, "{repair}")' if repair else call,
            repair_name=repair,
            unit=unit,
            splits=splits,
        )
    ]


def text_findings(scans: Mapping[str, Scan], facts: Mapping[str, Facts]) -> Iterator[Finding]:
    def where(pick: Callable[[Facts], list[int]]) -> dict[str, list[int]]:
        return {name: pick(of) for name, of in facts.items()}

    empty = {name: [i for i, key in enumerate(rows.keys) if key is None] for name, rows in scans.items()}
    yield from finding("empty_text", "error", empty, scans, "These texts have nothing to read.", "drop_empty")
    yield from finding(
        "mojibake",
        "warning",
        where(lambda of: of.mojibake),
        scans,
        "Texts were read in the wrong encoding, as in 'cafÃ©' for 'café'.",
        "fix_mojibake",
    )
    replaced = sum(of.replaced for of in facts.values())
    lost = f" In {replaced:,} of them U+FFFD stands for lost letters: read the file with its encoding."
    yield from finding(
        "control_characters",
        "warning",
        where(lambda of: of.control),
        scans,
        f"Texts have control, zero-width, direction-override or replacement characters.{lost if replaced else ''}",
        "strip_control",
    )
    yield from finding(
        "very_long",
        "warning",
        where(lambda of: of.very_long),
        scans,
        f"Texts have over {VERY_LONG:,} characters; a quote that is never closed swallows lines of a CSV file.",
        "drop_very_long",
    )
    yield from finding(
        "surrounding_whitespace",
        "info",
        where(lambda of: of.whitespace),
        scans,
        "Texts begin or end with white space.",
        "strip_whitespace",
    )
    total = sum(map(len, scans.values()))
    if sum(len(of.markup) for of in facts.values()) > total / 100:
        yield from finding(
            "html_markup",
            "info",
            where(lambda of: of.markup),
            scans,
            "Texts have HTML tags or entities.",
            "strip_markup",
        )


def token_findings(
    scans: Mapping[str, Scan], facts: Mapping[str, Facts], length: int | None, limit: int | None
) -> Iterator[Finding]:
    if length is None:
        return
    total = sum(map(len, scans.values()))
    cut = {name: of.truncated for name, of in facts.items()}
    share = share_of(sum(map(len, cut.values())), total)
    longest = max((tokens for of in facts.values() for tokens in of.tokens), default=0)
    ceiling = min(longest, limit or longest)
    advice = f"max_length={min(-(-ceiling // 8) * 8, limit or SANE)}" if ceiling > length else ""
    yield from finding(
        "truncated",
        "warning" if share > 0.05 else "info",
        cut,
        scans,
        f"{share:.1%} of the texts have more than {length:,} tokens; the model sees only their beginning."
        + ("" if advice else " Cut them into windows, or choose a model with a longer input."),
        call=advice,
    )
    misses = sum(of.unknown_tokens for of in facts.values())
    unknown = share_of(misses, sum(of.plain_tokens for of in facts.values()))
    yield from finding(
        "unknown_tokens",
        "error" if unknown > 0.1 else "warning" if unknown > 0.01 else "info",
        {name: of.unknown for name, of in facts.items()},
        scans,
        f"{_some(misses, 'token')} not in the vocabulary ({unknown:.2%} of all)"
        + ("; choose a model that was trained on this language." if unknown > 0.01 else "."),
    )


def row_findings(corpus: Corpus, scans: Mapping[str, Scan]) -> Iterator[Finding]:
    answer = "target" if corpus.config.layout == "pairs" else "score" if corpus.scores else "label"
    # copies that balance() and name_classes() made are no defect
    copied = _scan.done(corpus, "balance", "name_classes")
    own = {name: rows for name, rows in scans.items() if name != "train" or not copied}
    yield from finding(
        "exact_duplicates",
        "warning",
        {name: _scan.duplicates(rows) for name, rows in own.items()},
        scans,
        f"Rows repeat the text and the {answer} of an earlier row of their split.",
        "drop_duplicates",
    )
    shared = _scan.shared(scans)
    held_out = sum(len(rows) for name, rows in scans.items() if name != "train")
    leaked = len(
        {key for name, rows in scans.items() if name != "train" for key in rows.keys if key is not None}
        & {scans[name].keys[i] for name, positions in shared.items() for i in positions}
    )
    yield from finding(
        "shared_between_splits",
        "error" if leaked > held_out / 100 else "warning",
        shared,
        scans,
        f"{_some(leaked, 'text')} in more than one split, so scores reward memory; the repair never touches test.",
        "drop_shared",
    )


def label_findings(corpus: Corpus, scans: Mapping[str, Scan]) -> Iterator[Finding]:
    yield from finding(
        "missing_label",
        "warning",
        {name: [i for i, labels in enumerate(rows.labels) if labels is None] for name, rows in scans.items()},
        scans,
        "Rows have no label.",
        "drop_unlabelled",
    )
    torn = {name: _scan.conflicts(rows) for name, rows in scans.items()}
    texts = sum(map(len, torn.values()))
    yield from finding(
        "conflicting_labels",
        "warning",
        {name: sorted(i for group in groups.values() for i in group) for name, groups in torn.items()},
        scans,
        f"{_some(texts, 'text')} in rows with different labels.",
        "keep_majority_label",
    )
    spelling = _scan.label_variants(scans)
    pairs = ", ".join(f"{visible(old, 30)!r} for {visible(new, 30)!r}" for old, new in list(spelling.items())[:3])
    yield from finding(
        "label_variants",
        "warning",
        {name: _scan.having(rows, set(spelling)) for name, rows in scans.items()},
        scans,
        f"Labels differ only by case, spaces, hyphens or underscores: {pairs}{', …' if len(spelling) > 3 else ''}.",
        "merge_label_variants",
        count=len(spelling),
        unit="labels",
    )
    yield from _class_findings(corpus, scans)


def _class_findings(corpus: Corpus, scans: Mapping[str, Scan]) -> Iterator[Finding]:
    def rows_of(labels: set[str], splits: Iterable[str] = tuple(scans)) -> dict[str, list[int]]:
        return {name: _scan.having(scans[name], labels) for name in splits}

    counts = {name: _scan.label_counts(rows.labels) for name, rows in scans.items()}
    every = sum(counts.values(), Counter[str]())
    kind = "labels" if corpus.multi_label else "classes"
    if len(every) == 1 and not corpus.multi_label:
        yield from finding(
            "one_class",
            "error",
            rows_of(set(every)),
            scans,
            f"Every label is {visible(next(iter(every)))!r}, which leaves nothing to learn; choose another column.",
            call='read(path, label="<column>")',
            count=1,
            unit=kind,
        )
    single = _scan.small_classes(scans, below=2)
    few = _scan.small_classes(scans, below=10) - single
    yield from finding(
        "single_row_classes",
        "error",
        rows_of(single),
        scans,
        f"{_named(single)} only one row, too few for both sides of a split.",
        "drop_small_classes",
        count=len(single),
        unit=kind,
    )
    yield from finding(
        "small_classes",
        "warning",
        rows_of(few),
        scans,
        f"{_named(few)} fewer than 10 rows; label more, or their scores mean little.",
        call="" if corpus.multi_label else 'balance(corpus, "oversample")',
        count=len(few),
        unit=kind,
    )
    unseen = _scan.unseen_labels(scans)
    yield from finding(
        "unseen_labels",
        "error",
        rows_of(unseen),
        scans,
        f"{_named(unseen)} rows in validation or test only, so the model cannot learn them.",
        "drop_unseen_labels",
        count=len(unseen),
        unit=kind,
    )
    base = counts.get("train") or every
    where = ["train"] if counts.get("train") else list(scans)
    ratio, _ = evenness(base)
    share = max(base.values(), default=0) / max(1, base.total())
    lopsided = not corpus.multi_label and share >= 0.8
    if ratio is not None and (ratio >= 10 or lopsided):
        largest, most = base.most_common(1)[0]
        minor = {label for label, count in base.items() if count * 10 <= most} or set(base) - {largest}
        portion = f", which has {share:.0%} of the rows" if lopsided else ""
        yield from finding(
            "imbalance",
            "warning",
            rows_of(minor, where),
            scans,
            f"The smallest class is {ratio:,.0f} times smaller than {visible(largest, 30)!r}{portion}; weigh the loss"
            + ("." if corpus.multi_label else ", or balance after the split, and do not judge by accuracy."),
            call="class_weights(corpus)",
            count=len(minor),
            unit=kind,
        )
    yield from _sorted_by_class(corpus, scans)


def _sorted_by_class(corpus: Corpus, scans: Mapping[str, Scan]) -> Iterator[Finding]:
    if "train" not in scans or _scan.done(corpus, "split", "balance"):
        return
    labels = [row for row in scans["train"].labels if row is not None]
    sizes = Counter(labels)
    expected = sum(size * (len(labels) - size) for size in sizes.values()) / max(1, len(labels))
    changes = sum(a != b for a, b in itertools.pairwise(labels))
    if len(labels) >= 20 and len(sizes) > 1 and changes < expected / 10:
        yield from finding(
            "sorted_by_class",
            "info",
            {"train": range(len(scans["train"]))},
            scans,
            "Rows are sorted by class, so never take the first or last ones; split() draws from everywhere.",
            call="split(corpus)",
        )


def _some(count: int, what: str) -> str:
    return f"{count:,} {what} is" if count == 1 else f"{count:,} {what}s are"


def _named(labels: set[str], shown: int = 3) -> str:
    names = sorted(labels)
    listed = ", ".join(repr(visible(label, 30)) for label in names[:shown])
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return f"{listed}{more} {'has' if len(names) == 1 else 'have'}"


def evenness(counts: Counter[str]) -> tuple[float | None, float | None]:
    """Largest over smallest class, and the entropy of the classes over its maximum."""
    if len(counts) < 2:
        return None, None
    total = counts.total()
    entropy = -sum(count / total * math.log(count / total) for count in counts.values()) / math.log(len(counts))
    return max(counts.values()) / min(counts.values()), min(1.0, entropy)
