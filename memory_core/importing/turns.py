"""What every format is read into, and the rules that hold for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Format = Literal["jsonl", "chatgpt", "claude", "locomo"]
Role = Literal["user", "assistant", "system", "tool", "other"]

_ROLES: dict[str, Role] = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
}


@dataclass(frozen=True, slots=True)
class ImportedTurn:
    """One thing somebody said.

    Attributes:
        text: What was said; never blank, free of NUL characters and lone surrogates.
        speaker: Who said it, as the source names them.
        role: The speaker's part in the conversation; ``"other"`` where the source does not tell.
        session: Id of the conversation, the same at every import of the same file.
        seq: 0-based place in the session, in the source's order. An entry that could not be read keeps its
            place where its session is known, so repairing it later does not move the turns after it.
        said_at: When it was said (timezone-aware, UTC), or None if the source does not tell.
        title: The conversation's title, if it has one.
        source_line: 1-based line number in a JSONL file, None in other formats.
        external_id: The source's own id of the message (LoCoMo: ``dia_id``), if it has one.
    """

    text: str
    speaker: str
    role: Role
    session: str
    seq: int
    said_at: datetime | None
    title: str | None = None
    source_line: int | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class BadEntry:
    """One entry that could not be read; the entries after it are still read.

    Attributes:
        line: 1-based line number (JSONL) or 0-based index of the conversation in the export (other formats).
        reason: What is wrong, for a person to read. Never the content itself.
    """

    line: int | None
    reason: str


class EntryError(Exception):
    """An entry does not fit its format. The message is the reason reported to the caller."""


def role_of(name: str) -> Role:
    """The role a name such as ``"human"`` or ``"assistant"`` stands for, ``"other"`` for any other name."""
    return _ROLES.get(name.strip().lower(), "other")


def storable(text: str, what: str) -> str:
    """Return the text unchanged, or raise `EntryError` if Postgres could not store it."""
    if "\x00" in text:
        raise EntryError(f"{what} contains a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise EntryError(f"{what} contains a lone surrogate") from None
    return text


def identifier(value: Any, what: str) -> str | None:
    """Read an id or a name: text or a whole number. None if absent or blank, `EntryError` for other types."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise EntryError(f"{what} is not text")
    return storable(value, what).strip() or None


def label(value: Any) -> str | None:
    """Read a title or a message id. They are extras: one that cannot be stored is left out, not the turn."""
    try:
        return identifier(value, "the label")
    except EntryError:
        return None


def joined_text(value: Any, separator: str = "\n\n") -> str | None:
    """Read a message body: text, or a list of blocks of which those of type ``"text"`` are joined.

    None if the value is neither.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return None
    texts = [block.get("text") for block in value if isinstance(block, dict) and block.get("type") == "text"]
    return separator.join(text for text in texts if isinstance(text, str) and text.strip())
