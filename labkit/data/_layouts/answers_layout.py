"""Rows that are a question, a context, and the answers that stand in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from labkit.data._columns import Choice, Profile
from labkit.data._files.formats import Batch, Row, Source, nested
from labkit.data._layouts.answer_cells import Given, answers_in, unnested
from labkit.data._layouts.answer_columns import AnswersChoice, choose
from labkit.data._layouts.answers import MOVED, label_of
from labkit.data._layouts.labels_layout import TextCounts, text_of
from labkit.data._layouts.layout import Settled
from labkit.data._layouts.multi import Unusable, natural, yes
from labkit.errors import DataError


class AnswersLayout:
    """See ``_layout.Layout``."""

    own: tuple[str, ...] = ("row_id", "text", "text_pair", "answers", "label", MOVED)
    refused: Mapping[str, str] = {
        "strip_markup": "",
        "fix_mojibake": "",
        "strip_control": "",
        "strip_whitespace": "",
        "merge_label_variants": "",
    }
    advice = (
        "answers are counted in characters of the context: mend the text where the data comes from, with its answers"
    )
    undecided: tuple[str, ...] = ("label", "text", "text_pair")

    def batches(self, source: Source, notes: list[str]) -> Iterator[Batch]:
        return unnested(nested(source), notes)

    def choose(self, columns: Mapping[str, Profile], file: str, **asked: Any) -> AnswersChoice:
        return choose(columns, file, **asked)

    def shape(self, source: Source, choice: Choice) -> AnswersShape:
        assert isinstance(choice, AnswersChoice)
        return AnswersShape(source, choice)

    def settle(self, shapes: Mapping[str, AnswersShape], choice: Choice, *, require_label: bool) -> Settled:
        labels = sorted(set[str]().union(*(shape.labels for shape in shapes.values())), key=natural)
        if choice.label and require_label and not labels:
            do = "choose the column with label='…', or in Python read without answers with require_label=False"
            name = shapes["train"].source.name
            raise DataError("answers", "an empty cell in every row", do, file=name, column=choice.label[0])
        marked = any(shape.marked for shape in shapes.values())
        for shape in shapes.values():
            shape.marked = marked
        return Settled(labels=labels, multi_label=True)

    def learned(self, shapes: Mapping[str, Any]) -> list[str]:
        return []


class AnswersShape:
    """See ``_layout.Shape``."""

    def __init__(self, source: Source, choice: AnswersChoice) -> None:
        self.source, self.choice = source, choice
        self.labels: set[str] = set()
        self.seen = TextCounts()
        self.placed: Counter[str] = Counter()  # answers, by how they got their place
        self.unlabelled = self.denied = 0
        self.marked = False  # there is a column that says which rows have moved answers

    def see(self, row: Row, line: int) -> None:
        text_of(row.get(self.choice.text), self.source, line, self.choice.text, self.seen)
        context = text_of(row.get(self.choice.text_pair), self.source, line, self.choice.text_pair, self.seen)
        given = self._given(row, context, line, count=True)
        self.labels.update(label_of(given.answers) or ())
        self.placed.update(given.how)
        self.unlabelled += given.answers is None
        self.marked = self.marked or _is_moved(given)

    def fields(self) -> list[tuple[str, Any]]:
        import pyarrow as pa

        answer = pa.struct([("start", pa.int32()), ("text", pa.string())])
        fields = [("text", pa.string()), ("text_pair", pa.string()), ("answers", pa.list_(answer))]
        fields += [("label", pa.list_(pa.string()))]
        return fields + ([(MOVED, pa.bool_())] if self.marked else [])

    def cells(self, row: Row, line: int) -> list[Any]:
        question = text_of(row.get(self.choice.text), self.source, line, self.choice.text)
        context = text_of(row.get(self.choice.text_pair), self.source, line, self.choice.text_pair)
        given = self._given(row, context, line)
        answers = None if given.answers is None else [one._asdict() for one in given.answers]
        return [question, context, answers, label_of(given.answers), *([_is_moved(given)] if self.marked else [])]

    def notes(self, file: str, rows: int) -> list[str]:
        said = self.seen.notes(file, (self.choice.text, self.choice.text_pair))
        if self.choice.label and self.unlabelled:
            do = "where the context has no answer, write [], or true in a column is_impossible"
            said.append(f"{file}: {self.unlabelled:,} of {rows:,} rows have no answers: they are not labelled ({do}).")
        if self.denied:
            came = "is_impossible says that there is an answer, and none is given"
            said.append(f"{file}: in {self.denied:,} of these rows {came}.")
        for how, text in (
            ("found", "answers come without their place, and occur once in their context: they are taken there"),
            ("first", "answers come without their place, and occur several times: the first is taken"),
            ("moved", "answers do not stand where they are said to; they are moved to where their text stands nearby"),
            ("bad", "answers do not stand in their context: check() lists the rows, which no model can be trained on"),
        ):
            if count := self.placed[how]:
                said.append(f"{file}: {count:,} {text}.")
        return said

    def _given(self, row: Row, context: str, line: int, *, count: bool = False) -> Given:
        if not self.choice.label:
            return Given(answers=None)
        column, *starts = self.choice.label
        expected, do = (
            "answers with their text and where it starts",
            "mend that row, or choose another column with label=",
        )
        try:
            given = answers_in(row.get(column), row.get(starts[0]) if starts else None, context)
            impossible = yes(row.get(self.choice.impossible)) if self.choice.impossible else None
        except Unusable as error:
            raise DataError(expected, str(error), do, file=self.source.name, row=line, column=column) from None
        if impossible and given.answers:
            came = f"{given.answers[0].text[:60]!r}, though {self.choice.impossible!r} says that there is none"
            do = "take the answers out, or say that the question can be answered"
            raise DataError("no answers", came, do, file=self.source.name, row=line, column=column)
        if impossible:
            return Given(answers=[])
        if impossible is False and given.answers == []:
            self.denied += count
            return Given(answers=None)
        return given


def _is_moved(given: Given) -> bool:
    return "moved" in given.how or "first" in given.how
