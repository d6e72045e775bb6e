"""Domain adaptation, forgetting, classes without labels, and models behind augmentation: on toy models."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toys import FILLER, WORDS, toy_recipe, toy_rows, write_csv
from transformers import AutoModelForCausalLM, AutoTokenizer
from written import DAYS, GERMAN, tiny_run

from labkit import cli
from labkit.data import load
from labkit.errors import DataError, ModelError, RecipeError, RunError, UnknownName
from labkit.evaluation import evaluate
from labkit.events import Event, Note, RunStarted, StepLogged
from labkit.models import build_starter
from labkit.training import (
    Predictor,
    Run,
    adapt,
    augmenters,
    filler,
    forgetting,
    load_adaptation,
    train,
    zero_shot,
)


def raw(folder: Path, topics: tuple[str, ...], count: int = 200, name: str = "raw") -> Path:
    chooser = random.Random(len(topics))
    texts = []
    for i in range(count):
        words = WORDS[topics[i % len(topics)]]
        pair = chooser.sample(words, 2)
        texts.append(" ".join(chooser.choice([*pair, *FILLER[:4]]) for _ in range(16)))
    path = folder / f"{name}.txt"
    path.write_text("\n\n".join(texts) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("method", ["masked", "causal"])
def test_language_models_adapt(method: Any, tmp_path: Path) -> None:
    base = build_starter(
        "bert" if method == "masked" else "gpt2", [" ".join(WORDS["food"])] * 3 + [" ".join(FILLER)], size="tiny"
    )
    found = adapt(
        raw(tmp_path, ("food",)), tmp_path / "out", model=str(base.folder), method=method, epochs=4,
        general=raw(tmp_path, ("travel",), 60, "general"),
        recipe={"optimizer": {"learning_rate": 1e-2}, "evaluation": {"baselines": False, "resamples": 100}},
    )  # fmt: skip
    assert found.after["domain"].value < 0.8 * found.before["domain"].value
    assert set(found.before) == set(found.after) == {"domain", "general"}
    assert load_adaptation(tmp_path / "out") == found
    with pytest.raises(RunError, match="another one"):
        adapt(raw(tmp_path, ("food",)), tmp_path / "out", model=str(base.folder), method=method, epochs=5)
    assert "on domain text" in str(found)
    rows = write_csv(tmp_path / "toy.csv", toy_rows(60))
    assert train(toy_recipe(rows, found.model), tmp_path / "tuned").status == "completed"


def test_a_model_without_a_head_of_its_own_learns_that_first(toy_model: Path, tmp_path: Path) -> None:
    found = adapt(
        raw(tmp_path, ("food",)), tmp_path / "out", model=str(toy_model), epochs=3,
        recipe={
            "optimizer": {"learning_rate": 1e-2}, "evaluation": {"baselines": False, "resamples": 100},
            "technique": {"l2_sp": 0.01, "mask_share": 0.2},
        },
    )  # fmt: skip
    assert (tmp_path / "out" / "head" / "model").is_dir() and found.model == str(tmp_path / "out" / "adapted")
    assert found.after["domain"].value < found.before["domain"].value
    first, then = (Run(tmp_path / "out" / name).recipe.technique for name in ("head", "adapted"))
    assert (first.trainable, first.l2_sp, first.mask_share) == ("head", 0.0, 0.2), "a body that is frozen needs no pull"
    assert (then.trainable, then.l2_sp, then.mask_share) == ("all", 0.01, 0.2)
    # the adapted body has no pooler, and a head of labkit's reads none: its weights are all known
    rows = write_csv(tmp_path / "toy.csv", toy_rows(60))
    probe = toy_recipe(rows, found.model, model={"pooling": "mean"}, technique={"trainable": "head", "solver": "lbfgs"})
    run = train(probe, tmp_path / "probe")
    assert any("its outputs are computed once" in event.text for event in run.events() if isinstance(event, Note))
    assert next(event.steps for event in run.events() if isinstance(event, RunStarted)) == 1, "fitted, not trained"


@pytest.mark.parametrize("method", ["simcse", "tsdae"])
def test_sentence_encoders_adapt(method: Any, toy_model: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    found = adapt(
        raw(tmp_path, ("food", "travel", "sport"), 300), tmp_path / "out", model=str(toy_model), method=method, epochs=20,
        watch=events.append,
    )  # fmt: skip
    losses = [event.loss for event in events if isinstance(event, StepLogged)]
    assert found.figure == "halves_found" and 0 <= found.after["domain"].value <= 1
    assert losses[-1] < losses[0]
    rows = write_csv(tmp_path / "toy.csv", toy_rows(60))
    assert train(toy_recipe(rows, found.model), tmp_path / "tuned").status == "completed"


def test_general_text_that_cannot_be_measured_by_is_named(toy_model: Path, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("\n\n".join(f"soup number {i}" for i in range(40)), "utf-8")
    with pytest.raises(DataError, match=r"short\.txt.*ten texts of ten words or more.*got 0"):
        adapt(
            raw(tmp_path, ("food",)),
            tmp_path / "out",
            model=str(toy_model),
            method="simcse",
            general=tmp_path / "short.txt",
        )


@pytest.mark.parametrize("method", ["simcse", "tsdae"])
def test_an_interrupted_sentence_encoder_goes_on(
    method: Any, toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.training._sentences._CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("labkit.training._trainer.LOG_SECONDS", 0.0)
    text = raw(tmp_path, ("food", "travel", "sport"), 100)
    steps: list[int] = []

    def killed(event: Event) -> None:
        if isinstance(event, StepLogged) and event.step == 4:
            raise KeyboardInterrupt

    def seen(event: Event) -> None:
        if isinstance(event, StepLogged):
            steps.append(event.step)

    whole = adapt(text, tmp_path / "whole", model=str(toy_model), method=method)
    with pytest.raises(KeyboardInterrupt):
        adapt(text, tmp_path / "halved", model=str(toy_model), method=method, watch=killed)
    with pytest.raises(RunError, match="another folder"):
        adapt(text, tmp_path / "halved", model=str(toy_model), method=method, seed=1)
    work = tmp_path / "halved" / "adapting" / "checkpoints"
    (work / "checkpoint-3").rename(work / "checkpoint.partial")  # killed before the rename
    shutil.copytree(work / "checkpoint.partial", work / "checkpoint-3")
    before = text.read_bytes()
    raw(tmp_path, ("food",), 120)
    with pytest.raises(DataError, match="other text"):
        adapt(text, tmp_path / "halved", model=str(toy_model), method=method)
    text.write_bytes(before)
    halved = adapt(text, tmp_path / "halved", model=str(toy_model), method=method, watch=seen)
    assert steps[0] == 4, "three were kept"
    one, other = (load_file(Path(found.model) / "model" / "model.safetensors") for found in (whole, halved))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert halved.after == whole.after and halved.before == whole.before
    assert {path.name for path in (tmp_path / "halved").iterdir()} == {"adaptation.json", "model"}
    (tmp_path / "halved" / "adapting").mkdir()  # killed before it was cleaned up
    assert adapt(text, tmp_path / "halved", model=str(toy_model), method=method) == halved
    assert not (tmp_path / "halved" / "adapting").exists()


def test_the_folder_of_an_adaptation_is_its_own(toy_run: Run, toy_model: Path, tmp_path: Path) -> None:
    text = raw(tmp_path, ("food", "travel"), 120)
    with pytest.raises(RunError, match="holds a model"):
        adapt(text, toy_run.directory, model=str(toy_model), method="simcse")
    distil = build_starter("distilbert", ["some words"], size="tiny")
    with pytest.raises(ModelError, match="Take simcse"):
        adapt(text, tmp_path / "out", model=str(distil.folder), method="tsdae")
    found = adapt(text, tmp_path / "out", model=str(distil.folder), method="simcse", epochs=1, seed=2**40)
    assert found.method == "simcse", "as the error said"


@pytest.mark.parametrize("method", ["masked", "simcse"])
def test_general_text_that_is_not_there_is_missed_before_the_training(
    method: Any, toy_model: Path, tmp_path: Path
) -> None:
    text, typed = raw(tmp_path, ("food",)), tmp_path / "genral.txt"
    with pytest.raises(DataError, match=r"genral\.txt"):
        adapt(text, tmp_path / "out", model=str(toy_model), method=method, general=typed)
    assert not (tmp_path / "out").exists(), "nothing was trained"


def test_what_cannot_adapt(toy_model: Path, tmp_path: Path) -> None:
    text = raw(tmp_path, ("food",))
    with pytest.raises(UnknownName, match="simcse"):
        unknown: Any = "mlm"
        adapt(text, tmp_path / "a", method=unknown)
    small = build_starter("gpt2", ["some words"], size="tiny")
    with pytest.raises(ModelError):
        adapt(text, tmp_path / "b", model=str(small.folder), method="masked")
    distil = build_starter("distilbert", ["some words"], size="tiny")
    with pytest.raises(ModelError, match="simcse"):
        adapt(text, tmp_path / "c", model=str(distil.folder), method="tsdae")
    with pytest.raises(RecipeError, match=r"data\.test_share holds out what perplexity is measured on"):
        adapt(text, tmp_path / "d", model=str(toy_model), recipe={"data": {"test_share": 0.0}})
    still = shutil.copytree(toy_model, tmp_path / "still")
    config = json.loads((still / "config.json").read_text("utf-8"))
    calm = {name: 0.0 for name in config if "dropout" in name}
    (still / "config.json").write_text(json.dumps({**config, **calm}), "utf-8")
    with pytest.raises(ModelError, match=r"two readings of a text differ.*Take tsdae"):
        adapt(text, tmp_path / "e", model=str(still), method="simcse")
    assert not any((tmp_path / name).exists() for name in "de")


def test_forgetting_is_seen(tmp_path: Path) -> None:
    """A language model of two topics that is then made to tell others apart, at far too high a rate, has forgotten."""
    text = raw(tmp_path, ("food", "travel"), 200)
    base = build_starter("bert", text.read_text("utf-8").split("\n\n"), size="tiny")
    known = adapt(
        text, tmp_path / "known", model=str(base.folder), epochs=6,
        recipe={"optimizer": {"learning_rate": 1e-2}, "evaluation": {"baselines": False, "resamples": 100}},
    )  # fmt: skip
    rows = write_csv(tmp_path / "toy.csv", toy_rows(90))
    made = toy_recipe(rows, known.model, optimizer={"learning_rate": 3e-2}, budget={"epochs": 6})
    wild = train(made, tmp_path / "wild")
    calm = train(made.with_values(technique={"trainable": "head"}), tmp_path / "calm")
    probe = write_csv(tmp_path / "probe.csv", toy_rows(150, seed=4))
    lost = forgetting(wild, general=text, probe=probe)
    beside = {
        kind: train(
            made.with_values(technique={"trainable": kind}, adapter={"merge": False}, optimizer={"learning_rate": 0.1}),
            tmp_path / kind,
        )
        for kind in ("lora", "bottleneck", "prompt")
    }
    for kind in ("lora", "bottleneck"):  # the weights beside the base model's make it forget as those in it do
        found = forgetting(beside[kind], general=text)
        assert found.before and found.after and found.after.value > 1.2 * found.before.value, kind
    assert forgetting(beside["lora"], probe=probe).probe_p_value is not None
    with pytest.raises(ModelError, match="Leave the probe out"):
        forgetting(beside["bottleneck"], probe=probe)
    with pytest.raises(ModelError, match="nothing to measure"):
        forgetting(beside["prompt"], general=text)
    kept = forgetting(calm, general=text)
    assert lost.before and lost.after and lost.after.value > 1.2 * lost.before.value
    assert kept.before and kept.after and kept.after.value == pytest.approx(kept.before.value, rel=1e-3)
    assert lost.probe_before and lost.probe_after and lost.probe_p_value is not None
    assert "linear probe" in str(lost)
    (tmp_path / "one.txt").write_text("one text alone\n", "utf-8")
    alone = forgetting(calm, general=tmp_path / "one.txt")
    assert alone.before and alone.before.low is None and f"{alone.before.value:.4g} before" in str(alone)


def _gain(writer: Run, text: str, ending: str) -> float:
    """How much likelier an ending is behind a text than behind nothing, by the loss that transformers computes."""
    tokenizer = AutoTokenizer.from_pretrained(writer.model_folder)
    model = AutoModelForCausalLM.from_pretrained(writer.model_folder).eval()
    losses = []
    words: list[int]
    for words in (tokenizer(text, add_special_tokens=False).input_ids, []):
        before = [tokenizer.bos_token_id or tokenizer.eos_token_id, *words]
        said = tokenizer(f" {ending}", add_special_tokens=False).input_ids
        ids = torch.tensor([[*before, *said]])
        with torch.inference_mode():
            losses.append(float(model(input_ids=ids, labels=torch.tensor([[-100] * len(before) + said])).loss))
    return losses[1] - losses[0]


def test_zero_shot_by_embeddings_and_likelihoods(toy_model: Path, tmp_path: Path, capsys: Any) -> None:
    described = {name: [" ".join(words), words[0]] for name, words in WORDS.items()}
    rows = toy_rows(60)
    texts, gold = [row["text"] for row in rows], [row["topic"] for row in rows]
    said = zero_shot(texts, described, model=str(toy_model), gold=gold)
    assert said.probabilities.shape == (60, 3) and np.allclose(said.probabilities.sum(1), 1)
    assert evaluate(said, slices=()).n == 60
    writer = tiny_run("raw", tmp_path, epochs=1)
    causal = zero_shot(texts[:5], ["sport", "food"], model=str(writer.directory))
    assert causal.probabilities.shape == (5, 2)
    alone = zero_shot(texts[3:4], ["sport", "food"], model=str(writer.directory))
    assert np.allclose(alone.probabilities[0], causal.probabilities[3], atol=1e-5)
    endings = {
        "sport": [f"goal {i * 'and '}match" for i in range(7)],
        "food": ["soup", "bread and soup"],
    }  # of two batches
    many = zero_shot(texts[:2], endings, model=str(writer.directory), template="{}")
    for text, came in zip(texts, many.probabilities, strict=False):
        one_by_one = [np.mean([_gain(writer, text, one) for one in some]) for some in endings.values()]
        assert came[1] == pytest.approx(1 / (1 + np.exp(one_by_one[0] - one_by_one[1])), abs=1e-5)
    with pytest.raises(ModelError, match="entailment"):
        zero_shot(texts, described, model=str(toy_model), method="entailment")
    with pytest.raises(DataError, match="two classes"):
        zero_shot(texts, ["one"])
    with pytest.raises(DataError, match=r"with {}"):
        zero_shot(texts, described, template="about it")
    path = write_csv(tmp_path / "toy.csv", rows)
    (tmp_path / "told.json").write_text(json.dumps(described), "utf-8")
    command = ["zero-shot", str(path), "--describe", str(tmp_path / "told.json"), "--model", str(toy_model)]
    assert cli.main(command) == 0
    assert "Accuracy" in capsys.readouterr().out


def test_zero_shot_by_entailment(toy_model: Path, tmp_path: Path) -> None:
    """Each class gets its probability of entailment, which transformers' own pipeline finds, as its share of their sum."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    torch.manual_seed(0)
    names = ["contradiction", "entailment"]
    model = AutoModelForSequenceClassification.from_pretrained(
        toy_model, num_labels=2, id2label=dict(enumerate(names)), label2id={name: i for i, name in enumerate(names)}
    )
    for weight in model.parameters():
        if weight.ndim == 2:
            weight.data *= 8  # so that its opinions differ
    model.save_pretrained(tmp_path / "model")
    AutoTokenizer.from_pretrained(toy_model).save_pretrained(tmp_path / "model")
    texts = ["goal match team", "soup bread oven", "train ticket hotel and more of it"]
    said = zero_shot(texts, sorted(WORDS), model=str(tmp_path / "model"), template="This text is about {}.")
    plain = pipeline("zero-shot-classification", str(tmp_path / "model"))
    for text, row in zip(texts, said.probabilities, strict=True):
        theirs = plain(text, sorted(WORDS), hypothesis_template="This text is about {}.", multi_label=True)
        for name, score in zip(theirs["labels"], theirs["scores"], strict=True):
            assert row[said.labels.index(name)] == pytest.approx(score / sum(theirs["scores"]), abs=1e-5)
    assert np.ptp(said.probabilities) > 1e-3


