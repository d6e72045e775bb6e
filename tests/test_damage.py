"""Damaged run directories, disks that refuse, and interruptions: it is said what to do, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from desk import GOOD, Desk, files
from toys import toy_recipe, toy_rows, write_csv

from labkit.errors import ResourceError
from labkit.events import Evaluated
from labkit.training import Run, resume, train

# --- damaged run directories ----------------------------------------------------------------------------------------


@pytest.fixture
def copied(desk: Desk, toy_run: Run) -> Path:
    """A copy of a complete run."""
    return Path(shutil.copytree(toy_run.directory, desk.home / "run"))


@pytest.fixture(scope="module")
def stopped_once(toy_data: Path, toy_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped after two of three epochs."""
    home = tmp_path_factory.mktemp("stopped") / "run"

    def stop(event: object) -> None:
        if isinstance(event, Evaluated) and event.epoch >= 2:
            (home / "stop").touch()

    assert train(toy_recipe(toy_data, toy_model), home, watch=stop).status == "stopped"
    return home


@pytest.fixture
def stopped(desk: Desk, stopped_once: Path) -> Path:
    """A copy of the stopped run."""
    return Path(shutil.copytree(stopped_once, desk.home / "run"))


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("damage", [halve, remove])
@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_model_is_never_used(
    name: str, damage: Callable[[Path], None], desk: Desk, copied: Path, toy_data: Path
) -> None:
    damage(copied / "model" / name)
    for command in (("predict", copied, toy_data, "--out", "p.csv"), ("evaluate", copied, toy_data)):
        message = desk.refused(*command)
        assert f"model/{name}" in message and f"labkit train --resume {copied}" in message
    assert f"model/{name}" in desk.refused("train", "--resume", copied)
    _, out, _ = desk.say("runs", ".")
    assert "damaged" in out and f"model/{name}" in out
    (copied / "manifest.json").unlink()  # the same, where the run was interrupted before its end
    if name != "config.json":
        assert "a whole model in" in desk.refused("predict", copied, toy_data, "--out", "p.csv")


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: halve(run / "metrics.json"),
        lambda run: (run / "metrics.json").write_text("[]"),
        lambda run: (run / "metrics.json").write_text('{"test": {}}'),
        lambda run: remove(run / "metrics.json"),
        lambda run: remove(run / "manifest.json"),
        lambda run: halve(run / "predictions" / "test.parquet"),
        lambda run: remove(run / "model"),
        lambda run: [remove(path) for path in run.iterdir() if path.name != "recipe.toml"],
    ],
    ids=["cut metrics", "list", "no values", "no metrics", "no manifest", "cut predictions", "no model", "recipe only"],
)
def test_resuming_makes_again_what_is_missing(
    damage: Callable[[Path], object], desk: Desk, copied: Path, toy_run: Run
) -> None:
    damage(copied)
    code, _, err = desk.say("evaluate", copied)
    assert code == 0 or "metrics.json" in err
    code, _, err = desk.say("train", "--resume", copied)
    assert code == 0, err
    assert Run(copied).evaluation.to_dict() == toy_run.evaluation.to_dict()
    assert set(files(copied)) == set(files(toy_run.directory)) and Run(copied).damaged == []


@pytest.mark.parametrize("content", ['{"files": [', "[1]", "{}", '{"files": 3}'])
def test_a_damaged_manifest(content: str, desk: Desk, copied: Path, toy_data: Path) -> None:
    (copied / "manifest.json").write_text(content)
    code, out, _ = desk.say("runs", ".")
    assert code == 0 and "manifest.json" in out
    code, _, err = desk.say("predict", copied, toy_data, "--out", "p.csv")
    assert code == 0 or "manifest.json" in err


def test_a_model_card_may_be_edited(desk: Desk, copied: Path) -> None:
    (copied / "README.md").write_text("my own words")
    assert Run(copied).damaged == []
    assert "completed" in desk.say("runs", ".")[1]


