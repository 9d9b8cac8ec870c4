"""From a path to turns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from memory_core.errors import InvalidRequestError
from memory_core.importing.arrays import objects_of
from memory_core.importing.chatgpt import chatgpt_turns
from memory_core.importing.claude import claude_turns
from memory_core.importing.detection import checked_format, detect_format
from memory_core.importing.jsonl import jsonl_turns
from memory_core.importing.locomo import locomo_turns
from memory_core.importing.source import READ_ERRORS, checked_file, opened, parts_of
from memory_core.importing.turns import BadEntry, Format, ImportedTurn

_Reader = Callable[[dict[str, Any], int], Iterator[ImportedTurn | BadEntry]]
_READERS: dict[Format, _Reader] = {"chatgpt": chatgpt_turns, "claude": claude_turns, "locomo": locomo_turns}


def read_turns(path: str | os.PathLike[str], format: Format | None = None) -> Iterator[ImportedTurn | BadEntry]:
    """Read a file of conversations turn by turn. Memory is bounded by the longest conversation, not by the file.

    Formats:
        jsonl: One object a line with ``text``, ``speaker``, ``timestamp`` and ``session``. ``role``/``content``/
            ``created_at``/``thread_id`` and the like are understood too, other keys are ignored. Without a session
            the file's name without ending is the session. Timestamps are ISO 8601 or Unix times; one without an
            offset is taken as UTC.
        chatgpt: ``conversations.json`` of ChatGPT's data export, or the export's .zip.
        claude: ``conversations.json`` of Claude's data export, or the export's .zip.
        locomo: The LoCoMo benchmark's JSON file.

    Args:
        path: The file.
        format: Its format; None detects it with `detect_format`.

    Returns:
        An iterator over turns in the source's order, in which each unreadable entry appears as a `BadEntry`.
        Reading the same file again gives the same turns with the same sessions and places.

    Raises:
        InvalidRequestError: The file is missing, empty, a folder or of no known format. Raised at once, before
            the first turn.
    """
    file = checked_file(path)
    chosen = checked_format(format) if format is not None else detect_format(file)
    parts = parts_of(file)
    if chosen != "jsonl":
        return _array_turns(file, parts or [None], _READERS[chosen])
    if parts:
        raise InvalidRequestError("JSONL is not read from a .zip. Unpack it first.", field="path")
    return _line_turns(file)


def _line_turns(file: Path) -> Iterator[ImportedTurn | BadEntry]:
    with opened(file) as stream:
        yield from jsonl_turns(stream, default_session=file.stem)


def _array_turns(file: Path, parts: list[str] | list[None], reader: _Reader) -> Iterator[ImportedTurn | BadEntry]:
    index = 0
    for part in parts:
        try:
            with opened(file, part) as stream:
                for conversation in objects_of(stream):
                    if isinstance(conversation, str):
                        yield BadEntry(index, conversation)
                    else:
                        yield from reader(conversation, index)
                    index += 1
        except READ_ERRORS:
            yield BadEntry(index, "the file is damaged from here on; what came before was read")
