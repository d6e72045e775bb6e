"""Where the tutorials and the sample data lie: inside an installed wheel, or in the clone that labkit runs from."""

from __future__ import annotations

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
