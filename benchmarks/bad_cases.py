"""The bad inputs of ``bad_inputs.py``: how each is made, the command that meets it, and what must be said."""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
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
MODEL_SET = ("--set", f"model.name={MODEL[1]}")
QUICK = (
    *("--set", "budget.threads=1", "--set", "budget.precision=float32", "--set", "budget.epochs=2"),
    *("--set", "evaluation.resamples=100"),
)

Make = Callable[[Path], object]


@dataclass(frozen=True)
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


def did(*command: str) -> Make:
    """A command that went well before."""

    def make(folder: Path) -> None:
        own = {"OMP_NUM_THREADS": "1", "LABKIT_CACHE": str(folder.parent / "cache")}
        subprocess.run(
            [sys.executable, "-m", "labkit.cli", *command],
            cwd=folder,
            env={**os.environ, **own},
            check=True,
            capture_output=True,
        )

    return make


def other_weights(name: str) -> Make:
    """A model folder whose last weight is another."""

    def make(folder: Path) -> None:
        file = folder / name / "model.safetensors"
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

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
    from transformers.utils import logging

    logging.disable_progress_bar()
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
    yield Case("missing file", table("toys.csv"), train("toy.csv"), says=("toy.csv", "'toys.csv'"))
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
        yield Case(what, text(name, content), check(name), says=(name, says))
    yield Case(
        "one class",
        text("o.csv", re.sub(",(food|travel)", ",sport", good)),
        train("o.csv"),
        says=("o.csv", "one class only"),
    )
    yield Case("a folder without data", lambda f: (f / "photos").mkdir(), check("photos"), says=("photos",))
    yield Case("a run directory as data", run_directory(), train("run"), says=("is a run directory",))
    yield Case(
        "wrong delimiter asked for",
        table(delimiter=";"),
        check("toy.csv", "--delimiter", ","),
        says=("line 1", "--delimiter ';'"),
    )
    yield Case(
        "semicolons in a .tsv", table("toy.tsv", delimiter=";"), check("toy.tsv"), code=0, says=("Delimiter ';'",)
    )
    yield Case(
        "wrong encoding asked for",
        text("u.csv", good.replace("soup", "soupé")),
        check("u.csv", "--encoding", "ascii"),
        says=("u.csv", "line", "byte 0xc3"),
    )
    rows = toy_rows()
    nested: list[dict[str, object]] = [
        {**row, "text": {"a": 1} if i == 5 else row["text"]} for i, row in enumerate(rows)
    ]
    yield Case(
        "a nested value as text",
        lines("v.jsonl", nested),
        check("v.jsonl"),
        says=("v.jsonl", "line 6", "column 'text'"),
    )
    other: list[dict[str, object]] = [{**row, "text": i if i % 10 == 0 else row["text"]} for i, row in enumerate(rows)]
    yield Case(
        "numbers among the texts",
        lines("s.jsonl", other),
        train("s.jsonl"),
        code=0,
        makes=("runs/*",),
        says=("Evaluated on",),
    )
    missing = good + ",sport\nhello there,\n"
    yield Case(
        "missing text, missing label",
        text("m.csv", missing),
        check("m.csv"),
        code=0,
        says=("1 of 122 rows have no label", "empty"),
    )
    yield Case("the same, trained on", text("m.csv", missing), train("m.csv"), says=("drop_unlabelled",))
    yield Case(
        "the same, repaired",
        text("m.csv", missing),
        train("m.csv", "--set", "data.repairs=drop_unlabelled"),
        code=0,
        makes=("runs/*",),
        says=("Evaluated on",),
    )
    yield Case(
        "a text of 300,000 characters",
        text("l.csv", good + "x " * 150_000 + ",sport\n"),
        train("l.csv"),
        code=0,
        makes=("runs/*",),
        says=("Evaluated on",),
    )
    yield Case(
        "a class with one row",
        text("c.csv", good + "one lone text,lonely\n"),
        train("c.csv"),
        code=0,
        makes=("runs/*",),
        says=("4 classes",),
    )
    many = "text,topic\n" + "".join(f"word{i} goal team {j},class {i}\n" for i in range(5000) for j in range(2))
    yield Case(
        "5,000 classes of two rows",
        text("k.csv", many),
        train("k.csv", "--set", "budget.max_steps=3"),
        code=0,
        makes=("runs/*",),
        says=("5,000 classes",),
    )
    yield Case(
        "a file name that is not UTF-8",
        lambda f: shutil.copy(_toy(f), os.fsencode(f) + b"/caf\xe9.csv"),
        check(os.fsdecode(b"caf\xe9.csv")),
        says=("UTF-8",),
        code=1,
    )
    yield Case("a file name of 300 letters", table(), check("a" * 300), says=("too long",))
    strange = both(table(), text("test.csv", good.replace(",", ",new ").replace("text,new ", "text,")))
    yield Case(
        "test labels that training never sees",
        strange,
        train("toy.csv", "--test", "test.csv"),
        says=("No label of the test split",),
    )
    yield Case(
        "a file name with spaces and accents", table("thé é, ☕.csv"), train("thé é, ☕.csv"), code=0, makes=("runs/*",)
    )


