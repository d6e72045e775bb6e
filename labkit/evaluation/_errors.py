"""The rows behind the figures: the wrong ones, most costly first, the unsure ones, those of one cell of a confusion matrix."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from labkit.errors import DataError, UnknownName
from labkit.tasks import _classification_metrics as point
from labkit.tasks._encode import columns_of
from labkit.tasks._predictions import Predictions

Include = Literal["wrong", "unsure", "all"]
INCLUDE = ("wrong", "unsure", "all")


def errors(
    predictions: Predictions,
    rows: Any = None,
    *,
    n: int | None = None,
    include: Include = "wrong",
    true: str | None = None,
    predicted: str | None = None,
) -> list[dict[str, Any]]:
    """The wrongly predicted rows, by falling loss: the surest mistakes, and often wrong labels, come first.

    Args:
        predictions: rows without a known label are left out.
        rows: a split of a corpus, or columns to show beside, aligned with the predictions, such as "text".
        n: return this many at most.
        include: the wrong rows by falling loss; the right rows that the classifier was least sure of, by rising
            confidence ("unsure"); or all rows by falling loss.
        true: rows that have this true label only.
        predicted: rows that were given this label only.

    Returns:
        A dict a row: row_id, the given columns, gold and predicted (a label, or a list of labels), confidence
        (probability of the predicted class; with several labels, of the least sure of the k decisions) and loss
        (nats).

    Raises:
        DataError: no row has a known label, or a column has another number of rows.
        UnknownName: ``true`` or ``predicted`` is no label, or ``include`` is none of the three.
    """
    if include not in INCLUDE:
        raise UnknownName("choice of rows", include, INCLUDE)
    columns = columns_of(rows)
    for name, values in columns.items():
        if len(values) != len(predictions):
            raise DataError(f"{len(predictions):,} values, one a row", f"{len(values):,}", column=name)
    kept = point.known(predictions)
    positions = np.arange(len(predictions))
    if len(kept) != len(predictions):
        positions = np.flatnonzero(point.truth(predictions) >= 0)
    right, loss, sure = point.right(kept), point.losses(kept), kept.confidence
    chosen = {"wrong": ~right, "unsure": right, "all": np.ones(len(kept), dtype=bool)}[include]
    for label, coded in ((true, point.truth(kept)), (predicted, kept.predicted)):
        if label is not None:
            chosen = chosen & _having(kept, coded, label)
    at = np.flatnonzero(chosen)
    at = at[np.argsort(sure[at] if include == "unsure" else -loss[at], kind="stable")][:n]
    shown = kept.take(at)
    given = zip(at, shown.names(point.truth(shown)), shown.names(shown.predicted), sure[at], strict=True)
    return [
        {
            "row_id": kept.row_ids[int(i)],
            **{name: values[int(positions[i])] for name, values in columns.items()},
            "gold": gold,
            "predicted": said,
            "confidence": float(confidence),
            "loss": float(loss[i]),
        }
        for i, gold, said, confidence in given
    ]


def cell_rows(
    predictions: Predictions,
    true: str | None = None,
    predicted: str | None = None,
    rows: Any = None,
    *,
    n: int | None = None,
) -> list[dict[str, Any]]:
    """The rows behind a cell of a confusion matrix, or behind a whole row or column of it, by falling loss.

    Args:
        predictions: rows without a known label are left out.
        true: the true label, the matrix's row; None: any.
        predicted: the predicted label, the matrix's column; None: any. With several labels a row, the rows that have
            (were given) the label among others.
        rows: a split of a corpus, or columns to show beside, aligned with the predictions, such as "text".
        n: return this many at most.

    Returns:
        A dict a row, as ``errors`` gives it.

    Raises:
        DataError: no row has a known label, or a column has another number of rows.
        UnknownName: ``true`` or ``predicted`` is no label.
    """
    return errors(predictions, rows, n=n, include="all", true=true, predicted=predicted)


def _having(predictions: Predictions, coded: npt.NDArray[Any], label: str) -> npt.NDArray[np.bool_]:
    if label not in predictions.labels:
        raise UnknownName("label", label, predictions.labels)
    j = predictions.labels.index(label)
    having: npt.NDArray[np.bool_] = coded[:, j] if predictions.multi_label else coded == j
    return having
