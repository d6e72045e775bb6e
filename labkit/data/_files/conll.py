"""Files in the columns of the CoNLL shared tasks: a token a line with its tag, blank lines between sentences.

The token is read from the first column and the tag from the last, except in files that number their tokens (the token is in
the second column then) or have no tags in the last column (then the last column that has some). A file with nothing but
tokens, which nobody has tagged yet, has one column.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.data._files.encoding import open_text
from labkit.data._layouts.spans import looks_like_tag
from labkit.errors import DataError

SAMPLE = 1 << 18  # characters from the start of a file that decide which column is which
TOKENS, TAGS, DOCUMENT = "tokens", "tags", "document"

_NEW_DOCUMENT = "-DOCSTART-"
_INDEX = re.compile(r"\d+(?:[-.]\d+)?")
_COMMENT = re.compile(r"#\s*([^=\t]+?)\s*=\s*(.*)")
_SPACED_COMMENT = re.compile(r"#\s*([\w.:-]+(?: (?:id|columns))?)\s*=\s*(.*)")  # where a space also separates columns
_TAG_BEHIND = re.compile(r"\S[,;|:]\s*(O|[BIMELSU]-\S+)\s*$")
_BATCH_ROWS = 1000


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column is which, counted from 0."""

    tab: bool  # tabs separate, else any white space does
    count: int
    line: int  # of the first token, that everything else is measured by
    token: int = 0
    tag: int = -1
    index: bool = False  # the first column numbers the tokens

    @property
    def tagged(self) -> bool:
        return self.count > 1

    def cells(self, line: str) -> list[str]:
        return _split(line, self.tab)

    @property
    def reason(self) -> str:
        """What was understood, in a sentence."""
        if not self.tagged:
            return "A token a line, without tags."
        how = "tabs" if self.tab else "spaces"
        where = f"the token in column {self.token + 1} and the tag in column {self.tag + 1} of {self.count}"
        return f"A token a line, with columns separated by {how}: {where}."


def looks_like_conll(start: str) -> bool:
    """Whether the start of a file can hardly be anything else: the last of several columns has tags only, some of them with a
    letter and a type, and there are blank lines."""
    lines = _lines(start)
    columns = _columns(lines)
    if columns is None or columns.count < 2:
        return False
    tokens = [columns.cells(line) for line in lines if line.strip() and not _is_other(line, columns.tab)]
    tags = [cells[columns.tag] if len(cells) == columns.count else "" for cells in tokens]
    blank = any(not line.strip() for line in lines) or len(tokens) == len(tags) < 100
    return blank and all(map(looks_like_tag, tags)) and any("-" in tag for tag in tags)


def sniff(path: Path, name: str, encoding: str) -> Columns:
    """Find out which column is which.

    Raises:
        DataError: no token, or tags that stand behind something else than a tab or a space.
    """
    with open_text(path, encoding) as stream:
        start = stream.read(SAMPLE)
    lines = _lines(start)
    columns = _columns(lines)
    if columns is None:
        raise DataError("tokens with tags, one a line", "none", "check that the file was saved", file=name)
    if not columns.tagged and any(_TAG_BEHIND.search(line) for line in lines):
        came = f"one column ({lines[columns.line - 1].strip()[:40]!r})"
        do = "write the token, a tab and the tag in each line"
        raise DataError("a token and its tag in columns", came, do, file=name, row=columns.line)
    return columns


