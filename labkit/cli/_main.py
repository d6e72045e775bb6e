"""Running a command: what becomes of its answer, of an error, of Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Sequence

from labkit.cli import _terminal as terminal
from labkit.cli._interrupt import ctrl_c
from labkit.cli._options import as_options
from labkit.cli._parser import parser
from labkit.cli._tours import lab
from labkit.errors import LabError, RecipeError


def command() -> int:
    """What the ``labkit`` script calls: ``main`` as a process of its own."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's background job ignores Ctrl-C already
        signal.signal(signal.SIGINT, ctrl_c)
    code = main()
    ctrl_c.leaving = True
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() not in ("utf-8", "utf8"):
            stream.reconfigure(errors="backslashreplace")  # a report may hold letters that an old code page lacks
    commands = parser()
    options, rest = commands.parse_known_args(arguments)
    if rest and options.run is not lab:
        commands.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        _refuse_undecodable(options)
        code: int = options.run(options)
        sys.stdout.flush()  # a full disk must show here, where it can still be said
        return code
    except KeyboardInterrupt as interrupt:
        terminal.end_progress()
        terminal.say(f"labkit: interrupted. {interrupt}".rstrip())
        return 130
    except BrokenPipeError:
        # the reader of our output went away; nothing more can be said to it
        _drop_output()
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _drop_output()
        terminal.say(
            f"labkit: Expected room for {error.filename or 'the answer'}, but got a full disk. Free some space."
        )
        return 1
    except LabError as error:
        terminal.end_progress()
        if getattr(options, "json", False):
            problems = list(error.problems) if isinstance(error, RecipeError) else []
            terminal.answer({"error": {"type": type(error).__name__, "message": str(error), "problems": problems}})
        terminal.say(f"labkit: {as_options(str(error))}")
        return 1


def _drop_output() -> None:
    """Keep Python from trying once more, at its exit, to write what could not be written."""
    with contextlib.suppress(io.UnsupportedOperation):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse_undecodable(options: argparse.Namespace) -> None:
    """File names that are no text cannot be written into a recipe, an event or a report."""
    for value in vars(options).values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and any("\ud800" <= letter <= "\udfff" for letter in text):
                shown = os.fsencode(text).decode("utf-8", "backslashreplace")
                raise LabError("names in UTF-8", f"'{shown}', which is not valid as such", "rename the file or folder")