def test_a_cut_recipe_never_trains_something_else(desk: Desk, copied: Path, stopped_once: Path) -> None:
    text = (copied / "recipe.toml").read_text()
    cut = text[: text.index("[budget]")]  # still a valid recipe, with other epochs
    (copied / "recipe.toml").write_text(cut)
    assert "recipe.toml" in desk.refused("train", "--resume", copied)
    shutil.rmtree(copied)
    shutil.copytree(stopped_once, copied)
    (copied / "recipe.toml").write_text((copied / "recipe.toml").read_text().split("[budget]")[0])
    code, _, err = desk.say("train", "--resume", copied)
    assert code == 1 and "cut or changed since" in err
    assert (copied / "checkpoints").is_dir()


def test_a_recipe_that_is_binary(desk: Desk, copied: Path, toy_data: Path) -> None:
    (copied / "recipe.toml").write_bytes(b"\xff\x00")
    assert "recipe.toml is no TOML" in desk.refused("predict", copied, toy_data, "--out", "p.csv")
    assert "recipe.toml is no TOML" in desk.say("runs", ".")[1]


@pytest.mark.parametrize("name", ["environment.json", "events.jsonl"])
def test_stopped_runs_whose_files_are_gone_go_on(name: str, desk: Desk, stopped: Path, short_run: Run) -> None:
    remove(stopped / name)
    code, _, err = desk.say("train", "--resume", stopped)
    assert code == 0 and "from step" in err
    assert Run(stopped).evaluation.to_dict() == short_run.evaluation.to_dict()


def test_a_cut_environment_says_what_to_do(desk: Desk, stopped: Path, short_run: Run) -> None:
    halve(stopped / "environment.json")
    code, _, err = desk.say("train", "--resume", stopped)
    assert code == 1 and "environment.json" in err and "Delete that file and resume" in err
    remove(stopped / "environment.json")
    assert desk.say("train", "--resume", stopped)[0] == 0
    assert Run(stopped).evaluation.to_dict() == short_run.evaluation.to_dict()


def test_a_folder_that_is_no_run(desk: Desk) -> None:
    (desk.home / "empty").mkdir()
    desk.put("toy.csv", GOOD)
    for command in (("evaluate", "empty"), ("predict", "empty", "toy.csv"), ("train", "--resume", "empty")):
        assert "without recipe.toml" in desk.refused(*command)
    assert "a file" in desk.refused("evaluate", "toy.csv")


@pytest.mark.parametrize("change", ["deleted", "changed"])
def test_data_that_is_not_what_it_was(change: str, desk: Desk) -> None:
    write_csv(desk.home / "own.csv", toy_rows())

    def stop(event: object) -> None:
        if isinstance(event, Evaluated):
            (desk.home / "run" / "stop").touch()

    recipe = toy_recipe(desk.home / "own.csv", desk.model)
    assert train(recipe, desk.home / "run", watch=stop).status == "stopped"
    saved = files(desk.home / "run" / "checkpoints")
    if change == "deleted":
        (desk.home / "own.csv").rename(desk.home / "moved.csv")
    else:
        write_csv(desk.home / "own.csv", toy_rows(90))
    code, _, err = desk.say("train", "--resume", "run")
    assert code == 1 and "own.csv: " in err
    assert ("no such file" if change == "deleted" else "content has changed") in err
    assert files(desk.home / "run" / "checkpoints") == saved
    write_csv(desk.home / "own.csv", toy_rows())
    assert resume("run").status == "completed"


