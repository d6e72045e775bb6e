"""Knowledge distillation: a student learns what a teacher says, besides or instead of the labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from torch.nn import functional

from labkit import data, models, tasks
from labkit._places import named
from labkit.data._scan import fresh_rows, grown
from labkit.errors import DataError, RecipeError, UnknownName, quoted
from labkit.models import _adapters
from labkit.tasks import Ask, Decision, Decisions, asking, divergence
from labkit.training import _rundir
from labkit.training._predictor import Predictor
from labkit.training._recipe import DistillationConfig, Recipe
from labkit.training._run import Run
from labkit.training._train import longest_input

if TYPE_CHECKING:
    from labkit.training._fit import Fitting


class Teacher:
    """A model that leads, and the loss of one that follows.

    Args:
        model: of the teacher; it does not learn.
        how: the section [distillation] of the recipe.
        ask: of (model, inputs, labels): what the model says about them.
        decisions: of the task.
        decides: of which kind they are.
        order: where the student's classes stand among the teacher's; None: in the same places.
        units: factor and shift from the teacher's scores to the student's standard scores.
        separator: the token behind each of two texts, where the teacher is told which of them a token is of; None: it is not.
    """

    def __init__(
        self,
        model: Any,
        how: DistillationConfig,
        ask: Ask,
        decisions: Callable[[Any, torch.Tensor], Decisions],
        decides: Decision,
        order: list[int] | None,
        units: tuple[float, float],
        separator: int | None = None,
    ) -> None:
        self.model, self.how, self.ask, self.decisions = model.eval(), how, ask, decisions
        self.decides, self.order = decides, order
        self.units, self.separator = units, separator
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)

    def asks(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """What the student is to be given: the inputs, and whether it is to show its hidden states."""
        return {**inputs, "output_hidden_states": True} if self.how.hidden else inputs

    def reads(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """What the teacher is given: the same, with which of two texts a token is of, where it reads that and the student
        does not."""
        if self.separator is None or "token_type_ids" in inputs:
            return self.asks(inputs)
        return self.asks({**inputs, "token_type_ids": segments(inputs, self.separator)})

    def loss(self, loss: torch.Tensor, output: Any, inputs: dict[str, Any], labels: torch.Tensor) -> torch.Tensor:
        """The loss of a batch: that of the labels, that of the teacher's soft targets, and that of its hidden states.

        Args:
            loss: of the labels.
            output: of the student.
            inputs: of the student.
            labels: of the batch.
        """
        with torch.no_grad():
            said = self.ask(self.model, self.reads(inputs), labels)
        theirs = self.decisions(said, labels)
        if self.order is not None:
            theirs = theirs._replace(logits=theirs.logits[:, self.order])
        if self.decides == "number":
            factor, shift = self.units
            theirs = theirs._replace(logits=theirs.logits * factor + shift)
        ours = self.decisions(output, labels)
        soft = divergence(ours, theirs, self.decides, temperature=self.how.temperature)
        total = (1 - self.how.weight) * loss + self.how.weight * soft
        if self.how.hidden:
            apart = hidden_distance(output.hidden_states, said.hidden_states, inputs["attention_mask"])
            total = total + self.how.hidden * apart
        return total


def segments(inputs: Any, separator: int) -> torch.Tensor:
    """0 for the tokens up to the first separator, 1 for those up to the second, 0 for padding; shape (n, tokens)."""
    ends = (inputs["input_ids"] == separator).long()
    made: torch.Tensor = (ends.cumsum(-1) - ends).clamp(max=1) * inputs["attention_mask"]
    return made


def _separator(tokenizer: Any, other: Any) -> int | None:
    """What ``segments`` takes, where a teacher's tokenizer makes token types that the student's does not.

    Raises:
        RecipeError: it makes them in another way.
    """
    if "token_type_ids" not in tokenizer.model_input_names or "token_type_ids" in other.model_input_names:
        return None
    probe = tokenizer(["one text", "a"], ["and the other", "b"], padding=True, return_tensors="pt")
    if tokenizer.sep_token_id is None or not torch.equal(
        probe["token_type_ids"], segments(probe, tokenizer.sep_token_id)
    ):
        raise RecipeError(
            ["distillation.teacher is told which of two texts a token is of, as the student is not: take another one."]
        )
    return int(tokenizer.sep_token_id)


def hidden_distance(mine: Any, theirs: Any, mask: torch.Tensor) -> torch.Tensor:
    """Mean squared difference between the hidden states of each layer and those of the teacher's layer at the same share of
    its height (Jiao et al. 2020, TinyBERT, arXiv:1909.10351, equation 8, without its projection).

    Args:
        mine, theirs: outputs of the embeddings and of each layer, shape (n, tokens, width) each.
        mask: shape (n, tokens); 0 for padding.
    """
    there = mask.bool()
    height, other = len(mine) - 1, len(theirs) - 1
    parts = []
    for i, states in enumerate(mine):
        lead = theirs[round(i * other / height)]
        parts.append(functional.mse_loss(states[there].float(), lead[there].float()))
    return torch.stack(parts).mean()


_DECIDES = {
    "single_label_classification": "one label",
    "multi_label_classification": "several labels",
    "regression": "a score",
}
"""What a model for text-classification says of a text, by transformers' word for it."""


