"""Everything that predictions on held-out rows say about a classifier, in one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.errors import DataError, LabError
from labkit.evaluation import _intervals as intervals
from labkit.evaluation._compare import compare
from labkit.evaluation._evaluation import Evaluation
from labkit.evaluation._results import Bin, ClassScores
from labkit.evaluation._scored import evaluate_scored
from labkit.evaluation._slices import slice_scores
from labkit.tasks import _classification_metrics as point
from labkit.tasks._encode import columns_of
from labkit.tasks._predictions import Predictions
from labkit.tasks._task import Scored

HEADLINE = ("accuracy", "macro_f1", "weighted_f1", "mcc", "roc_auc", "average_precision", "log_loss", "ece")
"""The figures that come with an interval where a row has a single label."""
HEADLINE_MULTI_LABEL = (
    "exact_match",
    "micro_f1",
    "macro_f1",
    "weighted_f1",
    "hamming_loss",
    "roc_auc",
    "average_precision",
    "log_loss",
    "ece",
)
"""The figures that come with an interval where a row may have several labels."""


def evaluate(
    predictions: Predictions | Scored,
    *,
    baselines: Mapping[str, Any] | None = None,
    rows: Any = None,
    slices: Sequence[str] = (),
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Evaluation:
    """Evaluate predictions.

    The intervals of the headline figures are from a bootstrap over rows (Efron and Tibshirani 1993): percentile
    intervals, moved to be centred on the figure where it is no plain mean. They say how far a figure would move with
    another test set of the same size, and nothing about another training seed. Those of slices and classes are
    Wilson's.

    Args:
        predictions: n rows, of any task; those whose true label is unknown are left out and counted.
        baselines: name → predictions for the same row ids, to compare with.
        rows: a split of a corpus, or columns, aligned with the predictions, such as "text".
        slices: names of columns to score by. "label" is the true label, and "length" the number of words of "text"
            where ``rows`` has no such column. Numbers with more than 10 values are cut at their quartiles; of other
            columns the 20 most frequent values get a slice each.
        resamples: number of bootstrap resamples, 100 or more; 0 gives no intervals.
        confidence: of the intervals, between 0 and 1.
        seed: of the resamples.

    Raises:
        DataError: no row has a known label, a probability is no number between 0 and 1, a column has another number of
            rows, or a baseline is of other rows.
        UnknownName: a slice names no column.
        LabError: ``resamples`` or ``confidence`` is out of range.
    """
    if not 0 < confidence < 1:
        raise LabError("a confidence between 0 and 1", str(confidence), "use 0.95 for 95 % intervals")
    columns = columns_of(rows)
    for name, column in columns.items():
        if len(column) != len(predictions):
            raise DataError(f"{len(predictions):,} values, one a row", f"{len(column):,}", column=name)
    if not isinstance(predictions, Predictions):
        return evaluate_scored(
            predictions,
            baselines=baselines or {},
            columns=columns,
            slices=slices,
            resamples=resamples,
            confidence=confidence,
            seed=seed,
        )
    kept = point.known(predictions)
    p = kept.probabilities
    if not (p.min() >= -1e-9 and p.max() <= 1 + 1e-6):  # also false where there is a NaN
        raise DataError("probabilities between 0 and 1", f"{p.min():g} to {p.max():g}", "training may have diverged")
    if len(kept) != len(predictions):
        at = np.flatnonzero(point.truth(predictions) >= 0)
        columns = {name: [column[int(i)] for i in at] for name, column in columns.items()}
    drawn = intervals.draw(len(kept), resamples, seed)
    values = point.metrics(kept)
    names = HEADLINE_MULTI_LABEL if kept.multi_label else HEADLINE
    headline, notes = intervals.headline(kept, values, names, drawn, confidence)
    if drawn.shape[1] < resamples:
        notes.append(f"The intervals are from {drawn.shape[1]:,} resamples, for the number of rows.")
    return Evaluation(
        labels=kept.labels,
        multi_label=kept.multi_label,
        n=len(kept),
        skipped=len(predictions) - len(kept),
        headline=headline,
        metrics=values,
        per_class=_per_class(kept, confidence),
        confusion=_confusion(kept),
        reliability=_reliability(kept),
        slices={name: slice_scores(kept, columns, name, drawn, confidence) for name in slices},
        baselines={
            name: compare(
                kept,
                _same_rows(baseline, predictions, kept),
                other=name,
                resamples=resamples,
                confidence=confidence,
                seed=seed,
            )
            for name, baseline in (baselines or {}).items()
        },
        thresholds=_thresholds(kept),
        resamples=drawn.shape[1],
        confidence=confidence,
        notes=tuple(notes),
    )


def _per_class(rows: Predictions, confidence: float) -> tuple[ClassScores, ...]:
    hit, gold, said = (part[:, 0] for part in point.tallies(rows))
    precision, recall, _ = point.precision_recall_f1(hit, gold, said)
    return tuple(
        ClassScores(
            label=label,
            precision=float(precision[j]),
            recall=float(recall[j]),
            f1=intervals.f1_interval(float(hit[j]), float(gold[j]), float(said[j]), confidence),
            support=int(gold[j]),
            predicted=int(said[j]),
        )
        for j, label in enumerate(rows.labels)
    )


def _confusion(rows: Predictions) -> npt.NDArray[np.int64]:
    k, gold, said = len(rows.labels), point.truth(rows), rows.predicted
    if not rows.multi_label:
        return np.bincount(gold * k + said, minlength=k * k).reshape(k, k)
    both, one, other = (flags.sum(axis=0) for flags in (gold & said, ~gold & said, gold & ~said))
    return np.stack([np.stack([len(rows) - both - one - other, one], -1), np.stack([other, both], -1)], 1).astype(
        np.int64
    )


def _reliability(rows: Predictions) -> tuple[Bin, ...]:
    stated, came, bins = (part.ravel() for part in point.calibration(rows))
    count, sure, true = (
        np.bincount(bins, weights=weights, minlength=point.BINS).astype(float) for weights in (None, stated, came)
    )
    edges = np.linspace(0, 1, point.BINS + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    confidence = np.where(count > 0, sure / np.maximum(count, 1), middle)
    accuracy = true / np.maximum(count, 1)
    return tuple(
        Bin(
            low=float(edges[b]),
            high=float(edges[b + 1]),
            confidence=float(confidence[b]),
            accuracy=float(accuracy[b]),
            count=int(count[b]),
        )
        for b in range(point.BINS)
    )


def _thresholds(rows: Predictions) -> tuple[float, ...] | None:
    if not rows.multi_label and rows.thresholds is None:
        return None
    return (0.5,) * len(rows.labels) if rows.thresholds is None else tuple(map(float, rows.thresholds))


def _same_rows(baseline: Predictions, predictions: Predictions, kept: Predictions) -> Predictions:
    """The baseline without the rows that were left out of the predictions."""
    if len(kept) == len(predictions):
        return baseline
    left_out = set(predictions.row_ids) - set(kept.row_ids)
    return baseline.take(np.array([row_id not in left_out for row_id in baseline.row_ids]))
