"""Texts written in other ways than the recipe says: searched with beams, drawn with a seed, shorter and longer."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from written import tiny_run

from labkit.errors import DataError, LabError
from labkit.tasks import Outputs
from labkit.training import Predictor, Run


@pytest.fixture(scope="module", params=["translation", "raw", "chat"])
def predictor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return Predictor.load(tiny_run(request.param, tmp_path_factory.mktemp(request.param), epochs=2))


def texts(outputs: list[Outputs]) -> list[list[str]]:
    return [[one.text for one in output.texts] for output in outputs]


ASKED = ["monday friday", "sunday", "tuesday wednesday thursday"]


def test_unless_told_otherwise_it_writes_as_the_recipe_says(predictor: Predictor) -> None:
    outputs = predictor.write(ASKED)
    assert [one for (one,) in texts(outputs)] == list(predictor(ASKED).predicted)
    assert predictor.writing is not None
    for output, asked in zip(outputs, ASKED, strict=True):
        assert asked in output.read and output.cut == 0
        (written,) = output.texts
        assert 0 < written.confidence <= 1 and written.tokens <= predictor.writing.max_new_tokens
        assert written.ended or written.tokens == predictor.writing.max_new_tokens


def test_confidence_is_the_mean_probability_of_the_tokens(predictor: Predictor) -> None:
    (output,) = predictor.write(ASKED[0], samples=1, temperature=3.0, seed=4, max_new_tokens=5)
    tokenizer, model = predictor.tokenizer, predictor.model
    torch.manual_seed(4)
    before = tokenizer(output.read, add_special_tokens=False, return_tensors="pt")["input_ids"]
    ids = model.generate(
        before, attention_mask=torch.ones_like(before), do_sample=True, temperature=3.0, top_k=0, max_new_tokens=5,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    whole = model.config.is_encoder_decoder
    new = ids[0, 1:] if whole else ids[0, before.shape[1] :]
    with torch.no_grad():
        logits = model(input_ids=before, decoder_input_ids=ids[:, :-1]).logits if whole else model(ids[:, :-1]).logits
    said = torch.log_softmax(logits[0, -len(new) :], dim=-1)[torch.arange(len(new)), new]
    assert output.texts[0].text == tokenizer.decode(new, skip_special_tokens=True).strip()
    assert output.texts[0].confidence == pytest.approx(float(said.mean().exp()), rel=1e-3), "whatever the temperature"


def test_a_seed_says_what_is_drawn(predictor: Predictor) -> None:
    before = torch.random.get_rng_state()
    drawn = texts(predictor.write(ASKED, samples=3, temperature=2.0, seed=7))
    assert torch.equal(torch.random.get_rng_state(), before), "nobody else's random numbers change"
    assert all(len(some) == 3 for some in drawn) and len({text for some in drawn for text in some}) >= 3
    assert drawn == texts(predictor.write(ASKED, samples=3, temperature=2.0, seed=7))
    assert drawn != texts(predictor.write(ASKED, samples=3, temperature=2.0, seed=8))
    alone = [texts(predictor.write(one, samples=3, temperature=2.0, seed=7))[0] for one in ASKED]
    assert alone == drawn, "whatever stands beside it"


def test_what_is_drawn_coldly_is_the_most_probable_text(predictor: Predictor) -> None:
    searched = texts(predictor.write(ASKED))
    assert texts(predictor.write(ASKED, samples=1, temperature=1e-3)) == searched
    assert texts(predictor.write(ASKED, samples=1, top_p=1e-6)) == searched


def test_beams_are_those_of_the_recipe(predictor: Predictor) -> None:
    told = texts(predictor.write(ASKED, beams=4))
    before = predictor.task
    try:
        predictor.task = dataclasses.replace(predictor.task, beams=4)  # type: ignore[type-var]
        assert [one for (one,) in told] == list(predictor(ASKED).predicted)
        assert predictor.writing == dataclasses.replace(before.writing(predictor.max_length), beams=4)  # type: ignore[attr-defined]
    finally:
        predictor.task = before


def test_a_text_that_is_stopped_says_so(predictor: Predictor) -> None:
    for outputs in (predictor.write(ASKED, max_new_tokens=2), predictor.write(ASKED, max_new_tokens=2, beams=3)):
        for (written,) in (output.texts for output in outputs):
            assert written.tokens <= 2 and (written.ended or written.tokens == 2)


def test_what_is_not_read_is_counted(predictor: Predictor) -> None:
    (output,) = predictor.write(" ".join(["monday"] * 100), max_new_tokens=4)
    assert output.cut > 50 and output.read.count("monday") < 50
    read = len(predictor.tokenizer(output.read, add_special_tokens=False)["input_ids"])
    assert read <= predictor.max_length


def test_what_it_refuses(predictor: Predictor, toy_run: Run) -> None:
    for wrong, said in (
        ({"temperature": 0}, "temperature"), ({"top_p": 1.1}, "top_p"), ({"samples": -1}, "samples"),
        ({"max_new_tokens": 0}, "max_new_tokens"), ({"beams": 2.5}, "beams"), ({"seed": True}, "seed"),
        ({"samples": 2, "beams": 2}, "beams or samples"), ({"max_new_tokens": 5000}, "5,?000"),
        ({"temperature": float("nan")}, "temperature"),
    ):  # fmt: skip
        with pytest.raises(LabError, match=said):
            predictor.write("monday", **wrong)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="item 2"):
        predictor.write(["monday", None])
    assert predictor.write([]) == []
    other = Predictor.load(toy_run)
    assert other.writing is None
    with pytest.raises(LabError, match="text-classification"):
        other.write("monday")


def test_a_chat_shows_its_template(tmp_path: Path) -> None:
    predictor = Predictor.load(tiny_run("chat", tmp_path, epochs=1))
    (output,) = predictor.write("monday friday")
    assert output.read == "User: monday friday\nAssistant:"
