"""What is set by hand in a widget is there again in a fresh one that keeps it in the same file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.data import Corpus, read
from labkit.errors import LabError
from labkit.training import Run
from labkit.widgets import (
    ConfusionMatrix,
    DataInspector,
    ErrorBrowser,
    Labeler,
    LabWidget,
    ModelPicker,
    Playground,
    TrainingLauncher,
    TrainingMonitor,
)


@pytest.fixture()
def corpus(toy_data: Path) -> Corpus:
    return read(toy_data)


def made(kind: str, corpus: Corpus, run: Run, folder: Path) -> Any:
    makers: dict[str, Any] = {
        "model_picker": lambda: ModelPicker(corpus),
        "data_inspector": lambda: DataInspector(corpus),
        "labeler": lambda: Labeler(corpus, journal=folder / "toy.labels.jsonl"),
        "training_launcher": lambda: TrainingLauncher(corpus, out=folder / "runs"),
        "training_monitor": lambda: TrainingMonitor(folder=run.directory.parent),
        "confusion_matrix": lambda: ConfusionMatrix(run),
        "error_browser": lambda: ErrorBrowser(run),
        "playground": lambda: Playground(run, keep=False),
    }
    return makers[kind]()


BY_HAND: dict[str, Any] = {
    "model_picker": lambda w: (w.select("bert-base-uncased"), w.set_trait("filters", {"family": "BERT"})),
    "data_inspector": lambda w: (
        w.repair("drop_duplicates"),
        w.filter(labels=["food"], search="soup"),
        w.sort_by("length"),
        w.select(["t4", "t1"]),
    ),
    "labeler": lambda w: (w.set_trait("queue", ["t5", "t2"]), w.set_trait("view", "table")),
    "training_launcher": lambda w: w.set(**{"optimizer.learning_rate": 1e-4, "seed": 3}),
    "training_monitor": lambda w: w.attach(w.runs()[0]["directory"]),
    "confusion_matrix": lambda w: (w.set_trait("values", "shares"), w.pick(true="food", predicted="food")),
    "error_browser": lambda w: (w.set_trait("include", "all"), w.filter(true="food"), w.select(w.ids()[1:3])),
    "playground": lambda w: w.set_trait("text", "soup <b>"),
}


@pytest.mark.parametrize("kind", BY_HAND)
def test_everything_is_where_it_was(kind: str, corpus: Corpus, toy_run: Run, tmp_path: Path) -> None:
    first = made(kind, corpus, toy_run, tmp_path)
    file = tmp_path / "views" / "kept.json"
    assert first.keep_in(file) is first
    untouched = first._set_by_hand()
    BY_HAND[kind](first)
    left = first._set_by_hand()
    assert left != untouched
    first.close()

    again = made(kind, corpus, toy_run, tmp_path)
    assert again._set_by_hand() == untouched, "without the file, what the cell says"
    again.keep_in(file)
    assert again._set_by_hand() == left
    assert again.error == ""
    again.close()


def test_a_repair_and_its_undo(corpus: Corpus, tmp_path: Path) -> None:
    rows = [*corpus["train"].to_list()[:20], corpus["train"][0]]
    doubled = read([{"text": row["text"], "label": "food" if i % 2 else "sport"} for i, row in enumerate(rows)])
    first = DataInspector(doubled).keep_in(tmp_path / "kept.json")
    first.repair("drop_duplicates")
    again = DataInspector(doubled).keep_in(tmp_path / "kept.json")
    assert again.repairs == first.repairs == ("drop_duplicates",)
    again.undo()
    again.wait()
    assert DataInspector(doubled).keep_in(tmp_path / "kept.json").repairs == ()


def test_what_the_changed_cell_asks_for_goes_first(toy_run: Run, tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    matrix = ConfusionMatrix(toy_run).keep_in(file)
    matrix.values, matrix.order = "shares", "frequency"
    again = ConfusionMatrix(toy_run, order="errors").keep_in(file)
    assert (again.values, again.order) == ("shares", "errors")
    again.order = "given"
    assert ConfusionMatrix(toy_run, order="errors").keep_in(file).order == "given"


def test_other_data_begin_anew(corpus: Corpus, tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    DataInspector(corpus).keep_in(file).filter(search="soup")
    other = DataInspector([{"text": f"text {i}", "label": "ab"[i % 2]} for i in range(6)]).keep_in(file)
    assert (other.filters, other.error) == ({}, "")


def test_what_no_longer_holds_is_said(corpus: Corpus, tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    DataInspector(corpus).keep_in(file).filter(search="soup")
    kept = json.loads(file.read_text())
    kept["now"]["selection"] = ["gone"]
    file.write_text(json.dumps(kept))
    again = DataInspector(corpus).keep_in(file)
    assert again.filters == {"search": "soup"} and again.selection == []
    assert "selection in kept.json no longer holds" in again.error and "'gone'" in again.error


@pytest.mark.parametrize("damage", ["{", "[]", '{"version": 99}'])
def test_a_damaged_file_is_put_aside(damage: str, corpus: Corpus, tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    file.write_text(damage)
    picker = ModelPicker(corpus).keep_in(file)
    assert "kept.json.damaged" in picker.error
    assert (tmp_path / "kept.json.damaged").read_text() == damage
    assert json.loads(file.read_text())["now"]["value"] == "minilm"


def test_each_widget_has_a_file_of_its_own(corpus: Corpus, tmp_path: Path) -> None:
    ModelPicker(corpus).keep_in(tmp_path / "kept.json")
    before = (tmp_path / "kept.json").read_text()
    with pytest.raises(LabError, match="a file of its own"):
        DataInspector(corpus).keep_in(tmp_path / "kept.json")
    assert (tmp_path / "kept.json").read_text() == before


def test_a_folder_that_cannot_be_written(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="what ModelPicker keeps in"):
        ModelPicker(corpus).keep_in(tmp_path / "file" / "kept.json")


def test_by_hand_names_traits() -> None:
    for cls in LabWidget.__subclasses__():
        strange = [name for name in cls.by_hand if name != "repairs" and name not in cls.class_traits()]
        assert strange == []
