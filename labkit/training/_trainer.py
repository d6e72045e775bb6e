"""The step: transformers' Trainer, told by labkit when to log, evaluate, save and stop, and saying so as events.

What is kept of Trainer: the optimiser, the schedules, accumulation, clipping, mixed precision through accelerate, checkpoints
and exact resumption. What labkit puts in: its own batches (``_batches``), the task's loss and prediction, and whole
checkpoints (staged, then renamed). To make the step faster, replace ``training_step`` here and ``Batches`` there.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import DefaultFlowCallback, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from labkit import models
from labkit.errors import RecipeError, ResourceError, RunError
from labkit.events import CheckpointSaved, Evaluated, Event, StepLogged
from labkit.tasks import Ask, Decision, Decisions, Encoded, divergence
from labkit.training import _rundir
from labkit.training._batches import Batches
from labkit.training._memory import resident_mb
from labkit.training._recipe import TechniqueConfig
from labkit.training._regularize import Anchor, Average, Mixup, mixout
from labkit.training._trainable import Thaw, groups

if TYPE_CHECKING:
    from labkit.training._distill import Teacher

LOG_SECONDS = 0.5  # at most two updates a second: a viewer in a notebook stays responsive
_MEMORY_LEFT_MB = 150  # below this the run saves itself before the system kills it


class Rows(Dataset[int]):
    """Positions of encoded rows; the collator fetches them a batch at a time."""

    def __init__(self, encoded: Encoded) -> None:
        self.encoded = encoded

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, index: int) -> int:
        return index


class LabTrainer(Trainer):
    """Trainer over encoded rows.

    Args:
        encoded: the training rows.
        grouped: batches of similar length.
        pad_id, side: how to pad.
        feeds_labels: whether the model gets the labels of a batch as well.
        loss: of (model output, labels), the mean over a batch.
        ask: of (model, inputs, labels): what the model says about them.
        decisions, decides: of the task, for what compares two outputs.
        technique: of the recipe.
        new: names of the weights that are not pretrained.
        thaw: which layers learn in which epoch; None: all of those that take part.
        classes: class of each row, for balanced batches; None for others.
        teacher: whom the model follows; None: nobody.
        judge: the metrics of the model as it stands, on the validation split; None without one.
        emit: takes the events.
        stop_requested: whether someone asked to stop.
        every: steps between evaluations.
        patience: evaluations without improvement before the end; 0: never ends early.
        checkpoint_seconds: longest time between checkpoints; 0: at evaluations only.
    """

    def __init__(
        self,
        *,
        model: Any,
        args: TrainingArguments,
        tokenizer: Any,
        encoded: Encoded,
        grouped: bool,
        pad_id: int,
        side: str,
        feeds_labels: bool,
        loss: Callable[[Any, torch.Tensor], torch.Tensor],
        ask: Ask,
        decisions: Callable[[Any, torch.Tensor], Decisions],
        decides: Decision,
        technique: TechniqueConfig,
        new: frozenset[str],
        thaw: Thaw | None,
        classes: npt.NDArray[np.int64] | None,
        teacher: Teacher | None,
        judge: Callable[[], dict[str, float]] | None,
        emit: Callable[[Event], None],
        stop_requested: Callable[[], bool],
        every: int,
        patience: int,
        checkpoint_seconds: float,
    ) -> None:
        model.to(args.device)  # before anything is kept of its weights
        self.encoded, self.pad_id, self.side = encoded, pad_id, side
        size = args.per_device_train_batch_size
        self.batches = Batches(encoded.lengths, size, args.seed, grouped=grouped, classes=classes)
        self.ask, self.decisions, self.decides, self.technique, self.thaw = ask, decisions, decides, technique, thaw
        # of the pretrained weights: before a checkpoint puts others into their place
        self.anchor = Anchor(model, technique.l2_sp, new) if technique.l2_sp else None
        if technique.mixout and not mixout(model, technique.mixout, new):
            raise RecipeError(["technique.mixout is for pretrained linear maps, and this model has none that learns."])
        if technique.r_drop and not models.has_dropout(model):
            raise RecipeError(
                [
                    "technique.r_drop compares two passes with different dropout, and this model has none: set model.dropout."
                ]
            )
        self.mixup = Mixup(model, technique.mixup) if technique.mixup else None
        self.average = Average(model, technique.averaging) if technique.averaging else None
        self.teacher = teacher
        self.feeds_labels, self.task_loss, self.judge, self.emit = feeds_labels, loss, judge, emit
        super().__init__(
            model=model,
            args=args,
            processing_class=tokenizer,
            train_dataset=Rows(encoded),
            data_collator=self._collate,
        )
        self.loss_is_scaled_for_ga = False  # the loss is a mean over its batch
        self.tokens = self.examples = 0
        self.flow = Flow(self, stop_requested, every, patience, checkpoint_seconds)
        self.remove_callback(DefaultFlowCallback)
        self.remove_callback(PrinterCallback)
        self.add_callback(self.flow)

    def get_train_dataloader(self) -> DataLoader[int]:
        # Its own generator: a loader draws a seed each epoch, which must not move the generator that dropout uses.
        return DataLoader(
            Rows(self.encoded),
            batch_sampler=self.batches,
            collate_fn=self._collate,
            generator=torch.Generator().manual_seed(0),
        )

    def _collate(self, rows: list[int]) -> dict[str, torch.Tensor]:
        return self.encoded.of_epoch(self.args.seed, self.batches.epoch).batch(rows, self.pad_id, self.side)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The task's loss on a batch."""
        self.tokens += int(inputs["attention_mask"].sum())
        self.examples += len(inputs["attention_mask"])
        labels = inputs["labels"] if self.feeds_labels else inputs.pop("labels")
        if self.technique.trainable == "head" and model.training:  # a body that learns nothing needs no dropout
            body = getattr(model, model.base_model_prefix, None)
            if body is not None:
                body.eval()
        if self.mixup and model.training:
            loss, outputs = self.mixup.loss(lambda mixed: model(**mixed), inputs, labels, self.task_loss)
            return (loss, outputs) if return_outputs else loss
        outputs = self.ask(model, self.teacher.asks(inputs) if self.teacher else inputs, labels)
        loss = self.task_loss(outputs, labels)
        if self.teacher:
            loss = self.teacher.loss(loss, outputs, inputs, labels)
        if self.technique.r_drop:
            loss = self._twice(model, inputs, labels, outputs, loss)
        return (loss, outputs) if return_outputs else loss

    def _twice(self, model: Any, inputs: dict[str, Any], labels: torch.Tensor, first: Any, loss: torch.Tensor) -> Any:
        """The mean loss of two passes, which differ in their dropout, and the divergence between what they say, in both
        directions (Liang et al. 2021, arXiv:2106.14448, equations 2 to 4)."""
        second = self.ask(model, inputs, labels)
        one, other = self.decisions(first, labels), self.decisions(second, labels)
        apart = divergence(one, other, self.decides) + divergence(other, one, self.decides)
        return (loss + self.task_loss(second, labels)) / 2 + self.technique.r_drop * apart / 2

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """AdamW, with a learning rate of its own for each layer where the recipe lets it fall."""
        if self.technique.layer_decay == 1 or self.optimizer is not None:
            return super().create_optimizer(model)
        model = model or self.model
        kind, options = self.get_optimizer_cls_and_kwargs(self.args, model)
        self.optimizer = kind(
            groups(
                model,
                set(self.get_decay_parameter_names(model)),
                rate=self.args.learning_rate,
                weight_decay=self.args.weight_decay,
                layer_decay=self.technique.layer_decay,
            ),
            **options,
        )
        return self.optimizer

    def take(self, checkpoint: Path) -> None:
        """Put the weights of a checkpoint into the model: the averaged ones where they are averaged."""
        self._load_from_checkpoint(str(checkpoint))
        if self.average:
            self.average.put()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        if self.average:
            self.average.load(Path(resume_from_checkpoint))

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Not counted: it would walk over all parameters at every step."""
        return 0

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> None:
        return None  # the loss is a mean over its batch, and accumulation divides by the number of batches

    def _evaluate(self, trial: Any, ignore_keys_for_eval: Any, skip_scheduler: bool = False) -> dict[str, float]:
        with self.average.in_force() if self.average else contextlib.nullcontext():
            metrics = self.judge() if self.judge else {}
        prefixed = {f"eval_{name}": value for name, value in metrics.items()}
        self.state.log_history.append({"step": self.state.global_step, "epoch": self.state.epoch, **prefixed})
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, prefixed)
        return prefixed

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Save beside the place, then rename: a checkpoint is whole or not there. The newest and the best are kept."""
        home = Path(str(self.args.output_dir))
        name = f"checkpoint-{self.state.global_step}"
        staging = home / "staging"
        shutil.rmtree(staging, ignore_errors=True)
        (staging / name).mkdir(parents=True)
        self._staging = str(staging)
        try:
            super()._save_checkpoint(model, trial)
            if self.average:
                self.average.save(staging / name)
            _rundir.seal(staging / name)
            _rundir.publish(staging / name, home / name)
        finally:
            self._staging = None
            shutil.rmtree(staging, ignore_errors=True)
        keep = {self.state.global_step, self.state.best_global_step}
        for step, folder in _rundir.checkpoints(home.parent) + _rundir.damaged_checkpoints(home.parent):
            if step not in keep:
                shutil.rmtree(folder, ignore_errors=True)
        self.emit(CheckpointSaved(step=self.state.global_step, path=f"{home.name}/{name}"))

    _staging: str | None = None

    def _get_output_dir(self, trial: Any) -> str:
        return self._staging or str(self.args.output_dir)


