"""Forgetting: what a model still knows of language, and of an earlier task, after it has learned another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit import data, evaluation, models, tasks
from labkit.errors import DataError, ModelError
from labkit.evaluation import Estimate
from labkit.models import _adapters
from labkit.models._heads import is_decoder
from labkit.training._adapt import _figure, perplexity
from labkit.training._merge import merge
from labkit.training._recipe import Recipe
from labkit.training._run import Run
from labkit.training._train import train


@dataclass(frozen=True, kw_only=True)
class Forgetting:
    """What was measured.

    Attributes:
        figure: "perplexity" or "pseudo_perplexity"; empty where the base model has no language-model head.
        before, after: of general text, by the base model and with the body of the fine-tuned one; lower is better.
        probe: the figure of a linear probe on the earlier task; empty where none was given.
        probe_before, probe_after: of the base model's and the fine-tuned model's vectors.
        probe_p_value: that the probe does as well before as after (exact McNemar test); None where it is of no classes.
    """

    figure: str = ""
    before: Estimate | None = None
    after: Estimate | None = None
    probe: str = ""
    probe_before: Estimate | None = None
    probe_after: Estimate | None = None
    probe_p_value: float | None = None

    def __str__(self) -> str:
        lines = []
        if self.before and self.after:
            lines.append(f"{self.figure} on general text: {self.before:.4g} before, {self.after:.4g} after")
        if self.probe_before and self.probe_after:
            p = "" if self.probe_p_value is None else f" (p = {self.probe_p_value:.3g})"
            lines.append(
                f"{self.probe} of a linear probe on the earlier task: {self.probe_before:.4g} before, "
                f"{self.probe_after:.4g} after{p}"
            )
        return "\n".join(lines)


def forgetting(
    run: Run | str | os.PathLike[str],
    *,
    general: str | os.PathLike[str] | None = None,
    language_model: str = "",
    probe: str | os.PathLike[str] | None = None,
    probe_data: Mapping[str, Any] | None = None,
) -> Forgetting:
    """Compare a fine-tuned model with the base model that it came from.

    Its language model is that of the base model with the body of the fine-tuned one (a fine-tuned classifier has lost its own
    head). The probe is a logistic regression on the mean vectors of either model, trained and tested on the same rows.

    Args:
        run: of the fine-tuned model.
        general: raw text, to measure perplexity on.
        language_model: folder or run with the head for it, of the same body as the base model; empty: the base model
            itself. For the embedded model, which has none, the folder "head" of an adaptation.
        probe: labelled data of an earlier task.
        probe_data: more settings of its section [data], such as columns, or ``{"scores": False}``.

    Raises:
        ModelError: the base model has no language-model head, or the fine-tuned model another architecture, or an adapter that
            leaves the base model as it was, or none that a probe can stand on.
        DataError: data that cannot be read, or an earlier task that is not about classes.
    """
    run = run if isinstance(run, Run) else Run(run)
    adapter = _adapters.lone(run.model_folder)
    if adapter in ("prefix", "prompt"):
        do = "there is nothing to measure: without the adapter it is the base model, which has forgotten nothing"
        raise ModelError("a model whose own weights have learned", f"a {adapter} before the texts", do)
    if adapter == "bottleneck" and probe is not None:
        do = "leave the probe out, and measure general text; or train it again with lora"
        raise ModelError("a model that a probe can stand on", "a bottleneck, which is beside its base model", do)
    settings = None if probe is None else {"train": os.fspath(probe), **(probe_data or {})}
    if settings is not None:
        _require_probe(run, settings)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        tuned = merge(run, Path(folder) / "merged") if adapter in _adapters.MERGED else run.model_folder
        if general is not None:
            found |= _language(run, tuned, data.read(general, layout="texts")["train"], language_model)
        if settings is not None:
            found |= _probes(run, tuned, settings)
    return Forgetting(**found)


def _leave(argument: str) -> str:
    other = "where the earlier task is of the same kind, labkit evaluate says how this run and an earlier one do on its data"
    return f"leave {argument} out; {other}"


def _require_probe(run: Run, settings: Mapping[str, Any]) -> None:
    """Refuse a model that a probe cannot stand on, and data that it cannot learn from, before anything is measured."""
    config = models.load_config(str(run.model_folder))
    if getattr(config, "is_encoder_decoder", False):
        came = f"a {config.model_type}, which has two: an encoder and a decoder"
        raise ModelError("a model with one body, for the probe to stand on", came, _leave("probe"))
    if data.load(Recipe.from_dict({"data": dict(settings)}).data).scores:
        do = "give data with classes as probe; where its numbers name classes, read it with scores=False"
        raise DataError("classes of an earlier task, for the probe", "scores", do, file=settings["train"])


def _language(run: Run, folder: Path, rows: Any, language_model: str) -> dict[str, Any]:
    """Before and after on rows of general text; the fine-tuned model lies in the folder."""
    import transformers

    base = models.resolve(language_model or run.recipe.model.name)
    config = models.load_config(base)
    task = "text-generation" if is_decoder(config) else "fill-mask"
    kind = tasks.get(task)
    try:
        models.require_head(base, kind.head, task)
    except ModelError as error:
        came = f"{base.name!r}, a {config.model_type}, which is neither"
        raise ModelError(
            "a masked or a causal language model, to measure general text", came, _leave("general")
        ) from error
    if models.new_head(base, kind.head):
        do = "adapt it first (labkit adapt), and give the folder head of that as language_model"
        raise ModelError("a base model with a language-model head", f"{base.name!r}, whose head is new", do)
    model: Any = models.load_model(base, getattr(transformers, kind.head))
    tuned: Any = models.load_model(str(folder), transformers.AutoModel)
    mine, theirs = getattr(model, model.base_model_prefix).state_dict(), tuned.state_dict()
    missing = [name for name, one in mine.items() if name not in theirs or theirs[name].shape != one.shape]
    if missing:
        do = "name as language_model a model with the body that this run was trained from"
        raise ModelError(f"a fine-tuned model with the body of {base.name!r}", f"one without {missing[0]!r}", do)
    return {
        "figure": _figure(task),
        "before": perplexity(base.folder, task, rows),
        "after": perplexity(base.folder, task, rows, body=tuned),
    }


def _probes(run: Run, tuned: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Of the base model's and of the fine-tuned model's vectors; that one lies in the folder ``tuned``."""
    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for name, model in (("before", run.recipe.model.name), ("after", str(tuned))):
            recipe = Recipe.from_dict(
                {
                    "data": dict(settings),
                    "model": {
                        "name": model,
                        "pooling": "mean",
                        "unit_vectors": True,
                        "max_length": run.recipe.model.max_length,
                    },
                    "technique": {"trainable": "head", "solver": "lbfgs"},
                    "evaluation": {"baselines": False, "slices": ()},
                }
            )
            runs[name] = train(recipe, Path(folder) / name)
        judged = {name: one.evaluation for name, one in runs.items()}
        first = judged["before"].first
        compared = evaluation.compare(runs["before"].predictions("test"), runs["after"].predictions("test"))
        return {
            "probe": first,
            "probe_before": judged["before"].headline[first],
            "probe_after": judged["after"].headline[first],
            "probe_p_value": compared.p_value,
        }
