"""The table of all rows, held against a plain pandas version of the same questions."""

from __future__ import annotations

import json
import random
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from datasets import Dataset
from toys import toy_rows

from labkit.data import OPERATORS, Corpus, Query, Table, balance, check, read, split
from labkit.data._arrays import identity
from labkit.data._table import CUT
from labkit.errors import LabError, UnknownName

WORDS = ["Café", "CAFÉ", "cafe", "naïve", "Straße", "STRASSE", "ПРИВЕТ", "привет", "refund", "Refund", "(a+b)", "tax",
         "日本語", "🙂", "x\u200by", "o'clock", "50%", "a\\b", "\tTab", "K", "the", "we"]  # fmt: skip
LABELS = ["billing", "10", "2", "Ärger", "praise"]


def made(count: int, seed: int, prefix: str, *, several: bool, paired: bool) -> dict[str, list[Any]]:
    chooser = random.Random(seed)

    def text(most: int) -> str:
        return " ".join(chooser.choice(WORDS) for _ in range(chooser.randint(0, most)))

    def label() -> Any:
        if chooser.random() < 0.1:
            return None
        if several:
            return chooser.sample(LABELS, chooser.randint(0, 3))
        return chooser.choice(LABELS)

    return {
        "row_id": [f"{prefix}{i}" for i in range(count)],
        # the same beginnings again and again, so that an order has to look at what comes behind them
        "text": [chooser.choice(["", "How do I get my money back for ", "Caf"]) + text(9) for _ in range(count)],
        **({"text_pair": [text(3) for _ in range(count)]} if paired else {}),
        "label": [label() for _ in range(count)],
        "source": [chooser.choice(["web", "app", "Mail", None]) for _ in range(count)],
        "score": [chooser.choice([None, -1.5, -0.0, 0.0, 2.25, 1e9, float("nan")]) for _ in range(count)],
        "stars": [chooser.choice(["1", "2", "10", " 3 ", ""]) for _ in range(count)],
        "big": [chooser.choice([2**62, 2**62 + 1, -5, None]) for _ in range(count)],
        "sure": [chooser.choice([True, False, None]) for _ in range(count)],
        "tags": [chooser.choice([["new", "Hot"], ["old"], [], None]) for _ in range(count)],
        "split": [chooser.choice(["a", "b"]) for _ in range(count)],
    }


class Naive:
    """A frame with every row, and the questions in their plainest form."""

    def __init__(self, corpus: Corpus) -> None:
        parts = []
        for name, rows in corpus.splits.items():
            part = pd.DataFrame({column: pd.Series(rows[column][:], dtype=object) for column in rows.column_names})
            parts.append(part.rename(columns={"split": "split (source)"}).assign(split=name))
        self.frame = pd.concat(parts, ignore_index=True)
        texts = [name for name in ("text", "text_pair") if name in self.frame]
        self.frame["length"] = sum(self.frame[name].map(len) for name in texts)

    def labels(self, value: Any) -> set[str]:
        return set() if value is None else {value} if isinstance(value, str) else set(value)

    def keep(self, row: Any, query: Query) -> bool:
        if query.search:
            texts = [row[name] for name in query.columns or [n for n in ("text", "text_pair") if n in row]]
            fold = (lambda text: text) if query.case else str.lower
            if not any(fold(query.search) in fold(text) for text in texts if text is not None):
                return False
        own = self.labels(row["label"])
        if query.labels and not (own & set(query.labels) or ("" in query.labels and not own)):
            return False
        if query.splits and row["split"] not in query.splits:
            return False
        low, high = query.length
        if row["length"] < (low or 0) or (high is not None and row["length"] > high):
            return False
        return query.rows is None or row["row_id"] in query.rows

    def positions(self, query: Query) -> list[int]:
        return [i for i, row in self.frame.iterrows() if self.keep(row, query)]


def corpus_of(several: bool, paired: bool = False) -> Corpus:
    parts = {
        "train": made(300, 0, "t", several=several, paired=paired),
        "test": made(100, 1, "e", several=several, paired=paired),
    }
    splits = {name: Dataset.from_dict(part) for name, part in parts.items()}
    return Corpus(splits=splits, labels=("2", "10", "billing", "praise", "Ärger"), multi_label=several)


