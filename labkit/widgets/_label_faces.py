"""The static face of the labeler: how far one is, what was given how often, and the latest decisions."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from labkit.errors import LabError
from labkit.widgets._decisions import answers_in_words, in_words, label_names
from labkit.widgets._labelling import Labelling
from labkit.widgets._span_faces import html_table
from labkit.widgets._text_faces import differences_html, text_html
from labkit.widgets._widget import table

_LONG = 160  # characters of a text


def face_of(work: Labelling, history: Sequence[Mapping[str, Any]], queue: str) -> str:
    """HTML in which everything is escaped.

    Args:
        work: rows and journal.
        history: the latest decisions, as ``Labelling.history`` gives them.
        queue: title of the queue.
    """
    values = [value for value in work.journal.current(work.field).values() if value is not None]
    counts = Counter(name for value in values for name in label_names(value, work.field))
    done, total = work.progress["done"], work.progress["total"]
    latest = [
        [
            html.escape(str(entry["row_id"])),
            text_html(entry["text"]),
            html.escape(str(entry["field"])),
            _said(work, entry),
        ]
        for entry in history
    ]
    return (
        f"<h4>Labels in {html.escape(work.journal.path.name)}</h4>"
        f"<p>{html.escape(queue)}: {done:,} of {total:,} rows decided.</p>"
        f"{table(['label', 'decisions'], [[n, c] for n, c in counts.most_common(20)], numbers={1}) if counts else ''}"
        f"{html_table(['row', 'text', 'what', 'decision'], latest) if latest else ''}"
    )


def _said(work: Labelling, entry: Mapping[str, Any]) -> str:
    """A decision; of an edited text, with what is new in it marked."""
    value, field = entry["value"], entry["field"]
    if field == "answers":
        return html.escape(answers_in_words(value))
    if field != "target" or not isinstance(value, str):
        return html.escape(in_words(value))
    try:
        given = work.given(entry["row_id"])
    except LabError:  # a row of an older state of the data
        given = None
    return differences_html(given, value, _LONG)[1] if isinstance(given, str) and given else text_html(value, _LONG)
