"""What translation and summarization share: a text in, a text out, by a model with an encoder and a decoder.

Training and validation are teacher-forced: each token of the target is predicted from those before it. Only predictions are
generated, token by token, which takes as many steps as the output has tokens.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from labkit.errors import LabError, RecipeError, quoted, suggest
from labkit.tasks._encode import Encoded, batches_by_length, encode
from labkit.tasks._losses import IGNORED, Decision, Decisions, token_decisions
from labkit.tasks._text_predictions import TextPredictions
from labkit.tasks._writing import Outputs, Writing, Written, decoding, drawing, generated, share, write_batch

if TYPE_CHECKING:
    import torch
    from transformers import GenerationConfig, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from labkit.data import Corpus
    from labkit.data._corpus import LayoutName
    from labkit.models import BaseModel

WATCHED: dict[str, tuple[bool, str]] = {
    "loss": (False, "mean negative log-likelihood of the tokens of the targets, in nats"),
    "token_accuracy": (True, "share of the tokens of the targets that are the most probable one, given those before"),
    "perplexity": (False, "exp of the loss: among how many equally probable tokens the model chooses"),
}
"""Name of each figure that needs no generated text → whether higher is better, and what it is."""

_CHUNK = 1000  # rows tokenised at a time
_CODE = re.compile(r"[a-z]{2,3}_[A-Z][A-Za-z]{1,3}")
_OPTIONS = ("prefix", "source_language", "target_language", "max_target_length", "max_new_tokens", "beams")


@dataclass(frozen=True, kw_only=True, eq=False)
class TextEncoded(Encoded):
    """Rows of source and target.

    Attributes:
        target_ids: token ids of all targets one after another, int32.
        target_offsets: where the target of each row starts in them, n + 1 entries; a row without a target has no tokens.
        inputs: the sources.
        references: the targets, None where unknown; None where none is known.
        tokenizer: what makes texts of tokens again.
    """

    target_ids: npt.NDArray[np.int32]
    target_offsets: npt.NDArray[np.int64]
    inputs: Sequence[str]
    references: Sequence[str | None] | None
    tokenizer: PreTrainedTokenizerBase

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of source and target together: what a row costs."""
        both: npt.NDArray[np.int64] = np.diff(self.offsets) + np.diff(self.target_offsets)
        return both

    def batch(self, rows: Sequence[int], pad_id: int, side: str = "right") -> dict[str, torch.Tensor]:
        """Sources padded to the longest of them, with the targets as labels; these are padded on the right, with -100."""
        import torch

        result = super().batch(rows, pad_id, side)
        if self.references is not None:
            parts = [self.target_ids[self.target_offsets[row] : self.target_offsets[row + 1]] for row in rows]
            labels = np.full((len(rows), max(1, *map(len, parts))), IGNORED, dtype=np.int64)
            for line, part in zip(labels, parts, strict=True):
                line[: len(part)] = part
            result["labels"] = torch.from_numpy(labels)
        return result


