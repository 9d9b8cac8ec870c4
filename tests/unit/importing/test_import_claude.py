"""Claude's export: what a person saw, in order, and nothing else. Shapes follow what is publicly known of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from memory_core.importing import BadEntry, ImportedTurn, detect_format, read_turns


def message(number: int, sender: str, text: str, **more: Any) -> dict[str, Any]:
    """One entry of `chat_messages`."""
    at = f"2025-03-04T08:0{number}:00.123456Z"
    block = {"start_timestamp": at, "stop_timestamp": at, "type": "text", "text": text, "citations": []}
    return {
        "uuid": f"m-{number}",
        "text": text,
        "content": [block],
        "sender": sender,
        "created_at": at,
        "updated_at": at,
        "attachments": [],
        "files": [],
    } | more


def conversation(*messages: Any, uuid: str | None = "conv-9", **more: Any) -> dict[str, Any]:
    """A conversation of Claude's export."""
    return {
        "uuid": uuid,
        "name": "Garden plan",
        "created_at": "2025-03-04T08:00:00.000000Z",
        "updated_at": "2025-03-04T08:09:00.000000Z",
        "account": {"uuid": "acc"},
        "chat_messages": list(messages),
    } | more


def read(tmp_path: Path, *conversations: Any) -> list[Any]:
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps(conversations))
    assert detect_format(file) == "claude"
    return list(read_turns(file))


def test_reads_messages_in_order(tmp_path: Path) -> None:
    thread = conversation(message(1, "human", "Beans?"), message(2, "assistant", "Yes."))
    at = datetime(2025, 3, 4, 8, 1, 0, 123456, tzinfo=UTC)
    common = {"session": "conv-9", "title": "Garden plan"}
    assert read(tmp_path, thread) == [
        ImportedTurn("Beans?", "user", "user", seq=0, said_at=at, external_id="m-1", **common),
        ImportedTurn(
            "Yes.", "Claude", "assistant", seq=1, said_at=at + timedelta(minutes=1), external_id="m-2", **common
        ),
    ]


def test_takes_text_blocks_and_not_the_notices_for_other_blocks(tmp_path: Path) -> None:
    blocks = [
        {"type": "thinking", "thinking": "hmm"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "name": "search", "input": {}},
        {"type": "text", "text": "Found it."},
    ]
    reply = message(1, "assistant", "Let me look.\n```\nThis block is not supported.\n```\nFound it.", content=blocks)
    assert [turn.text for turn in read(tmp_path, conversation(reply))] == ["Let me look.\n\nFound it."]


def test_older_exports_have_only_text(tmp_path: Path) -> None:
    reply = message(1, "human", "plain")
    del reply["content"]
    assert [turn.text for turn in read(tmp_path, conversation(reply))] == ["plain"]


def test_messages_without_words_are_left_out(tmp_path: Path) -> None:
    silent = message(1, "human", "", attachments=[{"file_name": "a.pdf"}])
    spoken = message(2, "human", "and?")
    assert [(t.text, t.seq) for t in read(tmp_path, conversation(silent, spoken))] == [("and?", 0)]


def test_an_unnamed_conversation_has_no_title(tmp_path: Path) -> None:
    [turn] = read(tmp_path, conversation(message(1, "human", "hi"), name=""))
    assert turn.title is None


def test_bad_messages_and_conversations_are_reported_and_reading_goes_on(tmp_path: Path) -> None:
    thread = conversation(
        "secret",
        message(1, "human", "secret\ud800"),
        message(2, "robot", "secret"),
        message(3, "human", "secret", created_at="soon"),
        message(4, "human", "x", content=None) | {"text": None},
        message(5, "human", "ok"),
    )
    other = conversation(message(1, "human", "hi"), uuid="conv-10")
    entries = read(tmp_path, thread, conversation(uuid=None), other)
    assert entries[:5] == [
        BadEntry(0, "message 0: not a JSON object"),
        BadEntry(0, "message 1: the text contains a lone surrogate"),
        BadEntry(0, "message 2: the sender is neither human nor assistant"),
        BadEntry(0, "message 3: the timestamp is neither ISO 8601 nor a Unix time"),
        BadEntry(0, "message 4: there is neither content nor text"),
    ]
    assert (entries[5].text, entries[5].seq) == ("ok", 5)
    assert entries[6] == BadEntry(1, "the conversation has no uuid or no chat_messages")
    assert (entries[7].text, entries[7].session, entries[7].seq) == ("hi", "conv-10", 0)
