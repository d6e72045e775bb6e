"""The playground of models that answer, write and fill masks, without a browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from toys import toy_recipe, toy_rows, write_csv
from written import tiny_run

from labkit.errors import LabError, UnknownName
from labkit.training import Run, train
from labkit.widgets import Playground

CONTEXT = "😀 the very soup my train ."
HOSTILE = "<script>alert(1)</script>"
EPOCHS = {"answers": 30, "translation": 3, "chat": 2, "masks": 2}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tasks")


@pytest.fixture(scope="module")
def runs(home: Path) -> dict[str, Run]:
    return {kind: tiny_run(kind, home, epochs=epochs) for kind, epochs in EPOCHS.items()}


@pytest.fixture()
def copied(runs: dict[str, Run], tmp_path: Path) -> Any:
    """Copies, as pinned texts are kept in the run directory."""
    return lambda kind: Run(shutil.copytree(runs[kind].directory, tmp_path / kind))


def value(play: Playground, name: str, **arguments: Any) -> Any:
    answer = play.answer(name, arguments)
    assert answer["ok"], answer
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer, "what the browser gets is JSON"
    return answer["value"]


def again(play: Playground) -> Playground:
    found: dict[str, Any] = {}
    exec(compile(play.code, "cell", "exec"), found)  # noqa: S102
    other: Playground = found["play"]
    return other


def test_each_run_has_its_view(runs: dict[str, Run], toy_run: Run) -> None:
    made = {kind: Playground(run, keep=False) for kind, run in runs.items()}
    views = {kind: (play.view, play.asks, play.paired) for kind, play in made.items()}
    assert views == {
        "answers": ("answers", "Question", True),
        "translation": ("written", "Source text", False),
        "chat": ("written", "Message to the model", False),
        "masks": ("masks", "Text with masks", False),
    }
    for kind, play in made.items():
        assert play.models[0]["scratch"] == rows_of(runs[kind])
    assert Playground(toy_run, keep=False).models[0]["scratch"] is None
    with pytest.raises(LabError, match="two runs of one task"):
        Playground(runs["chat"], compare=runs["translation"])


def rows_of(run: Run) -> int:
    return next(event.rows["train"] for event in run.events() if hasattr(event, "rows"))


# -- answers -------------------------------------------------------------------------------------------------------------------


def test_answers_with_what_else_they_could_be(runs: dict[str, Run]) -> None:
    play = Playground(runs["answers"], keep=False)
    found, none = value(play, "predict", texts=["which food ?", "which map ?"], seconds=CONTEXT)
    said = found["models"][0]
    assert said["answer"] == {"start": 11, "end": 15, "text": "soup"}, "code points, not UTF-16 units"
    assert found["second"] == CONTEXT and found["note"] == ""
    for one in said["alternatives"]:
        assert CONTEXT[one["start"] : one["end"]] == one["text"]
    best = said["alternatives"][0]
    assert best["text"] == "soup" and best["confidence"] == pytest.approx(said["confidence"], abs=1e-4)
    assert said["none"] + sum(one["confidence"] for one in said["alternatives"]) <= 1.001
    silent = none["models"][0]
    assert silent["answer"] is None and silent["gap"] > silent["threshold"]
    assert silent["confidence"] == pytest.approx(silent["none"], abs=1e-4) and silent["none"] > 0.5


def test_long_contexts_and_long_questions(runs: dict[str, Run]) -> None:
    play = Playground(runs["answers"], keep=False)
    (long,) = value(play, "predict", texts="which food ?", seconds=f"{'it was a ' * 60}soup my train .")
    assert long["tokens"] > long["limit"] and long["note"] == "", "windows read all of it"
    (asked,) = value(play, "predict", texts="which food is it " * 20, seconds=CONTEXT)
    assert "question" in asked["note"] and "not read" in asked["note"]
    (blank,) = value(play, "predict", texts="which food ?", seconds="\u200b")
    assert blank["models"][0]["answer"] is None and blank["models"][0]["gap"] is None
    refused = play.answer("predict", {"texts": ["which food ?"], "seconds": " "})
    assert not refused["ok"] and "context" in refused["error"]["message"]


def test_pinned_questions(copied: Any) -> None:
    run = copied("answers")
    play = Playground(run, text="which food ?", second=CONTEXT)
    assert play.pin() == 0 == play.pin("which food ?", CONTEXT)
    play.pin("which map ?", CONTEXT + HOSTILE)
    play.edit(1, "which food ?")
    assert play.pins[1]["second"] == CONTEXT + HOSTILE and play.pins[1]["models"][0]["answer"] is not None
    assert Playground(run).pins == play.pins and Playground(run).models == play.models
    face = play._repr_html_()
    assert "<script>" not in face and "&lt;script&gt;" in face and "<mark" in face
    assert (again(play).text, again(play).second) == ("which food ?", CONTEXT)


# -- writing -------------------------------------------------------------------------------------------------------------------


def test_what_is_written_and_how(runs: dict[str, Run]) -> None:
    play = Playground(runs["translation"], keep=False)
    assert play.usual == {"max_new_tokens": 16, "beams": 1}, "known before the model is loaded"
    (result,) = value(play, "predict", texts="monday and friday")
    (said,) = result["models"]
    assert said["how"] == play.usual and len(said["texts"]) == 1 and said["seconds"] > 0
    assert "monday and friday" in said["read"]
    play.writing = {"max_new_tokens": 2, "beams": 3}
    (short,) = value(play, "predict", texts="monday and friday")
    assert short["models"][0]["how"] == short["writing"] == play.writing
    assert short["models"][0]["texts"][0]["tokens"] <= 2
    (long,) = value(play, "predict", texts="monday and " * 60)
    assert "last" in long["note"] and "not read" in long["note"] and "and monday" in long["note"], "what, and where"


def test_drawn_texts(runs: dict[str, Run]) -> None:
    play = Playground(runs["chat"], keep=False, writing={"samples": 3, "temperature": 2.0, "seed": 1})
    first = value(play, "predict", texts="monday friday")
    assert len(first[0]["models"][0]["texts"]) == 3
    assert first[0]["models"][0]["read"] == "User: monday friday\nAssistant:", "with the chat template"
    assert play.predict("monday friday") is play.predict("monday friday"), "a view that opens again does not write anew"
    play.writing = {**play.writing, "seed": 2}
    assert play.predict("monday friday")[0]["models"] != first[0]["models"]
    (long,) = value(play, "predict", texts="monday " * 100)
    assert "first" in long["note"] and "not read" in long["note"]


def test_settings_that_cannot_work(runs: dict[str, Run], toy_run: Run) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'temperature'"):
        Playground(runs["chat"], writing={"temprature": 1.0})
    with pytest.raises(LabError, match="top_p"):
        Playground(runs["chat"], writing={"top_p": 3})
    with pytest.raises(LabError, match="writes texts"):
        Playground(toy_run, writing={"beams": 2}, keep=False)
    play = Playground(runs["chat"], keep=False)
    play.writing = {"samples": 2, "beams": 2}
    assert "beams or samples" in play.answer("predict", {"texts": ["monday"]})["error"]["message"]
    play.writing = {"max_new_tokens": 4000}
    assert "max_new_tokens" in play.answer("predict", {"texts": ["monday"]})["error"]["message"]
    play.writing = {"samples": 20}
    assert "at most 5 texts" in play.answer("predict", {"texts": ["monday"] * 6})["error"]["message"]


def test_pins_know_how_they_were_written(copied: Any) -> None:
    run = copied("chat")
    play = Playground(run, text=HOSTILE)
    drawn = {"samples": 2, "temperature": 1.5, "seed": 4}
    assert (play.pin(), play.pin(HOSTILE, writing=drawn), play.pin(HOSTILE, writing=drawn)) == (0, 1, 1)
    play.edit(1, "monday friday")
    assert play.pins[1]["writing"] == drawn and len(play.pins[1]["models"][0]["texts"]) == 2
    assert Playground(run).pins == play.pins
    assert "<script>" not in play._repr_html_()
    play = Playground(run, keep=False, writing=drawn)
    play.pin("sunday")
    copy = again(play)
    assert copy.writing == drawn and [pin["writing"] for pin in copy.pins] == [drawn]


def test_two_models_that_write(runs: dict[str, Run], copied: Any) -> None:
    play = Playground(copied("translation"), compare=runs["translation"], keep=False)
    (result,) = value(play, "predict", texts="monday and friday")
    first, second = result["models"]
    assert first["texts"] == second["texts"]
    play.pin("monday and friday")
    assert play._repr_html_().count(first["texts"][0]["text"].split()[0]) >= 2


# -- masks ---------------------------------------------------------------------------------------------------------------------


def test_fillers_for_each_mask(runs: dict[str, Run]) -> None:
    play = Playground(runs["masks"], keep=False, text="😀 soup [MASK] <mask> bread")
    (result,) = value(play, "predict", texts=play.text)
    assert [play.text[a:b] for a, b in result["masks"]] == ["[MASK]", "<mask>"]
    fillers = result["models"][0]["fillers"]
    assert [len(some) for some in fillers] == [5, 5]
    shares = [one["probability"] for one in fillers[0]]
    assert shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 1
    assert value(play, "fill", mask=1, filler="salt") == play.text == "😀 soup [MASK] salt bread"
    play.fill(0, "##ed")
    assert play.text == "😀 souped salt bread", "a piece of a word is joined to it"
    refused = play.answer("fill", {"mask": 0, "filler": "x"})
    assert not refused["ok"] and "[MASK]" in refused["error"]["message"]
    assert value(play, "predict", texts="no mask")[0]["models"][0]["fillers"] == []


def test_masks_in_lines_and_behind_the_end(runs: dict[str, Run]) -> None:
    play = Playground(runs["masks"], keep=False, lines=True, text="soup\n\n[MASK] bread\n[MASK] [MASK]")
    play.fill(1, "salt", line=2)
    play.fill(0, "oven", line=1)
    assert play.text == "soup\n\noven bread\n[MASK] salt"
    for wrong in ({"line": 3, "mask": 0}, {"line": 0, "mask": 0}, {"line": 2, "mask": 1}):
        assert not play.answer("fill", {**wrong, "filler": "x"})["ok"]
    (long,) = value(play, "predict", texts=f"[MASK] {'soup ' * 60}bread [MASK]")
    assert len(long["models"][0]["fillers"]) == 1 and len(long["masks"]) == 2
    assert "behind what the model reads" in long["note"] and "soup”" in long["note"]


def test_pinned_masks(copied: Any) -> None:
    run = copied("masks")
    play = Playground(run)
    play.pin(f"{HOSTILE} [MASK]")
    play.pin("no mask")
    assert Playground(run).pins == play.pins
    face = play._repr_html_()
    assert "<script>" not in face and "no mask in the text" in face


# -- scores --------------------------------------------------------------------------------------------------------------------


def test_scores_of_a_regression(toy_model: Path, tmp_path: Path) -> None:
    rows = [{"text": row["text"], "label": f"{len(row['text']) / 10:.2f}"} for row in toy_rows(60)]
    plan = toy_recipe(write_csv(tmp_path / "scores.csv", rows), toy_model, data={"scores": True}, budget={"epochs": 1})
    play = Playground(train(plan, tmp_path / "run"))
    assert play.view == "scores"
    (result,) = value(play, "predict", texts="goal match team")
    assert isinstance(result["models"][0]["score"], float)
    play.pin("goal match team")
    assert f"{result['models'][0]['score']:.3f}" in play._repr_html_()


# -- older files ---------------------------------------------------------------------------------------------------------------


def test_pins_of_an_older_version_are_shown(copied: Any, toy_run: Run, tmp_path: Path) -> None:
    run = Run(shutil.copytree(toy_run.directory, tmp_path / "old"))
    said = {"labels": ["sport"], "confidence": 0.9, "probabilities": [0.05, 0.9, 0.05]}
    pin = {"text": "goal", "second": "", "tokens": 3, "limit": 64, "models": [said]}
    old = {"": {"labels": [["food", "sport", "travel"]], "pins": [pin]}}
    (run.directory / "playground.json").write_text(json.dumps(old))
    play = Playground(run)
    assert play.pins == [pin] and play.pin("goal") == 0 and "sport (90 %)" in play._repr_html_()
    play.edit(0, "soup bread")
    assert play.pins[0]["models"][0]["labels"] == ["food"]
