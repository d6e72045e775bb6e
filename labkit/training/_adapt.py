"""Domain adaptation: a base model goes on learning from raw text of a domain, before it is fine-tuned."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from labkit import data, evaluation, models, tasks
from labkit._places import named
from labkit.errors import DataError, ModelError, RecipeError, RunError, UnknownName
from labkit.evaluation import Estimate
from labkit.events import Event
from labkit.training import _rundir
from labkit.training._predictor import Predictor
from labkit.training._recipe import Recipe, TechniqueConfig
from labkit.training._train import longest_input, train_once

AdaptMethod = Literal["masked", "causal", "simcse", "tsdae"]
_NOTE = "adaptation.json"
_WORK = "adapting"  # folder of checkpoints and of what was asked, until there is the note
_BEGUN = "begun.json"
_HELD_OUT = 0.1  # of the domain's texts, to measure on
_MOST_EPOCHS = 100_000  # as in a recipe
_HALVES = 500  # texts that the halves are looked for among


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What decides an adaptation; the folder notes it, and is good for nothing else."""

    texts: str
    model: str
    method: str
    general: str | None
    epochs: float
    recipe: dict[str, Any]
    seed: int


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """What came of it.

    Attributes:
        model: folder of the adapted model: name it as ``model.name`` of a recipe.
        method: how it learned.
        figure: "perplexity" or "pseudo_perplexity" (lower is better), or "halves_found": how often, of ``_HALVES`` texts at
            most, the second half of a text is the nearest of all to the first (higher is better).
        before, after: text ("domain", held out, and "general" where it was given) → the figure, with its interval.
    """

    model: str
    method: str
    figure: str
    before: Mapping[str, Estimate]
    after: Mapping[str, Estimate]

    def __str__(self) -> str:
        lines = [f"{self.method}: {self.model}"]
        for name, one in self.before.items():
            lines.append(f"{self.figure} on {name} text: {one:.4g} before, {self.after[name]:.4g} after")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def adapt(
    texts: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    *,
    model: str = "minilm",
    method: AdaptMethod = "masked",
    general: str | os.PathLike[str] | None = None,
    epochs: float = 3.0,
    recipe: Mapping[str, Any] | None = None,
    seed: int = 0,
    watch: Callable[[Event], None] | None = None,
) -> Adaptation:
    """Go on training a base model on raw text, and measure it before and after on the domain and on general text
    (Gururangan et al. 2020, Don't stop pretraining, arXiv:2004.10964). After a crash, call it again: it goes on.

    "masked" and "causal" are runs of fill-mask and text-generation. A masked language model whose head is new, as that of
    the embedded model, first learns the head alone on the same text, with the body as it was: only then does its perplexity
    say something, and that is what counts as before. "simcse" and "tsdae" are for sentence encoders.

    Args:
        texts: raw text, as ``labkit.data.read`` takes it.
        directory: where runs, model and figures go.
        model: the base model.
        method: "masked", "causal", "simcse" or "tsdae".
        general: raw text of other domains, to see what is forgotten.
        epochs: passes over the text, above 0.
        recipe: other settings for "masked" and "causal", by section.
        seed: of the order, the dropout and what is held out.
        watch: called with every event.

    Raises:
        UnknownName: no such method.
        DataError: text that cannot be read, or too little of it.
        ModelError: the model cannot learn that way.
        RecipeError: settings for a method that has none; no epochs.
        RunError: the directory holds something else.
    """
    known = ("masked", "causal", "simcse", "tsdae")
    if method not in known:
        raise UnknownName("method of adaptation", method, known)
    if recipe and method not in ("masked", "causal"):
        raise RecipeError([f"Settings are for masked and causal, not for {method}: leave them out."])
    if not 0 < epochs <= _MOST_EPOCHS:
        raise RecipeError([f"epochs must be above 0 and at most {_MOST_EPOCHS}, not {epochs!r}."])
    home = named(directory).absolute()
    asked = _Asked(
        texts=os.fspath(texts),
        model=model,
        method=method,
        general=None if general is None else os.fspath(general),
        epochs=float(epochs),
        recipe=json.loads(json.dumps(recipe or {})),  # as the note says it: lists, not tuples
        seed=seed,
    )
    if (home / _NOTE).exists():
        if _rundir.read_json(home / _NOTE)["asked"] != asdict(asked):
            raise _another(home)
        shutil.rmtree(home / _WORK, ignore_errors=True)
        return load_adaptation(home)
    found = (_language if method in ("masked", "causal") else _sentences)(asked, home, watch or (lambda event: None))
    _rundir.write_json(home / _NOTE, {**found.to_dict(), "asked": asdict(asked)})
    shutil.rmtree(home / _WORK, ignore_errors=True)
    return found


