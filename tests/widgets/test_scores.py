"""Runs and data with scores: the widgets that show classes say so, instead of breaking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toys import toy_recipe, toy_rows, write_csv

from labkit.data import read
from labkit.errors import LabError
from labkit.tasks import ScorePredictions
from labkit.training import train
from labkit.widgets import ConfusionMatrix, DataInspector, ErrorBrowser, Labeler, TrainingMonitor


@pytest.fixture(scope="module")
def scored(toy_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    rows = [{"text": row["text"], "rating": f"{(i % 7) / 2}"} for i, row in enumerate(toy_rows(60))]
    path = write_csv(tmp_path_factory.mktemp("scored") / "scored.csv", rows)
    recipe = toy_recipe(path, toy_model, budget={"epochs": 1}, evaluation={"baselines": True})
    return train(recipe, tmp_path_factory.mktemp("runs") / "scored")


@pytest.mark.parametrize("widget", [ErrorBrowser, ConfusionMatrix])
def test_a_run_of_scores_is_refused_in_plain_words(widget: Any, scored: Any) -> None:
    with pytest.raises(LabError, match=r"score|number"):
        widget(scored)


def test_predictions_of_scores_are_no_classes(scored: Any) -> None:
    found = scored.predictions()
    assert isinstance(found, ScorePredictions)
    with pytest.raises(LabError):
        ConfusionMatrix(found)
    with pytest.raises(LabError, match="classes"):
        ConfusionMatrix(scored.evaluation)


def test_scores_are_not_labelled_by_hand_yet(scored: Any) -> None:
    corpus = read(scored.recipe.data.train)
    assert corpus.scores
    with pytest.raises(LabError, match=r"scores=False to label it with classes"):
        Labeler(corpus)


def test_data_and_results_are_shown_all_the_same(scored: Any) -> None:
    inspector = DataInspector(read(scored.recipe.data.train))
    assert inspector.face()
    assert "Pearson" in TrainingMonitor(scored).face()
