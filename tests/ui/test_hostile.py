"""A hundred hostile texts in every place that shows data: nothing runs, and no layout breaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from browser import Lab, Notebook
from hostile import TEXTS, rows
from toys import toy_recipe


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, toy_model: Path) -> tuple[str, str]:
    """A file with the texts, and a run that was trained on them."""
    from labkit.training import train

    folder = tmp_path_factory.mktemp("hostile")
    file = folder / "hostile.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows()), "utf-8")
    recipe = toy_recipe(
        file,
        toy_model,
        budget={"epochs": 1},
        data={"train": str(file), "split_by": "random"},
        evaluation={"baselines": True},
    )
    return str(file), str(train(recipe, folder / "run").directory)


def unharmed(notebook: Notebook) -> None:
    """Nothing ran, and nothing sticks out of a widget."""
    assert notebook.page.evaluate("() => window.pwned") is None
    assert notebook.problems == []
    for widget in notebook.page.locator(".labkit").all():
        assert widget.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), "the widget is wider than its place"
        box = widget.bounding_box()
        assert box is None or box["height"] < 2500, "the widget has grown out of all proportion"
    bar = notebook.page.locator(".jp-NotebookPanel-toolbar").bounding_box()
    assert bar and bar["y"] < 120, "the page itself is as it was"


SCREENS: dict[str, tuple[str, list[str]]] = {
    "inspector": (
        "w = DataInspector(FILE)",
        [
            *(f"w.look(offset={at}, size=20)" for at in (0, 40, 80)),
            "w.search('script')",
            "w.search('')",
            *(f"w.current = w.view.row_ids(200)[{at}]" for at in range(0, 100, 9)),
            "w.check()",
        ],
    ),
    "labeler": (
        "w = Labeler(FILE, journal=FOLDER + '/h.labels.jsonl', suggestions=RUN, guidelines=TEXT)",
        [
            "[w.label(w.labels[i % len(w.labels)]) for i in range(30)]",
            "w.note(TEXT)",
            "[w.label(w.labels[i % len(w.labels)]) for i in range(60)]",
            "w.view = 'table'",
        ],
    ),
    "spans": (
        "w = Labeler(FILE, journal=FOLDER + '/s.labels.jsonl', mode='spans', labels=['<b>x</b>', '\\u202eyx'])",
        [
            "[w.label([{'start': 0, 'end': 3, 'label': w.labels[i % 2]}]) for i in range(50)]",
            "[w.label([{'start': 0, 'end': 3, 'label': w.labels[i % 2]}]) for i in range(40)]",
        ],
    ),
    "confusion": (
        "w = ConfusionMatrix(RUN)",
        ["p = w.pairs()[0]; w.pick(true=p['true'], predicted=p['predicted'])", "w.values = 'shares'"],
    ),
    "errors": (
        "w = ErrorBrowser(RUN, include='all')",
        [f"w.current = w.ids()[{at} % len(w.ids())]" for at in range(0, 20, 3)],
    ),
    "playground": (
        "w = Playground(RUN)",
        ["[w.pin(t) for t in TEXTS[:12]]", "[w.pin(t) for t in TEXTS[50:60] if t.strip()]"],
    ),
    "monitor": ("w = TrainingMonitor(RUN)", []),
    "launcher": (
        "w = TrainingLauncher(FILE)",
        ["w.check({**w.values, 'data.text': TEXT, 'model.name': TEXT, 'data.train': TEXT})"],
    ),
}


PAGES = (("inspector", "confusion", "errors"), ("labeler", "spans"), ("playground", "monitor", "launcher"))


@pytest.mark.parametrize("page", PAGES, ids=["-".join(page) for page in PAGES])
def test_nothing_runs_and_nothing_breaks(
    lab: Lab, hostile: tuple[str, str], tmp_path: Path, page: tuple[str, ...]
) -> None:
    file, run = hostile
    texts: Any = [text for text in TEXTS if "\x00" not in text]
    opening = (
        "import sys\nfrom IPython.display import HTML, display\nfrom labkit.widgets import *\n"
        f"FILE, RUN, FOLDER, TEXTS = {file!r}, {run!r}, {str(tmp_path)!r}, {texts!r}\nTEXT = TEXTS[1] + TEXTS[3] + TEXTS[51]"
    )
    screens = [f"{SCREENS[name][0]}\n{name} = w\nw" for name in page]
    with lab.open([opening, *screens, "face = display(HTML('…'), display_id='face')"]) as notebook:
        notebook.page.wait_for_timeout(1500)
        unharmed(notebook)
        for name in page:
            notebook.execute(f"w = {name}")
            for action in SCREENS[name][1]:
                notebook.execute(action)
                notebook.page.wait_for_timeout(400)
                unharmed(notebook)
            notebook.execute("face.update(HTML(w._repr_html_()))")
            notebook.page.locator(".labkit-face").last.wait_for(state="attached")
            notebook.page.wait_for_timeout(500)
            unharmed(notebook)


def test_every_screen_has_a_page() -> None:
    assert sorted(name for page in PAGES for name in page) == sorted(SCREENS)
