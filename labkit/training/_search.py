"""Hyperparameter search with Optuna: spaces by technique, pruning, a study in a file that any number of processes work on.

A trial is a run like any other, in a folder of its own. What a trial proposes depends on the seed, its number and the
trials before it alone, and a trial that was killed is resumed, so that a killed search ends with the same best trial as an
uninterrupted one.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit import data
from labkit._places import named
from labkit.errors import LabError, MissingExtra, RunError
from labkit.evaluation._scales import higher_is_better
from labkit.events import Evaluated, Event, in_force
from labkit.tasks import TASKS
from labkit.training import _rundir
from labkit.training._prepare import pinned
from labkit.training._recipe import Recipe
from labkit.training._run import Run
from labkit.training._space import Range, Space, default_space, from_plan, require_space, suggest, with_settings
from labkit.training._train import train

if TYPE_CHECKING:
    from optuna import Study

_STUDY, _PLAN, _BEST = "study.journal", "search.json", "best.toml"
_STARTUP = 5  # trials drawn at random before the sampler learns from them


@dataclass(frozen=True, kw_only=True)
class SearchTrial:
    """One trial.

    Attributes:
        number: counted from 0.
        values: setting → value.
        state: "complete", "pruned", "failed" or "running".
        error: why it failed; else empty.
        score: of the best evaluation; None where there was none.
        scores: of every evaluation.
        seconds: that it took.
        directory: of the run.
    """

    number: int
    values: Mapping[str, Any]
    state: str
    score: float | None
    scores: tuple[float, ...]
    seconds: float
    directory: str
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search as it stands: ``search`` returns it, and ``Search.load`` reads it while others still work on it.

    Attributes:
        directory: of the search.
        metric: on the validation split, which is searched for.
        higher: whether a higher one is better.
        trials: in the order of their numbers.
        importance: setting → share of the variance of the scores that it explains (fANOVA, Hutter, Hoos and Leyton-Brown 2014);
            empty with fewer than four complete trials.
    """

    directory: str
    metric: str
    higher: bool
    trials: tuple[SearchTrial, ...]
    importance: Mapping[str, float]

    @property
    def best(self) -> SearchTrial:
        """The best complete trial; of equals the first.

        Raises:
            RunError: there is none yet.
        """
        done = [trial for trial in self.trials if trial.state == "complete" and trial.score is not None]
        if not done:
            raise RunError(f"a complete trial in {self.directory}", "none yet")
        sign = 1 if self.higher else -1
        return max(done, key=lambda trial: (sign * (trial.score or 0.0), -trial.number))

    @property
    def recipe(self) -> Recipe:
        """The recipe of the best trial, with the whole evaluation of the recipe that the search began with."""
        plan = json.loads((Path(self.directory) / _PLAN).read_text("utf-8"))
        return with_settings(Recipe.from_dict(plan["recipe"]), self.best.values)

    @classmethod
    def load(cls, directory: str | os.PathLike[str]) -> Search:
        """The search in a folder, as far as it has come.

        Raises:
            RunError: there is none.
        """
        home = named(directory).absolute()
        if not (home / _PLAN).exists():
            raise RunError(f"a search in {home}", "none", "start one with: labkit search")
        plan = json.loads((home / _PLAN).read_text("utf-8"))
        return _result(home, _study(home, plan), plan)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "best": asdict(self.best) if any(t.state == "complete" for t in self.trials) else None}

    def __str__(self) -> str:
        states = [trial.state for trial in self.trials]
        lines = [f"{len(states)} trials: {states.count('complete')} complete, {states.count('pruned')} pruned"]
        if failed := states.count("failed"):
            lines[0] += f", {failed} failed"
        if "complete" not in states:
            return lines[0]
        best = self.best
        lines.append(f"best: trial {best.number} with {self.metric} {best.score:.4f} on the validation split")
        lines += [f"  {name} = {_short(value)}" for name, value in best.values.items()]
        if self.importance:
            said = ", ".join(f"{name} {100 * share:.0f} %" for name, share in self.importance.items())
            lines.append(f"importance: {said}")
        return "\n".join(lines)


