"""The figures show the right numbers, stay small, and show every text of the data as text."""

import dataclasses
import json
import math
import re

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest

from labkit import charts
from labkit.charts._template import INK
from labkit.errors import DataError, UnknownName
from labkit.evaluation import Comparison, Estimate, Evaluation, evaluate
from labkit.events import Evaluated, RunStarted, StepLogged
from labkit.tasks._predictions import Predictions

HOSTILE = '<img src=x onerror="alert(1)"> & <a href="javascript:alert(2)">$x^2$'


def predictions(n: int, k: int, *, strength: float = 2.0, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), gold] += strength
    p = np.exp(logits)
    names = tuple(f"a_rather_long_name_of_class_{j}" for j in range(k))
    ids = [str(i) for i in range(n)]
    return Predictions(row_ids=ids, labels=names, probabilities=p / p.sum(axis=1, keepdims=True), gold=gold)


def of_texts(metric: str, second: str, figures: dict[str, tuple[float, float]]) -> Evaluation:
    """An evaluation of written texts: who → the two figures; the first is the model."""
    first, *others = figures

    def estimates(who: str) -> dict[str, Estimate]:
        return {
            name: Estimate(value, 0.9 * value, 1.1 * value)
            for name, value in zip((metric, second), figures[who], strict=True)
        }

    def beside(who: str) -> Comparison:
        a, b = estimates(first), estimates(who)
        gaps = {name: Estimate(a[name].value - b[name].value, 0.0, 1.0) for name in a}
        return Comparison(
            other=who,
            n=50,
            a=a,
            b=b,
            differences=gaps,
            fixed=3,
            broken=1,
            p_value=0.5,
            lower_is_better=metric == "loss",
        )

    return Evaluation(
        labels=(), n=50, headline=estimates(first), metrics=dict(zip((metric, second), figures[first], strict=True)),
        per_class=(), confusion=np.zeros((0, 0), dtype=np.int64), reliability=(), resamples=100, what="50 texts",
        baselines={who: beside(who) for who in others},
    )  # fmt: skip


def test_scores_of_written_texts_have_their_own_scales() -> None:
    bleu = charts.scores(of_texts("bleu", "chrf", {"model": (31.25, 55.0), "the source": (4.0, 20.0)}))
    assert list(bleu.layout.xaxis.tickvals) == [0, 25, 50, 75, 100] == list(bleu.layout.xaxis2.tickvals)
    assert [a.text for a in bleu.layout.annotations] == ["BLEU", "chrF"]
    assert "31.2" in {text for trace in bleu.data for text in trace.text}
    loss = charts.scores(of_texts("perplexity", "token_accuracy", {"model": (40.0, 0.3), "unigram": (900.0, 0.1)}))
    assert list(loss.layout.yaxis.ticktext) == ["unigram", "this model"], "the best above, which is the lowest"
    assert loss.layout.xaxis.range[1] > 990 and loss.layout.xaxis.tickvals is None
    assert loss.layout.annotations[0].text == "Perplexity (lower is better)"
    below = charts.scores(of_texts("pearson", "rmse", {"model": (0.5, 1.0), "mean": (-0.2, 2.0)}))
    assert below.layout.xaxis.range[0] < -0.22, "a correlation may be below 0"


def several(n: int = 200, k: int = 3) -> Predictions:
    rng = np.random.default_rng(0)
    gold = rng.random((n, k)) < 0.4
    p = 1 / (1 + np.exp(1 - 2 * gold - rng.normal(size=(n, k))))
    ids = [str(i) for i in range(n)]
    return Predictions(row_ids=ids, labels=("x", "y", "z")[:k], probabilities=p, gold=gold, multi_label=True)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    rows = predictions(600, 4)
    weak = predictions(600, 4, strength=0.5)
    return evaluate(
        rows, baselines={"TF-IDF": weak}, rows={"kind": ["a", "b", "c"] * 200}, slices=["kind"], resamples=100
    )