@pytest.fixture(scope="module", params=["single", "multi", "pairs"])
def both(request: pytest.FixtureRequest) -> tuple[Table, Naive]:
    corpus = corpus_of(request.param == "multi", request.param == "pairs")
    return Table(corpus), Naive(corpus)


QUERIES = [
    Query(),
    Query(search="refund"),
    Query(search="refund", case=True),
    Query(search="É"),
    Query(search="straße"),
    Query(search="ПривеТ"),
    Query(search="日本"),
    Query(search="(A+"),
    Query(search="a\\b"),
    Query(search="50%"),
    Query(search="nowhere at all"),
    Query(search="E1", columns=("row_id",)),
    Query(search="web", columns=("source", "text")),
    Query(labels=("billing", "Ärger")),
    Query(labels=("",)),
    Query(labels=("10", "")),
    Query(splits=("test",)),
    Query(length=(10, 40)),
    Query(length=(None, 0)),
    Query(rows=("t5", "e7", "t299", "unknown")),
    Query(rows=()),
    Query(search="caf", labels=("2", "praise"), splits=("train",), length=(20, None)),
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: str(query.to_dict()))
def test_filters_agree_with_a_plain_version(both: tuple[Table, Naive], query: Query) -> None:
    table, naive = both
    view = table.view(query)
    wanted = naive.positions(query)
    assert view.positions.tolist() == wanted
    assert view.count == len(view) == len(wanted)
    assert view.row_ids() == naive.frame["row_id"][wanted].tolist()
    rows = naive.frame.loc[wanted]
    found = view.balance()
    for label in (*table.labels, ""):
        for name in table.splits:
            has = [label in naive.labels(v) or (not label and not naive.labels(v)) for v in rows["label"]]
            assert found[label][name] == int((np.array(has, dtype=bool) & (rows["split"] == name).to_numpy()).sum())
    lengths = view.lengths(bins=10)
    assert sum(lengths.counts) == len(wanted) and len(lengths.edges) == 11
    if wanted:
        assert lengths.max == rows["length"].max() and lengths.median == rows["length"].median()
        assert lengths.mean == pytest.approx(rows["length"].mean())
        assert lengths.p95 == pytest.approx(np.percentile(rows["length"].astype(int), 95))
    clipped = rows["length"].clip(upper=lengths.edges[-1] - 1).astype(int)
    assert list(lengths.counts) == np.histogram(clipped, bins=lengths.edges)[0].tolist()


def number(value: Any) -> float | None:
    try:
        return None if value is None or float(value) != float(value) else float(value)
    except ValueError:
        return None


CONDITIONS: list[tuple[tuple[str, str, Any], Any]] = [
    (("source", "=", "web"), lambda row: row["source"] == "web"),
    (("source", "!=", "web"), lambda row: row["source"] != "web"),
    (("source", "<", "app1"), lambda row: row["source"] is not None and row["source"] < "app1"),
    (("source", "contains", "AI"), lambda row: "ai" in (row["source"] or "").lower()),
    (("source", "in", ["web", "Mail"]), lambda row: row["source"] in ("web", "Mail")),
    (("source", "missing", True), lambda row: row["source"] is None),
    (("source", "missing", False), lambda row: row["source"] is not None),
    (("stars", ">", 2), lambda row: (number(row["stars"]) or 0) > 2),
    (("stars", "<=", "2"), lambda row: 0 < (number(row["stars"]) or 0) <= 2),
    (("stars", "=", "3"), lambda row: row["stars"] == "3"),
    (("stars", "=", 3), lambda row: number(row["stars"]) == 3),
    (("stars", "in", [3, "1"]), lambda row: number(row["stars"]) == 3 or row["stars"] == "1"),
    (("score", ">=", 0), lambda row: (v := number(row["score"])) is not None and v >= 0),
    (("score", "=", "2.25"), lambda row: number(row["score"]) == 2.25),
    (("score", "in", [2.25, -1.5]), lambda row: number(row["score"]) in (2.25, -1.5)),
    (("big", "=", 2**62 + 1), lambda row: row["big"] == 2**62 + 1),
    (("big", "missing", True), lambda row: row["big"] is None),
    (("sure", "=", True), lambda row: row["sure"] is True),
    (("sure", "!=", True), lambda row: row["sure"] is not True),
    (("tags", "=", "old"), lambda row: "old" in (row["tags"] or [])),
    (("tags", "contains", "ho"), lambda row: any("ho" in tag.lower() for tag in row["tags"] or [])),
    (("tags", "in", ["old", "new"]), lambda row: bool({"old", "new"} & set(row["tags"] or []))),
    (("split (source)", "=", "a"), lambda row: row["split (source)"] == "a"),
    (("split", "=", "test"), lambda row: row["split"] == "test"),
    (("split", "in", ["test"]), lambda row: row["split"] == "test"),
    (("split", "contains", "RAI"), lambda row: "rai" in row["split"]),
    (("length", ">", 30), lambda row: row["length"] > 30),
    (("label", "missing", True), lambda row: row["label"] is None),
    (("text", "contains", "É"), lambda row: "é" in row["text"].lower()),
]


