"""Adapters that are kept alone: merged later, measured, and what their model cards say; on toy models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys import toy_recipe, toy_rows, write_csv
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from labkit import cli
from labkit.errors import ModelError, RunError
from labkit.models import build_starter, load_model
from labkit.training import Predictor, Run, merge, train

TEXTS = ["the soup was fresh", "my train to the sea again and again", "the team"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("rows") / "toy.csv", toy_rows(90))


@pytest.fixture(scope="module")
def alone(data: Path, toy_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs with an adapter beside the toy model, by kind; each is trained once."""
    home, runs = tmp_path_factory.mktemp("alone"), dict[str, Run]()

    def run(kind: str) -> Run:
        if kind not in runs:
            made = toy_recipe(data, toy_model, technique={"trainable": kind}, adapter={"merge": False})
            runs[kind] = train(made.with_values(optimizer={"learning_rate": 3e-2}), home / kind)
        return runs[kind]

    return run


@pytest.mark.parametrize("kind", ["lora", "dora", "ia3"])
def test_a_lone_adapter_is_merged_into_a_plain_model(kind: str, alone: Any, tmp_path: Path) -> None:
    run = alone(kind)
    folder = merge(run, tmp_path / "whole")
    assert folder == tmp_path / "whole" and [path.name for path in tmp_path.iterdir()] == ["whole"]
    plain, found = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not any(found[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    inputs = AutoTokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        said = plain.eval()(**inputs).logits.softmax(-1).numpy()
    predictor = Predictor.load(run)
    assert np.allclose(said, predictor(TEXTS).probabilities, atol=1e-5)
    assert [plain.config.id2label[i] for i in range(3)] == list(predictor.labels)


def test_a_merged_writer_and_a_base_model_made_by_merging(data: Path, alone: Any, tmp_path: Path) -> None:
    base = build_starter("gpt2", [row["text"] for row in toy_rows(90)], size="tiny")
    made = toy_recipe(
        data, base.folder, task="text-generation", technique={"trainable": "lora"}, adapter={"merge": False}
    )
    run = train(made, tmp_path / "run")
    writer = AutoModelForCausalLM.from_pretrained(merge(run, tmp_path / "writer")).eval()
    predictor = Predictor.load(run)
    inputs = predictor.tokenizer(TEXTS[0], return_tensors="pt")
    with torch.inference_mode():
        assert torch.allclose(writer(**inputs).logits, predictor.model(**inputs).logits, atol=1e-4)
    whole = merge(alone("lora"), tmp_path / "whole")
    assert train(toy_recipe(data, whole, budget={"epochs": 1}), tmp_path / "next").status == "completed"


def test_merging_on_the_command_line(alone: Any, tmp_path: Path, capsys: Any) -> None:
    command = ["merge", str(alone("lora").directory), "--out", str(tmp_path / "whole")]
    assert cli.main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"model": str(tmp_path / "whole")}
    assert cli.main(command) == 1
    assert "choose another folder" in capsys.readouterr().err.lower()


def test_what_cannot_be_merged(toy_run: Run, alone: Any, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"one with a whole model.*needs no merging"):
        merge(toy_run, tmp_path / "a")
    for kind in ("prompt", "bottleneck"):
        with pytest.raises(RunError, match=rf"\(lora, dora, ia3\), but got {kind}\. Use the run itself"):
            merge(alone(kind), tmp_path / "a")
    (tmp_path / "there").mkdir()
    with pytest.raises(RunError, match="Choose another folder"):
        merge(alone("lora"), tmp_path / "there")
    assert not (tmp_path / "a").exists()


def test_a_lone_adapter_with_another_head_says_what_to_do(alone: Any) -> None:
    for kind, do in (("lora", "labkit merge RUN"), ("bottleneck", "trained beside: it cannot be merged")):
        with pytest.raises(ModelError, match=rf"an adapter alone \({kind}\).*{do}"):
            load_model(str(alone(kind).directory), AutoModelForSequenceClassification, num_labels=5)


@pytest.mark.parametrize("kind", ["lora", "ia3"])
def test_the_card_of_a_lone_adapter_says_how_to_use_it(
    kind: str, alone: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(shutil.copytree(alone(kind).directory, tmp_path / kind))
    card = (run.directory / "README.md").read_text("utf-8")
    assert "library_name: peft" in card and "Plain transformers does not load it" in card
    code = "\n".join(block.split("```")[0] for block in card.split("```python\n")[1:])
    assert "labkit" not in code
    monkeypatch.chdir(tmp_path)
    known: dict[str, Any] = {}
    exec(code, known)  # noqa: S102 - what the model card says works without labkit
    said = known["classify"](TEXTS[0])[0]
    ours = Predictor.load(run)(TEXTS[0])
    assert said["label"] == ours.labels[int(ours.probabilities.argmax())]
    assert said["score"] == pytest.approx(float(ours.probabilities.max()), abs=1e-5)


@pytest.mark.parametrize("kind", ["bottleneck", "prompt"])
def test_the_card_of_what_cannot_be_merged_says_that_labkit_loads_it(
    kind: str, alone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = alone(kind)
    card = (run.directory / "README.md").read_text("utf-8")
    assert "Plain transformers does not load it" in card and "pipeline(" not in card
    monkeypatch.chdir(run.directory.parent)
    exec(card.split("```python\n")[1].split("```")[0], {})  # noqa: S102 - the card's own lines
