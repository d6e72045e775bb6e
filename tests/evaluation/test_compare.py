"""Comparisons are paired, tested exactly, and told in a sentence; errors are listed most costly first."""

import dataclasses

import numpy as np
import pytest
from made_predictions import make, make_multi
from scipy.stats import binomtest

from labkit.errors import DataError
from labkit.evaluation import Comparison, compare, errors, mcnemar
from labkit.tasks._predictions import Predictions


def certain(right: list[bool]) -> Predictions:
    gold = np.arange(len(right)) % 2
    said = np.where(right, gold, 1 - gold)
    ids = [str(i) for i in range(len(right))]
    return Predictions(row_ids=ids, labels=("no", "yes"), probabilities=0.8 * np.eye(2)[said] + 0.1, gold=gold)


@pytest.mark.parametrize(("fixed", "broken"), [(0, 0), (5, 0), (3, 9), (120, 80), (2000, 1900)])
def test_mcnemar_is_the_exact_binomial_test(fixed: int, broken: int) -> None:
    expected = binomtest(fixed, fixed + broken).pvalue if fixed + broken else 1.0
    assert mcnemar(fixed, broken) == pytest.approx(expected, rel=1e-8)


def test_a_better_model_is_called_better() -> None:
    a = certain([True] * 180 + [False] * 20)
    b = certain([True] * 140 + [False] * 60)
    found = compare(a, b, other="TF-IDF + logistic regression")
    assert (found.n, found.fixed, found.broken) == (200, 40, 0)
    gap = found.differences["accuracy"]
    assert gap.value == pytest.approx(0.2) and 0.1 < gap.low < 0.2 < gap.high < 0.3
    assert found.sentence.startswith(
        "20.0 points better than TF-IDF + logistic regression in accuracy (95 % interval 1"
    )
    assert found.sentence.endswith("McNemar p < 0.001)")
    back = compare(b, a)
    assert back.sentence.startswith("20.0 points worse than the other model in accuracy (95 % interval 1")
    assert (back.fixed, back.broken) == (0, 40)


def test_pairing_narrows_the_interval() -> None:
    a = certain([True] * 300 + [False] * 100)
    nearly = certain([True] * 296 + [False] * 104)
    gap = compare(a, nearly).differences["accuracy"]
    alone = compare(a, nearly).a["accuracy"]
    assert gap.high - gap.low < 0.5 * (alone.high - alone.low)


def test_chance_is_called_no_clear_difference() -> None:
    found = compare(certain([True] * 51 + [False] * 49), certain([False] + [True] * 49 + [False] * 50))
    assert found.sentence.startswith("No clear difference from the other model: +2.0 points in accuracy (95 % interval")
    assert not found.clear


def test_rows_are_aligned_by_id_and_classes_by_name() -> None:
    a, b = make(200, 4), make(200, 4, seed=0, strength=1.0)
    columns = [2, 0, 3, 1]
    shuffled = dataclasses.replace(
        b,
        labels=tuple(b.labels[j] for j in columns),
        probabilities=b.probabilities[:, columns],
        gold=np.array([columns.index(j) for j in b.gold]),
    ).take(np.random.default_rng(0).permutation(200))
    assert compare(a, shuffled).to_dict() == compare(a, b).to_dict()


def test_a_class_that_only_one_of_them_knows_counts_as_wrong() -> None:
    a = make(100, 3)
    b = Predictions(row_ids=a.row_ids, labels=("c0", "other"), probabilities=np.tile([0.1, 0.9], (100, 1)), gold=None)
    assert compare(a, b).b["accuracy"].value == 0.0


@pytest.mark.parametrize(
    "other",
    [
        make(199, 3),
        make_multi(200),
        dataclasses.replace(make(200, 3), row_ids=[f"x{i}" for i in range(200)]),
        dataclasses.replace(make(200, 3), gold=np.zeros(200, dtype=np.int64)),
    ],
    ids=["fewer rows", "several labels", "other ids", "other truth"],
)
def test_what_is_not_paired_is_refused(other: Predictions) -> None:
    with pytest.raises(DataError):
        compare(make(200, 3), other)


def test_several_labels_are_compared_by_exact_match() -> None:
    a, b = make_multi(strength=4.0), make_multi(strength=1.0)
    found = compare(a, b)
    exact = ((a.predicted == a.gold).all(axis=1), (b.predicted == b.gold).all(axis=1))
    assert found.differences["exact_match"].value == pytest.approx(exact[0].mean() - exact[1].mean())
    assert found.fixed == (exact[0] & ~exact[1]).sum()
    assert "points better than the other model in exact match" in found.sentence
    assert Comparison.from_dict(found.to_dict()) == found


def test_errors_are_the_wrong_rows_surest_first() -> None:
    predictions = make(200, 4)
    gold = predictions.gold.copy()
    gold[::2] = -1
    partly = dataclasses.replace(predictions, gold=gold)
    found = errors(partly, {"text": [f"text {i}" for i in range(200)]})
    assert len(found) == ((gold >= 0) & (gold != predictions.predicted)).sum()
    assert all(row["gold"] != row["predicted"] for row in found)
    assert [row["loss"] for row in found] == sorted((row["loss"] for row in found), reverse=True)
    assert all(row["text"] == f"text {row['row_id'][1:]}" for row in found)
    assert errors(partly, n=3) == [{key: row[key] for key in row if key != "text"} for row in found[:3]]


def test_errors_with_several_labels_list_them() -> None:
    found = errors(make_multi(), n=1)[0]
    assert isinstance(found["gold"], list) and found["gold"] != found["predicted"]
