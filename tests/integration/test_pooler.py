"""Behind a real pgbouncer in transaction mode: connections change hands after every transaction, tenants never do."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import pytest

from memory_core import AsyncMemory
from memory_core.database.embedded import EmbeddedServer
from memory_core.database.migrate import inspect

PGBOUNCER = shutil.which(
    "pgbouncer", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
)

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed (Debian: apt install pgbouncer)")

SERVER_CONNECTIONS = 2

CONFIGURATION = """
[databases]
* = host={host} port={port}
[pgbouncer]
unix_socket_dir = {folder}
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
logfile = {folder}/log
"""


@pytest.fixture(scope="module")
def pooler(server: EmbeddedServer) -> Iterator[Callable[[str], str]]:
    """Turns the URL of a database of the test server into one that goes through a pooler."""
    owner = Path(server.dsn().partition("host=")[2].partition("&")[0]).stat().st_uid  # whom the server's socket admits
    account = pwd.getpwuid(owner)
    host = parse_qs(urlsplit(server.dsn()).query)["host"][0]
    with tempfile.TemporaryDirectory(prefix="mc-pooler-") as folder:
        configuration = Path(folder, "pgbouncer.ini")
        text = CONFIGURATION.format(host=host, port=5432, folder=folder, size=SERVER_CONNECTIONS)
        if os.geteuid() == 0:  # pgbouncer refuses to run as root
            os.chown(folder, account.pw_uid, account.pw_gid)
            as_account: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        else:
            as_account = {}
        # "any" ignores what clients say and logs everybody in as the user named here
        configuration.write_text(text.replace("* = host", "* = user=postgres host"))
        configuration.chmod(0o644)
        process = subprocess.Popen(
            [str(PGBOUNCER), "-q", str(configuration)], stderr=subprocess.PIPE, cwd=folder, **as_account
        )
        try:
            _wait_for(Path(folder, ".s.PGSQL.6432"), process)
            yield lambda url: f"postgresql://postgres@{urlsplit(url).path}?host={quote(folder, safe='/')}&port=6432"
        finally:
            process.kill()
            process.communicate()


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(500):
        if process.poll() is not None:
            assert process.stderr is not None
            pytest.fail(process.stderr.read().decode())
        with socket.socket(socket.AF_UNIX) as probe:
            if path.exists() and probe.connect_ex(str(path)) == 0:
                return
        time.sleep(0.02)
    pytest.fail("pgbouncer did not start")


@pytest.fixture
def pooled_url(pooler: Callable[[str], str], database_url: str) -> str:
    """This worker's migrated database, through the pooler."""
    return pooler(database_url)


async def test_the_pooler_is_noticed(pooled_url: str, database_url: str) -> None:
    assert (await inspect(pooled_url, timeout=10)).behind_pooler
    assert not (await inspect(database_url, timeout=10)).behind_pooler


async def test_tenants_on_shared_connections_never_see_each_other(pooled_url: str, tenant: str) -> None:
    """Four stores of six tenants each, all at once, on two connections of the server."""
    stores = await asyncio.gather(*(AsyncMemory.open(pooled_url, pool_max_size=6) for _ in range(4)))

    async def live(memory: AsyncMemory, name: str) -> None:
        scope = memory.scope(tenant=f"{tenant}-{name}", user="alice", session="s")
        for round_ in range(6):
            record = await scope.remember(f"the code word of {name} is word{round_}{name}", key=f"word {round_ % 3}")
            await scope.add_turn(f"{name} says hello in round {round_}", actor=name)
            assert (await scope.get(f"word {round_ % 3}")).id == record.id
            hits = await scope.recall("what is the code word?", limit=50)
            assert hits
            assert all(name in hit.record.content for hit in hits)
            assert (await scope.update(record.id, tags=[f"round-{round_}"])).tags == (f"round-{round_}",)
        listed = await scope.list()
        assert {hit.scope.tenant for hit in listed} == {f"{tenant}-{name}"}
        assert len(listed) == 3 + 6
        assert await scope.forget("word 0")
        async with scope.run("a task") as run:
            run.outcome = "done"

    try:
        await asyncio.gather(
            *(live(memory, f"{number}{letter}") for number, memory in enumerate(stores) for letter in "abcdef")
        )
    finally:
        await asyncio.gather(*(memory.close() for memory in stores))


LOOK = """
    SELECT current_user::text, session_user::text, coalesce(current_setting('memory_core.tenant', true), ''),
           coalesce(current_setting('memory_core.scopes', true), ''), current_setting('search_path'),
           current_setting('jit'), coalesce(current_setting('hnsw.ef_search', true), ''),
           (SELECT count(*) FROM pg_prepared_statements)"""


async def test_nothing_of_a_call_stays_on_the_shared_connection(pooled_url: str, tenant: str) -> None:
    async def settings() -> set[tuple[Any, ...]]:
        found = set()
        for connection in others:
            async with connection.transaction():  # holds a server connection, so that each is looked at
                found.add(tuple(await connection.fetchrow(LOOK)))
        return found

    others = [await asyncpg.connect(pooled_url, statement_cache_size=0) for _ in range(SERVER_CONNECTIONS)]
    before = {row[0:2] + row[4:6] for row in await settings()}
    async with AsyncMemory.session(pooled_url) as memory:
        scope = memory.scope(tenant=tenant, user="alice")
        for number in range(8):
            await asyncio.gather(scope.remember(f"secret {number}"), scope.recall("secret"), scope.statistics())
        await memory.maintain()
        async with others[0].transaction(), others[1].transaction():
            for connection in others:
                row = await connection.fetchrow(LOOK)
                assert row["current_user"] == row["session_user"] == "postgres"
                assert row[2] == row[3] == ""
                assert row[7] == 0, "a prepared statement stays behind"
                assert row[0:2] + row[4:6] in before
    for connection in others:
        await connection.close()


async def test_a_new_store_is_set_up_through_the_pooler(pooler: Callable[[str], str], empty_database_url: str) -> None:
    """Migrations, the choice of the model and re-embedding use statements and connections of their own."""
    url = pooler(empty_database_url)
    stores = await asyncio.gather(*(AsyncMemory.open(url) for _ in range(3)))
    await stores[0].scope(user="alice").remember_many([f"note {number}" for number in range(100)])
    assert await stores[0].reembed(spelled) == 100
    assert await stores[0].scope(user="alice").recall("note 7")
    await asyncio.gather(*(memory.close() for memory in stores))


def spelled(texts: list[str]) -> list[list[float]]:
    return [[float(text.count(letter)) + 0.1 for letter in "0123456789"] for text in texts]


MIGRATING = """
import asyncio, sys
from memory_core.database.migrate import migrate
for target in ("head", "base", "head"):
    asyncio.run(migrate(sys.argv[1], target))
"""


async def test_processes_migrate_one_after_another_on_the_same_server_connection(
    pooler: Callable[[str], str], empty_database_url: str, start_script: Callable[..., Any]
) -> None:
    """What one process prepared on the server's connection does not get into the way of the next."""
    url = pooler(empty_database_url)
    for _ in range(2):
        await asyncio.to_thread(start_script(MIGRATING, url).end)
