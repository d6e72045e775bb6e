"""The model card that a run writes: what it is, what it was trained on, how well it does and how to load it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labkit.evaluation import Evaluation
from labkit.models import STARTER
from labkit.tasks import Task
from labkit.training._recipe import Recipe


def model_card(recipe: Recipe, task: Task, corpus: Any, report: dict[str, Any], directory: Path) -> str:
    """Markdown with the hub's front matter.

    Args:
        recipe: of the run.
        task: of the run, with its labels.
        corpus: what it was trained on.
        report: what metrics.json holds.
        directory: the run directory.
    """
    split = "test" if "test" in report else "validation" if "validation" in report else ""
    starter = recipe.model.name.startswith(STARTER)
    how = "(an untrained starter model) trained from nothing" if starter else "fine-tuned"
    lines = [
        "---",
        "library_name: transformers",
        f"pipeline_tag: {recipe.task}",
        "tags: [labkit]",
        "---",
        "",
        f"# {directory.name}",
        "",
        f"`{recipe.model.name}` {how} for {recipe.task} with labkit.",
        "",
        "## Data",
        "",
        *(f"- {name}: {count:,} rows" for name, count in corpus.rows.items()),
        *([f"- {len(corpus.labels)} {task.nouns}: {_listed(corpus.labels)}"] if corpus.labels else []),
        *([f"- {_range(corpus)}"] if corpus.scores else []),
        *(f"- {step.text}" for step in corpus.steps),
        "",
    ]
    if split:
        result = Evaluation.from_dict(report[split])
        lines += [f"## Results on the {split} split", "", "```text", str(result).replace("```", "'''"), "```", ""]
    lines += [
        "## Use",
        "",
        "```python",
        *_use(recipe, task, f"{directory.name}/model").splitlines(),
        "```",
        "",
        "## Limits",
        "",
        "It knows the texts and labels above and no others. The figures hold for texts like those of the test split;",
        "their intervals say how much another test split of the same size could differ.",
        "",
    ]
    return "\n".join(lines)


def _use(recipe: Recipe, task: Any, folder: str) -> str:
    """Code that uses the model with transformers alone."""
    if recipe.model.pooling == "own":
        said: str = task.pipeline(folder)
        return said
    from labkit.models._pooled import usage

    own = recipe.model
    return usage(folder, pooling=own.pooling, layers=own.head_layers, unit=own.unit_vectors)


def _range(corpus: Any) -> str:
    scores = [score for rows in corpus.splits.values() for score in rows["label"][:] if score is not None]
    return f"scores from {min(scores):g} to {max(scores):g}, {sum(scores) / len(scores):.4g} on average"


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(_code(label) for label in labels[:50]) + (" …" if len(labels) > 50 else "")


def _code(text: str) -> str:
    return "`" + " ".join(text.replace("`", "'").split()) + "`"
