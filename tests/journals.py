"""Small tables with labels, and what several people decided about them, on a clock that is set by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from labkit.data import Journal
from labkit.data._journals import journal as journal_module


def write(target: Path, rows: list[tuple[str, str, str]]) -> Path:
    """Write rows of id, text and label as a CSV file and return its path."""
    with target.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "text", "label"), *rows])
    return target


def clock(monkeypatch: pytest.MonkeyPatch, at: float) -> None:
    """Set the time that the decisions made from now on say."""
    monkeypatch.setattr(journal_module.time, "time", lambda: at)


def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **values: str) -> list[Journal]:
    """A journal for each person, with a label for each row; "." for none."""
    journals = []
    for number, (who, given) in enumerate(values.items()):
        journals.append(Journal(tmp_path / f"{who}.labels.jsonl", who=who))
        for i, label in enumerate(given):
            clock(monkeypatch, 1000.0 + 10 * i + number)
            if label != ".":
                journals[-1].add(f"r{i}", label, seconds=2.0)
    return journals
