"""Which column is the text, which the label, which the id: by name and by shape, with the reasons said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labkit.data._layouts.multi import BINARY, as_list, find_separator
from labkit.data._layouts.score_cells import numbers_in
from labkit.errors import DataError, UnknownName, quoted

SAMPLE_ROWS = 2000

# fmt: off
TEXT_NAMES = (
    "text", "sentence", "document", "message", "content", "review", "body", "utterance", "tweet", "post", "question",
    "query", "abstract", "article", "passage", "paragraph", "transcript", "transcription", "email", "sms", "dialogue",
)
_WEAK_TEXT = ("comment", "note", "description", "report", "complaint", "feedback", "narrative", "prompt", "input")
_TITLES = ("title", "headline", "summary", "subject", "name")
PAIRS = (
    ("premise", "hypothesis"), ("sentence1", "sentence2"), ("sentence_1", "sentence_2"), ("sentence_a", "sentence_b"),
    ("text1", "text2"), ("text_1", "text_2"), ("text_a", "text_b"), ("text", "text_pair"), ("s1", "s2"),
    ("question1", "question2"), ("question_1", "question_2"), ("question", "passage"), ("question", "sentence"),
    ("question", "context"), ("question", "answer"), ("query", "passage"), ("query", "document"),
    ("headline", "body"), ("claim", "evidence"),
)
_LABEL_TIERS = (
    ("label", "labels"),
    ("gold_label", "true_label", "class_label", "label_name", "label_text", "gold", "y", "y_true"),
    (
        "class", "category", "categories", "intent", "sentiment", "target", "topic", "topics", "tag", "tags", "emotion",
        "emotions", "specialty", "speciality", "condition", "diagnosis", "department", "genre", "stance", "polarity",
    ),
)
_LABEL_WORDS = {
    "label", "labels", "class", "category", "intent", "sentiment", "topic", "emotion", "specialty", "genre",
}
_SCORES = {
    "score", "scores", "similarity", "similarities", "relatedness", "rating", "ratings", "stars", "star", "grade", "valence",
    "arousal", "points", "mark", "quality",
}
_RATINGS = {*_SCORES, "level", "priority", "status", "type", "kind"}
_NEVER_BY_SHAPE = {
    "split", "lang", "language", "source", "date", "time", "datetime", "timestamp", "created", "updated", "year",
    "month", "day", "author", "user", "username", "annotator", "rater", "worker", "url", "link", "file", "filename",
    "country", "city", "gender", "age", "length", "count", "id", "index", "idx", "version", "fold", "confidence",
}
_ID_NAMES = ("row_id", "id", "uid", "guid", "uuid", "key", "idx", "index", "sentence_id", "text_id", "doc_id")
# fmt: on


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The columns that matter, and why these."""

    text: str
    text_pair: str = ""
    label: tuple[str, ...] = ()
    separator: str = ""
    listed: bool = False  # label cells are lists written out as text
    multi_label: bool = False
    multi_label_given: bool = False
    scores: bool = False  # labels are numbers on a scale, not classes
    id: str = ""
    id_given: bool = False
    reasons: tuple[str, ...] = ()

    @property
    def used(self) -> tuple[str, ...]:
        """The columns that become canonical ones."""
        return tuple(name for name in (self.text, self.text_pair, *self.label, self.id) if name)


@dataclass(kw_only=True)
class Profile:
    """What the first rows show of one column."""

    name: str
    values: Sequence[Any] = field(repr=False)  # those that are not missing
    rows: int
    kind: str = "empty"  # text, number, bool, list, nested
    distinct: int = 0
    words: float = 0.0  # mean
    characters: float = 0.0  # mean
    binary: str = ""  # how yes and no are written, or ""
    whole: bool = True  # numbers without a fraction

    def __post_init__(self) -> None:
        values = self.values
        if not values:
            return
        self.kind = _kind(values)
        texts = [str(value) for value in values]
        self.distinct = len(set(texts))
        self.words = sum(text.count(" ") + 1 for text in texts) / len(texts)
        self.characters = sum(map(len, texts)) / len(texts)
        self.binary = BINARY.get(texts[0].casefold(), "") if len(values) == self.rows else ""
        if self.binary and not all(BINARY.get(text.casefold()) == self.binary for text in set(texts)):
            self.binary = ""
        if self.kind == "number":
            self.whole = all(_number(value).is_integer() for value in values)

    @property
    def plain_name(self) -> str:
        """The name in lower case with underscores."""
        return plain_name(self.name)

    @property
    def words_of_name(self) -> set[str]:
        return set(self.plain_name.split("_"))


