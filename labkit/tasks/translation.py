"""translation: a text in one language becomes one in another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from labkit.tasks._encode import Encoded
from labkit.tasks._seq2seq import WATCHED, Seq2Seq
from labkit.tasks._text_baselines import translation_baselines
from labkit.tasks._text_metrics import TRANSLATION
from labkit.tasks._text_predictions import TextPredictions

if TYPE_CHECKING:
    from labkit.data import Corpus


@dataclass(frozen=True, kw_only=True)
class Translation(Seq2Seq):
    """Translation by a model with an encoder and a decoder; judged by BLEU and chrF."""

    id: ClassVar[str] = "translation"
    metrics: ClassVar[Mapping[str, bool]] = {name: higher for name, (higher, _) in {**WATCHED, **TRANSLATION}.items()}

    def baselines(
        self, corpus: Corpus, rows: Any, *, encode: Callable[[Any], Encoded], seed: int
    ) -> dict[str, TextPredictions]:
        """The source itself, and each word by its most probable translation."""
        return translation_baselines(corpus["train"], rows)
