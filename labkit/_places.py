"""Where things lie: tutorials and sample data (in an installed wheel, or in the clone), and the cache."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from labkit.errors import LabError

_CLONE = {"notebooks": "notebooks", "samples": "data/samples"}


def bundled(what: str) -> Path:
    """The folder of the ``"notebooks"`` or the ``"samples"``.

    Raises:
        LabError: this installation came without them.
    """
    package = Path(__file__).parent
    for place in (package / "_bundled" / what, package.parent / _CLONE[what]):
        if place.is_dir():
            return place
    raise LabError(f"the {what} that come with labkit", "an installation without them", "install labkit again")


def cache_dir() -> Path:
    """Folder of converted data and measurements: the environment variable LABKIT_CACHE, else the platform's."""
    chosen = os.environ.get("LABKIT_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "labkit" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "labkit"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "labkit"
