"""The label journal: no decision that was answered is ever lost, and what was decided can be undone."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from journals import write

from labkit.data import Journal, journal_path, read
from labkit.data._journals import journal as journal_module
from labkit.errors import DataError, LabError, ResourceError, UnknownName

HOSTILE = [
    "",
    "a\nb\r\n\u2028\u2029\x85\x0b\x00",
    "\ud800 half",
    '"}\n{"id": "x"}',
    "<script>alert(1)</script>",
    "🙂𝔘 e\u0301",
    "\\ud800\\",
    "x" * 100_000,
]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.csv.labels.jsonl"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path / "data.csv", [(f"r{i}", f"text {i}", "ab"[i % 2]) for i in range(12)])


# --- writing and reading --------------------------------------------------------------------------------------------


def test_a_decision_is_a_whole_line_that_says_everything(table: Path):
    journal = Journal(table, who="ana")
    before = time.time()
    made = journal.add("r1", "c", old="b", seconds=2.5, note="sarcasm", suggestion="b", confidence=0.4)
    assert journal.path == table.with_name("data.csv.labels.jsonl")
    (line,) = journal.path.read_text("utf-8").splitlines()
    said = json.loads(line)
    assert said.pop("id") == made.id and before <= said.pop("time") <= time.time()
    assert said == {
        "row_id": "r1", "field": "label", "old": "b", "new": "c", "who": "ana", "seconds": 2.5, "why": "person",
        "note": "sarcasm", "suggestion": "b", "confidence": 0.4,
    }  # fmt: skip
    assert Journal(table).decisions() == [made] and journal.value("r1") == "c"
    assert Journal(table).who, "the account's name, unless another is given"


def test_the_last_decision_counts_field_by_field(path: Path):
    journal = Journal(path, who="ana")
    journal.add("r1", "a")
    journal.add("r1", ["b", "c"])
    journal.add("r1", True, field="exclude")
    journal.add("r2", None)
    journal.add("r2", [{"start": 0, "end": 2, "label": "PER"}], field="spans")
    assert journal.current() == {"r1": ["b", "c"], "r2": None}
    assert journal.current("exclude") == {"r1": True} and journal.value("r2", "spans")[0]["end"] == 2
    assert journal.value("r3", default="?") == "?" and journal.value("r2", default="?") is None
    assert [line.old for line in journal.history("r1")] == [None, "a", None]
    assert len(journal) == 5 and bool(Journal(path.with_name("new.labels.jsonl")))


@pytest.mark.parametrize("text", HOSTILE[1:])
def test_hostile_strings_come_back_as_they_are(path: Path, text: str):
    journal = Journal(path, who="ana")
    for where in ("row", text):
        journal.add(where, text, note=text, suggestion={text: [text]})
        journal.add(where, {text: text}, field="anything")
    assert journal.decisions() == Journal(path).decisions() and not journal.damaged
    assert journal.current() == {"row": text, text: text}
    assert path.read_bytes().count(b"\n") == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"row_id": "", "new": "a"}, "row_id"),
        ({"row_id": "r", "new": 3}, "a text, a list of texts, or None"),
        ({"row_id": "r", "new": [1]}, "a list of texts"),
        ({"row_id": "r", "new": None, "field": "text"}, "a text as text"),
        ({"row_id": "r", "new": "yes", "field": "exclude"}, "True or False"),
        ({"row_id": "r", "new": [{"start": 0}], "field": "spans"}, "start"),
        ({"row_id": "r", "new": float("nan"), "field": "score"}, "JSON"),
        ({"row_id": "r", "new": {1, 2}, "field": "set"}, "JSON"),
        ({"row_id": "r", "new": "a", "old": b"a"}, "JSON"),
        ({"row_id": "r", "new": "a", "seconds": -1}, "seconds"),
        ({"row_id": "r", "new": "a", "seconds": float("inf")}, "JSON|seconds"),
        ({"row_id": "r", "new": "a", "confidence": 2}, "confidence"),
        ({"row_id": "r", "new": "a", "why": "whim"}, "suggestion"),
        ({"row_id": "r", "new": "a", "why": "undo"}, "suggestion"),
        ({"row_id": "r", "new": "a", "who": "ben"}, "part of a decision"),
        ({"row_id": "r"}, "new value"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is(path: Path, arguments: dict[str, Any], said: str):
    journal = Journal(path, who="ana")
    with pytest.raises((DataError, UnknownName), match=said):
        journal.add_many([{"row_id": "r0", "new": "a"}, arguments])
    assert not path.exists() and len(journal) == 0


def test_a_decision_sent_twice_is_written_once(path: Path):
    first = Journal(path, who="ana").add("r1", "a", id="msg-1")
    other = Journal(path, who="ana")
    assert other.add("r1", "b", id="msg-1") == first
    assert other.add_many([{"row_id": "r2", "new": "c", "id": "m"}] * 2)[0] is not first
    assert [(line.id, line.new) for line in Journal(path).decisions()] == [("msg-1", "a"), ("m", "c")]
    assert path.read_bytes().count(b"\n") == 2


def test_one_journal_sees_what_another_appends(path: Path):
    mine, theirs = Journal(path, who="ana"), Journal(path, who="ben")
    for i in range(5):
        theirs.add(f"r{i}", "a")
        assert len(mine) == i + 1 and mine.value(f"r{i}") == "a"
    assert mine.add("r0", "b").old == "a"
    path.unlink()
    assert len(mine) == 0, "the file is the truth"
    mine.add("r0", "c")
    assert len(theirs) == 1


def test_a_file_that_was_replaced_is_read_anew(path: Path):
    journal = Journal(path, who="ana")
    for i in range(4):
        journal.add(f"r{i}", "a")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[3], lines[1]]))
    assert [line.row_id for line in journal.decisions()] == ["r3", "r1"]
    path.write_bytes(b"".join([lines[0], lines[3], lines[2]]))  # longer than what is known, and another file
    assert [line.row_id for line in journal.decisions()] == ["r0", "r3", "r2"]


def test_places(tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch):
    assert journal_path(table) == journal_path(str(table) + ".labels.jsonl") == tmp_path / "data.csv.labels.jsonl"
    with pytest.raises(DataError, match=r"labels\.jsonl"):
        journal_path(tmp_path / "none.csv")
    with pytest.raises(DataError, match="no such folder"):
        Journal(tmp_path / "none" / "x.labels.jsonl")
    with pytest.raises(DataError, match="name of the person"):
        Journal(table, who=" ")
    in_memory = read([{"text": f"t{i}", "label": "ab"[i % 2]} for i in range(4)])
    with pytest.raises(DataError, match="cache"):
        Journal(in_memory.config.train)
    monkeypatch.setattr(journal_module.getpass, "getuser", lambda: (_ for _ in ()).throw(KeyError("uid 1234")))
    assert Journal(table).who == "unknown"


def test_a_journal_beside_the_data_is_no_data(tmp_path: Path):
    folder = tmp_path / "set"
    folder.mkdir()
    train = write(folder / "train.csv", [(f"r{i}", f"text {i}", "ab"[i % 2]) for i in range(6)])
    Journal(train, who="ana").add("r1", "a")
    assert read(folder).rows == {"train": 6}


# --- undo -----------------------------------------------------------------------------------------------------------


def test_undo_and_redo_to_any_depth(path: Path):
    ana, ben = Journal(path, who="ana"), Journal(path, who="ben")
    for i in range(30):
        ana.add(f"r{i % 3}", f"v{i}", old="data" if i < 3 else ...)
    ben.add("r9", "b")
    states = []
    for i in range(30, 0, -1):
        states.append(ana.current())
        (line,) = ana.undo()
        assert (line.why, line.old, line.row_id) == ("undo", f"v{i - 1}", f"r{(i - 1) % 3}")
        assert line.new == (f"v{i - 4}" if i > 3 else "data")
    assert ana.current() == {"r9": "b"}, "nobody undoes what another person decided"
    assert ana.undo() == [] and len(ana) == 61
    for state in reversed(states):
        (line,) = ana.redo()
        assert line.why == "redo" and ana.current() == state
    assert ana.redo() == []
    assert len(ana.undo(30)) == 30 and Journal(path).current() == {"r9": "b"}
    assert len(ana.redo(1000)) == 30 and Journal(path).current() == states[0]


def test_a_new_decision_ends_the_redo(path: Path):
    journal = Journal(path, who="ana")
    journal.add("r1", "a")
    journal.undo()
    journal.add("r2", "b")
    assert journal.redo() == []
    journal.undo()
    assert [line.row_id for line in journal.redo(2)] == ["r2"]


def test_an_undo_leaves_a_later_decision_of_another_person_in_force(path: Path):
    ana, ben = Journal(path, who="ana"), Journal(path, who="ben")
    made = ana.add("r1", "a")
    ben.add("r1", "b")
    (line,) = ana.undo()
    assert (line.old, line.new) == ("b", "b") and ana.value("r1") == "b" and not ben.in_force(made)
    ben.undo()
    assert ben.current() == {}


def test_a_stroke_is_undone_at_one_stroke(path: Path):
    journal = Journal(path, who="ana")
    journal.add("r1", "a")
    made = journal.add_many([{"row_id": f"r{i}", "new": "z"} for i in range(1, 50)], note="contains 'zebra'")
    assert {line.why for line in made} == {"rule"} and made[0].old == "a" and made[0].note == "contains 'zebra'"
    assert len(journal.undo()) == 49 and journal.current() == {"r1": "a"}
    assert len(journal.redo()) == 49 and journal.value("r49") == "z"
    assert len(journal.undo(2)) == 50 and journal.current() == {}


# --- nothing is lost ------------------------------------------------------------------------------------------------


def test_a_last_line_torn_anywhere_is_repaired(path: Path):
    journal = Journal(path, who="ana")
    first = journal.add("r0", "ä🙂")
    start = path.stat().st_size
    last = journal.add("r1", "ä🙂", note="n")
    content = path.read_bytes()
    for cut in range(start, len(content) + 1):
        path.write_bytes(content[:cut])
        torn = Journal(path, who="ana")
        there = [first, last] if cut >= len(content) - 1 else [first]
        assert torn.decisions() == there and torn.damaged == ()
        assert path.read_bytes() == content[:cut], "looking changes nothing"
        added = torn.add("r2", "c")
        assert torn.decisions() == Journal(path).decisions() == [*there, added]
        assert Journal(path).damaged == () and path.read_bytes().count(b"\n") == len(there) + 1


def test_damaged_lines_are_passed_over_and_named(path: Path):
    journal = Journal(path, who="ana")
    for i in range(6):
        journal.add(f"r{i}", "a")
    lines = path.read_bytes().splitlines()
    lines[1] = b"\xff\xfe{" + lines[1]
    lines[2] = lines[2].replace(b'"new": "a"', b'"new": 1e999')
    lines[3] = lines[3].replace(b'"who": "ana"', b'"who": 7')
    lines[4] = b"[" * 100_000
    hostile = [b"null", b"[]", b"", b'{"id": 1}', lines[5].replace(b'"time": ', b'"time": ' + b"9" * 400)]
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join([*lines, *hostile]) + b"\r\n")
    again = Journal(path, who="ana")
    assert [line.row_id for line in again.decisions()] == ["r0", "r5"]
    assert again.damaged == (2, 3, 4, 5, 7, 8, 10, 11)
    again.add("r7", "b")
    assert len(Journal(path)) == 3 and Journal(path).damaged == again.damaged


def test_what_a_power_cut_or_a_stranger_leaves_at_the_end(path: Path):
    journal = Journal(path, who="ana")
    journal.add("r0", "a")
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0" * 4096)
    journal.add("r1", "b")
    assert len(Journal(path)) == 2 and b"\0" not in path.read_bytes()
    path.write_bytes(whole + b"a remark by hand")
    journal.add("r2", "c")
    assert b"a remark by hand\n" in path.read_bytes(), "what is not ours is never cut away"
    assert [line.row_id for line in Journal(path).decisions()] == ["r0", "r2"] and Journal(path).damaged == (2,)


WRITER = """
import sys
from labkit.data._journals.journal import Journal
journal = Journal(sys.argv[1], who=sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for i in range(int(sys.argv[3])):
    made = journal.add(f"{sys.argv[2]}-{i}", "label " * (i % 50), note="ä" * (i % 7))
    sys.stdout.write(made.id + "\\n")
    sys.stdout.flush()
"""


def writer(path: Path, who: str, count: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), who, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def test_two_processes_write_at_once_and_nothing_is_lost(path: Path):
    processes = [writer(path, who, 200) for who in ("ana", "ben")]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ids = [id for process in processes for id in process.communicate(timeout=120)[0].split()]
    journal = Journal(path)
    assert len(ids) == 400 and sorted(ids) == sorted(line.id for line in journal.decisions()) and not journal.damaged
    assert path.read_bytes().count(b"\n") == 400
    for who in ("ana", "ben"):
        assert [line.row_id for line in journal.decisions() if line.who == who] == [f"{who}-{i}" for i in range(200)]


def test_threads_may_share_a_journal(path: Path):
    journal = Journal(path, who="ana")

    def work(name: int) -> None:
        for i in range(20):
            journal.add(f"{name}-{i}", "a")
            journal.current()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Journal(path).current()) == 80 and not journal.damaged


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_process_killed_at_any_moment_loses_no_decision_that_was_answered(path: Path):
    chooser = random.Random(0)
    answered: list[str] = []
    for number in range(10):
        process = writer(path, f"p{number}", 1_000_000)
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(chooser.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        said = process.communicate(timeout=60)[0].splitlines(keepends=True)
        answered += [id.strip() for id in said if id.endswith("\n")]
    journal = Journal(path, who="ana")
    journal.add("after", "a")
    there = [json.loads(line)["id"] for line in path.read_bytes().splitlines()]
    assert len(answered) > 20 and len(set(there)) == len(there) and set(answered) <= set(there)
    assert journal.damaged == () and len(journal) == len(there) <= len(answered) + 11


# --- a disk that refuses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [0, 7, 10_000])
def test_a_full_disk_leaves_everything_as_it_was(path: Path, part: int, monkeypatch: pytest.MonkeyPatch):
    journal = Journal(path, who="ana")
    first = journal.add("r0", "a")
    before, real, room = path.read_bytes(), os.write, [part]

    def filling_up(file: int, content: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = real(file, bytes(content)[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(journal_module.os, "write", filling_up)
    with pytest.raises(ResourceError, match="full disk"):
        journal.add_many([{"row_id": f"r{i}", "new": "b" * 100} for i in range(100)])
    assert path.read_bytes() == before and journal.decisions() == [first] == Journal(path).decisions()
    monkeypatch.setattr(journal_module.os, "write", real)
    journal.add("r1", "b")
    assert journal.current() == {"r0": "a", "r1": "b"}


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_memory_changes_only_once_it_is_on_the_disk(path: Path, number: int, monkeypatch: pytest.MonkeyPatch):
    journal = Journal(path, who="ana")

    def refuse(file: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(journal_module.os, "fsync", refuse)
        with pytest.raises(LabError, match="label journal"):
            journal.add("r0", "a")
        assert len(journal) == 0
    journal.add("r0", "b")
    assert journal.current() == {"r0": "b"} and len(journal) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE")
def test_a_file_that_may_not_grow(path: Path):
    code = (
        "import resource, sys\nfrom labkit.data._journals.journal import Journal\nfrom labkit.errors import LabError\n"
        "journal = Journal(sys.argv[1], who='ana')\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "done = 0\ntry:\n    while True:\n        journal.add('r', 'a' * 50); done += 1\n"
        "except LabError as error:\n    print(done, len(journal), type(error).__name__)\n"
    )
    said = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60).stdout
    done, length, kind = said.split()
    assert 0 < int(done) == int(length) == len(Journal(path)) and kind == "DataError"
    assert path.read_bytes().endswith(b"}\n") and Journal(path).damaged == ()


def test_a_folder_that_may_not_be_written(path: Path, monkeypatch: pytest.MonkeyPatch):
    Journal(path, who="ana").add("r0", "a")
    journal, real = Journal(path, who="ben"), os.open

    def refuse(file: Any, flags: int, *mode: int, **more: Any) -> int:
        if flags & os.O_CREAT and Path(file).parent == path.parent:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
        return real(file, flags, *mode, **more)

    path.with_name(f".{path.name}.lock").unlink()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DataError, match="Permission denied"):
        journal.add("r1", "b")
    assert journal.current() == {"r0": "a"}


def test_a_journal_that_another_process_holds(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journal_module, "_SECONDS", 0.05)
    with journal_module.alone(path), pytest.raises(DataError, match="another process"):
        Journal(path, who="ana").add("r", "a")


def test_an_append_costs_little_beside_many_decisions(path: Path, monkeypatch: pytest.MonkeyPatch):
    journal = Journal(path, who="ana")
    journal.add_many([{"row_id": f"r{i}", "new": "a"} for i in range(20_000)])
    monkeypatch.setattr(journal_module.os, "fsync", lambda file: None)
    took = []
    for i in range(30):
        began = time.perf_counter()
        journal.add(f"r{i}", "b", seconds=1.0)
        took.append(time.perf_counter() - began)
    assert sorted(took)[15] <= 0.005, took
