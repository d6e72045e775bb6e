"""What recipes cost and what they bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from labkit.charts._template import COLOURS, finish, name
from labkit.errors import DataError, UnknownName
from labkit.evaluation import TITLES

COSTS = {
    "seconds": "Time of a run, in seconds",
    "memory_mb": "Peak memory, in MB",
    "trained": "Trained parameters",
    "size_mb": "Size of the saved model, in MB",
}
"""What a chart can put on its axis of costs."""


def cost(table: Sequence[Mapping[str, Any]], cost: str = "seconds") -> go.Figure:
    """Score against cost, a point a recipe, with the score's interval: up and to the left is better, where a higher score is.

    Args:
        table: of ``RecipeComparison.table()``.
        cost: one of ``COSTS``.

    Raises:
        UnknownName: no such cost.
        DataError: an empty table.
    """
    if cost not in COSTS:
        raise UnknownName("cost", cost, COSTS)
    if not table:
        raise DataError("a table with a row for each recipe", "an empty one")
    metric = list(table[0])[1]
    figure = go.Figure()
    for i, row in enumerate(table):
        low, high = row["low"], row["high"]
        bars = (
            None if low is None else {"array": [high - row[metric]], "arrayminus": [row[metric] - low], "thickness": 1}
        )
        figure.add_scatter(
            x=[row[cost]],
            y=[row[metric]],
            error_y=bars,
            mode="markers+text",
            marker={"size": 11, "color": COLOURS[i % len(COLOURS)]},
            text=[name(row["recipe"])],
            textposition="middle right",
            name=name(row["recipe"]),
            hovertemplate=f"%{{text}}<br>{metric} %{{y:.3f}}<br>{COSTS[cost]}: %{{x:,.4g}}<extra></extra>",
            cliponaxis=False,
        )
    values = [float(row[cost]) for row in table]
    wide = min(values) > 0 and max(values) / min(values) > 20
    figure.update_xaxes(title_text=COSTS[cost], type="log" if wide else "linear")
    if not wide:
        figure.update_xaxes(range=[0, max(values) * 1.25 or 1])
    title = TITLES.get(metric, metric)
    figure.update_yaxes(title_text=title)
    seeds = max(row["seeds"] for row in table)
    said = f"Means of {seeds} seeds; lines: 95 % intervals." if seeds > 1 else "One seed; lines: 95 % intervals."
    return finish(figure, f"{title} against cost", said, height=420, showlegend=False)


def trade_off(rows: Sequence[Mapping[str, Any]], *, learnt: str, kept: str) -> go.Figure:
    """What a technique brings to a new task against what it leaves of what the model knew: up and to the right is better.

    Args:
        rows: a mapping a technique, with its "recipe" and the figures ``learnt`` and ``kept``, higher being better.
        learnt: figure of the new task, on the upright axis.
        kept: figure of what was known before, on the other.

    Raises:
        DataError: no rows, or one without these figures.
    """
    if not rows or any(one.get(figure) is None for one in rows for figure in ("recipe", learnt, kept)):
        raise DataError(f"rows with recipe, {learnt} and {kept}", "others" if rows else "none")
    figure = go.Figure()
    for i, row in enumerate(rows):
        figure.add_scatter(
            x=[row[kept]],
            y=[row[learnt]],
            mode="markers+text",
            marker={"size": 11, "color": COLOURS[i % len(COLOURS)]},
            text=[name(row["recipe"])],
            textposition="top center",
            hovertemplate=f"%{{text}}<br>{name(learnt)} %{{y:.3f}}<br>{name(kept)} %{{x:.3f}}<extra></extra>",
            cliponaxis=False,
        )
    figure.update_xaxes(title_text=f"Kept: {name(kept)}")
    figure.update_yaxes(title_text=f"Learnt: {name(learnt)}")
    return finish(
        figure, "What is learnt and what is kept", "Up and to the right is better.", height=420, showlegend=False
    )
