"""Every way to a schema leads to the same schema, and records survive the way."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import asyncpg
import pytest

from memory_core import AsyncMemory, DataError, InvalidRequestError, UnavailableError
from memory_core.database.migrate import inspect, migrate, revisions

CATALOG = {
    "schema": "SELECT nspacl::text FROM pg_namespace WHERE nspname = 'memory_core'",
    "relations": """
        SELECT c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.reloptions, c.relacl::text,
               pg_get_userbyid(c.relowner) AS owner
        FROM pg_class c WHERE c.relnamespace = 'memory_core'::regnamespace ORDER BY 1""",
    "columns": """
        SELECT c.relname, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum) AS place, a.attname, a.attnotnull,
               format_type(a.atttypid, a.atttypmod), a.attidentity, a.attgenerated, a.attstorage,
               pg_get_expr(d.adbin, d.adrelid), a.attcollation::regcollation::text
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'memory_core'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'memory_core'::regnamespace ORDER BY 1, 2""",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'memory_core' ORDER BY 1",
    "policies": "SELECT * FROM pg_policies WHERE schemaname = 'memory_core' ORDER BY tablename, policyname",
    "sequences": "SELECT sequencename, data_type, start_value, increment_by FROM pg_sequences "
    "WHERE schemaname = 'memory_core' ORDER BY 1",
    "functions": """
        SELECT oid::regprocedure::text, pg_get_functiondef(oid), proacl::text, pg_get_userbyid(proowner) FROM pg_proc
        WHERE pronamespace = 'memory_core'::regnamespace ORDER BY 1""",
    "types and triggers": """
        SELECT typname, typtype FROM pg_type WHERE typnamespace = 'memory_core'::regnamespace
        UNION ALL SELECT tgname, 'g' FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'memory_core'::regnamespace AND NOT tgisinternal ORDER BY 1""",
    "version": "SELECT version_num FROM memory_core.schema_version",
}


async def catalog(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that the schema consists of, without the numbers that differ between two databases."""
    connection = await asyncpg.connect(url)
    try:
        return {name: [tuple(row) for row in await connection.fetch(sql)] for name, sql in CATALOG.items()}
    finally:
        await connection.close()


@pytest.fixture
async def fresh(database_url: str) -> dict[str, list[tuple[Any, ...]]]:
    """The catalog of a database that was migrated to the newest schema at once."""
    return await catalog(database_url)


async def test_one_step_at_a_time_gives_the_fresh_schema(empty_database_url: str, fresh: dict[str, Any]) -> None:
    before = None
    for revision in revisions():
        assert await migrate(empty_database_url, revision) == (before, revision)
        before = revision
    assert await catalog(empty_database_url) == without_vector_index(fresh)


async def test_each_step_can_be_taken_back_and_repeated(empty_database_url: str, fresh: dict[str, Any]) -> None:
    before = "base"
    for revision in revisions():
        await migrate(empty_database_url, before)
        earlier = await catalog(empty_database_url)
        await migrate(empty_database_url, revision)
        await migrate(empty_database_url, before)
        if before != "base":  # what base leaves is the next test's
            assert await catalog(empty_database_url) == earlier
        await migrate(empty_database_url, revision)
        before = revision
    assert await catalog(empty_database_url) == without_vector_index(fresh)


async def test_down_to_nothing_and_up_again_gives_the_fresh_schema(
    empty_database_url: str, fresh: dict[str, Any]
) -> None:
    async with AsyncMemory.session(empty_database_url, pool_max_size=1) as memory:
        await memory.scope(user="alice").remember("gone with the schema")
    assert await migrate(empty_database_url, "base") == (revisions()[-1], None)
    left = await catalog(empty_database_url)
    assert {row[0] for row in left["relations"]} == {"schema_version", "schema_version_pkc"}
    assert left["functions"] == left["sequences"] == left["version"] == []
    assert await migrate(empty_database_url) == (None, revisions()[-1])
    assert await catalog(empty_database_url) == without_vector_index(fresh)
    assert await migrate(empty_database_url) == (revisions()[-1], revisions()[-1])


