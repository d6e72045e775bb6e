"""Rows whose label is a number on a scale: found, read, checked, repaired and split as such."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labkit.data import (
    Corpus,
    Journal,
    Table,
    apply,
    balance,
    check,
    class_weights,
    clean,
    load,
    read,
    split,
)
from labkit.data._layouts.score_findings import usual_range
from labkit.errors import DataError
from labkit.evaluation import out_of_sample


def rows(scores: list[Any], name: str = "similarity", *, pairs: bool = True) -> list[dict[str, Any]]:
    """A row a score, with different texts."""
    some = [{"sentence1": f"the red bird {i}", "sentence2": f"a blue bird {i}", name: s} for i, s in enumerate(scores)]
    return some if pairs else [{"text": row["sentence1"], name: row[name]} for row in some]


def scale(count: int = 60, seed: int = 0) -> list[float]:
    """Scores from 0 to 5 with one decimal place."""
    chooser = random.Random(seed)
    return [round(5 * chooser.random(), 1) for _ in range(count)]


def labels(corpus: Corpus) -> list[float | None]:
    return list(corpus["train"]["label"][:])


# --- found --------------------------------------------------------------------------------------------------------------


def test_a_similarity_of_two_sentences_is_a_score() -> None:
    given = scale()
    corpus = read(rows(given))
    assert corpus.scores and corpus.paired and corpus.labelled and corpus.labels == () and not corpus.multi_label
    assert labels(corpus) == given and str(corpus["train"].features["label"].dtype) == "float64"
    (why,) = [reason for reason in corpus.reasons if "scores" in reason]
    assert why == (
        "'similarity' is read as scores, numbers to come close to: its values are numbers with fractions. "
        "For classes say scores=False."
    )
    assert "60; scores" in repr(corpus)


@pytest.mark.parametrize(
    ("name", "values", "scores"),
    [
        ("label", [0.5, 1.0, 1.5], True),  # fractions
        ("rating", [3.5, 4, 5, 4.5], True),
        ("score", list(range(40)), True),  # named like a score, with many whole numbers
        ("score", [1, 2, 3, 4, 5] * 8, False),  # few of them: classes
        ("label", list(range(40)), False),  # 40 classes by number
        ("label", [0.0, 1.0, 2.0] * 9, False),
        ("stars", ["1", "2", "3", "4", "5"] * 8, False),
        ("label", ["0.5", "1.5"] * 9, False),  # two values are two classes
        ("version", ["1.2", "1.3", "2.0"] * 9, None),  # refused: named like something else
    ],
)
def test_which_numbers_are_scores(name: str, values: list[Any], scores: bool | None) -> None:
    data = rows(values, name, pairs=False)
    if scores is None:
        with pytest.raises(DataError, match="label column"):
            read(data)
        return
    assert read(data).scores is scores


@pytest.mark.parametrize("asked", [True, False])
def test_what_is_asked_for_decides(asked: bool) -> None:
    stars = read(rows([1, 2, 3, 4, 5] * 8, "stars", pairs=False), scores=asked)
    assert stars.scores is asked and stars.config.scores is asked
    assert stars.labels == (() if asked else ("1", "2", "3", "4", "5"))
    halves = read(rows([0.5, 1.0, 1.5] * 8, "label", pairs=False), scores=asked)
    assert halves.scores is asked
    assert halves.labels == (() if asked else ("0.5", "1", "1.5"))


def test_classes_that_look_like_ratings_say_how_to_get_scores() -> None:
    corpus = read(rows([1, 2, 3, 4, 5] * 8, "stars", pairs=False))
    assert any("read as classes (5 different whole numbers)" in r and "scores=True" in r for r in corpus.reasons)


def test_any_column_of_numbers_can_be_asked_for() -> None:
    data = rows([i / 7 for i in range(40)], "weight", pairs=False)
    with pytest.raises(DataError, match=r"numbers with fractions.*so named is read as scores"):
        read(data)
    assert read(data, label="weight").scores
    assert read(data, scores=True).config.label == ("weight",)


def test_a_class_beside_a_number_is_the_label_of_a_text_and_the_number_that_of_a_pair() -> None:
    given = scale(30)
    both = [{**row, "genre": "news" if i % 2 else "forum"} for i, row in enumerate(rows(given, "score"))]
    assert read(both).config.label == ("score",), "as in the STS benchmark"
    single = [{"text": row["sentence1"], "score": row["score"], "genre": row["genre"]} for row in both]
    assert read(single).config.label == ("genre",)
    stars = [{"text": row["sentence1"], "score": row["score"], "rating": i % 5} for i, row in enumerate(both)]
    assert read(stars).config.label == ("rating",)


def test_the_config_leads_to_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("text;rating\n" + "".join(f"a good text {i};{i % 7},5\n" for i in range(40)), encoding="utf-8")
    corpus = read(path)
    assert corpus.config.scores is True and corpus.config.delimiter == ";"
    again = load(split(corpus).config)
    assert again.scores and again.rows == {"train": 28, "validation": 4, "test": 8}
    assert sorted(s for part in again.splits.values() for s in part["label"][:]) == sorted(labels(corpus))


@pytest.mark.parametrize(
    "beside", [{"multi_label": True}, {"label_separator": "|"}, {"label": ["similarity", "other"]}], ids=str
)
def test_scores_and_several_labels_do_not_go_together(beside: dict[str, Any]) -> None:
    data = [{**row, "other": 1.0} for row in rows(scale())]
    with pytest.raises(DataError, match="one number a row, as scores=True says"):
        read(data, scores=True, **beside)
    with pytest.raises(DataError, match='layout="labels" beside scores=True'):
        read(data, scores=True, layout="spans")


# --- cells --------------------------------------------------------------------------------------------------------------


def test_decimal_commas(tmp_path: Path) -> None:
    path = tmp_path / "noten.csv"
    path.write_text(
        "text;score\n" + "ein Satz;3,5\nnoch ein Satz;0,25\nund einer;4\nder letzte;−1,0\n", encoding="utf-8"
    )
    corpus = read(path)
    assert labels(corpus) == [3.5, 0.25, 4.0, -1.0]
    assert any("3 scores with a decimal comma: '3,5' in line 2." in reason for reason in corpus.reasons)


def test_a_comma_between_thousands_is_not_taken_for_a_decimal_one() -> None:
    corpus = read(rows(["3.5", "2,5", "1,234", *map(str, scale(20))]))
    assert labels(corpus)[:3] == [3.5, 2.5, None]
    assert "'1,234' in line 3" in " ".join(corpus.reasons)
    assert labels(read(rows(["1,234", "2,500", "0,125", "0,5"])))[0] == 1.234, "without any point it is a decimal comma"


def test_cells_without_a_number_are_named_with_row_and_column() -> None:
    corpus = read(rows([*map(str, scale(40)), "", "nan", "N/A", None, "good", "inf"]))
    assert labels(corpus)[40:] == [None] * 6
    said = " ".join(corpus.reasons)
    assert "4 of 46 rows have no score" in said
    assert "column 'similarity': 2 cells are no numbers: 'good' in line 45, 'inf' in line 46" in said
    report = check(corpus)
    assert report.finding("unreadable_score").count == 2 and report.finding("missing_score").count == 4
    assert "'good', 'inf'" in report.finding("unreadable_score").text
    assert clean(corpus, report.repairs).rows["train"] == 40


def test_words_instead_of_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="'good' and its like") as caught:
        read(rows(["good", "bad", "3.5"]), label="similarity", scores=True)
    assert caught.value.column == "similarity"
    with pytest.raises(DataError, match=r"line \d.*'similarity'.*scores=False"):
        read({"train": rows(scale()), "test": rows(["x", "y", "1.5"])})
    with pytest.raises(DataError, match="an empty cell in every row"):
        read(rows([None, "", "nan"]), label="similarity", scores=True)


def test_numbers_out_of_reach_are_no_scores() -> None:
    corpus = read(rows([*scale(40), float("inf"), 10**400, True]), scores=True)
    assert labels(corpus)[40:] == [None, None, None]


def test_data_without_scores_can_be_read_for_prediction() -> None:
    some = [{key: row[key] for key in ("sentence1", "sentence2")} for row in rows(scale(5))]
    corpus = read(some, scores=True, require_label=False)
    assert not corpus.labelled and corpus["train"].column_names == ["row_id", "text", "text_pair"]


# --- checked and repaired -----------------------------------------------------------------------------------------------


def test_check_says_what_the_scores_are_like() -> None:
    report = check(read(rows([0, 1, 2.5, 4, 5])))
    assert report.scores["train"]["count"] == 5 and report.scores["train"]["mean"] == 2.5
    assert "5 pairs of texts (train 5), scores from 0 to 5" in str(report)
    assert "scores of" in report.html() and report.to_dict()["scores"]["train"]["max"] == 5
    assert not report.findings


def test_texts_scored_twice() -> None:
    data = rows(scale(80))
    data += [{**data[0]}, {**data[1], "similarity": data[1]["similarity"] + 0.2}, {**data[2]}]
    data[2]["similarity"], data[-1]["similarity"] = 0.1, 4.9
    corpus = read(data)
    report = check(corpus)
    assert report.finding("exact_duplicates").count == 1 and report.finding("conflicting_scores").count == 2
    assert report.finding("repeated_scores").count == 2
    assert set(report.repairs) == {"drop_duplicates"}, "which of two scores is right, a person decides"
    assert clean(corpus, "drop_conflicts").rows["train"] == 81
    mean = clean(corpus, "average_scores")
    assert mean.rows["train"] == 80 and labels(mean)[2] == 2.5
    assert labels(mean)[1] == pytest.approx(data[1]["similarity"] + 0.1)
    assert not {"conflicting_scores", "repeated_scores", "exact_duplicates"} & {f.name for f in check(mean).findings}


def test_one_slip_does_not_hide_what_disagrees() -> None:
    data = rows(scale(80))
    data[0]["similarity"] = 900
    data.append({**data[1], "similarity": (data[1]["similarity"] + 2.5) % 5})
    assert check(read(data)).finding("conflicting_scores").count == 2


@pytest.mark.parametrize(("stray", "found"), [(45.0, True), (-1.0, True), (99.0, True), (5.2, False), (5.0, False)])
def test_scores_far_outside(stray: float, found: bool) -> None:
    report = check(read(rows([*scale(300), stray])))
    assert ("outlying_scores" in report) is found
    if found:
        assert report.finding("outlying_scores").count == 1
        assert "from 0 to 5" in report.finding("outlying_scores").text


def test_a_long_tail_has_no_strays() -> None:
    tail = np.random.default_rng(0).exponential(size=2000)
    assert usual_range(tail) == (tail.min(), tail.max())
    assert usual_range(np.array([1.0, 2.0, 3.0, 4.0, 5.0])) == (1.0, 5.0)
    assert usual_range(np.array([2.0])) == (2.0, 2.0)


def test_scores_that_do_not_differ() -> None:
    flat = check(read(rows([3.5] * 20), scores=True)).finding("constant_scores")
    assert flat.severity == "error" and "All scores of train are 3.5" in flat.text
    nearly = check(read(rows([3.5] * 38 + [1.0, 2.0]))).finding("constant_scores")
    assert nearly.severity == "warning" and "95% of the scores" in nearly.text


def test_repairs_of_classes_are_refused() -> None:
    corpus = read(rows(scale()))
    with pytest.raises(DataError, match="Use 'average_scores' instead"):
        clean(corpus, "keep_majority_label")
    with pytest.raises(DataError, match="a score is no class"):
        clean(corpus, "drop_small_classes")
    unscored = clean(read(rows(["a", "b"] * 20, "label")), "average_scores")
    assert unscored.rows["train"] == 40, "classes stay as they are"


# --- split, balanced, labelled ------------------------------------------------------------------------------------------


def test_every_part_of_the_scale_is_in_every_split() -> None:
    chooser = random.Random(1)
    corpus = split(read(rows([round(5 * chooser.random() ** 3, 9) for _ in range(400)])), validation=0.1, test=0.2)
    assert corpus.rows == {"train": 280, "validation": 40, "test": 80}
    assert "stratified by the quantiles of the score" in corpus.steps[-1].text
    edges = np.quantile([s for part in corpus.splits.values() for s in part["label"][:]], np.linspace(0, 1, 11)[1:-1])
    for name, part in corpus.splits.items():
        counts = np.bincount(np.searchsorted(edges, part["label"][:], side="right"), minlength=10)
        assert counts.max() - counts.min() <= 2, name
    assert split(read(rows(scale(12)))).rows == {"train": 9, "validation": 1, "test": 2}, "few rows are one part"


def test_scores_are_not_balanced_and_not_weighed() -> None:
    corpus = split(read(rows(scale(80))))
    with pytest.raises(DataError, match=r"classes to balance, but got scores.*data.balance at none"):
        balance(corpus, "oversample")
    with pytest.raises(DataError, match=r"classes to weigh, but got scores.*technique.class_weights"):
        class_weights(corpus)
    with pytest.raises(DataError, match="rows with classes, but got rows with scores"):
        out_of_sample(corpus)


def test_a_label_journal_may_correct_scores(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(
        "id,text,score\n" + "".join(f"r{i},text number {i},{i % 9}.5\n" for i in range(30)), encoding="utf-8"
    )
    corpus, journal = read(path), Journal(path, who="ana")
    journal.add("r3", "4,25")
    journal.add("r4", None)
    found = dict(zip(apply(corpus, journal)["train"]["row_id"], labels(apply(corpus, journal)), strict=True))
    assert (found["r3"], found["r4"], found["r5"]) == (4.25, None, 5.5)
    assert apply(corpus, journal).scores
    journal.add("r5", "good")
    with pytest.raises(DataError, match=r"'good' for the row 'r5'.*scores=False"):
        apply(corpus, journal)


def test_the_table_shows_scores_and_no_classes() -> None:
    table = Table(read(rows([3.5, 1.0, 2.5])))
    assert table.labels == ()
    assert [row["label"] for row in table.view().page(0, 3)] == [3.5, 1.0, 2.5]
