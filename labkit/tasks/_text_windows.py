"""Running texts, prompts and conversations as windows of tokens for a causal model, with what is learnt of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from labkit.data._layouts.chats import Message
from labkit.errors import ModelError
from labkit.tasks._language import Ints, cut, tokens_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BETWEEN = "\n"
"""Between a prompt and its completion."""
PLAIN_CHAT = (
    "{%- for message in messages %}"
    "{{ message['role'] | capitalize + ': ' + message['content'] }}"
    "{%- if message['role'] == 'assistant' %}{{ eos_token }}{%- endif %}"
    "{{ '\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{ 'Assistant:' }}{%- endif %}"
)
"""The chat template that a tokenizer without one of its own gets: a line for each turn, named by its role."""

Window = tuple[list[int], npt.NDArray[np.bool_]]
"""Token ids, and whether each is learnt."""


def running(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, max_length: int, start: Sequence[int], end: Sequence[int]
) -> tuple[Ints, Ints, Any]:
    """All texts one behind another, each with its end, cut into windows: ids, rows and offsets."""
    ids: list[Ints] = []
    row: list[Ints] = []
    for at, (tokens, _) in enumerate(tokens_of(texts, tokenizer)):
        if tokens:
            ids.append(np.asarray([*tokens, *end], dtype=np.int32))
            row.append(np.full(len(ids[-1]), at, dtype=np.int32))
    stream, owner = (np.concatenate(part) if part else np.zeros(0, np.int32) for part in (ids, row))
    return cut(stream, owner, max_length - len(start), start, [])


def completions(
    texts: Sequence[str],
    targets: Sequence[str | None],
    tokenizer: PreTrainedTokenizerBase,
    start: Sequence[int],
    end: Sequence[int],
) -> Iterator[Window]:
    """A window for each prompt with its completion, of which the completion and its end are learnt."""
    prompts = tokens_of([text + BETWEEN for text in texts], tokenizer)
    answers = tokens_of([target or "" for target in targets], tokenizer)
    for (prompt, _), (answer, _) in zip(prompts, answers, strict=True):
        behind = [*answer, *end] if answer else []
        before = [*start, *prompt]
        yield [*before, *behind], np.arange(len(before) + len(behind)) >= len(before)


def chats(talks: Sequence[Sequence[Message]], tokenizer: PreTrainedTokenizerBase) -> Iterator[Window]:
    """A window for each conversation, of which the answers of the assistant are learnt."""
    for talk in talks:
        text = rendered(tokenizer, talk, ask=False) if talk else ""
        batch = tokenizer(
            text,
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        places = np.asarray(batch["offset_mapping"], dtype=np.int64).reshape(-1, 2)
        told = np.zeros(len(places), dtype=bool)
        for start, end in _answers(talk, text, tokenizer):
            told |= (places[:, 0] >= start) & (places[:, 1] <= end) & (places[:, 1] > places[:, 0])
        yield list(batch["input_ids"]), told


def _answers(talk: Sequence[Message], text: str, tokenizer: PreTrainedTokenizerBase) -> Iterator[tuple[int, int]]:
    """Where the answers of the assistant stand in a conversation that was rendered: from behind what asks for one.

    A template may render earlier turns differently once there are later ones; such answers are left out of the loss. Of an
    answer that says nothing, nothing is learnt.
    """
    for at, message in enumerate(talk):
        if message.role != "assistant" or not message.content.strip() or not at:
            continue
        before = rendered(tokenizer, talk[:at], ask=True)
        whole = rendered(tokenizer, talk[: at + 1], ask=False)
        if text.startswith(whole) and whole.startswith(before):
            yield len(before), len(whole)


def rendered(tokenizer: PreTrainedTokenizerBase, talk: Sequence[Message], *, ask: bool) -> str:
    """The conversation in the tokenizer's chat template.

    Raises:
        ModelError: the template refuses it, as some do with roles out of order.
    """
    told = [one._asdict() for one in talk]
    try:
        return str(tokenizer.apply_chat_template(told, tokenize=False, add_generation_prompt=ask))
    except Exception as error:  # a template raises what it likes
        roles = ", ".join(one.role for one in talk)
        do = "add the repair drop_bad_chats (data.repairs in the recipe), or choose another base model"
        raise ModelError(
            f"conversations that the model's chat template takes ({error})", f"the roles {roles}", do
        ) from error


def shortened(tokens: list[int], told: npt.NDArray[np.bool_], longest: int) -> tuple[Ints, npt.NDArray[np.bool_], bool]:
    """A window of ``longest`` tokens at most: of a prompt the beginning goes, but for a quarter; then the end."""
    ids = np.asarray(tokens, dtype=np.int32)
    if len(ids) <= longest:
        return ids, told, False
    where = np.flatnonzero(told)
    first = int(where[0]) if len(where) else len(ids)
    away = max(0, min(len(ids) - longest, first - longest // 4))
    return ids[away : away + longest], told[away : away + longest], True
