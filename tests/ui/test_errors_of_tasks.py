"""The error browser of runs that answer, translate and write, in a real JupyterLab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser import Lab, Notebook
from error_runs import HOSTILE, answers, pairs, texts


def opened(run: Any) -> list[str]:
    return [
        f"from labkit.widgets import ErrorBrowser\n"
        f"errors = ErrorBrowser({str(run.directory)!r}, filters={{'search': 'onerror'}}).keep_in('e.json')\nerrors"
    ]


def wait(notebook: Notebook, expression: str) -> None:
    """Until something holds in the kernel."""
    for _ in range(100):
        if notebook.python(expression):
            return
        notebook.page.wait_for_timeout(100)
    raise AssertionError(f"not within 10 s: {expression}")


def in_order(notebook: Notebook, widget: Any) -> None:
    """Nothing ran, nothing sticks out, and everything has a name, wide and narrow."""
    for width in (1250, 620):
        notebook.page.set_viewport_size({"width": width, "height": 1300})
        notebook.page.wait_for_timeout(300)
        assert notebook.axe() == []
        assert widget.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out"
    assert notebook.problems == []
    assert notebook.page.evaluate("() => window.pwned") is None


def test_answers_in_their_context(lab: Lab, tmp_path: Path) -> None:
    with lab.open(opened(answers(tmp_path))) as notebook:
        widget, page = notebook.widget("Error browser"), notebook.page
        widget.get_by_label("Search the texts").fill("")
        wait(notebook, "errors.filters == {}")
        widget.get_by_role("button", name="boundary").click()
        wait(notebook, "errors.filters == {'kind': 'boundary'}")
        row = notebook.python("errors.row(errors.current)")
        widget.get_by_role("region", name="Predicted answer").get_by_text(
            row["predicted"]["text"], exact=True
        ).wait_for()
        context = widget.get_by_role("group", name="Context with the answers")
        found = "marks => marks.map(mark => [...mark.childNodes].map(n => n.textContent).join(''))"
        marks = context.locator(".lk-mark").evaluate_all(found)
        words = row["gold"][0]["text"].split()
        assert marks == [f"{words[0]}✕ predicted", f" {words[1]}true"], "code points, and one answer inside the other"
        box = context.bounding_box()
        for mark in context.locator(".lk-mark").all():
            inner = mark.bounding_box()
            assert box and inner and box["y"] <= inner["y"] <= box["y"] + box["height"], "both can be seen"
        widget.get_by_role("button", name="elsewhere").click()
        wait(notebook, "errors.filters == {'kind': 'elsewhere'}")
        widget.get_by_text("Likeliest answers").wait_for()
        widget.get_by_role("button", name="no answer given").click()
        widget.get_by_text("The model answers nothing.").wait_for()
        widget.get_by_role("button", name="answer where there is none").click()
        widget.get_by_text("The context holds no answer.").wait_for()
        widget.get_by_role("button", name="answer where there is none").click()
        wait(notebook, "errors.filters == {}")

        rows = widget.get_by_role("listbox", name="Rows")
        rows.focus()
        page.keyboard.press("ArrowDown")
        wait(notebook, "errors.selection == [errors.current]")
        widget.get_by_role("button", name="Relabel").click()
        wait(notebook, "errors.relabel == errors.selection")
        widget.get_by_role("button", name="Find neighbours").click()
        widget.locator(".eb-neighbours li").first.wait_for(timeout=60_000)
        assert "?" in widget.locator(".eb-neighbours li").first.inner_text()
        widget.get_by_label("Order").select_option("confidence")
        in_order(notebook, widget)
        notebook.restart()
        notebook.run_all()
        notebook.widget("Error browser").locator(".eb-count", has_text="surest first").wait_for()
        assert notebook.python("(errors.order, errors.filters)") == ["confidence", {}]


@pytest.mark.parametrize("view", ["pairs", "texts"])
def test_written_texts_beside_what_they_should_be(view: str, lab: Lab, tmp_path: Path) -> None:
    with lab.open(opened(pairs(tmp_path) if view == "pairs" else texts(tmp_path))) as notebook:
        widget = notebook.widget("Error browser")
        if view == "texts":
            widget.get_by_label("With written text").click()
            wait(notebook, "errors.filters.get('written') is True")
        wait(notebook, "bool(errors.ids())")
        row = notebook.python("errors.row(errors.current)")
        wanted = widget.get_by_role("group", name="What should have been written")
        written = widget.get_by_role("group", name="What was written")
        assert wanted.inner_text().strip() == row["target"].strip()
        assert written.inner_text().strip() == (row["predicted"].strip() or "nothing")
        assert wanted.locator("mark").count() >= 1
        assert HOSTILE in widget.locator(".eb-one").inner_text(), "markup stays text"
        assert notebook.python("errors.choices()['measure']") in widget.locator(".eb-count").inner_text()
        widget.get_by_role("radio", name="Exact" if view == "pairs" else "No misses").click()
        wait(notebook, "errors.include == 'unsure'")
        widget.get_by_label("Search the texts").fill("nothing is like this")
        widget.get_by_text("No row passes these filters").wait_for()
        widget.get_by_role("button", name="Clear filters").first.click()
        wait(notebook, "errors.filters == {}")
        widget.locator(".eb-row").first.wait_for()
        in_order(notebook, widget)
