"""Several recipes on the same splits with several seeds, side by side: score, time, memory, size and speed."""

from __future__ import annotations

import dataclasses
import html
import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labkit import data, evaluation
from labkit._places import named
from labkit.errors import LabError, RecipeError
from labkit.evaluation import Estimate
from labkit.evaluation._scales import on_its_scale
from labkit.events import Event, RunEnded, RunStarted
from labkit.training._predictor import Predictor
from labkit.training._prepare import pinned, recipes_in
from labkit.training._recipe import Recipe
from labkit.training._recipe_checks import TRAINING_ROWS
from labkit.training._run import Run
from labkit.training._train import train_once

_TIMED = 512  # rows that the speed of prediction is measured on
_TIMING = 0.5  # seconds that it is measured for at least, behind the first pass
_LONG = 10.0  # seconds of a first pass that is enough
_CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training of a comparison.

    Attributes:
        name: of its recipe.
        seed: of the training.
        directory: of the run.
        figures: the headline figures on the split that counts.
        seconds: that the run took, evaluation included, over all its processes but those that were killed, which note none.
        memory_mb: peak resident memory of the process while it trained and evaluated, in MB: with the libraries, and with what
            earlier trainings of the same process have left behind (on Linux little: memory that they freed is given back).
        parameters, trained: parameters of the model, and how many of them were trained.
        size_mb: of the saved model, in MB.
        rows_per_second: speed of prediction, in float32, in batches of 32: of the fastest of several passes.
    """

    name: str
    seed: int
    directory: str
    figures: Mapping[str, float]
    seconds: float
    memory_mb: float
    parameters: int
    trained: int
    size_mb: float
    rows_per_second: float


@dataclass(frozen=True, kw_only=True)
class Contender:
    """What a recipe came to over its seeds.

    Attributes:
        name: of the recipe.
        trials: one a seed.
        score: mean of the first figure, with an interval for other seeds and other test rows.
        spread: standard deviation of that figure over the seeds; None with one seed.
        difference: from the first recipe, with an interval; None for the first itself.
        p_value: that there is no such difference; None for the first itself.
        test: what the p-value is of.
    """

    name: str
    trials: tuple[Trial, ...]
    score: Estimate
    spread: float | None = None
    difference: Estimate | None = None
    p_value: float | None = None
    test: str = ""

    def mean(self, name: str) -> float:
        """The mean over the seeds of an attribute of the trials."""
        return statistics.mean(float(getattr(trial, name)) for trial in self.trials)


@dataclass(frozen=True, kw_only=True)
class RecipeComparison:
    """Recipes on equal terms.

    Attributes:
        metric: the figure that is compared.
        split: the split that it is of.
        rows: of that split.
        contenders: one a recipe, in the order given; the others are compared with the first.
    """

    metric: str
    split: str
    rows: int
    contenders: tuple[Contender, ...]

    def table(self) -> list[dict[str, Any]]:
        """A row a recipe, as plain values; times in seconds, sizes in MB."""
        return [
            {
                "recipe": one.name,
                self.metric: one.score.value,
                "low": one.score.low,
                "high": one.score.high,
                "spread": one.spread,
                "difference": one.difference.value if one.difference else None,
                "difference_low": one.difference.low if one.difference else None,
                "difference_high": one.difference.high if one.difference else None,
                "p_value": one.p_value,
                "seeds": len(one.trials),
                "seconds": one.mean("seconds"),
                "memory_mb": one.mean("memory_mb"),
                "trained": round(one.mean("trained")),
                "parameters": round(one.mean("parameters")),
                "size_mb": one.mean("size_mb"),
                "rows_per_second": one.mean("rows_per_second"),
            }
            for one in self.contenders
        ]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RecipeComparison:
        """What ``to_dict`` returned."""
        made = []
        for one in values["contenders"]:
            figures = {name: Estimate(**one[name]) if one[name] else None for name in ("score", "difference")}
            made.append(Contender(**{**one, **figures, "trials": tuple(Trial(**trial) for trial in one["trials"])}))
        return cls(**{**values, "contenders": tuple(made)})

    def _lines(self) -> list[tuple[str, ...]]:
        """A table to be read: its head, and a line a recipe."""
        head = ("recipe", self.metric, "difference", "seeds", "time", "memory", "trained", "size", "rows/s")
        lines: list[tuple[str, ...]] = [head]
        for one in self.contenders:
            lines.append(
                (
                    one.name,
                    str(one.score),
                    "" if one.difference is None else f"{one.difference:+.3f}, {_p(one.p_value)}",
                    str(len(one.trials)) + ("" if one.spread is None else f" (± {one.spread:.3f})"),
                    f"{one.mean('seconds'):,.0f} s",
                    f"{one.mean('memory_mb'):,.0f} MB",
                    f"{one.mean('trained'):,.0f}",
                    f"{one.mean('size_mb'):,.1f} MB",
                    f"{one.mean('rows_per_second'):,.0f}",
                )
            )
        return lines

    @property
    def _title(self) -> str:
        what = f"{self.metric} on {self.rows:,} {self.split} rows"
        return f"{what}; differences from {self.contenders[0].name}" if len(self.contenders) > 1 else what

    def _repr_html_(self) -> str:
        """For a notebook's cell: the table of ``str``; names are never markup."""
        head, *lines = (tuple(html.escape(cell) for cell in line) for line in self._lines())
        rows = "".join(f"<tr><td>{'</td><td>'.join(line)}</td></tr>" for line in lines)
        top = f"<thead><tr><th>{'</th><th>'.join(head)}</th></tr></thead>"
        return f"<p>{html.escape(self._title)}</p><table>{top}<tbody>{rows}</tbody></table>"

    def __str__(self) -> str:
        lines = self._lines()
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        shown = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        return "\n".join([self._title, "", *shown])


