"""The point metrics equal scikit-learn's, on ordinary and on odd predictions."""

import dataclasses
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as reference

from labkit.errors import DataError
from labkit.tasks._classification_metrics import METRICS, metrics, quick_metrics, tune_thresholds
from labkit.tasks._predictions import Predictions


def single(n: int, k: int, seed: int = 0, *, absent: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, k - absent, n)
    logits = rng.normal(size=(n, k)).round(1)
    logits[np.arange(n), gold] += 1.5
    p = np.exp(logits)
    return Predictions(
        row_ids=[str(i) for i in range(n)],
        labels=tuple(f"c{j}" for j in range(k)),
        probabilities=p / p.sum(1, keepdims=True),
        gold=gold,
    )


def several(n: int = 400, k: int = 7, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    gold = rng.random((n, k)) < 0.25
    p = 1 / (1 + np.exp(-(rng.normal(size=(n, k)) + 2.0 * gold - 1.2))).round(2)
    return Predictions(
        row_ids=[str(i) for i in range(n)],
        labels=tuple(f"t{j}" for j in range(k)),
        probabilities=p.clip(0, 1),
        gold=gold,
        multi_label=True,
    )


@pytest.mark.parametrize("predictions", [single(300, 2), single(900, 5), single(500, 12, absent=3), several()])
def test_averages_equal_scikit_learn(predictions: Predictions) -> None:
    mine, gold, said = metrics(predictions), predictions.gold, predictions.predicted
    for average in ("macro", "micro", "weighted"):
        values = reference.precision_recall_fscore_support(gold, said, average=average, zero_division=0)[:3]
        for name, value in zip(("precision", "recall", "f1"), values, strict=True):
            assert mine[f"{average}_{name}"] == pytest.approx(value, abs=1e-12), f"{average}_{name}"
    if predictions.multi_label:
        assert mine["exact_match"] == pytest.approx(reference.accuracy_score(gold, said))
        assert mine["hamming_loss"] == pytest.approx(reference.hamming_loss(gold, said))
        assert "accuracy" not in mine and "mcc" not in mine
    else:
        assert mine["accuracy"] == pytest.approx(reference.accuracy_score(gold, said))
        assert mine["mcc"] == pytest.approx(reference.matthews_corrcoef(gold, said), abs=1e-12)


@pytest.mark.parametrize("predictions", [single(300, 2), single(900, 5)])
def test_scores_of_probabilities_equal_scikit_learn(predictions: Predictions) -> None:
    mine, gold, p = metrics(predictions), predictions.gold, predictions.probabilities
    k = len(predictions.labels)
    auc = reference.roc_auc_score(gold, p[:, 1] if k == 2 else p, multi_class="ovr", average="macro")
    assert mine["roc_auc"] == pytest.approx(auc, abs=1e-12)
    each = [reference.average_precision_score(gold == j, p[:, j]) for j in range(k)]
    assert mine["average_precision"] == pytest.approx(np.mean(each), abs=1e-12)
    assert mine["log_loss"] == pytest.approx(reference.log_loss(gold, p, labels=range(k)))


def test_scores_of_several_labels_equal_scikit_learn() -> None:
    predictions = several()
    mine, gold, p = metrics(predictions), predictions.gold, predictions.probabilities
    assert mine["roc_auc"] == pytest.approx(reference.roc_auc_score(gold, p, average="macro"), abs=1e-12)
    area = reference.average_precision_score(gold, p, average="macro")
    assert mine["average_precision"] == pytest.approx(area, abs=1e-12)
    each = [reference.log_loss(gold[:, j], p[:, j], labels=[0, 1]) for j in range(gold.shape[1])]
    assert mine["log_loss"] == pytest.approx(np.mean(each))


def test_calibration_error_of_a_model_that_is_twenty_points_too_sure() -> None:
    p = np.full((100, 2), 0.1)
    p[:, 0] = 0.9
    gold = np.array([0] * 70 + [1] * 30)
    predictions = Predictions(row_ids=[str(i) for i in range(100)], labels=("a", "b"), probabilities=p, gold=gold)
    assert metrics(predictions)["ece"] == pytest.approx(0.2)


def test_a_certain_but_wrong_row_costs_a_finite_loss() -> None:
    p = np.array([[1.0, 0.0]])
    predictions = Predictions(row_ids=["1"], labels=("a", "b"), probabilities=p, gold=np.array([1]))
    expected = reference.log_loss([1], [[1.0, 0.0]], labels=[0, 1])
    assert metrics(predictions)["log_loss"] == pytest.approx(expected)


def test_rows_of_one_class_have_no_ranking_and_no_correlation() -> None:
    predictions = single(20, 3, absent=2)
    mine = metrics(predictions)
    assert "roc_auc" not in mine
    assert mine["average_precision"] == 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert mine["mcc"] == reference.matthews_corrcoef(predictions.gold, predictions.predicted) == 0.0


def test_unknown_labels_are_left_out() -> None:
    whole = single(100, 3)
    some = whole.gold.copy()
    some[60:] = -1
    part = Predictions(row_ids=whole.row_ids, labels=whole.labels, probabilities=whole.probabilities, gold=some)
    assert metrics(part) == metrics(whole.take(np.arange(60)))


@pytest.mark.parametrize("gold", [None, np.full(5, -1)])
def test_no_known_label_is_an_error(gold: np.ndarray | None) -> None:
    rows = Predictions(row_ids=list("abcde"), labels=("x", "y"), probabilities=np.full((5, 2), 0.5), gold=gold)
    with pytest.raises(DataError, match=r"known label|one of the classes"):
        metrics(rows)


@pytest.mark.parametrize("predictions", [single(100, 4), several()])
def test_quick_metrics_agree_and_all_metrics_are_described(predictions: Predictions) -> None:
    every, quick = metrics(predictions), quick_metrics(predictions)
    assert {name: every[name] for name in quick} == quick
    assert {"macro_f1", "log_loss"} <= set(quick)
    assert set(every) <= set(METRICS)


def test_seventy_seven_classes_take_no_noticeable_time() -> None:
    predictions = single(3080, 77)
    start = time.perf_counter()
    metrics(predictions)
    assert time.perf_counter() - start < 2


def test_tuned_thresholds_beat_every_other_threshold() -> None:
    predictions = several(seed=3)
    limits = tune_thresholds(predictions)
    gold, p = predictions.gold, predictions.probabilities
    for j, limit in enumerate(limits):
        best = max(reference.f1_score(gold[:, j], p[:, j] >= t, zero_division=0) for t in np.linspace(0.01, 1, 100))
        assert reference.f1_score(gold[:, j], p[:, j] >= limit) >= best - 1e-12


def test_thresholds_stay_at_a_half_where_nothing_speaks_for_another() -> None:
    p = np.array([[0.9, 0.2, 0.3], [0.8, 0.1, 0.8], [0.1, 0.3, 0.1]])
    gold = np.array([[1, 0, 1], [1, 0, 1], [0, 0, 0]], dtype=bool)
    labels = ("sure", "never", "low")
    rows = Predictions(row_ids=list("abc"), labels=labels, probabilities=p, gold=gold, multi_label=True)
    assert tune_thresholds(rows) == pytest.approx([0.5, 0.5, 0.2])


def rare(seed: int, digits: int) -> Predictions:
    """Rows of two classes, the second rare and its probability too low; rounded, so that some are equal."""
    rng = np.random.default_rng(seed)
    gold = (rng.random(60) < 0.2).astype(np.int64)
    gold[:2] = 0, 1
    p = np.clip(rng.normal(0.2 + 0.15 * gold, 0.1), 0, 1).round(digits)
    return Predictions(
        row_ids=[str(i) for i in range(60)], labels=("no", "yes"), probabilities=np.column_stack([1 - p, p]), gold=gold
    )


@pytest.mark.parametrize("digits", [1, 2, 16])
@pytest.mark.parametrize("seed", range(5))
def test_of_two_classes_the_threshold_with_the_best_macro_f1_is_found(seed: int, digits: int) -> None:
    rows = rare(seed, digits)
    tuned = dataclasses.replace(rows, thresholds=tune_thresholds(rows))
    p = rows.probabilities[:, 1]
    every = np.unique(np.append(p, [0, 1]))
    best = max(
        reference.f1_score(rows.gold, p > limit, average="macro", zero_division=0)
        for limit in (every[1:] + every[:-1]) / 2
    )
    found = reference.f1_score(rows.gold, tuned.predicted, average="macro", zero_division=0)
    assert found == pytest.approx(best) and found > metrics(rows)["macro_f1"]
    assert metrics(tuned)["macro_f1"] == pytest.approx(found)
    assert np.array_equal(tuned.predicted, p > tuned.thresholds[1])
    assert tuned.confidence == pytest.approx(np.where(p > tuned.thresholds[1], p, 1 - p))


def test_of_two_classes_one_of_which_is_not_there_both_stay_at_a_half() -> None:
    rows = rare(0, 2)
    for only in (0, 1):
        assert tune_thresholds(rows.take(rows.gold == only)).tolist() == [0.5, 0.5]


def test_thresholds_are_for_several_labels_or_two_classes() -> None:
    with pytest.raises(DataError, match="several labels"):
        tune_thresholds(single(10, 3))


def test_tuned_thresholds_are_kept_in_files(tmp_path: Path) -> None:
    rows = rare(0, 2)
    tuned = dataclasses.replace(rows, thresholds=tune_thresholds(rows))
    again = Predictions.load(tuned.save(tmp_path / "rows.parquet"))
    assert np.array_equal(again.predicted, tuned.predicted) and not np.array_equal(again.predicted, rows.predicted)
    assert np.array_equal(tuned.take([3, 5]).predicted, tuned.predicted[[3, 5]])
