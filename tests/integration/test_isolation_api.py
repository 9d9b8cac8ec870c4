"""Everything the API shows, and everything it changes, follows the one rule ``Scope.sees``: for durable and hot
records, whatever the labels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_core import AsyncMemory, AsyncScopedMemory, InvalidRequestError, NotFoundError, Record, Scope

USERS, AGENTS, SESSIONS, TEAMS = (None, "al", "alice"), (None, "bot"), (None, "s", "s2"), (None, "red")
labels = st.fixed_dictionaries(
    {
        "user": st.sampled_from(USERS),
        "agent": st.sampled_from(AGENTS),
        "session": st.sampled_from(SESSIONS),
        "team": st.sampled_from(TEAMS),
    }
)
viewers = st.tuples(st.sampled_from("ab"), labels)
SETTINGS = settings(
    max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Town:
    """Records in every kind of scope of two tenants, and in the global one.

    Attributes:
        memory: The store.
        name: What the tenants' names begin with, and a word of every record.
        records: All records made, hot and durable, by id.
    """

    def __init__(self, memory: AsyncMemory, name: str, records: dict[UUID, Record]) -> None:
        self.memory = memory
        self.name = name
        self.records = records

    def __repr__(self) -> str:
        return f"<Town {self.name}>"

    def scope(self, viewer: tuple[str, dict[str, str | None]]) -> AsyncScopedMemory:
        tenant, label = viewer
        return self.memory.scope(tenant=f"{self.name}{tenant}", **label)

    def visible(self, viewer: Scope) -> set[UUID]:
        return {record.id for record in self.records.values() if viewer.sees(record.scope)}

    def ours(self, records: Any) -> list[Record]:
        """Without what other tests may have put into the global scope."""
        return [record for record in records if record.id in self.records]


@pytest.fixture
async def town(memory: AsyncMemory, tenant: str) -> AsyncIterator[Town]:
    word = tenant.replace("-", "")
    records: dict[UUID, Record] = {}
    places: list[AsyncScopedMemory] = [memory.global_scope()]
    for name, user, agent, session, team in product("ab", USERS, AGENTS, SESSIONS, TEAMS):
        places.append(memory.scope(tenant=f"{tenant}{name}", user=user, agent=agent, session=session, team=team))

    async def settle(place: AsyncScopedMemory) -> list[Record]:
        made = []
        target = place.scope.at(place.scope.level)  # several places may store in one scope
        for tier in ("permanent", "session"):
            content = f"{word} {tier} secret number {hash(target) & 0xFFFFFFFF:x}"
            made.append(await place.remember(content, tier=tier, level=target.level, key=f"{word}-{tier}"))
        return made

    for made in await asyncio.gather(*(settle(place) for place in places)):
        records |= {record.id: record for record in made}
    yield Town(memory, tenant, records)
    for record in records.values():
        if record.scope.level == "global":
            await memory.global_scope().forget(record.id)


@SETTINGS
@given(viewer=viewers)
async def test_list_statistics_and_events(town: Town, viewer: Any) -> None:
    scope = town.scope(viewer)
    visible = town.visible(scope.scope)
    listed = await scope.list(limit=10_000)
    assert {record.id for record in town.ours(listed)} == visible
    assert all(scope.scope.sees(record.scope) for record in listed)
    assert (await scope.statistics())["records"] == len(listed)
    durable = {record_id for record_id in visible if not town.records[record_id].tier.is_hot}
    told = {event.record_id for event in await scope.events(limit=10_000)}
    assert told & set(town.records) == durable


@SETTINGS
@given(viewer=viewers, limit=st.integers(1, 20))
async def test_recall_explain_and_context(town: Town, viewer: Any, limit: int) -> None:
    scope = town.scope(viewer)
    visible = town.visible(scope.scope)
    query = f"{town.name.replace('-', '')} secret"
    found = await scope.recall(query, limit=10_000)
    assert {record.id for record in town.ours(hit.record for hit in found)} == visible
    assert all(scope.scope.sees(hit.record.scope) for hit in found)
    explained = await scope.explain(query, limit=limit)
    assert len(explained.hits) == min(limit, len(found))
    assert all(scope.scope.sees(hit.record.scope) for hit in (*explained.hits, *explained.cut))
    context = await scope.context(query, budget_tokens=5_000)
    assert {record.id for record in town.ours(hit.record for hit in context.hits)} <= visible
    for record in town.records.values():
        assert record.id in visible or record.content not in context.text


@SETTINGS
@given(viewer=viewers, picks=st.lists(st.integers(0, 9999), min_size=8, max_size=8))
async def test_get(town: Town, viewer: Any, picks: list[int]) -> None:
    scope = town.scope(viewer)
    visible = town.visible(scope.scope)
    everything = sorted(town.records)
    for record_id in (everything[pick % len(everything)] for pick in picks):
        if record_id in visible:
            assert (await scope.get(record_id)).content == town.records[record_id].content
        else:
            with pytest.raises(NotFoundError):
                await scope.get(record_id)
    for tier in ("permanent", "session"):
        key = f"{town.name.replace('-', '')}-{tier}"
        record = await scope.get(key)
        assert record.id in visible
        narrower = [town.records[other].scope for other in visible if town.records[other].key == key]
        assert not any(place != record.scope and place.sees(record.scope) for place in narrower)


@SETTINGS
@given(viewer=viewers, picks=st.lists(st.integers(0, 9999), min_size=4, max_size=4))
async def test_update_and_forget_of_what_lies_beside(town: Town, viewer: Any, picks: list[int]) -> None:
    scope = town.scope(viewer)
    hidden = sorted(set(town.records) - town.visible(scope.scope))
    for record_id in (hidden[pick % len(hidden)] for pick in picks):
        with pytest.raises(NotFoundError):
            await scope.update(record_id, content="taken over")
        with pytest.raises(NotFoundError):
            await scope.pin(record_id)
        assert await scope.forget(record_id) is False
    assert await scope.forget_many(hidden) == []
    assert {record.id for record in town.ours(await scope.list(limit=10_000))} == town.visible(scope.scope)


@SETTINGS
@given(writer=viewers, viewer=viewers, tier=st.sampled_from(["session", "permanent"]))
async def test_update_and_forget_follow_the_rule(town: Town, writer: Any, viewer: Any, tier: str) -> None:
    record = await town.scope(writer).remember("come and go", tier=tier)
    scope = town.scope(viewer)
    if scope.scope.sees(record.scope):
        assert (await scope.update(record.id, content="come and gone")).version == 2
        assert await scope.forget(record.id) is True
    else:
        with pytest.raises(NotFoundError):
            await scope.update(record.id, content="come and gone")
        assert await scope.forget(record.id) is False
        assert (await town.scope(writer).get(record.id)).content == "come and go"
        assert await town.scope(writer).forget(record.id) is True


@pytest.mark.parametrize("tier", ["session", "permanent"])
async def test_global_records_are_read_by_all_and_written_by_none_but_the_global_scope(
    memory: AsyncMemory, alice: AsyncScopedMemory, tenant: str, tier: str
) -> None:
    everybody = memory.global_scope()
    record = await everybody.remember(f"common knowledge {tenant}", tier=tier, key=f"common-{tenant}")
    try:
        assert (await alice.get(record.key or "")).id == (await alice.get(record.id)).id == record.id
        assert record.id in {hit.record.id for hit in await alice.recall(f"common knowledge {tenant}")}
        with pytest.raises(InvalidRequestError, match="global_scope"):
            await alice.update(record.id, content="other")
        assert await alice.forget(record.id) is False
        assert await alice.forget_many([record.id]) == []
        mine = await alice.remember("my own", key=record.key, tier=tier)
        assert mine.id != record.id
        assert (await alice.get(record.key or "")).id == mine.id, "the narrower one"
        assert (await everybody.get(record.id)).content == record.content
        assert [r.id for r in await everybody.list(limit=10_000) if r.scope.tenant == tenant] == []
        assert (await everybody.update(record.id, pinned=True)).version == 2
    finally:
        assert await everybody.forget(record.id) is True


ODD = [
    *(
        "al",
        "alice",
        "Alice",
        "alice ",
        " alice",
        "alice\n",
        "al%",
        "a_ice",
        "*",
        "'",
        "''",
        '"',
        "\\",
        "{}",
        "{1,2}",
        "NULL",
    ),
    *(
        "t:alice",
        "'; DROP TABLE memory_core.records; --",
        "$1",
        "é",
        "e\u0301",
        "ａlice",
        "\u202ealice",
        "🎉",
        "a\tb",
        "0",
    ),
    "x" * 512,
]


@pytest.mark.parametrize("label", ["tenant", "user", "agent", "session", "team"])
async def test_labels_are_compared_as_they_are(memory: AsyncMemory, tenant: str, label: str) -> None:
    def place(name: str) -> AsyncScopedMemory:
        return memory.scope(**({"tenant": tenant} | {label: name[:512] if label != "tenant" else name}))

    names = ODD if label != "tenant" else [f"{tenant}{name}"[:512] for name in ODD]
    for tier in ("session", "permanent"):
        for name in names:
            await place(name).remember(f"of {name[:50]}", tier=tier, level=label)
    for name in names:
        found = await place(name).list()
        assert sorted(record.tier for record in found) == ["permanent", "session"], name
        assert {getattr(record.scope, label) for record in found} == {name}
        assert {hit.record.content for hit in await place(name).recall("of")} <= {f"of {name[:50]}"}
