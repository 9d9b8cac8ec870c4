"""Which format a file has, told from its beginning."""

from __future__ import annotations

import os
import re
from typing import Final, get_args

from memory_core.errors import InvalidRequestError
from memory_core.importing.arrays import parsed_object
from memory_core.importing.jsonl import looks_like_turn
from memory_core.importing.source import READ_ERRORS, checked_file, opened, parts_of
from memory_core.importing.turns import Format

FORMATS: Final[tuple[Format, ...]] = get_args(Format)
"""The formats that can be read, by name."""

_BEGINNING_BYTES = 2**20

# A complete string before a colon is a key: inside a text the quotes would be escaped. LoCoMo puts its questions first.
_TELLING_KEY = re.compile(rb'"(mapping|conversation)"\s*:\s*\{|"(chat_messages)"\s*:\s*\[')
_FORMAT_BY_KEY: dict[bytes, Format] = {b"mapping": "chatgpt", b"chat_messages": "claude", b"conversation": "locomo"}


def detect_format(path: str | os.PathLike[str]) -> Format:
    """Tell a file's format from its first mebibyte.

    Args:
        path: A JSONL file, a ``conversations.json``, an export's ``.zip``, or a LoCoMo JSON file.

    Returns:
        ``"jsonl"``, ``"chatgpt"``, ``"claude"`` or ``"locomo"``.

    Raises:
        InvalidRequestError: The file is missing, empty, a folder, or fits no format.
    """
    file = checked_file(path)
    parts = parts_of(file)
    try:
        with opened(file, parts[0] if parts else None) as stream:
            beginning = stream.read(_BEGINNING_BYTES)
    except READ_ERRORS as error:
        raise InvalidRequestError(f"{file} is damaged. Download the export again.", field="path") from error
    if beginning.lstrip().startswith(b"["):
        if key := _TELLING_KEY.search(beginning):
            return _FORMAT_BY_KEY[key[1] or key[2]]
    elif not parts and any(looks_like_turn(parsed_object(line)) for line in beginning.splitlines()):
        return "jsonl"
    raise InvalidRequestError(
        f"{file} fits none of the formats {', '.join(FORMATS)}. Name the format if it is one of them.",
        field="format",
        formats=FORMATS,
    )


def checked_format(name: str) -> Format:
    """Return the name if it is a format, else raise `InvalidRequestError`."""
    if name not in FORMATS:
        raise InvalidRequestError(f"There is no such format. Choose one of {', '.join(FORMATS)}.", field="format")
    return name
