"""The answers behind the figures: what was not answered, made up, cut wrongly or looked for in the wrong place."""

from __future__ import annotations

import html as markup
from collections.abc import Sequence
from dataclasses import dataclass

from labkit.data import Answer
from labkit.errors import UnknownName
from labkit.evaluation._differences import mark_html
from labkit.evaluation._error_list import ErrorList, around_html, kind_html
from labkit.tasks import AnswerPredictions
from labkit.tasks._answer_metrics import best, known

ANSWER_ERROR_KINDS = ("no answer given", "answer where there is none", "boundary", "elsewhere")
"""What may be wrong with an answer: nothing answered, nothing to answer, more or less of a true answer, or another place."""

_AROUND = 80  # characters on each side of an answer
NO_ANSWER_HTML = '<span style="opacity:.6">no answer</span>'


@dataclass(frozen=True, kw_only=True)
class AnswerError:
    """One question that is not answered as it should be.

    Attributes:
        row_id: of the row.
        question: of the row.
        context: of the row.
        kind: one of ``ANSWER_ERROR_KINDS``.
        gold: the acceptable answers; empty where the context holds none.
        predicted: the predicted answer; None where nothing was answered.
        confidence: of what was predicted.
        f1: share of the words that are right after all, as in the metrics.
    """

    row_id: str
    question: str
    context: str
    kind: str
    gold: tuple[Answer, ...]
    predicted: Answer | None
    confidence: float
    f1: float

    def __str__(self) -> str:
        gold = " or ".join(dict.fromkeys(repr(one.text) for one in self.gold)) or "no answer"
        said = "no answer" if self.predicted is None else repr(self.predicted.text)
        return f"{self.kind}: {self.question!r} is {gold}, answered {said}"


class AnswerErrors(ErrorList[AnswerError]):
    """Errors of a model that answers questions, as a list that a notebook shows in their contexts; ``counts`` are those of
    each kind."""

    kinds = ANSWER_ERROR_KINDS

    def _headings(self) -> Sequence[str]:
        return ("error", "question", "true", "predicted")

    def _cells(self, error: AnswerError) -> Sequence[str]:
        return (
            kind_html(error.kind),
            markup.escape(error.question),
            _in_context(error.context, error.gold[0] if error.gold else None, "gold") + _others(error.gold),
            _in_context(error.context, error.predicted, "predicted"),
        )


def answer_errors(predictions: AnswerPredictions, *, kind: str | None = None, n: int | None = None) -> AnswerErrors:
    """What is wrong with predicted answers, the surest mistakes first.

    An answer is right where it is the same as an acceptable one to the metrics, wherever it stands.

    Args:
        predictions: rows without known answers are left out.
        kind: errors of this kind only, one of ``ANSWER_ERROR_KINDS``.
        n: return this many at most.

    Raises:
        DataError: no row has known answers.
        UnknownName: no such kind.
    """
    if kind is not None and kind not in ANSWER_ERROR_KINDS:
        raise UnknownName("kind of error", kind, ANSWER_ERROR_KINDS)
    rows = known(predictions)
    assert rows.gold is not None
    found = []
    for i, (gold, said) in enumerate(zip(rows.gold, rows.predicted, strict=True)):
        exact, f1 = best(gold or (), said)
        what = kind_of(gold or (), said)
        if exact or (kind is not None and what != kind):
            continue
        found.append(
            AnswerError(
                row_id=rows.row_ids[i],
                question=rows.questions[i],
                context=rows.contexts[i],
                kind=what,
                gold=gold or (),
                predicted=said,
                confidence=rows.confidence[i],
                f1=f1,
            )
        )
    found.sort(key=lambda error: -error.confidence)
    return AnswerErrors(found[:n])


def kind_of(gold: Sequence[Answer], said: Answer | None) -> str:
    """What is wrong with a wrong answer, one of ``ANSWER_ERROR_KINDS``."""
    if said is None:
        return "no answer given"
    if not gold:
        return "answer where there is none"
    near = any(0 <= one.start < said.end and said.start < one.end for one in gold)
    return "boundary" if near else "elsewhere"


def _others(gold: Sequence[Answer]) -> str:
    """The acceptable answers beside the first."""
    others = list(dict.fromkeys(one.text for one in gold[1:] if one.text != gold[0].text))
    return f'<br><small style="opacity:.75">or {markup.escape("; ".join(others))}</small>' if others else ""


def _in_context(context: str, answer: Answer | None, part: str) -> str:
    """The answer marked in the words around it."""
    if answer is None:
        return NO_ANSWER_HTML
    mark = mark_html(markup.escape(answer.text), part)
    if answer.start < 0 or not context.startswith(answer.text, answer.start):  # an answer that stands nowhere
        return mark
    return around_html(context, answer.start, answer.end, mark, _AROUND)