def plain_name(name: str) -> str:
    """A column name in lower case with underscores: ``reviewText`` and ``Review Text`` are both ``review_text``."""
    return re.sub(r"\W+|_+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())).strip("_").casefold()


def profiles(rows: Sequence[Mapping[str, Any]]) -> dict[str, Profile]:
    """A profile of every column that occurs in the rows, in the order of first occurrence."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: Profile(name=name, values=_present(rows, name), rows=len(rows)) for name in names}


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
    scores: bool | None = None,
) -> Choice:
    """Decide on the columns; whatever is given is taken, the rest is detected.

    Args:
        scores: whether the label is a number on a scale; None: detected.

    Raises:
        UnknownName: a given column does not exist.
        DataError: no column fits, or several fit equally well.
    """
    for name in filter(None, (text, text_pair, *label, id)):
        if name not in columns:
            raise UnknownName("column", name, columns, f"The file is {file}.")
    given = [name for name in (text, text_pair, *label, id) if name]
    if twice := next((name for name in given if given.count(name) > 1), ""):
        do = "give every column one role"
        raise DataError("different columns for text, label and id", f"{twice!r} twice", do, file=file, column=twice)
    if multi_label is False and (separator or len(label) > 1):
        came = "a separator" if separator else f"{len(label)} label columns"
        raise DataError("one label a row, as multi_label=False says", came, "leave one of the two out", file=file)
    if scores and (separator or multi_label or len(label) > 1):
        came = "several label columns" if len(label) > 1 else "several labels a row"
        raise DataError("one number a row, as scores=True says", came, "leave one of the two out", file=file)
    if scores is None and (separator or multi_label):
        scores = False
    reasons: list[str] = []
    taken = set(given)
    if not text:
        text, pair, why = find_texts(columns, taken, file, pairs=not text_pair)
        text_pair = text_pair or pair
        reasons.append(why)
    else:
        reasons.append(f"Text column {text!r}: as asked.")
    if text_pair:
        how = "as asked" if text_pair in taken else "named as its pair"
        reasons.append(f"Second text column {text_pair!r}: {how}.")
    taken |= {text, text_pair}
    if not id:
        id, why = find_id(columns, taken | set(label))
        reasons.append(why)
    else:
        reasons.append(f"Id column {id!r}: as asked.")
    if label:
        reasons.append(f"Label column{'s' if len(label) > 1 else ''} {quoted(label)}: as asked.")
    else:
        label, why = _find_label(
            columns, taken | {id}, file, multi_label, scores, paired=bool(text_pair), required=require_label
        )
        reasons.append(why)
    one = columns[label[0]] if len(label) == 1 else None
    several, listed, why = len(label) > 1, False, ""
    scored, why_scored = _are_scores(one, scores, file, required=require_label) if one else (bool(scores), "")
    if why_scored:
        reasons.append(why_scored)
    if one and multi_label is not False and not scored:
        separator, listed, several, why = _find_several(one, separator)
        if multi_label and not why:
            why = "Several labels a row: as asked; each cell holds one, as far as the first rows show."
    return Choice(
        text=text,
        text_pair=text_pair,
        label=label,
        separator=separator,
        listed=listed,
        multi_label=several or bool(multi_label and label),
        multi_label_given=multi_label is not None,
        scores=scored,
        id=id,
        id_given=id in given,
        reasons=(*reasons, *filter(None, [why])),
    )


def find_texts(columns: Mapping[str, Profile], taken: set[str], file: str, *, pairs: bool) -> tuple[str, str, str]:
    """The column with the text, the one with the second text of a pair or "", and why."""
    texts = {p.plain_name: p for p in columns.values() if p.kind == "text" and p.name not in taken}
    if pairs:
        for first, second in PAIRS:
            if first in texts and second in texts and min(texts[first].words, texts[second].words) >= 2:
                one, two = texts[first], texts[second]
                why = f"Text column {one.name!r}: with {two.name!r} it is named like a pair of texts."
                return one.name, two.name, why
    ranked = sorted(texts.values(), key=_text_rank, reverse=True)
    ranked = [p for p in ranked if _text_tier(p) or (p.words >= 2 and p.distinct > 1)] or ranked[:1]
    if not ranked:
        came = f"the columns {quoted(columns)}, none of which holds texts"
        raise DataError("a column with texts", came, "name one with text='…'", file=file)
    best = ranked[0]
    top = _text_rank(best)[0]
    rivals = [p.name for p in ranked[1:] if _text_rank(p)[0] == top and p.characters > 0.7 * best.characters]
    if top < 3 and rivals:
        came = f"several that look alike: {quoted([best.name, *rivals])}"
        raise DataError("one column with the text", came, f"name it, as in text={best.name!r}", file=file)
    named = ("by its shape", "named like a title, and the longest", "named like a text", "named like a text")
    share = f"{100 * best.distinct // max(1, len(best.values))} % distinct"
    why = f"Text column {best.name!r}: {named[_text_tier(best)]}, {best.words:.1f} words on average, {share}."
    others = [p.name for p in ranked[1:] if p.words >= 4]
    return best.name, "", why + (f" {quoted(others)} would do too: say text= to use another." if others else "")


def _text_tier(p: Profile) -> int:
    if p.plain_name in TEXT_NAMES or p.plain_name.rstrip("s") in TEXT_NAMES:
        return 3
    if p.plain_name in _WEAK_TEXT or (p.words_of_name & {*TEXT_NAMES, *_WEAK_TEXT} and p.words >= 2):
        return 2
    return 1 if p.plain_name in _TITLES else 0


def _text_rank(p: Profile) -> tuple[float, ...]:
    tier = _text_tier(p)
    if tier == 3 and p.words < 2 and p.distinct < 0.5 * len(p.values):
        tier = 0  # a column named "content" that holds kinds of content
    known = [*TEXT_NAMES].index(p.plain_name) if p.plain_name in TEXT_NAMES else len(TEXT_NAMES)
    return (max(tier, 1) if tier < 2 else tier, -known if tier == 3 else 0, p.characters)


def find_id(columns: Mapping[str, Profile], taken: set[str]) -> tuple[str, str]:
    """The column with an id or "", and why."""
    named = [p for wanted in _ID_NAMES for p in columns.values() if p.plain_name == wanted]
    named += [p for p in columns.values() if p.plain_name.endswith("_id") and p not in named]
    for p in named:
        unique = len(p.values) == p.rows == p.distinct
        usable = p.kind in ("text", "number") and p.whole and p.characters <= 200
        if unique and usable and p.name not in taken:
            return p.name, f"Id column {p.name!r}: named like one, and different in every row."
    return "", "Row ids: a hash of each row's content, as no column is named like an id and differs in every row."


def _find_label(
    columns: Mapping[str, Profile],
    taken: set[str],
    file: str,
    multi_label: bool | None,
    scores: bool | None,
    *,
    paired: bool,
    required: bool,
) -> tuple[tuple[str, ...], str]:
    free = [p for p in columns.values() if p.name not in taken]
    tiers: dict[float, list[Profile]] = {}
    refused: dict[str, str] = {}
    for p in free:
        tier: float = _label_tier(p)
        scored = scores is not False and bool(_score_like(p, asked=bool(scores)))
        why = _refuse_score(p, asked=bool(scores)) if scored else _refuse_label(p, named=tier < 4)
        if scores and not scored:
            why = "no numbers"
        if scored and tier > 1 and p.words_of_name & _SCORES:
            # of a pair of texts a score says how similar they are; of a text, what names its class is rather the label
            tier = _SCORE_OF_PAIR if paired else _SCORE_OF_TEXT
        if why:
            refused[p.name] = why
        else:
            tiers.setdefault(tier, []).append(p)
    groups = _binary_groups(free)
    named = [(tier, p) for tier in sorted(tiers) if tier < 4 for p in tiers[tier]]
    clear = len(named) == 1 or any(tier < 2 or p not in groups for tier, p in named)
    if len(groups) >= 2 and not clear and multi_label is not False:
        names = tuple(p.name for p in groups)
        why = f"each row says {groups[0].binary} in every one of them, so it may have several labels"
        return names, f"Label columns {quoted(names)}: {why}."
    if not tiers:
        if not required:
            return (), "No label column: the rows are read without labels."
        came = _first(f"{name!r:.60}: {why}" for name, why in refused.items()) or "there is none besides the text"
        do = "name it with label='…', or in Python read without labels with require_label=False"
        if any(why == _FRACTIONS for why in refused.values()):
            do = "name it with label='…'; a column of numbers so named is read as scores"
        raise DataError("a label column", f"none among the columns ({came})", do, file=file)
    tier = min(tiers)
    if not required and tier > 3:
        return (), "No label column: the rows are read without labels, as none is named like one."
    best = _merged(tiers[tier])
    if len(best) > 1:
        came = _first(f"{p.name!r:.60} ({p.distinct:,} values, such as {str(p.values[0])[:40]!r})" for p in best)
        raise DataError("one label column", f"several that could be: {came}", f"say label={best[0].name!r}", file=file)
    p = best[0]
    how = "named like a label" if tier < 4 else "named like a rating" if tier < 5 else "few values that recur"
    if tier in (_SCORE_OF_PAIR, _SCORE_OF_TEXT):
        how = "named like a score"
    elif tier == 5 and scores:
        how = "the numbers"
    why = f"Label column {p.name!r}: {how}, {p.distinct:,} values in {_rows(p)}."
    return (p.name,), why


_FRACTIONS = "numbers with fractions"
_SCORE_OF_PAIR, _SCORE_OF_TEXT = 1.5, 4.5
"""Where a column of numbers that is named like a score stands among the candidates for the label."""
_MANY = 20  # different whole numbers beyond which a column that is named like a score holds scores


def _score_like(p: Profile, *, asked: bool) -> str:
    """Why the values of a column are numbers on a scale rather than classes, or ""."""
    if p.kind not in ("number", "text"):
        return ""
    found = numbers_in(p.values)
    if asked:
        return "as asked" if found.count >= found.others else ""
    if found.others > max(found.count >= 10, 0.05 * found.count) or not found.count:
        return ""
    named = bool(p.words_of_name & _SCORES)
    if found.commas and not named:
        return ""  # "1,5" may be two labels
    if found.fractions and found.distinct > 2:
        return "its values are numbers with fractions"
    return (
        f"it is named like one, and has {found.distinct:,} different numbers"
        if named and found.distinct > _MANY
        else ""
    )


def _are_scores(p: Profile, scores: bool | None, file: str, *, required: bool) -> tuple[bool, str]:
    """Whether a label column holds scores, and why."""
    if scores is False:
        return False, ""
    why = _score_like(p, asked=bool(scores))
    if scores and not why and p.values and required:
        came = next((str(value) for value in p.values if not _is_number(str(value))), str(p.values[0]))
        do = "choose the column of the score with label='…', or leave out scores="
        raise DataError("numbers, as scores=True says", f"{came[:60]!r} and its like", do, file=file, column=p.name)
    if scores:
        return True, "Scores, numbers to come close to: as asked."
    if why:
        return True, f"{p.name!r} is read as scores, numbers to come close to: {why}. For classes say scores=False."
    if p.kind == "number" and p.words_of_name & _SCORES:
        few = f"{p.distinct:,} different whole numbers"
        return False, f"{p.name!r} is read as classes ({few}). To come close to the numbers instead, say scores=True."
    return False, ""


def _refuse_score(p: Profile, *, asked: bool) -> str:
    """Why a column of scores cannot be the label, or ""."""
    tier = _label_tier(p)
    if tier > 3 and p.words_of_name & _NEVER_BY_SHAPE:
        return "named like something else"
    return _refuse_label(p, named=False) if tier > 4 and not asked else ""


def headless(columns: Mapping[str, Profile]) -> str:
    """What makes the first line of a CSV file look like a row instead of a header, or ""."""
    labels = {name for tier in _LABEL_TIERS for name in tier}
    known = {*TEXT_NAMES, *_WEAK_TEXT, *_TITLES, *_ID_NAMES, *_RATINGS, *labels}
    if any(p.plain_name in known or p.words_of_name & _LABEL_WORDS for p in columns.values()):
        return ""
    if all(_is_number(name) for name in columns):
        return f"numbers only ({quoted(columns)})"
    numbers = [name for name in columns if _is_number(name)]
    texts = [p.name for p in columns.values() if p.kind == "text" and p.name.count(" ") > 2]
    if numbers and texts:
        return f"a number and a text ({numbers[0]!r}, {texts[0][:40]!r})"
    if found := next((name for name in columns if len(name) > 60), ""):
        return f"a text of {len(found)} characters ({found[:40]!r}…)"
    if found := next((p.name for p in columns.values() if p.name in p.values), ""):
        return f"{found!r}, which stands in the same column further down as well"
    return ""


def _label_tier(p: Profile) -> int:
    for tier, names in enumerate(_LABEL_TIERS):
        if p.plain_name in names:
            return tier
    if p.words_of_name & _LABEL_WORDS and not p.plain_name.endswith("_id"):
        return 3
    return 4 if p.words_of_name & _RATINGS else 5


def _refuse_label(p: Profile, *, named: bool) -> str:
    """Why a column cannot be the label, or ""."""
    if p.kind in ("empty", "nested"):
        return "no values" if p.kind == "empty" else "nested values"
    if p.kind != "list" and (p.words > 8 or p.characters > 100):
        return f"texts, {p.words:.0f} words on average"
    if p.kind == "number" and not p.whole and p.distinct > 20:
        return _FRACTIONS
    if named:
        many = _label_tier(p) > 1 and p.rows >= 100 and p.distinct > 0.8 * len(p.values)
        return f"{p.distinct:,} distinct values in {_rows(p)}" if many else ""
    if p.plain_name in (*TEXT_NAMES, *_WEAK_TEXT, *_TITLES):
        return "named like a text"
    if p.words_of_name & _NEVER_BY_SHAPE:
        return "named like something else"
    if p.distinct < 2:
        return "the same value in every row"
    if p.distinct > len(p.values) / 2:
        return f"{p.distinct:,} distinct values in {_rows(p)}"
    return ""


def _binary_groups(free: Iterable[Profile]) -> list[Profile]:
    """The columns that say yes or no in the way most of them do."""
    ways: dict[str, list[Profile]] = {}
    for p in free:
        if p.binary and not p.words_of_name & _NEVER_BY_SHAPE:
            ways.setdefault(p.binary, []).append(p)
    return max(ways.values(), key=len, default=[])


def _merged(candidates: list[Profile]) -> list[Profile]:
    """Of columns that say the same, one as code and one as name, the one with names."""
    if len(candidates) != 2 or any(len(p.values) < p.rows for p in candidates):
        return candidates
    first, second = ([str(value) for value in p.values] for p in candidates)
    if len(set(zip(first, second, strict=True))) != len(set(first)) or len(set(first)) != len(set(second)):
        return candidates
    return [next((p for p in candidates if p.kind == "text"), candidates[0])]


def _find_several(p: Profile, separator: str) -> tuple[str, bool, bool, str]:
    """(separator, whether cells are written-out lists, whether rows have several labels, why)."""
    if separator:
        return separator, False, True, f"Several labels a row, separated by {separator!r}: as asked."
    if p.kind == "list":
        return "", False, True, f"Several labels a row: the cells of {p.name!r} are lists."
    cells = [value for value in p.values if isinstance(value, str)]
    if cells and sum(as_list(cell) is not None for cell in cells) >= 0.9 * len(cells):
        return "", True, True, f"Several labels a row: the cells of {p.name!r} are lists, written out as text."
    found, why = find_separator(cells)
    return found, False, bool(found), why


def _present(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    values = (row.get(name) for row in rows)
    return [value for value in values if value is not None and value != ""]


def _kind(values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values}
    if kinds & {dict, list}:
        lists = [value for value in values if isinstance(value, list)]
        if dict not in kinds and all(isinstance(item, str | int) for value in lists for item in value):
            return "list"
        # a few nested values among texts are named by their line when they are read
        return "text" if sum(isinstance(value, str) for value in values) > len(values) / 2 else "nested"
    if kinds == {bool}:
        return "bool"
    if all(not isinstance(value, str) or _is_number(value) for value in values):
        return "number"
    return "text"


def _is_number(text: str) -> bool:
    try:
        return len(text) < 40 and float(text) - float(text) == 0  # neither infinite nor NaN
    except ValueError:
        return False


def _rows(p: Profile) -> str:
    return f"{'the first ' if p.rows >= SAMPLE_ROWS else ''}{len(p.values):,} rows"


def _number(value: Any) -> float:
    return float(value)


def _first(parts: Iterable[str], most: int = 12) -> str:
    every = list(parts)
    return "; ".join(every[:most]) + (f"; and {len(every) - most:,} more" if len(every) > most else "")
