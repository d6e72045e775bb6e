"""Files of running text as rows: one document, or one paragraph, a row.

What parts documents is found out once for all files: a line of hyphens, else blank lines, else every line is a text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from labkit.data._files.encoding import is_gzip, open_text, refusing, scan
from labkit.data._files.formats import Batch, Source
from labkit.errors import DataError, quoted

MARK, BLANK, LINE = "---", "blank line", "line"
_MARK = re.compile(r"\s*(-{3,}|<\|endoftext\|>)\s*")
_SUFFIXES = (".txt", ".text")
_BATCH_ROWS, _BATCH_CHARACTERS = 1000, 1 << 24
_PARTED = {
    MARK: "a line --- parts two texts",
    BLANK: "blank lines part the texts, as there is no line ---",
    LINE: "every line is a text, as there is neither a line --- nor a blank one",
}


def is_text_file(path: Path) -> bool:
    """Whether the name is that of a file of running text, gzipped or not."""
    name = path.name.casefold().removesuffix(".gz")
    return name.endswith(_SUFFIXES)


def open_texts(path: Path, name: str, encoding: str) -> Source:
    """A file of running text, or a folder of them, as a source.

    Args:
        path: the file or the folder, of which the files ending in .txt are taken.
        name: how messages name it.
        encoding: text encoding to insist on; empty: detected, for each file.

    Raises:
        DataError: there is no such file, or one is empty, binary or damaged.
    """
    files = _files(path, name)
    found = {file: scan(file, _called(file, path, name), encoding) for file in files}
    encodings = sorted({one.encoding for one in found.values()})
    parting = _parting([(file, one.encoding) for file, one in found.items()])
    content = "\n".join(f"{file.name}:{one.fingerprint}" for file, one in found.items())
    mark = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
    reasons = (
        [one.reason for one in found.values()][:1] if len(encodings) == 1 else [f"Encodings: {quoted(encodings)}."]
    )
    if path.is_dir():
        reasons.insert(0, f"Running text in {len(files):,} file{'s' if len(files) > 1 else ''}.")
    if any(map(is_gzip, files)):
        reasons.append("Unpacked from gzip.")
    return Source(
        name=name,
        kind="text",
        fingerprint=mark,
        path=path,
        encoding=encodings[0] if len(encodings) == 1 else "",
        delimiter=parting,
        reasons=(*reasons, f"Running text: {_PARTED[parting]}."),
    )


def documents(source: Source) -> Iterator[Batch]:
    """The rows of a source of running text: ``text``, and ``document``, the name of its file."""
    assert source.path is not None
    batch: Batch = []
    size = 0
    for file in _files(source.path, source.name):
        encoding = source.encoding or scan(file, _called(file, source.path, source.name), "").encoding
        for line, text in _texts(file, encoding, source.delimiter):
            batch.append((line, {"text": text, "document": file.name}))
            size += len(text)
            if len(batch) >= _BATCH_ROWS or size > _BATCH_CHARACTERS:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def _files(path: Path, name: str) -> list[Path]:
    if not path.is_dir():
        return [path]
    with refusing(name):
        found = sorted(file for file in path.iterdir() if file.is_file() and is_text_file(file))
    if not found:
        raise DataError("files of running text, ending in .txt", "none in this folder", file=name)
    return found


def _called(file: Path, path: Path, name: str) -> str:
    return name if file == path else str(Path(name) / file.name)


def _parting(files: list[tuple[Path, str]]) -> str:
    blank = words = False
    for file, encoding in files:
        for line in _lines(file, encoding):
            if _MARK.fullmatch(line):
                return MARK
            # a blank line at the very beginning or end parts nothing
            blank = blank or (words and not line.strip())
            words = words or bool(line.strip())
    return BLANK if blank else LINE


def _lines(file: Path, encoding: str) -> Iterator[str]:
    with open_text(file, encoding) as stream:
        for line in stream:
            # a file with lone carriage returns comes as one line
            yield from re.split(r"\r\n|\r|\n", line.rstrip("\r\n"))


def _texts(file: Path, encoding: str, parting: str) -> Iterator[tuple[int, str]]:
    waiting: list[str] = []
    first = 1
    for number, line in enumerate(_lines(file, encoding), 1):
        parts = _MARK.fullmatch(line) is not None if parting == MARK else parting == LINE or not line.strip()
        if parting == LINE:
            waiting, first = [line], number
        if parts:
            if text := "\n".join(waiting).strip():
                yield first, text
            waiting = []
        elif waiting or line.strip():
            first = first if waiting else number
            waiting.append(line)
    if text := "\n".join(waiting).strip():
        yield first, text
