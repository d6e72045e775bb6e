"""Rows that are a text, or a pair of texts, with one label or several."""

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
from labkit.errors import DataError


class LabelsLayout:
    """See ``_layout.Layout``."""

    own: tuple[str, ...] = CANONICAL
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
        self.seen = TextCounts()
        self.unlabelled = 0

    def see(self, row: Row, line: int) -> None:
        for column in self.texts:
            text_of(row.get(column), self.source, line, column, self.seen)
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
        return fields + (
            [("label", pa.list_(pa.string()) if self.several else pa.string())] if self.choice.label else []
        )

    def cells(self, row: Row, line: int) -> list[Any]:
        cells: list[Any] = [text_of(row.get(column), self.source, line, column) for column in self.texts]
        if self.choice.label:
            label = _label(row, line, self.source, self.choice, many=self.several)
            cells.append([label] if self.several and isinstance(label, str) else label)
        return cells

    def notes(self, file: str, rows: int) -> list[str]:
        said = self.seen.notes(file, self.texts)
        if self.choice.label and self.unlabelled:
            said.append(f"{file}: {self.unlabelled:,} of {rows:,} rows have no label.")
        if self.several and not self.choice.multi_label:
            said.append(f"{file}: several labels a row, because some cells are lists.")
        return said


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