class Flow(TrainerCallback):
    """When to log, evaluate, save and stop."""

    def __init__(
        self,
        trainer: LabTrainer,
        stop_requested: Callable[[], bool],
        every: int,
        patience: int,
        checkpoint_seconds: float,
    ) -> None:
        self.trainer, self.stop_requested = trainer, stop_requested
        self.every, self.patience, self.checkpoint_seconds = every, patience, checkpoint_seconds
        self.stopped = False
        self.starved = False
        self._logged = self._saved = self._began = time.monotonic()
        self._first_step = 0
        self._counted = (0, 0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._logged = self._saved = self._began = time.monotonic()
        self._first_step = state.global_step

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # Trainer's own call reaches a batch sampler only when it is wrapped
        epoch = int(state.epoch or 0)
        self.trainer.batches.set_epoch(epoch)
        if self.trainer.thaw:
            self.trainer.thaw.apply(self.trainer.model, epoch)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.trainer.anchor:
            self.trainer.anchor.pull()

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.trainer.average:
            self.trainer.average.step(state.global_step + 1)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        now = time.monotonic()
        last = state.global_step >= state.max_steps
        if last:
            control.should_training_stop = True
        if last or state.global_step % self.every == 0:
            control.should_evaluate = self.trainer.judge is not None
            control.should_save = True
        if self.checkpoint_seconds and now - self._saved > self.checkpoint_seconds:
            control.should_save = True
        if self.stop_requested():
            self.stopped = control.should_save = control.should_training_stop = True
        elif _free_memory_mb() < _MEMORY_LEFT_MB:
            self.starved = control.should_save = control.should_training_stop = True
        if now - self._logged > LOG_SECONDS or control.should_evaluate or control.should_training_stop:
            control.should_log = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        if not math.isfinite(logs["loss"]):
            raise diverged(state.global_step, logs["loss"])
        now = time.monotonic()
        elapsed = max(now - self._logged, 1e-9)
        tokens, examples = self.trainer.tokens - self._counted[0], self.trainer.examples - self._counted[1]
        self._counted = (self.trainer.tokens, self.trainer.examples)
        self._logged = now
        done = state.global_step - self._first_step
        self.trainer.emit(
            StepLogged(
                step=state.global_step,
                epoch=round(float(state.epoch or 0), 4),
                loss=logs["loss"],
                learning_rate=logs.get("learning_rate", 0.0),
                gradient_norm=logs.get("grad_norm"),
                examples_per_second=examples / elapsed,
                tokens_per_second=tokens / elapsed,
                memory_mb=resident_mb(),
                seconds_left=(now - self._began) / max(done, 1) * (state.max_steps - state.global_step),
            )
        )

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: dict[str, float] | None = None, **_: Any
    ) -> None:
        self._logged = time.monotonic()  # evaluating is no training time
        key, better = f"eval_{args.metric_for_best_model}", np.greater if args.greater_is_better else np.less
        value = (metrics or {}).get(key)
        best = value is not None and (state.best_metric is None or better(value, state.best_metric))
        self.trainer.emit(
            Evaluated(
                step=state.global_step,
                epoch=round(float(state.epoch or 0), 4),
                split="validation",
                metrics={name.removeprefix("eval_"): v for name, v in (metrics or {}).items()},
                best=bool(best),
            )
        )
        if gave_up(state.log_history, key, args.greater_is_better, self.patience):
            control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._saved = time.monotonic()


