"""translation and summarization: from rows to texts, with tiny untrained models of every family."""

from __future__ import annotations

import ast
import json
import math
import random
import runpy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys import toy_recipe

from labkit.data import read, sample
from labkit.errors import DataError, RecipeError
from labkit.models import STARTERS, BaseModel, build_starter, load_tokenizer
from labkit.tasks import Summarization, TextPredictions, Translation, get, loss_of
from labkit.tasks._losses import IGNORED
from labkit.tasks._text_baselines import COPY, LEAD_SENTENCES, LEAD_WORDS, WORD_BY_WORD
from labkit.training import Predictor, predict_file, train

FAMILIES = [name for name, starter in STARTERS.items() if starter.kind == "encoder-decoder"]
NOUNS = {
    "dog": "hund",
    "cat": "katze",
    "bird": "vogel",
    "horse": "pferd",
    "child": "kind",
    "man": "mann",
    "tree": "baum",
}
KINDS = {"red": "rot", "big": "gross", "old": "alt", "new": "neu", "small": "klein", "good": "gut"}
VERBS = {"sees": "sieht", "likes": "mag", "finds": "findet", "takes": "nimmt"}

every = pytest.mark.parametrize("family", FAMILIES)


def toy_pairs(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Sentences whose translations have another order of words."""
    draw = random.Random(seed)
    rows = []
    for i in range(count):
        (a, b), (m, n) = draw.choices(list(KINDS), k=2), draw.choices(list(NOUNS), k=2)
        verb = draw.choice(list(VERBS))
        target = f"{NOUNS[m]} {KINDS[a]} {NOUNS[n]} {KINDS[b]} {VERBS[verb]}"
        rows.append({"id": f"r{i}", "en": f"the {a} {m} {verb} the {b} {n}", "de": target})
    return rows


def texts() -> list[str]:
    return [row[side] for row in toy_pairs(200) for side in ("en", "de")]


@cache
def tiny(family: str) -> BaseModel:
    return build_starter(family, texts(), size="tiny")


def pairs(tmp_path: Path, count: int = 60) -> Path:
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in toy_pairs(count)), encoding="utf-8")
    return path


def rows_of(*targets: str | None) -> dict[str, Any]:
    return {"text": [f"the {word} dog" for word in list(KINDS)[: len(targets)]], "target": list(targets)}


def test_both_are_tasks() -> None:
    for name in ("translation", "summarization"):
        task = get(name)
        assert task.layout == "pairs" and task.head == "AutoModelForSeq2SeqLM" and task.feeds_labels
        assert task.metric == "loss" and task.metrics["loss"] is False
    assert {"bleu", "chrf"} <= set(Translation.metrics) and {"rougeL", "copy_rate"} <= set(Summarization.metrics)


def test_targets_are_padded_with_what_the_loss_ignores() -> None:
    tokenizer = load_tokenizer(tiny("t5"))
    encoded = Translation().encode(rows_of("hund", "hund rot hund rot", None), tokenizer, max_length=32)
    batch = encoded.batch([0, 1, 2], tokenizer.pad_token_id)
    sizes = (batch["labels"] != IGNORED).sum(dim=1).tolist()
    assert 0 < sizes[0] < sizes[1] and sizes[2] == 0 and batch["labels"].shape[1] == sizes[1]
    assert tokenizer.decode(batch["labels"][0][: sizes[0]], skip_special_tokens=True) == "hund"
    assert batch["labels"][0][sizes[0] - 1] == tokenizer.eos_token_id, "the end is learnt too"
    assert encoded.lengths.tolist() == [a + b for a, b in zip(np.diff(encoded.offsets), sizes, strict=True)]
    assert "labels" not in Translation().encode({"text": ["the dog"]}, tokenizer, max_length=32).batch([0], 0)


def test_what_is_too_long_is_cut_and_counted() -> None:
    tokenizer = load_tokenizer(tiny("bart"))
    rows = {"text": ["the dog", "the dog " * 50], "target": ["hund " * 50, "hund"]}
    encoded = Translation(max_target_length=8).encode(rows, tokenizer, max_length=10)
    assert (
        encoded.truncated == 2 and np.diff(encoded.offsets).max() == 10 and np.diff(encoded.target_offsets).max() == 8
    )


def test_a_prefix_stands_before_the_source_only() -> None:
    tokenizer = load_tokenizer(tiny("t5"))
    encoded = Translation(prefix="old big ").encode(rows_of("hund"), tokenizer, max_length=32)
    assert tokenizer.decode(encoded.ids, skip_special_tokens=True).startswith("old big the red")
    assert encoded.inputs == ["the red dog"]
    assert "old" not in tokenizer.decode(encoded.target_ids, skip_special_tokens=True)


def test_the_loss_counts_every_token_alike() -> None:
    class Output:
        logits = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))

    target = torch.tensor([[1, 2, 3], [4, IGNORED, IGNORED]])
    logs = torch.log_softmax(Output.logits, dim=-1)
    wanted = -(logs[0, 0, 1] + logs[0, 1, 2] + logs[0, 2, 3] + logs[1, 0, 4]) / 4
    plain = loss_of(Translation().decisions, "one")
    assert torch.isclose(plain(Output, target), wanted)
    smooth = loss_of(Translation().decisions, "one", label_smoothing=0.2)
    spread = -torch.stack([logs[0].mean(dim=-1).sum(), logs[1, 0].mean()]).sum() / 4
    assert torch.isclose(smooth(Output, target), 0.8 * wanted + 0.2 * spread)
    assert plain(Output, torch.full((2, 3), IGNORED)) == 0


def test_languages_are_set_and_unknown_ones_listed() -> None:
    tokenizer = load_tokenizer(tiny("mbart"))
    task = Translation(source_language="de_DE", target_language="ro_RO")
    encoded = task.encode(rows_of("hund"), tokenizer, max_length=32)
    assert encoded.ids[-1] == tokenizer.convert_tokens_to_ids("de_DE")
    assert encoded.target_ids[-1] == tokenizer.convert_tokens_to_ids("ro_RO")
    model = task.build(tiny("mbart"), dropout=None)
    assert model.generation_config.decoder_start_token_id == tokenizer.convert_tokens_to_ids("ro_RO")
    with pytest.raises(RecipeError, match=r"Did you mean 'de_DE'.*ro_RO"):
        Translation(target_language="de_De").encode(rows_of("hund"), tokenizer, max_length=32)
    with pytest.raises(RecipeError, match=">>de<<"):
        Translation(target_language="de").encode(rows_of("hund"), load_tokenizer(tiny("marian")), max_length=32)


def test_a_language_that_begins_the_target_is_forced_when_generating() -> None:
    tokenizer = load_tokenizer(tiny("mbart"))
    task = Translation(target_language="fr_XX")
    model = task.build(tiny("mbart"), dropout=None)

    class Nllb:
        """Codes go before the text."""

        src_lang, tgt_lang, pad_token_id = "en_XX", "fr_XX", tokenizer.pad_token_id

        def get_vocab(self) -> dict[str, int]:
            return dict(tokenizer.get_vocab())

        def __call__(self, *, text_target: str) -> dict[str, list[int]]:
            return {"input_ids": [tokenizer.convert_tokens_to_ids(self.tgt_lang), 9, 2]}

    found = task._generation(model, Nllb())  # type: ignore[arg-type]
    assert found.forced_bos_token_id == tokenizer.convert_tokens_to_ids("fr_XX")


@every
def test_outputs_do_not_depend_on_their_neighbours(family: str) -> None:
    base = tiny(family)
    torch.manual_seed(0)
    for beams in (1, 3):
        task = Translation(max_target_length=12, beams=beams)
        model = task.build(base, dropout=None)
        tokenizer = load_tokenizer(base)
        rows = {"text": ["the red dog sees the big cat", "the dog", "old"]}

        def said(
            some: dict[str, Any], task: Any = task, model: Any = model, tokenizer: Any = tokenizer
        ) -> TextPredictions:
            encoded = task.encode(some, tokenizer, max_length=32)
            ids = [str(i) for i in range(len(some["text"]))]
            return task.predict(
                model, encoded, row_ids=ids, pad_id=tokenizer.pad_token_id, side=tokenizer.padding_side, batch_size=2
            )

        both = said(rows)
        assert both.predicted == said(rows).predicted
        for i, text in enumerate(rows["text"]):
            alone = said({"text": [text]})
            assert alone.predicted[0] == both.predicted[i]
            assert alone.confidence[0] == pytest.approx(both.confidence[i], abs=1e-4)
        assert all(0 < value <= 1 for value in both.confidence) and both.references is None


def test_confidence_is_the_mean_probability_of_the_tokens() -> None:
    base = tiny("t5")
    task, tokenizer = Translation(max_target_length=6), load_tokenizer(base)
    torch.manual_seed(0)
    model = task.build(base, dropout=None)
    encoded = task.encode({"text": ["the red dog"]}, tokenizer, max_length=32)
    said = task.predict(model, encoded, row_ids=["a"], pad_id=tokenizer.pad_token_id, side="right")
    inputs = encoded.batch([0], tokenizer.pad_token_id)
    ids = model.generate(**inputs, generation_config=model.generation_config)
    with torch.no_grad():
        logs = torch.log_softmax(model(**inputs, decoder_input_ids=ids[:, :-1]).logits[0], dim=-1)
    wanted = math.exp(logs.gather(1, ids[0, 1:, None]).mean())
    assert said.confidence[0] == pytest.approx(wanted, rel=1e-4)


def test_watching_generates_nothing_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    base = tiny("bart")
    task, tokenizer = Translation(max_target_length=8), load_tokenizer(base)
    model = task.build(base, dropout=None)
    encoded = task.encode(rows_of("hund rot", "katze"), tokenizer, max_length=32)
    how: dict[str, Any] = {"pad_id": tokenizer.pad_token_id, "side": "right"}
    found = task.watch(model, encoded, batch_size=2, **how)
    assert set(found) == {"loss", "token_accuracy", "perplexity"}
    assert found["perplexity"] == pytest.approx(math.exp(found["loss"]))
    assert task.watch(model, encoded, batch_size=1, **how)["loss"] == pytest.approx(found["loss"], rel=1e-4)
    assert "chrf" in task.watch(model, encoded, batch_size=2, metric="chrf", **how)
    with pytest.raises(RecipeError, match=r"no evaluation.metric 'f1'"):
        task.watch(model, encoded, batch_size=2, metric="f1", **how)


def test_outputs_longer_than_the_decoder_are_refused() -> None:
    with pytest.raises(RecipeError, match="max_target_length must be at most 512"):
        Translation(max_target_length=600).build(tiny("bart"), dropout=None)
    with pytest.raises(RecipeError, match="max_new_tokens must be at most 511"):
        Translation(max_new_tokens=600).build(tiny("encoder-decoder"), dropout=None)
    assert Translation(max_target_length=600).build(tiny("t5"), dropout=None).generation_config.max_new_tokens == 600


def test_rows_without_targets_are_a_problem(tmp_path: Path) -> None:
    corpus = read([{"en": "a b", "de": "c"}, {"en": "d e", "de": ""}], layout="pairs")
    assert "drop_empty" in Translation.problems(corpus)[0]
    bare = read([{"en": "a b"}], layout="pairs", text="en", require_label=False)
    assert "no target texts" in Translation.problems(bare)[0]
    assert not Translation.problems(sample("phrasebook", tidy=True))
    with pytest.raises(DataError, match="drop_empty"):
        path = tmp_path / "some.jsonl"
        path.write_text("".join(json.dumps({"en": f"a {i}", "de": "c" * (i % 2)}) + "\n" for i in range(20)), "utf-8")
        train(toy_recipe(path, tiny("t5").folder, task="translation"), tmp_path / "run")


def _never(rows: Any) -> Any:
    raise AssertionError("these baselines read texts, not tokens")


def test_baselines_of_translations() -> None:
    corpus = sample("phrasebook", tidy=True)
    found = Translation().baselines(corpus, corpus["test"], encode=_never, seed=0)
    assert found[COPY].predicted == list(corpus["test"]["text"])
    figures = {name: made.scores().values() for name, made in found.items()}
    assert figures[COPY]["bleu"] < 2 and figures[WORD_BY_WORD]["bleu"] > 20
    with pytest.raises(DataError, match="training rows with a target"):
        bare = read([{"en": "a b"}], layout="pairs", text="en", require_label=False)
        Translation().baselines(bare, bare["train"], encode=_never, seed=0)


def test_baselines_of_summaries() -> None:
    rows = {"row_id": ["a"], "text": ["One is first. Two is next!\nThree follows? Four is left out."], "target": ["x"]}
    learnt = read([{"text": "some words here", "summary": "one two three four five"}], layout="pairs")
    found = Summarization().baselines(learnt, rows, encode=_never, seed=0)
    assert found[LEAD_SENTENCES].predicted == ["One is first. Two is next! Three follows?"]
    assert found[LEAD_WORDS].predicted == ["One is first. Two is"]


@pytest.mark.parametrize("task", ["translation", "summarization"])
def test_a_run_from_data_to_predictions(task: str, tmp_path: Path) -> None:
    path = pairs(tmp_path)
    recipe = toy_recipe(
        path, tiny("bart").folder, task=task, budget={"epochs": 1}, model={"max_length": 32},
        data={"text": "en", "label": "de"}, generation={"max_target_length": 12, "beams": 2, "prefix": "big "},
        evaluation={"baselines": True, "slices": ["length"]},
    )  # fmt: skip
    run = train(recipe, tmp_path / "run")
    settings = json.loads((run.directory / "model" / "labkit.json").read_text("utf-8"))
    assert settings["beams"] == 2 and settings["prefix"] == "big " and settings["max_target_length"] == 12
    assert len(run.evaluation.baselines) == 2 and run.evaluation.first == {"translation": "bleu"}.get(task, "rougeL")
    predictor = Predictor.load(run)
    assert predictor.task == get(task).of_corpus(read(path, layout="pairs"), settings)
    said = predictor(["the red dog"])
    assert isinstance(said, TextPredictions) and said.inputs == ["the red dog"] and said.task == task
    new = tmp_path / "new.csv"
    new.write_text("en\nthe red dog\nthe old cat\n", encoding="utf-8")
    assert predict_file(run, new, tmp_path / "out.csv") == 2
    assert (tmp_path / "out.csv").read_text("utf-8").splitlines()[0] == '"row_id","text","predicted"'
    from labkit.training import evaluate

    assert evaluate(run, path).n == 60
    card = (run.directory / "README.md").read_text("utf-8")
    assert f"pipeline_tag: {task}" in card and "0 labels" not in card


@every
def test_plain_transformers_writes_the_same(family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, task = tiny(family), Translation(prefix="big ", max_target_length=10, beams=2)
    model = task.build(base, dropout=None)
    tokenizer = load_tokenizer(base)
    encoded = task.encode({"text": ["the red dog"]}, tokenizer, max_length=32)
    said = task.predict(model, encoded, row_ids=["a"], pad_id=tokenizer.pad_token_id, side="right")
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    script = tmp_path / "use.py"
    script.write_text(task.pipeline(str(tmp_path)).replace("…", "the red dog"), encoding="utf-8")
    runpy.run_path(str(script))
    (made,) = ast.literal_eval(capsys.readouterr().out.strip().splitlines()[-1])
    assert made.strip() == said.predicted[0]


def test_a_starter_learns_to_reorder_words(tmp_path: Path) -> None:
    recipe = toy_recipe(
        pairs(tmp_path, 400), tiny("t5").folder, task="translation", data={"text": "en", "label": "de"},
        model={"max_length": 24, "dropout": 0.0}, generation={"max_target_length": 16}, budget={"epochs": 16},
        optimizer={"learning_rate": 1e-2, "warmup": 0.1}, evaluation={"baselines": True, "every": 8.0},
    )  # fmt: skip
    run = train(recipe, tmp_path / "run")
    best = max(comparison.b["bleu"].value for comparison in run.evaluation.baselines.values())
    assert run.evaluation.metrics["bleu"] > 40 > 10 * best
    assert run.evaluation.metrics["exact_match"] > 0.2
