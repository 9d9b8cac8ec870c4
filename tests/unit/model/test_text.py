"""What may be stored, and when two contents are the same."""

from __future__ import annotations

import json
from collections import OrderedDict, namedtuple
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_core import InvalidRequestError
from memory_core.model.text import MAX_LABEL_BYTES, check_json, check_label, check_text, content_hash

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


class Colour(StrEnum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


Point = namedtuple("Point", "x y")


@given(json_values)
def test_json_passes_unchanged(value: Any) -> None:
    assert check_json(value, "value") == value
    assert json.loads(json.dumps(check_json(value, "value"))) == json.loads(json.dumps(value))


def test_json_becomes_plain() -> None:
    given = {
        "np": np.float64(1.5), "enum": Colour.RED, "int": Number.ONE, "point": Point(1, 2), "tuple": (1, (2,)),
        "ordered": OrderedDict(a=1), "proxy": MappingProxyType({"b": 2}), Colour.RED: True,
    }  # fmt: skip
    plain = check_json(given, "value")
    assert plain == {
        "np": 1.5, "enum": "red", "int": 1, "point": [1, 2], "tuple": [1, [2]], "ordered": {"a": 1}, "proxy": {"b": 2},
        "red": True,
    }  # fmt: skip

    def types(value: Any) -> set[type]:
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return {type(value)}.union(*(types(part) for pair in inner for part in pair))

    assert types(plain) <= {dict, list, str, int, float, bool}


def test_json_is_copied() -> None:
    inner = [1]
    plain = check_json({"a": inner}, "value")
    inner.append(2)
    assert plain == {"a": [1]}


@pytest.mark.parametrize(
    ("bad", "path"),
    [
        ({"a": [1, {"b": float("nan")}]}, "metadata.a[1].b"),
        ({"a": float("inf")}, "metadata.a"),
        ([0, "x\x00"], "metadata[1]"),
        ({"a": "\ud800"}, "metadata.a"),
        ({"a": {1: 2}}, "metadata.a"),
        ({"a": 2**64}, "metadata.a"),
        ({"a": 10**5000}, "metadata.a"),
        ({"a": {1, 2}}, "metadata.a"),
    ],
)
def test_what_is_not_json_is_named_by_its_path(bad: Any, path: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check_json(bad, "metadata")
    assert caught.value.details["field"] == path


def test_a_circle_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(InvalidRequestError, match="64 levels"):
        check_json(circle, "value")


def test_labels_are_limited_by_their_bytes() -> None:
    assert check_label("x" * MAX_LABEL_BYTES, "key")
    assert check_label("🎉" * (MAX_LABEL_BYTES // 4), "key")
    for bad in ("x" * (MAX_LABEL_BYTES + 1), "🎉" * (MAX_LABEL_BYTES // 4 + 1), "", "\u2003"):
        with pytest.raises(InvalidRequestError, match="key"):
            check_label(bad, "key")


def test_the_text_itself_is_never_quoted() -> None:
    for bad in ("secret\x00", "secret\ud800", "secret" * 10):
        with pytest.raises(InvalidRequestError) as caught:
            check_text(bad, "content", limit=20)
        assert "secret" not in f"{caught.value} {caught.value.details}"


def test_the_same_content() -> None:
    same = content_hash("Grüße  an\nalle ", None)
    assert same == content_hash("Gru\u0308ße an alle", None)
    different = [
        content_hash("grüße an alle", None),
        content_hash("Grüße an alle", 1),
        content_hash("Grüße an alle.", None),
        content_hash("Grüße analle", None),
    ]
    assert len({same, *different}) == 5
    assert content_hash("x", {"a": 1, "b": 2}) == content_hash("x", {"b": 2, "a": 1})
