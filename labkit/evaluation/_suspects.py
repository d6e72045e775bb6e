"""Rows whose given label is probably wrong, and rows that a classifier is least sure of; from predictions alone.

The predictions must be of rows that the classifier was not trained on: ``out_of_sample`` makes such for training rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from labkit.data import Corpus, normalise
from labkit.errors import DataError, LabError, UnknownName
from labkit.tasks import _classification_metrics as point
from labkit.tasks._baselines import coded, logistic, texts_of, tfidf_logistic
from labkit.tasks._encode import columns_of
from labkit.tasks._predictions import Predictions

Floats = npt.NDArray[np.float64]
Uncertainty = Literal["margin", "entropy", "confidence"]


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A row whose given label is probably wrong; with several labels, one label of the row."""

    row_id: str
    given: str  # with several labels: the label that is probably too much; empty where one is missing
    suggested: str  # with several labels: the label that is probably missing; empty where one is too much
    confidence: float  # probability of what is suggested
    loss: float  # of what is given, in nats
    likely: bool  # whether confident learning counts it as an error


def suspects(predictions: Predictions, *, n: int | None = None) -> list[Suspect]:
    """Rows whose given label is probably wrong, most suspicious first.

    A row is a suspect where another class is more probable than the given one; with several labels, each label by
    itself, at a probability of 0.5. They are ranked by the loss of the given label: on human label errors, the
    out-of-sample loss of a fine-tuned model does better than special detectors (Chong, Hong and Manning 2022, Detecting
    label errors by using pre-trained language models). ``likely`` marks those that confident learning counts as errors:
    the suggested class is at least as probable as it is on average for the rows that have it (Northcutt, Jiang and
    Chuang 2021, Confident learning). How many are likely is an estimate of how many labels are wrong.

    Args:
        predictions: of rows that the classifier was not trained on. Rows without a known label are left out.
        n: return this many at most.

    Raises:
        DataError: no row has a known label.
    """
    kept = point.known(predictions)
    p, gold = kept.probabilities, point.truth(kept)
    if not kept.multi_label:
        everyone = np.arange(len(kept))
        best = p.argmax(axis=1)
        usual = np.array([_mean(p[gold == j, j]) for j in range(len(kept.labels))])
        at, label = np.flatnonzero(p[everyone, best] > p[everyone, gold]), best
        sure, of_given, limit = p[everyone, best][at], p[everyone, gold][at], usual[label[at]]
        names = [(kept.labels[gold[i]], kept.labels[label[i]]) for i in at]
    else:
        given = np.where(gold, p, 1 - p)
        usual_with = np.array([_mean(p[gold[:, j], j]) for j in range(len(kept.labels))])
        usual_without = np.array([_mean(1 - p[~gold[:, j], j]) for j in range(len(kept.labels))])
        at, label = np.nonzero(given < 0.5)
        sure, of_given = 1 - given[at, label], given[at, label]
        has = gold[at, label]
        limit = np.where(has, usual_without[label], usual_with[label])
        names = [(kept.labels[j], "") if h else ("", kept.labels[j]) for j, h in zip(label, has, strict=True)]
    loss = -np.log(np.clip(of_given, np.finfo(np.float64).tiny, 1))
    order = np.argsort(-loss, kind="stable")[:n]
    return [
        Suspect(
            row_id=kept.row_ids[int(at[i])],
            given=names[i][0],
            suggested=names[i][1],
            confidence=float(sure[i]),
            loss=float(loss[i]),
            likely=bool(sure[i] >= limit[i]),
        )
        for i in order
    ]


def uncertain(predictions: Predictions, by: Uncertainty = "margin") -> list[str]:
    """Row ids, those first that the classifier is least sure of: the ones to label next, or to look at.

    The three classic measures of uncertainty sampling (Settles 2009, Active learning literature survey, section 3.1).

    Args:
        predictions: with or without labels.
        by: "margin" between the two most probable classes, "entropy" of all, or "confidence" in the most probable one.
            With several labels, the margin and the confidence are of the least sure label, and the entropy is summed
            over the labels.

    Raises:
        UnknownName: there is no such measure.
        DataError: these are no predictions of classes.
    """
    if by not in get_args(Uncertainty):
        raise UnknownName("measure of uncertainty", by, get_args(Uncertainty))
    if not isinstance(predictions, Predictions):
        raise DataError("predictions of classes", type(predictions).__name__, "a score has no probability")
    p = predictions.probabilities
    if not len(p):
        return []
    if by == "confidence":
        sure = predictions.confidence
    elif by == "entropy":
        sure = -_entropy(p) if not predictions.multi_label else -(_entropy(p) + _entropy(1 - p))
    elif predictions.multi_label:
        sure = np.abs(2 * p - 1).min(axis=1)
    else:
        top = np.sort(np.column_stack([p, np.zeros(len(p))]), axis=1)  # a lone class has nothing beside it
        sure = top[:, -1] - top[:, -2]
    return [predictions.row_ids[int(i)] for i in np.argsort(sure, kind="stable")]


