"""Cross-validation: how rows are dealt anew, and what it takes."""

from __future__ import annotations

import math
import statistics
from pathlib import Path

import pytest
from scipy import stats
from toys import toy_recipe, toy_rows, write_csv

from labkit.errors import DataError, LabError
from labkit.training import cross_validate


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
