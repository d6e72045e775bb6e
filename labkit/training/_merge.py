"""A lone adapter becomes part of its base: a plain model, made of a run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from labkit import models
from labkit._places import named, writable
from labkit.errors import RunError
from labkit.models import _adapters
from labkit.training import _rundir
from labkit.training._predictor import SETTINGS, Predictor
from labkit.training._run import Run


def merge(run: Run | str | os.PathLike[str], directory: str | os.PathLike[str]) -> Path:
    """Merge the lone adapter of a run (``adapter.merge = false``) into its base model: a folder with model and tokenizer that
    plain transformers loads, and that any recipe can name as its base model. The run stays as it is.

    Args:
        run: with LoRA, DoRA or IA³.
        directory: a new folder.

    Returns:
        The folder.

    Raises:
        RunError: the run has no adapter of its own, or one that cannot be merged; the folder exists.
        MissingExtra: peft is not installed.
    """
    run = run if isinstance(run, Run) else Run(run)
    kind = _adapters.lone(run.model_folder)
    if not kind:
        do = f"it needs no merging: plain transformers loads {run.model_folder}"
        raise RunError("a run with an adapter alone (adapter.merge = false)", "one with a whole model", do)
    if kind not in _adapters.MERGED:
        do = "use the run itself: labkit predict, or labkit.training.Predictor.load"
        raise RunError(
            f"an adapter that can become part of the base model's weights ({', '.join(_adapters.MERGED)})", kind, do
        )
    home = named(directory).absolute()
    if home.exists():
        raise RunError(f"a new folder for the merged model in {home}", "one that exists", "choose another folder")
    predictor = Predictor.load(run)
    staged = home.with_name(f"{home.name}.partial")
    with writable(f"the merged model in {home}", RunError), models.quiet_transformers():
        shutil.rmtree(staged, ignore_errors=True)
        _adapters.merged(predictor.model).save_pretrained(staged)
        predictor.tokenizer.save_pretrained(staged)
        if predictor.settings:
            _rundir.write_json(staged / SETTINGS, predictor.settings)
        _rundir.publish(staged, home)
    return home