def rows(path: Path, name: str, *, encoding: str, notes: list[str]) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    """Batches of (line of the first token, sentence): the lists ``tokens`` and, if there are any, ``tags``, ``document`` where
    documents are marked, a list ``column_2`` and so on for each column between, and what ``# key = value`` comments say.

    Raises:
        DataError: a line with another number of columns, an empty token, or no sentence at all.
    """
    columns = sniff(path, name, encoding)
    others = {
        i: f"column_{i + 1}" for i in range(columns.index, columns.count) if i not in (columns.token, columns.tag)
    }
    taken = {TOKENS, TAGS, DOCUMENT, *others.values()}
    batch: list[tuple[int, dict[str, Any]]] = []
    said: dict[str, Any] = {}
    cells: list[list[str]] = []
    document = first = total = left = ranges = 0

    def sentence() -> tuple[int, dict[str, Any]]:
        row: dict[str, Any] = {**said, TOKENS: [c[columns.token] for c in cells]}
        row |= {TAGS: [c[columns.tag] for c in cells]} if columns.tagged else {}
        row |= {key: [c[i] for c in cells] for i, key in others.items()}
        return first, row | ({DOCUMENT: document} if document else {})

    with open_text(path, encoding) as stream:
        for line, raw in enumerate(itertools.chain(stream, [""]), 1):
            text = raw.rstrip("\r\n")
            starts = text.startswith(_NEW_DOCUMENT)
            if starts or not text.strip():
                if cells:
                    batch.append(sentence())
                    total += 1
                said, cells = {}, []
                document += starts
                if len(batch) >= _BATCH_ROWS:
                    yield batch
                    batch = []
                continue
            if text.startswith("#") and (match := _comment(text, columns.tab)) is not None:
                if not match:
                    left += 1
                    document += text[1:].strip() == "newdoc"
                for key, value in match.items():
                    said[key + "_" * (key in taken)] = value
                continue
            found = columns.cells(text)
            if len(found) != columns.count:
                raise _ragged(found, line, columns, name)
            if columns.index and not found[0].isdecimal():
                ranges += 1
                continue
            _refuse_empty(found, line, columns, name)
            first = first if cells else line
            cells.append(found)
    if batch:
        yield batch
    if not total:
        raise DataError("sentences", "none", "check that the file was saved", file=name)
    if left:
        notes.append(f"{left:,} comments without the form '# key = value' are left out.")
    if ranges:
        notes.append(f"{ranges:,} lines for ranges or empty nodes (such as 1-2 or 8.1) are left out.")


def _lines(start: str) -> list[str]:
    """The whole lines at the start of a file, cut where reading cuts them."""
    return re.split("\r\n|\n|\r", start)[: -1 if len(start) >= SAMPLE else None]


def _comment(text: str, tab: bool) -> dict[str, str] | None:
    """What a line that begins with # says: a key with its value, or nothing; None where it is a token."""
    if "\t" in text:
        return None
    match = (_COMMENT if tab else _SPACED_COMMENT).fullmatch(text)
    if match:
        return {match[1].strip(): match[2].strip()}
    return {} if tab or text.split()[1:2] in (["newdoc"], ["newpar"]) else None


def _is_other(line: str, tab: bool) -> bool:
    """Whether the line holds no token."""
    return line.startswith(_NEW_DOCUMENT) or (line.startswith("#") and _comment(line, tab) is not None)


def _split(line: str, tab: bool) -> list[str]:
    return line.split("\t") if tab else re.split(r"[ \t]+", line.strip(" \t"))


def _columns(lines: list[str]) -> Columns | None:
    plain = [(i, line) for i, line in enumerate(lines, 1) if line.strip() and not line.startswith(("#", _NEW_DOCUMENT))]
    if not plain:
        plain = [(i, line) for i, line in enumerate(lines, 1) if "\t" in line]
    if not plain:
        return None
    first, line = plain[0]
    tab = "\t" in line
    count = len(_split(line, tab))
    records = [found for _, line in plain if len(found := _split(line, tab)) == count]
    index = count > 2 and all(_INDEX.fullmatch(record[0]) for record in records) and records[0][0] in ("0", "1", "1-2")
    tag = count - 1
    tagged = [all(looks_like_tag(record[i]) for record in records) for i in range(count)]
    if not any(looks_like_tag(record[tag]) and record[tag] != "_" for record in records):
        tag = next((i for i in reversed(range(1 + index, count - 1)) if tagged[i]), tag)
    return Columns(tab=tab, count=count, line=first, token=int(index), tag=tag, index=index)


def _ragged(found: list[str], line: int, columns: Columns, name: str) -> DataError:
    one = len(found) == 1
    came = f"{'one column' if one else f'{len(found)} columns'} ({' '.join(found)[:40]!r})"
    how = "a tab" if columns.tab else "a space"
    do = f"write the token, {how} and its tag" if one else f"check for {how} too many or too few in that line"
    wanted = f"{columns.count} columns" if columns.tagged else "one column"
    return DataError(f"{wanted}, as in line {columns.line}", came, do, file=name, row=line)


def _refuse_empty(found: list[str], line: int, columns: Columns, name: str) -> None:
    for what, at in (("token", columns.token), ("tag", columns.tag)):
        if not found[at].strip():
            do = "fill it, or take that line out" if what == "token" else "write O where there is no entity"
            raise DataError(f"a {what}", f"an empty column {at + 1}", do, file=name, row=line)
