"""Playground, error browser and confusion matrix of a run for token-classification, without a browser."""

from __future__ import annotations

import dataclasses
import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from toys import FILLER, WORDS, toy_recipe

from labkit.data import load
from labkit.errors import DataError, LabError, UnknownName
from labkit.evaluation import ERROR_KINDS, span_errors
from labkit.models import build_starter
from labkit.tasks import SpanPredictions
from labkit.training import Run, train
from labkit.widgets import ConfusionMatrix, ErrorBrowser, Labeler, Playground
from labkit.widgets._span_faces import marked_html

HOSTILE = "<img src=x onerror=alert(1)>"


def named_rows(count: int, seed: int) -> list[dict[str, Any]]:
    """Texts with emoji and markup in which foods and travels are marked, some of them wrongly."""
    chooser = random.Random(seed)
    rows = []
    for i in range(count):
        words, spans, at = ["😀"], [], 2
        for _ in range(chooser.randint(3, 7)):
            topic = chooser.choice(["", "food", "travel"])
            word = chooser.choice(WORDS[topic] if topic else FILLER)
            if topic:
                told = topic if chooser.random() < 0.85 else chooser.choice(["food", "travel"])
                spans.append({"start": at, "end": at + len(word), "label": told})
            words.append(word)
            at += len(word) + 1
        text = " ".join([*words, HOSTILE if i % 5 == 0 else "."])
        rows.append({"id": f"n{i}", "text": text, "spans": spans, "channel": ("mail", "chat")[i % 2]})
    return rows


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """A run that has learned most of it, and one that has learned little."""
    home = tmp_path_factory.mktemp("spans")
    rows = named_rows(150, 1)
    path = home / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    base = build_starter("bert", [row["text"] for row in rows], size="tiny").folder
    made = []
    for name, epochs in (("good", 12), ("poor", 3)):
        recipe = toy_recipe(
            path, base, task="token-classification", model={"max_length": 32}, budget={"epochs": epochs},
            optimizer={"batch_size": 8, "learning_rate": 5e-3},
        )  # fmt: skip
        made.append(train(recipe, home / name))
    return made[0], made[1]


@pytest.fixture()
def run(runs: tuple[Run, Run], tmp_path: Path) -> Run:
    """A copy, as pinned texts are kept in the run directory."""
    return Run(shutil.copytree(runs[0].directory, tmp_path / "copy"))


@pytest.fixture()
def errors(runs: tuple[Run, Run]) -> ErrorBrowser:
    return ErrorBrowser(runs[0])


# -- playground ----------------------------------------------------------------------------------------------------------------


def test_the_playground_marks_spans(run: Run) -> None:
    play = Playground(run)
    assert play.view == "spans" and play.state == "idle"
    text = "😀 soup and train"
    (result,) = play.answer("predict", {"texts": [text]})["value"]
    assert result["text"] == text and result["tokens"] <= result["limit"]
    (said,) = result["models"]
    assert set(said) == {"spans"}
    found = [(text[span["start"] : span["end"]], span["label"]) for span in said["spans"]]
    assert found == [("soup", "food"), ("train", "travel")], "positions count characters as Python does"
    assert all(0 < span["confidence"] <= 1 for span in said["spans"])
    assert play.models[0]["labels"] == ["food", "travel"]
    assert json.loads(json.dumps(result)) == result
    assert play.predict("")[0]["models"] == [{"spans": []}]


def test_pins_of_spans_are_kept(run: Run) -> None:
    play = Playground(run)
    assert play.pin("😀 soup and train") == 0 == play.pin("😀 soup and train")
    play.pin(HOSTILE)
    play.edit(1, f"😀 bread {HOSTILE}")
    again = Playground(run)
    assert again.pins == play.pins and again.models == play.models
    face = again._repr_html_()
    assert "<img" not in face and "&lt;img" in face and face.count("<mark") >= 2 and "food" in face
    found: dict[str, Any] = {}
    exec(compile(again.code, "cell", "exec"), found)  # noqa: S102
    assert found["play"].pins == play.pins
    again.unpin()
    assert Playground(run).pins == []


def test_two_taggers_side_by_side(run: Run, runs: tuple[Run, Run], toy_run: Run) -> None:
    play = Playground(run, compare=runs[1], keep=False)
    (result,) = play.predict(["soup and train", "bread"][:1])
    assert [model["name"] for model in play.models] == ["copy", "poor"]
    assert len(result["models"]) == 2 and all("spans" in said for said in result["models"])
    with pytest.raises(LabError, match="one task"):
        Playground(run, compare=toy_run)