def require_teacher(
    recipe: Recipe, config: Any, tokenizer: Any, classes: Sequence[str]
) -> tuple[models.BaseModel, Any, list[str]]:
    """Refuse a teacher that cannot lead a student, before either is loaded.

    Args:
        recipe: of the training.
        config: of the student's model.
        tokenizer: of the student.
        classes: of the student, in their order; none where it decides between no classes.

    Returns:
        The teacher's model, its tokenizer, and the names of its classes.

    Raises:
        RecipeError: another task, another tokenizer, other classes, or hidden states of another width.
        ModelError: there is no such model.
    """
    how = recipe.distillation
    folder, task_id = _where(how.teacher)
    if task_id and task_id != recipe.task:
        raise RecipeError([f"distillation.teacher was trained for {task_id}, and this recipe is for {recipe.task}."])
    base = models.resolve(str(folder))
    lead, reads = models.load_config(base), models.load_tokenizer(base)
    theirs = _classes(lead) if classes else []
    problems = []
    if reads.get_vocab() != tokenizer.get_vocab():
        problems.append(
            f"distillation.teacher reads other tokens than {recipe.model.name!r}: teacher and student must have the same "
            f"tokenizer. A student made of the teacher's own layers has: model.name = {how.teacher!r}, model.layers = 3."
        )
    kinds = [getattr(one, "problem_type", None) for one in (config, lead)]
    if classes and set(classes) != set(theirs):
        missing = [name for name in classes if name not in theirs] or [name for name in theirs if name not in classes]
        problems.append(
            f"distillation.teacher knows other classes than the data: {quoted(missing)} is only in one of them."
        )
    elif all(kinds) and kinds[0] != kinds[1]:  # a base model says none
        wanted, got = (_DECIDES[str(kind)] for kind in kinds)
        problems.append(
            f"distillation.teacher gives a text {got}, and a row of the data has {wanted}: take another teacher."
        )
    mine, wide = (int(getattr(one, "hidden_size", 0) or getattr(one, "d_model", 0)) for one in (config, lead))
    if how.hidden and mine != wide:
        problems.append(
            f"distillation.hidden compares hidden states, which are {mine} wide here and {wide} in the teacher: set it to 0."
        )
    if how.hidden and getattr(lead, "is_encoder_decoder", False):
        problems.append("distillation.hidden is for models with one stack of layers: set it to 0.")
    if how.hidden and "prompt" in (recipe.technique.trainable, _adapters.lone(base.folder)):
        problems.append("distillation.hidden compares token with token, and a prompt adds some: set it to 0.")
    if problems:
        raise RecipeError(problems)
    return base, reads, theirs


def teacher(it: Fitting, student: Any) -> Teacher:
    """The teacher of a recipe, after a look at whether it can lead this student.

    Args:
        it: the training.
        student: the model that is trained.

    Raises:
        RecipeError: as ``require_teacher``; or it is told which of two texts a token is of, in a way of its own.
        ModelError: there is no such model.
    """
    ours = _classes(student.config) if it.task.labels else []
    base, tokenizer, theirs = require_teacher(it.recipe, student.config, it.tokenizer, ours)
    with models.quiet_transformers():
        model = models.load_model(base, getattr(transformers, it.task.head))
    order = [theirs.index(name) for name in ours] if ours != theirs else None
    device: Any = models.machine().device
    separator = _separator(tokenizer, it.tokenizer)
    ask, decisions, decides = asking(it.task.head), it.task.decisions, it.task.decides
    how = it.recipe.distillation
    return Teacher(model.to(device), how, ask, decisions, decides, order, _units(it.task, model), separator)


