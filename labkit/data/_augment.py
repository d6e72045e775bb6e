"""More training rows made of those that are there: words changed, labels moved along."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from labkit.data._corpus import Corpus
from labkit.data._scan import done, grown, require_train
from labkit.errors import DataError, UnknownName

METHODS = ("typos", "delete", "swap", "substitute", "back_translate")
"""Ways to change a text. "typos": letters left out, doubled, swapped or hit beside their key, in words of four letters or more;
"delete": words left out; "swap": neighbouring words change places (both as Wei and Zou 2019, EDA, arXiv:1901.11196);
"substitute": words that a masked language model would also put there (Kobayashi 2018, arXiv:1805.06201); "back_translate": the
text translated and translated back (Sennrich, Haddow and Birch 2016, arXiv:1511.06709)."""

Fill = Callable[[Sequence[str], Sequence[Sequence[tuple[int, int]]]], Sequence[Sequence[str]]]
"""Texts and, for each, stretches to replace → what to put there."""
Translate = Callable[[Sequence[str]], Sequence[str]]
"""Texts → the same, translated and translated back."""

_PIECE = re.compile(r"\S+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NEAR = {
    "a": "qs", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk", "k": "jl",
    "l": "ko", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb",
    "w": "qe", "x": "zc", "y": "tu", "z": "xa",
}  # fmt: skip


class Edit(NamedTuple):
    """A stretch of a text, and what comes in its place."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, kw_only=True)
class Augmented:
    """A row before and after.

    Attributes:
        method: that changed it.
        before, after: its text; of a question the context.
        marked: stretches of ``after`` with a label or an answer: start, end, label.
    """

    method: str
    before: str
    after: str
    marked: tuple[tuple[int, int, str], ...] = ()


class AugmentedRows(list[Augmented]):
    """Rows side by side with what became of them; a notebook shows a table."""

    def _repr_html_(self) -> str:
        rows = [
            f"<tr><td>{html.escape(one.method)}</td><td>{html.escape(one.before)}</td><td>{_marked(one)}</td></tr>"
            for one in self
        ]
        head = "<tr><th>method</th><th>before</th><th>after</th></tr>"
        return f'<table style="text-align:left">{head}{"".join(rows)}</table>'


def augment(
    corpus: Corpus,
    methods: Sequence[str],
    *,
    copies: int = 1,
    share: float = 0.1,
    seed: int | None = None,
    fill: Fill | None = None,
    translate: Translate | None = None,
) -> Corpus:
    """Add changed copies of the training rows. Validation and test stay as they are.

    Marked stretches move along: entities and answers get typos, but no word of them is left out, replaced or moved. Of a
    translation the source is changed, of a question its context.

    Args:
        corpus: split already, not augmented yet.
        methods: names from ``METHODS``; a copy takes one, in turn.
        copies: changed copies of each row.
        share: of the words that are changed, at least one.
        seed: of the changes; by default that of the split, which the recipe records for both.
        fill: for "substitute".
        translate: for "back_translate".

    Raises:
        UnknownName: no such method.
        DataError: no split yet, augmented already, running text or chats, a method without what it needs, or one that would
            lose marked stretches.
    """
    _require(corpus, methods, copies, share, fill, translate)
    if len(corpus.splits) < 2:
        raise DataError(
            "a validation or test split before augmenting",
            "only train",
            "call split() first, or copies land on both sides",
        )
    if later := done(corpus, "augment", "name_classes"):
        raise DataError("a corpus that is not augmented yet", f"one after {later}()")
    from datasets import Dataset

    seed = corpus.config.split_seed if seed is None else seed
    train = corpus["train"]
    table = train.to_dict()
    assert isinstance(table, dict)
    changed: dict[str, list[Any]] = {name: [] for name in train.column_names}
    for copy in range(copies):
        for place, method in enumerate(methods):
            rows = list(range((place + copy) % len(methods), len(train), len(methods)))
            column, marked = _columns(corpus, table, rows)
            made = _change([table[column][row] for row in rows], marked, method, share, (seed, copy), fill, translate)
            for row, one in zip(rows, made, strict=True):
                if one is None:
                    continue
                text, spans, edits = one
                for name in changed:
                    changed[name].append(table[name][row])
                changed["row_id"][-1] = f"{table['row_id'][row]}~{copy + 1}"
                changed[column][-1] = text
                if corpus.config.layout in ("spans", "answers"):
                    _put(changed, corpus.config.layout, text, spans)
                if changed.get("words") and changed["words"][-1] is not None:
                    changed["words"][-1] = _moved_words(changed["words"][-1], edits, text)
    more = Dataset.from_dict(changed, features=train.features)
    told = f"Added {len(more):,} changed copies of rows of train ({', '.join(methods)}), seed {seed}."
    settings: dict[str, Any] = {
        "augment": tuple(methods),
        "augment_copies": copies,
        "augment_share": share,
        "split_seed": seed,
    }
    return grown(corpus, more, "augment", told, **settings)


