"""What the data inspector says to its browser half, as plain values: rows, counts, tokens, findings; and its filters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit import models, tasks
from labkit.data import Corpus, DataReport, Facets, Query, Table
from labkit.errors import LabError, UnknownName

FIELDS = ("search", "regex", "case", "columns", "labels", "splits", "length", "where")
"""Fields of a query that are filters under the same name."""
FILTERS = (*FIELDS, "rows", "finding", "similar")

LISTED = ("row_id", "split", "label", "length", "length_ratio", "text", "text_pair", "target", "answers")
"""Columns that the list always shows, where there are such."""
EXTRA = 2
"""Further columns that it shows, because they are filtered or sorted by."""
SIMILAR = 20

_TEXT = 300  # characters of a text in the list
_CELL = 60  # of another column
_WHOLE = 20_000  # of a text that is shown in full
_TURNS = 200  # of a conversation
_TOKENS = 1_500
_ASSUMED = 512  # tokens, where the tokenizer states no limit; as in ``check``
_SANE = 100_000
ENDLESS = 10**9
"""Tokens of an input to which nothing is cut."""


def require_model(name: str) -> None:
    """Raise unless it is a model of the catalogue, a hub id or a folder.

    Raises:
        LabError: it is none of them.
    """
    try:
        models.find(name)
    except UnknownName:
        if name.count("/") != 1 or name.startswith((".", "/", "~")) or Path(name).expanduser().exists():
            models.resolve(name)


# --- filters ------------------------------------------------------------------------------------------------------------------


def sound(filters: Mapping[str, Any]) -> dict[str, Any]:
    """The filters as plain lists, strings and numbers, without the empty ones.

    Raises:
        UnknownName: a filter that there is not.
        LabError: a value of the wrong kind.
    """
    for name in filters:
        if name not in FILTERS:
            raise UnknownName("filter", name, FILTERS)
    for name in ("finding", "similar"):
        if not isinstance(filters.get(name) or "", str):
            raise LabError(f"a string as {name!r}", repr(filters[name])[:60])
    given = {name: value for name, value in filters.items() if name in FIELDS and value is not None}
    found = Query(**given).to_dict()
    found |= {name: filters[name] for name in ("finding", "similar") if filters.get(name)}
    return found | ({"rows": filters["rows"]} if filters.get("rows") is not None else {})


def order_of(sort: str | Sequence[Any] | None) -> list[list[str]]:
    """A column, or pairs of column and direction, as a list of pairs.

    Raises:
        LabError: something else.
    """
    pairs: Sequence[Any] = [(sort, "ascending")] if isinstance(sort, str) else sort or ()
    return [list(pair) for pair in Query(sort=tuple(pairs)).sort]


def still(
    filters: Mapping[str, Any], sort: Sequence[Sequence[str]], table: Table
) -> tuple[dict[str, Any], list[list[str]]]:
    """What of filters and order holds for another table: one that was repaired, or other data."""
    kept = {name: value for name, value in filters.items() if name not in ("finding", "similar", "rows")}
    for name, known in (("labels", {*table.labels, ""}), ("splits", {*table.splits}), ("columns", {*table.columns})):
        kept[name] = [one for one in kept.get(name, ()) if one in known]
    kept["where"] = [one for one in kept.get("where", ()) if one[0] in table.columns]
    return sound(kept), [list(pair) for pair in sort if pair[0] in table.columns]


# --- rows and counts ----------------------------------------------------------------------------------------------------------


def columns_of(corpus: Corpus, table: Table) -> list[list[str]]:
    """Name and title of the columns in which the list shows what a row says."""
    layout = corpus.config.layout
    if layout == "answers":
        return [["text", "Question"], ["answers", "Answer"], ["text_pair", "Context"]]
    if layout == "labels" or len(table.texts) == 1:
        return [[name, title] for name, title in zip(table.texts, ("Text", "Second text"), strict=False)]
    titles = ("Source", "Target") if layout == "pairs" else ("Prompt", "Completion")
    return [[name, title] for name, title in zip(table.texts, titles, strict=True)]


def listed(
    row: Mapping[str, Any],
    columns: Sequence[Sequence[str]],
    extra: Sequence[str],
    marks: npt.NDArray[np.bool_],
    scores: Mapping[str, float],
) -> dict[str, Any]:
    """A row of the list."""
    return {
        "id": row["row_id"],
        "split": row["split"],
        "labels": labels_of(row),
        "length": row["length"],
        "ratio": row.get("length_ratio"),
        "cells": cells_of(row, columns),
        "extra": [_short(row.get(name)) for name in extra],
        "selected": bool(marks[row["position"]]),
        "score": scores.get(row["row_id"]),
    }


def cells_of(row: Mapping[str, Any], columns: Sequence[Sequence[str]], most: int = _TEXT) -> list[str | None]:
    """What a row says, column by column; None where nothing is known."""
    found: list[str | None] = []
    for name, *_ in columns:
        value = row.get(name)
        if name == "answers":
            answers = _answers(value)
            value = " · ".join(one["text"] for one in answers) if answers else None  # its label says which of the two
        found.append(None if value is None else str(value)[:most])
    return found


def labels_of(row: Mapping[str, Any]) -> list[str]:
    """The labels of a row; none where it has none. A score is shown as one."""
    label = row.get("label")
    if label is None or isinstance(label, str):
        return [] if label is None else [label]
    return [f"{label:g}"] if isinstance(label, int | float) else [one for one in label if one is not None]


def detail_of(row: Mapping[str, Any], columns: Sequence[Sequence[str]]) -> dict[str, Any]:
    """A row in full: its texts with what is marked in them, the turns of a conversation, and every other column."""
    turns = [dict(one) for one in row.get("messages") or ()]
    marks = {"text": row.get("spans") or []}
    answers = _answers(row.get("answers"))
    if answers is not None:
        marks["text_pair"] = [
            {"start": one["start"], "end": one["start"] + len(one["text"]), "label": "answer"} for one in answers
        ]
    texts = []
    for name, title in columns:
        if name != "answers" and not turns:
            text = str(row[name] or "")
            inside = [mark for mark in marks.get(name, ()) if mark["end"] <= _WHOLE]
            cut = max(0, len(text) - _WHOLE)
            empty = row[name] is None
            texts.append(
                {"name": name, "title": title, "text": text[:_WHOLE], "cut": cut, "marks": inside, "empty": empty}
            )
    own = {"position", "cut", "spans", *LISTED, *(("messages",) if turns else ())}
    return {
        "id": row["row_id"],
        "split": row["split"],
        "labels": labels_of(row),
        "length": row["length"],
        "ratio": row.get("length_ratio"),
        "texts": texts,
        "answers": None if answers is None else [one["text"] for one in answers],
        "turns": [{**turn, "content": str(turn["content"] or "")[:_WHOLE]} for turn in turns[:_TURNS]],
        "more_turns": max(0, len(turns) - _TURNS),
        "columns": [[name, _short(value, 2000)] for name, value in row.items() if name not in own],
    }


def _answers(value: Any) -> list[dict[str, Any]] | None:
    """The answers in a cell; those of a page may have come as JSON, cut off somewhere."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return [{"start": 0, "text": value}]
    return None if value is None else [dict(one) for one in value]


