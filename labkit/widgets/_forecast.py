"""What a recipe would cost on this machine, and what its data and model do not let it do."""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labkit import data, models
from labkit._places import named
from labkit.data import Corpus, DataConfig
from labkit.data._scan import text_columns
from labkit.errors import LabError, RecipeError, UnknownName, quoted
from labkit.models import EMBEDDED, ModelCard
from labkit.tasks import TASKS
from labkit.training import Recipe
from labkit.widgets._jobs import load_transformers

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_ROWS, _WORDS = 1000, 20.0  # assumed where there is no data yet
_LOADING = threading.Lock()
_SAMPLE = 200  # rows that are tokenised to see how long they are


class FieldError(LabError):
    """A problem that belongs to one field of the form."""

    def __init__(self, field: str, error: LabError) -> None:
        Exception.__init__(self, str(error))
        self.field, self.error = field, error


class Library:
    """The corpora of the last few data settings, and tokenizers, so that a change of the learning rate reads nothing again."""

    def __init__(self, most: int = 2) -> None:
        self.most = most
        self._kept: dict[DataConfig, Corpus] = {}
        self._tokenizers: dict[str, Any] = {}
        self._lock = threading.Lock()

    def tokenizer(self, name: str) -> Any:
        """The tokenizer of a model on this machine; of others, which are not fetched for this, the embedded model's."""
        with self._lock:
            if name not in self._tokenizers:
                try:
                    base = models.resolve(name, fetch=False)
                except LabError:  # not here, or a starter, whose tokenizer is made from the training rows
                    base = models.resolve(EMBEDDED)
                self._tokenizers[name] = models.load_tokenizer(base)
            return self._tokenizers[name]

    def corpus(self, config: DataConfig) -> Corpus:
        """The corpus of a configuration.

        Raises:
            DataError: it cannot be read.
        """
        with self._lock:
            if config not in self._kept:
                self._kept[config] = data.load(config)
                for old in list(self._kept)[: -self.most]:
                    del self._kept[old]
            return self._kept[config]


def load_libraries() -> None:
    """Load what forecasts need, in one thread at a time: two that load torch at once may each find half of it."""
    with _LOADING:
        import transformers  # noqa: F401


def on_hub(config: DataConfig) -> bool:
    """Whether the data are named by a hub id, which is fetched when training starts."""
    return bool(_HUB_ID.fullmatch(config.train)) and not named(config.train).exists() and "." not in config.train


def examine(recipe: Recipe, library: Library) -> tuple[Corpus | None, ModelCard | None]:
    """The data and the model of a recipe, as far as they are on this machine.

    Raises:
        FieldError: the data or the model cannot be had or cannot be trained on.
    """
    card = _card(recipe.model.name)
    load_libraries()
    _require_able(recipe)
    if not recipe.data.train or on_hub(recipe.data):
        return None, card
    try:
        corpus = library.corpus(recipe.data.unaugmented())
    except UnknownName as error:
        fields = {"text": recipe.data.text, "text_pair": recipe.data.text_pair, "group": recipe.data.group}
        at = next((name for name, value in fields.items() if value and value == error.name), "")
        at = at or (
            "label" if error.name in recipe.data.label else "repairs" if error.name in recipe.data.repairs else "train"
        )
        raise FieldError(f"data.{at}", error) from error
    except LabError as error:
        raise FieldError("data.train", error) from error
    problems = TASKS[recipe.task].problems(corpus)
    if problems:
        raise FieldError("data.train", RecipeError(problems))
    columns = ["length", "label", *corpus["train"].column_names]
    unknown = [name for name in recipe.evaluation.slices if name not in columns]
    if unknown:
        problem = f"evaluation.slices names {quoted(unknown)}. Columns to slice by: {quoted(columns, 50)}."
        raise FieldError("evaluation.slices", RecipeError([problem]))
    return corpus, card


