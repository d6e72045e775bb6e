"""The whole loop on one screen, without a browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from toys import toy_recipe, toy_rows

from labkit import data, training
from labkit.errors import LabError, UnknownName
from labkit.tasks import TASKS
from labkit.training import Run
from labkit.widgets import Lab, _tasks


def shown(lab: Lab) -> list[str]:
    return [type(child).__name__ for child in lab.box.children[1].children]


def notes(lab: Lab) -> dict[str, str]:
    return {step["id"]: step["note"] for step in lab.overview}


@pytest.fixture()
def home(tmp_path: Path) -> Path:
    return tmp_path / "lab"


@pytest.fixture()
def evaluated(home: Path, toy_data: Path, toy_run: Run) -> Lab:
    """A lab with a finished run."""
    lab = Lab(home, data=str(toy_data))
    shutil.copytree(toy_run.directory, home / "runs" / "toy")
    lab.use(str(home / "runs" / "toy"))
    return lab


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that has learnt to write a little, with its baselines."""
    folder = tmp_path_factory.mktemp("pairs")
    rows = [{"id": f"p{i}", "text": row["text"], "target": row["text"].upper()} for i, row in enumerate(toy_rows(60))]
    file = folder / "pairs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = toy_recipe(
        file, "starter:t5-tiny", task="translation", budget={"epochs": 1}, evaluation={"baselines": True},
        generation={"max_target_length": 16},
    )  # fmt: skip
    return training.train(recipe, folder / "written")


def test_steps_say_what_is_missing(home: Path, toy_data: Path) -> None:
    lab = Lab(home)
    assert shown(lab) == ["ModelPicker"]
    for step in ("data", "train", "evaluate", "try"):
        lab.go(step)
        assert shown(lab) == [] and not lab.error
    with pytest.raises(LabError, match="open_data"):
        lab.launcher  # noqa: B018
    with pytest.raises(UnknownName, match="evaluate"):
        lab.go("evaluat")
    with pytest.raises(UnknownName, match="errors"):
        lab.go("evaluate", "error")
    lab.open_data(str(toy_data))
    lab.go("data")
    assert shown(lab) == ["DataInspector"]
    lab.go("data", "label")
    assert shown(lab) == ["Labeler"]
    lab.go("train")
    assert shown(lab) == ["TrainingLauncher", "TrainingMonitor"]
    assert notes(lab)["evaluate"] == "needs a finished run"


def test_data_that_cannot_be_read_changes_nothing(home: Path, toy_data: Path) -> None:
    lab = Lab(home, data=str(toy_data))
    answer = lab.answer("open_data", {"data": "no/such/file.csv"})
    assert not answer["ok"] and "no/such/file.csv" in answer["error"]["message"]
    assert lab.source == str(toy_data) and len(lab.corpus["train"]) == 120


def test_once_round_the_loop_and_back_in_a_fresh_kernel(home: Path, toy_data: Path, toy_model: Path) -> None:
    lab = Lab(home, data=str(toy_data))
    lab.go("data", "label")
    first, second = lab.labeler.example, None
    assert first is not None
    lab.labeler.label("food")
    second = lab.labeler.current
    lab.go("train")
    lab.launcher.set(
        **{
            "model.name": str(toy_model),
            "budget.epochs": 1,
            "budget.precision": "float32",
            "evaluation.baselines": False,
        }
    )
    assert lab.launcher.recipe.data.labels == (str(lab.journal),)
    lab.launcher.launch()
    run = training.attach(lab.run)
    assert run.wait(120) == "completed", run.error
    assert run.recipe.data.labels == (str(lab.journal),)
    lab.monitor.refresh()
    lab.go("evaluate", "errors")
    assert shown(lab) == ["ErrorBrowser"]

    again = Lab(home)
    assert (again.step, again.part, again.source, again.run) == (
        "evaluate",
        "errors",
        str(toy_data),
        str(run.directory),
    )
    assert shown(again) == ["ErrorBrowser"]
    assert again.model == str(toy_model)
    assert again.launcher.recipe.budget.epochs == 1
    assert again.labeler.current == second, "it goes on where it was"
    assert notes(again)["evaluate"].startswith("accuracy")
    assert [found["run"] for found in again.finished()] == [str(run.directory)]


def test_rows_to_be_relabelled_come_back_to_the_labeler(evaluated: Lab) -> None:
    evaluated.go("evaluate", "errors")
    evaluated.errors.include = "all"
    ids = evaluated.errors.ids()[:3]
    evaluated.errors.select(ids)
    evaluated.errors.hand_over()
    assert (evaluated.step, evaluated.part) == ("data", "label")
    assert list(evaluated.labeler.queue) == ids
    assert evaluated.labeler.current in ids


def test_a_cell_of_the_matrix_filters_the_errors(evaluated: Lab) -> None:
    evaluated.matrix.pick(true="food", predicted="food")
    assert dict(evaluated.errors.filters) == {"true": "food", "predicted": "food"}


def test_repairs_are_remembered_and_go_into_the_recipe(home: Path, tmp_path: Path) -> None:
    rows = [{"text": f"text {i % 30}", "label": "ab"[i % 2]} for i in range(60)]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    lab = Lab(home, data=str(file))
    lab.go("train")
    lab.go("data", "inspect")
    lab.inspector.repair("drop_duplicates")
    assert lab.launcher.recipe.data.repairs == ("drop_duplicates",)
    again = Lab(home)
    again.go("train")
    assert len(again.corpus["train"]) == 30
    assert again.launcher.recipe.data.repairs == ("drop_duplicates",)
    assert data.load(again.launcher.recipe.data).rows["train"] < 30


