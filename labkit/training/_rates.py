"""Which learning rate: a short training in which it rises from far too low to far too high."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labkit.errors import LabError, RecipeError
from labkit.training._prepare import prepare
from labkit.training._recipe import Recipe

if TYPE_CHECKING:
    from labkit.training._batches import Batches

_SMOOTHING = 0.95  # of the moving mean of the losses
_GIVE_UP = 4.0  # times the lowest loss


@dataclass(frozen=True, kw_only=True)
class RateFinder:
    """What came of it.

    Attributes:
        rates: learning rate of each step.
        losses: smoothed loss of each step.
        suggestion: a third and a half of a third into the longest fall of the losses, where they fall steadily (as "valley"
            in fastai's ``lr_find``).
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float

    def __str__(self) -> str:
        return (
            f"learning rate {self.suggestion:.2g}: between {self.rates[0]:.0e} and {self.rates[-1]:.1e} the loss fell "
            f"from {self.losses[0]:.3g} to {min(self.losses):.3g}"
        )


def find_learning_rate(recipe: Recipe, *, low: float = 1e-6, high: float = 1.0, steps: int = 100) -> RateFinder:
    """Train for some steps while the learning rate rises from ``low`` to ``high``, and see where the loss falls.

    The rate grows by the same factor from step to step, and it ends where the loss is four times the lowest (Smith 2017,
    Cyclical learning rates, arXiv:1506.01186, section 3.3). Nothing of the training is kept. The suggestion is a place to
    begin: a search by validation score (``search``) says more, and takes longer.

    Args:
        recipe: whose data, model and technique are tried.
        low, high: the first and the last learning rate.
        steps: of the optimiser.

    Raises:
        LabError: bounds that are none, or fewer than 10 steps; and whatever a training raises.
        RecipeError: a head that is fitted without a learning rate (technique.solver = "lbfgs").
    """
    if not 0 < low < high:
        raise LabError("learning rates 0 < low < high", f"{low} and {high}")
    if steps < 10:
        raise LabError("10 steps at least", str(steps))
    if recipe.technique.solver == "lbfgs":
        why = "its rate is that of the contrastive steps: find it by score, with labkit search"
        why = why if recipe.technique.contrastive else "it is fitted without one"
        raise RecipeError([f"technique.solver = 'lbfgs' has no loss that rises with a learning rate; {why}."])
    with tempfile.TemporaryDirectory() as folder:
        run = prepare(recipe, Path(folder) / "run")
        rates, losses = _rise(run.directory, low, high, steps)
    return RateFinder(rates=tuple(rates), losses=tuple(losses), suggestion=rates[_valley(losses)])


def _rise(directory: Path, low: float, high: float, steps: int) -> tuple[list[float], list[float]]:
    import torch

    from labkit import models
    from labkit.tasks import asking
    from labkit.training._batches import Batches
    from labkit.training._fit import begin, loss
    from labkit.training._interrupt import Interrupt
    from labkit.training._train import fitting

    with models.quiet_transformers():
        it = fitting(directory, lambda event: None, Interrupt())
        model, _ = begin(it)
    learnt = [one for one in model.parameters() if one.requires_grad]
    adamw = torch.optim.AdamW(learnt, lr=low, weight_decay=it.recipe.optimizer.weight_decay)
    ask, measure, rows = asking(it.task.head), loss(it), it.encoded["train"]
    batches = Batches(rows.lengths, it.recipe.optimizer.batch_size, it.recipe.seed, classes=it.classes)
    device = "cuda" if models.machine().device == "cuda" else "cpu"
    model.to(device).train()
    if it.recipe.technique.trainable == "head":  # as in the training itself: a body that learns nothing has no dropout
        getattr(model, model.base_model_prefix).eval()
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    for step, positions in enumerate(itertools.islice(_forever(batches), steps)):
        rate = low * (high / low) ** (step / (steps - 1))
        for group in adamw.param_groups:
            group["lr"] = rate
        seen = rows.of_epoch(it.recipe.seed, batches.epoch)
        batch = {name: one.to(device) for name, one in seen.batch(positions, **it.padding).items()}
        labels = batch["labels"] if it.task.feeds_labels else batch.pop("labels")
        with torch.autocast(device, torch.bfloat16, enabled=it.precision == "bf16"):
            value = measure(ask(model, batch, labels), labels)
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * value.item()
        smooth = mean / (1 - _SMOOTHING ** (step + 1))
        if not np.isfinite(smooth) or (losses and smooth > _GIVE_UP * min(losses)):
            break
        rates.append(rate)
        losses.append(smooth)
        adamw.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(learnt, it.recipe.optimizer.max_gradient_norm or float("inf"))
        adamw.step()
    if len(rates) < 5:
        raise LabError("a loss that stays finite for some steps", f"{len(rates)} steps", "begin with a lower rate")
    return rates, losses


def _forever(batches: Batches) -> Iterator[list[int]]:
    for epoch in itertools.count():
        batches.set_epoch(epoch)
        yield from batches


def _valley(losses: Sequence[float]) -> int:
    """Where in the longest falling subsequence to stand."""
    count = len(losses)
    longest, best = [1] * count, 0
    for i in range(count):
        for j in range(i):
            if losses[i] < losses[j]:
                longest[i] = max(longest[i], longest[j] + 1)
        if longest[i] > longest[best]:
            best = i
    start = best - longest[best]
    third = (best - start) / 3
    return max(0, min(count - 1, start + int(third) + int(third / 2)))
