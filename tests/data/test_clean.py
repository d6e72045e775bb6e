"""Each repair on a planted case: what it touches, what it counts, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import datasets
import pytest
from datasets import Dataset

from labkit.data import _clean
from labkit.data._check import check
from labkit.data._clean import REPAIRS, clean
from labkit.data._corpus import Corpus
from labkit.data._split import split
from labkit.errors import DataError, UnknownName


def rows(texts: list[str | None], labels: list[Any] | None = None, prefix: str = "r", **columns: list[Any]) -> Dataset:
    table: dict[str, list[Any]] = {"row_id": [f"{prefix}{i}" for i in range(len(texts))], "text": texts, **columns}
    return Dataset.from_dict(table if labels is None else {**table, "label": labels})


def corpus(multi_label: bool = False, labels: tuple[str, ...] = ("a", "b"), **splits: Dataset) -> Corpus:
    return Corpus(splits=splits, labels=labels, multi_label=multi_label)


def ids(data: Corpus, name: str = "train") -> list[str]:
    return list(data[name]["row_id"])


def test_repairs_are_counted_and_recorded_in_order():
    data = corpus(train=rows([" x ", "", "x"], ["a", "b", "a"]), test=rows(["y "], ["b"], "t"))
    done = clean(data, "strip_whitespace", ["drop_empty", "drop_duplicates"])
    assert [(s.name, dict(s.counts)) for s in done.steps] == [
        ("strip_whitespace", {"train": 1, "test": 1}),
        ("drop_empty", {"train": 1, "test": 0}),
        ("drop_duplicates", {"train": 1, "test": 0}),
    ]
    assert done.config.repairs == ("strip_whitespace", "drop_empty", "drop_duplicates")
    assert ids(done) == ["r0"] and done["train"]["text"][0] == "x" and done["test"]["text"][0] == "y"
    assert data["train"]["text"][0] == " x " and data.steps == ()  # what came in is as it was
    assert clean(done, "fix_mojibake").config.repairs[-1] == "fix_mojibake"


def test_nothing_to_do_is_a_step_too_and_no_name_is_no_step():
    data = corpus(train=rows(["x"], ["a"]))
    assert dict(clean(data, "drop_empty").steps[0].counts) == {"train": 0}
    assert clean(data) is data and clean(data, []) is data


@pytest.mark.parametrize("name", ["drop_emty", "balance", ""])
def test_unknown_repair_lists_the_known_ones(name):
    with pytest.raises(UnknownName, match="drop_empty"):
        clean(corpus(train=rows(["x"], ["a"])), name)


def test_no_repair_is_made_when_one_of_the_names_is_unknown():
    with pytest.raises(UnknownName):
        clean(corpus(train=rows([""], ["a"])), "drop_empty", "nonsense")


def test_cleaning_after_the_split_is_refused():
    done = split(corpus(train=rows([f"t{i}" for i in range(20)], ["a", "b"] * 10)))
    with pytest.raises(DataError, match="Clean first"):
        clean(done, "drop_empty")


def test_a_repair_that_leaves_nothing_is_refused():
    with pytest.raises(DataError, match="rows left in test"):
        clean(corpus(train=rows(["x"], ["a"]), test=rows([""], ["a"])), "drop_empty")


def test_texts_change_on_both_sides_of_a_pair_and_nothing_else_does():
    data = corpus(train=rows(["cafÃ©", None], ["a", "b"], text_pair=["itâ€™s", "ok"], extra=["cafÃ©", "e"], n=[1, 2]))
    done = clean(data, "fix_mojibake")
    assert done["train"][0] == {
        "row_id": "r0",
        "text": "café",
        "text_pair": "it’s",
        "extra": "cafÃ©",
        "n": 1,
        "label": "a",
    }
    assert done["train"][1]["text"] is None
    assert done["train"].features == data["train"].features and done.steps[0].counts == {"train": 1}


@pytest.mark.parametrize(
    "repair, text, repaired",
    [
        ("strip_markup", "so <b>good</b>ly<br /><br />done &amp; &lt;3", "so goodly done & <3"),
        ("fix_mojibake", "naÃ¯ve â€“ I\x92m", "naïve – I’m"),
        ("strip_control", "a\u200bb\x00\u202e c\x0bd\ufeff", "ab c d"),
        ("strip_whitespace", "\u00a0 x y\n", "x y"),
    ],
)
def test_text_repairs(repair, text, repaired):
    done = clean(corpus(train=rows([text, "fine"], ["a", "b"])), repair)
    assert list(done["train"]["text"]) == [repaired, "fine"] and done.steps[0].counts == {"train": 1}
    assert clean(done, repair).steps[1].counts == {"train": 0}


def test_drop_empty():
    data = corpus(train=rows(["x", "", " \u200b", None, "y"], list("ababa")))
    assert ids(clean(data, "drop_empty")) == ["r0", "r4"]


def test_drop_very_long():
    data = corpus(train=rows(["x", "y" * 20_001, "z" * 20_000], list("aba")))
    assert ids(clean(data, "drop_very_long")) == ["r0", "r2"]


def test_drop_unlabelled_and_the_labels_that_are_left():
    done = clean(corpus(train=rows(["x", "y", "z"], ["b", None, "a"])), "drop_unlabelled")
    assert ids(done) == ["r0", "r2"] and done.labels == ("a", "b")
    tagged = corpus(multi_label=True, train=rows(["x", "y", "z"], [["a"], None, []]))
    assert ids(clean(tagged, "drop_unlabelled")) == ["r0", "r2"]


def test_merge_label_variants_into_the_most_frequent_spelling():
    data = corpus(
        labels=("Ham", "Spam", "spam", "spam "),
        train=rows(list("tuvwxyz"), ["spam ", "spam ", "Spam", "spam", "spam", "spam", None]),
        test=rows(list("pq"), ["Spam", "Ham"], "t"),
    )
    done = clean(data, "merge_label_variants")
    assert list(done["train"]["label"]) == ["spam"] * 6 + [None] and list(done["test"]["label"]) == ["spam", "Ham"]
    assert done.labels == ("Ham", "spam") and done.steps[0].counts == {"train": 3, "test": 1}
    assert "'Spam' → 'spam'" in done.steps[0].text


def test_merging_tags_leaves_each_of_them_once():
    data = corpus(multi_label=True, labels=("A", "a", "b"), train=rows(["x", "y"], [["a", "A", "b"], ["a"]]))
    done = clean(data, "merge_label_variants")
    assert list(done["train"]["label"]) == [["a", "b"], ["a"]] and done.labels == ("a", "b")


def test_keep_majority_label_drops_the_outvoted_and_the_tied():
    data = corpus(train=rows(["s", "S", "s ", "t", "T", "u"], ["a", "a", "b", "a", "b", "b"]))
    assert ids(clean(data, "keep_majority_label")) == ["r0", "r1", "r5"]
    assert ids(clean(data, "drop_conflicts")) == ["r5"]


def test_drop_duplicates_keeps_the_first_of_each_split_and_different_labels():
    data = corpus(
        train=rows(["s", "S ", "s", "t"], ["a", "a", "b", "a"]), test=rows(["s", "t", "t"], ["a", "a", "a"], "t")
    )
    done = clean(data, "drop_duplicates")
    assert ids(done) == ["r0", "r2", "r3"] and ids(done, "test") == ["t0", "t1"]


def test_pairs_are_equal_only_in_both_texts():
    data = corpus(train=rows(["s", "s", "x y"], ["a"] * 3, text_pair=["p", "q", "z"]))
    assert len(clean(data, "drop_duplicates")["train"]) == 3
    swapped = corpus(train=rows(["a b", "a"], ["a"] * 2, text_pair=["c", "b c"]))
    assert len(clean(swapped, "drop_duplicates")["train"]) == 2


def test_drop_shared_never_touches_test():
    data = corpus(
        train=rows(["s", "t", "u"], list("aba")),
        validation=rows(["S", "T", "v"], list("aba"), "v"),
        test=rows(["s", "w"], list("ab"), "t"),
    )
    done = clean(data, "drop_shared")
    assert (ids(done), ids(done, "validation"), ids(done, "test")) == (["r2"], ["v1", "v2"], ["t0", "t1"])
    assert "shared_between_splits" not in check(done)


def test_drop_small_classes_and_unseen_labels():
    data = corpus(
        labels=("a", "b", "new", "one"),
        train=rows(list("vwxyz"), ["a", "a", "b", "b", "one"]),
        test=rows(list("pqr"), ["a", "new", "new"], "t"),
    )
    small = clean(data, "drop_small_classes")
    assert ids(small) == ["r0", "r1", "r2", "r3"] and small.labels == ("a", "b", "new")
    assert ids(clean(data, "drop_unseen_labels"), "test") == ["t0"]


def test_every_repair_says_what_it_does_and_runs_on_unlabelled_rows():
    data = corpus(labels=(), train=rows(["x", "y"]))
    for name, repair in REPAIRS.items():
        assert repair.__doc__ and repair.__doc__.endswith((".", ".\n    "))
        if name != "drop_unlabelled":
            assert ids(clean(data, name)) == ["r0", "r1"]


def test_selected_rows_are_repaired_in_their_order():
    picked = rows(["a ", "b", "c ", ""], list("abab")).select([3, 2, 0])
    done = clean(corpus(train=picked), "drop_empty", "strip_whitespace")
    assert ids(done) == ["r2", "r0"] and list(done["train"]["text"]) == ["c", "a"]


def test_large_splits_go_through_the_cache_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(_clean, "_IN_MEMORY", 1)
    rows([" x", "y ", "z"], list("aba")).save_to_disk(str(tmp_path / "data"))
    mapped = datasets.load_from_disk(str(tmp_path / "data"))
    done = clean(corpus(train=mapped), "strip_whitespace")
    assert list(done["train"]["text"]) == ["x", "y", "z"] and done["train"].cache_files
    assert list(mapped["text"]) == [" x", "y ", "z"]


@pytest.mark.parametrize("shown", [True, False])
def test_progress_bars_stay_as_they_were(shown, capsys):
    before = datasets.are_progress_bars_disabled()
    (datasets.enable_progress_bars if shown else datasets.disable_progress_bars)()
    try:
        clean(corpus(train=rows([" x"], ["a"])), "strip_whitespace")
        assert datasets.are_progress_bars_disabled() is not shown and "Map" not in capsys.readouterr().err
    finally:
        (datasets.disable_progress_bars if before else datasets.enable_progress_bars)()
