"""The labeler without a browser."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import toy_rows, write_csv

from labkit.data import Journal, apply, read
from labkit.errors import DataError, LabError, UnknownName
from labkit.tasks import Predictions
from labkit.widgets import Labeler

LABELS = ("food", "sport", "travel")


@pytest.fixture()
def csv(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "toy.csv", toy_rows(30))


def predicted(ids: list[str], said: list[int], sure: float = 0.8) -> Predictions:
    p = np.full((len(ids), 3), (1 - sure) / 2)
    p[np.arange(len(ids)), said] = sure
    return Predictions(row_ids=ids, labels=LABELS, probabilities=p)


def ask(widget: Labeler, name: str, **arguments: Any) -> Any:
    answer = widget.answer(name, arguments)
    assert answer["ok"], answer
    return answer["value"]


def test_a_decision_is_on_the_disk_and_the_next_row_is_there(csv: Path) -> None:
    labeler = Labeler(csv, who="ann")
    assert labeler.labels == list(LABELS) and labeler.mode == "single" and labeler.current == "t0"
    said = ask(labeler, "label", label="food", row_id="t0", seconds=2.0, id="x1")
    assert said["id"] == "x1" and said["progress"]["done"] == 1 and said["progress"]["per_hour"] == 1800
    (line,) = [json.loads(text) for text in labeler.journal.path.read_text("utf-8").splitlines()]
    assert line["row_id"] == "t0" and line["new"] == "food" and line["who"] == "ann" and line["old"] == "food"
    assert labeler.current == "t1"
    labeler.skip()
    labeler.flag()
    labeler.note("odd")
    labeler.label("sport")
    assert labeler.journal.value("t1", "skip") is True
    assert labeler.journal.value("t2", "flag") is True and labeler.journal.value("t2", "note") == "odd"
    assert labeler.current == "t3" and labeler.progress["done"] == 3


def test_a_decision_that_is_sent_twice_is_written_once(csv: Path) -> None:
    labeler = Labeler(csv)
    for _ in range(2):
        ask(labeler, "label", label="food", row_id="t0", id="same")
        ask(labeler, "bulk", row_ids=["t3", "t4"], label="sport", id="stroke")
    assert len(labeler.journal) == 3 and labeler.current == "t1"


def test_unsaved_decisions_are_restored_unless_somebody_decided_since(csv: Path) -> None:
    labeler = Labeler(csv)
    labeler.label("food", "t0", id="known")
    labeler.label("food", "t1", id="other")

    def kept(id: str, row: str, after: str, label: str = "sport") -> dict[str, Any]:
        return {"id": id, "name": "label", "args": {"id": id, "row_id": row, "label": label}, "after": after}

    calls = [kept("known", "t0", ""), kept("late", "t1", ""), kept("new", "t2", ""), kept("next", "t2", "new")]
    found = ask(labeler, "restore", calls=[*calls, kept("bad", "t5", "", "no such label")])
    assert found["done"] == ["known", "new", "next"] and found["overtaken"] == ["late"]
    assert "no such label" in found["failed"]["bad"]
    assert labeler.journal.value("t1") == "food" and labeler.current == "t3"
    assert not labeler.answer("restore", {"calls": [{**kept("x", "t0", ""), "name": "undo"}]})["ok"]


def test_undo_to_any_depth_also_what_was_decided_yesterday(csv: Path) -> None:
    first = Labeler(csv)
    first.label("food")
    first.bulk(["t5", "t6", "t7"], "sport")
    first.flag()
    labeler = Labeler(csv)
    assert [entry["field"] for entry in labeler.history()] == ["flag", "label", "label"]
    assert labeler.history()[1]["rows"] == 3
    assert ask(labeler, "undo")["example"]["row_id"] == "t1"
    look = ask(labeler, "undo")
    assert look["example"]["row_id"] == "t5" and look["progress"]["done"] == 1
    assert ask(labeler, "undo")["example"]["row_id"] == "t0"
    assert labeler.progress["done"] == 0 and labeler.history() == []
    labeler.undo()
    labeler.redo()
    assert labeler.journal.value("t0") == "food" and labeler.progress["done"] == 1


def test_an_undo_that_is_sent_twice_takes_back_one_decision(csv: Path) -> None:
    labeler = Labeler(csv)
    labeler.label("food", id="a")
    labeler.label("food", id="b")
    for _ in range(2):
        ask(labeler, "undo", of="b")
    assert labeler.progress["done"] == 1
    assert not labeler.answer("undo", {"of": "a"})["ok"] or labeler.progress["done"] == 0


def test_a_fresh_kernel_goes_on_at_the_next_row_of_the_queue(csv: Path) -> None:
    for queue in ("file", "random", ["t9", "t3", "t4"]):
        first = Labeler(csv, queue=queue)
        if first.current:
            first.label("food")
        first.skip()
        again = Labeler(csv, queue=queue)
        assert again.current == first.current and again.progress["done"] == first.progress["done"]


def test_queues(csv: Path) -> None:
    labeler = Labeler(csv)
    labeler.label("sport", "t0")  # food in the file
    labeler.queue = "class:sport"
    assert labeler.answer("page", {})["value"]["count"] == 11 and labeler.current == "t1"
    labeler.queue = "class:food"
    assert labeler.answer("page", {})["value"]["count"] == 9
    labeler.queue = ["t7", "no such row", "t2", "t7"]
    assert labeler.current == "t7" and len(labeler.page()["rows"]) == 2
    assert labeler.queue_name == "selection"
    with pytest.raises(UnknownName):
        labeler.queue = "class:nothing"
    with pytest.raises(UnknownName):
        labeler.queue = "fiel"
    with pytest.raises(LabError, match="suggestions"):
        labeler.queue = "unsure"
    assert labeler.queue[0] == "t7" and labeler.current == "t7", "a queue that was refused changes nothing"
    assert not labeler.answer("choose", {"queue": "nothing"})["ok"]
    assert ask(labeler, "choose", queue="file")["example"]["row_id"] == "t1"


def test_rows_without_a_label(tmp_path: Path) -> None:
    rows = [{"id": f"t{i}", "text": f"some text number {i}", "label": "ab"[i % 2] if i < 20 else ""} for i in range(30)]
    labeler = Labeler(write_csv(tmp_path / "part.csv", rows), queue="unlabelled")
    assert labeler.progress["total"] == 10 and labeler.current == "t20"
    labeler.label("a")
    assert Labeler(tmp_path / "part.csv", queue="unlabelled").progress["total"] == 9


def test_suggestions(csv: Path) -> None:
    ids = [f"t{i}" for i in range(30)]
    sure = predicted(ids[:10], [i % 3 for i in range(10)], 0.9)
    unsure = predicted(ids[10:12], [0, 0], 0.4)
    both = Predictions(
        row_ids=[*sure.row_ids, *unsure.row_ids],
        labels=LABELS,
        probabilities=np.concatenate([sure.probabilities, unsure.probabilities]),
    )
    labeler = Labeler(csv, suggestions=both, queue="unsure")
    assert labeler.current == "t10" and labeler.progress["total"] == 12
    assert labeler.example is not None and labeler.example["suggestion"]["confidence"] == pytest.approx(0.4)
    labeler.accept()
    (line,) = labeler.journal.decisions()
    assert line.why == "suggestion" and line.suggestion == "food" and line.confidence == pytest.approx(0.4)
    assert ask(labeler, "count_above", threshold=0.85) == 10
    assert ask(labeler, "accept_many", threshold=0.85)["rows"] == 10
    assert labeler.progress["done"] == 11 and labeler.current == "t11"
    with pytest.raises(LabError, match="none"):
        labeler.accept("t29")


def test_suspects_are_the_rows_whose_label_is_doubtful(tmp_path: Path) -> None:
    rows = toy_rows(60)
    rows[7]["topic"] = "food"  # it is about sport
    labeler = Labeler(write_csv(tmp_path / "toy.csv", rows), queue="suspects")
    assert "t7" in [row["row_id"] for row in labeler.page()["rows"][:5]]
    assert labeler.example is not None and labeler.example["suggestion"] is not None


def test_a_function_is_asked_in_the_background(csv: Path) -> None:
    said = threading.Event()

    def model(texts: list[str]) -> Predictions:
        said.wait(5)
        return predicted([str(i) for i in range(len(texts))], [1] * len(texts))

    labeler = Labeler(csv, suggestions=model)
    look = ask(labeler, "look")
    assert look["example"]["suggestion"] is None
    told = threading.Event()
    labeler.observe(lambda change: told.set(), names=["thought"])
    ids = [example["row_id"] for example in look["upcoming"]]
    said.set()
    assert told.wait(10)
    assert ask(labeler, "suggest", row_ids=ids[:1])[ids[0]]["value"] == "sport"


def test_a_function_that_fails_is_shown_and_labelling_goes_on(csv: Path) -> None:
    def model(texts: list[str]) -> Predictions:
        raise ValueError("no weights")

    labeler = Labeler(csv, suggestions=model)
    told = threading.Event()
    labeler.observe(lambda change: told.set(), names=["error"])
    ask(labeler, "look")
    assert told.wait(10) and "no weights" in labeler.error
    labeler.label("food")


def test_several_labels(tmp_path: Path) -> None:
    rows = [{"text": f"text {i}", "label": ["a", "b"][: i % 3]} for i in range(9)]
    labeler = Labeler(read(rows, multi_label=True), journal=tmp_path / "x.labels.jsonl")
    assert labeler.mode == "multi"
    row = labeler.current
    labeler.label(["b", "a", "b"])
    assert labeler.journal.value(row) == ["b", "a"]
    labeler.label([])
    with pytest.raises(LabError, match="a list of labels"):
        labeler.label("a")


def test_spans(tmp_path: Path) -> None:
    rows = [{"id": f"r{i}", "text": "Ada met Charles 👩‍💻 in London."} for i in range(2)]
    make = {"journal": tmp_path / "x.labels.jsonl", "mode": "spans", "labels": ["person"]}
    labeler = Labeler(read(rows, require_label=False), **make)
    spans = [{"start": 8, "end": 15, "label": "person"}, {"start": 0, "end": 3, "label": "person"}]
    labeler.label(spans)
    written = [{**spans[1], "text": "Ada"}, {**spans[0], "text": "Charles"}]
    assert labeler.journal.value("r0", "spans") == written and labeler.current == "r1"
    beyond, empty = {"start": 3, "end": 99, "label": "person"}, {"start": 2, "end": 2, "label": "person"}
    for wrong in ([beyond], [empty], [{"start": 1}], "person"):
        with pytest.raises(LabError):
            labeler.label(wrong)
    again = Labeler(read(rows, require_label=False), journal=tmp_path / "x.labels.jsonl")
    assert again.mode == "spans" and again.labels == ["person"] and again.current == "r1"


@pytest.fixture()
def marked(tmp_path: Path) -> Path:
    """Texts with spans of their own; the last row has none yet."""
    texts = ["Ada met Charles 👩‍💻 in London", "nobody here", "Bath and Bath Spa", "later"]
    spans = [[[0, 3, "person"], [23, 29, "place"]], [], [[9, 17, "place"], [0, 4, "place"], [9, 13, "place"]], None]
    rows = [{"id": f"r{i}", "text": text, "spans": spans[i]} for i, text in enumerate(texts)]
    path = tmp_path / "marked.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_spans_of_the_data_are_where_labelling_begins(marked: Path) -> None:
    for labeler in (Labeler(marked, mode="spans"), Labeler(read(marked, layout="spans"))):
        assert labeler.mode == "spans" and labeler.labels == ["person", "place"]
        assert labeler.example["value"] == labeler.example["given"] == [
            {"start": 0, "end": 3, "label": "person"}, {"start": 23, "end": 29, "label": "place"},
        ]  # fmt: skip
    with pytest.raises(LabError, match="mode 'spans'"):
        Labeler(read(marked, layout="spans"), mode="single")
    assert labeler.look()["example"]["decided"] is False and 'layout="' not in labeler.cell()
    assert "layout='spans'" in labeler.cell()
    names = [value for value, _ in labeler.queues]
    assert "unlabelled" in names and "class:person" in names and not {"suspects", "unsure"} & set(names)
    labeler.choose("unlabelled")
    assert [labeler.work.id_at(place) for place in range(len(labeler.work.order))] == ["r1", "r3"]
    labeler.choose("class:person")
    assert labeler.current == "r0" and len(labeler.work.order) == 1


def test_what_the_labeler_shows_is_what_is_applied(marked: Path) -> None:
    labeler = Labeler(marked, mode="spans", who="ann")
    labeler.label([*labeler.example["value"], {"start": 8, "end": 15, "label": "person"}])
    labeler.label([])
    labeler.label(None, "r2")
    labeler.label([{"start": 0, "end": 5, "label": "when"}], "r3", new=True)
    labeler.label([{"start": 0, "end": 4, "label": "place"}], "r2")
    labeler.undo()
    fresh = Labeler(marked)  # the journal says what is decided on
    assert fresh.mode == "spans" and fresh.labels == ["person", "place", "when"]
    done = apply(read(marked, layout="spans"), marked)
    for row in done["train"]:
        shown = [widget.work.in_force(row["row_id"]) for widget in (labeler, fresh)]
        assert shown == [row["spans"]] * 2
    assert [row["spans"] and len(row["spans"]) for row in done["train"]] == [3, [], None, 1]
    assert done.labels == ("person", "place", "when")


def test_spans_of_a_text_that_changed_are_asked_for_again(marked: Path) -> None:
    labeler = Labeler(marked, mode="spans")
    labeler.label([{"start": 8, "end": 15, "label": "person"}])
    labeler.label([])
    assert labeler.progress["done"] == 2
    marked.write_text(
        marked.read_text("utf-8").replace("Ada met", "Eva met").replace("met Charles", "met Phoebe,"), "utf-8"
    )
    again = Labeler(marked)
    assert again.progress["done"] == 1 and again.current == "r0"
    assert [span["label"] for span in again.example["value"]] == ["person", "place"], "those of the data"
    done = apply(read(marked, layout="spans"), marked)
    assert done["train"]["spans"][0] == again.example["value"] and "'r0'" in done.steps[0].text
    again.label([{"start": 8, "end": 14, "label": "person"}])
    assert again.progress["done"] == 2
    assert len(apply(read(marked, layout="spans"), marked)["train"]["spans"][0]) == 1


def test_spans_far_into_a_long_text_are_shown_whole(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "x" * 30_000, "spans": [[24_990, 25_000, "end"]]}]
    labeler = Labeler(read(rows, layout="spans"), journal=tmp_path / "x.labels.jsonl")
    assert len(labeler.example["text"]) == 25_000 and labeler.example["length"] == 30_000
    assert len(labeler.page()["rows"][0]["text"]) == 300


def test_labels_that_do_not_exist_are_made_on_purpose_only(csv: Path) -> None:
    labeler = Labeler(csv)
    with pytest.raises(UnknownName, match="Did you mean 'food'"):
        labeler.label("fod")
    with pytest.raises(UnknownName):
        labeler.bulk(["t1", "t2"], "fod")
    assert len(labeler.journal) == 0
    labeler.label("weather", new=True)
    assert "weather" in labeler.labels and "weather" in Labeler(csv).labels
    labeler.add_label(" art ")
    labeler.label("art")


def test_the_text_in_force_is_shown_and_long_ones_are_cut(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "x" * 30_000, "label": "l"}, {"id": "b", "text": "old", "label": "m"}]
    path = tmp_path / "long.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    Journal(path).add("b", "new", field="text")
    labeler = Labeler(path)
    look = ask(labeler, "look")
    assert len(look["example"]["text"]) == 20_000 and look["example"]["length"] == 30_000
    assert len(ask(labeler, "whole", row_id="a")) == 30_000
    assert look["upcoming"][0]["text"] == "new"


def test_others_decisions_on_the_same_journal_are_seen(csv: Path) -> None:
    ann, bob = Labeler(csv, who="ann"), Labeler(csv, who="bob")
    bob.label("food", "t0")
    bob.label("food", "t1")
    ann.label("sport", "t5")
    assert ask(ann, "look")["progress"]["done"] == 3
    assert "t1" not in [example["row_id"] for example in ask(ann, "upcoming", after=-1)]
    ann.undo()
    assert ann.progress["done"] == 2, "one's own decisions are undone, not another's"


def test_the_table_is_paged(csv: Path) -> None:
    labeler = Labeler(csv, view="table")
    page = ask(labeler, "page", offset=25, size=25)
    assert page["count"] == 30 and len(page["rows"]) == 5
    ask(labeler, "bulk", row_ids=[row["row_id"] for row in page["rows"]], label="food")
    page = ask(labeler, "page", offset=25, size=25, undecided=True)
    assert page["count"] == 25 and page["offset"] == 0
    ask(labeler, "undo")
    assert ask(labeler, "page", undecided=True)["count"] == 30


def test_views_hear_who_did_something(csv: Path) -> None:
    labeler = Labeler(csv)
    before = labeler.changed
    answer = labeler.answer("label", {"label": "food", "row_id": "t0", "view": "v1"})
    assert answer["by"] == "v1" and labeler.changed == before
    assert "by" not in labeler.answer("look", {"view": "v1"})
    labeler.label("food")
    assert labeler.changed == before + 1


def test_steps_and_rows_outside_the_queue(csv: Path) -> None:
    labeler = Labeler(csv, queue=["t3", "t4", "t5"])
    assert ask(labeler, "step", by=1, row_id="t3")["example"]["row_id"] == "t4"
    assert ask(labeler, "step", by=-9)["example"]["row_id"] == "t3"
    assert ask(labeler, "go", row_id="t20")["example"]["place"] == -1
    labeler.label("food")
    assert labeler.current == "t3"
    assert "no such row" in labeler.answer("go", {"row_id": "no such row"})["error"]["message"]
    for _ in range(3):
        labeler.label("food")
    assert labeler.current == "" and ask(labeler, "look")["example"] is None
    with pytest.raises(LabError, match="every row is decided"):
        labeler.label("food")


def test_what_is_given_is_checked(csv: Path, tmp_path: Path) -> None:
    for wrong in ({"columns": ["no"]}, {"split": "no"}, {"queue": "no"}, {"labls": ["a"]}, {"suggestions": 7}):
        with pytest.raises(LabError):
            Labeler(csv, **wrong)
    with pytest.raises(DataError):
        Labeler(csv, guidelines=tmp_path / "none.md")
    (tmp_path / "guide.md").write_text("# One label", "utf-8")
    assert Labeler(csv, guidelines=tmp_path / "guide.md").guidelines == "# One label"
    with pytest.raises(DataError, match="cache"):
        Labeler(read(toy_rows(30)))


def test_the_cell_makes_the_same_widget_and_the_face_shows_text_as_text(tmp_path: Path) -> None:
    rows = [{"id": f"<b>{i}</b>", "text": "<script>alert(1)</script>", "label": f"<i>{i % 2}</i>"} for i in range(4)]
    path = write_csv(tmp_path / "x.csv", rows)
    labeler = Labeler(path, queue=["<b>2</b>", "<b>1</b>"], columns="label", guidelines="be quick", view="table")
    labeler.label("<i>1</i>")
    face = labeler.face()
    assert "<script>" not in face and "<i>" not in face and "&lt;script&gt;" in face and "1 of 2" in face
    scope: dict[str, Any] = {}
    exec(labeler.cell().removesuffix("labeler"), scope)  # noqa: S102
    again = scope["labeler"]
    assert again.current == labeler.current == "<b>1</b>" and again.view == "table" and again.work.columns == ("label",)
    corpus = read(rows, text="text", label="label", id="id")
    made = Labeler(corpus, journal=tmp_path / "y.labels.jsonl")
    exec(made.cell().removesuffix("labeler"), scope)  # noqa: S102
    assert scope["labeler"].current == "<b>0</b>"


def test_a_journal_that_may_not_be_written_says_so(csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labeler = Labeler(csv)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labkit.data._journals.journal.os.fsync", full)
    answer = labeler.answer("label", {"label": "food", "row_id": "t0"})
    assert not answer["ok"] and "full disk" in answer["error"]["message"]
    assert labeler.progress["done"] == 0 and labeler.current == "t0"
