"""Keeping a fine-tuned model near what it knew, and its weights calm: L2-SP, mixout, averaging."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

AVERAGE = "average.safetensors"
"""File of a checkpoint with the averaged weights."""


class Anchor:
    """L2-SP: a penalty of ``strength``/2 times the squared distance of the weights from their pretrained values (Li, Grandvalet
    and Davoine 2018, arXiv:1802.01483). New weights, which have none, are left to weight decay.

    Args:
        model: as pretrained.
        strength: of the penalty.
        new: names of the weights that are not pretrained.
    """

    def __init__(self, model: Any, strength: float, new: frozenset[str]) -> None:
        self.strength = strength
        kept = [one for name, one in model.named_parameters() if one.requires_grad and name not in new]
        self.pairs = [(one, one.detach().clone()) for one in kept]

    def pull(self) -> None:
        """Add the penalty's gradient to that of the loss."""
        for parameter, before in self.pairs:
            if parameter.grad is not None:
                parameter.grad.add_(parameter.detach() - before, alpha=self.strength)


def mixout(model: Any, share: float, new: frozenset[str]) -> int:
    """Put each weight of the linear layers back to its pretrained value with a probability, anew for every step, and scale
    so that the mean stays (Lee, Cho and Kang 2020, arXiv:1909.11299).

    Args:
        model: as pretrained; its linear layers are changed in place, while training only.
        share: the probability.
        new: names of the weights that are not pretrained, and left alone.

    Returns:
        How many layers that are.
    """
    changed = 0
    for name, module in model.named_modules():
        if (
            not isinstance(module, torch.nn.Linear | Conv1D)
            or f"{name}.weight" in new
            or not module.weight.requires_grad
        ):
            continue
        before = module.weight.detach().clone()
        vars(module)["forward"] = _Mixed(module, before, share)  # before the method of the class
        changed += 1
    return changed


class _Mixed:
    """The forward pass of a linear layer with some of its weights put back."""

    def __init__(self, layer: torch.nn.Linear | Conv1D, before: torch.Tensor, share: float) -> None:
        self.layer, self.before, self.share = layer, before, share

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.layer.weight
        if self.layer.training:
            # of the difference dropout keeps some, scaled: the same as the paper's formula (3)
            weight = self.before + functional.dropout(weight - self.before, self.share)
        if isinstance(self.layer, Conv1D):  # GPT-2's linear map, which keeps its weights the other way round
            weight = weight.T
        return functional.linear(x, weight, self.layer.bias)


class Mixup:
    """Mixes the word embeddings of the rows of a batch with those of others, and their losses in the same shares (Zhang et al.
    2018, mixup, arXiv:1710.09412; of embeddings as Guo, Mao and Zhang 2019, arXiv:1905.08941).

    Args:
        model: whose table of word embeddings is listened to.
        alpha: of the beta distribution that the shares come from.
    """

    def __init__(self, model: Any, alpha: float) -> None:
        self.alpha = alpha
        self.plan: tuple[torch.Tensor, float] | None = None
        model.get_input_embeddings().register_forward_hook(self._mix)

    def _mix(self, module: Any, args: Any, output: torch.Tensor) -> torch.Tensor:
        if self.plan is None:
            return output
        partner, share = self.plan
        return share * output + (1 - share) * output[partner]

    def loss(
        self,
        run: Callable[[dict[str, Any]], Any],
        inputs: dict[str, Any],
        labels: torch.Tensor,
        measure: Callable[[Any, torch.Tensor], torch.Tensor],
    ) -> tuple[torch.Tensor, Any]:
        """The loss of a mixed batch, and what the model said about it.

        Args:
            run: the model, of inputs.
            inputs: of the batch.
            labels: of the batch.
            measure: the loss, of (model output, labels).
        """
        mask = inputs["attention_mask"]
        partner = torch.randperm(len(mask), device=mask.device)
        share = float(torch.distributions.Beta(self.alpha, self.alpha).sample())
        self.plan = (partner, share)
        try:
            output = run({**inputs, "attention_mask": mask | mask[partner]})
        finally:
            self.plan = None
        return share * measure(output, labels) + (1 - share) * measure(output, labels[partner]), output


class Average:
    """An exponential moving average of the weights, which is judged and kept in their place (as the teacher's of Tarvainen and
    Valpola 2017, Mean teachers are better role models, arXiv:1703.01780; with the warm-up of the decay that TensorFlow's
    ``ExponentialMovingAverage`` has).

    Args:
        model: whose trained parameters are averaged.
        decay: share of the old average that stays at each step.
    """

    def __init__(self, model: Any, decay: float) -> None:
        self.decay = decay
        self.now = {name: one for name, one in model.named_parameters() if one.requires_grad}
        self.mean = {name: one.detach().clone() for name, one in self.now.items()}

    def step(self, number: int) -> None:
        """Take the weights behind an optimiser step in, counted from 1."""
        decay = min(self.decay, (1 + number) / (10 + number))
        torch._foreach_lerp_(list(self.mean.values()), [one.detach() for one in self.now.values()], 1 - decay)

    @contextlib.contextmanager
    def in_force(self) -> Iterator[None]:
        """The model has the averaged weights as long as this lasts."""
        before = {name: one.detach().clone() for name, one in self.now.items()}
        self._put(self.mean)
        try:
            yield
        finally:
            self._put(before)

    def save(self, folder: Path) -> None:
        """Write the average into a checkpoint."""
        from safetensors.torch import save_file

        save_file(self.mean, folder / AVERAGE)

    def load(self, folder: Path) -> None:
        """Read the average of a checkpoint."""
        from safetensors.torch import load_file

        for name, value in load_file(folder / AVERAGE).items():
            self.mean[name].copy_(value)

    def put(self) -> None:
        """Give the model the averaged weights for good."""
        self._put(self.mean)

    def _put(self, values: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, one in self.now.items():
                one.copy_(values[name])
