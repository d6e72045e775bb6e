"""text-classification: one label, several, or a score, for a text or a pair of texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from labkit.errors import ModelError, RecipeError
from labkit.tasks._baselines import baselines
from labkit.tasks._classification_metrics import metrics, quick_metrics, tune_thresholds
from labkit.tasks._encode import Encoded, columns_of, encode
from labkit.tasks._logits import logits_of
from labkit.tasks._losses import Decision, Decisions
from labkit.tasks._predictions import Predictions
from labkit.tasks._score_regression import TextRegression

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from labkit.data import Corpus
    from labkit.data._corpus import LayoutName
    from labkit.models import BaseModel


__all__ = ["TextClassification", "code_labels", "tune_thresholds"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TextClassification:
    """Single-label and multi-label classification of texts. Of data with scores it makes a ``TextRegression``.

    Attributes:
        labels: names of the k classes.
        multi_label: whether a text may have several of them.
        thresholds: with several labels or two classes, the probability from which each is predicted, shape (k,); 0.5 when None.
        tune_threshold: with two classes, whether ``tune`` looks for them.
    """

    labels: tuple[str, ...]
    multi_label: bool = False
    thresholds: npt.NDArray[np.float64] | None = field(default=None, repr=False)
    tune_threshold: bool = False

    id: ClassVar[str] = "text-classification"
    layout: ClassVar[LayoutName] = "labels"
    head: ClassVar[str] = "AutoModelForSequenceClassification"
    metric: ClassVar[str] = "macro_f1"
    metrics: ClassVar[Mapping[str, bool]] = TextRegression.metrics  # of classes, and of scores
    feeds_labels: ClassVar[bool] = False
    weighs_classes: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ("tune_threshold",)

    @property
    def nouns(self) -> str:
        """What the labels are called."""
        return "labels, several a row" if self.multi_label else "classes"

    @classmethod
    def of_corpus(cls, corpus: Corpus, options: Mapping[str, Any] | None = None) -> Self | TextRegression:
        """The task with the classes of a corpus, or for its scores."""
        if corpus.scores:
            return TextRegression.of_corpus(corpus, options)
        tuned = bool((options or {}).get("tune_threshold")) and not corpus.multi_label
        return cls(labels=corpus.labels, multi_label=corpus.multi_label, tune_threshold=tuned)

    @classmethod
    def of_model(cls, config: PreTrainedConfig, settings: Mapping[str, Any]) -> Self | TextRegression:
        """The task as a fine-tuned model does it.

        Raises:
            ModelError: there is not one threshold a label.
        """
        if config.problem_type == "regression":
            return TextRegression.of_model(config, settings)
        names: dict[Any, str] = config.id2label or {}
        labels = tuple(names[i] for i in range(len(names)))
        thresholds = None
        if "thresholds" in settings:
            thresholds = np.array(settings["thresholds"], dtype=np.float64)
            if thresholds.shape != (len(labels),):
                raise ModelError("a threshold for each label", f"{thresholds.size} for {len(labels)} labels")
        several = config.problem_type == "multi_label_classification"
        tuned = bool(settings.get("tune_threshold"))
        return cls(labels=labels, multi_label=several, thresholds=thresholds, tune_threshold=tuned)

    def settings(self) -> dict[str, Any]:
        """Whether a threshold is tuned; the model's configuration says the rest."""
        return {"tune_threshold": True} if self.tune_threshold else {}

    @staticmethod
    def problems(corpus: Corpus) -> list[str]:
        """Why the corpus cannot be trained on; empty where it can."""
        if corpus.scores:
            return TextRegression.problems(corpus)
        if not corpus.labelled:
            return ["The data has no labels: name the label column."]
        if len(corpus.labels) < 2 and not corpus.multi_label:
            return [f"The data has one class only ({corpus.labels[0]!r}): a classifier needs at least two."]
        present = {
            split: set(_flat(corpus[split]["label"]))
            for split in corpus.splits
            if "label" in corpus[split].column_names
        }
        found = []
        if len(present.get("train", set())) < 2 and not corpus.multi_label:
            found.append("The training split has fewer than two classes: split again, or give more rows.")
        if any(label is None for label in corpus["train"]["label"]):
            found.append(
                "Some training rows have no label: add the repair drop_unlabelled (data.repairs in the recipe)."
            )
        for split, labels in present.items():
            if not found and labels and labels.isdisjoint(present.get("train", set())):
                found.append(f"No label of the {split} split occurs in the training split.")
        return found

    def encode(self, rows: Any, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> Encoded:
        """Tokenise a split and code its labels: class indices (-1 for none or an unknown class), or a row of 0 and 1."""
        names = getattr(rows, "column_names", None) or list(rows)
        targets = code_labels(rows["label"], self.labels, self.multi_label) if "label" in names else None
        return encode(rows, tokenizer, max_length=max_length, targets=targets)

    def build(self, base: BaseModel, *, dropout: float | None) -> PreTrainedModel:
        """The base model with a sequence-classification head over the labels."""
        from transformers import AutoModelForSequenceClassification

        from labkit.models import load_model

        return load_model(
            base,
            AutoModelForSequenceClassification,
            dropout=dropout,
            num_labels=len(self.labels),
            id2label=dict(enumerate(self.labels)),
            label2id={label: i for i, label in enumerate(self.labels)},
            problem_type="multi_label_classification" if self.multi_label else "single_label_classification",
        )

    @property
    def decides(self) -> Decision:
        """One class of several, or each class."""
        return "each" if self.multi_label else "one"

    def decisions(self, output: Any, target: torch.Tensor) -> Decisions:
        """The logits of the rows whose class is known (-1: it is not); of every row where it may have several."""
        logits = output.logits.float()
        if self.multi_label:
            return Decisions(logits, target.float())
        return Decisions(logits[target >= 0], target[target >= 0])

    def predict(
        self,
        model: PreTrainedModel,
        encoded: Encoded,
        *,
        row_ids: list[str],
        pad_id: int,
        side: str,
        batch_size: int = 32,
    ) -> Predictions:
        """Probabilities of every row; rows run in batches of similar length and come back in their own order."""
        import torch

        logits = torch.from_numpy(
            logits_of(model, encoded, len(self.labels), pad_id=pad_id, side=side, batch_size=batch_size)
        )
        probabilities = (torch.sigmoid(logits) if self.multi_label else torch.softmax(logits, dim=-1)).numpy()
        gold: npt.NDArray[Any] | None = encoded.targets
        if gold is not None and self.multi_label:
            gold = gold.astype(bool)
        return Predictions(
            row_ids=row_ids,
            labels=self.labels,
            probabilities=probabilities,
            gold=gold,
            multi_label=self.multi_label,
            thresholds=self.thresholds,
        )

    reply = predict

    def watch(
        self, model: PreTrainedModel, encoded: Encoded, *, pad_id: int, side: str, batch_size: int, metric: str = ""
    ) -> dict[str, float]:
        """``quick_metrics`` of the model as it stands."""
        ids = [str(i) for i in range(len(encoded))]
        predictions = self.predict(model, encoded, row_ids=ids, pad_id=pad_id, side=side, batch_size=batch_size)
        return self.quick_metrics(predictions, metric)

    def quick_metrics(self, predictions: Predictions, metric: str = "") -> dict[str, float]:
        """Accuracy, macro F1, log-loss and their like, with ``metric`` among them.

        Raises:
            RecipeError: ``metric`` has no value on these rows.
        """
        found = quick_metrics(predictions)
        if metric and metric not in found:
            every = metrics(predictions)
            if metric not in every:
                kind = "several labels a row" if predictions.multi_label else "one label a row"
                raise RecipeError(
                    [
                        f"evaluation.metric {metric!r} has no value on these rows with {kind}. There are: {', '.join(every)}."
                    ]
                )
            found[metric] = every[metric]
        return found

    def tune(self, predictions: Predictions) -> dict[str, Any]:
        """With several labels a row, the threshold of each at which its F1 is highest; that of two classes, where asked for."""
        asked = self.multi_label or self.tune_threshold
        return {"thresholds": tune_thresholds(predictions).tolist()} if asked else {}

    def baselines(
        self, corpus: Corpus, rows: Any, *, encode: Callable[[Any], Encoded], seed: int
    ) -> dict[str, Predictions]:
        """The majority class, and TF-IDF with logistic regression; thresholds are tuned as the model's are."""
        tunes = self.multi_label or self.tune_threshold
        validation = corpus["validation"] if tunes and "validation" in corpus else None
        return baselines(
            columns_of(corpus["train"]),
            columns_of(rows),
            labels=corpus.labels,
            multi_label=corpus.multi_label,
            validation=None if validation is None else columns_of(validation),
            seed=seed,
        )

    def finish(self, model: PreTrainedModel) -> None:
        """Nothing: the model is saved as it was trained."""

    @property
    def limits(self) -> dict[str, float]:
        """Class → the probability from which it is predicted, for code in a model card."""
        limits = np.full(len(self.labels), 0.5) if self.thresholds is None else self.thresholds
        return dict(zip(self.labels, np.round(limits, 6).tolist(), strict=True))

    @property
    def choice(self) -> str:
        """Code from ``scores`` and ``limits``, both class → probability, to what is predicted."""
        if self.multi_label:
            return "[name for name, limit in limits.items() if scores[name] >= limit]"
        return "max(limits, key=lambda name: scores[name] / limits[name])"

    def pipeline(self, folder: str) -> str:
        """How transformers alone uses the saved model."""
        if self.thresholds is not None:
            return f'''from transformers import pipeline

limits = {self.limits!r}  # tuned on the validation split
classify = pipeline("text-classification", model="{folder}", top_k=None)
scores = {{one["label"]: one["score"] for one in classify(["a text"])[0]}}
{self.choice}'''
        return f'''from transformers import pipeline

classify = pipeline("text-classification", model="{folder}")
classify("a text")'''


def code_labels(values: Any, labels: tuple[str, ...], multi_label: bool) -> npt.NDArray[Any]:
    """Labels as numbers: int64 of shape (n,), -1 for unknown; or float32 of shape (n, k) with several labels."""
    index = {label: i for i, label in enumerate(labels)}
    if not multi_label:
        return np.array([index.get(value, -1) for value in values], dtype=np.int64)
    coded = np.zeros((len(values), len(labels)), dtype=np.float32)
    for i, row in enumerate(values):
        coded[i, [index[label] for label in row or () if label in index]] = 1
    return coded


def _flat(values: Any) -> list[str]:
    flat: list[str] = []
    for value in values:
        flat.extend(value if isinstance(value, list) else [value] if value is not None else [])
    return flat
