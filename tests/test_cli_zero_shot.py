"""``labkit zero-shot`` on data whose labels are others, missing, or of another kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toys import toy_rows, write_csv

from labkit import cli


def said(folder: Path, model: Path, rows: list[dict[str, str]], *options: str, code: int = 0) -> list[str]:
    path = write_csv(folder / "toy.csv", rows)
    assert cli.main(["zero-shot", str(path), "--model", str(model), *options]) == code
    return [str(path)]


def test_labels_that_are_others_are_named(toy_model: Path, tmp_path: Path, capsys: Any) -> None:
    said(tmp_path, toy_model, toy_rows(30), "--labels", "sports,food,travel")
    out, err = capsys.readouterr()
    assert "nothing is evaluated" in err and "'sport'" in err and "'food'" not in err
    assert len(out.splitlines()) == 30 and "Accuracy" not in out
    said(tmp_path, toy_model, toy_rows(30), "--labels", "a,b", "--json")
    out, err = capsys.readouterr()
    assert "nothing is evaluated" in err and len(json.loads(out)) == 30
    many = [{**row, "topic": f"topic {i % 8}"} for i, row in enumerate(toy_rows(64))]
    said(tmp_path, toy_model, many, "--labels", "a,b")
    assert "and 3 more" in capsys.readouterr().err, "five are named"
    said(tmp_path, toy_model, toy_rows(30), "--labels", "sport,food,travel,weather")
    out, err = capsys.readouterr()
    assert "Accuracy" in out and "nothing is evaluated" not in err


def test_data_without_labels_needs_classes(toy_model: Path, tmp_path: Path, capsys: Any) -> None:
    rows = [{"id": row["id"], "text": row["text"]} for row in toy_rows(30)]
    said(tmp_path, toy_model, rows, code=1)
    err = capsys.readouterr().err
    assert "--labels" in err and "--describe" in err and "got 0" not in err
    said(tmp_path, toy_model, rows, "--labels", "sport,food")
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 30 and "nothing is evaluated" not in err
    said(tmp_path, toy_model, rows, "--labels", "sport", code=1)
    assert "got 1. Name" in capsys.readouterr().err


def test_several_labels_a_row_judge_nothing(toy_model: Path, tmp_path: Path, capsys: Any) -> None:
    rows = [{**row, "topic": f"{row['topic']}|{'long' if i % 2 else 'short'}"} for i, row in enumerate(toy_rows(60))]
    said(tmp_path, toy_model, rows)
    assert "several labels a row" in capsys.readouterr().err


@pytest.mark.parametrize("named", [(), ("--text-pair", "text_pair")])
def test_pairs_are_refused(named: tuple[str, ...], toy_model: Path, tmp_path: Path, capsys: Any) -> None:
    rows = [{"text": row["text"], "text_pair": row["text"][::-1], "label": row["topic"]} for row in toy_rows(30)]
    said(tmp_path, toy_model, rows, *named, code=1)
    err = capsys.readouterr().err
    assert "pairs of texts, in 'text' and 'text_pair'" in err and "--text" in err
    if not named:
        said(tmp_path, toy_model, rows, "--text", "text")
        assert "Accuracy" in capsys.readouterr().out
