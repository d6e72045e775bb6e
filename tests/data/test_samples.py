"""The sample data sets: what their cards and lists of defects say is what the files hold."""

from __future__ import annotations

import csv
import difflib
import functools
import json
import re
import shutil
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import labkit._places
from labkit._places import bundled
from labkit.data import (
    Corpus,
    check,
    clean,
    defects,
    normalise,
    read,
    sample,
    sample_layout,
    sample_path,
    samples,
    tags_to_spans,
)
from labkit.errors import UnknownName
from labkit.evaluation import TFIDF, baselines

# name → file ending, column with the text, column with the label, other columns, classes, fewest rows
SETS: dict[str, tuple[str, str, str, list[str], int, int]] = {
    "support": ("csv", "message", "intent", ["channel"], 8, 800),
    "reviews": ("jsonl", "review", "sentiment", ["stars", "product_category"], 3, 600),
    "medical": ("tsv", "note", "specialty", ["age_band", "urgency"], 7, 500),
}
BANDS = {"support": (0.66, 0.75), "reviews": (0.57, 0.66), "medical": (0.52, 0.60)}
"""Accuracy of the simple baseline on the tidy test split: the task is neither trivial nor hopeless for it."""
KINDS = ("wrong_label", "near_duplicate", "leak", "broken_encoding")

each = pytest.mark.parametrize("name", SETS)


@functools.cache
def rows(name: str, split: str) -> dict[str, dict[str, Any]]:
    """Id → row, read from the file without labkit."""
    ending = SETS[name][0]
    with (sample_path(name) / f"{split}.{ending}").open(encoding="utf-8", newline="") as file:
        if ending == "jsonl":
            found = [json.loads(line) for line in file]
        else:
            found = list(csv.DictReader(file, delimiter="\t" if ending == "tsv" else ","))
    by_id = {row["id"]: row for row in found}
    assert len(by_id) == len(found)
    return by_id


def of_all(name: str) -> dict[str, dict[str, Any]]:
    return rows(name, "train") | rows(name, "test")


@functools.cache
def card(name: str) -> dict[str, list[list[str]]]:
    """Heading → the cells of the table below it, without the head of the table."""
    tables: dict[str, list[list[str]]] = {}
    heading = ""
    for line in (sample_path(name) / "README.md").read_text("utf-8").splitlines():
        if line.startswith("#"):
            heading = line.strip("# ")
        elif line.startswith("|"):
            tables.setdefault(heading, []).append([cell.strip(" `*") for cell in line.strip("|").split("|")])
    return {above: table[2:] for above, table in tables.items()}


def sizes(corpus: Corpus, split: str) -> Counter[str]:
    return Counter(corpus[split]["label"])


def test_names() -> None:
    assert set(samples()) >= {*SETS, "ner", "qa"}
    assert (
        set(samples("labels")) == {*SETS, "entailment"} and samples("spans") == ["ner"] and samples("answers") == ["qa"]
    )
    assert [sample_layout(name) for name in ("support", "ner")] == ["labels", "spans"]
    with pytest.raises(UnknownName, match="support"):
        sample("suport")
    with pytest.raises(UnknownName):
        sample_path("../samples/support")


@each
def test_reads_with_the_right_columns(name: str) -> None:
    _, text, label, others, classes, fewest = SETS[name]
    corpus = sample(name)
    assert (corpus.config.text, corpus.config.label, corpus.config.id) == (text, (label,), "id")
    assert set(corpus.splits) == {"train", "test"}
    assert corpus["train"].column_names == ["row_id", "text", "label", *others]
    assert len(corpus.labels) == classes and not corpus.multi_label
    assert sum(corpus.rows.values()) >= fewest and sum(sample(name, tidy=True).rows.values()) >= fewest
    for split in corpus.splits:
        assert set(sizes(corpus, split)) == set(corpus.labels)
        read = [(row["row_id"], row["text"], row["label"]) for row in corpus[split]]
        assert read == [(i, row[text], row[label]) for i, row in rows(name, split).items()]


