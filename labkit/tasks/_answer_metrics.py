"""Point metrics of predicted answers, as the official script of SQuAD 2.0 counts them.

Source: the evaluation script of SQuAD 2.0 (Rajpurkar, Jia and Liang 2018, arXiv:1806.03822;
https://worksheets.codalab.org/rest/bundles/0x6b567e1cf2e041ec80d7098f031c5c9e/contents/blob/). Texts are compared in lower
case, without punctuation, the articles a, an, the, and surplus white space. F1 is that of the words of prediction and answer,
1 where both are nothing, and the best over the acceptable answers counts; a question without answer is right where nothing was
answered. On questions that all have answers this is also what the script of SQuAD 1.1 gives.

Everything follows from sums over rows, so that the bootstrap in ``labkit.evaluation`` is one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.data._layouts.answer_words import exact, word_f1
from labkit.data._layouts.answer_words import normalize_answer as normalize_answer
from labkit.data._layouts.answers import Answer
from labkit.errors import DataError
from labkit.tasks._answer_predictions import AnswerPredictions

Array = npt.NDArray[Any]

METRICS: dict[str, tuple[bool, str]] = {
    "f1": (True, "F1 over the words of the answer, averaged over questions; 1 where both say that there is none"),
    "exact_match": (True, "share of questions answered word for word, or rightly not at all"),
    "has_answer_f1": (True, "F1 over the words, on the questions that have an answer"),
    "has_answer_exact": (True, "share of the questions that have an answer which are answered word for word"),
    "no_answer_accuracy": (True, "share of the questions without an answer that were left unanswered"),
}
"""Name of each metric → whether higher is better, and what it is."""


def best(gold: Sequence[Answer], predicted: Answer | None) -> tuple[float, float]:
    """(exact match, F1) against the acceptable answer that fits best; no answers, or none with words, stand for nothing."""
    texts = [one.text for one in gold if normalize_answer(one.text)] or [""]
    said = predicted.text if predicted else ""
    return max(exact(text, said) for text in texts), max(word_f1(text, said) for text in texts)


def known(predictions: AnswerPredictions) -> AnswerPredictions:
    """The rows whose answers are known.

    Raises:
        DataError: there is none.
    """
    labelled = [answers is not None for answers in predictions.gold or ()]
    if not any(labelled):
        raise DataError("rows with known answers", "none", "give the answers, or predict without evaluating")
    return predictions if all(labelled) else predictions.take(labelled)


def row_statistics(predictions: AnswerPredictions) -> npt.NDArray[np.float64]:
    """What each row adds to the sums that all metrics follow from.

    Returns:
        Array of shape (n, 6), for the n rows with known answers: 1, exact match, F1; then, zero where the question has no
        answer: 1, exact match, F1.

    Raises:
        DataError: no row has known answers.
    """
    rows = known(predictions)
    assert rows.gold is not None
    result = np.ones((len(rows), 6))
    for line, gold, said in zip(result, rows.gold, rows.predicted, strict=True):
        line[1:3] = best(gold or (), said)
        line[3:] = line[:3] if gold else 0.0
    return result


def from_sums(sums: Array) -> dict[str, npt.NDArray[np.float64]]:
    """Every metric from sums of the row statistics.

    Args:
        sums: sums of the columns of ``row_statistics``, weighted by how often each row was drawn, for r resamples;
            shape (6, r).

    Returns:
        Arrays of shape (r,) by the names of ``METRICS``; NaN where there is no question of the kind.
    """
    rows, exacts, f1s, answerable, answered, answered_f1 = np.asarray(sums, dtype=np.float64)
    return {
        "f1": _share(f1s, rows),
        "exact_match": _share(exacts, rows),
        "has_answer_f1": _share(answered_f1, answerable),
        "has_answer_exact": _share(answered, answerable),
        "no_answer_accuracy": _share(exacts - answered, rows - answerable),
    }


def metrics(predictions: AnswerPredictions) -> dict[str, float]:
    """Every point metric over the rows whose answers are known, by the names of ``METRICS``; those without a value are left
    out.

    Raises:
        DataError: no row has known answers.
    """
    found = from_sums(row_statistics(predictions).sum(axis=0)[:, None])
    return {name: float(value[0]) for name, value in found.items() if not np.isnan(value[0])}


def confusion(predictions: AnswerPredictions) -> npt.NDArray[np.int64]:
    """How often a question that has an answer (first) or none (second) was answered (first) or not (second), shape (2, 2).

    Raises:
        DataError: no row has known answers.
    """
    rows = known(predictions)
    assert rows.gold is not None
    table = np.zeros((2, 2), dtype=np.int64)
    for gold, said in zip(rows.gold, rows.predicted, strict=True):
        table[0 if gold else 1, 0 if said else 1] += 1
    return table


def best_threshold(predictions: AnswerPredictions) -> float | None:
    """The score of "no answer" above which it pays, in F1, to leave a question unanswered.

    Of thresholds that do equally well the one nearest to 0. None where every question has an answer.

    Raises:
        DataError: no row has known answers.
    """
    rows = known(predictions)
    assert rows.gold is not None
    if all(rows.gold):
        return None
    score = np.asarray(rows.no_answer, dtype=np.float64)
    answered = np.array(
        [
            best(gold or (), Answer(*some[0][:2]) if some else None)[1]
            for gold, some in zip(rows.gold, rows.alternatives, strict=True)
        ]
    )
    silent = np.array([best(gold or (), None)[1] for gold in rows.gold])
    order = np.argsort(score, kind="stable")
    sums = (
        np.concatenate([[0.0], np.cumsum(answered[order])])
        + np.concatenate([[0.0], np.cumsum(silent[order][::-1])])[::-1]
    )
    finite = score[order][np.isfinite(score[order])]
    if not len(finite):
        return 0.0
    edges = np.concatenate([[finite[0] - 1], (finite[1:] + finite[:-1]) / 2, [finite[-1] + 1]])
    ties = np.concatenate([[False], finite[1:] == finite[:-1], [False]])  # no threshold can tell equal scores apart
    found = np.where(ties, -1.0, sums[: len(edges)])
    top = np.flatnonzero(found >= found.max() - 1e-9)
    candidates = [float(edges[i]) for i in top]
    # between two scores any threshold does the same: 0 itself where it lies there
    inside = [i for i in top if (i == 0 or finite[i - 1] <= 0) and (i == len(finite) or finite[i] > 0)]
    return 0.0 if inside else min(candidates, key=abs)


def _share(part: Array, whole: Array) -> npt.NDArray[np.float64]:
    result: npt.NDArray[np.float64] = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
    return result
