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
from labkit.data._formats import Row, Source, batches, canonical
from labkit.data._multi import Unusable, as_text, several, yes
from labkit.data._sources import SPLITS
from labkit.errors import DataError, quoted, suggest

_SPLIT_COLUMN = "split"
_BATCH_ROWS, _BATCH_CHARACTERS = 10_000, 1 << 26  # Arrow's string offsets end at 2 GiB
_EXACT = 1 << 53  # beyond, a float no longer holds every integer


@dataclass(kw_only=True)
class Survey:
    """What a pass over all rows of a source found."""

    source: Source
    choice: Choice
    rows: int = 0
    kinds: dict[str, set[str]] = field(default_factory=dict)  # column → kinds of values
    labels: set[str] = field(default_factory=set)
    several: bool = False  # some row has a list of labels
    missing: Counter[str] = field(default_factory=Counter)
    converted: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    keys: array[int] = field(default_factory=lambda: array("Q"))  # 64 bits of each row's id
    hashed: bool = True  # ids are hashes of the content
    notes: list[str] = field(default_factory=list)


def survey(source: Source, choice: Choice) -> Survey:
    """Look at every row.

    Raises:
        DataError: a chosen column is missing, a cell cannot be used, or a given id column repeats itself.
    """
    found = Survey(source=source, choice=choice, several=choice.multi_label, hashed=not choice.id)
    ids_missing = 0
    for batch in batches(source, found.notes):
        if not found.rows and source.kind != "json":  # a JSON row need not have every key
            _note_kinds(found.kinds, batch[0][1])
            _refuse_missing(found)
        found.rows += len(batch)
        for line, row in batch:
            _note_kinds(found.kinds, row)
            for column in filter(None, (choice.text, choice.text_pair)):
                _text(row.get(column), source, line, column, found)
            label = _label(row, line, source, choice, many=found.several)
            if isinstance(label, list):
                found.several = True
                found.labels.update(label)
            elif label is not None:
                found.labels.add(label)
            else:
                found.missing["label"] += 1
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
    _say(found)
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
    twice = _first_repeat(source, choice.id, repeated) if repeated and not missing else None
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
    for batch in batches(source, []):
        found.keys.extend(_key(canonical(row)) for _, row in batch)


def _say(found: Survey) -> None:
    name, choice = found.source.name, found.choice
    for column in filter(None, (choice.text, choice.text_pair)):
        if empty := found.missing[column]:
            found.notes.append(f"{name}: {empty:,} missing values in {column!r} are read as empty texts.")
        if made := found.converted[column]:
            found.notes.append(f"{name}: {made:,} values of {column!r} were no strings, and are read as text.")
    if choice.label and found.missing["label"]:
        found.notes.append(f"{name}: {found.missing['label']:,} of {found.rows:,} rows have no label.")
    if found.several and not choice.multi_label:
        found.notes.append(f"{name}: several labels a row, because some cells are lists.")


def write(
    found: Survey,
    targets: Mapping[str, Path],
    schema_kinds: Mapping[str, set[str]],
    *,
    several_labels: bool,
    prefix: str,
    taken: npt.NDArray[np.uint64],
) -> dict[str, int]:
    """Write the rows of a source as Arrow files.

    Args:
        found: the survey of the source.
        targets: split → file. With more than one, the column "split" says which row goes where.
        schema_kinds: column → kinds of values in all sources, so that splits agree on types.
        several_labels: whether labels are lists.
        prefix: what goes before an id that an earlier split has.
        taken: the sorted 64-bit keys of earlier splits' ids.

    Returns:
        Number of rows in each split.
    """
    import pyarrow as pa

    choice = found.choice
    extras = _extras(found, schema_kinds)
    fields = [("row_id", pa.string()), ("text", pa.string())]
    fields += [("text_pair", pa.string())] if choice.text_pair else []
    fields += [("label", pa.list_(pa.string()) if several_labels else pa.string())] if choice.label else []
    fields += [(name, kind) for name, kind, _ in extras]
    schema = pa.schema(fields)
    counts = dict.fromkeys(targets, 0)
    writers: dict[str, Any] = {}
    sinks = []
    try:
        for split, target in targets.items():
            sinks.append(target.open("wb"))
            writers[split] = pa.ipc.new_stream(sinks[-1], schema)
        for split, records in _records(found, list(targets), extras, several_labels, prefix, taken):
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
    several_labels: bool,
    prefix: str,
    taken: npt.NDArray[np.uint64],
) -> Iterator[tuple[str, list[list[Any]]]]:
    choice, source = found.choice, found.source
    repeated = _repeated(found.keys) if found.hashed else set()
    seen: Counter[int] = Counter()
    clashing = set(keys(found)[_inside(found.keys, taken)].tolist())
    waiting: dict[str, list[list[Any]]] = {split: [] for split in splits}
    sizes = dict.fromkeys(splits, 0)
    texts = [column for column in (choice.text, choice.text_pair) if column]
    position = 0
    for batch in batches(source, []):
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
            record: list[Any] = [name, *(_text(row.get(column), source, line, column) for column in texts)]
            if choice.label:
                label = _label(row, line, source, choice, many=several_labels)
                record.append([label] if several_labels and isinstance(label, str) else label)
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


def _first_repeat(source: Source, column: str, repeated: set[int]) -> tuple[str, int, int] | None:
    """The first id that really occurs twice, with both lines; equal keys of different ids do not count."""
    lines: dict[str, int] = {}
    for batch in batches(source, []):
        for line, row in batch:
            name = _id(row.get(column))
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


def _text(value: Any, source: Source, line: int, column: str, found: Survey | None = None) -> str:
    if isinstance(value, str):
        return value
    if found is not None:
        (found.missing if value is None else found.converted)[column] += 1
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
    names = {*CANONICAL, *found.kinds}
    extras = []
    for column in found.kinds:
        if column in used:
            continue
        name = column
        if column in CANONICAL:
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
