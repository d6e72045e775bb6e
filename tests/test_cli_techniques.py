"""``labkit adapt`` and ``labkit forgetting`` on toy models."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from toys import FILLER, WORDS, toy_recipe, toy_rows, write_csv

from labkit import cli
from labkit.models import build_starter
from labkit.training import train

QUICK = ["--set", "optimizer.learning_rate=1e-2", "--set", "evaluation.baselines=false", "--set"]
QUICK += ["evaluation.resamples=100"]


def raw(path: Path, topics: tuple[str, ...], count: int) -> Path:
    chooser = random.Random(len(topics))
    texts = []
    for i in range(count):
        pair = chooser.sample(WORDS[topics[i % len(topics)]], 2)
        texts.append(" ".join(chooser.choice([*pair, *FILLER[:4]]) for _ in range(16)))
    path.write_text("\n\n".join(texts) + "\n", "utf-8")
    return path


def test_adapting_and_forgetting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = raw(tmp_path / "domain.txt", ("food", "travel"), 120)
    other = raw(tmp_path / "other.txt", ("sport",), 40)
    base = build_starter("bert", text.read_text("utf-8").split("\n\n"), size="tiny")
    out = tmp_path / "out"
    asked = ["adapt", str(text), "--model", str(base.folder), "--general", str(other), "--epochs", "2", *QUICK]
    assert cli.main([*asked, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    told = re.search(r"pseudo_perplexity on domain text: ([\d.]+) \(.*\) before, ([\d.]+) \(.*\) after", said)
    assert told and float(told[2]) < float(told[1]), said
    assert "general text" in said and "to fine-tune it: labkit train DATA --model" in said
    kept = json.loads((out / "adaptation.json").read_text("utf-8"))
    assert float(told[2]) == pytest.approx(kept["after"]["domain"]["value"], rel=1e-2)
    assert cli.main([*asked, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["after"] == kept["after"], "what is there is not made again"
    assert cli.main([*asked, "--method", "causal", "--out", str(out)]) == 1
    assert "another one" in capsys.readouterr().err

    rows = write_csv(tmp_path / "toy.csv", toy_rows(60))
    run = train(toy_recipe(rows, kept["model"], optimizer={"learning_rate": 3e-2}), tmp_path / "run")
    capsys.readouterr()
    assert cli.main(["forgetting", str(run.directory), "--general", str(text)]) == 0
    said = capsys.readouterr().out
    told = re.search(r"pseudo_perplexity on general text: ([\d.]+) \(.*\) before, ([\d.e+]+) \(.*\) after", said)
    assert told and float(told[2]) > float(told[1]), said
    assert cli.main(["forgetting", str(run.directory), "--general", str(text), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["before"]["value"] == pytest.approx(float(told[1]), rel=1e-2)
    assert values["after"]["value"] == pytest.approx(float(told[2]), rel=1e-2)
    many = [{"text": row["text"], "stars": i % 30} for i, row in enumerate(toy_rows(240))]
    rated = write_csv(tmp_path / "rated.csv", many)
    assert cli.main(["forgetting", str(run.directory), "--probe", str(rated)]) == 1
    assert "read it with --no-scores" in capsys.readouterr().err
    assert cli.main(["forgetting", str(run.directory), "--probe", str(rated), "--no-scores"]) == 0
    assert "probe" in capsys.readouterr().out
    assert cli.main(["forgetting", str(run.directory)]) == 1
    assert "--general TEXTS or --probe DATA" in capsys.readouterr().err
