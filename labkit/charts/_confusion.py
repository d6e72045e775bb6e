"""Which classes are taken for which."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from labkit.charts._template import BLUE, FAINT, ORANGE, VERMILLION, finish, tall, ticks
from labkit.evaluation import ClassOrder, Evaluation, order_classes

Counts = npt.NDArray[np.int64]

MOST_CLASSES = 100
WRITTEN = 12
"""Classes up to which the numbers are written into the cells."""

# From right and frequent (-1) over nothing (0, see-through) to wrong and frequent (1). Where numbers stand in the
# cells there is a step in the middle: text is legible on a faint tint and on a full colour, but on nothing in
# between.
_SMOOTH = [
    (0.0, "rgba(0,114,178,.75)"),
    (0.5, "rgba(0,114,178,.08)"),
    (0.5, "rgba(213,94,0,.12)"),
    (1.0, "rgba(213,94,0,1)"),
]
_STEPPED = [
    (0.0, "rgba(0,96,150,1)"),
    (0.25, "rgba(0,102,160,.92)"),
    (0.25, "rgba(0,114,178,.2)"),
    (0.5, "rgba(0,114,178,.06)"),
    (0.5, "rgba(213,94,0,.06)"),
    (0.75, "rgba(213,94,0,.2)"),
    (0.75, "rgba(190,80,0,.92)"),
    (1.0, "rgba(180,76,0,1)"),
]


def confusion(evaluation: Evaluation, *, share: bool = False, order: ClassOrder = "given") -> go.Figure:
    """The confusion matrix: true classes in rows, predicted ones in columns.

    Wrong cells are vermillion and right ones blue, each the stronger the more rows they hold; empty cells stay empty.
    Numbers are written up to 12 classes and are under the pointer always. With several labels a row, bars show for
    each label how many of its rows were found and missed, and how many false alarms there were.

    Args:
        evaluation: of k classes. Of more than 100, those that are confused most often are shown.
        share: shares of the rows of each true class instead of counts.
        order: classes as in the evaluation, the most frequent first, those with most errors first, or those that are
            taken for one another side by side (``order_classes``).

    Raises:
        UnknownName: there is no such order.
        LabError: an order by similarity was asked for where a row may have several labels.
    """
    return _found_and_missed(evaluation, share, order) if evaluation.multi_label else _matrix(evaluation, share, order)


def _matrix(evaluation: Evaluation, share: bool, order: ClassOrder) -> go.Figure:
    support = evaluation.confusion.sum(axis=1)
    right = np.diagonal(evaluation.confusion)
    at = _ordered(evaluation.confusion, order)
    counts = evaluation.confusion[np.ix_(at, at)]
    k = len(at)
    shares = counts / np.maximum(support[at], 1)[:, None]
    values = shares if share else counts
    diagonal = np.eye(k, dtype=bool)
    strength = np.zeros(counts.shape)
    for cells, sign in ((diagonal, -1), (~diagonal, 1)):
        most = values[cells].max(initial=0)
        strength[cells] = sign * np.power(values[cells] / (most or 1), 1.0 if k <= WRITTEN else 0.7)
    # the diagonal is given whole, so that every row and column of the grid exists; other empty cells are left out
    rows, columns = np.nonzero((counts > 0) | diagonal)
    written = [
        (f"{100 * shares[i, j]:.0f} %" if share else f"{counts[i, j]:,}") if counts[i, j] else ""
        for i, j in zip(rows, columns, strict=True)
    ]
    figure = go.Figure()
    figure.add_heatmap(
        colorscale=_STEPPED if k <= WRITTEN else _SMOOTH,
        hoverongaps=False,
        hovertemplate="true: %{y}<br>predicted: %{x}<br>%{text}<extra></extra>",
        showscale=False,
        text=[
            f"{counts[i, j]:,} rows, {100 * shares[i, j]:.0f} % of the true class"
            for i, j in zip(rows, columns, strict=True)
        ],
        x=columns.tolist(),
        xgap=1,
        y=rows.tolist(),
        ygap=1,
        z=[round(float(strength[i, j]), 3) for i, j in zip(rows, columns, strict=True)],
        zmax=1,
        zmin=-1,
    )
    if k <= WRITTEN:
        strong = [abs(strength[i, j]) >= 0.5 for i, j in zip(rows, columns, strict=True)]
        for full, colour in ((True, "#ffffff"), (False, None)):
            chosen = [n for n, is_strong in enumerate(strong) if is_strong == full]
            figure.add_scatter(
                hoverinfo="skip",
                mode="text",
                showlegend=False,
                text=[written[n] for n in chosen],
                textfont={"size": 13} if colour is None else {"size": 13, "color": colour},
                x=[int(columns[n]) for n in chosen],
                y=[int(rows[n]) for n in chosen],
            )
    labels = [evaluation.labels[int(j)] for j in at]
    size = 12 if k <= WRITTEN else 10 if k <= 40 else 8
    grid = {"gridcolor": FAINT, "showgrid": False, "zeroline": False}
    figure.update_xaxes(**{**ticks(labels, size), **grid}, title="Predicted", side="bottom", constrain="domain")
    figure.update_xaxes(range=[-0.5, k - 0.5], tickangle=-90 if k > WRITTEN else -40, mirror=True, showline=True)
    figure.update_yaxes(
        **{**ticks(labels, size), **grid}, title="True", scaleanchor="x", constrain="domain", constraintoward="top"
    )
    figure.update_yaxes(range=[k - 0.5, -0.5], mirror=True, showline=True)
    missed = evaluation.n - int(right.sum())
    said = f"{missed:,} of {evaluation.n:,} rows are off the diagonal"
    if k < len(evaluation.labels):
        said += f"; the {k} most confused of {len(evaluation.labels):,} classes"
    what = "shares of each true class" if share else "counts"
    each = 52 if k <= WRITTEN else 20 if k <= 40 else 10
    return finish(figure, f"Confusion, {what}", said, height=tall(k, each, 260) + (60 if k <= WRITTEN else 160))


def _found_and_missed(evaluation: Evaluation, share: bool, order: ClassOrder) -> go.Figure:
    (_, false), (missed, found) = evaluation.confusion.transpose(1, 2, 0)
    support = found + missed
    at = _ordered(evaluation.confusion, order)
    size = np.maximum(support[at], 1)
    figure = go.Figure()
    for title, counts, colour in (
        ("Found", found, BLUE),
        ("Missed", missed, VERMILLION),
        ("False alarm", false, ORANGE),
    ):
        figure.add_bar(
            customdata=[f"{c:,} of {s:,} rows with the label" for c, s in zip(counts[at], support[at], strict=True)],
            hovertemplate=f"%{{y}}<br>{title.lower()}: %{{customdata}}<extra></extra>",
            marker_color=colour,
            name=title,
            orientation="h",
            x=(np.round(100 * counts[at] / size, 2) if share else counts[at]).tolist(),
            y=list(range(len(at))),
        )
    figure.update_yaxes(**ticks([evaluation.labels[int(j)] for j in at]), title="Label")
    figure.update_yaxes(range=[len(at) - 0.4, -0.6])
    figure.update_xaxes(
        title="Share of the rows with the label (%)" if share else "Rows", rangemode="tozero", tickformat=","
    )
    return finish(
        figure,
        "Labels found, missed and wrongly given",
        f"{evaluation.n:,} rows; every label is decided on its own",
        height=tall(len(at), 24),
        barmode="stack",
        bargap=0.3,
        legend={"traceorder": "normal"},
    )


def _ordered(confusion: Counts, order: ClassOrder) -> Counts:
    shown = np.sort(order_classes(confusion, "errors")[:MOST_CLASSES])
    if order == "similarity":  # of the classes shown only: of thousands it would take minutes
        return shown[order_classes(confusion[np.ix_(shown, shown)] if confusion.ndim == 2 else confusion, order)]
    chosen = set(shown.tolist())
    return np.array([j for j in order_classes(confusion, order) if j in chosen], dtype=np.int64)
