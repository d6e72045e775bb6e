"""Executing notebooks: parameters in, results out, errors that name the cell, an HTML copy that needs no network."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest

from labkit.errors import LabError, UnknownName
from labkit.tours import run_notebook
from labkit.tours._clean import clean


def notebook(path: Path, *cells: str) -> Path:
    """A notebook with a parameters cell and the given code cells."""
    book = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    book.cells.append(nbformat.v4.new_markdown_cell("# A title"))
    book.cells.append(nbformat.v4.new_code_cell("N: int = 1  # a number", metadata={"tags": ["parameters"]}))
    book.cells += [nbformat.v4.new_code_cell(source) for source in cells]
    nbformat.write(book, path)
    return path


def test_parameters_go_in_and_results_come_out(tmp_path: Path) -> None:
    source = notebook(tmp_path / "a.ipynb", "from labkit.tours import record\nrecord('twice', 2 * N)")
    before = source.read_bytes()
    seen: list[tuple[int, int, str]] = []
    done = run_notebook(source, tmp_path / "out", {"N": 21}, on_cell=lambda *cell: seen.append(cell))
    assert done.results == {"twice": 42}
    assert done.notebook == tmp_path / "out" / "a.ipynb"
    assert source.read_bytes() == before
    assert [heading for _, _, heading in seen] == ["A title"] * len(seen) and len(seen) >= 2


def test_an_unknown_parameter_is_refused_before_anything_runs(tmp_path: Path) -> None:
    source = notebook(tmp_path / "a.ipynb", "open('ran', 'w')")
    with pytest.raises(UnknownName, match="Valid names: N"):
        run_notebook(source, tmp_path / "out", {"M": 1})
    assert not (tmp_path / "out" / "ran").exists()


def test_a_failing_cell_is_named_and_the_executed_copy_kept(tmp_path: Path) -> None:
    source = notebook(tmp_path / "a.ipynb", "print('before')", "1 / 0")
    with pytest.raises(LabError, match=r"ZeroDivisionError in cell \d") as caught:
        run_notebook(source, tmp_path / "out")
    assert "before" in (tmp_path / "out" / "a.ipynb").read_text()
    assert "Traceback" not in str(caught.value)


def test_html_copy_shows_charts_fetches_nothing_and_runs_no_text_of_the_data(tmp_path: Path) -> None:
    hostile = "</script><script>window.broken = 1</script>"
    source = notebook(
        tmp_path / "a.ipynb", f"import plotly.graph_objects as go\ngo.Figure(go.Bar(x=[{hostile!r}], y=[1]))"
    )
    html = run_notebook(source, tmp_path / "out").html.read_text()
    assert "Plotly.newPlot" in html
    # plotly's own script names addresses of map tiles; what counts is what the page loads by itself
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?https?:", html)
    assert "</script><script>window.broken" not in html.split("Plotly.newPlot", 1)[0].rsplit("<script>", 1)[-1]
    assert hostile not in html.rsplit("Plotly.newPlot", 1)[0].rsplit("const f=", 1)[-1]


def test_executed_charts_stay_small(tmp_path: Path) -> None:
    source = notebook(
        tmp_path / "a.ipynb",
        "from labkit import charts\ncharts.class_balance({'train': {f'class {i}': i for i in range(1, 30)}})",
    )
    done = run_notebook(source, tmp_path / "out")
    assert done.notebook.stat().st_size < 100_000


def test_clean_takes_outputs_out_once(tmp_path: Path) -> None:
    source = notebook(tmp_path / "a.ipynb", "print(1)")
    executed = run_notebook(source, tmp_path / "out").notebook
    assert clean(executed) is True
    content = json.loads(executed.read_text())
    assert all(not cell["outputs"] for cell in content["cells"] if cell["cell_type"] == "code")
    assert clean(executed) is False
