"""Changed copies of training rows, and rows of earlier data."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from toys import toy_rows, write_csv

from labkit import data
from labkit.data import METHODS, augment, preview_augmentation, rehearse
from labkit.errors import DataError, UnknownName

HOSTILE = "<script>alert(1)</script>"


def split_toys(folder: Path) -> data.Corpus:
    return data.split(data.read(write_csv(folder / "toy.csv", toy_rows(60))))


def shout(texts: Any, places: Any) -> list[list[str]]:
    return [["WORD" for _ in some] for some in places]


def test_copies_are_changed_and_only_training_rows_have_some(tmp_path: Path) -> None:
    corpus = split_toys(tmp_path)
    more = augment(corpus, ("typos", "delete", "swap"), copies=2)
    old, new = corpus["train"], more["train"]
    assert more["test"].to_dict() == corpus["test"].to_dict()
    assert new.select(range(len(old))).to_dict() == old.to_dict(), "the rows themselves stay"
    assert len(new) > 2.5 * len(old)
    texts = dict(zip(old["row_id"], zip(old["text"], old["label"], strict=True), strict=True))
    for i in range(len(old), len(new)):
        row = new[i]
        text, label = texts[row["row_id"].rpartition("~")[0]]
        assert row["text"] != text and row["label"] == label and row["text"].strip()
    assert len(set(new["row_id"])) == len(new)
    again = augment(corpus, ("typos", "delete", "swap"), copies=2)
    assert again["train"].to_dict() == new.to_dict()
    assert augment(corpus, ("typos",), seed=5)["train"].to_dict() != augment(corpus, ("typos",))["train"].to_dict()


def test_what_each_method_does(tmp_path: Path) -> None:
    corpus = split_toys(tmp_path)
    for method in ("delete", "swap"):
        for one in preview_augmentation(corpus, (method,), rows=20, share=0.2):
            before, after = one.before.split(), one.after.split()
            assert sorted(after) == sorted(before) if method == "swap" else set(after) <= set(before)
            assert len(after) == len(before) if method == "swap" else 0 < len(after) < len(before)
    for one in preview_augmentation(corpus, ("typos",), rows=20, share=0.2):
        same = [a == b for a, b in zip(one.before.split(), one.after.split(), strict=True)]
        assert not all(same) and sum(same) >= len(same) * 0.6
    for one in preview_augmentation(corpus, ("substitute",), rows=20, share=0.2, fill=shout):
        assert "WORD" in one.after and len(one.after.split()) == len(one.before.split())
    turned = preview_augmentation(corpus, ("back_translate",), translate=lambda texts: [text.upper() for text in texts])
    assert all(one.after == one.before.upper() for one in turned)


def spans_corpus(folder: Path) -> data.Corpus:
    chooser = random.Random(0)
    rows = []
    for i in range(80):
        words = [chooser.choice(["we", "went", "there", "with", "friends", "yesterday", "🙂"]) for _ in range(8)]
        place = chooser.randint(0, 7)
        words[place] = "Los Angeles"
        start = len(" ".join(words[:place])) + (place > 0)
        rows.append(
            {"id": f"s{i}", "text": " ".join(words), "spans": [{"start": start, "end": start + 11, "label": "CITY"}]}
        )
    path = folder / "spans.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return data.split(data.read(path, layout="spans"))


@pytest.mark.parametrize("method", ["typos", "delete", "swap", "substitute"])
def test_entities_move_along(method: str, tmp_path: Path) -> None:
    corpus = spans_corpus(tmp_path)
    more = augment(corpus, (method,), share=0.4, fill=shout)["train"]
    changed = [more[i] for i in range(len(corpus["train"]), len(more))]
    assert len(changed) > 40
    for row in changed:
        (span,) = row["spans"]
        found = row["text"][span["start"] : span["end"]]
        if method == "typos":
            assert abs(len(found) - 11) <= 2 and found[0] == "L" and found[-1] == "s"
        else:
            assert found == "Los Angeles"
    if method == "typos":
        assert any(row["text"][row["spans"][0]["start"] : row["spans"][0]["end"]] != "Los Angeles" for row in changed)


def test_answers_move_along(tmp_path: Path) -> None:
    rows = []
    for i in range(60):
        context = f"In the year {1900 + i} the company was founded by Grace Hopper in Arlington, Virginia."
        answer = "Grace Hopper" if i % 3 else ""
        answers = [{"text": answer, "start": context.index(answer)}] if answer else []
        rows.append({"id": f"q{i}", "question": "Who founded it?", "context": context, "answers": answers})
    path = tmp_path / "qa.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    corpus = data.split(data.read(path, layout="answers"))
    more = augment(corpus, ("typos", "delete", "swap"), copies=2, share=0.3)["train"]
    answered = 0
    for i in range(len(corpus["train"]), len(more)):
        row = more[i]
        assert row["text"] == "Who founded it?"
        for one in row["answers"]:
            answered += 1
            assert row["text_pair"][one["start"] : one["start"] + len(one["text"])] == one["text"]
            assert one["text"][0] == "G" and one["text"][-1] == "r"
    assert answered > 20


def test_the_preview_shows_hostile_texts_as_texts(tmp_path: Path) -> None:
    rows = [{**row, "text": f"{row['text']} {HOSTILE}"} for row in toy_rows(30)]
    corpus = data.read(write_csv(tmp_path / "toy.csv", rows))
    shown = preview_augmentation(corpus)._repr_html_()
    assert "<script" not in shown and "&lt;script&gt;" in shown
    marked = preview_augmentation(spans_corpus(tmp_path), ("typos",))._repr_html_()
    assert marked.count('<mark title="CITY">') == 5


def test_bad_augmentation(tmp_path: Path) -> None:
    corpus = split_toys(tmp_path)
    with pytest.raises(UnknownName, match="typos"):
        augment(corpus, ("typo",))
    with pytest.raises(DataError, match="augment_model"):
        augment(corpus, ("substitute",))
    with pytest.raises(DataError, match="augment_translators"):
        augment(corpus, ("back_translate",))
    with pytest.raises(DataError, match="entities would get lost"):
        augment(spans_corpus(tmp_path), ("back_translate",), translate=list)
    with pytest.raises(DataError, match="not augmented yet"):
        augment(augment(corpus, ("typos",)), ("typos",))
    with pytest.raises(DataError, match="split"):
        augment(data.read(write_csv(tmp_path / "two.csv", toy_rows(30))), ("typos",))
    (tmp_path / "raw.txt").write_text("some running text\n\nmore of it\n", "utf-8")
    with pytest.raises(DataError, match="running text"):
        preview_augmentation(data.read(tmp_path / "raw.txt", layout="texts"))
    assert set(METHODS) == {"typos", "delete", "swap", "substitute", "back_translate"}


def test_a_recipe_makes_the_same_rows_again(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "toy.csv", toy_rows(60))
    earlier = write_csv(tmp_path / "earlier.csv", toy_rows(90, seed=7))
    config = data.DataConfig(train=str(path), augment=("typos", "swap"), rehearse=str(earlier), rehearse_share=0.5)
    once = data.load(config)
    again = data.load(once.config)
    assert again["train"].to_dict() == once["train"].to_dict()
    assert sum(row.startswith("earlier:") and "~" not in row for row in once["train"]["row_id"]) == 21


def test_rehearsal(tmp_path: Path) -> None:
    corpus = split_toys(tmp_path)
    earlier = write_csv(tmp_path / "earlier.csv", toy_rows(90, seed=7))
    more = rehearse(corpus, earlier, share=0.5)
    new = [row for row in more["train"]["row_id"] if row.startswith("earlier:")]
    assert len(new) == round(0.5 * len(corpus["train"])) and more["test"].to_dict() == corpus["test"].to_dict()
    other = [{**row, "topic": row["topic"] + "!"} for row in toy_rows(30)]
    with pytest.raises(DataError, match="sport!"):
        rehearse(corpus, write_csv(tmp_path / "other.csv", other))
    with pytest.raises(DataError, match="without earlier rows"):
        rehearse(more, earlier)


def test_rehearsed_rows_stand_in_the_columns_of_the_data(tmp_path: Path) -> None:
    def rows(count: int, seed: int) -> list[dict[str, str]]:
        long = "and so on at great length, which is what a text is found by"
        return [
            {"title": one["text"], "body": f"{long} {i}", "topic": one["topic"]}
            for i, one in enumerate(toy_rows(count, seed=seed))
        ]

    corpus = data.split(data.read(write_csv(tmp_path / "now.csv", rows(60, 0)), text="title", label="topic"))
    before = rows(90, 7)
    more = rehearse(corpus, write_csv(tmp_path / "before.csv", before), share=0.5)["train"]
    texts = [text for name, text in zip(more["row_id"], more["text"], strict=True) if name.startswith("earlier:")]
    assert texts and set(texts) <= {row["title"] for row in before}
    renamed = [{"text": row["title"], "label": row["topic"]} for row in before]
    others = rehearse(corpus, write_csv(tmp_path / "renamed.csv", renamed), share=0.5)["train"]
    assert set(others["text"]) - set(corpus["train"]["text"]) <= {row["title"] for row in before}
    strange = [{"a": row["title"], "b": row["body"], "c": row["title"]} for row in before]
    with pytest.raises(DataError, match=r"strange\.csv: .*Call its columns as those of the data are: 'title', 'topic'"):
        rehearse(corpus, write_csv(tmp_path / "strange.csv", strange))


def test_words_that_came_as_tokens_move_along(tmp_path: Path) -> None:
    rows = []
    for i in range(60):
        tokens = ["We", "did", "n't", "see", "Los", "Angeles", "today", "(", f"case{i}", ")", "."]
        tags = ["O", "O", "O", "O", "B-CITY", "I-CITY", *["O"] * 5]
        rows.append({"id": f"r{i}", "tokens": tokens, "tags": tags})
    path = tmp_path / "tokens.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    corpus = data.split(data.read(path, layout="spans"))
    for method in METHODS[:4]:
        more = augment(corpus, (method,), share=0.4, fill=shout)["train"]
        changed = [more[i] for i in range(len(corpus["train"]), len(more))]
        assert len(changed) > 20
        for row in changed:
            words = [row["text"][a:b] for a, b in zip(row["words"][::2], row["words"][1::2], strict=True)]
            assert "".join(words) == row["text"].replace(" ", ""), "every character stands in one word"
            assert all(word and word == word.strip() for word in words)
            (span,) = row["spans"]
            starts, ends = set(row["words"][::2]), set(row["words"][1::2])
            assert span["start"] in starts and span["end"] in ends, "a span begins and ends with a word"


def test_rows_that_models_are_judged_by_are_not_rehearsed(tmp_path: Path) -> None:
    corpus = split_toys(tmp_path)
    older = write_csv(tmp_path / "older.csv", [*toy_rows(60), *toy_rows(30, seed=7)])
    more = rehearse(corpus, older, share=2.0)
    held = {text for split in ("validation", "test") for text in corpus[split]["text"]}
    assert not held & set(more["train"]["text"])
    assert "stand in the validation or test split were left out" in more.steps[-1].text
    scores = [{"id": f"s{i}", "text": f"{word} {i}", "stars": i % 5 + 1} for i, word in enumerate(["good", "bad"] * 30)]
    rated = data.split(data.read(write_csv(tmp_path / "rated.csv", scores), scores=True))
    again = [{**row, "text": f"again {row['text']}"} for row in scores]
    assert len(rehearse(rated, write_csv(tmp_path / "again.csv", again), share=0.5)["train"]) > len(rated["train"])
