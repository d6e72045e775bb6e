"""Adapters: a few new weights beside a frozen model, learnt in their place, merged into it or kept alone.

LoRA, DoRA, IA³, prefix and prompt tuning are those of peft; bottleneck adapters, which it has not, are made here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit._places import named
from labkit.errors import LabError, MissingExtra, ModelError, RecipeError, quoted
from labkit.models._starter import PREFIX as STARTER

if TYPE_CHECKING:
    from labkit.models._load import BaseModel

ADAPTERS = ("lora", "dora", "ia3", "prefix", "prompt", "bottleneck")
MERGED = ("lora", "dora", "ia3")
"""Those that can be merged into the weights of the model."""
NOTE = "adapter.json"
"""File beside an adapter that says which model it belongs to."""

_BOTTLENECKS = "bottleneck.safetensors"
_TASKS = {
    "AutoModelForSequenceClassification": "SEQ_CLS",
    "AutoModelForTokenClassification": "TOKEN_CLS",
    "AutoModelForQuestionAnswering": "QUESTION_ANS",
    "AutoModelForCausalLM": "CAUSAL_LM",
}
"""Heads that prompts can stand before, and what peft calls their tasks."""
_ENDS = (
    "attention.output.dense", "output.dense", "out_proj", "o_proj", "c_proj", "Wo", "down_proj", "fc2", "wo", "o", "out_lin",
    "lin2", "attention.dense", "ffn_output", "layer_2",
)  # fmt: skip
"""How the last linear map of an attention or a feed-forward block is called, in one architecture or another."""


def adapter_problem(kind: str, head: str) -> str:
    """Why a task cannot have an adapter, or nothing where it can.

    Args:
        kind: one of ``ADAPTERS``, or another choice of what is trained.
        head: the ``AutoModelFor…`` class that the task's models are made by.
    """
    if kind in ("prefix", "prompt") and head not in _TASKS:
        return f"technique.trainable = {kind!r} is not for this task: choose lora, which every task takes."
    if kind == "prefix" and head != "AutoModelForCausalLM":
        why = "encoders of transformers take no prefix of keys and values"
        return f"technique.trainable = 'prefix' is for text-generation: {why}. Choose prompt or lora."
    return ""


def wrap(
    model: Any,
    kind: str,
    head: str,
    *,
    rank: int = 8,
    alpha: float = 16.0,
    dropout: float = 0.0,
    targets: Sequence[str] = (),
    tokens: int = 20,
    width: int = 48,
    new: frozenset[str] = frozenset(),
) -> Any:
    """Put an adapter beside a model's weights, which are frozen; the head and new weights are trained with it.

    Args:
        model: of transformers.
        kind: "lora" (Hu et al. 2022, arXiv:2106.09685), "dora" (Liu et al. 2024, arXiv:2402.09353), "ia3" (Liu et al. 2022,
            arXiv:2205.05638), "prefix" (Li and Liang 2021, arXiv:2101.00190), "prompt" (Lester, Al-Rfou and Constant 2021,
            arXiv:2104.08691) or "bottleneck" (Houlsby et al. 2019, arXiv:1902.00751).
        head: the ``AutoModelFor…`` class that the model was made by.
        rank, alpha, dropout: of LoRA and DoRA.
        targets: ends of the names of the linear maps that get one; all of the layers when empty.
        tokens: length of a prefix or prompt.
        width: of a bottleneck.
        new: names of weights that are not pretrained.

    Raises:
        MissingExtra: peft is not installed.
        RecipeError: targets that do not exist (the message lists those that do), or an adapter that this architecture or head
            cannot have.
    """
    whole = _whole_modules(model, new)
    if kind == "bottleneck":
        return _with_bottlenecks(model, _chosen(model, targets or _ENDS, given=bool(targets)), width, whole)
    try:
        import peft
    except ImportError as error:
        raise MissingExtra("peft", "peft", f"technique.trainable = {kind!r}") from error
    if kind in ("prefix", "prompt"):
        if problem := adapter_problem(kind, head):
            raise RecipeError([problem])
        if kind == "prompt" and model.config.is_encoder_decoder:
            why = "it stands before the texts of models with one stack of layers"
            raise RecipeError(
                [f"technique.trainable = 'prompt' is not for {model.config.model_type}: {why}. Choose lora."]
            )
        asked: dict[str, Any] = {
            "task_type": _TASKS[head],
            "num_virtual_tokens": tokens,
            "modules_to_save": whole or None,
        }
        if kind == "prefix":
            config: Any = peft.PrefixTuningConfig(**asked)
        else:
            # peft saves a head of this name whole, and stumbles where its parts are named as well
            asked["modules_to_save"] = (
                sorted({re.sub(r"^classifier\..*", "classifier", name) for name in whole}) or None
            )
            # what it would look for under names that not every configuration has; a prompt is as wide as the embeddings
            sizes = {"token_dim": model.get_input_embeddings().embedding_dim, "num_layers": 1, "num_attention_heads": 1}
            config = peft.PromptTuningConfig(**asked, **sizes)
        with _current():
            wrapped = peft.get_peft_model(model, config)
        wrapped.register_forward_hook(_without_prompt, with_kwargs=True)
        return wrapped
    if kind == "ia3":
        known = peft.utils.constants.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING
        blocks = peft.utils.constants.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING
        named = targets or known.get(model.config.model_type, ())
        chosen = _chosen(model, named, given=bool(targets))
        inward = tuple(blocks.get(model.config.model_type, ()))
        forward = [name for name in chosen if inward and name.endswith(inward)]
        config = peft.IA3Config(target_modules=chosen, feedforward_modules=forward, modules_to_save=whole or None)
    else:
        config = peft.LoraConfig(
            r=rank,
            lora_alpha=alpha,  # type: ignore[arg-type]  # a number that the rank divides, whole or not
            lora_dropout=dropout,
            use_dora=kind == "dora",
            target_modules=_chosen(model, targets, given=True),
            modules_to_save=whole or None,
            fan_in_fan_out=_transposed(model),
        )
    with _current():
        return peft.get_peft_model(model, config)


@contextlib.contextmanager
def _current() -> Iterator[None]:
    """Without the warning that peft asks transformers for something by its old name: nobody but peft can change that."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
        yield