@pytest.mark.parametrize("condition, naive_says", CONDITIONS, ids=[str(one) for one, _ in CONDITIONS])
def test_conditions_agree_with_a_plain_version(both: tuple[Table, Naive], condition: Any, naive_says: Any) -> None:
    table, naive = both
    wanted = [i for i, row in naive.frame.iterrows() if naive_says(row)]
    assert table.view(Query(where=(condition,))).positions.tolist() == wanted
    assert {one[0][1] for one in CONDITIONS} == set(OPERATORS)


def test_a_condition_on_labels(both: tuple[Table, Naive]) -> None:
    table, naive = both
    wanted = [i for i, value in naive.frame["label"].items() if "praise" in naive.labels(value)]
    assert table.view(Query(where=(("label", "=", "praise"),))).positions.tolist() == wanted


SORTS = ["text", "row_id", "label", "length", "split", "source", "score", "stars", "big", "sure", "split (source)"]


def sort_key(table: Table, naive: Naive, name: str) -> Any:
    def key(position: int) -> Any:
        value = naive.frame[name][position]
        if name == "label":
            return [table.labels.index(label) for label in sorted(naive.labels(value))] or None
        if name == "split":
            return table.splits.index(value)
        if name in ("score", "stars"):
            return number(value)
        return value

    return key


