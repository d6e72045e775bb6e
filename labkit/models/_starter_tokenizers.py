"""A tokenizer of a model family's own kind, trained on the user's texts: WordPiece, bytes merged in pairs, or Unigram.

Pipeline (normaliser, pre-tokeniser, decoder, template) and special tokens are the family's; only the vocabulary is new.
The same texts give the same tokenizer, byte for byte. Two trainers of the tokenizers library do not: they go through
words in hash order, which differs from process to process. ``_wordpiece`` and ``_unigram`` say what is done about it.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

    Texts = Callable[[], Iterator[str]]
    """Reads the texts once more each time it is called."""

MOST_TOKENS = 8_000
_LONGEST_PIECE = 16  # characters, as in SentencePiece
_BATCH = 256  # texts
_LONG_WORD = re.compile(r"\S{500}")  # training takes the square of a word's length: a line of base64 would take minutes

# fmt: off
_LANGUAGES = (
    "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN", "it_IT", "ja_XX", "kk_KZ",
    "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN",
)  # of mBART-25
# fmt: on
_LLAMA_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)  # of Llama 3


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How a family cuts texts into tokens."""

    algorithm: Literal["wordpiece", "bytes", "unigram"]
    special: tuple[str, ...]
    """Its special tokens; they get the first ids, in this order."""
    wrapper: str = "TokenizersBackend"
    """The class in transformers; ``TokenizersBackend`` is the bare one, whose pipeline ``_bare`` puts together."""
    options: dict[str, Any] = field(default_factory=dict)
    """Arguments of that class that differ from its defaults."""
    behind: tuple[str, ...] = ()
    """Special tokens that get the last ids."""


_BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_BYTES_IN_FAIRSEQ = _Kind(algorithm="bytes", special=_FAIRSEQ, wrapper="RobertaTokenizer")
_KINDS = {
    "bert": _Kind(algorithm="wordpiece", special=_BERT, wrapper="BertTokenizer"),
    "distilbert": _Kind(algorithm="wordpiece", special=_BERT, wrapper="DistilBertTokenizer"),
    "electra": _Kind(algorithm="wordpiece", special=_BERT, wrapper="BertTokenizer"),
    # what it writes is read by people, so it keeps capitals and accents
    "encoder-decoder": _Kind(
        algorithm="wordpiece", special=_BERT, wrapper="BertTokenizer", options={"do_lower_case": False}
    ),
    "roberta": _BYTES_IN_FAIRSEQ,
    "bart": _BYTES_IN_FAIRSEQ,
    "modernbert": _Kind(
        algorithm="bytes",
        special=_BERT,
        options={
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "mask_token": "[MASK]",
            "model_input_names": ["input_ids", "attention_mask"],
        },
    ),
    # Decoders pad with a token of their own. With the end token, as is often done where no weights are there for
    # another one, a loss that leaves padding out leaves the end out too, and the model never learns to stop.
    "gpt2": _Kind(
        algorithm="bytes",
        special=("<|endoftext|>", "<|pad|>"),
        wrapper="GPT2Tokenizer",
        options={"pad_token": "<|pad|>"},
    ),
    "llama": _Kind(
        algorithm="bytes",
        special=("<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>"),
        options={
            "bos_token": "<|begin_of_text|>",
            "eos_token": "<|end_of_text|>",
            "pad_token": "<|finetune_right_pad_id|>",
            "model_input_names": ["input_ids", "attention_mask"],
        },
    ),
    "qwen": _Kind(
        algorithm="bytes",
        special=("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        wrapper="Qwen2Tokenizer",
        options={"eos_token": "<|im_end|>", "extra_special_tokens": ["<|im_start|>"]},
    ),
    "xlnet": _Kind(
        algorithm="unigram",
        special=("<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"),
        wrapper="XLNetTokenizer",
    ),
    "albert": _Kind(
        algorithm="unigram", special=("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"), wrapper="AlbertTokenizer"
    ),
    "deberta": _Kind(
        algorithm="unigram", special=("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"), wrapper="DebertaV2Tokenizer"
    ),
    "xlm-roberta": _Kind(algorithm="unigram", special=_FAIRSEQ, wrapper="XLMRobertaTokenizer"),
    "mbart": _Kind(
        algorithm="unigram",
        special=(*_FAIRSEQ, *_LANGUAGES),
        wrapper="MBartTokenizer",
        options={"src_lang": "en_XX", "tgt_lang": "en_XX"},
    ),
    "t5": _Kind(
        algorithm="unigram",
        special=("<pad>", "</s>", "<unk>"),
        wrapper="T5Tokenizer",
        behind=tuple(f"<extra_id_{i}>" for i in reversed(range(100))),
    ),
    # the class that transformers has for it needs sentencepiece, and is no fast one
    "marian": _Kind(
        algorithm="unigram",
        special=("</s>", "<unk>", "<pad>"),
        options={
            "eos_token": "</s>",
            "unk_token": "<unk>",
            "pad_token": "<pad>",
            "model_input_names": ["input_ids", "attention_mask"],
        },
    ),
}
_TEMPLATES = {
    "modernbert": ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]"),
    "llama": ("<|begin_of_text|> $A", "<|begin_of_text|> $A <|begin_of_text|> $B"),
    "marian": ("$A </s>", "$A $B </s>"),
}  # of the families without a class of their own


