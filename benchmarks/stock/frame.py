"""What all tasks share: the settings of a training, the arguments of the stock Trainer, and labkit's run with its times."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One training.

    Attributes:
        folder: with train.jsonl and test.jsonl.
        model: folder of the base model.
        epochs, batch, rate, seed: as in every training.
    """

    folder: Path
    model: Path
    epochs: float
    batch: int
    rate: float
    seed: int

    @property
    def files(self) -> dict[str, str]:
        """Split → file."""
        return {split: str(self.folder / f"{split}.jsonl") for split in ("train", "test")}


def arguments(settings: Settings, out: str) -> dict[str, Any]:
    """Arguments of ``TrainingArguments`` for any task: float32, AdamW, linear decay after a tenth of warm-up, random order."""
    return {
        "output_dir": out,
        "per_device_train_batch_size": settings.batch,
        "per_device_eval_batch_size": settings.batch,
        "num_train_epochs": settings.epochs,
        "seed": settings.seed,
        "learning_rate": settings.rate,
        "warmup_steps": 0.1,
        "weight_decay": 0.01,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
    }


def timed(make: Callable[[str], Any], score: Callable[[Any], float]) -> dict[str, float]:
    """Train with the stock Trainer, then predict and score.

    Args:
        make: the trainer, given a folder for its files.
        score: predicts the test split with the trained trainer and gives the figure.
    """
    with tempfile.TemporaryDirectory() as out:
        trainer = make(out)
        began = time.monotonic()
        trainer.train()
        trained = time.monotonic()
        figure = score(trainer)
    return {"train": trained - began, "total": time.monotonic() - began, "score": figure}


def train_labkit(settings: Settings, recipe: dict[str, Any], *, baselines: bool) -> dict[str, float]:
    """Train and evaluate with labkit; its cheap baselines are made when the clock has stopped.

    Args:
        settings: of the training.
        recipe: what the task adds to the recipe, by section.
        baselines: also give the figure of each baseline.
    """
    from labkit import data, evaluation
    from labkit.events import RunEnded, RunStarted, StepLogged
    from labkit.training import Predictor, Recipe, train

    given: dict[str, Any] = {
        "seed": settings.seed,
        "data": {**settings.files, "validation_share": 0.0},
        "model": {"name": str(settings.model)},
        "optimizer": {"learning_rate": settings.rate, "batch_size": settings.batch},
        "budget": {"epochs": settings.epochs},
        "evaluation": {"baselines": False},
    }
    for section, values in recipe.items():
        given[section] = {**given.get(section, {}), **values} if isinstance(values, dict) else values
    with tempfile.TemporaryDirectory() as out:
        run = train(Recipe.from_dict(given), Path(out) / "run")
        events = run.events()
        began = next(event for event in events if isinstance(event, RunStarted)).time
        trained = [event for event in events if isinstance(event, StepLogged)][-1].time
        ended = [event for event in events if isinstance(event, RunEnded)][-1].time
        result = run.evaluation
        figures = {"train": trained - began, "total": ended - began, "score": result.headline[result.first].value}
        if baselines:
            corpus = data.load(run.recipe.data)
            others = Predictor.load(run).baselines(corpus, corpus["test"], seed=settings.seed)
            for name, other in others.items():
                judged = evaluation.evaluate(other, resamples=0)
                figures[name] = judged.headline[result.first].value
    return figures
