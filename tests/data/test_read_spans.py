"""Reading texts with spans: CoNLL files, tokens with tags, and what spaCy, Prodigy, doccano and Label Studio write."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value

from labkit.data import Corpus, DataConfig, load, read
from labkit.errors import DataError, UnknownName

CONLL = """\
# id = a1
Anna	B-PER
Lee	I-PER
visits	O
Bath	B-LOC
.	O

# id = a2
#	O
nothing	O
here	O
"""
TOKENS = [["Anna", "Lee", "visits", "Bath", "."], ["#", "nothing", "here"]]
TAGS = [["B-PER", "I-PER", "O", "B-LOC", "O"], ["O", "O", "O"]]
TEXTS = ["Anna Lee visits Bath .", "# nothing here"]
SPANS = [[(0, 8, "PER"), (16, 20, "LOC")], []]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))


def spans_of(corpus: Corpus, split: str = "train") -> list[Any]:
    return [
        cell if cell is None else [(one["start"], one["end"], one["label"]) for one in cell]
        for cell in corpus[split]["spans"]
    ]


def is_as_expected(corpus: Corpus) -> bool:
    rows = corpus["train"]
    assert list(rows["text"]) == TEXTS and spans_of(corpus) == SPANS
    assert list(rows["label"]) == [["LOC", "PER"], []]
    assert corpus.labels == ("LOC", "PER") and corpus.multi_label and corpus.config.layout == "spans"
    if "words" in rows.column_names:
        assert rows["words"][1] == [0, 1, 2, 9, 10, 14]
    again = load(DataConfig(**{**vars(corpus.config), "test_share": 0.0, "validation_share": 0.0}))
    assert again["train"].to_list() == rows.to_list()
    return True


# --- CoNLL files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.conll", "a.iob2", "a.bio", "a.txt", "a.tsv", "a", "a.conll.gz", "a.txt.gz"])
def test_conll_files(tmp_path: Path, name: str) -> None:
    content = CONLL.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    corpus = read(tmp_path / name, layout="spans")
    assert is_as_expected(corpus)
    assert list(corpus["train"]["row_id"]) == ["a1", "a2"] and "document" not in corpus["train"].column_names
    assert "words" in corpus["train"].column_names
    assert any("IOB2" in reason for reason in corpus.reasons)


@pytest.mark.parametrize(
    "content",
    [
        CONLL.replace("\t", " "),
        CONLL.replace("\n", "\r\n"),
        "\ufeff" + CONLL,
        "\n\n" + CONLL.replace("\n\n", "\n \n\n") + "\n\n",
        CONLL.replace("\tB-", "\tX\tB-").replace("\tI-", "\tX\tI-").replace("\tO", "\tX\tO"),
        CONLL.rstrip("\n"),
    ],
    ids=["spaces", "CRLF", "BOM", "blank lines", "three columns", "no line end"],
)
def test_conll_in_other_shapes(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.conll").write_bytes(content.encode())
    assert is_as_expected(read(tmp_path / "a.conll", layout="spans"))


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_conll_in_other_encodings(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.conll").write_bytes("Zoë\tB-PER\nà\tO\nKöln\tB-LOC\n".encode(encoding))
    corpus = read(tmp_path / "a.conll", layout="spans")
    assert list(corpus["train"]["text"]) == ["Zoë à Köln"] and spans_of(corpus) == [[(0, 3, "PER"), (6, 10, "LOC")]]


def test_documents_and_comments(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text(
        "-DOCSTART- -X- O O\n\n# source = mail\nEU NNP B-NP B-ORG\nsays VBZ B-VP O\n\nno DT B-NP O\n\n"
        "-DOCSTART- -X- O O\n\n# a = b O\n# NNP B-NP O\n"
    )
    corpus = read(tmp_path / "a.conll", layout="spans")
    rows = corpus["train"]
    assert list(rows["document"]) == [1, 1, 2] and list(rows["source"]) == ["mail", None, None]
    assert list(rows["text"]) == ["EU says", "no", "#"] and rows["column_2"][0] == ["NNP", "VBZ"]
    assert spans_of(corpus)[0] == [(0, 2, "ORG")]
    assert spans_of(read(tmp_path / "a.conll", layout="spans", label="column_3"))[0] == [(0, 2, "NP"), (3, 7, "VP")]


def test_tokens_that_are_numbered_as_in_conllu(tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text("1-2\tdu\t_\n1\tde\tO\n2\tle\tO\n3\tLyon\tB-LOC\n\n1\tnon\tO\n")
    corpus = read(tmp_path / "a.conllu", layout="spans")
    assert list(corpus["train"]["text"]) == ["de le Lyon", "non"] and spans_of(corpus) == [[(6, 10, "LOC")], []]
    assert any("1-2" in reason for reason in corpus.reasons)


def test_a_folder_of_conll_files(tmp_path: Path) -> None:
    for name in ("train.txt", "valid.txt", "test.txt"):
        (tmp_path / name).write_text(CONLL)
    (tmp_path / "readme.txt").write_text("nothing in columns")
    corpus = read(tmp_path, layout="spans")
    assert corpus.rows == {"train": 2, "validation": 2, "test": 2}
    assert corpus["test"]["row_id"][0] == "test:a1"  # ids are unique over the splits


def test_broken_sequences_are_read_leniently_and_marked(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("a\tO\nb\tI-X\n\nc\tB-X\nd\tI-Y\n\ne\tB-X\nf\tI-X\ng\tB-Y\nh\tB-X\n")
    corpus = read(tmp_path / "a.conll", layout="spans")
    assert spans_of(corpus)[:2] == [[(2, 3, "X")], [(0, 1, "X"), (2, 3, "Y")]]
    assert list(corpus["train"]["broken_tags"]) == [True, True, False]
    assert any("In 2 rows the tags break it" in reason for reason in corpus.reasons)


def test_the_scheme_is_that_of_all_files(tmp_path: Path) -> None:
    """By itself, the test file could be IO."""
    (tmp_path / "train.conll").write_text("a\tB-X\nb\tI-X\n\nc\tB-X\n")
    (tmp_path / "test.conll").write_text("a\tI-X\nb\tI-X\n")
    assert list(read(tmp_path, layout="spans")["test"]["broken_tags"]) == [True]


# --- tokens and tags in columns -------------------------------------------------------------------------------------


def rows_of(tokens: Any = TOKENS, tags: Any = TAGS) -> list[dict[str, Any]]:
    return [{"id": f"a{i}", "tokens": t, "ner_tags": g} for i, (t, g) in enumerate(zip(tokens, tags, strict=True), 1)]


def test_lists_of_tokens_and_tags() -> None:
    assert is_as_expected(read(rows_of(), layout="spans"))
    assert is_as_expected(read(pd.DataFrame(rows_of()), layout="spans"))
    assert is_as_expected(read(rows_of()[:1] + rows_of()[1:], layout="spans", text="tokens", label="ner_tags", id="id"))


@pytest.mark.parametrize("write", [json.dumps, repr, " ".join], ids=["JSON", "Python", "spaces"])
def test_lists_written_out_in_csv(tmp_path: Path, write: Any) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["sentence", "tags"])
    writer.writerows([write(tokens), write(tags)] for tokens, tags in zip(TOKENS, TAGS, strict=True))
    (tmp_path / "a.csv").write_text(text.getvalue())
    corpus = read(tmp_path / "a.csv", layout="spans")
    assert is_as_expected(corpus)


def test_class_ids_of_a_dataset_become_names(tmp_path: Path) -> None:
    names = ["O", "B-PER", "I-PER", "B-LOC"]
    features = Features(
        {
            "id": Value("string"),
            "tokens": List(Value("string")),
            "pos_tags": List(ClassLabel(names=["N", "V", "."])),
            "ner_tags": List(ClassLabel(names=names)),
        }
    )
    rows = [
        {**row, "pos_tags": [0] * len(row["tokens"]), "ner_tags": [names.index(tag) for tag in row["ner_tags"]]}
        for row in rows_of()
    ]
    made = Dataset.from_list(rows, features=features)
    corpus = read(DatasetDict({"train": made}), layout="spans")
    assert is_as_expected(corpus) and corpus["train"]["pos_tags"][1] == ["N", "N", "N"]
    made.to_parquet(tmp_path / "a.parquet")
    assert is_as_expected(read(tmp_path / "a.parquet", layout="spans"))
    made.save_to_disk(str(tmp_path / "saved"))
    assert is_as_expected(read(tmp_path / "saved", layout="spans"))


def test_rows_without_tags_are_not_labelled() -> None:
    corpus = read(rows_of(tags=[TAGS[0], None]), layout="spans")
    assert spans_of(corpus) == [SPANS[0], None] and corpus["train"]["label"][1] is None
    assert any("1 of 2 rows have no tags" in reason for reason in corpus.reasons)


def test_a_column_named_like_one_of_the_corpus_keeps_its_values() -> None:
    rows = [{**row, "text": "as it was", "words": 7} for row in rows_of()]
    corpus = read(rows, layout="spans", text="tokens", label="ner_tags")
    assert is_as_expected(corpus)
    assert corpus["train"]["text_"][0] == "as it was" and corpus["train"]["words_"][0] == 7


# --- texts with spans by character ----------------------------------------------------------------------------------

DICTS = [[{"start": s, "end": e, "label": label} for s, e, label in spans] for spans in SPANS]
TRIPLES = [[list(span) for span in spans] for spans in SPANS]


def label_studio() -> list[dict[str, Any]]:
    def result(spans: list[Any], text: str) -> list[dict[str, Any]]:
        value = [{"start": s, "end": e, "text": text[s:e], "labels": [label]} for s, e, label in spans]
        return [{"id": "x", "from_name": "label", "to_name": "text", "type": "labels", "value": one} for one in value]

    return [
        {
            "id": i,
            "data": {"text": text, "origin": "web"},
            "annotations": [
                {"was_cancelled": True, "result": []},
                {"was_cancelled": False, "result": result(spans, text)},
            ],
            "predictions": [],
        }
        for i, (text, spans) in enumerate(zip(TEXTS, SPANS, strict=True), 1)
    ]


FORMS: dict[str, list[dict[str, Any]]] = {
    "HF": [{"text": t, "spans": s} for t, s in zip(TEXTS, DICTS, strict=True)],
    "Prodigy": [
        {"text": t, "_input_hash": 1, "tokens": [{"text": "x", "start": 0, "end": 1, "id": 0}], "spans": s, "answer": "accept"}
        for t, s in zip(TEXTS, DICTS, strict=True)
    ],
    "spaCy": [{"text": t, "entities": s} for t, s in zip(TEXTS, TRIPLES, strict=True)],
    "doccano": [{"id": i, "text": t, "label": s} for i, (t, s) in enumerate(zip(TEXTS, TRIPLES, strict=True))],
    "doccano with relations": [
        {
            "text": t,
            "entities": [{"id": 1, "start_offset": s, "end_offset": e, "label": n} for s, e, n in spans],
            "relations": [],
        }
        for t, spans in zip(TEXTS, SPANS, strict=True)
    ],
    "Label Studio": label_studio(),
    "Label Studio, short": [
        {
            "id": i,
            "text": t,
            "label": [{"start": s, "end": e, "text": t[s:e], "labels": [n]} for s, e, n in spans],
            "annotator": 1,
        }
        for i, (t, spans) in enumerate(zip(TEXTS, SPANS, strict=True))
    ],
    "columns of records": [
        {"text": t, "entities": {"start": [x[0] for x in s], "end": [x[1] for x in s], "label": [x[2] for x in s]}}
        for t, s in zip(TEXTS, SPANS, strict=True)
    ],
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_spans(tmp_path: Path, form: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(FORMS[form]))
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in FORMS[form]))
    for name in ("a.json", "a.jsonl"):
        corpus = read(tmp_path / name, layout="spans")
        assert is_as_expected(corpus)
        assert "words" not in corpus["train"].column_names
    assert is_as_expected(read(FORMS[form], layout="spans"))


def test_label_studio_columns(tmp_path: Path) -> None:
    corpus = read(label_studio(), layout="spans")
    assert corpus["train"].column_names == ["row_id", "text", "spans", "label", "origin"]
    (tmp_path / "a.csv").write_text(
        'id,text,label\n1,Anna here,"[{""start"":0,""end"":4,""text"":""Anna"",""labels"":[""PER""]}]"\n2,none,\n'
    )
    assert spans_of(read(tmp_path / "a.csv", layout="spans")) == [[(0, 4, "PER")], None]


def test_a_single_row_is_enough(tmp_path: Path) -> None:
    for form in FORMS.values():
        (tmp_path / "one.json").write_text(json.dumps(form[0]))
        assert read(tmp_path / "one.json", layout="spans").rows == {"train": 1}


def test_what_prodigy_refused_is_left_out() -> None:
    rows = [
        *FORMS["Prodigy"],
        {**FORMS["Prodigy"][0], "answer": "reject"},
        {**FORMS["Prodigy"][0], "answer": "ignore"},
        {"text": "nobody", "_input_hash": 2, "answer": "accept"},
    ]
    corpus = read(rows, layout="spans")
    assert corpus.rows == {"train": 3} and spans_of(corpus)[2] == []
    assert any("2 rows that were rejected" in reason for reason in corpus.reasons)


def test_one_of_several_annotations_is_read() -> None:
    first, second = label_studio()
    one = {"result": [{"type": "labels", "value": {"start": 0, "end": 4, "labels": ["X", "Y"]}}, {"type": "choices"}]}
    first["annotations"] = [{**one, "ground_truth": True}, first["annotations"][1]]
    second["annotations"] = []
    corpus = read([first, second], layout="spans")
    assert spans_of(corpus) == [[(0, 4, "X"), (0, 4, "Y")], None]
    said = " ".join(corpus.reasons)
    assert "1 tasks have several annotations" in said and "choices" in said


def test_overlaps_are_kept_as_they_are() -> None:
    rows = [{"text": "University of Leeds", "spans": [[14, 19, "LOC"], [0, 19, "ORG"]]}]
    assert spans_of(read(rows, layout="spans")) == [[(0, 19, "ORG"), (14, 19, "LOC")]]


def test_offsets_that_point_at_another_text_are_said() -> None:
    rows = [{"text": "😀 Anna", "spans": [{"start": 3, "end": 6, "text": "Anna", "label": "PER"}]}]
    assert any("another text stands" in reason for reason in read(rows, layout="spans").reasons)


def test_without_spans_if_none_are_required() -> None:
    corpus = read([{"text": "one two"}, {"text": "three four"}], layout="spans", require_label=False)
    assert spans_of(corpus) == [None, None] and not corpus.labelled
    with pytest.raises(DataError, match="a column with spans or tags"):
        read([{"text": "one two"}, {"text": "three four"}], layout="spans")


def test_equal_rows_have_ids_of_their_own() -> None:
    ids = list(read([FORMS["HF"][0], *FORMS["HF"]], layout="spans")["train"]["row_id"])
    assert ids[1] == f"{ids[0]}-2" and len(set(ids)) == 3


@pytest.mark.parametrize("empty", [[], None])
def test_a_column_that_is_empty_for_long_is_understood_by_the_other_one(tmp_path: Path, empty: Any) -> None:
    many = 2100  # more than are looked at to choose columns
    texts = [{"id": i, "text": "so far nothing", "spans": empty} for i in range(many)]
    texts.append({"id": many, "text": "Anna", "spans": [[0, 4, "PER"]]})
    assert spans_of(read(texts, layout="spans", label="spans"))[-2:] == [empty, [(0, 4, "PER")]]
    tokens = [{"id": i, "tokens": [] if empty == [] else ["so"], "tags": empty} for i in range(many)]
    tokens.append({"id": many, "tokens": ["Anna"], "tags": ["B-PER"]})
    assert spans_of(read(tokens, layout="spans", text="tokens", label="tags"))[-2:] == [empty, [(0, 4, "PER")]]


@pytest.mark.parametrize("content", ["Anna\nLee\n\nso\n", "Anna\tNNP\t_\nLee\tNNP\t_\n\nso\tRB\t_\n"])
def test_tokens_that_nobody_has_tagged_yet(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.conll").write_text(content)
    corpus = read(tmp_path / "a.conll", layout="spans", require_label=False)
    assert corpus["train"]["text"] == ["Anna Lee", "so"] and corpus["train"]["words"] == [[0, 4, 5, 8], [0, 2]]
    assert corpus["train"]["spans"] == corpus["train"]["label"] == [None, None] and not corpus.labels
    listed = [{"id": "a", "tokens": ["Anna", "Lee"]}, {"id": "b", "tokens": ["so"]}]
    assert read(listed, layout="spans", require_label=False)["train"]["words"] == [[0, 4, 5, 8], [0, 2]]
    listed = [{**row, "text": "some text"} for row in listed]
    assert read(listed, layout="spans", require_label=False)["train"]["text"] == ["some text"] * 2


# --- bad input ------------------------------------------------------------------------------------------------------


def refusal(source: Any, **how: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        read(source, layout="spans", **how)
    return caught.value


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("a\tB-X\nb\n", 2, "2 columns, as in line 1"),
        ("a\tB-X\nb\tO\tO\n", 2, "3 columns"),
        ("a\tB-X\n\n\nb\tO\nc\tB_X\n", 5, "B_X"),
        ("a\tB-X\nb\tPER\n", 2, "PER"),
        ("a\tBPER\nb\tB-PER\n", 1, "BPER"),
        ("a\tB-X\n\tO\n", 2, "a token"),
        ("a\tB-X\nb\t\n", 2, "a tag"),
        ("a\nb\n", None, "a column with spans or tags"),
        ("a,O\nb,B-X\n", 1, "one column"),
        ("# id = 1\n\n# id = 2\n", None, "none"),
        ("", None, "empty file"),
        ("\n \n", None, "only blank lines"),
        ("a\tO\nb\tO\n", None, "labelled spans"),
        ("# id = 1\na\tB-X\n\n# id = 1\nb\tO\n", None, ""),
    ],
)
def test_bad_conll_files(tmp_path: Path, content: str, line: int | None, said: str) -> None:
    (tmp_path / "a.conll").write_text(content)
    if not said:  # an id that repeats itself is no id, as in other files
        assert len(set(read(tmp_path / "a.conll", layout="spans")["train"]["row_id"])) == 2
        return
    error = refusal(tmp_path / "a.conll")
    assert said in str(error) and error.row == line and "a.conll" in str(error.file) and error.do


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([[0, 99, "X"]], "in a text of 8 characters"),
        ([[-1, 2, "X"]], "in a text of 8 characters"),
        ([[3, 3, "X"]], "ends where it begins"),
        ([[0, 2, "X"], [5, 3, "X"]], "number 2 of 2"),
        ([[0.5, 3, "X"]], "no whole numbers"),
        ([["0", "3", "X"]], "no whole numbers"),
        ([{"start": 0, "end": None, "label": "X"}], "no whole numbers"),
        ([[0, 3, ""]], "without a label"),
        ([{"start": 0, "end": 3, "label": 5}], "without a label"),
        ([[0, 3]], "[0, 3]"),
        ("nonsense", "nonsense"),
    ],
)
def test_bad_spans(tmp_path: Path, spans: Any, said: str) -> None:
    rows = [{"text": "Anna Lee", "spans": [[0, 4, "X"]]}] * 2 + [{"text": "Anna Lee", "spans": spans}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    error = refusal(tmp_path / "a.jsonl")
    assert said in str(error) and error.row == 3 and error.column == "spans" and error.do


@pytest.mark.parametrize(
    ("tokens", "tags", "said"),
    [
        (["a", "b"], ["O"], "a tag for each of the 2 tokens"),
        (["a", None], ["O", "O"], "nothing as number 2"),
        (["a", ["b"]], ["O", "O"], "nested values as number 2"),
        (["a", "b"], ["O", "B_PER"], "B_PER"),
        (["a", "b"], [None, "O"], "nothing as number 1"),
    ],
)
def test_bad_tokens_and_tags(tmp_path: Path, tokens: Any, tags: Any, said: str) -> None:
    rows = [*rows_of(), {"id": "a3", "tokens": tokens, "ner_tags": tags}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    error = refusal(tmp_path / "a.jsonl")
    assert said in str(error) and error.row == 3 and error.column in ("tokens", "ner_tags") and error.do


def test_class_numbers_without_names_are_refused() -> None:
    assert "ClassLabel" in refusal(rows_of(tags=[[1, 2, 0, 3, 0], [0, 0, 0]])).do


def test_what_does_not_fit_spans_is_refused(tmp_path: Path) -> None:
    rows = [{**row, "other": "x"} for row in rows_of()]
    for how in (
        {"text_pair": "other"},
        {"multi_label": False},
        {"label_separator": ";"},
        {"label": ["ner_tags", "other"]},
    ):
        assert refusal(rows, **how)
    assert "other" in str(refusal(rows, label="other").column)
    with pytest.raises(UnknownName, match="ner_tags"):
        read(rows, layout="spans", label="ner_tag")
    with pytest.raises(UnknownName, match="spans"):
        read(rows, layout="span")  # type: ignore[arg-type]
    (tmp_path / "a.conll").write_text(CONLL)
    with pytest.raises(DataError, match='layout="spans"'):
        read(tmp_path / "a.conll")


def test_several_columns_with_spans_ask_which() -> None:
    rows = [{"text": t, "gold": s, "silver": s} for t, s in zip(TEXTS, DICTS, strict=True)]
    assert "gold" in str(refusal(rows)) and "say label=" in refusal(rows).do.casefold()
    assert is_as_expected(read(rows, layout="spans", label="silver"))


def test_a_token_a_row_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Sentence,Word,Tag\n1,Anna,B-PER\n1,sings,O\n2,Bob,B-PER\n")
    error = refusal(tmp_path / "a.csv")
    assert "a token in each row" in str(error) and error.column == "Tag" and "CoNLL" in error.do
