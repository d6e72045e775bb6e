"""The parts of an evaluation: plain frozen records that go to JSON and back."""

from __future__ import annotations

from dataclasses import dataclass

OF_HUNDRED = frozenset({"bleu", "chrf"})
"""Figures that go from 0 to 100, as everybody quotes them; all other scores go from 0 to 1."""

UNBOUNDED = frozenset(
    {"loss", "perplexity", "pseudo_perplexity", "length", "log_loss", "pearson", "spearman", "rmse", "mae"}
)
"""Figures that are no shares at all, and are never shown as percentages."""


@dataclass(frozen=True)
class Estimate:
    """A figure with the bounds of its interval; the bounds are None where there is no interval."""

    value: float
    low: float | None = None
    high: float | None = None

    def __format__(self, digits: str) -> str:
        """The figure and its interval, each as the format says; the figure alone where there is no interval."""
        digits = digits or ".3f"
        between = "" if self.low is None else f" ({self.low:{digits}} to {self.high:{digits}})"
        return f"{self.value:{digits}}{between}"

    def __str__(self) -> str:
        return format(self)


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """How well one class is told from the others."""

    label: str
    precision: float
    recall: float
    f1: Estimate
    support: int  # rows of the class
    predicted: int  # rows predicted to be of the class


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Probabilities between two bounds, and what came true."""

    low: float
    high: float
    confidence: float  # mean stated probability; the middle of the bin where it is empty
    accuracy: float  # share that came true; 0 where the bin is empty
    count: int


@dataclass(frozen=True, kw_only=True)
class SliceScores:
    """How well the rows with one value of a column are classified."""

    value: str
    n: int
    accuracy: Estimate  # exact match where a row may have several labels
    macro_f1: float  # F1 of that label where the slices are the labels
    difference: Estimate  # accuracy of the slice less accuracy of all rows
    small: bool  # too few rows to say much