def with_unlabelled(corpus: data.Corpus, recipe: Recipe) -> data.Corpus:
    """The corpus with the texts of ``distillation.unlabelled`` in its training split, labelled by the teacher.

    Args:
        corpus: that is trained on.
        recipe: of the training.

    Raises:
        RecipeError: the task has no labels that a teacher could give to texts, or the teacher gives others.
        DataError: the file cannot be read.
    """
    from datasets import Dataset

    if corpus.scores:  # found in the data
        raise RecipeError([f"distillation.unlabelled is for classes of texts, not for {recipe.task}: leave it empty."])
    predictor = _predictor(recipe)
    ours, theirs = (
        "several labels" if decides == "each" else "one label"
        for decides in (tasks.get(recipe.task).of_corpus(corpus, {}).decides, predictor.task.decides)
    )
    if ours != theirs:
        what = f"gives a text {theirs}, and a row of the data has {ours}"
        raise RecipeError(
            [f"distillation.teacher {what}: leave distillation.unlabelled empty, or take another teacher."]
        )
    extra = _unlabelled(recipe, corpus)
    fresh = fresh_rows(extra, corpus)
    left = len(extra) - len(fresh)
    extra = extra.select(fresh)
    pairs = extra["text_pair"][:] if "text_pair" in extra.column_names else None
    said = predictor(list(extra["text"]), pairs=pairs)
    train = corpus["train"]
    columns: dict[str, list[Any]] = {name: [None] * len(extra) for name in train.column_names}
    columns |= {
        "row_id": [f"unlabelled:{row}" for row in extra["row_id"]],
        "text": list(extra["text"]),
        "label": said.names(said.predicted),
    }
    if pairs is not None:
        columns["text_pair"] = list(pairs)
    more = Dataset.from_dict(columns, features=train.features)
    told = f"{len(more):,} texts without labels were labelled by {recipe.distillation.teacher}."
    return grown(corpus, more, "unlabelled", told, left_out=left)


def _unlabelled(recipe: Recipe, corpus: data.Corpus) -> Any:
    """The rows to be labelled, without their labels, should they have any."""
    file, config = recipe.distillation.unlabelled, corpus.config
    if Path(file).suffix == ".txt":  # without columns: a text a line, or between blank lines
        found = data.read(file, layout="texts")
    else:
        try:
            text, pair = config.text or None, config.text_pair or None
            found = data.read(file, require_label=False, text=text, text_pair=pair)
        except UnknownName:  # its columns are called otherwise than those of the data
            found = data.read(file, require_label=False)
    extra = found["train"]
    if corpus.paired != ("text_pair" in extra.column_names):
        there = "pairs of texts" if corpus.paired else "single texts"
        raise DataError(f"{there} to label, as those to train on", "the other", file=file)
    return extra


def _predictor(recipe: Recipe) -> Predictor:
    """What labels texts. A model folder does not say how long the texts of its training were: it reads as the student does."""
    folder, task_id = _where(recipe.distillation.teacher)
    if task_id:
        return Predictor.load(recipe.distillation.teacher)
    base = models.resolve(str(folder))
    longest = longest_input(base, models.load_tokenizer(base))
    return Predictor(folder, recipe.task, min(recipe.model.max_length or 512, longest))


def _where(name: str) -> tuple[Path, str]:
    """The folder of a teacher, and its task where it is a run."""
    if (named(name) / _rundir.RECIPE).exists():
        run = Run(name)
        return run.model_folder, run.recipe.task
    return models.resolve(name).folder, ""


def _units(task: Any, model: Any) -> tuple[float, float]:
    """From what a teacher of scores says to standard scores of the student's task: a finished one says scores as they are."""
    if task.decides != "number":
        return 1.0, 0.0
    old = type(task).of_model(model.config, {})
    return old.scale / task.scale, (old.mean - task.mean) / task.scale


def _classes(config: Any) -> list[str]:
    names = config.id2label or {}
    return [str(names[i]) for i in range(len(names))]
