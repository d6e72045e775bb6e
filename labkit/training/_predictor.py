"""A fine-tuned model, ready to be used on new texts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit import models, tasks
from labkit.errors import DataError, ModelError, RunError
from labkit.tasks import Encoded, Predictions
from labkit.training import _rundir
from labkit.training._run import Run

_THRESHOLDS = "labkit.json"
_BATCH = 32


class Predictor:
    """Model, tokenizer and labels of a run, in float32.

    Args:
        folder: the run's model folder.
        recipe_task: task id.
        max_length: tokens to cut texts to.
    """

    def __init__(self, folder: Path, recipe_task: str, max_length: int) -> None:
        from transformers import AutoModelForSequenceClassification

        self.folder, self.max_length = folder, max_length
        self.task = tasks.get(recipe_task)
        base = models.BaseModel(name=str(folder), folder=folder)
        try:
            self.tokenizer = models.load_tokenizer(base)
            self.model = models.load_model(base, AutoModelForSequenceClassification)
        except ModelError as error:
            raise _damaged(folder, error.came) from error
        device = models.machine().device
        self.model.to(device).eval()  # type: ignore[arg-type]
        names: dict[Any, str] = self.model.config.id2label or {}
        self.labels = tuple(names[i] for i in range(len(names)))
        self.multi_label = self.model.config.problem_type == "multi_label_classification"
        stored = folder / _THRESHOLDS
        self.thresholds: npt.NDArray[np.float64] | None = None
        if stored.exists():
            self.thresholds = np.array(_rundir.read_json(stored).get("thresholds", ()), dtype=np.float64)
            if self.thresholds.shape != (len(self.labels),):
                raise _damaged(folder, f"a {_THRESHOLDS} without a threshold for each label")

    @classmethod
    def load(cls, run: Run | str | os.PathLike[str]) -> Predictor:
        """The predictor of a run.

        Raises:
            RunError: the run has no model yet, or a damaged one.
        """
        run = run if isinstance(run, Run) else Run(run)
        recipe = run.recipe
        damaged = [name for name in run.damaged if name.startswith(f"{_rundir.MODEL}/")]
        if damaged:
            raise _damaged(run.directory / _rundir.MODEL, f"missing or changed files: {', '.join(damaged[:5])}")
        return cls(run.model_folder, recipe.task, recipe.model.max_length)

    def __call__(self, texts: str | Sequence[Any], *, pairs: Sequence[str] | None = None) -> Predictions:
        """Probabilities for new texts.

        Args:
            texts: one text, or several.
            pairs: the second text of each, for models trained on pairs.

        Raises:
            DataError: something in the list is no text.
        """
        listed = [texts] if isinstance(texts, str) else list(texts)
        for i, text in enumerate(listed, 1):
            if not isinstance(text, str):
                raise DataError("a list of texts", f"{type(text).__name__} as item {i}", "pass strings")
        rows: dict[str, Any] = {"text": listed}
        if pairs is not None:
            rows["text_pair"] = list(pairs)
            if len(rows["text_pair"]) != len(listed) or not all(isinstance(text, str) for text in rows["text_pair"]):
                raise DataError(
                    f"{len(listed)} second texts", f"{len(rows['text_pair'])} in pairs", "pass a string for each"
                )
        return self.run(self.encode(rows), [str(i) for i in range(len(listed))])

    def encode(self, rows: Any) -> Encoded:
        """Tokenise rows as in training; their labels are coded where they have some."""
        return self.task.encode(
            rows, self.tokenizer, max_length=self.max_length, labels=self.labels, multi_label=self.multi_label
        )

    def run(self, encoded: Encoded, row_ids: list[str]) -> Predictions:
        """Probabilities for tokenised rows."""
        predictions = self.task.predict(
            self.model,
            encoded,
            row_ids=row_ids,
            pad_id=self.tokenizer.pad_token_id,
            side=self.tokenizer.padding_side,
            labels=self.labels,
            multi_label=self.multi_label,
            batch_size=_BATCH,
        )
        if self.thresholds is None:
            return predictions
        return Predictions(**{**vars(predictions), "thresholds": self.thresholds})

    def remember_thresholds(self, thresholds: Any) -> None:
        """Store the tuned thresholds beside the model."""
        self.thresholds = np.asarray(thresholds)
        _rundir.write_json(self.folder / _THRESHOLDS, {"thresholds": [float(t) for t in thresholds]})


def _damaged(folder: Path, came: str) -> RunError:
    do = f"restore its files, or delete it and run: labkit train --resume {folder.parent}"
    return RunError(f"a whole model in {folder}", came, do)
