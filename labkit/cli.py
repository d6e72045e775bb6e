"""The ``labkit`` command: sub-commands that mirror the loop.

Answers go to standard output, progress and errors to standard error, and the exit code is 0 only for success: 1 for an error
that the message explains, 2 for a wrong command line, 130 for Ctrl-C. Heavy libraries are imported inside the commands, so
that help is instant.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import labkit
from labkit import _terminal as terminal
from labkit._places import named
from labkit.errors import LabError, RecipeError

_TASK = "text-classification"  # unless another is asked for

_EPILOG = {
    "tour": "Takes about two minutes on two cores and needs no network.",
    "check": "examples:\n  labkit check messages.csv\n  labkit check train.jsonl --test test.jsonl --label intent",
    "train": """examples:
  labkit train messages.csv
  labkit train train.jsonl --test test.jsonl --model minilm --set budget.epochs=8
  labkit train train.conll --test test.conll --task token-classification
  labkit train reviews.csv --text review --label stars --set seed=1 --out runs/reviews
  labkit train --recipe runs/reviews/recipe.toml --out runs/again
  labkit train --resume runs/reviews
Every setting that --set takes stands, explained, in the recipe.toml of any run directory.""",
    "labels": """examples:
  labkit labels messages.csv
  labkit labels ana.labels.jsonl ben.labels.jsonl --merge messages.csv.labels.jsonl
  labkit train messages.csv --labels messages.csv.labels.jsonl""",
    "evaluate": "examples:\n  labkit evaluate runs/reviews\n  labkit evaluate runs/reviews new_labelled.csv --json",
    "predict": """examples:
  labkit predict runs/reviews new.csv --out predictions.csv
  labkit predict runs/reviews new.jsonl""",
    "models": """examples:
  labkit models --task text-classification
  labkit models roberta-base
  labkit models --for messages.csv""",
}


class _CtrlC:
    """What Ctrl-C does to the process of a command: it interrupts it once, and no more when it is on its way out anyway.

    A second press would otherwise tear up the last words, or put a traceback of Python's own exit behind them.
    """

    leaving = False

    def __call__(self, number: int, frame: object) -> None:
        if not self.leaving:
            self.leaving = True
            raise KeyboardInterrupt


_ctrl_c = _CtrlC()


def command() -> int:
    """What the ``labkit`` script calls: ``main`` as a process of its own."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's background job ignores Ctrl-C already
        signal.signal(signal.SIGINT, _ctrl_c)
    code = main()
    _ctrl_c.leaving = True
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() not in ("utf-8", "utf8"):
            stream.reconfigure(errors="backslashreplace")  # a report may hold letters that an old code page lacks
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.run is not _lab:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        _refuse_undecodable(options)
        code: int = options.run(options)
        sys.stdout.flush()  # a full disk must show here, where it can still be said
        return code
    except KeyboardInterrupt as interrupt:
        terminal.end_progress()
        terminal.say(f"labkit: interrupted. {interrupt}".rstrip())
        return 130
    except BrokenPipeError:
        # the reader of our output went away; nothing more can be said to it
        _drop_output()
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _drop_output()
        terminal.say(
            f"labkit: Expected room for {error.filename or 'the answer'}, but got a full disk. Free some space."
        )
        return 1
    except LabError as error:
        terminal.end_progress()
        if getattr(options, "json", False):
            problems = list(error.problems) if isinstance(error, RecipeError) else []
            terminal.answer({"error": {"type": type(error).__name__, "message": str(error), "problems": problems}})
        terminal.say(f"labkit: {_as_options(str(error))}")
        return 1


def _drop_output() -> None:
    """Keep Python from trying once more, at its exit, to write what could not be written."""
    with contextlib.suppress(io.UnsupportedOperation):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse_undecodable(options: argparse.Namespace) -> None:
    """File names that are no text cannot be written into a recipe, an event or a report."""
    for value in vars(options).values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and any("\ud800" <= letter <= "\udfff" for letter in text):
                shown = os.fsencode(text).decode("utf-8", "backslashreplace")
                raise LabError("names in UTF-8", f"'{shown}', which is not valid as such", "rename the file or folder")