# -- error browser -------------------------------------------------------------------------------------------------------------


def test_rows_with_errors_come_first(errors: ErrorBrowser, runs: tuple[Run, Run]) -> None:
    assert errors.view == "spans"
    predictions = runs[0].predictions("test")
    every = span_errors(predictions)
    choices = errors.answer("choices", {})["value"]
    assert choices["kinds"] == {kind: every.counts.get(kind, 0) for kind in ERROR_KINDS}
    assert choices["labels"] == ["food", "travel"] and choices["suspects"] == 0
    rows = errors.rows(0, 200)["rows"]
    assert sum(row["errors"] for row in rows) == len(every) > 0
    assert {row["row_id"] for row in rows} == {error.row_id for error in every}
    counts = [row["errors"] for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert all(sum(row["kinds"].values()) == row["errors"] and not row["right"] for row in rows)
    errors.order = "confidence"
    sure = [row["confidence"] for row in errors.rows(0, 200)["rows"]]
    assert sure == sorted(sure, reverse=True) and sure[0] == max(error.confidence for error in every)
    errors.include = "unsure"
    unsure = errors.rows(0, 200)["rows"]
    sure = [2 if row["confidence"] is None else row["confidence"] for row in unsure]
    assert all(row["right"] and row["errors"] == 0 for row in unsure) and sure == sorted(sure)
    errors.include = "all"
    assert errors.rows()["of"] == len(rows) + len(unsure) == len(predictions)


def test_spans_by_kind_type_and_slice(errors: ErrorBrowser) -> None:
    every = span_errors(errors._here.predictions)
    everything = errors.ids()
    for kind in every.counts:
        errors.filters = {"kind": kind}
        assert set(errors.ids()) == {error.row_id for error in every if error.kind == kind}
    errors.filters = {"type": "food"}
    food = {error.row_id for error in span_errors(errors._here.predictions, label="food")}
    assert set(errors.ids()) == food and food
    kind = next(iter(every.counts))
    errors.filter(kind=kind)
    both = span_errors(errors._here.predictions, label="food", kind=kind)
    assert set(errors.ids()) == {error.row_id for error in both}
    errors.filters = {"slice": ["channel", "chat"], "search": "😀"}
    chat = errors.ids()
    errors.filters = {"slice": ["channel", "mail"]}
    assert len(chat) + len(errors.ids()) == len(everything)
    assert not {"spans", "words", "label"} & set(errors.choices()["slices"])
    errors.filters = {"rows": everything[:2]}
    assert errors.ids() == everything[:2]
    errors.include, errors.filters = "all", {"type": "food"}
    assert set(errors.ids()) > food, "among all rows, right ones with the type as well"
    for filters, said in (
        ({"kind": "mised"}, "missed"),
        ({"type": "foot"}, "food"),
        ({"true": "food"}, "type"),
        ({"suspects": True}, "kind"),
    ):
        answer = errors.answer("filter", filters)
        assert not answer["ok"] and said in answer["error"]["message"]


def test_one_row_with_both_markings(errors: ErrorBrowser, runs: tuple[Run, Run]) -> None:
    predictions = runs[0].predictions("test")
    row = errors.answer("row", {"row_id": errors.current})["value"]
    at = list(predictions.row_ids).index(errors.current)
    assert row["text"] == predictions.texts[at]
    assert [(s["start"], s["end"], s["label"]) for s in row["true"]] == [tuple(s) for s in predictions.gold[at]]
    assert [(s["start"], s["end"], s["label"]) for s in row["predicted"]] == [
        tuple(s) for s in predictions.predicted[at]
    ]
    assert len(row["errors"]) == errors.rows(0, 1)["rows"][0]["errors"]
    for error in row["errors"]:
        for side in ("true", "predicted"):
            if error[side]:
                marked = [s for s in row[side] if s["error"] == error["kind"]]
                assert error[side]["label"] in {s["label"] for s in marked}
    assert row["columns"]["channel"] in ("mail", "chat") and "spans" not in row["columns"]
    assert json.loads(json.dumps(row)) == row


def test_neighbours_come_with_their_spans(errors: ErrorBrowser) -> None:
    errors.prepare()
    errors._jobs.wait(60)
    near = errors.answer("neighbours", {"row_id": errors.current, "n": 4})["value"]
    assert len(near) == 4
    assert all(span["label"] in ("food", "travel") for one in near for span in one["spans"])
    assert any(one["spans"] for one in near) and json.loads(json.dumps(near)) == near


def test_marked_rows_go_to_a_labeler(errors: ErrorBrowser, runs: tuple[Run, Run], tmp_path: Path) -> None:
    errors.select(errors.ids(0, 3))
    assert errors.answer("hand_over", {})["ok"]
    labeler = Labeler(load(runs[0].recipe.data), journal=tmp_path / "j.labels.jsonl")
    assert labeler.mode == "spans"
    labeler.queue = errors.relabel
    assert labeler.progress["total"] == 3
    assert labeler.example is not None and labeler.example["row_id"] == errors.relabel[0]


def test_the_face_of_spans_is_escaped(errors: ErrorBrowser) -> None:
    errors.include = "all"
    errors.filters = {"search": "onerror"}
    face = errors._repr_html_()
    assert "<img" not in face and "&lt;img" in face and "<mark" in face
    errors.include, errors.order, errors.filters = "wrong", "confidence", {"type": "food"}
    errors.select(errors.ids(0, 2))
    found: dict[str, Any] = {}
    exec(compile(errors.code, "cell", "exec"), found)  # noqa: S102
    again = found["errors"]
    assert (again.order, again.filters, again.selection) == (errors.order, errors.filters, errors.selection)


def test_spans_of_data_that_is_gone(runs: tuple[Run, Run], tmp_path: Path) -> None:
    copy = Run(shutil.copytree(runs[0].directory, tmp_path / "gone"))
    file = copy.directory / "recipe.toml"
    assert file.exists()
    moved = re.sub(r"[^\"']*rows\.jsonl", str(tmp_path / "none.jsonl"), file.read_text("utf-8"))
    file.write_text(moved, "utf-8")
    errors = ErrorBrowser(Run(copy.directory))
    answer = errors.rows()
    assert "stored" in answer["note"] and answer["rows"][0]["text"], "a run keeps the texts that its spans are of"
    assert errors.choices()["slices"] == {} and errors.choices()["training"] is False


def test_a_split_without_true_spans_is_refused(runs: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    known: SpanPredictions = runs[0].predictions("test")
    monkeypatch.setattr(Run, "predictions", lambda *_: dataclasses.replace(known, gold=None))
    with pytest.raises(LabError, match="true spans"):
        ErrorBrowser(runs[0])


def test_spans_in_html_overlap_and_end_at_the_edges() -> None:
    spans = [
        {"start": 0, "end": 8, "label": "place"},
        {"start": 4, "end": 13, "label": "org", "confidence": 0.5, "error": "spurious"},
    ]
    made = marked_html("New York Bank", spans, ["place", "org"])
    assert made.count("<mark") == 3 and "✕ spurious: org 50 %" in made
    assert "".join(re.sub(r"<small.*?</small>", "", made).split("<")[1:]).count("New") == 1
    assert "…" in marked_html("😀" * 500, [{"start": 0, "end": 500, "label": "x"}], [])
    assert marked_html("", [{"start": 0, "end": 3, "label": "x"}], []).count("<mark") == 0


# -- confusion matrix, and other tasks -----------------------------------------------------------------------------------------


def test_the_matrix_counts_entities(runs: tuple[Run, Run]) -> None:
    matrix = ConfusionMatrix(runs[0], order="errors")
    assert matrix.matrix["labels"] == ["food", "travel", "(nothing)"]
    assert matrix.matrix["entities"] and not matrix.matrix["rows"]
    assert matrix.matrix["n"] == int(matrix.evaluation.confusion.sum())
    answer = matrix.answer("pick", {"true": "food", "predicted": "travel"})
    assert not answer["ok"] and "ErrorBrowser" in answer["error"]["message"]
    assert matrix.picked == {} and matrix.examples() == {"rows": [], "of": 0, "note": ""}
    assert "(nothing)" in matrix.csv() and "(nothing)" in matrix.face() and "entities" in matrix.face()
    assert matrix.figure() is not None
    both = ConfusionMatrix(runs[0], compare=runs[1])
    assert both.matrix["compare"] == "poor"
    alone = ConfusionMatrix(runs[0].predictions("test"))
    assert alone.matrix["cells"] == ConfusionMatrix(runs[0]).matrix["cells"]


def test_a_matrix_is_of_classes_or_entities(runs: tuple[Run, Run]) -> None:
    for labels in ((), ("(answer)", "(no answer)")):
        other = dataclasses.replace(runs[0].evaluation, labels=labels, what="12 questions")
        with pytest.raises(LabError, match=r"12 questions.*ErrorBrowser"):
            ConfusionMatrix(other)


def test_an_unknown_split_of_spans(runs: tuple[Run, Run]) -> None:
    with pytest.raises((UnknownName, DataError), match="validation"):
        ErrorBrowser(runs[0], split="tset")
