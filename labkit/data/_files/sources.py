"""What a user may give as data, and which splits it holds: files, folders, hub ids, frames, rows, ``Dataset``."""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit._places import cache_dir, named
from labkit.data._files.cache import writing
from labkit.data._files.encoding import refusing
from labkit.data._files.formats import READABLE, Source, batches, canonical, is_conll, kind_of, open_file, plain
from labkit.data._files.text_files import is_text_file, open_texts
from labkit.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset

SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_WHOLE = ("dataset_dict.json", "dataset_info.json")  # what save_to_disk leaves in a folder
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_SECONDS = 8.0  # to find out that there is no network


@dataclass(frozen=True, kw_only=True)
class Given:
    """One argument of ``read`` resolved: a source for each split, and what to write into the recipe for it."""

    splits: Mapping[str, Source]
    paths: Mapping[str, str]  # split → path or hub id that gives the same data again
    reasons: tuple[str, ...] = ()


def resolve(data: Any, role: str, *, encoding: str, delimiter: str, running: bool = False) -> Given:
    """Find the data.

    Args:
        data: path, hub id, frame, rows, Dataset, or (as train only) several splits in a DatasetDict, dict or folder.
        role: "train", "validation" or "test".
        encoding: text encoding to insist on, or "".
        delimiter: field delimiter to insist on, or "".
        running: whether text files hold running text.

    Raises:
        DataError: there is no such data, or it is of no kind that labkit reads.
    """
    if isinstance(data, str | os.PathLike):
        return _from_path(os.fspath(data), role, encoding, delimiter, running)
    if isinstance(data, Mapping):
        return _from_mapping(data, role, encoding, delimiter, running)
    source = _from_memory(data, role)
    return Given(splits={role: source}, paths={role: _posix(source.path)})


def _from_path(given: str, role: str, encoding: str, delimiter: str, running: bool) -> Given:
    if not given.strip():
        raise DataError(f"the path of the {role} data", "an empty name", "give a file, a folder or a hub id")
    path = named(given)
    if path.is_dir():
        return _from_folder(path, given, role, encoding, delimiter, running)
    if path.is_file():
        source = _opened(path, given, encoding, delimiter, running)
        return Given(splits={role: source}, paths={role: _posix(path)})
    if path.exists():
        raise DataError("a regular file", "a device or a pipe", "save the data in a file first", file=given)
    if _looks_like_file(given) or not _HUB_ID.fullmatch(given):
        raise DataError("a file", "no such file", _near(path), file=given)
    return _from_hub(given, path, role)


def _looks_like_file(given: str) -> bool:
    path = Path(given)
    known = kind_of(path) is not None or path.suffix.lower() in {".gz", ".txt", ".xlsx", ".xls", ".zip"}
    return known or given.startswith((".", "~", "/", "\\")) or "\\" in given or given.endswith("/")


def _near(path: Path) -> str:
    """What to do about a path that does not exist: names like it, or the part of it that is missing."""
    folder = path.parent
    if not folder.is_dir():
        while not folder.parent.is_dir():
            folder = folder.parent
        return f"there is no folder {str(folder)!r}: check the path; the working directory is {str(Path.cwd())!r}"
    names = sorted(entry.name for entry in itertools.islice(folder.iterdir(), 10_000))
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(repr(str(folder / name)) for name in near)}?"
    shown = ", ".join(name for name in names if kind_of(Path(name))) or "no file that labkit reads"
    return f"check the name; in {str(folder.absolute())!r} there is: {shown}"


def _from_folder(path: Path, given: str, role: str, encoding: str, delimiter: str, running: bool) -> Given:
    if any((path / name).is_file() for name in _WHOLE):
        return _from_saved(path, given, role)
    with refusing(given):
        files = sorted(
            entry
            for entry in path.iterdir()
            if entry.is_file()
            and (_holds_rows(entry) or (running and is_text_file(entry)))
            and not entry.name.endswith(".labels.jsonl")
        )
    found: dict[str, Path] = {}
    for file in files:
        split = SPLITS.get(file.name.split(".")[0].casefold())
        if split and split in found:
            came = f"{found[split].name} and {file.name}"
            raise DataError(f"one file for {split}", came, "give the path of one of them", file=given)
        if split:
            found[split] = file
    if running and role not in found and any(map(is_text_file, files)):
        return Given(splits={role: open_texts(path, given, encoding)}, paths={role: _posix(path)})
    if role not in found:
        shown = ", ".join(file.name for file in files[:20]) or f"none of {READABLE}"
        do = f"give one file as {role}=, or name the files train.*, validation.* and test.*"
        if (path / "recipe.toml").is_file():
            do = "this is a run directory: give the file with the data"
        raise DataError("a file, or a folder with a file named train.*", f"a folder with: {shown}", do, file=given)
    if role != "train":
        found = {role: found[role]}
    opened = {
        split: _opened(file, str(Path(given) / file.name), encoding, delimiter, running)
        for split, file in found.items()
    }
    names = ", ".join(f"{split} from {file.name}" for split, file in found.items())
    return Given(
        splits=opened,
        paths={split: _posix(file) for split, file in found.items()},
        reasons=(f"The folder {given} holds the splits: {names}.",),
    )


