"""Texts as token ids: what the tokenizer says, cut and padded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from labkit.models import load_tokenizer
from labkit.tasks import encode
from labkit.tasks._encode import batches_by_length

TEXTS = ["goal match", "soup", "the train ticket and the hotel", "", "goal " * 100]


@pytest.fixture(scope="module")
def tokenizer(toy_model: Path) -> Any:
    return load_tokenizer(str(toy_model))


def test_ids_are_the_tokenizers(tokenizer: Any) -> None:
    encoded = encode({"text": TEXTS}, tokenizer, max_length=64)
    assert len(encoded) == 5
    for i, text in enumerate(TEXTS):
        row = encoded.ids[encoded.offsets[i] : encoded.offsets[i + 1]].tolist()
        assert row == tokenizer(text, truncation=True, max_length=64)["input_ids"]
    assert encoded.lengths.tolist() == [4, 3, 8, 2, 64]
    assert encoded.types is None and encoded.targets is None


def test_texts_that_were_cut_are_counted(tokenizer: Any) -> None:
    assert encode({"text": TEXTS}, tokenizer, max_length=64).truncated == 1
    assert encode({"text": TEXTS}, tokenizer, max_length=6).truncated == 2
    assert encode({"text": TEXTS[:2]}, tokenizer, max_length=64).truncated == 0


def test_padding_and_mask(tokenizer: Any) -> None:
    encoded = encode({"text": TEXTS}, tokenizer, max_length=64, targets=np.array([0, 1, 2, -1, 0]))
    right = encoded.batch([3, 0, 1], pad_id=9)
    ids = [tokenizer(TEXTS[i])["input_ids"] for i in (3, 0, 1)]
    assert right["input_ids"].tolist() == [row + [9] * (4 - len(row)) for row in ids]
    assert right["attention_mask"].tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0]]
    assert right["labels"].tolist() == [-1, 0, 1]
    left = encoded.batch([3, 0, 1], pad_id=9, side="left")
    assert left["input_ids"].tolist() == [[9] * (4 - len(row)) + row for row in ids]
    assert left["attention_mask"].tolist() == [[0, 0, 1, 1], [1, 1, 1, 1], [0, 1, 1, 1]]


def test_pairs_are_what_the_tokenizer_makes_of_them(tokenizer: Any) -> None:
    rows = {"text": ["goal match", "soup"], "text_pair": ["team", "bread and salt"]}
    encoded = encode(rows, tokenizer, max_length=64)
    batch = encoded.batch([0, 1], pad_id=tokenizer.pad_token_id)
    theirs = tokenizer(rows["text"], rows["text_pair"], padding=True, return_tensors="pt")
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        assert batch[name].tolist() == theirs[name].tolist()


def test_a_dataset_gives_what_lists_give(tokenizer: Any) -> None:
    texts = [f"goal {'match ' * (i % 9)}" for i in range(2500)]  # more than one chunk
    listed = encode({"text": texts}, tokenizer, max_length=64)
    mapped = encode(Dataset.from_dict({"row_id": texts, "text": texts}), tokenizer, max_length=64)
    assert np.array_equal(listed.ids, mapped.ids) and np.array_equal(listed.offsets, mapped.offsets)
    assert len(mapped) == 2500


def test_no_rows(tokenizer: Any) -> None:
    encoded = encode({"text": []}, tokenizer, max_length=64)
    assert len(encoded) == 0 and encoded.lengths.tolist() == []


def test_batches_by_length_hold_every_row_once_longest_first() -> None:
    lengths = np.array([3, 9, 1, 9, 4, 7, 2])
    batches = list(batches_by_length(lengths, 3))
    assert batches == [[1, 3, 5], [4, 0, 6], [2]]
    assert list(batches_by_length(np.array([], dtype=np.int64), 3)) == []
