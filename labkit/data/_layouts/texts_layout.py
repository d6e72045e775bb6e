"""Rows that are a text to learn: as it stands, as a completion behind its prompt, or as the answers in a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from labkit.data._columns import Choice, Profile, find_id, find_texts
from labkit.data._files import formats as _formats
from labkit.data._files.formats import Batch, Row, Source, nested
from labkit.data._files.text_files import documents
from labkit.data._layouts.chats import Message, last_answer, looks_like_chat, messages_in, plain
from labkit.data._layouts.labels_layout import TextCounts, text_of
from labkit.data._layouts.layout import Settled
from labkit.data._layouts.multi import Unusable
from labkit.errors import DataError, UnknownName

Form = Literal["raw", "prompt", "chat"]

# fmt: off
_CHATS = ("messages", "conversations", "conversation", "chat", "dialog", "dialogue", "turns")
_ANSWERS = ("completion", "response", "output", "answer", "reply", "target")
_PROMPTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (  # prompt, what belongs to it, completions
    ("prompt", (), _ANSWERS),
    ("instruction", ("input", "context"), _ANSWERS),
    ("question", (), ("answer", "response", "reply")),
    ("query", (), ("response", "answer", "reply")),
    ("input", (), ("output", "completion", "response")),
)
# fmt: on
_LOOKED_AT = 200


@dataclass(frozen=True, kw_only=True)
class TextsChoice(Choice):
    """The columns that matter in the layout "texts": the text, the prompt or the messages; as pair what belongs to the
    prompt; and as label the completion."""

    form: Form = "raw"


class TextsLayout:
    """See ``_layout.Layout``."""

    own: tuple[str, ...] = ("row_id", "text", "text_pair", "target", "messages", "label")
    refused: Mapping[str, str] = {}
    advice = ""
    undecided: tuple[str, ...] = ("label", "text", "text_pair")

    def batches(self, source: Source, notes: list[str]) -> Iterator[Batch]:
        if source.kind == "text":
            return documents(source)
        if source.kind == "conll":
            came = "a token a line with its tag, as for named entities"
            raise DataError(
                "running text, or a table with texts", came, 'read it with layout="spans"', file=source.name
            )
        return _formats.batches(nested(source), notes)

    def choose(
        self,
        columns: Mapping[str, Profile],
        file: str,
        *,
        text: str,
        text_pair: str,
        label: tuple[str, ...],
        separator: str,
        multi_label: bool | None,
        id: str,
        require_label: bool,
    ) -> TextsChoice:
        for name in filter(None, (text, text_pair, *label, id)):
            if name not in columns:
                raise UnknownName("column", name, columns, f"The file is {file}.")
        for option, asked in (
            ("label_separator", separator),
            ("multi_label", multi_label),
            ("several columns with completions", label[1:]),
        ):
            if asked:
                raise DataError("texts, or prompts with one completion each", option, "leave that out", file=file)
        given = [name for name in (text, text_pair, *label, id) if name]
        if twice := next((name for name in given if given.count(name) > 1), ""):
            do = "give every column one role"
            raise DataError("different columns for prompt, completion and id", f"{twice!r} twice", do, file=file)
        form, text, text_pair, label, reasons = _columns(columns, file, text, text_pair, label)
        if not id:
            id, why = find_id(columns, {text, text_pair, *label})
        else:
            why = f"Id column {id!r}: as asked."
        return TextsChoice(
            text=text,
            text_pair=text_pair,
            label=label,
            id=id,
            id_given=id in given,
            form=form,
            reasons=(*reasons, why),
        )

    def shape(self, source: Source, choice: Choice) -> TextsShape:
        assert isinstance(choice, TextsChoice)
        return TextsShape(source, choice)

    def settle(self, shapes: Mapping[str, TextsShape], choice: Choice, *, require_label: bool) -> Settled:
        answered = any(shape.answered for shape in shapes.values())
        if require_label and not answered and isinstance(choice, TextsChoice) and choice.form != "raw":
            name = shapes["train"].source.name
            if choice.form == "chat":
                do = "the roles are system, user and assistant (or human and gpt): look at the first rows"
                raise DataError("turns of the assistant", "none in any conversation", do, file=name, column=choice.text)
            do = "choose the column with label='…', or in Python read without completions with require_label=False"
            raise DataError("completions", "an empty cell in every row", do, file=name, column=choice.label[0])
        return Settled(labels=(), multi_label=False)

    def learned(self, shapes: Mapping[str, Any]) -> list[str]:
        return []


class TextsShape:
    """See ``_layout.Shape``."""

    def __init__(self, source: Source, choice: TextsChoice) -> None:
        self.source, self.choice = source, choice
        self.seen = TextCounts()
        self.answered = 0  # rows with a completion, or an answer of the assistant

    def see(self, row: Row, line: int) -> None:
        if self.choice.form == "chat":
            self.answered += last_answer(self._messages(row, line)) is not None
            return
        for column in filter(None, (self.choice.text, self.choice.text_pair)):
            text_of(row.get(column), self.source, line, column, None if column == self.choice.text_pair else self.seen)
        if self.choice.label:
            target = text_of(row.get(self.choice.label[0]), self.source, line, self.choice.label[0], self.seen)
            self.answered += bool(target.strip())

    def fields(self) -> list[tuple[str, Any]]:
        import pyarrow as pa

        fields = [("text", pa.string())]
        if self.choice.form == "raw" or (self.choice.form == "prompt" and not self.choice.label):
            return fields
        fields.append(("target", pa.string()))
        if self.choice.form == "chat":
            fields.append(("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))))
        return fields

    def cells(self, row: Row, line: int) -> list[Any]:
        if self.choice.form == "chat":
            messages = self._messages(row, line)
            at = last_answer(messages)
            text = plain(messages if at is None else messages[:at])
            return [text, None if at is None else messages[at].content, [one._asdict() for one in messages]]
        columns = filter(None, (self.choice.text, self.choice.text_pair))
        parts = [text_of(row.get(column), self.source, line, column) for column in columns]
        text = parts[0] if len(parts) == 1 or not parts[1].strip() else "\n\n".join(parts)
        return [text, *(text_of(row.get(column), self.source, line, column) for column in self.choice.label)]

    def notes(self, file: str, rows: int) -> list[str]:
        columns = () if self.choice.form == "chat" else (self.choice.text, *self.choice.label)
        said = self.seen.notes(file, columns)
        if self.choice.form != "raw" and self.answered < rows and (self.choice.form == "chat" or self.choice.label):
            what = "turn of the assistant" if self.choice.form == "chat" else "completion"
            said.append(
                f"{file}: {rows - self.answered:,} of {rows:,} rows have no {what}: nothing is learnt from them."
            )
        return said

    def _messages(self, row: Row, line: int) -> list[Message]:
        try:
            return messages_in(row.get(self.choice.text)) or []
        except Unusable as error:
            expected = "messages as [{role, content}, …] or [{from, value}, …]"
            do = "mend that row, or choose another column with text="
            where = {"file": self.source.name, "row": line, "column": self.choice.text}
            raise DataError(expected, str(error), do, **where) from None  # type: ignore[arg-type]


def _columns(
    columns: Mapping[str, Profile], file: str, text: str, pair: str, label: tuple[str, ...]
) -> tuple[Form, str, str, tuple[str, ...], list[str]]:
    """What the rows are, the column with the text, what belongs to it, the completion, and why."""
    named = {p.plain_name: p for p in reversed(list(columns.values()))}
    if not label and not pair:
        chats = [columns[text]] if text else _chats(columns, named)
        if chats and _is_chat(chats[0]):
            why = "as asked" if text else "it holds messages"
            return "chat", chats[0].name, "", (), [f"Conversations in the column {chats[0].name!r}: {why}."]
    if text and columns[text].kind == "nested":
        came = f"something else, such as {str(columns[text].values[0])[:60]!r}"
        do = "write messages as [{role, content}, …], or choose another column"
        raise DataError("texts or messages", came, do, file=file, column=text)
    for prompt, beside, answers in _PROMPTS:
        p = columns[text] if text else named.get(prompt)
        if p is None or p.plain_name != prompt or not p.values:
            continue
        target = columns[label[0]] if label else next((named[n] for n in answers if n in named), None)
        if target is None or target is p or target.kind == "nested":
            continue
        more = (
            columns[pair] if pair else next((named[n] for n in beside if n in named and named[n] is not target), None)
        )
        if more is not None and more.kind not in ("text", "number"):
            more = None
        said = [
            f"Prompts in the column {p.name!r}, completions in {target.name!r}: {'as asked' if label else 'by name'}."
        ]
        said += [f"{more.name!r} belongs to the prompt, behind a blank line."] if more is not None else []
        return "prompt", p.name, more.name if more is not None else "", (target.name,), said
    if label or pair:
        why = f"Text column {text!r}: as asked."
        if not text:
            text, _, why = find_texts(columns, {pair, *label}, file, pairs=False)
        said = [why, *(f"Completions in the column {name!r}: as asked." for name in label)]
        said += [f"{pair!r} belongs to the prompt, behind a blank line."] if pair else []
        return "prompt", text, pair, label, said
    if text:
        return "raw", text, "", (), [f"Text column {text!r}: as asked."]
    text, _, why = find_texts(columns, set(), file, pairs=False)
    return "raw", text, "", (), [why]


def _chats(columns: Mapping[str, Profile], named: Mapping[str, Profile]) -> list[Profile]:
    by_name = [named[name] for name in _CHATS if name in named and _is_chat(named[name])]
    return by_name or [p for p in columns.values() if p.kind in ("nested", "list") and _is_chat(p)]


def _is_chat(p: Profile) -> bool:
    some = p.values[:_LOOKED_AT]
    return bool(some) and sum(map(looks_like_chat, some)) * 2 > len(some)
