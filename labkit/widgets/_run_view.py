"""A run as a screen needs it: its events followed in a thread, its state in plain values, its curves thinned for drawing.

Nothing here knows a widget: the numbers go to the browser, to the static face and to the tests alike.
"""

from __future__ import annotations

import html
import math
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

from labkit import events as log
from labkit.errors import LabError
from labkit.evaluation import TITLES
from labkit.evaluation._scales import best_possible, higher_is_better, written
from labkit.events import Evaluated, Event, Note, RunEnded, RunStarted, StepLogged, in_force
from labkit.tasks import TASKS
from labkit.training import Job, Recipe, Run, diagnose

MOST_POINTS = 400
LOSSES = ("loss", "log_loss")
_LOG_BYTES = 32_000
_LOG_LINES = 200
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
Point = tuple[float, float]
Watched = TypeVar("Watched", Run, Job)


class Tail(Generic[Watched]):
    """Follows the directory of a run, or of a job, from a thread of its own, and says when there is something new.

    Args:
        run: the run or job.
        tell: called with whether events came since the last call: once at once, then from the thread while the run is
            being worked on, and a last time when it is over.
        poll: seconds between looks.
    """

    def __init__(self, run: Watched, tell: Callable[[bool], None], *, poll: float = 0.5) -> None:
        self.run: Watched = run
        self.tell, self.poll = tell, poll
        self.events: list[Event] = []
        self.status: str = run.status
        self._offset = 0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look once, here and now; go on in a thread where a process works on the run."""
        self._look()
        if self.status == "running":
            self._thread = threading.Thread(target=self._follow, name="labkit-tail", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._over.set()

    @property
    def alive(self) -> bool:
        """Whether the thread is looking."""
        return self._thread is not None and self._thread.is_alive() and not self._over.is_set()

    def _follow(self) -> None:
        while not self._over.wait(self.poll):
            self._look()
            if self.status != "running":
                return

    def _look(self) -> None:
        status = self.run.status  # before the events: its last word must not be missed
        path = self.run.directory / "events.jsonl"
        if path.is_file() and path.stat().st_size < self._offset:
            self.events, self._offset = [], 0  # another file took its place
        before = len(self.events)
        for event, behind in log.follow(path, self._offset):
            self.events.append(event)
            self._offset = behind
        self.status = status
        if not self._over.is_set():
            self.tell(len(self.events) != before)


def state(run: Run, events: Sequence[Event], status: str) -> dict[str, Any]:
    """Where a run stands, as plain values.

    Returns:
        The name and what is trained, ``step`` of ``steps``, ``epoch`` of ``epochs``, ``seconds_left``, ``elapsed`` in
        seconds, ``tokens_per_second``, ``memory_mb``, the ``phase`` in words, whether it is ``stopping``, and the
        ``error`` of a run that failed.
    """
    happened = in_force(events)
    began = next((e for e in reversed(happened) if isinstance(e, RunStarted)), None)
    step = next((e for e in reversed(happened) if isinstance(e, StepLogged)), None)
    ended = next((e for e in reversed(events) if isinstance(e, RunEnded)), None)
    running = status == "running"
    # what the present process has said; a resumed run is silent at first
    last_end = max((i for i, e in enumerate(events) if isinstance(e, RunEnded)), default=-1)
    now = events[last_end + 1 :] if running else events
    fresh = running and any(isinstance(e, StepLogged) for e in now)
    left = step.seconds_left if step and fresh else None
    try:
        recipe: Recipe | None = run.recipe
    except LabError:
        recipe = None
    # trained to the end: what comes then are the evaluation and the model card, or another try at them
    trained = bool(began and step and step.step >= began.steps)
    return {
        "name": run.directory.name,
        "model": short_name(recipe.model.name) if recipe else "",
        "data": short_name(recipe.data.train) if recipe else "",
        "seed": recipe.seed if recipe else 0,
        "rows": dict(began.rows) if began else {},
        "precision": began.precision if began else "",
        "learning_rate": recipe.optimizer.learning_rate if recipe else 0.0,
        "batch_size": recipe.optimizer.batch_size if recipe else 0,
        "step": step.step if step else (began.from_step if began else 0),
        "steps": began.steps if began else 0,
        "epoch": _short(step.epoch) if step else 0.0,
        "epochs": began.epochs if began else (recipe.budget.epochs if recipe else 0.0),
        "seconds_left": None
        if left is None or trained
        else round(max(0.0, left - (time.time() - step.time)), 1)
        if step
        else None,
        "elapsed": round(_elapsed(events, running), 1),
        "tokens_per_second": _short(_recent(happened, "tokens_per_second")),
        "memory_mb": _short(step.memory_mb) if step else None,
        "phase": _phase(now) if running else "",
        "stopping": running and (run.directory / "stop").exists(),
        "error": ended.error if status == "failed" and ended else run.error if status == "interrupted" else "",
        "resumable": status in ("stopped", "failed", "interrupted"),
    }


def curves(recipe: Recipe | None, events: Sequence[Event], metric: str = "") -> dict[str, Any]:
    """The curves of a run, at most 400 points each, as ``[step, value]`` pairs.

    Args:
        recipe: the run's recipe, which names the metric that chooses the best checkpoint.
        events: of the run.
        metric: the metric wanted; that of the recipe when empty or when the run has no such metric.
    """
    happened = in_force(events)
    steps = [e for e in happened if isinstance(e, StepLogged)]
    checks = [e for e in happened if isinstance(e, Evaluated) and e.split == "validation"]
    began = next((e for e in reversed(happened) if isinstance(e, RunStarted)), None)
    measured = list(dict.fromkeys(name for e in checks for name in e.metrics))
    task = TASKS.get(recipe.task) if recipe else None
    # the loss has a chart of its own: it is shown here only where a person asks for it
    others = [name for name in measured if name not in LOSSES]
    named = (recipe.evaluation.metric if recipe else "", task.metric if task else "")
    wanted = (metric, *(name for name in named if name in others))
    chosen = next((name for name in wanted if name in measured), others[0] if others else "")
    loss = next((name for name in LOSSES if name in measured), "")
    training = [(float(e.step), e.loss) for e in steps if finite(e.loss)]
    best = next((e for e in reversed(checks) if e.best), None)
    series = _series(checks, chosen)
    end = max([began.steps if began else 0, *(e.step for e in steps), *(e.step for e in checks)], default=0)
    return {
        "steps": end,
        "epochs": began.epochs if began else 0.0,
        "training": _plain(thin(training)),
        "smooth": _plain(thin(smooth(training))),
        "validation": _plain(thin(_series(checks, loss))),
        "metric": _plain(thin(series)),
        "rate": _plain(thin([(float(e.step), e.learning_rate) for e in steps if finite(e.learning_rate)])),
        "best": best.step if best else None,
        "chosen": chosen,
        "title": title(chosen),
        "higher": higher_is_better(chosen) if task is None else task.metrics.get(chosen, higher_is_better(chosen)),
        "top": best_possible(chosen),
        "digits": digits(chosen, [value for _, value in series]),
        "choices": [[name, title(name)] for name in measured],
    }


def findings(events: Sequence[Event], recipe: Recipe | None = None) -> list[dict[str, Any]]:
    """What ``labkit.training.diagnose`` sees, as plain values.

    Args:
        events: of the run.
        recipe: of the run, which says what is trained and what is tried already.
    """
    return [{**asdict(found), "changes": dict(found.changes)} for found in diagnose(events, recipe)]


def results(run: Run) -> dict[str, Any]:
    """The final scores with their intervals beside the baselines, of the split that counts; empty where there are none."""
    try:
        found = run.evaluations
    except LabError as error:
        return {"error": str(error)} if run.status == "completed" else {}
    if not found:
        return {}
    split = "test" if "test" in found else "validation"
    evaluation = found[split]
    names = list(evaluation.baselines)
    rows = []
    for name, estimate in evaluation.headline.items():
        beside = [evaluation.baselines[other].b.get(name) for other in names]
        reach = [estimate.value, estimate.low, estimate.high, *(b.value for b in beside if b is not None)]
        values = [value for value in reach if value is not None]
        end = best_possible(name)
        inside = end is not None and higher_is_better(name) and all(0 <= value <= end for value in values)
        rows.append(
            {
                "name": name,
                "title": title(name),
                "value": estimate.value,
                "higher": higher_is_better(name),
                "top": end if inside and name != "mcc" else None,
                "digits": digits(name, values),
                "low": estimate.low,
                "high": estimate.high,
                "baselines": [None if b is None else b.value for b in beside],
            }
        )
    return {
        "split": split,
        "n": evaluation.n,
        "classes": len(evaluation.labels),
        "confidence": evaluation.confidence,
        "rows": rows,
        "baselines": names,
        "sentences": [str(comparison) for comparison in evaluation.baselines.values()],
        "notes": list(evaluation.notes),
    }


def log_tail(run: Run, events: Sequence[Event]) -> str:
    """What the run has said, and below it the end of what its process has printed."""
    lines = []
    for event in events:
        said = _said(event)
        if said:
            lines.append(f"{time.strftime('%H:%M:%S', time.localtime(event.time))}  {said}")
    lines = lines[-_LOG_LINES:]
    path = run.directory / "log.txt"
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_BYTES))
            printed = file.read().decode("utf-8", "replace")
    except OSError:
        printed = ""
    # a progress bar rewrites its line: only what stands there last
    tail = [line.rstrip("\r").rpartition("\r")[2] for line in _ANSI.sub("", printed).split("\n")]
    tail = [line for line in tail if line.strip()][-_LOG_LINES:]
    return "\n".join([*lines, *(["", "log.txt:", *tail] if tail else [])])


# -- curves ------------------------------------------------------------------------------------------------------------------


def thin(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most ``most`` of the points, chosen so that the line looks the same.

    Largest-Triangle-Three-Buckets (Steinarsson 2013, Downsampling time series for visual representation): first and last
    point stay, and of each bucket between them the point that spans the largest triangle with its neighbours, so that
    peaks are kept.

    Args:
        points: (x, y) with finite numbers, in the order of x.
        most: at least 3.
    """
    n = len(points)
    if n <= most:
        return list(points)
    width = (n - 2) / (most - 2)
    kept = [points[0]]
    for bucket in range(most - 2):
        start, end = int(bucket * width) + 1, int((bucket + 1) * width) + 1
        following = points[end : max(int((bucket + 2) * width) + 1, end + 1)]
        cx = sum(x for x, _ in following) / len(following)
        cy = sum(y for _, y in following) / len(following)
        ax, ay = kept[-1]
        kept.append(max(points[start:end], key=lambda p: abs((ax - cx) * (p[1] - ay) - (ax - p[0]) * (cy - ay))))
    kept.append(points[-1])
    return kept


