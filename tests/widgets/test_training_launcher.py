"""The training launcher without a browser: the form, the checks, the forecast, launching, its face and its cell."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from toys import toy_recipe

from labkit.data import read, sample, sample_path
from labkit.errors import LabError, RecipeError, RunError, UnknownName
from labkit.tasks import TASKS
from labkit.training import PROCEDURES, Recipe, Run, _rundir, attach
from labkit.widgets import TrainingLauncher, _tasks
from labkit.widgets import _recipe_form as forms
from labkit.widgets._forecast import Library, estimate

PATIENCE = 120


@pytest.fixture()
def make(tmp_path: Path) -> Iterator[Callable[..., TrainingLauncher]]:
    """Launchers whose runs go below the test's folder; their threads end with the test."""
    made: list[TrainingLauncher] = []

    def build(*args: Any, **kwargs: Any) -> TrainingLauncher:
        made.append(TrainingLauncher(*args, **{"out": tmp_path / "runs", **kwargs}))
        return made[-1]

    yield build
    for launcher in made:
        launcher.close()


def settled(launcher: TrainingLauncher) -> dict[str, Any]:
    """The forecast, once it is there."""
    until = time.monotonic() + PATIENCE
    while launcher.measuring:
        assert time.monotonic() < until
        time.sleep(0.02)
    return dict(launcher.forecast)


# -- the form ----------------------------------------------------------------------------------------------------------------


def test_every_setting_has_a_field_with_help() -> None:
    fields = [field for section in forms.sections() for field in section["fields"]]
    assert {field["name"] for field in fields} == set(forms.names()) >= set(forms.flat(Recipe()))
    for field in fields:
        assert field["help"] and field["label"], field
        assert field["choices"] or field["kind"] not in ("choice", "flags"), field
    assert json.loads(json.dumps(fields)) == fields
    by_name = {field["name"]: field for field in fields}
    assert by_name["optimizer.learning_rate"]["blank"] == "chosen by the model's size"
    assert by_name["budget.epochs"]["blank"] == "chosen by their number, 8 to 20"
    assert by_name["optimizer.schedule"]["choices"][:2] == ["linear", "cosine"]
    assert (by_name["data.multi_label"]["kind"], by_name["data.repairs"]["kind"]) == ("three", "flags")
    assert "minilm" in by_name["model.name"]["suggestions"]
    assert [f["name"] for f in fields if f["essential"]] and set(forms.ESSENTIAL) <= set(by_name)


def test_the_form_shows_what_the_task_reads(make: Callable[..., TrainingLauncher]) -> None:
    def shown(task: str, **values: Any) -> dict[str, dict[str, Any]]:
        launcher = make(Recipe(task=task), values=values)
        return {field["name"]: field for section in launcher.form() for field in section["fields"]}

    everywhere = {"task", "seed", "data.train", "model.name", "optimizer.learning_rate", "technique.label_smoothing"}
    tied = {
        name
        for name in forms.names()
        if name.startswith("generation.") or name in ("technique.mask_share", "technique.class_weights", "data.balance")
    }
    expected = {
        "text-classification": {"technique.class_weights", "data.balance"},
        "token-classification": set(),
        "question-answering": set(),
        "translation": {name for name in tied if name.startswith("generation.")},
        "summarization": {name for name in tied if name.startswith("generation.")},
        "text-generation": {"generation.max_target_length", "generation.max_new_tokens", "generation.beams"},
        "fill-mask": {"technique.mask_share"},
    }
    for task, own in expected.items():
        fields = shown(task)
        assert everywhere <= set(fields) and tied & set(fields) == own, task
        assert fields["evaluation.metric"]["choices"] == list(TASKS[task].metrics)
        assert "data.layout" not in fields, "the task says what a row is"
    assert "starter:t5" in shown("translation")["model.name"]["suggestions"]
    assert "minilm" not in shown("translation")["model.name"]["suggestions"]
    assert "keep_majority_label" not in shown("translation")["data.repairs"]["choices"]
    assert "technique.mask_share" in shown("translation", **{"technique.mask_share": 0.3}), "what is set stays in sight"


