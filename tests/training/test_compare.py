"""Recipes side by side, cross-validation, and search: on toy runs."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import toy_recipe, toy_rows, write_csv

from labkit import charts, cli, data
from labkit.charts import cost
from labkit.errors import DataError, LabError, RecipeError, RunError
from labkit.evaluation import Estimate
from labkit.evaluation._scales import on_its_scale
from labkit.events import StepLogged
from labkit.tasks import load_predictions
from labkit.training import (
    Range,
    Recipe,
    RecipeComparison,
    Run,
    Search,
    SearchTrial,
    compare,
    cross_validate,
    default_space,
    find_learning_rate,
    parse_space,
    search,
)
from labkit.training._compare import _interval
from labkit.training._folds import joined


@pytest.fixture(scope="module")
def found(toy_data: Path, toy_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RecipeComparison, Path]:
    """Everything against the head alone, two seeds each."""
    whole = toy_recipe(toy_data, toy_model, budget={"epochs": 6})
    home = tmp_path_factory.mktemp("compared")
    recipes = {"all": whole, "head": whole.with_values(technique={"trainable": "head"})}
    return compare(recipes, home, seeds=2), home


def test_recipes_are_compared_on_equal_terms(found: tuple[RecipeComparison, Path]) -> None:
    comparison, home = found
    whole, head = comparison.contenders
    assert [one.name for one in comparison.contenders] == ["all", "head"] and comparison.metric == "accuracy"
    assert [trial.seed for trial in whole.trials] == [0, 1] and (home / "head-seed1" / "model").is_dir()
    ids = [Run(trial.directory).predictions("test").row_ids for one in comparison.contenders for trial in one.trials]
    assert all(list(one) == list(ids[0]) for one in ids), "the same test rows whatever the recipe and the seed"
    assert head.mean("trained") < 200 < whole.mean("trained")
    assert whole.score.low < whole.score.value < whole.score.high
    assert (
        head.difference is not None and head.difference.value < 0 and head.p_value is not None and head.p_value < 0.05
    )
    assert all(trial.rows_per_second > 0 and trial.size_mb > 0 and trial.seconds > 0 for trial in whole.trials)
    assert all(trial.memory_mb > 100 for one in comparison.contenders for trial in one.trials), "of heads as well"
    assert f"2 (± {whole.spread:.3f})" in str(comparison), "how far the seeds are apart"
    named = dataclasses.replace(comparison, contenders=(dataclasses.replace(whole, name="<b>&"), head))
    assert "<b>" not in named._repr_html_() and "<td>&lt;b&gt;&amp;</td>" in named._repr_html_()
    table = comparison.table()
    assert table[1]["difference"] == pytest.approx(table[1]["accuracy"] - table[0]["accuracy"])
    assert "head" in str(comparison) and "differences from all" in str(comparison)
    again = RecipeComparison.from_dict(json.loads(json.dumps(comparison.to_dict())))
    assert again.table() == table
    assert len(cost(table, "trained").data) == 2


def test_one_recipe_shows_what_the_seed_does(found: tuple[RecipeComparison, Path]) -> None:
    comparison, home = found
    recipes = {"all": Run(comparison.contenders[0].trials[0].directory).recipe}
    alone = compare(recipes, home, seeds=2)
    assert "difference" in str(alone) and "differences from" not in str(alone)
    assert alone.contenders[0].spread == comparison.contenders[0].spread
    with pytest.raises(RecipeError, match="two recipes at least, or two seeds"):
        compare(recipes, home, seeds=1)


def test_what_is_complete_is_not_trained_again(found: tuple[RecipeComparison, Path]) -> None:
    comparison, home = found
    recipes = {one.name: Run(one.trials[0].directory).recipe for one in comparison.contenders}
    stamps = {path: path.stat().st_mtime_ns for path in home.glob("*/model/model.safetensors")}
    again = compare(recipes, home, seeds=2)
    assert stamps == {path: path.stat().st_mtime_ns for path in home.glob("*/model/model.safetensors")}
    assert [row["accuracy"] for row in again.table()] == [row["accuracy"] for row in comparison.table()]
    name = next(iter(recipes))
    other = {**recipes, name: recipes[name].with_values(optimizer={"learning_rate": 1e-5})}
    with pytest.raises(RunError, match="another recipe"):  # and not the old score under the new name
        compare(other, home, seeds=2)


def test_training_rows_may_differ(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    recipe = toy_recipe(toy_data, toy_model, budget={"epochs": 1})
    found = compare({"plain": recipe, "with copies": recipe.with_values(data={"augment": ["swap"]})}, tmp_path, seeds=1)
    assert [one.name for one in found.contenders] == ["plain", "with copies"]


def test_an_interval_has_the_seeds_and_the_rows_in_it() -> None:
    one = _interval([0.8], [0.02])
    assert one.low == pytest.approx(0.8 - 1.96 * 0.02, abs=1e-3)
    alike, apart = _interval([0.8, 0.8, 0.8], [0.02] * 3), _interval([0.7, 0.8, 0.9], [0.02] * 3)
    assert alike == Estimate(pytest.approx(0.8), pytest.approx(one.low), pytest.approx(one.high))
    assert apart.low is not None and alike.low is not None and apart.low < alike.low - 0.05


@pytest.mark.parametrize(
    ("metric", "value", "ends"),
    [
        ("accuracy", 0.94, (0.82, 1.0)),
        ("mcc", -0.95, (-1.0, -0.83)),
        ("bleu", 0.05, (0.0, 0.17)),
        ("rmse", 0.05, (0.0, 0.17)),
        ("loss", 3.0, (2.88, 3.12)),
    ],
)
def test_an_interval_ends_where_the_scale_does(metric: str, value: float, ends: tuple[float, float]) -> None:
    found = on_its_scale(metric, Estimate(value, value - 0.12, value + 0.12))
    assert (found.low, found.high) == pytest.approx(ends)


def test_what_cannot_be_compared(toy_data: Path, toy_model: Path, toy_csv: Path, tmp_path: Path) -> None:
    recipe = toy_recipe(toy_data, toy_model)
    for recipes, part in (
        ({}, "two recipes"),
        ({"a": recipe, "../b": recipe}, "name of a folder"),
        ({"a": recipe, "b": toy_recipe(toy_csv, toy_model)}, "other data than the first recipe (data.train)"),
        ({"a": recipe, "b": recipe.with_values(task="fill-mask")}, "is for fill-mask"),
    ):
        with pytest.raises(RecipeError) as caught:
            compare(recipes, tmp_path / "out")
        assert part in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_compare_on_the_command_line(
    toy_data: Path, toy_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = ["--set", f"model.name={toy_model}", "--set", "budget.epochs=1", "--set", "evaluation.baselines=false"]
    asked = ["compare", str(toy_data), "--each", "technique.trainable=all,bias", "--seeds", "1", *quick]
    assert cli.main([*asked, "--out", str(tmp_path / "out"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in said["contenders"]] == ["all", "bias"]
    assert json.loads((tmp_path / "out" / "comparison.json").read_text("utf-8")) == said
    assert cli.main(["compare", str(toy_data), "--each", "technique.trainable", "--out", str(tmp_path / "no")]) == 1


def test_folds_hold_every_row_once(toy_data: Path) -> None:
    corpus = data.read(str(toy_data))
    parts = [data.fold(corpus, 4, i, seed=3) for i in range(4)]
    held = [list(part["test"]["row_id"]) for part in parts]
    assert sorted(row for rows in held for row in rows) == sorted(corpus["train"]["row_id"])
    for part, ids in zip(parts, held, strict=True):
        assert not set(ids) & set(part["train"]["row_id"])
        assert {label: list(part["test"]["label"]).count(label) for label in corpus.labels} == dict.fromkeys(
            corpus.labels, 10
        )
    with pytest.raises(DataError, match="at least 50 rows of each class"):
        data.fold(corpus, 50, 0)
    with pytest.raises(DataError, match="a fold from 0 to 3"):
        data.fold(corpus, 4, 4)


def test_folds_respect_groups(tmp_path: Path) -> None:
    rows = [{**row, "author": f"a{i // 10}"} for i, row in enumerate(toy_rows(120))]
    corpus = data.read(str(write_csv(tmp_path / "rows.csv", rows)), label="topic", text="text")
    for i in range(3):
        part = data.fold(corpus, 3, i, group="author")
        assert not set(part["test"]["author"]) & set(part["train"]["author"])


def test_cross_validation(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    recipe = toy_recipe(toy_data, toy_model, budget={"epochs": 6})
    found = cross_validate(recipe, tmp_path / "cv", folds=3)
    assert len(found.runs) == len(found.scores) == 3 and len(found.predictions) == 120
    assert sorted(found.predictions.row_ids) == sorted(data.read(str(toy_data))["train"]["row_id"])
    assert found.score.value == pytest.approx(np.mean(found.scores)) and found.score.low < found.score.value
    assert found.evaluation.n == 120 and "3 folds" in str(found)
    part = found.runs[1].predictions("test")
    at = [list(found.predictions.row_ids).index(one) for one in part.row_ids]
    assert np.array_equal(found.predictions.probabilities[at], part.probabilities)
    seeds = {run.recipe.data.fold: run.recipe.data.split_seed for run in found.runs}
    assert seeds == {0: 0, 1: 0, 2: 0}
    assert len(joined([part, part])) == 2 * len(part)
    with pytest.raises(RunError, match="another recipe"):
        cross_validate(recipe, tmp_path / "cv", folds=4)


@pytest.fixture()
def quick(toy_data: Path, toy_model: Path) -> Any:
    return toy_recipe(toy_data, toy_model, budget={"epochs": 3})


SPACE = {"optimizer.learning_rate": Range(1e-4, 3e-2, log=True), "optimizer.batch_size": (8, 16)}


def test_a_search_that_is_killed_ends_as_the_uninterrupted_one(quick: Any, tmp_path: Path) -> None:
    whole = search(quick, tmp_path / "whole", space=SPACE, trials=9)
    assert len(whole.trials) == 9 and whole.best.score is not None
    assert {trial.state for trial in whole.trials} <= {"complete", "pruned"}

    class Killed(BaseException):
        pass

    home = tmp_path / "killed"
    for number, step in ((1, 3), (4, 1), (7, 5)):

        def kill(trial: int, event: object, number: int = number, step: int = step) -> None:
            if trial == number and isinstance(event, StepLogged) and event.step >= step:
                raise Killed

        with pytest.raises(Killed):
            search(quick, home, space=SPACE, trials=9, watch=kill)
        so_far = Search.load(home)
        assert so_far.trials[number].state == "running"
        assert Recipe.load(home / "best.toml") == so_far.recipe, "an early answer"
    again = search(quick, home, space=SPACE, trials=9)
    assert [trial.values for trial in again.trials] == [trial.values for trial in whole.trials]
    assert [(t.state, t.score, t.scores) for t in again.trials] == [(t.state, t.score, t.scores) for t in whole.trials]
    assert again.best.values == whole.best.values and (home / "best.toml").exists()
    assert again.recipe.optimizer.learning_rate == whole.best.values["optimizer.learning_rate"]


def test_a_search_goes_on_but_not_with_another_space(quick: Any, tmp_path: Path) -> None:
    first = search(quick, tmp_path / "s", space=SPACE, trials=2)
    more = search(quick, tmp_path / "s", space=SPACE, trials=3)
    assert [trial.values for trial in more.trials[:2]] == [trial.values for trial in first.trials]
    with pytest.raises(RunError, match="another space"):
        search(quick, tmp_path / "s", space={"seed": (1, 2)}, trials=3)
    with pytest.raises(RunError, match="another recipe"):
        search(quick.with_values(seed=5), tmp_path / "s", space=SPACE, trials=3)


def test_spaces(quick: Any, tmp_path: Path) -> None:
    texts = ["optimizer.learning_rate=1e-5..1e-3 log", "optimizer.batch_size=8,16", "adapter.rank=2..8"]
    assert parse_space(texts) == {
        "optimizer.learning_rate": Range(1e-5, 1e-3, log=True),
        "optimizer.batch_size": (8, 16),
        "adapter.rank": Range(2, 8, whole=True),
    }
    with pytest.raises(RecipeError, match="no range of numbers"):
        parse_space(["optimizer.warmup=a..b"])
    with pytest.raises(RecipeError, match="Did you mean 'learning_rate'"):
        search(quick, tmp_path / "s", space={"optimizer.learning_rat": Range(1e-5, 1e-3)})
    with pytest.raises(RecipeError, match="low < high"):
        search(quick, tmp_path / "s", space={"optimizer.learning_rate": Range(1e-3, 1e-5)})
    assert not (tmp_path / "s").exists()
    for trainable in ("all", "head", "lora", "prompt", "bottleneck"):
        asked = quick.with_values(technique={"trainable": trainable})
        assert "optimizer.learning_rate" in default_space(asked)


def test_a_killed_process_leaves_a_search_that_goes_on(quick: Any, tmp_path: Path) -> None:
    """By SIGKILL, from the command line, in the middle of its third trial."""
    quick.save(tmp_path / "quick.toml")
    command = [sys.executable, "-m", "labkit.cli", "search", str(tmp_path / "quick.toml"), "--trials", "6"]
    command += ["--space", "optimizer.learning_rate=1e-4..3e-2 log", "--space", "optimizer.batch_size=8,16", "--json"]
    whole = subprocess.run([*command, "--out", str(tmp_path / "whole")], capture_output=True, text=True, check=True)
    again = [*command, "--out", str(tmp_path / "killed")]
    with subprocess.Popen(again, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        third = tmp_path / "killed" / "trial002" / "events.jsonl"
        until = time.monotonic() + 120
        while not (third.exists() and "StepLogged" in third.read_text("utf-8")) and time.monotonic() < until:
            time.sleep(0.005)
        process.kill()
    assert Search.load(tmp_path / "killed").trials[2].state == "running"
    resumed = subprocess.run(again, capture_output=True, text=True, check=True)
    one, other = json.loads(whole.stdout), json.loads(resumed.stdout)
    assert one["best"]["number"] == other["best"]["number"] and one["best"]["score"] == other["best"]["score"]
    assert [trial["values"] for trial in one["trials"]] == [trial["values"] for trial in other["trials"]]
    assert (tmp_path / "whole" / "best.toml").read_text() == (tmp_path / "killed" / "best.toml").read_text()


def test_workers_share_a_search(quick: Any, tmp_path: Path) -> None:
    found = search(quick, tmp_path / "s", space=SPACE, trials=4, workers=2)
    assert len(search(quick, tmp_path / "s", space=SPACE, trials=5).trials) == 5, "with another number of workers"
    assert [trial.number for trial in found.trials] == [0, 1, 2, 3]
    assert {trial.state for trial in found.trials} <= {"complete", "pruned"}
    for chart in (charts.search_history, charts.search_parallel):
        assert found.metric.replace("_", " ")[:5] in json.dumps(chart(found).to_plotly_json(), default=str).lower()


def test_charts_of_a_search() -> None:
    def trial(number: int, rate: float, state: str = "complete") -> SearchTrial:
        score = 0.5 + 0.01 * number
        values = {"optimizer.learning_rate": rate, "technique.trainable": ("all", "<b>lora")[number % 2]}
        return SearchTrial(
            number=number, values=values, state=state, score=score if state == "complete" else None,
            scores=(score,), seconds=1.0, directory="",
        )  # fmt: skip

    trials = (*(trial(i, 10.0 ** (-5 + i / 2)) for i in range(7)), trial(7, 1e-3, "pruned"))
    found = Search(directory="", metric="accuracy", higher=True, trials=trials, importance={"optimizer.warmup": 0.7})
    history = charts.search_history(found)
    assert [len(one.x) for one in history.data] == [7, 7, 1] and list(history.data[0].y) == sorted(history.data[0].y)
    parallel = charts.search_parallel(found).data[0].dimensions
    assert parallel[0].ticktext[0] == "1e-05" and parallel[1].ticktext == ("&lt;b&gt;lora", "all")
    assert charts.search_importance(found).data[0].text == ("70 %",)
    with pytest.raises(DataError, match="four complete trials"):
        charts.search_importance(dataclasses.replace(found, importance={}))
    with pytest.raises(DataError, match="complete trial"):
        charts.search_history(dataclasses.replace(found, trials=trials[-1:]))


def test_the_learning_rate_finder_finds_where_the_loss_falls(quick: Any) -> None:
    found = find_learning_rate(quick, low=1e-5, high=10, steps=60)
    assert 1e-4 < found.suggestion < 1 and min(found.losses) < 0.9 * found.losses[0]
    assert len(found.rates) < 60, "it ends where the loss goes up for good"
    assert str(charts.rates(found.rates, found.losses, found.suggestion).layout.xaxis.type) == "log"
    with pytest.raises(LabError, match="low < high"):
        find_learning_rate(quick, low=1.0, high=0.1)


def test_cross_validation_from_the_command_line(quick: Any, tmp_path: Path, capsys: Any) -> None:
    quick.save(tmp_path / "quick.toml")
    out = tmp_path / "folds"
    assert cli.main(["cross-validate", str(tmp_path / "quick.toml"), "--folds", "3", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("3 folds: ") and "out_of_fold.parquet" in said
    kept = load_predictions(out / "out_of_fold.parquet")
    assert len(kept) == len(set(kept.row_ids)) > 60
    assert (
        cli.main(["search", str(tmp_path / "quick.toml"), "--space", "optimizer.warmup=x..1", "--out", str(out)]) == 1
    )
    assert "range of numbers" in capsys.readouterr().err


def test_settings_that_do_not_go_together_fail_a_trial_and_not_the_search(
    toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    made = toy_recipe(toy_data, toy_model, budget={"epochs": 0.5})
    space = {"technique.trainable": ("all", "head"), "technique.l2_sp": (0.1,)}
    found = search(made, tmp_path / "search", space=space, trials=6)
    states = {trial.values["technique.trainable"]: trial for trial in found.trials}
    assert states["head"].state == "failed" and "technique.l2_sp" in states["head"].error
    assert states["all"].state == "complete" and not states["all"].error


def test_a_search_whose_trials_all_fail_says_why(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    made = toy_recipe(toy_data, toy_model, technique={"trainable": "lora"}, adapter={"targets": ["nowhere"]})
    with pytest.raises(RunError, match="nowhere"):
        search(made, tmp_path / "search", trials=2)


def test_the_space_of_contrastive_steps(toy_data: Path, toy_model: Path) -> None:
    few = toy_recipe(
        toy_data,
        toy_model,
        model={"pooling": "mean"},
        technique={"trainable": "head", "solver": "lbfgs", "contrastive": 9},
    )
    assert set(default_space(few)) == {"optimizer.learning_rate", "technique.contrastive"}
    assert default_space(few.with_values(technique={"contrastive": 0})) == {}, "nothing of it can be set"
