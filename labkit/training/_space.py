"""What a search looks through: ranges and choices of settings, by technique or as they are asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.errors import RecipeError
from labkit.training._recipe import Recipe, parse_set
from labkit.training._recipe_checks import TRAINING_ROWS, is_whole, without_effect
from labkit.training._train import LEARNING_RATES


@dataclass(frozen=True)
class Range:
    """Numbers between two bounds: whole ones where the setting is a whole number.

    Attributes:
        low, high: the bounds.
        log: whether they are drawn evenly by their logarithm.
    """

    low: float
    high: float
    log: bool = False


Space = Mapping[str, "Range | tuple[Any, ...]"]
"""Setting → a range, or the values to choose from."""


def default_space(recipe: Recipe) -> dict[str, Range | tuple[Any, ...]]:
    """What is worth searching for a technique: its learning rate first, then what keeps it from overfitting."""
    technique = recipe.technique
    if technique.contrastive:
        return {
            "optimizer.learning_rate": Range(1e-5, 2e-4, log=True),
            "technique.contrastive": Range(10, 400, log=True),
        }
    if technique.solver == "lbfgs":
        return {}  # it is fitted to the end, whatever the optimiser's settings are
    space: dict[str, Range | tuple[Any, ...]] = {
        "optimizer.learning_rate": Range(*_rates(technique.trainable), log=True),
        "optimizer.batch_size": (8, 16, 32),
        "optimizer.warmup": Range(0.0, 0.2),
    }
    if technique.trainable in ("lora", "dora"):
        space["adapter.rank"] = (4, 8, 16, 32)
        space["adapter.dropout"] = Range(0.0, 0.2)
    elif technique.trainable == "bottleneck":
        space["adapter.width"] = (16, 48, 96)
    elif technique.trainable in ("prefix", "prompt"):
        space["adapter.tokens"] = (10, 20, 50)
    elif technique.trainable in ("all", "top"):
        space["optimizer.weight_decay"] = Range(1e-3, 1e-1, log=True)
        space["model.dropout"] = Range(0.0, 0.3)
    return space


def _rates(trainable: str) -> tuple[float, float]:
    """A tenth of a technique's default learning rate to ten times it; where that depends on the model's size, from half the
    lowest default of pretrained models to two and a half times their highest."""
    if trainable not in LEARNING_RATES:
        return 1e-5, 5e-4
    return float(f"{LEARNING_RATES[trainable] / 10:.1g}"), float(f"{LEARNING_RATES[trainable] * 10:.1g}")


def parse_space(texts: Sequence[str]) -> dict[str, Range | tuple[Any, ...]]:
    """Turn ``["optimizer.learning_rate=1e-5..1e-3 log", "optimizer.batch_size=8,16"]`` into a space.

    Raises:
        RecipeError: something that is no range and no list of values.
    """
    found: dict[str, Range | tuple[Any, ...]] = {}
    problems = []
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if name in found:
            problems.append(f"{name} is there twice: name all of its values at once.")
        if not equals or not value:
            problems.append(
                f"{text!r} must have the form section.setting=low..high, with log behind it or not, or =a,b,c."
            )
        elif ".." in value:
            low, _, rest = value.partition("..")
            high, _, log = rest.strip().partition(" ")
            try:
                found[name] = Range(float(low), float(high), log=bool(log))
            except ValueError:
                problems.append(f"{text!r}: {value!r} is no range of numbers.")
            if log.strip() not in ("", "log"):
                problems.append(f"{text!r}: behind a range stands log or nothing, not {log.strip()!r}.")
        else:
            values: list[Any] = []
            for one in value.split(","):
                nested = parse_set([f"{name}={one}"])
                while isinstance(nested, dict):
                    nested = next(iter(nested.values()))
                values.append(nested)
            found[name] = tuple(values)
    if problems:
        raise RecipeError(problems)
    return found


def require_space(recipe: Recipe, space: Space) -> None:
    """Nothing, where every value of the space makes a recipe.

    Raises:
        RecipeError: with everything that is wrong.
    """
    problems = [] if space else ["The space is empty: name a setting to search."]
    for name, one in space.items():
        if isinstance(one, Range) and not (one.low < one.high and (one.low > 0 or not one.log)):
            problems.append(
                f"{name}: a range needs low < high, and low above 0 with log, not {one.low:g} to {one.high:g}."
            )
            continue
        if not isinstance(one, Range) and not one:
            problems.append(f"{name}: there are no values to choose from.")
        for value in (one.low, one.high) if isinstance(one, Range) else one:
            whole = isinstance(one, Range) and is_whole(name) and float(value).is_integer()
            try:
                with_settings(recipe, {name: int(value) if whole else value})
            except RecipeError as error:
                problems += error.problems
        if name.startswith(("data.", "evaluation.")) and not name.startswith(TRAINING_ROWS):
            problems.append(f"{name} decides what trials are judged by, which must be the same for all of them.")
    if not recipe.data.validation and not recipe.data.validation_share:
        problems.append("A search needs validation rows: set data.validation_share above 0.")
    problems = problems or _unread(recipe, space)
    if problems:
        raise RecipeError(list(dict.fromkeys(problems)))


def _unread(recipe: Recipe, space: Space) -> list[str]:
    """Settings that no trial would read, whatever else of the space it has."""
    values = {name: (one.low, one.high) if isinstance(one, Range) else one for name, one in space.items()}
    found = []
    for name, some in values.items():
        others = [{}, *({other: one} for other, rest in values.items() if other != name for one in rest)]
        for one in some:
            said = []
            for more in others:
                asked = {key: int(it) if is_whole(key) else it for key, it in {name: one, **more}.items()}
                with contextlib.suppress(RecipeError):  # what does not go together fails its trial
                    told = without_effect(with_settings(recipe, asked))
                    said.append(next((why for why in told if why.startswith(f"{name} ")), ""))
            if said and all(said):
                found.append(f"No trial would read {said[0]}.")
                break
    return found


def from_plan(plan: Mapping[str, Any]) -> dict[str, Range | tuple[Any, ...]]:
    """The space of a search that was noted as JSON."""
    return {name: Range(**one) if isinstance(one, dict) else tuple(one) for name, one in plan["space"].items()}


def suggest(trial: Any, name: str, one: Range | tuple[Any, ...]) -> Any:
    """What Optuna's trial proposes for a setting."""
    if not isinstance(one, Range):
        return trial.suggest_categorical(name, list(one))
    if is_whole(name):
        return trial.suggest_int(name, int(one.low), int(one.high), log=one.log)
    return trial.suggest_float(name, one.low, one.high, log=one.log)


def with_settings(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with other values, by their whole names, such as "optimizer.learning_rate"."""
    sections: dict[str, Any] = {}
    for name, value in values.items():
        section, _, setting = name.rpartition(".")
        if section:
            sections.setdefault(section, {})[setting] = value
        else:
            sections[setting] = value
    return recipe.with_values(**sections)
