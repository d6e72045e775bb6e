"""Tasks as the widgets show them: what they are called, and which untrained models can do them."""

from __future__ import annotations

import inspect
from functools import cache

from labkit import models
from labkit.errors import ModelError
from labkit.tasks import TASKS

_TITLES = {
    "text-classification": "Classify texts",
    "token-classification": "Find entities in texts",
    "question-answering": "Answer questions from a text",
    "translation": "Translate",
    "summarization": "Summarise",
    "text-generation": "Write texts",
    "fill-mask": "Adapt to a domain",
}


def title(task: str) -> str:
    """What a task is called on a screen; a task without a name of its own has that of its id."""
    return _TITLES.get(task) or task.replace("-", " ").capitalize()


def about(task: str) -> str:
    """What a task is, in a sentence."""
    first = (inspect.getdoc(TASKS[task]) or "").partition("\n")[0].replace("`", "")
    return first.partition(". ")[0].rstrip(".") + "."


def of_layout(layout: str) -> list[str]:
    """Ids of the tasks whose data has that layout, in the order of ``TASKS``."""
    return [task for task, kind in TASKS.items() if kind.layout == layout]


def able(model: str, task: str) -> str:
    """Why a base model cannot do a task, as far as its name tells; "" where nothing speaks against it.

    Raises:
        UnknownName: there is no such starter model.
    """
    try:
        models.require_head(model, TASKS[task].head, task)
    except ModelError as error:
        return str(error)
    return ""


def default_model(task: str) -> str:
    """The base model to begin with: the embedded one where it can do the task, else one that is untrained and needs no
    download."""
    return next((name for name in (models.EMBEDDED, *starters(task)) if not able(name, task)), models.EMBEDDED)


@cache
def starters(task: str) -> tuple[str, ...]:
    """Names of the untrained models that can do a task, each in two sizes."""
    small = models.able_starters(TASKS[task].head, task)
    return tuple(name for one in small for name in (one, one + "-tiny"))
