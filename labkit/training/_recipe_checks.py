"""What a recipe may say: ranges, choices, and techniques that exclude each other.

A new setting: its range into ``_RANGES``; what it does not go with into ``_excluded``.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from labkit.data import METHODS
from labkit.errors import LabError, UnknownName, suggest
from labkit.models import ADAPTERS, adapter_problem
from labkit.models._adapters import MERGED
from labkit.tasks import TASKS, Task

if TYPE_CHECKING:
    from labkit.training._recipe import Recipe

_RANGES: dict[str, tuple[float, float]] = {
    "data.validation_share": (0, 0.9),
    "data.test_share": (0, 0.9),
    "data.folds": (0, 1000),
    "data.rehearse_share": (0.001, 10),
    "data.augment_copies": (1, 1000),
    "data.augment_share": (0.001, 1),
    "data.name_texts": (0, 1000),
    "data.fold": (0, 999),
    "model.max_length": (0, 1_000_000),
    "model.dropout": (0, 0.95),
    "model.head_layers": (1, 2),
    "model.layers": (0, 1000),
    "distillation.weight": (0, 1),
    "distillation.temperature": (0.1, 100),
    "distillation.hidden": (0, 1000),
    "technique.contrastive": (0, 1_000_000),
    "technique.label_smoothing": (0, 0.9),
    "technique.mask_share": (0.01, 0.9),
    "technique.layers": (1, 1000),
    "technique.layer_decay": (0.01, 1),
    "technique.focal_gamma": (0, 20),
    "technique.r_drop": (0, 100),
    "technique.l2_sp": (0, 100),
    "technique.mixout": (0, 0.95),
    "technique.averaging": (0, 0.99999),
    "technique.mixup": (0, 100),
    "adapter.rank": (1, 4096),
    "adapter.alpha": (0.001, 100_000),
    "adapter.dropout": (0, 0.95),
    "adapter.tokens": (1, 1000),
    "adapter.width": (1, 4096),
    "optimizer.learning_rate": (0, 1),
    "optimizer.warmup": (0, 1),
    "optimizer.weight_decay": (0, 1),
    "optimizer.beta1": (0, 0.99999),
    "optimizer.beta2": (0, 0.999999),
    "optimizer.epsilon": (0, 1),
    "optimizer.batch_size": (1, 65536),
    "optimizer.gradient_accumulation": (1, 65536),
    "optimizer.max_gradient_norm": (0, math.inf),
    "budget.epochs": (0, 100_000),
    "budget.max_steps": (0, math.inf),
    "budget.patience": (0, math.inf),
    "budget.threads": (0, 1024),
    "budget.checkpoint_minutes": (0, math.inf),
    "generation.max_target_length": (2, 100_000),
    "generation.max_new_tokens": (0, 100_000),
    "generation.beams": (1, 100),
    "evaluation.every": (0.01, 1000),
    "evaluation.resamples": (100, 100_000),
    "seed": (0, 2**32 - 1),
}

TRAINING_ROWS = ("data.balance", "data.augment", "data.rehearse", "data.name_")
"""How settings begin that change training rows alone, and not what models are judged by."""


def problems_of(recipe: Recipe) -> list[str]:
    """Everything that is wrong with a recipe whose fields have their types; empty where nothing is."""
    problems = []
    values = dataclasses.asdict(recipe)
    for name, (low, high) in _RANGES.items():
        value: Any = values
        for part in name.split("."):
            value = value[part]
        if value is not None and not (isinstance(value, int | float) and low <= value <= high):
            top = "" if math.isinf(high) else f" and at most {high:.10g}"
            problems.append(f"{name} must be at least {low:.10g}{top}, not {value!r}.")
    for section in (
        recipe.data,
        recipe.model,
        recipe.technique,
        recipe.adapter,
        recipe.distillation,
        recipe.optimizer,
        recipe.budget,
        recipe.generation,
        recipe.evaluation,
    ):
        prefix = next(f.name for f in dataclasses.fields(recipe) if getattr(recipe, f.name) is section)
        for name, kind in fields_of(type(section)).items():
            choices = get_args(kind) if get_origin(kind) is Literal else ()
            if choices and getattr(section, name) not in choices:
                problems.append(_not_a_choice(f"{prefix}.{name}", getattr(section, name), choices))
    task = TASKS.get(recipe.task)
    if task is None:
        try:
            raise UnknownName("task", recipe.task, TASKS)
        except LabError as error:
            problems.append(str(error))
    elif recipe.evaluation.metric and recipe.evaluation.metric not in task.metrics:
        problems.append(_not_a_choice("evaluation.metric", recipe.evaluation.metric, tuple(task.metrics)))
    if recipe.data.scores and task is not None and task.layout != "labels":
        problems.append(f"data.scores is not for {recipe.task}: leave it out.")
    if recipe.data.scores:
        for setting, given in (
            ("technique.class_weights", recipe.technique.class_weights),
            ("technique.label_smoothing", recipe.technique.label_smoothing),
            ("data.balance", recipe.data.balance != "none"),
        ):
            if given:
                problems.append(
                    f"{setting} is for classes, and data.scores says that labels are numbers: leave it out."
                )
    if task is not None:
        problems += _not_for(task, recipe)
    problems += _excluded(recipe)
    if recipe.data.validation_share + recipe.data.test_share >= 1:
        problems.append(
            "data.validation_share and data.test_share leave no rows to train on: together they must be below 1."
        )
    return problems


def _not_for(task: type[Task], recipe: Recipe) -> list[str]:
    """Techniques that the task has no use for."""
    found = []
    if recipe.technique.class_weights and not task.weighs_classes:
        found.append(f"technique.class_weights is not for {recipe.task}: set it to false.")
    if recipe.technique.tune_threshold and ("tune_threshold" not in task.options or recipe.data.scores):
        found.append("technique.tune_threshold is for text-classification with two classes: set it to false.")
    if problem := adapter_problem(recipe.technique.trainable, task.head):
        found.append(problem)
    if recipe.data.augment and task.layout == "texts":
        found.append(
            f"data.augment changes rows with labels, answers or translations, and {recipe.task} reads text: leave it out."
        )
    if "back_translate" in recipe.data.augment and task.layout in ("spans", "answers"):
        found.append("data.augment = 'back_translate' would lose what is marked in the texts: choose another method.")
    if recipe.data.balance != "none" and task.layout != "labels":
        found.append(f"data.balance is for rows of one class each, not for {recipe.task}: leave it at 'none'.")
    if recipe.data.name_texts and (task.layout != "labels" or recipe.data.scores):
        found.append(f"data.name_texts is for classes of texts, not for {recipe.task}: set it to 0.")
    if recipe.data.name_texts and "{}" not in recipe.data.name_template:
        found.append(
            f"data.name_template says with {{}} where the name goes, and {recipe.data.name_template!r} has none."
        )
    if recipe.distillation.unlabelled and (task.layout != "labels" or recipe.data.scores):
        found.append(f"distillation.unlabelled is for classes of texts, not for {recipe.task}: leave it empty.")
    return found


def _excluded(recipe: Recipe) -> list[str]:
    """Techniques that do not go together."""
    technique, trainable = recipe.technique, recipe.technique.trainable
    frozen = trainable in ("head", "bias", *ADAPTERS)
    clashes = [
        ("gradual", technique.gradual and frozen, "unfreezes layers, which"),
        ("layer_decay", technique.layer_decay < 1 and frozen, "is for layers that are trained, which"),
        ("l2_sp", technique.l2_sp > 0 and frozen, "pulls pretrained weights back, which"),
        ("mixout", technique.mixout > 0 and frozen, "puts pretrained weights back, which"),
    ]
    found = [
        f"technique.{name} {what} technique.trainable = {trainable!r} freezes anyway: leave one of the two out."
        for name, clash, what in clashes
        if clash
    ]
    for name in recipe.data.augment:
        if name not in METHODS:
            found.append(_not_a_choice("data.augment", name, METHODS))
    if "substitute" in recipe.data.augment and not recipe.data.augment_model:
        found.append(
            "data.augment = 'substitute' needs data.augment_model: a masked language model, or a fill-mask run."
        )
    if "back_translate" in recipe.data.augment and len(recipe.data.augment_translators) != 2:
        found.append(
            "data.augment = 'back_translate' needs data.augment_translators: two translation runs, there and back."
        )
    if technique.loss == "ordinal" and recipe.task != "text-classification":
        found.append(
            f"technique.loss = 'ordinal' is for classes in an order, and {recipe.task} has none: leave it at auto."
        )
    mixes = technique.mixup > 0
    if mixes and recipe.task != "text-classification":
        found.append(f"technique.mixup mixes whole texts, and {recipe.task} is about their tokens: set it to 0.")
    if mixes and (
        technique.r_drop or recipe.distillation.teacher or technique.contrastive or technique.solver == "lbfgs"
    ):
        found.append("technique.mixup does not go with r_drop, contrastive, lbfgs or a teacher: leave one of them out.")
    taught = recipe.distillation.teacher
    if recipe.distillation.unlabelled and not taught:
        found.append("distillation.unlabelled is labelled by a teacher: name distillation.teacher, or leave it empty.")
    if taught and technique.r_drop:
        found.append("technique.r_drop and distillation.teacher both take a second pass: leave one of the two out.")
    if taught and (technique.contrastive or technique.solver == "lbfgs"):
        found.append("distillation.teacher leads a training by gradients: leave technique.contrastive and lbfgs out.")
    ours = recipe.model.pooling != "own"
    for name, asked in (("head_layers = 2", recipe.model.head_layers > 1), ("unit_vectors", recipe.model.unit_vectors)):
        if asked and not ours:
            found.append(f"model.{name} is for a head of labkit's: name a model.pooling, such as 'mean'.")
    if ours and recipe.task != "text-classification":
        found.append(
            f"model.pooling makes one vector of a text, and {recipe.task} needs its tokens: leave it at 'own'."
        )
    if ours and trainable in ADAPTERS:
        found.append(f"model.pooling goes with all, top, head or bias, not with technique.trainable = {trainable!r}.")
    if technique.contrastive and not (ours and trainable == "head" and technique.solver == "lbfgs"):
        found.append(
            "technique.contrastive fits a head on what the body has learnt: it needs technique.trainable = 'head', "
            "technique.solver = 'lbfgs' and a model.pooling, such as 'mean'."
        )
    if technique.solver == "lbfgs" and not (ours and trainable == "head" and recipe.model.head_layers == 1):
        found.append(
            "technique.solver = 'lbfgs' fits one linear layer on vectors that stay: it needs technique.trainable = 'head' "
            "and a model.pooling, such as 'mean', with model.head_layers = 1."
        )
    if technique.solver == "lbfgs":
        ignored = [
            ("technique.remember = false", not technique.remember),
            ("technique.averaging", technique.averaging > 0),
            ("technique.r_drop", technique.r_drop > 0),
            ("technique.class_weights", technique.class_weights),
            ("technique.label_smoothing", technique.label_smoothing > 0),
            (f"technique.loss = {technique.loss!r}", technique.loss != "auto"),
            ("data.balance = 'batches'", recipe.data.balance == "batches"),
            ("model.pooling = 'attention'", recipe.model.pooling == "attention"),
        ]
        found += [
            f"{name} does not go with technique.solver = 'lbfgs': leave one out." for name, is_set in ignored if is_set
        ]
    alone = trainable in ADAPTERS and (not recipe.adapter.merge or trainable not in MERGED)
    if recipe.model.layers and alone:
        found.append(
            "model.layers takes layers out, and an adapter that is kept alone is put beside the whole base model: leave one "
            "of the two out."
        )
    if technique.gradual and technique.freeze_embeddings and trainable == "all":
        found.append(
            "technique.gradual unfreezes the embeddings last, which technique.freeze_embeddings forbids: leave one out."
        )
    return found


def without_effect(recipe: Recipe) -> list[str]:
    """Settings that are not at their defaults and that nothing reads, with the reason. No problems: one recipe is often made
    from another by changing the technique alone."""
    from labkit.training._recipe import Recipe

    technique, trainable, rows = recipe.technique, recipe.technique.trainable, recipe.data
    asked, usual = recipe.to_dict(), Recipe().to_dict()
    of_adapter = {
        **dict.fromkeys(("lora", "dora"), ("rank", "alpha", "dropout", "targets", "merge")),
        **dict.fromkeys(("prefix", "prompt"), ("tokens",)),
        **{"ia3": ("targets", "merge"), "bottleneck": ("width", "targets")},
    }.get(trainable, ())
    unread = {
        f"adapter.{name}": f"technique.trainable = {trainable!r}" for name in asked["adapter"] if name not in of_adapter
    }
    read = TASKS[recipe.task].options
    unread |= {f"generation.{name}": f"task = {recipe.task!r}" for name in asked["generation"] if name not in read}
    found = []
    for name, is_read, why in (
        ("technique.layers", trainable == "top", f"technique.trainable = {trainable!r}"),
        ("technique.remember", trainable == "head", f"technique.trainable = {trainable!r}"),
        (
            "technique.freeze_embeddings",
            trainable == "all" or technique.contrastive,
            f"technique.trainable = {trainable!r}",
        ),
        ("technique.focal_gamma", technique.loss == "focal", f"technique.loss = {technique.loss!r}"),
        ("technique.mask_share", "mask_share" in read, f"task = {recipe.task!r}"),
        ("distillation.weight", recipe.distillation.teacher, "there is no teacher"),
        ("distillation.temperature", recipe.distillation.teacher, "there is no teacher"),
        ("distillation.hidden", recipe.distillation.teacher, "there is no teacher"),
        ("data.fold", rows.folds, "data.folds = 0"),
        ("data.rehearse_share", rows.rehearse, "nothing is rehearsed"),
        ("data.augment_copies", rows.augment, "nothing is augmented"),
        ("data.augment_share", rows.augment, "nothing is augmented"),
        ("data.augment_model", "substitute" in rows.augment, "data.augment without 'substitute'"),
        ("data.augment_translators", "back_translate" in rows.augment, "data.augment without 'back_translate'"),
        ("data.name_template", rows.name_texts, "data.name_texts = 0"),
    ):
        if not is_read:
            unread[name] = why
    if technique.solver == "lbfgs":  # of which contrastive steps, with an optimiser of their own, read some
        names = [f"budget.{name}" for name in ("epochs", "max_steps", "patience")]
        names += [f"optimizer.{name}" for name in ("schedule", "batch_size", "gradient_accumulation")]
        if not technique.contrastive:
            names += [f"optimizer.{name}" for name in asked["optimizer"]]
        unread |= dict.fromkeys(names, "technique.solver = 'lbfgs'")
    for name, why in unread.items():
        section, _, setting = name.partition(".")
        if asked[section].get(setting) != usual[section].get(setting):
            found.append(f"{name} ({why})")
    return found


def _not_a_choice(name: str, value: object, choices: tuple[Any, ...]) -> str:
    near = suggest(str(value), [str(choice) for choice in choices])
    hint = f" Did you mean {near!r}?" if near else ""
    return f"{name} must be one of {', '.join(map(str, choices))}, not {value!r}.{hint}"


def fields_of(section: Any) -> Mapping[str, Any]:
    """Name → type of a configuration class's fields."""
    return _fields_of(section)


def is_whole(name: str) -> bool:
    """Whether a setting of the recipe, such as ``optimizer.batch_size``, is a whole number."""
    from labkit.training._recipe import Recipe

    section, _, setting = name.rpartition(".")
    kind: Any = _fields_of(Recipe).get(section, Recipe)
    one = fields_of(kind).get(setting) if dataclasses.is_dataclass(kind) else None
    kinds = typing.get_args(one) or (one,)
    return int in kinds and float not in kinds


@cache  # to read the types takes longer than all checks, and a diagnosis tries several recipes while a run goes on
def _fields_of(section: Any) -> Mapping[str, Any]:
    hints = typing.get_type_hints(section)
    return MappingProxyType({f.name: hints[f.name] for f in dataclasses.fields(section)})
