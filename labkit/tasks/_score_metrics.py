"""Metrics of predicted scores: correlations and errors, by scipy's definitions, in numpy.

Pearson's correlation and the errors are functions of sums over rows, which is what the bootstrap and the randomization test in
``labkit.evaluation`` take. Spearman's is Pearson's of the ranks, and the ranks are those within each resample.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.errors import DataError
from labkit.tasks._score_predictions import ScorePredictions
from labkit.tasks._scores import Scores

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

METRICS: dict[str, tuple[bool, str]] = {
    "pearson": (True, "Pearson's correlation: 1 where the scores lie on a rising line over the true ones"),
    "spearman": (True, "Spearman's correlation: 1 where the scores put the rows into the true order"),
    "rmse": (False, "root of the mean squared error, in the units of the scores; large errors count more"),
    "mae": (False, "mean absolute error, in the units of the scores"),
}
"""Name of each metric → whether higher is better, and what it is."""

_FLAT = 1e-12  # variance beside the mean square below which sums of floats cannot tell it from none
_BLOCK = 8_000_000  # rows times resamples that are ranked at a time


def metrics(predictions: ScorePredictions) -> dict[str, float]:
    """Every metric over the rows whose true score is known.

    A correlation has no value, and is left out, where the scores or the true ones are all the same, or there is one row only.

    Raises:
        DataError: no row has a known score, or a score is no finite number.
    """
    gold, said = _known(predictions)
    found = {
        "pearson": pearson(gold, said),
        "spearman": pearson(ranks(gold), ranks(said)),
        "rmse": float(np.sqrt(np.mean((said - gold) ** 2))),
        "mae": float(np.mean(np.abs(said - gold))),
    }
    return {name: value for name, value in found.items() if not np.isnan(value)}


def pearson(x: Floats, y: Floats) -> float:
    """Pearson's correlation; NaN where one side is constant, or there are fewer than 2 values."""
    if len(x) < 2 or (x == x[0]).all() or (y == y[0]).all():
        return float("nan")
    one, two = _unit(x), _unit(y)
    return float(np.clip(one @ two, -1, 1)) if one.any() and two.any() else float("nan")


def _unit(values: Floats) -> Floats:
    """Deviations from the mean, as a vector of length 1."""
    apart: Floats = values - values.mean()
    largest = np.abs(apart).max()
    if not largest:  # they differ by less than their mean can be told from them
        return apart
    apart = apart / largest  # squares must not overflow
    unit: Floats = apart / np.linalg.norm(apart)
    return unit


def ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    inverse, counts = np.unique(values, return_inverse=True, return_counts=True)[1:]
    last = counts.cumsum()
    middle: Floats = np.asarray(last - (counts - 1) / 2, dtype=np.float64)
    return middle[inverse]


def score_scores(predictions: ScorePredictions) -> Scores:
    """Sums over rows, for intervals, slices and comparisons.

    Of each row: 1, and with x the true and y the predicted score, both less the mean of the true ones and over their largest
    deviation: x, y, x², y², xy, |x - y|.

    Raises:
        DataError: no row has a known score, or a score is no finite number.
    """
    gold, said = _known(predictions)
    centre = float(gold.mean())
    unit = float(np.abs(gold - centre).max()) or 1.0
    x, y = (gold - centre) / unit, (said - centre) / unit
    off = np.abs(said - gold)
    spread = float(gold.std())
    near = off <= spread / 2

    def figures(sums: Array) -> dict[str, Array]:
        return _figures(sums, unit)

    def weighted(drawn: Array) -> dict[str, Array]:
        return {"spearman": spearman_resampled(gold, said, drawn)}

    at = predictions.known
    values = metrics(predictions)
    missing = [name for name in ("pearson", "spearman") if name not in values]
    why = "the true scores are" if (gold == gold[0]).all() else "the predicted scores are"
    notes = [
        f"A row is counted as right where its score is off by {spread / 2:.3g} or less, half a standard deviation of the true "
        "scores."
    ]
    if missing:
        few = "there is one row only" if len(gold) < 2 else f"{why} all the same"
        notes.append(f"Correlations have no value here: {few}.")
    return Scores(
        positions=at,
        row_ids=[predictions.row_ids[int(i)] for i in at],
        sums=np.column_stack([np.ones(len(x)), x, y, x * x, y * y, x * y, np.abs(x - y)]),
        figures=figures,
        headline=tuple(METRICS),
        right=near,
        what=f"{len(gold):,} row{'' if len(gold) == 1 else 's'} with scores from {gold.min():g} to {gold.max():g}",
        bounds={"pearson": (-1.0, 1.0), "spearman": (-1.0, 1.0), "rmse": (0.0, np.inf), "mae": (0.0, np.inf)},
        notes=tuple(notes),
        lower=frozenset({"rmse", "mae"}),
        exact=values,
        weighted=weighted,
    )


