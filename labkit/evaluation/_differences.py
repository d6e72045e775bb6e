"""Two texts against one another, word by word: what only one of them has is marked."""

from __future__ import annotations

import difflib
import html as markup
import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

COLOURS = {"gold": "rgba(46,160,67,.28)", "predicted": "rgba(47,129,247,.28)"}
"""Of what is true and of what was predicted, so thin that light and dark pages show through."""
NOTHING = '<span style="opacity:.6">nothing</span>'

_MOST_COMPARED = 1_000_000  # words of one text times words of the other; beyond that only their common ends are found
_ALONE = re.compile(
    "[\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_JOINERS = "\u200c\u200d"

Piece = tuple[str, bool]
"""A stretch of a text, and whether the other text has it as well."""


def words_of(text: str) -> list[str]:
    """A text cut into words, white space and runs of signs, which add up to it; Chinese and Japanese into characters.

    Marks that combine with a letter stay with it, and joined emoji stay whole.
    """
    pieces: list[str] = []
    before = ""
    for one in text:
        joins = bool(pieces) and before != "space" and (one in _JOINERS or unicodedata.category(one)[0] == "M")
        if joins:
            kind = before
        elif one.isspace():
            kind = "space"
        elif _ALONE.match(one):
            kind = "alone"
        else:
            kind = "word" if one.isalnum() or one == "_" else "signs"
        if joins or (pieces and kind == before and kind != "alone"):
            pieces[-1] += one
        else:
            pieces.append(one)
        before = kind
    return pieces


def differences(first: str, second: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces, each with whether the other text has it in the same order.

    White space between two words that differ counts as different, so that a changed phrase is one piece. Of very long texts
    only what they begin and end with in common counts as the same.
    """
    a, b = words_of(first), words_of(second)
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest = min(len(a), len(b)) - start
    end = next((i for i in range(rest) if a[-1 - i] != b[-1 - i]), rest)
    inner = a[start : len(a) - end], b[start : len(b) - end]
    same: tuple[list[bool], list[bool]] = ([False] * len(inner[0]), [False] * len(inner[1]))
    if len(inner[0]) * len(inner[1]) <= _MOST_COMPARED:
        matcher = difflib.SequenceMatcher(None, *inner, autojunk=False)
        for block in matcher.get_matching_blocks():
            for side, at in enumerate((block.a, block.b)):
                same[side][at : at + block.size] = [True] * block.size
    return (
        list(_joined(a, [*[True] * start, *same[0], *[True] * end])),
        list(_joined(b, [*[True] * start, *same[1], *[True] * end])),
    )


def differences_html(reference: str, predicted: str) -> tuple[str, str]:
    """A true and a written text as HTML in which everything is escaped, with what the other one has not marked.

    Args:
        reference: what should have been written.
        predicted: what was.
    """
    true, said = differences(reference, predicted)
    return _html(true, "gold") or NOTHING, _html(said, "predicted") or NOTHING


def mark_html(inner: str, part: str) -> str:
    """HTML in the colour of what is "gold" or "predicted"."""
    return f'<mark style="background:{COLOURS[part]};color:inherit;border-radius:3px">{inner}</mark>'


def _joined(words: list[str], same: list[bool]) -> Iterator[Piece]:
    """The words as pieces; white space between two different words is different as well."""
    marks = [
        one and not (0 < i < len(words) - 1 and words[i].isspace() and not same[i - 1] and not same[i + 1])
        for i, one in enumerate(same)
    ]
    at = 0
    for one, run in groupby(marks):
        count = len(list(run))
        yield "".join(words[at : at + count]), one
        at += count


def _html(pieces: list[Piece], part: str) -> str:
    return "".join(markup.escape(text) if same else mark_html(markup.escape(text), part) for text, same in pieces)
