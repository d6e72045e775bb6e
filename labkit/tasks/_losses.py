"""The loss of every task that decides token by token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""Target of a token that the loss leaves out; torch's own."""


def token_loss(label_smoothing: float, *, shifted: bool = False) -> Callable[[Any, torch.Tensor], torch.Tensor]:
    """Cross-entropy, mean over the tokens that have a target: each of the batch counts alike.

    Args:
        label_smoothing: share of the target that is spread over all classes (Szegedy et al. 2016, arXiv:1512.00567).
        shifted: whether the token at a place is foreseen by the output at the place before it.
    """
    from torch.nn import functional

    def mean(output: Any, target: torch.Tensor) -> torch.Tensor:
        logits = output.logits
        if shifted:
            logits, target = logits[:, :-1], target[:, 1:]
        # only the tokens that count are turned into floats: with 15 % masked that is a seventh of the memory
        there = target != IGNORED
        summed = functional.cross_entropy(
            logits[there].float(), target[there], label_smoothing=label_smoothing, reduction="sum"
        )
        # a batch may have no target at all: then there is nothing to learn, not a division by zero
        return summed / there.sum().clamp(min=1)

    return mean
