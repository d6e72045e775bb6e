"""Conversations: messages in the shapes people have, what may be wrong with their order, and how they look as plain text."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from labkit.data._layouts.multi import Unusable

ROLES = ("system", "user", "assistant")

# fmt: off
_ROLE_KEYS = ("role", "from", "speaker", "author")
_CONTENT_KEYS = ("content", "value", "text", "message")
_ROLES = {
    "human": "user", "customer": "user", "prompter": "user", "client": "user",
    "gpt": "assistant", "ai": "assistant", "bot": "assistant", "model": "assistant", "chatgpt": "assistant",
    "chatbot": "assistant", "agent": "assistant", "developer": "system",
}
# fmt: on


class Message(NamedTuple):
    """One turn of a conversation.

    Attributes:
        role: "system", "user" or "assistant"; another where the source says something unknown.
        content: what is said.
    """

    role: str
    content: str


def messages_in(value: Any) -> list[Message] | None:
    """The messages of a cell: a list of {role, content} or of {from, value}, or its JSON; None for an empty cell.

    Raises:
        Unusable: it is something else.
    """
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = json.loads(value)
        except ValueError:
            raise Unusable(f"a text that is no JSON ({value[:40]!r})") from None
    if value is None:
        return None
    if isinstance(value, Mapping) and isinstance(value.get("messages"), list):
        value = value["messages"]
    if not isinstance(value, list):
        raise Unusable(f"{type(value).__name__} ({str(value)[:40]})")
    return [_message(one, number) for number, one in enumerate(value, 1)]


def as_messages(cell: Sequence[Mapping[str, Any]] | None) -> list[Message]:
    """The messages of a cell of a corpus."""
    return [Message(one["role"], one["content"]) for one in cell or ()]


def looks_like_chat(value: Any) -> bool:
    """Whether a cell holds messages."""
    try:
        return bool(messages_in(value))
    except Unusable:
        return False


def last_answer(messages: Sequence[Message]) -> int | None:
    """Position of the last turn of the assistant."""
    return next((i for i in range(len(messages) - 1, -1, -1) if messages[i].role == "assistant"), None)


def plain(messages: Sequence[Message]) -> str:
    """The conversation as a text with a line for each turn, named by its role."""
    return "\n".join(f"{role.capitalize()}: {content}" for role, content in messages)


def faults(messages: Sequence[Message]) -> list[str]:
    """What is wrong with the roles of a conversation, in words; empty where nothing is."""
    found = []
    roles = [message.role for message in messages]
    if strange := next((role for role in roles if role not in ROLES), None):
        found.append(f"an unknown role {strange!r}")
    if "assistant" not in roles:
        found.append("no turn of the assistant")
    if "system" in roles[1:]:
        found.append("a system message that is not the first")
    talk = [role for role in roles if role != "system"]
    if talk[:1] == ["assistant"]:
        found.append("it begins with the assistant")
    if twice := next((one for one, other in itertools.pairwise(talk) if one == other), None):
        found.append(f"two turns of {twice!r} in a row")
    return found


def _message(value: Any, number: int) -> Message:
    if not isinstance(value, Mapping):
        raise Unusable(f"{type(value).__name__} as message {number}")
    role = next((value[key] for key in _ROLE_KEYS if key in value), None)
    key = next((key for key in _CONTENT_KEYS if key in value), None)
    if not isinstance(role, str) or key is None:
        raise Unusable(f"message {number} with the keys {', '.join(map(str, value)) or 'none'}")
    name = role.strip().casefold()
    return Message(_ROLES.get(name, name), _content(value[key], number))


def _content(value: Any, number: int) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):  # parts, as multimodal models have them
        parts = [
            part if isinstance(part, str) else part.get("text") for part in value if isinstance(part, str | Mapping)
        ]
        if len(parts) == len(value) and all(isinstance(part, str) for part in parts):
            return "".join(map(str, parts))
    raise Unusable(f"message {number} with content that is no text ({str(value)[:40]})")