def smooth(points: Sequence[Point], share: float = 0.04) -> list[Point]:
    """Exponential moving average whose weights add up to 1 from the first point on.

    Args:
        points: (x, y), in the order of x.
        share: of all points, over which the average mainly reaches.
    """
    keep = 1 - 1 / max(2.0, share * len(points))
    total = weight = 0.0
    result = []
    for x, y in points:
        total, weight = keep * total + y, keep * weight + 1
        result.append((x, total / weight))
    return result


def finite(value: Any) -> bool:
    """Whether it is a number that can be drawn; the log has null for those that are not."""
    return isinstance(value, int | float) and math.isfinite(value)


def digits(metric: str, values: Sequence[float]) -> int:
    """Digits behind the point with which a figure is read: as ``labkit.charts`` writes it."""
    return len(written(metric, max((abs(v) for v in values), default=0.0)).partition(".")[2])


def short_name(name: str) -> str:
    """A path as a person calls it: its last two parts; other names as they are."""
    parts = Path(name).parts
    return name if len(parts) <= 2 and not name.startswith(("/", "~")) else "/".join(parts[-2:])


def title(metric: str) -> str:
    """What a metric is called in reports."""
    return TITLES.get(metric, metric.replace("_", " ").capitalize())


def svg(found: dict[str, Any], *, width: int = 300, height: int = 130) -> str:
    """The curves as small inline pictures in HTML, in colours that hold on light and dark pages."""
    loss = [("#797979", found["smooth"]), ("#D55E00", found["validation"])]
    metric = [("#0072B2", found["metric"])]
    pictures = [("Loss: training grey, validation orange", loss)]
    pictures += [(found["title"] + ("" if found["higher"] else " (lower is better)"), metric)]
    end = max(1, found["steps"])
    parts = [_picture(name, series, end, found["best"], width, height) for name, series in pictures]
    return f'<div style="display:flex;flex-wrap:wrap;gap:16px">{"".join(part for part in parts if part)}</div>'


