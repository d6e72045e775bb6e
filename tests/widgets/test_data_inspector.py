"""The Python half of the data inspector: what every click does, without a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import toy_rows

from labkit.data import Corpus, read, sample, sample_path
from labkit.errors import LabError, UnknownName
from labkit.widgets import DataInspector
from labkit.widgets._inspector_selection import SELECTION_LIMIT

HOSTILE = "<img src=x onerror=alert(1)> & 'quotes' \u202e"


@pytest.fixture()
def corpus() -> Corpus:
    rows = toy_rows()
    rows += [{"id": f"d{i}", "text": rows[i]["text"], "topic": rows[i]["topic"]} for i in range(3)]  # duplicates
    rows[5]["text"] = " ".join(["goal"] * 80)
    train, test = rows[:90] + rows[120:], rows[90:120]
    numbered = [{**row, "score": str(i % 10)} for i, row in enumerate(train)]
    return read(numbered, test=[{**row, "score": "3"} for row in test])


@pytest.fixture()
def inspector(corpus: Corpus, toy_model: Path) -> DataInspector:
    return DataInspector(corpus, model=str(toy_model))


def value(inspector: DataInspector, name: str, **arguments: Any) -> Any:
    answer = inspector.answer(name, arguments)
    assert answer["ok"], answer
    json.dumps(answer["value"], allow_nan=False)
    return answer["value"]


def problem(inspector: DataInspector, name: str, **arguments: Any) -> str:
    answer = inspector.answer(name, arguments)
    assert not answer["ok"]
    return str(answer["error"]["message"])


def ids(inspector: DataInspector) -> list[str]:
    return [row["id"] for row in value(inspector, "look", size=500)["rows"]]


def test_the_parts_of_the_browser_half_call_commands_that_exist() -> None:
    parts = (Path(__file__).parents[2] / "widgets/src/inspector").glob("*.tsx")
    called = {
        name
        for path in parts
        for name in re.findall(r"\bact\(\"(\w+)|\.call(?:<[^(]*>)?\(\s*\"(\w+)", path.read_text("utf-8"))
    }
    names = {one or other for one, other in called}
    assert {"look", "select", "start_repair"} <= names <= set(DataInspector.commands)


def test_filters_and_order_by_command_and_by_method_are_the_same(inspector: DataInspector) -> None:
    everything = value(inspector, "look")
    assert everything["count"] == 123 and len(everything["rows"]) == 100
    assert value(inspector, "look", filters={"search": "goal", "splits": ["train"]})["count"] == (
        inspector.filter(search="goal", splits=["train"])
    )
    first = ids(inspector)
    inspector.filter(splits=None)
    assert inspector.filters == {"search": "goal"}
    assert inspector.search("go.l", regex=True) == inspector.view.count >= len(first)
    inspector.search("")
    assert inspector.filters == {}

    inspector.sort_by("length", descending=True)
    assert ids(inspector)[0] == "t5"
    assert value(inspector, "look", sort=[["length", "ascending"]])["rows"][0]["length"] < 30
    inspector.sort = []
    assert inspector.filter(labels=["sport"], length=(0, 40), where=[("score", "=", "3")]) == len(ids(inspector)) > 0
    rows = value(inspector, "look")["rows"]
    assert value(inspector, "look")["extra"] == ["score"], "the column that is filtered by is shown"
    assert all(row["labels"] == ["sport"] and row["length"] <= 40 and row["extra"] == ["3"] for row in rows)
    inspector.filters = {}
    assert inspector.filter(rows=["t3", "t1"]) == 2 and inspector.filters == {"rows": 2}
    assert inspector.filter(rows=[]) == 0
    assert inspector.filter(rows=None) == 123


def test_what_is_wrong_changes_nothing(inspector: DataInspector) -> None:
    inspector.search("goal")
    before, revision = inspector.filters, inspector.revision
    assert "regular expression" in problem(inspector, "look", filters={"search": "(", "regex": True})
    assert "nope" in problem(inspector, "look", filters={"labels": ["nope"]})
    assert "nope" in problem(inspector, "look", sort=[["nope", "ascending"]])
    assert "nope" in problem(inspector, "look", filters={"nope": 1})
    assert "row" in problem(inspector, "show", row_id="nope")
    assert "row" in problem(inspector, "select", row_ids=["t1", "nope"])
    assert "command" in problem(inspector, "repair")
    with pytest.raises(UnknownName, match="nope"):
        inspector.filters = {"labels": ["nope"]}
    with pytest.raises(LabError, match=r"filter=.*Did you mean filters="):
        DataInspector(inspector.corpus, filter={})
    with pytest.raises(UnknownName, match="task"):
        DataInspector(inspector.corpus, task="cooking")
    with pytest.raises(LabError):
        DataInspector(inspector.corpus, model="no-such-model")
    assert inspector.filters == before and inspector.revision == revision


def test_counts_follow_all_filters_but_their_own(inspector: DataInspector) -> None:
    every = value(inspector, "facets")
    assert {split: n for split, n, _ in every["splits"]} == {"train": 93, "test": 30}
    assert sum(n for _, n, _ in every["labels"]) == 123
    inspector.filter(labels=["sport"])
    now = value(inspector, "facets")
    assert [n for _, _, n in now["labels"]] == [n for _, n, _ in every["labels"]], "its own filter does not count"
    assert sum(n for _, _, n in now["splits"]) == inspector.view.count == sum(now["lengths"]["counts"])
    assert value(inspector, "values", column="score")[0][0] == "3"


def test_selection_is_a_value_that_can_be_observed_and_set(inspector: DataInspector) -> None:
    seen: list[Any] = []
    inspector.observe(lambda change: seen.append(change["new"]), names="selection")
    value(inspector, "select", row_ids=["t3"])
    value(inspector, "select", row_ids=["t1", "t3"], how="toggle")
    assert seen == [["t3"], ["t1"]] and inspector.selected == 1
    inspector.sort_by("length", descending=True)
    value(inspector, "select_range", first=2, last=0)
    assert set(inspector.selection) == set(ids(inspector)[:3])
    value(inspector, "select_range", first=3, last=4, how="add")
    assert inspector.selected == 5
    inspector.search("bread")
    value(inspector, "select_all")
    assert set(inspector.selection) == set(ids(inspector)) and all(
        r["selected"] for r in value(inspector, "look")["rows"]
    )
    inspector.selection = ["t8"]
    assert inspector.selected_ids() == ["t8"]
    with pytest.raises(LabError):
        inspector.selection = ["nope"]
    value(inspector, "select_none")
    assert inspector.selection == [] and inspector.selected == 0


def test_a_large_selection_stays_in_python(toy_model: Path) -> None:
    big = DataInspector(toy_rows(SELECTION_LIMIT + 500), model=str(toy_model))
    revision = big.revision
    big.select_all()
    assert big.selected == SELECTION_LIMIT + 500 == len(big.selected_ids()) and big.selection == []
    assert big.revision > revision, "rows that were given out carry no mark yet"
    assert all(row["selected"] for row in value(big, "look")["rows"])
    assert "inspector.select_all({})" in big.cell()
    big.select(["t0"], how="remove")
    assert big.selected == SELECTION_LIMIT + 499 and "one by one" in big.cell()
    value(big, "select_range", first=0, last=1200)
    assert big.selected == 1201
    big.select(["t3"])
    assert big.selection == ["t3"]


def test_findings_and_their_repairs(inspector: DataInspector) -> None:
    value(inspector, "facets")  # the first look at the counts starts the check
    inspector.wait(60)
    assert inspector.jobs["check"]["state"] == "done"
    found = {one["name"]: one for one in inspector.findings}
    assert found["exact_duplicates"]["count"] == 3 and found["exact_duplicates"]["safe"]
    assert found["truncated"]["repair"] == ""
    assert inspector.filter(finding="exact_duplicates") == 3
    inspector.select_finding("duplicates")
    assert inspector.selection == ["d0", "d1", "d2"]
    with pytest.raises(UnknownName, match="exact_duplicates"):
        inspector.filter(finding="nope")

    before, corpora = inspector.corpus, []
    inspector.observe(lambda change: corpora.append(change["new"]), names="corpus")
    inspector.select(["t1", "d1"])
    repaired = inspector.repair("drop_duplicates")
    assert corpora == [repaired] and repaired is inspector.corpus and repaired.config.repairs == ("drop_duplicates",)
    assert inspector.view.count == 120 and inspector.filters == {} and inspector.selection == ["t1"]
    assert inspector.about["steps"][-1] == {**inspector.about["steps"][-1], "name": "drop_duplicates", "rows": 3}
    value(inspector, "undo")
    inspector.wait(60)
    assert inspector.corpus is before and inspector.view.count == 123 and inspector.jobs["check"]["state"] == "done"
    assert "Expected a repair" in problem(inspector, "undo")

    value(inspector, "start_repair", names=["nope"])
    inspector.wait(60)
    assert "nope" in inspector.jobs["repair"]["error"] and inspector.corpus is before
    value(inspector, "start_repair", names=[])
    inspector.wait(60)
    assert inspector.repairs == inspector.corpus.config.repairs != ()


def test_labels_that_a_repair_takes_away_leave_the_filters(toy_model: Path) -> None:
    rows = [
        {**row, "topic": "Sport" if row["topic"] == "sport" and i < 9 else row["topic"]}
        for i, row in enumerate(toy_rows())
    ]
    inspector = DataInspector(rows, model=str(toy_model), filters={"labels": ["Sport", "food"]}, sort="length")
    inspector.repair("merge_label_variants")
    assert inspector.filters == {"labels": ["food"]} and inspector.sort == [["length", "ascending"]]


def test_a_row_in_full_and_what_the_tokenizer_sees(inspector: DataInspector) -> None:
    detail = value(inspector, "show", row_id="t5")
    assert inspector.current == "t5" and detail["texts"][0]["text"].startswith("goal goal")
    assert ["score", "5"] in detail["columns"]
    assert value(inspector, "ask_tokens", row_id="t5") == {"ready": False}
    inspector.wait(60)
    seen = value(inspector, "ask_tokens", row_id="t5")
    assert (seen["count"], seen["beyond"], seen["limit"]) == (82, 18, 64) and seen["unknown"] == 0
    assert "".join(text for column, text, _, _ in seen["pieces"] if column) == " ".join(["goal"] * 80)
    assert [token["token"] for token in inspector.tokens("t5")][:2] == ["[CLS]", "goal"]
    assert value(inspector, "where", row_id="t5") == 5


def test_similar_rows(inspector: DataInspector, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    inspector.search("goal")
    near = inspector.similar("t1", n=5)
    assert len(near) == 5 and "t1" not in [one["row_id"] for one in near]
    assert near[0]["row_id"] == "d1" and near[0]["score"] == pytest.approx(1, abs=1e-3), "the same text"
    assert inspector.filters == {"similar": "t1"} and ids(inspector) == [one["row_id"] for one in near]
    assert [row["score"] for row in value(inspector, "look")["rows"]] == [one["score"] for one in near]
    assert "inspector.similar('t1', n=5)" in inspector.cell()
    assert value(inspector, "where", row_id=near[2]["row_id"]) == 2
    value(inspector, "start_similar", row_id="t2")
    inspector.wait(60)
    assert inspector.near["row_id"] == "t2" and len(inspector.near["rows"]) == 20
    monkeypatch.setattr("labkit.widgets._inspector_similar.COMPARED", 50)
    with pytest.raises(LabError, match="filter first"):
        DataInspector(inspector.corpus, model=inspector.model).similar("t1")


def test_a_column_may_have_any_name(toy_model: Path) -> None:
    rows = [{**row, "score": "9", "selected": "x", "split_": "y", "length": "z"} for row in toy_rows(12)]
    inspector = DataInspector(rows, model=str(toy_model), sort="score")
    row = value(inspector, "look")["rows"][0]
    assert row["score"] is None and row["selected"] is False and row["extra"] == ["9"]
    assert ["length (source)", "z"] in value(inspector, "show", row_id="t0")["columns"]


def test_texts_are_never_html_and_the_face_has_what_matters(toy_model: Path) -> None:
    rows = [{**row, "text": HOSTILE + row["text"], "topic": HOSTILE + row["topic"]} for row in toy_rows(30)]
    inspector = DataInspector(rows, model=str(toy_model), filters={"search": "<img"})
    face = inspector._repr_html_()
    assert "<img" not in face and "&lt;img" in face and "30 of 30 rows" in face
    assert "The first 8 of 30 rows" in face


def test_the_cell_brings_back_what_is_seen(toy_csv: Path, toy_model: Path) -> None:
    inspector = DataInspector(str(toy_csv), model=str(toy_model))
    inspector.repair("strip_whitespace", "drop_duplicates")
    inspector.filter(labels=["food"], where=[("text", "contains", "bread")], length=(None, 200))
    inspector.sort_by("length", descending=True)
    inspector.select(ids(inspector)[:2])
    space: dict[str, Any] = {}
    exec(inspector.cell(), space)  # noqa: S102
    again = space["inspector"]
    assert ids(again) == ids(inspector) and again.selection == inspector.selection
    assert again.corpus.config == inspector.corpus.config and again.cell() == inspector.cell() == inspector.code


def test_data_without_labels_and_without_rows_in_view(toy_model: Path) -> None:
    inspector = DataInspector([{"text": f"text number {i}"} for i in range(30)], model=str(toy_model))
    assert value(inspector, "look")["rows"][0]["labels"] == []
    inspector.search("nothing has this")
    assert value(inspector, "look")["rows"] == [] and sum(value(inspector, "facets")["lengths"]["counts"]) == 0
    assert "0 of 30 rows" in inspector.face() and "0 of 30 rows" in repr(inspector)
    inspector.select_all()
    assert inspector.selected == 0


def test_figures_follow_the_filters(inspector: DataInspector) -> None:
    inspector.filter(labels=["sport"])
    assert inspector.figure().layout.yaxis.ticktext == ("sport",)
    assert "lengths" in inspector.figure("lengths").layout.title.text
    with pytest.raises(UnknownName, match="classes"):
        inspector.figure("pie")


def test_only_numbers_are_kept_of_the_rows(inspector: DataInspector) -> None:
    assert inspector._marks.dtype == np.bool_ and "text" not in json.dumps(
        inspector.get_state(["filters", "findings"]), default=str
    )


# -- rows that are more than a text with labels -------------------------------------------------------------------------------


def opened(corpus: Corpus, model: Path) -> tuple[DataInspector, list[dict[str, Any]]]:
    inspector = DataInspector(corpus, model=str(model))
    return inspector, value(inspector, "look")["rows"]


def test_questions_show_their_answers_in_the_context(toy_model: Path) -> None:
    inspector, rows = opened(sample("qa"), toy_model)
    assert inspector.task == "question-answering" and inspector.about["what"] == "questions with contexts"
    assert [title for _, title in inspector.about["texts"]] == ["Question", "Answer", "Context"]
    found = value(inspector, "show", row_id=rows[0]["id"])
    question, context = found["texts"]
    assert rows[0]["cells"][0] == question["text"] and rows[0]["cells"][1] == " · ".join(found["answers"])
    marked = [context["text"][mark["start"] : mark["end"]] for mark in context["marks"]]
    assert marked == found["answers"] and marked
    without = next(row for row in rows if row["labels"] == ["no answer"])
    assert without["cells"][1] is None and value(inspector, "show", row_id=without["id"])["answers"] == []
    inspector.filter(labels=["no answer"])
    assert inspector.view.count == 218
    assert inspector.search("nuns' low doors") > 0, "the context is searched, too"


def test_pairs_stand_side_by_side_with_their_ratio(toy_model: Path) -> None:
    inspector, rows = opened(sample("phrasebook"), toy_model)
    assert rows[0]["cells"] == ["Welcome to our house!", "Willkommen in unserem Haus!"]
    assert rows[0]["ratio"] == pytest.approx(27 / 21, abs=1e-3) and not rows[0]["labels"]
    found = value(inspector, "show", row_id=rows[0]["id"])
    assert [one["title"] for one in found["texts"]] == ["Source", "Target"] and found["columns"] == [
        ["topic", "greeting"]
    ]
    assert inspector.search("Willkommen") == 3
    columns = {token["column"] for token in inspector.tokens(rows[0]["id"])}
    assert columns == {"", "text", "target"}
    face = inspector.face()
    assert "<th>source</th>" in face and "Willkommen" in face and "<th>label</th>" not in face


def test_conversations_have_their_turns_and_texts_their_windows(toy_model: Path) -> None:
    inspector, rows = opened(sample("assistant"), toy_model)
    found = value(inspector, "show", row_id=rows[0]["id"])
    assert [turn["role"] for turn in found["turns"]] == ["system", "user", "assistant"] and found["texts"] == []
    assert rows[0]["cells"][1] == found["turns"][-1]["content"][:300]
    assert inspector.about["what"] == "conversations"
    inspector, rows = opened(sample("garden"), toy_model)
    inspector._tokenizer()
    seen = value(inspector, "ask_tokens", row_id=rows[0]["id"])
    assert seen["reading"] == "windows" and seen["count"] > seen["limit"] and seen["beyond"] == 0, "nothing is cut off"


def test_spans_are_marked_and_scores_shown(toy_model: Path) -> None:
    inspector, rows = opened(sample("ner"), toy_model)
    (text,) = value(inspector, "show", row_id=rows[0]["id"])["texts"]
    assert {mark["label"] for mark in text["marks"]} == set(rows[0]["labels"])
    scored = read([{"text": f"text {i}", "label": i * 0.37} for i in range(30)], scores=True)
    inspector, rows = opened(scored, toy_model)
    assert rows[1]["labels"] == ["0.37"] and inspector.about["what"] == "texts with scores"


def test_data_and_task_must_go_together(toy_model: Path) -> None:
    with pytest.raises(LabError, match="layout='labels'"):
        DataInspector(sample("phrasebook"), model=str(toy_model), task="text-classification")
    inspector = DataInspector(sample("phrasebook"), model=str(toy_model), task="summarization")
    assert "task='summarization'" in inspector.code
    inspector.corpus = sample("qa")
    assert inspector.task == "question-answering"
    path = str(sample_path("phrasebook"))
    read_as = DataInspector(path, model=str(toy_model), task="translation")
    assert read_as.corpus.config.layout == "pairs" and "task='translation'" in read_as.code
