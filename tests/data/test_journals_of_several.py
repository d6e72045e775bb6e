"""The journals of several people: merged, their agreement and disagreements, and the summary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from journals import clock, people
from sklearn.metrics import cohen_kappa_score

from labkit.data import Journal, agreement, disagreements, label_summary, merge_journals
from labkit.errors import DataError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.csv.labels.jsonl"


def test_journals_merge_by_time_and_keep_who_said_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ana, ben = people(tmp_path, monkeypatch, ana="xyx", ben="xxx")
    clock(monkeypatch, 2000.0)
    ana.undo()
    clock(monkeypatch, 500.0)  # a clock that was set back: this still comes after what stands before it
    ana.add("r0", "late")
    both = merge_journals([ana, ben.path, ana], tmp_path / "both.labels.jsonl")
    assert len(both) == len(ana) + len(ben) and sorted(map(id_of, both.decisions())) == sorted(
        map(id_of, ana.decisions() + ben.decisions())
    )
    assert [line for line in both.decisions() if line.who == "ana"] == ana.decisions()
    assert both.current() == {"r0": "late", "r1": "x", "r2": "x"}
    assert [(row.row_id, dict(row.values)) for row in disagreements(both)] == [
        ("r0", {"ana": "late", "ben": "x"}),
        ("r1", {"ana": "y", "ben": "x"}),
    ]
    ben.add("r7", "z")
    again = merge_journals([ben], both.path)
    assert len(again) == len(ana) + len(ben) == len(both), "merging once more adds what is new"
    assert sorted(entry.name for entry in tmp_path.iterdir() if "partial" in entry.name) == []


def id_of(line: Any) -> str:
    return str(line.id)


def test_merge_never_overwrites_anything_else(tmp_path: Path):
    other = tmp_path / "notes.labels.jsonl"
    other.write_text("my notes\n")
    journal = Journal(tmp_path / "a.labels.jsonl", who="ana")
    journal.add("r", "a")
    with pytest.raises(DataError, match="another kind"):
        merge_journals([journal], other)
    with pytest.raises(DataError, match="no such file"):
        merge_journals([tmp_path / "none.labels.jsonl"], tmp_path / "out.labels.jsonl")
    with pytest.raises(DataError, match="at least one"):
        merge_journals([], tmp_path / "out.labels.jsonl")
    assert other.read_text() == "my notes\n" and not (tmp_path / "out.labels.jsonl").exists()


def test_the_order_of_labels_is_no_disagreement(path: Path):
    for who, value in (("ana", ["a", "b"]), ("ben", ["b", "a"]), ("cem", ["a"])):
        Journal(path, who=who).add("r1", value)
        Journal(path, who=who).add("r2", "a")
    (row,) = disagreements(path)
    assert row.row_id == "r1" and set(row.values) == {"ana", "ben", "cem"}
    assert agreement(path).raw == pytest.approx((1 / 3 + 1) / 2)


def test_agreement_of_two_is_cohens_kappa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    a, b = "xxyyzzxxyx", "xxyzzzxyyx"
    found = agreement(*people(tmp_path, monkeypatch, ana=a + ".x", ben=b + "x."))
    assert found.people == ("ana", "ben") and found.rows == 10
    assert found.raw == pytest.approx(0.8) and found.kappa == pytest.approx(cohen_kappa_score(list(a), list(b)))


def test_agreement_of_four_is_krippendorffs_alpha(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The example of Krippendorff 2011, section C: four observers, twelve units, gaps; nominal alpha 0.743."""
    values = {"a": "123321412...", "b": "1233224125.3", "c": ".3332342251.", "d": "12332441251."}
    found = agreement(*people(tmp_path, monkeypatch, **values))
    assert found.rows == 11 and found.kappa is None and found.alpha == pytest.approx(0.743, abs=5e-4)


def test_agreement_where_there_is_nothing_to_compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    alone, same = people(tmp_path, monkeypatch, ana="xx", ben="xx")
    assert agreement(alone).rows == 0 and agreement(alone).raw is None and agreement(alone).alpha is None
    found = agreement(alone, same)
    assert (found.raw, found.kappa, found.alpha) == (1.0, None, None)


def test_the_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ana, ben = people(tmp_path, monkeypatch, ana="xxy", ben="xyy")
    ana.add("r9", "<b>\x1b[31m\ud800", seconds=None)
    ana.add("r8", "x")
    ana.undo()
    with ana.path.open("ab") as file:
        file.write(b"nonsense\n")
    found = label_summary(ana, ben)
    assert (found.decisions, found.undone, found.rows) == (8, 1, 4)
    assert found.people["ana"].per_hour == 1800 and found.people["ana"].decisions == 5
    assert found.labels["x"] == 1 and found.labels["y"] == 2, "the latest decision counts"
    assert found.damaged == {str(ana.path): (7,)}
    text = str(found)
    assert "1,800 an hour" in text and "r1: ana x, ben y" in text and "\x1b" not in text
    json.dumps(found.to_dict(), ensure_ascii=False).encode()
