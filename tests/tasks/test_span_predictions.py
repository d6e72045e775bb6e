"""Predicted spans keep what they were given, on disk too, and refuse what is no such file."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labkit.data._layouts.spans import Span
from labkit.errors import DataError
from labkit.tasks._predictions import Predictions
from labkit.tasks._span_predictions import SpanPredictions

ANNA, PARIS = Span(0, 4, "PER"), Span(14, 19, "LOC")


def some(*, labelled: bool = True) -> SpanPredictions:
    return SpanPredictions(
        row_ids=["a", "b", "c"],
        texts=["Anna lives in Paris", "", "日本 🎉"],
        labels=("LOC", "PER", "Ört"),
        predicted=[(ANNA, PARIS), (), (Span(0, 2, "Ört"),)],
        confidence=[(0.9, 1 / 3), (), (0.5,)],
        gold=[(ANNA,), (), None] if labelled else None,
    )


def same(one: SpanPredictions, other: SpanPredictions) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in SpanPredictions.__dataclass_fields__)


@pytest.mark.parametrize("labelled", [True, False])
def test_a_file_gives_back_what_was_saved(tmp_path: Path, labelled: bool) -> None:
    predictions = some(labelled=labelled)
    path = predictions.save(tmp_path / "spans.parquet")
    assert same(SpanPredictions.load(path), predictions)
    assert [file.name for file in tmp_path.iterdir()] == ["spans.parquet"]


def test_a_file_of_no_rows_is_one_too(tmp_path: Path) -> None:
    nothing = some().take([])
    assert len(nothing) == 0
    assert same(SpanPredictions.load(nothing.save(tmp_path / "spans.parquet")), nothing)


def test_unlabelled_and_empty_rows_stay_apart_in_the_table() -> None:
    table = some().to_table()
    assert table.column_names == ["row_id", "text", "spans", "predicted"]
    assert table["spans"].to_pylist() == [[{"start": 0, "end": 4, "label": "PER"}], [], None]
    assert table["predicted"].to_pylist()[0][1] == {"start": 14, "end": 19, "label": "LOC", "confidence": 1 / 3}
    assert "spans" not in some(labelled=False).to_table().column_names
    assert table.schema.metadata[b"labkit.kind"] == b"spans"


def test_rows_are_taken_by_position_and_by_mask() -> None:
    predictions = some()
    by_position, by_mask = predictions.take([2, 0]), predictions.take(np.array([True, False, True]))
    assert by_position.row_ids == ["c", "a"]
    assert by_position.gold == [None, (ANNA,)]
    assert by_mask.confidence == [(0.9, 1 / 3), (0.5,)]
    assert by_mask.texts == ["Anna lives in Paris", "日本 🎉"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"texts": ["one"]}, "texts of 3 rows"),
        ({"predicted": []}, "predicted of 3 rows"),
        ({"confidence": [(0.9, 0.3), ()]}, "confidence of 3 rows"),
        ({"gold": [()]}, "gold spans of 3 rows"),
        ({"confidence": [(0.9,), (), (0.5,)]}, "each of the 2 spans of row a"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change: dict[str, object], message: str) -> None:
    parts = {name: getattr(some(), name) for name in SpanPredictions.__dataclass_fields__}
    with pytest.raises(DataError, match=message):
        SpanPredictions(**{**parts, **change})


def test_missing_cut_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.parquet"):
        SpanPredictions.load(tmp_path / "none.parquet")
    path = some().save(tmp_path / "spans.parquet")
    whole = path.read_bytes()
    for rest in (b"", b"row_id,text\n", whole[: len(whole) // 2], whole[:4] + bytes(200) + whole[204:]):
        path.write_bytes(rest)
        with pytest.raises(DataError, match=r"spans\.parquet"):
            SpanPredictions.load(path)
    classes = Predictions(row_ids=["a"], labels=("x", "y"), probabilities=np.array([[0.5, 0.5]]))
    with pytest.raises(DataError, match="something else"):
        SpanPredictions.load(classes.save(tmp_path / "classes.parquet"))


def damaged(table: pa.Table, what: str) -> pa.Table:
    meta, at = dict(table.schema.metadata), table.column_names.index("predicted")
    half = [[{"start": 1, "end": None, "label": "PER", "confidence": 0.5}]] * len(table)
    if what == "labels":
        return table.replace_schema_metadata({**meta, b"labkit.labels": json.dumps({"PER": 1}).encode()})
    if what == "no labels":
        return table.replace_schema_metadata({b"labkit.kind": b"spans"})
    if what == "column":
        return table.drop_columns("text")
    if what == "empty text":
        return table.set_column(1, "text", pa.array([None] * len(table), pa.string()))
    if what == "offsets":
        wide = pa.list_(pa.struct([("start", pa.float64()), ("end", pa.float64()), ("label", pa.string())]))
        return table.set_column(table.column_names.index("spans"), "spans", table["spans"].cast(wide))
    if what == "type":
        return table.set_column(at, "predicted", pa.array(["PER"] * len(table)))
    if what == "empty cell":
        return table.set_column(at, "predicted", pa.array([None] * len(table), table.schema.field("predicted").type))
    return table.set_column(at, "predicted", pa.array(half, table.schema.field("predicted").type))


@pytest.mark.parametrize(
    "what", ["labels", "no labels", "column", "type", "offsets", "empty cell", "empty text", "half a span"]
)
def test_damaged_files_are_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "spans.parquet"
    pq.write_table(damaged(some().to_table(), what), path)
    with pytest.raises(DataError, match=r"spans\.parquet"):
        SpanPredictions.load(path)
