"""Questions beside windows of their contexts: what models of every family read, and what is made of what they say."""

from __future__ import annotations

import json
import random
import time
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from toys import FILLER, WORDS, toy_recipe, toy_rows

from labkit.data import Answer, read
from labkit.errors import DataError, RecipeError
from labkit.models import STARTERS, build_starter, load_tokenizer
from labkit.tasks import QuestionAnswering, loss_of
from labkit.tasks._contexts import ContextEncoded, encode_questions, frame_of
from labkit.tasks.question_answering import best_stretches

QUESTION = "which bread is it , and is it fresh ?"
CONTEXT = "the  soup was fresh ; my bread was very good today . it is a train to the sea , again and again"


@cache
def tokenizer(family: str) -> Any:
    return load_tokenizer(build_starter(family, [row["text"] for row in toy_rows(90)], size="tiny"))


def columns(question: str, context: str, *answers: str) -> dict[str, Any]:
    found = [{"start": context.find(text), "text": text} for text in answers]
    return {"text": [question], "text_pair": [context], "answers": [found]}


@pytest.mark.parametrize("family", STARTERS)
def test_windows_hold_what_the_tokenizer_alone_would_give(family: str) -> None:
    t = tokenizer(family)
    mark = frame_of(t).separator
    whole = encode_questions(columns(QUESTION, CONTEXT, "my bread"), t, max_length=512)
    plain = t(QUESTION + mark, CONTEXT)
    assert whole.ids.tolist() == plain["input_ids"] and len(whole) == 1
    assert whole.types is None or whole.types.tolist() == plain["token_type_ids"]
    between = plain.sequence_ids(0)
    assert mark or None in between[between.index(0) : between.index(1)], "something stands between the two texts"
    none = int(whole.none[0])
    assert plain["input_ids"][none] == t.cls_token_id if t.cls_token_id in plain["input_ids"] else none == 0
    assert whole.spans is not None
    first, last = whole.spans[0] - whole.part[0, 0]
    assert CONTEXT[whole.places[0][first, 0] : whole.places[0][last, 1]].strip() == "my bread"


