"""The tutorials of fine-tuning techniques, each executed by papermill, with little training of a short model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from toys import toy_rows, write_csv

from labkit import data
from labkit._places import bundled
from labkit.cli import main
from labkit.errors import DataError
from labkit.models import EMBEDDED
from labkit.tours import Executed, run_notebook


class Tutorial(NamedTuple):
    """A tutorial, what a reader of its page must find there, and what it must have recorded."""

    name: str
    said: tuple[str, ...]
    recorded: tuple[str, ...]
    parameters: dict[str, Any]
    few: tuple[tuple[str, str, int], ...] = ()  # parameters with a sample data set, of which so many rows do


TUTORIALS = (
    Tutorial(
        "08_efficient",
        ("adapter and head:", "recipe", "trained", "rows/s", "No name yet"),
        ("trained parameters of lora", "trained parameters of head", "adapter MB"),
        {"EPOCHS": 0.5},
        (("DATA", "support", 150),),
    ),
    Tutorial(
        "09_domain",
        ("on domain text", "on general text", "as published", "No answer yet"),
        ("before", "after", "accuracy adapted"),
        {"EPOCHS": 0.1, "TUNING": 0.15},
    ),
    Tutorial(
        "10_distillation",
        ("from the base", "distilled", "Soft targets", "No number yet"),
        ("MB of teacher", "MB of distilled"),
        {"EPOCHS": 0.5, "MODEL": EMBEDDED},
        (("DATA", "support", 150),),
    ),
    Tutorial(
        "11_few_labels",
        ("labelled rows of", "Accuracy", "contrastive", "No number yet"),
        ("accuracy without labels", "accuracy of contrastive"),
        {"STEPS": 4, "EPOCHS": 1},
        (("DATA", "support", 250),),
    ),
    Tutorial(
        "12_overfitting",
        ("R-Drop", "L2-SP", "typos", "No name yet"),
        ("learnt with plain", "kept with R-Drop"),
        {"EPOCHS": 0.25},
        (("DATA", "support", 150), ("PROBE", "reviews", 90)),
    ),
    Tutorial(
        "13_search",
        ("learning rate", "best", "fold", "No figure yet"),
        ("best on validation", "cross-validated", "trials"),
        {"TRIALS": 3, "FOLDS": 2},
        (("DATA", "support", 150),),
    ),
)


@pytest.fixture(scope="module", params=TUTORIALS, ids=[tutorial.name for tutorial in TUTORIALS])
def toured(
    request: pytest.FixtureRequest, short_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Tutorial, Executed]:
    """A tutorial, and its executed copy."""
    tutorial: Tutorial = request.param
    notebook = bundled("notebooks") / f"{tutorial.name}.ipynb"
    parameters = {"MODEL": str(short_model), **tutorial.parameters}
    for name, sample, count in tutorial.few:
        rows = data.read(data.sample_path(sample))["train"]
        every = range(0, len(rows), max(1, len(rows) // count))
        some = [{"text": rows["text"][i], "label": rows["label"][i]} for i in every]
        parameters[name] = str(write_csv(tmp_path_factory.mktemp("few") / f"{sample}.csv", some))
    return tutorial, run_notebook(notebook, tmp_path_factory.mktemp("tour"), parameters)


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


@pytest.mark.slow
def test_a_tour_of_it_ends_with_what_it_recorded(
    toured: tuple[Tutorial, Executed], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tutorial, executed = toured
    monkeypatch.setattr("labkit.tours.tour", lambda *_, **__: executed)  # it has been gone round already
    assert main(["tour", tutorial.name]) == 0
    said = capsys.readouterr().out
    for name in tutorial.recorded:
        assert name in said, name
    assert "executed notebook" in said and executed.notebook.name in said
    assert main(["tour", tutorial.name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["results"] == executed.results


def test_few_labels_can_be_drawn_again(toy_model: Path, tmp_path: Path) -> None:
    """The cells of the tutorial, with a toy model: another number, seed or file of rows is another folder."""
    cells = json.loads((bundled("notebooks") / "11_few_labels.ipynb").read_text("utf-8"))["cells"]
    code = {i: "".join(cell["source"]) for i, cell in enumerate(cells) if cell["cell_type"] == "code"}
    usual = {"MODEL": str(toy_model), "STEPS": 2, "EPOCHS": 0.5, "OUT": str(tmp_path / "few")}
    rows = toy_rows(60)
    uneven = [row for i, row in enumerate(rows) if row["topic"] != "food" or i < 9]
    several = [{**row, "topic": f"{row['topic']}|{'long' if i % 2 else 'short'}"} for i, row in enumerate(rows)]

    def drawn(**parameters: Any) -> Any:
        known: dict[str, Any] = {}
        exec(code[1], known)  # noqa: S102 - the tutorial's own cells
        known |= {**usual, **parameters}
        for i in (3, 7):
            exec(code[i], known)  # noqa: S102
        return known

    data = str(write_csv(tmp_path / "toy.csv", rows))
    for parameters in ({"SHOTS": 4}, {"SHOTS": 5}, {"SHOTS": 5, "SEED": 1}, {"SHOTS": 3, "NAME_TEXTS": 0}):
        known = drawn(DATA=data, **parameters)
        assert len(known["few"]) == 3 * parameters["SHOTS"]
        assert len(known["found"].table()) == (4 if "NAME_TEXTS" not in parameters else 3)
    numbers = [{**row, "topic": f"{len(row['topic'])}"} for row in rows]
    mute = drawn(DATA=str(write_csv(tmp_path / "numbers.csv", numbers)), SHOTS=4)
    assert "contrastive with names" not in mute["kinds"], "the name of such a class says nothing"
    scarce = drawn(DATA=str(write_csv(tmp_path / "uneven.csv", uneven)), SHOTS=5)
    assert 10 < len(scarce["few"]) < 15, "as many as there are"
    with pytest.raises(DataError, match="several labels a row"):
        drawn(DATA=str(write_csv(tmp_path / "several.csv", several)))