def _short(value: Any, most: int = _CELL) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else text[: most - 1] + "…"


def facets_of(every: Facets, now: Facets) -> dict[str, Any]:
    """Counts of all rows beside the counts of those that pass the other filters."""
    by_size = sorted(every.labels, key=lambda label: (label == "", -every.labels[label]))
    return {
        "labels": [[label, every.labels[label], now.labels.get(label, 0)] for label in by_size if every.labels[label]],
        "splits": [[split, count, now.splits.get(split, 0)] for split, count in every.splits.items()],
        "lengths": {"every": list(every.lengths.counts), **asdict(now.lengths)},
    }


def about_of(corpus: Corpus, table: Table, undo: int) -> dict[str, Any]:
    """What the data is, and what was done to it."""
    layout = corpus.config.layout
    several = {"spans": "Types of entities", "answers": "Questions"}
    return {
        "rows": len(table),
        "splits": list(table.splits),
        "columns": list(table.columns),
        "layout": layout,
        "texts": columns_of(corpus, table),
        "labels": list(corpus.labels),
        "facet": several.get(layout) or ("Labels" if corpus.multi_label else "Classes"),
        "what": _what(corpus, table),
        "steps": [{"name": s.name, "rows": sum(s.counts.values()), "text": s.text} for s in corpus.steps],
        "undo": undo,
    }


