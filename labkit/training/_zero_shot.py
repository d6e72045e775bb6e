"""No labels: classes told apart by their descriptions alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from labkit import models
from labkit.errors import DataError, ModelError, UnknownName
from labkit.tasks import Predictions

ZeroShotMethod = Literal["auto", "embedding", "entailment", "likelihood"]
Scores = npt.NDArray[np.float64]

_TEMPERATURE = 0.05  # of the cosines, which lie close together
_BATCH = 32
_FIGURES = 2**26  # that are held at once: every token of an ending has one for each word of the vocabulary
_LONGEST = 256  # tokens that are read of a text


def zero_shot(
    texts: Sequence[str],
    labels: Sequence[str] | Mapping[str, str | Sequence[str]],
    *,
    model: str = "minilm",
    method: ZeroShotMethod = "auto",
    template: str = "",
    row_ids: Sequence[str] | None = None,
    gold: Sequence[str | None] | None = None,
) -> Predictions:
    """Classes of texts, by a model that was not trained for them: a baseline that costs no label.

    "embedding" compares the vector of a text with that of each description, by their cosine; of several descriptions of a class
    with their mean. "entailment" asks a model of entailment whether the text implies each description (Yin, Hay and Roth 2019,
    arXiv:1909.00161). "likelihood" asks a causal model how much likelier the description becomes behind the text than it is
    behind nothing, a token on average (Holtzman et al. 2021, Surface form competition, arXiv:2104.08315). The probabilities are
    not calibrated: they say which class, and not how surely.

    Args:
        texts: n of them.
        labels: names of the k classes; or name → description, or several.
        model: as ``labkit.models.resolve`` takes it.
        method: "auto" takes what the model can do.
        template: with {} where the description goes; empty: "{}" for embeddings, "This text is about {}." for entailment, and
            "The topic is {}." for likelihoods.
        row_ids: of the texts; their positions when None.
        gold: true labels, for ``labkit.evaluation.evaluate``.

    Raises:
        DataError: fewer than two classes, or a template without {}.
        UnknownName: no such method, or a true label that is none of the classes.
        ModelError: the model cannot do it that way.
    """
    described = _described(labels)
    if method not in get_args(ZeroShotMethod):
        raise UnknownName("method", method, get_args(ZeroShotMethod))
    base = models.resolve(model)
    config = models.load_config(base)
    how = _able(config) if method == "auto" else method
    usual = {"embedding": "{}", "entailment": "This text is about {}.", "likelihood": "The topic is {}."}[how]
    template = template or usual
    if "{}" not in template:
        raise DataError("a template with {} where the description goes", repr(template))
    hypotheses = {name: [template.replace("{}", one) for one in some] for name, some in described.items()}
    scores = {"embedding": _by_embedding, "entailment": _by_entailment, "likelihood": _by_likelihood}[how](
        base, list(texts), hypotheses
    )
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    names = tuple(described)
    coded = None
    if gold is not None:
        unknown = sorted({one for one in gold if one is not None and one not in described})
        if unknown:
            raise UnknownName("class", unknown[0], names)
        coded = np.array([-1 if one is None else names.index(one) for one in gold], dtype=np.int64)
    return Predictions(
        row_ids=list(row_ids) if row_ids is not None else [str(i) for i in range(len(texts))],
        labels=names,
        probabilities=(shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32),
        gold=coded,
    )


def _described(labels: Sequence[str] | Mapping[str, str | Sequence[str]]) -> dict[str, list[str]]:
    if isinstance(labels, Mapping):
        found = {name: [some] if isinstance(some, str) else list(some) for name, some in labels.items()}
    else:
        found = {name: [name.replace("_", " ")] for name in labels}
    if len(found) < 2:
        raise DataError("two classes at least", str(len(found)))
    empty = [name for name, some in found.items() if not some or not all(one.strip() for one in some)]
    if empty:
        raise DataError("a description of each class", f"none of {empty[0]!r}")
    return found


def _able(config: Any) -> Literal["embedding", "entailment", "likelihood"]:
    if _entails(config) is not None:
        return "entailment"
    return "likelihood" if str((config.architectures or [""])[0]).endswith(("CausalLM", "LMHeadModel")) else "embedding"


def _entails(config: Any) -> int | None:
    """Which of a model's classes says that one text implies the other."""
    named = config.id2label or {}
    return next((int(i) for i, name in named.items() if str(name).lower().startswith("entail")), None)


