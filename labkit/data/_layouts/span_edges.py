"""Where a span begins and ends: white space and punctuation that hang on, and words that are cut."""

from __future__ import annotations

import re
from collections.abc import Sequence

from labkit.data._layouts.spans import Span

_ALWAYS = ",;:-–—/|·•"  # nothing that is named begins or ends with these
_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">", "“": "”", "«": "»", "„": "“”", '"': '"'}
_CLOSING = {mark for marks in _PAIRS.values() for mark in marks}
# "plc." and "Sept." keep their point, "yesterday." and "2019." end a sentence
_LAST_POINT = re.compile(r"(?:[^\W\d_]{5,}|(?<!\d)\d{4})\s*\.")
# scripts that put no space between words: no word can be seen to be cut
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def trimmed(text: str, span: Span) -> Span | None:
    """The span without white space and hanging punctuation at its ends; None where nothing is left.

    Brackets and quotation marks go where their other half is not in the span; a full stop goes behind a word of five letters
    or more and behind a year, because it may belong to an abbreviation otherwise. A span of nothing but punctuation stays.
    """
    start, end, label = span
    words = any(map(str.isalnum, text[start:end]))
    while start < end:
        inside = text[start:end]
        if inside[0].isspace() or (words and _hangs_before(inside)):
            start += 1
        elif inside[-1].isspace() or (words and _hangs_behind(inside)):
            end -= 1
        else:
            return Span(start, end, label)
    return None


def _hangs_before(inside: str) -> bool:
    first = inside[0]
    if first in _PAIRS and not any(mark in inside[1:] for mark in _PAIRS[first]):
        return True
    return first in _ALWAYS or (first in _CLOSING and first not in _PAIRS) or bool(re.match(r"[.!?]\s", inside))


def _hangs_behind(inside: str) -> bool:
    last = inside[-1]
    if last in _CLOSING:
        return not any(last in _PAIRS[mark] for mark in inside[:-1] if mark in _PAIRS)
    if last == ".":
        return "." not in inside[:-1] and re.search(_LAST_POINT.pattern + "$", inside) is not None
    return last in _ALWAYS or last in _PAIRS


def trim(text: str, spans: Sequence[Span]) -> list[Span]:
    """All spans of a text, trimmed."""
    return sorted({found for span in spans if (found := trimmed(text, span))})


def cuts_word(text: str, span: Span) -> bool:
    """Whether the span begins or ends in the middle of a word."""
    return _inside_word(text, span.start) or _inside_word(text, span.end)


def _inside_word(text: str, at: int) -> bool:
    pair = text[at - 1 : at + 1] if at else ""
    return len(pair) == 2 and pair.isalnum() and not _UNSPACED.search(pair)
