"""Which base models can do a task: said before anything is downloaded or trained."""

from __future__ import annotations

from labkit.errors import ModelError, UnknownName, quoted
from labkit.models._catalogue import find
from labkit.models._load import BaseModel, load_config
from labkit.models._starter import PREFIX, STARTERS

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
    import transformers

    if isinstance(model, str) and model.startswith(PREFIX):
        family = model.removeprefix(PREFIX)
        if family not in STARTERS:
            raise UnknownName("starter model", model, [PREFIX + known for known in STARTERS])
        kind, name = {"deberta": "deberta-v2", "qwen": "qwen3"}.get(family, family), model
    elif isinstance(model, str):
        try:
            kind = _TYPES.get(find(model).family, "")
        except UnknownName:
            return
        name = model
    else:
        kind, name = str(load_config(model).model_type), model.name
    able = getattr(transformers, head)._model_mapping._model_mapping
    if not kind or kind in able:
        return
    known = sorted({family for family, other in _TYPES.items() if other in able})
    raise ModelError(
        f"a base model that can be fine-tuned for {task}",
        f"{name!r}, of the architecture {kind!r}, which transformers has no {head} for",
        f"choose one of another family ({quoted(known, 30)}): labkit models --task {task}",
    )
