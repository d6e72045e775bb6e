"""The findings of ``check`` about scores: none, hardly any difference between them, strays, and texts scored twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from labkit.data import _scan
from labkit.data._corpus import Corpus
from labkit.data._findings import finding
from labkit.data._layouts.score_cells import UNREADABLE
from labkit.data._report import Finding
from labkit.data._scan import Scan
from labkit.data._texts import visible

_RARE = 0.01  # share of the rows that strays are at most, on either side
_GAP = 0.2  # of the range of the other scores, by which strays lie outside it
_ALIKE = 0.95  # share of equal scores beyond which they hardly differ


def score_findings(corpus: Corpus, scans: Mapping[str, Scan]) -> Iterator[Finding]:
    """Everything that is found in the scores of a corpus that has some."""
    unread = {name: _unreadable(corpus, name) for name in scans}
    shown = ", ".join(repr(visible(cell, 20)) for cells in unread.values() for cell in list(cells.values())[:3])
    yield from finding(
        "unreadable_score",
        "error",
        unread,
        scans,
        f"What stands in place of the score is no number: {shown}. Mend it in the file, or drop these rows.",
        "drop_unlabelled",
    )
    yield from finding(
        "missing_score",
        "warning",
        {
            name: [i for i, labels in enumerate(rows.labels) if labels is None and i not in unread[name]]
            for name, rows in scans.items()
        },
        scans,
        "Rows have no score.",
        "drop_unlabelled",
    )
    yield from _flat(scans)
    yield from _strays(scans)
    torn = {name: _scan.conflicts(rows) for name, rows in scans.items()}
    apart = next((rows.apart for rows in scans.values() if rows.apart is not None), 0.0)
    yield from finding(
        "conflicting_scores",
        "warning",
        {name: sorted(i for group in groups.values() for i in group) for name, groups in torn.items()},
        scans,
        f"Equal texts have scores more than {apart:.3g} apart, the standard deviation of all scores.",
        "drop_conflicts",
    )
    again = {
        name: {key for key, scores in _scan.scores_of(rows).items() if len(set(scores)) > 1 and key not in torn[name]}
        for name, rows in scans.items()
    }
    yield from finding(
        "repeated_scores",
        "info",
        {name: [i for i, key in enumerate(rows.keys) if key in again[name]] for name, rows in scans.items()},
        scans,
        "Equal texts have scores that differ a little, as from several raters; the repair keeps one row with their mean.",
        "average_scores",
    )


def summary(rows: Scan) -> dict[str, float]:
    """Number, mean, standard deviation, quartiles and ends of the scores of a split; only the number where there are none."""
    scores = _scores(rows)
    if not len(scores):
        return {"count": 0}
    low, first, middle, third, high = (float(value) for value in np.quantile(scores, [0, 0.25, 0.5, 0.75, 1]))
    return {
        "count": len(scores),
        "mean": float(scores.mean()),
        "sd": float(scores.std()),
        "min": low,
        "q1": first,
        "median": middle,
        "q3": third,
        "max": high,
    }


def _flat(scans: Mapping[str, Scan]) -> Iterator[Finding]:
    for name, rows in scans.items():
        scores = _scores(rows)
        if not len(scores):
            if name == "train" and len(rows):
                yield from finding(
                    "no_scores",
                    "error",
                    {name: range(len(rows))},
                    scans,
                    "No row of train has a score, so there is nothing to learn; choose another column.",
                    call='read(path, label="<column>")',
                )
            continue
        values, counts = np.unique(scores, return_counts=True)
        most = counts.max() / len(scores)
        if len(values) > 1 and most < _ALIKE:
            continue
        said = f"{most:.0%} of the scores" if len(values) > 1 else "All scores"
        severity = "error" if len(values) == 1 else "warning"
        yield from finding(
            "constant_scores",
            "error" if severity == "error" else "warning",
            {name: [i for i, answer in enumerate(rows.answers) if isinstance(answer, float)]},
            scans,
            f"{said} of {name} are {values[counts.argmax()]:g}: there is hardly anything to tell apart, and a correlation "
            "has no value, or means little.",
            call='read(path, label="<column>")',
        )


def _strays(scans: Mapping[str, Scan]) -> Iterator[Finding]:
    low, high = usual_range(np.concatenate([_scores(rows) for rows in scans.values()]))
    yield from finding(
        "outlying_scores",
        "warning",
        {
            name: [i for i, one in enumerate(rows.answers) if isinstance(one, float) and not low <= one <= high]
            for name, rows in scans.items()
        },
        scans,
        f"Nearly all scores are from {low:g} to {high:g}, and these lie far outside: a slip (45 for 4.5), another scale, or a "
        "code for a missing score (-1, 99). Squared errors make much of them.",
    )


def usual_range(scores: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The range of the scores without strays: at most 1 % of the rows on a side, behind a gap of a fifth of that range that is
    at least three times as wide as any gap inside.

    Args:
        scores: shape (n,).
    """
    if not len(scores):
        return 0.0, 0.0
    values, counts = np.unique(scores, return_counts=True)
    most = max(1, int(_RARE * len(scores)))
    ends = []
    for side in (values, -values[::-1]):
        behind = np.cumsum((counts if side is values else counts[::-1])[::-1])[::-1]  # rows from here to the end
        end = len(side) - 1
        for i in range(len(side) - 1, 0, -1):
            if behind[i] > most:
                break
            gap, span = side[i] - side[i - 1], side[i - 1] - side[0]
            inner = np.diff(side[:i]).max(initial=0.0)
            if i > 1 and gap >= _GAP * span and gap >= 3 * inner:
                end = i - 1
        ends.append(float(side[end]))
    return -ends[1], ends[0]


def _scores(rows: Scan) -> npt.NDArray[np.float64]:
    return np.array([answer for answer in rows.answers if isinstance(answer, float)], dtype=np.float64)


def _unreadable(corpus: Corpus, name: str) -> dict[int, str]:
    """Position of each row whose cell held no number → what stands there."""
    rows = corpus[name]
    if UNREADABLE not in rows.column_names:
        return {}
    return {i: cell for i, cell in enumerate(rows[UNREADABLE][:]) if cell is not None}
