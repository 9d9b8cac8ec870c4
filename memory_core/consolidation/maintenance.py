"""What a store needs now and then: expired records removed, large scopes moved to the approximate index."""

from __future__ import annotations

from dataclasses import dataclass

from memory_core.database.pool import Database
from memory_core.database.queries import load_queries

_SQL = load_queries("memory_core.consolidation")

BATCH = 500


@dataclass(frozen=True, slots=True)
class MaintenanceReport:
    """What one round did.

    Attributes:
        expired: Expired records removed.
        vectors_moved: Vectors moved to the approximate index of large scopes.
    """

    expired: int
    vectors_moved: int


async def maintain(database: Database, large_scope_records: int) -> MaintenanceReport:
    """Runs one round over all tenants. Safe to run anywhere and at the same time: rows in work are skipped.

    Raises:
        AccessDeniedError: The login may not act as administrator.
    """
    expired = moved = 0
    while True:
        async with database.administration() as connection:
            n = await connection.fetchval(_SQL["purge_expired_everywhere"], BATCH)
        expired += n
        if n < BATCH:
            break
    while True:
        async with database.administration() as connection:
            n = await connection.fetchval(_SQL["mark_large"], large_scope_records, BATCH)
        moved += n
        if n == 0:
            return MaintenanceReport(expired, moved)
