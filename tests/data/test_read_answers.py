"""Questions with contexts and answers: read from every form they come in, checked, repaired, split."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, load_dataset

from labkit.data import Corpus, check, clean, load, read, sample, split
from labkit.errors import DataError, UnknownName

CONTEXT = "Anna lives in Paris. Her brother Tom lives in Rome, and her aunt lives in Paris too."


def asked(**changes: Any) -> dict[str, Any]:
    row = {
        "id": "q1",
        "title": "Family",
        "context": CONTEXT,
        "question": "Where does Tom live?",
        "answers": {"text": ["Rome"], "answer_start": [46]},
    }
    return {**row, **changes}


def squad(questions: list[dict[str, Any]], context: str = CONTEXT, version: str = "v2.0") -> dict[str, Any]:
    return {"version": version, "data": [{"title": "Family", "paragraphs": [{"context": context, "qas": questions}]}]}


def written(path: Path, value: Any) -> Path:
    text = json.dumps(value, ensure_ascii=False)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def answers(source: Any, **options: Any) -> Any:
    return read(source, layout="answers", **options)["train"]["answers"][:]


ROME = [{"start": 46, "text": "Rome"}]
V2 = [
    {
        "id": "q1",
        "question": "Where does Tom live?",
        "is_impossible": False,
        "answers": [{"text": "Rome", "answer_start": 46}],
    },
    {"id": "q2", "question": "Where does Eve live?", "is_impossible": True, "answers": [], "plausible_answers": []},
]


@pytest.mark.parametrize("name", ["train.json", "train.json.gz", "train"])
def test_a_file_of_squad_is_read_question_by_question(tmp_path: Path, name: str) -> None:
    corpus = read(written(tmp_path / name, squad(V2)), layout="answers")
    assert corpus["train"]["row_id"][:] == ["q1", "q2"]
    assert corpus["train"]["text"][:] == ["Where does Tom live?", "Where does Eve live?"]
    assert corpus["train"]["text_pair"][:] == [CONTEXT, CONTEXT]
    assert corpus["train"]["answers"][:] == [ROME, []]
    assert corpus["train"]["label"][:] == [["answerable"], ["no answer"]]
    assert corpus["train"]["title"][:] == ["Family", "Family"]
    assert corpus.labels == ("answerable", "no answer") and corpus.config.layout == "answers"
    whole = dataclasses.replace(corpus.config, validation_share=0.0, test_share=0.0)
    assert load(whole)["train"].to_list() == corpus["train"].to_list()


def test_version_1_and_lines_of_articles_are_read_too(tmp_path: Path) -> None:
    first = squad([{key: V2[0][key] for key in ("id", "question", "answers")}], version="1.1")
    corpus = read(written(tmp_path / "one.json", first), layout="answers")
    assert corpus["train"]["answers"][:] == [ROME] and corpus.labels == ("answerable",)
    lines = tmp_path / "articles.jsonl"
    lines.write_text("".join(json.dumps(article) + "\n" for article in first["data"] * 2), "utf-8")
    assert answers(lines) == [ROME, ROME]
    flat = written(tmp_path / "flat.json", {"version": "2", "data": [asked()]})
    assert answers(flat) == [ROME]


def test_rows_as_the_hub_has_them(tmp_path: Path) -> None:
    rows = [asked(), asked(id="q2", question="Who is Eve?", answers={"text": [], "answer_start": []})]
    lines = tmp_path / "rows.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    table = Dataset.from_list(rows)
    table.to_parquet(str(tmp_path / "rows.parquet"))
    loaded = load_dataset("parquet", data_files=str(tmp_path / "rows.parquet"), cache_dir=str(tmp_path / "c"))["train"]
    for source in (lines, tmp_path / "rows.parquet", table, rows, loaded):
        assert answers(source) == [ROME, []]


@pytest.mark.parametrize(
    ("cell", "read_as"),
    [
        ([{"text": "Rome", "answer_start": 46}], ROME),
        ([{"text": "Rome", "start": 46.0}, {"text": "Rome", "answer_start": 46}], ROME),
        ({"text": "Rome", "answer_start": 46}, ROME),
        ({"text": ["Rome", "in Rome"], "answer_start": [46, 43]}, [*ROME, {"start": 43, "text": "in Rome"}]),
        ("Rome", ROME),
        (["Rome"], ROME),
        ('{"text": ["Rome"], "answer_start": [46]}', ROME),
        ("{'text': ['Rome'], 'answer_start': [46]}", ROME),
        ([], []),
        ("[]", []),
        ({"text": [""], "answer_start": [-1]}, []),
    ],
)
def test_answers_in_whatever_form(cell: Any, read_as: Any) -> None:
    # a second row, because a list without a single answer is no data to learn from
    assert answers([{**asked(answers=cell)}, asked(id="q2")])[0] == read_as


def test_flat_tables_with_and_without_starts(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [
        ("Where does Tom live?", "Rome", "46"),
        ("Where is the aunt?", "Paris", ""),
        ("Who is Eve?", "", ""),
        ("Eve?", "", "-1"),
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["question", "context", "answer", "answer_start"])
        writer.writerows((question, CONTEXT, answer, start) for question, answer, start in rows)
    corpus = read(path, layout="answers")
    assert corpus.config.label == ("answer", "answer_start")
    assert corpus["train"]["answers"][:] == [ROME, [{"start": 14, "text": "Paris"}], None, []]
    assert corpus["train"]["label"][:] == [["answerable"], ["answerable"], None, ["no answer"]]
    assert corpus["train"]["moved_answers"][:] == [False, True, False, False]
    said = " ".join(corpus.reasons)
    assert (
        "1 answers come without their place, and occur several times" in said and "1 of 4 rows have no answers" in said
    )
    whole = dataclasses.replace(corpus.config, validation_share=0.0, test_share=0.0)
    assert load(whole)["train"].to_list() == corpus["train"].to_list()
    assert read(path, layout="answers", label=["answer", "answer_start"]).labels
    only = read([{"question": "Where does Tom live?", "context": CONTEXT, "answer": "Rome"}], layout="answers")
    assert only["train"]["answers"][:] == [ROME] and "occur once" in " ".join(only.reasons)
    assert "moved_answers" not in only["train"].column_names


def test_columns_by_shape_and_by_wish() -> None:
    rows = [{"ask": "Where does Tom live?", "story": CONTEXT, "reply": "Rome", "lang": "en"}]
    with pytest.raises(DataError, match="a column with answers"):
        read(rows, layout="answers")
    corpus = read(rows, layout="answers", text="ask", text_pair="story", label="reply")
    assert corpus["train"]["answers"][:] == [ROME] and corpus.config.text_pair == "story"
    found = read([{"ask": "Where does Tom live?", "story": CONTEXT, "answer": "Rome"}], layout="answers")
    assert (found.config.text, found.config.text_pair) == ("ask", "story")
    without = read([{"question": "Where?", "context": CONTEXT}], layout="answers", require_label=False)
    assert without["train"]["answers"][:] == [None] and without.labels == ()
    with pytest.raises(UnknownName, match="storey"):
        read(rows, layout="answers", text_pair="storey")
    with pytest.raises(DataError, match="context"):
        read([{"question": "Where?", "answer": "Rome", "n": 3}], layout="answers")


def test_misplaced_answers_are_moved_and_lost_ones_are_kept_and_found() -> None:
    near = asked(answers={"text": ["lives"], "answer_start": [40]})  # three places, one of them near
    once = asked(id="q2", answers={"text": ["Tom"], "answer_start": [70]})
    lost = asked(id="q3", answers={"text": ["rome", "Rome"], "answer_start": [46, 46]})
    away = asked(id="q4", answers={"text": ["Berlin"], "answer_start": [2**40]})
    corpus = read([near, once, lost, away], layout="answers")
    rows = corpus["train"]
    assert rows["answers"][:2] == [[{"start": 37, "text": "lives"}], [{"start": 33, "text": "Tom"}]]
    assert rows["answers"][2] == [{"start": 46, "text": "rome"}, *ROME] and rows["answers"][3][0]["start"] == -1
    report = check(corpus)
    assert report.finding("moved_answers").row_ids == ("q1", "q2")
    bad = report.finding("bad_answers")
    assert bad.severity == "error" and bad.row_ids == ("q3", "q4") and bad.repair_name == "drop_bad_answers"
    mended = clean(corpus, "drop_bad_answers")
    assert mended["train"]["row_id"][:] == ["q1", "q2", "q3"] and mended["train"]["answers"][2] == ROME
    assert mended.steps[-1].counts == {"train": 2}
    assert "bad_answers" not in {found.name for found in check(mended).findings}


@pytest.mark.parametrize(
    ("questions", "context", "expected"),
    [
        ([{**V2[0], "is_impossible": True}], CONTEXT, "though 'is_impossible' says that there is none"),
        ([V2[0], {**V2[1], "answers": [["Rome"]]}], CONTEXT, "line 2, column 'answers'"),
        ([{**V2[0], "answers": {"text": ["Rome"], "answer_start": [1, 2]}}], CONTEXT, "1 answers with 2 starts"),
        ([{**V2[0], "answers": [{"text": "Rome", "answer_start": "here"}]}], CONTEXT, "no whole number"),
        ([{**V2[0], "answers": [{"answer": None}]}], CONTEXT, "record without a text"),
        ([V2[0]], None, "Expected a context"),
        ([], CONTEXT, "a file without any"),
    ],
)
def test_bad_files_are_refused_with_the_place(tmp_path: Path, questions: Any, context: Any, expected: str) -> None:
    path = written(tmp_path / "train.json", squad(questions, context))
    with pytest.raises(DataError) as caught:
        read(path, layout="answers")
    assert expected in str(caught.value) and "train.json" in str(caught.value)


def test_answerable_without_an_answer_is_unknown(tmp_path: Path) -> None:
    corpus = read(written(tmp_path / "t.json", squad([V2[0], {**V2[1], "is_impossible": False}])), layout="answers")
    assert corpus["train"]["answers"][:] == [ROME, None]
    assert "says that there is an answer, and none is given" in " ".join(corpus.reasons)


def test_edges_lengths_conflicts_and_shared_contexts_are_found() -> None:
    long = " ".join(f"word{i}" for i in range(40))
    rows = [
        asked(id="loose", answers={"text": [" Rome,"], "answer_start": [45]}),
        asked(id="cut", question="What city?", answers={"text": ["ome"], "answer_start": [47]}),
        asked(id="long", question="What else?", context=long, answers={"text": [long], "answer_start": [0]}),
        asked(id="a", question="Which one?"),
        asked(id="b", question="which  one?", answers={"text": ["Paris"], "answer_start": [14]}),
        asked(id="c", question="Which one?"),
    ]
    corpus = read({"train": rows, "test": [asked(id="t", question="A new one?")]}, layout="answers")
    report = check(corpus)
    assert report.finding("answer_edges").row_ids == ("loose", "cut")
    assert report.finding("long_answers").row_ids == ("long",)
    assert report.finding("conflicting_labels").row_ids == ("a", "b", "c")
    assert report.finding("exact_duplicates").row_ids == ("c",)
    assert report.finding("shared_contexts").row_ids == ("t",)
    mended = clean(corpus, "trim_answers")
    assert mended["train"]["answers"][0] == [{"start": 46, "text": "Rome,"}]
    assert check(mended).finding("answer_edges").row_ids == ("cut",)
    with pytest.raises(DataError, match="mend the text where the data comes from"):
        clean(corpus, "strip_whitespace")
    from labkit.models import load_tokenizer

    measured = check(corpus, load_tokenizer("minilm"), max_length=20)
    assert measured.truncated["train"] > 0.5 and "truncated" not in {found.name for found in measured.findings}
    empty = check(read([asked(), asked(id="e", context="", answers=[])], layout="answers"))
    assert empty.finding("empty_text").row_ids == ("e",)


def test_questions_of_a_context_stay_on_one_side() -> None:
    rows = [
        asked(id=f"{i}-{j}", context=f"{CONTEXT} {i}", question=f"Question {j}?", title=f"t{i // 2}")
        for i in range(20)
        for j in range(4)
    ]
    corpus = read(rows, layout="answers")
    for group in (None, "title"):
        made = split(corpus, group=group)
        sides = [set(made[name]["text_pair"]) for name in ("train", "validation", "test")]
        assert all(sides) and not any(
            a & b for a, b in ((sides[0], sides[1]), (sides[0], sides[2]), (sides[1], sides[2]))
        )
        assert sum(made.rows.values()) == 80 and "'text_pair'" in made.steps[-1].text
        assert made.config.group == (group or "")


def test_sample_says_where_its_defects_are() -> None:
    from labkit.data import defects

    corpus: Corpus = sample("qa")
    assert corpus.rows == {"train": 481, "test": 149} and corpus.labels == ("answerable", "no answer")
    report = check(corpus)
    for kind, finding in (
        ("wrong_offset", "moved_answers"),
        ("text_mismatch", "bad_answers"),
        ("duplicate", "exact_duplicates"),
    ):
        planted = {entry["id"] for entry in defects("qa") if entry["kind"] == kind}
        assert planted == set(report.finding(finding).row_ids)
    assert len(report.findings) == 3
    tidy = sample("qa", tidy=True)
    assert tidy.rows == {"train": 474, "test": 149} and not check(tidy).findings