@each
def test_ids_are_unique_over_the_splits(name: str) -> None:
    assert not set(rows(name, "train")) & set(rows(name, "test"))
    assert len(of_all(name)) == sum(sample(name).rows.values())


@each
def test_card_states_the_sizes(name: str) -> None:
    shipped, tidy = sample(name), sample(name, tidy=True)
    stated = {line[0]: [int(cell) for cell in line[2:]] for line in card(name)["Sizes"]}
    both = (shipped, tidy)
    found = {
        label: [sizes(corpus, split)[label] for corpus in both for split in ("train", "test")]
        for label in shipped.labels
    }
    assert stated.pop("all") == [corpus.rows[split] for corpus in both for split in ("train", "test")]
    assert stated == found


@each
def test_card_states_the_fields(name: str) -> None:
    _, text, label, others, *_ = SETS[name]
    assert [line[0] for line in card(name)["Files and fields"]] == ["id", text, label, *others]
    prose = (sample_path(name) / "README.md").read_text("utf-8")
    for needed in ("AI author", "fictional", "Apache-2.0", f'sample("{name}", tidy=True)', "## Limits"):
        assert needed in prose


@each
def test_card_states_the_planted_defects(name: str) -> None:
    found = Counter((entry["kind"], entry["split"]) for entry in defects(name))
    total = sum(sample(name).rows.values())
    stated = {line[0]: line[2:] for line in card(name)["Planted defects"]}
    assert set(stated) == {*KINDS, "all"}
    for kind in KINDS:
        train, test = found[kind, "train"], found[kind, "test"]
        assert train + test > 0
        assert stated[kind] == [str(train), str(test), f"{(train + test) / total:.1%}"]
    assert stated["all"][2] == f"{len(defects(name)) / total:.1%}"


def test_list_of_the_sets_is_right() -> None:
    text = (bundled("samples") / "README.md").read_text("utf-8")
    for name, (ending, *_, classes, _) in SETS.items():
        counts = sample(name).rows
        end = f"| `.{ending}` | {classes} | {counts['train']} | {counts['test']} | {len(defects(name))} |"
        assert re.search(rf"\[{name}\]\({name}/README.md\).*{re.escape(end)}", text)


@each
def test_every_defect_is_there(name: str) -> None:
    _, text, label, *_ = SETS[name]
    planted = defects(name)
    assert len({entry["id"] for entry in planted}) == len(planted)
    changed = {entry["id"]: entry for entry in planted if "of" not in entry}
    for entry in planted:
        row = rows(name, entry["split"])[entry["id"]]
        if entry["kind"] in ("wrong_label", "broken_encoding"):
            assert entry["field"] == (label if entry["kind"] == "wrong_label" else text)
            assert row[entry["field"]] == entry["shipped"] != entry["tidy"]
        if entry["kind"] == "wrong_label":
            assert entry["split"] == "train" and entry["tidy"] in sample(name).labels
        elif entry["kind"] == "broken_encoding":
            assert entry["tidy"].encode("utf-8").decode("cp1252") == entry["shipped"]
        else:
            assert entry["split"] == ("test" if entry["kind"] == "leak" else "train")
            origin = rows(name, "train")[entry["of"]]
            assert entry["of"] not in changed and row[label] == origin[label]
            words = [one[text].casefold().split() for one in (row, origin)]
            assert difflib.SequenceMatcher(None, *words, autojunk=False).ratio() > 0.4


@each
def test_check_finds_encodings_and_exact_leaks(name: str) -> None:
    report = check(sample(name))
    planted = defects(name)
    text = SETS[name][1]
    broken = {entry["id"] for entry in planted if entry["kind"] == "broken_encoding"}
    assert set(report.finding("mojibake").row_ids) == broken
    everything = of_all(name)
    exact = {
        entry["of"]
        for entry in planted
        if entry["kind"] == "leak"
        and normalise(everything[entry["id"]][text]) == normalise(everything[entry["of"]][text])
    }
    assert exact and set(report.finding("shared_between_splits").row_ids) == exact
    said = re.search(r"(\d+) word for word", (sample_path(name) / "README.md").read_text("utf-8"))
    assert said and int(said[1]) == len(exact)
    # nothing else is wrong that was not planted
    assert {found.name for found in report.findings} == {"mojibake", "shared_between_splits"}
    assert not check(sample(name, tidy=True)).findings


