"""The labeler in a real JupyterLab."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from browser import Lab, Notebook
from toys import toy_rows, write_csv

SUGGEST = """
import numpy as np
from labkit.tasks import Predictions
def model(texts):
    p = np.full((len(texts), 3), 0.04)
    p[:, 1] = 0.92
    return Predictions(row_ids=[str(i) for i in range(len(texts))], labels=("food", "sport", "travel"), probabilities=p)
"""
HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "\u202eturned round \u2066 and again",
    "Z" + "\u0301\u0334\u0362" * 300,
    "x" * 10_000,
    "👨‍👩‍👧‍👦🏳️‍🌈" * 300,
]


def cell(data: Path, more: str = "", before: str = "") -> str:
    return f"{before}\nfrom labkit.widgets import Labeler\nlabeler = Labeler({str(data)!r}, who='ann'{more})\nlabeler"


def toys(lab: Lab, name: str, count: int = 60) -> Path:
    return write_csv(lab.root / f"{name}.csv", toy_rows(count))


def ready(notebook: Notebook, row: str = "") -> Any:
    """Wait for the widget, and put the focus where keys go."""
    chosen = f'[data-row="{row}"]' if row else ""
    notebook.page.wait_for_selector(f'.lb[data-busy="false"]{chosen}')
    notebook.page.locator(".lb-stage, .lb-tableview").focus()
    return notebook.widget()


def press(notebook: Notebook, keys: Sequence[str]) -> None:
    for key in keys:
        notebook.page.keyboard.press(key)


def saved(notebook: Notebook) -> None:
    notebook.page.wait_for_selector('.lb[data-busy="false"][data-unsaved-count="0"]')


def test_keys_decide_and_everything_comes_back(lab: Lab) -> None:
    with lab.open([cell(toys(lab, "keys"))]) as notebook:
        widget = ready(notebook, "t0")
        press(notebook, ["1", "2", "s", "f", "3"])
        notebook.page.wait_for_selector('.lb[data-row="t4"][data-saved-count="5"][data-unsaved-count="0"]')
        lines = notebook.python("[(d.row_id, d.field, d.new) for d in labeler.journal.decisions()]")
        assert lines == [
            ["t0", "label", "food"],
            ["t1", "label", "sport"],
            ["t2", "skip", True],
            ["t3", "flag", True],
            ["t3", "label", "travel"],
        ]
        assert notebook.python("all(0 < d.seconds < 60 for d in labeler.journal.decisions() if d.field != 'flag')")
        widget.get_by_text("5 saved").wait_for()

        press(notebook, ["n"])
        notebook.page.keyboard.type("x1 is odd")  # letters and digits are text in a text field
        press(notebook, ["Enter", "u", "u", "u"])
        notebook.page.wait_for_selector('.lb[data-row="t3"][data-busy="false"]')
        assert notebook.python("labeler.journal.value('t3')") is None
        press(notebook, ["Shift+U"])
        notebook.page.wait_for_selector('.lb[data-row="t3"][data-busy="false"]')
        press(notebook, ["ArrowLeft"])
        notebook.page.wait_for_selector('.lb[data-row="t2"][data-busy="false"]')
        press(notebook, ["?"])
        widget.get_by_role("dialog").wait_for()
        press(notebook, ["Escape", "/"])
        notebook.page.keyboard.type("weather")
        press(notebook, ["Enter"])
        saved(notebook)
        assert notebook.python("labeler.journal.value('t2')") == "weather"
        assert notebook.page.locator(".jp-CodeCell").count() == 1, "no key went to the notebook"

        widget.locator(".lb-entry", has_text="sport").click()
        notebook.page.wait_for_selector('.lb[data-row="t1"][data-busy="false"]')
        notebook.execute("labeler.label('food'); labeler.queue = ['t20', 't21']")
        notebook.page.wait_for_selector('.lb[data-row="t20"][data-busy="false"]')
        notebook.execute("labeler.queue = 'file'")
        open_row = notebook.python("labeler.current")

        notebook.reload()
        notebook.page.wait_for_selector(f'.lb[data-row="{open_row}"]')
        notebook.restart()
        notebook.run_all()
        notebook.page.wait_for_selector(f'.lb[data-row="{open_row}"]')
        notebook.widget().get_by_role("button", name="4 weather").wait_for()
        assert notebook.problems == []


def test_what_a_dead_kernel_did_not_save_is_shown_and_saved_by_the_next(lab: Lab) -> None:
    data = toys(lab, "dead")
    with lab.open([cell(data)]) as notebook:
        widget = ready(notebook, "t0")
        press(notebook, ["1", "1"])
        notebook.page.wait_for_selector('.lb[data-saved-count="2"]')
        notebook.kill()
        press(notebook, ["2", "3", "2"])
        assert widget.locator(".lb").get_attribute("data-saved-count") == "2"
        assert notebook.page.locator('[data-state="saved"]').count() == 2
        widget.get_by_text("3 not saved").wait_for()
        notebook.page.locator(".jp-Dialog button.jp-mod-accept").click(timeout=60_000)
        assert len(Path(f"{data}.labels.jsonl").read_text("utf-8").splitlines()) == 2
        idle = "() => document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'"
        notebook.page.wait_for_function(idle, timeout=60_000)
        notebook.run_all()
        notebook.widget().get_by_text("Saved now: 3 decisions").wait_for()
        notebook.page.wait_for_selector('.lb[data-row="t5"][data-unsaved-count="0"]')
        lines = [json.loads(line) for line in Path(f"{data}.labels.jsonl").read_text("utf-8").splitlines()]
        assert [line["row_id"] for line in lines] == ["t0", "t1", "t2", "t3", "t4"]
        assert len({line["id"] for line in lines}) == 5
        assert notebook.page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('labkit')).length") == 0


def test_suggestions_and_the_table_with_the_keyboard_alone(lab: Lab) -> None:
    with lab.open([cell(toys(lab, "table"), ", suggestions=model", SUGGEST)]) as notebook:
        widget = ready(notebook, "t0")
        widget.get_by_text("92 %").first.wait_for()
        press(notebook, ["Enter"])
        notebook.page.wait_for_selector('.lb[data-row="t1"][data-unsaved-count="0"]')
        assert notebook.python("[(d.new, d.why, d.suggestion) for d in labeler.journal.decisions()]") == [
            ["sport", "suggestion", "sport"]
        ]
        press(notebook, ["t"])
        widget.get_by_text("1–25 of 60").wait_for()
        press(notebook, ["ArrowDown", "ArrowDown", "x", "Shift+ArrowDown", "Shift+ArrowDown"])
        widget.get_by_text("3 selected").wait_for()
        press(notebook, ["3"])
        widget.get_by_text("Row under the cursor").wait_for()
        assert notebook.python("[labeler.journal.value(f't{i}') for i in range(1, 6)]") == [
            None,
            "travel",
            "travel",
            "travel",
            None,
        ]
        widget.locator('tr[data-row="t8"] td').nth(2).click()
        widget.locator('tr[data-row="t11"] td').nth(2).click(modifiers=["Shift"])
        widget.get_by_text("4 selected").wait_for()
        widget.get_by_role("button", name="Accept suggestions").click()
        widget.get_by_text("Row under the cursor").wait_for()
        assert notebook.python("labeler.journal.value('t10')") == "sport"
        press(notebook, ["PageDown"])
        widget.get_by_text("26–50 of 60").wait_for()
        widget.get_by_role("button", name="Accept all").click()
        notebook.page.wait_for_function("() => document.querySelector('.lb-progress b').textContent > 25")
        press(notebook, ["u"])
        notebook.page.wait_for_function("() => document.querySelector('.lb-progress b').textContent === '8'")
        assert notebook.python("labeler.progress['done']") == 8
        assert notebook.problems == []


def test_spans_with_mouse_and_keyboard(lab: Lab) -> None:
    data = lab.root / "spans.jsonl"
    text = "Ada met 👩‍💻 Charles in London."
    data.write_text("\n".join(json.dumps({"id": f"r{i}", "text": text}) for i in range(3)), "utf-8")
    with lab.open([cell(data, ", mode='spans', labels=['person', 'place']")]) as notebook:
        widget = ready(notebook, "r0")
        press(notebook, ["ArrowRight", "Shift+ArrowRight", "Shift+ArrowLeft", "1"])
        widget.get_by_role("button", name="Remove person from “Ada”").wait_for()
        # from inside one word to inside the next: both are taken whole (whole pixels: with fractions nothing is selected)
        points = notebook.page.evaluate(
            """() => {
              const node = [...document.querySelectorAll('.lb-text [data-start]')].at(-1).firstChild;
              return ['harles', 'on.'].map(part => {
                const range = document.createRange();
                range.setStart(node, node.data.indexOf(part));
                range.setEnd(node, node.data.indexOf(part) + 1);
                const box = range.getBoundingClientRect();
                return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];
              });
            }"""
        )
        notebook.page.mouse.move(*points[0])
        notebook.page.mouse.down()
        notebook.page.mouse.move(*points[1], steps=4)
        notebook.page.mouse.up()
        press(notebook, ["2"])
        widget.get_by_role("button", name="Remove place from “Charles in London”").wait_for()
        widget.get_by_role("button", name="Remove person").click()
        assert notebook.python("len(labeler.journal)") == 0
        notebook.reload()
        ready(notebook, "r0")
        notebook.widget().get_by_role("button", name="Remove place").wait_for()
        press(notebook, ["Enter"])
        notebook.page.wait_for_selector('.lb[data-row="r1"][data-unsaved-count="0"]')
        (span,) = notebook.python("labeler.journal.value('r0', 'spans')")
        assert text[span["start"] : span["end"]] == "Charles in London" and span["label"] == "place"
        assert notebook.problems == []


def test_answers_with_mouse_and_keyboard(lab: Lab) -> None:
    data = lab.root / "answers.jsonl"
    context = "👩‍💻 Ada met Charles in London. <b>Rain</b>"
    rows = [{"id": f"r{i}", "question": "Where?", "context": context} for i in range(5)]
    rows[1]["answers"] = [{"text": "Ada", "answer_start": 4}]
    data.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    said = "{'r2': [{'start': 23, 'text': 'London'}], 'r3': []}"
    with lab.open([cell(data, f", mode='answers', suggestions={said}")]) as notebook:
        widget = ready(notebook, "r0")
        press(notebook, ["Enter"])
        widget.locator(".lb-hint").get_by_text("Mark an answer first").wait_for()
        press(notebook, ["ArrowRight", "ArrowRight", "Shift+ArrowRight", "Enter"])
        widget.get_by_role("button", name="Remove the answer “Ada met”").wait_for()
        points = notebook.page.evaluate(
            """() => {
              const node = [...document.querySelectorAll('.lb-context [data-start]')].at(-1).firstChild;
              return ['arles', 'ondon'].map(part => {
                const range = document.createRange();
                range.setStart(node, node.data.indexOf(part));
                range.setEnd(node, node.data.indexOf(part) + 1);
                const box = range.getBoundingClientRect();
                return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];
              });
            }"""
        )
        notebook.page.mouse.move(*points[0])
        notebook.page.mouse.down()
        notebook.page.mouse.move(*points[1], steps=4)
        notebook.page.mouse.up()
        widget.get_by_role("button", name="Remove the answer “Charles in London”").wait_for()
        assert notebook.python("len(labeler.journal)") == 0
        notebook.reload()
        ready(notebook, "r0")
        widget = notebook.widget()
        widget.get_by_role("button", name="Remove the answer “Ada met”").click()
        press(notebook, ["Enter"])
        notebook.page.wait_for_selector('.lb[data-row="r1"][data-unsaved-count="0"]')
        assert notebook.python("labeler.journal.value('r0', 'answers')") == [{"start": 12, "text": "Charles in London"}]
        assert widget.locator(".lb-answer").inner_text() == "Ada", "what the data says is marked"
        press(notebook, ["Enter"])
        notebook.page.wait_for_selector('.lb[data-row="r2"]')
        press(notebook, ["a", "Enter", "0"])
        saved(notebook)
        assert notebook.python(
            "[(d.row_id, d.new and d.new[0]['text'], d.why) for d in labeler.journal.decisions()]"
        ) == [
            ["r0", "Charles in London", "person"],
            ["r1", "Ada", "person"],
            ["r2", "London", "suggestion"],
            ["r3", [], "suggestion"],
            ["r4", [], "person"],
        ]
        press(notebook, ["u"])
        notebook.page.wait_for_selector('.lb[data-row="r4"][data-busy="false"]')
        assert notebook.axe() == []
        assert notebook.problems == []


def test_texts_are_edited_and_what_is_typed_is_no_shortcut(lab: Lab) -> None:
    lab.theme("dark")
    data = lab.root / "texts.jsonl"
    texts = ["der Hund", "die Katze", *HOSTILE, ""]
    rows = [{"id": f"r{i}", "en": f"source {text}", "de": text} for i, text in enumerate(texts)]
    data.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    more = ", mode='text', suggestions={'r1': 'eine Katze'}"
    with lab.open([cell(data, more)], width=620) as notebook:
        widget = ready(notebook, "r0")
        area = widget.get_by_role("textbox", name="Target")
        press(notebook, ["e", "Control+End", *" xsuft", "Enter", "Backspace", "!"])
        assert area.input_value() == "der Hund xsuft!"
        widget.get_by_text("draft, not saved").wait_for()
        assert notebook.python("len(labeler.journal)") == 0
        widget.locator("ins").get_by_text("xsuft!").wait_for()
        press(notebook, ["Escape", "ArrowRight"])
        notebook.page.wait_for_selector('.lb[data-row="r1"][data-busy="false"]')
        assert area.input_value() == "die Katze"
        notebook.reload()
        ready(notebook)
        widget = notebook.widget()
        area = widget.get_by_role("textbox", name="Target")
        press(notebook, ["ArrowLeft"])
        notebook.page.wait_for_selector('.lb[data-row="r0"][data-busy="false"]')
        assert area.input_value() == "der Hund xsuft!", "a draft survives"
        press(notebook, ["e", "Control+Enter"])
        notebook.page.wait_for_selector('.lb[data-row="r1"]')
        assert area.evaluate("e => e === document.activeElement"), "one goes on typing"
        press(notebook, ["Escape", "a", "Enter"])
        saved(notebook)
        assert notebook.python("[(d.new, d.why, d.suggestion) for d in labeler.journal.decisions()]") == [
            ["der Hund xsuft!", "person", None],
            ["eine Katze", "suggestion", "eine Katze"],
        ]
        for _ in HOSTILE:
            assert widget.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out"
            press(notebook, ["s"])
        notebook.page.wait_for_selector(f'.lb[data-row="r{len(texts) - 1}"]')
        press(notebook, ["Control+Enter"])
        widget.locator(".lb-hint").get_by_text("There is no text to save").wait_for()
        assert notebook.axe() == []
        press(notebook, ["x"])
        widget.get_by_text("Every row of this queue is decided").wait_for()
        saved(notebook)
        assert notebook.python("labeler.journal.current('exclude')") == {f"r{len(texts) - 1}": True}
        assert notebook.problems == []
    lab.theme("light")


def test_two_views_agree(lab: Lab) -> None:
    with lab.open([cell(toys(lab, "views")), "labeler"]) as notebook:
        notebook.page.wait_for_selector('.lb[data-busy="false"] >> nth=1')
        notebook.page.locator(".lb-stage").first.focus()
        press(notebook, ["1", "2"])
        notebook.page.wait_for_function(
            "() => [...document.querySelectorAll('.lb')].every(one => one.dataset.row === 't2' && one.dataset.busy === 'false')"
        )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_hostile_texts_and_access_at_both_ends_of_the_width(lab: Lab, theme: str) -> None:
    lab.theme(theme)
    rows = [{"id": f"<b>{i}</b>", "text": text, "label": f"<i>{i % 2}</i>"} for i, text in enumerate(HOSTILE)]
    data = write_csv(lab.root / f"hostile-{theme}.csv", rows)
    more = ", suggestions=model, columns=['text'], guidelines='# <b>Rules</b>\\n- <script>alert(3)</script>'"
    for width in (620, 1920):
        with lab.open([cell(data, more, SUGGEST)], width=width) as notebook:
            widget = ready(notebook)
            for _ in range(len(HOSTILE)):
                assert widget.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out"
                press(notebook, ["s"])
            widget.get_by_text("Every row of this queue is decided").wait_for()
            press(notebook, ["ArrowLeft"])
            notebook.page.wait_for_selector('.lb[data-busy="false"]')
            assert notebook.axe() == []
            press(notebook, ["t"])
            widget.locator("tr[data-row]").first.wait_for()
            assert notebook.axe() == []
            assert widget.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out"
            saved(notebook)
            assert notebook.problems == []
            notebook.execute("labeler.undo(99)")
    lab.theme("light")
