"""The recipe as a form: its fields with kind, help and choices, read from the dataclasses; problems put to their fields."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from labkit.data import METHODS, REPAIRS
from labkit.data._layouts.registry import layout_of
from labkit.evaluation import TITLES
from labkit.models import catalogue
from labkit.tasks import TASKS
from labkit.training import Recipe, field_help
from labkit.widgets import _tasks

ESSENTIAL = (
    "task",
    "data.train",
    "model.name",
    "optimizer.learning_rate",
    "budget.epochs",
    "optimizer.batch_size",
    "model.max_length",
    "evaluation.metric",
    "seed",
)
"""The fields that stand first."""

_LABELS = {
    "technique.contrastive": "Contrastive steps",
    "technique.r_drop": "R-Drop",
    "technique.l2_sp": "L2-SP",
    "technique.layers": "Top layers",
    "model.layers": "Layers kept",
    "adapter.tokens": "Virtual tokens",
    "job.texts": "Raw text",
    "job.general": "General text",
    "task": "Task",
    "data.train": "Training data",
    "data.validation": "Validation data",
    "data.test": "Test data",
    "model.name": "Base model",
}

# what a blank field means, where the docstring says so: "…; 0: chosen by the model's size."
_BLANK = re.compile(r"(?:^|[;,] )(0|empty|unset|None): ([^.;]+)")
_LABELS_ONLY = ("label_separator", "multi_label", "scores", "balance")
"""Settings of [data] about classes or scores."""
_TEXTS_ONLY = (
    "model.pooling",
    "model.head_layers",
    "model.unit_vectors",
    "technique.solver",
    "technique.contrastive",
    "technique.mixup",
    "distillation.unlabelled",
    "data.name_texts",
    "data.name_template",
)
"""Settings about texts with classes as a whole."""
_KINDS = {bool: "switch", int: "integer", float: "number", str: "text"}


def sections(task: str = "", kept: Collection[str] = ()) -> list[dict[str, Any]]:
    """The form's sections, each with its fields in the order of the dataclasses.

    A field has ``name`` (dotted), ``label``, ``help``, ``kind`` (number, integer, text, list, flags, choice, switch,
    three: yes, no or left open), ``choices``, ``titles`` (what choices are called, where that is not their name),
    ``default``, ``blank`` (what an empty field means; empty: it has a value of its own), ``suggestions`` and ``essential``.

    Args:
        task: only what this task reads, with its metrics, its models and the repairs of its layout; empty: every field.
        kept: names of fields that are there all the same, because they have been set.
    """
    section: Any = Recipe  # of a dataclass, mypy doubts that the class itself is hashable
    hints, help_ = typing.get_type_hints(Recipe), field_help(section)
    general: list[dict[str, Any]] = []
    result = []
    for field in dataclasses.fields(Recipe):
        kind = hints[field.name]
        if dataclasses.is_dataclass(kind):
            inner = [
                one for one in _section(field.name, kind, task) if one["name"] in kept or applies(one["name"], task)
            ]
            if inner:
                result.append({"name": field.name, "help": help_.get(field.name, ""), "fields": inner})
        else:
            general.append(_field(field.name, kind, getattr(Recipe(), field.name), help_.get(field.name, ""), task))
    return [{"name": "", "help": "What the model learns to do.", "fields": general}, *result]


def options(cls: Any) -> list[dict[str, Any]]:
    """The fields of a procedure's options, as ``sections`` has them, with ``job`` as their section."""
    return _section("job", cls, "")


def applies(name: str, task: str) -> bool:
    """Whether a task reads a setting; every setting applies where there is no such task."""
    if task not in TASKS:
        return True
    kind = TASKS[task]
    section, _, setting = name.rpartition(".")
    if section == "generation" or setting in ("mask_share", "tune_threshold"):
        return setting in kind.options
    if setting == "class_weights":
        return kind.weighs_classes
    if name in _TEXTS_ONLY:
        return kind.layout == "labels"
    if section == "data" and setting.startswith("augment"):
        return kind.layout != "texts"
    if section == "data" and setting == "layout":
        return False  # the task says what a row is
    return kind.layout == "labels" or section != "data" or setting not in _LABELS_ONLY


def names() -> list[str]:
    """The dotted name of every field."""
    return [field["name"] for section in sections() for field in section["fields"]]


def changed(recipe: Recipe) -> dict[str, Any]:
    """The settings that differ from the defaults, by dotted name, as JSON values; the layout, which follows from the task, is
    not among them."""
    return {name: value for name, value in differences(recipe, Recipe()).items() if name != "data.layout"}


def differences(recipe: Recipe, other: Recipe) -> dict[str, Any]:
    """The settings of a recipe that differ from those of another one; None where this one leaves it open."""
    mine, theirs = flat(recipe), flat(other)
    return {name: mine.get(name) for name in names() if mine.get(name) != theirs.get(name)}


