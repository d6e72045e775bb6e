"""Predictions that several test files look at."""

import pytest
from made_predictions import make, make_multi

from labkit.tasks._predictions import Predictions


@pytest.fixture
def single() -> Predictions:
    return make(400, 5)


@pytest.fixture
def several() -> Predictions:
    return make_multi()
