"""Splits that keep equal texts, groups and class shares together; balancing and class weights."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from datasets import Dataset

from labkit.data._balance import balance, class_weights
from labkit.data._corpus import Corpus
from labkit.data._read import read
from labkit.data._split import split
from labkit.data._texts import normalise
from labkit.errors import DataError, RecipeError, UnknownName
from labkit.training import Recipe


def rows(texts: list[str], labels: list[Any] | None = None, prefix: str = "r", **columns: list[Any]) -> Dataset:
    table: dict[str, list[Any]] = {"row_id": [f"{prefix}{i}" for i in range(len(texts))], "text": texts, **columns}
    return Dataset.from_dict(table if labels is None else {**table, "label": labels})


def corpus(train: Dataset, multi_label: bool = False, **splits: Dataset) -> Corpus:
    found = (
        {label for cell in train["label"] for label in (cell if multi_label else [cell]) if label is not None}
        if ("label" in train.column_names)
        else set()
    )
    return Corpus(splits={"train": train, **splits}, labels=tuple(sorted(found)), multi_label=multi_label)


def ids(data: Corpus) -> dict[str, set[str]]:
    return {name: set(part["row_id"]) for name, part in data.splits.items()}


def texts_of(data: Corpus) -> dict[str, set[str]]:
    return {name: {normalise(text) for text in part["text"]} for name, part in data.splits.items()}


def sorted_by_class(sizes: dict[str, int]) -> Dataset:
    labels = [label for label, size in sizes.items() for _ in range(size)]
    return rows([f"text {i} of {label}" for i, label in enumerate(labels)], labels)


@pytest.mark.parametrize("seed", range(4))
def test_a_file_sorted_by_class_is_no_trap(seed):
    sizes = {"a": 500, "b": 300, "c": 150, "d": 50}
    data = split(corpus(sorted_by_class(sizes)), seed=seed)
    assert data.rows == {"train": 700, "validation": 100, "test": 200}
    for name, share in (("train", 0.7), ("validation", 0.1), ("test", 0.2)):
        assert Counter(data[name]["label"]) == {label: round(size * share) for label, size in sizes.items()}


def test_no_row_is_lost_and_files_keep_their_order():
    source = sorted_by_class({"a": 30, "b": 30})
    data = split(corpus(source))
    parts = ids(data)
    assert set().union(*parts.values()) == set(source["row_id"]) and sum(map(len, parts.values())) == 60
    for part in data.splits.values():
        numbers = [int(row_id[1:]) for row_id in part["row_id"]]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize("by", ["stratified", "random"])
def test_the_order_of_the_file_does_not_matter_but_the_seed_does(by):
    source = sorted_by_class({"a": 80, "b": 40, "c": 7})
    order = list(range(len(source)))
    random.Random(1).shuffle(order)
    first = ids(split(corpus(source), by=by))
    assert first == ids(split(corpus(source), by=by))
    assert first == ids(split(corpus(source.select(order)), by=by))
    assert first != ids(split(corpus(source), by=by, seed=1))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("by", ["stratified", "random"])
def test_equal_texts_never_fall_on_both_sides(seed, by):
    r = random.Random(seed)
    spell = [str.upper, str.title, lambda t: f"  {t}\n", str]
    texts = [r.choice(spell)(f"text {int(r.paretovariate(0.8)) % 150}") for _ in range(600)]
    labels = [r.choice("aaab") for _ in texts]  # equal texts with different labels, too
    data = split(corpus(rows(texts, labels)), by=by, seed=seed)
    sides = list(texts_of(data).values())
    assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]
    assert sum(data.rows.values()) == 600 and all(data.rows.values())


def test_equal_pairs_stay_together_but_half_equal_ones_need_not():
    pairs = [(f"t{i % 40}", f"p{i % 8}") for i in range(400)]
    data = split(corpus(rows([a for a, _ in pairs], ["x", "y"] * 200, text_pair=[b for _, b in pairs])))
    seen = [set(zip(part["text"], part["text_pair"], strict=True)) for part in data.splits.values()]
    assert not seen[0] & seen[1] and not seen[0] & seen[2] and not seen[1] & seen[2]


@pytest.mark.parametrize("seed", range(4))
def test_groups_stay_on_one_side_and_sizes_are_kept_all_the_same(seed):
    r = random.Random(seed)
    authors = [f"u{int(r.paretovariate(0.9)) % 120}" for _ in range(2000)]
    labels = [r.choice("aab") for _ in authors]
    data = split(corpus(rows([f"t{i % 1997}" for i in range(2000)], labels, author=authors)), group="author", seed=seed)
    for key in ("author", "text"):
        sides = [set(part[key]) for part in data.splits.values()]
        assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]
    assert data.rows["test"] == pytest.approx(400, rel=0.1) and data.rows["validation"] == pytest.approx(200, rel=0.15)
    share = {name: Counter(part["label"])["a"] / len(part) for name, part in data.splits.items()}
    assert max(share.values()) - min(share.values()) < 0.06
    assert data.config.group == "author"


@pytest.mark.parametrize("seed", range(3))
def test_many_groups_of_one_class_each_keep_sizes_and_classes(seed):
    drawn = random.Random(seed)
    labels, authors = [], []
    for author in range(60):
        count, label = drawn.randint(15, 35), drawn.choice("abc")
        labels += [label] * count
        authors += [author] * count
    texts = [f"t{i}" for i in range(len(labels))]
    whole = Counter(labels)
    data = split(corpus(rows(texts, labels, author=authors)), validation=0.25, test=0.25, group="author", seed=seed)
    for name, share in (("train", 0.5), ("validation", 0.25), ("test", 0.25)):
        part = data[name]
        assert len(part) == pytest.approx(share * len(labels), rel=0.04), name
        for label, count in Counter(part["label"]).items():
            assert count == pytest.approx(share * whole[label], rel=0.2), (name, label)


@pytest.mark.parametrize("labels", ["a", "abc"])
def test_small_splits_are_not_made_of_the_largest_groups(labels):
    sizes = {"train": [], "test": []}
    for seed in range(12):
        drawn = random.Random(seed)
        authors = [author for author in range(49) for _ in range(min(12, int(drawn.paretovariate(1.0))))]
        mixed = [drawn.choice(labels) for _ in authors]
        data = split(
            corpus(rows([f"t{i}" for i in range(len(authors))], mixed, author=authors)), group="author", seed=seed
        )
        for name, found in sizes.items():
            found += Counter(data[name]["author"]).values()
    mean = {name: sum(found) / len(found) for name, found in sizes.items()}
    assert mean["test"] == pytest.approx(mean["train"], rel=0.15), mean


def test_rows_without_a_group_are_free():
    data = split(corpus(rows([f"t{i}" for i in range(100)], ["a", "b"] * 50, who=[None] * 100)), group="who")
    assert data.rows == {"train": 70, "validation": 10, "test": 20}


def test_one_giant_group_is_trained_on_and_the_rest_shared_out():
    who = ["giant"] * 900 + [f"u{i}" for i in range(100)]
    data = split(corpus(rows([f"t{i}" for i in range(1000)], ["a", "b"] * 500, who=who)), group="who")
    assert "giant" in set(data["train"]["who"])
    assert data.rows["test"] == pytest.approx(67, abs=4) and data.rows["validation"] == pytest.approx(33, abs=4)
    assert "900 rows hang together" in data.steps[-1].text


def test_few_large_groups_fill_every_split():
    data = split(
        corpus(rows([f"t{i}" for i in range(30)], ["a", "b"] * 15, who=[i // 10 for i in range(30)])), group="who"
    )
    assert data.rows == {"train": 10, "validation": 10, "test": 10}


def test_many_small_classes_do_not_inflate_the_test_set():
    labels = [f"c{i % 1000}" for i in range(3000)] + ["big"] * 1000
    data = split(corpus(rows([f"t{i}" for i in range(4000)], labels)))
    assert data.rows == {"train": 2800, "validation": 400, "test": 800}
    assert Counter(data["test"]["label"])["big"] == 200
    assert set(data["train"]["label"]) == set(labels)


def test_a_class_with_a_single_text_goes_to_train_and_the_step_says_so():
    texts, labels = [f"t{i}" for i in range(100)], ["a", "b"] * 50
    data = split(corpus(rows([*texts, "only", "twin", "TWIN"], [*labels, "lone", "twins", "twins"])))
    assert {"lone", "twins"} <= set(data["train"]["label"])
    assert "'lone', 'twins'" in data.steps[-1].text


@pytest.mark.parametrize("seed", range(3))
def test_several_labels_are_stratified_better_than_at_random(seed):
    r = random.Random(seed)
    names = [f"l{j}" for j in range(30)]
    labels = [[name for j, name in enumerate(names) if r.random() < 1 / (j + 2)] for _ in range(1000)]
    total = Counter(label for row in labels for label in row)

    def drift(by: Any) -> float:
        part = split(corpus(rows([f"t{i}" for i in range(1000)], labels), multi_label=True), by=by, seed=seed)["test"]
        counts = Counter(label for row in part["label"] for label in row)
        return sum(abs(counts[name] / total[name] - 0.2) for name in total) / len(total)

    assert drift("stratified") < 0.02 < drift("random")
    data = split(corpus(rows([f"t{i}" for i in range(1000)], labels), multi_label=True), seed=seed)
    assert data.rows["test"] == pytest.approx(200, abs=8) and data.rows["validation"] == pytest.approx(100, abs=8)


def test_given_splits_stay_and_only_the_missing_one_is_carved():
    test = rows(["x", "text 1 of a"], ["a", "b"], "t")
    data = split(corpus(sorted_by_class({"a": 50, "b": 50}), test=test))
    assert data.rows == {"train": 90, "validation": 10, "test": 2} and data["test"] is test
    assert "Kept test as given" in data.steps[-1].text and data.steps[-1].counts == {"validation": 10}
    assert list(data.splits) == ["train", "validation", "test"]
    whole = split(corpus(sorted_by_class({"a": 5}), validation=test, test=test), validation=0.9, test=0.9)
    assert whole.rows["train"] == 5


def test_what_was_done_is_recorded():
    data = split(corpus(sorted_by_class({"a": 50, "b": 50})), validation=0.2, test=0, by="random", seed=7)
    c = data.config
    assert (c.validation_share, c.test_share, c.split_by, c.group, c.split_seed) == (0.2, 0, "random", "", 7)
    assert data.steps[-1].name == "split" and "test" not in data


def test_unlabelled_rows_are_split_at_random():
    data = split(corpus(rows([f"t{i}" for i in range(50)])))
    assert data.rows == {"train": 35, "validation": 5, "test": 10} and "no labels" in data.steps[-1].text


def test_rows_without_a_label_and_empty_texts_are_spread_like_a_class():
    data = split(corpus(rows([""] * 100 + [f"t{i}" for i in range(100)], [None] * 100 + ["a", "b"] * 50)))
    assert Counter(data["test"]["label"]) == {None: 20, "a": 10, "b": 10}


@pytest.mark.parametrize(
    "shares", [{"test": 1.0}, {"validation": -0.1}, {"test": 0.6, "validation": 0.4}, {"test": 20}]
)
def test_impossible_shares(shares):
    with pytest.raises(DataError, match="share"):
        split(corpus(sorted_by_class({"a": 10})), **shares)


def test_too_few_texts():
    with pytest.raises(DataError, match="at least 3 different texts"):
        split(corpus(rows(["x", "X", "y"], ["a", "a", "b"])))
    assert split(corpus(rows(["x", "y", "z"], ["a", "a", "b"]))).rows == {"train": 1, "validation": 1, "test": 1}


def test_unknown_names_and_missing_train():
    data = corpus(sorted_by_class({"a": 10}))
    with pytest.raises(UnknownName, match="row_id, text, label"):
        split(data, group="author")
    with pytest.raises(UnknownName, match="stratified"):
        split(data, by="stratify")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="training rows"):
        split(Corpus(splits={"test": rows(["x"])}))


def test_splitting_twice_is_refused():
    with pytest.raises(DataError, match="not split yet"):
        split(split(corpus(sorted_by_class({"a": 20}))))


# --- balance and weights ----------------------------------------------------------------------------------------------


@pytest.fixture
def uneven() -> Corpus:
    return split(corpus(sorted_by_class({"a": 100, "b": 40, "c": 10})), seed=3)


def test_oversampling_copies_rows_of_train_evenly(uneven):
    data = balance(uneven, "oversample")
    assert Counter(data["train"]["label"]) == {"a": 70, "b": 70, "c": 70}
    copies = Counter(data["train"]["row_id"])
    assert set(copies) == set(uneven["train"]["row_id"])
    for label, size in (("a", 70), ("b", 28), ("c", 7)):
        counts = {
            copies[row]
            for row, of in zip(uneven["train"]["row_id"], uneven["train"]["label"], strict=True)
            if of == label
        }
        assert counts <= {70 // size, -(-70 // size)}
    assert ids(data)["test"] == ids(uneven)["test"] and len(data["validation"]) == len(uneven["validation"])
    assert data.config.balance == "oversample" and data.config.split_seed == 3
    assert data.steps[-1].counts == {"train": 105} and not ids(data)["train"] & ids(data)["test"]


def test_undersampling_leaves_rows_out_by_seed(uneven):
    data = balance(uneven, "undersample")
    assert Counter(data["train"]["label"]) == {"a": 7, "b": 7, "c": 7}
    assert ids(data) == ids(balance(uneven, "undersample", seed=3))
    given = corpus(sorted_by_class({"a": 100, "b": 10}), test=rows(["x"], ["a"]))
    assert ids(balance(given, "undersample", seed=1)) != ids(balance(given, "undersample", seed=2))
    assert balance(given, "undersample", seed=2).config.split_seed == 2


def test_rows_without_a_label_stay_when_balancing():
    given = corpus(rows(["x", "y", "z", "q"], ["a", "a", "b", None]), test=rows(["t"], ["a"]))
    assert Counter(balance(given, "oversample")["train"]["label"]) == {"a": 2, "b": 2, None: 1}


def test_balance_none_changes_nothing(uneven):
    assert balance(uneven, "none") is uneven


def test_balancing_is_refused_where_it_would_mislead(uneven):
    with pytest.raises(DataError, match="Call split"):
        balance(corpus(sorted_by_class({"a": 9, "b": 2})), "oversample")
    with pytest.raises(DataError, match="class_weights"):
        balance(split(corpus(rows(list("uvwxyz"), [["a"]] * 6), multi_label=True)), "oversample")
    with pytest.raises(DataError, match="not balanced yet"):
        balance(balance(uneven, "oversample"), "oversample")
    with pytest.raises(DataError, match="seed of the split"):
        balance(uneven, "oversample", seed=4)
    with pytest.raises(UnknownName, match="undersample"):
        balance(uneven, "smote")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="labelled rows"):
        balance(split(corpus(rows(list("uvwxyz")))), "oversample")


def test_spans_are_not_sent_to_weights_that_their_task_refuses(tmp_path):
    file = tmp_path / "spans.jsonl"
    spans = [{"start": 0, "end": 4, "label": "food"}]
    file.write_text("".join(json.dumps({"text": f"soup {i}", "spans": spans}) + "\n" for i in range(20)), "utf-8")
    with pytest.raises(DataError, match=r"technique\.loss = 'focal'") as caught:
        balance(split(read(file, layout="spans")), "oversample")
    assert "class_weights" not in str(caught.value)
    with pytest.raises(RecipeError, match="class_weights"):
        Recipe.from_dict({"task": "token-classification", "technique": {"class_weights": True}})
    assert Recipe.from_dict({"task": "token-classification", "technique": {"loss": "focal"}})


def test_class_weights_are_those_of_scikit_learn_and_average_to_one(uneven):
    import numpy as np
    from sklearn.utils.class_weight import compute_class_weight

    labels = list(uneven["train"]["label"])
    weights = class_weights(uneven)
    expected = compute_class_weight("balanced", classes=np.array(["a", "b", "c"]), y=np.array(labels))
    assert list(weights) == ["a", "b", "c"] and list(weights.values()) == pytest.approx(list(expected))
    assert sum(weights[label] for label in labels) / len(labels) == pytest.approx(1)
    assert set(class_weights(balance(uneven, "oversample")).values()) == {1.0}


def test_class_weights_of_several_labels_are_capped():
    tags = [["often", "always"]] * 50 + [["always"]] * 149 + [["rare", "always"]] + [None]
    data = Corpus(
        splits={"train": rows([f"t{i}" for i in range(201)], tags)},
        labels=("always", "often", "rare", "test only"),
        multi_label=True,
    )
    assert class_weights(data) == {"always": 0.01, "often": 3.0, "rare": 100.0, "test only": 1.0}


def test_class_weights_need_labels():
    with pytest.raises(DataError, match="labelled rows"):
        class_weights(corpus(rows(["x"])))
