"""What ``check`` finds and ``clean``, ``split`` and ``balance`` act on, kept in one place so that they agree.

A scan holds per row what takes part in comparing rows: the id, a hash of the normalised text, and the labels; about 200
bytes a row, whatever the length of the texts.
"""

from __future__ import annotations

import dataclasses
import hashlib
import statistics
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.data._corpus import Corpus, LayoutName, Step
from labkit.data._layouts.answers import has_answers
from labkit.data._texts import is_empty, label_key, normalise, text_key
from labkit.errors import DataError

Labels = tuple[str, ...] | None
"""Labels of a row, sorted; None where unknown. A row with a single label has a tuple of one."""

PRIORITY = ("test", "validation", "train")
"""Which split keeps a text that several splits share: the measuring stick stays as it was given."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scan:
    """The rows of one split, as lists of equal length.

    Attributes:
        row_ids: id of each row.
        keys: hash of each row's normalised text (or pair of texts); None where a text is empty.
        labels: labels of each row; none of a row that has a score.
        answers: what rows with equal texts should agree on: the labels, or in a corpus with spans, where which of them are,
            or in one of pairs the target, or the score; None where unknown.
        apart: difference beyond which two scores do not agree; None where the answers are no scores, and agree when they are
            equal.
    """

    row_ids: list[str]
    keys: list[bytes | None]
    labels: list[Labels]
    answers: list[Hashable]
    apart: float | None = None

    def __len__(self) -> int:
        return len(self.row_ids)


def batches(rows: Any, columns: Sequence[str], size: int = 2000) -> Iterator[dict[str, list[Any]]]:
    """Consecutive slices of some columns, as plain Python lists."""
    view = rows.with_format(None).select_columns(list(columns))
    for start in range(0, len(view), size):
        yield view[start : start + size]


def text_columns(rows: Any, layout: LayoutName = "labels") -> list[str]:
    """``text``, and ``text_pair`` where there is one; in the layouts "pairs" and "texts" also ``target``."""
    names = ("text", "target") if layout in ("pairs", "texts") else ("text", "text_pair")
    return [name for name in names if name in rows.column_names]


def as_labels(value: Any) -> Labels:
    """The ``label`` cell of a row as a sorted tuple; None where it is null or blank. A score stands for no labels at all."""
    if value is None or value != value:
        return None
    if isinstance(value, int | float):
        return ()
    if isinstance(value, str):
        return (value,) if value.strip() else None
    return tuple(sorted({label for label in value if label is not None and label.strip()}))


def scan(rows: Any, layout: LayoutName = "labels") -> Scan:
    """Read one split."""
    texts = [name for name in text_columns(rows, layout) if name != "target"]
    labelled = "label" in rows.column_names
    # what says where something stands: rows with equal texts should agree on it
    where = "spans" if "spans" in rows.column_names else "answers" if has_answers(rows) else ""
    where = "target" if layout in ("pairs", "texts") and "target" in rows.column_names else where
    found = Scan(row_ids=[], keys=[], labels=[], answers=[])
    for batch in batches(rows, ["row_id", *texts, *(["label"] if labelled else []), *([where] if where else [])]):
        found.row_ids.extend(batch["row_id"])
        for parts in zip(*(batch[name] for name in texts), strict=True):
            found.keys.append(None if any(is_empty(part) for part in parts) else text_key(*parts))
        labels = list(map(as_labels, batch["label"])) if labelled else [None] * len(batch["row_id"])
        found.labels.extend(labels)
        if where == "answers":
            found.answers.extend(map(_wordings, batch["answers"]))
        elif where == "target":
            found.answers.extend(None if is_empty(target) else text_key(target) for target in batch["target"])
        elif where:
            found.answers.extend(map(_places, batch["text"], batch["spans"]))
        else:
            cells = batch["label"] if labelled else labels
            numbers = (isinstance(cell, int | float) for cell in cells)
            found.answers.extend(
                cell if number and row is not None else row
                for cell, number, row in zip(cells, numbers, labels, strict=True)
            )
    return found


def fresh_rows(rows: Any, corpus: Corpus) -> list[int]:
    """Positions of the rows whose texts stand in no split of a corpus that models are judged by."""
    judged = {key for name in corpus.splits if name != "train" for key in scan(corpus[name], corpus.config.layout).keys}
    return [i for i, key in enumerate(scan(rows, corpus.config.layout).keys) if key is None or key not in judged]


def _places(text: str, spans: list[dict[str, Any]] | None) -> Hashable:
    """Spans such that those of texts which differ by case and white space only compare equal."""
    if spans is None:
        return None

    def length(end: int) -> int:
        return len(normalise(text[:end]).replace(" ", ""))

    return tuple((length(span["start"]), length(span["end"]), span["label"]) for span in spans)


def _wordings(answers: list[dict[str, Any]] | None) -> Hashable:
    """The different answers to a question, case and white space aside."""
    return None if answers is None else tuple(sorted({normalise(one["text"]) for one in answers}))


def scan_all(corpus: Corpus) -> dict[str, Scan]:
    """Read every split. Scores agree that are apart by a standard deviation of all of them (but the outermost 1 %) or less."""
    found = {name: scan(rows, corpus.config.layout) for name, rows in corpus.splits.items()}
    if not corpus.scores:
        return found
    every = sorted(answer for rows in found.values() for answer in rows.answers if isinstance(answer, float))
    strays = len(every) // 100 + 1 if len(every) > 10 else 0
    every = every[strays : len(every) - strays]  # one 45 for a 4.5 must not hide all disagreement
    apart = statistics.pstdev(every) if every else 0.0
    return {name: dataclasses.replace(rows, apart=apart) for name, rows in found.items()}


def label_counts(labels: Iterable[Labels]) -> Counter[str]:
    """How many rows have each label."""
    return Counter(label for row in labels if row for label in row)


def spread(seed: int, *parts: bytes) -> bytes:
    """8 bytes that look random but depend on the seed and the content only: the order in which rows are drawn."""
    return hashlib.blake2b(
        b"\x00".join(parts), digest_size=8, salt=int(seed).to_bytes(16, "little", signed=True)
    ).digest()


# --- rows that get into each other's way: positions in a split ------------------------------------------------------


def duplicates(rows: Scan) -> list[int]:
    """Rows with the same normalised text and the same labels as an earlier row."""
    seen: set[tuple[bytes, Hashable]] = set()
    found = []
    for i, (key, answer) in enumerate(zip(rows.keys, rows.answers, strict=True)):
        if key is None:
            continue
        if (key, answer) in seen:
            found.append(i)
        seen.add((key, answer))
    return found


def conflicts(rows: Scan) -> dict[bytes, list[int]]:
    """Rows with equal texts that do not all have the same labels, by text. Rows without labels take no part."""
    first: dict[bytes, Hashable] = {}
    torn: set[bytes] = set()
    if rows.apart is not None:
        torn = {key for key, scores in scores_of(rows).items() if max(scores) - min(scores) > rows.apart}
        return {
            key: [i for i, one in enumerate(rows.keys) if one == key and rows.answers[i] is not None] for key in torn
        }
    for key, answer in zip(rows.keys, rows.answers, strict=True):
        if key is not None and answer is not None and first.setdefault(key, answer) != answer:
            torn.add(key)
    found: dict[bytes, list[int]] = defaultdict(list)
    for i, (key, answer) in enumerate(zip(rows.keys, rows.answers, strict=True)):
        if key in torn and answer is not None:
            found[key].append(i)
    return dict(found)


def scores_of(rows: Scan) -> dict[bytes, list[float]]:
    """The scores that each text has, where it has several."""
    found: dict[bytes, list[float]] = defaultdict(list)
    for key, answer in zip(rows.keys, rows.answers, strict=True):
        if key is not None and isinstance(answer, float):
            found[key].append(answer)
    return {key: scores for key, scores in found.items() if len(scores) > 1}


def minority(rows: Scan, conflicting: Mapping[bytes, list[int]]) -> list[int]:
    """Of conflicting rows, those that do not carry the labels most of them carry; all of them where there is a tie."""
    losers = []
    for positions in conflicting.values():
        ranked = Counter(rows.answers[i] for i in positions).most_common(2)
        winner = ranked[0][0] if ranked[0][1] > ranked[1][1] else None
        losers += [i for i in positions if rows.answers[i] != winner or winner is None]
    return sorted(losers)


def shared(scans: Mapping[str, Scan]) -> dict[str, list[int]]:
    """Rows whose text also stands in a split of higher priority: of train those in validation or test, of validation
    those in test."""
    seen: set[bytes] = set()
    found: dict[str, list[int]] = {}
    for name in sorted(scans, key=lambda name: PRIORITY.index(name) if name in PRIORITY else len(PRIORITY)):
        keys = scans[name].keys
        found[name] = [i for i, key in enumerate(keys) if key in seen]
        seen.update(key for key in keys if key is not None)
    return {name: found[name] for name in scans}


def label_variants(scans: Mapping[str, Scan]) -> dict[str, str]:
    """Spelling → the spelling to use instead, for labels that differ only by case, spaces, hyphens or underscores.

    The most frequent spelling without outer spaces wins, of equally frequent ones the first in alphabetical order.
    """
    counts = label_counts(labels for rows in scans.values() for labels in rows.labels)
    families: dict[str, list[str]] = defaultdict(list)
    for label in sorted(counts, key=lambda label: (label != label.strip(), -counts[label], label)):
        families[label_key(label)].append(label)
    return {
        label: family[0].strip()
        for family in families.values()
        if len(family) > 1
        for label in family
        if label != family[0].strip()
    }


def small_classes(scans: Mapping[str, Scan], below: int) -> set[str]:
    """Labels with fewer than ``below`` rows over all splits."""
    counts = label_counts(labels for rows in scans.values() for labels in rows.labels)
    return {label for label, count in counts.items() if count < below}


def unseen_labels(scans: Mapping[str, Scan]) -> set[str]:
    """Labels of validation or test that no row of train has."""
    if "train" not in scans:
        return set()
    known = label_counts(scans["train"].labels)
    rest = label_counts(labels for name, rows in scans.items() if name != "train" for labels in rows.labels)
    return set(rest) - set(known) if known else set()


def having(rows: Scan, labels: set[str]) -> list[int]:
    """Rows with at least one of some labels."""
    return [i for i, row in enumerate(rows.labels) if row and not labels.isdisjoint(row)]


def grown(corpus: Corpus, rows: Any, step: str, told: str, *, left_out: int = 0, **settings: Any) -> Corpus:
    """The corpus with more training rows.

    Args:
        corpus: that grows.
        rows: with the columns of its training rows.
        step: name of the step that is noted.
        told: what was done, for people.
        left_out: rows that were not taken, because they are none of ``fresh_rows``; it is said, too.
        settings: of its configuration that change.
    """
    from datasets import concatenate_datasets

    if left_out:
        told += f" {left_out:,} that stand in the validation or test split were left out."
    return corpus.replace(
        splits={**corpus.splits, "train": concatenate_datasets([corpus["train"], rows])},
        steps=(*corpus.steps, Step(name=step, counts={"train": len(rows)}, text=told)),
        config=dataclasses.replace(corpus.config, **settings),
    )


def require_train(corpus: Corpus, what: str) -> None:
    """Raise unless there is a training split with rows."""
    if not corpus.rows.get("train"):
        came = ", ".join(f"{name} ({count:,} rows)" for name, count in corpus.rows.items()) or "no split"
        raise DataError(f"training rows to {what}", came, "load a corpus with a train split")


AFTER_READING = ("split", "balance", "rehearse", "augment", "name_classes")
"""Steps in their order; what is read is cleaned and dealt into folds before them."""


def done(corpus: Corpus, *names: str) -> str:
    """The first of some steps that the corpus has behind it, or ""."""
    return next((step.name for step in corpus.steps if step.name in names), "")
