"""From a recipe to a complete run: data, model, training, judgement, model card.

``execute`` is the one path: ``train`` calls it in this process, ``launch`` in a process of its own, and resuming is calling it
again on the same directory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit import data, models, tasks
from labkit._places import named
from labkit.errors import DataError, LabError, RecipeError, RunError, quoted
from labkit.events import Event, EventLog, Note, RunEnded, RunStarted, Status
from labkit.tasks import loss_problems
from labkit.training import _rundir
from labkit.training._augmenters import augmenters
from labkit.training._environment import describe, digest, essence
from labkit.training._interrupt import Interrupt
from labkit.training._judge import judge
from labkit.training._memory import PeakMemory
from labkit.training._prepare import begun_with, pinned, prepare, reopen, require_same
from labkit.training._recipe import Recipe
from labkit.training._recipe_checks import without_effect
from labkit.training._run import Run, new_directory

if TYPE_CHECKING:
    from labkit.training._fit import Fitting

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
    folder = new_directory(recipe) if directory is None else named(directory).absolute()
    made = [place for place in folder.parents if not place.exists()]
    try:
        run = prepare(recipe, folder)
        try:
            execute(run.directory, watch=watch)
        except LabError:
            if not any(isinstance(event, RunStarted) for event in run.events()):
                _rundir.discard(run.directory)
            raise
    except LabError:
        for place in made:  # a mistyped name leaves no folder behind
            with contextlib.suppress(OSError):
                place.rmdir()
        raise
    return run


def train_once(recipe: Recipe, directory: str | os.PathLike[str], *, watch: Watch | None = None) -> Run:
    """The completed run of a recipe: the one that is there, gone on with where it was interrupted, or trained.

    Of a completed run the data is read, to see whether it is still what that was trained on.

    Args:
        recipe: everything that decides the result.
        directory: the run directory.
        watch: called with every event of a training.

    Raises:
        RunError: the directory holds the run of another recipe or of other data, or the training was stopped.
        LabError: whatever ``train`` raises.
    """
    home = named(directory).absolute()
    run = Run(home) if (home / _rundir.RECIPE).exists() else None
    if run is None or run.status != "completed":
        run = train(recipe, home, watch=watch)
    elif not begun_with(run, recipe):
        raise RunError(
            f"the recipe that the run in {home} began with",
            "another recipe",
            "choose another folder, or delete that run",
        )
    elif not recipe.data.fingerprint and not begun_with(run, pinned(recipe, home, ())):
        raise RunError(
            f"the data that the run in {home} began with",
            "files or labels that have changed since",
            "choose another folder, or delete that run",
        )
    if run.status != "completed":
        raise RunError(f"a completed run in {home}", run.status, "call it again: it goes on from here")
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
    memory = PeakMemory()
    step = 0

    def emit(event: Event) -> None:
        nonlocal step
        step = getattr(event, "step", step)
        log.append(event)
        if watch is not None:
            watch(event)

    def end(status: Status, metrics: dict[str, float] | None = None, error: str = "") -> None:
        _rundir.release_reserve(directory)
        emit(
            RunEnded(
                status=status,
                step=step,
                seconds=time.monotonic() - started,
                metrics=metrics or {},
                error=error,
                memory_mb=memory.stop(),
            )
        )

    with Interrupt() as interrupt:
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
            memory.stop()
            _rundir.release(directory)


def _work(directory: Path, emit: Watch, interrupt: Interrupt) -> dict[str, float] | None:
    """Everything from reading the data to the model card. None where someone asked to stop."""
    from labkit.training._fit import fit

    it = fitting(directory, emit, interrupt)
    if not (directory / _rundir.MODEL / "config.json").exists() and not fit(it):
        return None
    return judge(it.recipe, it.corpus, it.encoded, directory, emit)


def fitting(directory: Path, emit: Watch, interrupt: Interrupt) -> Fitting:
    """Read data and base model of a run directory, tokenise, and fill in what the recipe leaves open."""
    from labkit.training._fit import Fitting

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
    begun = (directory / _rundir.ENVIRONMENT).exists()  # its gaps are filled in: they are no settings of anybody's
    if not begun and (unread := without_effect(recipe)):
        emit(Note(text=f"Without effect here: {', '.join(unread)}."))
    emit(Note(text="Reading the data."))
    corpus = data.load(recipe.data, **augmenters(recipe.data))
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
    technique, decides = recipe.technique, kind.of_corpus(corpus, {}).decides
    unfit = loss_problems(
        decides, name=technique.loss, weights=technique.class_weights, label_smoothing=technique.label_smoothing
    )
    if unfit:
        raise RecipeError(unfit)
    if technique.tune_threshold and (corpus.multi_label or len(corpus.labels) != 2):
        came = f"the data has {len(corpus.labels)}"
        if corpus.multi_label:
            came = "with several labels a row each has its threshold tuned anyway"
        raise RecipeError([f"technique.tune_threshold is for two classes, and {came}: set it to false."])
    if technique.tune_threshold and "validation" not in corpus:
        raise RecipeError(
            ["technique.tune_threshold needs a validation split to be tuned on: set data.validation_share."]
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
    if recipe.distillation.unlabelled:
        from labkit.training._distill import require_teacher, with_unlabelled

        require_teacher(recipe, models.load_config(base), tokenizer, corpus.labels)  # before it labels anything
        corpus = with_unlabelled(corpus, recipe)
    emit(Note(text=f"Tokenising {sum(corpus.rows.values()):,} rows."))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.model_max_length = longest
    task = kind.of_corpus(corpus, recipe.options)
    encoded = {split: task.encode(rows, tokenizer, max_length=longest) for split, rows in corpus.splits.items()}
    recipe, precision = _resolve(recipe, corpus, base, longest, len(encoded["train"]), directory)
    return Fitting(
        recipe=recipe,
        corpus=corpus,
        task=task,
        base=base,
        tokenizer=tokenizer,
        encoded=encoded,
        precision=precision,
        directory=directory,
        emit=emit,
        interrupt=interrupt,
    )


def _texts(corpus: Any) -> Iterator[str]:
    columns = ("text", "target") if corpus.config.layout in ("pairs", "texts") else ("text", "text_pair")
    for batch in corpus["train"].iter(1000):
        for column in columns:
            yield from (text for text in batch.get(column, ()) if text)


def _max_length(recipe: Recipe, base: models.BaseModel, tokenizer: Any) -> int:
    """Tokens to which inputs are cut: as the recipe says, or as many as the model takes, 512 at most."""
    limit = longest_input(base, tokenizer)
    if recipe.model.max_length > limit:
        raise RecipeError(
            [
                f"model.max_length must be at most {limit}, the longest input of {base.name!r}, not {recipe.model.max_length}."
            ]
        )
    return recipe.model.max_length or min(limit, 512)


def longest_input(base: models.BaseModel, tokenizer: Any) -> int:
    """How many tokens a model takes at most; 10**6 or more: as many as there are."""
    config = models.load_config(base)
    limit = max(0, int(getattr(config, "max_position_embeddings", 0) or 0))  # XLNet says -1: it has no limit
    if getattr(config, "model_type", "") in ("roberta", "xlm-roberta", "camembert"):
        limit -= 2  # their positions start behind the padding index
    return min(limit or 10**6, int(tokenizer.model_max_length))


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
    learns = "contrastive" if recipe.technique.contrastive else recipe.technique.trainable
    rate = recipe.optimizer.learning_rate or default_learning_rate(base, config, learns)
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


LEARNING_RATES = {
    "head": 3e-3, "bias": 1e-3, "lora": 2e-3, "dora": 2e-3, "ia3": 5e-3, "prefix": 1e-2, "prompt": 1e-2, "bottleneck": 1e-3,
}  # fmt: skip


def default_learning_rate(base: models.BaseModel, config: Any, trainable: str = "all") -> float:
    """Peak learning rate by size: small encoders take, and need, a higher one; models that know nothing yet the highest.

    2e-4 is for MiniLM: on a validation split of banking77's training data (``benchmarks/tune_defaults.py``) 3e-4 was no
    better. 5e-5 and 2e-5 are the range of Devlin et al. 2019 (arXiv:1810.04805, appendix A.3) for base and large encoders.
    Contrastive steps take less: 5e-5 for MiniLM was better than 2e-5 and 1e-4 on held-out training rows of banking77, 8
    labels a class; 2e-5 is SetFit's, for base encoders. 5e-4 is for starter models: with it ``starter:bart`` learnt the
    grammar of the phrasebook sample in 10 epochs. 2e-3 is LoRA's for MiniLM: on the validation split of banking77, after 8
    epochs, 91.4 % were right, with 1e-3 90.6 %, and after two of them 4e-3 was behind both.
    """
    if models.is_untrained(base):
        return 5e-4
    width = int(getattr(config, "hidden_size", 0) or getattr(config, "d_model", 768))
    if trainable in ("lora", "dora") and width > 512:
        return LEARNING_RATES[trainable] / 2
    if trainable != "all" and trainable in LEARNING_RATES:
        return LEARNING_RATES[trainable]
    if trainable == "contrastive":
        return 5e-5 if width <= 512 else 2e-5
    return 2e-4 if width <= 512 else 5e-5 if width <= 768 else 2e-5


def usual_rates(recipe: Recipe) -> tuple[float, float]:
    """Between which learning rates the training of what a recipe trains usually works, without a look at the model: up to
    ``default_learning_rate`` for it, over the sizes of encoders where that depends on them.

    Args:
        recipe: which says what is trained.
    """
    technique = recipe.technique
    if recipe.model.name.startswith(models.STARTER):
        high = 5e-4
    elif technique.contrastive:
        high = 5e-5
    elif technique.trainable in LEARNING_RATES:
        high = LEARNING_RATES[technique.trainable]
    else:
        return 2e-5, 2e-4
    return high / 5, high
