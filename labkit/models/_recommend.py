"""Which base model for this task, this data and this machine, with reasons in words and a measured forecast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from labkit.errors import LabError, UnknownName
from labkit.models._catalogue import EMBEDDED, ModelCard, catalogue
from labkit.models._load import available_offline
from labkit.models._machine import Machine, forecast_speed, machine, optimizer_seconds
from labkit.models._starter_cards import starter_card

# How much a family's pretraining is worth on understanding tasks, as points on top of size: a rough order read off the
# published GLUE averages of the papers named in the catalogue. It orders candidates; it is no forecast of a score.
_FAMILY = {
    "DeBERTa": 6, "ModernBERT": 5, "ELECTRA": 4, "RoBERTa": 4, "MPNet": 4, "MiniLM": 3, "XLNet": 3, "BART": 3, "ALBERT": 2,
    "DistilBERT": 2, "BERT": 2, "T5": 1, "Qwen": 1, "Llama": 1, "GPT-NeoX": -1, "OPT": -1, "GPT-2": -1, "Marian": 0,
}  # fmt: skip

_WRITES = {"translation": 0.5, "summarization": 0.5, "text-generation": 1.0, "fill-mask": 0.15}
"""Tasks in which a probability is given to every token of the vocabulary, and at which share of the tokens."""
_IN_WINDOWS = ("spans", "answers", "texts")
"""Layouts whose long texts are read in several windows."""
_WIDE = (384, 12)  # width and heads of a layer that keeps the processor busy
_CUT = 512  # tokens to which texts are cut where the recipe says nothing
_EPOCHS, _MOST_EPOCHS, _STEPS = 8, 20, 500
_UNTRAINED = 40.0  # points that a model without pretraining stands below one with it


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What fine-tuning would cost here.

    Attributes:
        seconds: training time, in seconds.
        memory_mb: peak memory of the training process, in MB.
        precision: the precision it assumes.
    """

    seconds: float
    memory_mb: float
    precision: str


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """One base model with its forecast and the reasons for its rank."""

    card: ModelCard
    forecast: Forecast
    score: float
    reasons: tuple[str, ...]
    offline: bool
    fits: bool

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.card.name,
            "hub_id": self.card.hub_id,
            "score": round(self.score, 2),
            "forecast": asdict(self.forecast),
            "offline": self.offline,
            "fits": self.fits,
            "reasons": list(self.reasons),
        }


def default_epochs(rows: int, batch_size: int = 32) -> float:
    """Passes over the training rows where a recipe leaves them open: 8, and more for few rows, so that there are some 500
    steps, but no more than 20.

    Small data needs steps rather than epochs: with 3 epochs fine-tuning BERT on a thousand rows ends before it has
    converged, with 20 it is stable (Mosbach et al. 2021, arXiv:2006.04884; Zhang et al. 2021, arXiv:2006.05987). Taken from
    these papers, and not measured here.

    Args:
        rows: of the training split; windows, where long ones are read in several.
        batch_size: rows an optimiser step.
    """
    steps = math.ceil(max(rows, 1) / batch_size)
    return float(min(max(_EPOCHS, math.ceil(_STEPS / steps)), _MOST_EPOCHS))