def _another(home: Path) -> RunError:
    return RunError(f"the adaptation that {home} began with", "another one", "choose another folder")


def load_adaptation(directory: str | os.PathLike[str]) -> Adaptation:
    """What ``adapt`` noted in a folder.

    Raises:
        RunError: there is none.
    """
    file = named(directory) / _NOTE
    if not file.exists():
        raise RunError(f"an adaptation in {directory}", "none", "start one with: labkit adapt")
    values = json.loads(file.read_text("utf-8"))
    del values["asked"]
    for name in ("before", "after"):
        values[name] = {key: Estimate(**one) for key, one in values[name].items()}
    return Adaptation(**values)


def perplexity(model: Path, task: str, rows: Any, *, max_length: int = 128, body: Any = None) -> Estimate:
    """Perplexity of a causal, or pseudo-perplexity of a masked language model on rows of raw text, with its interval.

    Args:
        model: its folder.
        task: "text-generation" or "fill-mask".
        rows: of a corpus of layout "texts".
        max_length: tokens that are read at a time.
        body: another one, of the same architecture, in place of the model's own.
    """
    predictor = Predictor(model, task, max_length)
    if body is not None:
        whole: Any = predictor.model
        setattr(whole, whole.base_model_prefix, body.to(whole.device).eval())
        whole.tie_weights()  # the head reads the table of the new body
    said = predictor.run(predictor.encode(rows), list(rows["row_id"]))
    return evaluation.evaluate(said, slices=()).headline[_figure(task)]


def _figure(task: str) -> str:
    return "pseudo_perplexity" if task == "fill-mask" else "perplexity"


def _language(asked: _Asked, home: Path, watch: Callable[[Event], None]) -> Adaptation:
    task = "fill-mask" if asked.method == "masked" else "text-generation"
    kind = tasks.get(task)
    base = models.resolve(asked.model)
    models.require_head(base, kind.head, task)
    # read before the trainings, so that a mistyped name is found before them
    general = None if asked.general is None else data.read(asked.general, layout="texts")["train"]
    first = Recipe.from_dict(
        {
            "task": task,
            "seed": asked.seed,
            "data": {"train": asked.texts, "validation_share": 0.0, "test_share": _HELD_OUT, "split_seed": asked.seed},
            "model": {"name": asked.model, "max_length": min(128, longest_input(base, models.load_tokenizer(base)))},
            "budget": {"epochs": asked.epochs},
            "evaluation": {"slices": (), "resamples": 200},
        }
    ).with_values(**asked.recipe)
    if not first.data.test_share:
        raise RecipeError(["data.test_share holds out what perplexity is measured on: set it above 0."])
    start = base.folder
    if models.new_head(base, kind.head):
        # what keeps weights near their pretrained values is for the body, later
        plain = {**asdict(TechniqueConfig()), "trainable": "head", "mask_share": first.technique.mask_share}
        head = train_once(
            first.with_values(technique=plain, optimizer={"learning_rate": 1e-3}),
            home / "head",
            watch=watch,
        )
        start = head.model_folder
        first = first.with_values(model={"name": str(head.directory)})
    run = train_once(first, home / "adapted", watch=watch)
    corpus = data.load(run.recipe.data.unaugmented())
    measured = {"domain": corpus["test"]}
    if general is not None:
        measured["general"] = general
    longest = run.recipe.model.max_length
    return Adaptation(
        model=str(run.directory),
        method=asked.method,
        figure=_figure(task),
        before={name: perplexity(start, task, rows, max_length=longest) for name, rows in measured.items()},
        after={name: perplexity(run.model_folder, task, rows, max_length=longest) for name, rows in measured.items()},
    )


