"""The playground without a browser."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from labkit.errors import LabError, RunError
from labkit.training import Run
from labkit.widgets import Playground


@pytest.fixture()
def run(toy_run: Run, tmp_path: Path) -> Run:
    """A copy, as pinned texts are kept in the run directory."""
    return Run(shutil.copytree(toy_run.directory, tmp_path / "copy"))


def test_the_model_is_loaded_at_the_first_prediction(run: Run) -> None:
    play = Playground(run)
    states: list[str] = []
    play.observe(lambda change: states.append(change["new"]), names=["state"])
    assert play.state == "idle" and play.models == [{"name": "copy", "labels": [], "scratch": None}]
    (result,) = play.answer("predict", {"texts": ["goal match team"]})["value"]
    assert states == ["loading", "ready"]
    play.predict("soup")
    assert states == ["loading", "ready"], "once"
    labels = play.models[0]["labels"]
    (said,) = result["models"]
    assert said["labels"] == ["sport"] and len(said["probabilities"]) == len(labels) == 3
    assert said["confidence"] == pytest.approx(max(said["probabilities"]), abs=1e-4)
    assert labels[said["probabilities"].index(max(said["probabilities"]))] == "sport"


def test_what_the_tokenizer_sees(run: Run) -> None:
    play = Playground(run)
    short, long = play.predict(["goal match", "goal " * 500])
    assert short["tokens"] == 4 <= short["limit"], "two words between [CLS] and [SEP]"
    assert long["tokens"] == 502 > long["limit"]


def test_pins_are_kept(run: Run) -> None:
    play = Playground(run)
    play.text = "goal match team"
    assert play.pin() == 0
    assert play.answer("pin", {"text": "soup bread salt"})["value"] == 1
    assert play.pin("goal match team") == 0, "the same text is pinned once"
    play.edit(1, "train ticket hotel")
    assert [pin["models"][0]["labels"] for pin in play.pins] == [["sport"], ["travel"]]
    again = Playground(run)
    assert again.pins == play.pins and again.models == play.models and again.state == "idle"
    again.unpin(0)
    assert [pin["text"] for pin in Playground(run).pins] == ["train ticket hotel"]
    again.unpin()
    assert again.pins == [] == Playground(run).pins
    for name, arguments in (("unpin", {"i": 3}), ("pin", {"text": " "}), ("edit", {"i": -1, "text": "x"})):
        assert not play.answer(name, arguments)["ok"]


def test_a_damaged_file_of_pins_is_no_obstacle(run: Run) -> None:
    (run.directory / "playground.json").write_text('{"": {"pins": 3')
    play = Playground(run)
    assert play.pins == [] and play.error == ""
    play.pin("goal")
    assert len(Playground(run).pins) == 1


def test_two_models_side_by_side(run: Run, short_run: Run) -> None:
    play = Playground(run, compare=short_run, keep=False)
    (result,) = play.predict(["goal match team"])
    assert [model["name"] for model in play.models] == ["copy", "short-run"]
    assert len(result["models"]) == 2
    assert result["models"][0]["probabilities"] != result["models"][1]["probabilities"]
    play.pin("goal")
    assert not (run.directory / "playground.json").exists(), "keep=False"


def test_what_it_refuses(run: Run, tmp_path: Path) -> None:
    play = Playground(run)
    assert "labkit predict" in play.answer("predict", {"texts": ["x"] * 1001})["error"]["message"]
    assert "item 2" in play.answer("predict", {"texts": ["a", None]})["error"]["message"]
    assert play.predict([]) == []
    with pytest.raises(LabError, match="Did you mean text"):
        Playground(run, tex="x")
    shutil.rmtree(run.directory / "model")
    with pytest.raises(RunError):
        Playground(run)


def test_the_face_and_the_cell(run: Run) -> None:
    play = Playground(run, keep=False, text="soup", lines=True)
    play.pin("<script>alert(1)</script>")
    assert "<script>" not in play._repr_html_() and "&lt;script&gt;" in play._repr_html_()
    found: dict[str, Any] = {}
    exec(compile(play.code, "cell", "exec"), found)  # noqa: S102
    again = found["play"]
    assert (again.text, again.lines) == ("soup", True)
    assert [pin["text"] for pin in again.pins] == ["<script>alert(1)</script>"]
