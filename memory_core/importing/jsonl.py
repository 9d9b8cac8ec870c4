"""Plain JSONL: one turn a line. The only format that people write by hand, so it forgives the most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from memory_core.importing.arrays import parsed_object
from memory_core.importing.times import instant
from memory_core.importing.turns import (
    BadEntry,
    EntryError,
    ImportedTurn,
    identifier,
    joined_text,
    label,
    role_of,
    storable,
)

MAX_LINE_BYTES = 4 * 2**20
"""The longest line that is read: several books of text."""

_TEXT = ("text", "content", "message")
_SPEAKER = ("speaker", "name", "author", "sender", "from")
_TIME = ("timestamp", "created_at", "said_at", "create_time", "time", "date", "ts")
_SESSION = ("session", "session_id", "thread", "thread_id", "conversation", "conversation_id")
_ID = ("external_id", "id", "uuid", "message_id", "dia_id")


def jsonl_turns(stream: BinaryIO, default_session: str) -> Iterator[ImportedTurn | BadEntry]:
    """Yield the turn, or the fault, of each line that is not blank. Keeps one counter a session, nothing else."""
    places: Counter[str] = Counter()
    for number, line in _lines(stream):
        entry = parsed_object(line) if line is not None else f"longer than {MAX_LINE_BYTES} bytes"
        if isinstance(entry, str):
            yield BadEntry(number, entry)
            continue
        try:
            session = identifier(_first(entry, _SESSION), "the session") or default_session
            seq = places[session]
            places[session] += 1
            yield _turn(entry, session, seq, number)
        except EntryError as error:
            yield BadEntry(number, str(error))


def looks_like_turn(entry: dict[str, Any] | str) -> bool:
    """Whether a parsed line could be a turn of this format."""
    return isinstance(entry, dict) and isinstance(_first(entry, _TEXT), str | list)


def _turn(entry: dict[str, Any], session: str, seq: int, line: int) -> ImportedTurn:
    text = joined_text(_first(entry, _TEXT))
    if text is None or not text.strip():
        raise EntryError("there is no text")
    role = identifier(entry.get("role"), "the role")
    speaker = identifier(_first(entry, _SPEAKER), "the speaker") or role
    if speaker is None:
        raise EntryError("there is neither a speaker nor a role")
    return ImportedTurn(
        text=storable(text, "the text"),
        speaker=speaker,
        role=role_of(role or speaker),
        session=session,
        seq=seq,
        said_at=instant(_first(entry, _TIME)),
        title=label(entry.get("title")),
        source_line=line,
        external_id=label(_first(entry, _ID)),
    )


def _first(entry: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((entry[name] for name in names if entry.get(name) is not None), None)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Number and content of each line that is not blank; None for the content of one that is too long."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        too_long = len(line) > MAX_LINE_BYTES and not line.endswith(b"\n")
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE_BYTES)
        if too_long:
            yield number, None
        elif line.strip():
            yield number, line
