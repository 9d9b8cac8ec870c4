"""Stores filled with the same memories for all contestants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from memory_core import AsyncMemory, AsyncScopedMemory
from tests.benchmarks.speed.arena import TENANT, Arena, peer_store
from tests.benchmarks.speed.texts import Texts

PEER_INDEX = "store_vectors_embedding_idx"


@dataclass(frozen=True, slots=True)
class Stores:
    """Our store and the peer's, open, with the same contents.

    Attributes:
        name: Our database; a twin for raw writes is ``<name>_twin``.
        memory: Ours.
        peer: LangGraph's.
        contents: By scope, its texts; the key of a text is ``m`` and its number.
        texts: Where more of the kind come from.
    """

    name: str
    memory: AsyncMemory
    peer: Any
    contents: list[list[str]]
    texts: Texts

    def scope(self, number: int) -> AsyncScopedMemory:
        """Our view of a scope."""
        return self.memory.scope(tenant=TENANT, user=f"u{number}")


def namespace(number: int) -> tuple[str, ...]:
    """The peer's name of a scope."""
    return (TENANT, f"u{number}")


@asynccontextmanager
async def filled(
    arena: Arena, name: str, *, scopes: int, per_scope: int, twin: bool = False, fill_peer: bool = True
) -> AsyncIterator[Stores]:
    """Fills new databases, lets them settle, and opens them.

    Args:
        arena: Where.
        name: What to call them.
        scopes: Number of scopes.
        per_scope: Memories in each.
        twin: True to make a copy of our database for raw writes.
        fill_peer: False to leave the peer's store empty.
    """
    texts = Texts()
    contents = [texts.sentences(per_scope) for _ in range(scopes)]
    url = await arena.prepare_ours(name)
    peer_url = await arena.create(f"{name}_peer")
    async with AsyncMemory.session(url) as memory:
        for number, sentences in enumerate(contents):
            items = [{"content": text, "key": f"m{index}"} for index, text in enumerate(sentences)]
            results = await memory.scope(tenant=TENANT, user=f"u{number}").remember_many(items)
            assert all(result.status == "created" for result in results)
    if twin:
        await arena.settle(name)
        await arena.create(f"{name}_twin", template=name)
    async with peer_store(peer_url, arena.embedder) as peer:
        if fill_peer:
            await _fill_peer(arena, f"{name}_peer", peer, contents)
    await arena.settle(name, f"{name}_peer")
    async with AsyncMemory.session(url) as memory, peer_store(peer_url, arena.embedder) as peer:
        yield Stores(name, memory, peer, contents, texts)
    for made in (name, f"{name}_peer", *([f"{name}_twin"] if twin else [])):
        await arena.drop(made)


async def _fill_peer(arena: Arena, database: str, peer: Any, contents: list[list[str]]) -> None:
    """Fills the peer's store through its own interface; its HNSW index is built afterwards, which is faster."""
    from langgraph.store.base import PutOp

    async with arena.raw(database) as connection:
        definition = await connection.fetchval("SELECT pg_get_indexdef($1::regclass)", PEER_INDEX)
        await connection.execute(f"DROP INDEX {PEER_INDEX}")
        puts = [
            PutOp(namespace(number), f"m{index}", {"text": text})
            for number, sentences in enumerate(contents)
            for index, text in enumerate(sentences)
        ]
        for start in range(0, len(puts), 1000):
            await peer.abatch(puts[start : start + 1000])
        await connection.execute("SET maintenance_work_mem = '1GB'")
        await connection.execute(definition)
