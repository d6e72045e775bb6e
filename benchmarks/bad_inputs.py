"""Give the labkit command every bad input that comes to mind, and print what it said as a Markdown table.

    python benchmarks/bad_inputs.py [--only WORD] [--jobs N] [--keep]

Each row makes its input in a folder of its own, runs the real command on it, and looks at the exit code, at the words that must
stand in the message, and at what became of the files: nothing that was there before may be gone or changed, and a command
that failed may leave nothing behind. Exits with 1 where a row is not as it should be, or any output holds a traceback. A tiny
model is built on the spot; nothing is downloaded. Rows that need a full or read-only disk mount a tmpfs, which takes root on
Linux; elsewhere they are left out, and said to be.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bad_cases import (
    MODEL,
    QUICK,
    Case,
    damage_cases,
    data_cases,
    disk_cases,
    name_cases,
    table,
    technique_cases,
    tiny_model,
    use_cases,
)

# --- running --------------------------------------------------------------------------------------------------------


def labkit(
    folder: Path, arguments: Sequence[str], environment: Sequence[tuple[str, str]] = (), **options: object
) -> subprocess.Popen[str]:
    """The real command, started in a folder."""
    own = {"OMP_NUM_THREADS": "1", "LABKIT_CACHE": str(folder.parent / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    settings: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-m", "labkit.cli", *arguments],
        cwd=folder,
        env={**os.environ, **own, **dict(environment)},
        start_new_session=True,
        **settings,
    )


def shell_code(code: int) -> int:
    """The exit code as a shell shows it: Python may end itself with the signal after it has handled it."""
    return 128 - code if code < 0 else code


def snapshot(folder: Path) -> dict[str, str]:
    """Every file below a folder, with a hash of its content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = os.fsencode(path.relative_to(folder)).decode("utf-8", "backslashreplace")
        found[name] = "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def losses(before: dict[str, str], after: dict[str, str], case: Case) -> list[str]:
    """What is gone, changed or left behind that should not be."""

    def free(name: str, patterns: Sequence[str]) -> bool:
        return any(name == p or (p.endswith("/*") and (name + "/").startswith(p[:-1])) for p in patterns)

    found = [f"gone: {name}" for name in before if name not in after and not free(name, case.changes)]
    found += [f"changed: {n}" for n in before if n in after and before[n] != after[n] and not free(n, case.changes)]
    return found + [f"left: {name}" for name in after if name not in before and not free(name, case.makes)]


@contextlib.contextmanager
def mounted(folder: Path, state: str) -> Iterator[str]:
    """The folder ``disk`` in a folder as a small disk in this state; gives why not, where that cannot be had."""
    place = folder / "disk"
    if not state:
        yield ""
        return
    place.mkdir()
    if os.name != "posix" or sys.platform != "linux" or os.geteuid() != 0:
        yield "needs root on Linux"
        return
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        yield "mounting is not allowed here"
        return
    try:
        if state == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        else:
            with contextlib.suppress(OSError), (place / "filler").open("wb", buffering=0) as file:
                while True:
                    file.write(b"\0" * 4096)
        yield ""
    finally:
        subprocess.run(["umount", str(place)], check=True)


def said(output: str, errors: str, case: Case) -> str:
    """What the command printed that matters: the error, or the lines with the words looked for."""
    if case.code:
        at = errors.find("labkit: ")
        at = errors.find("labkit", 1) if at < 0 else at
        return errors[max(at, 0) :].strip()
    every = [line.strip() for line in f"{errors}\n{output}".splitlines()]
    wanted = [line for line in every if any(word in line for word in case.says)]
    return "\n".join(dict.fromkeys(wanted)) or "\n".join(every[-2:])


