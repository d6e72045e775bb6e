"""Training the head alone: the body's outputs are computed once and kept, and an epoch then takes a fraction of a second.

What the head reads of them is found out by trying: where the first token's output gives the same as all of them, as with most
classifiers, only that is kept.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import TrainingArguments, get_scheduler, set_seed

from labkit.errors import RecipeError
from labkit.events import Evaluated, Event
from labkit.models._pooled import Pooled
from labkit.tasks import Encoded, Task
from labkit.tasks._encode import batches_by_length
from labkit.training._batches import Batches
from labkit.training._trainer import StepLog, by_decay, gave_up

_VECTOR = "vector"
_ENCODING_BATCH, _LOOKING_BATCH = 64, 256


class Body(torch.nn.Module):
    """Stands in for a model's body and says again what that has said about rows.

    Args:
        body: the model's own.
    """

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.kind: Any = None
        self.pending: dict[str, torch.Tensor] = {}
        self.config = body.config

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs that are pending, as the body would return them."""
        return self.kind(**self.pending)


def _remembered(encoded: Encoded, body: Body, outputs: dict[str, npt.NDArray[np.float32]], first: bool) -> Encoded:
    """The same rows, whose batches also tell the stand-in what the body said about them.

    Args:
        encoded: the rows.
        body: the stand-in.
        outputs: name → what the body said: shape (n, …) for a row, or (tokens, width) for its tokens.
        first: whether only the first token's output is kept.
    """

    def batch(rows: Sequence[int], pad_id: int, side: str = "right") -> dict[str, torch.Tensor]:
        made = encoded.batch(rows, pad_id, side)
        width = made["input_ids"].shape[1]
        said = {}
        for name, values in outputs.items():
            if name != "last_hidden_state" or first:
                said[name] = torch.from_numpy(values[list(rows)])
                continue
            padded = np.zeros((len(rows), width, values.shape[-1]), dtype=np.float32)
            for i, row in enumerate(rows):
                start, end = encoded.offsets[row], encoded.offsets[row + 1]
                place = slice(width - (end - start), width) if side == "left" else slice(0, end - start)
                padded[i, place] = values[start:end]
            said[name] = torch.from_numpy(padded)
        body.pending = said
        return made

    # A copy, as tasks ask for their own class of rows
    made = copy.copy(encoded)
    object.__setattr__(made, "batch", batch)
    return made


def fits(model: Any, encoded: dict[str, Encoded], new: frozenset[str]) -> bool:
    """Whether a model's body can be remembered: it has one with a last hidden state, no weight of it is new, and the rows are
    the same in every epoch."""
    prefix = getattr(model, "base_model_prefix", "")
    if not prefix or not hasattr(model, prefix) or getattr(model.config, "is_encoder_decoder", False):
        return False
    if any(name.startswith(f"{prefix}.") for name in new):
        return False
    return all(type(rows).of_epoch is Encoded.of_epoch for rows in encoded.values())


def remember(
    model: Any,
    encoded: dict[str, Encoded],
    folder: Path,
    *,
    pad_id: int,
    side: str,
    precision: str,
    stop: Callable[[], bool],
) -> dict[str, Encoded] | None:
    """Run the body over every split once, and put the stand-in into its place.

    What it says is kept in files of the run, a split each, so that a killed run goes on behind the last whole one.

    Args:
        model: whose body is frozen.
        encoded: split → tokenised rows.
        folder: where the files go.
        pad_id, side: how to pad.
        precision: "float32" or "bf16".
        stop: whether someone asked to stop.

    Returns:
        Split → rows that the stand-in knows; None where someone asked to stop.
    """
    body = getattr(model, model.base_model_prefix)
    stand_in = Body(body)
    model.eval()
    probe = next(iter(encoded.values()))
    pooled = isinstance(model, Pooled) and model.labkit_head.seek is None
    first = not pooled and _reads_first_only(model, probe, pad_id, side)
    say = _vectors(model) if pooled else body
    found = {}
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in encoded.items():
        outputs = _outputs(say, rows, folder / f"features-{split}.npz", first, pad_id, side, precision, stop)
        if outputs is None:
            return None
        found[split] = _remembered(rows, stand_in, outputs, first)
    with torch.inference_mode():
        stand_in.kind = _vector if pooled else type(body(**_inputs(probe.batch([0], pad_id, side))))
    setattr(model, model.base_model_prefix, stand_in)
    return found


def _vectors(model: Any) -> Callable[..., dict[str, torch.Tensor]]:
    """The pooled vectors of a model with a head of ours, as a body would say them."""
    return lambda **inputs: {_VECTOR: model.vectors(**inputs)}


def _vector(**said: torch.Tensor) -> torch.Tensor:
    return said[_VECTOR]


