"""Adapters: where they go, how large they are, and which model they belong to."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from toys import toy_recipe, toy_rows, write_csv
from transformers import AutoModelForSequenceClassification

from labkit.errors import LabError, ModelError, RecipeError
from labkit.models import build_starter, load_model, new_weights
from labkit.models._adapters import linear_maps, load_adapted, weights_digest, wrap
from labkit.training import Predictor, train

HEAD = "AutoModelForSequenceClassification"
MAPS = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
        "intermediate.dense", "output.dense"]  # fmt: skip


def wrapped(folder: Path, kind: str, **options: Any) -> Any:
    model = load_model(str(folder), AutoModelForSequenceClassification, num_labels=3)
    return wrap(model, kind, HEAD, new=new_weights(model), **options)


def learning(model: Any) -> dict[str, tuple[int, ...]]:
    """What is trained: name without what peft puts around it → shape."""
    return {
        name.removeprefix("base_model.model."): tuple(one.shape)
        for name, one in model.named_parameters()
        if one.requires_grad
    }


def test_the_linear_maps_of_the_layers(toy_model: Path) -> None:
    model = load_model(str(toy_model), AutoModelForSequenceClassification, num_labels=3)
    assert linear_maps(model) == [f"bert.encoder.layer.{i}.{name}" for i in (0, 1) for name in MAPS]


@pytest.mark.parametrize("kind", ["lora", "bottleneck", "ia3"])
def test_targets_that_do_not_exist_are_named_with_those_that_do(kind: str, toy_model: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        wrapped(toy_model, kind, targets=("query", "qery"))
    said = str(caught.value)
    assert "no linear map 'qery'. There are:" in said
    for name in ("query", "key", "value", "dense", "self.query", "intermediate.dense"):
        assert f"'{name}'" in said.split("There are:")[1]
    assert "classifier" not in said


@pytest.mark.parametrize("kind", ["lora", "ia3"])
def test_a_body_with_a_parameter_of_its_own_stays_frozen(kind: str) -> None:
    base = build_starter("xlnet", [row["text"] for row in toy_rows(60)], size="tiny")
    names = learning(wrapped(base.folder, kind))
    assert not [name for name in names if "word_embedding" in name or name.endswith(("mask_emb", "layer_1.weight"))]
    assert any(f"layer_1.{kind}_" in name for name in names) and any("logits_proj" in name for name in names)


def test_targets_get_an_adapter_and_nothing_else_does(toy_model: Path) -> None:
    found = learning(wrapped(toy_model, "lora", targets=("query", "intermediate.dense"), rank=3))
    layers = [f"bert.encoder.layer.{i}" for i in (0, 1)]
    shapes = {f"{layer}.attention.self.query.lora_A.default.weight": (3, 32) for layer in layers}
    shapes |= {f"{layer}.attention.self.query.lora_B.default.weight": (32, 3) for layer in layers}
    shapes |= {f"{layer}.intermediate.dense.lora_A.default.weight": (3, 32) for layer in layers}
    shapes |= {f"{layer}.intermediate.dense.lora_B.default.weight": (64, 3) for layer in layers}
    assert {name: shape for name, shape in found.items() if "lora" in name} == shapes
    assert {name.split(".")[0] for name in found if "lora" not in name} == {"classifier"}


def test_alpha_and_rank_scale_what_lora_adds(toy_model: Path) -> None:
    made = wrapped(toy_model, "lora", targets=("query",), rank=4, alpha=10.0)
    layer = made.base_model.model.bert.encoder.layer[0].attention.self.query
    x = torch.randn(2, 32)
    plain = layer(x)
    assert torch.allclose(plain, layer.base_layer(x)), "it begins as nothing"
    with torch.no_grad():
        layer.lora_B["default"].weight.fill_(0.1)
    added = x @ layer.lora_A["default"].weight.T @ layer.lora_B["default"].weight.T
    assert torch.allclose(layer(x) - plain, 10 / 4 * added, atol=1e-5)


def test_a_bottleneck_begins_as_nothing_and_is_as_wide_as_asked(toy_model: Path) -> None:
    made = wrapped(toy_model, "bottleneck", width=5, targets=("attention.output.dense",)).eval()
    found = {name: shape for name, shape in learning(made).items() if "bottleneck" in name}
    assert {shape for name, shape in found.items() if name.endswith("down.weight")} == {(5, 32)}
    assert {name.split(".bottleneck.")[0] for name in found} == {
        f"bert.encoder.layer.{i}.attention.output.dense" for i in (0, 1)
    }
    ids = torch.tensor([[2, 50, 51, 3]])
    plain = load_model(str(toy_model), AutoModelForSequenceClassification, num_labels=3).eval()
    with torch.no_grad():
        before = plain.bert(ids).last_hidden_state
        assert torch.allclose(made.bert(ids).last_hidden_state, before, atol=1e-6)
        made.bert.encoder.layer[0].attention.output.dense.bottleneck.up.bias += torch.arange(32.0)
        assert not torch.allclose(made.bert(ids).last_hidden_state, before, atol=1e-2)


@pytest.mark.parametrize("kind", ["lora", "bottleneck"])
def test_an_adapter_is_refused_beside_another_model(kind: str, toy_model: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(toy_model, base)
    rows = write_csv(tmp_path / "toy.csv", toy_rows(60))
    made = toy_recipe(rows, base, technique={"trainable": kind}, adapter={"merge": False}, budget={"epochs": 0.5})
    run = train(made, tmp_path / "run")
    assert len(Predictor.load(run)(["the soup"])) == 1
    digest = weights_digest(base)
    assert digest == weights_digest(toy_model)
    values = load_file(base / "model.safetensors")
    values["embeddings.LayerNorm.bias"] = values["embeddings.LayerNorm.bias"] + 1e-3
    save_file(values, base / "model.safetensors", metadata={"format": "pt"})
    assert digest != weights_digest(base)
    with pytest.raises(ModelError, match=r"other weights under that name\. Put the right model there"):
        load_adapted(run.model_folder, AutoModelForSequenceClassification)
    with pytest.raises(LabError, match="other weights under that name"):
        Predictor.load(run)
    shutil.rmtree(base)
    with pytest.raises(
        ModelError, match=r"was trained beside, but got none there\. Put it back there, or write its new place"
    ):
        load_adapted(run.model_folder, AutoModelForSequenceClassification)
    for damage in ("{", "[]", '{"adapter": "lora"}'):
        (run.model_folder / "adapter.json").write_text(damage, "utf-8")
        with pytest.raises(ModelError, match=r"adapter\.json.*Restore the file"):
            load_adapted(run.model_folder, AutoModelForSequenceClassification)
