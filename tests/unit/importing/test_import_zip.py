"""Exports are read inside the .zip they come in."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from memory_core.errors import InvalidRequestError
from memory_core.importing import BadEntry, detect_format, read_turns


def claude(uuid: str) -> dict[str, Any]:
    return {"uuid": uuid, "name": "", "chat_messages": [{"uuid": "m", "sender": "human", "text": uuid}]}


def zipped(tmp_path: Path, **members: Any) -> Path:
    file = tmp_path / "export.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return file


def test_reads_the_conversations_in_the_archive(tmp_path: Path) -> None:
    message = {"id": "m", "author": {"role": "user"}, "content": {"content_type": "text", "parts": ["inside"]}}
    conversation = {"id": "c", "mapping": {"m": {"id": "m", "message": message, "parent": None}}, "current_node": "m"}
    members = {"user.json": {}, "chat.html": "<html>", "export/conversations.json": [conversation]}
    file = zipped(tmp_path, **members)
    assert detect_format(file) == "chatgpt"
    assert [turn.text for turn in read_turns(file)] == ["inside"]


def test_reads_split_exports_in_order_and_counts_on(tmp_path: Path) -> None:
    parts = {f"conversations-00{n}.json": [claude(f"c{n}"), 0] for n in (1, 0)}
    entries = list(read_turns(zipped(tmp_path, **parts)))
    assert [getattr(entry, "session", entry) for entry in entries] == [
        "c0",
        BadEntry(1, "not a JSON object"),
        "c1",
        BadEntry(3, "not a JSON object"),
    ]


def test_a_damaged_member_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "export.zip"
    content = json.dumps([claude(f"c{n}") for n in range(3)]).encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("conversations.json", content)
    file.write_bytes(file.read_bytes().replace(b'"c2"', b'"cX"'))
    with pytest.raises(InvalidRequestError, match="damaged"):
        read_turns(file)
    entries = list(read_turns(file, "claude"))
    assert entries[-1] == BadEntry(0, "the file is damaged from here on; what came before was read")


@pytest.mark.parametrize(
    ("members", "message"),
    [({"photos.json": []}, "no conversations.json"), ({"conversations.json": [{"a": 1}]}, "none of the formats")],
)
def test_other_archives_are_refused(tmp_path: Path, members: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        read_turns(zipped(tmp_path, **members))


def test_a_broken_archive_is_refused(tmp_path: Path) -> None:
    file = zipped(tmp_path, **{"conversations.json": []})
    file.write_bytes(b"junk" + file.read_bytes()[20:])
    with pytest.raises(InvalidRequestError):
        list(read_turns(file))


def test_jsonl_is_not_read_from_an_archive(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="Unpack"):
        read_turns(zipped(tmp_path, **{"conversations.json": []}), "jsonl")
