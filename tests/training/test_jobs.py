"""Jobs: procedures in a process of their own; what comes of them, and what is refused before one starts."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from toys import toy_recipe

from labkit import data
from labkit.errors import RecipeError, RunError, UnknownName
from labkit.tasks import load_predictions
from labkit.training import PROCEDURES, Job, Recipe, Run, _jobs, cross_validate, jobs, launch_job, train
from labkit.widgets import _recipe_form as forms

PATIENCE = 120


@pytest.fixture()
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are done in this process, which saves loading the libraries in another one."""
    monkeypatch.setattr(_jobs, "start", lambda directory, stale: _jobs.work(directory))


def short(toy_data: Path, toy_model: Path, **sections: Any) -> Recipe:
    return Recipe.from_dict(toy_recipe(toy_data, toy_model, **{"budget": {"epochs": 1}, **sections}).to_dict())


@pytest.mark.usefixtures("here")
def test_what_comes_of_each_procedure(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    recipe = short(toy_data, toy_model)
    folds = launch_job("cross-validate", recipe, tmp_path / "runs" / "cv", folds=2)
    assert folds.status == "completed" and folds.answer and folds.options == {"folds": 2}
    assert folds.answer.text == str(cross_validate(recipe, folds.directory / "work", folds=2)), "the call says the same"
    assert len(load_predictions(folds.answer.file)) == data.read(toy_data)["train"].num_rows
    assert folds.progress["part"] == "fold 2 of 2" and folds.progress["parts"] == 2

    seeds = launch_job("seeds", recipe, tmp_path / "runs" / "seeds", seeds=2).answer
    assert seeds and seeds.text.startswith("accuracy on 24 test rows")

    space = "optimizer.learning_rate=1e-3..1e-1 log; optimizer.batch_size=8,16"
    found = launch_job("search", recipe, tmp_path / "runs" / "search", trials=2, space=space).answer
    assert found and set(found.settings) == {"optimizer.learning_rate", "optimizer.batch_size"}
    best = Recipe.load(found.file)
    assert best.optimizer.learning_rate == found.settings["optimizer.learning_rate"]

    rate = launch_job("rate", recipe, tmp_path / "runs" / "rate", steps=12).answer
    assert rate and 1e-6 < rate.settings["optimizer.learning_rate"] < 1

    guess = launch_job("zero-shot", recipe, tmp_path / "runs" / "guess").answer
    assert guess and guess.text.startswith("On the test split:")
    told = load_predictions(guess.file)
    assert set(told.row_ids) == set(data.load(recipe.data)["test"]["row_id"])

    assert {job.kind for job in jobs(tmp_path / "runs")} == {"cross-validate", "seeds", "search", "rate", "zero-shot"}
    with pytest.raises(RunError, match="a completed one"):
        launch_job("rate", recipe, tmp_path / "runs" / "rate", steps=12)
    with pytest.raises(RunError, match="another one"):
        launch_job("rate", recipe, tmp_path / "runs" / "rate", steps=13)


@pytest.mark.usefixtures("here")
def test_adapting_gives_a_base_model(toy_model: Path, toy_data: Path, tmp_path: Path) -> None:
    texts = tmp_path / "domain.txt"
    rows = list(data.read(toy_data)["train"]["text"])
    texts.write_text("".join(f"{' '.join(rows[at : at + 3])}\n" for at in range(len(rows) - 3)))
    job = launch_job(
        "adapt", short(toy_data, toy_model), tmp_path / "adapted", texts=str(texts), method="simcse", epochs=1
    )
    assert job.status == "completed", job.error
    assert job.answer and "before" in job.answer.text
    model = job.answer.settings["model.name"]
    after = forms.build({**forms.changed(job.recipe), "model.name": model})
    assert train(after, tmp_path / "run").status == "completed", "it is a base model for the recipe"


def test_every_procedure_says_what_it_does_and_what_its_options_are() -> None:
    for name, cls in PROCEDURES.items():
        assert cls.title and cls.__doc__, name
        for field in forms.options(cls):
            assert field["help"], (name, field)


def test_what_cannot_work_is_said_before_a_process_starts(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    recipe = short(toy_data, toy_model)
    place = tmp_path / "job"
    with pytest.raises(UnknownName, match="cross-validate"):
        launch_job("crossvalidate", recipe, place)
    with pytest.raises(RecipeError, match="Did you mean 'folds'") as both:
        launch_job("cross-validate", recipe, place, fold=3, repeats=0)
    assert "repeats must be at least 1, not 0" in str(both.value)
    with pytest.raises(RecipeError, match="trials must be a whole number, not 'many'"):
        launch_job("search", recipe, place, trials="many")
    with pytest.raises(RecipeError, match="Did you mean 'learning_rate'"):
        launch_job("search", recipe, place, space="optimizer.learning_rat=1,2")
    with pytest.raises(RecipeError, match="method must be one of masked, causal, simcse, tsdae"):
        launch_job("adapt", recipe, place, method="mlm")
    with pytest.raises(RecipeError, match="zero-shot is for text-classification"):
        launch_job("zero-shot", recipe.with_values(task="fill-mask", data={"layout": "texts"}), place)
    assert not place.exists()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").touch()
    with pytest.raises(RunError, match="something else"):
        launch_job("rate", recipe, tmp_path / "photos")
    with pytest.raises(RunError, match="a job in"):
        Job(tmp_path / "photos")


@pytest.mark.usefixtures("here")
def test_a_job_that_fails_says_why_and_can_be_gone_on_with(toy_model: Path, tmp_path: Path) -> None:
    from toys import toy_rows, write_csv

    file = tmp_path / "few.csv"
    recipe = short(file, toy_model)
    job = launch_job("cross-validate", recipe, tmp_path / "job", folds=2)
    assert job.status == "failed" and "few.csv" in job.error and job.answer is None
    assert "Traceback" not in job.error
    write_csv(file, toy_rows(60))
    assert launch_job("cross-validate", recipe, tmp_path / "job", folds=2).status == "completed"


def test_a_stopped_and_a_killed_job_go_on(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    recipe = short(toy_data, toy_model, budget={"epochs": 400}, evaluation={"every": 100.0})
    job = launch_job("seeds", recipe, tmp_path / "job", seeds=2)
    _until_it_trains(job)
    with pytest.raises(RunError, match="at work"):
        launch_job("seeds", recipe, tmp_path / "job", seeds=2)
    job.stop()
    assert job.wait(timeout=PATIENCE) == "stopped"
    first = job.directory / "work" / "recipe-seed0"
    assert Run(first).status == "stopped" and list((first / "checkpoints").iterdir()), "its training was saved"
    with pytest.raises(RunError, match="that is stopped"):
        job.stop()

    launch_job("seeds", recipe, tmp_path / "job", seeds=2)
    _until_it_trains(job)
    process = psutil.Process(json.loads((job.directory / "process.json").read_text())["pid"])
    assert process.pid != os.getpid()
    process.kill()
    assert job.wait(timeout=PATIENCE) == "interrupted" and job.answer is None


def _until_it_trains(job: Job) -> None:
    ends = time.monotonic() + PATIENCE
    while not job.progress.get("step"):
        assert job.status == "running" and time.monotonic() < ends, (job.status, job.error)
        time.sleep(0.1)