def forecast(
    card: ModelCard,
    *,
    rows: int,
    tokens: float = 32.0,
    epochs: float = 0,
    batch_size: int = 32,
    on: Machine | None = None,
    task: str = "text-classification",
    trained: float | None = None,
    depth: float = 1.0,
) -> Forecast:
    """Time and memory that fine-tuning a model takes on this machine.

    Time is measured, not tabulated: a layer is timed here (``forecast_speed``) and multiplied by
    layers, tokens and epochs; the optimizer's share is measured per parameter. Memory adds weights (4 bytes a parameter),
    gradients and AdamW's two moments (12 bytes a trained one) to the activations of a batch (Korthikanti et al. 2022,
    arXiv:2205.05198, section 4.1).

    Args:
        card: the model.
        rows: training rows.
        tokens: mean tokens a row, padding included.
        epochs: passes over the rows; 0: ``default_epochs``.
        batch_size: rows a step.
        on: the machine; this one when None.
        task: task id: predicting tokens costs more the larger the vocabulary is.
        trained: parameters that are trained; all of them when None.
        depth: share of the layers that gradients go back through, for which activations are kept.
    """
    on = on or machine()
    epochs = epochs or default_epochs(rows, batch_size)
    device = on.device if on.device == "cuda" else "cpu"
    speed = forecast_speed(card.hidden, card.heads, device)
    layers = card.layers * (2 if card.kind == "encoder-decoder" else 1)
    parameters = card.parameters_m * 1e6
    trained = parameters if trained is None else trained
    steps = math.ceil(rows / batch_size) * epochs
    predicted = _WRITES.get(task, 0.0)
    seconds = layers * speed.seconds(speed.best)
    if predicted:
        # a layer multiplies 12 times the width squared; narrow ones are slow for that, and a product with a vocabulary is wide
        wide = speed if card.hidden >= _WIDE[0] else forecast_speed(*_WIDE, device)
        width = max(card.hidden, _WIDE[0])
        seconds += predicted * card.vocabulary * card.hidden / (12 * width**2) * wide.seconds(speed.best)
    training = rows * tokens * epochs * seconds
    optimizing = steps * trained * (optimizer_seconds() if device == "cpu" else 2e-12)
    per_token = layers * card.hidden * 34 * (1 if speed.best == "bf16" else 2)
    # the longest batch holds texts about four times the mean length, as far as they are not cut
    longest = max(tokens, min(4 * tokens, card.max_tokens or _CUT, _CUT))
    attention = layers * card.heads * longest * 5 * (1 if speed.best == "bf16" else 2)
    activations = batch_size * longest * (per_token + attention) * max(depth, 1 / max(layers, 1))
    activations += batch_size * longest * predicted * card.vocabulary * 12  # probabilities and gradients, float32
    base = 650e6  # python, torch, transformers and the data, before any model
    return Forecast(
        seconds=training + optimizing,
        memory_mb=(base + 4 * parameters + 12 * trained + activations) / 1e6,
        precision=speed.best,
    )


def recommend(
    task: str = "text-classification",
    data: Any = None,
    hardware: Machine | None = None,
    *,
    language: str = "en",
    domain: str = "general",
    minutes: float = 15.0,
    offline: bool = False,
    epochs: float = 0,
    starters: Sequence[str] = (),
) -> list[Recommendation]:
    """Rank the catalogue for a task, a data set and a machine, best first.

    Args:
        task: task id.
        data: a ``labkit.data.Corpus``; without one, 1,000 rows of 20 words are assumed.
        hardware: the machine; this one when None.
        language: ISO code of the texts' language.
        domain: ``"general"``, ``"medicine"``, ``"science"``, ``"law"`` or ``"finance"``.
        minutes: how long fine-tuning may take, in minutes.
        offline: only models that can be loaded without a network.
        epochs: passes over the training rows; 0: ``default_epochs``.
        starters: names of untrained starter models to rank as well; they stand behind every pretrained model that fits.

    Raises:
        UnknownName: no model of the catalogue does this task, no such domain, or no such starter model.
        LabError: minutes that are no positive number.
    """
    if not 0 < minutes < math.inf:
        raise LabError("minutes above 0 for training", str(minutes), "give minutes=15, say")
    hardware = hardware or machine()
    rows, words = _size(data)
    whole = data is not None and data.config.layout in _IN_WINDOWS
    domains = sorted({card.domain for card in catalogue()})
    if domain not in domains:
        raise UnknownName("domain", domain, domains)
    here = set(available_offline())
    result = []
    for card in [*catalogue(task=task), *map(starter_card, starters)]:
        untrained = not card.hub_id
        have = untrained or card.name == EMBEDDED or card.hub_id in here
        if (offline and not have) or not card.safetensors:
            continue
        tokens = words * (1.35 if "multilingual" not in card.languages else 1.6) + 2
        limit = min(card.max_tokens or _CUT, _CUT)
        # what is read in windows is read to its end; of other texts the end is cut off
        windows = rows * max(1.0, tokens / limit) if whole else rows
        cost = forecast(card, rows=math.ceil(windows), tokens=min(tokens, limit), epochs=epochs, on=hardware, task=task)
        room = hardware.gpu_memory_gb if hardware.device == "cuda" else hardware.free_memory_gb
        fits = cost.memory_mb < 0.9 * room * 1000
        score, reasons = _judge(card, task, cost, have, fits, language, domain, minutes, words)
        result.append(
            Recommendation(card=card, forecast=cost, score=score, reasons=tuple(reasons), offline=have, fits=fits)
        )
    return sorted(result, key=lambda r: -r.score)


