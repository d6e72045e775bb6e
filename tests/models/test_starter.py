"""Starter models: built from any texts, loaded by plain transformers, the same every time, and never called trained."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from toys import toy_rows
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer
from transformers.models.auto import modeling_auto

from labkit.errors import DataError, ModelError, UnknownName
from labkit.models import (
    STARTERS,
    BaseModel,
    build_starter,
    find_starter,
    is_untrained,
    load_model,
    load_tokenizer,
    quiet_transformers,
    resolve,
    starter_card,
)

TEXTS = [row["text"] for row in toy_rows(197)] + [
    "Zoë's naïve über-Straße, 1,234 km!",
    "I don't  know\tit.",
    "мир 你好 🙂",
]
LOWERED = {"bert", "distilbert", "electra", "albert"}
UNACCENTED = LOWERED | {"xlnet"}
HEADS = {
    "masked": modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    "causal": modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    "seq2seq": modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    "texts": modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    "tokens": modeling_auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES,
}

every_family = pytest.mark.parametrize("family", STARTERS)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with quiet_transformers():
        yield


def tiny(family: str) -> BaseModel:
    return build_starter(family, iter(TEXTS), size="tiny")  # an iterator: it can be read once


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def as_normalised(family: str, text: str) -> str:
    """Without the spaces, which word pieces do not keep, and without what the family leaves out of every text."""
    if family in UNACCENTED:
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) != "Mn")
    return re.sub(r"\s", "", text.lower() if family in LOWERED else text)


@every_family
def test_plain_transformers_loads_the_model(family: str) -> None:
    base = tiny(family)
    assert base.name == f"starter:{family}-tiny" and base.card is None
    config = AutoConfig.from_pretrained(base.folder)
    (architecture,) = config.architectures
    kind = STARTERS[family].kind
    heads = {"encoder": "causal" if family == "xlnet" else "masked", "decoder": "causal", "encoder-decoder": "seq2seq"}
    assert HEADS[heads[kind]][config.model_type] == architecture
    model, report = getattr(transformers, architecture).from_pretrained(base.folder, output_loading_info=True)
    assert not any(report.values()), report
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    assert model.get_input_embeddings().num_embeddings == len(tokenizer)
    batch = tokenizer([TEXTS[0], "goal", TEXTS[1]], padding=True, return_tensors="pt")
    if kind == "encoder-decoder":
        start = model.config.decoder_start_token_id
        batch["decoder_input_ids"] = torch.full((3, 1), start)
        assert model.generation_config.decoder_start_token_id == start
        assert start in tokenizer.all_special_ids or family == "mbart"
    with torch.no_grad():
        logits = model.eval()(**batch).logits
    assert logits.shape[0] == 3 and logits.shape[-1] == len(tokenizer) and torch.isfinite(logits).all()


@every_family
def test_padding_changes_nothing(family: str) -> None:
    """What a text gives alone, it gives beside a longer one: padding token, its id in the model and its side agree."""
    base = tiny(family)
    tokenizer, config = AutoTokenizer.from_pretrained(base.folder), AutoConfig.from_pretrained(base.folder)
    assert tokenizer.pad_token_id == config.pad_token_id is not None
    assert tokenizer.padding_side == ("left" if family == "xlnet" else "right")
    assert tokenizer.eos_token_id != tokenizer.pad_token_id or tokenizer.eos_token_id is None
    if config.model_type not in HEADS["texts"]:
        return
    torch.manual_seed(0)
    model = load_model(base, AutoModelForSequenceClassification, num_labels=3).eval()
    with torch.no_grad():
        both = model(**tokenizer(["goal, goal", TEXTS[0] + TEXTS[1]], padding=True, return_tensors="pt")).logits
        alone = model(**tokenizer(["goal, goal"], return_tensors="pt")).logits
    torch.testing.assert_close(both[:1], alone, atol=1e-5, rtol=1e-4)


@every_family
def test_token_classification_loads_where_there_is_a_class_for_it(family: str) -> None:
    base = tiny(family)
    if AutoConfig.from_pretrained(base.folder).model_type in HEADS["tokens"]:
        model = load_model(base, AutoModelForTokenClassification, num_labels=5)
        batch = load_tokenizer(base)([TEXTS[0]], return_tensors="pt")
        with torch.no_grad():
            assert model(**batch).logits.shape == (*batch["input_ids"].shape, 5)
    else:
        assert family in ("bart", "mbart", "marian", "encoder-decoder")
        with pytest.raises(ModelError):
            load_model(base, AutoModelForTokenClassification)


@every_family
def test_texts_come_back_from_their_tokens(family: str) -> None:
    base = tiny(family)
    tokenizer = load_tokenizer(base)
    assert tokenizer.is_fast and tokenizer.name_or_path == base.name and tokenizer.model_max_length == 512
    for text in [*TEXTS[:5], *TEXTS[-3:]]:
        encoded = tokenizer(text, return_offsets_mapping=True)
        back = tokenizer.decode(encoded["input_ids"], skip_special_tokens=True)
        assert as_normalised(family, back) == as_normalised(family, text)
        ends = [end for _, end in encoded["offset_mapping"]]
        assert max(ends) == len(text)
        for i, (start, end) in enumerate(encoded["offset_mapping"]):
            token = tokenizer.decode([encoded["input_ids"][i]], skip_special_tokens=True).replace("##", "")
            if "\ufffd" not in token:  # a byte of a character
                assert as_normalised(family, token) in (as_normalised(family, text[start:end]), "")


def test_a_byte_family_writes_what_it_never_saw() -> None:
    tokenizer = load_tokenizer(tiny("gpt2"))
    assert tokenizer.decode(tokenizer("Łódź ☃\n").input_ids) == "Łódź ☃\n"


@every_family
def test_pairs_are_kept_apart(family: str) -> None:
    tokenizer = load_tokenizer(tiny(family))
    pair = tokenizer("goal", "market", return_offsets_mapping=True)
    assert {0, 1} <= set(pair.sequence_ids())
    if STARTERS[family].kind == "encoder":
        first, last = pair.sequence_ids().index(0), pair.sequence_ids().index(1)
        between = pair["input_ids"][first + 1 : last]
        assert tokenizer.sep_token_id in between
        assert ("token_type_ids" in pair) == (family in ("bert", "electra", "deberta"))


def test_special_tokens_are_the_familys_own() -> None:
    def special(family: str, text: str = "goal", *more: str) -> str:
        tokenizer = load_tokenizer(tiny(family))
        return re.sub(r"\s", "", tokenizer.decode(tokenizer(text, *more).input_ids))

    assert special("bert", "goal", "goal") == "[CLS]goal[SEP]goal[SEP]"
    assert special("modernbert", "goal", "goal") == "[CLS]goal[SEP]goal[SEP]"
    assert special("roberta", "goal", "goal") == "<s>goal</s></s>goal</s>"
    assert special("xlnet", "goal", "goal") == "goal<sep>goal<sep><cls>"
    assert special("llama") == "<|begin_of_text|>goal"
    assert special("gpt2") == special("qwen") == "goal"
    assert special("t5") == special("marian") == "goal</s>"
    assert special("mbart") == "goal</s>en_XX"
    t5 = load_tokenizer(tiny("t5"))
    assert t5.convert_tokens_to_ids("<extra_id_0>") == len(t5) - 1
    for family in (
        "bert",
        "roberta",
        "deberta",
        "albert",
        "electra",
        "xlm-roberta",
        "modernbert",
        "distilbert",
        "bart",
    ):
        tokenizer = load_tokenizer(tiny(family))
        assert tokenizer(f"goal {tokenizer.mask_token} goal").input_ids.count(tokenizer.mask_token_id) == 1


def test_a_language_can_be_chosen_for_mbart() -> None:
    tokenizer: Any = load_tokenizer(tiny("mbart"))
    tokenizer.src_lang, tokenizer.tgt_lang = "de_DE", "fr_XX"
    assert tokenizer.decode(tokenizer("goal").input_ids).endswith("de_DE")
    assert tokenizer.decode(tokenizer(text_target="goal").input_ids).endswith("fr_XX")


def test_it_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = tiny("bert")
    other = [build_starter("bert", TEXTS, size="tiny", seed=1), build_starter("bert", TEXTS[1:], size="tiny")]
    assert len({first.folder, *(base.folder for base in other)}) == 3
    assert digests(other[0].folder)["tokenizer.json"] == digests(first.folder)["tokenizer.json"]
    assert digests(other[0].folder)["model.safetensors"] != digests(first.folder)["model.safetensors"]

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("it was built again")

    monkeypatch.setattr("labkit.models._starter._build", never)
    assert tiny("bert") == first


def test_another_process_builds_the_same(tmp_path: Path) -> None:
    """Words are hashed with another seed in each process, and threads end in another order."""
    code = (
        "import json, sys\nfrom labkit.models import STARTERS, build_starter\ntexts = json.load(sys.stdin)\n"
        "print(json.dumps({f: str(build_starter(f, texts, size='tiny').folder) for f in STARTERS}))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LABKIT_CACHE": str(tmp_path)},
        input=json.dumps(TEXTS),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    folders = json.loads(out.splitlines()[-1])
    for family in STARTERS:
        assert digests(Path(folders[family])) == digests(tiny(family).folder), family


def test_the_callers_random_numbers_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    tiny("t5")
    assert torch.equal(torch.rand(3), expected)


def test_it_says_that_it_is_untrained(toy_model: Path, tmp_path: Path) -> None:
    base = tiny("bert")
    assert is_untrained(base) and is_untrained(base.folder) and is_untrained(str(base.folder))
    assert not is_untrained(toy_model)
    readme = (base.folder / "README.md").read_text("utf-8")
    assert "untrained" in readme and f"{len(TEXTS):,} texts with {sum(map(len, TEXTS)):,} characters" in readme
    with pytest.raises(ModelError, match=r"config\.json"):
        is_untrained(tmp_path)


@every_family
def test_its_card_says_what_it_will_be(family: str) -> None:
    for name in (f"starter:{family}", f"starter:{family}-tiny"):
        card = starter_card(name)
        assert card.name == name and not card.hub_id and "Untrained" in card.weaknesses
    base = tiny(family)
    config = AutoConfig.from_pretrained(base.folder)
    card = starter_card(base.name)
    assert resolve(base.name, texts=TEXTS) == base, "its name brings it back"
    parameters = sum(file.stat().st_size for file in base.folder.glob("*.safetensors")) / 4e6
    assert parameters < card.parameters_m, "it is never larger than was said"
    inner = config.encoder if family == "encoder-decoder" else config
    assert (inner.hidden_size, inner.num_hidden_layers) == (card.hidden, card.layers)
    assert find_starter(base.name) == (STARTERS[family], "tiny")


def test_it_is_resolved_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    base = resolve("starter:albert", texts=TEXTS)
    assert base == build_starter("albert", TEXTS) and base.name == "starter:albert"
    config = AutoConfig.from_pretrained(base.folder)
    assert (config.num_hidden_layers, config.hidden_size) == (4, 256)
    assert load_tokenizer(base).name_or_path == "starter:albert"
    with pytest.raises(ModelError, match=r"texts to train the tokenizer of 'starter:t5'.*build_starter\('t5', texts\)"):
        resolve("starter:t5")
    for wrong in (lambda: resolve("starter:brt"), lambda: build_starter("brt", TEXTS)):
        with pytest.raises(UnknownName, match=r"Did you mean 'starter:bert'\?.*starter:distilbert, starter:roberta"):
            wrong()


@pytest.mark.parametrize(
    ("texts", "came"),
    [
        ([], "got none"),
        (["", " \n"], "2 empty ones"),
        (["goal", None], "NoneType as item 2"),
        ("goal", "one str"),
        (7, "got int"),
        (["\x00\x01"], "nothing but control characters"),
    ],
)
def test_texts_that_cannot_be_used(texts: Any, came: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    with pytest.raises(DataError, match=f"texts to train the tokenizer.*{came}"):
        build_starter("bert", texts, size="tiny")
    assert list((tmp_path / "starters").iterdir()) == [], "nothing half built stays"


def test_an_unknown_size_and_a_cache_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match="small, tiny"):
        build_starter("bert", TEXTS, size="huge")  # type: ignore[arg-type]
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="to write starter models in"):
        build_starter("bert", TEXTS, size="tiny")


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5"])
def test_any_text_will_do(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One letter; the names of special tokens; half a surrogate pair; a word that goes on for pages; many characters."""
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 9000)))
    for text in ("a", "<pad> </s> <unk> [CLS] <extra_id_0> <|endoftext|> " * 9, "\ud800 half", "ab" * 30_000, many):
        base = build_starter(family, [text], size="tiny")
        tokenizer = load_tokenizer(base)
        assert load_model(base, AutoModelForSequenceClassification).config.vocab_size == len(tokenizer)
        if text is many:
            assert (tokenizer.unk_token_id not in tokenizer(many[-300:]).input_ids) or family == "gpt2"