def test_words_are_filled_in_by_a_masked_model(toy_model: Path, tmp_path: Path, capsys: Any) -> None:
    run = tiny_run("masks", tmp_path, epochs=4)
    fill = filler(str(run.directory))
    said = fill(["soup bread soup soup", "Goal"], [[(5, 10)], []])
    assert len(said) == 2 and len(said[0]) == 1 and said[1] == []
    assert said[0][0].lower() != "bread" and said[0][0].isalpha()
    assert fill(["soup bread soup soup", "Goal"], [[(5, 10)], []]) == said
    with pytest.raises(ModelError, match="whose head is new"):
        filler(str(toy_model))
    with pytest.raises(RecipeError, match="augment_model"):
        augmenters(toy_recipe("x.csv", toy_model, data={"train": "x.csv", "augment": ("substitute",)}).data)
    path = write_csv(tmp_path / "toy.csv", toy_rows(60))
    made = toy_recipe(
        path,
        toy_model,
        data={"train": str(path), "augment": ("substitute", "typos"), "augment_model": str(run.directory)},
    )
    done = train(made, tmp_path / "run")
    assert next(event.rows for event in done.events() if hasattr(event, "rows"))["train"] > 60
    assert done.recipe.data.augment_model == str(run.directory), "the run can be resumed"
    assert cli.main(["augment", str(path), "--method", "substitute", "--model", str(run.directory)]) == 0
    assert capsys.readouterr().out.count("substitute\n") == 5