def _figures(sums: Array, unit: float) -> dict[str, Array]:
    """Figures but Spearman's from sums of shape (7, r)."""
    n, x, y, xx, yy, xy, off = np.asarray(sums, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, two = xx - x * x / n, yy - y * y / n
        flat = (one <= _FLAT * xx) | (two <= _FLAT * yy) | (n < 2)
        r = np.where(flat, np.nan, (xy - x * y / n) / np.sqrt(np.where(flat, 1.0, one * two)))
        squared = np.maximum(xx + yy - 2 * xy, 0.0) / n
        return {
            "pearson": np.clip(r, -1, 1),
            "rmse": np.where(n > 0, unit * np.sqrt(squared), np.nan),
            "mae": np.where(n > 0, unit * off / n, np.nan),
        }


def spearman_resampled(gold: Floats, said: Floats, drawn: Array) -> Floats:
    """Spearman's correlation in each resample, with the ranks that rows have in it.

    Args:
        gold, said: shape (n,).
        drawn: how often each row counts in each of r resamples, shape (n, r).

    Returns:
        Shape (r,), NaN where a resample has one value only on a side.
    """
    n, r = drawn.shape
    result = np.full(r, np.nan)
    one, two = (np.unique(values, return_inverse=True)[1] for values in (gold, said))
    step = max(1, _BLOCK // max(n, 1))
    for start in range(0, r, step):
        times = drawn[:, start : start + step].astype(np.float64)
        x, y = _weighted_ranks(one, times), _weighted_ranks(two, times)
        total = times.sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = x - (times * x).sum(axis=0) / total
            y = y - (times * y).sum(axis=0) / total
            both, xx, yy = (times * x * y).sum(axis=0), (times * x * x).sum(axis=0), (times * y * y).sum(axis=0)
            flat = (xx <= 1e-9) | (yy <= 1e-9)  # ranks are halves: anything above is no rounding
            result[start : start + step] = np.where(flat, np.nan, both / np.sqrt(np.where(flat, 1.0, xx * yy)))
    clipped: Floats = np.clip(result, -1, 1)
    return clipped


def _weighted_ranks(group: Array, times: Floats) -> Floats:
    """The rank of each row where each counts so many times; rows of one group are equal, and groups are in order."""
    sizes = np.zeros((int(group.max(initial=-1)) + 1, times.shape[1]))
    order = np.argsort(group, kind="stable")
    starts = np.unique(group[order], return_index=True)[1]
    sizes[:] = np.add.reduceat(times[order], starts, axis=0)
    middle: Floats = (sizes.cumsum(axis=0) - (sizes - 1) / 2)[group]
    return middle


def _known(predictions: ScorePredictions) -> tuple[Floats, Floats]:
    at = predictions.known
    if predictions.gold is None or not len(at):
        raise DataError("rows with a known score", "none", "give the true scores, or predict without evaluating")
    gold, said = predictions.gold[at].astype(np.float64), predictions.predicted[at].astype(np.float64)
    if not (np.isfinite(said).all() and np.isfinite(gold).all()):
        count = int((~np.isfinite(said)).sum())
        raise DataError(
            "scores that are finite numbers", f"{count:,} predicted ones that are not", "training may have diverged"
        )
    return gold, said
