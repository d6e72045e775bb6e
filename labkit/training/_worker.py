"""``python -m labkit.training._worker DIRECTORY``: what ``launch`` starts."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from labkit.training._train import execute


def main() -> int:
    """Run the training in the directory named on the command line; the error of a failed one is an event."""
    try:
        execute(Path(sys.argv[1]))
    except KeyboardInterrupt:
        return 130
    except Exception:
        traceback.print_exc()  # into the run's log
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
