"""Opening a store's database: embedded or by URL, inspected, migrated, with its pool."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from memory_core.database.migrate import Inspection, inspect, migrate, revisions
from memory_core.database.pool import Database
from memory_core.database.queries import load_queries
from memory_core.database.translate import translated
from memory_core.errors import DataError

if TYPE_CHECKING:
    from memory_core.database.embedded import EmbeddedServer

_SQL = load_queries("memory_core.database", "opening.sql")

EMBEDDED_DATABASE = "memory_core"


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Sizes and time limits of a pool; seconds."""

    min_size: int
    max_size: int
    connect_timeout: float
    command_timeout: float
    connection_lifetime: float


@dataclass(frozen=True, slots=True)
class OpenDatabase:
    """An open database and what must be given back.

    Attributes:
        database: The pool.
        server: The lease on the embedded server, None for a server of one's own.
        schema_version: The revision of the schema.
    """

    database: Database
    server: EmbeddedServer | None
    schema_version: str

    async def close(self) -> None:
        """Closes the pool, then gives up the lease; the last one out stops the embedded server."""
        await self.database.close()
        if self.server is not None:
            try:
                await asyncio.to_thread(self.server.release)
            except RuntimeError:  # the interpreter is shutting down and takes no more threads
                self.server.release()


async def open_database(
    url: str | None, data_dir: Path, options: PoolOptions, *, apply_migrations: bool, start_timeout: float
) -> OpenDatabase:
    """Opens the database behind ``url``, or the embedded one in ``data_dir``, with an up-to-date schema.

    Raises:
        MemoryCoreError: See ``inspect``, ``migrate``, ``acquire_embedded``; nothing is left open.
    """
    server = None
    if url is None:
        from memory_core.database.embedded import acquire_embedded

        server = await asyncio.to_thread(acquire_embedded, data_dir, start_timeout=start_timeout)
    try:
        owner_url = url if server is None else server.dsn(database=EMBEDDED_DATABASE)
        assert owner_url is not None
        found = await _inspect(server, owner_url, options.connect_timeout)
        head = revisions()[-1]
        if found.version != head:
            if not apply_migrations:
                raise DataError(
                    f"the schema is at {found.version or 'nothing'}, this release needs {head}; "
                    "run: memory-core migrate up",
                    version=found.version,
                )
            await migrate(owner_url)
            found = await inspect(owner_url, timeout=options.connect_timeout)
            if server is not None:
                await _let_runtime_log_in(owner_url)
        assert found.vector_schema is not None
        database = await Database.connect(
            owner_url if server is None else server.dsn("memory_core_runtime", EMBEDDED_DATABASE),
            owner_url=owner_url,
            vector_schema=found.vector_schema,
            behind_pooler=found.behind_pooler,
            min_size=options.min_size,
            max_size=options.max_size,
            connect_timeout=options.connect_timeout,
            command_timeout=options.command_timeout,
            connection_lifetime=options.connection_lifetime,
        )
    except BaseException:
        if server is not None:
            await asyncio.to_thread(server.release)
        raise
    return OpenDatabase(database, server, head)


async def _inspect(server: EmbeddedServer | None, url: str, timeout: float) -> Inspection:
    """Like ``inspect``; makes the database first if the embedded server is new."""
    if server is not None:
        with translated():
            connection = await asyncpg.connect(server.dsn(), timeout=timeout)
            try:
                if not await connection.fetchval(_SQL["database_exists"], EMBEDDED_DATABASE):
                    with contextlib.suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                        await connection.execute(_SQL["create_database"])
            finally:
                await connection.close()
    return await inspect(url, timeout=timeout)


async def _let_runtime_log_in(owner_url: str) -> None:
    """On the embedded server only the runtime role uses the pool, so that no statement ever runs as a superuser."""
    with translated():
        connection = await asyncpg.connect(owner_url)
        try:
            await connection.execute(_SQL["let_runtime_log_in"])
        finally:
            await connection.close()
