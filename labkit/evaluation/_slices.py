"""Metrics by slice: by the values of a column, by bands of a number or of text length, by label."""

from __future__ import annotations

import numbers
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.errors import DataError, UnknownName
from labkit.evaluation import _intervals as intervals
from labkit.evaluation._results import SliceScores
from labkit.tasks import _classification_metrics as point
from labkit.tasks._encode import columns_of
from labkit.tasks._predictions import Predictions

MOST = 20
"""Values of a column that get a slice of their own; the rest is "other"."""
SMALL = 30
"""Rows below which a slice is flagged."""
MISSING = "(missing)"
OTHER = "(other)"

Mask = npt.NDArray[np.bool_]


def slice_scores(
    predictions: Predictions,
    rows: Mapping[str, Sequence[Any]],
    name: str,
    drawn: npt.NDArray[np.uint8],
    confidence: float,
) -> tuple[SliceScores, ...]:
    """Scores on each slice of one column.

    Args:
        predictions: n rows with known labels.
        rows: columns of those rows.
        name: a column; "label" is the true label always, and "length" the number of words of "text" where there is no
            such column.
        drawn: resamples of the rows, shape (n, r).
        confidence: of the intervals.

    Raises:
        UnknownName: there is no such column.
        DataError: the column has another number of rows.
    """
    right = point.right(predictions)
    whole = float(right.mean())
    all_right = intervals.mean_of(right, drawn)
    labels = name == "label"
    class_f1 = point.precision_recall_f1(*point.tallies(predictions))[2][:, 0] if labels else None
    result = []
    for value, mask, column in _slices(predictions, rows, name):
        part = predictions.take(mask)
        n = len(part)
        accuracy = float(right[mask].mean())
        hits = intervals.mean_of(right[mask], drawn[mask]) * n
        size = drawn[mask].sum(axis=0, dtype=np.float64)
        resampled = np.where(size > 0, hits / np.maximum(size, 1), np.nan)
        result.append(
            SliceScores(
                value=value,
                n=n,
                accuracy=intervals.wilson(float(right[mask].sum()), n, confidence),
                macro_f1=(
                    float(class_f1[column])
                    if class_f1 is not None and column is not None
                    else point.quick_metrics(part)["macro_f1"]
                ),
                difference=intervals.interval("accuracy", accuracy - whole, resampled - all_right, confidence),
                small=n < SMALL,
            )
        )
    return tuple(result)


def slice_rows(predictions: Predictions, rows: Any, name: str) -> dict[str, list[str]]:
    """The row ids of each slice of one column, cut as ``evaluate`` cuts it.

    Args:
        predictions: n rows; those without a known label count as well, except for slices by "label".
        rows: a split of a corpus, or columns, aligned with the predictions.
        name: a column, "label" or "length".

    Raises:
        UnknownName: there is no such column.
        DataError: the column has another number of rows.
    """
    slices = _slices(predictions, columns_of(rows), name)
    return {value: [predictions.row_ids[int(i)] for i in np.flatnonzero(mask)] for value, mask, _ in slices}


def _slices(
    predictions: Predictions, rows: Mapping[str, Sequence[Any]], name: str
) -> list[tuple[str, Mask, int | None]]:
    """Value, rows and (for slices by label) class index of each slice; slices by several labels overlap."""
    if name == "label":
        gold = point.truth(predictions)
        masks = gold.T if predictions.multi_label else [gold == j for j in range(len(predictions.labels))]
        found = [(j, np.asarray(mask)) for j, mask in enumerate(masks) if mask.any()]
        found.sort(key=lambda item: -int(item[1].sum()))
        slices: list[tuple[str, Mask, int | None]] = [(predictions.labels[j], mask, j) for j, mask in found[:MOST]]
        if len(found) > MOST:
            slices.append((OTHER, np.logical_or.reduce([mask for _, mask in found[MOST:]]), None))
        return slices
    return [(value, mask, None) for value, mask in cut(rows, name, len(predictions))]


def cut(rows: Mapping[str, Sequence[Any]], name: str, n: int) -> list[tuple[str, Mask]]:
    """Value and rows of each slice of a column with n values; rows with a list of values are in a slice for each.

    Raises:
        UnknownName: there is no such column.
        DataError: the column has another number of rows.
    """
    values = _column(rows, name)
    if len(values) != n:
        raise DataError(f"{n:,} values, one a row", f"{len(values):,}", column=name)
    if any(isinstance(value, list) for value in values):
        lists = [value if isinstance(value, list) else [value] for value in values]
        common = [key for key, _ in Counter(str(one) for some in lists for one in some).most_common(MOST)]
        found = [(key, np.array([key in map(str, some) for some in lists])) for key in common]
        none = np.array([not some for some in lists])
        return [*found, ("(none)", none)] if none.any() else found
    order, keys = (_bands if _is_number(values) else _values)(values)
    return [(key, np.array([k == key for k in keys])) for key in order]


def _column(rows: Mapping[str, Sequence[Any]], name: str) -> list[Any]:
    if name in rows:
        return list(rows[name])
    if name == "length" and "text" in rows:
        pair = rows.get("text_pair")
        firsts = [len(str(text or "").split()) for text in rows["text"]]
        return firsts if pair is None else [n + len(str(b or "").split()) for n, b in zip(firsts, pair, strict=True)]
    derived = ("label", "length") if "text" in rows else ("label",)
    raise UnknownName("column to slice by", name, dict.fromkeys([*rows, *derived]))


def _is_number(values: Sequence[Any]) -> bool:
    present = [value for value in values if not _absent(value)]
    numeric = all(isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_) for value in present)
    return numeric and len(set(present)) > 10


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, numbers.Real) and not np.isfinite(float(value)))


def _bands(values: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Quartile bands of numbers, named by the smallest and largest number that each holds."""
    given = np.array([not _absent(value) for value in values])
    present = np.array([float(value) for value, there in zip(values, given, strict=True) if there])
    cuts = np.unique(np.quantile(present, [0.25, 0.5, 0.75]))
    band = np.searchsorted(cuts, present, side="left")
    names = {int(b): _span(present[band == b]) for b in np.unique(band)}
    rest = iter(band)
    keys = [names[int(next(rest))] if there else MISSING for there in given]
    # neighbouring bands may look alike when their numbers are cut to six digits
    return list(dict.fromkeys([*names.values(), *([] if given.all() else [MISSING])])), keys


def _span(values: npt.NDArray[np.float64]) -> str:
    low, high = f"{values.min():.6g}", f"{values.max():.6g}"
    return low if low == high else f"{low} to {high}"


def _values(values: Sequence[Any]) -> tuple[list[str], list[str]]:
    """The most frequent values as strings, and the rest as one."""
    keys = [MISSING if _absent(value) or value == "" else str(value) for value in values]
    common = [key for key, _ in Counter(keys).most_common() if key != MISSING]
    kept = set(common[:MOST])
    keys = [key if key in kept or key == MISSING else OTHER for key in keys]
    return [*common[:MOST], *(key for key in (OTHER, MISSING) if key in set(keys))], keys
