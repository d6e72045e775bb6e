"""The sample data sets that come with labkit, as shipped (with planted defects) or tidy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labkit._places import bundled
from labkit.data._corpus import Corpus, LayoutName
from labkit.data._layouts.spans import Span, spans_to_tags, word_spans
from labkit.data._read import read
from labkit.errors import UnknownName

_LAYOUTS: dict[str, LayoutName] = {
    "ner": "spans",
    "qa": "answers",
    "assistant": "texts",
    "garden": "texts",
    "phrasebook": "pairs",
    "meetings": "pairs",
}  # of the others: "labels"


def samples(layout: LayoutName | None = None) -> list[str]:
    """Names of the sample data sets.

    Args:
        layout: those of that layout only; None: all.
    """
    names = sorted(path.name for path in bundled("samples").iterdir() if (path / "defects.jsonl").is_file())
    return [name for name in names if layout in (None, sample_layout(name))]


def sample_layout(name: str) -> LayoutName:
    """The layout in which ``read`` understands a sample data set."""
    return _LAYOUTS.get(name, "labels")


def sample_path(name: str) -> Path:
    """The folder of a sample data set: train and test file, card, list of planted defects.

    Raises:
        UnknownName: no such sample.
    """
    if name not in samples():
        raise UnknownName("sample data set", name, samples())
    return bundled("samples") / name


def sample(name: str, *, tidy: bool = False) -> Corpus:
    """Read a sample data set.

    Args:
        name: one of ``samples()``.
        tidy: whether to mend the planted defects first: wrong labels and broken encodings are put right, near-duplicates
            and the rows that leaked into the test split are taken out.

    Raises:
        UnknownName: no such sample.
    """
    layout = sample_layout(name)
    corpus = read(sample_path(name), layout=layout)
    if not tidy:
        return corpus
    planted = {entry["id"]: entry for entry in defects(name)}
    columns = {corpus.config.text: "text", (*corpus.config.label, "")[0]: "label"}
    pair = "text_pair" if corpus.paired else None
    tables: dict[str, list[dict[str, Any]]] = {}
    for split, rows in corpus.splits.items():
        tables[split] = []
        for row in rows:
            entry = planted.get(row["row_id"], {})
            if "of" in entry:
                continue
            row = _AS_SOURCE[layout](row)
            if entry:
                row = {**row, columns[entry["field"]]: entry["tidy"]}
            tables[split].append(row)
    return read(
        tables, text="text", text_pair=pair, label="label" if corpus.config.label else None, id="row_id", layout=layout
    )


def _tagged(row: dict[str, Any]) -> dict[str, Any]:
    """A row as it was before its tokens and tags became a text with spans."""
    words = row["words"]
    spans = word_spans([Span(**span) for span in row["spans"]], words)
    kept = {key: value for key, value in row.items() if key not in ("spans", "words", "broken_tags")}
    tokens = [row["text"][start:end] for start, end in zip(words[::2], words[1::2], strict=True)]
    return {**kept, "text": tokens, "label": spans_to_tags(spans, len(tokens))}


def _asked(row: dict[str, Any]) -> dict[str, Any]:
    """A row as it was before its answers were read, without what the defects have made of it."""
    gone = ("answers", "label", "moved_answers", "is_impossible", "plausible_answers")
    return {**{key: value for key, value in row.items() if key not in gone}, "label": row["answers"]}


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A row of texts to learn as it was before the last answer of a conversation was set apart."""
    kept = {key: value for key, value in row.items() if key not in ("target", "messages")}
    return {**kept, "text": row["messages"]} if "messages" in row else kept


def _written(row: dict[str, Any]) -> dict[str, Any]:
    """A row as it was before its target got its name."""
    return {**{key: value for key, value in row.items() if key != "target"}, "label": row["target"]}


_AS_SOURCE: dict[LayoutName, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "labels": dict,
    "spans": _tagged,
    "answers": _asked,
    "texts": _told,
    "pairs": _written,
}


def defects(name: str) -> list[dict[str, Any]]:
    """What was planted in a sample, a dictionary a defect.

    Each has "id" and "split" of the row and its "kind": "wrong_label" and "broken_encoding" with the "field" concerned
    and its "shipped" and "tidy" value, "near_duplicate" and "leak" with "of", the id of the training row it repeats. In the
    sample "ner" the kinds with a "shipped" and "tidy" list of tags are "wrong_type", "wrong_boundary", "missed_entity" and
    "impossible_tags"; in "qa" those with lists of answers are "wrong_offset", "text_mismatch" and "false_impossible", and
    "duplicate" has "of". In "phrasebook" and "meetings", with texts, they are "misaligned", "wrong_language", "empty_side",
    "copied_source", "other_summary", "truncated_notes", "empty_summary" and "copied_notes", and "exact_duplicate" has "of".

    In "entailment" a "label_spelling" is a label in other case or with a space behind it, and "duplicate" has "of".

    In "assistant" those with lists of messages are "wrong_roles", "empty_response" and "contradiction", and
    "exact_duplicate" and "conflicting_response" have "of"; "garden" has none.

    Raises:
        UnknownName: no such sample.
    """
    # splitlines() would also cut at line separators that a text may contain, such as U+2028
    lines = (sample_path(name) / "defects.jsonl").read_text("utf-8").split("\n")
    return [json.loads(line) for line in lines if line]
