"""The objects of one big JSON array, one at a time.

The array is cut at its elements' brackets and each element is parsed alone. So memory is bounded by the largest
element, one damaged element does not cost the ones after it, and lone surrogates stay visible (the C parser of ijson
turns them into question marks and gives up at the first invalid byte).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

MAX_ELEMENT_BYTES = 64 * 2**20
"""The longest element that is read: far above any conversation people have, far below a server's memory."""

_READ_BYTES = 2**18
_STRUCTURE = re.compile(rb'["\[\]{}]')
_BETWEEN = b" \t\r\n,"
_QUOTE, _BACKSLASH = ord('"'), ord("\\")
_OPENING, _ARRAY = b"[{", ord("[")


def objects_of(stream: BinaryIO) -> Iterator[dict[str, Any] | str]:
    """Yield each object of the array, or, for an element that is none, the reason as text."""
    for element in _elements(stream):
        yield parsed_object(element) if isinstance(element, bytes) else element


def parsed_object(raw: bytes) -> dict[str, Any] | str:
    """Parse one JSON object, or say why it is none. The reason never repeats the input."""
    try:
        value = json.loads(raw.decode())
    except UnicodeDecodeError:
        return "not UTF-8 text"
    except ValueError:
        return "not valid JSON"
    except RecursionError:
        return "nested too deeply"
    return value if isinstance(value, dict) else "not a JSON object"


def _elements(stream: BinaryIO) -> Iterator[bytes | str]:
    """Cut the array: depth counts open brackets outside of strings, so the elements' are those of depth two."""
    buffer = b""
    position = 0  # scanned up to here
    start = 0  # what comes before is already yielded
    depth = 0
    # Reading as much as is already held keeps the whole scan linear however long an element is.
    while chunk := stream.read(max(_READ_BYTES, len(buffer) - start)):
        buffer, position, start = buffer[start:] + chunk, position - start, 0
        while found := _STRUCTURE.search(buffer, position):
            position = found.start()
            mark = buffer[position]
            if mark == _QUOTE:
                closing = _closing_quote(buffer, position)
                if closing < 0:
                    break
                position = closing + 1
                continue
            position += 1
            opening = mark in _OPENING
            depth += 1 if opening else -1
            if depth == 1 and opening and mark != _ARRAY:
                yield "the file is not a JSON array"
                return
            if (depth == 2 and opening) or depth == 0:
                if between := buffer[start : position - 1].strip(_BETWEEN):
                    yield between
                start = position - 1
            elif depth == 1:
                if not opening:
                    yield buffer[start:position]
                start = position
            if depth <= 0:
                return
        else:
            position = len(buffer)
        if len(buffer) - start > MAX_ELEMENT_BYTES:
            yield f"longer than {MAX_ELEMENT_BYTES} bytes; it and everything after it was not read"
            return
    yield "the file ends in the middle; what came before was read"


def _closing_quote(buffer: bytes, opening: int) -> int:
    """Index of the quote that ends the string opened at `opening`, or -1 if the buffer ends before it."""
    quote = opening
    while (quote := buffer.find(b'"', quote + 1)) >= 0:
        before = quote - 1
        while buffer[before] == _BACKSLASH:
            before -= 1
        if (quote - before) % 2:
            return quote
    return -1
