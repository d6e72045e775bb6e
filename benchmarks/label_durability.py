"""Type labels in a real JupyterLab while the kernel is killed at random moments, and look for lost or doubled ones.

    python benchmarks/label_durability.py [--labels 500] [--kills 10] [--seed 0] [--json]

Keys are pressed at a steady pace. At random moments the kernel's process gets a SIGKILL in the middle of it, and typing goes
on for a moment; then the cell is run again, as a person would. In the end every label that the page ever showed as saved must
be in the journal, no label twice, no line torn, and every label that was typed must be there, too. Exits with 1 where that is
not so.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / "tests" / "ui"), str(Path(__file__).parents[1] / "tests")]

from browser import Lab, Notebook  # noqa: E402
from toys import toy_rows, write_csv  # noqa: E402

from labkit.data import Journal  # noqa: E402

CELL = """from labkit.widgets import Labeler
labeler = Labeler({path!r}, who="typist")
labeler"""

# every decision that the page ever showed, and those that it ever showed as saved; read off what a person sees
WATCH = """() => {
  window.typed = {};
  window.saved = {};
  const look = () => {
    for (const one of document.querySelectorAll('[data-decision]')) {
      window.typed[one.dataset.decision] = true;
      if (one.dataset.state === 'saved') window.saved[one.dataset.decision] = true;
    }
  };
  new MutationObserver(look).observe(document.body, {attributes: true, subtree: true, childList: true});
}"""
DIALOG = ".jp-Dialog"
STEADY = 12.0  # seconds that a kernel must live: the server gives a notebook up after five that died within ten


def type_labels(notebook: Notebook, chooser: random.Random, until: int, pause: int) -> None:
    """Press label keys until so many labels were typed in all, or a dialog takes the keys."""
    page: Any = notebook.page
    page.locator(".lb-stage").focus()
    while page.evaluate("Object.keys(typed).length") < until and not page.locator(DIALOG).count():
        page.keyboard.press(chooser.choice("123"))
        page.wait_for_timeout(pause)


def come_back(notebook: Notebook) -> float:
    """Wait until the server has started a new kernel, run the cell again, and wait for the widget. Returns the seconds."""
    page: Any = notebook.page
    began = time.monotonic()
    page.wait_for_selector(DIALOG, timeout=60_000)
    page.locator(f"{DIALOG} button.jp-mod-accept").click()
    page.wait_for_selector(DIALOG, state="detached")
    idle = "() => document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'"
    page.wait_for_function(idle, timeout=90_000)
    notebook.run_all()
    page.wait_for_selector('.lb[data-busy="false"][data-unsaved-count="0"]', timeout=60_000)
    return time.monotonic() - began


def trial(labels: int, kills: int, seed: int, folder: Path, pause: int) -> dict[str, Any]:
    """Type and kill; what was typed, shown as saved and written."""
    chooser = random.Random(seed)
    data = write_csv(folder / "rows.csv", toy_rows(labels + 50))
    moments = sorted(chooser.sample(range(5, labels - 5), kills))
    lost_at_kill, back = [], []
    with (
        Lab(folder, {"LABKIT_CACHE": str(folder / "cache")}) as lab,
        lab.open([CELL.format(path=str(data))]) as notebook,
    ):
        page: Any = notebook.page
        page.wait_for_selector('.lb[data-busy="false"]')
        page.evaluate(WATCH)
        born = time.monotonic()
        for moment in [*moments, labels]:
            type_labels(notebook, chooser, moment, pause)
            if moment == labels:
                break
            page.wait_for_timeout(1000 * max(0.0, born + STEADY - time.monotonic()))
            page.keyboard.press(chooser.choice("123"))
            page.wait_for_timeout(chooser.uniform(0, 60))  # on its way, being written, or answered
            notebook.kill()
            type_labels(notebook, chooser, min(moment + chooser.randint(3, 15), labels), pause)
            unsaved = int(page.locator(".lb").get_attribute("data-unsaved-count"))
            back.append(come_back(notebook))
            born = time.monotonic()
            lost_at_kill.append(unsaved)
            print(
                f"killed after {moment} labels: {unsaved} not saved then, back after {back[-1]:.1f} s", file=sys.stderr
            )
        page.wait_for_selector('.lb[data-unsaved-count="0"]', timeout=30_000)
        page.wait_for_timeout(300)
        typed, saved = set(page.evaluate("Object.keys(typed)")), set(page.evaluate("Object.keys(saved)"))
        place = Path(notebook.python("labeler.place"))
    journal = Journal(place)
    written = Counter(json.loads(line)["id"] for line in place.read_text("utf-8").splitlines() if line.strip())
    rows = Counter(line.row_id for line in journal.decisions())
    return {
        "typed": len(typed),
        "shown_as_saved": len(saved),
        "lines": sum(written.values()),
        "kills": len(back),
        "unsaved_at_a_kill": lost_at_kill,
        "seconds_until_back": [round(seconds, 1) for seconds in back],
        "saved_but_missing": len(saved - set(written)),
        "typed_but_missing": len(typed - set(written)),
        "written_twice": sum(count > 1 for count in written.values()),
        "rows_labelled_twice": sum(count > 1 for count in rows.values()),
        "torn": len(journal.damaged),
    }


def main() -> int:
    """Print the figures; 0 where nothing was lost, doubled or torn."""
    parser = argparse.ArgumentParser(
        description="Labels typed while the kernel is killed: none lost, none twice, none torn."
    )
    parser.add_argument("--labels", type=int, default=500)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pause", type=int, default=60, help="milliseconds between two key presses")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = trial(arguments.labels, arguments.kills, arguments.seed, Path(folder), arguments.pause)
    if arguments.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name.replace('_', ' '):>20}  {value}")
    wrong = ("saved_but_missing", "typed_but_missing", "written_twice", "rows_labelled_twice", "torn")
    return int(any(found[name] for name in wrong) or found["typed"] < arguments.labels)


if __name__ == "__main__":
    sys.exit(main())
