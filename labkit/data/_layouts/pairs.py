"""Pairs of source and target that do not belong together, found by what the rest of the corpus does.

Whether a target belongs to its source is a likelihood ratio, with the row itself left out of all counts: in two languages by
word translation probabilities (IBM model 1, Brown et al. 1993, The Mathematics of Statistical Machine Translation), in one by
how often words of a target stand in their own source and how often in any other. Below 0 the target is likelier without its
source than with it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from labkit.data._corpus import Corpus
from labkit.data._scan import batches
from labkit.data._texts import normalise

_WORD = re.compile(r"[^\W\d_]+|\d+")
_DIGITS = re.compile(r"\d+")
_MOST_WORDS = 60  # of a text, that take part in the word translations
_MOST_LINKS = 2_000_000  # word pairs that are learnt from: some seconds
_ROUNDS = 5
_UNSURE = 0.2  # share of rows against which nothing is said any more, as the measure does not fit the corpus
_NEAR = math.log(2)  # factor by which a length may always differ
_FAR = 5.0  # robust standard deviations from the usual ratio of the lengths
_SIDE = 2.0  # log odds from which words speak for one side


@dataclass(kw_only=True, eq=False)
class Pairs:
    """Every row of a corpus that has both a source and a target, and what is wrong with some.

    Attributes:
        at: split and position of each of n rows.
        sources, targets: their texts.
    """

    at: list[tuple[str, int]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)

    def places(self, rows: Iterable[int]) -> dict[str, list[int]]:
        """Split → positions of some of the rows."""
        found: dict[str, list[int]] = {}
        for i in rows:
            split, at = self.at[i]
            found.setdefault(split, []).append(at)
        return found

    @cached_property
    def source_words(self) -> list[Counter[str]]:
        return [Counter(_WORD.findall(text.casefold())) for text in self.sources]

    @cached_property
    def target_words(self) -> list[Counter[str]]:
        return [Counter(_WORD.findall(text.casefold())) for text in self.targets]

    @cached_property
    def one_language(self) -> bool:
        """Whether source and target are in the same language: a third of the words of the targets stand in their sources."""
        there = [
            sum(word in source for word in target) / len(target)
            for source, target in zip(self.source_words, self.target_words, strict=True)
            if target
        ]
        return bool(there) and float(np.median(there)) > 1 / 3

    @cached_property
    def shorter(self) -> bool:
        """Whether targets are mostly much shorter than their sources, as summaries are."""
        ratios = [len(b) / len(a) for a, b in zip(self.sources, self.targets, strict=True)]
        return bool(ratios) and float(np.median(ratios)) < 0.6

    @cached_property
    def copies(self) -> list[int]:
        """Rows whose target is their source, where that is more than a name."""
        return [
            i
            for i, (a, b) in enumerate(zip(self.sources, self.targets, strict=True))
            if normalise(a) == normalise(b) and self.target_words[i].total() > 1
        ]

    @cached_property
    def swapped(self) -> list[int]:
        """Rows whose source is in the language of the targets, and the other way round."""
        if self.one_language:
            return []
        return [i for i, (source, target) in enumerate(self._sides) if source < -_SIDE and target < -_SIDE]

    @cached_property
    def other_language(self) -> list[int]:
        """Rows whose target is in the language of the sources, or has hardly a word that other targets have."""
        if self.one_language or len(self.at) < 50:
            return []
        gone = {*self.copies, *self.swapped}
        counts = Counter(word for words in self.target_words for word in words)
        new = np.array(
            [sum(counts[word] == 1 for word in words) / max(1, len(words)) for words in self.target_words]
        )  # share of words that stand in no other target
        usual = float(np.median(new)) <= 0.25
        return [
            i
            for i, words in enumerate(self.target_words)
            if i not in gone and len(words) > 2 and (self._sides[i][1] < -_SIDE or (usual and new[i] >= 0.75))
        ]

    @cached_property
    def far_lengths(self) -> list[int]:
        """Rows whose lengths differ as those of hardly any other row do."""
        ratios = np.array(
            [math.log((len(b) + 5) / (len(a) + 5)) for a, b in zip(self.sources, self.targets, strict=True)]
        )
        if len(ratios) < 20:
            return []
        away = np.abs(ratios - np.median(ratios))
        limit = max(_NEAR, _FAR * 1.4826 * float(np.median(away)))
        gone = set(self.copies)
        return [int(i) for i in np.flatnonzero(away > limit) if int(i) not in gone]

    @cached_property
    def strangers(self) -> list[int]:
        """Rows whose target belongs to another source, by its words."""
        if len(self.at) < 50:
            return []
        gone = {*self.copies, *self.swapped, *self.other_language}
        judged = self._by_words() if self.one_language else self._by_translations()
        found = [i for i, ratio in judged.items() if ratio < 0 and i not in gone]
        return found if len(found) <= _UNSURE * len(judged) else []

    @cached_property
    def longer(self) -> list[int]:
        """Rows whose target is longer than its source, where hardly any is."""
        if not self.shorter:
            return []
        gone = set(self.copies)
        both = enumerate(zip(self.sources, self.targets, strict=True))
        return [i for i, (a, b) in both if len(b) > len(a) and i not in gone]

    @cached_property
    def numbers(self) -> list[int]:
        """Rows whose target has a number that the source has not, or, unless targets are short, the other way round."""
        differ, having = [], 0
        for i, (a, b) in enumerate(zip(self.sources, self.targets, strict=True)):
            mine, its = set(_DIGITS.findall(a)), set(_DIGITS.findall(b))
            having += bool(its)
            if its - mine or (mine - its and not self.shorter):
                differ.append(i)
        return differ if len(differ) <= 0.3 * having else []

    @cached_property
    def misaligned(self) -> list[int]:
        """Rows whose target cannot be that of their source."""
        return sorted({*self.other_language, *self.far_lengths, *self.strangers})

    # --- inner ------------------------------------------------------------------------------------------------------

    @cached_property
    def _sides(self) -> list[tuple[float, float]]:
        """For each row, how much the words of the source speak for the source side, and those of the target for theirs."""
        counts = [Counter(word for words in side for word in words) for side in (self.source_words, self.target_words)]
        totals = [count.total() + 1 for count in counts]

        def speaks(words: Iterable[str], mine: int, row: Sequence[Counter[str]]) -> float:
            odds = 0.0
            for word in words:
                here, there = (counts[side][word] - (word in row[side]) + 0.1 for side in (mine, 1 - mine))
                odds += math.log(here / totals[mine]) - math.log(there / totals[1 - mine])
            return odds

        rows = zip(self.source_words, self.target_words, strict=True)
        return [(speaks(row[0], 0, row), speaks(row[1], 1, row)) for row in rows]

    def _by_words(self) -> dict[int, float]:
        """Row → mean log-likelihood ratio of the target's words standing in the source or not."""
        rows = len(self.at)
        held = Counter(word for words in self.source_words for word in words)
        found = {}
        for i, (source, target) in enumerate(zip(self.source_words, self.target_words, strict=True)):
            ratio = 0.0
            for word in target:
                chance = (held[word] - (word in source) + 0.5) / rows  # that any other source has it
                own = 0.3 + 0.7 * chance
                ratio += math.log(own / chance) if word in source else math.log((1 - own) / (1 - chance))
            if len(target) > 4:
                found[i] = ratio / len(target)
        return found

    def _by_translations(self) -> dict[int, float]:
        """Row → mean log-likelihood ratio of the target's words given the source's words, or not."""
        lexicon = Lexicon()
        sides = [
            ([*source][:_MOST_WORDS], [*target][:_MOST_WORDS])
            for source, target in zip(self.source_words, self.target_words, strict=True)
        ]
        learnt = lexicon.learn(sides)
        judged = {i: lexicon.ratio(*row, own=i < learnt) for i, row in enumerate(sides)}
        return {i: ratio for i, ratio in judged.items() if ratio is not None}


