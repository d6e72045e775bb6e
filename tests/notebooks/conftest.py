"""What the tests of several tutorials share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from transformers import AutoModel

from labkit.models import EMBEDDED, load_model, resolve
from labkit.models._layers import keep_layers


@pytest.fixture(scope="session")
def short_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers of the embedded model: what a tutorial does with them it does with six, in more time."""
    folder = tmp_path_factory.mktemp("short") / "model"
    shutil.copytree(resolve(EMBEDDED).folder, folder)
    model = load_model(EMBEDDED, AutoModel)
    keep_layers(model, 2)
    model.save_pretrained(folder)
    return folder
