"""Decisions about spans: applied to a corpus of layout "spans", compared between people, and trained on."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from toys import WORDS, toy_rows

from labkit import cli
from labkit.data import (
    Corpus,
    DataConfig,
    Journal,
    agreement,
    apply,
    check,
    disagreements,
    label_summary,
    load,
    merge_journals,
    read,
)
from labkit.errors import DataError

TEXTS = ["Ada met Charles", "nobody here", "Bath and Bath Spa", "in London 👩‍💻 and Rome"]
GIVEN = [[(0, 3, "PER"), (8, 15, "PER")], [], [(0, 4, "LOC"), (9, 17, "LOC")], None]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    rows = [{"id": f"r{i}", "text": text, "spans": GIVEN[i]} for i, text in enumerate(TEXTS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def spans(*given: tuple[int, int, str]) -> list[dict[str, Any]]:
    return [{"start": start, "end": end, "label": label} for start, end, label in given]


def in_force(corpus: Corpus) -> dict[str, Any]:
    rows = [row for split in corpus.splits.values() for row in split]
    for row in rows:
        assert row["label"] == (None if row["spans"] is None else sorted({one["label"] for one in row["spans"]}))
    return {row["row_id"]: row["spans"] and [tuple(one.values()) for one in row["spans"]] for row in rows}


def test_decisions_replace_spans_types_and_labels(table: Path) -> None:
    before, corpus, journal = table.read_bytes(), read(table, layout="spans"), Journal(table, who="ana")
    overlapping = [(10, 16, "EMOJI"), (3, 9, "CITY"), (3, 20, "CITY")]
    journal.add("r3", spans(*overlapping), field="spans")
    journal.add("r2", [], field="spans")
    journal.add("r1", None, field="spans")
    journal.add("r0", spans((0, 3, "X")), field="spans")
    journal.undo()
    journal.add("gone", spans((0, 3, "X")), field="spans")
    done = apply(corpus, journal)
    assert in_force(done) == {"r0": GIVEN[0], "r1": None, "r2": [], "r3": sorted(overlapping)}
    assert done.labels == ("CITY", "EMOJI", "PER") and dict(done.steps[0].counts) == {"train": 3}
    assert done["train"].features == corpus["train"].features
    for part in ("'ana'", "the spans of 3 rows", "1 row not in the data", "'gone'"):
        assert part in done.steps[0].text
    assert table.read_bytes() == before and in_force(corpus)["r2"] == GIVEN[2]
    assert in_force(load(done.config)) == in_force(done)
    journal.add("r0", True, field="exclude")
    assert set(in_force(apply(corpus, journal))) == {"r1", "r2", "r3"}
    assert {one.name for one in check(done).findings} >= {"overlapping_spans"}, "as of a file that has them"


@pytest.mark.parametrize(
    "wrong",
    [
        (8, 16, "PER"),
        (-1, 3, "PER"),
        (3, 3, "PER"),
        (5, 3, "PER"),
        (0, 3, ""),
        (0, 3, "  "),
        (False, True, "PER"),
        (10**12, 10**12 + 1, "PER"),
    ],
)
def test_spans_that_do_not_fit_are_told_and_never_applied(table: Path, wrong: tuple[int, int, str]) -> None:
    corpus, journal = read(table, layout="spans"), Journal(table, who="ana")
    journal.add("r0", spans((0, 3, "ORG"), wrong), field="spans")
    done = apply(corpus, journal)
    assert in_force(done) == in_force(corpus) and done.labels == corpus.labels
    assert dict(done.steps[0].counts) == {"train": 0}
    assert "the spans of 0 rows" in done.steps[0].text and "the spans of 1 row ('r0')" in done.steps[0].text
    journal.add("r0", spans((0, 3, "ORG")), field="spans")
    assert in_force(apply(corpus, journal))["r0"] == [(0, 3, "ORG")]


def test_other_words_at_the_same_place_are_not_marked(table: Path) -> None:
    journal = Journal(table, who="ana")
    journal.add("r0", [{"start": 8, "end": 15, "label": "ORG", "text": "Charles"}], field="spans")
    assert in_force(apply(read(table, layout="spans"), journal))["r0"] == [(8, 15, "ORG")]
    table.write_text(table.read_text("utf-8").replace("Ada met Charles", "Ada saw Stephen"), "utf-8")
    done = apply(read(table, layout="spans"), journal)
    assert in_force(done)["r0"] == GIVEN[0] and "'r0'" in done.steps[0].text


def test_broken_tags_are_mended_by_a_decision(tmp_path: Path) -> None:
    rows = [
        {"id": i, "tokens": ["so", "Anna"], "tags": tags} for i, tags in (("a", ["O", "I-PER"]), ("b", ["O", "B-PER"]))
    ]
    journal = Journal(tmp_path / "a.labels.jsonl", who="ana")
    journal.add("a", spans((3, 7, "PER")), field="spans")
    done = apply(read(rows, layout="spans"), journal)
    assert done["train"]["broken_tags"] == [False, False] and done["train"]["words"] == [[0, 2, 3, 7]] * 2
    assert "broken_tag_sequences" not in {one.name for one in check(done).findings}


def test_the_config_leads_back_also_when_the_journal_has_grown(table: Path) -> None:
    journal = Journal(table, who="ana")
    journal.add("r1", spans((0, 6, "NONE")), field="spans")
    config = apply(read(table, layout="spans"), journal).config
    journal.add("r1", spans((7, 11, "HERE")), field="spans")
    assert in_force(load(config))["r1"] == [(0, 6, "NONE")]
    assert in_force(apply(read(table, layout="spans"), journal))["r1"] == [(7, 11, "HERE")]


def test_each_layout_has_its_own_decisions(table: Path) -> None:
    journal = Journal(table, who="ana")
    journal.add("r1", spans((0, 6, "NONE")), field="spans")
    done = apply(read(table, require_label=False), journal)
    assert 'layout="spans"' in done.steps[0].text and "the spans of 1 row" in done.steps[0].text
    with pytest.raises(DataError, match=r"labels in the data.*spans of 1 row"):
        load(DataConfig(train=str(table), labels=(str(journal.path),)))
    journal.add("r1", "NONE")
    with pytest.raises(DataError, match="decisions about the label of 1 row"):
        apply(read(table, layout="spans"), journal)


def test_where_two_people_disagree(table: Path, tmp_path: Path) -> None:
    ana, ben = (Journal(tmp_path / f"{who}.labels.jsonl", who=who) for who in ("ana", "ben"))
    ana.add_many([{"row_id": f"r{i}", "new": spans(*(GIVEN[i] or ()))} for i in range(4)], field="spans")
    ben.add("r0", [{**one, "text": "noted"} for one in spans((8, 15, "PER"), (0, 3, "PER"))], field="spans")
    ben.add("r1", [], field="spans")
    ben.add("r2", spans((0, 4, "LOC"), (9, 13, "LOC")), field="spans")
    ben.add("r3", None, field="spans")
    torn = disagreements(ana, ben, field="spans")
    assert [row.row_id for row in torn] == ["r2", "r3"] and set(torn[0].values) == {"ana", "ben"}
    found = agreement(ana, ben, field="spans")
    # of 4 and 4 spans in the three rows that both could judge, 3 are the same
    assert (found.rows, found.raw, found.f1) == (4, 0.5, pytest.approx(2 * 3 / (4 + 4)))
    assert found.kappa is None and found.alpha is None
    summary = label_summary(merge_journals([ana, ben], tmp_path / "both.labels.jsonl"))
    assert summary.span_agreement == found and summary.agreement.rows == 0
    assert [row.field for row in summary.disagreements] == ["spans", "spans"] and summary.labels == {"PER": 1, "LOC": 1}
    assert "4 rows labelled by two or more people, 2 of them differently" in str(summary)
    assert "F1 of spans 0.750" in str(summary) and "kappa" not in str(summary)
    assert json.loads(json.dumps(summary.to_dict()))["span_agreement"]["f1"] == 0.75
    done = apply(read(table, layout="spans"), tmp_path / "both.labels.jsonl")
    assert "People disagree on the spans of 2 rows;" in done.steps[0].text
    assert in_force(done)["r2"] == [(0, 4, "LOC"), (9, 13, "LOC")], "the latest counts"


def test_f1_where_nobody_marked_anything(tmp_path: Path) -> None:
    ana, ben = (Journal(tmp_path / f"{who}.labels.jsonl", who=who) for who in ("ana", "ben"))
    assert agreement_of(ana, ben) == (None, None)
    for journal in (ana, ben):
        journal.add("a", [], field="spans")
    assert agreement_of(ana, ben) == (1.0, None)
    ben.add("a", spans((0, 1, "X")), field="spans")
    assert agreement_of(ana, ben) == (0.0, 0.0)


def agreement_of(*journals: Journal) -> tuple[float | None, float | None]:
    for journal in journals:
        journal.path.touch()
    found = agreement(*journals, field="spans")
    return found.raw, found.f1


# --- from a plain text file to a model -----------------------------------------------------------------------------------


def words_marked(text: str) -> list[dict[str, Any]]:
    """The foods and places in a text, as a person would mark them."""
    found, at = [], 0
    for word in text.split(" "):
        kind = next((kind for kind in ("food", "travel") if word in WORDS[kind]), "")
        found += [{"start": at, "end": at + len(word), "label": kind}] if kind else []
        at += len(word) + 1
    return found


def as_csv(path: Path, texts: list[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["note"], *([text] for text in texts)])


def as_conll(path: Path, texts: list[str]) -> None:
    path.write_text("\n".join("".join(f"{word}\n" for word in text.split(" ")) for text in texts), encoding="utf-8")


@pytest.mark.parametrize(("name", "write"), [("notes.csv", as_csv), ("notes.conll", as_conll)])
def test_a_plain_text_is_trained_on_through_its_journal_alone(
    name: str, write: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from labkit.events import StepLogged
    from labkit.models import build_starter
    from labkit.training import Recipe, Run, resume, train

    monkeypatch.setattr("labkit.training._trainer.LOG_SECONDS", 0.0)
    texts = [f"{row['text']} no. {i}" for i, row in enumerate(toy_rows(70))]
    data = tmp_path / name
    write(data, texts)
    corpus = read(data, layout="spans", require_label=False)
    journal = Journal(data, who="ana")
    rows = list(zip(corpus["train"]["row_id"], corpus["train"]["text"], strict=True))
    journal.add_many([{"row_id": row, "new": words_marked(text)} for row, text in rows[:60]], field="spans")
    home = tmp_path / "run"
    options = ["--model", str(build_starter("bert", texts, size="tiny").folder), "--out", str(home)]
    for value in (
        "budget.epochs=4", "budget.threads=1", "budget.precision=float32", "evaluation.baselines=false", "model.max_length=32",
        "optimizer.batch_size=8", "optimizer.learning_rate=0.003", 'data.repairs=["drop_unlabelled"]', "evaluation.slices=[]",
    ):  # fmt: skip
        options += ["--set", value]
    given = [str(data), "--task", "token-classification", "--labels", str(journal.path)]
    assert cli.main(["train", *given, *options]) == 0, capsys.readouterr().err
    run = Run(home)
    assert "the spans of 60 rows" in (home / "README.md").read_text("utf-8")
    assert run.recipe.data.layout == "spans" and run.recipe.data.labels_fingerprint
    assert json.loads((home / "model" / "config.json").read_text("utf-8"))["id2label"]["1"] == "B-food"
    journal.add(rows[0][0], [], field="spans")
    journal.add_many([{"row_id": row, "new": []} for row, _ in rows[60:]], field="spans")
    repeated = train(Recipe.load(home / "recipe.toml"), tmp_path / "again")
    assert repeated.status == "completed" and said(repeated) == said(run), "later decisions stay out"

    def stop(event: Any) -> None:
        if isinstance(event, StepLogged) and event.step == 5:
            Run(tmp_path / "stopped").stop()

    assert train(Recipe.load(home / "recipe.toml"), tmp_path / "stopped", watch=stop).status == "stopped"
    assert said(resume(tmp_path / "stopped")) == said(run)


def said(run: Any) -> list[Any]:
    return [(found.row_ids, found.predicted, found.gold) for found in map(run.predictions, ("validation", "test"))]
