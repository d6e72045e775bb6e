"""From spans of characters to a tag a token, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labkit.data._layouts.spans import Span
from labkit.models import load_tokenizer
from labkit.tasks._losses import IGNORED
from labkit.tasks._words import encode_words, spans_of, tag_names, tags_of, words_of
from labkit.tasks.token_classification import best_tags

TYPES = {"PER": 0, "LOC": 1}
NAMES = tag_names(tuple(TYPES))


def tagged(text: str, *spans: tuple[int, int, str]) -> list[str]:
    words = words_of(text)
    return [NAMES[tag] for tag in tags_of(words, [Span(*span) for span in spans], TYPES)]


def test_words_are_runs_of_letters_and_single_other_characters() -> None:
    text = "Ann's flat, №3 東京\n"
    assert [text[a:b] for a, b in words_of(text)] == ["Ann", "'", "s", "flat", ",", "№", "3", "東", "京"]
    assert words_of("  \n").shape == (0, 2)


def test_spans_become_tags() -> None:
    assert NAMES == ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
    assert tagged("Ann Lee is in Rome .", (0, 7, "PER"), (14, 18, "LOC")) == [
        "B-PER", "I-PER", "O", "O", "B-LOC", "O",
    ]  # fmt: skip
    assert tagged("Ann Lee", (0, 3, "PER"), (4, 7, "PER")) == ["B-PER", "B-PER"], "two neighbours stay two"


def test_a_word_has_one_tag() -> None:
    assert tagged("Newport Beach", (3, 7, "LOC")) == ["B-LOC", "O"], "a word that a span cuts belongs to it whole"
    assert tagged("Paris Hilton", (0, 5, "LOC"), (0, 12, "PER")) == ["B-PER", "I-PER"], "the longest wins"
    assert tagged("Paris", (0, 5, "ORG")) == ["O"], "an unknown type is left out"


def test_tags_become_spans_of_words() -> None:
    def spans(*names: str) -> list[tuple[int, int]]:
        return spans_of([NAMES.index(name) for name in names])

    assert spans("O", "B-PER", "I-PER", "B-PER", "O", "B-LOC") == [(1, 2), (3, 3), (5, 5)]
    assert spans("I-PER", "I-LOC", "O", "I-LOC", "I-LOC") == [(0, 0), (1, 1), (3, 4)], "as seqeval reads them"
    assert spans() == []


def test_every_sequence_of_words_survives_the_round_trip() -> None:
    rng = np.random.default_rng(0)
    text = " ".join("abcdefghijkl")
    words = words_of(text)
    for _ in range(300):
        spans, at = [], 0
        while at < 12:
            length = int(rng.integers(1, 4))
            if rng.random() < 0.4 and at + length <= 12:
                label = str(rng.choice(list(TYPES)))
                spans.append(Span(int(words[at, 0]), int(words[at + length - 1, 1]), label))
            at += length
        tags = tags_of(words, spans, TYPES)
        back = [(int(words[a, 0]), int(words[b, 1]), NAMES[tags[a]][2:]) for a, b in spans_of(tags)]
        assert back == [tuple(span) for span in spans]


def brute(scores: Any) -> float:
    """The best sum over all allowed sequences, one by one."""
    import itertools

    k = scores.shape[1]
    best = -np.inf
    for tags in itertools.product(range(k), repeat=len(scores)):
        ok = all(tag == 0 or tag % 2 == 1 or (i and tags[i - 1] in (tag, tag - 1)) for i, tag in enumerate(tags))
        if ok:
            best = max(best, float(sum(scores[i, tag] for i, tag in enumerate(tags))))
    return best


def test_the_best_sequence_is_the_best_of_those_that_are_allowed() -> None:
    rng = np.random.default_rng(1)
    for n in (1, 2, 3, 4, 5):
        for _ in range(20):
            scores = np.log(rng.dirichlet(np.ones(5) * 0.3, n) + 1e-12)
            tags = best_tags(scores)
            assert sum(scores[i, tag] for i, tag in enumerate(tags)) == pytest.approx(brute(scores))
    assert best_tags(np.zeros((0, 5))).shape == (0,)


def test_the_first_token_of_a_word_carries_its_tag(toy_model: Path) -> None:
    tokenizer = load_tokenizer(str(toy_model))
    rows = {"text": ["goal xyz!"], "spans": [[{"start": 5, "end": 8, "label": "PER"}]]}
    made = encode_words(rows, tokenizer, max_length=32, labels=("PER",))
    tokens = tokenizer.convert_ids_to_tokens(made.ids.tolist())
    assert tokens == ["[CLS]", "goal", "x", "##y", "##z", "!", "[SEP]"]
    assert made.tags is not None and made.tags.tolist() == [IGNORED, 0, 1, IGNORED, IGNORED, 0, IGNORED]


def test_words_of_the_source_are_kept(toy_model: Path) -> None:
    tokenizer = load_tokenizer(str(toy_model))
    rows = {"text": ["goal x-y ."], "words": [[0, 4, 5, 8, 9, 10]], "spans": [[{"start": 5, "end": 8, "label": "PER"}]]}
    made = encode_words(rows, tokenizer, max_length=32, labels=("PER",))
    assert made.firsts[0][:, 0].tolist() == [0, 1, 2], "x-y is one word here"
    assert made.tags is not None and (made.tags == 1).sum() == 1


@pytest.mark.parametrize("max_length", [4, 6, 9, 17])
def test_nothing_of_a_long_row_is_lost(toy_model: Path, max_length: int) -> None:
    tokenizer = load_tokenizer(str(toy_model))
    text = " ".join(["goal", "match", "xyz", "!"] * 10)
    rows = {"text": [text, "goal", ""], "spans": [[{"start": 0, "end": len(text), "label": "PER"}], [], []]}
    made = encode_words(rows, tokenizer, max_length=max_length, labels=("PER",))
    assert made.lengths.max() <= max_length and made.truncated == 1
    decided = sorted(int(word) for i, first in enumerate(made.firsts) if made.row[i] == 0 for word in first[:, 0])
    assert decided == list(range(40)), "every word is decided once"
    assert made.tags is not None and sorted(made.tags[made.tags > 0].tolist()) == [1, *[2] * 39]
    assert set(made.row.tolist()) == {0, 1, 2}, "an empty row has a window too"


def test_batches_pad_the_tags_where_they_pad_the_tokens(toy_model: Path) -> None:
    tokenizer = load_tokenizer(str(toy_model))
    rows = {"text": ["goal", "goal match team"], "spans": [[], [{"start": 5, "end": 10, "label": "PER"}]]}
    made = encode_words(rows, tokenizer, max_length=32, labels=("PER",))
    right, left = made.batch([0, 1], 0, "right"), made.batch([0, 1], 0, "left")
    assert right["labels"].tolist() == [[IGNORED, 0, IGNORED, IGNORED, IGNORED], [IGNORED, 0, 1, 0, IGNORED]]
    assert left["labels"].tolist() == [[IGNORED, IGNORED, IGNORED, 0, IGNORED], [IGNORED, 0, 1, 0, IGNORED]]
    assert left["attention_mask"].tolist()[0] == [0, 0, 1, 1, 1]
