"""Metrics of texts: equal to sacrebleu and rouge-score on adversarial texts, and additive over rows."""

from __future__ import annotations

import random

import numpy as np
import pytest

from labkit.errors import DataError
from labkit.tasks import TextPredictions
from labkit.tasks import _text_metrics as metrics

WORDS = [
    "the", "cat", "sat", "on", "mat", "a", "A", "Mat.", "don't", "über", "naïve", "日本語", "😀", "1,000.5", ".", "...", "",
    "-", "x_y", "\u00a0", "É", "\n", "fire\nwater", "İ", "&amp;", "<skipped>", "ﬁ",
]  # fmt: skip


def cases(count: int, seed: int = 0) -> list[tuple[list[str], list[str]]]:
    """Written and true texts: empty ones, punctuation, other scripts, repeated words, copies and strangers."""
    draw = random.Random(seed)

    def text() -> str:
        joint = draw.choice([" ", "  ", "\n", " "])
        return joint.join(draw.choice(WORDS) for _ in range(draw.choice([0, 0, 1, 2, 3, 5, 8, 20])))

    def near(true: str) -> str:
        words = true.split(" ")
        words[draw.randrange(len(words))] = draw.choice(WORDS)
        return draw.choice([true, " ".join(words), " ".join(words * 2), text()])

    found = []
    for _ in range(count):
        true = [text() for _ in range(draw.choice([1, 1, 1, 2, 5, 20]))]
        found.append(([near(one) for one in true], true))
    return found


def predictions(task: str, said: list[str], true: list[str | None], inputs: list[str] | None = None) -> TextPredictions:
    ids = [str(i) for i in range(len(said))]
    return TextPredictions(
        task=task,
        row_ids=ids,
        inputs=inputs or [f"source {i}" for i in ids],
        predicted=said,
        confidence=np.full(len(said), 0.5),
        references=true,
    )


def test_bleu_and_chrf_are_those_of_sacrebleu() -> None:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    for said, true in cases(1000):
        sums, _ = metrics.translation_statistics(said, true)
        found = metrics.translation_figures(sums.sum(axis=0)[:, None])
        assert found["bleu"][0] == pytest.approx(BLEU().corpus_score(said, [true]).score, abs=1e-9)
        assert found["chrf"][0] == pytest.approx(CHRF().corpus_score(said, [true]).score, abs=1e-9)


def test_rouge_is_that_of_rouge_score() -> None:
    from rouge_score.rouge_scorer import RougeScorer

    names = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    scorer = RougeScorer(names)
    for said, true in cases(400, seed=1):
        for one, other in zip(said, true, strict=True):
            wanted = scorer.score(other, one)
            assert metrics.rouge(one, other) == pytest.approx([wanted[name].fmeasure for name in names], abs=1e-12)


def test_figures_of_many_resamples_are_those_of_each() -> None:
    said, true = cases(1, seed=3)[0][0] * 4, cases(1, seed=3)[0][1] * 4
    said[0] = "the cat sat on the mat"
    true[0] = "the cat sat on a mat"
    drawn = np.random.default_rng(0).integers(0, 3, (len(said), 50))
    for sums, figures in (
        (metrics.translation_statistics(said, true)[0], metrics.translation_figures),
        (metrics.summary_statistics(true, said, true), metrics.summary_figures),
    ):
        many = figures(sums.T @ drawn)
        for i in range(50):
            one = figures((sums.T @ drawn[:, i])[:, None])
            assert all(many[name][i] == pytest.approx(one[name][0], abs=1e-9) for name in one)


def test_scores_of_translations_name_their_signature() -> None:
    scores = predictions("translation", ["Guten Tag!", "Ja."], ["Guten Tag!", None]).scores()
    assert scores.values()["exact_match"] == 1 and scores.values()["length_ratio"] == 1
    assert scores.row_ids == ["0"] and scores.positions.tolist() == [0]
    assert any("tok:13a" in note and "BLEU" in note for note in scores.notes)
    assert any("nc:6" in note for note in scores.notes)


def test_what_summaries_copy_and_how_much_they_shorten() -> None:
    source = "The cat sat on the mat. It was warm there all day."
    scores = predictions("summarization", ["The cat sat on a rug"], ["A cat sat"], [source]).scores()
    values = scores.values()
    assert values["copy_rate"] == pytest.approx(3 / 5), "the cat, cat sat, sat on"
    assert values["compression"] == pytest.approx(6 / 12)
    assert values["length"] == 6 and values["length_ratio"] == 2


def test_without_true_texts_there_is_nothing_to_score() -> None:
    with pytest.raises(DataError, match="known texts"):
        predictions("translation", ["a"], [None]).scores()
