"""What of a model is trained, from which epoch on, and how fast: parameter by parameter."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from toys import toy_recipe, toy_rows, write_csv
from transformers import AutoModelForSequenceClassification

from labkit.errors import RecipeError
from labkit.events import Note, RunStarted
from labkit.models import build_starter, load_model
from labkit.training import Run, train
from labkit.training._trainable import Thaw, choose, depths, groups, thaw

HEAD = {"classifier.weight", "classifier.bias"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("rows") / "toy.csv", toy_rows(90))


def classifier(folder: Path) -> Any:
    return load_model(str(folder), AutoModelForSequenceClassification, num_labels=3)


def names(model: Any, wanted: Callable[[str], bool]) -> set[str]:
    return {name for name, _ in model.named_parameters() if wanted(name)}


def learning(model: Any) -> set[str]:
    return {name for name, one in model.named_parameters() if one.requires_grad}


def moves(run: Run, base: Path) -> dict[str, float]:
    """Parameter of the body → how far its weight that moved most has gone from the base model's."""
    before, after = load_file(base / "model.safetensors"), load_file(run.model_folder / "model.safetensors")
    return {f"bert.{name}": float((after[f"bert.{name}"] - one).abs().max()) for name, one in before.items()}


def changed(run: Run, base: Path) -> set[str]:
    """Those that moved. A key's bias changes nothing that attention says, and has no gradient but rounding's."""
    return {name for name, way in moves(run, base).items() if way and not name.endswith("key.bias")}


def body(folder: Path, wanted: Callable[[str], bool] = lambda _: True) -> set[str]:
    every = {f"bert.{name}" for name in load_file(folder / "model.safetensors")}
    return {name for name in every if wanted(name) and not name.endswith("key.bias")}


WANTED: dict[str, tuple[dict[str, Any], Callable[[str], bool]]] = {
    "all": ({}, lambda name: True),
    "head": ({"trainable": "head"}, lambda name: name in HEAD),
    "head, body run anew": ({"trainable": "head", "remember": False}, lambda name: name in HEAD),
    "top": (
        {"trainable": "top", "layers": 1},
        lambda name: name in HEAD or name.startswith(("bert.encoder.layer.1.", "bert.pooler.")),
    ),
    "top two": (
        {"trainable": "top", "layers": 2},
        lambda name: name in HEAD or name.startswith(("bert.encoder.", "bert.pooler.")),
    ),
    "bias": ({"trainable": "bias"}, lambda name: name in HEAD or name.endswith("bias")),
    "no embeddings": ({"freeze_embeddings": True}, lambda name: name != "bert.embeddings.word_embeddings.weight"),
}


@pytest.mark.parametrize("name", WANTED)
def test_exactly_what_is_asked_for_learns(name: str, data: Path, toy_model: Path) -> None:
    technique, wanted = WANTED[name]
    model = classifier(toy_model)
    choose(model, toy_recipe(data, toy_model, technique=technique))
    assert learning(model) == names(model, wanted)


@pytest.mark.parametrize("name", WANTED)
def test_exactly_what_is_asked_for_has_changed(name: str, data: Path, toy_model: Path, tmp_path: Path) -> None:
    technique, wanted = WANTED[name]
    run = train(toy_recipe(data, toy_model, technique=technique, budget={"epochs": 1}), tmp_path / "run")
    assert changed(run, toy_model) == body(toy_model, wanted)
    told = any("computed once" in event.text for event in run.events() if isinstance(event, Note))
    assert told is (name == "head"), "the body's outputs are kept for the head, and for nothing else"


def test_more_layers_than_there_are(data: Path, toy_model: Path) -> None:
    with pytest.raises(RecipeError, match=r"technique\.layers must be at most 2"):
        choose(classifier(toy_model), toy_recipe(data, toy_model, technique={"trainable": "top", "layers": 3}))


@pytest.mark.parametrize("family", ["t5", "llama"])
def test_biases_of_a_model_that_has_none(family: str, data: Path, tmp_path: Path) -> None:
    base = build_starter(family, [row["text"] for row in toy_rows(90)], size="tiny").folder
    made = toy_recipe(data, base, technique={"trainable": "bias"})
    with pytest.raises(RecipeError, match=rf"'bias' needs a model with biases, and '{re.escape(str(base))}' has none"):
        train(made, tmp_path / "run")


# gradual unfreezing


def test_one_layer_more_in_each_epoch() -> None:
    def plan(layers: int, epochs: float) -> list[int]:
        made = Thaw({}, layers, epochs)
        return [made.lowest(epoch) for epoch in range(int(epochs))]

    assert plan(2, 4) == [3, 2, 1, 0]
    assert plan(2, 6) == [3, 2, 1, 0, 0, 0]
    assert plan(2, 3) == [3, 1, 0], "in fewer epochs than layers more at a time, and all in the last"
    assert plan(6, 3) == [7, 3, 0]
    assert plan(12, 2) == [13, 0]
    assert plan(2, 1) == [3]