class Lexicon:
    """Word translation probabilities, and how often what was seen: IBM model 1 over sets of words."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], float] = {}  # (source word, target word) → expected number of links
        self.sources: Counter[str] = Counter()  # expected links of each source word
        self.targets: Counter[str] = Counter()  # rows with each target word
        self.probabilities: dict[tuple[str, str], float] = {}

    def learn(self, rows: Sequence[tuple[Sequence[str], Sequence[str]]]) -> int:
        """Learn from words of sources and targets, and return how many rows were used: all, unless there are very many."""
        links = np.cumsum([len(a) * len(b) for a, b in rows])
        used = int(np.searchsorted(links, _MOST_LINKS, side="right")) if len(links) else 0
        ids: list[dict[str, int]] = [{}, {}]
        source, target, slot = [], [], []
        slots = 0
        for a, b in rows[:used]:
            left = [ids[0].setdefault(word, len(ids[0])) for word in a]
            for word in b:
                right = ids[1].setdefault(word, len(ids[1]))
                source += left
                target += [right] * len(left)
                slot += [slots] * len(left)
                slots += 1
            self.targets.update(b)
        if not source:
            return used
        keys = np.array(source, dtype=np.int64) * len(ids[1]) + np.array(target, dtype=np.int64)
        pairs, at = np.unique(keys, return_inverse=True)
        of = pairs // len(ids[1])
        where = np.array(slot, dtype=np.int64)
        chance: npt.NDArray[np.float64] = np.ones(len(pairs))
        before = counts = chance
        for _ in range(_ROUNDS):
            share = chance[at]
            share /= np.bincount(where, share, minlength=slots)[where]
            before, counts = chance, np.bincount(at, share, minlength=len(pairs)).astype(np.float64)
            chance = counts / np.bincount(of, counts, minlength=len(ids[0]))[of]
        names = [list(side) for side in ids]
        spelt = [(names[0][int(pair) // len(ids[1])], names[1][int(pair) % len(ids[1])]) for pair in pairs]
        self.counts = dict(zip(spelt, counts.tolist(), strict=True))
        self.probabilities = dict(zip(spelt, before.tolist(), strict=True))
        for (word, _), count in self.counts.items():
            self.sources[word] += count  # type: ignore[assignment]
        return used

    def ratio(self, source: Sequence[str], target: Sequence[str], *, own: bool) -> float | None:
        """Mean log-likelihood ratio of the target's words, given the source's words or not; None where too few are known.

        Args:
            own: whether the row is among those that were learnt from; then its share in every count is left out.
        """
        mine: dict[tuple[str, str], float] = {}
        if own:
            for word in target:
                weights = {other: self.probabilities[other, word] for other in source}
                whole = sum(weights.values())
                mine |= {(other, word): weight / whole for other, weight in weights.items()}
        gone: Counter[str] = Counter()
        for (other, _), share in mine.items():
            gone[other] += share  # type: ignore[assignment]
        seen = {other: self.sources[other] - gone[other] for other in source}
        known = [other for other, links in seen.items() if links > 0.5]
        total = self.targets.total()
        ratio, words = 0.0, 0
        for word in target:
            left = self.targets[word] - own
            if left <= 0:
                continue  # no other row has it
            expected = sum(
                max(0.0, self.counts.get((other, word), 0.0) - mine.get((other, word), 0.0)) / seen[other]
                for other in known
            )
            chance = left / total
            ratio += math.log(0.9 * expected / len(source) / chance + 0.1)
            words += 1
        return ratio / words if words > 1 and len(known) > 1 else None


def pairs_of(corpus: Corpus) -> Pairs:
    """The rows of a corpus of layout "pairs" that have a source and a target."""
    found = Pairs()
    for split, rows in corpus.splits.items():
        if "target" not in rows.column_names:
            continue
        at = 0
        for batch in batches(rows, ["text", "target"]):
            for source, target in zip(batch["text"], batch["target"], strict=True):
                if source and target:
                    found.at.append((split, at))
                    found.sources.append(source)
                    found.targets.append(target)
                at += 1
    return found