# --- disks ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def mounted(place: Path, state: str) -> Iterator[None]:
    """A small disk that is full or read-only."""
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting takes root on Linux")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        if state == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        else:
            with contextlib.suppress(OSError), (place / "filler").open("wb", buffering=0) as file:
                while True:
                    file.write(b"\0" * 4096)
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize(("state", "said"), [("full", "full disk"), ("read-only", "ead-only")])
def test_disks_that_cannot_be_written(
    state: str, said: str, desk: Desk, toy_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.put("toy.csv", GOOD)
    with mounted(desk.home / "disk", state):
        message = desk.refused(*desk.train("toy.csv", "--out", "disk/run"))
        assert said in message and "disk/run" in message
        message = desk.refused("predict", toy_run.directory, "toy.csv", "--out", "disk/p.csv")
        assert said in message and "disk/p.csv" in message
        assert {path.name for path in (desk.home / "disk").iterdir()} <= {"filler"}
        monkeypatch.setenv("LABKIT_CACHE", str(desk.home / "disk" / "cache"))
        message = desk.refused(*desk.check(desk.put("other.csv", GOOD)))
        assert said in message and "LABKIT_CACHE" in message


def test_a_full_disk_under_a_data_error_hides_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped name stays a mistyped name, however little room there is."""
    desk.put("toy.csv", GOOD)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    assert "Did you mean 'text'?" in desk.refused(*desk.train("toy.csv", "--text", "txt"))


def test_an_answer_that_finds_no_room(toy_run: Run) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "labkit.cli", "runs", str(toy_run.directory.parent)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "labkit: Expected room for the answer, but got a full disk. Free some space.\n"


def test_the_disk_fills_up_while_predicting(desk: Desk, toy_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.csv

    def full(table: object, target: Path) -> None:
        Path(target).write_text("half")
        raise OSError(28, "No space left on device")

    desk.put("toy.csv", GOOD)
    desk.put("p.csv", "earlier")
    monkeypatch.setattr(pyarrow.csv, "write_csv", full)
    assert "a full disk" in desk.refused("predict", toy_run.directory, "toy.csv", "--out", "p.csv")
    with pytest.raises(ResourceError):
        from labkit.training import predict_file

        predict_file(toy_run, desk.home / "toy.csv", desk.home / "p.csv")


# --- interruptions --------------------------------------------------------------------------------------------------


def interrupt(command: list[object], home: Path, line: str, *signals: int) -> tuple[int, str]:
    """Exit code and messages of the real command that gets signals after a line; a shell shows code -2 as 130."""
    process = subprocess.Popen(
        [sys.executable, "-m", "labkit.cli", *map(str, command)],
        cwd=home, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    while line not in said:
        new = process.stderr.readline()
        assert new, f"it ended before {line!r}: {said}"
        said += new
    for number in signals:
        process.send_signal(number)  # nothing happens when it has ended
        time.sleep(0.05)
    _, rest = process.communicate(timeout=60)
    code = process.returncode
    return 128 - code if code < 0 else code, said + rest


@pytest.mark.parametrize(
    ("line", "signals"),
    [
        ("Reading the data", [signal.SIGINT]),
        ("epoch 1.0", [signal.SIGINT] * 2),
        ("epoch 1.0", [signal.SIGINT] * 30),  # to the very end of the process
    ],
    ids=["reading", "training, twice", "training, hammering"],
)
def test_interrupted_anywhere_it_goes_on(
    line: str, signals: list[int], desk: Desk, toy_data: Path, toy_model: Path, short_run: Run
) -> None:
    recipe = toy_recipe(toy_data, toy_model).save(desk.home / "asked.toml")
    code, said = interrupt(["train", "--recipe", recipe, "--out", "run"], desk.home, line, *signals)
    assert code == 130 and "Traceback" not in said
    assert said.splitlines()[-1].endswith(f"labkit train --resume {desk.home / 'run'}") or "--resume run" in said
    code, _, err = desk.say("train", "--resume", "run")
    assert code == 0, err
    assert Run("run").evaluation.to_dict() == short_run.evaluation.to_dict()
    assert set(files(desk.home / "run")) == set(files(short_run.directory)), "no stray file"


def test_interrupted_in_the_middle_of_predictions(desk: Desk, toy_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.csv

    def pressed(table: object, target: Path) -> None:
        Path(target).write_text("half")
        raise KeyboardInterrupt

    desk.put("toy.csv", GOOD)
    desk.put("p.csv", "earlier")
    monkeypatch.setattr(pyarrow.csv, "write_csv", pressed)
    before = files(desk.home)
    code, _, err = desk.say("predict", toy_run.directory, "toy.csv", "--out", "p.csv")
    assert code == 130 and err == "labkit: interrupted.\n"
    assert files(desk.home) == before
