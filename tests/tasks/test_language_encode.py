"""Texts as windows of tokens: nothing lost, the right tokens learnt, the same masks for the same seed and epoch."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from toys import FILLER, toy_rows

from labkit.errors import ModelError
from labkit.models import build_starter, load_tokenizer
from labkit.tasks import FillMask, TextGeneration
from labkit.tasks._losses import IGNORED, loss_of, token_decisions

TEXTS = [row["text"] for row in toy_rows(60)]
TALK = [
    {"role": "system", "content": "we was"},
    {"role": "user", "content": "the soup"},
    {"role": "assistant", "content": "fresh bread"},
    {"role": "user", "content": "the train"},
    {"role": "assistant", "content": "ticket to the sea"},
]


@cache
def tokenizer(family: str) -> Any:
    return load_tokenizer(build_starter(family, TEXTS, size="tiny"))


def read(tokenizer: Any, ids: Any) -> str:
    return str(tokenizer.decode([int(i) for i in ids]))


# --- running text ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen"])
def test_running_text_is_cut_and_nothing_is_lost(family: str) -> None:
    made = TextGeneration().encode({"text": [*TEXTS, "", " ".join(TEXTS)]}, tokenizer(family), max_length=20)
    lengths = made.lengths
    assert lengths[:-1].tolist() == [20] * (len(made) - 1) and 1 < lengths[-1] <= 20, "hardly any padding"
    for row, text in [(0, TEXTS[0]), (7, TEXTS[7]), (len(TEXTS) + 1, " ".join(TEXTS))]:
        its = made.ids[made.row == row]
        assert its[-1] == tokenizer(family).eos_token_id, "where a text ends is learnt, too"
        assert read(tokenizer(family), its[:-1]) == text
    assert made.learnt.sum() == (made.row >= 0).sum(), "every token is foreseen exactly once"
    assert not made.learnt[made.offsets[:-1]].any(), "nothing stands before the first token"
    assert made.truncated == 0


def test_batches_are_padded_on_the_right_and_the_padding_is_not_learnt() -> None:
    made = TextGeneration().encode({"text": TEXTS}, tokenizer("gpt2"), max_length=20)
    batch = made.batch([0, len(made) - 1], pad_id=0, side="left")
    width = int(made.lengths[-1])
    assert batch["attention_mask"][1].tolist() == [1] * width + [0] * (20 - width)
    assert (batch["labels"][1, width:] == IGNORED).all() and (batch["labels"][0, 1:] == batch["input_ids"][0, 1:]).all()


def test_the_loss_compares_each_output_with_the_next_token() -> None:
    logits = torch.full((1, 3, 5), -9.0)
    logits[0, 0, 3] = logits[0, 1, 4] = 9.0
    labels = torch.tensor([[IGNORED, 3, 4]])
    output = type("Output", (), {"logits": logits})

    def loss(target: torch.Tensor, *, shifted: bool) -> float:
        return float(
            loss_of(lambda said, true: token_decisions(said.logits, true, shifted=shifted), "one")(output, target)
        )

    assert loss(labels, shifted=True) < 1e-3
    assert loss(labels, shifted=False) > 5
    assert loss(torch.full((1, 3), IGNORED), shifted=False) == 0, "nothing to learn is no NaN"


# --- prompts and conversations --------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen"])
def test_of_a_prompt_with_its_completion_the_completion_is_learnt(family: str) -> None:
    words = tokenizer(family)
    rows = {"text": ["the soup was", "my train"], "target": ["very fresh", ""]}
    made = TextGeneration(form="prompt").encode(rows, words, max_length=64)
    ids, truth, _ = made.window(0)
    assert read(words, truth[truth != IGNORED]) == f"very fresh{words.eos_token}"
    assert "the soup was" in read(words, ids)
    assert made.prompt(0, 64)[0].tolist() == ids[truth == IGNORED].tolist(), (
        "what it is asked is what it has learnt from"
    )
    assert (made.window(1)[1] == IGNORED).all(), "an empty completion teaches nothing"
    assert list(made.references) == ["very fresh", ""]


def test_what_is_too_long_loses_the_beginning_of_its_prompt_first() -> None:
    words = tokenizer("gpt2")
    many = " ".join(FILLER * 5)
    task = TextGeneration(form="prompt")
    made = task.encode({"text": [many], "target": ["soup bread"]}, words, max_length=24)
    ids, truth, _ = made.window(0)
    assert len(ids) == 24 and made.truncated == 1
    assert read(words, truth[truth != IGNORED]) == f"soup bread{words.eos_token}"
    long = task.encode({"text": [many], "target": [many]}, words, max_length=24)
    assert (long.window(0)[1] == IGNORED).sum() == 6, "a quarter is left to the prompt"
    assert len(made.prompt(0, 10)[0]) == 10


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen"])
def test_of_a_conversation_the_answers_are_learnt(family: str) -> None:
    words = tokenizer(family)
    rows = {"text": ["…"], "target": ["…"], "messages": [TALK]}
    made = TextGeneration(form="chat").encode(rows, words, max_length=512)
    ids, truth, _ = made.window(0)
    told = read(words, truth[truth != IGNORED])
    assert "fresh bread" in told and "ticket to the sea" in told
    assert "soup" not in told and "we was" not in told and "User" not in told
    assert told.count(words.eos_token) == 2, "where an answer ends is learnt, too"
    shown = read(words, made.prompt(0, 512)[0])
    assert "the train" in shown and "ticket" not in shown
    assert ids[: len(made.prompt(0, 512)[0])].tolist() == made.prompt(0, 512)[0].tolist()


def test_a_new_text_is_a_question_in_a_conversation() -> None:
    words = tokenizer("gpt2")
    made = TextGeneration(form="chat").encode({"text": ["the soup"]}, words, max_length=64)
    assert read(words, made.prompt(0, 64)[0]) == "User: the soup\nAssistant:"
    assert len(made) == 1 and not made.learnt.any()


def test_a_template_of_its_own_is_used() -> None:
    import copy

    words = copy.deepcopy(tokenizer("gpt2"))
    words.chat_template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    made = TextGeneration(form="chat").encode({"text": [""], "messages": [TALK[1:3]]}, words, max_length=64)
    ids, truth, _ = made.window(0)
    assert read(words, ids) == f"<user>the soup{words.eos_token}<assistant>fresh bread{words.eos_token}"
    assert read(words, truth[truth != IGNORED]) == f"fresh bread{words.eos_token}"
    words.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(ModelError, match=r"roles must alternate.*drop_bad_chats"):
        TextGeneration(form="chat").encode({"text": [""], "messages": [TALK]}, words, max_length=64)


# --- masks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta", "albert", "xlm-roberta", "modernbert"])
def test_masks_hide_the_share_that_is_asked_for(family: str) -> None:
    words = tokenizer(family)
    made = FillMask(mask_share=0.2).encode({"text": TEXTS * 4}, words, max_length=64)
    hidden = masked = same = able = 0
    for at in range(len(made)):
        ids, truth, row = made.window(at)
        start = int(made.offsets[at])
        there = truth != IGNORED
        assert (truth[there] == made.ids[start : start + len(ids)][there]).all()
        assert (ids[~there] == made.ids[start : start + len(ids)][~there]).all(), "nothing else is touched"
        assert (row[there] >= 0).all(), "special tokens are never hidden"
        able += int(made.learnt[start : start + len(ids)].sum())
        hidden += int(there.sum())
        masked += int((ids[there] == words.mask_token_id).sum())
        same += int((ids[there] == truth[there]).sum())
    assert hidden / able == pytest.approx(0.2, abs=0.03)
    assert masked / hidden == pytest.approx(0.8, abs=0.07) and same / hidden == pytest.approx(0.1, abs=0.05)


def test_masks_follow_from_seed_epoch_and_window_alone() -> None:
    made = FillMask().encode({"text": TEXTS}, tokenizer("bert"), max_length=32)

    def masks(one: Any, rows: list[int]) -> list[list[int]]:
        return one.batch(rows, pad_id=0)["labels"].tolist()

    np.random.seed(1)
    first = masks(made.of_epoch(0, 3), [2, 1])
    np.random.seed(2)
    assert masks(made.of_epoch(0, 3), [1, 2]) == first[::-1]
    assert masks(made.of_epoch(0, 4), [2, 1]) != first != masks(made.of_epoch(1, 3), [2, 1])
    assert masks(made, [2]) == masks(made, [2]), "those of the validation split never change"


def test_words_are_hidden_whole() -> None:
    words = tokenizer("roberta")
    made = FillMask(mask_share=0.3).encode({"text": [" soupbreadoven" * 30]}, words, max_length=512)
    pieces = len(words(" soupbreadoven", add_special_tokens=False)["input_ids"])
    assert 1 < pieces <= 8
    there = made.window(0)[1][1:-1] != IGNORED
    groups = there.reshape(-1, pieces)
    assert (groups.all(axis=1) == groups.any(axis=1)).all() and 0 < groups.any(axis=1).sum() < 30


def test_masked_windows_are_wrapped_and_hold_everything() -> None:
    words = tokenizer("bert")
    made = FillMask().encode({"text": [*TEXTS, ""]}, words, max_length=16)
    starts, ends = made.offsets[:-1], made.offsets[1:] - 1
    assert (made.ids[starts] == words.cls_token_id).all() and (made.ids[ends] == words.sep_token_id).all()
    assert made.lengths.max() == 16
    assert [read(words, made.ids[made.row == i]) for i in range(5)] == TEXTS[:5]
    inside = FillMask().encode({"text": ["the [MASK] was"]}, words, max_length=16)
    assert inside.learnt.sum() == 2, "a mask in the text itself hides nothing that is known"


def test_conversations_and_completions_are_read_whole() -> None:
    words = tokenizer("bert")
    rows = {"text": ["the soup", "my train"], "target": ["was fresh", None]}
    made = FillMask().encode(rows, words, max_length=64)
    assert [read(words, made.ids[made.row == i]) for i in range(2)] == ["the soup was fresh", "my train"]
    chat = FillMask().encode({"text": [""], "target": [""], "messages": [TALK]}, words, max_length=512)
    assert "ticket to the sea" in read(words, chat.ids)


def test_a_tokenizer_without_a_mask_is_refused() -> None:
    with pytest.raises(ModelError, match="a tokenizer with a mask token"):
        FillMask().encode({"text": TEXTS}, tokenizer("gpt2"), max_length=16)


def test_nothing_at_all_is_no_trouble() -> None:
    assert len(FillMask().encode({"text": []}, tokenizer("bert"), max_length=16)) == 0
    assert len(TextGeneration().encode({"text": []}, tokenizer("gpt2"), max_length=16)) == 0
