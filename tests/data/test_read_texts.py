"""Reading texts to learn: running text in files, columns of texts, prompts with completions, and conversations."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from labkit.data import DataConfig, check, clean, defects, load, read, sample
from labkit.data._layouts.chats import Message, faults, last_answer, messages_in, plain
from labkit.data._layouts.text_findings import repeated
from labkit.errors import DataError, UnknownName


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))


def again(config: DataConfig) -> Any:
    return read(
        config.train, text=config.text, text_pair=config.text_pair, label=config.label, encoding=config.encoding,
        layout=config.layout,
    )  # fmt: skip


def turns(*said: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in said]


# --- running text ---------------------------------------------------------------------------------------------------


def test_hyphens_part_documents(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One\n\nstill one\n---\n\nTwo\n-----\n", "utf-8")
    corpus = read(tmp_path / "a.txt", layout="texts")
    assert list(corpus["train"]["text"]) == ["One\n\nstill one", "Two"]
    assert list(corpus["train"]["document"]) == ["a.txt", "a.txt"]
    assert any("a line --- parts two texts" in reason for reason in corpus.reasons)
    assert corpus.labels == () and repr(corpus) == "Corpus(train 2; texts)"


def test_blank_lines_part_texts_where_there_are_no_hyphens(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\r\nOne,\r\nthe same\r\n\r\n \r\nTwo\r\n")
    corpus = read(tmp_path / "a.txt", layout="texts")
    assert list(corpus["train"]["text"]) == ["One,\nthe same", "Two"]
    assert any("blank lines part the texts" in reason for reason in corpus.reasons)


def test_without_either_every_line_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\nOne\nTwo\n", "utf-8")
    corpus = read(tmp_path / "a.txt", layout="texts")
    assert list(corpus["train"]["text"]) == ["One", "Two"]
    assert any("every line is a text" in reason for reason in corpus.reasons)


def test_a_folder_of_files_gzipped_or_not(tmp_path: Path) -> None:
    home = tmp_path / "book"
    home.mkdir()
    (home / "b.txt").write_text("Two", "utf-8")
    (home / "a.txt.gz").write_bytes(gzip.compress("One\n---\nMore".encode("utf-16")))
    (home / "README.md").write_text("not a text to learn")
    corpus = read(home, layout="texts")
    assert list(zip(corpus["train"]["text"], corpus["train"]["document"], strict=True)) == [
        ("One", "a.txt.gz"), ("More", "a.txt.gz"), ("Two", "b.txt"),
    ]  # fmt: skip
    assert again(corpus.config)["train"].to_list() == corpus["train"].to_list()
    assert corpus.config.train == home.as_posix()


def test_files_named_after_splits_are_splits(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("One\n---\nTwo", "utf-8")
    (tmp_path / "test.txt").write_text("Three", "utf-8")
    assert read(tmp_path, layout="texts").rows == {"train": 2, "test": 1}


def test_the_same_file_is_no_table_for_other_layouts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One of these days\n\nTwo of them\n", "utf-8")
    with pytest.raises(DataError, match="a text file without columns"):
        read(tmp_path / "a.txt")


@pytest.mark.parametrize("content", [b"", b"\n \n\n", b"\x89PNG\x00\x00"], ids=["empty", "blank", "binary"])
def test_files_without_texts_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.txt"):
        read(tmp_path / "a.txt", layout="texts")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    with pytest.raises(DataError, match="a folder with"):
        read(tmp_path / "book", layout="texts")


# --- tables ---------------------------------------------------------------------------------------------------------


def test_a_column_of_texts() -> None:
    corpus = read([{"text": "one two three", "label": "x"}, {"text": "four five six", "label": "y"}], layout="texts")
    assert corpus["train"].column_names == ["row_id", "text", "label_"], "a label is a column as any other"
    assert corpus.labels == () and again(corpus.config)["train"].to_list() == corpus["train"].to_list()


@pytest.mark.parametrize(
    ("prompt", "completion"),
    [("prompt", "completion"), ("instruction", "output"), ("Question", "answer"), ("input", "response")],
)
def test_prompts_and_completions_by_name(prompt: str, completion: str) -> None:
    rows = [{"id": i, prompt: f"say {i} to me", completion: f"well, {i}"} for i in range(3)]
    corpus = read(rows, layout="texts")
    assert list(corpus["train"]["text"]) == [row[prompt] for row in rows]
    assert list(corpus["train"]["target"]) == [row[completion] for row in rows]
    assert (corpus.config.text, corpus.config.label, corpus.config.id) == (prompt, (completion,), "id")
    assert again(corpus.config)["train"].to_list() == corpus["train"].to_list()


def test_instruction_input_and_output() -> None:
    rows = [
        {"instruction": "Translate this", "input": "good day", "output": "bonjour"},
        {"instruction": "Name a colour", "input": "", "output": "blue"},
    ]
    corpus = read(rows, layout="texts")
    assert list(corpus["train"]["text"]) == ["Translate this\n\ngood day", "Name a colour"]
    assert corpus.config.text_pair == "input"
    assert load(corpus.config.__class__(**{**vars(corpus.config), "test_share": 0.0, "validation_share": 0.0}))[
        "train"
    ].to_list() == (corpus["train"].to_list())


def test_columns_as_asked() -> None:
    rows = [{"ask": "one two", "say": "three four", "note": "five six"}] * 2
    corpus = read(rows, text="ask", label="say", layout="texts")
    assert corpus["train"][0]["target"] == "three four" and corpus["train"][0]["note"] == "five six"
    with pytest.raises(UnknownName, match="Did you mean 'ask'"):
        read(rows, text="asks", layout="texts")
    with pytest.raises(DataError, match="one completion each"):
        read(rows, text="ask", label=["say", "note"], layout="texts")


def test_without_completions_prompts_can_be_read_to_predict() -> None:
    rows = [{"prompt": "one two"}, {"prompt": "three four"}]
    assert read(rows, text="prompt", layout="texts", require_label=False)["train"].column_names == ["row_id", "text"]
    with pytest.raises(DataError, match="an empty cell in every row"):
        read([{**row, "completion": ""} for row in rows], layout="texts")


# --- conversations --------------------------------------------------------------------------------------------------


def test_messages_of_chats() -> None:
    talk = turns(("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"), ("assistant", "Ciao"))
    corpus = read([{"id": "a", "messages": talk}, {"id": "b", "messages": talk[:3]}], layout="texts")
    first = corpus["train"][0]
    assert first["messages"] == talk and first["target"] == "Ciao"
    assert first["text"] == "System: Be kind.\nUser: Hi\nAssistant: Hello\nUser: Bye"
    assert again(corpus.config)["train"].to_list() == corpus["train"].to_list()


def test_conversations_of_sharegpt_in_a_csv_file(tmp_path: Path) -> None:
    talk = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "conversations"], ["a", json.dumps(talk)], ["b", json.dumps(talk)]])
    corpus = read(tmp_path / "a.csv", layout="texts")
    assert corpus["train"][1]["messages"] == turns(("user", "Hi"), ("assistant", "Hello"))


def test_messages_of_other_shapes() -> None:
    assert messages_in([{"role": "model", "content": [{"type": "text", "text": "Hi"}]}]) == [Message("assistant", "Hi")]
    assert messages_in({"messages": turns(("tool", "3"))}) == [Message("tool", "3")]
    assert messages_in(None) is None and messages_in(" ") is None
    assert plain([Message("user", "Hi"), Message("assistant", "Ho")]) == "User: Hi\nAssistant: Ho"
    assert last_answer([Message("user", "Hi")]) is None


@pytest.mark.parametrize(
    ("cell", "came"),
    [
        ("no JSON", "a text that is no JSON"),
        ([{"role": "user"}], "message 1 with the keys role"),
        ([{"role": "user", "content": 3}], "content that is no text"),
        ([7], "int as message 1"),
    ],
)
def test_bad_messages_are_named_with_row_and_column(cell: Any, came: str, tmp_path: Path) -> None:
    good = turns(("user", "Hi"), ("assistant", "Ho"))
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"messages": one}) + "\n" for one in [good, good, cell, good]), "utf-8")
    with pytest.raises(DataError, match=came) as caught:
        read(path, layout="texts")
    assert (caught.value.row, caught.value.column) == (3, "messages")


def test_conversations_without_answers_are_refused() -> None:
    rows = [{"messages": turns(("user", "Hi"))}] * 2
    with pytest.raises(DataError, match="turns of the assistant"):
        read(rows, layout="texts")
    assert read(rows, layout="texts", require_label=False)["train"][0]["target"] is None


@pytest.mark.parametrize(
    ("roles", "wrong"),
    [
        ("system user assistant user assistant", ""),
        ("user assistant", ""),
        ("user", "no turn of the assistant"),
        ("user system assistant", "a system message that is not the first"),
        ("assistant user assistant", "it begins with the assistant"),
        ("user user assistant", "two turns of 'user' in a row"),
        ("user tool assistant", "an unknown role 'tool'"),
    ],
)
def test_what_is_wrong_with_roles(roles: str, wrong: str) -> None:
    assert faults([Message(role, "x") for role in roles.split()]) == ([wrong] if wrong else [])


# --- findings and repairs -------------------------------------------------------------------------------------------


def test_findings_about_completions_and_repetition() -> None:
    loop = "round and round we go " * 20
    rows = [
        {"prompt": "one two", "completion": " "},
        {"prompt": "Three  four", "completion": "three four"},
        {"prompt": "five six", "completion": loop},
        {"prompt": "seven", "completion": "eight"},
        {"prompt": "seven", "completion": "nine"},
        {"prompt": "seven", "completion": "nine"},
    ]
    corpus = read(rows, layout="texts")
    ids = list(corpus["train"]["row_id"])
    report = check(corpus)
    assert report.finding("empty_completions").row_ids == (ids[0],)
    assert report.finding("completion_is_prompt").row_ids == (ids[1],)
    assert report.finding("repetitive_texts").row_ids == (ids[2],)
    assert set(report.finding("one_prompt_several_completions").row_ids) == set(ids[3:])
    assert report.finding("exact_duplicates").row_ids == (ids[5],)
    assert list(clean(corpus, report.repairs)["train"]["row_id"]) == ids[1:5]


def test_repetition() -> None:
    assert repeated("a b c d " * 30) > 0.9
    assert repeated(" ".join(map(str, range(100)))) == 0
    assert repeated("a b c d " * 3) == 0, "too short to tell"


def test_repairs_of_texts_reach_the_messages() -> None:
    talk = turns(("user", "  cafÃ©?"), ("assistant", "cafÃ©!  "))
    corpus = clean(read([{"messages": talk}] * 2, layout="texts"), "fix_mojibake", "strip_whitespace")
    assert corpus["train"][0]["messages"] == turns(("user", "café?"), ("assistant", "café!"))
    assert corpus["train"][0]["target"] == "café!"


def test_running_text_may_be_long(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(" ".join(map(str, range(9000))) + "\n---\nshort one", "utf-8")
    assert not check(read(tmp_path / "a.txt", layout="texts")).findings


# --- samples --------------------------------------------------------------------------------------------------------


def test_the_sample_of_conversations_has_its_defects_and_they_are_found() -> None:
    planted: dict[str, set[str]] = {}
    for entry in defects("assistant"):
        planted.setdefault(entry["kind"], set()).add(entry["of"] if "of" in entry else entry["id"])
    report = check(sample("assistant"))
    assert set(report.finding("bad_chats").row_ids) == planted["wrong_roles"]
    assert set(report.finding("empty_completions").row_ids) == planted["empty_response"]
    assert set(report.finding("exact_duplicates").row_ids) == planted["exact_duplicate"]
    assert planted["conflicting_response"] <= set(report.finding("one_prompt_several_completions").row_ids)
    assert not check(sample("assistant", tidy=True)).findings


def test_the_samples_tidied_up() -> None:
    shipped, tidy = sample("assistant"), sample("assistant", tidy=True)
    assert (shipped.rows, tidy.rows) == ({"train": 247, "test": 45}, {"train": 243, "test": 45})
    mended = {entry["id"]: entry["tidy"] for entry in defects("assistant") if "tidy" in entry}
    for row in tidy["train"]:
        if row["row_id"] in mended:
            assert [[one["role"], one["content"]] for one in row["messages"]] == [
                [one["role"], one["content"]] for one in mended[row["row_id"]]
            ]
    garden = sample("garden")
    assert garden["train"].to_list() == sample("garden", tidy=True)["train"].to_list() and not defects("garden")
    assert not check(garden).findings
