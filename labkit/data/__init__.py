"""Data: reading, checking, repairing and splitting labelled texts, and texts with labelled stretches."""

from labkit._places import cache_dir
from labkit.data._augment import (
    METHODS,
    Augmented,
    AugmentedRows,
    Fill,
    Translate,
    augment,
    preview_augmentation,
)
from labkit.data._balance import balance, class_weights
from labkit.data._check import check
from labkit.data._clean import REPAIRS, clean
from labkit.data._corpus import Corpus, DataConfig, Step
from labkit.data._folds import fold
from labkit.data._journals.apply import apply
from labkit.data._journals.journal import Journal, journal_path
from labkit.data._journals.lines import Decision
from labkit.data._journals.merge import (
    Agreement,
    Disagreement,
    LabelSummary,
    Person,
    agreement,
    disagreements,
    label_summary,
    merge_journals,
)
from labkit.data._layouts.answers import Answer
from labkit.data._layouts.spans import SCHEMES, Span, spans_to_tags, tags_to_spans, word_spans
from labkit.data._load import load
from labkit.data._name_texts import name_classes
from labkit.data._query import OPERATORS, Query
from labkit.data._read import read
from labkit.data._rehearse import rehearse
from labkit.data._report import DataReport, Finding, Lengths
from labkit.data._samples import defects, sample, sample_layout, sample_path, samples
from labkit.data._split import split
from labkit.data._table import Facets, Table, View
from labkit.data._texts import normalise

__all__ = [
    "METHODS",
    "OPERATORS",
    "REPAIRS",
    "SCHEMES",
    "Agreement",
    "Answer",
    "Augmented",
    "AugmentedRows",
    "Corpus",
    "DataConfig",
    "DataReport",
    "Decision",
    "Disagreement",
    "Facets",
    "Fill",
    "Finding",
    "Journal",
    "LabelSummary",
    "Lengths",
    "Person",
    "Query",
    "Span",
    "Step",
    "Table",
    "Translate",
    "View",
    "agreement",
    "apply",
    "augment",
    "balance",
    "cache_dir",
    "check",
    "class_weights",
    "clean",
    "defects",
    "disagreements",
    "fold",
    "journal_path",
    "label_summary",
    "load",
    "merge_journals",
    "name_classes",
    "normalise",
    "preview_augmentation",
    "read",
    "rehearse",
    "sample",
    "sample_layout",
    "sample_path",
    "samples",
    "spans_to_tags",
    "split",
    "tags_to_spans",
    "word_spans",
]
