"""Launching, watching and coming back, in a real JupyterLab."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from browser import Lab, Notebook
from playwright.sync_api import expect
from toys import toy_recipe

from labkit.events import StepLogged
from labkit.training import Run, attach, runs

PATIENCE = 90_000  # milliseconds that a busy machine may take to load the libraries


def launcher_cells(recipe: Path, out: Path) -> list[str]:
    return [
        "from labkit.widgets import TrainingLauncher, TrainingMonitor",
        f"launcher = TrainingLauncher({str(recipe)!r}, out={str(out)!r}).keep_in({str(out.with_suffix('.json'))!r})\nlauncher",
    ]


def monitor_cells(directory: Path | str) -> list[str]:
    return [f"from labkit.widgets import TrainingMonitor\nmonitor = TrainingMonitor({str(directory)!r})\nmonitor"]


@pytest.fixture()
def recipe(toy_data: Path, toy_model: Path, tmp_path: Path) -> Path:
    """A recipe file of a toy run that goes on until it is stopped."""
    made = toy_recipe(toy_data, toy_model, budget={"epochs": 20_000}, evaluation={"every": 20.0})
    return Path(made.save(tmp_path / "long.toml"))


def trains(run: Run) -> None:
    """Wait until a run has said something about its steps."""
    ends = time.monotonic() + PATIENCE / 1000
    while not any(isinstance(event, StepLogged) for event in run.events()):
        assert time.monotonic() < ends, f"{run.status}: {run.error}"
        time.sleep(0.1)


def seconds_of_a_cell(notebook: Notebook) -> float:
    began = time.monotonic()
    assert notebook.python("1 + 1") == 2
    return time.monotonic() - began


def test_the_form_checks_while_typing(lab: Lab, toy_data: Path, tmp_path: Path) -> None:
    recipe = toy_recipe(toy_data, "minilm", optimizer={"learning_rate": 0.0}).save(tmp_path / "short.toml")
    with lab.open(launcher_cells(recipe, tmp_path / "runs")) as notebook:
        widget = notebook.widget()
        rate = widget.get_by_label("Learning rate", exact=True)
        rate.wait_for()
        assert rate.get_attribute("placeholder") == "chosen by the model's size"
        rate.fill("7")
        widget.get_by_role("alert").filter(has_text="Must be at least 0 and at most 1").wait_for()
        assert widget.get_by_role("button", name="Launch training").is_disabled()
        assert notebook.python("launcher.values['optimizer.learning_rate']") == 7
        rate.fill("1e-4")
        widget.get_by_role("alert").wait_for(state="detached")
        widget.get_by_text("+ learning_rate = 0.0001").wait_for()
        assert notebook.python("launcher.recipe.optimizer.learning_rate") == 1e-4
        assert "'learning_rate': 0.0001" in notebook.python("launcher.code")
        widget.get_by_text(" of memory free").wait_for(timeout=PATIENCE)

        # a problem in a section that is closed is a key press away
        notebook.execute("launcher.check({**launcher.values, 'data.text': 'boddy'})")
        jump = widget.get_by_role("button", name="Text", exact=True)
        jump.wait_for()
        jump.press("Enter")
        box = widget.get_by_label("Text", exact=True)
        box.wait_for()
        notebook.page.wait_for_function(
            "() => document.activeElement?.closest('[data-field]')?.dataset.field === 'data.text'"
        )
        notebook.page.keyboard.press("x")  # goes into the field and must not cut the cell
        assert box.input_value() == "boddyx"
        widget.get_by_role("button", name="Put Text back to its default").press("Enter")
        widget.get_by_role("alert").wait_for(state="detached")
        assert notebook.page.locator(".jp-CodeCell").count() == 2

        # from Python, by a switch, and back
        notebook.execute("launcher.set(seed=11)")
        notebook.page.wait_for_function("() => document.querySelector('[data-field=seed] input').value === '11'")
        widget.get_by_role("button", name="Technique").click()
        widget.get_by_role("checkbox", name="Class weights").check()
        widget.get_by_text("+ class_weights = true").wait_for()
        assert notebook.python("launcher.recipe.technique.class_weights") is True

        # changed copies are seen before they are used
        widget.get_by_role("checkbox", name="swap", exact=True).check()
        widget.get_by_role("button", name="Show examples").click()
        pairs = widget.get_by_role("table").get_by_role("row")
        expect(pairs).to_have_count(4, timeout=PATIENCE)
        before, after = (pairs.nth(1).get_by_role("cell").nth(at).inner_text() for at in (1, 2))
        assert before != after and sorted(before.split()) == sorted(after.split())
        widget.get_by_role("radio", name="Whole file").click()
        widget.get_by_text("class_weights = true # Weight classes").wait_for()

        file = tmp_path / "saved.toml"
        widget.get_by_role("button", name="Save recipe…").click()
        widget.get_by_label("File name", exact=True).fill(str(file))
        widget.get_by_role("button", name="Save", exact=True).click()
        widget.get_by_text(f"Saved in {file}").wait_for()
        widget.get_by_role("button", name="Save", exact=True).click()
        widget.get_by_role("alert").filter(has_text="there already").wait_for()
        assert file.exists()

        # what is typed is there after a reload
        notebook.reload()
        notebook.widget().get_by_text("settings changed").wait_for()
        assert notebook.widget().get_by_label("Seed", exact=True).input_value() == "11"
        notebook.restart()
        notebook.run_all()
        notebook.widget().get_by_text("settings changed").wait_for()
        assert notebook.widget().get_by_label("Seed", exact=True).input_value() == "11"
        assert notebook.python("launcher.recipe.technique.class_weights") is True
        notebook.widget().get_by_role("button", name="Reset").click()
        notebook.page.wait_for_function("() => document.querySelector('[data-field=seed] input').value === '0'")
        assert notebook.python("launcher.recipe.seed") == 0
        assert notebook.problems == []


def test_a_run_goes_on_without_its_kernel(lab: Lab, recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    run: Run | None = None
    try:
        with lab.open(launcher_cells(recipe, out)) as notebook:
            widget = notebook.widget()
            widget.get_by_text(" of memory free").wait_for(timeout=PATIENCE)  # torch is loaded for the forecast
            widget.get_by_role("button", name="Launch training").click()
            widget.get_by_text("TrainingMonitor(").wait_for(timeout=30_000)
            (run,) = runs(out)
            assert notebook.python("launcher.run") == str(run.directory)
            trains(run)
            assert sorted(seconds_of_a_cell(notebook) for _ in range(5))[2] <= 0.5, "the kernel is free"
            widget.get_by_role("button", name="Launch training").click()
            widget.get_by_role("alert").filter(has_text=run.directory.name).wait_for()  # one at a time
            notebook.kill()
        before = run.events()[-1].time
        assert run.status == "running", "it outlives the kernel"

        with lab.open(monitor_cells(run.directory)) as notebook:
            widget = notebook.widget()
            widget.get_by_text("running", exact=True).wait_for()
            notebook.page.wait_for_function(
                "() => document.querySelectorAll('.lk-line[d]:not([d=\"\"])').length >= 3", timeout=PATIENCE
            )
            step = notebook.python("monitor.state['step']")
            notebook.page.wait_for_timeout(1500)
            assert notebook.python("monitor.state['step']") > step, "live"
            assert run.events()[-1].time > before
            assert seconds_of_a_cell(notebook) <= 2
            widget.get_by_role("button", name="Stop and save").click()
            widget.get_by_role("button", name="Resume").wait_for(timeout=PATIENCE)
            assert run.status == notebook.python("monitor.status") == "stopped"
            stopped = notebook.python("monitor.state['step']")

            notebook.restart()
            notebook.run_all()
            widget = notebook.widget()
            widget.get_by_text("stopped", exact=True).wait_for()
            assert notebook.python("monitor.state['step']") == stopped
            widget.get_by_role("button", name="Resume").press("Enter")
            widget.get_by_text("running", exact=True).wait_for()
            assert attach(run.directory).status == "running"
            notebook.page.wait_for_timeout(500)
            assert notebook.python("monitor.status") == "running"
            assert notebook.problems == []
    finally:
        if run is not None and run.status == "running":
            run.stop()
            run.wait(timeout=120)


def test_a_job_from_the_launcher(lab: Lab, toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    recipe = toy_recipe(toy_data, toy_model).save(tmp_path / "toy.toml")
    with lab.open(launcher_cells(recipe, tmp_path / "runs")) as notebook:
        widget = notebook.widget()
        widget.get_by_text(" of memory free").wait_for(timeout=PATIENCE)
        widget.get_by_label("What to run").select_option("search")
        button = widget.get_by_role("button", name="Launch hyperparameter search")
        trials = widget.get_by_label("Trials", exact=True)
        trials.fill("0")
        widget.get_by_role("alert").filter(has_text="ust be at least 1").wait_for()
        expect(button).to_be_disabled()
        trials.fill("2")
        widget.get_by_label("Space", exact=True).fill("optimizer.learning_rate=0.001,0.01")
        widget.get_by_text("2 trainings, about").wait_for()
        assert "launch_job('search', recipe" in notebook.python("launcher.code")
        button.click()
        widget.get_by_text("running", exact=True).wait_for(timeout=PATIENCE)
        widget.get_by_text("completed", exact=True).wait_for(timeout=PATIENCE)
        expect(widget.get_by_label("What came of it")).to_contain_text("best: trial")
        widget.get_by_role("button", name="Put into the recipe").click()
        found = notebook.python("launcher.standing['settings']['optimizer.learning_rate']")
        expect(widget.get_by_label("Learning rate", exact=True)).to_have_value(found)
        assert str(notebook.python("launcher.recipe.optimizer.learning_rate")) == found

        # the page is opened again, in a fresh kernel: what was chosen and what came of it are there
        notebook.restart()
        notebook.run_all()
        expect(notebook.widget().get_by_label("What to run")).to_have_value("search")
        expect(notebook.widget().get_by_label("What came of it")).to_contain_text("best: trial")
        assert notebook.problems == []


def test_reading_a_finished_run(lab: Lab, toy_run: Run) -> None:
    cells = [
        "from labkit.widgets import TrainingMonitor\n"
        f"monitor = TrainingMonitor(folder={str(toy_run.directory.parent)!r})\nmonitor"
    ]
    with lab.open(cells) as notebook:
        widget = notebook.widget()
        widget.get_by_role("button", name=toy_run.directory.name).press("Enter")
        widget.get_by_text("completed", exact=True).wait_for()
        assert notebook.python("monitor.directory") == str(toy_run.directory)
        widget.get_by_role("cell", name="TF-IDF").or_(
            widget.get_by_role("columnheader", name="TF-IDF")
        ).first.wait_for()

        # the curves, by keyboard alone; one cursor for all of them
        loss = widget.get_by_role("slider", name="Loss")
        loss.focus()
        notebook.page.keyboard.press("Home")
        first = loss.get_attribute("aria-valuetext") or ""
        notebook.page.keyboard.press("ArrowRight")
        notebook.page.wait_for_function(
            "first => document.querySelector('[role=slider]').getAttribute('aria-valuetext') !== first", arg=first
        )
        assert first.startswith("step ") and "training " in first
        assert widget.locator(".lk-cursor").count() == 3

        widget.get_by_label("Metric shown").select_option("log_loss")
        widget.get_by_role("slider", name="Validation").wait_for()
        notebook.page.wait_for_function("() => document.querySelector('.labkit').textContent.includes('Log-loss ')")
        assert notebook.python("monitor.curves['chosen']") == "log_loss"

        widget.get_by_role("button", name="Log", exact=True).press("Enter")
        widget.get_by_role("log").filter(has_text="Reading the data.").wait_for()
        tries = widget.get_by_role("button", name="Try it")
        if tries.count():
            tries.first.click()
            widget.get_by_text("monitor.suggested").first.wait_for()
            assert notebook.python("monitor.suggested")

        widget.get_by_role("button", name="All runs").click()
        widget.get_by_role("button", name=toy_run.directory.name).wait_for()
        assert notebook.python("monitor.directory") == ""
        assert notebook.problems == []


def test_accessible_in_both_themes_at_both_ends_of_the_width(
    lab: Lab, toy_run: Run, recipe: Path, tmp_path: Path
) -> None:
    cells = [*launcher_cells(recipe, tmp_path / "runs"), *monitor_cells(toy_run.directory)]
    cells.append(f"runs = TrainingMonitor(folder={str(toy_run.directory.parent)!r})\nruns")
    with lab.open(cells, width=620) as notebook:
        launcher = notebook.widget("Training launcher")
        launcher.get_by_label("Seed", exact=True).wait_for()
        launcher.get_by_role("region", name="Data", exact=True).get_by_role("button").first.click()
        launcher.get_by_label("Test data", exact=True).wait_for()  # the section is open
        notebook.execute("launcher.check({**launcher.values, 'seed': -1})")
        launcher.get_by_role("alert").first.wait_for()
        for _ in notebook.looks(620, 1920):
            notebook.widget("Training monitor").locator(".lk-line").first.wait_for()
            assert notebook.axe() == []
            for at in range(3):
                root = notebook.page.locator(".labkit").nth(at)
                assert root.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out"
