"""Evaluation of predictions whose figures come from sums over rows: here of entities."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from labkit.data import Span
from labkit.errors import DataError, UnknownName
from labkit.evaluation import Evaluation, compare, evaluate
from labkit.evaluation._scored import randomization
from labkit.tasks import Scores, SpanPredictions, load_predictions

TYPES = ("LOC", "PER")


def made(n: int = 200, skill: float = 0.8, seed: int = 0, unknown: int = 0) -> SpanPredictions:
    """Rows with up to two true spans, of which a share is found, and a wrong one now and then."""
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(99)
    gold: list[tuple[Span, ...] | None] = []
    said = []
    for i in range(n):
        true = [Span(10 * j, 10 * j + 5, TYPES[int(truth.integers(2))]) for j in range(int(truth.integers(3)))]
        found = [span for span in true if rng.random() < skill]
        if rng.random() > skill:
            found.append(Span(50, 55, "PER"))
        gold.append(None if i < unknown else tuple(true))
        said.append(tuple(found))
    return SpanPredictions(
        row_ids=[str(i) for i in range(n)],
        texts=["x" * 60] * n,
        labels=TYPES,
        predicted=said,
        confidence=[(0.9,) * len(spans) for spans in said],
        gold=gold,
    )


def test_headline_figures_have_intervals() -> None:
    result = evaluate(made(unknown=20), resamples=300)
    assert result.n == 180 and result.skipped == 20
    assert result.first == "f1"
    figure = result.headline["f1"]
    assert figure.low is not None and figure.high is not None and figure.low < figure.value < figure.high
    assert 0.02 < figure.high - figure.low < 0.15
    assert result.metrics["recall"] == pytest.approx(figure.value, abs=0.1)
    assert {scores.label for scores in result.per_class} == set(TYPES)
    assert result.confusion.shape == (3, 3) and result.labels == (*TYPES, "(nothing)")


def test_the_interval_covers_what_other_test_sets_give() -> None:
    """Of intervals at 90 %, about nine in ten hold the figure of a far larger set drawn alike."""
    whole = evaluate(made(4000, seed=5), resamples=0).headline["f1"].value
    rng = np.random.default_rng(0)
    every = made(4000, seed=5)
    held = 0
    for _ in range(60):
        part = every.take(rng.integers(0, 4000, 150))
        part = SpanPredictions(**{**vars(part), "row_ids": [str(i) for i in range(150)]})
        figure = evaluate(part, resamples=200, confidence=0.9).headline["f1"]
        assert figure.low is not None and figure.high is not None
        held += figure.low <= whole <= figure.high
    assert 46 <= held <= 60


def test_the_report_names_what_was_counted() -> None:
    better, worse = made(skill=0.9), made(skill=0.5, seed=3)
    result = evaluate(better, baselines={"a guess": worse}, rows={"text": list(better.texts), "kind": ["a", "b"] * 100},
                      slices=("kind", "length"), resamples=200)  # fmt: skip
    text = str(result)
    assert text.startswith("Evaluated on 200 rows with ")
    assert "entities of 2 types" in text and "a guess" in text
    assert "points better than a guess in F1" in text and "approximate randomization p < 0.001" in text
    assert "By kind" in text and "F1" in text
    assert "McNemar" not in text
    assert "<table" in result._repr_html_()
    again = Evaluation.from_dict(json.loads(json.dumps(result.to_dict())))
    assert str(again) == text


def test_slices_by_a_list_hold_a_row_for_each_value() -> None:
    rows = made(4)
    result = evaluate(rows, rows={"label": [["LOC"], ["LOC", "PER"], [], ["PER"]]}, slices=("label",), resamples=100)
    assert [(part.value, part.n) for part in result.slices["label"]] == [("LOC", 2), ("PER", 2), ("(none)", 1)]
    with pytest.raises(UnknownName):
        evaluate(rows, rows={"text": [""] * 4}, slices=("kind",), resamples=100)


def test_two_models_that_differ_by_chance_are_not_told_apart() -> None:
    one, two = made(seed=1), made(seed=2)
    same = compare(one, two, other="the other")
    assert not same.clear and "No clear difference" in same.sentence
    assert compare(one, one).p_value == 1.0
    far = compare(made(skill=0.95, seed=1), made(skill=0.6, seed=2))
    assert far.clear and far.differences["f1"].value > 0
    assert far.fixed > far.broken


def test_rows_are_paired_by_id() -> None:
    one, two = made(seed=1), made(seed=2, skill=0.5)
    shuffled = two.take(np.random.default_rng(0).permutation(200))
    assert compare(one, shuffled).p_value == compare(one, two).p_value
    with pytest.raises(DataError, match="same row ids"):
        compare(one, two.take(range(100)))


def test_the_p_value_is_uniform_where_nothing_differs() -> None:
    """Two models of equal skill: p below 0.2 in about a fifth of the draws."""
    small = sum(compare(made(60, seed=i), made(60, seed=1000 + i), resamples=0).p_value < 0.2 for i in range(60))
    assert 3 <= small <= 22


def test_randomization_of_a_mean_agrees_with_all_exchanges() -> None:
    a, b = np.array([1.0, 0, 1, 1, 0, 1]), np.array([0.0, 0, 0, 1, 1, 0])

    def scores(values: np.ndarray) -> Scores:
        return Scores(
            positions=np.arange(6), row_ids=list("abcdef"), sums=np.stack([values, np.ones(6)], 1),
            figures=lambda sums: {"mean": sums[0] / sums[1]}, headline=("mean",), right=values > 0, what="6 rows",
        )  # fmt: skip

    gap = abs((a - b).sum())
    exact = np.mean([
        abs(sum(d if mask >> i & 1 else -d for i, d in enumerate(a - b))) >= gap for mask in range(64)
    ])  # fmt: skip
    assert randomization(scores(a), scores(b), "mean", 0) == pytest.approx(exact, abs=0.02)


def test_without_a_known_row_there_is_nothing_to_evaluate() -> None:
    with pytest.raises(DataError):
        evaluate(made(5, unknown=5))


def test_stored_predictions_come_back_as_what_they_were(tmp_path: Path) -> None:
    rows = made(5)
    back = load_predictions(rows.save(tmp_path / "p.parquet"))
    assert isinstance(back, SpanPredictions) and list(back.predicted) == list(rows.predicted)
    assert math.isclose(
        evaluate(back, resamples=0).headline["f1"].value, evaluate(rows, resamples=0).headline["f1"].value
    )
    with pytest.raises(DataError, match="Parquet file of predictions"):
        load_predictions(tmp_path / "none.parquet")
