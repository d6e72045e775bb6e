"""Which columns hold the source and the target of a pair of texts: by name and by shape, with the reasons said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from labkit.data._columns import Choice, Profile, find_id
from labkit.errors import DataError, UnknownName, quoted

# fmt: off
LANGUAGES = frozenset((
    "af", "am", "ar", "as", "az", "be", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "eo", "es",
    "et", "eu", "fa", "fi", "fr", "fy", "ga", "gd", "gl", "gu", "ha", "he", "hi", "hr", "hu", "hy", "id", "ig",
    "is", "it", "ja", "jv", "ka", "kk", "km", "kn", "ko", "ku", "ky", "la", "lb", "lo", "lt", "lv", "mg", "mi",
    "mk", "ml", "mn", "mr", "ms", "mt", "my", "nb", "ne", "nl", "nn", "no", "oc", "or", "pa", "pl", "ps", "pt",
    "ro", "ru", "rw", "sd", "si", "sk", "sl", "so", "sq", "sr", "su", "sv", "sw", "ta", "te", "tg", "th", "ti",
    "tk", "tl", "tr", "tt", "ug", "uk", "ur", "uz", "vi", "wo", "xh", "yi", "yo", "zh", "zu",
))
"""Codes of ISO 639-1 that name columns of translations."""
_NAMED_LANGUAGES = frozenset((
    "arabic", "chinese", "czech", "danish", "dutch", "english", "finnish", "french", "german", "greek", "hebrew",
    "hindi", "hungarian", "italian", "japanese", "korean", "norwegian", "polish", "portuguese", "romanian",
    "russian", "spanish", "swedish", "turkish", "ukrainian", "vietnamese",
))
_TARGETS = (
    "target", "tgt", "trg", "target_text", "target_sentence", "translation", "translated", "output", "output_text",
    "summary", "summaries", "highlights", "abstract", "tldr", "headline", "reference", "title",
)
_SOURCES = (
    "source", "src", "source_text", "source_sentence", "original", "input", "input_text", "document", "article",
    "dialogue", "dialog", "notes", "transcript", "conversation", "meeting", "report", "text", "body", "content",
    "sentence", "maintext", "paragraph", "passage", "message", "email",
)
# fmt: on


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
) -> Choice:
    """Decide on the columns; see ``_layout.Layout``."""
    for name in filter(None, (text, *label, id)):
        if name not in columns:
            raise UnknownName("column", name, columns, f"The file is {file}.")
    for option, asked in (
        ("text_pair", text_pair),
        ("label_separator", separator),
        ("multi_label=True", multi_label),
        ("several label columns", label[1:]),
    ):
        if asked:
            do = "leave that out: text= names the column of the source, label= that of the target"
            raise DataError("a source and a target text in each row", option, do, file=file)
    given = [name for name in (text, *label, id) if name]
    if twice := next((name for name in given if given.count(name) > 1), ""):
        raise DataError(
            "different columns for source, target and id", f"{twice!r} twice", "give every column one role", file=file
        )
    free = [p for p in columns.values() if p.name not in given and p.kind in ("text", "number", "list", "nested")]
    target = label[0] if label else ""
    languages = [p.name for p in columns.values() if p.name != id and _holds_language(p)]
    why = {"source": "as asked", "target": "as asked"}
    if not target:
        target, why["target"] = _find_target(free, text, languages, by_shape=require_label)
    if not text:
        text, why["source"] = _find_source([p for p in free if p.name != target], target, languages)
    if not target and require_label:
        others = [p.name for p in columns.values() if p.name not in (text, id)]
        came = f"none among {quoted(others)}" if others else f"only the column {text or next(iter(columns), '')!r}"
        do = "name it with label='…' (and the source with text='…'), or in Python read without targets with require_label=False"
        raise DataError("a column with the target text (a translation, a summary)", came, do, file=file)
    if not text:
        came = f"none among {quoted(name for name in columns if name != target)}"
        raise DataError("a column with the source text", came, "name it with text='…'", file=file)
    reasons = [f"Source column {text!r}: {why['source']}."]
    if target:
        both = {text, target} <= set(languages) and not given
        turn = f" For the other direction: text={target!r}, label={text!r}." if both else ""
        reasons.append(f"Target column {target!r}: {why['target']}.{turn}")
    else:
        reasons.append("No column with target texts: the rows are read without them.")
    found = id
    if id:
        reasons.append(f"Id column {id!r}: as asked.")
    else:
        found, said = find_id(columns, {text, target})
        reasons.append(said)
    return Choice(
        text=text,
        label=(target,) if target else (),
        multi_label_given=multi_label is not None,
        id=found,
        id_given=bool(id),
        reasons=tuple(reasons),
    )


def is_language(name: str) -> bool:
    """Whether a column is named like a language: de, en_XX, pt-BR, german."""
    plain = name.strip().casefold()
    return plain in _NAMED_LANGUAGES or (plain.replace("-", "_").split("_")[0] in LANGUAGES and _is_code(plain))


def _holds_language(p: Profile) -> bool:
    # "id" and "no" are also what ids and numbers are called
    holds = p.kind in ("text", "empty", "list", "nested")
    return holds and is_language(p.name) and (p.plain_name not in ("id", "no") or p.words > 1.5)


def _is_code(plain: str) -> bool:
    parts = plain.replace("-", "_").split("_")
    return len(parts) == 1 or (len(parts) == 2 and 2 <= len(parts[1]) <= 4 and parts[1].isalpha())


def _find_target(free: list[Profile], text: str, languages: list[str], *, by_shape: bool) -> tuple[str, str]:
    """The column with the target or "", and why."""
    others = [name for name in languages if name != text]
    if text in languages and len(others) == 1:
        return others[0], "named like a language, as the source is"
    if not text and len(languages) == 2:
        return languages[1], "the second column that is named like a language"
    if found := _named(_TARGETS, free):
        return found, "by its name"
    left = [p for p in free if p.kind == "text" and (p.words > 2 or p.distinct > 0.5 * len(p.values))]
    if text and by_shape and len(left) == 1:
        return left[0].name, "the only other column with texts"
    return "", ""


def _find_source(free: list[Profile], target: str, languages: list[str]) -> tuple[str, str]:
    """The column with the source or "", and why."""
    others = [name for name in languages if name != target]
    if (target in languages or not target) and len(others) == 1:
        return others[0], "named like a language, as the target is" if target else "named like a language"
    if found := _named(_SOURCES, free):
        return found, "by its name"
    texts = sorted((p for p in free if p.kind == "text"), key=lambda p: -p.characters)
    # of several columns with texts, one that is far longer than the others
    if texts and texts[0].words > 1 and all(p.characters < 0.5 * texts[0].characters for p in texts[1:]):
        return texts[0].name, "the longest texts"
    return "", ""


def _named(names: Iterable[str], free: Iterable[Profile]) -> str:
    by_name = {p.plain_name: p.name for p in reversed(list(free))}
    return next((by_name[name] for name in names if name in by_name), "")
