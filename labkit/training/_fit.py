"""From a base model to the best model of a run: what of it is trained, by which loop, and how it is saved."""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainingArguments, set_seed

from labkit import data, models, tasks
from labkit.errors import ModelError, RecipeError
from labkit.events import Event, Note, RunStarted
from labkit.models import _adapters
from labkit.models._layers import keep_layers
from labkit.models._pooled import with_head
from labkit.tasks import asking, loss_of
from labkit.training import _contrastive, _head, _rundir
from labkit.training._batches import Batches
from labkit.training._distill import teacher
from labkit.training._predictor import SETTINGS
from labkit.training._recipe import Recipe
from labkit.training._trainable import choose, counted, thaw
from labkit.training._trainer import LabTrainer, gave_up

if TYPE_CHECKING:
    from labkit.training._interrupt import Interrupt


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitting:
    """Everything that a training needs.

    Attributes:
        recipe: with nothing left open.
        corpus: of the recipe.
        task: of the recipe, with the labels of the corpus.
        base: the base model.
        tokenizer: its tokenizer.
        encoded: split → tokenised rows.
        precision: "float32" or "bf16".
        directory: of the run.
        emit: takes the events.
        interrupt: whether someone has pressed Ctrl-C.
    """

    recipe: Recipe
    corpus: data.Corpus
    task: tasks.Task
    base: models.BaseModel
    tokenizer: Any
    encoded: dict[str, tasks.Encoded]
    precision: str
    directory: Path
    emit: Callable[[Event], None]
    interrupt: Interrupt

    @property
    def padding(self) -> dict[str, Any]:
        """How rows are padded."""
        return {"pad_id": self.tokenizer.pad_token_id, "side": self.tokenizer.padding_side}

    @property
    def metric(self) -> str:
        """What chooses the best weights."""
        return self.recipe.evaluation.metric or self.task.metric

    @cached_property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in an epoch."""
        optimizer = self.recipe.optimizer
        batches = math.ceil(len(self.encoded["train"]) / optimizer.batch_size)
        return math.ceil(batches / optimizer.gradient_accumulation)

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run; to its end fitted, a head takes 1."""
        budget, technique = self.recipe.budget, self.recipe.technique
        if technique.solver == "lbfgs":
            return technique.contrastive or 1
        planned = math.ceil(budget.epochs * self.steps_per_epoch)
        return min(planned, budget.max_steps) if budget.max_steps else planned

    @property
    def every(self) -> int:
        """Steps between evaluations."""
        return max(1, round(self.recipe.evaluation.every * self.steps_per_epoch))

    @cached_property
    def classes(self) -> Any:
        """The class of each training row where batches are balanced; else None."""
        if self.recipe.data.balance != "batches":
            return None
        targets = self.encoded["train"].targets
        if targets is None or targets.ndim != 1 or targets.dtype.kind != "i":
            raise RecipeError(["data.balance = 'batches' is for rows with one class each: leave it at none."])
        return targets

    def stopped(self) -> bool:
        """Whether someone asked to save and stop."""
        return self.interrupt.asked or (self.directory / _rundir.STOP).exists()


def fit(it: Fitting) -> bool:
    """Train, and put the best model into its place. False where someone asked to stop."""
    recipe, technique = it.recipe, it.recipe.technique
    model, new = begin(it)
    remembers = (
        technique.trainable == "head"
        and technique.remember
        and not technique.averaging
        and not technique.r_drop
        and not technique.mixup
        and not recipe.distillation.teacher
    )
    fits = _head.fits(model, it.encoded, new)
    if technique.solver == "lbfgs" and not fits:
        do = f"give {recipe.model.name!r} all its weights, or leave the solver at adamw"
        raise RecipeError([f"technique.solver = 'lbfgs' needs a body whose weights are all pretrained: {do}."])
    train = _train_head if remembers and fits else _train_model
    if technique.contrastive:
        _head.forget(it.directory / _rundir.CHECKPOINTS)  # what another body said, before a kill
        if not _contrastive.tune(it, model, lambda: _started(it, model, 0)):
            return False
    if not train(it, model, new):
        return False
    if technique.trainable in _adapters.MERGED and recipe.adapter.merge:
        model = _adapters.merged(model)
    it.task.finish(model)
    _save(it, model)
    return True


def begin(it: Fitting) -> tuple[Any, frozenset[str]]:
    """The model as its training begins, with what is not trained frozen, and the names of its weights that are not
    pretrained."""
    recipe, technique = it.recipe, it.recipe.technique
    set_seed(recipe.seed)  # before the model: the head's weights are drawn there
    model = _built(it)
    new = models.new_weights(model)
    if technique.trainable in models.ADAPTERS:
        sizes = {name: value for name, value in dataclasses.asdict(recipe.adapter).items() if name != "merge"}
        return _adapters.wrap(model, technique.trainable, it.task.head, new=new, **sizes), new
    choose(model, recipe)
    return model, new