def adapted(model: Any) -> bool:
    """Whether a model has an adapter that is not merged."""
    return hasattr(model, "peft_config") or any(hasattr(module, "bottleneck") for module in model.modules())


def merged(model: Any) -> Any:
    """The plain model with the adapter added to its weights."""
    return model.merge_and_unload()


def save_adapter(model: Any, folder: Path, base: BaseModel, kind: str) -> None:
    """Write the adapter and the head alone, with a note of the model that they belong to.

    Args:
        model: with its adapter.
        folder: an existing one.
        base: the model that the adapter was trained beside.
        kind: of the adapter.
    """
    from safetensors.torch import save_file

    name = base.card.hub_id if base.card and base.card.hub_id else base.name
    # another machine knows the names of the catalogue and of the hub too; starters and folders are found where they lie
    lies_here = base.name.startswith(STARTER) or named(base.name).is_dir()
    found_by = str(base.folder.absolute()) if lies_here else base.name
    if kind == "bottleneck":
        learnt = {name: one.detach().contiguous() for name, one in model.named_parameters() if one.requires_grad}
        save_file(learnt, folder / _BOTTLENECKS, metadata={"format": "pt"})
    else:
        model.peft_config["default"].base_model_name_or_path = name
        model.save_pretrained(folder, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # peft's, a form to fill in; the run's own card stands beside it
    model.config.save_pretrained(folder)
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    note = {"adapter": kind, "base": found_by, "class": type(inner).__name__, "weights": weights_digest(base.folder)}
    (folder / NOTE).write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")


def lone(folder: Path) -> str:
    """Which adapter a folder holds in place of a whole model; empty where the model is whole.

    Args:
        folder: of a model.
    """
    return noted(folder)["adapter"] if (folder / NOTE).exists() else ""


def noted(folder: Path) -> dict[str, str]:
    """What stands beside a lone adapter: its kind, the model that it belongs to, and that model's class and weights.

    Args:
        folder: of the adapter.

    Raises:
        ModelError: the note is damaged.
    """
    try:
        found: dict[str, str] = json.loads((folder / NOTE).read_text("utf-8"))
        if not isinstance(found, dict) or not {"adapter", "base", "class", "weights"} <= set(found):
            raise ValueError("something else")
    except ValueError as error:
        do = "restore the file, or train the adapter again"
        raise ModelError(f"a note of adapter, base, class and weights in {folder / NOTE}", str(error), do) from error
    return found


def load_adapted(folder: Path, auto_class: Any) -> Any:
    """The model that an adapter belongs to, with the adapter.

    Args:
        folder: of the adapter.
        auto_class: one of transformers' ``AutoModelFor…`` classes, or ``AutoModel``, which gives the body with its adapter.

    Raises:
        ModelError: that model is not here, or is another one than the adapter was trained beside.
        MissingExtra: peft is not installed.
    """
    import torch
    import transformers
    from safetensors.torch import load_file
    from transformers import AutoConfig

    from labkit.models._load import quiet_transformers, resolve

    note = noted(folder)
    if auto_class.__name__ == "AutoModel":
        if note["adapter"] in ("prefix", "prompt"):
            do = "take one with another adapter, or the base model"
            raise ModelError(
                "a model whose body can do without its head", f"one with a {note['adapter']} in {folder}", do
            )
        whole = load_adapted(folder, getattr(transformers, note["class"]))
        whole = whole.get_base_model() if hasattr(whole, "get_base_model") else whole
        return getattr(whole, whole.base_model_prefix)
    try:
        base = resolve(note["base"])
    except LabError as error:
        do = f"put it back there, or write its new place into {NOTE} beside the adapter, as base"
        raise ModelError(
            f"the model {note['base']!r} that the adapter in {folder} was trained beside", "none there", do
        ) from error
    if weights_digest(base.folder) != note["weights"]:
        raise ModelError(
            f"the model {note['base']!r} that the adapter in {folder} was trained beside",
            "other weights under that name",
            "put the right model there, or train the adapter anew",
        )
    with quiet_transformers():
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        model = auto_class.from_pretrained(
            base.folder,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
        )
    if note["adapter"] == "bottleneck":
        learnt = load_file(folder / _BOTTLENECKS)
        ends = sorted({name.split(".bottleneck.")[0] for name in learnt if ".bottleneck." in name})
        width = next(len(value) for name, value in learnt.items() if name.endswith(".bottleneck.down.weight"))
        _with_bottlenecks(model, ends, width, [])
        model.load_state_dict(learnt, strict=False)
        return model
    try:
        import peft
    except ImportError as error:
        raise MissingExtra("peft", "peft", f"the adapter in {folder}") from error
    with _current():
        wrapped = peft.PeftModel.from_pretrained(model, str(folder))
    if note["adapter"] in ("prefix", "prompt"):
        wrapped.register_forward_hook(_without_prompt, with_kwargs=True)
    return wrapped


def weights_digest(folder: Path) -> str:
    """SHA-256 of a model's weights, over all their files."""
    whole = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as content:
            whole.update(hashlib.file_digest(content, "sha256").digest())
    return whole.hexdigest()


def linear_maps(model: Any) -> list[str]:
    """Names of the linear maps of a model's layers."""
    import torch
    from transformers.pytorch_utils import Conv1D

    stacks = [name for name, module in model.named_modules() if isinstance(module, torch.nn.ModuleList)]
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and any(name.startswith(f"{stack}.") for stack in stacks)
    ]


