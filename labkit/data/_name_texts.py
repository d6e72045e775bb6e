"""Few labels: the names of the classes say something, too."""

from __future__ import annotations

from typing import Any

from labkit.data._corpus import Corpus
from labkit.data._scan import done, fresh_rows, grown, require_train
from labkit.data._texts import normalise
from labkit.errors import DataError, quoted


def name_classes(corpus: Corpus, copies: int, *, template: str = "This sentence is {}") -> Corpus:
    """Add texts made of the names of the classes to the training split; validation and test stay as they are.

    The default template, and rows of it beside the few that are labelled, are those of the setfit package
    (``get_templated_dataset``). Underscores of a name are read as spaces. A text that stands in the validation or test split
    is left out.

    Args:
        corpus: single texts with classes, split already.
        copies: rows of each class.
        template: with {} where the name goes.

    Raises:
        DataError: no classes, pairs of texts, names of digits and signs alone or that read alike, a template without {}, no
            split yet, or named already.
    """
    if copies < 1:
        raise DataError("one text of each class at least", str(copies))
    require_train(corpus, "add names of classes to")
    if not corpus.labels or corpus.scores or corpus.config.layout != "labels":
        raise DataError("texts with classes, whose names say something", "none", "leave data.name_texts at 0")
    if corpus.paired:
        do = "leave data.name_texts at 0"
        raise DataError("single texts, which a class's name can stand beside", "pairs of texts", do)
    mute = [name for name in corpus.labels if not any(one.isalpha() for one in name)]
    if mute:
        do = "give the classes names in words, or leave data.name_texts at 0"
        raise DataError("names of classes that say something", quoted(mute), do)
    if "{}" not in template:
        raise DataError("a template with {} where the class's name goes", repr(template))
    if len(corpus.splits) < 2:
        raise DataError(
            "a validation or test split before adding names",
            "only train",
            "call split() first, or it deals them out, too",
        )
    if done(corpus, "name_classes"):
        raise DataError("a corpus without texts of names yet", "one after name_classes()")
    from datasets import Dataset

    said = {name: template.replace("{}", name.replace("_", " ")) for name in corpus.labels}
    alike: dict[str, list[str]] = {}
    for name, text in said.items():
        alike.setdefault(normalise(text), []).append(name)
    if same := next((names for names in alike.values() if len(names) > 1), None):
        do = "make one class of them, or leave data.name_texts at 0"
        raise DataError("names of classes that tell them apart", f"{quoted(same)}, which read alike", do)
    train = corpus["train"]
    columns: dict[str, list[Any]] = {name: [] for name in train.column_names}
    for name in corpus.labels:
        row = {"text": said[name], "label": [name] if corpus.multi_label else name}
        for copy in range(copies):
            for column, cells in columns.items():
                cells.append(f"name:{name}:{copy + 1}" if column == "row_id" else row.get(column))
    more = Dataset.from_dict(columns, features=train.features)
    fresh = fresh_rows(more, corpus)
    told = f"Added {len(fresh):,} texts of names of classes to train ({template!r})."
    left = len(more) - len(fresh)
    settings: dict[str, Any] = {"name_texts": copies, "name_template": template}
    return grown(corpus, more.select(fresh), "name_classes", told, left_out=left, **settings)
