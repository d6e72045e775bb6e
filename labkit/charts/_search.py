"""What a search of hyperparameters found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import plotly.graph_objects as go

from labkit.charts._template import BLUE, FAINT, INK, LINE, VERMILLION, finish, name
from labkit.errors import DataError
from labkit.evaluation import TITLES


class Trial(Protocol):
    """What a chart reads of a trial (``labkit.training.SearchTrial``)."""

    @property
    def number(self) -> int:
        """Counted from 0."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Setting → value."""

    @property
    def state(self) -> str:
        """ "complete", "pruned", "failed" or "running"."""

    @property
    def score(self) -> float | None:
        """Of the best evaluation."""

    @property
    def scores(self) -> Sequence[float]:
        """Of every evaluation."""


class Found(Protocol):
    """What a chart reads of a search (``labkit.training.Search``)."""

    @property
    def metric(self) -> str:
        """What is searched for."""

    @property
    def higher(self) -> bool:
        """Whether a higher one is better."""

    @property
    def trials(self) -> Sequence[Trial]:
        """In the order of their numbers."""

    @property
    def importance(self) -> Mapping[str, float]:
        """Setting → share."""


def search_history(found: Found) -> go.Figure:
    """The score of each trial, those that were given up with what they had reached, and the best so far.

    Args:
        found: a search.

    Raises:
        DataError: no trial has a score.
    """
    best = max if found.higher else min
    done = _complete(found)
    given_up = [
        (trial.number, best(trial.scores)) for trial in found.trials if trial.state == "pruned" and trial.scores
    ]
    figure = go.Figure()
    line: list[float] = []
    for trial in done:
        line.append(best([*line[-1:], _score(trial)]))
    figure.add_scatter(
        x=[trial.number for trial in done],
        y=line,
        mode="lines",
        line={"shape": "hv", "color": LINE, "width": 2},
        name="best so far",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[trial.number for trial in done],
        y=[_score(trial) for trial in done],
        mode="markers",
        marker={"size": 9, "color": BLUE},
        name="complete",
        text=[_said(trial) for trial in done],
        hovertemplate="trial %{x}: %{y:.4f}<br>%{text}<extra></extra>",
    )
    if given_up:
        figure.add_scatter(
            x=[number for number, _ in given_up],
            y=[score for _, score in given_up],
            mode="markers",
            marker={"size": 8, "color": VERMILLION, "symbol": "x-thin", "line": {"width": 2, "color": VERMILLION}},
            name="given up",
            hovertemplate="trial %{x}: %{y:.4f} when given up<extra></extra>",
        )
    title = TITLES.get(found.metric, found.metric)
    figure.update_xaxes(title_text="Trial", rangemode="tozero")
    figure.update_yaxes(title_text=f"{title}, validation split")
    said = f"{len(done)} complete, {len(given_up)} given up. The test split was not looked at."
    return finish(figure, f"{title} of each trial", said, height=380)


def search_importance(found: Found) -> go.Figure:
    """How much each setting explains of the differences between trials.

    Args:
        found: a search of four complete trials or more.

    Raises:
        DataError: too few trials to say.
    """
    if not found.importance:
        raise DataError("four complete trials with different scores", f"{len(_complete(found))} complete")
    shares = sorted(found.importance.items(), key=lambda item: item[1])
    figure = go.Figure(
        go.Bar(
            x=[share for _, share in shares],
            y=[name(setting) for setting, _ in shares],
            orientation="h",
            marker_color=BLUE,
            text=[f"{100 * share:.0f} %" for _, share in shares],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    figure.update_xaxes(
        tickformat=".0%", range=[0, max(0.1, 1.15 * max(found.importance.values()))], title_text="Share"
    )
    few = len(_complete(found)) < 20
    said = "Of the variance of the scores, by fANOVA." + (" Few trials: take it as a hint." if few else "")
    return finish(figure, "What the settings matter", said, height=140 + 34 * len(shares))


def search_parallel(found: Found) -> go.Figure:
    """Every complete trial as a line through its settings to its score; the darker, the better.

    Args:
        found: a search.

    Raises:
        DataError: no trial has a score.
    """
    done = _complete(found)
    settings = list(done[0].values)
    scores = [_score(trial) for trial in done]
    axes = [_axis(setting, [trial.values.get(setting) for trial in done]) for setting in settings]
    title = TITLES.get(found.metric, found.metric)
    figure = go.Figure(
        go.Parcoords(
            dimensions=[*axes, {"label": title, "values": scores, "tickformat": ".3f"}],
            line={
                "color": scores,
                "colorscale": [[0, FAINT.replace(".22", ".5")], [1, BLUE]],
                "reversescale": not found.higher,
                "showscale": False,
            },
            labelfont={"size": 12, "color": INK},
            tickfont={"size": 11, "color": INK},
            rangefont={"size": 1, "color": "rgba(0,0,0,0)"},  # the ticks say it
        )
    )
    said = "Drag along an axis to keep the trials within a part of it."
    return finish(figure, "Settings and scores of the trials", said, height=420, margin={"l": 70, "r": 60, "t": 120})


def _complete(found: Found) -> list[Trial]:
    done = [trial for trial in found.trials if trial.state == "complete" and trial.score is not None]
    if not done:
        raise DataError("a search with a complete trial", "one without")
    return done


def _score(trial: Trial) -> float:
    return float("nan") if trial.score is None else trial.score


def _said(trial: Trial) -> str:
    return "<br>".join(f"{name(setting)}: {_short(value)}" for setting, value in trial.values.items())


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else name(value)


def _axis(setting: str, values: Sequence[Any]) -> dict[str, Any]:
    """An axis: numbers as they are, or by their logarithm where they span two decades; anything else as places."""
    label = name(setting.rpartition(".")[2].replace("_", " "))
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if numbers and len(set(values)) > 5:
        if min(values) > 0 and max(values) / min(values) > 20:
            lowest, highest = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
            ticks = list(range(lowest, highest + 1))
            return {
                "label": label,
                "values": [math.log10(value) for value in values],
                "range": [lowest, highest],
                "tickvals": ticks,
                "ticktext": [f"{10.0**tick:g}" for tick in ticks],
            }
        return {"label": label, "values": list(values)}
    places = sorted(set(values), key=lambda value: (not numbers, value if numbers else str(value)))
    return {
        "label": label,
        "values": [places.index(value) for value in values],
        "range": [-0.2, max(len(places) - 0.8, 0.2)],
        "tickvals": list(range(len(places))),
        "ticktext": [_short(value) for value in places],
    }


def rates(found: Sequence[float], losses: Sequence[float], suggestion: float) -> go.Figure:
    """The loss while the learning rate rises, and the rate to begin with.

    Args:
        found, losses, suggestion: ``rates``, ``losses`` and ``suggestion`` of ``labkit.training.find_learning_rate``.
    """
    figure = go.Figure(
        go.Scatter(
            x=list(found),
            y=list(losses),
            mode="lines",
            line={"color": BLUE, "width": 2},
            hovertemplate="learning rate %{x:.2g}: loss %{y:.3f}<extra></extra>",
        )
    )
    figure.add_vline(x=suggestion, line={"color": VERMILLION, "dash": "dot"}, annotation_text=f"{suggestion:.2g}")
    figure.update_xaxes(type="log", title_text="Learning rate", exponentformat="e", dtick=1)
    figure.update_yaxes(title_text="Loss, smoothed")
    said = "One short training in which the rate rises. Dotted: where the loss falls steadily."
    return finish(figure, "Loss by learning rate", said, height=380)