def row(case: Case, folder: Path) -> tuple[list[str], list[str]]:
    """The cells of a case, and what is wrong."""
    folder.mkdir()
    case.make(folder)
    with mounted(folder, case.mount) as refused:
        shown = "labkit " + " ".join(case.command).replace(" ".join(QUICK), "…")
        shown = os.fsencode(shown).decode(
            "utf-8", "backslashreplace"
        )  # a name that is no text must not spoil the table
        if refused:
            return [case.what, f"`{shown}`", "", f"left out: {refused}", ""], []
        before = snapshot(folder)
        sink = Path(case.output).open("w") if case.output else None  # noqa: SIM115  closed below
        process = labkit(folder, case.command, case.environment, **({"stdout": sink} if sink else {}))
        late = False
        try:
            output, errors = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            late = True
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
        if sink:
            sink.close()
        after = snapshot(folder)
    output = output or ""
    code = shell_code(process.returncode)
    lost = losses(before, after, case)
    wrong = [f"not said: {word}" for word in case.says if word not in output + errors]
    wrong += [f"exit code {code}, not {case.code}"] if code != case.code else []
    wrong += ["not done after 300 seconds"] if late else []
    wrong += ["a traceback"] if "Traceback" in output + errors else []
    made = sorted({name.split("/")[0] for name in after if name not in before})
    kept = "; ".join(lost) or ("nothing" + (f" (made: {', '.join(made)})" if made else ""))
    return [case.what, f"`{shown}`", str(code), short(said(output, errors, case), folder), kept], wrong + lost


def short(message: str, folder: Path) -> str:
    """A message for a cell: without the temporary folder, and not longer than a few lines."""
    message = message.replace(f"{folder}/", "").replace(str(folder), ".").replace(str(folder.parent), "..")
    cells = [line.strip() for line in message.splitlines() if line.strip()]
    text_ = " ⏎ ".join(cells)
    text_ = text_ if len(text_) <= 760 else f"{text_[:500]} … {text_[-250:]}"
    return re.sub(r"([|\\<>*_`])", r"\\\1", text_)


# --- interruptions --------------------------------------------------------------------------------------------------

LONG = (
    *("--set", "budget.threads=1", "--set", "budget.precision=float32", "--set", "budget.epochs=30"),
    *("--set", "evaluation.resamples=100", "--set", "optimizer.batch_size=256"),
)
STAGES: tuple[tuple[str, str, float, tuple[int, ...]], ...] = (
    # what, the line on standard error to wait for, seconds after it, signals
    ("while Python starts labkit", "", 0.3, (signal.SIGINT,)),
    ("while it reads the data", "Reading the data", 0.3, (signal.SIGINT,)),
    ("while it tokenises", "Tokenising", 0.02, (signal.SIGINT,)),
    ("before the first step", "training ", 0.01, (signal.SIGINT,)),
    ("in the middle of training", "epoch 3.0", 0.02, (signal.SIGINT,)),
    ("twice in the middle of training", "epoch 3.0", 0.02, (signal.SIGINT, signal.SIGINT)),
    ("SIGTERM in the middle of training", "epoch 3.0", 0.02, (signal.SIGTERM,)),
    ("while it evaluates", "Evaluating on the validation", 0.01, (signal.SIGINT,)),
    ("while the baselines train", "Training the baselines", 0.05, (signal.SIGINT,)),
)


def interrupted(process: subprocess.Popen[str], line: str, delay: float, signals: Sequence[int]) -> tuple[int, str]:
    """Exit code and standard error of a command that gets signals some time after a line."""
    assert process.stderr is not None
    errors = ""
    while line and line not in errors:
        new = process.stderr.readline()
        if not new:
            break
        errors += new
    for number in signals:
        time.sleep(delay)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
    _, rest = process.communicate(timeout=120)
    return shell_code(process.returncode), errors + rest


