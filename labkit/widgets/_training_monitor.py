"""Watching a run: live curves, progress, log and diagnosis, of any run directory, from any kernel."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import Any, ClassVar

import traitlets

from labkit.errors import LabError, RunError, UnknownName
from labkit.evaluation._scales import written
from labkit.events import Event, StepLogged
from labkit.training import Recipe, Run, relaunch, runs
from labkit.widgets import _run_view as view
from labkit.widgets._recipe_form import nested
from labkit.widgets._widget import LabWidget, command, shown, table

_MOST_RUNS = 100


class TrainingMonitor(LabWidget):
    """A run as it goes: curves, progress, time left, log, diagnosis, and the final scores beside the baselines.

    Everything is read from the run directory, so that a monitor in a fresh kernel shows what one that was there from the
    beginning shows. ``suggested`` is what a launcher takes: ``launcher.set(**monitor.suggested)``.

    Args:
        run: a run or its directory; without one the runs of the folder are there to choose from.
        folder: where runs lie.
        traits: further traits, such as ``metric``.

    Raises:
        LabError: an unknown keyword, or no run in that directory.
    """

    stem: ClassVar[str] = "training_monitor"
    by_hand: ClassVar[tuple[str, ...]] = ("directory", "metric")

    directory = traitlets.Unicode("", help="The run directory that is shown; empty: a list of runs.").tag(sync=True)
    folder = traitlets.Unicode("runs", help="Where the runs of the list lie.").tag(sync=True)
    status = traitlets.Unicode("", help="running, completed, stopped, failed or interrupted.").tag(sync=True)
    metric = traitlets.Unicode("", help="The metric shown; empty: the one that chooses the best checkpoint.").tag(
        sync=True
    )
    state = traitlets.Dict(help="Step, epoch, time left, speed, memory, what is going on.").tag(sync=True)
    curves = traitlets.Dict(help="The curves, at most 400 points each, as pairs of step and value.").tag(sync=True)
    findings: Any = traitlets.List(help="The diagnosis: kind, severity, text, advice, changes.").tag(sync=True)
    results = traitlets.Dict(help="The final scores with intervals, beside the baselines.").tag(sync=True)
    log = traitlets.Unicode("", help="The end of the log.").tag(sync=True)
    suggested = traitlets.Dict(help="Changes of the recipe to try, by dotted name.").tag(sync=True)

    def __init__(
        self, run: Run | str | os.PathLike[str] | None = None, *, folder: str | os.PathLike[str] = "runs", **traits: Any
    ) -> None:
        self._tail: view.Tail[Run] | None = None
        self._recipe: Recipe | None = None
        self._shown = ""
        self._drawn = False
        super().__init__(folder=os.fspath(folder), **traits)
        if run is not None:
            self.attach(run.directory if isinstance(run, Run) else run)
        self.observe(self._attach_to, names=["directory"])
        self.observe(self._draw_again, names=["metric"])
        self.observe(self.refresh_code, names=["directory", "folder", "suggested"])
        self.refresh_code()

    # -- what the buttons do --------------------------------------------------------------------------------------------------

    @command
    def attach(self, directory: str | os.PathLike[str]) -> None:
        """Show a run; an empty name goes back to the list.

        Raises:
            RunError: there is no run in that directory.
        """
        name = os.fspath(directory)
        run = Run(name) if name else None
        with self.lock:
            if self._tail is not None:
                self._tail.stop()
            self._tail = None
            with self.hold_sync():
                self.error = ""
                self.suggested = {}
                if run is None:
                    self.directory = self._shown = self.status = self.log = ""
                    self.state, self.curves, self.findings, self.results = {}, {}, [], {}
                    return
                self._recipe = None
                self.directory = self._shown = name
                self._tail = view.Tail(run, self._tell)
                self._drawn = False
                self._tail.start()

    @command
    def refresh(self) -> None:
        """Look again at a run that another process may have taken up."""
        with self.lock:
            if self._tail is not None and not self._tail.alive:
                before = self.suggested
                self.attach(self.directory)
                self.suggested = before

    @command
    def stop(self) -> None:
        """Ask the run to save a checkpoint and stop after the current step.

        Raises:
            RunError: nothing runs there, or no run is chosen.
        """
        tail = self._chosen()
        tail.run.stop()
        self.state = {**self.state, "stopping": True}

    @command
    def resume(self) -> None:
        """Go on with a stopped, failed or interrupted run, in a process of its own.

        Raises:
            RunError: the run is complete, a process works on it, or no run is chosen.
        """
        run = self._chosen().run
        if run.status == "completed":
            raise RunError(f"an unfinished run in {run.directory}", "a completed one", "launch a new one")
        relaunch(run.directory)
        self.attach(self.directory)

    @command
    def try_it(self, kind: str) -> dict[str, Any]:
        """Put the changes that a diagnosis proposes into ``suggested``.

        Args:
            kind: which diagnosis, such as ``"overfitting"``.

        Raises:
            UnknownName: there is no such diagnosis, or it proposes no change.
        """
        with_changes = {found["kind"]: found["changes"] for found in self.findings if found["changes"]}
        if kind not in with_changes:
            raise UnknownName("diagnosis with something to try", kind, with_changes)
        self.suggested = dict(with_changes[kind])
        return self.suggested

    @command
    def runs(self) -> list[dict[str, Any]]:
        """The runs of the folder, newest first: directory, name, status, model, data, steps and score."""
        return [_row(run) for run in runs(self.folder)[:_MOST_RUNS]]

    @property
    def run(self) -> Run | None:
        """The run that is shown."""
        return self._tail.run if self._tail else None

    @property
    def events(self) -> list[Event]:
        """What the run has said so far."""
        return list(self._tail.events) if self._tail else []

    def figure(self) -> Any:
        """The learning curves as a plotly figure.

        Raises:
            RunError: no run is chosen.
        """
        from labkit.charts import learning_curves

        self._chosen()
        return learning_curves(self.events, metric=self.curves.get("chosen") or None, learning_rate=True)

    def close(self) -> None:
        """Stop looking, and take the widget away; the run goes on."""
        if self._tail is not None:
            self._tail.stop()
        super().close()

    # -- inside ---------------------------------------------------------------------------------------------------------------

    def _chosen(self) -> view.Tail[Run]:
        if self._tail is None:
            raise RunError("a run that is shown", "none", "choose one: attach(directory)")
        return self._tail

    @shown
    def _attach_to(self, change: Any) -> None:
        current = self._tail
        if (
            change["new"]
            and current is not None
            and current.run.directory == Path(change["new"]).expanduser().absolute()
        ):
            return
        if change["new"] or current is not None:
            try:
                self.attach(change["new"])
            except LabError:
                self.directory = self._shown  # what is shown stays
                raise

    @shown
    def _draw_again(self, _: Any) -> None:
        with self.lock:
            if self._tail is not None:
                self.curves = view.curves(self._recipe, self._tail.events, self.metric)

    @shown
    def _tell(self, news: bool) -> None:
        """Called by the tail, in its thread: one message to the browser a look, at most."""
        with self.lock:
            tail = self._tail
            if tail is None:
                return
            events, over = tail.events, tail.status != "running"
            if self._recipe is None:
                try:
                    self._recipe = tail.run.recipe
                except LabError as error:
                    self.error = str(error)
            with self.hold_sync():
                self.status = tail.status
                self.state = view.state(tail.run, events, tail.status)
                self.log = view.log_tail(tail.run, events)
                if news or not self._drawn:
                    self._drawn = True
                    self.curves = view.curves(self._recipe, events, self.metric)
                    begun = over or any(isinstance(e, StepLogged) for e in events)
                    self.findings = view.findings(events, self._recipe) if begun else []
                self.results = view.results(tail.run) if over else {}

    # -- faces ----------------------------------------------------------------------------------------------------------------

    def cell(self) -> str:
        if not self.directory:
            return f"from labkit.training import runs\n\nruns({self.folder!r})"
        lines = ["from labkit.training import attach", "", f"run = attach({self.directory!r})"]
        if self.suggested:
            values = ", ".join(f"{name}={value!r}" for name, value in nested(self.suggested).items())
            lines += ["", f"recipe = run.recipe.with_values({values})"]
        return "\n".join(lines)

    def face(self) -> str:
        if not self.directory:
            rows = [[r["name"], r["status"], r["model"], r["data"], r["score"]] for r in self.runs()]
            title = f"<h4>Runs in {html.escape(self.folder)}</h4>"
            return title + (table(["run", "status", "model", "data", "score"], rows) if rows else "<p>None yet.</p>")
        s = self.state
        facts = [f"{s.get('step', 0):,} of {s.get('steps', 0):,} steps", f"{s.get('epochs', 0):g} epochs"]
        facts += [str(s[name]) for name in ("model", "data", "precision") if s.get(name)]
        parts = [
            f"<h4>{html.escape(str(s.get('name', '')))}: {html.escape(self.status)}</h4>",
            f'<p class="quiet">{html.escape(" · ".join(facts))}</p>',
        ]
        if s.get("error"):
            parts.append(f"<p>{html.escape(s['error'])}</p>")
        if self.curves:
            parts.append(view.svg(self.curves))
        for found in self.findings:
            parts.append(f"<p>{html.escape(found['text'])} <i>{html.escape(found['advice'])}</i></p>")
        parts.append(_scores(self.results))
        return "".join(parts)

    def __repr__(self) -> str:
        return f"TrainingMonitor({self.directory!r}{f', {self.status}' if self.status else ''})"


def _scores(results: dict[str, Any]) -> str:
    if not results.get("rows"):
        return ""

    def figure(row: dict[str, Any], value: float | None) -> str:
        return "" if value is None else f"{value:,.{row['digits']}f}"

    rows = [
        [r["title"] + ("" if r["higher"] else " (lower is better)"), figure(r, r["value"]),
         f"{figure(r, r['low'])} to {figure(r, r['high'])}" if r["low"] is not None else "",
         *(figure(r, b) for b in r["baselines"])]
        for r in results["rows"]
    ]  # fmt: skip
    headings = ["", "model", f"{100 * results['confidence']:g} % interval", *results["baselines"]]
    said = "".join(f"<p>{html.escape(s)}</p>" for s in results["sentences"])
    title = f"<p><b>Scores on {results['n']:,} rows ({html.escape(results['split'])})</b></p>"
    return title + table(headings, rows, numbers=set(range(1, len(headings)))) + said


def _row(run: Run) -> dict[str, Any]:
    """A run in the list; one that is damaged is there as well, and says so."""
    row: dict[str, Any] = {
        "directory": str(run.directory),
        "name": run.directory.name,
        "status": "",
        "model": "",
        "data": "",
        "step": 0,
        "steps": 0,
        "score": "",
        "started": None,
        "problem": "",
    }
    try:
        row["status"] = run.status
        found = run.summary()
        metrics = found["metrics"]
        name = next((n for n in ("macro_f1", "accuracy") if n in metrics), next(iter(metrics), ""))
        row |= {
            "model": view.short_name(found["model"]),
            "data": view.short_name(found["data"]),
            "step": found["step"],
            "steps": found["steps"],
            "started": found["started"],
            "score": f"{view.title(name)} {written(name, metrics[name])}" if name else "",
        }
    except LabError as error:
        row["problem"] = str(error)
    return row
