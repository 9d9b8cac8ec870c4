"""Another embedding model for a store in use: nothing is lost, nothing stands still, and nobody mixes two models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from zlib import crc32

import asyncpg
import numpy as np
import pytest

from memory_core import AsyncMemory, ConflictError, DataError


class Hashing:
    """Words hashed into a vector: a stand-in for any other model, of any dimension."""

    def __init__(self, dimensions: int, name: str = "hashing") -> None:
        self.name = f"{name}-{dimensions}"
        self.dimensions = dimensions
        self.delay = 0.0
        self.left = 10**9

    async def embed(self, texts: list[str]) -> np.ndarray[Any, Any]:
        await asyncio.sleep(self.delay)
        self.left -= 1
        if self.left < 0:
            raise ConnectionAbortedError("the model went away")
        rows = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[crc32(word.encode()) % self.dimensions] += 1
        return rows


@asynccontextmanager
async def stored_vectors(url: str) -> AsyncIterator[Callable[[], Any]]:
    """Tells which models have vectors, how many, and how many records lack one of the active model's."""
    connection = await asyncpg.connect(url)

    async def look() -> tuple[dict[str, int], int]:
        vectors = await connection.fetch("""
            SELECT coalesce(m.name, 'no model'), count(*) FROM memory_core.embeddings e
            LEFT JOIN memory_core.embedding_models m USING (model_id) GROUP BY 1""")
        lacking = await connection.fetchval("""
            SELECT count(*) FROM memory_core.records r WHERE NOT EXISTS (
                SELECT FROM memory_core.embeddings e JOIN memory_core.embedding_models m USING (model_id)
                WHERE m.state = 'active' AND e.tenant_id = r.tenant_id AND e.pos = r.pos AND e.scope_id = r.scope_id
                  AND coalesce(e.embedding, e.wide) IS NOT NULL)""")
        return dict(vectors), lacking

    try:
        yield look
    finally:
        await connection.close()


def notes(count: int) -> Iterator[str]:
    return (f"note {number} about topic{number}" for number in range(count))


@pytest.mark.parametrize("dimensions", [64, 1536])
async def test_reads_and_writes_go_on_while_the_model_changes(empty_database_url: str, dimensions: int) -> None:
    model = Hashing(dimensions)
    async with AsyncMemory.session(empty_database_url) as memory, stored_vectors(empty_database_url) as look:
        alice = memory.scope(tenant="one", user="alice")
        bob = memory.scope(tenant="two", user="bob")
        await alice.remember_many(notes(700))
        await bob.remember_many(notes(10))
        kept_hot = await alice.remember("a topic3 for this session only", tier="ephemeral")
        changing = asyncio.Event()
        refused: set[str] = set()

        async def use() -> int:
            """What one user does all the time; from the switch on for a moment the old model is refused, no more."""
            rounds = 0
            while not changing.is_set() or rounds == 0:
                try:
                    await alice.remember(f"written meanwhile, round {rounds}", key=f"round {rounds % 5}")
                    hits = await alice.recall("topic42", arms=["vector"], limit=5)
                    assert len(hits) == 5
                except DataError as error:
                    refused.add(str(error))
                rounds += 1
            return rounds

        task = asyncio.create_task(use())
        seen: list[tuple[int, int]] = []
        model.delay = 0.05
        assert await memory.reembed(model, progress=lambda done, total: seen.append((done, total))) >= 710
        changing.set()
        written = min(await task, 5)
        assert all("re-embedded" in message for message in refused)

        assert seen == sorted(seen)
        assert seen[-1][0] == seen[-1][1]
        counts, lacking = await look()
        assert counts == {model.name: 710 + written}
        assert lacking == 0
        for scope in (alice, bob):  # the views that were handed out before go on
            hits = await scope.recall("note 7 about topic7", arms=["vector"], limit=10)
            assert "note 7 about topic7" in [hit.record.content for hit in hits]
        assert kept_hot.id in {hit.record.id for hit in await alice.recall("topic3 session", limit=50)}
        assert (await alice.remember("written after", key="after")).version == 1
        assert (await look())[1] == 0
        assert await memory.reembed(model) == 0


async def test_a_store_opened_with_another_model_names_the_command(empty_database_url: str) -> None:
    async with AsyncMemory.session(empty_database_url):
        pass
    with pytest.raises(DataError, match=r"wordllama.*not from hashing-64.*memory-core reembed"):
        await AsyncMemory.open(empty_database_url, embedder=Hashing(64))


