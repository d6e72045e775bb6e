"""Techniques that do not go together are refused when the recipe is made, each with the reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from toys import toy_recipe, toy_rows, write_csv

from labkit.errors import DataError, RecipeError
from labkit.models import ADAPTERS
from labkit.training import Recipe, parse_set, train
from labkit.training._recipe_checks import without_effect

FROZEN = ("head", "bias", *ADAPTERS)
PULLED: dict[str, Any] = {"gradual": True, "layer_decay": 0.8, "l2_sp": 0.1, "mixout": 0.3}
HEAD = {"trainable": "head", "solver": "lbfgs"}
EXCLUDED: list[tuple[dict[str, Any], str]] = [
    *(
        (
            {"technique": {"trainable": trainable, name: value}},
            f"technique.{name} .* technique.trainable = '{trainable}'",
        )
        for name, value in PULLED.items()
        for trainable in FROZEN
    ),
    ({"technique": {"mixup": 0.2, "r_drop": 1.0}}, "technique.mixup does not go with r_drop"),
    ({"technique": {"mixup": 0.2}, "distillation": {"teacher": "t"}}, "technique.mixup does not go with .*a teacher"),
    (
        {"technique": {"mixup": 0.2, **HEAD}, "model": {"pooling": "mean"}},
        "technique.mixup does not go with .*lbfgs",
    ),
    ({"technique": {"mixup": 0.2}, "task": "token-classification"}, "technique.mixup mixes whole texts"),
    ({"technique": {"mixup": 0.2}, "task": "question-answering"}, "technique.mixup mixes whole texts"),
    ({"technique": {"r_drop": 1.0}, "distillation": {"teacher": "t"}}, "r_drop and distillation.teacher both"),
    (
        {"technique": HEAD, "model": {"pooling": "mean"}, "distillation": {"teacher": "t"}},
        "distillation.teacher leads a training by gradients",
    ),
    ({"distillation": {"unlabelled": "more.csv"}}, "distillation.unlabelled is labelled by a teacher"),
    ({"model": {"head_layers": 2}}, "model.head_layers = 2 is for a head of labkit's"),
    ({"model": {"unit_vectors": True}}, "model.unit_vectors is for a head of labkit's"),
    ({"model": {"pooling": "mean"}, "task": "fill-mask"}, "model.pooling makes one vector of a text, and fill-mask"),
    *(
        ({"model": {"pooling": "max"}, "technique": {"trainable": one}}, f"not with technique.trainable = '{one}'")
        for one in ADAPTERS
    ),
    ({"technique": {"solver": "lbfgs"}, "model": {"pooling": "mean"}}, "it needs technique.trainable = 'head'"),
    (
        {"technique": HEAD, "model": {"pooling": "mean", "head_layers": 2}},
        "technique.solver = 'lbfgs' fits one linear layer",
    ),
    *(
        ({"technique": {**HEAD, **technique}, "model": {"pooling": "mean"}}, f"{name} does not go with .*'lbfgs'")
        for name, technique in (
            ("technique.remember = false", {"remember": False}),
            ("technique.r_drop", {"r_drop": 1.0}),
            ("technique.label_smoothing", {"label_smoothing": 0.1}),
            ("technique.loss = 'ordinal'", {"loss": "ordinal"}),
        )
    ),
    ({"data": {"augment": ["back_translate"]}}, "needs data.augment_translators"),
    ({"data": {"augment": ["back_translate"], "augment_translators": ["a"]}}, "two translation runs, there and back"),
    ({"data": {"augment": ["substitute"]}}, "needs data.augment_model"),
    ({"data": {"augment": ["typo"]}}, "data.augment must be one of .* Did you mean 'typos'"),
    *(
        ({"model": {"layers": 1}, "technique": {"trainable": one}}, "model.layers takes layers out")
        for one in ("prefix", "prompt", "bottleneck")
    ),
    (
        {"model": {"layers": 1}, "technique": {"trainable": "lora"}, "adapter": {"merge": False}},
        "model.layers takes layers out",
    ),
    ({"technique": {"gradual": True, "freeze_embeddings": True}}, "unfreezes the embeddings last"),
    *(
        ({"technique": {"trainable": "prefix"}, "task": task}, "'prefix' is for text-generation")
        for task in ("text-classification", "token-classification", "question-answering")
    ),
    *(
        ({"technique": {"trainable": one}, "task": task}, f"'{one}' is not for this task: choose lora")
        for one in ("prefix", "prompt")
        for task in ("translation", "summarization", "fill-mask")
    ),
    *(
        ({"data": {"augment": ["typos"]}, "task": task}, f"and {task} reads text: leave it out")
        for task in ("text-generation", "fill-mask")
    ),
    *(
        (
            {"data": {"augment": ["back_translate"], "augment_translators": ["a", "b"]}, "task": task},
            "would lose what is marked",
        )
        for task in ("token-classification", "question-answering")
    ),
    (
        {"distillation": {"teacher": "t", "unlabelled": "more.csv"}, "task": "translation"},
        "distillation.unlabelled is for classes of texts",
    ),
    *(
        ({"technique": {"tune_threshold": True}, **other}, "tune_threshold is for text-classification with two classes")
        for other in ({"task": "token-classification"}, {"task": "fill-mask"}, {"data": {"scores": True}})
    ),
    ({"technique": {"class_weights": True}, "task": "fill-mask"}, "class_weights is not for fill-mask"),
    ({"data": {"scores": True}, "technique": {"class_weights": True}}, "class_weights is for classes"),
    ({"data": {"scores": True, "balance": "batches"}}, "data.balance is for classes"),
    ({"data": {"scores": True}, "task": "fill-mask"}, "data.scores is not for fill-mask"),
    ({"data": {"validation_share": 0.5, "test_share": 0.5}}, "together they must be below 1"),
]


@pytest.mark.parametrize(("sections", "said"), EXCLUDED)
def test_what_does_not_go_together_is_said(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe.from_dict(sections)
    hits = [one for one in caught.value.problems if re.search(said, one)]
    assert len(hits) == 1, caught.value.problems


@pytest.mark.parametrize(
    "sections",
    [
        *({"technique": {"trainable": trainable, **PULLED}} for trainable in ("all", "top")),
        {"technique": {"mixup": 0.2}},
        {"technique": {"r_drop": 1.0}, "distillation": {"unlabelled": ""}},
        {"distillation": {"teacher": "t", "unlabelled": "more.csv"}},
        {"model": {"pooling": "mean", "head_layers": 2, "unit_vectors": True}},
        {"technique": HEAD, "model": {"pooling": "mean"}},
        {"data": {"augment": ["back_translate"], "augment_translators": ["a", "b"]}},
        {"data": {"augment": ["substitute"], "augment_model": "m"}},
        {"model": {"layers": 1}, "technique": {"trainable": "lora"}},
        {"technique": {"gradual": True, "freeze_embeddings": True, "trainable": "top"}},
    ],
)
def test_what_goes_together_passes(sections: dict[str, Any]) -> None:
    made = Recipe.from_dict(sections)
    for name, values in sections.items():
        for key, value in values.items():
            kept = getattr(getattr(made, name), key)
            assert (list(kept) if isinstance(value, list) else kept) == value


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"adapter": {"rank": 4}}, ["adapter.rank (technique.trainable = 'all')"]),
        ({"adapter": {"rank": 4}, "technique": {"trainable": "lora"}}, []),
        (
            {"adapter": {"rank": 4, "width": 9}, "technique": {"trainable": "bottleneck"}},
            ["adapter.rank (technique.trainable = 'bottleneck')"],
        ),
        ({"technique": {"layers": 4}}, ["technique.layers (technique.trainable = 'all')"]),
        ({"technique": {"focal_gamma": 1.0}}, ["technique.focal_gamma (technique.loss = 'auto')"]),
        ({"technique": {"focal_gamma": 1.0, "loss": "focal"}}, []),
        ({"distillation": {"temperature": 4.0}}, ["distillation.temperature (there is no teacher)"]),
        ({"distillation": {"temperature": 4.0, "teacher": "runs/large"}}, []),
        (
            {
                "model": {"pooling": "mean"},
                "technique": {"trainable": "head", "solver": "lbfgs"},
                "budget": {"patience": 2},
            },
            ["budget.patience (technique.solver = 'lbfgs')"],
        ),
        (
            {
                "model": {"pooling": "mean"},
                "technique": {"trainable": "head", "solver": "lbfgs"},
                "budget": {"epochs": 50},
                "optimizer": {"learning_rate": 0.1},
            },
            ["budget.epochs (technique.solver = 'lbfgs')", "optimizer.learning_rate (technique.solver = 'lbfgs')"],
        ),
        (
            {
                "model": {"pooling": "mean"},
                "technique": {"trainable": "head", "solver": "lbfgs", "contrastive": 9, "freeze_embeddings": True},
                "optimizer": {"learning_rate": 0.1, "batch_size": 8},
            },
            ["optimizer.batch_size (technique.solver = 'lbfgs')"],
        ),
        (
            {"technique": {"trainable": "lora", "freeze_embeddings": True, "remember": False}},
            [
                "technique.remember (technique.trainable = 'lora')",
                "technique.freeze_embeddings (technique.trainable = 'lora')",
            ],
        ),
        (
            {"data": {"rehearse_share": 0.5, "augment_copies": 3, "name_template": "about {}", "fold": 2}},
            [
                "data.fold (data.folds = 0)",
                "data.rehearse_share (nothing is rehearsed)",
                "data.augment_copies (nothing is augmented)",
                "data.name_template (data.name_texts = 0)",
            ],
        ),
        (
            {"data": {"augment": ["typos"], "augment_share": 0.3, "augment_model": "m"}},
            ["data.augment_model (data.augment without 'substitute')"],
        ),
        (
            {"technique": {"mask_share": 0.3}, "generation": {"beams": 4}},
            [
                "generation.beams (task = 'text-classification')",
                "technique.mask_share (task = 'text-classification')",
            ],
        ),
        ({"task": "fill-mask", "technique": {"mask_share": 0.3}}, []),
        ({"task": "translation", "generation": {"beams": 4}}, []),
        ({}, []),
    ],
)
def test_settings_that_nothing_reads_are_named(sections: dict[str, Any], said: list[str]) -> None:
    assert without_effect(Recipe.from_dict({"data": {"train": "x.csv"}, **sections})) == said


def test_balanced_batches_of_rows_with_several_labels(toy_model: Path, tmp_path: Path) -> None:
    rows = [{**row, "topic": f"{row['topic']}|all"} for row in toy_rows(60)]
    path = write_csv(tmp_path / "rows.csv", rows)
    several = {"train": str(path), "label_separator": "|", "multi_label": True, "balance": "batches"}
    with pytest.raises(DataError, match=r"one label a row to balance, but got several labels a row\. .*class_weights"):
        train(toy_recipe(path, toy_model, data=several), tmp_path / "run")
    weighed = {**several, "balance": "none"}
    made = toy_recipe(path, toy_model, data=weighed, technique={"class_weights": True}, budget={"max_steps": 1})
    assert train(made, tmp_path / "weighed").status == "completed", "as the error said"


def test_several_ends_of_names_in_one_text() -> None:
    made = Recipe.from_dict(
        parse_set(["data.train=a,b.csv", "adapter.targets=query,value", "data.augment=typos, swap"])
    )
    assert (made.adapter.targets, made.data.augment) == (("query", "value"), ("typos", "swap"))
    assert made.data.train == "a,b.csv", "a name of a file may hold a comma"
