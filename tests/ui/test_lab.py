"""The whole loop with the mouse, in a real JupyterLab: open data, repair, label, train, evaluate, relabel, try."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser import Lab, Notebook


def cell(home: Path) -> str:
    return f"from labkit.widgets import Lab\nlab = Lab({str(home)!r})\nlab"


def step(notebook: Notebook, title: str) -> None:
    tab: Any = (
        notebook.widget("Lab").locator('[role="tab"]').filter(has=notebook.page.locator(".lab-title", has_text=title))
    )
    tab.click()


def test_once_round_with_the_mouse(lab: Lab, tmp_path: Path, toy_data: Path, toy_model: Path) -> None:
    home = tmp_path / "home"
    with lab.open([cell(home)], height=1400) as notebook:
        bar = notebook.widget("Lab")
        step(notebook, "Train")
        bar.get_by_role("button", name="Open data").click()
        bar.get_by_label("Data", exact=True).last.fill("no/such.csv")
        bar.get_by_role("button", name="Open", exact=True).click()
        bar.get_by_role("alert").filter(has_text="no/such.csv").wait_for()
        bar.get_by_label("Data", exact=True).last.fill(str(toy_data))
        bar.get_by_role("button", name="Open", exact=True).click()
        notebook.widget("Data inspector").get_by_text("120").first.wait_for()

        bar.get_by_role("radio", name="Label").click()
        labeler = notebook.widget("Labeler")
        labeler.wait_for()
        notebook.execute("lab.labeler.label('food')")
        assert notebook.python("len(lab.labeler.journal)") == 1

        step(notebook, "Train")
        notebook.widget("Training launcher").get_by_role("button", name="Launch training").wait_for()
        notebook.execute(
            f"lab.launcher.set(**{{'model.name': {str(toy_model)!r}, 'budget.epochs': 2, 'budget.precision': 'float32',"
            " 'evaluation.baselines': False})"
        )
        notebook.widget("Training launcher").get_by_role("button", name="Launch training").click()
        notebook.page.wait_for_function(
            "() => [...document.querySelectorAll('.lab-note')].some(e => e.textContent.startsWith('accuracy'))",
            timeout=120_000,
        )
        assert notebook.python("lab.launcher.recipe.data.labels") == [str(home / "data.labels.jsonl")]

        step(notebook, "Evaluate")
        notebook.widget("Confusion matrix").wait_for()
        bar.get_by_role("radio", name="Errors").click()
        notebook.widget("Error browser").wait_for()
        notebook.execute("lab.errors.include = 'all'; lab.errors.select(lab.errors.ids()[:2]); lab.errors.hand_over()")
        notebook.widget("Labeler").wait_for()
        assert notebook.python("lab.labeler.queue") == notebook.python("lab.errors.relabel")

        step(notebook, "Try")
        notebook.widget("Playground").wait_for()
        notebook.reload()
        notebook.widget("Playground").wait_for()
        notebook.restart()
        notebook.run_all()
        notebook.widget("Playground").wait_for()
        assert notebook.python("[lab.step, len(lab.labeler.journal), len(lab.finished())]") == ["try", 1, 1]
        assert notebook.problems == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_steps_with_the_keyboard_and_accessible(lab: Lab, tmp_path: Path, toy_data: Path, theme: str) -> None:
    lab.theme(theme)
    try:
        with lab.open([cell(tmp_path / "home"), f"lab.open_data({str(toy_data)!r})"], width=620) as notebook:
            bar = notebook.widget("Lab")
            bar.locator('[role="tab"][aria-selected="true"]').focus()
            notebook.page.keyboard.press("ArrowRight")
            notebook.widget("Data inspector").wait_for()
            notebook.page.keyboard.press("ArrowRight")
            notebook.widget("Training launcher").wait_for()
            assert notebook.python("lab.step") == "train"
            assert notebook.axe('.labkit[aria-label="Lab"]') == []
            assert bar.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    finally:
        lab.theme("light")