async def test_a_process_with_the_old_model_is_told_and_writes_nothing(empty_database_url: str) -> None:
    model = Hashing(64)
    async with AsyncMemory.session(empty_database_url) as memory, AsyncMemory.session(empty_database_url) as stale:
        record = await memory.scope(user="alice").remember("The wifi password is on the fridge", key="wifi")
        await memory.reembed(model)
        behind = stale.scope(user="alice")
        for call in (
            behind.recall("where is the wifi password?"),
            behind.remember("from the past"),
            behind.remember("a new value from the past", key="wifi"),
            behind.update("wifi", content="changed from the past"),
        ):
            with pytest.raises(DataError, match="open it again with that embedder"):
                await call
        assert (await behind.get("wifi")).content == record.content  # what needs no model still works
        assert (await behind.update("wifi", tags=["home"])).tags == ("home",)
        async with stored_vectors(empty_database_url) as look:
            assert await look() == ({model.name: 1}, 0)
        async with AsyncMemory.session(empty_database_url, embedder=model) as again:
            assert [hit.record.id for hit in await again.scope(user="alice").recall("wifi")] == [record.id]


async def test_writers_in_flight_at_the_switch_leave_no_record_without_a_vector(empty_database_url: str) -> None:
    async with AsyncMemory.session(empty_database_url) as memory, stored_vectors(empty_database_url) as look:
        for step, dimensions in enumerate((32, 48, 1300, 64)):
            current = memory._indexing.embedder
            stale = await AsyncMemory.open(empty_database_url, embedder=current)
            stop = asyncio.Event()

            async def write(name: str, opened: AsyncMemory = stale, stop: asyncio.Event = stop) -> None:
                scope = opened.scope(user=name)
                number = 0
                while not stop.is_set():
                    number += 1
                    try:
                        await scope.remember(f"value {number} of {name}", key=f"key {number % 3}")
                        await scope.remember_many([f"thing {number}-{i} of {name}" for i in range(5)])
                        await scope.forget(f"key {number % 3}")
                    except DataError:
                        return

            writers = [asyncio.create_task(write(f"user {step} {n}")) for n in range(4)]
            await asyncio.sleep(0.1)
            await memory.reembed(Hashing(dimensions))
            stop.set()
            await asyncio.gather(*writers)
            await stale.close()
            counts, lacking = await look()
            assert lacking == 0
            assert set(counts) == {f"hashing-{dimensions}"}
            async with owner(empty_database_url) as connection:
                assert await connection.fetchval("SELECT count(*) FROM memory_core.records") == sum(counts.values())


@asynccontextmanager
async def owner(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def test_an_interrupted_change_continues_and_serves_reads_meanwhile(empty_database_url: str) -> None:
    async with AsyncMemory.session(empty_database_url) as memory, stored_vectors(empty_database_url) as look:
        alice = memory.scope(user="alice")
        await alice.remember_many(notes(1200))
        broken = Hashing(64)
        broken.left = 2
        with pytest.raises(ConnectionAbortedError):
            await memory.reembed(broken)
        old = memory._indexing.embedder.name
        assert await look() == ({old: 1200, "hashing-64": 1000}, 0)
        assert (await alice.recall("topic9 note", limit=1))[0].record.content.endswith("topic9")
        await alice.update((await alice.recall("topic5", limit=1))[0].record.id, content="changed meanwhile")

        with pytest.raises(ConflictError, match=r"re-embedded with hashing-64"):
            await memory.reembed(Hashing(96))
        progress: list[tuple[int, int]] = []
        await memory.reembed(Hashing(64), progress=lambda done, total: progress.append((done, total)))
        assert progress[0][0] > 1000
        assert await look() == ({"hashing-64": 1200}, 0)
        assert (await alice.recall("changed meanwhile", arms=["vector"]))[0].record.content == "changed meanwhile"


async def test_two_processes_may_change_the_model_at_once(empty_database_url: str) -> None:
    async with AsyncMemory.session(empty_database_url) as one, AsyncMemory.session(empty_database_url) as two:
        await one.scope(user="alice").remember_many(notes(600))
        await asyncio.gather(one.reembed(Hashing(64)), two.reembed(Hashing(64)))
        async with stored_vectors(empty_database_url) as look:
            assert await look() == ({"hashing-64": 600}, 0)
        for memory in (one, two):
            assert await memory.scope(user="alice").recall("topic3")


async def test_a_text_the_new_model_sees_nothing_in_is_found_by_its_words(empty_database_url: str) -> None:
    class Blind(Hashing):
        async def embed(self, texts: list[str]) -> np.ndarray[Any, Any]:
            rows = await super().embed(texts)
            rows[["secret" in text for text in texts]] = 0
            return rows

    async with AsyncMemory.session(empty_database_url) as memory:
        alice = memory.scope(user="alice")
        await alice.remember_many(["a secret garden", "a public garden", "🙂🙂🙂"])
        await memory.reembed(Blind(64))
        async with stored_vectors(empty_database_url) as look:
            assert (await look())[0]["hashing-64"] in (1, 2)
        hits = await alice.recall("secret garden")
        assert [hit.record.content for hit in hits][:2] == ["a secret garden", "a public garden"]
        assert all(0 <= hit.score <= 1 for hit in hits)
