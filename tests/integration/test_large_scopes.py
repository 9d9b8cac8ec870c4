"""A scope that has outgrown the exact scan: the approximate index finds the same, at every moment of the way there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from memory_core import AsyncMemory, AsyncScopedMemory
from memory_core.database.vectors import pack_vector

LARGE = 1_000
COUNT = 1_500
NEIGHBOURS = 20
SUBJECTS = ["garden", "invoice", "guitar", "harbour", "vaccine", "bicycle", "novel", "kitchen", "theme", "travel"]
QUESTIONS = [f"what about the {a} and the {b}?" for a in SUBJECTS[:5] for b in SUBJECTS[5:]]


@pytest.fixture
async def growing(empty_database_url: str) -> AsyncIterator[AsyncMemory]:
    """A store in which a scope counts as large from 1,000 records on; Alice has 1,500 and Bob 50."""
    async with AsyncMemory.session(empty_database_url, large_scope_records=LARGE) as memory:
        items = [
            {"content": f"{SUBJECTS[n % 10]} {SUBJECTS[n // 10 % 10]} {SUBJECTS[n // 100 % 10]} case {n}",
             "tags": [f"tenth-{n % 10}"], "metadata": {"n": n}}
            for n in range(COUNT)
        ]  # fmt: skip
        assert {result.status for result in await memory.scope(user="alice").remember_many(items)} == {"created"}
        await memory.scope(user="bob").remember_many([f"Bob's {subject} {n}" for n, subject in enumerate(SUBJECTS * 5)])
        yield memory


async def near(scope: AsyncScopedMemory, question: str) -> set[UUID]:
    """What the vector arm alone finds."""
    hits = await scope.recall(question, arms=["vector"], signals=False, limit=NEIGHBOURS)
    return {hit.record.id for hit in hits}


async def look(memory: AsyncMemory) -> dict[str, Any]:
    """How far the move is, as the owner sees it."""
    async with memory._opened.database.owner() as connection:
        return dict(
            await connection.fetchrow("""
                SELECT (SELECT count(*) FROM memory_core.embeddings WHERE large) AS vectors,
                       (SELECT count(*) FROM memory_core.scopes WHERE large) AS scopes,
                       (SELECT count(*) FROM memory_core.embeddings e JOIN memory_core.scopes s
                        USING (tenant_id, scope_id) WHERE s.large AND NOT e.large) AS stranded""")
        )


def overlap(before: list[set[UUID]], after: list[set[UUID]]) -> float:
    shares = [len(old & new) / len(old) for old, new in zip(before, after, strict=True)]
    return sum(shares) / len(shares)


async def test_the_large_index_finds_what_the_exact_scan_found(growing: AsyncMemory, empty_database_url: str) -> None:
    alice, bob = growing.scope(user="alice"), growing.scope(user="bob")
    exact = [await near(alice, question) for question in QUESTIONS]
    assert {len(found) for found in exact} == {NEIGHBOURS}

    report = await growing.maintain()
    assert report.vectors_moved >= COUNT
    assert await look(growing) == {"vectors": COUNT, "scopes": 1, "stranded": 0}
    assert (await growing.maintain()).vectors_moved == 0

    approximate = [await near(alice, question) for question in QUESTIONS]
    assert {len(found) for found in approximate} == {NEIGHBOURS}
    assert overlap(exact, approximate) >= 0.9
    assert await used_index(growing, empty_database_url)

    # what is written from now on is in the index at once
    record = await alice.remember("A platypus lays eggs", key="platypus")
    assert record.id in await near(alice, "platypus eggs")
    record = await alice.update("platypus", content="A hedgehog sleeps all winter")
    assert record.id in await near(alice, "hedgehog in winter")
    record = await alice.remember("An axolotl never grows up", key="platypus")
    assert record.id in await near(alice, "axolotl growing up")
    assert await alice.forget("platypus")
    assert record.id not in await near(alice, "axolotl growing up")
    assert (await look(growing))["stranded"] == 0

    # conditions are kept exactly, however few records meet them
    conditions: list[tuple[dict[str, Any], Callable[[int], bool]]] = [
        ({"tags": "tenth-3"}, lambda n: n % 10 == 3),
        ({"where": {"n": {"$lt": 5}}}, lambda n: n < 5),
    ]
    for condition, right in conditions:
        hits = await alice.recall("what about the guitar?", arms=["vector"], limit=50, **condition)
        assert len(hits) == min(50, sum(right(n) for n in range(COUNT)))
        assert all(right(hit.record.metadata["n"]) for hit in hits)

    # a small scope on its own stays exact, and nobody sees the large one from beside it
    assert len(await bob.recall("Bob's guitar", arms=["vector"], limit=50)) == 50
    assert {hit.record.scope.user for hit in await bob.recall("guitar", limit=100)} == {"bob"}


async def used_index(memory: AsyncMemory, url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        vectors = (
            "SELECT nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'vector'"
        )
        schema = await connection.fetchval(vectors)
        await connection.set_type_codec("halfvec", schema=schema, encoder=bytes, decoder=bytes, format="binary")
        model = memory._indexing.model_id
        async with connection.transaction():
            await connection.fetch("SELECT memory_core.bind('default', 'alice', NULL, NULL, NULL)")
            vector = pack_vector([1.0] + [0.0] * 255)
            await connection.fetch("SELECT * FROM memory_core.nearest($1, 256, $2, 20, NULL)", model, vector)
            return bool(
                await connection.fetchval(
                    "SELECT pg_stat_get_xact_numscans(to_regclass('memory_core.embeddings_hnsw_' || $1)) > 0",
                    str(model),
                )
            )
    finally:
        await connection.close()


async def test_a_large_and_a_small_scope_answer_together(growing: AsyncMemory) -> None:
    await growing.maintain()
    seen_with = growing.scope(user="alice", session="s-1")
    own = await seen_with.remember("The meeting moved to the lighthouse", level="session", policy="user")
    assert own.id in await near(seen_with, "meeting at the lighthouse")
    hits = await seen_with.recall("garden invoice guitar", arms=["vector"], limit=50)
    assert len(hits) == 50
    shared = growing.scope(user="alice", team="red")
    note = await shared.remember("The team meets on Mondays", level="team")
    assert note.id in await near(shared, "when does the team meet?")
    assert (await look(growing))["scopes"] == 1


async def test_recall_is_right_while_vectors_move_and_writers_write(growing: AsyncMemory) -> None:
    alice = growing.scope(user="alice")
    exact = [await near(alice, question) for question in QUESTIONS]
    written: list[tuple[str, UUID]] = []
    done = asyncio.Event()

    async def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            word = f"zebra{number}"
            written.append((word, (await alice.remember(f"{word} crossing", key=f"z{number % 4}")).id))
            assert written[-1][1] in await near(alice, f"{word} crossing")

    async def read() -> list[set[UUID]]:
        found = []
        while not done.is_set():
            found = [await near(alice, question) for question in QUESTIONS]
            assert overlap(exact, found) >= 0.9
        return found

    async def move() -> None:
        """Two workers at once."""
        await asyncio.gather(growing.maintain(), growing.maintain())
        done.set()

    await asyncio.gather(write(), read(), move())
    await growing.maintain()
    state = await look(growing)
    assert (state["scopes"], state["stranded"]) == (1, 0)
    assert state["vectors"] == COUNT + min(len(written), 4)


async def test_a_large_scope_survives_a_change_of_models(growing: AsyncMemory) -> None:
    await growing.maintain()

    def letters(texts: list[str]) -> list[list[float]]:
        return [[text.lower().count(letter) + 0.01 for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]

    await growing.reembed(letters)
    assert await look(growing) == {"vectors": COUNT, "scopes": 1, "stranded": 0}
    alice = growing.scope(user="alice")
    hits = await alice.recall("garden invoice guitar case 210", arms=["vector"], limit=5)
    assert len(hits) == 5
