"""An evaluation for people: as plain text, and as HTML that takes its colours from the page around it."""

from __future__ import annotations

import html as markup
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from labkit.evaluation._results import Estimate, SliceScores

if TYPE_CHECKING:
    from labkit.evaluation._evaluation import Evaluation

TITLES = {
    "accuracy": "Accuracy",
    "exact_match": "Exact match",
    "hamming_loss": "Hamming loss",
    "macro_f1": "Macro F1",
    "micro_f1": "Micro F1",
    "weighted_f1": "Weighted F1",
    "mcc": "Matthews correlation",
    "roc_auc": "ROC-AUC",
    "average_precision": "Average precision",
    "log_loss": "Log-loss",
    "ece": "Calibration error (ECE)",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "partial_f1": "Partial F1",
    "type_f1": "Type F1",
    "exact_rows": "Rows wholly right",
    "loss": "Loss",
    "perplexity": "Perplexity",
    "pseudo_perplexity": "Pseudo-perplexity",
    "token_accuracy": "Token accuracy",
    "repetition": "Repetition",
    "distinct_1": "Distinct words",
    "distinct_2": "Distinct pairs of words",
    "bleu": "BLEU",
    "chrf": "chrF",
    "length_ratio": "Length ratio",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "rougeLsum": "ROUGE-Lsum",
    "compression": "Compression",
    "copy_rate": "Copied pairs of words",
    "length": "Length in words",
    "has_answer_f1": "F1 where there is an answer",
    "no_answer_accuracy": "Accuracy where there is none",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "rmse": "Root mean squared error",
    "mae": "Mean absolute error",
}
"""What the headline figures are called in reports and charts."""

WEAKEST = 5
_CELL = "padding:2px 14px 2px 0;border-bottom:1px solid rgba(128,128,128,.25)"

Table = tuple[str, Sequence[str], list[list[str]]]  # title, header, rows: first column left, others right aligned


def text(evaluation: Evaluation) -> str:
    """The report as plain text."""
    lines = [_opening(evaluation)]
    for title, header, rows in _tables(evaluation):
        widths = [max(len(row[j]) for row in [list(header), *rows]) for j in range(len(header))]
        lines += ["", title]
        for row in [list(header), *rows]:
            rest = "  ".join(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            lines.append(f"  {row[0].ljust(widths[0])}  {rest}".rstrip())
    return "\n".join([*lines, "", *_closing(evaluation)])


def html(evaluation: Evaluation) -> str:
    """The report as an HTML fragment; every text of the data is escaped."""
    parts = [f"<p>{markup.escape(_opening(evaluation))}</p>"]
    for title, header, rows in _tables(evaluation):
        body = "".join(f"<tr>{_cells(row, 'td')}</tr>" for row in rows)
        parts.append(
            f'<table style="border-collapse:collapse;margin:0 0 12px 0">'
            f'<caption style="text-align:left;font-weight:600;color:inherit">{markup.escape(title)}</caption>'
            f"<thead><tr>{_cells(header, 'th')}</tr></thead><tbody>{body}</tbody></table>"
        )
    notes = "".join(f"<li>{markup.escape(note)}</li>" for note in _closing(evaluation))
    parts.append(f'<ul style="margin:0;padding-left:18px">{notes}</ul>')
    return f'<div class="labkit-evaluation">{"".join(parts)}</div>'


def _opening(evaluation: Evaluation) -> str:
    if evaluation.what:
        left_out = f" ({evaluation.skipped:,} rows without a known truth left out)" if evaluation.skipped else ""
        return f"Evaluated on {evaluation.what}{left_out}."
    kind = "labels" if evaluation.multi_label else "classes"
    left_out = f" ({evaluation.skipped:,} without a known label left out)" if evaluation.skipped else ""
    return f"Evaluated on {evaluation.n:,} rows, {len(evaluation.labels):,} {kind}{left_out}."


def _tables(evaluation: Evaluation) -> list[Table]:
    span = f"{100 * evaluation.confidence:g} % interval"
    others = list(evaluation.baselines)
    figures = []
    for name, figure in evaluation.headline.items():
        beside = [evaluation.baselines[other].b.get(name) for other in others]
        figures.append(
            [
                TITLES[name],
                f"{figure.value:.3f}",
                _span(figure),
                *("" if b is None else f"{b.value:.3f}" for b in beside),
            ]
        )
    tables: list[Table] = [("Headline figures", ["", "model", span, *others], figures)]
    met = [scores for scores in evaluation.per_class if scores.support]
    weak = sorted(met, key=lambda scores: scores.f1.value)[:WEAKEST]
    title = f"Weakest of {len(met):,} classes" if len(met) > WEAKEST else "Types" if evaluation.what else "Classes"
    if met:
        tables.append(
            (
                title,
                ["", "F1", span, "precision", "recall", "rows"],
                [
                    [
                        _cut(s.label),
                        f"{s.f1.value:.3f}",
                        _span(s.f1),
                        f"{s.precision:.3f}",
                        f"{s.recall:.3f}",
                        f"{s.support:,}",
                    ]
                    for s in weak
                ],
            )
        )
    first = TITLES[evaluation.first]
    first = first if first.isupper() or any(c.isdigit() for c in first) else first.lower()
    for column, parts in evaluation.slices.items():
        tables.append((f"By {column}", ["", first, span, "difference", "rows"], [_slice_row(part) for part in parts]))
    return tables


def _slice_row(part: SliceScores) -> list[str]:
    rows = f"{part.n:,}" + (" (few)" if part.small else "")
    gap = f"{part.difference.value:+.3f}".replace("-", "−")
    return [_cut(part.value), f"{part.accuracy.value:.3f}", _span(part.accuracy), gap, rows]


def _closing(evaluation: Evaluation) -> Iterable[str]:
    yield from (f"{comparison}" for comparison in evaluation.baselines.values())
    if evaluation.resamples:
        yield f"Intervals: bootstrap over rows, {evaluation.resamples:,} resamples; of classes and slices, Wilson's."
    yield from evaluation.notes


def _span(figure: Estimate) -> str:
    return "" if figure.low is None else f"{figure.low:.3f} to {figure.high:.3f}"


def _cut(value: str, most: int = 48) -> str:
    flat = " ".join(value.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def _cells(row: Sequence[str], tag: str) -> str:
    return "".join(
        f'<{tag} style="{_CELL};text-align:{"left" if j == 0 else "right"}">{markup.escape(cell)}</{tag}>'
        for j, cell in enumerate(row)
    )
