"""The one look of all charts: quiet, legible on white and on near-black, safe for the colour-blind.

Backgrounds are transparent and text is a grey with a contrast of at least 4.2 to both white and #111111 (no grey has
4.5 to both). Series take the colours of Okabe and Ito (2008), Color Universal Design, those of sufficient contrast
first. The template goes into each figure; plotly's defaults stay as they are.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

INK = "#797979"
FAINT = "rgba(128,128,128,.22)"
LINE = "rgba(128,128,128,.55)"
BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
COLOURS = (BLUE, VERMILLION, GREEN, "#CC79A7", ORANGE, "#56B4E9")

LONGEST = 40
"""Characters of a class name or a slice that a chart shows."""

_AXIS = {
    "automargin": True,
    "gridcolor": FAINT,
    "linecolor": LINE,
    "tickfont": {"size": 11},
    "ticklabelstandoff": 4,
    "ticks": "",
    "title": {"standoff": 10, "font": {"size": 12}},
    "zeroline": False,
}

TEMPLATE = go.layout.Template(
    layout={
        "colorway": COLOURS,
        "font": {
            "color": INK,
            "family": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
            "size": 12,
        },
        "hoverlabel": {"align": "left", "bgcolor": "#333333", "bordercolor": "#333333", "font": {"color": "#ffffff"}},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "title": {"text": ""}},
        "margin": {"l": 16, "r": 24, "t": 88, "b": 16},
        "modebar": {
            "activecolor": INK,
            "bgcolor": "rgba(0,0,0,0)",
            "color": LINE,
            "remove": ["autoScale2d", "lasso2d", "select2d", "zoomIn2d", "zoomOut2d"],
        },
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "title": {
            "font": {"size": 15},
            "pad": {"l": 16, "t": 14},
            "subtitle": {"font": {"color": INK, "size": 12}},
            "x": 0,
            "xanchor": "left",
            "xref": "container",
            "y": 1,
            "yanchor": "top",
            "yref": "container",
        },
        "xaxis": _AXIS,
        "yaxis": _AXIS,
    },
    data={
        "bar": [{"marker": {"line": {"width": 0}, "opacity": 0.8}}],
        "scatter": [{"marker": {"line": {"width": 0}}}],
    },
)


def finish(figure: go.Figure, title: str, subtitle: str = "", *, height: int, **layout: Any) -> go.Figure:
    """Give a figure its title, size in pixels and the template."""
    heading = {"text": title, "subtitle": {"text": subtitle}} if subtitle else {"text": title}
    figure.update_layout(template=TEMPLATE, title=heading, height=height, **layout)
    return figure


def name(value: object) -> str:
    """A text of the data as plotly shows it literally.

    Plotly reads tags and entities in every text, and mathematics between dollar signs.
    """
    flat = " ".join(str(value).split()) or "(empty)"
    cut = flat if len(flat) <= LONGEST else flat[: LONGEST - 1] + "…"
    return html.escape(cut, quote=False).replace("$", "&#36;")


def ticks(values: Sequence[object], size: int = 11) -> dict[str, Any]:
    """Axis settings that put texts of the data at the positions 0, 1, 2 …; texts cut alike stay apart."""
    return {
        "range": [-0.6, len(values) - 0.4],
        "showgrid": False,
        "tickfont": {"size": size},
        "tickmode": "array",
        "ticktext": [name(value) for value in values],
        "tickvals": list(range(len(values))),
    }


def tall(rows: int, each: int = 18, least: int = 120) -> int:
    """Height in pixels of a chart with one line per row of the data."""
    return max(least, rows * each) + 140
