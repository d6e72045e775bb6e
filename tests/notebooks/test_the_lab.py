"""The tutorial of the lab: the whole loop, driven from Python, and readable without a kernel."""

from __future__ import annotations

import nbformat
import pytest

from labkit import data
from labkit._places import bundled
from labkit.tours import Executed, run_notebook
from labkit.training import Run

THE_LAB = bundled("notebooks") / "01_the_lab.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """The tutorial with half an epoch."""
    return run_notebook(THE_LAB, tmp_path_factory.mktemp("lab"), {"EPOCHS": 0.5, "RELABEL": 8})


@pytest.mark.slow
def test_the_loop_was_gone_round(executed: Executed) -> None:
    home = executed.notebook.parent
    run = Run(home / executed.results["run"])
    assert run.status == "completed"
    assert executed.results["accuracy"] == run.evaluation.metrics["accuracy"]
    journal = data.Journal(home / "lab" / "data.labels.jsonl")
    assert len(journal.current("label")) == 8
    assert run.recipe.data.labels and run.recipe.data.repairs, "labels and repairs went into the recipe"


@pytest.mark.slow
def test_it_is_light_and_every_widget_is_on_the_page(executed: Executed) -> None:
    assert executed.notebook.stat().st_size <= 1_000_000
    assert "widgets" not in nbformat.read(executed.notebook, as_version=4).metadata, "no widget state in the file"
    html = executed.html.read_text("utf-8")
    for said in (
        "Base model: minilm",  # ModelPicker
        "Data: ",  # DataInspector
        "data.labels.jsonl",  # Labeler
        "Training recipe",  # TrainingLauncher
        "completed",  # TrainingMonitor
        "Confusion matrix",
        "Errors of",  # ErrorBrowser
        "took the money twice this month",  # Playground
        "Lab: lab",
    ):
        assert said in html, said
    assert "widget-view+json" not in html
