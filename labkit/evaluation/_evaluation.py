"""The record of everything that predictions on held-out rows say about a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.errors import DataError
from labkit.evaluation import _report
from labkit.evaluation._compare import Comparison
from labkit.evaluation._results import Bin, ClassScores, Estimate, SliceScores


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """How well a model did.

    Attributes:
        labels: names of the classes along the confusion matrix, k of them.
        multi_label: whether a row may have several labels.
        n: number of rows behind every figure.
        skipped: rows left out because their true label is unknown.
        headline: the figures to quote, with their intervals.
        metrics: every point metric; ``METRICS`` describes them.
        per_class: scores of each class, in the order of the labels.
        confusion: counts with the true class in rows and the predicted one in columns, shape (k, k); with several
            labels [[true negatives, false positives], [false negatives, true positives]] of each label, shape (k, 2,
            2).
        reliability: bins of stated probability against what came true.
        slices: column → scores of each of its slices.
        baselines: name → this classifier beside that baseline.
        thresholds: with several labels, the probability from which each label is predicted.
        resamples: bootstrap resamples behind the intervals; 0: no intervals.
        confidence: of the intervals.
        notes: what a reader must know about the figures, a sentence each.
        what: the rows and what is in them, where that is more than classes.
    """

    labels: tuple[str, ...]
    multi_label: bool = False
    n: int
    skipped: int = 0
    headline: Mapping[str, Estimate]
    metrics: Mapping[str, float]
    per_class: tuple[ClassScores, ...]
    confusion: npt.NDArray[np.int64]
    reliability: tuple[Bin, ...]
    slices: Mapping[str, tuple[SliceScores, ...]] = field(default_factory=dict)
    baselines: Mapping[str, Comparison] = field(default_factory=dict)
    thresholds: tuple[float, ...] | None = None
    resamples: int = 0
    confidence: float = 0.95
    notes: tuple[str, ...] = ()
    what: str = ""

    @property
    def first(self) -> str:
        """Name of the figure that counts most."""
        return next(iter(self.headline))

    def text(self) -> str:
        """The evaluation as plain text."""
        return _report.text(self)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        name, figure = next(iter(self.headline.items()))
        return f"Evaluation({self.n:,} rows, {len(self.labels)} classes, {name} {figure})"

    def _repr_html_(self) -> str:
        return _report.html(self)

    def to_dict(self) -> dict[str, Any]:
        """The evaluation as JSON-able values. Of the confusion matrix, the cells above 0: [*index, count]."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        at = np.argwhere(self.confusion)
        return {
            **values,
            "labels": list(self.labels),
            "headline": {name: dataclasses.asdict(figure) for name, figure in self.headline.items()},
            "metrics": dict(self.metrics),
            "per_class": [dataclasses.asdict(scores) for scores in self.per_class],
            "confusion": np.column_stack([at, self.confusion[tuple(at.T)]]).tolist(),
            "reliability": [dataclasses.asdict(part) for part in self.reliability],
            "slices": {name: [dataclasses.asdict(part) for part in parts] for name, parts in self.slices.items()},
            "baselines": {name: comparison.to_dict() for name, comparison in self.baselines.items()},
            "thresholds": None if self.thresholds is None else list(self.thresholds),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Evaluation:
        """What ``to_dict`` returned, through JSON or not.

        Raises:
            DataError: the values are not those of an evaluation.
        """
        try:
            return cls(
                **{
                    **values,
                    "labels": tuple(values["labels"]),
                    "headline": {name: Estimate(**figure) for name, figure in values["headline"].items()},
                    "per_class": tuple(ClassScores(**{**s, "f1": Estimate(**s["f1"])}) for s in values["per_class"]),
                    "confusion": _dense(values["confusion"], len(values["labels"]), values["multi_label"]),
                    "reliability": tuple(Bin(**part) for part in values["reliability"]),
                    "slices": {name: tuple(map(_slice, parts)) for name, parts in values["slices"].items()},
                    "baselines": {name: Comparison.from_dict(part) for name, part in values["baselines"].items()},
                    "thresholds": None if values["thresholds"] is None else tuple(values["thresholds"]),
                    "notes": tuple(values["notes"]),
                }
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise DataError("the values of an evaluation", f"others ({type(error).__name__}: {error})") from error


def _slice(values: Mapping[str, Any]) -> SliceScores:
    figures = {name: Estimate(**values[name]) for name in ("accuracy", "difference")}
    return SliceScores(**{**values, **figures})


def _dense(cells: list[list[int]], k: int, multi_label: bool) -> npt.NDArray[np.int64]:
    matrix = np.zeros((k, 2, 2) if multi_label else (k, k), dtype=np.int64)
    for *at, count in cells:
        matrix[tuple(at)] = count
    return matrix