@pytest.mark.parametrize("direction", ["ascending", "descending"])
@pytest.mark.parametrize("name", SORTS)
def test_orders_agree_with_a_plain_version(both: tuple[Table, Naive], name: str, direction: Any) -> None:
    table, naive = both
    query = Query(splits=("train", "test"), length=(3, None), sort=((name, direction),))
    key = sort_key(table, naive, name)
    rows = naive.positions(query)
    there = [row for row in rows if key(row) is not None]
    wanted = sorted(there, key=key, reverse=direction == "descending")
    if direction == "descending":  # reversing turns ties round, too; they stay in file order
        wanted = [row for _, row in sorted(enumerate(there), key=lambda one: one[1])]
        wanted.sort(key=lambda row: key(row), reverse=True)
    wanted += [row for row in rows if key(row) is None]
    view = Table.view(table, query)
    pages = [row["position"] for at in range(0, len(rows), 37) for row in view.page(at, 37)]
    assert pages == wanted
    assert view.positions.tolist() == wanted
    for at in (0, len(wanted) // 2, len(wanted) - 1):
        assert view.where_is(naive.frame["row_id"][wanted[at]]) == at


def test_several_keys(both: tuple[Table, Naive]) -> None:
    table, naive = both
    view = table.view(Query(sort=(("split", "descending"), ("length", "ascending"), ("text", "descending"))))
    frame = naive.frame.assign(at=naive.frame.index, turned=[-1 if s == "test" else 0 for s in naive.frame["split"]])
    wanted = sorted(frame.index, key=lambda i: frame["text"][i], reverse=True)
    wanted.sort(key=lambda i: (frame["turned"][i], frame["length"][i]))
    assert view.positions.tolist() == wanted


def test_part_of_an_order_is_the_whole_order_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit.data._table._BLOCK", 16)
    table = Table(corpus_of(False))
    for name in ("text", "label", "score"):
        query = Query(sort=((name, "descending"), ("source", "ascending")))
        whole = Table(corpus_of(False)).view(query).positions.tolist()
        view = table.view(query)
        deep = [row["position"] for row in view.page(205, 10)]
        assert deep == whole[205:215]
        assert [row["position"] for at in range(0, 400, 16) for row in view.page(at, 16)] == whole


def test_pages_are_plain_and_cut(both: tuple[Table, Naive]) -> None:
    table, naive = both
    page = table.view(Query()).page(295, 10)
    assert [row["position"] for row in page] == list(range(295, 305))
    assert [row["split"] for row in page] == ["train"] * 5 + ["test"] * 5
    for row in page:
        assert json.loads(json.dumps(row, allow_nan=False)) == row
        assert {*row} == {"position", "cut", *table.columns}
        own = naive.frame.loc[row["position"]]
        assert row["text"] == own["text"] and row["label"] == own["label"] and row["length"] == own["length"]
        assert row["tags"] == own["tags"] and row["split (source)"] == own["split (source)"] and row["cut"] == []
        assert table.row(row["position"]) == row


def test_long_texts_are_cut_and_given_whole_on_request() -> None:
    table = Table(
        read([{"text": "é" * 5000, "label": "a", "notes": "n" * 501}, {"text": "b", "label": "c", "notes": ""}])
    )
    (first, second) = table.view().page()
    assert first["cut"] == ["text", "notes"] and first["text"] == "é" * CUT and first["length"] == 5000
    assert second["cut"] == []
    assert table.row(0)["text"] == "é" * 5000 and table.row(0)["cut"] == []
    for position in (-1, 2):
        with pytest.raises(LabError, match="position from 0 to 1"):
            table.row(position)
    with pytest.raises(LabError, match="at least 0"):
        table.view().page(-1, 5)
    assert table.view().page(10, 5) == [] and table.view(Query(sort=(("text", "ascending"),))).page(10, 5) == []


def test_views_are_kept() -> None:
    table = Table(corpus_of(False))
    view = table.view(Query(search="refund"))
    assert table.view(Query(search="refund")) is view
    assert table.view(Query.from_dict(json.loads(json.dumps(view.query.to_dict())))) is view
    for i in range(10):
        table.view(Query(length=(i, None)))
    again = table.view(Query(search="refund"))
    assert again is not view and again.positions.tolist() == view.positions.tolist()


def test_several_cores_and_callers_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"text": f"{row['text']} {i}", "label": row["topic"]} for i, row in enumerate(toy_rows(25_000))]
    corpus = read(rows)
    assert corpus["train"].data.table.column("text").num_chunks > 1
    queries = [
        Query(search=word, labels=("food",), sort=((by, "descending"),)) for word in "abc" for by in ("text", "length")
    ]
    monkeypatch.setattr("labkit.data._store._cores", lambda: 1)
    alone = [Table(corpus).view(query).positions.tolist() for query in queries]
    monkeypatch.setattr("labkit.data._store._cores", lambda: 4)
    table = Table(corpus)
    with ThreadPoolExecutor(6) as callers:
        assert list(callers.map(lambda query: table.view(query).positions.tolist(), queries)) == alone


def test_accents_are_found_however_they_are_encoded() -> None:
    texts = [unicodedata.normalize(form, f"un CAFÉ {i}") for i, form in enumerate(["NFC", "NFD"])] + ["un cafe"]
    table = Table(read([{"text": text, "label": str(i % 2)} for i, text in enumerate(texts)]))
    for form in ("NFC", "NFD"):
        assert table.view(Query(search=unicodedata.normalize(form, "café"))).count == 2
    assert table.view(Query(search="cafe")).positions.tolist() == [1, 2], "NFD has the plain letter"
    assert Table(read([{"text": "5 \u212a", "label": "a"}, {"text": "m", "label": "b"}])).view(Query(search="k")).count


