"""Teachers that label texts, and those that cannot: on toy models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toys import toy_recipe, toy_rows, write_csv
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from labkit.data import load
from labkit.errors import RecipeError
from labkit.models import build_starter
from labkit.training import Run, train
from labkit.training._distill import with_unlabelled


def taught(teacher: Path, data: Path, model: Path, **distillation: Any) -> Any:
    return toy_recipe(data, model, distillation={"teacher": str(teacher), **distillation}, budget={"epochs": 1})


def tagger(model: Path, folder: Path) -> Path:
    rows = [{"tokens": ["we", "the", f"{i}"], "tags": ["O", "B-X", "O"]} for i in range(60)]
    path = folder / "tags.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    made = toy_recipe(path, model, task="token-classification", budget={"epochs": 1})
    return train(made, folder / "tagger").directory


def rater(model: Path, folder: Path) -> Path:
    rows = [{**row, "topic": str(40 + 5 * len(row["text"].split()))} for row in toy_rows(60)]
    path = write_csv(folder / "scores.csv", rows)
    return train(toy_recipe(path, model, data={"scores": True}, budget={"epochs": 1}), folder / "rater").directory


def stranger(model: Path, folder: Path) -> Path:
    base = build_starter("bert", [row["text"] for row in toy_rows(90)], size="tiny")
    path = write_csv(folder / "rows.csv", toy_rows(60))
    return train(toy_recipe(path, base.folder, budget={"epochs": 1}), folder / "stranger").directory


def wide(model: Path, folder: Path) -> Path:
    tokenizer = BertTokenizerFast.from_pretrained(model)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64, id2label=dict(enumerate(["food", "sport", "travel"])),
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder / "wide")
    tokenizer.save_pretrained(folder / "wide")
    return folder / "wide"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (tagger, r"trained for token-classification, and this recipe is for text-classification"),
        (rater, r"'food', 'sport', 'travel' is only in one of them"),
        (stranger, r"same tokenizer"),
        (wide, r"32 wide here and 64 in the teacher"),
    ],
)
def test_a_teacher_is_looked_at_before_it_labels_texts(
    make: Any, said: str, toy_model: Path, toy_data: Path, tmp_path: Path
) -> None:
    """The message is that without texts to label, and nobody has looked for those."""
    lead = make(toy_model, tmp_path)
    told = []
    for unlabelled in ("", str(tmp_path / "nowhere.csv")):
        with pytest.raises(RecipeError, match=said) as caught:
            train(taught(lead, toy_data, toy_model, hidden=1.0, unlabelled=unlabelled), tmp_path / f"run{len(told)}")
        told.append(str(caught.value))
    assert told[0] == told[1]


def test_a_teacher_of_several_labels_teaches_no_student_of_one(toy_model: Path, toy_data: Path, tmp_path: Path) -> None:
    rows = [{**row, "topic": "food|sport" if i % 7 == 0 else row["topic"]} for i, row in enumerate(toy_rows(90))]
    path = write_csv(tmp_path / "several.csv", rows)
    made = toy_recipe(path, toy_model, data={"label_separator": "|", "multi_label": True}, budget={"epochs": 1})
    several = train(made, tmp_path / "several").directory
    more = tmp_path / "more.txt"
    more.write_text("soup and bread again\n", "utf-8")
    for number, unlabelled in enumerate(("", str(more))):
        with pytest.raises(RecipeError, match=r"gives a text several labels, and a row of the data has one label"):
            train(taught(several, toy_data, toy_model, unlabelled=unlabelled), tmp_path / f"run{number}")


@pytest.mark.parametrize("place", ["run", "model", "home"])
def test_a_model_folder_labels_texts_as_its_run_does(
    place: str, toy_run: Run, toy_model: Path, toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(toy_run.directory.parent))
    where = {
        "run": toy_run.directory,
        "model": toy_run.model_folder,
        "home": Path("~") / toy_run.directory.name / "model",
    }
    rows = toy_rows(30, seed=5)
    more = tmp_path / "more.txt"
    more.write_text("".join(f"{row['text']} now\n" for row in rows), "utf-8")
    made = taught(where[place], toy_data, toy_model, unlabelled=str(more))
    corpus = with_unlabelled(load(made.data), made)
    labels = [row["label"] for row in corpus["train"] if row["row_id"].startswith("unlabelled:")]
    assert sum(label == row["topic"] for label, row in zip(labels, rows, strict=True)) > 25
    assert train(made, tmp_path / "run").status == "completed"
