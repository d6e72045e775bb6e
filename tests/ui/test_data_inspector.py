"""The data inspector in a real JupyterLab."""

from __future__ import annotations

import contextlib
import re

from browser import Lab
from playwright.sync_api import TimeoutError as PlaywrightTimeout

HOSTILE = "<img src=x onerror=alert(1)><b>bold</b> \u202e"
CELL = """
from labkit import data
from labkit.widgets import DataInspector
inspector = DataInspector(data.sample('support'))
inspector"""
KEEPING = CELL.replace("('support'))", "('support')).keep_in('inspector.json')")
MANY = f"""
from labkit.widgets import DataInspector
rows = [{{"id": f"r{{i}}", "text": f"text {{i}} " + "word " * (i % 40), "label": f"class {{i % 7}}"}} for i in range(300_000)]
rows[1]["text"] = rows[1]["label"] = {HOSTILE!r}
inspector = DataInspector(rows, sort=[])
"""


def test_filtering_selecting_and_coming_back(lab: Lab) -> None:
    with lab.open([KEEPING]) as notebook:
        widget, page = notebook.widget(), notebook.page
        grid = widget.get_by_role("grid")
        widget.get_by_role("row", name="s0001").wait_for()
        assert grid.locator(".di-row").count() < 60, "a window, not the data"

        # typed, chosen by class, by split and by length; the other counts follow
        widget.get_by_role("searchbox", name="Search the texts").fill("refund")
        widget.get_by_text("28 of 922 rows").wait_for()
        widget.get_by_role("button", name=re.compile("^return_or_refund")).click()
        widget.get_by_text("10 of 922 rows").wait_for()
        widget.get_by_role("button", name=re.compile("^test 2")).click()
        widget.get_by_text("2 of 922 rows").wait_for()
        assert notebook.python("inspector.filters") == {
            "search": "refund",
            "labels": ["return_or_refund"],
            "splits": ["test"],
        }
        widget.get_by_role("button", name="Regular expression").click()
        widget.get_by_role("searchbox").fill("(")
        widget.get_by_role("alert").get_by_text("missing )").wait_for()
        assert notebook.python("inspector.filters['search']") == "refund", "the last good one holds"
        widget.get_by_role("button", name="Clear filters").click()
        widget.get_by_text("922 rows", exact=True).wait_for()
        widget.get_by_role("alert").wait_for(state="detached")
        widget.get_by_role("button", name=re.compile(r"^test \d\d+")).wait_for()  # the counts have followed
        bars = widget.locator(".di-histogram svg")
        limited = widget.get_by_role("button", name="All lengths")
        for _ in range(3):  # the page may still move between the pointer's coming to rest and its button's going down
            bars.hover(position={"x": bars.bounding_box()["width"] * 0.32, "y": 30})
            box = bars.bounding_box()
            page.mouse.down()
            page.mouse.move(box["x"] + box["width"] * 0.43, box["y"] + 30, steps=3)
            page.mouse.up()
            with contextlib.suppress(PlaywrightTimeout):
                limited.wait_for(timeout=5000)
                break
        limited.wait_for()
        widget.get_by_text(re.compile(r"^(?!922)\d+ of 922 rows")).wait_for()
        low, high = notebook.python("inspector.filters['length']")
        assert 90 <= low < high <= 170
        widget.get_by_role("button", name="All lengths").click()

        # any column, and its column appears
        widget.get_by_role("button", name="Filter a column").click()
        widget.get_by_label("Value").fill("app")
        widget.get_by_role("button", name="Add", exact=True).click()
        widget.get_by_role("columnheader", name="channel").wait_for()
        assert notebook.python("inspector.filters['where']") == [["channel", "=", "app"]]
        widget.get_by_text(re.compile(r"^(?!922)\d+ of 922 rows")).wait_for()
        widget.get_by_role("button", name="Remove the filter channel is app").click()
        # its column goes when Python has answered, while "922 rows" may still be there from before
        widget.get_by_role("columnheader", name="channel").wait_for(state="detached")

        # order, selection by mouse, seen and set from Python
        widget.get_by_text("922 rows", exact=True).wait_for()
        widget.get_by_role("columnheader", name="Length").get_by_role("button").click()
        widget.locator("[aria-sort=ascending]").wait_for()
        rows = grid.locator(".di-row")
        shortest = notebook.python(
            "inspector.table.view(inspector.view.query.replace(sort=[('length', 'ascending')])).row_ids(5)"
        )
        widget.get_by_role("row", name=shortest[0]).wait_for()
        rows.nth(0).click()
        rows.nth(2).click(modifiers=["Shift"])
        rows.nth(4).click(modifiers=["Control"])
        widget.get_by_text("4 selected").wait_for()
        assert sorted(notebook.python("inspector.selection")) == sorted([*shortest[:3], shortest[4]])
        widget.get_by_role("button", name=re.compile("Select all")).click()
        widget.get_by_text("922 selected").wait_for()
        notebook.execute("inspector.select(['s0003']); inspector.sort = []; inspector.filter(labels=['damaged_item'])")
        widget.get_by_text("75 of 922 rows").wait_for()
        widget.get_by_text("1 selected").wait_for()

        notebook.reload()
        notebook.widget().get_by_text("75 of 922 rows").wait_for()
        notebook.widget().get_by_text("1 selected").wait_for()
        notebook.restart()
        notebook.run_all()
        notebook.widget().get_by_text("75 of 922 rows").wait_for()
        notebook.widget().get_by_text("1 selected").wait_for()
        assert notebook.python("[inspector.filters, inspector.selection]") == [{"labels": ["damaged_item"]}, ["s0003"]]
        assert notebook.problems == []


