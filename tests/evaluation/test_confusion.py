"""The confusion matrix put in order, compared, looked into and written to a file."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_predictions import make

from labkit.errors import DataError, LabError, UnknownName
from labkit.evaluation import (
    Evaluation,
    cell_rows,
    confused_pairs,
    confusion_csv,
    confusion_difference,
    errors,
    evaluate,
    order_classes,
)
from labkit.tasks import Predictions


def blocks(k: int, seed: int = 0) -> tuple[Any, Any]:
    """Counts in which classes are confused within shuffled pairs and triples, and the group of each class."""
    chooser = np.random.default_rng(seed)
    group = chooser.permutation(np.arange(k) // 3)
    counts = np.where(group[:, None] == group, chooser.integers(5, 15, (k, k)), 0) + np.eye(k, dtype=int) * 80
    return counts, group


def named(predictions: Predictions, labels: tuple[str, ...]) -> Predictions:
    return replace(predictions, labels=labels)


def score(predictions: Predictions) -> Evaluation:
    return evaluate(predictions, resamples=0)


def test_orders_by_size_and_by_errors() -> None:
    counts = np.array([[5, 0, 1], [0, 30, 0], [4, 0, 10]])
    assert order_classes(counts) == [0, 1, 2]
    assert order_classes(counts, "frequency") == [1, 2, 0]
    assert order_classes(counts, "errors") == [0, 2, 1]
    several = np.array([[[9, 1], [0, 3]], [[5, 2], [2, 4]]])
    assert order_classes(several, "errors") == order_classes(several, "frequency") == [1, 0]


@pytest.mark.parametrize("k", [3, 9, 30])
def test_similar_classes_stand_side_by_side(k: int) -> None:
    counts, group = blocks(k)
    order = order_classes(counts, "similarity")
    assert sorted(order) == list(range(k))
    changes = sum(a != b for a, b in zip(group[order], group[order][1:], strict=False))
    assert changes == len(set(group.tolist())) - 1, "every group is in one piece"


def test_similarity_goes_by_shares_not_by_counts() -> None:
    counts = np.array([[900, 20, 20, 60], [0, 8, 9, 0], [0, 9, 8, 0], [60, 0, 0, 900]])
    order = order_classes(counts, "similarity")
    assert abs(order.index(1) - order.index(2)) == 1


def test_classes_that_nothing_is_confused_with_come_last() -> None:
    counts = np.diag([4, 4, 4, 4])
    counts[1, 3] = 2
    assert order_classes(counts, "similarity") == [1, 3, 0, 2]
    assert order_classes(np.diag([4, 4]), "similarity") == [0, 1]
    assert order_classes(np.zeros((2, 2), int), "similarity") == [0, 1]


def test_the_chart_has_the_same_order() -> None:
    from labkit import charts

    for k in (5, 120):
        evaluation = score(make(600, k))
        shown = charts.confusion(evaluation, order="similarity").layout.yaxis.ticktext
        assert len(shown) == min(k, 100)
        if k == 5:
            assert list(shown) == [evaluation.labels[j] for j in order_classes(evaluation.confusion, "similarity")]


def test_orders_that_cannot_be() -> None:
    with pytest.raises(UnknownName, match="given, frequency, errors, similarity"):
        order_classes(np.eye(2), "size")  # type: ignore[arg-type]
    with pytest.raises(LabError, match="several labels"):
        order_classes(np.ones((4, 2, 2), int), "similarity")
    with pytest.raises(LabError, match="shape"):
        order_classes(np.ones((2, 3), int))


def test_the_worst_pairs() -> None:
    predictions = make(600, 4)
    evaluation = score(predictions)
    pairs = confused_pairs(evaluation, 5)
    wrong = evaluation.confusion - np.diag(np.diagonal(evaluation.confusion))
    assert len(pairs) == 5 and pairs[0].count == wrong.max()
    assert [pair.count for pair in pairs] == sorted((pair.count for pair in pairs), reverse=True)
    first = pairs[0]
    i, j = (evaluation.labels.index(label) for label in (first.true, first.predicted))
    assert i != j and first.share == pytest.approx(wrong[i, j] / evaluation.confusion[i].sum())
    assert sum(pair.count for pair in confused_pairs(evaluation, None)) == wrong.sum()


def test_a_perfect_classifier_has_no_pairs() -> None:
    assert confused_pairs(score(make(60, 3, strength=50))) == []


def test_the_difference_of_two_classifiers() -> None:
    weak, strong = make(500, 4, strength=1), make(500, 4, strength=4)
    a, b = score(weak), score(strong)
    difference = confusion_difference(a, b)
    assert np.array_equal(difference, b.confusion - a.confusion)
    assert (difference.sum(axis=1) == 0).all() and (np.diagonal(difference) > 0).all()


def test_the_difference_goes_by_name() -> None:
    predictions = make(300, 3)
    turned = replace(
        predictions,
        labels=("c2", "c0", "c1"),
        probabilities=predictions.probabilities[:, [2, 0, 1]],
        gold=np.array([1, 2, 0])[predictions.gold],
    )
    assert not confusion_difference(score(predictions), score(turned)).any()


def test_differences_that_mean_nothing_are_refused(several: Predictions) -> None:
    a = score(make(300, 3))
    with pytest.raises(LabError, match="'c0' only in the first and 'x' only in the second"):
        confusion_difference(a, score(named(make(300, 3), ("x", "c1", "c2"))))
    with pytest.raises(LabError, match="the same rows"):
        confusion_difference(a, score(make(200, 3)))
    with pytest.raises(LabError, match="one kind"):
        confusion_difference(a, score(several))
    assert confusion_difference(score(several), score(several)).shape == (4, 2, 2)


def test_the_rows_behind_a_cell_a_row_and_a_column() -> None:
    predictions = make(400, 4)
    evaluation = score(predictions)
    texts = {"text": [f"text {i}" for i in range(400)]}
    cell = cell_rows(predictions, "c1", "c2", texts)
    assert len(cell) == evaluation.confusion[1, 2] > 2
    assert {(row["gold"], row["predicted"]) for row in cell} == {("c1", "c2")}
    assert [row["loss"] for row in cell] == sorted((row["loss"] for row in cell), reverse=True)
    assert all(row["text"] == f"text {row['row_id'][1:]}" for row in cell)
    assert len(cell_rows(predictions, true="c1")) == evaluation.confusion[1].sum()
    assert len(cell_rows(predictions, predicted="c1")) == evaluation.confusion[:, 1].sum()
    assert len(cell_rows(predictions)) == 400
    assert cell_rows(predictions, "c1", "c2", texts, n=2) == cell[:2]
    with pytest.raises(UnknownName, match="c0, c1, c2, c3"):
        cell_rows(predictions, "c9")


def test_cells_with_unknown_labels_and_with_several(several: Predictions) -> None:
    predictions = make(100, 3)
    assert isinstance(predictions.gold, np.ndarray)
    gold = np.where(np.arange(100) < 50, -1, predictions.gold)
    half = replace(predictions, gold=gold)
    rows = cell_rows(half, rows={"at": range(100)})
    assert len(rows) == 50 and all(row["row_id"] == f"r{row['at']}" for row in rows)
    assert several.gold is not None
    assert len(cell_rows(several, true="t1")) == several.gold[:, 1].sum()
    with pytest.raises(DataError):
        cell_rows(half, rows={"at": range(99)})


def test_errors_can_show_the_right_rows_that_were_unsure(single: Predictions) -> None:
    unsure = errors(single, include="unsure", n=20)
    assert all(row["gold"] == row["predicted"] for row in unsure)
    assert [row["confidence"] for row in unsure] == sorted(row["confidence"] for row in unsure)
    assert len(errors(single)) + len(errors(single, include="unsure")) == len(errors(single, include="all")) == 400
    assert all(row["gold"] == "c1" != row["predicted"] for row in errors(single, true="c1"))
    assert all(row["predicted"] == "c1" != row["gold"] for row in errors(single, predicted="c1"))
    with pytest.raises(UnknownName, match="wrong, unsure, all"):
        errors(single, include="right")  # type: ignore[arg-type]


def test_csv_reads_back() -> None:
    labels = ("plain", 'with "quotes", commas', "line\nbreak", "semi;colon", "Straße")
    evaluation = score(named(make(300, 5), labels))
    header, *lines = list(csv.reader(io.StringIO(confusion_csv(evaluation))))
    assert header == ["true \\ predicted", *labels]
    assert [line[0] for line in lines] == list(labels)
    assert np.array_equal(np.array([line[1:] for line in lines], dtype=int), evaluation.confusion)


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("=1+2", "'=1+2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd", "'+cmd"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        ("\n=1", "'\n=1"),
        ("-1", "-1"),
        ("+0.5", "+0.5"),
        ("a=b", "a=b"),
        ("'quoted'", "'quoted'"),
    ],
)
def test_csv_has_no_formulas(label: str, written: str) -> None:
    text = confusion_csv(score(named(make(60, 2), (label, "other"))))
    header, first, _ = list(csv.reader(io.StringIO(text)))
    assert header[1] == first[0] == written


def test_csv_with_several_labels(several: Predictions) -> None:
    evaluation = score(several)
    header, *lines = list(csv.reader(io.StringIO(confusion_csv(evaluation))))
    assert header == ["label", "true_positives", "false_negatives", "false_positives", "true_negatives"]
    for line, scores in zip(lines, evaluation.per_class, strict=True):
        hit, missed, false, rest = map(int, line[1:])
        assert (hit + missed, hit + false, hit + missed + false + rest) == (
            scores.support,
            scores.predicted,
            evaluation.n,
        )
    with pytest.raises(LabError, match="several labels"):
        confused_pairs(evaluation)
