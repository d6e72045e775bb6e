"""Label journals of several people: merged into one, compared, and summed up."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from labkit._places import writable
from labkit.data._journals.answers import answers_alike
from labkit.data._journals.journal import Journal, alone, journal_path, sync_folder
from labkit.data._journals.lines import Decision, Ledger, merged, to_line
from labkit.data._layouts.answers import label_of
from labkit.data._texts import visible
from labkit.errors import DataError, quoted

_SHOWN = 10  # rows
_LONG = 120  # characters of a value
_COMPARED = ("label", "spans", "answers", "target")
_F1 = {"spans": "F1 of spans", "answers": "F1 of words"}

JournalOrPath: TypeAlias = Journal | str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """A row on which people decided differently.

    Attributes:
        row_id: which row.
        field: what of it.
        values: person → the value by that person's decisions.
    """

    row_id: str
    field: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far people agree on the rows that two or more of them decided on.

    Attributes:
        people: who decided on such a row.
        rows: number of such rows.
        raw: share of equal pairs among all pairs of values on the same row; None where there is no pair.
        kappa: Cohen's kappa of two people (Cohen 1960, doi:10.1177/001316446002000104); None for more, or where chance alone
            would make them agree always.
        alpha: Krippendorff's alpha for nominal data (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"), for any
            number of people and with gaps; None where all values are the same.
        f1: of spans, in place of kappa and alpha, for which one would have to count the stretches that nobody marked: the F1
            of one person's spans against another's, start, end and label alike, which is the same whoever is taken as the
            truth; the mean over all pairs of people who marked any span in a row of both (Hripcsak and Rothschild 2005,
            doi:10.1197/jamia.M1733). None where no pair did. Of answers, the F1 of their words as SQuAD counts it, mean over
            all pairs of people on the same row who could judge it; each answer counts against the other's best-fitting one.
        exact: of answers, the share of exact matches, normalised and averaged as in SQuAD; places may differ.
        chrf: of texts, chrF of sacrebleu of one person's text against another's, from 0 to 100: mean over all pairs of people
            on the same row, and over both directions.
    """

    people: tuple[str, ...] = ()
    rows: int = 0
    raw: float | None = None
    kappa: float | None = None
    alpha: float | None = None
    f1: float | None = None
    exact: float | None = None
    chrf: float | None = None


@dataclass(frozen=True, kw_only=True)
class Person:
    """What one person did.

    Attributes:
        decisions: number of decisions, undone ones included.
        rows: number of rows they are about.
        seconds: time spent on the decisions whose duration is known.
        per_hour: decisions an hour, of those; None where no duration is known.
    """

    decisions: int
    rows: int
    seconds: float
    per_hour: float | None


