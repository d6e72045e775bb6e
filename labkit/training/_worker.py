"""``python -m labkit.training._worker DIRECTORY``: what ``launch`` and ``launch_job`` start."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from labkit.training._jobs import is_job, work
from labkit.training._train import execute


def main() -> int:
    """Run the training or the job in the directory named on the command line; the error of a failed training is an event."""
    directory = Path(sys.argv[1])
    if is_job(directory):
        return work(directory)
    try:
        execute(directory)
    except KeyboardInterrupt:
        return 130
    except Exception:
        traceback.print_exc()  # into the run's log
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
