"""What the models of a playground say, as plain values for the browser half: a function for each kind of view."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

from labkit.errors import LabError
from labkit.tasks import TASKS, Writer
from labkit.tasks.fill_mask import masks_in
from labkit.training import Run
from labkit.training._predictor import stored_settings
from labkit.widgets._run_rows import layout_of

if TYPE_CHECKING:
    from labkit.tasks import AnswerPredictions, LanguagePredictions, Predictions, ScorePredictions, SpanPredictions
    from labkit.training import Predictor

View = Literal["labels", "scores", "spans", "answers", "written", "masks"]
"""Probabilities of labels; a score; entities marked in the text; answers marked in their contexts; texts written behind or
instead of the text; fillers for the masks in it."""
VIEWS: tuple[View, ...] = get_args(View)

_BEHIND = 40  # characters of a text that show where it was cut


def view_of(run: Run) -> View:
    """The kind of view that a run needs, by the layout of its data and by whether its model writes."""
    layout = layout_of(run)
    if layout == "pairs" or layout == "texts":
        return "written" if issubclass(TASKS[run.recipe.task], Writer) else "masks"
    if run.recipe.data.scores:
        return "scores"
    return layout


def from_scratch(run: Run) -> int | None:
    """How many rows a run's model learnt everything from that it knows; None of a model that was pretrained."""
    from labkit import models
    from labkit.events import RunStarted

    name = run.recipe.model.name
    try:
        scratch = name.startswith(models.STARTER) or models.is_untrained(name)
    except LabError:  # no folder of this machine, or none any more
        scratch = False
    if not scratch:
        return None
    return next((event.rows.get("train", 0) for event in run.events() if isinstance(event, RunStarted)), 0)


