"""Carving validation and test rows from the training split.

Equal texts are one unit that is never torn apart, as are rows of one group. Units are drawn in the order of a hash of
the seed and their text, so neither the order of the file nor that of the rows within a class matters.
"""

from __future__ import annotations

import dataclasses
import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.data._corpus import Corpus, SplitBy, Step
from labkit.data._scan import AFTER_READING, Labels, Scan, batches, done, require_train, scan, spread
from labkit.errors import DataError, UnknownName

_UNLABELLED = "\x00unlabelled"  # strata that are no class; no label of a file contains U+0000
_NO_TAGS = "\x00no tags"
_SHOWN = 5
_PARTS, _PART_ROWS = 10, 10  # parts of the scores that are strata, and the rows of each at least
_TOGETHER = {"answers": "text_pair"}  # layout → column whose equal values stay on one side in any case


@dataclass(frozen=True, kw_only=True)
class _Unit:
    """Rows that stay together.

    Attributes:
        order: place in the drawing, a hash.
        rows: positions in the training split.
        strata: stratum → number of the rows in it.
    """

    order: bytes
    rows: tuple[int, ...]
    strata: Mapping[str, int]


def split(
    corpus: Corpus,
    *,
    validation: float = 0.1,
    test: float = 0.2,
    by: SplitBy = "stratified",
    group: str | None = None,
    seed: int = 0,
) -> Corpus:
    """Carve the splits that the corpus does not have yet from its training rows. Given splits stay as they are.

    Stratified splits follow Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data" (ECML PKDD
    2011), with whole numbers of rows per label from the largest-remainder method, so that many small classes do not
    add up to a larger split than asked for. Rows keep their order within a split. Scores are stratified by their deciles, or by
    fewer parts of equally many rows where a part would have less than 10. Groups are dealt, the largest first, each to the
    split that lacks most of its labels for its size.

    Args:
        corpus: with training rows; cleaned, if it is to be.
        validation: share of the training rows for validation, 0 ≤ share < 1; 0 carves none.
        test: share of the training rows for the test set, 0 ≤ share < 1; 0 carves none.
        by: "stratified" keeps the share of every label, or of every part of the scores, alike in all splits; "random" does not
            look at labels.
        group: column whose equal values stay on one side, such as an author or a document. Questions about one context stay
            together whatever it is.
        seed: another seed draws other rows.

    Raises:
        DataError: shares out of range, too few different texts or groups for the splits, or a corpus that is split or
            balanced already.
        UnknownName: no such column, or an unknown ``by``.
    """
    require_train(corpus, "split")
    if by not in ("stratified", "random"):
        raise UnknownName("way to split", by, ("stratified", "random"))
    earlier = done(corpus, *AFTER_READING)
    if earlier:
        raise DataError(
            "a corpus that is not split yet",
            f"one after {earlier}()",
            "split the loaded and cleaned corpus again instead",
        )
    for name, share in (("validation", validation), ("test", test)):
        if not 0 <= share < 1:
            raise DataError(f"a share from 0 up to, not including, 1 for {name}", repr(share), "give 0.1 for a tenth")
    shares = {
        name: share for name, share in (("validation", validation), ("test", test)) if share and name not in corpus
    }
    if sum(shares.values()) >= 1:
        raise DataError(
            "shares of validation and test that leave rows to train on", f"{validation} + {test}", "give smaller shares"
        )

    train = corpus["train"]
    together = list(dict.fromkeys(filter(None, (group, _TOGETHER.get(corpus.config.layout)))))
    groups = [_groups(train, column) for column in together]
    seen = scan(train, corpus.config.layout)
    units = _units(_binned(seen) if corpus.scores else seen, groups, by, seed) if shares else []
    lone = _lone(units)
    placed = _assign(units, shares, lone, seed) if shares else {}
    splits = {**corpus.splits, **{name: train.select(sorted(at)) for name, at in placed.items()}}
    splits = {name: splits[name] for name in sorted(splits, key=_in_order)}
    carved = {name: len(placed[name]) for name in shares}
    step = Step(
        name="split",
        counts=carved,
        text=_sentence(corpus, carved, by, together, seed, lone) + _excuse(units, carved, shares, len(train)),
    )
    config = dataclasses.replace(
        corpus.config, validation_share=validation, test_share=test, split_by=by, group=group or "", split_seed=seed
    )
    return corpus.replace(splits=splits, steps=(*corpus.steps, step), config=config)


def _in_order(split: str) -> int:
    order = ("train", "validation", "test")
    return order.index(split) if split in order else len(order)