@pytest.mark.parametrize(
    ("task", "model", "problem"),
    [
        ("translation", "minilm", "AutoModelForSeq2SeqLM"),
        ("text-generation", "starter:bert", "no decoder"),
        ("translation", "starter:t5-huge", "starter:t5"),
    ],
)
def test_a_family_that_cannot_do_the_task_is_said_at_once(
    make: Callable[..., TrainingLauncher], tmp_path: Path, task: str, model: str, problem: str
) -> None:
    launcher = make(Recipe.from_dict({"task": task, "model": {"name": model}, "data": {"train": "no/such.csv"}}))
    forecast = settled(launcher)
    assert forecast["field"] == "model.name" and problem in forecast["problem"]
    with pytest.raises(LabError, match=problem):
        launcher.launch()
    assert not list(tmp_path.glob("runs/*"))


def test_a_corpus_brings_its_task_and_a_model_that_can_do_it(make: Callable[..., TrainingLauncher]) -> None:
    for name, task in (("phrasebook", "translation"), ("assistant", "text-generation"), ("qa", "question-answering")):
        launcher = make(sample(name))
        assert launcher.recipe.task == task
        assert not _tasks.able(launcher.recipe.model.name, task)
        assert launcher.recipe.data.layout == sample(name).config.layout and "data.layout" not in launcher.values
    assert make(sample("phrasebook"), task="summarization").recipe.task == "summarization"


@pytest.mark.parametrize(
    ("name", "task", "model"),
    [
        ("phrasebook", "translation", "starter:t5-tiny"),
        ("garden", "text-generation", "starter:gpt2-tiny"),
        ("garden", "fill-mask", "starter:bert-tiny"),
        ("assistant", "text-generation", "starter:llama-tiny"),
        ("qa", "question-answering", "starter:bert-tiny"),
        ("ner", "token-classification", "minilm"),
    ],
)
def test_a_forecast_for_every_task(name: str, task: str, model: str) -> None:
    repairs = {"phrasebook": ["drop_empty"], "qa": ["drop_bad_answers"]}.get(name, [])
    data = {"train": str(sample_path(name)), "repairs": repairs}
    recipe = Recipe.from_dict({"task": task, "data": data, "model": {"name": model}, "budget": {"epochs": 5}})
    found = estimate(recipe, library := Library())
    assert not found["problem"] and found["seconds"] > 0 and found["steps"] > 0
    assert ("knows no language" in found["note"]) == model.startswith("starter:")
    if name in ("garden", "qa"):
        more = estimate(recipe.with_values(model={"max_length": 100}), library)["steps"]
        assert more > 2 * found["steps"], "what is longer than an input is read in several windows"


def test_what_is_typed_is_checked_and_kept(make: Callable[..., TrainingLauncher]) -> None:
    launcher = make()
    answer = launcher.answer(
        "check",
        {"values": {"optimizer.learning_rate": "1e-", "optimizer.batch_size": 8.5, "data.validation_share": 0.7,
                    "data.test_share": 0.5, "budget.epochs": 3}},
    )  # fmt: skip
    assert answer["ok"]
    assert set(answer["value"]) == {
        "optimizer.learning_rate", "optimizer.batch_size", "data.validation_share", "data.test_share"
    }  # fmt: skip
    assert "must be a number" in launcher.problems["optimizer.learning_rate"]
    assert launcher.values["optimizer.learning_rate"] == "1e-", "a reload shows what was typed"
    assert launcher.recipe == Recipe(), "the last one without a problem"
    refused = launcher.answer("launch", {})
    assert not refused["ok"] and "3 problems" in refused["error"]["message"]
    assert launcher.check({"optimizer.learning_rate": 1e-4, "budget.epochs": 0.0, "seed": 0}) == {}
    assert launcher.values == {"optimizer.learning_rate": 1e-4}, "defaults are left out"
    assert launcher.recipe.optimizer.learning_rate == 1e-4


def test_an_unknown_setting_is_refused(make: Callable[..., TrainingLauncher]) -> None:
    launcher = make()
    assert not launcher.answer("check", {"values": {"optimizer.lerning_rate": 1}})["ok"]
    with pytest.raises(RecipeError, match=r"optimizer\.learning_rate"):
        launcher.set(**{"optimizer.lerning_rate": 1e-4})
    with pytest.raises(RecipeError, match="at least 1"):
        launcher.set(seed=3, **{"optimizer.batch_size": 0})
    assert launcher.values == {}, "nothing is changed where one of them cannot work"


