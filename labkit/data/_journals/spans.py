"""Decisions about spans, held against the texts that they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.data._corpus import Corpus
from labkit.data._layouts.multi import natural
from labkit.data._layouts.spans_layout import BROKEN
from labkit.data._scan import batches

_ROWS = 10_000  # a batch


def fitted(spans: Sequence[Mapping[str, Any]], text: str) -> list[dict[str, Any]] | None:
    """The spans of a decision in the order that ``read`` gives them; overlapping ones stay.

    Args:
        spans: ``start`` and ``end`` in characters, ``label``, and where it was noted ``text``, what stood there.
        text: of the row.

    Returns:
        ``start``, ``end`` and ``label`` of each. None where one of them does not fit the text: it lies outside, is empty, has
        no label, or other words stand there than did when it was decided on.
    """
    found = []
    for span in spans:
        start, end, label, said = (span.get(name) for name in ("start", "end", "label", "text"))
        if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label.strip():
            return None
        if not 0 <= start < end <= len(text) or said not in (None, text[start:end]):
            return None
        found.append({"start": start, "end": end, "label": label})
    return sorted(found, key=lambda span: (span["start"], span["end"], span["label"]))


def span_cells(decided: Mapping[str, Any], corpus: Corpus) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """What decisions about spans make of the rows of a corpus of layout "spans".

    Args:
        decided: row id → spans, None where they cannot be known.
        corpus: whose texts they must fit.

    Returns:
        Column → row id → value, of the rows whose decision fits; and ids of the others that are in the corpus.
    """
    cells: dict[str, dict[str, Any]] = {"spans": {}, "label": {}, BROKEN: {}}
    unfit = []
    for rows in corpus.splits.values() if decided else ():
        for batch in batches(rows, ["row_id", "text"], _ROWS):
            for row_id, text in zip(batch["row_id"], batch["text"], strict=True):
                if row_id not in decided:
                    continue
                value = decided[row_id]
                spans = None if value is None else fitted(value, text or "")
                if spans is None and value is not None:
                    unfit.append(row_id)
                    continue
                for span in spans or ():
                    span["label"] = mended(span["label"])
                cells["spans"][row_id] = spans
                cells["label"][row_id] = None if spans is None else types_of(spans)
                cells[BROKEN][row_id] = False  # whatever the tags of the file were, these spans are not theirs
    return cells, unfit


def types_of(spans: Sequence[Mapping[str, Any]]) -> list[str]:
    """The types of entities in a row, in natural order: its column ``label``."""
    return sorted({span["label"] for span in spans}, key=natural)


def mended(text: str) -> str:
    """The text with a replacement character for each half of a surrogate pair, because no file can hold one."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
