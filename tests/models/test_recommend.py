"""Which model fits: the machine, the forecast and the ranking."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from labkit import data, models
from labkit.errors import UnknownName
from labkit.models import EMBEDDED, LayerSpeed, Machine, default_epochs, find, forecast, layer_speed, machine, recommend

pytestmark = pytest.mark.usefixtures("empty_hub")

HERE = Machine(device="cpu", name="a processor", cores=4, threads=4, memory_gb=16.0, free_memory_gb=12.0)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speeds as if measured, so that a ranking does not depend on how busy this machine is."""
    module = "labkit.models._recommend"
    monkeypatch.setattr(
        f"{module}.forecast_speed", lambda hidden, *_: LayerSpeed(float32=hidden**2 * 1e-10, bf16=hidden**2 * 2e-10)
    )
    monkeypatch.setattr(f"{module}.optimizer_seconds", lambda *_: 1e-9)


def test_the_machine_is_described() -> None:
    here = machine()
    assert here.device in ("cpu", "cuda", "mps") and here.name
    assert here.cores >= 1 and here.threads >= 1
    assert 0 < here.free_memory_gb <= here.memory_gb
    assert (here.gpu_memory_gb > 0) == (here.device == "cuda")
    assert models.usable_cores() == here.cores


@pytest.mark.parametrize(
    ("asked", "cores"), [("1", 1), ("1,4", 1), ("100000", None), ("0", None), ("many", None), ("", None)]
)
def test_threads_that_openmp_is_told_to_use_are_the_cores_to_use(
    asked: str, cores: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    here = models.usable_cores()
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert models.usable_cores() == (cores or here)


def test_a_catalogue_is_forecast_from_two_widths(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = set()

    def measuring(hidden: int, *_: object) -> LayerSpeed:
        asked.add(hidden)
        return LayerSpeed(float32=hidden**2 * 1e-10, bf16=hidden**2 * 2e-10)

    monkeypatch.setattr("labkit.models._machine.layer_speed", measuring)
    speeds = [models.forecast_speed(width, 16).float32 for width in (384, 576, 768, 2048)]
    assert speeds == pytest.approx([width**2 * 1e-10 for width in (384, 576, 768, 2048)])
    assert asked == {384, 768}


def test_measuring_moves_no_random_numbers() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    speed = layer_speed(64, 4, 0, "cpu")
    assert torch.equal(torch.rand(4), expected)
    assert 0 < speed.float32 < 1 and 0 < speed.bf16 < 1
    assert layer_speed(64, 4, 0, "cpu") is speed, "it is measured once"


def test_bf16_must_be_clearly_faster_to_be_chosen() -> None:
    assert LayerSpeed(float32=1.0, bf16=0.5).best == "bf16"
    assert LayerSpeed(float32=1.0, bf16=0.95).best == "float32"
    assert LayerSpeed(float32=1.0, bf16=3.0).best == "float32"
    speed = LayerSpeed(float32=1.0, bf16=3.0)
    assert (speed.seconds("float32"), speed.seconds("bf16")) == (1.0, 3.0)


@pytest.mark.usefixtures("measured")
def test_a_forecast_grows_with_the_work() -> None:
    card = find(EMBEDDED)
    base = forecast(card, rows=1000, epochs=5, on=HERE)
    assert base.seconds > 0 and base.precision == "float32"
    assert forecast(card, rows=2000, epochs=5, on=HERE).seconds == pytest.approx(2 * base.seconds, rel=0.05)
    assert forecast(card, rows=1000, epochs=10, on=HERE).seconds == pytest.approx(2 * base.seconds)
    assert forecast(card, rows=1000, tokens=64, epochs=5, on=HERE).seconds > 1.5 * base.seconds
    assert forecast(card, rows=1000, tokens=64, on=HERE).memory_mb > base.memory_mb
    assert forecast(card, rows=1000, batch_size=64, on=HERE).memory_mb > base.memory_mb
    larger = forecast(find("roberta-large"), rows=1000, on=HERE)
    assert larger.seconds > 5 * base.seconds
    assert larger.memory_mb > 16 * 355, "weights, gradients and two moments of every parameter"


def test_few_rows_are_passed_more_often() -> None:
    assert [default_epochs(rows) for rows in (0, 100, 1000, 1600, 2000, 100_000)] == [20, 20, 16, 10, 8, 8]
    assert default_epochs(1000, batch_size=8) == 8, "smaller batches are more steps"
    some = forecast(find(EMBEDDED), rows=1000, on=HERE)
    assert some == forecast(find(EMBEDDED), rows=1000, epochs=16, on=HERE), "a forecast is of what would be trained"


def test_a_forecast_is_measured_here() -> None:
    assert forecast(find("bert-tiny"), rows=100).seconds > 0


@pytest.mark.usefixtures("measured")
def test_predicting_words_costs_what_the_vocabulary_is_large() -> None:
    card = find("gpt2")
    plain = forecast(card, rows=1000, on=HERE)
    written = forecast(card, rows=1000, on=HERE, task="text-generation")
    assert written.seconds > 1.2 * plain.seconds and written.memory_mb > plain.memory_mb
    smaller = dataclasses.replace(card, vocabulary=1000)
    assert forecast(smaller, rows=1000, on=HERE, task="text-generation").seconds < written.seconds


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("task", "sample"),
    [("translation", "phrasebook"), ("summarization", "meetings"), ("text-generation", "garden"), ("fill-mask", "garden"),
     ("question-answering", "qa"), ("token-classification", "ner")],
)  # fmt: skip
def test_every_task_has_a_ranking_with_the_untrained_behind(task: str, sample: str) -> None:
    starters = ("starter:t5", "starter:t5-tiny")
    ranked = recommend(task, data.sample(sample), HERE, starters=starters)
    cards = [r.card for r in ranked if r.card.hub_id]
    assert cards and all(task in card.tasks for card in cards)
    fitting = [r.card.name for r in ranked if r.fits]
    assert fitting[-2:] == list(starters), "behind whatever is pretrained and fits"
    last = ranked[[r.card.name for r in ranked].index("starter:t5")]
    assert last.reasons[0].startswith("untrained") and last.offline
    assert [r.card.name for r in recommend(task, hardware=HERE, offline=True, starters=starters)][-2:] == list(starters)


@pytest.mark.usefixtures("measured")
def test_a_ranking_gives_its_reasons() -> None:
    ranked = recommend(hardware=HERE)
    assert len(ranked) > 20
    assert [r.score for r in ranked] == sorted((r.score for r in ranked), reverse=True)
    assert all(r.card.safetensors and "text-classification" in r.card.tasks for r in ranked)
    for r in ranked:
        words = "; ".join(r.reasons)
        assert "of training on this machine" in words and "GB of memory" in words
        assert ("no download" in words) == r.offline and ("to be downloaded once" in words) == (not r.offline)
        assert r.to_dict()["name"] == r.card.name
    assert [r.card.name for r in ranked if r.offline] == [EMBEDDED]


@pytest.mark.usefixtures("measured")
def test_offline_there_is_the_embedded_model_only() -> None:
    (only,) = recommend(hardware=HERE, offline=True)
    assert only.card.name == EMBEDDED and only.offline and only.fits


@pytest.mark.usefixtures("measured")
def test_a_small_machine_fits_little() -> None:
    tiny = dataclasses.replace(HERE, memory_gb=2.0, free_memory_gb=1.6)
    ranked = {r.card.name: r for r in recommend(hardware=tiny)}
    assert not ranked["roberta-base"].fits and ranked["bert-tiny"].fits
    assert any("more than is free" in reason for reason in ranked["roberta-base"].reasons)
    order = list(ranked)
    assert order.index("bert-tiny") < order.index("roberta-base")
    none = recommend(hardware=dataclasses.replace(HERE, memory_gb=0.3, free_memory_gb=0.2))
    assert not any(r.fits for r in none)


@pytest.mark.usefixtures("measured")
def test_what_one_asks_for_changes_the_ranking() -> None:
    def place(name: str, **asked: object) -> int:
        return [r.card.name for r in recommend(hardware=HERE, **asked)].index(name)  # type: ignore[arg-type]

    assert place("xlm-roberta-base", language="de") < place("xlm-roberta-base")
    assert place("bioclinical-modernbert-base", domain="medicine") < place("bioclinical-modernbert-base")
    assert place("bert-tiny", minutes=0.05) < place("bert-tiny", minutes=600)
    first = recommend(hardware=HERE, language="de")[0]
    assert {"de", "multilingual"} & set(first.card.languages)


@pytest.mark.usefixtures("measured")
def test_the_data_counts(toy_data: Path) -> None:
    corpus = data.read(str(toy_data))
    small, assumed = recommend(data=corpus, hardware=HERE), recommend(hardware=HERE)
    seconds = {r.card.name: r.forecast.seconds for r in assumed}
    assert all(r.forecast.seconds < seconds[r.card.name] for r in small), "120 short rows instead of 1,000"


@pytest.mark.usefixtures("measured")
def test_unknown_wishes_are_named() -> None:
    with pytest.raises(UnknownName, match="text-classification"):
        recommend("text-clasification", hardware=HERE)
    with pytest.raises(UnknownName, match="medicine"):
        recommend(domain="medical", hardware=HERE)


def test_a_measured_speed_is_kept_for_the_next_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Measured anew on a busy machine, another precision could come out, and with it another model."""
    measured: list[LayerSpeed] = []

    def measure(*_: object) -> LayerSpeed:
        measured.append(LayerSpeed(float32=1.0 + len(measured), bf16=1.0))
        return measured[-1]

    def ask() -> LayerSpeed:
        layer_speed.cache_clear()  # as another process
        return layer_speed(64, 2, 0, "cpu")

    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("labkit.models._machine._measure_layer", measure)
    assert ask() == ask() == measured[0] and len(measured) == 1
    models.measure_again()
    assert ask() == measured[1]
    (kept,) = (tmp_path / "cache").iterdir()
    for content in ("", "[]", '{"x": 1}', kept.read_text("utf-8").replace("float32", "float33")):
        kept.write_text(content)
        assert ask() == measured[-1], "a damaged file is measured over"
    assert len(measured) == 6
    layer_speed.cache_clear()
