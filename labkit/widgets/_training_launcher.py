"""Starting a training: the recipe as a form with help at every field, checked while typing, with its forecast beside it."""

from __future__ import annotations

import dataclasses
import html
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import traitlets

from labkit import tasks, training
from labkit.data import Corpus, DataConfig, preview_augmentation, read
from labkit.errors import LabError, RecipeError, RunError, UnknownName, suggest
from labkit.training import PROCEDURES, Job, ModelConfig, Recipe, Run, jobs, new_directory, runs
from labkit.training._environment import digest
from labkit.training._procedures import procedure_of
from labkit.widgets import _recipe_form as forms
from labkit.widgets import _run_view as view
from labkit.widgets import _tasks
from labkit.widgets._forecast import FieldError, Latest, Library, estimate, examine
from labkit.widgets._widget import LabWidget, command, shown, table

_RECENT = 20  # runs looked through for one that this recipe began
_TRAIN = "train"


class TrainingLauncher(LabWidget):
    """The recipe as a form, what it costs on this machine, and a button that trains in a process of its own: once, or, with
    another ``procedure``, as a cross-validation, a search and the like (``labkit.training.launch_job``).

    ``recipe`` is the recipe as it stands, ``run`` the directory of the run that was launched, ``job`` that of the job; all
    can be observed.

    Args:
        recipe: a recipe, the path of a recipe file (.toml), or the data to train on: a ``Corpus``, a ``DataConfig``, or
            what ``labkit.data.read`` takes.
        model: base model in place of the recipe's.
        task: task id in place of the recipe's; None: the recipe's, or for a corpus the first task for data of its kind.
        out: the folder in which each run gets a directory of its own.
        traits: further traits, such as ``values``.

    Raises:
        LabError: an unknown keyword, or a recipe or data that cannot be read.
        RecipeError: values that cannot work.
    """

    stem: ClassVar[str] = "training_launcher"
    by_hand: ClassVar[tuple[str, ...]] = ("values", "procedure", "options", "job")

    values = traitlets.Dict(help="The settings that differ from the defaults, by dotted name.").tag(sync=True)
    problems = traitlets.Dict(help="What is wrong, by field; under the empty name what belongs to none.").tag(sync=True)
    forecast = traitlets.Dict(help="Time, memory and precision on this machine, and problems of data or model.").tag(
        sync=True
    )
    measuring = traitlets.Bool(False, help="Whether a newer forecast is on its way.").tag(sync=True)
    run = traitlets.Unicode("", help="The directory of the run that was launched.").tag(sync=True)
    progress = traitlets.Dict(help="Where that run stands.").tag(sync=True)
    procedure = traitlets.Unicode(_TRAIN, help="train, or one of labkit.training.PROCEDURES.").tag(sync=True)
    options = traitlets.Dict(help="The procedure's options that differ from the defaults.").tag(sync=True)
    trainings = traitlets.Int(1, help="How many whole trainings that makes; 0 where it is none.").tag(sync=True)
    job = traitlets.Unicode("", help="The directory of the job that was launched.").tag(sync=True)
    standing = traitlets.Dict(help="Where that job stands, and what came of it.").tag(sync=True)
    out = traitlets.Unicode("runs", help="The folder in which each run gets a directory of its own.").tag(sync=True)
    recipe = traitlets.Instance(Recipe, help="The recipe as it stood when it last had no problem.")

    def __init__(
        self,
        recipe: Any = None,
        *,
        model: str | None = None,
        task: str | None = None,
        out: str | os.PathLike[str] = "runs",
        **traits: Any,
    ) -> None:
        self._library = Library()
        self._tail: view.Tail[Run] | None = None
        self._job_tail: view.Tail[Job] | None = None
        self._latest = Latest(self._measure)
        start = _recipe(recipe, task)
        if model is not None:
            start = start.with_values(model={"name": model})
        asked = traits.pop("values", {})
        super().__init__(out=os.fspath(out), **traits)
        self.recipe = forms.build({**forms.changed(start), **asked})
        self.values = self._start = forms.changed(self.recipe)
        self._judge(None)  # a procedure, or options, may have been given
        self.observe(self._judge, names=["values", "procedure", "options"])
        self.observe(self._watch, names=["run"])
        self.observe(self._watch_job, names=["job"])
        self.observe(self.refresh_code, names=["recipe", "out", "procedure", "options"])
        self._take_up()
        self._ask()
        self.refresh_code()

    def _kept_of(self) -> str:
        return self.recipe.data.train

    # -- what the buttons do --------------------------------------------------------------------------------------------------

    @command
    def form(self) -> list[dict[str, Any]]:
        """The form's sections with the fields that the task reads: name, label, help, kind, choices, default."""
        return forms.sections(str(self.values.get("task", Recipe().task)), self.values)

    @command
    def procedures(self) -> list[dict[str, Any]]:
        """What can be done with the recipe: ``name``, ``title``, ``help``, ``fields`` (as in ``form``, with ``job`` as their
        section), and whether the recipe must be able to train for it (``trains``)."""
        once = "Train the recipe once, and judge it."
        known = [{"name": _TRAIN, "title": "One training", "help": once, "fields": [], "trains": True}]
        for name, cls in PROCEDURES.items():
            said = " ".join((cls.__doc__ or "").split())
            known.append(
                {"name": name, "title": cls.title, "help": said, "fields": forms.options(cls), "trains": cls.trains}
            )
        return known

    @command
    def choose(self, procedure: str, options: Mapping[str, Any] | None = None) -> None:
        """Take another procedure, or other options of it.

        Args:
            procedure: "train", or one of ``labkit.training.PROCEDURES``.
            options: those that are not as they are by default; what is wrong with them is in ``problems``, as ``job.NAME``.

        Raises:
            UnknownName: no such procedure.
        """
        self.options = {}  # those of another procedure would be wrong for this one
        self.procedure = procedure
        self.options = dict(options or {})

    @command
    def check(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Take the settings as they are typed, whole or not.

        Args:
            values: every setting that is no default, by dotted name.

        Returns:
            What is wrong, by field; empty where the recipe can work.
        """
        self.values = _without_defaults(values)
        return dict(self.problems)

    def set(self, **changes: Any) -> Recipe:
        """Change settings by dotted name: ``launcher.set(**{"optimizer.learning_rate": 1e-4, "seed": 1})``.

        None puts a setting back to its default. Nothing is changed where one of them cannot work.

        Raises:
            RecipeError: every unknown name and every value that cannot work.
        """
        known = forms.names()
        strange = [name for name in changes if name not in known]
        if strange:
            near = {name: suggest(name, known) for name in strange}
            raise RecipeError(
                [f"There is no setting {n!r}." + (f" Did you mean {near[n]!r}?" if near[n] else "") for n in strange]
            )
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in changes.items()}
        made = forms.build({**self.values, **plain})
        self.values = forms.changed(made)
        return made

    @command
    def reset(self) -> None:
        """Go back to the recipe that the widget began with."""
        self.values = dict(self._start)

    @command
    def preview(self) -> dict[str, Any]:
        """The recipe as the file that ``save`` writes, and what in it differs from the defaults."""
        return {"toml": self.recipe.to_toml(), "changes": forms.toml_changes(self.recipe)}

    @command
    def augmented(self, rows: int = 3) -> list[dict[str, str]]:
        """Some training rows beside the changed copies that ``data.augment`` makes of them.

        Args:
            rows: how many for each way to change them.

        Returns:
            ``method``, ``before`` and ``after`` of each.

        Raises:
            RecipeError, DataError, ModelError: as for training.
        """
        asked = forms.build(self.values).data
        if not asked.augment:
            return []
        corpus = self._library.corpus(dataclasses.replace(asked.unaugmented(), name_texts=0))
        found = preview_augmentation(
            corpus,
            asked.augment,
            rows=rows,
            share=asked.augment_share,
            seed=asked.split_seed,
            **training.augmenters(asked),
        )
        return [{"method": one.method, "before": one.before, "after": one.after} for one in found]

    @command
    def save(self, path: str | os.PathLike[str], replace: bool = False) -> str:
        """Write the recipe into a file, each setting with its explanation.

        Args:
            path: a file that ends in .toml.
            replace: write over a file that is there.

        Raises:
            RecipeError: the recipe has problems.
            LabError: the file is there already, or cannot be written.
        """
        made = forms.build(self.values)
        target = Path(path).expanduser()
        if target.suffix != ".toml":
            raise LabError("a file name that ends in .toml", repr(os.fspath(path)), "call it recipe.toml, say")
        if target.exists() and not replace:
            raise LabError("a new file", f"{target}, which is there already", "choose another name, or replace it")
        try:
            made.save(target)
        except OSError as error:
            raise LabError(f"to write {target}", error.strerror or str(error), "choose another place") from error
        return str(target)

    @command
    def load(self, path: str | os.PathLike[str]) -> None:
        """Take the recipe from a file, or from a run directory; Reset then comes back to it.

        Raises:
            RecipeError: there is no such file, or it has problems.
        """
        folder = Path(path).expanduser()
        made = Run(folder).recipe if folder.is_dir() else Recipe.load(folder)
        self._start = forms.changed(made)
        self.values = dict(self._start)

    @command
    def launch(self, beside: bool = False) -> str:
        """Train in a process of its own, which outlives this kernel; or begin the job that ``procedure`` and ``options`` say.

        Args:
            beside: also where another run of the folder is at work; both are slower then.

        Returns:
            The directory; ``labkit.training.attach`` gives the run, ``labkit.training.Job`` the job.

        Raises:
            RecipeError: the recipe has problems.
            DataError: the data cannot be read or trained on.
            ModelError: the model cannot be had.
            RunError: another run or job of the folder is at work.
        """
        made = forms.build(self.values)
        asked = None if self.procedure == _TRAIN else procedure_of(self.procedure, self.options)
        if asked is None or asked.trains:
            if not made.data.train:
                raise RecipeError(["data.train: name the data to train on."])
            self._require_free(beside)
            try:
                examine(made, self._library)
            except FieldError as error:
                raise error.error from None
        else:
            self._require_free(beside)
        if asked is None:
            self.run = str(training.launch(made, new_directory(made, self.out)).directory)
            return self.run
        place = new_directory(made, self.out, what=self.procedure)
        self.job = str(training.launch_job(self.procedure, made, place, **self.options).directory)
        return self.job

    @command
    def stop_job(self) -> None:
        """Ask the job to stop; ``resume_job`` goes on with what is there.

        Raises:
            RunError: there is none, or it is not running.
        """
        self._the_job().stop()

    @command
    def resume_job(self) -> None:
        """Go on with the job where it was stopped, failed or killed.

        Raises:
            RunError: there is none, it is complete, or it is running.
        """
        job = self._the_job()
        training.launch_job(job.kind, job.recipe, job.directory, **job.options)
        self._watch_job(None)

    @command
    def take(self) -> None:
        """Put the settings that the job found into the recipe: the best of a search, a learning rate, an adapted model.

        Raises:
            RunError: there is no job, or nothing came of it.
        """
        answer = self._the_job().answer
        if answer is None or not answer.settings:
            raise RunError("a job that has found settings", f"one that is {self._the_job().status}, without any")
        self.set(**answer.settings)

    def close(self) -> None:
        """Take the widget away; a run that was launched goes on."""
        self._latest.stop()
        for tail in (self._tail, self._job_tail):
            if tail is not None:
                tail.stop()
        super().close()

    # -- inside ---------------------------------------------------------------------------------------------------------------

    @traitlets.validate("values")
    def _known_settings(self, proposal: Any) -> dict[str, Any]:
        known = forms.names()
        for name in proposal["value"]:
            if name not in known:
                raise UnknownName("setting of a recipe", name, known)
        return dict(proposal["value"])

    @traitlets.validate("procedure")
    def _known_procedure(self, proposal: Any) -> str:
        if proposal["value"] not in (_TRAIN, *PROCEDURES):
            raise UnknownName("procedure", proposal["value"], (_TRAIN, *PROCEDURES))
        return str(proposal["value"])

    @traitlets.validate("job")
    def _known_job(self, proposal: Any) -> str:
        return str(Job(proposal["value"]).directory) if proposal["value"] else ""

    @shown
    def _judge(self, _: Any) -> None:
        found: dict[str, str] = {}
        try:
            made = forms.build(self.values)
        except RecipeError as error:
            found, made = forms.at_fields(error.problems), self.recipe
        try:
            self.trainings = 1 if self.procedure == _TRAIN else procedure_of(self.procedure, self.options).trainings
        except RecipeError as error:
            for problem in error.problems:
                name = next((one for one in self.options if problem.startswith(f"{one} ")), "")
                found[f"job.{name}" if name else ""] = problem
        self.problems = found
        if made != self.recipe:
            self.recipe = made
            self._ask()

    def _require_free(self, beside: bool) -> None:
        if beside:
            return
        at_work: list[Run | Job] = [*runs(self.out)[:_RECENT], *jobs(self.out)[:_RECENT]]
        busy = next((one for one in at_work if one.status == "running"), None)
        if busy is not None:
            do = "stop it or wait for it; launch(beside=True) trains beside it, and both are slower then"
            raise RunError("no other training in this folder", f"{busy.directory.name}, which is running", do)

    def _the_job(self) -> Job:
        if not self.job:
            raise RunError("a job", "none that this launcher knows", "launch one, or set launcher.job to its directory")
        return Job(self.job)

    def _ask(self) -> None:
        self.measuring = True
        self._latest.give(self.recipe)

    @shown
    def _measure(self, recipe: Recipe) -> None:
        found = None
        try:
            found = estimate(recipe, self._library)
        finally:
            with self.lock:
                if recipe is self.recipe:  # a newer one has its own forecast coming
                    with self.hold_sync():
                        self.forecast = found or {"problem": "No forecast: see the message above.", "field": ""}
                        self.measuring = False

    def _take_up(self) -> None:
        """Show the run or job of this folder that is at work, or the last run that this recipe began."""
        try:
            at_work = next((one for one in jobs(self.out)[:_RECENT] if one.status == "running"), None)
            if at_work is not None:
                self.choose(at_work.kind, at_work.options)
                self.job = str(at_work.directory)
            found = runs(self.out)[:_RECENT]
            here = next((r for r in found if r.status == "running"), None)
            here = here or next((r for r in found if r.asked == digest(self.recipe)), None)
        except LabError:
            return  # a damaged run says so in the monitor's list
        if here is not None:
            self.run = str(here.directory)

    @shown
    def _watch(self, change: Any) -> None:
        with self.lock:
            if self._tail is not None:
                self._tail.stop()
                self._tail = None
            if not change["new"]:
                self.progress = {}
                return
            self._tail = view.Tail(Run(change["new"]), self._tell, poll=1.0)
            self._tail.start()

    @shown
    def _tell(self, _: bool) -> None:
        with self.lock:
            if self._tail is not None:
                now = view.state(self._tail.run, self._tail.events, self._tail.status)
                kept = ("name", "step", "steps", "seconds_left", "phase", "error")
                self.progress = {"status": self._tail.status, **{name: now[name] for name in kept}}

    @shown
    def _watch_job(self, _: Any) -> None:
        with self.lock:
            if self._job_tail is not None:
                self._job_tail.stop()
                self._job_tail = None
            if not self.job:
                self.standing = {}
                return
            self._job_tail = view.Tail(Job(self.job), self._tell_job, poll=1.0)
            self._job_tail.start()

    @shown
    def _tell_job(self, _: bool) -> None:
        with self.lock:
            if self._job_tail is None:
                return
            job, status = self._job_tail.run, self._job_tail.status
            answer = job.answer
            self.standing = {
                "name": job.directory.name,
                "title": PROCEDURES[job.kind].title,
                "status": status,
                **job.progress,
                "error": "It was killed, or the machine went down. Go on with it."
                if status == "interrupted"
                else job.error,
                "text": answer.text if answer else "",
                "settings": {name: _words(value) for name, value in answer.settings.items()} if answer else {},
                "file": answer.file if answer else "",
            }

    # -- faces ----------------------------------------------------------------------------------------------------------------

    def cell(self) -> str:
        once = self.procedure == _TRAIN
        name = "launch" if once else "launch_job"
        imports = f"from labkit.training import Recipe, {name}"
        given = ["recipe"] if once else [repr(self.procedure), "recipe"]
        if self.out != "runs":
            imports += ", new_directory"
            given.append(f"new_directory(recipe, {self.out!r})")
        given += [f"{option}={value!r}" for option, value in self.options.items() if not once]
        made = f"{'run' if once else 'job'} = {name}({', '.join(given)})"
        return f"{imports}\n\nrecipe = {forms.code(forms.changed(self.recipe))}\n{made}"

    def face(self) -> str:
        settings = [[name, _words(value)] for name, value in forms.changed(self.recipe).items()]
        parts = ["<h4>Training recipe</h4>"]
        parts.append(
            table(["setting", "value"], settings) if settings else "<p>All settings as they are by default.</p>"
        )
        f = self.forecast
        if f.get("problem"):
            parts.append(f"<p>{html.escape(f['problem'])}</p>")
        elif f.get("seconds") is not None:
            minutes = f"{f['seconds']:.0f} s" if f["seconds"] < 90 else f"{f['seconds'] / 60:.0f} min"
            memory = f"{f['memory_mb'] / 1000:.1f} GB"
            said = f"Forecast: {minutes} and {memory} of memory in {f['precision']}, {f['steps']:,} steps."
            said += f" Trained: {f['trains']}. {f['note']}"
            parts.append(f"<p>{html.escape(said)}</p>")
        if self.run:
            p = self.progress
            parts.append(f"<p>Run: {html.escape(self.run)} ({html.escape(str(p.get('status', '')))})</p>")
        if self.job:
            now = self.standing
            said = f"{now.get('title', '')}: {self.job} ({now.get('status', '')})"
            parts.append(f"<p>{html.escape(said)}</p>")
            if now.get("text") or now.get("error"):
                parts.append(f"<pre>{html.escape(now['text'] or now['error'])}</pre>")
        return "".join(parts)

    def __repr__(self) -> str:
        return f"TrainingLauncher({len(forms.changed(self.recipe))} changed{f', {self.run}' if self.run else ''})"


def _recipe(given: Any, task: str | None) -> Recipe:
    """The recipe in whatever was given."""
    if isinstance(given, str | os.PathLike) and os.fspath(given).endswith(".toml"):
        given = Recipe.load(Path(given).expanduser())
    if isinstance(given, Recipe):
        return given if task is None else given.with_values(task=task)
    if given is None:
        config = DataConfig()
    elif isinstance(given, DataConfig):
        config = given
    elif isinstance(given, Corpus):
        config = given.config
    elif isinstance(given, str | os.PathLike):
        config = DataConfig(train=os.fspath(given))
    else:
        layout = tasks.get(task).layout if task else "labels"
        config = read(given, layout=layout).config
    task = task or _tasks.of_layout(config.layout)[0]
    return Recipe(data=config, task=task, model=ModelConfig(name=_tasks.default_model(tasks.get(task).id)))


def _without_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    default = forms.flat(Recipe())

    def same(name: str, value: Any) -> bool:
        other = default.get(name)
        return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)  # 1 == True

    return {name: value for name, value in values.items() if not same(name, value)}


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
