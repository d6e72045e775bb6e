"""The training monitor without a browser: curves, state, log and scores of runs of every kind, its commands, its face."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from toys import toy_recipe

from labkit import widgets
from labkit.errors import LabError, RunError
from labkit.events import Evaluated, Event, EventLog, Note, RunEnded, RunStarted, StepLogged
from labkit.training import Run, _rundir
from labkit.widgets import TrainingMonitor
from labkit.widgets import _run_view as view

HOSTILE = "<img src=x onerror=alert(1)>"


def made_up(folder: Path, events: list[Event], *, working: bool = False, **sections: Any) -> Path:
    """A run directory with these events, of a process that is gone or of this one."""
    folder.mkdir(parents=True)
    toy_recipe("data.csv", "minilm", **sections).save(folder / "recipe.toml")
    log = EventLog(folder / "events.jsonl")
    for event in events:
        log.append(event)
    if working:
        _rundir.claim(folder, os.getpid())
    return folder


def course(steps: int, of: int, every: int = 10) -> list[Event]:
    """The events of a training that goes well, up to a step."""
    happened: list[Event] = [
        Note(time=100.0, text="Reading the data."),
        RunStarted(
            time=101.0, run="r", task="text-classification", model="minilm", rows={"train": 80, "validation": 20},
            steps=of, epochs=4.0, labels=3, learning_rate=2e-4,
        ),
    ]  # fmt: skip
    for step in range(1, steps + 1):
        happened.append(
            StepLogged(
                time=101.0 + step, step=step, epoch=4 * step / of, loss=1.1 * 0.97**step, learning_rate=1e-4,
                tokens_per_second=900.0, memory_mb=1500.0, seconds_left=float(of - step),
            )
        )  # fmt: skip
        if step % every == 0:
            metrics = {"accuracy": 1 - 0.9**step, "macro_f1": 1 - 0.92**step, "log_loss": 1.1 * 0.98**step}
            happened.append(
                Evaluated(
                    time=101.0 + step, step=step, epoch=4 * step / of, split="validation", metrics=metrics, best=True
                )
            )
    return happened


# -- curves ------------------------------------------------------------------------------------------------------------------


def test_thinning_keeps_ends_peaks_and_order() -> None:
    chooser = random.Random(0)
    points = [(float(i), chooser.random()) for i in range(5000)]
    points[1234] = (1234.0, 50.0)
    points[4000] = (4000.0, -50.0)
    kept = view.thin(points, 400)
    assert len(kept) == 400
    assert kept[0] == points[0] and kept[-1] == points[-1]
    assert points[1234] in kept and points[4000] in kept, "a peak is what one looks for"
    assert [x for x, _ in kept] == sorted({x for x, _ in kept})
    assert set(kept) <= set(points), "points are chosen, not made up"


@pytest.mark.parametrize("n", [0, 1, 2, 3, 399, 400, 401, 799])
def test_thinning_of_every_length(n: int) -> None:
    points = [(float(i), float(i % 7)) for i in range(n)]
    kept = view.thin(points, 400)
    assert len(kept) == min(n, 400)
    assert kept == points or n > 400


def test_smoothing_starts_at_the_first_point_and_follows() -> None:
    assert view.smooth([]) == []
    assert view.smooth([(1, 5.0)]) == [(1, 5.0)]
    noisy = [(float(i), 1.0 + (0.5 if i % 2 else -0.5)) for i in range(1000)]
    calm = view.smooth(noisy)
    assert calm[0][1] == noisy[0][1]
    assert all(abs(y - 1) < 0.1 for _, y in calm[100:])


def test_curves_leave_out_what_is_no_number_and_name_the_metric(tmp_path: Path) -> None:
    events = course(20, 40)
    events.append(StepLogged(step=21, epoch=2.1, loss=float("nan"), learning_rate=1e-4))
    found = view.curves(None, events)
    assert len(found["training"]) == 20 and found["steps"] == 40
    assert found["best"] == 20 and found["chosen"] == "accuracy"
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    recipe = toy_recipe("d.csv", "minilm", evaluation={"metric": "macro_f1"})
    assert view.curves(recipe, events)["title"] == "Macro F1"
    assert view.curves(recipe, events, "log_loss")["chosen"] == "log_loss"
    assert view.curves(recipe, events, "no_such")["chosen"] == "macro_f1"
    assert view.curves(recipe, [])["metric"] == []


def test_scales_follow_the_metric() -> None:
    events = course(20, 40)
    for step, perplexity in ((10, 812.5), (20, 40.25)):
        metrics = {"loss": 3.0, "token_accuracy": 0.4, "perplexity": perplexity, "bleu": 12.34}
        events.append(Evaluated(step=step, epoch=1.0, split="validation", metrics=metrics, best=True))
    events = [e for e in events if not (isinstance(e, Evaluated) and "accuracy" in e.metrics)]
    recipe = toy_recipe("d.csv", "starter:t5", task="translation")
    found = view.curves(recipe, events)
    assert found["chosen"] == "token_accuracy", "the loss has a chart of its own"
    assert (found["top"], found["higher"], found["digits"]) == (1.0, True, 3)
    found = view.curves(recipe, events, "perplexity")
    assert (found["top"], found["higher"], found["digits"]) == (None, False, 1)
    assert "lower is better" in view.svg(found)
    found = view.curves(recipe, events, "bleu")
    assert (found["top"], found["higher"], found["digits"]) == (100.0, True, 1)
    assert view.curves(recipe, events, "loss")["chosen"] == "loss", "who asks for it gets it"


def test_a_resumed_run_shows_each_step_once() -> None:
    again = [e for e in course(40, 40) if getattr(e, "step", 0) > 20]
    resumed = RunStarted(run="r", task="t", model="m", rows={"train": 80}, steps=40, epochs=4.0, from_step=20)
    found = view.curves(None, [*course(27, 40), RunEnded(status="stopped", step=27, seconds=30.0), resumed, *again])
    steps = [x for x, _ in found["training"]]
    assert steps == list(range(1, 41))


# -- attaching ---------------------------------------------------------------------------------------------------------------


def test_a_completed_run_shows_everything(toy_run: Run) -> None:
    monitor = TrainingMonitor(toy_run)
    assert monitor.status == "completed" and monitor.error == ""
    assert monitor.state["step"] == monitor.state["steps"] > 0
    assert monitor.state["data"].endswith("toy.csv") and monitor.state["seconds_left"] is None
    assert monitor.state["elapsed"] == pytest.approx(toy_run.summary()["seconds"], abs=2)
    assert len(monitor.curves["training"]) >= 5 and monitor.curves["best"]
    row = next(r for r in monitor.results["rows"] if r["name"] == "accuracy")
    assert row["value"] == pytest.approx(toy_run.evaluation.metrics["accuracy"])
    assert row["low"] <= row["value"] <= row["high"]
    assert len(row["baselines"]) == len(monitor.results["baselines"]) == 2
    assert "Reading the data." in monitor.log and "Ended: completed" in monitor.log
    assert monitor.findings and all(f["text"] for f in monitor.findings)
    assert monitor._tail is not None and not monitor._tail.alive, "nothing to follow"
    assert [type(e) for e in monitor.events] == [type(e) for e in toy_run.events()]
    assert monitor.figure().data
    face = monitor._repr_html_()
    assert "completed" in face and "<svg" in face and "TF-IDF" in face and "nan" not in face


def test_there_must_be_a_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        TrainingMonitor(tmp_path / "nowhere")
    monitor = TrainingMonitor(folder=tmp_path)
    assert monitor.answer("runs", {}) == {"ok": True, "value": []}
    for name in ("stop", "resume"):
        answer = monitor.answer(name, {})
        assert not answer["ok"] and "attach(directory)" in answer["error"]["message"]
    assert not monitor.answer("attach", {"directory": str(tmp_path / "x")})["ok"]
    assert monitor.directory == ""
    monitor.directory = str(tmp_path / "y")  # a click or an observer: the error is shown
    assert "no such folder" in monitor.error and monitor.directory == ""
    assert "None yet" in monitor.face()
    with pytest.raises(LabError, match="Did you mean folder="):
        TrainingMonitor(foler="x")  # type: ignore[call-arg]


def test_the_list_shows_runs_of_every_kind(toy_run: Run, tmp_path: Path) -> None:
    shutil.copytree(toy_run.directory, tmp_path / "whole")
    shutil.copytree(toy_run.directory, tmp_path / "damaged")
    (tmp_path / "damaged" / "metrics.json").unlink()
    made_up(tmp_path / "killed", course(12, 40))
    made_up(tmp_path / "empty", [])
    rows = {row["name"]: row for row in TrainingMonitor(folder=tmp_path).runs()}
    assert rows["whole"]["status"] == "completed" and rows["whole"]["score"].startswith("Macro F1 ")
    assert "metrics.json" in rows["damaged"]["problem"]
    assert (rows["killed"]["status"], rows["killed"]["step"], rows["killed"]["steps"]) == ("interrupted", 12, 40)
    assert rows["empty"]["status"] == "interrupted"
    json.dumps(list(rows.values()), allow_nan=False)


def test_a_dead_run_is_interrupted_and_can_be_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made_up(tmp_path / "r", course(12, 40))
    monitor = TrainingMonitor(folder)
    assert monitor.status == "interrupted" and monitor.state["resumable"]
    assert "killed" in monitor.state["error"] and monitor.state["seconds_left"] is None
    asked: list[Path] = []

    def relaunch(directory: Path) -> Run:
        asked.append(directory)
        _rundir.claim(directory, os.getpid())
        return Run(directory)

    monkeypatch.setattr("labkit.widgets._training_monitor.relaunch", relaunch)
    assert monitor.answer("resume", {})["ok"]
    assert asked == [folder] and monitor.status == "running"
    assert monitor._tail is not None and monitor._tail.alive
    assert monitor.state["phase"]
    monitor.close()


def test_it_follows_a_run_and_stops_with_it(tmp_path: Path) -> None:
    folder = made_up(tmp_path / "r", course(10, 40), working=True)
    monitor = TrainingMonitor(folder)
    tail = monitor._tail
    assert tail is not None and tail.alive and monitor.status == "running"
    updates: list[str] = []
    began = time.monotonic()
    monitor.observe(lambda change: updates.append(change["name"]), names=["curves", "status"])
    log = EventLog(folder / "events.jsonl")
    for event in course(20, 40)[-12:]:
        log.append(event)
    until = time.monotonic() + 20
    while monitor.state["step"] < 20:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert monitor.curves["training"][-1][0] == 20
    monitor.stop()
    assert (folder / "stop").exists() and monitor.state["stopping"]
    log.append(RunEnded(status="stopped", step=20, seconds=20.0))
    _rundir.release(folder)
    while tail.alive:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert monitor.status == "stopped" and monitor.state["resumable"] and not monitor.state["stopping"]
    assert updates.count("curves") <= 2 * (time.monotonic() - began) + 2, "at most two updates a second"
    assert not monitor.answer("stop", {})["ok"]


def test_refreshing_finds_a_run_that_another_process_took_up(tmp_path: Path) -> None:
    folder = made_up(tmp_path / "r", course(10, 40))
    monitor = TrainingMonitor(folder)
    assert monitor.status == "interrupted"
    _rundir.claim(folder, os.getpid())
    monitor.refresh()
    assert monitor.status == "running"
    monitor.close()
    assert monitor._tail is not None and not monitor._tail.alive


def test_choosing_a_metric_and_another_run(toy_run: Run, tmp_path: Path) -> None:
    monitor = TrainingMonitor(toy_run)
    monitor.metric = "log_loss"
    assert monitor.curves["chosen"] == "log_loss"
    monitor.directory = str(made_up(tmp_path / "r", course(12, 40)))
    assert monitor.status == "interrupted" and monitor.results == {} and monitor.error == ""
    monitor.attach("")
    assert (monitor.directory, monitor.status, monitor.curves, monitor.findings) == ("", "", {}, [])
    assert "runs(" in monitor.code


def test_what_to_try_is_what_a_launcher_takes(tmp_path: Path) -> None:
    events = course(10, 60)
    for step in range(11, 61):
        events.append(StepLogged(step=step, epoch=step / 15, loss=3.0 + step / 10, learning_rate=1e-2))
    monitor = TrainingMonitor(made_up(tmp_path / "r", events))
    found = next(f for f in monitor.findings if f["changes"])
    answer = monitor.answer("try_it", {"kind": found["kind"]})
    assert answer["ok"] and monitor.suggested == found["changes"]
    assert "with_values(" in monitor.code
    scope: dict[str, Any] = {}
    exec(monitor.code, scope)  # noqa: S102
    launcher = widgets.TrainingLauncher(scope["run"].recipe, out=tmp_path / "out")
    launcher.set(**monitor.suggested)
    assert launcher.recipe == scope["recipe"]
    launcher.close()
    refused = monitor.answer("try_it", {"kind": "none"})
    assert not refused["ok"] and found["kind"] in refused["error"]["message"]


def test_what_to_try_fits_the_recipe_of_the_run(tmp_path: Path) -> None:
    events = course(60, 60)
    for event in events:
        if isinstance(event, Evaluated):  # ever worse
            event.metrics.update(macro_f1=0.9 - event.step / 100, log_loss=0.3 + event.step / 50)
    folder = made_up(tmp_path / "r", events, distillation={"teacher": "runs/large"}, model={"dropout": 0.3})
    monitor = TrainingMonitor(folder)
    answer = monitor.answer("try_it", {"kind": "overfitting"})
    assert answer["ok"], answer
    assert {"technique.r_drop", "model.dropout"}.isdisjoint(monitor.suggested)
    assert monitor.suggested["data.augment"] == ["typos", "delete", "swap"] and len(monitor.suggested) == 4
    launcher = widgets.TrainingLauncher(Run(folder).recipe, out=tmp_path / "out")
    launcher.set(**monitor.suggested)
    assert launcher.recipe.technique.l2_sp and launcher.recipe.data.augment == ("typos", "delete", "swap")
    launcher.close()
    monitor.close()


def test_texts_of_a_run_are_text(tmp_path: Path) -> None:
    name = f"{HOSTILE[:4]} src=x>"
    events = [*course(12, 40), Note(text=HOSTILE), RunEnded(status="failed", step=12, seconds=1.0, error=HOSTILE)]
    folder = made_up(tmp_path / name, events)
    (folder / "log.txt").write_bytes(
        b"\x1b[31mred\x1b[0m\nloading 10%\rloading 100%\n\xff\xfe bytes\n" + b"x" * 100_000
    )
    monitor = TrainingMonitor(folder)
    assert "<img" not in monitor._repr_html_() and "&lt;img" in monitor._repr_html_()
    assert HOSTILE in monitor.log and len(monitor.log) < 60_000
    (folder / "log.txt").write_bytes(b"\x1b[31mred\x1b[0m\nloading 10%\rloading 100%\n\xff\n")
    monitor.refresh()
    assert "\x1b" not in monitor.log and "red" in monitor.log
    assert "loading 100%" in monitor.log and "loading 10%" not in monitor.log


def test_a_log_that_is_torn_or_replaced_does_no_harm(tmp_path: Path) -> None:
    folder = made_up(tmp_path / "r", course(12, 40))
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'{"event": "StepLogged", "st')
    monitor = TrainingMonitor(folder)
    assert monitor.state["step"] == 12
    (folder / "recipe.toml").write_text("no = [toml")
    broken = TrainingMonitor(folder)
    assert "no TOML" in broken.error and broken.state["step"] == 12
