"""Where converted data is kept. It is written under a temporary name first, so that nothing half-written stays."""

from __future__ import annotations

import errno
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from labkit.errors import DataError, ResourceError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST}


@contextmanager
def writing(folder: Path, name: Callable[[], str]) -> Iterator[BinaryIO]:
    """A binary file that gets its name when the block ends well, and vanishes otherwise, also after Ctrl-C.

    Args:
        folder: where; it is made if need be.
        name: gives the name, once everything is written: it may be a hash of the content.

    Raises:
        ResourceError: the disk is full.
        DataError: the cache folder cannot be written.
    """
    partial = folder / f"{uuid.uuid4().hex}.partial"
    with _naming_cache(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                yield file
            partial.replace(folder / name())
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def filling(target: Path) -> Iterator[Path]:
    """A new folder that becomes ``target`` when the block ends well, and vanishes otherwise, also after Ctrl-C.

    A folder that another process put there in the meantime is kept: one name always means the same content.

    Raises:
        ResourceError: the disk is full.
        DataError: the cache folder cannot be written.
    """
    partial = target.with_name(f"{target.name}.{uuid.uuid4().hex}.partial")
    try:
        with _naming_cache(target.parent):
            partial.mkdir(parents=True)
            yield partial
            try:
                partial.rename(target)
            except OSError:
                if not target.is_dir():
                    raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _naming_cache(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            do = "free some space, or set the environment variable LABKIT_CACHE to a folder on another disk"
            raise ResourceError(f"room for converted data in {folder}", "a full disk", do) from error
        if error.errno in _CLOSED:
            do = "set the environment variable LABKIT_CACHE to a folder that may be written"
            came = error.strerror or str(error)
            raise DataError("a cache folder that may be written", came, do, file=folder) from error
        raise
