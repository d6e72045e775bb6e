"""question-answering: the stretch of a text that answers a question, or that there is none."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from labkit.data._corpus import LayoutName
from labkit.data._layouts.answers import ANSWERABLE, LONG, NO_ANSWER, Answer, as_answers, without_bad
from labkit.errors import RecipeError
from labkit.tasks._answer_baselines import answer_baselines
from labkit.tasks._answer_metrics import METRICS, best_threshold, metrics
from labkit.tasks._answer_predictions import Alternative, AnswerPredictions
from labkit.tasks._contexts import ContextEncoded, Ints, encode_questions
from labkit.tasks._encode import Encoded, batches_by_length
from labkit.tasks._losses import Decision, Decisions

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from labkit.data import Corpus
    from labkit.models import BaseModel

_QUICK = ("f1", "exact_match")
_KEPT = 5  # alternatives of a row
_BEST = 20  # stretches of a row that share the probability, as in run_squad.py of Devlin et al.
_TOKENS = 4 * LONG  # tokens of an answer at most, also in scripts without spaces

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class QuestionAnswering:
    """Answers as stretches of a context, each found by its first and its last token (Devlin et al. 2019, section 4.2).

    "No answer" is the class token, as in section 4.3 there; where a tokenizer has none, the first token stands for it.

    Attributes:
        no_answer: how much higher "no answer" must score than the best stretch to be said; None: it is never said, because no
            training row was without an answer.
    """

    no_answer: float | None = 0.0

    id: ClassVar[str] = "question-answering"
    layout: ClassVar[LayoutName] = "answers"
    head: ClassVar[str] = "AutoModelForQuestionAnswering"
    metric: ClassVar[str] = "f1"
    metrics: ClassVar[Mapping[str, bool]] = {name: higher for name, (higher, _) in METRICS.items()}
    feeds_labels: ClassVar[bool] = False
    decides: ClassVar[Decision] = "one"
    weighs_classes: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ()
    nouns: ClassVar[str] = "kinds of questions"

    @property
    def labels(self) -> tuple[str, ...]:
        """The kinds of questions: those that the context answers, and those that it does not."""
        return (ANSWERABLE, NO_ANSWER)

    @classmethod
    def of_corpus(cls, corpus: Corpus, options: Mapping[str, Any] | None = None) -> Self:
        """The task, with "no answer" where the corpus has questions without one."""
        return cls(no_answer=0.0 if NO_ANSWER in corpus.labels else None)

    @classmethod
    def of_model(cls, config: PreTrainedConfig, settings: Mapping[str, Any]) -> Self:
        """The task as a fine-tuned model does it."""
        return cls(no_answer=settings.get("no_answer", 0.0))

    def settings(self) -> dict[str, Any]:
        """The score that "no answer" must reach."""
        return {"no_answer": self.no_answer}

    @staticmethod
    def problems(corpus: Corpus) -> list[str]:
        """Why the corpus cannot be trained on; empty where it can."""
        if not corpus.labels:
            return ["The data has no answers: name the column with the answers."]
        unknown = bad = answerable = 0
        for batch in corpus["train"].select_columns(["text_pair", "answers"]).with_format(None).iter(1000):
            for context, cell in zip(batch["text_pair"], batch["answers"], strict=True):
                answers = as_answers(cell)
                unknown += answers is None
                answerable += bool(answers)
                bad += len(without_bad(context or "", answers or ())) < len(answers or ())
        found = []
        if unknown:
            found.append(
                "Some training rows are not labelled: add the repair drop_unlabelled (data.repairs in the recipe)."
            )
        if bad:
            found.append(
                f"In {bad:,} training rows an answer does not stand at its place in the context: add the repair "
                "drop_bad_answers (data.repairs in the recipe)."
            )
        if not answerable:
            found.append("No training row has an answer: split again, or add rows.")
        return found

    def encode(self, rows: Any, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> ContextEncoded:
        """Tokenise questions beside overlapping windows of their contexts, and find first and last token of the answers."""
        return encode_questions(rows, tokenizer, max_length=max_length)

    def build(self, base: BaseModel, *, dropout: float | None) -> PreTrainedModel:
        """The base model with a head that scores each token as first and as last one of the answer."""
        from transformers import AutoModelForQuestionAnswering

        from labkit.models import load_model

        return load_model(base, AutoModelForQuestionAnswering, dropout=dropout, num_labels=2)

    def decisions(self, output: Any, target: torch.Tensor) -> Decisions:
        """The first and the last token of the answer, among the tokens of the window."""
        import torch

        logits = torch.cat([output.start_logits, output.end_logits]).float()
        return Decisions(logits, torch.cat([target[:, 0], target[:, 1]]))

    def predict(
        self,
        model: PreTrainedModel,
        encoded: Encoded,
        *,
        row_ids: list[str],
        pad_id: int,
        side: str,
        batch_size: int = 32,
    ) -> AnswerPredictions:
        """The best stretch of each context, over all of its windows, unless "no answer" scores higher by ``no_answer``.

        A stretch has 30 words and 120 tokens at most and scores the sum of the logits of its first and last token. "No
        answer" scores the least that it does in any window, as in the ``run_squad.py`` of Devlin et al. for SQuAD 2.0.
        """
        import torch

        assert isinstance(encoded, ContextEncoded)
        n = len(encoded.questions)
        words = {
            id(places): _word_numbers(text, places)
            for text, places in zip(encoded.contexts, encoded.places, strict=True)
        }
        found: list[Floats] = [np.zeros((0, 3))] * n
        nulls = np.full(n, np.inf)
        was_training = model.training
        model.eval()
        try:
            with torch.inference_mode():
                for windows in batches_by_length(encoded.lengths, batch_size):
                    batch = encoded.batch(windows, pad_id, side)
                    batch.pop("labels", None)
                    output = model(**{name: part.to(model.device) for name, part in batch.items()})
                    starts, ends = (part.double().cpu().numpy() for part in (output.start_logits, output.end_logits))
                    for i, window in enumerate(windows):
                        row = int(encoded.row[window])
                        head, low, high = encoded.part[window].tolist()
                        shift = starts.shape[1] - int(encoded.lengths[window]) if side == "left" else 0
                        null = shift + int(encoded.none[window])
                        nulls[row] = min(nulls[row], starts[i, null] + ends[i, null])
                        at = slice(shift + head, shift + head + high - low)
                        places = encoded.places[row]
                        some = best_stretches(starts[i, at], ends[i, at], places[low:high], words[id(places)][low:high])
                        found[row] = _merged(np.concatenate([found[row], some]))
        finally:
            model.train(was_training)
        decided = [
            self._decide(context, some, null)
            for context, some, null in zip(encoded.contexts, found, nulls, strict=True)
        ]
        return AnswerPredictions(
            row_ids=row_ids,
            questions=encoded.questions,
            contexts=encoded.contexts,
            predicted=[one[0] for one in decided],
            confidence=[one[1] for one in decided],
            no_answer=[one[2] for one in decided],
            alternatives=[one[3] for one in decided],
            gold=encoded.gold,
        )

    reply = predict

    def _decide(
        self, context: str, found: Floats, null: float
    ) -> tuple[Answer | None, float, float, tuple[Alternative, ...]]:
        """The answer, its probability, how much more "no answer" scores than the best stretch, and the best stretches."""
        best: dict[tuple[int, str], float] = {}
        for score, start, end in found.tolist():
            text = context[int(start) : int(end)]
            best.setdefault((int(start) + len(text) - len(text.lstrip()), text.strip()), score)
        some = [Alternative(start, text, score) for (start, text), score in best.items() if text]
        if not some:
            return None, 1.0, math.inf, ()
        gap = float(null) - some[0].score
        silent = self.no_answer is not None and gap > self.no_answer
        scores = np.array([one.score for one in some] + ([] if self.no_answer is None else [float(null)]))
        p = np.exp(scores - scores.max())
        sure = float((p[-1] if silent else p[0]) / p.sum())
        answer = None if silent else Answer(some[0].start, some[0].text)
        return answer, sure, gap, tuple(some[:_KEPT])

    def watch(
        self, model: PreTrainedModel, encoded: Encoded, *, pad_id: int, side: str, batch_size: int, metric: str = ""
    ) -> dict[str, float]:
        """``quick_metrics`` of the model as it stands, with the threshold of "no answer" that ``tune`` would give it."""
        assert isinstance(encoded, ContextEncoded)
        ids = [str(i) for i in range(len(encoded.questions))]
        predictions = self.predict(model, encoded, row_ids=ids, pad_id=pad_id, side=side, batch_size=batch_size)
        return self.quick_metrics(decided(predictions, self.tune(predictions)["no_answer"]), metric)

    def quick_metrics(self, predictions: AnswerPredictions, metric: str = "") -> dict[str, float]:
        """F1 and exact matches, with ``metric`` among them.

        Raises:
            RecipeError: ``metric`` has no value on these rows.
        """
        found = metrics(predictions)
        if metric and metric not in found:
            raise RecipeError(
                [f"evaluation.metric {metric!r} has no value on these rows. There are: {', '.join(found)}."]
            )
        return {name: found[name] for name in dict.fromkeys((*_QUICK, *([metric] if metric else [])))}

    def tune(self, predictions: AnswerPredictions) -> dict[str, Any]:
        """The threshold of "no answer" at which F1 is highest; it stays where no question is without an answer."""
        found = None if self.no_answer is None else best_threshold(predictions)
        return {"no_answer": self.no_answer if found is None else found}

    def baselines(
        self, corpus: Corpus, rows: Any, *, encode: Callable[[Any], Encoded], seed: int
    ) -> dict[str, AnswerPredictions]:
        """The words that overlap most with the question, and no answer at all."""
        return answer_baselines(corpus["train"], rows)

    def finish(self, model: PreTrainedModel) -> None:
        """Nothing: the model is saved as it was trained."""

    def pipeline(self, folder: str) -> str:
        """How transformers alone uses the saved model; version 5 has no pipeline for it."""
        silent = (
            ""
            if self.no_answer is None
            else f"""
