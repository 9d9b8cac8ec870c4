"""The same conditions on metadata in Postgres and in Python: for durable and for hot records."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_core import InvalidRequestError
from memory_core.model.filters import check_metadata_filter, make_filter, matches_metadata

SQL = """
    SELECT memory_core.matches_metadata(m, w)
    FROM ROWS FROM (jsonb_array_elements($1::jsonb), jsonb_array_elements($2::jsonb)) AS pairs (m, w)"""

# Numbers that a double holds exactly: beyond, JSON's decimals and Python's binary fractions differ by rounding.
numbers = st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6, width=32)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=4)
scalars = st.none() | st.booleans() | numbers | texts | st.sampled_from([0, 1, 10, 9, "10", "9", "", 1.0, -0.0])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=2), max_leaves=4
)
plain = values.filter(lambda value: not (isinstance(value, dict) and any(key.startswith("$") for key in value)))
keys = st.sampled_from(["a", "b", "ä", "a.b", "it's"])
operators = st.fixed_dictionaries(
    {},
    optional={
        "$eq": values,
        "$ne": values,
        "$gt": numbers | texts,
        "$gte": numbers | texts,
        "$lt": numbers | texts,
        "$lte": numbers | texts,
        "$in": st.lists(values, max_size=3),
    },
).filter(bool)
pairs = st.tuples(st.dictionaries(keys, values, max_size=3), st.dictionaries(keys, plain | operators, max_size=2))
SETTINGS = settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SETTINGS
@given(st.lists(pairs, min_size=10, max_size=40))
async def test_postgres_and_python_agree(owner: asyncpg.Connection, drawn: list[tuple[Any, Any]]) -> None:
    metadata = [given[0] for given in drawn]
    conditions = [make_filter(where=given[1]) for given in drawn]
    rows = await owner.fetch(
        SQL, json.dumps(metadata), json.dumps([condition.as_json().get("metadata", {}) for condition in conditions])
    )
    in_python = [matches_metadata(m, c.metadata or {}) for m, c in zip(metadata, conditions, strict=True)]
    assert [row[0] for row in rows] == in_python


METADATA = {"n": 10, "f": 1.5, "s": "10", "t": True, "none": None, "list": [1, "a"], "map": {"x": 1}}

EXAMPLES: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"n": 10}, True),
    ({"n": 10.0}, True),
    ({"n": "10"}, False),
    ({"n": {"$gt": 9}}, True),
    ({"n": {"$gt": "9"}}, False),
    ({"s": {"$lt": "9"}}, True),
    ({"s": {"$lt": 9}}, False),
    ({"f": {"$gte": 1.5, "$lt": 2}}, True),
    ({"f": {"$gt": 1.5}}, False),
    ({"t": True}, True),
    ({"t": 1}, False),
    ({"t": {"$gte": 1}}, False),
    ({"none": None}, True),
    ({"missing": None}, False),
    ({"missing": {"$ne": 1}}, True),
    ({"missing": {"$lt": 1}}, False),
    ({"none": {"$ne": None}}, False),
    ({"list": [1, "a"]}, True),
    ({"list": ["a", 1]}, False),
    ({"list": {"$in": [[1, "a"], 2]}}, True),
    ({"map": {"x": 1}}, True),
    ({"map": {"$eq": {"x": 1, "y": 2}}}, False),
    ({"n": {"$in": []}}, False),
    ({"n": {"$in": ["10", 10]}}, True),
    ({"n": {"$ne": "10"}, "s": "10"}, True),
]


@pytest.mark.parametrize(("where", "expected"), EXAMPLES)
async def test_typed_comparison(owner: asyncpg.Connection, where: dict[str, Any], expected: bool) -> None:
    condition = make_filter(where=where)
    assert matches_metadata(METADATA, condition.metadata or {}) is expected
    in_sql = await owner.fetchval(SQL, json.dumps([METADATA]), json.dumps([condition.as_json().get("metadata", {})]))
    assert in_sql is expected


@pytest.mark.parametrize(
    "where",
    [
        "n > 1", ["n"], {"": 1}, {1: 1}, {"n": {"$regex": "x"}}, {"n": {"$gt": None}}, {"n": {"$lt": True}},
        {"n": {"$gte": [1]}}, {"n": {"$in": 3}}, {"n": {"$in": "ab"}}, {"n": float("nan")},
        {"n": {"$lt": float("inf")}},
        {"n": {"$gt": 1, "lt": 5}}, {"n": "\x00"}, {"n": "\ud800"}, {"n": 2**70}, {"n": object()}, {"n": {1: 2}},
    ],
)  # fmt: skip
def test_conditions_that_make_no_sense(where: Any) -> None:
    with pytest.raises(InvalidRequestError):
        check_metadata_filter(where)
