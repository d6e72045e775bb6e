"""Tasks: one module each, behind the same door. Task ids are the hub's pipeline tags."""

from labkit.errors import UnknownName
from labkit.tasks._encode import Encoded, encode
from labkit.tasks._predictions import Predictions
from labkit.tasks._task import Task
from labkit.tasks.text_classification import TextClassification

TASKS: dict[str, Task] = {"text-classification": TextClassification()}
"""Every task this version can train, by id."""


def get(task: str) -> Task:
    """The task of an id.

    Raises:
        UnknownName: no such task; the message lists the ids.
    """
    try:
        return TASKS[task]
    except KeyError:
        raise UnknownName("task", task, TASKS) from None


__all__ = ["TASKS", "Encoded", "Predictions", "Task", "TextClassification", "encode", "get"]
