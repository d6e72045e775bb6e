"""What this machine is, and how fast: a micro-benchmark of one transformer layer, forward and backward.

Forecasts of time and the choice of precision both rest on it. Nothing is assumed from the processor's name: bf16 is two to
three times faster where matrix units exist and much slower where they do not.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from typing import Any, Literal

from labkit._places import cache_dir

Precision = Literal["float32", "bf16"]

_TOKENS = 512  # tokens a benchmark batch holds: 16 texts of 32 tokens
_SPEEDS = "layer_speed.json"
_CALM = 6  # rounds without a faster step after which measuring ends
_PATIENCE = 5.0  # seconds after which it ends anyway
_NARROW = 384
_USUAL = (768, 12)  # width and heads
_WORTH = 1.15  # bf16 must be this much faster to be chosen, so that noise does not flip the choice


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The hardware that a process may use.

    Attributes:
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        name: the processor's or graphics card's name, as the system gives it.
        cores: processor cores this process may run on, or as many as OMP_NUM_THREADS says where those are fewer.
        threads: threads that torch uses.
        memory_gb: memory of this machine in GB (of the container where there is a limit).
        free_memory_gb: memory that could be taken now, in GB.
        gpu_memory_gb: memory of the graphics card in GB; 0 without one.
    """

    device: str
    name: str
    cores: int
    threads: int
    memory_gb: float
    free_memory_gb: float
    gpu_memory_gb: float = 0.0


def machine() -> Machine:
    """Look at the hardware of this machine."""
    import psutil
    import torch

    memory = psutil.virtual_memory()
    limit = _cgroup_limit()
    total = min(memory.total, limit or memory.total)
    device, name, gpu = "cpu", _processor_name(), 0.0
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        device, name, gpu = "cuda", properties.name, properties.total_memory / 1e9
    elif torch.backends.mps.is_available():
        device, name = "mps", "Apple GPU"
    return Machine(
        device=device,
        name=name,
        cores=usable_cores(),
        threads=torch.get_num_threads(),
        memory_gb=round(total / 1e9, 1),
        free_memory_gb=round(min(memory.available, total) / 1e9, 1),
        gpu_memory_gb=round(gpu, 1),
    )


