"""Starter models: small, untrained, with a tokenizer made from the user's own texts.

They make every task run without a download, and show what pretraining buys: such a model begins with random weights and
knows no language. It is built in seconds, kept in the cache, and marked as untrained in its configuration.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from labkit._places import cache_dir, writable
from labkit.errors import DataError, ModelError, UnknownName
from labkit.models._load import BaseModel, quiet_transformers
from labkit.models._starter_tokenizers import train_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PREFIX = "starter:"
"""What the name of a starter model begins with; behind it stand its family, and "-tiny" where it is to be tiny."""
UNTRAINED = "labkit_untrained"
"""The attribute of a model's configuration that marks a starter model; training takes it away."""

_FORMAT = 1  # counts up whenever the same texts would give another model
_LONGEST = 512  # tokens of an input
_IN_MEMORY = 16 * 2**20  # bytes of texts that are read once more from memory, not from disk
_SIZES = {"small": (4, 256, 4), "tiny": (2, 32, 2)}  # layers, width, attention heads
_TINY = "-tiny"

Size = Literal["small", "tiny"]

_Kind = Literal["encoder", "decoder", "encoder-decoder"]


@dataclass(frozen=True, kw_only=True)
class Starter:
    """A family of which a starter model can be built.

    Attributes:
        family: its name, as in ``starter:bert``.
        kind: which halves of a transformer it has.
        text: what it is, in a sentence.
    """

    family: str
    kind: _Kind
    text: str


_FAMILIES: tuple[tuple[str, _Kind, str], ...] = (
    ("bert", "encoder", "Reads a text in both directions; learns by filling masked words in."),
    ("distilbert", "encoder", "BERT without segments and pooler, as used for smaller, distilled models."),
    ("roberta", "encoder", "BERT over pieces of bytes, which can write any text without unknown words."),
    ("deberta", "encoder", "Attention in which content and relative position are kept apart (DeBERTa-v3)."),
    ("electra", "encoder", "BERT with narrower word vectors, meant to learn by spotting replaced words."),
    ("albert", "encoder", "BERT whose layers all share one set of weights, and so has few of them."),
    ("modernbert", "encoder", "BERT as built in 2024: rotary positions, gated layers, attention mostly local."),
    ("xlm-roberta", "encoder", "RoBERTa over SentencePiece-like pieces, made for many languages at once."),
    ("xlnet", "encoder", "Learns to predict words in shuffled order; padded on the left, without a length limit."),
    ("gpt2", "decoder", "Reads from left to right and writes the next word."),
    ("llama", "decoder", "GPT as built since 2023: rotary positions, gated layers, shared keys (Llama 3)."),
    ("qwen", "decoder", "Like Llama, with normalised queries and keys (Qwen3)."),
    ("bart", "encoder-decoder", "Learns to mend a damaged text; for summaries and rewriting."),
    ("t5", "encoder-decoder", "Turns a text into a text, with relative positions, for every task alike."),
    ("mbart", "encoder-decoder", "BART for translation, with a token for each of 25 languages."),
    ("marian", "encoder-decoder", "A plain transformer for translating one language into another."),
    ("encoder-decoder", "encoder-decoder", "Two BERTs, of which the second writes what the first has read."),
)
STARTERS: dict[str, Starter] = {
    family: Starter(family=family, kind=kind, text=text) for family, kind, text in _FAMILIES
}
"""Family name to what it is."""


def find_starter(name: str) -> tuple[Starter, Size]:
    """The family and the size that a name such as ``starter:bert`` (small) or ``starter:bert-tiny`` stands for.

    Raises:
        UnknownName: there is no such starter model.
    """
    family = name.removeprefix(PREFIX)
    if family in STARTERS:
        return STARTERS[family], "small"
    if family.removesuffix(_TINY) in STARTERS:
        return STARTERS[family.removesuffix(_TINY)], "tiny"
    raise UnknownName("starter model", name, [PREFIX + known for known in STARTERS])


