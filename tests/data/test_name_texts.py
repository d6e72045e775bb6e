"""Names of classes stand beside the few texts of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toys import toy_recipe, toy_rows, write_csv

from labkit import data
from labkit.data import Corpus, DataConfig, name_classes
from labkit.errors import DataError, RecipeError
from labkit.training import Predictor, Recipe, train


def split(rows: list[dict[str, Any]], folder: Path) -> Corpus:
    return data.split(data.read(write_csv(folder / "rows.csv", rows)))


def test_each_class_gets_its_name(tmp_path: Path) -> None:
    rows = [{"text": row["text"], "label": f"about_{row['topic']}"} for row in toy_rows(60)]
    corpus = split(rows, tmp_path)
    named = name_classes(corpus, 2, template="It is {}!")
    added = named["train"].select(range(len(corpus["train"]), len(named["train"])))
    assert list(added["text"][::2]) == [f"It is {name.replace('_', ' ')}!" for name in corpus.labels]
    assert list(added["label"][::2]) == list(added["label"][1::2]) == list(corpus.labels)
    assert len(set(named["train"]["row_id"])) == len(named["train"])
    assert named.rows | {"train": 0} == corpus.rows | {"train": 0}, "validation and test stay as they are"
    assert named.steps[-1].counts == {"train": 6}
    again = data.load(named.config)
    assert list(again["train"]["row_id"]) == list(named["train"]["row_id"])


def test_rows_with_several_labels(tmp_path: Path) -> None:
    rows = [
        {"text": row["text"], "labels": f"{row['topic']}|{'short' if i % 2 else 'long'}"}
        for i, row in enumerate(toy_rows(60))
    ]
    corpus = split(rows, tmp_path)
    assert corpus.multi_label
    named = name_classes(corpus, 1)
    assert [list(one) for one in named["train"]["label"][-len(corpus.labels) :]] == [[name] for name in corpus.labels]


def test_it_comes_last(tmp_path: Path) -> None:
    """Whatever else changes the rows refuses those that are made up, so that a recipe makes the same ones again."""
    path = write_csv(tmp_path / "toy.csv", toy_rows(60))
    corpus = data.split(data.read(path))
    named = name_classes(corpus, 2)
    late: tuple[Callable[[], Corpus], ...] = (
        lambda: data.split(named),
        lambda: data.fold(named, 3, 0),
        lambda: data.clean(named, ("drop_duplicates",)),
        lambda: data.balance(named, "oversample"),
        lambda: data.augment(named, ("typos",)),
        lambda: data.rehearse(named, path),
    )
    for do in late:
        with pytest.raises(DataError):
            do()
    found = {finding.code for finding in data.check(named).findings}
    assert "exact_duplicates" not in found, "copies are meant"


def test_a_name_that_stands_in_the_test_split_is_left_out(tmp_path: Path) -> None:
    rows = toy_rows(60)
    held = write_csv(tmp_path / "test.csv", [*toy_rows(20, seed=3), {"id": "x", "text": "Sport", "topic": "sport"}])
    corpus = data.split(data.read(write_csv(tmp_path / "train.csv", rows), test=held))
    named = name_classes(corpus, 2, template="{}")
    assert len(named["train"]) == len(corpus["train"]) + 4 and "2 that stand in" in named.steps[-1].text


def test_what_has_no_names(tmp_path: Path) -> None:
    rows = toy_rows(60)
    corpus = split(rows, tmp_path)
    with pytest.raises(DataError, match="names in words"):
        name_classes(split([{"text": row["text"], "label": str(i % 2)} for i, row in enumerate(rows)], tmp_path), 1)
    with pytest.raises(DataError, match="pairs of texts"):
        pairs = [{"text": row["text"], "text_pair": row["text"], "label": row["topic"]} for row in rows]
        name_classes(split(pairs, tmp_path), 1)
    with pytest.raises(DataError, match="classes, whose names"):
        scored = [{"text": row["text"], "label": i / 7} for i, row in enumerate(rows)]
        name_classes(split(scored, tmp_path), 1)
    with pytest.raises(DataError, match=r"\{\}"):
        name_classes(corpus, 1, template="no place")
    with pytest.raises(DataError, match=r"split\(\)"):
        name_classes(data.read(write_csv(tmp_path / "whole.csv", rows)), 1)
    with pytest.raises(DataError, match="after name_classes"):
        name_classes(name_classes(corpus, 1), 1)
    with pytest.raises(
        DataError, match=r"'red_car', 'red car', which read alike|'red car', 'red_car', which read alike"
    ):
        twins = [{"text": row["text"], "label": ("red car", "red_car")[i % 2]} for i, row in enumerate(rows)]
        name_classes(split(twins, tmp_path), 1)
    with pytest.raises(DataError, match="one text of each class"):
        name_classes(corpus, 0)
    with pytest.raises(RecipeError, match="name_texts is for classes of texts"):
        Recipe(task="token-classification", data=DataConfig(train="a", name_texts=1))
    with pytest.raises(RecipeError, match="name_template"):
        Recipe(data=DataConfig(train="a", name_texts=1, name_template="none"))


def test_a_class_that_only_its_name_speaks_for(toy_model: Path, tmp_path: Path) -> None:
    """Probe and contrastive steps read names as they read rows."""
    rows = toy_rows(60)
    path = write_csv(tmp_path / "train.csv", [row for row in rows if row["topic"] != "travel"])
    few = toy_recipe(
        path, toy_model,
        model={"pooling": "mean", "unit_vectors": True},
        technique={"trainable": "head", "solver": "lbfgs", "contrastive": 10},
        data={"test": str(write_csv(tmp_path / "test.csv", rows)), "validation_share": 0.0},
    )  # fmt: skip
    asked = "This sentence is travel"
    for name_texts in (0, 4):
        run = train(few.with_values(data={"name_texts": name_texts}), tmp_path / f"{name_texts}")
        said = Predictor.load(run)([asked])
        assert (said.labels[int(said.probabilities[0].argmax())] == "travel") == bool(name_texts)
