"""The rows that a model has wrong or is unsure of, surest mistakes first, with what the training data has like them."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
import traitlets

from labkit.errors import LabError, UnknownName
from labkit.evaluation import Suspect, errors, slice_rows, suspects
from labkit.models import embed, nearest
from labkit.tasks import Predictions
from labkit.training import Run
from labkit.widgets._jobs import Jobs
from labkit.widgets._run_rows import CELL_KEYS, RunRows, checked, marked, said, whole_texts
from labkit.widgets._widget import LabWidget, command, shown, table

INCLUDE = ("wrong", "unsure", "all")
SPACES = ("run", "base")
MOST_COMPARED = 20_000
"""Training rows among which neighbours are looked for; of more, so many drawn at random: embedding takes minutes as it is."""

_FILTERS = (*CELL_KEYS, "slice", "search", "rows", "suspects")
_BARS = 12  # probabilities that are shown of many classes
_NEVER = ("row_id", "text", "text_pair", "label")


class ErrorBrowser(LabWidget):
    """Errors as a list sorted by loss; the chosen row with its probabilities and its neighbours in the training data.

    ``selection`` are the rows that are marked; "Relabel" puts them into ``relabel``. Give them to a labeler with
    ``labeler.queue = errors.relabel``, or for good with
    ``errors.observe(lambda change: setattr(labeler, "queue", change.new), names="relabel")``. ``filters`` takes what a
    ``ConfusionMatrix`` has in ``picked``: ``traitlets.dlink((matrix, "picked"), (errors, "filters"))``.

    Args:
        run: a run or its directory.
        split: of its predictions.
        include: "wrong" rows; right ones that the model was "unsure" of, the least sure first; or "all".
        filters: "true", "predicted" (labels); "found", "missed", "false_alarm" (a label, with several a row); "slice"
            ([column, value]; "length" counts words); "search" (in the text); "rows" (ids); "suspects" (True: likely label
            errors only).
        traits: ``space``, the model whose view of likeness finds neighbours: the "run"'s own, or its "base".

    Raises:
        RunError: no such run.
        UnknownName: the run has no predictions of the split; a filter that does not exist.
        LabError: an unknown keyword.
    """

    stem: ClassVar[str] = "error_browser"
    by_hand: ClassVar[tuple[str, ...]] = ("split", "include", "filters", "space", "selection", "current")

    split = traitlets.Unicode("test", help="Which predictions of the run are shown.").tag(sync=True)
    include = traitlets.Enum(INCLUDE, "wrong", help="Wrong rows, unsure right ones, or all.").tag(sync=True)
    filters = traitlets.Dict(help="true, predicted, slice, search, rows, suspects.").tag(sync=True)
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
        self._splits: dict[str, _Split] = {}
        self._vectors: dict[tuple[str, str], tuple[Any, Any, list[int]]] = {}
        self._listed: list[dict[str, Any]] | None = None
        _Split.of(self._of, self._splits, split)  # an unknown split is refused here
        super().__init__(split=split, include=include, **traits)
        self._jobs = Jobs(self)
        self.observe(self._changed, names=["split", "include", "filters"])
        self.observe(self.refresh_code, names=["split", "include", "filters", "selection", "space"])
        self.filters = filters or {}
        self._changed()
        self.refresh_code()

    def _kept_of(self) -> str:
        return str(self._of.run.directory.absolute())

    @traitlets.validate("filters")
    def _known_filters(self, proposal: Any) -> dict[str, Any]:
        given = {name: v for name, v in proposal["value"].items() if v is not None and v not in ("", False, [], ())}
        for name in given:
            if name not in _FILTERS:
                raise UnknownName("filter of the error list", name, _FILTERS)
        rows = self._here
        checked({name: given[name] for name in CELL_KEYS if name in given}, rows.predictions.labels)
        if "slice" in given:
            column, value = self._slice(given["slice"])
            if value not in (slices := rows.slices(column)):
                raise UnknownName(f"slice by {column}", value, slices)
            given["slice"] = [column, value]
        if "rows" in given:
            given["rows"] = [str(row_id) for row_id in given["rows"]]
        return given

    @traitlets.validate("current")
    def _known_row(self, proposal: Any) -> str:
        row_id = str(proposal["value"])
        if row_id and row_id not in self._here.at:
            raise UnknownName("row of this split", row_id, self._here.predictions.row_ids)
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
            "rows" (row_id, text, true, predicted, confidence, loss, right, suspect: whether its label is likely wrong),
            "of" (rows that pass the filters) and "note" (what to know about the texts).
        """
        found = self._list()[max(0, start) :][: max(1, min(200, count))]
        return {"rows": found, "of": len(self._list()), "note": self._of.note}

    @command
    def choices(self) -> dict[str, Any]:
        """What can be chosen: splits, labels, the slices of each column, and how many rows there are of each kind."""
        here = self._here
        return {
            "run": self._of.name,
            "splits": self._of.splits,
            "labels": list(here.predictions.labels),
            "slices": {name: list(here.slices(name)) for name in here.columns},
            "counts": {name: len(here.listed(name)) for name in INCLUDE},
            "suspects": sum(suspect.likely for suspect in here.suspects.values()),
            "multi_label": here.predictions.multi_label,
            "training": self._of.corpus is not None and len(self._of.corpus["train"]),
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
                raise UnknownName("row of this split", row_id, self._here.predictions.row_ids)
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
        """Everything about one row: text, columns, probabilities (the highest first), and whether its label is doubtful.

        Raises:
            UnknownName: the split has no such row.
        """
        here = self._here
        if row_id not in here.at:
            raise UnknownName("row of this split", row_id, here.predictions.row_ids)
        at, p = here.at[row_id], here.predictions
        order = np.argsort(-p.probabilities[at], kind="stable")
        true = [] if p.gold is None else p.names(p.gold[[at]])[0] or []
        given = p.names(p.predicted[[at]])[0] or []
        true, given = ([one] if isinstance(one, str) else one for one in (true, given))
        # the true label is shown however improbable it is
        shown_labels = [int(j) for n, j in enumerate(order) if n < _BARS or p.labels[int(j)] in {*true, *given}]
        suspect = here.suspects.get(row_id)
        found = here.known.get(row_id, {})
        columns = self._of.columns(self.split, [row_id])
        others = {name: values[0] for name, values in columns.items() if name not in _NEVER}
        return {
            "row_id": row_id,
            "text": here.texts[at],
            "columns": {name: str(value) for name, value in others.items() if value not in (None, "")},
            "true": true,
            "predicted": given,
            "confidence": found.get("confidence"),
            "loss": found.get("loss"),
            "probabilities": [[p.labels[j], float(p.probabilities[at, j])] for j in shown_labels],
            "more": len(order) - len(shown_labels),
            "suspect": None if suspect is None or not suspect.likely else suspect.suggested or f"not {suspect.given}",
        }

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
            row_id, text, label (those of several joined) and cosine of each.

        Raises:
            UnknownName: the split has no such row.
            LabError: the data is gone, or the run has no training rows.
        """
        if row_id not in self._here.at:
            raise UnknownName("row of this split", row_id, self._here.predictions.row_ids)
        training, own, kept = self._embedded(self.split, self.space)
        columns = self._training()
        texts = whole_texts(columns, len(columns["row_id"]))
        found, cosines = nearest(training, own[self._here.at[row_id]], max(1, min(50, n)) + 1)
        answers = []
        for at, cosine in zip(found, cosines, strict=True):
            i = kept[int(at)]
            label = (columns.get("label") or [None] * (i + 1))[i]
            if columns["row_id"][i] != row_id:
                near = {"row_id": columns["row_id"][i], "text": texts[i], "label": said(label), "cosine": float(cosine)}
                answers.append(near)
        return answers[:n]

    # -- inside ---------------------------------------------------------------------------------------------------------------

    @property
    def _here(self) -> _Split:
        return _Split.of(self._of, self._splits, self.split)

    def _slice(self, given: Any) -> tuple[str, str]:
        if isinstance(given, str) or len(given) != 2:
            raise LabError("a slice as [column, value]", repr(given)[:80])
        return str(given[0]), str(given[1])

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
            here, f = self._here, self.filters
            marks = marked(here.predictions, {key: f[key] for key in CELL_KEYS if key in f})
            passes: list[Callable[[dict[str, Any]], bool]] = [lambda row: bool(marks[here.at[row["row_id"]]])]
            if "slice" in f:
                among = set(here.slices(f["slice"][0])[f["slice"][1]])
                passes.append(lambda row: row["row_id"] in among)
            if "rows" in f:
                wanted = set(f["rows"])
                passes.append(lambda row: row["row_id"] in wanted)
            if "suspects" in f:
                passes.append(lambda row: bool(row["suspect"]))
            if "search" in f:
                words = str(f["search"]).casefold()
                passes.append(lambda row: words in (row["text"] or row["row_id"]).casefold())
            self._listed = [row for row in here.listed(self.include) if all(one(row) for one in passes)]
        return self._listed

    def _training(self) -> dict[str, Any]:
        corpus = self._of.corpus
        if corpus is None:
            raise LabError("the data of the run", "none", self._of.note)
        train = corpus["train"]
        return {name: train[name] for name in train.column_names if name in _NEVER}

    def _embedded(
        self, split: str, space: str, progress: Callable[[int, int], None] | None = None
    ) -> tuple[Any, Any, list[int]]:
        """Vectors of the training rows and of the split's, and the positions of the former."""
        if (split, space) not in self._vectors:
            here, columns = _Split.of(self._of, self._splits, split), self._training()
            texts = [text or "" for text in whole_texts(columns, len(columns["row_id"]))]
            kept = list(range(len(texts)))
            if len(texts) > MOST_COMPARED:
                kept = sorted(np.random.default_rng(0).choice(len(texts), MOST_COMPARED, replace=False).tolist())
            run = self._of.run
            model = str(run.model_folder) if space == "run" else run.recipe.model.name
            training = embed([texts[i] for i in kept], model, progress=progress)
            self._vectors[split, space] = (training, embed([text or "" for text in here.texts], model), kept)
        return self._vectors[split, space]

    def cell(self) -> str:
        usual = {"split": "test", "include": "wrong", "filters": {}, "space": "run"}
        parts = [f"{name}={getattr(self, name)!r}" for name, value in usual.items() if getattr(self, name) != value]
        given = ", ".join([repr(str(self._of.run.directory)), *parts])
        lines = ["from labkit.widgets import ErrorBrowser", "", f"errors = ErrorBrowser({given})"]
        if self.selection:
            lines.append(f"errors.select({list(self.selection)!r})")
        return "\n".join([*lines, "errors"])

    def face(self) -> str:
        listed = self._list()
        what = {"wrong": "wrong rows", "unsure": "right rows, least sure first", "all": "rows"}[self.include]
        rows = [
            [(row["text"] or f"row {row['row_id']}")[:160], row["true"], row["predicted"], f"{row['loss']:.2f}"]
            for row in listed[:10]
        ]
        note = f"<p class=quiet>{html.escape(self._of.note)}</p>" if self._of.note else ""
        return (
            f"<h4>Errors of {html.escape(self._of.name)}</h4><p>{len(listed):,} {what} of {html.escape(self.split)}"
            f"{', filtered' if self.filters else ''}.</p>{note}"
            + table(["text", "true", "predicted", "loss"], rows, numbers={3})
        )


class _Split:
    """What is known about the rows of one split, worked out once."""

    def __init__(self, of: RunRows, split: str) -> None:
        self.predictions: Predictions = of.run.predictions(split)
        if self.predictions.gold is None:
            raise LabError(f"true labels in the {split} rows", "none", "choose a split with labels")
        ids = list(self.predictions.row_ids)
        self.at = {row_id: i for i, row_id in enumerate(ids)}
        self._columns = of.columns(split, ids)
        self.texts = whole_texts(self._columns, len(ids))
        self.suspects: dict[str, Suspect] = {}
        for suspect in reversed(suspects(self.predictions)):
            self.suspects[suspect.row_id] = suspect
        self._listed: dict[str, list[dict[str, Any]]] = {}
        self._slices: dict[str, dict[str, list[str]]] = {}
        self.known = {row["row_id"]: row for row in self.listed("all")}

    @classmethod
    def of(cls, of: RunRows, kept: dict[str, _Split], split: str) -> _Split:
        if split not in kept:
            kept[split] = cls(of, split)
        return kept[split]

    @property
    def columns(self) -> list[str]:
        """Columns to slice by."""
        if not self._columns:
            return []
        return ["length", *(name for name in self._columns if name not in (*_NEVER, "length"))]

    def slices(self, column: str) -> dict[str, list[str]]:
        """Slice → row ids."""
        if column not in self.columns:
            raise UnknownName("column to slice by", column, self.columns)
        if column not in self._slices:
            texts = {"text": [text or "" for text in self.texts]}
            self._slices[column] = slice_rows(self.predictions, {**self._columns, **texts}, column)
        return self._slices[column]

    def listed(self, include: str) -> list[dict[str, Any]]:
        """Rows of one kind, in order."""
        if include not in self._listed:
            self._listed[include] = [
                {
                    "row_id": row["row_id"],
                    "text": self.texts[self.at[row["row_id"]]],
                    "true": said(row["gold"]),
                    "predicted": said(row["predicted"]),
                    "confidence": row["confidence"],
                    "loss": row["loss"],
                    "right": row["gold"] == row["predicted"],
                    "suspect": row["row_id"] in self.suspects and self.suspects[row["row_id"]].likely,
                }
                for row in errors(self.predictions, include=include)  # type: ignore[arg-type]
            ]
        return self._listed[include]
