"""ChatGPT's export: what a person saw, in order, and nothing else. Shapes follow what is publicly known of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from memory_core.importing import BadEntry, ImportedTurn, detect_format, read_turns

MAY = 1715679000.25  # 2024-05-14 09:30:00.25 UTC
AT = datetime.fromtimestamp(MAY, UTC)


def node(
    node_id: str,
    parent: str | None,
    role: str = "user",
    parts: list[Any] | None = None,
    *,
    at: float | None = MAY,
    content: dict[str, Any] | None = None,
    **message: Any,
) -> dict[str, Any]:
    """One entry of `mapping`, with a message unless parts and content are both left out."""
    body: dict[str, Any] | None = None
    if parts is not None or content is not None:
        body = {
            "id": node_id,
            "author": {"role": role, "name": None, "metadata": {}},
            "create_time": at,
            "update_time": None,
            "content": content or {"content_type": "text", "parts": parts},
            "status": "finished_successfully",
            "end_turn": None,
            "weight": 1.0,
            "metadata": {},
            "recipient": "all",
        } | message
    return {"id": node_id, "message": body, "parent": parent, "children": []}


def conversation(
    *nodes: dict[str, Any], current: str | None, conversation_id: str = "c-1", **more: Any
) -> dict[str, Any]:
    """A conversation whose nodes know their children."""
    mapping = {entry["id"]: entry for entry in nodes}
    for entry in nodes:
        if entry["parent"] in mapping:
            mapping[entry["parent"]]["children"].append(entry["id"])
    return {
        "title": "Trip to Oslo",
        "create_time": MAY,
        "update_time": MAY + 60,
        "mapping": mapping,
        "moderation_results": [],
        "current_node": current,
        "conversation_id": conversation_id,
        "id": conversation_id,
    } | more


def chat(*nodes: dict[str, Any], current: str | None, **more: Any) -> dict[str, Any]:
    return conversation(node("root", None), *nodes, current=current, **more)


def read(tmp_path: Path, *conversations: Any) -> list[Any]:
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps(conversations))
    assert detect_format(file) == "chatgpt"
    return list(read_turns(file))


def test_reads_the_visible_branch_only(tmp_path: Path) -> None:
    thread = chat(
        node("q", "root", "user", ["Where to stay?"]),
        node("a1", "q", "assistant", ["A hotel."], at=MAY + 1),
        node("a2", "q", "assistant", ["A cabin."], at=MAY + 2),
        node("q2", "a2", "user", ["Why?"], at=MAY + 3),
        current="q2",
    )
    common = {"session": "c-1", "title": "Trip to Oslo"}
    assert read(tmp_path, thread) == [
        ImportedTurn("Where to stay?", "user", "user", seq=0, said_at=AT, external_id="q", **common),
        ImportedTurn(
            "A cabin.", "ChatGPT", "assistant", seq=1, said_at=AT + timedelta(seconds=2), external_id="a2", **common
        ),
        ImportedTurn("Why?", "user", "user", seq=2, said_at=AT + timedelta(seconds=3), external_id="q2", **common),
    ]


def test_leaves_out_what_nobody_saw(tmp_path: Path) -> None:
    thread = chat(
        node("sys", "root", "system", [""]),
        node("ctx", "sys", "user", content={"content_type": "user_editable_context", "user_profile": "x"}),
        node("hid", "ctx", "user", ["hidden"], metadata={"is_visually_hidden_from_conversation": True}),
        node("q", "hid", "user", ["Plot this"]),
        node("call", "q", "assistant", ["plot()"], recipient="python"),
        node("out", "call", "tool", ["<image>"]),
        node("think", "out", "assistant", content={"content_type": "thoughts", "thoughts": []}),
        node("code", "think", "assistant", content={"content_type": "code", "text": "x = 1"}),
        node("empty", "code", "assistant", [""]),
        node("a", "empty", "assistant", ["Done."]),
        current="a",
    )
    assert [(turn.text, turn.seq) for turn in read(tmp_path, thread)] == [("Plot this", 0), ("Done.", 1)]


def test_keeps_the_words_around_pictures_and_of_voice(tmp_path: Path) -> None:
    parts = [
        {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"},
        {"content_type": "audio_transcription", "text": "what is this", "direction": "in"},
        "A plant?",
    ]
    content = {"content_type": "multimodal_text", "parts": parts}
    [turn] = read(tmp_path, chat(node("q", "root", content=content), current="q"))
    assert turn.text == "what is this\nA plant?"


@pytest.mark.parametrize("current", [None, "gone"])
def test_without_a_current_node_the_newest_answer_is_the_branch(tmp_path: Path, current: str | None) -> None:
    thread = chat(
        node("q", "root", "user", ["Q"]),
        node("new", "q", "assistant", ["new"], at=MAY + 9),
        node("old", "q", "assistant", ["old"], at=MAY + 1),
        current=current,
    )
    assert [turn.text for turn in read(tmp_path, thread)] == ["Q", "new"]


def test_a_loop_in_the_tree_ends(tmp_path: Path) -> None:
    thread = conversation(node("a", "b", "user", ["A"]), node("b", "a", "user", ["B"]), current="b")
    assert [turn.text for turn in read(tmp_path, thread)] == ["A", "B"]


def test_a_message_without_a_time_takes_the_one_before(tmp_path: Path) -> None:
    thread = chat(
        node("q", "root", "user", ["Q"], at=None),
        node("a", "q", "assistant", ["A"], at=MAY + 5),
        node("q2", "a", "user", ["Q2"], at=None),
        current="q2",
    )
    seconds = [0, 5, 5]
    assert [turn.said_at for turn in read(tmp_path, thread)] == [AT + timedelta(seconds=s) for s in seconds]


def test_bad_messages_and_conversations_are_reported_and_reading_goes_on(tmp_path: Path) -> None:
    thread = chat(
        node("q", "root", "user", ["ok"]),
        node("nul", "q", "user", ["secret\x00"]),
        node("sur", "nul", "user", ["secret\ud800"]),
        node("time", "sur", "user", ["secret"], at="soon"),
        node("author", "time", "user", ["secret"], author=None),
        node("role", "author", "user", ["unseen"], author={"role": ["user"]}),
        node("a", "role", "assistant", ["fine"]),
        current="a",
    )
    entries = read(tmp_path, thread, {"mapping": []}, {"id": None, "mapping": {}}, 5, {"id": ["x"]})
    assert entries[0].text == "ok"
    assert entries[1:5] == [
        BadEntry(0, "message 1 of the visible branch: the text contains a NUL character"),
        BadEntry(0, "message 2 of the visible branch: the text contains a lone surrogate"),
        BadEntry(0, "message 3 of the visible branch: the timestamp is neither ISO 8601 nor a Unix time"),
        BadEntry(0, "message 4 of the visible branch: author or content is missing"),
    ]
    assert (entries[5].text, entries[5].seq) == ("fine", 5)
    assert entries[6:] == [
        BadEntry(1, "the conversation has no mapping of messages"),
        BadEntry(2, "the conversation has no id"),
        BadEntry(3, "not a JSON object"),
        BadEntry(4, "the conversation's id is not text"),
    ]
