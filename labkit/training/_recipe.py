"""The recipe: everything that decides a result, in one plain file.

One frozen dataclass per concern. A recipe is validated whole: all of its problems come in one ``RecipeError``.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import os
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from labkit.data import DataConfig
from labkit.errors import RecipeError, suggest
from labkit.models import Pooling, default_epochs
from labkit.tasks import TASKS, LossName
from labkit.training._recipe_checks import fields_of, problems_of

Trainable = Literal["all", "head", "top", "bias", "lora", "dora", "ia3", "prefix", "prompt", "bottleneck"]
Schedule = Literal["linear", "cosine", "constant", "polynomial", "inverse_sqrt"]
Solver = Literal["adamw", "lbfgs"]
PrecisionChoice = Literal["auto", "float32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Which base model, and how it reads."""

    name: str = "minilm"
    """Embedded model, catalogue name, hub id, model folder or run directory."""
    max_length: int = 0
    """Tokens to cut texts to, special tokens included; 0: up to 512. Never more than the model reads."""
    dropout: float | None = None
    """Probability that replaces every dropout of the model; unset: the model's own."""
    layers: int = 0
    """Layers that stay, evenly spread over the base model's: a smaller and faster student; 0: all."""
    pooling: Pooling = "own"
    """How a text becomes one vector, for text-classification: own (the model's own head), or, with a head of labkit's: first
    (CLS) or last token, mean, max, attention."""
    head_layers: int = 1
    """With a head of labkit's: 1 linear layer, or 2 (a hidden one before it)."""
    unit_vectors: bool = False
    """With a head of labkit's: scale the vector to length 1."""


@dataclass(frozen=True, kw_only=True)
class TechniqueConfig:
    """What is trained, against which loss, and what keeps it from overfitting."""

    trainable: Trainable = "all"
    """All weights, the new head only, the head and the topmost layers (top), head and biases (bias), or an adapter beside the
    frozen model: lora, dora, ia3, prefix, prompt, bottleneck."""
    remember: bool = True
    """With trainable = "head": compute the body's outputs once, where it can be, and not in every epoch."""
    solver: Solver = "adamw"
    """With trainable = "head": adamw, or lbfgs, which fits the head as a logistic regression to the end (a linear probe)."""
    contrastive: int = 0
    """Steps in which the body first learns to bring texts of a class together, for few labels (as SetFit does); 0: none."""
    tune_threshold: bool = False
    """With two classes: predict the second from the probability at which macro F1 on the validation split is highest, which is
    seldom 0.5 where one class is rare."""
    layers: int = 2
    """Topmost layers that are trained where trainable = "top"."""
    gradual: bool = False
    """Let the head learn first, and one layer more in each epoch, from the top (gradual unfreezing)."""
    layer_decay: float = 1.0
    """Factor by which the learning rate falls from each layer to the one below it; 1: it does not."""
    freeze_embeddings: bool = False
    """Leave the table of word embeddings as pretrained: faster, and often no worse."""
    loss: LossName = "auto"
    """Loss: auto (cross-entropy, or what the task has in its place), focal, or ordinal, for classes whose order is that of
    their names (1 star, 2 stars …): name them so."""
    focal_gamma: float = 2.0
    """How much less the focal loss counts what the model is sure of."""
    r_drop: float = 0.0
    """Weight of the divergence between two passes with different dropout (R-Drop); 0: one pass."""
    l2_sp: float = 0.0
    """Strength of the pull of every weight towards its pretrained value (L2-SP)."""
    mixout: float = 0.0
    """Probability with which a weight is put back to its pretrained value for a step."""
    averaging: float = 0.0
    """Decay of an exponential moving average of the weights, which is judged and kept in their place, such as 0.99; 0: none."""
    mixup: float = 0.0
    """Rows are mixed with others of their batch, in shares drawn from a beta distribution of this parameter, such as 0.2, for
    text-classification; 0: not mixed."""
    label_smoothing: float = 0.0
    """Share of the target spread over all classes."""
    class_weights: bool = False
    """Weight classes by the inverse of their frequency."""
    mask_share: float = 0.15
    """Share of the tokens that are hidden and to be guessed, for fill-mask."""


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """Size and place of an adapter, where technique.trainable names one."""

    rank: int = 8
    """Rank of LoRA and DoRA."""
    alpha: float = 16.0
    """LoRA's and DoRA's product is multiplied by alpha / rank."""
    dropout: float = 0.0
    """Dropout before LoRA and DoRA."""
    targets: tuple[str, ...] = ()
    """Ends of the names of the linear maps that get one, such as query; empty: every one of the layers; of IA³ those that peft
    lists for the architecture; of a bottleneck the last of each block."""
    tokens: int = 20
    """Length of a prefix or prompt."""
    width: int = 48
    """Width of a bottleneck."""
    merge: bool = True
    """Add the adapter to the weights when training ends, where that is possible, so that plain transformers loads the model;
    else the adapter is kept alone, a few MB."""


