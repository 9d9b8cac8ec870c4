"""The rules of remembering, the same for the hot tier and for Postgres."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from memory_core import AsyncMemory, AsyncScopedMemory, ConflictError, InvalidRequestError, NotFoundError

HOT = ("ephemeral", "session")
DURABLE = ("short_term", "long_term", "permanent")
JANUARY, FEBRUARY, MARCH = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3))


@pytest.fixture(params=[*HOT, *DURABLE])
def tier(request: pytest.FixtureRequest) -> str:
    """Every tier."""
    return str(request.param)


@pytest.fixture(params=["session", "permanent"])
def store(request: pytest.FixtureRequest) -> str:
    """One tier of each implementation: process memory, Postgres."""
    return str(request.param)


async def test_a_record_comes_back_as_it_was_given(alice: AsyncScopedMemory, tier: str) -> None:
    given: dict[str, Any] = {
        "value": {"theme": "dark", "sizes": [1, 2.5, None, True]},
        "key": "ui.theme",
        "kind": "preference",
        "tags": ["ui", "ui", "colour"],
        "source": "settings page",
        "importance": 0.9,
        "confidence": 0.8,
        "boost": 2.0,
        "pinned": True,
        "metadata": {"ünï": "cödé 🎉", "n": 3},
        "occurred_at": JANUARY,
        "valid_from": FEBRUARY,
    }
    made = await alice.remember("Alice prefers the dark theme", tier=tier, **given)
    read = await alice.get(made.id)
    for record in (made, read):
        assert record.content == "Alice prefers the dark theme"
        assert {name: getattr(record, name) for name in given} == given | {"tags": ("ui", "colour")}
        assert (record.tier, record.version, record.evidence_count) == (tier, 1, 1)
        assert record.session == "s-1"
    assert (await alice.get("ui.theme")).id == made.id


async def test_defaults(alice: AsyncScopedMemory, tier: str) -> None:
    before = datetime.now(UTC)
    record = await alice.remember("just a text", tier=tier)
    assert (record.kind, record.policy, record.tags, record.metadata) == ("semantic", "user", (), {})
    assert (record.importance, record.confidence, record.boost, record.pinned) == (0.5, 0.7, 1.0, False)
    assert before <= record.occurred_at <= datetime.now(UTC)
    assert record.valid_from == record.occurred_at


async def test_repeated_content_is_evidence_not_a_second_record(alice: AsyncScopedMemory, tier: str) -> None:
    first = await alice.remember("The sky is blue", tier=tier)
    again = await alice.remember("The  sky is\nblue", tier=tier)
    other_case = await alice.remember("the sky is blue", tier=tier)
    assert (again.id, again.evidence_count, again.version) == (first.id, 2, 1)
    assert other_case.id != first.id
    assert len(await alice.list()) == 2


async def test_a_key_gets_new_versions(alice: AsyncScopedMemory, tier: str) -> None:
    first = await alice.remember("green", key="colour", tier=tier, tags=["old"], metadata={"n": 1})
    second = await alice.remember("red", key="colour", tier=tier, tags=["new"])
    again = await alice.remember("red", key="colour", tier=tier)
    assert (second.id, second.version, second.content, second.tags, second.metadata) == (
        first.id, 2, "red", ("new",), {},
    )  # fmt: skip
    assert second.recorded_at == (await alice.get(first.id)).recorded_at
    assert (again.version, again.evidence_count) == (2, 2)
    assert [hit.record.content for hit in await alice.recall("green red colour")] == ["red"]


async def test_keys_and_content_are_unique_apart(alice: AsyncScopedMemory, tier: str) -> None:
    named = await alice.remember("the same words", key="one", tier=tier)
    other = await alice.remember("the same words", key="two", tier=tier)
    plain = await alice.remember("the same words", tier=tier)
    assert len({named.id, other.id, plain.id}) == 3


async def test_turns_are_unique_by_their_place(alice: AsyncScopedMemory, store: str, problems: Any) -> None:
    first = await alice.remember("yes", thread="t", tier=store)
    second = await alice.remember("yes", thread="t", tier=store)
    assert (first.seq, second.seq, first.kind) == (0, 1, "conversation")
    assert first.id != second.id
    repeated = await alice.remember("yes", thread="t", seq=1, tier=store)
    assert (repeated.id, repeated.evidence_count, repeated.version) == (second.id, 1, 1)
    with pytest.raises(ConflictError, match="turn"):
        await alice.remember("no", thread="t", seq=1, tier=store)
    far = await alice.remember("much later", thread="t", seq=10, tier=store)
    after = await alice.remember("and then", thread="t", tier=store)
    elsewhere = await alice.remember("yes", thread="u", tier=store)
    assert (far.seq, after.seq, elsewhere.seq) == (10, 11, 0)
    assert [record.seq for record in await alice.list(thread="t")] == [11, 10, 1, 0]
    assert await problems() == []


async def test_add_turn_takes_the_session_as_its_thread(memory: AsyncMemory, tenant: str) -> None:
    scope = memory.scope(tenant=tenant, user="alice", session="s-9")
    turn = await scope.add_turn("hello", actor="Alice", role="user")
    assert (turn.thread, turn.seq, turn.actor, turn.role) == ("s-9", 0, "Alice", "user")
    with pytest.raises(InvalidRequestError, match="thread"):
        await memory.scope(tenant=tenant, user="alice").add_turn("hello")


CHANGES: list[tuple[str, Any]] = [
    ("content", "quite other words"),
    ("value", {"a": [1]}),
    ("value", None),
    ("kind", "fact"),
    ("tags", ("b", "c")),
    ("tags", ()),
    ("source", "elsewhere"),
    ("source", None),
    ("importance", 1.0),
    ("confidence", 0.0),
    ("boost", 10.0),
    ("pinned", True),
    ("metadata", {}),
    ("metadata", {"a": {"b": 1}}),
    ("occurred_at", JANUARY),
    ("expires_at", datetime(2099, 1, 1, tzinfo=UTC)),
    ("expires_at", None),
    ("valid_from", JANUARY),
    ("valid_to", datetime(2099, 1, 1, tzinfo=UTC)),
    ("valid_to", None),
]


@pytest.mark.parametrize(("field", "new"), CHANGES)
async def test_update_changes_one_field(
    alice: AsyncScopedMemory, store: str, problems: Any, field: str, new: Any
) -> None:
    old = await alice.remember(
        "original words", tier=store, tags=["a"], value=7, source="here", metadata={"n": 1}, occurred_at=FEBRUARY
    )
    changed = await alice.update(old.id, **{field: new})
    read = await alice.get(old.id)
    assert getattr(changed, field) == getattr(read, field) == new
    assert changed.version == read.version == 2
    same = set(type(old).__slots__) - {field, "version", "updated_at", "access_count", "last_accessed_at"}
    same -= {"expires_at"}  # the hot tier shortens lives by up to a twentieth
    same -= {"recorded_at"} if store == "permanent" else set()  # remember returns it to within milliseconds
    assert {name: getattr(read, name) for name in same} == {name: getattr(old, name) for name in same}
    assert await problems() == []


async def test_updated_content_is_found_by_its_new_words_only(alice: AsyncScopedMemory, store: str) -> None:
    record = await alice.remember("zebra quagga", tier=store)
    await alice.update(record.id, content="walrus narwhal")
    assert [hit.record.id for hit in await alice.recall("walrus", arms=["lexical", "hot"])] == [record.id]
    found = (await alice.explain("zebra")).hits
    assert all(hit.explanation is not None and hit.explanation.raw["bm25"] == 0 for hit in found)


async def test_time_to_live_and_tier_set_the_expiry(alice: AsyncScopedMemory) -> None:
    record = await alice.remember("for a month", tier="short_term")
    assert record.expires_at is not None
    assert timedelta(days=29) < record.expires_at - datetime.now(UTC) <= timedelta(days=30)
    kept = await alice.update(record.id, tier="permanent")
    assert (kept.tier, kept.expires_at) == ("permanent", None)
    hour = await alice.update(record.id, time_to_live=timedelta(hours=1))
    assert hour.expires_at is not None
    assert hour.expires_at - datetime.now(UTC) <= timedelta(hours=1)
    with pytest.raises(InvalidRequestError, match="not both"):
        await alice.update(record.id, time_to_live=timedelta(hours=1), expires_at=JANUARY)


async def test_a_hot_record_becomes_durable_with_all_it_has(alice: AsyncScopedMemory, problems: Any) -> None:
    for level, name in (("user", "for alice"), ("session", "for this session"), ("tenant", "for everybody")):
        hot = await alice.remember(
            f"{name}: keep this", tier="session", level=level, key=name, tags=["a"], metadata={"n": 1}, value=[1]
        )
        kept = await alice.update(hot.id, tier="long_term", time_to_live=timedelta(days=3))
        assert (kept.tier, kept.content, kept.key, kept.tags, kept.metadata, kept.value, kept.policy) == (
            "long_term", hot.content, name, ("a",), {"n": 1}, [1], hot.policy,
        )  # fmt: skip
        assert kept.expires_at is not None
        assert timedelta(days=2) < kept.expires_at - datetime.now(UTC) <= timedelta(days=3)
        assert kept.scope == (hot.scope if level != "session" else hot.scope.durable()), level
        assert [record.id for record in await alice.list() if record.key == name] == [kept.id]
        with pytest.raises(InvalidRequestError, match="hot"):
            await alice.update(kept.id, tier="session")
    assert await problems() == []


async def test_compare_and_set(alice: AsyncScopedMemory, store: str) -> None:
    record = await alice.remember("one", tier=store)
    assert (await alice.update(record.id, content="two", if_version=1)).version == 2
    with pytest.raises(ConflictError, match="version 2, not 1") as caught:
        await alice.update(record.id, content="three", if_version=1)
    assert caught.value.details["version"] == 2
    assert (await alice.get(record.id)).content == "two"
    with pytest.raises(NotFoundError):
        await alice.update(uuid4(), content="x", if_version=1)


async def test_content_of_another_record_cannot_be_taken(alice: AsyncScopedMemory, store: str, problems: Any) -> None:
    await alice.remember("mine", tier=store)
    other = await alice.remember("yours", tier=store)
    with pytest.raises(ConflictError):
        await alice.update(other.id, content="mine")
    assert (await alice.get(other.id)).content == "yours"
    assert await problems() == []


async def test_pin_and_boost(alice: AsyncScopedMemory, store: str) -> None:
    record = await alice.remember("pinned words", tier=store, key="k")
    assert (await alice.pin("k")).pinned is True
    assert (await alice.pin(record.id, False)).pinned is False
    assert (await alice.boost(record.id, 3)).boost == 3.0
    with pytest.raises(InvalidRequestError, match="boost"):
        await alice.boost(record.id, 11)


async def test_forget(alice: AsyncScopedMemory, store: str, problems: Any) -> None:
    record = await alice.remember("forget me", tier=store, key="k")
    others = [await alice.remember(f"other {n}", tier=store) for n in range(3)]
    assert await alice.forget("k") is True
    assert await alice.forget("k") is False
    assert await alice.forget(record.id) is False
    with pytest.raises(NotFoundError):
        await alice.get(record.id)
    ids = [other.id for other in others]
    assert set(await alice.forget_many([*ids, uuid4(), ids[0]])) == set(ids)
    assert await alice.list() == await alice.recall("forget me") == []
    assert (await alice.remember("forget me", tier=store)).id != record.id
    assert await problems() == []


async def test_list_filters(alice: AsyncScopedMemory, store: str) -> None:
    async def add(content: str, **fields: Any) -> None:
        await alice.remember(content, tier=store, **fields)

    async def names(**conditions: Any) -> list[str]:
        return [record.content for record in await alice.list(**conditions)]

    await add("jan", occurred_at=JANUARY, tags=["x"], metadata={"n": 1, "s": "10"}, kind="fact")
    await add("feb", occurred_at=FEBRUARY, tags=["x", "y"], metadata={"n": 10, "s": "9"}, kind="decision")
    await add("mar", occurred_at=MARCH, tags=["y"], metadata={"n": 9.5, "none": None}, thread="t", actor="Bob")
    assert await names() == ["mar", "feb", "jan"]
    assert await names(limit=1, offset=1) == ["feb"]
    assert await names(limit=0) == []
    assert await names(kind="fact") == ["jan"]
    assert await names(kind=["fact", "decision"]) == ["feb", "jan"]
    assert await names(tags="x") == ["feb", "jan"]
    assert await names(tags=["x", "y"]) == ["feb"]
    assert await names(since=FEBRUARY) == ["mar", "feb"]
    assert await names(until=FEBRUARY) == ["jan"], "until is exclusive"
    assert await names(since=MARCH, until=JANUARY) == []
    assert await names(thread="t") == await names(actor="Bob") == ["mar"]
    assert await names(tier=store) == ["mar", "feb", "jan"]
    assert await names(tier="long_term") == []
    assert await names(where={"n": {"$gte": 9}}) == ["mar", "feb"], "numbers compare as numbers"
    assert await names(where={"s": {"$lt": "9"}}) == ["jan"], "texts compare as texts"
    assert await names(where={"n": {"$gt": "0"}}) == []
    assert await names(where={"n": {"$in": [1, 10.0]}}) == ["feb", "jan"]
    assert await names(where={"n": {"$ne": 1}}) == ["mar", "feb"]
    assert await names(where={"none": None}) == ["mar"]
    assert await names(where={"n": {"$gt": 1, "$lt": 10}}) == ["mar"]
    assert await names(where={"n": 1, "s": "9"}) == []
    assert {hit.record.content for hit in await alice.recall("jan feb mar", tags="x")} == {"feb", "jan"}
    assert {hit.record.content for hit in await alice.recall("jan feb mar", where={"n": {"$gt": 5}})} == {"mar", "feb"}


async def test_an_expired_record_is_nowhere_and_takes_no_place(
    alice: AsyncScopedMemory, tier: str, problems: Any
) -> None:
    short = timedelta(milliseconds=60)
    plain = await alice.remember("gone in a moment", tier=tier, time_to_live=short)
    named = await alice.remember("gone as well", tier=tier, time_to_live=short, key="k")
    turn = await alice.remember("gone turn", tier=tier, time_to_live=short, thread="t", seq=5)
    await asyncio.sleep(0.1)
    assert await alice.list(include_history=True) == []
    assert await alice.recall("gone in a moment") == []
    assert (await alice.explain("gone in a moment")).cut == ()
    assert (await alice.context("gone in a moment")).text == ""
    assert (await alice.statistics())["records"] == 0
    for name in (plain.id, named.id, turn.id, "k"):
        with pytest.raises(NotFoundError):
            await alice.get(name)
        with pytest.raises(NotFoundError):
            await alice.update(name, pinned=True)
    assert await alice.forget("k") is False
    again = [
        await alice.remember("gone in a moment", tier=tier),
        await alice.remember("new words", tier=tier, key="k"),
        await alice.remember("another turn", tier=tier, thread="t", seq=5),
    ]
    assert not {record.id for record in again} & {plain.id, named.id, turn.id}
    assert [(record.version, record.evidence_count) for record in again] == [(1, 1)] * 3
    assert await problems() == []


async def test_what_is_not_valid_any_more_is_history(alice: AsyncScopedMemory, store: str) -> None:
    await alice.remember("was true in January", tier=store, occurred_at=JANUARY, valid_to=FEBRUARY)
    current = await alice.remember("is true", tier=store, occurred_at=JANUARY)
    assert [record.id for record in await alice.list()] == [current.id]
    assert len(await alice.list(include_history=True)) == 2
    assert [hit.record.id for hit in await alice.recall("true in January")] == [current.id]
    at = await alice.recall("true in January", as_of=JANUARY + timedelta(days=3))
    assert {hit.record.content for hit in at} == {"was true in January", "is true"}


async def test_the_same_content_with_the_same_end_is_one_record(alice: AsyncScopedMemory, store: str) -> None:
    end = datetime(2099, 1, 1, tzinfo=UTC)
    first = await alice.remember("offer runs", tier=store, valid_to=end)
    again = await alice.remember("offer runs", tier=store, valid_to=end)
    assert (again.id, again.evidence_count) == (first.id, 2)


async def test_a_record_without_any_word_is_kept_but_not_counted(
    alice: AsyncScopedMemory, store: str, problems: Any
) -> None:
    for text in ("🎉🎉", "...", "the of and"):
        record = await alice.remember(text, tier=store)
        assert (await alice.get(record.id)).content == text
        await alice.update(record.id, content=f"{text} word")
        await alice.update(record.id, content=text)
        assert await problems() == []
        assert await alice.forget(record.id) is True
        assert await problems() == []


async def test_the_stored_record_is_not_the_callers_object(alice: AsyncScopedMemory, store: str) -> None:
    mine: dict[str, Any] = {"list": [1]}
    record = await alice.remember("words", tier=store, metadata=mine, value=mine)
    mine["list"].append(2)
    read = await alice.get(record.id)
    assert read.metadata == read.value == record.metadata == {"list": [1]}
