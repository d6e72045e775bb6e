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

from labkit.events import Event
from labkit.training._history import LOSSES, History, finite, read_history
from labkit.training._run import Run

Severity = Literal["serious", "warning", "note", "good"]
SEVERITIES: tuple[Severity, ...] = ("serious", "warning", "note", "good")

FEW_STEPS = 100
LOW_RATE, HIGH_RATE = 2e-5, 2e-4  # Devlin et al. 2019 (arXiv:1810.04805, A.3) for large encoders; MiniLM takes more
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


def diagnose(events: Run | Iterable[Event]) -> list[Diagnosis]:
    """Say what is seen in a training, worst first.

    Args:
        events: a run, or the events of one, oldest first. It may be running, ended or cut off anywhere.

    Returns:
        At least one diagnosis: "well" where nothing stands in the way of a good model, "too-early" where there is too
        little to say so. The sources of the rules: generalisation loss for overfitting (Prechelt 1998, Early stopping —
        but when?); runs that stay at the level of guessing, and too few steps (Mosbach, Andriushchenko and Klakow 2021,
        arXiv:2006.04884); a loss that rises while the metric holds, as confidence outgrows accuracy (Guo et al. 2017,
        arXiv:1706.04599).
    """
    history = read_history(events.events() if isinstance(events, Run) else events)
    found = [*_broken(history)]
    if not found:  # what a broken run also shows follows from that
        found += [*_not_learning(history), *_overfitting(history), *_rate(history), *_length(history)]
        if not any(one.kind in ("overfitting", "not-learning", "still-improving") for one in found):
            found += _plateau(history)
    found += [*_machine(history), *_no_validation(history)]
    if all(one.kind in ("plateau", "no-validation") for one in found):
        found.append(_well(history))
    return sorted(found, key=lambda one: SEVERITIES.index(one.severity))


def _broken(history: History) -> list[Diagnosis]:
    lower = _changed_rate(history, 1 / 5)
    failed = history.ended is not None and history.ended.status == "failed"
    error = history.ended.error if history.ended and failed else ""
    if history.lost is not None or "finite loss" in error:
        at = history.lost or history
        where = f"at step {history.lost.step:,}" if history.lost else f"after step {history.at:,}"
        return [
            Diagnosis(
                kind="not-finite",
                severity="serious",
                text=f"The loss is no finite number {where} (epoch {at.epoch:.1f}): training has diverged.",
                advice="Start again with a lower learning rate, a longer warm-up, and in float32.",
                changes={**lower, "optimizer.warmup": 0.2, "budget.precision": "float32"},
            )
        ]
    if failed:
        return [Diagnosis(kind="failed", severity="serious", text=f"The run failed. {error}".strip())]
    return _diverging(history, lower)


def _diverging(history: History, lower: Mapping[str, Any]) -> list[Diagnosis]:
    steps, w = history.steps, history.window
    if len(steps) < 4:
        return []
    advice = "Lower the learning rate; a longer warm-up helps as well."
    changes = {**lower, "optimizer.warmup": 0.2}
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


def _not_learning(history: History) -> list[Diagnosis]:
    steps = history.steps
    if history.progress < 0.3 or history.at < 15 or not steps:
        return []
    now, guessing = history.level, history.guessing
    seen, said = False, ""
    for name, limit in (("mcc", 0.05), ("micro_f1", 0.05), ("pearson", 0.05)):
        measured, figures = history.figures([name])
        if measured and max(value for _, value in figures) <= limit:
            check, value = figures[-1]
            share = check.metrics.get("accuracy")
            seen = True
            said = f"{_title(name)} on validation is {value:.2f}" + (
                f" at an accuracy of {share:.2f}, no better than naming one class always" if finite(share) else ""
            )
            break
        if measured:
            return []
    if not seen and not (guessing and history.progress >= 0.5 and now > 0.95 * guessing):
        return []
    beside = ""
    if guessing and now > 0.9 * guessing:
        beside = f", near what guessing among {history.started.labels if history.started else 0:,} classes costs "
        beside += f"({guessing:.2f})"
    rate = history.peak_rate
    changes: dict[str, Any] = {}
    if rate > 1e-3:
        advice = f"The learning rate of {rate:.1g} is high for fine-tuning all weights: lower it."
        changes = _changed_rate(history, 1 / 10)
    elif 0 < rate < 1e-5:
        advice = f"The learning rate of {rate:.1g} is low: raise it."
        changes = _changed_rate(history, 10)
    else:
        advice = (
            "Another seed or a longer warm-up helps where training got stuck; if not, look at the labels and texts."
        )
        changes = {"seed": 1, "optimizer.warmup": 0.2}
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


