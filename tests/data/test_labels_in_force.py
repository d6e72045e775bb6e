"""Labels in force: what follows from the data and its journals, also at the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from journals import clock, people, write

from labkit import cli
from labkit.data import Corpus, Journal, apply, clean, load, read
from labkit.errors import DataError
from labkit.training import Recipe


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.csv.labels.jsonl"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path / "data.csv", [(f"r{i}", f"text {i}", "ab"[i % 2]) for i in range(12)])


def labels(corpus: Corpus, split: str = "train") -> dict[str, Any]:
    return dict(zip(corpus[split]["row_id"], corpus[split]["label"], strict=True))


# --- labels in force ------------------------------------------------------------------------------------------------


def test_labels_in_force_are_the_data_and_the_journal(table: Path):
    before = table.read_bytes()
    corpus, journal = read(table), Journal(table, who="ana")
    journal.add("r0", "c", old="a")
    journal.add("r1", None)
    journal.add("r2", "text two, mended \ud800", field="text")
    journal.add("r3", True, field="exclude")
    journal.add("r4", True, field="exclude")
    journal.undo()
    journal.add("gone", "c")
    journal.add("r5", "to be discussed", field="note")
    done = apply(corpus, journal)
    assert labels(done) == {f"r{i}": "ab"[i % 2] for i in range(12) if i != 3} | {"r0": "c", "r1": None}
    assert done["train"]["text"][2] == "text two, mended \ufffd" and done.labels == ("a", "b", "c")
    (step,) = done.steps
    assert dict(step.counts) == {"train": 4}
    for part in ("'ana'", "2 labels", "1 text,", "1 row left out", "1 row not in the data", "'gone'"):
        assert part in step.text
    assert table.read_bytes() == before and labels(corpus)["r0"] == "a" and len(corpus["train"]) == 12
    assert done["train"].cache_files and done["train"].column_names == corpus["train"].column_names
    with pytest.raises(DataError, match="'gone'"):
        apply(corpus, journal, require=True)


def test_the_config_leads_back_also_when_the_journal_has_grown(table: Path):
    journal = Journal(table, who="ana")
    journal.add("r0", "c")
    journal.add("r2", "c")
    done = clean(apply(read(table), table), "drop_unlabelled")
    assert done.config.labels == (journal.path.as_posix(),) and done.config.repairs == ("drop_unlabelled",)
    config = Recipe.from_dict(Recipe(data=done.config).to_dict()).data
    assert config == done.config
    want = {row: label for split in load(config).splits for row, label in labels(load(config), split).items()}
    assert want == labels(done)
    journal.add("r4", "d")
    with journal.path.open("ab") as file:
        file.write(b'{"id": "torn')
    again = load(config)
    assert {row: label for split in again.splits for row, label in labels(again, split).items()} == want
    assert "1 decision made since" in again.steps[0].text
    now = apply(read(table), journal)
    assert now.labels == ("a", "b", "c", "d") and now.config.labels_fingerprint != config.labels_fingerprint


def test_a_journal_that_changed_otherwise_is_refused(table: Path):
    journal = Journal(table, who="ana")
    journal.add("r0", "c")
    journal.add("r1", "c")
    config = apply(read(table), journal).config
    content = journal.path.read_bytes()
    for changed in (content.replace(b'"c"', b'"d"', 1), content[:-1], b""):
        journal.path.write_bytes(changed)
        with pytest.raises(DataError, match="labels_fingerprint"):
            load(config)
    journal.path.unlink()
    with pytest.raises(DataError, match="no such file"):
        load(config)


@pytest.mark.parametrize("fingerprint", ["nonsense", "-1:x", "1:2 3:4", "99999999:00"])
def test_a_fingerprint_by_hand(table: Path, fingerprint: str):
    journal = Journal(table, who="ana")
    journal.add("r0", "c")
    with pytest.raises(DataError):
        apply(read(table), journal, fingerprint=fingerprint)


def test_where_people_disagree_the_latest_counts_and_it_is_said(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ana, ben = people(tmp_path, monkeypatch, ana="xx", ben="xy")
    done = apply(read(table), [ana, ben])
    assert labels(done)["r1"] == "y" and "disagree on the label of 1 row;" in done.steps[0].text
    clock(monkeypatch, 5000.0)
    ana.add("r1", "x")
    assert labels(apply(read(table), [ana, ben]))["r1"] == "x"
    assert labels(load(apply(read(table), [ben, ana]).config))["r1"] == "x"


def test_data_without_any_label_gets_them_from_the_journal(tmp_path: Path):
    table = tmp_path / "raw.jsonl"
    table.write_text("".join(json.dumps({"id": f"r{i}", "text": f"text {i}"}) + "\n" for i in range(8)))
    corpus = read(table, require_label=False)
    assert not corpus.labelled
    journal = Journal(table, who="ana")
    journal.add("r0", "a note", field="note")
    assert apply(corpus, journal)["train"].column_names == corpus["train"].column_names
    with pytest.raises(DataError, match="Label some rows first"):
        load(apply(corpus, journal).config)
    journal.add_many([{"row_id": f"r{i}", "new": "ab"[i % 2]} for i in range(6)])
    done = apply(corpus, journal)
    assert done.labels == ("a", "b") and not done.multi_label
    assert done["train"].column_names[:3] == ["row_id", "text", "label"] and labels(done)["r7"] is None
    assert load(done.config).labels == ("a", "b")
    journal.add("r0", ["a", "b"])
    several = apply(corpus, journal)
    assert several.multi_label and labels(several)["r0"] == ["a", "b"] and labels(several)["r1"] == ["b"]
    assert load(several.config).multi_label


def test_several_labels_a_row(tmp_path: Path):
    table = write(tmp_path / "m.csv", [(f"r{i}", f"text {i}", "a|b" if i % 2 else "b|c") for i in range(8)])
    corpus, journal = read(table, multi_label=True, label_separator="|"), Journal(table, who="ana")
    journal.add("r0", ["d", "a", "d"])
    journal.add("r1", "c")
    journal.add("r2", [])
    done = apply(corpus, journal)
    assert [labels(done)[f"r{i}"] for i in range(4)] == [["d", "a"], ["c"], [], ["a", "b"]]
    assert labels(load(done.config))["r0"] == ["d", "a"]


def test_what_does_not_fit_the_data_is_refused(table: Path):
    corpus, journal = read(table), Journal(table, who="ana")
    journal.add("r0", ["a", "b"])
    with pytest.raises(DataError, match="one label a row"):
        apply(corpus, journal)
    journal.add("r0", ["b"])
    assert labels(apply(corpus, journal))["r0"] == "b"
    with pytest.raises(DataError, match="right after reading"):
        apply(clean(corpus, "drop_empty"), journal)
    journal.add_many([{"row_id": f"r{i}", "new": True, "field": "exclude"} for i in range(12)])
    with pytest.raises(DataError, match="rows in train"):
        apply(corpus, journal)


def test_a_corpus_made_by_hand(path: Path):
    rows = Dataset.from_dict(
        {"row_id": ["a", "b", "c"], "text": ["x", "y", "z"], "label": ["1", "2", "1"], "n": [1, 2, 3]}
    )
    journal = Journal(path, who="ana")
    journal.add("b", "10")
    journal.add("c", True, field="exclude")
    done = apply(Corpus(splits={"train": rows.select([2, 1, 0])}, labels=("1", "2")), journal)
    assert labels(done) == {"b": "10", "a": "1"} and list(done["train"]["n"]) == [2, 1] and done.labels == ("1", "10")


def test_the_cache_is_used_mended_and_kept_small(table: Path):
    journal = Journal(table, who="ana")
    for i in range(7):
        journal.add("r0", f"label {i}")
        done = apply(read(table), journal)
    file = Path(done["train"].cache_files[0]["filename"])
    assert len(list(file.parents[1].iterdir())) == 4
    stamp = file.stat().st_mtime_ns
    assert labels(apply(read(table), journal))["r0"] == "label 6" and file.stat().st_mtime_ns == stamp
    del done
    file.write_bytes(file.read_bytes()[:200])
    assert labels(apply(read(table), journal))["r0"] == "label 6"


# --- the command line -----------------------------------------------------------------------------------------------


def test_the_labels_command(
    tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    ana, ben = people(tmp_path, monkeypatch, ana="xxy", ben="xyy")
    out = str(tmp_path / "both.labels.jsonl")
    assert cli.main(["labels", str(ana.path), str(ben.path), "--merge", out, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["merged"] == out and said["decisions"] == 6 and set(said["people"]) == {"ana", "ben"}
    assert said["agreement"]["kappa"] == pytest.approx(0.4) and len(said["disagreements"]) == 1
    assert cli.main(["labels", out]) == 0
    assert "Cohen's kappa 0.400" in capsys.readouterr().out
    assert cli.main(["labels", str(table)]) == 1
    assert "no such file" in capsys.readouterr().err


def test_training_with_labels(toy_data: Path, toy_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from labkit.training import Run

    journals = [Journal(tmp_path / f"{who}.labels.jsonl", who=who) for who in ("ana", "ben")]
    for i, journal in enumerate(journals):
        journal.add_many([{"row_id": f"t{j}", "new": "other"} for j in range(60 * i, 60 * i + 12)])
    options = ["--set", "budget.epochs=1", "--set", "evaluation.baselines=false", "--set", "budget.precision=float32"]
    options += ["--model", str(toy_model), "--out", str(tmp_path / "run")]
    given = [part for journal in journals for part in ("--labels", str(journal.path))]
    assert cli.main(["train", str(toy_data), *given, *options]) == 0, capsys.readouterr().err
    run = Run(tmp_path / "run")
    assert run.recipe.data.labels == tuple(journal.path.as_posix() for journal in journals)
    assert len(run.recipe.data.labels_fingerprint.split()) == 2
    assert "other" in (run.directory / "model" / "config.json").read_text()
    assert (
        "Applied the decisions of 'ana', 'ben' in 2 label journals: 24 labels."
        in (run.directory / "README.md").read_text()
    )