def test_driven_from_python(make: Callable[..., TrainingLauncher], tmp_path: Path) -> None:
    launcher = make(Recipe(seed=5))
    seen: list[Recipe] = []
    launcher.observe(lambda change: seen.append(change["new"]), names=["recipe"])
    made = launcher.set(**{"optimizer.learning_rate": 1e-4, "evaluation.slices": ("label",), "data.multi_label": False})
    assert made == launcher.recipe == seen[-1]
    assert launcher.values == {
        "seed": 5, "data.multi_label": False, "optimizer.learning_rate": 1e-4, "evaluation.slices": ["label"]
    }  # fmt: skip
    launcher.set(**{"data.multi_label": None, "seed": None})
    assert launcher.recipe.data.multi_label is None and launcher.recipe.seed == 0
    launcher.reset()
    assert launcher.recipe == Recipe(seed=5)
    with pytest.raises(LabError, match="Did you mean out="):
        make(ot="x")


def test_recipe_files(make: Callable[..., TrainingLauncher], tmp_path: Path) -> None:
    launcher = make(Recipe(seed=5))
    path = tmp_path / "mine.toml"
    assert launcher.answer("save", {"path": str(path)}) == {"ok": True, "value": str(path)}
    assert not launcher.answer("save", {"path": str(path)})["ok"], "nothing is overwritten unasked"
    launcher.set(seed=6)
    assert launcher.answer("save", {"path": str(path), "replace": True})["ok"]
    assert make(str(path)).recipe == Recipe(seed=6) == Recipe.load(path)
    other = make()
    other.load(path)
    other.set(seed=7)
    other.reset()
    assert other.recipe.seed == 6
    assert not other.answer("load", {"path": str(tmp_path / "none.toml")})["ok"]
    assert not other.answer("save", {"path": str(tmp_path / "x.txt")})["ok"]
    assert not other.answer("save", {"path": str(tmp_path / "no" / "x.toml")})["ok"]
    preview = other.preview()
    assert preview["toml"] == Recipe(seed=6).to_toml()
    assert preview["changes"] == [{"sign": "-", "text": "seed = 0"}, {"sign": "+", "text": "seed = 6"}]


def test_data_in_every_form(make: Callable[..., TrainingLauncher], toy_csv: Path) -> None:
    corpus = read(str(toy_csv))
    assert make(str(toy_csv)).recipe.data.train == str(toy_csv)
    assert make(toy_csv, model="minilm-l12").recipe.model.name == "minilm-l12"
    assert make(corpus).recipe.data == corpus.config == make(corpus.config).recipe.data
    assert settled(make(corpus.splits["train"].to_pandas()))["rows"]


# -- the forecast ------------------------------------------------------------------------------------------------------------


def test_the_forecast_follows_the_recipe(make: Callable[..., TrainingLauncher], toy_csv: Path, toy_model: Path) -> None:
    launcher = make(toy_csv)
    assert settled(launcher)["steps"] == 20 * 3, "few rows are passed 20 times unless something else is asked for"
    launcher.set(**{"budget.epochs": 8})
    first = settled(launcher)
    assert first["problem"] == "" and sum(first["rows"].values()) == 120
    assert first["seconds"] > 0 and first["memory_mb"] > 500 and first["precision"] in ("float32", "bf16")
    launcher.set(**{"budget.epochs": 16, "optimizer.batch_size": 8})
    second = settled(launcher)
    assert second["seconds"] > 1.5 * first["seconds"] and second["steps"] > 6 * first["steps"]
    launcher.set(**{"budget.max_steps": 5})
    assert settled(launcher)["steps"] == 5
    launcher.set(**{"model.name": str(toy_model)})
    assert settled(launcher)["memory_mb"] < second["memory_mb"], "a folder is read"
    assert "Assumed" in settled(make())["note"]


def test_the_forecast_knows_what_is_trained(make: Callable[..., TrainingLauncher], toy_csv: Path) -> None:
    """One pass forward and two back: a head whose inputs are kept costs one pass in all; adapters and top layers, less."""
    launcher = make(toy_csv)
    launcher.set(**{"budget.epochs": 10})
    full = settled(launcher)["seconds"]

    def share(**changes: Any) -> float:
        launcher.reset()
        launcher.set(**{"budget.epochs": 10, **changes})
        return float(settled(launcher)["seconds"]) / full

    assert share(**{"technique.trainable": "head"}) < 0.1
    assert 0.2 < share(**{"technique.trainable": "head", "technique.remember": False}) < 0.5
    assert share(**{"technique.trainable": "top", "technique.layers": 2}) < 0.8
    assert share(**{"technique.trainable": "lora"}) < 0.9
    assert 1.7 < share(**{"technique.r_drop": 1.0}) < 2.3
    assert 1.6 < share(**{"data.augment": ["typos"]}) < 2.4
    assert share(**{"model.layers": 3}) < 0.7


