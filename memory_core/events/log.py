"""Reading the audit trail. Writing it is part of each change (see the SQL of ``remember``, ``revise``, ``forget``)."""

from __future__ import annotations

import orjson

from memory_core.database.pool import Database
from memory_core.database.queries import load_queries
from memory_core.model.events import Event
from memory_core.model.scope import Scope

_SQL = load_queries("memory_core.events")


class EventLog:
    """The events of the records a scope sees."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, viewer: Scope, *, after: int = 0, limit: int = 100) -> list[Event]:
        """Events with a number above ``after``, oldest first, at most ``limit``."""
        async with self._database.transaction(viewer) as connection:
            rows = await connection.fetch(_SQL["read"], after, limit)
        return [
            Event(row["event_no"], row["type"], row["record_id"], row["at"], orjson.loads(row["data"])) for row in rows
        ]
