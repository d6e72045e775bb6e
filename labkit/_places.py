"""Where things lie: tutorials and sample data (in an installed wheel, or in the clone), the cache, and what users name."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from labkit.errors import DataError, LabError, ResourceError

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
        return named(chosen).absolute()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "labkit" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "labkit"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "labkit"


def named(given: str | os.PathLike[str]) -> Path:
    """The path that a user named, with ``~`` filled in; it need not exist, but the system must be able to tell.

    Raises:
        DataError: a name that is too long, a folder that may not be entered, or the home of an unknown user.
    """
    try:
        path = Path(given).expanduser()
        (path / "x").exists()  # of a folder that may not be entered, the inside is what cannot be told
    except (OSError, RuntimeError) as error:  # pathlib raises RuntimeError for an unknown ~user
        came = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        shown = os.fspath(given)
        shown = shown if len(shown) <= 80 else f"{shown[:79]}…"
        raise DataError(
            "a path that can be looked at", came, "check the path and its permissions", file=shown
        ) from error
    return path


@contextlib.contextmanager
def writable(what: str, kind: type[LabError] = LabError) -> Iterator[None]:
    """Say in plain words why a folder cannot be made or written.

    Args:
        what: the folder, as in "the run directory runs/x".
        kind: the error to raise.

    Raises:
        ResourceError: the disk is full.
        LabError: of ``kind``: the folder may not be written, or is no folder.
    """
    try:
        yield
    except OSError as error:
        came = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            do = "free some space, or choose a folder elsewhere"
            raise ResourceError(f"to write {what}", "a full disk", do) from error
        if isinstance(error, FileExistsError | NotADirectoryError):
            came = "a file in its place"
        raise kind(f"to write {what}", came, "choose another folder") from error
