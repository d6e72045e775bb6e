"""Rows that are a text, or a pair of texts, with one label or several, or with a score."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from labkit.data._columns import Choice, Profile, choose
from labkit.data._corpus import CANONICAL
from labkit.data._files import formats as _formats
from labkit.data._files.formats import Batch, Row, Source
from labkit.data._layouts.layout import Settled
from labkit.data._layouts.multi import Unusable, as_text, natural, several, yes
from labkit.data._layouts.score_cells import UNREADABLE, has_point, score
from labkit.errors import DataError


class LabelsLayout:
    """See ``_layout.Layout``."""

    own: tuple[str, ...] = (*CANONICAL, UNREADABLE)
    refused: Mapping[str, str] = {}
    advice = ""
    undecided: tuple[str, ...] = ()

    def batches(self, source: Source, notes: list[str]) -> Iterator[Batch]:
        if source.kind == "conll":
            came = "a token a line with its tag, as for named entities"
            raise DataError("a table with texts", came, 'read it with layout="spans"', file=source.name)
        return _formats.batches(source, notes)

    def choose(self, columns: Mapping[str, Profile], file: str, **asked: Any) -> Choice:
        return choose(columns, file, **asked)

    def shape(self, source: Source, choice: Choice) -> LabelsShape:
        return LabelsShape(source, choice)

    def settle(self, shapes: Mapping[str, LabelsShape], choice: Choice, *, require_label: bool) -> Settled:
        if choice.scores:
            return _settle_scores(shapes, choice, require_label=require_label)
        labels = sorted(set().union(*(shape.labels for shape in shapes.values())), key=natural)
        if len(choice.label) > 1:
            labels = sorted(choice.label, key=natural)
        if choice.label and require_label and not labels:
            do = "choose the column with label='…', or in Python read without labels with require_label=False"
            name = shapes["train"].source.name
            raise DataError("labels", "an empty label in every row", do, file=name, column=choice.label[0])
        many = any(shape.several for shape in shapes.values())
        for shape in shapes.values():
            shape.several = many
        return Settled(labels=labels, multi_label=many and bool(choice.label))

    def learned(self, shapes: Mapping[str, Any]) -> list[str]:
        return []


class LabelsShape:
    """See ``_layout.Shape``."""

    def __init__(self, source: Source, choice: Choice) -> None:
        self.source, self.choice = source, choice
        self.texts = tuple(filter(None, (choice.text, choice.text_pair)))
        self.several = choice.multi_label  # some row has a list of labels
        self.labels: set[str] = set()
        self.scored = 0  # rows with a score
        self.points = False  # some score has a decimal point
        self.commas: list[tuple[int, str]] = []  # line and cell of scores with a decimal comma
        self.unread: list[tuple[int, str]] = []  # line and cell where there is no number
        self.marked = False  # there is a column that says what stands in such cells
        self.seen = TextCounts()
        self.unlabelled = 0

    def see(self, row: Row, line: int) -> None:
        for column in self.texts:
            text_of(row.get(column), self.source, line, column, self.seen)
        if self.choice.scores:
            self._see_score(row, line)
            return
        label = _label(row, line, self.source, self.choice, many=self.several)
        if isinstance(label, list):
            self.several = True
            self.labels.update(label)
        elif label is not None:
            self.labels.add(label)
        else:
            self.unlabelled += 1

    def fields(self) -> list[tuple[str, Any]]:
        import pyarrow as pa

        fields = [("text", pa.string())]
        fields += [("text_pair", pa.string())] if self.choice.text_pair else []
        if self.choice.scores and self.choice.label:
            fields.append(("label", pa.float64()))
            return fields + ([(UNREADABLE, pa.string())] if self.marked else [])
        return fields + (
            [("label", pa.list_(pa.string()) if self.several else pa.string())] if self.choice.label else []
        )

    def cells(self, row: Row, line: int) -> list[Any]:
        cells: list[Any] = [text_of(row.get(column), self.source, line, column) for column in self.texts]
        if self.choice.scores and self.choice.label:
            try:
                cells += [score(row.get(self.choice.label[0]), points=self.points), *([None] if self.marked else [])]
            except Unusable:
                cells += [None, _written(row.get(self.choice.label[0]))]
        elif self.choice.label:
            label = _label(row, line, self.source, self.choice, many=self.several)
            cells.append([label] if self.several and isinstance(label, str) else label)
        return cells

    def notes(self, file: str, rows: int) -> list[str]:
        said = self.seen.notes(file, self.texts)
        if self.choice.scores:
            return said + self._score_notes(file, rows)
        if self.choice.label and self.unlabelled:
            said.append(f"{file}: {self.unlabelled:,} of {rows:,} rows have no label.")
        if self.several and not self.choice.multi_label:
            said.append(f"{file}: several labels a row, because some cells are lists.")
        return said

    def _see_score(self, row: Row, line: int) -> None:
        if not self.choice.label:
            return
        value = row.get(self.choice.label[0])
        self.points = self.points or has_point(value)
        try:
            number = score(value)
        except Unusable:
            self.unread.append((line, _written(value)))
            return
        self.scored += number is not None
        self.unlabelled += number is None
        if number is not None and isinstance(value, str) and "," in value:
            self.commas.append((line, value))

    def _score_notes(self, file: str, rows: int) -> list[str]:
        if not self.choice.label:
            return []
        column = self.choice.label[0]
        if self.points:  # only now is it known that the column has decimal points
            doubtful = [(line, cell) for line, cell in self.commas if not _reads(cell)]
            self.unread = sorted([*self.unread, *doubtful])
            self.scored -= len(doubtful)
            self.commas = [one for one in self.commas if one not in doubtful]
        said = [f"{file}: {self.unlabelled:,} of {rows:,} rows have no score."] if self.unlabelled else []
        if self.commas:
            line, cell = self.commas[0]
            said.append(f"{file}: {counted(len(self.commas), 'score')} with a decimal comma: {cell!r} in line {line}.")
        if self.unread:
            shown = ", ".join(f"{cell!r} in line {line}" for line, cell in self.unread[:5])
            more = f" and {len(self.unread) - 5:,} more" if len(self.unread) > 5 else ""
            count = len(self.unread)
            what = "1 cell is no number" if count == 1 else f"{count:,} cells are no numbers"
            said.append(f"{file}, column {column!r}: {what}: {shown}{more}. These rows have no score.")
        return said


def _settle_scores(shapes: Mapping[str, LabelsShape], choice: Choice, *, require_label: bool) -> Settled:
    """Refuse a column that holds hardly any scores; mark unreadable cells in all splits, or in none."""
    for shape in shapes.values():
        if require_label and len(shape.unread) > shape.scored:
            line, cell = shape.unread[0]
            came = f"{cell!r}, and {len(shape.unread):,} cells like it beside {shape.scored:,} numbers"
            do = "mend the cells, choose the column of the score with label='…', or say scores=False for classes"
            raise DataError("a number", came, do, file=shape.source.name, row=line, column=choice.label[0])
        shape.marked = any(other.unread for other in shapes.values())
    if choice.label and require_label and not any(shape.scored for shape in shapes.values()):
        do = "choose the column with label='…', or in Python read without labels with require_label=False"
        raise DataError(
            "scores", "an empty cell in every row", do, file=shapes["train"].source.name, column=choice.label[0]
        )
    return Settled(labels=(), multi_label=False, scores=True)


def counted(count: int, what: str) -> str:
    """A number of things."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _reads(cell: str) -> bool:
    try:
        return score(cell, points=True) is not None
    except Unusable:
        return False


