"""Point metrics of predicted spans: strict ones as in CoNLL, and those that give credit for a near miss.

Strict: a predicted entity counts when its boundaries and its type are right (Tjong Kim Sang and De Meulder 2003,
CoNLL-2003), counted as the package seqeval does: over sets of (row, start, end, type), with 0 where undefined.

Near misses: SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013), after MUC-5 (Chinchor and Sundheim 1993), counted as
the package nervaluate does. Predictions are taken from left to right, and each takes at most one true entity that
none before it has taken, of those that share a character with it. "Partial" asks for boundaries only, whatever the
type: the same stretch counts 1, else the first true entity that it overlaps counts 0.5. "Type" asks for the type
only: the true entity of that type with the nearest boundaries counts 1, else the first that it overlaps is used up and
counts 0. Precision divides by the predicted entities, recall by the true ones.

Three liberties against nervaluate. Exact matches are taken before all others, so that credit for near misses never falls
below the strict figure; that matters only where spans of one side overlap each other. A span that is given twice counts
once, as in seqeval. And one shared character is an overlap, where nervaluate asks for 1 % of the true entity.

Everything follows from sums over rows, so that the bootstrap in ``labkit.evaluation`` is one matrix product.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from labkit.data._layouts.spans import Span
from labkit.errors import DataError
from labkit.tasks._span_predictions import SpanPredictions

Array = npt.NDArray[Any]

METRICS: dict[str, tuple[bool, str]] = {
    "f1": (True, "F1 over entities: boundaries and type must be right"),
    "precision": (True, "share of predicted entities that are right, boundaries and type"),
    "recall": (True, "share of true entities that were found, boundaries and type"),
    "macro_f1": (True, "F1 of each entity type, averaged with equal weight: rare types count as much as common ones"),
    "partial_f1": (True, "F1 over boundaries, whatever the type: an overlap counts half"),
    "partial_precision": (True, "share of predicted boundaries that are right, whatever the type; an overlap is half"),
    "partial_recall": (True, "share of true boundaries that were found, whatever the type; an overlap counts half"),
    "type_f1": (True, "F1 over types: the type must be right, and the boundaries overlap"),
    "exact_rows": (True, "share of rows whose predicted entities are exactly the true ones"),
}
"""Name of each metric → whether higher is better, and what it is."""

_WHOLE = ("rows", "exact", "partial", "typed")
_BY_TYPE = ("hit", "gold", "said")


class TypeCounts(NamedTuple):
    """Strict counts of one entity type.

    Attributes:
        hit: predicted entities whose boundaries and type are right.
        gold: true entities.
        said: predicted entities.
    """

    hit: int
    gold: int
    said: int


class SpanMatch(NamedTuple):
    """A true entity and what was predicted in its place.

    Attributes:
        kind: "right", "type" (the same stretch, of another type), "boundary" (an overlap, of the same type),
            "type and boundary" (an overlap, of another type), "missed" or "spurious".
        gold: the true entity, None where spurious.
        predicted: the predicted one, None where missed.
    """

    kind: str
    gold: Span | None
    predicted: Span | None


def metrics(predictions: SpanPredictions) -> dict[str, float]:
    """Every point metric of predicted spans, over the rows whose true ones are known.

    Returns:
        Values by the names of ``METRICS``; 0 where undefined, as without a single entity.

    Raises:
        DataError: no row has known spans.
    """
    sums = row_statistics(predictions).sum(axis=0)[:, None]
    return {name: float(values[0]) for name, values in from_sums(sums).items()}


def known(predictions: SpanPredictions) -> SpanPredictions:
    """The rows whose true spans are known.

    Raises:
        DataError: there is none.
    """
    labelled = [spans is not None for spans in predictions.gold or ()]
    if not any(labelled):
        raise DataError("rows with known spans", "none", "give the true spans, or predict without evaluating")
    return predictions if all(labelled) else predictions.take(labelled)


def types(predictions: SpanPredictions) -> tuple[str, ...]:
    """The entity types to count: those of the tagger, then any others among the spans, sorted.

    True entities of a type that the tagger does not know are missed entities, and are counted as such.
    """
    found = {
        span.label for rows in (predictions.gold or (), predictions.predicted) for row in rows for span in row or ()
    }
    return predictions.labels + tuple(sorted(found.difference(predictions.labels)))


def columns(predictions: SpanPredictions) -> tuple[str, ...]:
    """Names of the columns of ``row_statistics``: four for the row, then ``hit <type>``, ``gold …`` and ``said …``."""
    every = types(known(predictions))
    return _WHOLE + tuple(f"{part} {name}" for part in _BY_TYPE for name in every)


def row_statistics(predictions: SpanPredictions) -> npt.NDArray[np.float64]:
    """What each row adds to the sums that all metrics follow from.

    Args:
        predictions: spans of rows, n of which have known true ones. With k = ``len(types(known(predictions)))``:

    Returns:
        Array of shape (n, 4 + 3k): 1; whether the predicted spans are exactly the true ones; credit for partial
        matches; matches of the type; then strict hits, true spans and predicted spans of each type, k columns each.
        ``columns`` names them.

    Raises:
        DataError: no row has known spans.
    """
    rows = known(predictions)
    every = types(rows)
    k, at = len(every), {name: j for j, name in enumerate(every)}
    result = np.zeros((len(rows), len(_WHOLE) + len(_BY_TYPE) * k))
    result[:, 0] = 1
    for line, (gold, said) in zip(result, _sets(rows), strict=True):
        hit = gold & said
        line[1] = gold == said
        line[2] = line[3] = len(hit)
        if len(hit) < min(len(gold), len(said)):
            line[2] = _partial_credit(gold, said)
            line[3] += _type_matches(gold - hit, said - hit)
        for part, spans in enumerate((hit, gold, said)):
            for span in spans:
                line[len(_WHOLE) + part * k + at[span.label]] += 1
    return result


def from_sums(sums: Array) -> dict[str, npt.NDArray[np.float64]]:
    """Every metric from sums of the row statistics.

    Args:
        sums: sums of the columns of ``row_statistics``, weighted by how often each row was drawn, for r resamples;
            shape (m, r). ``row_statistics(predictions).T @ drawn`` for draws of shape (n, r).

    Returns:
        Arrays of shape (r,) by the names of ``METRICS``; 0 where undefined.
    """
    sums = np.asarray(sums, dtype=np.float64)
    rows, exact, partial, typed = sums[: len(_WHOLE)]
    hit, gold, said = np.split(sums[len(_WHOLE) :], len(_BY_TYPE))
    hits, golds, saids = hit.sum(axis=0), gold.sum(axis=0), said.sum(axis=0)
    result = {
        "f1": _share(2 * hits, golds + saids),
        "precision": _share(hits, saids),
        "recall": _share(hits, golds),
        "macro_f1": _share(_share(2 * hit, gold + said).sum(axis=0), (gold + said > 0).sum(axis=0)),
        "partial_f1": _share(2 * partial, golds + saids),
        "partial_precision": _share(partial, saids),
        "partial_recall": _share(partial, golds),
        "type_f1": _share(2 * typed, golds + saids),
        "exact_rows": _share(exact, rows),
    }
    return {name: result[name] for name in METRICS}


def per_type(predictions: SpanPredictions) -> dict[str, TypeCounts]:
    """Strict counts of each of ``types``, over the rows whose true spans are known.

    Raises:
        DataError: no row has known spans.
    """
    rows = known(predictions)
    counts = {name: [0, 0, 0] for name in types(rows)}
    for gold, said in _sets(rows):
        for part, spans in enumerate((gold & said, gold, said)):
            for span in spans:
                counts[span.label][part] += 1
    return {name: TypeCounts(*numbers) for name, numbers in counts.items()}


def align(gold: Iterable[Span], predicted: Iterable[Span]) -> list[SpanMatch]:
    """What became of each true entity of a row, and where each predicted one came from.

    Each span is used once, and one that is given twice counts once. Exact matches go first, then equal stretches, then
    overlaps from the longest to the shortest; of equally long ones those of the same type, then from left to right.
    For people to look at: the metrics of near misses pair as SemEval-2013 does.

    Returns:
        Matches in the order of the text.
    """
    left, right = set(gold), set(predicted)
    found = [SpanMatch("right", span, span) for span in left & right]
    left, right = left - right, right - left
    waiting = defaultdict(list)
    for span in sorted(right, reverse=True):
        waiting[span[:2]].append(span)
    for span in sorted(left):
        if waiting[span[:2]]:
            found.append(SpanMatch("type", span, waiting[span[:2]].pop()))
    left.difference_update(match.gold for match in found if match.gold)
    right.difference_update(match.predicted for match in found if match.predicted)
    near = _Overlaps(left)
    pairs = sorted(
        (max(one.start, other.start) - min(one.end, other.end), one.label != other.label, one, other)
        for other in right
        for one in near.of(other)
    )
    for _, differ, one, other in pairs:
        if one in left and other in right:
            left.remove(one)
            right.remove(other)
            found.append(SpanMatch("type and boundary" if differ else "boundary", one, other))
    found += [SpanMatch("missed", span, None) for span in left]
    found += [SpanMatch("spurious", None, span) for span in right]
    return sorted(found, key=_place)


def confusion(predictions: SpanPredictions) -> npt.NDArray[np.int64]:
    """How often a true entity of one type was predicted as another, boundaries aside, as ``align`` pairs them.

    Args:
        predictions: spans of rows. With k = ``len(types(known(predictions)))``:

    Returns:
        Array of shape (k + 1, k + 1): true types by predicted types. The last column counts the missed entities, the
        last row the spurious ones.

    Raises:
        DataError: no row has known spans.
    """
    rows = known(predictions)
    every = types(rows)
    at = {name: j for j, name in enumerate(every)}
    table = np.zeros((len(every) + 1, len(every) + 1), dtype=np.int64)
    for gold, said in _sets(rows):
        for match in align(gold, said):
            table[at[match.gold.label] if match.gold else -1, at[match.predicted.label] if match.predicted else -1] += 1
    return table


class _Overlaps:
    """Spans of a row, by which others they overlap."""

    def __init__(self, spans: Collection[Span]) -> None:
        self.spans = sorted(spans)
        self._starts = [span.start for span in self.spans]
        self._reach = list(accumulate((span.end for span in self.spans), max))

    def of(self, other: Span) -> list[Span]:
        """The spans that share a character with another one, from left to right."""
        first, last = bisect_right(self._reach, other.start), bisect_left(self._starts, other.end)
        return [
            span for span in self.spans[first:last] if max(span.start, other.start) < min(span.end, other.end)
        ]  # an end before ``other``, or a span without characters, may be among them


def _place(match: SpanMatch) -> tuple[Span, ...]:
    return tuple(span for span in match[1:] if isinstance(span, Span))


def _sets(rows: SpanPredictions) -> list[tuple[set[Span], set[Span]]]:
    assert rows.gold is not None
    return [(set(gold or ()), set(said)) for gold, said in zip(rows.gold, rows.predicted, strict=True)]


def _partial_credit(gold: set[Span], said: set[Span]) -> float:
    credit = 0.0
    waiting = defaultdict(list)
    for span in sorted(gold, reverse=True):
        waiting[span[:2]].append(span)
    rest = []
    for span in sorted(said):
        if waiting[span[:2]]:
            waiting[span[:2]].pop()
            credit += 1
        else:
            rest.append(span)
    near, taken = _Overlaps([span for spans in waiting.values() for span in spans]), set()
    for span in rest:
        one = next((one for one in near.of(span) if one not in taken), None)
        if one is not None:
            taken.add(one)
            credit += 0.5
    return credit


def _type_matches(gold: set[Span], said: set[Span]) -> int:
    near, taken, count = _Overlaps(gold), set(), 0
    for span in sorted(said):
        free = [one for one in near.of(span) if one not in taken]
        same = [one for one in free if one.label == span.label]
        count += bool(same)
        if same:
            taken.add(min(same, key=lambda one: abs(one.start - span.start) + abs(one.end - span.end)))
        elif free:
            taken.add(free[0])  # used up by a prediction of the wrong type
    return count


def _share(part: Array, whole: Array) -> npt.NDArray[np.float64]:
    result: npt.NDArray[np.float64] = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)
    return result
