"""Judging a fine-tuned model: on its own splits when a run ends, on other data later, and labelling files with it."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from labkit import data, evaluation, tasks
from labkit._places import named
from labkit.errors import DataError, LabError, ResourceError, UnknownName, quoted
from labkit.evaluation import Evaluation
from labkit.events import Note
from labkit.tasks import Encoded
from labkit.training import _rundir
from labkit.training._card import model_card
from labkit.training._predictor import Predictor
from labkit.training._recipe import Recipe
from labkit.training._run import Run


def judge(
    recipe: Recipe, corpus: data.Corpus, encoded: dict[str, Encoded], directory: Path, emit: Callable[[Note], None]
) -> dict[str, float]:
    """Score the saved model, in float32, beside the baselines; write predictions, metrics and the model card.

    The last of the splits validation and test is the one that counts: it gets the baselines and the slices.
    """
    predictor = Predictor.load(directory)
    folder = directory / _rundir.PREDICTIONS
    folder.mkdir(exist_ok=True)
    report: dict[str, Any] = {"truncated": {split: rows.truncated for split, rows in encoded.items()}}
    headline: dict[str, float] = {}
    splits = [split for split in ("validation", "test") if split in corpus]
    seen = set(_keys(corpus["train"]))
    for split in splits:
        emit(Note(text=f"Evaluating on the {split} split."))
        predictions = predictor.run(encoded[split], list(corpus[split]["row_id"]))
        if split == "validation" and (found := predictor.task.tune(predictions)):
            predictor.remember(found)
            predictions = predictor.run(encoded[split], list(corpus[split]["row_id"]))
        predictions.save(folder / f"{split}.parquet")
        counts = split == splits[-1]
        others: dict[str, tasks.Predicted] = {}
        if counts and recipe.evaluation.baselines:
            emit(Note(text="Training the baselines."))
            plain = data.load(recipe.data.unaugmented()) if recipe.data.augment else corpus
            others = predictor.baselines(plain, corpus[split], seed=recipe.seed)
            for name, other in others.items():
                other.save(folder / f"{split}.{_file_name(name)}.parquet")
        result = _evaluate(
            predictions, others, corpus[split], recipe, slices=recipe.evaluation.slices if counts else ()
        )
        shared = sum(key in seen for key in _keys(corpus[split]))
        if shared:
            said = (
                f"{shared:,} of the {len(predictions):,} {split} texts are also in the training split, so these figures "
                "reward memory: train again with the repair drop_shared (data.repairs in the recipe)."
            )
            result = dataclasses.replace(result, notes=(*result.notes, said))
        report[split] = result.to_dict()
        headline = {name: estimate.value for name, estimate in result.headline.items()}
    _rundir.write_json(directory / _rundir.METRICS, report)
    _rundir.write_text(directory / _rundir.CARD, model_card(recipe, predictor.task, corpus, report, directory))
    return headline


def _keys(rows: Any) -> list[tuple[str, ...]]:
    """The text (or pair of texts) of each row, case and spaces aside."""
    columns = [rows[name] for name in ("text", "text_pair") if name in rows.column_names]
    return [tuple(data.normalise(text or "") for text in texts) for texts in zip(*columns, strict=True)]


def evaluate(
    run: Run,
    source: Any,
    *,
    text: str | None = None,
    text_pair: str | None = None,
    label: str | Sequence[str] | None = None,
    labels: Sequence[str | os.PathLike[str]] = (),
) -> Evaluation:
    """Evaluate a run's model on labelled data it has not seen, beside baselines trained on the run's training split.

    Args:
        run: a run that has a model.
        source: anything ``labkit.data.read`` takes. All of its rows are used.
        text: its column with the text, where that is not called as in the run's data.
        text_pair: its column with the second text of a pair, or the context of a question, likewise.
        label: its column (or columns) with the label; called as in the run's data, or found, when None.
        labels: label journals whose decisions go over the data's own labels.

    Raises:
        DataError: the data or a label journal cannot be read, or has labels that the model does not know and no others.
        RunError: the run has no model yet.
    """
    predictor = Predictor.load(run)
    recipe = run.recipe
    corpus = _read_like(
        recipe, source, text=text, text_pair=text_pair, label=label, require_label=not labels, labels=labels
    )
    known = set(predictor.labels)
    strange = [label for label in corpus.labels if label not in known]
    if strange and len(strange) == len(corpus.labels):
        raise DataError(
            f"labels that the model knows ({quoted(predictor.labels)})",
            f"only others ({quoted(strange)})",
            "name the label column, or evaluate on data of the same task",
        )
    rows = corpus["train"]
    predictions = predictor.run(predictor.encode(rows), list(rows["row_id"]))
    others: dict[str, tasks.Predicted] = {}
    notes = [f"Labels that the model does not know: {quoted(strange)}."] if strange else []
    if recipe.evaluation.baselines:
        try:
            others = predictor.baselines(data.load(recipe.data.unaugmented()), rows, seed=recipe.seed)
        except DataError as error:  # a run may be taken to a place where its training data is not
            notes.append(f"Without baselines, which learn from the run's own data: {error}")
    absent = [name for name in recipe.evaluation.slices if name not in ("length", *rows.column_names)]
    if absent:
        notes.append(f"Not sliced by {quoted(absent)}: no such column in this data.")
    slices = tuple(name for name in recipe.evaluation.slices if name not in absent)
    result = _evaluate(predictions, others, rows, recipe, slices=slices)
    return dataclasses.replace(result, notes=(*result.notes, *notes))


def predict_file(
    run: Run,
    source: Any,
    out: str | os.PathLike[str] | None = None,
    *,
    text: str | None = None,
    text_pair: str | None = None,
) -> int:
    """Label every row of a file.

    Args:
        run: a run that has a model.
        source: anything ``labkit.data.read`` takes; labels are not needed.
        out: a .csv, .jsonl or .parquet file, or None for CSV on standard output.
        text: the column with the text, where it is not called as in the run's data.
        text_pair: the column with the second text of a pair, or the context of a question, likewise.

    Returns:
        The number of rows.

    Raises:
        DataError: the data cannot be read, or ``out`` has another suffix, is a folder, or is the data itself.
        ResourceError: the disk is full.
    """
    import pyarrow.csv

    suffix = Path(out).suffix if out is not None else ".csv"
    if suffix not in (".csv", ".jsonl", ".parquet"):
        raise DataError("an output file that ends in .csv, .jsonl or .parquet", repr(str(out)))
    if out is not None and not named(out).absolute().parent.is_dir():
        raise DataError(
            "a folder to write the predictions into", f"no folder {named(out).absolute().parent}", "make it first"
        )
    if out is not None and named(out).is_dir():
        raise DataError("a file to write the predictions into", f"the folder {out}", "name a file")
    if out is not None and isinstance(source, str | os.PathLike) and _same_file(source, out):
        raise DataError("another file for the predictions", "the file with the texts", "name a new one", file=out)
    predictor = Predictor.load(run)
    corpus = _read_like(run.recipe, source, text=text, text_pair=text_pair, require_label=False)
    rows = corpus["train"]
    predictions = predictor.reply(rows, list(rows["row_id"]))
    table = predictions.answers()
    table = table.add_column(1, "text", [list(rows["text"])])
    if run.recipe.data.layout == "labels" and "text_pair" in rows.column_names:
        table = table.add_column(2, "text_pair", [list(rows["text_pair"])])
    if suffix == ".csv":
        table = _flat(table)
    if out is None:
        pyarrow.csv.write_csv(table, sys.stdout.buffer)
        return len(rows)
    target = named(out)
    partial = target.with_name(target.name + ".partial")
    try:
        if suffix == ".csv":
            pyarrow.csv.write_csv(table, partial)
        elif suffix == ".jsonl":
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist())
            with partial.open("w", encoding="utf-8") as file:
                file.writelines(lines)
        else:
            import pyarrow.parquet

            pyarrow.parquet.write_table(table, partial)
        partial.replace(target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourceError(f"room for {target}", "a full disk", "free some space or name another file") from error
        came = os.strerror(error.errno) if error.errno else str(error)
        raise DataError(f"to write {target}", came, "name another file") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return len(rows)


def _flat(table: Any) -> Any:
    """For CSV, whose cells hold one value: lists of texts are joined with "|", other lists are written as JSON."""
    import pyarrow as pa

    for at, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            texts = pa.types.is_string(field.type.value_type)
            cells = table[field.name].to_pylist()
            shown = ["|".join(cell) if texts else json.dumps(cell, ensure_ascii=False) for cell in cells]
            table = table.set_column(at, field.name, [shown])
    return table


def _elsewhere(role: str, error: UnknownName, source: Any) -> DataError:
    what = role.replace("text_pair", "second text")
    return DataError(
        f"the {what}s in the column {error.name!r}, as in the run's data",
        f"the columns {quoted(error.known)}",
        f"name the column with {role}='…'",
        file=source if isinstance(source, str | os.PathLike) else None,
    )


def _same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False


def _read_like(
    recipe: Recipe,
    source: Any,
    *,
    text: str | None,
    text_pair: str | None = None,
    label: str | Sequence[str] | None = None,
    require_label: bool,
    labels: Sequence[str | os.PathLike[str]] = (),
) -> data.Corpus:
    """Read data with the column names of the run's data where it has them, else with those found; all rows in one split."""
    from datasets import concatenate_datasets

    used = recipe.data
    if text_pair and not used.text_pair:
        do = "leave text_pair out, or train on pairs of texts"
        raise DataError("a run that was trained on pairs of texts", "one trained on single texts", do)
    wanted: dict[str, Any] = {
        "text": text or used.text or None,
        "text_pair": text_pair or used.text_pair or None,
        "label": label or (used.label[0] if len(used.label) == 1 else used.label) or None,
        "label_separator": used.label_separator or None,
        "multi_label": used.multi_label if used.layout == "labels" else None,
        "scores": used.scores if used.layout == "labels" else None,
        "layout": used.layout,
    }
    try:
        corpus = data.read(source, **wanted, require_label=require_label)
    except LabError as first:
        missing = first.name if isinstance(first, UnknownName) else ""
        if label or (missing and missing in (text, text_pair)):
            raise
        if isinstance(first, UnknownName) and first.name == wanted["text"]:
            raise _elsewhere("text", first, source) from first
        if isinstance(first, UnknownName) and first.name == wanted["text_pair"]:
            raise _elsewhere("text_pair", first, source) from first
        try:
            corpus = data.read(
                source,
                text=wanted["text"],
                text_pair=wanted["text_pair"],
                scores=wanted["scores"],
                layout=used.layout,
                require_label=require_label,
            )
        except LabError:
            raise _elsewhere("label", first, source) if isinstance(first, UnknownName) else first from None
    if labels:
        corpus = data.apply(corpus, labels)
    if len(corpus.splits) == 1 and "train" in corpus:
        return corpus
    return corpus.replace(splits={"train": concatenate_datasets(list(corpus.splits.values()))})


def _evaluate(
    predictions: Any, others: dict[str, tasks.Predicted], rows: Any, recipe: Recipe, *, slices: tuple[str, ...]
) -> Evaluation:
    return evaluation.evaluate(
        predictions,
        baselines=others,
        rows=rows,
        slices=slices,
        resamples=recipe.evaluation.resamples,
        seed=recipe.seed,
    )


def _file_name(text: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in text.lower()).split())
