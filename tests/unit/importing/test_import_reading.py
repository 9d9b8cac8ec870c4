"""What holds for every format: detection, refusals, streaming."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from memory_core.errors import InvalidRequestError
from memory_core.importing import FORMATS, ImportedTurn, detect_format, read_turns

TRICKY = 'it says {"mapping": {}} and {"chat_messages": []} and "conversation": {'


def claude(text: str) -> dict[str, Any]:
    return {"uuid": "c", "name": text, "chat_messages": [{"uuid": "m", "sender": "human", "text": text}]}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"role": "user", "content": TRICKY}, "jsonl"),
        ([{"title": TRICKY, "mapping": {}, "current_node": None, "id": "c"}], "chatgpt"),
        ([claude(TRICKY)], "claude"),
        ([{"qa": [{"question": TRICKY}], "conversation": {"session_1": []}, "sample_id": "s"}], "locomo"),
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b"\n  "])
def test_detects_the_format_from_keys_not_from_text(tmp_path: Path, content: Any, expected: str, mark: bytes) -> None:
    file = tmp_path / "whatever.txt"
    file.write_bytes(mark + json.dumps(content).encode())
    assert detect_format(file) == expected
    list(read_turns(file))


def test_detects_jsonl_behind_a_bad_first_line(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": broken\n{"text": "fine", "speaker": "a"}\n')
    assert detect_format(file) == "jsonl"


@pytest.mark.parametrize("content", ["hello", "{}", '{"a": 1}', "[]", "[1]", '{\n  "text": "x"\n}', "\x00\x01", "   "])
def test_a_file_of_no_known_format_is_refused_with_the_choices(tmp_path: Path, content: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(content)
    with pytest.raises(InvalidRequestError, match="jsonl, chatgpt, claude, locomo") as caught:
        read_turns(file)
    assert caught.value.details["formats"] == FORMATS


def test_what_is_not_a_file_with_content_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    for name, message in [("gone.json", "no file"), ("", "not a file"), ("empty.jsonl", "is empty")]:
        for call in (detect_format, read_turns, lambda path: read_turns(path, "jsonl")):
            with pytest.raises(InvalidRequestError, match=message):
                call(tmp_path / name)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(InvalidRequestError, match="jsonl, chatgpt, claude, locomo"):
        read_turns(tmp_path / "a", "csv")  # type: ignore[arg-type]


def test_the_wrong_format_gives_bad_entries_not_a_crash(tmp_path: Path) -> None:
    file = tmp_path / "a"
    for content in ([claude("hi")], {"text": "x", "speaker": "a"}):
        file.write_text(json.dumps(content))
        for name in FORMATS:
            if name != detect_format(file):
                entries = list(read_turns(file, name))
                assert len(entries) == 1
                assert not isinstance(entries[0], ImportedTurn)


MEASURE = """
import resource, sys
from memory_core.importing import read_turns

def peak():  # kibibytes on Linux, bytes on macOS
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

before = peak()
count = sum(1 for _ in read_turns(sys.argv[1]))
print(count, peak() - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is read with the resource module")
@pytest.mark.parametrize("kind", ["array", "lines"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, kind: str) -> None:
    file, words = tmp_path / "big", 'We said "yes" [again].\n' * 2000
    conversation = json.dumps(claude(words))
    line = json.dumps({"speaker": "a", "text": words})
    element, before, between, after = (conversation, "[", ",", "]") if kind == "array" else (line, "", "\n", "")
    copies = 60_000_000 // len(element)
    with file.open("w") as stream:
        stream.write(before)
        for number in range(copies):
            stream.write((between if number else "") + element)
        stream.write(after)
    assert file.stat().st_size > 59_000_000
    run = subprocess.run([sys.executable, "-c", MEASURE, str(file)], capture_output=True, text=True, check=True)
    count, growth_bytes = map(int, run.stdout.split())
    assert count == copies
    assert growth_bytes < 20_000_000
