"""What a model says about a batch, as far as anybody wants to know it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from labkit.tasks._losses import IGNORED

if TYPE_CHECKING:
    import torch

Ask = Callable[[Any, Mapping[str, Any], "torch.Tensor"], Any]


def asking(head: str) -> Ask:
    """A function of (model, inputs, labels) to the model's output. The logits of a language model may be those of the n places
    alone at which a token with a label is foreseen, of shape (1, n, vocabulary).

    Args:
        head: the ``AutoModelFor…`` class of the task.
    """
    return {"AutoModelForMaskedLM": _where_masked, "AutoModelForCausalLM": _before_learnt}.get(head, _everywhere)


def foreseeing(labels: torch.Tensor, *, shifted: bool) -> torch.Tensor:
    """Where a language model says which token has a label: bool, shape (rows, length).

    Args:
        labels: shape (rows, length), ``IGNORED`` where there is none.
        shifted: whether a token is foreseen at the place before it.
    """
    from torch.nn import functional

    there = labels != IGNORED
    return functional.pad(there[:, 1:], (0, 1)) if shifted else there


def logits_at(model: Any, inputs: Mapping[str, Any], places: torch.Tensor) -> torch.Tensor:
    """Logits of a language model at some places, shape (n, vocabulary), in the order of rows and places.

    Args:
        model: with its head.
        inputs: of the model, of shape (rows, length).
        places: bool, shape (rows, length), with n that are true.
    """
    with _head_at(model, places):
        logits: torch.Tensor = model(**inputs).logits
    return logits[places] if logits.shape[:2] == places.shape else logits[0]


def _everywhere(model: Any, inputs: Mapping[str, Any], labels: torch.Tensor) -> Any:
    return model(**inputs)


def _where_masked(model: Any, inputs: Mapping[str, Any], labels: torch.Tensor) -> Any:
    with _head_at(model, foreseeing(labels, shifted=False)):
        return model(**inputs)


def _before_learnt(model: Any, inputs: Mapping[str, Any], labels: torch.Tensor) -> Any:
    with _head_at(model, foreseeing(labels, shifted=True)):
        return model(**inputs)


@contextlib.contextmanager
def _head_at(model: Any, places: torch.Tensor) -> Iterator[None]:
    """The head of a language model reads these places of the body's last layer, and no others.

    It says for each place how probable every token of the vocabulary is, which in a small model is more work than all layers
    of the body, while a seventh of the places is masked, and of a conversation the answers alone are learnt. A head looks at
    each place for itself, so that nothing else changes. A model that does not hand over one vector a place, as one with a
    prompt in front, goes on saying everything.
    """
    body = getattr(model, model.base_model_prefix, None)
    if body is None:
        yield
        return

    def some(module: Any, inputs: Any, output: Any) -> Any:
        last = getattr(output, "last_hidden_state", None)
        if last is None or last.shape[:2] != places.shape:
            return output
        return dataclasses.replace(output, last_hidden_state=last[places.to(last.device)][None])

    hook = body.register_forward_hook(some)
    try:
        yield
    finally:
        hook.remove()
