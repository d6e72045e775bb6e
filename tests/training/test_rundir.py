"""The run directory: files come whole or not at all, and one process at a time works in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from labkit.errors import RunError
from labkit.training import _rundir


def dead_process() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.json"
    _rundir.write_json(path, {"accuracy": 0.5})

    def die(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", die)
    with pytest.raises(KeyboardInterrupt):
        _rundir.write_json(path, {"accuracy": 0.9})
    assert _rundir.read_json(path) == {"accuracy": 0.5}
    monkeypatch.undo()
    _rundir.write_json(path, {"accuracy": 0.9, "text": "Grüße"})
    assert _rundir.read_json(path) == {"accuracy": 0.9, "text": "Grüße"}
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text('{"accuracy": ')
    with pytest.raises(RunError, match=r"readable metrics\.json"):
        _rundir.read_json(tmp_path / "metrics.json")
    with pytest.raises(RunError, match=r"the file environment\.json"):
        _rundir.read_json(tmp_path / "environment.json")


def test_a_directory_belongs_to_one_living_process(tmp_path: Path) -> None:
    assert _rundir.owner(tmp_path) is None
    other = psutil.Process().ppid()
    _rundir.claim_for(tmp_path, other)
    assert _rundir.owner(tmp_path) == other
    with pytest.raises(RunError, match=f"process {other} at work in it"):
        _rundir.claim(tmp_path, os.getpid())
    _rundir.release(tmp_path)
    _rundir.claim(tmp_path, os.getpid())
    _rundir.claim(tmp_path, os.getpid())  # its own claim is no obstacle
    assert _rundir.owner(tmp_path) == os.getpid()


def test_a_dead_process_owns_nothing(tmp_path: Path) -> None:
    (tmp_path / _rundir.PROCESS).write_text(json.dumps({"pid": dead_process(), "created": 1.0}))
    assert _rundir.owner(tmp_path) is None
    _rundir.claim(tmp_path, os.getpid())
    assert _rundir.owner(tmp_path) == os.getpid()


def test_a_process_id_that_was_used_again_owns_nothing(tmp_path: Path) -> None:
    began = psutil.Process().create_time()
    (tmp_path / _rundir.PROCESS).write_text(json.dumps({"pid": os.getpid(), "created": began - 3600}))
    assert _rundir.owner(tmp_path) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "x", "created": 1}', "\x00"])
def test_a_torn_note_of_the_process_is_nobody(content: str, tmp_path: Path) -> None:
    (tmp_path / _rundir.PROCESS).write_text(content)
    assert _rundir.owner(tmp_path) is None


def test_a_stop_left_behind_does_not_stop_the_next_process(tmp_path: Path) -> None:
    (tmp_path / _rundir.STOP).touch()
    _rundir.claim(tmp_path, os.getpid())
    assert not (tmp_path / _rundir.STOP).exists()


def test_a_stop_asked_for_while_the_process_starts_is_kept(tmp_path: Path) -> None:
    """``launch`` claims the directory for the process; a stop may come before that process is ready to look."""
    _rundir.claim_for(tmp_path, os.getpid())
    (tmp_path / _rundir.STOP).touch()
    _rundir.claim(tmp_path, os.getpid())
    assert (tmp_path / _rundir.STOP).exists()
    _rundir.release(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] in ([], [_rundir.LOCK])


def test_of_many_that_claim_at_once_one_gets_it(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from labkit.training import _rundir\n"
        "from labkit.errors import RunError\n"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()))\n"
        "try:\n    _rundir.claim(Path(sys.argv[1]), os.getpid()); print('mine', flush=True)\n"
        "except RunError: print('taken', flush=True)\n"
        "sys.stdin.read()"
    )
    start = str(time.time() + 4)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), start], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    said = [racer.stdout.readline().strip() for racer in racers if racer.stdout]
    for racer in racers:
        racer.communicate()
    assert sorted(said) == ["mine", "taken", "taken", "taken"]


def test_manifest_finds_files_that_changed(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"x" * 100)
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "events.jsonl").write_text("grows")
    _rundir.write_manifest(tmp_path)
    (tmp_path / "events.jsonl").write_text("grows and grows")
    assert _rundir.check_manifest(tmp_path) == []
    (tmp_path / "model" / "model.safetensors").write_bytes(b"x" * 99)
    (tmp_path / "metrics.json").unlink()
    assert sorted(_rundir.check_manifest(tmp_path)) == ["metrics.json", "model/model.safetensors"]


def make_checkpoint(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("model.safetensors", "optimizer.pt", "trainer_state.json"):
        (folder / name).write_bytes(b"x" * 50)
    _rundir.seal(folder)
    return folder


def test_checkpoints_are_listed_by_step(tmp_path: Path) -> None:
    home = tmp_path / _rundir.CHECKPOINTS
    for step in (100, 9, 20):
        make_checkpoint(home / f"checkpoint-{step}")
    assert [step for step, _ in _rundir.checkpoints(tmp_path)] == [9, 20, 100]
    assert _rundir.damaged_checkpoints(tmp_path) == []


def test_folders_that_are_no_whole_checkpoint_do_not_count(tmp_path: Path) -> None:
    home = tmp_path / _rundir.CHECKPOINTS
    make_checkpoint(home / "checkpoint-1")
    make_checkpoint(home / "staging" / "checkpoint-2")
    make_checkpoint(home / "checkpoint-best")
    (home / "checkpoint-3").mkdir()
    with (make_checkpoint(home / "checkpoint-4") / "model.safetensors").open("ab") as file:
        file.truncate(10)
    (make_checkpoint(home / "checkpoint-5") / "optimizer.pt").unlink()
    (make_checkpoint(home / "checkpoint-6") / _rundir.SEAL).write_text("{")
    assert [step for step, _ in _rundir.checkpoints(tmp_path)] == [1]
    assert [step for step, _ in _rundir.damaged_checkpoints(tmp_path)] == [3, 4, 5, 6]


def test_publishing_replaces_what_was_there(tmp_path: Path) -> None:
    for name, content in (("staged", "new"), ("final", "old")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{content}.txt").write_text(content)
    _rundir.publish(tmp_path / "staged", tmp_path / "final")
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.txt")] == ["final/new.txt"]
    assert not (tmp_path / "staged").exists()
