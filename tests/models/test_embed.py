"""Vectors of texts, held against a plain computation; kept in the cache, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys import toy_rows
from transformers import AutoModel, AutoModelForSeq2SeqLM, AutoTokenizer

from labkit.errors import DataError, LabError, ResourceError
from labkit.models import LayerSpeed, build_starter, embed, nearest, resolve

TEXTS = [row["text"] for row in toy_rows(40)] + ["", "goal", "🙂"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("labkit.models._embed.layer_speed", lambda *_: LayerSpeed(float32=1.0, bf16=1.0))
    return tmp_path / "cache"


def plain(texts: list[str], folder: Path, max_length: int = 64) -> Any:
    """One text after the other, without padding."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    rows = []
    for text in texts:
        with torch.no_grad():
            batch = tokenizer(text, truncation=True, max_length=max_length, return_tensors="pt")
            mean = model(**batch).last_hidden_state[0].mean(0).numpy()
        rows.append(mean / np.linalg.norm(mean))
    return np.stack(rows)


def test_vectors_are_normalised_means(toy_model: Path) -> None:
    done: list[tuple[int, int]] = []
    found = embed(TEXTS, str(toy_model), batch_size=8, progress=lambda *counts: done.append(counts))
    assert found.shape == (43, 32) and found.dtype == np.float32
    np.testing.assert_allclose(found, plain(TEXTS, toy_model), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert done == [(8, 43), (16, 43), (24, 43), (32, 43), (40, 43), (43, 43)]


def test_long_texts_are_cut(toy_model: Path) -> None:
    long = " ".join(["goal"] * 300)
    np.testing.assert_allclose(embed([long], str(toy_model)), plain([long], toy_model, 64), atol=1e-5)
    np.testing.assert_allclose(embed([long], str(toy_model), max_length=8), plain([long], toy_model, 8), atol=1e-5)


def test_bf16_where_it_is_faster(toy_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit.models._embed.layer_speed", lambda *_: LayerSpeed(float32=2.0, bf16=1.0))
    found = embed(TEXTS, str(toy_model))
    assert found.dtype == np.float32
    difference = np.abs(found - plain(TEXTS, toy_model)).max()
    assert 1e-5 < difference < 0.05


def test_vectors_are_computed_once(toy_model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = np.array(embed(TEXTS, str(toy_model)))
    assert [path.suffix for path in (cache / "embeddings").iterdir()] == [".npy"]

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("the model was loaded again")

    with monkeypatch.context() as patch:
        patch.setattr("labkit.models._embed.load_model", never)
        done: list[tuple[int, int]] = []
        again = embed(tuple(TEXTS), resolve(str(toy_model)), batch_size=3, progress=lambda *c: done.append(c))
        np.testing.assert_array_equal(again, first)
        assert done == [(43, 43)] and not again.flags.writeable
        for texts, options in ((TEXTS[::-1], {}), ([*TEXTS[:-2], "go", "al🙂"], {}), (TEXTS, {"max_length": 9})):
            with pytest.raises(AssertionError):
                embed(texts, str(toy_model), **options)
    (file,) = (cache / "embeddings").glob("*.npy")
    content = file.read_bytes()
    file.unlink()  # it is mapped
    file.write_bytes(content[:-100])
    np.testing.assert_array_equal(embed(TEXTS, str(toy_model)), first)


def test_nothing_half_written_stays(toy_model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(TEXTS, str(toy_model), batch_size=4, progress=stop)
    assert list((cache / "embeddings").iterdir()) == []

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labkit.models._embed._reserve", full)
    with pytest.raises(ResourceError, match="full disk"):
        embed(TEXTS, str(toy_model))
    assert list((cache / "embeddings").iterdir()) == []


def test_a_run_is_a_model(short_run: Any) -> None:
    found = embed(TEXTS[:5], str(short_run.directory))
    np.testing.assert_allclose(found, plain(TEXTS[:5], short_run.model_folder), atol=1e-5)


def test_nearest_are_found() -> None:
    vectors = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[150] = vectors[20]
    positions, cosines = nearest(vectors, 3 * vectors[20], 7)
    wanted = np.argsort(-(vectors @ vectors[20]).astype(np.float64), kind="stable")
    assert positions.tolist()[:2] == [20, 150] and positions.tolist() == wanted[:7].tolist()
    np.testing.assert_allclose(cosines, (vectors @ vectors[20])[positions], atol=1e-6)
    assert cosines.max() <= 1
    assert len(nearest(vectors, vectors[0], 1000)[0]) == 200
    assert nearest(vectors[:0], vectors[0], 3)[0].tolist() == []
    for wrong in (vectors[0][:4], np.zeros(8), np.full(8, np.nan)):
        with pytest.raises(LabError, match="a vector of 8 numbers"):
            nearest(vectors, wrong)


def test_errors(toy_model: Path) -> None:
    with pytest.raises(DataError, match="NoneType as item 2"):
        embed(["a", None], str(toy_model))  # type: ignore[list-item]
    with pytest.raises(DataError, match="half a surrogate pair"):
        embed(["\ud83d"], str(toy_model))
    with pytest.raises(LabError, match="batch_size=0"):
        embed(["a"], str(toy_model), batch_size=0)
    assert embed([], str(toy_model)).shape == (0, 32)


@pytest.mark.parametrize("family", ["t5", "marian", "encoder-decoder"])
def test_of_an_encoder_with_a_decoder_the_encoder_reads(family: str) -> None:
    base = build_starter(family, TEXTS[:40], size="tiny")
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    encoder = AutoModelForSeq2SeqLM.from_pretrained(base.folder).eval().get_encoder()
    with torch.no_grad():
        mean = encoder(**tokenizer(TEXTS[0], return_tensors="pt")).last_hidden_state[0].mean(0).numpy()
    found = embed(TEXTS, base, batch_size=8)
    np.testing.assert_allclose(found[0], mean / np.linalg.norm(mean), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert embed([], base).shape == (0, 32)


@pytest.mark.parametrize("pads", [True, False])
def test_of_a_decoder_later_tokens_count_more(pads: bool, tmp_path: Path) -> None:
    base = build_starter("gpt2", TEXTS[:40], size="tiny")
    tokenizer, model = AutoTokenizer.from_pretrained(base.folder), AutoModel.from_pretrained(base.folder).eval()
    if not pads:  # as GPT-2 itself
        tokenizer.pad_token = None
        tokenizer.save_pretrained(tmp_path)
        model.save_pretrained(tmp_path)
        assert AutoTokenizer.from_pretrained(tmp_path).pad_token is None
        base = resolve(str(tmp_path))
    with torch.no_grad():
        hidden = model(**tokenizer(TEXTS[0], return_tensors="pt")).last_hidden_state[0].numpy()
    mean = np.average(hidden, axis=0, weights=np.arange(1, len(hidden) + 1))
    found = embed(TEXTS, base, batch_size=8)
    np.testing.assert_allclose(found[0], mean / np.linalg.norm(mean), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
