"""Every technique on every task that it claims: trained, saved, loaded again and predicted with, on tiny models."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import FILLER, WORDS, toy_recipe, toy_rows, write_csv
from written import tiny_run

from labkit.errors import RecipeError
from labkit.events import RunStarted
from labkit.models import build_starter
from labkit.training import Predictor, Run, _head, predict_file, train

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


def leaves(value: Any) -> Iterator[Any]:
    """Names, lengths and values of nested lists and records, in their order."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from leaves(one)
    elif isinstance(value, list):
        yield len(value)
        for one in value:
            yield from leaves(one)
    else:
        yield value


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
    technique: dict[str, Any] = {"technique": {"trainable": kind}, "optimizer": {"learning_rate": 0.1}}
    asked = recipe(task, files, bases, model={"dropout": 0.0}, **technique)
    merged = train(asked, tmp_path / "merged")
    alone = train(asked.with_values(adapter={"merge": False}), tmp_path / "alone")
    one, other = (list(leaves(said(run).to_pylist())) for run in (merged, alone))
    assert [x for x in one if not isinstance(x, float)] == [x for x in other if not isinstance(x, float)]
    numbers = [[x for x in some if isinstance(x, float)] for some in (one, other)]
    assert len(numbers[0]) >= len(said(merged)) > 0, "a number a row at least has been compared"
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-5, abs=1e-6)
    files_of = {path.name for path in alone.model_folder.iterdir()}
    assert "model.safetensors" not in files_of and "adapter_model.safetensors" in files_of
    assert (alone.model_folder / "adapter_model.safetensors").stat().st_size < 0.5 * (
        merged.model_folder / "model.safetensors"
    ).stat().st_size


@pytest.mark.parametrize("pooling", ["own", "mean"])
def test_outputs_kept_and_computed_anew_teach_the_head_alike(
    pooling: str, files: dict[str, Path], toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []
    compute = _head._outputs

    def outputs(body: Any, rows: Any, file: Path, *more: Any) -> Any:
        computed.append(file.stem)
        return compute(body, rows, file, *more)

    monkeypatch.setattr(_head, "_outputs", outputs)
    asked = toy_recipe(
        files["text-classification"],
        toy_model,
        model={"pooling": pooling},
        technique={"trainable": "head"},
        evaluation={"baselines": False},
    )
    kept = train(asked, tmp_path / "kept")
    assert computed == ["features-train", "features-validation"], "once, and of what the training looks at alone"
    anew = train(asked.with_values(technique={"remember": False}), tmp_path / "anew")
    assert len(computed) == 2, "and that is the other way"
    assert np.allclose(kept.predictions("test").probabilities, anew.predictions("test").probabilities, atol=1e-4)


OTHERS = {
    "question-answering": "bert", "translation": "marian", "summarization": "t5", "fill-mask": "distilbert",
    "text-classification": "distilbert",
}  # fmt: skip
PULLED = {"r_drop": 1.0, "l2_sp": 0.1, "mixout": 0.3, "averaging": 0.9, "layer_decay": 0.8}
ASKED = tuple(OTHERS)[:4]
TOGETHER: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "everything, pulled back and averaged": ({"technique": PULLED}, ASKED),
    "top, thawed, focal": (
        {"technique": {"trainable": "top", "layers": 1, "gradual": True, "loss": "focal"}},
        ASKED,
    ),
    "distilled and rehearsed": (
        {"distillation": {"teacher": TEACHER}, "data": {"rehearse": EARLIER, "rehearse_share": 0.2}},
        ASKED,
    ),
    "bias": ({"technique": {"trainable": "bias"}}, ("question-answering", "translation")),
    "lora": ({"technique": {"trainable": "lora"}}, ASKED),
    "dora, alone": ({"technique": {"trainable": "dora"}, "adapter": {"merge": False}}, ("translation",)),
    "ia3": ({"technique": {"trainable": "ia3"}}, ("translation", "fill-mask", "text-classification")),
    "ia3, alone": (
        {"technique": {"trainable": "ia3"}, "adapter": {"merge": False}},
        ("question-answering", "summarization"),
    ),
    "bottleneck": ({"technique": {"trainable": "bottleneck"}}, ASKED),
    "prompt": ({"technique": {"trainable": "prompt"}}, ("question-answering",)),
}


