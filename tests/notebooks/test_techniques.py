"""The tutorials of fine-tuning techniques, each executed by papermill, with little training."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from labkit._places import bundled
from labkit.tours import Executed, run_notebook


class Tutorial(NamedTuple):
    """A tutorial, what a reader of its page must find there, and what it must have recorded."""

    name: str
    said: tuple[str, ...]
    recorded: tuple[str, ...]
    parameters: dict[str, Any]


TUTORIALS = (
    Tutorial(
        "08_efficient",
        ("adapter and head:", "recipe", "trained", "rows/s", "No name yet"),
        ("trained parameters of lora", "trained parameters of head", "adapter MB"),
        {"EPOCHS": 0.3},
    ),
    Tutorial(
        "09_domain",
        ("on domain text", "on general text", "as published", "No answer yet"),
        ("before", "after", "accuracy adapted"),
        {"EPOCHS": 0.2, "TUNING": 0.3},
    ),
    Tutorial(
        "10_distillation",
        ("from the base", "distilled", "Soft targets", "No number yet"),
        ("MB of teacher", "MB of distilled"),
        {"EPOCHS": 0.3},
    ),
    Tutorial(
        "11_few_labels",
        ("labelled rows of", "Accuracy", "contrastive", "No number yet"),
        ("accuracy without labels", "accuracy of contrastive"),
        {"STEPS": 4, "EPOCHS": 1},
    ),
    Tutorial(
        "12_overfitting",
        ("R-Drop", "L2-SP", "typos", "No name yet"),
        ("learnt with plain", "kept with R-Drop"),
        {"EPOCHS": 0.6},
    ),
    Tutorial(
        "13_search",
        ("learning rate", "best", "fold", "No figure yet"),
        ("best on validation", "cross-validated", "trials"),
        {"TRIALS": 3, "FOLDS": 2},
    ),
)


@pytest.fixture(scope="module", params=TUTORIALS, ids=[tutorial.name for tutorial in TUTORIALS])
def toured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tutorial, Executed]:
    """A tutorial, and its executed copy."""
    tutorial: Tutorial = request.param
    notebook = bundled("notebooks") / f"{tutorial.name}.ipynb"
    return tutorial, run_notebook(notebook, tmp_path_factory.mktemp("tour"), tutorial.parameters)


@pytest.mark.slow
def test_its_page_shows_what_it_promises(toured: tuple[Tutorial, Executed]) -> None:
    tutorial, executed = toured
    assert executed.notebook.stat().st_size < 1_000_000
    html = executed.html.read_text("utf-8")
    for said in (*tutorial.said, "Summary"):
        assert said.lower() in html.lower(), said


@pytest.mark.slow
def test_its_figures_are_recorded_and_can_be_true(toured: tuple[Tutorial, Executed]) -> None:
    tutorial, executed = toured
    figures = executed.results
    for name in tutorial.recorded:
        assert name in figures, name
    for name, value in figures.items():
        if name.startswith(("macro_f1", "accuracy", "learnt", "kept", "before", "after")):
            assert 0 <= float(value) <= 1, name
    if tutorial.name == "08_efficient":
        parts = [float(figures[f"trained parameters of {kind}"]) for kind in ("head", "lora", "top", "all")]
        assert parts == sorted(parts), "from the head alone to everything"
        assert float(figures["adapter MB"]) < 5
    if tutorial.name == "10_distillation":
        assert float(figures["MB of distilled"]) < 0.8 * float(figures["MB of teacher"])
    if tutorial.name == "13_search":
        assert figures["trials"] == 3
