"""Which columns hold the text and its spans, or the tokens and their tags: by name and by shape, with the reasons said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from labkit.data._columns import Choice, Profile, find_id, find_texts
from labkit.data._layouts.multi import Unusable
from labkit.data._layouts.span_cells import items_in, looks_like_span, words_in, written_out
from labkit.data._layouts.spans import looks_like_tag
from labkit.errors import DataError, UnknownName, quoted

# fmt: off
_SPANS = ("spans", "entities", "ents", "annotations", "label", "labels", "ner", "ner_spans", "named_entities", "result")
_TAGS = (
    "ner_tags", "tags", "ner", "labels", "label", "iob", "iob_tags", "iob2", "bio", "bio_tags", "ne_tags", "ner_labels",
    "entities", "named_entities", "tag",
)
_TOKENS = ("tokens", "words", "token", "word", "sentence", "text", "input")
# fmt: on
_LOOKED_AT = 500


@dataclass(frozen=True, kw_only=True)
class SpansChoice(Choice):
    """The columns that matter in the layout "spans"."""

    tagged: bool = False  # tokens, with tags where there are any, instead of a text with spans


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
) -> SpansChoice:
    """Decide on the columns; see ``_layout.Layout``."""
    for name in filter(None, (text, *label, id)):
        if name not in columns:
            raise UnknownName("column", name, columns, f"The file is {file}.")
    for option, asked in (
        ("text_pair", text_pair),
        ("label_separator", separator),
        ("multi_label=False", multi_label is False),
        ("several label columns", label[1:]),
    ):
        if asked:
            raise DataError("one text with its spans in each row", option, "leave that out with spans", file=file)
    given = [name for name in (text, *label, id) if name]
    if twice := next((name for name in given if given.count(name) > 1), ""):
        do = "give every column one role"
        raise DataError("different columns for text, spans and id", f"{twice!r} twice", do, file=file, column=twice)
    free = [p for p in columns.values() if p.name not in given and p.values]
    marks: Profile | None
    if label:
        marks, why = columns[label[0]], "as asked"
        fits = [kind for kind, test in ((True, _is_tags), (False, _is_spans)) if test(marks)]
        if not fits and marks.values:
            came = f"something else, such as {str(marks.values[0])[:60]!r}"
            raise DataError("spans, or a tag for each token", came, "choose another", file=file, column=marks.name)
        # empty lists could be either, and so could cells without anything
        tagged = fits[0] if len(fits) == 1 else any(map(_is_tags, [columns[text]] if text else free))
    else:
        marks, tagged, why = _find(free, columns.get(text), file, required=require_label)
    if tagged and marks:
        _refuse_token_rows(marks, file)
    reasons = []
    taken = {*given, marks.name if marks else ""}
    if text:
        reasons.append(f"{'Token' if tagged else 'Text'} column {text!r}: as asked.")
    elif tagged and marks:
        text, said = _find_tokens([p for p in free if p is not marks], marks, file)
        reasons.append(said)
    elif not marks and (tokens := _only_tokens(columns)):
        text = tokens
        reasons.append(f"Token column {text!r}: by its name.")
    else:
        text, _, said = find_texts(columns, taken, file, pairs=False)
        reasons.append(said)
    if not marks:
        tagged = columns[text].kind == "list"
    if not id:
        id, said = find_id(columns, {*taken, text})
        reasons.append(said)
    else:
        reasons.append(f"Id column {id!r}: as asked.")
    if marks:
        what = "a tag for each token" if tagged else "spans, by character"
        reasons.append(f"Label column {marks.name!r}: {why}; {what}.")
    else:
        reasons.append("No column with spans or tags: the rows are read without them.")
    return SpansChoice(
        text=text,
        label=(marks.name,) if marks else (),
        multi_label=True,
        id=id,
        id_given=id in given,
        tagged=tagged,
        reasons=tuple(reasons),
    )


def _find(free: list[Profile], text: Profile | None, file: str, *, required: bool) -> tuple[Profile | None, bool, str]:
    """The column with spans or tags, whether it has tags, and why it is the one; None where none is required."""
    spans = _ranked(free, _SPANS, _is_spans)
    tags = _ranked([p for p in free if p.plain_name not in ("tokens", "words")], _TAGS, _is_tags)
    strings = any(p.kind == "text" and not _is_tags(p) and not _is_spans(p) for p in ([text] if text else free))
    for found, tagged in ((spans, False), (tags, True)) if strings else ((tags, True), (spans, False)):
        if not found:
            continue
        rank, best = found[0]
        rivals = [p.name for other, p in found[1:] if other == rank]
        if rivals:
            came = f"several that could be: {quoted([best.name, *rivals])}"
            raise DataError("one column with tags or spans", came, f"say label={best.name!r}", file=file)
        named = rank < len(_TAGS if tagged else _SPANS)
        return best, tagged, "by its name and shape" if named else "by its shape"
    if not required:
        return None, False, ""
    came = f"none among {quoted(p.name for p in free)}"
    do = (
        "give tokens and tags as two columns of lists (in a CoNLL file, write the token, a tab and its tag in each line), or a "
        "text and its spans as [{start, end, label}, …]; name the column "
        "with label='…', or in Python read without spans with require_label=False"
    )
    raise DataError("a column with spans or tags", came, do, file=file)


def _refuse_token_rows(marks: Profile, file: str) -> None:
    """A table with a token a row has lost where its sentences end."""
    some = marks.values[:_LOOKED_AT]
    if len(some) > 1 and all(isinstance(written_out(value), str) and len(str(value).split()) == 1 for value in some):
        do = "join the tokens and the tags of each sentence with spaces, or write a CoNLL file: a token, a tab and its tag in "
        do += "each line, a blank line between sentences and no header"
        raise DataError("a sentence in each row", "a token in each row", do, file=file, column=marks.name)


def _ranked(
    free: Iterable[Profile], names: tuple[str, ...], fits: Callable[[Profile], bool]
) -> list[tuple[int, Profile]]:
    """The columns that fit, those with a telling name first."""
    found = []
    for p in free:
        rank = names.index(p.plain_name) if p.plain_name in names else len(names)
        # without a telling name, a column must show what it is; with one, lists may be empty so far, or tags bare types
        if fits(p) and (rank < len(names) or _shows(p)):
            found.append((rank, p))
    return sorted(found, key=lambda pair: pair[0])


def _shows(p: Profile) -> bool:
    if _share(p, _some_spans) > 0.05:
        return True
    return _share(p, lambda value: all(map(looks_like_tag, _words(value) or [""]))) > 0.5


def _is_spans(p: Profile) -> bool:
    return _share(p, lambda value: _items(value) == [] or _some_spans(value)) > 0.5


def _some_spans(value: Any) -> bool:
    items = _items(value)
    return bool(items) and sum(map(looks_like_span, items or ())) * 2 >= len(items or ())


def _items(value: Any) -> list[Any] | None:
    try:
        return items_in(value)
    except Unusable:
        return None


def _is_tags(p: Profile) -> bool:
    """Whether the cells are lists of names, or strings made of tags."""

    def fits(value: Any) -> bool:
        words = _words(value)
        if words is None:
            return False
        listed = isinstance(written_out(value), list)
        return listed or sum(map(looks_like_tag, words)) * 2 > len(words)

    return _share(p, fits) > 0.5 and not _share(p, _some_spans)


def _words(value: Any) -> list[str] | None:
    try:
        return words_in(value)
    except Unusable:
        return None


def _share(p: Profile, fits: Callable[[Any], bool]) -> float:
    some = p.values[:_LOOKED_AT]
    return sum(map(fits, some)) / len(some) if some else 0.0


def _only_tokens(columns: Mapping[str, Profile]) -> str:
    """The column with lists of tokens, where no other column is named like a text."""
    by_name = {p.plain_name: p for p in reversed(list(columns.values())) if p.values}
    if any(by_name[name].kind == "text" for name in ("text", "sentence", "input") if name in by_name):
        return ""
    return next((by_name[n].name for n in _TOKENS if n in by_name and by_name[n].kind == "list"), "")


def _find_tokens(free: list[Profile], marks: Profile, file: str) -> tuple[str, str]:
    """The column with the tokens that the tags belong to, and why."""

    def fitting(p: Profile) -> float:
        if len(p.values) != p.rows or len(marks.values) != marks.rows:
            return float(isinstance(written_out(p.values[0]), list))  # rows without tags: there is no comparing
        pairs = list(zip(p.values[:_LOOKED_AT], marks.values[:_LOOKED_AT], strict=True))
        return sum(len(_words(a) or ()) == len(_words(b) or ()) for a, b in pairs) / len(pairs)

    # cells of words, not lists of tags such as those of parts of speech
    found = [(p, fitting(p)) for p in free if p.kind in ("text", "list", "nested")]
    named = [p for name in _TOKENS for p, share in found if p.plain_name == name and share > 0.5]
    if named:
        return named[0].name, f"Token column {named[0].name!r}: by its name, with as many tokens as there are tags."
    equal = [p for p, share in found if share > 0.9 and p.words > 1 and not _shows(p)]
    if len(equal) == 1:
        return equal[0].name, f"Token column {equal[0].name!r}: it has as many tokens as there are tags."
    # the nearest is named, so that the row where it differs is shown
    named = [p for name in _TOKENS for p, _ in found if p.plain_name == name]
    if named and not equal:
        return named[0].name, f"Token column {named[0].name!r}: by its name."
    came = (
        f"several that could be: {quoted(p.name for p in equal)}"
        if equal
        else f"none among {quoted(p.name for p in free)}"
    )
    raise DataError("a column with the tokens", came, "name it with text='…'", file=file)