@dataclass(frozen=True, kw_only=True)
class DistillationConfig:
    """Learning from a teacher as well (Hinton, Vinyals and Dean 2015, arXiv:1503.02531)."""

    teacher: str = ""
    """Run directory or model folder of a fine-tuned model with the same tokenizer and classes; empty: none."""
    weight: float = 0.5
    """Share of the loss that is the teacher's soft targets; the rest is the labels."""
    temperature: float = 2.0
    """What logits are divided by before they are compared: the higher, the more the unlikely classes count."""
    hidden: float = 0.0
    """Weight of the distance between the hidden states of both, layer by layer; 0: not compared."""
    unlabelled: str = ""
    """File of texts without labels that are learnt from the teacher as well, in columns called as those of the data, or found,
    or .txt; empty: none."""


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) and its schedule."""

    learning_rate: float = 0.0
    """Peak learning rate of AdamW; 0: chosen by the model's size."""
    schedule: Schedule = "linear"
    """How the learning rate falls after warm-up."""
    warmup: float = 0.1
    """Share of all steps in which the learning rate rises from 0."""
    weight_decay: float = 0.01
    """Decoupled weight decay; not on biases and norms."""
    beta1: float = 0.9
    """Decay of the first moment."""
    beta2: float = 0.999
    """Decay of the second moment."""
    epsilon: float = 1e-8
    """Term that keeps the division finite."""
    batch_size: int = 32
    """Rows a step, before accumulation."""
    gradient_accumulation: int = 1
    """Batches whose gradients are summed into one step."""
    max_gradient_norm: float = 1.0
    """Gradients are clipped to this norm; 0: not clipped."""


@dataclass(frozen=True, kw_only=True)
class BudgetConfig:
    """How long, in which precision, and what is kept."""

    epochs: float = 0.0
    """Passes over the training rows; 0: chosen by their number, 8 to 20."""
    max_steps: int = 0
    """Optimiser steps after which to end, whatever the epochs; 0: no such limit."""
    patience: int = 0
    """Evaluations without improvement after which training ends early; 0: never."""
    precision: PrecisionChoice = "auto"
    """float32, bf16, or auto: the faster one, measured on this machine."""
    length_grouped: bool = True
    """Batches of rows of similar length: far less padding."""
    threads: int = 0
    """Threads torch uses; 0: one per core, or as many as OMP_NUM_THREADS says."""
    checkpoint_minutes: float = 5.0
    """A checkpoint is written at every evaluation and after so many minutes at the latest; 0: at evaluations only."""


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """How the model is judged."""

    metric: str = ""
    """Metric on the validation split that chooses the best checkpoint, and that recipes are compared by; empty: the task's."""
    every: float = 1.0
    """Epochs between evaluations."""
    baselines: bool = True
    """Also score the cheap baselines, and test the difference."""
    slices: tuple[str, ...] = ("length",)
    """Columns to break the scores down by; also "length" and "label"."""
    resamples: int = 1000
    """Bootstrap resamples behind every interval."""


