"""Looking at a whole data set, a million rows of it: search, filters, order, balance, findings with their repairs, tokens."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets
from traitlets import observe, validate

from labkit import tasks
from labkit.data import Corpus, DataReport, Finding, Query, Table, View, check, clean, read
from labkit.errors import LabError, UnknownName
from labkit.widgets import _inspector_faces as faces
from labkit.widgets import _inspector_parts as parts
from labkit.widgets import _tasks
from labkit.widgets._inspector_selection import RowSelection
from labkit.widgets._inspector_similar import COMPARED, Similar
from labkit.widgets._jobs import Jobs
from labkit.widgets._widget import command

if TYPE_CHECKING:
    import plotly.graph_objects as go

CHECKED_ALONE = 50_000
"""Rows up to which a data set is checked without being asked to."""

_SAFELY_SMALL = 10_000  # rows that are checked, without tokens, for the static face


class DataInspector(RowSelection):
    """All rows of a data set in a list that is searched, filtered and sorted, with class balance, lengths and findings.

    The browser holds the rows around the visible ones, never the data set. Observe ``selection``, ``corpus`` (a repair makes
    a new one) or ``filters`` to go on with what was found.

    Args:
        data: a corpus, or what ``labkit.data.read`` takes; labels may be missing.
        model: whose tokenizer shows how a text is read, and whose embeddings find similar texts.
        task: task id; what keeps the data from being trained on for it stands among the findings. None: the first task for
            data of this kind. Data that is no corpus yet is read as the task has it.
        filters: as ``filter`` takes them.
        sort: as ``sort_by`` takes it, or pairs of a column and "ascending" or "descending".
        traits: further traits, such as ``selection``.

    Raises:
        LabError: an unknown keyword, task, model, column or label, or data that cannot be read.
    """

    stem: ClassVar[str] = "data_inspector"
    by_hand: ClassVar[tuple[str, ...]] = ("repairs", "model", "filters", "sort", "selection", "current")

    sort: Any = traitlets.List(help="[column, ascending or descending], the most important first.").tag(sync=True)
    current = traitlets.Unicode("", help="Id of the row that is shown in full.").tag(sync=True)
    findings = traitlets.List(traitlets.Dict(), help="What check found, without the rows.").tag(sync=True)
    near = traitlets.Dict(help="Rows similar to the one with row_id.").tag(sync=True)
    about = traitlets.Dict(help="Rows, splits, columns and labels of the data, and what was done to it.").tag(sync=True)
    jobs = traitlets.Dict(help="What runs in the background: name, then state, text, share and error.").tag(sync=True)
    model = traitlets.Unicode("minilm", help="Model whose tokenizer and embeddings are used.").tag(sync=True)
    corpus = traitlets.Instance(Corpus, help="The data, after the repairs.")

    def __init__(
        self,
        data: Any,
        *,
        model: str = "minilm",
        task: str | None = None,
        filters: Mapping[str, Any] | None = None,
        sort: str | Sequence[Any] | None = None,
        **traits: Any,
    ) -> None:
        if not isinstance(data, Corpus):
            read_as = tasks.get(task or _tasks.of_layout("labels")[0]).layout
        parts.require_model(model)
        self.report: DataReport | None = None
        self._source = data if isinstance(data, str) else None
        self._past: list[Corpus] = []
        self._rows: tuple[str, ...] = ()
        self._tokenizers: dict[str, Any] = {}
        self._loading = threading.Lock()
        self._every: Any = None
        super().__init__(**{name: value for name, value in traits.items() if not self.has_trait(name)})
        self._jobs = Jobs(self)
        self._similar = Similar()
        corpus = data if isinstance(data, Corpus) else read(data, layout=read_as, require_label=False)
        self.task = tasks.get(task or _tasks.of_layout(corpus.config.layout)[0]).id
        if tasks.get(self.task).layout != corpus.config.layout:
            do = f"read it with layout={tasks.get(self.task).layout!r}, or name a task for it"
            raise LabError(f"data for {self.task}", f"data in the layout {corpus.config.layout!r}", do)
        self.corpus = corpus
        self.model = model
        self._set(dict(filters or {}), parts.order_of(sort))
        for name, value in traits.items():
            setattr(self, name, value)
        self.refresh_code()

    # -- what keep_in keeps ---------------------------------------------------------------------------------------------------

    def _kept_of(self) -> str:
        return self.corpus.config.train

    def _kept_traits(self) -> list[str]:
        return ["corpus", "selected", *(name for name in self.by_hand if name != "repairs")]

    def _set_by_hand(self) -> dict[str, Any]:
        # rows that are similar to one would have to be found again, for which the model is loaded
        filters: dict[str, Any] = {name: value for name, value in self.filters.items() if name != "similar"}
        if "rows" in filters:
            filters["rows"] = list(self._rows)
        selection = self.selection if self._selected_by is None else {"by": self._selected_by}
        return {**super()._set_by_hand(), "repairs": list(self.repairs), "filters": filters, "selection": selection}

    def _take_up_value(self, name: str, value: Any) -> None:
        if name == "repairs":
            self.repair(*value)
        elif name == "filters":
            self._set(value, self.sort)
        elif name == "selection":
            if isinstance(value, dict):
                self.select_all(value["by"])
            else:
                self.select(value)
        else:
            super()._take_up_value(name, value)

    # -- which rows -----------------------------------------------------------------------------------------------------------

    def filter(self, **filters: Any) -> int:
        """Set filters by name; None takes one away, and all others stay.

        Args:
            filters: the fields of ``labkit.data.Query`` but ``sort`` (``search``, ``regex``, ``case``, ``columns``, ``labels``,
                ``splits``, ``length``, ``where``, ``rows``), and ``finding``, the name of a finding.

        Returns:
            Number of rows that pass.

        Raises:
            LabError: an unknown filter, column, label, split or finding, or a regular expression that cannot be read.
        """
        self._set({**self.filters, **filters}, self.sort)
        return self.view.count

    def search(self, text: str, *, regex: bool = False, case: bool = False) -> int:
        """Keep the rows whose text holds a text, or matches a regular expression of RE2; "" ends it.

        Raises:
            LabError: a regular expression that cannot be read.
        """
        return self.filter(search=text, regex=regex, case=case)

    def sort_by(self, *columns: str, descending: bool = False) -> None:
        """Order the rows by columns, "length" and "split" among them; by none: as in the files.

        Raises:
            LabError: an unknown column, or one without an order.
        """
        self._set(self.filters, [[name, "descending" if descending else "ascending"] for name in columns])

    @property
    def view(self) -> View:
        """The rows that pass the filters."""
        return self.table.view(self._query(self.filters, self.sort))

    @command
    def look(
        self, filters: dict[str, Any] | None = None, sort: list[Any] | None = None, offset: int = 0, size: int = 100
    ) -> dict[str, Any]:
        """A stretch of the rows in view, after setting filters or the order where they are given."""
        if filters is not None or sort is not None:
            self._set(self.filters if filters is None else filters, self.sort if sort is None else sort)
        scores = self._scores if "similar" in self.filters else {}
        columns = self.about["texts"]
        rows = [parts.listed(row, columns, self._named(), self._marks, scores) for row in self._page(offset, size)]
        return {
            "revision": self.revision,
            "count": self.view.count,
            "offset": offset,
            "extra": self._named(),
            "rows": rows,
        }

    @command
    def facets(self) -> dict[str, Any]:
        """Labels, splits and lengths with their numbers of rows, in all and under the other filters. It starts the check."""
        if self.report is None and "check" not in self.jobs and len(self.table) <= CHECKED_ALONE:
            self.start_check()
        if self._every is None:
            self._every = self.table.facets()
        now = self.table.facets(self._query(self.filters, [])) if self.filters else self._every
        return {"revision": self.revision, **parts.facets_of(self._every, now)}

    @command
    def values(self, column: str) -> list[list[Any]]:
        """The most frequent values of a column with their numbers of rows."""
        return [[value, count] for value, count in self.table.view().values(column, 30)]

    @command
    def where(self, row_id: str) -> int | None:
        """How many rows in view stand before a row; None where it is filtered out."""
        if self._by_score:
            ids = [row["row_id"] for row in self._page(0, self.view.count)]
            return ids.index(row_id) if row_id in ids else None
        return self.view.where_is(row_id)

    @validate("filters")
    def _sound_filters(self, proposal: Any) -> dict[str, Any]:
        sound = self._kept(proposal["value"])
        if not self._busy:
            self.table.view(self._query(sound, self.sort))  # what is wrong is said now
        return sound

    @validate("sort")
    def _sound_sort(self, proposal: Any) -> list[Any]:
        sound = parts.order_of(proposal["value"])
        if not self._busy:
            self.table.view(self._query(self.filters, sound))
        return sound

    @observe("filters", "sort", "model")
    def _changed(self, change: Any) -> None:
        if change["name"] == "model":
            self.near = {}
        self.revision += 1
        self.refresh_code()

    def _set(self, filters: Mapping[str, Any], sort: Sequence[Any]) -> None:
        with self.lock:
            filters, sort = self._kept(filters), parts.order_of(sort)
            self.table.view(self._query(filters, sort))  # nothing is changed where something is wrong
            with self._at_once():
                self.filters, self.sort = filters, sort

    def _kept(self, filters: Mapping[str, Any]) -> dict[str, Any]:
        """The filters as they are synced: of many row ids only the number."""
        if isinstance(filters.get("rows"), list | tuple):
            self._rows = tuple(filters["rows"])
            filters = {**filters, "rows": len(self._rows)}
        return parts.sound(filters)

    def _query(self, filters: Mapping[str, Any], sort: Sequence[Any]) -> Query:
        chosen: list[Sequence[str]] = []
        if "rows" in filters:
            chosen.append(self._rows)
        if "finding" in filters:
            chosen.append(self._finding(filters["finding"]).row_ids)
        if "similar" in filters:
            if self.near.get("row_id") != filters["similar"]:
                self._find_similar(filters["similar"], parts.SIMILAR)
            chosen.append([row["row_id"] for row in self.near["rows"]])
        rows = (
            tuple(one for one in chosen[0] if all(one in other for other in map(set, chosen[1:]))) if chosen else None
        )
        plain = {name: value for name, value in filters.items() if name in parts.FIELDS}
        return Query(**{**plain, "rows": rows}, sort=tuple((name, direction) for name, direction in sort))

    @property
    def _by_score(self) -> bool:
        return "similar" in self.filters and not self.sort

    def _page(self, offset: int, size: int) -> list[dict[str, Any]]:
        view = self.view
        if not self._by_score:
            return view.page(offset, size)
        scores = self._scores
        rows = view.page(0, view.count)
        return sorted(rows, key=lambda row: -scores[row["row_id"]])[offset : offset + size]

    @property
    def _scores(self) -> dict[str, float]:
        return {row["row_id"]: row["score"] for row in self.near["rows"]}

    def _named(self) -> list[str]:
        """Columns that are filtered or sorted by, beside those that the list always shows."""
        names = [column for column, *_ in (*self.filters.get("where", ()), *self.sort)]
        return [name for name in dict.fromkeys(names) if name not in parts.LISTED][: parts.EXTRA]

    # -- one row --------------------------------------------------------------------------------------------------------------

    @command
    def show(self, row_id: str) -> dict[str, Any]:
        """Show a row in full: its texts, and every column.

        Raises:
            LabError: no row has this id.
        """
        found = parts.detail_of(self.table.row(self._position(row_id)), self.about["texts"])
        self.current = row_id
        return found

    def tokens(self, row_id: str) -> list[dict[str, Any]]:
        """What the tokenizer makes of a row, see ``Table.tokens``. Nothing is cut off where long texts are read in windows.

        Raises:
            LabError: no row has this id; the tokenizer cannot be loaded.
        """
        tokenizer = self._tokenizer()
        cut = parts.reading(self.corpus, self.table) == "end"
        return self.table.tokens(self._position(row_id), tokenizer, parts.reads(tokenizer) if cut else parts.ENDLESS)

    @command
    def ask_tokens(self, row_id: str) -> dict[str, Any]:
        """As ``tokens``, summed up for the browser. A tokenizer that is not loaded is loaded in the background first."""
        if self.model not in self._tokenizers:
            self._jobs.start("tokenizer", self._tokenizer)
            return {"ready": False}
        row = self.table.row(self._position(row_id))
        texts: dict[str, str] = {name: str(row[name] or "") for name in self.table.texts}
        seen = parts.tokens_of(self.tokens(row_id), texts)
        reading = parts.reading(self.corpus, self.table)
        return {"ready": True, "model": self.model, "limit": parts.reads(self._tokenizer()), "reading": reading, **seen}

    def similar(self, row_id: str, n: int = parts.SIMILAR) -> list[dict[str, Any]]:
        """The rows whose texts are most like one, by the cosine of the model's mean-pooled embeddings.

        The list shows them, and only them, the most similar first. Of more than 20,000 rows, those in view are compared.

        Args:
            row_id: of the row; it is not among the answers.
            n: how many, at most 500.

        Returns:
            ``row_id``, ``score`` (−1 to 1), ``text``, ``split`` and ``labels`` of each, the most similar first.

        Raises:
            LabError: no row has this id; still more than 20,000 rows are in view.
        """
        if (self.near.get("row_id"), self.near.get("n")) != (row_id, n):
            self._find_similar(row_id, n)
        self._set({"similar": row_id}, [])
        return list(self.near["rows"])

    @command
    def start_similar(self, row_id: str, n: int = parts.SIMILAR) -> None:
        """As ``similar`` in the background: ``near`` gets the rows, and the list stays as it is."""
        self._position(row_id)
        self._jobs.start("similar", lambda: self._find_similar(row_id, n), "Loading the model")

    def _find_similar(self, row_id: str, n: int) -> None:
        among = {name: value for name, value in self.filters.items() if name != "similar"}
        view = self.table.view(self._query(among, []))
        table, position = self.table, self._position(row_id)
        rows = self._similar.rows(
            table, view, position, n, self.model, lambda done, of: self._jobs.progress("similar", done, of)
        )
        if table is self.table:  # else it was repaired meanwhile
            among = among if len(table) > COMPARED else {}
            self.near = {"row_id": row_id, "n": n, "rows": rows, "among": among}

    def _position(self, row_id: str) -> int:
        found = self.table.positions_of([row_id])
        if not len(found):
            raise LabError("the id of a row of this data", repr(row_id)[:80], "take one from the column row_id")
        return int(found[0])

    def _tokenizer(self) -> Any:
        from labkit.models import load_tokenizer

        with self._loading:
            if self.model not in self._tokenizers:
                self._tokenizers[self.model] = load_tokenizer(self.model)
            return self._tokenizers[self.model]

    # -- findings and repairs -------------------------------------------------------------------------------------------------

    def check(self) -> DataReport:
        """Look for defects, with the tokenizer of the model; ``findings`` shows them.

        Raises:
            LabError: the tokenizer cannot be loaded.
        """
        corpus, tokenizer = self.corpus, self._tokenizer()
        report = check(corpus, tokenizer, max_length=parts.reads(tokenizer))
        found = parts.findings_of(report, corpus, self.task)
        with self.lock:
            if corpus is self.corpus:  # else it was repaired meanwhile
                self.report, self.findings = report, found
        return report

    @command
    def start_check(self) -> None:
        """As ``check``, in the background: ``jobs`` says when it is done."""
        self._jobs.start("check", self.check)

    def repair(self, *names: str) -> Corpus:
        """Repair the data as ``labkit.data.clean`` does; ``undo`` takes it back.

        Args:
            names: of repairs; none: all that are safe to make unseen.

        Returns:
            The repaired corpus, which is ``corpus`` from now on.

        Raises:
            LabError: an unknown repair, or one that cannot be made, as after a split.
        """
        wanted = names or (self.report or self.check()).repairs
        before = self.corpus
        cleaned = clean(before, *wanted)
        if cleaned is not before:
            self._put(cleaned, [*self._past, before])
        return cleaned

    @command
    def start_repair(self, names: list[str]) -> None:
        """As ``repair``, in the background; the check follows."""

        def work() -> None:
            self.repair(*names)
            self._check_again()

        self._jobs.start("repair", work, ", ".join(names))

    @command
    def undo(self) -> None:
        """Take the last repair back.

        Raises:
            LabError: nothing was repaired here.
        """
        if not self._past:
            raise LabError("a repair to take back", "none", "repair something first")
        self._put(self._past[-1], self._past[:-1])
        self._check_again()

    def wait(self, seconds: float = 600.0) -> None:
        """Until nothing runs in the background.

        Raises:
            LabError: it takes longer.
        """
        self._jobs.wait(seconds)

    def _check_again(self) -> None:
        self._jobs.clear("check")
        if len(self.table) <= CHECKED_ALONE:
            self.start_check()

    def _put(self, corpus: Corpus, past: list[Corpus]) -> None:
        with self._at_once():
            self._past = past
            self.corpus = corpus

    def _finding(self, name: str) -> Finding:
        report = self.report or self.check()
        names = [found.name for found in report.findings]
        parted = [one for one in names if name in one]
        return report.finding(parted[0] if name not in names and len(parted) == 1 else name)

    @observe("corpus")
    def _corpus_set(self, change: Any) -> None:
        if not self._busy:
            self._past = []
        selection = self.selection
        if tasks.get(self.task).layout != change["new"].config.layout:
            self.task = _tasks.of_layout(change["new"].config.layout)[0]
        with self._at_once():
            self.table = Table(change["new"])
            self.report, self.findings, self.near, self._every = None, [], {}, None
            self.about = parts.about_of(change["new"], self.table, len(self._past))
            self.filters, self.sort = parts.still(self.filters, self.sort, self.table)
            marks = np.zeros(len(self.table), dtype=np.bool_)
            marks[self.table.positions_of(selection)] = True
            self._mark(marks)
            if not len(self.table.positions_of([self.current])):
                self.current = ""
            self.revision += 1

    # -- faces ----------------------------------------------------------------------------------------------------------------

    def figure(self, of: str = "classes") -> go.Figure:
        """A plotly figure of the rows in view.

        Args:
            of: "classes" for the class balance, or "lengths" for the characters of the texts.

        Raises:
            LabError: another word; no row in view.
        """
        from labkit import charts

        if of == "classes":
            balance = self.view.balance()
            return charts.class_balance(
                {
                    split: {label: row[split] for label, row in balance.items() if label and row[split]}
                    for split in self.table.splits
                }
            )
        if of != "lengths":
            raise UnknownName("figure", of, ("classes", "lengths"))
        query = self._query(self.filters, [])
        found = {}
        for split in query.splits or self.table.splits:
            counted = self.table.view(query.replace(splits=(split,))).values("length", len(self.table))
            found[split] = np.repeat(*np.array(counted or [(0, 0)]).T).tolist()
        return charts.lengths(found, unit="characters")

    @property
    def repairs(self) -> tuple[str, ...]:
        """Names of the repairs that were made here."""
        first = len(self._past[0].steps) if self._past else len(self.corpus.steps)
        return tuple(step.name for step in self.corpus.steps[first:])

    def cell(self) -> str:
        return faces.cell_of(self, source=self._source, rows=self._rows, selected_by=self._selected_by)

    def face(self) -> str:
        small = len(self.table) <= _SAFELY_SMALL
        return faces.face_of(self, self.report or (check(self.corpus) if small else None), self._page(0, 8))

    def __repr__(self) -> str:
        return f"DataInspector({self.view.count:,} of {len(self.table):,} rows, {self.selected:,} selected)"
