"""``labkit adapt``, ``forgetting``, ``merge``, ``zero-shot``, ``augment`` and ``rate``."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from labkit.cli import _terminal as terminal
from labkit.errors import DataError, LabError, quoted


def adapt(options: argparse.Namespace) -> int:
    from labkit import training

    progress = terminal.Progress()
    found = training.adapt(
        options.data,
        options.out,
        model=options.model,
        method=options.method,
        general=options.general,
        epochs=options.epochs,
        recipe=training.parse_set(options.set),
        watch=progress,
    )
    terminal.end_progress()
    if options.json:
        terminal.answer(found.to_dict())
    else:
        print(f"{found}\n\nto fine-tune it: labkit train DATA --model {terminal.short(Path(found.model))}")
    return 0


def forgetting(options: argparse.Namespace) -> int:
    from labkit import training

    if not options.general and not options.probe:
        raise LabError("--general TEXTS or --probe DATA", "neither", "name what may have been forgotten")
    columns: dict[str, Any] = {"text": options.text or "", "label": [options.label] if options.label else []}
    if options.no_scores:
        columns["scores"] = False
    found = training.forgetting(
        options.directory,
        general=options.general,
        language_model=options.language_model,
        probe=options.probe,
        probe_data=columns,
    )
    if options.json:
        terminal.answer(dataclasses.asdict(found))
    else:
        print(found)
    return 0


def merge(options: argparse.Namespace) -> int:
    from labkit import training

    folder = training.merge(options.directory, options.out)
    if options.json:
        terminal.answer({"model": str(folder)})
    else:
        print(f"{terminal.short(folder)}: a plain model, which transformers loads")
    return 0


def zero_shot(options: argparse.Namespace) -> int:
    from labkit import data, evaluation, training

    described: Any = [one.strip() for one in options.labels.split(",") if one.strip()] if options.labels else None
    if options.describe:
        described = _descriptions(Path(options.describe))
    corpus = data.read(
        options.data, text=options.text, text_pair=options.text_pair, label=options.label, require_label=False
    )
    if corpus.paired:
        came = f"pairs of texts, in {corpus.config.text!r} and {corpus.config.text_pair!r}"
        do = "name the column to read with --text; what is to be read together must stand in one"
        raise DataError("single texts to tell apart", came, do, file=options.data)
    if described is None:
        described = () if corpus.scores else corpus.labels
    if len(described) < 2:
        came = f"only {described[0]!r} in the data" if len(described) else "data without classes"
        came = came if not options.labels and not options.describe else str(len(described))
        do = "name them: --labels a,b,…, or with their descriptions in a JSON file: --describe FILE"
        raise DataError("two classes at least", came, do, file=options.data)
    rows = corpus["train"]
    why = _unjudged(corpus, described)
    if why:
        terminal.say(f"labkit: nothing is evaluated: {why}")
    gold = list(rows["label"]) if corpus.labelled and not why else None
    said = training.zero_shot(
        list(rows["text"]),
        described,
        model=options.model,
        method=options.method,
        template=options.template,
        row_ids=list(rows["row_id"]),
        gold=gold,
    )
    if options.out:
        said.save(options.out)
    if gold:
        result = evaluation.evaluate(said, slices=())
        if options.json:
            terminal.answer(result.to_dict())
        else:
            print(result)
    elif options.json:
        terminal.answer(said.answers().to_pylist())
    else:
        for text, place in zip(rows["text"], said.probabilities.argmax(-1), strict=True):
            print(f"{said.labels[int(place)]}\t{' '.join(str(text).split())}")
    return 0


def augment(options: argparse.Namespace) -> int:
    from labkit import data, training
    from labkit.tasks import TASKS

    methods = tuple(options.method or ("typos", "delete", "swap"))
    recipe = training.Recipe.from_dict(
        {
            "task": options.task,
            "data": {
                "train": options.data,
                "augment": methods,
                "augment_share": options.share,
                "augment_model": options.model,
                "augment_translators": options.translators,
            },
        }
    )
    corpus = data.read(options.data, text=options.text, label=options.label, layout=TASKS[options.task].layout)
    shown = data.preview_augmentation(
        corpus, methods, rows=options.rows, share=options.share, seed=options.seed, **training.augmenters(recipe.data)
    )
    if options.json:
        terminal.answer([dataclasses.asdict(one) for one in shown])
        return 0
    for one in shown:
        print(f"{one.method}\n  {_line(one.before)}\n  {_line(one.after)}")
    return 0


def rate(options: argparse.Namespace) -> int:
    from labkit import training
    from labkit.cli._training import one_recipe

    recipe = one_recipe(options.what, options.task, options.set)
    found = training.find_learning_rate(recipe, steps=options.steps)
    if options.json:
        terminal.answer(dataclasses.asdict(found))
    else:
        print(found)
    return 0


def _line(text: str) -> str:
    return " ".join(text.split())


def _unjudged(corpus: Any, described: Any) -> str:
    """Why the labels of the data cannot judge what is said; empty where they can, or where there are none."""
    if not corpus.labelled:
        return ""
    if corpus.scores:
        return "the labels of the data are scores, and no classes."
    if corpus.multi_label:
        return "the data has several labels a row, and zero-shot says one."
    other = [label for label in corpus.labels if label not in described]
    if other:
        return f"the data has labels that are none of the classes: {quoted(other, 5)}. Name them as they stand there."
    return ""


def _descriptions(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError("a JSON file that maps classes to descriptions", str(error), file=file) from error
    if not isinstance(told, dict) or not all(isinstance(one, str | list) for one in told.values()):
        raise DataError("a JSON object: class to description, or to a list of them", type(told).__name__, file=file)
    return told
