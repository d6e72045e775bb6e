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
from labkit.training import ModelConfig, Recipe, Run, new_directory, runs
from labkit.training._environment import digest
from labkit.widgets import _recipe_form as forms
from labkit.widgets import _run_view as view
from labkit.widgets import _tasks
from labkit.widgets._forecast import FieldError, Latest, Library, estimate, examine
from labkit.widgets._widget import LabWidget, command, shown, table

_RECENT = 20  # runs looked through for one that this recipe began


class TrainingLauncher(LabWidget):
    """The recipe as a form, what it costs on this machine, and a button that trains in a process of its own.

    ``recipe`` is the recipe as it stands, ``run`` the directory of the run that was launched; both can be observed.

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
    by_hand: ClassVar[tuple[str, ...]] = ("values",)

    values = traitlets.Dict(help="The settings that differ from the defaults, by dotted name.").tag(sync=True)
    problems = traitlets.Dict(help="What is wrong, by field; under the empty name what belongs to none.").tag(sync=True)
    forecast = traitlets.Dict(help="Time, memory and precision on this machine, and problems of data or model.").tag(
        sync=True
    )
    measuring = traitlets.Bool(False, help="Whether a newer forecast is on its way.").tag(sync=True)
    run = traitlets.Unicode("", help="The directory of the run that was launched.").tag(sync=True)
    progress = traitlets.Dict(help="Where that run stands.").tag(sync=True)
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
        self._tail: view.Tail | None = None
        self._latest = Latest(self._measure)
        start = _recipe(recipe, task)
        if model is not None:
            start = start.with_values(model={"name": model})
        asked = traits.pop("values", {})
        super().__init__(out=os.fspath(out), **traits)
        self.recipe = forms.build({**forms.changed(start), **asked})
        self.values = self._start = forms.changed(self.recipe)
        self.observe(self._judge, names=["values"])
        self.observe(self._watch, names=["run"])
        self.observe(self.refresh_code, names=["recipe", "out"])
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
        """Train in a process of its own, which outlives this kernel.

        Args:
            beside: also where another run of the folder is at work; both are slower then.

        Returns:
            The run directory; ``labkit.training.attach`` gives the run.

        Raises:
            RecipeError: the recipe has problems.
            DataError: the data cannot be read or trained on.
            ModelError: the model cannot be had.
            RunError: another run of the folder is at work.
        """
        made = forms.build(self.values)
        if not made.data.train:
            raise RecipeError(["data.train: name the data to train on."])
        busy = None if beside else next((r for r in runs(self.out)[:_RECENT] if r.status == "running"), None)
        if busy is not None:
            do = "stop it or wait for it; launch(beside=True) trains beside it, and both are slower then"
            raise RunError("no other training in this folder", f"{busy.directory.name}, which is running", do)
        try:
            examine(made, self._library)
        except FieldError as error:
            raise error.error from None
        run = training.launch(made, new_directory(made, self.out))
        self.run = str(run.directory)
        return self.run

    def close(self) -> None:
        """Take the widget away; a run that was launched goes on."""
        self._latest.stop()
        if self._tail is not None:
            self._tail.stop()
        super().close()

    # -- inside ---------------------------------------------------------------------------------------------------------------

    @traitlets.validate("values")
    def _known_settings(self, proposal: Any) -> dict[str, Any]:
        known = forms.names()
        for name in proposal["value"]:
            if name not in known:
                raise UnknownName("setting of a recipe", name, known)
        return dict(proposal["value"])

    @shown
    def _judge(self, _: Any) -> None:
        try:
            made = forms.build(self.values)
        except RecipeError as error:
            self.problems = forms.at_fields(error.problems)
            return
        self.problems = {}
        if made != self.recipe:
            self.recipe = made
            self._ask()

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
        """Show the run of this folder that is at work, or the last one that this recipe began."""
        try:
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

    # -- faces ----------------------------------------------------------------------------------------------------------------

    def cell(self) -> str:
        imports = "from labkit.training import Recipe, launch"
        call = "launch(recipe)"
        if self.out != "runs":
            imports += ", new_directory"
            call = f"launch(recipe, new_directory(recipe, {self.out!r}))"
        return f"{imports}\n\nrecipe = {forms.code(forms.changed(self.recipe))}\nrun = {call}"

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