def estimate(recipe: Recipe, library: Library) -> dict[str, Any]:
    """Time, memory and precision of training by a recipe on this machine, as plain values.

    Returns:
        ``seconds``, ``memory_mb``, ``trains`` (how many parameters, in words), ``free_memory_mb``, ``fits``,
        ``precision``, ``steps``, ``rows`` by split, ``note``; or ``problem`` and the ``field`` that it belongs to.
    """
    try:
        corpus, card = examine(recipe, library)
    except FieldError as error:
        said = " ".join(error.error.problems) if isinstance(error.error, RecipeError) else str(error)
        return {"problem": said, "field": error.field}
    machine = models.machine()
    rows, tokens = _ROWS, 1.35 * _WORDS + 2
    notes = []
    limit = recipe.model.max_length or min((card.max_tokens if card else 0) or 512, 512)
    if corpus is not None:
        rows, tokens = _measured(recipe, corpus, library, limit)
        if recipe.data.augment:
            rows *= 1 + recipe.data.augment_copies
            notes.append("Making the changed copies takes its own time.")
    elif recipe.data.train:
        notes.append("The data are no file here: taken as a hub id, and fetched when training starts.")
    if corpus is None:
        notes.append(f"Assumed: {_ROWS:,} rows of {_WORDS:g} words.")
    per_epoch = math.ceil(math.ceil(rows / recipe.optimizer.batch_size) / recipe.optimizer.gradient_accumulation)
    steps = math.ceil(recipe.epochs(rows) * per_epoch)
    if recipe.budget.max_steps:
        steps = min(steps, recipe.budget.max_steps)
    found: dict[str, Any] = {
        "problem": "",
        "field": "",
        "rows": dict(corpus.rows) if corpus else {},
        "steps": steps,
        "cores": machine.cores,
        "machine": machine.name,
        "free_memory_mb": 1000 * (machine.gpu_memory_gb if machine.device == "cuda" else machine.free_memory_gb),
    }
    if card is None:
        notes.append("There is no forecast for a model that is not on this machine and not in the catalogue.")
        return {**found, "note": " ".join(notes)}
    trained, depth = _trained(recipe, card)
    cost = models.forecast(
        card,
        rows=rows,
        tokens=min(tokens, 2 * limit),
        epochs=steps / per_epoch,
        batch_size=recipe.optimizer.batch_size,
        on=machine,
        task=recipe.task,
        trained=trained,
        depth=depth,
    )
    seconds, precision = cost.seconds, cost.precision
    asked = recipe.budget.precision
    if asked != "auto" and asked != precision and machine.device != "mps":
        speed = models.forecast_speed(card.hidden, card.heads, machine.device if machine.device == "cuda" else "cpu")
        precision = asked
        seconds *= speed.seconds(asked) / speed.seconds(speed.best)
    seconds *= _share(recipe, card.layers, steps / per_epoch)
    if recipe.distillation.teacher:
        notes.append("The teacher's own passes come on top: about a third more for one of the same size.")
    if recipe.technique.contrastive:
        notes.append(f"The {recipe.technique.contrastive:,} contrastive steps come before that.")
    if not card.hub_id and recipe.model.name.startswith(models.STARTER):
        notes.append("An untrained model, made in seconds when training starts: it knows no language yet.")
    if "max_new_tokens" in TASKS[recipe.task].options:
        notes.append("Writing texts for the evaluation at the end takes its own time.")
    return {
        **found,
        "seconds": seconds,
        "memory_mb": cost.memory_mb,
        "trains": _trains(trained, card),
        "fits": cost.memory_mb < 0.9 * found["free_memory_mb"],
        "precision": precision,
        "note": " ".join(notes),
    }


class Latest:
    """Does something in a thread with the latest of what it was given; what was overtaken is left out.

    Args:
        act: what to do with it.
        pause: seconds to wait for something newer.
    """

    def __init__(self, act: Callable[[Any], None], *, pause: float = 0.25) -> None:
        self.act, self.pause = act, pause
        self._given: list[Any] = []
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._over = False

    def give(self, value: Any) -> None:
        """Hand over the newest value; returns at once."""
        with self._wake:
            self._given = [value]
            if self._thread is None and not self._over:
                load_transformers()
                self._thread = threading.Thread(target=self._work, name="labkit-forecast", daemon=True)
                self._thread.start()
            self._wake.notify()

    def stop(self) -> None:
        """End the thread after what it is doing."""
        with self._wake:
            self._over = True
            self._given = []
            self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                while self._wake.wait(self.pause):
                    pass  # something newer came
                if not self._given:
                    self._thread = None
                    return
                value = self._given.pop()
            self.act(value)


def _share(recipe: Recipe, layers: int, epochs: float) -> float:
    """How much of full fine-tuning's time a recipe takes, where a backward pass costs two forward passes: one for the outputs'
    gradients, and one for the weights'."""
    technique = recipe.technique
    kept = (recipe.model.layers or layers) / max(layers, 1)
    if technique.trainable == "head":
        once = technique.remember and "mask_share" not in TASKS[recipe.task].options
        return kept / 3 / (max(epochs, 1) if once else 1)
    if technique.trainable == "top":
        kept *= (1 + 2 * min(technique.layers / max(layers, 1), 1)) / 3
    elif technique.trainable != "all":
        kept *= 2 / 3
    return kept * (2 if technique.r_drop else 1)


def _trained(recipe: Recipe, card: ModelCard) -> tuple[float, float]:
    """About how many parameters a recipe trains, and the share of the layers that gradients go back through.

    A layer of a transformer has 12 times its width squared; an adapter is counted as on its six linear maps. The new head is
    left out: thousands beside millions.
    """
    technique, adapter, width = recipe.technique, recipe.adapter, card.hidden
    had = card.layers * (2 if card.kind == "encoder-decoder" else 1)
    layers = min(recipe.model.layers or had, had)
    of_layer = min(12 * width**2, card.parameters_m * 1e6 / max(had, 1))  # less where layers share their weights
    every = card.parameters_m * 1e6 - (had - layers) * of_layer
    embeddings = card.vocabulary * width if technique.freeze_embeddings else 0
    if technique.contrastive:
        return every - embeddings, 1.0
    if technique.trainable == "head":
        return 0.0, 0.0
    if technique.trainable == "top":
        top = min(technique.layers, layers)
        return top * of_layer, top / max(layers, 1)
    each = {
        "bias": 11 * width,
        "lora": 18 * width * adapter.rank,
        "dora": 18 * width * adapter.rank + 9 * width,
        "ia3": 6 * width,
        "prefix": 2 * adapter.tokens * width,
        "prompt": adapter.tokens * width / max(layers, 1),
        "bottleneck": 2 * (2 * width * adapter.width + width + adapter.width),
    }.get(technique.trainable)
    return (every - embeddings if each is None else layers * each), 1.0


