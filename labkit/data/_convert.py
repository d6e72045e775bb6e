"""From rows as they are to the canonical columns: one pass that looks at everything, one that writes Arrow files.

Two passes, because column types, repeated ids and the class names are only known at the end of the first; neither holds
more than a batch of rows, and 8 bytes a row to tell repeated ids.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.data._columns import Choice
from labkit.data._corpus import CANONICAL
from labkit.data._files.formats import Batch, Row, Source, canonical
from labkit.data._files.sources import SPLITS
from labkit.data._layouts.layout import Layout, Shape
from labkit.data._layouts.multi import as_text
from labkit.errors import DataError, quoted, suggest

_SPLIT_COLUMN = "split"
_BATCH_ROWS, _BATCH_CHARACTERS = 10_000, 1 << 26  # Arrow's string offsets end at 2 GiB
_EXACT = 1 << 53  # beyond, a float no longer holds every integer


@dataclass(kw_only=True)
class Survey:
    """What a pass over all rows of a source found."""

    source: Source
    choice: Choice
    layout: Layout
    shape: Shape
    rows: int = 0
    kinds: dict[str, set[str]] = field(default_factory=dict)  # column → kinds of values
    splits: Counter[str] = field(default_factory=Counter)
    keys: array[int] = field(default_factory=lambda: array("Q"))  # 64 bits of each row's id
    hashed: bool = True  # ids are hashes of the content
    notes: list[str] = field(default_factory=list)

    def batches(self, notes: list[str] | None = None) -> Iterator[Batch]:
        """The rows of the source."""
        return self.layout.batches(self.source, [] if notes is None else notes)


def survey(source: Source, choice: Choice, layout: Layout) -> Survey:
    """Look at every row.

    Raises:
        DataError: a chosen column is missing, a cell cannot be used, or a given id column repeats itself.
    """
    found = Survey(
        source=source, choice=choice, layout=layout, shape=layout.shape(source, choice), hashed=not choice.id
    )
    ids_missing = 0
    for batch in found.batches(found.notes):
        if not found.rows and source.kind not in ("json", "conll"):  # a row of these need not have every key
            _note_kinds(found.kinds, batch[0][1])
            _refuse_missing(found)
        found.rows += len(batch)
        for line, row in batch:
            _note_kinds(found.kinds, row)
            found.shape.see(row, line)
            if choice.id:
                name = _id(row.get(choice.id))
                if name is None and choice.id_given:
                    do = "fill it, or leave out id= for ids made of the content"
                    raise DataError("an id in every row", "none", do, file=source.name, row=line, column=choice.id)
                ids_missing += name is None
                found.keys.append(_key(name or ""))
            else:
                found.keys.append(_key(canonical(row)))
            found.splits[SPLITS.get(str(row.get(_SPLIT_COLUMN)).casefold(), "")] += 1
    _refuse_missing(found)
    if choice.id:
        _settle_ids(found, ids_missing)
    found.notes += found.shape.notes(source.name, found.rows)
    return found


def _refuse_missing(found: Survey) -> None:
    choice = found.choice
    for column in (choice.text, choice.text_pair, *choice.label, choice.id if choice.id_given else ""):
        if column and column not in found.kinds:
            near = suggest(column, found.kinds)
            do = f"did you mean {near!r}?" if near else "give it the columns that the training data has"
            came = f"the columns {quoted(found.kinds)}"
            raise DataError("the same columns in all files", came, do, file=found.source.name, column=column)


def _settle_ids(found: Survey, missing: int) -> None:
    """Fall back to hashes where a detected id column turns out not to be one."""
    source, choice = found.source, found.choice
    repeated = _repeated(found.keys)
    twice = _first_repeat(found, repeated) if repeated and not missing else None
    if not missing and twice is None:
        return
    if choice.id_given and twice is not None:
        name, first, second = twice
        came = f"{name!r} in line {first} and again in line {second}"
        do = "choose another id column, or leave out id= for ids made of the content"
        raise DataError("a different id in every row", came, do, file=source.name, row=second, column=choice.id)
    why = f"it is empty in {missing:,} rows"
    if twice is not None:
        why = f"line {twice[1]} and line {twice[2]} share {twice[0]!r}"
    found.notes.append(f"{source.name}: {choice.id!r} is no id after all ({why}); row ids are hashes of the content.")
    found.hashed = True
    found.keys = array("Q")
    for batch in found.batches():
        found.keys.extend(_key(canonical(row)) for _, row in batch)


def write(
    found: Survey,
    targets: Mapping[str, Path],
    schema_kinds: Mapping[str, set[str]],
    *,
    prefix: str,
    taken: npt.NDArray[np.uint64],
) -> dict[str, int]:
    """Write the rows of a source as Arrow files.

    Args:
        found: the survey of the source.
        targets: split → file. With more than one, the column "split" says which row goes where.
        schema_kinds: column → kinds of values in all sources, so that splits agree on types.
        prefix: what goes before an id that an earlier split has.
        taken: the sorted 64-bit keys of earlier splits' ids.

    Returns:
        Number of rows in each split.
    """
    import pyarrow as pa

    extras = _extras(found, schema_kinds)
    fields = [("row_id", pa.string()), *found.shape.fields(), *((name, kind) for name, kind, _ in extras)]
    schema = pa.schema(fields)
    counts = dict.fromkeys(targets, 0)
    writers: dict[str, Any] = {}
    sinks = []
    try:
        for split, target in targets.items():
            sinks.append(target.open("wb"))
            writers[split] = pa.ipc.new_stream(sinks[-1], schema)
        for split, records in _records(found, list(targets), extras, prefix, taken):
            columns = list(zip(*records, strict=True))
            arrays = [pa.array(column, kind) for column, (_, kind) in zip(columns, fields, strict=True)]
            writers[split].write_batch(pa.record_batch(arrays, schema=schema))
            counts[split] += len(records)
        for writer in writers.values():
            writer.close()
    finally:
        for sink in sinks:
            sink.close()
    return counts


def _records(
    found: Survey,
    splits: Sequence[str],
    extras: Sequence[tuple[str, Any, str]],
    prefix: str,
    taken: npt.NDArray[np.uint64],
) -> Iterator[tuple[str, list[list[Any]]]]:
    choice = found.choice
    repeated = _repeated(found.keys) if found.hashed else set()
    seen: Counter[int] = Counter()
    clashing = set(keys(found)[_inside(found.keys, taken)].tolist())
    waiting: dict[str, list[list[Any]]] = {split: [] for split in splits}
    sizes = dict.fromkeys(splits, 0)
    position = 0
    for batch in found.batches():
        for line, row in batch:
            key = found.keys[position]
            position += 1
            name = f"{key:016x}" if found.hashed else str(_id(row.get(choice.id)))
            if key in repeated:
                seen[key] += 1
                name += f"-{seen[key]}" if seen[key] > 1 else ""
            if key in clashing:
                name = prefix + name
                while not found.hashed and _inside([_key(name)], taken)[0]:
                    name = prefix + name
            record: list[Any] = [name, *found.shape.cells(row, line)]
            record += [_extra(row.get(column), kind) for _, kind, column in extras]
            split = splits[0] if len(splits) == 1 else SPLITS[str(row[_SPLIT_COLUMN]).casefold()]
            waiting[split].append(record)
            sizes[split] += sum(len(value) for value in record if isinstance(value, str))
            if len(waiting[split]) >= _BATCH_ROWS or sizes[split] >= _BATCH_CHARACTERS:
                yield split, waiting[split]
                waiting[split], sizes[split] = [], 0
    yield from ((split, records) for split, records in waiting.items() if records)


def keys(found: Survey) -> npt.NDArray[np.uint64]:
    """64 bits of each row's id, in the order of the rows."""
    return np.asarray(found.keys, dtype=np.uint64)


