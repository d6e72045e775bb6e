"""Heads of our own: what they make of the outputs of tokens, against values computed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from toys import toy_recipe
from transformers import AutoModelForSequenceClassification

from labkit.models import load_model
from labkit.models._pooled import Head, with_head
from labkit.training import Predictor, train

OUTPUTS = torch.tensor(
    [
        [[1.0, -8.0], [5.0, -4.0], [3.0, -6.0], [90.0, 90.0]],
        [[90.0, 90.0], [90.0, 90.0], [2.0, 7.0], [6.0, 1.0]],
        [[4.0, 3.0], [90.0, 90.0], [90.0, 90.0], [90.0, 90.0]],
    ]
)
MASK = torch.tensor([[1, 1, 1, 0], [0, 0, 1, 1], [1, 0, 0, 0]])  # 90 is padding, on either side
BY_HAND = {
    "first": [[1.0, -8.0], [2.0, 7.0], [4.0, 3.0]],
    "last": [[3.0, -6.0], [6.0, 1.0], [4.0, 3.0]],
    "mean": [[3.0, -6.0], [4.0, 4.0], [4.0, 3.0]],
    "max": [[5.0, -4.0], [6.0, 7.0], [4.0, 3.0]],
}


def head(pooling: str, *, layers: int = 1, dropout: float = 0.0, unit: bool = False) -> Head:
    torch.manual_seed(0)
    return Head(2, 3, pooling=pooling, layers=layers, dropout=dropout, unit=unit)


@pytest.mark.parametrize("pooling", BY_HAND)
def test_vectors_leave_padding_out(pooling: str) -> None:
    assert head(pooling).pool(OUTPUTS, MASK).tolist() == BY_HAND[pooling]


def test_attention_weighs_tokens_by_what_it_seeks() -> None:
    made = head("attention")
    assert made.seek is not None
    with torch.no_grad():
        made.seek.weight.zero_()
    assert torch.allclose(made.pool(OUTPUTS, MASK), torch.tensor(BY_HAND["mean"])), "of all tokens alike: the mean"
    with torch.no_grad():
        made.seek.weight[0, 0] = 50.0
    found = made.pool(OUTPUTS, MASK)  # in each row the token whose first number is the highest
    assert torch.allclose(found, torch.tensor([[5.0, -4.0], [6.0, 1.0], [4.0, 3.0]]), atol=1e-4)


def test_unit_vectors() -> None:
    found = head("mean", unit=True).pool(OUTPUTS, MASK)
    assert torch.allclose(found[2], torch.tensor([0.8, 0.6])) and torch.allclose(found.norm(dim=1), torch.ones(3))


def test_a_second_layer() -> None:
    vectors = torch.tensor(BY_HAND["mean"])
    one, two = head("mean"), head("mean", layers=2)
    assert torch.allclose(one(vectors), vectors @ one.out.weight.T + one.out.bias)
    assert two.hidden is not None
    inner = torch.nn.functional.gelu(vectors @ two.hidden.weight.T + two.hidden.bias)
    assert torch.allclose(two(vectors), inner @ two.out.weight.T + two.out.bias)


def test_dropout_while_training_only() -> None:
    vectors, made = torch.tensor(BY_HAND["mean"]), head("mean", dropout=0.5)
    made.train()
    assert len({tuple(made(vectors).flatten().tolist()) for _ in range(10)}) > 1
    made.eval()
    assert torch.equal(made(vectors), made(vectors))


def test_the_dropout_of_a_recipe_reaches_the_head(toy_model: Path, toy_data: Path, tmp_path: Path) -> None:
    def made(dropout: float | None) -> float:
        plain = load_model(str(toy_model), AutoModelForSequenceClassification, num_labels=3)
        return with_head(plain, pooling="mean", layers=1, unit=False, dropout=dropout).labkit_head.dropout.p

    assert made(0.45) == 0.45 and made(0.0) == 0.0
    assert made(None) == 0.1, "as the model's own head has it"
    recipe = toy_recipe(toy_data, toy_model, model={"pooling": "mean", "dropout": 0.45}, budget={"max_steps": 1})
    model: Any = Predictor.load(train(recipe, tmp_path / "run")).model
    assert model.labkit_head.dropout.p == 0.45 and model.config.hidden_dropout_prob == 0.45