ids = inputs["input_ids"][0].tolist()
none = ids.index(tokenizer.cls_token_id) if tokenizer.cls_token_id in ids else 0
if start[none] + end[none] - score > {self.no_answer:.4g}:
    answer = ""  # the context holds none"""
        )
        return f"""import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{folder}")
model = AutoModelForQuestionAnswering.from_pretrained("{folder}").eval()
question, context = "a question", "a text that may answer it"
# where the tokenizer puts nothing between two texts (GPT-2, Qwen), end the question with "\\n"
inputs = tokenizer(question, context, truncation="only_second", return_offsets_mapping=True, return_tensors="pt")
places = inputs.pop("offset_mapping")[0].tolist()
part = [i for i, text in enumerate(inputs.sequence_ids(0)) if text == 1]
with torch.no_grad():
    output = model(**inputs)
start, end = output.start_logits[0].tolist(), output.end_logits[0].tolist()
score, first, last = max((start[i] + end[j], i, j) for i in part for j in part if i <= j < i + {_TOKENS})
answer = context[places[first][0] : places[last][1]].strip(){silent}"""


def decided(predictions: AnswerPredictions, threshold: float | None) -> AnswerPredictions:
    """The predictions with another threshold of "no answer"; confidences stay those of before."""
    said = [
        None if not some or (threshold is not None and gap > threshold) else Answer(some[0].start, some[0].text)
        for some, gap in zip(predictions.alternatives, predictions.no_answer, strict=True)
    ]
    return dataclasses.replace(predictions, predicted=said)


