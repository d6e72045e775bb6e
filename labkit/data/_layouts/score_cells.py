"""Scores out of cells: numbers on a scale, written with a point or with a comma."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from labkit.data._layouts.multi import Unusable

UNREADABLE = "unreadable_score"
"""Column with what stands in a cell that holds no number; only where there is such a cell."""

REFUSED = {
    "merge_label_variants": "",
    "keep_majority_label": "average_scores",
    "drop_small_classes": "",
    "drop_unseen_labels": "",
}
"""Repairs that are about classes → the one to make of scores instead, or ""."""

_NONE = {"", "nan", "na", "n/a", "none", "null"}
_POINT = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_COMMA = re.compile(r"[-+]?[0-9]*,[0-9]+")
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2},[0-9]{3}")


def score(value: Any, *, points: bool = False) -> float | None:
    """The number in a cell; None where the cell is empty, or says so ("nan", "n/a", "null", …).

    Args:
        value: of a cell.
        points: whether other cells of the column have a decimal point. A comma before three digits may then be one between
            thousands, and is not read.

    Raises:
        Unusable: it is no finite number.
    """
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(value, float) and math.isnan(value):
            return None
        return _finite(value, str(value))
    if not isinstance(value, str):
        raise Unusable(f"{str(value)[:60]!r}")
    text = value.strip().replace("\u2212", "-")
    if text.casefold() in _NONE:
        return None
    if _POINT.fullmatch(text):
        return _finite(text, text)
    if _COMMA.fullmatch(text):
        if points and _THOUSANDS.fullmatch(text):
            raise Unusable(f"{text!r}, whose comma may stand for a decimal point or between thousands")
        return _finite(text.replace(",", "."), text)
    raise Unusable(repr(value[:60]))


def _finite(value: Any, text: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Unusable(f"{text[:60]!r}, which is no finite number")
    return number


def has_point(value: Any) -> bool:
    """Whether a cell is a number with a decimal point."""
    return isinstance(value, float) or (
        isinstance(value, str) and "." in value and bool(_POINT.fullmatch(value.strip()))
    )


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """What is known of the values of a column as numbers."""

    count: int  # that are numbers
    others: int  # that are neither numbers nor empty
    distinct: int
    fractions: bool
    commas: bool  # a decimal comma somewhere


def numbers_in(values: Iterable[Any]) -> Numbers:
    """Look at the values of a column as numbers."""
    given = list(values)
    points = any(map(has_point, given))
    found: list[float] = []
    others = 0
    for value in given:
        try:
            number = score(value, points=points)
        except Unusable:
            others += 1
            continue
        found += [] if number is None else [number]
    return Numbers(
        count=len(found),
        others=others,
        distinct=len(set(found)),
        fractions=any(not number.is_integer() for number in found),
        commas=any(isinstance(value, str) and "," in value for value in given),
    )
