"""What a job does with a recipe: trains it more than once, or does something other than training it. Each is a dataclass whose
fields are its options."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, get_args

from labkit import data, evaluation
from labkit.errors import DataError, RecipeError, UnknownName, suggest
from labkit.events import Event
from labkit.tasks import TASKS
from labkit.training._adapt import AdaptMethod, adapt
from labkit.training._compare import compare
from labkit.training._folds import cross_validate
from labkit.training._rates import find_learning_rate
from labkit.training._recipe import BAD, Recipe, convert
from labkit.training._recipe_checks import fields_of
from labkit.training._search import search
from labkit.training._space import default_space, parse_space, require_space
from labkit.training._zero_shot import ZeroShotMethod, zero_shot

Tell = Callable[[str, int, int, Event], None]
"""Called with the part at work in words, how many are done, of how many, and an event of its training."""


@dataclass(frozen=True, kw_only=True)
class JobAnswer:
    """What came of a job.

    Attributes:
        text: in words, as the command line prints it.
        settings: of the recipe that it found out, by dotted name: ``recipe.with_values`` after nesting, or a click.
        file: that it wrote; empty where there is none.
    """

    text: str
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    file: str = ""


class Procedure(Protocol):
    """What a job does with a recipe; its fields are the job's options."""

    title: ClassVar[str]
    least: ClassVar[Mapping[str, float]]
    trains: ClassVar[bool]
    """Whether the recipe must be able to train as it stands."""

    @property
    def trainings(self) -> int:
        """How many whole trainings of the recipe that are; 0 where it is something else."""

    def check(self, recipe: Recipe) -> None:
        """Raise what can be known before the process starts."""

    def run(self, recipe: Recipe, home: Path, tell: Tell) -> JobAnswer:
        """Do it in a folder; called again after a crash, it goes on."""


@dataclass(frozen=True, kw_only=True)
class _CrossValidation:
    """Train on all folds but one and judge on that, for each fold."""

    title: ClassVar[str] = "Cross-validation"
    least: ClassVar[Mapping[str, float]] = {"folds": 2, "repeats": 1}
    trains: ClassVar[bool] = True

    folds: int = 5
    """Parts that the rows are dealt into: stratified, groups together."""
    repeats: int = 1
    """How often all rows are dealt anew."""

    @property
    def trainings(self) -> int:
        return self.folds * self.repeats

    def check(self, recipe: Recipe) -> None:
        pass

    def run(self, recipe: Recipe, home: Path, tell: Tell) -> JobAnswer:
        def watch(repeat: int, number: int, event: Event) -> None:
            part = f"fold {number + 1} of {self.folds}" + (f", time {repeat + 1}" if self.repeats > 1 else "")
            tell(part, repeat * self.folds + number, self.trainings, event)

        found = cross_validate(recipe, home, folds=self.folds, repeats=self.repeats, watch=watch)
        file = home / "out_of_fold.parquet"
        found.predictions.save(file)
        return JobAnswer(text=str(found), file=str(file))


@dataclass(frozen=True, kw_only=True)
class _Seeds:
    """Train the recipe with several seeds on the same splits: how far chance moves the score."""

    title: ClassVar[str] = "Several seeds"
    least: ClassVar[Mapping[str, float]] = {"seeds": 2}
    trains: ClassVar[bool] = True

    seeds: int = 3
    """How many, from 0 on."""

    @property
    def trainings(self) -> int:
        return self.seeds

    def check(self, recipe: Recipe) -> None:
        pass

    def run(self, recipe: Recipe, home: Path, tell: Tell) -> JobAnswer:
        def watch(_: str, seed: int, event: Event) -> None:
            tell(f"seed {seed + 1} of {self.seeds}", seed, self.seeds, event)

        return JobAnswer(text=str(compare({"recipe": recipe}, home, seeds=self.seeds, watch=watch)))


@dataclass(frozen=True, kw_only=True)
class _Search:
    """Look for the settings with the best figure on the validation split."""

    title: ClassVar[str] = "Hyperparameter search"
    least: ClassVar[Mapping[str, float]] = {"trials": 1}
    trains: ClassVar[bool] = True

    trials: int = 20
    """How many there are to be in all."""
    space: str = ""
    """Settings with their ranges or values, as in optimizer.learning_rate=1e-5..1e-3 log; optimizer.batch_size=8,16; empty:
    what suits the technique."""
    prune: bool = True
    """Give up a trial that is worse than the median of those before it were then."""

    @property
    def trainings(self) -> int:
        return self.trials

    def _space(self, recipe: Recipe) -> Mapping[str, Any]:
        texts = [one.strip() for one in self.space.split(";") if one.strip()]
        return parse_space(texts) if texts else default_space(recipe)

    def check(self, recipe: Recipe) -> None:
        require_space(recipe, self._space(recipe))

    def run(self, recipe: Recipe, home: Path, tell: Tell) -> JobAnswer:
        def watch(number: int, event: Event) -> None:
            tell(f"trial {number + 1} of {self.trials}", number, self.trials, event)

        found = search(recipe, home, space=self._space(recipe), trials=self.trials, prune=self.prune, watch=watch)
        return JobAnswer(text=str(found), settings=found.best.values, file=str(home / "best.toml"))


