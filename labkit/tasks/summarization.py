"""summarization: a long text becomes a short one that says what matters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from labkit.tasks._encode import Encoded
from labkit.tasks._seq2seq import WATCHED, Seq2Seq
from labkit.tasks._text_baselines import summary_baselines
from labkit.tasks._text_metrics import SUMMARIZATION
from labkit.tasks._text_predictions import TextPredictions

if TYPE_CHECKING:
    from labkit.data import Corpus


@dataclass(frozen=True, kw_only=True)
class Summarization(Seq2Seq):
    """Summarization by a model with an encoder and a decoder; judged by ROUGE."""

    id: ClassVar[str] = "summarization"
    metrics: ClassVar[Mapping[str, bool]] = {name: higher for name, (higher, _) in {**WATCHED, **SUMMARIZATION}.items()}

    def baselines(
        self, corpus: Corpus, rows: Any, *, encode: Callable[[Any], Encoded], seed: int
    ) -> dict[str, TextPredictions]:
        """The first three sentences, and the first words, as many as summaries have."""
        return summary_baselines(corpus["train"], rows)