def interrupt_training(
    home: Path, number: int, stage: tuple[str, str, float, tuple[int, ...]]
) -> tuple[list[str], list[str]]:
    """Interrupt a training at a stage, resume it, and hold the result against the uninterrupted run."""
    what, line, delay, signals = stage
    folder = home / f"interrupt-{number}"
    folder.mkdir()
    table(count=1500)(folder)
    data = snapshot(folder)
    command = ("train", "toy.csv", *MODEL, "--out", "run", *LONG)
    code, errors = interrupted(labkit(folder, command), line, delay, signals)
    wrong = [f"exit code {code}, not 130"] if code != 130 else []
    wrong += ["a traceback"] if "Traceback" in errors else []
    last = errors.strip().splitlines()[-1] if errors.strip() else ""
    begun = (folder / "run" / "recipe.toml").exists()
    if begun and "--resume" not in last:
        wrong.append("no advice")
    again = ("train", "--resume", "run") if begun else command
    process = labkit(folder, again)
    output, more = process.communicate(timeout=300)
    if process.returncode or "Traceback" in output + more:
        wrong.append(f"resuming: {more[-200:]}")
    want, got = result(home / "uninterrupted" / "run"), result(folder / "run")
    wrong += [] if want == got else ["another result than the uninterrupted run"]
    strays = names(folder / "run") ^ names(home / "uninterrupted" / "run")
    wrong += [f"stray or missing files: {', '.join(sorted(strays))}"] if strays else []
    wrong += [] if snapshot(folder).items() >= data.items() else ["the data changed"]
    then = "resumed" if begun else "run again"
    kept = "; ".join(wrong) or f"nothing: {then}, it ends with the metrics of an uninterrupted run, and no stray file"
    word = "SIGTERM" if signals[0] == signal.SIGTERM else "Ctrl-C"
    return [
        f"{word} {what.removeprefix('SIGTERM ')}",
        "`labkit train toy.csv … --out run`",
        str(code),
        short(last, folder),
        kept,
    ], wrong


