"""What a model answered: a stretch of each context or nothing, beside the acceptable answers, by row id.

Evaluation, charts and widgets take this, never a trainer or a model. Windows and tokens are left to the task.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labkit.data._layouts.answers import ANSWERABLE, NO_ANSWER, Answer
from labkit.errors import DataError
from labkit.tasks import _files
from labkit.tasks._row_scores import RowScores
from labkit.tasks._scores import LabelCount, Scores

_ANSWER = [("start", pa.int32()), ("text", pa.string())]
_COLUMNS = {
    "row_id": pa.string(),
    "text": pa.string(),
    "text_pair": pa.string(),
    "answers": pa.list_(pa.struct(_ANSWER)),
    "predicted": pa.struct(_ANSWER),
    "confidence": pa.float64(),
    "no_answer": pa.float64(),
    "alternatives": pa.list_(pa.struct([*_ANSWER, ("score", pa.float64())])),
}


class Alternative(NamedTuple):
    """A stretch of the context that could be the answer.

    Attributes:
        start: first character, counted in the context.
        text: the stretch.
        score: the higher the likelier, comparable within a row: the sum of the logits of its first and its last token.
    """

    start: int
    text: str
    score: float


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerPredictions:
    """Answers found in contexts.

    Attributes:
        row_ids: id of each row, n of them.
        questions: of each row.
        contexts: of each row, which the answers count characters of.
        predicted: the answer to each question; None where the model says that the context holds none.
        confidence: for each row the probability of what is predicted, among the best stretches and "no answer".
        no_answer: for each row how much more "no answer" scores than the best stretch does.
        alternatives: for each row the best stretches, the best first, also where the model answers nothing.
        gold: acceptable answers of each row: an empty tuple where the context holds none, None where that is unknown; None
            where it is unknown of every row.
    """

    row_ids: Sequence[str]
    questions: Sequence[str]
    contexts: Sequence[str]
    predicted: Sequence[Answer | None]
    confidence: Sequence[float]
    no_answer: Sequence[float]
    alternatives: Sequence[tuple[Alternative, ...]]
    gold: Sequence[tuple[Answer, ...] | None] | None = None

    def __post_init__(self) -> None:
        n = len(self.row_ids)
        for name in ("questions", "contexts", "predicted", "confidence", "no_answer", "alternatives"):
            if len(getattr(self, name)) != n:
                raise DataError(f"{name} of {n:,} rows", f"{len(getattr(self, name)):,}")
        if self.gold is not None and len(self.gold) != n:
            raise DataError(f"gold answers of {n:,} rows", f"{len(self.gold):,}")

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def labels(self) -> tuple[str, ...]:
        """The kinds of questions: those that the context answers, and those that it does not."""
        return (ANSWERABLE, NO_ANSWER)

    @property
    def texts(self) -> Sequence[str]:
        """The questions."""
        return self.questions

    def take(self, index: npt.ArrayLike) -> AnswerPredictions:
        """The rows at the given positions (or where a bool mask holds)."""
        at = np.asarray(index)
        positions = [int(i) for i in (np.flatnonzero(at) if at.dtype == bool else at)]
        return AnswerPredictions(
            row_ids=[self.row_ids[i] for i in positions],
            questions=[self.questions[i] for i in positions],
            contexts=[self.contexts[i] for i in positions],
            predicted=[self.predicted[i] for i in positions],
            confidence=[self.confidence[i] for i in positions],
            no_answer=[self.no_answer[i] for i in positions],
            alternatives=[self.alternatives[i] for i in positions],
            gold=None if self.gold is None else [self.gold[i] for i in positions],
        )

    def to_table(self) -> pa.Table:
        """An Arrow table: row_id, text (the question), text_pair (the context), answers (the acceptable ones, if known), the
        predicted answer (null: none) with its confidence, the score of "no answer", and the alternatives."""
        rows: dict[str, list[Any]] = {
            "row_id": list(self.row_ids),
            "text": list(self.questions),
            "text_pair": list(self.contexts),
        }
        if self.gold is not None:
            rows["answers"] = [None if answers is None else [one._asdict() for one in answers] for answers in self.gold]
        rows["predicted"] = [None if answer is None else answer._asdict() for answer in self.predicted]
        rows["confidence"] = list(self.confidence)
        rows["no_answer"] = list(self.no_answer)
        rows["alternatives"] = [[one._asdict() for one in some] for some in self.alternatives]
        table = pa.table({name: pa.array(values, _COLUMNS[name]) for name, values in rows.items()})
        return table.replace_schema_metadata({_files.KIND: b"answers"})

    def answers(self) -> pa.Table:
        """An Arrow table of what was answered: row_id, predicted (null: the context holds no answer), where that starts in
        the context, and a confidence."""
        said = self.predicted
        return pa.table(
            {
                "row_id": pa.array(list(self.row_ids), pa.string()),
                "predicted": pa.array([None if one is None else one.text for one in said], pa.string()),
                "start": pa.array([None if one is None else one.start for one in said], pa.int32()),
                "confidence": pa.array(list(self.confidence), pa.float64()),
            }
        )

    def scores(self) -> Scores:
        """Exact matches and F1, row by row, for ``labkit.evaluation.evaluate``.

        Raises:
            DataError: no row has known answers.
        """
        from labkit.tasks import _answer_metrics as metrics

        rows = metrics.known(self)
        assert rows.gold is not None and self.gold is not None
        sums = metrics.row_statistics(rows)
        table = metrics.confusion(rows)
        counts = [
            LabelCount(label=name, hit=int(table[i, i]), gold=int(table[i].sum()), said=int(table[:, i].sum()))
            for i, name in enumerate(self.labels)
        ]
        open_ones = int(table[1].sum())
        return Scores(
            positions=np.array([i for i, one in enumerate(self.gold) if one is not None], dtype=np.int64),
            row_ids=list(rows.row_ids),
            sums=sums,
            figures=metrics.from_sums,
            headline=("f1", "exact_match", "has_answer_f1", "no_answer_accuracy"),
            right=sums[:, 1] == 1,
            what=f"{len(rows):,} questions" + (f", {open_ones:,} of them without an answer" if open_ones else ""),
            bounds=dict.fromkeys(metrics.METRICS, (0.0, 1.0)),
            counts=tuple(count for count in counts if count.gold or count.said),
            confusion=table,
            names=self.labels,
        )

    def row_scores(self) -> RowScores:
        """What each row is judged by: F1 over the words of the answer; right is what matches an answer exactly."""
        from labkit.tasks._answer_metrics import best

        values, right = np.full(len(self), np.nan), np.zeros(len(self), dtype=bool)
        for i, (gold, said) in enumerate(zip(self.gold or [None] * len(self), self.predicted, strict=True)):
            if gold is not None:
                exact, values[i] = best(gold, said)
                right[i] = exact == 1
        return RowScores(name="f1", values=values, right=right)

    def probabilities(self, i: int) -> tuple[tuple[float, ...], float | None]:
        """Probability of each alternative of the row at a position, and of "no answer"; None where that was no choice."""
        some, gap, sure = self.alternatives[i], self.no_answer[i], self.confidence[i]
        if not some:
            return (), 1.0
        unit = sure if self.predicted[i] is not None else sure * math.exp(-gap)  # that of the best stretch
        alternatives = tuple(unit * math.exp(one.score - some[0].score) for one in some)
        none = unit * math.exp(min(gap, 700.0))
        return alternatives, none if sum(alternatives) + none <= 1 + 1e-6 else None

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a Parquet file, under a temporary name first, and return its path."""
        return _files.write(self.to_table(), path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> AnswerPredictions:
        """Read what ``save`` wrote.

        Raises:
            DataError: the file is missing or damaged, or is no Parquet file of predicted answers.
        """
        table = _files.read(
            path, "answers", "predicted answers", _COLUMNS, optional=("answers",), empty=("answers", "predicted")
        )
        rows = {name: table[name].to_pylist() for name in table.column_names}
        try:
            return cls(
                row_ids=rows["row_id"],
                questions=rows["text"],
                contexts=rows["text_pair"],
                predicted=[None if one is None else _answer(one) for one in rows["predicted"]],
                confidence=rows["confidence"],
                no_answer=rows["no_answer"],
                alternatives=[
                    tuple(Alternative(*_answer(one), float(one["score"])) for one in some)
                    for some in rows["alternatives"]
                ],
                gold=[None if some is None else tuple(map(_answer, some)) for some in rows["answers"]]
                if "answers" in rows
                else None,
            )
        except (TypeError, ValueError) as error:
            raise _files.damaged("predicted answers", error, path) from error


def _answer(one: dict[str, Any]) -> Answer:
    if one is None or one["start"] is None or one["text"] is None:
        raise ValueError("an answer without start or text")
    return Answer(one["start"], one["text"])