def every_figure(evaluation: Evaluation) -> list[go.Figure]:
    labels = evaluation.labels
    return [
        charts.class_balance({"train": dict.fromkeys(labels, 30), "test": dict.fromkeys(labels, 10)}),
        charts.lengths({"train": list(range(1, 900)), "test": [5, 6, 7]}, limit=128),
        charts.learning_curves(run()),
        charts.confusion(evaluation),
        charts.confusion(evaluation, share=True, order="errors"),
        charts.per_class_f1(evaluation),
        charts.reliability(evaluation),
        charts.scores(evaluation),
        *(charts.slices(evaluation, column) for column in evaluation.slices),
    ]


def run(steps: int = 1000) -> list[StepLogged | Evaluated | RunStarted]:
    events: list[StepLogged | Evaluated | RunStarted] = [
        RunStarted(run="r", task="text-classification", model="m", rows={}, steps=steps, epochs=2)
    ]
    for step in range(1, steps + 1):
        events.append(StepLogged(step=step, epoch=step / 500, loss=2 / step, learning_rate=1e-5))
        if step % 250 == 0:
            metrics = {"accuracy": 0.5 + step / 4000, "macro_f1": 0.4 + step / 4000, "log_loss": 1 / step}
            events.append(Evaluated(step=step, epoch=step / 500, split="validation", metrics=metrics, best=step <= 750))
    return events


def texts(figure: go.Figure) -> list[str]:
    found: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk(json.loads(figure.to_json()))
    return found


def test_every_figure_has_a_title_axis_titles_and_the_template(evaluation: Evaluation) -> None:
    for figure in every_figure(evaluation):
        layout = json.loads(figure.to_json())["layout"]
        title = layout["title"]["text"]
        assert title and title[0].isupper()
        axes = [axis for key, axis in layout.items() if re.fullmatch(r"[xy]axis\d*", key)]
        assert any("title" in axis for axis in axes) or title == "Model and baselines"
        assert layout["template"]["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"
        assert layout["height"] >= 200


def test_plotly_keeps_its_own_defaults() -> None:
    assert plotly.io.templates.default == "plotly"
    assert "labkit" not in plotly.io.templates


@pytest.mark.parametrize("background", ["#ffffff", "#111111"])
def test_text_is_legible_on_white_and_on_near_black(background: str) -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(INK), luminance(background)))
    assert (high + 0.05) / (low + 0.05) >= 4.2


def test_figures_of_seventy_seven_classes_stay_small() -> None:
    rows = predictions(3080, 77, strength=3.0)
    big = evaluate(rows, baselines={"other": predictions(3080, 77)}, slices=["label"], resamples=100)
    for figure in every_figure(big):
        assert len(figure.to_json()) < 100_000, figure.layout.title.text
    names = charts.confusion(big).layout.yaxis.ticktext
    assert len(names) == 77


@pytest.mark.parametrize("multi", [False, True])
def test_hostile_texts_are_shown_as_text(multi: bool) -> None:
    rows = several() if multi else predictions(200, 3)
    rows = dataclasses.replace(rows, labels=(HOSTILE, *rows.labels[1:]))
    made = evaluate(rows, baselines={HOSTILE: rows}, rows={HOSTILE: [HOSTILE] * 200}, slices=[HOSTILE], resamples=0)
    hostile_run = [dataclasses.replace(e, split=HOSTILE) if isinstance(e, Evaluated) else e for e in run()]
    hostile_run[-1] = dataclasses.replace(hostile_run[-1], metrics={HOSTILE: 0.5})
    figures = [
        *every_figure(made),
        charts.class_balance({HOSTILE: {HOSTILE: 3}}),
        charts.lengths({HOSTILE: [1, 2]}, unit=HOSTILE),
        charts.learning_curves(hostile_run, split=HOSTILE, metric=HOSTILE),
    ]
    for figure in figures:
        for text in texts(figure):
            assert "<img" not in text and "<a " not in text.lower() and "$" not in text, figure.layout.title.text


def test_long_names_are_cut_yet_stay_apart() -> None:
    labels = {"x" * 60 + str(i): i + 1 for i in range(3)}
    figure = charts.class_balance({"train": labels})
    assert {len(text) for text in figure.layout.yaxis.ticktext} == {40}
    assert list(figure.data[0].x) == [3, 2, 1]
    assert list(figure.data[0].y) == [0, 1, 2]