def test_the_head_learns_first_and_the_embeddings_last(data: Path, toy_model: Path) -> None:
    recipe = toy_recipe(data, toy_model, technique={"gradual": True})
    model = classifier(toy_model)
    choose(model, recipe)
    plan = thaw(model, recipe, 4)
    assert plan is not None and thaw(model, toy_recipe(data, toy_model), 4) is None
    begun: tuple[str, ...] = ("classifier.", "bert.pooler.")
    for epoch, more in enumerate(((), ("bert.encoder.layer.1.",), ("bert.encoder.layer.0.",), ("bert.embeddings.",))):
        begun = (*begun, *more)
        plan.apply(model, epoch)
        assert learning(model) == {name for name, _ in model.named_parameters() if name.startswith(begun)}
    recipe = toy_recipe(data, toy_model, technique={"gradual": True, "trainable": "top", "layers": 1})
    choose(model, recipe)
    plan = thaw(model, recipe, 4)
    assert plan is not None
    plan.apply(model, 3)
    assert learning(model) == names(
        model, lambda name: name.startswith(("classifier.", "bert.pooler.", "bert.encoder.layer.1."))
    ), "what does not take part stays frozen"


def test_a_training_unfreezes_epoch_by_epoch(
    data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    apply = Thaw.apply

    def note(self: Thaw, model: Any, epoch: int) -> None:
        apply(self, model, epoch)
        seen.append((epoch, min(self.of[name] for name in learning(model))))

    monkeypatch.setattr(Thaw, "apply", note)
    made = toy_recipe(data, toy_model, technique={"gradual": True}, budget={"epochs": 1})
    with pytest.raises(RecipeError, match="the head learn alone in the first epoch, and there are 1: more are needed"):
        train(made, tmp_path / "one")
    run = train(made.with_values(budget={"epochs": 9, "max_steps": 8}), tmp_path / "few")
    steps = next(event for event in run.events() if isinstance(event, RunStarted))
    assert steps.steps == 8 and seen[-1][1] == 0, "planned over the epochs that the steps allow"
    seen.clear()
    run = train(made.with_values(budget={"epochs": 4}, evaluation={"every": 4}), tmp_path / "four")
    assert seen == [(0, 3), (1, 2), (2, 1), (3, 0)]
    assert changed(run, toy_model) == body(toy_model)


# the rate of each layer


def test_the_rate_falls_from_layer_to_layer(toy_model: Path) -> None:
    model = classifier(toy_model)
    model.bert.embeddings.word_embeddings.weight.requires_grad_(False)
    decayed = {name for name, one in model.named_parameters() if one.ndim > 1}
    found = groups(model, decayed, rate=0.8, weight_decay=0.1, layer_decay=0.5)
    name_of = {id(one): name for name, one in model.named_parameters()}
    rates = {name_of[id(one)]: (group["lr"], group["weight_decay"]) for group in found for one in group["params"]}
    assert sum(len(group["params"]) for group in found) == len(rates) and set(rates) == learning(model)
    by_part = {"classifier.": 0.8, "bert.pooler.": 0.8, "bert.encoder.layer.1.": 0.4, "bert.encoder.layer.0.": 0.2}
    for name, (rate, decay) in rates.items():
        part = next((one for one in by_part if name.startswith(one)), "bert.embeddings.")
        assert rate == pytest.approx(by_part.get(part, 0.1)), name
        assert decay == (0.1 if name in decayed else 0.0), name
    assert found[0]["lr"] == 0.8, "the head's comes first: it is what is shown"


def test_depths_of_layers(toy_model: Path) -> None:
    where = depths(classifier(toy_model))
    assert where.layers == 2
    assert where.of["bert.embeddings.LayerNorm.bias"] == 0 and where.of["bert.encoder.layer.0.output.dense.bias"] == 1
    assert where.of["bert.encoder.layer.1.output.dense.bias"] == 2 and where.of["classifier.bias"] == 3


def test_lower_layers_move_less(data: Path, toy_model: Path, tmp_path: Path) -> None:
    """Adam's steps are as large as the rate: a tenth of it in the layer below."""
    made = toy_recipe(
        data, toy_model, optimizer={"learning_rate": 1e-3, "weight_decay": 0.0}, technique={"layer_decay": 0.1}
    )
    places = ("bert.pooler.dense", "bert.encoder.layer.1.output.dense", "bert.encoder.layer.0.output.dense")
    run = train(made, tmp_path / "run")
    way = [moves(run, toy_model)[f"{place}.weight"] for place in places]
    assert 0.05 < way[1] / way[0] < 0.2 and 0.05 < way[2] / way[1] < 0.2
    plain = moves(train(made.with_values(technique={"layer_decay": 1.0}), tmp_path / "plain"), toy_model)
    assert plain[f"{places[2]}.weight"] > 0.5 * plain[f"{places[0]}.weight"]
