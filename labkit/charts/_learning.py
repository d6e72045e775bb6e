"""Learning curves from the events of a run: what it learned, and when it was at its best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from labkit.charts._template import BLUE, FAINT, GREEN, INK, LINE, VERMILLION, finish, name
from labkit.errors import UnknownName
from labkit.evaluation import TITLES
from labkit.evaluation._scales import higher_is_better, written
from labkit.events import Evaluated, Event, RunStarted, StepLogged, in_force

MOST_POINTS = 400
LOSSES = ("loss", "log_loss")
_WATCHED = ("macro_f1", "f1", "accuracy", "micro_f1", "exact_match", "pearson")


def learning_curves(
    events: Iterable[Event], *, metric: str | None = None, learning_rate: bool = False, split: str = "validation"
) -> go.Figure:
    """Training and validation loss above, a validation metric below, the best step marked.

    Steps that a resumed run made again are shown once, as made last. Long curves are averaged down to 400 points.

    Args:
        events: of one run, as read from its log; a run that has just started gives empty panels.
        metric: name of the metric in the second panel; None: macro F1 or, without one, the first that is no loss.
        learning_rate: show the learning rate in a third panel.
        split: the split whose metrics are shown.

    Raises:
        UnknownName: the run has evaluations, but none of them has the metric.
    """
    steps, checks, total = _in_force(events, split)
    measured = dict.fromkeys(n for event in checks for n in event.metrics)
    if metric and checks and metric not in measured:
        raise UnknownName("metric of this run", metric, measured)
    candidates = [*(n for n in _WATCHED if n in measured), *(n for n in measured if n not in LOSSES)]
    chosen = metric or next(iter(candidates), "")
    loss = next((n for n in LOSSES if n in measured), None)
    titled = name(TITLES.get(chosen, chosen.replace("_", " ")) if chosen else "Metric")
    better = "" if not chosen or higher_is_better(chosen) else " (lower is better)"
    rows = 3 if learning_rate else 2
    figure = make_subplots(
        rows=rows, shared_xaxes=True, vertical_spacing=0.07, row_heights=[1.0] * 2 + [0.5] * (rows - 2)
    )

    x, y = _thinned([event.step for event in steps], [event.loss for event in steps])
    _line(figure, 1, "Training loss", x, y, {"color": LINE, "width": 1.5})
    if loss is not None:
        _checks(figure, 1, f"{name(split).capitalize()} loss", checks, loss, VERMILLION)
    if not chosen or not checks:  # an empty panel is drawn only where a trace asks for it
        _line(figure, 2, "", [0], [None], {"color": LINE})
        figure.update_traces(showlegend=False, selector={"name": ""})
        figure.update_yaxes(range=[0, 1], row=2, col=1)
    else:
        _checks(figure, 2, titled, checks, chosen, BLUE)
    if learning_rate:
        x, y = _thinned([event.step for event in steps], [event.learning_rate for event in steps])
        _line(figure, 3, "Learning rate", x, y, {"color": GREEN, "width": 1.5})

    subtitle = "No evaluation yet"
    best = next((event for event in reversed(checks) if event.best), None)
    if best is not None:
        value = best.metrics.get(chosen)
        subtitle = f"Best at step {best.step:,}" + (
            "" if value is None else f": {titled} {written(chosen, value)} on {name(split)}"
        )
        for row in range(1, rows + 1):
            figure.add_vline(x=best.step, line={"color": INK, "dash": "dot", "width": 1}, row=row, col=1)
    elif checks:
        subtitle = f"{len(checks):,} evaluations on {name(split)}"
    end = max([total, *(event.step for event in steps), *(event.step for event in checks)])
    figure.update_xaxes(range=[0, max(end, 1)], gridcolor=FAINT)
    figure.update_xaxes(title="Optimiser step", row=rows, col=1)
    figure.update_yaxes(title="Loss (nats)", row=1, col=1)
    figure.update_yaxes(title=titled + better, row=2, col=1)
    if learning_rate:
        figure.update_yaxes(title="Learning rate", exponentformat="e", rangemode="tozero", row=3, col=1)
    return finish(figure, "Learning curves", subtitle, height=420 + 130 * (rows - 2))


def _in_force(events: Iterable[Event], split: str) -> tuple[list[StepLogged], list[Evaluated], int]:
    history = in_force(events)
    steps = [event for event in history if isinstance(event, StepLogged)]
    checks = [event for event in history if isinstance(event, Evaluated) and event.split == split]
    total = next((event.steps for event in reversed(history) if isinstance(event, RunStarted)), 0)
    return steps, checks, total


def _checks(figure: go.Figure, row: int, title: str, checks: Sequence[Evaluated], metric: str, colour: str) -> None:
    seen = [(event, _finite(event.metrics, metric)) for event in checks if metric in event.metrics]
    figure.add_scatter(
        customdata=[round(event.epoch, 2) for event, _ in seen],
        hovertemplate="step %{x:,}, epoch %{customdata}<br>%{y:.4f}<extra></extra>",
        line={"color": colour, "width": 2},
        marker={
            "color": colour,
            "size": [11 if event is _last_best(checks) else 6 for event, _ in seen],
            "symbol": ["star" if event is _last_best(checks) else "circle" for event, _ in seen],
        },
        mode="lines+markers",
        name=title,
        x=[event.step for event, _ in seen],
        y=[value for _, value in seen],
        row=row,
        col=1,
    )


def _line(
    figure: go.Figure, row: int, title: str, x: list[int], y: list[float | None], line: Mapping[str, object]
) -> None:
    figure.add_scatter(
        hovertemplate="step %{x:,}<br>%{y:.4g}<extra></extra>",
        line=dict(line),
        mode="lines",
        name=title,
        x=x,
        y=y,
        row=row,
        col=1,
    )


def _last_best(checks: Sequence[Evaluated]) -> Evaluated | None:
    return next((event for event in reversed(checks) if event.best), None)


def _finite(metrics: Mapping[str, float | None], metric: str) -> float | None:
    value = metrics[metric]
    return value if value is not None and math.isfinite(value) else None


def _thinned(x: Sequence[int], y: Sequence[float | None]) -> tuple[list[int], list[float | None]]:
    """Means of neighbouring points; None, a gap, where no value is finite."""
    values = np.array(
        [math.nan if value is None or not math.isfinite(value) else value for value in y], dtype=np.float64
    )
    parts = np.array_split(np.arange(len(values)), min(len(values), MOST_POINTS)) if len(values) else []
    means = []
    for part in parts:
        finite = values[part][~np.isnan(values[part])]
        means.append(float(f"{finite.mean():.5g}") if len(finite) else None)
    return [x[int(part[-1])] for part in parts], means
