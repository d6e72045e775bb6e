"""The rows that a classifier gets wrong, most costly first."""

from __future__ import annotations

from typing import Any

import numpy as np

from labkit.errors import DataError
from labkit.evaluation._slices import columns_of
from labkit.tasks import _classification_metrics as point
from labkit.tasks._predictions import Predictions


def errors(predictions: Predictions, rows: Any = None, *, n: int | None = None) -> list[dict[str, Any]]:
    """The wrongly predicted rows, by falling loss: the surest mistakes, and often wrong labels, come first.

    Args:
        predictions: rows without a known label are left out.
        rows: a split of a corpus, or columns to show beside, aligned with the predictions, such as "text".
        n: return this many at most.

    Returns:
        A dict a row: row_id, the given columns, gold and predicted (a label, or a list of labels), confidence
        (probability of the predicted class; with several labels, of the least sure of the k decisions) and loss
        (nats).

    Raises:
        DataError: no row has a known label, or a column has another number of rows.
    """
    columns = columns_of(rows)
    for name, values in columns.items():
        if len(values) != len(predictions):
            raise DataError(f"{len(predictions):,} values, one a row", f"{len(values):,}", column=name)
    kept = point.known(predictions)
    positions = np.arange(len(predictions))
    if len(kept) != len(predictions):
        positions = np.flatnonzero(point.truth(predictions) >= 0)
    loss = point.losses(kept)
    wrong = np.flatnonzero(~point.right(kept))
    wrong = wrong[np.argsort(-loss[wrong], kind="stable")][:n]
    worst, p = kept.take(wrong), kept.probabilities[wrong]
    sure = np.maximum(p, 1 - p).min(axis=1) if kept.multi_label else p.max(axis=1)
    given = zip(wrong, worst.names(point.truth(worst)), worst.names(worst.predicted), sure, strict=True)
    return [
        {
            "row_id": kept.row_ids[int(i)],
            **{name: values[int(positions[i])] for name, values in columns.items()},
            "gold": gold,
            "predicted": predicted,
            "confidence": float(confidence),
            "loss": float(loss[i]),
        }
        for i, gold, predicted, confidence in given
    ]
