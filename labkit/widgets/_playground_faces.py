"""Pinned texts with what the models said, for the playground's static face: a function for each kind of view."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labkit.widgets._playground_views import View
from labkit.widgets._span_faces import html_table, marked_html
from labkit.widgets._text_faces import differences_html, text_html
from labkit.widgets._widget import table

Pins = Sequence[Mapping[str, Any]]
Models = Sequence[Mapping[str, Any]]

_BEFORE = 150  # characters of a context before its answer


def _labels(pins: Pins, models: Models) -> str:
    rows = [
        [
            f"{pin['text']}\n{pin['second']}".strip()[:200],
            *(f"{', '.join(said['labels'])} ({100 * said['confidence']:.0f} %)" for said in pin["models"]),
        ]
        for pin in pins
    ]
    return table(["pinned text", *_names(models)], rows)


def _scores(pins: Pins, models: Models) -> str:
    rows = [
        [f"{pin['text']}\n{pin['second']}".strip()[:200], *(f"{said['score']:.3f}" for said in pin["models"])]
        for pin in pins
    ]
    return table(["pinned text", *_names(models)], rows, numbers=set(range(1, len(models) + 1)))


def _spans(pins: Pins, models: Models) -> str:
    labels = list(dict.fromkeys(label for model in models for label in model["labels"]))
    marks = [[marked_html(pin["text"], said["spans"], labels) for said in pin["models"]] for pin in pins]
    return html_table(_names(models), marks)


def _answers(pins: Pins, models: Models) -> str:
    rows = [[text_html(pin["text"]), *(_answer(pin["second"], said) for said in pin["models"])] for pin in pins]
    return html_table(["question", *_names(models)], rows)


def _answer(context: str, said: Mapping[str, Any]) -> str:
    answer, sure = said["answer"], said["confidence"]
    if answer is None:
        return f"<b>No answer</b> ({100 * sure:.0f} %)"
    at = max(0, answer["start"] - _BEFORE)
    mark = {"start": answer["start"] - at, "end": answer["end"] - at, "label": "answer", "confidence": sure}
    return ("…" if at else "") + marked_html(context[at:], [mark], ["answer"])


def _written(pins: Pins, models: Models) -> str:
    return html_table(["given", *_names(models)], [[text_html(pin["text"]), *_texts(pin["models"])] for pin in pins])


def _texts(models: Sequence[Mapping[str, Any]]) -> list[str]:
    """What each model wrote; of two with a text each, what only one of them wrote is marked."""
    each = [[one["text"] for one in said["texts"]] for said in models]
    if len(each) == 2 and all(len(texts) == 1 for texts in each):
        return list(differences_html(each[0][0], each[1][0]))
    return ["<br>".join(text_html(text) for text in texts) for texts in each]


def _masks(pins: Pins, models: Models) -> str:
    return html_table(
        ["text", *_names(models)], [[text_html(pin["text"]), *map(_fillers, pin["models"])] for pin in pins]
    )


def _fillers(said: Mapping[str, Any]) -> str:
    lines = [
        ", ".join(f"{one['token']} ({100 * one['probability']:.0f} %)" for one in some[:3]) for some in said["fillers"]
    ]
    return "<br>".join(html.escape(line) for line in lines) or "no mask in the text"


def _names(models: Models) -> list[str]:
    return [str(model["name"]) for model in models]


FACES: dict[View, Callable[[Pins, Models], str]] = {
    "labels": _labels,
    "scores": _scores,
    "spans": _spans,
    "answers": _answers,
    "written": _written,
    "masks": _masks,
}
"""View → pinned texts and models as HTML in which everything is escaped."""