def test_the_forecast_says_how_much_is_trained(make: Callable[..., TrainingLauncher], toy_csv: Path) -> None:
    """What training said that it trains of the embedded model, without the head and the pooler: see RunStarted.trained."""
    launcher = make(toy_csv)
    assert settled(launcher)["trains"] == "all 22.7 million parameters (90.8 MB)"
    full = settled(launcher)["memory_mb"]
    for changes, said in (
        ({"technique.trainable": "lora"}, "about 330,000 of 22.7 million parameters (1.33 MB)"),
        ({"technique.trainable": "lora", "adapter.rank": 4}, "about 170,000 of 22.7 million parameters (0.664 MB)"),
        ({"technique.trainable": "bottleneck"}, "about 450,000 of"),
        ({"technique.trainable": "dora"}, "about 350,000 of"),
        ({"technique.trainable": "bias"}, "about 25,000 of"),
        ({"technique.trainable": "top", "technique.layers": 2}, "about 3.54 million of"),
        ({"technique.trainable": "head"}, "the new head alone, of 22.7 million parameters"),
    ):
        launcher.reset()
        launcher.set(**changes)
        found = settled(launcher)
        assert found["trains"].startswith(said)
        saved = full - found["memory_mb"]
        assert saved > 12 * 18, "neither gradients nor moments for what is not trained"
    assert "Trained: the new head alone" in launcher.face()


def test_the_forecast_counts_texts_of_names(make: Callable[..., TrainingLauncher], toy_csv: Path) -> None:
    launcher = make(toy_csv)
    before = settled(launcher)["rows"]["train"]
    launcher.set(**{"data.name_texts": 10})
    assert settled(launcher)["rows"]["train"] == before + 30
    launcher.values = {**launcher.values, "data.name_template": "no place"}
    assert any("name_template" in problem for problem in launcher.problems.values())


def test_changed_copies_are_shown_before_they_are_used(make: Callable[..., TrainingLauncher], toy_csv: Path) -> None:
    launcher = make(toy_csv)
    assert launcher.augmented() == []
    launcher.set(**{"data.augment": ["swap", "typos"], "data.augment_share": 0.3})
    shown = launcher.augmented(rows=2)
    assert [one["method"] for one in shown] == ["swap", "swap", "typos", "typos"]
    assert all(sorted(one["before"].split()) == sorted(one["after"].split()) for one in shown[:2])
    assert all(one["before"] != one["after"] for one in shown)
    launcher.values = {**launcher.values, "data.augment": ["substitute"]}
    assert any("augment_model" in problem for problem in launcher.problems.values())
    with pytest.raises(RecipeError, match="augment_model"):
        launcher.augmented()


def test_a_forecast_does_not_disturb_the_cells_behind_it() -> None:
    """``datasets`` looks into transformers while it selects rows: half imported by a thread, it failed there."""
    program = (
        "import sys; from labkit.widgets._forecast import Latest; latest = Latest(print); latest.give(1)\n"
        "assert sys.modules['transformers'].PreTrainedTokenizerBase"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=PATIENCE)


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"data.train": "toi.csv"}, "data.train", "no such file"),
        ({"data.text": "boddy"}, "data.text", "'boddy'"),
        ({"data.label": ["tpoic"]}, "data.label", "'tpoic'"),
        ({"evaluation.slices": ["colour"]}, "evaluation.slices", "'colour'"),
        ({"model.name": "minilmm"}, "model.name", "minilm"),
        ({"model.name": "/no/such/folder"}, "model.name", "/no/such/folder"),
    ],
)
def test_problems_of_data_and_model_belong_to_a_field(
    make: Callable[..., TrainingLauncher], toy_csv: Path, change: dict[str, Any], field: str, said: str
) -> None:
    launcher = make(toy_csv)
    launcher.set(**change)
    found = settled(launcher)
    assert found["field"] == field and said in found["problem"]
    answer = launcher.answer("launch", {})
    assert not answer["ok"] and said in answer["error"]["message"]
    assert launcher.run == "" and not Path(launcher.out).exists(), "nothing was begun"
    assert html.escape(found["problem"]) in launcher.face()