def _what(corpus: Corpus, table: Table) -> str:
    """What the rows are, in a few words."""
    layout, count = corpus.config.layout, len(corpus.labels)
    if layout == "texts":
        chats = "messages" in table.columns
        return "conversations" if chats else "prompts with completions" if len(table.texts) > 1 else "running texts"
    if layout == "pairs":
        return "sources with targets" if len(table.texts) > 1 else "sources without targets"
    if corpus.scores:
        return "texts with scores"
    if layout == "answers":
        return "questions with contexts" if count else "questions without answers"
    kind = ("type of entity", "types of entities") if layout == "spans" else ("label", "labels")
    kind = ("class", "classes") if layout == "labels" and not corpus.multi_label else kind
    return f"{count:,} {kind[count != 1]}" if count else "no labels"


# --- tokens -------------------------------------------------------------------------------------------------------------------


def reads(tokenizer: Any) -> int:
    """Tokens that the model of a tokenizer reads at most, special ones included."""
    stated = getattr(tokenizer, "model_max_length", None)
    return int(stated) if stated is not None and 0 < stated < _SANE else _ASSUMED


def reading(corpus: Corpus, table: Table) -> str:
    """What becomes of a text that is longer than an input: "windows" (it is read in several), "prompt" (the beginning of what
    was asked is left out) or "end" (its end is cut off)."""
    layout = corpus.config.layout
    if layout == "texts":
        return "prompt" if len(table.texts) > 1 else "windows"
    return "windows" if layout in ("spans", "answers") else "end"


def tokens_of(tokens: Sequence[Mapping[str, Any]], texts: Mapping[str, str]) -> dict[str, Any]:
    """The texts in pieces, for drawing, and how many tokens there are of each kind.

    Args:
        tokens: as ``Table.tokens`` gives them.
        texts: column → text, whole.

    Returns:
        ``pieces``: [column, text, token, kind], where the kind is "gap" (between tokens), "special", "unknown", "beyond" or
        "token"; those of the first 1,500 tokens. ``count``, ``beyond`` and ``unknown``: of all.
    """

    def kind(token: Mapping[str, Any]) -> str:
        return (
            "beyond"
            if token["beyond"]
            else "unknown"
            if token["unknown"]
            else "special"
            if token["special"]
            else "token"
        )

    pieces: list[list[str]] = []
    at: dict[str, int] = dict.fromkeys(texts, 0)
    for token in tokens[:_TOKENS]:
        column, start, end = token["column"], token["start"], token["end"]
        if start is None:
            pieces.append([column, "" if token["special"] else token["token"], token["token"], kind(token)])
            continue
        if start > at[column]:
            pieces.append([column, texts[column][at[column] : start], "", "gap"])
        start = max(start, at[column])  # several tokens of one character, such as the bytes of an emoji
        pieces.append([column, texts[column][start:end], token["token"], kind(token)])
        at[column] = max(end, at[column])
    return {
        "pieces": pieces,
        "count": len(tokens),
        "beyond": sum(bool(token["beyond"]) for token in tokens),
        "unknown": sum(bool(token["unknown"]) for token in tokens),
        "shown": min(len(tokens), _TOKENS),
    }


# --- findings -----------------------------------------------------------------------------------------------------------------


def findings_of(report: DataReport, corpus: Corpus, task: str) -> list[dict[str, Any]]:
    """The findings without their rows, and before them what keeps the data from being trained on."""
    problems = tasks.get(task).problems(corpus)
    return [
        *({**_PROBLEM, "text": problem} for problem in problems),
        *(
            {
                "name": found.name,
                "severity": found.severity,
                "count": found.count,
                "unit": found.unit,
                "text": found.text,
                "call": found.repair,
                "repair": found.repair_name,
                "safe": found.repair_name in report.repairs,
                "rows": len(found.row_ids),
                "of": sum(found.splits.values()),
            }
            for found in report.findings
        ),
    ]


_PROBLEM = {
    "name": "not_trainable",
    "severity": "error",
    "count": 0,
    "unit": "",
    "call": "",
    "repair": "",
    "safe": False,
    "rows": 0,
    "of": 0,
}