@pytest.mark.parametrize("family", STARTERS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_targets_stay_with_their_tokens(family: str, side: str) -> None:
    t = tokenizer(family)
    rows = columns(QUESTION, CONTEXT, "my bread", "sea")
    encoded = encode_questions(rows, t, max_length=32)
    assert len(encoded) > 1 and all(length <= 32 for length in encoded.lengths)
    batch = encoded.batch(range(len(encoded)), 0, side)
    seen = set()
    for i, (first, last) in enumerate(batch["labels"].tolist()):
        ids = batch["input_ids"][i]
        shift = len(ids) - int(encoded.lengths[i]) if side == "left" else 0
        none = int(encoded.none[i]) + shift
        if first == last == none:
            continue
        head, low, high = encoded.part[i].tolist()
        at = [first - shift - head + low, last - shift - head + low]
        assert low <= at[0] <= at[1] < high
        seen.add(CONTEXT[encoded.places[0][at[0], 0] : encoded.places[0][at[1], 1]].strip())
        assert ids[first] == encoded.ids[encoded.offsets[i] + first - shift]
    assert "my bread" in seen and seen <= {"my bread", "sea"}
    covered = {j for _, low, high in encoded.part.tolist() for j in range(low, high)}
    assert covered == set(range(len(encoded.places[0]))), "no token of the context is left out"


def test_long_questions_are_cut_and_counted() -> None:
    for family in ("bert", "gpt2", "xlnet"):
        t = tokenizer(family)
        encoded = encode_questions(columns("very " * 500 + "fresh", CONTEXT, "sea"), t, max_length=40)
        assert encoded.truncated == 1 and encoded.lengths.max() <= 40 and len(encoded) > 1
        assert encode_questions(columns("soup", CONTEXT), t, max_length=40).truncated == 0
    with pytest.raises(DataError, match="room for a question"):
        encode_questions(columns("soup", CONTEXT), tokenizer("bert"), max_length=4)
    with pytest.raises(DataError, match="a context for each question"):
        encode_questions({"text": ["soup"]}, tokenizer("bert"), max_length=40)


class Oracle(torch.nn.Module):
    """Scores first and last tokens as a function of the token ids says."""

    def __init__(self, score: Any) -> None:
        super().__init__()
        self.score, self.device = score, torch.device("cpu")

    def forward(self, input_ids: torch.Tensor, **_: Any) -> SimpleNamespace:
        start, end = self.score(input_ids)
        return SimpleNamespace(start_logits=start, end_logits=end)


def answered(encoded: ContextEncoded, score: Any, *, no_answer: float | None = 0.0, side: str = "right") -> Any:
    task = QuestionAnswering(no_answer=no_answer)
    ids = [str(i) for i in range(len(encoded.questions))]
    return task.predict(Oracle(score), encoded, row_ids=ids, pad_id=0, side=side, batch_size=4)  # type: ignore[arg-type]


@pytest.mark.parametrize("side", ["left", "right"])
def test_answers_are_cut_from_the_context(side: str) -> None:
    t = tokenizer("bert")
    bread, sea = t.convert_tokens_to_ids(["bread", "sea"])

    def score(ids: torch.Tensor) -> Any:
        return (ids == bread) * 5.0 + (ids == sea) * 3.0, (ids == bread) * 5.0 + (ids == sea) * 3.0

    rows = {key: value * 2 for key, value in columns("bread sea bread", CONTEXT, "bread").items()}
    rows["text_pair"] = [CONTEXT, ""]
    rows["answers"] = [rows["answers"][0], []]
    found = answered(encode_questions(rows, t, max_length=20), score, side=side)
    assert found.predicted == [Answer(CONTEXT.find("bread"), "bread"), None], "those in the question are none"
    assert 0.5 < found.confidence[0] < 1 and found.confidence[1] == 1 and found.no_answer[0] == -10
    texts = [one.text for one in found.alternatives[0]]
    assert len(texts) == 5 and "sea" in texts and texts[0] == "bread" and found.alternatives[1] == ()
    scores = [one.score for one in found.alternatives[0]]
    assert scores == sorted(scores, reverse=True) and len({one[:2] for one in found.alternatives[0]}) == 5
    assert found.gold[0] == (Answer(CONTEXT.find("bread"), "bread"),)


def test_no_answer_counts_where_it_scores_least() -> None:
    t = tokenizer("bert")
    bread = t.convert_tokens_to_ids("bread")

    def score(ids: torch.Tensor) -> Any:
        logits = (ids == bread) * 1.0
        logits[:, 0] = torch.where((ids[:, 5:] == bread).any(1), 2.0, 9.0)  # sure of nothing where it sees no bread
        return logits, logits

    encoded = encode_questions(columns("soup", CONTEXT, "bread"), t, max_length=20)
    assert len(encoded) > 1
    assert answered(encoded, score).predicted == [None]
    assert answered(encoded, score).no_answer == [2.0]
    for limit in (2.0, None):
        assert answered(encoded, score, no_answer=limit).predicted == [Answer(CONTEXT.find("bread"), "bread")]
    assert answered(encoded, score, no_answer=1.9).predicted == [None]


def test_stretches_are_exactly_the_best_allowed_ones() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 60):
        starts, ends = rng.normal(size=n), rng.normal(size=n)
        places = np.array([[3 * i, 3 * i + 2] for i in range(n)], dtype=np.int32)
        places[n // 2, 1] = places[n // 2, 0]  # a token without characters
        words = np.arange(n, dtype=np.int32)
        allowed = [
            (starts[i] + ends[j], 3 * i, 3 * j + 2)
            for i in range(n)
            for j in range(i, min(n, i + 30))
            if n // 2 not in (i, j)
        ]
        assert best_stretches(starts, ends, places, words).tolist() == [
            list(one) for one in sorted(allowed, reverse=True)[:20]
        ]


def test_a_context_of_50000_words_takes_seconds() -> None:
    chooser = random.Random(0)
    context = " ".join(chooser.choice(FILLER) for _ in range(50_000)) + " soup"
    t = tokenizer("bert")
    soup = t.convert_tokens_to_ids("soup")
    rows = {
        "text": ["which ?"] * 3,
        "text_pair": [context] * 3,
        "answers": [[{"start": len(context) - 4, "text": "soup"}]] * 3,
    }
    began = time.monotonic()
    encoded = encode_questions(rows, t, max_length=384)
    found = answered(encoded, lambda ids: ((ids == soup) * 1.0, (ids == soup) * 1.0))
    assert [one.text for one in found.predicted] == ["soup"] * 3 and len(encoded) > 300
    assert time.monotonic() - began < 20


def test_what_cannot_be_trained_on_is_said() -> None:
    row = {"id": "a", "question": "Where?", "context": "in Rome", "answers": {"text": ["Rome"], "answer_start": [3]}}
    problems = QuestionAnswering.problems

    def corpus(*rows: Any) -> Any:
        return read([row, *rows], layout="answers")

    assert problems(corpus()) == []
    bad = {**row, "id": "b", "answers": {"text": ["Bonn"], "answer_start": [3]}}
    assert "drop_bad_answers" in problems(corpus(bad))[0]
    assert "drop_unlabelled" in problems(corpus({**row, "id": "b", "answers": None}))[0]
    nothing = read([{**row, "answers": []}, {**row, "id": "b", "answers": []}], layout="answers")
    assert "No training row has an answer" in problems(nothing)[0]
    assert "no answers" in problems(read([{"question": "a", "context": "b"}], layout="answers", require_label=False))[0]
    assert QuestionAnswering.of_corpus(corpus()).no_answer is None
    assert QuestionAnswering.of_corpus(corpus({**row, "id": "b", "answers": []})).no_answer == 0


def asked_rows(count: int = 300, seed: int = 1) -> list[dict[str, Any]]:
    """Contexts with a food and a means of travel, one of which is asked for; of some it is missing."""
    chooser = random.Random(seed)
    rows = []
    for i in range(count):
        topic = chooser.choice(["food", "travel"])
        words = [chooser.choice(FILLER) for _ in range(chooser.randint(4, 9))]
        places = dict(zip(("food", "travel"), chooser.sample(range(len(words)), 2), strict=True))
        for name, at in places.items():
            words[at] = chooser.choice(WORDS[name])
        if i % 5 == 0:
            words[places[topic]] = "again"
        start = sum(len(word) + 1 for word in words[: places[topic]])
        answers = (
            {"text": [], "answer_start": []}
            if i % 5 == 0
            else {"text": [words[places[topic]]], "answer_start": [start]}
        )
        rows.append({"id": f"q{i}", "question": f"which {topic} ?", "context": " ".join(words), "answers": answers})
    return rows


def test_a_small_model_learns_to_answer_and_not_to(tmp_path: Path) -> None:
    from labkit import cli
    from labkit.training import Predictor, evaluate, train

    rows = asked_rows(600)
    path = tmp_path / "asked.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    base = build_starter("modernbert", [row[key] for row in rows for key in ("question", "context")], size="tiny")
    made = toy_recipe(
        path, base.folder, task="question-answering", model={"max_length": 32}, budget={"epochs": 20},
        optimizer={"learning_rate": 5e-3}, evaluation={"baselines": True},
    )  # fmt: skip
    run = train(made, tmp_path / "run")
    figures = run.evaluation.headline
    assert figures["f1"].value > 0.6 and figures["no_answer_accuracy"].value > 0.4
    assert all(comparison.b["f1"].value < figures["f1"].value for comparison in run.evaluation.baselines.values())
    predictor = Predictor.load(run)
    assert "no_answer" in predictor.settings
    said = predictor(["which food ?"], pairs=["the soup was very with my train"])
    assert len(said.predicted) == 1 and (said.predicted[0] is None or said.predicted[0].text in said.contexts[0])
    assert predictor("which food ?", pairs=["the soup was very"]).questions == ["which food ?"]
    assert predictor("which food ?", pairs="the soup was very").contexts == ["the soup was very"]
    with pytest.raises(DataError, match="a context for each question"):
        predictor("which food ?")
    for row in rows[:10]:
        lines = predictor.task.pipeline(str(run.directory / "model"))
        lines = lines.replace('"a question"', repr(row["question"])).replace(
            '"a text that may answer it"', repr(row["context"])
        )
        alone: dict[str, Any] = {}
        exec(lines, alone)  # noqa: S102 - what the model card says works without labkit
        (answer,) = predictor(row["question"], pairs=row["context"]).predicted
        assert alone["answer"] == (answer.text if answer else "")
    assert evaluate(run, path).headline["f1"].value > 0.6
    assert "AutoModelForQuestionAnswering" in (run.directory / "README.md").read_text("utf-8")
    out = tmp_path / "out.jsonl"
    bare = tmp_path / "bare.jsonl"
    bare.write_text(json.dumps({"question": "which food ?", "context": "my soup was very good"}) + "\n", "utf-8")
    assert cli.main(["predict", str(run.directory), str(bare), "--out", str(out)]) == 0
    (line,) = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert set(line) == {"row_id", "text", "predicted", "start", "confidence"} and line["text"] == "which food ?"
    assert cli.main(["check", str(path), "--task", "question-answering", "--model", str(base.folder)]) == 0
    assert cli.main(["evaluate", str(run.directory), str(path), "--json"]) == 0


def test_metrics_that_have_no_value_are_refused(tmp_path: Path) -> None:
    encoded = encode_questions(columns("soup", CONTEXT, "bread"), tokenizer("bert"), max_length=64)
    found = answered(encoded, lambda ids: (ids * 0.0, ids * 0.0))
    assert set(QuestionAnswering().quick_metrics(found, "has_answer_f1")) == {"f1", "exact_match", "has_answer_f1"}
    with pytest.raises(RecipeError, match="no_answer_accuracy"):
        QuestionAnswering().quick_metrics(found, "no_answer_accuracy")
    loss = loss_of(QuestionAnswering().decisions, "one")
    logits = torch.tensor([[0.0, 2.0, 0.0]])
    output = SimpleNamespace(start_logits=logits, end_logits=logits * 0)
    expected = (np.log(np.exp([0, 2, 0]).sum()) - 2 + np.log(3)) / 2
    assert float(loss(output, torch.tensor([[1, 2]]))) == pytest.approx(expected)
    smooth = loss_of(QuestionAnswering().decisions, "one", label_smoothing=0.3)
    assert float(smooth(output, torch.tensor([[1, 2]]))) > expected