def clashes(found: Survey, taken: npt.NDArray[np.uint64]) -> int:
    """Number of rows whose id is already taken."""
    return int(_inside(found.keys, taken).sum())


def _inside(wanted: Sequence[int], taken: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    values = np.asarray(wanted, dtype=np.uint64)
    if not len(taken):
        return np.zeros(len(values), dtype=bool)
    at = np.minimum(np.searchsorted(taken, values), len(taken) - 1)
    return np.asarray(taken[at] == values)


def _repeated(values: Sequence[int]) -> set[int]:
    unique, counts = np.unique(np.asarray(values, dtype=np.uint64), return_counts=True)
    return set(unique[counts > 1].tolist())


def _first_repeat(found: Survey, repeated: set[int]) -> tuple[str, int, int] | None:
    """The first id that really occurs twice, with both lines; equal keys of different ids do not count."""
    lines: dict[str, int] = {}
    for batch in found.batches():
        for line, row in batch:
            name = _id(row.get(found.choice.id))
            if name is not None and _key(name) in repeated:
                if name in lines:
                    return name, lines[name], line
                lines[name] = line
    return None


def _key(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")


def _id(value: Any) -> str | None:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else as_text(value)


def _note_kinds(kinds: dict[str, set[str]], row: Row) -> None:
    for column, value in row.items():
        found = kinds.get(column)
        if found is None:
            found = kinds[column] = set()
        if type(value) is str:
            found.add("string")
        elif value is not None:
            found.add(_kind(value))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if abs(value) <= _EXACT else "long" if -(1 << 63) <= value < 1 << 63 else "huge"
    if isinstance(value, float):
        return "float"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "strings"
    return "nested"


def _extras(found: Survey, kinds: Mapping[str, set[str]]) -> list[tuple[str, Any, str]]:
    """(name in the corpus, Arrow type, column) of every column that is not used otherwise."""
    choice = found.choice
    used = {choice.text, choice.text_pair, *choice.label, "" if found.hashed else choice.id}
    own = {*CANONICAL, *found.layout.own}
    names = own | set(found.kinds)
    extras = []
    for column in found.kinds:
        if column in used:
            continue
        name = column
        if column in own:
            while name in names:
                name += "_"
            names.add(name)
        extras.append((name, _arrow_type(kinds[column]), column))
    return extras


def _arrow_type(kinds: set[str]) -> Any:
    import pyarrow as pa

    if kinds == {"bool"}:
        return pa.bool_()
    if kinds and kinds <= {"int", "long"}:
        return pa.int64()
    if kinds and kinds <= {"int", "float"}:
        return pa.float64()
    return pa.list_(pa.string()) if kinds == {"strings"} else pa.string()


def _extra(value: Any, kind: Any) -> Any:
    # the types came from the values, so only a string column can meet anything else
    if value is None or isinstance(value, str) or str(kind) != "string":
        return value
    return json.dumps(value, ensure_ascii=False)
