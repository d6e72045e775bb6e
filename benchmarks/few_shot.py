"""Few labels a class: contrastive tuning beside the setfit package, a linear probe, full fine-tuning and TF-IDF.

    python benchmarks/few_shot.py DATA_FOLDER [--sets sst2 customer_reviews banking77] [--shots 8 64] [--splits 10]
        [--methods names contrastive setfit probe full tfidf] [--results benchmarks/few_shot_results.jsonl]

Each split draws so many training rows of every class, the same for all methods, which take turns at going first; the score is
accuracy on the whole test split, and nothing is chosen by it. The base model is the embedded one for all. setfit (pip install
setfit) trains as its paper says: 20 pairs of each kind a row, batches of 16 pairs, 2e-5. "names" is contrastive tuning with
texts made of the names of the classes beside the few; "setfit-names" gives setfit such texts, too, by its own function.
Times are from the texts to a model that is ready to predict, without loading the libraries: seconds of the clock, and of
processors. On a core of its own (taskset -c 0) the latter hardly depend on what else the machine does, and data sets can be
measured side by side.

What stands in the file of results is not trained again: take out by hand what a change of the code makes stale. The one beside
this program holds every single result so far, on one core each. labkit's loss, learning rate, number of steps and of
texts of names were chosen on held-out rows of the training splits of these same data sets; setfit's settings are its authors'.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Rows = list[dict[str, Any]]
FEW = {"pooling": "mean", "unit_vectors": True}


class Result(NamedTuple):
    """Accuracy on the test split, and what the training took."""

    score: float
    seconds: float
    busy: float


Method = Callable[[Rows, Rows, int], tuple[list[str], float, float]]
"""Of training rows, test rows and a seed: the labels of the test rows, seconds of the clock and of processors."""


def main() -> None:
    """Print every split, then a table of means and deviations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", default=["sst2", "customer_reviews", "banking77"])
    parser.add_argument("--shots", nargs="+", type=int, default=[8, 64])
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--methods", nargs="+", default=[m for m in METHODS if m != "setfit-names"])
    parser.add_argument("--results", type=Path, default=None, help="file of the single results, to go on with")
    options = parser.parse_args()
    table = []
    known = {}
    if options.results and options.results.exists():
        for line in options.results.read_text("utf-8").splitlines():
            name, shots, split, method, *measured = json.loads(line)
            known[name, shots, split, method] = Result(*measured)
    if any(method in ("names", "contrastive", "probe", "full") for method in options.methods):
        METHODS["probe"](
            [{"text": f"text {i}", "label": str(i % 2)} for i in range(20)], [], 0
        )  # libraries, machine's speed
    for name in options.sets:
        train, test = (read(options.folder / name / f"{split}.jsonl") for split in ("train", "test"))
        for shots in options.shots:
            if name == "banking77" and shots > 8:
                continue  # that is half of its training split
            came: dict[str, list[Result]] = defaultdict(list)
            for split in range(options.splits):
                chosen = draw(train, shots, split)
                order = (
                    options.methods[split % len(options.methods) :] + options.methods[: split % len(options.methods)]
                )
                for method in order:
                    key = (name, shots, split, method)
                    if key not in known:
                        said, seconds, busy = METHODS[method](chosen, test, split)
                        score = float(np.mean([one == row["label"] for one, row in zip(said, test, strict=True)]))
                        known[key] = Result(round(score, 5), round(seconds, 1), round(busy, 1))
                        if options.results:
                            with options.results.open("a", encoding="utf-8") as file:
                                file.write(json.dumps([*key, *known[key]]) + "\n")
                    came[method].append(known[key])
                said_all = ", ".join(f"{m} {came[m][-1].score:.4f} {came[m][-1].busy:.1f} s" for m in options.methods)
                print(f"{name} {shots} split {split}: {said_all}", flush=True)
            for method in options.methods:
                scores = [one.score for one in came[method]]
                spread = statistics.stdev(scores) if len(scores) > 1 else 0.0
                table.append(
                    f"| {name} | {shots} | {method} | {100 * statistics.mean(scores):.1f} ± {100 * spread:.1f} "
                    f"| {statistics.median(one.seconds for one in came[method]):.1f} s "
                    f"| {statistics.median(one.busy for one in came[method]):.1f} s |"
                )
    print("| data | labels a class | method | accuracy | clock | processors |\n|---|---|---|---|---|---|")
    print("\n".join(table))


