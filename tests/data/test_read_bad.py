"""Bad input: each error names the file, the line and the column where there is one, and says what to do."""

import errno
import gzip
import json
import os
import pickle
import sys
import threading
import time
import tracemalloc
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from datasets import Dataset, DatasetDict

from labkit._places import cache_dir
from labkit.data import _convert
from labkit.data._files import sources as _sources
from labkit.data._read import read
from labkit.errors import DataError, ResourceError

GOOD = "text,label\n" + "".join(f"some text {i},{'ab'[i % 2]}\n" for i in range(20))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("LABKIT_CACHE", str(folder))
    return folder


def refused(path, content=None, **how) -> DataError:
    """The error for a file with this content."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        read(path, **how)
    error = caught.value
    assert str(error.file) == str(path)
    assert str(path) in str(error) and error.expected and error.came and error.do
    return error


def test_missing_file_names_near_ones(tmp_path):
    (tmp_path / "reviews.csv").write_text(GOOD)
    assert "reviews.csv" in refused(tmp_path / "review.csv").do
    assert "reviews.csv" in refused(tmp_path / "q.parquet").do
    assert "there is no folder" in refused(tmp_path / "nowhere" / "reviews.csv").do


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.json", "a.jsonl", "a.parquet", "a.arrow"])
@pytest.mark.parametrize("packed", [False, True])
def test_empty_files(tmp_path, name, packed):
    path = tmp_path / (name + ".gz" * packed)
    assert "empty" in refused(path, gzip.compress(b"") if packed else b"").came


@pytest.mark.parametrize("content", ["\n \n\r\n", "\ufeff", "\ufeff\n"])
def test_blank_files(tmp_path, content):
    assert "empty" in refused(tmp_path / "a.csv", content).came


def test_header_only(tmp_path):
    error = refused(tmp_path / "a.csv", "text,label\n")
    assert "only the header line (text, label)" in error.came
    assert "empty list" in refused(tmp_path / "a.json", "[]").came


def test_binary_files_are_named_by_what_they_are(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.csv", "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    excel = refused(tmp_path / "z.csv")
    assert "Excel" in excel.came and "CSV" in excel.do
    assert "pickle" in refused(tmp_path / "p.csv", pickle.dumps([1, 2, 3])).came
    assert "PNG" in refused(tmp_path / "p.jsonl", b"\x89PNG\r\n\x1a\n" + bytes(range(256))).came
    assert "web page" in refused(tmp_path / "w.csv", "<!DOCTYPE html>\n<html></html>").came
    assert refused(tmp_path / "n.csv", GOOD + "a\0b,c\n").row == 22


def test_gzip_files_that_are_cut_or_damaged(tmp_path):
    lines = "".join(f"{os.urandom(20).hex()},a\n" for _ in range(5000))
    packed = gzip.compress(("text,label\n" + lines).encode())
    assert "truncated" in refused(tmp_path / "a.csv.gz", packed[: len(packed) // 2]).came
    broken = bytearray(packed)
    broken[len(broken) // 2] ^= 0xFF
    assert "damaged" in refused(tmp_path / "b.csv.gz", bytes(broken)).came
    assert "truncated" in refused(tmp_path / "c.parquet.gz", packed[: len(packed) // 2]).came


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_columnar_files_that_are_none_or_cut(tmp_path, kind):
    refused(tmp_path / f"a.{kind}", GOOD)
    frame = pd.DataFrame({"text": [f"text {i}" for i in range(99)], "label": ["a", "b", "c"] * 33})
    frame.to_parquet(tmp_path / "whole") if kind == "parquet" else frame.to_feather(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    refused(tmp_path / f"b.{kind}", whole[: len(whole) // 2])


def test_folders(tmp_path):
    (tmp_path / "data.csv").write_text(GOOD)
    (tmp_path / "notes.md").write_text("x")
    error = refused(tmp_path)
    assert "data.csv" in error.came and "notes.md" not in error.came
    (tmp_path / "train.csv").write_text(GOOD)
    (tmp_path / "train.json").write_text("[]")
    assert "train.csv and train.json" in refused(tmp_path).came


def test_a_damaged_folder_of_datasets(tmp_path):
    (tmp_path / "dataset_info.json").write_text("{")
    assert "save_to_disk" in refused(tmp_path).expected


def test_wrong_delimiter_names_the_right_one(tmp_path):
    path = tmp_path / "a.csv"
    error = refused(path, GOOD.replace(",", ";"), delimiter=",")
    assert "delimiter=';'" in error.do and "2 columns" in error.do
    assert "one character" in refused(path, delimiter=";;").expected


def test_ragged_rows(tmp_path):
    content = GOOD + "too, many, fields\n" + "fine,a\n" + "too few\n"
    error = refused(tmp_path / "a.csv", content)
    assert error.row == 22
    assert error.expected.startswith("2 fields") and error.came.startswith("3 (2 such records")
    assert "quote" in error.do
    assert refused(tmp_path / "b.csv", GOOD.replace("some text 3,b", "some text 3")).row == 5


def test_a_space_before_a_quote_is_named(tmp_path):
    assert "space before" in refused(tmp_path / "a.csv", 'text, label\nsome text, "a, b"\n').do


def test_ragged_rows_behind_line_breaks_inside_quotes(tmp_path):
    assert refused(tmp_path / "a.csv", 'text,label\n"two\nlines",a\nx,b,c\n').row == 4


def test_quotes_that_are_not_closed(tmp_path):
    error = refused(tmp_path / "a.csv", GOOD + '"never closed,a\n' + "more,b\n" * 50)
    assert error.row == 22 and "never closed" in error.came
    error = refused(tmp_path / "b.csv", GOOD + '"he" said,a\n')
    assert error.row == 22 and "twice" in error.do


def test_no_header(tmp_path):
    rows = "".join(f"some message {i},{'ham' if i % 2 else 'spam'}\n" for i in range(9))
    error = refused(tmp_path / "a.csv", rows)
    assert error.row == 1 and "header" in error.expected and "text,label" in error.do
    long = "a first message that is a good deal longer than any name of a column would be,1\n"
    refused(tmp_path / "b.csv", long + "another,2\n")
    refused(tmp_path / "c.csv", "0,1\n" + rows)


def test_duplicate_column_names(tmp_path):
    error = refused(tmp_path / "a.csv", "text,label,Text,text \na b,x,c,d\n")
    assert error.column == "text" and "1st and the 4th" in error.came
    assert refused(tmp_path / "a.jsonl", '{"text": "a", "text": "b"}\n').column == "text"
    with pytest.raises(DataError, match="twice"):
        read(pd.DataFrame([["a", "b"]], columns=["text", "text"]))


def test_broken_json(tmp_path):
    good = '{"text": "a b", "label": "x"}\n'
    assert refused(tmp_path / "a.jsonl", good * 4 + '{"text": "torn\n').row == 5
    assert refused(tmp_path / "b.jsonl", good * 2 + '["a", "b"]\n').row == 3
    assert refused(tmp_path / "c.json", "[\n" + good.strip() + ",\n" + good.strip() + "\n" + good + "]").row == 4
    assert "without ]" in refused(tmp_path / "d.json", "[" + good.strip() + ",").came
    assert "behind" in refused(tmp_path / "e.json", "[" + good.strip() + "] x").expected
    assert refused(tmp_path / "f.json", '[\n{"text": "a"},\n5]').row == 3
    inside = refused(tmp_path / "g.json", json.dumps({"version": 1, "data": [{"text": "a", "label": "b"}]}))
    assert "'data'" in inside.came
    columns = refused(tmp_path / "i.json", json.dumps({"text": {"0": "a"}, "label": {"0": "b"}}, indent=1))
    assert "columns inside, under 'text', 'label'" in columns.came
    refused(tmp_path / "h.jsonl", '{"a": ' + "[" * 100_000 + "\n")


def test_broken_json_does_not_swallow_the_rest_of_a_large_array(tmp_path):
    rows = ",\n".join(json.dumps({"text": "word " * 50, "label": "a"}) for _ in range(20_000))
    (tmp_path / "a.json").write_text('[{"text": "a" "label": "b"},\n' + rows + "]")
    assert (tmp_path / "a.json").stat().st_size > 5_000_000
    del rows
    tracemalloc.start()
    try:
        assert refused(tmp_path / "a.json").row == 1
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_values_that_are_no_text_or_label(tmp_path):
    nested = '{"text": {"en": "a"}, "label": "x"}\n'
    error = refused(tmp_path / "a.jsonl", '{"text": "a", "label": "x"}\n' + nested, text="text")
    assert (error.row, error.column) == (2, "text")
    error = refused(
        tmp_path / "b.jsonl", '{"text": "a", "label": "x"}\n{"text": "b", "label": {"v": 1}}\n', label="label"
    )
    assert (error.row, error.column) == (2, "label")


def test_encodings_that_do_not_fit(tmp_path):
    path = tmp_path / "a.csv"
    latin = GOOD.encode() + "café,a\n".encode("latin-1")
    error = refused(path, latin, encoding="utf-8")
    assert error.row == 22 and "0xe9" in error.came
    assert "utf-8, utf-16" in refused(path, encoding="klingon").do
    mixed = ("text,label\n" + "".join(f"naïve café {i},a\n" for i in range(20))).encode() + "naïve,b\n".encode(
        "latin-1"
    )
    damaged = refused(tmp_path / "b.csv", mixed)
    assert damaged.row == 22 and "latin-1" in damaged.do


def test_other_splits_must_have_the_same_columns(tmp_path):
    (tmp_path / "train.csv").write_text(GOOD)
    for content, column in (("text,lable\na b,a\n", "label"), ("message,label\na b,a\n", "text")):
        (tmp_path / "test.csv").write_text(content)
        with pytest.raises(DataError, match=r"test\.csv") as caught:
            read(tmp_path / "train.csv", test=tmp_path / "test.csv")
        assert caught.value.column == column


def test_labels_that_are_all_missing(tmp_path):
    assert "empty label in every row" in refused(tmp_path / "a.csv", "text,label\na b,\nb c,\n", label="label").came


def test_several_splits_where_one_belongs():
    data = DatasetDict(train=Dataset.from_list([{"text": "a"}]), test=Dataset.from_list([{"text": "a"}]))
    with pytest.raises(DataError, match=r"several splits: train, test.*test=data\['test'\]"):
        read([{"text": "a b", "label": "x"}], test=data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "none"),
        ([{"text": "a"}, "b"], "a str"),
        ({"text": ["a"], "label": ["b"]}, "the keys text, label"),
        ({}, "an empty dict"),
        (5, "an object of type int"),
        (pd.Series(["a"]), "to_frame"),
        ("", "an empty name"),
    ],
)
def test_objects_that_are_no_data(data, says):
    with pytest.raises(DataError, match=says):
        read(data)


def test_hub_id_without_a_network_fails_fast(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_sources, "_SECONDS", 0.3)
    import huggingface_hub

    class Silent:
        def head(self, *args, **kwargs):
            threading.Event().wait(20)

    monkeypatch.setattr(huggingface_hub, "get_session", Silent)
    began = time.monotonic()
    with pytest.raises(DataError, match="no connection to the hub"):
        read("owner/no-such-data")
    assert time.monotonic() - began < 10


def test_what_the_hub_says_is_passed_on(monkeypatch):
    import datasets

    def missing(name):
        raise FileNotFoundError("Dataset 'owner/none' doesn't exist on the Hub or cannot be accessed.")

    monkeypatch.setattr(_sources, "_online", lambda: True)
    monkeypatch.setattr(datasets, "load_dataset", missing)
    with pytest.raises(DataError, match="doesn't exist on the Hub"):
        read("owner/none")


# the cache


def leftovers(folder):
    return [path for path in folder.rglob("*") if "partial" in path.name or path.is_file()]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.ENOSPC, "No space left on device")])
def test_nothing_half_written_stays(tmp_path, cache, monkeypatch, error):
    (tmp_path / "a.csv").write_text(GOOD)
    original = _convert._records

    def interrupted(*args):
        yield next(original(*args))
        raise error

    monkeypatch.setattr(_convert, "_records", interrupted)
    with pytest.raises(KeyboardInterrupt if error is KeyboardInterrupt else ResourceError):
        read(tmp_path / "a.csv")
    assert leftovers(cache) == []
    monkeypatch.setattr(_convert, "_records", original)
    assert read(tmp_path / "a.csv").rows == {"train": 20}


def test_interrupted_snapshot_leaves_nothing(cache):
    def rows():
        yield {"text": "a b", "label": "x"}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _sources._snapshot(rows(), "rows")
    assert leftovers(cache) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_named(tmp_path, monkeypatch):

    (tmp_path / "a.csv").write_text(GOOD)
    original = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *a, **k: original(Path("/dev/full") if self.suffix == ".arrow" else self, *a, **k)
    )
    with pytest.raises(ResourceError, match="LABKIT_CACHE"):
        read(tmp_path / "a.csv")


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text(GOOD)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="LABKIT_CACHE"):
        read(tmp_path / "a.csv")
    with pytest.raises(DataError, match="LABKIT_CACHE"):
        read([{"text": "a b", "label": "x"}])


def test_cache_folder_of_the_platform(monkeypatch, tmp_path):
    monkeypatch.delenv("LABKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert cache_dir() == tmp_path / "labkit"
