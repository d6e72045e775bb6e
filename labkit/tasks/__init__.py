"""Tasks: one module each, behind the same door. Task ids are the hub's pipeline tags."""

from __future__ import annotations

import os
from typing import Any

from labkit.errors import DataError, UnknownName
from labkit.tasks import _files
from labkit.tasks._answer_predictions import Alternative, AnswerPredictions
from labkit.tasks._encode import Encoded, encode
from labkit.tasks._language_predictions import Filler, LanguagePredictions
from labkit.tasks._losses import LOSSES, Decision, Decisions, LossName, divergence, loss_of, loss_problems
from labkit.tasks._outputs import Ask, asking, logits_at
from labkit.tasks._predictions import Predictions
from labkit.tasks._score_predictions import ScorePredictions
from labkit.tasks._score_regression import TextRegression
from labkit.tasks._scores import LabelCount, Scores
from labkit.tasks._span_predictions import SpanPredictions
from labkit.tasks._task import Predicted, Scored, Task
from labkit.tasks._text_predictions import TextPredictions
from labkit.tasks._writing import Outputs, Writer, Writing, Written
from labkit.tasks.fill_mask import FillMask
from labkit.tasks.question_answering import QuestionAnswering
from labkit.tasks.summarization import Summarization
from labkit.tasks.text_classification import TextClassification
from labkit.tasks.text_generation import TextGeneration
from labkit.tasks.token_classification import TokenClassification
from labkit.tasks.translation import Translation

TASKS: dict[str, type[Task]] = {
    task.id: task
    for task in (
        TextClassification,
        TokenClassification,
        QuestionAnswering,
        Translation,
        Summarization,
        TextGeneration,
        FillMask,
    )
}
"""Every task this version can train, by id."""

_FILES: dict[bytes, Any] = {
    b"labels": Predictions,
    b"spans": SpanPredictions,
    b"answers": AnswerPredictions,
    b"texts": TextPredictions,
    b"language": LanguagePredictions,
    b"scores": ScorePredictions,
}


def get(task: str) -> type[Task]:
    """The task of an id.

    Raises:
        UnknownName: no such task; the message lists the ids.
    """
    try:
        return TASKS[task]
    except KeyError:
        raise UnknownName("task", task, TASKS) from None


def load_predictions(path: str | os.PathLike[str]) -> Any:
    """Stored predictions, of whatever task.

    Raises:
        DataError: the file is missing, or is no Parquet file of predictions.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        meta = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError("a Parquet file of predictions", str(error).splitlines()[0], file=path) from error
    return _FILES.get(meta.get(_files.KIND, b"labels"), Predictions).load(path)


__all__ = [
    "LOSSES",
    "TASKS",
    "Alternative",
    "AnswerPredictions",
    "Ask",
    "Decision",
    "Decisions",
    "Encoded",
    "FillMask",
    "Filler",
    "LabelCount",
    "LanguagePredictions",
    "LossName",
    "Outputs",
    "Predicted",
    "Predictions",
    "QuestionAnswering",
    "ScorePredictions",
    "Scored",
    "Scores",
    "SpanPredictions",
    "Summarization",
    "Task",
    "TextClassification",
    "TextGeneration",
    "TextPredictions",
    "TextRegression",
    "TokenClassification",
    "Translation",
    "Writer",
    "Writing",
    "Written",
    "asking",
    "divergence",
    "encode",
    "get",
    "load_predictions",
    "logits_at",
    "loss_of",
    "loss_problems",
]
