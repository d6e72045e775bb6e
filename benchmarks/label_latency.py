"""How long a key press takes until the label is on the disk and the next example is drawn, in a real JupyterLab and browser.

    python benchmarks/label_latency.py [--actions 200] [--rows 1000] [--json]

The clock is the browser's. It starts with the key event, and stops at the later of two moments: the frame that draws the
next example is done, and the kernel's answer, which is sent after fsync, has made the label "saved" in the page. So the way
of the answer back to the browser is included.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / "tests" / "ui"), str(Path(__file__).parents[1] / "tests")]

from browser import Lab  # noqa: E402
from toys import toy_rows, write_csv  # noqa: E402

CELL = """from labkit.widgets import Labeler
labeler = Labeler({path!r})
labeler"""

# notes for each key press when the next example was drawn, and when its decision was shown as saved
WATCH = """root => {
  const times = window.labelTimes = [];
  const press = event => times.push({at: event.timeStamp, row: root.dataset.row, saved: +root.dataset.savedCount});
  root.addEventListener('keydown', press, true);
  new MutationObserver(() => {
    for (const one of times) {
      if (!one.changed && root.dataset.row && root.dataset.row !== one.row) {
        one.changed = true;
        requestAnimationFrame(() => setTimeout(() => one.drawn = performance.now() - one.at));
      }
      if (!one.kept && +root.dataset.savedCount > one.saved) one.kept = performance.now() - one.at;
    }
  }).observe(root, {attributes: true, subtree: true, childList: true});
}"""


def measure(actions: int, rows: int, folder: Path) -> list[dict[str, float]]:
    """Milliseconds of each action: ``drawn``, ``saved``, and ``both``."""
    data = write_csv(folder / "rows.csv", toy_rows(rows))
    chooser = random.Random(0)
    found = []
    with (
        Lab(folder, {"LABKIT_CACHE": str(folder / "cache")}) as lab,
        lab.open([CELL.format(path=str(data))]) as notebook,
    ):
        page: Any = notebook.page
        page.wait_for_selector('.lb[data-busy="false"]')
        page.locator(".lb").evaluate(WATCH)
        page.locator(".lb-stage").focus()
        for i in range(actions):
            page.keyboard.press(chooser.choice("123"))
            page.wait_for_function(
                f"labelTimes.length > {i} && labelTimes[{i}].drawn && labelTimes[{i}].kept", timeout=30_000
            )
        for one in page.evaluate("labelTimes"):
            found.append({"drawn": one["drawn"], "saved": one["kept"], "both": max(one["drawn"], one["kept"])})
        written = len(Path(notebook.python("labeler.place")).read_text("utf-8").splitlines())
        assert written == actions, f"{written} lines for {actions} key presses"
    return found


def percentile(values: list[float], share: float) -> float:
    """The value below which a share of all values lie."""
    return statistics.quantiles(values, n=100, method="inclusive")[round(100 * share) - 1]


def main() -> int:
    """Print a line a figure; 0 where the 95th percentile of both is at most 100 ms."""
    parser = argparse.ArgumentParser(description="Milliseconds from a key press to the label saved.")
    parser.add_argument("--actions", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(arguments.actions, arguments.rows, Path(folder))
    report = {
        name: {
            "p50": statistics.median(values),
            "p95": percentile(values, 0.95),
            "max": max(values),
        }
        for name, values in ((name, [one[name] for one in found]) for name in ("drawn", "saved", "both"))
    }
    if arguments.json:
        print(json.dumps({"actions": len(found), **report}))
    else:
        print(f"{len(found)} key presses, milliseconds")
        for name, figures in report.items():
            print(f"{name:>6}  " + "  ".join(f"{key} {value:6.1f}" for key, value in figures.items()))
    return 0 if report["both"]["p95"] <= 100 else 1


if __name__ == "__main__":
    sys.exit(main())