def read(path: Path) -> Rows:
    """Rows with a text and one label."""
    with path.open(encoding="utf-8") as lines:
        return [{"text": row["text"], "label": str(row["label"])} for row in map(json.loads, lines)]


def draw(rows: Rows, shots: int, seed: int) -> Rows:
    """So many rows of each class."""
    random = np.random.default_rng(seed)
    by_class: dict[str, Rows] = defaultdict(list)
    for row in rows:
        by_class[row["label"]].append(row)
    return [some[i] for _, some in sorted(by_class.items()) for i in random.permutation(len(some))[:shots]]


def _labkit(sections: Callable[[Rows], dict[str, Any]]) -> Method:
    def run(train: Rows, test: Rows, seed: int) -> tuple[list[str], float, float]:
        from labkit import training
        from labkit.training import Predictor, Recipe

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "train.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in train), encoding="utf-8")
            given = {
                "seed": seed,
                "data": {"train": str(path), "test": str(path), "validation_share": 0.0},
                "evaluation": {"baselines": False, "resamples": 100, "slices": []},
            }
            recipe = Recipe.from_dict(given).with_values(**sections(train))
            began, busy = time.monotonic(), time.process_time()
            made = training.train(recipe, Path(folder) / "run")
            seconds, busy = time.monotonic() - began, time.process_time() - busy
            if not test:
                return [], seconds, busy
            said = Predictor.load(made)([row["text"] for row in test])
            return [said.labels[i] for i in said.probabilities.argmax(-1)], seconds, busy

    return run


def _setfit(train: Rows, test: Rows, seed: int, *, names: int = 0) -> tuple[list[str], float, float]:
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments, get_templated_dataset
    from transformers.utils import logging

    from labkit.models import resolve

    logging.disable_progress_bar()
    began, busy = time.monotonic(), time.process_time()
    rows = Dataset.from_list(train)
    if names:
        labels = sorted({row["label"] for row in train})
        told = get_templated_dataset(candidate_labels=[name.replace("_", " ") for name in labels], sample_size=names)
        more = [{"text": row["text"], "label": labels[row["label"]]} for row in told]
        rows = Dataset.from_list([*train, *more])
    model = SetFitModel.from_pretrained(str(resolve("minilm").folder))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            batch_size=16,
            num_epochs=1,
            num_iterations=20,
            seed=seed,
            report_to="none",
            save_strategy="no",
            show_progress_bar=False,
        )
        Trainer(model=model, args=arguments, train_dataset=rows).train()
    seconds, busy = time.monotonic() - began, time.process_time() - busy
    return [str(one) for one in model.predict([row["text"] for row in test], show_progress_bar=False)], seconds, busy


def _tfidf(train: Rows, test: Rows, seed: int) -> tuple[list[str], float, float]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    began, busy = time.monotonic(), time.process_time()
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=1000)
    )
    model.fit([row["text"] for row in train], [row["label"] for row in train])
    seconds, busy = time.monotonic() - began, time.process_time() - busy
    return list(model.predict([row["text"] for row in test])), seconds, busy


def _contrastive(train: Rows) -> dict[str, Any]:
    steps = max(25, round(0.4 * len(train)))
    technique = {"trainable": "head", "solver": "lbfgs", "contrastive": steps, "freeze_embeddings": True}
    return {"model": FEW, "technique": technique}


def _names(train: Rows) -> dict[str, Any]:
    return {**_contrastive(train), "data": {"name_texts": NAMES}}


NAMES = 8
METHODS: dict[str, Method] = {
    "names": _labkit(_names),
    "setfit-names": functools.partial(_setfit, names=NAMES),
    "contrastive": _labkit(_contrastive),
    "setfit": _setfit,
    "probe": _labkit(lambda train: {"model": FEW, "technique": {"trainable": "head", "solver": "lbfgs"}}),
    "full": _labkit(lambda train: {}),
    "tfidf": _tfidf,
}


if __name__ == "__main__":
    main()
