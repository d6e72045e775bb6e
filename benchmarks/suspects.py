"""How many of the planted wrong labels of the sample data sets come first in the list of suspects.

    python benchmarks/suspects.py [--sets support reviews medical] [--folds 5] [--seeds 0 1 2]

The probabilities are those of logistic regression in cross-validation over the training rows, on TF-IDF and on the embedded
model's vectors, so that no model has to be trained. Of as many suspects as there are planted wrong labels, precision and recall
are the same figure, beside the one that a random order has. "Likely" are the suspects that confident learning counts as errors.
Prints a Markdown table: means over the seeds of the folds.
"""

from __future__ import annotations

import argparse
import itertools
import statistics

from labkit import data
from labkit.evaluation import out_of_sample, suspects
from labkit.models import embed


def main() -> None:
    """Rank the rows of every set and print the table, a line as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=["support", "reviews", "medical"])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args()
    print(
        "| data | features | rows | planted | found in as many | at random | found in twice as many | likely "
        "| of them planted |"
    )
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, features in itertools.product(options.sets, ("TF-IDF", "minilm")):
        planted = {entry["id"] for entry in data.defects(name) if entry["kind"] == "wrong_label"}
        figures: list[dict[str, float]] = []
        for seed in options.seeds:
            corpus = data.sample(name)
            vectors = None if features == "TF-IDF" else embed(corpus["train"]["text"], features)
            predictions = out_of_sample(corpus, folds=options.folds, seed=seed, vectors=vectors)
            ranked = suspects(predictions)
            hits = [suspect.row_id in planted for suspect in ranked]
            likely = [hit for suspect, hit in zip(ranked, hits, strict=True) if suspect.likely]
            figures.append(
                {
                    "rows": len(predictions),
                    "first": sum(hits[: len(planted)]) / len(planted),
                    "twice": sum(hits[: 2 * len(planted)]) / len(planted),
                    "likely": len(likely),
                    "planted": sum(likely) / max(len(likely), 1),
                }
            )
        mean = {key: statistics.mean(figure[key] for figure in figures) for key in figures[0]}
        print(
            f"| {name} | {features} | {mean['rows']:.0f} | {len(planted)} | {100 * mean['first']:.0f} % "
            f"| {100 * len(planted) / mean['rows']:.0f} % | {100 * mean['twice']:.0f} % "
            f"| {mean['likely']:.0f} | {100 * mean['planted']:.0f} % |",
            flush=True,
        )


if __name__ == "__main__":
    main()
