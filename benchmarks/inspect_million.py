"""A million rows under ``labkit.data.Table``: the first page, searches, filters, orders, facets, and the memory they take.

    python benchmarks/inspect_million.py [--rows 1000000] [--rounds 5] [--folder FOLDER]

The rows are made of the words of the sample data sets, in a temporary folder (or in FOLDER, where the next call finds them
again), and read once into labkit's cache. Everything is then timed in a fresh process, each question on a table that was asked
nothing before, so that nothing is ready: the time of a first click. CPU is the median of the time that processors worked on it,
which other programs on the machine hardly change. Memory is what the process holds, mapped file included,
after all questions were asked of one table, less what a process with the same imports holds.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LABELS = 8
ACCENTED = ["café", "naïve", "Zürich", "ПРИВЕТ", "déjà", "São", "日本語"]
PAGE = 100
LIMITS = {"first page": 1.0}
LIMIT = 0.3  # seconds for everything else


def make(path: Path, count: int) -> None:
    """A CSV file of ``count`` rows: texts of 8 to 20 words, one of 8 labels, two more columns."""
    from labkit import data

    words = [
        word
        for name in data.samples()
        for rows in data.sample(name).splits.values()
        for t in rows["text"]
        for word in t.split()
    ]
    chooser = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "label", "channel", "score"])
        for i in range(count):
            text = chooser.choices(words, k=chooser.randint(8, 20))
            if i % 100 == 0:
                text.append(chooser.choice(ACCENTED))
            if i % 50_000 == 0:
                text.append("quetzalcoatl")
            label = "" if i % 1000 == 0 else f"topic {chooser.randrange(LABELS)}"
            channel = chooser.choice(["web form", "mobile app", "mail", "telephone"])
            writer.writerow([f"r{i}", " ".join(text), label, channel, f"{chooser.random() * 100:.2f}"])


def resident() -> float:
    """Megabytes that this process holds."""
    import psutil

    return float(psutil.Process().memory_info().rss) / 1e6


def idle() -> None:
    """What the imports alone take."""
    import datasets
    import numpy
    import pyarrow.compute

    import labkit.data

    assert datasets and numpy and pyarrow.compute and labkit.data
    print(json.dumps(resident()))


def measure(path: Path, rounds: int) -> None:
    """Time every question; prints by name the seconds that passed and those that a processor worked, and the memory."""
    from labkit.data import Query, Table, read

    corpus = read(path, id="id")

    def first(query: Query) -> Callable[[Any], Any]:
        def ask(table: Any) -> Any:
            view = table.view(query)
            return view.count, view.page(0, PAGE)

        return ask

    def order(*names: str, descending: bool = False, **filters: Any) -> Callable[[Any], Any]:
        return first(Query(sort=tuple((n, "descending" if descending else "ascending") for n in names), **filters))

    def deep(table: Any) -> Any:
        return table.view(Query(sort=(("text", "ascending"),))).page(len(table) // 2, PAGE)

    topics = ("topic 1", "topic 2")
    questions: dict[str, Callable[[Any], Any]] = {
        "first page": lambda table: table.view().page(0, PAGE),
        "last page": lambda table: table.view().page(len(table) - PAGE, PAGE),
        "search: a common word": first(Query(search="the")),
        "search: a common word, by case": first(Query(search="the", case=True)),
        "search: a rare word": first(Query(search="Quetzalcoatl")),
        "search: no hit": first(Query(search="zzyzx")),
        "search: one letter": first(Query(search="e")),
        "search: beyond ASCII": first(Query(search="DÉJÀ")),
        "search: regex": first(Query(search=r"\b(never|not) \w+ed\b", regex=True)),
        "filter: label": first(Query(labels=topics)),
        "filter: no label": first(Query(labels=("",))),
        "filter: length": first(Query(length=(100, 120))),
        "filter: a column, =": first(Query(where=(("channel", "=", "mail"),))),
        "filter: a column, >": first(Query(where=(("score", ">", 90),))),
        "filter: 10,000 row ids": first(Query(rows=tuple(f"r{i}" for i in range(0, 1_000_000, 100)))),
        "search and 3 filters": first(
            Query(search="not", labels=topics, length=(60, 120), where=(("channel", "=", "mail"),))
        ),
        "sort: text": order("text"),
        "sort: text, descending": order("text", descending=True),
        "sort: length": order("length", descending=True),
        "sort: label, text": order("label", "text"),
        "sort: score": order("score"),
        "sort: channel, length": order("channel", "length"),
        "search and sort by text": order("text", search="not"),
        "page in the middle, by text": deep,
        "facets": lambda table: table.facets(Query(), columns=("channel",)),
        "facets of a search": lambda table: table.facets(Query(search="not", labels=topics), columns=("channel",)),
        "balance and lengths": lambda table: (table.view().balance(), table.view().lengths()),
        "where is a row": lambda table: table.view(Query(sort=(("length", "ascending"),))).where_is("r777"),
    }
    session = Table(corpus)
    for ask in questions.values():
        ask(session)
    held = resident()
    del session
    times: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for name, ask in questions.items():
            table = None if name == "first page" else Table(corpus)
            began, worked = time.perf_counter(), time.process_time()
            ask(table if table is not None else Table(corpus))
            times.setdefault(name, []).append((time.perf_counter() - began, time.process_time() - worked))
    print(json.dumps({"times": times, "memory": held}))


def report(times: dict[str, list[tuple[float, float]]], memory: float, base: float) -> None:
    """Print the table."""
    print(f"{'':32}{'p50':>8}{'p95':>8}{'max':>8}{'CPU':>8}  ms")
    for name, both in times.items():
        seconds = [wall for wall, _ in both]
        p95 = statistics.quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
        shown = (statistics.median(seconds), p95, max(seconds), statistics.median(work for _, work in both))
        limit = LIMITS.get(name, LIMIT)
        late = "" if p95 <= limit else f"  p95 over {limit * 1000:.0f}"
        print(f"{name:32}" + "".join(f"{1000 * each:8.0f}" for each in shown) + late)
    print(f"memory: {memory:.0f} MB, idle {base:.0f} MB, difference {memory - base:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--part", choices=("idle", "measure"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part == "idle":
        return idle()
    if options.part == "measure":
        return measure(options.folder / f"{options.rows}.csv", options.rounds)
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["LABKIT_CACHE"] = str(folder / "cache")
        path = folder / f"{options.rows}.csv"
        if not path.exists():
            make(path, options.rows)
        from labkit.data import read

        began = time.perf_counter()
        corpus = read(path, id="id")
        print(f"{corpus}; read in {time.perf_counter() - began:.1f} s (from the cache where it was read before)")

        def part(name: str) -> Any:
            command = [sys.executable, __file__, "--part", name, "--folder", str(folder)]
            command += ["--rows", str(options.rows), "--rounds", str(options.rounds)]
            return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

        base = part("idle")
        found = part("measure")
        report(found["times"], found["memory"], base)


if __name__ == "__main__":
    main()
