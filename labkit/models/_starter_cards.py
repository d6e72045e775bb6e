"""What is known of a starter model before it is built, as the catalogue has it for published models."""

from __future__ import annotations

from labkit.models._catalogue import ModelCard
from labkit.models._starter import _LONGEST, _SIZES, find_starter
from labkit.models._starter_tokenizers import MOST_TOKENS


def starter_card(name: str) -> ModelCard:
    """A card for a starter model, with its size as it will be about.

    Args:
        name: such as ``"starter:bert"`` or ``"starter:bert-tiny"``.

    Raises:
        UnknownName: there is no such starter model.
    """
    starter, size = find_starter(name)
    layers, width, heads = _SIZES[size]
    halves = 2 if starter.kind == "encoder-decoder" else 1
    # attention and feed-forward take 12 numbers for each pair of widths; a decoder that listens to an encoder 4 more
    blocks = layers * width**2 * (12 * halves + 4 * (halves - 1))
    words = MOST_TOKENS * width * (2 if starter.family == "encoder-decoder" else 1)
    parameters = (blocks / (layers if starter.family == "albert" else 1) + words) / 1e6
    return ModelCard(
        name=name,
        hub_id="",
        family="Starter",
        kind=starter.kind,
        architecture=starter.text,
        layers=layers,
        hidden=width,
        heads=heads,
        vocabulary=MOST_TOKENS,
        parameters_m=round(parameters, 2),
        disk_mb=round(4 * parameters, 1),
        safetensors=True,
        max_tokens=_LONGEST,
        languages=(),
        licence="yours",
        objective="Nothing: its weights are random. Its tokenizer is trained on your own training texts.",
        tasks=(),
        domain="general",
        strengths=f"Made on this machine in seconds, without a download: {layers} layers, {width} wide ({size}).",
        weaknesses="Untrained: it knows no language, and learns only what your own rows teach. Expect far less of it than of a "
        "pretrained model; it is there to try a task out, and to see what pretraining adds.",
        paper="",
        source="",
        checked="",
        languages_note="those of your own texts",
    )