@dataclass(frozen=True, kw_only=True)
class GenerationConfig:
    """How texts are written, for tasks that write them."""

    prefix: str = ""
    """Words put before every input, such as "summarize: " for T5; empty: none."""
    source_language: str = ""
    """Language code of the inputs as the tokenizer has it (mBART, NLLB: en_XX, eng_Latn); empty: none, or its own."""
    target_language: str = ""
    """Language code of the outputs as the tokenizer has it; empty: none, or the tokenizer's own."""
    max_target_length: int = 128
    """Tokens to cut each target to when training, special ones included."""
    max_new_tokens: int = 0
    """Tokens to write at most; 0: as many as max_target_length."""
    beams: int = 1
    """Beams of the search for the best output; 1: greedy."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a result. The file that ``save`` writes reproduces the run."""

    task: str = "text-classification"
    """Task id: the hub's pipeline tag."""
    seed: int = 0
    """Seed of the head's weights, the order of the rows and the dropout."""
    data: DataConfig = field(default_factory=DataConfig)
    """Which rows."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """Which base model."""
    technique: TechniqueConfig = field(default_factory=TechniqueConfig)
    """What is trained."""
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    """The adapter that is trained."""
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    """Who teaches it."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """How it is trained."""
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    """How long."""
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    """How texts are written."""
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    """How it is judged."""

    def __post_init__(self) -> None:
        problems: list[str] = []
        for name, kind in fields_of(Recipe).items():
            # 5 becomes 5.0 where a number may have decimals: equal recipes are written alike
            object.__setattr__(self, name, _typed(name, getattr(self, name), kind, problems))
        problems += problems_of(self)
        if problems:
            raise RecipeError(problems)
        # the task says what a row is: nobody has to say it twice
        layout: Any = TASKS[self.task].layout
        if self.data.layout != layout:
            object.__setattr__(self, "data", dataclasses.replace(self.data, layout=layout))

    def with_values(self, **values: Any) -> Recipe:
        """A copy with other values, named by section: ``recipe.with_values(optimizer={"learning_rate": 1e-4}, seed=1)``.

        Raises:
            RecipeError: all unknown names and values that cannot work.
        """
        merged = self.to_dict()
        for section, change in values.items():
            if isinstance(change, Mapping) and isinstance(merged.get(section), dict):
                merged[section] = {**merged[section], **change}
            else:
                merged[section] = change
        return Recipe.from_dict(merged)

    @property
    def options(self) -> dict[str, Any]:
        """What only some tasks read (``labkit.tasks.Task.options``), by its name."""
        technique = self.technique
        one = {"mask_share": technique.mask_share, "tune_threshold": technique.tune_threshold}
        return {**dataclasses.asdict(self.generation), **one}

    def epochs(self, rows: int) -> float:
        """Passes over so many training rows: what [budget] says, or ``labkit.models.default_epochs``.

        Args:
            rows: of the training split; windows, where long ones are read in several.
        """
        optimizer = self.optimizer
        return self.budget.epochs or default_epochs(rows, optimizer.batch_size * optimizer.gradient_accumulation)

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionaries of plain values; values that are not set are left out."""
        return _drop_none(dataclasses.asdict(self))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Build a recipe from nested dictionaries.

        Raises:
            RecipeError: every unknown section or setting, wrong type and impossible value, in one error.
        """
        problems: list[str] = []
        top = fields_of(cls)
        arguments: dict[str, Any] = {}
        for name, value in values.items():
            if name not in top:
                problems.append(_unknown("setting", name, top))
            elif not dataclasses.is_dataclass(top[name]):
                arguments[name] = convert(name, value, top[name], problems)
            elif not isinstance(value, Mapping):
                problems.append(f"[{name}] must be a section of settings, not {value!r}.")
            else:
                known = fields_of(top[name])
                inner = {}
                for key, item in value.items():
                    if key not in known:
                        problems.append(_unknown(f"setting of [{name}]", key, known))
                    else:
                        inner[key] = convert(f"{name}.{key}", item, known[key], problems)
                arguments[name] = top[name](**{k: v for k, v in inner.items() if v is not BAD})
        arguments = {k: v for k, v in arguments.items() if v is not BAD}
        try:
            recipe = cls(**arguments)
        except RecipeError as error:
            raise RecipeError([*problems, *error.problems]) from None
        if problems:
            raise RecipeError(problems)
        return recipe

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Recipe:
        """Read a recipe file.

        Raises:
            RecipeError: the file is missing, is no TOML, or has problems (all of them in one error).
        """
        try:
            return cls.from_dict(tomllib.loads(Path(path).read_text("utf-8")))
        except FileNotFoundError:
            raise RecipeError([f"There is no recipe file {os.fspath(path)!r}."]) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
            raise RecipeError([f"{os.fspath(path)} is no TOML file: {error}."]) from None
        except OSError as error:
            raise RecipeError([f"The recipe file {os.fspath(path)!r} cannot be read: {error.strerror}."]) from error

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the recipe as TOML, each setting with its explanation."""
        target = Path(path)
        partial = target.with_name(target.name + ".partial")
        try:
            with partial.open("w", encoding="utf-8") as file:
                file.write(self.to_toml())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target

    def to_toml(self) -> str:
        """The recipe as a TOML text with comments."""
        import tomlkit

        document = tomlkit.document()
        document.add(tomlkit.comment("A labkit recipe: labkit train --recipe THIS_FILE repeats the run."))
        _write(document, self, _drop_none(dataclasses.asdict(self)))
        return tomlkit.dumps(document)


