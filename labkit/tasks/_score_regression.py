"""text-classification where the label is a number: a score for a text (a rating), or for a pair of texts (a similarity)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from labkit.errors import LabError, RecipeError
from labkit.tasks._classification_metrics import METRICS as OF_CLASSES
from labkit.tasks._encode import Encoded, columns_of, encode
from labkit.tasks._logits import logits_of
from labkit.tasks._losses import Decision, Decisions
from labkit.tasks._score_baselines import score_baselines
from labkit.tasks._score_metrics import METRICS, metrics
from labkit.tasks._score_predictions import ScorePredictions

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from labkit.data import Corpus
    from labkit.data._corpus import LayoutName
    from labkit.models import BaseModel

MEAN, SCALE = "score_mean", "score_scale"
"""Names in the model's configuration of what its output is to be multiplied by and added to; only where it is."""


@dataclass(frozen=True, kw_only=True)
class TextRegression:
    """Regression of scores on texts, or on pairs of texts.

    The model is trained on standard scores: its output times ``scale``, plus ``mean``, is a score. ``finish`` puts both
    into the last layer, so that the saved model says scores by itself. Trained on the scores as they are, from the mean as
    the head's bias, it needs many more steps where they spread widely, because the head's weights move by the learning rate
    a step.

    Attributes:
        mean: of the training scores.
        scale: their standard deviation.
    """

    mean: float = 0.0
    scale: float = 1.0

    id: ClassVar[str] = "text-classification"
    layout: ClassVar[LayoutName] = "labels"
    head: ClassVar[str] = "AutoModelForSequenceClassification"
    # A correlation is blind to the scale: it is high while a model that has just begun to learn still says nearly the mean of
    # every row, and the best checkpoint by it was one whose errors were three times as large as at the end.
    metric: ClassVar[str] = "rmse"
    metrics: ClassVar[Mapping[str, bool]] = {
        name: higher for name, (higher, _) in {**OF_CLASSES, **METRICS}.items()
    }  # a recipe is read before its data, so it may name any; ``quick_metrics`` refuses those that are for classes
    feeds_labels: ClassVar[bool] = False
    decides: ClassVar[Decision] = "number"
    weighs_classes: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """None: a score is no class."""
        return ()

    @property
    def nouns(self) -> str:
        """What the labels are called."""
        return "scores"

    @classmethod
    def of_corpus(cls, corpus: Corpus, options: Mapping[str, Any] | None = None) -> Self:
        """The task with the mean and spread of the training scores."""
        scores = _present(corpus["train"])
        if not len(scores):
            return cls()
        return cls(mean=float(scores.mean()), scale=float(scores.std()) or 1.0)

    @classmethod
    def of_model(cls, config: PreTrainedConfig, settings: Mapping[str, Any]) -> Self:
        """The task as a fine-tuned model does it."""
        return cls(mean=float(getattr(config, MEAN, 0.0)), scale=float(getattr(config, SCALE, 1.0)))

    def settings(self) -> dict[str, Any]:
        """Nothing: the model's configuration says it all."""
        return {}

    @staticmethod
    def problems(corpus: Corpus) -> list[str]:
        """Why the corpus cannot be trained on; empty where it can."""
        if not corpus.labelled:
            return ["The data has no scores: name their column with label=."]
        found = []
        labels = corpus["train"]["label"][:]
        if len({label for label in labels if label is not None}) < 2:
            found.append("The training split has fewer than two different scores.")
        elif any(label is None for label in labels):
            found.append(
                "Some training rows have no score: add the repair drop_unlabelled (data.repairs in the recipe)."
            )
        for split in ("validation", "test"):
            if split in corpus and not found and len(set(_present(corpus[split]))) < 2:
                found.append(
                    f"The {split} split has fewer than two different scores, and a correlation has no value there: "
                    "split again, or give more rows."
                )
        return found

    def encode(self, rows: Any, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> Encoded:
        """Tokenise a split; its targets are the scores, NaN for none."""
        names = getattr(rows, "column_names", None) or list(rows)
        targets = _floats(rows["label"][:]) if "label" in names else None
        return encode(rows, tokenizer, max_length=max_length, targets=targets)

    def build(self, base: BaseModel, *, dropout: float | None) -> PreTrainedModel:
        """The base model with a sequence-classification head of one output; that of a base that says scores is kept."""
        from transformers import AutoModelForSequenceClassification

        from labkit.models import load_config, load_model

        before = load_config(base)

        model = load_model(
            base,
            AutoModelForSequenceClassification,
            dropout=dropout,
            num_labels=1,
            id2label={0: "score"},
            label2id={"score": 0},
            problem_type="regression",
        )
        if before.problem_type == "regression" and before.num_labels == 1:
            old = type(self).of_model(before, {})
            _rescale(model, old.scale / self.scale, (old.mean - self.mean) / self.scale)
        for name in (MEAN, SCALE):
            vars(model.config).pop(name, None)
        return model

    def decisions(self, output: Any, target: torch.Tensor) -> Decisions:
        """Scores in standard scores: the mean squared error is 1 for who always says the mean."""
        goal = (target.float() - self.mean) / self.scale
        return Decisions(output.logits.float().reshape(-1), goal)

    def predict(
        self,
        model: PreTrainedModel,
        encoded: Encoded,
        *,
        row_ids: list[str],
        pad_id: int,
        side: str,
        batch_size: int = 32,
    ) -> ScorePredictions:
        """The score of every row."""
        said = logits_of(model, encoded, 1, pad_id=pad_id, side=side, batch_size=batch_size)[:, 0]
        return ScorePredictions(row_ids=row_ids, predicted=said * self.scale + self.mean, gold=encoded.targets)

    reply = predict

    def watch(
        self, model: PreTrainedModel, encoded: Encoded, *, pad_id: int, side: str, batch_size: int, metric: str = ""
    ) -> dict[str, float]:
        """``quick_metrics`` of the model as it stands, and the loss. A correlation that has no value, of a model that says the
        same of every row, counts as 0: it knows nothing yet."""
        ids = [str(i) for i in range(len(encoded))]
        predictions = self.predict(model, encoded, row_ids=ids, pad_id=pad_id, side=side, batch_size=batch_size)
        rest = "" if metric in ("pearson", "spearman") else metric
        found = {"pearson": 0.0, "spearman": 0.0, **self.quick_metrics(predictions, rest)}
        return {**found, "loss": (found["rmse"] / self.scale) ** 2}

    def quick_metrics(self, predictions: ScorePredictions, metric: str = "") -> dict[str, float]:
        """Correlations and errors, with ``metric`` among them.

        Raises:
            RecipeError: ``metric`` has no value on these rows.
        """
        found = metrics(predictions)
        if metric and metric not in found:
            raise RecipeError(
                [f"evaluation.metric {metric!r} has no value on these rows with scores. There are: {', '.join(found)}."]
            )
        return found

    def tune(self, predictions: ScorePredictions) -> dict[str, Any]:
        """Nothing: there is no threshold."""
        return {}

    def baselines(
        self, corpus: Corpus, rows: Any, *, encode: Callable[[Any], Encoded], seed: int
    ) -> dict[str, ScorePredictions]:
        """The training mean, and TF-IDF with ridge regression."""
        return score_baselines(columns_of(corpus["train"]), columns_of(rows), seed=seed)

    def finish(self, model: PreTrainedModel) -> None:
        """Make the model say scores instead of standard scores: scale and shift its last layer, or, where that has no bias
        (decoders), note both in its configuration."""
        if _last_layer(model).bias is not None:
            _rescale(model, self.scale, self.mean)
            return
        setattr(model.config, MEAN, self.mean)
        setattr(model.config, SCALE, self.scale)

    def pipeline(self, folder: str) -> str:
        """How transformers alone uses the saved model."""
        after = "" if (self.mean, self.scale) == (0.0, 1.0) else f" * {self.scale:.8g} + {self.mean:.8g}"
        why = "" if not after else "  # the model was trained on standard scores, and its last layer has no bias"
        return f'''from transformers import pipeline

judge = pipeline("text-classification", model="{folder}")
judge("a text")[0]["score"]{after}{why}
# of a pair of texts: judge({{"text": "one text", "text_pair": "the other"}})["score"]{after}'''


def _last_layer(model: PreTrainedModel) -> torch.nn.Linear:
    """The layer that makes the one output; in every sequence-classification head of transformers nothing comes behind it."""
    import torch

    found = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m.out_features == 1]
    if not found:
        raise LabError("a model whose last layer has one output", f"{type(model).__name__}, which has none")
    return found[-1]


def _rescale(model: PreTrainedModel, scale: float, shift: float) -> None:
    """Make the model say ``scale`` times what it said, plus ``shift`` where its last layer has a bias."""
    import torch

    layer = _last_layer(model)
    with torch.no_grad():
        layer.weight.mul_(scale)
        if layer.bias is not None:
            layer.bias.mul_(scale).add_(shift)


def _floats(labels: Any) -> npt.NDArray[np.float64]:
    return np.array([np.nan if label is None else float(label) for label in labels], dtype=np.float64)


def _present(rows: Any) -> npt.NDArray[np.float64]:
    """The scores of a split, without those that nobody knows."""
    if "label" not in rows.column_names:
        return np.zeros(0)
    scores = _floats(rows["label"][:])
    return scores[~np.isnan(scores)]
