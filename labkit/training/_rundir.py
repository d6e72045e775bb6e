"""The run directory: what lies where, and how it gets there whole.

    recipe.toml        everything that decides the result
    environment.json   versions, hardware, threads, precision, data fingerprint
    events.jsonl       what happened, a line each
    process.json       the process that trains, while one does
    checkpoints/       the newest and the best, until the run is complete
    model/             save_pretrained, safetensors
    predictions/       Parquet: test, validation, and each baseline on test
    metrics.json       the evaluation
    README.md          the model card
    manifest.json      written last: sizes of all of the above. Without it the run was interrupted and can be resumed

Every file is written under a temporary name and renamed. Reading a run loads neither torch nor transformers.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labkit._places import writable
from labkit.errors import RunError

RECIPE, ENVIRONMENT, EVENTS, PROCESS = "recipe.toml", "environment.json", "events.jsonl", "process.json"
STOP, LOG, RESERVE, LOCK = "stop", "log.txt", ".reserve", ".lock"
CHECKPOINTS, MODEL, PREDICTIONS = "checkpoints", "model", "predictions"
METRICS, CARD, MANIFEST = "metrics.json", "README.md", "manifest.json"
SEAL = "sizes.json"

_RESERVED = 256 * 1024  # bytes kept back, so that a full disk still has room for the last event


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def explaining(run: Path) -> contextlib.AbstractContextManager[None]:
    """Say in plain words why a run directory cannot be written.

    Raises:
        ResourceError: the disk is full.
        RunError: it may not be written, or is no folder.
    """
    return writable(f"the run directory {run}", RunError)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file of a run, which is always an object.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
        if not isinstance(found, dict):
            raise ValueError(f"a {type(found).__name__}, not an object")
        return found
    except FileNotFoundError:
        raise RunError(
            f"the file {path.name} in {path.parent}", "no such file", "resume the run, or train again"
        ) from None
    except (OSError, ValueError) as error:
        raise RunError(
            f"a readable {path.name} in {path.parent}",
            f"a damaged one ({error})",
            "delete that file and resume the run",
        ) from error


def fsync_tree(folder: Path) -> None:
    """Push every file of a folder to the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def publish(staged: Path, final: Path) -> None:
    """Move a finished folder to its place, in one rename."""
    fsync_tree(staged)
    if final.exists():
        shutil.rmtree(final)
    staged.rename(final)


def seal(folder: Path) -> None:
    """Note the sizes of a folder's files in it, so that damage done later shows."""
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}
    write_json(folder / SEAL, files)


def checkpoints(run: Path) -> list[tuple[int, Path]]:
    """Whole checkpoints with their steps, oldest first."""
    return [(step, folder) for step, folder in _numbered(run) if _whole(folder)]


def damaged_checkpoints(run: Path) -> list[tuple[int, Path]]:
    """Checkpoints that something outside labkit has changed, with their steps, oldest first."""
    return [(step, folder) for step, folder in _numbered(run) if not _whole(folder)]


def _numbered(run: Path) -> list[tuple[int, Path]]:
    names = ((folder.name.removeprefix("checkpoint-"), folder) for folder in (run / CHECKPOINTS).glob("checkpoint-*"))
    return sorted((int(step), folder) for step, folder in names if step.isdigit())


def _whole(folder: Path) -> bool:
    try:
        sizes = json.loads((folder / SEAL).read_text("utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def discard(run: Path) -> None:
    """Remove a run directory in which nothing was ever trained; leave one that holds anything else as it is."""
    if {path.name for path in run.iterdir()} <= {RECIPE, ENVIRONMENT, EVENTS, LOCK}:
        shutil.rmtree(run, ignore_errors=True)


def hold_reserve(run: Path) -> None:
    """Keep some disk back for the last event of a run that fills the disk."""
    (run / RESERVE).write_bytes(b"\0" * _RESERVED)


def release_reserve(run: Path) -> None:
    """Give the reserve back."""
    with contextlib.suppress(OSError):
        (run / RESERVE).unlink(missing_ok=True)


def write_manifest(run: Path) -> None:
    """List every file of a complete run with its size; this makes it complete."""
    skip = {PROCESS, STOP, LOG, RESERVE, LOCK, EVENTS, MANIFEST}
    files = {
        str(path.relative_to(run)): path.stat().st_size
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in skip and CHECKPOINTS not in path.relative_to(run).parts
    }
    write_json(run / MANIFEST, {"files": files})


def check_manifest(run: Path) -> list[str]:
    """Files of a complete run that are missing or of another size."""
    listed = read_json(run / MANIFEST).get("files")
    if not isinstance(listed, dict):
        return [MANIFEST]
    # a model card is there to be edited
    kept = {name: size for name, size in listed.items() if name != CARD}
    return [name for name, size in kept.items() if not (run / name).is_file() or (run / name).stat().st_size != size]


def claim(run: Path, pid: int) -> None:
    """Write down which process trains here.

    Raises:
        RunError: another one does already.
    """
    with explaining(run), _alone(run):
        other = owner(run)
        if other is not None and other != pid:
            raise RunError(
                f"a run directory that no process trains in ({run})",
                f"process {other} at work in it",
                "attach to it, or stop it",
            )
        if other is None:
            # left by a process that was killed; one for a claim that stands already is meant for this process
            (run / STOP).unlink(missing_ok=True)
        claim_for(run, pid)


@contextlib.contextmanager
def _alone(run: Path) -> Iterator[None]:
    """One process at a time looks whether a run directory is free and takes it."""
    import filelock

    with filelock.FileLock(run / LOCK, timeout=30):  # held for milliseconds
        yield


def claim_for(run: Path, pid: int) -> None:
    """Write down that ``pid`` trains here now; the caller owns the directory."""
    write_json(run / PROCESS, {"pid": pid, "created": _created(pid)})


def release(run: Path) -> None:
    """The process is done with this directory."""
    with contextlib.suppress(OSError):
        (run / STOP).unlink(missing_ok=True)
        (run / PROCESS).unlink(missing_ok=True)
        if (run / MANIFEST).exists():  # nobody claims a complete run
            (run / LOCK).unlink(missing_ok=True)


def owner(run: Path) -> int | None:
    """The id of the living process that trains in this directory, if there is one."""
    try:
        noted = json.loads((run / PROCESS).read_text("utf-8"))
        pid, created = int(noted["pid"]), float(noted["created"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    now = _created(pid)
    # process ids are used again: the start time tells one from another
    return pid if now and abs(now - created) < 2 else None


def _created(pid: int) -> float:
    import psutil

    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return 0.0
