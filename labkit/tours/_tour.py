"""``labkit tour``: a tutorial from the first cell to the last, on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from labkit._places import bundled, named
from labkit.errors import LabError, UnknownName
from labkit.tours._run import Executed, run_notebook

QUICKSTART = "00_quickstart"


def tutorials() -> list[str]:
    """Names of the tutorials, in their order."""
    return sorted(path.stem for path in bundled("notebooks").glob("*.ipynb"))


def tour(
    folder: str | os.PathLike[str] | None = None,
    name: str = QUICKSTART,
    *,
    on_cell: Callable[[int, int, str], None] | None = None,
) -> Executed:
    """Execute a tutorial on its sample data with the embedded base model; no network is used.

    Args:
        folder: where the executed notebook, its HTML copy and the run go; a new folder below ``labkit-tour/`` when None.
        name: one of ``tutorials()``.
        on_cell: called before each code cell with its number, the number of code cells, and the heading it stands under.

    Raises:
        UnknownName: no such tutorial.
        LabError: a cell failed, or the folder cannot be written or holds an earlier tour.
    """
    if name not in tutorials():
        raise UnknownName("tutorial", name, tutorials())
    home = named(folder) if folder is not None else Path("labkit-tour") / time.strftime("%Y%m%d-%H%M%S")
    notebook = f"{name}.ipynb"
    if (home / notebook).exists():
        raise LabError(f"a new folder for the tour ({home})", "one with an earlier tour", "choose another folder")
    return run_notebook(bundled("notebooks") / notebook, home, on_cell=on_cell)
