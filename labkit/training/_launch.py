"""Training as a process of its own: it outlives the notebook, the kernel and the terminal that started it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from labkit.training import _rundir
from labkit.training._prepare import prepare
from labkit.training._recipe import Recipe
from labkit.training._run import Run


def launch(recipe: Recipe, directory: str | os.PathLike[str] | None = None) -> Run:
    """Start training in a detached process and return at once.

    The handle reads files only: a later process gets the same one from ``attach(directory)``.

    Args:
        recipe: everything that decides the result.
        directory: the run directory; a new one under ``runs/`` when None. One that holds an interrupted run of the same
            recipe is resumed.

    Raises:
        RunError: the directory holds another run, a finished one, or one that a process works on.
    """
    run = prepare(recipe, directory)
    start(run.directory)
    return run


def relaunch(directory: str | os.PathLike[str]) -> Run:
    """Go on with an interrupted, stopped or failed run in a detached process.

    Raises:
        RunError: no run there, a finished one, or one that a process works on.
    """
    run = Run(directory)
    prepare(run.recipe, run.directory)
    start(run.directory)
    return run


def start(directory: Path, *, stale: Sequence[str] = ()) -> None:
    """Start a detached process that does what a directory of a run or a job is for; its output goes into the log there.

    Args:
        directory: is claimed first.
        stale: files of an earlier attempt, which go away.

    Raises:
        RunError: a process works there.
    """
    _rundir.claim(directory, os.getpid())  # refuses a busy directory before a process is made
    try:
        for name in stale:
            (directory / name).unlink(missing_ok=True)
        with (directory / _rundir.LOG).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "labkit.training._worker", str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # no signal meant for the parent's terminal reaches it
            )
    except OSError:
        _rundir.release(directory)
        raise
    _rundir.claim_for(directory, process.pid)
    _CHILDREN.append(process)


_CHILDREN: list[subprocess.Popen[bytes]] = []
"""Kept so that a finished child is reaped when the next one starts, and no warning comes at exit."""
