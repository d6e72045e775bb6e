"""Every finding on a planted case, and the faces of the report."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from datasets import Dataset

from labkit.data._check import check
from labkit.data._clean import REPAIRS, clean
from labkit.data._corpus import Corpus
from labkit.data._split import split
from labkit.data._texts import fix_mojibake, label_key, normalise, strip_control, strip_markup
from labkit.errors import DataError, UnknownName


def rows(texts: list[str | None], labels: list[Any] | None = None, prefix: str = "r", **columns: list[Any]) -> Dataset:
    table: dict[str, list[Any]] = {"row_id": [f"{prefix}{i}" for i in range(len(texts))], "text": texts, **columns}
    return Dataset.from_dict(table if labels is None else {**table, "label": labels})


def corpus(
    texts: list[str | None], labels: list[Any] | None = None, multi_label: bool = False, **columns: Any
) -> Corpus:
    return from_splits(multi_label, train=rows(texts, labels, **columns))


def from_splits(multi_label: bool = False, **splits: Dataset) -> Corpus:
    found = set()
    for part in splits.values():
        for cell in part["label"] if "label" in part.column_names else []:
            found |= set(cell if isinstance(cell, list) else [cell]) - {None}
    return Corpus(splits=splits, labels=tuple(sorted(found)), multi_label=multi_label)


def many(*labels: str, each: int = 12) -> tuple[list[str | None], list[str]]:
    """Clean rows without any finding of their own, the classes taking turns."""
    texts = [f"sentence number {i} about {label}" for i in range(each) for label in labels]
    return texts, list(labels) * each


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "one", "two", "three"]
    core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=8,
    )  # fmt: skip


# --- findings -------------------------------------------------------------------------------------------------------


def test_clean_data_has_no_findings():
    report = check(corpus(*many("a", "b")))
    assert report.findings == () and report.repairs == ()
    assert "nothing found" in report.text() and "No findings" in report.html()


def test_empty_text_counts_invisible_and_missing_text_too():
    texts, labels = many("a", "b")
    report = check(corpus(["", "  \n", "\u200b\ufeff", None, *texts], ["a", "b", "a", "b", *labels]))
    found = report.finding("empty_text")
    assert (found.severity, found.count, found.row_ids) == ("error", 4, ("r0", "r1", "r2", "r3"))
    assert found.repair == 'clean(corpus, "drop_empty")' and found.repair_name == "drop_empty"
    assert "exact_duplicates" not in report  # one defect, one finding


def test_a_pair_with_one_empty_side_is_empty():
    report = check(corpus(["one", "two"], ["a", "b"], text_pair=["x", ""]))
    assert report.paired and report.finding("empty_text").row_ids == ("r1",)


def test_control_characters():
    texts, labels = many("a", "b")
    bad: list[str | None] = ["a\x00b", "zero\u200bwidth", "over\u202eride", "lost \ufffd letter", "x\x0by"]
    found = check(corpus([*bad, *texts], ["a"] * 5 + labels)).finding("control_characters")
    assert found.count == 5 and found.severity == "warning" and "1 of them" in found.text


@pytest.mark.parametrize("text", ["tab\tand\nline\r\nends", "می‌خواهم", "👩‍💻 works", "plain", "naïve café №5"])
def test_ordinary_characters_are_no_control_characters(text):
    assert strip_control(text) == text


def test_strip_control_keeps_words_apart():
    assert strip_control("one\x0btwo\x00 thr\u200bee\ufeff") == "one two three"


def test_mojibake_is_found_with_c1_quotes():
    texts, labels = many("a", "b")
    found = check(corpus(["cafÃ© au lait", "donâ€™t", "I\x92m", *texts], ["a"] * 3 + labels)).finding("mojibake")
    assert found.row_ids == ("r0", "r1", "r2") and found.repair_name == "fix_mojibake"


def garbled(text: str, codec: str) -> str:
    """The text as it looks when its UTF-8 bytes are read wrongly."""
    if codec == "latin-1":
        return text.encode().decode("latin-1")
    return "".join(
        bytes([b]).decode("cp1252") if b not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(b) for b in text.encode()
    )


@pytest.mark.parametrize("codec", ["cp1252", "latin-1"])
@pytest.mark.parametrize(
    "text",
    ["café", "It’s “fine” – ok…", "£10", "książka są", "Привет, как и в", "日本語", "中", "😀 ok", "à Paris", "Ελλάδα",
     "weiß", "שלום", "índice", "5 €", "★ → ✓", "și maşină"],
)  # fmt: skip
def test_mojibake_is_undone_once_and_twice(text, codec):
    wrong = garbled(text, codec)
    assert wrong != text and fix_mojibake(wrong) == text
    assert fix_mojibake(garbled(wrong, "cp1252")) == text


@pytest.mark.parametrize(
    "text",
    ["SÃO PAULO, MAÇÃ”", "“MANHû", "„weiß“ – er weiß…", "CAFÉ\u00a0!", "«É»", "la vérité…»", "NESCAFÉ®", "BLÍŽE",
     "Ø½ inch, 2×½", "CAFÉ’s", "À\u00a0É\u00a0È", "“Ã”", "naïve Œuvre", "José…¡No!", "Ô”"],
)  # fmt: skip
def test_legitimate_text_is_no_mojibake(text):
    assert fix_mojibake(text) == text


def test_duplicates_are_the_extra_copies_up_to_case_and_spaces():
    texts, labels = many("a", "b")
    report = check(corpus(["Hello  World", "hello world", "ＨＥＬＬＯ world\n", *texts], ["a", "a", "a", *labels]))
    assert report.finding("exact_duplicates").row_ids == ("r1", "r2")
    assert "conflicting_labels" not in report


def test_conflicting_labels_lists_every_row_of_the_text():
    texts, labels = many("a", "b")
    report = check(corpus(["same", "Same ", "other", *texts], ["a", "b", "a", *labels]))
    assert report.finding("conflicting_labels").row_ids == ("r0", "r1")
    assert "exact_duplicates" not in report


def test_order_of_several_labels_does_not_matter():
    report = check(corpus(["same", "same", "same"], [["x", "y"], ["y", "x"], []], multi_label=True))
    assert report.finding("exact_duplicates").row_ids == ("r1",)
    assert report.finding("conflicting_labels").count == 3


def test_shared_between_splits_names_the_rows_to_drop_and_never_those_of_test():
    texts, labels = many("a", "b")
    data = from_splits(
        train=rows([*texts, "leak", "peek"], [*labels, "a", "b"], "tr"),
        validation=rows(["Peek", "LEAK", "v"], ["b", "a", "a"], "va"),
        test=rows(["leak", "t"], ["a", "b"], "te"),
    )
    found = check(data).finding("shared_between_splits")
    assert found.row_ids == ("tr24", "tr25", "va1") and found.severity == "error"
    assert found.splits == {"train": 2, "validation": 1}


def test_few_shared_texts_are_a_warning():
    texts, labels = many("a", "b", each=200)
    data = from_splits(
        train=rows(["leak", *texts], ["a", *labels]), test=rows(["leak", *["t" + t for t in texts]], ["a", *labels])
    )
    assert check(data).finding("shared_between_splits").severity == "warning"


def test_label_variants_count_labels_and_list_rows():
    report = check(corpus(*many("Spam", "spam ", "not-spam", "Not_Spam", "-1", "1")))
    found = report.finding("label_variants")
    assert (found.count, found.unit) == (2, "labels")
    assert len(found.row_ids) == 24
    assert label_key("-1") != label_key("1")


def test_missing_labels_are_reported_only_beside_known_ones():
    texts, labels = many("a", "b")
    report = check(corpus(["x", "y", *texts], [None, " ", *labels]))
    assert report.finding("missing_label").row_ids == ("r0", "r1") and report.unlabelled == {"train": 2}
    assert check(corpus(texts)).findings == ()


def test_a_row_without_tags_is_labelled_in_multi_label_data():
    report = check(corpus(["x", "y", "z"], [[], ["a"], None], multi_label=True))
    assert report.finding("missing_label").row_ids == ("r2",)


def test_small_classes_by_how_small_they_are():
    texts, labels = many("a", "b")
    report = check(corpus(["x", "y", "z", *texts], ["lonely", "rare", "rare", *labels]))
    single, few = report.finding("single_row_classes"), report.finding("small_classes")
    assert (single.severity, single.count, single.unit, single.row_ids) == ("error", 1, "classes", ("r0",))
    assert (few.severity, few.count, few.row_ids) == ("warning", 1, ("r1", "r2"))
    assert single.repair_name == "drop_small_classes" and single.repair_name not in report.repairs


def test_one_class():
    assert check(corpus(*many("only"))).finding("one_class").severity == "error"


def test_imbalance_by_ratio_and_by_share():
    texts, labels = many("a", each=80)
    more, other = many("b", each=20)
    report = check(corpus(texts + more, labels + other))
    assert report.finding("imbalance").count == 1 and "80%" in report.finding("imbalance").text
    assert report.imbalance == 4 and report.entropy == pytest.approx(0.7219, abs=1e-4)
    assert "imbalance" not in check(corpus(texts + more[:10] * 1 + more[10:], labels[:60] + ["b"] * 40))


def test_unseen_labels():
    data = from_splits(train=rows(*many("a", "b")), test=rows(["x", "y"], ["a", "new"], "te"))
    found = check(data).finding("unseen_labels")
    assert found.row_ids == ("te1",) and "'new'" in found.text and found.severity == "error"


def test_sorted_by_class_is_told_until_the_data_is_split():
    texts, labels = many("a", "b")
    ranked = corpus([t for _, t in sorted(zip(labels, texts, strict=True))], sorted(labels))
    assert check(ranked).finding("sorted_by_class").repair == "split(corpus)"
    assert "sorted_by_class" not in check(split(ranked))
    assert "sorted_by_class" not in check(corpus(texts, labels))


def test_white_space_and_markup_are_infos_without_automatic_repair():
    texts, labels = many("a", "b")
    report = check(corpus([" x", "<b>fat</b><br/>chance &amp; more", *texts], ["a", "b", *labels]))
    assert report.finding("surrounding_whitespace").row_ids == ("r0",)
    assert report.finding("html_markup").row_ids == ("r1",)
    assert report.repairs == ()


@pytest.mark.parametrize("text", ["I <3 you", "a < b > c", "AT&T", "Q&A; more", "x <y> z", "if a<b: c>d"])
def test_ordinary_signs_are_no_markup(text):
    assert strip_markup(text) == text


def test_very_long_texts():
    texts, labels = many("a", "b")
    report = check(corpus(["word " * 5000, *texts], ["a", *labels]))
    assert report.finding("very_long").row_ids == ("r0",) and "drop_very_long" not in report.repairs


# --- tokens ---------------------------------------------------------------------------------------------------------


def test_without_a_tokenizer_lengths_are_words_and_characters():
    report = check(corpus(["one two", "three"]))
    assert set(report.lengths["train"]) == {"words", "characters"}
    assert report.lengths["train"]["words"].max == 2 and report.lengths["train"]["words"].mean == 1.5
    assert report.max_length is None and "give check() a tokenizer" in report.text()


def test_lengths_truncation_and_unknown_tokens(tokenizer):
    data = corpus(["one", "two three", "one two three one two three one", "one alien two"], ["a", "b", "a", "b"])
    report = check(data, tokenizer)
    assert report.max_length == 8 and report.token_lengths == {"train": [3, 4, 9, 5]}
    assert report.lengths["train"]["tokens"].max == 9 and report.lengths["train"]["tokens"].median == 4.5
    assert report.truncated == {"train": 0.25} and report.finding("truncated").row_ids == ("r2",)
    assert report.finding("truncated").severity == "warning"
    assert report.unknown["train"] == pytest.approx(1 / 13) and report.finding("unknown_tokens").row_ids == ("r3",)
    assert sum(report.lengths["train"]["tokens"].counts) == 4


def test_a_longer_max_length_is_advised_as_far_as_the_model_reads(tokenizer):
    data = corpus(["one two three one"], ["a"])
    assert check(data, tokenizer, max_length=4).finding("truncated").repair == "max_length=8"
    assert check(corpus(["one " * 20]), tokenizer).finding("truncated").repair == ""


def test_pairs_are_tokenized_together(tokenizer):
    assert check(corpus(["one"], ["a"], text_pair=["two three"]), tokenizer).token_lengths == {"train": [6]}


def test_lengths_do_not_depend_on_truncation_set_in_the_tokenizer(tokenizer):
    tokenizer.backend_tokenizer.enable_truncation(max_length=3)
    assert check(corpus(["one two three"]), tokenizer).token_lengths == {"train": [5]}


def test_texts_of_300_000_characters_are_cut_and_said_to_be(tokenizer):
    report = check(corpus(["one " * 75_000, "two"]), tokenizer)
    assert report.truncated["train"] == 0.5 and report.lengths["train"]["characters"].max == 300_000
    assert report.token_lengths["train"][0] < 13_000 and "only the beginning" in report.text()


def test_a_tokenizer_without_a_limit(tokenizer):
    class Endless:
        model_max_length = 10**30

        def __call__(self, *args: Any, **options: Any) -> Any:
            return tokenizer(*args, **options)

    report = check(corpus(["one"]), Endless())
    assert report.max_length == 512 and "no longest input" in report.text() and report.tokenizer == "Endless"


# --- the report -----------------------------------------------------------------------------------------------------


def test_repairs_come_in_working_order_and_leave_nothing_to_repair():
    texts, labels = many("a", "b")
    bad = ["", "cafÃ©", "a\x00b", "dup", "Dup", "torn", "torn", "torn", "x"]
    data = corpus([*bad, *texts], ["a", "b", "a", "b", "B", "a", "a", "b", None, *labels])
    report = check(data)
    assert report.repairs == tuple(name for name in REPAIRS if name in report.repairs)
    assert {"fix_mojibake", "drop_empty", "merge_label_variants", "keep_majority_label"} <= set(report.repairs)
    cleaned = clean(data, *report.repairs)
    assert check(clean(cleaned, check(cleaned).repairs)).repairs == ()


def test_every_repair_call_of_a_finding_is_a_known_repair():
    report = check(corpus(["", "", "cafÃ©"], ["a", "b", "b "]))
    assert report.findings
    for found in report.findings:
        assert not found.repair_name or (found.repair_name in REPAIRS and found.repair_name in found.repair)


def test_unknown_finding_lists_those_there_are():
    with pytest.raises(UnknownName, match="empty_text"):
        check(corpus(["", "x"])).finding("empty_txt")


def test_findings_come_by_severity():
    order = ["error", "warning", "info"]
    report = check(corpus([" x", "", "y", "y"], ["a", "a", "b", "b"]))
    assert [f.severity for f in report.findings] == sorted((f.severity for f in report.findings), key=order.index)


def test_json_holds_all_but_the_token_lengths(tokenizer):
    report = check(corpus(["one", ""], ["a", "b"]), tokenizer)
    data = json.loads(report.json())
    assert data["rows"] == {"train": 2} and data["labels"]["train"] == {"a": 1, "b": 1}
    assert data["findings"][0]["row_ids"] and "token_lengths" not in data
    assert data["lengths"]["train"]["tokens"]["edges"][0] == 0 and data["repairs"] == ["drop_empty"]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_well_formed_and_shows_hostile_text_as_text():
    evil = "<script>alert(1)</script>"
    data = Corpus(
        splits={
            "train": Dataset.from_dict(
                {"row_id": [evil, "'\"><img src=x>"], "text": ["", ""], "label": [evil, evil.upper()]}
            )
        },
        labels=(evil, evil.upper()),
    )
    face = check(data)._repr_html_()
    tags = _Tags()
    tags.feed(face)
    assert tags.open == [] and not tags.seen & {"script", "img"}
    assert "&lt;script&gt;" in face and "currentColor" in face and "http" not in face


def test_direction_overrides_do_not_reach_the_faces():
    report = check(corpus(["x", "y"], ["ham\u202egpj", "b "]))
    assert "\u202e" not in report.text() + report.html() and "b␣" in report.text()


def test_five_thousand_classes_show_twenty():
    report = check(corpus([f"t{i}" for i in range(10_000)], [f"c{i % 5000}" for i in range(10_000)]))
    assert report.label_count == 5000 and "and 4,980 more" in report.text() and len(report.html()) < 30_000
    assert report.finding("small_classes").count == 5000 and len(report.finding("small_classes").row_ids) == 10_000


def test_counts_are_exact_where_row_ids_are_capped():
    found = check(corpus([""] * 10_050 + ["x"])).finding("empty_text")
    assert found.count == 10_050 and len(found.row_ids) == 10_000


def test_a_split_without_rows_and_a_corpus_without_splits(tokenizer):
    report = check(from_splits(train=rows(["one"]), test=rows(["x"]).select([])), tokenizer)
    assert report.rows == {"train": 1, "test": 0} and report.lengths["test"]["tokens"].max == 0
    with pytest.raises(DataError, match="at least one split"):
        check(Corpus(splits={}))


def test_max_length_must_be_positive(tokenizer):
    with pytest.raises(DataError, match="at least 1 token"):
        check(corpus(["x"]), tokenizer, max_length=0)


def test_normalise():
    assert normalise(" Straße\u00a0№ １\n") == "strasse no 1"
