"""The model card that a run writes: what it is, what it was trained on, how well it does and how to load it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labkit.evaluation import Evaluation
from labkit.training._recipe import Recipe


def model_card(recipe: Recipe, corpus: Any, report: dict[str, Any], directory: Path) -> str:
    """Markdown with the hub's front matter.

    Args:
        recipe: of the run.
        corpus: what it was trained on.
        report: what metrics.json holds.
        directory: the run directory.
    """
    split = "test" if "test" in report else "validation" if "validation" in report else ""
    lines = [
        "---",
        "library_name: transformers",
        f"pipeline_tag: {recipe.task}",
        "tags: [labkit]",
        "---",
        "",
        f"# {directory.name}",
        "",
        f"`{recipe.model.name}` fine-tuned for {recipe.task} with labkit.",
        "",
        "## Data",
        "",
        *(f"- {name}: {count:,} rows" for name, count in corpus.rows.items()),
        f"- {len(corpus.labels)} {'labels, several a row' if corpus.multi_label else 'classes'}: "
        + ", ".join(_code(label) for label in corpus.labels[:50])
        + (" …" if len(corpus.labels) > 50 else ""),
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
        "from transformers import pipeline",
        "",
        f'classify = pipeline("text-classification", model="{directory.name}/model")',
        'classify("a text")',
        "```",
        "",
        "## Limits",
        "",
        "It knows the texts and classes above and no others. The figures hold for texts like those of the test split;",
        "their intervals say how much another test split of the same size could differ.",
        "",
    ]
    return "\n".join(lines)


def _code(text: str) -> str:
    return "`" + " ".join(text.replace("`", "'").split()) + "`"
