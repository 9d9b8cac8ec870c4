"""Looking at a store without changing it: is row-level security in force, which embedding model does it have?"""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.database.pool import Database
from memory_core.database.queries import load_queries
from memory_core.model.scope import GLOBAL_SCOPE

_SQL = load_queries("memory_core.insight", "inspection.sql")


@dataclass(frozen=True, slots=True)
class Security:
    """What the catalog says about isolation.

    Attributes:
        login: The login of the pool.
        runtime: The role that calls run under.
        bypasses: True if that role ignores row-level security.
        tables: Number of tables of the schema.
        open_tables: Tables without forced row-level security.
        owned_tables: Tables the runtime role owns, and could therefore open.
    """

    login: str
    runtime: str
    bypasses: bool
    tables: int
    open_tables: tuple[str, ...]
    owned_tables: tuple[str, ...]

    @property
    def in_force(self) -> bool:
        """True if no call can see another scope's rows."""
        return not (self.bypasses or self.open_tables or self.owned_tables) and self.tables > 0


async def inspect_security(database: Database) -> Security:
    """Whether the database itself keeps scopes apart."""
    async with database.transaction(GLOBAL_SCOPE) as connection:
        row = await connection.fetchrow(_SQL["security"])
    return Security(
        row["login"],
        row["runtime"],
        row["bypasses"],
        row["tables"],
        tuple(row["open_tables"]),
        tuple(row["owned_tables"]),
    )


async def inspect_model(database: Database) -> tuple[str, int] | None:
    """Name and dimensions of the store's embedding model; None in a store that was never opened."""
    async with database.transaction(GLOBAL_SCOPE) as connection:
        row = await connection.fetchrow(_SQL["model"])
    return None if row is None else (row["name"], row["dimensions"])


async def inspect_versions(database: Database) -> tuple[str, str]:
    """The versions of Postgres and pgvector."""
    async with database.transaction(GLOBAL_SCOPE) as connection:
        row = await connection.fetchrow(_SQL["versions"])
    return row["postgres"], row["vector"]
