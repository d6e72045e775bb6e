"""Point metrics of written texts: of translations as sacrebleu counts them, of summaries as the package rouge-score does.

BLEU (Papineni et al. 2002) and chrF (Popović 2015) are the corpus scores of sacrebleu (Post 2018, A Call for Clarity in
Reporting BLEU Scores), from 0 to 100: its own code counts the n-grams of each row, and the scores follow from the sums. ROUGE
(Lin 2004) is the F-measure of each row, from 0 to 1, averaged over the rows, without stemming; it knows the letters a to z and
digits only, so that other letters cut words in two, as in every report of ROUGE.

Everything follows from sums over rows, so that the bootstrap in ``labkit.evaluation`` is one matrix product.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from labkit.tasks._scores import Scores
from labkit.tasks._text_predictions import TextPredictions, known_texts

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

TRANSLATION: dict[str, tuple[bool, str]] = {
    "bleu": (
        True,
        "BLEU of sacrebleu, 0 to 100: n-grams of words that the reference has too, with a penalty for brevity",
    ),
    "chrf": (
        True,
        "chrF of sacrebleu, 0 to 100: F2 over n-grams of characters, which gives credit for half-right words",
    ),
    "length_ratio": (True, "words written for each word of the references"),
    "exact_match": (True, "share of rows in which exactly the reference was written"),
}
SUMMARIZATION: dict[str, tuple[bool, str]] = {
    "rouge1": (True, "ROUGE-1: F-measure over words, mean over rows"),
    "rouge2": (True, "ROUGE-2: F-measure over pairs of words, mean over rows"),
    "rougeL": (True, "ROUGE-L: F-measure over the longest common subsequence of words, mean over rows"),
    "rougeLsum": (True, "ROUGE-Lsum: ROUGE-L with each line compared for itself, mean over rows"),
    "length_ratio": (True, "words written for each word of the references"),
    "compression": (False, "words written for each word of the input"),
    "copy_rate": (False, "share of the pairs of words written that stand in the input"),
    "length": (False, "words written, mean over rows"),
}
"""Name of each metric → whether higher is better, and what it is."""

_ORDER = 4  # of BLEU
_CHARACTERS = 6  # order of chrF
_BETA = 2  # of chrF: how much more recall counts than precision
_NO_WORD = re.compile(r"[^a-z0-9]+")


# --- translation ----------------------------------------------------------------------------------------------------


def translation_statistics(predicted: Sequence[str], references: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    """What each row adds to the sums that the figures of a translation follow from.

    Args:
        predicted: n texts.
        references: n true ones.

    Returns:
        Array of shape (n, 30): 1; whether both are equal; for BLEU words written, words of the reference, and right and
        written n-grams of 1 to 4 words; for chrF, of each order from 1 to 6, written, true and common n-grams of
        characters. And sacrebleu's signatures of BLEU and chrF.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    bleu, chrf = BLEU(force=True), CHRF()
    result = np.zeros((len(predicted), 2 + 2 + 2 * _ORDER + 3 * _CHARACTERS))
    result[:, 0] = 1
    result[:, 1] = [one == other for one, other in zip(predicted, references, strict=True)]
    if len(predicted):
        hypotheses, targets = list(predicted), [list(references)]
        result[:, 2:12] = bleu._extract_corpus_statistics(hypotheses, targets)
        result[:, 12:] = chrf._extract_corpus_statistics(hypotheses, targets)
    return result, (f"BLEU|{bleu.get_signature()}", f"chrF2|{chrf.get_signature()}")


def translation_figures(sums: Array) -> dict[str, Floats]:
    """Every metric of ``TRANSLATION``.

    Args:
        sums: sums of the columns of ``translation_statistics`` for r resamples, shape (30, r).

    Returns:
        Arrays of shape (r,).
    """
    sums = np.asarray(sums, dtype=np.float64)
    rows, exact, written, true = sums[:4]
    return {
        "bleu": _bleu(sums[2:12]),
        "chrf": _chrf(sums[12:]),
        "length_ratio": _share(written, true),
        "exact_match": _share(exact, rows),
    }


def _bleu(sums: Array) -> Floats:
    """As ``sacrebleu.BLEU.compute_bleu`` with exponential smoothing, for many sums at once."""
    written, true, right, total = sums[0], sums[1], sums[2 : 2 + _ORDER], sums[2 + _ORDER :]
    brevity = np.where(written < true, np.exp(1 - true / np.maximum(written, 1e-300)), 1.0)
    logs = np.zeros(sums.shape[1])
    halved = np.ones(sums.shape[1])
    for n in range(_ORDER):
        halved = np.where(right[n] == 0, 2 * halved, halved)
        precision = 100.0 * np.where(right[n] == 0, 1 / halved, right[n]) / np.maximum(total[n], 1e-300)
        logs += np.log(np.maximum(precision, 1e-300))
    whole = (right > 0).any(axis=0) & (total > 0).all(axis=0)
    result: Floats = np.where(whole, brevity * np.exp(np.where(whole, logs, 0.0) / _ORDER), 0.0)
    return result


