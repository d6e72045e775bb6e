"""Few labels: before a head is fitted, the body learns to bring the texts of a class together.

The two stages are SetFit's (Tunstall et al. 2022, Efficient few-shot learning without prompts, arXiv:2209.11055, section 3).
Its loss of pairs is not: held-out training rows of banking77 (8 a class, 77 classes) liked ``supervised_loss`` better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from labkit import models
from labkit.errors import RecipeError
from labkit.events import Note
from labkit.training._trainer import StepLog, by_decay, rise_and_fall

if TYPE_CHECKING:
    from labkit.training._fit import Fitting

_TEXTS = 32  # of a batch
_CLASSES = _TEXTS // 2  # in a batch at most, so that each text has one to be near to
_CENTRE = 16  # texts of a class whose mean is its centre
_TEMPERATURE = 0.1  # as in the paper's section 4


def members(targets: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which row has which class.

    Args:
        targets: class of each row, -1 where it is not known, shape (n,); or 0 and 1 for each class, shape (n, k).

    Returns:
        Shape (n, k).
    """
    return targets > 0 if targets.ndim > 1 else targets[:, None] == np.arange(targets.max(initial=0) + 1)


def draws(
    has: npt.NDArray[np.bool_], steps: int, seed: int, centres: npt.NDArray[np.floating[Any]] | None = None
) -> Iterator[list[int]]:
    """Batches of rows with several of each class that is in them. With centres every second batch is of a class and those
    nearest to it, which are the hard ones to tell apart.

    Args:
        has: which row has which class, shape (n, k).
        steps: how many batches.
        seed: of the draw.
        centres: of the classes, shape (k, width).
    """
    random = np.random.default_rng(seed)
    rows = {name: np.flatnonzero(has[:, name]) for name in np.flatnonzero(has.any(axis=0))}
    names = np.array(list(rows))
    nearest = None
    if centres is not None:
        unit = centres[names] / np.maximum(np.linalg.norm(centres[names], axis=1, keepdims=True), 1e-12)
        nearest = np.argsort(-(unit @ unit.T), axis=1)
    for step in range(steps):
        mixed = random.permutation(len(names))[:_CLASSES]
        chosen = names[mixed if nearest is None or step % 2 == 0 else nearest[mixed[0]][:_CLASSES]]
        each = _TEXTS // len(chosen)
        batch: dict[int, None] = {}  # a row with several classes is drawn once
        for name in chosen:
            batch |= dict.fromkeys(random.permutation(rows[name])[:each].tolist())
        yield list(batch)


def supervised_loss(vectors: torch.Tensor, has: torch.Tensor) -> torch.Tensor:
    """Each text is to be nearer to those that share a class with it than to the others of its batch.

    The supervised contrastive loss (Khosla et al. 2020, Supervised contrastive learning, arXiv:2004.11362, equation 2): the
    softmax over a text's cosines with all others, divided by the temperature; the mean of its logarithm over those that share
    a class. Each text is read once and compared with all others of the batch.

    Args:
        vectors: shape (n, width).
        has: which of them has which class, shape (n, k).
    """
    unit = functional.normalize(vectors.float(), dim=-1)
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    cosines = (unit @ unit.T / _TEMPERATURE).masked_fill(itself, -math.inf)
    shared = ((has.float() @ has.float().T) > 0) & ~itself
    said = torch.log_softmax(cosines, dim=-1).masked_fill(~shared, 0.0)
    partners = shared.sum(dim=-1)
    means = said.sum(dim=-1)[partners > 0] / partners[partners > 0]
    return -means.mean() if len(means) else vectors.sum() * 0.0


def tune(it: Fitting, model: Any, started: Callable[[], None]) -> bool:
    """Train the body on the classes of the texts. False where someone asked to stop; it then starts over.

    AdamW, with a linear rise and fall of the learning rate.

    Args:
        it: the training.
        model: with a head of ours, whose pooled vectors are compared.
        started: called when it is settled what is trained.

    Raises:
        RecipeError: rows without classes, or no two rows of a class.
    """
    targets = it.encoded["train"].targets
    if targets is None or it.task.decides == "number":
        raise RecipeError(["technique.contrastive is for texts with classes: set it to 0."])
    has = members(targets)
    if has.sum(axis=0).max(initial=0) < 2:
        raise RecipeError(
            ["technique.contrastive brings texts of a class together, and no class has two: set it to 0."]
        )
    steps, optimizer = it.recipe.technique.contrastive, it.recipe.optimizer
    body = getattr(model, model.base_model_prefix)
    learnt = list(body.parameters())
    before = [one.requires_grad for one in learnt]
    for one in learnt:
        one.requires_grad_(True)
    model.get_input_embeddings().weight.requires_grad_(not it.recipe.technique.freeze_embeddings)
    started()
    it.emit(Note(text=f"The body learns to tell the classes apart: {steps} contrastive steps."))
    taking = [one for one in learnt if one.requires_grad]
    adamw = torch.optim.AdamW(
        by_decay(taking, optimizer.weight_decay),
        lr=0.0,
        betas=(optimizer.beta1, optimizer.beta2),
        eps=optimizer.epsilon,
        fused=True,
    )
    device = models.machine().device
    lengths = it.encoded["train"].lengths
    model.to(device)
    with it.interrupt.patience():
        centres = _centres(it, model, has, device) if has.any(axis=0).sum() > _CLASSES else None
        model.train()
        log = StepLog(steps, len(targets) / _TEXTS, it.emit)
        for step, rows in enumerate(draws(has, steps, it.recipe.seed, centres), 1):
            if it.stopped():
                return False
            rate = optimizer.learning_rate * rise_and_fall(step, steps, optimizer.warmup)
            for group in adamw.param_groups:
                group["lr"] = rate
            rows.sort(key=lengths.__getitem__)
            halves = rows[: len(rows) // 2], rows[len(rows) // 2 :]  # the shorter is not padded to the longest
            parts = [_vectors(it, model, some, device) for some in halves if some]
            loss = supervised_loss(torch.cat(parts), torch.from_numpy(has[rows]).to(device))
            adamw.zero_grad()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(taking, optimizer.max_gradient_norm or math.inf)
            adamw.step()
            log.batch(loss.item(), len(rows))
            log.step(step, rate, float(norm))
    model.to("cpu").eval()
    for one, learns in zip(learnt, before, strict=True):
        one.requires_grad_(learns)
    return True


def _centres(it: Fitting, model: Any, has: npt.NDArray[np.bool_], device: str) -> npt.NDArray[np.float64]:
    """The mean vector of some texts of each class, shape (k, width)."""
    model.eval()
    found: list[npt.NDArray[np.float64] | None] = []
    with torch.inference_mode():
        for name in range(has.shape[1]):
            rows = np.flatnonzero(has[:, name])[:_CENTRE].tolist()
            found.append(_vectors(it, model, rows, device).mean(dim=0).double().cpu().numpy() if rows else None)
    width = next(len(one) for one in found if one is not None)
    return np.stack([np.zeros(width) if one is None else one for one in found])


def _vectors(it: Fitting, model: Any, rows: Sequence[int], device: str) -> torch.Tensor:
    """Pooled vectors of training rows, shape (n, width)."""
    batch = {name: one.to(device) for name, one in it.encoded["train"].batch(rows, **it.padding).items()}
    batch.pop("labels")
    kind = "cuda" if device == "cuda" else "cpu"
    with torch.autocast(kind, torch.bfloat16, enabled=it.precision == "bf16"):
        said: torch.Tensor = model.vectors(**batch)
    return said.float()