def _written(value: Any) -> str:
    """A cell that is no number, as a short text."""
    return value[:60] if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)[:60]


class TextCounts:
    """Cells that were no strings: column → how many."""

    def __init__(self) -> None:
        self.missing: Counter[str] = Counter()
        self.converted: Counter[str] = Counter()

    def notes(self, file: str, columns: Iterable[str]) -> list[str]:
        """A sentence for each kind, and each of these columns."""
        said = []
        for column in columns:
            if empty := self.missing[column]:
                said.append(f"{file}: {empty:,} missing values in {column!r} are read as empty texts.")
            if made := self.converted[column]:
                said.append(f"{file}: {made:,} values of {column!r} were no strings, and are read as text.")
        return said


def text_of(value: Any, source: Source, line: int, column: str, seen: TextCounts | None = None) -> str:
    """The text in a cell.

    Raises:
        DataError: the cell is nested.
    """
    if isinstance(value, str):
        return value
    if seen is not None:
        (seen.missing if value is None else seen.converted)[column] += 1
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    if isinstance(value, list | dict):
        came = f"nested values ({json.dumps(value, ensure_ascii=False)[:60]})"
        do = "choose another text column, or write the text as one string"
        raise DataError("a text", came, do, file=source.name, row=line, column=column)
    return as_text(value) or ""


def _label(row: Row, line: int, source: Source, choice: Choice, *, many: bool) -> str | list[str] | None:
    column = choice.label[0] if choice.label else ""
    try:
        if len(choice.label) > 1:
            said: list[bool | None] = []
            for column in choice.label:
                said.append(yes(row.get(column)))
            if all(one is None for one in said):
                return None
            if None in said:
                column = choice.label[said.index(None)]
                raise Unusable("an empty cell, where other label columns of the row are filled")
            return [name for name, one in zip(choice.label, said, strict=True) if one]
        if not choice.label:
            return None
        value = row.get(column)
        if isinstance(value, list) and choice.multi_label_given and not choice.multi_label:
            raise Unusable(f"a list ({str(value)[:60]}), though multi_label=False")
        if many or isinstance(value, list):
            return several(value, choice.separator, choice.listed)
        return as_text(value)
    except Unusable as error:
        expected = (
            "0 or 1 (or true, false)" if len(choice.label) > 1 else "a label (a string, a number, or a list of them)"
        )
        do = "mend that cell, or choose other columns with label="
        raise DataError(expected, str(error), do, file=source.name, row=line, column=column) from None