def out_of_sample(
    corpus: Corpus, folds: int = 5, seed: int = 0, *, vectors: npt.NDArray[np.float32] | None = None
) -> Predictions:
    """What a logistic regression says of each training row when trained on the other rows.

    Cross-validation with folds of even classes, in which rows of equal texts stay together: no row is judged by a copy
    of itself. With it, labels can be doubted before any model is trained.

    Args:
        corpus: with a training split that has labels.
        folds: number of parts, each judged by a classifier trained on the others; not more than there are texts.
        seed: of the folds and the solver.
        vectors: what the regression sees of each training row, of shape (rows, features), such as the embeddings of a base
            model (``labkit.models.embed``); TF-IDF when None, which knows far less of what texts mean.

    Returns:
        Predictions of the training rows, in their order. Rows without a label are left out, and so are rows with a
        label that no other text has, as nothing could be learned of it.

    Raises:
        DataError: rows have scores and no classes, fewer than two different texts have a label, or no label is on two of them.
        LabError: ``folds`` is below 2, or there are not as many vectors as rows.
    """
    if folds < 2:
        raise LabError("at least 2 folds", str(folds), "use 5")
    if corpus.scores:
        raise DataError("rows with classes", "rows with scores", "see the scores that stand out with check(corpus)")
    if vectors is not None and len(vectors) != len(corpus["train"]):
        raise LabError(f"{len(corpus['train']):,} vectors, one a training row", f"{len(vectors):,}")
    columns = columns_of(corpus["train"])
    labels = columns.get("label", [])
    at = [i for i, label in enumerate(labels) if label is not None]
    texts = [texts_of(columns)[i] for i in at]
    keys = [normalise(text) for text in texts]
    if len(set(keys)) < 2:
        raise DataError("two or more different texts with a label", f"{len(set(keys))}", "label some rows")
    gold = coded([labels[i] for i in at], corpus.labels, corpus.multi_label, strict=True)
    one_hot = gold if corpus.multi_label else np.eye(len(corpus.labels), dtype=bool)[gold]
    fold = _folds(keys, one_hot, folds, seed)
    p = np.zeros(one_hot.shape)
    judged = np.zeros(len(at), dtype=bool)
    for f in range(fold.max() + 1):
        rest, asked = np.flatnonzero(fold != f), np.flatnonzero(fold == f)
        seen = one_hot[rest]
        if vectors is None:
            (p[asked],) = tfidf_logistic(
                [texts[i] for i in rest], gold[rest], [[texts[i] for i in asked]], seen.mean(axis=0), seed
            )
        else:
            x = np.asarray(vectors)[at]
            (p[asked],) = logistic(x[rest], gold[rest], [x[asked]], one_hot.shape[1], seed)
        judged[asked] = ~(one_hot[asked] & ~seen.any(axis=0)).any(axis=1)
    if not judged.any():
        raise DataError("a label that is on two or more different texts", "none", "label more rows")
    ids = columns["row_id"]
    everyone = Predictions(
        row_ids=[ids[i] for i in at],
        labels=corpus.labels,
        probabilities=p,
        gold=gold,
        multi_label=corpus.multi_label,
    )
    return everyone.take(judged)


def _folds(keys: list[str], one_hot: npt.NDArray[np.bool_], folds: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each row: texts are dealt out class by class (by a row's rarest label, where it has several)."""
    frequency = one_hot.sum(axis=0)
    stratum = np.where(one_hot, frequency, len(one_hot) + 1).argmin(axis=1)
    first = {key: i for i, key in reversed(list(enumerate(keys)))}
    shuffled = np.random.default_rng(seed).permutation(sorted(first.values()))
    dealt = shuffled[np.argsort(stratum[shuffled], kind="stable")]
    of = {keys[i]: position % folds for position, i in enumerate(dealt)}
    return np.array([of[key] for key in keys], dtype=np.int64)


def _entropy(p: Floats) -> Floats:
    entropy: Floats = -(p * np.log(np.clip(p, np.finfo(np.float64).tiny, 1))).sum(axis=1)
    return entropy


def _mean(values: Floats) -> float:
    """NaN, which nothing reaches, where there are none."""
    return float(values.mean()) if len(values) else float("nan")
