"""Predictions of language models: files, figures by hand, and the comparison with a unigram model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labkit.errors import DataError
from labkit.evaluation import Evaluation, evaluate
from labkit.tasks import Filler, LanguagePredictions, load_predictions


def made(task: str = "text-generation", **changes: Any) -> LanguagePredictions:
    values: dict[str, Any] = {
        "task": task,
        "row_ids": ["a", "b", "c"],
        "inputs": ["one", "two", "three"],
        "nll": np.array([2.0, 6.0, 0.0]),
        "tokens": np.array([2.0, 3.0, 0.0]),
        "hits": np.array([2.0, 1.0, 0.0]),
        "predicted": ["x y x y x y", None, None],
        "references": ["x y z", "q", None],
    }
    return LanguagePredictions(**{**values, **changes})


def test_perplexity_is_of_tokens_not_of_rows() -> None:
    result = evaluate(made(), resamples=100)
    values = result.metrics
    assert result.n == 2 and result.skipped == 1, "a row without tokens says nothing"
    assert values["loss"] == pytest.approx(8 / 5) and values["perplexity"] == pytest.approx(math.exp(8 / 5))
    assert values["token_accuracy"] == pytest.approx(3 / 5)
    assert result.first == "loss" and "pseudo_perplexity" not in values
    assert "2 rows with 5 tokens, and 1 texts written" in str(result)


def test_figures_of_written_texts() -> None:
    values = made().scores().values()
    assert values["length"] == 6
    assert values["distinct_1"] == pytest.approx(2 / 6) and values["distinct_2"] == pytest.approx(2 / 5)
    assert values["repetition"] == pytest.approx(1 / 3), "xyxy, yxyx, and xyxy again"
    assert values["rougeL"] == pytest.approx(2 * 2 / (6 + 3)), "one written text has a reference"
    assert 0 < values["chrf"] < 100
    nothing = made(predicted=["", None, None]).scores().values()
    assert nothing["length"] == 0 and nothing["repetition"] == 0 and "distinct_1" not in nothing


def test_pseudo_perplexity_is_of_tokens_masked_one_by_one() -> None:
    masked = made("fill-mask", pseudo_nll=np.array([3.0, 0, 0]), pseudo_tokens=np.array([2.0, 0, 0]), predicted=())
    values = masked.scores().values()
    assert values["pseudo_perplexity"] == pytest.approx(math.exp(1.5))
    assert "repetition" not in values and "2 rows with 5 masked tokens" in masked.scores().what


def test_less_loss_is_better() -> None:
    rng = np.random.default_rng(0)
    ids, tokens = [str(i) for i in range(60)], rng.integers(5, 20, 60).astype(float)
    good, bad = (
        LanguagePredictions(
            task="fill-mask",
            row_ids=ids,
            inputs=ids,
            nll=tokens * level + rng.random(60),
            tokens=tokens,
            hits=tokens * 0,
        )
        for level in (2.0, 3.0)
    )
    result = evaluate(good, baselines={"unigram model": bad}, resamples=200)
    beside = result.baselines["unigram model"]
    assert beside.clear and beside.lower_is_better and beside.differences["loss"].value == pytest.approx(-1, abs=0.05)
    assert "less than unigram model in loss, which is better" in str(beside) and "points" not in beside.sentence
    worse = evaluate(bad, baselines={"other": good}, resamples=200).baselines["other"]
    assert "more than other in loss, which is worse" in worse.sentence
    again = Evaluation.from_dict(result.to_dict())
    assert again.baselines["unigram model"].sentence == beside.sentence


def test_slices_are_scored_by_the_loss() -> None:
    columns = {"text": ["a"] * 3, "kind": ["u", "v", "v"]}
    parts = evaluate(made(), rows=columns, slices=("kind",), resamples=100).slices["kind"]
    assert {part.value: part.accuracy.value for part in parts} == {"u": 1.0, "v": 2.0}


def test_files_come_back_as_they_were(tmp_path: Path) -> None:
    fillers = [[[Filler("soup", 0.5), Filler("bread", 0.25)]], [], []]
    for one in (made(), made("fill-mask", fillers=fillers, predicted=["a soup", None, None])):
        back = load_predictions(one.save(tmp_path / "p.parquet"))
        assert isinstance(back, LanguagePredictions) and back.task == one.task
        assert back.to_table().equals(one.to_table()) and back.fillers == list(one.fillers)
    assert back.fillers[0][0][0].token == "soup"
    assert back.take([2, 0]).row_ids == ["c", "a"] and back.take(np.array([True, False, False])).nll.tolist() == [2.0]
    assert back.answers().column_names == ["row_id", "predicted", "fillers"]
    assert made().answers()["predicted"].to_pylist() == ["x y x y x y", "", ""]


def test_other_files_are_refused(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = made().save(tmp_path / "p.parquet")
    table = pq.read_table(path)
    pq.write_table(table.drop_columns("hits"), path)
    with pytest.raises(DataError, match="the column hits"):
        load_predictions(path)
    pq.write_table(table.replace_schema_metadata({}), path)
    with pytest.raises(DataError, match="a language model's predictions"):
        LanguagePredictions.load(path)
    with pytest.raises(DataError, match="hits of 3 rows"):
        made(hits=np.zeros(2))
    with pytest.raises(DataError, match="rows with tokens to foresee"):
        made(tokens=np.zeros(3)).scores()