async def test_records_survive_the_way_down_and_up_of_later_steps(empty_database_url: str) -> None:
    async with AsyncMemory.session(empty_database_url) as memory:
        record = await memory.scope(user="alice").remember("The spare key is under the blue pot", tags=["home"])
    before = await catalog(empty_database_url)
    head = revisions()[-1]
    for target in (revisions()[-2], revisions()[0]):
        assert await migrate(empty_database_url, target) == (head, target)
        assert await migrate(empty_database_url) == (target, head)
        async with AsyncMemory.session(empty_database_url) as memory:
            alice = memory.scope(user="alice")
            assert (await alice.get(record.id)).content == record.content
            assert [hit.record.id for hit in await alice.recall("where is the key?")] == [record.id]
            assert [event.type for event in await alice.events()] == ["stored"]
    assert await catalog(empty_database_url) == before


MIGRATING = """
import asyncio, sys
from memory_core.database.migrate import migrate
print("ready", flush=True)
sys.stdin.readline()
print(*asyncio.run(migrate(sys.argv[1])), flush=True)
"""

OPENING = """
import sys
from memory_core import Memory
print("ready", flush=True)
sys.stdin.readline()
with Memory.open(sys.argv[1]) as memory:
    memory.scope(user="alice").remember("written by " + sys.argv[2])
"""


async def test_processes_migrating_one_empty_database_at_the_same_moment(
    empty_database_url: str, start_script: Callable[..., Any], fresh: dict[str, Any]
) -> None:
    scripts = [start_script(MIGRATING, empty_database_url, strict=True) for _ in range(3)]
    assert [script.says() for script in scripts] == ["ready"] * 3
    for script in scripts:
        script.tell()
    head = revisions()[-1]
    assert sorted(script.end()[0] for script in scripts) == [[f"{head} {head}"]] * 2 + [[f"None {head}"]]
    assert await catalog(empty_database_url) == without_vector_index(fresh)


async def test_processes_opening_one_empty_database_at_the_same_moment(
    empty_database_url: str, start_script: Callable[..., Any]
) -> None:
    scripts = [start_script(OPENING, empty_database_url, str(number)) for number in range(3)]
    assert [script.says() for script in scripts] == ["ready"] * 3
    for script in scripts:
        script.tell()
    for script in scripts:
        script.end()
    async with AsyncMemory.session(empty_database_url) as memory:
        assert {record.content for record in await memory.scope(user="alice").list()} == {
            f"written by {number}" for number in range(3)
        }


async def test_a_schema_of_a_newer_release_is_refused_untouched(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("UPDATE memory_core.schema_version SET version_num = '9999_future'")
    before = await catalog(empty_database_url)
    with pytest.raises(DataError, match=r"9999_future.*newer release.*Upgrade memory-core"):
        await AsyncMemory.open(empty_database_url)
    for target in ("head", "base", revisions()[0]):
        with pytest.raises(DataError, match="9999_future"):
            await migrate(empty_database_url, target)
    assert await catalog(empty_database_url) == before
    await connection.close()


@pytest.mark.parametrize("at", [None, *revisions()[:-1]])
async def test_opening_without_migrating_names_the_command(empty_database_url: str, at: str | None) -> None:
    if at is not None:
        await migrate(empty_database_url, at)
    with pytest.raises(DataError, match=r"memory-core migrate up"):
        await AsyncMemory.open(empty_database_url, migrate=False)
    assert (await inspect(empty_database_url, timeout=10)).version == at


async def test_an_unknown_target_and_an_absent_server_are_typed_errors(empty_database_url: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"head, base or 0001"):
        await migrate(empty_database_url, "0000_none")
    with pytest.raises(UnavailableError):
        await migrate("postgresql://nobody@/nothing?host=/nonexistent")
    with pytest.raises(InvalidRequestError, match="create it first"):
        await migrate(empty_database_url.replace("/empty_", "/absent_"))


def test_every_step_has_its_way_up_its_way_down_and_its_place() -> None:
    folder = files("memory_core.database") / "migrations"
    scripts = {entry.name for entry in (folder / "sql").iterdir()}
    assert scripts == {f"{revision}.{way}.sql" for revision in revisions() for way in ("up", "down")}
    versions = {entry.name for entry in (folder / "versions").iterdir() if entry.name.endswith(".py")}
    assert versions == {f"{revision}.py" for revision in revisions()}
    before: str | None = None
    for revision in revisions():
        place: dict[str, Any] = {}
        exec((folder / "versions" / f"{revision}.py").read_text(), place)
        assert (place["revision"], place["down_revision"]) == (revision, before)
        before = revision


def without_vector_index(found: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """The catalog without the index each embedding model brings when a store is first opened with it."""
    return {
        name: [row for row in rows if not str(row[0]).startswith("embeddings_hnsw")] for name, rows in found.items()
    }
