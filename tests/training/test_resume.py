"""A run that was stopped, interrupted or damaged goes on, and ends where the uninterrupted one does."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from toys import toy_recipe, toy_rows, write_csv

from labkit.errors import DataError, RunError
from labkit.events import CheckpointSaved, Evaluated, Event, Note, RunEnded, RunStarted, StepLogged
from labkit.training import Run, _rundir, attach, launch, relaunch, resume, train


@pytest.fixture(autouse=True)
def every_step_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit.training._trainer.LOG_SECONDS", 0.0)


def same(one: Run, other: Run) -> bool:
    return all(
        np.array_equal(one.predictions(split).probabilities, other.predictions(split).probabilities)
        for split in ("validation", "test")
    )


def stopper(directory: Path, step: int) -> Callable[[Event], None]:
    """A watcher that asks the run to stop when this step is logged: it stops after the one behind it."""

    def watch(event: Event) -> None:
        if isinstance(event, StepLogged) and event.step == step:
            Run(directory).stop()

    return watch


def stopped_run(recipe: Any, directory: Path, step: int) -> Run:
    run = train(recipe, directory, watch=stopper(directory, step))
    assert run.status == "stopped"
    assert [e.step for e in run.events() if isinstance(e, CheckpointSaved)][-1] == step + 1
    assert not (directory / _rundir.STOP).exists()
    return run


@pytest.mark.parametrize("step", [0, 2, 5, 7, 11, 16], ids=lambda step: f"stopped-after-{step + 1}")
def test_a_stopped_run_ends_as_if_it_had_not_been(
    step: int, short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    """In the middle of an epoch, at its end, and one step before the last."""
    recipe, home = toy_recipe(toy_data, toy_model), tmp_path / "run"
    if step:
        run = stopped_run(recipe, home, step)
    else:  # asked for while the data is being read
        run = train(recipe, home, watch=lambda e: Run(home).stop() if isinstance(e, Note) else None)
    assert run.status == "stopped" and run.error == ""
    with pytest.raises(RunError, match="a run that is stopped"):
        _ = run.model_folder
    again = resume(home)
    assert again.status == "completed"
    assert same(again, short_run)
    starts = [event.from_step for event in again.events() if isinstance(event, RunStarted)]
    assert starts == [0, step + 1]
    evaluated = {e.step: e.metrics for e in short_run.events() if isinstance(e, Evaluated)}
    assert {e.step: e.metrics for e in again.events() if isinstance(e, Evaluated)} == evaluated


def test_stopped_again_and_again(short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    home = tmp_path / "run"
    stopped_run(toy_recipe(toy_data, toy_model), home, 3)
    for step in (7, 9):
        assert resume(home, watch=stopper(home, step)).status == "stopped"
    assert same(resume(home), short_run)


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"optimizer": {"batch_size": 8, "gradient_accumulation": 4}}, 4),
        ({"budget": {"length_grouped": False}, "evaluation": {"every": 0.5}}, 7),
        ({"budget": {"max_steps": 10, "epochs": 50}, "optimizer": {"schedule": "cosine"}}, 8),
        ({"data": {"validation_share": 0.0}}, 8),
        ({"technique": {"freeze_embeddings": True}, "model": {"dropout": 0.3}}, 8),
    ],
    ids=str,
)
def test_whatever_the_recipe_says(
    change: dict[str, Any], step: int, toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    recipe = toy_recipe(toy_data, toy_model, **change)
    whole = train(recipe, tmp_path / "whole")
    stopped_run(recipe, tmp_path / "run", step)
    again = resume(tmp_path / "run")
    assert np.array_equal(again.predictions().probabilities, whole.predictions().probabilities)


@pytest.mark.parametrize("step", [8, 14], ids=["before-the-best", "after-the-best"])
def test_early_stopping_counts_across_the_stop(
    step: int, toy_data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labkit.tasks import TextClassification

    def scripted(values: list[float]) -> None:
        scores = iter(values)
        monkeypatch.setattr(TextClassification, "quick_metrics", lambda *_: {"macro_f1": next(scores)})

    recipe = toy_recipe(toy_data, toy_model, budget={"epochs": 6, "patience": 2})
    values = [0.1, 0.9, 0.5, 0.4, 0.3, 0.2]
    scripted(values)
    whole = train(recipe, tmp_path / "whole")
    scripted(values)
    stopped_run(recipe, tmp_path / "run", step)
    again = resume(tmp_path / "run")
    assert [e.step for e in again.events() if isinstance(e, Evaluated)] == [6, 12, 18, 24]
    assert same(again, whole)


def test_stopped_at_the_last_step_nothing_is_trained_again(
    short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    home = tmp_path / "run"
    stopped_run(toy_recipe(toy_data, toy_model), home, 17)
    again = resume(home)
    assert same(again, short_run)
    happened = again.events()
    resumed = max(i for i, event in enumerate(happened) if isinstance(event, RunStarted))
    assert not any(isinstance(event, StepLogged) for event in happened[resumed:])


def test_train_on_the_directory_of_a_stopped_run_goes_on(
    short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    """With the recipe as it was given, or as the directory holds it: gaps filled in."""
    recipe = toy_recipe(toy_data, toy_model)
    stopped_run(recipe, tmp_path / "one", 7)
    assert same(train(recipe, tmp_path / "one"), short_run)
    two = stopped_run(recipe, tmp_path / "two", 7)
    assert two.recipe != recipe
    assert same(train(two.recipe, tmp_path / "two"), short_run)


def test_another_recipe_is_refused(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    recipe, home = toy_recipe(toy_data, toy_model), tmp_path / "run"
    run = stopped_run(recipe, home, 3)
    with pytest.raises(RunError, match="another recipe"):
        train(recipe.with_values(seed=5), home)
    with pytest.raises(RunError, match="another recipe"):
        launch(recipe.with_values(seed=5), home)
    assert run.status == "stopped" and run.recipe.seed == 0


def test_a_moved_run_directory_goes_on(short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    run = stopped_run(toy_recipe(toy_data, toy_model), tmp_path / "run", 7)
    shutil.move(run.directory, tmp_path / "elsewhere")
    with pytest.raises(RunError, match="no such folder"):
        attach(run.directory)
    assert same(resume(tmp_path / "elsewhere"), short_run)


def truncate(folder: Path) -> None:
    with (folder / "model.safetensors").open("rb+") as file:
        file.truncate(1000)


def lose_the_optimizer(folder: Path) -> None:
    (folder / "optimizer.pt").unlink()


@pytest.mark.parametrize("damage", [truncate, lose_the_optimizer])
def test_a_damaged_checkpoint_is_passed_over(
    damage: Callable[[Path], None], short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    home = tmp_path / "run"
    run = stopped_run(toy_recipe(toy_data, toy_model), home, 8)
    best, newest = _rundir.checkpoints(home)
    assert (best[0], newest[0]) == (6, 9)
    damage(newest[1])
    seen: list[Any] = []
    again = resume(home, watch=seen.append)
    assert same(again, short_run)
    assert any(isinstance(e, Note) and "checkpoint-9 is damaged and not used" in e.text for e in seen)
    assert [e.from_step for e in seen if isinstance(e, RunStarted)] == [6]
    assert run.status == "completed"


@pytest.mark.parametrize("which", ["best", "both"])
def test_where_no_checkpoint_is_of_use_it_begins_again(
    which: str, short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    home = tmp_path / "run"
    stopped_run(toy_recipe(toy_data, toy_model), home, 8)
    for _, folder in _rundir.checkpoints(home)[: 1 if which == "best" else 2]:
        truncate(folder)
    seen: list[Any] = []
    assert same(resume(home, watch=seen.append), short_run)
    assert [e.from_step for e in seen if isinstance(e, RunStarted)] == [0]
    assert sum(isinstance(e, Note) and "not used" in e.text for e in seen) == 2


def test_data_that_changed_in_between_is_refused(
    short_run: Run, toy_model: Path, toy_data: Path, tmp_path: Path
) -> None:
    data, home = tmp_path / "toy.csv", tmp_path / "run"
    shutil.copy(toy_data, data)
    stopped_run(toy_recipe(data, toy_model), home, 7)
    write_csv(data, toy_rows(121))
    with pytest.raises(DataError, match="files whose content has changed"):
        resume(home)
    run = Run(home)
    assert run.status == "failed" and "content has changed" in run.error
    shutil.copy(toy_data, data)
    assert same(resume(home), short_run)


def test_a_completed_run_is_not_trained_again(short_run: Run) -> None:
    before = sorted((p, p.stat().st_mtime_ns) for p in short_run.directory.rglob("*"))
    for again in (resume, relaunch, lambda home: train(short_run.recipe, home)):
        with pytest.raises(RunError, match="completed"):
            again(short_run.directory)
    assert sorted((p, p.stat().st_mtime_ns) for p in short_run.directory.rglob("*")) == before


def test_a_busy_directory_is_refused(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    recipe, home = toy_recipe(toy_data, toy_model), tmp_path / "run"
    run = stopped_run(recipe, home, 3)
    other = psutil.Process().ppid()
    _rundir.claim_for(home, other)
    assert run.status == "running"
    for again in (resume, relaunch, lambda home: train(recipe, home), lambda home: launch(recipe, home)):
        with pytest.raises(RunError, match=f"process {other} at work"):
            again(home)
    _rundir.release(home)
    assert run.status == "stopped"


def test_the_first_interrupt_saves_and_stops(short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    home = tmp_path / "run"

    def press(event: Event) -> None:
        if isinstance(event, StepLogged) and event.step == 8:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run = train(toy_recipe(toy_data, toy_model), home, watch=press)
    assert run.status == "stopped"
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert [step for step, _ in _rundir.checkpoints(home)][-1] == 9
    assert same(resume(home), short_run)


def test_an_interrupt_outside_the_steps_ends_at_once(
    short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    home = tmp_path / "run"
    for moment in ("Tokenising", "Evaluating on the test"):

        def press(event: Event, moment: str = moment) -> None:
            if isinstance(event, Note) and event.text.startswith(moment):
                os.kill(os.getpid(), signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            train(toy_recipe(toy_data, toy_model), home, watch=press)
        assert Run(home).status == "stopped"
    seen: list[Any] = []
    again = resume(home, watch=seen.append)
    assert same(again, short_run)
    assert not any(isinstance(e, StepLogged) for e in seen), "the model was whole already"


def test_a_judgement_that_failed_is_made_again_without_training(
    short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("no such luck")

    home = tmp_path / "run"
    monkeypatch.setattr("labkit.training._judge._evaluate", fail)
    with pytest.raises(ValueError, match="no such luck"):
        train(toy_recipe(toy_data, toy_model), home)
    run = Run(home)
    assert (run.status, run.error) == ("failed", "ValueError: no such luck")
    monkeypatch.undo()
    seen: list[Any] = []
    assert same(resume(home, watch=seen.append), short_run)
    assert not any(isinstance(e, StepLogged) for e in seen)
    ended = [e for e in run.events() if isinstance(e, RunEnded)]
    assert [e.status for e in ended] == ["failed", "completed"]
    assert run.error == ""


def test_a_process_killed_while_it_filled_in_the_recipe(
    short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two files that are written there, the directory still takes the recipe it began with."""
    from labkit.training import Recipe

    recipe, home = toy_recipe(toy_data, toy_model), tmp_path / "run"
    save, calls = Recipe.save, []

    def save_once(self: Recipe, path: Path) -> Path:
        calls.append(path)
        if len(calls) == 2:
            raise SystemExit("killed")
        return save(self, path)

    monkeypatch.setattr(Recipe, "save", save_once)
    with pytest.raises(SystemExit):
        train(recipe, home)
    monkeypatch.undo()
    assert same(train(recipe, home), short_run)
    assert Run(home).recipe.data.fingerprint
