"""Point metrics of classifiers with single or several labels, by scikit-learn's definitions, in numpy.

Tallies have the class axis first and may have resamples behind it, so that the bootstrap in ``labkit.evaluation``
counts with the same code. Intervals and comparisons are there, not here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.errors import DataError
from labkit.tasks._predictions import Predictions

Array = npt.NDArray[Any]

BINS = 15
"""Equal-width bins of confidence behind the expected calibration error, as in Guo et al. (2017)."""

METRICS: dict[str, tuple[bool, str]] = {
    "accuracy": (True, "share of rows whose predicted class is the true one"),
    "exact_match": (True, "share of rows whose predicted set of labels is exactly the true set"),
    "hamming_loss": (False, "share of wrong decisions among all rows times labels"),
    "macro_precision": (True, "precision of each class, averaged with equal weight"),
    "macro_recall": (True, "recall of each class, averaged with equal weight"),
    "macro_f1": (True, "F1 of each class, averaged with equal weight: small classes count as much as large ones"),
    "micro_precision": (True, "precision over all decisions together"),
    "micro_recall": (True, "recall over all decisions together"),
    "micro_f1": (True, "F1 over all decisions together; equals accuracy with single labels"),
    "weighted_precision": (True, "precision of each class, averaged by its number of rows"),
    "weighted_recall": (True, "recall of each class, averaged by its number of rows"),
    "weighted_f1": (True, "F1 of each class, averaged by its number of rows"),
    "mcc": (True, "Matthews correlation coefficient: 1 is perfect, 0 no better than chance"),
    "roc_auc": (True, "chance that a row of a class scores above a row of another one, averaged over classes"),
    "average_precision": (True, "area under the precision-recall curve of each class, averaged over classes"),
    "log_loss": (False, "mean negative log-probability of the truth, in nats"),
    "ece": (False, f"expected calibration error: mean gap between confidence and accuracy over {BINS} bins"),
}
"""Name of each metric → whether higher is better, and what it is."""


def metrics(predictions: Predictions) -> dict[str, float]:
    """Every point metric of predictions, over the rows whose label is known.

    Macro averages of precision, recall and F1 are over the classes that occur in the gold labels or the predictions
    (with several labels: over all labels), as in scikit-learn. ROC-AUC (one against the rest) and average precision
    are averaged over the classes for which they are defined, and left out where there is none.

    Args:
        predictions: n rows and k classes.

    Returns:
        Values by the names of ``METRICS``. ``exact_match`` and ``hamming_loss`` stand in for ``accuracy`` and ``mcc``
        where a row may have several labels.

    Raises:
        DataError: no row has a known label.
    """
    rows = known(predictions)
    result = _decisions(rows, ("precision", "recall", "f1"))
    auc, precision = macro_ranking(rows)
    if not np.isnan(auc[0]):
        result["roc_auc"] = float(auc[0])
    if not np.isnan(precision[0]):
        result["average_precision"] = float(precision[0])
    result["log_loss"] = float(losses(rows).mean())
    result["ece"] = float(np.abs(calibration_gaps(rows).sum(axis=0)).sum() / calibration_size(rows))
    return {name: result[name] for name in METRICS if name in result}


def quick_metrics(predictions: Predictions) -> dict[str, float]:
    """The few metrics that are cheap enough to be watched during training, over the rows whose label is known.

    Returns:
        accuracy, macro_f1, mcc and log_loss; with several labels exact_match, hamming_loss, micro_f1, macro_f1 and
        log_loss.

    Raises:
        DataError: no row has a known label.
    """
    rows = known(predictions)
    every = _decisions(rows, ("f1",))
    several = ("exact_match", "hamming_loss", "micro_f1", "macro_f1")
    names = several if rows.multi_label else ("accuracy", "macro_f1", "mcc")
    return {**{name: every[name] for name in names}, "log_loss": float(losses(rows).mean())}


def tune_thresholds(predictions: Predictions) -> npt.NDArray[np.float64]:
    """The probability from which to predict each label, so that the F1 of each label is highest; with two classes, from which
    to predict the second, so that macro F1 is.

    To be called with predictions on validation rows. Every threshold between two neighbouring probabilities decides
    alike: the middle of such a gap is taken, or 0.5 where it lies inside; among equally good gaps, the one nearest 0.5.

    Returns:
        Thresholds of shape (k,). A label without a positive row keeps 0.5; of two classes both do where one has no row.

    Raises:
        DataError: the predictions are of more than two classes, or have no gold labels.
    """
    if not predictions.multi_label and len(predictions.labels) != 2:
        came = f"one of {len(predictions.labels)} classes"
        raise DataError("predictions with several labels a row, or of two classes", came, "leave thresholds out")
    rows = known(predictions)
    gold = truth(rows)
    if not rows.multi_label:
        second = gold == 1
        limit = _best_threshold(rows.probabilities[:, 1], second, both=True) if 0 < second.sum() < len(second) else 0.5
        return np.array([1 - limit, limit])
    limits = np.full(len(rows.labels), 0.5)
    for j in np.flatnonzero(gold.any(axis=0)):
        limits[j] = _best_threshold(rows.probabilities[:, j], gold[:, j])
    return limits


def _best_threshold(p: npt.NDArray[np.float64], gold: npt.NDArray[np.bool_], *, both: bool = False) -> float:
    """Where the F1 of the rows that are so is highest, or its mean with the F1 of those that are not (both)."""
    order = np.argsort(-p, kind="stable")
    score, hit = p[order], gold[order].cumsum()
    last = np.flatnonzero(np.append(score[1:] != score[:-1], True))  # row that closes each group of equal scores
    high, low = score[last], np.append(score[last[1:]], 0.0)
    f1 = 2 * hit[last] / (last + 1 + hit[-1])
    if both:
        said, true = len(p) - 1 - last, len(p) - hit[-1]
        f1 = f1 + 2 * (said - hit[-1] + hit[last]) / (said + true)
        if high[0] < 1 - 1e-6:  # or none of them
            f1, high, low = np.append(f1, 2 * true / (len(p) + true)), np.append(high, 1.0), np.append(low, high[0])
    # a label is predicted from its threshold on; of two equally likely classes the first is
    at_half = (low < 0.5) & ((high > 0.5) if both else (high >= 0.5))
    middle = np.where(at_half, 0.5, (low + high) / 2)
    middle = np.where(middle > low, middle, high)  # neighbouring floats have no middle
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return float(np.clip(middle[best[np.abs(middle[best] - 0.5).argmin()]], 1e-9, 1 - 1e-9))


def known(predictions: Predictions) -> Predictions:
    """The rows whose label is known.

    Raises:
        DataError: there is none, or these are no predictions of classes.
    """
    if not isinstance(predictions, Predictions):
        came = f"{type(predictions).__name__}"
        raise DataError("predictions of classes", came, "what works for any predictions is evaluate(predictions)")
    if predictions.gold is None or not len(predictions):
        raise DataError("rows with a known label", "none", "give the true labels, or predict without evaluating")
    if predictions.multi_label or (predictions.gold >= 0).all():
        return predictions
    rows = predictions.take(predictions.gold >= 0)
    if not len(rows):
        raise DataError(
            "rows whose label is one of the classes",
            f"{len(predictions):,} rows without one",
            f"the classes are {', '.join(predictions.labels[:10])}{' …' if len(predictions.labels) > 10 else ''}",
        )
    return rows


def truth(predictions: Predictions) -> Array:
    """The gold labels of predictions that are known to have them."""
    assert predictions.gold is not None
    return predictions.gold


def right(predictions: Predictions) -> npt.NDArray[np.bool_]:
    """Whether each row is predicted rightly, all its labels included, shape (n,)."""
    same = predictions.predicted == truth(predictions)
    whole: npt.NDArray[np.bool_] = same.all(axis=1) if predictions.multi_label else same
    return whole


def tallies(predictions: Predictions, weights: Array | None = None) -> tuple[Array, Array, Array]:
    """How often each class was predicted rightly, is true, and was predicted.

    Args:
        predictions: n rows with known labels, k classes.
        weights: how often each row counts, whole numbers of shape (n, r) for r resamples; once each when None.

    Returns:
        Three arrays of shape (k, r).
    """
    gold, said, k = truth(predictions), predictions.predicted, len(predictions.labels)
    if weights is None:
        weights = np.ones((len(predictions), 1), dtype=np.uint8)
    if not predictions.multi_label:
        hit = gold == said
        return group_sums(weights[hit], gold[hit], k), group_sums(weights, gold, k), group_sums(weights, said, k)
    sums = [np.zeros((k, weights.shape[1]), dtype=np.float32) for _ in range(3)]
    for start in range(0, len(predictions), 4096):
        part = slice(start, start + 4096)
        times = weights[part].astype(np.float32)
        for total, flags in zip(sums, (gold[part] & said[part], gold[part], said[part]), strict=True):
            total += flags.T.astype(np.float32) @ times
    return sums[0], sums[1], sums[2]


def group_sums(weights: Array, groups: Array, count: int) -> Array:
    """Sums of the rows of ``weights``, shape (n, r), by group number in 0 … count-1; shape (count, r)."""
    # sums of small whole numbers stay exact, and twice as fast, in the narrower type
    kind = np.uint16 if len(weights) < 2**16 else np.uint32
    result = np.zeros((count, weights.shape[1]), dtype=kind)
    if len(weights):
        order = np.argsort(groups, kind="stable")
        present, starts = np.unique(groups[order], return_index=True)
        result[present] = np.add.reduceat(weights[order], starts, axis=0, dtype=kind)
    return result


def precision_recall_f1(hit: Array, gold: Array, said: Array) -> tuple[Array, Array, Array]:
    """Precision, recall and F1 from tallies of any one shape; 0 where undefined, as in scikit-learn."""
    return _share(hit, said), _share(hit, gold), _share(2.0 * hit, np.add(gold, said, dtype=np.float64))


def averages(hit: Array, gold: Array, said: Array, *, multi_label: bool, of: tuple[str, ...]) -> dict[str, Array]:
    """Macro, micro and weighted averages from tallies of shape (k, r).

    Args:
        hit, gold, said: what ``tallies`` returns.
        multi_label: averages over all k labels, rather than those that occur.
        of: which of "precision", "recall" and "f1" to average.

    Returns:
        Arrays of shape (r,) by name, such as ``macro_f1``.
    """
    hit, gold, said = (np.asarray(part, dtype=np.float64) for part in (hit, gold, said))
    occurs = np.full(hit.shape[1:], len(hit)) if multi_label else (gold + said > 0).sum(axis=0)
    together = [part.sum(axis=0) for part in (hit, gold, said)]
    by_class = dict(zip(("precision", "recall", "f1"), precision_recall_f1(hit, gold, said), strict=True))
    over_all = dict(zip(("precision", "recall", "f1"), precision_recall_f1(*together), strict=True))
    result: dict[str, Array] = {}
    for name in of:
        result[f"macro_{name}"] = _share(by_class[name].sum(axis=0), occurs)
        result[f"micro_{name}"] = over_all[name]
        result[f"weighted_{name}"] = _share((by_class[name] * gold).sum(axis=0), together[1])
    return result


def matthews(hit: Array, gold: Array, said: Array) -> Array:
    """Matthews correlation of several classes from tallies of shape (k, r); shape (r,), 0 where undefined.

    Gorodkin (2004), Comparing two K-category assignments by a K-category correlation coefficient.
    """
    hit, gold, said = (np.asarray(part, dtype=np.float64) for part in (hit, gold, said))
    n = gold.sum(axis=0)
    covariance = hit.sum(axis=0) * n - (gold * said).sum(axis=0)
    return _share(covariance, np.sqrt(n**2 - (said**2).sum(axis=0)) * np.sqrt(n**2 - (gold**2).sum(axis=0)))


def losses(predictions: Predictions) -> npt.NDArray[np.float64]:
    """Log-loss of each row in nats, shape (n,): of the true class, or the mean over k yes-or-no decisions."""
    p, gold = predictions.probabilities, truth(predictions)
    tiny = float(np.finfo(p.dtype).eps) if p.dtype.kind == "f" else 1e-15
    if not predictions.multi_label:
        one: npt.NDArray[np.float64] = -np.log(np.clip(p[np.arange(len(p)), gold], tiny, 1 - tiny))
        return one
    mean: npt.NDArray[np.float64] = -np.log(np.clip(np.where(gold, p, 1 - p), tiny, 1 - tiny)).mean(axis=1)
    return mean


def calibration_size(predictions: Predictions) -> int:
    """Number of probabilities that calibration is about: one a row, or k a row with several labels."""
    return predictions.probabilities.size if predictions.multi_label else len(predictions)


def calibration(predictions: Predictions) -> tuple[Array, Array, Array]:
    """What calibration compares: stated probabilities, what came true, and the bin of each, in one shape.

    With single labels, (n,): the probability of the predicted class. With several, (n, k): that of every label.
    """
    p = predictions.probabilities
    stated, came = (p, truth(predictions)) if predictions.multi_label else (predictions.confidence, right(predictions))
    return stated, came, np.clip(np.ceil(stated * BINS).astype(np.int64) - 1, 0, BINS - 1)


def calibration_gaps(predictions: Predictions) -> npt.NDArray[np.float64]:
    """What each row adds to the gap between accuracy and confidence of each bin, shape (n, BINS).

    Naeini et al. (2015) and Guo et al. (2017): the expected calibration error is the sum over bins of the absolute sum
    of these, divided by ``calibration_size``.
    """
    stated, came, bins = calibration(predictions)
    n = len(predictions)
    rows = np.arange(n).reshape((n,) + (1,) * (stated.ndim - 1))
    at = (rows * BINS + bins).ravel()
    gaps: npt.NDArray[np.float64] = np.bincount(at, weights=(came - stated).ravel(), minlength=n * BINS).astype(float)
    return gaps.reshape(n, BINS)


def macro_ranking(predictions: Predictions, weights: Array | None = None) -> tuple[Array, Array]:
    """ROC-AUC (one against the rest) and average precision, averaged over the classes for which they are defined.

    Args:
        predictions: n rows with known labels.
        weights: how often each row counts, shape (n, r); once each when None.

    Returns:
        Two arrays of shape (r,), NaN where no class has a value.
    """
    gold = truth(predictions)
    if weights is None:
        weights = np.ones((len(predictions), 1), dtype=np.uint8)
    sums, numbers = np.zeros((2, weights.shape[1])), np.zeros((2, weights.shape[1]))
    for j in range(len(predictions.labels)):
        positive = gold[:, j] if predictions.multi_label else gold == j
        if positive.any():
            both = ranking(predictions.probabilities[:, j], positive, weights)
            if j == 0 and len(predictions.labels) == 2 and not predictions.multi_label:
                both[0] = np.nan  # two classes mirror each other: the second stands for both, as in scikit-learn
            numbers += ~np.isnan(both)
            sums += np.nan_to_num(both)
    mean = np.where(numbers > 0, sums / np.maximum(numbers, 1), np.nan)
    return mean[0], mean[1]


def ranking(scores: Array, positive: Array, weights: Array) -> Array:
    """ROC-AUC and average precision of one class in r resamples.

    Args:
        scores: shape (n,).
        positive: bools of shape (n,), at least one of them true.
        weights: how often each row counts, whole numbers of shape (n, r).

    Returns:
        Array of shape (2, r), NaN where a resample has no positive (or, for ROC-AUC, no negative) row.
    """
    order = np.argsort(-scores, kind="stable")
    score, hit = scores[order], np.flatnonzero(positive[order])
    first = np.append(True, score[1:] != score[:-1])
    group = first.cumsum() - 1
    holds = np.zeros(group[-1] + 2, dtype=bool)  # whether a group of equal scores has a positive row; last entry spare
    holds[group[hit]] = True
    # Both measures change at positive rows only, so that all groups between two of them are summed as one segment.
    heads = np.flatnonzero(first)
    heads = heads[holds[:-1] | holds[np.arange(len(heads)) - 1] | (np.arange(len(heads)) == 0)]
    present, starts = np.unique(np.searchsorted(heads, hit, side="right") - 1, return_index=True)
    result = np.empty((2, weights.shape[1]))
    step = max(1, 4_000_000 // len(scores))
    for start in range(0, weights.shape[1], step):
        part = slice(start, start + step)
        times = weights[:, part][order]
        kind = np.uint16 if len(scores) < 2**16 else np.uint32
        every = np.add.reduceat(times, heads, axis=0, dtype=kind).astype(np.float64)
        true = np.zeros_like(every)
        true[present] = np.add.reduceat(times[hit], starts, axis=0, dtype=kind)
        found = true.cumsum(axis=0)
        total = found[-1]
        area = ((every - true) * (found - true / 2)).sum(axis=0)
        pairs = total * (every.sum(axis=0) - total)
        result[0, part] = np.where(pairs > 0, area / np.maximum(pairs, 1), np.nan)
        precision = (true * found / np.maximum(every.cumsum(axis=0), 1)).sum(axis=0)
        result[1, part] = np.where(total > 0, precision / np.maximum(total, 1), np.nan)
    return result


def _decisions(rows: Predictions, of: tuple[str, ...]) -> dict[str, float]:
    hit, gold, said = tallies(rows)
    result = {n: float(v[0]) for n, v in averages(hit, gold, said, multi_label=rows.multi_label, of=of).items()}
    if rows.multi_label:
        result["exact_match"] = float(right(rows).mean())
        result["hamming_loss"] = float((rows.predicted != truth(rows)).mean())
    else:
        result["accuracy"] = float(right(rows).mean())
        result["mcc"] = float(matthews(hit, gold, said)[0])
    return result


def _share(part: Array, whole: Array) -> Array:
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)
