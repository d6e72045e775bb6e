"""Labels out of cells: one or several, as lists, behind separators, or as one column of yes and no for each label."""

from __future__ import annotations

import ast
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

SEPARATORS = ("|", ";", ",")
BINARY = {
    **dict.fromkeys(("0", "1"), "0 or 1"),
    **dict.fromkeys(("0.0", "1.0"), "0.0 or 1.0"),
    **dict.fromkeys(("true", "false"), "true or false"),
}
_YES = {"1", "1.0", "true"}


class Unusable(ValueError):
    """A cell that holds no label; the message says what it holds."""


def as_text(value: Any) -> str | None:
    """One label as a string, None where it is missing. Text stays as it is; whole numbers lose their ".0"."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int):
        return str(value)
    raise Unusable(f"nested values ({str(value)[:60]})")


def as_list(cell: str) -> list[str] | None:
    """The labels of a list that was written out, as ``["a", "b"]`` or ``['a', 'b']``; None where it is none."""
    text = cell.strip()
    if not (text.startswith("[") and text.endswith("]")) or len(text) > 100_000:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        try:
            found = ast.literal_eval(text)  # literals only: nothing in it is ever run
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    if not isinstance(found, list) or not all(isinstance(item, str | int) for item in found):
        return None
    return tidy(as_text(item) for item in found)


def tidy(labels: Iterable[str | None]) -> list[str]:
    """Labels without surrounding space, without empty ones and repeats, in their order."""
    return list(dict.fromkeys(stripped for label in labels if label and (stripped := label.strip())))


def several(value: Any, separator: str, listed: bool) -> list[str] | None:
    """The labels in one cell, None where they are unknown; an empty list says that none applies."""
    if isinstance(value, list):
        return list(dict.fromkeys(label for item in value if (label := as_text(item)) is not None))
    text = as_text(value)
    if text is None:
        return None
    if separator:
        return tidy(text.split(separator))
    if listed and (found := as_list(text)) is not None:
        return found
    return [text]


def yes(value: Any) -> bool | None:
    """A cell of a column that stands for one label; None where it is empty."""
    text = str(value).strip().casefold()
    if value is None or text in ("", "nan"):
        return None
    if text not in BINARY:
        raise Unusable(repr(value))
    return text in _YES


def find_separator(cells: Sequence[str]) -> tuple[str, str]:
    """What separates several labels in one cell, and why; two empty strings where every cell is one label.

    A separator splits at least 5 % of the cells, into pieces that recur: half of the pieces stand in two or more
    different cells. "Arts, Entertainment" as the one name of a class does not pass that.
    """
    for separator in SEPARATORS:
        split = [cell.split(separator) for cell in cells]
        many = sum(len(pieces) > 1 for pieces in split)
        if not many or many < 0.05 * len(cells):
            continue
        where: dict[str, set[str]] = defaultdict(set)
        total = 0
        for cell, pieces in zip(cells, split, strict=True):
            for piece in pieces:
                total += 1
                where[piece.strip()].add(cell)
        inside = {piece.strip() for pieces in split if len(pieces) > 1 for piece in pieces if piece.strip()}
        recurring = sum(len(where[piece]) > 1 for piece in inside)
        short = all(len(piece) <= 60 for piece in inside)
        if inside and short and recurring >= 0.5 * len(inside) and len(where) <= total / 1.5:
            share = f"{many / len(cells):.0%} of the cells hold it, between {len(where):,} pieces that recur"
            return separator, f"Several labels a row, separated by {separator!r}: {share}."
    return "", ""


def natural(label: str) -> tuple[Any, ...]:
    """Sort key that puts "2" before "10", and numbers before words."""
    try:
        number = float(label)
        if math.isfinite(number):
            return (0, number, (), label)
    except ValueError:
        number = 0.0
    parts = re.split(r"([0-9]+)", label.casefold())
    return (1, 0.0, tuple(int(part) if i % 2 else part for i, part in enumerate(parts)), label)