def _chrf(sums: Array) -> Floats:
    """As ``sacrebleu.CHRF._compute_f_score`` without epsilon smoothing, for many sums at once."""
    written, true, common = sums[0::3], sums[1::3], sums[2::3]
    both = (written > 0) & (true > 0)
    orders = both.sum(axis=0)
    precision = _share(np.where(both, _share(common, written), 0.0).sum(axis=0), orders)
    recall = _share(np.where(both, _share(common, true), 0.0).sum(axis=0), orders)
    return 100.0 * _share((1 + _BETA**2) * precision * recall, _BETA**2 * precision + recall)


def row_chrf(predicted: Sequence[str], references: Sequence[str]) -> Floats:
    """chrF of each row, from 0 to 100."""
    statistics, _ = translation_statistics(predicted, references)
    return _chrf(statistics[:, 12:].T)


def translation_row(figures: Mapping[str, float], predictions: TextPredictions) -> dict[str, float]:
    """What is said about a single translation: not whether it is exact, and BLEU only where there are four words to compare."""
    left_out = {"exact_match"}
    known = known_texts(predictions)
    if min(len(text.split()) for text in (*known.predicted, *(text or "" for text in known.references or ()))) < _ORDER:
        left_out.add("bleu")
    return {name: value for name, value in figures.items() if name not in left_out}


def translation_scores(predictions: TextPredictions) -> Scores:
    """Statistics of translations, row by row.

    Raises:
        DataError: no row has a known text.
    """
    rows = known_texts(predictions)
    references = [text or "" for text in rows.references or ()]
    sums, signatures = translation_statistics(rows.predicted, references)
    return Scores(
        positions=predictions.known,
        row_ids=list(rows.row_ids),
        sums=sums,
        figures=translation_figures,
        headline=("bleu", "chrf", "exact_match", "length_ratio"),
        right=sums[:, 1] > 0,
        what=_what(references),
        bounds={"bleu": (0.0, 100.0), "chrf": (0.0, 100.0), "exact_match": (0.0, 1.0)},
        notes=tuple(f"sacrebleu: {signature}." for signature in signatures),
    )


# --- summaries ------------------------------------------------------------------------------------------------------


def rouge_words(text: str) -> list[str]:
    """The words of a text as rouge-score has them: runs of a to z and 0 to 9, in lower case."""
    return _NO_WORD.sub(" ", text.lower()).split()


def rouge(predicted: str, reference: str) -> tuple[float, float, float, float]:
    """F-measures of ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum, equal to those of rouge-score without stemmer."""
    said, true = rouge_words(predicted), rouge_words(reference)
    lines = [[rouge_words(line) for line in text.split("\n") if line] for text in (reference, predicted)]
    several = max(map(len, lines)) > 1
    longest = f_measure(lcs_length(true, said), len(said), len(true))
    return (
        f_measure((Counter(said) & Counter(true)).total(), len(said), len(true)),
        f_measure(
            (Counter(ngrams(said, 2)) & Counter(ngrams(true, 2))).total(), max(len(said) - 1, 0), max(len(true) - 1, 0)
        ),
        longest,
        _by_lines(*lines) if several else longest,
    )


def row_rouge_l(predicted: Sequence[str], references: Sequence[str]) -> Floats:
    """ROUGE-L of each row, from 0 to 1."""
    both = [(rouge_words(said), rouge_words(true)) for said, true in zip(predicted, references, strict=True)]
    return np.array([f_measure(lcs_length(true, said), len(said), len(true)) for said, true in both], dtype=np.float64)


def ngrams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """Every run of n words."""
    return list(zip(*(words[i:] for i in range(n)), strict=False))


def f_measure(common: int, said: int, true: int) -> float:
    """Harmonic mean of precision and recall; 0 where there is nothing in common."""
    if not common:
        return 0.0
    precision, recall = common / said, common / true
    return 2 * precision * recall / (precision + recall)


