"""Evening out the classes of the training split: by copying rows, by leaving rows out, or by weights in the loss."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

from labkit.data._corpus import Balance, Corpus, Step
from labkit.data._scan import as_labels, batches, done, label_counts, require_train, scan, spread
from labkit.errors import DataError, UnknownName

_LARGEST = 20_000_000  # rows after oversampling
_BOUND = 100.0  # a label on one row in a million must not drown all the others


def balance(corpus: Corpus, how: Balance, *, seed: int | None = None) -> Corpus:
    """Give every class of the training split the same number of rows. Validation and test stay as they are.

    Args:
        corpus: with a validation or test split, and one label a row.
        how: "oversample" copies rows of the smaller classes up to the largest (copies keep their row id), each row as
            often as any other of its class, give or take one; "undersample" leaves rows of the larger classes out down
            to the smallest; "batches" leaves the rows as they are, and training draws every class with the same
            probability; "none" changes nothing. Rows without a label stay.
        seed: draws which rows; by default that of the split, which the recipe records for both.

    Raises:
        UnknownName: another ``how``.
        DataError: no labels, several labels a row, scores, no split yet, balanced already, a seed other than that of the split,
            or more than 20 million rows to come.
    """
    known = ("none", "oversample", "undersample", "batches")
    if how not in known:
        raise UnknownName("way to balance", how, known)
    if how == "none":
        return corpus
    require_train(corpus, "balance")
    if corpus.scores:
        raise DataError("classes to balance", "scores", "leave data.balance at none: a score is no class")
    if corpus.multi_label:
        came, do = "several labels a row", "weigh the labels in the loss: technique.class_weights = true"
        if corpus.config.layout == "spans":  # tags of words: a row has many, and its loss knows no weights
            came = "rows with spans of several types"
            do = "leave data.balance at none; technique.loss = 'focal' counts what is easy, most words, for less"
        raise DataError("one label a row to balance", came, do)
    if later := done(corpus, "rehearse", "augment", "name_classes"):
        raise DataError("a corpus without added rows yet", f"one after {later}()", "balance first")
    if done(corpus, "balance"):
        raise DataError(
            "a corpus that is not balanced yet", "one after balance()", "balance the split corpus again instead"
        )
    if len(corpus.splits) < 2:
        raise DataError(
            "a validation or test split before balancing",
            "only train",
            "call split() first, or copies of one row land on both sides",
        )
    if seed is None:
        seed = corpus.config.split_seed
    elif seed != corpus.config.split_seed and done(corpus, "split"):
        raise DataError(
            "the seed of the split, which the recipe keeps for both",
            f"{seed}, not {corpus.config.split_seed}",
            "leave it out",
        )

    train = corpus["train"]
    rows = scan(train, corpus.config.layout)
    members: dict[str, list[int]] = defaultdict(list)
    for i, labels in enumerate(rows.labels):
        if labels:
            members[labels[0]].append(i)
    if not members:
        raise DataError("labelled rows in train", "none", "give the column of the label, or do not balance")
    if how == "batches":
        said = (
            f"Rows of train are drawn so that each of its {len(members):,} classes has the same share of the batches."
        )
        config = dataclasses.replace(corpus.config, balance=how, split_seed=seed)
        return corpus.replace(steps=(*corpus.steps, Step(name="balance", counts={}, text=said)), config=config)
    sizes = [len(at) for at in members.values()]
    size = max(sizes) if how == "oversample" else min(sizes)
    if size * len(members) > max(_LARGEST, 2 * len(rows)):
        raise DataError(
            f"at most {_LARGEST:,} rows after oversampling",
            f"{size * len(members):,} ({len(members):,} classes of {size:,})",
            "weigh the classes in the loss: technique.class_weights = true",
        )
    positions = [i for i, labels in enumerate(rows.labels) if not labels]
    for at in members.values():
        drawn = sorted(at, key=lambda i: (spread(seed, rows.row_ids[i].encode()), rows.row_ids[i]))
        copies, more = divmod(size, len(at))
        positions += at * copies + drawn[:more]
    positions.sort()
    change = len(positions) - len(rows)
    verb = f"Copied {change:,} rows" if how == "oversample" else f"Left out {-change:,} rows"
    step = Step(
        name="balance",
        counts={"train": abs(change)},
        text=f"{verb} of train, so that each of its {len(members):,} classes has {size:,}, seed {seed}.",
    )
    return corpus.replace(
        splits={**corpus.splits, "train": train.select(positions)},
        steps=(*corpus.steps, step),
        config=dataclasses.replace(corpus.config, balance=how, split_seed=seed),
    )


def class_weights(corpus: Corpus) -> dict[str, float]:
    """Weights for the loss that make every class of the training split count alike.

    With one label a row: n / (k · nᵢ) for n labelled rows, k classes and nᵢ rows of class i, which average to 1 over
    the rows (King and Zeng, "Logistic Regression in Rare Events Data", 2001; ``"balanced"`` in scikit-learn). With
    several labels a row: the weight of the rows that have the label, rows without it over rows with it, 0.01 to 100.

    Returns:
        Label → weight, in the order of ``corpus.labels``; 1 for a label without training rows.

    Raises:
        DataError: no labelled training rows, or rows with scores.
    """
    require_train(corpus, "weigh")
    if corpus.scores:
        raise DataError("classes to weigh", "scores", "leave technique.class_weights at false: a score is no class")
    train = corpus["train"]
    cells = (
        [labels for batch in batches(train, ["label"], 20_000) for labels in map(as_labels, batch["label"])]
        if "label" in train.column_names
        else []
    )
    total, counts = sum(labels is not None for labels in cells), label_counts(cells)
    if not counts:
        raise DataError("labelled rows in train", "none", "give the column of the label")
    if corpus.multi_label:
        return {
            label: min(_BOUND, max(1 / _BOUND, (total - counts[label]) / counts[label])) if counts[label] else 1.0
            for label in corpus.labels
        }
    return {label: total / (len(counts) * counts[label]) if counts[label] else 1.0 for label in corpus.labels}
