"""The errors that labkit raises, each saying what was expected, what came, and what to do next.

LabError
├── DataError        a file, row or column that cannot be read or used
├── ModelError       a base model that cannot be found, loaded or used
├── RecipeError      one or more settings of a recipe that cannot work, all in one error
├── RunError         a run directory that is missing, busy, damaged or finished
├── ResourceError    memory or disk ran out
├── UnknownName      a look-up that failed; it lists the valid names
└── MissingExtra     an optional dependency that is not installed

Standard library only.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class LabError(Exception):
    """Something a user can understand and mend.

    Args:
        expected: what labkit needed, as a phrase or sentence.
        came: what it got instead.
        do: what to do next.
    """

    def __init__(self, expected: str, came: str = "", do: str = "") -> None:
        self.expected, self.came, self.do = expected, came, do
        parts = [f"Expected {expected}"]
        if came:
            parts.append(f"got {came.rstrip('.')}")
        message = ", but ".join(parts) + "."
        if do:
            message += f" {do[0].upper()}{do[1:]}" + ("" if do.endswith((".", "?", "!")) else ".")
        super().__init__(message)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), str(self), self.__dict__.copy()))


def _rebuild(cls: type[LabError], message: str, state: dict[str, object]) -> LabError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class DataError(LabError):
    """A file, row or column that cannot be read or used.

    Args:
        file: path of the file, as the user gave it.
        row: 1-based line or record number in that file, counting the header as a line where there is one.
        column: column name.
    """

    def __init__(
        self,
        expected: str,
        came: str = "",
        do: str = "",
        *,
        file: object = None,
        row: int | None = None,
        column: str | None = None,
    ) -> None:
        super().__init__(expected, came, do)
        self.file, self.row, self.column = file, row, column
        where = ", ".join(
            f"{name} {value}" if name else str(value)
            for name, value in (("", file), ("line", row), ("column", repr(column) if column else None))
            if value is not None
        )
        if where:
            self.args = (f"{where}: {self.args[0]}",)


class ModelError(LabError):
    """A base model that cannot be found, loaded or used."""


class RecipeError(LabError):
    """Settings of a recipe that cannot work; ``problems`` holds every one of them, a sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__("a recipe that can be run", f"{count} problem{'s' if count != 1 else ''} in it")
        self.args = (self.args[0] + "".join(f"\n  {i}. {problem}" for i, problem in enumerate(self.problems, 1)),)


class RunError(LabError):
    """A run directory that is missing, busy, damaged or already finished."""


class ResourceError(LabError):
    """Memory or disk ran out; everything saved before is intact."""


class UnknownName(LabError, KeyError):
    """A name that is not in a list of known ones.

    Args:
        what: what the name stands for, such as ``"task"``.
        name: the name that was given.
        known: every valid name.
    """

    def __init__(self, what: str, name: object, known: Iterable[str], do: str = "") -> None:
        self.name, self.known = name, tuple(known)
        near = suggest(str(name), self.known)
        hint = f"Did you mean {_cut(near)!r}? " if near else ""
        shown = ", ".join(map(_cut, self.known[:_MOST_NAMES]))
        if len(self.known) > _MOST_NAMES:
            shown += f" and {len(self.known) - _MOST_NAMES:,} more"
        article = "an" if what[:1] in "aeio" else "a"
        super().__init__(
            f"the name of {article} {what}", repr(_cut(str(name))), f"{hint}Valid names: {shown}. {do}".strip()
        )

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0])


class MissingExtra(LabError, ImportError):
    """An optional dependency is not installed.

    Args:
        package: the package that could not be imported.
        extra: the labkit extra that brings it.
        what: what it is needed for.
    """

    def __init__(self, package: str, extra: str, what: str) -> None:
        super().__init__(
            f"the package {package!r} for {what}", "no such package", f'run: pip install "labkit[{extra}]"'
        )


_MOST_NAMES = 100


def quoted(names: Iterable[str], most: int = 12) -> str:
    """Names, quoted, for a message that stays readable: the first ``most`` of them, none longer than 60 characters."""
    every = list(names)
    shown = ", ".join(repr(_cut(name)) for name in every[:most])
    return shown + (f" and {len(every) - most:,} more" if len(every) > most else "")


def _cut(name: str, most: int = 60) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def suggest(name: str, known: Iterable[str]) -> str | None:
    """The known name nearest to ``name``, or None when nothing is near."""
    by_folded = {k.casefold(): k for k in known}
    folded = name.casefold()
    found = difflib.get_close_matches(folded, list(by_folded), n=1, cutoff=0.6)
    # "bert-bse" is nearer to "bert-base-uncased", cut to its length, than to "bart-base"
    heads = {k[: len(folded) + 1]: k for k in reversed(by_folded)}
    begun = difflib.get_close_matches(folded, list(heads), n=1, cutoff=0.85) if len(folded) > 3 else []
    if begun and (not found or _ratio(folded, begun[0]) > _ratio(folded, found[0])):
        return by_folded[heads[begun[0]]]
    if found:
        return by_folded[found[0]]
    inside = [k for key, k in by_folded.items() if len(name) > 2 and folded in key]
    return inside[0] if inside else None


def _ratio(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, b, a).ratio()
