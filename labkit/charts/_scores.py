"""How good a classifier is, with intervals: beside its baselines, by class, by slice, and as to its probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from labkit.charts._template import BLUE, INK, LINE, finish, name, tall, ticks
from labkit.errors import DataError, UnknownName
from labkit.evaluation import TITLES, Estimate, Evaluation, wilson
from labkit.evaluation._scales import best_possible, bottom, higher_is_better, top, written

MOST_CLASSES = 80


def scores(evaluation: Evaluation) -> go.Figure:
    """The model beside its baselines, the best above: the figure that counts most, such as accuracy, BLEU or the loss, and
    macro F1 or the next one that goes from 0 to its best, with intervals.

    Args:
        evaluation: with or without baselines.
    """
    # a baseline that says the same of every row has no correlation: then the first figure that all have is shown
    beside = evaluation.baselines.values()
    first = next((m for m in evaluation.headline if all(m in one.b for one in beside)), evaluation.first)
    able = [m for m in evaluation.headline if best_possible(m) and m != first and all(m in one.b for one in beside)]
    second = "macro_f1" if "macro_f1" in able else next(iter(able), "")
    shown = [metric for metric in (first, second) if metric]
    sign = 1 if higher_is_better(first) else -1
    rows: list[tuple[str, dict[str, Estimate]]] = [("this model", {m: evaluation.headline[m] for m in shown})]
    rows += [(other, dict(comparison.b)) for other, comparison in evaluation.baselines.items()]
    rows.sort(key=lambda row: sign * row[1][first].value)
    figure = make_subplots(
        cols=len(shown),
        shared_yaxes=True,
        horizontal_spacing=0.06,
        subplot_titles=[_titled(metric) for metric in shown],
    )
    for column, metric in enumerate(shown, 1):
        figures = [figures[metric] for _, figures in rows]
        colours = [BLUE if title == "this model" else INK for title, _ in rows]
        _dots(figure, [title for title, _ in rows], figures, colours, metric=metric, column=column)
        low, high = bottom(figures), top(metric, figures)
        place: dict[str, object] = {"range": [low - 0.08 * (high - low), high + 0.1 * (high - low)]}
        if high in (1.0, 100.0) and low == 0:  # elsewhere plotly finds rounder numbers than quarters are
            place["tickvals"] = [high * part for part in (0, 0.25, 0.5, 0.75, 1)]
        figure.update_xaxes(**place, row=1, col=column)
    figure.update_yaxes(**ticks([title for title, _ in rows], 12))
    figure.update_annotations(font_size=12)
    span = f"Lines: {100 * evaluation.confidence:g} % intervals. " if evaluation.resamples else ""
    said = f"{span}{evaluation.n:,} rows"
    if evaluation.baselines:
        best = max(evaluation.baselines.values(), key=lambda comparison: sign * comparison.b[first].value)
        said = f"{best.sentence.replace(best.other, name(best.other))}"
    return finish(figure, "Model and baselines", said, height=tall(len(rows), 36, 60) + 10, showlegend=False)


def per_class_f1(evaluation: Evaluation) -> go.Figure:
    """F1 of each class with its interval, best class first.

    Args:
        evaluation: of classes with rows or predictions. Of more than 80, the weakest are shown.
    """
    met = [part for part in evaluation.per_class if part.support + part.predicted]
    met = sorted(met, key=lambda part: part.f1.value)[:MOST_CLASSES]
    figure = go.Figure()
    hover = [
        f"precision {part.precision:.3f}, recall {part.recall:.3f}<br>"
        f"{part.support:,} rows, predicted for {part.predicted:,}"
        for part in met
    ]
    _dots(figure, [part.label for part in met], [part.f1 for part in met], [BLUE] * len(met), hover=hover)
    macro = evaluation.metrics["macro_f1"]
    figure.add_vline(x=macro, line={"color": INK, "dash": "dot", "width": 1})
    figure.update_xaxes(range=_range([part.f1 for part in met]), title="F1")
    small = len(met) > 40
    figure.update_yaxes(**ticks([part.label for part in met], 9 if small else 11), title="Class")
    chosen = "" if len(met) == len(evaluation.labels) else f"; the {len(met):,} weakest of {len(evaluation.labels):,}"
    said = f"Dotted: macro F1 {macro:.3f}. Lines: {100 * evaluation.confidence:g} % intervals{chosen}"
    return finish(figure, "F1 by class", said, height=tall(len(met), 13 if small else 22), showlegend=False)


def slices(evaluation: Evaluation, column: str) -> go.Figure:
    """The figure that counts most, such as accuracy, in each slice of a column, beside all rows.

    Args:
        evaluation: made with this column among its slices.
        column: its name.

    Raises:
        UnknownName: the evaluation has no such slices.
    """
    if column not in evaluation.slices:
        raise UnknownName("column of the evaluation's slices", column, evaluation.slices, "Evaluate with slices=[…]")
    parts = evaluation.slices[column][::-1]
    metric = evaluation.first
    whole = evaluation.metrics[metric]
    figure = go.Figure()
    hover = [
        f"{part.n:,} rows{', too few to say much' if part.small else ''}<br>{part.difference.value:+.3f} to all rows"
        for part in parts
    ]
    colours = [INK if part.small else BLUE for part in parts]
    _dots(figure, [part.value for part in parts], [part.accuracy for part in parts], colours, hover=hover)
    figure.add_vline(x=whole, line={"color": INK, "dash": "dot", "width": 1})
    figures = [part.accuracy for part in parts]
    figure.update_xaxes(range=_range(figures, top(metric, figures)), title=_titled(metric))
    figure.update_yaxes(**ticks([part.value for part in parts]), title=name(column).capitalize())
    said = (
        f"Dotted: all rows {written(metric, whole)}. Lines: {100 * evaluation.confidence:g} % intervals. Grey: few rows"
    )
    return finish(
        figure, f"{TITLES.get(metric, metric)} by {name(column)}", said, height=tall(len(parts), 26), showlegend=False
    )


def reliability(evaluation: Evaluation) -> go.Figure:
    """Stated probability against what came true, and how often each probability was stated.

    A calibrated model lies on the diagonal; below it, it is too sure. With several labels, all decisions count. The
    whiskers are Wilson intervals.

    Raises:
        DataError: the evaluation has no bins.
    """
    bins = [part for part in evaluation.reliability if part.count]
    if not bins:
        raise DataError("an evaluation with reliability bins", "none")
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.76, 0.24])
    figure.add_scatter(
        hoverinfo="skip",
        line={"color": LINE, "dash": "dot", "width": 1.5},
        mode="lines",
        x=[0, 1],
        y=[0, 1],
        row=1,
        col=1,
    )
    spans = [wilson(part.accuracy * part.count, part.count, evaluation.confidence) for part in bins]
    hover = [f"{part.low:.2f} to {part.high:.2f}: {part.count:,} {_counted(evaluation)}" for part in bins]
    figure.add_scatter(
        customdata=hover,
        error_y={**_whiskers(spans), "color": BLUE, "thickness": 1.2, "width": 0},
        hovertemplate="%{customdata}<br>stated %{x:.3f}, came true %{y:.3f}<extra></extra>",
        line={"color": BLUE, "width": 2},
        marker={"color": BLUE, "size": 7},
        mode="lines+markers",
        x=[round(part.confidence, 4) for part in bins],
        y=[round(part.accuracy, 4) for part in bins],
        row=1,
        col=1,
    )
    figure.add_bar(
        customdata=hover,
        hovertemplate="%{customdata}<extra></extra>",
        marker_color=BLUE,
        width=[0.9 * (part.high - part.low) for part in bins],
        x=[round((part.low + part.high) / 2, 4) for part in bins],
        y=[part.count for part in bins],
        row=2,
        col=1,
    )
    figure.update_xaxes(range=[0, 1.01])
    figure.update_xaxes(title="Probability of the label" if evaluation.multi_label else "Confidence", row=2, col=1)
    figure.update_yaxes(range=[0, 1.03], title="Share that came true", row=1, col=1)
    figure.update_yaxes(title=_counted(evaluation).capitalize(), nticks=3, tickformat=",", row=2, col=1)
    stated = sum(part.confidence * part.count for part in bins)
    came = sum(part.accuracy * part.count for part in bins)
    total = sum(part.count for part in bins)
    lean = "too sure" if stated > came else "not sure enough"
    gap = f"on average {100 * abs(stated - came) / total:.1f} points {lean}"
    said = f"Expected calibration error {evaluation.headline['ece']}; {gap}"
    return finish(figure, "Reliability of the probabilities", said, height=480, showlegend=False)


def _counted(evaluation: Evaluation) -> str:
    return "decisions" if evaluation.multi_label else "rows"


def _dots(
    figure: go.Figure,
    titles: Sequence[str],
    figures: Sequence[Estimate],
    colours: Sequence[str],
    *,
    hover: Sequence[str] | None = None,
    metric: str = "",
    column: int | None = None,
) -> None:
    """One dot with whiskers a row; titles are on the axis, and the values stand beside the dots where the metric is named."""
    place = {} if column is None else {"row": 1, "col": column}
    below = hover or [""] * len(titles)
    for colour in dict.fromkeys(colours):  # whiskers have one colour a trace
        at = [i for i, own in enumerate(colours) if own == colour]
        texts = [f"{name(titles[i])}<br>{figures[i]}" + (f"<br>{below[i]}" if below[i] else "") for i in at]
        figure.add_scatter(
            cliponaxis=False,
            customdata=texts,
            error_x={**_whiskers([figures[i] for i in at]), "color": colour, "thickness": 1.5, "width": 0},
            hovertemplate="%{customdata}<extra></extra>",
            marker={"color": colour, "size": 8},
            mode="markers+text" if metric else "markers",
            text=[written(metric, figures[i].value) for i in at] if metric else None,
            textposition="top center",
            x=[round(figures[i].value, 4) for i in at],
            y=at,
            **place,
        )


def _whiskers(figures: Sequence[Estimate]) -> dict[str, object]:
    return {
        "array": [0.0 if f.high is None else round(f.high - f.value, 4) for f in figures],
        "arrayminus": [0.0 if f.low is None else round(f.value - f.low, 4) for f in figures],
        "symmetric": False,
        "type": "data",
    }


def _titled(metric: str) -> str:
    title = TITLES.get(metric, metric.replace("_", " ").capitalize())
    return title if higher_is_better(metric) else f"{title} (lower is better)"


def _range(figures: Sequence[Estimate], top: float = 1.0) -> list[float]:
    least = min((f.value if f.low is None else f.low for f in figures), default=0.0)
    low = top * max(-0.01, int(least / top * 10) / 10 - 0.02) if least >= 0 else least - 0.04 * (top - least)
    return [low, 1.02 * top]