def test_regular_expressions() -> None:
    table = Table(corpus_of(False))
    naive = Naive(corpus_of(False)).frame
    found = table.view(Query(search=r"^how .*(refund|tax)\b", regex=True))
    wanted = naive["text"].str.contains(r"^how .*(?:refund|tax)\b", case=False, regex=True)
    assert found.positions.tolist() == np.flatnonzero(wanted.to_numpy(dtype=bool)).tolist()
    assert table.view(Query(search=r"(\w+\s?)+$!", regex=True)).count == 0  # takes for ever where matching backtracks


@pytest.mark.parametrize(
    "pattern, says",
    [
        ("(abc", "missing \\) at position 0"),
        ("a(?=b)", "at position 1.*Look-around"),
        ("a(?<!b)c", "Look-around"),
        (r"(a)\1", "at position 3.*back-references"),
        ("ab[z-a]", "character class range at position"),
        ("ab\\", "position 2"),
        ("*a", "at position 0"),
        ("a{2000}", "repetition size at position 1"),
    ],
)
def test_bad_regular_expressions_are_explained(pattern: str, says: str) -> None:
    table = Table(corpus_of(False))
    with pytest.raises(LabError, match=says):
        table.view(Query(search=pattern, regex=True))
    assert table.view(Query(search=pattern)).count == 0


def test_facets_count_under_the_other_filters(both: tuple[Table, Naive]) -> None:
    table, naive = both
    query = Query(search="caf", labels=("billing",), splits=("train",), length=(5, 60), where=(("source", "=", "web"),))
    facets = table.facets(query, bins=8, columns=("source", "sure"))
    for label in (*table.labels, ""):
        assert facets.labels[label] == table.view(query.replace(labels=(label,))).count
    for name in table.splits:
        assert facets.splits[name] == table.view(query.replace(splits=(name,))).count
    assert facets.lengths == table.view(query.replace(length=(None, None))).lengths(8)
    open_view = table.view(query.replace(where=()))
    assert facets.columns["source"] == open_view.values("source")
    assert facets.columns["sure"] == table.view(query).values("sure")
    rows = naive.frame.loc[open_view.positions]
    assert dict(facets.columns["source"]) == {
        value: int(sum(one == value or (one is None and value is None) for one in rows["source"]))
        for value in set(rows["source"])
    }


def test_values_for_a_menu(both: tuple[Table, Naive]) -> None:
    table, naive = both
    for name in ("text", "row_id", "stars", "length", "big"):
        counts = naive.frame[name].value_counts(dropna=False)
        found = table.view().values(name, 5)
        assert [count for _, count in found] == sorted(counts, reverse=True)[:5]
        assert all(isinstance(value, str | int | None) for value, _ in found)
    assert dict(table.view().values("split")) == {"train": 300, "test": 100}
    assert dict(table.view().values("label"))["praise"] == table.view(Query(labels=("praise",))).count
    with pytest.raises(LabError, match="single values"):
        table.view().values("tags")


def test_positions_of_findings() -> None:
    corpus = read([{"text": "same", "label": "a"}, {"text": " x", "label": "b"}, {"text": "same", "label": "a"}])
    table = Table(corpus)
    finding = check(corpus).finding("exact_duplicates")
    assert table.positions_of(finding.row_ids).tolist() == [2]
    ids = table.view().row_ids()
    assert table.positions_of([ids[2], "no such row", ids[0], ids[2]]).tolist() == [2, 0]
    assert table.positions_of([]).tolist() == []
    assert table.view(Query(search="x")).where_is(ids[0]) is None
    assert table.view(Query(search="same")).where_is(ids[2]) == 1


