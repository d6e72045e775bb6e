"""token-classification: named entities and other labelled stretches of a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from labkit.data._layouts.spans import Span
from labkit.errors import ModelError, RecipeError
from labkit.tasks._encode import Encoded, batches_by_length
from labkit.tasks._losses import Decision, Decisions, token_decisions
from labkit.tasks._span_baselines import span_baselines
from labkit.tasks._span_metrics import METRICS, metrics
from labkit.tasks._span_predictions import SpanPredictions
from labkit.tasks._words import TokenEncoded, encode_words, spans_of, tag_names

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from labkit.data import Corpus
    from labkit.data._corpus import LayoutName
    from labkit.models import BaseModel

_QUICK = ("f1", "precision", "recall")


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenClassification:
    """Labelled spans, learnt as a tag for every word (IOB2).

    Attributes:
        labels: types of entities.
    """

    labels: tuple[str, ...]

    id: ClassVar[str] = "token-classification"
    layout: ClassVar[LayoutName] = "spans"
    head: ClassVar[str] = "AutoModelForTokenClassification"
    metric: ClassVar[str] = "f1"
    metrics: ClassVar[Mapping[str, bool]] = {name: higher for name, (higher, _) in METRICS.items()}
    feeds_labels: ClassVar[bool] = False
    decides: ClassVar[Decision] = "one"
    weighs_classes: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ()
    nouns: ClassVar[str] = "types of entities"

    @classmethod
    def of_corpus(cls, corpus: Corpus, options: Mapping[str, Any] | None = None) -> Self:
        """The task with the types of entities of a corpus."""
        return cls(labels=corpus.labels)

    @classmethod
    def of_model(cls, config: PreTrainedConfig, settings: Mapping[str, Any]) -> Self:
        """The task as a fine-tuned model does it.

        Raises:
            ModelError: the model's labels are no tags of IOB2.
        """
        names: dict[Any, str] = config.id2label or {}
        tags = tuple(names[i] for i in range(len(names)))
        labels = tuple(tag[2:] for tag in tags if tag.startswith("B-"))
        if tags != tag_names(labels):
            raise ModelError("the tags O, B-… and I-… of each type", ", ".join(tags[:5]))
        return cls(labels=labels)

    def settings(self) -> dict[str, Any]:
        """Nothing: the model's configuration says it all."""
        return {}

    @staticmethod
    def problems(corpus: Corpus) -> list[str]:
        """Why the corpus cannot be trained on; empty where it can."""
        if not corpus.labels:
            return ["The data has no entities: name the column with the tags or spans."]
        found = []
        if any(spans is None for spans in corpus["train"]["spans"]):
            found.append(
                "Some training rows are not labelled: add the repair drop_unlabelled (data.repairs in the recipe)."
            )
        present = {
            split: {label for labels in rows["label"] for label in labels or ()}
            for split, rows in corpus.splits.items()
        }
        if not present["train"]:
            found.append("No training row has an entity: split again, or label more rows.")
        for split, labels in present.items():
            if not found and labels and labels.isdisjoint(present["train"]):
                found.append(f"No type of entity of the {split} split occurs in the training split.")
        return found

    def encode(self, rows: Any, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> TokenEncoded:
        """Tokenise rows in overlapping windows, so that nothing of a long text is lost, and tag each word's first token."""
        return encode_words(rows, tokenizer, max_length=max_length, labels=self.labels)

    def build(self, base: BaseModel, *, dropout: float | None) -> PreTrainedModel:
        """The base model with a token-classification head over the tags."""
        from transformers import AutoModelForTokenClassification

        from labkit.models import load_model

        tags = tag_names(self.labels)
        return load_model(
            base,
            AutoModelForTokenClassification,
            dropout=dropout,
            num_labels=len(tags),
            id2label=dict(enumerate(tags)),
            label2id={tag: i for i, tag in enumerate(tags)},
        )

    def decisions(self, output: Any, target: torch.Tensor) -> Decisions:
        """A tag for the first token of each word."""
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
    ) -> SpanPredictions:
        """The best sequence of tags for each row among those that IOB2 allows, by the Viterbi algorithm (Viterbi 1967)."""
        import torch

        assert isinstance(encoded, TokenEncoded)
        k = 2 * len(self.labels) + 1
        logs = [np.full((len(words), k), np.nan) for words in encoded.words]
        was_training = model.training
        model.eval()
        try:
            with torch.inference_mode():
                for windows in batches_by_length(encoded.lengths, batch_size):
                    batch = encoded.batch(windows, pad_id, side)
                    batch.pop("labels", None)
                    logits = model(**{name: part.to(model.device) for name, part in batch.items()}).logits.double()
                    states = torch.log_softmax(logits, dim=-1).cpu().numpy()
                    for i, window in enumerate(windows):
                        first = encoded.firsts[window]
                        length = int(encoded.offsets[window + 1] - encoded.offsets[window])
                        shift = states.shape[1] - length if side == "left" else 0
                        logs[encoded.row[window]][first[:, 0]] = states[i, first[:, 1] + shift]
        finally:
            model.train(was_training)
        predicted, sure = [], []
        for words, scores in zip(encoded.words, logs, strict=True):
            spans, confidence = self._decode(words, scores)
            predicted.append(spans)
            sure.append(confidence)
        return SpanPredictions(
            row_ids=row_ids,
            texts=encoded.texts,
            labels=self.labels,
            predicted=predicted,
            confidence=sure,
            gold=encoded.gold,
        )

    reply = predict

    def _decode(
        self, words: npt.NDArray[np.int32], scores: npt.NDArray[np.float64]
    ) -> tuple[tuple[Span, ...], tuple[float, ...]]:
        unseen = np.isnan(scores[:, 0])
        scores[unseen] = -1e9  # a word that the tokenizer drops, such as a control character, is outside of everything
        scores[unseen, 0] = 0.0
        tags = best_tags(scores)
        spans, sure = [], []
        for first, last in spans_of(tags):
            label = self.labels[(int(tags[first]) - 1) // 2]
            spans.append(Span(int(words[first, 0]), int(words[last, 1]), label))
            at = np.arange(first, last + 1)
            sure.append(float(np.exp(scores[at, tags[at]]).mean()))
        return tuple(spans), tuple(sure)

    def watch(
        self, model: PreTrainedModel, encoded: Encoded, *, pad_id: int, side: str, batch_size: int, metric: str = ""
    ) -> dict[str, float]:
        """``quick_metrics`` of the model as it stands."""
        assert isinstance(encoded, TokenEncoded)
        ids = [str(i) for i in range(len(encoded.texts))]
        predictions = self.predict(model, encoded, row_ids=ids, pad_id=pad_id, side=side, batch_size=batch_size)
        return self.quick_metrics(predictions, metric)

    def quick_metrics(self, predictions: SpanPredictions, metric: str = "") -> dict[str, float]:
        """F1, precision and recall of whole entities, with ``metric`` among them.

        Raises:
            RecipeError: there is no such metric.
        """
        found = metrics(predictions)
        if metric and metric not in found:
            raise RecipeError([f"There is no evaluation.metric {metric!r}. There are: {', '.join(found)}."])
        return {name: found[name] for name in dict.fromkeys((*_QUICK, *([metric] if metric else [])))}

    def tune(self, predictions: SpanPredictions) -> dict[str, Any]:
        """Nothing: there is no threshold."""
        return {}

    def baselines(
        self, corpus: Corpus, rows: Any, *, encode: Callable[[Any], Encoded], seed: int
    ) -> dict[str, SpanPredictions]:
        """The most frequent tag of each word, and logistic regression on words and their neighbours."""
        return span_baselines(corpus["train"], rows, labels=self.labels, seed=seed)

    def finish(self, model: PreTrainedModel) -> None:
        """Nothing: the model is saved as it was trained."""

    def pipeline(self, folder: str) -> str:
        """How transformers alone uses the saved model."""
        return f"""from transformers import pipeline

find = pipeline("token-classification", model="{folder}", aggregation_strategy="first")
find("a text")"""


def best_tags(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The likeliest sequence of tags in which I- follows only B- or I- of its type.

    Args:
        scores: log-probability of each tag for each word, shape (words, tags), tags in the order of ``tag_names``.
    """
    n, k = scores.shape
    if not n:
        return np.zeros(0, dtype=np.int64)
    forbidden = np.zeros((k, k))
    for inside in range(2, k, 2):
        forbidden[:, inside] = -np.inf
        forbidden[[inside - 1, inside], inside] = 0.0
    best = scores[0] + np.where((np.arange(k) > 0) & (np.arange(k) % 2 == 0), -np.inf, 0.0)
    back = np.zeros((n, k), dtype=np.int64)
    for i in range(1, n):
        paths = best[:, None] + forbidden
        back[i] = paths.argmax(axis=0)
        best = paths[back[i], np.arange(k)] + scores[i]
    tags = np.zeros(n, dtype=np.int64)
    tags[-1] = int(best.argmax())
    for i in range(n - 1, 0, -1):
        tags[i - 1] = back[i, tags[i]]
    return tags
