"""Texts as vectors, and the vectors nearest to one: what "find similar" needs.

A vector is the mean of the model's last hidden states over a text's tokens, scaled to length 1 (Reimers and Gurevych, 2019,
https://arxiv.org/abs/1908.10084), so that the product of two vectors is their cosine. Of a model with an encoder and a decoder
it is the encoder's (Ni et al. 2021, arXiv:2108.08877). Of a decoder, whose first tokens have seen nothing of the text, a
token's state counts by its position (Muennighoff 2022, arXiv:2202.08904). Vectors are kept in labkit's cache and mapped from
there, since a million of them take 1.5 GB.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from labkit._places import cache_dir, writable
from labkit.errors import DataError, LabError, ModelError
from labkit.models._heads import is_decoder
from labkit.models._load import BaseModel, load_config, load_model, load_tokenizer, resolve
from labkit.models._machine import layer_speed, machine

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

Vectors = npt.NDArray[np.float32]

_VERSION = 2  # of what is computed below; a new one leaves old vectors unused
_CHUNK = 100_000  # vectors that are multiplied at a time
_PADS_FIRST = ("roberta", "xlm-roberta", "camembert")  # their positions start behind the padding index


def embed(
    texts: Sequence[str],
    name: str | BaseModel = "minilm",
    *,
    batch_size: int = 64,
    max_length: int = 128,
    progress: Callable[[int, int], None] | None = None,
) -> Vectors:
    """A vector for each text, computed once: the same texts and the same model give what lies in the cache.

    Args:
        texts: n of them.
        name: a model, as ``resolve`` takes it: "minilm", a catalogue name, a hub id, a model folder or a run directory.
        batch_size: texts that go through the model together.
        max_length: tokens that are read of a text, special ones included; no more than the model can take.
        progress: called with the number of texts that are done, and n.

    Returns:
        float32, n × the width of the model, rows of length 1; read-only and mapped from a file in ``cache_dir()/embeddings``.

    Raises:
        DataError: something in the list is no text.
        ModelError: no such model, or one whose tokenizer has no token to pad with.
        ResourceError: the disk with the cache is full.
    """
    if batch_size < 1 or max_length < 3:
        came = f"batch_size={batch_size}, max_length={max_length}"
        raise LabError("a batch of at least 1 text of at least 3 tokens", came)
    listed = list(texts)
    for i, text in enumerate(listed, 1):
        if not isinstance(text, str):
            raise DataError("a list of texts", f"{type(text).__name__} as item {i}", "pass strings")
    base = resolve(name) if isinstance(name, str) else name
    config = load_config(base)
    reading: Any = getattr(config, "encoder", config)  # of two models in one, the one that reads
    limit = int(getattr(reading, "max_position_embeddings", 0) or 10**6)
    limit -= 2 if config.model_type in _PADS_FIRST else 0
    max_length = min(max_length, limit)
    try:
        path = cache_dir() / "embeddings" / f"{_key(base, listed, max_length)}.npy"
    except UnicodeEncodeError as error:
        came = f"half a surrogate pair in {error.object[:40]!r}"
        raise DataError("texts of whole characters", came, "take that character out") from None
    found = _read(path, len(listed))
    if not listed or found is not None:
        if progress is not None:
            progress(len(listed), len(listed))
        return np.zeros((0, int(reading.hidden_size)), dtype=np.float32) if found is None else found
    with _filling(path) as partial:
        vectors = np.lib.format.open_memmap(
            partial, mode="w+", dtype=np.float32, shape=(len(listed), int(reading.hidden_size))
        )
        _reserve(partial)
        done = 0
        for at, rows in _computed(listed, base, reading, batch_size, max_length):
            vectors[at] = rows
            done += len(at)
            if progress is not None:
                progress(done, len(listed))
        vectors.flush()
        del vectors  # a system may refuse to rename a file that is mapped
    found = _read(path, len(listed))
    if found is None:
        raise LabError(f"the vectors in {path}", "a file that was changed since", "compute them again")
    return found


def nearest(vectors: Vectors, query_vector: npt.ArrayLike, n: int = 10) -> tuple[npt.NDArray[np.int64], Vectors]:
    """The vectors nearest to one.

    Args:
        vectors: rows of length 1, as ``embed`` gives them.
        query_vector: as wide; of any length but 0.
        n: how many are wanted.

    Returns:
        Positions, the nearest first and the earlier of equally near ones, and the cosines beside them; at most n.

    Raises:
        LabError: a query vector of another width, or of zeros, or n below 1.
    """
    query = np.asarray(query_vector, dtype=np.float32).reshape(-1)
    length = float(np.linalg.norm(query))
    if query.shape[0] != vectors.shape[1] or not np.isfinite(length) or length == 0 or n < 1:
        came = f"one of {query.shape[0]} numbers and of length {length:g}, and n={n}"
        raise LabError(f"a vector of {vectors.shape[1]} numbers that are not all 0, and n of at least 1", came)
    query = query / length
    parts = [vectors[at : at + _CHUNK] @ query for at in range(0, len(vectors), _CHUNK)]
    cosines = np.clip(np.concatenate(parts or [np.zeros(0, dtype=np.float32)]), -1.0, 1.0)
    n = min(n, len(cosines))
    if not n:
        return np.zeros(0, dtype=np.int64), cosines
    least = np.partition(cosines, -n)[-n]
    some = np.flatnonzero(cosines >= least)
    order = some[np.argsort(-cosines[some], kind="stable")][:n].astype(np.int64)
    return order, cosines[order]


# --- inner ----------------------------------------------------------------------------------------------------------


def _computed(
    texts: list[str], base: BaseModel, config: PreTrainedConfig, batch_size: int, max_length: int
) -> Iterator[tuple[npt.NDArray[np.int64], Vectors]]:
    """Positions with their vectors, a batch at a time."""
    import torch

    tokenizer = load_tokenizer(base)
    by_position = is_decoder(config)
    if by_position:
        tokenizer.padding_side = "right"  # what is read from left to right does not see it there
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise ModelError(
                "a tokenizer with a padding token", f"none in {base.name!r}", "choose another model, such as minilm"
            )
        tokenizer.pad_token = tokenizer.eos_token  # the mask leaves it out
    device = machine().device
    model = _reader(base).to(device).eval()
    heads = int(getattr(config, "num_attention_heads", 0) or 1)
    bf16 = device != "mps" and layer_speed(int(config.hidden_size), heads, 0, device).best == "bf16"
    # similar lengths together, the longest first: hardly any padding, and memory runs out at once or never
    order = np.argsort(-np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)), kind="stable")
    for start in range(0, len(texts), batch_size):
        at = order[start : start + batch_size]
        batch = tokenizer(
            [texts[i] or " " for i in at],  # some tokenizers make no token at all of nothing
            padding=True,
            truncation=True,
            max_length=max_length,
            return_tensors="pt",
            verbose=False,
        ).to(device)
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=bf16):
            hidden = model(**batch).last_hidden_state.float()
        with torch.inference_mode():
            mask = batch["attention_mask"].unsqueeze(-1).float()
            mask = mask.cumsum(1) * mask if by_position else mask
            mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1.0)
            yield at, torch.nn.functional.normalize(mean, dim=-1).cpu().numpy()


def _reader(base: BaseModel) -> Any:
    """The part of a model that reads a text."""
    from transformers import AutoModel, AutoModelForSeq2SeqLM

    if getattr(load_config(base), "is_encoder_decoder", False):
        return load_model(base, AutoModelForSeq2SeqLM).get_encoder()
    return load_model(base, AutoModel)


def _key(base: BaseModel, texts: list[str], max_length: int) -> str:
    """Of the model's files and of the texts. The precision has no part in it: it moves a cosine in the third digit."""
    state = hashlib.blake2b(f"{_VERSION} {max_length}".encode(), digest_size=16)
    for path in sorted(base.folder.iterdir()):
        if path.suffix in (".safetensors", ".json", ".txt", ".model", ".spm") and path.is_file():
            state.update(path.name.encode())
            with path.open("rb") as file:
                state.update(hashlib.file_digest(file, hashlib.blake2b).digest())
    for text in texts:
        content = text.encode()
        state.update(len(content).to_bytes(8, "little"))
        state.update(content)
    return state.hexdigest()


def _read(path: Path, count: int) -> Vectors | None:
    """The vectors in a file; None where there is none, or a damaged one."""
    try:
        found: Vectors = np.load(path, mmap_mode="r" if count else None, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError):
        return None
    return found if found.ndim == 2 and len(found) == count and found.dtype == np.float32 else None


def _reserve(path: Path) -> None:
    """Claim the room on the disk: a mapped file that finds none later would end the process without a word."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


@contextlib.contextmanager
def _filling(path: Path) -> Iterator[Path]:
    """A place to write to that becomes ``path`` when the block ends well, and vanishes otherwise, also after Ctrl-C."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with writable(f"the vectors in {path.parent}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
