"""What a task is: the door between the data and the training, the same for every task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from labkit.tasks._encode import Encoded
from labkit.tasks._losses import Decision, Decisions
from labkit.tasks._scores import Scores

if TYPE_CHECKING:
    import os
    from pathlib import Path

    import pyarrow as pa
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from labkit.data import Corpus
    from labkit.data._corpus import LayoutName
    from labkit.models import BaseModel


class Predicted(Protocol):
    """What a model said about rows, whatever the task: a class with the tables and files of its own."""

    @property
    def row_ids(self) -> Sequence[str]: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    def __len__(self) -> int: ...

    def take(self, index: Any) -> Self:
        """The rows at the given positions."""

    def to_table(self) -> pa.Table:
        """An Arrow table of the predictions, with the truth where it is known."""

    def answers(self) -> pa.Table:
        """An Arrow table of what was predicted, without the truth: what ``labkit predict`` writes."""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a Parquet file that ``labkit.tasks.load_predictions`` reads."""


class Scored(Predicted, Protocol):
    """Predictions whose figures come from sums over rows; ``labkit.evaluation.evaluate`` takes any of them."""

    def scores(self) -> Scores:
        """How well it did on the rows whose truth is known, row by row."""


class Task(Protocol):
    """One way to use a language model, for certain labels. ``labkit.tasks.TASKS`` maps task ids to these classes.

    Attributes:
        id: the hub's pipeline tag.
        layout: what a row of its data is, as in ``DataConfig.layout``.
        head: the ``AutoModelFor…`` class of transformers that has the head for it.
        metric: the metric that chooses the best checkpoint unless the recipe names another.
        metrics: every metric by name, with True where higher is better.
        decides: one class of several, each class, or a number.
        weighs_classes: whether the loss takes class weights.
        options: settings of the recipe that only some tasks read, and this one does: those of [generation], ``mask_share`` and
            ``tune_threshold``.
        feeds_labels: whether the model itself is given the labels of a batch, as decoders are.
        labels: names of the classes, or of the types of entities.
        nouns: what the labels are called, in the plural.
    """

    id: ClassVar[str]
    layout: ClassVar[LayoutName]
    head: ClassVar[str]
    metric: ClassVar[str]
    metrics: ClassVar[Mapping[str, bool]]
    weighs_classes: ClassVar[bool]
    options: ClassVar[tuple[str, ...]]
    feeds_labels: ClassVar[bool]

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def nouns(self) -> str: ...

    @property
    def decides(self) -> Decision: ...

    @classmethod
    def of_corpus(cls, corpus: Corpus, options: Mapping[str, Any]) -> Task:
        """The task with the labels of a corpus, and ``Recipe.options``."""

    @classmethod
    def of_model(cls, config: PreTrainedConfig, settings: Mapping[str, Any]) -> Task:
        """The task as a fine-tuned model does it: labels from its configuration, and what ``settings`` and ``tune`` gave."""

    def settings(self) -> dict[str, Any]:
        """What is to be remembered beside the model from the start; nothing where empty."""

    @staticmethod
    def problems(corpus: Corpus) -> list[str]:
        """Why the corpus cannot be trained on; empty where it can."""

    def encode(self, rows: Any, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> Encoded:
        """Tokenise a split and code its truth."""

    def build(self, base: BaseModel, *, dropout: float | None) -> PreTrainedModel:
        """The base model with this task's head, whose weights come from torch's generator."""

    def decisions(self, output: Any, target: torch.Tensor) -> Decisions:
        """What the model's output for a batch decides, beside the truth: what every loss is made from.

        Args:
            output: of the model.
            target: the batch's labels.
        """

    def predict(
        self,
        model: PreTrainedModel,
        encoded: Encoded,
        *,
        row_ids: list[str],
        pad_id: int,
        side: str,
        batch_size: int,
    ) -> Any:
        """Run the model over tokenised rows: what it is judged by."""

    def reply(
        self,
        model: PreTrainedModel,
        encoded: Encoded,
        *,
        row_ids: list[str],
        pad_id: int,
        side: str,
        batch_size: int,
    ) -> Any:
        """What the model says about new rows: the same, but of a language model what it writes or fills in."""

    def watch(
        self, model: PreTrainedModel, encoded: Encoded, *, pad_id: int, side: str, batch_size: int, metric: str = ""
    ) -> dict[str, float]:
        """The few figures watched during training, with ``metric`` among them."""

    def tune(self, predictions: Any) -> dict[str, Any]:
        """What is to be remembered beside the model, found on predictions for the validation split; nothing where empty."""

    def finish(self, model: PreTrainedModel) -> None:
        """Bring a trained model into the form in which it is saved and used; of most tasks it has that already."""

    def baselines(self, corpus: Corpus, rows: Any, *, encode: Callable[[Any], Encoded], seed: int) -> dict[str, Any]:
        """The predictions for ``rows`` of the cheap models that every model stands beside, trained on the corpus.

        Args:
            corpus: whose training split they learn from.
            rows: of a split.
            encode: tokenises rows as the model sees them, for those that count its tokens.
            seed: of whatever they draw.
        """

    def pipeline(self, folder: str) -> str:
        """Lines of Python with which transformers alone uses the saved model, for the model card."""