def _opened(path: Path, name: str, encoding: str, delimiter: str, running: bool) -> Source:
    if running and is_text_file(path) and not delimiter:
        return open_texts(path, name, encoding)
    return open_file(path, name, encoding=encoding, delimiter=delimiter, scratch=_unpacked)


def _holds_rows(path: Path) -> bool:
    name, *suffixes = path.name.casefold().split(".")
    # of texts without columns, only those that are named after a split are worth a look
    return kind_of(path) is not None or (suffixes[:1] == ["txt"] and name in SPLITS and is_conll(path))


def _from_saved(path: Path, given: str, role: str) -> Given:
    from datasets import DatasetDict, load_from_disk

    try:
        loaded = load_from_disk(str(path))
    except Exception as error:  # whatever datasets meets in a damaged folder
        came = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no details'}"
        raise DataError("a folder written by save_to_disk", came, "save it again", file=given) from error
    found = dict(loaded) if isinstance(loaded, DatasetDict) else {role: loaded}
    splits, reasons = _choose_splits(found, role, given)
    sources = {split: _dataset_source(rows, f"{given} ({split})") for split, rows in splits.items()}
    return Given(splits=sources, paths={role: _posix(path)}, reasons=reasons)


def _from_hub(given: str, path: Path, role: str) -> Given:
    from datasets import DatasetDict, IterableDatasetDict, load_dataset

    expected = "a file, or a data set on the Hugging Face Hub"
    do = f"{_near(path)}. For the hub: connect, or download the data set while online"
    if not _cached(given) and not _online():
        raise DataError(expected, "no such file, and no connection to the hub", do, file=given)
    try:
        # datasets runs no code of a repository since version 4
        loaded = load_dataset(given)
    except Exception as error:  # the hub and the builders raise what they like; the cause stays attached
        came = f"no such file, and from the hub: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        if "Config name is missing" in str(error):
            came = "a hub data set with several configurations"
            do = f"load one with datasets.load_dataset({given!r}, name) and give the result"
        raise DataError(expected, came, do, file=given) from error
    if isinstance(loaded, IterableDatasetDict):
        raise DataError("a data set with stored rows", "a stream", "download it first", file=given)
    found = dict(loaded) if isinstance(loaded, DatasetDict) else {role: loaded}
    splits, reasons = _choose_splits(found, role, given)
    sources = {split: _dataset_source(rows, f"{given} ({split})") for split, rows in splits.items()}
    return Given(splits=sources, paths={role: given}, reasons=(f"{given} comes from the Hugging Face Hub.", *reasons))


def _cached(hub_id: str) -> bool:
    """Whether ``datasets`` can do without the hub, or was told to."""
    from datasets import config
    from datasets.naming import camelcase_to_snakecase

    *owner, name = hub_id.split("/")
    folder = "___".join([*owner, camelcase_to_snakecase(name)])
    return config.HF_HUB_OFFLINE or (Path(config.HF_DATASETS_CACHE) / folder).is_dir()


def _online() -> bool:
    """Whether the hub answers, found out in bounded time: looking up a host name may block far beyond any time-out."""
    from huggingface_hub import constants, get_session

    answers: list[bool] = []

    def ask() -> None:
        try:
            get_session().head(constants.ENDPOINT, timeout=_SECONDS)
        except Exception:  # no name, no route, no certificate: all the same here
            return
        answers.append(True)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_SECONDS)
    return bool(answers)