def test_class_balance_stacks_the_splits_most_frequent_first() -> None:
    figure = charts.class_balance({"train": {"a": 5, "b": 90}, "test": {"a": 2, "c": 1}})
    assert list(figure.layout.yaxis.ticktext) == ["b", "a", "c"]
    assert [list(bar.x) for bar in figure.data] == [[90, 5, 0], [0, 2, 1]]
    assert figure.layout.barmode == "stack"
    many = charts.class_balance({"train": {str(i): 1000 - i for i in range(500)}})
    assert len(many.data[0].x) == 100 and many.layout.yaxis.ticktext[-1] == "401 rarer classes"
    assert sum(many.data[0].x) == sum(1000 - i for i in range(500))
    with pytest.raises(DataError):
        charts.class_balance({})


def test_lengths_are_binned_into_shares_and_say_what_is_cut() -> None:
    rng = np.random.default_rng(0)
    figure = charts.lengths({"train": rng.poisson(40, 5000), "test": [30] * 10, "empty": []}, limit=50)
    assert len(figure.data) == 2
    for trace in figure.data:
        assert len(trace.x) <= 40 and sum(trace.y) == pytest.approx(100, abs=0.1)
    share = 100 * (rng.__class__(np.random.PCG64(0)).poisson(40, 5000) > 50).sum() / 5010
    assert f"{share:.1f} % are longer than the limit of 50" in figure.layout.title.subtitle.text
    assert figure.layout.shapes[0].x0 == 50.5
    with pytest.raises(DataError):
        charts.lengths({"train": []})


def test_one_very_long_text_does_not_flatten_the_others() -> None:
    figure = charts.lengths({"train": [*range(10, 60)] * 20 + [100_000]})
    assert max(figure.data[0].x) < 100
    assert figure.data[0].customdata[-1].endswith("and more")


def test_learning_curves_mark_the_best_step_and_thin_long_runs() -> None:
    figure = charts.learning_curves(run(3000))
    loss = next(trace for trace in figure.data if trace.name == "Training loss")
    assert len(loss.x) == 400 and loss.x[-1] == 3000
    check = next(trace for trace in figure.data if trace.name == "Macro F1")
    assert [symbol for x, symbol in zip(check.x, check.marker.symbol, strict=True) if x == 750] == ["star"]
    assert list(check.marker.symbol).count("star") == 1
    assert {shape.x0 for shape in figure.layout.shapes} == {750}
    assert "Best at step 750: Macro F1 0.588" in figure.layout.title.subtitle.text
    with_rate = charts.learning_curves(run(), learning_rate=True, metric="accuracy")
    assert {"Accuracy", "Learning rate"} <= {trace.name for trace in with_rate.data}


def test_steps_made_again_after_a_resume_are_shown_once() -> None:
    start = RunStarted(run="r", task="t", model="m", rows={}, steps=100, epochs=1)
    first = [StepLogged(step=s, epoch=0, loss=5.0, learning_rate=0) for s in (10, 20, 30)]
    again = [StepLogged(step=s, epoch=0, loss=1.0, learning_rate=0) for s in (30, 40)]
    figure = charts.learning_curves([start, *first, dataclasses.replace(start, from_step=20), *again])
    loss = next(trace for trace in figure.data if trace.name == "Training loss")
    assert list(zip(loss.x, loss.y, strict=True)) == [(10, 5.0), (20, 5.0), (30, 1.0), (40, 1.0)]


def test_a_run_without_evaluations_or_with_lost_numbers_can_be_drawn() -> None:
    assert charts.learning_curves([]).layout.title.subtitle.text == "No evaluation yet"
    lost = [StepLogged(step=1, epoch=0, loss=math.nan, learning_rate=0.0)]
    lost += [dataclasses.replace(lost[0], step=2, loss=None)]
    assert list(charts.learning_curves(lost).data[0].y) == [None, None]