@each
def test_broken_encodings_can_be_repaired_exactly(name: str) -> None:
    mended = clean(sample(name), "fix_mojibake")
    found = {
        i: text for split in mended.splits.values() for i, text in zip(split["row_id"], split["text"], strict=True)
    }
    for entry in defects(name):
        if entry["kind"] == "broken_encoding":
            assert found[entry["id"]] == entry["tidy"]


@each
def test_tidy_mends_everything_else_stays(name: str) -> None:
    shipped, tidy = sample(name), sample(name, tidy=True)
    text, label = SETS[name][1:3]
    planted = {entry["id"]: entry for entry in defects(name)}
    for split in shipped.splits:
        assert tidy[split].features == shipped[split].features
        expected = []
        for row in shipped[split]:
            entry = planted.get(row["row_id"], {})
            if entry.get("kind") in ("near_duplicate", "leak"):
                continue
            if entry:
                row[{text: "text", label: "label"}[entry["field"]]] = entry["tidy"]
            expected.append(row)
        assert tidy[split].to_list() == expected
    assert tidy.labels == shipped.labels
    texts = {split: set(map(normalise, tidy[split]["text"])) for split in tidy.splits}
    assert not texts["train"] & texts["test"]
    assert len(texts["train"] | texts["test"]) == sum(tidy.rows.values())


@each
def test_tidy_leaves_no_near_duplicate(name: str) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    tidy = sample(name, tidy=True)
    texts = [*tidy["train"]["text"], *tidy["test"]["text"]]
    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True).fit_transform(texts)
    nearness = (grams @ grams.T).tolil()
    nearness.setdiag(0)
    assert nearness.tocsr().max() < 0.6


@each
def test_tidy_is_the_same_twice(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = {split: part.to_list() for split, part in sample(name, tidy=True).splits.items()}
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))  # nothing left from the first time
    assert {split: part.to_list() for split, part in sample(name, tidy=True).splits.items()} == first


@each
def test_simple_baseline_is_in_its_band(name: str) -> None:
    tidy = sample(name, tidy=True)
    train, test = tidy["train"].to_dict(), tidy["test"].to_dict()
    made = baselines(train, test, labels=tidy.labels)[TFIDF]
    assert made.gold is not None
    accuracy = float((made.probabilities.argmax(axis=1) == made.gold).mean())
    low, high = BANDS[name]
    assert low <= accuracy <= high
    stated = {line[0]: float(line[1].split()[0]) for line in card(name)["Baselines"]}
    assert stated[TFIDF] == pytest.approx(accuracy, abs=0.02)  # versions of the solver may differ by a row or two


@each
def test_nothing_that_could_be_a_real_address(name: str) -> None:
    text = SETS[name][1]
    contact = re.compile(r"\w@\w|https?:|www\.|\+?\d[\d ()/-]{8,}\d")
    assert [row[text] for row in of_all(name).values() if contact.search(row[text])] == []


# --- named entities -------------------------------------------------------------------------------------------------

TYPES = ["PLACE", "DATE", "PRODUCT", "ORG"]
NER_KINDS = {
    "wrong_type": "one_text_two_types",
    "wrong_boundary": "",
    "missed_entity": "",
    "impossible_tags": "broken_tag_sequences",
    "leak": "shared_between_splits",
}
"""Kind of planted defect → the finding that shows some of it."""


@functools.cache
def sentences(split: str) -> dict[str, tuple[list[str], list[str]]]:
    """Id → tokens and tags, read from the file without labkit."""
    found = {}
    for block in (sample_path("ner") / f"{split}.conll").read_text("utf-8").strip().split("\n\n"):
        first, *lines = block.split("\n")
        tokens, tags = zip(*(line.split("\t") for line in lines), strict=True)
        found[first.removeprefix("# id = ")] = (list(tokens), list(tags))
    return found


