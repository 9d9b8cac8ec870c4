"""Many at once: a result per item, in order, whatever the others do."""

from __future__ import annotations

from typing import Any

import pytest

from memory_core import AsyncMemory, AsyncScopedMemory, ConflictError, InvalidRequestError


@pytest.fixture(params=["session", "permanent"])
def store(request: pytest.FixtureRequest) -> str:
    """One tier of each implementation."""
    return str(request.param)


async def test_a_result_per_item_in_order(alice: AsyncScopedMemory, store: str, problems: Any) -> None:
    known = await alice.remember("known already", tier=store)
    await alice.remember("old value", key="k", tier=store)
    await alice.remember("taken", thread="t", seq=0, tier=store)
    items: list[Any] = [
        "a text",
        {"content": "a mapping", "tags": ["x"]},
        {"content": ""},
        "known already",
        {"content": "new value", "key": "k"},
        {"content": "a text"},
        {"content": "misspelt", "contnet": 1},
        {"content": "another turn", "thread": "t", "seq": 0},
        {"content": "taken", "thread": "t", "seq": 0},
        {"content": "next", "thread": "t"},
        {"content": "next", "thread": "t"},
        {"value": {"only": "a value"}},
        None,
        ["a list"],
        {"content": "x", "scope": "other"},
        {"content": "x", 7: "y"},
    ]
    results = await alice.remember_many(items, tier=store)
    assert [result.status for result in results] == [
        *("created", "created", "error", "duplicate", "updated", "duplicate", "error", "error", "duplicate"),
        *("created", "created", "created", "error", "error", "error", "error"),
    ]
    assert (results[3].id, results[5].id) == (known.id, results[0].id)
    assert results[4].version == 2
    assert isinstance(results[7].error, ConflictError)
    for place in (2, 6, 12, 13, 14, 15):
        assert isinstance(results[place].error, InvalidRequestError)
        assert results[place].id is None
    assert "contnet" in str(results[6].error)
    assert (await alice.get("k")).content == "new value"
    turns = sorted((r.seq, r.content) for r in await alice.list(thread="t"))
    assert turns == [(0, "taken"), (1, "next"), (2, "next")]
    assert (await alice.get(results[0].id)).evidence_count == 2  # type: ignore[arg-type]
    assert await problems() == []


@pytest.mark.parametrize("items", ["one text", {"content": "x"}, None, 5, b"bytes"])
async def test_what_is_not_a_list_of_items_is_refused_whole(alice: AsyncScopedMemory, items: Any) -> None:
    with pytest.raises(InvalidRequestError, match="items"):
        await alice.remember_many(items)
    assert await alice.list() == []


async def test_an_unknown_shared_argument_is_refused_whole(alice: AsyncScopedMemory) -> None:
    with pytest.raises(InvalidRequestError, match="lable"):
        await alice.remember_many(["a"], lable="x")
    assert await alice.list() == []


async def test_an_empty_batch(alice: AsyncScopedMemory) -> None:
    assert await alice.remember_many([]) == []
    assert await alice.forget_many([]) == []


async def test_thousands_over_several_scopes(memory: AsyncMemory, tenant: str, problems: Any) -> None:
    scope = memory.scope(tenant=tenant, user="u", agent="a", session="s")
    levels = ("tenant", "user", "agent")
    items = [{"content": f"item number {n}", "level": levels[n % 3]} for n in range(2500)]
    results = await scope.remember_many(items)
    assert {result.status for result in results} == {"created"}
    assert len({result.id for result in results}) == 2500
    for place in (0, 1, 2, 999, 1000, 2499):
        found = await scope.get(results[place].id)  # type: ignore[arg-type]
        assert (found.content, found.scope.level) == (f"item number {place}", levels[place % 3])
    again = await scope.remember_many(items[:300])
    assert [(result.status, result.id) for result in again] == [("duplicate", result.id) for result in results[:300]]
    assert (await scope.statistics())["by_level"] == {"agent": 833, "tenant": 834, "user": 833}
    assert await problems() == []


async def test_hot_and_durable_items_mix(alice: AsyncScopedMemory) -> None:
    results = await alice.remember_many(
        [{"content": f"n {n}", "tier": "session" if n % 2 else "permanent"} for n in range(6)]
    )
    tiers = [(await alice.get(result.id)).tier for result in results]  # type: ignore[arg-type]
    assert tiers == ["permanent", "session"] * 3


async def test_an_item_too_large_for_the_hot_tier_spares_the_others(database_url: str, tenant: str) -> None:
    async with AsyncMemory.session(database_url, hot_max_bytes=20_000) as memory:
        scope = memory.scope(tenant=tenant, user="u")
        items = [{"content": "small"}, {"content": "x" * 50_000}, {"content": "durable", "tier": "permanent"}]
        results = await scope.remember_many(items, tier="session")
        assert [result.status for result in results] == ["created", "error", "created"]
        assert "MEMORY_CORE_HOT_MAX_BYTES" in str(results[1].error)
        kept = await scope.remember("key me", key="k", tier="session")
        with pytest.raises(InvalidRequestError):
            await scope.update("k", content="y" * 50_000)
        with pytest.raises(InvalidRequestError):
            await scope.remember("z" * 50_000, key="k", tier="session")
        assert (await scope.get("k")).content == kept.content, "what was there stays"
