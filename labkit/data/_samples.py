"""The sample data sets that come with labkit, as shipped (with planted defects) or tidy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labkit._places import bundled
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
    corpus = read(sample_path(name))
    if not tidy:
        return corpus
    planted = {entry["id"]: entry for entry in defects(name)}
    columns = {corpus.config.text: "text", corpus.config.label[0]: "label"}
    tables: dict[str, list[dict[str, Any]]] = {}
    for split, rows in corpus.splits.items():
        tables[split] = []
        for row in rows:
            entry = planted.get(row["row_id"], {})
            if "of" in entry:
                continue
            if entry:
                row = {**row, columns[entry["field"]]: entry["tidy"]}
            tables[split].append(row)
    return read(tables, text="text", label="label", id="row_id")


def defects(name: str) -> list[dict[str, Any]]:
    """What was planted in a sample, a dictionary a defect.

    Each has "id" and "split" of the row and its "kind": "wrong_label" and "broken_encoding" with the "field" concerned
    and its "shipped" and "tidy" value, "near_duplicate" and "leak" with "of", the id of the training row it repeats.

    Raises:
        UnknownName: no such sample.
    """
    # splitlines() would also cut at line separators that a text may contain, such as U+2028
    lines = (sample_path(name) / "defects.jsonl").read_text("utf-8").split("\n")
    return [json.loads(line) for line in lines if line]
