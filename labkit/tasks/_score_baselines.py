"""The two cheap models that a regression stands beside: the training mean, and ridge regression on TF-IDF.

They are trained on the same training rows and asked about the same rows as the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labkit.errors import DataError
from labkit.tasks._baselines import TOKEN, texts_of
from labkit.tasks._score_predictions import ScorePredictions

MEAN = "training mean"
RIDGE = "TF-IDF + ridge regression"

Rows = Mapping[str, Sequence[Any]]
Floats = npt.NDArray[np.float64]


def score_baselines(train: Rows, test: Rows, *, seed: int = 0) -> dict[str, ScorePredictions]:
    """Train the two baselines and predict.

    The regression is on sublinear TF-IDF of words and word pairs. For pairs of texts it also sees how alike the two are: the
    cosine of their TF-IDF by words and by 3 to 5 characters, the share of words they have in common (Jaccard), and the ratio
    of their lengths. The strength of the penalty is chosen on the training rows, among 0.1, 1 and 10, by five-fold
    cross-validation.

    Args:
        train: columns "text" and "label" (and "text_pair"), as lists; rows whose label is None are left out.
        test: columns "row_id", "text" (and "text_pair"), and "label" where known.
        seed: of the folds.

    Returns:
        Predictions on the test rows by the names "training mean" and "TF-IDF + ridge regression".

    Raises:
        DataError: no training row has a score.
    """
    at = [i for i, label in enumerate(train["label"]) if label is not None]
    if not at:
        raise DataError("training rows with scores", "none", "give the column of the score, or leave the baselines out")
    gold = np.array([float(train["label"][i]) for i in at])
    learnt = {name: [train[name][i] for i in at] for name in ("text", "text_pair") if train.get(name) is not None}
    given = test.get("label")
    truth = None if given is None else np.array([np.nan if one is None else float(one) for one in given])
    n = len(test["row_id"])
    said = {MEAN: np.full(n, gold.mean()), RIDGE: _ridge(learnt, gold, test, seed)}
    return {
        name: ScorePredictions(row_ids=list(test["row_id"]), predicted=scores, gold=truth)
        for name, scores in said.items()
    }


def _ridge(train: Rows, gold: Floats, test: Rows, seed: int) -> Floats:
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.preprocessing import StandardScaler

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=TOKEN)
    words = vectorizer.build_analyzer()
    texts = texts_of(train)
    if not any(words(text) for text in texts) or not len(test["row_id"]):
        return np.full(len(test["row_id"]), gold.mean())
    seen, new = vectorizer.fit_transform(texts), vectorizer.transform(texts_of(test))
    if train.get("text_pair") is not None and test.get("text_pair") is not None:
        mine, its = _alike(train, [train, test], words)
        scaler = StandardScaler().fit(mine)
        seen, new = (
            hstack([some, csr_matrix(scaler.transform(more))]).tocsr() for some, more in ((seen, mine), (new, its))
        )
    strength = 1.0
    if len(gold) >= 10:
        folds = KFold(5, shuffle=True, random_state=seed)
        errors = {
            alpha: float(
                np.mean((cross_val_predict(Ridge(alpha=alpha, solver="lsqr"), seen, gold, cv=folds) - gold) ** 2)
            )
            for alpha in (0.1, 1.0, 10.0)
        }
        strength = min(errors, key=lambda alpha: errors[alpha])
    predicted: Floats = Ridge(alpha=strength, solver="lsqr").fit(seen, gold).predict(new)
    return predicted


def _alike(train: Rows, asked: list[Rows], words: Any) -> list[Floats]:
    """How alike the two texts of each pair are, in four figures a pair."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    firsts, seconds = ([str(text or "") for text in train[name]] for name in ("text", "text_pair"))
    kinds = [
        TfidfVectorizer(sublinear_tf=True, token_pattern=TOKEN),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
    ]
    fitted = []
    for vectorizer in kinds:
        try:
            fitted.append(vectorizer.fit([*firsts, *seconds]))
        except ValueError:  # not a single word
            continue
    found = []
    for rows in asked:
        one, two = ([str(text or "") for text in rows[name]] for name in ("text", "text_pair"))
        columns = [
            np.asarray(vectorizer.transform(one).multiply(vectorizer.transform(two)).sum(axis=1)).ravel()
            for vectorizer in fitted
        ]
        sets = [(set(words(a)), set(words(b))) for a, b in zip(one, two, strict=True)]
        columns.append(np.array([len(a & b) / max(1, len(a | b)) for a, b in sets]))
        sizes = [(len(a) + 1, len(b) + 1) for a, b in zip(one, two, strict=True)]
        columns.append(np.array([min(pair) / max(pair) for pair in sizes]))
        found.append(np.column_stack(columns))
    return found
