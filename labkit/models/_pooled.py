"""Heads of our own: how the outputs of a text's tokens become one vector, and what reads that.

A model with such a head is saved with the names that plain transformers knows the body by, so that ``AutoModel`` loads the
body; the head is in the same file, under ``labkit_head``, and the configuration says how it is made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from transformers import AutoModel, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from labkit.errors import ModelError
from labkit.models._load import mark_new, new_weights

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

MADE = "labkit_head"
"""Attribute of the configuration that says how the head is made, and name of the head in the model."""


class Head(torch.nn.Module):
    """From the outputs of a text's tokens to its logits.

    Args:
        width: of the outputs.
        labels: logits a text.
        pooling: "first" (CLS) or "last" (of decoders) token, "mean", "max", or "attention": a mean weighted by what a learnt
            vector finds in each token (as Yang et al. 2016, Hierarchical attention networks).
        layers: 1: linear; 2: with a hidden layer and GELU before it.
        dropout: before each linear layer.
        unit: whether the pooled vector is scaled to length 1.
    """

    def __init__(self, width: int, labels: int, *, pooling: str, layers: int, dropout: float, unit: bool) -> None:
        super().__init__()
        self.pooling, self.unit = pooling, unit
        self.seek = torch.nn.Linear(width, 1) if pooling == "attention" else None
        self.dropout = torch.nn.Dropout(dropout)
        self.hidden = torch.nn.Linear(width, width) if layers == 2 else None
        self.out = torch.nn.Linear(width, labels)

    def pool(self, outputs: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Outputs of shape (n, tokens, width) and a mask of shape (n, tokens) to vectors of shape (n, width)."""
        there = mask[..., None].to(outputs.dtype)
        if self.pooling == "first":
            place = mask.argmax(-1)  # padding may stand before it
            vectors = outputs[torch.arange(len(outputs)), place]
        elif self.pooling == "last":
            place = mask.shape[1] - 1 - mask.flip(-1).argmax(-1)
            vectors = outputs[torch.arange(len(outputs)), place]
        elif self.pooling == "max":
            vectors = outputs.masked_fill(there == 0, float("-inf")).amax(1)
        elif self.seek is not None:
            weights = self.seek(outputs).float().masked_fill(there == 0, float("-inf")).softmax(1)
            vectors = (outputs * weights.to(outputs.dtype)).sum(1)
        else:
            vectors = (outputs * there).sum(1) / there.sum(1).clamp(min=1)
        return functional.normalize(vectors, dim=-1) if self.unit else vectors

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Vectors of shape (n, width) to logits of shape (n, labels)."""
        if self.hidden is not None:
            vectors = functional.gelu(self.hidden(self.dropout(vectors)))
        logits: torch.Tensor = self.out(self.dropout(vectors))
        return logits


class Pooled(PreTrainedModel):
    """A body of transformers with a head of ours.

    Args:
        config: of the body, with the number of labels and, as ``labkit_head``, the arguments of ``Head``.
        body: the model without a head.
        prefix: the name that plain transformers knows the body by.
    """

    config_class = None  # whatever the body's is
    _supports_sdpa = _supports_flash_attn = _supports_flex_attn = True  # it attends to nothing itself

    def __init__(self, config: PreTrainedConfig, body: Any, prefix: str) -> None:
        super().__init__(config)
        self.base_model_prefix = prefix
        setattr(self, prefix, body)
        width = int(getattr(config, "hidden_size", 0) or getattr(config, "d_model", 0))
        self.labkit_head = Head(width, int(config.num_labels or 0), **getattr(config, MADE))
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(self, **inputs: Any) -> SequenceClassifierOutput:
        """Logits, shape (n, labels), and the body's hidden states where they are asked for."""
        said = getattr(self, self.base_model_prefix)(**inputs)
        logits = self.labkit_head(self._pool(said, inputs))
        return SequenceClassifierOutput(logits=logits, hidden_states=getattr(said, "hidden_states", None))

    def vectors(self, **inputs: Any) -> torch.Tensor:
        """What the head reads, shape (n, width)."""
        return self._pool(getattr(self, self.base_model_prefix)(**inputs), inputs)

    def _pool(self, said: Any, inputs: dict[str, Any]) -> torch.Tensor:
        if isinstance(said, torch.Tensor):  # vectors that were kept, of a body that is not trained
            return said
        pooled: torch.Tensor = self.labkit_head.pool(said.last_hidden_state, inputs["attention_mask"])
        return pooled

    def _init_weights(self, module: Any) -> None:
        """Nothing: torch's own for the head, and the body has its weights."""

    def get_input_embeddings(self) -> Any:
        return getattr(self, self.base_model_prefix).get_input_embeddings()