def compare(
    recipes: Mapping[str, Recipe],
    directory: str | os.PathLike[str],
    *,
    seeds: int | Sequence[int] = 3,
    watch: Callable[[str, int, Event], None] | None = None,
) -> RecipeComparison:
    """Train several recipes with several seeds on the same splits, and put them side by side.

    What is complete in the directory is not trained again, and what was interrupted is resumed: calling it again after a
    crash goes on where that came.

    A score's interval is for other seeds and other test rows: the variance of the mean over seeds, and the mean variance
    by the bootstrap over rows, which all seeds share, are added. So is a difference's, from paired runs. With one seed the
    paired test of ``labkit.evaluation.compare`` over rows decides, or, where another figure than its own is compared, a z-test
    with the error by the bootstrap; with several a t-test with that variance.

    Args:
        recipes: name → recipe; all of one task and with the same data, but for what changes the training rows alone:
            balance, augmentation, rehearsal and texts of names; and repairs, where a test split is given.
        directory: where the runs go, one folder a recipe and seed.
        seeds: how many, from 0 on, or which.
        watch: called with the recipe's name, the seed and every event.

    Raises:
        RecipeError: fewer than two recipes, a seed twice, names that cannot be folders, or recipes of different tasks or data.
        RunError: the data has changed since the runs in the directory began.
        LabError: whatever a training raises.
    """
    numbers = range(seeds) if isinstance(seeds, int) else seeds
    _require_comparable(recipes, numbers)
    home = named(directory).absolute()
    runs: dict[str, list[Run]] = {name: [] for name in recipes}
    names = list(recipes)
    places = {(name, seed): home / f"{name}-seed{seed}" for name in names for seed in numbers}
    read = pinned(recipes[names[0]], home, recipes_in(places.values())).data
    marks = {"fingerprint": read.fingerprint, "labels_fingerprint": read.labels_fingerprint}
    for turn, seed in enumerate(numbers):  # seed by seed: after the first round there is a whole table
        first = turn % len(names)  # each goes first in its turn: times drift while a machine is busy or warm
        for name in names[first:] + names[:first]:
            tell = None if watch is None else _telling(watch, name, seed)
            asked = recipes[name].with_values(seed=seed, data=marks)
            runs[name].append(train_once(asked, places[name, seed], watch=tell))
    return compare_runs(runs)


