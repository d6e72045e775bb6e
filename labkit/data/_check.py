"""Looking for what is wrong with a data set. Nothing is changed; ``clean`` repairs."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from labkit.data import _findings, _scan
from labkit.data._clean import VERY_LONG
from labkit.data._corpus import Corpus, LayoutName
from labkit.data._findings import SANE, Facts, share_of
from labkit.data._layouts import text_findings as _text_findings
from labkit.data._layouts.answer_findings import answer_findings
from labkit.data._layouts.layout import Layout
from labkit.data._layouts.pair_findings import pair_findings
from labkit.data._layouts.registry import layout_of
from labkit.data._layouts.score_findings import score_findings, summary
from labkit.data._layouts.span_findings import span_findings
from labkit.data._report import DataReport, Finding, Lengths, Severity
from labkit.data._scan import Scan, batches, text_columns
from labkit.data._texts import fix_mojibake, has_control, has_markup
from labkit.errors import DataError

_CUT = 50_000  # characters of a text that are tokenized: no model reads more, and time and memory stay bounded
_BATCH_ROWS, _BATCH_CHARACTERS = 1000, 2_000_000
_BINS = 20
_DEFAULT_LENGTH = 512
_OF_LAYOUT: Mapping[str, Callable[[Corpus, Mapping[str, Scan]], Iterable[Finding]]] = {
    "spans": span_findings,
    "answers": answer_findings,
    "texts": _text_findings.text_findings,
    "pairs": pair_findings,
}
_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


class Tokenizer(Protocol):
    """What ``check`` needs of a tokenizer; those of transformers have it."""

    def __call__(self, text: Any, text_pair: Any = None, **options: Any) -> Any: ...


def check(corpus: Corpus, tokenizer: Tokenizer | None = None, *, max_length: int | None = None) -> DataReport:
    """Look for defects in texts, labels and splits.

    Args:
        corpus: any.
        tokenizer: a tokenizer of transformers; without one, lengths are in words and characters only.
        max_length: tokens, special ones included, to which texts will be truncated; by default what the tokenizer says,
            or 512 where it knows no limit.

    Returns:
        The report. Each finding has a severity, a count, row ids and the call that repairs it.

    Raises:
        DataError: no split, or ``max_length`` below 1.
    """
    if not corpus.splits:
        raise DataError("a corpus with at least one split", "none", "load one first")
    if max_length is not None and max_length < 1:
        raise DataError("a max_length of at least 1 token", str(max_length), "leave it out for the tokenizer's own")
    limit = _limit(tokenizer)
    length = None if tokenizer is None else (max_length or limit or _DEFAULT_LENGTH)
    scans = _scan.scan_all(corpus)
    facts = {name: _facts(rows, tokenizer, length, corpus.config.layout) for name, rows in corpus.splits.items()}
    found = [
        *_findings.text_findings(scans, facts),
        *_findings.token_findings(scans, facts, length, limit),
        *_findings.row_findings(corpus, scans),
    ]
    if corpus.scores:
        found += score_findings(corpus, scans)
    elif corpus.labels or any(labels is not None for rows in scans.values() for labels in rows.labels):
        found += _findings.label_findings(corpus, scans)
    if corpus.config.layout in _OF_LAYOUT:
        found += _OF_LAYOUT[corpus.config.layout](corpus, scans)
    found = [_repairable(one, layout_of(corpus.config.layout)) for one in found if not _harmless(one, corpus)]
    counts = {name: _scan.label_counts(rows.labels) for name, rows in scans.items()}
    imbalance, entropy = _findings.evenness(counts.get("train") or sum(counts.values(), Counter()))
    return DataReport(
        rows=corpus.rows,
        labels={name: dict(of.most_common()) for name, of in counts.items()},
        label_count=len(set().union(*counts.values())),
        unlabelled={name: sum(labels is None for labels in rows.labels) for name, rows in scans.items()},
        multi_label=corpus.multi_label,
        paired=corpus.paired,
        lengths=_lengths(facts),
        tokenizer="" if tokenizer is None else _name(tokenizer),
        max_length=length,
        truncated={name: share_of(len(of.truncated), len(of.tokens)) for name, of in facts.items() if length},
        unknown={name: share_of(of.unknown_tokens, of.plain_tokens) for name, of in facts.items() if length},
        imbalance=imbalance,
        entropy=entropy,
        findings=tuple(sorted(found, key=lambda finding: _SEVERITIES.index(finding.severity))),
        notes=tuple(_notes(tokenizer, facts, max_length, limit)),
        scores={name: summary(rows) for name, rows in scans.items()} if corpus.scores else {},
        token_lengths={name: of.tokens for name, of in facts.items() if length},
    )


def _harmless(found: Finding, corpus: Corpus) -> bool:
    """Running text may be as long as it likes, because it is learnt in windows; so are the contexts of questions."""
    if corpus.config.layout == "answers":
        return found.name == "truncated"
    running = corpus.config.layout == "texts" and all(
        "target" not in rows.column_names for rows in corpus.splits.values()
    )
    return running and found.name in ("truncated", "very_long")


def _repairable(found: Finding, layout: Layout) -> Finding:
    """The finding with a repair that can be made in the layout, or without one."""
    if found.repair_name not in layout.refused:
        return found
    instead = layout.refused[found.repair_name]
    repair = f'clean(corpus, "{instead}")' if instead else ""
    return dataclasses.replace(found, repair=repair, repair_name=instead)


def _name(tokenizer: Tokenizer) -> str:
    """The hub id it was loaded from, or the end of the path."""
    stated = str(getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__)
    return "/".join(Path(stated).parts[-2:])


def _limit(tokenizer: Tokenizer | None) -> int | None:
    """The longest input of the model that the tokenizer belongs to, if it says so."""
    stated = getattr(tokenizer, "model_max_length", None)
    return int(stated) if stated is not None and 0 < stated < SANE else None


def _notes(
    tokenizer: Tokenizer | None, facts: Mapping[str, Facts], max_length: int | None, limit: int | None
) -> Iterator[str]:
    if tokenizer is None:
        return
    if max_length is None and limit is None:
        yield f"The tokenizer states no longest input; {_DEFAULT_LENGTH} tokens are assumed."
    cut = sum(of.cut for of in facts.values())
    if cut:
        yield f"Of {cut:,} texts over {_CUT:,} characters only the beginning was tokenized; they count as truncated."


def _facts(rows: Any, tokenizer: Tokenizer | None, length: int | None, layout: LayoutName) -> Facts:
    facts = Facts()
    columns = text_columns(rows, layout)
    # what a model reads in one piece: a pair of texts, but of source and target the source
    read = 1 if layout == "pairs" else len(columns)
    waiting: list[tuple[str, ...]] = []
    size = 0
    for batch in batches(rows, columns):
        for cells in zip(*(batch[name] for name in columns), strict=True):
            parts = tuple(cell or "" for cell in cells)
            _look(parts, len(facts.words), facts, read)
            if tokenizer is not None and length is not None:
                short = tuple(part[:_CUT] for part in parts[:read])
                waiting.append(short)
                size += sum(map(len, short))
                if len(waiting) == _BATCH_ROWS or size > _BATCH_CHARACTERS:
                    _tokenize(waiting, tokenizer, length, facts)
                    waiting, size = [], 0
    if waiting and tokenizer is not None and length is not None:
        _tokenize(waiting, tokenizer, length, facts)
    return facts


def _look(parts: tuple[str, ...], at: int, facts: Facts, read: int) -> None:
    facts.words.append(sum(len(part.split()) for part in parts[:read]))
    facts.characters.append(sum(map(len, parts[:read])))
    repaired = [fix_mojibake(part) for part in parts]
    for positions, holds in (
        (facts.mojibake, any(new != old for new, old in zip(repaired, parts, strict=True))),
        # after decoding, since C1 characters that stand for quotation marks are counted as mojibake already
        (facts.control, any(map(has_control, repaired))),
        (facts.whitespace, any(part != part.strip() for part in parts)),
        (facts.markup, any(map(has_markup, parts))),
        (facts.very_long, any(len(part) > VERY_LONG for part in parts)),
    ):
        if holds:
            positions.append(at)
    facts.replaced += any("\ufffd" in part for part in parts)
    facts.cut += any(len(part) > _CUT for part in parts)


def _tokenize(texts: list[tuple[str, ...]], tokenizer: Tokenizer, length: int, facts: Facts) -> None:
    encoded = tokenizer(
        *(list(column) for column in zip(*texts, strict=True)),
        add_special_tokens=True,
        truncation=False,
        padding=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    )["input_ids"]
    unknown = getattr(tokenizer, "unk_token_id", None)
    special = set(getattr(tokenizer, "all_special_ids", ())) - {unknown}
    for parts, ids in zip(texts, encoded, strict=True):
        at = len(facts.tokens)
        facts.tokens.append(len(ids))
        if len(ids) > length or any(len(part) == _CUT for part in parts):
            facts.truncated.append(at)
        misses = 0 if unknown is None else ids.count(unknown)
        if misses:
            facts.unknown.append(at)
            facts.unknown_tokens += misses
        facts.plain_tokens += sum(token not in special for token in ids)


def _lengths(facts: Mapping[str, Facts]) -> dict[str, dict[str, Lengths]]:
    result: dict[str, dict[str, Lengths]] = {name: {} for name in facts}
    for unit in ("tokens", "words", "characters"):
        of = {name: np.asarray(getattr(fact, unit), dtype=np.int64) for name, fact in facts.items()}
        if unit == "tokens" and not any(map(len, of.values())):
            continue
        # the longest percent would stretch the scale until the rest is one bar
        top = max((float(np.percentile(values, 99)) for values in of.values() if len(values)), default=0.0)
        width = max(1, math.ceil((top + 1) / _BINS))
        edges = tuple(float(width * i) for i in range(_BINS + 1))
        for name, values in of.items():
            counts, _ = np.histogram(np.minimum(values, edges[-1]), bins=edges)
            some = values if len(values) else np.zeros(1, dtype=np.int64)
            result[name][unit] = Lengths(
                mean=float(some.mean()),
                median=float(np.median(some)),
                p95=float(np.percentile(some, 95)),
                max=int(some.max()),
                edges=edges,
                counts=tuple(int(count) for count in counts),
            )
    return result
