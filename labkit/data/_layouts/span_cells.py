"""Cells that hold the words, the tags or the spans of a text, in the forms in which tools write them."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

from labkit.data._files.formats import Batch, Row, Source, batches
from labkit.data._layouts.multi import Unusable, as_text
from labkit.data._layouts.spans import Span

_STARTS = ("start", "start_offset", "begin", "start_char")
_ENDS = ("end", "end_offset", "stop", "end_char")
_LABELS = ("label", "labels", "type", "entity", "entity_type", "entity_group", "tag")
_LONGEST = 10_000_000  # characters of a list that is written out as text
_REFUSED = ("reject", "ignore")  # answers in Prodigy
_UNWRAPPED = {"data", "annotations", "completions", "predictions", "drafts"}


def written_out(value: Any) -> Any:
    """The list in a cell of a CSV file, as JSON or Python writes it; other values as they are."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return value
    text = value.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return value
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(text)  # literals only: nothing in it is ever run
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
    return found if isinstance(found, list) else value


def words_in(value: Any) -> list[str] | None:
    """The words or tags in a cell: a list, one that is written out, or a string with spaces between; None where there is
    nothing.

    Raises:
        Unusable: it holds something else.
    """
    found = written_out(value)
    if found is None or found == "" or (isinstance(found, list) and found and all(item is None for item in found)):
        return None
    if isinstance(found, str):
        return found.split()
    if not isinstance(found, list):
        raise Unusable(f"{json.dumps(found, ensure_ascii=False)[:60]}")
    words = []
    for i, item in enumerate(found, 1):
        if item is None or isinstance(item, list | dict):
            raise Unusable(f"{'nothing' if item is None else 'nested values'} as number {i} of {len(found)}")
        words.append(item if isinstance(item, str) else as_text(item) or "")
    return words


def items_in(value: Any) -> list[Any] | None:
    """The spans in a cell, each as it was written; None where there are none to be had.

    Raises:
        Unusable: it is no list.
    """
    found = written_out(value)
    if found is None or found == "":
        return None
    if isinstance(found, dict):  # how datasets before version 4 kept a sequence of records
        columns = [found.get(_key(found, names)) for names in (_STARTS, _ENDS, _LABELS)]
        if all(isinstance(column, list) for column in columns) and len({len(column or ()) for column in columns}) == 1:
            return [list(item) for item in zip(*(column or () for column in columns), strict=True)]
    if not isinstance(found, list):
        raise Unusable(f"{json.dumps(found, ensure_ascii=False)[:60]}")
    return found


def looks_like_span(item: Any) -> bool:
    """Whether it names a start, an end and a label."""
    if isinstance(item, dict):
        return all(_key(item, names) for names in (_STARTS, _ENDS, _LABELS))
    return isinstance(item, list) and len(item) == 3 and _whole(item[0]) is not None and isinstance(item[2], str)


def spans_in(value: Any, text: str) -> tuple[list[Span] | None, int]:
    """The spans in a cell, sorted, and how many of them say that another text stands there.

    Raises:
        Unusable: something in it is no span of the text.
    """
    items = items_in(value)
    if items is None:
        return None, 0
    found, other = [], 0
    for i, item in enumerate(items, 1):
        where = f"number {i} of {len(items)}"
        if isinstance(item, dict):
            parts = [item.get(_key(item, names)) for names in (_STARTS, _ENDS, _LABELS)]
        elif isinstance(item, list) and len(item) == 3:
            parts = item
        else:
            raise Unusable(f"{json.dumps(item, ensure_ascii=False)[:60]} as {where}")
        start, end = _whole(parts[0]), _whole(parts[1])
        shown = f"{json.dumps(parts[0])[:20]} to {json.dumps(parts[1])[:20]}"
        if start is None or end is None:
            raise Unusable(f"{shown} as {where}, which are no whole numbers")
        if end <= start:
            raise Unusable(f"{shown} as {where}, which ends where it begins or before")
        if start < 0 or end > len(text):
            raise Unusable(f"{shown} as {where}, in a text of {len(text):,} characters")
        labels = parts[2] if isinstance(parts[2], list) else [parts[2]]
        if not labels or not all(isinstance(label, str) and label.strip() for label in labels):
            raise Unusable(f"{shown} as {where}, without a label")
        found += [Span(start, end, str(label)) for label in labels]
        said = item.get("text") if isinstance(item, dict) else None
        other += isinstance(said, str) and said.strip() != text[start:end].strip()
    return sorted(found), other


def unwrapped(source: Source, notes: list[str]) -> Iterator[Batch]:
    """The rows of a source, with those of Label Studio taken out of their wrapping and those that were rejected in Prodigy
    left out."""
    refused = several = 0
    other: set[str] = set()
    for batch in batches(source, notes):
        kept: Batch = []
        for line, row in batch:
            if "_input_hash" in row or "spans" in row:
                if row.get("answer") in _REFUSED:
                    refused += 1
                    continue
                if row.get("answer") == "accept" and row.get("spans") is None:
                    row = {**row, "spans": []}
            elif isinstance(row.get("data"), dict) and isinstance(row.get("annotations", row.get("completions")), list):
                row, count = _from_label_studio(row, other)
                several += count > 1
            kept.append((line, row))
        if kept:
            yield kept
    if refused:
        notes.append(f"{source.name}: {refused:,} rows that were rejected or ignored in Prodigy are left out.")
    if several:
        notes.append(
            f"{source.name}: {several:,} tasks have several annotations; the one marked as ground truth is read, else the last."
        )
    if other:
        kinds = ", ".join(sorted(other)[:8])
        notes.append(f"{source.name}: of the annotations, those of other kinds than spans are left out ({kinds}).")


def _from_label_studio(task: Row, other: set[str]) -> tuple[Row, int]:
    """The row in a task, and how many annotations it has."""
    given = task.get("annotations", task.get("completions")) or []
    done = [one for one in given if isinstance(one, dict) and not one.get("was_cancelled")]
    chosen = next((one for one in done if one.get("ground_truth")), done[-1] if done else None)
    spans = None
    if chosen is not None:
        spans = []
        for item in chosen.get("result") or []:
            value = item.get("value") if isinstance(item, dict) else None
            if isinstance(value, dict) and "start" in value and "end" in value:
                spans.append(value)
            else:
                other.add(str(item.get("type") if isinstance(item, dict) else item))
    row = {key: value for key, value in task.items() if key not in _UNWRAPPED}
    row |= {key + "_" * (key in row or key == "spans"): value for key, value in task["data"].items()}
    return {**row, "spans": spans}, len(done)


def _key(item: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((name for name in names if name in item), "")


def _whole(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
