"""Which columns, delimiter, encoding and kind of labels are found, and that the reasons say so."""

import csv
import io

import pytest

from labkit.data._read import read
from labkit.errors import DataError, UnknownName

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "and",
    "then",
    "it",
    "sleeps",
    "for",
    "hours",
    "in",
    "warm",
    "sun",
]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))


def sentence(i: int, length: int = 8) -> str:
    return " ".join(WORDS[(i * 7 + j * (i % 5 + 1)) % len(WORDS)] for j in range(length)) + f" {i}"


def table(**columns):
    """A list of 40 rows; a column is a function of the row number."""
    return [{name: make(i) for name, make in columns.items()} for i in range(40)]


@pytest.mark.parametrize(
    ("columns", "text", "label"),
    [
        ({"message": sentence, "intent": lambda i: f"c{i % 4}"}, "message", "intent"),
        (
            {"Review Text": sentence, "Stars": lambda i: i % 5, "Sentiment": lambda i: "ab"[i % 2]},
            "Review Text",
            "Sentiment",
        ),
        ({"v1": lambda i: ["ham", "spam"][i % 2], "v2": sentence}, "v2", "v1"),
        ({"title": lambda i: f"title {i}", "body": sentence, "category": lambda i: "ab"[i % 2]}, "body", "category"),
        ({"text": sentence, "rating": lambda i: i % 5, "date": lambda i: f"2026-01-{i % 9}"}, "text", "rating"),
        ({"tweet": sentence, "label": lambda i: i % 3, "user": lambda i: f"u{i % 3}"}, "tweet", "label"),
        (
            {"text": sentence, "label": lambda i: i % 2, "label_text": lambda i: ["no", "yes"][i % 2]},
            "text",
            "label",
        ),
        (
            {"text": sentence, "category_code": lambda i: i % 2, "category_text": lambda i: "ab"[i % 2]},
            "text",
            "category_text",
        ),
        ({"content": lambda i: "ab"[i % 2], "essay": sentence, "label": lambda i: i % 3}, "essay", "label"),
        ({"text_id": lambda i: f"t{i}", "text": sentence, "class": lambda i: f"{i}"}, "text", "class"),
        ({"reviewText": sentence, "overall": lambda i: i % 5}, "reviewText", "overall"),
    ],
)
def test_columns_are_found_by_name_and_shape(columns, text, label):
    config = read(table(**columns)).config
    assert (config.text, config.label) == (text, (label,))


def test_reasons_say_why():
    rows = table(uid=lambda i: f"r{i}", message=sentence, label=lambda i: f"c{i % 4}")
    reasons = read(rows).reasons
    assert "Text column 'message': named like a text, 9.0 words on average, 100 % distinct." in reasons
    assert "Label column 'label': named like a label, 4 values in 40 rows." in reasons
    assert "Id column 'uid': named like one, and different in every row." in reasons


def test_an_explicit_choice_is_taken():
    rows = table(
        text=sentence, other=lambda i: sentence(i + 3), label=lambda i: i % 2, code=lambda i: f"k{i % 5}", nr=str
    )
    corpus = read(rows, text="other", label="code", id="nr")
    assert corpus["train"][1] == {
        "row_id": "1",
        "text": rows[1]["other"],
        "label": "k1",
        "text_": rows[1]["text"],
        "label_": 1,
    }


def test_unknown_columns_are_named_with_the_near_one():
    with pytest.raises(UnknownName, match="Did you mean 'message'"):
        read(table(message=sentence, label=lambda i: i % 2), text="mesage")


def test_one_column_cannot_play_two_roles():
    with pytest.raises(DataError, match="'text' twice"):
        read(table(text=sentence, label=lambda i: i % 2), text="text", label="text")


def test_two_labels_that_are_equally_good_are_asked_about():
    rows = table(text=sentence, sentiment=lambda i: "ab"[i % 2], topic=lambda i: f"t{i % 3}")
    with pytest.raises(DataError, match=r"'sentiment' \(2 values.*'topic' \(3 values.*label='sentiment'"):
        read(rows)


def test_two_texts_that_are_equally_good_are_asked_about():
    with pytest.raises(DataError, match=r"'left', 'right'|'right', 'left'"):
        read(table(left=sentence, right=lambda i: sentence(i + 1), label=lambda i: i % 2))


