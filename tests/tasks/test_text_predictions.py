"""Texts that a model wrote: kept, taken apart, written and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labkit.errors import DataError, UnknownName
from labkit.evaluation import compare, evaluate, text_errors
from labkit.tasks import TextPredictions, load_predictions


def made(**changes: Any) -> TextPredictions:
    values: dict[str, Any] = {
        "task": "translation",
        "row_ids": ["a", "b", "c"],
        "inputs": ["Good day, Mrs Lamb!", "Yes.", "No <b>way</b>."],
        "predicted": ["Guten Tag, Frau Lamm!", "Nein.", "Auf <b>keinen</b> Fall."],
        "confidence": np.array([0.9, 0.5, 0.1]),
        "references": ["Guten Tag, Frau Lamm!", "Ja.", None],
    }
    return TextPredictions(**{**values, **changes})


def test_files_hold_everything(tmp_path: Path) -> None:
    numbers = {"tokens": np.array([1.0, 2.0, 3.0])}
    before = made(numbers=numbers)
    after = load_predictions(before.save(tmp_path / "p.parquet"))
    assert isinstance(after, TextPredictions) and after.task == "translation"
    assert after.to_table().equals(before.to_table()) and after.references == before.references
    assert after.numbers["tokens"].tolist() == [1, 2, 3]
    unknown = made(references=None)
    assert TextPredictions.load(unknown.save(tmp_path / "q.parquet")).references is None


def test_taking_rows() -> None:
    some = made().take([2, 0])
    assert (
        some.row_ids == ["c", "a"]
        and some.references == [None, "Guten Tag, Frau Lamm!"]
        and some.confidence.tolist() == [0.1, 0.9]
    )
    assert made().take(np.array([False, True, False])).predicted == ["Nein."]
    assert made().known.tolist() == [0, 1] and made().labels == ()
    assert made().answers().column_names == ["row_id", "predicted"]


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="predicted of 3 rows"):
        made(predicted=["a"])
    with pytest.raises(DataError, match="tokens of 3 rows"):
        made(numbers={"tokens": np.zeros(2)})
    with pytest.raises(UnknownName, match="translation"):
        made(task="translatoin").scores()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda table: table.drop_columns(["predicted"]), "the column predicted"),
        (lambda table: table.replace_schema_metadata({b"labkit.kind": b"spans"}), "one of something else"),
        (lambda table: table.set_column(1, "text", pa.array([1, 2, 3])), "a column of string"),
        (lambda table: table.set_column(0, "row_id", pa.array(["a", None, "c"])), "no empty cells"),
    ],
)
def test_damaged_files_are_refused(change: Any, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(change(made().to_table()), path)
    with pytest.raises(DataError, match=expected):
        TextPredictions.load(path)
    path.write_bytes(b"no parquet")
    with pytest.raises(DataError, match="Parquet file of predicted texts"):
        TextPredictions.load(path)


def test_evaluated_like_any_other() -> None:
    copies = made(predicted=["Good day, Mrs Lamb!", "Yes.", ""])
    found = evaluate(
        made(), baselines={"the source": copies}, rows={"text": made().inputs}, slices=["length"], resamples=200
    )
    assert found.n == 2 and found.skipped == 1 and found.first == "bleu"
    assert "BLEU" in str(found) and "tok:13a" in str(found) and found.baselines["the source"].fixed == 1
    assert found.from_dict(found.to_dict()).metrics == found.metrics
    sentence = compare(made(), copies, other="the source").sentence
    assert "in BLEU" in sentence
    better = float(sentence.split("+")[1].split()[0]) if "+" in sentence else float(sentence.split()[0])
    assert 0 < better <= 100, "points of BLEU, which is of a hundred already"


def test_worst_texts_come_first_and_are_escaped() -> None:
    errors = text_errors(made(references=["Guten Tag, Frau Lamm!", "Ja.", "Auf gar <i>keinen</i> Fall."]))
    assert [error.row_id for error in errors] == ["b", "c"], "what is right is left out"
    page = errors._repr_html_()
    assert "<b>" not in page and "<i>" not in page and "&lt;" in page and "<mark" in page and "chrF" in page
    assert len(text_errors(made(), 1)) == 1 and "Nein" in repr(errors)
    summaries = text_errors(made(task="summarization"))
    assert summaries.measure == "ROUGE-L" and 0 <= summaries[0].score <= 1
