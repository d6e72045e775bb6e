"""The labeler of answers and of texts, without a browser."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labkit.data import Corpus, Journal, apply, read
from labkit.data._layouts.answers import Answer
from labkit.errors import LabError, UnknownName
from labkit.tasks import AnswerPredictions, LanguagePredictions, Predictions, TextPredictions
from labkit.widgets import Labeler

CONTEXT = "👩‍💻 Ada met the poet Byron in London."
GIVEN: list[Any] = [["Ada"], [], None, ["London"], ["the poet Byron", "Byron"], None]
HOSTILE = "<img src=x onerror=alert(1)>\u202e"


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def answers(*texts: str) -> list[dict[str, Any]]:
    return [{"start": CONTEXT.index(text), "text": text} for text in texts]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    rows = [
        {"id": f"r{i}", "question": f"Who {HOSTILE} no. {i}?", "context": f"{CONTEXT} ({i})", "answers": given}
        for i, given in enumerate(
            None if told is None else [{"text": one["text"], "answer_start": one["start"]} for one in answers(*told)]
            for told in GIVEN
        )
    ]
    return write(tmp_path / "qa.jsonl", rows)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    german = ["der Hund", "die Katze", "das Haus", "", "der Baum", "die Stadt"]
    return write(
        tmp_path / "pairs.jsonl", [{"id": f"r{i}", "en": f"thing {i}", "de": de} for i, de in enumerate(german)]
    )


def read_pairs(path: Path) -> Corpus:
    return read(path, layout="pairs", text="en", label="de")


def ask(widget: Labeler, name: str, **arguments: Any) -> Any:
    answer = widget.answer(name, arguments)
    assert answer["ok"], answer
    json.dumps(answer)
    return answer["value"]


def queue(labeler: Labeler, name: str) -> list[str]:
    labeler.queue = name
    return [row["row_id"] for row in labeler.page()["rows"]]


def answered(said: list[Answer | None], sure: list[float]) -> AnswerPredictions:
    n = len(said)
    return AnswerPredictions(
        row_ids=[f"r{i}" for i in range(n)],
        questions=["?"] * n,
        contexts=[CONTEXT] * n,
        predicted=said,
        confidence=sure,
        no_answer=[0.0] * n,
        alternatives=[()] * n,
    )


# --- answers ------------------------------------------------------------------------------------------------------------


def test_answers_are_decided_and_what_is_shown_is_what_is_applied(questions: Path) -> None:
    labeler = Labeler(questions, mode="answers", who="ann")
    example = ask(labeler, "look")["example"]
    assert labeler.mode == "answers" and example["text"] == f"{CONTEXT} (0)"
    assert example["text_pair"] == example["title"] == f"Who {HOSTILE} no. 0?"
    assert example["value"] == example["given"] == answers("Ada")
    ask(labeler, "label", label=answers("the poet Byron", "Byron"), row_id="r0", seconds=2.0, id="x")
    labeler.label(answers("Ada"))
    labeler.label([])
    labeler.label(None)
    assert labeler.current == "r4" and labeler.progress["done"] == 4
    assert ask(labeler, "go", row_id="r0")["example"]["value"] == answers("the poet Byron", "Byron")
    done = apply(labeler.corpus, labeler.journal)["train"]
    shown = [labeler.go(row)["example"]["value"] for row in done["row_id"]]
    assert shown == done["answers"] and shown[1:4] == [answers("Ada"), [], None]
    assert labeler.history()[0]["text"].startswith("Who") and labeler.history()[-1]["field"] == "answers"
    labeler.undo()
    assert labeler.go("r3")["example"]["value"] == answers("London")


@pytest.mark.parametrize(
    "wrong",
    ["Ada", ["Ada"], [{"start": 3, "text": "Ada"}], [{"start": 4, "text": ""}], [{"start": "4", "text": "Ada"}]],
)
def test_answers_that_do_not_stand_in_the_context_are_refused(questions: Path, wrong: Any) -> None:
    labeler = Labeler(questions, mode="answers")
    with pytest.raises(LabError, match="answer"):
        labeler.label(wrong)
    assert len(labeler.journal) == 0 and labeler.current == "r0"


def test_an_answer_whose_context_changed_is_asked_for_again(questions: Path) -> None:
    Labeler(questions, mode="answers").label(answers("Byron"), "r3")
    questions.write_text(questions.read_text("utf-8").replace("the poet Byron", "a lord"), "utf-8")
    labeler = Labeler(questions, mode="answers")
    assert labeler.progress["done"] == 0 and labeler.go("r3")["example"]["value"] == [{"start": 22, "text": "London"}]


def test_answers_far_into_a_long_context_are_shown_whole(tmp_path: Path) -> None:
    context = "word " * 10_000 + "the end"
    rows = [{"id": "r0", "question": "?", "context": context, "answers": [{"text": "the end", "answer_start": 50_000}]}]
    example = Labeler(write(tmp_path / "long.jsonl", rows), mode="answers").look()["example"]
    assert example["text"].endswith("the end") and example["length"] == len(context)


def test_answers_suggested_by_a_model(questions: Path) -> None:
    place = CONTEXT.index("Byron")
    said = [Answer(place, "Byron"), None, Answer(4, "Ada"), Answer(30, "London"), Answer(99, "gone"), None]
    corpus = read(questions, layout="answers")
    labeler = Labeler(corpus, suggestions=answered(said, [0.9, 0.5, 0.7, 0.6, 0.1, 0.2]), who="ann")
    assert labeler.mode == "answers" and labeler.suggests
    suggestion = ask(labeler, "look")["example"]["suggestion"]
    assert suggestion == {"value": answers("Byron"), "confidence": 0.9, "scores": []}
    assert (
        labeler.go("r1")["example"]["suggestion"]["value"] == [] and labeler.go("r4")["example"]["suggestion"] is None
    )
    names = dict(map(tuple, labeler.queues))
    assert names["class:no answer"] == "No answer" and {"unlabelled", "unsure", "suspects"} <= names.keys()
    assert queue(labeler, "unsure") == ["r4", "r5", "r1", "r3", "r2", "r0"]
    assert queue(labeler, "suspects") == ["r0"], "where the model is sure of something else"
    assert queue(labeler, "unlabelled") == ["r2", "r5"] and queue(labeler, "class:no answer") == ["r1"]
    labeler.queue = "file"
    ask(labeler, "accept", row_id="r2")
    line = labeler.journal.history("r2")[-1]
    assert (line.new, line.why, line.confidence) == (answers("Ada"), "suggestion", 0.7)
    assert queue(labeler, "unlabelled") == ["r5"] and queue(labeler, "class:answerable") == ["r0", "r2", "r3", "r4"]
    labeler.queue = "file"
    assert labeler.count_above(0.55) == 2
    assert ask(labeler, "accept_many", threshold=0.55)["rows"] == 2
    assert labeler.journal.value("r3", "answers") == answers("London")
    with pytest.raises(LabError, match="suggestion"):
        labeler.accept("r4")


def test_a_question_answerer_is_asked_with_the_whole_context(questions: Path) -> None:
    asked, told = [], threading.Event()

    def model(texts: list[str], pairs: list[str]) -> AnswerPredictions:
        asked.extend(zip(texts, pairs, strict=True))
        return answered([Answer(4, "Ada")] * len(texts), [0.5] * len(texts))

    labeler = Labeler(questions, mode="answers", suggestions=model)
    labeler.observe(lambda _: told.set(), names="thought")
    labeler.look()
    assert told.wait(10)
    assert (f"Who {HOSTILE} no. 1?", f"{CONTEXT} (1)") in asked
    assert ask(labeler, "suggest", row_ids=["r1"])["r1"]["value"] == answers("Ada")


# --- texts --------------------------------------------------------------------------------------------------------------


def test_targets_are_edited_whole(pairs: Path) -> None:
    labeler = Labeler(read_pairs(pairs), who="ann")
    example = ask(labeler, "look")["example"]
    assert (labeler.mode, labeler.target, labeler.labels) == ("text", "Target", [])
    assert (example["text"], example["value"], example["given"]) == ("thing 0", "der Hund", "der Hund")
    ask(labeler, "label", label="ein Hund", row_id="r0")
    labeler.label("die Katze")  # as it is
    labeler.leave_out()
    assert labeler.current == "r3" and labeler.progress["done"] == 3
    for nothing in ("", " \n", "\u200b"):
        with pytest.raises(LabError, match="leave it out"):
            labeler.label(nothing)
    with pytest.raises(LabError, match="a text in mode"):
        labeler.label(["der Hund"])
    assert len(labeler.journal) == 3
    done = apply(labeler.corpus, labeler.journal)["train"]
    assert done["target"][:2] == ["ein Hund", "die Katze"] and "r2" not in done["row_id"]
    again = Labeler(read_pairs(pairs), who="ann")
    assert again.current == "r3" and again.go("r2")["example"]["excluded"]
    assert again.go("r0")["example"]["value"] == "ein Hund"
    assert again.undo()["example"]["row_id"] == "r2" and again.example is not None and not again.example["excluded"]


def test_texts_suggested_by_a_run(pairs: Path) -> None:
    n, ids = 4, [f"r{i}" for i in range(4)]
    said = TextPredictions(
        task="translation",
        row_ids=ids,
        inputs=[""] * n,
        predicted=["ein Hund", "Katze", " ", "Ding"],
        confidence=np.array([0.9, 0.2, 0.8, np.nan]),
    )
    labeler = Labeler(read_pairs(pairs), suggestions=said, who="ann")
    assert queue(labeler, "unsure") == ["r3", "r1", "r0"], "nothing is no suggestion"
    assert queue(labeler, "unlabelled") == ["r3"]
    assert labeler.go("r3")["example"]["suggestion"]["confidence"] is None
    labeler.accept("r3")
    assert labeler.journal.value("r3", "target") == "Ding" and queue(labeler, "unlabelled") == []
    labeler.label("ein Hund", "r0", accepted=True)
    assert labeler.journal.history("r0")[-1].suggestion == "ein Hund"
    titles = dict(map(tuple, labeler.queues))
    assert (
        titles["unlabelled"] == "Without a text" and "suspects" not in titles and not any("class" in q for q in titles)
    )


def test_completions_chats_and_raw_texts(tmp_path: Path) -> None:
    prompts = [{"id": f"r{i}", "prompt": f"q{i}", "completion": f"a{i}"} for i in range(3)]
    talk = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    chats = [{"id": f"r{i}", "messages": talk} for i in range(3)]
    raw = [{"id": f"r{i}", "text": f"text {i}"} for i in range(3)]
    for rows, name, source, value in (
        (prompts, "Completion", "q0", "a0"),
        (chats, "Answer", "User: hi", "hello"),
        (raw, "Text", "", "text 0"),
    ):
        path = write(tmp_path / f"{name}.jsonl", rows)
        labeler = Labeler(path, mode="text", layout="texts")
        example = labeler.look()["example"]
        assert (labeler.target, example["text"], example["value"]) == (name, source, value)
        labeler.label("new")
        changed = apply(labeler.corpus, labeler.journal)["train"][0]
        assert changed["text" if name == "Text" else "target"] == "new"
        assert labeler.history()[0]["text"] == (source or value)


def test_long_texts_are_cut_in_the_table_and_never_where_they_are_edited(tmp_path: Path) -> None:
    rows = [{"id": f"r{i}", "text": f"{i} " + "word " * 60_000} for i in range(12)]
    labeler = Labeler(write(tmp_path / "long.jsonl", rows), mode="text", layout="texts")
    look = labeler.look()
    assert look["example"]["value"] == rows[0]["text"] and 0 < len(look["upcoming"]) < 11, "not all at once"
    assert len(labeler.page()["rows"][0]["value"]) == 300


def test_kinds_that_do_not_fit_are_refused(pairs: Path, questions: Path, tmp_path: Path) -> None:
    classes = Predictions(row_ids=["r0"], labels=("a", "b"), probabilities=np.array([[0.5, 0.5]]))
    for path, mode, said in ((questions, "answers", classes), (pairs, "text", answered([None], [1.0]))):
        with pytest.raises(LabError, match="suggestions of"):
            Labeler(path, mode=mode, suggestions=said)
    behind = LanguagePredictions(
        task="text-generation",
        row_ids=["r0"],
        inputs=["x"],
        nll=np.zeros(1),
        tokens=np.zeros(1),
        hits=np.zeros(1),
        predicted=["and so on"],
    )
    raw = write(tmp_path / "raw.jsonl", [{"id": "r0", "text": "a text"}])
    assert not Labeler(raw, mode="text", layout="texts", suggestions=behind).suggests, "it stands behind the text"
    with pytest.raises(UnknownName, match="mode"):
        Labeler(pairs, mode="texts")
    for mode in ("single", "spans", "text"):
        with pytest.raises(LabError, match="mode 'answers'"):
            Labeler(read(questions, layout="answers"), mode=mode)
    labeler = Labeler(pairs, mode="text", suggestions={"r0": ["no", "text"], "r1": "ein"})
    assert labeler.look()["example"]["suggestion"] is None and labeler.go("r1")["example"]["suggestion"]
    with pytest.raises(LabError, match="suggestions"):
        Labeler(pairs, mode="text", queue="unsure")


def test_two_people_on_one_journal_of_texts(pairs: Path) -> None:
    ann, ben = (Labeler(read_pairs(pairs), who=who) for who in ("ann", "ben"))
    ann.label("ein Hund")
    assert ben.look()["example"]["value"] == "ein Hund" and ben.progress["done"] == 1
    ben.label("mein Hund", "r0")
    calls = [{"id": "z", "name": "leave_out", "args": {"id": "z", "row_id": "r0"}, "after": ""}]
    assert ask(ann, "restore", calls=calls)["overtaken"] == ["z"]
    assert set(Journal(pairs).current("target").values()) == {"mein Hund"}


def test_faces_and_cells(questions: Path, pairs: Path) -> None:
    labeler = Labeler(questions, mode="answers", who="ann")
    labeler.label(answers("Ada", "Byron"))
    labeler.label([])
    face = labeler.face()
    assert "Ada, Byron" in face and "no answer" in face and "<img" not in face and "&lt;img" in face
    texts = Labeler(pairs, mode="text", who="ann")
    texts.label(f"der <b>{HOSTILE}</b> Hund")
    assert "<b>" not in texts.face() and "<img" not in texts.face() and "&lt;b&gt;" in texts.face()
    for widget in (labeler, texts):
        names: dict[str, Any] = {}
        exec(widget.cell(), names)  # noqa: S102
        assert (names["labeler"].mode, names["labeler"].current) == (widget.mode, widget.current)
    made = Labeler(read_pairs(pairs), who="ann")
    exec(made.cell(), names)  # noqa: S102
    assert names["labeler"].example == made.example
