"""Losses by name: how far the decisions of a model are from the true ones, whatever the task.

A task says which logits of a batch decide what (``Task.decisions``) and of which kind its decisions are; the rest is the same
for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from labkit.errors import RecipeError

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""Target of a token that the loss leaves out; torch's own."""

Decision = Literal["one", "each", "number"]
"""One of several classes; each class or not; or a number."""
LossName = Literal["auto", "focal", "ordinal"]

LOSSES: dict[str, tuple[Decision, ...]] = {
    "auto": ("one", "each", "number"),
    "focal": ("one", "each"),
    "ordinal": ("one",),
}
"""Loss → the kinds of decisions it is for. "auto" is cross-entropy of one class of several, binary cross-entropy of each class,
and the mean squared error of numbers."""


class Decisions(NamedTuple):
    """What a batch has decided, padding and whatever has no truth left out.

    Attributes:
        logits: shape (n, k) for decisions between or about k classes; (n,) for numbers, in the units of ``target``.
        target: index of the true class, shape (n,); 0 or 1 for each class, shape (n, k); or the true numbers, shape (n,).
    """

    logits: torch.Tensor
    target: torch.Tensor


def token_decisions(logits: torch.Tensor, target: torch.Tensor, *, shifted: bool = False) -> Decisions:
    """Those of tokens that have a target: each of the batch counts alike.

    Args:
        logits: shape (rows, length, k), or (1, n, k) of the n tokens with a target.
        target: class of each token, or ``IGNORED``, shape (rows, length).
        shifted: whether the token at a place is foreseen by the output at the place before it.
    """
    whole = logits.shape[:2] == target.shape
    if shifted:
        logits, target = logits[:, :-1] if whole else logits, target[:, 1:]
    # only the tokens that count are turned into floats: with 15 % masked that is a seventh of the memory
    there = target != IGNORED
    return Decisions((logits[there] if whole else logits[0]).float(), target[there])


def loss_of(
    decisions: Callable[[Any, torch.Tensor], Decisions],
    kind: Decision,
    *,
    name: LossName = "auto",
    weights: Sequence[float] | None = None,
    label_smoothing: float = 0.0,
    gamma: float = 2.0,
) -> Callable[[Any, torch.Tensor], torch.Tensor]:
    """A function of (model output, labels) to the mean loss of a batch.

    Args:
        decisions: of the task.
        kind: of its decisions.
        name: "auto"; "focal": cross-entropy with sure decisions counting less (Lin et al. 2017, arXiv:1708.02002); "ordinal":
            squared earth mover's distance, for classes in an order, so that a near class is less wrong than a far one (Hou,
            Yu and Samaras 2016, arXiv:1611.05916).
        weights: of each class in the mean; where each class is decided, of its positives.
        label_smoothing: share of the target that is spread over all classes (Szegedy et al. 2016, arXiv:1512.00567).
        gamma: of the focal loss: how much less sure decisions count; 0: it is cross-entropy.

    Raises:
        RecipeError: the loss is not for such decisions, or not together with label smoothing or class weights.
    """
    problems = loss_problems(kind, name=name, weights=weights is not None, label_smoothing=label_smoothing)
    if problems:
        raise RecipeError(problems)
    import torch

    weight = None if weights is None else torch.tensor(weights, dtype=torch.float32)
    measure = {"one": _one, "each": _each, "number": _number}[kind]
    options = {"name": name, "label_smoothing": label_smoothing, "gamma": gamma}

    def mean(output: Any, target: torch.Tensor) -> torch.Tensor:
        decided = decisions(output, target)
        return measure(decided, None if weight is None else weight.to(decided.logits.device), options)

    return mean


