"""Which base models can do a task, said before anything is downloaded or trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.errors import ModelError, UnknownName
from labkit.models import EMBEDDED, STARTERS, able_starters, catalogue, require_head, resolve
from labkit.models._heads import _TYPES
from labkit.tasks import TASKS

TOKENS = ("AutoModelForTokenClassification", "token-classification")


def test_every_family_of_the_catalogue_is_known() -> None:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    assert {card.family for card in catalogue()} <= set(_TYPES)
    assert set(_TYPES.values()) <= set(CONFIG_MAPPING_NAMES)


def test_every_task_that_a_card_names_is_one_that_it_can_do() -> None:
    for card in catalogue():
        for task, head in (("text-classification", "AutoModelForSequenceClassification"), TOKENS[::-1]):
            if task in card.tasks:
                require_head(card.name, head, task)


@pytest.mark.parametrize("name", ["bart-base", "starter:bart", "starter:marian", "starter:encoder-decoder"])
def test_what_cannot_is_refused_by_name(name: str) -> None:
    with pytest.raises(ModelError, match=r"can be fine-tuned for token-classification.*labkit models --task"):
        require_head(name, *TOKENS)


@pytest.mark.parametrize("name", [EMBEDDED, "roberta-base", "starter:deberta", "starter:qwen", "someone/unknown"])
def test_what_can_or_is_not_known_yet_passes(name: str) -> None:
    require_head(name, *TOKENS)


@pytest.mark.parametrize("task", TASKS)
def test_the_starters_of_a_head_are_those_that_are_not_refused(task: str) -> None:
    head, able = TASKS[task].head, []
    for family in STARTERS:
        try:
            require_head(f"starter:{family}", head, task)
        except ModelError:
            continue
        able.append(f"starter:{family}")
    assert able_starters(head, task) == able


def test_a_starter_that_does_not_exist() -> None:
    with pytest.raises(UnknownName, match="starter:roberta"):
        require_head("starter:rberta", *TOKENS)


def test_a_model_on_this_machine_is_judged_by_its_configuration(toy_model: Path) -> None:
    require_head(resolve(str(toy_model)), *TOKENS)
    with pytest.raises(ModelError, match="no AutoModelForSeq2SeqLM"):
        require_head(resolve(str(toy_model)), "AutoModelForSeq2SeqLM", "translation")
