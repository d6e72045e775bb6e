"""A million rows in the data inspector, in a real JupyterLab in a real browser: how long one waits, and the memory it takes.

    python benchmarks/inspect_latency.py [--rows 1000000] [--actions 200] [--folder FOLDER]

The rows are made of the words of the sample data sets, in a temporary folder (or in FOLDER, where the next call finds them
again), and are read once into labkit's cache before the clock starts. Measured in the page with performance.now(): from the key
that runs the cell, which makes the inspector, to the first row on screen; and from each input event to the first frame with the
new rows, for words that are typed, classes and lengths that are clicked and columns that are sorted by, every search a new one.
Memory is what the kernel holds (RSS, mapped file included) after all of that, less what it held after the imports alone.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests" / "ui")]

from browser import Lab, Notebook  # noqa: E402
from inspect_million import make  # noqa: E402

PAUSE = 400  # milliseconds between two actions: the counts beside the list follow the rows
LIMITS = {
    "first page": 1000,
    "search": 300,
    "filter": 300,
    "length": 300,
    "sort": 300,
}  # milliseconds, the 95th percentile
MEMORY = 500  # MB
SHOWN = "document.querySelector('.di-row .di-text')"
ACT = """async ([kind, what]) => {
  const root = document.querySelector('.labkit'), grid = root.querySelector('.di-grid');
  const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const before = grid.dataset.turn;
  const start = performance.now();
  if (kind === 'search') {
    const box = root.querySelector('input[type=search]');
    box.value = what;
    box.dispatchEvent(new InputEvent('input', {bubbles: true}));
  } else if (kind === 'filter') root.querySelectorAll('.di-class')[what].click();
  else if (kind === 'length') {
    const key = new KeyboardEvent('keydown', {key: what[1], bubbles: true});
    root.querySelectorAll('.di-handle')[what[0]].dispatchEvent(key);
  }
  else [...root.querySelectorAll('.di-sort')].find(e => e.textContent.startsWith(what)).click();
  while (grid.dataset.turn === before) {
    if (performance.now() - start > 20000) throw new Error(`no answer to ${kind} ${what}`);
    await new Promise(done => setTimeout(done, 2));
  }
  await frame();
  return performance.now() - start;
}"""


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--actions", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{options.rows}.csv"
        if not path.exists():
            make(path, options.rows)
        environment = {"LABKIT_CACHE": str(folder / "cache")}
        reading = "import sys; from labkit import data; data.read(sys.argv[1], require_label=False)"
        subprocess.run([sys.executable, "-c", reading, str(path)], env={**os.environ, **environment}, check=True)
        with Lab(Path(temporary) / "lab", environment) as lab:
            measure(lab, path, options.actions)


def measure(lab: Lab, path: Path, actions: int) -> None:
    """One notebook: imports, the widget, the actions."""
    imports = "import psutil, datasets, pyarrow.compute\nfrom labkit.widgets import DataInspector"
    with lab.open([imports, "pass"], height=1100) as notebook:
        idle = memory(notebook)
        notebook.execute(f"path = {str(path)!r}")
        waits = {"first page": [first_page(notebook)]}
        for kind, own in act(notebook, actions).items():
            waits[kind] = own
        taken = memory(notebook) - idle
        assert notebook.problems == [], notebook.problems
    print("| action | times | median, ms | 95th percentile, ms | longest, ms | limit, ms |\n|---|--:|--:|--:|--:|--:|")
    for kind, own in waits.items():
        print(
            f"| {kind} | {len(own)} | {statistics.median(own):.0f} | {late(own):.0f} | {max(own):.0f} | {LIMITS[kind]} |"
        )
    every = [one for kind, own in waits.items() if kind != "first page" for one in own]
    of_all = f"{statistics.median(every):.0f} | {late(every):.0f} | {max(every):.0f}"
    print(f"| all but the first page | {len(every)} | {of_all} | 300 |")
    print(f"\nKernel memory: {taken:.0f} MB more than after the imports ({idle:.0f} MB); limit {MEMORY} MB.")


def first_page(notebook: Notebook) -> float:
    """Milliseconds from the key that runs the cell to the first row."""
    page = notebook.page
    editor = page.locator(".jp-CodeCell .cm-content").nth(1)
    editor.click()
    page.keyboard.press("Control+a")
    editor.press_sequentially("inspector = DataInspector(path); inspector")
    page.evaluate(
        f"""() => {{
          window.waited = new Promise(done => document.addEventListener('keydown', () => {{
            const start = performance.now();
            const look = () => {SHOWN} ? requestAnimationFrame(() => done(performance.now() - start)) : setTimeout(look, 2);
            look();
          }}, {{capture: true, once: true}}));
        }}"""
    )
    page.keyboard.press("Shift+Enter")
    waited: float = page.evaluate("() => window.waited")
    page.locator(".di-class").first.wait_for()
    page.wait_for_timeout(2 * PAUSE)
    return waited


def act(notebook: Notebook, actions: int) -> dict[str, list[float]]:
    """Waiting times in milliseconds by kind of action."""
    chooser = random.Random(0)
    words = notebook.python(
        "sorted({w for t in inspector.corpus['train'][:2000]['text'] for w in t.split() if w.isalpha()})"
    )
    chooser.shuffle(words)
    # each pair or triple ends where it began, so that the filters do not pile up to nothing
    rounds = [
        *(["search", words[i]] for i in range(2)),
        ["filter", 1],
        ["filter", 4],
        ["length", [0, "ArrowRight"]],
        *(["search", words[i]] for i in range(2, 4)),
        ["length", [1, "ArrowLeft"]],
        ["filter", 1],
        *(["sort", name] for name in ("Length", "Length", "Length", "Label", "Text", "Text", "Row")),
        ["filter", 4],
        ["search", ""],
        ["length", [0, "ArrowLeft"]],
        ["length", [1, "ArrowRight"]],
    ]
    waits: dict[str, list[float]] = defaultdict(list)
    for i in range(actions):
        kind, what = rounds[i % len(rounds)]
        if kind == "search" and what:
            what = words[i % len(words)] if i % 3 else f"{words[i % len(words)]} "
        waits[kind].append(notebook.page.evaluate(ACT, [kind, what]))
        notebook.page.wait_for_timeout(PAUSE)
    return dict(waits)


def memory(notebook: Notebook) -> float:
    """Megabytes that the kernel holds."""
    return float(notebook.python("psutil.Process().memory_info().rss")) / 1e6


def late(times: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]


if __name__ == "__main__":
    main()
