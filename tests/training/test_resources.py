"""Memory or disk runs out: plain words, an event, and nothing lost."""

from __future__ import annotations

import ctypes
import errno
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import toy_recipe

from labkit.errors import LabError, ResourceError
from labkit.events import RunEnded, RunStarted
from labkit.training import Run, _rundir, resume, train
from labkit.training._memory import PeakMemory, resident_mb
from labkit.training._trainer import LabTrainer


def failing_at(call: int, error: BaseException, method: Any) -> Any:
    """The method, whose n-th call raises."""
    calls = 0

    def instead(*args: Any, **settings: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise error
        return method(*args, **settings)

    return instead


def failed_run(recipe: Any, directory: Path) -> Run:
    with pytest.raises(ResourceError) as caught:
        train(recipe, directory)
    run = Run(directory)
    assert run.status == "failed"
    assert run.error == str(caught.value)
    (ended,) = [e for e in run.events() if isinstance(e, RunEnded)]
    assert ended.error == run.error and "Traceback" not in run.error and "\n" not in run.error
    assert not (directory / _rundir.RESERVE).exists()
    assert not list(directory.rglob("staging"))
    return run


def resumed_from(run: Run) -> int:
    return [e.from_step for e in run.events() if isinstance(e, RunStarted)][-1]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"
        ),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    ids=["torch", "cuda", "python", "system"],
)
def test_no_memory_for_a_step(
    error: BaseException,
    short_run: Run,
    toy_data: Path,
    toy_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LabTrainer, "training_step", failing_at(10, error, LabTrainer.training_step))
    run = failed_run(toy_recipe(toy_data, toy_model), tmp_path / "run")
    assert "memory" in run.error and "smaller optimizer.batch_size" in run.error
    assert [step for step, _ in _rundir.checkpoints(run.directory)] == [6]
    again = resume(run.directory)
    assert resumed_from(again) == 6
    assert np.array_equal(again.predictions().probabilities, short_run.predictions().probabilities)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError('[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed writing file data/3: file write'),
        Exception('Error while serializing: I/O error: Os { code: 28, kind: StorageFull, message: "No space left" }'),
    ],
    ids=["system", "torch", "safetensors"],
)  # fmt: skip
def test_no_room_for_a_checkpoint(
    error: BaseException,
    short_run: Run,
    toy_data: Path,
    toy_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It runs out while the second one is written, of which a part is there already."""
    save = failing_at(2, error, LabTrainer._save_optimizer_and_scheduler)
    monkeypatch.setattr(LabTrainer, "_save_optimizer_and_scheduler", save)
    run = failed_run(toy_recipe(toy_data, toy_model), tmp_path / "run")
    assert "room on the disk" in run.error and "every checkpoint saved so far is intact" in run.error
    assert [path.name for path in (run.directory / "checkpoints").iterdir()] == ["checkpoint-6"]
    again = resume(run.directory)
    assert resumed_from(again) == 6
    assert np.array_equal(again.predictions().probabilities, short_run.predictions().probabilities)


def test_no_room_for_the_model_or_the_figures(
    short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = toy_recipe(toy_data, toy_model)
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(_rundir, "publish", failing_at(4, full, _rundir.publish))  # three checkpoints go before
    run = failed_run(recipe, tmp_path / "run")
    assert not (run.directory / "model").exists()
    monkeypatch.undo()
    monkeypatch.setattr("labkit.tasks.Predictions.save", failing_at(2, full, short_run.predictions().__class__.save))
    with pytest.raises(ResourceError):
        resume(run.directory)
    assert run.status == "failed"
    monkeypatch.undo()
    again = resume(run.directory)
    assert np.array_equal(again.predictions().probabilities, short_run.predictions().probabilities)
    assert not list(run.directory.rglob("*.partial"))


def test_memory_that_runs_low_saves_before_it_is_too_late(
    short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([1000.0] * 8 + [100.0] * 10)
    monkeypatch.setattr("labkit.training._trainer._free_memory_mb", lambda: next(free))
    run = failed_run(toy_recipe(toy_data, toy_model), tmp_path / "run")
    assert "Close other programs and resume" in run.error
    monkeypatch.undo()
    again = resume(run.directory)
    assert resumed_from(again) == 9
    assert np.array_equal(again.predictions().probabilities, short_run.predictions().probabilities)


def test_even_the_last_event_finding_no_room_the_error_gets_out(
    toy_data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labkit.events import EventLog

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(EventLog, "append", full)
    with pytest.raises(ResourceError, match="room on the disk"):
        train(toy_recipe(toy_data, toy_model), tmp_path / "run")


def test_a_full_disk_has_room_kept_back_for_the_last_event(
    toy_data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reserve lies there while the run trains, and is given back before the last event is written."""
    held: list[bool] = []
    home = tmp_path / "run"
    reserve = home / _rundir.RESERVE
    train(toy_recipe(toy_data, toy_model, budget={"epochs": 0.2}), home, watch=lambda e: held.append(reserve.exists()))
    assert all(held[:-1]) and not held[-1]


def test_other_errors_stay_what_they_are(
    toy_data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = RuntimeError("The size of tensor a (3) must match the size of tensor b (4)")
    monkeypatch.setattr(LabTrainer, "training_step", failing_at(2, error, LabTrainer.training_step))
    with pytest.raises(RuntimeError, match="size of tensor"):
        train(toy_recipe(toy_data, toy_model), tmp_path / "run")
    assert Run(tmp_path / "run").error == f"RuntimeError: {error}"


def test_training_that_diverges_says_so(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    wild = {"learning_rate": 1.0, "max_gradient_norm": 0.0, "warmup": 0.0, "schedule": "constant", "weight_decay": 0.0}
    recipe = toy_recipe(toy_data, toy_model, optimizer={**wild, "epsilon": 0.0, "beta2": 0.0}, budget={"epochs": 40})
    with pytest.raises(LabError, match="diverged"):
        train(recipe, tmp_path / "run")
    assert "optimizer.learning_rate" in Run(tmp_path / "run").error


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="the C library keeps what was freed",
)
def test_the_peak_of_a_run_is_not_that_of_an_earlier_one() -> None:
    many = [bytes(1000) for _ in range(300_000)]
    held = resident_mb()
    del many[:-1]  # the last one stays, on top of all that is free
    assert PeakMemory().stop() < held - 200
