"""What works on this machine, and what to do about the rest."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from labkit.errors import LabError


@dataclass(frozen=True, kw_only=True)
class Examined:
    """One thing that was looked at.

    Attributes:
        what: the thing.
        ok: whether it works.
        came: what was found.
        do: what to do about it; empty where nothing is to be done.
        needed: whether labkit's main job depends on it.
    """

    what: str
    ok: bool
    came: str
    do: str = ""
    needed: bool = True

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def examine() -> list[Examined]:
    """Look at Python, the packages, the machine, the base model, the folders, the network and JupyterLab; a few seconds."""
    return [
        check()
        for check in (_python, _packages, _machine, _precision, _model, _samples, _cache, _disk, _kernel, _lab, _hub)
    ]


def _python() -> Examined:
    version = sys.version.split()[0]
    return Examined(
        what="Python",
        ok=sys.version_info >= (3, 11),
        came=version,
        do="" if sys.version_info >= (3, 11) else "install Python 3.11 or newer",
    )


def _packages() -> Examined:
    missing, found = [], []
    for line in metadata.requires("labkit") or []:
        if "extra ==" in line:
            continue
        name = line.split(">")[0].split("=")[0].split("<")[0].strip()
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Examined(
            what="packages", ok=False, came=f"missing: {', '.join(missing)}", do=f"pip install {' '.join(missing)}"
        )
    shown = [
        entry for entry in found if entry.split()[0] in ("torch", "transformers", "datasets", "jupyterlab", "plotly")
    ]
    return Examined(what="packages", ok=True, came=", ".join(shown))


def _machine() -> Examined:
    from labkit import models

    m = models.machine()
    gpu = f", {m.name} with {m.gpu_memory_gb:.0f} GB" if m.device == "cuda" else ", no GPU (none is needed)"
    enough = m.free_memory_gb >= 2
    return Examined(
        what="machine",
        ok=enough,
        came=f"{m.cores} cores, {m.free_memory_gb:.1f} of {m.memory_gb:.1f} GB memory free{gpu}",
        do="" if enough else "close other programs: fine-tuning the embedded model takes about 2 GB",
    )


def _precision() -> Examined:
    from labkit import models

    problem = _problem(models.measure_again)
    if problem:
        return Examined(what="precision", ok=False, came=problem, do="make the cache folder writable", needed=False)
    speed = models.layer_speed()
    ratio = speed.float32 / speed.bf16
    words = f"bf16 is {ratio:.1f} times as fast as float32 here: training uses {speed.best}"
    return Examined(what="precision", ok=True, came=words, needed=False)


def _model() -> Examined:
    from transformers import AutoModel

    from labkit import models

    try:
        size = sum(p.numel() for p in models.load_model(models.EMBEDDED, AutoModel).parameters())
    except LabError as error:
        return Examined(what="embedded model", ok=False, came="does not load", do=str(error))
    return Examined(
        what="embedded model",
        ok=True,
        came=f"{models.EMBEDDED}, {size / 1e6:.1f} M parameters, loads without a network",
    )


def _samples() -> Examined:
    from labkit import data

    try:
        names = data.samples()
    except LabError as error:
        return Examined(what="sample data", ok=False, came="not there", do=str(error))
    return Examined(what="sample data", ok=bool(names), came=", ".join(names))


def _cache() -> Examined:
    from labkit.data import cache_dir

    folder = cache_dir()
    problem = _problem(lambda: folder.mkdir(parents=True, exist_ok=True)) or _problem(
        lambda: tempfile.TemporaryFile(dir=folder).close()
    )
    return Examined(
        what="cache",
        ok=not problem,
        came=problem or str(folder),
        do="set LABKIT_CACHE to a folder that can be written" if problem else "",
    )


def _disk() -> Examined:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    problem = _problem(lambda: tempfile.TemporaryFile(dir=".").close())
    if problem:
        return Examined(what="this folder", ok=False, came=problem, do="work in a folder that can be written")
    return Examined(
        what="disk",
        ok=free >= 2,
        came=f"{free:.0f} GB free here",
        do="" if free >= 2 else "free some space: a run keeps up to 1 GB while it trains",
    )


def _kernel() -> Examined:
    from jupyter_client.kernelspec import KernelSpecManager

    kernels = KernelSpecManager().find_kernel_specs()
    ok = "python3" in kernels
    return Examined(
        what="notebook kernel",
        ok=ok,
        came="python3" if ok else "no kernel named python3",
        do="" if ok else "python -m ipykernel install --user",
    )


def _lab() -> Examined:
    try:
        return Examined(what="JupyterLab", ok=True, came=metadata.version("jupyterlab"))
    except metadata.PackageNotFoundError:
        return Examined(what="JupyterLab", ok=False, came="not installed", do="pip install jupyterlab")


def _hub() -> Examined:
    from huggingface_hub import HfApi

    problem = _problem(lambda: HfApi().model_info("google-bert/bert-base-uncased", timeout=5))
    return Examined(
        what="model hub",
        ok=not problem,
        came="not reachable" if problem else "reachable",
        do="only models already on this machine can be loaded: labkit models --offline" if problem else "",
        needed=False,
    )


def _problem(action: Callable[[], object]) -> str:
    """What an action raised, in a line; empty where it worked."""
    try:
        action()
    except Exception as error:  # whatever it is, it is the finding
        return f"{type(error).__name__}: {error}".splitlines()[0][:160]
    return ""
