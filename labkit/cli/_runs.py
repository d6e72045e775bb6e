"""``labkit evaluate``, ``labkit predict`` and ``labkit runs``: what is done with runs that are there."""

from __future__ import annotations

import argparse

from labkit._places import named
from labkit.cli import _terminal as terminal
from labkit.cli._options import label_columns
from labkit.errors import LabError


def evaluate(options: argparse.Namespace) -> int:
    from labkit.training import Run, evaluate

    run = Run(options.directory)
    if options.data is None and (options.text or options.text_pair or options.label or options.labels):
        came = "none"
        do = "see the examples of: labkit evaluate --help"
        raise LabError("DATA that --text, --text-pair, --label and --labels are about", came, do)
    label = label_columns(options.label) if options.label else None
    if options.data is None:
        result = run.evaluation
    else:
        given = {"text": options.text, "text_pair": options.text_pair, "label": label, "labels": options.labels}
        result = evaluate(run, options.data, **given)
    if options.json:
        terminal.answer(result.to_dict())
    else:
        print(result)
    return 0


def predict(options: argparse.Namespace) -> int:
    from labkit.training import Run, predict_file

    count = predict_file(
        Run(options.directory), options.data, options.out, text=options.text, text_pair=options.text_pair
    )
    terminal.say(f"labkit: {count:,} rows labelled" + (f" in {options.out}" if options.out else ""))
    return 0


def runs(options: argparse.Namespace) -> int:
    from labkit.evaluation import TITLES
    from labkit.training import Run, runs

    if options.stop:
        run = Run(options.stop)
        run.stop()
        status = run.wait()
        if options.json:
            terminal.answer({"directory": str(run.directory), "status": status})
        else:
            print(f"{terminal.short(run.directory)}: {status}")
        return 0
    folder = named(options.folder)
    if options.folder != "runs" and not folder.is_dir():
        came = "a file" if folder.exists() else "no such folder"
        raise LabError(f"a folder with run directories ({folder})", came, "name the folder that holds them")
    found = []
    for run in [Run(folder)] if (folder / "recipe.toml").is_file() else runs(folder):
        try:
            found.append(run.summary())
        except LabError as error:
            damaged = {"run": run.directory.name, "directory": str(run.directory), "status": "damaged"}
            found.append({**damaged, "error": str(error)})
    if options.json:
        terminal.answer(found)
        return 0
    if not found:
        print(f"No runs in {options.folder}. Begin with: labkit train DATA")
        return 0
    # the two figures that count most in each task
    shown = list(dict.fromkeys(name for s in found for name in list(s.get("metrics", {}))[:2])) or ["accuracy"]
    rows = [("run", "status", "model", "steps", *(TITLES[name] for name in shown), "time")]
    for s in found:
        figures = s.get("metrics", {})
        rows.append(
            (
                s["run"],
                s["status"],
                s.get("model", ""),
                f"{s['step']}/{s['steps']}" if s.get("steps") else "",
                *(_shown_figure(name, figures.get(name)) for name in shown),
                terminal.clock(s.get("seconds", 0)),
            )
        )
    terminal.table(rows)
    for s in found:
        if s["status"] == "damaged":
            print(f"\n{s['run']} is damaged: {s['error']}")
    for s in found:
        if s["status"] in ("stopped", "failed", "interrupted"):
            print(f"\nGo on with: labkit train --resume {terminal.short(s['directory'])}")
            break
    return 0


def _shown_figure(name: str, value: float | None) -> str:
    from labkit.evaluation import OF_HUNDRED, UNBOUNDED

    if value is not None and name in UNBOUNDED:
        return f"{value:.2f}"
    return f"{value:.1f}" if value is not None and name in OF_HUNDRED else terminal.percent(value)