def usable_cores() -> int:
    """Cores that this process may run on, not those of the whole host; fewer where OMP_NUM_THREADS says so, as it does in many
    containers and on shared machines."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # a list is for nested threads
    return min(cores, int(asked)) if asked.isdigit() and int(asked) else cores


@dataclass(frozen=True, kw_only=True)
class LayerSpeed:
    """Seconds that one encoder layer takes for a training step, per token; measured here."""

    float32: float
    bf16: float

    @property
    def best(self) -> Precision:
        """The faster precision; float32 unless bf16 is clearly faster."""
        return "bf16" if self.bf16 * _WORTH < self.float32 else "float32"

    def seconds(self, precision: Precision) -> float:
        """Seconds per token and layer in a precision."""
        return self.bf16 if precision == "bf16" else self.float32


@lru_cache(maxsize=32)
def layer_speed(hidden: int = 384, heads: int = 12, intermediate: int = 0, device: str = "cpu") -> LayerSpeed:
    """Time a training step of one encoder layer in both precisions, about a second in all, once on a machine.

    The result is kept in labkit's cache folder, so that a recipe chooses the same precision every time; ``measure_again``
    forgets it.

    Args:
        hidden: width of the layer.
        heads: attention heads; must divide ``hidden``.
        intermediate: width of the feed-forward part; 0: four times ``hidden``.
        device: where to run.
    """
    import torch

    what = (_processor_name(), torch.__version__, torch.get_num_threads(), device, hidden, heads, intermediate)
    key = " | ".join(map(str, what))
    with contextlib.suppress(KeyError, TypeError, ValueError):  # not measured yet, or a damaged file
        kept = _speeds()[key]
        return LayerSpeed(float32=float(kept["float32"]), bf16=float(kept["bf16"]))
    speed = _measure_layer(hidden, heads, intermediate, device)
    # a cache that cannot be written costs a second the next time, no more
    with contextlib.suppress(OSError):
        path = cache_dir() / _SPEEDS
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps({**_speeds(), key: asdict(speed)}, indent=1), "utf-8")
        partial.replace(path)
    return speed


def forecast_speed(hidden: int, heads: int, device: str = "cpu") -> LayerSpeed:
    """What ``layer_speed`` would say, within 15 %, without measuring every width.

    From 384 on, the time that a processor takes for a layer goes with the square of its width (measured up to 2,048), so that
    one measurement does for all of these. To measure each width of the catalogue takes four times as long, before whoever
    chooses a model sees a forecast.

    Args:
        hidden: width of the layer.
        heads: attention heads; must divide ``hidden``.
        device: where to run.
    """
    if device != "cpu" or hidden <= _NARROW:
        return layer_speed(hidden, heads, 0, device)
    usual, times = layer_speed(*_USUAL, 0, device), (hidden / _USUAL[0]) ** 2
    return LayerSpeed(float32=usual.float32 * times, bf16=usual.bf16 * times)


def measure_again() -> None:
    """Forget the measured speeds: the next call of ``layer_speed`` measures."""
    (cache_dir() / _SPEEDS).unlink(missing_ok=True)
    layer_speed.cache_clear()


def _speeds() -> dict[str, dict[str, float]]:
    try:
        kept = json.loads((cache_dir() / _SPEEDS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _measure_layer(hidden: int, heads: int, intermediate: int, device: str) -> LayerSpeed:
    import torch

    heads = heads if heads and hidden % heads == 0 else 1
    # a fork of the generator: measuring must not change the numbers of the training that follows
    with torch.random.fork_rng(devices=[]):
        layer = torch.nn.TransformerEncoderLayer(
            hidden, heads, intermediate or 4 * hidden, dropout=0.1, activation="gelu", batch_first=True, device=device
        ).train()
        batch = torch.randn(_TOKENS // 32, 32, hidden, device=device)
        seconds = {False: float("inf"), True: float("inf")}
        started = time.perf_counter()
        calm = 0
        # In turn, and the minimum of each: other work on the machine only ever makes a step slower. It ends once neither
        # has become faster for a while, which takes longer on a busy machine.
        while calm < _CALM and time.perf_counter() - started < _PATIENCE:
            calm += 1
            for bf16 in seconds:
                took = _time_layer(layer, batch, device, bf16)
                if took < 0.97 * seconds[bf16]:
                    calm = 0
                seconds[bf16] = min(seconds[bf16], took)
    return LayerSpeed(float32=seconds[False] / _TOKENS, bf16=seconds[True] / _TOKENS)


def _time_layer(layer: Any, batch: Any, device: str, bf16: bool) -> float:
    """Seconds of one training step of the layer."""
    import torch

    layer.zero_grad(set_to_none=True)
    before = time.perf_counter()
    with torch.autocast(device, torch.bfloat16, enabled=bf16):
        loss = layer(batch).float().square().mean()
    loss.backward()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - before


@cache
def optimizer_seconds(parameters: int = 4_000_000) -> float:
    """Seconds that clipping and AdamW take per parameter and step; measured here."""
    import torch

    weight = torch.nn.Parameter(torch.zeros(parameters))
    weight.grad = torch.ones(parameters)
    optimizer = torch.optim.AdamW([weight], fused=True)
    times = []
    for _ in range(4):
        before = time.perf_counter()
        torch.nn.utils.clip_grad_norm_([weight], 1.0)
        optimizer.step()
        times.append(time.perf_counter() - before)
    return min(times) / parameters


def _processor_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        import platform

        return platform.processor() or platform.machine()
    return "processor"


def _cgroup_limit() -> int | None:
    """The container's memory limit in bytes, where there is one."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path, encoding="ascii") as file:  # noqa: PTH123
                text = file.read().strip()
        except OSError:
            continue
        if text.isdigit() and int(text) < 1 << 50:
            return int(text)
    return None
