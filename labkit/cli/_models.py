"""``labkit models``."""

from __future__ import annotations

import argparse

from labkit.cli import _terminal as terminal
from labkit.cli._options import TASK


def models(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from labkit import models

    if options.name:
        card = models.find(options.name)
        if options.json:
            terminal.answer(asdict(card))
        else:
            terminal.print_card(asdict(card))
        return 0
    if options.data:
        from labkit import data, tasks

        task = tasks.get(options.task or TASK)
        ranked = models.recommend(
            task.id,
            data.read(options.data, layout=task.layout, require_label=False),
            language=options.language,
            minutes=options.minutes,
            offline=options.offline,
        )
        if options.json:
            terminal.answer([r.to_dict() for r in ranked])
            return 0
        for i, r in enumerate(ranked[:8], 1):
            print(f"{i}. {r.card.name}: {'; '.join(r.reasons[:-1])}. {r.reasons[-1]}")
        if not ranked:
            print(f"No model of the catalogue for {task.id} is on this machine.")
        starters = models.able_starters(task.head, task.id)
        if starters:
            print(f"\nUntrained, made on this machine from your texts, to try the task out: {', '.join(starters)}")
        return 0
    here = set(models.available_offline())
    cards = [
        c for c in models.catalogue(task=options.task) if not options.offline or c.name in here or c.hub_id in here
    ]
    if options.json:
        terminal.answer([{**asdict(c), "offline": c.name in here or c.hub_id in here} for c in cards])
        return 0
    rows = [("name", "family", "parameters", "on disk", "input", "languages", "licence", "here")]
    for c in cards:
        have = "yes" if c.name in here or c.hub_id in here else "" if c.safetensors else "no safetensors"
        rows.append(
            (
                c.name,
                c.family,
                f"{c.parameters_m:.0f} M",
                f"{c.disk_mb:.0f} MB",
                str(c.max_tokens or "any"),
                ",".join(c.languages)[:12],
                c.licence,
                have,
            )
        )
    terminal.table(rows)
    print(
        "\nNot to be had: "
        + "; ".join(f"{m.name} (instead: {', '.join(m.alternatives[:2])})" for m in models.unavailable())
    )
    print("labkit models NAME shows one; labkit models --for DATA ranks them for your data and this machine.")
    return 0
