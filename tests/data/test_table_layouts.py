"""The table of rows that are more than a text with labels: questions, pairs, prompts, conversations, scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.data import Corpus, Query, Table, read, sample, samples
from labkit.errors import LabError, UnknownName


def pairs() -> Corpus:
    rows = [
        {"id": "a", "source": "four", "target": "vier"},
        {"id": "b", "source": "ten", "target": "zehn Stück"},
        {"id": "c", "source": "nothing", "target": ""},
        {"id": "d", "source": "a long one", "target": "kurz"},
    ]
    return read(rows, text="source", label="target", layout="pairs")


def ids(table: Table, **query: Any) -> list[str]:
    return table.view(Query(**query)).row_ids()


def test_both_sides_of_a_pair_are_searched_and_counted() -> None:
    table = Table(pairs())
    assert table.texts == ("text", "target")
    assert table.columns == ("row_id", "split", "text", "target", "length", "length_ratio")
    assert ids(table, search="VIER") == ["a"] and ids(table, search="one") == ["d"]
    assert ids(table, search="vier", columns=("text",)) == []
    assert [row["length"] for row in table.view().page()] == [8, 13, 7, 14]
    assert ids(table, length=(13, None)) == ["b", "d"]


def test_pairs_are_sorted_and_filtered_by_their_ratio() -> None:
    table = Table(pairs())
    assert [row["length_ratio"] for row in table.view().page()] == [1.0, 3.333, None, 0.4]
    assert table.row(1)["length_ratio"] == 3.333
    assert ids(table, sort=(("length_ratio", "ascending"),)) == ["d", "a", "b", "c"]
    assert ids(table, sort=(("length_ratio", "descending"),)) == ["b", "a", "d", "c"], "without one: last"
    assert ids(table, where=(("length_ratio", ">", 2),)) == ["b"]
    assert ids(table, where=(("length_ratio", "missing", True),)) == ["c"]
    assert ids(table, where=(("length_ratio", "missing", False), ("length_ratio", "<", 1))) == ["d"]
    assert dict(table.view().values("length_ratio")) == {0.4: 1, 1.0: 1, 3.333: 1}
    with pytest.raises(LabError, match="which is a number"):
        ids(table, where=(("length_ratio", "contains", "1"),))
    with pytest.raises(UnknownName, match="length_ratio"):
        ids(Table(sample("support")), sort=(("length_ratio", "ascending"),))


def test_a_column_called_target_is_no_text_where_rows_have_labels() -> None:
    table = Table(read([{"text": f"text {i}", "label": "ab"[i % 2], "target": "needle"} for i in range(4)]))
    assert table.texts == ("text",) and ids(table, search="needle") == []


def test_records_in_cells_are_asked_for_their_texts(tmp_path: Path) -> None:
    assistant, qa = Table(sample("assistant")), Table(sample("qa"))
    turn = assistant.row(0)["messages"][-1]["content"]
    assert assistant.row(0)["row_id"] in ids(assistant, where=(("messages", "contains", turn[:40]),))
    answer = qa.row(0)["answers"][0]["text"]
    assert qa.row(0)["row_id"] in ids(qa, where=(("answers", "=", answer),))
    rows = [{"text": f"text {i}", "label": "ab"[i % 2], "about": {"author": "Zoë", "year": i}} for i in range(4)]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert len(ids(Table(read(str(file))), where=(("about", "contains", "Zoë"),))) == 4


def test_scores_are_numbers_of_the_table() -> None:
    scored = read([{"text": f"text {i}", "label": i * 0.37} for i in range(30)], scores=True)
    table = Table(scored)
    assert table.labels == ()
    assert table.view(Query(sort=(("label", "descending"),))).page(0, 1)[0]["label"] == pytest.approx(29 * 0.37)
    assert table.view(Query(where=(("label", "<", 1),))).count == 3


@pytest.mark.parametrize("name", samples())
def test_every_column_of_every_sample_can_be_asked_for(name: str) -> None:
    table = Table(sample(name))
    asked = (("contains", "a"), ("=", "a"), ("missing", True), ("in", ["a"]), (">", 1))
    for column in table.columns:
        for query in [*({"where": ((column, *one),)} for one in asked), {"sort": ((column, "descending"),)}]:
            try:
                table.view(Query(**query)).page(0, 2)
            except LabError as error:
                assert "got" in str(error)  # it says what is wrong, and is no error of Arrow's
        assert len(table.facets().splits) == len(table.splits)
