"""Rehearsal: rows of earlier training data come again, so that they are not forgotten."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from labkit.data._corpus import Corpus, DataConfig
from labkit.data._read import read
from labkit.data._scan import done, fresh_rows, grown, require_train, spread
from labkit.errors import DataError, UnknownName, quoted


def rehearse(corpus: Corpus, earlier: str | os.PathLike[str], *, share: float = 0.1, seed: int = 0) -> Corpus:
    """Mix rows of earlier training data into the training split (Robins 1995, Catastrophic forgetting, rehearsal and
    pseudorehearsal).

    Args:
        corpus: split already.
        earlier: data of the same kind and with no other classes, as ``read`` takes it; in columns of the same names, or, where
            it has none of these, in such as are found.
        share: how many rows, as a share of the training rows; all of them where there are fewer.
        seed: of the draw.

    Raises:
        DataError: other classes or columns, no split yet, or rehearsed already.
    """
    from datasets import Dataset

    require_train(corpus, "mix earlier rows into")
    if len(corpus.splits) < 2:
        raise DataError("a validation or test split before rehearsing", "only train", "call split() first")
    if later := done(corpus, "rehearse", "augment", "name_classes"):
        raise DataError("a corpus without earlier rows or other added ones yet", f"one after {later}()")
    other = _alike(earlier, corpus.config)
    strange = [label for label in other.labels if label not in corpus.labels]
    if strange or (other.multi_label, other.scores) != (corpus.multi_label, corpus.scores):
        came = f"others: {quoted(strange)}" if strange else "labels of another kind"
        do = "measure what is forgotten with labkit.training.forgetting instead, and counter it with technique.l2_sp"
        raise DataError("earlier rows with the same classes", came, do, file=os.fspath(earlier))
    rows, train = other["train"], corpus["train"]
    fresh = fresh_rows(rows, corpus)  # earlier data is often an older export of the same
    left = len(rows) - len(fresh)
    if not fresh:
        came = "only rows of the validation or test split"
        raise DataError("earlier rows to train on", came, "name other data", file=os.fspath(earlier))
    rows = rows.select(fresh)
    ids = list(rows["row_id"])
    drawn = sorted(range(len(ids)), key=lambda i: (spread(seed, ids[i].encode()), ids[i]))[
        : max(1, round(share * len(train)))
    ]
    some = rows.select(sorted(drawn)).to_dict()
    assert isinstance(some, dict)
    columns = {name: some.get(name, [None] * len(drawn)) for name in train.column_names}
    columns["row_id"] = [f"earlier:{one}" for one in some["row_id"]]
    more = Dataset.from_dict(columns, features=train.features)
    told = f"Mixed {len(more):,} earlier rows into train, seed {seed}."
    settings: dict[str, Any] = {"rehearse": os.fspath(earlier), "rehearse_share": share, "split_seed": seed}
    return grown(corpus, more, "rehearse", told, left_out=left, **settings)


def _alike(earlier: str | os.PathLike[str], config: DataConfig) -> Corpus:
    """Data read as other data was."""
    reading = partial(
        read,
        earlier,
        layout=config.layout,
        label_separator=config.label_separator or None,
        multi_label=config.multi_label,
        scores=config.scores,
    )
    try:
        return reading(**config.columns())
    except UnknownName:  # its columns are called otherwise
        try:
            return reading()
        except DataError as error:
            columns = ", ".join(repr(one) for one in (config.text, config.text_pair, *config.label) if one)
            do = f"call its columns as those of the data are: {columns}"
            raise DataError(error.expected, error.came, do, file=os.fspath(earlier)) from error
