"""How models write texts: what can be set for one try, what comes of it, and the step that all of them share."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from labkit.errors import LabError
from labkit.tasks._encode import Encoded

if TYPE_CHECKING:
    import torch
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

MOST_SAMPLES = 100
MOST_BEAMS = 1000


@dataclass(frozen=True, kw_only=True)
class Writing:
    """How a text is written: the most probable one is searched for, or texts are drawn.

    Attributes:
        max_new_tokens: tokens to write at most.
        beams: of the search for the most probable text; 1: the most probable token each time.
        samples: texts to draw for each input; 0: none is drawn, it is searched.
        temperature: what the logits are divided by before a token is drawn; below 1 probable tokens are drawn more often
            still (Ackley et al. 1985).
        top_p: tokens are drawn from the most probable ones that make up this share (Holtzman et al. 2020, arXiv:1904.09751).
        seed: of what is drawn; the same seed gives the same texts.

    Raises:
        LabError: a value that cannot work.
    """

    max_new_tokens: int = 128
    beams: int = 1
    samples: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        whole = {"max_new_tokens": (1, 100_000), "beams": (1, MOST_BEAMS), "samples": (0, MOST_SAMPLES)}
        for name, (low, high) in {**whole, "seed": (0, 2**63 - 1)}.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise LabError(f"{name} as a whole number from {low:,} to {high:,}", repr(value))
        for name, most in (("temperature", 100.0), ("top_p", 1.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
                raise LabError(f"{name} as a number above 0, up to {most:g}", repr(value))


class Written(NamedTuple):
    """A text that a model wrote.

    Attributes:
        text: without special tokens.
        tokens: how many tokens it has, the one that ends it not counted.
        confidence: geometric mean of the probabilities that the model gave its tokens, whatever the temperature.
        ended: whether the model ended it, rather than being stopped at ``max_new_tokens``.
    """

    text: str
    tokens: int
    confidence: float
    ended: bool


class Outputs(NamedTuple):
    """What a model made of one input.

    Attributes:
        read: what the model was given to read, with the prefix, the chat template and the special tokens around the input.
        cut: tokens of the input that it did not read, because it was too long.
        texts: what it wrote: one text, or as many as were drawn.
    """

    read: str
    cut: int
    texts: tuple[Written, ...]


@runtime_checkable
class Writer(Protocol):
    """A task whose model writes texts."""

    def writing(self, max_length: int) -> Writing:
        """How it writes unless told otherwise.

        Args:
            max_length: tokens of an input at most.
        """

    def write(
        self, model: PreTrainedModel, encoded: Encoded, how: Writing, *, pad_id: int, side: str, batch_size: int
    ) -> list[Outputs]:
        """What the model writes for each row.

        Raises:
            LabError: there is no room for so many new tokens.
        """


def decoding(how: Writing, special: Mapping[str, Any]) -> GenerationConfig:
    """What ``model.generate`` is told.

    Args:
        how: to write.
        special: ids of the special tokens, and whatever else the model needs.
    """
    from transformers import GenerationConfig

    told = {name: value for name, value in special.items() if value is not None}
    if how.samples:
        drawn = {"temperature": float(how.temperature), "top_p": float(how.top_p), "top_k": 0}
        return GenerationConfig(
            **told,
            **drawn,
            max_new_tokens=how.max_new_tokens,
            do_sample=True,
            num_beams=1,
            num_return_sequences=how.samples,
        )
    more = {"early_stopping": True} if how.beams > 1 else {}
    return GenerationConfig(
        **told, **more, max_new_tokens=how.max_new_tokens, num_beams=how.beams, do_sample=False, num_return_sequences=1
    )


def share(how: Writing, batch_size: int) -> int:
    """Inputs in a batch. Texts are drawn for one input at a time: then they do not depend on the other inputs."""
    return 1 if how.samples else max(1, batch_size // how.beams)


@contextlib.contextmanager
def drawing(how: Writing, model: PreTrainedModel) -> Iterator[None]:
    """Draw with the seed of the settings, and leave torch's own random numbers where they were."""
    import torch

    if not how.samples:
        yield
        return
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(how.seed)
        yield


def write_batch(
    model: PreTrainedModel,
    inputs: Mapping[str, torch.Tensor],
    config: GenerationConfig,
    tokenizer: PreTrainedTokenizerBase,
) -> list[Written]:
    """Let the model write for a batch of inputs: ``num_return_sequences`` texts for each, one behind another."""
    import torch

    ids, logs, steps = generated(model, inputs, config)
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    done = torch.isin(
        ids[:, ids.shape[1] - steps :], torch.tensor([end for end in ends if end is not None], dtype=torch.int64)
    )
    ended = done.any(dim=1)
    lengths = torch.where(ended, done.long().argmax(dim=1), torch.tensor(steps))
    texts = tokenizer.batch_decode(ids[:, ids.shape[1] - steps :], skip_special_tokens=True)
    return [
        Written(str(text).strip(), int(length), math.exp(log), bool(end))
        for text, length, log, end in zip(texts, lengths.tolist(), logs, ended.tolist(), strict=True)
    ]


def generated(
    model: Any, inputs: Mapping[str, torch.Tensor], config: GenerationConfig
) -> tuple[torch.Tensor, list[float], int]:
    """Token ids of the outputs, the mean log-probability of their tokens, and how many of the last ids are new."""
    import torch

    eos = config.eos_token_id
    ends = torch.tensor(
        [end for end in (eos if isinstance(eos, list) else [eos]) if end is not None], dtype=torch.int64
    )
    before = inputs["input_ids"].shape[1] if not model.config.is_encoder_decoder else 1
    if config.num_beams is not None and config.num_beams > 1:
        output = model.generate(**inputs, generation_config=config, return_dict_in_generate=True, output_scores=True)
        # its score of a sequence is the sum of the logarithms over the number of tokens
        ids = output.sequences.cpu()
        return ids, output.sequences_scores.double().tolist(), ids.shape[1] - before
    recorder = _Recorder()
    ids = model.generate(**inputs, generation_config=config, logits_processor=[recorder]).cpu()
    logs = recorder.of(ids)
    new = ids[:, ids.shape[1] - logs.shape[1] :]
    done = torch.isin(new, ends).long()
    inside = (done.cumsum(dim=1) - done) == 0  # up to the first end of text, and with it
    return ids, ((logs * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1)).tolist(), new.shape[1]


class _Recorder:
    """Notes the log-probabilities of the tokens that are taken, without keeping those of the whole vocabulary.

    It stands before whatever warps the logits of what is drawn, so that probabilities are the model's own.
    """

    def __init__(self) -> None:
        self._last: Any = None
        self._taken: list[Any] = []

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        import torch

        self._note(input_ids[:, -1])
        self._last = torch.log_softmax(scores.float(), dim=-1)
        return scores

    def _note(self, tokens: Any) -> None:
        if self._last is not None:
            self._taken.append(self._last.gather(1, tokens[:, None])[:, 0].double().cpu())

    def of(self, ids: Any) -> torch.Tensor:
        """Log-probability of every generated token, shape (rows, steps)."""
        import torch

        self._note(ids[:, -1].to(self._last.device))
        self._last = None
        return torch.stack(self._taken, dim=1)
