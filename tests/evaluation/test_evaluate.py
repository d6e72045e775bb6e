"""An evaluation holds the right figures, honest intervals, and survives JSON."""

import dataclasses
import json

import numpy as np
import pytest
from made_predictions import make, make_multi
from sklearn.metrics import confusion_matrix, f1_score, multilabel_confusion_matrix

from labkit.errors import DataError, LabError, UnknownName
from labkit.evaluation import HEADLINE, HEADLINE_MULTI_LABEL, Estimate, Evaluation, evaluate
from labkit.evaluation import _intervals as intervals
from labkit.tasks._predictions import Predictions


def test_every_headline_figure_has_an_interval_around_it(single: Predictions, several: Predictions) -> None:
    for predictions, names in ((single, HEADLINE), (several, HEADLINE_MULTI_LABEL)):
        evaluation = evaluate(predictions, resamples=300)
        assert tuple(evaluation.headline) == names
        for name, figure in evaluation.headline.items():
            assert figure.low < figure.value < figure.high, name
            assert figure.value == evaluation.metrics[name]


def test_interval_of_accuracy_is_as_wide_as_theory_says() -> None:
    evaluation = evaluate(make(1000, 3), resamples=2000)
    figure = evaluation.headline["accuracy"]
    theory = 2 * 1.96 * np.sqrt(figure.value * (1 - figure.value) / 1000)
    assert figure.high - figure.low == pytest.approx(theory, rel=0.1)


def test_macro_f1_of_a_resample_is_that_of_the_drawn_rows(single: Predictions, several: Predictions) -> None:
    for predictions in (single, several):
        drawn = intervals.draw(len(predictions), 100, seed=5)
        mine = intervals.decisions(predictions, drawn)["macro_f1"]
        for r in (0, 99):
            rows = predictions.take(np.repeat(np.arange(len(predictions)), drawn[:, r]))
            assert mine[r] == pytest.approx(f1_score(rows.gold, rows.predicted, average="macro"))


def test_intervals_depend_on_the_seed_and_on_nothing_else(single: Predictions) -> None:
    first, again, other = (evaluate(single, seed=seed, resamples=200).to_dict()["headline"] for seed in (1, 1, 2))
    assert first == again
    assert first["accuracy"]["low"] != other["accuracy"]["low"] or first["mcc"] != other["mcc"]


