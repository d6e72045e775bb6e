"""The error browser of runs that answer, translate, summarize, write and fill in, without a browser."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from error_runs import HOSTILE, answers, pairs, texts

from labkit.errors import LabError, UnknownName
from labkit.evaluation import ANSWER_ERROR_KINDS, answer_errors, text_errors
from labkit.tasks import TASKS
from labkit.training import Run
from labkit.widgets import ErrorBrowser


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return answers(tmp_path_factory.mktemp("asked"))


@pytest.fixture(scope="module")
def translated(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return pairs(tmp_path_factory.mktemp("translated"))


@pytest.fixture(scope="module")
def prompted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return texts(tmp_path_factory.mktemp("prompted"))


@pytest.fixture(scope="module")
def runs(asked: Run, translated: Run, prompted: Run) -> dict[str, Run]:
    return {"answers": asked, "pairs": translated, "texts": prompted}


VIEWS = ("answers", "pairs", "texts")


def all_rows(errors: ErrorBrowser) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = errors.rows(0, 200)["rows"]
    return found


# -- what every view has -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_everything_can_be_sent_to_a_browser(view: str, runs: dict[str, Run]) -> None:
    errors = ErrorBrowser(runs[view], include="all")
    assert errors.view == view == TASKS[runs[view].recipe.task].layout
    for name, arguments in (("rows", {"count": 200}), ("choices", {}), ("row", {"row_id": errors.current})):
        answer = errors.answer(name, arguments)
        assert answer["ok"], answer
        assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    for row in all_rows(errors):
        assert errors.answer("row", {"row_id": row["row_id"]})["ok"]
    choices = errors.choices()
    assert choices["counts"]["all"] == len(errors.ids()) == choices["counts"]["wrong"] + choices["counts"]["unsure"]
    assert choices["training"] > 0 and choices["measure"] in errors.rows()["order"]


@pytest.mark.parametrize("view", VIEWS)
def test_slices_search_and_rows(view: str, runs: dict[str, Run]) -> None:
    errors = ErrorBrowser(runs[view], include="all")
    everything = errors.ids()
    column = "length" if view == "answers" else "channel"
    slices = errors.choices()["slices"][column]
    found = []
    for value in slices:
        errors.filters = {"slice": [column, value]}
        found += errors.ids()
    assert sorted(found) == sorted(everything), "the slices of a column hold every row once"
    assert not {"answers", "target", "text_pair", "messages"} & set(errors.choices()["slices"])
    errors.filters = {"search": "ONERROR"}
    assert 0 < len(errors.ids()) < len(everything)
    errors.filters = {"rows": everything[2:4]}
    assert errors.ids() == everything[2:4]
    for filters, said in (({"true": "food"}, "search"), ({"kind": "boundry"}, "boundary")):
        if view == "answers" or "kind" not in filters:
            answer = errors.answer("filter", filters)
            assert not answer["ok"] and said in answer["error"]["message"], answer
    with pytest.raises(UnknownName, match="errors"):
        errors.order = "accuracy" if view != "texts" else "confidence"


@pytest.mark.parametrize("view", VIEWS)
def test_marked_rows_are_handed_over_and_kept(view: str, runs: dict[str, Run], tmp_path: Path) -> None:
    errors = ErrorBrowser(runs[view]).keep_in(tmp_path / "kept.json")
    errors.filters = {"search": "onerror"}
    errors.select(errors.ids(0, 2))
    assert errors.answer("hand_over", {})["value"] == errors.relabel == errors.ids(0, 2)
    other = next(order for order, _ in errors.choices()["orders"] if order != "errors")
    errors.order = other
    found: dict[str, Any] = {}
    exec(compile(errors.code, "cell", "exec"), found)  # noqa: S102
    again = found["errors"]
    assert (again.order, again.filters, again.selection) == (other, errors.filters, errors.selection)
    kept = ErrorBrowser(runs[view]).keep_in(tmp_path / "kept.json")
    assert (kept.order, kept.filters, kept.selection, kept.error) == (other, errors.filters, errors.selection, "")


@pytest.mark.parametrize("view", VIEWS)
def test_faces_are_escaped(view: str, runs: dict[str, Run]) -> None:
    errors = ErrorBrowser(runs[view], include="all", filters={"search": "onerror"})
    face = errors._repr_html_()
    assert "<img" not in face and "&lt;img" in face and "dir=auto" in face
    assert errors.rows()["order"] in face and "filtered" in face
    nothing = ErrorBrowser(runs[view], filters={"search": "nothing is like this"})
    assert "0 " in nothing.face() and nothing.current == "" and nothing.rows()["of"] == 0


@pytest.mark.parametrize("view", VIEWS)
def test_neighbours_come_from_what_is_asked_or_read(
    view: str, runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = ErrorBrowser(runs[view])
    seen: list[str] = []
    from labkit.models import embed

    def watched(texts: list[str], *rest: Any, **more: Any) -> Any:
        seen.extend(texts)
        return embed(texts, *rest, **more)

    monkeypatch.setattr("labkit.widgets._error_browser.embed", watched)
    errors.prepare()
    errors._jobs.wait(60)
    assert errors.jobs["test run"]["state"] == "done", errors.jobs
    near = errors.answer("neighbours", {"row_id": errors.current, "n": 4})["value"]
    corpus = errors._of.corpus
    assert corpus is not None
    train = corpus["train"]
    assert set(seen) == {*train["text"], *runs[view].predictions("test").to_table()["text"].to_pylist()}
    beside = {"answers": "answers", "pairs": "target", "texts": "target"}[view]
    cells = dict(zip(train["row_id"], train[beside], strict=True))
    for one in near:
        told = cells[one["row_id"]]
        assert one[beside] == (list(dict.fromkeys(a["text"] for a in told)) if view == "answers" else told)
    assert [one["cosine"] for one in near] == sorted((one["cosine"] for one in near), reverse=True)
    assert json.loads(json.dumps(near)) == near


def test_a_starter_model_itself_is_no_base_to_compare_with(asked: Run, tmp_path: Path) -> None:
    copy = Run(shutil.copytree(asked.directory, tmp_path / "copy"))
    file = copy.directory / "recipe.toml"
    file.write_text(file.read_text("utf-8").replace(asked.recipe.model.name, "starter:bert-tiny"), "utf-8")
    errors = ErrorBrowser(Run(copy.directory), space="base")
    answer = errors.answer("neighbours", {"row_id": errors.current})
    assert not answer["ok"] and "random before this run" in answer["error"]["message"]


@pytest.mark.parametrize("view", VIEWS)
def test_the_texts_stay_when_the_data_is_gone(view: str, runs: dict[str, Run], tmp_path: Path) -> None:
    copy = Run(shutil.copytree(runs[view].directory, tmp_path / "gone"))
    file = copy.directory / "recipe.toml"
    path = runs[view].recipe.data.train
    file.write_text(file.read_text("utf-8").replace(str(path), str(tmp_path / "none.jsonl")), "utf-8")
    errors = ErrorBrowser(Run(copy.directory), include="all")
    answer = errors.rows()
    assert "stored" in answer["note"] and answer["rows"][0]["text"]
    assert errors.choices()["slices"] == {} and errors.choices()["training"] is False
    assert errors.row(errors.current)["columns"] == {}
    assert not errors.answer("neighbours", {"row_id": errors.current})["ok"]


def test_a_split_without_the_truth_is_refused(runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    changes: dict[str, dict[str, Any]] = {
        "answers": {"gold": None},
        "pairs": {"references": None},
        "texts": {"tokens": np.zeros(len(runs["texts"].predictions()))},
    }
    for view, change in changes.items():
        less = dataclasses.replace(runs[view].predictions("test"), **change)
        with monkeypatch.context() as patch:
            patch.setattr(Run, "predictions", lambda *_, less=less: less)
            with pytest.raises(LabError, match="in the test rows"):
                ErrorBrowser(runs[view])


def test_a_view_follows_from_the_run(asked: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LabError, match="follows from the run"):
        ErrorBrowser(asked, view="labels")
    other = object()
    monkeypatch.setattr(TASKS["question-answering"], "layout", "labels")
    monkeypatch.setattr(Run, "predictions", lambda *_: other)
    with pytest.raises(LabError, match="a run that predicts classes"):
        ErrorBrowser(asked)


# -- answers -------------------------------------------------------------------------------------------------------------------


def test_wrong_answers_by_kind_and_order(asked: Run) -> None:
    errors = ErrorBrowser(asked)
    every = answer_errors(asked.predictions("test"))
    assert errors.choices()["kinds"] == {kind: every.counts.get(kind, 0) for kind in ANSWER_ERROR_KINDS}
    assert min(errors.choices()["kinds"].values()) > 0, "the predictions have every kind"
    rows = all_rows(errors)
    assert {row["row_id"] for row in rows} == {error.row_id for error in every}
    assert [row["f1"] for row in rows] == sorted(row["f1"] for row in rows)
    errors.order = "confidence"
    assert errors.ids() == [error.row_id for error in every], "the surest mistakes first"
    for kind in ANSWER_ERROR_KINDS:
        errors.filters = {"kind": kind}
        assert errors.ids() == [error.row_id for error in every if error.kind == kind]
    errors.filters, errors.include = {}, "unsure"
    sure = [row["confidence"] for row in all_rows(errors)]
    assert sure == sorted(sure) and all(row["right"] and row["f1"] == 1 for row in all_rows(errors))


def test_one_answer_in_its_context(asked: Run) -> None:
    errors = ErrorBrowser(asked, include="all")
    by_kind = {row["kind"]: row for row in all_rows(errors)}
    for kind, row in by_kind.items():
        one = errors.row(row["row_id"])
        for answer in [*one["gold"], *([one["predicted"]] if one["predicted"] else []), *one["alternatives"]]:
            assert one["context"][answer["start"] : answer["end"]] == answer["text"] and answer["stands"]
        assert (one["predicted"] is None) == (kind == "no answer given")
        assert (one["gold"] == []) == (kind == "answer where there is none")
        chances = [one["none"], *(answer["probability"] for answer in one["alternatives"])]
        assert sum(chances) == pytest.approx(1)
        said = chances[0] if one["predicted"] is None else chances[1]
        assert said == pytest.approx(one["confidence"]), "what is predicted has the confidence of the row"
    assert by_kind[""]["right"] and by_kind["boundary"]["f1"] < 1
    several = next(row for row in all_rows(errors) if len(row["gold"]) > 1)
    both = errors.row(several["row_id"])["gold"]
    assert len(both) == 2 and both[0]["text"] == several["gold"][0], "the one that fits the prediction comes first"


# -- pairs ---------------------------------------------------------------------------------------------------------------------


def test_the_worst_translations_come_first(translated: Run) -> None:
    errors = ErrorBrowser(translated)
    every = text_errors(translated.predictions("test"))
    assert errors.ids() == [error.row_id for error in every]
    assert [row["score"] for row in all_rows(errors)] == pytest.approx([error.score for error in every])
    assert errors.rows()["order"] == "lowest chrF first"
    errors.order = "confidence"
    sure = [row["confidence"] for row in all_rows(errors)]
    known = [value for value in sure if value is not None]
    assert known == sorted(known, reverse=True) and sure[len(known) :] == [None] * (len(sure) - len(known))
    for word in ("the", "und", "ganz anderes"):  # source, reference, written
        errors.filters = {"search": word}
        assert errors.ids()
    errors.include, errors.filters = "unsure", {}
    assert all(row["target"] == row["predicted"] for row in all_rows(errors)) and errors.ids()


def test_one_translation_with_its_figures(translated: Run) -> None:
    errors = ErrorBrowser(translated)
    row = next(row for row in all_rows(errors) if row["predicted"].startswith("die "))
    one = errors.row(row["row_id"])
    figures = {figure["name"]: figure["value"] for figure in one["figures"]}
    assert figures["chrF"] == f"{row['score']:,.1f}" and {"BLEU", "Length ratio"} <= set(figures)
    assert one["words"] == [len(one[name].split()) for name in ("text", "target", "predicted")]
    assert one["columns"]["channel"] in ("mail", "chat") and "target" not in one["columns"]
    empty = next(row for row in all_rows(errors) if not row["predicted"])
    assert "BLEU" not in {figure["name"] for figure in errors.row(empty["row_id"])["figures"]}, (
        "of less than four words"
    )
    face = errors.face()
    assert "<mark" in face and "nothing" in face and "chrF" in face


def test_summaries_are_judged_by_rouge(tmp_path: Path) -> None:
    errors = ErrorBrowser(pairs(tmp_path, "summarization"))
    assert errors.rows()["order"] == "lowest ROUGE-L first"
    assert [row["score"] for row in all_rows(errors)] == sorted(row["score"] for row in all_rows(errors))
    names = {figure["name"] for figure in errors.row(errors.ids()[-1])["figures"]}
    assert {"ROUGE-1", "ROUGE-2", "ROUGE-L", "Copied pairs of words", "Length in words"} <= names


# -- texts ---------------------------------------------------------------------------------------------------------------------


def test_texts_by_perplexity_or_accuracy(prompted: Run) -> None:
    errors = ErrorBrowser(prompted)
    numbers = [int(row_id[1:]) for row_id in errors.ids()]
    assert numbers == sorted(numbers, reverse=True) and not any(number % 5 == 0 for number in numbers)
    row = all_rows(errors)[0]
    assert row["score"] == pytest.approx(math.exp(0.1 + numbers[0] / 20)) and row["tokens"] == 10
    errors.order = "accuracy"
    shares = [row["accuracy"] for row in all_rows(errors)]
    assert shares == sorted(shares) and errors.rows()["order"] == "lowest token accuracy first"
    errors.filters = {"written": True}
    assert all(row["written"] for row in all_rows(errors)) and 0 < len(errors.ids()) < len(numbers)
    errors.filters, errors.include = {"search": "we take the bread"}, "all"
    assert all(int(row_id[1:]) % 2 == 0 for row_id in errors.ids()), "what was written is searched, too"


def test_one_prompt_with_what_was_written(prompted: Run) -> None:
    errors = ErrorBrowser(prompted, include="all", filters={"written": True})
    one = errors.row(errors.current)
    assert one["target"].startswith("we take the ") and one["predicted"].endswith(HOSTILE)
    names = {figure["name"] for figure in one["figures"]}
    assert {"Perplexity", "Token accuracy", "Repetition", "ROUGE-L", "chrF"} <= names
    errors.filters = {}
    silent = next(row["row_id"] for row in all_rows(errors) if not row["written"])
    assert errors.row(silent)["predicted"] is None
    assert "Repetition" not in {figure["name"] for figure in errors.row(silent)["figures"]}


@pytest.mark.parametrize("form", ["raw", "masks"])
def test_running_texts_and_masked_ones(form: str, tmp_path: Path) -> None:
    errors = ErrorBrowser(texts(tmp_path, form), include="all")
    one = errors.row(errors.current)
    assert one["target"] is None and one["text"] and one["hits"] <= one["tokens"]
    assert bool(errors.choices()["written"]) == (form == "raw")
    face = errors.face()
    assert ("written" in face) == (form == "raw") and "perplexity" in face and "<img" not in face
    errors.prepare()
    errors._jobs.wait(60)
    near = errors.answer("neighbours", {"row_id": errors.current, "n": 3})
    assert near["ok"] and len(near["value"]) == 3, near
