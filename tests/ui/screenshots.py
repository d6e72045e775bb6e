"""Pictures of every widget, light and dark, in a real JupyterLab.

    python tests/ui/screenshots.py OUT [--only labeler …] [--width 1250]

Trains the embedded model on the support sample first (about a minute), so that there is something to evaluate.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from browser import Lab, Notebook

_OPEN = "from labkit import data\nfrom labkit.widgets import *\nRUN = {run!r}\n"


def _inspect(notebook: Notebook) -> None:
    notebook.widget().locator('[role="row"]').nth(1).click()


def _launch(notebook: Notebook) -> None:
    notebook.widget().get_by_text(" of memory free").wait_for(timeout=60_000)  # the forecast is there


def _confusion(notebook: Notebook) -> None:
    notebook.execute("pair = w.pairs()[0]; w.pick(true=pair['true'], predicted=pair['predicted'])")


def _playground(notebook: Notebook) -> None:
    notebook.execute(
        "w.pin('my parcel was supposed to be here on monday'); w.pin('my parcel was supposed to be blue');"
        "w.text = 'took the money twice this month!!'"
    )


WIDGETS: dict[str, tuple[str, Callable[[Notebook], None] | None]] = {
    "model_picker": ("w = ModelPicker(data.sample('support'))", None),
    "data_inspector": ("w = DataInspector(data.sample('support'))", _inspect),
    "labeler": (
        "w = Labeler(data.sample('support'), journal='shots.labels.jsonl', suggestions=RUN, queue='unsure')",
        None,
    ),
    "training_launcher": ("w = TrainingLauncher(data.sample('support'))", _launch),
    "training_monitor": ("w = TrainingMonitor(RUN)", None),
    "confusion_matrix": ("w = ConfusionMatrix(RUN)", _confusion),
    "error_browser": ("w = ErrorBrowser(RUN)", None),
    "playground": ("w = Playground(RUN)", _playground),
    "lab": ("w = Lab('lab', data='support'); w.use(RUN); w.go('evaluate')", None),
}


def _tiny(kind: str, epochs: int, more: str) -> str:
    """A cell with a playground of a tiny run, which is trained in it."""
    tests = str(Path(__file__).parents[1])
    return (
        f"import sys, tempfile, pathlib; sys.path.insert(0, {tests!r}); from written import tiny_run\n"
        f"w = Playground(tiny_run({kind!r}, pathlib.Path(tempfile.mkdtemp(dir='.')), epochs={epochs}), {more})"
    )


def _answered(notebook: Notebook) -> None:
    notebook.widget().locator('.pg-out[aria-busy="false"]').wait_for(timeout=60_000)


WIDGETS |= {
    "playground_answers": (
        _tiny("answers", 8, "text='which food ?', second='😀 the very soup my train .'") + "; w.pin()",
        _answered,
    ),
    "playground_written": (
        _tiny("translation", 12, "text='monday and friday', writing={'samples': 2}") + "; w.pin('sunday', writing={})",
        _answered,
    ),
    "playground_masks": (_tiny("masks", 6, "text='soup [MASK] soup [MASK]'") + "; w.pin()", _answered),
}


def shots(lab: Lab, out: Path, run: str, names: list[str], width: int) -> None:
    """Take them."""
    for theme in ("light", "dark"):
        lab.theme(theme)
        for name in names:
            cell, act = WIDGETS[name]
            with lab.open([_OPEN.format(run=run) + cell + "\nw"], width=width, height=1200) as notebook:
                notebook.page.wait_for_timeout(2500)
                if act:
                    act(notebook)
                    notebook.page.wait_for_timeout(2500)
                target = out / f"{name}-{theme}.png"
                target.parent.mkdir(parents=True, exist_ok=True)
                output = notebook.page.locator(".jp-OutputArea-output").last
                output.screenshot(path=target)
                print(target, *notebook.problems, flush=True)


def trained(folder: Path) -> str:
    """A run on the support sample with the embedded model."""
    from labkit.data import sample_path
    from labkit.training import Recipe, train

    return str(train(Recipe.from_dict({"data": {"train": str(sample_path("support"))}}), folder / "run").directory)


def main() -> None:
    """Train, open, look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="+", choices=sorted(WIDGETS), default=list(WIDGETS))
    parser.add_argument("--run", help="a finished run to look at, instead of training one")
    parser.add_argument("--width", type=int, default=1250)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = options.run or trained(Path(folder))
        with Lab(Path(folder)) as lab:
            shots(lab, options.out, run, options.only, options.width)


if __name__ == "__main__":
    main()
