"""Whatever is done in whatever order: everything derived agrees with the records."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from memory_core import AsyncMemory, AsyncScopedMemory, ConflictError, NotFoundError

WORDS = ["alpha", "beta", "gamma", "delta", "the", "of", "🎉", "running", "dogs", "Köln"]
SOON = timedelta(milliseconds=40)


def _text(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.choice([1, 2, 3, 40])))


async def _step(chance: random.Random, scope: AsyncScopedMemory, memory: AsyncMemory, known: list[UUID]) -> None:
    what = chance.choice(
        ["remember", "keyed", "device", "turn", "batch", "update", "words", "forget", "purge", "expire"]
    )
    lifetime = SOON if chance.random() < 0.2 else None
    if what == "remember":
        known.append((await scope.remember(_text(chance), time_to_live=lifetime)).id)
    elif what in ("keyed", "device"):
        key = chance.choice("abc")
        policy = "device" if what == "device" else "user"
        known.append((await scope.remember(_text(chance), key=key, policy=policy, time_to_live=lifetime)).id)
    elif what == "turn":
        seq = chance.choice([None, None, chance.randrange(6)])
        try:
            known.append((await scope.remember(_text(chance), thread="t", seq=seq, time_to_live=lifetime)).id)
        except ConflictError:
            assert seq is not None, "a turn without a place of its own finds one"
    elif what == "batch":
        items = [{"content": _text(chance), "level": chance.choice(["user", "tenant"])} for _ in range(5)]
        results = await scope.remember_many([*items, *items[:2], {"content": "x", "thread": "t"}, ""])
        assert [result.status == "error" for result in results] == [False] * 8 + [True]
        known += [result.id for result in results if result.id is not None]
    elif what == "purge":
        await memory.maintain()
    elif known:
        record_id = chance.choice(known)
        try:
            if what == "forget":
                await scope.forget(record_id)
            elif what == "expire":
                await scope.update(record_id, time_to_live=SOON)
            elif what == "words":
                await scope.update(record_id, content=_text(chance))
            else:
                await scope.update(record_id, pinned=True, tags=[chance.choice(WORDS[:4])])
        except (NotFoundError, ConflictError):
            pass


@pytest.mark.parametrize("seed", range(6))
async def test_all_that_is_derived_stays_consistent(memory: AsyncMemory, tenant: str, problems: Any, seed: int) -> None:
    chance = random.Random(seed)
    scope = memory.scope(tenant=tenant, user="u")
    known: list[UUID] = []
    for _ in range(40):
        await _step(chance, scope, memory, known)
    assert await problems() == []
    await asyncio.sleep(0.05)
    await memory.maintain()
    assert await problems() == []
    await scope.forget_many(known)
    await scope.forget_many([record.id for record in await scope.list(include_history=True, limit=1000)])
    assert await scope.list(include_history=True) == []
    assert await problems() == []


@pytest.mark.parametrize("seed", range(3))
async def test_the_same_when_done_at_once(memory: AsyncMemory, tenant: str, problems: Any, seed: int) -> None:
    scope = memory.scope(tenant=tenant, user="u")
    known: list[UUID] = []

    async def one(chance: random.Random) -> None:
        for _ in range(12):
            await _step(chance, scope, memory, known)

    await asyncio.gather(*(one(random.Random(100 * seed + n)) for n in range(5)))
    assert await problems() == []