def starts(tags: Iterable[list[str]]) -> Counter[str]:
    return Counter(tag[2:] for row in tags for tag in row if tag.startswith("B-"))


def entities(corpus: Corpus, split: str) -> Counter[str]:
    return Counter(span["label"] for spans in corpus[split]["spans"] for span in spans)


def test_entities_are_read_as_they_stand_in_the_files() -> None:
    corpus = sample("ner")
    assert set(corpus.splits) == {"train", "test"} and set(corpus.labels) == set(TYPES)
    for split in corpus.splits:
        assert list(corpus[split]["row_id"]) == list(sentences(split))
        for row in corpus[split]:
            tokens, tags = sentences(split)[row["row_id"]]
            assert row["text"] == " ".join(tokens)
            said = [(row["text"][span["start"] : span["end"]], span["label"]) for span in row["spans"]]
            assert said == [(" ".join(tokens[s.start : s.end]), s.label) for s in tags_to_spans(tags)]


def test_tidy_entities_differ_by_the_planted_defects_only() -> None:
    tidy, planted = sample("ner", tidy=True), {entry["id"]: entry for entry in defects("ner")}
    for split in tidy.splits:
        wanted = {
            i: planted[i]["tidy"] if i in planted else tags
            for i, (_, tags) in sentences(split).items()
            if "of" not in planted.get(i, {})
        }
        assert list(tidy[split]["row_id"]) == list(wanted)
        assert entities(tidy, split) == starts(wanted.values())
    assert "broken_tags" not in tidy["train"].column_names and not check(tidy).repairs


def test_card_of_the_entities_states_what_the_files_hold() -> None:
    tidy = sample("ner", tidy=True)
    shipped = {split: starts(tags for _, tags in sentences(split).values()) for split in ("train", "test")}
    stated = {line[0]: [int(cell) for cell in line[2:]] for line in card("ner")["Sizes"]}
    for kind in TYPES:
        assert stated[kind] == [shipped["train"][kind], shipped["test"][kind]] + [
            entities(tidy, split)[kind] for split in ("train", "test")
        ]
    assert stated["sentences"] == [len(sentences("train")), len(sentences("test")), *tidy.rows.values()]
    total = sum(len(sentences(split)) for split in shipped)
    counts = Counter((entry["kind"], entry["split"]) for entry in defects("ner"))
    planted = {line[0]: line[2:] for line in card("ner")["Planted defects"] if len(line) > 3}
    assert set(planted) == {*NER_KINDS, "all"}
    for kind in NER_KINDS:
        train, test = counts[kind, "train"], counts[kind, "test"]
        assert planted[kind] == [str(train), str(test), f"{(train + test) / total:.1%}"]
    prose = (sample_path("ner") / "README.md").read_text("utf-8")
    assert all(needed in prose for needed in ("AI author", "invented", "Apache-2.0", "tidy=True", "## Limits"))
    listed = (bundled("samples") / "README.md").read_text("utf-8")
    assert re.search(
        rf"\[ner\]\(ner/README.md\).*\| `.conll` \| 4 \| {len(sentences('train'))} \| {len(sentences('test'))} \| "
        rf"{len(defects('ner'))} \|",
        listed,
    )


def test_every_defect_of_the_entities_is_there_and_some_are_found() -> None:
    report = check(sample("ner"))
    for kind, name in NER_KINDS.items():
        entries = [entry for entry in defects("ner") if entry["kind"] == kind]
        for entry in entries:
            _, tags = sentences(entry["split"])[entry["id"]]
            assert entry["field"] == "tags" and entry["shipped"] == tags != entry["tidy"]
        if name:
            there = {entry.get("of", entry["id"]) for entry in entries}
            assert there & set(report.finding(name).row_ids)
    for kind in ("impossible_tags", "leak"):
        there = {entry.get("of", entry["id"]) for entry in defects("ner") if entry["kind"] == kind}
        assert there == set(report.finding(NER_KINDS[kind]).row_ids)


