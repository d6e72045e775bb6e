"""Metrics of spans equal seqeval's, and those of near misses nervaluate's counting, on ordinary and on odd predictions."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from labkit.data._layouts.spans import Span
from labkit.errors import DataError
from labkit.tasks._span_metrics import (
    METRICS,
    align,
    columns,
    confusion,
    from_sums,
    metrics,
    per_type,
    row_statistics,
    types,
)
from labkit.tasks._span_predictions import SpanPredictions

Row = tuple[Span, ...]
TYPES = ("LOC", "ORG", "PER")


def spans_of(*rows: str) -> list[Row]:
    """Rows such as "0-4 PER, 6-9 LOC"."""
    made = []
    for row in rows:
        parts = [part.replace("-", " ").split() for part in row.split(",") if part]
        made.append(tuple(Span(int(start), int(end), label) for start, end, label in parts))
    return made


def made(
    gold: Sequence[Row | None] | None, predicted: Sequence[Row], labels: tuple[str, ...] = TYPES
) -> SpanPredictions:
    return SpanPredictions(
        row_ids=[str(i) for i in range(len(predicted))],
        texts=["x" * 99] * len(predicted),
        labels=labels,
        predicted=predicted,
        confidence=[(0.5,) * len(spans) for spans in predicted],
        gold=gold,
    )


def apart(rng: random.Random, length: int) -> Row:
    """Spans that do not overlap, often next to each other."""
    result, at = [], 0
    while at < length:
        size = rng.randint(1, 6)
        if rng.random() < 0.6:
            result.append(Span(at, min(at + size, length), rng.choice(TYPES)))
        at += size
    return tuple(result)


def near(rng: random.Random, gold: Row) -> Row:
    """A prediction that gets some spans wrong: moved, renamed, left out, cut in two or joined; none overlap."""
    result: list[Span] = []
    for start, end, label in gold:
        what = rng.random()
        if what < 0.1:
            continue
        if what < 0.3:
            start, end = start + rng.randint(-2, 1), end + rng.randint(-1, 2)
        if what > 0.8:
            label = rng.choice(TYPES)
        if 0.7 < what < 0.8 and result:
            start = result.pop().start
        start = max(start, result[-1].end if result else 0)
        if 0.6 < what < 0.7 and end - start > 1:
            middle = rng.randint(start + 1, end - 1)
            result.append(Span(start, middle, rng.choice(TYPES)))
            start = middle
        if start < end:
            result.append(Span(start, end, label))
    return tuple(result)


def cases(count: int, seed: int = 0) -> list[tuple[list[Row], list[Row]]]:
    """True and predicted rows, of spans that do not overlap those of their own side."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        gold = [apart(rng, rng.randint(0, 30)) for _ in range(rng.randint(1, 5))]
        found.append((gold, [near(rng, row) if rng.random() < 0.6 else apart(rng, 30) for row in gold]))
    return found


def wild(count: int, seed: int = 0) -> list[tuple[list[Row], list[Row]]]:
    """True and predicted rows of any spans: nested, overlapping, twice the same."""
    rng = random.Random(seed)

    def row() -> Row:
        starts = [rng.randint(0, 12) for _ in range(rng.randint(0, 6))]
        return tuple(Span(start, start + rng.randint(1, 6), rng.choice(TYPES)) for start in starts)

    return [([row() for _ in range(3)], [row() for _ in range(3)]) for _ in range(count)]


