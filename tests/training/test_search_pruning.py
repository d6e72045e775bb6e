"""A search gives trials up that do worse than those before them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toys import toy_recipe, toy_rows, write_csv

from labkit.events import Evaluated
from labkit.training import Range, Run, _search, search

SETTING = "optimizer.learning_rate"


def test_a_trial_worse_than_the_median_is_given_up(
    toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five trials learn; the sixth has a rate at which nothing is learnt."""

    def suggest(trial: Any, name: str, one: Range) -> Any:
        value = one.low if trial.number == 5 else one.high
        return trial.suggest_float(name, value, value)

    monkeypatch.setattr(_search, "_suggest", suggest)
    rows = write_csv(tmp_path / "toy.csv", toy_rows(60))
    recipe = toy_recipe(rows, toy_model, budget={"epochs": 4}, evaluation={"metric": "log_loss"})
    found = search(recipe, tmp_path / "s", space={SETTING: Range(1e-9, 1e-2)}, trials=6)
    assert [trial.state for trial in found.trials] == ["complete"] * 5 + ["pruned"]
    last = found.trials[5]
    assert last.score is None and last.values == {SETTING: 1e-9} and found.best.number == 0
    assert 1 <= len(last.scores) < len(found.trials[0].scores) == 4, "before its end"
    run = Run(last.directory)
    assert run.status == "stopped" and not (run.directory / "model").exists()
    assert sum(isinstance(event, Evaluated) for event in run.events()) == len(last.scores)
    assert "5 complete, 1 pruned" in str(found)
