"""What a task is: the door between the data and the training, the same for every task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from labkit.tasks._encode import Encoded
from labkit.tasks._predictions import Predictions

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from labkit.data import Corpus
    from labkit.models import BaseModel


class Task(Protocol):
    """One way to use a language model. ``labkit.tasks.TASKS`` maps task ids to these.

    Attributes:
        id: the hub's pipeline tag.
        metric: the metric that chooses the best checkpoint unless the recipe names another.
        metrics: every metric by name, with True where higher is better.
    """

    @property
    def id(self) -> str: ...

    @property
    def metric(self) -> str: ...

    @property
    def metrics(self) -> Mapping[str, bool]: ...

    def problems(self, corpus: Corpus) -> list[str]:
        """Why the corpus cannot be trained on; empty where it can."""

    def encode(
        self,
        rows: Any,
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_length: int,
        labels: tuple[str, ...],
        multi_label: bool,
    ) -> Encoded:
        """Tokenise a split and code its labels."""

    def build(
        self, base: BaseModel, *, labels: tuple[str, ...], multi_label: bool, dropout: float | None
    ) -> PreTrainedModel:
        """The base model with this task's head, whose weights come from torch's generator."""

    def loss(
        self, *, multi_label: bool, weights: list[float] | None, label_smoothing: float
    ) -> Callable[[Any, torch.Tensor], torch.Tensor]:
        """A function of (model output, labels) to the mean loss of a batch."""

    def predict(
        self,
        model: PreTrainedModel,
        encoded: Encoded,
        *,
        row_ids: list[str],
        pad_id: int,
        side: str,
        labels: tuple[str, ...],
        multi_label: bool,
        batch_size: int,
    ) -> Predictions:
        """Run the model over tokenised rows."""

    def quick_metrics(self, predictions: Predictions, metric: str = "") -> dict[str, float]:
        """The few figures watched during training, with ``metric`` among them."""