def _sentences(asked: _Asked, home: Path, watch: Callable[[Event], None]) -> Adaptation:
    from transformers import AutoModel

    from labkit.training._sentences import learn

    work = home / _WORK
    if (home / _rundir.RECIPE).exists() or ((home / "model").exists() and not work.exists()):
        raise RunError(
            "a folder of its own for the adaptation", f"{home}, which holds a model", "choose another folder"
        )
    base = models.resolve(asked.model)
    config = models.load_config(base)
    if getattr(config, "is_encoder_decoder", False) or getattr(config, "is_decoder", False):
        raise ModelError("an encoder", f"{asked.model!r}, a {config.model_type}", "take masked or causal")
    corpus = data.split(data.read(asked.texts, layout="texts"), validation=0.0, test=_HELD_OUT, seed=asked.seed)
    raw = [text for text in corpus["train"]["text"] if text]
    if len(raw) < 32:
        raise DataError("32 texts at least", str(len(raw)), file=asked.texts)
    held = {"domain": [text for text in corpus["test"]["text"] if text]}
    if asked.general is not None:
        held["general"] = [text for text in data.read(asked.general, layout="texts")["train"]["text"] if text]
    tokenizer = models.load_tokenizer(base)
    body: Any = models.load_model(base, AutoModel)
    if asked.method == "simcse" and not models.has_dropout(body):
        raise ModelError(
            "a model with dropout, by which two readings of a text differ", f"{asked.model!r}", "take tsdae"
        )
    device: Any = models.machine().device
    body.to(device)
    from_ = {"domain": asked.texts, "general": asked.general}
    before = {
        name: halves_found(body, tokenizer, some, seed=asked.seed, file=from_[name]) for name, some in held.items()
    }
    width = int(getattr(config, "hidden_size", 384))
    speed = models.layer_speed(
        width, int(getattr(config, "num_attention_heads", 1)), 0, "cuda" if device == "cuda" else "cpu"
    )
    begun: dict[str, Any] = {"asked": asdict(asked), "fingerprint": corpus.config.fingerprint, "precision": speed.best}
    with _rundir.explaining(work):
        work.mkdir(parents=True, exist_ok=True)
    _rundir.claim(work, os.getpid())
    try:
        if _rundir.checkpoints(work):
            noted = _rundir.read_json(work / _BEGUN)
            if noted["asked"] != begun["asked"]:
                raise _another(home)
            if noted["fingerprint"] != begun["fingerprint"]:
                do = "restore it, or choose another folder"
                raise DataError("the text that the adaptation began with", "other text", do, file=asked.texts)
            begun = noted
        else:
            _rundir.write_json(work / _BEGUN, begun)
        learn(
            body,
            tokenizer,
            raw,
            method=asked.method,
            epochs=asked.epochs,
            batch_size=32,
            learning_rate=3e-5,
            precision=begun["precision"],
            seed=asked.seed,
            home=work,
            watch=watch,
        )
    finally:
        _rundir.release(work)
    after = {name: halves_found(body, tokenizer, some, seed=asked.seed) for name, some in held.items()}
    staged = home / "model.partial"
    body.save_pretrained(staged)
    tokenizer.save_pretrained(staged)
    _rundir.publish(staged, home / "model")
    return Adaptation(model=str(home), method=asked.method, figure="halves_found", before=before, after=after)


def halves_found(
    body: Any, tokenizer: Any, texts: Sequence[str], *, seed: int = 0, file: str | None = None
) -> Estimate:
    """How often the second half of a text is, of those of all texts, the nearest to its first half: what a sentence encoder
    knows of a domain, without labels. With a bootstrap interval over the texts.

    Args:
        body: the encoder.
        tokenizer: its own.
        texts: of ten words or more each; others are left out.
        seed: of the choice of texts and of the bootstrap.
        file: that the texts are of, for the error.

    Raises:
        DataError: fewer than ten such texts.
    """
    import torch

    from labkit.training._sentences import pooled

    random = np.random.default_rng(seed)
    able = [text.split() for text in texts]
    able = [words for words in able if len(words) >= 10]
    if len(able) < 10:
        raise DataError(
            "ten texts of ten words or more to measure by", str(len(able)), "add texts, or take masked", file=file
        )
    chosen = [able[i] for i in random.permutation(len(able))[:_HALVES]]
    sides = [
        [" ".join(words[: len(words) // 2]) for words in chosen],
        [" ".join(words[len(words) // 2 :]) for words in chosen],
    ]
    vectors = []
    was = body.training
    body.eval()
    with torch.inference_mode():
        for side in sides:
            parts = []
            for at in range(0, len(side), 64):
                inputs = tokenizer(
                    side[at : at + 64], padding=True, truncation=True, max_length=128, return_tensors="pt"
                )
                parts.append(torch.nn.functional.normalize(pooled(body, inputs.to(body.device)).float(), dim=-1))
            vectors.append(torch.cat(parts).cpu().numpy())
    body.train(was)
    hits = ((vectors[0] @ vectors[1].T).argmax(axis=1) == np.arange(len(chosen))).astype(float)
    drawn = hits[random.integers(0, len(hits), (1000, len(hits)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(hits.mean()), float(low), float(high))
