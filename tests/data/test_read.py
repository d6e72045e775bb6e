"""Reading: formats, sources, row ids, splits, and that a configuration gives the same corpus again."""

import csv
import gzip
import io
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value

from labkit.data._read import read
from labkit.errors import DataError

ROWS = [
    {"text": "where is my card, please", "label": "card"},
    {"text": 'he said "no" and left\nfor good', "label": "exit"},
    {"text": "naïve café — 日本語 text", "label": "card"},
    {"text": "NA", "label": "exit"},
    {"text": "the last one; really", "label": "card"},
]
FORMATS = ["csv", "tsv", "json", "jsonl", "parquet", "arrow"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("LABKIT_CACHE", str(folder))
    return folder


def dump(rows, path: Path) -> Path:
    """Write rows in the format that the suffix names."""
    packed = path.suffix == ".gz"
    kind = path.with_suffix("").suffix if packed else path.suffix
    out = io.BytesIO()
    if kind in (".csv", ".tsv"):
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]), delimiter="\t" if kind == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)
        out.write(text.getvalue().encode())
    elif kind == ".json":
        out.write(json.dumps(rows, indent=1, ensure_ascii=False).encode())
    elif kind == ".jsonl":
        out.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
    elif kind == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), out)
    else:
        table = pa.Table.from_pylist(rows)
        with pa.ipc.new_stream(out, table.schema) as stream:
            stream.write_table(table)
    path.write_bytes(gzip.compress(out.getvalue()) if packed else out.getvalue())
    return path


def again(corpus):
    """Read what the configuration of a corpus describes."""
    c = corpus.config
    return read(
        c.train,
        validation=c.validation or None,
        test=c.test or None,
        text=c.text,
        text_pair=c.text_pair,
        label=c.label,
        label_separator=c.label_separator,
        multi_label=c.multi_label,
        id=c.id,
        encoding=c.encoding,
        delimiter=c.delimiter,
    )


def assert_same(one, two):
    assert one.config == two.config
    assert (one.labels, one.multi_label) == (two.labels, two.multi_label)
    assert {name: rows.to_list() for name, rows in one.splits.items()} == {
        name: rows.to_list() for name, rows in two.splits.items()
    }


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_corpus(tmp_path, kind, packed):
    corpus = read(dump(ROWS, tmp_path / f"data.{kind}{packed}"))
    assert corpus["train"].column_names == ["row_id", "text", "label"]
    assert [{k: row[k] for k in ("text", "label")} for row in corpus["train"]] == ROWS
    assert corpus.labels == ("card", "exit")
    assert corpus.config.train == (tmp_path / f"data.{kind}{packed}").as_posix()
    reference = read(dump(ROWS, tmp_path / "reference.csv"))
    assert corpus["train"]["row_id"][:] == reference["train"]["row_id"][:]
    assert_same(corpus, again(corpus))


@pytest.mark.parametrize("make", [list, pd.DataFrame, Dataset.from_list], ids=["list", "frame", "Dataset"])
def test_rows_in_memory_are_kept_so_that_a_recipe_can_read_them(make):
    corpus = read(make(ROWS))
    assert corpus["train"]["text"][:] == [row["text"] for row in ROWS]
    assert Path(corpus.config.train).is_file()
    assert_same(corpus, again(corpus))


@pytest.mark.parametrize("wrap", [dict, DatasetDict])
def test_splits_given_together(wrap):
    splits = {"train": Dataset.from_list(ROWS), "dev": Dataset.from_list(ROWS[:2]), "extra": Dataset.from_list(ROWS)}
    corpus = read(wrap(splits))
    assert corpus.rows == {"train": 5, "validation": 2}
    assert any("'extra' is left out" in reason for reason in corpus.reasons)
    assert_same(corpus, again(corpus))


def test_folder_saved_by_datasets(tmp_path):
    DatasetDict(train=Dataset.from_list(ROWS), test=Dataset.from_list(ROWS[:2])).save_to_disk(tmp_path / "both")
    Dataset.from_list(ROWS).save_to_disk(tmp_path / "one")
    both = read(tmp_path / "both")
    assert both.rows == {"train": 5, "test": 2}
    assert_same(both, again(both))
    assert read(tmp_path / "one").rows == {"train": 5}