def test_no_label_says_why_each_column_is_none():
    rows = table(text=sentence, date=lambda i: f"{i % 3}", note=lambda i: sentence(i, 20), code=str, same=lambda i: "x")
    with pytest.raises(DataError) as caught:
        read(rows, text="text")
    for part in (
        "'date': named like something else",
        "'note': texts, 21 words",
        "'code': 40 distinct",
        "'same': the same value",
    ):
        assert part in str(caught.value)
    assert "label=" in str(caught.value) and "require_label=False" in str(caught.value)


@pytest.mark.parametrize(
    ("first", "second"),
    [("sentence1", "sentence2"), ("question", "passage"), ("text_a", "text_b"), ("Question1", "Question2")],
)
def test_pairs_by_name(first, second):
    corpus = read(table(**{first: sentence, second: lambda i: sentence(i + 9), "label": lambda i: i % 2}))
    assert (corpus.config.text, corpus.config.text_pair) == (first, second)


def test_half_of_a_pair_can_be_asked_for():
    corpus = read(table(sentence1=sentence, sentence2=sentence, label=lambda i: i % 2), text="sentence2")
    assert not corpus.paired


# several labels a row


def test_lists_of_labels():
    rows = table(text=sentence, tags=lambda i: [["a"], ["a", "b"], []][i % 3])
    corpus = read(rows)
    assert corpus.multi_label
    assert corpus["train"]["label"][:3] == [["a"], ["a", "b"], []]
    assert corpus.labels == ("a", "b")


def test_lists_that_a_csv_holds_as_text(tmp_path):
    path = write_csv(tmp_path, table(text=sentence, tags=lambda i: ["['a']", '["a", "b"]', "[]"][i % 3]))
    corpus = read(path)
    assert corpus["train"]["label"][:3] == [["a"], ["a", "b"], []]


@pytest.mark.parametrize("separator", ["|", ";", ","])
def test_separators(tmp_path, separator):
    cells = ["anger", f"anger{separator} joy", f"joy{separator}fear{separator}joy", "", "fear"]
    corpus = read(write_csv(tmp_path, table(text=sentence, emotion=lambda i: cells[i % 5])))
    assert corpus.config.label_separator == separator
    assert corpus["train"]["label"][:4] == [["anger"], ["anger", "joy"], ["joy", "fear"], None]
    assert any("20 % of" in r or "of the cells hold it, between 3 pieces" in r for r in corpus.reasons)


def test_a_comma_inside_class_names_is_no_separator(tmp_path):
    cells = ["arts, crafts", "sports", "politics", "news, weather"]
    corpus = read(write_csv(tmp_path, table(text=sentence, topic=lambda i: cells[i % 4])))
    assert not corpus.multi_label
    assert corpus.labels == tuple(sorted(cells))


def test_a_separator_can_be_given_and_refused(tmp_path):
    path = write_csv(tmp_path, table(text=sentence, topic=lambda i: ["a/b", "c"][i % 2]))
    assert read(path, label_separator="/").labels == ("a", "b", "c")
    assert read(path).labels == ("a/b", "c")
    piped = write_csv(tmp_path, table(text=sentence, topic=lambda i: ["a|b", "a", "b"][i % 3]))
    assert read(piped, multi_label=False).labels == ("a", "a|b", "b")
    with pytest.raises(DataError, match="multi_label=False"):
        read(piped, multi_label=False, label_separator="|")


def test_one_column_for_each_label(tmp_path):
    rows = table(comment_text=sentence, toxic=lambda i: i % 2, threat=lambda i: int(i % 5 == 0), insult=lambda i: 0)
    corpus = read(write_csv(tmp_path, rows))
    assert corpus.config.label == ("toxic", "threat", "insult")
    assert corpus.labels == ("insult", "threat", "toxic")
    assert corpus["train"]["label"][:6] == [["threat"], ["toxic"], [], ["toxic"], [], ["toxic", "threat"]]
    some = read(rows, label=["toxic", "insult"])
    assert some["train"]["label"][1] == ["toxic"]
    assert "threat" in some["train"].column_names


