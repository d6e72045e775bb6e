"""Labelled spans in their text, for static faces."""

from __future__ import annotations

import html
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

MOST = 400
"""Characters of a text in a static face."""

# Okabe and Ito's palette, as the browser half has it, so thin that light and dark pages show through
_HUES = ("0,114,178", "230,159,0", "0,158,115", "213,94,0", "204,121,167", "86,180,233")


def marked_html(text: str, spans: Sequence[Mapping[str, Any]], labels: Sequence[str], most: int = MOST) -> str:
    """A text with its spans marked, as HTML in which everything is escaped.

    Args:
        text: of a row.
        spans: "start" and "end" in characters, "label", and where it is known "confidence" and "error", what is wrong.
        labels: every type, which give the colours.
        most: characters that are shown.
    """
    shown = text[:most]
    cuts = sorted({0, len(shown), *(min(max(0, span[end]), len(shown)) for span in spans for end in ("start", "end"))})
    parts = []
    for start, end in itertools.pairwise(cuts):
        inside = [span for span in spans if span["start"] <= start and span["end"] >= end]
        piece = html.escape(shown[start:end])
        if inside:
            hue = (
                _HUES[labels.index(inside[0]["label"]) % len(_HUES)] if inside[0]["label"] in labels else "128,128,128"
            )
            tags = "".join(_tag(span) for span in inside if min(span["end"], len(shown)) == end)
            style = (
                f"background:rgba({hue},.2);border-bottom:2px solid rgb({hue});color:inherit;border-radius:3px 3px 0 0"
            )
            piece = f'<mark style="{style}">{piece}{tags}</mark>'
        parts.append(piece)
    rest = "…" if len(text) > most else ""
    return f'<span dir=auto style="white-space:pre-wrap;unicode-bidi:isolate">{"".join(parts)}{rest}</span>'


def _tag(span: Mapping[str, Any]) -> str:
    said = [f"✕ {span['error']}:" if span.get("error") else "", str(span["label"])]
    if span.get("confidence") is not None:
        said.append(f"{100 * span['confidence']:.0f} %")
    return f' <small style="unicode-bidi:isolate">{html.escape(" ".join(part for part in said if part))}</small> '


def html_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An HTML table whose cells are HTML already; the headings are escaped."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
