"""Answers compared by their words, as the official scripts of SQuAD compare them.

Source: the evaluation script of SQuAD 2.0 (Rajpurkar, Jia and Liang 2018, arXiv:1806.03822;
https://worksheets.codalab.org/rest/bundles/0x6b567e1cf2e041ec80d7098f031c5c9e/contents/blob/). Standard library only.
"""

from __future__ import annotations

import re
import string
from collections import Counter

_ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """Lower case, without punctuation, articles and surplus white space."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact(gold: str, predicted: str) -> float:
    """1 where the two are the same, normalised; else 0."""
    return float(normalize_answer(gold) == normalize_answer(predicted))


def word_f1(gold: str, predicted: str) -> float:
    """F1 of the words of two texts, normalised; where one has no words, 1 if the other has none either and 0 otherwise."""
    a, b = normalize_answer(gold).split(), normalize_answer(predicted).split()
    if not a or not b:
        return float(a == b)
    same = (Counter(a) & Counter(b)).total()
    if not same:
        return 0.0
    precision, recall = same / len(b), same / len(a)
    return 2 * precision * recall / (precision + recall)
