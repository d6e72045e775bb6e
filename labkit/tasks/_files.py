"""Parquet files of predictions: written whole or not at all, and looked over when they are read."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from labkit.errors import DataError, quoted

KIND = b"labkit.kind"
"""Key in the metadata of a file; its value says which class of predictions it holds."""


def write(table: pa.Table, path: str | os.PathLike[str]) -> Path:
    """Write a Parquet file, under a temporary name first, and return its path."""
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    pq.write_table(table, partial)
    partial.replace(target)
    return target


def read(
    path: str | os.PathLike[str],
    kind: str,
    what: str,
    columns: Mapping[str, pa.DataType],
    *,
    optional: Collection[str] = (),
    empty: Collection[str] = (),
) -> pa.Table:
    """Read what ``write`` wrote.

    Args:
        path: of the file.
        kind: of predictions, as in its metadata.
        what: those predictions in words, for messages.
        columns: that it has, with their types. Others may be there too.
        optional: those that need not be there.
        empty: those whose cells may be empty.

    Raises:
        DataError: the file is missing or damaged, holds something else, or lacks a column.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"a Parquet file of {what}", str(error).splitlines()[0], file=path) from error
    names = quoted(table.column_names) or "none"
    if (table.schema.metadata or {}).get(KIND, b"labels") != kind.encode():
        raise DataError(f"a Parquet file of {what}", f"one of something else, with the columns {names}", file=path)
    for name, type_ in columns.items():
        if name not in table.column_names:
            if name in optional:
                continue
            raise DataError(f"the column {name}", f"only {names}", file=path)
        if table.schema.field(name).type != type_:
            raise DataError(f"a column of {type_}", str(table.schema.field(name).type), file=path, column=name)
        if name not in empty and table[name].null_count:
            raise DataError("no empty cells", f"{table[name].null_count:,}", file=path, column=name)
    return table


def damaged(what: str, error: Exception, path: str | os.PathLike[str]) -> DataError:
    """The error for a file whose columns are right and whose values are not."""
    return DataError(f"a Parquet file of {what}", f"a damaged one ({error})", "predict again", file=path)
