"""The command line with pairs of texts, scores and label journals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toys import toy_rows, write_csv

from labkit.cli import main
from labkit.data import Journal
from labkit.training import Recipe, Run


@pytest.fixture()
def strange(tmp_path: Path) -> Path:
    """Pairs of texts whose columns nobody could guess."""
    rows = [
        {"id": row["id"], "one": row["text"], "other": f"{row['text']} again", "topic": row["topic"]}
        for row in toy_rows()
    ]
    return write_csv(tmp_path / "strange.csv", rows)


def test_the_second_text_is_named(
    strange: Path, toy_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ["--text", "one", "--text-pair", "other"]
    assert main(["check", str(strange), *named, "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["paired"] is True and "Second text column 'other': as asked." in said.err

    small = ["--set", "budget.max_steps=2", "--set", "evaluation.baselines=false", "--set", "budget.threads=1"]
    out = tmp_path / "run"
    assert main(["train", str(strange), *named, "--model", str(toy_model), *small, "--out", str(out)]) == 0
    assert Run(out).recipe.data.text_pair == "other"
    capsys.readouterr()

    elsewhere = write_csv(
        tmp_path / "elsewhere.csv", [{"a": r["text"], "b": r["text"], "topic": r["topic"]} for r in toy_rows(30)]
    )
    assert main(["evaluate", str(out), str(elsewhere), "--text", "a", "--text-pair", "b", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 30
    assert main(["evaluate", str(out), str(elsewhere), "--text", "a"]) == 1
    assert "name the column with --text-pair" in capsys.readouterr().err.lower()
    assert main(["evaluate", str(out), str(elsewhere), "--text", "a", "--text-pair", "c"]) == 1
    assert "'c'" in capsys.readouterr().err
    assert main(["evaluate", str(out), "--text-pair", "b"]) == 1
    assert "--text-pair" in capsys.readouterr().err
    assert main(["train", "--resume", str(out), "--text-pair", "b"]) == 1
    assert "--text-pair as well" in capsys.readouterr().err


def test_a_run_of_single_texts_takes_no_pairs(toy_run: Run, strange: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(toy_run.directory), str(strange), "--text", "one", "--text-pair", "other"]) == 1
    assert "trained on pairs of texts" in capsys.readouterr().err


def test_the_context_of_a_question_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[Any] = [{"ask": f"who is {i}", "page": f"Ada is {i}", "answers": "Ada"} for i in range(6)]
    path = write_csv(tmp_path / "asked.csv", rows)
    named = ["--text", "ask", "--text-pair", "page", "--label", "answers"]
    assert main(["check", str(path), "--task", "question-answering", *named, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["paired"] is True


def test_scores_or_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_csv(tmp_path / "s.csv", [{"text": f"a text {i}", "stars": f"{i % 5 + 1}"} for i in range(40)])
    assert main(["check", str(path), "--json"]) == 0
    said = capsys.readouterr()
    assert (
        json.loads(said.out)["label_count"] == 5 and "To come close to the numbers instead, say --scores." in said.err
    )
    assert main(["check", str(path), "--scores", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"]["train"]["max"] == 5
    assert main(["check", str(path), "--scores", "--task", "token-classification"]) == 1
    assert "--task text-classification beside --scores" in capsys.readouterr().err


def test_what_scores_says_goes_into_the_recipe(
    tmp_path: Path, toy_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"text": row["text"], "stars": str(i % 5 + 1)} for i, row in enumerate(toy_rows(60))]
    path, out = write_csv(tmp_path / "s.csv", rows), tmp_path / "run"
    small = ["--set", "budget.max_steps=2", "--set", "evaluation.baselines=false", "--set", "budget.threads=1"]
    assert main(["train", str(path), "--scores", "--model", str(toy_model), *small, "--out", str(out), "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert Recipe.load(out / "recipe.toml").data.scores is True and "rmse" in done["metrics"]
    assert main(["evaluate", str(out)]) == 0
    assert "rows with scores from 1 to 5" in capsys.readouterr().out
    assert main(["runs", str(tmp_path)]) == 0
    listed = capsys.readouterr().out
    assert "completed" in listed and "%" not in listed, "a correlation is no share"


def test_label_journals_for_checking_and_evaluating(
    toy_run: Run, toy_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unlabelled = write_csv(
        tmp_path / "new.csv", [{"id": row["id"], "text": row["text"]} for row in toy_rows(12, seed=3)]
    )
    journal = Journal(unlabelled, who="ana")
    for row in toy_rows(12, seed=3)[:9]:
        journal.add(row["id"], row["topic"])
    assert main(["check", str(unlabelled), "--labels", str(journal.path), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["label_count"] == 3 and "Applied the decisions of 'ana'" in said.err
    assert main(["check", str(unlabelled)]) == 1
    capsys.readouterr()

    assert main(["evaluate", str(toy_run.directory), str(unlabelled), "--labels", str(journal.path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["n"], result["skipped"]) == (9, 3)
    assert main(["evaluate", str(toy_run.directory), "--labels", str(journal.path)]) == 1
    assert "--labels" in capsys.readouterr().err

    corrected = Journal(toy_csv, who="ben")
    for row in toy_rows():
        corrected.add(row["id"], "sport")
    assert main(["evaluate", str(toy_run.directory), str(toy_csv), "--labels", str(corrected.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["accuracy"] < 0.5, "the journal's labels count"
