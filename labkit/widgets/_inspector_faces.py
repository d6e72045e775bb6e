"""The data inspector where there is no kernel: its static face, and the cell that brings it about."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labkit.data import DataReport
from labkit.widgets import _tasks
from labkit.widgets._inspector_parts import cells_of, labels_of
from labkit.widgets._widget import table

if TYPE_CHECKING:
    from labkit.widgets._data_inspector import DataInspector

_CLASSES = 12
_TEXT = 160
_LISTED = 200  # row ids that stand in the cell


def cell_of(
    inspector: DataInspector, *, source: str | None, rows: Sequence[str], selected_by: Mapping[str, Any] | None
) -> str:
    """The cell: where the data came as an object, that object is called ``corpus``."""
    model = "" if inspector.model == "minilm" else f", model={inspector.model!r}"
    first = _tasks.of_layout(inspector.corpus.config.layout)[0]
    if inspector.task != first or (source and inspector.corpus.config.layout != "labels"):
        model += f", task={inspector.task!r}"
    lines = [
        "from labkit.widgets import DataInspector",
        "",
        f"inspector = DataInspector({source!r}{model})" if source else f"inspector = DataInspector(corpus{model})",
    ]
    if inspector.repairs:
        lines.append(f"inspector.repair({', '.join(map(repr, inspector.repairs))})")
    filters = dict(inspector.filters)
    if "rows" in filters:
        filters["rows"] = list(rows)
    similar = filters.pop("similar", None)
    if similar:
        lines += _filtering(inspector.near.get("among", {}))
        lines.append(f"inspector.similar({similar!r}, n={inspector.near.get('n', 20)})")
    lines += _filtering(filters)
    directions = {direction for _, direction in inspector.sort}
    if len(directions) == 1:
        descending = ", descending=True" if directions == {"descending"} else ""
        lines.append(f"inspector.sort_by({', '.join(repr(name) for name, _ in inspector.sort)}{descending})")
    elif directions:
        lines.append(f"inspector.sort = {inspector.sort!r}")
    if selected_by is not None:
        lines.append(f"inspector.select_all({dict(selected_by)!r})")
    elif inspector.selection and len(inspector.selection) <= _LISTED:
        lines.append(f"inspector.select({inspector.selection!r})")
    elif inspector.selected:
        lines.append(f"# {inspector.selected:,} rows were selected one by one or in stretches")
    return "\n".join([*lines, "inspector"])


def _filtering(filters: Mapping[str, Any]) -> list[str]:
    return [f"inspector.filter({', '.join(f'{name}={value!r}' for name, value in filters.items())})"] if filters else []


def face_of(inspector: DataInspector, report: DataReport | None, rows: Sequence[Mapping[str, Any]]) -> str:
    """Classes, findings and the first rows in view, every text of the data escaped."""
    view, splits = inspector.view, inspector.table.splits
    many = f"{view.count:,} of {len(inspector.table):,} rows" if inspector.filters else f"{view.count:,} rows"
    found = [f"<h4>Data: {many}</h4>"]
    if inspector.filters:
        chosen = ", ".join(f"{name} {_said(value)}" for name, value in inspector.filters.items())
        found.append(f'<p class="quiet">Filters: {html.escape(chosen)}</p>')
    balance = sorted(view.balance().items(), key=lambda item: -sum(item[1].values()))
    balance = [(label, row) for label, row in balance if sum(row.values())]
    if any(label for label, _ in balance):
        cells = [[label or "(no label)", *(f"{row[split]:,}" for split in splits)] for label, row in balance[:_CLASSES]]
        kind = inspector.about["facet"].lower()
        found.append(table([kind, *splits], cells, numbers=set(range(1, len(splits) + 1))))
        if len(balance) > _CLASSES:
            found.append(f'<p class="quiet">and {len(balance) - _CLASSES:,} more {kind}</p>')
    if report is not None and report.findings:
        cells = [
            [one.severity, one.name.replace("_", " "), f"{one.count:,} {one.unit}", one.text] for one in report.findings
        ]
        found.append(table(["finding", "", "count", ""], cells, numbers={2}))
    elif report is not None:
        found.append('<p class="quiet">Nothing found by check.</p>')
    if rows:
        columns = inspector.about["texts"]
        labelled = ["label"] if inspector.corpus.labelled else []
        cells = [
            [row["row_id"], row["split"], *(", ".join(labels_of(row)) for _ in labelled), row["length"],
             *(_cut(cell) for cell in cells_of(row, columns))]
            for row in rows
        ]  # fmt: skip
        headings = ["row", "split", *labelled, "length", *(title.lower() for _, title in columns)]
        found.append(table(headings, cells, numbers={2 + len(labelled)}))
        if view.count > len(rows):
            found.append(f'<p class="quiet">The first {len(rows)} of {view.count:,} rows.</p>')
    return "".join(found)


def _cut(text: str | None) -> str:
    text = "–" if text is None else text
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"


def _said(value: Any) -> str:
    if isinstance(value, list):
        return (
            " to ".join("…" if one is None else str(one) for one in value)
            if len(value) == 2
            else ", ".join(map(str, value))
        )
    return str(value)
