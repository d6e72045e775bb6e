"""Which columns hold the question, its context and the answers: by name and by shape, with the reasons said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from labkit.data._columns import Choice, Profile, find_id
from labkit.errors import DataError, UnknownName, quoted

_QUESTIONS = ("question", "query", "questions", "question_text", "text", "prompt")
_CONTEXTS = (
    "context",
    "passage",
    "paragraph",
    "text_pair",
    "document",
    "article",
    "contexts",
    "passage_text",
    "body",
    "text",
)
_ANSWERS = ("answers", "answer", "answer_text", "label", "gold_answers")
_STARTS = ("answer_start", "answer_starts", "answers_start", "start", "starts")
_IMPOSSIBLE = ("is_impossible", "impossible", "unanswerable")
_NO_TEXTS = ("title", "id", "url", "version", "split")


@dataclass(frozen=True, kw_only=True)
class AnswersChoice(Choice):
    """The columns that matter in the layout "answers": ``label`` is that of the answers, and the one of their starts if that
    is another."""

    impossible: str = ""  # column that says whether there is no answer


def choose(
    columns: Mapping[str, Profile],
    file: str,
    *,
    text: str,
    text_pair: str,
    label: tuple[str, ...],
    separator: str,
    multi_label: bool | None,
    id: str,
    require_label: bool,
) -> AnswersChoice:
    """Decide on the columns; see ``_layout.Layout``."""
    for name in filter(None, (text, text_pair, *label, id)):
        if name not in columns:
            raise UnknownName("column", name, columns, f"The file is {file}.")
    for option, asked in (
        ("label_separator", separator),
        ("multi_label=False", multi_label is False),
        ("more than two label columns", label[2:]),
    ):
        if asked:
            expected = "a question, a context and answers in each row"
            raise DataError(expected, option, "leave that out with answers", file=file)
    given = [name for name in (text, text_pair, *label, id) if name]
    if twice := next((name for name in given if given.count(name) > 1), ""):
        do = "give every column one role"
        raise DataError("different columns for question, context, answers and id", f"{twice!r} twice", do, file=file)
    free = {p.plain_name: p.name for p in columns.values() if p.name not in given}
    reasons = []
    if label:
        reasons.append(f"Answer column{'s' if len(label) > 1 else ''} {quoted(label)}: as asked.")
        if len(label) == 1 and (start := _named(_STARTS, free)):
            label = (*label, start)
    elif answers := _named(_ANSWERS, free):
        start = _named(_STARTS, free)
        label = (answers, start) if start else (answers,)
        reasons.append(f"Answer column{'s' if start else ''} {quoted(label)}: by name.")
    elif require_label:
        do = "name it with label='…' (and the one with the starts behind it), or in Python read without answers with "
        do += "require_label=False"
        raise DataError("a column with answers", f"none among {quoted(columns)}", do, file=file)
    else:
        reasons.append("No column with answers: the rows are read without them.")
    free = {plain: name for plain, name in free.items() if name not in label}
    text, text_pair, said = _texts(columns, free, text, text_pair, file)
    reasons += said
    if id:
        reasons.append(f"Id column {id!r}: as asked.")
        found = id
    else:
        found, why = find_id(columns, {text, text_pair, *label})
        reasons.append(why)
    return AnswersChoice(
        text=text,
        text_pair=text_pair,
        label=label,
        multi_label=True,
        id=found,
        id_given=bool(id),
        impossible=_named(_IMPOSSIBLE, free),
        reasons=tuple(reasons),
    )


def _texts(
    columns: Mapping[str, Profile], free: Mapping[str, str], text: str, text_pair: str, file: str
) -> tuple[str, str, list[str]]:
    """The columns with question and context, and why."""
    reasons = []
    given = {text, text_pair}
    question = text or _named([name for name in _QUESTIONS if free.get(name) != text_pair], free)
    context = text_pair or _named([name for name in _CONTEXTS if free.get(name) != question], free)
    if bool(question) != bool(context):
        one = _only_text(columns, free, {question, context})
        question, context = question or one, context or one
    elif not question and not context:
        texts = [
            p
            for p in columns.values()
            if p.kind == "text" and p.name in free.values() and p.plain_name not in _NO_TEXTS
        ]
        if len(texts) == 2:
            question, context = (p.name for p in sorted(texts, key=lambda p: p.characters))
    for what, name, option in (("question", question, "text"), ("context", context, "text_pair")):
        if not name:
            came = f"none among {quoted(columns)}"
            raise DataError(f"a column with the {what}", came, f"name it with {option}='…'", file=file)
        plain = columns[name].plain_name
        known = plain in (_QUESTIONS if what == "question" else _CONTEXTS)
        how = "as asked" if name in given else "by name" if known else "by shape"
        reasons.append(f"{what.capitalize()} column {name!r}: {how}.")
    return question, context, reasons


def _only_text(columns: Mapping[str, Profile], free: Mapping[str, str], taken: set[str]) -> str:
    """The one text column that is left, or ""."""
    left = [p.name for p in columns.values() if p.kind == "text" and p.name in free.values() and p.name not in taken]
    left = [name for name in left if columns[name].plain_name not in _NO_TEXTS and columns[name].words > 2]
    return left[0] if len(left) == 1 else ""


def _named(names: Iterable[str], free: Mapping[str, str]) -> str:
    return next((free[name] for name in names if name in free), "")
