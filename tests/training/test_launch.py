"""Training as a process of its own: nothing that happens to the process that started it, or to itself, loses work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import toy_recipe

from labkit.errors import RunError
from labkit.events import CheckpointSaved, Event, Note, RunStarted, StepLogged
from labkit.training import Run, _rundir, attach, launch, relaunch, resume, train

PATIENCE = 120  # seconds to wait for a process on a busy machine


def wait_for(run: Run, what: Callable[[Event], bool], since: float) -> None:
    """Wait until an event after ``since`` (seconds since the epoch) is the one that is waited for."""
    until = time.monotonic() + PATIENCE
    while not any(what(event) for event in run.events() if event.time >= since):
        assert time.monotonic() < until and run.status == "running", (run.status, run.error)
        time.sleep(0.01)


def kill(run: Run) -> None:
    process = _rundir.owner(run.directory)
    assert process is not None and process != os.getpid()
    os.kill(process, signal.SIGKILL)
    until = time.monotonic() + PATIENCE
    while run.status == "running":
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_run_outlives_the_process_that_started_it(
    short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    home = tmp_path / "run"
    toy_recipe(toy_data, toy_model).save(tmp_path / "recipe.toml")
    code = (
        "import sys, time\nfrom labkit.training import Recipe, launch\n"
        "recipe = Recipe.load(sys.argv[1])\nbegan = time.monotonic()\nrun = launch(recipe, sys.argv[2])\n"
        "print(time.monotonic() - began, run.status, flush=True)\ntime.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "recipe.toml"), str(home)],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert parent.stdout is not None
    seconds, status = parent.stdout.readline().split()
    os.killpg(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert status == "running"
    assert float(seconds) < 3, "it returns at once, not when the libraries are loaded"
    run = attach(home)
    assert run.status == "running"
    with pytest.raises(RunError, match="at work in it"):
        train(run.recipe, home)
    seen = list(run.watch(poll=0.05))
    assert run.status == run.wait(timeout=PATIENCE) == "completed"
    assert seen == run.events()
    assert np.array_equal(run.predictions().probabilities, short_run.predictions().probabilities)
    assert not (home / "process.json").exists()


def test_stop_right_after_launch(short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    """The process is still loading its libraries then; it must not miss it."""
    run = launch(toy_recipe(toy_data, toy_model), tmp_path / "run")
    assert run.status == "running"
    run.stop()
    assert run.wait(timeout=PATIENCE) == "stopped"
    with pytest.raises(RunError, match="one that is stopped"):
        run.stop()
    assert [e.step for e in run.events() if isinstance(e, CheckpointSaved)] == [1]
    assert np.array_equal(resume(run.directory).predictions().probabilities, short_run.predictions().probabilities)


def test_a_failed_run_says_why_in_plain_words(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    run = launch(toy_recipe(toy_data, toy_model, data={"label": ["mood"]}), tmp_path / "run")
    assert run.wait(timeout=PATIENCE) == "failed"
    assert "'mood'" in run.error and "topic" in run.error
    assert "Traceback" not in run.error and "\n" not in run.error
    assert "Traceback" in (run.directory / "log.txt").read_text("utf-8")
    assert run.summary()["status"] == "failed"


def test_killed_at_any_moment_it_goes_on(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    """kill -9 while it loads, in the middle of training, and while it is judged."""
    change: dict[str, Any] = {"budget": {"epochs": 30}, "evaluation": {"every": 5.0, "baselines": True}}
    recipe = toy_recipe(toy_data, toy_model, **change)
    whole = train(recipe.with_values(evaluation={"baselines": False}), tmp_path / "whole")

    began = time.time()
    run = launch(recipe, tmp_path / "run")
    wait_for(run, lambda e: isinstance(e, Note) and e.text.startswith("Reading"), began)
    kill(run)
    assert run.status == "interrupted"
    assert "Every checkpoint saved before is intact" in run.error
    with pytest.raises(RunError, match="interrupted"):
        run.stop()

    began = time.time()
    assert launch(recipe, run.directory).status == "running"
    wait_for(run, lambda e: isinstance(e, StepLogged) and e.step > 40, began)
    kill(run)
    assert run.status == "interrupted"
    assert not (run.directory / "model").exists()

    began = time.time()
    assert relaunch(run.directory).status == "running"
    wait_for(run, lambda e: isinstance(e, Note) and e.text.startswith("Training the baselines"), began)
    kill(run)
    assert run.status == "interrupted"
    assert run.summary()["metrics"] == {}

    seen: list[Any] = []
    again = resume(run.directory, watch=seen.append)
    assert again.status == "completed" and again.error == ""
    assert not any(isinstance(e, StepLogged) for e in seen), "the model was whole already"
    starts = [e.from_step for e in run.events() if isinstance(e, RunStarted)]
    assert starts[0] == 0 and starts[-1] >= 30
    for split in ("validation", "test"):
        assert np.array_equal(again.predictions(split).probabilities, whole.predictions(split).probabilities)
    assert {path.name for path in run.directory.iterdir()} == {
        "recipe.toml", "environment.json", "events.jsonl", "log.txt", "model", "predictions", "metrics.json", "README.md",
        "manifest.json",
    }  # fmt: skip
