"""The recipe: one plain file that says everything, and says all that is wrong with it at once."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest

from labkit.data import DataConfig
from labkit.errors import RecipeError
from labkit.training import (
    AdapterConfig,
    BudgetConfig,
    DistillationConfig,
    EvaluationConfig,
    GenerationConfig,
    ModelConfig,
    OptimizerConfig,
    Recipe,
    TechniqueConfig,
    field_help,
    parse_set,
)

SECTIONS: dict[str, Any] = {
    "data": DataConfig,
    "model": ModelConfig,
    "technique": TechniqueConfig,
    "optimizer": OptimizerConfig,
    "adapter": AdapterConfig,
    "distillation": DistillationConfig,
    "budget": BudgetConfig,
    "generation": GenerationConfig,
    "evaluation": EvaluationConfig,
}

CHANGED = Recipe(
    seed=7,
    data=DataConfig(
        train='C:\\Daten\\"Grüße".csv', validation="v.csv", test="t.csv", text="body", text_pair="reply", label=("a", "b # c"),
        label_separator="|", multi_label=True, scores=False, id="key", encoding="cp1252", delimiter="\t",
        repairs=("drop_unlabelled",), validation_share=0.15, test_share=0.25, split_by="random", group="author",
        split_seed=3, folds=4, fold=2, balance="oversample", rehearse="old.csv", rehearse_share=0.3, augment=("typos", "swap"),
        augment_copies=2, augment_share=0.2, augment_model="filler", augment_translators=("there", "back"), fingerprint="abc",
        name_texts=2, name_template="This is about {}.",
        labels=("a.labels.jsonl", "b.labels.jsonl"), labels_fingerprint="12:ab",
    ),
    model=ModelConfig(name="roberta-base", max_length=128, dropout=0.2, layers=3),
    technique=TechniqueConfig(
        trainable="top", layers=3, remember=False, gradual=True, layer_decay=0.9, freeze_embeddings=True, loss="focal",
        focal_gamma=1.5, r_drop=0.5, l2_sp=0.1, mixout=0.2, averaging=0.9, label_smoothing=0.05, class_weights=True,
        mask_share=0.3, tune_threshold=True,
    ),
    adapter=AdapterConfig(rank=4, alpha=8.0, dropout=0.1, targets=("query",), tokens=5, width=16, merge=False),
    optimizer=OptimizerConfig(
        learning_rate=3e-5, schedule="cosine", warmup=0.06, weight_decay=0.1, beta1=0.8, beta2=0.98, epsilon=1e-6,
        batch_size=8, gradient_accumulation=4, max_gradient_norm=0.5,
    ),
    budget=BudgetConfig(
        epochs=2.5, max_steps=100, patience=3, precision="bf16", length_grouped=False, threads=2, checkpoint_minutes=1.5
    ),
    generation=GenerationConfig(
        prefix="summarize: ",
        source_language="en_XX",
        target_language="de_DE",
        max_target_length=64,
        max_new_tokens=32,
        beams=4,
    ),
    evaluation=EvaluationConfig(
        metric="accuracy", every=0.5, baselines=False, slices=("author", "label"), resamples=500
    ),
)  # fmt: skip

OTHERS = (  # of settings that do not go together with those above
    Recipe(
        model=ModelConfig(pooling="mean", unit_vectors=True),
        technique=TechniqueConfig(trainable="head", solver="lbfgs", contrastive=50),
    ),
    Recipe(model=ModelConfig(pooling="attention", head_layers=2), technique=TechniqueConfig(mixup=0.2)),
    Recipe(
        distillation=DistillationConfig(teacher="big", weight=0.7, temperature=3.0, hidden=0.5, unlabelled="more.txt")
    ),
)


def problems_of(values: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(RecipeError) as caught:
        Recipe.from_dict(values)
    return caught.value.problems


def test_the_examples_change_every_setting() -> None:
    for name, section in SECTIONS.items():
        for field in dataclasses.fields(section):
            if field.name == "layout":
                continue  # the task says it
            given = [getattr(getattr(recipe, name), field.name) for recipe in (CHANGED, *OTHERS)]
            assert any(value != getattr(section(), field.name) for value in given), f"{name}.{field.name}"


def test_the_task_says_what_a_row_is() -> None:
    recipe = Recipe(task="token-classification")
    assert recipe.data.layout == "spans"
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert recipe.with_values(task="text-classification").data.layout == "labels"


def test_a_setting_that_is_not_for_the_task() -> None:
    (problem,) = problems_of({"task": "token-classification", "technique": {"class_weights": True}})
    assert "class_weights is not for token-classification" in problem
    (problem,) = problems_of({"task": "token-classification", "evaluation": {"metric": "accuracy"}})
    assert "evaluation.metric must be one of f1" in problem


@pytest.mark.parametrize("recipe", [Recipe(), CHANGED, *OTHERS])
def test_a_file_gives_the_same_recipe_back(recipe: Recipe, tmp_path: Path) -> None:
    path = recipe.save(tmp_path / "recipe.toml")
    assert Recipe.load(path) == recipe
    assert list(tmp_path.iterdir()) == [path], "no temporary file stays behind"
    assert Recipe.load(path).to_toml() == recipe.to_toml()


def test_the_file_explains_every_setting() -> None:
    text = Recipe().to_toml()
    for name, section in SECTIONS.items():
        part = text.split(f"\n[{name}]\n")[1].split("\n[")[0]
        for field in dataclasses.fields(section):
            (line,) = [line for line in part.splitlines() if line.removeprefix("# ").startswith(f"{field.name} =")]
            said = field_help(section)[field.name]
            assert said and line.endswith(said), line


def test_settings_that_are_not_set_stand_in_the_file_as_comments() -> None:
    text = Recipe().to_toml()
    assert "# dropout = " in text
    assert "dropout" not in tomllib.loads(text)["model"]


def test_five_mistakes_come_in_one_error() -> None:
    problems = problems_of(
        {
            "sead": 1,
            "optimizer": {"learning_rat": 1e-4, "batch_size": "many", "warmup": 3.0},
            "model": {"name": "minilm", "dropout": -1.0},
        }
    )
    assert len(problems) == 5
    said = "\n".join(problems)
    for part in ("'seed'", "'learning_rate'", "'many'", "optimizer.warmup", "model.dropout"):
        assert part in said
    with pytest.raises(RecipeError, match="5 problems"):
        Recipe.from_dict({"seed": -1, "optimizer": {"beta1": 2, "beta2": 2, "epsilon": -1}, "task": "sing"})


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        ({"optimiser": {}}, "Did you mean 'optimizer'?"),
        ({"budget": {"epoch": 3}}, "Did you mean 'epochs'?"),
        ({"learning_rate": 1e-4}, "Did you mean 'optimizer.learning_rate'?"),
        ({"epochs": 3}, "Did you mean 'budget.epochs'?"),
        ({"batch_size": 3}, "Did you mean 'optimizer.batch_size'?"),
        ({"task": "text-clasification"}, "Did you mean 'text-classification'?"),
        ({"optimizer": {"schedule": "linar"}}, "Did you mean 'linear'?"),
        ({"evaluation": {"metric": "macro-f1"}}, "Did you mean 'macro_f1'?"),
        ({"data": {"balance": "over-sample"}}, "Did you mean 'oversample'?"),
        ({"model": {"zzzz": 1}}, "Known: name, max_length, dropout"),
        ({"optimizer": {"epochs": 3}}, "Did you mean 'budget.epochs'?"),
    ],
    ids=str,
)
def test_names_that_are_nearly_right_are_suggested(values: dict[str, Any], hint: str) -> None:
    (problem,) = problems_of(values)
    assert hint in problem


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"optimizer": {"batch_size": 2.5}}, "optimizer.batch_size must be a whole number, not 2.5"),
        ({"optimizer": {"batch_size": True}}, "optimizer.batch_size must be a whole number, not True"),
        ({"optimizer": {"learning_rate": "fast"}}, "optimizer.learning_rate must be a number, not 'fast'"),
        ({"technique": {"class_weights": "yes"}}, "technique.class_weights must be true or false, not 'yes'"),
        ({"data": {"label": [1, 2]}}, "data.label must be a list of texts"),
        ({"data": {"train": ["a.csv"]}}, "data.train must be a text"),
        ({"data": "a.csv"}, "[data] must be a section of settings, not 'a.csv'"),
        ({"seed": "one"}, "seed must be a whole number"),
        ({"optimizer": {"learning_rate": float("nan")}}, "optimizer.learning_rate must be at least 0"),
        ({"budget": {"epochs": -1}}, "budget.epochs must be at least 0"),
        ({"data": {"validation_share": 0.6, "test_share": 0.5}}, "leave no rows to train on"),
        ({"budget": {"precision": "fp16"}}, "budget.precision must be one of auto, float32, bf16"),
    ],
    ids=str,
)
def test_wrong_types_and_values_are_named(values: dict[str, Any], said: str) -> None:
    (problem,) = problems_of(values)
    assert said in problem


def test_wrong_types_are_found_however_the_recipe_is_made() -> None:
    with pytest.raises(RecipeError) as caught:
        Recipe(
            seed="one",  # type: ignore[arg-type]
            model="minilm",  # type: ignore[arg-type]
            optimizer=OptimizerConfig(batch_size=2.5, learning_rate=-1),  # type: ignore[arg-type]
        )
    said = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 4, said
    for part in (
        "seed",
        "model must be a ModelConfig, not 'minilm'",
        "optimizer.batch_size",
        "optimizer.learning_rate",
    ):
        assert part in said


def test_equal_recipes_are_written_alike() -> None:
    """A run directory tells by the text whether it began with a recipe."""
    whole, decimal = Recipe(budget=BudgetConfig(epochs=3)), Recipe(budget=BudgetConfig(epochs=3.0))
    assert whole == decimal
    assert whole.to_toml() == decimal.to_toml()
    one = Recipe(data=DataConfig(label="topic"))  # type: ignore[arg-type]
    assert one.data.label == ("topic",)


def test_a_recipe_cannot_be_changed() -> None:
    recipe = Recipe()
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.seed = 1  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.optimizer.batch_size = 1  # type: ignore[misc]
    changed = recipe.with_values(optimizer={"batch_size": 8}, seed=2)
    assert (changed.optimizer.batch_size, changed.seed) == (8, 2)
    assert (recipe.optimizer.batch_size, recipe.seed) == (32, 0)
    assert changed.optimizer.warmup == recipe.optimizer.warmup


def test_settings_have_names_only() -> None:
    for section in (Recipe, *SECTIONS.values()):
        with pytest.raises(TypeError):
            section("x")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4), ("3", 3), ("0.5", 0.5), ("true", True), ("True", True), ("false", False), ("cosine", "cosine"),
        ('"quoted"', "quoted"), ('["a", "b"]', ["a", "b"]), ("a,b", "a,b"), ("", ""), ("a=b", "a=b"),
        ("runs/my model", "runs/my model"),
    ],
)  # fmt: skip
def test_settings_on_the_command_line_become_values(text: str, value: Any) -> None:
    assert parse_set([f"one.two={text}"]) == {"one": {"two": value}}


def test_settings_on_the_command_line_join_into_sections() -> None:
    assert parse_set(["optimizer.warmup=0.1", "seed=3", " optimizer.batch_size = 4", "seed=5"]) == {
        "optimizer": {"warmup": 0.1, "batch_size": 4},
        "seed": 5,
    }


def test_settings_on_the_command_line_without_a_value_are_all_named() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_set(["seed", "=3", "seed=1", "seed.x=2"])
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "There is no recipe file"), (b"seed = ", "is no TOML file"), (b"\xff\xfe", "is no TOML file")],
)
def test_files_that_are_no_recipe(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecipeError, match=said):
        Recipe.load(path)
    with pytest.raises(RecipeError, match="Is a directory"):
        Recipe.load(tmp_path)
