"""Predictions made from random numbers."""

import numpy as np

from labkit.tasks._predictions import Predictions


def make(n: int, k: int, *, seed: int = 0, strength: float = 2.0) -> Predictions:
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), gold] += strength
    p = np.exp(logits)
    return Predictions(
        row_ids=[f"r{i}" for i in range(n)],
        labels=tuple(f"c{j}" for j in range(k)),
        probabilities=p / p.sum(axis=1, keepdims=True),
        gold=gold,
    )


def make_multi(n: int = 300, k: int = 4, *, seed: int = 0, strength: float = 2.0) -> Predictions:
    rng = np.random.default_rng(seed)
    gold = rng.random((n, k)) < 0.3
    return Predictions(
        row_ids=[f"r{i}" for i in range(n)],
        labels=tuple(f"t{j}" for j in range(k)),
        probabilities=1 / (1 + np.exp(1 - strength * gold - rng.normal(size=(n, k)))),
        gold=gold,
        multi_label=True,
        thresholds=np.full(k, 0.6),
    )
