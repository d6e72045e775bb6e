"""Give the labkit command every bad input that comes to mind, and print what it said as a Markdown table.

    python benchmarks/bad_inputs.py [--only WORD] [--keep]

Each row makes its input in a folder of its own, runs the real command on it, and looks at the exit code, at the words that must
stand in the message, and at what became of the files: nothing that was there before may be gone or changed, and a command
that failed may leave nothing behind. Exits with 1 where a row is not as it should be, or any output holds a traceback. A tiny
model is built on the spot; nothing is downloaded. Rows that need a full or read-only disk mount a tmpfs, which takes root on
Linux; elsewhere they are left out, and said to be.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import gzip
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

WORDS = {
    "sport": ["goal", "match", "team", "ball", "score", "league", "coach", "player", "win", "season"],
    "food": ["soup", "bread", "salt", "oven", "spoon", "taste", "dinner", "sauce", "bake", "fresh"],
    "travel": ["train", "ticket", "hotel", "beach", "flight", "map", "border", "luggage", "tour", "sea"],
}
FILLER = ["the", "a", "we", "you", "it", "was", "is", "my", "with", "and", "for", "very", "today", "again", "some"]
MODEL = ("--model", "../model")
QUICK = (
    *("--set", "budget.threads=1", "--set", "budget.precision=float32", "--set", "budget.epochs=2"),
    *("--set", "evaluation.resamples=100"),
)
EARLIER = {"recipe.toml", "events.jsonl", "environment.json", "manifest.json", "metrics.json", "README.md"}

Make = Callable[[Path], object]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One bad input.

    Attributes:
        what: what is bad about it.
        make: puts it into the folder in which the command runs.
        command: the arguments of labkit.
        code: the exit code that is right.
        says: what standard error (or output) must hold.
        makes: files and folders that the command may leave; a trailing * stands for anything below.
        changes: files that it may change.
        environment: variables set for the command.
        mount: "full" or "read-only": the state of the folder ``disk`` while the command runs.
        output: file that takes standard output.
    """

    what: str
    make: Make
    command: tuple[str, ...]
    code: int = 1
    says: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    mount: str = ""
    output: str = ""


# --- inputs ---------------------------------------------------------------------------------------------------------


def toy_rows(count: int = 120, seed: int = 0) -> list[dict[str, str]]:
    """Texts of three topics."""
    chooser = random.Random(seed)
    rows = []
    for i in range(count):
        topic = sorted(WORDS)[i % 3]
        text = [
            chooser.choice(WORDS[topic] if chooser.random() < 0.5 else FILLER) for _ in range(chooser.randint(4, 14))
        ]
        rows.append({"id": f"t{i}", "text": " ".join([*text, chooser.choice(WORDS[topic])]), "topic": topic})
    return rows


def table(name: str = "toy.csv", count: int = 120, *, delimiter: str = ",", header: Sequence[str] = ()) -> Make:
    """Toy rows as a file with the columns id, text and topic."""

    def make(folder: Path) -> None:
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(header or ("id", "text", "topic"))
            writer.writerows(row.values() for row in toy_rows(count))

    return make


