"""Applying and taking back migrations, one process at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import asyncpg

from memory_core.database.queries import load_queries
from memory_core.database.translate import translated
from memory_core.errors import AccessDeniedError, DataError, InvalidRequestError

if TYPE_CHECKING:
    from alembic.runtime.environment import EnvironmentContext
    from sqlalchemy import Connection

_SQL = load_queries("memory_core.database", "migrate.sql")
_SCRIPTS = files("memory_core.database") / "migrations" / "sql"

_VERSION_TABLE = {"version_table": "schema_version", "version_table_schema": "memory_core"}

MINIMUM_POSTGRES = 150000
MINIMUM_VECTOR = (0, 8)
UPGRADE_REMEDY = "upgrade pgvector on the server and run ALTER EXTENSION vector UPDATE"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a server and a database are, before anything is done there.

    Attributes:
        version: The schema's revision, None if there is no schema yet.
        behind_pooler: True if a pooler in transaction mode stands in between.
        vector_schema: Where pgvector is installed, None if it is not.
    """

    version: str | None
    behind_pooler: bool
    vector_schema: str | None


def revisions() -> list[str]:
    """All revisions this release knows, in order."""
    return sorted(entry.name.removesuffix(".up.sql") for entry in _SCRIPTS.iterdir() if entry.name.endswith(".up.sql"))


async def inspect(url: str, *, timeout: float) -> Inspection:
    """Looks at the database behind ``url`` and refuses what this library cannot work on.

    Raises:
        UnavailableError: Nobody answers.
        AccessDeniedError: The login is refused.
        InvalidRequestError: Not a Postgres URL, or no such database.
        DataError: Postgres or pgvector is missing or too old, or the schema was made by a newer release.
    """
    sql = load_queries("memory_core.database")
    if not url.strip():
        raise InvalidRequestError(
            "the database URL is empty: use postgresql://user:password@host:port/database, or leave it out to use the "
            "embedded Postgres",
            field="database_url",
        )
    with translated():
        try:
            connection = await asyncpg.connect(url, timeout=timeout, statement_cache_size=0)
        except (ValueError, asyncpg.ClientConfigurationError) as error:
            raise InvalidRequestError(
                f"not a Postgres URL: use postgresql://user:password@host:port/database ({type(error).__name__})",
                field="database_url",
            ) from None
        try:
            async with connection.transaction(readonly=True):
                row = await connection.fetchrow(sql["inspect"])
                version = await connection.fetchval(sql["schema_version"]) if row["has_schema"] else None
            pid = connection.get_server_pid()
        finally:
            await connection.close()
    refuse_unsuitable(row["server_version"], row["vector_version"] or row["vector_available"], version)
    return Inspection(version, behind_pooler=pid != row["backend_pid"], vector_schema=row["vector_schema"])


def refuse_unsuitable(server_version: int, available: str | None, version: str | None) -> None:
    """Decides whether this library can work on a server.

    Args:
        server_version: As ``server_version_num`` says it: 150004 is 15.4.
        available: The version of pgvector that is installed, or else could be.
        version: The schema's revision, None if there is no schema yet.

    Raises:
        DataError: It cannot; the message says what to do.
    """
    if server_version < MINIMUM_POSTGRES:
        raise DataError(
            f"Postgres 15 or newer is needed, found {server_version // 10000}; upgrade the server, or leave the "
            "database URL out to use the embedded Postgres",
            server_version=server_version,
        )
    if available is None:
        raise DataError(
            "the server has no pgvector; install the extension (0.8 or newer) on it, or leave the database URL out "
            "to use the embedded Postgres"
        )
    if _numbers(available) < MINIMUM_VECTOR:
        raise DataError(f"pgvector 0.8 or newer is needed, found {available}; {UPGRADE_REMEDY}", version=available)
    known = revisions()
    if version is not None and version not in known:
        raise DataError(
            f"the database has schema {version}, made by a newer release; this one knows up to {known[-1]}. "
            "Upgrade memory-core.",
            version=version,
        )


async def migrate(url: str, target: str = "head") -> tuple[str | None, str | None]:
    """Brings the schema to ``target`` in one transaction, under a lock that makes other processes wait.

    Args:
        url: A ``postgresql://`` URL whose login may create a schema, an extension and roles.
        target: A revision, ``head`` or ``base`` (nothing left).

    Returns:
        The revision before and after. A repeat changes nothing.

    Raises:
        AccessDeniedError: The login may not; the message says what it needs.
    """
    if target not in ("head", "base", *revisions()):
        raise InvalidRequestError(f"unknown revision {target!r}; use head, base or {', '.join(revisions())}")
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    async def connect() -> Any:
        return await asyncpg.connect(url, statement_cache_size=0)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        with translated():
            async with engine.begin() as connection:
                return await connection.run_sync(lambda sync: _run(sync, target))
    except AccessDeniedError:
        raise AccessDeniedError(
            "the login may not set up the schema. It needs CREATE on the database, pgvector installed (or the right "
            "to CREATE EXTENSION vector), and CREATEROLE for the roles memory_core_runtime and memory_core_admin. "
            "Let an administrator run: memory-core migrate up --database-url ..."
        ) from None
    except Exception as error:
        cause = getattr(getattr(error, "orig", None), "__cause__", None)
        if isinstance(cause, asyncpg.PostgresError):
            with translated():
                raise cause from None
        raise
    finally:
        await engine.dispose()


def run_script(name: str) -> None:
    """Runs one file of ``sql/`` inside the migration's transaction. For the files in ``versions/``."""
    from alembic import op

    _execute(op.get_bind(), (_SCRIPTS / name).read_text("utf-8"))


def _run(connection: Connection, target: str) -> tuple[str | None, str | None]:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    _execute(connection, _SQL["prepare"])
    _execute(connection, _SQL["search_path"])
    config = Config()
    config.set_main_option("script_location", str(files("memory_core.database") / "migrations"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    before = MigrationContext.configure(connection, opts={**_VERSION_TABLE}).get_current_revision()
    if before is not None and before not in revisions():
        raise DataError(f"the database has schema {before}, made by a newer release; upgrade memory-core")
    known = revisions()
    goal = {"head": known[-1], "base": None}.get(target, target)
    upwards = goal is not None and (before is None or known.index(goal) >= known.index(before))
    steps: Callable[..., Any] = scripts._upgrade_revs if upwards else scripts._downgrade_revs
    environment: EnvironmentContext = EnvironmentContext(
        config, scripts, fn=lambda revision, _: steps(goal or "base", revision), as_sql=False, destination_rev=goal
    )
    with environment:
        environment.configure(
            connection=connection,
            transaction_per_migration=False,
            version_table=_VERSION_TABLE["version_table"],
            version_table_schema=_VERSION_TABLE["version_table_schema"],
        )
        environment.run_migrations()
    return before, goal


def _execute(connection: Connection, script: str) -> None:
    """Runs a script of several statements, which the driver takes only in its own call."""
    connection.exec_driver_sql("SELECT 1")  # the dialect opens its transaction with the first statement
    connection.connection.dbapi_connection.run_async(lambda driver: driver.execute(script))  # type: ignore[union-attr]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
