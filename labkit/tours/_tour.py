"""``labkit tour``: the quick-start notebook from the first cell to the last, on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from labkit._places import bundled
from labkit.tours._run import Executed, run_notebook

QUICKSTART = "00_quickstart.ipynb"


def tour(
    folder: str | os.PathLike[str] | None = None, *, on_cell: Callable[[int, int, str], None] | None = None
) -> Executed:
    """Execute the quick-start tutorial on its sample data with the embedded base model; no network is used.

    Args:
        folder: where the executed notebook, its HTML copy and the run go; a new folder below ``labkit-tour/`` when None.
        on_cell: called before each code cell with its number, the number of code cells, and the heading it stands under.

    Raises:
        LabError: a cell failed.
    """
    home = Path(folder) if folder is not None else Path("labkit-tour") / time.strftime("%Y%m%d-%H%M%S")
    return run_notebook(bundled("notebooks") / QUICKSTART, home, on_cell=on_cell)
