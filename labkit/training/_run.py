"""A run, looked at from outside: its state, events, results, and the few things one can ask of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit import events
from labkit._places import named
from labkit.errors import LabError, RunError, UnknownName
from labkit.events import Event, RunEnded, RunStarted, Status
from labkit.training import _rundir
from labkit.training._recipe import Recipe

if TYPE_CHECKING:
    from labkit.evaluation import Evaluation

_DIED = (
    "The process ended without a word: it was killed, most often because memory ran out or the machine went down. "
    "Every checkpoint saved before is intact; resume the run."
)


class Run:
    """A run directory. Everything is read from files, so any process can hold one, at any time.

    Args:
        directory: the run directory.

    Raises:
        RunError: there is no run in it.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = named(directory).absolute()
        if not (self.directory / _rundir.RECIPE).is_file():
            came = "a folder without recipe.toml" if self.directory.is_dir() else "no such folder"
            came = "a file" if self.directory.is_file() else came
            raise RunError(f"a run directory in {self.directory}", came, "list the runs with: labkit runs")

    def __repr__(self) -> str:
        return f"Run({str(self.directory)!r}, {self.status})"

    @property
    def recipe(self) -> Recipe:
        """The recipe, with everything that was left to the machine filled in once the run has started."""
        return Recipe.load(self.directory / _rundir.RECIPE)

    @property
    def environment(self) -> dict[str, Any]:
        """Versions, hardware, threads, precision, data fingerprint."""
        environment: dict[str, Any] = _rundir.read_json(self.directory / _rundir.ENVIRONMENT)
        return environment

    @property
    def asked(self) -> str:
        """The digest of the recipe as it was given; empty before the run has started."""
        noted = self.directory / _rundir.ENVIRONMENT
        return str(_rundir.read_json(noted).get("asked", "")) if noted.exists() else ""

    @property
    def status(self) -> Status:
        """running, completed, stopped, failed, or interrupted (the process is gone and said nothing)."""
        # the manifest is written a moment before the last event
        if _rundir.owner(self.directory) is not None:
            return "running"
        if (self.directory / _rundir.MANIFEST).exists():
            return "completed"
        ended = self._ended()
        return ended.status if ended and ended.status in ("stopped", "failed") else "interrupted"

    @property
    def damaged(self) -> list[str]:
        """Files of a completed run that are missing or of another size than when it ended."""
        return _rundir.check_manifest(self.directory) if (self.directory / _rundir.MANIFEST).exists() else []

    @property
    def error(self) -> str:
        """Why the run failed or was interrupted; empty where it was not."""
        status = self.status
        if status == "interrupted":
            return _DIED
        ended = self._ended()
        return ended.error if ended and status == "failed" else ""

    def events(self) -> list[Event]:
        """Everything that happened so far."""
        return events.read(self.directory / _rundir.EVENTS)

    def watch(self, *, poll: float = 0.3) -> Iterator[Event]:
        """Yield every event from the beginning, waiting for more until the run ends.

        Args:
            poll: seconds between looks at the file.
        """
        offset = 0
        while True:
            running = self.status == "running"
            for event, behind in events.follow(self.directory / _rundir.EVENTS, offset):
                offset = behind
                yield event
            if not running:
                return
            time.sleep(poll)

    def stop(self) -> None:
        """Ask the run to save a checkpoint and stop, after the current step."""
        if self.status != "running":
            raise RunError(f"a running run in {self.directory}", f"one that is {self.status}")
        (self.directory / _rundir.STOP).touch()

    def wait(self, timeout: float | None = None) -> Status:
        """Wait until no process works on the run, and return its status.

        Args:
            timeout: seconds after which to raise TimeoutError; None: never.
        """
        began = time.monotonic()
        while (status := self.status) == "running":
            if timeout is not None and time.monotonic() - began > timeout:
                raise TimeoutError(f"the run in {self.directory} is still running after {timeout} s")
            time.sleep(0.2)
        return status

    @property
    def model_folder(self) -> Path:
        """Where the fine-tuned model lies; plain transformers loads it.

        Raises:
            RunError: the run has no model yet.
        """
        folder = self.directory / _rundir.MODEL
        if not (folder / "config.json").is_file():
            raise RunError(f"a model in {folder}", f"a run that is {self.status}", "resume the run, or train again")
        return folder

    @property
    def evaluations(self) -> dict[str, Evaluation]:
        """The stored evaluation of each split."""
        from labkit.evaluation import Evaluation

        path = self.directory / _rundir.METRICS
        stored = _rundir.read_json(path)
        try:
            return {split: Evaluation.from_dict(stored[split]) for split in ("validation", "test") if split in stored}
        except LabError as error:
            do = "delete that file and resume the run"
            raise RunError(f"whole evaluations in {path}", error.came or str(error), do) from error

    @property
    def evaluation(self) -> Evaluation:
        """The evaluation that counts: on the test split, or on validation where there is no test split."""
        found = self.evaluations
        if not found:
            raise RunError(
                f"an evaluation in {self.directory}",
                "a run without validation or test rows",
                "run: labkit evaluate RUN DATA",
            )
        return found.get("test") or found["validation"]

    def predictions(self, split: str = "test", baseline: str | None = None) -> Any:
        """Stored predictions of a split, of the model or of a baseline (``"majority-class"``, …).

        Raises:
            UnknownName: there are none of that name.
        """
        from labkit.tasks import load_predictions

        folder = self.directory / _rundir.PREDICTIONS
        name = f"{split}.{baseline}" if baseline else split
        if not (folder / f"{name}.parquet").is_file():
            raise UnknownName("stored prediction", name, sorted(p.stem for p in folder.glob("*.parquet")))
        return load_predictions(folder / f"{name}.parquet")

    def summary(self) -> dict[str, Any]:
        """What a list of runs shows: name, status, model, data, figures and time.

        Raises:
            RunError: a completed run that was damaged since.
        """
        recipe = self.recipe
        damaged = self.damaged
        if damaged:
            came = f"missing or changed files: {', '.join(damaged[:5])}"
            do = "restore them from a copy"
            if _rundir.RECIPE not in damaged:
                do += f", or make them again with: labkit train --resume {self.directory}"
            raise RunError("a whole run", came, do)
        happened = self.events()
        ended = [e for e in happened if isinstance(e, RunEnded)]
        metrics = ended[-1].metrics if ended else {}
        if not metrics and self.status == "completed" and self.evaluations:  # the last line of the events was torn
            metrics = {name: estimate.value for name, estimate in self.evaluation.headline.items()}
        started = [e for e in happened if isinstance(e, RunStarted)]
        return {
            "run": self.directory.name,
            "directory": str(self.directory),
            "status": self.status,
            "task": recipe.task,
            "model": recipe.model.name,
            "data": recipe.data.train,
            "seed": recipe.seed,
            "started": started[0].time if started else None,
            "seconds": sum(e.seconds for e in ended),
            "step": max((getattr(e, "step", 0) for e in happened), default=0),
            "steps": started[-1].steps if started else 0,
            "metrics": metrics,
        }

    def _ended(self) -> RunEnded | None:
        """The last word of the last process, unless a later one began and said nothing."""
        last: RunEnded | None = None
        for event in self.events():
            if isinstance(event, RunEnded):
                last = event
            elif isinstance(event, RunStarted):
                last = None
        return last