def name_cases() -> Iterator[Case]:
    """Names and settings that do not exist or cannot work."""
    data = table()
    closed = (("HF_ENDPOINT", "http://127.0.0.1:9"),)
    for what, command, says in (
        ("unknown model", ("train", "toy.csv", "--model", "minlm"), ("Did you mean 'minilm'?", "Valid names")),
        ("model that nobody can have", ("train", "toy.csv", "--model", "gpt-4"), ("not public", "alternatives")),
        (
            "hub id of a model, no network",
            ("train", "toy.csv", "--model", "some/model"),
            ("offline: minilm", "no answer"),
        ),
        ("hub id of data, no network", ("check", "some/data"), ("no connection",)),
        ("missing model folder", ("train", "toy.csv", "--model", "./model"), ("no such folder",)),
        ("unknown task", train("toy.csv", "--task", "text-clasification"), ("Did you mean 'text-classification'?",)),
        ("unknown card", ("models", "roberta-bas"), ("Did you mean 'roberta-base'?",)),
        ("time that is none", ("models", "--for", "toy.csv", "--minutes", "nan"), ("minutes above 0",)),
        ("unknown text column", train("toy.csv", "--text", "txt"), ("Did you mean 'text'?", "toy.csv")),
        ("unknown setting", train("toy.csv", "--set", "optimizer.learning_rat=1"), ("Did you mean 'learning_rate'?",)),
        ("setting without its section", train("toy.csv", "--set", "seeds=1"), ("Did you mean 'seed'?",)),
        (
            "negative, NaN and huge settings",
            train(
                "toy.csv",
                "--set",
                "seed=-1",
                "--set",
                "optimizer.learning_rate=nan",
                "--set",
                "optimizer.batch_size=99999999",
            ),
            ("3 problems", "seed", "nan", "99999999"),
        ),
        ("column to slice by that is missing", train("toy.csv", "--set", "evaluation.slices=author"), ("'author'",)),
        (
            "a training that diverges",
            train("toy.csv", "--set", "optimizer.learning_rate=1", "--set", "optimizer.epsilon=0"),
            ("diverged", "learning_rate"),
        ),
    ):
        makes = ("runs/*",) if "diverges" in what else ()
        yield Case(what, data, command, says=says, environment=closed, makes=makes)
    five = (
        'task = "text-clasification"\nseed = -3\n[data]\ntrain = "toy.csv"\n'
        '[optimizer]\nlearning_rat = 1e-4\nbatch_size = "many"\n[budget]\nepochs = -1\n'
    )
    yield Case(
        "a recipe with five mistakes",
        both(data, text("five.toml", five)),
        ("train", "--recipe", "five.toml"),
        says=("5 problems", "learning_rat'", "many", "epochs", "seed", "text-clasification"),
    )
    yield Case(
        "a recipe that is no TOML",
        text("r.toml", 'task = "text'),
        ("train", "--recipe", "r.toml"),
        says=("r.toml is no TOML",),
    )
    yield Case(
        "pickled weights only",
        both(data, pickled_model),
        ("train", "toy.csv", "--model", "pickled"),
        says=("pickled weights can run code",),
    )
    yield Case("unknown command", data, ("trian", "toy.csv"), code=2, says=("invalid choice",))
    yield Case(
        "--resume and new settings",
        run_directory(),
        ("train", "--resume", "run", "--set", "seed=1"),
        says=("--set as well",),
    )


