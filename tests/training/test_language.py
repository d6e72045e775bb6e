"""text-generation and fill-mask from data to figures: what is learnt, resumed, refused and written."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import WORDS, toy_recipe

from labkit.cli import main
from labkit.data import read
from labkit.errors import ModelError, RecipeError
from labkit.events import Note, StepLogged
from labkit.models import build_starter
from labkit.tasks import FillMask, TextGeneration
from labkit.training import Predictor, Run, evaluate, resume, train

DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
BOTH = {"text-generation": "gpt2", "fill-mask": "bert"}


def week(chooser: random.Random) -> str:
    """A text in which each word follows from the one before it."""
    at = chooser.randrange(7)
    return " ".join(DAYS[(at + i) % 7] for i in range(chooser.randint(8, 20)))


def weeks(count: int = 120) -> list[str]:
    chooser = random.Random(0)
    return [week(chooser) for _ in range(count)]


def pairs(count: int = 240) -> list[str]:
    """Texts of two words each, of which a masked one can be guessed from those that are not."""
    chooser = random.Random(0)
    words = [word for group in WORDS.values() for word in group][:16]
    both = [chooser.sample(words, 2) for _ in range(count)]
    return [" ".join(chooser.choice(two) for _ in range(30)) for two in both]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("language") / "weeks.txt"
    path.write_text("\n---\n".join(weeks()), "utf-8")
    return path


def recipe(task: str, data: Path, /, texts: list[str] | None = None, **sections: Any) -> Any:
    base = build_starter(BOTH[task], texts or weeks(), size="tiny")
    return toy_recipe(data, base.folder, task=task, model={"max_length": 33}, optimizer={"batch_size": 4}).with_values(
        **sections
    )


@pytest.fixture(scope="module", params=list(BOTH))
def learnt(request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A model that had some seconds to learn the days of the week, or that two words make a text."""
    home = tmp_path_factory.mktemp("runs")
    judged = {"baselines": True, "resamples": 100}
    if request.param == "text-generation":
        return train(recipe(request.param, data, budget={"epochs": 14}, evaluation=judged), home / "run")
    (home / "pairs.txt").write_text("\n---\n".join(pairs()), "utf-8")
    plan = recipe(
        request.param, home / "pairs.txt", pairs(), model={"dropout": 0.0}, optimizer={"learning_rate": 3e-3},
        budget={"epochs": 12}, evaluation=judged,
    )  # fmt: skip
    return train(plan, home / "run")


def test_what_is_easy_is_learnt(learnt: Run) -> None:
    result = learnt.evaluation
    beside = result.baselines["unigram model"]
    perplexity, guessed = result.metrics["perplexity"], beside.b["perplexity"].value
    assert beside.clear and "which is better" in beside.sentence
    gain = result.metrics["token_accuracy"] - beside.b["token_accuracy"].value
    if learnt.recipe.task == "fill-mask":
        assert perplexity < 0.6 * guessed and result.metrics["pseudo_perplexity"] < 0.6 * guessed and gain > 0.1
    else:
        assert perplexity < 0.5 * guessed and gain > 0.4
        assert result.metrics["length"] > 3


def test_what_it_says_about_a_new_text(learnt: Run) -> None:
    predictor = Predictor.load(learnt)
    if learnt.recipe.task == "text-generation":
        said = predictor(["monday tuesday wednesday", "friday saturday"])
        assert said.predicted[0].startswith("thursday friday") and said.predicted[1].startswith("sunday monday")
    else:
        said = predictor(["soup [MASK] soup soup soup soup <mask> soup soup soup", "soup soup"])
        assert said.predicted == [" ".join(["soup"] * 10), None]
        assert [place[0].token for place in said.fillers[0]] == ["soup", "soup"] and said.fillers[1] == []
        assert sum(one.probability for one in said.fillers[0][0]) <= 1.0001


def test_the_lines_of_the_card_work(learnt: Run) -> None:
    from labkit.models import quiet_transformers

    card = (learnt.directory / "README.md").read_text("utf-8")
    task = Predictor.load(learnt).task
    lines = task.pipeline(f"{learnt.directory.name}/model")
    assert lines in card and "unigram model" in card
    known: dict[str, Any] = {}
    *before, last = task.pipeline(str(learnt.directory / "model")).splitlines()
    with quiet_transformers():
        exec("\n".join([*before, f"said = {last}"]), known)  # noqa: S102 the card's own lines
    assert known["said"][0]["generated_text" if learnt.recipe.task == "text-generation" else "sequence"]


