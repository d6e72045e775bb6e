"""Regression: metrics as scipy has them, predictions that are kept, cheap models beside."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from labkit.errors import DataError, LabError
from labkit.evaluation import compare, errors, evaluate, suspects, uncertain
from labkit.tasks import ScorePredictions, load_predictions
from labkit.tasks._score_baselines import MEAN, RIDGE, score_baselines
from labkit.tasks._score_metrics import metrics, ranks, spearman_resampled


def made(gold: Any, said: Any) -> ScorePredictions:
    gold, said = np.asarray(gold, dtype=float), np.asarray(said, dtype=float)
    return ScorePredictions(row_ids=[f"r{i}" for i in range(len(said))], predicted=said, gold=gold)


def by_scipy(gold: Any, said: Any) -> dict[str, float]:
    gold, said = np.asarray(gold, dtype=float), np.asarray(said, dtype=float)
    found = {"rmse": float(np.sqrt(np.mean((gold - said) ** 2))), "mae": float(np.mean(np.abs(gold - said)))}
    if len(gold) > 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found["pearson"] = float(stats.pearsonr(gold, said)[0])
            found["spearman"] = float(stats.spearmanr(gold, said)[0])
    return {name: value for name, value in found.items() if not np.isnan(value)}


def cases() -> list[tuple[str, np.ndarray, np.ndarray]]:
    """1,000 random cases: sizes from 1, ties, constants, offsets and scales far apart."""
    rng = np.random.default_rng(0)
    found = []
    for i in range(1000):
        n = int(rng.integers(1, 60))
        kind = ("plain", "ties", "constant", "offset", "tiny", "huge", "few", "one apart")[i % 8]
        gold = rng.normal(size=n)
        said = gold * rng.normal() + rng.normal(size=n) * rng.choice([0.01, 1, 10])
        if kind == "ties":
            gold, said = np.round(gold), np.round(said)
        elif kind == "constant":
            gold, said = (gold, np.full(n, rng.normal())) if rng.random() < 0.5 else (np.full(n, 3.5), said)
        elif kind == "offset":
            gold, said = gold + 1e5, said - 1e5
        elif kind == "tiny":
            gold, said = gold * 1e-9, said * 1e9
        elif kind == "huge":
            gold, said = gold * 1e120, said * 1e120
        elif kind == "few":
            gold, said = gold[:2], said[:2]
        elif kind == "one apart":
            gold, said = np.zeros(n), np.zeros(n)
            gold[0] = said[-1] = 1.0
        found.append((kind, gold, said))
    return found


def test_metrics_are_those_of_scipy_on_a_thousand_cases() -> None:
    for kind, gold, said in cases():
        ours, theirs = metrics(made(gold, said)), by_scipy(gold, said)
        assert set(ours) == set(theirs), (kind, gold, said)
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9), (kind, gold, said)


def test_ranks_of_equal_values_are_the_mean_of_theirs() -> None:
    values = np.array([3.0, 1.0, 3.0, -2.0, 3.0])
    assert ranks(values).tolist() == stats.rankdata(values).tolist() == [4.0, 2.0, 4.0, 1.0, 4.0]


def test_a_resample_is_ranked_anew() -> None:
    rng = np.random.default_rng(1)
    gold, said = np.round(rng.normal(size=30), 1), np.round(rng.normal(size=30), 1)
    at = [rng.integers(0, 30, 30) for _ in range(50)]
    drawn = np.array([np.bincount(rows, minlength=30) for rows in at]).T
    wanted = [float(stats.spearmanr(gold[rows], said[rows])[0]) for rows in at]
    assert spearman_resampled(gold, said, drawn) == pytest.approx(wanted)
    alone = np.zeros((30, 1))
    alone[3] = 30
    assert np.isnan(spearman_resampled(gold, said, alone)).all(), "one row again and again has no order"


@pytest.mark.parametrize(
    ("gold", "said", "left"),
    [
        ([2.0], [1.0], "there is one row only"),
        ([1.0, 2.0, 3.0], [2.0, 2.0, 2.0], "the predicted scores are all the same"),
        ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], "the true scores are all the same"),
    ],
)
def test_a_correlation_that_has_no_value_is_left_out_and_said(gold: list[float], said: list[float], left: str) -> None:
    result = evaluate(made(gold, said), rows={"length": list(range(len(gold)))}, slices=["length"], resamples=100)
    assert list(result.headline) == ["rmse", "mae"] and result.first == "rmse"
    assert any(left in note for note in result.notes)
    assert "Pearson" not in str(result).split("Intervals")[0]


def test_an_evaluation_has_intervals_slices_and_baselines(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    gold = rng.uniform(0, 5, 200)
    model, mean = made(gold, gold + rng.normal(size=200) * 0.5), made(gold, np.full(200, gold.mean()))
    half = made(gold, gold + rng.normal(size=200) * 1.5)
    kinds = ["a" if i % 2 else "b" for i in range(200)]
    kinds[0] = "alone"
    result = evaluate(
        model, baselines={"mean": mean, "half": half}, rows={"kind": kinds}, slices=["kind"], resamples=500
    )
    for name, figure in result.headline.items():
        assert figure.low is not None and figure.high is not None and figure.low < figure.value < figure.high, name
    highest = result.headline["pearson"].high
    assert highest is not None and highest <= 1
    assert result.what == f"200 rows with scores from {gold.min():g} to {gold.max():g}"
    assert [part.value for part in result.slices["kind"]] == ["a", "b"]
    assert any("By kind, 'alone' is left out" in note for note in result.notes)
    beside = result.baselines["mean"]
    assert list(beside.differences) == ["rmse", "mae"] and beside.lower_is_better and beside.clear
    assert "less than mean in root mean squared error, which is better" in str(beside)
    other = result.baselines["half"]
    assert next(iter(other.differences)) == "pearson" and other.clear and not other.lower_is_better
    assert "more than half in Pearson correlation, which is better" in str(other)
    swapped = compare(half, model, other="the model", resamples=200)
    assert "less than the model in Pearson correlation, which is worse" in str(swapped)
    assert type(result).from_dict(result.to_dict()).headline == result.headline
    assert "nan" not in str(result.to_dict())


def test_the_intervals_of_correlations_hold_what_they_promise() -> None:
    """Of 95 % intervals of 100 samples about 95 hold the true value; 87 is 3.7 standard deviations below."""
    rng, inside = np.random.default_rng(3), {"pearson": 0, "spearman": 0}
    truth = {"pearson": 0.8, "spearman": 6 / np.pi * np.arcsin(0.4)}
    for _ in range(100):
        x = rng.normal(size=80)
        result = evaluate(made(x, 0.8 * x + 0.6 * rng.normal(size=80)), resamples=300)
        for name in inside:
            figure = result.headline[name]
            assert figure.low is not None and figure.high is not None
            inside[name] += figure.low <= truth[name] <= figure.high
    assert min(inside.values()) >= 87


def test_comparing_works_in_any_order_of_the_rows() -> None:
    rng = np.random.default_rng(4)
    gold = rng.uniform(0, 5, 60)
    a, b = made(gold, gold + rng.normal(size=60)), made(gold, gold + rng.normal(size=60) * 2)
    order = rng.permutation(60)
    straight, mixed = compare(a, b, resamples=200), compare(a, b.take(order), resamples=200)
    for name, figure in straight.differences.items():
        assert dataclasses.astuple(mixed.differences[name]) == pytest.approx(dataclasses.astuple(figure))
    assert mixed.p_value == straight.p_value
    assert compare(a, a, resamples=200).p_value == 1.0
    with pytest.raises(DataError, match="same row ids"):
        compare(a, b.take(order[:50]))


def test_rows_without_a_true_score_are_left_out() -> None:
    part = made([1.0, np.nan, 2.0, 4.0], [1.5, 2.0, 2.5, 3.0])
    result = evaluate(part, rows={"length": [1, 2, 3, 4]}, slices=["length"], resamples=0)
    assert (result.n, result.skipped) == (3, 1)
    assert result.metrics == pytest.approx(by_scipy([1.0, 2.0, 4.0], [1.5, 2.5, 3.0]))
    with pytest.raises(DataError, match="known score"):
        evaluate(made([np.nan], [1.0]))
    with pytest.raises(DataError, match="finite numbers"):
        evaluate(made([1.0, 2.0], [np.nan, 1.0]))


def test_predictions_are_kept_and_found_again(tmp_path: Path) -> None:
    kept = made([1.0, np.nan], [1.25, 0.1])
    found = load_predictions(kept.save(tmp_path / "p.parquet"))
    assert isinstance(found, ScorePredictions)
    assert found.row_ids == kept.row_ids and found.predicted.tolist() == kept.predicted.tolist()
    assert found.gold is not None and found.gold[0] == 1.0 and np.isnan(found.gold[1])
    assert found.take(np.array([False, True])).row_ids == ["r1"]
    assert found.answers().column_names == ["row_id", "score"]
    with pytest.raises(DataError, match="shape"):
        ScorePredictions(row_ids=["a"], predicted=np.zeros(2))


def test_what_is_for_classes_refuses_scores_in_plain_words() -> None:
    some: Any = made([1.0, 2.0], [1.0, 2.5])
    for call in (errors, suspects, uncertain):
        with pytest.raises(LabError, match="predictions of classes"):
            call(some)


def pairs(count: int, seed: int) -> dict[str, list[Any]]:
    rng = np.random.default_rng(seed)
    words = [f"word{i}" for i in range(60)]
    rows: dict[str, list[Any]] = {"row_id": [], "text": [], "text_pair": [], "label": []}
    for i in range(count):
        kept, one = int(rng.integers(0, 7)), rng.permutation(words)[:12]
        rows["row_id"].append(f"{seed}-{i}")
        rows["text"].append(" ".join(one[:6]))
        rows["text_pair"].append(" ".join([*one[:kept], *one[6 : 12 - kept]]))
        rows["label"].append(kept / 6 * 5)
    return rows


def test_the_baselines_see_how_alike_the_texts_of_a_pair_are() -> None:
    train, test = pairs(150, 0), pairs(60, 1)
    train["label"][3] = None
    test["label"][5] = None
    found = score_baselines(train, test)
    known = [label for label in train["label"] if label is not None]
    assert found[MEAN].predicted == pytest.approx(np.full(60, np.mean(known)))
    assert metrics(found[RIDGE])["pearson"] > 0.9, "by the words in common"
    assert len(found[RIDGE].known) == 59
    again = score_baselines(train, test)
    assert again[RIDGE].predicted.tolist() == found[RIDGE].predicted.tolist()
    assert score_baselines(train, {**test, "text": [""] * 60, "text_pair": [None] * 60})[RIDGE].predicted.shape == (60,)


def test_the_baselines_of_single_texts_and_of_hardly_anything() -> None:
    rows = {"row_id": list("abc"), "text": ["good soup", "bad soup", "good"], "label": [5.0, 1.0, 4.5]}
    found = score_baselines({"text": ["good soup", "good bread", "bad soup", "bad"], "label": [5, 4.5, 1, 0.5]}, rows)
    assert found[RIDGE].predicted[0] > found[RIDGE].predicted[1]
    blank = score_baselines({"text": ["", " "], "label": [1.0, 2.0]}, rows)
    assert blank[RIDGE].predicted.tolist() == [1.5, 1.5, 1.5], "the mean, where there are no words"
    with pytest.raises(DataError, match="training rows with scores"):
        score_baselines({"text": ["a"], "label": [None]}, rows)