def _as_options(message: str) -> str:
    """The keyword arguments that a message names, written as the options of the command line: label='x' as --label 'x'."""
    from labkit.tasks import TASKS

    for layout in {task.layout for task in TASKS.values()}:
        able = [f"--task {task.id}" for task in TASKS.values() if task.layout == layout]
        message = message.replace(f'layout="{layout}"', " or ".join(able))
    return re.sub(r"(?<![\w.])(text|label|encoding|delimiter|test|validation)=(?:(?=')| )", r"--\1 ", message)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="labkit",
        description="Fine-tune language models on your own texts, with honest numbers.",
        epilog="Begin with: labkit tour",
    )
    parser.add_argument("--version", action="version", version=f"labkit {labkit.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(
        name: str, run: Callable[[argparse.Namespace], int], text: str, *, as_json: bool = True
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=_EPILOG.get(name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(run=run)
        if as_json:
            sub.add_argument("--json", action="store_true", help="answer in JSON")
        return sub

    tour = command(
        "tour", _tour, "Run a tutorial on sample data: the quick start goes from raw texts to an evaluated model."
    )
    tour.add_argument("name", nargs="?", default="00_quickstart", help="which one (default: 00_quickstart)")
    tour.add_argument("--out", metavar="DIR", help="where its files go (default: a new folder below labkit-tour/)")

    command("lab", _lab, "Open JupyterLab on the tutorials; further arguments go to jupyter lab.", as_json=False)

    models = command("models", _models, "List the base models, or show one, or rank them for your data.")
    models.add_argument("name", nargs="?", help="show this model's card")
    models.add_argument("--task", metavar="ID", default=None, help="only models for this task")
    models.add_argument("--for", dest="data", metavar="DATA", help="rank the models for this data on this machine")
    models.add_argument(
        "--minutes", type=float, default=15, help="with --for: minutes that training may take (default: 15)"
    )
    models.add_argument(
        "--language", default="en", metavar="ISO", help="with --for: language of the texts (default: en)"
    )
    models.add_argument("--offline", action="store_true", help="only models that need no download")

    check = command("check", _check, "Look for trouble in labelled texts, and name the repairs.")
    _data_arguments(check, required=True)
    check.add_argument(
        "--model", default="minilm", metavar="NAME", help="whose tokenizer measures the texts (default: minilm)"
    )
    check.add_argument("--task", metavar="ID", default=_TASK, help=f"what the data is for (default: {_TASK})")

    labels = command("labels", _labels_command, "Sum up label journals: people, speed, agreement; or merge them.")
    labels.add_argument("files", metavar="FILE", nargs="+", help="label journal, or the data file that it lies beside")
    labels.add_argument("--merge", metavar="OUT", help="write one journal with the decisions of all")

    train = command("train", _train, "Fine-tune a model on labelled texts, and evaluate it beside the baselines.")
    _data_arguments(train, required=False)
    train.add_argument(
        "--labels",
        action="append",
        default=[],
        metavar="FILE",
        help="label journal whose decisions go over the data's own labels; may be repeated",
    )
    train.add_argument(
        "--task", metavar="ID", help=f"task id (default: {_TASK}); labkit models --task ID shows what can do it"
    )
    train.add_argument("--model", metavar="NAME", help="base model: minilm, a catalogue name, a hub id, or a folder")
    train.add_argument("--recipe", metavar="FILE", help="start from this recipe file")
    train.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="section.field=value",
        help="any setting of the recipe; may be repeated",
    )
    train.add_argument("--out", metavar="DIR", help="run directory (default: a new one below runs/)")
    train.add_argument("--resume", metavar="RUN", help="go on with a stopped, failed or killed run")
    train.add_argument("--detach", action="store_true", help="train in a process of its own and return at once")

    evaluate = command("evaluate", _evaluate, "Show a run's evaluation, or evaluate it on other labelled data.")
    evaluate.add_argument("directory", metavar="RUN", help="run directory")
    evaluate.add_argument("data", metavar="DATA", nargs="?", help="labelled texts the model has not seen")
    evaluate.add_argument("--text", metavar="COL", help="column of DATA with the text (default: as in the run)")
    evaluate.add_argument(
        "--label", metavar="COL", help="column of DATA with the label (default: as in the run, or found)"
    )

    predict = command("predict", _predict, "Label texts with a fine-tuned model.", as_json=False)
    predict.add_argument("directory", metavar="RUN", help="run directory")
    predict.add_argument("data", metavar="DATA", help="file of texts, labels not needed")
    predict.add_argument("--text", metavar="COL", help="column with the text (default: as in the run)")
    predict.add_argument("--out", metavar="FILE", help=".csv, .jsonl or .parquet (default: CSV on standard output)")

    listing = command("runs", _runs, "List runs, or stop one.")
    listing.add_argument("folder", nargs="?", default="runs", help="folder with run directories (default: runs)")
    listing.add_argument("--stop", metavar="RUN", help="ask this run to save and stop")

    command("doctor", _doctor, "Say what works on this machine, and what to do about the rest.")
    return parser


def _data_arguments(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs=None if required else "?",
        help="CSV, TSV, JSON, JSON lines, Parquet, a folder or a hub id",
    )
    parser.add_argument("--test", metavar="FILE", help="test data; without it a part is set aside")
    parser.add_argument("--validation", metavar="FILE", help="validation data; without it a part is set aside")
    parser.add_argument("--text", metavar="COL", help="column with the text (default: found)")
    parser.add_argument(
        "--label", metavar="COL", help="column with the label, or several, with commas, for one column per label"
    )
    parser.add_argument("--encoding", metavar="NAME", help="encoding of the files (default: found)")
    parser.add_argument(
        "--delimiter",
        metavar="MARK",
        type=lambda mark: {"\\t": "\t", "tab": "\t"}.get(mark, mark),
        help="field delimiter of CSV files, tab for a tab (default: found)",
    )


def _tour(options: argparse.Namespace) -> int:
    from labkit.evaluation import TITLES
    from labkit.tours import tour
    from labkit.training import Run

    began = time.monotonic()

    home = Path(options.out) if options.out else Path("labkit-tour") / time.strftime("%Y%m%d-%H%M%S")

    def on_cell(number: int, count: int, heading: str) -> None:
        terminal.progress(f"[{number}/{count}] {heading}", number == count)

    terminal.say(f"labkit tour: the tutorial {options.name}, on this machine, without a network")
    done = tour(home, options.name, on_cell=on_cell)
    terminal.end_progress()
    run = Run(done.notebook.parent / str(done.results["run"]))
    answer: dict[str, Any] = {
        "results": done.results,
        "run": str(run.directory),
        "notebook": str(done.notebook),
        "html": str(done.html),
        "seconds": round(time.monotonic() - began, 1),
    }
    if options.json:
        terminal.answer(answer)
        return 0
    result = run.evaluation
    print(f"Done in {answer['seconds']:.0f} s. On {result.n} test texts that training never saw:\n")
    rows = [("", "model", "95 % interval", *result.baselines)]
    for name in dict.fromkeys((result.first, "macro_f1")):
        figure = result.headline[name]
        others = [f"{comparison.b[name].value:.3f}" for comparison in result.baselines.values()]
        rows.append((TITLES[name], f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}", *others))
    terminal.table(rows)
    for comparison in result.baselines.values():
        print(comparison)
    print(f"\n  run directory      {terminal.short(run.directory)}")
    print(f"  executed notebook  {terminal.short(done.notebook)}")
    print(f"  to read or share   {terminal.short(done.html)}")
    print("\nNext: labkit lab                 open the tutorials in JupyterLab")
    print("      labkit check YOUR.csv      look for trouble in your own data")
    print("      labkit train YOUR.csv      fine-tune on it")
    print(f"      labkit predict {terminal.short(run.directory)} YOUR.csv")
    return 0


def _lab(options: argparse.Namespace) -> int:
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


def _models(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from labkit import models

    if options.name:
        card = models.find(options.name)
        if options.json:
            terminal.answer(asdict(card))
        else:
            terminal.print_card(asdict(card))
        return 0
    if options.data:
        from labkit import data

        ranked = models.recommend(
            options.task or _TASK,
            data.read(options.data),
            language=options.language,
            minutes=options.minutes,
            offline=options.offline,
        )
        if options.json:
            terminal.answer([r.to_dict() for r in ranked])
            return 0
        for i, r in enumerate(ranked[:8], 1):
            print(f"{i}. {r.card.name}: {'; '.join(r.reasons[:-1])}. {r.reasons[-1]}")
        return 0
    here = set(models.available_offline())
    cards = [
        c for c in models.catalogue(task=options.task) if not options.offline or c.name in here or c.hub_id in here
    ]
    if options.json:
        terminal.answer([{**asdict(c), "offline": c.name in here or c.hub_id in here} for c in cards])
        return 0
    rows = [("name", "family", "parameters", "on disk", "input", "languages", "licence", "here")]
    for c in cards:
        have = "yes" if c.name in here or c.hub_id in here else "" if c.safetensors else "no safetensors"
        rows.append(
            (
                c.name,
                c.family,
                f"{c.parameters_m:.0f} M",
                f"{c.disk_mb:.0f} MB",
                str(c.max_tokens or "any"),
                ",".join(c.languages)[:12],
                c.licence,
                have,
            )
        )
    terminal.table(rows)
    print(
        "\nNot to be had: "
        + "; ".join(f"{m.name} (instead: {', '.join(m.alternatives[:2])})" for m in models.unavailable())
    )
    print("labkit models NAME shows one; labkit models --for DATA ranks them for your data and this machine.")
    return 0


def _check(options: argparse.Namespace) -> int:
    from labkit import data, models, tasks

    corpus = data.read(options.data, layout=tasks.get(options.task).layout, **_read_arguments(options))
    for reason in corpus.reasons:
        terminal.say(f"  {_as_options(reason if len(reason) < 1000 else f'{reason[:1000]}…')}")
    report = data.check(corpus, models.load_tokenizer(options.model))
    if options.json:
        print(report.json())
    else:
        print(report)
    return 0


def _labels_command(options: argparse.Namespace) -> int:
    from labkit import data

    journals = [data.merge_journals(options.files, options.merge)] if options.merge else options.files
    summary = data.label_summary(*journals)
    if options.json:
        terminal.answer({"merged": options.merge or "", **summary.to_dict()})
    else:
        print(summary)
    return 0


def _train(options: argparse.Namespace) -> int:
    from labkit import events, training

    progress = terminal.Progress()

    def watch(event: events.Event) -> None:
        progress(event)
        if isinstance(event, events.RunEnded) and event.status == "stopped":
            _ctrl_c.leaving = True  # all that is left is to say how to go on

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
    given = [name for name, value in vars(options).items() if value and name not in ("run", "resume", "detach", "json")]
    if given:
        do = "leave that out, or start a new run without --resume"
        shown = ", ".join("DATA" if name == "data" else f"--{name}" for name in given)
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
    for name in ("test", "validation", "text", "encoding", "delimiter"):
        if getattr(options, name):
            given["data"][name] = getattr(options, name)
    if options.test or options.validation:
        given["data"]["fingerprint"] = ""
    if options.label:
        given["data"]["label"] = _labels(options.label)
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


def _evaluate(options: argparse.Namespace) -> int:
    from labkit.training import Run, evaluate

    run = Run(options.directory)
    if options.data is None and (options.text or options.label):
        raise LabError("DATA that --text and --label are about", "none", "see the examples of: labkit evaluate --help")
    label = _labels(options.label) if options.label else None
    result = evaluate(run, options.data, text=options.text, label=label) if options.data is not None else run.evaluation
    if options.json:
        terminal.answer(result.to_dict())
    else:
        print(result)
    return 0


def _predict(options: argparse.Namespace) -> int:
    from labkit.training import Run, predict_file

    count = predict_file(Run(options.directory), options.data, options.out, text=options.text)
    terminal.say(f"labkit: {count:,} rows labelled" + (f" in {options.out}" if options.out else ""))
    return 0


def _runs(options: argparse.Namespace) -> int:
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


def _doctor(options: argparse.Namespace) -> int:
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


def _read_arguments(options: argparse.Namespace) -> dict[str, Any]:
    names = ("test", "validation", "text", "encoding", "delimiter")
    found = {name: getattr(options, name) for name in names}
    return {**found, "label": _labels(options.label) if options.label else None}


def _labels(text: str) -> list[str]:
    """The column names of --label; at least one."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise LabError("the name of a column behind --label", repr(text), "name the column with the labels")
    return names


if __name__ == "__main__":
    raise SystemExit(command())
