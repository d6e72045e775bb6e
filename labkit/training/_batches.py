"""The order of the rows: which go into a batch together, in each epoch.

This is the first half of the seam where training can be made faster (the other is the step, in ``_trainer``): anything that
yields lists of row positions and is told the epoch can stand in its place.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

_POOL = 64  # batches whose rows are sorted together: large enough for even lengths, small enough to stay random
_BLUR = 1.0  # standard deviations of the lengths: by so much, typically, a row is out of place


class Batches(Sampler[list[int]]):
    """Batches in an order that depends on seed and epoch alone, so that a resumed run sees the same ones.

    Args:
        lengths: tokens in each row.
        batch_size: rows in a batch.
        seed: of the order.
        grouped: whether rows of similar length go together. A random order is cut into pools of 64 batches, each pool is
            roughly sorted by length and cut into batches, and the batches are shuffled: little padding, and every row
            still meets other rows in every epoch. Roughly, because texts of one length are alike in other ways too: after
            an epoch of banking77, strictly sorted batches were 1.9 points of accuracy worse than random ones (mean of seven
            seeds). After two epochs of translating from nothing, random ones reached 5.6 BLEU (one seed), batches sorted up
            to a third of a standard deviation 3.6 (one seed), up to a half 5.0 and 0.6, and these 5.7 and 5.5 (two seeds).
        classes: class of each row. Rows are then drawn with replacement, as many as there are, every class with the same
            probability. None: every row comes once in an epoch.
    """

    def __init__(
        self,
        lengths: npt.NDArray[np.int64],
        batch_size: int,
        seed: int,
        *,
        grouped: bool = True,
        classes: npt.NDArray[np.int64] | None = None,
    ) -> None:
        self.lengths, self.batch_size, self.seed, self.grouped = lengths, batch_size, seed, grouped
        self.chances: npt.NDArray[np.float64] | None = None
        if classes is not None:
            _, index, counts = np.unique(classes, return_inverse=True, return_counts=True)
            self.chances = 1 / (len(counts) * counts[index])
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Which epoch the next pass is."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        random = np.random.default_rng((self.seed, self.epoch))
        count = len(self.lengths)
        order = random.permutation(count) if self.chances is None else random.choice(count, count, p=self.chances)
        if not self.grouped:
            yield from (order[at : at + self.batch_size].tolist() for at in range(0, len(order), self.batch_size))
            return
        batches = []
        pool = _POOL * self.batch_size
        blur = _BLUR * float(self.lengths.std()) if len(self.lengths) else 0.0
        for start in range(0, len(order), pool):
            rows = order[start : start + pool]
            rows = rows[np.argsort(self.lengths[rows] + random.normal(0, blur, len(rows)), kind="stable")]
            batches += [rows[at : at + self.batch_size] for at in range(0, len(rows), self.batch_size)]
        for at in random.permutation(len(batches)):
            yield batches[at].tolist()
