"""Every technique on every task that it claims: trained, saved, loaded again and predicted with, on tiny models."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import FILLER, WORDS, toy_recipe, toy_rows, write_csv
from written import tiny_run

from labkit.events import RunStarted
from labkit.models import build_starter
from labkit.training import Predictor, Run, predict_file, train

TASKS = {"text-classification": "bert", "token-classification": "bert", "text-generation": "gpt2"}
EVERY = tuple(TASKS)
TEACHER, EARLIER = "<teacher>", "<earlier>"  # put in by the test
TECHNIQUES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "everything": ({}, EVERY),
    **{
        name: ({"technique": technique}, tasks)
        for name, technique, tasks in (
            ("head", {"trainable": "head"}, EVERY[:2]),
            ("head, body run anew", {"trainable": "head", "remember": False}, EVERY[:2]),
            ("top", {"trainable": "top", "layers": 1}, EVERY),
            ("bias", {"trainable": "bias"}, EVERY),
            ("gradual", {"gradual": True}, EVERY),
            ("layer decay", {"layer_decay": 0.8}, EVERY),
            ("lora", {"trainable": "lora"}, EVERY),
            ("dora", {"trainable": "dora"}, EVERY),
            ("ia3", {"trainable": "ia3"}, EVERY),
            ("prompt", {"trainable": "prompt"}, EVERY),
            ("prefix", {"trainable": "prefix"}, EVERY[2:]),
            ("bottleneck", {"trainable": "bottleneck"}, EVERY),
            ("focal", {"loss": "focal"}, EVERY),
            ("ordinal", {"loss": "ordinal"}, EVERY[:1]),
            ("class weights", {"class_weights": True}, EVERY[:1]),
            ("label smoothing", {"label_smoothing": 0.1}, EVERY),
            ("r-drop", {"r_drop": 1.0}, EVERY),
            ("l2-sp", {"l2_sp": 0.1}, EVERY),
            ("mixout", {"mixout": 0.3}, EVERY),
            ("averaging", {"averaging": 0.9}, EVERY),
            ("mixup", {"mixup": 0.2}, EVERY[:1]),
        )
    },
    "fewer layers": ({"model": {"layers": 1}}, EVERY),
    "more dropout, weight decay, patience": (
        {"model": {"dropout": 0.3}, "optimizer": {"weight_decay": 0.1}, "budget": {"patience": 2}},
        EVERY,
    ),
    "pooling": ({"model": {"pooling": "mean", "head_layers": 2}}, EVERY[:1]),
    "distilled": ({"distillation": {"teacher": TEACHER, "weight": 0.5}}, EVERY),
    "distilled, hidden states too": ({"distillation": {"teacher": TEACHER, "hidden": 1.0}}, EVERY),
    "oversampled": ({"data": {"balance": "oversample"}}, EVERY[:1]),
    "undersampled": ({"data": {"balance": "undersample"}}, EVERY[:1]),
    "balanced batches": ({"data": {"balance": "batches"}}, EVERY[:1]),
    "augmented": ({"data": {"augment": ["typos", "delete", "swap"]}}, EVERY[:2]),
    "rehearsed": ({"data": {"rehearse": EARLIER, "rehearse_share": 0.2}}, EVERY),
}
CELLS = [(name, task) for name, (_, tasks) in TECHNIQUES.items() for task in tasks]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Rows for each task."""
    home = tmp_path_factory.mktemp("techniques")
    chooser = random.Random(1)
    rows = []
    for i in range(90):
        words, spans, at = [], [], 0
        for _ in range(chooser.randint(4, 9)):
            topic = chooser.choice(["", "", "food", "travel"])
            word = chooser.choice(WORDS[topic] if topic else FILLER)
            if topic:
                spans.append({"start": at, "end": at + len(word), "label": topic})
            words.append(word)
            at += len(word) + 1
        rows.append({"id": f"n{i}", "text": " ".join(words), "spans": spans})
    spans_file = home / "spans.jsonl"
    spans_file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    texts = write_csv(home / "toy.csv", toy_rows(90))
    return {"text-classification": texts, "token-classification": spans_file, "text-generation": texts}


@pytest.fixture(scope="module")
def bases() -> dict[str, Path]:
    """Tiny models of two layers that have been saved as pretrained ones are, without a head."""
    texts = [row["text"] for row in toy_rows(90)]
    return {family: build_starter(family, texts, size="tiny").folder for family in ("bert", "gpt2")}