def build_starter(family: str, texts: Iterable[str], *, size: Size = "small", seed: int = 0) -> BaseModel:
    """Build a small untrained model with a tokenizer of its family's kind, trained on the texts; or find it built.

    The same texts, size and seed give the same files. Torch's random numbers stay where they are. It is saved with the
    family's language-modelling head, so that every ``AutoModelFor…`` class that knows the family can load it.

    Args:
        family: one of ``STARTERS``.
        texts: what the tokenizer is trained on. They are read once; more of them than fit into some memory wait in a
            temporary file.
        size: ``"small"`` is 4 layers, 256 wide; ``"tiny"``, for trying things out, is 2 layers, 32 wide. Both read up
            to 512 tokens.
        seed: of the random weights.

    Raises:
        UnknownName: no such family or size.
        DataError: no text among them that has words, or something that is no text.
        ModelError: the cache cannot be written.
        ResourceError: the disk is full.
    """
    if family not in STARTERS:
        raise UnknownName("starter model", PREFIX + family, [PREFIX + known for known in STARTERS])
    if size not in _SIZES:
        raise UnknownName("size of starter models", size, _SIZES)
    place = cache_dir() / "starters"
    with writable(f"starter models in {place}", ModelError):
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, mode="w+b", dir=str(place)) as kept:
            count, characters, digest = _keep(texts, kept)
            key = json.dumps([_FORMAT, family, size, seed, digest])
            folder = place / hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
            if not folder.is_dir():
                with _filling(folder) as partial, quiet_transformers():
                    about = f"{count:,} texts with {characters:,} characters"
                    _build(STARTERS[family], size, seed, kept, characters, about, partial)
    return BaseModel(name=PREFIX + family + (_TINY if size == "tiny" else ""), folder=folder)


def is_untrained(base: BaseModel | str | Path) -> bool:
    """Whether a model, or the model in a folder, is a starter model as it was built: with random weights.

    Raises:
        ModelError: a folder without a readable config.json.
    """
    folder = base.folder if isinstance(base, BaseModel) else Path(base)
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        came = f"{folder}, which has no readable one"
        raise ModelError("a model folder with config.json", came, "name the folder of a model") from error
    return isinstance(config, dict) and config.get(UNTRAINED) is True


# --- inner ----------------------------------------------------------------------------------------------------------


def _keep(texts: Iterable[str], kept: IO[bytes]) -> tuple[int, int, str]:
    """Write the texts down, one JSON string a line; gives their number, their characters and their digest."""
    do = "give a list of texts, such as the text column of the training data"
    if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
        came = f"one {type(texts).__name__}" if isinstance(texts, str | bytes) else type(texts).__name__
        raise DataError("texts to train the tokenizer of a starter model on", came, do)
    state = hashlib.blake2b(digest_size=16)
    count, characters, any_words = 0, 0, False
    for count, text in enumerate(texts, 1):
        if not isinstance(text, str):
            raise DataError(
                "texts to train the tokenizer of a starter model on", f"{type(text).__name__} as item {count}", do
            )
        # half a surrogate pair, as cut texts may have, is no Unicode: a question mark stands in for it
        line = json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False).encode() + b"\n"
        kept.write(line)
        state.update(line)
        characters += len(text)
        any_words = any_words or bool(text.strip())
    if not any_words:
        came = f"{count:,} empty ones" if count else "none"
        raise DataError("texts to train the tokenizer of a starter model on", came, do)
    return count, characters, state.hexdigest()


def _read(kept: IO[bytes]) -> Iterator[str]:
    kept.seek(0)
    for line in kept:
        yield json.loads(line)


def _build(starter: Starter, size: str, seed: int, kept: IO[bytes], characters: int, about: str, folder: Path) -> None:
    import torch

    tokenizer = train_tokenizer(starter.family, lambda: _read(kept), characters=characters, longest=_LONGEST)
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        do = "give texts with words in them"
        raise DataError("texts to train the tokenizer of a starter model on", "nothing but control characters", do)
    with torch.random.fork_rng(devices=[]):  # only the generator of the CPU, which draws the weights, is used
        torch.default_generator.manual_seed(seed)
        model = _model(starter.family, size, tokenizer)
    setattr(model.config, UNTRAINED, True)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    (folder / "README.md").write_text(
        f"# {PREFIX}{starter.family}: an untrained starter model\n\n{starter.text}\n\n"
        f"Its weights are random (size {size}, seed {seed}): it knows no language and has learnt no task. Fine-tune it "
        f"to see what can be learnt from your data alone, and a pretrained model to see what pretraining adds.\n\n"
        f"Its tokenizer was trained on {about} and has {len(tokenizer):,} tokens. Built by labkit.\n",
        "utf-8",
    )


