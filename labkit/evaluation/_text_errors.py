"""The texts behind the figures: the worst that a model wrote, beside what should have been written, differences marked."""

from __future__ import annotations

import difflib
import html as markup
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from labkit.tasks import TextPredictions
from labkit.tasks._text_metrics import rouge, row_chrf
from labkit.tasks._text_predictions import known_texts

_PIECE = re.compile(r"\s+|\w+|[^\w\s]")
_SOURCE_SHOWN = 600  # characters of a source
_COLOURS = {"reference": "rgba(46,160,67,.28)", "predicted": "rgba(47,129,247,.28)"}


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


class TextErrors(Sequence[TextError]):
    """Texts that a model wrote, the worst first, as a list that a notebook shows with the differences marked."""

    def __init__(self, errors: Sequence[TextError], measure: str) -> None:
        self._errors, self.measure = tuple(errors), measure

    @overload
    def __getitem__(self, at: int) -> TextError: ...
    @overload
    def __getitem__(self, at: slice) -> TextErrors: ...
    def __getitem__(self, at: int | slice) -> TextError | TextErrors:
        return TextErrors(self._errors[at], self.measure) if isinstance(at, slice) else self._errors[at]

    def __len__(self) -> int:
        return len(self._errors)

    def __repr__(self) -> str:
        return "\n".join(str(error) for error in self._errors) or "No errors."

    def _repr_html_(self) -> str:
        if not self._errors:
            return "<p>No errors.</p>"
        cell = "padding:4px 14px 4px 0;border-bottom:1px solid rgba(128,128,128,.25);text-align:left;vertical-align:top"
        names = (self.measure, "source", "should be", "written")
        head = "".join(f'<th style="{cell}">{markup.escape(name)}</th>' for name in names)
        rows = []
        for error in self._errors:
            source = error.source if len(error.source) <= _SOURCE_SHOWN else error.source[: _SOURCE_SHOWN - 1] + "…"
            cells = (f"{error.score:.2f}", markup.escape(source), *_marked(error.reference, error.predicted))
            rows.append(
                "<tr>" + "".join(f'<td style="{cell};white-space:pre-wrap">{part}</td>' for part in cells) + "</tr>"
            )
        return f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def text_errors(predictions: TextPredictions, n: int | None = None) -> TextErrors:
    """The texts that are furthest from what they should be, the worst first.

    Translations are ranked by chrF of the row, summaries by ROUGE-L. Texts that are exactly right are left out.

    Args:
        predictions: rows without a known text are left out.
        n: return this many at most.

    Raises:
        DataError: no row has a known text.
    """
    rows = known_texts(predictions)
    references = [text or "" for text in rows.references or ()]
    if predictions.task == "summarization":
        measure = "ROUGE-L"
        scores = np.array([rouge(said, true)[2] for said, true in zip(rows.predicted, references, strict=True)])
    else:
        measure, scores = "chrF", row_chrf(rows.predicted, references)
    wrong = [i for i in np.argsort(scores, kind="stable").tolist() if rows.predicted[i] != references[i]]
    return TextErrors(
        [
            TextError(
                row_id=rows.row_ids[i],
                source=rows.inputs[i],
                reference=references[i],
                predicted=rows.predicted[i],
                score=float(scores[i]),
                confidence=float(rows.confidence[i]),
            )
            for i in wrong[:n]
        ],
        measure,
    )


def _marked(reference: str, predicted: str) -> tuple[str, str]:
    """Both texts as HTML, with the words that the other one has not marked."""
    pieces: list[list[str]] = [_PIECE.findall(text) for text in (reference, predicted)]
    made: tuple[list[str], list[str]] = ([], [])
    for kind, *places in difflib.SequenceMatcher(None, pieces[0], pieces[1], autojunk=False).get_opcodes():
        for side, (start, end) in enumerate(((places[0], places[1]), (places[2], places[3]))):
            text = markup.escape("".join(pieces[side][start:end]))
            colour = _COLOURS["predicted" if side else "reference"]
            mark = f'<mark style="background:{colour};color:inherit;border-radius:3px">{text}</mark>'
            made[side].append(text if kind == "equal" or not text else mark)
    return "".join(made[0]), "".join(made[1]) or '<span style="opacity:.6">nothing</span>'
