"""What is wrong with predicted answers, and how it looks in a notebook."""

from __future__ import annotations

import pytest

from labkit.data import Answer
from labkit.errors import UnknownName
from labkit.evaluation import ANSWER_ERROR_KINDS, answer_errors
from labkit.tasks import AnswerPredictions

CONTEXT = "The <b>red</b> house stands in Leeds, near Leeds station."


def said(*pairs: tuple[tuple[str, ...] | None, str | None]) -> AnswerPredictions:
    def at(text: str) -> Answer:
        return Answer(CONTEXT.find(text), text)

    return AnswerPredictions(
        row_ids=[str(i) for i in range(len(pairs))],
        questions=["Where <i>is</i> it?"] * len(pairs),
        contexts=[CONTEXT] * len(pairs),
        predicted=[None if answer is None else at(answer) for _, answer in pairs],
        confidence=[0.1 * (i + 1) for i in range(len(pairs))],
        no_answer=[0.0] * len(pairs),
        alternatives=[()] * len(pairs),
        gold=[None if gold is None else tuple(map(at, gold)) for gold, _ in pairs],
    )


ROWS = said(
    (("Leeds", "in Leeds"), "in Leeds"),
    (("Leeds",), None),
    ((), "Leeds"),
    (("in Leeds",), "stands in"),
    (("Leeds",), "<b>red</b>"),
    (None, "house"),
    ((), None),
    (("the station", "Leeds station"), "red"),
)


def test_kinds_the_surest_first() -> None:
    found = answer_errors(ROWS)
    assert [error.row_id for error in found] == ["7", "4", "3", "2", "1"]
    assert found.counts == dict(zip(ANSWER_ERROR_KINDS, (1, 1, 1, 2), strict=True))
    assert [error.row_id for error in answer_errors(ROWS, kind="boundary")] == ["3"]
    assert answer_errors(ROWS, kind="boundary")[0].f1 == pytest.approx(0.5)
    assert len(answer_errors(ROWS, n=2)) == 2 and len(found[1:3]) == 2
    with pytest.raises(UnknownName, match="boundary"):
        answer_errors(ROWS, kind="bondary")


def test_faces_are_escaped_and_mark_both() -> None:
    found = answer_errors(ROWS)
    page = found._repr_html_()
    assert "<b>" not in page and "<i>" not in page and "&lt;b&gt;red&lt;/b&gt;" in page
    assert page.count("<mark") == 8 and "or Leeds station" in page and "no answer" in page
    assert "answered no answer" in str(found[-1]) and "elsewhere" in repr(found)
    right = answer_errors(said((("Leeds",), "Leeds")))
    assert not right and repr(right) == "No errors." and "No errors" in right._repr_html_()
