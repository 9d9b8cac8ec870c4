"""Real parts for all tests: one embedded Postgres per test run, one database per worker, one tenant per test."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from memory_core import AsyncMemory, AsyncScopedMemory
from memory_core.database.embedded import EmbeddedServer, acquire_embedded
from memory_core.database.migrate import migrate

TEMPLATE = "memory_core_template"


def _run_folder() -> Path:
    """One folder for all workers of a run; xdist tells them the run's id through the environment."""
    run = os.environ.setdefault("MEMORY_CORE_TEST_RUN", uuid.uuid4().hex[:12])
    return Path(tempfile.gettempdir()) / f"memory-core-tests-{run}"


def pytest_configure(config: pytest.Config) -> None:
    _run_folder()  # fixes the run's id before workers are started
    for name in [name for name in os.environ if name.startswith("MEMORY_CORE_") and name != "MEMORY_CORE_TEST_RUN"]:
        del os.environ[name]  # a developer's own settings must not decide tests


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(_run_folder(), ignore_errors=True)


async def _admin(server: EmbeddedServer, sql: str) -> None:
    connection = await asyncpg.connect(server.dsn())
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _make_template(server: EmbeddedServer) -> None:
    connection = await asyncpg.connect(server.dsn())
    try:
        await connection.execute("SELECT pg_advisory_lock(1)")
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", TEMPLATE):
            building = f"{TEMPLATE}_building"
            await connection.execute(f"DROP DATABASE IF EXISTS {building}")
            await connection.execute(f"CREATE DATABASE {building}")
            await migrate(server.dsn(database=building))
            await connection.execute(f"ALTER DATABASE {building} RENAME TO {TEMPLATE}")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """A running Postgres with pgvector, shared by all workers of the run."""
    lease = acquire_embedded(_run_folder() / "server")
    yield lease
    lease.release()


@pytest.fixture(scope="session")
def database_url(server: EmbeddedServer, worker_id: str) -> str:
    """The URL (owner's login) of this worker's migrated database."""
    name = f"test_{worker_id}"
    asyncio.run(_make_template(server))
    asyncio.run(_admin(server, f"DROP DATABASE IF EXISTS {name}"))
    asyncio.run(_admin(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    return server.dsn(database=name)


@pytest.fixture
def empty_database_url(server: EmbeddedServer) -> Iterator[str]:
    """The URL of a new database without schema or extension; dropped after the test."""
    name = f"empty_{uuid.uuid4().hex[:12]}"
    asyncio.run(_admin(server, f"CREATE DATABASE {name}"))
    yield server.dsn(database=name)
    asyncio.run(_admin(server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def tenant() -> str:
    """A tenant no other test uses."""
    return f"tenant-{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def memory(database_url: str) -> AsyncIterator[AsyncMemory]:
    """An open store on this worker's database."""
    async with AsyncMemory.session(database_url) as opened:
        yield opened


@pytest.fixture
def alice(memory: AsyncMemory, tenant: str) -> AsyncScopedMemory:
    """Alice with the agent ``support`` in a session."""
    return memory.scope(tenant=tenant, user="alice", agent="support", session="s-1")