def rise_and_fall(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up, then linear decay to 0."""
    rising = max(1, int(warmup * steps))
    return step / rising if step <= rising else (steps - step + 1) / (steps - rising + 1)


def by_decay(parameters: Sequence[torch.nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Groups for an optimiser: matrices decay, biases and scales of norms do not."""
    return [
        {"params": [one for one in parameters if one.ndim > 1], "weight_decay": weight_decay},
        {"params": [one for one in parameters if one.ndim <= 1], "weight_decay": 0.0},
    ]


class StepLog:
    """Tells how a loop of our own gets on, twice a second at most.

    Args:
        steps: of the whole loop.
        per_epoch: steps of an epoch.
        emit: takes the events.
    """

    def __init__(self, steps: int, per_epoch: float, emit: Callable[[StepLogged], None]) -> None:
        self._steps, self._per_epoch, self._emit = steps, per_epoch, emit
        self._losses: list[float] = []
        self._examples = 0
        self._began = self._logged = time.monotonic()

    def batch(self, loss: float, examples: int) -> None:
        """Note the loss of a batch of so many examples."""
        self._losses.append(loss)
        self._examples += examples

    def step(self, step: int, rate: float, norm: float, *, now: bool = False) -> None:
        """A step of the optimiser is done: tell, where it is time or ``now``.

        Args:
            step: counted from 1.
            rate: learning rate of this step.
            norm: of the gradients, before clipping.
            now: whatever the time is.

        Raises:
            RunError: the loss since the last event is no number.
        """
        time_now = time.monotonic()
        if not (now or step >= self._steps or time_now - self._logged > LOG_SECONDS):
            return
        mean = float(np.mean(self._losses))
        if not math.isfinite(mean):
            raise diverged(step, mean)
        self._emit(
            StepLogged(
                step=step,
                epoch=round(step / self._per_epoch, 4),
                loss=mean,
                learning_rate=rate,
                gradient_norm=norm,
                examples_per_second=self._examples / max(time_now - self._logged, 1e-9),
                memory_mb=resident_mb(),
                seconds_left=(time_now - self._began) / step * (self._steps - step),
            )
        )
        self._losses, self._examples, self._logged = [], 0, time_now

    def pause(self) -> None:
        """What was done since the last step is no training time."""
        self._logged = time.monotonic()


def diverged(step: int, loss: float) -> RunError:
    """The error for a loss that is no number."""
    return RunError(
        f"a finite loss at step {step}",
        f"{loss}: training diverged",
        "train again with a lower optimizer.learning_rate, more optimizer.warmup, or budget.precision float32",
    )


def gave_up(history: list[dict[str, float]], metric: str, higher_is_better: bool, patience: int) -> bool:
    """Whether the last ``patience`` evaluations brought no improvement.

    It is read off the history, so that a resumed run decides as the uninterrupted one would.
    """
    values = [entry[metric] for entry in history if metric in entry]
    if not patience or len(values) <= patience:
        return False
    best = int(np.argmax(values) if higher_is_better else np.argmin(values))
    return len(values) - 1 - best >= patience


def plain_resource_error(error: BaseException, run: Path) -> ResourceError | None:
    """The same in plain words, where an error means that memory or disk ran out; else None."""
    text = str(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        sign in text
        for sign in ("DefaultCPUAllocator", "out of memory", "Cannot allocate memory", "can't allocate memory")
    ):
        return ResourceError(
            "enough memory for a training step",
            "none left to allocate",
            "close other programs and resume: every checkpoint saved so far is intact. Or start a new run with a smaller "
            "optimizer.batch_size (and as much more optimizer.gradient_accumulation), a smaller model.max_length or a "
            "smaller base model",
        )
    try:
        full = shutil.disk_usage(run).free < 1 << 20
    except OSError:
        full = False
    if full or any(
        sign in text
        for sign in (
            "No space left",
            "Disk quota",
            "StorageFull",
            "PytorchStreamWriter",
            "unexpected pos",
            "Read-only file system",
        )
    ):
        why = text.splitlines()[0][:120] if text else type(error).__name__
        if "PytorchStreamWriter" in text or "unexpected pos" in text:  # torch's own words, for a short write
            why = "a checkpoint could not be written"
        return ResourceError(
            f"room on the disk of {run}",
            f"no more ({why})",
            "free some space and resume the run: every checkpoint saved so far is intact",
        )
    return None


def _free_memory_mb() -> float:
    import psutil

    return float(psutil.virtual_memory().available) / 1e6
