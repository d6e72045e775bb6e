"""Hyperparameter search and the learning-rate finder: on toy runs."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from toys import toy_recipe, toy_rows, write_csv

from labkit import charts
from labkit.errors import DataError, LabError, RecipeError, RunError
from labkit.events import Evaluated, StepLogged
from labkit.training import (
    Range,
    Recipe,
    Run,
    Search,
    SearchTrial,
    _search,
    default_space,
    find_learning_rate,
    parse_space,
    search,
)
from labkit.training._space import require_space


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


def test_a_search_goes_on_but_not_with_other_data(toy_model: Path, tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "toy.csv", toy_rows(60))
    quick = toy_recipe(rows, toy_model, budget={"epochs": 1})
    first = search(quick, tmp_path / "s", space=SPACE, trials=1)
    write_csv(rows, toy_rows(48))
    with pytest.raises(RunError, match=r"the data that the trainings in .* began with"):
        search(quick, tmp_path / "s", space=SPACE, trials=2)
    assert [one.values for one in Search.load(tmp_path / "s").trials] == [one.values for one in first.trials]
    write_csv(rows, toy_rows(60))
    assert len(search(quick, tmp_path / "s", space=SPACE, trials=2).trials) == 2


def test_spaces(quick: Any, tmp_path: Path) -> None:
    texts = ["optimizer.learning_rate=1e-5..1e-3 log", "optimizer.batch_size=8,16", "adapter.rank=2..8"]
    assert parse_space(texts) == {
        "optimizer.learning_rate": Range(1e-5, 1e-3, log=True),
        "optimizer.batch_size": (8, 16),
        "adapter.rank": Range(2, 8),
    }
    with pytest.raises(RecipeError, match="no range of numbers"):
        parse_space(["optimizer.warmup=a..b"])
    with pytest.raises(RecipeError, match="log or nothing, not 'lgo'"):
        parse_space(["optimizer.learning_rate=1e-5..1e-3 lgo"])
    with pytest.raises(RecipeError, match="Did you mean 'learning_rate'"):
        search(quick, tmp_path / "s", space={"optimizer.learning_rat": Range(1e-5, 1e-3)})
    with pytest.raises(RecipeError, match="low < high"):
        search(quick, tmp_path / "s", space={"optimizer.learning_rate": Range(1e-3, 1e-5)})
    with pytest.raises(RecipeError, match=r"batch_size must be a whole number, not 8\.5"):
        search(quick, tmp_path / "s", space={"optimizer.batch_size": Range(8.5, 16)})
    with pytest.raises(LabError, match="one trial at least, but got 0"):
        search(quick, tmp_path / "s", space=SPACE, trials=0)
    with pytest.raises(LabError, match="one worker at least, but got 0"):
        search(quick, tmp_path / "s", space=SPACE, workers=0)
    assert not (tmp_path / "s").exists()
    with pytest.raises(RecipeError, match="batch_size is there twice"):
        parse_space(["optimizer.batch_size=8,16", "optimizer.batch_size=32,64"])


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"data.train": ("a.csv", "b.csv")}, r"data\.train decides what trials are judged by"),
        ({"data.split_seed": (1, 2)}, r"data\.split_seed decides what trials are judged by"),
        ({"evaluation.metric": ("accuracy", "macro_f1")}, r"evaluation\.metric decides what trials are judged by"),
        ({"adapter.rank": (4, 16)}, r"No trial would read adapter\.rank \(technique\.trainable = 'all'\)"),
    ],
)
def test_spaces_whose_trials_could_not_be_compared(space: Any, said: str, quick: Any, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=said):
        search(quick, tmp_path / "s", space=space)
    assert not (tmp_path / "s").exists()


def test_what_only_some_trials_read_may_be_searched(quick: Any) -> None:
    require_space(quick, {"adapter.rank": (4, 16), "technique.trainable": ("all", "lora")})
    require_space(quick, {"data.augment": (("typos",), ("swap",)), "data.augment_share": Range(0.05, 0.3)})


@pytest.mark.parametrize(
    ("trainable", "own"),
    [
        ("all", "model.dropout"), ("top", "optimizer.weight_decay"), ("head", "optimizer.warmup"), ("lora", "adapter.rank"),
        ("dora", "adapter.dropout"), ("bottleneck", "adapter.width"), ("prompt", "adapter.tokens"),
    ],
)  # fmt: skip
def test_each_technique_has_a_space_of_its_own(trainable: str, own: str, quick: Any) -> None:
    asked = quick.with_values(technique={"trainable": trainable})
    space = default_space(asked)
    require_space(asked, space)  # and all of it is read
    assert own in space and "optimizer.learning_rate" in space


def test_numbers_are_whole_where_the_setting_is(quick: Any, tmp_path: Path) -> None:
    space = parse_space(["optimizer.warmup=0..1", "optimizer.batch_size=8..16"])
    found = search(quick.with_values(budget={"epochs": 1}), tmp_path / "s", space=space, trials=3)
    for trial in found.trials:
        assert 0 < trial.values["optimizer.warmup"] < 1, "and not its ends alone"
        assert isinstance(trial.values["optimizer.batch_size"], int)


def test_scores_are_searched_by_their_error(toy_model: Path, tmp_path: Path) -> None:
    rows = [{"text": row["text"], "score": i % 5 / 2} for i, row in enumerate(toy_rows(60))]
    table = write_csv(tmp_path / "scores.csv", rows)
    recipe = toy_recipe(table, toy_model, data={"train": str(table), "label": "score"}, budget={"epochs": 1})
    found = search(recipe, tmp_path / "s", space={"optimizer.learning_rate": Range(1e-4, 1e-2, log=True)}, trials=2)
    assert found.metric == "rmse" and not found.higher
    assert found.best.score == min(trial.score for trial in found.trials if trial.score is not None)
    assert Search.load(tmp_path / "s").best == found.best


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


def test_a_trial_worse_than_the_median_is_given_up(
    toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five trials learn; the sixth has a rate at which nothing is learnt."""

    def suggest(trial: Any, name: str, one: Range) -> Any:
        value = one.low if trial.number == 5 else one.high
        return trial.suggest_float(name, value, value)

    monkeypatch.setattr(_search, "suggest", suggest)
    rows = write_csv(tmp_path / "toy.csv", toy_rows(60))
    recipe = toy_recipe(rows, toy_model, budget={"epochs": 4}, evaluation={"metric": "log_loss"})
    found = search(recipe, tmp_path / "s", space={"optimizer.learning_rate": Range(1e-9, 1e-2)}, trials=6)
    assert [trial.state for trial in found.trials] == ["complete"] * 5 + ["pruned"]
    last = found.trials[5]
    assert last.score is None and last.values == {"optimizer.learning_rate": 1e-9} and found.best.number == 0
    assert 1 <= len(last.scores) < len(found.trials[0].scores) == 4, "before its end"
    run = Run(last.directory)
    assert run.status == "stopped" and not (run.directory / "model").exists()
    assert sum(isinstance(event, Evaluated) for event in run.events()) == len(last.scores)
    assert "5 complete, 1 pruned" in str(found)


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
    probe = quick.with_values(model={"pooling": "mean"}, technique={"trainable": "head", "solver": "lbfgs"})
    with pytest.raises(RecipeError, match="it is fitted without one"):
        find_learning_rate(probe)
    with pytest.raises(RecipeError, match="find it by score, with labkit search"):
        find_learning_rate(probe.with_values(technique={"contrastive": 10}))


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
