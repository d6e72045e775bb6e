"""Labelled stretches of a text: what they are, and the schemes of tags that say the same word by word.

The schemes: IOB1 (a B- only between two entities of one type that touch; Ramshaw and Marcus 1995), IOB2 (a B- on every first
word; Tjong Kim Sang and Veenstra 1999), IOBES and BILOU (the last word and the only word have letters of their own; Ratinov and
Roth 2009), IO (no letter says where an entity begins, or there are bare types).
"""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from labkit.errors import DataError, UnknownName, quoted

Scheme = Literal["IOB1", "IOB2", "IOBES", "BILOU", "IO"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
NOTHING = "_"
"""What CoNLL-U writes where nothing is given."""
OUTSIDE = ("O", NOTHING)
"""Tags of a word that belongs to no entity."""
UNTYPED = "entity"
"""Type of an entity whose tags are bare letters."""

_LETTERS = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}
_PREFIXED = re.compile(r"([BIMELSU])-(.+)", re.DOTALL)
_MISSPELT = re.compile(r"[BIMELSUbimelsu][_:./]|[bimelsu]-")
_GLUED = re.compile(r"[BI]([A-Z]\w*)")


class Span(NamedTuple):
    """A labelled stretch of a text.

    Attributes:
        start: first character.
        end: character behind the last one.
        label: type of the entity.
    """

    start: int
    end: int
    label: str


def tags_to_spans(tags: Sequence[str], scheme: Scheme | None = None) -> list[Span]:
    """The entities that a sequence of tags stands for, in words: ``start`` is the first word, ``end`` the one behind the last.

    A sequence that breaks its scheme is read as leniently as ``get_entities`` of seqeval (Nakayama 2018) does in its default
    mode: an I- or E- behind an O or behind another type begins an entity.

    Args:
        tags: one for each word, such as "B-PER"; L- and U- stand for E- and S-.
        scheme: how they are to be understood; None: as the tags themselves show.

    Raises:
        DataError: a tag that the scheme does not know, or that is in no scheme.
        UnknownName: no such scheme.
    """
    seen = Tags()
    seen.see(tags, 0)
    return read_tags(tags, seen.scheme(scheme))


def spans_to_tags(spans: Iterable[Span], length: int, scheme: Scheme = "IOB2") -> list[str]:
    """The inverse of ``tags_to_spans``.

    Args:
        spans: in words; no two overlap.
        length: number of words.
        scheme: in which to write; in IO, entities of one type that touch become one.

    Raises:
        DataError: two spans overlap, or one is empty or reaches beyond the last word.
        UnknownName: no such scheme.
    """
    if scheme not in SCHEMES:
        raise UnknownName("tag scheme", scheme, SCHEMES)
    tags = ["O"] * length
    before: Span | None = None
    for span in sorted(spans):
        if not 0 <= span.start < span.end <= length:
            came = f"{span.label!r} from {span.start} to {span.end}"
            raise DataError(f"spans inside the {length} words, none of them empty", came, "mend that span")
        if before and span.start < before.end:
            do = "a word has one tag: keep one of the two"
            raise DataError("spans that do not overlap", f"{tuple(before)} and {tuple(span)}", do)
        touching = before is not None and before.end == span.start and before.label == span.label
        first, inner, last, only = {
            "IOB1": ("BI"[not touching], "I", "I", "BI"[not touching]),
            "IOB2": ("B", "I", "I", "B"),
            "IOBES": ("B", "I", "E", "S"),
            "BILOU": ("B", "I", "L", "U"),
            "IO": ("I", "I", "I", "I"),
        }[scheme]
        letters = [only] if span.end - span.start == 1 else [first, *[inner] * (span.end - span.start - 2), last]
        tags[span.start : span.end] = [f"{letter}-{span.label}" for letter in letters]
        before = span
    return tags


