"""Recipes side by side: on toy runs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from toys import toy_recipe, toy_rows, write_csv

from labkit import cli, data
from labkit.charts import cost
from labkit.errors import LabError, RecipeError, RunError
from labkit.evaluation import Estimate
from labkit.evaluation._scales import on_its_scale
from labkit.training import (
    RecipeComparison,
    Run,
    compare,
    compare_runs,
    cross_validate,
    train_once,
)
from labkit.training._compare import _interval


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


def test_what_was_trained_on_other_data_is_not_compared(toy_model: Path, tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "toy.csv", toy_rows(60))
    recipe = toy_recipe(rows, toy_model, budget={"epochs": 1})
    run = train_once(recipe, tmp_path / "c" / "one-seed0")
    assert train_once(recipe, run.directory).directory == run.directory
    kinds = {"one": recipe, "two": recipe.with_values(optimizer={"learning_rate": 1e-4})}
    assert compare(kinds, tmp_path / "c", seeds=1).contenders[0].trials[0].directory == str(run.directory)
    write_csv(rows, toy_rows(48))
    with pytest.raises(RunError, match=r"the data that the trainings in .* began with"):
        compare(kinds, tmp_path / "c", seeds=2)
    assert not (tmp_path / "c" / "one-seed1").exists(), "and nothing is trained first"
    with pytest.raises(
        RunError, match=r"the data that the run in .*one-seed0 began with, but got files or labels that"
    ):
        train_once(recipe, run.directory)


def test_labels_that_came_since_are_another_training(toy_model: Path, tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "toy.csv", toy_rows(60))
    corpus = data.read(str(rows), text="text", label="topic")
    journal = tmp_path / "toy.labels.jsonl"
    labels = data.Journal(journal)
    labels.add(corpus["train"][0]["row_id"], "food")
    recipe = toy_recipe(rows, toy_model, budget={"epochs": 1}, data={"train": str(rows), "labels": [str(journal)]})
    run = train_once(recipe, tmp_path / "run")
    assert train_once(recipe, tmp_path / "run").directory == run.directory
    labels.add(corpus["train"][1]["row_id"], "food")
    with pytest.raises(RunError, match="files or labels that have changed since"):
        train_once(recipe, tmp_path / "run")


def test_training_rows_may_differ(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    recipe = toy_recipe(toy_data, toy_model, budget={"epochs": 1})
    found = compare({"plain": recipe, "with copies": recipe.with_values(data={"augment": ["swap"]})}, tmp_path, seeds=1)
    assert [one.name for one in found.contenders] == ["plain", "with copies"]


def near(value: float, sd: float) -> Estimate:
    return Estimate(value, value - 1.96 * sd, value + 1.96 * sd)


def test_an_interval_has_the_seeds_and_the_rows_in_it() -> None:
    one = near(0.8, 0.02)
    assert _interval([one]) == one, "one seed: its own"
    alike, apart = _interval([one] * 3), _interval([near(value, 0.02) for value in (0.7, 0.8, 0.9)])
    assert (alike.low, alike.high) == pytest.approx((one.low, one.high), abs=1e-4)
    assert apart.low is not None and alike.low is not None and apart.low < alike.low - 0.05
    # all rows right: Wilson's interval begins at the value itself, and reaches as far as that of a symmetric one
    right = _interval([Estimate(1.0, 0.86, 1.0)] * 2)
    assert right.low == pytest.approx(0.86, abs=1e-4)


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


def test_recipes_that_answer_alike_have_no_interval_between_them(found: tuple[RecipeComparison, Path]) -> None:
    one = Run(found[1] / "all-seed0")
    alike = compare_runs({"all": [one], "the same": [one]})
    gap = alike.contenders[1].difference
    assert gap is not None and gap.value == 0 and gap.low is None
    assert "+0.000, p = 1" in str(alike) and "+0.000, p = 1" in alike._repr_html_()
    assert len(cost(alike.table(), "trained").data) == 2


def test_the_metric_of_the_recipe_compares(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    recipe = toy_recipe(toy_data, toy_model, budget={"epochs": 1}, evaluation={"metric": "macro_f1"})
    kinds = {"all": recipe, "head": recipe.with_values(technique={"trainable": "head"})}
    found = compare(kinds, tmp_path / "c", seeds=1)
    runs = [Run(one.trials[0].directory) for one in found.contenders]
    assert found.metric == "macro_f1" and "macro_f1 on" in str(found)
    assert found.contenders[0].score == runs[0].evaluation.headline["macro_f1"]
    gap = runs[1].evaluation.metrics["macro_f1"] - runs[0].evaluation.metrics["macro_f1"]
    assert found.contenders[1].difference is not None
    assert found.contenders[1].difference.value == pytest.approx(gap)
    assert found.contenders[1].test == "z-test over rows", "McNemar's is of accuracy"
    # what cannot be compared row by row gives way to what can
    other = {name: one.with_values(evaluation={"metric": "roc_auc"}) for name, one in kinds.items()}
    assert compare(other, tmp_path / "d", seeds=1).metric == "accuracy"
    assert cross_validate(recipe, tmp_path / "cv", folds=2).metric == "macro_f1"
    with pytest.raises(LabError, match="as many runs of each recipe, one a seed, but got 2 of a, 1 of b"):
        compare_runs({"a": runs, "b": runs[:1]})


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
    with pytest.raises(RecipeError, match="A seed counts once: 0 is there several times"):
        compare({"a": recipe}, tmp_path / "out", seeds=[0, 0])
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
