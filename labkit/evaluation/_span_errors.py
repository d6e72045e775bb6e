"""The entities behind the figures: what was missed, made up, cut wrongly or named wrongly, and how it looks in its text."""

from __future__ import annotations

import html as markup
from collections.abc import Sequence
from dataclasses import dataclass

from labkit.data import Span
from labkit.errors import UnknownName
from labkit.evaluation._differences import NOTHING, mark_html
from labkit.evaluation._error_list import ErrorList, around_html, kind_html
from labkit.tasks import SpanPredictions
from labkit.tasks._span_metrics import align, known

ERROR_KINDS = ("missed", "spurious", "boundary", "type", "type and boundary")
"""What may be wrong with an entity: nothing predicted, nothing there, another stretch, another type, or both."""

_AROUND = 60  # characters on each side of an entity


@dataclass(frozen=True, kw_only=True)
class SpanError:
    """One entity that is not as it should be.

    Attributes:
        row_id: of the row.
        text: of the row.
        kind: one of ``ERROR_KINDS``.
        gold: the true entity; None of a spurious one.
        predicted: the predicted entity; None of a missed one.
        confidence: of the predicted one; 0 of a missed one.
    """

    row_id: str
    text: str
    kind: str
    gold: Span | None
    predicted: Span | None
    confidence: float

    def __str__(self) -> str:
        def said(span: Span | None) -> str:
            return "nothing" if span is None else f"{span.label} {self.text[span.start : span.end]!r}"

        return f"{self.kind}: {said(self.gold)} taken for {said(self.predicted)}"


class SpanErrors(ErrorList[SpanError]):
    """Errors of a tagger, as a list that a notebook shows in their texts; ``counts`` are those of each kind."""

    kinds = ERROR_KINDS

    def _headings(self) -> Sequence[str]:
        return ("error", "true", "predicted")

    def _cells(self, error: SpanError) -> Sequence[str]:
        return (kind_html(error.kind), *(_in_text(error, part) for part in ("gold", "predicted")))


def span_errors(
    predictions: SpanPredictions, *, kind: str | None = None, label: str | None = None, n: int | None = None
) -> SpanErrors:
    """What is wrong with predicted entities: the surest mistakes first, then what was missed.

    Args:
        predictions: rows without known spans are left out.
        kind: errors of this kind only, one of ``ERROR_KINDS``.
        label: errors in which this type is the true or the predicted one.
        n: return this many at most.

    Raises:
        DataError: no row has known spans.
        UnknownName: no such kind, or no such type.
    """
    if kind is not None and kind not in ERROR_KINDS:
        raise UnknownName("kind of error", kind, ERROR_KINDS)
    if label is not None and label not in predictions.labels:
        raise UnknownName("type of entity", label, predictions.labels)
    rows = known(predictions)
    assert rows.gold is not None
    found = []
    for i, (gold, said) in enumerate(zip(rows.gold, rows.predicted, strict=True)):
        sure = dict(zip(said, rows.confidence[i], strict=True))
        for match in align(gold or (), said):
            wanted = label is None or label in {span.label for span in (match.gold, match.predicted) if span}
            if match.kind == "right" or (kind is not None and match.kind != kind) or not wanted:
                continue
            found.append(
                SpanError(
                    row_id=rows.row_ids[i],
                    text=rows.texts[i],
                    kind=match.kind,
                    gold=match.gold,
                    predicted=match.predicted,
                    confidence=0.0 if match.predicted is None else sure[match.predicted],
                )
            )
    found.sort(key=lambda error: -error.confidence)
    return SpanErrors(found[:n])


def _in_text(error: SpanError, part: str) -> str:
    """The entity marked in the words around it."""
    span = error.gold if part == "gold" else error.predicted
    if span is None:
        return NOTHING
    inner = markup.escape(error.text[span.start : span.end])
    mark = mark_html(f'{inner} <small style="opacity:.75">{markup.escape(span.label)}</small>', part)
    return around_html(error.text, span.start, span.end, mark, _AROUND)
