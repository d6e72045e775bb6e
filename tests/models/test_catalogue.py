"""The catalogue of base models: complete, consistent, and found by any name."""

from __future__ import annotations

import re

import pytest

from labkit.errors import ModelError, UnknownName
from labkit.models import EMBEDDED, ModelCard, catalogue, find, unavailable
from labkit.tasks import TASKS

CARDS = catalogue()
# every pipeline tag that labkit means to train for, now or later
TAGS = {
    "text-classification", "token-classification", "question-answering", "translation", "summarization",
    "text-generation", "fill-mask", "sentence-similarity", "feature-extraction",
}  # fmt: skip


def test_it_is_large_enough_to_choose_from() -> None:
    assert len(CARDS) >= 35
    assert len({card.name for card in CARDS}) == len({card.hub_id for card in CARDS}) == len(CARDS)
    assert [card.parameters_m for card in CARDS] == sorted(card.parameters_m for card in CARDS)


def test_the_families_and_domains_people_ask_for_are_there() -> None:
    assert {card.family for card in CARDS} >= {
        "BERT", "DistilBERT", "RoBERTa", "DeBERTa", "ELECTRA", "ALBERT", "ModernBERT", "XLNet", "MiniLM", "GPT-2", "T5",
        "BART", "Marian",
    }  # fmt: skip
    assert {card.domain for card in CARDS} == {"general", "medicine", "science", "law", "finance"}
    names = {card.name for card in CARDS}
    assert any(name.startswith("flan-t5") for name in names) and any(name.startswith("mt5") for name in names)
    assert sum("multilingual" in card.languages for card in CARDS) >= 4


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_entry_makes_sense(card: ModelCard) -> None:
    assert re.fullmatch(r"[a-z0-9.-]+", card.name)
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", card.hub_id)
    assert card.kind in ("encoder", "decoder", "encoder-decoder")
    assert 1 <= card.layers <= 50 and card.hidden % 64 == 0
    assert card.hidden % card.heads == 0 or card.family == "T5", "T5 sets the size of its heads apart"
    assert 1000 < card.vocabulary < 300_000
    assert card.max_tokens >= 0
    # the weights file holds 2 or 4 bytes for each parameter, and perhaps a head
    assert 1.9 < card.disk_mb / card.parameters_m < 7, f"{card.disk_mb} MB for {card.parameters_m} M parameters"
    # no model is smaller than its layers and its table (ALBERT shares its layers and has a narrow table)
    if card.family != "ALBERT":
        assert card.parameters_m * 1e6 > 8 * card.layers * card.hidden**2
    assert card.tasks and set(card.tasks) <= TAGS
    assert (
        all(lang == "multilingual" or re.fullmatch(r"[a-z]{2,3}", lang) for lang in card.languages) and card.languages
    )
    assert card.licence and card.objective and card.strengths and card.weaknesses and card.architecture
    assert re.search(r"\d{4}", card.paper) or not card.paper
    assert card.source.startswith("https://") and card.checked in ("card", "paper", "memory")


def test_encoders_and_decoders_do_what_they_can() -> None:
    for card in CARDS:
        if "fill-mask" in card.tasks:
            assert card.kind != "decoder", card.name
        if "text-generation" in card.tasks:
            assert card.kind != "encoder", card.name
        if {"translation", "summarization"} & set(card.tasks):
            assert card.kind != "encoder", card.name


def test_every_task_has_models() -> None:
    for task in TASKS:
        assert len(catalogue(task=task)) >= 5


@pytest.mark.parametrize("name", ["roberta-base", "RoBERTa-Base", "FacebookAI/roberta-base", "facebookai/ROBERTA-base"])
def test_found_by_name_and_hub_id_in_any_case(name: str) -> None:
    assert find(name).name == "roberta-base"


def test_the_embedded_model_is_in_it() -> None:
    card = find(EMBEDDED)
    assert card.hub_id == "sentence-transformers/all-MiniLM-L6-v2"
    assert (card.layers, card.hidden) == (6, 384)


def test_what_cannot_be_had_comes_with_alternatives_that_can() -> None:
    names = {card.name for card in CARDS}
    asked = [name for gone in unavailable() for name in (gone.name, *gone.aliases)]
    assert {"gpt-3", "gpt-4", "chatgpt"} <= set(asked)
    for gone in unavailable():
        assert gone.alternatives and set(gone.alternatives) <= names
    for name in asked:
        assert name not in names
        with pytest.raises(ModelError, match="Open alternatives in the catalogue") as caught:
            find(name.upper())
        assert any(alternative in str(caught.value) for alternative in names)


def test_gpt_3_is_explained() -> None:
    with pytest.raises(ModelError, match=r"never published the weights.*gpt2"):
        find("GPT-3")


def test_near_misses_are_suggested() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'distilbert-base-uncased'"):
        find("distilbert-base-uncase")
    with pytest.raises(UnknownName, match=r"hub id .* or a model folder works as well"):
        find("qqqq")


def test_filters() -> None:
    assert {card.domain for card in catalogue(domain="law")} == {"law"}
    assert {card.family for card in catalogue(family="GPT-2")} == {"GPT-2"}
    assert all("de" in c.languages or "multilingual" in c.languages for c in catalogue(language="de"))
    assert find("xlm-roberta-base") in catalogue(language="de") and find("roberta-base") not in catalogue(language="de")
    both = catalogue(task="text-classification", domain="medicine")
    assert both and all("text-classification" in c.tasks and c.domain == "medicine" for c in both)
    for wrong, hint in (
        ({"task": "text-clasification"}, "text-classification"),
        ({"family": "bert"}, "BERT"),
        ({"domain": "sports"}, "law"),
    ):
        with pytest.raises(UnknownName, match=hint):
            catalogue(**wrong)  # type: ignore[arg-type]
