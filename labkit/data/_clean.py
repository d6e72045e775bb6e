"""Repairs of a corpus, by name. Each is counted in ``Corpus.steps`` and remembered in ``Corpus.config.repairs``.

Row ids never change, and the source files are never touched.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from labkit.data import _scan
from labkit.data._corpus import Corpus, Step
from labkit.data._layouts import span_edges as _span_edges
from labkit.data._layouts import spans as _spans
from labkit.data._layouts import text_rows as _text_rows
from labkit.data._layouts.answers import Answer, as_answers, has_answers, label_of, trimmed, without_bad
from labkit.data._layouts.multi import natural
from labkit.data._layouts.pairs import Pairs, pairs_of
from labkit.data._layouts.registry import layout_of
from labkit.data._layouts.score_cells import REFUSED
from labkit.data._layouts.spans import Span
from labkit.data._scan import Scan, batches, scan_all, text_columns
from labkit.data._texts import fix_mojibake, label_key, strip_control, strip_markup
from labkit.errors import DataError, UnknownName

VERY_LONG = 20_000
"""Characters beyond which a text is suspected to be a reading error, such as a quote that is never closed."""

_IN_MEMORY = 200_000  # rows; a larger split whose texts change goes to the cache on disk

Outcome = tuple[dict[str, Any], dict[str, int], str]
"""The splits after a repair, the number of rows it touched in each, and a sentence."""


def clean(corpus: Corpus, *repairs: str | Iterable[str]) -> Corpus:
    """Repair a corpus.

    Args:
        corpus: not yet split or balanced by ``split`` or ``balance``; splits that the source came in are all repaired.
        repairs: names from ``REPAIRS``, or sequences of them such as ``check(corpus).repairs``; made in this order.

    Returns:
        A corpus with one more step for each repair, also for those that found nothing to do.

    Raises:
        UnknownName: no repair has that name.
        DataError: the corpus is split or balanced already, or a repair would leave a split without rows or, as a corpus with
            spans, with offsets that no longer fit its texts.
    """
    names = [name for given in repairs for name in ([given] if isinstance(given, str) else given)]
    for name in names:
        if name not in REPAIRS:
            raise UnknownName("repair", name, REPAIRS)
        _refuse(name, corpus)
    late = _scan.done(corpus, *_scan.AFTER_READING)
    if late and names:
        raise DataError("repairs before the split", f"a corpus after {late}()", "clean first, then split, then balance")
    cleaned = corpus
    for name in names:
        splits, counts, text = REPAIRS[name](cleaned)
        for split, rows in splits.items():
            if not len(rows) and cleaned.rows[split]:
                raise DataError(
                    f"rows left in {split} after the repair {name!r}",
                    f"none of {cleaned.rows[split]:,}",
                    "look at the rows that check(corpus) lists before you repair them",
                )
        cleaned = cleaned.replace(
            splits=splits,
            steps=(*cleaned.steps, Step(name=name, counts=counts, text=text)),
            config=dataclasses.replace(cleaned.config, repairs=(*cleaned.config.repairs, name)),
        )
    return cleaned.replace(labels=present_labels(cleaned)) if names else corpus


def _refuse(name: str, corpus: Corpus) -> None:
    if corpus.scores and name in REFUSED:
        do = f"use {REFUSED[name]!r} instead" if REFUSED[name] else "leave it out: a score is no class"
        raise DataError("repairs of scores", f"{name!r}, which is about classes", do)
    layout = layout_of(corpus.config.layout)
    if name in layout.refused:
        instead = layout.refused[name]
        do = f"use {instead!r} instead" if instead else layout.advice
        raise DataError(f"repairs that leave {corpus.config.layout} in place", f"{name!r}", do)


def present_labels(corpus: Corpus) -> tuple[str, ...]:
    """The labels that still occur, in the order they had; a new spelling takes the place of the one it replaces."""
    present: set[str] = set()
    for rows in corpus.splits.values():
        if "label" in rows.column_names:
            for batch in batches(rows, ["label"], 20_000):
                present.update(_scan.label_counts(map(_scan.as_labels, batch["label"])))
    place: dict[str, int] = {}
    for i, label in enumerate(corpus.labels):
        place.setdefault(label_key(label), i)
    place |= {label: i for i, label in enumerate(corpus.labels)}
    last = len(corpus.labels)
    return tuple(sorted(present, key=lambda label: (place.get(label, place.get(label_key(label), last)), label)))


# --- changing cells -------------------------------------------------------------------------------------------------


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    import datasets

    if datasets.are_progress_bars_disabled():
        yield
        return
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.enable_progress_bars()


def _map(rows: Any, function: Callable[..., dict[str, list[Any]]], *, numbered: bool = False, **arguments: Any) -> Any:
    """``rows`` with the columns that ``function`` returns for a batch, and for its positions where it is ``numbered``."""

    def mapped(keep_in_memory: bool) -> Any:
        return rows.with_format(None).map(
            function,
            batched=True,
            with_indices=numbered,
            fn_kwargs=arguments,
            features=rows.features,
            keep_in_memory=keep_in_memory,
            load_from_cache_file=False,  # a later version of a repair must not find the result of an earlier one
        )

    with _no_progress_bars():
        if len(rows) <= _IN_MEMORY:
            return mapped(True)
        try:
            return mapped(False)
        except OSError:  # the cache lies on a full or read-only disk
            return mapped(True)


def _apply(text: Any, repair: str) -> Any:
    if isinstance(text, list):  # the messages of a conversation
        return [{**one, "content": _apply(one["content"], repair)} for one in text]
    return None if text is None else _TEXT_REPAIRS[repair](text)


def _map_texts(batch: Mapping[str, list[Any]], columns: list[str], repair: str) -> dict[str, list[Any]]:
    return {name: [_apply(text, repair) for text in batch[name]] for name in columns}


def _map_labels(batch: Mapping[str, list[Any]], spelling: Mapping[str, str]) -> dict[str, list[Any]]:
    def respelt(cell: Any) -> Any:
        if cell is None:
            return None
        if isinstance(cell, str):
            return spelling.get(cell, cell)
        return list(dict.fromkeys(spelling.get(label, label) for label in cell))

    return {"label": [respelt(cell) for cell in batch["label"]]}


def _repair_texts(corpus: Corpus, repair: str, text: str) -> Outcome:
    splits, counts = dict(corpus.splits), {}
    for name, rows in corpus.splits.items():
        columns = text_columns(rows, corpus.config.layout)
        columns += ["messages"] if corpus.config.layout == "texts" and "messages" in rows.column_names else []
        counts[name] = sum(
            any(_apply(part, repair) != part for part in parts)
            for batch in batches(rows, columns)
            for parts in zip(*(batch[column] for column in columns), strict=True)
        )
        if counts[name]:
            splits[name] = _map(rows, _map_texts, columns=columns, repair=repair)
    return splits, counts, text


SpanRepair = Callable[[str, Sequence[Span]], list[Span]]


def _map_spans(batch: Mapping[str, list[Any]], repair: SpanRepair) -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {"spans": [], "label": []}
    for text, before in zip(batch["text"], batch["spans"], strict=True):
        spans = None if before is None else repair(text, [Span(**span) for span in before])
        made["spans"].append(None if spans is None else [span._asdict() for span in spans])
        made["label"].append(None if spans is None else sorted({span.label for span in spans}, key=natural))
    return made


def _repair_spans(corpus: Corpus, repair: SpanRepair, text: str) -> Outcome:
    """A repair of the spans of each row; a corpus without spans stays as it is."""
    splits, counts = dict(corpus.splits), dict.fromkeys(corpus.splits, 0)
    for name, rows in corpus.splits.items():
        if "spans" not in rows.column_names:
            continue
        for batch in batches(rows, ["text", "spans"]):
            after = _map_spans(batch, repair)["spans"]
            counts[name] += sum(old != new for old, new in zip(batch["spans"], after, strict=True))
        if counts[name]:
            splits[name] = _map(rows, _map_spans, repair=repair)
    return splits, counts, text


# --- dropping rows --------------------------------------------------------------------------------------------------


def _drop(corpus: Corpus, positions: Mapping[str, Iterable[int]], text: str) -> Outcome:
    splits, counts = dict(corpus.splits), {}
    for name, rows in corpus.splits.items():
        gone = set(positions.get(name, ()))
        counts[name] = len(gone)
        if gone:
            splits[name] = rows.select([i for i in range(len(rows)) if i not in gone])
    return splits, counts, text


def _drop_each(corpus: Corpus, find: Callable[[Scan], Iterable[int]], text: str) -> Outcome:
    return _drop(corpus, {name: find(rows) for name, rows in scan_all(corpus).items()}, text)


# --- the repairs ----------------------------------------------------------------------------------------------------


def strip_whitespace(text: str) -> str:
    """The text without white space at its ends."""
    return text.strip()


_TEXT_REPAIRS: dict[str, Callable[[str], str]] = {
    "strip_markup": strip_markup,
    "fix_mojibake": fix_mojibake,
    "strip_control": strip_control,
    "strip_whitespace": strip_whitespace,
}


def _strip_markup(corpus: Corpus) -> Outcome:
    """Take HTML tags out of texts and turn entities into characters."""
    return _repair_texts(corpus, "strip_markup", "Took HTML tags out and turned entities into characters.")


def _fix_mojibake(corpus: Corpus) -> Outcome:
    """Decode UTF-8 that was read as Windows-1252 or Latin-1, sequence by sequence."""
    return _repair_texts(corpus, "fix_mojibake", "Decoded UTF-8 that had been read as Windows-1252 or Latin-1.")


def _strip_control(corpus: Corpus) -> Outcome:
    """Take control, zero-width, direction-override and replacement characters out of texts."""
    return _repair_texts(corpus, "strip_control", "Took control and invisible characters out of texts.")


def _strip_whitespace(corpus: Corpus) -> Outcome:
    """Take white space off the ends of texts."""
    return _repair_texts(corpus, "strip_whitespace", "Took white space off the ends of texts.")


def _drop_empty(corpus: Corpus) -> Outcome:
    """Drop rows whose text, or either text of a pair, has nothing to read."""
    pairs = corpus.config.layout == "pairs"

    def empty(rows: Scan) -> list[int]:
        both = enumerate(zip(rows.keys, rows.answers, strict=True))
        return [i for i, (key, target) in both if key is None or (pairs and target is None)]

    return _drop_each(corpus, empty, "Dropped rows with an empty text.")


def _drop_very_long(corpus: Corpus) -> Outcome:
    """Drop rows with a text of more than 20,000 characters."""
    positions: dict[str, list[int]] = {}
    for name, rows in corpus.splits.items():
        columns, at, found = text_columns(rows, corpus.config.layout), 0, []
        for batch in batches(rows, columns):
            for parts in zip(*(batch[column] for column in columns), strict=True):
                if any(part is not None and len(part) > VERY_LONG for part in parts):
                    found.append(at)
                at += 1
        positions[name] = found
    return _drop(corpus, positions, f"Dropped rows with a text of more than {VERY_LONG:,} characters.")


def _merge_label_variants(corpus: Corpus) -> Outcome:
    """Give labels that differ only by case, spaces, hyphens or underscores the spelling most of them have."""
    scans = scan_all(corpus)
    spelling = _scan.label_variants(scans)
    splits, counts = dict(corpus.splits), {}
    for name, rows in scans.items():
        counts[name] = len(_scan.having(rows, set(spelling)))
        if counts[name]:
            splits[name] = _map(corpus.splits[name], _map_labels, spelling=spelling)
    return splits, counts, _merged(spelling)


def _merged(spelling: Mapping[str, str]) -> str:
    merged = ", ".join(f"{old!r} → {new!r}" for old, new in list(spelling.items())[:10])
    more = f" and {len(spelling) - 10:,} more" if len(spelling) > 10 else ""
    return f"Merged spellings of labels: {merged}{more}." if merged else "Found one spelling per label."


def _merge_type_variants(corpus: Corpus) -> Outcome:
    """Give types of spans that differ only by case, spaces, hyphens or underscores the spelling most rows have."""
    spelling = _scan.label_variants(scan_all(corpus))

    def respelt(text: str, spans: Sequence[Span]) -> list[Span]:
        return [span._replace(label=spelling.get(span.label, span.label)) for span in spans]

    return _repair_spans(corpus, respelt, _merged(spelling))


def _trim_spans(corpus: Corpus) -> Outcome:
    """Take white space and hanging punctuation off the ends of spans."""
    text = "Took white space and hanging punctuation off the ends of spans."
    return _repair_spans(corpus, _span_edges.trim, text)


def _keep_longest_spans(corpus: Corpus) -> Outcome:
    """Of spans that overlap, keep the longest, of equally long ones the first."""

    def kept(text: str, spans: Sequence[Span]) -> list[Span]:
        return _spans.longest(spans)

    return _repair_spans(corpus, kept, "Of spans that overlap, kept the longest.")


AnswerRepair = Callable[[str, Sequence[Answer]], list[Answer]]


def _map_answers(batch: Mapping[str, list[Any]], repair: AnswerRepair) -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {"answers": [], "label": []}
    for context, cell in zip(batch["text_pair"], batch["answers"], strict=True):
        before = as_answers(cell)
        answers = None if before is None else repair(context or "", before)
        made["answers"].append(None if answers is None else [one._asdict() for one in answers])
        made["label"].append(label_of(answers))
    return made


def _repair_answers(corpus: Corpus, repair: AnswerRepair, text: str) -> Outcome:
    """A repair of the answers of each row; a row that had some and is left without goes."""
    splits, counts = dict(corpus.splits), dict.fromkeys(corpus.splits, 0)
    for name, rows in corpus.splits.items():
        if not has_answers(rows):
            continue
        gone, at = set(), 0
        for batch in batches(rows, ["text_pair", "answers"]):
            after = _map_answers(batch, repair)["answers"]
            for i, (old, new) in enumerate(zip(batch["answers"], after, strict=True), at):
                counts[name] += old != new
                if old and not new:
                    gone.add(i)
            at += len(after)
        if counts[name]:
            kept = rows.select([i for i in range(len(rows)) if i not in gone]) if gone else rows
            splits[name] = _map(kept, _map_answers, repair=repair) if len(kept) else kept
    return splits, counts, text


def _drop_bad_answers(corpus: Corpus) -> Outcome:
    """Drop answers that do not stand at their place in the context, and rows that have no other."""
    text = "Dropped answers that do not stand at their place in the context, and rows that had no other."
    return _repair_answers(corpus, without_bad, text)


def _trim_answers(corpus: Corpus) -> Outcome:
    """Take white space off the ends of answers."""

    def trim(context: str, answers: Sequence[Answer]) -> list[Answer]:
        return trimmed(answers)

    return _repair_answers(corpus, trim, "Took white space off the ends of answers.")


def _drop_bad_chats(corpus: Corpus) -> Outcome:
    """Drop conversations whose turns are out of order, or that have no answer."""
    return _drop(corpus, _text_rows.bad_chats(corpus)[0], "Dropped conversations whose turns are out of order.")


def _drop_empty_completions(corpus: Corpus) -> Outcome:
    """Drop rows whose completion, or last answer, has nothing to read."""
    return _drop(corpus, _text_rows.empty_completions(corpus), "Dropped rows with an empty completion.")


def _drop_pairs(corpus: Corpus, find: Callable[[Pairs], list[int]], text: str) -> Outcome:
    if corpus.config.layout != "pairs":
        return dict(corpus.splits), dict.fromkeys(corpus.splits, 0), text
    pairs = pairs_of(corpus)
    return _drop(corpus, pairs.places(find(pairs)), text)


def _drop_copies(corpus: Corpus) -> Outcome:
    """Drop rows whose target is their source again."""
    return _drop_pairs(corpus, lambda pairs: pairs.copies, "Dropped rows whose target is their source again.")


def _drop_misaligned(corpus: Corpus) -> Outcome:
    """Drop rows whose target cannot be that of their source: by its words, its language or its length."""
    text = "Dropped rows whose target cannot be that of their source, by its words, its language or its length."
    return _drop_pairs(corpus, lambda pairs: pairs.misaligned, text)


def _map_swapped(batch: Mapping[str, list[Any]], places: list[int], swapped: set[int]) -> dict[str, list[Any]]:
    both = [
        (target, text) if at in swapped else (text, target)
        for at, text, target in zip(places, batch["text"], batch["target"], strict=True)
    ]
    return {"text": [text for text, _ in both], "target": [target for _, target in both]}


def _swap_sides(corpus: Corpus) -> Outcome:
    """Exchange source and target where the source is in the language of the targets and the other way round."""
    splits, counts = dict(corpus.splits), dict.fromkeys(corpus.splits, 0)
    pairs = pairs_of(corpus) if corpus.config.layout == "pairs" else Pairs()
    for name, places in pairs.places(pairs.swapped).items():
        swapped = set(places)
        counts[name] = len(swapped)
        splits[name] = _map(corpus.splits[name], _map_swapped, numbered=True, swapped=swapped)
    return splits, counts, "Exchanged source and target where each is in the language of the other."


def _drop_unlabelled(corpus: Corpus) -> Outcome:
    """Drop rows without a label."""
    text = "Dropped rows without a label."
    return _drop_each(corpus, lambda rows: [i for i, labels in enumerate(rows.labels) if labels is None], text)


def _keep_majority_label(corpus: Corpus) -> Outcome:
    """Of equal texts with different labels, keep the rows with the most frequent label; none of them on a tie."""
    text = "Dropped rows whose label is outvoted, or tied, by equal texts with another label."
    return _drop_each(corpus, lambda rows: _scan.minority(rows, _scan.conflicts(rows)), text)


def _map_means(batch: Mapping[str, list[Any]], places: list[int], means: Mapping[int, float]) -> dict[str, list[Any]]:
    return {"label": [means.get(at, score) for at, score in zip(places, batch["label"], strict=True)]}


def _average_scores(corpus: Corpus) -> Outcome:
    """Of equal texts that have scores, keep the first row, with the mean of their scores."""
    splits, counts = dict(corpus.splits), dict.fromkeys(corpus.splits, 0)
    for name, rows in scan_all(corpus).items() if corpus.scores else ():
        found, first, gone = _scan.scores_of(rows), dict[bytes, int](), set[int]()
        for i, (key, answer) in enumerate(zip(rows.keys, rows.answers, strict=True)):
            if key in found and answer is not None and first.setdefault(key, i) != i:
                gone.add(i)
        means = {at: math.fsum(found[key]) / len(found[key]) for key, at in first.items()}
        counts[name] = len(gone)
        if gone:
            averaged = _map(splits[name], _map_means, numbered=True, means=means)
            splits[name] = averaged.select([i for i in range(len(averaged)) if i not in gone])
    return splits, counts, "Of equal texts, kept the first row, with the mean of their scores."


def _drop_conflicts(corpus: Corpus) -> Outcome:
    """Drop every row whose text also occurs with another label, or with a very different score."""
    text = "Dropped rows whose text also occurs with another label."
    if corpus.scores:
        text = "Dropped rows whose text also occurs with a very different score."
    return _drop_each(corpus, lambda rows: [i for group in _scan.conflicts(rows).values() for i in group], text)


def _drop_duplicates(corpus: Corpus) -> Outcome:
    """Drop rows with the same text and label as an earlier row of their split."""
    return _drop_each(
        corpus, _scan.duplicates, "Dropped rows equal in text and label to an earlier row of their split."
    )


def _drop_shared(corpus: Corpus) -> Outcome:
    """Drop rows of train whose text is in validation or test, and rows of validation whose text is in test.

    The test set stays as given, so that scores on it remain comparable with those of others.
    """
    text = "Dropped rows of train (and validation) whose text is also in validation or test; test stays as given."
    return _drop(corpus, _scan.shared(scan_all(corpus)), text)


def _drop_small_classes(corpus: Corpus) -> Outcome:
    """Drop rows of classes that have a single row, which cannot be on both sides of a split."""
    scans = scan_all(corpus)
    small = _scan.small_classes(scans, below=2)
    text = f"Dropped {len(small):,} classes with a single row."
    return _drop(corpus, {name: _scan.having(rows, small) for name, rows in scans.items()}, text)


def _drop_unseen_labels(corpus: Corpus) -> Outcome:
    """Drop rows of validation and test with a label that no row of train has."""
    scans = scan_all(corpus)
    unseen = _scan.unseen_labels(scans)
    text = f"Dropped rows of {len(unseen):,} labels that no training row has."
    return _drop(corpus, {name: _scan.having(rows, unseen) for name, rows in scans.items()}, text)


REPAIRS: dict[str, Callable[[Corpus], Outcome]] = {
    "strip_markup": _strip_markup,
    "fix_mojibake": _fix_mojibake,
    "strip_control": _strip_control,
    "strip_whitespace": _strip_whitespace,
    "drop_empty": _drop_empty,
    "drop_very_long": _drop_very_long,
    "merge_label_variants": _merge_label_variants,
    "merge_type_variants": _merge_type_variants,
    "trim_spans": _trim_spans,
    "keep_longest_spans": _keep_longest_spans,
    "trim_answers": _trim_answers,
    "drop_bad_answers": _drop_bad_answers,
    "swap_sides": _swap_sides,
    "drop_copies": _drop_copies,
    "drop_misaligned": _drop_misaligned,
    "drop_bad_chats": _drop_bad_chats,
    "drop_empty_completions": _drop_empty_completions,
    "drop_unlabelled": _drop_unlabelled,
    "keep_majority_label": _keep_majority_label,
    "drop_conflicts": _drop_conflicts,
    "average_scores": _average_scores,
    "drop_duplicates": _drop_duplicates,
    "drop_shared": _drop_shared,
    "drop_unseen_labels": _drop_unseen_labels,
    "drop_small_classes": _drop_small_classes,
}
"""Name → repair, in the order in which they work best: texts and spans before rows, and the vote among equal texts while every
row still counts, before duplicates go. The docstring of each says what it does."""
