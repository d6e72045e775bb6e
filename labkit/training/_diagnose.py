"""What is wrong with a training, or right, in plain words: read off its events, while it runs or later.

Rules over curves, no judgement of the model: loss, metrics on the validation split, gradient norm, speed and memory. Each
rule needs enough events before it speaks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any, Literal

from labkit import models
from labkit.data import DataConfig
from labkit.errors import LabError, RecipeError
from labkit.events import Event
from labkit.tasks import TASKS
from labkit.training._history import LOSSES, History, finite, read_history
from labkit.training._recipe import Recipe
from labkit.training._run import Run
from labkit.training._train import usual_rates

Severity = Literal["serious", "warning", "note", "good"]
SEVERITIES: tuple[Severity, ...] = ("serious", "warning", "note", "good")

FEW_STEPS = 100
MOST_CHANGES = 4  # that a diagnosis proposes at once
PATIENCE = 3  # evaluations without improvement that count as a plateau
_EARLY = 20  # steps before which a fallen loss says little: the first go to the head
_METRICS = ("macro_f1", "f1", "accuracy", "micro_f1", "exact_match", "pearson")


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One thing that is seen in a training, and what to try."""

    kind: str
    """Stable id: "not-finite", "diverging", "failed", "not-learning", "overfitting", "learning-rate-high",
    "learning-rate-low", "plateau", "still-improving", "few-steps", "slow", "memory-growing", "no-validation",
    "too-early" or "well"."""
    severity: Severity
    """How bad it is."""
    text: str
    """What is seen, with the numbers and the epoch."""
    advice: str = ""
    """What to try."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the recipe to try, by dotted name, such as ``{"optimizer.learning_rate": 1e-4}``."""


def diagnose(events: Run | Iterable[Event], recipe: Recipe | None = None) -> list[Diagnosis]:
    """Say what is seen in a training, worst first.

    Args:
        events: a run, or the events of one, oldest first. It may be running, ended or cut off anywhere.
        recipe: of the run, which says what is trained and what is tried already: learning rates are judged by what is usual
            for it, and only what goes with it is proposed. By default that of a run; of bare events the defaults are taken.

    Returns:
        At least one diagnosis: "well" where nothing stands in the way of a good model, "too-early" where there is too
        little to say so. The sources of the rules: generalisation loss for overfitting (Prechelt 1998, Early stopping —
        but when?); runs that stay at the level of guessing, and too few steps (Mosbach, Andriushchenko and Klakow 2021,
        arXiv:2006.04884); a loss that rises while the metric holds, as confidence outgrows accuracy (Guo et al. 2017,
        arXiv:1706.04599).
    """
    history = read_history(events.events() if isinstance(events, Run) else events)
    if recipe is None and isinstance(events, Run):
        try:
            recipe = events.recipe
        except LabError:  # edited by hand, or of a later version: what was seen can still be said
            recipe = None
    case = _Case(history, recipe)
    found = [*_broken(case)]
    if not found:  # what a broken run also shows follows from that
        found += [*_not_learning(case), *_overfitting(case), *_rate(case), *_length(case)]
        if not any(one.kind in ("overfitting", "not-learning", "still-improving") for one in found):
            found += _plateau(case)
    found += [*_machine(case), *_no_validation(case)]
    if all(one.kind in ("plateau", "no-validation") for one in found):
        found.append(_well(case))
    return sorted(found, key=lambda one: SEVERITIES.index(one.severity))


