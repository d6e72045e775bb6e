"""Sentence encoders learn from raw text: SimCSE and TSDAE."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional
from transformers import AutoModelForCausalLM

from labkit import models
from labkit.errors import ModelError
from labkit.events import StepLogged
from labkit.training import _rundir
from labkit.training._trainer import StepLog, rise_and_fall

_LONGEST = 128  # tokens that are read of a text
_DELETED = 0.6  # share of the tokens that TSDAE leaves out
_SHARPNESS = 0.05  # temperature of SimCSE
_CHECKPOINT_SECONDS = 60.0  # between checkpoints
_STATE = "state.safetensors"  # of a checkpoint: weights, and the optimiser's moments of each


def simcse(body: Any, tokenizer: Any) -> tuple[Callable[[Sequence[str]], torch.Tensor], list[Any]]:
    """Each text is to be nearer to itself, read with another dropout, than to the others of its batch (Gao, Yao and Chen 2021,
    SimCSE, arXiv:2104.08821, section 3).

    Args:
        body: an encoder, in training mode.
        tokenizer: its own.

    Returns:
        The loss of a batch of texts, and the parameters beside the body's that learn.
    """

    def loss(texts: Sequence[str]) -> torch.Tensor:
        inputs = _read(tokenizer, [*texts, *texts], body.device)
        vectors = functional.normalize(pooled(body, inputs).float(), dim=-1)
        near = vectors[: len(texts)] @ vectors[len(texts) :].T / _SHARPNESS
        return functional.cross_entropy(near, torch.arange(len(texts), device=near.device))

    return loss, []


def tsdae(body: Any, tokenizer: Any) -> tuple[Callable[[Sequence[str]], torch.Tensor], list[Any]]:
    """A decoder that shares the encoder's weights is to write the text down from the vector of what is left of it when 60 % of
    its tokens are gone (Wang, Reimers and Gurevych 2021, TSDAE, arXiv:2104.06979, section 3).

    Args:
        body: an encoder, in training mode.
        tokenizer: its own.

    Returns:
        The loss of a batch of texts, and the parameters beside the body's that learn.

    Raises:
        ModelError: transformers has no decoder of this architecture that reads a vector.
    """
    config = type(body.config)(**{**body.config.to_dict(), "is_decoder": True, "add_cross_attention": True})
    try:
        with models.quiet_transformers():
            decoder: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    except ValueError as error:
        do = "take simcse, which needs no decoder"
        raise ModelError("an encoder whose architecture has a decoder, as BERT's", config.model_type, do) from error
    inner = getattr(decoder, decoder.base_model_prefix)
    shared = dict(body.named_parameters())
    if not any("crossattention" in name for name, _ in inner.named_parameters()):
        do = "take simcse, which needs no decoder"
        raise ModelError("an encoder whose architecture has a decoder, as BERT's", config.model_type, do)
    for name in [name for name, _ in inner.named_parameters() if name in shared]:
        module, _, leaf = name.rpartition(".")
        setattr(inner.get_submodule(module), leaf, shared[name])
    decoder.tie_weights()
    decoder.to(body.device).train()
    own = {id(one) for one in shared.values()}

    def loss(texts: Sequence[str]) -> torch.Tensor:
        random = np.random.default_rng(torch.initial_seed() % 2**32)  # ``learn`` sets it for each step
        whole = _read(tokenizer, texts, body.device)
        left = [_thinned(tokenizer, text, random) for text in texts]
        vectors = pooled(body, tokenizer.pad({"input_ids": left}, return_tensors="pt").to(body.device))
        said = decoder(
            input_ids=whole["input_ids"],
            attention_mask=whole["attention_mask"],
            encoder_hidden_states=vectors[:, None].to(decoder.dtype),
            use_cache=False,
        ).logits
        target = whole["input_ids"].masked_fill(whole["attention_mask"] == 0, -100)[:, 1:]
        return functional.cross_entropy(said[:, :-1].float().flatten(0, 1), target.flatten())

    return loss, [one for one in decoder.parameters() if id(one) not in own]


OBJECTIVES = {"simcse": simcse, "tsdae": tsdae}


def pooled(body: Any, inputs: Any) -> torch.Tensor:
    """The mean of a body's last outputs over the tokens of each text, shape (n, width)."""
    outputs = body(**inputs).last_hidden_state
    there = inputs["attention_mask"][..., None].to(outputs.dtype)
    mean: torch.Tensor = (outputs * there).sum(1) / there.sum(1).clamp(min=1)
    return mean


