"""Tables on disk as batches of rows, whatever their format; nothing here knows about texts or labels.

A row is a dict with plain values (str, int, float, bool, None, list, dict) and comes with its 1-based line, or record
number where the format has no lines.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from labkit.data._files import conll, delimited, json_files
from labkit.data._files.cache import writing
from labkit.data._files.encoding import fingerprint, is_gzip, open_bytes, open_text, refusing, scan
from labkit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

Row = dict[str, Any]
Batch = list[tuple[int, Row]]
Kind = Literal["delimited", "json", "parquet", "arrow", "dataset", "conll", "text"]

_SUFFIXES: dict[str, Kind] = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".tab": "delimited",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".conll": "conll",
    ".conll03": "conll",
    ".conllu": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".bio": "conll",
    ".bioes": "conll",
}
READABLE = "CSV, TSV, JSON, JSON lines, Parquet, Arrow and CoNLL files, each also gzipped"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A table that can be read again and again, and how to read it."""

    name: str  # how messages name it
    kind: Kind
    fingerprint: str
    path: Path | None = None
    rows: Dataset | None = None
    encoding: str = ""
    delimiter: str = ""
    quoted: bool = True
    nested: bool = False  # the columns of a JSON object may be tables: alone in its file it is still a row
    reasons: tuple[str, ...] = ()


