"""Decisions about answers, held against the contexts in which they stand, and compared between people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.data._corpus import Corpus
from labkit.data._layouts.answer_words import exact, word_f1
from labkit.data._layouts.answers import MOVED, Answer, label_of, stands
from labkit.data._scan import batches

_ROWS = 10_000  # a batch


def fitted_answers(answers: Sequence[Mapping[str, Any]], context: str) -> list[dict[str, Any]] | None:
    """The answers of a decision, each once and in its order: the first one is the one that people would give.

    Args:
        answers: ``start``, in characters of the context, and ``text`` of each; empty where the context holds none.
        context: of the row.

    Returns:
        ``start`` and ``text`` of each. None where one of them does not stand in the context at its place.
    """
    found: list[dict[str, Any]] = []
    for one in answers:
        start, text = one.get("start"), one.get("text")
        if type(start) is not int or not isinstance(text, str) or not text.strip():
            return None
        if not stands(context, Answer(start, text)):
            return None
        found.append({"start": start, "text": text})
    return [one for at, one in enumerate(found) if one not in found[:at]]


def answer_cells(decided: Mapping[str, Any], corpus: Corpus) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """What decisions about answers make of the rows of a corpus of layout "answers".

    Args:
        decided: row id → answers, None where they cannot be known.
        corpus: in whose contexts they must stand.

    Returns:
        Column → row id → value, of the rows whose decision fits; and ids of the others that are in the corpus.
    """
    cells: dict[str, dict[str, Any]] = {"answers": {}, "label": {}, MOVED: {}}
    unfit = []
    for rows in corpus.splits.values() if decided else ():
        for batch in batches(rows, ["row_id", "text_pair"], _ROWS):
            for row_id, context in zip(batch["row_id"], batch["text_pair"], strict=True):
                if row_id not in decided:
                    continue
                value = decided[row_id]
                answers = None if value is None else fitted_answers(value, context or "")
                if answers is None and value is not None:
                    unfit.append(row_id)
                    continue
                cells["answers"][row_id] = answers
                cells["label"][row_id] = label_of(answers)
                cells[MOVED][row_id] = False  # wherever those of the file stood, a person put these there
    return cells, unfit


def answers_alike(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Exact match and F1 of what two people answered to one question.

    Each answer of either person counts against the best-fitting one of the other, and the mean is taken, so that it makes no
    difference who comes first. "The context holds no answer" agrees with itself only.
    """
    a, b = ([str(answer["text"]) for answer in side] or [""] for side in (one, other))
    against = [(text, b) for text in a] + [(text, a) for text in b]
    matches = [max(exact(text, its) for its in side) for text, side in against]
    scores = [max(word_f1(text, its) for its in side) for text, side in against]
    return sum(matches) / len(matches), sum(scores) / len(scores)
