"""Confusion matrix, error browser and playground in a real JupyterLab."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from browser import Lab, Notebook
from hostile import rows as hostile_rows
from toys import toy_recipe, toy_rows

from labkit.training import Run, train

MANY = """import numpy as np
from labkit.tasks import Predictions
from labkit.widgets import ConfusionMatrix
rng = np.random.default_rng(0); k, n = 150, 12_000
gold = rng.integers(0, k, n)
said = np.where(rng.random(n) < 0.6, gold, rng.integers(0, k, n))
p = np.full((n, k), 0.2 / (k - 1)); p[np.arange(n), said] = 0.8
labels = tuple(f"class with a name {j}" for j in range(k))
matrix = ConfusionMatrix(Predictions(row_ids=[f"r{i}" for i in range(n)], labels=labels, probabilities=p, gold=gold))"""

# when the widget came into the page, and when its cells did
WATCH = """window.seen = {}; new MutationObserver(() => {
  const now = performance.now();
  if (!seen.widget && document.querySelector('.labkit')) seen.widget = now;
  if (!seen.cells && document.querySelector('.cm-cells path')) seen.cells = now;
}).observe(document, {subtree: true, childList: true});"""


@pytest.fixture(scope="module")
def run(toy_model: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run with mistakes, doubtful labels and a hundred hostile texts and labels."""
    folder = tmp_path_factory.mktemp("evaluation")
    toys = [{"text": row["text"], "label": row["topic"]} for row in toy_rows(240)]
    for i, row in enumerate(toys):
        if i % 9 == 0:
            row["label"] = "food" if row["label"] == "sport" else "sport"
    lines = [json.dumps({**row, "channel": ("mail", "chat")[i % 2]}) for i, row in enumerate([*toys, *hostile_rows()])]
    path = folder / "rows.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    return str(train(toy_recipe(path, toy_model, budget={"epochs": 5}), folder / "run").directory)


def harmless(notebook: Notebook) -> None:
    assert notebook.problems == []
    assert notebook.page.evaluate("() => window.pwned") is None


def test_a_cell_opens_its_rows_and_filters_the_errors(lab: Lab, run: str, tmp_path: Path) -> None:
    cells = [
        "from traitlets import dlink\nfrom labkit.widgets import *\n"
        f"matrix = ConfusionMatrix({run!r}).keep_in('m.json')\nmatrix",
        f"errors = ErrorBrowser({run!r})\ndlink((matrix, 'picked'), (errors, 'filters'))\nerrors",
    ]
    with lab.open(cells) as notebook:
        matrix, errors = notebook.widget("Confusion matrix"), notebook.widget("Error browser")
        grid = matrix.get_by_role("grid")
        grid.hover()
        matrix.locator(".cm-said").wait_for()
        pair = notebook.python("matrix.pairs()[0]")
        matrix.locator(".cm-pairs button").first.click()
        matrix.get_by_role("heading", name="taken for").wait_for()
        matrix.locator(".cm-list tbody tr").first.wait_for()
        picked = {"true": pair["true"], "predicted": pair["predicted"]}
        assert notebook.python("matrix.picked") == picked
        assert matrix.locator(".cm-list tbody tr").count() == min(20, pair["count"])
        assert notebook.python("errors.ids() == matrix.selection")
        errors.locator(".eb-row").nth(pair["count"] - 1).wait_for()

        labels = notebook.python("matrix.matrix['labels']")
        grid.focus()
        for key in ("Control+Home", "ArrowRight", "ArrowDown", "ArrowDown", "x"):  # x must not cut the cell
            notebook.page.keyboard.press(key)
        assert labels[2] in grid.get_by_role("gridcell").get_attribute("aria-label")
        for key, expected in (
            ("Enter", {"true": labels[2], "predicted": labels[1]}),
            ("r", {"true": labels[2]}),
            ("c", {"predicted": labels[1]}),
            ("Escape", {}),
        ):
            notebook.page.keyboard.press(key)
            wait(notebook, f"matrix.picked == {expected!r}")
        assert notebook.page.locator(".jp-CodeCell").count() == 2
        matrix.locator(".cm-rows").click(position={"x": 20, "y": 5})
        wait(notebook, f"matrix.picked == {{'true': {labels[0]!r}}}")

        with notebook.page.expect_download() as saved:
            matrix.get_by_role("button", name="Download as CSV").click()
        saved.value.save_as(tmp_path / "m.csv")
        with (tmp_path / "m.csv").open(newline="", encoding="utf-8") as file:
            assert len(list(csv.reader(file))) == len(labels) + 1
        with notebook.page.expect_download() as saved:
            matrix.get_by_role("button", name="Download as PNG picture").click()
        saved.value.save_as(tmp_path / "m.png")
        assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")

        matrix.get_by_role("radio", name="Shares").click()
        matrix.get_by_label("Order of the classes").select_option("similarity")
        wait(notebook, "(matrix.values, matrix.order) == ('shares', 'similarity')")
        notebook.reload()
        matrix = notebook.widget("Confusion matrix")
        matrix.get_by_role("heading", name="All rows of").wait_for()
        assert matrix.get_by_role("radio", name="Shares").get_attribute("aria-checked") == "true"
        notebook.restart()
        notebook.run_all()
        matrix.get_by_role("heading", name="All rows of").wait_for()
        assert matrix.get_by_role("radio", name="Shares").get_attribute("aria-checked") == "true"
        wait(notebook, "(matrix.values, matrix.order, bool(matrix.picked)) == ('shares', 'similarity', True)")
        harmless(notebook)


