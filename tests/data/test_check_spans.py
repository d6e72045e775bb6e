"""Checking, repairing, splitting and browsing a corpus whose rows are texts with spans."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from labkit.data import REPAIRS, Corpus, Journal, Query, Table, apply, check, clean, load, read, split
from labkit.errors import DataError, LabError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))


def marked(*texts: str, group: Sequence[str] = ()) -> Corpus:
    """A corpus of texts with marks like "in [Bath|LOC] now"; a text with a "?" in front has no labels."""
    rows = []
    for i, given in enumerate(texts):
        text, spans, unknown = "", [], given.startswith("?")
        for j, piece in enumerate(given.removeprefix("?").replace("]", "[").split("[")):
            words, _, label = piece.rpartition("|") if j % 2 else (piece, "", "")
            if j % 2:
                spans.append([len(text), len(text) + len(words), label])
            text += words
        rows.append({"id": f"r{i}", "text": text, "spans": None if unknown else spans})
        if group:
            rows[-1]["author"] = group[i]
    return read(rows, layout="spans")


def overlapping() -> Corpus:
    spans = [[0, 19, "ORG"], [14, 19, "LOC"], [23, 27, "LOC"]]
    return read([{"id": "r0", "text": "University of Leeds in Bath", "spans": spans}], layout="spans")


def stretches(corpus: Corpus, split: str = "train") -> list[list[str] | None]:
    return [
        cell and [f"{row['text'][one['start'] : one['end']]}|{one['label']}" for one in cell]
        for row in corpus[split]
        for cell in [row["spans"]]
    ]


def found(corpus: Corpus, name: str) -> tuple[str, ...]:
    report = check(corpus)
    return report.finding(name).row_ids if name in report else ()


def test_a_sound_corpus_has_no_findings_of_spans() -> None:
    names = {one.name for one in check(marked("in [Bath|LOC] now", "from [Leeds|LOC] (UK)", "none here")).findings}
    assert not names & {
        "broken_tag_sequences",
        "overlapping_spans",
        "span_edges",
        "one_text_two_types",
        "missed_mentions",
    }


def test_broken_tags() -> None:
    rows = [
        {"id": "a", "tokens": ["x", "y"], "tags": ["O", "I-A"]},
        {"id": "b", "tokens": ["x", "z"], "tags": ["B-A", "I-A"]},
    ]
    corpus = read(rows, layout="spans")
    assert found(corpus, "broken_tag_sequences") == ("a",)
    assert check(corpus).finding("broken_tag_sequences").severity == "warning"


def test_overlaps_are_an_error_until_the_longest_are_kept() -> None:
    one = check(overlapping()).finding("overlapping_spans")
    assert (one.severity, one.row_ids, one.repair_name) == ("error", ("r0",), "keep_longest_spans")
    assert "University of Leeds" in one.text and "'Leeds' (LOC)" in one.text
    cleaned = clean(overlapping(), check(overlapping()).repairs)
    assert stretches(cleaned) == [["University of Leeds|ORG", "Bath|LOC"]]
    assert cleaned.steps[0].counts == {"train": 1} and found(cleaned, "overlapping_spans") == ()


def test_edges_are_found_and_trimmed() -> None:
    corpus = marked("in [Bath,|LOC] now", "[ Leeds |LOC]!", "in Ba[th|LOC]", "at [Pellimar plc.|ORG]", "x [ |LOC]")
    assert set(found(corpus, "span_edges")) == {"r0", "r1", "r2", "r4"}
    cleaned = clean(corpus, "trim_spans")
    assert stretches(cleaned) == [["Bath|LOC"], ["Leeds|LOC"], ["th|LOC"], ["Pellimar plc.|ORG"], []]
    assert cleaned["train"]["label"][4] == [] and cleaned.steps[0].counts == {"train": 3}
    left = check(cleaned).finding("span_edges")
    assert left.row_ids == ("r2",) and left.repair == ""


def test_words_of_two_types() -> None:
    corpus = marked(*["to [Paris|LOC]"] * 3, "a [paris|PRODUCT] chair", "in [Bath|LOC]")
    one = check(corpus).finding("one_text_two_types")
    assert one.row_ids == ("r3",) and "LOC 3×, PRODUCT 1×" in one.text and one.severity == "warning"
    assert check(marked("[Paris|LOC]", "[Paris|PRODUCT]")).finding("one_text_two_types").severity == "info"


def test_mentions_that_were_missed() -> None:
    labelled = ["to [Leeds|LOC] now", "by [Leeds|LOC]", "at [Leeds|LOC]"]
    corpus = marked(*labelled, "from Leeds too", "?from Leeds as well", "a Leedser", "[Leeds Rail|ORG] is late")
    assert found(corpus, "missed_mentions") == ("r3",)
    assert found(marked(*labelled[:2], "from Leeds"), "missed_mentions") == ()
    small = [text.replace("Leeds", "noon") for text in labelled]
    assert found(marked(*small, "at noon"), "missed_mentions") == ()


def test_types_that_differ_by_case_only_are_merged() -> None:
    corpus = marked("[Bath|LOC]", "in [Leeds|LOC]", "at [Hull|Loc] or [York|LOC]")
    one = check(corpus).finding("label_variants")
    assert one.repair_name == "merge_type_variants" and one.row_ids == ("r2",)
    cleaned = clean(corpus, "merge_type_variants")
    assert stretches(cleaned)[2] == ["Hull|LOC", "York|LOC"] and cleaned["train"]["label"][2] == ["LOC"]
    assert cleaned.labels == ("LOC",) and load_again(cleaned)


def load_again(corpus: Corpus) -> bool:
    shares = {"validation_share": 0.0, "test_share": 0.0}
    config = type(corpus.config)(**{**vars(corpus.config), **shares})
    return load(config)["train"].to_list() == corpus["train"].to_list()


@pytest.mark.parametrize(
    "name", ["strip_markup", "fix_mojibake", "strip_control", "strip_whitespace", "merge_label_variants"]
)
def test_repairs_that_would_shift_spans_are_refused(name: str) -> None:
    corpus = marked(" <b>[cafÃ©\x00|LOC]</b> ", "[x|loc]")
    with pytest.raises(DataError, match=name) as caught:
        clean(corpus, name)
    assert caught.value.do
    report = check(corpus)
    assert not {one.repair_name for one in report.findings} & {name} and name not in report.text()
    assert "surrounding_whitespace" in report and "mojibake" in report
    clean(corpus, report.repairs)


def test_repairs_of_spans_leave_other_corpora_alone() -> None:
    corpus = read([{"text": "one two", "label": "a"}, {"text": "three four", "label": "b"}])
    for name in ("trim_spans", "keep_longest_spans", "merge_type_variants"):
        assert clean(corpus, name)["train"].to_list() == corpus["train"].to_list()


def test_equal_texts_with_other_spans_are_conflicts_and_with_equal_ones_duplicates() -> None:
    corpus = marked(
        "in [Bath|LOC] now",
        "in  [bath|LOC] NOW",
        "in [Bath now|LOC]",
        "[in|LOC] Bath now",
        "?in Bath now",
        "[x|LOC]",
        "",
    )
    assert found(corpus, "exact_duplicates") == ("r1",)
    assert found(corpus, "conflicting_labels") == ("r0", "r1", "r2", "r3")
    assert list(clean(corpus, "keep_majority_label")["train"]["row_id"]) == ["r0", "r1", "r4", "r5", "r6"]
    assert list(clean(corpus, "drop_conflicts")["train"]["row_id"]) == ["r4", "r5", "r6"]
    done = clean(corpus, "drop_empty", "drop_duplicates", "drop_unlabelled")
    assert list(done["train"]["row_id"]) == ["r0", "r2", "r3", "r5"]


def test_shared_texts_are_dropped_from_train() -> None:
    rows = [{"text": f"at {name}", "spans": [[3, 7, "LOC"]]} for name in ("Bath", "Hull", "York")]
    corpus = read({"train": rows, "test": rows[:1]}, layout="spans")
    assert clean(corpus, "drop_shared").rows == {"train": 2, "test": 1}


def test_every_repair_runs_or_refuses() -> None:
    for name in REPAIRS:
        corpus = marked("in [Bath|LOC] now", "to [Bath|LOC], [Hull|LOC]")
        try:
            assert clean(corpus, name).rows == {"train": 2}
        except DataError as error:
            assert name in str(error)


def test_splits_keep_groups_and_equal_texts_together() -> None:
    texts = [f"to [Town{i // 2}|{'LOC' if i % 4 < 2 else 'ORG'}]" for i in range(40)]
    whole = split(marked(*texts), validation=0.2, test=0.2)
    sides = [set(part["text"]) for part in whole.splits.values()]
    assert whole.rows == {"train": 24, "validation": 8, "test": 8} and sum(map(len, sides)) == len(set().union(*sides))
    assert all({kind for cell in part["label"] for kind in cell} == {"LOC", "ORG"} for part in whole.splits.values())
    grouped = split(marked(*texts, group=[f"a{i // 8}" for i in range(40)]), validation=0.2, test=0.2, group="author")
    authors = [set(part["author"]) for part in grouped.splits.values()]
    assert sum(map(len, authors)) == 5


def test_documents_can_be_kept_together(tmp_path: Path) -> None:
    sentences = [f"in\tO\nTown{i}\tB-LOC\n" for i in range(30)]
    documents = ["".join(f"-DOCSTART-\tO\n\n{sentences[3 * i]}\n{sentences[3 * i + 1]}\n" for i in range(10))]
    (tmp_path / "a.conll").write_text(documents[0])
    corpus = split(read(tmp_path / "a.conll", layout="spans"), group="document")
    sides = [set(part["document"]) for part in corpus.splits.values()]
    assert sum(map(len, sides)) == 10 and load_split_again(corpus)


def load_split_again(corpus: Corpus) -> bool:
    again = load(corpus.config)
    return all(again[name].to_list() == part.to_list() for name, part in corpus.splits.items())


@pytest.mark.parametrize(("field", "new"), [("label", ["ORG"]), ("text", "other")])
def test_a_journal_does_not_break_spans(tmp_path: Path, field: str, new: Any) -> None:
    corpus = marked("in [Bath|LOC] now", "to [Hull|LOC]")
    journal = Journal(tmp_path / "a.labels.jsonl", who="ann")
    journal.add("r0", new, field=field)
    with pytest.raises(DataError, match=field) as caught:
        apply(corpus, journal)
    assert "spans" in caught.value.do


def test_a_journal_can_leave_rows_out(tmp_path: Path) -> None:
    corpus = marked("in [Bath|LOC] now", "to [Hull|LOC]")
    journal = Journal(tmp_path / "a.labels.jsonl", who="ann")
    journal.add("r0", True, field="exclude")
    left = apply(corpus, journal)
    assert stretches(left) == [["Hull|LOC"]] and left.labels == ("LOC",)


def test_rows_can_be_browsed() -> None:
    corpus = marked("in [Bath|LOC] now", "[Leeds Rail|ORG] to [Hull|LOC]", "nothing", "?unknown")
    table = Table(corpus)
    assert table.facets().labels == {"LOC": 2, "ORG": 1, "": 2}
    assert table.view(Query(labels=("ORG",))).row_ids() == ["r1"]
    page = table.view().page()
    assert page[0]["spans"] == [{"start": 3, "end": 7, "label": "LOC"}] and page[3]["spans"] is None
    assert json.dumps(page)
    assert table.view(Query(where=(("spans", "missing", True),))).row_ids() == ["r3"]
    assert table.view(Query(where=(("spans", "contains", "LOC"),))).row_ids() == ["r0", "r1"]
    assert table.view(Query(search="hull", sort=(("text", "ascending"),))).row_ids() == ["r1"]
    with pytest.raises(LabError, match="spans"):
        len(table.view(Query(sort=(("spans", "ascending"),))))