@dataclass(frozen=True, kw_only=True)
class LabelSummary:
    """What is in some label journals.

    Attributes:
        decisions: number of decisions, undone ones included.
        undone: number of those that are undone.
        rows: number of rows with a value in force.
        labels: label, type of span, or kind of question → number of rows that have it in force, the most frequent first.
        people: name → what that person did.
        agreement: of the labels.
        disagreements: the rows whose label, spans, answers or text people disagree on.
        damaged: file → numbers of its lines that hold no decision.
        span_agreement: of the spans.
        answer_agreement: of the answers.
        text_agreement: of the texts to be written.
        texts: number of rows with such a text in force.
    """

    decisions: int
    undone: int
    rows: int
    labels: Mapping[str, int]
    people: Mapping[str, Person]
    agreement: Agreement
    disagreements: tuple[Disagreement, ...]
    damaged: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    span_agreement: Agreement = field(default_factory=Agreement)
    answer_agreement: Agreement = field(default_factory=Agreement)
    text_agreement: Agreement = field(default_factory=Agreement)
    texts: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionaries of plain values."""
        values: dict[str, Any] = _printable(dataclasses.asdict(self))
        return values

    def __str__(self) -> str:
        undone = f", {self.undone:,} of them undone" if self.undone else ""
        lines = [f"{counted(self.decisions, 'decision')}{undone}; values in force on {counted(self.rows, 'row')}."]
        for name, one in self.people.items():
            speed = f", {one.per_hour:,.0f} an hour" if one.per_hour else ""
            about = f"{counted(one.decisions, 'decision')} on {counted(one.rows, 'row')}"
            lines.append(f"  {visible(name)}: {about}{speed}")
        shown = [f"{visible(label)} {count:,}" for label, count in itertools.islice(self.labels.items(), 20)]
        if shown:
            rest = f" and {len(self.labels) - 20:,} more" if len(self.labels) > 20 else ""
            lines.append(f"Labels in force: {', '.join(shown)}{rest}.")
        if self.texts:
            lines.append(f"Texts in force on {counted(self.texts, 'row')}.")
        agreements = (self.agreement, self.span_agreement, self.answer_agreement, self.text_agreement)
        for what, one_agreement in zip(_COMPARED, agreements, strict=True):
            if one_agreement.rows:
                figures = {"raw": one_agreement.raw, "Cohen's kappa": one_agreement.kappa}
                figures |= {"Krippendorff's alpha": one_agreement.alpha, "exact match": one_agreement.exact}
                figures |= {_F1.get(what, "F1"): one_agreement.f1, "chrF": one_agreement.chrf}
                values = ", ".join(f"{name} {value:.3f}" for name, value in figures.items() if value is not None)
                both = f"{counted(one_agreement.rows, 'row')} labelled by two or more people"
                torn = sum(row.field == what for row in self.disagreements)
                lines.append(f"{both}, {torn:,} of them differently; agreement: {values}.")
        for row in self.disagreements[:_SHOWN]:
            values = ", ".join(f"{visible(who)} {visible(_words(value))}" for who, value in row.values.items())
            lines.append(f"  {visible(row.row_id)}: {values}")
        if len(self.disagreements) > _SHOWN:
            lines.append(f"  and {len(self.disagreements) - _SHOWN:,} more; all of them: data.disagreements, or --json")
        for file, numbers in self.damaged.items():
            lines.append(f"{file}: passed over {counted(len(numbers), 'damaged line')} ({_some(numbers)}).")
        return str(_printable("\n".join(lines)))


def merge_journals(journals: Iterable[JournalOrPath], out: str | os.PathLike[str]) -> Journal:
    """Write one journal with the decisions of several, by time, each once; who made them stays with them.

    Args:
        journals: journals, or paths of them or of their data.
        out: path of the journal to write. Decisions that stand in it already stay in it.

    Returns:
        The merged journal.

    Raises:
        DataError: a journal cannot be read, or ``out`` holds something else or may not be written.
        ResourceError: the disk is full.
    """
    opened = opened_journals(journals)
    target = journal_path(out)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    if not target.parent.is_dir():
        raise DataError("a folder to keep labels in", "no such folder", "make it, or check the path", file=out)
    with writable(f"the label journal {target}", DataError), alone(target):
        if target.exists():
            there = Journal(target)
            if not len(there) and target.stat().st_size:
                raise DataError(
                    "a label journal, or a new file", "a file of another kind", "choose another name", file=out
                )
            opened.append(there)
        try:
            with partial.open("wb") as file:
                file.writelines(map(to_line, merged(journal.decisions() for journal in opened)))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        sync_folder(target.parent)
    return Journal(target)


def opened_journals(journals: Iterable[JournalOrPath]) -> list[Journal]:
    """Journals that are there.

    Raises:
        DataError: one is missing or cannot be read, or none is given.
    """
    if isinstance(journals, Journal | str | os.PathLike):
        journals = [journals]
    opened = [journal if isinstance(journal, Journal) else Journal(journal) for journal in journals]
    for journal in opened:
        if not journal.path.is_file():
            raise DataError("a label journal", "no such file", "check the path", file=journal.path)
    if not opened:
        raise DataError("a label journal", "none", "give at least one")
    return opened


def disagreements(*journals: JournalOrPath, field: str = "label") -> list[Disagreement]:
    """The rows on which people decided differently, in one journal or several.

    The order of several labels, of spans or of answers makes no difference.
    """
    return differing(_together(opened_journals(journals)), field)


def agreement(*journals: JournalOrPath, field: str = "label") -> Agreement:
    """How far people agree, by the values of each that are in force."""
    return _agreement(_together(opened_journals(journals)), field)


def label_summary(*journals: JournalOrPath) -> LabelSummary:
    """What is in some label journals: who decided how much and how fast, and how far they agree."""
    opened = opened_journals(journals)
    ledger = _together(opened)
    decisions = [line for line in ledger.all if line.why not in ("undo", "redo")]
    by_person: dict[str, list[Decision]] = defaultdict(list)
    for line in decisions:
        by_person[line.who].append(line)
    counts: Counter[str] = Counter()
    for value in ledger.current("label").values():
        counts.update([value] if isinstance(value, str) else value or [])
    for spans in ledger.current("spans").values():
        counts.update({span["label"] for span in spans or ()})
    for answers in ledger.current("answers").values():
        counts.update(label_of(answers) or ())
    in_force = [line for line in decisions if ledger.in_force(line)]
    return LabelSummary(
        decisions=len(decisions),
        undone=len(decisions) - len(in_force),
        rows=len({line.row_id for line in in_force}),
        labels=dict(counts.most_common()),
        people={who: _person(made) for who, made in by_person.items()},
        agreement=_agreement(ledger, "label"),
        disagreements=tuple(row for what in _COMPARED for row in differing(ledger, what)),
        damaged={str(journal.path): journal.damaged for journal in opened if journal.damaged},
        span_agreement=_agreement(ledger, "spans"),
        answer_agreement=_agreement(ledger, "answers"),
        text_agreement=_agreement(ledger, "target"),
        texts=sum(text is not None for text in ledger.current("target").values()),
    )


def _together(journals: Sequence[Journal]) -> Ledger:
    return Ledger(merged(journal.decisions() for journal in journals))


def differing(ledger: Ledger, field: str) -> list[Disagreement]:
    """The rows on which people disagree."""
    return [
        Disagreement(row_id=row_id, field=field, values=values)
        for row_id, values in ledger.by_person(field).items()
        if len(set(map(_nominal, values.values()))) > 1
    ]


def _agreement(ledger: Ledger, field: str) -> Agreement:
    compared = [values for values in ledger.by_person(field).values() if len(values) > 1]
    rows = [{who: _nominal(value) for who, value in values.items()} for values in compared]
    people = tuple(sorted({who for row in rows for who in row}))
    pairs = [pair for row in rows for pair in itertools.combinations(row.values(), 2)]
    return Agreement(
        people=people,
        rows=len(rows),
        raw=sum(a == b for a, b in pairs) / len(pairs) if pairs else None,
        **(_FIGURES[field](compared) if field in _FIGURES else _chance_corrected(rows, people)),
    )


def _chance_corrected(rows: Sequence[Mapping[str, str]], people: Sequence[str]) -> dict[str, float | None]:
    return {
        "kappa": _kappa([(row[people[0]], row[people[1]]) for row in rows]) if len(people) == 2 else None,
        "alpha": _alpha([Counter(row.values()) for row in rows]),
    }


def _span_figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Mean F1 of the spans of two people, over all pairs of people; see ``Agreement.f1``."""
    alike: Counter[tuple[str, str]] = Counter()
    every: Counter[tuple[str, str]] = Counter()
    for row in rows:
        told = {who: set(map(_nominal, spans)) for who, spans in sorted(row.items()) if spans is not None}
        for one, other in itertools.combinations(told, 2):
            alike[one, other] += 2 * len(told[one] & told[other])
            every[one, other] += len(told[one]) + len(told[other])
    scores = [alike[pair] / count for pair, count in every.items() if count]
    return {"f1": _mean(scores)}