def test_errors_by_keyboard(lab: Lab, run: str) -> None:
    cell = f"from labkit.widgets import ErrorBrowser\nerrors = ErrorBrowser({run!r}, include='all').keep_in('e.json')\nerrors"
    with lab.open([cell]) as notebook:
        widget, page = notebook.widget(), notebook.page
        listed = widget.get_by_role("listbox")
        listed.locator(".eb-row").first.wait_for()
        ids = notebook.python("errors.ids()")
        assert widget.locator(".eb-row").count() < 30 < len(ids), "only what is in sight is in the page"
        listed.focus()
        page.keyboard.press("ArrowDown")
        wait(notebook, f"errors.selection == {ids[1:2]!r}")
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Shift+ArrowDown")
        wait(notebook, f"errors.selection == {ids[1:4]!r}")
        page.keyboard.press("Space")
        wait(notebook, f"errors.selection == {ids[1:3]!r}")
        listed.locator(".eb-row").nth(5).click(modifiers=["Control"])
        wait(notebook, f"errors.selection == {[*ids[1:3], ids[5]]!r}")
        widget.get_by_role("button", name="Relabel 3 rows").click()
        widget.get_by_text("3 rows handed over").wait_for()
        assert notebook.python("errors.relabel") == [*ids[1:3], ids[5]]
        listed.focus()
        page.keyboard.press("End")
        wait(notebook, f"errors.current == {ids[-1]!r}")
        listed.locator(f".eb-row[aria-posinset='{len(ids)}'] .eb-text").wait_for()
        page.keyboard.press("Control+a")
        wait(notebook, f"len(errors.selection) == {len(ids)}")

        widget.get_by_role("button", name="Find neighbours").click()
        widget.locator(".eb-neighbours li").first.wait_for()
        widget.get_by_label("Column to slice by").select_option("channel")
        widget.get_by_label("Slice of channel").select_option("chat")
        wait(notebook, "errors.filters == {'slice': ['channel', 'chat']}")
        widget.get_by_label("Search the texts").fill("no row has this")
        widget.get_by_text("No row passes these filters").wait_for()
        widget.locator(".eb-none").get_by_role("button", name="Clear filters").click()
        wait(notebook, "errors.filters == {}")
        notebook.execute("errors.filter(true='food')")
        food = notebook.python("errors.rows()['of']")
        assert 0 < food < len(ids)
        widget.get_by_text(f"{food} rows, highest loss first").wait_for()
        notebook.execute("errors.select(errors.ids()[:3])")
        selected = notebook.python("errors.selection")
        notebook.reload()
        chosen = notebook.widget().get_by_label("True label").locator("option:checked")
        chosen.filter(has_text="food").wait_for(state="attached")
        notebook.restart()
        notebook.run_all()
        chosen.filter(has_text="food").wait_for(state="attached")
        notebook.widget().get_by_text(f"{food} rows, highest loss first").wait_for()
        assert notebook.python("errors.selection") == selected
        harmless(notebook)