def learn(
    body: Any,
    tokenizer: Any,
    texts: Sequence[str],
    *,
    method: str,
    epochs: float,
    batch_size: int,
    learning_rate: float,
    precision: str,
    seed: int,
    home: Path,
    watch: Callable[[StepLogged], None],
) -> None:
    """Train an encoder on raw texts, or go on with it where checkpoints in ``home`` say that it was interrupted. On the same
    machine it then ends with the weights that it would have had anyway.

    Args:
        body: the encoder; changed in place.
        tokenizer: its own.
        texts: what it learns from.
        method: "simcse" or "tsdae".
        epochs: passes over the texts.
        batch_size: texts a step.
        learning_rate: peak of AdamW's, with a tenth of warm-up and linear decay.
        precision: "float32" or "bf16".
        seed: of the order and the dropout.
        home: where checkpoints go.
        watch: called with an event twice a second at most.
    """
    torch.manual_seed(seed)
    body.train()
    loss, more = OBJECTIVES[method](body, tokenizer)
    learnt = [*(one for one in body.parameters() if one.requires_grad), *more]
    adamw = torch.optim.AdamW(learnt, lr=learning_rate, weight_decay=0.01, fused=True)
    per_epoch = max(1, len(texts) // batch_size)
    steps = max(1, round(epochs * per_epoch))
    done = _go_on(home, learnt, adamw)
    log = StepLog(steps, per_epoch, watch)
    saved = time.monotonic()
    for step, rows in enumerate(_draws(len(texts), batch_size, steps, seed), 1):
        if step <= done:
            continue
        # dropout does not depend on where an interrupted training went on
        torch.manual_seed((seed * 1_000_003 + step) % 2**63)
        with torch.autocast(body.device.type, torch.bfloat16, enabled=precision == "bf16"):
            value = loss([texts[row] for row in rows])
        rate = learning_rate * rise_and_fall(step, steps, 0.1)
        for group in adamw.param_groups:
            group["lr"] = rate
        adamw.zero_grad()
        value.backward()
        norm = torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        adamw.step()
        log.batch(value.item(), len(rows))
        log.step(step, rate, float(norm))
        if time.monotonic() - saved > _CHECKPOINT_SECONDS and step < steps:
            _keep(home, step, learnt, adamw)
            saved = time.monotonic()
    body.eval()


def _keep(home: Path, step: int, learnt: Sequence[torch.Tensor], adamw: torch.optim.AdamW) -> None:
    """Write a checkpoint, whole or not at all; then the older ones go."""
    state = {f"weights.{i}": one.detach() for i, one in enumerate(learnt)}
    for i, moments in adamw.state_dict()["state"].items():
        state |= {f"{name}.{i}": value for name, value in moments.items()}
    with _rundir.explaining(home):
        staged = home / _rundir.CHECKPOINTS / "checkpoint.partial"
        shutil.rmtree(staged, ignore_errors=True)  # left by a crash
        staged.mkdir(parents=True)
        save_file({name: one.contiguous() for name, one in state.items()}, staged / _STATE)
        _rundir.seal(staged)
        _rundir.publish(staged, staged.with_name(f"checkpoint-{step}"))
        for other, folder in _rundir.checkpoints(home) + _rundir.damaged_checkpoints(home):
            if other != step:
                shutil.rmtree(folder)


def _go_on(home: Path, learnt: Sequence[torch.Tensor], adamw: torch.optim.AdamW) -> int:
    """Take up the newest checkpoint: how many steps are done."""
    whole = _rundir.checkpoints(home)
    if not whole:
        return 0
    step, folder = whole[-1]
    state = load_file(folder / _STATE)
    moments: dict[int, dict[str, torch.Tensor]] = {i: {} for i in range(len(learnt))}
    with torch.no_grad():
        for key, value in state.items():
            name, _, i = key.rpartition(".")
            if name == "weights":
                learnt[int(i)].copy_(value)
            else:
                moments[int(i)][name] = value
    adamw.load_state_dict({**adamw.state_dict(), "state": {i: some for i, some in moments.items() if some}})
    return step


def _read(tokenizer: Any, texts: Sequence[str], device: Any) -> Any:
    read = tokenizer(list(texts), padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt")
    return read.to(device)


def _thinned(tokenizer: Any, text: str, random: np.random.Generator) -> list[int]:
    """The tokens of a text without six in ten of its own; one stays at least."""
    coded = tokenizer(text, truncation=True, max_length=_LONGEST, return_special_tokens_mask=True)
    ids, special = coded["input_ids"], coded["special_tokens_mask"]
    own = [i for i, one in enumerate(special) if not one]
    kept = set(random.permutation(own)[: max(1, round((1 - _DELETED) * len(own)))].tolist())
    return [token for i, token in enumerate(ids) if special[i] or i in kept]


def _draws(count: int, batch_size: int, steps: int, seed: int) -> Iterator[list[int]]:
    random = np.random.default_rng(seed)
    size = min(batch_size, count)
    done = 0
    while True:
        order = random.permutation(count)
        for at in range(0, count - size + 1, size):
            yield order[at : at + size].tolist()
            done += 1
            if done >= steps:
                return