def test_entities_hold_nothing_that_could_be_a_real_address() -> None:
    contact = re.compile(r"\w@\w|https?:|www\.|\+?\d[\d ()-]{8,}\d")  # a date and a time may stand in a row
    texts = [" ".join(tokens) for split in ("train", "test") for tokens, _ in sentences(split).values()]
    assert [text for text in texts if contact.search(text)] == []


# --- questions and answers ------------------------------------------------------------------------------------------


@functools.cache
def questions(split: str) -> dict[str, dict[str, Any]]:
    """Id → question with its context, read from the file without labkit."""
    articles = json.loads((sample_path("qa") / f"{split}.json").read_text("utf-8"))["data"]
    return {
        asked["id"]: {**asked, "context": part["context"]}
        for article in articles
        for part in article["paragraphs"]
        for asked in part["qas"]
    }


def test_questions_are_read_as_they_stand_in_the_files() -> None:
    corpus, planted = sample("qa"), {entry["id"] for entry in defects("qa") if entry["kind"] == "wrong_offset"}
    for split in corpus.splits:
        assert list(corpus[split]["row_id"]) == list(questions(split))
        for row in corpus[split]:
            asked = questions(split)[row["row_id"]]
            assert (row["text"], row["text_pair"]) == (asked["question"], asked["context"])
            assert row["label"] == ["no answer" if asked["is_impossible"] else "answerable"]
            # what several people gave alike counts once
            said = list(dict.fromkeys((one["answer_start"], one["text"]) for one in asked["answers"]))
            if row["row_id"] in planted:
                assert row["moved_answers"] and [text for _, text in said] == [one["text"] for one in row["answers"]]
            else:
                assert said == [(one["start"], one["text"]) for one in row["answers"]]


def test_tidy_questions_differ_by_the_planted_defects_only() -> None:
    tidy, planted = sample("qa", tidy=True), {entry["id"]: entry for entry in defects("qa")}
    for split in tidy.splits:
        wanted = {
            i: planted[i]["tidy"] if i in planted else asked["answers"]
            for i, asked in questions(split).items()
            if "of" not in planted.get(i, {})
        }
        assert list(tidy[split]["row_id"]) == list(wanted)
        for row in tidy[split]:
            said = [(one["start"], one["text"]) for one in row["answers"]]
            assert said == list(dict.fromkeys((one["answer_start"], one["text"]) for one in wanted[row["row_id"]]))
            assert all(row["text_pair"][start:].startswith(text) for start, text in said)
    assert not check(tidy).findings
    assert not set(tidy["train"]["text_pair"]) & set(tidy["test"]["text_pair"])


def test_card_of_the_questions_states_what_the_files_hold() -> None:
    shipped, tidy = sample("qa"), sample("qa", tidy=True)
    stated = {line[0]: line[1:] for line in card("qa")["Sizes"]}
    for row, corpus in (("all, shipped", shipped), ("all, tidy", tidy)):
        counts = []
        for split in ("train", "test"):
            open_ones = sum(label == ["no answer"] for label in corpus[split]["label"])
            counts += [str(len(set(corpus[split]["text_pair"]))), f"{len(corpus[split])} ({open_ones})"]
        assert stated[row] == counts
    kinds = Counter(entry["kind"] for entry in defects("qa"))
    planted = {line[0]: int(line[2]) for line in card("qa")["Planted defects"]}
    assert planted.pop("all") == kinds.total() and planted == kinds
    prose = (sample_path("qa") / "README.md").read_text("utf-8")
    assert all(needed in prose for needed in ("AI author", "invented", "Apache-2.0", "tidy=True", "## Limits"))
    listed = (bundled("samples") / "README.md").read_text("utf-8")
    assert re.search(r"\[qa\]\(qa/README.md\).*\| `.json` \| 2 \| 481 \| 149 \| 29 \|", listed)


