"""What may be stored: rules for text and JSON, checked before anything is written."""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from memory_core.errors import InvalidRequestError

MAX_CONTENT_CHARACTERS = 100_000
"""Longest content of one record. A longer text is a document: split it, then remember the parts."""

MAX_LABEL_BYTES = 512
"""Longest key, scope label, thread, actor, tag or source, in UTF-8: an index row (2,704 bytes) holds five of them."""

MAX_JSON_BYTES = 1_000_000
"""Largest value or metadata of one record, serialised."""

_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")
_WHITE_SPACE = re.compile(r"\s+")


def check_text(value: object, field: str, *, limit: int, allow_empty: bool = False) -> str:
    """``value`` if it is a text that every store can hold.

    Raises:
        InvalidRequestError: Not a string, empty, over ``limit`` characters, or with a NUL or a lone surrogate.
    """
    if not isinstance(value, str):
        raise InvalidRequestError(f"{field} must be a string, not {type(value).__name__}", field=field)
    if not allow_empty and not value.strip():
        raise InvalidRequestError(f"{field} is empty", field=field)
    if len(value) > limit:
        raise InvalidRequestError(
            f"{field} has {len(value)} characters; the limit is {limit}. Split the text and store its parts.",
            field=field,
            limit=limit,
        )
    if _FORBIDDEN.search(value):
        raise InvalidRequestError(
            f"{field} contains a NUL or a lone surrogate, which cannot be stored; remove it first "
            f"(for example: text.replace('\\x00', '').encode('utf-8', 'replace').decode())",
            field=field,
        )
    return value


def check_label(value: object, field: str) -> str:
    """``value`` if it is a short non-empty text (key, scope label, thread, actor, tag, source)."""
    text = check_text(value, field, limit=MAX_LABEL_BYTES)
    if not text.isascii() and len(text.encode()) > MAX_LABEL_BYTES:
        raise InvalidRequestError(
            f"{field} has {len(text.encode())} bytes in UTF-8; the limit is {MAX_LABEL_BYTES}",
            field=field,
            limit=MAX_LABEL_BYTES,
        )
    return text


def check_json(value: Any, field: str) -> Any:
    """A copy of ``value`` in plain types, if it is JSON: text keys, finite numbers, whole numbers of at most 64 bits,
    storable texts, at most ``MAX_JSON_BYTES``.

    A copy, because a stored record must not change when the caller's object does; plain types, because subclasses
    (a numpy float, an enum, a named tuple) are not written alike by all JSON writers.

    Raises:
        InvalidRequestError: Something in it is not JSON; the path to it is named, its content is not.
    """
    plain = _plain_json(value, field, depth=0)
    size = len(json.dumps(plain, ensure_ascii=False).encode())
    if size > MAX_JSON_BYTES:
        raise InvalidRequestError(f"{field} has {size} bytes; the limit is {MAX_JSON_BYTES}", field=field)
    return plain


def _plain_json(value: Any, path: str, depth: int) -> Any:
    if depth > 64:
        raise InvalidRequestError(f"{path} is nested deeper than 64 levels", field=path)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise InvalidRequestError(f"{path} is a whole number of more than 64 bits; keep it as a text", field=path)
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidRequestError(f"{path} is NaN or infinite; JSON has no such number", field=path)
        return float(value)
    if isinstance(value, str):
        if _FORBIDDEN.search(value):
            raise InvalidRequestError(f"{path} contains a NUL or a lone surrogate", field=path)
        return str.__str__(value)
    if isinstance(value, list | tuple):
        return [_plain_json(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or _FORBIDDEN.search(key):
                raise InvalidRequestError(f"{path} has a key that is not a storable string", field=path)
        return {str.__str__(key): _plain_json(item, f"{path}.{key[:40]}", depth + 1) for key, item in value.items()}
    raise InvalidRequestError(f"{path} is a {type(value).__name__}, which is not JSON", field=path)


def check_fraction(value: object, field: str) -> float:
    """``value`` as a float in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise InvalidRequestError(f"{field} must be a number from 0 to 1", field=field)
    return float(value)


def content_hash(content: str, value: Any) -> str:
    """32 hexadecimal digits that are equal for the same content: white space runs and Unicode forms do not count.

    Letter case counts: ``"US"`` and ``"us"`` are different words.
    """
    normal = _WHITE_SPACE.sub(" ", unicodedata.normalize("NFC", content)).strip()
    payload = json.dumps([normal, value], sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(payload.encode(), digest_size=16).hexdigest()