def recipe(task: str, files: dict[str, Path], bases: dict[str, Path], **sections: Any) -> Any:
    made = toy_recipe(
        files[task],
        bases[TASKS[task]],
        task=task,
        model={"max_length": 32},
        optimizer={"batch_size": 16, "learning_rate": 3e-3},
        budget={"epochs": 3},
    )
    return made.with_values(**sections)


def earlier(path: Path, folder: Path) -> Path:
    """The same rows with a word more each: of the same kind, and not the same."""
    lines = path.read_text("utf-8").splitlines()
    if path.suffix == ".csv":
        rows = [{**row, "text": f"{row['text']} again"} for row in csv.DictReader(lines)]
        return write_csv(folder / "earlier.csv", rows)
    rows = [{**row, "text": f"{row['text']} again"} for row in map(json.loads, lines)]
    (folder / "earlier.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder / "earlier.jsonl"


def started(run: Run) -> RunStarted:
    return next(event for event in run.events() if isinstance(event, RunStarted))


def said(run: Run) -> Any:
    """What a run is judged by, as a table."""
    return run.predictions("test").to_table()


@pytest.mark.parametrize(("name", "task"), CELLS)
def test_trained_saved_loaded_and_predicted_with(
    name: str, task: str, files: dict[str, Path], bases: dict[str, Path], tmp_path: Path
) -> None:
    sections, _ = TECHNIQUES[name]
    if "teacher" in sections.get("distillation", {}):
        lead = train(recipe(task, files, bases, budget={"epochs": 1}), tmp_path / "teacher")
        sections = {"distillation": {**sections["distillation"], "teacher": str(lead.directory)}}
    if "rehearse" in sections.get("data", {}):
        sections = {"data": {**sections["data"], "rehearse": str(earlier(files[task], tmp_path))}}
    technique = sections.get("technique", {})
    run = train(recipe(task, files, bases, **sections), tmp_path / "run")
    assert run.status == "completed"
    assert all(np.isfinite(value) for value in run.evaluation.metrics.values())
    begun = started(run)
    assert 0 < begun.trained <= begun.parameters
    frozen = technique.get("trainable", "all") != "all"
    assert (begun.trained < 0.75 * begun.parameters) is frozen
    assert predict_file(run, files[task], tmp_path / "out.jsonl") == 90
    predictor = Predictor.load(run)
    asked = ["the soup was fresh", "my train to the sea again and again"]
    assert predictor(asked).predicted is not None and len(predictor(asked)) == 2
    assert not any("label" in str(path) for path in (run.directory / "checkpoints").glob("*"))


@pytest.mark.parametrize("remember", [True, False])
def test_the_head_alone_of_questions_and_answers(remember: bool, tmp_path: Path) -> None:
    made = tiny_run("answers", tmp_path, epochs=1).recipe.with_values(
        data={"fingerprint": ""}, technique={"trainable": "head", "remember": remember}
    )
    assert train(made, tmp_path / "head").status == "completed"


@pytest.mark.parametrize("kind", ["lora", "dora", "ia3"])
@pytest.mark.parametrize("task", EVERY)
def test_an_adapter_says_the_same_merged_and_alone(
    kind: str, task: str, files: dict[str, Path], bases: dict[str, Path], tmp_path: Path
) -> None:
    asked = recipe(task, files, bases, technique={"trainable": kind}, model={"dropout": 0.0})
    merged = train(asked, tmp_path / "merged")
    alone = train(asked.with_values(adapter={"merge": False}), tmp_path / "alone")
    one, other = said(merged), said(alone)
    for column in one.column_names:
        if one[column].type in ("double", "float"):
            assert np.allclose(one[column].to_numpy(), other[column].to_numpy(), atol=1e-4), column
    files_of = {path.name for path in alone.model_folder.iterdir()}
    assert "model.safetensors" not in files_of and "adapter_model.safetensors" in files_of
    assert (alone.model_folder / "adapter_model.safetensors").stat().st_size < 0.5 * (
        merged.model_folder / "model.safetensors"
    ).stat().st_size


def test_outputs_kept_and_computed_anew_teach_the_head_alike(
    files: dict[str, Path], bases: dict[str, Path], tmp_path: Path
) -> None:
    asked = recipe(
        "text-classification", files, bases, technique={"trainable": "head"}, budget={"precision": "float32"}
    )
    kept = train(asked, tmp_path / "kept")
    anew = train(asked.with_values(technique={"remember": False}), tmp_path / "anew")
    assert np.allclose(kept.predictions("test").probabilities, anew.predictions("test").probabilities, atol=1e-4)