def _answer_figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Exact match and F1 of words; see ``Agreement``."""
    found = [answers_alike(*pair) for pair in _pairs(rows)]
    return {"exact": _mean([match for match, _ in found]), "f1": _mean([score for _, score in found])}


def _text_figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """chrF of one text against another; see ``Agreement``."""
    found = _pairs(rows)
    if not found:
        return {"chrf": None}
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF()
    return {
        "chrf": _mean([chrf.sentence_score(said, [true]).score for a, b in found for said, true in ((a, b), (b, a))])
    }


_FIGURES = {"spans": _span_figures, "answers": _answer_figures, "target": _text_figures}


def _pairs(rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, Any]]:
    """What two people decided on the same row, for all pairs who could judge it."""
    told = [[value for value in row.values() if value is not None] for row in rows]
    return [pair for values in told for pair in itertools.combinations(values, 2)]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    n = len(pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    observed = sum(a == b for a, b in pairs) / n
    expected = sum(count * second[value] for value, count in first.items()) / n**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def _alpha(rows: Sequence[Counter[str]]) -> float | None:
    """One minus observed over expected disagreement, from the number of people behind each value on each row."""
    totals: Counter[str] = Counter()
    observed = 0.0
    for row in rows:
        m = row.total()
        observed += (m**2 - sum(count**2 for count in row.values())) / (m - 1)
        totals.update(row)
    n = totals.total()
    expected = n**2 - sum(count**2 for count in totals.values())
    return 1 - (n - 1) * observed / expected if expected else None


def _nominal(value: Any) -> str:
    """A value as a category: equal for values that mean the same."""
    if isinstance(value, list):
        return json.dumps(sorted(map(_nominal, value)))
    if isinstance(value, dict) and "end" in value:  # of a span, the words are noted by some, and say nothing more
        return json.dumps([value.get("start"), value.get("end"), value.get("label")])
    return json.dumps(value, sort_keys=True)


def _person(decisions: Sequence[Decision]) -> Person:
    timed = [decision.seconds for decision in decisions if decision.seconds is not None]
    seconds = sum(timed)
    return Person(
        decisions=len(decisions),
        rows=len({decision.row_id for decision in decisions}),
        seconds=seconds,
        per_hour=3600 * len(timed) / seconds if seconds else None,
    )


def counted(number: int, what: str) -> str:
    """A number and what it counts."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _some(numbers: Sequence[int]) -> str:
    return quoted(map(str, numbers)).replace("'", "")


def _words(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def _printable(value: Any) -> Any:
    """Values in which halves of surrogate pairs, which no terminal or file can show, stand as escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value
