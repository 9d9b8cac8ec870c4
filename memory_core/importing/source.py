"""The bytes behind a path: a plain file, or the conversations inside an export's .zip."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from memory_core.errors import InvalidRequestError

# NotImplementedError is what zipfile raises for a compression it does not know.
READ_ERRORS = (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
"""What reading a failing disk, a damaged .zip, or one packed in a way Python cannot read raises."""

_UTF8_MARK = b"\xef\xbb\xbf"
_ENCRYPTED = 0x1  # bit 0 of a zip member's general purpose flags (APPNOTE.TXT 4.4.4)

# Newer ChatGPT exports split the conversations over conversations-000.json, conversations-001.json, ...
_PART = re.compile(r"conversations-\d+\.json")


def checked_file(path: str | os.PathLike[str]) -> Path:
    """Return the path if it is a readable file with content, else raise `InvalidRequestError`."""
    file = Path(path)
    if not file.exists():
        raise InvalidRequestError(f"There is no file {file}. Check the path.", field="path")
    if not file.is_file():
        raise InvalidRequestError(f"{file} is not a file. Name the export's .json, .jsonl or .zip file.", field="path")
    try:
        with file.open("rb") as stream:
            if not stream.read(1):
                raise InvalidRequestError(f"{file} is empty. Export the conversations again.", field="path")
    except OSError as error:
        raise InvalidRequestError(f"{file} cannot be read. Check its permissions.", field="path") from error
    return file


def parts_of(file: Path) -> list[str]:
    """Names of the members to read if the file is a .zip, in order; empty for a plain file.

    Raises:
        InvalidRequestError: The archive is damaged, encrypted, or holds no conversations.
    """
    if not zipfile.is_zipfile(file):
        return []
    try:
        with zipfile.ZipFile(file) as archive:
            members = [m for m in archive.infolist() if not m.filename.startswith("__MACOSX/")]
    except zipfile.BadZipFile as error:
        raise InvalidRequestError(f"{file} is a damaged .zip. Download the export again.", field="path") from error
    named = [(PurePosixPath(member.filename).name, member) for member in members]
    chosen = [m for name, m in named if name == "conversations.json"] or [
        m for name, m in named if _PART.fullmatch(name)
    ]
    if not chosen:
        raise InvalidRequestError(f"{file} holds no conversations.json. Is it an export of chats?", field="path")
    if any(member.flag_bits & _ENCRYPTED for member in chosen):
        raise InvalidRequestError(f"{file} is encrypted. Unpack it first.", field="path")
    return sorted(member.filename for member in chosen)


@contextmanager
def opened(file: Path, part: str | None = None) -> Iterator[BinaryIO]:
    """Open the file, or one member of the .zip, for reading after any UTF-8 byte order mark."""
    if part is None:
        with file.open("rb") as stream:
            yield _after_mark(stream)
    else:
        with zipfile.ZipFile(file) as archive, archive.open(part) as member:
            yield _after_mark(BufferedReader(cast(RawIOBase, member)))


def _after_mark(stream: BufferedReader) -> BinaryIO:
    if stream.peek(len(_UTF8_MARK)).startswith(_UTF8_MARK):
        stream.read(len(_UTF8_MARK))
    return stream