def _overfitting(history: History) -> list[Diagnosis]:
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
    advice = "The best checkpoint is kept, so nothing is lost. "
    if name and fell <= 0.01:
        text += f" {_title(name)} holds at {figures[-1][1]:.3f}: the model grows surer, not worse."
        advice += "Label smoothing keeps the probabilities honest; fewer epochs would do."
        changes: dict[str, Any] = {"technique.label_smoothing": 0.1}
    else:
        if top_at is not None:
            text += f" {_title(name)} fell from {top:.3f} (epoch {top_at.epoch:.1f}) to {figures[-1][1]:.3f}."
        advice += (
            "Train for fewer epochs, with more dropout, or with more data. R-Drop (technique.r_drop), a pull towards the "
            "pretrained weights (technique.l2_sp), averaged weights (technique.averaging) and changed copies of the rows "
            "(data.augment) work against it as well: compare them with labkit compare."
        )
        changes = {"model.dropout": 0.2, "technique.r_drop": 1.0}
    epochs = math.ceil((top_at or best_at).epoch)
    if history.started is not None and 1 <= epochs < history.started.epochs:
        changes["budget.epochs"] = float(epochs)
    return [
        Diagnosis(
            kind="overfitting",
            severity="serious" if fell > 0.05 else "warning" if fell > 0.01 or rise > 0.5 else "note",
            text=text,
            advice=advice,
            changes=changes,
        )
    ]


def _rate(history: History) -> list[Diagnosis]:
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
                changes=_changed_rate(history, 1 / 3),
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
                changes=_changed_rate(history, 3),
            )
        ]
    return []


def _length(history: History) -> list[Diagnosis]:
    """Whether there were enough steps."""
    started = history.started
    name, figures = history.figures(_METRICS)
    if started is None or (figures and max(value for _, value in figures) >= 0.98):
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
                    changes=_longer(history, 1.5),
                )
            ]
    if 0 < started.steps < FEW_STEPS:
        return [
            Diagnosis(
                kind="few-steps",
                severity="note",
                text=f"The whole run has {started.steps:,} optimiser steps. With so few, results differ much from seed to "
                "seed.",
                advice=f"More epochs or smaller batches: {FEW_STEPS} steps at least.",
                changes=_longer(history, 1.5 * FEW_STEPS / started.steps),
            )
        ]
    return []


def _plateau(history: History) -> list[Diagnosis]:
    name, figures = history.figures(_METRICS)
    if len(figures) <= PATIENCE:
        return []
    best = max(range(len(figures)), key=lambda i: figures[i][1])  # the first of equals
    since = len(figures) - 1 - best
    check, value = figures[best]
    if since < PATIENCE or value >= 0.995:
        return []
    running = history.ended is None
    return [
        Diagnosis(
            kind="plateau",
            severity="note",
            text=f"{_title(name)} on validation has been no better than {value:.3f} since epoch {check.epoch:.1f}: "
            f"{since} evaluations.",
            advice="The best checkpoint is kept: this run can be stopped."
            if running
            else "Patience would end it earlier.",
            changes={"budget.patience": PATIENCE},
        )
    ]


def _machine(history: History) -> list[Diagnosis]:
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
        if now > 1.3 * early and now - early > 500 and now > 1.05 * late > 1.05 * early:
            found.append(
                Diagnosis(
                    kind="memory-growing",
                    severity="warning",
                    text=f"Memory of the training process grows: from {early:,.0f} to {now:,.0f} MB.",
                    advice="Should it run out, every checkpoint is kept. Smaller batches or shorter texts need less.",
                    changes={"budget.checkpoint_minutes": 2.0},
                )
            )
    return found


def _no_validation(history: History) -> list[Diagnosis]:
    started = history.started
    if started is None or history.checks or not started.rows or started.rows.get("validation"):
        return []
    return [
        Diagnosis(
            kind="no-validation",
            severity="note",
            text="There is no validation split, so that overfitting cannot be seen, and the last model is kept, not the best.",
            advice="Carve off a share of the training rows.",
            changes={"data.validation_share": 0.1},
        )
    ]


def _well(history: History) -> Diagnosis:
    steps, (name, figures) = history.steps, history.figures(_METRICS)
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


def _changed_rate(history: History, factor: float) -> dict[str, Any]:
    """A lower or higher learning rate; from far outside, the near end of the range in which fine-tuning works."""
    rate = history.peak_rate * factor
    rate = min(rate, HIGH_RATE) if factor < 1 else max(rate, LOW_RATE)
    return {"optimizer.learning_rate": float(f"{rate:.1g}")} if history.peak_rate > 0 else {}


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
