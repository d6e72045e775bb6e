"""Training in this process: what it learns, what it writes, and what each setting does."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from toys import FILLER, toy_recipe, toy_rows, write_csv

from labkit.errors import DataError, LabError, RecipeError, RunError
from labkit.events import CheckpointSaved, Evaluated, Event, Note, RunEnded, RunStarted, StepLogged
from labkit.training import Predictor, Recipe, Run, train

STEPS = 6  # of an epoch: 84 training rows in batches of 16


def strict_json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"), parse_constant=lambda name: pytest.fail(f"{path.name} holds {name}"))


def probabilities(run: Run, split: str = "test") -> np.ndarray[Any, Any]:
    return run.predictions(split).probabilities


def of_kind(run: Run, kind: type[Event]) -> list[Any]:
    return [event for event in run.events() if isinstance(event, kind)]


@pytest.fixture
def every_step_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit.training._trainer.LOG_SECONDS", 0.0)


def test_it_learns(toy_run: Run) -> None:
    result = toy_run.evaluation
    assert result.n == 24
    assert result.headline["accuracy"].value >= 0.8
    assert "majority class" in result.baselines
    clear = result.baselines["majority class"]
    assert clear.b["accuracy"].value == pytest.approx(1 / 3)


def test_the_run_directory_holds_what_it_promises(toy_run: Run) -> None:
    home = toy_run.directory
    assert {path.name for path in home.iterdir()} == {
        "recipe.toml", "environment.json", "events.jsonl", "model", "predictions", "metrics.json", "README.md", "manifest.json",
    }  # fmt: skip
    assert {p.stem for p in (home / "predictions").iterdir()} == {
        "validation", "test", "test.majority-class", "test.tf-idf-logistic-regression",
    }  # fmt: skip
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {p.name for p in (home / "model").iterdir()}
    assert not list(home.rglob("*.partial"))
    assert not list(home.rglob("*.bin")), "no pickles"
    environment = strict_json(home / "environment.json")
    assert environment["precision"] == "float32"
    assert environment["threads"] == 1
    assert environment["seed"] == 0
    assert environment["packages"]["torch"]
    assert environment["data_fingerprint"] == toy_run.recipe.data.fingerprint != ""
    assert set(strict_json(home / "metrics.json")) == {"validation", "test", "truncated"}
    sizes = strict_json(home / "manifest.json")["files"]
    assert sizes["model/model.safetensors"] == (home / "model" / "model.safetensors").stat().st_size
    card = (home / "README.md").read_text("utf-8")
    assert "Results on the test split" in card and "`sport`" in card


def test_the_recipe_in_the_directory_has_no_gaps(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    asked = toy_recipe(toy_data, toy_model, optimizer={"learning_rate": 0}, budget={"epochs": 0.2, "precision": "auto"})
    recipe = train(asked, tmp_path / "run").recipe
    assert recipe.model.max_length == 64
    assert recipe.optimizer.learning_rate > 0
    assert (recipe.data.text, recipe.data.label, recipe.data.id) == ("text", ("topic",), "id")
    assert recipe.data.fingerprint
    assert recipe.budget.precision in ("float32", "bf16"), "another machine, or a busy one, could choose another"


def test_figures_and_stored_predictions_agree(toy_run: Run) -> None:
    predictions = toy_run.predictions()
    right = (predictions.predicted == predictions.gold).mean()
    assert toy_run.evaluation.headline["accuracy"].value == pytest.approx(right)
    (ended,) = of_kind(toy_run, RunEnded)
    assert ended.metrics == {name: figure.value for name, figure in toy_run.evaluation.headline.items()}
    assert toy_run.summary()["metrics"] == ended.metrics
    assert set(predictions.row_ids).isdisjoint(toy_run.predictions("validation").row_ids)
    assert toy_run.predictions("test", "majority-class").row_ids == predictions.row_ids


def test_unknown_predictions_are_named(toy_run: Run) -> None:
    with pytest.raises(KeyError, match=r"test\.majority-class, test\.tf-idf"):
        toy_run.predictions("train")


def test_the_best_checkpoint_is_the_model(toy_run: Run) -> None:
    best = max(event.metrics["macro_f1"] for event in of_kind(toy_run, Evaluated))
    assert toy_run.evaluations["validation"].headline["macro_f1"].value == pytest.approx(best)


def test_plain_transformers_loads_the_model(toy_run: Run) -> None:
    from transformers import pipeline
    from transformers.utils import logging

    logging.disable_progress_bar()
    texts = ["goal match team", "soup and bread " * 40, "a ticket for the beach flight", "", "unheard-of words"]
    ours = Predictor.load(toy_run)(texts)
    classify = pipeline("text-classification", model=str(toy_run.directory / "model"), device="cpu", top_k=None)
    for row, scores in zip(ours.probabilities, classify(texts, truncation=True), strict=True):
        theirs = {score["label"]: score["score"] for score in scores}
        assert [theirs[label] for label in ours.labels] == pytest.approx(row, abs=1e-6)
    assert ours.labels == ("food", "sport", "travel")
    assert ours.names(ours.predicted)[:3] == ["sport", "food", "travel"]


def test_the_same_recipe_gives_the_same_model(short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    again = train(toy_recipe(toy_data, toy_model), tmp_path / "again")
    assert np.array_equal(probabilities(again), probabilities(short_run))
    assert np.array_equal(probabilities(again, "validation"), probabilities(short_run, "validation"))


def test_the_recipe_file_alone_gives_the_same_model(short_run: Run, tmp_path: Path) -> None:
    recipe = Recipe.load(short_run.directory / "recipe.toml")
    again = train(recipe, tmp_path / "again")
    assert again.recipe == recipe
    assert np.array_equal(probabilities(again), probabilities(short_run))


def test_another_seed_gives_another_model_on_the_same_rows(
    short_run: Run, toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    other = train(toy_recipe(toy_data, toy_model, seed=1), tmp_path / "other")
    assert other.predictions().row_ids == short_run.predictions().row_ids
    assert not np.array_equal(probabilities(other), probabilities(short_run))


def test_events_come_in_a_sensible_order(toy_run: Run) -> None:
    happened = toy_run.events()
    assert list(toy_run.watch()) == happened
    kinds = [type(event) for event in happened]
    assert kinds[0] is Note and kinds[-1] is RunEnded
    begun = kinds.index(RunStarted)
    assert not {StepLogged, Evaluated, CheckpointSaved} & set(kinds[:begun])
    assert [event.time for event in happened] == sorted(event.time for event in happened)
    started, ended = happened[begun], happened[-1]
    assert (started.rows, started.steps) == ({"train": 84, "validation": 12, "test": 24}, 8 * STEPS)
    assert (ended.status, ended.step) == ("completed", 8 * STEPS)
    steps = [event.step for event in of_kind(toy_run, StepLogged)]
    assert steps == sorted(set(steps)) and steps[-1] == 8 * STEPS
    assert [event.step for event in of_kind(toy_run, Evaluated)] == [STEPS * e for e in range(1, 9)]
    assert [event.epoch for event in of_kind(toy_run, Evaluated)] == list(range(1, 9))
    assert [event.step for event in of_kind(toy_run, CheckpointSaved)] == [STEPS * e for e in range(1, 9)]
    assert happened.index(of_kind(toy_run, Evaluated)[0]) < happened.index(of_kind(toy_run, CheckpointSaved)[0])
    first, last = of_kind(toy_run, StepLogged)[0], of_kind(toy_run, StepLogged)[-1]
    assert last.loss < 0.5 * first.loss
    assert last.seconds_left == 0
    assert first.tokens_per_second > first.examples_per_second > 0


def test_two_checkpoints_at_most_lie_on_the_disk(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    home = tmp_path / "run"
    seen = []

    def count(_: Event) -> None:
        if (home / "checkpoints").is_dir():
            seen.append(sorted(path.name for path in (home / "checkpoints").iterdir()))

    run = train(toy_recipe(toy_data, toy_model, evaluation={"every": 0.34}), home, watch=count)
    assert len(of_kind(run, CheckpointSaved)) == 9
    assert max(map(len, seen)) == 2
    assert not any("staging" in names for names in seen)
    assert not (home / "checkpoints").exists()


def test_early_stopping_keeps_the_best(
    toy_data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labkit.tasks import TextClassification

    steady = {"learning_rate": 1e-2, "schedule": "constant", "warmup": 0}
    scores = iter([0.1, 0.9, 0.1, 0.9, 0.5, 0.4, 0.3, 0.2])
    monkeypatch.setattr(TextClassification, "quick_metrics", lambda *_: {"macro_f1": next(scores)})
    two = train(toy_recipe(toy_data, toy_model, optimizer=steady, budget={"epochs": 2}), tmp_path / "two")
    recipe = toy_recipe(toy_data, toy_model, optimizer=steady, budget={"epochs": 6, "patience": 2})
    run = train(recipe, tmp_path / "run")
    assert run.status == "completed"
    assert [(e.epoch, e.best) for e in of_kind(run, Evaluated)] == [(1, True), (2, True), (3, False), (4, False)]
    assert np.array_equal(probabilities(run), probabilities(two))


def test_without_patience_the_best_is_kept_as_well(
    toy_data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lower is better for some metrics; named in the recipe, they choose the checkpoint."""
    from labkit.tasks import TextClassification

    steady = {"schedule": "constant", "warmup": 0}
    one = train(toy_recipe(toy_data, toy_model, optimizer=steady, budget={"epochs": 1}), tmp_path / "one")
    scores = iter([9.0, 0.1, 0.5, 0.4])  # one look before training: whether there is such a metric
    monkeypatch.setattr(TextClassification, "quick_metrics", lambda *_: {"log_loss": next(scores)})
    run = train(toy_recipe(toy_data, toy_model, optimizer=steady, evaluation={"metric": "log_loss"}), tmp_path / "run")
    assert [e.best for e in of_kind(run, Evaluated)] == [True, False, False]
    assert np.array_equal(probabilities(run), probabilities(one))