def best_stretches(starts: Floats, ends: Floats, places: Ints, words: Ints) -> Floats:
    """The best stretches of a window.

    Args:
        starts, ends: logits of each of the window's context tokens as first and as last one, shape (n,).
        places: start and end of each in the context, shape (n, 2).
        words: number of the word that each is of, shape (n,).

    Returns:
        Score, start and end in the context of 20 stretches at most, the best first, shape (m, 3).
    """
    n = len(starts)
    solid = places[:, 1] > places[:, 0]
    if not solid.any():
        return np.zeros((0, 3))
    width = min(n, _TOKENS)
    first = np.where(solid & ~np.isnan(starts), starts, -np.inf)
    last = np.concatenate([np.where(solid & ~np.isnan(ends), ends, -np.inf), np.full(width, -np.inf)])
    number = np.concatenate([words, np.full(width, words[-1])])
    scores = first[:, None] + np.lib.stride_tricks.sliding_window_view(last, width)[:n]
    far = np.lib.stride_tricks.sliding_window_view(number, width)[:n] - words[:, None] >= LONG
    scores[far] = -np.inf
    flat = scores.ravel()
    top = np.argpartition(-flat, _BEST)[:_BEST] if len(flat) > _BEST else np.arange(len(flat))
    top = top[np.isfinite(flat[top])]
    top = top[np.argsort(-flat[top], kind="stable")]
    return np.stack([flat[top], places[top // width, 0], places[top // width + top % width, 1]], axis=1)


def _word_numbers(text: str, places: Ints) -> Ints:
    """The number of the word, between white space, that each token ends in."""
    begins = np.array([match.start() for match in re.finditer(r"\S+", text)], dtype=np.int64)
    return np.searchsorted(begins, np.maximum(places[:, 1] - 1, places[:, 0]), side="right").astype(np.int32)


def _merged(some: Floats) -> Floats:
    """The best 20 stretches, each once, with its best score."""
    if len(some) <= 1:
        return some
    some = some[np.lexsort((some[:, 2], some[:, 1], -some[:, 0]))]
    _, first = np.unique(some[:, 1:], axis=0, return_index=True)
    return some[np.sort(first)[:_BEST]]
