"""The model picker without a browser."""

from __future__ import annotations

import pytest

from labkit import data, models
from labkit.errors import LabError, ModelError, UnknownName
from labkit.widgets import ModelPicker


def test_its_value_is_what_load_takes() -> None:
    picker = ModelPicker()
    assert models.resolve(picker.value).card is not None
    picker.select("google-bert/bert-base-uncased")
    assert picker.value == "bert-base-uncased"
    picker.select("someone/some-model")
    assert picker.value == "someone/some-model"
    with pytest.raises(ModelError):
        picker.select("gpt-3")
    with pytest.raises(UnknownName, match="bert-base-uncased"):
        picker.select("bert-base-uncasd")
    with pytest.raises(ModelError):
        picker.select("./no/such/folder")
    assert picker.value == "someone/some-model", "a mistake changes nothing"


def test_filters_and_order() -> None:
    picker = ModelPicker()
    everything = picker.rows()
    picker.filter(family="BERT", search="uncased")
    rows = picker.rows()["rows"]
    assert 0 < len(rows) < everything["of"] and {row["family"] for row in rows} == {"BERT"}
    picker.filter(family="", search="")
    for sort, key in (("size", "parameters_m"), ("time", "seconds"), ("name", "name")):
        picker.sort = sort
        values = [row[key] for row in picker.rows()["rows"]]
        assert values == sorted(values)
    picker.filter(offline=True)
    assert "minilm" in [row["name"] for row in picker.rows()["rows"]]
    with pytest.raises(UnknownName, match="family"):
        picker.filter(famly="BERT")


def test_forecasts_follow_the_data() -> None:
    small = data.read([{"text": f"row {i} of few", "label": "ab"[i % 2]} for i in range(20)])
    large = data.read([{"text": f"row {i} of many words " * 4, "label": "ab"[i % 2]} for i in range(2000)])
    seconds = [ModelPicker(corpus).card("minilm")["seconds"] for corpus in (small, large)]
    assert seconds[1] > 20 * seconds[0]


def test_the_face_shows_the_choice_and_escapes_it() -> None:
    picker = ModelPicker()
    picker.value = "<script>alert(1)</script>"
    face = picker._repr_html_()
    assert "<script>" not in face and "&lt;script&gt;" in face
    bundle, _ = picker._repr_mimebundle_()
    assert {"text/html", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(bundle)


def test_the_cell_runs() -> None:
    picker = ModelPicker(value="minilm")
    found: dict[str, object] = {}
    exec(compile(picker.code, "cell", "exec"), found)  # noqa: S102
    assert found["base"].name == "minilm"  # type: ignore[attr-defined]


def test_unknown_task() -> None:
    with pytest.raises(LabError, match="text-classification"):
        ModelPicker(task="text-clasification")