def test_findings_repairs_and_one_row(lab: Lab) -> None:
    with lab.open([CELL]) as notebook:
        widget = notebook.widget()
        findings = widget.get_by_role("region", name="Findings")
        findings.get_by_text("mojibake", exact=True).wait_for(timeout=60_000)
        item = findings.get_by_role("listitem").filter(has_text="mojibake")
        item.get_by_role("button", name="Show rows").click()
        widget.get_by_text("16 of 922 rows").wait_for()
        item.get_by_role("button", name="Fix mojibake").click()
        findings.get_by_text("Decoded UTF-8").wait_for()
        findings.get_by_text("mojibake", exact=True).wait_for(state="detached")
        assert notebook.python("inspector.corpus.config.repairs") == ["fix_mojibake"]
        widget.get_by_text("922 rows", exact=True).wait_for()
        findings.get_by_role("button", name="Undo").click()
        findings.get_by_text("mojibake", exact=True).wait_for()
        assert notebook.python("inspector.corpus.config.repairs") == []

        notebook.execute("shown = inspector.show('s0100')")
        detail = widget.get_by_role("region", name="Row s0100")
        detail.get_by_text("reads all").wait_for()
        assert detail.locator(".di-special").first.inner_text() == "[CLS]"
        widget.locator(".di-cursor").get_by_text("s0100").wait_for()
        detail.get_by_role("button", name="Find similar").click()
        detail.get_by_role("button", name="Show in the list").click(timeout=60_000)
        widget.get_by_text("20 of 922 rows").wait_for()
        assert notebook.python("inspector.filters") == {"similar": "s0100"}
        scores = [float(e.inner_text()) for e in widget.locator(".di-row .di-score").all()]
        assert len(scores) == 20 and scores == sorted(scores, reverse=True)
        assert notebook.problems == []


def test_many_rows_by_keyboard_and_wheel(lab: Lab) -> None:
    with lab.open([MANY, "inspector"]) as notebook:
        widget, page = notebook.widget(), notebook.page
        grid = widget.get_by_role("grid")
        widget.get_by_role("row", name="r5", exact=False).first.wait_for()
        assert "<b>bold</b>" in widget.locator(".di-row").nth(1).inner_text(), "a text is a text"
        grid.focus()
        page.keyboard.press("End")
        widget.locator(".di-cursor").get_by_text("r299999").wait_for()
        page.keyboard.press("Space")
        page.keyboard.press("Shift+ArrowUp")
        widget.get_by_text("2 selected").wait_for()
        assert notebook.python("inspector.selection") == ["r299998", "r299999"]
        page.keyboard.press("Home")
        widget.locator(".di-cursor").get_by_text("r0", exact=True).wait_for()
        page.keyboard.press("Control+a")
        widget.get_by_text("300,000 selected").wait_for()
        assert notebook.python("(inspector.selection, inspector.selected)") == [[], 300_000]
        page.wait_for_function("() => document.querySelectorAll('.di-row[aria-selected=true]').length > 20")
        page.keyboard.press("Escape")
        widget.get_by_text("No row selected").wait_for()
        # the middle by the bar, and on from there by the wheel, pixel by pixel
        grid.hover()
        grid.evaluate("e => { e.scrollTop = e.scrollHeight / 2 }")
        page.wait_for_timeout(1000)
        first = "e => Math.min(...[...e.querySelectorAll('.di-row')].map(r => Number(r.getAttribute('aria-rowindex'))))"
        before = grid.evaluate(first)
        assert 149_000 < before < 151_000
        page.mouse.wheel(0, 280)
        for _ in range(50):  # a busy machine takes its time to draw them
            moved = grid.evaluate(first) - before
            if moved in (9, 10, 11):
                break
            page.wait_for_timeout(100)
        assert moved in (9, 10, 11)
        grid.locator(".di-row .di-text").nth(20).wait_for()  # the rows have come
        # typing keeps the last word
        box = widget.get_by_role("searchbox")
        box.press_sequentially("text 29999", delay=15)
        widget.get_by_text("11 of 300,000 rows").wait_for()
        assert notebook.python("inspector.filters") == {"search": "text 29999"}
        # a slider by keys
        slider = widget.get_by_role("slider", name="Longest text")
        slider.focus()
        page.keyboard.press("ArrowLeft")
        widget.get_by_role("button", name="All lengths").wait_for()
        assert page.locator(".jp-CodeCell").count() == 2 and notebook.problems == []


def test_accessible_at_both_ends_of_the_width(lab: Lab) -> None:
    for theme, width in (("light", 620), ("dark", 1920)):  # JupyterLab's own bars take about 140 pixels
        lab.theme(theme)
        with lab.open([CELL, "shown = inspector.show('s0004')"], width=width) as notebook:
            widget = notebook.widget()
            widget.get_by_text("mojibake", exact=True).wait_for(timeout=60_000)
            widget.get_by_text("reads all").wait_for()
            widget.get_by_role("button", name="Filter a column").click()
            widget.get_by_role("button", name=re.compile("^damaged_item")).click()
            widget.get_by_text("75 of 922 rows").wait_for()
            assert notebook.axe() == []
            assert widget.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out"
    lab.theme("light")
