"""What is trained: which parameters take part, from which epoch on, and how fast each layer learns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from labkit import models
from labkit.errors import RecipeError
from labkit.training._recipe import Recipe


@dataclass(frozen=True)
class Depths:
    """How deep each parameter lies in a model.

    Attributes:
        of: name of the parameter → 0 for embeddings, 1 to ``layers`` for the layers from the input on (those of a decoder
            behind those of its encoder), ``layers + 1`` for the head.
        layers: number of layers.
    """

    of: dict[str, int]
    layers: int

    def head(self, name: str) -> bool:
        """Whether a parameter belongs to the head, or to whatever stands behind the last layer."""
        return self.of[name] > self.layers


def depths(model: Any) -> Depths:
    """Read the depths off a model of transformers: its layers are the outermost lists of modules."""
    import torch

    stacks: dict[str, int] = {}  # name of a list of layers → how many layers stand before it
    layers = 0
    for name, module in model.named_modules():
        nested = any(name.startswith(f"{outer}.") for outer in stacks)
        if isinstance(module, torch.nn.ModuleList) and not nested and any(True for _ in module.parameters()):
            stacks[name] = layers
            layers += len(module)
    prefix = f"{model.base_model_prefix}." if hasattr(model, model.base_model_prefix) else ""
    names = [name for name, _ in model.named_parameters()]
    first = {stack: next(i for i, name in enumerate(names) if name.startswith(f"{stack}.")) for stack in stacks}
    found = {}
    for i, name in enumerate(names):
        stack = next((one for one in stacks if name.startswith(f"{one}.")), "")
        if stack:
            found[name] = stacks[stack] + int(name[len(stack) + 1 :].split(".")[0]) + 1
        elif prefix and not name.startswith(prefix):
            found[name] = layers + 1
        else:
            # embeddings come before the layers that read them, and a last norm or a pooler behind
            near = max(stacks, key=lambda one: _shared(one, name), default="")
            if not near or i < first[near]:
                found[name] = 0
            else:
                behind = [start for start in stacks.values() if start > stacks[near]]
                found[name] = min(behind) if behind else layers + 1
    return Depths(found, layers)


def _shared(one: str, other: str) -> int:
    """How many leading parts two dotted names share."""
    count = 0
    for a, b in zip(one.split("."), other.split("."), strict=False):
        if a != b:
            break
        count += 1
    return count


def choose(model: Any, recipe: Recipe) -> None:
    """Freeze what the recipe does not train. Weights that the base model lacked, and that are drawn anew, are always trained.

    Raises:
        RecipeError: nothing would be left to train, or more layers are asked for than there are.
    """
    technique = recipe.technique
    where = depths(model)
    new = models.new_weights(model)
    if technique.trainable == "top" and technique.layers > where.layers:
        asked = f"technique.layers must be at most {where.layers}, the layers of {recipe.model.name!r}"
        raise RecipeError([f"{asked}, not {technique.layers}."])
    lowest = {"head": where.layers + 1, "top": where.layers + 1 - technique.layers}.get(technique.trainable, 0)
    for name, parameter in model.named_parameters():
        in_head = where.head(name) and not _of_body(model, name)
        if technique.trainable == "bias":
            wanted = name.endswith("bias") or in_head
        elif technique.trainable == "head":
            wanted = in_head
        else:
            wanted = where.of[name] >= lowest
        parameter.requires_grad_(wanted or name in new)
    if technique.freeze_embeddings:
        model.get_input_embeddings().weight.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        why = "has no weights of its own behind its body" if technique.trainable == "head" else "has none of these"
        raise RecipeError(
            [f"technique.trainable must be another than {technique.trainable!r}: {recipe.model.name!r} {why}."]
        )
    if technique.trainable == "bias" and not any(
        name.endswith("bias") and parameter.requires_grad and not where.head(name)
        for name, parameter in model.named_parameters()
    ):
        raise RecipeError(
            [f"technique.trainable = 'bias' needs a model with biases, and {recipe.model.name!r} has none."]
        )


def _of_body(model: Any, name: str) -> bool:
    return hasattr(model, model.base_model_prefix) and name.startswith(f"{model.base_model_prefix}.")


@dataclass(frozen=True)
class Thaw:
    """Gradual unfreezing: the head learns first, and in each epoch one layer more, from the top (Howard and Ruder 2018,
    arXiv:1801.06146, section 3.3); more than one where there are fewer epochs than layers.

    Attributes:
        of: name of the parameter → its depth.
        layers: number of layers.
        epochs: of the whole run.
    """

    of: dict[str, int]
    layers: int
    epochs: float

    def lowest(self, epoch: int) -> int:
        """The lowest depth that learns in an epoch, counted from 0."""
        last = max(1, math.ceil(self.epochs) - 1)
        return max(0, self.layers + 1 - max(epoch, math.ceil((self.layers + 1) * epoch / last)))

    def apply(self, model: Any, epoch: int) -> None:
        """Let those parameters learn, of the ones that take part, that do in this epoch."""
        # the head of a model whose output layer is its embeddings (Marian) may have nothing of its own: then the top layer
        lowest = min(self.lowest(epoch), max(self.of.values(), default=0))
        for name, parameter in model.named_parameters():
            if name in self.of:
                parameter.requires_grad_(self.of[name] >= lowest)


def thaw(model: Any, recipe: Recipe, epochs: float) -> Thaw | None:
    """The plan of gradual unfreezing where the recipe asks for it, over the parameters that take part.

    Args:
        model: whose unfrozen parameters take part.
        recipe: of the training.
        epochs: that it lasts, as far as its steps go.

    Raises:
        RecipeError: it ends before a second epoch begins.
    """
    if not recipe.technique.gradual:
        return None
    if epochs <= 1:
        raise RecipeError(
            [
                f"technique.gradual lets the head learn alone in the first epoch, and there are {epochs:.3g}: more are needed."
            ]
        )
    where = depths(model)
    return Thaw(
        {name: where.of[name] for name, one in model.named_parameters() if one.requires_grad}, where.layers, epochs
    )


def groups(
    model: Any, decayed: set[str], *, rate: float, weight_decay: float, layer_decay: float
) -> list[dict[str, Any]]:
    """Groups of parameters for the optimiser, the head first: the learning rate falls from each layer to the one below
    (Howard and Ruder 2018, section 3.2; Clark et al. 2020, arXiv:2003.10555, appendix B).

    Args:
        model: whose parameters that take part are grouped.
        decayed: names of those with weight decay.
        rate: of the head.
        weight_decay: of the decayed ones.
        layer_decay: by which the rate is multiplied from a layer to the one below it.
    """
    where = depths(model)
    parts: dict[tuple[int, bool], list[Any]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            parts.setdefault((-where.of[name], name not in decayed), []).append(parameter)
    return [
        {
            "params": some,
            "lr": rate * layer_decay ** (where.layers + 1 + depth),
            "weight_decay": 0.0 if plain else weight_decay,
        }
        for (depth, plain), some in sorted(parts.items(), key=lambda item: item[0])
    ]


def counted(model: Any) -> tuple[int, int]:
    """How many parameters a model has, and how many of them are trained."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(size for size, _ in sizes), sum(size for size, learns in sizes if learns)
