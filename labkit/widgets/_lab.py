"""The whole loop on one screen: model, data, train, evaluate, try. What it knows lies in a folder; reopening finds it there."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import ipywidgets
import traitlets

from labkit._places import named, writable
from labkit.data import Corpus, Journal, read, sample_layout, sample_path, samples
from labkit.errors import LabError, UnknownName
from labkit.evaluation import TITLES
from labkit.evaluation._scales import written
from labkit.models import STARTER
from labkit.tasks import TASKS
from labkit.training import Recipe, Run, runs
from labkit.widgets import _keeping, _tasks
from labkit.widgets import _recipe_form as forms
from labkit.widgets._confusion_matrix import ConfusionMatrix
from labkit.widgets._data_inspector import DataInspector
from labkit.widgets._error_browser import ErrorBrowser
from labkit.widgets._labeler import Labeler
from labkit.widgets._model_picker import ModelPicker
from labkit.widgets._playground import Playground
from labkit.widgets._training_launcher import TrainingLauncher
from labkit.widgets._training_monitor import TrainingMonitor
from labkit.widgets._widget import LabWidget, command, shown

Made = TypeVar("Made", bound=LabWidget)

STEPS: dict[str, tuple[str, ...]] = {
    "model": ("pick",),
    "data": ("inspect", "label"),
    "train": ("train",),
    "evaluate": ("confusion", "errors"),
    "try": ("try",),
}
"""The steps, each with its parts."""

_FILE = "lab.json"
_JOURNAL = "data.labels.jsonl"
_VIEWS = "views"
_WANTED = {
    "labels": "A table with a column of texts (or two) and one of labels: CSV, TSV, JSON lines, Parquet, a folder, or a hub id",
    "spans": "Texts with labelled stretches: CoNLL files with a token a line, JSON lines with spans, or a hub id",
    "answers": "Questions with their contexts and answers: SQuAD JSON, JSON lines, Parquet, or a hub id",
    "pairs": "A table with a column of sources and one of targets: CSV, TSV, JSON lines, Parquet, or a hub id",
    "texts": "Text files or a folder of them, prompts with completions, or conversations: CSV, JSON lines, or a hub id",
}
"""What data of each layout looks like."""
_MATRICES = ("labels", "spans")
"""Layouts whose evaluation counts what is taken for what."""
_NEEDS_DATA = ("data", "train")
_NEEDS_RUN = ("evaluate", "try")


class Lab(LabWidget):
    """Choose a task and a model, look at and repair the data, train, evaluate, try, and go round again.

    Each step is one of the widgets, made when it is first needed: ``picker``, ``inspector``, ``labeler``, ``launcher``,
    ``monitor``, ``matrix``, ``errors`` and ``playground``. They hand on what they know: the picked model and the repaired
    data go into the recipe, labels into the journal and from there into the recipe, a launched run to the monitor, a
    finished one to the evaluation, and rows to be relabelled back to the labeler.

    Args:
        folder: where this lab lives: ``lab.json`` with its state, ``views/`` with what is set by hand in each widget, the label
            journal, and ``runs/``. An existing one is opened where it was left.
        data: path of the data, hub id, or the name of a sample data set; what the folder remembers when None.
        traits: further traits, such as ``step`` or ``task``.

    Raises:
        LabError: an unknown keyword, step or task, data that cannot be read, or a folder that cannot be written.
    """

    stem: ClassVar[str] = "lab"

    folder = traitlets.Unicode("", help="The folder with everything of this lab.").tag(sync=True)
    step = traitlets.Enum(tuple(STEPS), "model", help="The step that is shown.").tag(sync=True)
    part = traitlets.Unicode("pick", help="The part of the step that is shown.").tag(sync=True)
    task = traitlets.Unicode("text-classification", help="What is learnt, by the id of the task.").tag(sync=True)
    tasks = traitlets.List(traitlets.Dict(), help="The tasks: id, title, about and what data they want.").tag(sync=True)
    source = traitlets.Unicode("", help="Path of the data, or hub id.").tag(sync=True)
    model = traitlets.Unicode("minilm", help="The chosen base model.").tag(sync=True)
    run = traitlets.Unicode("", help="Directory of the run that is trained, evaluated and tried.").tag(sync=True)
    overview = traitlets.List(traitlets.Dict(), help="For each step: id, title, parts, state and a note.").tag(
        sync=True
    )
    samples = traitlets.List(traitlets.Unicode(), help="Names of the sample data sets for the task.").tag(sync=True)

    def __init__(self, folder: str | os.PathLike[str] = "lab", data: Any = None, **traits: Any) -> None:
        self.home = named(folder).absolute()
        self._made: dict[str, LabWidget] = {}
        self._corpus: Corpus | None = None
        self._edits: dict[str, Any] = {}
        self._repairs: list[str] = []
        self._places: dict[str, dict[str, Any]] = {}  # layout → source and repairs, for coming back to another task
        self._ready = False  # before that, nothing is written
        with writable(f"the lab's folder {self.home}"):
            self.home.mkdir(parents=True, exist_ok=True)
        offered = [
            {"id": task, "title": _tasks.title(task), "about": _tasks.about(task), "wants": _WANTED[kind.layout]}
            for task, kind in TASKS.items()
        ]
        asked = str(traits.pop("task", ""))
        super().__init__(folder=os.fspath(folder), tasks=offered, samples=samples("labels"), **traits)
        self._body = ipywidgets.VBox([])
        self.box = ipywidgets.VBox([self, self._body])
        self._remember(asked=set(traits))
        if asked:
            self.choose_task(asked)
        if data is not None:
            self.open_data(data)
        self._ready = True
        self.observe(self._moved, names=["step", "part"])
        self.observe(self._changed, names=["step", "part", "task", "source", "model", "run"])
        self._moved()
        self._changed()

    # -- what the buttons do --------------------------------------------------------------------------------------------------

    @command
    def go(self, step: str, part: str = "") -> None:
        """Show a step, and the named part of it.

        Raises:
            UnknownName: there is no such step or part.
        """
        if step not in STEPS:
            raise UnknownName("step", step, STEPS)
        parts = self._parts(step)
        if part in STEPS[step] and part not in parts:
            raise LabError(f"one of the parts {', '.join(parts)}", repr(part), self._no_matrix())
        if part and part not in parts:
            raise UnknownName(f"part of the step {step!r}", part, parts)
        wanted = part or (self.part if self.part in parts else parts[0])
        with self.hold_trait_notifications():
            self.step, self.part = step, wanted

    @command
    def choose_task(self, task: str) -> None:
        """Learn something else from now on. Data that says other things is closed; coming back opens it again.

        Raises:
            UnknownName: there is no such task.
        """
        if task not in TASKS:
            raise UnknownName("task", task, TASKS)
        if task == self.task:
            return
        before, after = TASKS[self.task].layout, TASKS[task].layout
        self._drop(*list(self._made))
        if before != after:
            self._places[before] = {"source": self.source, "repairs": self._repairs}
            kept = self._places.pop(after, {"source": "", "repairs": []})
            self._corpus, self._repairs = None, list(kept["repairs"])
        self._edits = {
            name: value
            for name, value in self._edits.items()
            if forms.applies(name, task) and name not in ("task", "model.name", "evaluation.metric")
            and not name.startswith("data.")
        }  # fmt: skip
        with self.hold_trait_notifications():
            self.task = task
            self.samples = samples(after)
            if before != after:
                self.source = str(kept["source"])
            if self.model.startswith(STARTER) or _tasks.able(self.model, task):
                self.model = _tasks.default_model(task)
            if self.run and self._task_of(self.run) != task:
                self.run = ""
        self._moved()
        self._changed()

    @command
    def open_data(self, data: str) -> None:
        """Take this data from now on: a path, a hub id, or the name of a sample data set, which brings its task where it is not
        one for the present task.

        Raises:
            LabError: it cannot be read; the lab goes on with what it had.
        """
        data = os.fspath(data).strip()
        if not data:
            raise LabError("the path of the data", "nothing", "type a path, or choose a sample")
        sample = data in samples() and not Path(data).exists()
        layout = sample_layout(data) if sample else TASKS[self.task].layout
        source = str(sample_path(data)) if sample else data
        corpus = read(source, layout=layout, require_label=False)
        if layout != TASKS[self.task].layout:
            self.choose_task(_tasks.of_layout(layout)[0])
        self._drop("inspector", "labeler", "launcher", "picker")
        self._corpus, self._repairs = corpus, []
        self._edits = {name: v for name, v in self._edits.items() if not name.startswith("data.")}
        self.source = source
        self._moved()

    @command
    def use(self, run: str) -> None:
        """Evaluate and try this run, whose task becomes the lab's.

        Raises:
            RunError: there is no run in that directory.
        """
        found = Run(self._path(run))
        self.choose_task(found.recipe.task)
        self.run = str(found.directory)

    @command
    def finished(self) -> list[dict[str, Any]]:
        """The finished runs of this lab for the task, newest first, to be evaluated."""
        found = []
        for run in runs(self.home / "runs"):
            if run.status == "completed" and self._task_of(run.directory) == self.task:
                metrics = {name: e.value for name, e in run.evaluation.headline.items()} if run.evaluations else {}
                found.append({"run": str(run.directory), "name": run.directory.name, "metrics": metrics})
        return found

    # -- the widgets ----------------------------------------------------------------------------------------------------------

    @property
    def corpus(self) -> Corpus:
        """The data as repaired so far.

        Raises:
            LabError: no data was opened yet.
        """
        if "inspector" in self._made:
            return self.inspector.corpus
        if self._corpus is None:
            if not self.source:
                raise LabError("data in this lab", "none so far", 'open some: lab.open_data("messages.csv")')
            self._corpus = read(self.source, layout=TASKS[self.task].layout, require_label=False)
        return self._corpus

    @property
    def picker(self) -> ModelPicker:
        """The base models."""

        def make() -> ModelPicker:
            picker = ModelPicker(self.corpus if self.source else None, task=self.task, value=self.model)
            picker.observe(self._picked, names=["value"])
            return picker

        return self._the("picker", make)

    @property
    def inspector(self) -> DataInspector:
        """The rows."""

        def make() -> DataInspector:
            inspector = DataInspector(self.corpus, task=self.task)
            if self._repairs:
                inspector.repair(*self._repairs)
            inspector.observe(self._repaired, names=["corpus"])
            return inspector

        return self._the("inspector", make)

    @property
    def labeler(self) -> Labeler:
        """The labels. Suggestions are those of the run, where there is a finished one."""

        def make() -> Labeler:
            self.corpus  # noqa: B018 - says so where there is none
            assert self._corpus is not None or self.inspector
            base = self._corpus if self._corpus is not None else self.inspector.corpus
            suggestions = self.run if self._complete() else None
            return Labeler(base, journal=self.journal, suggestions=suggestions)

        return self._the("labeler", make)

    @property
    def launcher(self) -> TrainingLauncher:
        """The recipe."""

        def make() -> TrainingLauncher:
            launcher = TrainingLauncher(self.corpus, task=self.task, model=self.model, out=self.home / "runs")
            if self._edits:
                launcher.values = {**launcher.values, **self._edits}
            launcher.observe(self._launched, names=["run"])
            launcher.observe(self._edited, names=["values"])
            return launcher

        return self._the("launcher", make)

    @property
    def monitor(self) -> TrainingMonitor:
        """The run as it goes."""

        def make() -> TrainingMonitor:
            monitor = TrainingMonitor(self.run or None, folder=self.home / "runs")
            monitor.observe(self._watched, names=["status", "directory"])
            monitor.observe(self._suggested, names=["suggested"])
            return monitor

        return self._the("monitor", make)

    @property
    def matrix(self) -> ConfusionMatrix:
        """What is taken for what."""

        def make() -> ConfusionMatrix:
            matrix = ConfusionMatrix(self._finished_run())
            matrix.observe(self._picked_cell, names=["picked"])
            return matrix

        return self._the("matrix", make)

    @property
    def errors(self) -> ErrorBrowser:
        """The rows that the model gets wrong."""

        def make() -> ErrorBrowser:
            errors = ErrorBrowser(self._finished_run())
            errors.observe(self._relabel, names=["relabel"])
            return errors

        return self._the("errors", make)

    @property
    def playground(self) -> Playground:
        """The model on new texts."""
        return self._the("playground", lambda: Playground(self._finished_run()))

    @property
    def journal(self) -> Path:
        """The label journal of this lab, one for each kind of data."""
        layout = TASKS[self.task].layout
        return self.home / (_JOURNAL if layout == "labels" else f"data.{layout}.labels.jsonl")

    # -- what one hands to the other ------------------------------------------------------------------------------------------

    @shown
    def _picked(self, change: Mapping[str, Any]) -> None:
        self.model = change["new"]
        if "launcher" in self._made:
            self.launcher.set(**{"model.name": self.model})

    @shown
    def _repaired(self, change: Mapping[str, Any]) -> None:
        self._repairs = list(change["new"].config.repairs)
        self._to_recipe()
        self._changed()

    def _to_recipe(self) -> None:
        """Repairs and labels become settings of the recipe, which alone repeats the run."""
        if "launcher" not in self._made:
            return
        labels = [str(self.journal)] if self.journal.exists() and len(Journal(self.journal)) else []
        config = self.corpus.config
        wanted = {"repairs": list(config.repairs), "labels": labels, "labels_fingerprint": ""}
        known = asdict(config)
        self.launcher.set(**{f"data.{name}": value for name, value in wanted.items() if name in known})

    @shown
    def _edited(self, change: Mapping[str, Any]) -> None:
        task = str(change["new"].get("task", Recipe().task))
        if task != self.task and task in TASKS:
            self._follow(task)
            return
        self._edits = dict(change["new"])
        model = self._edits.get("model.name")
        if isinstance(model, str) and model != self.model and not self.launcher.problems:
            self.model = model
        self._changed()

    def _follow(self, task: str) -> None:
        """The form names another task: for the same data it is taken over, else put back, since the form has no such data."""
        if TASKS[task].layout == TASKS[self.task].layout:
            self.choose_task(task)
            return
        self.launcher.set(task=self.task)
        do = "choose the task at the top of the lab, which then asks for its data"
        raise LabError(f"a task for {Path(self.source).name}", _tasks.title(task), do)

    @shown
    def _launched(self, change: Mapping[str, Any]) -> None:
        if change["new"]:
            self.run = str(self._path(change["new"]))
            if self.monitor.directory != self.run:
                self.monitor.attach(self.run)

    @shown
    def _watched(self, _: Any) -> None:
        monitor = self.monitor
        if monitor.directory:
            self.run = str(self._path(monitor.directory))
        if monitor.status == "completed":
            self._drop("matrix", "errors", "playground")
        self._changed()

    @shown
    def _suggested(self, change: Mapping[str, Any]) -> None:
        if change["new"]:
            self.launcher.set(**change["new"])

    @shown
    def _picked_cell(self, change: Mapping[str, Any]) -> None:
        if change["new"]:
            self.errors.filters = dict(change["new"])

    @shown
    def _relabel(self, change: Mapping[str, Any]) -> None:
        if change["new"]:
            self.labeler.queue = list(change["new"])
            self.go("data", "label")

    # -- inside ---------------------------------------------------------------------------------------------------------------

    def _the(self, name: str, make: Callable[[], Made]) -> Made:
        if name not in self._made:
            made = self._made[name] = make()
            if name != "launcher":  # whose settings are in the lab's own file
                made.keep_in(self.home / _VIEWS / f"{name}.json")
        found: Any = self._made[name]
        return found  # type: ignore[no-any-return]

    def _drop(self, *names: str) -> None:
        for name in names:
            made = self._made.pop(name, None)
            if made is not None:
                made.unobserve_all()
                made.close()

    def _path(self, run: str) -> Path:
        path = named(run)
        return path if path.is_absolute() else Path.cwd() / path

    def _task_of(self, run: str | os.PathLike[str]) -> str:
        try:
            return Run(self._path(os.fspath(run))).recipe.task
        except LabError:
            return ""  # a damaged run says so where it is listed

    def _parts(self, step: str) -> tuple[str, ...]:
        """The parts of a step that there are for the run."""
        return tuple(part for part in STEPS[step] if part != "confusion" or not self._no_matrix())

    def _no_matrix(self) -> str:
        """Why there is no confusion matrix; "" where there is one."""
        if TASKS[self.task].layout not in _MATRICES:
            return "There is no confusion matrix: nothing is taken for something else where texts are written or found."
        if self._complete():
            try:
                found = Run(self.run).evaluations
            except LabError:
                return ""  # the matrix says what is wrong
            if found and not any(one.labels for one in found.values()):
                return "There is no confusion matrix: the model gives scores, not classes."
        return ""

    def _complete(self) -> bool:
        return bool(self.run) and (Path(self.run) / "manifest.json").exists()

    def _finished_run(self) -> str:
        if not self._complete():
            raise LabError("a finished run in this lab", "none so far", "train first, or choose one: lab.use(RUN)")
        return self.run

    @shown
    def _moved(self, change: Any = None) -> None:
        """Show the widgets of the step; what is missing for them is said by the bar."""
        if change is not None:
            self.error = ""
        if self.part not in self._parts(self.step):
            self.part = self._parts(self.step)[0]
            if change is not None:
                return  # and again, for the part
        missing = (self.step in _NEEDS_DATA and not self.source) or (self.step in _NEEDS_RUN and not self._complete())
        self._body.children = [] if missing else self._shown_now()

    def _shown_now(self) -> list[ipywidgets.Widget]:
        if self.step == "train":
            launcher, monitor = self.launcher, self.monitor
            self._to_recipe()
            return [launcher, monitor]
        named: dict[str, Callable[[], LabWidget]] = {
            "pick": lambda: self.picker,
            "inspect": lambda: self.inspector,
            "label": lambda: self.labeler,
            "confusion": lambda: self.matrix,
            "errors": lambda: self.errors,
            "try": lambda: self.playground,
        }
        return [named[self.part]()]

    @shown
    def _changed(self, change: Any = None) -> None:
        if change is not None and change["name"] == "run":
            self._drop("matrix", "errors", "playground")
            if self.step in _NEEDS_RUN:
                self._moved()
        self.overview = self._overview()
        self.refresh_code()
        if self._ready:
            self._save()

    def _overview(self) -> list[dict[str, Any]]:
        status = Run(self.run).status if self.run and (Path(self.run) / "recipe.toml").exists() else ""
        data = ""
        if self.source:
            data = Path(self.source).name
            if self._repairs:
                data += f", {len(self._repairs)} repair{'s' if len(self._repairs) > 1 else ''}"
            labels = len(self.labeler.journal) if "labeler" in self._made else 0
            if labels:
                data += f", {labels:,} decisions"
        score = ""
        if status == "completed":
            headline = Run(self.run).evaluation.headline if Run(self.run).evaluations else {}
            name, figure = next(iter(headline.items()), ("", None))
            score = f"{_in_a_line(name)} {written(name, figure.value)}" if figure else ""
        notes = {
            "model": (self.model + (", untrained" if self.model.startswith(STARTER) else ""), "done"),
            "data": (data or "no data yet", "done" if data else "open"),
            "train": (status or ("ready" if data else "needs data"), status if status else "open" if data else "waits"),
            "evaluate": (score or "needs a finished run", "done" if score else "waits"),
            "try": (
                Path(self.run).name if status == "completed" else "needs a finished run",
                "open" if score else "waits",
            ),
        }
        titles = {"model": "Model", "data": "Data", "train": "Train", "evaluate": "Evaluate", "try": "Try"}
        return [
            {
                "id": step,
                "title": titles[step],
                "parts": list(self._parts(step)),
                "note": notes[step][0],
                "state": notes[step][1],
                "missing": self._no_matrix() if step == "evaluate" and status == "completed" else "",
            }
            for step in STEPS
        ]

    # -- the folder -----------------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        kept = {
            "step": self.step,
            "part": self.part,
            "task": self.task,
            "source": self.source,
            "model": self.model,
            "run": os.path.relpath(self.run, self.home) if self.run else "",
            "repairs": self._repairs,
            "places": self._places,
            "edits": {name: value for name, value in self._edits.items() if not name.startswith("data.")},
        }
        _keeping.write(self.home / _FILE, kept, f"the lab's folder {self.home}")

    @shown
    def _remember(self, asked: set[str]) -> None:
        """Take up what the folder holds; a damaged file is put aside, never written over."""
        file = self.home / _FILE
        kept = _keeping.read(file)
        if not kept:
            return
        try:
            step, part = str(kept["step"]), str(kept["part"])
            found = {name: str(kept[name]) for name in ("source", "model", "run")}
            repairs, edits = [str(name) for name in kept["repairs"]], dict(kept["edits"])
            task = str(kept.get("task", self.task))  # which labs of earlier versions have not
            places = {
                str(layout): {"source": str(one["source"]), "repairs": [str(name) for name in one["repairs"]]}
                for layout, one in dict(kept.get("places", {})).items()
            }
            if task not in TASKS:
                raise ValueError(f"task {task!r}")
            if step not in STEPS or part not in STEPS[step]:
                raise ValueError(f"step {step!r}, part {part!r}")
        except (ValueError, KeyError, TypeError) as error:
            raise _keeping.put_aside(file, error) from error
        self._repairs, self._edits, self._places = repairs, edits, places
        self.task, self.samples = task, samples(TASKS[task].layout)
        self.source, self.model = found["source"], found["model"]
        self.run = str((self.home / found["run"]).resolve()) if found["run"] else ""
        if not asked & {"step", "part"}:
            self.step, self.part = step, part

    # -- faces ----------------------------------------------------------------------------------------------------------------

    def cell(self) -> str:
        return (
            f"from labkit.widgets import Lab\n\nlab = Lab({self.folder!r})\nlab.go({self.step!r}, {self.part!r})\nlab"
        )

    def face(self) -> str:
        steps = "".join(
            f"<li>{'<b>' if s['id'] == self.step else ''}{html.escape(s['title'])}{'</b>' if s['id'] == self.step else ''}"
            f": {html.escape(s['note'])}</li>"
            for s in self.overview
        )
        shown_now = "".join(child.face() for child in self._body.children if isinstance(child, LabWidget))
        head = f"<h4>Lab: {html.escape(self.folder)}</h4><p>{html.escape(_tasks.title(self.task))}</p>"
        return f"{head}<ol>{steps}</ol>{shown_now}"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The bar with the widgets of the step below it."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        view = "application/vnd.jupyter.widget-view+json"
        return {**data, view: {**data[view], "model_id": self.box.model_id}}, metadata

    def close(self) -> None:
        """Let go of the browser halves; the folder keeps everything."""
        self._ready = False
        self._drop(*list(self._made))
        super().close()

    def __repr__(self) -> str:
        return f"Lab({self.folder!r}, step={self.step!r})"


def _in_a_line(metric: str) -> str:
    """A figure's name within a line: "macro F1", "BLEU"."""
    title = TITLES.get(metric, metric.replace("_", " "))
    return title if title[:2].isupper() or any(c.isdigit() for c in title[:3]) else title[:1].lower() + title[1:]
