"""The eight built-in policies, policies of one's own, levels, and policies that keep history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from memory_core import AsyncMemory, AsyncScopedMemory, InvalidRequestError, Policy
from memory_core.model.scope import Scope

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

BUILT_IN = {
    "conversation": ("session", HOUR, "session"),
    "user": ("permanent", None, "agent"),
    "agent": ("session", DAY, "agent"),
    "system": ("permanent", None, "tenant"),
    "ephemeral": ("ephemeral", timedelta(minutes=1), "session"),
    "device": ("permanent", None, "agent"),
    "experiment": ("permanent", None, "agent"),
    "workflow": ("short_term", 7 * DAY, "agent"),
}


@pytest.mark.parametrize("name", BUILT_IN)
async def test_built_in_policies(alice: AsyncScopedMemory, name: str) -> None:
    tier, lifetime, level = BUILT_IN[name]
    record = await alice.get((await alice.remember("kept by policy", policy=name)).id)
    assert (record.policy, record.tier, record.scope.level) == (name, tier, level)
    if lifetime is None:
        assert record.expires_at is None
    else:
        assert record.expires_at is not None
        assert 0.94 * lifetime < record.expires_at - datetime.now(UTC) <= lifetime, "at most a twentieth early"


async def test_an_argument_beats_the_policy(alice: AsyncScopedMemory) -> None:
    record = await alice.remember("a", policy="system", tier="short_term", level="user")
    assert (record.tier, record.scope) == ("short_term", Scope(alice.scope.tenant, user="alice"))
    assert record.expires_at is not None
    assert abs(record.expires_at - datetime.now(UTC) - 30 * DAY) < HOUR, "another tier brings its own time to live"
    record = await alice.remember("b", policy="workflow", time_to_live=HOUR)
    assert record.expires_at is not None
    assert record.expires_at - datetime.now(UTC) <= HOUR


async def test_policies_of_ones_own(database_url: str, tenant: str) -> None:
    own = [
        Policy("note", tier="long_term", time_to_live=2 * DAY, level="user"),  # type: ignore[arg-type]
        Policy("quiet", tier="permanent", indexed=False),  # type: ignore[arg-type]
        Policy("user", tier="short_term"),  # type: ignore[arg-type]
    ]
    async with AsyncMemory.session(database_url, policies=own) as memory:
        scope = memory.scope(tenant=tenant, user="u", agent="a")
        note = await scope.remember("note this", policy="note")
        assert (note.tier, note.scope.level) == ("long_term", "user")
        quiet = await scope.remember("quiet words", policy="quiet", key="q")
        changed = await scope.update(quiet.id, content="still quiet words")
        found = await scope.recall("still quiet words", arms=["lexical", "vector"])
        assert [hit.record.id for hit in found] == [note.id]
        assert [hit.record.id for hit in await scope.recall("q", arms=["key"])] == [quiet.id]
        assert (await scope.get("q")).content == changed.content == "still quiet words"
        assert (await scope.remember("replaced default")).tier == "short_term"


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "", "tier": "permanent"},
        {"name": "x", "tier": "no such tier"},
        {"name": "x", "tier": "permanent", "time_to_live": timedelta(0)},
        {"name": "x", "tier": "permanent", "time_to_live": 60},
        {"name": "x", "tier": "permanent", "level": "no such level"},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_where_it_is_made(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        Policy(**bad)


LEVELS = {
    "tenant": Scope("t"),
    "user": Scope("t", user="u"),
    "team": Scope("t", user="u", team="x"),
    "agent": Scope("t", user="u", agent="a"),
    "session": Scope("t", user="u", agent="a", session="s"),
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("tier", ["session", "permanent"])
async def test_a_level_chooses_the_scope(memory: AsyncMemory, tenant: str, level: str, tier: str) -> None:
    scope = memory.scope(tenant=tenant, user="u", agent="a", session="s", team="x")
    record = await scope.remember("somewhere", level=level, tier=tier)
    want = LEVELS[level]
    assert record.scope == Scope(tenant, want.user, want.agent, want.session, want.team)
    assert (await scope.get(record.id)).scope == record.scope


async def test_a_level_the_scope_lacks_is_refused(memory: AsyncMemory, tenant: str) -> None:
    scope = memory.scope(tenant=tenant, user="u")
    for level in ("team", "agent", "session"):
        with pytest.raises(InvalidRequestError, match=level):
            await scope.remember("x", level=level)
    with pytest.raises(InvalidRequestError, match="global_scope"):
        await scope.remember("x", level="global")


@pytest.mark.parametrize("tier", ["session", "permanent"])
async def test_history_keeps_every_value_in_its_time(alice: AsyncScopedMemory, problems: Any, tier: str) -> None:
    states = ["the lamp is on", "the lamp is off", "the lamp is on", "the lamp is off"]
    made = [await alice.remember(state, key="lamp", policy="device", tier=tier) for state in states]
    assert len({record.id for record in made}) == 4
    assert (await alice.get("lamp")).id == made[-1].id
    assert [record.content for record in await alice.list()] == ["the lamp is off"]
    history = await alice.list(include_history=True)
    assert [record.content for record in history] == states[::-1]
    assert [record.valid_to is None for record in history] == [True, False, False, False]
    for older, newer in zip(history[1:], history, strict=False):
        assert older.valid_to is not None
        assert older.valid_from <= older.valid_to <= newer.recorded_at + timedelta(seconds=1)
    assert [hit.record.id for hit in await alice.recall("is the lamp on?")] == [made[-1].id]
    then = history[1]
    at = [hit.record.content for hit in await alice.recall("lamp", as_of=then.valid_from)]
    assert "the lamp is on" in at
    repeated = await alice.remember("the lamp is off", key="lamp", policy="device", tier=tier)
    assert (repeated.id, repeated.evidence_count) == (made[-1].id, 2)
    assert await problems() == []


async def test_history_within_one_batch(alice: AsyncScopedMemory, problems: Any) -> None:
    results = await alice.remember_many(["on", "off", "on", "on"], key="plug", policy="device")
    assert [result.status for result in results] == ["created", "updated", "updated", "duplicate"]
    assert len(await alice.list(include_history=True)) == 3
    assert (await alice.get("plug")).evidence_count == 2
    assert await problems() == []