def _sentence(corpus: Corpus, carved: Mapping[str, int], by: str, groups: list[str], seed: int, lone: set[str]) -> str:
    given = [name for name in ("validation", "test") if name in corpus]
    kept = f"Kept {' and '.join(given)} as given. " if given else ""
    if not carved:
        return kept + "Carved nothing from train."
    how = "at random" if by == "random" else "stratified by label"
    if by != "random" and corpus.scores:
        how = "stratified by the quantiles of the score"
    elif by != "random" and not corpus.labels:
        how = "at random, as there are no labels"
    sizes = " and ".join(f"{count:,} rows for {name}" for name, count in carved.items())
    together = (
        f"equal texts and equal values of {' and '.join(map(repr, groups))} stay" if groups else "equal texts stay"
    )
    text = f"{kept}Carved {sizes} from {corpus.rows['train']:,}, {how}, seed {seed}; {together} on one side."
    classes = sorted(label for label in lone if label[:1] != "\x00")
    if classes:
        more = f" and {len(classes) - _SHOWN:,} more" if len(classes) > _SHOWN else ""
        text += f" Classes too small to split are in train only: {', '.join(map(repr, classes[:_SHOWN]))}{more}."
    return text


def _excuse(units: list[_Unit], carved: Mapping[str, int], shares: Mapping[str, float], total: int) -> str:
    """Why the splits are not as large as asked for, if they are far from it."""
    if all(abs(carved[name] - total * share) <= max(2, 0.2 * total * share) for name, share in shares.items()):
        return ""
    largest = max(len(unit.rows) for unit in units)
    return f" The shares are not those asked for, as up to {largest:,} rows hang together by equal texts or groups."


# --- units ----------------------------------------------------------------------------------------------------------


def _groups(rows: Any, column: str) -> list[bytes | None]:
    if column not in rows.column_names:
        raise UnknownName("column", column, rows.column_names)
    values = (v for batch in batches(rows, [column]) for v in batch[column])
    # a hash, because a context may be a whole document
    return [None if v is None else spread(0, repr(v).encode("utf-8", "surrogatepass")) for v in values]


def _units(rows: Scan, groups: list[list[bytes | None]], by: str, seed: int) -> list[_Unit]:
    """Rows joined by equal texts and, across texts, by equal groups."""
    parent = list(range(len(rows)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for marks in (rows.keys, *groups):
        first: dict[Any, int] = {}
        for i, mark in enumerate(marks):
            if mark is not None and first.setdefault(mark, i) != i:
                parent[root(i)] = root(first[mark])
    members: dict[int, list[int]] = defaultdict(list)
    for i in range(len(rows)):
        members[root(i)].append(i)

    def strata(i: int) -> tuple[str, ...]:
        labels = rows.labels[i]
        if by == "random":
            return ("",)
        return (_UNLABELLED,) if labels is None else labels or (_NO_TAGS,)

    def order(positions: list[int]) -> bytes:
        # empty texts have no key; their row ids tell them apart
        return spread(seed, min(rows.keys[i] or rows.row_ids[i].encode() for i in positions))

    units = []
    for at in members.values():
        counts = dict.fromkeys(strata(at[0]), 1)
        for i in at[1:]:
            for name in strata(i):
                counts[name] = counts.get(name, 0) + 1
        units.append(_Unit(order=order(at), rows=tuple(at), strata=counts))
    return units


def _binned(rows: Scan) -> Scan:
    """The rows with the part of the scores that each is in as its label: deciles, or fewer parts where rows are few."""
    scores = [answer for answer in rows.answers if isinstance(answer, float)]
    parts = min(_PARTS, len(scores) // _PART_ROWS)
    if parts < 2:
        return rows
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, parts + 1)[1:-1]))
    labels: list[Labels] = [
        (f"\x00{np.searchsorted(edges, answer, side='right')}",) if isinstance(answer, float) else None
        for answer in rows.answers
    ]
    return dataclasses.replace(rows, labels=labels)


def _lone(units: list[_Unit]) -> set[str]:
    """Strata that occur in one unit only."""
    counts = Counter(name for unit in units for name in unit.strata)
    return {name for name, count in counts.items() if count == 1}


# --- iterative stratification ---------------------------------------------------------------------------------------


