"""The command line: answers on standard output, all else on standard error, and an exit code that tells the truth."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from toys import toy_recipe, toy_rows, write_csv

import labkit
from labkit import cli
from labkit.cli import _parser, _terminal
from labkit.data import sample_path
from labkit.events import Evaluated
from labkit.models import catalogue
from labkit.training import Recipe, Run


class Said:
    """What a command answered."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> Said:
        capsys.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture
def recipe_file(toy_data: Path, toy_model: Path, tmp_path: Path) -> Path:
    return Path(toy_recipe(toy_data, toy_model, budget={"epochs": 1}).save(tmp_path / "asked.toml"))


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        (["--help"], "labkit tour"),
        (["--version"], labkit.__version__),
        (["train", "--help"], "--set"),
    ):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert caught.value.code == 0
        assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["train", "--sett", "x"], ["predict", "run"], ["models", "--minutes", "x"]]
)
def test_a_wrong_command_line_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert said.out == "" and "usage: labkit" in said.err


def test_every_command_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    out = capsys.readouterr().out
    for name in ("tour", "lab", "models", "check", "train", "evaluate", "predict", "runs", "doctor"):
        assert f"\n    {name} " in out


def test_train(say: Any, recipe_file: Path, tmp_path: Path) -> None:
    home = tmp_path / "run"
    said = say("train", "--recipe", recipe_file, "--out", home, "--set", "seed=3", "--set", "optimizer.batch_size=32")
    assert said.code == 0
    assert "Accuracy" in said.out and f"labkit predict {home}" in said.out
    assert "training" in said.err and "epoch 1.0: " in said.err and "training" not in said.out
    run = Run(home)
    assert run.status == "completed"
    assert (run.recipe.seed, run.recipe.optimizer.batch_size) == (3, 32)


def test_train_in_json(say: Any, toy_data: Path, toy_model: Path, recipe_file: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "own.csv", [{"body": r["text"], "kind": r["topic"]} for r in toy_rows(90)])
    said = say(
        "train", source, "--test", source, "--text", "body", "--label", "kind", "--recipe", recipe_file, "--model", toy_model,
        "--out", tmp_path / "run", "--json",
    )  # fmt: skip
    assert said.code == 0
    answer = said.json
    assert {"run", "directory", "status", "task", "model", "data", "seed", "seconds", "metrics", "evaluation"} <= set(
        answer
    )
    assert answer["status"] == "completed" and answer["directory"] == str(tmp_path / "run")
    assert 0 <= answer["metrics"]["accuracy"] <= 1 and answer["evaluation"]["n"] == 90
    recipe = Run(tmp_path / "run").recipe
    assert (recipe.data.text, recipe.data.label, recipe.data.test) == ("body", ("kind",), str(source))


def test_options_go_before_the_recipe_file_and_its_fingerprint(say: Any, toy_run: Run, tmp_path: Path) -> None:
    """The recipe of a run, on other data: what it noted of its own data must not stand in the way."""
    test = write_csv(tmp_path / "test.csv", toy_rows(30, seed=8))
    asked = ("train", "--recipe", toy_run.directory / "recipe.toml", "--set", "budget.epochs=0.2", "--json")
    said = say(*asked, "--test", test, "--out", tmp_path / "other-test")
    assert said.code == 0 and said.json["evaluation"]["n"] == 30
    assert say(*asked, write_csv(tmp_path / "more.csv", toy_rows(60)), "--out", tmp_path / "other-data").code == 0