def technique_cases() -> Iterator[Case]:
    """Techniques that exclude each other or do not fit the model, the data or what was begun."""
    data = table()

    def asks(*settings: str) -> tuple[str, ...]:
        return train("toy.csv", *(part for setting in settings for part in ("--set", setting)))

    for what, command, says in (
        (
            "unfreezing and an adapter",
            asks("technique.trainable=lora", "technique.gradual=true"),
            ("gradual", "'lora' freezes anyway"),
        ),
        (
            "smoothing and the ordinal loss",
            asks("technique.loss=ordinal", "technique.label_smoothing=0.1"),
            ("label_smoothing does not go with technique.loss = 'ordinal'",),
        ),
        (
            "pairs without a head of labkit's",
            asks("technique.contrastive=20"),
            ("technique.contrastive", "model.pooling"),
        ),
        (
            "LoRA on a layer that is not there",
            asks("technique.trainable=lora", "adapter.targets=qery"),
            ("no linear map 'qery'", "query"),
        ),
        ("more layers than there are", asks("model.layers=9"), ("model.layers must be at most 2",)),
        ("a way to augment with a typo", asks("data.augment=typo"), ("Did you mean 'typos'?",)),
        (
            "a template of names without a place",
            asks("data.name_texts=2", "data.name_template=about it"),
            ("data.name_template", "{}"),
        ),
        ("words filled in by no model", asks("data.augment=substitute"), ("data.augment_model",)),
        ("a teacher that is not there", asks("distillation.teacher=nobody"), ("nobody",)),
        (
            "texts without a teacher for them",
            asks("distillation.unlabelled=toy.csv"),
            ("labelled by a teacher",),
        ),
        (
            "more folds than the smallest class has rows",
            ("cross-validate", "toy.csv", "--folds", "41", "--out", "cv", *MODEL_SET, *QUICK),
            ("at least 41 rows of each class", "40 of"),
        ),
        (
            "a search space with a typo",
            ("search", "toy.csv", "--space", "optimizer.learning_rat=1e-5..1e-3 log", "--out", "s", *MODEL_SET, *QUICK),
            ("Did you mean 'learning_rate'?",),
        ),
        (
            "a range from high to low",
            ("search", "toy.csv", "--space", "optimizer.warmup=0.5..0.1", "--out", "s", *MODEL_SET, *QUICK),
            ("optimizer.warmup",),
        ),
        ("one recipe to compare", ("compare", "toy.csv", "--seeds", "1", "--out", "c"), ("1 recipe and 1 seed",)),
    ):
        yield Case(what, data, command, says=says)
    study = ("search", "toy.csv", "--trials", "1", "--out", "s", *MODEL_SET, *QUICK)
    first, second = (("--space", f"optimizer.learning_rate={values}") for values in ("1e-3,1e-2", "1e-4,1e-2"))
    yield Case(
        "a study resumed with another space",
        both(data, did(*study, *first)),
        (*study, *second),
        says=("another space", "another folder"),
        changes=("s/.lock",),
    )
    yield Case(
        "a comparison gone on with after the data changed",
        both(data, did("compare", "toy.csv", "--seeds", "2", "--out", "c", *MODEL_SET, *QUICK), _change),
        ("compare", "toy.csv", "--seeds", "2", "--out", "c", *MODEL_SET, *QUICK),
        says=("has changed since",),
    )
    alone = ("--set", "technique.trainable=lora", "--set", "adapter.merge=false")
    beside = ("train", "toy.csv", "--model", "base", "--out", "thin", *alone, *QUICK)
    for what, damage, said in (
        ("an adapter loaded on the wrong base", other_weights("base"), ("other weights under that name",)),
        ("an adapter whose base is gone", gone("base"), ("none there", "adapter.json")),
    ):
        copied = both(data, lambda folder: shutil.copytree(folder.parent / "model", folder / "base"))
        yield Case(
            what, both(copied, did(*beside), damage), ("predict", "thin", "toy.csv", "--out", "p.csv"), says=said
        )
    others = "text,topic\n" + "".join(f"the soup {i},{'red' if i % 2 else 'blue'}\n" for i in range(60))
    yield Case(
        "a teacher of other classes",
        both(run_directory(), text("o.csv", others)),
        ("train", "o.csv", "--set", "distillation.teacher=run", *MODEL, *QUICK),
        says=("other classes than the data",),
        makes=("runs/*",),
    )