def flat(recipe: Recipe) -> dict[str, Any]:
    """Every setting by its dotted name, as JSON values; those that are left open are not there."""
    result: dict[str, Any] = {}
    for name, value in recipe.to_dict().items():
        if isinstance(value, dict):
            result |= {f"{name}.{key}": item for key, item in value.items()}
        else:
            result[name] = value
    return result


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as the sections that ``Recipe.with_values`` takes."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        section, _, setting = name.rpartition(".")
        (result.setdefault(section, {}) if section else result)[setting] = value
    return result


def build(values: Mapping[str, Any]) -> Recipe:
    """The recipe with these settings, all others as they are by default.

    Raises:
        RecipeError: every unknown name and every value that cannot work.
    """
    return Recipe.from_dict(nested({name: value for name, value in values.items() if value is not None}))


def at_fields(problems: Sequence[str]) -> dict[str, str]:
    """Problems of a recipe put to the fields that they name; what names none stands under the empty name."""
    dotted = [name for name in names() if "." in name]
    plain = [name for name in names() if "." not in name]
    result: dict[str, str] = {}
    for problem in problems:
        named = _named(problem, dotted) or _named(problem, plain) or [""]
        for name in named:
            result[name] = f"{result[name]} {problem}" if name in result else problem
    return result


def code(values: Mapping[str, Any]) -> str:
    """The Python expression of the recipe with these settings."""
    if not values:
        return "Recipe()"
    parts = []
    for name, value in nested(values).items():
        if isinstance(value, dict):
            inner = ", ".join(f"{key!r}: {item!r}" for key, item in value.items())
            parts.append(f"    {name}={{{inner}}},")
        else:
            parts.append(f"    {name}={value!r},")
    return "\n".join(["Recipe().with_values(", *parts, ")"])


def toml_changes(recipe: Recipe) -> list[dict[str, str]]:
    """The recipe against the defaults, as lines of TOML: ``sign`` is " " (a section), "-" or "+"."""
    import tomlkit

    default = flat(Recipe())
    lines: list[dict[str, str]] = []
    section = ""
    for name, value in changed(recipe).items():
        top, _, setting = name.rpartition(".")
        if top != section:
            section = top
            lines.append({"sign": " ", "text": f"[{section}]"})
        if name in default and default[name] not in ("", []):
            lines.append({"sign": "-", "text": f"{setting} = {tomlkit.item(default[name]).as_string()}"})
        if value is not None:
            lines.append({"sign": "+", "text": f"{setting} = {tomlkit.item(value).as_string()}"})
    return lines


def _section(name: str, cls: Any, task: str) -> list[dict[str, Any]]:
    hints, help_, default = typing.get_type_hints(cls), field_help(cls), cls()
    return [
        _field(f"{name}.{field.name}", hints[field.name], getattr(default, field.name), help_.get(field.name, ""), task)
        for field in dataclasses.fields(cls)
    ]


def _field(name: str, hint: Any, default: Any, said: str, task: str) -> dict[str, Any]:
    optional = get_origin(hint) in (types.UnionType, typing.Union)
    if optional:
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    choices: list[str] = []
    if get_origin(hint) is Literal:
        kind, choices = "choice", [str(choice) for choice in get_args(hint)]
    elif get_origin(hint) is tuple:
        kind = "list"
    else:
        kind = _KINDS[hint]
    titles: dict[str, str] = {}
    among = [TASKS[task]] if task in TASKS else list(TASKS.values())
    if name == "data.augment":
        kind, choices = "flags", list(METHODS)
    if name == "data.repairs":
        refused = layout_of(among[0].layout).refused if len(among) == 1 else {}
        kind, choices = "flags", [repair for repair in REPAIRS if repair not in refused]
    elif name == "task":
        kind, choices, titles = "choice", list(TASKS), {one: _tasks.title(one) for one in TASKS}
    elif name == "evaluation.metric":
        kind, choices = "choice", list(dict.fromkeys(metric for one in among for metric in one.metrics))
        titles = {metric: TITLES[metric] for metric in choices if metric in TITLES}
    if optional and kind == "switch":
        kind = "three"
    said = said.replace("``", "")
    blank = next((after for _, after in _BLANK.findall(said)), "") if default in (0, "", None, ()) else ""
    return {
        "name": name,
        "label": _LABELS.get(name) or name.rpartition(".")[2].replace("_", " ").capitalize(),
        "help": said,
        "kind": kind,
        "choices": choices,
        "titles": titles,
        "suggestions": _models(task) if name == "model.name" else [],
        "default": list(default) if isinstance(default, tuple) else default,
        "blank": blank,
        "essential": name in ESSENTIAL,
    }


def _models(task: str) -> list[str]:
    """Base models that can be typed for a task: those of the catalogue, and behind them the untrained ones."""
    if task not in TASKS:
        return [card.name for card in catalogue() if card.safetensors]
    return [*(card.name for card in catalogue() if card.safetensors and task in card.tasks), *_tasks.starters(task)]


def _named(problem: str, known: Sequence[str]) -> list[str]:
    return [name for name in known if re.search(rf"(?<![\w.]){re.escape(name)}(?![\w]|\.\w)", problem)]
