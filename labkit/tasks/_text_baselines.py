"""The cheap writers of texts that every model stands beside: they copy, translate word by word, or take the first sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.data._layouts.pairs import Lexicon
from labkit.errors import DataError
from labkit.tasks._encode import columns_of
from labkit.tasks._text_predictions import TextPredictions

COPY = "the source as it is"
WORD_BY_WORD = "word by word"
LEAD_SENTENCES = "first three sentences"
LEAD_WORDS = "first words"

_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+|\n+")
_MOST_WORDS = 60  # of a text, that take part in learning


def translation_baselines(train: Any, rows: Any) -> dict[str, TextPredictions]:
    """The source itself, and each word by its most probable translation, in the order of the source.

    The translations are those of IBM model 1 (Brown et al. 1993, The Mathematics of Statistical Machine Translation), learnt
    from the training rows; words that it has not met stay as they are.

    Args:
        train: a split of a corpus of layout "pairs", or its columns; rows without a target are left out.
        rows: what to translate, with ``row_id`` and ``text``.

    Raises:
        DataError: no training row has a target.
    """
    learnt, asked = _told(train), columns_of(rows)
    best = _dictionary(learnt)

    def by_word(text: str) -> str:
        made = _WORD.sub(lambda match: best.get(match.group().casefold(), match.group()), text)
        return made[:1].upper() + made[1:] if text[:1].isupper() else made

    return {COPY: _made("translation", asked, str), WORD_BY_WORD: _made("translation", asked, by_word)}


def summary_baselines(train: Any, rows: Any) -> dict[str, TextPredictions]:
    """The first three sentences, and as many first words as the summaries of the training rows have on average.

    Args:
        train: a split of a corpus of layout "pairs", or its columns; rows without a target are left out.
        rows: what to summarise, with ``row_id`` and ``text``.

    Raises:
        DataError: no training row has a target.
    """
    learnt, asked = _told(train), columns_of(rows)
    words = max(1, round(float(np.mean([len(target.split()) for _, target in learnt]))))

    def sentences(text: str) -> str:
        return " ".join([part.strip() for part in _SENTENCE_END.split(text) if part.strip()][:3])

    def first(text: str) -> str:
        return " ".join(text.split()[:words])

    return {
        LEAD_SENTENCES: _made("summarization", asked, sentences),
        LEAD_WORDS: _made("summarization", asked, first),
    }


def _told(train: Any) -> list[tuple[str, str]]:
    columns = columns_of(train)
    if "target" in columns:
        pairs = zip(columns["text"], columns["target"], strict=True)
        told = [(text or "", target) for text, target in pairs if target is not None]
        if told:
            return told
    raise DataError("training rows with a target", "none", "give some rows their target, or leave the baselines out")


def _made(task: str, asked: dict[str, Any], write: Callable[[str], str]) -> TextPredictions:
    texts = [text or "" for text in asked["text"]]
    return TextPredictions(
        task=task,
        row_ids=list(asked["row_id"]),
        inputs=texts,
        predicted=[write(text) for text in texts],
        confidence=np.full(len(texts), np.nan),
        references=list(asked["target"]) if "target" in asked else None,
    )


def _dictionary(learnt: list[tuple[str, str]]) -> dict[str, str]:
    """Source word → its most probable translation, spelt as it mostly is."""
    lexicon = Lexicon()
    spellings: dict[str, Counter[str]] = {}
    rows = []
    for text, target in learnt:
        said = _WORD.findall(target)
        for word in said:
            spellings.setdefault(word.casefold(), Counter())[word] += 1
        source = dict.fromkeys(word.casefold() for word in _WORD.findall(text))
        rows.append(([*source][:_MOST_WORDS], [*dict.fromkeys(word.casefold() for word in said)][:_MOST_WORDS]))
    lexicon.learn(rows)
    best: dict[str, tuple[float, str]] = {}
    for (word, other), count in lexicon.counts.items():
        best[word] = max(best.get(word, (0.0, "")), (count, other))
    return {
        word: min(spellings[other].items(), key=lambda item: (-item[1], item[0]))[0]
        for word, (_, other) in best.items()
    }
