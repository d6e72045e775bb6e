"""Base models: the catalogue, the embedded default, loading, and what fits this machine."""

from labkit.models._catalogue import EMBEDDED, ModelCard, Unavailable, catalogue, find, unavailable
from labkit.models._embed import embed, nearest
from labkit.models._load import (
    BaseModel,
    available_offline,
    load_config,
    load_model,
    load_tokenizer,
    quiet_transformers,
    resolve,
)
from labkit.models._machine import LayerSpeed, Machine, Precision, layer_speed, machine, measure_again, usable_cores
from labkit.models._recommend import Forecast, Recommendation, forecast, recommend

__all__ = [
    "EMBEDDED",
    "BaseModel",
    "Forecast",
    "LayerSpeed",
    "Machine",
    "ModelCard",
    "Precision",
    "Recommendation",
    "Unavailable",
    "available_offline",
    "catalogue",
    "embed",
    "find",
    "forecast",
    "layer_speed",
    "load_config",
    "load_model",
    "load_tokenizer",
    "machine",
    "measure_again",
    "nearest",
    "quiet_transformers",
    "recommend",
    "resolve",
    "unavailable",
    "usable_cores",
]