def with_head(model: Any, *, pooling: str, layers: int, unit: bool, dropout: float | None) -> Pooled:
    """The body of a model with a new head of ours in place of its own.

    Args:
        model: a classifier of transformers; its configuration says how many labels there are.
        pooling, layers, unit: of the head.
        dropout: of the head; None: as the model's own head has it.

    Raises:
        ModelError: it has no body whose last outputs can be had, as an encoder–decoder.
    """
    config, prefix = model.config, model.base_model_prefix
    if not hasattr(model, prefix) or getattr(config, "is_encoder_decoder", False):
        raise ModelError("a model with one body, for a head of another kind", f"a {config.model_type}", "pooling = own")
    if dropout is None:
        named = (getattr(config, name, None) for name in ("classifier_dropout", "hidden_dropout_prob", "dropout"))
        dropout = next((float(one) for one in named if isinstance(one, int | float)), 0.1)
    setattr(config, MADE, {"pooling": pooling, "layers": layers, "unit": unit, "dropout": dropout})
    body = getattr(model, prefix)
    if getattr(body, "pooler", None) is not None:
        body.pooler = None  # reads the first token for a head that is gone
    made = Pooled(config, body, prefix)
    new = new_weights(model)  # with those of a pooler that is gone
    mark_new(made, [name for name, _ in made.named_parameters() if name in new or name.startswith(f"{MADE}.")])
    config.architectures = [type(made).__name__]
    return made


def load_pooled(folder: Path, config: PreTrainedConfig) -> Pooled:
    """A saved model with a head of ours."""
    from safetensors.torch import load_file

    body = AutoModel.from_config(config, dtype=torch.float32)
    if getattr(body, "pooler", None) is not None:
        body.pooler = None
    stored: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        stored |= load_file(file)
    prefix = next((name.split(".")[0] for name in stored if not name.startswith(f"{MADE}.")), "")
    model = Pooled(config, body, prefix)
    missing, other = model.load_state_dict(stored, strict=False)
    if missing or other:
        raise ModelError(
            f"the weights of {config.model_type} with a head in {folder}", f"others: {[*missing, *other][:4]}"
        )
    return model


def usage(folder: str, last: str, *, pooling: str, layers: int, unit: bool) -> str:
    """How transformers and torch alone use a saved model with such a head: code for one text, without padding.

    Args:
        folder: of the model.
        last: code from ``logits``, shape (labels,), to what they say.
        pooling, layers, unit: of the head.
    """
    pool = {
        "first": "vector = tokens[0]",
        "last": "vector = tokens[-1]",
        "mean": "vector = tokens.mean(0)",
        "max": "vector = tokens.amax(0)",
        "attention": 'vector = (tokens * linear("seek", tokens).softmax(0)).sum(0)',
    }[pooling]
    lines = [pool]
    if unit:
        lines.append("vector = torch.nn.functional.normalize(vector, dim=-1)")
    if layers == 2:
        lines.append('vector = torch.nn.functional.gelu(linear("hidden", vector))')
    return f'''import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

tokenizer, body = (kind.from_pretrained("{folder}") for kind in (AutoTokenizer, AutoModel))
head = load_file("{folder}/model.safetensors")


def linear(name, values):
    return torch.nn.functional.linear(values, head[f"{MADE}.{{name}}.weight"], head[f"{MADE}.{{name}}.bias"])


with torch.inference_mode():
    tokens = body(**tokenizer("a text", return_tensors="pt")).last_hidden_state[0]
    {chr(10).join(lines).replace(chr(10), chr(10) + "    ")}
    logits = linear("out", vector)
{last}'''
