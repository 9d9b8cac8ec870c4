"""Plain JSONL: forgiving about names and times, strict about content, never stopping at a bad line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from memory_core.importing import BadEntry, ImportedTurn, read_turns
from memory_core.importing.jsonl import MAX_LINE_BYTES


def read(tmp_path: Path, *lines: dict[str, Any] | str | bytes, name: str = "chat.jsonl") -> list[Any]:
    file = tmp_path / name
    raw = [
        line if isinstance(line, bytes) else (json.dumps(line) if isinstance(line, dict) else line).encode()
        for line in lines
    ]
    file.write_bytes(b"\n".join(raw))
    return list(read_turns(file, "jsonl"))


def test_reads_the_documented_keys(tmp_path: Path) -> None:
    line = {"speaker": "Maya", "text": "Hej!", "timestamp": "2025-05-14T10:00:00+02:00", "session": "s-1", "mood": 3}
    assert read(tmp_path, line) == [
        ImportedTurn("Hej!", "Maya", "other", "s-1", 0, datetime(2025, 5, 14, 8, tzinfo=UTC), source_line=1)
    ]


def test_reads_role_and_content_like_a_chat_api(tmp_path: Path) -> None:
    line = {"role": "assistant", "content": "Sure.", "created_at": 1715679000, "thread_id": 7, "id": "m1", "title": "T"}
    assert read(tmp_path, line) == [
        ImportedTurn("Sure.", "assistant", "assistant", "7", 0, datetime(2024, 5, 14, 9, 30, tzinfo=UTC), "T", 1, "m1")
    ]


def test_reads_content_given_as_blocks(tmp_path: Path) -> None:
    blocks = [{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {}}, {"type": "text", "text": "two"}]
    assert read(tmp_path, {"role": "user", "content": blocks})[0].text == "one\n\ntwo"


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Human", "user"),
        ("user", "user"),
        ("ai", "assistant"),
        ("developer", "system"),
        ("function", "tool"),
        ("Bo", "other"),
    ],
)
def test_the_role_follows_the_speaker_when_none_is_given(tmp_path: Path, name: str, role: str) -> None:
    assert read(tmp_path, {"speaker": name, "text": "x"})[0].role == role


@pytest.mark.parametrize(
    "written",
    [
        "2024-05-14T09:30:00Z",
        "2024-05-14T11:30:00+02:00",
        "2024-05-14 09:30:00",  # naive: UTC
        1715679000,
        1715679000.0,
        1715679000000,  # milliseconds
        1715679000000000,  # microseconds
        "1715679000",
    ],
)
def test_timestamps_are_understood_and_turned_into_utc(tmp_path: Path, written: Any) -> None:
    turn = read(tmp_path, {"speaker": "a", "text": "x", "timestamp": written})[0]
    assert turn.said_at == datetime(2024, 5, 14, 9, 30, tzinfo=UTC)
    assert turn.said_at.tzinfo is UTC


def test_a_turn_may_have_no_time(tmp_path: Path) -> None:
    assert read(tmp_path, {"speaker": "a", "text": "x", "timestamp": None})[0].said_at is None


@pytest.mark.parametrize("written", ["yesterday", "", True, [2024], float("nan"), 1e300, 10**400, "2024-13-01"])
def test_a_bad_timestamp_is_a_bad_entry(tmp_path: Path, written: Any) -> None:
    [entry] = read(tmp_path, {"speaker": "a", "text": "x", "timestamp": written})
    assert entry == BadEntry(1, "the timestamp is neither ISO 8601 nor a Unix time")


def test_places_count_per_session_in_file_order(tmp_path: Path) -> None:
    turns = read(tmp_path, *({"speaker": "a", "text": str(n), "session": s} for n, s in enumerate("xyxxy")))
    assert [(turn.session, turn.seq) for turn in turns] == [("x", 0), ("y", 0), ("x", 1), ("x", 2), ("y", 1)]


def test_repairing_a_line_does_not_move_the_turns_after_it(tmp_path: Path) -> None:
    first, broken, last = ({"speaker": "a", "text": text, "session": "s"} for text in ("one", "", "three"))
    before = read(tmp_path, first, broken, last)
    after = read(tmp_path, first, broken | {"text": "two"}, last)
    assert isinstance(before[1], BadEntry)
    assert [turn.seq for turn in after] == [0, 1, 2]
    assert (before[0], before[2]) == (after[0], after[2])


def test_without_a_session_the_file_is_the_session(tmp_path: Path) -> None:
    assert read(tmp_path, {"speaker": "a", "text": "x"}, name="notes-2024.jsonl")[0].session == "notes-2024"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"speaker": "a", "text": "secret', "not valid JSON"),
        ('["secret"]', "not a JSON object"),
        ("[" * 100_000, "nested too deeply"),
        (b'{"speaker": "a", "text": "secret \xff"}', "not UTF-8 text"),
        ({"speaker": "a"}, "there is no text"),
        ({"speaker": "a", "text": "  "}, "there is no text"),
        ({"speaker": "a", "text": 5}, "there is no text"),
        ({"text": "secret"}, "there is neither a speaker nor a role"),
        ({"speaker": ["secret"], "text": "x"}, "the speaker is not text"),
        ({"speaker": "a", "text": "x", "session": {"secret": 1}}, "the session is not text"),
        ({"speaker": "a", "text": "secret\x00"}, "the text contains a NUL character"),
        ({"speaker": "a", "text": "secret\ud800"}, "the text contains a lone surrogate"),
        ({"speaker": "a\x00", "text": "x"}, "the speaker contains a NUL character"),
        (
            b'{"speaker": "a", "text": "' + b"secret" * (MAX_LINE_BYTES // 6) + b'"}',
            f"longer than {MAX_LINE_BYTES} bytes",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) and len(value) < 60 else "line",
)
def test_a_bad_line_is_reported_by_number_and_reading_goes_on(tmp_path: Path, line: Any, reason: str) -> None:
    good = {"speaker": "a", "text": "x"}
    first, bad, last = read(tmp_path, good, line, good)
    assert bad == BadEntry(2, reason)
    assert isinstance(first, ImportedTurn)
    assert isinstance(last, ImportedTurn)
    assert last.source_line == 3


def test_blank_lines_windows_line_ends_and_a_byte_order_mark_are_no_trouble(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"speaker":"a","text":"1"}\r\n\r\n   \n{"speaker":"a","text":"2"}')
    assert [(turn.text, turn.source_line) for turn in read_turns(file) if isinstance(turn, ImportedTurn)] == [
        ("1", 1),
        ("2", 4),
    ]


def test_an_id_that_cannot_be_stored_does_not_cost_the_turn(tmp_path: Path) -> None:
    turn = read(tmp_path, {"speaker": "a", "text": "x", "id": {"odd": 1}, "title": "nul\x00"})[0]
    assert (turn.external_id, turn.title) == (None, None)
