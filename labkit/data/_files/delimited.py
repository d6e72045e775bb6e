"""CSV and its kin: which delimiter, and the records, each with as many fields as the header or a plain refusal."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from labkit.data._files.encoding import open_text
from labkit.errors import DataError

SAMPLE = 1 << 20  # characters from the start of a file that decide the delimiter
_RECORDS = 200
_DELIMITERS = (",", "\t", ";", "|", ":")
_NAMES = {"\t": "tab", " ": "space"}
# a quote that is never closed swallows the rest of the file; this bounds what it can take of the memory
_WIDEST = 1 << 26
_BATCH_ROWS, _BATCH_CHARACTERS = 10_000, 1 << 24


def choose_delimiter(start: str, name: str, explicit: str, *, prefer_tab: bool) -> tuple[str, str]:
    """The delimiter and why, "" where there seems to be one column only.

    Args:
        start: the first characters of the file.
        name: how messages name the file.
        explicit: the delimiter to insist on, or "".
        prefer_tab: whether the file's name promises tabs.

    Raises:
        DataError: the explicit delimiter splits nothing where another one does, or cannot be one.
    """
    order = sorted(_DELIMITERS, key=lambda mark: mark != "\t") if prefer_tab else list(_DELIMITERS)
    scores = {mark: _fields(start, mark) for mark in order}
    # the share of records that agree with the header; the order decides between equals
    best = max(order, key=lambda mark: scores[mark][1])
    fields, share, count = scores[best]
    if explicit:
        if len(explicit) != 1 or explicit in '"\r\n':
            raise DataError("a delimiter of one character", repr(explicit), "for a tab, use '\\t'", file=name)
        if _fields(start, explicit)[0] < 2 <= fields:
            came = f"{show(explicit)}, with which the header is one column"
            do = f"use delimiter={best!r}, which gives {fields} columns, or leave it out"
            raise DataError("a delimiter that separates columns", came, do, file=name, row=1)
        return explicit, f"Delimiter {show(explicit)}: as asked."
    if fields < 2:
        return "", "One column: no delimiter splits the header."
    many = "each of" if share == 1 else f"{share:.0%} of"
    return best, f"Delimiter {show(best)}: {fields} fields in {many} the first {count:,} records."


def show(delimiter: str) -> str:
    """A delimiter as messages name it."""
    return _NAMES.get(delimiter, repr(delimiter))


def _fields(start: str, delimiter: str) -> tuple[int, float, int]:
    """Fields of the header, the share of records with as many, and the number of records looked at."""
    stream = io.StringIO(start, newline="")
    with _wide_fields():
        try:
            counts = [len(r) for r in itertools.islice(csv.reader(stream, delimiter=delimiter), _RECORDS + 1) if r]
        except csv.Error:
            return 0, 0.0, 0
    if len(start) == SAMPLE and len(counts) > 1:
        counts.pop()  # cut off in the middle
    if not counts or counts[0] < 2:
        return 1, 0.0, len(counts)
    return counts[0], counts.count(counts[0]) / len(counts), len(counts)


def quotes_are_text(path: Path, encoding: str) -> bool:
    """Whether the quotes of a tab-separated file are mere characters.

    They are when each line splits into as many fields as the header without any quoting, and some line makes no sense
    with it. Reading such a file with quoting on would glue rows together without a word.
    """
    wanted, broken = -1, False
    with open_text(path, encoding) as stream, _wide_fields():
        for line in stream:
            if not line.strip():
                continue
            tabs = line.count("\t")
            if wanted < 0:
                wanted = tabs
            if tabs != wanted:
                return False
            if '"' in line and not broken:
                try:
                    (record,) = csv.reader([line], delimiter="\t", strict=True)
                    broken = len(record) != wanted + 1
                except csv.Error:
                    broken = True
    return broken


def rows(
    path: Path, name: str, *, encoding: str, delimiter: str, quoted: bool, notes: list[str]
) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    """Batches of (line where the record starts, column → string).

    Raises:
        DataError: no header, no rows, columns of equal name, a record with another number of fields, or broken quotes.
    """
    with open_text(path, encoding) as stream:
        records = _records(stream, name, delimiter, quoted)
        found = next(records, None)
        if found is None:
            raise DataError("a header line", "a file without one", "add the names of the columns", file=name)
        first, raw = found
        header = _header(raw, name, first, notes)
        repeated: list[int] = []
        longest = (0, 0, 0)
        batch: list[tuple[int, dict[str, Any]]] = []
        size, total, previous = 0, 0, 0
        for line, record in records:
            if line - previous - 1 > longest[0] and previous:
                longest = (line - previous - 1, previous, line - 1)
            previous = line
            if len(record) != len(header):
                if not "".join(record).strip():
                    continue  # a blank line with spaces in it
                raise _ragged(header, record, line, records, name, delimiter)
            if record == raw:
                repeated.append(line)
                continue
            batch.append((line, dict(zip(header, record, strict=True))))
            total += 1
            size += sum(map(len, record))
            if len(batch) >= _BATCH_ROWS or size >= _BATCH_CHARACTERS:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch
    if not total:
        do = "check that the rows were saved, or that the first line really is the header"
        came = f"only the header line ({', '.join(header[:6])})"
        raise DataError("rows below the header", came, do, file=name, row=first)
    if repeated:
        notes.append(f"The header occurs again in line {repeated[0]} ({len(repeated)} times); not read as a row.")
    if longest[0] > 50:
        notes.append(f"One record runs from line {longest[1]} to {longest[2]}: check that its quotes are right.")


def _records(stream: TextIO, name: str, delimiter: str, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    """Records that are not blank, each with the line where it starts."""
    quoting: Any = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    # a control character no text holds stands for "one column only"
    reader = csv.reader(stream, delimiter=delimiter or "\x1f", strict=True, quoting=quoting)
    while True:
        line = reader.line_num + 1
        try:
            with _wide_fields():
                record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _broken(error, name, line, reader.line_num, delimiter) from error
        if record:
            yield line, record


def _broken(error: csv.Error, name: str, line: int, last: int, delimiter: str) -> DataError:
    expected = "fields with balanced quotes"
    if "expected after" in str(error):
        came = 'a text after a closing quote (") in a field'
        do = 'write a quote inside a quoted field twice (""), and quote every field that starts with one'
        return DataError(expected, came, do, file=name, row=last)
    came = f'a quote (") that is opened in the record of line {line} and never closed'
    do = 'close it, or write it twice ("") where it belongs to the text'
    return DataError(expected, came, do, file=name, row=line)


def _header(raw: list[str], name: str, line: int, notes: list[str]) -> list[str]:
    header = [cell.strip() for cell in raw]
    seen: dict[str, int] = {}
    for position, cell in enumerate(header, 1):
        if cell and cell in seen:
            came = f"two columns named {cell!r} (the {_nth(seen[cell])} and the {_nth(position)})"
            raise DataError("column names that differ", came, "rename one of them", file=name, row=line, column=cell)
        seen[cell] = position
    unnamed = [position for position, cell in enumerate(header, 1) if not cell]
    for position in unnamed:
        cell = f"column_{position}"
        while cell in seen:
            cell += "_"
        header[position - 1] = cell
        seen[cell] = position
    if unnamed:
        given = ", ".join(repr(header[position - 1]) for position in unnamed)
        notes.append(f"Columns without a name in the header are read as {given}.")
    return header


def _nth(position: int) -> str:
    ending = "th" if 10 <= position % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{position}{ending}"


def _ragged(
    header: list[str], record: list[str], line: int, rest: Iterator[tuple[int, list[str]]], name: str, delimiter: str
) -> DataError:
    total, whole = 1, True
    try:
        total += sum(len(other) != len(header) for _, other in rest)
    except DataError:
        whole = False  # broken quotes further down: the count ends there
    came = f"{len(record)} ({'' if whole else 'at least '}{total:,} such record{'s' if total != 1 else ''} in the file)"
    mark = show(delimiter) if delimiter else "','"
    do = (
        f'put double quotes around a field that holds a {mark} or a line break ("…")'
        if len(record) > len(header)
        else "fill the missing fields, or leave them empty between their delimiters"
    )
    if any(field.startswith(' "') for field in record):
        do = "take out the space before the opening quote, which makes that quote a part of the text"
    return DataError(f"{len(header)} fields, as the header has", came, do, file=name, row=line)


@contextmanager
def _wide_fields() -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters a field, which is a setting of the whole process."""
    before = csv.field_size_limit(_WIDEST)
    try:
        yield
    finally:
        csv.field_size_limit(before)