def seqeval_scores(gold: Sequence[Row], said: Sequence[Row]) -> dict[str, float]:
    """What seqeval says of the same spans, written as IOB2 tags of the characters."""
    from seqeval.metrics import f1_score, precision_score, recall_score

    def tags(rows: Sequence[Row]) -> list[list[str]]:
        written = [["O"] * 99 for _ in rows]
        for row, line in zip(rows, written, strict=True):
            for start, end, label in row:
                line[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
        return written

    both = tags(gold), tags(said)
    return {
        "f1": f1_score(*both, zero_division=0),
        "precision": precision_score(*both, zero_division=0),
        "recall": recall_score(*both, zero_division=0),
        "macro_f1": f1_score(*both, zero_division=0, average="macro") if any(gold) or any(said) else 0.0,
    }


def nervaluate_scores(gold: Sequence[Row], said: Sequence[Row], least: float = 1.0) -> dict[str, float]:
    """As ``PartialEvaluation`` and ``EntityTypeEvaluation`` of nervaluate 1.2.1 (strategies.py, MIT licence).

    Its ends are those of the last character, and at least ``least`` % of a true entity must be overlapped.
    """
    total: Counter[str] = Counter()
    for row, guesses in zip(gold, said, strict=True):
        total["possible"] += len(row)
        total["actual"] += len(guesses)
        for strategy in ("partial", "type"):
            used: set[int] = set()
            for p in guesses:
                exact = same = other = None
                nearest = 0
                for i, t in enumerate(row):
                    shared = min(p.end, t.end) - max(p.start, t.start)
                    if i in used or shared <= 0 or shared / (t.end - t.start) * 100 < least:
                        continue
                    if strategy == "partial" and p[:2] == t[:2]:
                        exact = i
                        break
                    distance = abs(p.start - t.start) + abs(p.end - t.end)
                    if strategy == "type" and p.label == t.label:
                        if same is None or distance < nearest:
                            same, nearest = i, distance
                    elif other is None:
                        other = i
                chosen = next((i for i in (exact, same, other) if i is not None), None)
                if chosen is not None:
                    used.add(chosen)
                    half = strategy == "partial" and chosen != exact
                    wrong = strategy == "type" and chosen != same
                    total[strategy] += 0 if wrong else 1 if half else 2  # in halves

    def score(strategy: str) -> tuple[float, float, float]:
        precision = total[strategy] / 2 / total["actual"] if total["actual"] else 0.0
        recall = total[strategy] / 2 / total["possible"] if total["possible"] else 0.0
        return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    partial = dict(zip(("partial_precision", "partial_recall", "partial_f1"), score("partial"), strict=True))
    return {**partial, "type_f1": score("type")[2]}


def test_strict_metrics_equal_seqeval() -> None:
    differ = 0
    for gold, said in cases(1000):
        scores, mine = seqeval_scores(gold, said), metrics(made(gold, said))
        assert {name: mine[name] for name in scores} == pytest.approx(scores, abs=1e-12), (gold, said)
        differ += 0 < mine["f1"] < 1
    assert differ > 500


def test_spans_that_overlap_are_counted_as_sets() -> None:
    for gold, said in wild(400) + cases(100):
        truth, found = ({(i, *span) for i, row in enumerate(rows) for span in row} for rows in (gold, said))
        counts = {
            label: tuple(sum(one[-1] == label for one in some) for some in (truth & found, truth, found))
            for label in TYPES
        }
        assert {label: tuple(parts) for label, parts in per_type(made(gold, said)).items()} == counts
        there = [parts for parts in counts.values() if any(parts)]
        expected = {
            "f1": 2 * len(truth & found) / max(1, len(truth) + len(found)),
            "precision": len(truth & found) / max(1, len(found)),
            "recall": len(truth & found) / max(1, len(truth)),
            "macro_f1": sum(2 * hit / (true + claimed) for hit, true, claimed in there) / max(1, len(there)),
        }
        mine = metrics(made(gold, said))
        assert {name: mine[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_near_misses_equal_nervaluate() -> None:
    differ = 0
    for gold, said in cases(1200, seed=1):
        scores, mine = nervaluate_scores(gold, said), metrics(made(gold, said))
        assert {name: mine[name] for name in scores} == pytest.approx(scores, abs=1e-12), (gold, said)
        differ += mine["f1"] < mine["partial_f1"] != mine["type_f1"]
    assert differ > 500


ADVERSARIAL = {
    "one prediction over two entities": ("0-4 PER, 5-9 LOC", "0-9 PER"),
    "two predictions inside one entity": ("0-9 PER", "0-4 LOC, 5-9 PER"),
    "each reaches into the next": ("0-4 PER, 4-8 PER, 8-12 LOC", "2-6 PER, 6-10 LOC, 10-12 PER"),
    "the longer overlap comes second": ("0-4 PER, 5-12 PER", "0-10 PER, 10-12 PER"),
    "adjacent, nothing shared": ("0-4 PER", "4-8 PER"),
    "one character": ("0-4 PER", "3-8 LOC"),
    "only gold": ("0-4 PER", ""),
    "only predicted": ("", "0-4 PER"),
    "every type wrong": ("0-4 PER, 5-9 LOC", "0-4 LOC, 5-9 PER"),
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_adversarial_rows_equal_both(name: str) -> None:
    gold, said = (spans_of(row) for row in ADVERSARIAL[name])
    expected = {**seqeval_scores(gold, said), **nervaluate_scores(gold, said)}
    mine = metrics(made(gold, said))
    assert {name: mine[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_figures_by_hand() -> None:
    # row 1: one right, one cut short; row 2: right stretch, wrong type; row 3: exactly right
    gold = spans_of("0-4 PER, 5-9 LOC", "0-4 ORG", "2-3 PER")
    said = spans_of("0-4 PER, 5-8 LOC", "0-4 LOC", "2-3 PER")
    assert metrics(made(gold, said)) == pytest.approx(
        {
            "f1": 2 / 4,
            "precision": 2 / 4,
            "recall": 2 / 4,
            "macro_f1": 1 / 3,
            "partial_f1": 3.5 / 4,
            "partial_precision": 3.5 / 4,
            "partial_recall": 3.5 / 4,
            "type_f1": 3 / 4,
            "exact_rows": 1 / 3,
        }
    )
    assert list(metrics(made(gold, said))) == list(METRICS)
    assert per_type(made(gold, said)) == {"LOC": (0, 1, 2), "ORG": (0, 1, 0), "PER": (2, 2, 2)}


def test_credit_for_near_misses_is_never_below_the_strict_figure() -> None:
    for gold, said in wild(300, seed=2):
        mine = metrics(made(gold, said))
        assert mine["f1"] <= mine["type_f1"] <= 1
        assert mine["f1"] <= mine["partial_f1"] <= 1
    # the first prediction overlaps the entity that the second one finds exactly
    assert metrics(made(spans_of("5-9 PER"), spans_of("3-6 LOC, 5-9 PER")))["partial_recall"] == 1
    assert metrics(made(spans_of("5-9 PER, 20-24 LOC"), spans_of("3-6 LOC, 5-9 PER")))["type_f1"] == 0.5


def test_order_and_repetition_of_spans_change_nothing() -> None:
    rng = random.Random(3)
    for gold, said in cases(50, seed=3) + wild(50, seed=3):
        once = metrics(made(gold, said))
        again = [tuple(rng.sample(row * 2, 2 * len(row))) for row in said]
        assert metrics(made([row[::-1] + row[:1] for row in gold], again)) == once
        assert [align(*rows) for rows in zip(gold, again, strict=True)] == [
            align(*rows) for rows in zip(gold, said, strict=True)
        ]


def test_no_entity_anywhere() -> None:
    nothing = metrics(made([(), ()], [(), ()]))
    assert nothing.pop("exact_rows") == 1
    assert set(nothing.values()) == {0.0}
    assert not confusion(made([(), ()], [(), ()])).any()
    no_types = made([()], [()], labels=())
    assert metrics(no_types)["macro_f1"] == 0
    assert from_sums(np.zeros((row_statistics(no_types).shape[1], 0)))["f1"].shape == (0,)


def test_a_type_that_the_tagger_does_not_know_is_missed() -> None:
    gold, said = spans_of("0-4 PER, 5-9 DRUG"), spans_of("0-4 PER")
    predictions = made(gold, said, labels=("LOC", "PER"))
    assert types(predictions) == ("LOC", "PER", "DRUG")
    assert per_type(predictions)["DRUG"] == (0, 1, 0)
    mine = metrics(predictions)
    assert (mine["precision"], mine["recall"], mine["macro_f1"]) == (1, 0.5, 0.5)
    assert confusion(predictions)[2].tolist() == [0, 0, 0, 1]


def test_rows_that_nobody_labelled_are_left_out() -> None:
    gold, said = spans_of("0-4 PER", "0-4 LOC"), spans_of("0-4 PER", "0-4 LOC", "0-9 ORG")
    assert metrics(made([gold[0], None, None], said)) == metrics(made(gold[:1], said[:1]))
    assert confusion(made([gold[0], gold[1], None], said)).sum() == 2
    for nothing in (made(None, said), made([None] * 3, said), made([], [])):
        for function in (metrics, row_statistics, per_type, confusion, columns):
            with pytest.raises(DataError, match="known spans"):
                function(nothing)


def test_weighted_sums_are_the_metrics_of_repeated_rows() -> None:
    rows = cases(40, seed=4) + wild(20, seed=4)
    gold, said = [row for pair in rows for row in pair[0]], [row for pair in rows for row in pair[1]]
    predictions = made([None if i % 7 == 0 else row for i, row in enumerate(gold)], said, labels=("PER", "LOC"))
    known = [i for i in range(len(gold)) if i % 7]
    statistics = row_statistics(predictions)
    assert statistics.shape == (len(known), len(columns(predictions)))
    drawn = np.random.default_rng(0).poisson(1, (len(known), 5))
    resampled = from_sums(statistics.T @ drawn)
    for j in range(drawn.shape[1]):
        repeated = metrics(predictions.take(np.repeat(known, drawn[:, j])))
        assert {name: values[j] for name, values in resampled.items()} == pytest.approx(repeated, abs=1e-12)


def test_columns_name_what_they_hold() -> None:
    predictions = made(spans_of("0-4 PER, 5-9 LOC"), spans_of("0-4 PER, 5-8 LOC, 20-24 LOC"))
    held = dict(zip(columns(predictions), row_statistics(predictions)[0], strict=True))
    assert {name: value for name, value in held.items() if value} == {
        "rows": 1,
        "partial": 1.5,
        "typed": 2,
        "hit PER": 1,
        "gold PER": 1,
        "gold LOC": 1,
        "said PER": 1,
        "said LOC": 2,
    }


@pytest.mark.parametrize(
    ("gold", "said", "kinds"),
    [
        ("0-4 PER", "0-4 PER", ["right"]),
        ("0-4 PER", "0-4 LOC", ["type"]),
        ("0-4 PER", "1-4 PER", ["boundary"]),
        ("0-4 PER", "1-6 LOC", ["type and boundary"]),
        ("0-4 PER", "4-6 PER", ["missed", "spurious"]),
        ("0-4 PER, 5-12 PER", "0-10 LOC", ["missed", "type and boundary"]),
        ("0-4 PER, 4-8 LOC", "2-6 LOC", ["missed", "boundary"]),
        ("5-9 PER", "3-6 PER, 5-9 PER", ["spurious", "right"]),
        ("5-9 PER", "4-9 PER, 5-9 LOC", ["spurious", "type"]),
        ("0-4 PER, 0-4 PER", "0-4 PER", ["right"]),
        ("0-9 PER, 1-3 PER", "0-8 PER, 3-5 PER", ["boundary", "missed", "spurious"]),
        ("", "", []),
    ],
)
def test_each_span_finds_its_counterpart(gold: str, said: str, kinds: list[str]) -> None:
    assert [match.kind for match in align(*spans_of(gold), *spans_of(said))] == kinds


def test_each_span_is_used_once() -> None:
    for gold, said in cases(100, seed=5) + wild(200, seed=5):
        for row, guesses in zip(gold, said, strict=True):
            found = align(row, guesses)
            assert Counter(match.gold for match in found if match.gold) == Counter(set(row))
            assert Counter(match.predicted for match in found if match.predicted) == Counter(set(guesses))
            assert sum(match.kind == "right" for match in found) == len({*row} & {*guesses})


def test_confusion_counts_every_entity_once() -> None:
    gold = spans_of("0-4 PER, 5-9 LOC", "0-4 ORG, 8-9 PER", "")
    said = spans_of("0-4 PER, 5-8 LOC", "0-4 LOC", "3-4 ORG")
    table = confusion(made(gold, said))
    #                          LOC ORG PER nothing
    assert table.tolist() == [[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 0]]
    for true, found in wild(100, seed=6):
        table, counts = confusion(made(true, found)), per_type(made(true, found))
        assert table[:-1].sum(axis=1).tolist() == [parts.gold for parts in counts.values()]
        assert table[:, :-1].sum(axis=0).tolist() == [parts.said for parts in counts.values()]
        assert table[-1, -1] == 0


def test_long_rows_take_no_time() -> None:
    gold = tuple(Span(10 * i, 10 * i + 6, "PER") for i in range(5_000))
    said = tuple(Span(start + 1, end + 3, label) for start, end, label in gold)
    start = time.perf_counter()
    assert metrics(made([gold], [said]))["partial_f1"] == 0.5
    assert {match.kind for match in align(gold, said)} == {"boundary"}
    assert time.perf_counter() - start < 5
