"""One JupyterLab and one browser for all browser tests."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, Lab

from labkit._places import cache_dir


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests need a browser. Without one they are skipped; the continuous integration makes sure that it is there."""
    here = Path(__file__).parent
    reason = ""
    if importlib.util.find_spec("playwright") is None:
        reason = "playwright is not installed"
    elif not Path(CHROMIUM).exists():
        reason = f"there is no {CHROMIUM}: apt-get install chromium"
    for item in items:
        if reason and here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The server and the browser; each test opens notebooks of its own."""
    folder = tmp_path_factory.mktemp("lab")
    cache = folder / "cache"
    cache.mkdir()
    speeds = cache_dir() / "layer_speed.json"
    if speeds.exists():  # measured once already: of all models it takes seconds
        shutil.copy(speeds, cache)
    with Lab(folder, {"LABKIT_CACHE": str(cache)}) as running:
        yield running
