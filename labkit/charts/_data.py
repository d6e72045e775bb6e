"""What the data looks like: how the classes are balanced and how long the texts are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from labkit.charts._template import COLOURS, INK, finish, name, tall, ticks
from labkit.errors import DataError

MOST_CLASSES = 100
BINS = 40


def class_balance(counts: Mapping[str, Mapping[str, int]]) -> go.Figure:
    """Rows of each class, the splits stacked, most frequent class first.

    Args:
        counts: split → class → number of rows. Of more than 100 classes, the rarest are summed up in one bar.

    Raises:
        DataError: there is no class.
    """
    totals: dict[str, int] = {}
    for by_class in counts.values():
        for label, count in by_class.items():
            totals[label] = totals.get(label, 0) + count
    if not totals:
        raise DataError("counts of at least one class", "none")
    order = sorted(totals, key=lambda label: (-totals[label], label))
    shown, rest = (order, []) if len(order) <= MOST_CLASSES else (order[: MOST_CLASSES - 1], order[MOST_CLASSES - 1 :])
    titles: list[str] = [*shown, *([f"{len(rest):,} rarer classes"] if rest else [])]
    figure = go.Figure()
    for split, by_class in counts.items():
        values = [by_class.get(label, 0) for label in shown]
        values += [sum(by_class.get(label, 0) for label in rest)] if rest else []
        size = max(sum(values), 1)
        figure.add_bar(
            customdata=[f"{value:,} rows, {100 * value / size:.1f} %" for value in values],
            hovertemplate=f"%{{y}}<br>{_in_template(split)}: %{{customdata}}<extra></extra>",
            name=name(split),
            orientation="h",
            x=values,
            y=list(range(len(values))),
        )
    most, least = totals[order[0]], totals[order[-1]]
    figure.update_yaxes(**ticks(titles, 11 if len(titles) <= 40 else 9), title="Class")
    figure.update_yaxes(range=[len(titles) - 0.4, -0.6])
    figure.update_xaxes(title="Rows", rangemode="tozero", tickformat=",")
    return finish(
        figure,
        "Class balance",
        f"{len(order):,} classes, {sum(totals.values()):,} labels; from {least:,} to {most:,} a class",
        height=tall(len(titles), 22 if len(titles) <= 40 else 13),
        barmode="stack",
        bargap=0.3,
        showlegend=len(counts) > 1,
        legend={"traceorder": "normal"},
    )


def lengths(lengths: Mapping[str, Sequence[int]], limit: int | None = None, unit: str = "tokens") -> go.Figure:
    """How long the texts are, as shares of each split; the first split as bars, others as lines.

    The bins hold whole numbers of units; the last one holds the longest half per cent of the texts.

    Args:
        lengths: split → length of each text.
        limit: length at which texts are cut; None: they are not.
        unit: what the lengths count.

    Raises:
        DataError: there is no text.
    """
    arrays = {split: np.asarray(values, dtype=np.int64) for split, values in lengths.items() if len(values)}
    if not arrays:
        raise DataError("the length of at least one text", "none")
    every = np.concatenate(list(arrays.values()))
    first = int(every.min())
    last = int(np.quantile(every, 0.995, method="higher"))
    # the limit belongs into the picture unless it would squeeze the texts into a corner
    shown_limit = limit is not None and first <= limit <= max(last, 1) * 2
    last = max(last, limit if shown_limit and limit is not None else 0)
    width = max(1, -(-(last - first + 1) // BINS))
    edges = first + width * np.arange((last - first) // width + 2)
    figure = go.Figure()
    for i, (split, values) in enumerate(arrays.items()):
        bins = np.minimum((values - first) // width, len(edges) - 2)
        shares = np.bincount(bins, minlength=len(edges) - 1) / len(values)
        heights = [round(100 * float(share), 3) for share in shares]
        template = f"%{{customdata}} {_in_template(unit)}<br>%{{y:.1f}} % of {_in_template(split)}<extra></extra>"
        spans = [_span(int(low), int(low) + width - 1) for low in edges[:-1]]
        if int(every.max()) >= edges[-1]:
            spans[-1] = f"{int(edges[-2]):,} and more"
        middle = [float(low + (width - 1) / 2) for low in edges[:-1]]
        common = {"customdata": spans, "hovertemplate": template, "name": name(split), "x": middle, "y": heights}
        if i == 0:
            figure.add_bar(**common, marker_color=COLOURS[0], width=width)
        else:
            figure.add_scatter(
                **common, line={"color": COLOURS[i % len(COLOURS)], "shape": "hvh", "width": 2}, mode="lines"
            )
    over = int((every > limit).sum()) if limit is not None else 0
    if limit is not None and shown_limit:
        figure.add_vline(x=limit + 0.5, line={"color": INK, "dash": "dot", "width": 1.5})
        figure.add_annotation(
            showarrow=False,
            text=f"limit {limit:,}",
            x=limit + 0.5,
            xanchor="right",
            xshift=-4,
            y=1,
            yref="paper",
            yanchor="top",
        )
    middle_length, longest = int(np.median(every)), int(every.max())
    said = f"Median {middle_length:,}, longest {longest:,} {name(unit)}"
    if limit is not None:
        said += f"; {100 * over / len(every):.1f} % are longer than the limit of {limit:,} and are cut"
    figure.update_xaxes(title=f"Length in {name(unit)}", showgrid=False)
    figure.update_yaxes(title="Share of texts (%)", rangemode="tozero")
    return finish(figure, "Text lengths", said, height=360, bargap=0, showlegend=len(arrays) > 1)


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _in_template(value: object) -> str:
    """A text inside a hover template, where %{…} is a variable too."""
    return name(value).replace("%", "&#37;").replace("{", "&#123;")
