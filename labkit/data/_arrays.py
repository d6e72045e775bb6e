"""Arrow arrays as numpy sees them: marks, numbers and sortable keys of the cells, chunk by chunk, without Python objects."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Marks = npt.NDArray[np.bool_]
"""One for each row: whether it is meant."""

_SAMPLE = 10_000  # rows by which it is judged what a column holds


def some_of(chunks: Sequence[Any]) -> Any:
    """Some rows from everywhere, since files are sorted by this or that."""
    some = [chunks[i] for i in np.unique(np.linspace(0, len(chunks) - 1, 20).astype(int))]
    return pa.chunked_array([chunk[: _SAMPLE // len(some)] for chunk in some])


def identity(table: Any) -> Hashable:
    """Equal for tables that are the same rows in the same memory."""

    def parts() -> Iterator[Hashable]:
        for name in table.column_names:
            for chunk in table.column(name).chunks:
                # an empty buffer is no None, though it counts as false
                at = (None if buffer is None else buffer.address for buffer in chunk.buffers())
                yield name, len(chunk), chunk.offset, *at

    return tuple(parts()) or id(table)


def chunks_of(tables: Sequence[Any], name: str) -> list[Any]:
    """A column over several tables; nulls for those that lack it, strings where their types differ."""
    kinds = {table.schema.field(name).type for table in tables if name in table.column_names} - {pa.null()}
    kind = kinds.pop() if len(kinds) == 1 else pa.string()
    found: list[Any] = []
    for table in tables:
        lengths = [len(chunk) for chunk in table.column("row_id").chunks]
        if name not in table.column_names:
            found += [pa.nulls(length, kind) for length in lengths]
            continue
        parts = table.column(name).chunks
        if [len(part) for part in parts] != lengths:  # columns added later may be cut in other places
            ends = np.cumsum(lengths)
            parts = [_one(table.column(name)[end - length : end]) for end, length in zip(ends, lengths, strict=True)]
        found += [part if part.type == kind else part.cast(kind) for part in parts]
    return [_plain(chunk) for chunk in found if len(chunk)]


def _one(column: Any) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], column.type)])


def _plain(chunk: Any) -> Any:
    """The chunk without coding, its strings in the layouts that are read here."""
    kind = chunk.type
    if pa.types.is_dictionary(kind):
        chunk = chunk.dictionary_decode()
    elif str(kind) == "string_view":
        chunk = chunk.cast(pa.string())
    return chunk


def is_text(kind: Any) -> bool:
    """Whether values are strings."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_list(kind: Any) -> bool:
    """Whether values are lists."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def is_sortable(kind: Any) -> bool:
    """Whether values can be compared, by number or as strings."""
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def as_text(chunk: Any) -> Any:
    """The values as strings; times in ISO 8601, which sorts as they do; of spans their labels, of answers and messages their
    texts, and of other records their JSON."""
    if pa.types.is_struct(chunk.type):
        names = [chunk.type.field(i).name for i in range(chunk.type.num_fields)]
        said = next((name for name in ("label", "content", "text") if name in names), "")
        if not said:
            cells = (
                None if cell is None else json.dumps(cell, ensure_ascii=False, default=str)
                for cell in chunk.to_pylist()
            )
            return pa.array(list(cells), pa.string())
        chunk = pc.struct_field(chunk, said)
    return chunk if is_text(chunk.type) else chunk.cast(pa.string())


def bits(marks: Any) -> Marks:
    """An Arrow array of truth values as one of numpy; null is false. Arrow's own way goes through Python objects."""
    if marks.null_count:
        marks = marks.fill_null(False)
    if not len(marks):
        return np.zeros(0, dtype=np.bool_)
    buffer = np.frombuffer(marks.buffers()[1], dtype=np.uint8)[marks.offset // 8 :]
    start = marks.offset % 8
    found: Marks = np.unpackbits(buffer, count=start + len(marks), bitorder="little")[start:].view(np.bool_)
    return found


def array(numbers: Any, missing: float) -> npt.NDArray[Any]:
    if numbers.null_count:
        numbers = numbers.fill_null(missing)
    found: npt.NDArray[Any] = numbers.to_numpy(zero_copy_only=False)
    return found


def as_numbers(chunk: Any, kind: Any) -> Any:
    """Strings as numbers, blank ones as null."""
    if is_text(chunk.type):
        chunk = pc.utf8_trim_whitespace(chunk)
        chunk = pc.if_else(pc.equal(chunk, ""), None, chunk)
    return chunk.cast(kind, safe=False)


def can_be(sample: Any, kind: Any) -> bool:
    """Whether all of some strings are numbers, and there is one."""
    try:
        return bool(as_numbers(sample, kind).null_count < len(sample))
    except pa.ArrowInvalid:
        return False


def joined_codes(chunk: Any, indices: Any) -> Any:
    """Each list of labels as the codes of the labels, with commas."""
    lengths = pc.fill_null(pc.list_value_length(chunk), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    numbers = pc.fill_null(indices.cast(pa.string()), "")
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), numbers), ",")


def word(chunk: Any, depth: int) -> npt.NDArray[np.uint64]:
    """Bytes ``8 · depth`` to ``8 · depth + 8`` of each string as a number that sorts as they do; 0 where there are none."""
    wide = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    if not len(chunk) or chunk.buffers()[2] is None:
        return np.zeros(len(chunk), dtype=np.uint64)
    offsets = np.frombuffer(chunk.buffers()[1], dtype=wide)[chunk.offset : chunk.offset + len(chunk) + 1]
    content = np.frombuffer(chunk.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    padded = np.concatenate([content, np.zeros(8, dtype=np.uint8)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 8)
    starts = offsets[:-1].astype(np.int64) - offsets[0] + 8 * depth
    there = np.clip(offsets[1:] - offsets[0] - starts, 0, 8)
    words = windows[np.minimum(starts, len(content))].view(">u8").ravel().astype(np.uint64)
    kept: npt.NDArray[np.uint64] = words & _KEEP[there]
    return kept


_KEEP = np.array([((1 << 64) - 1) ^ ((1 << (64 - 8 * count)) - 1) for count in range(9)], dtype=np.uint64)
