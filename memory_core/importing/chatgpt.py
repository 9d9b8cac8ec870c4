"""ChatGPT's data export: conversations as trees of messages, of which one branch is what the user sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from memory_core.importing.times import instant
from memory_core.importing.turns import BadEntry, EntryError, ImportedTurn, Role, identifier, label, storable

_SPEAKERS: dict[str, tuple[str, Role]] = {"user": ("user", "user"), "assistant": ("ChatGPT", "assistant")}
_TEXT_TYPES = ("text", "multimodal_text")
_TRANSCRIPT = "audio_transcription"  # what was said in voice mode


def chatgpt_turns(conversation: dict[str, Any], index: int) -> Iterator[ImportedTurn | BadEntry]:
    """Yield what user and assistant said on the visible branch: no edits undone, hidden, system or tool messages.

    A message without a time takes that of the message before it, the first one that of the conversation.
    """
    try:
        session = identifier(conversation.get("conversation_id") or conversation.get("id"), "the conversation's id")
        said_at = instant(conversation.get("create_time"))
        messages = _visible_branch(conversation)
    except EntryError as error:
        yield BadEntry(index, str(error))
        return
    if session is None:
        yield BadEntry(index, "the conversation has no id")
        return
    title = label(conversation.get("title"))
    seq = 0
    for number, message in enumerate(messages):
        try:
            said = _said(message)
            if said is None:
                continue
            speaker, role = _SPEAKERS[message["author"]["role"]]
            said_at = instant(message.get("create_time")) or said_at
            text, external_id = storable(said, "the text"), label(message.get("id"))
            yield ImportedTurn(text, speaker, role, session, seq, said_at, title, None, external_id)
        except EntryError as error:
            yield BadEntry(index, f"message {number} of the visible branch: {error}")
        seq += 1


def _visible_branch(conversation: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages from the root to the current node."""
    mapping = conversation.get("mapping")
    if not isinstance(mapping, dict):
        raise EntryError("the conversation has no mapping of messages")
    node_id = conversation.get("current_node")
    if not isinstance(node_id, str) or node_id not in mapping:
        node_id = _newest_leaf(mapping)
    branch: list[dict[str, Any]] = []
    seen: set[str] = set()
    while isinstance(node_id, str) and node_id not in seen and isinstance(node := mapping.get(node_id), dict):
        seen.add(node_id)
        if isinstance(message := node.get("message"), dict):
            branch.append(message)
        node_id = node.get("parent")
    return branch[::-1]


def _newest_leaf(mapping: dict[str, Any]) -> str | None:
    """The message without answer that was written last: where an export without a current node goes on."""
    newest, newest_time = None, float("-inf")
    for node_id, node in mapping.items():
        if not isinstance(node, dict) or node.get("children"):
            continue
        message = node.get("message")
        time = message.get("create_time") if isinstance(message, dict) else None
        seconds = float(time) if isinstance(time, int | float) else 0.0
        if seconds > newest_time:
            newest, newest_time = node_id, seconds
    return newest


def _said(message: dict[str, Any]) -> str | None:
    """The text a person saw in this message; None if it was hidden, addressed to a tool, or held no text."""
    author, content, metadata = message.get("author"), message.get("content"), message.get("metadata")
    if not isinstance(author, dict) or not isinstance(content, dict):
        raise EntryError("author or content is missing")
    if author.get("role") not in tuple(_SPEAKERS) or message.get("recipient") not in ("all", None):
        return None
    if isinstance(metadata, dict) and metadata.get("is_visually_hidden_from_conversation"):
        return None
    if content.get("content_type") not in _TEXT_TYPES:
        return None
    parts = content.get("parts")
    if not isinstance(parts, list):
        raise EntryError("the text has no parts")
    texts = [_part_text(part) for part in parts]
    return "\n".join(text for text in texts if text.strip()) or None


def _part_text(part: Any) -> str:
    if isinstance(part, dict) and part.get("content_type") == _TRANSCRIPT:
        part = part.get("text")
    return part if isinstance(part, str) else ""