@dataclass(frozen=True, kw_only=True)
class _Rate:
    """Train for some steps while the learning rate rises, and see where the loss falls."""

    title: ClassVar[str] = "Learning-rate finder"
    least: ClassVar[Mapping[str, float]] = {"steps": 10}
    trains: ClassVar[bool] = True

    steps: int = 100
    """Of the optimiser."""

    @property
    def trainings(self) -> int:
        return 0

    def check(self, recipe: Recipe) -> None:
        pass

    def run(self, recipe: Recipe, home: Path, tell: Tell) -> JobAnswer:
        found = find_learning_rate(recipe, steps=self.steps)
        return JobAnswer(text=str(found), settings={"optimizer.learning_rate": float(f"{found.suggestion:.2g}")})


@dataclass(frozen=True, kw_only=True)
class _Adaptation:
    """Go on pretraining the base model on raw text, and measure it before and after."""

    title: ClassVar[str] = "Domain adaptation"
    least: ClassVar[Mapping[str, float]] = {"epochs": 0.001}
    trains: ClassVar[bool] = False

    method: AdaptMethod = "masked"
    """Masked or causal language modelling; simcse or tsdae for sentence encoders."""
    texts: str = ""
    """File of raw text of the domain; empty: the training data of the recipe."""
    general: str = ""
    """File of raw text of other domains, to see what is forgotten; empty: nothing of it is measured."""
    epochs: float = 3.0
    """Passes over the text."""

    @property
    def trainings(self) -> int:
        return 0

    def check(self, recipe: Recipe) -> None:
        if not self.texts and not recipe.data.train:
            raise RecipeError(["texts: name raw text to learn from, or data.train."])

    def run(self, recipe: Recipe, home: Path, tell: Tell) -> JobAnswer:
        found = adapt(
            self.texts or recipe.data.train,
            home,
            model=recipe.model.name,
            method=self.method,
            general=self.general or None,
            epochs=self.epochs,
            seed=recipe.seed,
            watch=lambda event: tell("", 0, 1, event),
        )
        return JobAnswer(text=str(found), settings={"model.name": found.model})


@dataclass(frozen=True, kw_only=True)
class _ZeroShot:
    """Classes by a model that is not trained for them, judged on the test split: what training has to beat."""

    title: ClassVar[str] = "Zero-shot"
    least: ClassVar[Mapping[str, float]] = {}
    trains: ClassVar[bool] = False

    method: ZeroShotMethod = "auto"
    """By the vectors of descriptions, by a model of entailment, or by a causal model's likelihoods; auto: what the model can
    do."""
    template: str = ""
    """With {} where the class goes; empty: what suits the method."""

    @property
    def trainings(self) -> int:
        return 0

    def check(self, recipe: Recipe) -> None:
        if TASKS[recipe.task].layout != "labels":
            raise RecipeError(["task: zero-shot is for text-classification."])
        if not recipe.data.train:
            raise RecipeError(["data.train: name the data."])

    def run(self, recipe: Recipe, home: Path, tell: Tell) -> JobAnswer:
        corpus = data.load(recipe.data.unaugmented())
        what = "pairs" if corpus.paired else "scores" if corpus.scores else "several labels a row" * corpus.multi_label
        if what:
            raise DataError("single texts of one class each", what, "zero-shot is not for them", file=recipe.data.train)
        split = next((one for one in ("test", "validation") if one in corpus), "train")
        rows = corpus[split]
        said = zero_shot(
            list(rows["text"]),
            corpus.labels,
            model=recipe.model.name,
            method=self.method,
            template=self.template,
            row_ids=list(rows["row_id"]),
            gold=list(rows["label"]),
        )
        home.mkdir(parents=True, exist_ok=True)
        file = home / "zero_shot.parquet"
        said.save(file)
        return JobAnswer(text=f"On the {split} split: {evaluation.evaluate(said, slices=())}", file=str(file))


PROCEDURES: dict[str, type[Procedure]] = {
    "cross-validate": _CrossValidation,
    "seeds": _Seeds,
    "search": _Search,
    "rate": _Rate,
    "adapt": _Adaptation,
    "zero-shot": _ZeroShot,
}


def procedure_of(kind: str, options: Mapping[str, Any]) -> Procedure:
    """The procedure with its options.

    Raises:
        UnknownName: no such procedure.
        RecipeError: unknown options, or values that cannot work.
    """
    if kind not in PROCEDURES:
        raise UnknownName("procedure", kind, tuple(PROCEDURES))
    cls: Any = PROCEDURES[kind]
    known = fields_of(cls)
    problems: list[str] = []
    given: dict[str, Any] = {}
    for name, value in options.items():
        if name not in known:
            near = suggest(name, known)
            hint = f"Did you mean {near!r}?" if near else f"Known: {', '.join(known)}."
            problems.append(f"{kind} has no option {name!r}. {hint}")
            continue
        made = convert(name, value, known[name], problems)
        if made is BAD:
            continue
        least = cls.least.get(name)
        if least is not None and made < least:
            problems.append(f"{name} must be at least {least:g}, not {made!r}.")
        choices = get_args(known[name])
        if choices and made not in choices:
            problems.append(f"{name} must be one of {', '.join(map(str, choices))}, not {made!r}.")
        given[name] = made
    if problems:
        raise RecipeError(problems)
    made_of: Procedure = cls(**given)
    return made_of
