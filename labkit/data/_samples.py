"""The sample data sets that come with labkit, as shipped (with planted defects) or tidy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labkit._bundled import bundled
from labkit.data._corpus import Corpus
from labkit.data._read import read
from labkit.errors import UnknownName


def samples() -> list[str]:
    """Names of the sample data sets."""
    return sorted(path.name for path in bundled("samples").iterdir() if (path / "defects.jsonl").is_file())


def sample_path(name: str) -> Path:
    """The folder of a sample data set: train and test file, card, list of planted defects.

    Raises:
        UnknownName: no such sample.
    """
    if name not in samples():
        raise UnknownName("sample data set", name, samples())
    return bundled("samples") / name


def sample(name: str, *, tidy: bool = False) -> Corpus:
    """Read a sample data set.

    Args:
        name: one of ``samples()``.
        tidy: whether to mend the planted defects first: wrong labels and broken encodings are put right, near-duplicates
            and the rows that leaked into the test split are taken out.

    Raises:
        UnknownName: no such sample.
    """
    folder = sample_path(name)
    corpus = read(folder)
    if not tidy:
        return corpus
    drop = {entry["id"] for entry in defects(name) if "of" in entry}
    mended = {entry["id"]: entry for entry in defects(name) if "of" not in entry}
    columns = {corpus.config.text: "text", corpus.config.label[0]: "label"}
    tables: dict[str, list[dict[str, Any]]] = {}
    for split, rows in corpus.splits.items():
        tables[split] = []
        for row in rows:
            if row["row_id"] in drop:
                continue
            entry = mended.get(row["row_id"])
            if entry:
                row = {**row, columns[entry["field"]]: entry["tidy"]}
            tables[split].append(row)
    return read(tables, text="text", label="label", id="row_id")


def defects(name: str) -> list[dict[str, Any]]:
    """What was planted in a sample: a dictionary a row, with its kind and the tidy value, or the row it repeats (``of``)."""
    lines = (sample_path(name) / "defects.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]
