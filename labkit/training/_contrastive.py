"""Few labels: before a head is fitted, the body learns to tell the classes apart, from pairs of texts."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from labkit import models
from labkit.errors import RecipeError
from labkit.events import Note, StepLogged
from labkit.training._trainer import LOG_SECONDS, diverged

if TYPE_CHECKING:
    from labkit.training._fit import Fitting

_TEXTS = 32  # of a batch: 496 pairs
_EACH = 4  # texts of a class in a batch, at least, so that there are pairs of one class


def members(targets: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which row has which class.

    Args:
        targets: class of each row, -1 where it is not known, shape (n,); or 0 and 1 for each class, shape (n, k).

    Returns:
        Shape (n, k).
    """
    return targets > 0 if targets.ndim > 1 else targets[:, None] == np.arange(targets.max(initial=0) + 1)


def draws(has: npt.NDArray[np.bool_], steps: int, seed: int) -> Iterator[list[int]]:
    """Batches of rows with several of each class that is in them.

    Args:
        has: which row has which class, shape (n, k).
        steps: how many batches.
        seed: of the draw.
    """
    random = np.random.default_rng(seed)
    rows = {name: np.flatnonzero(has[:, name]) for name in np.flatnonzero(has.any(axis=0))}
    names = list(rows)
    for _ in range(steps):
        chosen = random.permutation(names)[: max(2, _TEXTS // _EACH)]
        each = _TEXTS // len(chosen)
        batch: dict[int, None] = {}  # a row with several classes is drawn once
        for name in chosen:
            batch |= dict.fromkeys(random.permutation(rows[name])[:each].tolist())
        yield list(batch)


def pairs_loss(vectors: torch.Tensor, has: torch.Tensor) -> torch.Tensor:
    """Squared distance of the cosine of each pair from 1, where the two share a class, and else from 0, both kinds weighing the
    same.

    The loss of sentence-pair tuning (Tunstall et al. 2022, Efficient few-shot learning without prompts, arXiv:2209.11055,
    section 3), on every pair of the batch: each text is read once and takes part in as many pairs as there are others.

    Args:
        vectors: shape (n, width).
        has: which of them has which class, shape (n, k).
    """
    unit = functional.normalize(vectors.float(), dim=-1)
    above = torch.triu_indices(len(unit), len(unit), offset=1)
    cosines = (unit @ unit.T)[above[0], above[1]]
    shared = has.float() @ has.float().T
    same = shared[above[0], above[1]] > 0
    parts = [(cosines[same] - 1).square(), cosines[~same].square()]
    means = [part.mean() for part in parts if len(part)]
    return torch.stack(means).mean()


def tune(it: Fitting, model: Any) -> bool:
    """Train the body on pairs of texts of one class and of two. False where someone asked to stop; it then starts over.

    Args:
        it: the training.
        model: with a head of ours, whose pooled vectors are compared.
    """
    targets = it.encoded["train"].targets
    if targets is None or it.task.decides == "number":
        raise RecipeError(["technique.contrastive is for texts with classes: set it to 0."])
    has = members(targets)
    steps = it.recipe.technique.contrastive
    it.emit(Note(text=f"The body learns to tell the classes apart: {steps} steps of pairs."))
    body = getattr(model, model.base_model_prefix)
    learnt = list(body.parameters())
    before = [one.requires_grad for one in learnt]
    for one in learnt:
        one.requires_grad_(True)
    model.get_input_embeddings().weight.requires_grad_(not it.recipe.technique.freeze_embeddings)
    optimizer = it.recipe.optimizer
    adamw = torch.optim.AdamW(
        [one for one in learnt if one.requires_grad], lr=0.0, weight_decay=optimizer.weight_decay, fused=True
    )
    device = models.machine().device
    kind = "cuda" if device == "cuda" else "cpu"
    lengths = it.encoded["train"].lengths
    model.to(device).train()
    losses: list[float] = []
    began = logged = time.monotonic()
    with it.interrupt.patience():
        for step, rows in enumerate(draws(has, steps, it.recipe.seed), 1):
            rate = optimizer.learning_rate * _rise_and_fall(step, steps, optimizer.warmup)
            for group in adamw.param_groups:
                group["lr"] = rate
            rows.sort(key=lengths.__getitem__)
            parts = []
            for some in (
                rows[: len(rows) // 2],
                rows[len(rows) // 2 :],
            ):  # the shorter half is not padded to the longest
                batch = {name: one.to(device) for name, one in it.encoded["train"].batch(some, **it.padding).items()}
                batch.pop("labels")
                with torch.autocast(kind, torch.bfloat16, enabled=it.precision == "bf16"):
                    parts.append(model.vectors(**batch).float())
            loss = pairs_loss(torch.cat(parts), torch.from_numpy(has[rows]).to(device))
            adamw.zero_grad()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(learnt, optimizer.max_gradient_norm or math.inf)
            adamw.step()
            losses.append(loss.item())
            if it.stopped():
                return False
            now = time.monotonic()
            if now - logged > LOG_SECONDS or step == steps:
                mean = float(np.mean(losses))
                if not math.isfinite(mean):
                    raise diverged(step, mean)
                it.emit(
                    StepLogged(
                        step=step,
                        epoch=round(step * _TEXTS / len(targets), 4),
                        loss=mean,
                        learning_rate=rate,
                        gradient_norm=float(norm),
                        examples_per_second=len(losses) * _TEXTS / max(now - logged, 1e-9),
                        seconds_left=(now - began) / step * (steps - step),
                    )
                )
                losses, logged = [], now
    model.to("cpu").eval()
    for one, learns in zip(learnt, before, strict=True):
        one.requires_grad_(learns)
    return True


def _rise_and_fall(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up, then linear decay to 0."""
    rising = max(1, int(warmup * steps))
    return step / rising if step <= rising else (steps - step + 1) / (steps - rising + 1)
