"""Predicted answers keep what they were given, on disk too, and refuse what is no such file; the cheap answers beside them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labkit.data import Answer, sample
from labkit.errors import DataError
from labkit.tasks import Alternative, AnswerPredictions, load_predictions
from labkit.tasks._answer_baselines import NEVER, OVERLAP, answer_baselines
from labkit.tasks._answer_metrics import metrics


def some(*, labelled: bool = True) -> AnswerPredictions:
    return AnswerPredictions(
        row_ids=["a", "b", "c"],
        questions=["Where?", "日本?", ""],
        contexts=["in Rome 🎉", "x", ""],
        predicted=[Answer(3, "Rome"), None, None],
        confidence=[0.9, 1 / 3, 1.0],
        no_answer=[-2.5, 1.0, math.inf],
        alternatives=[(Alternative(3, "Rome", 2.0), Alternative(0, "in Rome", -1.0)), (Alternative(0, "x", 0.5),), ()],
        gold=[(Answer(3, "Rome"), Answer(0, "in Rome")), (), None] if labelled else None,
    )


def same(one: AnswerPredictions, other: AnswerPredictions) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in AnswerPredictions.__dataclass_fields__)


@pytest.mark.parametrize("labelled", [True, False])
def test_a_file_gives_back_what_was_saved(tmp_path: Path, labelled: bool) -> None:
    predictions = some(labelled=labelled)
    path = predictions.save(tmp_path / "answers.parquet")
    assert same(AnswerPredictions.load(path), predictions) and same(load_predictions(path), predictions)
    assert [file.name for file in tmp_path.iterdir()] == ["answers.parquet"]
    nothing = predictions.take([])
    assert len(nothing) == 0 and same(AnswerPredictions.load(nothing.save(path)), nothing)


def test_rows_are_taken_by_position_and_by_mask() -> None:
    by_position, by_mask = some().take([2, 0]), some().take(np.array([True, False, True]))
    assert by_position.row_ids == ["c", "a"] and by_position.gold == [None, (Answer(3, "Rome"), Answer(0, "in Rome"))]
    assert by_mask.row_ids == ["a", "c"] and by_mask.predicted == [Answer(3, "Rome"), None]
    assert some().scores().positions.tolist() == [0, 1]


def test_what_was_answered_is_written_without_the_truth() -> None:
    table = some().answers()
    assert table.column_names == ["row_id", "predicted", "start", "confidence"]
    assert table.to_pylist()[:2] == [
        {"row_id": "a", "predicted": "Rome", "start": 3, "confidence": 0.9},
        {"row_id": "b", "predicted": None, "start": None, "confidence": 1 / 3},
    ]


def test_files_of_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"row_id": ["a"]}), path)
    with pytest.raises(DataError, match="predicted answers"):
        AnswerPredictions.load(path)
    table = some().to_table()
    pq.write_table(table.drop_columns(["confidence"]), path)
    with pytest.raises(DataError, match="the column confidence"):
        AnswerPredictions.load(path)
    broken = pa.array([None, "", "x"], pa.string())
    pq.write_table(table.set_column(2, "text_pair", broken).replace_schema_metadata(table.schema.metadata), path)
    with pytest.raises(DataError, match="no empty cells"):
        AnswerPredictions.load(path)
    with pytest.raises(DataError):
        AnswerPredictions.load(tmp_path / "none.parquet")
    with pytest.raises(DataError, match="contexts of 3 rows"):
        AnswerPredictions(**{**vars(some()), "contexts": ["x"]})


def test_baselines_beat_chance_and_leave_unanswered() -> None:
    tidy = sample("qa", tidy=True)
    made = answer_baselines(tidy["train"], tidy["test"])
    assert set(made) == {OVERLAP, NEVER}
    silent = metrics(made[NEVER])
    assert silent["exact_match"] == pytest.approx(52 / 149) and silent["has_answer_f1"] == 0
    assert 0.05 < metrics(made[OVERLAP])["has_answer_f1"] < 0.5
    for answer, context in zip(made[OVERLAP].predicted, made[OVERLAP].contexts, strict=True):
        assert answer is not None and context[answer.start : answer.end] == answer.text


def test_baselines_of_odd_contexts() -> None:
    train = {"text": ["Where?"], "text_pair": ["He is in Rome."], "answers": [[{"start": 6, "text": "in Rome"}]]}
    rows = {"row_id": ["a", "b", "c"], "text": ["", "Where is it?", "?"], "text_pair": ["", "...", "word " * 50_000]}
    made = answer_baselines(train, rows)
    assert list(made) == [OVERLAP], "nothing is without an answer here"
    assert made[OVERLAP].predicted[:2] == [None, None] and made[OVERLAP].predicted[2] == Answer(0, "word word")
    found = answer_baselines(train, {"row_id": ["a"], "text": ["Where is the red house?"], "text_pair": [
        "Dogs bark. The red house is in Leeds. Cats do not."
    ]})[OVERLAP].predicted[0]  # fmt: skip
    assert found == Answer(28, "in Leeds")
