"""Runs whose label is a score: trained, resumed, evaluated, used, and loaded by plain transformers."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import FILLER, WORDS, toy_recipe

from labkit import charts, data, evaluation
from labkit.cli import main
from labkit.errors import DataError, LabError, RecipeError
from labkit.events import Evaluated
from labkit.tasks import ScorePredictions, TextRegression
from labkit.training import Predictor, Recipe, Run, diagnose, evaluate, predict_file, resume, runs, train

FAMILIES = ("bert", "roberta", "distilbert", "deberta", "xlnet", "gpt2", "qwen", "t5", "bart")


def scored(count: int = 120, seed: int = 0) -> list[dict[str, Any]]:
    """Pairs of texts; the score is 20 times the words about sport in the first, of ten, plus 100: a scale of its own."""
    chooser = random.Random(seed)
    rows = []
    for i in range(count):
        sport = chooser.randint(0, 10)
        words = [chooser.choice(WORDS["sport"]) for _ in range(sport)] + [
            chooser.choice(FILLER) for _ in range(10 - sport)
        ]
        chooser.shuffle(words)
        rows.append(
            {"id": f"s{i}", "sentence1": " ".join(words), "sentence2": "the match", "score": f"{100.5 + 20 * sport}"}
        )
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def scored_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("scored") / "scored.csv", scored())


@pytest.fixture(scope="module")
def run(toy_model: Path, scored_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A complete run that has learned the scores, with baselines and slices."""
    recipe = toy_recipe(
        scored_csv, toy_model, budget={"epochs": 8}, evaluation={"baselines": True, "slices": ["length", "label"]}
    )
    return train(recipe, tmp_path_factory.mktemp("runs") / "scored")


def test_it_learns_and_is_judged_beside_the_baselines(run: Run) -> None:
    result = run.evaluation
    assert list(result.headline) == ["pearson", "spearman", "rmse", "mae"]
    assert result.headline["pearson"].value > 0.9
    assert result.headline["mae"].value < 0.5 * np.std([float(row["score"]) for row in scored()])
    assert list(result.baselines) == ["training mean", "TF-IDF + ridge regression"]
    assert result.baselines["training mean"].clear and "label" in result.slices
    assert run.recipe.data.scores is True
    assert run.recipe.data.text_pair == "sentence2"
    found = run.predictions()
    assert isinstance(found, ScorePredictions) and len(found) == result.n
    assert evaluation.evaluate(found, resamples=0).metrics == result.metrics
    assert isinstance(run.predictions(baseline="training-mean"), ScorePredictions)
    assert charts.scores(result).data and charts.learning_curves(run.events()).data


def test_training_is_watched_in_the_units_of_the_scores(run: Run) -> None:
    checks = [event for event in run.events() if isinstance(event, Evaluated)]
    assert all({"pearson", "spearman", "rmse", "mae", "loss"} <= set(check.metrics) for check in checks)
    assert checks[-1].metrics["pearson"] > 0.9 and 5 < checks[-1].metrics["rmse"] < 60
    assert checks[-1].metrics["loss"] < 0.5 < checks[0].metrics["loss"] < 3, "1 is what guessing the mean costs"
    assert "not-learning" not in {one.kind for one in diagnose(run)}
    (summary,) = [one.summary() for one in runs(run.directory.parent)]
    assert list(summary["metrics"])[:2] == ["pearson", "spearman"]


def test_plain_transformers_says_the_same_scores(run: Run) -> None:
    from transformers import pipeline

    predictor = Predictor.load(run)
    assert isinstance(predictor.task, TextRegression)
    firsts = ["goal match team ball", "the a we you it was"]
    ours = predictor(firsts, pairs=["the match", "the match"])
    judge = pipeline("text-classification", model=str(run.model_folder))
    theirs = [judge({"text": text, "text_pair": "the match"})["score"] for text in firsts]
    assert ours.predicted == pytest.approx(theirs, rel=1e-4)
    assert ours.predicted[0] > ours.predicted[1] + 50
    card = (run.directory / "README.md").read_text("utf-8")
    assert "scores from 100.5 to" in card and '["score"]\n' in card and "Pearson correlation" in card


def test_a_run_that_was_stopped_goes_on_to_the_same_end(
    run: Run, toy_model: Path, scored_csv: Path, tmp_path: Path
) -> None:
    recipe = toy_recipe(scored_csv, toy_model)
    whole = train(recipe, tmp_path / "whole")

    def stop(event: Any) -> None:
        if isinstance(event, Evaluated) and event.epoch < 1.5:
            (tmp_path / "cut" / "stop").touch()

    cut = train(recipe, tmp_path / "cut", watch=stop)
    assert cut.status == "stopped"
    assert resume(cut.directory).evaluation.metrics == whole.evaluation.metrics


def test_a_model_trained_on_scores_can_be_the_base_of_another(run: Run, scored_csv: Path, tmp_path: Path) -> None:
    gently = {"batch_size": 16, "learning_rate": 1e-5}
    again = train(toy_recipe(scored_csv, run.directory, budget={"epochs": 1}, optimizer=gently), tmp_path / "again")
    before, after = (one.evaluation.headline["rmse"].value for one in (run, again))
    assert after == pytest.approx(before, rel=0.05), "it goes on where the other ended, on the scale of the scores"