def word_spans(spans: Iterable[Span], words: Sequence[int]) -> list[Span]:
    """Spans in words instead of characters; a word that a span covers in part belongs to it.

    Args:
        spans: in characters.
        words: start and end of each word, flattened: the column ``words`` of a corpus.

    Returns:
        The spans in their order, without those that touch no word.
    """
    pairs = list(zip(words[::2], words[1::2], strict=True))
    found = []
    for span in spans:
        inside = [i for i, (start, end) in enumerate(pairs) if start < span.end and end > span.start]
        if inside:
            found.append(Span(inside[0], inside[-1] + 1, span.label))
    return found


def overlaps(spans: Sequence[Span]) -> list[tuple[Span, Span]]:
    """Pairs of spans that share a character, each span with the first one that reaches into it."""
    found = []
    reach: Span | None = None
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if reach and span.start < reach.end:
            found.append((reach, span))
        if not reach or span.end > reach.end:
            reach = span
    return found


def longest(spans: Sequence[Span]) -> list[Span]:
    """The spans of which no two overlap: the longest first, of equally long ones the first."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start - span.end, span.start)):
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return sorted(kept)


# --- tags -----------------------------------------------------------------------------------------------------------


def looks_like_tag(text: str) -> bool:
    """Whether it is the tag of a word in a scheme with letters."""
    return text in OUTSIDE or _PREFIXED.fullmatch(text) is not None


def _parts(tag: str, scheme: Scheme) -> tuple[str, str]:
    """Letter and type; ("O", "") outside."""
    if tag in OUTSIDE:
        return "O", ""
    if match := _PREFIXED.fullmatch(tag):
        return _LETTERS[match[1]], match[2]
    return ("I", tag) if scheme == "IO" else (_LETTERS[tag], UNTYPED)


def read_tags(tags: Sequence[str], scheme: Scheme) -> list[Span]:
    """The entities of a sequence whose tags are known to be in the scheme; see ``tags_to_spans``."""
    found: list[Span] = []
    start, letter_before, type_before = -1, "O", ""
    for i, tag in enumerate(itertools.chain(tags, ("O",))):
        letter, kind = _parts(tag, scheme)
        begins = letter != "O" and (letter in "BS" or letter_before in "OES" or kind != type_before)
        if start >= 0 and (begins or letter == "O"):
            found.append(Span(start, i, type_before))
            start = -1
        if begins:
            start = i
        letter_before, type_before = letter, kind
    return found


def is_broken(tags: Sequence[str], scheme: Scheme) -> bool:
    """Whether the scheme forbids the sequence, such as I-PER behind an O in IOB2."""
    return any(_forbidden(before, after, scheme) for before, after in itertools.pairwise(("O", *tags, "O")))


@functools.lru_cache(maxsize=10_000)
def _forbidden(tag_before: str, tag_after: str, scheme: Scheme) -> bool:
    before, after = _parts(tag_before, scheme), _parts(tag_after, scheme)
    same = before[1] == after[1]
    if scheme == "IO":
        return False
    if scheme == "IOB1":
        return after[0] == "B" and not (before[0] in "BI" and same)
    inside = after[0] in "IE"
    if scheme == "IOB2":
        return inside and not (before[0] in "BI" and same)
    return inside != (before[0] in "BI") or (inside and not same)


@dataclass(kw_only=True)
class Tags:
    """What all tags of a source show of their scheme; several sources can be added up.

    Attributes:
        file: how messages name the source.
        lines: tag → file and line where it stands first.
        counts: tag → how often it occurs.
        pairs: tag and the one behind it → how often; O stands before and behind a sequence.
    """

    file: str | None = None
    lines: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)

    def see(self, tags: Sequence[str], line: int, *, by_line: bool = False) -> None:
        """Take in a sequence that stands in ``line``, or whose tags stand in the lines from there on."""
        for i, tag in enumerate(tags):
            if tag not in self.lines:
                self.lines[tag] = self.file, line + i * by_line
        self.counts.update(tags)
        self.pairs.update(itertools.pairwise(("O", *tags, "O")))

    def add(self, other: Tags) -> None:
        """Take in what another source shows."""
        self.lines = {**other.lines, **self.lines}
        self.counts += other.counts
        self.pairs += other.pairs

    def types(self, scheme: Scheme) -> set[str]:
        """The types of entities."""
        return {_parts(tag, scheme)[1] for tag in self.counts} - {""}

    def breaks(self, scheme: Scheme) -> bool:
        """Whether the scheme forbids some of the sequences."""
        return any(_forbidden(*pair, scheme) for pair in self.pairs)

    def scheme(self, wanted: Scheme | None = None, column: str | None = None) -> Scheme:
        """The scheme that the tags are in.

        Args:
            wanted: the scheme to insist on.
            column: as messages name it.

        Raises:
            DataError: tags that are in no scheme, or in no single one.
            UnknownName: no scheme has the wanted name.
        """
        if wanted is not None and wanted not in SCHEMES:
            raise UnknownName("tag scheme", wanted, SCHEMES)

        def refuse(expected: str, tag: str, why: str, do: str) -> DataError:
            file, row = self.lines[tag]
            return DataError(expected, f"the tag {tag!r}{why}", do, file=file, row=row or None, column=column)

        inside = [tag for tag in self.counts if tag not in OUTSIDE]
        prefixed = {tag: match[1] for tag in inside if (match := _PREFIXED.fullmatch(tag))}
        bare = not prefixed and "B" in inside and all(tag in _LETTERS for tag in inside)
        others = [] if bare else [tag for tag in inside if tag not in prefixed]
        form = "tags such as B-PER, I-PER and O"
        do = "write a letter (B, I, E, S), a hyphen and the type, or O"
        for tag in others:
            if not tag.strip():
                raise refuse(form, tag, ", an empty one", "give every word a tag, and O where there is no entity")
            if _MISSPELT.match(tag) or tag in ("B", "I") or tag == "o" or tag.endswith("-"):
                raise refuse(form, tag, ", which is in no scheme", do)
            glued = _GLUED.fullmatch(tag)
            if glued and {f"B{glued[1]}", f"I{glued[1]}"} <= set(others):
                raise refuse(form, tag, ", which is in no scheme", do)
            if tag.isdecimal():
                names = "give a Dataset with a ClassLabel feature, or write the names into the column"
                raise refuse(form, tag, ", a number without a name", names)
        if others and prefixed:
            rare = min(others, key=lambda tag: self.counts[tag])
            one = next(iter(prefixed))
            raise refuse("tags of one scheme", rare, f" beside {one!r}", do)
        letters = set(inside) if bare else set(prefixed.values())
        if letters & {"L", "U"} and letters & {"E", "S", "M"}:
            odd = min((tag for tag in inside if tag[0] in "LUES"), key=lambda tag: self.counts[tag])
            raise refuse("tags of one scheme", odd, f" beside the letters {quoted(sorted(letters))}", do)
        found = self._of(letters)
        if wanted is None:
            return found
        allowed = {"IOB1": "BI", "IOB2": "BI", "IOBES": "BIMES", "BILOU": "BILU", "IO": "I"}[wanted]
        if (others and wanted != "IO") or not letters <= set(allowed):
            odd = next(tag for tag in inside if tag in others or tag[0] not in allowed)
            raise refuse(f"tags in {wanted}", odd, "", "leave out the scheme to have it detected")
        return wanted

    def _of(self, letters: set[str]) -> Scheme:
        if letters & {"L", "U"}:
            return "BILOU"
        if letters & {"E", "S", "M"}:
            return "IOBES"
        if "B" not in letters:
            return "IOB2" if self.counts.keys() <= set(OUTSIDE) else "IO"
        starts: Counter[str] = Counter()
        for pair, count in self.pairs.items():
            before, after = (_parts(tag, "IOB2") for tag in pair)
            if before[1] != after[1]:
                starts[after[0]] += count
        return "IOB1" if starts["I"] > starts["B"] else "IOB2"
