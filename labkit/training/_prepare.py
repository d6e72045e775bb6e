"""What may become of a run directory: made anew, gone on with, or refused, before any work is done in it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from labkit._places import named
from labkit.data._load import with_fingerprints
from labkit.errors import RunError
from labkit.training import _rundir
from labkit.training._environment import digest, essence
from labkit.training._recipe import Recipe
from labkit.training._run import Run, new_directory


def prepare(recipe: Recipe, directory: str | os.PathLike[str] | None = None) -> Run:
    """Make the run directory with the recipe in it.

    Raises:
        RunError: the directory holds something else.
        ResourceError: it cannot be written.
    """
    folder = new_directory(recipe) if directory is None else named(directory).absolute()
    with _rundir.explaining(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / _rundir.RECIPE).exists():
            run = Run(folder)
            if run.status == "completed":
                raise RunError(
                    f"a new or unfinished run directory ({folder})", "a completed run", "choose another directory"
                )
            if not run.asked and run.status != "running":
                recipe.save(folder / _rundir.RECIPE)  # nothing of the other one was ever trained
            elif not begun_with(run, recipe):
                raise RunError(
                    f"the recipe that the run in {folder} began with",
                    "another recipe",
                    "resume it as it is, or choose another directory",
                )
            return run
        strangers = [path.name for path in folder.iterdir()]
        if strangers:
            raise RunError(
                f"an empty or new run directory ({folder})",
                f"a folder that holds {', '.join(sorted(strangers)[:3])}",
                "choose another directory: nothing is ever overwritten",
            )
        try:
            recipe.save(folder / _rundir.RECIPE)
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()
            raise
    return Run(folder)


def begun_with(run: Run, recipe: Recipe) -> bool:
    """Whether the run began with this recipe, before its gaps were filled in; and with its data, where it says which."""
    mine, theirs = recipe.data, run.recipe.data
    if mine.fingerprint not in ("", theirs.fingerprint):
        return False
    if mine.labels_fingerprint not in ("", theirs.labels_fingerprint):
        return False
    return recipe == run.recipe or digest(recipe) == run.asked


def pinned(recipe: Recipe, home: Path, begun: Iterable[Recipe]) -> Recipe:
    """The recipe with the fingerprints of its data, so that all that is trained by it is trained and judged on the same rows.

    Args:
        recipe: of several trainings.
        home: where they are.
        begun: the recipes of those that have begun already, maybe before a crash: they settle which data it is, and how many
            labels of a journal that has grown since.

    Raises:
        RunError: the data has changed since those began.
        DataError: it cannot be read.
    """
    before = next((one.data for one in begun if one.data.fingerprint), None)
    asked = recipe.data
    if before is not None and before.labels == asked.labels:
        asked = dataclasses.replace(asked, labels_fingerprint=asked.labels_fingerprint or before.labels_fingerprint)
    now = with_fingerprints(asked)
    if before is not None and before.fingerprint != now.fingerprint:
        raise RunError(
            f"the data that the trainings in {home} began with",
            "files whose content has changed since, or other files",
            "restore them, or choose another folder",
        )
    return recipe.with_values(data={"fingerprint": now.fingerprint, "labels_fingerprint": now.labels_fingerprint})


def recipes_in(places: Iterable[Path]) -> Iterator[Recipe]:
    """The recipes of the run directories that are there already."""
    return (Run(place).recipe for place in places if (place / _rundir.RECIPE).exists())


def reopen(run: Run) -> None:
    """Make an interrupted run of a completed one that has lost files."""
    damaged = run.damaged
    if not damaged:
        raise RunError(
            f"an unfinished run in {run.directory}", "a completed one", f"see: labkit evaluate {run.directory}"
        )
    for name, again in (
        (_rundir.RECIPE, ""),
        (_rundir.ENVIRONMENT, "described again"),
        (_rundir.MODEL, "trained again"),
    ):
        lost = [file for file in damaged if file == name or file.startswith(f"{name}/")]
        if lost and (not again or (run.directory / name).exists()):
            do = "restore that from a copy" + (f", or delete {name} and resume: it is then {again}" if again else "")
            raise RunError(f"a whole run in {run.directory}", f"missing or changed files: {', '.join(lost[:5])}", do)
    with _rundir.explaining(run.directory):
        (run.directory / _rundir.MANIFEST).unlink()


def require_same(recipe: Recipe, directory: Path) -> None:
    """Refuse a recipe that was cut or changed since the run began: the rest would be another training."""
    noted = directory / _rundir.ENVIRONMENT
    if not noted.exists():
        return
    began = _rundir.read_json(noted)
    if essence(recipe) != began.get("recipe") and digest(recipe) != began.get("asked"):
        raise RunError(
            f"the recipe that the run in {directory} began with",
            f"a {_rundir.RECIPE} that was cut or changed since",
            "restore that file, or train in a new directory",
        )
