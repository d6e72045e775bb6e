"""Figures of language models: how well tokens are foreseen, and what written texts are like.

Everything follows from sums over rows, so that the bootstrap in ``labkit.evaluation`` is one matrix product.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.errors import DataError
from labkit.tasks._language_predictions import LanguagePredictions
from labkit.tasks._scores import Scores
from labkit.tasks._text_metrics import rouge, translation_figures, translation_statistics

Array = npt.NDArray[Any]

METRICS: dict[str, tuple[bool, str]] = {
    "loss": (False, "cross-entropy: the negative log-probability of the right token in nats, mean over tokens"),
    "perplexity": (False, "the exponential of the loss: between how many equally likely tokens the model wavers"),
    "token_accuracy": (True, "share of tokens that the model held to be the most probable"),
}
"""Name of each metric that is known of every row → whether higher is better, and what it is."""

OTHERS: dict[str, tuple[bool, str]] = {
    "pseudo_perplexity": (False, "perplexity over tokens that are masked one at a time, with all others in sight"),
    "repetition": (False, "share of the runs of four words in written texts that occurred before in the same text"),
    "distinct_1": (True, "different words for each word of a written text"),
    "distinct_2": (True, "different pairs of words for each pair of a written text"),
    "length": (True, "words in a written text, mean over texts"),
    "rougeL": (True, "ROUGE-L of written texts: F-measure over the longest common subsequence of words"),
    "chrf": (True, "chrF of written texts, 0 to 100: F2 over n-grams of characters"),
}
"""The figures that only some rows have: those whose tokens were masked one by one, or behind which something was written."""

_FIRST = ("rows", "nll", "tokens", "hits", "pseudo_nll", "pseudo_tokens")
_WRITTEN = ("texts", "words", "unique", "pairs", "unique_pairs", "grams", "repeated")
_BESIDE = 20  # columns about written texts beside true ones: ROUGE-L, how many, and the counts of chrF
_BEFORE_CHRF = 12  # columns of ``translation_statistics`` that are not of chrF
_GRAM = 4  # words


def scores(predictions: LanguagePredictions) -> Scores:
    """What ``LanguagePredictions.scores`` returns.

    Perplexity is the exponential of the mean over all tokens, not a mean over rows. Pseudo-perplexity: Salazar et al. 2020
    (arXiv:1910.14659). Distinct n-grams: Li et al. 2016 (arXiv:1510.03055), here within each text, so that long and
    short samples compare. Repeated runs of four words: Welleck et al. 2020 (arXiv:1908.04319).

    Raises:
        DataError: no row has a token to foresee.
    """
    at = np.flatnonzero(predictions.tokens > 0)
    if not len(at):
        came = f"{len(predictions):,} rows without any"
        raise DataError("rows with tokens to foresee", came, "give rows with texts, or with completions")
    rows = predictions.take(at)
    sums = np.zeros((len(rows), len(_FIRST) + len(_WRITTEN) + _BESIDE))
    sums[:, : len(_FIRST)] = np.column_stack(
        [np.ones(len(rows)), rows.nll, rows.tokens, rows.hits, rows.pseudo_nll, rows.pseudo_tokens]
    )
    start = len(_FIRST)
    for line, text in zip(sums, rows.predicted, strict=True):
        if text is not None and rows.task == "text-generation":
            line[start : start + len(_WRITTEN)] = _written(text)
    both = [
        i
        for i, (text, reference) in enumerate(zip(rows.predicted, rows.references, strict=True))
        if text is not None and reference is not None
    ]
    if both:
        said, wanted = [[str(texts[i]) for i in both] for texts in (rows.predicted, rows.references)]
        sums[both, start + len(_WRITTEN) :] = _beside(said, wanted)
    headline = ("loss", "perplexity", "token_accuracy")
    more = tuple(OTHERS) if rows.task == "text-generation" else ("pseudo_perplexity",)
    tokens = int(rows.tokens.sum())
    what = f"{len(rows):,} rows with {tokens:,} {'masked tokens' if rows.task == 'fill-mask' else 'tokens'}"
    written = int(sums[:, start].sum())
    return Scores(
        positions=at,
        row_ids=list(rows.row_ids),
        sums=sums,
        figures=from_sums,
        headline=(*headline, *more),
        right=rows.hits == rows.tokens,
        what=what + (f", and {written:,} texts written" if written else ""),
        bounds={
            "loss": (0.0, np.inf),
            "perplexity": (1.0, np.inf),
            "pseudo_perplexity": (1.0, np.inf),
            "chrf": (0.0, 100.0),
            "length": (0.0, np.inf),
            **dict.fromkeys(("token_accuracy", "repetition", "distinct_1", "distinct_2", "rougeL"), (0.0, 1.0)),
        },
        lower=frozenset(name for name, (higher, _) in {**METRICS, **OTHERS}.items() if not higher),
    )


def from_sums(sums: Array) -> dict[str, Array]:
    """Every figure from sums of shape (m, r), each of shape (r,); NaN where it has no value."""
    sums = np.asarray(sums, dtype=np.float64)
    first, written, beside = np.split(sums, [len(_FIRST), len(_FIRST) + len(_WRITTEN)])
    _, nll, tokens, hits, pseudo_nll, pseudo_tokens = first
    texts, words, unique, pairs, unique_pairs, grams, repeated = written
    loss = _share(nll, tokens)
    rouges, known, counts = beside[0], beside[1], beside[2:]
    # where nothing was written at all there are no 4-grams, and nothing is repeated
    repetition = np.where(texts > 0, np.divide(repeated, grams, out=np.zeros_like(grams), where=grams > 0), np.nan)
    return {
        "loss": loss,
        "perplexity": np.exp(np.minimum(loss, 700)),
        "token_accuracy": _share(hits, tokens),
        "pseudo_perplexity": np.exp(np.minimum(_share(pseudo_nll, pseudo_tokens), 700)),
        "repetition": repetition,
        "distinct_1": _share(unique, words),
        "distinct_2": _share(unique_pairs, pairs),
        "length": _share(words, texts),
        "rougeL": _share(rouges, known),
        "chrf": np.where(known > 0, _chrf(counts), np.nan),
    }


def quick(nll: float, tokens: float, hits: float) -> dict[str, float]:
    """``METRICS`` from sums over all rows; NaN where there is no token."""
    sums = np.zeros((len(_FIRST) + len(_WRITTEN) + _BESIDE, 1))
    sums[1:4, 0] = nll, tokens, hits
    found = from_sums(sums)
    return {name: float(found[name][0]) for name in METRICS}


def _written(text: str) -> tuple[float, ...]:
    words = text.split()
    pairs = list(itertools.pairwise(words))
    grams = [tuple(words[i : i + _GRAM]) for i in range(len(words) - _GRAM + 1)]
    return (
        1,
        len(words),
        len(set(words)),
        len(pairs),
        len(set(pairs)),
        len(grams),
        len(grams) - len(set(grams)),
    )


def _beside(said: Sequence[str], wanted: Sequence[str]) -> Array:
    """For each pair of texts: ROUGE-L, 1, and the counts that chrF follows from."""
    rouges = [rouge(one, other)[2] for one, other in zip(said, wanted, strict=True)]
    counts, _ = translation_statistics(said, wanted)
    return np.column_stack([rouges, np.ones(len(said)), counts[:, _BEFORE_CHRF:]])


def _chrf(counts: Array) -> Array:
    nothing = np.zeros((_BEFORE_CHRF, counts.shape[1]))
    return translation_figures(np.vstack([nothing, counts]))["chrf"]


def _share(part: Array, whole: Array) -> Array:
    result: Array = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
    return result
