"""What a run ran on: enough to tell, later, why two runs differ."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from dataclasses import asdict
from importlib import metadata
from typing import Any

from labkit.models import EMBEDDED, LayerSpeed, Machine
from labkit.training._recipe import Recipe

_PACKAGES = (
    "labkit",
    "torch",
    "transformers",
    "tokenizers",
    "accelerate",
    "datasets",
    "scikit-learn",
    "numpy",
    "pyarrow",
    "peft",
)


def describe(machine: Machine, speed: LayerSpeed, precision: str, recipe: Recipe) -> dict[str, Any]:
    """Versions, hardware, measured speed, precision, seed, git commit and data fingerprint, as plain values."""
    import torch

    return {
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "machine": asdict(machine),
        "threads": torch.get_num_threads(),
        "layer_seconds_per_token": asdict(speed),
        "precision": precision,
        "seed": recipe.seed,
        "git_commit": _git_commit(),
        "data_fingerprint": recipe.data.fingerprint,
        "labels_fingerprint": recipe.data.labels_fingerprint,
    }


_UNREAD = {"fingerprint": "", "labels_fingerprint": ""}


def digest(recipe: Recipe) -> str:
    """A hash of a recipe: tells whether a run directory began with this one, before its gaps were filled in.

    Of what differs from the defaults alone: a run stays the same when a later version has more settings. The fingerprints of
    the data are gaps, too.
    """
    recipe = recipe.with_values(data=_UNREAD)
    usual = Recipe().to_dict()
    given = {
        section: {name: one for name, one in value.items() if one != usual[section].get(name)}
        if isinstance(value, dict)
        else value
        for section, value in recipe.to_dict().items()
    }
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()


def essence(recipe: Recipe) -> str:
    """A hash of a recipe without the places of its files: data keeps its own fingerprint, and may be moved."""
    nowhere = {"train": "", "validation": "", "test": "", "labels": ()}
    rest = digest(recipe.with_values(data=nowhere, model={"name": EMBEDDED}))
    return hashlib.sha256(f"{rest} {recipe.data.fingerprint} {recipe.data.labels_fingerprint}".encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _git_commit() -> str:
    """The commit of the working folder; empty outside a repository or without git."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