def text(name: str, content: str | bytes) -> Make:
    """A file with this content."""
    return lambda folder: (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def lines(name: str, rows: list[dict[str, object]]) -> Make:
    """A JSON lines file."""
    return text(name, "".join(json.dumps(row) + "\n" for row in rows))


def both(*parts: Make) -> Make:
    """Several inputs in one folder."""

    def make(folder: Path) -> None:
        for part in parts:
            part(folder)

    return make


def run_directory(damage: Make | None = None, which: str = "complete") -> Make:
    """A copy of the run made beforehand, damaged; with the data it was trained on."""

    def make(folder: Path) -> None:
        shutil.copytree(folder.parent / which, folder / "run")
        table()(folder)
        if damage is not None:
            damage(folder / "run")

    return make


def cut(*names: str) -> Make:
    """The first half of files."""

    def make(folder: Path) -> None:
        for name in names:
            content = (folder / name).read_bytes()
            (folder / name).write_bytes(content[: len(content) // 2])

    return make


def gone(*names: str) -> Make:
    """Files or folders removed."""

    def make(folder: Path) -> None:
        for name in names:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return make


def only(*names: str) -> Make:
    """Everything removed but these."""
    return lambda folder: gone(*(path.name for path in folder.iterdir() if path.name not in names))(folder)


def newest_checkpoint(damage: Callable[[Path], object]) -> Make:
    """Something done to the newest checkpoint."""
    return lambda folder: damage(max((folder / "checkpoints").iterdir(), key=lambda path: int(path.name.split("-")[1])))


def tiny_model(folder: Path) -> None:
    """A BERT of two layers, 32 wide, untrained."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir()
    words = [*FILLER, *(word for group in WORDS.values() for word in group)]
    letters = [*"abcdefghijklmnopqrstuvwxyz.,!?'-0123456789"]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters), *words]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(vocabulary)) + "\n")
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=64)
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **size)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def pickled_model(folder: Path) -> None:
    """A model folder with pickled weights only."""
    shutil.copytree(folder.parent / "model", folder / "pickled")
    (folder / "pickled" / "model.safetensors").unlink()
    (folder / "pickled" / "pytorch_model.bin").write_bytes(b"\x80\x04.")


# --- cases ----------------------------------------------------------------------------------------------------------


def train(*arguments: str) -> tuple[str, ...]:
    """A training command with the tiny model."""
    return ("train", *arguments, *MODEL, *QUICK)


def check(*arguments: str) -> tuple[str, ...]:
    """A check command with the tiny model's tokenizer."""
    return ("check", *arguments, *MODEL)


def data_cases() -> Iterator[Case]:
    """Files that cannot be read or used, and some that only look so."""
    good = "text,topic\n" + "".join(f"{row['text']},{row['topic']}\n" for row in toy_rows())
    yield Case(what="missing file", make=table("toys.csv"), command=train("toy.csv"), says=("toy.csv", "'toys.csv'"))
    for what, name, content, says in (
        ("empty file", "e.csv", "", "an empty file"),
        ("header only", "h.csv", "text,topic\n", "line 1"),
        ("binary file", "b.csv", random.Random(0).randbytes(3000), "binary data"),
        ("truncated gzip", "g.csv.gz", gzip.compress(good.encode())[:-40], "truncated"),
        ("ragged rows", "r.csv", good + "one, two, three\nfour\n", "line 122"),
        ("duplicate column names", "d.csv", "text,topic,text\na,b,c\n", "column 'text'"),
        ("no label column", "n.csv", "text\n" + "".join(f"some text {i}\n" for i in range(50)), "--label"),
        ("no header", "p.csv", "".join(f"{i},{r['text']}\n" for i, r in enumerate(toy_rows())), "header"),
        ("quote never closed", "q.csv", good + 'an "open quote,sport\n"and,food\n', "never closed"),
        ("broken JSON", "j.jsonl", '{"text": "a", "label": "b"}\n{"text": "c" "label"}\n', "line 2"),
        ("5,000 columns, no label", "w.csv", _wide(), "more"),
    ):
        yield Case(what=what, make=text(name, content), command=check(name), says=(name, says))
    yield Case(what="one class", make=text("o.csv", "text,topic\n" + "some text,sport\n" * 9), command=train("o.csv"),
               says=("o.csv", "one class only"))  # fmt: skip
    yield Case(
        what="a folder without data", make=lambda f: (f / "photos").mkdir(), command=check("photos"), says=("photos",)
    )
    yield Case(what="a run directory as data", make=run_directory(), command=train("run"), says=("is a run directory",))
    yield Case(what="wrong delimiter asked for", make=table(delimiter=";"), command=check("toy.csv", "--delimiter", ","),
               says=("line 1", "--delimiter ';'"))  # fmt: skip
    yield Case(what="semicolons in a .tsv", make=table("toy.tsv", delimiter=";"), command=check("toy.tsv"), code=0,
               says=("Delimiter ';'",))  # fmt: skip
    yield Case(what="wrong encoding asked for", make=text("u.csv", good.replace("soup", "soupé")),
               command=check("u.csv", "--encoding", "ascii"), says=("u.csv", "line", "byte 0xc3"))  # fmt: skip
    rows = toy_rows()
    nested: list[dict[str, object]] = [
        {**row, "text": {"a": 1} if i == 5 else row["text"]} for i, row in enumerate(rows)
    ]
    yield Case(what="a nested value as text", make=lines("v.jsonl", nested), command=check("v.jsonl"),
               says=("v.jsonl", "line 6", "column 'text'"))  # fmt: skip
    other: list[dict[str, object]] = [{**row, "text": i if i % 10 == 0 else row["text"]} for i, row in enumerate(rows)]
    yield Case(what="numbers among the texts", make=lines("s.jsonl", other), command=train("s.jsonl"), code=0,
               makes=("runs/*",), says=("Evaluated on",))  # fmt: skip
    missing = good + ",sport\nhello there,\n"
    yield Case(what="missing text, missing label", make=text("m.csv", missing), command=check("m.csv"), code=0,
               says=("1 of 122 rows have no label", "1 missing values in 'text'"))  # fmt: skip
    yield Case(
        what="the same, trained on", make=text("m.csv", missing), command=train("m.csv"), says=("drop_unlabelled",)
    )
    yield Case(what="the same, repaired", make=text("m.csv", missing), code=0, makes=("runs/*",),
               command=train("m.csv", "--set", "data.repairs=drop_unlabelled"), says=("Evaluated on",))  # fmt: skip
    yield Case(what="a text of 300,000 characters", make=text("l.csv", good + "x " * 150_000 + ",sport\n"), code=0,
               command=train("l.csv"), makes=("runs/*",), says=("Evaluated on",))  # fmt: skip
    yield Case(what="a class with one row", make=text("c.csv", good + "one lone text,lonely\n"), code=0,
               command=train("c.csv"), makes=("runs/*",), says=("4 classes",))  # fmt: skip
    many = "text,topic\n" + "".join(f"word{i} goal team {j},class {i}\n" for i in range(5000) for j in range(2))
    yield Case(what="5,000 classes of two rows", make=text("k.csv", many), code=0, makes=("runs/*",),
               command=train("k.csv", "--set", "budget.max_steps=3"), says=("5,000 classes",))  # fmt: skip
    yield Case(what="a file name that is not UTF-8", make=lambda f: shutil.copy(_toy(f), os.fsencode(f) + b"/caf\xe9.csv"),
               command=check(os.fsdecode(b"caf\xe9.csv")), says=("UTF-8",), code=1)  # fmt: skip
    yield Case(what="a file name with spaces and accents", make=table("thé é, ☕.csv"), command=train("thé é, ☕.csv"),
               code=0, makes=("runs/*",))  # fmt: skip


def name_cases() -> Iterator[Case]:
    """Names and settings that do not exist or cannot work."""
    data = table()
    closed = (("HF_ENDPOINT", "http://127.0.0.1:9"),)
    for what, command, says in (
        ("unknown model", ("train", "toy.csv", "--model", "minlm"), ("Did you mean 'minilm'?", "Valid names")),
        ("model that nobody can have", ("train", "toy.csv", "--model", "gpt-4"), ("not public", "alternatives")),
        ("hub id of a model, no network", ("train", "toy.csv", "--model", "some/model"), ("offline: minilm", "no answer")),
        ("hub id of data, no network", ("check", "some/data"), ("no connection",)),
        ("missing model folder", ("train", "toy.csv", "--model", "./model"), ("no such folder",)),
        ("unknown task", train("toy.csv", "--task", "text-clasification"), ("Did you mean 'text-classification'?",)),
        ("unknown card", ("models", "roberta-bas"), ("Did you mean 'roberta-base'?",)),
        ("time that is none", ("models", "--for", "toy.csv", "--minutes", "nan"), ("minutes above 0",)),
        ("unknown text column", train("toy.csv", "--text", "txt"), ("Did you mean 'text'?", "toy.csv")),
        ("unknown setting", train("toy.csv", "--set", "optimizer.learning_rat=1"), ("Did you mean 'learning_rate'?",)),
        ("setting without its section", train("toy.csv", "--set", "seeds=1"), ("Did you mean 'seed'?",)),
        ("negative, NaN and huge settings", train("toy.csv", "--set", "seed=-1", "--set", "optimizer.learning_rate=nan",
         "--set", "optimizer.batch_size=99999999"), ("3 problems", "seed", "nan", "99999999")),
        ("column to slice by that is missing", train("toy.csv", "--set", "evaluation.slices=author"), ("'author'",)),
        ("a training that diverges", train("toy.csv", "--set", "optimizer.learning_rate=1", "--set", "optimizer.epsilon=0"),
         ("diverged", "learning_rate")),
    ):  # fmt: skip
        makes = ("runs/*",) if "diverges" in what else ()
        yield Case(what=what, make=data, command=command, says=says, environment=closed, makes=makes)
    five = (
        'task = "text-clasification"\nseed = -3\n[data]\ntrain = "toy.csv"\n'
        '[optimizer]\nlearning_rat = 1e-4\nbatch_size = "many"\n[budget]\nepochs = -1\n'
    )
    yield Case(what="a recipe with five mistakes", make=both(data, text("five.toml", five)), command=("train", "--recipe", "five.toml"),
               says=("5 problems", "learning_rat'", "many", "epochs", "seed", "text-clasification"))  # fmt: skip
    yield Case(what="a recipe that is no TOML", make=text("r.toml", 'task = "text'), command=("train", "--recipe", "r.toml"),
               says=("r.toml is no TOML", "line 1"))  # fmt: skip
    yield Case(what="pickled weights only", make=both(data, pickled_model), says=("pickled weights can run code",),
               command=("train", "toy.csv", "--model", "pickled"))  # fmt: skip
    yield Case(what="unknown command", make=data, command=("trian", "toy.csv"), code=2, says=("invalid choice",))
    yield Case(what="--resume and new settings", make=run_directory(), command=("train", "--resume", "run", "--set", "seed=1"),
               says=("--set as well",))  # fmt: skip


def use_cases() -> Iterator[Case]:
    """A good run, used wrongly."""
    run = run_directory()
    out = ("--out", "p.csv")
    renamed = both(run, table("new.csv", header=("id", "remark", "kind")))
    yield Case(what="text column named otherwise", make=renamed, command=("predict", "run", "new.csv", *out),
               says=("new.csv", "'remark'", "--text"))  # fmt: skip
    yield Case(what="the same, with --text", make=renamed, command=("predict", "run", "new.csv", "--text", "remark", *out),
               code=0, makes=("p.csv",))  # fmt: skip
    misspelt = both(run, lambda f: (f / "new.csv").write_text((f / "toy.csv").read_text().replace(",sport", ",sprot")))
    yield Case(what="a label the model does not know", make=misspelt, command=("evaluate", "run", "new.csv"), code=0,
               says=("40 without a known label", "'sprot'"))  # fmt: skip
    strange = both(run, text("new.csv", "text,topic\n" + "".join(f"some text,label {i}\n" for i in range(500)) * 2))
    yield Case(
        what="500 labels, all unknown", make=strange, command=("evaluate", "run", "new.csv"), says=("and 488 more",)
    )
    yield Case(what="predictions over their own input", make=run, command=("predict", "run", "toy.csv", "--out", "toy.csv"),
               says=("Name a new one",))  # fmt: skip
    yield Case(what="predictions into a folder", make=both(run, lambda f: (f / "d.csv").mkdir()),
               command=("predict", "run", "toy.csv", "--out", "d.csv"), says=("the folder d.csv",))  # fmt: skip
    yield Case(what="predictions of no known format", make=run, command=("predict", "run", "toy.csv", "--out", "p.xlsx"),
               says=(".csv, .jsonl or .parquet",))  # fmt: skip
    yield Case(what="a file as run directory", make=run, command=("predict", "toy.csv", "toy.csv"), says=("a file",))
    yield Case(what="no such run", make=run, command=("evaluate", "nosuch"), says=("no such folder",))
    yield Case(what="--out in another folder", make=both(table(), lambda f: (f / "photos").mkdir(), text("photos/a.png", "x")),
               command=train("toy.csv", "--out", "photos"), says=("holds a.png", "overwritten"))  # fmt: skip
    yield Case(
        what="--out is a file",
        make=table(),
        command=train("toy.csv", "--out", "toy.csv"),
        says=("a file in its place",),
    )
    yield Case(
        what="--out is a finished run", make=run, command=train("toy.csv", "--out", "run"), says=("a completed run",)
    )
    yield Case(what="--out is another, stopped run", make=run_directory(which="stopped"), says=("another recipe",),
               command=train("toy.csv", "--out", "run", "--set", "seed=5"))  # fmt: skip
    yield Case(what="data changed between stop and resume", make=run_directory(lambda r: _change(r.parent), "stopped"),
               command=("train", "--resume", "run"), says=("has changed",), changes=("run/events.jsonl",))  # fmt: skip
    yield Case(what="data deleted between stop and resume", make=run_directory(lambda r: (r.parent / "toy.csv").unlink(), "stopped"),
               command=("train", "--resume", "run"), says=("no such file",), changes=("run/events.jsonl",))  # fmt: skip


def damage_cases() -> Iterator[Case]:
    """Corrupt or half-written run directories."""
    resume, evaluate, predict = (
        ("train", "--resume", "run"),
        ("evaluate", "run"),
        ("predict", "run", "toy.csv", "--out", "p.csv"),
    )
    whole = ("run/*",)
    for what, damage, command, code, says in (
        ("an empty folder", only(), evaluate, 1, "without recipe.toml"),
        ("only recipe.toml", only("recipe.toml"), evaluate, 1, "Resume the run"),
        ("only recipe.toml", only("recipe.toml"), resume, 0, "Evaluated on"),
        ("recipe.toml cut", cut("recipe.toml"), resume, 1, "recipe.toml"),
        ("recipe.toml cut", cut("recipe.toml"), ("runs", "."), 0, "damaged"),
        ("recipe.toml is binary", text("recipe.toml", b"\xff\x00"), predict, 1, "recipe.toml is no TOML"),
        ("environment.json cut", cut("environment.json"), resume, 1, "environment.json"),
        ("events.jsonl torn", cut("events.jsonl"), ("runs", "."), 0, "completed"),
        ("model.safetensors cut", cut("model/model.safetensors"), predict, 1, "model.safetensors"),
        ("model.safetensors cut", cut("model/model.safetensors"), resume, 1, "or delete"),
        ("model.safetensors missing", gone("model/model.safetensors"), predict, 1, "model.safetensors"),
        ("model folder missing", gone("model"), predict, 1, "whole model"),
        ("model folder missing", gone("model"), resume, 0, "Evaluated on"),
        ("metrics.json cut", cut("metrics.json"), evaluate, 1, "metrics.json"),
        ("metrics.json cut", cut("metrics.json"), resume, 0, "Evaluated on"),
        ("metrics.json missing", gone("metrics.json"), evaluate, 1, "metrics.json"),
        ("manifest.json missing", gone("manifest.json"), resume, 0, "Evaluated on"),
        ("manifest.json cut", cut("manifest.json"), predict, 1, "Delete that file"),
        ("predictions cut", cut("predictions/test.parquet"), resume, 0, "Evaluated on"),
    ):
        free = whole if command == resume and code == 0 else ()
        yield Case(what=f"finished run, {what}", make=run_directory(damage), command=command, code=code, says=(says,),
                   makes=free, changes=free)  # fmt: skip
    for what, damage, code, says in (
        (
            "newest checkpoint half-written",
            newest_checkpoint(lambda c: gone("trainer_state.json")(c)),
            0,
            "is damaged and not used",
        ),
        ("newest optimizer.pt cut", newest_checkpoint(cut("optimizer.pt")), 0, "is damaged and not used"),
        ("no checkpoints left", gone("checkpoints"), 0, "Evaluated on"),
        ("recipe.toml cut", cut("recipe.toml"), 1, "cut or changed"),
        ("environment.json missing", gone("environment.json"), 0, "Evaluated on"),
        ("events.jsonl torn", cut("events.jsonl"), 0, "Evaluated on"),
    ):
        free = whole if code == 0 else ()
        yield Case(what=f"stopped run, {what}", make=run_directory(damage, "stopped"), command=resume, code=code,
                   says=(says,), makes=free, changes=free)  # fmt: skip


def disk_cases() -> Iterator[Case]:
    """Disks that are full or may not be written."""
    run = run_directory()
    cache = (("LABKIT_CACHE", "disk/cache"),)
    for mount, says in (("full", "full disk"), ("read-only", "ead-only")):
        yield Case(what=f"run directory on a {mount} disk", make=table(), command=train("toy.csv", "--out", "disk/run"),
                   says=(says,), mount=mount)  # fmt: skip
        yield Case(what=f"cache on a {mount} disk", make=table(), command=check("toy.csv"), says=(says, "LABKIT_CACHE"),
                   mount=mount, environment=cache)  # fmt: skip
        yield Case(what=f"predictions onto a {mount} disk", make=run, command=("predict", "run", "toy.csv", "--out", "disk/p.csv"),
                   says=(says,), mount=mount)  # fmt: skip
    for what, command in (
        ("answer to a full disk", ("models",)),
        ("predictions to a full disk", ("predict", "run", "toy.csv")),
    ):
        yield Case(what=what, make=run, command=command, says=("full disk",), output="/dev/full")


def _wide() -> str:
    names = [f"column_{i}" for i in range(5000)]
    return "\n".join(
        ",".join(row)
        for row in [["text", *names], *([f"a text {i}", *map(str, range(i, 5000 + i))] for i in range(30))]
    )


def _toy(folder: Path) -> Path:
    table()(folder)
    return folder / "toy.csv"


def _change(folder: Path) -> None:
    path = folder / "toy.csv"
    path.write_text(path.read_text() + "t999,one more text,food\n")


# --- running --------------------------------------------------------------------------------------------------------


def labkit(
    folder: Path, arguments: Sequence[str], environment: Sequence[tuple[str, str]] = (), **options: object
) -> subprocess.Popen[str]:
    """The real command, started in a folder."""
    own = {"OMP_NUM_THREADS": "1", "LABKIT_CACHE": str(folder.parent / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    settings: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-m", "labkit.cli", *arguments],
        cwd=folder, env={**os.environ, **own, **dict(environment)}, start_new_session=True, **settings,
    )  # fmt: skip


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
        if refused:
            return [case.what, f"`{shown}`", "", f"left out: {refused}", ""], []
        before = snapshot(folder)
        sink = Path(case.output).open("w") if case.output else None  # noqa: SIM115  closed below
        process = labkit(folder, case.command, case.environment, **({"stdout": sink} if sink else {}))
        output, errors = process.communicate(timeout=300)
        if sink:
            sink.close()
        after = snapshot(folder)
    output = output or ""
    code = shell_code(process.returncode)
    lost = losses(before, after, case)
    wrong = [f"not said: {word}" for word in case.says if word not in output + errors]
    wrong += [f"exit code {code}, not {case.code}"] if code != case.code else []
    wrong += ["a traceback"] if "Traceback" in output + errors else []
    made = sorted({name.split("/")[0] for name in after if name not in before})
    kept = "; ".join(lost) or ("nothing" + (f" (made: {', '.join(made)})" if made else ""))
    return [case.what, f"`{shown}`", str(code), short(said(output, errors, case), folder), kept], wrong + lost


def short(message: str, folder: Path) -> str:
    """A message for a cell: without the temporary folder, and not longer than a few lines."""
    message = message.replace(f"{folder}/", "").replace(str(folder), ".").replace(str(folder.parent), "..")
    cells = [line.strip() for line in message.splitlines() if line.strip()]
    text_ = " ⏎ ".join(cells)
    text_ = text_ if len(text_) <= 460 else f"{text_[:300]} … {text_[-150:]}"
    return re.sub(r"([|\\<>*_`])", r"\\\1", text_)


# --- interruptions --------------------------------------------------------------------------------------------------

LONG = (
    *("--set", "budget.threads=1", "--set", "budget.precision=float32", "--set", "budget.epochs=30"),
    *("--set", "evaluation.resamples=100", "--set", "optimizer.batch_size=256"),
)
STAGES: tuple[tuple[str, str, float, tuple[int, ...]], ...] = (
    # what, the line on standard error to wait for, seconds after it, signals
    ("while Python starts labkit", "", 0.25, (signal.SIGINT,)),
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
        subprocess.run(["mount", "-o", "remount,rw,size=1500k", str(disk)], check=True)
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
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder, and name it")
    options = parser.parse_args()
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
        cases = [*data_cases(), *name_cases(), *use_cases(), *damage_cases(), *disk_cases()]
        for number, case in enumerate(cases):
            if options.only in case.what:
                show(*row(case, home / f"case-{number}"))
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