@dataclass(frozen=True, kw_only=True)
class Seq2Seq:
    """A source text is turned into a target text.

    Attributes:
        prefix: words put before every source.
        source_language, target_language: codes as the tokenizer has them; empty: none, or the tokenizer's own.
        max_target_length: tokens to cut each target to when training.
        max_new_tokens: tokens to write at most; 0: as many as ``max_target_length``.
        beams: of the search for the best output; 1: greedy.
    """

    prefix: str = ""
    source_language: str = ""
    target_language: str = ""
    max_target_length: int = 128
    max_new_tokens: int = 0
    beams: int = 1

    id: ClassVar[str]
    layout: ClassVar[LayoutName] = "pairs"
    head: ClassVar[str] = "AutoModelForSeq2SeqLM"
    metric: ClassVar[str] = "loss"
    metrics: ClassVar[Mapping[str, bool]]
    feeds_labels: ClassVar[bool] = True
    decides: ClassVar[Decision] = "one"
    weighs_classes: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = _OPTIONS
    nouns: ClassVar[str] = "labels"

    @property
    def labels(self) -> tuple[str, ...]:
        """None: a target is a text."""
        return ()

    @classmethod
    def of_corpus(cls, corpus: Corpus, options: Mapping[str, Any]) -> Self:
        """The task as the section [generation] of the recipe has it."""
        return cls(**{name: options[name] for name in _OPTIONS if name in options})

    @classmethod
    def of_model(cls, config: PreTrainedConfig, settings: Mapping[str, Any]) -> Self:
        """The task as a fine-tuned model does it, by what ``settings`` gave."""
        return cls(**{name: settings[name] for name in _OPTIONS if name in settings})

    def settings(self) -> dict[str, Any]:
        """Everything: the model's configuration holds nothing of it."""
        return {name: getattr(self, name) for name in _OPTIONS}

    @staticmethod
    def problems(corpus: Corpus) -> list[str]:
        """Why the corpus cannot be trained on; empty where it can."""
        if "target" not in corpus["train"].column_names:
            return ["The data has no target texts: name the column with label=, and that of the sources with text=."]
        found = []
        if any(target is None for target in corpus["train"]["target"]):
            found.append("Some training rows have no target: add the repair drop_empty (data.repairs in the recipe).")
        for split, rows in corpus.splits.items():
            if split != "train" and all(target is None for target in rows["target"]):
                found.append(f"No row of the {split} split has a target to compare with.")
        return found

    def encode(self, rows: Any, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> TextEncoded:
        """Tokenise sources and targets; what is longer than the model or ``max_target_length`` allows is cut, and counted.

        Raises:
            RecipeError: the tokenizer has no such language.
        """
        self._set_languages(tokenizer)
        names = getattr(rows, "column_names", None) or list(rows)
        inputs = list(rows["text"])
        sources = encode({"text": [self.prefix + (text or "") for text in inputs]}, tokenizer, max_length=max_length)
        references = list(rows["target"]) if "target" in names else None
        pieces: list[npt.NDArray[np.int32]] = []
        sizes: list[int] = []
        cut = 0
        for start in range(0, len(references or ()), _CHUNK):
            targets = (references or [])[start : start + _CHUNK]
            batch = tokenizer(
                text_target=[text or "" for text in targets],
                truncation=True,
                max_length=self.max_target_length,
                return_attention_mask=False,
                verbose=False,
            )
            for i, (text, ids) in enumerate(zip(targets, batch["input_ids"], strict=True)):
                ids = [] if text is None else ids
                pieces.append(np.asarray(ids, dtype=np.int32))
                sizes.append(len(ids))
                cut += bool(len(ids) and batch.encodings and batch.encodings[i].overflowing)
        sizes = sizes or [0] * len(inputs)
        return TextEncoded(
            ids=sources.ids,
            types=sources.types,
            offsets=sources.offsets,
            truncated=sources.truncated + cut,
            target_ids=np.concatenate(pieces) if pieces else np.zeros(0, np.int32),
            target_offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            inputs=[text or "" for text in inputs],
            references=references,
            tokenizer=tokenizer,
        )

    def build(self, base: BaseModel, *, dropout: float | None) -> PreTrainedModel:
        """The base model, told how to generate: plain ``model.generate(**inputs)`` then does as labkit does.

        What the base model's own settings say about lengths, beams and repeated words was meant for other data, and goes.

        Raises:
            RecipeError: the outputs would be longer than the decoder can write, or there is no such language.
        """
        from transformers import AutoModelForSeq2SeqLM

        from labkit.models import load_model, load_tokenizer

        model = load_model(base, AutoModelForSeq2SeqLM, dropout=dropout)
        limit = _decoder_limit(model)
        wanted = max(self.max_target_length, self.max_new_tokens + 1)
        if limit and wanted > limit:
            name = "max_target_length" if wanted == self.max_target_length else "max_new_tokens"
            most = limit if name == "max_target_length" else limit - 1
            raise RecipeError(
                [f"generation.{name} must be at most {most}, what the decoder of {base.name!r} can write."]
            )
        model.generation_config = self._generation(model, load_tokenizer(base))
        return model

    def decisions(self, output: Any, target: torch.Tensor) -> Decisions:
        """Every token of the targets."""
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
    ) -> TextPredictions:
        """Generate a text for each row: greedily, or with as many beams as the task has."""
        import torch

        from labkit.models._load import quiet_transformers

        assert isinstance(encoded, TextEncoded)
        generation: Any = self._generation(model, encoded.tokenizer)
        written = [""] * len(encoded)
        sure = np.full(len(encoded), np.nan)
        was_training = model.training
        model.eval()
        try:
            with torch.inference_mode(), quiet_transformers():
                for rows in batches_by_length(np.diff(encoded.offsets), batch_size):
                    batch = encoded.batch(rows, pad_id, side)
                    batch.pop("labels", None)
                    inputs = {name: part.to(model.device) for name, part in batch.items()}
                    ids, logs, _ = generated(model, inputs, generation)
                    texts = encoded.tokenizer.batch_decode(ids, skip_special_tokens=True)
                    for row, text, log in zip(rows, texts, logs, strict=True):
                        written[row], sure[row] = str(text).strip(), math.exp(log)
        finally:
            model.train(was_training)
        return TextPredictions(
            task=self.id,
            row_ids=row_ids,
            inputs=encoded.inputs,
            predicted=written,
            confidence=sure,
            references=encoded.references,
        )

    reply = predict

    def writing(self, max_length: int = 0) -> Writing:
        """As the recipe says; how long an input may be does not matter."""
        return Writing(max_new_tokens=self.max_new_tokens or self.max_target_length, beams=self.beams)

    def write(
        self, model: PreTrainedModel, encoded: Encoded, how: Writing, *, pad_id: int, side: str, batch_size: int
    ) -> list[Outputs]:
        """What the model writes for each source.

        Raises:
            LabError: more tokens than the decoder can write.
        """
        import torch

        from labkit.models._load import quiet_transformers

        assert isinstance(encoded, TextEncoded)
        limit = _decoder_limit(model)
        if limit and how.max_new_tokens >= limit:
            raise LabError(
                f"max_new_tokens of {limit - 1:,} at most, what the decoder can write", str(how.max_new_tokens)
            )
        tokenizer = encoded.tokenizer
        config = self._generation(model, tokenizer, how)
        sources = [self.prefix + text for text in encoded.inputs]
        whole = tokenizer(sources, verbose=False)["input_ids"] if sources else []
        said: list[tuple[Written, ...]] = [()] * len(encoded)
        was_training = model.training
        model.eval()
        try:
            with torch.inference_mode(), quiet_transformers():
                for rows in batches_by_length(np.diff(encoded.offsets), share(how, batch_size)):
                    batch = encoded.batch(rows, pad_id, side)
                    batch.pop("labels", None)
                    with drawing(how, model):
                        texts = write_batch(model, {k: v.to(model.device) for k, v in batch.items()}, config, tokenizer)
                    each = len(texts) // len(rows)
                    for i, row in enumerate(rows):
                        said[row] = tuple(texts[i * each : (i + 1) * each])
        finally:
            model.train(was_training)
        read = [encoded.ids[a:b] for a, b in zip(encoded.offsets[:-1], encoded.offsets[1:], strict=True)]
        return [
            Outputs(str(tokenizer.decode(some)), len(every) - len(some), texts)
            for some, every, texts in zip(read, whole, said, strict=True)
        ]

    def watch(
        self, model: PreTrainedModel, encoded: Encoded, *, pad_id: int, side: str, batch_size: int, metric: str = ""
    ) -> dict[str, float]:
        """Loss, token accuracy and perplexity, teacher-forced; texts are generated only if ``metric`` is made of them.

        Raises:
            RecipeError: there is no such metric.
        """
        assert isinstance(encoded, TextEncoded)
        if metric and metric not in self.metrics:
            raise RecipeError([f"There is no evaluation.metric {metric!r}. There are: {', '.join(self.metrics)}."])
        found = teacher_forced(model, encoded, pad_id=pad_id, side=side, batch_size=batch_size)
        if metric and metric not in found:
            ids = [str(i) for i in range(len(encoded))]
            said = self.predict(model, encoded, row_ids=ids, pad_id=pad_id, side=side, batch_size=batch_size)
            found[metric] = said.scores().values()[metric]
        return found

    def tune(self, predictions: TextPredictions) -> dict[str, Any]:
        """Nothing: there is no threshold."""
        return {}

    def finish(self, model: PreTrainedModel) -> None:
        """Nothing: the model is saved as it was trained."""

    def pipeline(self, folder: str) -> str:
        """How transformers alone uses the saved model."""
        language = f', src_lang="{self.source_language}"' if self.source_language else ""
        return f"""from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{folder}"{language})
model = AutoModelForSeq2SeqLM.from_pretrained("{folder}")
inputs = tokenizer([{self.prefix!r} + "…"], return_tensors="pt", truncation=True, return_token_type_ids=False)
print(tokenizer.batch_decode(model.generate(**inputs), skip_special_tokens=True))"""

    # --- inner ------------------------------------------------------------------------------------------------------

    def _set_languages(self, tokenizer: Any) -> None:
        """Tell a tokenizer that knows languages which two there are."""
        asked = {
            name: code
            for name, code in (("source_language", self.source_language), ("target_language", self.target_language))
            if code
        }
        known = language_codes(tokenizer)
        problems = []
        for name, code in asked.items():
            if not known:
                do = "leave it out; for a Marian model of many languages write the code into generation.prefix (>>de<<)"
                problems.append(
                    f"generation.{name} is {code!r}, but this model's tokenizer knows no language codes: {do}."
                )
            elif code not in known:
                near = suggest(code, known)
                hint = f" Did you mean {near!r}?" if near else ""
                problems.append(
                    f"generation.{name} {code!r} is no language of this model.{hint} It knows: {quoted(known, 60)}."
                )
        if problems:
            raise RecipeError(problems)
        if self.source_language:
            tokenizer.src_lang = self.source_language
        if self.target_language:
            tokenizer.tgt_lang = self.target_language

    def _generation(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, how: Writing | None = None
    ) -> GenerationConfig:
        """How to generate: the special tokens of the model, and what is asked, or what the task says."""
        self._set_languages(tokenizer)
        before, config = model.generation_config, model.config

        def token(role: str) -> Any:
            own = getattr(before, role, None)
            return getattr(config, role, None) if own is None else own

        special = {f"{role}_token_id": token(f"{role}_token_id") for role in ("pad", "bos", "eos", "decoder_start")}
        special |= {"forced_bos_token_id": token("forced_bos_token_id"), "bad_words_ids": token("bad_words_ids")}
        code = getattr(tokenizer, "tgt_lang", None)
        if code in language_codes(tokenizer):
            # mBART writes the language first of all, mBART-50 and NLLB as the first token: as their targets are tokenised
            sample = tokenizer(text_target="a")["input_ids"]
            if sample[-1] == language_codes(tokenizer)[code]:
                special["decoder_start_token_id"] = sample[-1]
            elif sample[0] == language_codes(tokenizer)[code]:
                special["forced_bos_token_id"] = sample[0]
        return decoding(how or self.writing(), special)


