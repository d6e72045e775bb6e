"""Tags and spans: what one says in the terms of the other, in every scheme."""

import random

import pytest

from labkit.data import SCHEMES, Span, spans_to_tags, tags_to_spans, word_spans
from labkit.data._layouts.span_edges import cuts_word, trimmed
from labkit.data._layouts.spans import Tags, is_broken, longest, overlaps
from labkit.errors import DataError, UnknownName


def reference(tags: list[str]) -> list[tuple[str, int, int]]:
    """Type, first and last word of each entity, by the published rules of ``get_entities`` in seqeval 1.2.2 (Hiroki Nakayama,
    MIT licence, seqeval/metrics/sequence_labeling.py), written anew."""
    found = []
    before, kind_before, begin = "O", "", 0
    for i, tag in enumerate([*tags, "O"]):
        letter, kind = tag[0], tag[1:].split("-", maxsplit=1)[-1] or "_"
        ends = (
            before in "ES"
            or (before in "BI" and letter in "BSO")
            or (before not in "O." and kind_before != kind)
        )  # fmt: skip
        starts = (
            letter in "BS"
            or (before in "ESO" and letter in "EI")
            or (letter not in "O." and kind_before != kind)
        )  # fmt: skip
        if ends:
            found.append((kind_before, begin, i - 1))
        if starts:
            begin = i
        before, kind_before = letter, kind
    return found


ADVERSARIAL = [
    [],
    ["O"],
    ["I-A"],
    ["I-A", "I-B", "B-B", "I-A"],
    ["B-A", "B-A", "I-A", "O", "I-A"],
    ["B-A-B", "I-A-B", "I-A", "B-_", "I-_"],
    ["E-A", "E-A", "I-A", "S-A", "I-A", "E-A"],
    ["B-A", "E-B", "S-B", "E-B", "B-A", "O", "E-A"],
    ["S-A", "S-A", "B-A", "I-B", "E-A", "I-A", "I-A"],
]


@pytest.mark.parametrize("letters", ["BI", "BIES"])
def test_reads_tags_as_seqeval_does(letters: str) -> None:
    chance = random.Random(0)
    tags = ["O", *(f"{letter}-{kind}" for letter in letters for kind in ("A", "A-B", "I", "_"))]
    drawn = [[chance.choice(tags) for _ in range(chance.randint(1, 9))] for _ in range(1000)]
    for sequence in [*drawn, *ADVERSARIAL]:
        said = [(span.label, span.start, span.end - 1) for span in tags_to_spans(sequence)]
        assert said == reference(sequence), sequence


@pytest.mark.parametrize("scheme", SCHEMES)
def test_there_and_back(scheme: str) -> None:
    chance = random.Random(1)
    for _ in range(300):
        spans, at = [], 0
        while at < 12:
            end = at + chance.randint(1, 3)
            if chance.random() < 0.6:
                spans.append(Span(at, end, chance.choice("AB")))
            at = end + (chance.random() < 0.5 or scheme == "IO")  # in IO, entities that touch become one
        tags = spans_to_tags(spans, 15, scheme)
        assert len(tags) == 15 and tags_to_spans(tags, scheme) == spans
        assert not is_broken(tags, scheme)


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("B-A I-A O B-A", "IOB2"),
        ("I-A I-A O I-B B-B I-B", "IOB1"),
        ("I-A I-A O I-B", "IO"),
        ("PER PER O art-film", "IO"),
        ("B-A E-A O S-B", "IOBES"),
        ("B-A L-A O U-B", "BILOU"),
        ("B I O B", "IOB2"),
        ("O _ O", "IOB2"),
    ],
)
def test_scheme_is_recognised(tags: str, scheme: str) -> None:
    seen = Tags()
    seen.see(tags.split(), 1)
    assert seen.scheme() == scheme


def test_schemes_without_types_or_letters() -> None:
    assert tags_to_spans(["B", "I", "O", "B"]) == [(0, 2, "entity"), (3, 4, "entity")]
    assert tags_to_spans(["PER", "PER", "O", "PER", "LOC"]) == [(0, 2, "PER"), (3, 4, "PER"), (4, 5, "LOC")]


