"""The two cheap taggers that every model stands beside: a word's most frequent tag, and logistic regression on words.

They are trained on the same training rows and asked about the same rows as the model.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.data._layouts.spans import Span
from labkit.errors import DataError
from labkit.tasks._encode import columns_of
from labkit.tasks._span_predictions import SpanPredictions
from labkit.tasks._words import Ints, as_spans, spans_of, tags_of, words_of

MOST_FREQUENT = "most frequent tag"
WORD_LOGISTIC = "logistic regression on words"

_MOST_WORDS = 200_000  # training words that the regression learns from: some ten seconds


def span_baselines(train: Any, rows: Any, *, labels: Sequence[str], seed: int = 0) -> dict[str, SpanPredictions]:
    """Train the two baselines and predict.

    The first gives every word the tag that it has most often in the training rows, and O to words it has not met. The other
    is multinomial logistic regression on the word, its beginning, end and shape, and its two neighbours on each side: the
    features of a classic tagger (Ratnaparkhi 1996, A Maximum Entropy Model for Part-of-Speech Tagging), each word alone.

    Args:
        train: a split of a corpus of layout "spans", or its columns; rows whose spans are None are left out.
        rows: what to predict, with ``row_id`` and ``text``.
        labels: types of entities.
        seed: of the solver, and of the draw where there are more than 200,000 training words.

    Raises:
        DataError: no training row has spans.
    """
    learnt, asked = columns_of(train), columns_of(rows)
    index = {label: i for i, label in enumerate(labels)}
    told = [(text or "", words, spans) for text, words, spans in _texts(learnt) if spans is not None]
    if not told:
        raise DataError("training rows with spans", "none", "label some rows, or leave the baselines out")
    known = [(_spelt(text, words), tags_of(words, spans, index)) for text, words, spans in told]
    new = [(text, words) for text, words, _ in _texts(asked)]
    spelt = [_spelt(text, words) for text, words in new]
    result = {}
    for name, (tags, sure) in (
        (MOST_FREQUENT, _most_frequent(known, spelt)),
        (WORD_LOGISTIC, _logistic(known, spelt, 2 * len(labels) + 1, seed)),
    ):
        predicted, confidence = [], []
        for (_, words), said, p in zip(new, tags, sure, strict=True):
            stretches = spans_of(said)
            predicted.append(
                tuple(Span(int(words[a, 0]), int(words[b, 1]), labels[(int(said[a]) - 1) // 2]) for a, b in stretches)
            )
            confidence.append(tuple(float(p[a : b + 1].mean()) for a, b in stretches))
        result[name] = SpanPredictions(
            row_ids=list(asked["row_id"]),
            texts=[text for text, _ in new],
            labels=tuple(labels),
            predicted=predicted,
            confidence=confidence,
            gold=[as_spans(value) for value in asked["spans"]] if "spans" in asked else None,
        )
    return result


Tagged = tuple[list[npt.NDArray[np.int64]], list[npt.NDArray[np.float64]]]


def _texts(columns: dict[str, Sequence[Any]]) -> Iterator[tuple[str, Ints, tuple[Span, ...] | None]]:
    for i, text in enumerate(columns["text"]):
        flat = columns["words"][i] if "words" in columns else None
        words = words_of(text or "") if flat is None else np.array(flat, dtype=np.int32).reshape(-1, 2)
        yield text or "", words, as_spans(columns["spans"][i]) if "spans" in columns else None


def _spelt(text: str, words: Ints) -> list[str]:
    return [text[start:end] for start, end in words.tolist()]


def _most_frequent(known: list[tuple[list[str], Any]], new: list[list[str]]) -> Tagged:
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for words, tags in known:
        for word, tag in zip(words, tags.tolist(), strict=True):
            counts[word][tag] += 1
    # of tags that are equally frequent the lowest, so that the order of the rows does not matter
    best = {word: min(count.items(), key=lambda item: (-item[1], item[0])) for word, count in counts.items()}
    share = {word: n / counts[word].total() for word, (_, n) in best.items()}
    tags = [np.array([best[word][0] if word in best else 0 for word in words], dtype=np.int64) for words in new]
    return tags, [np.array([share.get(word, 0.0) for word in words]) for words in new]


def _logistic(known: list[tuple[list[str], Any]], new: list[list[str]], k: int, seed: int) -> Tagged:
    from sklearn.feature_extraction import FeatureHasher

    from labkit.tasks._baselines import logistic

    hasher = FeatureHasher(n_features=2**18, input_type="string", alternate_sign=False)
    features = [one for words, _ in known for one in _features(words)]
    gold = np.concatenate([tags for _, tags in known]).astype(np.int64)
    if len(gold) > _MOST_WORDS:
        drawn = np.random.default_rng(seed).choice(len(gold), _MOST_WORDS, replace=False)
        features, gold = [features[int(i)] for i in drawn], gold[drawn]
    asked = [one for words in new for one in _features(words)]
    sizes = np.cumsum([0, *map(len, new)])
    if not features or not asked:
        return [np.zeros(len(words), dtype=np.int64) for words in new], [np.zeros(len(words)) for words in new]
    (p,) = logistic(hasher.transform(features), gold, [hasher.transform(asked)], k, seed)
    tags, sure = p.argmax(axis=1), p.max(axis=1)
    parts = list(itertools.pairwise(sizes))
    return [tags[a:b] for a, b in parts], [sure[a:b] for a, b in parts]


def _features(words: list[str]) -> Iterator[list[str]]:
    for i, word in enumerate(words):
        low = word.casefold()
        yield [
            "bias",
            f"w={word}",
            f"l={low}",
            f"start={low[:3]}",
            f"end={low[-3:]}",
            f"shape={_shape(word)}",
            *(f"{step}={words[i + step].casefold() if 0 <= i + step < len(words) else '|'}" for step in (-2, -1, 1, 2)),
            f"-1 shape={_shape(words[i - 1]) if i else '|'}",
            f"+1 shape={_shape(words[i + 1]) if i + 1 < len(words) else '|'}",
        ]


def _shape(word: str) -> str:
    """Kinds of characters in a word, runs made one: "Berlin-3" is "Aa-0"."""
    marks = ["0" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in word[:20]]
    return "".join(mark for i, mark in enumerate(marks) if i == 0 or mark != marks[i - 1])
