"""Decisions about answers: applied to a corpus of layout "answers", compared between people, and trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit import cli
from labkit.data import (
    Corpus,
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

CONTEXT = "👩‍💻 Ada met the poet Byron in London."
GIVEN: list[Any] = [[{"text": "Ada", "start": 4}], [], None, [{"text": "London", "start": 28}]]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    rows = [
        {"id": f"r{i}", "question": f"Who no. {i}?", "context": f"{CONTEXT} ({i})", "answers": GIVEN[i]}
        for i in range(4)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def answers(*texts: str) -> list[dict[str, Any]]:
    return [{"start": CONTEXT.index(text), "text": text} for text in texts]


def in_force(corpus: Corpus) -> dict[str, Any]:
    rows = [row for split in corpus.splits.values() for row in split]
    for row in rows:
        told = row["answers"]
        assert row["label"] == (None if told is None else ["answerable" if told else "no answer"])
    return {row["row_id"]: row["answers"] and [one["text"] for one in row["answers"]] for row in rows}


def test_decisions_replace_answers_and_what_follows_from_them(table: Path) -> None:
    before, corpus, journal = table.read_bytes(), read(table, layout="answers"), Journal(table, who="ana")
    journal.add("r0", answers("the poet Byron", "Byron", "the poet Byron"), field="answers")
    journal.add("r1", answers("London"), field="answers")
    journal.add("r2", [], field="answers")
    journal.add("r3", None, field="answers")
    journal.add("r1", answers("Ada"), field="answers")
    journal.undo()
    journal.add("gone", [], field="answers")
    done = apply(corpus, journal)
    assert in_force(done) == {"r0": ["the poet Byron", "Byron"], "r1": ["London"], "r2": [], "r3": None}
    assert done["train"][0]["answers"][1] == {"start": CONTEXT.index("Byron"), "text": "Byron"}
    assert done.labels == ("answerable", "no answer") and done["train"].features == corpus["train"].features
    for part in ("'ana'", "the answers of 4 rows", "1 row not in the data", "'gone'"):
        assert part in done.steps[0].text
    assert table.read_bytes() == before and in_force(corpus)["r0"] == ["Ada"]
    assert in_force(load(done.config)) == in_force(done)
    journal.add("r0", True, field="exclude")
    assert set(in_force(apply(corpus, journal))) == {"r1", "r2", "r3"}


@pytest.mark.parametrize("wrong", [(5, "Ada"), (-1, ""), (4, ""), (4, " "), (4, "ada"), (True, "Ada"), (10**12, "Ada")])
def test_answers_that_do_not_stand_there_are_told_and_never_applied(table: Path, wrong: tuple[int, str]) -> None:
    corpus, journal = read(table, layout="answers"), Journal(table, who="ana")
    journal.add("r0", [*answers("Byron"), {"start": wrong[0], "text": wrong[1]}], field="answers")
    done = apply(corpus, journal)
    assert in_force(done) == in_force(corpus) and dict(done.steps[0].counts) == {"train": 0}
    assert "the answers of 0 rows" in done.steps[0].text and "the answers of 1 row ('r0')" in done.steps[0].text
    journal.add("r0", answers("Byron"), field="answers")
    assert in_force(apply(corpus, journal))["r0"] == ["Byron"]


def test_a_context_that_changed_since_is_asked_about_again(table: Path) -> None:
    journal = Journal(table, who="ana")
    journal.add("r3", answers("Byron"), field="answers")
    table.write_text(table.read_text("utf-8").replace("the poet Byron", "the bard Byron"), "utf-8")
    assert in_force(apply(read(table, layout="answers"), journal))["r3"] == ["Byron"], "it stands where it stood"
    table.write_text(table.read_text("utf-8").replace("met the bard", "met"), "utf-8")
    done = apply(read(table, layout="answers"), journal)
    assert "('r3')" in done.steps[0].text and in_force(done)["r3"] == ["London"]


@pytest.mark.parametrize("wrong", ["Ada", [{"start": 0}], [{"start": "0", "text": "Ada"}], ["Ada"], 3])
def test_what_is_no_list_of_answers_is_refused(table: Path, wrong: Any) -> None:
    with pytest.raises(DataError, match=r"start.*text"):
        Journal(table).add("r0", wrong, field="answers")
    assert not Journal(table).path.exists()


def test_answers_that_were_moved_are_so_no_longer_once_somebody_decided(tmp_path: Path) -> None:
    rows = [{"id": i, "question": "Who?", "context": CONTEXT, "answers": [{"text": "Ada", "start": 3}]} for i in "ab"]
    journal = Journal(tmp_path / "a.labels.jsonl", who="ana")
    journal.add("a", answers("Ada"), field="answers")
    done = apply(read(rows, layout="answers"), journal)
    assert done["train"]["moved_answers"] == [False, True]
    assert {one.name: one.count for one in check(done).findings}["moved_answers"] == 1


def test_the_config_leads_back_also_when_the_journal_has_grown(table: Path) -> None:
    journal = Journal(table, who="ana")
    journal.add("r1", answers("Ada"), field="answers")
    config = apply(read(table, layout="answers"), journal).config
    journal.add("r1", answers("London"), field="answers")
    assert in_force(load(config))["r1"] == ["Ada"]
    assert in_force(apply(read(table, layout="answers"), journal))["r1"] == ["London"]


def test_each_layout_has_its_own_decisions(table: Path) -> None:
    journal = Journal(table, who="ana")
    journal.add("r1", answers("Ada"), field="answers")
    done = apply(read([{"id": "r1", "text": "Who?", "label": "a"}]), journal)
    assert 'layout="answers"' in done.steps[0].text and "the answers of 1 row" in done.steps[0].text
    journal.add("r1", "no answer")
    with pytest.raises(DataError, match=r"decisions about the label of 1 row.*one may decide on answers"):
        apply(read(table, layout="answers"), journal)


def test_where_two_people_disagree(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ana, ben = (Journal(tmp_path / f"{who}.labels.jsonl", who=who) for who in ("ana", "ben"))
    for row, told in enumerate((answers("Ada"), [], answers("the poet Byron"), answers("Ada", "Byron"))):
        ana.add(f"r{row}", told, field="answers")
    ben.add("r0", answers("Ada"), field="answers")
    ben.add("r1", answers("London"), field="answers")
    ben.add("r2", answers("Byron"), field="answers")
    ben.add("r3", answers("Byron", "Ada"), field="answers")
    torn = disagreements(ana, ben, field="answers")
    assert [row.row_id for row in torn] == ["r1", "r2"] and set(torn[0].values) == {"ana", "ben"}
    found = agreement(ana, ben, field="answers")
    # words of the third: "poet byron" and "byron", as articles do not count: precision 1/2, recall 1
    assert (found.rows, found.raw, found.exact, found.f1) == (4, 0.5, 0.5, pytest.approx((1 + 0 + 2 / 3 + 1) / 4))
    assert found.kappa is None and found.chrf is None
    assert agreement(ben, ana, field="answers").f1 == found.f1, "whoever comes first"
    summary = label_summary(merge_journals([ana, ben], tmp_path / "both.labels.jsonl"))
    assert summary.answer_agreement == found and summary.labels == {"answerable": 4}
    assert [row.field for row in summary.disagreements] == ["answers", "answers"]
    assert cli.main(["labels", str(tmp_path / "both.labels.jsonl")]) == 0
    said = capsys.readouterr().out
    assert "4 rows labelled by two or more people, 2 of them differently" in said
    assert "exact match 0.500, F1 of words 0.667" in said and "poet Byron" in said
    done = apply(read(table, layout="answers"), tmp_path / "both.labels.jsonl")
    assert "People disagree on the answers of 2 rows; the latest decision counts." in done.steps[0].text
    ana.add("r0", None, field="answers")
    assert agreement(ana, ben, field="answers").exact == pytest.approx(1 / 3), "who could not tell is not compared"


def test_a_model_is_trained_on_the_answers_in_force(tmp_path: Path) -> None:
    from labkit.events import StepLogged
    from labkit.models import build_starter
    from labkit.training import Recipe, Run, resume, train

    names = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn"]
    rows = [
        {"id": f"r{i}", "question": "who is it", "context": f"row {i} it was {names[i % 6]} who came", "answers": None}
        for i in range(60)
    ]
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    journal = Journal(data, who="ana")
    for row in rows:
        name = str(row["context"]).split()[4]
        journal.add(str(row["id"]), [{"start": str(row["context"]).index(name), "text": name}], field="answers")
    starter = build_starter("bert", [str(row["context"]) for row in rows], size="tiny").folder
    recipe = Recipe.from_dict(
        {
            "task": "question-answering",
            "data": {"train": str(data), "layout": "answers", "labels": [str(journal.path)]},
            "model": {"name": str(starter), "max_length": 32},
            "budget": {"epochs": 2, "threads": 1, "precision": "float32"},
            "optimizer": {"batch_size": 8, "learning_rate": 0.003},
            "evaluation": {"baselines": False, "slices": []},
        }
    )
    run = train(recipe, tmp_path / "run")
    assert run.status == "completed" and run.recipe.data.labels_fingerprint
    assert "the answers of 60 rows" in (tmp_path / "run" / "README.md").read_text("utf-8")
    gold = run.predictions("test").gold
    assert gold and all(len(one) == 1 and one[0].text in names for one in gold), "the file itself has none"
    journal.add("r0", [], field="answers")

    def stop(event: Any) -> None:
        if isinstance(event, StepLogged):
            Run(tmp_path / "stopped").stop()

    again = Recipe.load(tmp_path / "run" / "recipe.toml")
    assert train(again, tmp_path / "stopped", watch=stop).status == "stopped"
    resumed = resume(tmp_path / "stopped")
    for split in ("validation", "test"):
        mine, its = run.predictions(split), resumed.predictions(split)
        assert (mine.row_ids, mine.predicted, mine.gold) == (its.row_ids, its.predicted, its.gold)