def test_playing(lab: Lab, toy_run: Run, tmp_path: Path) -> None:
    run = str(shutil.copytree(toy_run.directory, tmp_path / "run"))  # pinned texts are kept in it
    made = f"Playground({run!r}, examples=['goal match team']).keep_in('p.json')"
    cell = f"from labkit.widgets import Playground\nplay = {made}\nplay"
    with lab.open([cell]) as notebook:
        widget, page = notebook.widget(), notebook.page
        widget.get_by_text("No text yet").wait_for()
        assert notebook.python("play.state") == "idle"
        widget.get_by_label("Text", exact=True).fill("soup bread salt dinner sauce")
        page.keyboard.press("Control+Enter")
        widget.locator(".pg-bars li").first.wait_for(timeout=60_000)
        assert widget.locator(".pg-bars .pg-strong").inner_text() == "food"
        widget.get_by_text("tokens").wait_for()
        widget.get_by_role("button", name="Pin", exact=True).click()
        widget.get_by_role("button", name="goal match team").click()
        wait(notebook, "play.text == 'goal match team'")
        widget.locator(".pg-bars .pg-strong", has_text="sport").wait_for()
        widget.get_by_role("button", name="Pin", exact=True).click()
        wait(notebook, "len(play.pins) == 2")
        widget.get_by_role("button", name="Edit text 2").click()
        widget.get_by_label("Pinned text", exact=True).fill("train ticket")
        page.keyboard.press("Control+Enter")
        wait(notebook, "play.pins[1]['text'] == 'train ticket'")
        notebook.execute("play.pin('<img src=x onerror=window.pwned=1>')")
        widget.get_by_text("<img src=x onerror=window.pwned=1>").wait_for()
        widget.get_by_label("Each line is a text").check()
        widget.get_by_label("Texts, one a line").fill("goal match\nsoup salt\n\nsea hotel")
        widget.get_by_role("button", name="Pin line 3").wait_for()
        assert [chip.strip() for chip in widget.locator(".pg-out .lk-chip").all_inner_texts()] == [
            "sport",
            "food",
            "travel",
        ]
        notebook.reload()
        notebook.widget().get_by_role("button", name="Pin line 3").wait_for()
        notebook.restart()
        notebook.run_all()
        notebook.widget().get_by_role("button", name="Pin line 3").wait_for()
        notebook.widget().get_by_role("button", name="Remove text 2").click()
        wait(notebook, "[pin['text'][:4] for pin in play.pins] == ['soup', '<img']")
        harmless(notebook)


def test_a_hundred_and_fifty_classes(lab: Lab) -> None:
    with lab.open([MANY]) as notebook:
        page = notebook.page
        page.evaluate(WATCH)
        page.locator(".jp-Cell .cm-content").first.click()
        page.keyboard.press("Control+End")
        page.keyboard.type("\nmatrix")
        page.keyboard.press("Shift+Enter")
        page.wait_for_function("() => window.seen.cells", timeout=60_000)
        seen = page.evaluate("() => window.seen")
        assert seen["cells"] - seen["widget"] < 500, "about 100 ms, on a busy machine more"
        assert page.locator(".labkit *").count() < 2000, "no element a cell"
        grid = notebook.widget().get_by_role("grid")
        grid.focus()
        for key in ("Control+End", "Enter"):
            page.keyboard.press(key)
        last = "class with a name 149"
        wait(notebook, f"matrix.picked == {{'true': {last!r}, 'predicted': {last!r}}}")
        box = notebook.widget().locator(".cm-scroll")
        assert box.evaluate("e => e.scrollLeft > 500 && e.scrollTop > 500"), "the cell is scrolled into sight"
        assert notebook.problems == []


def test_accessible_in_both_themes_at_both_ends_of_the_width(lab: Lab, run: str) -> None:
    cells = [
        f"from labkit.widgets import *\nmatrix = ConfusionMatrix({run!r}, compare={run!r})\nmatrix.pick(true='food')\nmatrix",
        f"errors = ErrorBrowser({run!r})\nerrors.select(errors.ids(0, 2))\nerrors",
        f"play = Playground({run!r}, compare={run!r}, keep=False, text='soup')\nplay.pin('soup')\nplay.pin('goal')\nplay",
    ]
    with lab.open(cells, width=1920) as notebook:
        notebook.widget("Playground").locator(".pg-bars li").first.wait_for()
        notebook.widget("Error browser").locator(".eb-bars li").first.wait_for()
        notebook.widget("Confusion matrix").locator(".cm-list tbody tr").first.wait_for()
        for _ in notebook.looks(1920, 620):
            assert notebook.axe() == []
            for widget in notebook.page.locator(".labkit").all():
                assert widget.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out"
        harmless(notebook)


def wait(notebook: Notebook, expression: str) -> None:
    """Until something holds in the kernel."""
    for _ in range(40):
        if notebook.python(expression):
            return
        notebook.page.wait_for_timeout(100)
    raise AssertionError(f"not within 4 s: {expression}")
