"""Heads of our own, contrastive tuning for few labels, and linear probes, on toy models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys import toy_recipe, toy_rows, write_csv
from transformers import AutoModelForSequenceClassification

from labkit.errors import ModelError, RecipeError
from labkit.events import RunStarted
from labkit.models import build_starter, embed
from labkit.training import Predictor, Run, train, zero_shot
from labkit.training._contrastive import draws, members, supervised_loss


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("rows") / "toy.csv", toy_rows(150))


def same_again(run: Run) -> Predictor:
    """The saved model says what the training's evaluation noted."""
    predictor = Predictor.load(run)
    kept = run.predictions("test")
    rows = {one["id"]: one["text"] for one in toy_rows(150)}
    said = predictor([rows[row] for row in kept.row_ids])
    assert np.allclose(said.probabilities, kept.probabilities, atol=1e-5)
    return predictor


@pytest.mark.parametrize("pooling", ["first", "last", "mean", "max", "attention"])
@pytest.mark.parametrize("trainable", ["all", "head"])
def test_poolings(pooling: str, trainable: str, data: Path, toy_model: Path, tmp_path: Path) -> None:
    made = toy_recipe(
        data, toy_model, model={"pooling": pooling, "head_layers": 2}, technique={"trainable": trainable},
        budget={"epochs": 12},
    )  # fmt: skip
    run = train(made, tmp_path / "run")
    if trainable == "all" and pooling != "attention":
        assert run.evaluation.headline["accuracy"].value > 0.6
    same_again(run)


@pytest.mark.parametrize("family", ["gpt2", "xlnet", "modernbert", "distilbert"])
def test_other_families_with_padding_on_either_side(family: Any, data: Path, tmp_path: Path) -> None:
    base = build_starter(family, [row["text"] for row in toy_rows(150)], size="tiny")
    for pooling in ("mean", "last"):
        made = toy_recipe(data, base.folder, model={"pooling": pooling}, budget={"epochs": 2})
        same_again(train(made, tmp_path / pooling))


def test_plain_transformers_loads_the_body_and_the_card_says_how_to_use_the_head(
    data: Path, toy_model: Path, tmp_path: Path
) -> None:
    from transformers import AutoModel

    made = toy_recipe(data, toy_model, model={"pooling": "mean", "unit_vectors": True}, budget={"epochs": 4})
    run = train(made, tmp_path / "run")
    predictor = Predictor.load(run)
    plain = AutoModel.from_pretrained(run.directory / "model").eval()
    inputs = predictor.tokenizer(["the team won"], return_tensors="pt")
    with torch.inference_mode():
        ours = getattr(predictor.model, predictor.model.base_model_prefix)(**inputs).last_hidden_state
        assert torch.allclose(plain(**inputs).last_hidden_state, ours, atol=1e-6)
    card = (run.directory / "README.md").read_text("utf-8")
    code = card.split("```python\n")[1].split("```")[0].replace(f"{run.directory.name}/model", str(run.model_folder))
    alone: dict[str, Any] = {}
    exec(code.replace('"a text"', '"the team won"'), alone)  # noqa: S102 - what the model card says works without labkit
    assert "labkit" not in [
        line.split()[1].split(".")[0] for line in code.splitlines() if line.startswith(("from", "import"))
    ]
    said = predictor("the team won")
    assert alone["label"] == said.labels[int(said.probabilities.argmax())]
    # and a run is a base model like any other, whose head does not stay
    again = train(toy_recipe(data, run.directory, budget={"epochs": 1}), tmp_path / "again")
    assert not hasattr(Predictor.load(again).model, "labkit_head")


@pytest.mark.parametrize("what", ["scores", "several labels", "tuned threshold"])
def test_the_code_of_the_card_says_what_the_model_says(what: str, toy_model: Path, tmp_path: Path) -> None:
    rows = [{**row, "topic": str(i % 5 / 2)} if what == "scores" else dict(row) for i, row in enumerate(toy_rows(90))]
    if what == "several labels":
        rows = [{**row, "topic": f"{row['topic']}|{'long' if len(row['text']) > 40 else 'short'}"} for row in rows]
    elif what == "tuned threshold":
        rows = [{**row, "topic": "sport" if row["topic"] == "sport" else "other"} for row in rows]
    path = write_csv(tmp_path / "rows.csv", rows)
    given = {"label_separator": "|", "multi_label": True} if what == "several labels" else {}
    made = toy_recipe(path, toy_model, data={"train": str(path), "label": "topic", **given}, model={"pooling": "mean"})
    made = made.with_values(technique={"tune_threshold": what == "tuned threshold"}, budget={"epochs": 3})
    run = train(made, tmp_path / "run")
    said = Predictor.load(run)("the team won")
    card = (run.directory / "README.md").read_text("utf-8")
    code = card.split("```python\n")[1].split("```")[0].replace(f"{run.directory.name}/model", str(run.model_folder))
    alone: dict[str, Any] = {}
    exec(code.replace('"a text"', '"the team won"'), alone)  # noqa: S102 - what the model card says works without labkit
    if what == "scores":
        assert alone["score"] == pytest.approx(float(said.predicted[0]), abs=1e-4)
    elif what == "several labels":
        assert alone["labels"] == list(said.names(said.predicted)[0])
    else:
        assert alone["label"] == said.names(said.predicted)[0]


