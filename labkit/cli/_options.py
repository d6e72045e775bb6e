"""What several commands make of their options, and how messages name them."""

from __future__ import annotations

import argparse
import re
from typing import Any

from labkit.errors import LabError

TASK = "text-classification"  # unless another is asked for
_SCORES = {"True": "--scores", "False": "--no-scores"}


def read_arguments(options: argparse.Namespace) -> dict[str, Any]:
    names = ("test", "validation", "text", "text_pair", "encoding", "delimiter")
    found = {name: getattr(options, name) for name in names}
    return {**found, "label": label_columns(options.label) if options.label else None}


def label_columns(text: str) -> list[str]:
    """The column names of --label; at least one."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise LabError("the name of a column behind --label", repr(text), "name the column with the labels")
    return names


def as_options(message: str) -> str:
    """The keyword arguments that a message names, written as the options of the command line: label='x' as --label 'x'."""
    from labkit.tasks import TASKS

    for layout in {task.layout for task in TASKS.values()}:
        able = [f"--task {task.id}" for task in TASKS.values() if task.layout == layout]
        message = message.replace(f'layout="{layout}"', " or ".join(able))
    message = re.sub(r"(?<![\w.])scores=(True|False)", lambda found: _SCORES[found[1]], message)
    message = re.sub(r"(?<![\w.])text_pair=(?:(?=')| )", "--text-pair ", message)
    return re.sub(r"(?<![\w.])(text|label|encoding|delimiter|test|validation)=(?:(?=')| )", r"--\1 ", message)
