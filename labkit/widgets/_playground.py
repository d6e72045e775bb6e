"""A fine-tuned model to play with: texts in, probabilities or marked entities out; variants pinned side by side."""

from __future__ import annotations

import html
import json
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import traitlets

from labkit._places import writable
from labkit.errors import LabError
from labkit.training import Run
from labkit.widgets._run_rows import layout_of
from labkit.widgets._span_faces import html_table, marked_html
from labkit.widgets._widget import LabWidget, command, shown, table

if TYPE_CHECKING:
    from labkit.tasks import Predictions, SpanPredictions
    from labkit.training import Predictor

MOST_TEXTS = 1000
"""Texts of one call; of more, files are for."""
MOST_CHARACTERS = 1_000_000
FILE = "playground.json"
"""Where a run directory keeps the pinned texts."""


class Playground(LabWidget):
    """Type or paste texts and see what a run's model says; pin variants and compare them; two models side by side.

    The model is loaded at the first prediction. Pinned texts are kept in the run directory, in ``playground.json``, so that
    they are there again in a fresh kernel.

    Args:
        run: a run or its directory.
        compare: another run, whose model answers beside the first.
        examples: texts to start from.
        keep: whether pinned texts are kept in the run directory.
        traits: ``text``, the text that is typed; ``second``, for models of pairs; ``lines``, whether each line is a text.

    Raises:
        RunError: no such run, or one without a model.
        LabError: an unknown keyword; a run of a task whose answers are not shown here; two runs of different tasks.
    """

    stem: ClassVar[str] = "playground"
    by_hand: ClassVar[tuple[str, ...]] = ("text", "second", "lines")

    text = traitlets.Unicode("", help="The text that is typed.").tag(sync=True)
    second = traitlets.Unicode("", help="The second text, for models of pairs.").tag(sync=True)
    lines = traitlets.Bool(False, help="Whether each line is a text of its own.").tag(sync=True)
    pins: traitlets.List[Any] = traitlets.List(help="Pinned texts with what the models said.").tag(sync=True)
    examples = traitlets.List(traitlets.Unicode(), help="Texts to start from.").tag(sync=True)
    models: traitlets.List[Any] = traitlets.List(
        help="Name and labels of each model; labels are known once it is loaded."
    ).tag(sync=True)
    paired = traitlets.Bool(False, help="Whether the model takes pairs of texts.").tag(sync=True)
    spans = traitlets.Bool(False, help="Whether the model marks spans in the texts.").tag(sync=True)
    state = traitlets.Enum(("idle", "loading", "ready"), "idle", help="Whether the models are loaded.").tag(sync=True)

    def __init__(
        self,
        run: Run | str | os.PathLike[str],
        *,
        compare: Run | str | os.PathLike[str] | None = None,
        examples: Sequence[str] = (),
        keep: bool = True,
        **traits: Any,
    ) -> None:
        given = [run] if compare is None else [run, compare]
        self._runs = [one if isinstance(one, Run) else Run(one) for one in given]
        for one in self._runs:
            _ = one.model_folder  # a run without a model is refused here
        layouts = [layout_of(one) for one in self._runs]
        if len(set(layouts)) > 1:
            tasks = " and ".join(one.recipe.task for one in self._runs)
            raise LabError("two runs of one task", tasks, "give each a playground of its own")
        self._predictors: list[Predictor] = []
        self._file = self._runs[0].directory / FILE if keep else None
        names = [one.directory.name for one in self._runs]
        paired = bool(self._runs[0].recipe.data.text_pair)
        known = [{"name": name, "labels": []} for name in names]
        spans = layouts[0] == "spans"
        super().__init__(examples=list(examples), models=known, paired=paired, spans=spans, **traits)
        if "pins" not in traits:
            self._recall()
        self.observe(self.refresh_code, names=["text", "second", "lines", "pins"])
        self.refresh_code()

    def _kept_of(self) -> str:
        return " ".join(str(run.directory.absolute()) for run in self._runs)

    # -- what the buttons do --------------------------------------------------------------------------------------------------

    @command
    def predict(self, texts: str | Sequence[str], seconds: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """What the models say of texts.

        Args:
            texts: one, or up to 1,000.
            seconds: the second text of each, for models of pairs.

        Returns:
            For each text "text", "second", "tokens" (what the first model's tokenizer makes of it, special ones
            included), "limit" (how many of them the model reads; a tagger reads more in overlapping windows of as many),
            and "models": for each model "labels" (those that it decides for), "confidence" (of the decision; with several
            labels, of the least sure one) and "probabilities", in the order of ``models[i]["labels"]``. Of models for
            token-classification "spans" instead: "start" and "end" in characters, "label" and "confidence" of each
            entity found, in the order of the text.

        Raises:
            DataError: something is no text.
            LabError: too many texts, or too long ones.
            RunError: the model is damaged.
        """
        listed = [texts] if isinstance(texts, str) else list(texts)
        if len(listed) > MOST_TEXTS or sum(len(text) for text in listed if isinstance(text, str)) > MOST_CHARACTERS:
            came = f"{len(listed):,} texts of {sum(len(str(text)) for text in listed):,} characters"
            do = "write them into a file for: labkit predict RUN FILE"
            raise LabError(f"at most {MOST_TEXTS:,} texts of {MOST_CHARACTERS:,} characters in all", came, do)
        self._load()
        pairs = None
        if self.paired:
            pairs = [*(seconds or ()), *[""] * len(listed)][: len(listed)]
        said = [predictor(listed, pairs=pairs) for predictor in self._predictors]
        first = self._predictors[0]
        results = []
        for i, text in enumerate(listed):
            second = pairs[i] if pairs else ""
            ids = first.tokenizer(text, second if pairs else None, truncation=False, verbose=False)["input_ids"]
            answers = [_spans_said(one, i) if self.spans else _labels_said(one, i) for one in said]
            results.append(
                {"text": text, "second": second, "tokens": len(ids), "limit": first.max_length, "models": answers}
            )
        return results

    @command
    def pin(self, text: str | None = None, second: str = "") -> int:
        """Pin a text with what the models say of it.

        Args:
            text: None: what is typed.
            second: the second text, for models of pairs.

        Returns:
            Its place among the pins, from 0. A text that is pinned already keeps its place, so that a cell can run again.
        """
        text, second = (self.text, self.second) if text is None else (text, second)
        if not text.strip():
            raise LabError("a text to pin", "an empty one", "type one first")
        for i, pinned in enumerate(self.pins):
            if (pinned["text"], pinned["second"]) == (text, second):
                return i
        self._keep([*self.pins, self.predict([text], [second])[0]])
        return len(self.pins) - 1

    @command
    def edit(self, i: int, text: str, second: str | None = None) -> None:
        """Change a pinned text; the models answer anew."""
        old = self._pin(i)
        new = self.predict([text], [old["second"] if second is None else second])[0]
        self._keep([*self.pins[:i], new, *self.pins[i + 1 :]])

    @command
    def unpin(self, i: int | None = None) -> None:
        """Take a pin away, or all of them."""
        if i is None:
            self._keep([])
        else:
            self._pin(i)
            self._keep([*self.pins[:i], *self.pins[i + 1 :]])

    # -- inside ---------------------------------------------------------------------------------------------------------------

    def _pin(self, i: int) -> dict[str, Any]:
        if not 0 <= i < len(self.pins):
            raise LabError(f"a pin from 0 to {len(self.pins) - 1}" if self.pins else "a pin", str(i))
        pinned: dict[str, Any] = self.pins[i]
        return pinned

    def _load(self) -> None:
        if self._predictors:
            return
        from labkit.training import Predictor

        self.state = "loading"
        try:
            self._predictors = [Predictor.load(run) for run in self._runs]
        except Exception:
            self.state = "idle"
            raise
        self.models = [
            {"name": run.directory.name, "labels": list(predictor.labels)}
            for run, predictor in zip(self._runs, self._predictors, strict=True)
        ]
        self.state = "ready"

    @property
    def _key(self) -> str:
        """Pins of one run alone and of it beside another are kept apart."""
        return str(self._runs[1].directory) if len(self._runs) > 1 else ""

    @shown
    def _recall(self) -> None:
        stored = _stored(self._file).get(self._key)
        if stored:
            self.models = [
                {"name": run.directory.name, "labels": labels}
                for run, labels in zip(self._runs, stored["labels"], strict=True)
            ]
            self.pins = stored["pins"]

    def _keep(self, pins: list[dict[str, Any]]) -> None:
        self.pins = pins
        if self._file is None:
            return
        labels = [model["labels"] for model in self.models]
        content = {**_stored(self._file), self._key: {"labels": labels, "pins": pins}}
        partial = self._file.with_name(f"{self._file.name}.{uuid.uuid4().hex[:8]}.partial")
        try:
            with writable(f"the pinned texts in {self._file}"):
                partial.write_text(json.dumps(content, indent=1), "utf-8")
                partial.replace(self._file)
        except LabError as error:
            self.error = f"{error} They are kept in this notebook only."

    def cell(self) -> str:
        given = [repr(str(self._runs[0].directory))]
        if len(self._runs) > 1:
            given.append(f"compare={str(self._runs[1].directory)!r}")
        given += [f"{name}={getattr(self, name)!r}" for name in ("text", "second", "lines") if getattr(self, name)]
        if self._file is None:
            given.append("keep=False")
        lines = ["from labkit.widgets import Playground", "", f"play = Playground({', '.join(given)})"]
        if self._file is None:
            pairs = [[pin["text"], pin["second"]] if pin["second"] else [pin["text"]] for pin in self.pins]
            lines += [f"play.pin({', '.join(map(repr, pair))})" for pair in pairs]
        return "\n".join([*lines, "play"])

    def face(self) -> str:
        names = [str(model["name"]) for model in self.models]
        head = f"<h4>Playground: {html.escape(' beside '.join(names))}</h4>"
        if not self.pins:
            return f"{head}<p class=quiet>Run the cell to type texts and see what the model says.</p>"
        if self.spans:
            labels = list(dict.fromkeys(label for model in self.models for label in model["labels"]))
            marks = [[marked_html(pin["text"], said["spans"], labels) for said in pin["models"]] for pin in self.pins]
            return head + html_table(names, marks)
        rows = [
            [
                f"{pin['text']}\n{pin['second']}".strip()[:200],
                *(f"{', '.join(said['labels'])} ({100 * said['confidence']:.0f} %)" for said in pin["models"]),
            ]
            for pin in self.pins
        ]
        return head + table(["pinned text", *names], rows)


def _labels_said(predictions: Predictions, i: int) -> dict[str, Any]:
    p, decided = predictions.probabilities[i], predictions.names(predictions.predicted[[i]])[0]
    sure = float(np.maximum(p, 1 - p).min() if predictions.multi_label else p.max())
    chosen = decided if isinstance(decided, list) else [str(decided)]
    return {"labels": chosen, "confidence": sure, "probabilities": [round(float(x), 5) for x in p]}


def _spans_said(predictions: SpanPredictions, i: int) -> dict[str, Any]:
    found = zip(predictions.predicted[i], predictions.confidence[i], strict=True)
    return {"spans": [{**span._asdict(), "confidence": round(sure, 5)} for span, sure in sorted(found)]}


def _stored(file: Path | None) -> dict[str, Any]:
    """What was kept; nothing where there is no file, or one that is damaged or of another version."""
    if file is None or not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    good = isinstance(content, dict) and all(
        isinstance(entry, dict) and isinstance(entry.get("pins"), list) and isinstance(entry.get("labels"), list)
        for entry in content.values()
    )
    return content if good else {}
