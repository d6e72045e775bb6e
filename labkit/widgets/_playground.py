"""A fine-tuned model to play with: a text in, what the model makes of it out; variants pinned side by side."""

from __future__ import annotations

import html
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from labkit._places import writable
from labkit.errors import LabError, UnknownName
from labkit.tasks.fill_mask import filled_in, masks_in
from labkit.training import Run
from labkit.widgets._playground_faces import FACES
from labkit.widgets._playground_views import VIEWS, as_recipe, asked_for, from_scratch, read_by, said, view_of
from labkit.widgets._run_rows import layout_of
from labkit.widgets._widget import LabWidget, command, shown

if TYPE_CHECKING:
    from labkit.training import Predictor

MOST_TEXTS = 1000
"""Texts of one call; of more, files are for."""
MOST_WRITTEN = 100
"""Texts of one call that a model writes."""
MOST_CHARACTERS = 1_000_000
FILE = "playground.json"
"""Where a run directory keeps the pinned texts."""
SETTINGS = ("max_new_tokens", "beams", "samples", "temperature", "top_p", "seed")
"""What can be set for a model that writes, as in ``Predictor.write``."""


class Playground(LabWidget):
    """Type or paste texts and see what a run's model says; pin variants and compare them; two models side by side.

    A classifier gives probabilities (or a score), a tagger marks entities, a model that answers questions marks the answer in
    its context, a model that writes writes, and a masked language model names what may stand in the place of a mask. The model
    is loaded at the first prediction. Pinned texts are kept in the run directory, in ``playground.json``, so that they are
    there again in a fresh kernel.

    Args:
        run: a run or its directory.
        compare: another run, whose model answers beside the first.
        examples: texts to start from.
        keep: whether pinned texts are kept in the run directory.
        traits: ``text``, the text that is typed: a question, a prompt, a source; ``second``, for models of pairs, and the
            context of questions; ``lines``, whether each line is a text (of questions: over one context); ``writing``, how a
            model writes, as keywords of ``Predictor.write``.

    Raises:
        RunError: no such run, or one without a model.
        LabError: an unknown keyword; two runs of different tasks; settings for writing that cannot work.
    """

    stem: ClassVar[str] = "playground"
    by_hand: ClassVar[tuple[str, ...]] = ("text", "second", "lines", "writing")

    text = traitlets.Unicode("", help="The text that is typed.").tag(sync=True)
    second = traitlets.Unicode("", help="The second text, for models of pairs; the context of questions.").tag(
        sync=True
    )
    lines = traitlets.Bool(False, help="Whether each line is a text of its own.").tag(sync=True)
    writing: traitlets.Dict[Any, Any] = traitlets.Dict(
        help="How a model writes, where it is not as its recipe says."
    ).tag(sync=True)
    pins: traitlets.List[Any] = traitlets.List(help="Pinned texts with what the models said.").tag(sync=True)
    examples = traitlets.List(traitlets.Unicode(), help="Texts to start from.").tag(sync=True)
    models: traitlets.List[Any] = traitlets.List(
        help="Of each model its name, from how many rows it learnt if it was not pretrained, and its labels once it is loaded."
    ).tag(sync=True)
    view = traitlets.Enum(VIEWS, "labels", help="What the models say, and so how it is shown.").tag(sync=True)
    asks = traitlets.Unicode("Text", help="What the text that is typed is to the model.").tag(sync=True)
    paired = traitlets.Bool(False, help="Whether the model takes pairs of texts.").tag(sync=True)
    usual: traitlets.Dict[Any, Any] = traitlets.Dict(help="How the first model writes unless told otherwise.").tag(
        sync=True
    )
    mask = traitlets.Unicode("[MASK]", help="What stands for a mask in a text.").tag(sync=True)
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
        if len({(layout_of(one), view_of(one)) for one in self._runs}) > 1:
            tasks = " and ".join(one.recipe.task for one in self._runs)
            raise LabError("two runs of one task", tasks, "give each a playground of its own")
        self._predictors: list[Predictor] = []
        self._last: tuple[str, list[dict[str, Any]]] = ("", [])
        self._file = self._runs[0].directory / FILE if keep else None
        first, view = self._runs[0], view_of(self._runs[0])
        if view == "written":
            _settings(traits.get("writing", {}))
        elif traits.get("writing"):
            do = "leave writing= out"
            raise LabError("a run whose model writes texts", f"one for {first.recipe.task}", do)
        paired = view == "answers" or bool(first.recipe.data.text_pair)
        known: list[dict[str, Any]] = [
            {"name": one.directory.name, "labels": [], "scratch": from_scratch(one)} for one in self._runs
        ]
        super().__init__(
            examples=list(examples),
            models=known,
            view=view,
            asks=asked_for(first, view, paired),
            paired=paired,
            usual=as_recipe(first) if view == "written" else {},
            **traits,
        )
        if "pins" not in traits:
            self._recall()
        self.observe(self.refresh_code, names=[*self.by_hand, "pins"])
        self.refresh_code()

    def _kept_of(self) -> str:
        return " ".join(str(run.directory.absolute()) for run in self._runs)

    # -- what the buttons do --------------------------------------------------------------------------------------------------

    @command
    def predict(
        self,
        texts: str | Sequence[str],
        seconds: str | Sequence[str] | None = None,
        writing: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """What the models say of texts.

        Args:
            texts: one, or up to 1,000; of models that write up to 100.
            seconds: the second text of each, for models of pairs; the context of each question. One text is that of all.
            writing: how to write, as keywords of ``Predictor.write``; None: as in ``self.writing``.

        Returns:
            For each text "text", "second", "tokens" (what the first model's tokenizer makes of it, special ones
            included), "limit" (how many of them the model reads; taggers and models that answer read more in overlapping
            windows of as many), "note" (what was not read), "writing", "masks" (where they begin and end, for fill-mask),
            and "models": for each model what depends on ``view``:

            - "labels": "labels" (those that it decides for), "confidence" (of the decision; with several labels, of the least
              sure one) and "probabilities", in the order of ``models[i]["labels"]``.
            - "scores": "score", of models for regression.
            - "spans": "spans": "start" and "end" in characters, "label" and "confidence" of each entity, in order.
            - "answers": "answer" ("start", "end", "text"; None for "no answer"), its "confidence", "alternatives" with
              their "confidence", and "none", the probability of "no answer", None where the model never says so. It says so
              where "gap", by how much "no answer" scores more than the best stretch, is above "threshold".
            - "written": "texts" ("text", "tokens", "confidence", "ended"), "read" (what the model was given), "seconds" and
              "how" it was written.
            - "masks": "fillers" of each mask ("token", "probability"), and "filled", the text with the best ones.

        Raises:
            DataError: something is no text.
            LabError: too many texts, or too long ones; a question without a context; settings that cannot work.
            RunError: the model is damaged.
        """
        listed = [texts] if isinstance(texts, str) else list(texts)
        pairs = [seconds] * len(listed) if isinstance(seconds, str) else [*(seconds or ()), *[""] * len(listed)]
        pairs = pairs[: len(listed)] if self.paired else []
        how = _settings(self.writing if writing is None else writing) if self.view == "written" else {}
        self._measure(listed, pairs, how)
        key = json.dumps([listed, pairs, how], default=str)
        if key == self._last[0]:
            return self._last[1]
        self._load()
        each = [said(self.view, one, listed, pairs if self.paired else None, how) for one in self._predictors]
        results = []
        for i, text in enumerate(listed):
            second = pairs[i] if self.paired else ""
            read = read_by(self._predictors[0], self.view, text, second if self.paired else None)
            notes = dict.fromkeys([read["note"], *(answer.pop("note", "") for answer in (one[i] for one in each))])
            more: dict[str, Any] = {"writing": how} if how else {}
            if self.view == "masks":
                more["masks"] = [list(place) for place in masks_in(text, self.mask)]
            results.append(
                {
                    "text": text,
                    "second": second,
                    **read,
                    "note": " ".join(note for note in notes if note),
                    **more,
                    "models": [one[i] for one in each],
                }
            )
        self._last = (key, results)
        return results

    @command
    def pin(self, text: str | None = None, second: str = "", writing: Mapping[str, Any] | None = None) -> int:
        """Pin a text with what the models say of it.

        Args:
            text: None: what is typed.
            second: the second text, for models of pairs; the context of a question.
            writing: how to write, as keywords of ``Predictor.write``; None: as in ``self.writing``.

        Returns:
            Its place among the pins, from 0. A text that is pinned already, and written in the same way, keeps its place, so
            that a cell can run again.
        """
        text, second = (self.text, self.second) if text is None else (text, second)
        if not text.strip():
            raise LabError("a text to pin", "an empty one", "type one first")
        how = _settings(self.writing if writing is None else writing) if self.view == "written" else {}
        for i, pinned in enumerate(self.pins):
            if (pinned["text"], pinned["second"], pinned.get("writing", {})) == (text, second, how):
                return i
        self._keep([*self.pins, self.predict([text], [second], how)[0]])
        return len(self.pins) - 1

    @command
    def edit(self, i: int, text: str, second: str | None = None) -> None:
        """Change a pinned text; the models answer anew, with the settings that it was pinned with."""
        old = self._pin(i)
        new = self.predict([text], [old["second"] if second is None else second], old.get("writing", {}))[0]
        self._keep([*self.pins[:i], new, *self.pins[i + 1 :]])

    @command
    def unpin(self, i: int | None = None) -> None:
        """Take a pin away, or all of them."""
        if i is None:
            self._keep([])
        else:
            self._pin(i)
            self._keep([*self.pins[:i], *self.pins[i + 1 :]])

    @command
    def fill(self, mask: int, filler: str, line: int = 0) -> str:
        """Put a filler into the text that is typed, in the place of one of its masks.

        Args:
            mask: which of them, from 0.
            filler: what to put there.
            line: which of the texts, from 0, where each line is one; empty lines do not count.

        Returns:
            The text.
        """
        rows = self.text.split("\n") if self.lines else [self.text]
        full = [i for i, row in enumerate(rows) if row.strip()] if self.lines else [0]
        if not 0 <= line < len(full):
            raise LabError(f"a line from 0 to {len(full) - 1}" if full else "a line", str(line))
        row = full[line]
        n = len(masks_in(rows[row], self.mask))
        if not 0 <= mask < n:
            raise LabError(f"a mask from 0 to {n - 1}" if n else f"a text with a mask, such as {self.mask}", str(mask))
        rows[row] = filled_in(rows[row], [*[None] * mask, filler], self.mask)
        self.text = "\n".join(rows)
        return self.text

    # -- inside ---------------------------------------------------------------------------------------------------------------

    def _pin(self, i: int) -> dict[str, Any]:
        if not 0 <= i < len(self.pins):
            raise LabError(f"a pin from 0 to {len(self.pins) - 1}" if self.pins else "a pin", str(i))
        pinned: dict[str, Any] = self.pins[i]
        return pinned

    def _measure(self, texts: list[Any], seconds: list[Any], writing: Mapping[str, Any]) -> None:
        """
        Raises:
            LabError: too many texts, or too long ones; a question without a context.
        """
        most = MOST_TEXTS
        if self.view == "written":
            most = MOST_WRITTEN // max(1, writing.get("samples", 0))
        n = sum(len(text) for text in (*texts, *dict.fromkeys(seconds)) if isinstance(text, str))
        if len(texts) > most or n > MOST_CHARACTERS:
            came = f"{len(texts):,} texts of {n:,} characters"
            do = "write them into a file for: labkit predict RUN FILE"
            raise LabError(f"at most {most:,} texts of {MOST_CHARACTERS:,} characters in all", came, do)
        if self.view == "answers" and any(isinstance(second, str) and not second.strip() for second in seconds):
            raise LabError(
                "a context that the question is about", "an empty one", "paste the text that may hold the answer"
            )

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
        first = self._predictors[0]
        self._label([list(one.labels) for one in self._predictors])
        self.mask = str(first.tokenizer.mask_token or self.mask) if self.view == "masks" else self.mask
        if first.writing is not None:
            self.usual = {"max_new_tokens": first.writing.max_new_tokens, "beams": first.writing.beams}
        self.state = "ready"

    def _label(self, labels: list[list[str]]) -> None:
        self.models = [{**model, "labels": some} for model, some in zip(self.models, labels, strict=True)]

    @property
    def _key(self) -> str:
        """Pins of one run alone and of it beside another are kept apart."""
        return str(self._runs[1].directory) if len(self._runs) > 1 else ""

    @shown
    def _recall(self) -> None:
        stored = _stored(self._file).get(self._key)
        if stored:
            self._label(stored["labels"])
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
        given += [f"{name}={getattr(self, name)!r}" for name in self.by_hand if getattr(self, name)]
        if self._file is None:
            given.append("keep=False")
        lines = ["from labkit.widgets import Playground", "", f"play = Playground({', '.join(given)})"]
        if self._file is None:
            lines += [f"play.pin({', '.join(_arguments(pin, self.view == 'written'))})" for pin in self.pins]
        return "\n".join([*lines, "play"])

    def face(self) -> str:
        names = [str(model["name"]) for model in self.models]
        head = f"<h4>Playground: {html.escape(' beside '.join(names))}</h4>"
        if not self.pins:
            return f"{head}<p class=quiet>Run the cell to type texts and see what the model says.</p>"
        return head + FACES[self.view](self.pins, self.models)


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """How to write, where something is set; checked.

    Raises:
        UnknownName: no such setting.
        LabError: a value that cannot work.
    """
    from labkit.tasks import Writing

    for name in given:
        if name not in SETTINGS:
            raise UnknownName("setting for writing", name, SETTINGS)
    settings = {name: given[name] for name in SETTINGS if given.get(name) is not None}
    Writing(**settings)
    if settings.get("samples") and settings.get("beams", 1) > 1:
        raise LabError("beams or samples", "both", "leave one of them out: what is drawn is not searched")
    return settings


def _arguments(pin: dict[str, Any], writes: bool) -> list[str]:
    given = [repr(pin["text"])]
    if pin["second"]:
        given.append(repr(pin["second"]))
    return [*given, f"writing={pin.get('writing', {})!r}"] if writes else given


def _stored(file: Path | None) -> dict[str, Any]:
    """What was kept; nothing where there is no file, or one that is damaged or of another version."""
    if file is None or not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    good = isinstance(content, dict) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("labels"), list)
        and isinstance(entry.get("pins"), list)
        and all(isinstance(pin, dict) and {"text", "second", "models"} <= pin.keys() for pin in entry["pins"])
        for entry in content.values()
    )
    return content if good else {}
