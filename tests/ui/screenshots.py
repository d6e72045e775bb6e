"""Pictures of every widget, light and dark, in a real JupyterLab.

    python tests/ui/screenshots.py OUT [--only labeler …] [--width 1250] [--epochs 5]

Trains the embedded model on the support sample first (about a minute), so that there is something to evaluate, and tiny models
for the other tasks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from browser import Lab, Notebook

sys.path.insert(0, str(Path(__file__).parents[1]))

_OPEN = "from labkit import data\nfrom labkit.widgets import *\nRUN, TINY = {run!r}, {tiny!r}\n"


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


def _answered(notebook: Notebook) -> None:
    notebook.widget().locator('.pg-out[aria-busy="false"]').wait_for(timeout=60_000)


EPOCHS = {"answers": 30, "translation": 12, "masks": 6}
"""Kind of tiny run → epochs that it takes to learn something."""

WIDGETS |= {
    "playground_answers": (
        "w = Playground(TINY['answers'], text='which food ?', second='😀 the very soup my train .'); w.pin()",
        _answered,
    ),
    "playground_written": (
        "w = Playground(TINY['translation'], text='monday and friday', writing={'samples': 2}); w.pin('sunday', writing={})",
        _answered,
    ),
    "playground_masks": ("w = Playground(TINY['masks'], text='soup [MASK] soup [MASK]'); w.pin()", _answered),
}


def shots(lab: Lab, out: Path, head: str, names: list[str], width: int) -> None:
    """Take them."""
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        cell, act = WIDGETS[name]
        with lab.open([head + cell + "\nw"], width=width, height=1200) as notebook:
            notebook.page.wait_for_timeout(1000)
            if act:
                act(notebook)
            for theme in ("light", "dark"):
                notebook.theme(theme)
                notebook.page.wait_for_timeout(1000)
                target = out / f"{name}-{theme}.png"
                notebook.page.locator(".jp-OutputArea-output").last.screenshot(path=target)
                print(target, *notebook.problems, flush=True)


def trained(folder: Path, epochs: float) -> str:
    """A run on the support sample with the embedded model."""
    from labkit.data import sample_path
    from labkit.training import Recipe, train

    recipe = Recipe.from_dict({"data": {"train": str(sample_path("support"))}, "budget": {"epochs": epochs}})
    return str(train(recipe, folder / "run").directory)


def main() -> None:
    """Train, open, look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="+", choices=sorted(WIDGETS), default=list(WIDGETS))
    parser.add_argument("--run", help="a finished run to look at, instead of training one")
    parser.add_argument("--width", type=int, default=1250)
    parser.add_argument("--epochs", type=float, default=5.0, help="of that training")
    options = parser.parse_args()
    from written import tiny_run

    with tempfile.TemporaryDirectory() as folder:
        asked = " ".join(WIDGETS[name][0] for name in options.only)
        run = options.run or (trained(Path(folder), options.epochs) if "RUN" in asked else "")
        tiny = {}
        for kind, epochs in EPOCHS.items():
            if f"TINY['{kind}']" in asked:
                (Path(folder) / kind).mkdir()
                tiny[kind] = str(tiny_run(kind, Path(folder) / kind, epochs=epochs).directory)
        with Lab(Path(folder)) as lab:
            shots(lab, options.out, _OPEN.format(run=run, tiny=tiny), options.only, options.width)


if __name__ == "__main__":
    main()
