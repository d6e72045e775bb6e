"""The error browser without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import traitlets
from toys import toy_recipe, toy_rows, write_csv

from labkit.errors import LabError, UnknownName
from labkit.training import Run, train
from labkit.widgets import ConfusionMatrix, ErrorBrowser


@pytest.fixture(scope="module")
def wrong_run(toy_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose test rows have some wrong labels, a channel, and a hostile text."""
    folder = tmp_path_factory.mktemp("wrong")
    rows = toy_rows(150)
    for i, row in enumerate(rows):
        row["channel"] = ("mail", "chat")[i % 2]
        if i % 11 == 0:
            row["topic"] = "food" if row["topic"] == "sport" else "sport"
    for row in rows:
        row["text"] += " <img src=x onerror=alert(1)>"
    recipe = toy_recipe(write_csv(folder / "rows.csv", rows), toy_model, budget={"epochs": 20})
    return train(recipe, folder / "run")


@pytest.fixture()
def errors(wrong_run: Run) -> ErrorBrowser:
    return ErrorBrowser(wrong_run)


def test_wrong_rows_come_by_falling_loss(errors: ErrorBrowser, wrong_run: Run) -> None:
    answer = errors.answer("rows", {"start": 0, "count": 50})["value"]
    losses = [row["loss"] for row in answer["rows"]]
    assert losses == sorted(losses, reverse=True)
    evaluation = wrong_run.evaluations["test"]
    assert answer["of"] == evaluation.n - int(evaluation.confusion.trace()) > 0
    assert all(row["true"] != row["predicted"] and not row["right"] for row in answer["rows"])
    assert errors.current == answer["rows"][0]["row_id"], "the first row is shown"
    assert errors.rows(1, 1)["rows"] == answer["rows"][1:2]
    errors.include = "unsure"
    unsure = errors.rows()["rows"]
    assert all(row["right"] for row in unsure)
    assert [row["confidence"] for row in unsure] == sorted(row["confidence"] for row in unsure)
    errors.include = "all"
    assert errors.rows()["of"] == evaluation.n


def test_filters(errors: ErrorBrowser) -> None:
    errors.include = "all"
    everything = errors.ids()
    for filters in ({"true": "food"}, {"predicted": "sport"}, {"search": "GOAL"}, {"slice": ["channel", "chat"]}):
        errors.filters = filters
        assert 0 < errors.rows()["of"] < len(everything), filters
    errors.filters = {"true": "food", "predicted": "sport"}
    assert all((row["true"], row["predicted"]) == ("food", "sport") for row in errors.rows()["rows"])
    bands = errors.choices()["slices"]["length"]
    sizes = []
    for band in bands:
        errors.filters = {"slice": ["length", band]}
        sizes.append(errors.rows()["of"])
    assert sum(sizes) == len(everything), "the slices of a column hold every row once"
    errors.filters = {"rows": everything[2:4]}
    assert errors.ids() == everything[2:4]
    errors.filter(rows=[], search="nothing is like this")
    assert errors.rows()["of"] == 0 and errors.current == ""
    errors.filter(search="")
    assert errors.filters == {} and errors.rows()["of"] == len(everything)


def test_filters_that_do_not_exist(errors: ErrorBrowser) -> None:
    for filters, said in (
        ({"tru": "food"}, "predicted"),
        ({"true": "cow"}, "food"),
        ({"slice": ["colour", "x"]}, "channel"),
    ):
        answer = errors.answer("filter", filters)
        assert not answer["ok"] and said in answer["error"]["message"]
    with pytest.raises(UnknownName, match="mail"):
        errors.filters = {"slice": ["channel", "fax"]}
    assert errors.filters == {}


