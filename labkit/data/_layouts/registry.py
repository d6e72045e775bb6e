"""Every layout by its name."""

from __future__ import annotations

from collections.abc import Mapping

from labkit.data._corpus import LayoutName
from labkit.data._layouts.answers_layout import AnswersLayout
from labkit.data._layouts.labels_layout import LabelsLayout
from labkit.data._layouts.layout import Layout
from labkit.data._layouts.pairs_layout import PairsLayout
from labkit.data._layouts.spans_layout import SpansLayout
from labkit.data._layouts.texts_layout import TextsLayout
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
