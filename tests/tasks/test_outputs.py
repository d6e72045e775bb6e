"""Language models asked at some places: the same answers as everywhere, from a head that reads less."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from torch.nn import functional

from labkit.tasks import asking, logits_at
from labkit.tasks._losses import IGNORED, token_decisions
from labkit.tasks._outputs import foreseeing

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
CAUSAL = {
    "gpt2": {"n_embd": 16, "n_head": 2, "n_layer": 2},
    "llama": {"num_key_value_heads": 1},
    "qwen2": {"num_key_value_heads": 1},
    "gemma3_text": {"num_key_value_heads": 1, "head_dim": 8},
    "opt": {"ffn_dim": 32, "word_embed_proj_dim": 16, "pad_token_id": 0},
    "bloom": {"n_head": 2, "n_layer": 2},
    "xlnet": {"d_model": 16, "n_head": 2, "n_layer": 2, "d_inner": 32},
    "mamba": {"state_size": 4},
    "bert": {"is_decoder": True},
}
HEADS = [*(("MaskedLM", kind) for kind in MASKED), *(("CausalLM", kind) for kind in CAUSAL)]


def small(head: str, kind: str) -> Any:
    torch.manual_seed(0)
    more = (MASKED if head == "MaskedLM" else CAUSAL)[kind]
    config = transformers.AutoConfig.for_model(kind, **{**_SMALL, **more})
    return getattr(transformers, f"AutoModelFor{head}").from_config(config).eval()


INPUTS = {
    "input_ids": torch.tensor([[3, 7, 4, 9, 5], [8, 4, 6, 1, 1]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
}
LABELS = torch.tensor([[IGNORED, 12, IGNORED, 13, IGNORED], [IGNORED, 14, IGNORED, IGNORED, IGNORED]])


@pytest.mark.parametrize(("head", "kind"), HEADS)
def test_some_places_say_what_they_say_among_all(head: str, kind: str) -> None:
    model, shifted = small(head, kind), head == "CausalLM"
    with torch.no_grad():
        everywhere = model(**INPUTS, output_hidden_states=True)
        some = asking(f"AutoModelFor{head}")(model, {**INPUTS, "output_hidden_states": True}, LABELS)
        chosen = logits_at(model, INPUTS, foreseeing(LABELS, shifted=shifted))
    less = (2, 5) if kind == "opt" else (1, 3)  # that one calls a part of its body, past the body itself
    assert everywhere.logits.shape == (2, 5, 50) and some.logits.shape == (*less, 50)
    expected = token_decisions(everywhere.logits, LABELS, shifted=shifted)
    found = token_decisions(some.logits, LABELS, shifted=shifted)
    torch.testing.assert_close(found.logits, expected.logits)
    torch.testing.assert_close(chosen, expected.logits)
    assert found.target.tolist() == [12, 13, 14]
    if kind != "bart":  # whose output names those of its two stacks
        for mine, whole in zip(some.hidden_states, everywhere.hidden_states, strict=True):
            torch.testing.assert_close(mine, whole)
    assert model(**INPUTS).logits.shape == (2, 5, 50), "afterwards it is as it was"


@pytest.mark.parametrize(("head", "kind"), [("MaskedLM", "bert"), ("CausalLM", "gpt2")])
def test_the_gradients_are_the_same(head: str, kind: str) -> None:
    found = []
    for ask in (asking(f"AutoModelFor{head}"), asking("AutoModelForTokenClassification")):
        model = small(head, kind)
        told = token_decisions(ask(model, INPUTS, LABELS).logits, LABELS, shifted=head == "CausalLM")
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
