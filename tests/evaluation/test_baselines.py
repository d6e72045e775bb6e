"""The baselines are what their names say, on good and on odd data."""

import numpy as np
import pytest

from labkit.errors import DataError
from labkit.evaluation import MAJORITY, TFIDF, baselines, evaluate
from labkit.tasks._predictions import Predictions

THEMES = {"sport": "goal match team player", "money": "bank loan price market", "food": "bread soup salt kitchen"}


def rows(n: int, labels: tuple[str, ...] = tuple(THEMES), seed: int = 0) -> dict[str, list]:
    rng = np.random.default_rng(seed)
    label = [
        labels[i]
        for i in rng.choice(len(labels), n, p=np.linspace(2, 1, len(labels)) / np.linspace(2, 1, len(labels)).sum())
    ]
    text = [" ".join([*rng.choice(THEMES[name].split(), 2), *rng.choice(["the", "and", "some"], 3)]) for name in label]
    return {"row_id": [f"r{i}" for i in range(n)], "text": text, "label": label}


def test_majority_says_the_most_frequent_class_and_the_frequencies() -> None:
    train, test = rows(200), rows(50, seed=1)
    found = baselines(train, test, labels=tuple(THEMES))[MAJORITY]
    assert found.names(found.predicted) == ["sport"] * 50
    assert found.probabilities[0] == pytest.approx([train["label"].count(name) / 200 for name in THEMES])
    assert found.names(found.gold) == test["label"]
    assert found.row_ids == test["row_id"]


def test_tfidf_learns_words_and_is_the_same_every_time() -> None:
    train, test = rows(200), rows(50, seed=1)
    first, again = (baselines(train, test, labels=tuple(THEMES))[TFIDF] for _ in range(2))
    assert evaluate(first, resamples=0).metrics["accuracy"] == 1.0
    assert (first.probabilities == again.probabilities).all()
    assert first.probabilities.sum(axis=1) == pytest.approx(np.ones(50))


def test_a_class_without_training_rows_has_probability_zero() -> None:
    found = baselines(rows(100, ("sport", "money")), rows(20, seed=1), labels=tuple(THEMES))
    assert (found[TFIDF].probabilities[:, 2] == 0).all()
    assert (found[MAJORITY].probabilities[:, 2] == 0).all()
    assert found[TFIDF].predicted.shape == (20,)


def test_one_class_and_no_words_fall_back_to_frequencies() -> None:
    alone = baselines(rows(20, ("food",)), rows(5, seed=1), labels=("food", "money"))
    assert (alone[TFIDF].probabilities == [1.0, 0.0]).all()
    wordless = {"row_id": ["1", "2", "3"], "text": ["?!", "", "…"], "label": ["food", "food", "money"]}
    found = baselines(wordless, wordless, labels=("food", "money"))
    assert found[TFIDF].probabilities == pytest.approx(np.tile([2 / 3, 1 / 3], (3, 1)))


def test_scripts_without_spaces_are_read_by_character() -> None:
    train = {
        "text": ["我喜欢足球比赛", "球队赢了比赛", "银行贷款利率", "贷款的价格高"] * 5,
        "label": ["s", "s", "m", "m"] * 5,
    }
    test = {"row_id": ["1", "2"], "text": ["足球队", "银行利率"], "label": ["s", "m"]}
    found = baselines(train, test, labels=("m", "s"))[TFIDF]
    assert found.names(found.predicted) == ["s", "m"]


def test_the_second_text_of_a_pair_counts() -> None:
    train, test = rows(200), rows(50, seed=1)
    paired = [{**part, "text": ["same"] * len(part["text"]), "text_pair": part["text"]} for part in (train, test)]
    found = baselines(*paired, labels=tuple(THEMES))[TFIDF]
    assert evaluate(found, resamples=0).metrics["accuracy"] == 1.0


def test_several_labels_with_thresholds_tuned_on_validation_rows() -> None:
    def several(n: int, seed: int) -> dict[str, list]:
        one, two = rows(n, seed=seed), rows(n, seed=seed + 100)
        text = [f"{a} {b}" for a, b in zip(one["text"], two["text"], strict=True)]
        label = [sorted({a, b}) for a, b in zip(one["label"], two["label"], strict=True)]
        return {"row_id": one["row_id"], "text": text, "label": label}

    train, test = several(200, 0), several(60, 1)
    labels = (*THEMES, "never")
    found = baselines(train, test, labels=labels, multi_label=True)
    assert evaluate(found[TFIDF], resamples=0).metrics["micro_f1"] > 0.95
    assert (found[TFIDF].probabilities[:, 3] == 0).all()
    tuned = baselines(train, test, labels=labels, multi_label=True, validation=several(60, 2))
    assert tuned[TFIDF].thresholds is not None
    assert evaluate(tuned[MAJORITY], resamples=0).metrics["macro_f1"] > 0


def test_unlabelled_rows_are_left_out_of_training_and_kept_in_the_test() -> None:
    train, test = rows(50), rows(10, seed=1)
    train["label"][:10] = [None] * 10
    test["label"][0] = None
    found: Predictions = baselines(train, test, labels=tuple(THEMES))[TFIDF]
    assert found.gold[0] == -1 and len(found) == 10
    del test["label"]
    assert baselines(train, test, labels=tuple(THEMES))[MAJORITY].gold is None


def test_what_cannot_be_trained_is_refused() -> None:
    train, test = rows(20), rows(5)
    with pytest.raises(DataError, match="among the classes"):
        baselines(train, test, labels=("tea",))
    with pytest.raises(DataError, match="Label some rows"):
        baselines({**train, "label": [None] * 20}, test, labels=tuple(THEMES))
    with pytest.raises(DataError, match="label and text in train"):
        baselines({"text": train["text"]}, test, labels=tuple(THEMES))
