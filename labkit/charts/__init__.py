"""Results as plotly figures: pure functions, and the one template they share."""

from labkit.charts._confusion import confusion
from labkit.charts._cost import COSTS, cost, trade_off
from labkit.charts._data import class_balance, lengths
from labkit.charts._learning import learning_curves
from labkit.charts._scores import per_class_f1, reliability, scores, slices
from labkit.charts._search import rates, search_history, search_importance, search_parallel
from labkit.charts._template import TEMPLATE

__all__ = [
    "COSTS",
    "TEMPLATE",
    "class_balance",
    "confusion",
    "cost",
    "learning_curves",
    "lengths",
    "per_class_f1",
    "rates",
    "reliability",
    "scores",
    "search_history",
    "search_importance",
    "search_parallel",
    "slices",
    "trade_off",
]
