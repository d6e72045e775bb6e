"""The cheap answers that every model stands beside: the words of the context that overlap most with the question, and none.

They are made from the same training rows and asked about the same rows as the model.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from labkit.data._layouts.answers import Answer, as_answers
from labkit.tasks._answer_predictions import Alternative, AnswerPredictions

OVERLAP = "words of the question"
NEVER = "no answer always"

_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?!\s)[^.!?\n]*)*[.!?]*")
_WORD = re.compile(r"\w+")
_MOST = 30  # words of a stretch
_REACH = 3  # words around a stretch in which those of the question count


def answer_baselines(train: Any, rows: Any) -> dict[str, AnswerPredictions]:
    """Make the baselines.

    The first takes the sentence of the context whose words have most in common with the question, weighed by how rare they are
    in the training contexts (inverse document frequency; Spärck Jones 1972), and in it the stretch whose own words are not
    in the question and whose neighbours are, like the sliding window of Richardson et al. 2013 (MCTest). It has as many words
    as half of the training answers have at most. The other, where questions without an answer occur, leaves all unanswered.

    Args:
        train: a split of a corpus of layout "answers", or its columns.
        rows: what to answer, with ``row_id``, ``text`` and ``text_pair``.
    """
    learnt, asked = (
        {name: list(some[name][:]) for name in ("row_id", "text", "text_pair", "answers") if name in _names(some)}
        for some in (train, rows)
    )
    told = [as_answers(cell) for cell in learnt.get("answers", ())]
    gold = [as_answers(cell) for cell in asked["answers"]] if "answers" in asked else None
    sizes = sorted(len(some[0].text.split()) for some in told if some)
    size = min(max(1, sizes[len(sizes) // 2]), _MOST) if sizes else _REACH
    contexts = set(learnt["text_pair"])
    seen = Counter(word for context in contexts for word in set(_words(context or "")))
    rarity = {word: math.log((1 + len(contexts)) / (1 + count)) + 1 for word, count in seen.items()}
    unseen = math.log(1 + len(contexts)) + 1
    common: dict[str, Any] = {
        "row_ids": list(asked["row_id"]),
        "questions": [text or "" for text in asked["text"]],
        "contexts": [text or "" for text in asked["text_pair"]],
        "gold": gold,
    }
    n = len(common["row_ids"])
    found = [
        _overlap(question, context, size, lambda word: rarity.get(word, unseen))
        for question, context in zip(common["questions"], common["contexts"], strict=True)
    ]
    result = {
        OVERLAP: AnswerPredictions(
            predicted=[Answer(one.start, one.text) if one else None for one in found],
            confidence=[one.score if one else 1.0 for one in found],
            no_answer=[-one.score if one else math.inf for one in found],
            alternatives=[(one,) if one else () for one in found],
            **common,
        )
    }
    if any(some == () for some in (*told, *(gold or ()))):
        result[NEVER] = AnswerPredictions(
            predicted=[None] * n, confidence=[1.0] * n, no_answer=[math.inf] * n, alternatives=[()] * n, **common
        )
    return result


def _names(rows: Any) -> list[str]:
    return getattr(rows, "column_names", None) or list(rows)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _overlap(question: str, context: str, size: int, weight: Any) -> Alternative | None:
    """The stretch of the context, scored by the share of the question's weight that its sentence has; None without words."""
    wanted = set(_words(question))
    whole = sum(weight(word) for word in wanted)
    best: tuple[float, int, int] | None = None
    for sentence in _SENTENCE.finditer(context):
        here = {word for word in _words(sentence.group()) if word in wanted}
        score = sum(weight(word) for word in sorted(here)) / whole if whole else 0.0
        if (best is None or score > best[0]) and _WORD.search(sentence.group()):
            best = (score, sentence.start(), sentence.end())
    if best is None:
        return None
    score, low, high = best
    words = [match.span() for match in _WORD.finditer(context, low, high)]
    spelt = [context[a:b].casefold() for a, b in words]
    new = _sums(0.0 if word in wanted else weight(word) for word in spelt)
    old = _sums(weight(word) if word in wanted else 0.0 for word in spelt)
    size = min(size, len(words))

    def worth(i: int) -> float:
        near = old[min(i + size + _REACH, len(words))] - old[max(i - _REACH, 0)]
        # rounded, because sums of the same weights come out different in the last digit
        return round(float(new[i + size] - new[i] + near - 2 * (old[i + size] - old[i])), 6)

    at = max(range(len(words) - size + 1), key=lambda i: (worth(i), -i))
    start, end = words[at][0], words[at + size - 1][1]
    return Alternative(start, context[start:end], score)


def _sums(values: Iterable[float]) -> Sequence[float]:
    return list(accumulate(values, initial=0.0))