def search(
    recipe: Recipe,
    directory: str | os.PathLike[str],
    *,
    space: Space | None = None,
    trials: int = 20,
    workers: int = 1,
    prune: bool = True,
    watch: Callable[[int, Event], None] | None = None,
) -> Search:
    """Look for the settings with the best figure on the validation split; the test split is not looked at.

    Called again on a folder it goes on: to more trials, or after a crash. With several workers the trials see one another's
    results as they come, so that another run of the same search may propose others.

    Values are proposed by the tree-structured Parzen estimator (Bergstra et al. 2011, Algorithms for hyper-parameter
    optimization), after five random trials. A trial is given up when, after an evaluation, it is worse than the median of
    the trials before it were then.

    Args:
        recipe: what stays the same; its seed is the search's as well.
        directory: of the search.
        space: setting → ``Range`` or values; ``default_space`` of the recipe when None.
        trials: how many there are to be in all.
        workers: processes that work on it, with the processor's cores shared between them.
        prune: whether trials are given up early.
        watch: called with the trial's number and every event, with one worker.

    Raises:
        RecipeError: settings that do not exist, values that cannot work, or no validation split.
        DataError: data that cannot be read or trained on.
        LabError: fewer than one trial or worker.
        RunError: the folder holds a search of another recipe or space, or the data has changed since it began.
        MissingExtra: Optuna is not installed.
    """
    _optuna()
    home = named(directory).absolute()
    space = default_space(recipe) if space is None else dict(space)
    for what, count in (("trial", trials), ("worker", workers)):
        if count < 1:
            raise LabError(f"one {what} at least", str(count))
    require_space(recipe, space)
    plan = {
        "recipe": recipe.to_dict(),
        "space": {name: asdict(one) if isinstance(one, Range) else list(one) for name, one in space.items()},
        "prune": prune,
    }
    plan = _begin(home, recipe, plan)
    if workers > 1:
        _share(home, trials, workers)
    else:
        for number in _work(home, plan, trials):
            _run_trial(home, plan, number, watch)
    found = _result(home, _study(home, plan), plan)
    if found.trials and all(trial.state == "failed" for trial in found.trials):
        raise RunError(
            f"one of {len(found.trials)} trials that comes to its end",
            f"none; the first failed: {found.trials[0].error}",
            "mend that, and search in another folder",
        )
    if any(trial.state == "complete" for trial in found.trials):
        found.recipe.save(home / _BEST)
    return found


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("optuna", "search", "searching hyperparameters") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _begin(home: Path, recipe: Recipe, plan: dict[str, Any]) -> dict[str, Any]:
    """The plan with the figure that is searched for, as the folder has it, or has it from now on."""
    file = home / _PLAN
    if file.exists():
        before = json.loads(file.read_text("utf-8"))
        plan["recipe"] = pinned(recipe, home, [Recipe.from_dict(before["recipe"])]).to_dict()
        changed = [part for part in ("space", "recipe", "prune") if before.get(part) != plan[part]]
        if changed:
            came = f"one with another {' and another '.join(changed)}"
            raise RunError(
                f"the search that {home} began with", came, "choose another folder, or go on with the same one"
            )
        return dict(before)
    if home.exists() and any(home.iterdir()):
        raise RunError(
            f"an empty or new folder, or a search, in {home}", "a folder that holds something else", "choose another"
        )
    # which figure counts depends on the data: texts with classes and texts with scores are one task of the recipe
    corpus = data.load(recipe.data.unaugmented())
    recipe = recipe.with_values(
        data={name: getattr(corpus.config, name) for name in ("fingerprint", "labels_fingerprint")}
    )
    task = TASKS[recipe.task].of_corpus(corpus, recipe.options)
    metric = recipe.evaluation.metric or task.metric
    plan |= {"recipe": recipe.to_dict(), "metric": metric, "higher": higher_is_better(metric)}
    home.mkdir(parents=True, exist_ok=True)
    _rundir.write_json(file, plan)
    return plan


def _study(home: Path, plan: Mapping[str, Any], number: int | None = None) -> Study:
    """The study; its sampler is seeded by the trial's number, so that what it proposes does not depend on who ran the
    trials before."""
    optuna = _optuna()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    recipe = Recipe.from_dict(plan["recipe"])
    seed = None if number is None else (recipe.seed * 1_000_003 + number) % 2**32
    pruner = (
        optuna.pruners.MedianPruner(n_startup_trials=_STARTUP, n_warmup_steps=0)
        if plan["prune"]
        else optuna.pruners.NopPruner()
    )
    study: Study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(home / _STUDY))),
        study_name="search",
        load_if_exists=True,
        direction="maximize" if plan["higher"] else "minimize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=_STARTUP),
        pruner=pruner,
    )
    return study


def _work(home: Path, plan: Mapping[str, Any], trials: int) -> Iterator[int]:
    """The numbers of the trials that this process is to run: first those that a killed process left, then new ones."""
    from filelock import FileLock, Timeout

    optuna = _optuna()
    while True:
        with FileLock(home / "next.lock"):
            for trial in _study(home, plan).trials:
                number, lock = trial.number, FileLock(home / f"trial{trial.number:03d}.lock")
                if trial.state.name == "RUNNING":
                    with contextlib.suppress(Timeout):
                        lock.acquire(timeout=0)
                        asked = optuna.trial.Trial(_study(home, plan, number), trial._trial_id)
                        break  # nobody works on it
            else:
                number = len(_study(home, plan).trials)
                if number >= trials:
                    return
                lock = FileLock(home / f"trial{number:03d}.lock")
                lock.acquire()
                asked = _study(home, plan, number).ask()
            for name, one in from_plan(plan).items():
                suggest(asked, name, one)  # what it has already been given stays
        try:
            yield number
        finally:
            lock.release()