def test_a_damaged_state_is_put_aside(home: Path, toy_data: Path) -> None:
    Lab(home, data=str(toy_data))
    (home / "lab.json").write_text('{"step": "data", ')
    lab = Lab(home)
    assert "lab.json.damaged" in lab.error
    assert (home / "lab.json.damaged").read_text().startswith('{"step"')
    lab.open_data(str(toy_data))
    assert Lab(home).source == str(toy_data)


def test_an_unwritable_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LabError, match="file in its place"):
        Lab(tmp_path / "file" / "lab")


def test_the_face_shows_the_step(evaluated: Lab) -> None:
    evaluated.go("evaluate", "confusion")
    bundle: dict[str, Any] = evaluated._repr_mimebundle_()[0]
    assert "Confusion matrix" in bundle["text/html"] and "accuracy" in bundle["text/html"]
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == evaluated.box.model_id
    evaluated.go("try")
    assert "lab.go('try', 'try')" in evaluated.code


@pytest.mark.parametrize(("task", "sample"), [(task, data.samples(kind.layout)[0]) for task, kind in TASKS.items()])
def test_every_task_has_its_data_model_and_recipe(home: Path, task: str, sample: str) -> None:
    lab = Lab(home, task=task)
    assert lab.samples == data.samples(TASKS[task].layout)
    assert not _tasks.able(lab.model, task), "the model that it begins with can do it"
    lab.open_data(sample)
    lab.go("data", "inspect")
    assert shown(lab) == ["DataInspector"] and lab.inspector.task == task
    assert lab.corpus.config.layout == TASKS[task].layout
    assert lab.picker.filters["task"] == task and lab.picker.recommended
    lab.go("train")
    assert lab.launcher.recipe.task == task and lab.launcher.recipe.model.name == lab.model
    assert not lab.error
    assert Lab(home).task == task and Lab(home).source == lab.source


def test_another_task_closes_the_data_and_coming_back_opens_it(home: Path, toy_data: Path) -> None:
    lab = Lab(home, data=str(toy_data))
    lab.go("train")
    lab.launcher.set(
        **{
            "budget.epochs": 3,
            "technique.class_weights": True,
            "evaluation.metric": "accuracy",
            "data.balance": "oversample",
        }
    )
    lab.choose_task("translation")
    assert lab.source == "" and shown(lab) == [] and lab.model.startswith("starter:")
    assert notes(lab)["model"].endswith("untrained")
    lab.open_data("phrasebook")
    assert lab.launcher.recipe.budget.epochs == 3 and not lab.launcher.problems
    assert not lab.launcher.recipe.technique.class_weights
    lab.choose_task("summarization")
    assert Path(lab.source).name == "phrasebook", "it is data for that, too"
    again = Lab(home)
    again.choose_task("text-classification")
    assert again.source == str(toy_data) and again.model == "minilm"
    assert again.launcher.recipe.budget.epochs == 3
    with pytest.raises(UnknownName, match="translation"):
        again.choose_task("translat")


def test_a_sample_of_other_data_brings_its_task(home: Path) -> None:
    lab = Lab(home, data="phrasebook")
    assert lab.task == "translation" and lab.journal.name == "data.pairs.labels.jsonl"
    lab.open_data("support")
    assert lab.task == "text-classification" and lab.journal.name == "data.labels.jsonl"


def test_the_form_and_the_lab_agree_about_the_task(home: Path) -> None:
    lab = Lab(home, data="phrasebook")
    lab.go("train")
    lab.launcher.set(task="summarization")
    assert lab.task == "summarization" and lab.launcher.recipe.task == "summarization"
    lab.launcher.set(task="text-generation")
    assert "Choose the task at the top" in lab.error
    assert lab.task == "summarization" == lab.launcher.recipe.task


def test_a_lab_of_an_earlier_version_is_opened(home: Path, toy_data: Path) -> None:
    Lab(home, data=str(toy_data)).go("data", "label")
    kept = json.loads((home / "lab.json").read_text())
    for name in ("task", "places"):
        del kept[name]
    (home / "lab.json").write_text(json.dumps(kept))
    lab = Lab(home)
    assert not lab.error and (lab.task, lab.part, lab.source) == ("text-classification", "label", str(toy_data))


def test_a_task_that_writes_has_no_confusion_matrix(home: Path, written: Run) -> None:
    lab = Lab(home)
    shutil.copytree(written.directory, home / "runs" / "written")
    lab.use(str(home / "runs" / "written"))
    assert lab.task == "translation" and [one["name"] for one in lab.finished()] == ["written"]
    lab.go("evaluate")
    assert shown(lab) == ["ErrorBrowser"]
    step = next(one for one in lab.overview if one["id"] == "evaluate")
    assert step["parts"] == ["errors"] and "no confusion matrix" in step["missing"]
    assert step["note"].startswith("BLEU ")
    with pytest.raises(LabError, match="texts are written"):
        lab.go("evaluate", "confusion")
    lab.choose_task("text-classification")
    assert lab.run == "" and lab.finished() == [], "that run did something else"


def test_rows_of_pairs_come_back_to_the_labeler(home: Path, written: Run) -> None:
    lab = Lab(home, data=written.recipe.data.train, task="translation")
    shutil.copytree(written.directory, home / "runs" / "written")
    lab.use(str(home / "runs" / "written"))
    lab.go("evaluate")
    lab.errors.include = "all"
    ids = lab.errors.ids()[:2]
    lab.errors.select(ids)
    lab.errors.hand_over()
    assert (lab.step, lab.part) == ("data", "label") and list(lab.labeler.queue) == ids
