"""How a figure is drawn and written: where its scale ends, which way is better, and with how many digits it is read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from labkit.evaluation._results import OF_HUNDRED, UNBOUNDED, Estimate
from labkit.tasks import TASKS


def best_possible(metric: str) -> float | None:
    """The best that a figure can be, 1 or 100; None for those that have no such end."""
    return None if metric in UNBOUNDED else 100.0 if metric in OF_HUNDRED else 1.0


def higher_is_better(metric: str) -> bool:
    """Whether more of it is better."""
    return not any(task.metrics.get(metric) is False for task in TASKS.values()) and metric not in _LOWER


def written(metric: str, value: float) -> str:
    """A figure as text: a digit behind the point for those that go to 100 and for large ones, else three."""
    return f"{value:,.1f}" if metric in OF_HUNDRED or abs(value) >= 100 else f"{value:.3f}"


def on_its_scale(metric: str, figure: Estimate) -> Estimate:
    """The same with an interval that ends where the scale of the figure does: one made of a mean and its error goes on."""
    if figure.low is None or figure.high is None:
        return figure
    least = -1.0 if metric in _FROM_MINUS_ONE else 0.0
    most = 1.0 if metric in _FROM_MINUS_ONE else best_possible(metric) or math.inf
    return Estimate(figure.value, max(least, figure.low), min(most, figure.high))


def top(metric: str, figures: Sequence[Estimate]) -> float:
    """The end of a scale: the best there can be, or the largest of figures that have no such end or are beyond it."""
    most = max((f.value if f.high is None else f.high for f in figures), default=1.0)
    return max(best_possible(metric) or 0.0, most) or 1.0


def bottom(figures: Sequence[Estimate]) -> float:
    """The beginning of a scale: 0, or the least of figures below it, such as correlations."""
    return min(0.0, *(f.value if f.low is None else f.low for f in figures), 0.0)


_FROM_MINUS_ONE = frozenset({"mcc", "pearson", "spearman"})
_LOWER = frozenset(
    {"loss", "log_loss", "pseudo_perplexity", "repetition", "rmse", "mae"}
)  # those that no task chooses a checkpoint by
