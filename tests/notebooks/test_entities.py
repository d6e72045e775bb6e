"""The tutorial of named entities, executed by papermill."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit._places import bundled
from labkit.tours import Executed, run_notebook
from labkit.training import Run


@pytest.fixture(scope="module")
def executed(short_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """The tutorial with eight epochs of a short model."""
    parameters = {"MODEL": str(short_model), "EPOCHS": 8.0}
    return run_notebook(bundled("notebooks") / "02_entities.ipynb", tmp_path_factory.mktemp("tour"), parameters)


@pytest.mark.slow
def test_the_tagger_beats_the_most_frequent_tag(executed: Executed) -> None:
    run = Run(executed.notebook.parent / "entities")
    assert run.status == "completed" and run.recipe.task == "token-classification"
    looked_up = run.evaluation.baselines["most frequent tag"]
    assert looked_up.clear and looked_up.differences["f1"].value > 0
    assert executed.results["f1"] == run.evaluation.metrics["f1"]
    assert executed.results["f1_low"] <= executed.results["f1"] <= executed.results["f1_high"]


@pytest.mark.slow
def test_its_html_shows_the_entities_in_their_texts(executed: Executed) -> None:
    assert executed.notebook.stat().st_size < 1_000_000
    html = executed.html.read_text("utf-8")
    for said in ("Tags in the scheme IOB2", "most frequent tag", "approximate randomization", "<mark", "Summary"):
        assert said in html, said
