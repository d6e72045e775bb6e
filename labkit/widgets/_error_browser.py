"""The rows that a model has wrong or is unsure of, surest mistakes first, with what the training data has like them."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
import traitlets

from labkit.errors import LabError, UnknownName
from labkit.models import embed, nearest
from labkit.models._starter import PREFIX
from labkit.training import Run
from labkit.widgets._error_rows import KINDS, error_rows
from labkit.widgets._error_rows_base import INCLUDE, ORDERS, ErrorRows
from labkit.widgets._jobs import Jobs
from labkit.widgets._run_rows import RunRows, said
from labkit.widgets._widget import LabWidget, command, shown

SPACES = ("run", "base")
MOST_COMPARED = 20_000
"""Training rows among which neighbours are looked for; of more, so many drawn at random: embedding takes minutes as it is."""
_IN_FACE = 10  # rows


class ErrorBrowser(LabWidget):
    """Errors as a list, the worst first; the chosen row in full, with its neighbours in the training data.

    ``selection`` are the rows that are marked; "Relabel" puts them into ``relabel``. Give them to a labeler with
    ``labeler.queue = errors.relabel``, or for good with
    ``errors.observe(lambda change: setattr(labeler, "queue", change.new), names="relabel")``. ``filters`` takes what a
    ``ConfusionMatrix`` has in ``picked``: ``traitlets.dlink((matrix, "picked"), (errors, "filters"))``.

    What a row is depends on the run, and ``view`` names it:

    - "labels" of texts: by falling loss, with their probabilities;
    - "spans" in texts: rows with most errors first, true and predicted entities one above the other;
    - "answers" to questions: by rising F1, both answers marked in their context, with the likeliest ones;
    - "pairs" of source and target: by rising chrF or ROUGE-L, the differences of what was written marked;
    - "texts" to foresee: by falling perplexity, with what the model wrote behind some of them.

    Args:
        run: a run or its directory.
        split: of its predictions.
        include: "wrong" rows; right ones that the model was "unsure" of, the least sure first; or "all".
        filters: of every view "slice" ([column, value]; "length" counts words), "search" (in the texts) and "rows" (ids). Of
            labels, too: "true", "predicted" (labels), "found", "missed", "false_alarm" (a label, with several a row),
            "suspects" (True: likely label errors only). Of spans "kind" (of error, one of ``labkit.evaluation.ERROR_KINDS``)
            and "type" (of entity, true or predicted). Of answers "kind" (one of ``labkit.evaluation.ANSWER_ERROR_KINDS``). Of
            texts "written" (True: those that the model wrote something behind).
        traits: ``space``, the model whose view of likeness finds neighbours: the "run"'s own, or its "base"; ``order`` of
            the rows: "errors", the worst first; of wrong spans, answers and pairs by the "confidence" of the model; of texts
            by "accuracy", the share of tokens that it foresaw.

    Raises:
        RunError: no such run.
        UnknownName: the run has no predictions of the split; a filter or an order that the view does not have.
        LabError: an unknown keyword; no row of the split has a known truth, or what the run predicts is not listed here.
    """

    stem: ClassVar[str] = "error_browser"
    by_hand: ClassVar[tuple[str, ...]] = ("split", "include", "order", "filters", "space", "selection", "current")

    split = traitlets.Unicode("test", help="Which predictions of the run are shown.").tag(sync=True)
    include = traitlets.Enum(INCLUDE, "wrong", help="Wrong rows, unsure right ones, or all.").tag(sync=True)
    order = traitlets.Enum(ORDERS, "errors", help="Order of the rows.").tag(sync=True)
    view = traitlets.Enum(tuple(KINDS), "labels", help="What a row is, which says how it is shown.").tag(sync=True)
    filters = traitlets.Dict(help="slice, search, rows, and what the view has beside.").tag(sync=True)
    selection = traitlets.List(traitlets.Unicode(), help="Ids of the marked rows.").tag(sync=True)
    relabel = traitlets.List(traitlets.Unicode(), help="Ids of the rows handed over to a labeler.").tag(sync=True)
    current = traitlets.Unicode("", help="Id of the row that is shown in full.").tag(sync=True)
    space = traitlets.Enum(SPACES, "run", help="Whose embeddings find neighbours.").tag(sync=True)
    jobs = traitlets.Dict(help="How far the embedding is.").tag(sync=True)

    def __init__(
        self,
        run: Run | str | os.PathLike[str],
        *,
        split: str = "test",
        include: str = "wrong",
        filters: dict[str, Any] | None = None,
        **traits: Any,
    ) -> None:
        self._of = RunRows(run)
        self._splits: dict[str, ErrorRows] = {}
        self._vectors: dict[tuple[str, str], tuple[Any, Any, list[int]]] = {}
        self._listed: list[dict[str, Any]] | None = None
        view = self._rows_of(split).view  # an unknown split is refused here
        if "view" in traits:
            raise LabError("a view that follows from the run", "view=", "leave it out")
        super().__init__(split=split, include=include, view=view, **traits)
        self._jobs = Jobs(self)
        self.observe(self._changed, names=["split", "include", "order", "filters"])
        self.observe(self.refresh_code, names=["split", "include", "order", "filters", "selection", "space"])
        self.filters = filters or {}
        self._changed()
        self.refresh_code()

    def _kept_of(self) -> str:
        return str(self._of.run.directory.absolute())

    @traitlets.validate("filters")
    def _known_filters(self, proposal: Any) -> dict[str, Any]:
        return self._here.checked(proposal["value"])

    @traitlets.validate("order")
    def _known_order(self, proposal: Any) -> str:
        orders = self._here.orders
        if proposal["value"] not in orders:
            raise UnknownName(f"order of {self.view}", proposal["value"], orders)
        return str(proposal["value"])

    @traitlets.validate("current")
    def _known_row(self, proposal: Any) -> str:
        row_id = str(proposal["value"])
        if row_id and row_id not in self._here.at:
            raise UnknownName("row of this split", row_id, self._here.ids)
        return row_id

    # -- what the buttons do --------------------------------------------------------------------------------------------------

    @command
    def filter(self, **filters: Any) -> None:
        """Set filters by name; an empty value takes one away."""
        self.filters = {**self.filters, **filters}

    @command
    def rows(self, start: int = 0, count: int = 50) -> dict[str, Any]:
        """A stretch of the list.

        Args:
            start: from 0.
            count: rows, 1 to 200.

        Returns:
            "rows", "of" (rows that pass the filters), "order" (in words) and "note" (what to know about the texts). A row
            has row_id, text and right (whether it is), and beside that

            - of labels: true, predicted, confidence, loss, suspect (whether its label is likely wrong);
            - of spans: errors, kinds (how many errors of each kind), entities (how many true ones), confidence (of the
              surest mistake, or of the least sure entity of a right row);
            - of answers: gold (texts of the true ones, empty: there is none), predicted (None: nothing), kind (of error),
              f1, confidence;
            - of pairs: target, predicted, score (chrF or ROUGE-L), confidence;
            - of texts: score (perplexity), accuracy, tokens, written (whether the model wrote something behind it).
        """
        found = self._list()[max(0, start) :][: max(1, min(200, count))]
        here = self._here
        return {
            "rows": found,
            "of": len(self._list()),
            "order": here.ordered(self.include, self.order),
            "note": here.note,
        }

    @command
    def choices(self) -> dict[str, Any]:
        """What can be chosen: splits, orders, labels, the slices of each column, how many rows there are of each kind and what
        they are called, and how many errors of each kind."""
        return {
            "run": self._of.name,
            "splits": self._of.splits,
            "training": self._of.corpus is not None and len(self._of.corpus["train"]),
            **self._here.choices(),
        }

    @command
    def ids(self, start: int = 0, stop: int | None = None) -> list[str]:
        """Ids of a stretch of the list, or of all of it."""
        return [row["row_id"] for row in self._list()[start:stop]]

    @command
    def select(self, row_ids: Iterable[str]) -> None:
        """Mark rows; these and no others.

        Raises:
            UnknownName: an id that the split does not have.
        """
        wanted = [str(row_id) for row_id in row_ids]
        for row_id in wanted:
            if row_id not in self._here.at:
                raise UnknownName("row of this split", row_id, self._here.ids)
        self.selection = wanted

    @command
    def hand_over(self) -> list[str]:
        """Hand the marked rows to a labeler: they go into ``relabel``.

        Raises:
            LabError: no row is marked.
        """
        if not self.selection:
            raise LabError("marked rows to relabel", "none", "mark some in the list, or with select")
        self.relabel = list(self.selection)
        return list(self.relabel)

    @command
    def row(self, row_id: str) -> dict[str, Any]:
        """Everything about one row: row_id, text, columns, and beside that

        - of labels: true, predicted, probabilities (the highest first), loss, suspect (the likelier label);
        - of spans: true and predicted (start, end, label, confidence, error: what is wrong with it, or nothing), errors
          (kind, true, predicted, confidence);
        - of answers: context, gold and predicted (start, end, text, stands: whether it is in the context there), kind, f1,
          confidence, alternatives (with a probability each) and none (that of no answer);
        - of pairs: target, predicted, confidence, figures (name, value);
        - of texts: target and predicted (None where there is none), tokens, hits (how many were foreseen), figures.

        Raises:
            UnknownName: the split has no such row.
        """
        if row_id not in self._here.at:
            raise UnknownName("row of this split", row_id, self._here.ids)
        return self._here.detail(row_id)

    @command
    def prepare(self) -> None:
        """Embed the training data in a thread, for ``neighbours``; ``jobs`` says how far that is."""
        split, space = self.split, self.space
        name = f"{split} {space}"
        count = len(self._training()["row_id"])

        def work() -> None:
            self._embedded(split, space, lambda done, of: self._jobs.progress(name, done, of))

        self._jobs.start(name, work, f"0 of {count:,}")

    @command
    def neighbours(self, row_id: str, n: int = 6) -> list[dict[str, Any]]:
        """The training rows most like a row, the nearest first; embeds the training data where that was not done yet.

        Args:
            row_id: of a row of the split.
            n: how many, 1 to 50.

        Returns:
            row_id, text, label (those of several joined), cosine of each, and its "spans", its "answers" (texts; None: not
            known) or its "target" where its data has some. Of questions the text is compared, of pairs the source.

        Raises:
            UnknownName: the split has no such row.
            LabError: the data is gone, or the base is a starter model, which knows nothing.
        """
        if row_id not in self._here.at:
            raise UnknownName("row of this split", row_id, self._here.ids)
        training, own, kept = self._embedded(self.split, self.space)
        here, columns = self._here, self._training()
        texts = here.compared(columns, len(columns["row_id"]))
        found, cosines = nearest(training, own[self._here.at[row_id]], max(1, min(50, n)) + 1)
        answers = []
        for at, cosine in zip(found, cosines, strict=True):
            i = kept[int(at)]
            label = (columns.get("label") or [None] * (i + 1))[i]
            if columns["row_id"][i] != row_id:
                near = {"row_id": columns["row_id"][i], "text": texts[i], "label": said(label), "cosine": float(cosine)}
                answers.append({**near, **here.beside(columns, i)})
        return answers[:n]

    # -- inside ---------------------------------------------------------------------------------------------------------------

    @property
    def _here(self) -> ErrorRows:
        return self._rows_of(self.split)

    def _rows_of(self, split: str) -> ErrorRows:
        if split not in self._splits:
            self._splits[split] = error_rows(self._of, split)
        return self._splits[split]

    @shown
    def _changed(self, *_: Any) -> None:
        self.error = ""
        with self.lock:
            self._listed = None
            listed = self._list()
        there = {row["row_id"] for row in listed}
        self.selection = [row_id for row_id in self.selection if row_id in there]
        if self.current not in there:
            self.current = listed[0]["row_id"] if listed else ""

    def _list(self) -> list[dict[str, Any]]:
        """The rows that pass the filters, in order."""
        if self._listed is None:
            self._listed = self._here.passing(self.include, self.order, self.filters)
        return self._listed

    def _training(self) -> dict[str, Any]:
        corpus = self._of.corpus
        if corpus is None:
            raise LabError("the data of the run", "none", self._of.note)
        train = corpus["train"]
        return {name: train[name] for name in train.column_names if name in self._here.hidden}

    def _embedded(
        self, split: str, space: str, progress: Callable[[int, int], None] | None = None
    ) -> tuple[Any, Any, list[int]]:
        """Vectors of the training rows and of the split's, and the positions of the former."""
        if (split, space) not in self._vectors:
            here, columns = self._rows_of(split), self._training()
            texts = [text or "" for text in here.compared(columns, len(columns["row_id"]))]
            kept = list(range(len(texts)))
            if len(texts) > MOST_COMPARED:
                kept = sorted(np.random.default_rng(0).choice(len(texts), MOST_COMPARED, replace=False).tolist())
            run = self._of.run
            model = str(run.model_folder) if space == "run" else run.recipe.model.name
            if model.startswith(PREFIX):
                came = f"{model!r}, whose weights were random before this run"
                raise LabError("a base model that has learnt something", came, 'compare in the space of the "run"')
            training = embed([texts[i] for i in kept], model, progress=progress)
            self._vectors[split, space] = (training, embed([text or "" for text in here.own_compared], model), kept)
        return self._vectors[split, space]

    def cell(self) -> str:
        usual = {"split": "test", "include": "wrong", "order": "errors", "filters": {}, "space": "run"}
        parts = [f"{name}={getattr(self, name)!r}" for name, value in usual.items() if getattr(self, name) != value]
        given = ", ".join([repr(str(self._of.run.directory)), *parts])
        lines = ["from labkit.widgets import ErrorBrowser", "", f"errors = ErrorBrowser({given})"]
        if self.selection:
            lines.append(f"errors.select({list(self.selection)!r})")
        return "\n".join([*lines, "errors"])

    def face(self) -> str:
        here, listed = self._here, self._list()
        filtered = ", filtered" if self.filters else ""
        what = f"{here.called[self.include]}{filtered}, {here.ordered(self.include, self.order)}"
        note = f"<p class=quiet>{html.escape(here.note)}</p>" if here.note else ""
        return (
            f"<h4>Errors of {html.escape(self._of.name)}</h4>"
            f"<p>{len(listed):,} {html.escape(what)} ({html.escape(self.split)}).</p>{note}{here.face(listed[:_IN_FACE])}"
        )
