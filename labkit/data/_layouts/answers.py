"""Answers that stand in a text: what they are, whether they stand where they are said to, and what hangs on to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from labkit.data._layouts.span_edges import cuts_word
from labkit.data._layouts.spans import Span

ANSWERABLE, NO_ANSWER = "answerable", "no answer"
"""The two kinds of questions, as they stand in the column ``label``."""
MOVED = "moved_answers"
"""Column that says of each row whether an answer was put where its text stands; only there if some were."""
LONG = 30
"""Words of an answer beyond which it is no short answer any more."""

_NEAR = 20  # characters that an offset may be off, however often the text occurs

Placing = Literal["there", "found", "first", "moved", "bad"]


class Answer(NamedTuple):
    """A stretch of a context that answers a question.

    Attributes:
        start: first character, counted in the context.
        text: the stretch.
    """

    start: int
    text: str

    @property
    def end(self) -> int:
        """The character behind the last one."""
        return self.start + len(self.text)


def stands(context: str, answer: Answer) -> bool:
    """Whether the answer stands at its place in the context."""
    return answer.start >= 0 and bool(answer.text) and context.startswith(answer.text, answer.start)


def place(context: str, text: str, start: int | None) -> tuple[Answer, Placing]:
    """The answer where it stands, and how it got there.

    Args:
        context: what it stands in.
        text: of the answer.
        start: where it is said to stand; None where that is not said.

    Returns:
        The answer, and "there" (where it is said to be), "found" (nothing is said, and it occurs once), "first" (nothing is
        said, and it is the first of several), "moved" (it occurs within 20 characters of where it is said to be, or once
        elsewhere) or "bad" (it does not occur, or too far away and several times; then it stays as it was said).
    """
    if start is not None and stands(context, Answer(start, text)):
        return Answer(start, text), "there"
    if start is not None and start >= 0:
        near = list(_places(context, text, start - _NEAR, start + _NEAR))
        if near:
            return Answer(min(near, key=lambda at: abs(at - start)), text), "moved"
    first = context.find(text)
    again = context.find(text, first + 1) if first >= 0 else -1
    if first >= 0 and again < 0:
        return Answer(first, text), "found" if start is None else "moved"
    if first >= 0 and start is None:
        return Answer(first, text), "first"
    said = -1 if start is None or not -1 <= start < 1 << 31 else start
    return Answer(said, text), "bad"


def _places(context: str, text: str, low: int, high: int) -> Iterator[int]:
    at = context.find(text, max(low, 0), high + len(text))
    while at >= 0:
        yield at
        at = context.find(text, at + 1, high + len(text))


def as_answers(cell: Iterable[Any] | None) -> tuple[Answer, ...] | None:
    """The answers in a cell of the column ``answers``; None stays None."""
    if cell is None:
        return None
    return tuple(Answer(**one) if isinstance(one, Mapping) else Answer(*one) for one in cell)


def has_answers(rows: Any) -> bool:
    """Whether a split has the column ``answers`` of this layout, and not one of that name with something else."""
    kind = rows.features.get("answers")
    return isinstance(getattr(kind, "feature", None), dict)


def label_of(answers: Iterable[Any] | None) -> list[str] | None:
    """What stands in the column ``label`` of a row with these answers."""
    if answers is None:
        return None
    return [ANSWERABLE if any(True for _ in answers) else NO_ANSWER]


def without_bad(context: str, answers: Iterable[Answer]) -> list[Answer]:
    """The answers that stand at their place."""
    return [one for one in answers if stands(context, one)]


def trimmed(answers: Iterable[Answer]) -> list[Answer]:
    """The answers without white space at their ends; one of nothing else goes."""
    short = [Answer(one.start + len(one.text) - len(one.text.lstrip()), one.text.strip()) for one in answers]
    return list(dict.fromkeys(one for one in short if one.text))


def loose(answer: Answer) -> bool:
    """Whether white space hangs on to it."""
    return answer.text != answer.text.strip()


def cut(context: str, answer: Answer) -> bool:
    """Whether it begins or ends in the middle of a word."""
    return cuts_word(context, Span(answer.start, answer.end, ""))