def attach(directory: str | os.PathLike[str]) -> Run:
    """The run in a directory, whether it runs, has ended or was interrupted. The same as ``Run(directory)``."""
    return Run(directory)


def runs(folder: str | os.PathLike[str] = "runs") -> list[Run]:
    """All runs below a folder, newest first; an empty list where the folder is missing."""
    found = [path.parent for path in Path(folder).expanduser().glob(f"*/{_rundir.RECIPE}")]
    return [Run(path) for path in sorted(found, key=lambda p: (p / _rundir.RECIPE).stat().st_mtime, reverse=True)]


def new_directory(recipe: Recipe, folder: str | os.PathLike[str] = "runs", *, what: str = "") -> Path:
    """A free directory name below ``runs/``: when, which data, which model, and what is done with them, where that is said."""
    stem = Path(recipe.data.train).name.split(".")[0] or "data"
    if stem in ("train", "data"):
        stem = Path(recipe.data.train).parent.name or stem
    model = Path(recipe.model.name).name
    name = "-".join([time.strftime("%Y%m%d-%H%M%S"), _plain(stem), _plain(model), *([what] if what else [])])
    home = Path(folder).absolute()
    for extra in ("", *(f"-{i}" for i in range(2, 1000))):
        if not (home / f"{name}{extra}").exists():
            return home / f"{name}{extra}"
    raise RunError(f"a free name in {home}", "a thousand runs of this second")


def _plain(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in text)[:40]
