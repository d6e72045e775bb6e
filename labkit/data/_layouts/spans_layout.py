"""Rows that are a text with labelled stretches of it, as for named entities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labkit.data._columns import Choice, Profile
from labkit.data._files.formats import Batch, Row, Source, nested
from labkit.data._layouts.labels_layout import TextCounts, text_of
from labkit.data._layouts.layout import Settled
from labkit.data._layouts.multi import Unusable, natural
from labkit.data._layouts.span_cells import spans_in, unwrapped, words_in
from labkit.data._layouts.span_columns import SpansChoice, choose
from labkit.data._layouts.spans import NOTHING, Scheme, Span, Tags, is_broken, read_tags
from labkit.errors import DataError

BROKEN = "broken_tags"
"""Column that says of each row whether its tags break their scheme; only there if some do."""


class SpansLayout:
    """See ``_layout.Layout``."""

    own: tuple[str, ...] = ("row_id", "text", "text_pair", "spans", "label", "words", BROKEN)
    refused: Mapping[str, str] = {
        "strip_markup": "",
        "fix_mojibake": "",
        "strip_control": "",
        "strip_whitespace": "",
        "merge_label_variants": "merge_type_variants",
    }
    advice = "spans are counted in characters of the text: mend the text where the data comes from, with its spans"
    undecided: tuple[str, ...] = ("label", "text", "text_pair")

    def batches(self, source: Source, notes: list[str]) -> Iterator[Batch]:
        return unwrapped(nested(source), notes)

    def choose(self, columns: Mapping[str, Profile], file: str, **asked: Any) -> SpansChoice:
        return choose(columns, file, **asked)

    def shape(self, source: Source, choice: Choice) -> SpansShape:
        assert isinstance(choice, SpansChoice)
        return SpansShape(source, choice)

    def settle(self, shapes: Mapping[str, SpansShape], choice: Choice, *, require_label: bool) -> Settled:
        column = choice.label[0] if choice.label else ""
        labels = set[str]().union(*(shape.labels for shape in shapes.values()))
        if isinstance(choice, SpansChoice) and choice.tagged:
            every = Tags()
            for shape in shapes.values():
                every.add(shape.tags)
            scheme = every.scheme(column=column)
            labels = every.types(scheme)
            for shape in shapes.values():
                shape.scheme, shape.marked = scheme, every.breaks(scheme)
                shape.blank = not require_label and every.counts.keys() == {NOTHING}
        if column and require_label and not labels:
            came = (
                "none in any row" if any(shape.labelled for shape in shapes.values()) else "an empty cell in every row"
            )
            do = "choose the column with label='…', or in Python read without spans with require_label=False"
            raise DataError("labelled spans", came, do, file=shapes["train"].source.name, column=column)
        return Settled(labels=sorted(labels, key=natural), multi_label=True)

    def learned(self, shapes: Mapping[str, SpansShape]) -> list[str]:
        said = []
        tagged = [shape for shape in shapes.values() if shape.choice.tagged and shape.choice.label]
        if tagged:
            said.append(f"Tags in the scheme {tagged[0].scheme}.")
        if broken := sum(shape.broken for shape in tagged):
            said.append(
                f"In {broken:,} rows the tags break it; they are read leniently, as seqeval does, and the column {BROKEN!r} "
                "says which rows these are."
            )
        if lost := sum(shape.lost for shape in tagged):
            said.append(f"{lost:,} entities of empty tokens are left out.")
        return said


class SpansShape:
    """See ``_layout.Shape``."""

    def __init__(self, source: Source, choice: SpansChoice) -> None:
        self.source, self.choice = source, choice
        self.tags = Tags(file=source.name)
        self.scheme: Scheme = "IOB2"
        self.marked = False  # there is a column that says which rows have broken tags
        self.blank = False  # nobody has filled in the tags
        self.labels: set[str] = set()
        self.seen = TextCounts()
        self.labelled = self.broken = self.lost = self.other = 0

    def see(self, row: Row, line: int) -> None:
        if self.choice.tagged:
            tags = self._tokens(row, line)[1]
            if tags is not None:
                self.labelled += 1
                self.tags.see(tags, line, by_line=self.source.kind == "conll")
            self.seen.missing[self.choice.text] += row.get(self.choice.text) in (None, "")
            return
        text = text_of(row.get(self.choice.text), self.source, line, self.choice.text, self.seen)
        spans, other = self._spans(row, text, line)
        self.other += other
        if spans is not None:
            self.labelled += 1
            self.labels.update(span.label for span in spans)

    def fields(self) -> list[tuple[str, Any]]:
        import pyarrow as pa

        span = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("label", pa.string())])
        fields = [("text", pa.string()), ("spans", pa.list_(span)), ("label", pa.list_(pa.string()))]
        fields += [("words", pa.list_(pa.int32()))] if self.choice.tagged else []
        return fields + ([(BROKEN, pa.bool_())] if self.marked else [])

    def cells(self, row: Row, line: int) -> list[Any]:
        if not self.choice.tagged:
            text = text_of(row.get(self.choice.text), self.source, line, self.choice.text)
            spans, _ = self._spans(row, text, line)
            return [text, *_columns(spans)]
        tokens, tags = self._tokens(row, line)
        tags = None if self.blank else tags
        words: list[int] = []
        at = 0
        for token in tokens:
            words += (at, at + len(token))
            at += len(token) + 1
        found = None
        if tags is not None:
            every = [
                Span(words[2 * one.start], words[2 * one.end - 1], one.label) for one in read_tags(tags, self.scheme)
            ]
            found = [span for span in every if span.start < span.end]
            self.lost += len(every) - len(found)
        broken = tags is not None and is_broken(tags, self.scheme)
        self.broken += broken
        return [" ".join(tokens), *_columns(found), words, *([broken] if self.marked else [])]

    def notes(self, file: str, rows: int) -> list[str]:
        said = self.seen.notes(file, (self.choice.text,))
        if self.choice.label and self.labelled < rows:
            what = "tags" if self.choice.tagged else "spans"
            said.append(f"{file}: {rows - self.labelled:,} of {rows:,} rows have no {what}: they are not labelled.")
        if self.other:
            do = "check that they count characters, not bytes or UTF-16 units"
            said.append(f"{file}: {self.other:,} spans say that another text stands at their offsets; {do}.")
        return said

    def _spans(self, row: Row, text: str, line: int) -> tuple[list[Span] | None, int]:
        if not self.choice.label:
            return None, 0
        column = self.choice.label[0]
        try:
            return spans_in(row.get(column), text)
        except Unusable as error:
            expected = "spans [start, end, label] or {start, end, label} inside the text, with start before end"
            do = "mend that row, or choose other columns with text= and label="
            raise DataError(expected, str(error), do, file=self.source.name, row=line, column=column) from None

    def _tokens(self, row: Row, line: int) -> tuple[list[str], list[str] | None]:
        found = []
        for column, what in zip((self.choice.text, *self.choice.label), ("tokens", "tags"), strict=False):
            try:
                found.append(words_in(row.get(column)))
            except Unusable as error:
                do = f"mend that row, or choose other columns with {'text' if what == 'tokens' else 'label'}="
                expected = f"{what} as a list of strings"
                raise DataError(expected, str(error), do, file=self.source.name, row=line, column=column) from None
        tokens, tags = found[0] or [], found[1] if self.choice.label else None
        if tags is not None and len(tags) != len(tokens):
            expected = f"a tag for each of the {len(tokens):,} tokens in {self.choice.text!r}"
            do = "mend that row: there is one tag a token, and O where there is no entity"
            where = {"file": self.source.name, "row": line, "column": self.choice.label[0]}
            raise DataError(expected, f"{len(tags):,}", do, **where)  # type: ignore[arg-type]
        return tokens, tags


def _columns(spans: list[Span] | None) -> list[Any]:
    """The columns ``spans`` and ``label``."""
    if spans is None:
        return [None, None]
    return [[span._asdict() for span in spans], sorted({span.label for span in spans}, key=natural)]
