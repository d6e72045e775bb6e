"""Base models: the catalogue, the embedded default, untrained starters, loading, and what fits this machine."""

from labkit.models._adapters import ADAPTERS, adapter_problem
from labkit.models._catalogue import EMBEDDED, ModelCard, Unavailable, catalogue, find, unavailable
from labkit.models._embed import embed, nearest
from labkit.models._heads import Pooling, able_starters, new_head, require_head
from labkit.models._load import (
    BaseModel,
    available_offline,
    has_dropout,
    load_config,
    load_model,
    load_tokenizer,
    new_weights,
    quiet_transformers,
    resolve,
)
from labkit.models._machine import (
    LayerSpeed,
    Machine,
    Precision,
    forecast_speed,
    layer_speed,
    machine,
    measure_again,
    usable_cores,
)
from labkit.models._recommend import Forecast, Recommendation, default_epochs, forecast, recommend
from labkit.models._starter import PREFIX as STARTER
from labkit.models._starter import STARTERS, UNTRAINED, Starter, build_starter, find_starter, is_untrained
from labkit.models._starter_cards import starter_card

__all__ = [
    "ADAPTERS",
    "EMBEDDED",
    "STARTER",
    "STARTERS",
    "UNTRAINED",
    "BaseModel",
    "Forecast",
    "LayerSpeed",
    "Machine",
    "ModelCard",
    "Pooling",
    "Precision",
    "Recommendation",
    "Starter",
    "Unavailable",
    "able_starters",
    "adapter_problem",
    "available_offline",
    "build_starter",
    "catalogue",
    "default_epochs",
    "embed",
    "find",
    "find_starter",
    "forecast",
    "forecast_speed",
    "has_dropout",
    "is_untrained",
    "layer_speed",
    "load_config",
    "load_model",
    "load_tokenizer",
    "machine",
    "measure_again",
    "nearest",
    "new_head",
    "new_weights",
    "quiet_transformers",
    "recommend",
    "require_head",
    "resolve",
    "starter_card",
    "unavailable",
    "usable_cores",
]
