"""fill-mask: a masked language model, to be adapted to the texts of a field before it learns a task there.

Masks are drawn anew in every epoch (RoBERTa: Liu et al. 2019, arXiv:1907.11692), from the seed, the epoch and the window
alone, so that a resumed run sees the same ones.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from labkit.data._layouts.chats import as_messages, plain
from labkit.errors import ModelError, RecipeError
from labkit.tasks._encode import Encoded
from labkit.tasks._language import (
    UNIGRAM,
    Ints,
    LanguageEncoded,
    column,
    cut,
    padded,
    token_sums,
    tokens_of,
    unigram,
    wrapping,
)
from labkit.tasks._language_metrics import METRICS, quick
from labkit.tasks._language_predictions import Filler, LanguagePredictions
from labkit.tasks._losses import IGNORED, Decision, Decisions, token_decisions
from labkit.tasks._outputs import logits_at

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from labkit.data import Corpus
    from labkit.data._corpus import LayoutName
    from labkit.models import BaseModel

_FIXED = (0, 1 << 31)  # what the masks of validation and test are drawn from: no epoch is that late
_LONG_WORD = 8  # tokens beyond which the tokens of a word are masked one by one, as in scripts without spaces
_PSEUDO_TOKENS = 500  # tokens that are masked one by one for the pseudo-perplexity
_PSEUDO_CONTEXT = 128  # tokens around each of them
_PSEUDO_SECONDS = 30.0
_MASKS = re.compile(r"\[MASK\]|<mask>", re.IGNORECASE)
_FILLERS = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskedEncoded(LanguageEncoded):
    """Windows of running text, some tokens of which are masked.

    Attributes:
        first: bool, whether a word begins at each token, aligned with ``ids``.
        share: of the tokens that are masked.
        ordinary: ids of the tokens that may stand in the place of another: all but the special ones.
        around: special tokens before and behind a text.
        draw: what the masks are drawn from, with the number of the window.
    """

    first: npt.NDArray[np.bool_]
    share: float
    ordinary: Ints
    around: tuple[list[int], list[int]]
    draw: tuple[int, int] = _FIXED

    def of_epoch(self, seed: int, epoch: int) -> MaskedEncoded:
        """The same windows with the masks of an epoch."""
        return dataclasses.replace(self, draw=(seed, epoch))

    def window(self, at: int) -> tuple[Ints, Ints, Ints]:
        """Token ids with masks, what stood in their place, and the row of each.

        Of the tokens that are drawn, 80 % become the mask, 10 % another token, and 10 % stay (Devlin et al. 2019,
        arXiv:1810.04805, section 3.1); words are drawn whole, as in BERT's later releases.
        """
        place = slice(int(self.offsets[at]), int(self.offsets[at + 1]))
        ids, row = self.ids[place].copy(), self.row[place]
        truth = np.full(len(ids), IGNORED, dtype=np.int32)
        able = np.flatnonzero(self.learnt[place])
        if len(able):
            rng = np.random.default_rng((*self.draw, at))
            begins = self.first[place][able]
            begins[0] = True
            word = np.cumsum(begins) - 1
            order = rng.permutation(int(word[-1]) + 1)
            sizes = np.bincount(word)[order]
            wanted = max(1, round(self.share * len(able)))
            taken = order[: int(np.searchsorted(np.cumsum(sizes), wanted)) + 1]
            chosen = able[np.isin(word, taken)]
            truth[chosen] = ids[chosen]
            lot = rng.random(len(chosen))
            ids[chosen[lot < 0.8]] = self.tokenizer.mask_token_id
            other = chosen[(lot >= 0.8) & (lot < 0.9)]
            ids[other] = rng.choice(self.ordinary, len(other))
        return ids, truth, row

    def seen(self) -> Iterator[Ints]:
        """Every token that may be masked."""
        yield self.ids[self.learnt]


@dataclass(frozen=True, kw_only=True, eq=False)
class FillMask:
    """Masked language modelling.

    Attributes:
        mask_share: share of the tokens that are masked.
    """

    mask_share: float = 0.15

    id: ClassVar[str] = "fill-mask"
    layout: ClassVar[LayoutName] = "texts"
    head: ClassVar[str] = "AutoModelForMaskedLM"
    metric: ClassVar[str] = "loss"
    metrics: ClassVar[Mapping[str, bool]] = {name: higher for name, (higher, _) in METRICS.items()}
    feeds_labels: ClassVar[bool] = False
    decides: ClassVar[Decision] = "one"
    weighs_classes: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ("mask_share",)
    nouns: ClassVar[str] = "labels"

    @property
    def labels(self) -> tuple[str, ...]:
        """None: it learns the texts themselves."""
        return ()

    @classmethod
    def of_corpus(cls, corpus: Corpus, options: Mapping[str, Any] | None = None) -> Self:
        """The task with the share of masked tokens that the recipe asks for."""
        return cls(mask_share=float((options or {}).get("mask_share", 0.15)))

    @classmethod
    def of_model(cls, config: PreTrainedConfig, settings: Mapping[str, Any]) -> Self:
        """The task as a fine-tuned model does it."""
        return cls(mask_share=float(settings.get("mask_share", 0.15)))

    def settings(self) -> dict[str, Any]:
        """The share of masked tokens, so that later evaluations ask the same."""
        return {"mask_share": self.mask_share}

    @staticmethod
    def problems(corpus: Corpus) -> list[str]:
        """Why the corpus cannot be trained on; empty where it can."""
        return [] if any(text and text.strip() for text in corpus["train"]["text"]) else ["No training row has a text."]

    def encode(self, rows: Any, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> MaskedEncoded:
        """Put the texts one behind another, with the separator between, and cut them into windows.

        Raises:
            ModelError: the tokenizer has no token that stands for a mask.
        """
        mask = tokenizer.mask_token_id
        if mask is None:
            do = "choose a model that learnt to fill masks, such as one of the families BERT and RoBERTa"
            raise ModelError("a tokenizer with a mask token", f"that of {tokenizer.name_or_path!r}, which has none", do)
        texts = _texts(rows)
        before, behind = wrapping(tokenizer)
        between = [token for token in (tokenizer.sep_token_id, tokenizer.eos_token_id) if token is not None][:1]
        special = np.asarray(sorted({mask, *tokenizer.all_special_ids} - {tokenizer.unk_token_id}), dtype=np.int32)
        ids: list[Ints] = []
        row: list[Ints] = []
        first: list[npt.NDArray[np.bool_]] = []
        for at, (tokens, words) in enumerate(tokens_of(texts, tokenizer)):
            parting = between if at + 1 < len(texts) else []
            ids.append(np.asarray([*tokens, *parting], dtype=np.int32))
            row.append(np.asarray([at] * len(tokens) + [-1] * len(parting), dtype=np.int32))
            first.append(np.concatenate([_begins(words), np.ones(len(parting), dtype=bool)]))
        stream, owner = (np.concatenate(part) if part else np.zeros(0, np.int32) for part in (ids, row))
        begins = np.concatenate(first) if first else np.zeros(0, bool)
        room = max(max_length - len(before) - len(behind), 1)
        flat, rows_of, offsets = cut(stream, owner, room, before, behind)
        begin_of, _, _ = cut(begins.astype(np.int32), owner, room, before, behind)
        return MaskedEncoded(
            max_length=max_length,
            ids=flat,
            types=None,
            offsets=offsets,
            row=rows_of,
            # a mask that stands in the text itself hides nothing that is known
            learnt=(rows_of >= 0) & ~np.isin(flat, special),
            first=begin_of == 1,
            texts=texts,
            references=[None] * len(texts),
            tokenizer=tokenizer,
            share=self.mask_share,
            ordinary=np.setdiff1d(np.arange(len(tokenizer), dtype=np.int32), special),
            around=(before, behind),
        )

    def build(self, base: BaseModel, *, dropout: float | None) -> PreTrainedModel:
        """The base model with its masked-language-modelling head."""
        from transformers import AutoModelForMaskedLM

        from labkit.models import load_model

        return load_model(base, AutoModelForMaskedLM, dropout=dropout)

    def decisions(self, output: Any, target: torch.Tensor) -> Decisions:
        """The masked tokens."""
        return token_decisions(output.logits, target)

    def predict(
        self,
        model: PreTrainedModel,
        encoded: Encoded,
        *,
        row_ids: list[str],
        pad_id: int,
        side: str,
        batch_size: int = 32,
    ) -> LanguagePredictions:
        """How well masked tokens are foreseen: those drawn once and for all, and some masked one by one.

        For the pseudo-perplexity (Salazar et al. 2020, arXiv:1910.14659) 500 tokens at most, drawn from all rows, are each
        masked alone, with up to 128 tokens of their own text around; on a slow machine as many of them as 30 seconds allow.
        """
        assert isinstance(encoded, MaskedEncoded)
        nll, tokens, hits = token_sums(model, encoded, pad_id=pad_id, batch_size=batch_size, shifted=False)
        pseudo_nll, pseudo_tokens = _pseudo(model, encoded, pad_id, batch_size)
        return LanguagePredictions(
            task=self.id,
            row_ids=row_ids,
            inputs=encoded.texts,
            nll=nll,
            tokens=tokens,
            hits=hits,
            pseudo_nll=pseudo_nll,
            pseudo_tokens=pseudo_tokens,
        )

    def reply(
        self,
        model: PreTrainedModel,
        encoded: Encoded,
        *,
        row_ids: list[str],
        pad_id: int,
        side: str,
        batch_size: int = 32,
    ) -> LanguagePredictions:
        """The most probable fillers of the masks in each text: its mask token, ``[MASK]`` or ``<mask>``.

        Each mask is filled for itself; ``predicted`` has the text with the best filler in every one. A text that is longer
        than the model's input is cut behind it.
        """
        import torch

        assert isinstance(encoded, MaskedEncoded)
        tokenizer, n = encoded.tokenizer, len(encoded.texts)
        asked = [_MASKS.sub(lambda _: str(tokenizer.mask_token), text) for text in encoded.texts]
        fillers: list[list[list[Filler]]] = [[] for _ in range(n)]
        filled: list[str | None] = [None] * n
        with_masks = [i for i, text in enumerate(asked) if str(tokenizer.mask_token) in text]
        for start in range(0, len(with_masks), batch_size):
            rows = with_masks[start : start + batch_size]
            windows = [
                np.asarray(
                    tokenizer(asked[i], truncation=True, max_length=encoded.max_length)["input_ids"], dtype=np.int32
                )
                for i in rows
            ]
            ids, mask = _matrix(windows, pad_id)
            with torch.inference_mode():
                logits = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device)).logits
            for i, window, output in zip(rows, windows, logits, strict=True):
                places = np.flatnonzero(window == tokenizer.mask_token_id)
                best = torch.softmax(output[places].float(), dim=-1).cpu().topk(min(_FILLERS, output.shape[-1]))
                for values, tokens in zip(best.values.tolist(), best.indices.tolist(), strict=True):
                    words = [str(tokenizer.decode([token])).strip() for token in tokens]
                    fillers[i].append([Filler(word, value) for word, value in zip(words, values, strict=True)])
                filled[i] = filled_in(asked[i], [place[0].token for place in fillers[i]], str(tokenizer.mask_token))
        zeros = np.zeros(n)
        return LanguagePredictions(
            task=self.id,
            row_ids=row_ids,
            inputs=asked,
            nll=zeros,
            tokens=zeros,
            hits=zeros,
            predicted=filled,
            fillers=fillers,
        )

    def watch(
        self, model: PreTrainedModel, encoded: Encoded, *, pad_id: int, side: str, batch_size: int, metric: str = ""
    ) -> dict[str, float]:
        """Loss, perplexity and accuracy over masked tokens, with ``metric`` among them.

        Raises:
            RecipeError: there is no such metric.
        """
        assert isinstance(encoded, MaskedEncoded)
        if metric and metric not in METRICS:
            raise RecipeError([f"There is no evaluation.metric {metric!r}. There are: {', '.join(METRICS)}."])
        sums = token_sums(model, encoded, pad_id=pad_id, batch_size=batch_size, shifted=False)
        return quick(*(float(part.sum()) for part in sums))

    def tune(self, predictions: LanguagePredictions) -> dict[str, Any]:
        """Nothing: there is no threshold."""
        return {}

    def baselines(
        self, corpus: Corpus, rows: Any, *, encode: Callable[[Any], Encoded], seed: int
    ) -> dict[str, LanguagePredictions]:
        """A unigram model of the training tokens."""
        train, asked = encode(corpus["train"]), encode(rows)
        assert isinstance(train, MaskedEncoded) and isinstance(asked, MaskedEncoded)
        return {UNIGRAM: unigram(train, train.seen, asked, list(rows["row_id"]), self.id)}

    def finish(self, model: PreTrainedModel) -> None:
        """Nothing: the model is saved as it was trained."""

    def pipeline(self, folder: str) -> str:
        """Lines of Python with which transformers alone uses the saved model, for the model card."""
        return (
            "from transformers import pipeline\n\n"
            f'fill = pipeline("fill-mask", model="{folder}")\n'
            'fill(f"A text with a {fill.tokenizer.mask_token} in it.")'
        )


def _texts(rows: Any) -> list[str]:
    """What is to be read of each row: the conversation, or the text with its completion behind it."""
    texts = [text or "" for text in column(rows, "text") or []]
    if (messages := column(rows, "messages")) is not None:
        return [plain(as_messages(cell)) if cell else text for cell, text in zip(messages, texts, strict=True)]
    targets = column(rows, "target") or [None] * len(texts)
    return [f"{text}\n{target}" if target else text for text, target in zip(texts, targets, strict=True)]


def _begins(words: Sequence[int | None]) -> npt.NDArray[np.bool_]:
    """Whether a word begins at each token; in very long ones, at every token."""
    of = np.array([-1 if word is None else word for word in words], dtype=np.int64)
    if not len(of):
        return np.zeros(0, dtype=bool)
    begins = np.append(True, of[1:] != of[:-1])
    run = np.cumsum(begins) - 1
    result: npt.NDArray[np.bool_] = begins | (np.bincount(run)[run] > _LONG_WORD)
    return result


def _pseudo(
    model: PreTrainedModel, encoded: MaskedEncoded, pad_id: int, batch_size: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    import torch

    nll, count = np.zeros(len(encoded.texts)), np.zeros(len(encoded.texts))
    able = np.flatnonzero(encoded.learnt)
    # drawn, and in no order: those that there was time for are a fair sample, too
    drawn = np.random.default_rng(_FIXED).permutation(able)[:_PSEUDO_TOKENS]
    before, behind = encoded.around
    began = time.monotonic()
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(drawn), batch_size):
            if time.monotonic() - began > _PSEUDO_SECONDS:
                break
            places = drawn[start : start + batch_size]
            windows, inside = [], []
            for place in places.tolist():
                ids, at = _around(encoded, place)
                truth_free = ids.copy()
                truth_free[at] = encoded.tokenizer.mask_token_id
                windows.append(np.concatenate([before, truth_free, behind]).astype(np.int32))
                inside.append(at + len(before))
            matrix, mask = _matrix(windows, pad_id)
            hidden = torch.zeros_like(mask, dtype=torch.bool)
            hidden[torch.arange(len(places)), torch.tensor(inside)] = True
            inputs = {"input_ids": matrix.to(model.device), "attention_mask": mask.to(model.device)}
            with torch.inference_mode():
                logits = logits_at(model, inputs, hidden).float()
            truth = torch.from_numpy(encoded.ids[places].astype(np.int64)).to(logits.device)
            losses = torch.nn.functional.cross_entropy(logits, truth, reduction="none").double().cpu().numpy()
            np.add.at(nll, encoded.row[places], losses)
            np.add.at(count, encoded.row[places], 1)
    finally:
        model.train(was_training)
    return nll, count


def _around(encoded: MaskedEncoded, place: int) -> tuple[Ints, int]:
    """The tokens of its own text around a token, in its window, and where among them it stands."""
    row = encoded.row[place]
    window = int(np.searchsorted(encoded.offsets, place, side="right")) - 1
    low, high = int(encoded.offsets[window]), int(encoded.offsets[window + 1])
    low, high = max(low, place - _PSEUDO_CONTEXT // 2), min(high, place + _PSEUDO_CONTEXT // 2)
    while encoded.row[low] != row:
        low += 1
    while encoded.row[high - 1] != row:
        high -= 1
    return encoded.ids[low:high], place - low


def _matrix(windows: Sequence[Ints], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    empty = [np.zeros(len(window), dtype=np.int32) for window in windows]
    ids, _, row = padded(list(zip(windows, empty, empty, strict=True)), pad_id)
    return torch.from_numpy(ids), torch.from_numpy((row >= 0).astype(np.int64))


def masks_in(text: str, mask: str = "[MASK]") -> list[tuple[int, int]]:
    """Where the masks of a text begin and end.

    Args:
        text: with ``[MASK]`` or ``<mask>`` in it.
        mask: the tokenizer's own mask, which counts as well.
    """
    own = re.compile(f"{_MASKS.pattern}|{re.escape(mask)}", re.IGNORECASE)
    return [match.span() for match in own.finditer(text)]


def filled_in(text: str, fillers: Sequence[str | None], mask: str = "[MASK]") -> str:
    """A text with fillers in the place of its masks.

    Args:
        text: with masks.
        fillers: for one mask after another; None, and whatever is missing at the end, leaves the mask. A piece of a word, such
            as BERT's "##ing", is joined to the word before it.
        mask: the tokenizer's own mask.
    """
    result, at = "", 0
    for (start, end), filler in zip(masks_in(text, mask), fillers, strict=False):
        result += text[at:start]
        if filler is None:
            filler = text[start:end]
        elif filler.startswith("##") and len(filler) > 2:
            result, filler = result.rstrip(), filler[2:]
        result += filler
        at = end
    return result + text[at:]
