"""Few labels: the names of the classes say something, too."""

from __future__ import annotations

import dataclasses
from typing import Any

from labkit.data._corpus import Corpus, Step
from labkit.data._scan import done, require_train
from labkit.errors import DataError, quoted


def name_classes(corpus: Corpus, copies: int, *, template: str = "This sentence is {}") -> Corpus:
    """Add texts made of the names of the classes to the training split; validation and test stay as they are.

    The default template, and rows of it beside the few that are labelled, are those of the setfit package
    (``get_templated_dataset``). Underscores of a name are read as spaces.

    Args:
        corpus: single texts with classes, split already.
        copies: rows of each class.
        template: with {} where the name goes.

    Raises:
        DataError: no classes, pairs of texts, names of digits and signs alone, a template without {}, no split yet, or named
            already.
    """
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
            "call split() first, or they are judged by, too",
        )
    if done(corpus, "name_classes"):
        raise DataError("a corpus without texts of names yet", "one after name_classes()")
    from datasets import Dataset, concatenate_datasets

    train = corpus["train"]
    columns: dict[str, list[Any]] = {name: [] for name in train.column_names}
    for name in corpus.labels:
        row = {
            "text": template.replace("{}", name.replace("_", " ")),
            "label": [name] if corpus.multi_label else name,
        }
        for copy in range(copies):
            for column, cells in columns.items():
                cells.append(f"name:{name}:{copy + 1}" if column == "row_id" else row.get(column))
    more = Dataset.from_dict(columns, features=train.features)
    told = f"Added {len(more):,} texts of names of classes to train ({template!r})."
    return corpus.replace(
        splits={**corpus.splits, "train": concatenate_datasets([train, more])},
        steps=(*corpus.steps, Step(name="name_classes", counts={"train": len(more)}, text=told)),
        config=dataclasses.replace(corpus.config, name_texts=copies, name_template=template),
    )
