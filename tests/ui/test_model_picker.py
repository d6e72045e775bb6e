"""The model picker in a real JupyterLab."""

from __future__ import annotations

from browser import Lab

CELL = "from labkit.widgets import ModelPicker\npicker = ModelPicker()\npicker"


def test_choosing_filtering_and_coming_back(lab: Lab) -> None:
    with lab.open([CELL.replace("ModelPicker()", "ModelPicker().keep_in('picker.json')")]) as notebook:
        widget = notebook.widget()
        widget.get_by_text("distilroberta-base").wait_for()
        widget.get_by_role("button", name="distilroberta-base").click()
        widget.get_by_role("heading", name="distilroberta-base").wait_for()
        assert notebook.python("picker.value") == "distilroberta-base"
        assert "distilroberta-base" in notebook.python("picker.code")

        widget.get_by_label("Search models").fill("multilingual")
        widget.get_by_role("button", name="distilroberta-base").wait_for(state="detached")
        assert notebook.python("picker.filters['search']") == "multilingual"
        widget.get_by_label("Search models").fill("no such model")
        widget.get_by_text("No model passes these filters").wait_for()
        widget.get_by_role("button", name="Clear filters").click()
        widget.get_by_role("button", name="distilroberta-base").wait_for()

        notebook.execute("picker.select('bert-base-cased'); picker.filter(family='BERT')")
        widget.get_by_role("heading", name="bert-base-cased").wait_for()
        widget.get_by_role("button", name="distilroberta-base").wait_for(state="detached")

        notebook.reload()
        notebook.widget().get_by_role("heading", name="bert-base-cased").wait_for()
        assert notebook.widget().get_by_role("button", name="distilroberta-base").count() == 0, (
            "the filter is still set"
        )

        notebook.restart()
        notebook.run_all()
        notebook.widget().get_by_role("heading", name="bert-base-cased").wait_for()
        assert notebook.python("[picker.value, picker.filters]") == [
            "bert-base-cased",
            {"task": "text-classification", "family": "BERT"},
        ]
        assert notebook.widget().get_by_role("button", name="distilroberta-base").count() == 0
        assert notebook.problems == []


def test_a_wrong_name_is_answered_where_it_was_typed(lab: Lab) -> None:
    with lab.open([CELL]) as notebook:
        box = notebook.widget().get_by_label("Hub id or folder")
        box.fill("GPT-3")
        box.press("Enter")
        notebook.widget().get_by_role("alert").filter(has_text="open alternatives").wait_for()
        assert notebook.python("picker.value") == "minilm"


def test_keyboard_alone(lab: Lab) -> None:
    with lab.open([CELL]) as notebook:
        widget = notebook.widget()
        rows = widget.locator("tbody button")
        rows.first.wait_for()
        rows.first.focus()
        notebook.page.keyboard.press("x")  # must not cut the cell
        notebook.page.keyboard.press("ArrowDown")
        second = rows.nth(1).inner_text()
        widget.get_by_role("heading", name=second, exact=True).wait_for()
        assert notebook.python("picker.value") == second
        assert notebook.page.locator(".jp-CodeCell").count() == 1


def test_accessible_in_both_themes_at_both_ends_of_the_width(lab: Lab) -> None:
    with lab.open([CELL], width=620) as notebook:
        for _ in notebook.looks(620, 1920):
            notebook.widget().get_by_role("button", name="roberta-base", exact=True).wait_for()
            assert notebook.axe() == []
            assert notebook.widget().evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "nothing sticks out"
