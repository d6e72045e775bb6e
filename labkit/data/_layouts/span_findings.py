"""The findings of ``check`` about spans: tags that break their scheme, spans in each other's way, and labels that contradict
those of the same words elsewhere."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from labkit.data._corpus import Corpus
from labkit.data._findings import finding
from labkit.data._layouts.span_edges import cuts_word, trim
from labkit.data._layouts.spans import Span, overlaps
from labkit.data._layouts.spans_layout import BROKEN
from labkit.data._report import Finding
from labkit.data._scan import Scan, batches
from labkit.data._texts import visible

_OFTEN = 3  # places where a name must be labelled before it counts as missed elsewhere
_WORD = re.compile(r"\w+")
_SHOWN = 3

Positions = dict[str, list[int]]


@dataclass(kw_only=True)
class _Seen:
    """What one pass over all spans found; positions are rows, by split."""

    broken: Positions = field(default_factory=lambda: defaultdict(list))
    overlapping: Positions = field(default_factory=lambda: defaultdict(list))
    loose: Positions = field(default_factory=lambda: defaultdict(list))
    cut: Positions = field(default_factory=lambda: defaultdict(list))
    pair: str = ""  # two spans that overlap
    edge: str = ""  # a span with a loose end
    # words → type → the rows where they are labelled so
    names: dict[str, dict[str, list[tuple[str, int]]]] = field(default_factory=lambda: defaultdict(dict))


def span_findings(corpus: Corpus, scans: Mapping[str, Scan]) -> Iterator[Finding]:
    """Everything that is found in the column ``spans``."""
    seen = _look(corpus)
    yield from finding(
        "broken_tag_sequences",
        "warning",
        seen.broken,
        scans,
        "Tags break their scheme, such as an I- tag with nothing before it that it could continue; such an entity was read as "
        "if it began there. Look at these rows and mend their tags.",
    )
    yield from finding(
        "overlapping_spans",
        "error",
        seen.overlapping,
        scans,
        f"Spans overlap, such as {seen.pair}; a word can have one tag only, so a model cannot learn both.",
        "keep_longest_spans",
    )
    loose, cut = (sum(map(len, at.values())) for at in (seen.loose, seen.cut))
    said = [f"white space or punctuation hangs on to a span ({seen.edge})"] if loose else []
    said += [f"a span begins or ends in the middle of a word, in {cut:,} of them"] if cut else []
    yield from finding(
        "span_edges",
        "warning",
        {split: sorted({*seen.loose[split], *seen.cut[split]}) for split in scans},
        scans,
        f"In these rows {', or '.join(said)}.",
        "trim_spans" if loose else "",
    )
    yield from _two_types(seen, scans)
    yield from _missed(corpus, seen, scans)


def _look(corpus: Corpus) -> _Seen:
    seen = _Seen()
    for split, rows in corpus.splits.items():
        if "spans" not in rows.column_names:
            continue
        at = 0
        marked = BROKEN in rows.column_names
        for batch in batches(rows, ["text", "spans", *([BROKEN] if marked else [])]):
            for i, (text, cell) in enumerate(zip(batch["text"], batch["spans"], strict=True), at):
                if marked and batch[BROKEN][i - at]:
                    seen.broken[split].append(i)
                if cell:
                    _look_at(text, [Span(**span) for span in cell], split, i, seen)
            at += len(batch["text"])
    return seen


def _look_at(text: str, spans: list[Span], split: str, at: int, seen: _Seen) -> None:
    if pairs := overlaps(spans):
        seen.overlapping[split].append(at)
        seen.pair = seen.pair or " and ".join(_shown(text, span) for span in pairs[0])
    if trim(text, spans) != sorted(set(spans)):
        seen.loose[split].append(at)
        seen.edge = seen.edge or next(repr(visible(text[s.start : s.end], 40)) for s in spans if trim(text, [s]) != [s])
    if any(cuts_word(text, span) for span in spans):
        seen.cut[split].append(at)
    for span in spans:
        seen.names[text[span.start : span.end]].setdefault(span.label, []).append((split, at))


def _shown(text: str, span: Span) -> str:
    return f"{visible(text[span.start : span.end], 30)!r} ({visible(span.label, 30)})"


def _two_types(seen: _Seen, scans: Mapping[str, Scan]) -> Iterator[Finding]:
    """Words that have one type here and another there; listed are the rows with the rarer one."""
    families: dict[str, dict[str, list[tuple[str, int]]]] = defaultdict(dict)
    for name, types in seen.names.items():
        for label, places in types.items():
            families[name.casefold()].setdefault(label, []).extend(places)
    torn = {name: types for name, types in families.items() if len(types) > 1}
    rare: Positions = defaultdict(list)
    lonely = 0
    for types in torn.values():
        sizes = Counter({label: len(places) for label, places in types.items()})
        (common, most), (_, second) = sizes.most_common(2)
        lonely += most >= _OFTEN and second == 1
        for label, places in types.items():
            if label != common or most == second:
                for split, at in places:
                    rare[split].append(at)
    ranked = sorted(torn, key=lambda name: (-min(map(len, torn[name].values())), name))
    examples = [
        f"{visible(name, 30)!r} ("
        + ", ".join(f"{visible(label, 20)} {len(places):,}×" for label, places in sorted(torn[name].items()))
        + ")"
        for name in ranked[:_SHOWN]
    ]
    yield from finding(
        "one_text_two_types",
        "warning" if lonely else "info",
        {split: sorted(set(rare[split])) for split in scans},
        scans,
        f"The same words have different types in different places: {', '.join(examples)}{', …' if len(torn) > _SHOWN else ''}. "
        "Listed are the rows with the rarer type; some words do mean two things.",
    )


def _missed(corpus: Corpus, seen: _Seen, scans: Mapping[str, Scan]) -> Iterator[Finding]:
    """Words that are labelled in several places and not in others."""
    sizes = {name: sum(map(len, types.values())) for name, types in seen.names.items()}
    known = {name for name, size in sizes.items() if size >= _OFTEN and _is_name(name)}
    places: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for split, at, name in _unlabelled(corpus, known):
        places[name].append((split, at))
    # words that are more often no entity are ambiguous, not missed
    missed = {name: found for name, found in places.items() if len(found) < sizes[name]}
    rows: Positions = defaultdict(list)
    for found in missed.values():
        for split, at in found:
            rows[split].append(at)
    ranked = sorted(missed, key=lambda name: (len(missed[name]) / sizes[name], name))
    examples = [f"{visible(name, 30)!r} ({sizes[name]:,} and {len(missed[name]):,})" for name in ranked[:_SHOWN]]
    yield from finding(
        "missed_mentions",
        "info",
        {split: sorted(set(rows[split])) for split in scans},
        scans,
        f"Names that are labelled in {_OFTEN} places or more are not labelled here, which may be an oversight: "
        f"{', '.join(examples)}{', …' if len(missed) > _SHOWN else ''}.",
    )


def _is_name(words: str) -> bool:
    """Whether the words hardly ever mean something else: a capital, or several words with letters."""
    return any(word[:1].isupper() for word in _WORD.findall(words)) or (
        len(words.split()) > 1 and any(map(str.isalpha, words))
    )


def _unlabelled(corpus: Corpus, known: set[str]) -> Iterator[tuple[str, int, str]]:
    """Split, row and words wherever known words stand outside of every span of a labelled row."""
    by_first: dict[str, list[str]] = defaultdict(list)
    for name in sorted(known, key=len, reverse=True):
        if match := _WORD.match(name):
            by_first[match.group()].append(name)
    if not by_first:
        return
    for split, rows in corpus.splits.items():
        if "spans" not in rows.column_names:
            continue
        at = 0
        for batch in batches(rows, ["text", "spans"]):
            for i, (text, cell) in enumerate(zip(batch["text"], batch["spans"], strict=True), at):
                if cell is None:
                    continue
                end = 0
                for word in _WORD.finditer(text):
                    start = word.start()
                    if start < end:
                        continue
                    for name in by_first.get(word.group(), ()):
                        stop = start + len(name)
                        if text.startswith(name, start) and not _goes_on(text, stop):
                            break
                    else:
                        continue
                    end = stop
                    if all(span["end"] <= start or span["start"] >= stop for span in cell):
                        yield split, i, name
            at += len(batch["text"])


def _goes_on(text: str, at: int) -> bool:
    """Whether a word continues there."""
    return text[at : at + 1].isalnum() and text[at - 1].isalnum()
