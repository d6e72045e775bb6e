"""What a tokenizer makes of a text, token by token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labkit.errors import LabError

if TYPE_CHECKING:
    from labkit.data._check import Tokenizer

_CUT = 50_000  # characters of a text that are looked at, as in ``check``


def tokens_of(texts: Mapping[str, str], tokenizer: Tokenizer, max_length: int) -> list[dict[str, Any]]:
    """The tokens of a text or of a pair, with what truncation cuts off; see ``Table.tokens``.

    Args:
        texts: column → text; one, or two for a pair.
        tokenizer: one of transformers.
        max_length: tokens to cut to.

    Raises:
        LabError: ``max_length`` leaves no room for a token.
    """
    parts = [text[:_CUT] for text in texts.values()]
    columns = list(texts)
    fast = bool(getattr(tokenizer, "is_fast", False))
    options = {"return_special_tokens_mask": True, "return_offsets_mapping": fast, "verbose": False}
    full = tokenizer(*parts, **options)
    special = full["special_tokens_mask"]
    room = max_length - sum(special)
    if room < 1:
        came = f"max_length={max_length}, of which special tokens take {sum(special)}"
        raise LabError("room for at least 1 token", came, "give a larger max_length")
    kept = tokenizer(*parts, truncation=True, max_length=max_length, **options)
    names = tokenizer.convert_ids_to_tokens(full["input_ids"])  # type: ignore[attr-defined]
    sides = _sides(full, fast, len(parts))
    held = _sides(kept, fast, len(parts))
    from_left = getattr(tokenizer, "truncation_side", "right") == "left"
    unknown = getattr(tokenizer, "unk_token_id", None)
    total, left = ([of.count(side) for side in range(len(parts))] for of in (sides, held))
    seen = [0] * len(parts)
    found = []
    for i, (token, side) in enumerate(zip(names, sides, strict=True)):
        own = bool(special[i]) and side is None
        start, end = full["offset_mapping"][i] if fast and side is not None else (None, None)
        beyond: bool | None = False
        if side is not None:
            beyond = seen[side] < total[side] - left[side] if from_left else seen[side] >= left[side]
            seen[side] += 1
        elif not own:
            beyond = None if len(kept["input_ids"]) < len(full["input_ids"]) else False
        found.append(
            {
                "token": token,
                "column": "" if side is None else columns[side],
                "start": start,
                "end": end,
                "unknown": unknown is not None and full["input_ids"][i] == unknown,
                "special": own,
                "beyond": beyond,
            }
        )
    return found


def _sides(encoded: Any, fast: bool, parts: int) -> list[int | None]:
    """Which of the texts each token is from; None for special tokens, and where a slow tokenizer joined a pair."""
    if fast:
        sides: list[int | None] = encoded.sequence_ids(0)
        return sides
    return [0 if parts == 1 and not special else None for special in encoded["special_tokens_mask"]]
