"""The tutorials of the five tasks beside classes and entities, each executed by papermill, with little training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from labkit._places import bundled
from labkit.cli import main
from labkit.data import sample_path
from labkit.evaluation import TITLES
from labkit.tours import Executed, run_notebook
from labkit.training import Run


class Tutorial(NamedTuple):
    """A tutorial, and what a reader of its page must find there."""

    name: str
    task: str
    figure: str
    said: tuple[str, ...]
    parameters: dict[str, Any]


TUTORIALS = (
    Tutorial(
        "03_answers",
        "question-answering",
        "f1",
        ("Answer column", "drop_bad_answers", "no answer always", "words of the question", "No figure yet"),
        {"EPOCHS": 0.1},
    ),
    Tutorial(
        "04_translation",
        "translation",
        "bleu",
        ("Source column", "drop_misaligned", "word by word", "sacrebleu", "should be", "never seen: aubergine"),
        {"EPOCHS": 0.1},
    ),
    Tutorial(
        "05_summaries",
        "summarization",
        "rougeL",
        ("Target column", "first three sentences", "Copied pairs of words", "should be", "Not yet clearly better"),
        {"EPOCHS": 1.0, "LONGEST": 24},
    ),
    Tutorial(
        "06_text_generation",
        "text-generation",
        "perplexity",
        ("Conversations in the column", "drop_bad_chats", "unigram model", "temperature 1.0:", "No figure yet"),
        {"EPOCHS": 1.0, "LONGEST": 16},
    ),
    Tutorial(
        "07_fill_mask",
        "fill-mask",
        "pseudo_perplexity",
        ("Running text in 8 files", "begins with random weights", "the encoder as published", "so far; the aim is"),
        {"HEAD_EPOCHS": 0.15, "EPOCHS": 0.15, "WINDOW": 32},
    ),
)


@pytest.fixture(scope="module", params=TUTORIALS, ids=[tutorial.name for tutorial in TUTORIALS])
def toured(
    request: pytest.FixtureRequest, short_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Tutorial, Executed]:
    """A tutorial, and its executed copy."""
    tutorial: Tutorial = request.param
    notebook, parameters = bundled("notebooks") / f"{tutorial.name}.ipynb", dict(tutorial.parameters)
    if tutorial.name in ("03_answers", "07_fill_mask"):  # the others begin with random weights
        parameters["MODEL"] = str(short_model)
    if tutorial.name == "07_fill_mask":  # whose evaluation masks token by token
        parameters["DATA"] = str(few := tmp_path_factory.mktemp("few") / "garden")
        few.mkdir()
        for file in sorted(sample_path("garden").glob("*.txt"))[:8]:
            (few / file.name).write_text(file.read_text("utf-8")[:4000], "utf-8")
    return tutorial, run_notebook(notebook, tmp_path_factory.mktemp("tour"), parameters)


@pytest.mark.slow
def test_the_run_is_complete_and_its_figures_are_recorded(toured: tuple[Tutorial, Executed]) -> None:
    tutorial, executed = toured
    run = Run(executed.notebook.parent / executed.results["run"])
    assert run.status == "completed" and run.recipe.task == tutorial.task
    result = run.evaluation
    assert tutorial.figure in result.headline and executed.results["test_rows"] == result.n
    for name, figure in result.headline.items():
        assert executed.results[name] == figure.value, name
    for name, baseline in result.baselines.items():
        recorded = [key for key in executed.results if key.endswith(f" of {name}")]
        assert recorded, name
        for key in recorded:
            assert executed.results[key] == baseline.b[key.removesuffix(f" of {name}")].value, key


@pytest.mark.slow
def test_its_page_is_light_and_shows_data_figures_and_errors(toured: tuple[Tutorial, Executed]) -> None:
    tutorial, executed = toured
    assert executed.notebook.stat().st_size < 1_000_000
    html = executed.html.read_text("utf-8")
    for said in (*tutorial.said, "Headline figures", "Learning curves", "Model and baselines", "completed", "Summary"):
        assert said in html, said


@pytest.mark.slow
def test_a_tour_of_it_ends_with_the_figures_of_model_and_baselines(
    toured: tuple[Tutorial, Executed], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tutorial, executed = toured
    monkeypatch.setattr("labkit.tours.tour", lambda *_, **__: executed)  # it has been gone round already
    assert main(["tour", tutorial.name]) == 0
    said = capsys.readouterr().out
    result = Run(executed.notebook.parent / executed.results["run"]).evaluation
    assert f"On {result.n} test texts" in said
    line = next(line for line in said.splitlines() if line.strip().startswith(f"{TITLES[result.first]} "))
    for figure in (result.headline[result.first], *(other.b[result.first] for other in result.baselines.values())):
        assert f"{figure.value:.3f}" in line
    assert all(name in said for name in result.baselines)
