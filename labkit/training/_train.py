"""From a recipe to a complete run: data, model, training, judgement, model card.

``execute`` is the one path: ``train`` calls it in this process, ``launch`` in a process of its own, and resuming is calling it
again on the same directory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from labkit import data, models, tasks
from labkit.errors import DataError, LabError, ModelError, RecipeError, quoted
from labkit.events import Event, EventLog, Note, RunEnded, RunStarted, Status
from labkit.training import _rundir
from labkit.training._environment import describe, digest, essence
from labkit.training._judge import judge
from labkit.training._predictor import SETTINGS
from labkit.training._prepare import prepare, reopen, require_same
from labkit.training._recipe import Recipe
from labkit.training._run import Run

Watch = Callable[[Event], None]


def train(recipe: Recipe, directory: str | os.PathLike[str] | None = None, *, watch: Watch | None = None) -> Run:
    """Train in this process and return when it is done, stopped or failed.

    The first Ctrl-C saves and stops; the run can be resumed.

    Args:
        recipe: everything that decides the result.
        directory: the run directory; a new one under ``runs/`` when None. One that holds an interrupted run of the same
            recipe is resumed.
        watch: called with every event.

    Raises:
        RecipeError: the recipe cannot work.
        DataError: the data cannot be read or trained on.
        ModelError: the base model cannot be had.
        RunError: the directory holds another run, a finished one, or one that a process works on.
        ResourceError: memory or disk ran out; every checkpoint saved before is intact.
    """
    run = prepare(recipe, directory)
    try:
        execute(run.directory, watch=watch)
    except LabError:
        _rundir.discard(run.directory)  # a mistyped name leaves no folder behind
        if directory is None:
            with contextlib.suppress(OSError):
                run.directory.parent.rmdir()
        raise
    return run


def resume(directory: str | os.PathLike[str], *, watch: Watch | None = None) -> Run:
    """Go on with an interrupted, stopped or failed run, in this process.

    It ends with the metrics that the uninterrupted run would have had. Of a completed run that was damaged since, it makes
    again what is missing.

    Raises:
        RunError: no run there, a finished one, or one that a process works on.
    """
    run = Run(directory)
    if run.status == "completed":
        reopen(run)
    execute(run.directory, watch=watch)
    return run


def execute(directory: Path, *, watch: Watch | None = None) -> None:
    """Run what is left of the run in ``directory``, as the process that owns it."""
    _rundir.claim(directory, os.getpid())
    log = EventLog(directory / _rundir.EVENTS)
    started = time.monotonic()
    step = 0

    def emit(event: Event) -> None:
        nonlocal step
        step = getattr(event, "step", step)
        log.append(event)
        if watch is not None:
            watch(event)

    def end(status: Status, metrics: dict[str, float] | None = None, error: str = "") -> None:
        _rundir.release_reserve(directory)
        emit(RunEnded(status=status, step=step, seconds=time.monotonic() - started, metrics=metrics or {}, error=error))

    with _Interrupt() as interrupt:
        try:
            _rundir.hold_reserve(directory)
            metrics = _work(directory, emit, interrupt)
            if metrics is None:
                interrupt.ended = True
                end("stopped")
                return
            _rundir.release_reserve(directory)
            # before the manifest: a process killed in between leaves a run that is judged once more, not stray files
            shutil.rmtree(directory / _rundir.CHECKPOINTS, ignore_errors=True)
            _rundir.write_manifest(directory)
            end("completed", metrics)
        except KeyboardInterrupt:
            interrupt.ended = True
            end("stopped", error="interrupted before the next checkpoint")
            raise KeyboardInterrupt(f"Go on with: labkit train --resume {directory}") from None
        except BaseException as error:
            from labkit.training._trainer import plain_resource_error

            _rundir.release_reserve(directory)
            plain = error if isinstance(error, LabError) else plain_resource_error(error, directory) or error
            text = str(plain) if isinstance(plain, LabError) else f"{type(plain).__name__}: {plain}"
            with contextlib.suppress(OSError):  # with nothing left on the disk, the error itself must still get out
                end("failed", error=text)
            if plain is error:
                raise
            raise plain from error
        finally:
            _rundir.release(directory)


class _Interrupt:
    """The first Ctrl-C or SIGTERM asks the loop to save and stop; outside the loop, or the second time, it interrupts."""

    def __init__(self) -> None:
        self.asked = False
        self.patient = False  # whether a loop looks at ``asked``
        self.ended = False  # whether there is nothing left to interrupt
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: object) -> None:
        if self.ended:
            return  # a press too many
        if self.asked or not self.patient:
            self.ended = True
            raise KeyboardInterrupt
        self.asked = True

    @contextlib.contextmanager
    def patience(self) -> Iterator[None]:
        self.patient = True
        try:
            yield
        finally:
            self.patient = False


def _work(directory: Path, emit: Watch, interrupt: _Interrupt) -> dict[str, float] | None:
    """Everything from reading the data to the model card. None where someone asked to stop."""
    recipe = Recipe.load(directory / _rundir.RECIPE)
    require_same(recipe, directory)
    kind = tasks.get(recipe.task)
    starter = recipe.model.name.startswith(models.STARTER)
    models.require_head(recipe.model.name, kind.head, recipe.task)  # before the data is read, and a model fetched
    if not starter:
        base = models.resolve(recipe.model.name)
        models.require_head(base, kind.head, recipe.task)
        if said := models.new_head(base, kind.head):
            emit(Note(text=said))
    emit(Note(text="Reading the data."))
    corpus = data.load(recipe.data)
    if starter:
        emit(Note(text=f"{recipe.model.name} is an untrained model, with a tokenizer trained on the training rows."))
        base = models.resolve(recipe.model.name, texts=_texts(corpus))
    problems = kind.problems(corpus)
    if problems:
        raise DataError(
            "data that a model can be trained on",
            f"this: {' '.join(problems)}",
            f"to see what is in it: labkit check {recipe.data.train}"
            + ("" if recipe.task == Recipe().task else f" --task {recipe.task}"),
            file=recipe.data.train,
        )
    columns = ["length", *corpus["train"].column_names]
    unknown = [name for name in recipe.evaluation.slices if name not in columns]
    if unknown:  # said now, not after the training
        raise RecipeError([f"evaluation.slices names {quoted(unknown)}. Columns to slice by: {quoted(columns, 50)}."])
    import torch

    threads = recipe.budget.threads or models.usable_cores()
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    tokenizer = models.load_tokenizer(base)
    longest = _max_length(recipe, base, tokenizer)
    emit(Note(text=f"Tokenising {sum(corpus.rows.values()):,} rows."))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.model_max_length = longest
    task = kind.of_corpus(corpus, {**dataclasses.asdict(recipe.generation), "mask_share": recipe.technique.mask_share})
    encoded = {split: task.encode(rows, tokenizer, max_length=longest) for split, rows in corpus.splits.items()}
    recipe, precision = _resolve(recipe, corpus, base, longest, len(encoded["train"]), directory)
    finished = (directory / _rundir.MODEL / "config.json").exists()
    if not finished and not _fit(recipe, corpus, task, base, tokenizer, encoded, precision, directory, emit, interrupt):
        return None
    return judge(recipe, corpus, encoded, directory, emit)


def _texts(corpus: Any) -> Iterator[str]:
    columns = ("text", "target") if corpus.config.layout in ("pairs", "texts") else ("text", "text_pair")
    for batch in corpus["train"].iter(1000):
        for column in columns:
            yield from (text for text in batch.get(column, ()) if text)


def _max_length(recipe: Recipe, base: models.BaseModel, tokenizer: Any) -> int:
    """Tokens to which inputs are cut: as the recipe says, or as many as the model takes, 512 at most."""
    config = models.load_config(base)
    limit = max(0, int(getattr(config, "max_position_embeddings", 0) or 0))  # XLNet says -1: it has no limit
    if getattr(config, "model_type", "") in ("roberta", "xlm-roberta", "camembert"):
        limit -= 2  # their positions start behind the padding index
    limit = min(limit or 10**6, tokenizer.model_max_length)
    if recipe.model.max_length > limit:
        raise RecipeError(
            [
                f"model.max_length must be at most {limit}, the longest input of {base.name!r}, not {recipe.model.max_length}."
            ]
        )
    return recipe.model.max_length or min(limit, 512)


def _resolve(
    recipe: Recipe, corpus: Any, base: models.BaseModel, longest: int, pieces: int, directory: Path
) -> tuple[Recipe, str]:
    """Fill in what the recipe leaves to the machine and the data, and write it down, once: a resumed run reads it."""
    import torch

    noted = directory / _rundir.ENVIRONMENT
    given = (recipe.data.fingerprint, recipe.model.max_length, recipe.optimizer.learning_rate, recipe.budget.epochs)
    if noted.exists() and all(given):
        return recipe, str(_rundir.read_json(noted)["precision"])
    config = models.load_config(base)
    rate = recipe.optimizer.learning_rate or default_learning_rate(base, config)
    machine = models.machine()
    speed = models.layer_speed(
        int(getattr(config, "hidden_size", 0) or getattr(config, "d_model", 384)),
        int(getattr(config, "num_attention_heads", 0) or 1),
        0,
        machine.device if machine.device == "cuda" else "cpu",
    )
    precision = speed.best if recipe.budget.precision == "auto" else recipe.budget.precision
    if machine.device == "mps":
        precision = "float32"
    chosen = recipe.with_values(
        data=dataclasses.asdict(corpus.config),
        model={"max_length": longest},
        optimizer={"learning_rate": rate},
        budget={
            "epochs": recipe.epochs(pieces),
            "precision": precision,
            "threads": torch.get_num_threads(),
        },
    )
    # The recipe comes last: as long as it has gaps, the next process comes here again, and notes what was asked again.
    facts = describe(machine, speed, precision, chosen)
    _rundir.write_json(noted, {**facts, "asked": digest(recipe), "recipe": essence(chosen)})
    chosen.save(directory / _rundir.RECIPE)
    return chosen, precision


def default_learning_rate(base: models.BaseModel, config: Any) -> float:
    """Peak learning rate by size: small encoders take, and need, a higher one; models that know nothing yet the highest.

    2e-4 is for MiniLM: on a validation split of banking77's training data (``benchmarks/tune_defaults.py``) 3e-4 was no
    better. 5e-5 and 2e-5 are the range of Devlin et al. 2019 (arXiv:1810.04805, appendix A.3) for base and large encoders.
    5e-4 is for starter models: with it ``starter:bart`` learnt the grammar of the phrasebook sample in 10 epochs.
    """
    if models.is_untrained(base):
        return 5e-4
    width = int(getattr(config, "hidden_size", 0) or getattr(config, "d_model", 768))
    return 2e-4 if width <= 512 else 5e-5 if width <= 768 else 2e-5


def _fit(
    recipe: Recipe,
    corpus: Any,
    task: tasks.Task,
    base: models.BaseModel,
    tokenizer: Any,
    encoded: dict[str, tasks.Encoded],
    precision: str,
    directory: Path,
    emit: Watch,
    interrupt: _Interrupt,
) -> bool:
    """Train, and put the best model into its place. False where someone asked to stop."""
    from safetensors.torch import load_file
    from transformers import TrainingArguments, set_seed

    from labkit.training._trainer import LabTrainer, gave_up

    set_seed(recipe.seed)  # before the model: the head's weights are drawn there
    model = task.build(base, dropout=recipe.model.dropout)
    embeddings: Any = model.get_input_embeddings()
    table = embeddings.weight.shape[0]
    highest = max((int(rows.ids.max(initial=0)) for rows in encoded.values()), default=0)
    if highest >= table:
        raise ModelError(
            f"a tokenizer that fits the model's {table:,} word embeddings",
            f"the token id {highest:,}",
            f"the tokenizer in {base.folder} belongs to another model: put the right one there",
        )
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    _freeze(model, recipe)
    weights = data.class_weights(corpus) if recipe.technique.class_weights else None
    batches = math.ceil(len(encoded["train"]) / recipe.optimizer.batch_size)
    steps_per_epoch = math.ceil(batches / recipe.optimizer.gradient_accumulation)
    total = _total_steps(recipe, steps_per_epoch)
    metric = recipe.evaluation.metric or task.metric
    validated = "validation" in encoded
    checkpoints = directory / _rundir.CHECKPOINTS
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        per_device_train_batch_size=recipe.optimizer.batch_size,
        gradient_accumulation_steps=recipe.optimizer.gradient_accumulation,
        num_train_epochs=recipe.budget.epochs,
        max_steps=_max_steps(recipe, steps_per_epoch),
        learning_rate=recipe.optimizer.learning_rate,
        # transformers' "constant" knows no warm-up
        lr_scheduler_type=recipe.optimizer.schedule.replace("constant", "constant_with_warmup"),
        # its "polynomial" divides by the steps behind the warm-up, and ends above 0
        warmup_steps=min(int(recipe.optimizer.warmup * total), total - 1),
        lr_scheduler_kwargs={"lr_end": 0.0, "power": 2.0} if recipe.optimizer.schedule == "polynomial" else None,
        weight_decay=recipe.optimizer.weight_decay,
        adam_beta1=recipe.optimizer.beta1,
        adam_beta2=recipe.optimizer.beta2,
        adam_epsilon=recipe.optimizer.epsilon,
        optim="adamw_torch_fused",
        max_grad_norm=recipe.optimizer.max_gradient_norm,
        bf16=precision == "bf16",
        use_cpu=models.machine().device == "cpu",
        seed=recipe.seed,
        save_strategy="steps",
        save_steps=1 << 40,  # labkit's own flow decides; see _trainer.Flow
        logging_strategy="no",
        logging_nan_inf_filter=False,
        eval_strategy="no",
        metric_for_best_model=metric,
        greater_is_better=task.metrics[metric],
        disable_tqdm=True,
        report_to="none",
        log_level="error",
        dataloader_pin_memory=False,
        remove_unused_columns=False,
    )

    def look() -> dict[str, float]:
        return task.watch(
            model,
            encoded["validation"],
            pad_id=tokenizer.pad_token_id,
            side=tokenizer.padding_side,
            batch_size=recipe.optimizer.batch_size,
            metric=metric,
        )

    stop_file = directory / _rundir.STOP
    trainer = LabTrainer(
        model=model,
        args=arguments,
        tokenizer=tokenizer,
        encoded=encoded["train"],
        grouped=recipe.budget.length_grouped,
        pad_id=tokenizer.pad_token_id,
        side=tokenizer.padding_side,
        feeds_labels=task.feeds_labels,
        loss=task.loss(weights=weights, label_smoothing=recipe.technique.label_smoothing),
        judge=look if validated else None,
        emit=emit,
        stop_requested=lambda: interrupt.asked or stop_file.exists(),
        every=max(1, round(recipe.evaluation.every * steps_per_epoch)),
        patience=recipe.budget.patience,
        checkpoint_seconds=recipe.budget.checkpoint_minutes * 60,
    )
    last, state = _last_checkpoint(directory, emit)
    emit(
        RunStarted(
            run=directory.name,
            task=recipe.task,
            model=recipe.model.name,
            rows=corpus.rows,
            steps=total,
            epochs=recipe.budget.epochs,
            from_step=state["global_step"],
            precision=precision,
            pid=os.getpid(),
            labels=len(corpus.labels),
            learning_rate=recipe.optimizer.learning_rate,
        )
    )
    key = f"eval_{metric}"
    over = state["global_step"] >= total or gave_up(
        state["log_history"], key, task.metrics[metric], recipe.budget.patience
    )
    if not over:
        if validated and recipe.evaluation.metric and last is None:
            look()  # a metric that these rows do not have shows here, not after an epoch
        with interrupt.patience(), models.quiet_transformers():
            trainer.train(resume_from_checkpoint=str(last) if last else None)
        if trainer.flow.starved:
            raise MemoryError
        if trainer.flow.stopped:
            return False
        state = {"best_global_step": trainer.state.best_global_step, "global_step": trainer.state.global_step}
    chosen = state.get("best_global_step") or state["global_step"]
    weights_file = checkpoints / f"checkpoint-{chosen}" / "model.safetensors"
    if over or chosen != state["global_step"]:
        model.load_state_dict(load_file(weights_file), strict=False)
    task.finish(model)
    _save_model(model, tokenizer, task, directory)
    return True


def _last_checkpoint(directory: Path, emit: Watch) -> tuple[Path | None, dict[str, Any]]:
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


def _total_steps(recipe: Recipe, steps_per_epoch: int) -> int:
    planned = math.ceil(recipe.budget.epochs * steps_per_epoch)
    return min(planned, recipe.budget.max_steps) if recipe.budget.max_steps else planned


def _max_steps(recipe: Recipe, steps_per_epoch: int) -> int:
    """For Trainer, to which -1 means as many as the epochs give."""
    return _total_steps(recipe, steps_per_epoch) if recipe.budget.max_steps else -1


def _freeze(model: Any, recipe: Recipe) -> None:
    encoder = getattr(model, model.base_model_prefix, None)
    if recipe.technique.trainable == "head" and encoder is None:
        raise RecipeError(["technique.trainable must be 'all' here: this model has no head beside its body."])
    if recipe.technique.trainable == "head" and encoder is not None:
        for parameter in encoder.parameters():
            parameter.requires_grad_(False)
    elif recipe.technique.freeze_embeddings:
        model.get_input_embeddings().weight.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        why = f"the head of {recipe.model.name!r} has no weights of its own"
        raise RecipeError([f"technique.trainable must be 'all' here: {why}."])


def _save_model(model: Any, tokenizer: Any, task: tasks.Task, directory: Path) -> None:
    staged = directory / f"{_rundir.MODEL}.partial"
    shutil.rmtree(staged, ignore_errors=True)
    vars(model.config).pop(models.UNTRAINED, None)  # a starter model is no longer what it was built as
    with models.quiet_transformers():
        model.save_pretrained(staged)
        tokenizer.save_pretrained(staged)
    if settings := task.settings():
        _rundir.write_json(staged / SETTINGS, settings)
    _rundir.publish(staged, directory / _rundir.MODEL)
