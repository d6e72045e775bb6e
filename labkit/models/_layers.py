"""Fewer layers: a student is made of some layers of a larger model."""

from __future__ import annotations

from typing import Any

from labkit.errors import RecipeError


def keep_layers(model: Any, count: int) -> list[int]:
    """Leave so many of a model's layers in place, evenly spread from the first to the last, and take out the others
    (as students are begun in Sanh et al. 2019, DistilBERT, arXiv:1910.01108, section 3).

    Args:
        model: with one stack of layers; changed in place, its configuration too.
        count: layers that stay.

    Returns:
        The positions of those that stay, counted from 0.

    Raises:
        RecipeError: more layers than there are, or a model with two stacks.
    """
    import torch

    stacks = [(name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.ModuleList)]
    outer = [
        (name, module)
        for name, module in stacks
        if any(True for _ in module.parameters()) and not any(name.startswith(f"{other}.") for other, _ in stacks)
    ]
    if len(outer) != 1 or getattr(model.config, "num_hidden_layers", None) != len(outer[0][1]):
        raise RecipeError(
            [f"model.layers is for models with one stack of layers of their own, not for a {model.config.model_type}."]
        )
    name, layers = outer[0]
    if count > len(layers):
        raise RecipeError([f"model.layers must be at most {len(layers)}, the layers of the model, not {count}."])
    kept = spread(len(layers), count)
    parent = model.get_submodule(name.rpartition(".")[0])
    setattr(parent, name.rpartition(".")[2], torch.nn.ModuleList([layers[i] for i in kept]))
    model.config.num_hidden_layers = count
    for place, i in enumerate(kept):  # what looks itself up in a cache, or in the list of kinds of layers
        for module in layers[i].modules():
            if hasattr(module, "layer_idx"):
                module.layer_idx = place  # type: ignore[assignment]
    kinds = getattr(model.config, "layer_types", None)
    if kinds:
        model.config.layer_types = [kinds[i] for i in kept]
    return kept


def spread(layers: int, count: int) -> list[int]:
    """``count`` of ``layers`` positions, evenly spread, the first and the last among them."""
    if count == 1:
        return [layers - 1]
    return [round(i * (layers - 1) / (count - 1)) for i in range(count)]
