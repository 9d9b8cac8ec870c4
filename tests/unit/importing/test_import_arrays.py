"""Cutting a big JSON array into its objects."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_core.importing import arrays
from memory_core.importing.arrays import objects_of

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters() | st.sampled_from('"\\\\[]{},\n')),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Trickle(io.BytesIO):
    """Gives at most a few bytes a read, so that every cut falls between two reads at some time."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self.most = most

    def read(self, _size: int | None = -1) -> bytes:
        return super().read(self.most)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=5), st.integers(1, 40), st.booleans())
def test_gives_what_json_gives_however_the_bytes_arrive(items: list[Any], most: int, escaped: bool) -> None:
    raw = json.dumps(items, ensure_ascii=escaped, indent=1 if most % 2 else None).encode(errors="surrogatepass")
    if not escaped and any("\ud800" <= c <= "\udfff" for c in raw.decode(errors="surrogatepass")):
        return
    assert list(objects_of(Trickle(raw, most))) == items


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"[]", []),
        (b'[{"a": 1}, 5, {"b": 2}]', [{"a": 1}, "not a JSON object", {"b": 2}]),
        (b'[{"a": 1}, [2], {"b": 2}]', [{"a": 1}, "not a JSON object", {"b": 2}]),
        (b'[{"a": 1}, "}]", {"b": 2}, 7]', [{"a": 1}, "not a JSON object", {"b": 2}, "not a JSON object"]),
        (b'[{"a": oops}, {"b": 2}]', ["not valid JSON", {"b": 2}]),
        (b'[{"a": "\xff"}, {"b": 2}]', ["not UTF-8 text", {"b": 2}]),
        (b'[{"a": 1}, {"b": 2', [{"a": 1}, "the file ends in the middle; what came before was read"]),
        (b'[{"a": 1},', [{"a": 1}, "the file ends in the middle; what came before was read"]),
        (b'{"a": [1]}', ["the file is not a JSON array"]),
    ],
)
def test_a_damaged_element_does_not_cost_the_others(raw: bytes, expected: list[Any]) -> None:
    assert list(objects_of(io.BytesIO(raw))) == expected


def test_an_element_too_long_to_hold_ends_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "MAX_ELEMENT_BYTES", 50)
    raw = b'[{"a": 1}, {"b": "' + b"x" * 100 + b'"}, {"c": 3}]'
    first, second = objects_of(Trickle(raw, 10))
    assert first == {"a": 1}
    assert second == "longer than 50 bytes; it and everything after it was not read"
