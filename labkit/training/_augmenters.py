"""The models behind augmentation: one that fills words in, and two that translate there and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit import models
from labkit.data import DataConfig, Fill, Translate
from labkit.errors import ModelError
from labkit.tasks import logits_at

_BEST = 10  # fillers that a word is drawn from
_BATCH = 32
_LONGEST = 128  # tokens that are read of a text


def augmenters(config: DataConfig) -> dict[str, Any]:
    """What ``labkit.data.load`` needs beside a configuration: the models that its augmentation names.

    Raises:
        ModelError: a model that cannot be had, or has no head for it.
    """
    found: dict[str, Any] = {}
    if "substitute" in config.augment:
        found["fill"] = filler(config.augment_model, seed=config.split_seed)
    if "back_translate" in config.augment:
        there, back = config.augment_translators
        found["translate"] = there_and_back(there, back)
    return found


def filler(name: str, *, seed: int = 0) -> Fill:
    """Puts words that a masked language model finds likely in the place of others (Kobayashi 2018, arXiv:1805.06201).

    Args:
        name: of the model, as ``labkit.models.resolve`` takes it.
        seed: of the draw among its ten likeliest words, each as likely as the model says.

    Raises:
        ModelError: the model has no mask token, or knows no words of its own for one, as the embedded one.
    """
    import torch
    from transformers import AutoModelForMaskedLM

    models.require_head(name, "AutoModelForMaskedLM", "fill-mask")
    base = models.resolve(name)
    if models.new_head(base, "AutoModelForMaskedLM"):
        do = "name another, or train one: labkit train TEXTS --task fill-mask"
        raise ModelError("a masked language model", f"{name!r}, whose head is new and knows nothing", do)
    tokenizer = models.load_tokenizer(base)
    if tokenizer.mask_token is None:
        raise ModelError("a tokenizer with a mask token", f"that of {name!r}, which has none")
    model: Any = models.load_model(base, AutoModelForMaskedLM).eval()
    words = np.array([_is_word(token) for token in tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))])

    def fill(texts: Sequence[str], places: Sequence[Sequence[tuple[int, int]]]) -> list[list[str]]:
        found = []
        for at in range(0, len(texts), _BATCH):
            some, asked = texts[at : at + _BATCH], places[at : at + _BATCH]
            masked = [
                _with_masks(text, stretches, tokenizer.mask_token) for text, stretches in zip(some, asked, strict=True)
            ]
            inputs = tokenizer(masked, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt")
            holes = inputs["input_ids"] == tokenizer.mask_token_id
            with torch.inference_mode():
                logits = logits_at(model, inputs, holes).float().split(holes.sum(dim=1).tolist())
            for row, (text, stretches) in enumerate(zip(some, asked, strict=True)):
                random = np.random.default_rng((seed, at + row, len(text)))
                said = []
                for i, (start, end) in enumerate(stretches):
                    old, there = text[start:end], i < len(logits[row])  # what was cut off stays
                    said.append(_drawn(logits[row][i].numpy(), words, tokenizer, old, random) if there else old)
                found.append(said)
        return found

    return fill


def there_and_back(there: str, back: str) -> Translate:
    """Translates texts and translates them back.

    Args:
        there, back: translation runs.
    """
    from labkit.training._predictor import Predictor

    first, second = Predictor.load(there), Predictor.load(back)

    def translate(texts: Sequence[str]) -> list[str]:
        return list(second(list(first(list(texts)).predicted)).predicted)

    return translate


def _is_word(token: str | None) -> bool:
    """Whether a token is a whole word or the beginning of one, and not a piece or a sign."""
    if token is None:
        return False
    bare = token.lstrip("Ġ▁")
    return len(bare) > 1 and bare.isalpha() and not token.startswith("##")


def _with_masks(text: str, stretches: Sequence[tuple[int, int]], mask: str) -> str:
    made, last = "", 0
    for start, end in stretches:
        made += text[last:start] + mask
        last = end
    return made + text[last:]


def _drawn(logits: Any, words: Any, tokenizer: Any, old: str, random: np.random.Generator) -> str:
    """One of the likeliest words that is another than the one that stood there, written as that was."""
    size = min(len(logits), len(words))
    able = np.where(words[:size], logits[:size], -np.inf)
    best = np.argsort(-able)[: _BEST + 1]
    texts = [tokenizer.decode([int(i)]).strip() for i in best]
    kept = [(float(able[i]), word) for i, word in zip(best, texts, strict=True) if word and word.lower() != old.lower()]
    kept = kept[:_BEST]
    if not kept or not np.isfinite(kept[0][0]):
        return old
    chances = np.exp(np.array([score for score, _ in kept]) - kept[0][0])
    word = kept[int(random.choice(len(kept), p=chances / chances.sum()))][1]
    return str(word.capitalize() if old[:1].isupper() else word)
