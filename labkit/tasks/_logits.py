"""Running a classifier or a regression over tokenised rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from labkit.tasks._encode import Encoded, batches_by_length

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def logits_of(
    model: PreTrainedModel, encoded: Encoded, outputs: int, *, pad_id: int, side: str, batch_size: int
) -> npt.NDArray[np.float64]:
    """The logits of every row, shape (n, outputs); rows run in batches of similar length and come back in their own order."""
    import torch

    found = np.zeros((len(encoded), outputs), dtype=np.float64)
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for rows in batches_by_length(encoded.lengths, batch_size):
                batch = encoded.batch(rows, pad_id, side)
                batch.pop("labels", None)
                logits = model(**{name: part.to(model.device) for name, part in batch.items()}).logits
                found[rows] = logits.double().reshape(len(rows), outputs).cpu().numpy()
    finally:
        model.train(was_training)
    return found