def test_all_that_is_wrong_with_the_settings_is_said_at_once(say: Any, toy_data: Path, tmp_path: Path) -> None:
    wrong = ("train", toy_data, "--out", tmp_path / "run", "--set", "optimizer.learning_rat=1", "--set", "budget.epochs=-1",
             "--task", "text-clasification")  # fmt: skip
    said = say(*wrong)
    assert said.code == 1 and said.out == ""
    for part in ("3 problems", "'learning_rate'", "budget.epochs must be at least", "'text-classification'"):
        assert part in said.err
    answer = say(*wrong, "--json")
    assert answer.code == 1
    assert answer.json["error"]["type"] == "RecipeError" and len(answer.json["error"]["problems"]) == 3
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train"], "DATA, --recipe or --resume"),
        (["train", "none.csv"], "none.csv"),
        (["train", "--recipe", "none.toml"], "no recipe file"),
        (["train", "none.csv", "--set", "seed"], "section.setting=value"),
        (["train", "--resume", "none"], "no such folder"),
        (["train", "--resume", "none", "--detach"], "no such folder"),
        (["check", "none.csv"], "none.csv"),
        (["evaluate", "none"], "no such folder"),
        (["predict", "none", "none.csv"], "no such folder"),
        (["models", "robertabase"], "Did you mean 'roberta-base'"),
        (["models", "gpt-3"], "never published"),
        (["models", "--task", "sing"], "Valid names:"),
        (["runs", "--stop", "none"], "no such folder"),
        (["runs", "none"], "no such folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_plain_and_end_with_1(
    arguments: list[str], said: str, say: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = say(*arguments)
    assert answer.code == 1 and answer.out == ""
    assert said in answer.err and "Traceback" not in answer.err
    assert answer.err.splitlines()[-1].startswith(("labkit: ", "  1. "))
    assert list(tmp_path.iterdir()) == [], "a mistake leaves nothing behind"
    if arguments[0] != "predict":
        in_json = say(*arguments, "--json")
        assert in_json.code == 1
        assert said in in_json.json["error"]["message"] and in_json.json["error"]["type"]


def test_ctrl_c_saves_and_resume_goes_on(
    say: Any, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = _terminal.Progress.__call__

    def press(self: Any, event: Any) -> None:
        told(self, event)
        if isinstance(event, Evaluated) and event.step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    home = tmp_path / "run"
    monkeypatch.setattr(_terminal.Progress, "__call__", press)
    said = say("train", "--recipe", recipe_file, "--set", "evaluation.every=0.5", "--out", home, "--json")
    assert said.code == 130
    assert said.json["status"] == "stopped"
    assert f"labkit train --resume {home}" in said.err
    assert "stopped" in say("runs", tmp_path).out
    monkeypatch.undo()
    again = say("train", "--resume", home, "--json")
    assert again.code == 0 and again.json["status"] == "completed"
    assert "from step" in again.err
    done = say("train", "--resume", home)
    assert done.code == 1 and "completed" in done.err


def test_training_in_the_background(say: Any, recipe_file: Path, tmp_path: Path) -> None:
    home = tmp_path / "run"
    said = say("train", "--recipe", recipe_file, "--out", home, "--set", "budget.epochs=500", "--detach", "--json")
    assert said.code == 0
    assert said.json == {"directory": str(home), "status": "running"}
    assert say("runs", tmp_path, "--json").json[0]["status"] == "running"
    busy = say("train", "--resume", home)
    assert busy.code == 1 and "at work in it" in busy.err
    stopped = say("runs", "--stop", home, "--json")
    assert stopped.code == 0 and stopped.json == {"directory": str(home), "status": "stopped"}
    assert f"labkit train --resume {home}" in say("runs", tmp_path).out


def test_runs(say: Any, toy_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = say("runs", toy_run.directory.parent)
    assert said.code == 0
    assert "toy-run" in said.out and "completed" in said.out
    (row,) = say("runs", toy_run.directory.parent, "--json").json
    assert {"run", "directory", "status", "task", "model", "data", "seed", "started", "seconds", "metrics"} <= set(row)
    assert row["metrics"]["accuracy"] == toy_run.evaluation.headline["accuracy"].value
    assert [row["run"] for row in say("runs", toy_run.directory, "--json").json] == ["toy-run"]
    monkeypatch.chdir(tmp_path)
    assert "No runs in runs" in say("runs").out
    assert say("runs", "--json").json == []


def test_a_damaged_run_does_not_hide_the_others(say: Any, toy_run: Run, tmp_path: Path) -> None:
    (tmp_path / "sound").symlink_to(toy_run.directory)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "recipe.toml").write_text("seed = ")
    rows = {row["run"]: row for row in say("runs", tmp_path, "--json").json}
    assert rows["sound"]["status"] == "completed"
    assert rows["broken"]["status"] == "damaged" and "TOML" in rows["broken"]["error"]
    said = say("runs", tmp_path)
    assert said.code == 0 and "damaged" in said.out and "completed" in said.out


def test_evaluate(say: Any, toy_run: Run, tmp_path: Path) -> None:
    said = say("evaluate", toy_run.directory)
    assert said.code == 0 and said.out.rstrip() == str(toy_run.evaluation).rstrip()
    assert say("evaluate", toy_run.directory, "--json").json == json.loads(json.dumps(toy_run.evaluation.to_dict()))
    later = write_csv(tmp_path / "later.csv", toy_rows(45, seed=3))
    answer = say("evaluate", toy_run.directory, later, "--json")
    assert answer.code == 0 and answer.json["n"] == 45
    assert answer.json["headline"]["accuracy"]["value"] > 0.6
    assert "45 rows" in say("evaluate", toy_run.directory, later).out


def test_predict_to_standard_output(say: Any, toy_run: Run, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "new.csv", [{"text": row["text"]} for row in toy_rows(5)])
    said = say("predict", toy_run.directory, source)
    assert said.code == 0
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert len(rows) == 5 and {"row_id", "text", "predicted", "confidence", "p_food"} <= set(rows[0])
    assert "5 rows labelled" in said.err


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_predict_to_a_file(suffix: str, say: Any, toy_run: Run, toy_data: Path, tmp_path: Path) -> None:
    target = tmp_path / f"out{suffix}"
    said = say("predict", toy_run.directory, toy_data, "--out", target)
    assert (said.code, said.out) == (0, "")
    assert f"120 rows labelled in {target}" in said.err
    if suffix == ".parquet":
        count = pq.read_table(target).num_rows
    elif suffix == ".csv":
        with target.open(newline="") as file:
            count = len(list(csv.DictReader(file)))
    else:
        count = len([json.loads(line) for line in target.read_text("utf-8").splitlines()])
    assert count == 120


def test_check(say: Any, toy_model: Path, tmp_path: Path) -> None:
    rows = toy_rows(60)
    rows += [{**rows[0], "id": "again"}, {**rows[1], "id": "empty", "text": " "}]
    source = write_csv(tmp_path / "data.csv", rows)
    said = say("check", source, "--model", toy_model)
    assert said.code == 0
    assert "topic" in said.err, "how the file was understood goes to standard error"
    answer = say("check", source, "--model", toy_model, "--json")
    assert answer.code == 0
    assert {"empty_text", "exact_duplicates"} <= {finding["name"] for finding in answer.json["findings"]}
    assert "60" in said.out or "62" in said.out


def test_models(say: Any, empty_hub: Path) -> None:
    said = say("models")
    assert said.code == 0
    assert all(card.name in said.out for card in catalogue())
    assert "gpt-3 (instead: gpt2" in said.out
    rows = say("models", "--json").json
    assert len(rows) == len(catalogue())
    assert [row["name"] for row in rows if row["offline"]] == ["minilm"]
    assert {"name", "hub_id", "family", "parameters_m", "licence", "tasks", "offline"} <= set(rows[0])
    assert [row["name"] for row in say("models", "--offline", "--json").json] == ["minilm"]
    only = say("models", "--task", "translation", "--json").json
    assert only and all("translation" in row["tasks"] for row in only)
    card = say("models", "RoBERTa-base")
    assert card.code == 0 and "FacebookAI/roberta-base" in card.out
    assert say("models", "roberta-base", "--json").json["hub_id"] == "FacebookAI/roberta-base"


def test_models_for_data(say: Any, toy_data: Path, empty_hub: Path) -> None:
    said = say("models", "--for", toy_data, "--offline")
    assert said.code == 0 and said.out.startswith("1. minilm: ")
    (row,) = say("models", "--for", toy_data, "--offline", "--minutes", "3", "--json").json
    assert row["name"] == "minilm" and row["offline"] is True
    assert row["forecast"]["seconds"] > 0 and "within your 3 min" in " ".join(row["reasons"])


def test_models_for_data_of_other_tasks(say: Any, empty_hub: Path) -> None:
    found = say("models", "--for", sample_path("phrasebook"), "--task", "translation", "--json").json
    assert {"t5-small", "flan-t5-small"} <= {row["name"] for row in found}
    said = say("models", "--for", sample_path("garden"), "--task", "text-generation", "--offline")
    assert said.code == 0 and "No model of the catalogue for text-generation is on this machine" in said.out
    assert "starter:gpt2" in said.out and "Untrained" in said.out and "starter:bert" not in said.out


def test_doctor(say: Any, empty_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = say("doctor", "--json")
    found = {row["what"]: row for row in said.json}
    assert all(set(row) == {"what", "ok", "came", "do", "needed"} for row in said.json)
    assert {"Python", "packages", "machine", "precision", "embedded model", "sample data", "disk", "model hub"} <= set(
        found
    )
    assert (
        found["Python"]["ok"]
        and found["packages"]["ok"]
        and found["embedded model"]["ok"]
        and found["sample data"]["ok"]
    )
    assert not found["model hub"]["ok"] and not found["model hub"]["needed"], "a network is a convenience"
    assert said.code == (0 if all(row["ok"] for row in said.json if row["needed"]) else 1)
    assert all(row["do"] for row in said.json if not row["ok"])


def test_doctor_finds_what_is_broken(say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from labkit.tours import Examined

    bad = [Examined(what="disk", ok=False, came="0 GB free here", do="free some space")]
    monkeypatch.setattr("labkit.tours.examine", lambda: bad)
    said = say("doctor")
    assert said.code == 1
    assert "FAIL  disk: 0 GB free here" in said.out and "free some space" in said.out


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "labkit.cli", "models"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1
    assert said == ""


def test_the_recipe_of_the_help_is_one(say: Any) -> None:
    """Every setting that the help's examples name exists."""
    names = [word for text in _parser._EPILOG.values() for word in text.split() if "=" in word and "." in word]
    assert names
    for name in names:
        from labkit.training import parse_set

        setting, _, value = name.strip('"').partition("=")
        Recipe.from_dict(parse_set([f"{setting}={value.split(',')[0].split('..')[0]}"]))
