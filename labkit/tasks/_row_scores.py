"""What a single row is judged by, where rows are listed one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True, eq=False)
class RowScores:
    """One figure of each row.

    Attributes:
        name: of the figure, as in the metrics of the task.
        values: of n rows; NaN of a row whose truth is unknown.
        right: whether each row is wholly right; False where that is unknown.
        higher: whether a higher value is a better one.
    """

    name: str
    values: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]
    higher: bool = True

    def worst_first(self) -> npt.NDArray[np.int64]:
        """Positions of the rows with a value, the worst first, and of equal ones the earlier."""
        order = np.argsort(self.values if self.higher else -self.values, kind="stable")
        return order[np.isfinite(self.values[order])].astype(np.int64)