def test_from_an_installed_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel has the samples inside the package, and no clone around it."""
    root = bundled("samples").parent.parent
    built = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    inside = tmp_path / "site-packages" / built["force-include"]["data/samples"]
    shutil.copytree(bundled("samples"), inside)
    monkeypatch.setattr(labkit._places, "__file__", str(tmp_path / "site-packages" / "labkit" / "_places.py"))
    assert sample_path("support") == inside / "support"
    assert sample("support", tidy=True).rows == {"train": 667, "test": 221}
    assert sample("ner", tidy=True).rows == {"train": 345, "test": 115}


# --- pairs of source and target -------------------------------------------------------------------------------------

PAIRS = {"phrasebook": ("en", "de", ["topic"]), "meetings": ("notes", "summary", ["kind"])}
"""Name → column with the source, column with the target, other columns."""


@functools.cache
def paired(name: str, split: str) -> dict[str, dict[str, str]]:
    """Id → row, read from the file without labkit."""
    ending = {"phrasebook": "tsv", "meetings": "jsonl"}[name]
    with (sample_path(name) / f"{split}.{ending}").open(encoding="utf-8", newline="") as file:
        if ending == "jsonl":
            found = [json.loads(line) for line in file]
        else:
            found = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {row["id"]: row for row in found}


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_are_read_as_they_stand_in_the_files(name: str) -> None:
    corpus, (source, target, others) = sample(name), PAIRS[name]
    assert sample_layout(name) == "pairs" and name in samples("pairs")
    assert (corpus.config.text, corpus.config.label, corpus.config.id) == (source, (target,), "id")
    assert corpus["train"].column_names == ["row_id", "text", "target", *others]
    for split in ("train", "test"):
        read = {row["row_id"]: (row["text"], row["target"] or "") for row in corpus[split]}
        assert read == {i: (row[source], row[target]) for i, row in paired(name, split).items()}


@pytest.mark.parametrize("name", PAIRS)
def test_tidy_pairs_differ_by_the_planted_defects_only(name: str) -> None:
    tidy, planted = sample(name, tidy=True), {entry["id"]: entry for entry in defects(name)}
    source, target, _ = PAIRS[name]
    for split in tidy.splits:
        wanted = {}
        for i, row in paired(name, split).items():
            entry = planted.get(i, {})
            if "of" in entry:
                origin = paired(name, "train")[entry["of"]]
                assert [row[source], row[target]] == [origin[source], origin[target]]
                continue
            if entry:
                assert row[entry["field"]] == entry["shipped"] != entry["tidy"]
                row = {**row, entry["field"]: entry["tidy"]}
            wanted[i] = (row[source], row[target])
        assert {row["row_id"]: (row["text"], row["target"]) for row in tidy[split]} == wanted


@pytest.mark.parametrize("name", PAIRS)
def test_cards_of_the_pairs_state_what_the_files_hold(name: str) -> None:
    shipped, tidy, column = sample(name), sample(name, tidy=True), PAIRS[name][2][0]
    stated = {line[0]: line[-4:] for line in card(name)["Sizes"] if len(line) == 6}
    counts = [Counter(corpus[split][column]) for corpus in (shipped, tidy) for split in ("train", "test")]
    for value in counts[0]:
        assert stated[value] == [str(count[value]) for count in counts]
    assert stated["all"] == [str(count.total()) for count in counts]
    found = Counter(entry["kind"] for entry in defects(name))
    planted = {line[0]: line for line in card(name)["Planted defects"]}
    assert all(str(found[kind]) in planted[kind] for kind in found) and str(len(defects(name))) in planted["all"]
    prose = (sample_path(name) / "README.md").read_text("utf-8")
    assert all(needed in prose for needed in ("AI author", "fictional", "Apache-2.0", "tidy=True", "## Limits"))
    listed = (bundled("samples") / "README.md").read_text("utf-8")
    end = f"| – | {shipped.rows['train']} | {shipped.rows['test']} | {len(defects(name))} |"
    assert re.search(rf"\[{name}\]\({name}/README.md\).*{re.escape(end)}", listed)


# --- pairs of texts with a class ------------------------------------------------------------------------------------


@functools.cache
def inferred(split: str) -> dict[str, dict[str, str]]:
    """Id → row, read from the file without labkit."""
    with (sample_path("entailment") / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_premise_and_hypothesis_are_found() -> None:
    corpus = read(sample_path("entailment"))
    assert corpus.paired and (corpus.config.text, corpus.config.text_pair) == ("premise", "hypothesis")
    assert (corpus.config.label, corpus.config.id) == (("label",), "id")
    assert any("'premise'" in reason and "like a pair of texts" in reason for reason in corpus.reasons)
    assert corpus["train"].column_names == ["row_id", "text", "text_pair", "label"]
    for split in ("train", "test"):
        given = {i: (row["premise"], row["hypothesis"], row["label"]) for i, row in inferred(split).items()}
        assert {r["row_id"]: (r["text"], r["text_pair"], r["label"]) for r in corpus[split]} == given


def test_check_finds_what_is_planted_in_the_pairs() -> None:
    corpus, planted = sample("entailment"), defects("entailment")
    of_kind = {kind: {e["id"] for e in planted if e["kind"] == kind} for kind in {e["kind"] for e in planted}}
    report = check(corpus)
    assert set(report.finding("label_variants").row_ids) == of_kind["label_spelling"]
    repeated = {frozenset((e["id"], e["of"])) for e in planted if e["kind"] == "duplicate"}
    found = report.finding("exact_duplicates").row_ids
    assert len(found) == len(repeated) and all(any(i in pair for pair in repeated) for i in found)
    exact = [
        e["of"] for e in planted if e["kind"] == "leak" and _same(inferred("test")[e["id"]], inferred("train")[e["of"]])
    ]
    assert list(report.finding("shared_between_splits").row_ids) == exact and len(exact) == 1
    mended = clean(corpus, report.repairs)
    assert mended.labels == ("contradiction", "entailment", "neutral") and not check(mended).findings
    assert not check(sample("entailment", tidy=True)).findings


def _same(one: dict[str, str], other: dict[str, str]) -> bool:
    return all(normalise(one[name]) == normalise(other[name]) for name in ("premise", "hypothesis"))


def test_tidy_pairs_with_classes_differ_by_the_planted_defects_only() -> None:
    tidy, planted = sample("entailment", tidy=True), {entry["id"]: entry for entry in defects("entailment")}
    for split in ("train", "test"):
        wanted = {}
        for i, row in inferred(split).items():
            entry = planted.get(i, {})
            if "of" in entry:
                assert entry["kind"] == "leak" or _same(row, inferred("train")[entry["of"]])
                continue
            if entry:
                assert row[entry["field"]] == entry["shipped"] != entry["tidy"] and entry["split"] == split
                row = {**row, entry["field"]: entry["tidy"]}
            wanted[i] = (row["premise"], row["hypothesis"], row["label"])
        assert {r["row_id"]: (r["text"], r["text_pair"], r["label"]) for r in tidy[split]} == wanted


def test_card_of_the_pairs_with_classes_states_what_the_file_holds() -> None:
    shipped, tidy = clean(sample("entailment"), "merge_label_variants"), sample("entailment", tidy=True)
    stated = {line[0]: [int(cell) for cell in line[2:]] for line in card("entailment")["Sizes"] if line[2].isdigit()}
    counts = [sizes(corpus, split) for corpus in (shipped, tidy) for split in ("train", "test")]
    assert stated.pop("all") == [count.total() for count in counts]
    assert stated == {label: [count[label] for count in counts] for label in tidy.labels}
    found = Counter((entry["kind"], entry["split"]) for entry in defects("entailment"))
    planted = {line[0]: line[2:4] for line in card("entailment")["Planted defects"]}
    total = [str(sum(n for (_, split), n in found.items() if split == part)) for part in ("train", "test")]
    assert planted.pop("all") == total
    assert planted == {kind: [str(found[kind, part]) for part in ("train", "test")] for kind in planted}
    prose = (sample_path("entailment") / "README.md").read_text("utf-8")
    for needed in ("AI author", "fictional", "Apache-2.0", 'sample("entailment", tidy=True)', "## Limits"):
        assert needed in prose
    assert "check.py" not in prose and "build.py" not in prose
    listed = (bundled("samples") / "README.md").read_text("utf-8")
    assert re.search(r"\[entailment\]\(entailment/README.md\).*\| `.csv` \| 3 \| 310 \| 82 \| 18 \|", listed)
