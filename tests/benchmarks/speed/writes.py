"""Durable writes, embedding included: one memory, and a thousand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from tests.benchmarks.speed.arena import FLOOR, PEER, Arena
from tests.benchmarks.speed.floor import RawWriter, Rows, rows_of
from tests.benchmarks.speed.measure import Line, Step, compare, race, timed
from tests.benchmarks.speed.stores import Stores, filled, namespace

SINGLE_BARS = {FLOOR: 1.5, PEER: 0.6}
BATCH_BARS = {FLOOR: 2.0, PEER: 0.2}
BATCH = 1000


async def single(arena: Arena) -> list[Line]:
    """One memory, committed."""
    async with _contest(arena, "single") as (stores, last, raw):

        async def ours(number: int) -> float:
            text = stores.texts.sentence()
            last.append((text, []))
            scope = stores.scope(0)

            async def remember() -> None:
                last[-1][1].append((await scope.remember(text)).id)

            return await timed(remember())

        async def peer(number: int) -> float:
            return await timed(stores.peer.aput(namespace(0), f"w{number}", {"text": last[-1][0]}))

        times = await race(
            {"ours": ours, FLOOR: raw, PEER: peer}, steps=arena.sized(100, 10), repeats=arena.sized(5, 3), warm_up=30
        )
    return [compare("remember one", times, name, bar) for name, bar in SINGLE_BARS.items()]


async def batch(arena: Arena) -> list[Line]:
    """A thousand memories, committed."""
    from langgraph.store.base import PutOp

    async with _contest(arena, "batch", copy=True) as (stores, last, raw):
        texts: list[str] = []

        async def ours(number: int) -> float:
            texts[:] = stores.texts.sentences(BATCH)
            last.append(("", []))
            scope = stores.scope(0)

            async def remember() -> None:
                results = await scope.remember_many(texts)
                last[-1][1].extend(result.id for result in results if result.id is not None)

            return await timed(remember())

        async def peer(number: int) -> float:
            puts = [PutOp(namespace(0), f"b{number}-{index}", {"text": text}) for index, text in enumerate(texts)]
            return await timed(stores.peer.abatch(puts))

        contestants: dict[str, Step] = {"ours": ours, FLOOR: raw, PEER: peer}
        times = await race(contestants, steps=arena.sized(3, 1), repeats=arena.sized(5, 3), warm_up=2)
    return [compare(f"remember {BATCH:,}", times, name, bar) for name, bar in BATCH_BARS.items()]


@asynccontextmanager
async def _contest(
    arena: Arena, name: str, *, copy: bool = False
) -> AsyncIterator[tuple[Stores, list[tuple[str, list[UUID]]], Step]]:
    """Stores with some memories in one scope, what ours wrote last, and the raw step, which writes the same rows into
    a twin of our database."""
    last: list[tuple[str, list[UUID]]] = []
    size = arena.sized(10_000, 1_000)
    async with (
        filled(arena, name, scopes=1, per_scope=size, twin=True) as stores,
        arena.raw(name) as source,
        arena.raw(f"{name}_twin") as target,
    ):
        for table in ("records", "embeddings", "postings", "events", "scope_stats"):  # where the owner is no superuser
            await target.execute(f"ALTER TABLE memory_core.{table} DISABLE ROW LEVEL SECURITY")
        writer = RawWriter(target)

        async def raw(number: int) -> float:
            rows: Rows = await rows_of(source, last[-1][1])
            await writer.prepare(rows)
            return await timed(writer.copy(rows) if copy else writer.insert(rows))

        yield stores, last, raw