def parse_set(assignments: list[str]) -> dict[str, Any]:
    """Turn ``["optimizer.learning_rate=1e-4", "seed=1"]`` into nested dictionaries.

    Raises:
        RecipeError: an assignment without "=".
    """
    nested: dict[str, Any] = {}
    problems = []
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            problems.append(f"{text!r} must have the form section.setting=value.")
            continue
        at = nested
        *path, last = name.strip().split(".")
        for part in path:
            at = at.setdefault(part, {})
            if not isinstance(at, dict):
                problems.append(f"{text!r} names a setting inside a setting.")
                break
        else:
            at[last] = _literal(value.strip())
    if problems:
        raise RecipeError(problems)
    return nested


@cache
def field_help(section: type[Any]) -> dict[str, str]:
    """The docstring under each field of a configuration class, by field name."""
    tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(section)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for statement, after in itertools.pairwise(body):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            found[statement.target.id] = " ".join(str(after.value.value).split())
    return found


BAD = object()
_SEVERAL = ("adapter.targets", "data.augment")


def _unknown(what: str, name: str, known: Mapping[str, Any]) -> str:
    # a setting under the wrong section, or under none, is the usual slip
    homes = [
        f"{top}.{name}"
        for top, kind in fields_of(Recipe).items()
        if dataclasses.is_dataclass(kind) and name in fields_of(kind)
    ]
    near = homes[0] if homes else suggest(name, known)
    hint = f" Did you mean {near!r}?" if near else f" Known: {', '.join(known)}."
    return f"There is no {what} {name!r}.{hint}"


def _typed(name: str, value: Any, kind: Any, problems: list[str]) -> Any:
    """The value as the field's type; where it has another one, a problem is noted and the default stands in."""
    if not dataclasses.is_dataclass(kind):
        converted = convert(name, value, kind, problems)
        return getattr(Recipe, name) if converted is BAD else converted
    section: Any = kind
    if not isinstance(value, section):
        problems.append(f"{name} must be a {section.__name__}, not {value!r}.")
        return section()
    inner = {key: convert(f"{name}.{key}", getattr(value, key), k, problems) for key, k in fields_of(section).items()}
    return section(**{key: item for key, item in inner.items() if item is not BAD})


def convert(name: str, value: Any, kind: Any, problems: list[str]) -> Any:
    """The value as the field's type, or ``BAD`` with a problem noted."""
    optional = get_origin(kind) in (types.UnionType, typing.Union)
    if optional:
        if value is None:
            return None
        kind = next(k for k in get_args(kind) if k is not type(None))
    if get_origin(kind) is Literal:
        return value  # choices are checked with everything else
    if get_origin(kind) is tuple:
        items = value
        if isinstance(value, str):  # several from a command line; other lists hold names of files or columns
            items = [one.strip() for one in value.split(",")] if name in _SEVERAL else [value]
        if isinstance(items, list | tuple) and all(isinstance(item, str) for item in items):
            return tuple(items)
        problems.append(f"{name} must be a list of texts, not {value!r}.")
        return BAD
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
        problems.append(f"{name} must be {words.get(kind, kind)}, not {value!r}.")
        return BAD
    return value


def _literal(text: str) -> Any:
    """A value on the command line: a TOML value where it is one, else the text itself."""
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return {"True": True, "False": False}.get(text, text)


def _drop_none(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _drop_none(value) if isinstance(value, dict) else list(value) if isinstance(value, tuple) else value
        for key, value in values.items()
        if value is not None
    }


def _write(container: Any, section: Any, values: dict[str, Any]) -> None:
    import tomlkit

    cls: Any = type(section)
    help_ = field_help(cls)
    for name, kind in fields_of(cls).items():
        if dataclasses.is_dataclass(kind):
            table = tomlkit.table()
            _write(table, getattr(section, name), values[name])
            container.add(name, table)
        elif name in values:
            item = tomlkit.item(values[name])
            item.comment(help_.get(name, ""))
            container.add(name, item)
        else:
            container.add(tomlkit.comment(f"{name} =  {help_.get(name, '')}"))