def translator(folder: Path, name: str, words: dict[str, str]) -> Run:
    """A run that has learnt which word stands for which."""
    chooser = random.Random(1)
    told = [[chooser.choice(list(words)) for _ in range(1 + i % 2)] for i in range(160)]
    rows = [{"text": " ".join(some), "target": " ".join(words[one] for one in some)} for some in told]
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    base = build_starter("t5", [text for row in rows for text in row.values()], size="tiny")
    made = toy_recipe(path, base.folder, task="translation", budget={"epochs": 10})
    made = made.with_values(generation={"max_target_length": 8}, model={"max_length": 16})
    return train(made, folder / name)


def test_training_rows_are_translated_there_and_back(toy_model: Path, tmp_path: Path) -> None:
    there = translator(tmp_path, "there", GERMAN)
    back = translator(tmp_path, "back", {german: f"{day[:3]}." for day, german in GERMAN.items()})
    chooser = random.Random(2)
    texts = [" ".join(chooser.choice(DAYS) for _ in range(chooser.randint(1, 3))) for _ in range(70)]
    rows = [{"id": f"r{i}", "text": text, "topic": text.split()[0][:1]} for i, text in enumerate(texts)]
    path = write_csv(tmp_path / "days.csv", rows)
    plain = toy_recipe(path, toy_model, data={"train": str(path), "split_by": "random"}, budget={"max_steps": 1})
    both = (str(there.directory), str(back.directory))
    made = plain.with_values(data={"augment": ("back_translate",), "augment_translators": both})
    before, corpus = load(plain.data), load(made.data, **augmenters(made.data))
    count = len(before["train"])
    assert corpus["train"][:count] == before["train"][:] and len(corpus["train"]) > count > 32, "more than a batch"
    for name in ("validation", "test"):
        assert corpus[name][:] == before[name][:], "only training rows are changed"
    first, second = Predictor.load(there), Predictor.load(back)
    alone = {text: second([first([text]).predicted[0]]).predicted[0] for text in sorted(set(before["train"]["text"]))}
    assert len(set(alone.values())) > 3, "different texts have different translations"
    source = {row["row_id"]: row for row in before["train"]}
    for row in corpus["train"].select(range(count, len(corpus["train"]))):
        old = source[row["row_id"].removesuffix("~1")]
        assert (row["text"], row["label"]) == (alone[old["text"]], old["label"]) and row["text"] != old["text"]
    assert load(made.data, **augmenters(made.data))["train"][:] == corpus["train"][:]
    run = train(made, tmp_path / "run")
    begun = next(event for event in run.events() if isinstance(event, RunStarted))
    assert begun.rows["train"] == len(corpus["train"])