@pytest.mark.parametrize(
    ("tags", "scheme", "broken"),
    [
        ("O I-A", "IOB2", True),
        ("B-A I-B", "IOB2", True),
        ("B-A I-A B-A", "IOB2", False),
        ("I-A B-A I-A", "IOB1", False),
        ("O B-A", "IOB1", True),
        ("B-A O", "IOBES", True),
        ("B-A I-A", "IOBES", True),
        ("B-A E-A S-B", "IOBES", False),
        ("U-A L-A", "BILOU", True),
        ("I-A I-B", "IO", False),
    ],
)
def test_broken_sequences(tags: str, scheme: str, broken: bool) -> None:
    assert is_broken(tags.split(), scheme) is broken


@pytest.mark.parametrize(
    ("tags", "bad"),
    [
        (["B_PER", "O"], "B_PER"),
        (["PER", "B-ORG"], "PER"),
        (["BPER", "IPER", "O"], "PER"),
        (["BPER", "B-ORG"], "BPER"),
        (["b-per", "O"], "b-per"),
        (["B-", "O"], "B-"),
        (["O", ""], "''"),
        (["1", "2", "0"], "number"),
        (["B-A", "E-A", "U-B"], "beside the letters"),
    ],
)
def test_tags_in_no_scheme_are_refused(tags: list[str], bad: str) -> None:
    with pytest.raises(DataError, match=bad):
        tags_to_spans(tags)


def test_what_cannot_be_said_in_tags_is_refused() -> None:
    with pytest.raises(DataError, match="overlap"):
        spans_to_tags([Span(0, 2, "A"), Span(1, 3, "B")], 3)
    with pytest.raises(DataError, match="inside the 3 words"):
        spans_to_tags([Span(2, 4, "A")], 3)
    with pytest.raises(UnknownName, match="IOB2"):
        spans_to_tags([], 3, "IOB3")
    with pytest.raises(UnknownName, match="IOB2"):
        tags_to_spans(["O"], "BIO")
    with pytest.raises(DataError, match="tags in IOB2"):
        tags_to_spans(["B-A", "E-A"], "IOB2")


def test_spans_in_words() -> None:
    words = [0, 3, 4, 8, 9, 10]
    assert word_spans([Span(4, 8, "A"), Span(5, 10, "B"), Span(3, 4, "C")], words) == [(1, 2, "A"), (1, 3, "B")]


def test_overlaps_and_the_longest() -> None:
    spans = [Span(0, 10, "A"), Span(2, 4, "B"), Span(10, 12, "C"), Span(11, 14, "D")]
    assert overlaps(spans) == [(spans[0], spans[1]), (spans[2], spans[3])]
    assert longest(spans) == [spans[0], spans[3]]
    assert overlaps([Span(0, 2, "A"), Span(2, 4, "A")]) == []


@pytest.mark.parametrize(
    ("inside", "kept"),
    [
        (" Paris ", "Paris"),
        ("Paris,", "Paris"),
        ("(Paris", "Paris"),
        ("Paris)", "Paris"),
        ("“Paris”", "“Paris”"),
        ("Bank (UK)", "Bank (UK)"),
        ("yesterday.", "yesterday"),
        ("in 2019 .", "in 2019"),
        ("Pellimar plc.", "Pellimar plc."),
        ("14 Sept.", "14 Sept."),
        ("5 p.m.", "5 p.m."),
        (".NET", ".NET"),
        ("Yahoo!", "Yahoo!"),
        (":-)", ":-)"),
        ("  ", None),
    ],
)
def test_edges(inside: str, kept: str | None) -> None:
    text = f"x {inside} y"
    found = trimmed(text, Span(2, 2 + len(inside), "A"))
    assert (found and text[found.start : found.end]) == kept


def test_words_that_are_cut() -> None:
    assert cuts_word("in Paris now", Span(3, 6, "A")) and cuts_word("in Paris now", Span(4, 8, "A"))
    assert not cuts_word("a Berlin-based one", Span(2, 8, "A")) and not cuts_word("我在北京住", Span(2, 4, "A"))