def use_cases() -> Iterator[Case]:
    """A good run, used wrongly."""
    run = run_directory()
    out = ("--out", "p.csv")
    renamed = both(run, table("new.csv", header=("id", "remark", "kind")))
    yield Case(
        "text column named otherwise",
        renamed,
        ("predict", "run", "new.csv", *out),
        says=("new.csv", "'remark'", "--text"),
    )
    yield Case(
        "the same, with --text",
        renamed,
        ("predict", "run", "new.csv", "--text", "remark", *out),
        code=0,
        makes=("p.csv",),
    )
    misspelt = both(run, lambda f: (f / "new.csv").write_text((f / "toy.csv").read_text().replace(",sport", ",sprot")))
    yield Case(
        "a label the model does not know",
        misspelt,
        ("evaluate", "run", "new.csv"),
        code=0,
        says=("40 without a known label", "'sprot'"),
    )
    strange = both(run, text("new.csv", "text,topic\n" + "".join(f"some text,label {i}\n" for i in range(500)) * 2))
    yield Case("500 labels, all unknown", strange, ("evaluate", "run", "new.csv"), says=("and 488 more",))
    yield Case(
        "predictions over their own input",
        run,
        ("predict", "run", "toy.csv", "--out", "toy.csv"),
        says=("Name a new one",),
    )
    yield Case(
        "predictions into a folder",
        both(run, lambda f: (f / "d.csv").mkdir()),
        ("predict", "run", "toy.csv", "--out", "d.csv"),
        says=("the folder d.csv",),
    )
    yield Case(
        "predictions of no known format",
        run,
        ("predict", "run", "toy.csv", "--out", "p.xlsx"),
        says=(".csv, .jsonl or .parquet",),
    )
    yield Case("a file as run directory", run, ("predict", "toy.csv", "toy.csv"), says=("a file",))
    yield Case("no such run", run, ("evaluate", "nosuch"), says=("no such folder",))
    yield Case(
        "--out in another folder",
        both(table(), lambda f: (f / "photos").mkdir(), text("photos/a.png", "x")),
        train("toy.csv", "--out", "photos"),
        says=("holds a.png", "overwritten"),
    )
    yield Case("--out is a file", table(), train("toy.csv", "--out", "toy.csv"), says=("a file in its place",))
    yield Case("--out is a finished run", run, train("toy.csv", "--out", "run"), says=("a completed run",))
    yield Case(
        "--out is another, stopped run",
        run_directory(which="stopped"),
        train("toy.csv", "--out", "run", "--set", "seed=5"),
        says=("another recipe",),
    )
    yield Case(
        "data changed between stop and resume",
        run_directory(lambda r: _change(r.parent), "stopped"),
        ("train", "--resume", "run"),
        says=("has changed",),
        changes=("run/events.jsonl",),
    )
    yield Case(
        "data deleted between stop and resume",
        run_directory(lambda r: (r.parent / "toy.csv").unlink(), "stopped"),
        ("train", "--resume", "run"),
        says=("no such file",),
        changes=("run/events.jsonl",),
    )


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
        yield Case(
            f"finished run, {what}", run_directory(damage), command, code=code, says=(says,), makes=free, changes=free
        )
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
        yield Case(
            f"stopped run, {what}",
            run_directory(damage, "stopped"),
            resume,
            code=code,
            says=(says,),
            makes=free,
            changes=free or ("run/events.jsonl",),
        )


def disk_cases() -> Iterator[Case]:
    """Disks that are full or may not be written."""
    run = run_directory()
    cache = (("LABKIT_CACHE", "disk/cache"),)
    for mount, says in (("full", "full disk"), ("read-only", "ead-only")):
        yield Case(
            f"run directory on a {mount} disk",
            table(),
            train("toy.csv", "--out", "disk/run"),
            says=(says,),
            mount=mount,
        )
        yield Case(
            f"cache on a {mount} disk",
            table(),
            check("toy.csv"),
            says=(says, "LABKIT_CACHE"),
            makes=("disk/*",),
            mount=mount,
            environment=cache,
        )
        yield Case(
            f"predictions onto a {mount} disk",
            run,
            ("predict", "run", "toy.csv", "--out", "disk/p.csv"),
            says=(says,),
            mount=mount,
        )
    for what, command in (
        ("answer to a full disk", ("models",)),
        ("predictions to a full disk", ("predict", "run", "toy.csv")),
    ):
        yield Case(what, run, command, says=("full disk",), output="/dev/full")


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
