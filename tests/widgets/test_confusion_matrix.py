"""The confusion matrix without a browser."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

import numpy as np
import pytest

from labkit.errors import LabError, UnknownName
from labkit.evaluation import evaluate
from labkit.tasks import Predictions
from labkit.training import Run
from labkit.widgets import ConfusionMatrix


def predictions(gold: list[int], said: list[int], labels: tuple[str, ...] = ("cat", "dog", "owl")) -> Predictions:
    p = np.full((len(gold), len(labels)), 0.1)
    p[np.arange(len(gold)), said] = 0.8
    ids = [f"r{i}" for i in range(len(gold))]
    return Predictions(
        row_ids=ids, labels=labels, probabilities=p / p.sum(axis=1, keepdims=True), gold=np.array(gold, dtype=np.int64)
    )


GOLD = [0, 0, 0, 1, 1, 2, 2, 2]
FIRST = predictions(GOLD, [0, 1, 1, 1, 1, 2, 0, 1])
SECOND = predictions(GOLD, [0, 0, 1, 1, 2, 2, 0, 1])
ROWS = {"row_id": list(FIRST.row_ids), "text": [f"text {i}" for i in range(8)]}


def cells(matrix: ConfusionMatrix) -> dict[tuple[str, str], tuple[int, int]]:
    flat, labels = matrix.matrix["cells"], matrix.matrix["labels"]
    quads = [flat[i : i + 4] for i in range(0, len(flat), 4)]
    return {(labels[i], labels[j]): (a, b) for i, j, a, b in quads}


def test_the_cells_are_those_of_the_evaluation(toy_run: Run) -> None:
    matrix = ConfusionMatrix(toy_run)
    evaluation = toy_run.evaluations["test"]
    counted = np.zeros_like(evaluation.confusion)
    for (true, said), (n, _) in cells(matrix).items():
        counted[evaluation.labels.index(true), evaluation.labels.index(said)] = n
    assert np.array_equal(counted, evaluation.confusion)
    assert matrix.matrix["splits"] == ["test", "validation"]
    matrix.split = "validation"
    assert matrix.matrix["n"] == toy_run.evaluations["validation"].n
    assert matrix.csv().startswith('"true')
    assert matrix.figure().data


def test_a_click_gives_the_rows() -> None:
    matrix = ConfusionMatrix(FIRST, rows=ROWS)
    told: list[Any] = []
    matrix.observe(lambda change: told.append(change["new"]), names=["selection"])
    answer = matrix.answer("pick", {"true": "cat", "predicted": "dog"})
    assert answer == {"ok": True, "value": ["r1", "r2"]} and told == [["r1", "r2"]]
    page = matrix.answer("examples", {"page": 0, "size": 1})["value"]
    assert page["of"] == 2 and len(page["rows"]) == 1
    (row,) = page["rows"]
    assert (row["text"], row["true"], row["predicted"]) == ("text 1", "cat", "dog")
    assert row["loss"] == pytest.approx(-np.log(0.1)) and row["confidence"] == pytest.approx(0.8)
    assert matrix.pick(true="owl") == ["r6", "r7", "r5"], "a whole row, by falling loss"
    assert set(matrix.pick(predicted="dog")) == {"r1", "r2", "r3", "r4", "r7"}
    matrix.picked = {"true": "dog", "predicted": ""}
    assert matrix.selection == ["r3", "r4"] and matrix.picked == {"true": "dog"}
    assert matrix.pick() == [] and matrix.examples()["of"] == 0


def test_a_wrong_name_changes_nothing() -> None:
    matrix = ConfusionMatrix(FIRST)
    matrix.pick(true="cat")
    answer = matrix.answer("pick", {"true": "cow"})
    assert not answer["ok"] and "owl" in answer["error"]["message"]
    assert matrix.picked == {"true": "cat"}
    with pytest.raises(UnknownName, match="similarity"):
        ConfusionMatrix(FIRST, order="alphabet")
    with pytest.raises(LabError, match="Did you mean values"):
        ConfusionMatrix(FIRST, value="shares")


def test_orders() -> None:
    matrix = ConfusionMatrix(FIRST, order="frequency")
    assert [matrix.matrix["labels"][j] for j in matrix.matrix["order"]] == ["cat", "owl", "dog"]
    matrix.order = "given"
    assert matrix.matrix["order"] == [0, 1, 2]


def test_the_difference_of_two() -> None:
    matrix = ConfusionMatrix(FIRST, compare=SECOND, rows=ROWS)
    assert cells(matrix)["cat", "cat"] == (1, 2)
    assert cells(matrix)["dog", "owl"] == (0, 1), "a cell that only the second one has"
    assert matrix.matrix["compare"] == "the second"
    changed = {(pair["true"], pair["predicted"]): pair["count"] for pair in matrix.pairs()}
    assert changed == {("cat", "dog"): -1, ("dog", "owl"): 1}
    lines = list(csv.reader(io.StringIO(matrix.csv())))
    assert lines[1] == ["cat", "1", "-1", "0"]
    matrix.pick(true="cat", predicted="dog")
    rows = matrix.examples()["rows"]
    assert [(row["row_id"], row["predicted"], row["other"]) for row in rows] == [
        ("r1", "dog", "cat"),
        ("r2", "dog", "dog"),
    ]
    with pytest.raises(LabError):
        ConfusionMatrix(FIRST, compare=predictions([0, 1], [0, 1]))


def test_an_evaluation_alone_has_no_rows() -> None:
    matrix = ConfusionMatrix(evaluate(FIRST, resamples=0))
    assert matrix.matrix["rows"] is False
    assert matrix.pick(true="cat") == [] and matrix.picked == {"true": "cat"} and matrix.error == ""


def test_several_labels_a_row() -> None:
    gold = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], dtype=bool)
    p = np.array([[0.9, 0.1], [0.2, 0.9], [0.8, 0.9], [0.1, 0.6]])
    several = Predictions(row_ids=list("abcd"), labels=("x", "y"), probabilities=p, gold=gold, multi_label=True)
    matrix = ConfusionMatrix(several)
    assert [pair[0] for pair in matrix.matrix["cells"]] == [[1, 1, 1], [2, 0, 1]], "found, missed, false alarms"
    assert matrix.pick(missed="x") == ["b"]
    assert matrix.pick(false_alarm="x") == ["c"]
    assert set(matrix.pick(found="y")) == {"b", "c"}
    assert "<td>x</td>" in matrix.face()
    matrix.order = "similarity"
    assert "Order by errors" in matrix.error


def test_the_face_and_the_cell(toy_run: Run) -> None:
    hostile = predictions(GOLD, [0, 1, 1, 1, 1, 2, 0, 1], ("<img src=x onerror=alert(1)>", "b", "c"))
    face = ConfusionMatrix(hostile)._repr_html_()
    assert "<img" not in face and "&lt;img" in face
    matrix = ConfusionMatrix(toy_run, values="shares", focus=True)
    matrix.pick(true="food")
    found: dict[str, Any] = {}
    exec(compile(matrix.code, "cell", "exec"), found)  # noqa: S102
    again = found["matrix"]
    assert (again.values, again.focus, again.picked) == ("shares", True, {"true": "food"})
    assert again.selection == matrix.selection != []


def test_many_classes_are_quick() -> None:
    rng = np.random.default_rng(0)
    k, n = 150, 15_000
    gold = rng.integers(0, k, n)
    said = np.where(rng.random(n) < 0.6, gold, rng.integers(0, k, n))
    many = predictions(gold.tolist(), said.tolist(), tuple(f"class {j}" for j in range(k)))
    matrix = ConfusionMatrix(many)
    began = time.perf_counter()
    matrix.order = "similarity"
    matrix.pick(predicted="class 7")
    matrix.examples()
    assert time.perf_counter() - began < 2
    assert sorted(matrix.matrix["order"]) == list(range(k))
