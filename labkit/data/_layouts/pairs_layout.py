"""Rows that are a text and what is to be written from it: a translation, a summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labkit.data._columns import Choice, Profile
from labkit.data._files.formats import Batch, Row, Source, nested
from labkit.data._files.formats import batches as rows_of
from labkit.data._layouts.labels_layout import TextCounts, text_of
from labkit.data._layouts.layout import Settled
from labkit.data._layouts.pair_columns import choose
from labkit.data._texts import is_empty
from labkit.errors import DataError

_WRAPPED = "translation"  # the hub's data sets of translations have one column, a record of the languages


class PairsLayout:
    """See ``_layout.Layout``."""

    own: tuple[str, ...] = ("row_id", "text", "text_pair", "label", "target")
    refused: Mapping[str, str] = {
        "merge_label_variants": "",
        "drop_unlabelled": "drop_empty",
        "keep_majority_label": "drop_conflicts",
    }
    advice = "a target is a text, not a label"
    undecided: tuple[str, ...] = ("label", "text", "text_pair")

    def batches(self, source: Source, notes: list[str]) -> Iterator[Batch]:
        if source.kind == "conll":
            came = "a token a line with its tag, as for named entities"
            do = 'read it with layout="spans"'
            raise DataError("a table with a source and a target text in each row", came, do, file=source.name)
        for batch in rows_of(nested(source), notes):
            yield [(line, _unwrapped(row)) for line, row in batch]

    def choose(self, columns: Mapping[str, Profile], file: str, **asked: Any) -> Choice:
        return choose(columns, file, **asked)

    def shape(self, source: Source, choice: Choice) -> PairsShape:
        return PairsShape(source, choice)

    def settle(self, shapes: Mapping[str, PairsShape], choice: Choice, *, require_label: bool) -> Settled:
        if choice.label and require_label and not any(shape.known for shape in shapes.values()):
            do = "choose the column with label='…', or in Python read without targets with require_label=False"
            name = shapes["train"].source.name
            raise DataError("target texts", "an empty cell in every row", do, file=name, column=choice.label[0])
        return Settled(labels=(), multi_label=False)

    def learned(self, shapes: Mapping[str, Any]) -> list[str]:
        return []


class PairsShape:
    """See ``_layout.Shape``."""

    def __init__(self, source: Source, choice: Choice) -> None:
        self.source, self.choice = source, choice
        self.seen = TextCounts()
        self.known = self.unknown = 0

    def see(self, row: Row, line: int) -> None:
        text_of(row.get(self.choice.text), self.source, line, self.choice.text, self.seen)
        if self.choice.label:
            target = self._target(row, line)
            self.known += target is not None
            self.unknown += target is None

    def fields(self) -> list[tuple[str, Any]]:
        import pyarrow as pa

        return [("text", pa.string()), *([("target", pa.string())] if self.choice.label else [])]

    def cells(self, row: Row, line: int) -> list[Any]:
        source = text_of(row.get(self.choice.text), self.source, line, self.choice.text)
        return [source, *([self._target(row, line)] if self.choice.label else [])]

    def notes(self, file: str, rows: int) -> list[str]:
        said = self.seen.notes(file, (self.choice.text,))
        if self.choice.label and self.unknown:
            said.append(
                f"{file}: {self.unknown:,} of {rows:,} rows have nothing in {self.choice.label[0]!r}: no target."
            )
        return said

    def _target(self, row: Row, line: int) -> str | None:
        text = text_of(row.get(self.choice.label[0]), self.source, line, self.choice.label[0])
        return None if is_empty(text) else text


def _unwrapped(row: Row) -> Row:
    inner = row.get(_WRAPPED)
    if not isinstance(inner, dict) or not all(value is None or isinstance(value, str) for value in inner.values()):
        return row
    kept = {key: value for key, value in row.items() if key != _WRAPPED}
    return {**kept, **{key + "_" * (key in kept): value for key, value in inner.items()}}
