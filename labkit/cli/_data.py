"""``labkit check`` and ``labkit labels``."""

from __future__ import annotations

import argparse

from labkit.cli import _terminal as terminal
from labkit.cli._options import as_options, read_arguments


def check(options: argparse.Namespace) -> int:
    from labkit import data, models, tasks

    corpus = data.read(
        options.data,
        layout=tasks.get(options.task).layout,
        scores=options.scores,
        require_label=not options.labels,
        **read_arguments(options),
    )
    for reason in corpus.reasons:
        terminal.say(f"  {as_options(reason if len(reason) < 1000 else f'{reason[:1000]}…')}")
    if options.labels:
        corpus = data.apply(corpus, options.labels)
        terminal.say(f"  {corpus.steps[-1].text}")
    report = data.check(corpus, models.load_tokenizer(options.model))
    if options.json:
        print(report.json())
    else:
        print(report)
    return 0


def labels(options: argparse.Namespace) -> int:
    from labkit import data

    journals = [data.merge_journals(options.files, options.merge)] if options.merge else options.files
    summary = data.label_summary(*journals)
    if options.json:
        terminal.answer({"merged": options.merge or "", **summary.to_dict()})
    else:
        print(summary)
    return 0