def _picture(caption: str, series: Sequence[Any], end: float, best: int | None, width: int, height: int) -> str:
    values = [y for _, points in series for _, y in points]
    if not values:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or abs(high) or 1.0
    left, top, right, bottom = 44, 8, width - 6, height - 18

    def at(x: float, y: float) -> str:
        return f"{left + (right - left) * x / end:.1f},{bottom - (bottom - top) * (y - low) / span:.1f}"

    lines = []
    for colour, points in series:
        corners = " ".join(at(x, y) for x, y in points)
        lines.append(f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        if len(points) == 1:
            x, y = at(*points[0]).split(",")
            lines.append(f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>')
    if best is not None:
        x = at(best, low).split(",")[0]
        lines.append(f'<line x1="{x}" x2="{x}" y1="{top}" y2="{bottom}" stroke="#797979" stroke-dasharray="2 3"/>')
    texts = [(left - 6, top + 8, "end", f"{high:.3g}"), (left - 6, bottom, "end", f"{low:.3g}")]
    texts += [(left, height - 4, "start", "0"), (right, height - 4, "end", f"step {end:,.0f}")]
    words = "".join(f'<text x="{x}" y="{y}" text-anchor="{a}">{html.escape(t)}</text>' for x, y, a, t in texts)
    name = html.escape(caption)
    return (
        f'<figure style="margin:0"><figcaption style="font-size:12px;opacity:.8">{name}</figcaption>'
        f'<svg role="img" aria-label="{name}" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-size="10" fill="#797979"><path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#797979" '
        f'stroke-opacity=".5"/>{"".join(lines)}{words}</svg></figure>'
    )


# -- small parts ---------------------------------------------------------------------------------------------------------------


def _series(checks: Sequence[Evaluated], name: str) -> list[Point]:
    return [(float(e.step), float(e.metrics[name])) for e in checks if finite(e.metrics.get(name))]


def _plain(points: Sequence[Point]) -> list[list[float]]:
    return [[int(x), float(f"{y:.5g}")] for x, y in points]


def _short(value: float | None) -> float | None:
    return float(f"{value:.4g}") if value is not None and finite(value) else None


def _recent(happened: Sequence[Event], name: str, most: int = 10) -> float | None:
    """Median of the last few values: one step says little."""
    found: list[float] = []
    for event in reversed(happened):
        value = getattr(event, name, None)
        if value is not None and finite(value):
            found.append(value)
        if len(found) == most:
            break
    return sorted(found)[len(found) // 2] if found else None


def _elapsed(events: Sequence[Event], running: bool) -> float:
    """Seconds in which a process worked on the run, whether it said goodbye or not."""
    total, began, last = 0.0, None, None
    for event in events:
        if (
            isinstance(event, Note)
            and event.text.startswith("Reading the data")
            and began is not None
            and last is not None
        ):
            total, began = total + last - began, None  # the one before was killed
        if isinstance(event, RunEnded):
            total, began = total + event.seconds, None
            continue
        began = event.time if began is None else began
        last = event.time
    if began is not None and last is not None:
        total += (time.time() if running else last) - began
    return total


def _phase(now: Sequence[Event]) -> str:
    for event in reversed(now):
        if isinstance(event, Note):
            return event.text
        if isinstance(event, Evaluated | StepLogged | RunStarted):
            return "Training."
    return "Starting: the process loads its libraries."


def _said(event: Event) -> str:
    if isinstance(event, Note):
        return event.text
    if isinstance(event, RunStarted):
        resumed = f", from step {event.from_step:,}" if event.from_step else ""
        trains = f" What is trained: {event.trains}." if event.trains else ""
        return f"Training {event.model} for {event.steps:,} steps in {event.precision}{resumed}.{trains}"
    if isinstance(event, Evaluated):
        figures = ", ".join(f"{name} {written(name, value)}" for name, value in event.metrics.items() if finite(value))
        return f"Epoch {event.epoch:.1f}, {event.split}: {figures}{' (best so far)' if event.best else ''}"
    if isinstance(event, RunEnded):
        return f"Ended: {event.status} after {event.seconds:.0f} s. {event.error}".rstrip()
    return ""