def _built(it: Fitting) -> Any:
    asked = it.recipe.model
    if _adapters.lone(it.base.folder):
        do = "merge it (labkit merge RUN --out FOLDER) where it can be, and go on from that; or train it again as a whole model"
        raise ModelError(f"a whole model in {it.base.folder}", "an adapter alone", do)
    model = it.task.build(it.base, dropout=asked.dropout)
    if asked.layers:
        keep_layers(model, asked.layers)
    if asked.pooling != "own":
        model = with_head(
            model, pooling=asked.pooling, layers=asked.head_layers, unit=asked.unit_vectors, dropout=asked.dropout
        )
    embeddings: Any = model.get_input_embeddings()
    table = embeddings.weight.shape[0]
    highest = max((int(rows.ids.max(initial=0)) for rows in it.encoded.values()), default=0)
    if highest >= table:
        raise ModelError(
            f"a tokenizer that fits the model's {table:,} word embeddings",
            f"the token id {highest:,}",
            f"the tokenizer in {it.base.folder} belongs to another model: put the right one there",
        )
    if model.config.pad_token_id is None:
        model.config.pad_token_id = it.tokenizer.pad_token_id
    return model


def _started(it: Fitting, model: Any, step: int) -> None:
    recipe = it.recipe
    parameters, trained = counted(model)
    it.emit(
        RunStarted(
            run=it.directory.name,
            task=recipe.task,
            model=recipe.model.name,
            rows=it.corpus.rows,
            steps=it.steps,
            epochs=recipe.budget.epochs,
            from_step=step,
            precision=it.precision,
            pid=os.getpid(),
            labels=len(it.corpus.labels),
            learning_rate=recipe.optimizer.learning_rate,
            parameters=parameters,
            trained=trained,
        )
    )


def loss(it: Fitting) -> Callable[[Any, Any], Any]:
    """What is minimised, of (model output, labels)."""
    technique = it.recipe.technique
    weights = None
    if technique.loss == "ordinal":
        it.emit(Note(text=f"The classes in their order: {' < '.join(it.task.labels)}."))
    if technique.class_weights:
        by_class = data.class_weights(it.corpus)
        weights = [by_class[label] for label in it.task.labels]
    return loss_of(
        it.task.decisions,
        it.task.decides,
        name=technique.loss,
        weights=weights,
        label_smoothing=technique.label_smoothing,
        gamma=technique.focal_gamma,
    )


def _train_model(it: Fitting, model: Any, new: frozenset[str]) -> bool:
    """Train by way of Trainer, from the newest checkpoint on."""
    recipe, task = it.recipe, it.task
    validated = "validation" in it.encoded
    thawing = thaw(model, recipe, it.steps / it.steps_per_epoch)

    def look() -> dict[str, float]:
        rows = it.encoded["validation"]
        return task.watch(model, rows, **it.padding, batch_size=recipe.optimizer.batch_size, metric=it.metric)

    trainer = LabTrainer(
        model=model,
        args=_arguments(it),
        tokenizer=it.tokenizer,
        encoded=it.encoded["train"],
        grouped=recipe.budget.length_grouped,
        **it.padding,
        feeds_labels=task.feeds_labels,
        loss=loss(it),
        ask=asking(task.head),
        decisions=task.decisions,
        decides=task.decides,
        technique=recipe.technique,
        new=new,
        thaw=thawing,
        classes=it.classes,
        teacher=teacher(it, model) if recipe.distillation.teacher else None,
        judge=look if validated else None,
        emit=it.emit,
        stop_requested=it.stopped,
        every=it.every,
        patience=recipe.budget.patience,
        checkpoint_seconds=recipe.budget.checkpoint_minutes * 60,
    )
    last, state = _last_checkpoint(it.directory, it.emit)
    _started(it, model, state["global_step"])
    over = state["global_step"] >= it.steps or gave_up(
        state["log_history"], f"eval_{it.metric}", task.metrics[it.metric], recipe.budget.patience
    )
    if not over:
        if validated and recipe.evaluation.metric and last is None:
            look()  # a metric that these rows do not have shows here, not after an epoch
        with it.interrupt.patience(), models.quiet_transformers():
            trainer.train(resume_from_checkpoint=str(last) if last else None)
        if trainer.flow.starved:
            raise MemoryError
        if trainer.flow.stopped:
            return False
        state = {"best_global_step": trainer.state.best_global_step, "global_step": trainer.state.global_step}
    chosen = state.get("best_global_step") or state["global_step"]
    if over or chosen != state["global_step"] or trainer.average:
        trainer.take(it.directory / _rundir.CHECKPOINTS / f"checkpoint-{chosen}")
    return True


