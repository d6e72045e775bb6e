"""What ``check`` found, with its faces: text, HTML and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

from labkit.data._clean import REPAIRS
from labkit.data._texts import visible
from labkit.errors import UnknownName

Severity = Literal["error", "warning", "info"]

NOT_AUTOMATIC = frozenset(
    {"drop_small_classes", "drop_unseen_labels", "drop_very_long", "drop_conflicts", "drop_misaligned"}
)
"""Repairs that ``DataReport.repairs`` leaves out, since a person should decide about them."""

_MARKS: dict[Severity, tuple[str, str, str]] = {
    "error": ("✖", "ERROR", "#d6453d"),
    "warning": ("▲", "WARNING", "#c98a00"),
    "info": ("●", "INFO", "#3b82c4"),
}
_EXAMPLES = 3
_CLASSES = 20


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of defect.

    Attributes:
        name: such as "empty_text".
        severity: "error" where the result would be wrong, "warning" where it suffers, "info" where it is good to know.
        count: how many there are, in ``unit``.
        row_ids: the rows concerned, at most 10,000 of them.
        text: what was found, in a sentence.
        repair: the Python call or the setting that repairs it; "" where there is nothing to repair.
        repair_name: the name of that repair for ``clean``; "" where it is none of those.
        unit: what ``count`` counts: "rows", "classes" or "labels".
        splits: number of rows concerned in each split.
    """

    name: str
    severity: Severity
    count: int
    row_ids: tuple[str, ...]
    text: str
    repair: str = ""
    repair_name: str = ""
    unit: str = "rows"
    splits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """How long the texts of one split are.

    Attributes:
        mean, median, p95, max: over the rows; both texts of a pair together; 0 where there are no rows.
        edges: k + 1 limits of k bins of equal width, the same for all splits; all longer texts are in the last bin.
        counts: rows in each bin.
    """

    mean: float
    median: float
    p95: float
    max: int
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class DataReport:
    """What ``check`` found.

    Attributes:
        rows: rows in each split.
        labels: for each split, label → rows, the most frequent first.
        label_count: number of different labels.
        unlabelled: rows without a label in each split.
        multi_label: whether rows may have several labels.
        paired: whether rows are pairs of texts.
        lengths: split → unit → lengths; the units are "tokens" (if a tokenizer was given), "words" and "characters".
        tokenizer: its name; "" if none was given.
        max_length: tokens from which texts are truncated; None without a tokenizer.
        truncated: share of rows of each split that are longer than that, 0 to 1.
        unknown: share of unknown tokens among all but the special ones in each split, 0 to 1.
        imbalance: largest over smallest class of the training split; None where there are fewer than two.
        entropy: entropy of its classes over that of equally large ones, 0 to 1; None where there are fewer than two.
        findings: errors first, then warnings, then infos.
        notes: what to know about the numbers.
        scores: split → count, mean, sd, min, q1, median, q3 and max of its scores, where rows have scores and no classes.
        token_lengths: length in tokens of every row of each split, special tokens included; not part of the JSON.
    """

    rows: Mapping[str, int]
    labels: Mapping[str, Mapping[str, int]]
    label_count: int
    unlabelled: Mapping[str, int]
    multi_label: bool
    paired: bool
    lengths: Mapping[str, Mapping[str, Lengths]]
    tokenizer: str
    max_length: int | None
    truncated: Mapping[str, float]
    unknown: Mapping[str, float]
    imbalance: float | None
    entropy: float | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    token_lengths: Mapping[str, list[int]] = field(default_factory=dict, repr=False)

    def finding(self, name: str) -> Finding:
        """The finding of that name.

        Raises:
            UnknownName: there is no such finding.
        """
        for found in self.findings:
            if found.name == name:
                return found
        raise UnknownName("finding of this report", name, [found.name for found in self.findings])

    def __contains__(self, name: object) -> bool:
        return any(found.name == name for found in self.findings)

    @property
    def repairs(self) -> tuple[str, ...]:
        """Repairs for the errors and warnings that are safe to make unseen, in the order to make them."""
        wanted = {found.repair_name for found in self.findings if found.severity != "info"} - NOT_AUTOMATIC
        return tuple(name for name in REPAIRS if name in wanted)

    # --- faces ------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Everything but ``token_lengths``, as plain lists, dicts, numbers and strings."""
        plain = {name: _plain(value) for name, value in vars(self).items() if name != "token_lengths"}
        return {**plain, "repairs": list(self.repairs)}

    def json(self) -> str:
        """The report as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2)

    def text(self) -> str:
        """The report as plain text."""
        return "\n".join(self._lines())

    def __str__(self) -> str:
        return self.text()

    def html(self) -> str:
        """The report as one HTML element with its style in it, for light and dark backgrounds."""
        return _html(self)

    def _repr_html_(self) -> str:
        return self.html()

    @property
    def headline(self) -> str:
        """Rows, splits and classes in a line."""
        splits = ", ".join(f"{name} {count:,}" for name, count in self.rows.items())
        kind = "pairs of texts" if self.paired else "texts"
        classes = f"{self.label_count:,} {_class_word(self)}" if self.label_count else "no labels"
        classes = _range(self) if self.scores else classes
        return f"{sum(self.rows.values()):,} {kind} ({splits}), {classes}"

    @property
    def verdict(self) -> str:
        """How many findings of each severity there are."""
        counts = {kind: sum(found.severity == kind for found in self.findings) for kind in _MARKS}
        named = (("error", "errors"), ("warning", "warnings"), ("info", "infos"))
        parts = [f"{counts[one]} {one if counts[one] == 1 else many}" for one, many in named if counts[one]]  # type: ignore[index]
        return ", ".join(parts) or "nothing found"

    def _lines(self) -> Iterator[str]:
        yield f"Data report: {self.headline}"
        yield ""
        yield from _columns(["length in", "split", "mean", "median", "95 %", "max"], _length_rows(self))
        yield from _shares(self)
        if self.scores:
            yield ""
            yield from _columns(_SCORE_HEAD, _score_rows(self))
        table, rest = _class_rows(self)
        if table:
            yield ""
            yield from _columns([_class_word(self), *self.rows], table)
            yield from rest
        for note in self.notes:
            yield f"Note: {note}"
        yield ""
        yield f"Findings: {self.verdict}"
        for found in self.findings:
            yield f"  {_MARKS[found.severity][1]:<8}{found.name}: {found.count:,} {_unit(found)}"
            yield f"          {found.text}"
            if found.row_ids:
                yield f"          rows:   {_examples(found)}"
            if found.repair:
                yield f"          repair: {found.repair}"
        if self.repairs:
            yield ""
            yield f"All safe repairs at once: {_all_repairs(self)}"


def _plain(value: Any) -> Any:
    if isinstance(value, Finding | Lengths):
        return {name: _plain(part) for name, part in vars(value).items()}
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value


# --- parts that the text and the HTML face share --------------------------------------------------------------------


def _class_word(report: DataReport) -> str:
    one = report.label_count == 1
    return ("label" if one else "labels") if report.multi_label else ("class" if one else "classes")


_SCORE_HEAD = ["scores of", "rows", "mean", "sd", "min", "25 %", "median", "75 %", "max"]


def _range(report: DataReport) -> str:
    given = [of for of in report.scores.values() if of["count"]]
    if not given:
        return "no scores"
    return f"scores from {min(of['min'] for of in given):g} to {max(of['max'] for of in given):g}"


def _score_rows(report: DataReport) -> list[list[str]]:
    names = ("mean", "sd", "min", "q1", "median", "q3", "max")
    return [
        [split, f"{of['count']:,.0f}", *(f"{of[name]:.4g}" if name in of else "" for name in names)]
        for split, of in report.scores.items()
    ]


def _unit(found: Finding) -> str:
    return found.unit if found.count != 1 else {"classes": "class"}.get(found.unit, found.unit.removesuffix("s"))


def _examples(found: Finding) -> str:
    shown = ", ".join(visible(row_id, 24) for row_id in found.row_ids[:_EXAMPLES])
    return shown + (", …" if len(found.row_ids) > _EXAMPLES else "")


def _all_repairs(report: DataReport) -> str:
    return f"clean(corpus, {', '.join(map(repr, report.repairs))})".replace("'", '"')


def _length_rows(report: DataReport) -> list[list[str]]:
    units = dict.fromkeys(unit for lengths in report.lengths.values() for unit in lengths)
    return [
        [unit, name, f"{of.mean:,.1f}", f"{of.median:,.0f}", f"{of.p95:,.0f}", f"{of.max:,}"]
        for unit in units
        for name, lengths in report.lengths.items()
        for of in [lengths[unit]]
    ]


def _shares(report: DataReport) -> list[str]:
    if report.max_length is None:
        return ["Lengths in tokens and truncation: give check() a tokenizer."]
    cut = ", ".join(f"{name} {share:.1%}" for name, share in report.truncated.items())
    unknown = ", ".join(f"{name} {share:.2%}" for name, share in report.unknown.items())
    name = visible(report.tokenizer)
    return [
        f"Truncated to {report.max_length:,} tokens of {name}: {cut}",
        f"Unknown tokens: {unknown}",
    ]


def _class_rows(report: DataReport) -> tuple[list[list[str]], list[str]]:
    """The table of the largest classes, and the lines behind it."""
    totals: dict[str, int] = {}
    for counts in report.labels.values():
        for label, count in counts.items():
            totals[label] = totals.get(label, 0) + count
    ranked = sorted(totals, key=lambda label: -totals[label])
    table = [
        [visible(label, 40), *(f"{report.labels[name].get(label, 0):,}" for name in report.rows)]
        for label in ranked[:_CLASSES]
    ]
    rest = [f"and {len(ranked) - _CLASSES:,} more"] if len(ranked) > _CLASSES else []
    if report.imbalance is not None and report.entropy is not None:
        rest.append(f"Largest over smallest class: {report.imbalance:,.1f}; entropy {report.entropy:.2f} of 1")
    return table, rest


def _columns(header: list[str], rows: list[list[str]]) -> Iterator[str]:
    """Lines of a table: words to the left, numbers to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    words = [i for i in range(len(header)) if not rows or not rows[0][i][:1].isdigit() or i == 0]
    for row in [header, *rows]:
        cells = (
            cell.ljust(width) if i in words else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  " + "  ".join(cells).rstrip()


# --- HTML -----------------------------------------------------------------------------------------------------------

# currentColor and translucent fills take on the colours of whatever theme surrounds them
_CELL = "padding:3px 10px;border-bottom:1px solid rgba(128,128,128,.25);vertical-align:top;"
_LEFT, _RIGHT = _CELL + "text-align:left;", _CELL + "text-align:right;font-variant-numeric:tabular-nums;"
_CODE = "background:rgba(128,128,128,.15);border-radius:3px;padding:1px 5px;font-size:92%;white-space:pre-wrap;"
_TABLE = "border-collapse:collapse;margin:4px 0 10px;color:inherit;font-size:inherit;"


def _html(report: DataReport) -> str:
    parts = [
        f"<div style='color:currentColor;line-height:1.45'><div><b>Data report</b>: {escape(report.headline)}</div>"
    ]
    parts.append(_html_findings(report))
    parts.append("<div style='display:flex;flex-wrap:wrap;gap:0 32px'>")
    lengths = _html_table(["length in", "split", "mean", "median", "95 %", "max"], _length_rows(report), words=2)
    parts.append("<div>" + lengths + "".join(f"<div>{escape(line)}</div>" for line in _shares(report)))
    parts += [f"<div style='opacity:.8'>{escape(note)}</div>" for note in report.notes]
    parts.append("</div>")
    if report.scores:
        parts.append("<div>" + _html_table(_SCORE_HEAD, _score_rows(report), words=1) + "</div>")
    table, rest = _class_rows(report)
    if table:
        parts.append("<div>" + _html_table([_class_word(report), *report.rows], table, words=1, bars=True))
        parts += [f"<div>{escape(line)}</div>" for line in rest]
        parts.append("</div>")
    return "".join([*parts, "</div></div>"])


def _html_table(header: list[str], rows: list[list[str]], words: int, bars: bool = False) -> str:
    def style(i: int, cell: str = "") -> str:
        bar = ""
        if bars and i == 1 and largest:  # a bar behind the first column of numbers
            share = 100 * int(cell.replace(",", "") or 0) / largest
            bar = f"background:linear-gradient(to left,rgba(59,130,196,.3) {share:.1f}%,transparent {share:.1f}%);"
        return (_LEFT if i < words else _RIGHT) + bar

    largest = max((int(row[1].replace(",", "")) for row in rows), default=0) if bars else 0
    head = "".join(f"<th style='{style(i, '0')}'>{escape(cell)}</th>" for i, cell in enumerate(header))
    body = "".join(
        "<tr style='background:none'>"
        + "".join(f"<td style='{style(i, cell)}'>{escape(cell)}</td>" for i, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f"<table style='{_TABLE}'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_findings(report: DataReport) -> str:
    if not report.findings:
        return "<div style='margin:6px 0'>No findings.</div>"
    heads = (("finding", _LEFT), ("count", _RIGHT), ("what it is", _LEFT), ("rows", _LEFT), ("repair", _LEFT))
    head = "".join(f"<th style='{style}'>{name}</th>" for name, style in heads)
    lines = []
    for found in report.findings:
        mark, word, colour = _MARKS[found.severity]
        repair = f"<code style='{_CODE}color:inherit'>{escape(found.repair)}</code>" if found.repair else ""
        lines.append(
            "<tr style='background:none'>"
            f"<td style='{_LEFT}white-space:nowrap'><span style='color:{colour}' role='img' "
            f"aria-label='{word.lower()}' "
            f"title='{word.lower()}'>{mark}</span> {escape(found.name)}</td>"
            f"<td style='{_RIGHT}white-space:nowrap'>{found.count:,} {escape(_unit(found))}</td>"
            f"<td style='{_LEFT}max-width:34em'>{escape(found.text)}</td>"
            f"<td style='{_LEFT}max-width:14em;overflow-wrap:anywhere'>{escape(_examples(found))}</td>"
            f"<td style='{_LEFT}white-space:nowrap'>{repair}</td></tr>"
        )
    table = f"<table style='{_TABLE}'><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    every = (
        f"<div style='margin-bottom:8px'>All safe repairs at once: <code style='{_CODE}color:inherit'>"
        f"{escape(_all_repairs(report))}</code></div>"
        if report.repairs
        else ""
    )
    return f"<div style='margin:6px 0'>{escape(report.verdict)}</div>{table}{every}"
