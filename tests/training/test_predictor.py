"""The fine-tuned model in use: on texts, on files, on other labelled data."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from toys import toy_recipe, toy_rows, write_csv

from labkit.errors import DataError, RunError
from labkit.training import Predictor, Run, evaluate, predict_file, train


@pytest.fixture(scope="module")
def predictor(toy_run: Run) -> Predictor:
    return Predictor.load(toy_run)


def test_one_text_or_several(predictor: Predictor) -> None:
    one = predictor("goal match team")
    assert len(one) == 1 and one.gold is None
    several = predictor(["goal match team", "soup bread salt"])
    assert several.names(several.predicted) == ["sport", "food"]
    assert several.probabilities.sum(axis=1) == pytest.approx([1, 1])
    assert several.probabilities[0] == pytest.approx(one.probabilities[0], abs=1e-6)


def test_no_text_gives_no_prediction(predictor: Predictor) -> None:
    assert predictor([]).probabilities.shape == (0, 3)


@pytest.mark.parametrize(
    "text", ["", " ", "\x00", "😀" * 500, "<script>alert(1)</script>", "[CLS] [SEP]", "a" * 10_000]
)
def test_any_text_is_taken(predictor: Predictor, text: str) -> None:
    assert np.isfinite(predictor([text, "goal"]).probabilities).all()


def test_what_is_no_text_is_named(predictor: Predictor) -> None:
    with pytest.raises(DataError, match="NoneType as item 2"):
        predictor(["a", None])


def test_batches_do_not_matter(predictor: Predictor) -> None:
    texts = [row["text"] for row in toy_rows(70, seed=9)]
    together = predictor(texts).probabilities
    assert together[::-1] == pytest.approx(predictor(texts[::-1]).probabilities, abs=1e-6)


def test_it_predicts_as_at_the_end_of_training(toy_run: Run, predictor: Predictor, toy_data: Path) -> None:
    stored = toy_run.predictions()
    texts = {row["id"]: row["text"] for row in toy_rows()}
    assert predictor([texts[i] for i in stored.row_ids]).probabilities == pytest.approx(stored.probabilities, abs=1e-6)


def test_a_run_directory_is_a_base_model_too(toy_run: Run, toy_data: Path, tmp_path: Path) -> None:
    gentle = toy_recipe(toy_data, toy_run.directory, optimizer={"learning_rate": 1e-5}, budget={"epochs": 0.2})
    again = train(gentle, tmp_path / "again")
    learned = toy_run.evaluation.headline["accuracy"].value
    assert learned >= 0.8
    assert again.evaluation.headline["accuracy"].value == pytest.approx(learned, abs=0.05), "it goes on from there"


def test_a_model_that_was_damaged_is_not_used(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    run = train(toy_recipe(toy_data, toy_model, budget={"epochs": 0.2}), tmp_path / "run")
    with (run.directory / "model" / "model.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(RunError, match=r"missing or changed files: model/model\.safetensors"):
        Predictor.load(run.directory)


def test_a_damaged_model_that_was_handed_over_has_no_run_to_resume(toy_run: Run, tmp_path: Path) -> None:
    shutil.copytree(toy_run.model_folder, tmp_path / "given" / "model")
    (tmp_path / "given" / "model" / "model.safetensors").write_bytes(b"x")
    with pytest.raises(RunError, match="Restore its files") as refused:
        Predictor(tmp_path / "given" / "model", toy_run.recipe.task, 32)
    assert "--resume" not in str(refused.value)


def test_there_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        Predictor.load(tmp_path / "none")
    with pytest.raises(RunError, match=r"a folder without recipe\.toml"):
        Predictor.load(tmp_path)


@pytest.fixture
def unlabelled(tmp_path: Path) -> Path:
    rows = [{"text": row["text"], "note": "x"} for row in toy_rows(9, seed=5)]
    rows[0]["text"] = 'soup, "bread" and\nsalt'
    return write_csv(tmp_path / "new.csv", rows)


def check(rows: list[dict[str, Any]], predictor: Predictor) -> None:
    assert len(rows) == 9
    assert list(rows[0]) == ["row_id", "text", "predicted", "confidence", "p_food", "p_sport", "p_travel"]
    assert rows[0]["text"] == 'soup, "bread" and\nsalt'
    expected = predictor([row["text"] for row in rows])
    assert [row["predicted"] for row in rows] == expected.names(expected.predicted)
    assert [float(row["p_food"]) for row in rows] == pytest.approx(expected.probabilities[:, 0], abs=1e-6)
    assert [float(row["confidence"]) for row in rows] == pytest.approx(expected.probabilities.max(axis=1), abs=1e-6)


def test_files_of_predictions(toy_run: Run, predictor: Predictor, unlabelled: Path, tmp_path: Path) -> None:
    for suffix in (".csv", ".jsonl", ".parquet"):
        assert predict_file(toy_run, unlabelled, tmp_path / f"out{suffix}") == 9
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        check(list(csv.DictReader(file)), predictor)
    check([json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()], predictor)
    check(pq.read_table(tmp_path / "out.parquet").to_pylist(), predictor)
    assert not list(tmp_path.glob("*.partial"))


def test_the_data_of_the_run_can_be_predicted_as_well(toy_run: Run, toy_data: Path, tmp_path: Path) -> None:
    assert predict_file(toy_run, toy_data, tmp_path / "out.jsonl") == 120
    first = json.loads((tmp_path / "out.jsonl").read_text("utf-8").splitlines()[0])
    assert first["row_id"] == "t0" and "label" not in first


def test_places_where_predictions_cannot_go(toy_run: Run, unlabelled: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"ends in \.csv, \.jsonl or \.parquet"):
        predict_file(toy_run, unlabelled, tmp_path / "out.xlsx")
    with pytest.raises(DataError, match="Make it first"):
        predict_file(toy_run, unlabelled, tmp_path / "none" / "out.csv")


def test_evaluating_on_other_data(toy_run: Run, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "later.csv", toy_rows(60, seed=7))
    result = evaluate(toy_run, source)
    assert result.n == 60
    assert result.headline["accuracy"].value > 0.6
    assert set(result.baselines) == {"majority class", "TF-IDF + logistic regression"}
    predictions = Predictor.load(toy_run)([row["text"] for row in toy_rows(60, seed=7)])
    right = np.mean(
        [a == b["topic"] for a, b in zip(predictions.names(predictions.predicted), toy_rows(60, seed=7), strict=True)]
    )
    assert result.headline["accuracy"].value == pytest.approx(right)


def test_evaluating_on_data_with_labels_the_model_does_not_know(toy_run: Run, tmp_path: Path) -> None:
    rows = toy_rows(60, seed=7)
    for row in rows[:20]:
        row["topic"] = "music"
    result = evaluate(toy_run, write_csv(tmp_path / "some.csv", rows))
    assert result.n == 40, "the rows with a known label count"
    assert any("music" in note for note in result.notes)
    for row in rows:
        row["topic"] = "music" if len(row["text"]) % 2 else "film"
    with pytest.raises(DataError, match="labels that the model knows"):
        evaluate(toy_run, write_csv(tmp_path / "none.csv", rows))


def test_evaluating_where_the_training_data_is_not(toy_model: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "toy.csv", [{**row, "channel": "mail"} for row in toy_rows()])
    asked = {"baselines": True, "slices": ["channel", "length"]}
    run = train(toy_recipe(data, toy_model, budget={"epochs": 0.2}, evaluation=asked), tmp_path / "run")
    data.unlink()
    result = evaluate(run, write_csv(tmp_path / "later.csv", [{**row, "channel": "chat"} for row in toy_rows(30)]))
    assert result.n == 30 and not result.baselines
    assert any("Without baselines" in note and "toy.csv" in note for note in result.notes)
    plain = evaluate(run, write_csv(tmp_path / "plain.csv", toy_rows(30)))
    assert plain.n == 30, "a column that the other data has not is not sliced by"
    assert any("channel" in note for note in plain.notes)


def test_a_test_split_that_training_saw_is_said_so(toy_model: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "toy.csv", toy_rows())
    again = write_csv(tmp_path / "again.csv", toy_rows(30))
    recipe = toy_recipe(data, toy_model, data={"train": str(data), "test": str(again)}, budget={"epochs": 0.2})
    run = train(recipe, tmp_path / "run")
    assert any("also in the training split" in note and "drop_shared" in note for note in run.evaluation.notes)
    assert "reward memory" in str(run.evaluation)


def test_evaluating_on_data_without_labels(toy_run: Run, unlabelled: Path) -> None:
    with pytest.raises(DataError):
        evaluate(toy_run, unlabelled)


def test_several_labels_in_a_file_of_predictions(toy_model: Path, tmp_path: Path) -> None:
    rows = [{"text": row["text"], "topics": [row["topic"], "news"][: 1 + i % 2]} for i, row in enumerate(toy_rows(60))]
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    run = train(toy_recipe(data, toy_model, budget={"epochs": 1}), tmp_path / "run")
    predict_file(run, data, tmp_path / "out.csv")
    predict_file(run, data, tmp_path / "out.jsonl")
    lists = [json.loads(line)["predicted"] for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        joined = [row["predicted"] for row in csv.DictReader(file)]
    assert joined == ["|".join(names) for names in lists]
    assert any(len(names) > 1 for names in lists)
    assert evaluate(run, data).n == 60
