"""The model card that a run writes: what it is, what it was trained on, how well it does and how to load it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labkit import models
from labkit.evaluation import Evaluation
from labkit.models import STARTER, _adapters
from labkit.tasks import Task
from labkit.training._recipe import Recipe
from labkit.training._rundir import MODEL


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
    adapter = _adapters.lone(directory / MODEL)
    library = "transformers" if not adapter else "labkit" if adapter == "bottleneck" else "peft"
    lines = [
        "---",
        f"library_name: {library}",
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
        *(_beside(adapter, task, corpus, directory) if adapter else _code_block(_use(recipe, task, directory))),
        "",
        "## Limits",
        "",
        "It knows the texts and labels above and no others. The figures hold for texts like those of the test split;",
        "their intervals say how much another test split of the same size could differ.",
        "",
    ]
    return "\n".join(lines)


def _use(recipe: Recipe, task: Any, directory: Path) -> str:
    """Code that uses the model with transformers alone."""
    folder = f"{directory.name}/{MODEL}"
    if recipe.model.pooling == "own":
        said: str = task.pipeline(folder)
        return said
    from labkit.models._pooled import usage

    own = recipe.model
    if task.decides == "number":
        last = "score = float(logits[0])"
    elif task.decides == "one" and task.thresholds is None:
        last = "label = body.config.id2label[int(logits.argmax())]"
    else:
        share, name = ("sigmoid()", "labels") if task.decides == "each" else ("softmax(-1)", "label")
        last = f"limits = {task.limits!r}\nscores = dict(zip(limits, logits.{share}.tolist()))\n{name} = {task.choice}"
    return usage(folder, last, pooling=own.pooling, layers=own.head_layers, unit=own.unit_vectors)


def _beside(adapter: str, task: Any, corpus: Any, directory: Path) -> list[str]:
    """How an adapter is used that stands beside its base model: merged with it first where it can be."""
    base = _adapters.noted(directory / MODEL)["base"]
    base = next((card.hub_id for card in models.catalogue() if card.name == base and card.hub_id), base)
    said = f"Plain transformers does not load it: the folder holds an adapter ({adapter}) without its base model {_code(base)}."
    if adapter not in _adapters.MERGED:
        asked = '"a text", pairs="the other"' if corpus.paired else '"a text"'
        code = f'from labkit.training import Predictor\n\npredictor = Predictor.load("{directory.name}")\npredictor({asked})'
        return [f"{said} labkit does:", "", *_code_block(code)]
    folder, whole = (json.dumps(f"{directory.name}/{name}") for name in (MODEL, "merged"))
    code = f"""from peft import PeftModel
from transformers import AutoConfig, {task.head}, AutoTokenizer

base = {task.head}.from_pretrained(
    {json.dumps(base)}, config=AutoConfig.from_pretrained({folder}), dtype="float32", ignore_mismatched_sizes=True
)
PeftModel.from_pretrained(base, {folder}).merge_and_unload().save_pretrained({whole})
AutoTokenizer.from_pretrained({folder}).save_pretrained({whole})"""
    return [
        f"{said} peft merges the two, once, as `labkit merge` does:",
        "",
        *_code_block(code),
        "",
        "What comes of it is a model like any other:",
        "",
        *_code_block(task.pipeline(f"{directory.name}/merged")),
    ]


def _code_block(code: str) -> list[str]:
    return ["```python", *code.splitlines(), "```"]


def _range(corpus: Any) -> str:
    scores = [score for rows in corpus.splits.values() for score in rows["label"][:] if score is not None]
    return f"scores from {min(scores):g} to {max(scores):g}, {sum(scores) / len(scores):.4g} on average"


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(_code(label) for label in labels[:50]) + (" …" if len(labels) > 50 else "")


def _code(text: str) -> str:
    return "`" + " ".join(text.replace("`", "'").split()) + "`"