def interrupt_others(home: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Ctrl-C during check and predict."""
    folder = home / "interrupt-others"
    folder.mkdir()
    shutil.copytree(home / "complete", folder / "run")
    table("large.csv", 60_000)(folder)
    (folder / "p.csv").write_text("earlier predictions\n")
    for command, line, delay in (
        (("check", "large.csv", *MODEL), "Encoding", 0.5),
        (("predict", "run", "large.csv", "--out", "new.csv"), "", 6.0),
        (("predict", "run", "large.csv", "--out", "p.csv"), "", 6.0),
    ):
        before = snapshot(folder)
        code, errors = interrupted(labkit(folder, command), line, delay, (signal.SIGINT,))
        after = snapshot(folder)
        strays = [path.name for path in (home / "cache").rglob("*.partial")]
        wrong = [f"exit code {code}, not 130"] if code != 130 else []
        wrong += ["a traceback"] if "Traceback" in errors else []
        wrong += ["files changed"] if before != after else []
        wrong += [f"left in the cache: {', '.join(strays)}"] if strays else []
        shown = "labkit " + " ".join(command)
        last = errors.strip().splitlines()[-1] if errors.strip() else ""
        yield (
            [
                f"Ctrl-C during {command[0]}",
                f"`{shown}`",
                str(code),
                short(last, folder),
                "; ".join(wrong) or "nothing",
            ],
            wrong,
        )


def fill_up(home: Path) -> tuple[list[str], list[str]]:
    """A disk that becomes full in the middle of a training, and has room again when it is resumed."""
    folder = home / "fills-up"
    folder.mkdir()
    table(count=1500)(folder)
    what, shown = "disk fills up while it trains, then has room again", "`labkit train toy.csv … --out disk/run`"
    with mounted(folder, "read-only") as refused:
        if refused:
            return [what, shown, "", f"left out: {refused}", ""], []
        disk = folder / "disk"
        subprocess.run(["mount", "-o", "remount,rw,size=900k", str(disk)], check=True)
        process = labkit(folder, ("train", "toy.csv", *MODEL, "--out", "disk/run", *LONG))
        _, errors = process.communicate(timeout=120)
        code = shell_code(process.returncode)
        wrong = ([f"exit code {code}, not 1"] if code != 1 else []) + (["a traceback"] if "Traceback" in errors else [])
        wrong += [] if "free some space" in errors.lower() else ["no advice"]
        subprocess.run(["mount", "-o", "remount,rw,size=64m", str(disk)], check=True)
        process = labkit(folder, ("train", "--resume", "disk/run"))
        _, more = process.communicate(timeout=120)
        if process.returncode or result(disk / "run") != result(home / "uninterrupted" / "run"):
            wrong.append(f"resuming: {more[-200:]}")
        strays = names(disk / "run") ^ names(home / "uninterrupted" / "run")
        wrong += [f"stray or missing files: {', '.join(sorted(strays))}"] if strays else []
    kept = "; ".join(wrong) or "nothing: resumed, it ends with the metrics of an uninterrupted run, and no stray file"
    return [what, shown, str(code), short(errors[errors.find("labkit: ") :], folder), kept], wrong


def result(run: Path) -> object:
    """The evaluation of a run; None where it has none."""
    path = run / "metrics.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def names(run: Path) -> set[str]:
    """Every file in a run directory."""
    return {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}


# --- the program ----------------------------------------------------------------------------------------------------


def prepare(home: Path) -> None:
    """The tiny model, a complete run, a stopped one, and a longer one to compare with."""
    tiny_model(home / "model")
    for name, settings, count in (("complete", QUICK, 120), ("uninterrupted", LONG, 1500)):
        folder = home / f"{name}-data" if name == "complete" else home / name
        folder.mkdir()
        table(count=count)(folder)
        target = "../complete" if name == "complete" else "run"
        process = labkit(folder, ("train", "toy.csv", *MODEL, "--out", target, *settings))
        _, errors = process.communicate(timeout=300)
        if process.returncode:
            raise SystemExit(f"the run to begin with failed: {errors}")
    folder = home / "complete-data"
    process = labkit(folder, ("train", "toy.csv", *MODEL, "--out", "../stopped", *QUICK, "--set", "budget.epochs=200"))
    code, errors = interrupted(process, "epoch 2.0", 0.05, (signal.SIGINT,))
    if code != 130:
        raise SystemExit(f"the run to begin with did not stop: {errors}")
    for name in ("complete", "stopped"):  # the copies lie beside the data that they name
        recipe = home / name / "recipe.toml"
        recipe.write_text(
            recipe.read_text().replace(str(folder / "toy.csv"), "toy.csv").replace('"../model"', '"../model"')
        )
        if name == "complete":
            manifest = home / name / "manifest.json"
            listed = json.loads(manifest.read_text())
            listed["files"]["recipe.toml"] = recipe.stat().st_size
            manifest.write_text(json.dumps(listed))


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="WORD", help="only inputs with this word in their description")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="commands at a time (default: 2)")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder, and name it")
    options = parser.parse_args()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # begun in the background of a shell, the commands would ignore it
    home = Path(tempfile.mkdtemp(prefix="labkit-bad-"))
    failures: list[str] = []
    count = 0

    def show(cells: list[str], wrong: list[str]) -> None:
        nonlocal count
        count += 1
        print("| " + " | ".join(cells) + " |", flush=True)
        failures.extend(f"{cells[0]}: {problem}" for problem in wrong)

    try:
        prepare(home)
        print("| input | command | exit code | what it printed | what was lost |\n|---|---|---|---|---|", flush=True)
        cases = [*data_cases(), *name_cases(), *technique_cases(), *use_cases(), *damage_cases(), *disk_cases()]
        asked = [(case, home / f"case-{number}") for number, case in enumerate(cases) if options.only in case.what]
        with ThreadPoolExecutor(options.jobs) as pool:
            for cells, wrong in pool.map(lambda pair: row(*pair), asked):
                show(cells, wrong)
        for number, stage in enumerate(STAGES):
            if options.only in stage[0]:
                show(*interrupt_training(home, number, stage))
        if options.only in "interrupt others":
            for cells, wrong in interrupt_others(home):
                show(cells, wrong)
        if options.only in "disk fills up":
            show(*fill_up(home))
    finally:
        if options.keep:
            print(f"\nkept: {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    print(f"\n{count} inputs, {len(failures)} not as they should be")
    for failure in failures:
        print(f"- {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