def test_any_metric_can_choose_the_checkpoint(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    run = train(
        toy_recipe(toy_data, toy_model, evaluation={"metric": "roc_auc"}, budget={"epochs": 1}), tmp_path / "run"
    )
    assert "roc_auc" in of_kind(run, Evaluated)[0].metrics


def test_a_metric_that_the_rows_do_not_have_is_refused_before_training(
    toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    recipe = toy_recipe(toy_data, toy_model, evaluation={"metric": "exact_match"})
    with pytest.raises(RecipeError, match="'exact_match' has no value on these rows with one label a row"):
        train(recipe, tmp_path / "run")
    run = Run(tmp_path / "run")
    assert run.status == "failed" and not of_kind(run, StepLogged)


def test_gradient_accumulation_takes_the_same_steps(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    """The sum of two half batches is a batch, also at the end of an epoch where the last one is small."""
    calm = {"model": {"dropout": 0.0}, "budget": {"length_grouped": False, "epochs": 2}}
    whole = train(toy_recipe(toy_data, toy_model, **calm), tmp_path / "whole")
    halves = train(
        toy_recipe(toy_data, toy_model, **calm, optimizer={"batch_size": 8, "gradient_accumulation": 2}),
        tmp_path / "halves",
    )
    assert of_kind(halves, RunStarted)[0].steps == of_kind(whole, RunStarted)[0].steps == 2 * STEPS
    assert probabilities(halves) == pytest.approx(probabilities(whole), abs=1e-3)


@pytest.mark.usefixtures("every_step_logged")
@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant", "polynomial", "inverse_sqrt"])
def test_schedules(schedule: str, toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    recipe = toy_recipe(
        toy_data, toy_model, optimizer={"schedule": schedule, "warmup": 0.5, "learning_rate": 1e-3},
        budget={"max_steps": 12}, data={"validation_share": 0.0, "test_share": 0.3},
    )  # fmt: skip
    rates = [event.learning_rate for event in of_kind(train(recipe, tmp_path / "run"), StepLogged)]
    assert len(rates) == 12
    assert rates[:7] == pytest.approx([1e-3 * i / 6 for i in range(7)]), "half of the steps rise"
    if schedule == "constant":
        assert rates[6:] == pytest.approx([1e-3] * 6)
    else:
        assert all(a > b > 0 for a, b in itertools.pairwise(rates[6:]))


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant", "polynomial", "inverse_sqrt"])
def test_schedules_at_the_edges(schedule: str, toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    """Warm-up over the whole training, a single step, a rate next to nothing."""
    for i, (rate, warmup, steps) in enumerate([(1e-3, 1.0, 3), (1e-3, 1.0, 1), (1e-9, 0.0, 2)]):
        asked = {"schedule": schedule, "warmup": warmup, "learning_rate": rate}
        recipe = toy_recipe(toy_data, toy_model, optimizer=asked, budget={"max_steps": steps})
        assert train(recipe, tmp_path / str(i)).status == "completed"


def weights(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    found = load_file(folder / "model.safetensors")
    return {name.removeprefix("bert."): value for name, value in found.items()}


def test_training_the_head_only_leaves_the_encoder(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    run = train(
        toy_recipe(toy_data, toy_model, technique={"trainable": "head"}, budget={"epochs": 1}), tmp_path / "run"
    )
    before, after = weights(toy_model), weights(run.directory / "model")
    assert before and all(np.array_equal(after[name], value) for name, value in before.items())
    assert np.abs(after["classifier.bias"]).max() > 0


def test_freezing_the_embeddings_leaves_their_table_only(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    run = train(
        toy_recipe(toy_data, toy_model, technique={"freeze_embeddings": True}, budget={"epochs": 1}), tmp_path / "run"
    )
    before, after = weights(toy_model), weights(run.directory / "model")
    same = {name for name, value in before.items() if np.array_equal(after[name], value)}
    assert same == {"embeddings.word_embeddings.weight"}


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows with one class much smaller than the others."""
    rows = [row for i, row in enumerate(toy_rows()) if row["topic"] != "travel" or i % 2]
    return write_csv(tmp_path_factory.mktemp("uneven") / "rows.csv", rows)


@pytest.fixture(scope="module")
def one_epoch(uneven: Path, toy_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(toy_recipe(uneven, toy_model, budget={"epochs": 1}), tmp_path_factory.mktemp("runs") / "one-epoch")


@pytest.mark.parametrize(
    "change",
    [
        {"technique": {"label_smoothing": 0.2}},
        {"technique": {"class_weights": True}},
        {"model": {"dropout": 0.4}},
        {"optimizer": {"max_gradient_norm": 0.01}},
        {"optimizer": {"weight_decay": 0.9}},
        {"optimizer": {"beta1": 0.5}},
        {"budget": {"epochs": 1, "length_grouped": False}},
    ],
    ids=str,
)
def test_settings_make_a_difference(
    change: dict[str, Any], one_epoch: Run, uneven: Path, toy_model: Path, tmp_path: Path
) -> None:
    other = train(toy_recipe(uneven, toy_model, **{"budget": {"epochs": 1}, **change}), tmp_path / "changed")
    assert one_epoch.predictions().row_ids == other.predictions().row_ids
    assert not np.array_equal(probabilities(one_epoch), probabilities(other))


def test_dropout_is_the_recipes(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    run = train(toy_recipe(toy_data, toy_model, model={"dropout": 0.35}, budget={"epochs": 0.2}), tmp_path / "run")
    config = strict_json(run.directory / "model" / "config.json")
    assert config["hidden_dropout_prob"] == config["attention_probs_dropout_prob"] == 0.35


@pytest.mark.parametrize(
    ("change", "steps", "evaluated"),
    [
        ({"evaluation": {"every": 0.5}, "budget": {"epochs": 2}}, 12, [3, 6, 9, 12]),
        ({"budget": {"epochs": 1.5}}, 9, [6, 9]),
        ({"budget": {"epochs": 0.3}}, 2, [2]),
        ({"budget": {"max_steps": 4}}, 4, [4]),
        ({"budget": {"max_steps": 400, "epochs": 1}}, 6, [6]),
        ({"optimizer": {"batch_size": 8, "gradient_accumulation": 4}, "budget": {"epochs": 2}}, 6, [3, 6]),
        ({"optimizer": {"batch_size": 500}, "budget": {"epochs": 2}}, 2, [1, 2]),
        ({"evaluation": {"every": 2.0}}, 18, [12, 18]),
    ],
    ids=str,
)
def test_how_long_and_how_often(
    change: dict[str, Any], steps: int, evaluated: list[int], toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    run = train(toy_recipe(toy_data, toy_model, **change), tmp_path / "run")
    assert of_kind(run, RunStarted)[0].steps == of_kind(run, RunEnded)[0].step == steps
    assert [event.step for event in of_kind(run, Evaluated)] == evaluated


def test_checkpoints_between_evaluations(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    run = train(toy_recipe(toy_data, toy_model, budget={"epochs": 1, "checkpoint_minutes": 1e-6}), tmp_path / "run")
    assert [event.step for event in of_kind(run, CheckpointSaved)] == [1, 2, 3, 4, 5, 6]
    assert [event.step for event in of_kind(run, Evaluated)] == [6]


def test_without_validation_rows_the_last_state_is_the_model(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    run = train(toy_recipe(toy_data, toy_model, data={"validation_share": 0.0}, budget={"epochs": 1}), tmp_path / "run")
    assert of_kind(run, Evaluated) == []
    assert set(run.evaluations) == {"test"}
    assert run.summary()["metrics"]["accuracy"] == run.evaluation.headline["accuracy"].value


def test_with_training_rows_only_there_is_a_model_and_no_figure(
    toy_data: Path, toy_model: Path, tmp_path: Path
) -> None:
    none = {"validation_share": 0.0, "test_share": 0.0}
    run = train(toy_recipe(toy_data, toy_model, data=none, budget={"epochs": 0.2}), tmp_path / "run")
    assert run.status == "completed"
    assert len(Predictor.load(run)("a goal")) == 1
    with pytest.raises(RunError, match="without validation or test rows"):
        _ = run.evaluation


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_several_labels_a_row(toy_model: Path, tmp_path: Path) -> None:
    rows = []
    for a, b in zip(toy_rows(180, 1), toy_rows(180, 2)[1:], strict=False):
        both = len(a["text"]) % 2
        labels = sorted({a["topic"], b["topic"]}) if both else [a["topic"]]
        rows.append({"text": f"{a['text']} {b['text']}" if both else a["text"], "topics": labels})
    data = write_lines(tmp_path / "rows.jsonl", rows)
    run = train(toy_recipe(data, toy_model, budget={"epochs": 4}, technique={"class_weights": True}), tmp_path / "run")
    assert run.recipe.data.multi_label is True
    predictions, validation = run.predictions(), run.predictions("validation")
    assert predictions.multi_label and predictions.gold is not None and predictions.gold.sum(axis=1).max() == 2
    assert predictions.labels == ("food", "sport", "travel")
    assert {"exact_match", "micro_f1"} <= set(of_kind(run, Evaluated)[0].metrics)

    stored = strict_json(run.directory / "model" / "labkit.json")["thresholds"]
    assert stored != [0.5, 0.5, 0.5] and len(stored) == 3
    assert predictions.thresholds is not None and validation.thresholds is not None
    assert predictions.thresholds.tolist() == validation.thresholds.tolist() == stored
    predictor = Predictor.load(run)
    fresh = predictor([row["text"] for row in rows[:50]])
    assert fresh.thresholds is not None and fresh.thresholds.tolist() == stored
    assert np.array_equal(fresh.predicted, fresh.probabilities >= np.array(stored))
    assert run.evaluation.headline["micro_f1"].value > 0.5


def test_the_threshold_of_a_rare_class(toy_model: Path, tmp_path: Path) -> None:
    from transformers import pipeline

    # every third text about food is to be found: none of them is likelier to be so than not
    rows = [
        row | {"topic": "found" if row["topic"] == "food" and i % 9 == 0 else "other"}
        for i, row in enumerate(toy_rows(360, 1))
    ]
    data = write_csv(tmp_path / "rare.csv", rows)
    recipe = toy_recipe(data, toy_model, data={"validation_share": 0.3}, evaluation={"baselines": True})
    plain = train(recipe, tmp_path / "plain")
    run = train(recipe.with_values(technique={"tune_threshold": True}), tmp_path / "run")
    at_half, tuned = plain.predictions("validation"), run.predictions("validation")
    assert np.array_equal(at_half.probabilities, tuned.probabilities), "the training is the same"
    assert tuned.thresholds is not None and tuned.thresholds[0] != 0.5
    assert not np.array_equal(tuned.predicted, at_half.predicted)
    metrics = [strict_json(one.directory / "metrics.json")["validation"]["metrics"] for one in (plain, run)]
    assert metrics[1]["macro_f1"] > metrics[0]["macro_f1"]
    assert run.evaluation.thresholds == tuple(tuned.thresholds)
    assert run.predictions("test").thresholds.tolist() == tuned.thresholds.tolist()
    assert run.predictions("test", "tf-idf-logistic-regression").thresholds is not None, "tuned alike"

    predictor = Predictor.load(run)
    texts = [row["text"] for row in rows[:60]]
    said = predictor(texts)
    assert not np.array_equal(said.predicted, said.probabilities.argmax(axis=1))
    # the code of the model card, with transformers alone
    card = (run.directory / "README.md").read_text("utf-8")
    code = card.split("```python\n")[1].split("```")[0]
    *before, last = code.replace("run/model", str(run.model_folder)).strip().splitlines()
    known: dict[str, Any] = {"pipeline": pipeline}
    exec("\n".join(before), known)  # noqa: S102 - what a reader of the card would do
    for text, label in zip(texts, said.names(said.predicted), strict=True):
        known["scores"] = {one["label"]: one["score"] for one in known["classify"]([text])[0]}
        assert eval(last, known) == label  # noqa: S307


def test_thresholds_that_cannot_be_tuned_are_refused(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    asked = {"technique": {"tune_threshold": True}}
    with pytest.raises(RecipeError, match="is for two classes, and the data has 3: set it to false"):
        train(toy_recipe(toy_data, toy_model, **asked), tmp_path / "run")
    two = [row for row in toy_rows(60) if row["topic"] != "food"]
    data = write_csv(tmp_path / "two.csv", two)
    with pytest.raises(RecipeError, match="needs a validation split"):
        train(toy_recipe(data, toy_model, **asked, data={"validation_share": 0.0}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_pairs_of_texts(toy_model: Path, tmp_path: Path) -> None:
    rows = [
        {"text_a": a["text"], "text_b": b["text"], "label": "same" if a["topic"] == b["topic"] else "other"}
        for i, (a, b) in enumerate(zip(toy_rows(120, 1), toy_rows(121, 2)[1:] + toy_rows(1, 3), strict=False))
        for b in ([a] if i % 2 else [b])
    ]
    data = write_csv(tmp_path / "pairs.csv", rows)
    asked = {"text": "text_a", "text_pair": "text_b"}
    run = train(toy_recipe(data, toy_model, data=asked, budget={"epochs": 1}), tmp_path / "run")
    predictor = Predictor.load(run)
    first, second = [row["text_a"] for row in rows[:9]], [row["text_b"] for row in rows[:9]]
    paired, alone = predictor(first, pairs=second), predictor(first)
    assert not np.array_equal(paired.probabilities, alone.probabilities)
    assert paired.labels == ("other", "same")
    batch = predictor.encode({"text": first, "text_pair": second}).batch([0, 1], 0)
    assert set(batch["token_type_ids"][0].tolist()) == {0, 1}
    with pytest.raises(DataError, match="9 second texts"):
        predictor(first, pairs=second[:3])
    with pytest.raises(DataError, match="9 second texts"):
        predictor(first, pairs=[None] * 9)  # type: ignore[list-item]


@pytest.fixture(scope="module")
def toy_decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 of two layers, whose tokenizer has no padding token."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from toys import WORDS
    from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = tmp_path_factory.mktemp("decoder") / "gpt"
    words = ["<|endoftext|>", "<unk>", *FILLER, *(word for group in WORDS.values() for word in group)]
    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<|endoftext|>", unk_token="<unk>", model_max_length=64
    )
    config = GPT2Config(
        vocab_size=len(words), n_embd=32, n_layer=2, n_head=2, n_positions=64, eos_token_id=0, bos_token_id=0
    )
    GPT2Model(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_causal_model_without_a_padding_token(toy_data: Path, toy_decoder: Path, tmp_path: Path) -> None:
    run = train(toy_recipe(toy_data, toy_decoder, optimizer={"learning_rate": 1e-2}), tmp_path / "run")
    assert run.status == "completed"
    predictor = Predictor.load(run)
    texts = ["goal", "soup bread and salt with a fresh sauce for dinner", "train ticket"]
    together = predictor(texts).probabilities
    alone = np.vstack([predictor(text).probabilities for text in texts])
    assert together == pytest.approx(alone, abs=1e-5), "padding must not change a prediction"


def test_a_directory_with_other_things_in_it_is_left_alone(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(RunError, match=r"thesis\.tex.*nothing is ever overwritten"):
        train(toy_recipe(toy_data, toy_model), tmp_path)
    with pytest.raises(RunError, match="to write the run directory"):
        train(toy_recipe(toy_data, toy_model), tmp_path / "thesis.tex")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_is_refused_before_a_step_leaves_nothing_behind(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for changes in (
        {"model": {"layers": 9}},
        {"technique": {"trainable": "lora"}, "adapter": {"targets": ["qery"]}},
        {"distillation": {"teacher": "nobody"}},
    ):
        recipe = toy_recipe(toy_data, toy_model).with_values(**changes)
        with pytest.raises(LabError):
            train(recipe, tmp_path / "deep" / "deeper" / "run")
        assert not (tmp_path / "deep").exists()
        with pytest.raises(LabError):
            train(recipe, tmp_path / "there" / "run")
        assert (tmp_path / "there").is_dir() and not any((tmp_path / "there").iterdir())


def test_a_new_directory_is_named_after_data_and_model(
    toy_data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = train(toy_recipe(toy_data, toy_model, budget={"epochs": 0.2}))
    assert run.directory.parent == tmp_path / "runs"
    assert run.directory.name.endswith("-toy-model")
    from labkit.training import runs

    assert [found.directory for found in runs()] == [run.directory]
