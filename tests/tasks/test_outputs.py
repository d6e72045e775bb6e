"""Masked language models asked at some places: the same answers as everywhere, from a head that reads less."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from torch.nn import functional

from labkit.tasks import asking, logits_at
from labkit.tasks._losses import IGNORED, token_decisions

_SMALL = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "intermediate_size": 32,
}
MASKED = {
    "bert": {},
    "roberta": {},
    "electra": {"embedding_size": 16},
    "albert": {"embedding_size": 8},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "mpnet": {},
    "distilbert": {"dim": 16, "n_heads": 2, "n_layers": 2, "hidden_dim": 32},
    "modernbert": {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2},
    "xlm": {"emb_dim": 16, "n_heads": 2, "n_layers": 2, "n_words": 50},
    "bart": {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32},
}


def small(kind: str) -> Any:
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(kind, **{**_SMALL, **MASKED[kind]})
    return transformers.AutoModelForMaskedLM.from_config(config).eval()


INPUTS = {
    "input_ids": torch.tensor([[3, 7, 4, 9, 5], [8, 4, 6, 1, 1]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
}
LABELS = torch.tensor([[IGNORED, 12, IGNORED, 13, IGNORED], [14, IGNORED, IGNORED, IGNORED, IGNORED]])


@pytest.mark.parametrize("kind", MASKED)
def test_some_places_say_what_they_say_among_all(kind: str) -> None:
    model = small(kind)
    with torch.no_grad():
        everywhere = model(**INPUTS, output_hidden_states=True)
        some = asking("AutoModelForMaskedLM")(model, {**INPUTS, "output_hidden_states": True}, LABELS)
        chosen = logits_at(model, INPUTS, LABELS != IGNORED)
    assert everywhere.logits.shape == (2, 5, 50) and some.logits.shape == (1, 3, 50)
    expected = token_decisions(everywhere.logits, LABELS)
    found = token_decisions(some.logits, LABELS)
    torch.testing.assert_close(found.logits, expected.logits)
    torch.testing.assert_close(chosen, expected.logits)
    assert found.target.tolist() == [12, 13, 14]
    if kind != "bart":  # whose output names those of its two stacks
        for mine, whole in zip(some.hidden_states, everywhere.hidden_states, strict=True):
            torch.testing.assert_close(mine, whole)
    assert model(**INPUTS).logits.shape == (2, 5, 50), "afterwards it is as it was"


def test_the_gradients_are_the_same() -> None:
    found = []
    for ask in (asking("AutoModelForMaskedLM"), asking("AutoModelForTokenClassification")):
        model = small("bert")
        told = token_decisions(ask(model, INPUTS, LABELS).logits, LABELS)
        functional.cross_entropy(told.logits, told.target).backward()
        found.append({name: one.grad for name, one in model.named_parameters() if one.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(gradient, found[1][name], msg=name)


def test_a_model_that_hands_over_something_else_says_everything() -> None:
    class Other(torch.nn.Module):
        base_model_prefix = "body"

        def __init__(self) -> None:
            super().__init__()
            self.body = torch.nn.Embedding(50, 8)
            self.head = torch.nn.Linear(8, 50)

        def forward(self, input_ids: torch.Tensor, **_: Any) -> Any:
            return SimpleNamespace(logits=self.head(self.body(input_ids)))

    other = Other()
    for prefix in ("body", "elsewhere"):
        other.base_model_prefix = prefix
        told = logits_at(other, INPUTS, LABELS != IGNORED)
        torch.testing.assert_close(told, other(**INPUTS).logits[LABELS != IGNORED])
        assert asking("AutoModelForMaskedLM")(other, INPUTS, LABELS).logits.shape == (2, 5, 50)
