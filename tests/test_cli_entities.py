"""The ``labkit`` command on tagged sentences: check, train, evaluate, predict, and what it says to the wrong task."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from toys import FILLER, WORDS

from labkit import cli

TRAINING = (
    "--set", "optimizer.learning_rate=1e-2", "--set", "optimizer.batch_size=16", "--set", "budget.epochs=12",
    "--set", "budget.precision=float32", "--set", "budget.threads=1", "--set", "evaluation.resamples=100",
    "--set", 'evaluation.slices=["document"]',
)  # fmt: skip


def conll(path: Path, sentences: int, seed: int) -> Path:
    """Sentences in two documents in which foods and ways of travelling are tagged."""
    chooser = random.Random(seed)
    lines = []
    for i in range(sentences):
        if i % (sentences // 2) == 0:
            lines += ["-DOCSTART- O", ""]
        for _ in range(chooser.randint(4, 9)):
            topic = chooser.choice(["", "", "food", "travel"])
            lines.append(f"{chooser.choice(WORDS[topic] if topic else FILLER)} {f'B-{topic}' if topic else 'O'}")
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def home(toy_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tagged sentences and a run that learned them, made with the command."""
    folder = tmp_path_factory.mktemp("entities")
    train, test = conll(folder / "train.conll", 150, 0), conll(folder / "test.conll", 40, 1)
    command = ["train", train, "--test", test, "--task", "token-classification", "--model", toy_model, *TRAINING]
    assert cli.main([str(part) for part in (*command, "--out", folder / "run")]) == 0
    return folder


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli.main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def test_the_run_is_shown_with_its_own_figures(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "evaluate", home / "run")
    assert code == 0 and out.startswith("Evaluated on 40 rows with ")
    for words in ("entities of 2 types", "most frequent tag", "approximate randomization", "By document"):
        assert words in out
    code, out, _ = said(capsys, "evaluate", home / "run", "--json")
    assert json.loads(out)["headline"]["f1"]["value"] > 0.9
    code, out, _ = said(capsys, "runs", home)
    assert code == 0 and "F1" in out and "Accuracy" not in out


def test_it_is_evaluated_on_other_sentences(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = conll(tmp_path / "other.conll", 20, 7)
    code, out, _ = said(capsys, "evaluate", home / "run", other)
    assert code == 0 and "Evaluated on 20 rows" in out
    strange = tmp_path / "strange.conll"
    strange.write_text("Rome B-PLACE\nis O\n\n", encoding="utf-8")
    code, _, err = said(capsys, "evaluate", home / "run", strange)
    assert code == 1 and "labels that the model knows" in err and "PLACE" in err


def test_plain_texts_are_labelled(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "new.csv"
    source.write_text("text\nthe soup and my train\nvery again today\n", encoding="utf-8")
    code, _, err = said(capsys, "predict", home / "run", source)
    assert code == 1 and "--text" in err, "the run's data calls its column otherwise"
    out = tmp_path / "out.jsonl"
    code, _, err = said(capsys, "predict", home / "run", source, "--text", "text", "--out", out)
    assert code == 0 and "2 rows labelled" in err
    first, second = (json.loads(line) for line in out.read_text("utf-8").splitlines())
    assert [(span["text"], span["label"]) for span in first["predicted"]] == [("soup", "food"), ("train", "travel")]
    assert first["text"][slice(first["predicted"][0]["start"], first["predicted"][0]["end"])] == "soup"
    assert second["predicted"] == []
    code, shown, _ = said(capsys, "predict", home / "run", source, "--text", "text")
    assert code == 0 and '""label"": ""food""' in shown, "a list in a CSV cell is JSON"


def test_check_knows_tags(home: Path, toy_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "check", home / "train.conll", "--task", "token-classification", "--model", toy_model)
    assert code == 0 and "food" in out and "Tags in the scheme" in err


def test_the_wrong_task_is_told_the_right_one(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, "check", home / "train.conll")
    assert code == 1 and "--task token-classification" in err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Rome B-PLACE\nis\n", ("line 2", "column")),
        ("Rome B-PLACE\nParis BPLACE\nis O\n", ("BPLACE",)),
        ("\n\n", ("no rows", "empty", "none", "without")),
    ],
)
def test_broken_tags_are_plain_errors(
    content: str, words: Any, tmp_path: Path, toy_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.conll"
    path.write_text(content, encoding="utf-8")
    code, _, err = said(capsys, "train", path, "--task", "token-classification", "--model", toy_model, "--out",
                        tmp_path / "run")  # fmt: skip
    assert code == 1 and any(word in err for word in words) and "broken.conll" in err
    assert "Traceback" not in err and not (tmp_path / "run").exists()