def test_hub_ids_are_not_fetched_while_typing(make: Callable[..., TrainingLauncher], empty_hub: Path) -> None:
    launcher = make("imdb", model="someone/some-model")
    found = settled(launcher)
    assert found["problem"] == "" and "hub id" in found["note"] and "seconds" not in found


# -- launching ---------------------------------------------------------------------------------------------------------------


def test_launching_and_coming_back(
    make: Callable[..., TrainingLauncher], toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    launcher = make(toy_recipe(toy_data, toy_model, budget={"epochs": 300}))
    directory = launcher.launch()
    assert launcher.run == directory and Path(directory).parent == tmp_path / "runs"
    run = attach(directory)
    assert run.status == launcher.progress["status"] == "running"
    assert run.recipe.data == launcher.recipe.data
    busy = launcher.answer("launch", {})
    assert not busy["ok"] and Path(directory).name in busy["error"]["message"]
    again = make(toy_recipe(toy_data, toy_model))
    assert again.run == directory, "another kernel finds the run that is at work"
    run.stop()
    assert run.wait(timeout=PATIENCE) == "stopped"
    until = time.monotonic() + 20
    while launcher.progress["status"] != "stopped":
        assert time.monotonic() < until
        time.sleep(0.05)
    third = make(toy_recipe(toy_data, toy_model, budget={"epochs": 300}))
    assert third.run == directory, "the same recipe finds the run that it began"
    assert make(toy_recipe(toy_data, toy_model)).run == ""


def test_a_busy_folder_is_refused_unless_asked_for(
    make: Callable[..., TrainingLauncher],
    toy_data: Path,
    toy_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = tmp_path / "runs" / "other"
    other.mkdir(parents=True)
    toy_recipe(toy_data, toy_model).save(other / "recipe.toml")
    _rundir.claim(other, os.getpid())
    begun: list[Path] = []

    def launch(recipe: Recipe, directory: Path) -> Run:
        begun.append(directory)
        directory.mkdir(parents=True)
        recipe.save(directory / "recipe.toml")
        return Run(directory)

    monkeypatch.setattr("labkit.training.launch", launch)
    launcher = make(toy_recipe(toy_data, toy_model))
    with pytest.raises(RunError, match="beside=True"):
        launcher.launch()
    assert not begun
    launcher.launch(beside=True)
    assert len(begun) == 1 and launcher.progress["status"] == "interrupted"


def test_there_must_be_data(make: Callable[..., TrainingLauncher]) -> None:
    answer = make().answer("launch", {})
    assert not answer["ok"] and "data.train" in answer["error"]["message"]


# -- jobs ------------------------------------------------------------------------------------------------------------------


def test_a_procedure_is_chosen_with_its_options(make: Callable[..., TrainingLauncher], toy_data: Path) -> None:
    launcher = make(toy_data)
    known = {one["name"]: one for one in launcher.procedures()}
    assert set(known) == {"train", *PROCEDURES} and json.loads(json.dumps(known)) == known
    assert [field["name"] for field in known["cross-validate"]["fields"]] == ["job.folds", "job.repeats"]
    assert launcher.trainings == 1
    launcher.choose("cross-validate", {"folds": 4, "repeats": 3})
    assert launcher.trainings == 12 and launcher.problems == {}
    launcher.options = {"folds": 1, "repeats": "x"}
    assert "at least 2" in launcher.problems["job.folds"] and "whole number" in launcher.problems["job.repeats"]
    answer = launcher.answer("launch", {})
    assert not answer["ok"] and "folds must be at least 2" in answer["error"]["message"]
    launcher.check({**launcher.values, "seed": -1})
    assert {"seed", "job.folds"} <= set(launcher.problems), "what is wrong in the recipe is there as well"
    launcher.choose("seeds")
    assert set(launcher.problems) == {"seed"} and launcher.options == {}
    with pytest.raises(UnknownName, match="cross-validate"):
        launcher.choose("crossvalidate")
    assert launcher.procedure == "seeds"


def test_a_job_is_launched_stopped_gone_on_with_and_used(
    make: Callable[..., TrainingLauncher],
    toy_data: Path,
    toy_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from labkit.training import _jobs

    at_work: list[Path] = []

    def start(directory: Path, stale: Any) -> None:
        _rundir.claim(directory, os.getpid())
        at_work.append(directory)

    def until(status: str) -> dict[str, Any]:
        ends = time.monotonic() + 20
        while launcher.standing.get("status") != status:
            assert time.monotonic() < ends, launcher.standing
            time.sleep(0.05)
        return dict(launcher.standing)

    monkeypatch.setattr(_jobs, "start", start)
    launcher = make(toy_recipe(toy_data, toy_model, budget={"epochs": 1}))
    launcher.choose("search", {"trials": 2, "space": "optimizer.learning_rate=0.001,0.01"})
    assert "seconds" in settled(launcher)
    directory = launcher.launch()
    assert launcher.job == directory and Path(directory).parent == tmp_path / "runs" and directory.endswith("-search")
    assert until("running")["title"] == "Hyperparameter search" and launcher.run == ""
    busy = launcher.answer("launch", {})
    assert not busy["ok"] and Path(directory).name in busy["error"]["message"], "one at a time"
    again = make(toy_recipe(toy_data, toy_model))
    assert (again.job, again.procedure, again.options["trials"]) == (directory, "search", 2), "another kernel finds it"
    assert not launcher.answer("take", {})["ok"], "nothing has been found yet"

    (Path(directory) / "process.json").unlink()
    assert "killed" in until("interrupted")["error"]
    launcher.resume_job()
    assert at_work == [Path(directory)] * 2
    (Path(directory) / "process.json").unlink()
    _jobs.work(Path(directory))
    launcher.job = ""
    launcher.job = directory
    done = until("completed")
    assert "best: trial" in done["text"] and set(done["settings"]) == {"optimizer.learning_rate"}
    launcher.take()
    assert str(launcher.recipe.optimizer.learning_rate) == done["settings"]["optimizer.learning_rate"]
    face = launcher._repr_html_()
    assert "Hyperparameter search" in face and "best: trial" in face
    assert not launcher.answer("stop_job", {})["ok"]


def test_what_is_not_trained_needs_no_recipe_that_trains(
    make: Callable[..., TrainingLauncher], tmp_path: Path, toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    monkeypatch.setattr("labkit.training.launch_job", lambda *args, **options: begun.append((args, options)) or args[1])
    texts = tmp_path / "raw.txt"
    texts.write_text("words without a label\n" * 20)
    launcher = make(Recipe.from_dict({"data": {"train": str(texts)}, "model": {"name": str(toy_model)}}))
    launcher.choose("cross-validate")
    refused = launcher.answer("launch", {})
    assert not refused["ok"] and not begun
    launcher.choose("adapt", {"method": "tsdae"})
    launcher.answer("launch", {})
    ((kind, recipe, place), options) = begun[0]
    assert (kind, options) == ("adapt", {"method": "tsdae"}) and recipe.data.train == str(texts)
    assert place.name.endswith("-adapt")


def test_the_cell_starts_the_same_job(
    make: Callable[..., TrainingLauncher], toy_data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun: list[Any] = []
    monkeypatch.setattr("labkit.training.launch_job", lambda *args, **options: begun.append((args, options)))
    launcher = make(toy_data, out=tmp_path / "elsewhere", procedure="cross-validate", options={"folds": 3})
    exec(launcher.code, {})  # noqa: S102
    (kind, recipe, place), options = begun[0]
    assert (kind, recipe, options) == ("cross-validate", launcher.recipe, {"folds": 3})
    assert place.parent == tmp_path / "elsewhere"


# -- faces -------------------------------------------------------------------------------------------------------------------


def test_the_cell_makes_the_same_recipe(
    make: Callable[..., TrainingLauncher], toy_data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun: list[Any] = []
    monkeypatch.setattr("labkit.training.launch", lambda *args: begun.append(args))
    for out in ("runs", tmp_path / "elsewhere"):
        launcher = make(toy_data, out=out)
        launcher.set(
            **{"seed": 3, "optimizer.learning_rate": 1e-4, "data.repairs": ["fix_mojibake"], "evaluation.slices": []}
        )
        assert "batch_size" not in launcher.code, "changed settings only"
        exec(launcher.code, {})  # noqa: S102
        assert begun[-1][0] == launcher.recipe
    assert begun[-1][1].parent == tmp_path / "elsewhere"


def test_texts_are_text(make: Callable[..., TrainingLauncher]) -> None:
    launcher = make()
    launcher.set(**{"data.train": "<img src=x onerror=alert(1)>"})
    settled(launcher)
    face = launcher._repr_html_()
    assert "<img" not in face and "&lt;img" in face
    assert "All settings" in make().face()