def test_a_metric_that_the_run_has_not_is_named() -> None:
    with pytest.raises(UnknownName, match="macro_f1"):
        charts.learning_curves(run(), metric="macro_f")


def test_confusion_shows_every_count(evaluation: Evaluation) -> None:
    figure = charts.confusion(evaluation)
    heat = figure.data[0]
    counts = np.zeros((4, 4), dtype=int)
    for x, y, text in zip(heat.x, heat.y, heat.text, strict=True):
        counts[y, x] = int(text.split()[0].replace(",", ""))
    assert (counts == evaluation.confusion).all()
    assert all((z <= 0) == (x == y) for x, y, z in zip(heat.x, heat.y, heat.z, strict=True))
    written = [text for trace in figure.data[1:] for text in trace.text if text]
    assert sorted(map(int, written)) == sorted(evaluation.confusion[evaluation.confusion > 0].tolist())
    shares = charts.confusion(evaluation, share=True)
    assert all(text.endswith(" %") for trace in shares.data[1:] for text in trace.text if text)


def test_confusion_orders_and_limits_the_classes(evaluation: Evaluation) -> None:
    wrong = evaluation.confusion.sum(0) + evaluation.confusion.sum(1) - 2 * np.diagonal(evaluation.confusion)
    names = charts.confusion(evaluation, order="errors").layout.yaxis.ticktext
    assert names[0] == evaluation.labels[int(wrong.argmax())]
    with pytest.raises(UnknownName, match="frequency"):
        charts.confusion(evaluation, order="frequent")  # type: ignore[arg-type]
    many = evaluate(predictions(500, 150, strength=4), resamples=0)
    assert len(charts.confusion(many).layout.xaxis.ticktext) == 100
    assert not [trace for trace in charts.confusion(many).data if trace.type == "scatter"]


def test_several_labels_show_found_missed_and_false_alarms() -> None:
    made = evaluate(several(), resamples=0)
    found, missed, false = charts.confusion(made).data
    assert list(found.x) == made.confusion[:, 1, 1].tolist()
    assert list(missed.x) == made.confusion[:, 1, 0].tolist()
    assert list(false.x) == made.confusion[:, 0, 1].tolist()
    for figure in (charts.reliability(made), charts.scores(made), charts.per_class_f1(made)):
        assert figure.data


def test_f1_is_sorted_with_its_whiskers(evaluation: Evaluation) -> None:
    dots = charts.per_class_f1(evaluation).data[0]
    assert list(dots.x) == sorted(dots.x)
    weakest = min(evaluation.per_class, key=lambda part: part.f1.value)
    assert dots.x[0] - dots.error_x.arrayminus[0] == pytest.approx(weakest.f1.low, abs=1e-3)
    many = charts.per_class_f1(evaluate(predictions(900, 120), resamples=0))
    assert len(many.data[0].x) == 80 and "the 80 weakest of 120" in many.layout.title.subtitle.text


def test_reliability_shows_the_filled_bins(evaluation: Evaluation) -> None:
    figure = charts.reliability(evaluation)
    filled = [part for part in evaluation.reliability if part.count]
    assert list(figure.data[1].y) == pytest.approx([part.accuracy for part in filled], abs=1e-4)
    assert sum(figure.data[2].y) == evaluation.n
    assert str(evaluation.headline["ece"]) in figure.layout.title.subtitle.text


def test_scores_put_the_model_beside_its_baselines(evaluation: Evaluation) -> None:
    figure = charts.scores(evaluation)
    assert list(figure.layout.yaxis.ticktext) == ["TF-IDF", "this model"]
    assert "points better than TF-IDF in accuracy" in figure.layout.title.subtitle.text
    assert charts.scores(evaluate(predictions(50, 2), resamples=0)).data


def test_slices_show_each_value_and_refuse_other_columns(evaluation: Evaluation) -> None:
    figure = charts.slices(evaluation, "kind")
    assert sorted(figure.layout.yaxis.ticktext) == ["a", "b", "c"]
    with pytest.raises(UnknownName, match="kind"):
        charts.slices(evaluation, "kinds")
