"""What the tasks of language modelling share: running text in windows, the loss over tokens, sums over rows, a unigram model.

A window is what the model sees. Texts are put one behind another and cut into windows, so that nothing of a long one is lost
and hardly anything is padded (as in GPT-2 and RoBERTa). Each token knows its row, so that figures are of rows all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from labkit.tasks._encode import Encoded, batches_by_length
from labkit.tasks._language_predictions import LanguagePredictions
from labkit.tasks._losses import IGNORED
from labkit.tasks._outputs import foreseeing, logits_at

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

UNIGRAM = "unigram model"
_LOGITS = 1 << 26  # numbers in the logits of a batch at most: 256 MB
_CHUNK = 500  # texts tokenised at a time

Ints = npt.NDArray[np.int32]
Sums = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True, eq=False)
class LanguageEncoded(Encoded):
    """Windows of running text.

    Attributes:
        row: int32, the row that each token is of, aligned with ``ids``; -1 for tokens that are of none.
        learnt: bool, whether each token is to be foreseen, aligned with ``ids``.
        texts: the rows as texts.
        references: what should be written behind each, None where nobody knows.
        tokenizer: that it was tokenised with.
        max_length: tokens of a window at most.
    """

    row: Ints
    learnt: npt.NDArray[np.bool_]
    texts: Sequence[str]
    references: Sequence[str | None]
    tokenizer: PreTrainedTokenizerBase
    max_length: int

    def window(self, at: int) -> tuple[Ints, Ints, Ints]:
        """Token ids of a window as the model sees them, what is to be foreseen at each (``IGNORED``: nothing), and the row."""
        place = slice(int(self.offsets[at]), int(self.offsets[at + 1]))
        ids = self.ids[place]
        return ids, np.where(self.learnt[place], ids, np.int32(IGNORED)), self.row[place]

    def of_epoch(self, seed: int, epoch: int) -> LanguageEncoded:
        """The windows as they are in one epoch of a training: always the same ones."""
        return self

    def batch(self, rows: Sequence[int], pad_id: int, side: str = "right") -> dict[str, torch.Tensor]:
        """Windows padded to the longest of them, on the right whatever ``side`` says: a causal model then never sees it."""
        import torch

        ids, truth, _ = padded([self.window(at) for at in rows], pad_id)
        lengths = self.offsets[[at + 1 for at in rows]] - self.offsets[list(rows)]
        mask = (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)
        return {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(mask),
            "labels": torch.from_numpy(truth),
        }

    def foreseen(self) -> Iterator[tuple[Ints, Ints]]:
        """Of each window, the tokens to be foreseen and their rows."""
        for at in range(len(self)):
            _, truth, row = self.window(at)
            here = truth != IGNORED
            yield truth[here], row[here]


def padded(windows: Sequence[tuple[Ints, Ints, Ints]], pad_id: int) -> tuple[npt.NDArray[np.int64], ...]:
    """Windows as matrices of token ids, of what is to be foreseen, and of rows."""
    width = max(max((len(ids) for ids, _, _ in windows), default=1), 1)
    found = tuple(np.full((len(windows), width), fill, dtype=np.int64) for fill in (pad_id, IGNORED, -1))
    for i, window in enumerate(windows):
        for matrix, values in zip(found, window, strict=True):
            matrix[i, : len(values)] = values
    return found


def tokens_of(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> Iterator[tuple[list[int], list[int | None]]]:
    """Token ids of each text without special tokens, and the word that each token is of, as the tokenizer cuts words."""
    for start in range(0, len(texts), _CHUNK):
        batch = tokenizer(
            list(texts[start : start + _CHUNK]),
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        for i, ids in enumerate(batch["input_ids"]):
            words = batch.encodings[i].word_ids if batch.encodings else list(range(len(ids)))
            yield ids, words


def wrapping(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """The special tokens that the tokenizer puts before and behind a text."""
    inner, whole = (tokenizer("a", add_special_tokens=special)["input_ids"] for special in (False, True))
    at = next((i for i in range(len(whole)) if whole[i : i + len(inner)] == inner), 0)
    return list(whole[:at]), list(whole[at + len(inner) :])


def cut(stream: Ints, row: Ints, room: int, before: Sequence[int], behind: Sequence[int]) -> tuple[Ints, Ints, Any]:
    """A stream of tokens cut into windows of ``room``, each wrapped in special tokens: ids, rows and offsets."""
    room = max(room, 1)
    count = math.ceil(len(stream) / room)
    sizes = [min(room, len(stream) - at * room) + len(before) + len(behind) for at in range(count)]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    ids, rows = (np.full(int(offsets[-1]), -1, dtype=np.int32) for _ in range(2))
    for at in range(count):
        start, end = int(offsets[at]), int(offsets[at + 1])
        ids[start : start + len(before)] = before
        ids[end - len(behind) : end] = behind
        inside, taken = slice(start + len(before), end - len(behind)), slice(at * room, (at + 1) * room)
        ids[inside], rows[inside] = stream[taken], row[taken]
    return ids, rows, offsets


def token_sums(
    model: PreTrainedModel, encoded: LanguageEncoded, *, pad_id: int, batch_size: int, shifted: bool
) -> Sums:
    """Negative log-likelihood, number and hits of the tokens to be foreseen, summed over each row."""
    import torch

    sums = np.zeros((3, len(encoded.texts)))
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for windows in batches_by_length(encoded.lengths, _fitting(model, encoded.lengths, batch_size)):
                batch = encoded.batch(windows, pad_id)
                truth = batch.pop("labels")
                row = torch.from_numpy(padded([encoded.window(at) for at in windows], pad_id)[2])
                inputs = {name: part.to(model.device) for name, part in batch.items()}
                logits = logits_at(model, inputs, foreseeing(truth, shifted=shifted)).float()
                there = truth != IGNORED
                truth = truth[there].to(logits.device)
                nll = torch.nn.functional.cross_entropy(logits, truth, reduction="none").double().cpu().numpy()
                hits = (logits.argmax(dim=-1) == truth).cpu().numpy()
                at = row[there].numpy()
                for line, values in zip(sums, (nll, np.ones(len(at)), hits), strict=True):
                    np.add.at(line, at, values)
    finally:
        model.train(was_training)
    return sums[0], sums[1], sums[2]


def _fitting(model: PreTrainedModel, lengths: npt.NDArray[np.int64], batch_size: int) -> int:
    words = int(getattr(model.config, "vocab_size", 0) or 50_000)
    return max(1, min(batch_size, _LOGITS // max(1, int(lengths.max(initial=1)) * words)))


def unigram(
    train: LanguageEncoded, seen: Callable[[], Iterator[Ints]], rows: LanguageEncoded, row_ids: list[str], task: str
) -> LanguagePredictions:
    """The cheapest language model: each token as often as in the training texts, whatever stands around it.

    Counts are smoothed by adding one to that of every token of the vocabulary (Laplace), so that no token is impossible.

    Args:
        train: the training rows, for their tokenizer.
        seen: gives the tokens to count.
        rows: what to predict.
        row_ids: of these rows.
        task: task id.
    """
    counts = np.ones(len(train.tokenizer))
    for tokens in seen():
        np.add.at(counts, tokens, 1)
    nll = -np.log(counts / counts.sum())
    best = int(counts.argmax())
    sums = np.zeros((3, len(row_ids)))
    for tokens, row in rows.foreseen():
        for line, values in zip(sums, (nll[tokens], np.ones(len(tokens)), tokens == best), strict=True):
            np.add.at(line, row, values)
    return LanguagePredictions(task=task, row_ids=row_ids, inputs=rows.texts, nll=sums[0], tokens=sums[1], hits=sums[2])


def column(rows: Any, name: str) -> list[Any] | None:
    """A column of a split of a corpus, or of a mapping; None where there is none."""
    names = getattr(rows, "column_names", None) or list(rows)
    return list(rows[name]) if name in names else None