def train_tokenizer(family: str, texts: Texts, *, characters: int, longest: int) -> PreTrainedTokenizerBase:
    """A fast tokenizer of the family's kind; of texts with nothing in them, one that knows special tokens only.

    Args:
        family: one of ``STARTERS``.
        texts: gives the texts, from the first on, each time it is called.
        characters: how many they have in all; the vocabulary grows with it, to ``MOST_TOKENS`` or, where more
            characters than that occur, to as many as there are characters.
        longest: most tokens of an input that the model takes.
    """
    import transformers
    from tokenizers import AddedToken

    kind = _KINDS[family]
    options = {**kind.options, "model_max_length": longest}
    mask = next((token for token in kind.special if token in ("<mask>", "[MASK]")), None)
    if mask and kind.algorithm != "wordpiece":
        options["mask_token"] = AddedToken(mask, lstrip=True, special=True)  # the space before it is part of a word

    def cut() -> Iterator[str]:
        return (_LONG_WORD.sub(r"\g<0> ", text) for text in texts())

    wrapper: Any = getattr(transformers, kind.wrapper)
    bare = _bare(family) if kind.wrapper == "TokenizersBackend" else None
    pipeline: Tokenizer = wrapper(**options).backend_tokenizer if bare is None else bare
    size = min(MOST_TOKENS, 500 + characters // 40) - len(kind.behind)
    vocabulary: Any
    merges: list[tuple[str, str]] = []
    if kind.algorithm == "wordpiece":
        vocabulary = _wordpiece(pipeline, cut, kind.special, size)
    elif kind.algorithm == "bytes":
        vocabulary, merges = _bytes(pipeline, cut, kind.special, size)
    else:
        vocabulary = _unigram(pipeline, cut, kind, size)
    if bare is None:
        made: PreTrainedTokenizerBase = wrapper(vocab=vocabulary, **({"merges": merges} if merges else {}), **options)
        return made
    bare.model = _model(kind, vocabulary, merges)
    bare.add_special_tokens([*kind.special])
    bare.post_processor = _template(family, bare)
    made = wrapper(tokenizer_object=bare, **options)
    return made


def _bare(family: str) -> Tokenizer:
    """The pipeline of a family whose tokenizer has no class of its own in transformers."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    if family == "marian":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
        )
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
        return tokenizer
    tokenizer = Tokenizer(models.BPE())
    tokenizer.decoder = decoders.ByteLevel()
    if family == "modernbert":
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_LLAMA_WORDS), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    return tokenizer


def _template(family: str, tokenizer: Tokenizer) -> Any:
    from tokenizers import processors

    single, pair = _TEMPLATES[family]
    names = {part for part in pair.split() if not part.startswith("$")}
    return processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[(name, tokenizer.token_to_id(name)) for name in sorted(names)]
    )


def _model(kind: _Kind, vocabulary: Any, merges: list[tuple[str, str]]) -> Any:
    from tokenizers import models

    if kind.algorithm == "unigram":
        return models.Unigram(vocabulary, unk_id=kind.special.index("<unk>"))
    return models.BPE(vocab=vocabulary, merges=merges)


# --- the three algorithms -------------------------------------------------------------------------------------------


def _wordpiece(pipeline: Tokenizer, texts: Texts, special: Iterable[str], size: int) -> dict[str, int]:
    """Words and word pieces with their ids.

    The trainer numbers pieces as it meets them, and decides between equally frequent ones by number. So the single
    characters are found first, and given to it in order.
    """
    from tokenizers import models, trainers

    ids: dict[str, int] = {}
    characters: list[str] = []
    for wanted in (0, size):
        trainer = trainers.WordPieceTrainer(
            vocab_size=wanted,
            min_frequency=2,
            limit_alphabet=0x110000,  # every character there is
            special_tokens=[*special, *characters],
            show_progress=False,
        )
        ids = _trained(models.WordPiece(unk_token="[UNK]"), pipeline, texts, trainer)["vocab"]
        characters = sorted(ids.keys() - set(special))
    return ids


def _bytes(
    pipeline: Tokenizer, texts: Texts, special: Iterable[str], size: int
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Pieces of bytes with their ids, and the merges that make them. Every text can be written with them."""
    from tokenizers import models, pre_tokenizers, trainers

    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=[*special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    found = _trained(models.BPE(), pipeline, texts, trainer)
    return found["vocab"], [(left, right) for left, right in found["merges"]]


def _unigram(pipeline: Tokenizer, texts: Texts, kind: _Kind, size: int) -> list[tuple[str, float]]:
    """Pieces with the logarithms of their probabilities.

    A unigram language model as in Kudo (2018), "Subword Regularization", by another training: the library's expectation
    maximisation adds up floats in hash order. Here candidates come from merging pairs, half as many again as wanted;
    then, twice, the texts are cut in the most probable way and the pieces counted, and rare candidates are dropped.
    """
    from tokenizers import models, trainers

    reserved = {*kind.special, *kind.behind}
    trainer = trainers.BpeTrainer(
        vocab_size=size * 3 // 2, min_frequency=2, max_token_length=_LONGEST_PIECE, show_progress=False
    )
    found = _trained(models.BPE(), pipeline, texts, trainer)
    pieces = [piece for piece in sorted(found["vocab"], key=found["vocab"].get) if piece not in reserved]
    counts = _counts(pipeline, models.BPE(vocab=found["vocab"], merges=[tuple(m) for m in found["merges"]]), texts)
    uses = [int(counts[found["vocab"][piece]]) for piece in pieces]
    for keep in (len(pieces), size - len(kind.special)):
        if not pieces:
            break
        scored = [("", 0.0), *_scores(pieces, uses)]  # the first one stands for the unknown
        uses = [int(count) for count in _counts(pipeline, models.Unigram(scored, unk_id=0), texts)[1:]]
        # a single character stays, however rare: without it, a text that has it could not be written
        order = sorted(range(len(pieces)), key=lambda i: (len(pieces[i]) > 1, -uses[i], pieces[i]))
        singles = sum(len(piece) == 1 for piece in pieces)
        kept = order[: max(keep, singles)]
        pieces, uses = [pieces[i] for i in kept], [uses[i] for i in kept]
    return [
        *((token, 0.0) for token in kind.special),
        *_scores(pieces, uses),
        *((token, 0.0) for token in kind.behind),
    ]


def _scores(pieces: list[str], uses: list[int]) -> list[tuple[str, float]]:
    total = sum(uses) + len(uses)
    return [(piece, math.log((count + 1) / total)) for piece, count in zip(pieces, uses, strict=True)]


def _trained(model: Any, pipeline: Tokenizer, texts: Texts, trainer: Any) -> dict[str, Any]:
    """What a model has learnt from the texts, in the library's file format."""
    tokenizer = _with(model, pipeline)
    tokenizer.train_from_iterator(texts(), trainer)
    learnt: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return learnt


def _counts(pipeline: Tokenizer, model: Any, texts: Texts) -> npt.NDArray[np.int64]:
    """How often each token id occurs in the texts."""
    import numpy as np

    tokenizer = _with(model, pipeline)
    found = np.zeros(tokenizer.get_vocab_size(), dtype=np.int64)
    left = texts()
    while batch := list(itertools.islice(left, _BATCH)):
        ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False)]
        found += np.bincount(np.fromiter(itertools.chain(*ids), dtype=np.int64), minlength=len(found))
    return found


def _with(model: Any, pipeline: Tokenizer) -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer(model)
    if pipeline.normalizer is not None:
        tokenizer.normalizer = pipeline.normalizer
    tokenizer.pre_tokenizer = pipeline.pre_tokenizer
    return tokenizer
