"""What a confusion matrix tells: an order in which it can be read, the worst pairs, a difference, a file."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from labkit.errors import LabError, UnknownName, quoted
from labkit.evaluation._evaluation import Evaluation

Counts = npt.NDArray[np.int64]
ClassOrder = Literal["given", "frequency", "errors", "similarity"]

# What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection"); full-width signs count for some.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


@dataclass(frozen=True, kw_only=True)
class ConfusedPair:
    """Rows of one class that were taken for another."""

    true: str
    predicted: str
    count: int  # such rows
    share: float  # of the rows of the true class


def order_classes(confusion: npt.ArrayLike, by: ClassOrder = "given") -> list[int]:
    """An order of the classes in which a confusion matrix can be read.

    "similarity" puts classes side by side that are taken for one another, so that confusions lie near the diagonal:
    hierarchical clustering (average linkage) by the mean of the shares that two classes take from each other, its leaves
    in the order in which neighbours are most alike (Bar-Joseph, Gifford and Jaakkola 2001, Fast optimal leaf ordering
    for hierarchical clustering). On made and real matrices of 3 to 77 classes this brought at least as many confusions
    beside the diagonal as reverse Cuthill–McKee, often several times as many. A matrix of 1,000 classes takes seconds.
    Classes that are confused with none come last.

    Args:
        confusion: counts, true classes in rows, of shape (k, k); with several labels a row of shape (k, 2, 2), as in
            an ``Evaluation``.
        by: "given", "frequency" (most rows first), "errors" (most false and missed rows first) or "similarity".

    Returns:
        Class indices, k of them, first to last. Equals stay as given.

    Raises:
        UnknownName: there is no such order.
        LabError: the counts have another shape, or "similarity" is asked for with several labels a row, where no label
            is taken for another.
    """
    if by not in get_args(ClassOrder):
        raise UnknownName("order of the classes", by, get_args(ClassOrder))
    counts = np.asarray(confusion)
    k = len(counts) if counts.ndim else 0
    if counts.shape == (k, k) and counts.ndim == 2:
        support = counts.sum(axis=1)
        wrong = support + counts.sum(axis=0) - 2 * np.diagonal(counts)
    elif counts.shape == (k, 2, 2):
        support, wrong = counts[:, 1].sum(axis=1), counts[:, 0, 1] + counts[:, 1, 0]
    else:
        raise LabError("counts of shape (k, k) or (k, 2, 2)", f"{counts.shape}", "give evaluation.confusion")
    if by == "similarity":
        if counts.ndim == 3:
            raise LabError(
                "single labels, of which one can be taken for another", "several labels a row", "order by errors"
            )
        return _by_similarity(counts, support)
    key = {"given": np.zeros(k), "frequency": -support, "errors": -wrong}[by]
    return [int(j) for j in np.argsort(key, kind="stable")]


def _by_similarity(counts: npt.NDArray[np.int64], support: npt.NDArray[np.int64]) -> list[int]:
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    shares = counts / np.maximum(support, 1)[:, None]
    alike = (shares + shares.T) / 2
    np.fill_diagonal(alike, 0)
    confused, rest = np.flatnonzero(alike.any(axis=1)), np.flatnonzero(~alike.any(axis=1))
    if len(confused) > 2:
        distance = 1 - alike[np.ix_(confused, confused)]
        np.fill_diagonal(distance, 0)
        flat = squareform(distance, checks=False)
        order = leaves_list(optimal_leaf_ordering(linkage(flat, "average"), flat))
        # read from either end it is as good: the class that was given first is in the first half
        first = int(np.flatnonzero(order == 0)[0])
        confused = confused[order if 2 * first < len(order) else order[::-1]]
    return [int(j) for j in (*confused, *rest)]


def confused_pairs(evaluation: Evaluation, n: int | None = 10) -> list[ConfusedPair]:
    """The pairs of classes that are confused most often.

    Args:
        evaluation: of single labels.
        n: return this many at most; None: every pair that occurs.

    Returns:
        Pairs by falling count; of equal counts, the larger share of its class first.

    Raises:
        LabError: a row may have several labels, of which none is taken for another.
    """
    _require_single(evaluation)
    counts, labels = evaluation.confusion, evaluation.labels
    support = np.maximum(counts.sum(axis=1), 1)
    pairs = [
        ConfusedPair(
            true=labels[i], predicted=labels[j], count=int(counts[i, j]), share=float(counts[i, j] / support[i])
        )
        for i, j in np.argwhere(counts)
        if i != j
    ]
    return sorted(pairs, key=lambda pair: (-pair.count, -pair.share))[:n]


def confusion_difference(a: Evaluation, b: Evaluation) -> Counts:
    """The confusion matrix of b less that of a, over the same labels.

    Args:
        a, b: evaluations of two classifiers on the same rows. The labels may be in another order.

    Returns:
        Counts of shape (k, k), or (k, 2, 2) with several labels a row, in the order of the labels of ``a``; above 0
        where b has more rows.

    Raises:
        LabError: the labels differ, only one of the two has several labels a row, or the true classes have other
            numbers of rows, so that they are of other data.
    """
    if a.multi_label != b.multi_label:
        raise LabError("two evaluations of one kind", "one with single and one with several labels a row")
    if set(a.labels) != set(b.labels):
        only = [
            f"{quoted(sorted(set(one.labels) - set(other.labels)))} only in the {name}"
            for name, one, other in (("first", a, b), ("second", b, a))
            if set(one.labels) - set(other.labels)
        ]
        raise LabError("the same labels in both evaluations", " and ".join(only), "evaluate both on the same data")
    at = [b.labels.index(label) for label in a.labels]
    moved = b.confusion[at] if a.multi_label else b.confusion[np.ix_(at, at)]
    if not np.array_equal(a.confusion.sum(axis=-1), moved.sum(axis=-1)):
        raise LabError(
            "the same rows in both evaluations",
            f"{a.n:,} and {b.n:,} rows, in other numbers of each class",
            "evaluate both on the same data",
        )
    difference: Counts = moved - a.confusion
    return difference


def confusion_csv(evaluation: Evaluation) -> str:
    """The confusion matrix as CSV: a line a true class, a column a predicted one; UTF-8 text with line feeds.

    With several labels a row, a line a label and the columns true_positives, false_negatives, false_positives,
    true_negatives. Labels are quoted always. A label that a spreadsheet would take for a formula (that starts with =,
    +, -, @, a tab or a line break, and is no plain number) has a ' put before it, as OWASP advises against CSV
    injection.
    """
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    labels = [_harmless(label) for label in evaluation.labels]
    if evaluation.multi_label:
        writer.writerow(["label", "true_positives", "false_negatives", "false_positives", "true_negatives"])
        lines = [[m[1, 1], m[1, 0], m[0, 1], m[0, 0]] for m in evaluation.confusion]
    else:
        writer.writerow(["true \\ predicted", *labels])
        lines = [list(counts) for counts in evaluation.confusion]
    writer.writerows([label, *map(int, counts)] for label, counts in zip(labels, lines, strict=True))
    return out.getvalue()


def _harmless(label: str) -> str:
    return f"'{label}" if label.startswith(_FORMULA) and not _NUMBER.fullmatch(label) else label


def _require_single(evaluation: Evaluation) -> None:
    if evaluation.multi_label:
        raise LabError("an evaluation of single labels", "one of several labels a row", "look at its per_class scores")
