"""Small JSON files in which widgets keep what was set by hand: written whole, and put aside where they are damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labkit._places import writable
from labkit.errors import LabError

VERSION = 1


def write(path: Path, content: dict[str, Any], what: str) -> None:
    """Put the content in the file's place in one step, so that a crash leaves the old one or the new one.

    Args:
        path: of the file; its folder is made.
        content: values for JSON.
        what: the file in words, for the error.

    Raises:
        LabError: it cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    with writable(what):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps({"version": VERSION, **content}, ensure_ascii=False, indent=1) + "\n", "utf-8")
        partial.replace(path)


def read(path: Path) -> dict[str, Any]:
    """What the file holds; nothing where there is none.

    Raises:
        LabError: it is damaged, or of a later version; it is then put aside under another name.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise put_aside(path, error) from error
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise put_aside(path, f"version {content.get('version')!r}" if isinstance(content, dict) else "no object")
    return content


def put_aside(path: Path, why: object) -> LabError:
    """Rename a file that cannot be used, and say so: the error to raise."""
    aside = path.with_name(f"{path.name}.damaged")
    came = f"a damaged one ({why})"
    try:
        path.replace(aside)
    except OSError as error:
        return LabError(f"a whole {path.name} in {path.parent}", came, f"look at it: {error.strerror}")
    return LabError(f"a whole {path.name} in {path.parent}", came, f"it is kept as {aside.name}; choose again")