def _reads_first_only(model: Any, encoded: Encoded, pad_id: int, side: str) -> bool:
    """Whether the head says the same when it gets the first token's output alone."""
    body = getattr(model, model.base_model_prefix)
    rows = list(range(min(4, len(encoded))))
    inputs = _inputs(encoded.batch(rows, pad_id, side))
    with torch.inference_mode():
        said = body(**inputs)
        whole = _logits(model(**inputs))
        stand_in = Body(body)
        stand_in.kind = type(said)
        stand_in.pending = {name: value for name, value in said.items() if _kept(name, value)}
        stand_in.pending["last_hidden_state"] = said["last_hidden_state"][:, :1]
        setattr(model, model.base_model_prefix, stand_in)
        try:
            part = _logits(model(**inputs))
        except (RuntimeError, IndexError):  # it looks for a place that is not there
            return False
        finally:
            setattr(model, model.base_model_prefix, body)
    return bool(part.shape == whole.shape and torch.allclose(part, whole, atol=1e-5))


def _logits(said: Any) -> torch.Tensor:
    """What a head says, whatever it is called: of answers, starts and ends."""
    return torch.cat([value.flatten() for name, value in said.items() if name.endswith("logits")])


def _inputs(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in batch.items() if name != "labels"}


def _kept(name: str, value: Any) -> bool:
    return name in ("last_hidden_state", "pooler_output", _VECTOR) and isinstance(value, torch.Tensor)


def _outputs(
    body: Any,
    encoded: Encoded,
    file: Path,
    first: bool,
    pad_id: int,
    side: str,
    precision: str,
    stop: Callable[[], bool],
) -> dict[str, npt.NDArray[np.float32]] | None:
    if file.exists():
        with np.load(file) as stored:
            return {name: stored[name] for name in stored.files}
    outputs: dict[str, npt.NDArray[np.float32]] = {}
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        for rows in batches_by_length(encoded.lengths, _ENCODING_BATCH):
            if stop():
                return None
            said = body(**_inputs(encoded.batch(rows, pad_id, side)))
            for name, value in said.items():
                if not _kept(name, value):
                    continue
                values = value.float().numpy()
                if name != "last_hidden_state" or first:
                    values = values[:, :1] if name == "last_hidden_state" else values
                    outputs.setdefault(name, np.zeros((len(encoded), *values.shape[1:]), dtype=np.float32))[rows] = (
                        values
                    )
                    continue
                kept = outputs.setdefault(name, np.zeros((len(encoded.ids), values.shape[-1]), dtype=np.float32))
                for i, row in enumerate(rows):
                    start, end = encoded.offsets[row], encoded.offsets[row + 1]
                    kept[start:end] = (
                        values[i, values.shape[1] - (end - start) :] if side == "left" else values[i, : end - start]
                    )
    partial = file.with_name(file.name + ".partial")
    with partial.open("wb") as target:
        np.savez(target, **outputs)  # type: ignore[arg-type]  # its last parameter, of another type, has its own name
    partial.replace(file)
    return outputs