def test_evaluated_and_predicted_with_on_the_command_line(
    learnt: Run, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(learnt.directory), str(data)]) == 0
    assert "Perplexity" in capsys.readouterr().out
    (tmp_path / "new.csv").write_text("text\nmonday [MASK] wednesday\n", "utf-8")
    assert (
        main(["predict", str(learnt.directory), str(tmp_path / "new.csv"), "--out", str(tmp_path / "out.jsonl")]) == 0
    )
    (row,) = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert row["text"] == "monday [MASK] wednesday" and row["predicted"]
    assert main(["check", str(data), "--task", learnt.recipe.task]) == 0


@pytest.mark.parametrize("task", BOTH)
@pytest.mark.parametrize("step", [2, 11])
def test_a_stopped_run_ends_as_if_it_had_not_been(
    task: str, step: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in its masks, which differ from epoch to epoch."""
    monkeypatch.setattr("labkit.training._trainer.LOG_SECONDS", 0.0)
    plan = recipe(task, data)

    def stop(event: Any) -> None:
        if isinstance(event, StepLogged) and event.step == step:
            Run(tmp_path / "run").stop()

    whole = train(plan, tmp_path / "whole")
    assert train(plan, tmp_path / "run", watch=stop).status == "stopped"
    again = resume(tmp_path / "run")
    for split in ("validation", "test"):
        assert np.array_equal(again.predictions(split).nll, whole.predictions(split).nll)


def test_prompts_with_completions(tmp_path: Path) -> None:
    chooser = random.Random(1)
    rows = []
    for _ in range(160):
        day = chooser.choice(DAYS)
        rows.append({"prompt": f"{chooser.choice(DAYS)} {day}", "completion": DAYS[(DAYS.index(day) + 1) % 7]})
    path = tmp_path / "days.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    run = train(recipe("text-generation", path, budget={"epochs": 24}, optimizer={"batch_size": 16}), tmp_path / "run")
    assert run.evaluation.metrics["token_accuracy"] > 0.9 and run.evaluation.metrics["rougeL"] > 0.8
    assert Predictor.load(run)("monday friday").predicted == ["saturday"]
    assert evaluate(run, path).metrics["perplexity"] < 2


def test_conversations(tmp_path: Path) -> None:
    chooser = random.Random(1)
    rows = []
    for _ in range(160):
        day = chooser.choice(DAYS)  # with another before it: equal questions would all go to one split
        answer = DAYS[(DAYS.index(day) + 1) % 7]
        asked = f"{chooser.choice(DAYS)} {day}"
        talk = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
        rows.append({"messages": talk})
    path = tmp_path / "days.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    plan = recipe("text-generation", path, budget={"epochs": 24}, model={"max_length": 48})
    run = train(plan, tmp_path / "run")
    predictor = Predictor.load(run)
    assert predictor("monday friday").predicted == ["saturday"]
    assert predictor.tokenizer.chat_template, "plain transformers must know it, too"
    settings = json.loads((run.directory / "model" / "labkit.json").read_text("utf-8"))
    assert settings["form"] == "chat"


def test_what_cannot_be_trained_is_said_before(data: Path, tmp_path: Path, toy_model: Path) -> None:
    with pytest.raises(ModelError, match=r"can be fine-tuned for text-generation.*is no decoder"):
        train(recipe("text-generation", data).with_values(model={"name": "minilm"}), tmp_path / "run")
    with pytest.raises(ModelError, match=r"starter:bert.*is no decoder"):
        train(recipe("text-generation", data).with_values(model={"name": "starter:bert"}), tmp_path / "run")
    with pytest.raises(RecipeError, match=r"evaluation\.metric must be one of loss, perplexity, token_accuracy"):
        recipe("fill-mask", data, evaluation={"metric": "f1"})
    with pytest.raises(RecipeError, match="trainable must be another than 'head'"):
        train(recipe("text-generation", data, technique={"trainable": "head"}), tmp_path / "run")
    empty = [{"prompt": "one two", "completion": ""}, {"prompt": "three four", "completion": " "}]
    corpus = read(empty, layout="texts", require_label=False)
    assert TextGeneration.problems(corpus) == ["No training row has a completion: there is nothing to learn."]
    assert FillMask.problems(corpus) == []


def test_a_head_that_begins_from_nothing_is_said(data: Path, tmp_path: Path, toy_model: Path) -> None:
    seen: list[Any] = []
    plan = recipe("fill-mask", data, budget={"epochs": 1}).with_values(model={"name": str(toy_model)})
    train(plan, tmp_path / "run", watch=seen.append)
    assert any(isinstance(event, Note) and "without a language-modelling head" in event.text for event in seen)
