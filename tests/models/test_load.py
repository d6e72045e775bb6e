"""From a name to a model: embedded, folder, run directory, cache and hub; offline wherever that is possible."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from transformers import AutoModel, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification
from transformers.utils import logging

from labkit.errors import ModelError, UnknownName
from labkit.models import (
    EMBEDDED,
    BaseModel,
    available_offline,
    build_starter,
    has_dropout,
    load_config,
    load_model,
    load_tokenizer,
    quiet_transformers,
    resolve,
)
from labkit.training import Run


def put_into_cache(home: Path, hub_id: str, source: Path) -> Path:
    """Lay out a model as the hub's own client would have."""
    folder = home / f"models--{hub_id.replace('/', '--')}"
    snapshot = folder / "snapshots" / ("a" * 40)
    shutil.copytree(source, snapshot)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a" * 40)
    return snapshot


def test_the_embedded_model_needs_no_network(empty_hub: Path) -> None:
    base = resolve(EMBEDDED)
    assert base.card is not None and base.card.name == EMBEDDED
    assert load_config(base).hidden_size == 384
    tokenizer = load_tokenizer(EMBEDDED)
    assert tokenizer.is_fast and tokenizer.tokenize("hello world") == ["hello", "world"]
    for name in ("MiniLM", "sentence-transformers/all-MiniLM-L6-v2"):
        assert resolve(name).folder == base.folder, "the same model under its other names"


def test_a_model_folder(toy_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve(str(toy_model)).folder == toy_model
    monkeypatch.chdir(toy_model.parent)
    assert resolve("model").folder == Path("model")
    assert resolve("./model").card is None


def test_a_run_directory(short_run: Run) -> None:
    assert resolve(str(short_run.directory)).folder == short_run.directory / "model"


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"a model folder with config\.json"):
        resolve(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="no weights"):
        resolve(str(tmp_path))