def test_a_matrix_filters_the_errors_and_a_labeler_gets_the_rows(errors: ErrorBrowser, wrong_run: Run) -> None:
    matrix = ConfusionMatrix(wrong_run)
    traitlets.dlink((matrix, "picked"), (errors, "filters"))
    queue = traitlets.HasTraits()
    queue.add_traits(queue=traitlets.List())
    traitlets.dlink((errors, "relabel"), (queue, "queue"))
    pair = matrix.pairs()[0]
    matrix.pick(true=pair["true"], predicted=pair["predicted"])
    assert errors.ids() == matrix.selection != []
    errors.select(errors.ids())
    assert errors.answer("hand_over", {})["ok"]
    assert queue.queue == matrix.selection
    errors.select([])
    assert "none" in errors.answer("hand_over", {})["error"]["message"]
    with pytest.raises(UnknownName):
        errors.select(["no such row"])


def test_marked_rows_that_a_filter_hides_are_unmarked(errors: ErrorBrowser) -> None:
    first = errors.rows()["rows"][0]
    errors.select(errors.ids())
    errors.filters = {"true": first["true"], "predicted": first["predicted"]}
    assert first["row_id"] in errors.selection and set(errors.selection) <= set(errors.ids())


def test_one_row_in_full(errors: ErrorBrowser) -> None:
    row = errors.answer("row", {"row_id": errors.current})["value"]
    assert row["columns"]["channel"] in ("mail", "chat")
    assert sum(p for _, p in row["probabilities"]) == pytest.approx(1)
    assert row["probabilities"][0][0] in row["predicted"]
    assert row["suspect"] in (None, *row["predicted"])
    assert not errors.answer("row", {"row_id": "none"})["ok"]


def test_neighbours_in_the_training_data(errors: ErrorBrowser, wrong_run: Run, toy_data: Path) -> None:
    training = set(errors._of.corpus["train"]["row_id"])  # type: ignore[index]
    errors.prepare()
    errors._jobs.wait(60)
    assert errors.jobs["test run"]["state"] == "done"
    near = errors.answer("neighbours", {"row_id": errors.current, "n": 5})["value"]
    cosines = [one["cosine"] for one in near]
    assert len(near) == 5 and cosines == sorted(cosines, reverse=True) and max(cosines) <= 1.001
    assert {one["row_id"] for one in near} <= training
    own = errors.row(errors.current)["predicted"]
    assert near[0]["label"] in (*own, *errors.row(errors.current)["true"])


def test_data_that_is_gone_or_changed(toy_model: Path, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "rows.csv", toy_rows(90))
    run = train(toy_recipe(path, toy_model, budget={"epochs": 1}), tmp_path / "run")
    rows = toy_rows(90)
    rows[3]["text"] += " changed"
    write_csv(path, rows)
    changed = ErrorBrowser(run, include="all")
    assert "changed" in changed.rows()["note"] and changed.rows()["rows"][0]["text"]
    path.unlink()
    gone = ErrorBrowser(run, include="all")
    answer = gone.rows()
    assert "cannot be read" in answer["note"] and answer["rows"][0]["text"] is None
    assert gone.choices()["slices"] == {} and gone.choices()["training"] is False
    assert "cannot be read" in gone.answer("neighbours", {"row_id": gone.current})["error"]["message"]
    assert f"row {gone.current}" in gone.face()
    gone.filters = {"search": gone.current}
    assert gone.current in gone.ids(), "ids can be searched instead"


def test_the_face_and_the_cell(errors: ErrorBrowser, wrong_run: Run) -> None:
    assert "<img" not in errors._repr_html_() and "&lt;img" in errors._repr_html_()
    errors.filters = {"slice": ["channel", "chat"]}
    errors.select(errors.ids(0, 2))
    found: dict[str, Any] = {}
    exec(compile(errors.code, "cell", "exec"), found)  # noqa: S102
    again = found["errors"]
    assert (again.filters, again.selection) == (errors.filters, errors.selection)
    with pytest.raises(UnknownName, match="validation"):
        ErrorBrowser(wrong_run, split="tset")
    with pytest.raises(LabError, match="Did you mean include"):
        ErrorBrowser(wrong_run, includ="all")
