"""Errors say what was expected, what came and what to do."""

from __future__ import annotations

import pickle

import pytest

from labkit.errors import (
    DataError,
    LabError,
    MissingExtra,
    ModelError,
    RecipeError,
    ResourceError,
    RunError,
    UnknownName,
    suggest,
)


def test_message_names_what_was_expected_what_came_and_what_to_do() -> None:
    error = LabError("a CSV file", "a picture.", "save it as CSV")
    assert str(error) == "Expected a CSV file, but got a picture. Save it as CSV."
    assert (error.expected, error.came, error.do) == ("a CSV file", "a picture.", "save it as CSV")


def test_message_without_what_came_or_what_to_do() -> None:
    assert str(LabError("a CSV file")) == "Expected a CSV file."
    assert str(LabError("a file", do="look again?")) == "Expected a file. Look again?"


def test_data_error_begins_with_file_line_and_column() -> None:
    error = DataError("a label", "an empty cell", file="a.csv", row=7, column="topic")
    assert str(error) == "a.csv, line 7, column 'topic': Expected a label, but got an empty cell."
    assert (error.file, error.row, error.column) == ("a.csv", 7, "topic")
    assert str(DataError("a label", row=7)).startswith("line 7: ")


def test_recipe_error_lists_every_problem() -> None:
    error = RecipeError(["First thing.", "Second thing."])
    assert error.problems == ("First thing.", "Second thing.")
    assert "2 problems" in str(error)
    assert "\n  1. First thing.\n  2. Second thing." in str(error)
    assert "1 problem in it" in str(RecipeError(["Only thing."]))


def test_unknown_name_lists_the_valid_names_and_the_near_miss() -> None:
    error = UnknownName("task", "text-clasification", ["text-classification", "fill-mask"])
    assert "Did you mean 'text-classification'?" in str(error)
    assert "Valid names: text-classification, fill-mask" in str(error)
    assert isinstance(error, KeyError)
    assert not str(error).startswith("'"), "KeyError would print the repr of the message"


def test_unknown_name_far_from_everything_suggests_nothing() -> None:
    assert "Did you mean" not in str(UnknownName("task", "zzz", ["fill-mask"]))


def test_missing_extra_gives_a_command_that_can_be_copied() -> None:
    error = MissingExtra("optuna", "search", "searching settings")
    assert 'pip install "labkit[search]"' in str(error), "commands are lower case"
    assert isinstance(error, ImportError)


@pytest.mark.parametrize(
    "error",
    [
        LabError("a", "b", "c"),
        DataError("a", "b", "c", file="f.csv", row=3, column="x"),
        ModelError("a", "b"),
        RecipeError(["one", "two"]),
        RunError("a"),
        ResourceError("a"),
        UnknownName("task", "x", ["y"]),
        MissingExtra("p", "e", "w"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_travel_between_processes(error: LabError) -> None:
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 as multiprocessing does
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert back.__dict__ == error.__dict__
    assert isinstance(error, LabError)


@pytest.mark.parametrize(
    ("name", "found"),
    [("ROBERTA-base", "roberta-base"), ("robertabase", "roberta-base"), ("bert-b", "bert-base"), ("base", "bert-base"),
     ("", None), ("qqqq", None)],
)  # fmt: skip
def test_suggest_finds_the_nearest_name(name: str, found: str | None) -> None:
    assert suggest(name, ["bert-base", "roberta-base"]) == found


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("bert-bse", "bert-base-uncased"), ("bart-bas", "bart-base"), ("distilbert-base", "distilbert-base-cased")],
)
def test_a_name_begun_is_nearer_than_another_name(typed: str, meant: str) -> None:
    names = ["bart-base", "bert-base-uncased", "bert-base-cased", "distilbert-base-cased", "roberta-base"]
    assert suggest(typed, names) == meant