def _chosen(model: Any, ends: Sequence[str], *, given: bool) -> list[str]:
    """The linear maps whose names end so; all where nothing is asked for."""
    every = linear_maps(model)
    if not ends:
        return every
    chosen = [name for name in every if any(name == end or name.endswith(f".{end}") for end in ends)]
    missing = [end for end in ends if not any(name == end or name.endswith(f".{end}") for name in every)]
    if given and missing:
        there = sorted(
            {name.rsplit(".", 1)[-1] for name in every} | {".".join(name.rsplit(".", 2)[-2:]) for name in every}
        )
        raise RecipeError(
            [f"adapter.targets: there is no linear map {quoted(missing)}. There are: {quoted(there, 40)}."]
        )
    return chosen or every


def _whole_modules(model: Any, new: frozenset[str]) -> list[str]:
    """Modules that are trained whole: those of the head that are not tied to the embeddings, and those with new weights."""
    body = getattr(model, "base_model_prefix", "")
    table = model.get_input_embeddings().weight
    output = model.get_output_embeddings()
    found = []
    for name, module in model.named_modules():
        own = dict(module.named_parameters(recurse=False))
        if not own or module is output or any(one is table for one in own.values()):
            continue
        # XLNet's body has a parameter of its own, beside its layers
        outside = not (hasattr(model, body) and f"{name}.".startswith(f"{body}.")) and output is None
        if outside or any(f"{name}.{parameter}" in new for parameter in own):
            found.append(name)
    return found


def _transposed(model: Any) -> bool:
    """Whether the linear maps are stored the other way round, as those of GPT-2 are."""
    from transformers.pytorch_utils import Conv1D

    return any(isinstance(module, Conv1D) for module in model.modules())


def _without_prompt(module: Any, args: Any, kwargs: Any, output: Any) -> Any:
    """Outputs for the places of the texts alone: those for the prompt before them are nobody's business."""
    ids = kwargs.get("input_ids", args[0] if args else None)
    if ids is None:
        return output
    for name in ("logits", "start_logits", "end_logits"):
        value = getattr(output, name, None)
        places = 2 if name == "logits" else 1
        if value is None or value.dim() <= places or len(value) != len(ids):
            continue  # not of all places: of the texts as a whole, or of chosen places
        if value.shape[1] > ids.shape[1]:
            output[name] = value[:, value.shape[1] - ids.shape[1] :]
    return output


def _with_bottlenecks(model: Any, ends: Sequence[str], width: int, whole: Sequence[str]) -> Any:
    import torch

    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for name in whole:
        for parameter in model.get_submodule(name).parameters(recurse=False):
            parameter.requires_grad_(True)
    for name in ends:
        layer = model.get_submodule(name)
        size = layer.weight.shape[0] if isinstance(layer, torch.nn.Linear) else layer.weight.shape[1]
        layer.bottleneck = torch.nn.Module()
        layer.bottleneck.down = torch.nn.Linear(size, width)
        layer.bottleneck.up = torch.nn.Linear(width, size)
        torch.nn.init.zeros_(layer.bottleneck.up.weight)  # it begins as nothing
        torch.nn.init.zeros_(layer.bottleneck.up.bias)
        layer.register_forward_hook(_narrowed)
    return model


def _narrowed(layer: Any, args: Any, output: Any) -> Any:
    from torch.nn import functional

    return output + layer.bottleneck.up(functional.gelu(layer.bottleneck.down(output)))
