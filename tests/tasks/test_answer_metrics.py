"""Exact match and F1 of answers are those of the official script of SQuAD 2.0."""

from __future__ import annotations

import random
import re
import string

import numpy as np
import pytest

from labkit.data import Answer
from labkit.errors import DataError
from labkit.evaluation import Evaluation, evaluate
from labkit.tasks import Alternative, AnswerPredictions
from labkit.tasks._answer_metrics import METRICS, best, best_threshold, confusion, metrics, normalize_answer
from labkit.tasks.question_answering import decided

# acceptable answers, prediction, and the exact match and F1 that the official script gives them:
# "Official evaluation script for SQuAD version 2.0", as in huggingface/datasets, metrics/squad_v2/evaluate.py
OFFICIAL = [
    (["the cat"], "Cat!", 1, 1.0),
    (["a"], "", 1, 1),
    ([], "", 1, 1),
    ([], "x", 0, 0),
    (["an"], "the", 1, 1),
    (["..."], ".", 1, 1),
    (["Cat sat on mat", "mat"], "the mat", 1, 1.0),
    (["in 1,000 years"], "1000 years", 0, 0.8),
    (["U.S."], "us", 1, 1.0),
    (["the the cat cat"], "cat", 0, 0.6666666666666666),
    (["theatre"], "atre", 0, 0),
    (["don’t"], "dont", 0, 0),
    (["don't"], "dont", 1, 1.0),
    (["A-team"], "ateam", 1, 1.0),
    (["x y z"], "z y q r", 0, 0.5714285714285715),
    (["É"], "é", 1, 1.0),
    (["a\xa0b"], "b", 1, 1.0),
    (["Paris", "Rome", "paris france"], "France, Paris", 0, 1.0),
    (["x"], "   ", 0, 0),
    (["  "], "", 1, 1),
]
# fmt: off
PIECES = [
    "the", "The", "a", "AN", "an", "cat", "cats", "Cat.", "dog,", "the-dog", "(x)", "1,000", "1000", "é", "É", "İstanbul", "ß",
    "“quoted”", "it's", "its", "", "  ", "\u00a0", "\n", "U.S.", "us", "日本", "...", "!", "a.", "—", "_x_", "²", "ﬁ",
]
# fmt: on


def reference(gold: list[str], said: str) -> tuple[float, float]:
    """The same definition, written down once more, character by character and word by word."""

    def words(text: str) -> list[str]:
        kept = "".join(" " if c.isspace() else c for c in text.lower() if c not in string.punctuation)
        return [word for part in kept.split() for word in re.split(r"\b(?:a|an|the)\b", part) if word]

    def share(one: list[str], other: list[str]) -> float:
        if not one or not other:
            return float(not one and not other)
        left = list(other)
        same = sum(1 for word in one if word in left and left.remove(word) is None)
        return 2 * same / (len(one) + len(other))

    texts = [text for text in map(words, gold) if text] or [[]]
    return max(float(one == words(said)) for one in texts), max(share(one, words(said)) for one in texts)


@pytest.mark.parametrize(("gold", "said", "exact", "f1"), OFFICIAL)
def test_what_the_official_script_gives(gold: list[str], said: str, exact: float, f1: float) -> None:
    assert best([Answer(0, text) for text in gold], Answer(0, said) if said else None) == (exact, pytest.approx(f1))
    assert reference(gold, said) == (exact, pytest.approx(f1))


def test_a_thousand_random_answers() -> None:
    chooser = random.Random(0)

    def text() -> str:
        return " ".join(chooser.choice(PIECES) for _ in range(chooser.randint(0, 5)))

    for _ in range(1000):
        gold, said = [text() for _ in range(chooser.randint(0, 4))], text()
        found = best([Answer(0, one) for one in gold], Answer(0, said))
        assert found == pytest.approx(reference(gold, said)), (gold, said)
    assert normalize_answer(" The  A-team's, an\tend.") == "ateams end"


def made(cases: list[tuple[list[str] | None, str, float]]) -> AnswerPredictions:
    """Rows of acceptable answers, the best stretch, and how much more "no answer" scores."""
    return AnswerPredictions(
        row_ids=[str(i) for i in range(len(cases))],
        questions=["?"] * len(cases),
        contexts=["x"] * len(cases),
        predicted=[Answer(0, said) if said and gap <= 0 else None for _, said, gap in cases],
        confidence=[0.5] * len(cases),
        no_answer=[gap for *_, gap in cases],
        alternatives=[(Alternative(0, said, 1.0),) if said else () for _, said, _ in cases],
        gold=[None if gold is None else tuple(Answer(0, one) for one in gold) for gold, *_ in cases],
    )


def test_figures_of_answered_and_unanswered_questions() -> None:
    rows = made([(["red cat"], "cat", -1), (["b"], "b", 1), ([], "c", -1), ([], "d", 1), (None, "e", 0)])
    found = metrics(rows)
    assert found["f1"] == pytest.approx((2 / 3 + 0 + 0 + 1) / 4) and found["exact_match"] == 0.25
    assert found["has_answer_f1"] == pytest.approx(1 / 3) and found["no_answer_accuracy"] == 0.5
    assert found["has_answer_exact"] == 0
    assert confusion(rows).tolist() == [[1, 1], [1, 1]]
    assert set(metrics(made([(["b"], "b", -1)]))) == set(METRICS) - {"no_answer_accuracy"}
    with pytest.raises(DataError, match="known answers"):
        metrics(made([(None, "b", 0)]))


def test_evaluation_counts_in_rows_and_compares() -> None:
    chooser = random.Random(1)
    cases = [(chooser.choice([["b"], ["b c"], []]), "b", chooser.choice([-1.0, 1.0])) for _ in range(60)]
    rows = made([*cases, (None, "b", -1.0)])
    result = evaluate(
        rows, baselines={"none": made([(gold, "", 9.0) for gold, *_ in [*cases, (None, 0, 0)]])}, resamples=200
    )
    assert isinstance(result, Evaluation) and (result.n, result.skipped) == (60, 1)
    assert result.headline["f1"].value == pytest.approx(metrics(rows)["f1"]) and result.headline["f1"].low is not None
    assert result.labels == ("answerable", "no answer") and result.confusion.sum() == 60
    silent = sum(not gold for gold, *_ in cases) / 60
    assert result.baselines["none"].b["exact_match"].value == pytest.approx(silent)
    assert "F1 where there is an answer" in str(result) and "questions" in str(result)


def test_threshold_of_no_answer_is_the_best_there_is() -> None:
    chooser = random.Random(2)
    for _ in range(50):
        size = chooser.randint(1, 12)
        rows = made(
            [
                (chooser.choice([["b"], ["b c"], []]), "b", chooser.choice([-2.0, -1.0, 0.5, 1.0, 3.0]))
                for _ in range(size)
            ]
        )
        found = best_threshold(rows)
        if all(rows.gold or ()):
            assert found is None
            continue
        assert found is not None
        tried = [metrics(decided(rows, limit))["f1"] for limit in np.arange(-4, 4, 0.25)]
        assert metrics(decided(rows, found))["f1"] == pytest.approx(max(tried))
    assert best_threshold(made([(["b"], "b", -3.0), ([], "c", 2.0)])) == 0.0, "nothing to be gained by another"
    assert best_threshold(made([([], "", np.inf)])) == 0.0
