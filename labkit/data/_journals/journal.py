"""The label journal: what people decided about rows, in JSON lines beside the data, which is never edited itself.

A decision counts from the moment its line is on the disk. Nothing is kept elsewhere: a ``Journal`` is a view of its file, and
follows what other processes append to it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from labkit._places import cache_dir, named, writable
from labkit.data._files.encoding import refusing
from labkit.data._journals.lines import WHYS, Decision, Ledger, check, ours, parse, to_line
from labkit.errors import DataError, UnknownName

SUFFIX = ".labels.jsonl"

_SECONDS = 30.0  # to wait for another process that writes to the same journal, which takes milliseconds
_ITEM = ("row_id", "new", "field", "old", "seconds", "why", "note", "id", "suggestion", "confidence")


def journal_path(source: str | os.PathLike[str]) -> Path:
    """The journal of a data file or folder: beside it, under its name with ``.labels.jsonl`` behind.

    Args:
        source: path of the data, or of the journal itself, whose name ends in ``.labels.jsonl``.

    Raises:
        DataError: there is no such data, or it lies in the cache, which may be emptied at any time.
    """
    path = named(source).absolute()
    do = f"give the path that the journal is to have, ending in {SUFFIX}"
    if not path.name.endswith(SUFFIX):
        if not path.exists():
            raise DataError("a data file, or a label journal", "no such file", do, file=os.fspath(source))
        path = path.with_name(path.name + SUFFIX)
    if path.is_relative_to(cache_dir()):
        raise DataError("a place that keeps labels", "the cache, which may be emptied at any time", do, file=path)
    return path


class Journal:
    """The decisions in a label journal, and the values in force after them.

    Threads may share one; processes may each have their own on the same file.

    Args:
        path: the data file, or the journal itself. A journal that is not there is made by the first decision.
        who: name of the person who decides; the name of the account when None.

    Raises:
        DataError: there is no such data or folder, or the journal cannot be read.
    """

    _seen: tuple[int, int, int] | None

    def __init__(self, path: str | os.PathLike[str], who: str | None = None) -> None:
        self.path = journal_path(path)
        self.who = _account() if who is None else who.strip()
        if not self.who:
            raise DataError("the name of the person who decides", "an empty name", 'give who="…"')
        if not self.path.parent.is_dir():
            raise DataError(
                "a folder to keep labels in", "no such folder", "make it, or check the path", file=self.path
            )
        self._mutex = threading.RLock()
        self._forget()
        self.reload()

    # --- looking ----------------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Take in what was appended meanwhile, as every other method does by itself; costs a look at the file's size."""
        with self._mutex, refusing(str(self.path)):
            try:
                found = self.path.stat()
            except FileNotFoundError:
                self._forget()
                return
            seen = (found.st_ino, found.st_size, found.st_mtime_ns)
            if seen != self._seen:
                with self.path.open("rb") as file:
                    self._follow(file)
                self._seen = seen

    def decisions(self) -> list[Decision]:
        """Every line, those that undo included, in the order of the file."""
        with self._mutex:
            return list(self._now().all)

    def value(self, row_id: str, field: str = "label", default: Any = None) -> Any:
        """The value in force on a field of a row; ``default`` where nothing is decided, so that the data's own stands."""
        with self._mutex:
            decision = self._now().last(row_id, field)
        return default if decision is None else decision.new

    def current(self, field: str = "label") -> dict[str, Any]:
        """Row id → value in force, of every row with a decision in force on that field."""
        with self._mutex:
            return self._now().current(field)

    def history(self, row_id: str) -> list[Decision]:
        """Every line about a row, those that undo included."""
        with self._mutex:
            return self._now().history(row_id)

    def in_force(self, decision: Decision) -> bool:
        """Whether a decision is not undone. A later one on the same field may have replaced it."""
        return self._now().in_force(decision)

    @property
    def damaged(self) -> tuple[int, ...]:
        """Numbers of lines, from 1, that hold no decision; they are passed over."""
        with self._mutex:
            self._now()
            return tuple(self._damaged)

    def __len__(self) -> int:
        return len(self._now().all)

    def __bool__(self) -> bool:
        return True  # an empty journal is a journal

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r}, who={self.who!r}; {len(self):,} decisions)"

    # --- deciding ---------------------------------------------------------------------------------------------------

    def add(
        self,
        row_id: str,
        new: Any,
        *,
        field: str = "label",
        old: Any = ...,
        seconds: float | None = None,
        why: str = "person",
        note: str = "",
        id: str = "",
        suggestion: Any = None,
        confidence: float | None = None,
    ) -> Decision:
        """Write down a decision; it is on the disk when this returns.

        Args:
            row_id: which row.
            new: the value from now on. For "label" a text, a list of texts or None (unknown); for "text" and "text_pair" a
                text; for "exclude" a bool; for "spans" a list of ``{"start", "end", "label"}`` or None; for "answers" a list of
                ``{"start", "text"}``, empty where the context holds none, or None; for "target" the whole text that is to be
                written, or None; else whatever JSON can hold.
            field: what of the row.
            old: the value before; when left out, the one in force in this journal, else None.
            seconds: how long the decision took.
            why: "person", "rule", "suggestion" or "merge".
            note: typed by the person.
            id: of the decision, where the caller may send it twice: if the journal has it already, the decision that
                stands there is returned and nothing written. A new one when empty.
            suggestion: what a model suggested, where that was shown.
            confidence: how sure the model was of it, from 0 to 1.

        Raises:
            DataError: the decision cannot be written as JSON, or the journal may not be written.
            ResourceError: the disk is full. Nothing has changed then, in the file or here.
        """
        item = {"row_id": row_id, "new": new, "field": field, "old": old, "seconds": seconds, "why": why}
        return self.add_many([item | {"note": note, "id": id, "suggestion": suggestion, "confidence": confidence}])[0]

    def add_many(
        self, items: Iterable[Mapping[str, Any]], *, field: str = "label", why: str = "rule", note: str = ""
    ) -> list[Decision]:
        """Write down several decisions at one stroke, which ``undo`` takes back at one stroke.

        Args:
            items: the arguments of ``add`` for each.
            field: of those that name none.
            why: of those that say none.
            note: of those that have none, such as the rule.

        Raises:
            DataError: a decision cannot be written as JSON (none is written then), or the journal may not be written.
            ResourceError: the disk is full.
        """
        now = time.time()
        given = [{"field": field, "why": why, "note": note, **item} for item in items]
        group = _new_id() if len(given) > 1 else ""
        for item in given:
            for name in item:
                if name not in _ITEM:
                    raise UnknownName("part of a decision", name, _ITEM)
            if "row_id" not in item or "new" not in item:
                raise DataError("a row_id and a new value in every decision", f"only {', '.join(item)}", "give both")
            if item["why"] not in WHYS or item["why"] in ("undo", "redo"):
                raise UnknownName("reason", item["why"], [why for why in WHYS if why not in ("undo", "redo")])
            item["id"] = item.get("id") or _new_id()
        unset = [item.get("old", ...) is ... for item in given]
        decisions = [
            Decision(**{**item, "old": None if at_hand else item["old"]}, who=self.who, time=now, group=group)
            for item, at_hand in zip(given, unset, strict=True)
        ]
        for decision in decisions:
            check(decision)  # before the file is touched

        def fresh() -> list[Decision]:
            latest: dict[tuple[str, str], Any] = {}
            found: dict[str, Decision] = {}
            for decision, at_hand in zip(decisions, unset, strict=True):
                if self._ledger.get(decision.id) is None and decision.id not in found:
                    place = (decision.row_id, decision.field)
                    before = self._ledger.last(*place)
                    old = latest.get(place, before.new if before else None)
                    found[decision.id] = dataclasses.replace(decision, old=old) if at_hand else decision
                    latest[place] = decision.new
            return list(found.values())

        self._append(fresh)
        return [self._written(decision.id) for decision in decisions]

    def undo(self, n: int = 1) -> list[Decision]:
        """Take back this person's latest ``n`` decisions that are in force; what was added at one stroke counts as one.

        Returns:
            The lines that say so; ``new`` in them is the value that is in force again. Empty where there is nothing to undo.

        Raises:
            DataError: the journal may not be written.
            ResourceError: the disk is full.
        """
        return self._take_back(n, "undo")

    def redo(self, n: int = 1) -> list[Decision]:
        """Take back this person's latest ``n`` undos, unless something new was decided since.

        Raises:
            DataError: the journal may not be written.
            ResourceError: the disk is full.
        """
        return self._take_back(n, "redo")

    def _take_back(self, n: int, why: str) -> list[Decision]:
        lines: list[Decision] = []
        if not len(self):
            return lines

        def fresh() -> list[Decision]:
            steps = self._ledger.steps_back(self.who) if why == "undo" else self._ledger.steps_forward(self.who)
            gone: set[str] = set()
            now = time.time()
            for _, step in zip(range(n), steps, strict=False):
                group = _new_id() if len(step) > 1 else ""
                for line in step:
                    old = self._standing(line, gone) if why == "undo" else line.new
                    gone.add(line.id)
                    new = self._standing(line, gone) if why == "undo" else line.old
                    lines.append(
                        Decision(
                            id=_new_id(),
                            row_id=line.row_id,
                            field=line.field,
                            old=old,
                            new=new,
                            who=self.who,
                            time=now,
                            why=why,
                            undoes=line.id,
                            group=group,
                        )
                    )
            return lines

        self._append(fresh)
        return [self._written(line.id) for line in lines]

    def _standing(self, line: Decision, without: set[str]) -> Any:
        decision = self._ledger.last(line.row_id, line.field, without)
        return decision.new if decision else self._ledger.before(line.row_id, line.field)

    # --- the file ---------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._ledger = Ledger()
        self._damaged: list[int] = []
        self._lines = 0
        self._offset = 0  # of the first byte that is not known
        self._anchor = b""  # the line before it: a file in which it changed is another file
        self._seen = None

    def _now(self) -> Ledger:
        self.reload()
        return self._ledger

    def _written(self, id: str) -> Decision:
        decision = self._ledger.get(id)
        if decision is None:
            came = "a file from which it vanished at once"
            raise DataError("the decision in the journal", came, "look what else writes to that file", file=self.path)
        return decision

    def _follow(self, file: BinaryIO) -> tuple[bytes, bool]:
        """Take in what stands behind what is known. Returns a last line without an end, and whether it is torn."""
        file.seek(self._offset - len(self._anchor))
        content = file.read()
        if content.startswith(self._anchor):
            content = content[len(self._anchor) :]
        else:
            self._forget()
            file.seek(0)
            content = file.read()
        piece = parse(content)
        for decision in piece.decisions:
            self._ledger.take(decision)
        self._damaged += [self._lines + 1 + i for i in piece.damaged]
        self._lines += piece.lines
        self._offset += piece.size
        if piece.lines:
            self._anchor = content[: piece.size].splitlines(keepends=True)[-1]
        if piece.last is not None:
            self._ledger.take(piece.last)  # whole but for its end; when it is met again, it is known
        return piece.tail, bool(piece.tail) and piece.last is None

    def _append(self, fresh: Callable[[], Sequence[Decision]]) -> None:
        """Write the decisions that ``fresh`` gives once all that others wrote is known."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        with self._mutex, writable(f"the label journal {self.path}", DataError), alone(self.path):
            new = not self.path.exists()
            with os.fdopen(os.open(self.path, flags, 0o666), "rb", buffering=0) as file:
                tail, torn = self._follow(file)
                lines = b"".join(to_line(decision) for decision in fresh())
                if lines:
                    if torn and ours(tail):  # nobody was told that this decision was kept
                        os.ftruncate(file.fileno(), self._offset)
                        tail = b""
                    _write(file.fileno(), (b"\n" if tail else b"") + lines)
                    if new:
                        sync_folder(self.path.parent)
                    self._follow(file)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """One process at a time writes to a journal.

    Raises:
        DataError: another one has been writing for half a minute.
        OSError: no lock file can be made there.
    """
    import filelock

    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=_SECONDS, poll_interval=0.002)
    except filelock.Timeout:
        came = f"another process that has been writing to it for {_SECONDS:.0f} s"
        do = f"end that process, which holds the lock file {lock.lock_file}"
        raise DataError("a label journal that is free to be written", came, do, file=path) from None
    try:
        yield
    finally:
        lock.release()


def sync_folder(folder: Path) -> None:
    """Have the name of a new file on the disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write(file: int, content: bytes) -> None:
    """Append all of the content and have it on the disk, or leave the file as it was."""
    before = os.fstat(file).st_size
    try:
        written = os.write(file, content)
        while written < len(content):  # a disk that fills up takes a part, and refuses the rest
            written += os.write(file, content[written:])
        os.fsync(file)
    except BaseException:
        with contextlib.suppress(OSError):  # what then stays is torn, and mended by the next decision
            os.ftruncate(file, before)
        raise


def _new_id() -> str:
    return secrets.token_urlsafe(9)  # 72 bits: no two alike, also over many journals


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        return "unknown"