def test_few_labels(data: Path, toy_model: Path, tmp_path: Path) -> None:
    made = toy_recipe(
        data, toy_model, model={"pooling": "mean", "unit_vectors": True},
        technique={"trainable": "head", "solver": "lbfgs"}, optimizer={"learning_rate": 1e-3},
    )  # fmt: skip
    probe = train(made, tmp_path / "probe")
    tuned = train(made.with_values(technique={"contrastive": 40}), tmp_path / "tuned")
    assert tuned.evaluation.headline["accuracy"].value > probe.evaluation.headline["accuracy"].value
    assert tuned.evaluation.headline["accuracy"].value > 0.8
    same_again(tuned)
    again = train(made.with_values(technique={"contrastive": 40}), tmp_path / "again")
    assert np.array_equal(again.predictions("test").probabilities, tuned.predictions("test").probabilities)
    started = next(event for event in tuned.events() if isinstance(event, RunStarted))
    of_probe = next(event for event in probe.events() if isinstance(event, RunStarted))
    assert (started.steps, of_probe.steps) == (40, 1)
    assert started.trained > 10 * of_probe.trained, "the body is trained as well"


def test_batches_hold_several_of_each_class_and_every_second_one_the_nearest() -> None:
    classes = np.array([*[0] * 8, *[1] * 8, *[2] * 8, -1, -1])
    for batch in draws(members(classes), 20, seed=0):
        there = classes[batch]
        assert len(set(batch)) == len(batch) and -1 not in there
        assert min(np.bincount(there)) >= 4
    many = np.repeat(np.arange(40), 4)  # on a half circle, in the order of their numbers
    angles = np.pi * np.arange(40) / 40
    widths = [
        np.ptp(many[batch])
        for batch in draws(members(many), 40, seed=0, centres=np.stack([np.cos(angles), np.sin(angles)], axis=1))
    ]
    assert max(widths[1::2]) <= 16 < 25 < min(widths[::2])


def test_the_supervised_contrastive_loss() -> None:
    vectors = torch.eye(3)[[0, 0, 1, 1]]
    near, far = np.log(1 + 2 * np.exp(-10)), np.log(1 + 2 * np.exp(-10)) + 10  # cosines 1 and 0, by 0.1
    for classes, loss in (([0, 0, 1, 1], near), ([0, 1, 0, 1], far), ([0, 0, 1, 2], near)):
        assert float(supervised_loss(vectors, torch.from_numpy(members(np.array(classes))))) == pytest.approx(
            loss, rel=1e-3
        )
    several = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]]).bool()
    assert float(supervised_loss(vectors, several)) == pytest.approx(near, rel=1e-3), (
        "those that share a class belong together"
    )
    assert float(supervised_loss(vectors, torch.eye(4).bool())) == 0, "nobody has a partner"


def test_one_text_a_class_is_too_few_for_contrastive_steps(toy_model: Path, tmp_path: Path) -> None:
    rows = [
        next(row for row in toy_rows(90) if row["topic"] == topic)
        for topic in {row["topic"]: 0 for row in toy_rows(90)}
    ]
    made = toy_recipe(
        write_csv(tmp_path / "one.csv", rows), toy_model, data={"validation_share": 0.0, "test_share": 0.0},
        model={"pooling": "mean"}, technique={"trainable": "head", "solver": "lbfgs", "contrastive": 5},
    )  # fmt: skip
    with pytest.raises(RecipeError, match="no class has two"):
        train(made, tmp_path / "run")


