"""Choosing a base model: the catalogue with what each model costs on this data and this machine."""

from __future__ import annotations

import html
from dataclasses import asdict
from typing import Any, ClassVar

import traitlets

from labkit import models, tasks
from labkit.errors import LabError, UnknownName
from labkit.models import ModelCard, Recommendation
from labkit.tasks import TASKS
from labkit.widgets import _tasks
from labkit.widgets._widget import LabWidget, command, table

SORTS = ("recommended", "size", "time", "name")
_FILTERS = ("search", "task", "family", "language", "licence", "domain", "offline", "fits")


class ModelPicker(LabWidget):
    """The catalogue of base models as a list that filters and sorts, with a forecast for your data on this machine.

    ``value`` is what ``labkit.models.resolve`` and a recipe's ``model.name`` take.

    Behind the published models stand the starter models: untrained, made on this machine in seconds.

    Args:
        data: a corpus (or what ``labkit.data.read`` takes) for the forecast; without it 1,000 rows of 20 words are assumed.
        task: task id; None: the first one for data of this kind.
        value: the model chosen at first; None: one that can do the task without a download.
        minutes: how long training may take.
        traits: further traits, such as ``filters``.

    Raises:
        LabError: an unknown keyword, task or model, or data that cannot be read.
    """

    stem: ClassVar[str] = "model_picker"
    by_hand: ClassVar[tuple[str, ...]] = ("value", "filters", "sort")

    value = traitlets.Unicode("minilm", help="The chosen model: what load takes.").tag(sync=True)
    filters = traitlets.Dict(help="search, task, family, language, licence, domain, offline, fits.").tag(sync=True)
    sort = traitlets.Enum(SORTS, "recommended", help="Order of the list.").tag(sync=True)

    def __init__(
        self,
        data: Any = None,
        *,
        task: str | None = None,
        value: str | None = None,
        minutes: float = 15.0,
        **traits: Any,
    ) -> None:
        from labkit.data import Corpus, read

        self._source = data if isinstance(data, str) else None
        if data is not None and not isinstance(data, Corpus):
            data = read(data, layout=tasks.get(task).layout if task else "labels", require_label=False)
        self.corpus = data
        task = task or _tasks.of_layout("labels" if data is None else data.config.layout)[0]
        self.minutes = minutes
        self._ranked: dict[str, list[Recommendation]] = {}
        super().__init__(filters={"task": task}, **traits)
        tasks.get(self.task)  # an unknown task is refused here
        self.select(_tasks.default_model(self.task) if value is None else value)
        self.observe(self.refresh_code, names=["value", "filters", "sort"])
        self.refresh_code()

    def _kept_of(self) -> str:
        return "" if self.corpus is None else self.corpus.config.train

    def _take_up_value(self, name: str, value: Any) -> None:
        if name == "value":
            self.select(value)  # an unknown model is refused
        else:
            super()._take_up_value(name, value)

    @traitlets.validate("filters")
    def _known_filters(self, proposal: Any) -> dict[str, Any]:
        for name in proposal["value"]:
            if name not in _FILTERS:
                raise UnknownName("filter of the model list", name, _FILTERS)
        return {name: v for name, v in proposal["value"].items() if v not in ("", None, False)}

    # -- what the buttons do --------------------------------------------------------------------------------------------------

    @command
    def select(self, name: str) -> dict[str, Any]:
        """Choose a model: a catalogue name, a hub id or a folder.

        Raises:
            ModelError: its weights are not public, or no such folder.
            UnknownName: neither in the catalogue nor a hub id.
        """
        name = name.strip()
        try:
            chosen = name if name.startswith(models.STARTER) else models.find(name).name
            if chosen.startswith(models.STARTER):
                models.find_starter(chosen)
        except UnknownName:
            if name.startswith(models.STARTER):
                raise
            if "/" not in name and not name.startswith((".", "~")) and "\\" not in name:
                raise
            # a folder must be one; a hub id is fetched when it is loaded
            chosen = name if _is_hub_id(name) else str(models.resolve(name).folder)
        self.value = chosen
        return self.card(chosen)

    @command
    def filter(self, **filters: Any) -> None:
        """Set filters by name; an empty value takes one away."""
        self.filters = {**self.filters, **filters}

    @command
    def rows(self) -> dict[str, Any]:
        """The models that pass the filters, in order, and the choices of each filter."""
        ranked = self._rank()
        shown_rows = [r for r in ranked if self._passes(r)]
        if self.sort == "size":
            shown_rows.sort(key=lambda r: r.card.parameters_m)
        elif self.sort == "time":
            shown_rows.sort(key=lambda r: r.forecast.seconds)
        elif self.sort == "name":
            shown_rows.sort(key=lambda r: r.card.name)
        cards = [*models.catalogue(), *(r.card for r in ranked if not r.card.hub_id)]
        return {
            "rows": [_row(r) for r in shown_rows],
            "of": len(ranked),
            "choices": {
                "task": [[task, _tasks.title(task)] for task in TASKS],
                "family": sorted({c.family for c in cards}, key=str.casefold),
                "language": sorted({lang for c in cards for lang in c.languages}),
                "licence": sorted({c.licence for c in cards}, key=str.casefold),
                "domain": sorted({c.domain for c in cards}),
            },
            "data": self._data_in_words(),
        }

    @command
    def card(self, name: str) -> dict[str, Any]:
        """Everything about one model: facts, strengths, weaknesses, forecast and reasons; of a starter also its sizes, and
        why a model cannot do the task."""
        starter = name.startswith(models.STARTER)
        why_not = "" if "/" in name else _tasks.able(name, self.task)
        try:
            found = models.starter_card(name) if starter else models.find(name)
        except LabError:
            return {"name": name, "free": True, "why_not": why_not}
        ranked = next((r for r in self._rank() if r.card.name == found.name), None)
        if ranked is None and starter and not why_not:
            ranked = next(r for r in self._recommend(self.task, (name,)) if r.card.name == name)
        elif ranked is None and not starter:
            ranked = next((r for task in found.tasks for r in self._rank(task) if r.card.name == found.name), None)
        extra = _row(ranked) if ranked else {"loadable": starter, "reasons": []}
        small = name.removesuffix("-tiny")
        sizes = [[small, "Small"], [small + "-tiny", "Tiny"]] if starter else []
        return {**asdict(found), **extra, "free": False, "untrained": starter, "sizes": sizes, "why_not": why_not}

    @property
    def recommended(self) -> list[Recommendation]:
        """The list as shown: filtered and ranked."""
        return [r for r in self._rank() if self._passes(r)]

    # -- inside ---------------------------------------------------------------------------------------------------------------

    @property
    def task(self) -> str:
        """The task that the list is for."""
        return str(self.filters.get("task") or next(iter(TASKS)))

    def _rank(self, task: str | None = None) -> list[Recommendation]:
        task = task or self.task
        key = f"{task} {self.filters.get('language', '')}"
        if key not in self._ranked:
            starters = tuple(name for name in _tasks.starters(task) if not name.endswith("-tiny"))
            self._ranked[key] = self._recommend(task, starters)
        return self._ranked[key]

    def _recommend(self, task: str, starters: tuple[str, ...]) -> list[Recommendation]:
        fits = self.corpus is not None and self.corpus.config.layout == TASKS[task].layout
        return models.recommend(
            task,
            self.corpus if fits else None,
            language=str(self.filters.get("language") or "en"),
            minutes=self.minutes,
            starters=starters,
        )

    def _passes(self, r: Recommendation) -> bool:
        f, c = self.filters, r.card
        words = str(f.get("search", "")).casefold().split()
        text = " ".join((c.name, c.hub_id, c.family, c.architecture, c.strengths)).casefold()
        return (
            all(word in text for word in words)
            and f.get("family") in (None, c.family)
            and f.get("licence") in (None, c.licence)
            and f.get("domain") in (None, c.domain)
            and (not f.get("language") or not c.hub_id or f["language"] in c.languages or "multilingual" in c.languages)
            and (not f.get("offline") or r.offline)
            and (not f.get("fits") or r.fits)
        )

    def _data_in_words(self) -> str:
        if self.corpus is None:
            return "1,000 rows of 20 words (no data given)"
        if self.corpus.config.layout != TASKS[self.task].layout:
            return "1,000 rows of 20 words (the data is for another task)"
        return f"{len(self.corpus['train']):,} training rows"

    def cell(self) -> str:
        # the tokenizer of a starter is trained on texts
        texts = ', texts=corpus["train"]["text"]' if self.value.startswith(models.STARTER) else ""
        return (
            "from labkit.models import load_tokenizer, resolve\n\n"
            f"base = resolve({self.value!r}{texts})\ntokenizer = load_tokenizer(base)"
        )

    def face(self) -> str:
        rows = self.recommended[:8]
        cells = [
            [
                r.card.name,
                r.card.family if r.card.hub_id else "untrained",
                f"{r.card.parameters_m:.0f} M",
                _clock(r.forecast.seconds),
                _memory(r),
                r.card.licence,
            ]
            for r in rows
        ]
        headings = ["model", "family", "parameters", "training here", "memory", "licence"]
        return (
            f"<h4>Base model: {html.escape(self.value)}</h4>"
            f"{table(headings, cells, numbers={2, 3, 4})}"
            f'<p class="quiet">The first {len(rows)} of {len(self.recommended)} for {html.escape(self._data_in_words())}.</p>'
        )

    def __repr__(self) -> str:
        return f"ModelPicker(value={self.value!r})"


def _is_hub_id(name: str) -> bool:
    from pathlib import Path

    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not Path(name).expanduser().exists()


def _row(r: Recommendation) -> dict[str, Any]:
    c: ModelCard = r.card
    return {
        "name": c.name,
        "family": c.family,
        "kind": c.kind,
        "untrained": not c.hub_id,
        "parameters_m": c.parameters_m,
        "disk_mb": c.disk_mb,
        "max_tokens": c.max_tokens,
        "languages": list(c.languages),
        "licence": c.licence,
        "domain": c.domain,
        "seconds": r.forecast.seconds,
        "memory_mb": r.forecast.memory_mb,
        "precision": r.forecast.precision,
        "offline": r.offline,
        "fits": r.fits,
        "reasons": list(r.reasons),
        "loadable": True,
    }


def _clock(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )


def _memory(r: Recommendation) -> str:
    return f"{r.forecast.memory_mb / 1000:.1f} GB"
