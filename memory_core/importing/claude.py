"""Claude's data export: conversations as lists of messages made of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from memory_core.importing.times import instant
from memory_core.importing.turns import (
    BadEntry,
    EntryError,
    ImportedTurn,
    Role,
    identifier,
    joined_text,
    label,
    storable,
)

_SPEAKERS: dict[str, tuple[str, Role]] = {"human": ("user", "user"), "assistant": ("Claude", "assistant")}


def claude_turns(conversation: dict[str, Any], index: int) -> Iterator[ImportedTurn | BadEntry]:
    """Yield what user and assistant said: text blocks only, no thinking, tool use or attachments."""
    try:
        session = identifier(conversation.get("uuid"), "the conversation's id")
    except EntryError as error:
        yield BadEntry(index, str(error))
        return
    messages = conversation.get("chat_messages")
    if session is None or not isinstance(messages, list):
        yield BadEntry(index, "the conversation has no uuid or no chat_messages")
        return
    title = label(conversation.get("name"))
    seq = 0
    for number, message in enumerate(messages):
        try:
            if not isinstance(message, dict):
                raise EntryError("not a JSON object")
            said = _said(message)
            if said is None:
                continue
            yield _turn(message, said, session, seq, title)
        except EntryError as error:
            yield BadEntry(index, f"message {number}: {error}")
        seq += 1


def _turn(message: dict[str, Any], said: str, session: str, seq: int, title: str | None) -> ImportedTurn:
    sender = message.get("sender")
    if not isinstance(sender, str) or sender not in _SPEAKERS:
        raise EntryError("the sender is neither human nor assistant")
    speaker, role = _SPEAKERS[sender]
    said_at = instant(message.get("created_at"))
    external_id = label(message.get("uuid"))
    return ImportedTurn(storable(said, "the text"), speaker, role, session, seq, said_at, title, None, external_id)


def _said(message: dict[str, Any]) -> str | None:
    """The text blocks; the plain ``text`` only without them, for it also holds notices about blocks not shown."""
    content, text = message.get("content"), message.get("text")
    if not isinstance(content, list) and not isinstance(text, str):
        raise EntryError("there is neither content nor text")
    blocks = joined_text(content) if isinstance(content, list) and content else text
    return blocks if isinstance(blocks, str) and blocks.strip() else None
