"""What is said about trainings of known kinds: made-up histories, and short real ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toys import toy_recipe

from labkit.errors import RunError
from labkit.events import Evaluated, Event, Note, RunEnded, RunStarted, StepLogged, from_json, to_json
from labkit.training import Diagnosis, Recipe, Run, diagnose, train

EPOCHS, PER_EPOCH = 8, 50
SERIOUS = ("serious", "warning")


def history(
    loss: Callable[[float], float],
    validation: Callable[[float], dict[str, float]] | None = None,
    *,
    until: float = EPOCHS,
    per_epoch: int = PER_EPOCH,
    ended: bool = True,
    labels: int = 4,
    rate: float = 2e-4,
    extra: Callable[[float], dict[str, Any]] = lambda epoch: {},
) -> list[Event]:
    """Events of a run of eight epochs; ``loss`` and ``validation`` are functions of the epoch."""
    rows = {"train": 1600, "validation": 200} if validation else {"train": 1600}
    total = EPOCHS * per_epoch
    events: list[Event] = [
        RunStarted(run="r", task="text-classification", model="m", rows=rows, steps=total, epochs=EPOCHS, labels=labels)
    ]
    for step in range(1, int(until * per_epoch) + 1):
        epoch = step / per_epoch
        wobble = 1 + 0.15 * math.sin(step * 2.3)  # batches differ
        if step % 2 == 0:
            falling = rate * (1 - step / total) if step > 0.1 * total else rate * step / (0.1 * total)
            events.append(
                StepLogged(step=step, epoch=epoch, loss=loss(epoch) * wobble, learning_rate=falling, **extra(epoch))
            )
        if validation and step % per_epoch == 0:
            events.append(Evaluated(step=step, epoch=epoch, split="validation", metrics=validation(epoch)))
    if ended:
        events.append(RunEnded(status="completed", step=total, seconds=60))
    return events


def falling(epoch: float) -> float:
    return 1.4 * math.exp(-0.6 * epoch) + 0.02


def fine(epoch: float) -> dict[str, float]:
    score = 0.9 - 0.5 * math.exp(-1.2 * epoch)
    return {"accuracy": score, "macro_f1": score, "mcc": score - 0.1, "log_loss": 0.3 + math.exp(-1.2 * epoch)}


def kinds(found: list[Diagnosis]) -> list[str]:
    return [one.kind for one in found]


def one(found: list[Diagnosis], kind: str) -> Diagnosis:
    (match,) = [each for each in found if each.kind == kind]
    return match


def recipe_of(**sections: Any) -> Recipe:
    return Recipe.from_dict({"data": {"train": "x.csv"}}).with_values(**sections)


def settable(found: list[Diagnosis], recipe: Recipe | None = None) -> None:
    """Every proposed change makes a recipe that can be run, and another one than that of the run."""
    for each in found:
        nested: dict[str, Any] = {}
        for name, value in each.changes.items():
            section, _, setting = name.partition(".")
            if setting:
                nested.setdefault(section, {})[setting] = value
            else:
                nested[section] = value
        base = recipe or recipe_of()
        changed = base.with_values(**nested)
        if recipe is not None:
            assert not each.changes or changed != recipe, each
            assert len(each.changes) <= 4


def test_a_good_run_is_well() -> None:
    found = diagnose(history(falling, fine))
    assert kinds(found) == ["well"]
    assert found[0].severity == "good" and "0.900" in found[0].text and "epoch 8.0" in found[0].text


def test_the_first_steps_say_nothing_yet() -> None:
    assert kinds(diagnose([])) == ["too-early"]
    assert kinds(diagnose([Note(text="Reading the data.")])) == ["too-early"]
    assert kinds(diagnose(history(falling, fine, until=0.1, ended=False))) == ["too-early"]
    for until in (0.3, 0.9):
        events = history(falling, fine, until=until, ended=False)
        steps = sum(type(event).__name__ == "StepLogged" for event in events)
        assert kinds(diagnose(events)) == ["too-early" if steps < 20 else "well"], steps


def test_overfitting_is_measured_and_dated() -> None:
    def worse(epoch: float) -> dict[str, float]:
        score = 0.8 - 0.03 * max(0.0, epoch - 3)
        return {"macro_f1": score, "mcc": score, "log_loss": 0.5 + 0.1 * abs(epoch - 3)}

    found = diagnose(history(falling, worse))
    seen = one(found, "overfitting")
    assert seen.severity == "serious"
    assert "risen by 100 % since epoch 3.0 (0.50 to 1.00)" in seen.text
    assert "fell from 0.800 (epoch 1.0) to 0.650" in seen.text
    assert seen.changes["model.dropout"] == 0.2 and seen.changes["technique.r_drop"] == 1.0
    assert seen.changes["budget.epochs"] == 1.0
    assert "plateau" not in kinds(found), "one thing is said once"
    settable(found)


def test_a_model_that_only_grows_surer_is_no_alarm() -> None:
    def surer(epoch: float) -> dict[str, float]:
        score = min(0.9, 0.6 + 0.1 * epoch)
        return {"macro_f1": score, "mcc": score, "log_loss": 0.4 + 0.03 * abs(epoch - 3)}

    seen = one(diagnose(history(falling, surer)), "overfitting")
    assert seen.severity == "note" and "holds at 0.900" in seen.text
    assert seen.changes["technique.label_smoothing"] == 0.1


def test_validation_loss_that_rises_with_training_loss_is_not_overfitting() -> None:
    def worse(epoch: float) -> dict[str, float]:
        return {"macro_f1": 0.5, "mcc": 0.5, "log_loss": 0.5 + 0.1 * epoch}

    assert "overfitting" not in kinds(diagnose(history(lambda epoch: 0.5 + 0.05 * epoch, worse)))


def test_divergence_names_the_rise_and_a_lower_rate() -> None:
    events = history(lambda epoch: falling(epoch) if epoch < 3 else 2.5, fine, until=4, ended=False)
    found = diagnose(events)
    seen = one(found, "diverging")
    assert seen is found[0] and seen.severity == "serious"
    assert "(epoch 4.0), more than guessing costs (1.39)" in seen.text
    assert seen.changes["optimizer.learning_rate"] == pytest.approx(4e-5)
    settable(found)


def test_a_loss_above_guessing_from_the_start_is_divergence() -> None:
    seen = one(diagnose(history(lambda epoch: 9.0, fine, until=1, ended=False)), "diverging")
    assert "guessing among 4 classes costs (1.39)" in seen.text


def test_one_bad_batch_is_no_divergence() -> None:
    events = history(lambda epoch: 4.0 if 3.99 < epoch < 4.01 else falling(epoch), fine, until=4, ended=False)
    assert "diverging" not in kinds(diagnose(events))


def test_exploding_gradients() -> None:
    def norm(epoch: float) -> dict[str, Any]:
        return {"gradient_norm": 1.0 if epoch < 3 else 500.0}

    seen = one(diagnose(history(falling, fine, until=4, ended=False, extra=norm)), "diverging")
    assert "from 1 to 5e+02" in seen.text


def test_a_loss_that_is_no_number() -> None:
    events = history(falling, fine, until=2, ended=False)
    lost = StepLogged(step=101, epoch=2.02, loss=math.nan, learning_rate=1e-4)
    for event in (lost, from_json(to_json(lost))):
        assert event is not None
        found = diagnose([*events, event])
        assert found[0].kind == "not-finite" and "at step 101 (epoch 2.0)" in found[0].text
        settable(found)


def test_a_failed_run_says_why() -> None:
    end = RunEnded(status="failed", step=10, seconds=1, error="Expected enough memory.")
    found = diagnose([*history(falling, fine, until=1, ended=False), end])
    assert found[0].kind == "failed" and "Expected enough memory." in found[0].text
    assert "well" not in kinds(found)


def stuck(epoch: float) -> dict[str, float]:
    return {"accuracy": 0.4, "macro_f1": 0.14, "mcc": 0.0, "log_loss": 1.38}


@pytest.mark.parametrize(("rate", "proposed"), [(0.5, 2e-4), (1e-6, 2e-5), (2e-4, None)])
def test_a_head_that_does_not_learn(rate: float, proposed: float | None) -> None:
    found = diagnose(history(lambda epoch: 1.38, stuck, until=4, ended=False, rate=rate))
    seen = one(found, "not-learning")
    assert seen is found[0] and seen.severity == "serious"
    assert "guessing among 4 classes costs (1.39)" in seen.text and "accuracy of 0.40" in seen.text
    assert seen.changes.get("optimizer.learning_rate") == (proposed and pytest.approx(proposed))
    settable(found)


def test_not_learning_is_seen_without_validation_and_without_the_number_of_classes() -> None:
    assert "not-learning" in kinds(diagnose(history(lambda epoch: 1.38, until=5, ended=False)))
    assert "not-learning" in kinds(diagnose(history(lambda epoch: 1.38, stuck, labels=0)))
    assert "not-learning" not in kinds(diagnose(history(lambda epoch: 1.38, stuck, until=1, ended=False))), "too soon"


def test_a_run_stopped_early_is_not_judged_as_a_whole_one() -> None:
    events = history(lambda epoch: 1.38, stuck, until=1, ended=False)
    assert "not-learning" not in kinds(diagnose([*events, RunEnded(status="stopped", step=50, seconds=9)]))


def test_a_plateau() -> None:
    def flat(epoch: float) -> dict[str, float]:
        return {"macro_f1": min(0.8, 0.4 + 0.2 * epoch), "mcc": 0.6, "log_loss": 0.5}

    found = diagnose(history(falling, flat, until=6, ended=False))
    seen = one(found, "plateau")
    assert "no better than 0.800 since epoch 2.0: 4 evaluations" in seen.text
    assert seen.changes == {"budget.patience": 3}
    assert "plateau" not in kinds(diagnose(history(falling, flat, until=4, ended=False)))
    settable(found)


def test_a_run_that_ended_too_soon() -> None:
    def rising(epoch: float) -> dict[str, float]:
        return {"macro_f1": 0.3 + 0.05 * epoch, "mcc": 0.5, "log_loss": 1.0 - 0.05 * epoch}

    seen = one(diagnose(history(falling, rising)), "still-improving")
    assert seen.severity == "warning" and "0.600, 0.650, 0.700" in seen.text
    assert seen.changes == {"budget.epochs": 12.0}
    assert "still-improving" not in kinds(diagnose(history(falling, rising, until=5, ended=False))), "it goes on"


def test_few_steps() -> None:
    found = diagnose(history(falling, fine, per_epoch=4))
    assert "32 optimiser steps" in one(found, "few-steps").text
    assert one(found, "few-steps").changes["budget.epochs"] * 4 >= 100
    assert "well" not in kinds(found)
    settable(found)


def test_hints_about_the_learning_rate() -> None:
    def jumping(epoch: float) -> dict[str, float]:
        return {"macro_f1": 0.7 if round(epoch) % 2 else 0.55, "mcc": 0.5, "log_loss": 0.6}

    high = one(diagnose(history(falling, jumping)), "learning-rate-high")
    assert "fell 4 times" in high.text and high.changes["optimizer.learning_rate"] < 1e-4
    slow = history(lambda epoch: 1.38 - 0.03 * epoch, fine, rate=1e-6)
    low = one(diagnose(slow), "learning-rate-low")
    assert low.changes["optimizer.learning_rate"] == pytest.approx(2e-5)


def test_a_machine_that_slows_down_or_fills_up() -> None:
    def tired(epoch: float) -> dict[str, Any]:
        return {"tokens_per_second": 9000.0 if epoch < 4 else 2000.0, "memory_mb": 900 + 300 * epoch}

    found = diagnose(history(falling, fine, extra=tired))
    assert "from 9,000 to 2,000 tokens a second" in one(found, "slow").text
    assert "memory-growing" in kinds(found) and "well" not in kinds(found)

    def steady(epoch: float) -> dict[str, Any]:
        return {"tokens_per_second": 9000.0 * (1 + 0.3 * math.sin(epoch * 40)), "memory_mb": 1500.0}

    assert kinds(diagnose(history(falling, fine, extra=steady))) == ["well"]


def test_no_validation_split_is_said() -> None:
    seen = one(diagnose(history(falling)), "no-validation")
    assert seen.changes == {"data.validation_share": 0.1}


def test_a_resumed_run_is_judged_by_what_counts() -> None:
    bad = history(lambda epoch: 9.0 if epoch > 2 else falling(epoch), fine, until=3, ended=False)
    whole = history(falling, fine)
    began = whole[0]
    assert isinstance(began, RunStarted)
    resumed = RunStarted(**{**began.__dict__, "from_step": 100})
    assert "diverging" in kinds(diagnose(bad))
    assert kinds(diagnose([*bad, resumed, *(e for e in whole[1:] if getattr(e, "step", 0) > 100)])) == ["well"]


@pytest.mark.parametrize("case", [(falling, fine), (lambda epoch: 9.0, stuck), (falling, None)])
def test_any_part_of_a_history_can_be_judged(case: Any) -> None:
    events = history(*case, per_epoch=6)
    for end in range(len(events) + 1):
        for part in (events[:end], events[end:], events[1:end:3]):
            found = diagnose(part)
            assert found and all(each.text for each in found)
            settable(found)


def test_empty_metrics_and_null_values_are_read() -> None:
    events = [
        *history(falling, fine, until=1, ended=False),
        Evaluated(step=51, epoch=1.1, split="validation", metrics={}),
        Evaluated(step=52, epoch=1.1, split="validation", metrics={"macro_f1": None}),  # type: ignore[dict-item]
        StepLogged(step=53, epoch=1.1, loss=0.5, learning_rate=None, tokens_per_second=math.nan),  # type: ignore[arg-type]
    ]
    assert kinds(diagnose(events)) == ["well"]


def test_a_toy_run_that_learned_is_fine(toy_run: Run) -> None:
    started = next(event for event in toy_run.events() if isinstance(event, RunStarted))
    assert (started.labels, started.learning_rate) == (3, 1e-2)
    assert not [each for each in diagnose(toy_run) if each.severity in SERIOUS]


def silly(toy_data: Path, toy_model: Path, rate: float, **optimizer: Any) -> Any:
    return toy_recipe(
        toy_data,
        toy_model,
        optimizer={"learning_rate": rate, **optimizer},
        budget={"epochs": 6},
        model={"dropout": 0.0},
    )


@pytest.mark.parametrize(("rate", "expected"), [(1.0, {"diverging", "not-learning"}), (1e-7, {"not-learning"})])
def test_a_silly_learning_rate_is_seen_in_a_real_run(
    rate: float, expected: set[str], toy_data: Path, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.training._trainer.LOG_SECONDS", 0.0)
    found = diagnose(train(silly(toy_data, toy_model, rate), tmp_path / "run"))
    assert found[0].severity == "serious" and found[0].kind in expected
    proposed = found[0].changes["optimizer.learning_rate"]
    assert proposed < rate if rate == 1 else proposed > rate


def test_a_real_run_without_a_finite_loss(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="diverged"):
        train(silly(toy_data, toy_model, 1.0, epsilon=0), tmp_path / "run")
    found = diagnose(Run(tmp_path / "run"))
    assert found[0].kind == "not-finite" and "after step" in found[0].text
    assert found[0].changes["optimizer.learning_rate"] < 1.0


# --- with the recipe ------------------------------------------------------------------------------------------------


def memorised(epoch: float) -> dict[str, float]:
    score = 0.8 - 0.03 * max(0.0, epoch - 3)
    return {"macro_f1": score, "mcc": score, "log_loss": 0.5 + 0.1 * abs(epoch - 3)}


def jumping(epoch: float) -> dict[str, float]:
    return {"macro_f1": 0.7 if round(epoch) % 2 else 0.55, "mcc": 0.5, "log_loss": 0.6}


@pytest.mark.parametrize(
    ("trainable", "rate"),
    [("head", 3e-3), ("ia3", 5e-3), ("prompt", 1e-2), ("lora", 1e-3), ("all", 2e-4), ("top", 5e-5)],
)
def test_a_usual_rate_for_what_is_trained_is_not_called_high(trainable: str, rate: float) -> None:
    recipe = recipe_of(technique={"trainable": trainable}, optimizer={"learning_rate": rate})
    seen = one(diagnose(history(lambda epoch: 1.38, stuck, rate=rate), recipe), "not-learning")
    assert "learning rate of" not in seen.advice
    calmer = one(diagnose(history(falling, jumping, rate=rate), recipe), "learning-rate-high")
    assert rate / 4 < calmer.changes["optimizer.learning_rate"] < rate / 2, "a third, not a rate for all weights"
    settable([seen, calmer], recipe)


@pytest.mark.parametrize(
    ("technique", "rate", "proposed", "said"),
    [
        ({"trainable": "head"}, 0.5, 3e-3, "high for training a head alone, where 0.0006 to 0.003 are usual"),
        ({"trainable": "prompt"}, 1e-4, 2e-3, "low for training prompt"),
        ({}, 0.5, 2e-4, "high for fine-tuning all weights"),
    ],
)
def test_an_unusual_rate_is_judged_by_what_is_trained(
    technique: dict[str, Any], rate: float, proposed: float, said: str
) -> None:
    recipe = recipe_of(technique=technique, optimizer={"learning_rate": rate})
    seen = one(diagnose(history(lambda epoch: 1.38, stuck, rate=rate), recipe), "not-learning")
    assert said in seen.advice and seen.changes == {"optimizer.learning_rate": proposed}


def test_a_starter_model_takes_a_higher_rate() -> None:
    recipe = recipe_of(model={"name": "starter:encoder"}, optimizer={"learning_rate": 2e-3})
    seen = one(diagnose(history(lambda epoch: 1.38, stuck, rate=2e-3), recipe), "not-learning")
    assert "learning rate of" not in seen.advice


def test_events_alone_say_that_few_weights_are_trained() -> None:
    began, *events = history(lambda epoch: 1.38, stuck, rate=3e-3)
    assert isinstance(began, RunStarted)
    few = RunStarted(**{**began.__dict__, "parameters": 22_000_000, "trained": 30_000})
    assert "is high" not in one(diagnose([few, *events]), "not-learning").advice
    assert "is high for fine-tuning all weights" in one(diagnose([began, *events]), "not-learning").advice


def test_a_head_that_learns_nothing_needs_more_than_a_head() -> None:
    recipe = recipe_of(technique={"trainable": "head"}, optimizer={"learning_rate": 3e-3})
    seen = one(diagnose(history(lambda epoch: 1.38, stuck, rate=3e-3), recipe), "not-learning")
    assert seen.changes == {"technique.trainable": "all", "optimizer.learning_rate": 0.0}
    tuned = recipe.with_values(technique={"contrastive": 10, "solver": "lbfgs"}, model={"pooling": "mean"})
    assert not one(diagnose(history(lambda epoch: 1.38, stuck, rate=5e-5), tuned), "not-learning").changes


def overfitted(**sections: Any) -> Diagnosis:
    recipe = recipe_of(**sections)
    found = diagnose(history(falling, memorised), recipe)
    settable(found, recipe)
    return one(found, "overfitting")


def test_what_counters_overfitting_goes_on_where_the_recipe_ends() -> None:
    """Each proposal is followed, as with the button, until there is nothing left to propose."""
    recipe, tried = recipe_of(), []
    for _ in range(5):
        seen = one(diagnose(history(falling, memorised), recipe), "overfitting")
        remedies = {name: value for name, value in seen.changes.items() if name != "budget.epochs"}
        assert len(seen.changes) <= 4
        if not remedies:
            break
        tried += list(remedies.items())
        for name, value in remedies.items():
            section, _, setting = name.partition(".")
            recipe = recipe.with_values(**{section: {setting: value}})
    assert tried == [
        ("model.dropout", 0.2),
        ("technique.r_drop", 1.0),
        ("technique.label_smoothing", 0.1),
        ("technique.l2_sp", 0.1),
        ("data.augment", ["typos", "delete", "swap"]),
        ("technique.averaging", 0.99),
        ("optimizer.weight_decay", 0.1),
        ("technique.mixout", 0.3),
    ]
    assert "more data" in seen.advice


def test_the_first_proposals_name_those_that_come_after_them() -> None:
    seen = overfitted()
    assert list(seen.changes) == ["budget.epochs", "model.dropout", "technique.r_drop", "technique.label_smoothing"]
    assert "fewer epochs, more dropout, R-Drop" in seen.advice
    assert all(word in seen.advice for word in ("L2-SP", "augment", "averaged weights", "weight decay"))


def test_a_setting_is_not_made_weaker() -> None:
    seen = overfitted(
        model={"dropout": 0.3},
        technique={"r_drop": 3.0, "label_smoothing": 0.2},
        optimizer={"weight_decay": 0.2, "warmup": 0.4},
        data={"augment": ["typos"]},
    )
    assert list(seen.changes) == ["budget.epochs", "technique.l2_sp", "technique.averaging"]
    recipe = recipe_of(optimizer={"warmup": 0.4}, budget={"checkpoint_minutes": 1.0, "patience": 2}, seed=1)
    diverged = diagnose(history(lambda epoch: falling(epoch) if epoch < 3 else 2.5, fine, until=4, ended=False), recipe)
    assert "optimizer.warmup" not in one(diverged, "diverging").changes
    idle = one(diagnose(history(lambda epoch: 1.38, stuck), recipe), "not-learning")
    assert idle.changes == {"seed": 2}

    def tired(epoch: float) -> dict[str, Any]:
        return {"memory_mb": 900 + 300 * epoch}

    assert not one(diagnose(history(falling, fine, extra=tired), recipe), "memory-growing").changes

    def flat(epoch: float) -> dict[str, float]:
        return {"macro_f1": min(0.8, 0.4 + 0.2 * epoch), "mcc": 0.6, "log_loss": 0.5}

    patient = one(diagnose(history(falling, flat), recipe), "plateau")
    assert not patient.changes and "earlier" not in patient.advice, "patience has ended it"


@pytest.mark.parametrize(
    "sections",
    [
        {"distillation": {"teacher": "runs/large"}},
        {"technique": {"mixup": 0.2}},
        {"technique": {"trainable": "lora"}},
        {"technique": {"trainable": "bias"}},
        {"technique": {"trainable": "head"}},
        {"technique": {"loss": "focal"}},
        {"technique": {"loss": "ordinal"}},
        {"data": {"scores": True}},
        {"task": "fill-mask"},
        {"task": "token-classification"},
        {"model": {"name": "starter:encoder"}},
    ],
    ids=str,
)
def test_only_what_goes_with_the_recipe_is_proposed(sections: dict[str, Any]) -> None:
    changes = overfitted(**sections).changes
    technique, others = sections.get("technique", {}), sections.keys() - {"technique"}
    assert "budget.epochs" in changes and "model.dropout" in changes
    assert ("technique.r_drop" in changes) == (not others & {"distillation"} and technique.get("trainable") != "head"
                                               and not technique.get("mixup"))  # fmt: skip
    assert ("technique.label_smoothing" in changes) == (
        "loss" not in technique and "scores" not in sections.get("data", {})
    )
    if technique.get("trainable") == "lora":
        rest = overfitted(technique={**technique, "r_drop": 1.0, "label_smoothing": 0.1}).changes
        assert rest["adapter.dropout"] == 0.1 and "technique.l2_sp" not in rest
    if technique.get("trainable") == "head":
        assert "data.augment" in changes and "technique.averaging" not in changes
    rest = overfitted(**{**sections, "model": {**sections.get("model", {}), "dropout": 0.3}}).changes
    assert ("data.augment" in rest) <= (sections.get("task") != "fill-mask")
    assert ("technique.l2_sp" in rest) <= ("model" not in sections)


def test_surer_without_label_smoothing_is_told_to_train_less() -> None:
    def surer(epoch: float) -> dict[str, float]:
        score = min(0.9, 0.6 + 0.1 * epoch)
        return {"macro_f1": score, "mcc": score, "log_loss": 0.4 + 0.03 * abs(epoch - 3)}

    recipe = recipe_of(technique={"label_smoothing": 0.2})
    seen = one(diagnose(history(falling, surer), recipe), "overfitting")
    assert list(seen.changes) == ["budget.epochs"] and "smoothing" not in seen.advice


def probe(metrics: dict[str, float] | None) -> list[Event]:
    """What a head that L-BFGS fits says: no step, and one evaluation."""
    rows = {"train": 1280, "validation": 200} if metrics else {"train": 1280}
    events: list[Event] = [
        RunStarted(
            run="r", task="text-classification", model="m", rows=rows, steps=40, epochs=1, labels=4, learning_rate=3e-3
        )
    ]
    if metrics:
        events.append(Evaluated(step=1, epoch=1.0, split="validation", metrics=metrics, best=True))
    return [*events, RunEnded(status="completed", step=40, seconds=3)]


def test_a_head_that_is_fitted_to_the_end_has_no_steps_to_judge() -> None:
    recipe = recipe_of(technique={"trainable": "head", "solver": "lbfgs"}, model={"pooling": "mean"})
    found = diagnose(probe({"macro_f1": 0.8, "mcc": 0.7, "log_loss": 0.5}), recipe)
    assert kinds(found) == ["well"] and "fitted to the end; Macro F1 on validation is 0.800" in found[0].text
    assert "few-steps" in kinds(diagnose(probe({"macro_f1": 0.8, "mcc": 0.7, "log_loss": 0.5})))

    found = diagnose(probe(None), recipe)
    assert kinds(found) == ["no-validation", "well"] and "last model" not in found[0].text
    assert found[0].changes == {}, "the recipe carves one off already: there were too few rows"

    (seen,) = diagnose(probe({"macro_f1": 0.1, "mcc": 0.0, "log_loss": 1.4, "accuracy": 0.25}), recipe)
    assert seen.kind == "not-learning" and "MCC on validation is 0.00 at an accuracy of 0.25" in seen.text
    assert seen.changes == {"technique.solver": "adamw", "technique.trainable": "all"}
    settable([seen], recipe)

    (seen,) = diagnose(probe({"macro_f1": 0.1, "mcc": 0.0, "log_loss": math.nan}), recipe)
    assert seen.kind == "not-finite" and seen.changes == {"budget.precision": "float32"}


def test_few_steps_of_a_head_are_not_a_matter_of_seeds() -> None:
    recipe = recipe_of(technique={"trainable": "head"})
    seen = one(diagnose(history(falling, fine, per_epoch=4), recipe), "few-steps")
    assert "seed" not in seen.text and seen.changes


def test_a_run_brings_its_recipe(toy_data: Path, toy_model: Path, tmp_path: Path) -> None:
    """The rule of few steps, which a toy run breaks, is not for a solver without steps."""
    base = toy_recipe(toy_data, toy_model)
    assert "few-steps" in kinds(diagnose(train(base, tmp_path / "steps")))
    solved = base.with_values(technique={"trainable": "head", "solver": "lbfgs"}, model={"pooling": "mean"})
    run = train(solved, tmp_path / "solved")
    found = diagnose(run)
    assert "few-steps" not in kinds(found) and found == diagnose(run.events(), run.recipe)


def test_a_recipe_that_cannot_be_read_does_not_silence_the_diagnosis(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("[nonsense\n", "utf-8")
    (tmp_path / "events.jsonl").write_text("\n".join(map(to_json, history(falling, memorised))), "utf-8")
    assert "overfitting" in kinds(diagnose(Run(tmp_path)))