def test_pickled_weights_are_refused(toy_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(toy_model, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(
        ModelError, match=r"safetensors weights .*only pytorch_model\.bin.*pickled weights can run code"
    ):
        resolve(str(folder))


def test_pickled_weights_are_not_loaded_by_any_door(toy_model: Path, tmp_path: Path) -> None:
    """A predictor names its folder itself; weights that could run code are refused there as well."""
    folder = tmp_path / "old"
    shutil.copytree(toy_model, folder)
    torch.save(load_model(str(toy_model), AutoModel).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="that transformers can load from"):
        load_model(BaseModel(name="old", folder=folder), AutoModel)


def test_unknown_names_are_met_with_near_misses() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'roberta-base'"):
        resolve("robertabase")
    with pytest.raises(ModelError, match="no such folder"):
        resolve("/nowhere/to/be/found")
    with pytest.raises(ModelError, match="never published"):
        resolve("gpt-3")


def test_without_a_network_it_says_what_there_is(empty_hub: Path, toy_model: Path) -> None:
    assert available_offline() == [EMBEDDED]
    with pytest.raises(ModelError, match=r"to reach the hub for 'FacebookAI/roberta-base'.*vailable offline: minilm"):
        resolve("roberta-base")
    with pytest.raises(ModelError, match=r"'somebody/something' in the local cache.*vailable offline: minilm"):
        resolve("somebody/something", fetch=False)
    snapshot = put_into_cache(empty_hub, "somebody/something", toy_model)
    assert available_offline() == [EMBEDDED, "somebody/something"]
    assert resolve("somebody/something").folder == snapshot, "what is cached needs no network"
    with pytest.raises(ModelError, match="minilm, somebody/something"):
        resolve("roberta-base")


def test_a_cached_catalogue_model_is_found_by_its_name(empty_hub: Path, toy_model: Path) -> None:
    snapshot = put_into_cache(empty_hub, "FacebookAI/roberta-base", toy_model)
    base = resolve("roberta-base", fetch=False)
    assert base.folder == snapshot and base.card is not None and base.card.family == "RoBERTa"


def test_a_cached_model_without_safetensors_does_not_count(empty_hub: Path, toy_model: Path) -> None:
    snapshot = put_into_cache(empty_hub, "somebody/old", toy_model)
    (snapshot / "model.safetensors").rename(snapshot / "pytorch_model.bin")
    assert available_offline() == [EMBEDDED]
    with pytest.raises(ModelError, match="in the local cache"):
        resolve("somebody/old", fetch=False)


def hub_says(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    def model_info(*_: Any, **__: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(siblings=[SimpleNamespace(rfilename=name) for name in answer])

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)


def response(status: int) -> Any:
    import httpx

    return httpx.Response(status, request=httpx.Request("GET", "https://huggingface.co"))


def test_what_the_hub_answers_is_explained(empty_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub_says(monkeypatch, ["config.json", "pytorch_model.bin", "onnx/model.safetensors"])
    with pytest.raises(ModelError, match="a repository that publishes none"):
        resolve("somebody/old")
    hub_says(monkeypatch, GatedRepoError("gated", response=response(403)))
    with pytest.raises(ModelError, match="Accept its terms"):
        resolve("somebody/gated")
    hub_says(monkeypatch, RepositoryNotFoundError("none", response=response(404)))
    with pytest.raises(ModelError, match=r"'facebook/roberta-base'.*[Dd]id you mean 'FacebookAI/roberta-base'"):
        resolve("facebook/roberta-base")


def test_a_model_on_the_hub_is_fetched_once(empty_hub: Path, toy_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = huggingface_hub.snapshot_download
    asked: list[Any] = []

    def snapshot_download(hub_id: str, *, local_files_only: bool = False, **settings: Any) -> Any:
        if local_files_only:
            return fetch(hub_id, local_files_only=True, **settings)
        asked.append((hub_id, settings["allow_patterns"]))
        return str(put_into_cache(empty_hub, hub_id, toy_model))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    hub_says(monkeypatch, ["config.json", "model.safetensors", "pytorch_model.bin"])
    first = resolve("somebody/new")
    assert resolve("somebody/new") == first
    ((hub_id, patterns),) = asked
    assert hub_id == "somebody/new" and not any("bin" in pattern or "py" in pattern for pattern in patterns)


def test_dropout_is_replaced_in_encoder_and_decoder() -> None:
    base = build_starter("encoder-decoder", ["some words", "and others"], size="tiny")
    model = load_model(base, AutoModelForSeq2SeqLM, dropout=0.35)
    found = {one.p for one in model.modules() if isinstance(one, torch.nn.Dropout)}
    assert found == {0.35} and has_dropout(model)
    assert not has_dropout(load_model(base, AutoModelForSeq2SeqLM, dropout=0.0))


def test_dropout_is_replaced_everywhere(toy_model: Path) -> None:
    model = load_model(str(toy_model), AutoModelForSequenceClassification, dropout=0.35, num_labels=2)
    rates = {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}
    assert rates == {0.35}
    own = load_model(str(toy_model), AutoModelForSequenceClassification, num_labels=2)
    assert {module.p for module in own.modules() if isinstance(module, torch.nn.Dropout)} == {0.1}


def test_models_are_float32_whatever_was_saved(toy_model: Path, tmp_path: Path) -> None:
    half = load_model(str(toy_model), AutoModel).bfloat16()
    with quiet_transformers():
        half.save_pretrained(tmp_path)
    assert load_model(str(tmp_path), AutoModel).dtype == torch.float32


def test_a_head_of_other_classes_is_made_new(short_run: Run) -> None:
    base = str(short_run.directory)
    model = load_model(base, AutoModelForSequenceClassification, num_labels=7, id2label={i: str(i) for i in range(7)})
    assert model.classifier.weight.shape[0] == 7


@pytest.mark.parametrize("damage", ["weights", "config", "tokenizer"])
def test_damaged_files_are_explained(damage: str, toy_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(toy_model, folder)
    if damage == "weights":
        (folder / "model.safetensors").write_bytes(b"\x10\x00\x00\x00")
    elif damage == "config":
        (folder / "config.json").write_text("{")
    else:
        (folder / "tokenizer.json").write_text("{")
    load: dict[str, Any] = {"weights": load_model, "config": load_config, "tokenizer": load_tokenizer}
    arguments = (AutoModel,) if damage == "weights" else ()
    with pytest.raises(ModelError, match="that transformers can load from"):
        load[damage](str(folder), *arguments)


def test_code_of_a_repository_is_never_run(toy_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(toy_model, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["model_type"] = "evil"
    config["auto_map"] = {name: f"evil.{name}" for name in ("AutoConfig", "AutoModel", "AutoTokenizer")}
    (folder / "config.json").write_text(json.dumps(config))
    marker = tmp_path / "ran"
    (folder / "evil.py").write_text(f"open({str(marker)!r}, 'w')\n")
    with pytest.raises(ModelError):
        load_model(str(folder), AutoModel)
    assert not marker.exists()


@pytest.mark.parametrize("bars", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_quiet_is_for_the_length_of_a_block(bars: bool, fails: bool) -> None:
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    try:
        logging.set_verbosity_info()
        (logging.enable_progress_bar if bars else logging.disable_progress_bar)()
        try:
            with quiet_transformers():
                assert logging.get_verbosity() == logging.ERROR
                assert not logging.is_progress_bar_enabled()
                if fails:
                    raise ValueError
        except ValueError:
            pass
        assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (logging.INFO, bars)
    finally:
        logging.set_verbosity(before[0])
        (logging.enable_progress_bar if before[1] else logging.disable_progress_bar)()
