"""The rows of a model that answers questions in an error list."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from labkit.data import Answer
from labkit.data._layouts.answers import stands
from labkit.errors import LabError
from labkit.evaluation import ANSWER_ERROR_KINDS
from labkit.evaluation._answer_errors import NO_ANSWER_HTML, kind_of
from labkit.tasks import AnswerPredictions
from labkit.tasks._answer_metrics import best
from labkit.widgets._error_rows_base import NO_COLUMNS, ErrorRows, Row, number
from labkit.widgets._run_rows import RunRows
from labkit.widgets._span_faces import html_table
from labkit.widgets._text_faces import text_html


class AnswerRows(ErrorRows):
    """Questions whose answers are known. Contexts are those that the run saw: its answers count characters of them."""

    view = "answers"
    filters = ("kind", *ErrorRows.filters)
    kinds = ANSWER_ERROR_KINDS
    called: ClassVar[Mapping[str, str]] = {"wrong": "wrong answers", "unsure": "right answers", "all": "questions"}
    hidden = (*NO_COLUMNS, "answers")

    def __init__(self, of: RunRows, split: str) -> None:
        found: AnswerPredictions = of.run.predictions(split)
        known = [i for i, gold in enumerate(found.gold or ()) if gold is not None]
        if not known:
            raise LabError(f"true answers in the {split} rows", "none", "choose a split with answers")
        self._predictions = found.take(known)
        super().__init__(of, split, list(self._predictions.row_ids))
        self.texts = list(self._predictions.questions)
        self._gold = [tuple(dict.fromkeys(gold or ())) for gold in self._predictions.gold or ()]
        scores = self._predictions.row_scores()
        self._summary = [self._sum_up(i, float(scores.values[i]), bool(scores.right[i])) for i in range(len(self.ids))]

    @property
    def measure(self) -> str:
        return "F1"

    @property
    def orders(self) -> Mapping[str, str]:
        return {"errors": "lowest F1 first", "confidence": "surest first"}

    @property
    def predictions(self) -> AnswerPredictions:
        return self._predictions

    def choices(self) -> Row:
        counted = dict.fromkeys(ANSWER_ERROR_KINDS, 0)
        for row in self._summary:
            if row["kind"]:
                counted[row["kind"]] += 1
        return {**super().choices(), "kinds": counted}

    def detail(self, row_id: str) -> Row:
        """The row with its context; the answers in it, of the true ones first that which fits the prediction best; and the
        likeliest answers."""
        i = self.at[row_id]
        p, context = self._predictions, self._predictions.contexts[i]
        said, (chances, none) = p.predicted[i], p.probabilities(i)
        gold = sorted(self._gold[i], key=lambda one: -best([one], said)[1])
        return {
            **super().detail(row_id),
            **{name: self._summary[i][name] for name in ("kind", "f1", "confidence", "right")},
            "context": context,
            "gold": [_placed(one, context) for one in gold],
            "predicted": None if said is None else _placed(said, context),
            "alternatives": [
                {**_placed(Answer(one.start, one.text), context), "probability": number(chance)}
                for one, chance in zip(p.alternatives[i], chances, strict=True)
            ],
            "none": None if none is None else number(none),
        }

    def searched(self, row: Row) -> str:
        i = self.at[row["row_id"]]
        return "\n".join([row["text"], *(one.text for one in self._gold[i]), row["predicted"] or ""])

    def beside(self, columns: Mapping[str, list[Any]], i: int) -> Row:
        cell = columns["answers"][i] if "answers" in columns else None
        return {"answers": None if cell is None else list(dict.fromkeys(one["text"] for one in cell))}

    def face(self, listed: list[Row]) -> str:
        rows = [
            [
                html.escape(row["kind"]) or "none",
                text_html(row["text"]),
                text_html("; ".join(row["gold"])) if row["gold"] else NO_ANSWER_HTML,
                NO_ANSWER_HTML if row["predicted"] is None else text_html(row["predicted"]),
                f"{row['f1']:.2f}",
            ]
            for row in listed
        ]
        return html_table(["error", "question", "true", "predicted", "F1"], rows)

    def _sum_up(self, i: int, f1: float, right: bool) -> Row:
        said = self._predictions.predicted[i]
        return {
            "row_id": self.ids[i],
            "text": self.texts[i],
            "gold": list(dict.fromkeys(one.text for one in self._gold[i])),
            "predicted": None if said is None else said.text,
            "kind": "" if right else kind_of(self._gold[i], said),
            "f1": f1,
            "confidence": number(self._predictions.confidence[i]),
            "right": right,
        }

    def _passes(self, filters: Mapping[str, Any], include: str) -> list[Callable[[Row], bool]]:
        return [lambda row: row["kind"] == filters["kind"]] if "kind" in filters else []

    def _list(self, include: str, order: str) -> list[Row]:
        def sure(row: Row) -> float:
            return -1.0 if row["confidence"] is None else float(row["confidence"])

        keys: dict[str, Callable[[Row], tuple[float, float]]] = {
            "errors": lambda row: (row["f1"], -sure(row)),
            "confidence": lambda row: (-sure(row), row["f1"]),
        }
        wrong = sorted((row for row in self._summary if not row["right"]), key=keys[order])
        right = sorted((row for row in self._summary if row["right"]), key=sure)
        return {"wrong": wrong, "unsure": right, "all": [*wrong, *right]}[include]


def _placed(answer: Answer, context: str) -> Row:
    """An answer, and whether it stands where it is said to."""
    return {"start": answer.start, "end": answer.end, "text": answer.text, "stands": stands(context, answer)}