def kind_of(path: Path) -> Kind | None:
    """The format that the suffix names, or None."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return _SUFFIXES.get(suffixes[-1]) if suffixes else None


def open_file(path: Path, name: str, *, encoding: str, delimiter: str, scratch: Callable[[], Path]) -> Source:
    """Find out how to read a file.

    Args:
        path: the file, which must exist.
        name: how messages name it.
        encoding: text encoding to insist on; empty: detected.
        delimiter: field delimiter to insist on; empty: detected.
        scratch: gives the folder where a gzipped Parquet or Arrow file is unpacked, because these need random access.

    Raises:
        DataError: the file is empty, binary, damaged, or of no known format.
    """
    with refusing(name):
        with open_bytes(path) as stream:
            head = stream.read(4096)
        zipped = is_gzip(path)
    kind = kind_of(path)
    if head.startswith(b"PAR1"):
        kind = "parquet"
    elif head.startswith(b"ARROW1"):
        kind = "arrow"
    reasons: tuple[str, ...] = ("Unpacked from gzip.",) if zipped else ()
    if kind in ("parquet", "arrow"):
        if not head:
            raise DataError("a file with data", "an empty file (0 bytes)", "check that it was saved", file=name)
        mark = fingerprint(path, name)
        if zipped:
            path = _unpacked(path, scratch() / f"{mark}.{kind}", name)
        return Source(name=name, kind=kind, fingerprint=mark, path=path, reasons=reasons)
    scanned = scan(path, name, encoding)
    reasons += (scanned.reason,)
    with open_text(path, scanned.encoding) as stream_:
        start = stream_.read(delimited.SAMPLE)
    common = {"name": name, "fingerprint": scanned.fingerprint, "path": path, "encoding": scanned.encoding}
    if kind == "json" or (kind is None and start.lstrip()[:1] in ("{", "[")):
        return Source(kind="json", reasons=reasons, **common)  # type: ignore[arg-type]
    tab = ".tsv" in path.name.lower() or ".tab" in path.name.lower()
    if kind == "conll" or ((kind is None or tab) and conll.looks_like_conll(start[: conll.SAMPLE])):
        reasons += (conll.sniff(path, name, scanned.encoding).reason,)
        return Source(kind="conll", reasons=reasons, **common)  # type: ignore[arg-type]
    found, why = delimited.choose_delimiter(start, name, delimiter, prefer_tab=tab)
    if kind is None and not found:
        do = "save it as CSV with a header line, or as JSON lines"
        raise DataError(f"one of the formats {READABLE}", "a text file without columns", do, file=name)
    quoted = True
    if found == "\t" and delimited.quotes_are_text(path, scanned.encoding):
        quoted, why = False, f'{why} A " is an ordinary character: no quoting works for every line, and none is needed.'
    return Source(kind="delimited", delimiter=found, quoted=quoted, reasons=(*reasons, why), **common)  # type: ignore[arg-type]


def nested(source: Source) -> Source:
    """The source, with rows whose columns may hold lists of objects."""
    return dataclasses.replace(source, nested=True)


def batches(source: Source, notes: list[str]) -> Iterator[Batch]:
    """The rows, in batches of a bounded size.

    Args:
        source: where from.
        notes: gets a sentence for everything that was mended on the way, once the last batch is out.
    """
    path = source.path
    if source.kind == "dataset" and source.rows is not None:
        yield from _arrow_rows(source.rows.with_format("arrow").iter(batch_size=1000), source.rows.features)
    elif path is None:
        raise AssertionError("a source is a file or a Dataset")
    elif source.kind == "delimited":
        how = {"encoding": source.encoding, "delimiter": source.delimiter, "quoted": source.quoted}
        yield from delimited.rows(path, source.name, notes=notes, **how)  # type: ignore[arg-type]
    elif source.kind == "json":
        yield from json_files.rows(path, source.name, encoding=source.encoding, nested=source.nested, notes=notes)
    elif source.kind == "conll":
        yield from conll.rows(path, source.name, encoding=source.encoding, notes=notes)
    else:
        yield from _columnar(path, source.kind, source.name)


def is_conll(path: Path) -> bool:
    """Whether a text file without a telling suffix holds a token a line with its tag."""
    try:
        with open_text(path, "latin-1") as stream:  # tags are ASCII in whatever encoding
            return conll.looks_like_conll(stream.read(conll.SAMPLE))
    except (OSError, EOFError):
        return False


def plain(value: Any) -> Any:
    """A value as JSON knows it: missing numbers become None, dates ISO 8601, bytes their UTF-8 text or else base64."""
    if value is None or isinstance(value, str | bool | int):
        return value if type(value) in (str, bool, int, type(None)) else _base(value)
    if isinstance(value, float):
        return None if math.isnan(value) else float(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat() if value == value else None  # pandas' NaT is a date that equals nothing
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return plain(value.tolist())
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    return str(value)


def _base(value: Any) -> Any:
    kind = bool if isinstance(value, bool) else int if isinstance(value, int) else str
    return kind(value)


def _unpacked(path: Path, target: Path, name: str) -> Path:
    if not target.exists():
        with refusing(name), open_bytes(path) as stream, writing(target.parent, lambda: target.name) as file:
            shutil.copyfileobj(stream, file, 1 << 20)
    return target


def _columnar(path: Path, kind: Kind, name: str) -> Iterator[Batch]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if kind == "parquet":
            with pq.ParquetFile(path) as file:
                _refuse_duplicates(file.schema_arrow.names, name)
                yield from _arrow_rows(file.iter_batches(batch_size=1000), _features(file.schema_arrow))
            return
        with pa.memory_map(str(path)) as mapped:
            stream = mapped.read_buffer(6).to_pybytes() != b"ARROW1"
            mapped.seek(0)
            reader = pa.ipc.open_stream(mapped) if stream else pa.ipc.open_file(mapped)
            _refuse_duplicates(reader.schema.names, name)
            parts = reader if stream else (reader.get_batch(i) for i in range(reader.num_record_batches))
            yield from _arrow_rows((piece for part in parts for piece in _slices(part)), _features(reader.schema))
    except (pa.ArrowException, OSError) as error:
        came = str(error).splitlines()[0]
        raise DataError(f"a whole {kind.capitalize()} file", came, "write or copy it again", file=name) from error


def _features(schema: pa.Schema) -> Any:
    """What ``datasets`` noted about the columns when it wrote the file; nothing where it did not."""
    from datasets import Features

    if b"huggingface" not in (schema.metadata or {}):
        return {}
    return Features.from_arrow_schema(schema)


def _slices(part: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for start in range(0, part.num_rows, 1000):
        yield part.slice(start, 1000)


def _refuse_duplicates(names: list[str], file: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError("column names that differ", f"{', '.join(map(repr, repeated))} twice", "rename one", file=file)


def _arrow_rows(parts: Any, features: Any) -> Iterator[Batch]:
    """Record batches or tables as rows; coded classes become their names."""
    names = {column: found for column, feature in features.items() if (found := _class_names(feature))}
    line = 0
    for part in parts:
        columns = []
        for column in part.schema.names:
            values = [plain(value) for value in part.column(column).to_pylist()]
            columns.append([_named(value, names[column]) for value in values] if column in names else values)
        yield [
            (line + i, dict(zip(part.schema.names, row, strict=True)))
            for i, row in enumerate(zip(*columns, strict=True), 1)
        ]
        line += part.num_rows


def _class_names(feature: Any) -> list[str]:
    inner = getattr(feature, "feature", feature)  # a list of classes holds the feature of its items
    found = getattr(inner, "names", None)
    return list(found) if isinstance(found, list) else []


def _named(value: Any, names: list[str]) -> Any:
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    # the hub's test sets without labels hold -1
    return (names[value] if 0 <= value < len(names) else None) if isinstance(value, int) else value


def canonical(row: Row) -> str:
    """The whole content of a row as one string, the same for equal rows whatever the order of their columns."""
    return _ENCODE(row)


_ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
