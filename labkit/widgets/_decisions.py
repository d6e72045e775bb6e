"""What a person decides on a row, in each mode of the labeler: checked for the journal, held against the row, put in words.

No widget: ``Labelling`` and ``Labeler`` use it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from labkit.data import Corpus
from labkit.data._corpus import LayoutName
from labkit.data._journals.answers import answer_cells, fitted_answers
from labkit.data._journals.spans import fitted, span_cells
from labkit.data._journals.targets import target_column
from labkit.data._layouts.answers import label_of
from labkit.data._texts import is_empty
from labkit.errors import LabError

MODES = ("single", "multi", "spans", "answers", "text")
LAYOUTS: Mapping[str, tuple[LayoutName, ...]] = {
    "single": ("labels",),
    "multi": ("labels",),
    "spans": ("spans", "labels"),
    "answers": ("answers",),
    "text": ("pairs", "texts"),
}
"""The layouts in which each mode labels; a path is read in the first one."""
_WANTED = {
    "single": "a label",
    "multi": "a list of labels",
    "spans": 'a list of {"start", "end", "label"}',
    "answers": 'a list of {"start", "text"}',
    "text": "a text",
}
_NO_ANSWER = "no answer"


class Kind(NamedTuple):
    """What is decided.

    Attributes:
        field: of the journal.
        counted: column of the text that is labelled, and that positions count the characters of; "" for none.
        beside: column of what stands above or beside it; "" for none.
        own: column with the file's own value; "" where it has none.
        fits: a value of the journal as it holds for the text of a row, None where it does not fit any more; None: all fit.
        unfit: ids of rows whose value does not fit, of many.
    """

    field: str
    counted: str
    beside: str
    own: str
    fits: Callable[[Any, str], Any] | None = None
    unfit: Callable[[Mapping[str, Any], Corpus], Sequence[str]] = lambda decided, corpus: ()


def kind_of(mode: str, corpus: Corpus) -> Kind:
    """What is decided on the rows of a corpus in a mode."""
    names = {name for rows in corpus.splits.values() for name in rows.column_names}
    pair = "text_pair" if "text_pair" in names else ""
    if mode == "answers":
        return Kind(
            field="answers",
            counted="text_pair",
            beside="text",
            own="answers",
            fits=fitted_answers,
            unfit=lambda decided, corpus: answer_cells(decided, corpus)[1],
        )
    if mode == "text":
        column = target_column(corpus)
        own = column if column in names else ""
        return Kind(field="target", counted="" if column == "text" else "text", beside="", own=own)
    if mode == "spans" and corpus.config.layout == "spans":
        return Kind(
            field="spans",
            counted="text",
            beside="",
            own="spans",
            fits=fitted,
            unfit=lambda decided, corpus: span_cells(decided, corpus)[1],
        )
    field = "spans" if mode == "spans" else "label"
    return Kind(field=field, counted="text", beside=pair, own=field if field in names else "")


def mode_of(corpus: Corpus, decided: Mapping[str, Any]) -> str:
    """The mode that suits a corpus.

    Args:
        corpus: the data.
        decided: row id → spans, of the journal.
    """
    layout = corpus.config.layout
    if layout != "labels":
        return next(mode for mode, layouts in LAYOUTS.items() if layouts[0] == layout or layout in layouts)
    if corpus.multi_label:
        return "multi"
    have = any("spans" in rows.column_names for rows in corpus.splits.values())
    return "spans" if (have or decided) and not corpus.labelled else "single"


def require_fit(mode: str, corpus: Corpus) -> None:
    """Make sure that a mode and a corpus fit together.

    Raises:
        LabError: they do not.
    """
    layout = corpus.config.layout
    if corpus.scores:
        do = "read the data with scores=False to label it with classes"
        raise LabError("a corpus with classes", "one with scores, which cannot be given here yet", do)
    if layout in LAYOUTS[mode]:
        return
    modes = " or ".join(repr(name) for name, layouts in LAYOUTS.items() if layout in layouts)
    do = f"leave it out, or read the data with layout={LAYOUTS[mode][0]!r}"
    raise LabError(f"mode {modes} for a corpus of layout {layout!r}", repr(mode), do)


def checked(value: Any, mode: str, text: str) -> Any:
    """A value for the journal.

    Args:
        value: as it was given.
        mode: of the labeler.
        text: of the row, that positions count the characters of.

    Raises:
        LabError: it is of another kind, or does not fit the text.
    """
    if value is None:
        return None
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    if not (isinstance(value, str) if mode in ("single", "text") else listed):
        raise LabError(f"{_WANTED[mode]} in mode {mode!r}", repr(value)[:80])
    if mode == "spans":
        return checked_spans(value, text)
    if mode == "answers":
        return checked_answers(value, text)
    if mode == "text" and is_empty(value):
        raise LabError("a text with something to read", "nothing", "write one, skip the row, or leave it out")
    return value if isinstance(value, str) else list(dict.fromkeys(map(str, value)))


def checked_spans(given: Sequence[Any], text: str) -> list[dict[str, Any]]:
    """Spans in their order, for the journal, each with the words that it marks: where the text changes, they tell.

    Raises:
        LabError: something that is no span, or lies outside the text.
    """
    spans = []
    for one in given:
        start, end, label = (
            (one.get(name) for name in ("start", "end", "label")) if isinstance(one, dict) else (0, 0, 0)
        )
        if not (type(start) is int and type(end) is int and isinstance(label, str) and label.strip()):
            raise LabError('spans as {"start", "end", "label"}', repr(one)[:80])
        if not 0 <= start < end <= len(text):
            raise LabError(f"a span inside the {len(text):,} characters of the text", f"{start} to {end}")
        spans.append({"start": start, "end": end, "label": label, "text": text[start:end]})
    return sorted(spans, key=lambda span: (span["start"], span["end"], span["label"]))


def checked_answers(given: Sequence[Any], context: str) -> list[dict[str, Any]]:
    """Answers for the journal, each once, in the order given.

    Raises:
        LabError: something that is no answer, or does not stand in the context.
    """
    for one in given:
        if not isinstance(one, Mapping) or type(one.get("start")) is not int or not isinstance(one.get("text"), str):
            raise LabError('answers as {"start", "text"}', repr(one)[:80])
        if fitted_answers([one], context) is None:
            came = f"{one['text'][:60]!r} at {one['start']:,}, where something else stands"
            raise LabError("an answer that stands in the context", came, "count its start in characters of the context")
    return fitted_answers(given, context) or []


def label_names(value: Any, field: str = "label") -> list[str]:
    """The labels in a value of the journal: those that can be counted and chosen from."""
    if field == "target" or value is None:
        return []
    if field == "answers":
        return label_of(value) or []
    if isinstance(value, str):
        return [value]
    return [one["label"] if isinstance(one, Mapping) else one for one in value]


def in_words(value: Any) -> str:
    """A value as a person reads it."""
    if not isinstance(value, list):
        return "" if value is None else str(value)
    return ", ".join(one if isinstance(one, str) else str(one.get("label", one.get("text", ""))) for one in value)


def answers_in_words(value: Any) -> str:
    """Answers as a person reads them."""
    return _NO_ANSWER if value == [] else in_words(value)
