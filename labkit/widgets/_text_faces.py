"""Written texts for static faces."""

from __future__ import annotations

import html

from labkit.evaluation import _differences
from labkit.widgets._span_faces import MOST


def text_html(text: str | None, most: int = MOST) -> str:
    """A text of a data set as HTML in which everything is escaped; of a long one its beginning.

    Args:
        text: None where there is none.
        most: characters that are shown.
    """
    return _isolated(html.escape(_beginning(text, most))) if text else _differences.NOTHING


def differences_html(reference: str, predicted: str, most: int = MOST) -> tuple[str, str]:
    """A true and a written text as HTML in which everything is escaped, with what the other one has not marked.

    Args:
        reference: what should have been written.
        predicted: what was.
        most: characters that are shown of each.
    """
    both = _differences.differences_html(_beginning(reference, most), _beginning(predicted, most))
    return _isolated(both[0]), _isolated(both[1])


def _beginning(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _isolated(inner: str) -> str:
    return f'<span dir=auto style="white-space:pre-wrap;unicode-bidi:isolate">{inner}</span>'
