"""Tasks as the widgets show them: what they are called, and which untrained models can do them."""

from __future__ import annotations

import inspect
from functools import cache

from labkit import models
from labkit.errors import ModelError, UnknownName
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
        if model.startswith(models.STARTER):
            family = models.STARTER + models.find_starter(model)[0].family
            known = family in starters(task)
        else:
            known = task in models.find(model).tasks
    except UnknownName:
        if model.startswith(models.STARTER):
            raise
        known = False
    if known:  # said without loading transformers, which takes seconds
        return ""
    try:
        models.require_head(model, TASKS[task].head, task)
    except ModelError as error:
        return str(error)
    return ""


def default_model(task: str) -> str:
    """The base model to begin with: the embedded one where it can do the task, else one that is untrained and needs no
    download."""
    there = starters(task)
    # the embedded model is a BERT
    return models.EMBEDDED if models.STARTER + "bert" in there or not there else there[0]


@cache
def starters(task: str) -> tuple[str, ...]:
    """Names of the untrained models that can do a task, each in two sizes."""
    small = models.able_starters(TASKS[task].head, task)
    return tuple(name for one in small for name in (one, one + "-tiny"))
