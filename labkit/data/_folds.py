"""One fold of a cross-validation as test split, the others to train on."""

from __future__ import annotations

import dataclasses
from collections import Counter

from labkit.data import _split
from labkit.data._corpus import Corpus, SplitBy, Step
from labkit.data._scan import AFTER_READING, Scan, done, require_train, scan
from labkit.errors import DataError


def fold(
    corpus: Corpus, folds: int, number: int, *, by: SplitBy = "stratified", group: str | None = None, seed: int = 0
) -> Corpus:
    """Deal the training rows into folds as ``split`` carves them (stratified, equal texts and groups together), and make
    one of them the test split. A test split that the corpus has is left out: it stays apart from a cross-validation.

    Args:
        corpus: with training rows; cleaned, if it is to be. A given validation split stays as it is.
        folds: how many, 2 at least.
        number: which of them is the test split, counted from 0.
        by, group, seed: as for ``split``.

    Raises:
        DataError: fewer than 2 folds, no such fold, more folds than rows of the smallest class or than texts or groups, a
            class whose rows stay together, or a corpus that is split or balanced already.
    """
    require_train(corpus, "fold")
    if earlier := done(corpus, *AFTER_READING):
        raise DataError(
            "a corpus that is not split yet", f"one after {earlier}()", "deal the cleaned corpus into folds"
        )
    if folds < 2:
        raise DataError("2 folds at least", str(folds))
    if not 0 <= number < folds:
        raise DataError(f"a fold from 0 to {folds - 1}", str(number))
    train = corpus["train"]
    columns = list(dict.fromkeys(filter(None, (group, _split._TOGETHER.get(corpus.config.layout)))))
    seen = scan(train, corpus.config.layout)
    if by == "stratified" and not corpus.scores and corpus.labels:
        sizes = Counter(label for labels in seen.labels for label in labels or ())
        smallest = min(corpus.labels, key=lambda label: sizes[label])
        if sizes[smallest] < folds:
            raise DataError(
                f"at least {folds} rows of each class for {folds} folds",
                f"{sizes[smallest]} of {smallest!r}",
                "ask for fewer folds, drop or merge small classes (labkit check names the repairs), or split at random",
            )
    groups = [_split._groups(train, column) for column in columns]
    units = _split._units(_split._binned(seen) if corpus.scores else seen, groups, by, seed)
    if len(units) < folds:
        raise DataError(
            f"at least {folds} different texts or groups for {folds} folds", str(len(units)), "ask for fewer"
        )
    shares = {str(i): 1 / folds for i in range(1, folds)}
    placed = _split._assign(units, shares, _split._lone(units), seed)
    parts = [placed["train"], *(placed[str(i)] for i in range(1, folds))]
    if by == "stratified" and not corpus.scores and corpus.labels:
        _require_each_class(seen, parts, columns)
    held = sorted(parts[number])
    rest = sorted(row for i, part in enumerate(parts) if i != number for row in part)
    splits = {**corpus.splits, "train": train.select(rest), "test": train.select(held)}
    ordered = {name: splits[name] for name in sorted(splits, key=_split._in_order)}
    said = f"Fold {number + 1} of {folds} is the test split: {len(held):,} of {len(train):,} rows, seed {seed}."
    if "test" in corpus:
        said += " The given test split is left out."
    config = dataclasses.replace(corpus.config, folds=folds, fold=number)
    step = Step(name="fold", counts={"test": len(held)}, text=said)
    return corpus.replace(splits=ordered, steps=(*corpus.steps, step), config=config)


def _require_each_class(seen: Scan, parts: list[list[int]], columns: list[str]) -> None:
    """No fold may hold a class whole: the others would be without it."""
    every = Counter(label for labels in seen.labels for label in labels or ())
    for part in parts:
        here = Counter(label for row in part for label in seen.labels[row] or ())
        for label, count in sorted(here.items()):
            if count == every[label]:
                what = f"of one {' or '.join(repr(column) for column in columns)}" if columns else "of one text"
                raise DataError(
                    "rows of each class in two folds at least",
                    f"all {count:,} of {label!r} in one: rows {what} stay together",
                    "drop or merge that class, ask for fewer folds, group otherwise, or split at random",
                )
