"""The one place where connections come from."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from memory_core.database.queries import load_queries
from memory_core.database.translate import translated
from memory_core.database.vectors import unpack_vector
from memory_core.errors import ConflictError, UnavailableError, UsageError
from memory_core.model.scope import Scope

_SQL = load_queries("memory_core.database")
_SetUp = Callable[[asyncpg.Connection], Awaitable[None]]

TRANSACTION_RETRIES = 3
"""How often a call that lost against a concurrent transaction is repeated before the caller hears of it."""


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    """Settings are made per transaction only, so there is nothing to reset between two users of a connection."""

    def get_reset_query(self) -> str:
        return ""


class Database:
    """A health-checked pool. Every statement runs in a transaction that is bound to a scope.

    ``call`` is for the database's own functions, which bind by themselves in one round trip; ``transaction`` is for
    several statements. There is no way to a connection without a scope.
    """

    def __init__(
        self, pool: asyncpg.Pool, *, behind_pooler: bool, connect_timeout: float, owner_url: str, set_up: _SetUp
    ) -> None:
        self._pool = pool
        self._behind_pooler = behind_pooler
        self._connect_timeout = connect_timeout
        self._owner_url = owner_url
        self._set_up = set_up
        self._loop = asyncio.get_running_loop()
        self._pid = os.getpid()

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        vector_schema: str,
        behind_pooler: bool,
        min_size: int,
        max_size: int,
        connect_timeout: float,
        command_timeout: float,
        connection_lifetime: float,
        owner_url: str | None = None,
        application_name: str = "memory-core",
    ) -> Database:
        """Opens the pool.

        Args:
            url: A ``postgresql://`` URL.
            vector_schema: The schema pgvector is installed in.
            behind_pooler: True behind a pooler in transaction mode: then no prepared statement outlives a transaction.
            min_size: Connections kept open.
            max_size: Most connections.
            connect_timeout: Seconds to wait for a free or new connection.
            command_timeout: Seconds one statement may take.
            connection_lifetime: Seconds an idle connection is kept.
            owner_url: A login that owns the schema, for maintenance; None if ``url`` does.
            application_name: Shown in ``pg_stat_activity``.

        Raises:
            UnavailableError: Nobody answers there.
            AccessDeniedError: The login is refused.
        """

        async def prepare(connection: asyncpg.Connection) -> None:
            await connection.set_type_codec(
                "halfvec", schema=vector_schema, encoder=bytes, decoder=unpack_vector, format="binary"
            )

        async def set_up(connection: asyncpg.Connection) -> None:
            if behind_pooler:
                async with connection.transaction():
                    await prepare(connection)
            else:
                await prepare(connection)

        with translated():
            pool = await asyncpg.create_pool(
                url,
                min_size=min(min_size, max_size),
                max_size=max_size,
                timeout=connect_timeout,
                command_timeout=command_timeout,
                max_inactive_connection_lifetime=connection_lifetime,
                connection_class=_Connection,
                statement_cache_size=0 if behind_pooler else 256,
                max_cached_statement_lifetime=0,
                server_settings=None if behind_pooler else {"application_name": application_name},
                init=set_up,
            )
        return cls(
            pool,
            behind_pooler=behind_pooler,
            connect_timeout=connect_timeout,
            owner_url=owner_url or url,
            set_up=set_up,
        )

    async def call(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """Runs one statement that binds its scope itself, and returns its rows; again if another transaction got in
        the way, as then nothing was written.

        Args:
            sql: A statement of a ``queries.sql``.
            *args: Its parameters.

        Raises:
            MemoryCoreError: See ``translate``.
        """
        for attempt in range(TRANSACTION_RETRIES + 1):
            try:
                async with self._acquire() as connection:
                    with translated():
                        if not self._behind_pooler:
                            return list(await connection.fetch(sql, *args))
                        async with connection.transaction():
                            return list(await connection.fetch(sql, *args))
            except ConflictError as error:
                if not error.retryable or attempt == TRANSACTION_RETRIES:
                    raise
                await asyncio.sleep(0.005 * 2**attempt)
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def transaction(self, scope: Scope) -> AsyncIterator[asyncpg.Connection]:
        """A transaction bound to ``scope``: row-level security shows and takes its rows only."""
        async with self._acquire() as connection:
            with translated():
                async with connection.transaction():
                    await connection.fetch(_SQL["bind"], *scope_arguments(scope))
                    yield connection

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction of the schema's owner on a connection of its own, for the few changes of structure."""
        self.check_owner()
        with translated():
            connection = await asyncpg.connect(self._owner_url, timeout=self._connect_timeout, statement_cache_size=0)
            try:
                await self._set_up(connection)
                async with connection.transaction():
                    yield connection
            finally:
                await connection.close()

    @asynccontextmanager
    async def administration(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction of the admin role, which sees every tenant, for maintenance.

        Raises:
            AccessDeniedError: The login may not take that role.
        """
        async with self.owner() as connection:
            with translated():
                await connection.fetch(_SQL["bind_admin"])
                yield connection

    @asynccontextmanager
    async def _acquire(self) -> AsyncIterator[asyncpg.Connection]:
        self.check_owner()
        with translated():
            try:
                connection = await self._pool.acquire(timeout=self._connect_timeout)
            except TimeoutError:
                raise UnavailableError(
                    "no database connection became free in time; raise MEMORY_CORE_POOL_MAX_SIZE or check the server",
                    pool_max_size=self._pool.get_max_size(),
                ) from None
        try:
            yield connection
        finally:
            await self._pool.release(connection)

    def check_owner(self) -> None:
        """Does nothing in the process and on the event loop that opened the pool.

        Raises:
            UsageError: Anywhere else.
        """
        if os.getpid() != self._pid:
            raise UsageError("this memory was opened before a fork; open it again in the new process")
        try:
            same = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            same = False
        if not same:
            raise UsageError(
                "this AsyncMemory belongs to another event loop; open one per loop, or use Memory, which works anywhere"
            )

    def pool_statistics(self) -> dict[str, int]:
        """Sizes of the pool at this moment."""
        size, idle = self._pool.get_size(), self._pool.get_idle_size()
        return {"size": size, "idle": idle, "in_use": size - idle, "max_size": self._pool.get_max_size()}

    async def close(self) -> None:
        """Closes the pool; waits some seconds for running calls, then cuts them off."""
        if os.getpid() != self._pid:
            return
        try:
            await asyncio.wait_for(self._pool.close(), timeout=10)
        except TimeoutError:
            self._pool.terminate()


def scope_arguments(scope: Scope) -> Sequence[str | None]:
    """The first five parameters of every function of the schema."""
    return scope.tenant, scope.user, scope.agent, scope.team, scope.session
