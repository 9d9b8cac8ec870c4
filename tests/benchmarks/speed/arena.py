"""One server, and on it the databases of the contestants."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from memory_core import AsyncMemory
from memory_core.database.embedded import EmbeddedServer, acquire_embedded
from memory_core.database.migrate import inspect
from memory_core.database.opening import EMBEDDED_DATABASE
from memory_core.inference.embedder import LoadedEmbedder, load_embedder

TENANT = "bench"
PEER = "AsyncPostgresStore"
FLOOR = "raw asyncpg"


@dataclass
class Arena:
    """Where all contestants run.

    Attributes:
        folder: The data folder of the embedded server, None on a server of one's own.
        url: A login that may create databases.
        embedder: The embedder all contestants use.
        quick: True for small numbers, to see that everything works.
        full: True for the largest sizes too.
    """

    folder: Path | None
    url: str
    embedder: LoadedEmbedder
    quick: bool
    full: bool
    _run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    _made: list[str] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, database_url: str | None, *, quick: bool, full: bool) -> AsyncIterator[Arena]:
        """Starts the embedded server in ``folder``, or uses the one behind ``database_url``."""
        server: EmbeddedServer | None = None
        if database_url is None:
            server = await asyncio.to_thread(acquire_embedded, folder)
        embedder = await load_embedder()
        url = database_url or (server.dsn() if server else "")
        arena = cls(folder if server else None, url, embedder, quick, full)
        try:
            yield arena
        finally:
            for name in list(arena._made):
                await arena.drop(name)
            if server is not None:
                await asyncio.to_thread(server.release)

    def sized(self, normal: int, quick: int) -> int:
        """One of two sizes."""
        return quick if self.quick else normal

    def database_url(self, name: str, user: str | None = None) -> str:
        """The URL of a database of this run; ``user`` logs in as somebody else."""
        parts = urlsplit(self.url)
        place = parts.netloc if user is None else f"{user}@{parts.netloc.rpartition('@')[2]}"
        return urlunsplit(parts._replace(netloc=place, path=f"/{self._name(name)}"))

    async def create(self, name: str, template: str | None = None) -> str:
        """Makes a database, perhaps as a copy of another that nobody uses, and returns its URL."""
        await self.admin(
            f'CREATE DATABASE "{self._name(name)}"' + (f' TEMPLATE "{self._name(template)}"' if template else "")
        )
        self._made.append(name)
        return self.database_url(name)

    async def drop(self, name: str) -> None:
        """Removes a database."""
        await self.admin(f'DROP DATABASE IF EXISTS "{self._name(name)}" WITH (FORCE)')
        self._made.remove(name)

    async def admin(self, sql: str, database: str | None = None) -> None:
        """Runs a statement as the login of the arena."""
        connection = await asyncpg.connect(self.url if database is None else self.database_url(database))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    async def settle(self, *names: str) -> None:
        """What autovacuum does within a minute or so, for every contestant alike."""
        for name in names:
            await self.admin("VACUUM (ANALYZE)", name)

    async def prepare_ours(self, name: str) -> str:
        """Makes a database with our schema and model and returns the URL that embedded mode would use for its pool."""
        owner = await self.create(name)
        await (await AsyncMemory.open(owner)).close()
        if self.folder is None:
            return owner
        await self.admin("ALTER ROLE memory_core_runtime LOGIN")
        return self.database_url(name, "memory_core_runtime")

    @asynccontextmanager
    async def peer(self, url: str) -> AsyncIterator[Any]:
        """LangGraph's store with a pool of our size and our vectors, its other settings as they are."""
        async with peer_store(url, self.embedder) as store:
            yield store

    @asynccontextmanager
    async def raw(self, name: str) -> AsyncIterator[asyncpg.Connection]:
        """A plain connection of the owner that knows how to read and write vectors."""
        url = self.database_url(name)
        schema = (await inspect(url, timeout=10)).vector_schema
        connection = await asyncpg.connect(url)
        try:
            await connection.set_type_codec("halfvec", schema=schema, encoder=bytes, decoder=bytes, format="binary")
            yield connection
        finally:
            await connection.close()

    def _name(self, name: str) -> str:
        return name if name == EMBEDDED_DATABASE else f"memory_core_bench_{self._run}_{name}"


@asynccontextmanager
async def peer_store(url: str, embedder: LoadedEmbedder) -> AsyncIterator[Any]:
    """LangGraph's store on ``url``; see ``Arena.peer``."""
    from langgraph.store.postgres import AsyncPostgresStore, PoolConfig

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        vectors: list[list[float]] = (await embedder.embed(list(texts))).tolist()
        return vectors

    async with AsyncPostgresStore.from_conn_string(
        url,
        pool_config=PoolConfig(min_size=1, max_size=10),
        index={"dims": embedder.dimensions, "embed": embed, "fields": ["text"]},
    ) as store:
        await store.setup()
        yield store
