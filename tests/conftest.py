"""Toy model, toy tokenizer, toy data: seconds, no network."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toys import FILLER, WORDS, toy_recipe, toy_rows, write_csv

pytest.register_assert_rewrite("desk")  # what it asserts is explained as in the tests themselves

_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if _WORKERS > 1:  # before torch is loaded: side by side, each worker and what it starts has its share of the cores
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // _WORKERS))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take minutes come first, so that side by side no worker is left with one while the others wait."""
    slow = ("notebooks", "ui")
    items.sort(key=lambda item: slow.index(item.path.parent.name) if item.path.parent.name in slow else len(slow))


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers, 32 wide, untrained, with a WordPiece tokenizer over the toy words."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("toy") / "model"
    folder.mkdir()
    words = [*FILLER, *(word for group in WORDS.values() for word in group)]
    letters = [*"abcdefghijklmnopqrstuvwxyz.,!?'-0123456789"]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters), *words]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(vocabulary)) + "\n")
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=64)
    torch.manual_seed(0)
    model = BertModel(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    import labkit.training._trainer  # noqa: F401

    gc.freeze()  # a run begins with a collection, which need not look through every loaded library each time
    return folder


@pytest.fixture()
def toy_csv(tmp_path: Path) -> Path:
    """120 toy rows as a CSV file."""
    return write_csv(tmp_path / "toy.csv", toy_rows())


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 toy rows as a CSV file, for runs that several tests share."""
    return write_csv(tmp_path_factory.mktemp("data") / "toy.csv", toy_rows())


@pytest.fixture(scope="session")
def toy_run(toy_model: Path, toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A complete run that has learned the toy rows, with baselines and slices."""
    from labkit.training import train

    recipe = toy_recipe(
        toy_data, toy_model, budget={"epochs": 8}, evaluation={"baselines": True, "slices": ["length", "label"]}
    )
    return train(recipe, tmp_path_factory.mktemp("runs") / "toy-run")


@pytest.fixture(scope="session")
def short_run(toy_model: Path, toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A complete run of three epochs, of six steps each: what an interrupted and resumed one must equal."""
    from labkit.training import train

    return train(toy_recipe(toy_data, toy_model), tmp_path_factory.mktemp("runs") / "short-run")


@pytest.fixture()
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache with nothing in it, and no network."""
    import huggingface_hub
    import huggingface_hub.utils._cache_manager as manager

    def no_network(*_: Any, **__: Any) -> None:
        raise ConnectionError("Name or service not known")

    home = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(home))
    monkeypatch.setattr(manager, "HF_HUB_CACHE", str(home))
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", no_network)
    return home


@pytest.fixture()
def desk(tmp_path: Path, toy_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command line, in an empty folder."""
    from desk import Desk

    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, toy_model, capsys)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests never touch the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield
