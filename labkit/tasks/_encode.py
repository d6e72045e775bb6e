"""Texts as token ids: one flat array a split, padded into batches as they are needed.

Flat int32 arrays take 4 bytes a token where lists of Python ints take 36, and a batch is padded with a few array copies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

_CHUNK = 1000  # rows tokenised at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """Tokenised rows.

    Attributes:
        ids: token ids of all rows one after another, int32.
        types: token type ids beside them (which text of a pair), int8; None where the model has none or all are 0.
        offsets: where each row starts in ``ids``, n + 1 entries.
        targets: what the loss compares with, n rows; None for rows without labels.
        truncated: how many rows were cut to the longest input.
    """

    ids: npt.NDArray[np.int32]
    types: npt.NDArray[np.int8] | None
    offsets: npt.NDArray[np.int64]
    targets: npt.NDArray[Any] | None = None
    truncated: int = 0

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens in each row."""
        lengths: npt.NDArray[np.int64] = np.diff(self.offsets)
        return lengths

    def of_epoch(self, seed: int, epoch: int) -> Encoded:
        """The rows as they are in one epoch of a training: the same in each, unless a task says otherwise."""
        return self

    def batch(self, rows: Sequence[int], pad_id: int, side: str = "right") -> dict[str, torch.Tensor]:
        """Rows padded to the longest of them: input_ids, attention_mask, token_type_ids and labels as tensors.

        Args:
            rows: positions of the rows.
            pad_id: id of the padding token.
            side: ``"right"`` or ``"left"``: where padding goes.
        """
        import torch

        starts, ends = self.offsets[list(rows)], self.offsets[[row + 1 for row in rows]]
        width = int((ends - starts).max(initial=1))
        ids = np.full((len(rows), width), pad_id, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        types = None if self.types is None else np.zeros((len(rows), width), dtype=np.int64)
        for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
            place = slice(width - (end - start), width) if side == "left" else slice(0, end - start)
            ids[i, place] = self.ids[start:end]
            mask[i, place] = 1
            if types is not None and self.types is not None:
                types[i, place] = self.types[start:end]
        result = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if types is not None:
            result["token_type_ids"] = torch.from_numpy(types)
        if self.targets is not None:
            result["labels"] = torch.from_numpy(self.targets[list(rows)])
        return result


def encode(
    rows: Any, tokenizer: PreTrainedTokenizerBase, *, max_length: int, targets: npt.NDArray[Any] | None = None
) -> Encoded:
    """Tokenise the texts of a split.

    Args:
        rows: a split of a corpus, or a mapping with the columns ``text`` and, for pairs, ``text_pair``.
        tokenizer: the base model's.
        max_length: tokens to cut each row to, special tokens included.
        targets: what the loss compares with, aligned with the rows.
    """
    names = getattr(rows, "column_names", None) or list(rows)
    paired = "text_pair" in names
    total = len(rows["text"])
    pieces: list[npt.NDArray[np.int32]] = []
    type_pieces: list[npt.NDArray[np.int8]] = []
    lengths: list[int] = []
    truncated = 0
    for start in range(0, total, _CHUNK):
        texts = list(rows["text"][start : start + _CHUNK])
        pairs = list(rows["text_pair"][start : start + _CHUNK]) if paired else None
        batch = tokenizer(
            texts, pairs, truncation=True, max_length=max_length, return_attention_mask=False, verbose=False
        )
        for i, ids in enumerate(batch["input_ids"]):
            pieces.append(np.asarray(ids, dtype=np.int32))
            lengths.append(len(ids))
            truncated += bool(batch.encodings and batch.encodings[i].overflowing)
            if paired and "token_type_ids" in batch:
                type_pieces.append(np.asarray(batch["token_type_ids"][i], dtype=np.int8))
    return Encoded(
        ids=np.concatenate(pieces) if pieces else np.zeros(0, np.int32),
        types=np.concatenate(type_pieces) if type_pieces else None,
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        targets=targets,
        truncated=truncated,
    )


def batches_by_length(lengths: npt.NDArray[np.int64], rows: int) -> Iterator[list[int]]:
    """Positions in batches of ``rows``, longest first: hardly any padding, and memory runs out at once or never."""
    order = np.argsort(-lengths, kind="stable")
    for start in range(0, len(order), rows):
        yield order[start : start + rows].tolist()


def columns_of(rows: Any) -> dict[str, Sequence[Any]]:
    """Columns as lists, of a mapping or of a split of a corpus."""
    names = getattr(rows, "column_names", None) or list(rows or {})
    return {name: list(rows[name][:]) for name in names}  # a column of a data set is slow to walk, quick to copy