@contextlib.contextmanager
def _filling(target: Path) -> Iterator[Path]:
    """A new folder that becomes ``target`` when the block ends well, and vanishes otherwise, also after Ctrl-C."""
    partial = target.with_name(f"{target.name}.{uuid.uuid4().hex}.partial")
    try:
        partial.mkdir()
        yield partial
        try:
            partial.rename(target)
        except OSError:
            if not target.is_dir():  # another process may have built the same
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _model(family: str, size: str, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """The family's architecture with its language-modelling head, with weights from torch's generator."""
    import transformers

    t: Any = transformers
    layers, width, heads = _SIZES[size]
    ids = {
        f"{role}_token_id": getattr(tokenizer, f"{role}_token_id")
        for role in ("pad", "bos", "eos")
        if getattr(tokenizer, f"{role}_token_id") is not None
    }
    words: dict[str, Any] = {"vocab_size": len(tokenizer), **ids}
    encoder: dict[str, Any] = {
        **words,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": 4 * width,
        "max_position_embeddings": _LONGEST,
    }
    gated = {**encoder, "intermediate_size": 3 * width, "num_key_value_heads": heads // 2, "head_dim": width // heads}
    halves: dict[str, Any] = {
        **words,
        "d_model": width,
        "max_position_embeddings": _LONGEST,
        **{f"{half}_layers": layers for half in ("encoder", "decoder")},
        **{f"{half}_attention_heads": heads for half in ("encoder", "decoder")},
        **{f"{half}_ffn_dim": 4 * width for half in ("encoder", "decoder")},
    }
    model: PreTrainedModel
    if family == "bert":
        model = t.BertForMaskedLM(t.BertConfig(**encoder))
    elif family == "distilbert":
        shape = {"dim": width, "n_layers": layers, "n_heads": heads, "hidden_dim": 4 * width}
        model = t.DistilBertForMaskedLM(t.DistilBertConfig(**words, **shape, max_position_embeddings=_LONGEST))
    elif family in ("roberta", "xlm-roberta"):
        # positions are counted from behind the id of the padding
        encoder |= {"max_position_embeddings": _LONGEST + words["pad_token_id"] + 1, "type_vocab_size": 1}
        encoder |= {"layer_norm_eps": 1e-5}
        if family == "roberta":
            model = t.RobertaForMaskedLM(t.RobertaConfig(**encoder))
        else:
            model = t.XLMRobertaForMaskedLM(t.XLMRobertaConfig(**encoder))
    elif family == "deberta":
        attention = {
            "relative_attention": True,
            "position_buckets": 256,
            "pos_att_type": ["p2c", "c2p"],
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
            "position_biased_input": False,
        }
        model = t.DebertaV2ForMaskedLM(t.DebertaV2Config(**encoder, **attention))
    elif family == "electra":
        model = t.ElectraForMaskedLM(t.ElectraConfig(**encoder, embedding_size=width // 2))
    elif family == "albert":
        model = t.AlbertForMaskedLM(t.AlbertConfig(**encoder, embedding_size=width // 2))
    elif family == "modernbert":
        special = {"cls_token_id": tokenizer.cls_token_id, "sep_token_id": tokenizer.sep_token_id}
        special |= {"bos_token_id": tokenizer.cls_token_id, "eos_token_id": tokenizer.sep_token_id}
        model = t.ModernBertForMaskedLM(
            t.ModernBertConfig(**{**encoder, "intermediate_size": 3 * width // 2} | special)
        )
    elif family == "xlnet":
        shape = {"d_model": width, "n_layer": layers, "n_head": heads, "d_inner": 4 * width}
        model = t.XLNetLMHeadModel(t.XLNetConfig(**words, **shape, mem_len=None))
    elif family == "gpt2":
        shape = {"n_embd": width, "n_layer": layers, "n_head": heads, "n_positions": _LONGEST}
        model = t.GPT2LMHeadModel(t.GPT2Config(**words, **shape))
    elif family == "llama":
        model = t.LlamaForCausalLM(t.LlamaConfig(**gated, tie_word_embeddings=True))
    elif family == "qwen":
        model = t.Qwen3ForCausalLM(t.Qwen3Config(**gated, tie_word_embeddings=True))
    elif family == "t5":
        shape = {"d_model": width, "num_layers": layers, "num_heads": heads, "d_kv": width // heads, "d_ff": 4 * width}
        model = t.T5ForConditionalGeneration(t.T5Config(**words, **shape, decoder_start_token_id=words["pad_token_id"]))
    elif family == "bart":
        model = t.BartForConditionalGeneration(t.BartConfig(**halves, decoder_start_token_id=words["eos_token_id"]))
    elif family == "mbart":
        start = tokenizer.convert_tokens_to_ids(tokenizer.tgt_lang)
        model = t.MBartForConditionalGeneration(t.MBartConfig(**halves, decoder_start_token_id=start))
    elif family == "marian":
        start = words["pad_token_id"]
        model = t.MarianMTModel(t.MarianConfig(**halves, decoder_start_token_id=start, scale_embedding=True))
    else:
        reads = t.BertConfig(**encoder)
        writes = t.BertConfig(**encoder, is_decoder=True, add_cross_attention=True)
        both = t.EncoderDecoderConfig.from_encoder_decoder_configs(reads, writes)
        both.pad_token_id, both.vocab_size = words["pad_token_id"], words["vocab_size"]
        both.decoder_start_token_id, both.eos_token_id = tokenizer.cls_token_id, tokenizer.sep_token_id
        model = t.EncoderDecoderModel(both)
    return model
