"""Executing notebooks: with papermill, parameters in, recorded results out, and an HTML copy that needs no network."""

from __future__ import annotations

import ast
import json
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit._places import writable
from labkit.errors import LabError, UnknownName

RECORD_MIME = "application/vnd.labkit.record+json"
"""Outputs of this type carry recorded results: a name and a value."""

_KERNEL = "python3"


@dataclass(frozen=True, kw_only=True)
class Executed:
    """An executed notebook.

    Attributes:
        notebook: the executed copy.
        html: its HTML copy.
        results: what it recorded, by name.
        seconds: how long the cells took.
    """

    notebook: Path
    html: Path
    results: dict[str, Any]
    seconds: float


def run_notebook(
    notebook: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    parameters: Mapping[str, Any] | None = None,
    *,
    on_cell: Callable[[int, int, str], None] | None = None,
) -> Executed:
    """Execute a notebook.

    Args:
        notebook: the notebook; it stays as it is.
        folder: where the executed copy and its HTML copy go; the cells run in this folder.
        parameters: values for the cell tagged ``parameters``.
        on_cell: called before each code cell with its number, the number of code cells, and the heading it stands under.

    Raises:
        LabError: a cell failed; the message names the cell and its error. The executed copy up to there is kept.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    source = Path(notebook)
    home = Path(folder).absolute()
    with writable(f"the folder {home}"):
        home.mkdir(parents=True, exist_ok=True)
    executed = home / source.name
    _check_parameters(source, parameters or {})
    with warnings.catch_warnings():
        # papermill and nbformat speak of cell ids and datetime on every call
        warnings.simplefilter("ignore")
        try:
            _execute(papermill, source, executed, dict(parameters or {}), home, on_cell)
        except PapermillExecutionError as error:
            raise LabError(
                f"every cell of {source.name} to run",
                f"{error.ename} in cell {error.exec_count}: {error.evalue}",
                f"look at the executed copy: {executed}",
            ) from error
    content = json.loads(executed.read_text("utf-8"))
    duration = float(content["metadata"].get("papermill", {}).get("duration") or 0.0)
    return Executed(notebook=executed, html=to_html(executed), results=recorded(content), seconds=duration)


def recorded(content: Mapping[str, Any]) -> dict[str, Any]:
    """The results that a notebook's cells recorded with ``labkit.tours.record``."""
    results = {}
    for cell in content["cells"]:
        for output in cell.get("outputs", []):
            entry = output.get("data", {}).get(RECORD_MIME)
            if entry:
                results[entry["name"]] = entry["value"]
    return results


class _Record:
    def __init__(self, name: str, value: Any) -> None:
        self.name, self.value = name, value

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        shown = f"{self.value:.4g}" if isinstance(self.value, float) else str(self.value)
        return {RECORD_MIME: {"name": self.name, "value": self.value}, "text/plain": f"{self.name} = {shown}"}


def record(name: str, value: float | int | str) -> Any:
    """Record a result by name, as the last expression of a cell: a regression run reads it back from the executed notebook."""
    return _Record(name, value)


def to_html(notebook: Path) -> Path:
    """Write an HTML copy beside a notebook: one file, charts included, nothing fetched from a network."""
    import nbformat
    from nbconvert import HTMLExporter

    content = nbformat.read(notebook, as_version=4)
    charts = 0
    for cell in content.cells:
        for output in cell.get("outputs", []):
            shown = output.get("data", {})
            if "text/html" in shown:  # the static face: a page without a kernel has no use for the live widget
                shown.pop("application/vnd.jupyter.widget-view+json", None)
            figure = shown.get("application/vnd.plotly.v1+json")
            if figure is not None:
                output["data"] = {"text/html": _chart_html(figure, f"chart-{charts}")}
                charts += 1
    exporter = HTMLExporter(template_name="lab", exclude_input_prompt=True, exclude_output_prompt=True)
    for name in ("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url"):
        if name in exporter.traits():
            setattr(exporter, name, "")
    body, _ = exporter.from_notebook_node(content)
    if charts:
        from plotly.offline import get_plotlyjs

        body = body.replace("<head>", f"<head><script>{get_plotlyjs()}</script>", 1)
    target = notebook.with_suffix(".html")
    target.write_text(body, "utf-8")
    return target


def _chart_html(figure: Mapping[str, Any], identifier: str) -> str:
    # "</" must not end the script element from inside a text of the data
    data = json.dumps({"data": figure["data"], "layout": figure["layout"]}).replace("</", "<\\/")
    return (
        f'<div id="{identifier}" style="min-height:320px"></div><script>(function(){{const f={data};'
        f'Plotly.newPlot("{identifier}",f.data,f.layout,{{responsive:true,displaylogo:false}});}})();</script>'
    )


def _check_parameters(source: Path, given: Mapping[str, Any]) -> None:
    """papermill only warns of a parameter that no cell knows; here it is an error."""
    cells = json.loads(source.read_text("utf-8"))["cells"]
    names = []
    for cell in cells:
        if "parameters" in cell["metadata"].get("tags", []):
            for statement in ast.parse("".join(cell["source"])).body:
                targets = (
                    [statement.target] if isinstance(statement, ast.AnnAssign) else getattr(statement, "targets", [])
                )
                names += [target.id for target in targets if isinstance(target, ast.Name)]
    for name in given:
        if name not in names:
            raise UnknownName(f"parameter of {source.name}", name, names)


def _execute(
    papermill: Any,
    source: Path,
    target: Path,
    parameters: dict[str, Any],
    home: Path,
    on_cell: Callable[[int, int, str], None] | None,
) -> None:
    from papermill.engines import NBClientEngine, papermill_engines

    class Engine(NBClientEngine):  # type: ignore[misc]
        """papermill's own engine, which also tells which cell is next."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **settings: Any) -> Any:
            cells = nb_man.nb.cells
            code = [i for i, cell in enumerate(cells) if cell.cell_type == "code"]
            begin = nb_man.cell_start

            def cell_start(cell: Any, cell_index: int | None = None, **more: Any) -> Any:
                if on_cell is not None and cell_index in code:
                    on_cell(code.index(cell_index) + 1, len(code), _heading(cells, cell_index))
                return begin(cell, cell_index, **more)

            nb_man.cell_start = cell_start
            return super().execute_managed_notebook(nb_man, kernel_name, **settings)

    papermill_engines.register("labkit", Engine)
    papermill.execute_notebook(
        str(source),
        str(target),
        parameters=parameters,
        engine_name="labkit",
        kernel_name=_KERNEL,
        language="python",
        cwd=str(home),
        progress_bar=False,
        log_output=False,
        # with it, every widget's script would be in the file, and pages would show the live widget instead of its face
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # its kernel would warn about its own transport at every start
    )


def _heading(cells: list[Any], index: int) -> str:
    """The last heading above a cell."""
    for cell in reversed(cells[:index]):
        if cell.cell_type == "markdown":
            for line in reversed(cell.source.splitlines()):
                if line.startswith("#"):
                    return str(line.lstrip("# ").strip())
    return ""
