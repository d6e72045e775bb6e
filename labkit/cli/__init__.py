"""The ``labkit`` command: sub-commands that mirror the loop.

Answers go to standard output, progress and errors to standard error, and the exit code is 0 only for success: 1 for an error
that the message explains, 2 for a wrong command line, 130 for Ctrl-C. Heavy libraries are imported inside the commands, so
that help is instant.
"""

from labkit.cli._main import command, main

__all__ = ["command", "main"]
