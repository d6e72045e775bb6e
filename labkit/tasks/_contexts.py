"""Questions beside overlapping windows of their contexts: what a model for question answering reads, and where answers stand.

A window is the question, whatever the tokenizer puts between two texts, and a stretch of the context, as in Devlin et al.
2019 (arXiv:1810.04805, section 4.2) and their ``run_squad.py``. Where a tokenizer puts nothing between two texts, as those of
GPT-2 and Qwen, the question ends in a line break (or in the tokenizer's own separator where it drops line breaks).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from labkit.data._layouts.answers import Answer, as_answers, stands
from labkit.errors import DataError
from labkit.tasks._encode import Encoded

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

_OVERLAP = 0.25  # share of a window's context that the next one repeats
_QUESTION = 0.5  # share of a window that a question may take
_CHUNK = 500  # texts tokenised at a time

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class ContextEncoded(Encoded):
    """Questions in windows of tokens; a window is what the model sees, and what a batch is made of.

    Attributes:
        spans: int32, shape (windows, 2): first and last token of the answer in each window, twice the token of "no answer"
            where it holds none. None for rows without answers.
        row: int32, the row that each window is of.
        none: int32, for each window the token that stands for "no answer".
        part: int32, shape (windows, 3): in each window the token where its stretch of the context begins, and the first and
            the last but one of the context's tokens in it.
        questions: of the rows.
        contexts: of the rows.
        places: start and end of the tokens of each row's context, in its characters, shape (tokens, 2).
        gold: answers of each row, None where they are unknown; None when no row has any.
    """

    spans: Ints | None
    row: Ints
    none: Ints
    part: Ints
    questions: Sequence[str]
    contexts: Sequence[str]
    places: Sequence[Ints]
    gold: Sequence[tuple[Answer, ...] | None] | None

    def batch(self, rows: Sequence[int], pad_id: int, side: str = "right") -> dict[str, torch.Tensor]:
        """Windows padded to the longest of them, with first and last token of the answers as labels."""
        import torch

        result = super().batch(rows, pad_id, side)
        if self.spans is not None:
            at = list(rows)
            shift = result["input_ids"].shape[1] - self.lengths[at] if side == "left" else np.zeros(len(at), np.int64)
            result["labels"] = torch.from_numpy(self.spans[at].astype(np.int64) + shift[:, None])
        return result


class Frame(NamedTuple):
    """What a tokenizer puts around two texts.

    Attributes:
        before, between, after: token ids.
        types: token types of before, the question, between, the context and after, shape (5,) lists; None without types.
        separator: what a question ends in, because nothing would stand between the texts otherwise; empty: nothing.
        none: token of "no answer": its place among ``before`` (counted from the front) or ``after`` (counted from the back,
            negative): that of the class token, or the first token of the window where there is no class token.
    """

    before: list[int]
    between: list[int]
    after: list[int]
    types: tuple[list[int], int, list[int], int, list[int]] | None
    separator: str
    none: int


def frame_of(tokenizer: PreTrainedTokenizerBase) -> Frame:
    """What a tokenizer puts around a question and a context."""
    separator = ""
    found = tokenizer("a", "a")
    sides = found.sequence_ids(0)
    between = [i for i in range(sides.index(0), len(sides)) if sides[i] is None and i < _last(sides, 1)]
    if not between:
        plain = _ids(tokenizer, ["a"])[0]
        options = ["\n", tokenizer.sep_token, tokenizer.eos_token]
        separator = next((mark for mark in options if mark and len(_ids(tokenizer, [f"a{mark}"])[0]) > len(plain)), "")
    ids = list(found["input_ids"])
    first, last = sides.index(0), _last(sides, 1)
    middle = sides.index(1)
    types = list(found["token_type_ids"]) if "token_type_ids" in found else None
    before, after = ids[:first], ids[last + 1 :]
    cls = tokenizer.cls_token_id
    none = before.index(cls) if cls in before else after.index(cls) - len(after) if cls in after else 0
    return Frame(
        before=before,
        between=[ids[i] for i in between],
        after=after,
        types=None
        if types is None
        else (types[:first], types[first], [types[i] for i in between], types[middle], types[last + 1 :]),
        separator=separator,
        none=none,
    )


def encode_questions(rows: Any, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> ContextEncoded:
    """Tokenise questions with their contexts in overlapping windows, and find the tokens of the answers.

    A question that takes more than half of a window is cut to that. Of several answers the first that a window holds whole is
    its target.

    Args:
        rows: a split of a corpus of layout "answers", or a mapping with the columns ``text`` (questions) and ``text_pair``
            (contexts), and ``answers`` where there are any.
        tokenizer: a fast one, which knows which characters a token is of.
        max_length: tokens in a window, special ones included.

    Raises:
        DataError: there are no contexts, or the window has no room for one.
    """
    names = getattr(rows, "column_names", None) or list(rows)
    if "text_pair" not in names:
        raise DataError("a context for each question", "questions alone", "give the contexts as pairs (text_pair)")
    questions = [
        text or "" for text in rows["text"][:]
    ]  # a slice at once: a column read row by row takes ten times as long
    contexts = [text or "" for text in rows["text_pair"][:]]
    gold = [as_answers(cell) for cell in rows["answers"][:]] if "answers" in names else None
    frame = frame_of(tokenizer)
    special = len(frame.before) + len(frame.between) + len(frame.after)
    most = int((max_length - special) * _QUESTION)
    if most < 1:
        do = "set a larger model.max_length"
        raise DataError("a window with room for a question and some context", f"{max_length} tokens", do)
    asked, cut = _asked(questions, tokenizer, frame, most)
    read = _tokens(contexts, tokenizer)
    ids: list[Ints] = []
    kinds: list[npt.NDArray[np.int8]] = []
    row: list[int] = []
    none: list[int] = []
    part: list[tuple[int, int, int]] = []
    spans: list[tuple[int, int]] = []
    for i, (question, context) in enumerate(zip(asked, contexts, strict=True)):
        tokens, places = read[context]
        head = np.concatenate([frame.before, question, frame.between]).astype(np.int32)
        room = max_length - len(head) - len(frame.after)
        step = max(1, room - int(room * _OVERLAP))
        told = _targets(gold[i] if gold is not None else None, context, places)
        for low in range(0, max(1, len(tokens) - (room - step)), step):
            high = min(low + room, len(tokens))
            ids.append(np.concatenate([head, tokens[low:high], frame.after]).astype(np.int32))
            if frame.types is not None:
                a, b, c, d, e = frame.types
                kinds.append(np.array([*a, *[b] * len(question), *c, *[d] * (high - low), *e], dtype=np.int8))
            row.append(i)
            none.append(frame.none if frame.none >= 0 else len(ids[-1]) + frame.none)
            part.append((len(head), low, high))
            inside = next((pair for pair in told if low <= pair[0] and pair[1] < high), None)
            spans.append((none[-1], none[-1]) if inside is None else tuple(at - low + len(head) for at in inside))  # type: ignore[arg-type]
    return ContextEncoded(
        ids=np.concatenate(ids) if ids else np.zeros(0, np.int32),
        types=np.concatenate(kinds) if kinds else None,
        offsets=np.concatenate([[0], np.cumsum([len(window) for window in ids])]).astype(np.int64),
        truncated=cut,
        spans=np.asarray(spans, dtype=np.int32).reshape(-1, 2) if gold is not None else None,
        row=np.asarray(row, dtype=np.int32),
        none=np.asarray(none, dtype=np.int32),
        part=np.asarray(part, dtype=np.int32).reshape(-1, 3),
        questions=questions,
        contexts=contexts,
        places=[read[context][1] for context in contexts],
        gold=gold,
    )


def _asked(
    questions: Sequence[str], tokenizer: PreTrainedTokenizerBase, frame: Frame, most: int
) -> tuple[list[list[int]], int]:
    """The tokens of each question, and how many questions are cut."""
    end = len(_ids(tokenizer, [f"a{frame.separator}"])[0]) - len(_ids(tokenizer, ["a"])[0]) if frame.separator else 0
    found, cut = [], 0
    for at in range(0, len(questions), _CHUNK):
        for ids in _ids(tokenizer, [question + frame.separator for question in questions[at : at + _CHUNK]]):
            if len(ids) > most:
                cut += 1
                ids = [*ids[: most - end], *ids[len(ids) - end :]] if most > end else ids[:most]
            found.append(ids)
    return found, cut


def _tokens(contexts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> Mapping[str, tuple[Ints, Ints]]:
    """Context → its token ids, and start and end of each token; every context once, however many questions it has."""
    unique = list(dict.fromkeys(contexts))
    found: dict[str, tuple[Ints, Ints]] = {}
    for at in range(0, len(unique), _CHUNK):
        some = unique[at : at + _CHUNK]
        batch = tokenizer(
            some,
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        for context, ids, places in zip(some, batch["input_ids"], batch["offset_mapping"], strict=True):
            found[context] = np.asarray(ids, dtype=np.int32), np.asarray(places, dtype=np.int32).reshape(-1, 2)
    return found


def _targets(answers: Sequence[Answer] | None, context: str, places: Ints) -> list[tuple[int, int]]:
    """First and last token of each answer that stands in the context."""
    solid = np.flatnonzero(places[:, 1] > places[:, 0])  # some tokenizers have tokens without characters
    found = []
    for one in answers or ():
        if not stands(context, one) or not len(solid):
            continue
        first = int(np.searchsorted(places[solid, 1], one.start, side="right"))
        last = int(np.searchsorted(places[solid, 0], one.end, side="left")) - 1
        if first <= last:
            found.append((int(solid[first]), int(solid[last])))
    return found


def _ids(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    found = tokenizer(
        list(texts), add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False, verbose=False
    )
    return list(found["input_ids"])


def _last(items: Sequence[Any], value: Any) -> int:
    return len(items) - 1 - list(reversed(items)).index(value)
