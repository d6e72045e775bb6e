"""``labkit train``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from labkit.cli import _terminal as terminal
from labkit.cli._interrupt import ctrl_c
from labkit.cli._options import label_columns
from labkit.errors import LabError


def train(options: argparse.Namespace) -> int:
    from labkit import events, training

    progress = terminal.Progress()

    def watch(event: events.Event) -> None:
        progress(event)
        if isinstance(event, events.RunEnded) and event.status == "stopped":
            ctrl_c.leaving = True  # all that is left is to say how to go on

    if options.resume:
        _refuse_with_resume(options)
        if options.detach:
            return _launched(training.relaunch(options.resume), options)
        run = training.resume(options.resume, watch=watch)
    else:
        recipe = _recipe(options)
        if options.detach:
            return _launched(training.launch(recipe, options.out), options)
        run = training.train(recipe, options.out, watch=watch)
    terminal.end_progress()
    if run.status != "completed":
        terminal.say(f"labkit: stopped and saved. Go on with: labkit train --resume {terminal.short(run.directory)}")
        if options.json:
            terminal.answer(run.summary())
        return 130
    if options.json:
        terminal.answer({**run.summary(), "evaluation": run.evaluation.to_dict() if run.evaluations else None})
        return 0
    if run.evaluations:
        print(run.evaluation)
    print(f"\nrun directory  {terminal.short(run.directory)}")
    print(f"use it         labkit predict {terminal.short(run.directory)} YOUR.csv")
    return 0


def _refuse_with_resume(options: argparse.Namespace) -> None:
    """A run goes on as it began; what is given beside it would be left out without a word."""
    kept = ("run", "resume", "detach", "json")
    given = [name for name, value in vars(options).items() if value not in (None, [], "") and name not in kept]
    if given:
        do = "leave that out, or start a new run without --resume"
        shown = ", ".join("DATA" if name == "data" else f"--{name.replace('_', '-')}" for name in given)
        raise LabError("--resume RUN alone (a run goes on with its own recipe)", f"{shown} as well", do)


def _launched(run: Any, options: argparse.Namespace) -> int:
    if options.json:
        terminal.answer({"directory": str(run.directory), "status": run.status})
    else:
        print(
            f"Training in the background: {terminal.short(run.directory)}\n"
            f"Look with: labkit runs {terminal.short(run.directory.parent)}"
        )
    return 0


def _recipe(options: argparse.Namespace) -> Any:
    """The recipe of the command line: file, then the options, then --set; all problems of it in one error."""
    import tomllib

    from labkit.training import Recipe, parse_set

    if not options.data and not options.recipe:
        raise LabError("DATA, --recipe or --resume", "none of them", "see the examples of: labkit train --help")
    values: dict[str, Any] = {}
    if options.recipe:
        try:
            values = tomllib.loads(Path(options.recipe).read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            Recipe.load(options.recipe)  # says what is wrong with the file
    given: dict[str, Any] = {"data": {}, "model": {}}
    if options.data:
        given["data"] = {"train": options.data, "fingerprint": ""}
    for name in ("test", "validation", "text", "text_pair", "encoding", "delimiter"):
        if getattr(options, name):
            given["data"][name] = getattr(options, name)
    if options.test or options.validation:
        given["data"]["fingerprint"] = ""
    if options.label:
        given["data"]["label"] = label_columns(options.label)
    if options.scores is not None:
        given["data"]["scores"] = options.scores
    if options.labels:
        given["data"] |= {"labels": options.labels, "labels_fingerprint": ""}
    if options.model is not None:
        given["model"]["name"] = options.model
    if options.task:
        given["task"] = options.task
    return Recipe.from_dict(_merge(_merge(values, given), parse_set(options.set)))


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        merged[key] = (
            _merge(merged[key], value) if isinstance(value, dict) and isinstance(merged.get(key), dict) else value
        )
    return merged