def lcs_length(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence, a word of ``b`` at a time (Hyyrö 2004, bit-parallel LCS)."""
    places: dict[str, int] = {}
    for i, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << i
    every = (1 << len(a)) - 1
    row = every
    for word in b:
        hit = row & places.get(word, 0)
        row = (row + hit | row - hit) & every
    return (every ^ row).bit_count()


def _by_lines(true: list[list[str]], said: list[list[str]]) -> float:
    """ROUGE-Lsum: the union of the common subsequences of each true line with all that were written (Lin 2004, 3.2)."""
    left_true = Counter(word for line in true for word in line)
    left_said = Counter(word for line in said for word in line)
    total_true, total_said = left_true.total(), left_said.total()
    common = 0
    for line in true:
        for i in sorted({i for other in said for i in _common(line, other)}):
            word = line[i]
            if left_true[word] > 0 and left_said[word] > 0:
                common += 1
                left_true[word] -= 1
                left_said[word] -= 1
    return f_measure(common, total_said, total_true)


def _common(true: list[str], said: list[str]) -> list[int]:
    """Positions of one longest common subsequence in the true line, of several the one that rouge-score takes."""
    table = [[0] * (len(said) + 1)]
    for word in true:
        above, row = table[-1], [0]
        for j, other in enumerate(said):
            row.append(above[j] + 1 if word == other else max(above[j + 1], row[j]))
        table.append(row)
    i, j, found = len(true), len(said), []
    while i and j:
        if true[i - 1] == said[j - 1]:
            i, j = i - 1, j - 1
            found.append(i)
        elif table[i][j - 1] > table[i - 1][j]:
            j -= 1
        else:
            i -= 1
    return found


def summary_statistics(inputs: Sequence[str], predicted: Sequence[str], references: Sequence[str]) -> Floats:
    """What each row adds to the sums that the figures of a summary follow from.

    Args:
        inputs: n texts.
        predicted: their n summaries.
        references: n true ones.

    Returns:
        Array of shape (n, 11): 1; whether written and true are equal; F-measures of ROUGE-1, -2, -L and -Lsum; words of the
        written one, of the true one and of the input; pairs of words written, and those that stand in the input.
    """
    result = np.zeros((len(predicted), 11))
    for line, source, said, true in zip(result, inputs, predicted, references, strict=True):
        pairs = ngrams(_plain(said), 2)
        there = set(ngrams(_plain(source), 2))
        line[:2] = 1, said == true
        line[2:6] = rouge(said, true)
        line[6:9] = len(said.split()), len(true.split()), len(source.split())
        line[9:] = len(pairs), sum(pair in there for pair in pairs)
    return result


def summary_figures(sums: Array) -> dict[str, Floats]:
    """Every metric of ``SUMMARIZATION``.

    Args:
        sums: sums of the columns of ``summary_statistics`` for r resamples, shape (11, r).

    Returns:
        Arrays of shape (r,).
    """
    sums = np.asarray(sums, dtype=np.float64)
    rows, written, true, source, pairs, copied = sums[0], *sums[6:]
    return {
        **{name: _share(sums[2 + i], rows) for i, name in enumerate(("rouge1", "rouge2", "rougeL", "rougeLsum"))},
        "length_ratio": _share(written, true),
        "compression": _share(written, source),
        "copy_rate": _share(copied, pairs),
        "length": _share(written, rows),
    }


def summary_scores(predictions: TextPredictions) -> Scores:
    """Statistics of summaries, row by row.

    Raises:
        DataError: no row has a known text.
    """
    rows = known_texts(predictions)
    references = [text or "" for text in rows.references or ()]
    sums = summary_statistics(rows.inputs, rows.predicted, references)
    names = ("rougeL", "rouge1", "rouge2", "rougeLsum")
    return Scores(
        positions=predictions.known,
        row_ids=list(rows.row_ids),
        sums=sums,
        figures=summary_figures,
        headline=(*names, "compression", "copy_rate", "length"),
        right=sums[:, 1] > 0,
        what=_what(references),
        bounds=dict.fromkeys((*names, "copy_rate"), (0.0, 1.0)),
        notes=("ROUGE as in rouge-score, without stemmer, over words of a to z and digits.",),
    )


def _plain(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _what(references: Sequence[str]) -> str:
    words = sum(len(text.split()) for text in references) / max(1, len(references))
    return f"{len(references):,} rows with true texts of {words:.1f} words on average"


def _share(part: Array, whole: Array) -> Floats:
    result: Floats = np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=np.asarray(whole) > 0)
    return result


SCORES: Mapping[str, Callable[[TextPredictions], Scores]] = {
    "translation": translation_scores,
    "summarization": summary_scores,
}
"""Task id → how its texts are scored."""


class RowMeasure(NamedTuple):
    """How single texts are judged.

    Attributes:
        name: of the figure that ranks them.
        of: that figure from n written and n true texts.
        figures: what is said about one row, from all its figures and its prediction.
    """

    name: str
    of: Callable[[Sequence[str], Sequence[str]], Floats]
    figures: Callable[[Mapping[str, float], TextPredictions], dict[str, float]]


ROWS: Mapping[str, RowMeasure] = {
    "translation": RowMeasure("chrf", row_chrf, translation_row),
    "summarization": RowMeasure("rougeL", row_rouge_l, lambda figures, _: dict(figures)),
}
"""Task id → how its rows are judged one by one."""
