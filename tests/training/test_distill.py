"""Teachers and students, on toy models."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from toys import toy_recipe, toy_rows, write_csv
from transformers import BertForSequenceClassification
from written import tiny_run

from labkit.data import load
from labkit.errors import RecipeError
from labkit.models import build_starter
from labkit.models._layers import spread
from labkit.tasks import Decision, Decisions, asking
from labkit.training import Predictor, Run, train
from labkit.training._distill import Teacher, hidden_distance, with_unlabelled
from labkit.training._recipe import DistillationConfig


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("rows") / "toy.csv", toy_rows(150))


@pytest.fixture(scope="module")
def teacher(data: Path, toy_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = train(toy_recipe(data, toy_model, budget={"epochs": 15}), tmp_path_factory.mktemp("taught") / "teacher")
    assert run.evaluation.headline["accuracy"].value > 0.9
    return run


def student(teacher: Run, data: Path, **sections: Any) -> Any:
    made = toy_recipe(data, teacher.directory, model={"layers": 1}, budget={"epochs": 4}, **sections)
    return made.with_values(distillation={"teacher": str(teacher.directory)})


@pytest.mark.parametrize("hidden", [0.0, 1.0])
def test_a_student_of_fewer_layers(hidden: float, teacher: Run, data: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    made = student(teacher, data).with_values(distillation={"hidden": hidden, "temperature": 3.0})
    run = train(made, tmp_path / "run")
    plain = AutoModelForSequenceClassification.from_pretrained(run.directory / "model")
    assert plain.config.num_hidden_layers == 1 == len(plain.bert.encoder.layer)
    assert run.evaluation.headline["accuracy"].value > 0.8
    assert Predictor.load(run)("the team won").labels == Predictor.load(teacher)("the team won").labels


def test_soft_targets_alone_teach(teacher: Run, data: Path, tmp_path: Path) -> None:
    """With every label of the student's data wrong, and all of the loss the teacher's, it learns what the teacher says."""
    wrong = {"sport": "food", "food": "travel", "travel": "sport"}
    rows = [{**row, "topic": wrong[row["topic"]]} for row in toy_rows(150, seed=3)]
    path = write_csv(tmp_path / "wrong.csv", rows)
    made = student(teacher, path).with_values(distillation={"weight": 1.0}, budget={"epochs": 6})
    run = train(made, tmp_path / "run")
    fresh = toy_rows(60, seed=9)
    said = Predictor.load(run)([row["text"] for row in fresh])
    named = [said.labels[i] for i in said.probabilities.argmax(-1)]
    assert sum(name == row["topic"] for name, row in zip(named, fresh, strict=True)) > 45


def test_texts_without_labels_are_learnt_too(teacher: Run, data: Path, tmp_path: Path) -> None:
    few = write_csv(tmp_path / "few.csv", toy_rows(24))
    more = tmp_path / "more.csv"
    more.write_text("text\n" + "".join(f"{row['text']}\n" for row in toy_rows(120, seed=5)), "utf-8")
    made = student(teacher, few).with_values(distillation={"unlabelled": str(more)})
    run = train(made, tmp_path / "run")
    rows = next(event.rows for event in run.events() if hasattr(event, "rows"))
    assert rows["train"] > 120
    assert "120 texts without labels" in (run.directory / "README.md").read_text("utf-8")


def test_texts_without_labels_stand_in_the_columns_of_the_data(teacher: Run, tmp_path: Path) -> None:
    rows = [{"title": row["text"], "body": "a body that says nothing", "topic": row["topic"]} for row in toy_rows(60)]
    few = write_csv(tmp_path / "few.csv", rows)
    more = write_csv(tmp_path / "more.csv", [{"body": row["body"], "title": f"{row['title']} now"} for row in rows[:9]])
    made = student(teacher, few).with_values(data={"train": str(few), "text": "title", "label": "topic"})
    made = made.with_values(distillation={"unlabelled": str(more)})
    corpus = with_unlabelled(load(made.data), made)
    told = [row["text"] for row in corpus["train"] if row["row_id"].startswith("unlabelled:")]
    assert told and all(text.endswith(" now") for text in told)
    other = write_csv(tmp_path / "other.csv", [{"sentence": "a text of another file"}, {"sentence": "and one more"}])
    made = made.with_values(distillation={"unlabelled": str(other)})
    assert "and one more" in with_unlabelled(load(made.data), made)["train"]["text"], "whose column is found"
    (tmp_path / "raw.txt").write_text("a line of text\nand another\n", "utf-8")
    made = made.with_values(distillation={"unlabelled": str(tmp_path / "raw.txt")})
    assert with_unlabelled(load(made.data), made)["train"]["text"][-2:] == ["a line of text", "and another"]


def test_a_teacher_reads_which_of_two_texts_a_token_is_of(tmp_path: Path) -> None:
    """What its student does not read: a DistilBERT is taught by a BERT."""
    rows = toy_rows(120)
    pairs = [{"one": row["text"], "two": rows[-i]["text"], "topic": row["topic"]} for i, row in enumerate(rows)]
    path = write_csv(tmp_path / "pairs.csv", pairs)
    data = {"train": str(path), "text": "one", "text_pair": "two", "label": "topic"}
    texts = [row["text"] for row in rows]
    bert, distilbert = (build_starter(name, texts, size="tiny").folder for name in ("bert", "distilbert"))
    led = train(toy_recipe(path, bert, data=data, budget={"epochs": 1}), tmp_path / "teacher")
    made = toy_recipe(path, distilbert, data=data, distillation={"teacher": str(led.directory)}, budget={"epochs": 1})
    asked: list[dict[str, Any]] = []
    forward = BertForSequenceClassification.forward

    def note(self: Any, **inputs: Any) -> Any:
        asked.append(inputs)
        return forward(self, **inputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BertForSequenceClassification, "forward", note)
        train(made, tmp_path / "run")
    reads = Predictor.load(led)
    for inputs in asked[:3]:
        for ids, kinds, mask in zip(
            inputs["input_ids"], inputs["token_type_ids"], inputs["attention_mask"], strict=True
        ):
            there = mask.bool()
            ends = (ids[there] == reads.tokenizer.sep_token_id).nonzero()[:, 0].tolist()
            assert len(ends) == 2
            assert kinds[there].tolist() == [0] * (ends[0] + 1) + [1] * (ends[1] - ends[0])


def test_teachers_of_other_tasks(tmp_path: Path) -> None:
    """A language model, and tags of words."""
    wide = tiny_run("raw", tmp_path, epochs=3, name="teacher")
    made = wide.recipe.with_values(
        data={"fingerprint": ""}, model={"name": str(wide.directory), "layers": 1},
        distillation={"teacher": str(wide.directory), "weight": 0.7}, budget={"epochs": 2},
    )  # fmt: skip
    run = train(made, tmp_path / "student")
    assert run.status == "completed" and run.evaluation.headline["perplexity"].value < 100


def test_bad_teachers(teacher: Run, data: Path, toy_model: Path, tmp_path: Path) -> None:
    two = write_csv(tmp_path / "two.csv", [row for row in toy_rows(90) if row["topic"] != "food"])
    with pytest.raises(RecipeError, match=r"'food' is only in one of them"):
        train(student(teacher, two), tmp_path / "a")
    other = build_starter("bert", [row["text"] for row in toy_rows(90)], size="tiny")
    strange = toy_recipe(data, other.folder, distillation={"teacher": str(teacher.directory)})
    with pytest.raises(RecipeError, match="same tokenizer"):
        train(strange, tmp_path / "b")
    with pytest.raises(RecipeError, match="at most 2"):
        train(student(teacher, data).with_values(model={"layers": 3}), tmp_path / "c")
    with pytest.raises(RecipeError, match=r"name distillation\.teacher"):
        toy_recipe(data, toy_model, distillation={"unlabelled": "x.csv"})
    with pytest.raises(RecipeError, match="leave one of the two out"):
        student(teacher, data, technique={"r_drop": 1.0})
    tags = tmp_path / "tags.jsonl"
    tags.write_text(json.dumps({"tokens": ["a", "b"], "tags": ["O", "B-X"]}) + "\n", "utf-8")
    with pytest.raises(RecipeError, match="trained for text-classification"):
        rows = [{"tokens": ["we", "the", f"{i}"], "tags": ["O", "B-X", "O"]} for i in range(60)]
        tags.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        train(student(teacher, tags).with_values(task="token-classification"), tmp_path / "d")


def test_hidden_states_that_cannot_be_compared(teacher: Run, data: Path, toy_model: Path, tmp_path: Path) -> None:
    texts = [row["text"] for row in toy_rows(90)]
    narrow, wide = (build_starter("bert", texts, size=size).folder for size in ("tiny", "small"))
    made = toy_recipe(data, narrow, task="fill-mask", distillation={"teacher": str(wide), "hidden": 1.0})
    with pytest.raises(RecipeError, match=r"which are 32 wide here and 256 in the teacher: set it to 0"):
        train(made, tmp_path / "wide")
    asked = {"teacher": str(teacher.directory), "hidden": 1.0}
    prompted = toy_recipe(data, toy_model, technique={"trainable": "prompt"}, distillation=asked)
    with pytest.raises(RecipeError, match=r"token with token, and a prompt adds some: set it to 0"):
        train(prompted, tmp_path / "prompted")
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(json.dumps({"text": text, "target": text}) + "\n" for text in texts), "utf-8")
    bart = build_starter("bart", texts, size="tiny").folder
    writer = toy_recipe(pairs, bart, task="translation", distillation={"teacher": str(bart), "hidden": 1.0})
    with pytest.raises(RecipeError, match=r"distillation\.hidden is for models with one stack of layers: set it to 0"):
        train(writer, tmp_path / "writer")


def test_a_teacher_that_marks_two_texts_in_another_way(tmp_path: Path) -> None:
    """A published XLNet reads a third kind for its last token; a starter of it reads no kinds."""
    rows = [{"one": row["text"], "two": row["text"][::-1], "topic": row["topic"]} for row in toy_rows(60)]
    path = write_csv(tmp_path / "pairs.csv", rows)
    follows = build_starter("xlnet", [row["one"] for row in rows], size="tiny").folder
    lead = shutil.copytree(follows, tmp_path / "lead")
    settings = json.loads((lead / "tokenizer_config.json").read_text("utf-8"))
    settings["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
    (lead / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    data = {"train": str(path), "text": "one", "text_pair": "two", "label": "topic"}
    led = train(toy_recipe(path, lead, data=data, budget={"max_steps": 1}), tmp_path / "teacher")
    made = toy_recipe(path, follows, data=data, distillation={"teacher": str(led.directory)})
    with pytest.raises(
        RecipeError, match=r"told which of two texts a token is of, as the student is not: take another"
    ):
        train(made, tmp_path / "run")


def test_layers_are_spread() -> None:
    assert [spread(6, n) for n in (6, 3, 2, 1)] == [[0, 1, 2, 3, 4, 5], [0, 2, 5], [0, 5], [5]]
    assert spread(12, 4) == [0, 4, 7, 11]


@pytest.mark.parametrize("family", ["gpt2", "modernbert", "xlnet", "llama"])
def test_students_of_other_families(family: Any, data: Path, tmp_path: Path) -> None:
    base = build_starter(family, [row["text"] for row in toy_rows(150)], size="tiny")
    made = toy_recipe(data, base.folder, model={"layers": 1}, budget={"epochs": 1})
    run = train(made, tmp_path / "run")
    assert Predictor.load(run).model.config.num_hidden_layers == 1


def test_scores_are_learnt_in_the_units_of_the_student(toy_model: Path, tmp_path: Path) -> None:
    """All of the loss is the teacher's, whose scores lie around 50: the student's do as well."""
    rows = [{**row, "topic": str(40 + 5 * len(row["text"].split()))} for row in toy_rows(150)]
    path = write_csv(tmp_path / "scores.csv", rows)
    base = toy_recipe(path, toy_model, data={"train": str(path), "scores": True}, budget={"epochs": 15})
    lead = train(base, tmp_path / "teacher")
    made = base.with_values(
        model={"name": str(toy_model)},
        distillation={"teacher": str(lead.directory), "weight": 1.0},
        budget={"epochs": 10},
    )
    run = train(made, tmp_path / "student")
    wrong = lead.evaluation.headline["rmse"].value
    assert run.evaluation.headline["rmse"].value < wrong + 8


def test_hidden_states_of_heads_of_labkits(teacher: Run, data: Path, toy_model: Path, tmp_path: Path) -> None:
    made = toy_recipe(data, toy_model, model={"pooling": "mean"}, budget={"epochs": 1})
    made = made.with_values(distillation={"teacher": str(teacher.directory), "hidden": 1.0})
    assert train(made, tmp_path / "pooled").status == "completed"


def test_unlabelled_texts_of_the_test_split_are_left_out(teacher: Run, data: Path, tmp_path: Path) -> None:
    made = student(teacher, data).with_values(distillation={"unlabelled": str(data)})
    run = train(made, tmp_path / "run")
    card = (run.directory / "README.md").read_text("utf-8")
    assert "stand in the validation or test split were left out" in card


class Says(torch.nn.Module):
    """A teacher that says the same to everything, and its hidden states where it is asked for them."""

    def __init__(self, logits: torch.Tensor, *states: torch.Tensor) -> None:
        super().__init__()
        self.logits, self.states = logits, states

    def forward(self, *, output_hidden_states: bool = False, **_: Any) -> Any:
        return SimpleNamespace(logits=self.logits, hidden_states=self.states if output_hidden_states else None)


def lead(says: Says, decides: Decision = "one", *, order: list[int] | None = None, **how: Any) -> Teacher:
    def decisions(output: Any, target: torch.Tensor) -> Decisions:
        return Decisions(output.logits, target)

    how_far = DistillationConfig(teacher="t", **how)
    return Teacher(says, how_far, asking("AutoModel"), decisions, decides, order, (2.0, -1.0))


INPUTS = {"attention_mask": torch.tensor([[1, 1, 0]])}
LABELS = torch.tensor([0])


def test_the_loss_is_shared_between_labels_and_teacher() -> None:
    mine = SimpleNamespace(logits=torch.tensor([[0.5, 0.5]]).log())
    says = Says(torch.tensor([[0.9, 0.1]]).log())
    cold = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    warm = 4 * (0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5))  # odds of 9 to 1 at temperature 2: 3 to 1
    label = torch.tensor(3.0)
    for weight, temperature, soft in ((0.25, 1.0, cold), (0.25, 2.0, warm), (1.0, 2.0, warm), (0.0, 2.0, warm)):
        found = lead(says, weight=weight, temperature=temperature).loss(label, mine, INPUTS, LABELS)
        assert float(found) == pytest.approx((1 - weight) * 3.0 + weight * soft, rel=1e-4)


def test_a_teacher_with_its_classes_in_another_order_or_numbers_in_other_units() -> None:
    says = Says(torch.tensor([[0.1, 0.6, 0.3]]).log())
    mine = SimpleNamespace(logits=torch.tensor([[0.3, 0.1, 0.6]]).log())
    label = torch.tensor(0.0)
    same = lead(says, order=[2, 0, 1], weight=1.0).loss(label, mine, INPUTS, LABELS)
    assert float(same) == pytest.approx(0, abs=1e-6)
    assert float(lead(says, weight=1.0).loss(label, mine, INPUTS, LABELS)) > 0.1
    score = SimpleNamespace(logits=torch.tensor([4.0]))
    found = lead(Says(torch.tensor([3.0])), "number", weight=1.0).loss(label, score, INPUTS, LABELS)
    assert float(found) == pytest.approx((4.0 - (3.0 * 2.0 - 1.0)) ** 2)


def test_hidden_states_are_matched_where_there_is_text() -> None:
    """A student of one layer follows the embeddings and the last layer of a teacher of two; padding does not count."""

    def states(*values: float) -> list[torch.Tensor]:
        return [torch.tensor([[[value] * 2, [value] * 2, [90.0 * value] * 2]]) for value in values]

    mine, theirs = states(1.0, 2.0), states(2.0, 50.0, 5.0)
    mask = INPUTS["attention_mask"]
    assert float(hidden_distance(mine, theirs, mask)) == pytest.approx((1.0**2 + 3.0**2) / 2)
    says = Says(torch.zeros(1, 2), *theirs)
    output = SimpleNamespace(logits=torch.zeros(1, 2), hidden_states=mine)
    label = torch.tensor(0.0)
    teacher = lead(says, weight=0.5, hidden=0.3)
    assert teacher.asks(INPUTS)["output_hidden_states"] is True
    assert float(teacher.loss(label, output, INPUTS, LABELS)) == pytest.approx(0.3 * 5.0)
    without = lead(says, weight=0.5)
    assert "output_hidden_states" not in without.asks(INPUTS)
    assert float(without.loss(label, output, INPUTS, LABELS)) == pytest.approx(0, abs=1e-6)