def test_a_rate_from_the_command_line(toy_model: Path, tmp_path: Path, capsys: Any) -> None:
    toy_recipe(write_csv(tmp_path / "toy.csv", toy_rows(60)), toy_model).save(tmp_path / "toy.toml")
    assert cli.main(["rate", str(tmp_path / "toy.toml"), "--steps", "30"]) == 0
    assert capsys.readouterr().out.startswith("learning rate ")


@pytest.mark.parametrize("method", ["masked", "causal", "simcse", "tsdae"])
@pytest.mark.parametrize("epochs", [-1.0, 0.0, float("nan"), float("inf")])
def test_no_method_adapts_for_no_epochs(method: Any, epochs: float, toy_model: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=rf"epochs must be above 0 and at most 100000, not {epochs}\."):
        adapt(tmp_path / "unread.txt", tmp_path / "out", model=str(toy_model), method=method, epochs=epochs)
    assert not (tmp_path / "out").exists()


def test_a_probe_on_scores_is_refused_before_anything_is_measured(toy_run: Run, tmp_path: Path) -> None:
    rows = [{**row, "topic": str(40.5 + 5 * len(row["text"].split()))} for row in toy_rows(60)]
    scores = write_csv(tmp_path / "scores.csv", rows)
    with pytest.raises(DataError, match=r"scores\.csv: Expected classes .* but got scores\. Give data with classes as"):
        forgetting(toy_run, probe=scores, general=tmp_path / "unread.txt")
    assert forgetting(toy_run, probe=scores, probe_data={"scores": False, "split_by": "random"}).probe == "accuracy"


