"""Two classifiers on the same rows: the difference with its paired interval, and McNemar's exact test."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.errors import DataError
from labkit.evaluation import _intervals as intervals
from labkit.evaluation._results import OF_HUNDRED, UNBOUNDED, Estimate
from labkit.tasks import _classification_metrics as point
from labkit.tasks._predictions import Predictions

COMPARED = ("accuracy", "exact_match", "micro_f1", "macro_f1", "weighted_f1", "mcc")

_NAMED = {
    "bleu": "BLEU",
    "chrf": "chrF",
    "rougeL": "ROUGE-L",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "rmse": "root mean squared error",
    "mae": "mean absolute error",
}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How classifier a does beside classifier b on the same rows.

    Attributes:
        other: what b is called.
        n: number of rows.
        a, b: figures of each with their intervals: of classes those that need decisions only, accuracy first (exact match with
            several labels); else those of the evaluation's headline.
        differences: figure of a less figure of b, with paired intervals.
        fixed: rows that b has wrong and a has right.
        broken: rows that b has right and a has wrong.
        p_value: of McNemar's exact test that fixed and broken are equally likely, or of ``test``.
        confidence: of the intervals.
        test: what the p-value is of.
        lower_is_better: whether the first figure is better the lower it is; then it is no share.
    """

    other: str
    n: int
    a: Mapping[str, Estimate]
    b: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]
    fixed: int
    broken: int
    p_value: float
    confidence: float = 0.95
    test: str = "McNemar"
    lower_is_better: bool = False

    @property
    def clear(self) -> bool:
        """Whether the test finds a difference at this confidence."""
        return self.p_value < 1 - self.confidence

    @property
    def sentence(self) -> str:
        """The comparison in plain words."""
        name, gap = next(iter(self.differences.items()))
        what = _NAMED.get(name, name.replace("f1", "F1").replace("_", " "))
        hundred = 1 if name in OF_HUNDRED else 100
        low, high = gap.low, gap.high
        if self.clear and gap.value < 0 and low is not None and high is not None:
            low, high = -high, -low
        points = abs(gap.value) if self.clear else gap.value
        p = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.2g}"
        if self.lower_is_better or name in UNBOUNDED:
            between = (
                "" if low is None or high is None else f"{100 * self.confidence:g} % interval {low:.3f} to {high:.3f}; "
            )
            amount = "less" if gap.value < 0 else "more"
            verdict = "better" if (gap.value < 0) == self.lower_is_better else "worse"
            said = f"{abs(gap.value):.3f} {amount} than {self.other} in {what}, which is {verdict}"
            said = said if self.clear else f"No clear difference from {self.other}: {gap.value:+.3f} in {what}"
            return f"{said} ({between}{self.test} {p})"
        between = "" if low is None or high is None else _points(hundred * low, hundred * high)
        span = f"{100 * self.confidence:g} % interval {between}; " if between else ""
        if self.clear:
            way = "better" if gap.value > 0 else "worse"
            said = f"{hundred * points:.1f} points {way} than {self.other} in {what}"
        else:
            said = f"No clear difference from {self.other}: {_signed(hundred * points)} points in {what}"
        return f"{said} ({span}{self.test} {p})"

    def __str__(self) -> str:
        return f"{self.sentence}; {self.fixed:,} rows fixed, {self.broken:,} broken, of {self.n:,}."

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON-able values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Comparison:
        """What ``to_dict`` returned."""
        names = ("a", "b", "differences")
        figures = {part: {name: Estimate(**e) for name, e in values[part].items()} for part in names}
        return cls(**{**values, **figures})


