"""The catalogue of base models: one readable data file, ``catalogue.toml``, read once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from labkit.errors import ModelError, UnknownName

EMBEDDED = "minilm"
"""The base model that comes with the installation."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Facts about one published base model; ``catalogue.toml`` explains every field and its unit."""

    name: str
    hub_id: str
    family: str
    kind: str
    architecture: str
    layers: int
    hidden: int
    heads: int
    vocabulary: int
    parameters_m: float
    disk_mb: float
    safetensors: bool
    max_tokens: int
    languages: tuple[str, ...]
    licence: str
    objective: str
    tasks: tuple[str, ...]
    domain: str
    strengths: str
    weaknesses: str
    paper: str
    source: str
    checked: str
    languages_note: str = ""


@dataclass(frozen=True, kw_only=True)
class Unavailable:
    """A model that is often asked for and cannot be fine-tuned here, with open alternatives."""

    name: str
    aliases: tuple[str, ...]
    reason: str
    alternatives: tuple[str, ...]


@cache
def _read() -> tuple[dict[str, ModelCard], tuple[Unavailable, ...]]:
    content = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text("utf-8"))
    known = {f.name for f in fields(ModelCard)}
    cards = {}
    for entry in content["model"]:
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items() if k in known}
        card = ModelCard(**values)
        cards[card.name] = card
    gone = []
    for entry in content["unavailable"]:
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
        gone.append(Unavailable(**values))
    return cards, tuple(gone)


def catalogue(
    *, task: str | None = None, family: str | None = None, domain: str | None = None, language: str | None = None
) -> list[ModelCard]:
    """The base models in the catalogue, smallest first.

    Args:
        task: only models that can be fine-tuned for this task id.
        family: only models of this family, such as ``"BERT"``.
        domain: only models of this domain, such as ``"medicine"``.
        language: only models that know this language (ISO code; multilingual models know all).

    Raises:
        UnknownName: no model has that task, family or domain at all.
    """
    cards = list(_read()[0].values())
    for what, value, of in (
        ("task", task, lambda c: c.tasks),
        ("model family", family, lambda c: (c.family,)),
        ("domain", domain, lambda c: (c.domain,)),
    ):
        if value is not None:
            known = sorted({v for c in cards for v in of(c)})
            if value not in known:
                raise UnknownName(what, value, known)
            cards = [c for c in cards if value in of(c)]
    if language is not None:
        cards = [c for c in cards if language in c.languages or "multilingual" in c.languages]
    return sorted(cards, key=lambda c: c.parameters_m)


def unavailable() -> tuple[Unavailable, ...]:
    """Models that people ask for and whose weights are not public."""
    return _read()[1]


def find(name: str) -> ModelCard:
    """The catalogue entry of a name or hub id.

    Raises:
        ModelError: the model's weights are not public; the message names open alternatives.
        UnknownName: there is no such entry; the message lists all names.
    """
    cards, gone = _read()
    folded = name.casefold()
    for card in cards.values():
        if folded in (card.name.casefold(), card.hub_id.casefold()):
            return card
    for missing in gone:
        if folded in (missing.name.casefold(), *(alias.casefold() for alias in missing.aliases)):
            raise ModelError(
                "a base model whose weights can be had",
                f"{name!r}: {missing.reason}",
                f"open alternatives in the catalogue: {', '.join(missing.alternatives)}",
            )
    raise UnknownName("base model", name, cards, "A hub id (owner/name) or a model folder works as well.")
