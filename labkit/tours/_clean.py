"""``python -m labkit.tours._clean NOTEBOOK …``: take the outputs out; exit 1 where there were some. For commits."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def clean(path: Path) -> bool:
    """Take outputs, counters and papermill's notes out of a notebook; whether there were any."""
    content = json.loads(path.read_text("utf-8"))
    before = json.dumps(content)
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
        for note in ("papermill", "execution"):
            cell["metadata"].pop(note, None)
    for note in ("papermill", "widgets"):
        content["metadata"].pop(note, None)
    if json.dumps(content) == before:
        return False
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return True


if __name__ == "__main__":
    raise SystemExit(sum(map(clean, map(Path, sys.argv[1:]))) > 0)
