"""What the techniques bring on real data, each against its obvious rival in the same run.

    python benchmarks/techniques.py head|lora|distil|adapt|each DATA_FOLDER [--sets …] [--only …] [--seeds N] [--epochs N]
        [--out FOLDER]

head: the head alone, on outputs that are computed once, against computing them in every epoch; banking77, 20 epochs.
lora: LoRA against full fine-tuning; banking77. Merged and alone must predict alike.
distil: students of 3 and 2 layers: of the published model and of the fine-tuned teacher, trained on the labels, and of the
    teacher, distilled; banking77 and sst2.
adapt: fine-tuned with and without adaptation to raw text of the domain; medical_abstracts, domain_medical.
each: every technique once, a short training, on sst2, wnut17 (entities) and dialogsum (a summary behind each dialogue, by a
    starter model that has read domain_medical); what it scored and took, or why the task refuses it.

The rivals take turns at going first. Times are of whole runs, with evaluation of the test split and without baselines;
scores are of the test split, which nothing was chosen by.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from labkit import training
from labkit.errors import LabError
from labkit.evaluation import Estimate
from labkit.events import Evaluated, RunStarted
from labkit.training import Predictor, Recipe, Run


def main() -> None:
    """Print what came, a line a run and then a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=list(PARTS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", default=[])
    parser.add_argument("--only", nargs="+", default=[], help="of each: these techniques, beside all weights")
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--epochs", type=float, default=0.0)
    parser.add_argument(
        "--out", type=Path, default=None, help="keeps the runs, and goes on with them when called again"
    )
    options = parser.parse_args()
    out = options.out or Path(tempfile.mkdtemp(prefix="labkit-techniques-"))
    try:
        PARTS[options.what](options, out.absolute())
    finally:
        if options.out is None:
            shutil.rmtree(out, ignore_errors=True)


def recipe(folder: Path, **sections: Any) -> Recipe:
    """Of text-classification on one of the sets, with the embedded model."""
    data = {name: str(folder / f"{name}.jsonl") for name in ("train", "validation", "test")}
    data = {name: path for name, path in data.items() if Path(path).exists()}
    return Recipe.from_dict({"data": data, "evaluation": {"baselines": False, "slices": []}}).with_values(**sections)


def compared(kinds: dict[str, Recipe], out: Path, seeds: int) -> training.RecipeComparison:
    """All recipes with all seeds, one after the other in turn."""

    def watch(name: str, seed: int, event: object) -> None:
        if type(event).__name__ == "RunEnded":
            print(f"  {name}, seed {seed}: {event}", flush=True)

    found = training.compare(kinds, out, seeds=seeds, watch=watch)
    print(found, flush=True)
    return found


def head(options: argparse.Namespace, out: Path) -> None:
    """Kept outputs against outputs that are computed anew."""
    for name in options.sets or ["banking77"]:
        base = recipe(options.folder / name, technique={"trainable": "head"}, budget={"epochs": options.epochs or 20})
        kinds = {"kept": base, "computed anew": base.with_values(technique={"remember": False})}
        found = compared(kinds, out / name, options.seeds or 2)
        for what in (whole, epochs):
            times = {one.name: [what(trial) for trial in one.trials] for one in found.contenders}
            ratio = [other / mine for mine, other in zip(times["kept"], times["computed anew"], strict=True)]
            said = "; ".join(f"{kind} {', '.join(f'{one:.1f} s' for one in some)}" for kind, some in times.items())
            print(f"{name}, {what.__doc__} {said}; {', '.join(f'{one:.1f}' for one in ratio)} times")


def whole(trial: training.Trial) -> float:
    """whole run (too short where it was killed on the way):"""
    return trial.seconds


def epochs(trial: training.Trial) -> float:
    """epochs alone, from the first step to the last evaluation of the validation split (nan where the run was interrupted):"""
    events = Run(trial.directory).events()
    if sum(isinstance(event, RunStarted) for event in events) > 1:
        return float("nan")
    ends = [event.time for event in events if isinstance(event, Evaluated) and event.split == "validation"]
    return (ends[-1] - ends[0]) * len(ends) / (len(ends) - 1)


def lora(options: argparse.Namespace, out: Path) -> None:
    """LoRA against all weights, and the merged model against the adapter alone."""
    for name in options.sets or ["banking77"]:
        base = recipe(options.folder / name, budget={"epochs": options.epochs or 8})
        thin = base.with_values(technique={"trainable": "lora"}, adapter={"merge": False})
        found = compared({"all": base, "lora": thin}, out / name, options.seeds or 2)
        rows = [json.loads(line)["text"] for line in (options.folder / name / "test.jsonl").open(encoding="utf-8")]
        trial = found.contenders[1].trials[0]
        run, merged = Run(trial.directory), out / f"{name}-merged"
        if not merged.exists():
            training.merge(run, merged)
        alone = Predictor.load(run)(rows).probabilities
        whole = Predictor(merged, run.recipe.task, run.recipe.model.max_length)(rows).probabilities
        size = sum(file.stat().st_size for file in run.model_folder.glob("*.safetensors"))
        same = float(np.mean(alone.argmax(-1) == whole.argmax(-1)))
        print(
            f"{name}: trained {trial.trained:,} of {trial.parameters:,} ({100 * trial.trained / trial.parameters:.2f} %); "
            f"adapter and head {size / 1e6:.2f} MB; merged and alone: {100 * same:.2f} % of the predictions equal, "
            f"probabilities differ by {np.abs(alone - whole).max():.1e}\n"
        )


def distil(options: argparse.Namespace, out: Path) -> None:
    """Students of fewer layers, with and without a teacher."""
    for name in options.sets or ["banking77", "sst2"]:
        base = recipe(options.folder / name, budget={"epochs": options.epochs or 4})
        teacher = training.train_once(base.with_values(seed=0), out / name / "teacher-seed0")
        kinds = {"teacher": base}
        for layers in (3, 2):
            few = base.with_values(model={"layers": layers})
            kinds[f"{layers} directly"] = few
            kinds[f"{layers} of the teacher"] = few.with_values(model={"name": str(teacher.directory)})
            kinds[f"{layers} distilled"] = few.with_values(
                model={"name": str(teacher.directory)}, distillation={"teacher": str(teacher.directory), "hidden": 1.0}
            )
        compared(kinds, out / name, options.seeds or 2)


def adapt(options: argparse.Namespace, out: Path) -> None:
    """With and without raw text of the domain."""
    texts = options.folder / "domain_medical" / "corpus.jsonl"
    base = recipe(
        options.folder / "medical_abstracts", budget={"epochs": options.epochs or 3}, model={"max_length": 128}
    )
    kinds = {"as published": base}
    for method in options.sets or ["simcse"]:
        found = training.adapt(texts, out / method, method=method, epochs=1)
        print(found, flush=True)
        kinds[method] = base.with_values(model={"name": found.model})
    result = compared(kinds, out / "tuned", options.seeds or 5)
    plain = {trial.seed: trial.figures[result.metric] for trial in result.contenders[0].trials}
    for other in result.contenders[1:]:
        apart = [trial.figures[result.metric] - plain[trial.seed] for trial in other.trials]
        print(f"{other.name}: {interval(apart)} {result.metric} beside the published one, over {len(apart)} seeds\n")


def interval(differences: list[float]) -> Estimate:
    """Mean of paired differences with Student's 95 % interval."""
    from scipy import stats

    mean, half = statistics.mean(differences), 0.0
    if len(differences) > 1:
        half = float(stats.t.ppf(0.975, len(differences) - 1)) * statistics.stdev(differences) / len(differences) ** 0.5
    return Estimate(mean, mean - half, mean + half)


def each(options: argparse.Namespace, out: Path) -> None:
    """Every technique, trained for a short while, with each task; those that a task refuses say why."""
    for name in options.sets or ["sst2", "wnut17", "dialogsum"]:
        base = recipe(options.folder / name, budget={"epochs": options.epochs or 1})
        if name == "wnut17":
            base = base.with_values(task="token-classification")
        elif name == "dialogsum":
            writer = recipe(
                options.folder / "domain_medical", task="text-generation", budget={"epochs": 1},
                data={"train": str(options.folder / "domain_medical" / "corpus.jsonl")},
                model={"name": "starter:gpt2", "max_length": 256},
            )  # fmt: skip
            base = recipe(
                prompts(options.folder / name, out / "prompts"), task="text-generation", budget={"epochs": options.epochs or 1},
                model={"name": str(training.train_once(writer, out / "writer").directory), "max_length": 256},
            )  # fmt: skip
        home = out / f"each-{name}"
        asked = set(options.only) or {*EACH, *TAUGHT}
        taught = {"distilled": {"distillation": {"teacher": str(home / "all-seed0")}}}
        kinds = {}
        if name == "sst2":  # of the same classes
            more = str(options.folder / "customer_reviews" / "train.jsonl")
            taught["unlabelled"] = {"distillation": {"teacher": str(home / "all-seed0"), "unlabelled": more}}
            taught["rehearsed"] = {"data": {"rehearse": more}}
        if name != "dialogsum" and "substituted" in asked:
            masked = training.adapt(options.folder / "domain_medical" / "corpus.jsonl", out / "masked", epochs=0.3)
            taught["substituted"] = {"data": {"augment": ["substitute"], "augment_model": masked.model}}
        if name == "sst2" and "translated back" in asked:
            ways = translators(options.folder / "multi30k_en_de", out / "translators", options.epochs or 1)
            taught["translated back"] = {"data": {"augment": ["back_translate"], "augment_translators": ways}}
        for kind, sections in {**EACH, **taught}.items():
            if kind not in {"all", *asked}:
                continue
            try:
                made = base.with_values(**sections)
                run = training.train_once(made.with_values(seed=0), home / f"{kind}-seed0")
            except LabError as refused:
                print(f"{name}: {kind} is refused: {' '.join(str(refused).split())}", flush=True)
                continue
            kinds[kind] = made
            print(f"{name}: {kind}, {run.status}", flush=True)
        compared(kinds, home, options.seeds or 1)


def translators(folder: Path, home: Path, epochs: float) -> list[str]:
    """Runs that translate there and back, after a short while from nothing: badly, but in the way that good ones would."""
    there = recipe(folder, task="translation", budget={"epochs": epochs}, model={"name": "starter:marian"})
    back = there.with_values(data={"text": "target", "label": ["source"]})
    made = (training.train_once(one, home / name) for name, one in (("there", there), ("back", back)))
    return [str(run.directory) for run in made]


def prompts(folder: Path, home: Path) -> Path:
    """The dialogues as prompts, with their summaries as completions."""
    home.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.jsonl"):
        rows = [json.loads(line) for line in file.open(encoding="utf-8")]
        told = [{"prompt": f"{row['source']}\nSummary:", "completion": f" {row['target']}"} for row in rows]
        (home / file.name).write_text("".join(json.dumps(row) + "\n" for row in told), encoding="utf-8")
    return home


TAUGHT = ("distilled", "unlabelled", "rehearsed", "substituted", "translated back")
FEW = {"pooling": "mean", "unit_vectors": True}
EACH: dict[str, dict[str, Any]] = {
    "all": {},
    **{
        name: {"technique": {"trainable": name}}
        for name in ("top", "head", "bias", "lora", "dora", "ia3", "prefix", "prompt", "bottleneck")
    },
    "gradual": {"technique": {"gradual": True}, "budget": {"epochs": 2}},  # the head is alone in the first
    "layer decay": {"technique": {"layer_decay": 0.9}},
    **{f"{name} pooling": {"model": {"pooling": name}} for name in ("first", "last", "mean", "max", "attention")},
    "mlp": {"model": {"pooling": "mean", "head_layers": 2}},
    "probe": {"model": FEW, "technique": {"trainable": "head", "solver": "lbfgs"}},
    "contrastive": {"model": FEW, "technique": {"trainable": "head", "solver": "lbfgs", "contrastive": 100}},
    "contrastive with names": {
        "model": FEW,
        "technique": {"trainable": "head", "solver": "lbfgs", "contrastive": 100},
        "data": {"name_texts": 8},
    },
    "lora alone": {"technique": {"trainable": "lora"}, "adapter": {"merge": False}},
    "frozen embeddings": {"technique": {"freeze_embeddings": True}},
    "threshold": {"technique": {"tune_threshold": True}},
    "focal": {"technique": {"loss": "focal"}},
    "ordinal": {"technique": {"loss": "ordinal"}},
    "smoothed": {"technique": {"label_smoothing": 0.1}},
    "class weights": {"technique": {"class_weights": True}},
    **{name: {"data": {"balance": name}} for name in ("oversample", "undersample", "batches")},
    "r_drop": {"technique": {"r_drop": 1.0}},
    "l2_sp": {"technique": {"l2_sp": 0.1}},
    "mixout": {"technique": {"mixout": 0.3}},
    "averaging": {"technique": {"averaging": 0.99}},
    "mixup": {"technique": {"mixup": 0.2}},
    "augmented": {"data": {"augment": ["typos", "delete", "swap"]}},
    "3 layers": {"model": {"layers": 3}},
}
PARTS = {"head": head, "lora": lora, "distil": distil, "adapt": adapt, "each": each}


if __name__ == "__main__":
    main()