def test_a_corpus_that_was_split_and_balanced() -> None:
    corpus = balance(split(read(toy_rows(90)[:70], id="id")), "oversample")
    table = Table(corpus)
    assert len(table) == sum(corpus.rows.values())
    expected = [(name, row["row_id"], row["text"]) for name, rows in corpus.splits.items() for row in rows]
    assert [(row["split"], row["row_id"], row["text"]) for row in table.view().page(0, 1000)] == expected
    counted = table.view().balance()
    assert len({counted[label]["train"] for label in table.labels}) == 1
    found = table.view(Query(search="the", sort=(("text", "ascending"),)))
    texts = [text for _, _, text in expected if "the" in text]
    assert [row["text"] for row in found.page(0, 1000)] == sorted(texts)
    twice = next(i for i in corpus["train"]["row_id"] if list(corpus["train"]["row_id"]).count(i) > 1)
    assert len(table.positions_of([twice])) == list(corpus["train"]["row_id"]).count(twice)


def test_unlabelled_and_empty_tables() -> None:
    table = Table(read([{"text": "one"}, {"text": "two"}], require_label=False))
    assert table.labels == () and table.view(Query(labels=("",))).count == 2
    assert table.view().balance() == {"": {"train": 2}}
    empty = Table(Corpus(splits={"train": Dataset.from_dict({"row_id": [], "text": [], "label": []})}))
    view = empty.view(Query(search="a", sort=(("length", "ascending"), ("text", "descending"))))
    assert view.count == 0 and view.page() == [] and sum(view.lengths().counts) == 0
    assert empty.facets().labels == {"": 0}
    partly = Corpus(
        splits={
            "train": Dataset.from_dict({"row_id": ["a"], "text": ["x"], "label": ["l"], "n": [1]}),
            "test": Dataset.from_dict({"row_id": ["b"], "text": ["y"], "n": ["many"]}),
        },
        labels=("l",),
    )
    rows = Table(partly).view(Query(sort=(("n", "descending"),))).page()
    assert [(row["row_id"], row["label"], row["n"]) for row in rows] == [("b", None, "many"), ("a", "l", "1")]


@pytest.mark.parametrize(
    "values, says",
    [
        ({"serach": "x"}, "Did you mean 'search'"),
        ({"labels": "billing"}, "list as 'labels'"),
        ({"labels": [1]}, "strings in 'labels'"),
        ({"search": 3}, "a string as 'search'"),
        ({"case": "yes"}, "true or false as 'case'"),
        ({"length": [1]}, "two numbers"),
        ({"length": [-1, None]}, "two numbers"),
        ({"where": [["a", "="]]}, "conditions"),
        ({"where": [["a", "contain", "x"]]}, "Did you mean 'contains'"),
        ({"where": [["a", "in", "x"]]}, "a list of strings or numbers"),
        ({"where": [["a", "=", None]]}, "Use 'missing'"),
        ({"where": [["a", "contains", 3]]}, "a value to compare 'a'"),
        ({"sort": [["text", "down"]]}, "direction"),
        ({"sort": ["text"]}, "keys \\(column, direction\\)"),
        ({"search": "\ud83d"}, "half a surrogate pair"),
    ],
)
def test_bad_queries_are_explained(values: dict[str, Any], says: str) -> None:
    with pytest.raises(LabError, match=says):
        Query.from_dict(values)


@pytest.mark.parametrize(
    "values, says",
    [
        ({"search": "x", "columns": ["txt"]}, "Did you mean 'text'"),
        ({"labels": ["biling"]}, "Did you mean 'billing'"),
        ({"splits": ["tset"]}, "split of this table"),
        ({"where": [["scor", ">", 1]]}, "Did you mean 'score'"),
        ({"where": [["source", ">", 1]]}, "column of numbers to compare 'source' with 1.*'app'"),
        ({"where": [["score", ">", "much"]]}, "a number to compare 'score'"),
        ({"where": [["tags", "<", "x"]]}, "lists of 'tags'"),
        ({"where": [["length", "contains", "x"]]}, "column of text"),
        ({"sort": [["tag", "ascending"]]}, "Did you mean 'tags'"),
        ({"sort": [["tags", "ascending"]]}, "an order, to sort by 'tags'"),
    ],
)
def test_questions_that_the_table_cannot_answer(values: dict[str, Any], says: str) -> None:
    with pytest.raises(LabError, match=says):
        Table(corpus_of(False)).view(Query.from_dict(values))


