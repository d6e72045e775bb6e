"""Part of an order, without ordering everything: what a page of a sorted table needs.

An order is given by levels, functions from positions to integer keys: a level decides only between rows that are equal in all
levels before it, and rows equal in all of them stay in file order. Selection narrows the rows level by level down to those of
the wanted stretch (partition, Hoare's FIND, as numpy has it), and only these are sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Positions: TypeAlias = npt.NDArray[np.int32]
Keys: TypeAlias = npt.NDArray[Any]
Level: TypeAlias = Callable[[Positions], Keys]
"""Keys of some rows; smaller ones come first."""


def stretch(rows: Positions, levels: Sequence[Level], start: int, stop: int) -> Positions:
    """Rows ``start`` to ``stop`` (exclusive) of the order.

    Args:
        rows: positions in file order.
        levels: the order.
        start, stop: places in the order, ``0 ≤ start``; what lies beyond the end is left out.
    """
    stop = min(stop, len(rows))
    if start >= stop:
        return rows[:0]
    for i, level in enumerate(levels):
        if start == 0 and stop == len(rows):
            return whole(rows, levels[i:])
        keys = level(rows)
        first, last = np.partition(keys, [start, stop - 1])[[start, stop - 1]]
        before = int((keys < first).sum())
        rows = rows[(keys >= first) & (keys <= last)]
        start, stop = start - before, stop - before
        if first != last:
            return whole(rows, levels[i:])[start:stop]
    return rows[start:stop]


def whole(rows: Positions, levels: Sequence[Level]) -> Positions:
    """All rows in order.

    Args:
        rows: positions in file order.
        levels: the order.
    """
    rows = rows.copy()
    ties = np.arange(len(rows))  # places in the order that are not settled yet
    group = np.zeros(len(rows), dtype=np.int64)  # equal numbers: rows that are equal so far
    for level in levels:
        if not len(ties):
            break
        keys = level(rows[ties])
        by_key = np.lexsort((keys, group)) if group[-1] else np.argsort(keys, kind="stable")
        rows[ties] = rows[ties][by_key]
        keys, group = keys[by_key], group[by_key]
        new = np.ones(len(ties), dtype=np.bool_)
        new[1:] = (keys[1:] != keys[:-1]) | (group[1:] != group[:-1])
        group = np.cumsum(new) - 1
        tied = (np.bincount(group) > 1)[group]
        ties, group = ties[tied], group[tied]
    return rows


def place(rows: Positions, levels: Sequence[Level], row: int) -> int:
    """Where one of the rows stands in the order.

    Args:
        rows: positions in file order, ``row`` among them.
        levels: the order.
    """
    found = 0
    for level in levels:
        if len(rows) == 1:
            break
        keys = level(rows)
        own = keys[int(np.searchsorted(rows, row))]
        found += int((keys < own).sum())
        rows = rows[keys == own]
    return found + int(np.searchsorted(rows, row))