def test_folder_with_a_file_for_each_split(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    dump(ROWS, folder / "train.csv")
    dump(ROWS[:3], folder / "dev.jsonl")
    dump(ROWS[:2], folder / "test.tsv.gz")
    corpus = read(str(folder))
    assert corpus.rows == {"train": 5, "validation": 3, "test": 2}
    assert_same(corpus, again(corpus))
    only_test = read(dump(ROWS, tmp_path / "a.csv"), test=folder)
    assert only_test.rows == {"train": 5, "test": 2}


def test_a_given_split_goes_before_one_inside_the_training_data(tmp_path):
    data = DatasetDict(train=Dataset.from_list(ROWS), test=Dataset.from_list(ROWS))
    corpus = read(data, test=dump(ROWS[:1], tmp_path / "t.csv"))
    assert corpus.rows == {"train": 5, "test": 1}
    assert any("'test' inside the training data" in reason for reason in corpus.reasons)


def test_split_column_is_honoured(tmp_path):
    rows = [
        {**row, "split": split} for row, split in zip(ROWS, ["train", "training", "dev", "test", "train"], strict=True)
    ]
    corpus = read(dump(rows, tmp_path / "a.csv"))
    assert corpus.rows == {"train": 3, "validation": 1, "test": 1}
    assert corpus["test"]["text"][:] == ["NA"]
    assert any("by the column 'split'" in reason for reason in corpus.reasons)
    assert_same(corpus, again(corpus))


def test_split_column_with_other_values_stays_a_column(tmp_path):
    rows = [{**row, "split": split} for row, split in zip(ROWS, ["train", "fold 2", "dev", "test", ""], strict=True)]
    corpus = read(dump(rows, tmp_path / "a.csv"))
    assert corpus.rows == {"train": 5}
    assert corpus["train"]["split"][:] == ["train", "fold 2", "dev", "test", ""]


def test_ids_are_the_same_whatever_the_order_and_repeats_are_numbered(tmp_path):
    one = read(dump([*ROWS, ROWS[0], ROWS[0]], tmp_path / "a.csv"))
    two = read(dump([ROWS[0], *reversed(ROWS), ROWS[0]], tmp_path / "b.csv"))
    ids = one["train"]["row_id"][:]
    assert len(set(ids)) == 7
    assert set(ids) == set(two["train"]["row_id"][:])
    assert ids[5:] == [f"{ids[0]}-2", f"{ids[0]}-3"]


def test_ids_that_clash_between_splits_are_told_apart(tmp_path):
    rows = [{"id": i, **row} for i, row in enumerate(ROWS)]
    corpus = read(dump(rows, tmp_path / "a.csv"), test=dump([*rows[:2], {**rows[2], "id": 9}], tmp_path / "b.csv"))
    assert corpus["train"]["row_id"][:] == ["0", "1", "2", "3", "4"]
    assert corpus["test"]["row_id"][:] == ["test:0", "test:1", "9"]
    assert any(reason.startswith("2 rows of test") for reason in corpus.reasons)
    assert_same(corpus, again(corpus))


def test_hashed_ids_stay_unique_when_test_repeats_rows_of_train(tmp_path):
    corpus = read(dump(ROWS[:2] * 2, tmp_path / "a.csv"), test=dump(ROWS[:2] * 3, tmp_path / "b.csv"))
    ids = corpus["train"]["row_id"][:] + corpus["test"]["row_id"][:]
    assert len(set(ids)) == 10


def test_an_id_column_that_repeats_far_down_gives_way_to_hashes(tmp_path):
    rows = [{"id": str(i), "text": f"text number {i}", "label": "ab"[i % 2]} for i in range(2500)]
    rows[2400]["id"] = "7"
    path = dump(rows, tmp_path / "a.csv")
    corpus = read(path)
    assert len(set(corpus["train"]["row_id"][:])) == 2500
    assert corpus["train"]["row_id"][0] != "0"
    assert corpus["train"]["id"][:3] == ["0", "1", "2"]
    assert any("line 9 and line 2402 share '7'" in reason for reason in corpus.reasons)
    assert_same(corpus, again(corpus))
    with pytest.raises(DataError, match=r"line 2402, column 'id'.*'7' in line 9 and again"):
        read(path, id="id")


def test_a_fallback_in_test_alone_can_be_read_again(tmp_path):
    rows = [{"id": str(i), **row} for i, row in enumerate(ROWS)]
    corpus = read(dump(rows, tmp_path / "a.csv"), test=dump([rows[0], rows[0] | {"text": "x"}], tmp_path / "b.csv"))
    assert corpus["train"]["row_id"][:] == ["0", "1", "2", "3", "4"]
    assert_same(corpus, again(corpus))


def test_other_columns_keep_their_types_and_names(tmp_path):
    rows = [
        {
            "message": "a b c",
            "label": "x",
            "text": "other",
            "n": 1,
            "share": 0.5,
            "mixed": 1,
            "ok": True,
            "votes": {"a": 1},
        },
        {
            "message": "d e f",
            "label": "y",
            "text": "other",
            "n": 2,
            "share": 2,
            "mixed": "one",
            "ok": None,
            "votes": [1],
        },
    ]
    corpus = read(dump(rows, tmp_path / "a.jsonl"), text="message", label="label")
    row = corpus["train"][0]
    assert corpus["train"].column_names == ["row_id", "text", "label", "text_", "n", "share", "mixed", "ok", "votes"]
    assert (row["text"], row["text_"], row["n"], row["share"]) == ("a b c", "other", 1, 0.5)
    assert (row["mixed"], row["ok"], json.loads(row["votes"])) == ("1", True, {"a": 1})
    assert corpus["train"]["mixed"][1] == "one"
    as_csv = read(
        dump([{"text": "a", "label": "x", "n": "007"}, {"text": "b", "label": "y", "n": "8"}], tmp_path / "a.csv")
    )
    assert as_csv["train"]["n"][:] == ["007", "8"]


def test_types_agree_between_splits(tmp_path):
    train = [{"text": "a", "label": "x", "n": 1}, {"text": "b", "label": "y", "n": 2}]
    test = [{"text": "c", "label": "x", "n": "three"}]
    corpus = read(dump(train, tmp_path / "a.jsonl"), test=dump(test, tmp_path / "b.jsonl"))
    assert corpus["train"].features["n"] == corpus["test"].features["n"]
    assert corpus["train"]["n"][:] == ["1", "2"]


def test_class_names_of_datasets_are_used(tmp_path):
    features = Features(
        text=Value("string"), label=ClassLabel(names=["neg", "pos"]), tags=List(ClassLabel(names=["a", "b"]))
    )
    rows = {"text": ["bad one", "good one", "no idea"], "label": [0, 1, -1], "tags": [[0], [0, 1], []]}
    data = Dataset.from_dict(rows, features=features)
    corpus = read(data, label="label")
    assert corpus["train"]["label"][:] == ["neg", "pos", None]
    data.to_parquet(tmp_path / "a.parquet")
    tags = read(tmp_path / "a.parquet", label="tags")
    assert tags["train"]["label"][:] == [["a"], ["a", "b"], []]
    assert tags.multi_label


def test_categories_dates_and_gaps_of_pandas():
    frame = pd.DataFrame(
        {
            "text": ["one text", None, "two texts"],
            "label": pd.Categorical(["a", "b", "a"]),
            "when": pd.to_datetime(["2026-01-01", None, "2026-01-02"]),
            "n": pd.array([1, None, 3], dtype="Int64"),
            7: [1.5, float("nan"), 2.0],
        }
    )
    corpus = read(frame)
    assert corpus["train"]["label"][:] == ["a", "b", "a"]
    assert corpus["train"]["text"][1] == ""
    assert corpus["train"]["when"][:] == ["2026-01-01T00:00:00", None, "2026-01-02T00:00:00"]
    assert corpus["train"]["n"][:] == [1, None, 3]
    assert corpus["train"]["7"][:] == [1.5, None, 2.0]
    assert any("1 missing values in 'text'" in reason for reason in corpus.reasons)


def test_labels_are_strings_in_natural_order(tmp_path):
    rows = [
        {"text": f"text {i}", "label": value} for i, value in enumerate([10, 2, 1.0, True, None, "", "b 10", "b 2"])
    ]
    corpus = read(dump(rows, tmp_path / "a.jsonl"))
    assert corpus["train"]["label"][:] == ["10", "2", "1", "true", None, None, "b 10", "b 2"]
    assert corpus.labels == ("1", "2", "10", "b 2", "b 10", "true")


def test_what_looks_missing_is_text_in_a_csv(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\nNA,null\nnull,None\nnan,\nx, \n")
    corpus = read(tmp_path / "a.csv")
    assert corpus["train"]["text"][:] == ["NA", "null", "nan", "x"]
    assert corpus["train"]["label"][:] == ["null", "None", None, " "]


def test_long_texts_and_many_classes(tmp_path):
    rows = [{"text": f"text {i}", "label": f"class {i % 5000}"} for i in range(10_000)]
    rows[3]["text"] = "x " * 150_000
    for kind in ("csv", "jsonl", "json"):
        csv.field_size_limit(131_072)
        corpus = read(dump(rows, tmp_path / f"a.{kind}"))
        assert len(corpus.labels) == 5000
        assert len(corpus["train"]["text"][3]) == 300_000
        assert csv.field_size_limit() == 131_072


def test_numbers_as_texts_are_said(tmp_path):
    rows = [{"text": 12, "label": "a"}, {"text": "b c", "label": "b"}, {"text": ["x", "y"], "label": "a"}]
    corpus = read(dump(rows, tmp_path / "a.jsonl"), text="text")
    assert corpus["train"]["text"][:] == ["12", "b c", "x y"]
    assert any("2 values of 'text' were no strings" in reason for reason in corpus.reasons)


def test_half_a_surrogate_pair_is_replaced_and_said(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        '{"text": "cut \\ud83d", "label": "a"}\n{"text": "b \\ud83d\\ude00", "label": "b"}\n'
    )
    corpus = read(tmp_path / "a.jsonl")
    assert corpus["train"]["text"][:] == ["cut \ufffd", "b 😀"]
    assert any("surrogate" in reason for reason in corpus.reasons)
    assert read([{"text": "cut \ud83d", "label": "a"}])["train"]["text"][:] == ["cut \ufffd"]


def test_unlabelled_rows_can_be_read(tmp_path):
    path = dump([{"text": f"some text {i}"} for i in range(5)], tmp_path / "a.csv")
    corpus = read(path, require_label=False)
    assert corpus["train"].column_names == ["row_id", "text"]
    assert not corpus.labelled


def test_pairs_of_texts(tmp_path):
    rows = [{"premise": f"it is {i} now", "hypothesis": "it is late", "label": "ab"[i % 2]} for i in range(6)]
    corpus = read(dump(rows, tmp_path / "a.tsv"))
    assert corpus.paired
    assert corpus["train"].column_names == ["row_id", "text", "text_pair", "label"]
    assert corpus["train"]["text_pair"][0] == "it is late"
    assert_same(corpus, again(corpus))


def test_an_unchanged_file_is_converted_once_and_a_changed_one_again(tmp_path, cache):
    path = dump(ROWS, tmp_path / "a.csv")
    first = read(path)
    stored = {file: file.stat().st_mtime_ns for file in cache.rglob("*") if file.is_file()}
    assert read(path).reasons == first.reasons
    assert {file: file.stat().st_mtime_ns for file in cache.rglob("*") if file.is_file()} == stored
    dump(ROWS[:4], path)
    changed = read(path)
    assert changed.rows == {"train": 4}
    assert changed.config.fingerprint != first.config.fingerprint


def test_a_damaged_cache_is_made_again(tmp_path, cache):
    path = dump(ROWS, tmp_path / "a.csv")
    read(path)
    (arrow,) = cache.rglob("train.arrow")
    whole = arrow.read_bytes()
    for damaged in (whole[:100], whole[:-200], b""):
        arrow.write_bytes(damaged)
        assert read(path)["train"]["text"][:] == [row["text"] for row in ROWS]


def test_rows_are_memory_mapped(tmp_path):
    corpus = read(dump(ROWS, tmp_path / "a.csv"))
    assert corpus["train"].cache_files[0]["filename"].endswith("train.arrow")


def test_json_as_people_write_it(tmp_path):
    objects = "\n".join(json.dumps(row, indent=2) for row in ROWS)
    (tmp_path / "a.json").write_text("\n\n" + objects)
    (tmp_path / "b.jsonl").write_text(json.dumps(ROWS))
    (tmp_path / "c.json").write_text("\ufeff" + "\r\n\r\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    for name in ("a.json", "b.jsonl", "c.json"):
        assert read(tmp_path / name)["train"]["text"][:] == [row["text"] for row in ROWS], name


def test_json_arrays_are_read_over_the_borders_of_a_buffer(tmp_path):
    rows = [{"text": 'é\\"' * (i * 37 % 4000), "label": str(i % 3)} for i in range(200)]
    (tmp_path / "a.json").write_text(json.dumps(rows, indent=2), encoding="utf-8")
    assert read(tmp_path / "a.json")["train"]["text"][:] == [row["text"] for row in rows]


def test_sources_of_a_hub_id_are_asked_for_only_when_there_is_no_such_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner").mkdir()
    dump(ROWS, tmp_path / "owner" / "data.csv")
    (tmp_path / "owner" / "data.csv").rename(tmp_path / "owner" / "data")
    assert read("owner/data").rows == {"train": 5}


def test_hub_data_set(monkeypatch):
    import datasets

    from labkit.data._files import sources as _sources

    monkeypatch.setattr(_sources, "_online", lambda: True)
    asked = []
    found = DatasetDict(train=Dataset.from_list(ROWS), test=Dataset.from_list(ROWS[:1]))
    monkeypatch.setattr(datasets, "load_dataset", lambda name: asked.append(name) or found)
    corpus = read("owner/name")
    assert asked == ["owner/name"]
    assert corpus.rows == {"train": 5, "test": 1}
    assert corpus.config.train == "owner/name"
    assert_same(corpus, again(corpus))
