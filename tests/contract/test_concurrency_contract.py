"""Many tasks at once on one record, one key, one thread."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from memory_core import AsyncMemory, AsyncScopedMemory, ConflictError

TASKS = 20


@pytest.fixture(params=["session", "permanent"])
def store(request: pytest.FixtureRequest) -> str:
    """One tier of each implementation."""
    return str(request.param)


async def test_the_same_content_at_once_is_one_record(alice: AsyncScopedMemory, store: str, problems: Any) -> None:
    made = await asyncio.gather(*(alice.remember("said by all", tier=store) for _ in range(TASKS)))
    assert len({record.id for record in made}) == 1
    assert [record.evidence_count for record in await alice.list()] == [TASKS]
    assert await problems() == []


async def test_one_of_many_wins_a_compare_and_set(alice: AsyncScopedMemory, store: str, problems: Any) -> None:
    record = await alice.remember("contested", tier=store)
    outcomes = await asyncio.gather(
        *(alice.update(record.id, content=f"mine {n}", if_version=1) for n in range(TASKS)), return_exceptions=True
    )
    lost = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(lost) == TASKS - 1
    assert all(isinstance(error, ConflictError) and not error.retryable for error in lost)
    final = await alice.get(record.id)
    assert final.version == 2
    assert [outcome.content for outcome in outcomes if not isinstance(outcome, BaseException)] == [final.content]
    assert await problems() == []


async def test_every_update_without_a_condition_counts(alice: AsyncScopedMemory, store: str, problems: Any) -> None:
    record = await alice.remember("counted", tier=store)
    made = await asyncio.gather(*(alice.update(record.id, metadata={"n": n}) for n in range(TASKS)))
    assert sorted(changed.version for changed in made) == list(range(2, TASKS + 2))
    assert await problems() == []


async def test_turns_at_once_get_a_place_each(alice: AsyncScopedMemory, store: str, problems: Any) -> None:
    single = [alice.remember("yes", thread="t", tier=store) for _ in range(TASKS)]
    batches = [alice.remember_many(["well"] * 5, thread="t", tier=store) for _ in range(4)]
    done = await asyncio.gather(*single, *batches)
    assert all(r.status == "created" for batch in done[TASKS:] for r in batch)  # type: ignore[union-attr]
    turns = await alice.list(thread="t")
    assert sorted(turn.seq for turn in turns) == list(range(TASKS + 20)), "no place twice, none left out"  # type: ignore[type-var]
    assert await problems() == []


async def test_one_key_written_at_once(alice: AsyncScopedMemory, store: str, problems: Any) -> None:
    await asyncio.gather(*(alice.remember(f"value {n}", key="k", tier=store) for n in range(TASKS)))
    (record,) = await alice.list()
    assert record.version == TASKS
    assert await problems() == []


async def test_a_device_toggled_at_once_has_one_state(alice: AsyncScopedMemory, problems: Any) -> None:
    await asyncio.gather(*(alice.remember(f"state {n % 2}", key="k", policy="device") for n in range(TASKS)))
    assert len(await alice.list()) == 1
    history = await alice.list(include_history=True, limit=100)
    assert sum(record.evidence_count for record in history) == TASKS
    assert await problems() == []


async def test_a_record_is_forgotten_once(alice: AsyncScopedMemory, store: str, problems: Any) -> None:
    record = await alice.remember("once", tier=store)
    done = await asyncio.gather(*(alice.forget(record.id) for _ in range(TASKS)))
    assert Counter(done) == {True: 1, False: TASKS - 1}
    assert await problems() == []


async def test_update_against_forget(alice: AsyncScopedMemory, store: str, problems: Any) -> None:
    """Either order is fine; half a record is not."""
    from memory_core import NotFoundError

    for n in range(10):
        record = await alice.remember(f"short life {n}", tier=store)
        changed, gone = await asyncio.gather(
            alice.update(record.id, content=f"new words {n}"), alice.forget(record.id), return_exceptions=True
        )
        assert gone is True
        assert not isinstance(changed, BaseException) or isinstance(changed, NotFoundError)
    assert await alice.list() == []
    assert await problems() == []


async def test_batches_in_opposite_order_do_not_block_each_other(alice: AsyncScopedMemory, problems: Any) -> None:
    names = [f"shared text {n}" for n in range(30)]
    await asyncio.gather(*(alice.remember_many(names if n % 2 else names[::-1]) for n in range(8)))
    assert [record.evidence_count for record in await alice.list(limit=100)] == [8] * 30
    assert await problems() == []


async def test_two_processes_worth_of_pools_make_one_scope(database_url: str, tenant: str) -> None:
    async with AsyncMemory.session(database_url) as one, AsyncMemory.session(database_url) as two:
        scopes = [memory.scope(tenant=tenant, user="new") for memory in (one, two)] * 5
        made = await asyncio.gather(*(scope.remember("first words") for scope in scopes))
        assert len({record.id for record in made}) == 1
