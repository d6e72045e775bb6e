"""Rows whose label is doubted, rows that a classifier is unsure of, and predictions of training rows to doubt them by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_predictions import make, make_multi

from labkit import data
from labkit.errors import DataError, LabError, UnknownName
from labkit.evaluation import out_of_sample, suspects, uncertain
from labkit.tasks import Predictions

TOPICS = {
    "sport": ["goal", "match", "team", "ball", "league", "coach"],
    "food": ["soup", "bread", "salt", "oven", "spoon", "sauce"],
    "travel": ["train", "ticket", "hotel", "beach", "flight", "border"],
}


def planted(n: int = 600, k: int = 4, wrong: int = 30, strength: float = 4.0) -> tuple[Predictions, set[str]]:
    """Good predictions of rows of which some have another label than the true one."""
    predictions = make(n, k, strength=strength)
    chooser = np.random.default_rng(1)
    at = chooser.choice(n, wrong, replace=False)
    assert predictions.gold is not None
    gold = predictions.gold.copy()
    gold[at] = (gold[at] + chooser.integers(1, k, wrong)) % k
    return replace(predictions, gold=gold), {f"r{i}" for i in at}


def corpus_of(rows: list[dict[str, Any]], **options: Any) -> data.Corpus:
    return data.read({"train": rows}, text="text", label="label", id="id", **options)


def topic_rows(n: int = 90, seed: int = 0) -> list[dict[str, Any]]:
    chooser = np.random.default_rng(seed)
    return [
        {"id": f"t{i}", "text": f"{' '.join(chooser.choice(words, 5))} {i}", "label": topic}
        for i in range(n)
        for topic, words in [list(TOPICS.items())[i % 3]]
    ]


def test_planted_wrong_labels_come_first() -> None:
    predictions, wrong = planted()
    found = suspects(predictions)
    first = [suspect.row_id in wrong for suspect in found[: len(wrong)]]
    assert np.mean(first) >= 0.8
    assert [suspect.loss for suspect in found] == sorted((suspect.loss for suspect in found), reverse=True)
    assert suspects(predictions, n=5) == found[:5]


def test_the_number_of_likely_errors_is_near_the_number_planted() -> None:
    predictions, wrong = planted()
    likely = [suspect for suspect in suspects(predictions) if suspect.likely]
    assert 0.6 * len(wrong) <= len(likely) <= 1.4 * len(wrong)
    assert np.mean([suspect.row_id in wrong for suspect in likely]) >= 0.8


def test_a_suspect_says_what_is_given_and_what_is_suggested() -> None:
    predictions = Predictions(
        row_ids=["a", "b", "c", "d"],
        labels=("x", "y"),
        probabilities=np.array([[0.1, 0.9], [0.8, 0.2], [0.45, 0.55], [0.2, 0.8]]),
        gold=np.array([0, 0, 0, 1]),
    )
    first, second = suspects(predictions)
    assert (first.row_id, first.given, first.suggested, first.confidence) == ("a", "x", "y", 0.9)
    assert first.loss == pytest.approx(-np.log(0.1)) and first.likely
    assert second.row_id == "c" and not second.likely, "rows of y have 0.8 on average"


def test_rows_that_agree_or_have_no_label_are_no_suspects() -> None:
    predictions, _ = planted()
    assert predictions.gold is not None
    assert suspects(replace(predictions, gold=predictions.probabilities.argmax(axis=1))) == []
    half = replace(predictions, gold=np.where(np.arange(600) < 300, -1, predictions.gold))
    assert {suspect.row_id for suspect in suspects(half)} <= {f"r{i}" for i in range(300, 600)}
    with pytest.raises(DataError, match="known label"):
        suspects(replace(predictions, gold=None))


def test_certainty_of_nought_is_a_finite_loss() -> None:
    predictions = Predictions(
        row_ids=["a", "b"], labels=("x", "y"), probabilities=np.array([[0.0, 1.0], [0.0, 1.0]]), gold=np.array([0, 1])
    )
    (only,) = suspects(predictions)
    assert only.row_id == "a" and np.isfinite(only.loss)


def test_each_of_several_labels_is_doubted_by_itself() -> None:
    predictions = replace(make_multi(400, 4, strength=8.0), thresholds=None)
    assert predictions.gold is not None
    gold = predictions.gold.copy()
    surest = np.argsort(-np.abs(predictions.probabilities - 0.5), axis=0)[:3]
    for label in range(4):
        gold[surest[:, label], label] = ~gold[surest[:, label], label]
    found = suspects(replace(predictions, gold=gold))
    flipped = {(f"r{i}", f"t{j}") for j in range(4) for i in surest[:, j]}
    assert {(s.row_id, s.given or s.suggested) for s in found[:12]} == flipped
    for suspect in found:
        i = int(suspect.row_id[1:])
        assert bool(suspect.given) != bool(suspect.suggested)
        assert gold[i, int((suspect.given or suspect.suggested)[1:])] == bool(suspect.given)


def test_least_sure_first() -> None:
    p = np.array([[0.98, 0.01, 0.01], [0.5, 0.5, 0.0], [0.4, 0.3, 0.3]])
    predictions = Predictions(row_ids=["sure", "tie", "flat"], labels=("x", "y", "z"), probabilities=p)
    assert uncertain(predictions) == ["tie", "flat", "sure"]
    assert uncertain(predictions, "entropy") == ["flat", "tie", "sure"]
    assert uncertain(predictions, "confidence") == ["flat", "tie", "sure"]
    assert uncertain(predictions.take(np.zeros(3, dtype=bool)), "margin") == []
    with pytest.raises(UnknownName, match="margin, entropy, confidence"):
        uncertain(predictions, "doubt")  # type: ignore[arg-type]


@pytest.mark.parametrize("by", ["margin", "entropy", "confidence"])
def test_least_sure_first_with_several_labels_and_with_one(by: Any) -> None:
    p = np.array([[0.99, 0.01], [0.99, 0.5]])
    several = Predictions(row_ids=["sure", "not"], labels=("x", "y"), probabilities=p, multi_label=True)
    assert uncertain(several, by) == ["not", "sure"]
    lone = Predictions(row_ids=["a", "b"], labels=("x",), probabilities=np.ones((2, 1)))
    assert uncertain(lone, by) == ["a", "b"]


def test_out_of_sample_predictions_are_good_and_in_order() -> None:
    rows = topic_rows()
    predictions = out_of_sample(corpus_of(rows), folds=3)
    assert list(predictions.row_ids) == [row["id"] for row in rows]
    assert predictions.probabilities.sum(axis=1) == pytest.approx(1)
    assert (predictions.predicted == predictions.gold).mean() > 0.95
    again = out_of_sample(corpus_of(rows), folds=3)
    assert np.array_equal(again.probabilities, predictions.probabilities)
    assert not np.array_equal(out_of_sample(corpus_of(rows), folds=3, seed=1).probabilities, predictions.probabilities)


def test_wrong_labels_are_found_before_any_model_is_trained() -> None:
    rows = topic_rows()
    for i in (4, 31, 77):
        rows[i]["label"] = {"sport": "food", "food": "travel", "travel": "sport"}[rows[i]["label"]]
    found = suspects(out_of_sample(corpus_of(rows)))
    assert {suspect.row_id for suspect in found[:3]} == {"t4", "t31", "t77"}
    assert all(suspect.likely for suspect in found[:3])


def test_a_copy_does_not_vouch_for_a_wrong_label() -> None:
    rows = topic_rows()
    text = "  GOAL match   team ball"
    rows += [{"id": f"copy{i}", "text": text if i else text.lower().strip(), "label": "food"} for i in range(3)]
    found = suspects(out_of_sample(corpus_of(rows)))
    assert {suspect.row_id for suspect in found[:3]} == {"copy0", "copy1", "copy2"}


def test_rows_that_nothing_can_be_learned_of_are_left_out() -> None:
    rows = [
        *topic_rows(),
        {"id": "lone", "text": "a word of its own", "label": "weather"},
        {"id": "none", "text": "nobody knows", "label": None},
    ]
    predictions = out_of_sample(corpus_of(rows))
    assert len(predictions) == 90 and not {"lone", "none"} & set(predictions.row_ids)
    assert "weather" in predictions.labels


def test_several_labels_out_of_sample() -> None:
    chooser = np.random.default_rng(0)
    rows = []
    for i in range(120):
        topics = [topic for topic in TOPICS if chooser.random() < 0.5]
        words = [word for topic in topics for word in chooser.choice(TOPICS[topic], 4)]
        rows.append({"id": f"m{i}", "text": f"{' '.join(words)} {i}", "label": topics})
    rows[7]["label"] = [topic for topic in TOPICS if topic not in rows[7]["label"]]
    predictions = out_of_sample(corpus_of(rows, multi_label=True))
    assert predictions.multi_label and predictions.gold is not None and predictions.gold.shape == (120, 3)
    assert [suspect.row_id for suspect in suspects(predictions, n=3)] == ["m7"] * 3


@pytest.mark.parametrize(
    ("rows", "folds", "error"),
    [
        (topic_rows(9), 1, LabError),
        ([{"id": "1", "text": "same", "label": "x"}, {"id": "2", "text": "Same ", "label": "y"}], 5, DataError),
        ([{"id": "1", "text": "one", "label": "x"}, {"id": "2", "text": "two", "label": "y"}], 5, DataError),
    ],
)
def test_too_little_to_cross_validate(rows: list[dict[str, Any]], folds: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        out_of_sample(corpus_of(rows), folds=folds)


def test_the_shipped_sample_is_better_than_chance() -> None:
    wrong = {entry["id"] for entry in data.defects("support") if entry["kind"] == "wrong_label"}
    corpus = data.sample("support")
    found = suspects(out_of_sample(corpus), n=len(wrong))
    at_random = len(wrong) / len(corpus["train"])
    assert np.mean([suspect.row_id in wrong for suspect in found]) > 2.5 * at_random


def test_vectors_may_stand_in_for_words() -> None:
    rows = [{"text": f"text number {i}", "label": "ab"[i % 2]} for i in range(40)]
    corpus = data.read(rows)
    side = np.array([1.0 if label == "a" else -1.0 for label in corpus["train"]["label"]], dtype=np.float32)
    vectors = np.column_stack([side, np.ones(40, dtype=np.float32)])
    said = out_of_sample(corpus, vectors=vectors)
    assert (said.predicted == said.gold).all()
    with pytest.raises(LabError, match="40 vectors"):
        out_of_sample(corpus, vectors=vectors[:39])
