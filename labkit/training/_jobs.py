"""Jobs: procedures in a process of their own, which outlives the notebook that started it."""

from __future__ import annotations

import dataclasses
import os
import time
import traceback
from pathlib import Path
from typing import Any, Literal

from labkit._places import named
from labkit.errors import LabError, RunError
from labkit.events import Event, RunStarted, StepLogged
from labkit.training import _rundir
from labkit.training._launch import start
from labkit.training._procedures import JobAnswer, procedure_of
from labkit.training._recipe import Recipe
from labkit.training._run import new_directory

_JOB, _ANSWER, _PROGRESS, _WORK = "job.json", "answer.json", "progress.json", "work"
_TELLING = 0.5  # seconds between notes of the progress

JobStatus = Literal["running", "completed", "stopped", "failed", "interrupted"]


class Job:
    """A job by its directory, from any process.

    Raises:
        RunError: there is none.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = named(directory).absolute()
        if not is_job(self.directory):
            raise RunError(f"a job in {self.directory}", "none", "start one: labkit.training.launch_job(…)")
        self._noted = _rundir.read_json(self.directory / _JOB)

    def __repr__(self) -> str:
        return f"Job({str(self.directory)!r}: {self.kind}, {self.status})"

    @property
    def kind(self) -> str:
        """Which of ``PROCEDURES``."""
        return str(self._noted["kind"])

    @property
    def options(self) -> dict[str, Any]:
        """Of the procedure, those that are not as they are by default."""
        return dict(self._noted["options"])

    @property
    def recipe(self) -> Recipe:
        """What it is about."""
        return Recipe.from_dict(self._noted["recipe"])

    @property
    def status(self) -> JobStatus:
        """running, completed, failed, stopped, or interrupted (the process is gone and said nothing)."""
        if _rundir.owner(self.directory) is not None:
            return "running"
        if (self.directory / _ANSWER).exists():
            return "failed" if self.error else "completed"
        return "stopped" if (self.directory / _rundir.STOP).exists() else "interrupted"

    @property
    def error(self) -> str:
        """Why it failed; empty where it did not."""
        return str(self._answered().get("error", ""))

    @property
    def answer(self) -> JobAnswer | None:
        """What came of it; None before that."""
        found = self._answered()
        return None if not found or found.get("error") else JobAnswer(**found)

    @property
    def progress(self) -> dict[str, Any]:
        """``part`` in words, ``done`` of ``parts``, and ``step`` of ``steps`` of the training that is at work."""
        file = self.directory / _PROGRESS
        return _rundir.read_json(file) if file.exists() else {}

    def stop(self) -> None:
        """Ask it to stop: the training at work saves a checkpoint first, and ``launch_job`` goes on with what is there.

        Raises:
            RunError: it is not running.
        """
        import psutil

        process = _rundir.owner(self.directory)
        if process is None:
            raise RunError(f"a running job in {self.directory}", f"one that is {self.status}")
        (self.directory / _rundir.STOP).touch()
        psutil.Process(process).terminate()

    def wait(self, timeout: float | None = None) -> JobStatus:
        """Wait until no process works on it, and return its status.

        Args:
            timeout: seconds after which to raise TimeoutError; None: never.
        """
        began = time.monotonic()
        while (status := self.status) == "running":
            if timeout is not None and time.monotonic() - began > timeout:
                raise TimeoutError(f"the job in {self.directory} is still running after {timeout} s")
            time.sleep(0.2)
        return status

    def _answered(self) -> dict[str, Any]:
        file = self.directory / _ANSWER
        return _rundir.read_json(file) if file.exists() else {}


def jobs(folder: str | os.PathLike[str] = "runs") -> list[Job]:
    """All jobs below a folder, newest first; an empty list where the folder is missing."""
    found = Path(folder).expanduser().glob(f"*/{_JOB}")
    return [Job(path.parent) for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]


def launch_job(kind: str, recipe: Recipe, directory: str | os.PathLike[str] | None = None, **options: Any) -> Job:
    """Start one of ``PROCEDURES`` in a detached process and return at once.

    "cross-validate", "seeds" and "search" train the recipe many times; "rate" finds a learning rate; "adapt" goes on
    pretraining the recipe's base model on raw text; "zero-shot" judges it untrained. They are what the calls of these names do:
    ``cross_validate``, ``compare``, ``search``, ``find_learning_rate``, ``adapt`` and ``zero_shot``.

    Args:
        kind: which.
        recipe: what it is about.
        directory: of the job; a new one under ``runs/`` when None. One that holds a stopped, failed or killed job of the same
            recipe and options is gone on with.
        options: of the procedure: ``folds``, ``repeats``; ``seeds``; ``trials``, ``space``, ``prune``; ``steps``; ``method``,
            ``texts``, ``general``, ``epochs``; ``method``, ``template``.

    Raises:
        UnknownName: no such procedure.
        RecipeError: options that do not exist, or values that cannot work.
        RunError: the directory holds something else, a completed job, or one that a process works on.
    """
    made = procedure_of(kind, options)
    made.check(recipe)
    changed = {name: value for name, value in options.items() if getattr(made, name) != getattr(type(made), name)}
    asked = {"kind": kind, "options": changed, "recipe": recipe.to_dict()}
    home = new_directory(recipe, what=kind) if directory is None else named(directory).absolute()
    with _rundir.explaining(home):
        home.mkdir(parents=True, exist_ok=True)
        if (home / _JOB).exists():
            if _rundir.read_json(home / _JOB) != asked:
                raise RunError(f"the job that {home} began with", "another one", "choose another folder")
            if Job(home).status == "completed":
                raise RunError(f"an unfinished job in {home}", "a completed one", "see Job(…).answer")
        elif any(home.iterdir()):
            raise RunError(f"an empty or new folder in {home}", "one that holds something else", "choose another")
        else:
            _rundir.write_json(home / _JOB, asked)
    start(home, stale=(_ANSWER, _PROGRESS))
    return Job(home)


def is_job(directory: Path) -> bool:
    """Whether a directory is that of a job."""
    return (directory / _JOB).is_file()


def work(home: Path) -> int:
    """Do the job of a directory, in this process; its answer, or why there is none, goes into a file there."""
    job = Job(home)
    last, steps = 0.0, 0

    def tell(part: str, done: int, parts: int, event: Event) -> None:
        nonlocal last, steps
        if isinstance(event, RunStarted):
            steps = event.steps
        elif not isinstance(event, StepLogged):
            return
        if time.monotonic() - last > _TELLING or isinstance(event, RunStarted):
            last = time.monotonic()
            step = getattr(event, "step", 0)
            noted = {"part": part, "done": done, "parts": parts, "step": step, "steps": steps}
            _rundir.write_json(home / _PROGRESS, noted)

    try:
        answer = procedure_of(job.kind, job.options).run(job.recipe, home / _WORK, tell)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if (home / _rundir.STOP).exists():
            return 130  # a training that was asked to stop says that it is not complete
        traceback.print_exc()  # into the log
        said = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"
        _rundir.write_json(home / _ANSWER, {"error": said})
        return 1
    _rundir.write_json(home / _ANSWER, dataclasses.asdict(answer))
    return 0
