"""The rows behind an error list, split by split, as what they are: one kind of list for each layout of data."""

from __future__ import annotations

from collections.abc import Callable

from labkit.data._corpus import LayoutName
from labkit.widgets._error_rows_answers import AnswerRows
from labkit.widgets._error_rows_base import ErrorRows
from labkit.widgets._error_rows_labels import LabelRows
from labkit.widgets._error_rows_pairs import PairRows
from labkit.widgets._error_rows_spans import SpanRows
from labkit.widgets._error_rows_texts import TextRows
from labkit.widgets._run_rows import RunRows, layout_of

KINDS: dict[LayoutName, Callable[[RunRows, str], ErrorRows]] = {
    "labels": LabelRows,
    "spans": SpanRows,
    "answers": AnswerRows,
    "pairs": PairRows,
    "texts": TextRows,
}


def error_rows(of: RunRows, split: str) -> ErrorRows:
    """The rows of a split of a run.

    Raises:
        LabError: no row of the split has a known truth, or the run predicts what cannot be listed.
        UnknownName: the run has no predictions of the split.
    """
    return KINDS[layout_of(of.run)](of, split)
