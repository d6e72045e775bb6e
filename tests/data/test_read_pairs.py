"""Pairs of source and target: read from what people have, checked, and repaired."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from labkit.data import Corpus, check, clean, defects, read, sample, split
from labkit.errors import DataError, UnknownName


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def columns(corpus: Corpus) -> tuple[str, str]:
    return corpus.config.text, (*corpus.config.label, "")[0]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("en", "de"), ("en", "de")),
        (("fr_XX", "en_XX"), ("fr_XX", "en_XX")),
        (("english", "german"), ("english", "german")),
        (("source", "target"), ("source", "target")),
        (("tgt", "src"), ("src", "tgt")),
        (("highlights", "article"), ("article", "highlights")),
        (("dialogue", "summary"), ("dialogue", "summary")),
        (("document", "title"), ("document", "title")),
        (("text", "summary"), ("text", "summary")),
        (("input", "output"), ("input", "output")),
    ],
)
def test_columns_are_found_by_name(names: tuple[str, str], expected: tuple[str, str], tmp_path: Path) -> None:
    rows = [{names[0]: f"some words number {i}", names[1]: f"other text {i}", "id": i, "topic": "a"} for i in range(5)]
    corpus = read(write(tmp_path / "t.jsonl", rows), layout="pairs")
    assert columns(corpus) == expected and corpus.config.id == "id"
    assert corpus["train"].column_names == ["row_id", "text", "target", "topic"]
    assert corpus["train"][1]["text"] == rows[1][expected[0]] and corpus["train"][1]["target"] == rows[1][expected[1]]
    assert corpus.labels == () and not corpus.multi_label
    assert any(expected[1] in reason for reason in corpus.reasons)


def test_the_hub_wraps_translations_in_a_record(tmp_path: Path) -> None:
    rows = [{"id": str(i), "translation": {"en": f"one {i}", "ro": f"unu {i}"}} for i in range(4)]
    corpus = read(write(tmp_path / "t.jsonl", rows), layout="pairs")
    assert columns(corpus) == ("en", "ro") and corpus["train"][2]["target"] == "unu 2"
    turned = read(tmp_path / "t.jsonl", layout="pairs", text="ro", label="en")
    assert turned["train"][2]["text"] == "unu 2" and turned["train"][2]["target"] == "one 2"
    assert columns(read(tmp_path / "t.jsonl", layout="pairs", text="ro")) == ("ro", "en"), (
        "the other language is the target"
    )


def test_reading_again_gives_the_same(tmp_path: Path) -> None:
    from labkit.data import load

    rows = [{"en": f"one two {i}", "de": f"eins zwei {i}"} for i in range(30)]
    corpus = read(write(tmp_path / "t.jsonl", rows), layout="pairs")
    again = load(corpus.config)
    assert set(again.splits) == {"train", "validation", "test"} and sum(again.rows.values()) == 30
    assert set(again["train"]["row_id"]) <= set(corpus["train"]["row_id"])


@pytest.mark.parametrize(
    ("rows", "options", "expected"),
    [
        ([{"text": "only one column here"}], {}, "only the column 'text'"),
        ([{"text": "some words", "topic": "a"}] * 3, {}, "none among 'topic'"),
        ([{"en": "a b", "de": {"x": 1}}], {}, "nested values"),
        ([{"en": "a b", "de": ""}], {}, "an empty cell in every row"),
        ([{"en": "a b", "de": "c"}], {"text_pair": "de"}, "text_pair"),
        ([{"en": "a b", "de": "c"}], {"multi_label": True}, "multi_label"),
        ([{"en": "a b", "de": "c", "fr": "d"}], {}, "a column with the target text"),
        ([{"en": "a b", "de": "c"}], {"text": "en", "label": "en"}, "'en' twice"),
    ],
)
def test_what_cannot_be_used_is_said(rows: list[dict[str, Any]], options: Any, expected: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=expected):
        read(write(tmp_path / "t.jsonl", rows), layout="pairs", **options)
    with pytest.raises(UnknownName):
        read(tmp_path / "t.jsonl", layout="pairs", label="nothing")


def test_unknown_targets_are_null(tmp_path: Path) -> None:
    rows = [{"en": "good day", "de": "guten Tag"}, {"en": "yes", "de": ""}, {"en": "no", "de": None}]
    corpus = read(write(tmp_path / "t.jsonl", rows), layout="pairs")
    assert list(corpus["train"]["target"]) == ["guten Tag", None, None]
    assert any("2 of 3 rows" in reason for reason in corpus.reasons)
    assert clean(corpus, "drop_empty").rows == {"train": 1}
    bare = read(write(tmp_path / "bare.jsonl", [{"en": "good day"}]), layout="pairs", text="en", require_label=False)
    assert bare["train"].column_names == ["row_id", "text"] and not check(bare).findings
    with pytest.raises(DataError, match="Use 'drop_empty' instead"):
        clean(corpus, "drop_unlabelled")


def test_sides_that_are_swapped_are_turned(tmp_path: Path) -> None:
    english = ["the", "house", "is", "old", "and", "we", "like", "green", "garden", "water", "cold", "very"]
    german = ["das", "haus", "ist", "alt", "und", "wir", "mögen", "grün", "garten", "wasser", "kalt", "sehr"]
    draw = random.Random(0)
    rows = []
    for i in range(120):
        at = [draw.randrange(len(english)) for _ in range(6)]
        rows.append({"id": i, "en": " ".join(english[j] for j in at), "de": " ".join(german[j] for j in at)})
    for i in (7, 50):
        rows[i] = {"id": i, "en": rows[i]["de"], "de": rows[i]["en"]}
    corpus = read(write(tmp_path / "t.jsonl", rows), layout="pairs")
    report = check(corpus)
    assert set(report.finding("swapped_sides").row_ids) == {"7", "50"}
    turned = clean(corpus, report.repairs)
    assert turned["train"][7]["text"] == rows[7]["de"] and turned["train"][7]["target"] == rows[7]["en"]
    assert turned["train"][8] == corpus["train"][8]
    assert not check(turned).repairs


def test_far_lengths_numbers_and_repeats_are_found(tmp_path: Path) -> None:
    rows = [
        {"id": i, "src": f"sentence number {i} has words", "tgt": f"frase numero {i} con parole"} for i in range(60)
    ]
    rows[3]["tgt"] = "frase numero 3 con parole " * 20
    rows[5]["tgt"] = "frase numero 6 con parole"
    rows[9]["src"] = rows[8]["src"]
    report = check(read(write(tmp_path / "t.jsonl", rows), layout="pairs"))
    assert report.finding("far_lengths").row_ids == ("3",)
    assert set(report.finding("numbers_differ").row_ids) == {"5", "9"}
    assert set(report.finding("several_targets").row_ids) == {"8", "9"}
    assert set(report.finding("repeated_targets").row_ids) == {"5", "6"}


FOUND_BY = {
    "misaligned": {"misaligned"},
    "wrong_language": {"other_language", "misaligned"},
    "exact_duplicate": {"exact_duplicates"},
    "empty_side": {"empty_text", "empty_target"},
    "copied_source": {"copied_target"},
    "other_summary": {"misaligned"},
    "empty_summary": {"empty_target"},
    "copied_notes": {"copied_target"},
}
"""Kind of planted defect → the findings that show it."""


@pytest.mark.parametrize(("name", "fewest"), [("phrasebook", 38), ("meetings", 7)])
def test_planted_defects_are_found_and_nothing_else(name: str, fewest: int) -> None:
    kinds = {entry["id"]: entry["kind"] for entry in defects(name)}
    found: set[str] = set()
    for finding in check(sample(name)).findings:
        if finding.severity != "info":
            assert all(finding.name in FOUND_BY[kinds[row_id]] for row_id in finding.row_ids), finding
            found |= set(finding.row_ids)
    assert len(found) >= fewest, "all but two that are swapped among neighbours, and notes that stop early"
    assert not [finding for finding in check(sample(name, tidy=True)).findings if finding.severity != "info"]


def test_split_keeps_equal_sources_together(tmp_path: Path) -> None:
    rows = [{"en": f"sentence {i // 2}", "de": f"satz {i}"} for i in range(40)]
    parts = split(read(write(tmp_path / "t.jsonl", rows), layout="pairs"), validation=0.2, test=0.2)
    texts = [set(rows["text"]) for rows in parts.splits.values()]
    assert not texts[0] & texts[1] and not texts[0] & texts[2] and not texts[1] & texts[2]


def test_repairs_of_texts_reach_both_sides(tmp_path: Path) -> None:
    rows = [{"en": "a cafÃ©", "de": "ein CafÃ© "}, {"en": "good day", "de": "guten Tag"}]
    corpus = read(write(tmp_path / "t.jsonl", rows), layout="pairs")
    mended = clean(corpus, "fix_mojibake", "strip_whitespace")
    assert mended["train"][0]["text"] == "a café" and mended["train"][0]["target"] == "ein Café"
