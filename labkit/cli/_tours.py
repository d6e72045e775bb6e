"""``labkit tour``, ``labkit lab`` and ``labkit doctor``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.cli import _terminal as terminal

if TYPE_CHECKING:
    from labkit.evaluation import Evaluation

_FIGURES = 4  # of those that model and baselines have, shown at the end of a tour


def tour(options: argparse.Namespace) -> int:
    from labkit.tours import tour
    from labkit.training import Run

    began = time.monotonic()

    home = Path(options.out) if options.out else Path("labkit-tour") / time.strftime("%Y%m%d-%H%M%S")

    def on_cell(number: int, count: int, heading: str) -> None:
        terminal.progress(f"[{number}/{count}] {heading}", number == count)

    terminal.say(f"labkit tour: the tutorial {options.name}, on this machine, without a network")
    done = tour(home, options.name, on_cell=on_cell)
    terminal.end_progress()
    # those that compare several runs record figures alone
    run = Run(done.notebook.parent / str(done.results["run"])) if "run" in done.results else None
    answer: dict[str, Any] = {
        "results": done.results,
        **({"run": str(run.directory)} if run else {}),
        "notebook": str(done.notebook),
        "html": str(done.html),
        "seconds": round(time.monotonic() - began, 1),
    }
    if options.json:
        terminal.answer(answer)
        return 0
    if run:
        _figures(run.evaluation, answer["seconds"])
        print(f"\n  run directory      {terminal.short(run.directory)}")
    else:
        print(f"Done in {answer['seconds']:.0f} s.\n")
        terminal.table([(name, _shown(one)) for name, one in done.results.items()])
        print()
    print(f"  executed notebook  {terminal.short(done.notebook)}")
    print(f"  to read or share   {terminal.short(done.html)}")
    print("\nNext: labkit lab                 open the tutorials in JupyterLab")
    print("      labkit check YOUR.csv      look for trouble in your own data")
    print("      labkit train YOUR.csv      fine-tune on it")
    if run:
        print(f"      labkit predict {terminal.short(run.directory)} YOUR.csv")
    return 0


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _figures(result: Evaluation, seconds: float) -> None:
    """What model and baselines have."""
    from labkit.evaluation import TITLES

    print(f"Done in {seconds:.0f} s. On {result.n} test texts that training never saw:\n")
    rows = [("", "model", "95 % interval", *result.baselines)]
    beside = [comparison.b for comparison in result.baselines.values()]
    shown = [name for name in result.headline if all(name in figures for figures in beside)]
    for name in (shown or [result.first])[:_FIGURES]:
        figure = result.headline[name]
        others = [f"{figures[name].value:.3f}" if name in figures else "" for figures in beside]
        span = "" if figure.low is None else f"{figure.low:.3f} to {figure.high:.3f}"
        rows.append((TITLES[name], f"{figure.value:.3f}", span, *others))
    terminal.table(rows)
    for comparison in result.baselines.values():
        print(comparison)


def lab(options: argparse.Namespace) -> int:
    import shutil
    import subprocess

    from labkit._places import bundled

    home = bundled("notebooks")
    if "_bundled" in home.parts or not os.access(home, os.W_OK):
        # an installed package is no place to work in
        own = Path("labkit-tutorials")
        for notebook in home.glob("*.ipynb"):
            own.mkdir(exist_ok=True)
            if not (own / notebook.name).exists():
                shutil.copy(notebook, own / notebook.name)
        home = own
    terminal.say(f"labkit: opening JupyterLab on {home}")
    return subprocess.call([sys.executable, "-m", "jupyterlab", f"--notebook-dir={home}", *options.rest])


def doctor(options: argparse.Namespace) -> int:
    from labkit.tours import examine

    findings = examine()
    if options.json:
        terminal.answer([f.to_dict() for f in findings])
    else:
        for f in findings:
            print(f"{'ok  ' if f.ok else 'FAIL' if f.needed else 'note'}  {f.what}: {f.came}")
            if f.do:
                print(f"      {f.do}")
    return 0 if all(f.ok or not f.needed for f in findings) else 1
