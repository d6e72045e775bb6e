"""Bad input at the command line: the message says where, what and what next; nothing that was there is lost."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from desk import GOOD, Desk
from toys import toy_rows, write_csv

from labkit.errors import UnknownName, quoted
from labkit.training import Run

NESTED = "".join(
    json.dumps({**row, "text": {"a": 1} if i == 5 else row["text"]}) + "\n" for i, row in enumerate(toy_rows())
)


# --- data -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", "", ["empty.csv: ", "an empty file", "Check that it was saved"]),
        ("header.csv", "text,topic\n", ["header.csv, line 1: ", "only the header line (text, topic)"]),
        ("binary.csv", random.Random(0).randbytes(3000), ["binary.csv", "binary data", "--encoding 'utf-16'"]),
        ("cut.csv.gz", gzip.compress(GOOD.encode())[:-40], ["cut.csv.gz: ", "truncated", "download it again"]),
        ("ragged.csv", GOOD + "a,b,c\nd\n", ["ragged.csv, line 122: ", "2 fields", "got 3", "double quotes"]),
        ("twice.csv", "text,topic,text\na,b,c\n", ["twice.csv, line 1, column 'text': ", "the 1st and the 3rd"]),
        ("unlabelled.csv", "text\n" + "one text\nanother\n" * 9, ["unlabelled.csv: ", "a label column", "--label '…'"]),
        ("open.csv", GOOD + 'an "open,sport\n"quote,x\n', ["open.csv, line 123: ", "never closed"]),
        ("numbered.csv", "".join(f"{i},{r['text']}\n" for i, r in enumerate(toy_rows())), [", line 1: ", "a header line"]),
        ("broken.jsonl", '{"text": "a"}\n{"text"\n', ["broken.jsonl, line 2: ", "valid JSON"]),
        ("nested.jsonl", NESTED, ["nested.jsonl, line 6, column 'text': ", 'nested values ({"a": 1})']),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)  # fmt: skip
def test_a_file_error_names_the_place(name: str, content: str | bytes, said: list[str], desk: Desk) -> None:
    desk.put(name, content)
    for command in (desk.check(name), desk.train(name)):
        message = desk.refused(*command)
        for part in said:
            assert part in message


def test_a_missing_file_is_told_with_those_like_it(desk: Desk) -> None:
    desk.put("reviews.csv", GOOD)
    assert "no such file. Did you mean 'reviews.csv'?" in desk.refused(*desk.train("review.csv"))
    assert not (desk.home / "runs").exists(), "a mistyped name leaves no run directory behind"


def test_a_folder_without_data_and_a_run_directory(desk: Desk, toy_run: Run) -> None:
    (desk.home / "photos").mkdir()
    assert "photos: Expected a file, or a folder with a file named train.*" in desk.refused(*desk.check("photos"))
    message = desk.refused(*desk.check(toy_run.directory))
    assert "This is a run directory: give the file with the data" in message


def test_a_wrong_delimiter_is_told_the_right_one(desk: Desk) -> None:
    desk.put("semi.csv", GOOD.replace(",", ";"))
    message = desk.refused(*desk.check("semi.csv", "--delimiter", ","))
    assert "semi.csv, line 1: " in message and "--delimiter ';'" in message
    desk.put("tabs.csv", GOOD.replace(",", "\t"))
    assert desk.say(*desk.check("tabs.csv", "--delimiter", r"\t"))[0] == 0


def test_a_wrong_encoding_is_told_the_byte(desk: Desk) -> None:
    desk.put("accents.csv", GOOD.replace("soup", "soupé"))
    message = desk.refused(*desk.check("accents.csv", "--encoding", "ascii"))
    assert "accents.csv, line " in message and "the byte 0xc3" in message and "--encoding" in message


def test_one_class(desk: Desk) -> None:
    desk.put("one.csv", re.sub(",(food|travel)", ",sport", GOOD))
    message = desk.refused(*desk.train("one.csv"))
    assert "one.csv: " in message and "one class only ('sport')" in message and "labkit check one.csv" in message


def test_test_labels_that_training_never_sees(desk: Desk) -> None:
    desk.put("train.csv", GOOD)
    desk.put("test.csv", re.sub(",(food|travel|sport)", r",my \1", GOOD))
    message = desk.refused(*desk.train("train.csv", "--test", "test.csv"))
    assert "No label of the test split occurs in the training split" in message


def test_missing_labels_are_told_and_the_repair_works(desk: Desk) -> None:
    desk.put("holes.csv", GOOD + ",sport\nhello there,\n")
    code, _, err = desk.say(*desk.check("holes.csv"))
    assert code == 0 and "1 of 122 rows have no label" in err
    message = desk.refused(*desk.train("holes.csv"))
    assert "drop_unlabelled (data.repairs" in message
    code, out, _ = desk.say(*desk.train("holes.csv", "--set", "data.repairs=drop_unlabelled"))
    assert code == 0 and "Evaluated on" in out


def test_odd_data_that_must_work(desk: Desk) -> None:
    """A text of 300,000 characters, numbers and nothing among the texts, a class with one row."""
    rows: list[dict[str, Any]] = [*toy_rows(), {"id": "long", "text": "x " * 150_000, "topic": "sport"}]
    rows += [{"id": "n", "text": 5, "topic": "food"}, {"id": "m", "text": None, "topic": "food"}]
    rows += [{"id": "lone", "text": "on its own", "topic": "lonely"}]
    desk.put("odd.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    code, out, _ = desk.say(*desk.train("odd.jsonl", "--out", "run"))
    assert code == 0 and "4 classes" in out
    code, _, err = desk.say("predict", "run", "odd.jsonl", "--out", "p.csv")
    assert code == 0 and "124 rows labelled" in err
    _, _, err = desk.say(*desk.check("odd.jsonl"))
    assert "1 missing values in 'text'" in err and "1 values of 'text' were no strings" in err


def test_thousands_of_classes_work(desk: Desk) -> None:
    desk.put(
        "many.csv", "text,label\n" + "".join(f"team {i} word {j},class {i}\n" for i in range(5000) for j in range(2))
    )
    code, out, _ = desk.say(*desk.check("many.csv"))
    assert code == 0 and "5,000 classes" in out
    brief = ("budget.max_steps=1", "evaluation.baselines=false", "data.test_share=0.02", "data.validation_share=0.01")
    code, out, _ = desk.say(*desk.train("many.csv"), *(part for one in brief for part in ("--set", one)))
    assert code == 0 and "5,000 classes" in out
    assert len(out) < 10_000, "a report stays readable"


def test_messages_stay_readable(desk: Desk, toy_run: Run) -> None:
    names = [f"column_{i}" for i in range(5000)]
    desk.put(
        "wide.csv",
        "\n".join(
            [",".join(["text", *names]), *(",".join([f"text {i}", *map(str, range(i, 5000 + i))]) for i in range(9))]
        ),
    )
    for command in (desk.check("wide.csv"), desk.check("wide.csv", "--text", "colum_77")):
        assert len(desk.refused(*command)) < 3000
    desk.put("labels.csv", "text,topic\n" + "".join(f"a text,{'label ' * 9}{i}\n" for i in range(500)) * 2)
    message = desk.refused("evaluate", toy_run.directory, "labels.csv")
    assert "labels that the model knows ('food', 'sport', 'travel')" in message and "and 488 more" in message
    assert quoted(["a", "b", "c"], most=2) == "'a', 'b' and 1 more"
    assert len(str(UnknownName("column", "x" * 9000, ["y" * 9000] * 9000))) < 10_000


def test_names_that_are_no_text_or_too_long(desk: Desk) -> None:
    raw = os.fsdecode(b"caf\xe9.csv")
    with contextlib.suppress(OSError, UnicodeError):  # not every file system takes such a name
        (desk.home / raw).write_text(GOOD)
    message = desk.refused(*desk.check(raw))
    assert "names in UTF-8" in message and r"caf\xe9.csv" in message and "Rename" in message
    long = "a" * 300
    for command in (
        desk.check(f"{long}.csv"),
        ("train", "x.csv", "--model", long),
        ("train", "--recipe", long),
        ("evaluate", long),
        ("runs", long),
    ):
        assert "too long" in desk.refused(*command)
    desk.put("thé ☕ é.csv", GOOD)
    assert desk.say(*desk.check("thé ☕ é.csv"))[0] == 0


# --- names and settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "minlm"], ["Did you mean 'minilm'?", "Valid names: bert-base-uncased", "A hub id"]),
        (["--model", "gpt-4"], ["not public", "alternatives"]),
        (["--model", "some/model"], ["'some/model'", "no answer", "vailable offline: minilm"]),
        (["--model", "./model"], ["'./model'", "no such folder"]),
        (["--model", ""], ["config.json"]),
        (["--task", "text-clasification"], ["Did you mean 'text-classification'?"]),
        (["--text", "txt"], ["Did you mean 'text'?", "id, text, topic", "toy.csv"]),
        (["--label", ","], ["the name of a column behind --label"]),
        (["--set", "optimizer.learning_rat=1"], ["[optimizer] 'learning_rat'", "Did you mean 'learning_rate'?"]),
        (["--set", "learning_rate=1"], ["Did you mean 'optimizer.learning_rate'?"]),
        (["--set", "seed=-1", "--set", "budget.epochs=nan", "--set", "optimizer.batch_size=99999999"],
         ["3 problems", "seed must be at least 0 and at most 4294967295", "nan", "99999999"]),
        (["--set", "evaluation.slices=author"], ["evaluation.slices names 'author'", "'length'"]),
        (["--set", "data.repairs=drop_unlabeled"], ["Did you mean 'drop_unlabelled'?"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value[0].startswith("--") else "",
)  # fmt: skip
def test_names_and_settings(arguments: list[str], said: list[str], desk: Desk, empty_hub: Path) -> None:
    write_csv(desk.home / "toy.csv", toy_rows())
    model = () if "--model" in arguments else ("--model", desk.model)
    message = desk.refused("train", "toy.csv", *model, *arguments)
    for part in said:
        assert part in message
    assert not (desk.home / "runs").exists()


def test_a_recipe_with_five_mistakes_names_all_five(desk: Desk) -> None:
    desk.put(
        "five.toml",
        'task = "text-clasification"\nseed = -3\n[data]\ntrain = "toy.csv"\n'
        '[optimizer]\nlearning_rat = 1e-4\nbatch_size = "many"\n[budget]\nepochs = -1\n',
    )
    message = desk.refused("train", "--recipe", "five.toml")
    assert "5 problems" in message
    for part in ("'learning_rat'", "'learning_rate'", "'many'", "budget.epochs", "seed", "'text-classification'"):
        assert part in message
    assert len(message.splitlines()) == 6


def test_pickled_weights_are_refused(desk: Desk) -> None:
    desk.put("toy.csv", GOOD)
    shutil.copytree(desk.model, desk.home / "pickled")
    (desk.home / "pickled" / "model.safetensors").rename(desk.home / "pickled" / "pytorch_model.bin")
    message = desk.refused("train", "toy.csv", "--model", "pickled")
    assert "pytorch_model.bin" in message and "pickled weights can run code" in message


def test_resume_takes_no_other_settings(desk: Desk, toy_run: Run) -> None:
    message = desk.refused("train", "toy.csv", "--resume", toy_run.directory, "--set", "seed=1")
    assert "DATA, --set as well" in message and "without --resume" in message


@pytest.mark.parametrize("minutes", ["0", "-3", "nan", "inf"])
def test_minutes_that_are_none(minutes: str, desk: Desk) -> None:
    desk.put("toy.csv", GOOD)
    assert "minutes above 0" in desk.refused("models", "--for", "toy.csv", "--minutes", minutes)


# --- using a run ----------------------------------------------------------------------------------------------------


def test_predictions_never_go_over_their_input(desk: Desk, toy_run: Run) -> None:
    desk.put("toy.csv", GOOD)
    (desk.home / "again.csv").symlink_to("toy.csv")
    for out in ("toy.csv", desk.home / "toy.csv", "again.csv"):
        assert "the file with the texts" in desk.refused("predict", toy_run.directory, "toy.csv", "--out", out)
    (desk.home / "folder.csv").mkdir()
    for out, said in (
        ("folder.csv", "the folder folder.csv"),
        ("p.xlsx", ".csv, .jsonl or .parquet"),
        ("none/p.csv", "Make it first"),
        ("toy.csv/p.csv", "no folder"),
    ):
        assert said in desk.refused("predict", toy_run.directory, "toy.csv", "--out", out)


def test_a_text_column_of_another_name(desk: Desk, toy_run: Run) -> None:
    desk.put("new.csv", GOOD.replace("text,topic", "remark,kind"))
    for command in (("predict", toy_run.directory, "new.csv"), ("evaluate", toy_run.directory, "new.csv")):
        message = desk.refused(*command)
        assert "new.csv: Expected the texts in the column 'text', as in the run's data" in message
        assert "'remark', 'kind'" in message and "--text '…'" in message
        code, out, _ = desk.say(*command, "--text", "remark")
        assert code == 0 and out
        assert "Did you mean 'remark'?" in desk.refused(*command, "--text", "remarks")
    assert desk.say("evaluate", toy_run.directory, "new.csv", "--text", "remark", "--label", "kind")[0] == 0
    assert "--text, --text-pair, --label and --labels" in desk.refused(
        "evaluate", toy_run.directory, "--text", "remark"
    )


def test_labels_that_the_model_does_not_know_are_named(desk: Desk, toy_run: Run) -> None:
    desk.put("new.csv", GOOD.replace(",sport", ",sprot"))
    code, out, _ = desk.say("evaluate", toy_run.directory, "new.csv")
    assert code == 0 and "40 without a known label left out" in out
    assert "Labels that the model does not know: 'sprot'." in out


@pytest.mark.parametrize("out", ["photos", "toy.csv", "run"])
def test_a_run_directory_that_is_taken(out: str, desk: Desk, toy_run: Run) -> None:
    desk.put("toy.csv", GOOD)
    (desk.home / "photos").mkdir()
    desk.put("photos/a.png", "x")
    shutil.copytree(toy_run.directory, desk.home / "run")
    said = {"photos": "holds a.png", "toy.csv": "a file in its place", "run": "a completed run"}[out]
    assert said in desk.refused(*desk.train("toy.csv", "--out", out))


def test_a_mended_command_may_use_the_same_directory(desk: Desk) -> None:
    desk.put("toy.csv", GOOD)
    assert "Did you mean" in desk.refused(*desk.train("toy.cvs", "--out", "run"))
    assert desk.say(*desk.train("toy.csv", "--out", "run"))[0] == 0


def test_a_tour_goes_into_a_folder_of_its_own(desk: Desk) -> None:
    desk.put("toy.csv", GOOD)
    for out in ("toy.csv", "toy.csv/x"):
        assert "a file in its place" in desk.refused("tour", "--out", out)
    (desk.home / "earlier").mkdir()
    desk.put("earlier/00_quickstart.ipynb", "{}")
    assert "an earlier tour" in desk.refused("tour", "--out", "earlier")
