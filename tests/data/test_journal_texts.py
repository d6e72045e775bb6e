"""Edited texts: applied to targets, completions, last answers and raw texts, compared between people, and trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sacrebleu.metrics.chrf import CHRF

from labkit import cli
from labkit.data import Corpus, DataConfig, Journal, agreement, apply, disagreements, label_summary, load, read
from labkit.errors import DataError

HOSTILE = "<script>alert(1)</script>\n\u202eturned \ud800 half\t👩‍👩‍👧"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path_factory.mktemp("cache")))


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    german = ["der Hund", "die Katze", "das Haus", ""]
    rows = [{"id": f"r{i}", "en": f"the thing no. {i}", "de": text} for i, text in enumerate(german)]
    return write(tmp_path / "pairs.jsonl", rows)


def read_pairs(path: Path, **more: Any) -> Corpus:
    return read(path, layout="pairs", text="en", **({"label": "de"} | more))


def column(corpus: Corpus, name: str) -> dict[str, Any]:
    rows = [row for split in corpus.splits.values() for row in split]
    return {row["row_id"]: row[name] for row in rows}


def test_an_edited_target_takes_the_place_of_the_other(pairs: Path) -> None:
    before, corpus, journal = pairs.read_bytes(), read_pairs(pairs), Journal(pairs, who="ana")
    journal.add("r0", "ein Hund", field="target")
    journal.add("r0", "der Hund!", field="target")
    journal.undo()
    journal.add("r1", None, field="target")
    journal.add("r3", HOSTILE, field="target")
    journal.add("gone", "x", field="target")
    done = apply(corpus, journal)
    mended = HOSTILE.replace("\ud800", "\ufffd")
    assert column(done, "target") == {"r0": "ein Hund", "r1": None, "r2": "das Haus", "r3": mended}
    assert column(done, "text") == column(corpus, "text") and pairs.read_bytes() == before
    assert "the text of 3 rows" in done.steps[0].text and "'gone'" in done.steps[0].text
    assert column(load(done.config), "target").items() <= column(done, "target").items()
    journal.add("r2", True, field="exclude")
    assert set(column(apply(corpus, journal), "target")) == {"r0", "r1", "r3"}


@pytest.mark.parametrize("wrong", ["", "  \n", "\u200b", 3, ["der Hund"], {"text": "der Hund"}])
def test_nothing_is_no_text(pairs: Path, wrong: Any) -> None:
    with pytest.raises(DataError, match="something to read"):
        Journal(pairs).add("r0", wrong, field="target")
    assert not Journal(pairs).path.exists()


def test_targets_for_sources_that_have_none(tmp_path: Path) -> None:
    data = write(tmp_path / "sources.jsonl", [{"id": f"r{i}", "en": f"thing {i}"} for i in range(6)])
    corpus = read(data, layout="pairs", text="en", require_label=False)
    assert "target" not in corpus["train"].column_names
    journal = Journal(data, who="ana")
    assert "target" not in apply(corpus, journal_of(journal))["train"].column_names, "nothing is decided"
    journal.add_many([{"row_id": f"r{i}", "new": f"Ding {i}"} for i in range(5)], field="target")
    done = apply(corpus, journal)
    assert list(column(done, "target").values()) == [*(f"Ding {i}" for i in range(5)), None]
    assert done["train"].column_names[:3] == ["row_id", "text", "target"]
    assert done.config.labels == (journal.path.as_posix(),)


def journal_of(journal: Journal) -> Journal:
    journal.path.touch()
    return journal


def test_completions_answers_and_raw_texts(tmp_path: Path) -> None:
    prompts = write(
        tmp_path / "prompts.jsonl", [{"id": f"r{i}", "prompt": f"q{i}", "completion": "a"} for i in range(3)]
    )
    raw = write(tmp_path / "raw.jsonl", [{"id": f"r{i}", "text": f"a text no. {i}"} for i in range(3)])
    ask, reply = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}
    talks = [[ask, reply, ask, reply], [ask], [ask, reply, ask]]
    chats = write(tmp_path / "chats.jsonl", [{"id": f"r{i}", "messages": talk} for i, talk in enumerate(talks)])
    for path in (prompts, raw, chats):
        journal = Journal(path, who="ana")
        journal.add_many([{"row_id": row, "new": f"new {row}"} for row in ("r0", "r1")], field="target")
        journal.add("r2", None, field="target")
    done = apply(read(prompts, layout="texts"), prompts)
    assert column(done, "target") == {"r0": "new r0", "r1": "new r1", "r2": None}
    assert column(done, "text") == {"r0": "q0", "r1": "q1", "r2": "q2"}
    done = apply(read(raw, layout="texts"), raw)
    assert column(done, "text") == {"r0": "new r0", "r1": "new r1", "r2": "a text no. 2"}
    assert "target" not in done["train"].column_names
    done = apply(read(chats, layout="texts"), chats)
    said = column(done, "messages")
    assert said["r0"] == [ask, reply, ask, {**reply, "content": "new r0"}]
    assert said["r1"] == [ask, {**reply, "content": "new r1"}], "an answer where there was none"
    assert said["r2"] == talks[2], "a conversation stays as it is where nobody can know"
    assert column(done, "target") == {"r0": "new r0", "r1": "new r1", "r2": "hello"}
    again = apply(read(chats, layout="texts"), chats)
    assert column(again, "messages") == said, "from the cache"


def test_each_layout_has_its_own_decisions(pairs: Path) -> None:
    journal = Journal(pairs, who="ana")
    journal.add("r0", "ein Hund", field="target")
    done = apply(read([{"id": "r0", "text": "x", "label": "a"}]), journal)
    assert "the text of 1 row" in done.steps[0].text and 'layout="pairs"' in done.steps[0].text
    journal.add("r0", "a")
    with pytest.raises(DataError, match="decisions about the label of 1 row"):
        apply(read_pairs(pairs), journal)


def test_where_two_people_edit_differently(pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ana, ben = (Journal(tmp_path / f"{who}.labels.jsonl", who=who) for who in ("ana", "ben"))
    for row, one, other in (("r0", "der Hund", "der Hund"), ("r1", "die Katze", "eine Katze"), ("r2", "Haus", None)):
        ana.add(row, one, field="target")
        ben.add(row, other, field="target")
    assert [row.row_id for row in disagreements(ana, ben, field="target")] == ["r1", "r2"]
    found = agreement(ana, ben, field="target")
    both = [("die Katze", "eine Katze"), ("eine Katze", "die Katze")]
    sides = [CHRF().sentence_score(a, [b]).score for a, b in both]
    assert (found.rows, found.raw, found.chrf) == (3, pytest.approx(1 / 3), pytest.approx((100 + sum(sides) / 2) / 2))
    assert found.kappa is None and found.f1 is None and 0 < min(sides) < max(sides) < 100
    assert agreement(ben, ana, field="target").chrf == pytest.approx(found.chrf), "whoever comes first"
    summary = label_summary(ana, ben)
    assert summary.text_agreement == found and summary.texts == 2 and summary.labels == {}
    merged = tmp_path / "both.labels.jsonl"
    assert cli.main(["labels", str(ana.path), str(ben.path), "--merge", str(merged)]) == 0
    said = capsys.readouterr().out
    assert "Texts in force on 2 rows." in said and "2 of them differently" in said and "chrF" in said
    assert "ana die Katze, ben eine Katze" in said, "both stay visible"
    done = apply(read_pairs(pairs), merged)
    assert "People disagree on the text of 2 rows" in done.steps[0].text
    assert column(done, "target")["r1"] == "eine Katze"


def test_long_edits_are_cut_in_the_summary_only(tmp_path: Path) -> None:
    path = tmp_path / "a.labels.jsonl"
    for who in ("ana", "ben"):
        Journal(path, who=who).add("r", f"{who} " + "long " * 100, field="target")
    summary = label_summary(path)
    assert max(map(len, str(summary).splitlines())) < 400 and "…" in str(summary)
    assert len(summary.disagreements[0].values["ana"]) > 400


def test_a_model_is_trained_on_the_targets_in_force(tmp_path: Path) -> None:
    from labkit.events import StepLogged
    from labkit.models import build_starter
    from labkit.training import Recipe, Run, resume, train

    rows = [{"id": f"r{i}", "en": f"number {i}"} for i in range(48)]
    data = write(tmp_path / "data.jsonl", rows)
    journal = Journal(data, who="ana")
    journal.add_many([{"row_id": f"r{i}", "new": f"Nummer {i}"} for i in range(48)], field="target")
    texts = [f"number Nummer {i}" for i in range(48)]
    recipe = Recipe.from_dict(
        {
            "task": "translation",
            "data": {"train": str(data), "layout": "pairs", "text": "en", "labels": [str(journal.path)]},
            "model": {"name": str(build_starter("t5", texts, size="tiny").folder), "max_length": 16},
            "budget": {"epochs": 2, "threads": 1, "precision": "float32"},
            "optimizer": {"batch_size": 8, "learning_rate": 0.003},
            "evaluation": {"baselines": False, "slices": [], "resamples": 100},
            "generation": {"max_target_length": 8},
        }
    )
    run = train(recipe, tmp_path / "run")
    assert run.status == "completed" and run.recipe.data.labels_fingerprint
    assert "the text of 48 rows" in (tmp_path / "run" / "README.md").read_text("utf-8")
    told = run.predictions("test")
    assert told.references == [text.replace("number", "Nummer") for text in told.inputs]
    journal.add_many([{"row_id": f"r{i}", "new": "other"} for i in range(48)], field="target")

    def stop(event: Any) -> None:
        if isinstance(event, StepLogged):
            Run(tmp_path / "stopped").stop()

    again = Recipe.load(tmp_path / "run" / "recipe.toml")
    assert train(again, tmp_path / "stopped", watch=stop).status == "stopped"
    resumed = resume(tmp_path / "stopped").predictions("test")
    assert (resumed.predicted, resumed.references) == (told.predicted, told.references), "later edits stay out"
    fresh = load(DataConfig(train=str(data), layout="pairs", text="en", labels=(str(journal.path),)))
    assert set(fresh["train"]["target"]) == {"other"}
