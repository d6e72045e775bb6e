"""The texts behind the figures: the worst that a model wrote, beside what should have been written, differences marked."""

from __future__ import annotations

import html as markup
from collections.abc import Sequence
from dataclasses import dataclass

from labkit.evaluation._differences import differences_html
from labkit.evaluation._error_list import ErrorList
from labkit.evaluation._report import TITLES
from labkit.tasks import TextPredictions
from labkit.tasks._text_predictions import known_texts

_SOURCE_SHOWN = 600  # characters of a source


@dataclass(frozen=True, kw_only=True)
class TextError:
    """A text that is not as it should be.

    Attributes:
        row_id: of the row.
        source: what the model was given.
        reference: what it should have written.
        predicted: what it wrote.
        score: chrF of a translation (0 to 100), F-measure of ROUGE-L of a summary (0 to 1).
        confidence: geometric mean of the probabilities of the tokens that it wrote.
    """

    row_id: str
    source: str
    reference: str
    predicted: str
    score: float
    confidence: float

    def __str__(self) -> str:
        return f"{self.score:.2f}: {self.predicted!r} for {self.reference!r}"


class TextErrors(ErrorList[TextError]):
    """Texts that a model wrote, the worst first, as a list that a notebook shows with the differences marked.

    Attributes:
        measure: what ``score`` is.
    """

    style = "white-space:pre-wrap"

    def __init__(self, errors: Sequence[TextError], measure: str) -> None:
        super().__init__(errors)
        self.measure = measure

    def _some(self, errors: Sequence[TextError]) -> TextErrors:
        return TextErrors(errors, self.measure)

    def _headings(self) -> Sequence[str]:
        return (self.measure, "source", "should be", "written")

    def _cells(self, error: TextError) -> Sequence[str]:
        source = error.source if len(error.source) <= _SOURCE_SHOWN else error.source[: _SOURCE_SHOWN - 1] + "…"
        return (f"{error.score:.2f}", markup.escape(source), *differences_html(error.reference, error.predicted))


def text_errors(predictions: TextPredictions, n: int | None = None) -> TextErrors:
    """The texts that are furthest from what they should be, the worst first.

    They are ranked by what the task judges a row by: chrF of a translation, ROUGE-L of a summary. Texts that are exactly right
    are left out.

    Args:
        predictions: rows without a known text are left out.
        n: return this many at most.

    Raises:
        DataError: no row has a known text.
    """
    rows = known_texts(predictions)
    references = [text or "" for text in rows.references or ()]
    scores = rows.row_scores()
    wrong = [i for i in scores.worst_first().tolist() if not scores.right[i]]
    return TextErrors(
        [
            TextError(
                row_id=rows.row_ids[i],
                source=rows.inputs[i],
                reference=references[i],
                predicted=rows.predicted[i],
                score=float(scores.values[i]),
                confidence=float(rows.confidence[i]),
            )
            for i in wrong[:n]
        ],
        TITLES[scores.name],
    )
