"""A fine-tuned model, ready to be used on new texts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit import models, tasks
from labkit.errors import DataError, LabError, ModelError, RunError
from labkit.models import _adapters
from labkit.tasks import Encoded, Outputs, Writer, Writing
from labkit.training import _rundir
from labkit.training._run import Run

SETTINGS = "labkit.json"
_BATCH = 32


class Predictor:
    """Model, tokenizer and task of a run, in float32.

    Args:
        folder: the run's model folder.
        recipe_task: task id.
        max_length: tokens to cut texts to.
    """

    def __init__(self, folder: Path, recipe_task: str, max_length: int) -> None:
        import transformers

        self.folder, self.max_length = folder, max_length
        kind = tasks.get(recipe_task)
        base = models.BaseModel(name=str(folder), folder=folder)
        try:
            self.tokenizer = models.load_tokenizer(base)
            self.model = models.load_model(base, getattr(transformers, kind.head))
            self.settings = stored_settings(folder)
            self.task = kind.of_model(self.model.config, self.settings)
        except ModelError as error:
            if _adapters.lone(folder):
                raise  # it is about the base beside which the adapter was trained
            raise _damaged(folder, error.came) from error
        device = models.machine().device
        self.model.to(device).eval()  # type: ignore[arg-type]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, or of the types of entities."""
        return self.task.labels

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

    def __call__(self, texts: str | Sequence[Any], *, pairs: str | Sequence[str] | None = None) -> Any:
        """What the model says about new texts: ``Predictions`` of classes, ``SpanPredictions`` of entities,
        ``AnswerPredictions`` of answers, ``TextPredictions`` of translations and summaries, ``LanguagePredictions`` of a
        language model.

        Args:
            texts: one text, or several.
            pairs: the second text of each, for models trained on pairs; for models that answer questions the contexts of
                the questions in ``texts``.

        Raises:
            DataError: something in the list is no text.
        """
        listed = _texts(texts)
        rows: dict[str, Any] = {"text": listed}
        if pairs is not None:
            rows["text_pair"] = [pairs] if isinstance(pairs, str) else list(pairs)
            if len(rows["text_pair"]) != len(listed) or not all(isinstance(text, str) for text in rows["text_pair"]):
                raise DataError(
                    f"{len(listed)} second texts", f"{len(rows['text_pair'])} in pairs", "pass a string for each"
                )
        return self.reply(rows, [str(i) for i in range(len(listed))])

    @property
    def writing(self) -> Writing | None:
        """How the model writes unless told otherwise, as its recipe says; None of one that writes no texts."""
        return self.task.writing(self.max_length) if isinstance(self.task, Writer) else None

    def write(
        self,
        texts: str | Sequence[Any],
        *,
        max_new_tokens: int | None = None,
        beams: int | None = None,
        samples: int = 0,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> list[Outputs]:
        """Let a model that writes write, in other ways than its recipe says: ``predictor.write("Once", samples=3, top_p=0.9)``.

        The texts of an input do not depend on the other inputs. Torch's own random numbers stay where they are.

        Args:
            texts: one, or several: sources, prompts, beginnings; of a model for chats what the user says.
            max_new_tokens: tokens to write at most; None: as ``writing`` says.
            beams: of the search for the most probable text; 1: the most probable token each time; None: as ``writing`` says.
            samples: texts to draw for each input; 0: the most probable text is searched for.
            temperature: of what is drawn: below 1 more probable, above 1 more surprising.
            top_p: tokens are drawn from the most probable ones that make up this share.
            seed: of what is drawn.

        Returns:
            For each text what the model read, what it wrote, how sure it was, and whether it came to an end.

        Raises:
            DataError: something in the list is no text.
            LabError: the model writes no texts; a value that cannot work; both beams and samples; more new tokens than the
                model has room for.
        """
        if not isinstance(self.task, Writer):
            do = "call the predictor itself"
            raise LabError("a model that writes texts", f"one for {self.task.id}", do)
        if samples and beams is not None and beams > 1:
            raise LabError("beams or samples", "both", "leave one of them out: what is drawn is not searched")
        usual = self.task.writing(self.max_length)
        how = Writing(
            max_new_tokens=usual.max_new_tokens if max_new_tokens is None else max_new_tokens,
            beams=usual.beams if beams is None else beams,
            samples=samples,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
        )
        return self.task.write(self.model, self.encode({"text": _texts(texts)}), how, **self._batching)

    @property
    def _batching(self) -> dict[str, Any]:
        return {"pad_id": self.tokenizer.pad_token_id, "side": self.tokenizer.padding_side, "batch_size": _BATCH}

    def encode(self, rows: Any) -> Encoded:
        """Tokenise rows as in training; their truth is coded where they have it."""
        return self.task.encode(rows, self.tokenizer, max_length=self.max_length)

    def run(self, encoded: Encoded, row_ids: list[str]) -> Any:
        """Predictions for tokenised rows: what the model is judged by."""
        return self.task.predict(self.model, encoded, row_ids=row_ids, **self._batching)

    def reply(self, rows: Any, row_ids: list[str]) -> Any:
        """What the model says about new rows; of a language model, what it writes rather than how well it foresees them."""
        return self.task.reply(self.model, self.encode(rows), row_ids=row_ids, **self._batching)

    def baselines(self, corpus: Any, rows: Any, *, seed: int) -> dict[str, tasks.Predicted]:
        """Predictions for rows by the task's cheap models, trained on a corpus."""
        return self.task.baselines(corpus, rows, encode=self.encode, seed=seed)

    def remember(self, settings: Mapping[str, Any]) -> None:
        """Store beside the model what was tuned, such as thresholds."""
        self.settings = {**self.settings, **settings}
        _rundir.write_json(self.folder / SETTINGS, self.settings)
        self.task = type(self.task).of_model(self.model.config, self.settings)


def stored_settings(folder: Path) -> dict[str, Any]:
    """What is remembered beside a run's model, such as thresholds; nothing where nothing is.

    Args:
        folder: the run's model folder.

    Raises:
        RunError: the file is damaged.
    """
    stored = folder / SETTINGS
    return _rundir.read_json(stored) if stored.exists() else {}


def _texts(texts: str | Sequence[Any]) -> list[str]:
    """The texts as a list.

    Raises:
        DataError: something is no text.
    """
    listed = [texts] if isinstance(texts, str) else list(texts)
    for i, text in enumerate(listed, 1):
        if not isinstance(text, str):
            raise DataError("a list of texts", f"{type(text).__name__} as item {i}", "pass strings")
    return listed


def _damaged(folder: Path, came: str) -> RunError:
    do = "restore its files"
    if (folder.parent / _rundir.RECIPE).exists():  # else it was handed over, and has no run beside it
        do += f", or delete it and run: labkit train --resume {folder.parent}"
    return RunError(f"a whole model in {folder}", came, do)