def preview_augmentation(
    corpus: Corpus,
    methods: Sequence[str] = ("typos", "delete", "swap"),
    *,
    rows: int = 5,
    share: float = 0.1,
    seed: int = 0,
    fill: Fill | None = None,
    translate: Translate | None = None,
) -> AugmentedRows:
    """Some training rows beside what each method makes of them; the corpus stays as it is.

    Args:
        corpus: with training rows.
        methods: names from ``METHODS``.
        rows: how many of each method.
        share, seed, fill, translate: as for ``augment``.

    Raises:
        UnknownName, DataError: as for ``augment``.
    """
    _require(corpus, methods, 1, share, fill, translate)
    train = corpus["train"]
    chosen = np.random.default_rng(seed).permutation(len(train))[:rows].tolist()
    table = train.select(chosen).to_dict()
    assert isinstance(table, dict)
    column, marked = _columns(corpus, table, range(len(chosen)))
    found = AugmentedRows()
    for method in methods:
        made = _change(table[column], marked, method, share, (seed, 0), fill, translate)
        for before, one in zip(table[column], made, strict=True):
            if one is not None:
                found.append(Augmented(method=method, before=before, after=one[0], marked=tuple(one[1])))
    return found


def moved(edits: Sequence[Edit], start: int, end: int) -> tuple[int, int]:
    """Where a stretch lies after edits, none of which reaches across its ends."""
    before = sum(len(edit.new) - (edit.end - edit.start) for edit in edits if edit.end <= start)
    inside = sum(len(edit.new) - (edit.end - edit.start) for edit in edits if edit.start >= start and edit.end <= end)
    return start + before, end + before + inside


def _moved_words(words: Sequence[int], edits: Sequence[Edit], text: str) -> list[int]:
    """Where the words of a row lie after edits, start and end of each in one list: words that no edit touches move along, what
    came in the place of others is split at spaces, and what is gone is left out.

    Args:
        words: start and end of each word before, from the beginning of the text.
        edits: from the beginning of the text.
        text: after them.
    """
    parts = [[start, end, 1] for start, end in zip(words[::2], words[1::2], strict=True)]
    for start, end in ((edit.start, edit.end) for edit in edits):  # words that an edit touches are one part with it
        touched = [part for part in parts if part[0] < end and part[1] > start]
        rest = [part for part in parts if part not in touched]
        whole = [min([start, *(part[0] for part in touched)]), max([end, *(part[1] for part in touched)])]
        parts = sorted([*rest, [*whole, sum(part[2] for part in touched)]])
    found: list[int] = []
    for start, end, count in parts:
        first, last = moved(edits, start, end)
        if count == 1 and text[first:last].strip():
            trimmed = text[first:last]
            first += len(trimmed) - len(trimmed.lstrip())
            found += [first, first + len(trimmed.strip())]
        else:
            found += [first + at for match in _PIECE.finditer(text[first:last]) for at in match.span()]
    return found


def _require(
    corpus: Corpus, methods: Sequence[str], copies: int, share: float, fill: Fill | None, translate: Translate | None
) -> None:
    require_train(corpus, "augment")
    for method in methods:
        if method not in METHODS:
            raise UnknownName("way to augment", method, METHODS)
    if not methods or copies < 1 or not 0 < share <= 1:
        raise DataError("a method, one copy at least, and a share above 0", f"{list(methods)}, {copies}, {share}")
    layout = corpus.config.layout
    if layout == "texts":
        raise DataError("rows with labels, answers or translations", "running text or chats", "add more text instead")
    for method, needed, do in (
        ("substitute", fill, "name a masked model in data.augment_model, or give fill"),
        ("back_translate", translate, "name two translation runs in data.augment_translators, or give translate"),
    ):
        if method in methods and needed is None:
            raise DataError(f"what the method {method!r} needs", "nothing", do)
    if "back_translate" in methods and layout in ("spans", "answers"):
        raise DataError(
            "a method that keeps marked stretches", "back_translate", "leave it out: entities would get lost"
        )


def _columns(
    corpus: Corpus, table: Mapping[str, list[Any]], rows: Sequence[int]
) -> tuple[str, list[list[tuple[int, int, str]]]]:
    """The column that is changed, and the marked stretches of each row's text."""
    layout = corpus.config.layout
    if layout == "spans":
        return "text", [[(one["start"], one["end"], one["label"]) for one in table["spans"][row] or ()] for row in rows]
    if layout == "answers":
        return "text_pair", [
            [(one["start"], one["start"] + len(one["text"]), "answer") for one in table["answers"][row] or ()]
            for row in rows
        ]
    return "text", [[] for _ in rows]


