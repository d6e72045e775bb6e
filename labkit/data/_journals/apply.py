"""Labels in force: a corpus as its files give it, and over them what people decided.

Splits in which something changed are written to the cache as Arrow files, and memory-mapped from there, as ``read`` does.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit._places import cache_dir
from labkit.data._clean import present_labels
from labkit.data._corpus import Corpus, LayoutName, Step
from labkit.data._files.cache import filling
from labkit.data._files.encoding import refusing
from labkit.data._journals.answers import answer_cells
from labkit.data._journals.journal import Journal, journal_path
from labkit.data._journals.lines import Decision, Ledger, merged, parse
from labkit.data._journals.merge import JournalOrPath, counted, differing
from labkit.data._journals.spans import mended, span_cells
from labkit.data._journals.targets import target_cells
from labkit.data._layouts.multi import Unusable, natural
from labkit.data._layouts.registry import layout_of
from labkit.data._layouts.score_cells import score
from labkit.data._scan import batches
from labkit.errors import DataError, quoted

_VERSION = 2  # of what is written below; a new one leaves old files unused
_KEPT = 4  # states of one corpus in the cache
_ROWS = 10_000  # a batch

_DECIDED: Mapping[LayoutName, str] = {"spans": "spans", "answers": "answers", "pairs": "target", "texts": "target"}
"""The field that people decide on in each layout but "labels", where it is the label."""
_NAMES = {"spans": "spans", "answers": "answers", "target": "text"}
"""What a person reads for it: the … of a row."""


def apply(
    corpus: Corpus, journal: JournalOrPath | Sequence[JournalOrPath], *, require: bool = False, fingerprint: str = ""
) -> Corpus:
    """A corpus with the labels in force: those of its files, and over them the decisions in label journals.

    The label, the text or the second text of a row become what was decided last about them; rows whose "exclude" is True are
    left out. Where people disagree, the latest decision counts; the step says on how many rows they do.

    In a corpus of layout "spans" it is the spans of a row, and with them the types in ``label``; in one of layout "answers"
    the answers, and with them whether there is any. What does not fit the text of its row, because that changed since it was
    decided on, is not applied; the step says which rows these are. In a corpus of layout "pairs" or "texts" it is the text to
    be written (field "target"): the target, the completion, the last answer in a conversation, or the raw text.

    Args:
        corpus: as it was read, before any repair or split.
        journal: one journal or several, or paths of them or of their data.
        require: refuse decisions about rows that the corpus does not have; they are only counted otherwise.
        fingerprint: what ``Corpus.config.labels_fingerprint`` noted: of each journal, as much is applied as was then, and
            decisions made since are left out. Empty: all that is there.

    Returns:
        A corpus with one more step, whose ``config`` leads to it again.

    Raises:
        DataError: a journal is missing, or changed since its fingerprint was noted other than by growing; a row is given
            several labels in a corpus with one label a row, or labels or a text in one with spans; a split would lose all its
            rows.
        ResourceError: the disk with the cache is full.
    """
    if corpus.steps:
        came, do = f"a corpus after {corpus.steps[-1].name!r}", "apply all journals at once, then clean, split, balance"
        raise DataError("labels to be applied right after reading", came, do)
    given = [journal] if isinstance(journal, Journal | str | os.PathLike) else list(journal)
    sources = [_source(one, mark) for one, mark in zip(given, _marks(fingerprint, given), strict=True)]
    if not sources:
        raise DataError("a label journal", "none", "give at least one")
    ledger = Ledger(merged(source.decisions for source in sources))
    for field in layout_of(corpus.config.layout).undecided:
        if decided := ledger.current(field):
            came = f"decisions about the {field} of {counted(len(decided), 'row')}"
            may = f"decide on {_DECIDED[corpus.config.layout]}, and leave rows out"
            do = f"keep them in a journal of their own; in this layout one may {may}"
            raise DataError(f"a journal that fits the layout {corpus.config.layout!r}", came, do, file=sources[0].path)
    changes = _changes(ledger, corpus)
    touched, seen = _touched(corpus, ledger, changes)
    unknown = [row_id for row_id in ledger.rows() if row_id not in seen]
    if require and unknown:
        came, do = f"decisions about others: {quoted(unknown)}", "give the data that was labelled"
        raise DataError("decisions about rows of this data", came, do, file=sources[0].path)
    noted = " ".join(source.fingerprint for source in sources)
    labelled = corpus.replace(
        splits=_write(corpus, changes, touched, noted),
        multi_label=changes.multi_label,
        steps=(Step(name="labels", counts=touched, text=_say(sources, ledger, changes, seen, unknown)),),
        config=dataclasses.replace(
            corpus.config, labels=tuple(source.path.as_posix() for source in sources), labels_fingerprint=noted
        ),
    )
    for split, rows in labelled.splits.items():
        if not len(rows) and corpus.rows[split]:
            came = f"all of {corpus.rows[split]:,} left out by the label journal"
            raise DataError(f"rows in {split}", came, "take some of these decisions back", file=sources[0].path)
    return labelled.replace(labels=tuple(sorted(present_labels(labelled), key=natural)))


# --- reading journals -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Source:
    path: Path
    fingerprint: str  # size:hash of the lines that are applied
    decisions: Sequence[Decision]
    damaged: int
    later: int  # lines behind what is applied


def _source(journal: JournalOrPath, mark: str) -> _Source:
    """The decisions of one journal, up to where ``mark`` says."""
    path = journal.path if isinstance(journal, Journal) else journal_path(journal)
    if not path.is_file():
        raise DataError("a label journal", "no such file", "check the path, or data.labels in the recipe", file=path)
    with refusing(str(path)):
        content = path.read_bytes()
    if mark:
        noted = mark.partition(":")[0]
        size = int(noted) if noted.isdecimal() else -1
        if not 0 <= size <= len(content) or _mark(content[:size]) != mark:
            raise DataError(
                "the label journal as it was when this recipe was made, or with more decisions behind",
                "one whose earlier lines have changed",
                "restore it, or clear data.labels_fingerprint in the recipe and train anew on what is there now",
                file=path,
            )
        piece = parse(content[:size])
    else:
        piece = parse(content)
        size = piece.size if piece.last is None else len(content)
    return _Source(
        path=path,
        fingerprint=_mark(content[:size]),
        decisions=[*piece.decisions, *([piece.last] if piece.last else [])],
        damaged=len(piece.damaged),
        later=len(parse(content[size:].lstrip(b"\n")).decisions),
    )


def _mark(content: bytes) -> str:
    return f"{len(content)}:{hashlib.blake2b(content, digest_size=16).hexdigest()}"


def _marks(fingerprint: str, journals: Sequence[JournalOrPath]) -> list[str]:
    marks = fingerprint.split()
    if marks and len(marks) != len(journals):
        came = f"{len(journals)} of them, and a note about {len(marks)}"
        do = "restore data.labels in the recipe, or clear data.labels_fingerprint and train anew"
        raise DataError("the same label journals as when this recipe was made", came, do)
    return marks or [""] * len(journals)


# --- what changes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Changes:
    field: str  # what people decide on: "label", "spans", "answers" or "target"
    cells: Mapping[str, Mapping[str, Any]]  # column → row id → value
    excluded: frozenset[str]
    multi_label: bool
    scores: bool = False
    new_column: str = ""  # which gets into every split, or becomes one of another type: "label" or "target"
    unfit: Sequence[str] = ()  # rows whose spans or answers do not fit their text


def _changes(ledger: Ledger, corpus: Corpus) -> _Changes:
    excluded = frozenset(row_id for row_id, value in ledger.current("exclude").items() if value)
    field = _DECIDED.get(corpus.config.layout, "label")
    if field == "target":
        written = target_cells(ledger.current(field), corpus)
        new = next(
            (name for name in written if not all(name in rows.column_names for rows in corpus.splits.values())), ""
        )
        new = new if written.get(new) else ""
        return _Changes(field=field, cells=written, excluded=excluded, multi_label=False, new_column=new)
    if field != "label":
        cells_of = span_cells if field == "spans" else answer_cells
        marked, unfit = cells_of(ledger.current(field), corpus)
        return _Changes(field=field, cells=marked, excluded=excluded, multi_label=corpus.multi_label, unfit=unfit)
    labels = ledger.current("label")
    several = corpus.multi_label or (
        not corpus.labelled and not corpus.scores and any(isinstance(value, list) for value in labels.values())
    )
    cells: dict[str, dict[str, Any]] = {
        "label": {
            row_id: _score(value, row_id) if corpus.scores else _label(value, row_id, several)
            for row_id, value in labels.items()
        }
    }
    for column in ("text", "text_pair") if corpus.paired else ("text",):
        cells[column] = {row_id: mended(value) for row_id, value in ledger.current(column).items()}
    have = all("label" in rows.column_names for rows in corpus.splits.values())
    return _Changes(
        field="label",
        cells=cells,
        excluded=excluded,
        multi_label=several,
        scores=corpus.scores,
        new_column="label" if labels and (not have or several != corpus.multi_label) else "",
    )


def _label(value: Any, row_id: str, several: bool) -> Any:
    given = (
        None if value is None else [mended(label) for label in ([value] if isinstance(value, str) else value) if label]
    )
    if several:
        return None if given is None else list(dict.fromkeys(given))
    if given and len(given) > 1:
        came = f"{quoted(given)} for the row {row_id!r}"
        raise DataError(
            "one label a row, as in the data", came, "read the data with multi_label=True, or mend that decision"
        )
    return given[0] if given else None


def _score(value: Any, row_id: str) -> float | None:
    try:
        return score(value)
    except Unusable as error:
        do = "mend that decision, or read the data with scores=False"
        raise DataError("a number, as the labels of this data are", f"{error} for the row {row_id!r}", do) from None


def _touched(corpus: Corpus, ledger: Ledger, changes: _Changes) -> tuple[dict[str, int], set[str]]:
    """How many rows of each split change, and which of the rows that were decided on exist."""
    changing = changes.excluded.union(*changes.cells.values())
    counts, seen = dict.fromkeys(corpus.splits, 0), set()
    for split, rows in corpus.splits.items():
        for batch in batches(rows, ["row_id"], _ROWS):
            known = ledger.rows() & set(batch["row_id"])
            seen |= known
            counts[split] += len(known & changing)
    return counts, seen


def _say(sources: Sequence[_Source], ledger: Ledger, changes: _Changes, seen: set[str], unknown: Sequence[str]) -> str:
    """One paragraph about what was applied and what was not."""
    people = Counter(decision.who for decision in ledger.all)
    found = {column: len(cells.keys() & seen) for column, cells in changes.cells.items()}
    out = len(changes.excluded & seen)
    what = _NAMES.get(changes.field, "label")
    if changes.field == "label":
        texts = found.get("text", 0) + found.get("text_pair", 0)
        parts = [counted(found["label"], "label"), *([counted(texts, "text")] if texts else [])]
    else:
        parts = [f"the {what} of {counted(max(found.values(), default=0), 'row')}"]
    parts += [f"{counted(out, 'row')} left out"] if out else []
    where = f"{len(sources)} label journals" if len(sources) > 1 else "a label journal"
    said = [f"Applied the decisions of {quoted(sorted(people))} in {where}: {', '.join(parts)}."] if people else []
    if not people:
        said.append(f"Found no decision in {where}.")
    if torn := len(differing(ledger, changes.field)):
        said.append(f"People disagree on the {what} of {counted(torn, 'row')}; the latest decision counts.")
    if unfit := len(changes.unfit):
        why = "they do not fit the text any more; label these rows again"
        said.append(f"Left out the {what} of {counted(unfit, 'row')} ({quoted(changes.unfit)}): {why}.")
    for layout, field in _DECIDED.items():
        if layout != "texts" and field != changes.field and (other := len(ledger.current(field))):
            do = f'read the data with layout="{layout}" to apply them'
            said.append(f"No effect have decisions about the {_NAMES[field]} of {counted(other, 'row')}; {do}.")
    if unknown:
        said.append(
            f"No effect have decisions about {counted(len(unknown), 'row')} not in the data: {quoted(unknown)}."
        )
    if damaged := sum(source.damaged for source in sources):
        said.append(f"Passed over {counted(damaged, 'damaged line')}.")
    if later := sum(source.later for source in sources):
        do = "clear data.labels_fingerprint to apply them"
        said.append(f"Left out {counted(later, 'decision')} made since the recipe noted the journal; {do}.")
    return " ".join(said)


# --- writing splits -------------------------------------------------------------------------------------------------


def _write(corpus: Corpus, changes: _Changes, touched: Mapping[str, int], noted: str) -> dict[str, Any]:
    """The splits with their changes; those without any stay as they are."""
    from datasets import Dataset

    changed = [split for split in corpus.splits if touched[split] or changes.new_column]
    kept = {split: _count_kept(corpus.splits[split], changes) for split in changed}
    home = _home(corpus)
    splits = dict(corpus.splits)
    if home is None:
        return splits | {split: Dataset.from_buffer(_in_memory(splits[split], changes)) for split in changed}
    entry = home / hashlib.blake2b(noted.encode(), digest_size=16).hexdigest()
    made = _mapped(entry, kept)
    if made is None:
        shutil.rmtree(entry, ignore_errors=True)
        with filling(entry) as folder:
            for split in changed:
                with (folder / f"{split}.arrow").open("wb") as file:
                    _stream(splits[split], changes, file)
        older = sorted((path for path in home.iterdir() if path != entry), key=lambda path: path.stat().st_mtime)
        for path in older[: -_KEPT + 1]:
            shutil.rmtree(path, ignore_errors=True)
        made = {split: Dataset.from_file(str(entry / f"{split}.arrow")) for split in changed}
    return splits | made


def _mapped(entry: Path, kept: Mapping[str, int]) -> dict[str, Any] | None:
    """What an earlier call wrote, None where that is not there or not whole."""
    from datasets import Dataset

    try:
        found = {split: Dataset.from_file(str(entry / f"{split}.arrow")) for split in kept}
    except (OSError, ValueError):  # ArrowInvalid is a ValueError
        return None
    return found if all(len(found[split]) == count for split, count in kept.items()) else None


def _home(corpus: Corpus) -> Path | None:
    """The folder in the cache for a corpus that was read, None for one that was made by hand."""
    parts = [str(_VERSION)]
    for rows in corpus.splits.values():
        files = [Path(file["filename"]) for file in rows.cache_files]
        if len(files) != 1 or cache_dir() / "read" not in files[0].parents or rows._indices is not None:
            return None
        # the place where read put a split stands for everything that decided how it was read
        parts += [files[0].as_posix(), *rows.column_names]
    return cache_dir() / "labels" / hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _count_kept(rows: Any, changes: _Changes) -> int:
    if not changes.excluded:
        return len(rows)
    return sum(
        row_id not in changes.excluded for batch in batches(rows, ["row_id"], _ROWS) for row_id in batch["row_id"]
    )


def _in_memory(rows: Any, changes: _Changes) -> Any:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    _stream(rows, changes, sink)
    return sink.getvalue()


def _stream(rows: Any, changes: _Changes, sink: Any) -> None:
    import pyarrow as pa

    schema = _schema(rows, changes)
    with pa.ipc.new_stream(sink, schema) as writer:
        for table in _tables(rows):
            writer.write_table(_changed(table, schema, changes))


def _tables(rows: Any) -> Iterator[Any]:
    view = rows.with_format("arrow")
    for start in range(0, len(view), _ROWS):
        yield view[start : start + _ROWS]


def _schema(rows: Any, changes: _Changes) -> Any:
    import pyarrow as pa

    fields = [pa.field(field.name, field.type) for field in rows.features.arrow_schema]
    if new := changes.new_column:
        kind = pa.float64() if changes.scores else pa.list_(pa.string()) if changes.multi_label else pa.string()
        names = [field.name for field in fields]
        at = names.index(new) if new in names else 1 + max(names.index(n) for n in ("text", "text_pair") if n in names)
        fields[at : at + (new in names)] = [pa.field(new, kind)]
    return pa.schema(fields)


def _changed(table: Any, schema: Any, changes: _Changes) -> Any:
    """A batch of rows with the new values, without the rows that are left out."""
    import pyarrow as pa

    ids = table["row_id"].to_pylist()
    columns = []
    for field in schema:
        cells = changes.cells.get(field.name, {})
        have = field.name in table.column_names
        if have and table.schema.field(field.name).type == field.type and cells.keys().isdisjoint(ids):
            columns.append(table[field.name])
            continue
        old: Iterable[Any] = table[field.name].to_pylist() if have else [None] * len(ids)
        values = [cells.get(row_id, value) for row_id, value in zip(ids, old, strict=True)]
        columns.append(pa.array(values, field.type))
    made = pa.table(columns, schema=schema)
    if changes.excluded.isdisjoint(ids):
        return made
    return made.filter(pa.array([row_id not in changes.excluded for row_id in ids]))
