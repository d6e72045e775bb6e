"""The lab and its widgets with data that has no classes, in a real JupyterLab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser import Lab, Notebook

BAD = "<img src=x onerror=alert(1)>"


def step(notebook: Notebook, title: str) -> Any:
    tab: Any = (
        notebook.widget("Lab").locator('[role="tab"]').filter(has=notebook.page.locator(".lab-title", has_text=title))
    )
    tab.click()
    return tab


def test_from_a_task_to_a_run_with_an_untrained_model(lab: Lab, tmp_path: Path) -> None:
    words = ["bread", "soup", "train", "map", "goal", "team"]
    lines = [f"{a} and {b}\t{b.upper()} {a.upper()}" for a in words for b in words]
    file = tmp_path / "pairs.tsv"
    file.write_text("source\ttarget\n" + "\n".join([*lines, f"{BAD}\t\u202e{BAD}"]) + "\n", "utf-8")
    home = tmp_path / "home"
    with lab.open(
        [f"from labkit.widgets import Lab\nlab = Lab({str(home)!r}, step='data')\nlab"], height=1400
    ) as notebook:
        bar = notebook.widget("Lab")
        bar.wait_for()
        bar.get_by_label("Task", exact=True).select_option("translation")
        bar.locator(".lab-note", has_text="starter:bart, untrained").wait_for()
        bar.get_by_role("button", name="phrasebook").wait_for()
        assert bar.get_by_role("button", name="support").count() == 0
        notebook.execute("lab.model = 'starter:t5-tiny'")
        bar.get_by_label("Data", exact=True).last.fill(str(file))
        bar.get_by_role("button", name="Open", exact=True).click()
        inspector = notebook.widget("Data inspector")
        inspector.get_by_role("columnheader", name="Target").wait_for()
        inspector.get_by_role("row").filter(has_text="BREAD BREAD").click()
        shown = inspector.locator(".di-pair .di-piece")
        shown.last.wait_for()
        assert [one.inner_text().split("\n")[0] for one in shown.all()] == ["Source", "Target"]
        assert "bread and bread" in shown.first.inner_text() and "BREAD BREAD" in shown.last.inner_text()
        inspector.get_by_label("Search the texts").fill("onerror")
        inspector.get_by_text("1 of 37 rows").wait_for()
        assert inspector.locator("img").count() == 0

        step(notebook, "Train")
        launcher = notebook.widget("Training launcher")
        launcher.get_by_text("knows no language yet").wait_for(timeout=60_000)
        assert launcher.get_by_role("button", name="Generation").is_visible()
        launcher.get_by_label("Task", exact=True).select_option("summarization")
        bar.locator("select").first.wait_for()
        notebook.page.wait_for_function("() => document.querySelector('.lab-task select').value === 'summarization'")
        notebook.execute(
            "lab.launcher.set(**{'model.name': 'starter:t5-tiny', 'budget.epochs': 1, 'budget.precision': 'float32',"
            " 'evaluation.baselines': False, 'evaluation.resamples': 100, 'generation.max_target_length': 8})"
        )
        notebook.widget("Training launcher").get_by_role("button", name="Launch training").click()
        bar.locator(".lab-note", has_text="ROUGE").wait_for(timeout=120_000)

        step(notebook, "Evaluate")
        notebook.widget("Error browser").wait_for()
        assert bar.get_by_text("There is no confusion matrix").is_visible()
        assert bar.get_by_role("radio", name="Confusion matrix").count() == 0
        assert notebook.problems == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_answers_and_conversations_in_the_inspector(lab: Lab, theme: str) -> None:
    lab.theme(theme)
    try:
        cells = [
            "from labkit import data\nfrom labkit.widgets import DataInspector\nw = DataInspector(data.sample('qa'))\nw"
        ]
        with lab.open(cells) as notebook:
            inspector = notebook.widget("Data inspector")
            inspector.get_by_role("row").nth(1).click()
            mark = inspector.locator(".di-piece mark").first
            mark.wait_for()
            assert "22 metres" in mark.inner_text()
            assert notebook.axe() == []
            notebook.execute("w.corpus = data.sample('assistant')")
            inspector.get_by_role("columnheader", name="Completion").wait_for()
            inspector.get_by_role("row").filter(has_text="a0001").click()
            inspector.locator(".di-is-assistant").first.wait_for()
            roles = [one.inner_text() for one in inspector.locator(".di-role").all()]
            assert roles == ["system", "user", "assistant"]
            assert notebook.axe() == []
            assert inspector.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
            assert notebook.problems == []
    finally:
        lab.theme("light")
