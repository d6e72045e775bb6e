"""Words, tokens and tags: how spans of characters become one tag a token, and how tags become spans again.

A word is what a tag is decided for: a token of the source where it came in tokens, else a run of letters and digits or a
single other character. Its tag is read off, and learnt at, its first token, as in Devlin et al. 2019 (arXiv:1810.04805).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from labkit.data._layouts.spans import Span
from labkit.tasks._encode import Encoded
from labkit.tasks._losses import IGNORED

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

_OVERLAP = 0.25  # share of a window that the next one repeats, so that every word is seen with words around it
_CHUNK = 500  # rows tokenised at a time
# letters, digits and what is written with them; scripts without spaces go character by character
_UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])\w)+|[^\w\s]")

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenEncoded(Encoded):
    """Rows in windows of tokens with a tag each; a window is what the model sees, and what a batch is made of.

    Attributes:
        tags: int16, the tag of every token, aligned with ``ids``; ``IGNORED`` where there is none to learn. None for rows
            without spans.
        row: int32, the row that each window is of.
        texts: of the rows.
        words: start and end of the words of each row, shape (words, 2).
        firsts: for each window, (word, token) pairs: the words it decides, and where in it their first token stands.
        gold: spans of each row, None where they are unknown; None when no row has any.
    """

    tags: npt.NDArray[np.int16] | None
    row: Ints
    texts: Sequence[str]
    words: Sequence[Ints]
    firsts: Sequence[Ints]
    gold: Sequence[tuple[Span, ...] | None] | None

    def batch(self, rows: Sequence[int], pad_id: int, side: str = "right") -> dict[str, torch.Tensor]:
        """Windows padded to the longest of them, with the tags as labels."""
        import torch

        result = super().batch(rows, pad_id, side)
        if self.tags is not None:
            width = result["input_ids"].shape[1]
            labels = np.full((len(rows), width), IGNORED, dtype=np.int64)
            for i, window in enumerate(rows):
                start, end = int(self.offsets[window]), int(self.offsets[window + 1])
                place = slice(width - (end - start), width) if side == "left" else slice(0, end - start)
                labels[i, place] = self.tags[start:end]
            result["labels"] = torch.from_numpy(labels)
        return result


def words_of(text: str) -> Ints:
    """Start and end of each word of a text, shape (words, 2)."""
    return np.array([match.span() for match in _WORD.finditer(text)], dtype=np.int32).reshape(-1, 2)


def tag_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The tags of IOB2 for types of entities: O, then B- and I- of each."""
    return ("O", *(f"{mark}-{label}" for label in labels for mark in "BI"))


def tags_of(words: Ints, spans: Sequence[Span], labels: dict[str, int]) -> npt.NDArray[np.int16]:
    """The tag of every word, as positions in ``tag_names``; a word that a span cuts belongs to it as a whole.

    Of overlapping spans the longest wins, because a word has one tag. Spans of an unknown type are left out.
    """
    tags = np.zeros(len(words), dtype=np.int16)
    for start, end, label in sorted(spans, key=lambda span: (span.start - span.end, span.start)):
        inside = np.flatnonzero((words[:, 0] < end) & (words[:, 1] > start))
        if label in labels and len(inside) and not tags[inside].any():
            tags[inside] = 2 * labels[label] + 2
            tags[inside[0]] -= 1
    return tags


