"""What holds for every widget: the two halves agree, bundles are there, texts are escaped, wrong keywords are refused."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import ipywidgets
import pytest

from labkit import widgets
from labkit.errors import LabError
from labkit.widgets import LabWidget

HOME = Path(__file__).parents[2]
SOURCES = HOME / "widgets" / "src"
CLASSES = [member for _, member in inspect.getmembers(widgets, inspect.isclass) if member is not LabWidget]
BROWSER = [cls for cls in CLASSES if issubclass(cls, LabWidget)]
COMMON = {*ipywidgets.DOMWidget().traits(sync=True), "error", "code", "_esm", "_css", "_anywidget_id"}


def browser_half(cls: type[LabWidget]) -> str:
    """``<stem>.tsx``, and the modules in the folder ``<stem>/`` where it is more than one."""
    files = [SOURCES / f"{cls.stem}.tsx", *sorted((SOURCES / cls.stem).glob("*.ts*"))]
    return "\n".join(path.read_text("utf-8") for path in files)


def block(source: str, name: str) -> str:
    found = re.search(rf"interface {name}[^{{]*{{(.*?)\n}}", source, re.S)
    assert found, f"interface {name}"
    return found[1]


@pytest.mark.parametrize("cls", BROWSER, ids=lambda cls: cls.__name__)
def test_both_halves_name_the_same_traits(cls: type[LabWidget]) -> None:
    source = browser_half(cls)
    theirs = set(re.findall(r"^  (\w+)\??:", block(source, "Traits"), re.M))
    ours = {name for name, trait in cls.class_traits(sync=True).items() if name not in COMMON}
    assert theirs == ours
    assert all(cls.class_traits()[name].help for name in ours), "every trait says what it is"


@pytest.mark.parametrize("cls", BROWSER, ids=lambda cls: cls.__name__)
def test_the_browser_half_calls_commands_that_exist(cls: type[LabWidget]) -> None:
    source = browser_half(cls)
    called = set(re.findall(r"\.call(?:<[^(]*>)?\(\s*\"(\w+)\"", source))
    assert called <= set(cls.commands), called - set(cls.commands)
    assert cls.commands, "a closed set of commands"
    for name in cls.commands:
        assert getattr(cls, name).__doc__, f"{cls.__name__}.{name} is a public method and says what it does"


@pytest.mark.parametrize("cls", BROWSER, ids=lambda cls: cls.__name__)
def test_bundles_are_built_and_small(cls: type[LabWidget]) -> None:
    static = HOME / "labkit" / "widgets" / "static"
    script, style = static / f"{cls.stem}.js", static / f"{cls.stem}.css"
    assert script.stat().st_size <= 100_000 and style.stat().st_size <= 30_000
    code = script.read_text("utf-8")
    assert "Generated" in code.splitlines()[0]
    assert code.count("\n") > 500, "readable, not one line"
    assert not re.search(r"https?://(?!www\.w3\.org)", code), "nothing is fetched from a network"


def test_no_browser_half_renders_html_from_text() -> None:
    for path in SOURCES.rglob("*.ts*"):
        source = path.read_text("utf-8")
        for way in (
            "dangerouslySetInnerHTML",
            "innerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ):
            assert way not in source, f"{path.name}: {way}"


def test_every_browser_half_has_its_python_half() -> None:
    assert {path.stem for path in SOURCES.glob("*.tsx")} == {cls.stem for cls in BROWSER}


@pytest.mark.parametrize("cls", BROWSER, ids=lambda cls: cls.__name__)
def test_observers_name_what_they_observe(cls: type[LabWidget]) -> None:
    source = inspect.getsource(inspect.getmodule(cls))  # type: ignore[arg-type]
    for call in re.findall(r"\.observe\((.*?)\)\n", source, re.S):
        assert "names=" in call, call


def test_an_unknown_keyword_is_refused_with_a_hint() -> None:
    with pytest.raises(LabError, match="Did you mean filters"):
        widgets.ModelPicker(filter={"task": "text-classification"})


def test_errors_come_back_in_the_answer() -> None:
    picker = widgets.ModelPicker()
    assert picker.answer("rows", {})["ok"]
    for name, arguments, said in (
        ("_rank", {}, "command"),
        ("close", {}, "command"),
        ("select", {"name": "GPT-3"}, "Open alternatives"),
        ("select", {"nme": "x"}, "nme"),
        ("filter", {"famly": "BERT"}, "family"),
    ):
        answer = picker.answer(name, arguments)
        assert not answer["ok"] and said in answer["error"]["message"], answer
