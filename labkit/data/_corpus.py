"""The data set as labkit sees it: named splits with the same canonical columns, and how it came to be.

Every split is a memory-mapped ``datasets.Dataset`` with the columns ``row_id`` and ``text``, ``text_pair`` for pairs of
texts, ``label`` where there are labels (a string, a list of strings with several labels a row, a number where rows have
scores; null where unknown), and behind them every other column of the source under its own name. In the layout "spans" there
are also ``spans``, a list of start, end and label of each labelled stretch, in characters of ``text`` and sorted by start
(null where unknown), of whose labels ``label`` is the set; and ``words``, start and end of each word, flattened, where the
source had tokens. In the layout "answers" ``text`` is a question and ``text_pair`` its context, ``answers`` a list of start
and text of each answer, in characters of the context (empty where it holds none, null where unknown), and ``label`` says
"answerable" or "no answer".

In the layout "texts" ``text`` is a text to learn, or a prompt with its completion in ``target``. Of a conversation ``messages``
has role and content of each turn, ``target`` the last answer of the assistant, and ``text`` what comes before it. Texts from
files of running text have the name of their file in ``document``.

In the layout "pairs" ``text`` is a source and ``target`` what is to be written from it, null where unknown; it has no labels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from labkit.errors import UnknownName

if TYPE_CHECKING:
    from datasets import Dataset

CANONICAL = ("row_id", "text", "text_pair", "label")

SplitBy = Literal["stratified", "random"]
Balance = Literal["none", "oversample", "undersample", "batches"]
LayoutName = Literal["labels", "spans", "answers", "pairs", "texts"]


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Everything that decides which rows a model sees. ``load`` makes the same corpus from it again."""

    train: str = ""
    """Path of the training data (or of all data), or a hub id."""
    validation: str = ""
    """Path of the validation data; empty: a split of that name in the source, else carved from train."""
    test: str = ""
    """Path of the test data; empty: a split of that name in the source, else carved from train."""
    text: str = ""
    """Column with the text; empty: detected."""
    text_pair: str = ""
    """Column with the second text of a pair; empty: none, unless detected."""
    label: tuple[str, ...] = ()
    """Column with the label, or one column per label (multi-label); empty: detected."""
    label_separator: str = ""
    """What stands between several labels in one cell; empty: detected."""
    multi_label: bool | None = None
    """Whether a row may have several labels; None: detected."""
    scores: bool | None = None
    """Whether the label is a number on a scale to come close to (a similarity, a rating) and no class; None: detected."""
    id: str = ""
    """Column with a unique id; empty: detected, else a hash of the row's content."""
    encoding: str = ""
    """Text encoding of the files; empty: detected."""
    delimiter: str = ""
    """Field delimiter of CSV files; empty: detected."""
    labels: tuple[str, ...] = ()
    """Label journals whose decisions are applied after reading."""
    repairs: tuple[str, ...] = ()
    """Names of the repairs that ``clean`` makes, in this order."""
    validation_share: float = 0.1
    """Share of the training rows to carve off for validation where none is given; 0: none."""
    test_share: float = 0.2
    """Share of all rows to carve off as test set where none is given; 0: none."""
    split_by: SplitBy = "stratified"
    """Stratified by label, or random."""
    group: str = ""
    """Column whose equal values must stay on one side of a split (an author, a document); empty: none."""
    split_seed: int = 0
    """Seed of the split and of the balancing; apart from the training seed, so that seeds are compared on the same split."""
    folds: int = 0
    """Folds of a cross-validation into which the training rows are dealt; 0: none."""
    fold: int = 0
    """Which of the folds is the test split, counted from 0."""
    balance: Balance = "none"
    """Over- or under-sampling of the training split, or batches into which every class is drawn alike."""
    rehearse: str = ""
    """Path of earlier training data, of which rows are mixed in again so that it is not forgotten; empty: none."""
    rehearse_share: float = 0.1
    """How many of them, as a share of the training rows."""
    augment: tuple[str, ...] = ()
    """Ways to make changed copies of the training rows: typos, delete, swap, substitute, back_translate; empty: none."""
    augment_copies: int = 1
    """Changed copies of each training row."""
    augment_share: float = 0.1
    """Share of a text's words that are changed."""
    augment_model: str = ""
    """Masked language model that chooses words for augment = substitute."""
    augment_translators: tuple[str, ...] = ()
    """Two translation models, there and back, for augment = back_translate."""
    name_texts: int = 0
    """Texts made of its name that each class gets beside its own training rows, where these are few; 0: none."""
    name_template: str = "This sentence is {}"
    """What such a text says, with {} where the name goes."""
    fingerprint: str = ""
    """Hash of the sources' content; empty: not checked. A recipe whose data has changed since says so."""
    labels_fingerprint: str = ""
    """How much of each label journal is applied (size:hash of its first bytes); empty: all of it. Later decisions stay out."""
    layout: LayoutName = "labels"
    """What a row is: a text with its labels, a text with labelled stretches (spans), a question with its context and answers,
    or a text to learn."""

    def columns(self) -> dict[str, Any]:
        """Which columns hold what, as ``read`` takes it; None where it is to be found."""
        label = self.label[0] if len(self.label) == 1 else self.label
        return {"text": self.text or None, "text_pair": self.text_pair or None, "label": label or None}

    def unaugmented(self) -> DataConfig:
        """The same without the changed copies of training rows: what evaluation reads, and whoever shows the rows."""
        return dataclasses.replace(self, augment=())


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that was done to the data: what, and how many rows it touched, per split."""

    name: str
    counts: Mapping[str, int]
    text: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Corpus:
    """Splits of a data set with canonical columns.

    Attributes:
        splits: name ("train", "validation", "test") → rows. Data that came as one file is all in "train".
        labels: every class name that occurs in any split, in natural order.
        multi_label: whether a row may have several labels.
        scores: whether ``label`` is a number on a scale, and no class.
        config: what leads from the sources to this very corpus.
        reasons: why the reader chose the columns, the encoding and so on; a sentence each.
        steps: what was done to the rows since they were read.
    """

    splits: Mapping[str, Dataset]
    labels: tuple[str, ...] = ()
    multi_label: bool = False
    scores: bool = False
    config: DataConfig = field(default_factory=DataConfig)
    reasons: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    def __getitem__(self, split: str) -> Dataset:
        try:
            return self.splits[split]
        except KeyError:
            raise UnknownName("split", split, self.splits) from None

    def __contains__(self, split: object) -> bool:
        return split in self.splits

    @property
    def paired(self) -> bool:
        """Whether rows are pairs of texts."""
        return all("text_pair" in rows.column_names for rows in self.splits.values())

    @property
    def labelled(self) -> bool:
        """Whether the rows have labels, or scores."""
        return bool(self.labels) or (self.scores and any("label" in rows.column_names for rows in self.splits.values()))

    @property
    def rows(self) -> dict[str, int]:
        """Number of rows in each split."""
        return {name: len(split) for name, split in self.splits.items()}

    def replace(self, **changes: Any) -> Corpus:
        """A copy with other values for some attributes."""
        return dataclasses.replace(self, **changes)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {count:,}" for name, count in self.rows.items())
        named = {"spans": "entity types", "answers": "kinds of questions"}
        if self.scores:
            return f"Corpus({sizes}; {'scores' if self.labelled else 'unlabelled'})"
        many = named.get(self.config.layout, "tags" if self.multi_label else "classes")
        kind = (
            f"{len(self.labels)} {many}"
            if self.labels
            else {"texts": "texts", "pairs": "pairs"}.get(self.config.layout, "unlabelled")
        )
        return f"Corpus({sizes}; {kind})"