def _put(changed: dict[str, list[Any]], layout: str, text: str, marked: Sequence[tuple[int, int, str]]) -> None:
    name = "spans" if layout == "spans" else "answers"
    if changed[name][-1] is None:
        return
    changed[name][-1] = (
        [{"start": start, "end": end, "label": label} for start, end, label in marked]
        if layout == "spans"
        else [{"start": start, "text": text[start:end]} for start, end, _ in marked]
    )


def _change(
    texts: Sequence[str],
    marked: Sequence[Sequence[tuple[int, int, str]]],
    method: str,
    share: float,
    seed: tuple[int, int],
    fill: Fill | None,
    translate: Translate | None,
) -> list[tuple[str, list[tuple[int, int, str]], list[Edit]] | None]:
    """Each text changed, with its marked stretches moved along, and how; None where nothing could be changed."""
    if method == "back_translate":
        assert translate is not None
        return [
            (new, [], []) if new.strip() and new != old else None
            for old, new in zip(texts, translate(list(texts)), strict=True)
        ]
    edits: list[list[Edit]] = []
    for i, (text, spans) in enumerate(zip(texts, marked, strict=True)):
        random = np.random.default_rng((*seed, METHODS.index(method), i, len(text)))
        edits.append(_edits(text, spans, method, share, random))
    if method == "substitute":
        assert fill is not None
        asked = [[(edit.start, edit.end) for edit in some] for some in edits]
        words = fill(texts, asked)
        edits = [
            [Edit(start, end, word) for (start, end), word in zip(places, new, strict=True)]
            for places, new in zip(asked, words, strict=True)
        ]
    found: list[tuple[str, list[tuple[int, int, str]], list[Edit]] | None] = []
    for text, spans, some in zip(texts, marked, edits, strict=True):
        new, last = "", 0
        for edit in some:
            new += text[last : edit.start] + edit.new
            last = edit.end
        new += text[last:]
        if new == text or not new.strip():
            found.append(None)
        else:
            found.append((new, [(*moved(some, start, end), label) for start, end, label in spans], some))
    return found


def _edits(
    text: str, spans: Sequence[tuple[int, int, str]], method: str, share: float, random: np.random.Generator
) -> list[Edit]:
    """What is done to a text, from its beginning to its end; nothing reaches across the end of a marked stretch."""
    words = [(match.start(), match.end()) for match in _WORD.finditer(text)]

    def apart(start: int, end: int) -> bool:
        return all(end <= first or start >= last for first, last, _ in spans)

    def whole(start: int, end: int) -> bool:
        """Outside of every marked stretch, or inside."""
        return all(end <= first or start >= last or (first <= start and end <= last) for first, last, _ in spans)

    if method == "typos":
        able = [word for word in words if word[1] - word[0] >= 4 and whole(*word)]
    elif method == "swap":
        pairs = [(a, b) for a, b in itertools.pairwise(words) if text[a[1] : b[0]] == " " and apart(a[0], b[1])]
        chosen: list[tuple[tuple[int, int], tuple[int, int]]] = []
        for i in random.permutation(len(pairs))[: max(1, round(share * len(words)))].tolist():
            if all(pairs[i][0][0] >= b[1] or pairs[i][1][1] <= a[0] for a, b in chosen):
                chosen.append(pairs[i])
        return [
            Edit(a[0], b[1], f"{text[b[0] : b[1]]} {text[a[0] : a[1]]}")
            for a, b in sorted(chosen)
            if text[a[0] : a[1]] != text[b[0] : b[1]]
        ]
    else:
        able = [word for word in words if apart(*word)]
    count = max(1, round(share * len(words)))
    if method == "delete":
        count = min(count, len(words) - 1)  # a word stays
    chosen_words = sorted(able[i] for i in random.permutation(len(able))[: max(0, count)].tolist())
    if method == "typos":
        return [Edit(start, end, _mistyped(text[start:end], random)) for start, end in chosen_words]
    if method == "delete":
        found = []
        for start, end in chosen_words:
            after = end + 1 if text[end : end + 1] == " " and apart(start, end + 1) else end
            found.append(Edit(start, after, ""))
        return found
    return [Edit(start, end, "") for start, end in chosen_words]  # to be filled


def _mistyped(word: str, random: np.random.Generator) -> str:
    at = int(random.integers(1, len(word) - 1))
    kind = int(random.integers(4))
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at] + word[at:]
    near = _NEAR.get(word[at].lower(), "")
    if kind == 2 and near:
        key = near[int(random.integers(len(near)))]
        return word[:at] + (key.upper() if word[at].isupper() else key) + word[at + 1 :]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _marked(one: Augmented) -> str:
    """The changed text with its marked stretches, as HTML."""
    made, last = "", 0
    for start, end, label in sorted(one.marked):
        if start < last:
            continue  # overlaps the one before
        made += html.escape(one.after[last:start])
        made += f'<mark title="{html.escape(label, quote=True)}">{html.escape(one.after[start:end])}</mark>'
        last = end
    return made + html.escape(one.after[last:])