def loss_problems(kind: Decision, *, name: str, weights: bool, label_smoothing: float) -> list[str]:
    """Why a loss does not fit, in the words of the recipe; empty where it does."""
    found = []
    if kind not in LOSSES[name]:
        what = {"one": "one class of several", "each": "each of several labels", "number": "scores"}[kind]
        fitting = ", ".join(one for one, kinds in LOSSES.items() if kind in kinds)
        found.append(f"technique.loss = {name!r} is not for decisions about {what}. There are: {fitting}.")
    given = [setting for setting, value in (("class_weights", weights), ("label_smoothing", label_smoothing)) if value]
    if kind == "number":
        found += [f"technique.{setting} is for classes, and this data has scores." for setting in given]
    elif name == "ordinal":
        found += [f"technique.{setting} does not go with technique.loss = 'ordinal'." for setting in given]
    elif name == "focal" and label_smoothing:
        found.append("technique.label_smoothing does not go with technique.loss = 'focal'.")
    return found


def divergence(mine: Decisions, other: Decisions, kind: Decision, *, temperature: float = 1.0) -> torch.Tensor:
    """How far one model's decisions are from another's: the mean Kullback–Leibler divergence of ``mine`` from ``other``, over
    rows, and over the classes too where each is decided; of numbers, the mean squared difference.

    Args:
        mine: decisions that follow; the gradient goes through both.
        other: decisions that lead, of the same batch.
        kind: of the decisions.
        temperature: logits are divided by it, and the result is multiplied by its square (Hinton, Vinyals and Dean 2015,
            arXiv:1503.02531, section 2).
    """
    from torch.nn import functional

    if not len(mine.logits):
        return mine.logits.sum()
    if kind == "number":
        return functional.mse_loss(mine.logits, other.logits)
    ours, theirs = mine.logits / temperature, other.logits / temperature
    if kind == "one":
        said = functional.kl_div(ours.log_softmax(-1), theirs.log_softmax(-1), reduction="batchmean", log_target=True)
        return said * temperature**2
    p = theirs.sigmoid()
    both = p * (functional.logsigmoid(theirs) - functional.logsigmoid(ours))
    both = both + (1 - p) * (functional.logsigmoid(-theirs) - functional.logsigmoid(-ours))
    return both.mean() * temperature**2  # over rows and classes, as the loss of the labels is


def _one(decided: Decisions, weight: torch.Tensor | None, options: Mapping[str, Any]) -> torch.Tensor:
    import torch
    from torch.nn import functional

    logits, target = decided
    if not len(target):  # a batch may have no target at all: then there is nothing to learn, not a division by zero
        return logits.sum()
    if options["name"] == "auto":
        smoothing = options["label_smoothing"]
        return functional.cross_entropy(logits, target, weight=weight, label_smoothing=smoothing)
    if options["name"] == "ordinal":
        said = logits.softmax(-1).cumsum(-1)
        true = functional.one_hot(target, logits.shape[-1]).to(said.dtype).cumsum(-1)
        losses = (said - true).square().sum(-1)
    else:
        logs = logits.log_softmax(-1).gather(-1, target[:, None])[:, 0]
        losses = -_doubt(logs, options["gamma"]) * logs
    if weight is None or options["name"] == "ordinal":
        mean: torch.Tensor = losses.mean()
        return mean
    return torch.sum(losses * weight[target]) / weight[target].sum()


def _each(decided: Decisions, weight: torch.Tensor | None, options: Mapping[str, Any]) -> torch.Tensor:
    from torch.nn import functional

    logits, target = decided
    if options["name"] == "auto":
        smoothing = options["label_smoothing"]
        goal = target * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(logits, goal, pos_weight=weight)
    logs = functional.logsigmoid(logits * (2 * target - 1))  # of the true decision
    losses = -_doubt(logs, options["gamma"]) * logs
    if weight is not None:
        losses = losses * (target * weight + 1 - target)
    mean: torch.Tensor = losses.mean()
    return mean


def _doubt(logs: torch.Tensor, gamma: float) -> torch.Tensor:
    """(1 - p) ** gamma of the true decisions; at p = 1 and gamma below 1 its slope is infinite, and would be NaN further on."""
    return (-logs.expm1()).clamp(min=1e-6) ** gamma


def _number(decided: Decisions, weight: torch.Tensor | None, options: Mapping[str, Any]) -> torch.Tensor:
    from torch.nn import functional

    return functional.mse_loss(decided.logits, decided.target)
