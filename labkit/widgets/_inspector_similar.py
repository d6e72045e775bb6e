"""Rows whose texts are most like one, by the embeddings of a base model, kept while the rows to compare stay the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.data import Table, View
from labkit.errors import LabError
from labkit.models import embed, nearest
from labkit.widgets._inspector_parts import labels_of

COMPARED = 20_000
"""Rows whose texts are compared at most: some minutes of a CPU, once."""

_MOST = 500
_READ = 500  # characters of a text: about the tokens that are embedded
_TEXT = 300


class Similar:
    """Finds similar rows; it remembers the vectors of the rows that were compared last."""

    def __init__(self) -> None:
        self._key: Any = None
        self._vectors: Any = None

    def rows(
        self, table: Table, view: View, position: int, n: int, model: str, progress: Callable[[int, int], None]
    ) -> list[dict[str, Any]]:
        """The rows most like one, the most similar first.

        Args:
            table: of all rows; they are compared if they are not more than ``COMPARED``.
            view: else these are.
            position: of the row in question.
            n: rows wanted, 1 to 500.
            model: an encoder.
            progress: called with the number of texts that are embedded, and of all.

        Raises:
            LabError: too many rows, or an ``n`` that is not possible; or as ``embed``.
        """
        if not 1 <= n <= _MOST:
            raise LabError(f"1 to {_MOST} similar rows", f"n={n}")
        if len(table) <= COMPARED:
            view = table.view()
        if view.count > COMPARED:
            do = "search or filter first, and then look for similar rows among what is left"
            raise LabError(f"at most {COMPARED:,} rows to compare", f"{view.count:,}", do)
        rows = view.page(0, view.count)
        positions = np.array([row["position"] for row in rows], dtype=np.int32)
        key = (id(table), model, positions.tobytes())
        if self._key != key:
            self._vectors, self._key = embed([_text(row) for row in rows], model, progress=progress), key
        own = np.flatnonzero(positions == position)
        query = self._vectors[own[0]] if len(own) else embed([_text(table.row(position))], model)[0]
        found, cosines = nearest(self._vectors, query, n + 1)
        answers = []
        for at, cosine in zip(found, cosines, strict=True):
            row = rows[at]
            if row["position"] != position:
                answers.append(
                    {
                        "row_id": row["row_id"],
                        "score": round(float(cosine), 4),
                        "text": str(row.get("text") or "")[:_TEXT],
                        "split": row["split"],
                        "labels": labels_of(row),
                    }
                )
        return answers[:n]


def _text(row: Any) -> str:
    return "\n".join(str(row.get(name) or "")[:_READ] for name in ("text", "text_pair") if name in row)
