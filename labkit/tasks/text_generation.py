"""text-generation: a causal language model that goes on with a text, completes a prompt, or answers in a conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from labkit.data._layouts.chats import Message, as_messages, last_answer
from labkit.errors import LabError, RecipeError
from labkit.tasks._encode import Encoded
from labkit.tasks._language import (
    UNIGRAM,
    Ints,
    LanguageEncoded,
    column,
    token_sums,
    tokens_of,
    unigram,
)
from labkit.tasks._language_metrics import METRICS, quick
from labkit.tasks._language_predictions import LanguagePredictions
from labkit.tasks._losses import Decision, Decisions, token_decisions
from labkit.tasks._text_windows import BETWEEN, PLAIN_CHAT, chats, completions, rendered, running, shortened
from labkit.tasks._writing import Outputs, Writing, Written, decoding, drawing, share, write_batch

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from labkit.data import Corpus
    from labkit.data._corpus import LayoutName
    from labkit.models import BaseModel

Form = Literal["raw", "prompt", "chat"]

_SAMPLES = 50  # rows behind which a text is written when a model is judged
_BEGINNING = 32  # tokens of a running text that it is written behind


@dataclass(frozen=True, kw_only=True, eq=False)
class TextEncoded(LanguageEncoded):
    """Windows of running text, or a window for each prompt with its completion, or for each conversation.

    Attributes:
        form: what the rows are.
        start: the token that every window begins with, if any.
        messages: conversation of each row, where rows are conversations.
    """

    form: Form
    start: tuple[int, ...]
    messages: Sequence[Sequence[Message]] | None

    def seen(self) -> Iterator[Ints]:
        """Every token that is learnt."""
        yield self.ids[self.learnt]

    def prompt(self, row: int, room: int, *, beginning: bool = False) -> tuple[Ints, int]:
        """Tokens that a text is to be written behind, and how many more there were.

        Args:
            row: position of the row.
            room: tokens at most; of a longer prompt they are the last ones.
            beginning: of running text, take the beginning rather than all of it.
        """
        ids = self._prompt(row)
        if self.form == "raw" and beginning:
            ids = ids[: max(1, min(_BEGINNING, len(ids) // 2))]
        head = list(self.start) if self.form != "chat" else []
        room = max(1, room - len(head))
        kept = np.asarray([*head, *ids[-room:]] or [self.tokenizer.pad_token_id or 0], dtype=np.int32)
        return kept, max(0, len(ids) - room)

    def _prompt(self, row: int) -> list[int]:
        if self.form != "chat":
            text = self.texts[row] + (BETWEEN if self.form == "prompt" else "")
            return next(tokens_of([text], self.tokenizer))[0]
        talk = list(self.messages[row]) if self.messages is not None else []
        at = last_answer(talk)
        asked = (talk if at is None else talk[:at]) or [Message("user", self.texts[row])]
        return next(tokens_of([rendered(self.tokenizer, asked, ask=True)], self.tokenizer))[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class TextGeneration:
    """Causal language modelling.

    Attributes:
        form: what a row is: a running text, all of which is learnt; a prompt with its completion, or a conversation with
            answers, of which the completion or the answers are learnt.
        max_new_tokens: tokens to write at most.
        beams: of the search for the most probable text; 1: greedy.
    """

    form: Form = "raw"
    max_new_tokens: int = 128
    beams: int = 1

    id: ClassVar[str] = "text-generation"
    layout: ClassVar[LayoutName] = "texts"
    head: ClassVar[str] = "AutoModelForCausalLM"
    metric: ClassVar[str] = "loss"
    metrics: ClassVar[Mapping[str, bool]] = {name: higher for name, (higher, _) in METRICS.items()}
    feeds_labels: ClassVar[bool] = False
    decides: ClassVar[Decision] = "one"
    weighs_classes: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ("max_target_length", "max_new_tokens", "beams")
    nouns: ClassVar[str] = "labels"

    @property
    def labels(self) -> tuple[str, ...]:
        """None: it learns the texts themselves."""
        return ()

    @classmethod
    def of_corpus(cls, corpus: Corpus, options: Mapping[str, Any] | None = None) -> Self:
        """The task in the form of the corpus, writing as the section [generation] of the recipe says."""
        given = options or {}
        names = corpus["train"].column_names
        form: Form = "chat" if "messages" in names else "prompt" if "target" in names else "raw"
        longest = int(given.get("max_new_tokens", 0) or given.get("max_target_length", 128))
        return cls(form=form, max_new_tokens=longest, beams=int(given.get("beams", 1)))

    @classmethod
    def of_model(cls, config: PreTrainedConfig, settings: Mapping[str, Any]) -> Self:
        """The task as a fine-tuned model does it."""
        return cls(
            form=settings.get("form", "raw"),
            max_new_tokens=int(settings.get("max_new_tokens", 128)),
            beams=int(settings.get("beams", 1)),
        )

    def settings(self) -> dict[str, Any]:
        """The form of the rows, and how texts are written."""
        return {"form": self.form, "max_new_tokens": self.max_new_tokens, "beams": self.beams}

    @staticmethod
    def problems(corpus: Corpus) -> list[str]:
        """Why the corpus cannot be trained on; empty where it can."""
        train = corpus["train"]
        if "target" in train.column_names:
            some = any(target and target.strip() for target in train["target"])
            return [] if some else ["No training row has a completion: there is nothing to learn."]
        return [] if any(text and text.strip() for text in train["text"]) else ["No training row has a text."]

    def encode(self, rows: Any, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> TextEncoded:
        """Tokenise rows, and mark what is learnt.

        Running texts are put one behind another, each with the end-of-text token behind it, and cut into windows. A prompt and
        its completion are a window of their own, with the end-of-text token behind; so is a conversation, in the tokenizer's
        chat template. Where it has none, it gets ``PLAIN_CHAT``. What is too long loses the beginning of its prompt, and only
        then the end of its completion.
        """
        if self.form == "chat" and not tokenizer.chat_template:
            tokenizer.chat_template = PLAIN_CHAT
        texts = [text or "" for text in column(rows, "text") or []]
        cells = column(rows, "messages")
        messages = None if cells is None else [as_messages(cell) for cell in cells]
        targets = column(rows, "target") or [None] * len(texts)
        first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        start = () if first is None else (first,)
        end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
        truncated = 0
        if self.form == "raw":
            ids, row, offsets = running(texts, tokenizer, max_length, start, end)
            learnt = row >= 0
        else:
            windows = (
                chats(messages or [[] for _ in texts], tokenizer)
                if self.form == "chat"
                else completions(texts, targets, tokenizer, start, end)
            )
            pieces, marks, owners = [], [], []
            for at, (tokens, told) in enumerate(windows):
                if not tokens:  # a window without a token could not be attended to
                    tokens, told = [first or 0], np.zeros(1, dtype=bool)
                short, kept, cuts = shortened(tokens, told, max_length)
                truncated += cuts
                pieces.append(short)
                marks.append(kept)
                owners.append(np.full(len(short), at, dtype=np.int32))
            ids, row = (np.concatenate(part) if part else np.zeros(0, np.int32) for part in (pieces, owners))
            learnt = np.concatenate(marks) if marks else np.zeros(0, bool)
            offsets = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])]).astype(np.int64)
        learnt = learnt.copy()
        learnt[offsets[:-1][offsets[:-1] < len(learnt)]] = False  # nothing stands before the first token of a window
        return TextEncoded(
            ids=ids,
            types=None,
            offsets=offsets,
            truncated=truncated,
            row=row,
            learnt=learnt,
            texts=texts,
            references=[None] * len(texts) if self.form == "raw" else targets,
            tokenizer=tokenizer,
            form=self.form,
            start=start,
            max_length=max_length,
            messages=messages,
        )

    def build(self, base: BaseModel, *, dropout: float | None) -> PreTrainedModel:
        """The base model with its language-modelling head."""
        from transformers import AutoModelForCausalLM

        from labkit.models import load_model

        return load_model(base, AutoModelForCausalLM, dropout=dropout)

    def decisions(self, output: Any, target: torch.Tensor) -> Decisions:
        """The tokens that are learnt, each foreseen from those before it."""
        return token_decisions(output.logits, target, shifted=True)

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
        """How well the texts are foreseen; and behind 50 rows at most, evenly spread, what the model writes.

        Behind a running text's beginning, that is 32 tokens of it, or half of a shorter one; there is no reference to compare
        it with.
        """
        assert isinstance(encoded, TextEncoded)
        nll, tokens, hits = token_sums(model, encoded, pad_id=pad_id, batch_size=batch_size, shifted=True)
        asked = np.flatnonzero(tokens > 0)
        chosen = (
            asked[np.unique(np.linspace(0, len(asked) - 1, min(_SAMPLES, len(asked))).astype(int))]
            if len(asked)
            else []
        )
        return LanguagePredictions(
            task=self.id,
            row_ids=row_ids,
            inputs=encoded.texts,
            nll=nll,
            tokens=tokens,
            hits=hits,
            predicted=self._write(model, encoded, [int(i) for i in chosen], pad_id, batch_size, beginning=True),
            references=encoded.references,
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
        """What the model writes behind every text: the continuation, the completion, or the answer."""
        assert isinstance(encoded, TextEncoded)
        zeros = np.zeros(len(encoded.texts))
        every = list(range(len(encoded.texts)))
        return LanguagePredictions(
            task=self.id,
            row_ids=row_ids,
            inputs=encoded.texts,
            nll=zeros,
            tokens=zeros,
            hits=zeros,
            predicted=self._write(model, encoded, every, pad_id, batch_size, beginning=False),
            references=encoded.references,
        )

    def writing(self, max_length: int) -> Writing:
        """As the recipe says; half of ``max_length`` is for new tokens at most, the rest for what they stand behind."""
        return Writing(max_new_tokens=max(1, min(self.max_new_tokens, max_length // 2)), beams=self.beams)

    def write(
        self, model: PreTrainedModel, encoded: Encoded, how: Writing, *, pad_id: int, side: str, batch_size: int
    ) -> list[Outputs]:
        """What the model writes behind every text. Prompt and new tokens have room for ``max_length`` tokens together; of a
        prompt that is too long the beginning goes.

        Raises:
            LabError: there is no room for so many new tokens.
        """
        assert isinstance(encoded, TextEncoded)
        if how.max_new_tokens >= encoded.max_length:
            most = f"max_new_tokens of {encoded.max_length - 1:,} at most"
            raise LabError(
                f"{most}, as the model was trained on {encoded.max_length:,} tokens", f"{how.max_new_tokens:,}"
            )
        room = encoded.max_length - how.max_new_tokens
        prompts = [encoded.prompt(row, room) for row in range(len(encoded.texts))]
        texts = self._behind(model, encoded, [ids for ids, _ in prompts], how, pad_id, batch_size)
        return [
            Outputs(str(encoded.tokenizer.decode(ids)), cut, some)
            for (ids, cut), some in zip(prompts, texts, strict=True)
        ]

    def _write(
        self,
        model: PreTrainedModel,
        encoded: TextEncoded,
        rows: list[int],
        pad_id: int,
        batch_size: int,
        *,
        beginning: bool,
    ) -> list[str | None]:
        """The texts behind some rows, None for the others."""
        how = self.writing(encoded.max_length)
        room = encoded.max_length - how.max_new_tokens
        prompts = [encoded.prompt(row, room, beginning=beginning)[0] for row in rows]
        found: list[str | None] = [None] * len(encoded.texts)
        for row, texts in zip(rows, self._behind(model, encoded, prompts, how, pad_id, batch_size), strict=True):
            found[row] = texts[0].text
        return found

    def _behind(
        self,
        model: PreTrainedModel,
        encoded: TextEncoded,
        prompts: Sequence[Ints],
        how: Writing,
        pad_id: int,
        batch_size: int,
    ) -> list[tuple[Written, ...]]:
        import torch

        from labkit.models import quiet_transformers

        tokenizer = encoded.tokenizer
        special = {
            "pad_token_id": pad_id,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        }
        config = decoding(how, special)
        found: list[tuple[Written, ...]] = [()] * len(prompts)
        order = sorted(range(len(prompts)), key=lambda at: -len(prompts[at]))
        size = share(how, batch_size)
        was_training = model.training
        model.eval()
        try:
            for start in range(0, len(order), size):
                some = order[start : start + size]
                width = len(prompts[some[0]])
                # what is written stands behind the last token, so padding goes before the first
                ids, mask = np.full((len(some), width), pad_id, dtype=np.int64), np.zeros((len(some), width), np.int64)
                for i, at in enumerate(some):
                    ids[i, width - len(prompts[at]) :] = prompts[at]
                    mask[i, width - len(prompts[at]) :] = 1
                inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
                with torch.inference_mode(), quiet_transformers(), drawing(how, model):
                    moved = {name: part.to(model.device) for name, part in inputs.items()}
                    texts = write_batch(model, moved, config, tokenizer)
                each = len(texts) // len(some)
                for i, at in enumerate(some):
                    found[at] = tuple(texts[i * each : (i + 1) * each])
        finally:
            model.train(was_training)
        return found

    def watch(
        self, model: PreTrainedModel, encoded: Encoded, *, pad_id: int, side: str, batch_size: int, metric: str = ""
    ) -> dict[str, float]:
        """Loss, perplexity and accuracy over tokens, with ``metric`` among them.

        Raises:
            RecipeError: there is no such metric.
        """
        assert isinstance(encoded, TextEncoded)
        if metric and metric not in METRICS:
            raise RecipeError([f"There is no evaluation.metric {metric!r}. There are: {', '.join(METRICS)}."])
        sums = token_sums(model, encoded, pad_id=pad_id, batch_size=batch_size, shifted=True)
        return quick(*(float(part.sum()) for part in sums))

    def tune(self, predictions: LanguagePredictions) -> dict[str, Any]:
        """Nothing: there is no threshold."""
        return {}

    def baselines(
        self, corpus: Corpus, rows: Any, *, encode: Callable[[Any], Encoded], seed: int
    ) -> dict[str, LanguagePredictions]:
        """A unigram model of the training tokens."""
        train, asked = encode(corpus["train"]), encode(rows)
        assert isinstance(train, TextEncoded) and isinstance(asked, TextEncoded)
        return {UNIGRAM: unigram(train, train.seen, asked, list(rows["row_id"]), self.id)}

    def finish(self, model: PreTrainedModel) -> None:
        """Nothing: the model is saved as it was trained."""

    def pipeline(self, folder: str) -> str:
        """Lines of Python with which transformers alone uses the saved model, for the model card."""
        asked = '[{"role": "user", "content": "A question"}]' if self.form == "chat" else '"A text to go on with"'
        asked = '"A prompt\\n"' if self.form == "prompt" else asked
        return (
            "from transformers import pipeline\n\n"
            f'write = pipeline("text-generation", model="{folder}")\n'
            f"write({asked}, max_new_tokens={self.max_new_tokens}, do_sample=False)"
        )