def rows_of(task: str, *, seed: int = 0) -> list[dict[str, Any]]:
    rows = toy_rows(40, seed=seed)
    if task == "question-answering":
        answers = [row["text"].split()[-1] for row in rows]
        return [
            {
                "id": row["id"],
                "question": f"which {row['topic']}",
                "context": row["text"],
                "answers": [{"text": answer, "start": row["text"].rindex(answer)}],
            }
            for row, answer in zip(rows, answers, strict=True)
        ]
    if task in ("translation", "summarization"):
        return [
            {"id": row["id"], "source": row["text"], "target": " ".join(reversed(row["text"].split()))} for row in rows
        ]
    return rows if task == "text-classification" else [{"id": row["id"], "text": row["text"]} for row in rows]


@pytest.mark.parametrize(("name", "task"), [(name, task) for name, (_, tasks) in TOGETHER.items() for task in tasks])
def test_techniques_that_go_together_on_the_other_tasks(name: str, task: str, tmp_path: Path) -> None:
    texts = [row["text"] for row in toy_rows(90)]
    base, lead = (build_starter(OTHERS[task], texts, size="tiny", seed=seed).folder for seed in (0, 1))
    path, before = tmp_path / "rows.jsonl", tmp_path / "earlier.jsonl"
    for seed, file in enumerate((path, before)):
        file.write_text("".join(json.dumps(row) + "\n" for row in rows_of(task, seed=seed)), "utf-8")
    stands_for = {TEACHER: str(lead), EARLIER: str(before)}
    sections = {
        section: {key: stands_for.get(value, value) for key, value in values.items()}
        for section, values in TOGETHER[name][0].items()
    }
    asked = toy_recipe(
        path,
        base,
        task=task,
        model={"max_length": 32},
        optimizer={"batch_size": 64},
        budget={"epochs": 2},
        generation={"max_target_length": 8},
    )
    run = train(asked.with_values(**sections), tmp_path / "run")
    begun = started(run)
    assert run.status == "completed" and begun.steps == 2
    assert sum(begun.rows.values()) > 40 if "rehearse" in name else sum(begun.rows.values()) == 40
    assert all(np.isfinite(value) for value in run.evaluation.metrics.values())
    frozen = sections.get("technique", {}).get("trainable", "all") != "all"
    assert 0 < begun.trained <= begun.parameters and (begun.trained < begun.parameters) is frozen
    assert predict_file(run, path, tmp_path / "out.jsonl") == 40
    read = ["the [MASK] was fresh", "my [MASK]"] if task == "fill-mask" else ["the soup was fresh", "my train"]
    found = Predictor.load(run)(read, pairs=read if task == "question-answering" else None)
    assert len(found.predicted) == 2


@pytest.mark.parametrize(
    "family", ["distilbert", "roberta", "electra"]
)  # other names of sizes, heads in parts, thin embeddings
def test_prompts_before_the_texts_of_other_families(family: str, toy_data: Path, tmp_path: Path) -> None:
    base = build_starter(family, [row["text"] for row in toy_rows(90)], size="tiny")
    asked = toy_recipe(toy_data, base.folder, technique={"trainable": "prompt"}, budget={"max_steps": 2})
    run = train(asked, tmp_path / "run")
    assert started(run).trained < started(run).parameters / 2
    assert Predictor.load(run)(["the soup was fresh"]).probabilities.shape == (1, 3)


def test_no_prompt_before_the_texts_of_two_stacks(toy_data: Path, tmp_path: Path) -> None:
    base = build_starter("bart", [row["text"] for row in toy_rows(90)], size="tiny")
    with pytest.raises(RecipeError, match=r"'prompt' is not for bart: .* one stack of layers\. Choose lora\."):
        train(toy_recipe(toy_data, base.folder, technique={"trainable": "prompt"}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
