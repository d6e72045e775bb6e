"""The quick-start tutorial on the embedded model, end to end: executed by papermill, checked again by nbval."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labkit._places import bundled
from labkit.tours import Executed, run_notebook
from labkit.training import Run

QUICKSTART = bundled("notebooks") / "00_quickstart.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """The tutorial with one epoch, on one sample."""
    return run_notebook(QUICKSTART, tmp_path_factory.mktemp("tour"), {"EPOCHS": 1.0, "DATA": "support"})


@pytest.mark.slow
def test_it_trains_a_model_that_beats_the_majority_class(executed: Executed) -> None:
    run = Run(executed.notebook.parent / "run")
    assert run.status == "completed"
    majority = run.evaluation.baselines["majority class"]
    assert majority.clear and majority.differences["accuracy"].value > 0
    assert executed.results["accuracy"] == run.evaluation.metrics["accuracy"]
    assert executed.results["accuracy_low"] <= executed.results["accuracy"] <= executed.results["accuracy_high"]


@pytest.mark.slow
def test_the_executed_copy_is_light_and_its_html_whole(executed: Executed) -> None:
    assert executed.notebook.stat().st_size < 1_000_000
    html = executed.html.read_text()
    for heading in ("Look at the data", "Fine-tune", "Try a sentence", "Summary"):
        assert heading in html
    assert html.count('Plotly.newPlot("chart-') >= 4


@pytest.mark.slow
def test_a_second_run_gives_the_same_results_cell_by_cell(executed: Executed, tmp_path: Path) -> None:
    # a fresh folder: the cells train again, and nbval compares what the marked cells print
    copy = tmp_path / "again.ipynb"
    copy.write_text(executed.notebook.read_text())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval-lax", "-p", "no:cacheprovider", "--timeout=280", str(copy)],
        cwd=tmp_path,
        env={**os.environ},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert (tmp_path / "run" / "manifest.json").exists()


def test_tutorials_keep_the_notebook_contract() -> None:
    for path in bundled("notebooks").glob("*.ipynb"):
        content = json.loads(path.read_text())
        cells = content["cells"]
        assert content["metadata"]["kernelspec"]["name"] == "python3"
        assert all(not cell["outputs"] for cell in cells if cell["cell_type"] == "code"), f"{path.name} has outputs"
        opening = "".join(cells[0]["source"])
        assert "**Goal:**" in opening and "**Time:**" in opening
        (parameters,) = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
        for line in "".join(parameters["source"]).splitlines():
            name, _, rest = line.partition(":")
            assert name.isupper() and "=" in rest and "  # " in rest, line
        code = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        assert "._" not in code.replace("._repr", ""), f"{path.name} uses private names"
        assert any("nbval-check-output" in cell["metadata"].get("tags", []) for cell in cells)
