"""Scores that add up over rows: what ``labkit.evaluation`` needs to know about the predictions of any task.

The figures of most tasks are functions of sums over rows: counts of entities, of n-grams, of tokens and their losses. A
bootstrap over rows is then one matrix product, whatever the figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelCount:
    """How often something of one label was found, was there to be found, and was claimed."""

    label: str
    hit: int
    gold: int
    said: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """Predictions beside the truth, row by row.

    Attributes:
        positions: where the n rows whose truth is known stand among the predictions.
        row_ids: their ids.
        sums: what adds up, shape (n, m).
        figures: from sums of shape (m, r) to each figure by name, shape (r,); NaN where a figure has no value.
        headline: names of the figures to quote, the most important first.
        bounds: least and greatest value of a figure, where it has them.
        right: whether each row is wholly right, shape (n,).
        what: the rows and what is in them, for the opening of a report.
        counts: of each label, where there are labels.
        confusion: true label × predicted label, shape (k, k), or None.
        names: the k names along the confusion matrix.
        notes: what a reader must know about the figures, a sentence each.
        lower: names of the figures that are better the lower they are.
        exact: every figure on all rows, where that is more exact than from sums; None: they come from the sums.
        weighted: for figures that are no functions of sums, such as those of ranks: from how often each row counts, whole
            numbers of shape (n, r), to each such figure by name, shape (r,).
    """

    positions: npt.NDArray[np.int64]
    row_ids: Sequence[str]
    sums: Array
    figures: Callable[[Array], Mapping[str, Array]]
    headline: tuple[str, ...]
    right: npt.NDArray[np.bool_]
    what: str
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    counts: tuple[LabelCount, ...] = ()
    confusion: npt.NDArray[np.int64] | None = None
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lower: frozenset[str] = frozenset()
    exact: Mapping[str, float] | None = None
    weighted: Callable[[Array], Mapping[str, Array]] | None = None

    def values(self) -> dict[str, float]:
        """Every figure on all rows; without those that have no value."""
        if self.exact is not None:
            return dict(self.exact)
        found = self.figures(self.sums.sum(axis=0)[:, None])
        return {name: float(value[0]) for name, value in found.items() if not np.isnan(value[0])}
