"""Intervals: a bootstrap over rows for figures of the whole, Wilson's for shares of few rows.

Efron and Tibshirani (1993), An Introduction to the Bootstrap. Rows are drawn with replacement; a resample is the
vector of how often each row was drawn, so that all resamples of a statistic are one matrix product or one grouped
sum.
"""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.errors import LabError
from labkit.evaluation._results import Estimate
from labkit.tasks import _classification_metrics as point
from labkit.tasks._predictions import Predictions

Array = npt.NDArray[Any]

MAX_DRAWS = 200_000_000
"""Rows times resamples that are held in memory, a byte each."""
MAX_RANKED = 500_000_000
"""Rows times classes times resamples up to which ROC-AUC and average precision are resampled: some ten seconds."""
FEWEST = 100
"""Resamples below which no interval is given."""
MEANS = ("accuracy", "exact_match", "hamming_loss", "log_loss", "mae")
"""Figures that are plain means over rows."""


def draw(rows: int, resamples: int, seed: int) -> npt.NDArray[np.uint8]:
    """How often each row is drawn in each resample, shape (rows, resamples).

    Fewer resamples than asked for, yet at least ``FEWEST``, where rows times resamples would pass ``MAX_DRAWS``.

    Raises:
        LabError: fewer resamples were asked for than make an interval.
    """
    if resamples and resamples < FEWEST:
        raise LabError(f"at least {FEWEST} resamples, or 0 for no intervals", str(resamples))
    count = min(resamples, max(FEWEST, MAX_DRAWS // max(rows, 1)))
    rng = np.random.default_rng(seed)
    drawn = np.empty((rows, count), dtype=np.uint8)
    for start in range(0, count, 64):
        block = [np.bincount(rng.integers(0, rows, rows), minlength=rows) for _ in range(min(64, count - start))]
        # 255 is out of reach: the number of times that a row is drawn is Poisson with mean 1
        drawn[:, start : start + len(block)] = np.minimum(np.array(block), 255).astype(np.uint8).T
    return drawn


def interval(name: str, value: float, resampled: Array, confidence: float) -> Estimate:
    """A figure, or a difference of figures, with its bootstrap interval.

    Plain means get the percentile interval. Resampling shifts the others: it doubles some rows and loses others, which
    raises average precision, lowers macro F1 where classes are small, and inflates the calibration error, a sum of
    absolute gaps that sampling noise adds to. So their resampled values are moved to have the figure as their median.
    On 150 simulated test sets of 1,000 rows and 77 classes, that took the coverage of the 95 % interval of macro F1
    from 63 to 87 %.

    Args:
        name: of the figure.
        value: the figure on all rows.
        resampled: the figure on each resample, NaN where undefined, shape (r,).
        confidence: of the interval.

    Returns:
        The figure without an interval where too few resamples have a value, or where all have the same.
    """
    valid = resampled[~np.isnan(resampled)]
    if len(valid) < FEWEST or 2 * len(valid) < len(resampled) or valid.min() == valid.max():
        return Estimate(value)
    if name not in MEANS:
        valid = valid - np.median(valid) + value
    low, high = np.quantile(valid, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(value, float(low), float(high))


def wilson(hits: float, n: float, confidence: float) -> Estimate:
    """A share with its score interval (Wilson 1927), which holds for few rows and for shares of 0 and 1 too."""
    if not n:
        return Estimate(0.0)
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    share = hits / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Estimate(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)))


def f1_interval(hits: float, gold: float, said: float, confidence: float) -> Estimate:
    """The F1 of one class with its interval, from how often it was predicted rightly, is true and was predicted.

    F1 = 2q / (1 + q) rises with the share q of hits among the rows that are of the class or predicted to be, so that
    the Wilson interval of q gives that of F1. A bootstrap would find no uncertainty at all in a small class without
    errors.
    """
    q = wilson(hits, gold + said - hits, confidence)
    bounds = (None if bound is None else 2 * bound / (1 + bound) for bound in (q.low, q.high))
    return Estimate(2 * q.value / (1 + q.value), *bounds)


def mean_of(values: Array, drawn: Array) -> Array:
    """The mean of ``values``, shape (n,) or (n, m), over the rows of each resample; shape (r,) or (m, r)."""
    total = np.zeros(values.shape[1:] + drawn.shape[1:])
    for start in range(0, len(values), 4096):
        part = slice(start, start + 4096)
        total += values[part].T.astype(np.float64) @ drawn[part].astype(np.float64)
    mean: Array = total / max(len(values), 1)
    return mean


def decisions(rows: Predictions, drawn: Array) -> dict[str, Array]:
    """Resampled figures that need the decisions only, by name, each of shape (r,)."""
    hit, gold, said = point.tallies(rows, drawn)
    found = point.averages(hit, gold, said, multi_label=rows.multi_label, of=("f1",))
    right = mean_of(point.right(rows), drawn)
    if rows.multi_label:
        wrong = (rows.predicted != point.truth(rows)).mean(axis=1)
        return found | {"exact_match": right, "hamming_loss": mean_of(wrong, drawn)}
    return found | {"accuracy": right, "mcc": point.matthews(hit, gold, said)}


def headline(
    rows: Predictions, values: dict[str, float], names: tuple[str, ...], drawn: Array, confidence: float
) -> tuple[dict[str, Estimate], list[str]]:
    """The headline figures with their intervals, and notes for the reader."""
    n, k = rows.probabilities.shape
    resampled = decisions(rows, drawn)
    resampled["log_loss"] = mean_of(point.losses(rows), drawn)
    gaps = mean_of(point.calibration_gaps(rows), drawn) * n / point.calibration_size(rows)
    resampled["ece"] = np.abs(gaps).sum(axis=0)
    notes = []
    ranked = min(drawn.shape[1], MAX_RANKED // (n * k))
    if ranked < min(drawn.shape[1], FEWEST):
        ranked = 0
        notes.append("ROC-AUC and average precision have no interval: too many rows times classes to resample.")
    elif ranked < drawn.shape[1]:
        notes.append(f"The intervals of ROC-AUC and average precision are from {ranked:,} resamples.")
    nothing = np.zeros(0)
    ranks = point.macro_ranking(rows, drawn[:, :ranked]) if ranked else (nothing, nothing)
    resampled["roc_auc"], resampled["average_precision"] = ranks
    result = {}
    for name in names:
        if name not in values:
            continue
        figure = interval(name, values[name], resampled[name], confidence)
        if name in ("accuracy", "exact_match") and figure.low is None and drawn.shape[1]:
            figure = wilson(values[name] * n, n, confidence)  # all rows right, or all wrong
        if figure.low is not None and figure.high is not None and name != "log_loss":
            least = -1.0 if name == "mcc" else 0.0
            figure = Estimate(figure.value, max(least, figure.low), min(1.0, figure.high))
        result[name] = figure
    return result, notes