def test_few_texts_with_several_labels(toy_model: Path, tmp_path: Path) -> None:
    rows = [
        {**row, "topic": f"{row['topic']}|{'long' if len(row['text'].split()) > 9 else 'short'}"}
        for row in toy_rows(90)
    ]
    path = write_csv(tmp_path / "several.csv", rows)
    made = toy_recipe(
        path, toy_model, data={"train": str(path), "label_separator": "|", "multi_label": True},
        model={"pooling": "mean"}, technique={"trainable": "head", "solver": "lbfgs", "contrastive": 30},
        optimizer={"learning_rate": 1e-3},
    )  # fmt: skip
    assert train(made, tmp_path / "run").evaluation.headline["macro_f1"].value > 0.6


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"model": {"head_layers": 2}}, "model.head_layers = 2 is for a head of labkit's"),
        ({"model": {"pooling": "mean"}, "task": "token-classification"}, "needs its tokens"),
        ({"model": {"pooling": "mean"}, "technique": {"trainable": "lora"}}, "not with technique.trainable = 'lora'"),
        ({"technique": {"contrastive": 10}}, "needs technique.trainable = 'head'"),
        (
            {"model": {"pooling": "mean"}, "technique": {"contrastive": 10, "trainable": "head"}},
            "technique.solver = 'lbfgs'",
        ),
        ({"technique": {"solver": "lbfgs", "trainable": "head"}}, "model.pooling, such as 'mean'"),
        ({"model": {"pooling": "men"}}, "Did you mean 'mean'"),
    ],
)
def test_what_does_not_go_together(sections: Any, said: str, data: Path, toy_model: Path) -> None:
    with pytest.raises(RecipeError, match=said):
        toy_recipe(data, toy_model, **sections)


def test_a_head_of_ours_counts_as_new(data: Path, toy_model: Path, tmp_path: Path) -> None:
    """What is drawn at random is not pulled back there."""
    from labkit.models import load_model, new_weights
    from labkit.models._pooled import with_head

    plain = load_model(str(toy_model), AutoModelForSequenceClassification, num_labels=3)
    made = with_head(plain, pooling="mean", layers=1, unit=False, dropout=None)
    assert new_weights(made) == {"labkit_head.out.weight", "labkit_head.out.bias"}


def test_other_uses_of_a_run_with_a_head_of_ours(data: Path, toy_model: Path, tmp_path: Path) -> None:
    run = train(toy_recipe(data, toy_model, model={"pooling": "mean"}, budget={"epochs": 2}), tmp_path / "run")
    assert embed(["the soup", "the train"], str(run.directory)).shape[0] == 2
    assert zero_shot(["the soup"], ["food", "sport"], model=str(run.directory)).probabilities.shape == (1, 2)


def test_lone_adapters_as_bases(data: Path, toy_model: Path, tmp_path: Path) -> None:
    made = toy_recipe(data, toy_model, technique={"trainable": "lora"}, adapter={"merge": False}, budget={"epochs": 2})
    run = train(made, tmp_path / "run")
    assert embed(["the soup", "the train"], str(run.directory)).shape[0] == 2
    with pytest.raises(ModelError, match="an adapter alone"):
        train(toy_recipe(data, run.directory, task="fill-mask"), tmp_path / "next")
    assert "an adapter that is kept alone" in problems(made, model={"layers": 1})


def test_an_adapter_beside_a_starter_is_found_again(data: Path, tmp_path: Path) -> None:
    made = toy_recipe(data, Path("starter:bert"), technique={"trainable": "lora"}, adapter={"merge": False})
    run = train(made.with_values(model={"name": "starter:bert"}, budget={"epochs": 0.2}), tmp_path / "run")
    assert len(Predictor.load(run)(["the soup"])) == 1


def problems(made: Any, **sections: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        made.with_values(**sections)
    return str(caught.value)


def test_what_a_linear_probe_does_not_take(data: Path, toy_model: Path, tmp_path: Path) -> None:
    made = toy_recipe(data, toy_model, model={"pooling": "mean"}, technique={"trainable": "head", "solver": "lbfgs"})
    for sections in (
        {"technique": {"averaging": 0.9}},
        {"technique": {"class_weights": True}},
        {"technique": {"loss": "focal"}},
        {"data": {"balance": "batches"}},
        {"model": {"pooling": "attention"}},
    ):
        assert "does not go with technique.solver = 'lbfgs'" in problems(made, **sections)
    rows = [{**row, "topic": "all|" + (row["topic"] if i > 20 else "rare")} for i, row in enumerate(toy_rows(90))]
    path = write_csv(tmp_path / "several.csv", rows)
    several = made.with_values(data={"train": str(path), "label_separator": "|", "multi_label": True})
    run = train(several, tmp_path / "run")
    said = Predictor.load(run)(["the soup"])
    assert said.probabilities[0, said.labels.index("all")] > 0.99, "what every row has"