def _choose_splits(found: Mapping[str, Any], role: str, given: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The splits that labkit uses, under its names for them."""
    if role != "train" and len(found) > 1:
        came = f"several splits: {', '.join(map(str, found))}"
        fitting = next((name for name in found if SPLITS.get(str(name).casefold()) == role), role)
        do = f"give one of them, as in {role}=data[{fitting!r}], or give all as train="
        raise DataError(f"one table as {role}", came, do, file=given)
    if len(found) == 1:
        ((name, rows),) = found.items()
        as_asked = SPLITS.get(str(name).casefold()) == role
        return {role: rows}, () if as_asked else (f"The only split, {name!r}, is read as {role}.",)
    chosen: dict[str, Any] = {}
    left = []
    for name, rows in found.items():
        split = SPLITS.get(str(name).casefold())
        if split is None or split in chosen:
            left.append(str(name))
        else:
            chosen[split] = rows
    if "train" not in chosen:
        came = f"the splits {', '.join(map(str, found))}"
        raise DataError("a split named train", came, "give one split as train= and another as test=", file=given)
    reasons = tuple(f"Split {name!r} is left out: it is none of train, validation and test." for name in left)
    return {split: chosen[split] for split in ("train", "validation", "test") if split in chosen}, reasons


def _from_mapping(data: Mapping[Any, Any], role: str, encoding: str, delimiter: str, running: bool) -> Given:
    kind = type(data).__name__
    if not data:
        raise DataError(f"{role} data", f"an empty {kind}", "give a file, a frame, or rows")
    if not any(str(name).casefold() in SPLITS for name in data) and kind != "DatasetDict":
        names = ", ".join(map(str, list(data)[:8]))
        do = "for columns, give pandas.DataFrame(data) or a list of dicts"
        raise DataError("a dict with the splits train, validation, test", f"the keys {names}", do)
    splits, reasons = _choose_splits(data, role, kind)
    given = {
        split: resolve(rows, split, encoding=encoding, delimiter=delimiter, running=running)
        for split, rows in splits.items()
    }
    return Given(
        splits={split: one.splits[split] for split, one in given.items()},
        paths={split: one.paths[split] for split, one in given.items()},
        reasons=(*reasons, *(reason for one in given.values() for reason in one.reasons)),
    )


def _from_memory(data: Any, role: str) -> Source:
    """A snapshot of rows in memory, as JSON lines in the cache under the hash of their content."""
    import pandas as pd
    from datasets import Dataset

    if isinstance(data, Dataset):
        name = f"{role} (a Dataset)"
        rows: Iterable[Any] = (row for batch in batches(_dataset(data, name), []) for _, row in batch)
    elif isinstance(data, pd.DataFrame):
        name = f"{role} (a data frame)"
        rows = _frame_rows(data, name)
    elif isinstance(data, list | tuple):
        name, rows = f"{role} (a list of rows)", data
    else:
        kinds = "a path, a hub id, a pandas.DataFrame, a list of dicts, or a datasets.Dataset"
        do = "convert it to one of these" + (" (.to_frame() for a Series)" if isinstance(data, pd.Series) else "")
        raise DataError(f"{kinds} as {role}", f"an object of type {type(data).__name__}", do)
    path, mark = _snapshot(rows, name)
    return Source(name=name, kind="json", fingerprint=mark, path=path, encoding="utf-8")


def _frame_rows(frame: Any, name: str) -> Iterator[dict[str, Any]]:
    columns = [str(column) for column in frame.columns]
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if repeated:
        raise DataError("column names that differ", f"{', '.join(repeated)} twice", "rename one", file=name)
    for start in range(0, len(frame), 10_000):
        part = frame.iloc[start : start + 10_000]
        values = [part.iloc[:, i].tolist() for i in range(len(columns))]
        for row in zip(*values, strict=True):
            yield dict(zip(columns, row, strict=True))


def _snapshot(rows: Iterable[Any], name: str) -> tuple[Path, str]:
    digest = hashlib.blake2b(digest_size=16)
    folder = cache_dir() / "snapshots"
    count = 0
    with writing(folder, lambda: f"{digest.hexdigest()}.jsonl") as file:
        for count, row in enumerate(rows, 1):
            if not isinstance(row, Mapping):
                came, do = f"a {type(row).__name__}", "give every row as a dict"
                raise DataError("a dict with a key for each column", came, do, file=name, row=count)
            value = plain(dict(row))
            try:
                line = json.dumps(value, ensure_ascii=False).encode() + b"\n"
            except UnicodeEncodeError:  # half a surrogate pair, which only an escape can hold
                line = json.dumps(value).encode() + b"\n"
            digest.update(line)
            file.write(line)
        if not count:
            raise DataError("rows", "none", "check where they come from", file=name)
    return folder / f"{digest.hexdigest()}.jsonl", digest.hexdigest()


def _dataset(rows: Dataset, name: str, fingerprint: str = "") -> Source:
    return Source(name=name, kind="dataset", fingerprint=fingerprint, rows=rows)


def _dataset_source(rows: Any, name: str) -> Source:
    """A Dataset that can be had again from where it came, with the hash of its content."""
    if not len(rows):
        raise DataError("rows", "a data set without any", "check where it comes from", file=name)
    digest = hashlib.blake2b(digest_size=16)
    for batch in batches(_dataset(rows, name), []):
        for _, row in batch:
            digest.update(canonical(row).encode("utf-8", "surrogatepass") + b"\n")
    return _dataset(rows, name, digest.hexdigest())


def _unpacked() -> Path:
    return cache_dir() / "unpacked"


def _posix(path: Path | None) -> str:
    return path.absolute().as_posix() if path else ""
