"""Cross-validation: every row is judged once by a model that has not seen it."""

from __future__ import annotations

import dataclasses
import math
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from labkit import evaluation
from labkit._places import named
from labkit.errors import LabError
from labkit.evaluation import Estimate, Evaluation
from labkit.evaluation._scales import on_its_scale
from labkit.events import Event, RunStarted
from labkit.training._prepare import pinned, recipes_in
from labkit.training._recipe import Recipe
from labkit.training._run import Run
from labkit.training._train import train_once


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossValidation:
    """What came of a cross-validation.

    Attributes:
        metric: that of the recipe (``evaluation.metric``), or the first of the evaluation.
        scores: that figure for each fold, repeat by repeat.
        score: its mean, with an interval.
        runs: one a fold, repeat by repeat.
        folds, repeats: how many.
        predictions: of every row by a model that has not seen it, of the first repeat: what ``labkit.evaluation.suspects``
            takes to find label errors, and ``Labeler`` as suggestions.
        evaluation: of those predictions together.
    """

    metric: str
    scores: tuple[float, ...]
    score: Estimate
    runs: tuple[Run, ...]
    folds: int
    repeats: int
    predictions: Any
    evaluation: Evaluation

    def __str__(self) -> str:
        times = f", {self.repeats} times" if self.repeats > 1 else ""
        spread = statistics.stdev(self.scores)
        return (
            f"{self.folds} folds{times}: {self.metric} {self.score}, standard deviation over folds {spread:.3f}; "
            f"{len(self.predictions):,} rows predicted by models that had not seen them"
        )


def cross_validate(
    recipe: Recipe,
    directory: str | os.PathLike[str],
    *,
    folds: int = 5,
    repeats: int = 1,
    watch: Callable[[int, int, Event], None] | None = None,
) -> CrossValidation:
    """Train on all folds but one and judge on that, for each fold: stratified, groups together, as ``data.fold`` deals them.

    What is complete in the directory is not trained again, and what was interrupted is resumed. A given test split stays apart.

    The interval is by the corrected resampled t-test, because the training sets of the folds overlap (Nadeau and Bengio 2003,
    Inference for the generalization error).

    Args:
        recipe: whose data is dealt; another seed of its split for each repeat.
        directory: where the runs go.
        folds: how many.
        repeats: how often all rows are dealt anew.
        watch: called with the repeat, the fold and every event.

    Raises:
        DataError: more folds than rows of the smallest class.
        RunError: the directory holds runs of another recipe, or the data has changed since they began.
        LabError: whatever a training raises; fewer than one repeat.
    """
    if repeats < 1:
        raise LabError("one repeat at least", str(repeats))
    if folds < 2:
        raise LabError("two folds at least", str(folds))
    home = named(directory).absolute()
    places = {
        (repeat, number): home / (f"repeat{repeat}-fold{number}" if repeats > 1 else f"fold{number}")
        for repeat in range(repeats)
        for number in range(folds)
    }
    recipe = pinned(recipe, home, recipes_in(places.values()))
    runs = []
    for (repeat, number), place in places.items():
        asked = recipe.with_values(data={"folds": folds, "fold": number, "split_seed": recipe.data.split_seed + repeat})
        runs.append(train_once(asked, place, watch=_telling(watch, repeat, number)))
    judged = [run.evaluation for run in runs]
    metric = recipe.evaluation.metric
    metric = metric if all(metric in one.headline for one in judged) else judged[0].first
    scores = tuple(one.headline[metric].value for one in judged)
    together = joined([run.predictions("test") for run in runs[:folds]])
    return CrossValidation(
        metric=metric,
        scores=scores,
        score=on_its_scale(metric, _corrected(scores, _ratio(runs))),
        runs=tuple(runs),
        folds=folds,
        repeats=repeats,
        predictions=together,
        evaluation=evaluation.evaluate(together, slices=()),
    )


def joined(parts: Sequence[Any]) -> Any:
    """Predictions of one kind for different rows as one; those of classes must have the same classes."""
    import numpy as np

    first = parts[0]
    made: dict[str, Any] = {}
    for field in dataclasses.fields(first):
        values = [getattr(part, field.name) for part in parts]
        if field.name in ("labels", "multi_label", "task"):
            if any(value != values[0] for value in values):
                raise LabError(f"predictions with the same {field.name}", "others")
            made[field.name] = values[0]
        elif field.name == "thresholds":
            made[field.name] = None if values[0] is None else np.mean(values, axis=0)
        elif field.name == "numbers":
            made[field.name] = {name: np.concatenate([value[name] for value in values]) for name in values[0]}
        elif any(value is None for value in values):
            made[field.name] = None
        elif isinstance(values[0], np.ndarray):
            made[field.name] = np.concatenate(values)
        else:
            made[field.name] = [one for value in values for one in value]
    return type(first)(**made)


def _telling(
    watch: Callable[[int, int, Event], None] | None, repeat: int, number: int
) -> Callable[[Event], None] | None:
    return None if watch is None else lambda event: watch(repeat, number, event)


def _ratio(runs: Sequence[Run]) -> float:
    """Rows that a fold is tested on, for each that it is trained on; a validation split is neither."""
    begun = [next(event for event in run.events() if isinstance(event, RunStarted)).rows for run in runs]
    return statistics.mean(rows["test"] / rows["train"] for rows in begun)


def _corrected(scores: Sequence[float], ratio: float, confidence: float = 0.95) -> Estimate:
    from scipy import stats

    mean, n = statistics.mean(scores), len(scores)
    error = math.sqrt((1 / n + ratio) * statistics.variance(scores))
    reach = float(stats.t.ppf(0.5 + confidence / 2, n - 1)) * error
    return Estimate(mean, mean - reach, mean + reach)