def _by_embedding(base: models.BaseModel, texts: list[str], hypotheses: Mapping[str, list[str]]) -> Scores:
    flat = [one for some in hypotheses.values() for one in some]
    vectors, told = models.embed(texts, base), models.embed(flat, base)
    centres, at = [], 0
    for some in hypotheses.values():
        centre = told[at : at + len(some)].mean(axis=0)
        centres.append(centre / max(float(np.linalg.norm(centre)), 1e-12))
        at += len(some)
    alike: Scores = (vectors @ np.stack(centres).T).astype(np.float64) / _TEMPERATURE
    return alike


def _by_entailment(base: models.BaseModel, texts: list[str], hypotheses: Mapping[str, list[str]]) -> Scores:
    import torch
    from transformers import AutoModelForSequenceClassification

    place = _entails(models.load_config(base))
    if place is None:
        do = "name one that was trained on entailment: the sample set entailment trains a small one"
        raise ModelError("a model with a class for entailment", f"{base.name!r}, which has none", do)
    tokenizer = models.load_tokenizer(base)
    model: Any = models.load_model(base, AutoModelForSequenceClassification).eval()
    scores = np.zeros((len(texts), len(hypotheses)))
    for column, some in enumerate(hypotheses.values()):
        for hypothesis in some:
            for at in range(0, len(texts), _BATCH):
                part = texts[at : at + _BATCH]
                inputs = tokenizer(
                    part,
                    [hypothesis] * len(part),
                    padding=True,
                    truncation="only_first",
                    max_length=_LONGEST,
                    return_tensors="pt",
                )
                with torch.inference_mode():
                    logits = model(**inputs).logits.float()
                scores[at : at + len(part), column] += logits.log_softmax(-1)[:, place].numpy() / len(some)
    return scores


def _by_likelihood(base: models.BaseModel, texts: list[str], hypotheses: Mapping[str, list[str]]) -> Scores:
    import torch
    from transformers import AutoModelForCausalLM

    models.require_head(base, "AutoModelForCausalLM", "text-generation")
    tokenizer = models.load_tokenizer(base)
    model: Any = models.load_model(base, AutoModelForCausalLM).eval()
    special = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    before = [next((one for one in special if one is not None), 0)]  # "nothing", that a first token can come behind

    def likelihoods(prompt: list[int], endings: Sequence[list[int]]) -> list[float]:
        """Log-probability of each ending behind the prompt, a token on average."""
        found = []
        tokens = len(prompt) + max(len(one) for one in endings)
        together = max(1, _FIGURES // (tokens * len(tokenizer)))
        for at in range(0, len(endings), together):
            part = endings[at : at + together]
            lines = [torch.tensor([*prompt, *one]) for one in part]
            ids = torch.nn.utils.rnn.pad_sequence(lines, batch_first=True)  # behind the endings, which do not see it
            with torch.inference_mode():
                logits = model(input_ids=ids).logits
            for line, one in enumerate(part):
                first, end = len(prompt), len(prompt) + len(one)
                logs = logits[line, first - 1 : end - 1].float().log_softmax(-1)
                found.append(float(logs.gather(-1, ids[line, first:end, None]).double().mean()))
        return found

    endings = {
        name: [tokenizer(f" {one}", add_special_tokens=False).input_ids for one in some]
        for name, some in hypotheses.items()
    }
    flat = [one for some in endings.values() for one in some]
    alone = np.array(likelihoods(before, flat))
    starts = np.cumsum([0, *(len(some) for some in endings.values())])[:-1]
    counts = [len(some) for some in endings.values()]
    room = min(int(getattr(model.config, "max_position_embeddings", 0) or _LONGEST), _LONGEST)
    longest = max(len(one) for one in flat)
    scores = np.zeros((len(texts), len(hypotheses)))
    for row, text in enumerate(texts):
        prompt = [*before, *tokenizer(text, add_special_tokens=False).input_ids[: max(1, room - longest - 1)]]
        gained = np.array(likelihoods(prompt, flat)) - alone
        scores[row] = np.add.reduceat(gained, starts) / counts
    return scores