def spans_of(tags: Sequence[int] | npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """First and last word of each entity; I- without a B- of its type before it begins one."""
    found: list[tuple[int, int]] = []
    before = 0
    for i, tag in enumerate(tags):
        if tag:
            begins = tag % 2 == 1 or (before + 1) // 2 != (tag + 1) // 2
            if begins:
                found.append((i, i))
            else:
                found[-1] = (found[-1][0], i)
        before = tag
    return found


def encode_words(
    rows: Any, tokenizer: PreTrainedTokenizerBase, *, max_length: int, labels: Sequence[str]
) -> TokenEncoded:
    """Tokenise rows in overlapping windows, and put the tag of each word on its first token.

    Args:
        rows: a split of a corpus of layout "spans", or a mapping with the column ``text``, and ``words`` and ``spans``
            where there are any.
        tokenizer: a fast one, which knows which characters a token is of.
        max_length: tokens in a window, special ones included.
        labels: types of entities.
    """
    names = getattr(rows, "column_names", None) or list(rows)
    index = {label: i for i, label in enumerate(labels)}
    texts = [text or "" for text in rows["text"]]
    words = [np.array(flat, dtype=np.int32).reshape(-1, 2) for flat in rows["words"]] if "words" in names else None
    words = words or [words_of(text) for text in texts]
    gold = [as_spans(value) for value in rows["spans"]] if "spans" in names else None
    special = tokenizer.num_special_tokens_to_add()
    room = max(max_length - special, 1)
    ids: list[Ints] = []
    tags: list[npt.NDArray[np.int16]] = []
    row: list[int] = []
    firsts: list[Ints] = []
    for at in range(0, len(texts), _CHUNK):
        batch = tokenizer(
            texts[at : at + _CHUNK],
            truncation=True,
            max_length=max_length,
            stride=min(int(room * _OVERLAP), room - 1),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        for i, of in enumerate(batch["overflow_to_sample_mapping"]):
            row.append(at + of)
            window = np.asarray(batch["input_ids"][i], dtype=np.int32)
            places = np.asarray(batch["offset_mapping"][i], dtype=np.int64).reshape(-1, 2)
            plain = np.asarray(batch["special_tokens_mask"][i]) == 0
            ids.append(window)
            firsts.append(_first_tokens(words[at + of], places, plain))
    firsts = _decided(row, firsts, len(texts))
    if gold is not None:
        coded = [None if spans is None else tags_of(words[i], spans, index) for i, spans in enumerate(gold)]
        for window, of, first in zip(ids, row, firsts, strict=True):
            told = np.full(len(window), IGNORED, dtype=np.int16)
            truth = coded[of]
            if truth is not None:
                # several words may share a token: the first of them teaches it
                told[first[::-1, 1]] = truth[first[::-1, 0]]
            tags.append(told)
    return TokenEncoded(
        ids=np.concatenate(ids) if ids else np.zeros(0, np.int32),
        types=None,
        offsets=np.concatenate([[0], np.cumsum([len(window) for window in ids])]).astype(np.int64),
        truncated=len({of for of, count in zip(*np.unique(row, return_counts=True), strict=True) if count > 1}),
        tags=np.concatenate(tags) if tags else None,
        row=np.asarray(row, dtype=np.int32),
        texts=texts,
        words=words,
        firsts=firsts,
        gold=gold,
    )


def as_spans(value: Any) -> tuple[Span, ...] | None:
    """The spans of a cell: dictionaries or triples with start, end and label; None stays None."""
    if value is None:
        return None
    return tuple(Span(*((one["start"], one["end"], one["label"]) if isinstance(one, dict) else one)) for one in value)


def _first_tokens(words: Ints, places: npt.NDArray[np.int64], plain: npt.NDArray[np.bool_]) -> Ints:
    """(word, token) for every word of which the window holds the first token, shape (n, 2).

    A token is of every word whose characters it shares; some tokenizers count the space before a word as the token's.
    """
    at = np.flatnonzero(plain & (places[:, 1] > places[:, 0]))
    if not len(at) or not len(words):
        return np.zeros((0, 2), dtype=np.int32)
    token = np.searchsorted(places[at, 1], words[:, 0], side="right")  # the first that ends behind the word's start
    word = np.flatnonzero(token < len(at))
    token = token[word]
    shared = places[at[token], 0] < words[word, 1]
    # at the window's left edge a token may go on with a word that began before it
    whole = (token > 0) | (places[at[token], 0] <= words[word, 0])
    keep = shared & whole
    return np.stack([word[keep], at[token[keep]]], axis=1).astype(np.int32)


def _decided(row: Sequence[int], firsts: Sequence[Ints], rows: int) -> list[Ints]:
    """Of windows that share words, the one in whose middle a word stands decides about it."""
    of: list[list[int]] = [[] for _ in range(rows)]
    for window, i in enumerate(row):
        of[i].append(window)
    result = list(firsts)
    for windows in of:
        if len(windows) < 2:
            continue
        best: dict[int, tuple[int, int]] = {}
        for window in windows:
            first = firsts[window]
            last = int(first[-1, 1]) if len(first) else 0
            for word, token in first.tolist():
                margin = min(token, last - token)
                if word not in best or margin > best[word][0]:
                    best[word] = (margin, window)
        for window in windows:
            first = firsts[window]
            result[window] = first[[best[int(word)][1] == window for word in first[:, 0]]].reshape(-1, 2)
    return result
