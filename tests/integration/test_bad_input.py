"""What callers get wrong: a typed error that says what to do, and nothing half-written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from memory_core import AsyncMemory, AsyncScopedMemory, InvalidRequestError, NotFoundError

NAN, INFINITE = float("nan"), float("inf")
NAIVE = datetime(2026, 1, 1)
TOO_EARLY = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
LONG = "x" * 100_001
NUL, SURROGATE = "a\x00b", "a\ud800b"
DEEP: list[Any] = []
for _ in range(70):
    DEEP = [DEEP]

# Field by field, what ``remember`` refuses.
BAD_FIELDS: list[tuple[str, Any]] = [
    *(("content", bad) for bad in ("", " \n\t", LONG, NUL, SURROGATE, 5, b"bytes", ["a"])),
    *(("key", bad) for bad in ("", " ", "k" * 513, "ü" * 300, NUL, SURROGATE, 5, uuid4())),
    *(("tags", bad) for bad in ("one", 5, None, [""], [NUL], [SURROGATE], [5], {"a": 1}, [str(n) for n in range(65)])),
    *(
        ("metadata", bad)
        for bad in ("text", [1], {"a": NAN}, {"a": [INFINITE]}, {1: "a"}, {"a": NUL}, {"a": SURROGATE})
    ),
    *(("metadata", bad) for bad in ({NUL: 1}, {"a": object()}, {"a": {1, 2}}, {"a": 2**64}, {"a": DEEP})),
    *(("metadata", bad) for bad in ({"a": "x" * 1_000_001}, {"a": datetime.now(UTC)}, {"a": b"x"})),
    *(("value", bad) for bad in (NAN, {"a": -INFINITE}, NUL, SURROGATE, object(), [2**70], DEEP, "x" * 1_000_001)),
    *(("source", bad) for bad in ("", NUL, SURROGATE, 5, "s" * 513)),
    *(("kind", bad) for bad in ("no such kind", 5, [], "Semantic")),
    *(("tier", bad) for bad in ("forever", 5, [])),
    *(("policy", bad) for bad in ("no such policy", 5, ["user"])),
    *(("level", bad) for bad in ("planet", 5, [], "global", "team")),
    *(("importance", bad) for bad in (-0.1, 1.1, NAN, INFINITE, "0.5", True, None)),
    *(("confidence", bad) for bad in (-0.1, 1.1, NAN, "0.5", True)),
    *(("boost", bad) for bad in (0, 0.05, 10.1, NAN, INFINITE, "1", True)),
    *(("pinned", bad) for bad in (1, "yes", None)),
    *(("time_to_live", bad) for bad in (60, "1h", timedelta(0), timedelta(seconds=-1), timedelta.max)),
    *(("occurred_at", bad) for bad in (NAIVE, "2026-01-01", 1_700_000_000, NAIVE.date(), TOO_EARLY)),
    *(("valid_from", bad) for bad in (NAIVE, "yesterday", TOO_EARLY)),
    *(("valid_to", bad) for bad in (NAIVE, 5, datetime(2000, 1, 1, tzinfo=UTC))),
    *(("thread", bad) for bad in ("", NUL, SURROGATE, 5, "t" * 513)),
    *(("seq", bad) for bad in (0, 3)),  # without a thread
    *(("actor", bad) for bad in ("", NUL, SURROGATE, 5)),
    *(("role", bad) for bad in ("bot", "", 5, [])),
]
UPDATABLE = {
    *("content", "value", "kind", "tier", "tags", "source", "importance", "confidence", "boost", "pinned", "metadata"),
    *("occurred_at", "time_to_live", "valid_from", "valid_to"),
}


@pytest.fixture
async def unchanged(database_url: str, memory: AsyncMemory) -> AsyncIterator[None]:
    """Fails the test if any table of the open store has another number of rows afterwards."""
    await memory.health()
    connection = await asyncpg.connect(database_url)
    tables = await connection.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'memory_core'::regnamespace AND relkind = 'r'")  # fmt: skip # noqa: E501
    counts = " UNION ALL ".join(f"SELECT '{row[0]}', count(*) FROM memory_core.{row[0]}" for row in tables)
    before = await connection.fetch(counts)
    yield
    assert await connection.fetch(counts) == before
    await connection.close()


def refused(error: BaseException | None, field: str) -> bool:
    """A typed error that names the field, in words or in its details."""
    return isinstance(error, InvalidRequestError) and (field in str(error) or field in str(error.details.get("field")))


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("tier", ["session", "permanent"])
async def test_remember_refuses(alice: AsyncScopedMemory, tier: str) -> None:
    results = await alice.remember_many([{"content": "fine", "tier": tier, name: bad} for name, bad in BAD_FIELDS])
    for (name, bad), result in zip(BAD_FIELDS, results, strict=True):
        assert (result.status, result.id, result.version) == ("error", None, None), (name, repr(bad)[:40])
        assert refused(result.error, name), (name, repr(bad)[:40], result.error)
    for name, bad in BAD_FIELDS:
        arguments: dict[str, Any] = {"content": "fine", "tier": tier} | {name: bad}
        with pytest.raises(InvalidRequestError) as caught:
            await alice.remember(**arguments)
        assert refused(caught.value, name)
    with pytest.raises(InvalidRequestError, match="content is missing"):
        await alice.remember(tier=tier)
    for seq in (-1, 2**24, True, 1.0, "1"):
        with pytest.raises(InvalidRequestError, match="seq"):
            await alice.remember("fine", tier=tier, thread="t", seq=seq)  # type: ignore[arg-type]
    assert await alice.list() == []


@pytest.mark.parametrize("tier", ["session", "permanent"])
async def test_update_refuses(alice: AsyncScopedMemory, tier: str) -> None:
    record = await alice.remember("fine", tier=tier, occurred_at=datetime(2025, 1, 1, tzinfo=UTC))
    before = await alice.get(record.id)
    for name, bad in BAD_FIELDS:
        if name in UPDATABLE and not (name == "metadata" and bad is None):
            with pytest.raises(InvalidRequestError) as caught:
                await alice.update(record.id, **{name: bad})
            assert refused(caught.value, name), (name, repr(bad)[:40])
    for arguments in (
        {},
        {"expires_at": NAIVE},
        {"valid_from": datetime(2030, 1, 1, tzinfo=UTC), "valid_to": TOO_EARLY},
    ):
        with pytest.raises(InvalidRequestError):
            await alice.update(record.id, **arguments)  # type: ignore[arg-type]
    for version in (0, -1, True, 1.0, "1", 2**31):
        with pytest.raises(InvalidRequestError, match="if_version"):
            await alice.update(record.id, pinned=True, if_version=version)  # type: ignore[arg-type]
    for unknown in (None, 5, "", NUL, str):
        with pytest.raises(InvalidRequestError, match="key"):
            await alice.update(unknown, pinned=True)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        await alice.update(uuid4(), pinned=True)
    after = await alice.get(record.id)
    assert (after.content, after.version, after.metadata) == (before.content, 1, before.metadata)


async def test_unknown_keywords(alice: AsyncScopedMemory) -> None:
    for call in (alice.remember, alice.add_turn, alice.recall, alice.context):
        with pytest.raises(TypeError, match="lable"):
            await call("text", lable="x")  # type: ignore[operator]
    with pytest.raises(TypeError, match="lable"):
        await alice.list(lable="x")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="lable"):
        await alice.update("k", lable="x")  # type: ignore[call-arg]
    for shared in ({"lable": "x"}, {"scope": "other"}, {"policies": {}}):
        with pytest.raises(InvalidRequestError, match=next(iter(shared))):
            await alice.remember_many(["text"], **shared)
    with pytest.raises(InvalidRequestError, match="lable"):
        await alice.explain("text", lable="x")


BAD_CONDITIONS: list[dict[str, Any]] = [
    *({"kind": bad} for bad in ("no such kind", 5, ["fact", "x"], {"fact": 1})),
    *({"tier": bad} for bad in ("forever", 5)),
    *({"tags": bad} for bad in (5, [5], "", [""], NUL, [SURROGATE])),
    *({"since": bad} for bad in (NAIVE, "2026", TOO_EARLY)),
    *({"until": bad} for bad in (NAIVE, 5)),
    *({"where": bad} for bad in ("n > 1", {"n": {"$regex": "x"}}, {"n": NAN}, {"n": {"$lt": None}}, {1: 2}, {"": 1})),
    *({"where": bad} for bad in ({"n": {"$in": "ab"}}, {"n": SURROGATE}, {"n": {"$gt": 1, "lt": 2}})),
    *({"thread": bad} for bad in ("", 5, NUL)),
    *({"actor": bad} for bad in ("", 5, SURROGATE)),
    *({"limit": bad} for bad in (-1, 10_001, True, 1.5, "5", None)),
]
BAD_QUESTIONS: list[dict[str, Any]] = [
    *({"as_of": bad} for bad in (NAIVE, "now", TOO_EARLY)),
    *({"now": bad} for bad in (NAIVE, 5)),
    *({"arms": bad} for bad in ((), ["lexical", "psychic"], 5, "lexical", [5])),
    *({"signals": bad} for bad in ("no", 1, None)),
    *({"query": bad} for bad in (None, 5, b"text", ["text"])),
]


@pytest.mark.parametrize("bad", BAD_CONDITIONS, ids=lambda bad: repr(bad)[:40])
async def test_conditions_refused_by_every_read(alice: AsyncScopedMemory, bad: dict[str, Any]) -> None:
    for call in (alice.list(**bad), alice.recall("text", **bad), alice.explain("text", **bad)):
        with pytest.raises(InvalidRequestError) as caught:
            await call
        assert refused(caught.value, next(iter(bad)))


@pytest.mark.parametrize("bad", BAD_QUESTIONS, ids=repr)
async def test_questions_refused(alice: AsyncScopedMemory, bad: dict[str, Any]) -> None:
    for call in (alice.recall, alice.explain):
        with pytest.raises(InvalidRequestError, match=next(iter(bad))):
            await call(**{"query": "text", **bad})  # type: ignore[operator]


async def test_other_calls(alice: AsyncScopedMemory) -> None:
    async def fails(call: Any, match: str) -> None:
        with pytest.raises(InvalidRequestError, match=match):
            await call

    for budget in (0, -1, True, 1.5, "5", None):
        await fails(alice.context("task", budget_tokens=budget), "budget_tokens")  # type: ignore[arg-type]
    for task in (None, 5, ["task"]):
        await fails(alice.context(task), "task")  # type: ignore[arg-type]
        await fails(alice.run(task).__aenter__(), "task")  # type: ignore[arg-type]
    for metadata in (5, {"a": NAN}, {1: 2}):
        await fails(alice.run("task", metadata=metadata).__aenter__(), "metadata")  # type: ignore[arg-type]
    for after in (-1, 2**63, "5", True, 1.5):
        await fails(alice.events(after=after), "after")  # type: ignore[arg-type]
    for limit in (-1, 10_001, True):
        await fails(alice.events(limit=limit), "limit")
    for offset in (-1, 2**31, True, "1"):
        await fails(alice.list(offset=offset), "offset")  # type: ignore[arg-type]
    await fails(alice.forget_many(["text"]), "ids")  # type: ignore[list-item]
    await fails(alice.forget_many("text"), "ids")  # type: ignore[arg-type]
    for key in (None, 5, "", NUL, SURROGATE):
        await fails(alice.get(key), "key")  # type: ignore[arg-type]
        await fails(alice.forget(key), "key")  # type: ignore[arg-type]
    assert await alice.list() == []
    await alice.remember("hot", tier="session")
    assert await alice.list(offset=2**31 - 1, limit=10_000) == []


@pytest.mark.parametrize("label", ["tenant", "user", "agent", "session", "team"])
def test_scopes_refused(memory: AsyncMemory, label: str) -> None:
    for bad in ("", " ", NUL, SURROGATE, 5, "x" * 513, "🎉" * 129, b"x", ["x"]):
        with pytest.raises(InvalidRequestError, match=label):
            memory.scope(**{label: bad})  # type: ignore[arg-type]


def test_a_scope_is_never_implied(memory: AsyncMemory) -> None:
    with pytest.raises(InvalidRequestError, match="at least one of"):
        memory.scope()
    with pytest.raises(TypeError, match="lable"):
        memory.scope(lable="x")  # type: ignore[call-arg]
    with pytest.raises(InvalidRequestError, match="global_scope"):
        memory.scope(tenant="", user="alice")


async def test_the_longest_of_everything_fits(memory: AsyncMemory) -> None:
    long = {name: (name[0] + uuid4().hex * 16)[:512] for name in ("tenant", "user", "agent", "session")}
    scope = memory.scope(**long)
    for tier in ("session", "permanent"):
        record = await scope.remember(
            "ü" * 100_000, level="session", tier=tier, key="🎉" * 128, thread="t" * 512, actor="a" * 512,
            tags=[f"{n:0512}" for n in range(64)], source="s" * 512, metadata={"m": "x" * 999_980},
            value=[-(2**63), 2**64 - 1, 1e308, 5e-324],
        )  # fmt: skip
        read = await scope.get(record.id)
        assert (read.content, read.value, read.tags) == (record.content, record.value, record.tags)
        assert await scope.forget(record.id)
