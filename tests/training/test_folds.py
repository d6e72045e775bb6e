"""Cross-validation: how rows are dealt anew, and what it takes."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from toys import toy_recipe, toy_rows, write_csv

from labkit import cli, data
from labkit.errors import DataError, LabError, RunError
from labkit.tasks import load_predictions
from labkit.training import (
    cross_validate,
)
from labkit.training._folds import joined


def test_each_repeat_deals_the_rows_anew(toy_model: Path, tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "toy.csv", toy_rows(60))
    recipe = toy_recipe(rows, toy_model, budget={"epochs": 1}, data={"train": str(rows), "split_seed": 4})
    told: list[tuple[int, int]] = []
    found = cross_validate(
        recipe, tmp_path / "cv", folds=2, repeats=2, watch=lambda repeat, fold, _: told.append((repeat, fold))
    )
    assert list(dict.fromkeys(told)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert {path.name for path in (tmp_path / "cv").iterdir()} == {f"repeat{i}-fold{j}" for i in (0, 1) for j in (0, 1)}
    held = [frozenset(run.predictions("test").row_ids) for run in found.runs]
    every = held[0] | held[1]
    assert len(every) == 60 and held[2] | held[3] == every, "in each repeat every row is predicted"
    assert not held[0] & held[1] and not held[2] & held[3], "and predicted once"
    assert held[2] not in held[:2], "by others in the second repeat"
    assert [run.recipe.data.split_seed for run in found.runs] == [4, 4, 5, 5]
    assert len(found.predictions) == 60 and set(found.predictions.row_ids) == every, "those of the first repeat"
    assert found.evaluation.n == 60 and "2 folds, 2 times" in str(found)
    # the corrected resampled t-test by hand: 4 scores, each tested on as many rows as it was trained on
    assert found.score.value == pytest.approx(statistics.mean(found.scores)) and len(found.scores) == 4
    reach = stats.t.ppf(0.975, 3) * math.sqrt((1 / 4 + 1) * statistics.variance(found.scores))
    assert found.score.high is not None
    assert found.score.high - found.score.value == pytest.approx(reach)


def test_more_folds_than_rows_of_the_smallest_class(toy_model: Path, tmp_path: Path) -> None:
    every = toy_rows(60)
    few = [row for row in every if row["topic"] != "food"] + [row for row in every if row["topic"] == "food"][:3]
    recipe = toy_recipe(write_csv(tmp_path / "few.csv", few), toy_model, data={"train": str(tmp_path / "few.csv")})
    with pytest.raises(
        DataError, match=r"at least 4 rows of each class for 4 folds, but got 3 of 'food'\. Ask for fewer folds"
    ):
        cross_validate(recipe, tmp_path / "cv", folds=4)
    assert not (tmp_path / "cv").exists(), "no folder is left behind"
    with pytest.raises(LabError, match="one repeat at least"):
        cross_validate(recipe, tmp_path / "cv", repeats=0)


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


def test_large_groups_are_dealt_by_their_classes(tmp_path: Path) -> None:
    rows = sorted(toy_rows(120), key=lambda row: row["topic"])
    rows = [{**row, "author": f"a{i // 20}"} for i, row in enumerate(rows)]  # each of one class, two a class
    topics = {row["topic"] for row in rows}
    assert len(topics) == 3
    corpus = data.read(str(write_csv(tmp_path / "rows.csv", rows)), label="topic", text="text")
    for i in range(2):
        part = data.fold(corpus, 2, i, group="author")
        assert set(part["train"]["label"]) == topics == set(part["test"]["label"])


def test_a_class_that_one_group_holds_alone(tmp_path: Path) -> None:
    rows = [{**row, "author": "a9" if row["topic"] == "food" else f"a{i % 8}"} for i, row in enumerate(toy_rows(120))]
    corpus = data.read(str(write_csv(tmp_path / "rows.csv", rows)), label="topic", text="text")
    with pytest.raises(DataError, match=r"all 40 of 'food' in one: rows of one 'author' stay together\. Drop or merge"):
        data.fold(corpus, 3, 0, group="author")
    assert len(data.fold(corpus, 3, 0, by="random", group="author")["test"])


def test_fewer_groups_or_different_texts_than_folds(tmp_path: Path) -> None:
    rows = [{**row, "author": f"a{i % 2}"} for i, row in enumerate(toy_rows(60))]
    corpus = data.read(str(write_csv(tmp_path / "rows.csv", rows)), label="topic", text="text")
    with pytest.raises(DataError, match=r"at least 3 different texts or groups for 3 folds, but got 2\. Ask for fewer"):
        data.fold(corpus, 3, 0, group="author")
    assert len(data.fold(corpus, 2, 0, group="author")["test"]) == 30, "as the error said"
    same = [{**row, "text": "the soup" if i % 2 else "the train"} for i, row in enumerate(rows)]
    corpus = data.read(str(write_csv(tmp_path / "same.csv", same)), label="topic", text="text")
    with pytest.raises(DataError, match=r"at least 3 different texts or groups for 3 folds, but got 2\. Ask for fewer"):
        data.fold(corpus, 3, 0)


def test_cross_validation(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    recipe = toy_recipe(toy_data, toy_model, budget={"epochs": 6})
    found = cross_validate(recipe, tmp_path / "cv", folds=3)
    assert len(found.runs) == len(found.scores) == 3 and len(found.predictions) == 120
    assert sorted(found.predictions.row_ids) == sorted(data.read(str(toy_data))["train"]["row_id"])
    assert found.score.value == pytest.approx(np.mean(found.scores))
    assert found.score.low is not None and found.score.low < found.score.value
    assert found.evaluation.n == 120 and "3 folds" in str(found)
    part = found.runs[1].predictions("test")
    at = [list(found.predictions.row_ids).index(one) for one in part.row_ids]
    assert np.array_equal(found.predictions.probabilities[at], part.probabilities)
    seeds = {run.recipe.data.fold: run.recipe.data.split_seed for run in found.runs}
    assert seeds == {0: 0, 1: 0, 2: 0}
    assert len(joined([part, part])) == 2 * len(part)
    with pytest.raises(RunError, match="another recipe"):
        cross_validate(recipe, tmp_path / "cv", folds=4)


def test_folds_of_other_data_are_not_put_together(toy_model: Path, tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "toy.csv", toy_rows(60))
    recipe = toy_recipe(rows, toy_model, budget={"epochs": 1})

    class Killed(BaseException):
        pass

    def kill(_: int, fold: int, event: object) -> None:
        if fold == 1:
            raise Killed

    with pytest.raises(Killed):
        cross_validate(recipe, tmp_path / "cv", folds=2, watch=kill)
    before = rows.read_bytes()
    write_csv(rows, toy_rows(48))
    with pytest.raises(
        RunError, match=r"the data that the trainings in .*cv began with, but got files whose content has"
    ):
        cross_validate(recipe, tmp_path / "cv", folds=2)
    rows.write_bytes(before)
    assert len(cross_validate(recipe, tmp_path / "cv", folds=2).predictions) == 60
    write_csv(rows, toy_rows(48))
    with pytest.raises(RunError, match="Restore them, or choose another folder"):  # also when all of them are complete
        cross_validate(recipe, tmp_path / "cv", folds=2)


def test_cross_validation_from_the_command_line(toy_data: Path, toy_model: Path, tmp_path: Path, capsys: Any) -> None:
    toy_recipe(toy_data, toy_model, budget={"epochs": 3}).save(tmp_path / "quick.toml")
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