def _trains(trained: float, card: ModelCard) -> str:
    if round(trained) == round(card.parameters_m * 1e6):
        return f"all {card.parameters_m:,.3g} million parameters ({4 * trained / 1e6:,.3g} MB)"
    of = f"of {card.parameters_m:,.3g} million parameters"
    if not trained:
        return f"the new head alone, {of}"
    number = f"{trained / 1e6:,.3g} million" if trained >= 1e6 else f"{float(f'{trained:.2g}'):,.0f}"
    return f"about {number} {of} ({4 * trained / 1e6:,.3g} MB)"


def _card(name: str) -> ModelCard | None:
    """What is known about a model; None where it is on the hub only and not in the catalogue.

    Raises:
        FieldError: there is no such model.
    """
    try:
        if name.startswith(models.STARTER):
            return models.starter_card(name)
        return models.find(name)
    except UnknownName as unknown:
        folder = named(name)
        if not name.startswith(models.STARTER) and folder.is_dir():
            try:
                return _described(models.resolve(name, fetch=False).folder)
            except LabError as error:
                raise FieldError("model.name", error) from error
        if name.count("/") == 1 and not name.startswith((".", "/", "~")):
            return None
        raise FieldError("model.name", unknown) from unknown
    except LabError as error:
        raise FieldError("model.name", error) from error


def _require_able(recipe: Recipe) -> None:
    """Refuse a model of a family that cannot do the task: before anything is read, fetched or trained.

    Raises:
        FieldError: there is no such head for it.
    """
    name, head = recipe.model.name, TASKS[recipe.task].head
    here = not name.startswith(models.STARTER) and named(name).is_dir()
    try:
        models.require_head(models.resolve(name, fetch=False) if here else name, head, recipe.task)
    except LabError as error:
        raise FieldError("model.name", error) from error


def _measured(recipe: Recipe, corpus: Corpus, library: Library, limit: int) -> tuple[int, float]:
    """How many pieces the training rows become for the model, and their mean tokens, from some of them.

    A row is a piece, but for long ones that are read in several windows, and running text, which fills windows to the brim.
    """
    rows = corpus["train"]
    some = rows.select(range(min(_SAMPLE, len(rows))))
    lengths: Any
    try:
        task = TASKS[recipe.task].of_corpus(corpus, recipe.options)
        lengths = task.encode(some, library.tokenizer(recipe.model.name), max_length=limit).lengths
    except LabError:  # such as a tokenizer that has not these languages: training will say so
        lengths = [min(limit, 1.35 * _mean_words(corpus) + 2)] * len(some)
    pieces = max(1, len(lengths)) * len(rows) / max(1, len(some))
    return math.ceil(pieces), float(sum(lengths)) / max(1, len(lengths))


def _described(folder: Path) -> ModelCard | None:
    """A model folder as far as the forecast needs it, from its configuration and the size of its weights."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
        width = {"float16": 2, "bfloat16": 2}.get(str(config.get("dtype") or config.get("torch_dtype")), 4)
        blank: dict[str, Any] = dict.fromkeys(
            ("hub_id", "family", "architecture", "licence", "objective", "domain", "strengths", "weaknesses", "paper",
             "source", "checked"), "",
        )  # fmt: skip
        return ModelCard(
            **blank,
            name=folder.name,
            kind="encoder-decoder" if config.get("is_encoder_decoder") else "encoder",
            layers=_number(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers"),
            hidden=_number(config, "hidden_size", "n_embd", "d_model", "dim"),
            heads=_number(config, "num_attention_heads", "n_head", "num_heads", "encoder_attention_heads", "n_heads"),
            vocabulary=int(config.get("vocab_size", 0)),
            parameters_m=size / width / 1e6,
            disk_mb=size / 1e6,
            safetensors=True,
            max_tokens=max(0, int(config.get("max_position_embeddings") or config.get("n_positions") or 0)),
            languages=(),
            tasks=(),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return None  # another architecture's names: no forecast, and training will tell


def _number(config: dict[str, Any], *names: str) -> int:
    """A number that each architecture calls in its own way."""
    return int(next(config[name] for name in names if config.get(name)))


def _mean_words(corpus: Corpus) -> float:
    rows = corpus["train"]
    sample = rows[: min(1000, len(rows))]
    columns = [sample[name] for name in text_columns(rows, corpus.config.layout)]
    return max(1.0, sum(len((text or "").split()) for texts in columns for text in texts) / max(1, len(columns[0])))