def test_a_wider_confidence_gives_a_wider_interval(single: Predictions) -> None:
    narrow, wide = (evaluate(single, confidence=c, resamples=500).headline["macro_f1"] for c in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_no_errors_is_not_certainty() -> None:
    p = np.eye(2)[[0, 1] * 10]
    rows = Predictions(row_ids=list(map(str, range(20))), labels=("a", "b"), probabilities=p, gold=p.argmax(axis=1))
    evaluation = evaluate(rows)
    assert evaluation.headline["accuracy"].value == 1.0
    assert evaluation.headline["accuracy"].low == pytest.approx(0.839, abs=1e-3)  # Wilson, 20 of 20
    assert evaluation.per_class[0].f1.low < 0.9
    assert evaluation.headline["macro_f1"].low is None


def test_zero_resamples_give_figures_without_intervals(single: Predictions) -> None:
    evaluation = evaluate(single, resamples=0, rows={"x": ["u"] * 400}, slices=["x"])
    assert {figure.low for figure in evaluation.headline.values()} == {None}
    assert "interval:" not in evaluation.text()


def test_per_class_scores_and_confusion_equal_scikit_learn(single: Predictions, several: Predictions) -> None:
    evaluation = evaluate(single, resamples=0)
    assert [scores.f1.value for scores in evaluation.per_class] == pytest.approx(
        f1_score(single.gold, single.predicted, average=None)
    )
    assert (evaluation.confusion == confusion_matrix(single.gold, single.predicted)).all()
    assert sum(scores.support for scores in evaluation.per_class) == 400
    multi = evaluate(several, resamples=0)
    assert (multi.confusion == multilabel_confusion_matrix(several.gold, several.predicted)).all()
    assert multi.thresholds == (0.6,) * 4


def test_reliability_bins_add_up_to_the_calibration_error(single: Predictions) -> None:
    evaluation = evaluate(single, resamples=0)
    assert sum(part.count for part in evaluation.reliability) == evaluation.n
    gap = sum(part.count * abs(part.accuracy - part.confidence) for part in evaluation.reliability) / evaluation.n
    assert gap == pytest.approx(evaluation.metrics["ece"])


def test_rows_of_unknown_label_are_left_out_and_counted(single: Predictions) -> None:
    gold = single.gold.copy()
    gold[:100] = -1
    partly = dataclasses.replace(single, gold=gold)
    rows = {"half": ["unknown"] * 100 + ["known"] * 300}
    evaluation = evaluate(partly, rows=rows, slices=["half"], baselines={"itself": partly}, resamples=100)
    assert (evaluation.n, evaluation.skipped) == (300, 100)
    assert [part.value for part in evaluation.slices["half"]] == ["known"]
    assert evaluation.metrics == evaluate(single.take(np.arange(100, 400)), resamples=0).metrics
    assert evaluation.baselines["itself"].n == 300


@pytest.mark.parametrize("multi", [False, True])
def test_an_evaluation_survives_json(multi: bool) -> None:
    predictions, other = (
        make_multi(seed=s, strength=x) if multi else make(300, 5, seed=0) for s, x in ((0, 2), (0, 1))
    )
    rows = {"text": [f"{i} words" * (i % 9) for i in range(300)]}
    evaluation = evaluate(
        predictions, rows=rows, slices=["length", "label"], baselines={"b": other}, resamples=100, seed=3
    )
    back = Evaluation.from_dict(json.loads(json.dumps(evaluation.to_dict(), allow_nan=False)))
    assert back.to_dict() == evaluation.to_dict()
    assert back.text() == evaluation.text()
    assert (back.confusion == evaluation.confusion).all()


def test_values_of_something_else_are_refused() -> None:
    with pytest.raises(DataError, match="evaluation"):
        Evaluation.from_dict({"accuracy": 1.0})


def test_html_shows_hostile_names_as_text(single: Predictions) -> None:
    bad = "<script>alert(1)</script>"
    rows = dataclasses.replace(single, labels=(bad, *single.labels[1:]))
    html = evaluate(
        rows, rows={bad: [bad] * 400}, slices=[bad, "label"], baselines={bad: rows}, resamples=0
    )._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 4


def test_text_names_baseline_interval_and_slices(single: Predictions) -> None:
    worse = make(400, 5, strength=0.5)
    text = evaluate(single, baselines={"majority class": worse}, slices=["label"], resamples=200).text()
    assert "95 % interval" in text and "points better than majority class in accuracy" in text and "By label" in text


def test_diverged_probabilities_are_refused(single: Predictions) -> None:
    with pytest.raises(DataError, match="between 0 and 1"):
        evaluate(dataclasses.replace(single, probabilities=np.full((400, 5), np.nan)))


@pytest.mark.parametrize("options", [{"resamples": 10}, {"confidence": 95}])
def test_settings_out_of_range_are_refused(single: Predictions, options: dict[str, float]) -> None:
    with pytest.raises(LabError):
        evaluate(single, **options)


def test_slices_by_value_length_band_and_label(single: Predictions) -> None:
    rows = {
        "text": ["word " * (1 + i % 40) for i in range(400)],
        "kind": ["a"] * 250 + ["b"] * 140 + [None] * 10,
        "stars": [i % 5 for i in range(400)],
        "price": [float("nan") if i == 0 else i / 7 for i in range(400)],
    }
    found = evaluate(single, rows=rows, slices=[*rows, "length", "label"][1:], resamples=200).slices
    assert [(part.value, part.n, part.small) for part in found["kind"]] == [
        ("a", 250, False),
        ("b", 140, False),
        ("(missing)", 10, True),
    ]
    assert [part.value for part in found["length"]] == ["1 to 10", "11 to 20", "21 to 30", "31 to 40"]
    assert [part.n for part in found["length"]] == [100] * 4
    assert {part.value for part in found["stars"]} == set("01234")
    assert len(found["price"]) == 5 and found["price"][-1].value == "(missing)"
    first = found["kind"][0]
    assert first.accuracy.value == pytest.approx((single.gold == single.predicted)[:250].mean())
    assert first.difference.low < first.difference.value < first.difference.high
    assert (
        found["label"] == evaluate(single, rows={"label": ["x"] * 400}, slices=["label"], resamples=200).slices["label"]
    )
    recall = {s.label: s.recall for s in evaluate(single, resamples=0).per_class}
    assert all(part.accuracy.value == pytest.approx(recall[part.value]) for part in found["label"])


def test_many_values_become_twenty_and_the_rest(single: Predictions) -> None:
    rows = {"who": [f"author {i % 57}" for i in range(400)]}
    parts = evaluate(single, rows=rows, slices=["who"], resamples=0).slices["who"]
    assert len(parts) == 21 and parts[-1].value == "(other)"
    assert sum(part.n for part in parts) == 400


def test_an_unknown_slice_lists_the_columns(single: Predictions) -> None:
    with pytest.raises(UnknownName, match="topic"):
        evaluate(single, rows={"topic": ["x"] * 400}, slices=["topik"], resamples=0)


def test_a_column_of_another_length_is_refused(single: Predictions) -> None:
    with pytest.raises(DataError, match="400 values"):
        evaluate(single, rows={"topic": ["x"] * 399})


def test_five_thousand_classes_fit() -> None:
    evaluation = evaluate(make(600, 5000, strength=6), resamples=100)
    assert evaluation.headline["macro_f1"].low is not None
    assert len(json.dumps(evaluation.to_dict())) < 3_000_000


def test_an_estimate_reads_as_a_figure_with_its_interval() -> None:
    assert str(Estimate(0.9314, 0.9221, 0.94)) == "0.931 (0.922 to 0.940)"
    assert str(Estimate(0.5)) == "0.500"
