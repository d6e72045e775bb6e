"""Every layout by its name."""

from __future__ import annotations

from collections.abc import Mapping

from labkit.data._corpus import LayoutName
from labkit.data._layout import Layout
from labkit.data._layout_answers import AnswersLayout
from labkit.data._layout_labels import LabelsLayout
from labkit.data._layout_pairs import PairsLayout
from labkit.data._layout_spans import SpansLayout
from labkit.data._layout_texts import TextsLayout
from labkit.errors import UnknownName

LAYOUTS: Mapping[LayoutName, Layout] = {
    "labels": LabelsLayout(),
    "spans": SpansLayout(),
    "answers": AnswersLayout(),
    "pairs": PairsLayout(),
    "texts": TextsLayout(),
}


def layout_of(name: LayoutName) -> Layout:
    """The layout of that name.

    Raises:
        UnknownName: there is none.
    """
    if name not in LAYOUTS:
        raise UnknownName("layout", name, LAYOUTS)
    return LAYOUTS[name]