def _decoder_limit(model: PreTrainedModel) -> int:
    """Tokens that the decoder has places for; 0: no limit."""
    decoder: Any = getattr(model.config, "decoder", None) or model.config
    return int(getattr(decoder, "max_position_embeddings", 0) or 0)


def language_codes(tokenizer: Any) -> dict[str, int]:
    """Language code → id of its token, of a tokenizer that is told the languages; empty for others."""
    if not hasattr(tokenizer, "src_lang"):
        return {}
    stated = getattr(tokenizer, "lang_code_to_id", None)
    if stated:
        return {str(code): int(i) for code, i in stated.items()}
    return {token: i for token, i in tokenizer.get_vocab().items() if _CODE.fullmatch(token)}


def teacher_forced(
    model: PreTrainedModel, encoded: TextEncoded, *, pad_id: int, side: str, batch_size: int
) -> dict[str, float]:
    """The figures of ``WATCHED`` over all tokens of the targets."""
    import torch
    from torch.nn import functional

    loss, hits, tokens = 0.0, 0, 0
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for rows in batches_by_length(encoded.lengths, batch_size):
                batch = {name: part.to(model.device) for name, part in encoded.batch(rows, pad_id, side).items()}
                logits = model(**batch).logits.float().flatten(0, 1)
                labels = batch["labels"].flatten()
                loss += float(functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum"))
                hits += int((logits.argmax(dim=-1) == labels).sum())
                tokens += int((labels != IGNORED).sum())
    finally:
        model.train(was_training)
    mean = loss / max(1, tokens)
    return {"loss": mean, "token_accuracy": hits / max(1, tokens), "perplexity": math.exp(min(mean, 700.0))}