def _assign(units: list[_Unit], shares: Mapping[str, float], lone: set[str], seed: int) -> dict[str, list[int]]:
    """The rows of each split."""
    total = sum(len(unit.rows) for unit in units)
    if len(units) <= len(shares):
        raise DataError(
            f"at least {len(shares) + 1} different texts or groups to carve {' and '.join(shares)} from train",
            f"{len(units)} in {total:,} rows",
            "add rows, or set the share of validation or test to 0 (data.validation_share and data.test_share in a recipe)",
        )
    carved = {name: max(1, round(total * share)) for name, share in shares.items()}
    need = {"train": total - sum(carved.values()), **carved}
    if need["train"] < 1:
        raise DataError("rows to train on", f"{total} rows for {', '.join(need)}", "add rows, or give smaller shares")
    desire = _desires(units, shares, seed)
    # units large beside the smallest split go first, the largest ahead: afterwards there is no room for them. In grouped data
    # all do: dealt by their rarest class alone they leave splits of other sizes than asked for
    grouped = sum(len(unit.rows) for unit in units if len(unit.rows) > 1) > total / 2
    limit = 1 if grouped else max(1, min(carved.values()) / 4)
    units = sorted(units, key=lambda unit: (-len(unit.rows) if len(unit.rows) > limit else 0, unit.order))
    large = sum(len(unit.rows) > limit for unit in units)
    side: list[str] = [""] * len(units)
    left: Counter[str] = Counter()
    holders: dict[str, list[int]] = defaultdict(list)
    for u, unit in enumerate(units):
        for stratum, count in unit.strata.items():
            left[stratum] += count
            holders[stratum].append(u)

    def put(u: int, name: str) -> None:
        side[u] = name
        need[name] -= len(units[u].rows)
        for stratum, count in units[u].strata.items():
            desire[stratum][name] -= count
            left[stratum] -= count

    whole = dict(need)

    def lacking(unit: _Unit) -> str:
        """The split that lacks most of what the unit has, as a share of its own size, of those with room for it."""
        room = [name for name in need if need[name] >= len(unit.rows)] or list(need)

        def lack(name: str) -> float:
            # halfway through the unit, as seats are dealt by Webster: before it the largest units would gather in the small
            # splits, after it in train
            return sum(count * (desire[s][name] - count / 2) for s, count in unit.strata.items()) / max(1, whole[name])

        return max(room, key=lambda name: (lack(name), need[name]))

    for u in range(large):
        put(u, lacking(units[u]))
    if large:
        desire = {stratum: _scaled(wish, left[stratum]) for stratum, wish in desire.items()}
    for u, unit in enumerate(units):
        if not side[u] and not lone.isdisjoint(unit.strata):
            put(u, "train")
    # the rarest label first, because the frequent ones can still make up for it afterwards
    queue = [(count, stratum) for stratum, count in left.items()]
    heapq.heapify(queue)
    while queue:
        count, stratum = heapq.heappop(queue)
        if count != left[stratum]:
            heapq.heappush(queue, (left[stratum], stratum))
            continue
        wish = desire[stratum]
        for u in holders[stratum]:
            if not side[u]:
                put(u, max(need, key=lambda name: (wish[name], need[name])))
    _fill_empty(units, side, list(shares), lone)
    placed: dict[str, list[int]] = {name: [] for name in need}
    for unit, name in zip(units, side, strict=True):
        placed[name].extend(unit.rows)
    return placed


def _desires(units: list[_Unit], shares: Mapping[str, float], seed: int) -> dict[str, dict[str, float]]:
    """How many rows of each stratum each split should get: whole numbers, at least one of each stratum in train."""
    sizes: Counter[str] = Counter()
    for unit in units:
        for stratum, count in unit.strata.items():
            sizes[stratum] += count
    free = {stratum: size - 1 for stratum, size in sizes.items()}
    desire: dict[str, dict[str, float]] = {stratum: {} for stratum in sizes}
    for name, share in sorted(shares.items()):
        exact = {stratum: size * share for stratum, size in sizes.items()}
        for stratum in sizes:
            whole = min(int(exact[stratum]), free[stratum])
            desire[stratum][name] = whole
            free[stratum] -= whole
        rest = round(sum(exact.values())) - sum(desire[stratum][name] for stratum in sizes)
        # equal remainders are drawn by hash, for each split anew: else the same small classes would always go without
        drawn = {s: spread(seed, name.encode(), s.encode("utf-8", "surrogatepass")) for s in sizes}
        ranked = sorted(sizes, key=lambda s: (int(exact[s]) - exact[s], drawn[s]))
        for stratum in ranked:
            if rest > 0 and free[stratum]:
                desire[stratum][name] += 1
                free[stratum] -= 1
                rest -= 1
    for stratum in sizes:
        desire[stratum]["train"] = free[stratum] + 1
    return desire


def _scaled(wish: Mapping[str, float], left: int) -> dict[str, float]:
    """What is still wished for, scaled to what is left, where large units gave a split more than its share."""
    open_wish = {name: max(0.0, rows) for name, rows in wish.items()}
    total = sum(open_wish.values())
    return {name: rows * left / total for name, rows in open_wish.items()} if total else dict(wish)


def _fill_empty(units: list[_Unit], side: list[str], names: list[str], lone: set[str]) -> None:
    """Give a split that got nothing, because units are few and large, the smallest unit that another can spare."""
    for name in names:
        if name not in side:
            held = Counter(side)
            spare = [u for u, at in enumerate(side) if held[at] > 1]
            u = min(spare, key=lambda u: (not lone.isdisjoint(units[u].strata), len(units[u].rows), units[u].order))
            side[u] = name
