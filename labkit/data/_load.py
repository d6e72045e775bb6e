"""From a configuration to the corpus it describes: read, apply labels, clean, split, balance, rehearse, augment, add names of
classes, in this order."""

from __future__ import annotations

import dataclasses

from labkit.data._augment import Fill, Translate, augment
from labkit.data._balance import balance
from labkit.data._clean import clean
from labkit.data._corpus import Corpus, DataConfig
from labkit.data._folds import fold
from labkit.data._journals.apply import apply
from labkit.data._name_texts import name_classes
from labkit.data._read import read
from labkit.data._rehearse import rehearse
from labkit.data._split import split
from labkit.errors import DataError


def load(config: DataConfig, *, fill: Fill | None = None, translate: Translate | None = None) -> Corpus:
    """Make the corpus that a configuration describes; the same configuration gives the same rows.

    Args:
        config: what to read, and what to do with it.
        fill, translate: for ``augment`` with a model; ``labkit.training`` makes them of the models that are named there.

    Raises:
        DataError: the sources or label journals cannot be read, or have changed since the configuration noted their
            fingerprint; a label journal may have grown.
    """
    corpus = _labelled(config)
    if config.repairs:
        corpus = clean(corpus, config.repairs)
    if config.folds:
        corpus = fold(
            corpus,
            config.folds,
            config.fold,
            by=config.split_by,
            group=config.group or None,
            seed=config.split_seed,
        )
    corpus = split(
        corpus,
        validation=config.validation_share,
        test=config.test_share,
        by=config.split_by,
        group=config.group or None,
        seed=config.split_seed,
    )
    if config.balance != "none":
        corpus = balance(corpus, config.balance, seed=config.split_seed)
    if config.rehearse:
        corpus = rehearse(corpus, config.rehearse, share=config.rehearse_share, seed=config.split_seed)
    if config.augment:
        corpus = augment(
            corpus,
            config.augment,
            copies=config.augment_copies,
            share=config.augment_share,
            seed=config.split_seed,
            fill=fill,
            translate=translate,
        )
        # what the two callables were made of
        made_of = dataclasses.replace(
            corpus.config, augment_model=config.augment_model, augment_translators=config.augment_translators
        )
        corpus = corpus.replace(config=made_of)
    if config.name_texts:
        corpus = name_classes(corpus, config.name_texts, template=config.name_template)
    return corpus


def with_fingerprints(config: DataConfig) -> DataConfig:
    """The configuration with the fingerprints of what it reads now: ``load`` then notices a change.

    Raises:
        DataError: as ``load`` does, for the sources and label journals.
    """
    now = _labelled(config).config
    return dataclasses.replace(
        config, fingerprint=now.fingerprint, labels_fingerprint=now.labels_fingerprint if config.labels else ""
    )


def _labelled(config: DataConfig) -> Corpus:
    """What is read, with the labels of its journals."""
    if not config.train:
        raise DataError("data to train on", "no path", "give a file, a folder or a hub id")
    corpus = read(
        config.train,
        validation=config.validation or None,
        test=config.test or None,
        **config.columns(),
        label_separator=config.label_separator or None,
        multi_label=config.multi_label,
        scores=config.scores,
        id=config.id or None,
        encoding=config.encoding or None,
        delimiter=config.delimiter or None,
        require_label=not config.labels,
        layout=config.layout,
    )
    if config.fingerprint and corpus.config.fingerprint != config.fingerprint:
        raise DataError(
            "the same data as when this recipe was made",
            "files whose content has changed",
            "restore them, or clear data.fingerprint in the recipe and train anew on what is there now",
            file=config.train,
        )
    if config.labels:
        corpus = apply(corpus, config.labels, fingerprint=config.labels_fingerprint)
        if not corpus.labelled and config.layout not in ("pairs", "texts"):
            do = "label some rows first, or choose the column with labels"
            came = f"none ({corpus.steps[0].text.rstrip('.')})"
            raise DataError("labels in the data or in its label journals", came, do, file=config.train)
    return corpus