def _size(data: Any) -> tuple[int, float]:
    """Training rows and mean words a row, from the first thousand."""
    if data is None:
        return 1000, 20.0
    rows = data["train"]
    sample = rows[: min(1000, len(rows))]
    texts = list(sample["text"])
    for other in {"pairs": ("target",), "texts": ("target",)}.get(data.config.layout, ("text_pair",)):
        if other in sample:
            texts = [f"{a} {b or ''}" for a, b in zip(texts, sample[other], strict=True)]
    return len(rows), max(1.0, sum(len(text.split()) for text in texts) / max(1, len(texts)))


def _judge(
    card: ModelCard,
    task: str,
    cost: Forecast,
    have: bool,
    fits: bool,
    language: str,
    domain: str,
    minutes: float,
    words: float,
) -> tuple[float, list[str]]:
    untrained = not card.hub_id
    # among starters size says nothing: they stay in the order in which they were asked for
    score = -_UNTRAINED if untrained else 4 * math.log10(card.parameters_m / 10 + 1) + _FAMILY.get(card.family, 0)
    reasons = ["untrained: it begins with random weights and knows no language"] if untrained else []
    took = cost.seconds / 60
    clock = f"about {took:.0f} min" if took >= 2 else f"about {cost.seconds:.0f} s"
    if took <= minutes:
        reasons.append(f"{clock} of training on this machine ({cost.precision}), within your {minutes:.0f} min")
    else:
        score -= 5 * math.log2(took / minutes)
        reasons.append(f"{clock} of training on this machine ({cost.precision}), over your {minutes:.0f} min")
    if fits:
        reasons.append(f"needs about {cost.memory_mb / 1000:.1f} GB of memory")
    else:
        score -= 30
        reasons.append(f"needs about {cost.memory_mb / 1000:.1f} GB of memory, more than is free")
    if untrained:
        reasons.append("its tokenizer is trained on your own texts, in seconds")
    elif language in card.languages:
        reasons.append(f"pretrained for the language {language!r}")
    elif "multilingual" in card.languages:
        score -= 2
        reasons.append("multilingual, at some cost on each single language")
    else:
        score -= 15
        reasons.append(f"not pretrained for the language {language!r}")
    if card.domain == domain and domain != "general":
        score += 4
        reasons.append(f"pretrained on {domain} texts")
    elif card.domain != "general" and card.domain != domain:
        score -= 5
        reasons.append(f"pretrained on {card.domain} texts, another domain than yours")
    if card.max_tokens and words * 1.35 > card.max_tokens:
        score -= 3
        reasons.append(f"reads {card.max_tokens} tokens at most: your average text is longer")
    if untrained:
        reasons.append("made on this machine: no download")
    elif have:
        score += 3
        reasons.append("on this machine already: no download")
    else:
        reasons.append(f"to be downloaded once, {card.disk_mb:.0f} MB")
    if task in ("text-classification", "token-classification", "question-answering") and card.kind == "decoder":
        score -= 3
        reasons.append("a causal model: encoders of the same size do better at understanding tasks")
    reasons.append(card.strengths)
    return score, reasons
