"""``labkit train``, ``compare``, ``cross-validate`` and ``search``."""

from __future__ import annotations

import argparse
import dataclasses
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


def compare(options: argparse.Namespace) -> int:
    import json

    from labkit import events, training

    recipes = _recipes(options)
    progress = terminal.Progress()
    before: tuple[str, int] | None = None

    def watch(name: str, seed: int, event: events.Event) -> None:
        nonlocal before, progress
        if before != (name, seed):
            before, progress = (name, seed), terminal.Progress()
            terminal.say(f"{name}, seed {seed}")
        progress(event)

    found = training.compare(recipes, options.out, seeds=options.seeds, watch=watch)
    terminal.end_progress()
    target = Path(options.out) / "comparison.json"
    target.write_text(json.dumps(found.to_dict(), indent=1) + "\n", encoding="utf-8")
    if options.json:
        terminal.answer(found.to_dict())
    else:
        print(f"{found}\n\nwritten to {terminal.short(target)}")
    return 0


def cross_validate(options: argparse.Namespace) -> int:
    from labkit import events, training

    recipe = one_recipe(options.what, options.task, options.set)
    progress = terminal.Progress()
    before: tuple[int, int] | None = None

    def watch(repeat: int, number: int, event: events.Event) -> None:
        nonlocal before, progress
        if before != (repeat, number):
            before, progress = (repeat, number), terminal.Progress()
            terminal.say(f"fold {number + 1} of {options.folds}, time {repeat + 1} of {options.repeats}")
        progress(event)

    found = training.cross_validate(recipe, options.out, folds=options.folds, repeats=options.repeats, watch=watch)
    terminal.end_progress()
    target = Path(options.out) / "out_of_fold.parquet"
    found.predictions.save(target)
    if options.json:
        terminal.answer(
            {"metric": found.metric, "scores": list(found.scores), "score": dataclasses.asdict(found.score)}
        )
    else:
        print(f"{found}\n\npredictions of every row written to {terminal.short(target)}")
    return 0


def search(options: argparse.Namespace) -> int:
    from labkit import events, training

    recipe = one_recipe(options.what, options.task, options.set)
    space = training.parse_space(options.space) if options.space else None
    progress = terminal.Progress()
    before: int | None = None

    def watch(number: int, event: events.Event) -> None:
        nonlocal before, progress
        if before != number:
            before, progress = number, terminal.Progress()
            terminal.say(f"trial {number} of {options.trials}")
        progress(event)

    found = training.search(
        recipe,
        options.out,
        space=space,
        trials=options.trials,
        workers=options.workers,
        prune=not options.no_prune,
        watch=watch,
    )
    terminal.end_progress()
    if options.json:
        terminal.answer(found.to_dict())
    else:
        print(found)
        if any(trial.state == "complete" for trial in found.trials):
            best = terminal.short(Path(options.out) / "best.toml")
            print(f"\nto train it: labkit train --recipe {best} --out runs/best")
    return 0


def one_recipe(what: str, task: str | None, settings: list[str]) -> Any:
    """Of a recipe file or of data, with the settings of --set."""
    from labkit.training import Recipe, parse_set

    shared = parse_set(settings)
    if not what.endswith(".toml"):
        start = {"task": task} if task else {}
        return Recipe.from_dict(_merge({**start, "data": {"train": what}}, shared))
    if task:
        raise LabError("--task with a file of data", f"{what}, which names its own task", "leave --task out")
    return Recipe.load(Path(what)).with_values(**shared)


def _recipes(options: argparse.Namespace) -> dict[str, Any]:
    """Name → recipe: files by their names, or the values of --each."""
    from labkit.training import Recipe, parse_set

    shared = parse_set(options.set)
    files = [Path(one) for one in options.what if one.endswith(".toml")]
    if files and len(files) < len(options.what):
        raise LabError("recipe files, or one file of data", "both", "name recipes only, whose [data] say what to read")
    if files:
        names = [file.stem if file.stem != "recipe" else file.absolute().parent.name for file in files]
        if len(set(names)) < len(names):
            raise LabError(
                "recipe files of different names", ", ".join(names), "rename one: the runs are called after them"
            )
        made = {name: Recipe.load(file).with_values(**shared) for name, file in zip(names, files, strict=True)}
    elif len(options.what) > 1:
        raise LabError("one file of data", f"{len(options.what)}", "or recipe files, whose names end in .toml")
    else:
        made = {"recipe": one_recipe(options.what[0], options.task, options.set)}
    if not options.each:
        return made
    if len(made) > 1:
        raise LabError("--each with one recipe", f"{len(made)} recipes", "leave --each out, or name one recipe")
    setting, equals, values = options.each.partition("=")
    if not equals or len([value for value in values.split(",") if value]) < 2:
        raise LabError("--each section.field=a,b,… with two values at least", repr(options.each))
    (recipe,) = made.values()
    listed = [value for value in values.split(",") if value]
    # the names are those of folders
    return {value.replace("/", "-"): recipe.with_values(**parse_set([f"{setting}={value}"])) for value in listed}


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