def said(
    view: View, predictor: Predictor, texts: list[str], seconds: list[str] | None, writing: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What a model says of texts.

    Args:
        view: the kind of view.
        predictor: the model.
        texts: of which.
        seconds: the second text of each, or the context of each question; None for models of single texts.
        writing: what is set for writing, as keywords of ``Predictor.write``; the rest is as the model's recipe says.

    Returns:
        A dict a text; "note" in it says what of the text was not read, and is empty where all was.
    """
    if view == "written":
        return _written(predictor, texts, writing)
    predictions = predictor(texts, pairs=seconds)
    return [_TELL[view](predictions, i, predictor) for i in range(len(texts))]


def asked_for(run: Run, view: View, paired: bool) -> str:
    """What the text that is typed is to the model."""
    if view == "written" and layout_of(run) == "texts":
        forms = {"chat": "Message to the model", "prompt": "Prompt"}
        return forms.get(stored_settings(run.model_folder).get("form", "raw"), "Beginning of a text")
    names = {"answers": "Question", "written": "Source text", "masks": "Text with masks"}
    return names.get(view, "First text" if paired else "Text")


def as_recipe(run: Run) -> dict[str, int]:
    """How a model writes unless told otherwise, before it is loaded."""
    how = run.recipe.generation
    return {"max_new_tokens": how.max_new_tokens or how.max_target_length, "beams": how.beams}


def read_by(predictor: Predictor, view: View, text: str, second: str | None) -> dict[str, Any]:
    """What a tokenizer makes of a text: "tokens" with the special ones, "limit" of them that the model reads at once (a
    tagger and a model that answers read more in overlapping windows), and a "note" where it was cut."""
    limit = predictor.max_length
    found = predictor.tokenizer(text, second, truncation=False, return_offsets_mapping=True, verbose=False)
    note = ""
    if view in ("labels", "scores", "masks") and second is None and len(found["input_ids"]) > limit:
        short = predictor.tokenizer(text, truncation=True, max_length=limit, return_offsets_mapping=True, verbose=False)
        end = max((place[1] for place in short["offset_mapping"]), default=0)
        note = f"It is cut: of {len(found['input_ids']):,} tokens {limit:,} are read, up to {_end(text, end)}."
    return {"tokens": len(found["input_ids"]), "limit": limit, "note": note}


def _labels(predictions: Predictions, i: int, predictor: Predictor) -> dict[str, Any]:
    p, decided = predictions.probabilities[i], predictions.names(predictions.predicted[[i]])[0]
    sure = float(predictions.confidence[i])
    chosen = decided if isinstance(decided, list) else [str(decided)]
    return {"labels": chosen, "confidence": sure, "probabilities": [round(float(x), 5) for x in p]}


def _scores(predictions: ScorePredictions, i: int, predictor: Predictor) -> dict[str, Any]:
    return {"score": round(float(predictions.predicted[i]), 5)}


def _spans(predictions: SpanPredictions, i: int, predictor: Predictor) -> dict[str, Any]:
    found = zip(predictions.predicted[i], predictions.confidence[i], strict=True)
    return {"spans": [{**span._asdict(), "confidence": round(sure, 5)} for span, sure in sorted(found)]}


def _answers(predictions: AnswerPredictions, i: int, predictor: Predictor) -> dict[str, Any]:
    """The answer and the other stretches with their probabilities, among the best stretches and "no answer"."""
    answer, gap = predictions.predicted[i], predictions.no_answer[i]
    threshold = predictor.task.settings().get("no_answer")
    shares, none = predictions.probabilities(i)
    question = predictor.encode({"text": [predictions.questions[i]], "text_pair": [""]})
    return {
        "answer": None if answer is None else {"start": answer.start, "end": answer.end, "text": answer.text},
        "confidence": round(predictions.confidence[i], 5),
        "alternatives": [
            {"start": one.start, "end": one.start + len(one.text), "text": one.text, "confidence": round(share, 5)}
            for one, share in zip(predictions.alternatives[i], shares, strict=True)
        ],
        "none": None if none is None or threshold is None else round(none, 5),
        "gap": round(gap, 3) if math.isfinite(gap) else None,
        "threshold": None if threshold is None else round(float(threshold), 3),
        "note": "The question takes more than half of what the model reads at once: its end is not read."
        if question.truncated
        else "",
    }


def _written(predictor: Predictor, texts: list[str], writing: Mapping[str, Any]) -> list[dict[str, Any]]:
    began = time.monotonic()
    outputs = predictor.write(texts, **writing)
    each = (time.monotonic() - began) / max(1, len(texts))
    usual = predictor.writing
    assert usual is not None
    how = {"max_new_tokens": usual.max_new_tokens, "beams": usual.beams, **writing}
    if how.get("samples"):
        how["beams"] = 1
    return [
        {
            "texts": [{**one._asdict(), "confidence": round(one.confidence, 5)} for one in output.texts],
            "read": output.read,
            "seconds": round(each, 3),
            "how": how,
            "note": _unread(predictor, text, output.read, output.cut),
        }
        for text, output in zip(texts, outputs, strict=True)
    ]


def _unread(predictor: Predictor, text: str, read: str, cut: int) -> str:
    if not cut:
        return ""
    tokens = f"{cut:,} token{'' if cut == 1 else 's'}"
    if TASKS[predictor.task.id].layout == "pairs":
        ids = predictor.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        places = ids["offset_mapping"]
        return f"The last {tokens} are not read, from behind {_end(text, places[max(0, len(places) - cut - 1)][1])} on."
    return f"The first {tokens} are not read, so that there is room for the new ones."


def _masks(predictions: LanguagePredictions, i: int, predictor: Predictor) -> dict[str, Any]:
    """The fillers of each mask that was read. The text itself may write its masks in another way than the model's tokenizer."""
    found = predictions.fillers[i]
    fillers = [[{**one._asdict(), "probability": round(one.probability, 5)} for one in some] for some in found]
    missing = len(masks_in(predictions.inputs[i], str(predictor.tokenizer.mask_token))) - len(found)
    unread = (
        f"{missing} of the masks {'stands' if missing == 1 else 'stand'} behind what the model reads."
        if missing
        else ""
    )
    return {"fillers": fillers, "filled": predictions.predicted[i], "note": unread}


def _end(text: str, at: int) -> str:
    return f"“…{text[max(0, at - _BEHIND) : at].strip()}”"


_TELL: dict[View, Callable[[Any, int, Predictor], dict[str, Any]]] = {
    "labels": _labels,
    "scores": _scores,
    "spans": _spans,
    "answers": _answers,
    "masks": _masks,
}
