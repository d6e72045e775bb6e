"""Which base models can do a task: said before anything is downloaded or trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from labkit.errors import ModelError, UnknownName, quoted
from labkit.models._catalogue import find
from labkit.models._load import BaseModel, load_config
from labkit.models._starter import PREFIX, STARTERS, find_starter

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

Pooling = Literal["own", "first", "last", "mean", "max", "attention"]
"""How the outputs of a text's tokens become one vector; own: as the model's own head does it."""

_TYPES = {
    "BERT": "bert",
    "DistilBERT": "distilbert",
    "RoBERTa": "roberta",
    "XLM-RoBERTa": "xlm-roberta",
    "DeBERTa": "deberta-v2",
    "ELECTRA": "electra",
    "ALBERT": "albert",
    "ModernBERT": "modernbert",
    "XLNet": "xlnet",
    "MiniLM": "bert",
    "MPNet": "mpnet",
    "GPT-2": "gpt2",
    "Llama": "llama",
    "Qwen": "qwen2",
    "GPT-NeoX": "gpt_neox",
    "OPT": "opt",
    "T5": "t5",
    "BART": "bart",
    "mBART": "mbart",
    "Marian": "marian",
}
"""Family in the catalogue → what transformers calls the architecture."""

_READ = (
    "bert", "distilbert", "roberta", "deberta", "electra", "albert", "modernbert", "xlm-roberta", "xlnet", "gpt2", "llama",
    "qwen", "t5",
)  # fmt: skip
_STARTERS = {
    "AutoModelForSequenceClassification": (*_READ, "bart", "mbart"),
    "AutoModelForTokenClassification": _READ,
    "AutoModelForQuestionAnswering": (*_READ, "bart", "mbart"),
    "AutoModelForSeq2SeqLM": ("t5", "bart", "mbart", "marian", "encoder-decoder"),
    "AutoModelForCausalLM": ("gpt2", "llama", "qwen"),
    "AutoModelForMaskedLM": (*_READ[:8], "bart", "mbart"),
}
"""Head → families of starter models that transformers has it for; a test holds it against ``require_head``."""

_LANGUAGE_HEADS = ("AutoModelForMaskedLM", "AutoModelForCausalLM")
_NO_DECODERS = {"xlnet", "bert-generation", "trocr", "whisper"}  # besides those that have other heads


def require_head(model: BaseModel | str, head: str, task: str) -> None:
    """Refuse a base model whose architecture transformers has no such head for.

    Args:
        model: one with files on this machine, of which only the configuration is read; or a name, which is looked up among
            the starter models and in the catalogue, and of which nothing is known yet where it is in neither.
        head: name of one of transformers' ``AutoModelFor…`` classes.
        task: task id, for the message.

    Raises:
        ModelError: the architecture has no such head.
        UnknownName: there is no such starter model.
    """
    if isinstance(model, str) and model.startswith(PREFIX):
        family = find_starter(model)[0].family
        kind, name = {"deberta": "deberta-v2", "qwen": "qwen3"}.get(family, family), model
    elif isinstance(model, str):
        try:
            kind = _TYPES.get(find(model).family, "")
        except UnknownName:
            return
        name = model
    else:
        kind, name = str(load_config(model).model_type), model.name
    able = _able(head)
    if not kind or kind in able:
        return
    known = sorted({family for family, other in _TYPES.items() if other in able})
    raise ModelError(
        f"a base model that can be fine-tuned for {task}",
        f"{name!r}, of the architecture {kind!r}, which {_why_not(kind, head)}",
        f"choose one of another family ({quoted(known, 30)}): labkit models --task {task}",
    )


def able_starters(head: str, task: str) -> list[str]:
    """Names of the starter models that can be trained with a head, such as ``"starter:bert"``; each is there as tiny, too."""
    if head in _STARTERS:  # known without loading transformers, which takes seconds
        return [PREFIX + family for family in STARTERS if family in _STARTERS[head]]
    found = []
    for family in STARTERS:
        try:
            require_head(PREFIX + family, head, task)
        except ModelError:
            continue
        found.append(PREFIX + family)
    return found


def new_head(base: BaseModel, head: str) -> str:
    """A sentence where a model's checkpoint lacks the language-modelling head that it will be trained with, else ""."""
    import transformers

    config = load_config(base)
    kind = getattr(transformers, head)._model_mapping._model_mapping.get(str(config.model_type), ())
    stored = [str(name) for name in getattr(config, "architectures", None) or []]
    fitting = {*([kind] if isinstance(kind, str) else kind)}
    if head not in _LANGUAGE_HEADS or not stored or any(n in fitting or n.endswith("PreTraining") for n in stored):
        return ""
    if not _has_weights(config, head):
        return ""
    return (
        f"{base.name} comes without a language-modelling head ({quoted(stored)}): that part begins with random weights, "
        "and the first losses are high."
    )


def _has_weights(config: PreTrainedConfig, head: str) -> bool:
    """Whether a head has weights of its own: that of GPT-2 is the embeddings again."""
    import torch
    import transformers

    with torch.device("meta"):
        model = getattr(transformers, head).from_config(config)
    model.tie_weights()
    body = {id(one) for one in getattr(model, model.base_model_prefix, torch.nn.Module()).parameters()}
    return any(id(one) not in body for one in model.parameters())


def _able(head: str) -> set[str]:
    """Architectures that can be trained with a head.

    Of those that transformers can load as causal models, only decoders count. An encoder loaded so has learnt to look at
    what it is to foresee, half of an encoder-decoder has lost the half that it listens to, and XLNet sees the whole text
    unless it is told the order of its words.
    """
    import transformers

    def of(name: str) -> set[str]:
        return set(getattr(transformers, name)._model_mapping._model_mapping)

    if head != "AutoModelForCausalLM":
        return of(head)
    return of(head) - of("AutoModelForMaskedLM") - of("AutoModelForSeq2SeqLM") - _NO_DECODERS


def is_decoder(config: PreTrainedConfig) -> bool:
    """Whether a model reads its text from left to right only."""
    return str(config.model_type) in _able("AutoModelForCausalLM")


def _why_not(kind: str, head: str) -> str:
    import transformers

    if kind in getattr(transformers, head)._model_mapping._model_mapping:
        return "is no decoder: it has not learnt to foresee a text from left to right"
    return f"transformers has no {head} for"