class _Case:
    """A history with the recipe that led to it.

    Args:
        history: what was said by the run.
        recipe: of the run; None: one of the defaults that fits the history.
    """

    def __init__(self, history: History, recipe: Recipe | None) -> None:
        self.history = history
        self.recipe = recipe or _assumed(history)
        # fitted to the end by a solver that has no steps, learning rate or seed
        self.solved = self.recipe.technique.solver == "lbfgs"
        # the body is not trained and has no dropout: what it says is most often computed once
        self.head = self.recipe.technique.trainable == "head"
        low, high = usual_rates(self.recipe)
        started = history.started
        if recipe is None and started is not None and 0 < started.trained < 0.1 * started.parameters:
            self.trains, high = "what is trained here", 1e-2  # a head or an adapter, whichever
        else:
            self.trains = _TRAINS.get(self.recipe.technique.trainable, f"training {self.recipe.technique.trainable}")
        self.usual = low, high

    def possible(self, *proposals: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the proposed settings that are new to the recipe and go with it, and with those before them."""
        recipe, taken = self.recipe, {}
        for proposal in proposals:
            for name, value in proposal.items():
                section, _, setting = name.rpartition(".")
                if getattr(getattr(recipe, section) if section else recipe, setting) == value:
                    continue
                try:
                    recipe = recipe.with_values(**({section: {setting: value}} if section else {setting: value}))
                except RecipeError:
                    continue
                taken[name] = value
        return taken

    def changed_rate(self, factor: float) -> dict[str, Any]:
        """A lower or higher learning rate; from far outside, the near end of the range that is usual for what is trained."""
        peak, (low, high) = self.history.peak_rate, self.usual
        rate = min(peak * factor, high) if factor < 1 else max(peak * factor, low)
        return self.possible({"optimizer.learning_rate": float(f"{rate:.1g}")}) if peak > 0 and not self.solved else {}

    def calmer(self) -> dict[str, Any]:
        """A longer warm-up, where it is short."""
        return self.possible({"optimizer.warmup": 0.2}) if self.recipe.optimizer.warmup < 0.2 else {}

    @property
    def smooths(self) -> bool:
        """Whether label smoothing can be tried: there are classes, and a loss that takes it."""
        technique, scores = self.recipe.technique, self.history.figures(["pearson"])[0]
        return technique.loss == "auto" and not technique.label_smoothing and not scores


_TRAINS = {"all": "fine-tuning all weights", "top": "fine-tuning the topmost layers", "head": "training a head alone"}


def _assumed(history: History) -> Recipe:
    """The default recipe of a run of which only the events are known."""
    started = history.started
    share = 0.1 if history.checks or (started is not None and started.rows.get("validation")) else 0.0
    task = started.task if started is not None and started.task in TASKS else Recipe().task
    return Recipe(task=task, data=DataConfig(validation_share=share))


def _broken(case: _Case) -> list[Diagnosis]:
    history = case.history
    failed = history.ended is not None and history.ended.status == "failed"
    error = history.ended.error if history.ended and failed else ""
    if history.lost is not None or "finite loss" in error:
        at = history.lost or history
        where = f"at step {history.lost.step:,}" if history.lost else f"after step {history.at:,}"
        precise = case.possible({"budget.precision": "float32"})
        if case.solved:
            return [
                Diagnosis(
                    kind="not-finite",
                    severity="serious",
                    text="The loss on validation is no finite number: vectors of the body are not.",
                    advice="Start again in float32."
                    if precise
                    else "Look at the base model: its weights may be damaged.",
                    changes=precise,
                )
            ]
        warmer = case.calmer()
        ways = ["a lower learning rate", *(["a longer warm-up"] if warmer else []), *(["float32"] if precise else [])]
        return [
            Diagnosis(
                kind="not-finite",
                severity="serious",
                text=f"The loss is no finite number {where} (epoch {at.epoch:.1f}): training has diverged.",
                advice=f"Start again with {_listed(ways)}.",
                changes={**case.changed_rate(1 / 5), **warmer, **precise},
            )
        ]
    if failed:
        return [Diagnosis(kind="failed", severity="serious", text=f"The run failed. {error}".strip())]
    return _diverging(case)


def _diverging(case: _Case) -> list[Diagnosis]:
    history = case.history
    steps, w = history.steps, history.window
    if len(steps) < 4:
        return []
    warmer = case.calmer()
    advice = f"Lower the learning rate{'; a longer warm-up helps as well' if warmer else ''}."
    changes = {**case.changed_rate(1 / 5), **warmer}
    levels = [(steps[i - w], median(event.loss for event in steps[i - w : i])) for i in range(w, len(steps) + 1)]
    best_at, best = min(levels, key=lambda pair: pair[1])
    now, here = history.level, steps[-1]
    if now > 1.5 * best and now > best + 0.3:
        over = history.guessing and now > 1.05 * history.guessing
        beyond = f", more than guessing costs ({history.guessing:.2f})" if over else ""
        return [
            Diagnosis(
                kind="diverging",
                severity="serious" if over or now > 0.9 * levels[0][1] else "warning",
                text=f"Training loss has risen from {best:.2f} (epoch {best_at.epoch:.1f}) to {now:.2f} "
                f"(epoch {here.epoch:.1f}){beyond}.",
                advice=advice,
                changes=changes,
            )
        ]
    if history.guessing and len(steps) >= 10 and now > 1.15 * history.guessing:
        return [
            Diagnosis(
                kind="diverging",
                severity="serious",
                text=f"At epoch {here.epoch:.1f} the training loss is {now:.2f}, more than guessing among "
                f"{history.started.labels if history.started else 0:,} classes costs ({history.guessing:.2f}).",
                advice=advice,
                changes=changes,
            )
        ]
    norms = [event.gradient_norm for event in steps if event.gradient_norm is not None and finite(event.gradient_norm)]
    if len(norms) >= 10:
        usual, last = median(norms[:-w]), median(norms[-w:])
        if last > 20 * usual and last > 10:
            return [
                Diagnosis(
                    kind="diverging",
                    severity="warning",
                    text=f"The gradient norm has grown from {usual:.2g} to {last:.2g} (epoch {here.epoch:.1f}).",
                    advice=advice,
                    changes=changes,
                )
            ]
    return []


def _not_learning(case: _Case) -> list[Diagnosis]:
    history = case.history
    steps = history.steps
    if case.solved:
        measured, said = _no_better(history)
        if not said:
            return []
        return [
            Diagnosis(
                kind="not-learning",
                severity="serious",
                text=f"The head has been fitted to the end, and {said}.",
                **_more_than_a_head(case),
            )
        ]
    if history.progress < 0.3 or history.at < 15 or not steps:
        return []
    now, guessing = history.level, history.guessing
    measured, said = _no_better(history)
    if measured and not said:
        return []
    if not said and not (guessing and history.progress >= 0.5 and now > 0.95 * guessing):
        return []
    beside = ""
    if guessing and now > 0.9 * guessing:
        beside = f", near what guessing among {history.started.labels if history.started else 0:,} classes costs "
        beside += f"({guessing:.2f})"
    rate, (low, high) = history.peak_rate, case.usual
    usual = f"where {low:.1g} to {high:.1g} are usual"
    changes: dict[str, Any] = {}
    if rate > 5 * high:
        advice = f"The learning rate of {rate:.1g} is high for {case.trains}, {usual}: lower it."
        changes = case.changed_rate(1 / 10)
    elif 0 < rate < low / 2:
        advice = f"The learning rate of {rate:.1g} is low for {case.trains}, {usual}: raise it."
        changes = case.changed_rate(10)
    elif case.head:
        told = _more_than_a_head(case)
        advice, changes = told["advice"], told["changes"]
    else:
        seed, warmer = case.possible({"seed": case.recipe.seed + 1}), case.calmer()
        advice = (
            f"Another seed {'or a longer warm-up ' if warmer else ''}helps where training got stuck; if not, look at "
        )
        advice += "the labels and texts."
        changes = {**seed, **warmer}
    return [
        Diagnosis(
            kind="not-learning",
            severity="serious",
            text=f"The model has not begun to learn: at epoch {steps[-1].epoch:.1f} the training loss is {now:.2f}{beside}"
            + (f", and {said}." if said else "."),
            advice=advice,
            changes=changes,
        )
    ]


def _no_better(history: History) -> tuple[bool, str]:
    """Whether a figure was measured that is 0 for a model that knows nothing, and that in words where it is near 0."""
    for name in ("mcc", "micro_f1", "pearson"):
        measured, figures = history.figures([name])
        if not measured:
            continue
        if max(value for _, value in figures) > 0.05:
            return True, ""
        check, value = figures[-1]
        share = check.metrics.get("accuracy")
        same = f" at an accuracy of {share:.2f}, no better than naming one class always" if finite(share) else ""
        return True, f"{_title(name)} on validation is {value:.2f}{same}"
    return False, ""


def _more_than_a_head(case: _Case) -> dict[str, Any]:
    """What to try where a head on a frozen body does not learn."""
    changes = case.possible({"technique.solver": "adamw", "technique.trainable": "all"})
    if "technique.trainable" in changes:
        changes |= case.possible({"optimizer.learning_rate": 0.0})  # the default for all weights, which is another
    else:
        changes = {}
    advice = "What the frozen body says of these texts tells too little about their labels: train more than the head. "
    return {"advice": advice + "If that does not help, look at the labels and texts.", "changes": changes}


def _overfitting(case: _Case) -> list[Diagnosis]:
    history = case.history
    _, losses = history.figures(LOSSES)
    if len(losses) < 2:
        return []
    best_at, best = min(losses, key=lambda pair: pair[1])
    last_at, last = losses[-1]
    behind = sum(check.step > best_at.step for check, _ in losses)
    rise = last / max(best, 1e-9) - 1
    if not behind or last - best < 0.02 or rise < (0.05 if behind > 1 else 0.15):
        return []
    span = losses[1][0].step - losses[0][0].step
    then, now = history.training_loss(best_at, span), history.training_loss(last_at, span)
    if then is None or now is None or now >= then:
        return []
    name, figures = history.figures(_METRICS)
    top_at, top = max(figures, key=lambda pair: pair[1]) if figures else (None, 0.0)
    fell = top - figures[-1][1] if figures else 0.0
    text = (
        f"Validation loss has risen by {100 * rise:.0f} % since epoch {best_at.epoch:.1f} ({best:.2f} to {last:.2f}), "
        f"while training loss fell from {then:.2f} to {now:.2f}."
    )
    early: dict[str, Any] = {}
    epochs = math.ceil((top_at or best_at).epoch)
    if history.started is not None and 1 <= epochs < history.started.epochs:
        early = {"budget.epochs": float(epochs)}
    elif not case.recipe.budget.patience:
        early = {"budget.patience": PATIENCE}
    advice = "The best checkpoint is kept, so nothing is lost. "
    if name and fell <= 0.01:
        text += f" {_title(name)} holds at {figures[-1][1]:.3f}: the model grows surer, not worse."
        changes = case.possible({"technique.label_smoothing": 0.1} if case.smooths else {}, early)
        smooths = "technique.label_smoothing" in changes
        advice += "Label smoothing keeps the probabilities honest; fewer" if smooths else "Fewer"
        advice += " epochs would do."
    else:
        if top_at is not None:
            text += f" {_title(name)} fell from {top:.3f} (epoch {top_at.epoch:.1f}) to {figures[-1][1]:.3f}."
        ways = list(case.possible(early, *_against_overfitting(case)).items())
        changes, later = dict(ways[:MOST_CHANGES]), [_WAYS[setting] for setting, _ in ways[MOST_CHANGES:]]
        if changes:
            advice += f"Against it: {_listed([_WAYS[setting] for setting in changes])}; or more data."
        else:
            advice += "The recipe has what counters it: more data is what is left."
        if later:
            advice += f" Beside or after these: {_listed(later)}. labkit compare says what helps."
    return [
        Diagnosis(
            kind="overfitting",
            severity="serious" if fell > 0.05 else "warning" if fell > 0.01 or rise > 0.5 else "note",
            text=text,
            advice=advice,
            changes=changes,
        )
    ]


_WAYS = {
    "budget.epochs": "fewer epochs",
    "budget.patience": "an end when validation gets no better (patience)",
    "model.dropout": "more dropout",
    "technique.r_drop": "R-Drop (two passes that must agree)",
    "technique.label_smoothing": "label smoothing",
    "adapter.dropout": "dropout before the adapter",
    "technique.l2_sp": "a pull towards the pretrained weights (L2-SP)",
    "data.augment": "changed copies of the rows (augment)",
    "technique.averaging": "averaged weights",
    "optimizer.weight_decay": "more weight decay",
    "technique.mixout": "weights put back at times (mixout)",
}


def _against_overfitting(case: _Case) -> list[dict[str, Any]]:
    """What the recipe does not do yet, one setting each: first what acts on every batch and costs little thought."""
    recipe, technique = case.recipe, case.recipe.technique
    pretrained = not recipe.model.name.startswith(models.STARTER)
    calm = recipe.model.dropout is None or recipe.model.dropout < 0.2
    proposals: list[tuple[bool, str, Any]] = [
        (calm, "model.dropout", 0.2),
        # it and averages compute the body anew in each epoch, for a head whose only dropout is its own
        (not technique.r_drop and not case.head, "technique.r_drop", 1.0),
        (case.smooths, "technique.label_smoothing", 0.1),
        (technique.trainable in ("lora", "dora") and not recipe.adapter.dropout, "adapter.dropout", 0.1),
        (pretrained and not technique.l2_sp and not technique.mixout, "technique.l2_sp", 0.1),
        (recipe.data.layout != "texts" and not recipe.data.augment, "data.augment", ["typos", "delete", "swap"]),
        (not technique.averaging and not case.head, "technique.averaging", 0.99),
        (recipe.optimizer.weight_decay < 0.1, "optimizer.weight_decay", 0.1),
        # another pull towards the pretrained weights: where one alone did not do
        (pretrained and technique.l2_sp > 0 and not technique.mixout, "technique.mixout", 0.3),
    ]
    return [{name: value} for fits, name, value in proposals if fits]


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _rate(case: _Case) -> list[Diagnosis]:
    history = case.history
    name, figures = history.figures(_METRICS)
    values = [value for _, value in figures]
    drops = [(a - b, check) for (_, a), (check, b) in pairwise(figures) if a - b > 0.05]
    if len(values) >= 4 and len(drops) >= 2:
        worst, check = max(drops, key=lambda pair: pair[0])
        return [
            Diagnosis(
                kind="learning-rate-high",
                severity="note",
                text=f"{_title(name)} on validation jumps: it fell {len(drops)} times by more than 0.05, by {worst:.2f} "
                f"at epoch {check.epoch:.1f}.",
                advice="A lower learning rate or larger batches make for calmer steps; a small validation split jumps too.",
                changes=case.changed_rate(1 / 3),
            )
        ]
    losses = [event.loss for event in history.steps]
    if history.progress < 0.5 or history.at < FEW_STEPS or len(losses) < 10:
        return []
    fifth = len(losses) // 5
    first, middle, last = median(losses[:fifth]), median(losses[2 * fifth : 3 * fifth]), median(losses[-fifth:])
    improving = not values or values[-1] == max(values)
    if improving and 0.75 * first < last < 0.97 * middle < 0.97 * 0.99 * first:
        return [
            Diagnosis(
                kind="learning-rate-low",
                severity="note",
                text=f"Training loss falls steadily but slowly: from {first:.2f} to {last:.2f} by epoch "
                f"{history.steps[-1].epoch:.1f}.",
                advice="A higher learning rate gets there sooner.",
                changes=case.changed_rate(3),
            )
        ]
    return []


def _length(case: _Case) -> list[Diagnosis]:
    """Whether there were enough steps."""
    history = case.history
    started = history.started
    name, figures = history.figures(_METRICS)
    if case.solved or started is None or (figures and max(value for _, value in figures) >= 0.98):
        return []
    cut = history.ended is not None and history.at < started.steps
    if not cut and history.progress >= 0.95 and len(figures) >= 3:
        (_, before), (_, previous), (check, last) = figures[-3:]
        if last > previous + 0.005 and last > (before + previous) / 2 + 0.01:
            return [
                Diagnosis(
                    kind="still-improving",
                    severity="warning" if last > previous + 0.02 else "note",
                    text=f"{_title(name)} on validation was still rising when training ended: {before:.3f}, "
                    f"{previous:.3f}, {last:.3f} in the last evaluations, up to epoch {check.epoch:.1f}.",
                    advice="Train longer.",
                    changes=case.possible(_longer(history, 1.5)),
                )
            ]
    if 0 < started.steps < FEW_STEPS:
        return [
            Diagnosis(
                kind="few-steps",
                severity="note",
                text=f"The whole run has {started.steps:,} optimiser steps. With so few, "
                + ("a head has hardly left where it began." if case.head else "results differ much from seed to seed."),
                advice=f"More epochs or smaller batches: {FEW_STEPS} steps at least.",
                changes=case.possible(_longer(history, 1.5 * FEW_STEPS / started.steps)),
            )
        ]
    return []


def _plateau(case: _Case) -> list[Diagnosis]:
    history = case.history
    name, figures = history.figures(_METRICS)
    if len(figures) <= PATIENCE:
        return []
    best = max(range(len(figures)), key=lambda i: figures[i][1])  # the first of equals
    since = len(figures) - 1 - best
    check, value = figures[best]
    if since < PATIENCE or value >= 0.995:
        return []
    patience = case.recipe.budget.patience
    patient = 0 < patience <= PATIENCE
    if history.ended is None:
        advice = "The best checkpoint is kept: this run can be stopped."
    else:
        advice = "The best checkpoint is kept." if patient else "Patience would end it earlier."
    return [
        Diagnosis(
            kind="plateau",
            severity="note",
            text=f"{_title(name)} on validation has been no better than {value:.3f} since epoch {check.epoch:.1f}: "
            f"{since} evaluations.",
            advice=advice,
            changes={} if patient else case.possible({"budget.patience": PATIENCE}),
        )
    ]


def _machine(case: _Case) -> list[Diagnosis]:
    history = case.history
    begun = history.started.from_step if history.started else 0  # a resumed run may be on another machine
    steps = [event for event in history.steps if event.step > begun]
    found = []
    speeds = [event.tokens_per_second for event in steps if event.tokens_per_second is not None]
    speeds = [speed for speed in speeds if finite(speed)][1:]  # the first step sets everything up
    w = max(5, len(speeds) // 5)
    if len(speeds) >= 2 * w:
        first, last = median(speeds[:w]), median(speeds[-w:])
        if last < 0.5 * first:
            found.append(
                Diagnosis(
                    kind="slow",
                    severity="warning",
                    text=f"Training has slowed down from {first:,.0f} to {last:,.0f} tokens a second "
                    f"(epoch {steps[-1].epoch:.1f}).",
                    advice="Look for other programs on this machine, for memory that is swapped out, and for heat.",
                )
            )
    memory = [event.memory_mb for event in steps if event.memory_mb is not None and finite(event.memory_mb)]
    fifth = len(memory) // 5
    if fifth >= 4:
        early, late, now = median(memory[fifth : 2 * fifth]), median(memory[3 * fifth : 4 * fifth]), memory[-1]
        often = 0 < case.recipe.budget.checkpoint_minutes <= 2
        if now > 1.3 * early and now - early > 500 and now > 1.05 * late > 1.05 * early:
            found.append(
                Diagnosis(
                    kind="memory-growing",
                    severity="warning",
                    text=f"Memory of the training process grows: from {early:,.0f} to {now:,.0f} MB.",
                    advice="Should it run out, every checkpoint is kept. Smaller batches or shorter texts need less.",
                    changes={} if often else case.possible({"budget.checkpoint_minutes": 2.0}),
                )
            )
    return found


def _no_validation(case: _Case) -> list[Diagnosis]:
    history = case.history
    started = history.started
    if started is None or history.checks or not started.rows or started.rows.get("validation"):
        return []
    unseen = "overfitting cannot be seen, and the last model is kept, not the best"
    return [
        Diagnosis(
            kind="no-validation",
            severity="note",
            text="There is no validation split, so that "
            + ("nothing says how good the head is." if case.solved else f"{unseen}."),
            advice="Carve off a share of the training rows.",
            changes=case.possible({"data.validation_share": 0.1}),
        )
    ]


def _well(case: _Case) -> Diagnosis:
    history = case.history
    steps, (name, figures) = history.steps, history.figures(_METRICS)
    if case.solved and history.ended is not None and history.ended.status == "completed":
        reached = f"; {_title(name)} on validation is {figures[-1][1]:.3f}" if figures else ""
        return Diagnosis(
            kind="well", severity="good", text=f"Nothing is wrong: the head has been fitted to the end{reached}."
        )
    if not figures and len(steps) < _EARLY:
        return Diagnosis(
            kind="too-early", severity="note", text="Too little has happened to say anything: no evaluation yet."
        )
    said = []
    if len(steps) > 1:
        said.append(
            f"training loss went from {steps[0].loss:.2f} to {history.level:.2f} by epoch {steps[-1].epoch:.1f}"
        )
    if figures:
        check, best = max(figures, key=lambda pair: pair[1])
        said.append(f"{_title(name)} on validation is best at epoch {check.epoch:.1f}: {best:.3f}")
    return Diagnosis(kind="well", severity="good", text=f"Nothing is wrong: {'; '.join(said)}.")


def _longer(history: History, factor: float) -> dict[str, Any]:
    """Settings for ``factor`` times as many steps."""
    started = history.started
    if started is None or not started.epochs:
        return {}
    if history.at >= started.steps and history.epoch < 0.9 * started.epochs:  # the steps were limited, not the epochs
        return {"budget.max_steps": math.ceil(started.steps * factor)}
    return {"budget.epochs": float(math.ceil(started.epochs * factor))}


def _title(metric: str) -> str:
    return {
        "macro_f1": "Macro F1",
        "micro_f1": "Micro F1",
        "f1": "F1",
        "mcc": "MCC",
        "pearson": "Pearson correlation",
    }.get(metric, metric.replace("_", " ").capitalize())