def _run_trial(home: Path, plan: Mapping[str, Any], number: int, watch: Callable[[int, Event], None] | None) -> None:
    optuna = _optuna()
    study = _study(home, plan, number)
    frozen = study.trials[number]
    trial = optuna.trial.Trial(study, frozen._trial_id)
    recipe = Recipe.from_dict(plan["recipe"])
    metric = plan["metric"]
    place = home / f"trial{number:03d}"
    seen = set(frozen.intermediate_values)
    pruned = False

    def report(event: Event) -> None:
        if isinstance(event, Evaluated) and event.split == "validation" and metric in event.metrics:
            at = round(100 * event.epoch)  # and not the step: batches may be of another size in another trial
            if at not in seen:
                seen.add(at)
                trial.report(event.metrics[metric], at)

    def tell(event: Event) -> None:
        nonlocal pruned
        if watch is not None:
            watch(number, event)
        report(event)
        if isinstance(event, Evaluated) and not pruned and trial.should_prune() and Run(place).status == "running":
            pruned = True
            Run(place).stop()

    began = time.monotonic()
    try:
        # settings that go alone, and not together, are known only here
        asked = with_settings(recipe, frozen.params).with_values(
            evaluation={"baselines": False, "slices": [], "resamples": 100}
        )
        run = Run(place) if (place / _rundir.RECIPE).exists() else None
        if run is not None and run.status != "completed":
            for event in in_force(run.events()):  # what a killed process had no time to tell
                report(event)
            pruned = bool(seen) and trial.should_prune()
        if not pruned and (run is None or run.status != "completed"):
            run = train(asked, place, watch=tell)
    except LabError as error:
        trial.set_user_attr("error", str(error))
        study.tell(number, state=optuna.trial.TrialState.FAIL)
        return
    spent = float(frozen.user_attrs.get("seconds", 0.0)) + time.monotonic() - began
    trial.set_user_attr("seconds", spent)
    assert run is not None
    looks = [event for event in in_force(run.events()) if isinstance(event, Evaluated)]
    scores = [event.metrics[metric] for event in looks if metric in event.metrics]
    if run.status == "completed" and not scores:
        trial.set_user_attr("error", f"the validation rows give {metric} no value")
        study.tell(number, state=optuna.trial.TrialState.FAIL)
    elif run.status == "completed":
        study.tell(number, max(scores) if plan["higher"] else min(scores))
        if study.best_trial.number == number:  # an early answer, for whoever looks before the end
            with_settings(recipe, frozen.params).save(home / _BEST)
    elif pruned:
        study.tell(number, state=optuna.trial.TrialState.PRUNED)
    else:
        raise KeyboardInterrupt  # someone stopped it: it stays open, and the search goes on with it


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()


def _share(home: Path, trials: int, workers: int) -> None:
    """Let several processes work on the study, each on its share of the cores."""
    from labkit.models import usable_cores

    threads = max(1, usable_cores() // workers)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "labkit.training._search", str(home), str(trials), str(threads)]
    with contextlib.ExitStack() as stack:
        processes = [subprocess.Popen(command, env=environment) for _ in range(workers)]
        for process in processes:
            stack.callback(_end, process)
        failed = [process.wait() for process in processes]
    if all(failed):
        raise RunError(
            "a worker of the search that comes to its end", f"exit codes {failed}", f"see the runs in {home}"
        )


def _result(home: Path, study: Any, plan: Mapping[str, Any]) -> Search:
    optuna = _optuna()
    names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    trials = tuple(
        SearchTrial(
            number=one.number,
            values=dict(one.params),
            state=names.get(one.state.name, "running"),
            score=one.value if one.state.name == "COMPLETE" else None,
            scores=tuple(value for _, value in sorted(one.intermediate_values.items())),
            seconds=float(one.user_attrs.get("seconds", 0.0)),
            directory=str(home / f"trial{one.number:03d}"),
            error=str(one.user_attrs.get("error", "")),
        )
        for one in study.trials
    )
    complete = [one for one in trials if one.state == "complete" and one.score is not None and math.isfinite(one.score)]
    importance: dict[str, float] = {}
    if len(complete) >= 4 and len({one.score for one in complete}) > 1:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        importance = dict(optuna.importance.get_param_importances(study, evaluator=evaluator))
    return Search(
        directory=str(home), metric=plan["metric"], higher=plan["higher"], trials=trials, importance=importance
    )


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _main() -> None:
    import torch

    home, trials, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    plan = json.loads((home / _PLAN).read_text("utf-8"))
    for number in _work(home, plan, trials):
        _run_trial(home, plan, number, None)


if __name__ == "__main__":
    _main()