def compare_runs(runs: Mapping[str, Sequence[Run]]) -> RecipeComparison:
    """Put completed runs side by side: name → the runs of a recipe, one a seed, in the same order of seeds for each.

    They are compared by the ``evaluation.metric`` of the first recipe, where it names one that two models can be compared by
    on the same rows, or else by the first figure of their evaluation.

    Raises:
        LabError: there are none, or not as many of each recipe; they were judged on different rows, or by different figures.
    """
    counts = {name: len(some) for name, some in runs.items()}
    if len(set(counts.values())) != 1 or not all(counts.values()):
        raise LabError(
            "as many runs of each recipe, one a seed", ", ".join(f"{n} of {name}" for name, n in counts.items())
        )
    first = next(iter(runs))
    judged = {name: [run.evaluation for run in some] for name, some in runs.items()}
    split = "test" if "test" in runs[first][0].evaluations else "validation"
    pairs = {
        name: [
            evaluation.compare(mine.predictions(split), theirs.predictions(split), other=first)
            for mine, theirs in zip(some, runs[first], strict=True)
        ]
        for name, some in runs.items()
        if name != first
    }
    metric = judged[first][0].first
    asked = runs[first][0].recipe.evaluation.metric
    if asked in judged[first][0].headline and all(asked in one.differences for some in pairs.values() for one in some):
        metric = asked
    if other := [name for name, some in judged.items() if any(metric not in one.headline for one in some)]:
        raise LabError(f"runs that are judged by {metric}", f"others: {', '.join(other)}")
    trials = {name: tuple(_trial(name, run, split) for run in some) for name, some in runs.items()}
    contenders = []
    for name in runs:
        scores = [one.headline[metric] for one in judged[name]]
        made = Contender(
            name=name,
            trials=trials[name],
            score=on_its_scale(metric, _interval(scores)),
            spread=statistics.stdev(one.value for one in scores) if len(scores) > 1 else None,
        )
        if name in pairs:
            gaps = [_gap(pair, metric) for pair in pairs[name]]
            p, test = pairs[name][0].p_value, pairs[name][0].test
            if len(gaps) > 1:
                p, test = _t_test(gaps), "t-test over seeds and rows"
            elif metric != next(iter(pairs[name][0].differences)):  # what the pair's own test is of
                p, test = _t_test(gaps), "z-test over rows"
            made = dataclasses.replace(made, difference=_interval(gaps), p_value=p, test=test)
        contenders.append(made)
    return RecipeComparison(metric=metric, split=split, rows=judged[first][0].n, contenders=tuple(contenders))


def _require_comparable(recipes: Mapping[str, Recipe], seeds: Sequence[int]) -> None:
    problems = []
    if not recipes or (len(recipes) < 2 and len(seeds) < 2):
        came = " and ".join(
            f"{n} {of}{'' if n == 1 else 's'}" for n, of in ((len(recipes), "recipe"), (len(seeds), "seed"))
        )
        problems.append(f"A comparison needs two recipes at least, or two seeds, and got {came}.")
    elif not seeds:
        problems.append("A comparison needs one seed at least.")
    if twice := sorted({seed for seed in seeds if list(seeds).count(seed) > 1}):
        problems.append(f"A seed counts once: {', '.join(map(str, twice))} is there several times.")
    problems += [
        f"{name!r} cannot be the name of a folder: use letters, digits, spaces, dots, dashes and underscores."
        for name in recipes
        if not name
        or name != name.strip()
        or not all(c.isalnum() or c in "-_.+ " for c in name)
        or name.startswith(".")
    ]
    first = next(iter(recipes.values()), None)
    for name, recipe in recipes.items():
        if first is not None and recipe.task != first.task:
            problems.append(f"{name!r} is for {recipe.task}, and the first recipe for {first.task}.")
        elif first is not None and recipe.data != first.data:
            other = [
                field.name
                for field in dataclasses.fields(recipe.data)
                if getattr(recipe.data, field.name) != getattr(first.data, field.name)
                and not f"data.{field.name}".startswith(TRAINING_ROWS)
                and not (field.name == "repairs" and first.data.test)
            ]
            if other:
                problems.append(
                    f"{name!r} has other data than the first recipe ({', '.join(f'data.{o}' for o in other)})."
                )
    if problems:
        raise RecipeError(problems)


