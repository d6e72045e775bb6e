"""The order of the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import toy_recipe, toy_rows, write_csv

from labkit.training import train
from labkit.training._batches import Batches

SKEWED = np.random.default_rng(0).geometric(0.05, 5000).clip(3, 200)


def padding(batches: list[list[int]]) -> int:
    return sum(int((SKEWED[rows].max() - SKEWED[rows]).sum()) for rows in batches)


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize(("rows", "size"), [(1, 8), (8, 8), (9, 8), (1000, 7), (5000, 32)])
def test_every_row_comes_once_an_epoch(grouped: bool, rows: int, size: int) -> None:
    batches = Batches(SKEWED[:rows], size, 0, grouped=grouped)
    listed = list(batches)
    assert len(listed) == len(batches) == -(-rows // size)
    assert sorted(at for batch in listed for at in batch) == list(range(rows))
    assert all(0 < len(batch) <= size for batch in listed)
    assert sum(len(batch) < size for batch in listed) <= 1, "one batch at most is not full"


@pytest.mark.parametrize("grouped", [True, False])
def test_the_order_depends_on_seed_and_epoch_alone(grouped: bool) -> None:
    one, other = Batches(SKEWED, 32, 5, grouped=grouped), Batches(SKEWED, 32, 5, grouped=grouped)
    other.set_epoch(3)
    list(other)  # passes before do not matter, nor does the state of any generator
    np.random.seed(1)
    one.set_epoch(2)
    other.set_epoch(2)
    assert list(one) == list(other) == list(one)


@pytest.mark.parametrize("grouped", [True, False])
def test_epochs_and_seeds_differ(grouped: bool) -> None:
    batches = Batches(SKEWED, 32, 5, grouped=grouped)
    first = list(batches)
    batches.set_epoch(1)
    second = list(batches)
    assert first != second
    assert {frozenset(rows) for rows in first}.isdisjoint({frozenset(rows) for rows in second}), "rows meet other rows"
    assert first != list(Batches(SKEWED, 32, 6, grouped=grouped))


def test_grouping_by_length_saves_padding() -> None:
    grouped, random = list(Batches(SKEWED, 32, 0)), list(Batches(SKEWED, 32, 0, grouped=False))
    assert padding(grouped) < 0.6 * padding(random)


def test_batches_are_not_of_one_length_only() -> None:
    """Texts of the same length are alike in other ways: a batch of nothing else is a poor sample."""
    short = [rows for rows in Batches(SKEWED, 32, 0) if np.median(SKEWED[rows]) < 10]
    assert np.mean([len(set(SKEWED[rows])) for rows in short]) > 8


def test_lengths_come_in_no_order() -> None:
    longest = np.array([SKEWED[rows].max() for rows in Batches(SKEWED, 32, 0)])
    ranks = longest.argsort().argsort()
    assert abs(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1]) < 0.3


@pytest.mark.parametrize("grouped", [True, False])
def test_balanced_batches_draw_every_class_alike(grouped: bool) -> None:
    classes = np.array([7] * 4400 + [2] * 500 + [5] * 100)
    batches = Batches(SKEWED, 32, 0, grouped=grouped, classes=classes)
    drawn = []
    for epoch in range(3):
        batches.set_epoch(epoch)
        listed = list(batches)
        rows = [at for batch in listed for at in batch]
        assert len(listed) == len(batches) and len(rows) == 5000, "an epoch is as long as without"
        shares = [np.mean(classes[rows] == one) for one in (7, 2, 5)]
        assert shares == pytest.approx([1 / 3] * 3, abs=0.03)  # 4.5 standard deviations
        assert listed == list(batches), "the same in the same epoch"
        drawn.append(rows)
    assert drawn[0] != drawn[1] != drawn[2]
    rare = {at for at in drawn[0] if classes[at] == 5}
    assert len(rare) == 100, "within a class all rows come"


@pytest.mark.parametrize("trainable", ["all", "head"])
def test_a_recipe_asks_for_balanced_batches(
    trainable: str, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Batches] = []
    begin = Batches.__init__

    def note(self: Batches, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        seen.append(self)

    monkeypatch.setattr(Batches, "__init__", note)
    rows = [row for i, row in enumerate(toy_rows(90)) if row["topic"] != "food" or i < 45]
    path = write_csv(tmp_path / "rows.csv", rows)
    recipe = toy_recipe(path, toy_model, technique={"trainable": trainable}, budget={"max_steps": 1})
    train(recipe, tmp_path / "plain")
    assert [one.chances for one in seen] == [None]
    train(recipe.with_values(data={"balance": "batches"}), tmp_path / "balanced")
    chances = seen[1].chances
    assert chances is not None and chances.sum() == pytest.approx(1) and len(set(chances.round(6))) == 2
    rare = chances == chances.max()
    assert chances[rare].sum() == pytest.approx(1 / 3), "the smaller class has its third"
