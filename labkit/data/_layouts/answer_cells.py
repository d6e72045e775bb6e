"""Cells that hold answers, in the forms in which data sets write them, and the files of SQuAD, which nest their rows."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from labkit.data._files.formats import Batch, Row, Source, batches
from labkit.data._layouts.answers import Answer, Placing, place
from labkit.data._layouts.multi import Unusable, as_text
from labkit.data._layouts.span_cells import written_out
from labkit.errors import DataError

_TEXTS = ("text", "answer_text", "answer", "texts")
_STARTS = ("answer_start", "start", "answer_starts", "starts", "start_offset")
_BATCH = 5000  # questions
_LONGEST = 1_000_000  # characters of a record that is written out as text


@dataclass(frozen=True, kw_only=True)
class Given:
    """The answers of a row.

    Attributes:
        answers: None where unknown, empty where the context holds none.
        how: how each got its place.
    """

    answers: list[Answer] | None
    how: tuple[Placing, ...] = ()


def answers_in(value: Any, starts: Any, context: str) -> Given:
    """The answers in a cell.

    Args:
        value: a record or records of text and start, records turned on their side ({"text": […], "answer_start": […]}), a
            text or a list of texts; a list or a record may be written out.
        starts: where the texts stand, from a column of its own; None where there is none.
        context: what they stand in.

    Raises:
        Unusable: there is something else in it.
    """
    pairs = _pairs(_record(written_out(value)), written_out(starts))
    if pairs is None:
        return Given(answers=None)
    placed = [place(context, text, start) for text, start in pairs if text]
    unique = dict(placed)  # the same answer of several people, which counts once
    return Given(answers=list(unique), how=tuple(unique.values()))


def _record(value: Any) -> Any:
    """The record in a cell of a CSV file, as JSON or Python writes it; other values as they are."""
    if (
        not isinstance(value, str)
        or len(value) > _LONGEST
        or not (value.strip()[:1] == "{" and value.strip()[-1:] == "}")
    ):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(value.strip())  # literals only: nothing in it is ever run
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
    return found if isinstance(found, dict) else value


def _pairs(value: Any, starts: Any) -> list[tuple[str, int | None]] | None:
    if isinstance(value, dict):
        texts, at = (value.get(next((key for key in keys if key in value), "")) for keys in (_TEXTS, _STARTS))
        if texts is None and at is None:
            raise Unusable(f"a record without a text ({_shown(value)})")
        return _pairs([] if texts is None else texts, at)
    if value is None or value == "":
        return [] if _whole(starts) == -1 else None  # as some write what has no answer
    if not isinstance(value, list):
        value = [value]
        starts = [starts] if not isinstance(starts, list) else starts
    if any(isinstance(item, dict) for item in value):
        found: list[tuple[str, int | None]] = []
        for i, item in enumerate(value, 1):
            if not isinstance(item, dict):
                raise Unusable(f"{_shown(item)} as number {i} of {len(value)}")
            inner = _pairs(item, None)
            found += inner or []
        return found
    if starts is None or starts == "" or starts == []:
        starts = [None] * len(value)
    elif not isinstance(starts, list):
        starts = [starts]
    if len(starts) != len(value):
        raise Unusable(f"{len(value):,} answers with {len(starts):,} starts")
    found = []
    for i, (item, at) in enumerate(zip(value, starts, strict=True), 1):
        where = f"number {i} of {len(value)}"
        if isinstance(item, list | dict) or (item is None):
            raise Unusable(f"{_shown(item)} as {where}")
        start = _whole(at)
        if start is None and at not in (None, ""):
            raise Unusable(f"{_shown(at)} as the start of {where}, which is no whole number")
        found.append((as_text(item) or "", start))
    return found


def _whole(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return _whole(float(value)) if len(value) < 20 else None
        except ValueError:
            return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:60]


# --- files of SQuAD -------------------------------------------------------------------------------------------------


def unnested(source: Source, notes: list[str]) -> Iterator[Batch]:
    """The rows of a source; those of a file of SQuAD are its questions, counted from 1, each with its context and whatever
    else stands around it."""
    if source.kind == "conll":
        came = "a token a line with its tag, as for named entities"
        raise DataError("questions with contexts and answers", came, 'read it with layout="spans"', file=source.name)
    waiting: Batch = []
    count = 0
    for batch in batches(source, notes):
        for line, row in batch:
            articles = _articles(row)
            if articles is None:
                waiting.append((line, row))
            else:
                for question in _questions(articles, source):
                    count += 1
                    waiting.append((count, question))
                    if len(waiting) >= _BATCH:
                        yield waiting
                        waiting = []
        if waiting:
            yield waiting
            waiting = []
    if not count and source.kind == "json" and not _any_rows(source):
        raise DataError("questions", "a file without any", "check that they were saved", file=source.name)


def _any_rows(source: Source) -> bool:
    return any(_articles(row) is None for batch in batches(source, []) for _, row in batch)


def _articles(row: Row) -> list[Any] | None:
    """What a nested file holds, None where the row is a question already."""
    inner = row.get("data")
    if isinstance(inner, list) and "question" not in row and all(isinstance(item, dict) for item in inner):
        return inner
    return [row] if isinstance(row.get("paragraphs"), list) else None


def _questions(articles: list[Any], source: Source) -> Iterator[Row]:
    count = 0
    for article in articles:
        if not isinstance(article.get("paragraphs"), list):  # rows that only the key "data" wraps
            yield article
            continue
        around = {key: value for key, value in article.items() if key != "paragraphs"}
        for paragraph in article["paragraphs"]:
            if not isinstance(paragraph, dict) or not isinstance(paragraph.get("context"), str):
                came = f"none in a paragraph of {str(article.get('title', 'an article without a title'))[:60]!r}"
                do = "give every paragraph its context"
                raise DataError("a context", came, do, file=source.name, row=count + 1, column="context")
            beside = {key: value for key, value in paragraph.items() if key != "qas"}
            for asked in paragraph.get("qas") or []:
                count += 1
                if not isinstance(asked, dict):
                    raise DataError("a question as {…}", _shown(asked), "mend it", file=source.name, row=count)
                yield {**around, **beside, **asked}
