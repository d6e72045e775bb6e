"""JSON lines, and JSON arrays of objects, read a piece at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from labkit.data._files.encoding import open_text, rewind
from labkit.errors import DataError

_BATCH_ROWS, _BATCH_CHARACTERS = 10_000, 1 << 24
_CHUNK = 1 << 16
_LONGEST = 1 << 28  # characters in one element; beyond, a bracket is missing
_BLANK = re.compile(r"[ \t\r\n]*")
_LONE = re.compile("[\ud800-\udfff]")


def rows(
    path: Path, name: str, *, encoding: str, nested: bool = False, notes: list[str]
) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    """Batches of (line where the object starts, key → value).

    Takes one object a line, an array of objects, or objects one after another. A single object that holds tables is
    refused, unless rows may be ``nested``.

    Raises:
        DataError: broken JSON, or something that is not an object where a row should be.
    """
    repaired = 0
    total = 0
    first: Any = None
    with open_text(path, encoding) as stream:
        batch: list[tuple[int, dict[str, Any]]] = []
        size = 0
        for line, length, escaped, value in _values(stream, name):
            if not isinstance(value, dict):
                do = "write every row as {…}"
                raise DataError("an object with a key for each column", _show(value), do, file=name, row=line)
            if escaped:
                value, lone = _mended(value)
                repaired += lone
            batch.append((line, value))
            total += 1
            first = value if total == 1 else None
            size += length
            if len(batch) >= _BATCH_ROWS or size >= _BATCH_CHARACTERS:
                yield batch
                batch, size = [], 0
        if total == 1 and not nested and (wrapped := _wrapped(first)):
            came = f"one object with the rows or columns inside, under {', '.join(map(repr, wrapped[:8]))}"
            do = "save a list with an object for each row"
            raise DataError("an array of objects, or one object a line", came, do, file=name, row=1)
        if batch:
            yield batch
    if not total:
        raise DataError("rows", "an empty list", "check that they were saved", file=name)
    if repaired:
        notes.append(f"{repaired:,} halves of surrogate pairs, which are no characters, became \ufffd.")


def _values(stream: TextIO, name: str) -> Iterator[tuple[int, int, bool, Any]]:
    """(line, length in characters, whether it may hold half a surrogate pair, value) of each element."""
    start = stream.read(1)
    while start.isspace():
        start = stream.read(1)
    rewind(stream)
    if start == "[":
        yield from _pieces(stream, name, array=True)
        return
    some = False
    for count, line in enumerate(stream, 1):
        text = line.strip()
        if not text:
            continue
        try:
            value = _DECODER.decode(text)
        except json.JSONDecodeError as error:
            if not some and error.pos >= len(text) - 1:
                break  # an object that goes on in the next line
            raise _broken(error, name, count) from error
        except (ValueError, RecursionError) as error:
            raise _unreadable(error, name, count) from error
        some = True
        yield count, len(text), "\\u" in text, value
    else:
        return
    rewind(stream)
    yield from _pieces(stream, name, array=False)


def _pieces(stream: TextIO, name: str, *, array: bool) -> Iterator[tuple[int, int, bool, Any]]:
    """Elements of an array, or values one after another, decoded from a growing buffer."""
    buffer, at, line, chunk, ended = "", 0, 1, _CHUNK, False
    opened, comma, closed = not array, False, False
    while True:
        step = _BLANK.match(buffer, at)
        after = step.end() if step else at
        line += buffer.count("\n", at, after)
        at = after
        if at >= len(buffer):
            buffer, at = stream.read(chunk), 0
            if buffer:
                continue
            if array and not closed:
                raise DataError("a whole JSON array", "one that ends without ]", "save it again", file=name, row=line)
            return
        mark = buffer[at]
        if closed:
            do = "save one array, or JSON lines"
            raise DataError("nothing behind the array", repr(mark), do, file=name, row=line)
        if array and not opened:
            opened, at = True, at + 1
            continue
        if array and mark == "]":
            closed, at = True, at + 1
            continue
        if array and comma:
            if mark != ",":
                raise DataError("a comma between two rows", f"{mark!r}", "mend the JSON there", file=name, row=line)
            comma, at = False, at + 1
            continue
        try:
            value, end = _DECODER.raw_decode(buffer, at)
        except json.JSONDecodeError as error:
            unfinished = error.msg.startswith("Unterminated") or error.pos >= len(buffer) - 16
            if not unfinished or ended or len(buffer) - at > _LONGEST:
                raise _broken(error, name, line + buffer.count("\n", at, error.pos)) from error
            more = stream.read(chunk)
            # each failed try doubles the next piece, so that a long element is not decoded over and over
            chunk, ended = chunk * 2, not more
            buffer, at = buffer[at:] + more, 0
            continue
        except (ValueError, RecursionError) as error:
            raise _unreadable(error, name, line) from error
        yield line, end - at, "\\u" in buffer[at:end], value
        line += buffer.count("\n", at, end)
        at, comma, chunk = end, True, _CHUNK
        if at > _CHUNK:
            buffer, at = buffer[at:], 0


def _broken(error: json.JSONDecodeError, name: str, line: int) -> DataError:
    came = f"{error.msg[0].lower()}{error.msg[1:]} at character {error.colno}"
    return DataError("valid JSON", came, "mend or remove that line", file=name, row=line)


def _unreadable(error: Exception, name: str, line: int) -> DataError:
    if isinstance(error, _Repeated):
        came = f"{error.key!r} twice"
        return DataError("keys that differ", came, "rename one", file=name, row=line, column=error.key)
    came = "values nested too deeply" if isinstance(error, RecursionError) else str(error).split(";")[0]
    return DataError("JSON that can be read", came, "simplify that row", file=name, row=line)


class _Repeated(ValueError):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [key for key, _ in pairs]
        raise _Repeated(next(key for key in names if names.count(key) > 1))
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _mended(value: Any) -> tuple[Any, int]:
    """The value with every half of a surrogate pair replaced, because no file can hold one; and how many there were."""
    if isinstance(value, str):
        return _LONE.subn("\ufffd", value)
    if isinstance(value, list):
        found = [_mended(item) for item in value]
        return [item for item, _ in found], sum(count for _, count in found)
    if isinstance(value, dict):
        kept, total = {}, 0
        for key, item in value.items():
            (name, first), (new, second) = _mended(key), _mended(item)
            kept[name] = new
            total += first + second
        return kept, total
    return value, 0


def _wrapped(value: dict[str, Any]) -> list[str]:
    """The keys under which a whole table hides in one object."""
    tables = [key for key, item in value.items() if isinstance(item, list) and item and isinstance(item[0], dict)]
    columns = list(value) if all(isinstance(item, list | dict) for item in value.values()) else []
    return tables or columns


def _show(value: Any) -> str:
    kind = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}.get(type(value), "a number")
    text = json.dumps(value, ensure_ascii=False)
    return f"{kind}: {text if len(text) <= 40 else text[:39] + '…'}"
