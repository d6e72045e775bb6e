"""Text classification: labels as numbers, the loss, the head, and what cannot be trained on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from torch.nn import functional

from labkit import tasks
from labkit.data import Corpus
from labkit.errors import RecipeError, UnknownName
from labkit.models import load_tokenizer, resolve
from labkit.tasks import Predictions, loss_of
from labkit.tasks.text_classification import TextClassification, code_labels

TASK = tasks.get("text-classification")
ONE = TextClassification(labels=("a", "b", "c"))
MANY = TextClassification(labels=("a", "b", "c"), multi_label=True)
LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3], [-3.0, 1.0, 4.0], [0.0, 0.0, 0.0]])


def output(logits: torch.Tensor = LOGITS) -> Any:
    return SimpleNamespace(logits=logits)


def corpus(labels: list[Any], names: tuple[str, ...], **splits: list[Any]) -> Corpus:
    made = {
        split: Dataset.from_dict({"row_id": [str(i) for i in range(len(v))], "text": ["x"] * len(v), "label": v})
        for split, v in {"train": labels, **splits}.items()
    }
    multi = any(isinstance(value, list) for value in labels)
    return Corpus(splits=made, labels=names, multi_label=multi)


def test_task_ids() -> None:
    assert TASK is TextClassification and TASK.id in tasks.TASKS
    with pytest.raises(UnknownName, match="Did you mean 'text-classification'"):
        tasks.get("text_classification")
    assert TASK.metrics["macro_f1"] is True and TASK.metrics["log_loss"] is False
    assert TASK.metric in TASK.metrics


def test_labels_become_numbers() -> None:
    coded = code_labels(["b", "a", None, "z"], ("a", "b"), False)
    assert coded.dtype == np.int64 and coded.tolist() == [1, 0, -1, -1]
    several = code_labels([["b", "a"], [], None, ["z", "b"]], ("a", "b"), True)
    assert several.dtype == np.float32 and several.tolist() == [[1, 1], [0, 0], [0, 0], [0, 1]]


def test_loss_is_cross_entropy_over_the_rows_with_a_label() -> None:
    target = torch.tensor([0, 2, -1, 1])
    loss = loss_of(ONE.decisions, "one")(output(), target)
    kept = [0, 1, 3]
    assert loss.item() == pytest.approx(-LOGITS.log_softmax(-1)[kept, target[kept]].mean().item())


def test_loss_with_class_weights_and_smoothing() -> None:
    target, weights = torch.tensor([0, 2, 1, 1]), [1.0, 3.0, 0.5]
    loss = loss_of(ONE.decisions, "one", weights=weights)(output(), target)
    each, w = -LOGITS.log_softmax(-1)[range(4), target], torch.tensor([1.0, 3.0, 0.5])[target]
    assert loss.item() == pytest.approx(((each * w).sum() / w.sum()).item())
    smooth = loss_of(ONE.decisions, "one", label_smoothing=0.3)(output(), target)
    goal = functional.one_hot(target, 3) * 0.7 + 0.1
    assert smooth.item() == pytest.approx(-(goal * LOGITS.log_softmax(-1)).sum(-1).mean().item())


def test_loss_of_several_labels_is_binary() -> None:
    target = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 1]])
    loss = loss_of(MANY.decisions, "each")(output(), target)
    p = LOGITS.sigmoid()
    assert loss.item() == pytest.approx(-(target * p.log() + (1 - target) * (1 - p).log()).mean().item())
    weighted = loss_of(MANY.decisions, "each", weights=[1.0, 5.0, 1.0])(output(), target)
    factor = torch.tensor([1.0, 5.0, 1.0])
    assert weighted.item() == pytest.approx(-(factor * target * p.log() + (1 - target) * (1 - p).log()).mean().item())
    smooth = loss_of(MANY.decisions, "each", label_smoothing=0.2)(output(), target)
    assert smooth.item() == pytest.approx(functional.binary_cross_entropy(p, target * 0.8 + 0.1).item())


def test_loss_of_half_precision_logits_is_float32() -> None:
    loss = loss_of(ONE.decisions, "one")(output(LOGITS.bfloat16()), torch.tensor([0, 2, 1, 1]))
    assert loss.dtype == torch.float32


def test_the_head_has_the_labels_and_comes_from_the_generator(toy_model: Path) -> None:
    base = resolve(str(toy_model))

    def build(seed: int, task: TextClassification = ONE, dropout: float | None = None) -> Any:
        torch.manual_seed(seed)
        return task.build(base, dropout=dropout)

    model = build(0)
    assert model.config.id2label == {0: "a", 1: "b", 2: "c"} and model.config.label2id["c"] == 2
    assert model.config.problem_type == "single_label_classification"
    assert model.dtype == torch.float32
    assert torch.equal(model.classifier.weight, build(0).classifier.weight)
    assert not torch.equal(model.classifier.weight, build(1).classifier.weight)
    assert build(0, MANY).config.problem_type == "multi_label_classification"
    assert build(0, dropout=0.25).bert.embeddings.dropout.p == 0.25


def test_predictions_come_in_the_order_of_the_rows(toy_model: Path) -> None:
    torch.manual_seed(0)
    task = TextClassification(labels=("a", "b"))
    model = task.build(resolve(str(toy_model)), dropout=None).train()
    tokenizer = load_tokenizer(str(toy_model))
    texts = ["goal " * n for n in (1, 9, 3, 30, 2)]
    encoded = task.encode({"text": texts, "label": ["a", "b", None, "a", "b"]}, tokenizer, max_length=64)

    def predict(size: int) -> Predictions:
        return task.predict(model, encoded, row_ids=list("vwxyz"), pad_id=0, side="right", batch_size=size)

    one, many = predict(1), predict(5)
    assert one.probabilities == pytest.approx(many.probabilities, abs=1e-6)
    assert len(np.unique(one.probabilities[:, 0])) == 5
    assert one.gold is not None and one.gold.tolist() == [0, 1, -1, 0, 1]
    assert model.training, "the model is left as it was"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (corpus([], ()), "The data has no labels"),
        (corpus(["a", "a"], ("a",)), "one class only ('a')"),
        (corpus(["a", "a"], ("a", "b"), test=["b"]), "training split has fewer than two classes"),
        (corpus(["a", "b", None], ("a", "b")), "drop_unlabelled"),
    ],
)
def test_data_that_cannot_be_trained_on(made: Corpus, said: str) -> None:
    (problem,) = TASK.problems(made)
    assert said in problem


def test_data_that_can_be_trained_on() -> None:
    assert TASK.problems(corpus(["a", "b"], ("a", "b"))) == []
    assert TASK.problems(corpus([["a"], []], ("a",))) == [], "one tag that rows have or have not"


def test_watched_figures_hold_the_metric_that_is_asked_for() -> None:
    predictions = Predictions(
        row_ids=list("abcd"), labels=("x", "y"), gold=np.array([0, 1, 0, 1]),
        probabilities=np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]]),
    )  # fmt: skip
    few = ONE.quick_metrics(predictions)
    assert few["accuracy"] == 0.75 and "roc_auc" not in few
    assert ONE.quick_metrics(predictions, "macro_f1") == few
    assert ONE.quick_metrics(predictions, "roc_auc") == {**few, "roc_auc": 1.0}
    with pytest.raises(RecipeError, match=r"'hamming_loss' has no value .* There are: accuracy"):
        ONE.quick_metrics(predictions, "hamming_loss")
