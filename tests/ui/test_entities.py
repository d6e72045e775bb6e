"""Playground, error browser and confusion matrix of a run for token-classification in a real JupyterLab."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from browser import Lab, Notebook
from toys import FILLER, WORDS, toy_recipe

from labkit.models import build_starter
from labkit.training import Run, train

HOSTILE = "<img src=x onerror=window.pwned=1>"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that has learned to mark foods and travels behind an emoji; some of its data is marked wrongly."""
    folder = tmp_path_factory.mktemp("entities")
    rows: list[dict[str, Any]] = []
    for i in range(150):
        food, travel = WORDS["food"][i % 10], WORDS["travel"][i * 7 % 10]
        text = f"😀 {food} {FILLER[i % 15]} {travel} {HOSTILE if i % 5 == 0 else '.'}"
        start = text.index(travel, 3 + len(food))
        spans = [{"start": 2, "end": 2 + len(food), "label": "travel" if i % 9 == 0 else "food"}]
        if i % 7:
            spans.append({"start": start, "end": start + len(travel), "label": "travel"})
        rows.append({"id": f"n{i}", "text": text, "spans": spans, "channel": ("mail", "chat")[i % 2]})
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    base = build_starter("bert", [row["text"] for row in rows], size="tiny").folder
    recipe = toy_recipe(
        path, base, task="token-classification", model={"max_length": 32}, budget={"epochs": 15},
        optimizer={"batch_size": 8, "learning_rate": 5e-3},
    )  # fmt: skip
    return train(recipe, folder / "run")


def wait(notebook: Notebook, expression: str) -> None:
    """Until something holds in the kernel."""
    for _ in range(100):
        if notebook.python(expression):
            return
        notebook.page.wait_for_timeout(100)
    raise AssertionError(f"not within 10 s: {expression}")


def harmless(notebook: Notebook) -> None:
    assert notebook.problems == []
    assert notebook.page.evaluate("() => window.pwned") is None


def marked(place: Any) -> list[str]:
    """The texts of the marks, with the types behind them."""
    found: list[str] = place.locator(".lk-mark").evaluate_all(
        "marks => marks.map(mark => { const copy = mark.cloneNode(true);"
        " copy.querySelectorAll('.lk-tag-sure').forEach(e => e.remove()); return copy.textContent })"
    )
    return found


def test_playing_with_entities(lab: Lab, run: Run, tmp_path: Path) -> None:
    here = str(shutil.copytree(run.directory, tmp_path / "run"))  # pinned texts are kept in it
    cell = (
        f"from labkit.widgets import Playground\n"
        f"play = Playground({here!r}, compare={str(run.directory)!r}).keep_in('p.json')\nplay"
    )
    with lab.open([cell]) as notebook:
        widget, page = notebook.widget("Playground"), notebook.page
        widget.get_by_label("Text", exact=True).fill(f"😀 soup the train {HOSTILE}")
        page.keyboard.press("Control+Enter")
        widget.get_by_text("Both mark the same 2 entities.").wait_for(timeout=60_000)
        sides = widget.locator(".pg-out .lk-marked")
        assert [marked(sides.nth(n)) for n in range(2)] == [["soupfood", "traintravel"]] * 2, (
            "code points, not UTF-16 units"
        )
        assert sides.first.inner_text().endswith(HOSTILE)
        tags = sides.first.get_by_role("img")
        spans = notebook.python("play.predict(play.text)[0]['models'][0]['spans']")
        names = [f"{span['label']}: {word}, confidence {100 * span['confidence']:.0f} %" for span, word in
                 zip(spans, ("soup", "train"), strict=True)]  # fmt: skip
        assert [tag.get_attribute("aria-label") for tag in tags.all()] == names
        tags.first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("name => document.activeElement.getAttribute('aria-label') === name", arg=names[1])
        sure = tags.nth(1).locator(".lk-tag-sure")
        assert sure.evaluate("e => getComputedStyle(e).visibility") == "visible", "the confidence, on focus"
        assert tags.first.locator(".lk-tag-sure").evaluate("e => getComputedStyle(e).visibility") == "hidden"

        widget.get_by_role("button", name="Pin", exact=True).click()
        wait(notebook, "len(play.pins) == 1")
        widget.get_by_role("button", name="Edit text 1").click()
        widget.get_by_label("Pinned text", exact=True).fill("😀 bread the hotel .")
        page.keyboard.press("Control+Enter")
        wait(notebook, "play.pins[0]['text'] == '😀 bread the hotel .'")
        widget.locator(".pg-pins .lk-mark", has_text="bread").first.wait_for()
        widget.get_by_label("Each line is a text").check()
        widget.get_by_label("Texts, one a line").fill("😀 soup the sea .\n\n😀 salt my map .")
        widget.get_by_role("button", name="Pin line 2").click()
        wait(notebook, "[pin['text'] for pin in play.pins] == ['😀 bread the hotel .', '😀 salt my map .']")
        for width in (1250, 620):
            page.set_viewport_size({"width": width, "height": 950})
            page.wait_for_timeout(300)
            assert notebook.axe() == []
            assert widget.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out"
        notebook.restart()
        notebook.run_all()
        notebook.widget("Playground").get_by_role("button", name="Remove text 1").click()
        wait(notebook, "[pin['text'] for pin in play.pins] == ['😀 salt my map .']")
        harmless(notebook)