def _train_head(it: Fitting, model: Any, new: frozenset[str]) -> bool:
    """Train the head on what the body says, which is computed once."""
    recipe = it.recipe
    if not recipe.technique.contrastive:  # which has said so
        _started(it, model, 0)
    it.emit(Note(text="The body is not trained: its outputs are computed once, and the head is trained on them."))
    body = getattr(model, model.base_model_prefix)
    folder = it.directory / _rundir.CHECKPOINTS
    looked_at = {split: rows for split, rows in it.encoded.items() if split != "test"}  # which is judged in float32
    with it.interrupt.patience():
        rows = _head.remember(model, looked_at, folder, **it.padding, precision=it.precision, stop=it.stopped)
        if rows is None:
            return False
        lengths, size = it.encoded["train"].lengths, recipe.optimizer.batch_size
        done = recipe.technique.solver == "lbfgs" and _head.solve(
            model, it.task, rows, **it.padding, metric=it.metric, step=it.steps, emit=it.emit
        )
        done = done or _head.train_head(
            model,
            it.task,
            rows,
            Batches(lengths, size, recipe.seed, grouped=recipe.budget.length_grouped, classes=it.classes),
            loss(it),
            _arguments(it),
            **it.padding,
            steps=it.steps,
            every=it.every,
            patience=recipe.budget.patience,
            metric=it.metric,
            emit=it.emit,
            stop=it.stopped,
        )
    setattr(model, model.base_model_prefix, body)
    return done


def _arguments(it: Fitting) -> TrainingArguments:
    recipe, optimizer = it.recipe, it.recipe.optimizer
    return TrainingArguments(
        output_dir=str(it.directory / _rundir.CHECKPOINTS),
        per_device_train_batch_size=optimizer.batch_size,
        gradient_accumulation_steps=optimizer.gradient_accumulation,
        num_train_epochs=recipe.budget.epochs,
        max_steps=it.steps if recipe.budget.max_steps else -1,  # to Trainer, -1 means as many as the epochs give
        learning_rate=optimizer.learning_rate,
        # transformers' "constant" knows no warm-up
        lr_scheduler_type=optimizer.schedule.replace("constant", "constant_with_warmup"),
        # its "polynomial" divides by the steps behind the warm-up, and ends above 0
        warmup_steps=min(int(optimizer.warmup * it.steps), it.steps - 1),
        lr_scheduler_kwargs={"lr_end": 0.0, "power": 2.0} if optimizer.schedule == "polynomial" else None,
        weight_decay=optimizer.weight_decay,
        adam_beta1=optimizer.beta1,
        adam_beta2=optimizer.beta2,
        adam_epsilon=optimizer.epsilon,
        optim="adamw_torch_fused",
        max_grad_norm=optimizer.max_gradient_norm,
        bf16=it.precision == "bf16",
        use_cpu=models.machine().device == "cpu",
        seed=recipe.seed,
        save_strategy="steps",
        save_steps=1 << 40,  # labkit's own flow decides; see _trainer.Flow
        logging_strategy="no",
        logging_nan_inf_filter=False,
        eval_strategy="no",
        metric_for_best_model=it.metric,
        greater_is_better=it.task.metrics[it.metric],
        disable_tqdm=True,
        report_to="none",
        log_level="error",
        dataloader_pin_memory=False,
        remove_unused_columns=False,
    )


def _last_checkpoint(directory: Path, emit: Callable[[Event], None]) -> tuple[Path | None, dict[str, Any]]:
    """The newest checkpoint to go on from, and Trainer's state in it. One that was damaged from outside is passed over."""
    saved = _rundir.checkpoints(directory)
    for _, folder in _rundir.damaged_checkpoints(directory):
        emit(Note(text=f"{folder.name} is damaged and not used: files in it are missing or have another size."))
    steps = {step for step, _ in saved}
    for _, folder in reversed(saved):
        state: dict[str, Any] = _rundir.read_json(folder / "trainer_state.json")
        best = state.get("best_global_step")
        if best is None or best in steps:
            return folder, state
        emit(
            Note(text=f"{folder.name} is not used: the best checkpoint before it, of step {best}, is damaged or gone.")
        )
    return None, {"global_step": 0, "log_history": []}


def _save(it: Fitting, model: Any) -> None:
    staged = it.directory / f"{_rundir.MODEL}.partial"
    shutil.rmtree(staged, ignore_errors=True)
    vars(model.config).pop(models.UNTRAINED, None)  # a starter model is no longer what it was built as
    with models.quiet_transformers():
        if _adapters.adapted(model):
            staged.mkdir(parents=True)
            _adapters.save_adapter(model, staged, it.base, it.recipe.technique.trainable)
        else:
            model.save_pretrained(staged)
        it.tokenizer.save_pretrained(staged)
    if settings := it.task.settings():
        _rundir.write_json(staged / SETTINGS, settings)
    _rundir.publish(staged, it.directory / _rundir.MODEL)
