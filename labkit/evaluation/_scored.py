"""Evaluation of predictions whose figures come from sums over rows: entities, answers, texts, scores.

One bootstrap serves every task: a resample is a row of weights, its sums are a matrix product, and the task turns sums into
figures. A figure of ranks, which is no function of sums, the task makes from the weights themselves. Differences are tested
by approximate randomization (Noreen 1989, Computer-Intensive Methods for Testing Hypotheses; Yeh 2000, More accurate tests
for the statistical significance of result differences): under the null hypothesis it does not matter which of the two
models a row's outcome came from.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.errors import DataError, quoted
from labkit.evaluation import _intervals as intervals
from labkit.evaluation._compare import Comparison
from labkit.evaluation._evaluation import Evaluation
from labkit.evaluation._results import ClassScores, Estimate, SliceScores
from labkit.evaluation._slices import SMALL, cut
from labkit.tasks import Scored, Scores

Array = npt.NDArray[Any]

RANDOMIZATION = "approximate randomization"
_SHUFFLES = 9999  # the smallest p-value is one in ten thousand
_BLOCK = 500  # shuffles at a time


def evaluate_scored(
    predictions: Scored,
    *,
    baselines: Mapping[str, Any],
    columns: Mapping[str, Sequence[Any]],
    slices: Sequence[str],
    resamples: int,
    confidence: float,
    seed: int,
) -> Evaluation:
    """What ``evaluate`` does, for predictions with ``scores()``."""
    scores = predictions.scores()
    columns = {name: [values[int(i)] for i in scores.positions] for name, values in columns.items()}
    drawn = intervals.draw(len(scores.row_ids), resamples, seed)
    values = scores.values()
    resampled = _resampled(scores, drawn)
    notes = [*scores.notes]
    sliced = {name: _slices(scores, columns, name, drawn, confidence) for name in slices}
    for name, parts in sliced.items():
        shown = {part.value for part in parts}
        left = [value for value, _ in cut(columns, name, len(scores.row_ids)) if value not in shown]
        if left:
            notes.append(
                f"By {name}, {quoted(left)} {'is' if len(left) == 1 else 'are'} left out: too alike to have a figure."
            )
    if drawn.shape[1] < resamples:
        notes.append(f"The intervals are from {drawn.shape[1]:,} resamples, for the number of rows.")
    names = scores.names or tuple(count.label for count in scores.counts)
    k = len(names)
    return Evaluation(
        what=scores.what,
        labels=names,
        n=len(scores.row_ids),
        skipped=len(predictions) - len(scores.row_ids),
        headline={
            name: _bounded(intervals.interval(name, values[name], resampled[name], confidence), scores.bounds.get(name))
            for name in scores.headline
            if name in values
        },
        metrics=values,
        per_class=tuple(
            ClassScores(
                label=count.label,
                precision=count.hit / count.said if count.said else 0.0,
                recall=count.hit / count.gold if count.gold else 0.0,
                f1=intervals.f1_interval(count.hit, count.gold, count.said, confidence),
                support=count.gold,
                predicted=count.said,
            )
            for count in scores.counts
        ),
        confusion=np.zeros((k, k), dtype=np.int64) if scores.confusion is None else scores.confusion,
        reliability=(),
        slices=sliced,
        baselines={
            name: compare_scored(predictions, other, other=name, resamples=resamples, confidence=confidence, seed=seed)
            for name, other in baselines.items()
        },
        resamples=drawn.shape[1],
        confidence=confidence,
        notes=tuple(notes),
    )


def compare_scored(
    a: Scored, b: Scored, *, other: str, resamples: int = 1000, confidence: float = 0.95, seed: int = 0
) -> Comparison:
    """What ``compare`` does, for predictions with ``scores()``."""
    one, two = a.scores(), _in_order(b.scores(), a.scores().row_ids)
    drawn = intervals.draw(len(one.row_ids), resamples, seed)
    mine, its = one.values(), two.values()
    many, others = _resampled(one, drawn), _resampled(two, drawn)
    names = [name for name in one.headline if name in mine and name in its]
    fixed, broken = int((one.right & ~two.right).sum()), int((two.right & ~one.right).sum())
    return Comparison(
        other=other,
        n=len(one.row_ids),
        a={name: intervals.interval(name, mine[name], many[name], confidence) for name in names},
        b={name: intervals.interval(name, its[name], others[name], confidence) for name in names},
        differences={
            name: intervals.interval(name, mine[name] - its[name], many[name] - others[name], confidence)
            for name in names
        },
        fixed=fixed,
        broken=broken,
        p_value=randomization(one, two, names[0], seed),
        confidence=confidence,
        test=RANDOMIZATION,
        lower_is_better=names[0] in one.lower,
    )


def randomization(a: Scores, b: Scores, figure: str, seed: int) -> float:
    """The two-sided p-value that a figure of a and b differs by chance, from 9,999 exchanges of rows drawn at random.

    Args:
        a, b: scores of the same rows in the same order, with the same sums.
        figure: name of the figure.
        seed: of the exchanges.
    """
    if a.sums.shape != b.sums.shape:
        raise DataError("scores that add up alike", f"sums of shape {a.sums.shape} and {b.sums.shape}")
    gap = abs(a.values()[figure] - b.values()[figure])
    apart = np.flatnonzero((a.sums != b.sums).any(axis=1))
    total_a, total_b = a.sums.sum(axis=0)[:, None], b.sums.sum(axis=0)[:, None]
    change = (b.sums - a.sums)[apart].astype(np.float64)
    rng = np.random.default_rng(seed)
    reached = 0
    for start in range(0, _SHUFFLES, _BLOCK):
        count = min(_BLOCK, _SHUFFLES - start)
        exchanged = change.T @ rng.integers(0, 2, (len(apart), count)).astype(np.float64)
        gaps = a.figures(total_a + exchanged)[figure] - b.figures(total_b - exchanged)[figure]
        # a hair below, for sums of decimals that come out different in the last digit
        reached += int((np.abs(np.nan_to_num(gaps)) >= gap - 1e-12).sum())
    return (reached + 1) / (_SHUFFLES + 1)


def _resampled(scores: Scores, drawn: Array) -> dict[str, Array]:
    """Every figure in each resample, shape (r,)."""
    found = dict(scores.figures(_sums(scores, drawn)))
    return found if scores.weighted is None else {**found, **scores.weighted(drawn)}


def _sums(scores: Scores, drawn: Array) -> Array:
    total = np.zeros((scores.sums.shape[1], drawn.shape[1]))
    for start in range(0, len(scores.sums), 4096):
        part = slice(start, start + 4096)
        total += scores.sums[part].T.astype(np.float64) @ drawn[part].astype(np.float64)
    return total


def _in_order(scores: Scores, row_ids: Sequence[str]) -> Scores:
    at = {row_id: i for i, row_id in enumerate(scores.row_ids)}
    missing = [row_id for row_id in row_ids if row_id not in at]
    if missing or len(at) != len(row_ids):
        came = f"{len(row_ids):,} rows and {len(scores.row_ids):,} rows"
        came += f", with no {missing[0]!r} in the second" if missing else ""
        raise DataError("predictions for the same row ids", came, "predict the same split with both models")
    order = [at[row_id] for row_id in row_ids]
    weighted = scores.weighted
    if weighted is not None and order != list(range(len(order))):
        back = np.argsort(order)
        return dataclasses.replace(
            _in_order(dataclasses.replace(scores, weighted=None), row_ids), weighted=lambda drawn: weighted(drawn[back])
        )
    return Scores(
        **{**vars(scores), "row_ids": list(row_ids), "sums": scores.sums[order], "right": scores.right[order]}
    )


def _slices(
    scores: Scores, columns: Mapping[str, Sequence[Any]], name: str, drawn: Array, confidence: float
) -> tuple[SliceScores, ...]:
    values = scores.values()
    first = next(figure for figure in scores.headline if figure in values)
    whole = values[first]
    of_all = scores.figures(_sums(scores, drawn))[first]
    result = []
    for value, mask in cut(columns, name, len(scores.row_ids)):
        sums = scores.sums[mask]
        figure = float(scores.figures(sums.sum(axis=0)[:, None])[first][0])
        resampled = scores.figures(sums.T.astype(np.float64) @ drawn[mask].astype(np.float64))[first]
        if np.isnan(figure):  # no value there, as a correlation has none among equal scores
            continue
        bounds = scores.bounds.get(first)
        n = int(mask.sum())
        result.append(
            SliceScores(
                value=value,
                n=n,
                accuracy=_bounded(intervals.interval(first, figure, resampled, confidence), bounds),
                macro_f1=figure,
                difference=intervals.interval(first, figure - whole, resampled - of_all, confidence),
                small=n < SMALL,
            )
        )
    return tuple(result)


def _bounded(figure: Estimate, bounds: tuple[float, float] | None) -> Estimate:
    if bounds is None or figure.low is None or figure.high is None:
        return figure
    return Estimate(figure.value, max(bounds[0], figure.low), min(bounds[1], figure.high))