def test_errors_in_entities(lab: Lab, run: Run) -> None:
    cell = (
        f"from labkit.widgets import *\nerrors = ErrorBrowser({str(run.directory)!r}).keep_in('s.json')\n"
        f"matrix = ConfusionMatrix({str(run.directory)!r})\nerrors"
    )
    lab.theme("dark")
    with lab.open([cell, "matrix"], height=1500) as notebook:
        widget, page = notebook.widget("Error browser"), notebook.page
        widget.locator(".eb-row").first.wait_for()
        ids, kinds = notebook.python("errors.ids()"), notebook.python("errors.choices()['kinds']")
        kind = max(kinds, key=lambda name: kinds[name])
        shown = notebook.python("errors.row(errors.current)")
        for part in ("True", "Predicted"):
            place = widget.get_by_role("group", name=f"Text with its {part.lower()} entities")
            place.wait_for()
            points = list(shown["text"])
            assert marked(place) == [
                "".join(points[span["start"] : span["end"]]) + ("✕ " if span["error"] else "") + span["label"]
                for span in shown[part.lower()]
            ]
        button = widget.get_by_role("group", name="Kind of error").get_by_role(
            "button", name=f"{kind} {kinds[kind]}", exact=True
        )
        button.click()
        wait(notebook, f"errors.filters == {{'kind': {kind!r}}}")
        wanted = notebook.python("errors.ids()")
        widget.get_by_text(f"{len(wanted)} row{'' if len(wanted) == 1 else 's'}, most errors first").wait_for()
        assert button.get_attribute("aria-pressed") == "true"
        button.click()
        wait(notebook, "errors.filters == {}")
        widget.get_by_label("Type of entity", exact=True).select_option("travel")
        widget.get_by_label("Order", exact=True).select_option("confidence")
        wait(notebook, "(errors.filters, errors.order) == ({'type': 'travel'}, 'confidence')")
        widget.get_by_role("button", name="Clear filters").click()
        wait(notebook, f"errors.filters == {{}} and len(errors.ids()) == {len(ids)}")

        listed = widget.get_by_role("listbox")
        widget.get_by_text(f"{len(ids)} rows, surest errors first").wait_for()
        now = notebook.python("errors.ids()")
        listed.focus()
        page.keyboard.press("Home")
        wait(notebook, f"errors.selection == {now[:1]!r}")
        page.keyboard.press("Shift+ArrowDown")
        wait(notebook, f"errors.selection == {now[:2]!r}")
        widget.get_by_role("button", name="Relabel 2 rows").click()
        wait(notebook, f"errors.relabel == {now[:2]!r}")
        widget.get_by_role("button", name="Find neighbours").click()
        widget.locator(".eb-neighbours .lk-mark").first.wait_for(timeout=60_000)

        matrix = notebook.widget("Confusion matrix")
        matrix.get_by_text("The cells count entities").wait_for()
        grid = matrix.get_by_role("grid")
        grid.focus()
        page.keyboard.press("Enter")
        grid.click(position={"x": 5, "y": 5})
        for width in (1250, 620):
            page.set_viewport_size({"width": width, "height": 1500})
            page.wait_for_timeout(300)
            assert notebook.axe() == []
            for one in page.locator(".labkit").all():
                assert one.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out"
        assert notebook.python("(matrix.picked, matrix.error)") == [{}, ""]
        notebook.restart()
        notebook.run_all()
        notebook.widget("Error browser").get_by_text(f"{len(ids)} rows, surest errors first").wait_for()
        assert notebook.python("errors.selection") == now[:2]
        harmless(notebook)
    lab.theme("light")