def _telling(watch: Callable[[str, int, Event], None], name: str, seed: int) -> Callable[[Event], None]:
    return lambda event: watch(name, seed, event)


def _trial(name: str, run: Run, split: str) -> Trial:
    events = run.events()
    begun = [event for event in events if isinstance(event, RunStarted)]
    return Trial(
        name=name,
        seed=run.recipe.seed,
        directory=str(run.directory),
        figures={figure: estimate.value for figure, estimate in run.evaluation.headline.items()},
        seconds=sum(event.seconds for event in events if isinstance(event, RunEnded)),
        memory_mb=max((event.memory_mb or 0.0 for event in events if isinstance(event, RunEnded)), default=0.0),
        parameters=begun[-1].parameters if begun else 0,
        trained=begun[-1].trained if begun else 0,
        size_mb=sum(file.stat().st_size for file in run.model_folder.glob("*.safetensors")) / 1e6,
        rows_per_second=_speed(run, split),
    )


def _speed(run: Run, split: str) -> float:
    corpus = data.load(run.recipe.data.unaugmented())
    rows = corpus[split].select(range(min(_TIMED, len(corpus[split]))))
    predictor = Predictor.load(run)
    encoded = predictor.encode(rows)
    ids = list(rows["row_id"])

    def timed() -> float:
        before = time.monotonic()
        predictor.run(encoded, ids)
        return time.monotonic() - before

    # The fastest: whatever else the machine does only ever makes a pass slower. The first one is slower anyway, for what is
    # made once; of one that takes long, as writing does, that is a small part.
    passes = [timed()]
    while passes[0] < _LONG and sum(passes[1:]) < _TIMING:
        passes.append(timed())
    return len(rows) / max(min(passes), 1e-9)


def _gap(pair: evaluation.Comparison, metric: str) -> Estimate:
    if metric not in pair.differences:
        raise LabError(f"a comparison by {metric}", f"one by {', '.join(pair.differences)}")
    return pair.differences[metric]


def _deviation(figure: Estimate) -> float:
    """The standard deviation that an interval stands for."""
    if figure.low is None or figure.high is None:
        return 0.0
    # an interval that begins or ends at the value itself, as that of all rows right does, is half of one
    sides = 1 if figure.value in (figure.low, figure.high) else 2
    return (figure.high - figure.low) / (sides * 1.959964)


def _error(figures: Sequence[Estimate]) -> tuple[float, float]:
    """Standard error of a mean over seeds for other seeds and other rows, and the degrees of freedom."""
    rows = statistics.mean(_deviation(one) ** 2 for one in figures)
    if len(figures) < 2:
        return math.sqrt(rows), math.inf
    seeds = statistics.variance(one.value for one in figures) / len(figures)
    whole = seeds + rows
    # Welch and Satterthwaite: the variance over rows is known well, that over a few seeds is not
    freedom = (len(figures) - 1) * (whole / seeds) ** 2 if seeds > 0 else math.inf
    return math.sqrt(whole), freedom


def _interval(figures: Sequence[Estimate]) -> Estimate:
    """The mean of one figure a seed; of one alone its own interval."""
    from scipy import stats

    if len(figures) == 1:
        return figures[0]
    mean = statistics.mean(one.value for one in figures)
    error, freedom = _error(figures)
    reach = float(
        stats.norm.ppf(0.5 + _CONFIDENCE / 2) if math.isinf(freedom) else stats.t.ppf(0.5 + _CONFIDENCE / 2, freedom)
    )
    return Estimate(mean, mean - reach * error, mean + reach * error)


def _t_test(figures: Sequence[Estimate]) -> float:
    from scipy import stats

    mean = statistics.mean(one.value for one in figures)
    error, freedom = _error(figures)
    if not error:
        return 1.0 if mean == 0 else 0.0
    t = abs(mean) / error
    return float(2 * (stats.norm.sf(t) if math.isinf(freedom) else stats.t.sf(t, freedom)))


def _p(value: float | None) -> str:
    return "" if value is None else "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