def test_queries_survive_json() -> None:
    query = Query(
        search="a", regex=True, labels=(None, "x"), rows=(), length=(None, 3), where=(("n", "in", (1, "a")),),
        sort=(("n", "descending"),),
    )  # fmt: skip
    assert query.labels == ("", "x")
    assert Query.from_dict(json.loads(json.dumps(query.to_dict()))) == query
    assert Query().to_dict() == {} and Query.from_dict({}) == Query()
    with pytest.raises(UnknownName):
        query.replace(sorted=())


# --- tokens ---------------------------------------------------------------------------------------------------------


def tokenizer_of(**options: Any) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "one", "two", "three"]
    core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    marks = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=core, **marks, **options)


def test_tokens_of_a_row() -> None:
    text = "one 🙂 two  three one"
    table = Table(read([{"text": text, "label": "a"}, {"text": "", "label": "b"}]))
    found = table.tokens(0, tokenizer_of(), 5)
    assert [one["token"] for one in found] == ["[CLS]", "one", "[UNK]", "two", "three", "one", "[SEP]"]
    assert [text[one["start"] : one["end"]] for one in found[1:-1]] == ["one", "🙂", "two", "three", "one"]
    assert [one["unknown"] for one in found] == [False, False, True, False, False, False, False]
    assert [one["special"] for one in found] == [True, *[False] * 5, True]
    assert [one["beyond"] for one in found] == [False, False, False, False, True, True, False]
    left = table.tokens(0, tokenizer_of(truncation_side="left"), 5)
    assert [one["beyond"] for one in left] == [False, True, True, False, False, False, False]
    assert json.loads(json.dumps(found)) == found
    with pytest.raises(LabError, match="room for at least 1 token"):
        table.tokens(0, tokenizer_of(), 2)


def test_tokens_of_a_pair() -> None:
    table = Table(read([{"text": "one two three", "text_pair": "two two", "label": "a"}] * 2, text_pair="text_pair"))
    found = table.tokens(0, tokenizer_of(), 7)
    assert [one["column"] for one in found] == ["", *["text"] * 3, "", *["text_pair"] * 2, ""]
    assert sum(one["beyond"] for one in found) == 1 and found[3]["beyond"]
    assert [(one["start"], one["end"]) for one in found[5:7]] == [(0, 3), (4, 7)]


def test_tokens_of_a_slow_tokenizer() -> None:
    class Slow:
        """As transformers' tokenizers in Python: no offsets."""

        unk_token_id = 1
        is_fast = False

        def __call__(self, text: Any, text_pair: Any = None, **options: Any) -> Any:
            assert not options.get("return_offsets_mapping")
            ids = [{"one": 4, "two": 5}.get(word, 1) for word in f"{text} {text_pair or ''}".split()]
            ids = ids[: options["max_length"] - 2] if options.get("truncation") else ids
            return {"input_ids": [2, *ids, 3], "special_tokens_mask": [1, *[0] * len(ids), 1]}

        def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
            return [["[PAD]", "[UNK]", "[CLS]", "[SEP]", "one", "two"][i] for i in ids]

    table = Table(read([{"text": "one two odd", "label": "a"}, {"text": "x", "label": "b"}]))
    found = table.tokens(0, Slow(), 4)
    assert [one["token"] for one in found] == ["[CLS]", "one", "two", "[UNK]", "[SEP]"]
    assert all(one["start"] is None for one in found)
    assert [one["beyond"] for one in found] == [False, False, False, True, False]
    pairs = Table(read([{"text": "one", "text_pair": "two two", "label": "a"}] * 2, text_pair="text_pair"))
    assert [one["beyond"] for one in pairs.tokens(0, Slow(), 4)] == [False, None, None, None, False]


def test_rows_that_nobody_has_labelled_have_an_identity() -> None:
    """Their columns have empty buffers, which are neither missing nor hashable."""
    span = pa.struct([("start", pa.int32()), ("label", pa.string())])
    table = pa.table({"spans": pa.array([None, None, []], pa.list_(span)), "text": pa.array(["", "", ""])})
    assert identity(table) == identity(table) != identity(table.slice(1))
