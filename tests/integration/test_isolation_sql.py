"""What the runtime role can reach with SQL of its own: nothing but the bound scope. Tables are found in the catalog, so
a new table is tested, or refused, without a change here."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from memory_core import AsyncMemory, Scope

# Tables without records of anybody, and why it does no harm that every scope reads them.
SHARED = {
    "embedding_models": "which embedding models a store knows is no secret; the runtime role cannot write it",
    "schema_version": "the revision of the schema; only its owner writes it",
}
LABELS = ("tenant", "user", "agent", "team", "session")
BIND = "SELECT memory_core.bind($1, $2, $3, $4, $5)"
TABLES = """
    SELECT c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
           pg_get_userbyid(c.relowner) AS owner, array_agg(a.attname::text ORDER BY a.attnum) AS columns
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'memory_core'::regnamespace AND c.relkind IN ('r', 'p') GROUP BY c.oid ORDER BY 1"""
KEYS = """
    SELECT c.relname AS table, i.relname AS key,
           (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = x.indkey[0]) AS first
    FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
    WHERE c.relnamespace = 'memory_core'::regnamespace AND x.indisunique
    UNION ALL
    SELECT c.relname, k.conname, (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = k.conkey[1])
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE c.relnamespace = 'memory_core'::regnamespace AND k.contype IN ('p', 'u', 'f')"""


@dataclass(frozen=True)
class House:
    """Two tenants with the same people in them, and what is stored where.

    Attributes:
        owner: A connection that no policy binds.
        tables: The tables whose rows belong to a scope.
        scopes: Every scope of the store by its number.
        mine: The scopes the tests look from.
    """

    owner: asyncpg.Connection
    tables: tuple[str, ...]
    scopes: dict[int, Scope]
    mine: tuple[Scope, ...]

    def seen_from(self, viewer: Scope) -> list[int]:
        """The numbers of the scopes the viewer sees, by the rule in Python."""
        return [number for number, scope in self.scopes.items() if viewer.sees(scope)]

    def written_from(self, viewer: Scope) -> list[int]:
        """The same without the global scope."""
        return [number for number in self.seen_from(viewer) if self.scopes[number].tenant == viewer.tenant]


@pytest.fixture
async def house(memory: AsyncMemory, database_url: str, tenant: str) -> AsyncIterator[House]:
    for_all = await memory.global_scope().remember("for everybody", key=f"g-{tenant}", thread=tenant, actor="House")
    mine = []
    for name in (f"{tenant}-a", f"{tenant}-b"):
        labels: list[dict[str, str]] = [
            {},
            {"user": "alice"},
            {"user": "bob"},
            {"agent": "support"},
            {"team": "red"},
            {"user": "alice", "team": "red"},
            {"user": "alice", "agent": "support"},
            {"user": "bob", "agent": "support"},
            {"user": "alice", "agent": "support", "session": "s1"},
            {"user": "alice", "agent": "support", "session": "s2"},
        ]
        for label in labels:
            scope = memory.scope(tenant=name, **label)
            level = scope.scope.level.value
            await scope.remember(f"plain words of {name} {label}", level=level, key="k")
            await scope.remember("a turn", level=level, thread="t", actor="Somebody", role="user")
            mine.append(scope.scope)
        mine.append(Scope(name, user="alice", agent="support", team="red", session="s1"))
        mine.append(Scope(name, user="carol"))
    owner = await asyncpg.connect(database_url)
    found = await owner.fetch(TABLES)
    rows = await owner.fetch("SELECT * FROM memory_core.scopes")
    yield House(
        owner,
        tuple(row["name"] for row in found if row["name"] not in SHARED),
        {
            row["scope_id"]: Scope(
                row["tenant_id"], *(row[f"{label}_id"] or None for label in ("user", "agent", "session", "team"))
            )
            for row in rows
        },
        tuple(mine),
    )
    await owner.close()
    await memory.global_scope().forget(for_all.id)  # every other test would see it


@pytest.fixture
async def runtime(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that has taken the runtime role and cannot do more than it may."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET ROLE memory_core_runtime")
    yield connection
    await connection.close()


async def bind(connection: asyncpg.Connection, scope: Scope) -> None:
    await connection.execute(BIND, *(getattr(scope, label) for label in LABELS))


async def attempt(connection: asyncpg.Connection, sql: str, *args: Any) -> int | str:
    """How many rows a statement changed, or the class of its error; either way it is taken back."""
    point = connection.transaction()
    await point.start()
    try:
        return int((await connection.execute(sql, *args)).split()[-1])
    except asyncpg.PostgresError as error:
        return type(error).__name__
    finally:
        await point.rollback()


DENIED = "InsufficientPrivilegeError"


async def test_every_table_is_known_and_guarded(house: House) -> None:
    for row in await house.owner.fetch(TABLES):
        assert (row["enabled"], row["forced"]) == (True, True), row["name"]
        if row["name"] not in SHARED:
            assert {"tenant_id", "scope_id"} <= set(row["columns"]), f"{row['name']}: whose are its rows?"


async def test_keys_begin_with_the_tenant(house: House) -> None:
    keys = await house.owner.fetch(KEYS)
    assert {row["table"] for row in keys} >= set(house.tables), "every table has a key"
    wrong = [tuple(row) for row in keys if row["table"] not in SHARED and row["first"] != "tenant_id"]
    assert wrong == []


@pytest.mark.parametrize("role", ["memory_core_runtime", "memory_core_admin"])
async def test_the_roles_are_plain(house: House, role: str) -> None:
    row = await house.owner.fetchrow("SELECT oid, * FROM pg_roles WHERE rolname = $1", role)
    assert not any(row[name] for name in ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolreplication"))
    owned = (
        "SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = $1 AND deptype = 'o'"
    )
    assert await house.owner.fetchval(owned, row["oid"]) == 0
    assert await house.owner.fetchval("SELECT count(*) FROM pg_auth_members WHERE member = $1", row["oid"]) == 0


async def test_no_function_lends_its_owners_rights(house: House) -> None:
    sql = "SELECT proname FROM pg_proc WHERE pronamespace = 'memory_core'::regnamespace AND prosecdef"
    assert await house.owner.fetch(sql) == []


async def test_without_a_binding_nothing_is_there(house: House, runtime: asyncpg.Connection) -> None:
    for table in house.tables:
        assert await runtime.fetchval(f"SELECT count(*) FROM memory_core.{table}") == 0, table
        assert await attempt(runtime, f"DELETE FROM memory_core.{table}") in (0, DENIED), table


async def test_reads_reach_what_the_rule_says_and_nothing_else(house: House, runtime: asyncpg.Connection) -> None:
    for viewer in house.mine:
        seen = house.seen_from(viewer)
        async with runtime.transaction():
            await bind(runtime, viewer)
            for table in house.tables:
                sql = f"SELECT tenant_id, scope_id, count(*) AS n FROM memory_core.{table} GROUP BY 1, 2"
                real = await house.owner.fetch(f"SELECT * FROM ({sql}) x WHERE scope_id = ANY ($1)", seen)
                assert set(await runtime.fetch(sql)) == set(real), (viewer, table)
                assert table == "scopes" or viewer.user == "carol" or real, f"{table}: nothing to see, nothing tested"


async def test_updates_and_deletes_reach_nothing_beside(house: House, runtime: asyncpg.Connection) -> None:
    reached = 0
    for viewer in house.mine:
        async with runtime.transaction():
            await bind(runtime, viewer)
            for table in house.tables:
                own = await house.owner.fetchval(
                    f"SELECT count(*) FROM memory_core.{table} WHERE scope_id = ANY ($1)", house.written_from(viewer)
                )
                changed = await attempt(runtime, f"UPDATE memory_core.{table} SET tenant_id = tenant_id")
                deleted = await attempt(runtime, f"DELETE FROM memory_core.{table}")
                assert changed in (own, DENIED), (viewer, table)
                assert deleted in (own, DENIED), (viewer, table)
                reached += changed if isinstance(changed, int) else 0
    assert reached > 100, "the own rows can be written"


async def test_inserts_reach_nothing_beside(house: House, runtime: asyncpg.Connection) -> None:
    for viewer in house.mine[:: len(house.mine) // 4]:
        own = house.written_from(viewer)
        async with runtime.transaction():
            await bind(runtime, viewer)
            for table in house.tables:
                foreign = await house.owner.fetch(
                    f"SELECT DISTINCT ON (scope_id) scope_id, to_jsonb(t)::text AS row FROM memory_core.{table} t "
                    "WHERE NOT scope_id = ANY ($1) AND tenant_id = ANY ($2)",
                    own, [*{scope.tenant for scope in house.mine}, ""],
                )  # fmt: skip
                assert foreign
                for row in foreign:
                    sql = (
                        f"INSERT INTO memory_core.{table} OVERRIDING SYSTEM VALUE "
                        f"SELECT * FROM jsonb_populate_record(NULL::memory_core.{table}, $1)"
                    )
                    assert await attempt(runtime, sql, row["row"]) == DENIED, (viewer, table, row["scope_id"])


async def test_no_row_can_be_moved_away(house: House, runtime: asyncpg.Connection) -> None:
    viewer = house.mine[8]  # a session: the narrowest
    beside = next(n for n, scope in house.scopes.items() if scope.tenant == viewer.tenant and scope.user == "bob")
    async with runtime.transaction():
        await bind(runtime, viewer)
        for table in house.tables:
            for change in (f"scope_id = {beside}", "tenant_id = ''", f"tenant_id = '{viewer.tenant[:-1]}b'"):
                refused = await attempt(runtime, f"UPDATE memory_core.{table} SET {change}")
                assert refused in (DENIED, "GeneratedAlwaysError"), (table, change)
        for label in ("user_id", "agent_id", "session_id"):
            assert await attempt(runtime, f"UPDATE memory_core.records SET {label} = 'x'") == DENIED


async def test_naming_other_scopes_shows_no_other_records(house: House, runtime: asyncpg.Connection) -> None:
    everything = "{" + ",".join(map(str, house.scopes)) + "}"
    for viewer in house.mine:
        async with runtime.transaction():
            await bind(runtime, viewer)
            before = set(await runtime.fetch("SELECT tenant_id, id FROM memory_core.records"))
            await runtime.execute("SELECT set_config('memory_core.scopes', $1, true)", everything)
            assert set(await runtime.fetch("SELECT tenant_id, id FROM memory_core.records")) == before, viewer
            for table in house.tables:
                tenants = {row[0] for row in await runtime.fetch(f"SELECT DISTINCT tenant_id FROM memory_core.{table}")}
                assert tenants <= {"", viewer.tenant}, table


async def test_a_binding_ends_with_its_transaction(house: House, runtime: asyncpg.Connection) -> None:
    viewer = house.mine[6]
    for end in ("COMMIT", "ROLLBACK"):
        await runtime.execute("BEGIN")
        await bind(runtime, viewer)
        assert await runtime.fetchval("SELECT count(*) FROM memory_core.records") > 0
        await runtime.execute(end)
        for table in house.tables:
            assert await runtime.fetchval(f"SELECT count(*) FROM memory_core.{table}") == 0, table
    await bind(runtime, viewer)  # a statement alone is a transaction
    assert await runtime.fetchval("SELECT count(*) FROM memory_core.records") == 0


async def test_a_pooled_connection_keeps_no_binding(database_url: str, tenant: str) -> None:
    async with AsyncMemory.session(database_url, pool_min_size=1, pool_max_size=1) as memory:
        scope = memory.scope(tenant=tenant, user="alice")
        await scope.remember("mine")
        await scope.statistics()
        async with memory._opened.database._pool.acquire() as connection:
            names = ("tenant", "scopes", *LABELS[1:])
            left = [await connection.fetchval(f"SELECT current_setting('memory_core.{n}', true)") for n in names]
            assert not any(left)
            assert await connection.fetchval("SELECT current_user = session_user")


async def test_the_audit_trail_cannot_be_rewritten(house: House, runtime: asyncpg.Connection) -> None:
    async with runtime.transaction():
        await bind(runtime, house.mine[8])
        assert await runtime.fetchval("SELECT count(*) FROM memory_core.events") > 0
        assert await attempt(runtime, "UPDATE memory_core.events SET type = 'x'") == DENIED
        assert await attempt(runtime, "DELETE FROM memory_core.events") == DENIED


@pytest.mark.parametrize(
    "sql",
    [
        "TRUNCATE memory_core.{table}",
        "ALTER TABLE memory_core.{table} DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE memory_core.{table} NO FORCE ROW LEVEL SECURITY",
        "CREATE POLICY mine ON memory_core.{table} USING (true)",
        "DROP POLICY reads ON memory_core.{table}",
        "DROP TABLE memory_core.{table}",
        "ALTER TABLE memory_core.{table} OWNER TO memory_core_runtime",
    ],
)
async def test_the_guards_cannot_be_taken_away(house: House, runtime: asyncpg.Connection, sql: str) -> None:
    for table in (*house.tables, *SHARED):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await runtime.execute(sql.format(table=table))


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE memory_core.mine (x int)",
        "CREATE FUNCTION memory_core.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION memory_core.bound_tenant() RETURNS text LANGUAGE sql AS $$ SELECT '' $$",
        "INSERT INTO memory_core.embedding_models (name, dimensions) VALUES ('x', 1)",
        "UPDATE memory_core.embedding_models SET name = 'x'",
        "DELETE FROM memory_core.embedding_models",
        "INSERT INTO memory_core.schema_version VALUES ('x')",
        "DELETE FROM memory_core.schema_version",
    ],
)
async def test_the_structure_is_not_the_runtimes(house: House, runtime: asyncpg.Connection, sql: str) -> None:
    assert house.tables
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await runtime.execute(sql)


async def test_maintenance_done_as_runtime_reaches_only_the_bound_scope(
    house: House, memory: AsyncMemory, runtime: asyncpg.Connection
) -> None:
    viewer, beside = house.mine[1], house.mine[2]
    expired = "UPDATE memory_core.records SET expires_at = now() - interval '1 hour' WHERE tenant_id = $1"
    await house.owner.execute(expired, viewer.tenant)
    count = "SELECT count(*) FROM memory_core.records WHERE tenant_id = $1 AND user_id = $2"
    theirs = await house.owner.fetchval(count, beside.tenant, beside.user)
    async with runtime.transaction():
        await bind(runtime, viewer)
        await runtime.fetchval("SELECT memory_core.purge_expired_everywhere(1000)")
        assert await attempt(runtime, "SELECT memory_core.mark_large(1, 10)") == DENIED
    assert await house.owner.fetchval(count, beside.tenant, beside.user) == theirs > 0


async def test_the_embedded_store_logs_in_as_the_runtime_role(tmp_path: Path) -> None:
    async with AsyncMemory.session(data_dir=tmp_path / "store") as memory:
        await memory.scope(tenant="t", user="alice").remember("mine")
        assert (await memory.health())["is_superuser"] is False
        server = memory._opened.server
        assert server is not None
        async with memory._opened.database._pool.acquire() as connection:
            assert await connection.fetchval("SELECT session_user || ' ' || current_user") == " ".join(
                ["memory_core_runtime"] * 2
            )
            assert await connection.fetchval("SELECT count(*) FROM memory_core.records") == 0
            for role in ("postgres", "memory_core_admin"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(f"SET ROLE {role}")
        alone = await asyncpg.connect(server.dsn("memory_core_runtime", "memory_core"))
        try:
            for name in await alone.fetch(TABLES):
                if name["name"] not in SHARED:
                    assert await alone.fetchval(f"SELECT count(*) FROM memory_core.{name['name']}") == 0
            async with alone.transaction():
                await bind(alone, Scope("t", user="bob"))
                assert await alone.fetchval("SELECT count(*) FROM memory_core.records") == 0
                await bind(alone, Scope("t", user="alice"))
                assert json.loads(await alone.fetchval("SELECT json_agg(content) FROM memory_core.records")) == ["mine"]
        finally:
            await alone.close()