def compare(
    a: Any,
    b: Any,
    *,
    other: str = "the other model",
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare two models on the same rows.

    The intervals of the differences are from a paired bootstrap: both are scored on the same drawn
    rows. The p-value is of McNemar's test in its exact, binomial form (McNemar 1947; recommended by Dietterich 1998,
    Approximate statistical tests for comparing supervised classification learning algorithms). With several labels a
    row, a row counts as right when its labels are exactly right.

    Args:
        a, b: predictions for the same row ids, in any order. The classes may be in another order or not all the same.
        other: what to call b in sentences.
        resamples: number of bootstrap resamples; 0 gives no intervals.
        confidence: of the intervals.
        seed: of the resamples.

    Raises:
        DataError: the rows differ, their true labels differ, or only one of the two has several labels a row.
    """
    if not isinstance(a, Predictions):
        from labkit.evaluation._scored import compare_scored

        if type(a) is not type(b):
            raise DataError("predictions of one task", f"{type(a).__name__} and {type(b).__name__}")
        return compare_scored(a, b, other=other, resamples=resamples, confidence=confidence, seed=seed)
    a, b = _paired(a, b)
    drawn = intervals.draw(len(a), resamples, seed)
    one, two = _figures(a, drawn), _figures(b, drawn)
    right_a, right_b = point.right(a), point.right(b)
    fixed, broken = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    return Comparison(
        other=other,
        n=len(a),
        a={name: intervals.interval(name, value, many, confidence) for name, (value, many) in one.items()},
        b={name: intervals.interval(name, value, many, confidence) for name, (value, many) in two.items()},
        differences={
            name: intervals.interval(name, one[name][0] - two[name][0], one[name][1] - two[name][1], confidence)
            for name in one
        },
        fixed=fixed,
        broken=broken,
        p_value=mcnemar(fixed, broken),
        confidence=confidence,
    )


def mcnemar(fixed: int, broken: int) -> float:
    """The two-sided p-value of McNemar's exact test (McNemar 1947): a fair coin where the two differ."""
    n = fixed + broken
    terms = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in range(min(fixed, broken) + 1)]
    return min(1.0, 2 * math.fsum(math.exp(term - n * math.log(2)) for term in terms))


def _figures(rows: Predictions, drawn: Any) -> dict[str, tuple[float, Any]]:
    values, many = point.quick_metrics(rows), intervals.decisions(rows, drawn)
    return {name: (values[name], many[name]) for name in COMPARED if name in values}


def _paired(a: Predictions, b: Predictions) -> tuple[Predictions, Predictions]:
    """Both on the rows with a known label, in the order of a, and with the same classes."""
    if a.multi_label != b.multi_label:
        raise DataError("two predictions of one kind", "one with single and one with several labels a row")
    ids_a, ids_b = list(a.row_ids), list(b.row_ids)
    if ids_a != ids_b:
        at = {row_id: i for i, row_id in enumerate(ids_b)}
        missing = [row_id for row_id in ids_a if row_id not in at]
        if missing or len(ids_a) != len(ids_b) or len(at) != len(ids_b) or len(set(ids_a)) != len(ids_a):
            found = f"{len(ids_a):,} rows and {len(ids_b):,} rows"
            found += f", with no {missing[0]!r} in the second" if missing else " with repeated ids"
            raise DataError("predictions for the same row ids", found, "predict the same split with both models")
        b = b.take([at[row_id] for row_id in ids_a])
    labels = tuple(dict.fromkeys(a.labels + b.labels))
    a, b = _with_labels(a, labels), _with_labels(b, labels)
    if a.gold is None or (b.gold is not None and not np.array_equal(a.gold, b.gold)):
        raise DataError(
            "the same true labels in both predictions",
            "none" if a.gold is None else "others",
            "predict the same version of the data with both models",
        )
    keep = np.arange(len(a)) if a.multi_label else np.flatnonzero(a.gold >= 0)
    a, b = a.take(keep), b.take(keep)
    return a, dataclasses.replace(b, gold=a.gold)


def _with_labels(rows: Predictions, labels: tuple[str, ...]) -> Predictions:
    if rows.labels == labels:
        return rows
    to = np.array([labels.index(label) for label in rows.labels])
    p = np.zeros((len(rows), len(labels)))
    p[:, to] = rows.probabilities
    gold, limits = rows.gold, None
    if gold is not None and rows.multi_label:
        wider = np.zeros(p.shape, dtype=bool)
        wider[:, to] = gold
        gold = wider
    elif gold is not None:
        gold = np.where(gold >= 0, to[gold], -1)
    if rows.multi_label or rows.thresholds is not None:
        limits = np.full(len(labels), 0.5)
        limits[to] = 0.5 if rows.thresholds is None else rows.thresholds
    return Predictions(
        row_ids=rows.row_ids,
        labels=labels,
        probabilities=p,
        gold=gold,
        multi_label=rows.multi_label,
        thresholds=limits,
    )


def _points(low: float, high: float) -> str:
    return f"{low:.1f} to {high:.1f}".replace("-", "−")


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")