def test_a_named_label_goes_before_columns_of_yes_and_no():
    rows = table(text=sentence, sentiment=lambda i: i % 2, reply=lambda i: i // 2 % 2, verified=lambda i: i // 4 % 2)
    assert read(rows).config.label == ("sentiment",)


def test_columns_of_labels_refuse_other_values(tmp_path):
    rows = table(text=sentence, toxic=lambda i: i % 2, threat=lambda i: i % 2)
    rows[30]["threat"] = -1
    with pytest.raises(DataError, match=r"line 32, column 'threat'.*'-1'"):
        read(write_csv(tmp_path, rows), label=["toxic", "threat"])


def test_a_list_far_down_makes_every_row_a_list():
    rows = [{"text": sentence(i), "label": "a"} for i in range(2100)]
    rows[2050]["label"] = ["a", "b"]
    corpus = read(rows)
    assert corpus.multi_label
    assert corpus["train"]["label"][0] == ["a"]
    assert corpus["train"]["label"][2050] == ["a", "b"]
    with pytest.raises(DataError, match="line 2051, column 'label'"):
        read(rows, multi_label=False)


# files of text


def write_csv(folder, rows, name="a.csv"):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    (folder / name).write_text(text.getvalue(), encoding="utf-8", newline="")
    return folder / name


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_encodings(tmp_path, written, found, suffix):
    texts = [f"Übergröße für {i} € – naïve" if written != "latin-1" else f"Übergröße für {i}" for i in range(9)]
    lines = {
        "csv": "text,label\r\n" + "".join(f"{text},{'ab'[i % 2]}\r\n" for i, text in enumerate(texts)),
        "jsonl": "".join(f'{{"text": "{text}", "label": "{"ab"[i % 2]}"}}\n' for i, text in enumerate(texts)),
    }
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(lines[suffix].encode(written))
    corpus = read(path)
    assert corpus["train"]["text"][:] == texts
    assert corpus.config.encoding == found
    assert any(reason.startswith(f"Encoding {found}") for reason in corpus.reasons)
    assert read(path, encoding=written)["train"]["text"][:] == texts


def test_bytes_that_cp1252_lacks_make_it_latin_1(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text,label\n" + b"caf\xe9 \x81,a\nxx,b\n")
    assert read(tmp_path / "a.csv").config.encoding == "latin-1"


def test_a_late_byte_decides_the_encoding(tmp_path):
    body = b"".join(b"plain text %d,%s\n" % (i, b"ab"[i % 2 : i % 2 + 1]) for i in range(100_000))
    (tmp_path / "a.csv").write_bytes(b"text,label\n" + body + b"caf\xe9,a\n")
    corpus = read(tmp_path / "a.csv")
    assert corpus["train"]["text"][-1] == "café"
    assert any("the first in line 100002" in reason for reason in corpus.reasons)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":"])
def test_delimiters(tmp_path, delimiter):
    marks = ",;|".replace(delimiter, "")
    lines = [delimiter.join(("text", "label", "n"))] + [
        f"a text{marks} or so {i}{delimiter}{'ab'[i % 2]}{delimiter}1" for i in range(9)
    ]
    path = tmp_path / "a.csv"
    path.write_text("\n\n" + "\n".join(lines) + "\n\n")
    corpus = read(path)
    assert corpus.config.delimiter == delimiter
    assert corpus["train"]["text"][0] == f"a text{marks} or so 0"
    assert any(reason.startswith("Delimiter") and "3 fields in each" in reason for reason in corpus.reasons)


def test_quotes_that_are_text_in_a_tab_file(tmp_path):
    lines = ['"Great" he said\ta', 'she said "no\tb', '"open\ta', 'close"\tb']
    (tmp_path / "a.tsv").write_text("text\tlabel\n" + "\n".join(lines) + "\n")
    corpus = read(tmp_path / "a.tsv")
    assert corpus["train"]["text"][:] == [line.split("\t")[0] for line in lines]
    assert any("ordinary character" in reason for reason in corpus.reasons)


def test_quotes_that_quote_in_a_tab_file(tmp_path):
    (tmp_path / "a.tsv").write_text('text\tlabel\n"two\nlines"\ta\n"a\ttab"\tb\n"say ""no"""\ta\n')
    assert read(tmp_path / "a.tsv")["train"]["text"][:] == ["two\nlines", "a\ttab", 'say "no"']


def test_odd_headers(tmp_path):
    (tmp_path / "a.csv").write_text(",text , label\n0,one text,a\n1,another text,b\ntext,x,y\n,text , label\n")
    corpus = read(tmp_path / "a.csv")
    assert corpus["train"].column_names == ["row_id", "text", "label", "column_1"]
    assert len(corpus["train"]) == 3
    assert any("'column_1'" in reason for reason in corpus.reasons)
    assert any("again in line 5" in reason for reason in corpus.reasons)


def test_a_text_file_of_unknown_suffix_is_looked_into(tmp_path):
    (tmp_path / "a.txt").write_text("text\tlabel\nsome text\ta\nmore text\tb\n")
    (tmp_path / "b.data").write_text('{"text": "some text", "label": "a"}\n{"text": "more", "label": "b"}\n')
    assert read(tmp_path / "a.txt").config.delimiter == "\t"
    assert read(tmp_path / "b.data").rows == {"train": 2}
