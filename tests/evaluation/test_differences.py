"""Two texts word by word: what only one of them has."""

from __future__ import annotations

import time

import pytest

from labkit.evaluation._differences import differences, differences_html, words_of
from labkit.widgets._text_faces import differences_html as on_a_face
from labkit.widgets._text_faces import text_html


def shown(pieces: list[tuple[str, bool]]) -> str:
    return "".join(text if same else f"[{text}]" for text, same in pieces)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("the red car stops", "the blue car stops now", ("the [red] car stops", "the [blue] car stops[ now]")),
        ("a, b", "a b", ("a[,] b", "a b")),
        ("we go home today", "we walk back today", ("we [go home] today", "we [walk back] today")),
        ("same text", "same text", ("same text", "same text")),
        ("", "all new", ("", "[all new]")),
        ("a b", "a  b", ("a[ ]b", "a[  ]b")),
        ("漢字", "漢語", ("漢[字]", "漢[語]")),
        ("שלום עולם", "שלום לך", ("שלום [עולם]", "שלום [לך]")),
    ],
)
def test_differences_word_by_word(first: str, second: str, expected: tuple[str, str]) -> None:
    """The same cases as those of the browser half, in widgets/test/diff.test.ts."""
    found = differences(first, second)
    assert tuple(map(shown, found)) == expected
    assert ["".join(text for text, _ in side) for side in found] == [first, second]


def test_marks_stay_with_their_letters() -> None:
    assert words_of("नमस्ते, x_1") == ["नमस्ते", ",", " ", "x_1"]
    assert words_of("👩‍👩‍👧 e\u0301") == ["👩‍👩‍👧", " ", "e\u0301"]


def test_long_texts_stay_quick() -> None:
    first, second = (f"begin {' '.join(f'{word}{i % 7}' for i in range(20_000))} end" for word in "xy")
    began = time.perf_counter()
    found = differences(first, second)
    assert time.perf_counter() - began < 5
    assert [side[0] for side in found] == [("begin ", True)] * 2 and [side[-1] for side in found] == [
        (" end", True)
    ] * 2


def test_faces_are_escaped_and_cut() -> None:
    true, said = differences_html("a <b>red</b> car", "a <i>blue</i> car")
    assert "<b>" not in true and "<i>" not in said and "&lt;" in true and "<mark" in true and "<mark" in said
    assert differences_html("something", "")[1].count("nothing") == 1
    long = on_a_face("word " * 1000, "ward " * 1000)
    assert all("…" in side and len(side) < 3000 and "dir=auto" in side for side in long)
    assert "nothing" in text_html("") and "nothing" in text_html(None) and "&lt;" in text_html("<b>")