def train_head(
    model: Any,
    task: Task,
    rows: dict[str, Encoded],
    batches: Batches,
    loss: Callable[[Any, torch.Tensor], torch.Tensor],
    arguments: TrainingArguments,
    *,
    pad_id: int,
    side: str,
    steps: int,
    every: int,
    patience: int,
    metric: str,
    emit: Callable[[Event], None],
    stop: Callable[[], bool],
) -> bool:
    """Train what is not frozen, and leave the best weights in the model. False where someone asked to stop.

    A run that is resumed starts over: it takes seconds.

    Args:
        model: with the stand-in in its body's place.
        task: of the run.
        rows: split → rows that the stand-in knows.
        batches: of the training rows.
        loss: of (model output, labels).
        arguments: for the optimiser and its schedule.
        pad_id, side: how to pad.
        steps: optimiser steps.
        every: steps between evaluations.
        patience: evaluations without improvement before the end; 0: never ends early.
        metric: that chooses the best weights.
        emit: takes the events.
        stop: whether someone asked to stop.
    """
    learnt = [one for one in model.parameters() if one.requires_grad]
    adamw = torch.optim.AdamW(
        by_decay(learnt, arguments.weight_decay),
        lr=arguments.learning_rate,
        betas=(arguments.adam_beta1, arguments.adam_beta2),
        eps=arguments.adam_epsilon,
        fused=True,
    )
    schedule = get_scheduler(
        arguments.lr_scheduler_type,
        adamw,
        num_warmup_steps=int(arguments.warmup_steps),
        num_training_steps=steps,
        scheduler_specific_kwargs=arguments.lr_scheduler_kwargs or None,  # type: ignore[arg-type]  # a dict, never JSON
    )
    history: list[dict[str, float]] = []
    key, higher = f"eval_{metric}", task.metrics[metric]
    best: dict[str, torch.Tensor] = {}
    accumulation = arguments.gradient_accumulation_steps
    per_epoch = -(-len(batches) // accumulation)
    log = StepLog(steps, per_epoch, emit)
    set_seed(arguments.seed)  # as the trainer begins: the same dropout, and so the same head, as where nothing is kept
    model.train()
    step = 0
    while step < steps:
        batches.set_epoch(step // per_epoch)
        for at, positions in enumerate(batches, 1):
            batch = rows["train"].batch(positions, pad_id, side)
            value = loss(model(**_inputs(batch)), batch["labels"])
            (value / accumulation).backward()
            log.batch(value.item(), len(positions))
            if at % accumulation and at < len(batches):
                continue
            norm = torch.nn.utils.clip_grad_norm_(learnt, arguments.max_grad_norm or float("inf"))
            rate = float(schedule.get_last_lr()[0])
            adamw.step()
            schedule.step()
            adamw.zero_grad()
            step += 1
            ends = step >= steps
            looks = "validation" in rows and (ends or step % every == 0)
            log.step(step, rate, float(norm), now=looks)
            if looks:
                seen = rows["validation"]
                said = task.watch(model, seen, pad_id=pad_id, side=side, batch_size=_LOOKING_BATCH, metric=metric)
                before = [entry[key] for entry in history]
                better = not before or (said[metric] > max(before) if higher else said[metric] < min(before))
                history.append({key: said[metric]})
                epoch = round(step / per_epoch, 4)
                emit(Evaluated(step=step, epoch=epoch, split="validation", metrics=said, best=better))
                if better:
                    best = {name: one.detach().clone() for name, one in model.named_parameters() if one.requires_grad}
                log.pause()
            if stop():
                return False
            if ends or (looks and gave_up(history, key, higher, patience)):
                if best:
                    model.load_state_dict(best, strict=False)
                return True
    return True


def solve(
    model: Pooled,
    task: Task,
    rows: dict[str, Encoded],
    *,
    pad_id: int,
    side: str,
    metric: str,
    step: int,
    emit: Callable[[Event], None],
) -> bool:
    """Fit the linear head as a logistic regression with an L2 penalty (scikit-learn's, by L-BFGS, C = 1).

    Args:
        model: with the stand-in in its body's place, which says vectors.
        task: of the run.
        rows: split → rows that the stand-in knows.
        pad_id, side: how to pad.
        metric: that is watched.
        step: that the fit counts as.
        emit: takes the events.

    Raises:
        RecipeError: rows that are not of classes.
    """
    from sklearn.linear_model import LogisticRegression

    train = rows["train"]
    targets = train.targets
    if targets is None or task.decides == "number":
        raise RecipeError(["technique.solver = 'lbfgs' fits classes: set it to 'adamw'."])
    with torch.inference_mode():
        vectors = np.concatenate(
            [
                model.vectors(**_inputs(train.batch(list(range(at, min(at + 256, len(train)))), pad_id, side))).numpy()
                for at in range(0, len(train), 256)
            ]
        )
    out = model.labkit_head.out
    with torch.no_grad():
        if targets.ndim > 1:
            for label, there in enumerate(targets.T > 0):  # one against the rest
                if there.all() or not there.any():  # what every training row has, or none
                    out.weight[label], out.bias[label] = 0.0, 10.0 if there.all() else -10.0
                    continue
                fitted = LogisticRegression(max_iter=1000).fit(vectors, there)
                out.weight[label] = torch.tensor(fitted.coef_[0], dtype=out.weight.dtype)
                out.bias[label] = float(fitted.intercept_[0])
        else:
            known = targets >= 0
            fitted = LogisticRegression(max_iter=1000).fit(vectors[known], targets[known])
            weight, bias = fitted.coef_, fitted.intercept_
            if len(fitted.classes_) == 2:  # scikit-learn has one logit for two classes
                weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
            out.weight.zero_()
            out.bias.fill_(float(bias.min()) - 20)  # classes that no training row has
            out.weight[fitted.classes_] = torch.tensor(weight, dtype=out.weight.dtype)
            out.bias[fitted.classes_] = torch.tensor(bias, dtype=out.bias.dtype)
    model.eval()  # type: ignore[no-untyped-call]
    if "validation" in rows:
        said = task.watch(model, rows["validation"], pad_id=pad_id, side=side, batch_size=_LOOKING_BATCH, metric=metric)
        emit(Evaluated(step=step, epoch=1.0, split="validation", metrics=said, best=True))
    return True


def forget(folder: Path) -> None:
    """Delete the files with what the body said."""
    for file in folder.glob("features-*"):
        file.unlink()
