"""``read``: any table of texts becomes a corpus with canonical columns, memory-mapped from the cache."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from labkit._places import cache_dir
from labkit.data._columns import SAMPLE_ROWS, Choice, headless, profiles
from labkit.data._convert import Survey, clashes, keys, survey, write
from labkit.data._corpus import Corpus, DataConfig, LayoutName
from labkit.data._files.cache import filling
from labkit.data._files.formats import Row, Source
from labkit.data._files.sources import Given, resolve
from labkit.data._layouts.layout import Layout
from labkit.data._layouts.registry import layout_of
from labkit.errors import DataError

if TYPE_CHECKING:
    import os

    import datasets
    import pandas as pd

    Data: TypeAlias = (
        str
        | os.PathLike[str]
        | pd.DataFrame
        | Sequence[Mapping[str, Any]]
        | datasets.Dataset
        | datasets.DatasetDict
        | Mapping[str, Any]
    )

_VERSION = 3  # of what is written below; a new one leaves old conversions unused
_SPLITS = ("train", "validation", "test")


def read(
    train: Data,
    *,
    validation: Data | None = None,
    test: Data | None = None,
    text: str | None = None,
    text_pair: str | None = None,
    label: str | Sequence[str] | None = None,
    label_separator: str | None = None,
    multi_label: bool | None = None,
    scores: bool | None = None,
    id: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    require_label: bool = True,
    layout: LayoutName = "labels",
) -> Corpus:
    """Read a data set, and say in ``Corpus.reasons`` how it was understood.

    Takes CSV, TSV, JSON, JSON lines, Parquet, Arrow and CoNLL files (each also gzipped), a folder with files named after
    splits, a folder written by ``datasets.save_to_disk``, a hub id, a pandas frame, a list of dicts, a
    ``datasets.Dataset``, and as ``train`` also several splits in a ``DatasetDict`` or dict. Rows in memory are written
    to a file in the cache first; that file is then what ``Corpus.config`` names.

    A file is read in batches and converted to Arrow once, in the folder ``$LABKIT_CACHE`` (else the platform's place
    for caches); the rows are memory-mapped from there, so a file may be larger than memory.

    With ``layout="spans"`` a row is a text with labelled stretches of it, as for named entities. It comes as tokens with tags
    (CoNLL files, two columns of lists), or as a text with spans by character, as spaCy, Prodigy, doccano and Label Studio
    write them. The corpus has a column ``spans`` with start, end and label of each, in characters of ``text``; ``label`` has
    the types that occur in the row; and ``words`` the start and end of each token, flattened, where there were tokens: the
    text is the tokens with a space between them.

    With ``layout="answers"`` a row is a question with its context and the answers that stand in it. It comes as a file of SQuAD
    (version 1 or 2), or as rows of question, context and answers (records of text and answer_start, or texts with a column
    answer_start). The corpus has the question in ``text``, the context in ``text_pair``, and a column ``answers`` with start
    and text of each, in characters of the context; an empty list says that there is none.

    With ``layout="pairs"`` a row is a source text and what is to be written from it: a translation, a summary. The two columns
    are found by name (two languages, article and summary, …), also in the hub's records ``translation``. The corpus has the
    source in ``text`` and the other in ``target``, null where the cell is empty.

    With ``layout="texts"`` a row is a text to learn: running text from .txt files or a folder of them (parted by lines ---
    or by blank lines) or from a column; a prompt with its completion; or a conversation in messages, whose answers are learnt.

    Args:
        train: the training data, or all data. Where one file has a column "split" with train, validation or test in
            every row, rows go to their split.
        validation: validation data with the same columns.
        test: test data with the same columns.
        text: column with the text, the source, or the tokens; detected by name and shape where it is not given.
        text_pair: column with the second text of a pair.
        label: column with the label, the tags, the spans or the target, or one column per label with 0 or 1 (true or
            false) in each row.
        label_separator: what stands between several labels in one cell.
        multi_label: whether a row may have several labels.
        scores: whether the label is a number on a scale to come close to, such as a similarity or a rating, and no class. By
            default columns of numbers with fractions are scores, and so are those named like a score with more than 20
            different whole numbers. Numbers may have a decimal comma; a cell that holds none leaves its row without a score,
            and what stands there goes to the column ``unreadable_score``.
        id: column with an id that is different in every row. Without one the id of a row is a hash of its content
            (BLAKE2b, 8 bytes), with "-2", "-3" behind that of exact repeats.
        encoding: text encoding of the files.
        delimiter: field delimiter of CSV files.
        require_label: refuse data in which no label column is found; False reads it without labels.
        layout: what a row is: "labels", a text with its labels, "spans", a text with labelled stretches, "answers", a question
            with a context and the answers in it, "pairs", a source and a target text, or "texts", a text to learn.

    Returns:
        The corpus. Reading again with the values in its ``config`` gives the same rows with the same ids.

    Raises:
        DataError: the data is missing, damaged or cannot be understood; names file, line and column where known.
        UnknownName: a given column or layout does not exist.
        ResourceError: the disk with the cache is full.
    """
    wanted = (label,) if isinstance(label, str) else tuple(label or ())
    if scores and layout != "labels":
        do = "leave scores= out"
        raise DataError('layout="labels" beside scores=True', f"the layout {layout!r}", do)
    how = {"encoding": encoding or "", "delimiter": delimiter or ""}
    rows_as = layout_of(layout)
    running = layout == "texts"
    given = {"train": resolve(train, "train", running=running, **how)}
    for role, data in (("validation", validation), ("test", test)):
        if data is not None and not (isinstance(data, str) and data == ""):
            given[role] = resolve(data, role, running=running, **how)
    sources = _by_split(given)
    reasons = _source_reasons(given, sources)
    name, main = sources["train"].name, sources["train"]
    columns = profiles(_sample(main, rows_as))
    if main.kind == "delimited" and (came := headless(columns)):
        do = "add a line with the names of the columns, such as text,label"
        raise DataError("a header line with the names of the columns", came, do, file=name, row=1)
    choice = rows_as.choose(
        columns,
        name,
        text=text or "",
        text_pair=text_pair or "",
        label=tuple(column for column in wanted if column),
        separator=label_separator or "",
        multi_label=multi_label,
        id=id or "",
        require_label=require_label,
        **({} if scores is None else {"scores": scores}),
    )
    splittable = len(sources) == 1
    entry = cache_dir() / "read" / _cache_key(sources, choice, layout, splittable, require_label)
    facts = _facts(entry)
    if facts is None:
        facts = _convert(sources, choice, rows_as, entry, splittable=splittable, require_label=require_label)
    from datasets import Dataset

    splits = {split: Dataset.from_file(str(entry / f"{split}.arrow")) for split in facts["rows"]}
    return Corpus(
        splits=splits,
        labels=tuple(facts["labels"]),
        multi_label=facts["multi_label"],
        scores=facts["scores"],
        config=_config(given, sources, choice, layout, facts),
        reasons=(*reasons, *choice.reasons, *facts["notes"]),
    )


def _by_split(given: Mapping[str, Given]) -> dict[str, Source]:
    """One source for each split; what is given by name goes before a split found in the training data."""
    found = {split: source for one in given.values() for split, source in one.splits.items()}
    return {split: found[split] for split in _SPLITS if split in found}


def _source_reasons(given: Mapping[str, Given], sources: Mapping[str, Source]) -> list[str]:
    reasons = [reason for one in given.values() for reason in one.reasons]
    for role in ("validation", "test"):
        if role in given and role in given["train"].splits:
            reasons.append(f"The split {role!r} inside the training data is left out for the one that was given.")
    said: dict[str, list[str]] = {}
    for source in sources.values():
        for reason in source.reasons:
            said.setdefault(reason, []).append(source.name)
    for reason, names in said.items():
        reasons.append(reason if len(names) == len(sources) else f"{', '.join(names)}: {reason}")
    return reasons


def _sample(source: Source, layout: Layout) -> list[Row]:
    rows: list[Row] = []
    for batch in layout.batches(source, []):
        rows += [row for _, row in batch[: SAMPLE_ROWS - len(rows)]]
        if len(rows) >= SAMPLE_ROWS:
            break
    return rows


def _cache_key(
    sources: Mapping[str, Source], choice: Choice, layout: LayoutName, splittable: bool, require_label: bool
) -> str:
    parts = {
        "version": _VERSION,
        "sources": [
            [split, one.name, one.kind, one.fingerprint, one.encoding, one.delimiter, one.quoted]
            for split, one in sources.items()
        ],
        "choice": {k: v for k, v in dataclasses.asdict(choice).items() if k != "reasons"},
        "splittable": splittable,
        "require_label": require_label,
        "layout": layout,
    }
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()


def _facts(entry: Path) -> dict[str, Any] | None:
    """What an earlier conversion found, None where there is none or its files are not whole any more."""
    import pyarrow as pa

    try:
        facts: dict[str, Any] = json.loads((entry / "facts.json").read_text(encoding="utf-8"))
        for split, size in facts["bytes"].items():
            if (entry / f"{split}.arrow").stat().st_size != size:
                raise ValueError("a file of another size")
            with pa.memory_map(str(entry / f"{split}.arrow")) as mapped:
                pa.ipc.open_stream(mapped)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError):  # ArrowInvalid is a ValueError
        shutil.rmtree(entry, ignore_errors=True)
        return None
    return facts


def _convert(
    sources: Mapping[str, Source],
    choice: Choice,
    layout: Layout,
    entry: Path,
    *,
    splittable: bool,
    require_label: bool,
) -> dict[str, Any]:
    surveys = {split: survey(source, choice, layout) for split, source in sources.items()}
    shapes = {split: found.shape for split, found in surveys.items()}
    notes = [note for found in surveys.values() for note in found.notes]
    settled = layout.settle(shapes, choice, require_label=require_label)
    kinds: dict[str, set[str]] = {}
    for found in surveys.values():
        for column, values in found.kinds.items():
            kinds.setdefault(column, set()).update(values)
    inner = _inner_splits(surveys["train"], notes) if splittable else ()
    rows: dict[str, int] = {}
    taken = np.zeros(0, dtype=np.uint64)
    with filling(entry) as folder:
        for split, found in surveys.items():
            if count := clashes(found, taken):
                mark = f"{split}:"
                notes.append(f"{count:,} rows of {split} have ids that another split has; theirs start with {mark!r}.")
            targets = {name: folder / f"{name}.arrow" for name in inner or (split,)}
            rows |= write(found, targets, kinds, prefix=f"{split}:", taken=taken)
            taken = np.unique(np.concatenate([taken, keys(found)]))
        facts = {
            "rows": rows,
            "bytes": {split: (folder / f"{split}.arrow").stat().st_size for split in rows},
            "labels": list(settled.labels),
            "multi_label": settled.multi_label,
            "scores": settled.scores,
            "id": choice.id if not any(found.hashed for found in surveys.values()) else "",
            "notes": notes + layout.learned(shapes),
        }
        (folder / "facts.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    return facts


def _inner_splits(found: Survey, notes: list[str]) -> tuple[str, ...]:
    """The splits that a column "split" names in every row, or none."""
    if "split" not in found.kinds or "split" in found.choice.used:
        return ()
    if found.splits[""] or not found.splits["train"]:
        why = f"{found.splits['']:,} rows have other values" if found.splits[""] else "no row is in train"
        notes.append(f"The column 'split' is kept as it is, and all rows are in train: {why}.")
        return ()
    splits = tuple(split for split in _SPLITS if found.splits[split])
    counts = ", ".join(f"{found.splits[split]:,} to {split}" for split in splits)
    notes.append(f"Rows go to splits by the column 'split': {counts}.")
    return splits


def _config(
    given: Mapping[str, Given],
    sources: Mapping[str, Source],
    choice: Choice,
    layout: LayoutName,
    facts: Mapping[str, Any],
) -> DataConfig:
    paths = {path_of: path for one in given.values() for path_of, path in one.paths.items()}
    text_files = [source for source in sources.values() if source.kind in ("delimited", "json", "conll", "text")]
    encodings = {source.encoding for source in text_files}
    delimiters = {source.delimiter for source in text_files if source.kind == "delimited"}
    content = "\n".join(f"{split}:{source.fingerprint}" for split, source in sources.items())
    return DataConfig(
        train=paths["train"],
        validation=paths.get("validation", ""),
        test=paths.get("test", ""),
        text=choice.text,
        text_pair=choice.text_pair,
        label=choice.label,
        label_separator=choice.separator,
        multi_label=facts["multi_label"] if choice.label else None,
        scores=facts["scores"] if layout == "labels" and (choice.label or facts["scores"]) else None,
        id=facts["id"],
        # files may differ in these; then each is detected again
        encoding=encodings.pop() if len(encodings) == 1 else "",
        delimiter=delimiters.pop() if len(delimiters) == 1 else "",
        fingerprint=hashlib.blake2b(content.encode(), digest_size=16).hexdigest(),
        layout=layout,
    )