def test_new_data_is_scored_and_evaluated(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fresh = scored(30, seed=9)
    fresh[3]["score"], fresh[4]["score"] = "", "n/a"
    path = write(tmp_path / "new.csv", fresh)
    result = evaluate(run, path)
    assert (result.n, result.skipped) == (28, 2) and result.headline["pearson"].value > 0.8
    assert predict_file(run, path, tmp_path / "out.csv") == 30
    with (tmp_path / "out.csv").open(encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert list(written[0]) == ["row_id", "text", "text_pair", "score"]
    assert float(written[0]["score"]) == pytest.approx(float(fresh[0]["score"]), abs=80)

    plain = write(tmp_path / "plain.csv", [{"a": row["sentence1"], "b": row["sentence2"]} for row in fresh])
    assert main(["predict", str(run.directory), str(plain), "--text", "a", "--text-pair", "b"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == '"row_id","text","text_pair","score"' and "30 rows" in said.err
    assert main(["predict", str(run.directory), str(plain), "--text", "a"]) == 1
    err = capsys.readouterr().err
    assert "second texts in the column 'sentence2'" in err and "--text-pair" in err
    with pytest.raises(DataError, match=r"'good'"):
        evaluate(run, write(tmp_path / "words.csv", [{**row, "score": "good"} for row in fresh]))


def test_what_is_for_classes_is_refused_before_anything_is_trained(
    toy_model: Path, scored_csv: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as caught:
        toy_recipe(
            scored_csv,
            toy_model,
            data={"scores": True, "balance": "oversample"},
            technique={"class_weights": True, "label_smoothing": 0.1},
        )
    assert len(caught.value.problems) == 3 and all("is for classes" in one for one in caught.value.problems)
    with pytest.raises(RecipeError, match=r"data.scores is not for token-classification"):
        Recipe.from_dict({"task": "token-classification", "data": {"scores": True}})
    for number, (section, values, said) in enumerate(
        [
            ("technique", {"class_weights": True}, "class_weights is for classes"),
            ("technique", {"label_smoothing": 0.1}, "label_smoothing is for classes"),
            ("data", {"balance": "oversample"}, "classes to balance, but got scores"),
            ("evaluation", {"metric": "macro_f1"}, "'macro_f1' has no value on these rows with scores"),
        ]
    ):
        with pytest.raises(LabError, match=said):
            train(toy_recipe(scored_csv, toy_model, **{section: values}), tmp_path / str(number))
    with pytest.raises(RecipeError, match="'pearson' has no value on these rows with one label a row"):
        classes = [{"text": row["sentence1"], "label": "ab"[i % 2]} for i, row in enumerate(scored())]
        path = write(tmp_path / "classes.csv", classes)
        recipe = toy_recipe(path, toy_model, evaluation={"metric": "pearson"})
        train(recipe, tmp_path / "classes")


def test_scores_that_cannot_be_learnt_are_said_before(tmp_path: Path) -> None:
    some = [{"text": f"text {i}", "score": 1.5} for i in range(40)]
    (problem,) = TextRegression.problems(data.split(data.read(some, scores=True)))
    assert "fewer than two different scores" in problem
    some[0]["score"] = 2.5
    some[1]["score"] = None  # type: ignore[typeddict-item]
    corpus = data.read(some, scores=True)
    assert any("drop_unlabelled" in one for one in TextRegression.problems(corpus))
    some[1]["score"] = 3.5
    said = TextRegression.problems(data.split(data.read(some, scores=True), by="random"))
    assert any("a correlation has no value there" in one for one in said)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_kind_of_family_says_scores(family: str, scored_csv: Path, tmp_path: Path) -> None:
    """The saved model says scores by itself, or its card says what to do with what it says (heads without a bias)."""
    from transformers import pipeline

    recipe = toy_recipe(
        scored_csv, f"starter:{family}", budget={"epochs": 0.5}, optimizer={"batch_size": 16, "learning_rate": 1e-3}
    )
    done = train(recipe, tmp_path / family)
    assert len(done.predictions()) == done.evaluation.n
    predictor = Predictor.load(done)
    ours = float(predictor("goal match team ball", pairs="the match").predicted[0])
    assert 100 < ours < 305, "on the scale of the scores from the start"
    judge = pipeline("text-classification", model=str(done.model_folder))
    code = predictor.task.pipeline("model")
    said = judge({"text": "goal match team ball", "text_pair": "the match"})["score"]
    bare = isinstance(predictor.task, TextRegression) and predictor.task.mean == 0
    assert bare is (family not in ("gpt2", "qwen")) and ("last layer has no bias" in code) is not bare
    last = [line for line in code.splitlines() if '["score"]' in line][-1]
    after = last.split('["score"]')[1].split("#")[0]
    scale, mean = map(float, re.findall(r"[-.0-9]+", after) or (1, 0))
    assert said * scale + mean == pytest.approx(ours, rel=1e-3)


def test_a_correlation_without_a_value_is_no_metric() -> None:
    same = ScorePredictions(row_ids=list("abc"), predicted=np.full(3, 2.0), gold=np.array([1.0, 2.0, 3.0]))
    task = TextRegression(mean=2.0, scale=1.0)
    assert "pearson" not in task.quick_metrics(same)
    with pytest.raises(RecipeError, match="'pearson' has no value"):
        task.quick_metrics(same, "pearson")
