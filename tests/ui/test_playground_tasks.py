"""The playground of models that answer, write and fill masks, in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from browser import Lab, Notebook
from playwright.sync_api import expect
from written import tiny_run

from labkit.training import Run

HOSTILE = "<img src=x onerror=window.pwned=1>"
PATIENCE = 60_000


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    home = tmp_path_factory.mktemp("played")
    kinds = {"answers": 30, "chat": 2, "masks": 2}
    return {kind: tiny_run(kind, home, epochs=epochs) for kind, epochs in kinds.items()}


@contextmanager
def playing(lab: Lab, run: Run, more: str = "") -> Iterator[tuple[Notebook, Any]]:
    """A playground, looked at in a wide and in a narrow window before it is left."""
    cell = f"from labkit.widgets import Playground\nplay = Playground({str(run.directory)!r}, keep=False{more})\nplay"
    with lab.open([cell]) as notebook:
        widget = notebook.widget("Playground")
        widget.get_by_text("trained from scratch on ").first.wait_for()
        yield notebook, widget
        for width in (1250, 620):
            notebook.page.set_viewport_size({"width": width, "height": 950})
            notebook.page.wait_for_timeout(300)
            assert notebook.axe() == []
            assert widget.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out"
        assert notebook.problems == [] and notebook.page.evaluate("() => window.pwned") is None


def wait(notebook: Notebook, expression: str) -> None:
    """Until something holds in the kernel."""
    for _ in range(150):
        if notebook.python(expression):
            return
        notebook.page.wait_for_timeout(100)
    raise AssertionError(f"not within 15 s: {expression}")


def test_asking_about_a_context(lab: Lab, runs: dict[str, Run]) -> None:
    context = f"😀 the very soup my train . {HOSTILE}"
    with playing(lab, runs["answers"], f", compare={str(runs['answers'].directory)!r}") as (notebook, widget):
        widget.get_by_label("Question", exact=True).fill("which food ?")
        widget.get_by_text("No context yet").wait_for()
        widget.get_by_label("Context", exact=True).fill(context)
        widget.get_by_text("Both give the same answer.").wait_for(timeout=PATIENCE)
        passage = widget.get_by_role("group", name="Context with the answer")
        assert passage.inner_text() == context
        said = notebook.python("play.predict('which food ?', play.second)[0]['models'][0]")
        assert passage.locator("mark").all_text_contents() == [said["answer"]["text"]]
        other = next(one for one in said["alternatives"] if one["text"] != said["answer"]["text"])
        share = f"{100 * other['confidence']:.1f} %"
        button = widget.get_by_role("button", name=f"Show in the context: {other['text']}, {share}").first
        button.focus()
        marked = passage.locator(".pg-look").all_text_contents()
        assert "".join(marked) == other["text"], "what has the focus is marked"

        widget.get_by_role("button", name="Pin", exact=True).click()
        wait(notebook, "[pin['second'] == play.second for pin in play.pins] == [True]")
        widget.get_by_label("Each line is a question").check()
        widget.get_by_label("Questions, one a line").fill("which food ?\n\nwhich map ?")
        widget.get_by_role("button", name="Pin line 2").click()
        wait(notebook, "[pin['text'] for pin in play.pins] == ['which food ?', 'which map ?']")


def test_writing_and_drawing(lab: Lab, runs: dict[str, Run]) -> None:
    with playing(lab, runs["chat"]) as (notebook, widget):
        page = notebook.page
        widget.get_by_label("Message to the model").fill(f"monday {HOSTILE}")
        page.wait_for_timeout(600)
        assert notebook.python("play.state") == "idle", "it waits for a press"
        page.keyboard.press("Control+Enter")
        output = widget.get_by_role("group", name="Output", exact=True)
        output.wait_for(timeout=PATIENCE)
        (written,) = notebook.python("play.predict(play.text)[0]['models'][0]['texts']")
        facts = f"{written['tokens']} token{'' if written['tokens'] == 1 else 's'} · confidence "
        assert facts in output.inner_text()
        widget.get_by_role("button", name="What the model read").click()
        read = widget.get_by_label("What the model read", exact=True).last
        assert read.inner_text() == notebook.python("play.predict(play.text)[0]['models'][0]['read']")
        assert read.inner_text().endswith("pwned=1>\nAssistant:"), "the template"
        widget.get_by_text("are not read, so that there is room for the new ones.").wait_for()

        widget.get_by_role("radio", name="Drawn").click()
        widget.get_by_text("Text or settings have changed since").wait_for()
        widget.get_by_label("Temperature").fill("1.5")
        widget.get_by_label("Samples").fill("2")
        widget.get_by_label("Samples").press("Tab")
        wait(notebook, "(play.writing['samples'], play.writing['temperature']) == (2, 1.5)")
        widget.get_by_role("button", name="Write", exact=True).click()
        widget.get_by_role("group", name="Output 2", exact=True).wait_for()
        widget.get_by_role("button", name="Draw others").click()
        wait(notebook, "play.writing['seed'] == 1")
        widget.get_by_text("seed 1").first.wait_for()
        widget.get_by_role("button", name="Pin", exact=True).click()
        wait(notebook, "[pin['writing']['seed'] for pin in play.pins] == [1]")


def test_filling_masks(lab: Lab, runs: dict[str, Run]) -> None:
    with playing(lab, runs["masks"]) as (notebook, widget):
        box = widget.get_by_label("Text with masks")
        box.fill(f"😀 soup  {HOSTILE}")
        widget.get_by_text("No mask in the text.").wait_for(timeout=PATIENCE)
        box.evaluate("e => e.setSelectionRange(8, 8)")  # the emoji counts twice here
        widget.get_by_role("button", name="Insert [MASK] at the cursor").click()
        wait(notebook, f"play.text == '😀 soup [MASK] {HOSTILE}'")
        fillers = widget.get_by_role("list", name="Fillers of mask 1").get_by_role("button")
        fillers.first.wait_for()
        best = notebook.python("play.predict(play.text)[0]['models'][0]['fillers'][0]")
        named = [f"Fill in {one['token']}, {100 * one['probability']:.1f} %" for one in best]
        assert [one.get_attribute("aria-label") for one in fillers.all()] == named
        fillers.nth(1).click()
        wait(notebook, f"play.text == '😀 soup {best[1]['token']} {HOSTILE}'")
        expect(box).to_have_value(notebook.python("play.text"))
        notebook.execute(f"play.pin('[MASK] {HOSTILE}')")
        widget.locator(".pg-pins").get_by_role("list", name="Fillers of mask 1").wait_for()