@pytest.mark.parametrize(
    ("family", "measured", "said"),
    [
        ("t5", "general", r"a masked or a causal language model.*a t5, which is neither\. Leave general out"),
        ("t5", "probe", r"with one body, .*a t5, which has two: an encoder and a decoder\. Leave probe out"),
        ("bart", "probe", r"with one body, .*a bart, which has two: an encoder and a decoder\. Leave probe out"),
        ("bart", "general", ""),  # it has learnt to fill masks
        ("xlnet", "general", r"a xlnet, which is neither"),  # it sees the words that it is to foresee
    ],
)
def test_what_forgetting_cannot_measure(family: Any, measured: str, said: str, toy_data: Path, tmp_path: Path) -> None:
    rows = toy_rows(60)
    base = build_starter(family, [row["text"] for row in rows], size="tiny")
    run = train(toy_recipe(toy_data, base.folder, budget={"max_steps": 1}), tmp_path / family)
    (tmp_path / "raw.txt").write_text("\n\n".join(row["text"] for row in rows), "utf-8")
    asked: dict[str, Any] = {measured: tmp_path / "raw.txt" if measured == "general" else toy_data}
    if not said:
        assert forgetting(run, **asked).figure == "pseudo_perplexity"
        return
    with pytest.raises(ModelError, match=said):
        forgetting(run, **asked)


def test_a_decoder_whose_head_is_its_embeddings_has_lost_none(tmp_path: Path) -> None:
    base = build_starter("gpt2", [row["text"] for row in toy_rows(60)], size="tiny")
    rows = write_csv(tmp_path / "toy.csv", toy_rows(60))
    sorter = train(toy_recipe(rows, base.folder, budget={"max_steps": 2}), tmp_path / "sorter").model_folder
    text = raw(tmp_path, ("food",), 120)
    found = adapt(text, tmp_path / "out", model=str(sorter), method="causal", epochs=1)
    assert found.after["domain"].value < found.before["domain"].value
    assert not (tmp_path / "out" / "head").exists(), "there is no head to be learnt first"
