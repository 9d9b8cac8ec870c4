"""What a scope holds, and whether the store is well."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from memory_core.database.pool import Database
from memory_core.database.queries import load_queries
from memory_core.errors import MemoryCoreError
from memory_core.hot.process import ProcessHotTier
from memory_core.insight.latency import Latencies
from memory_core.model.scope import GLOBAL_SCOPE, Scope

_SQL = load_queries("memory_core.insight")


class Insight:
    """Counts, sizes, latencies, health."""

    def __init__(self, database: Database, hot: ProcessHotTier, latencies: Latencies, facts: dict[str, Any]) -> None:
        self._database = database
        self._hot = hot
        self._latencies = latencies
        self._facts = facts

    async def statistics(self, viewer: Scope) -> dict[str, Any]:
        """Numbers of the records a scope sees, by tier, kind and level; first and last instant; hot records."""
        async with self._database.transaction(viewer) as connection:
            totals = dict(await connection.fetchrow(_SQL["totals"]))
            groups = await connection.fetch(_SQL["groups"])
        counts: dict[str, dict[str, int]] = {"tier": {}, "kind": {}, "level": {}}
        for row in groups:
            for name, of_name in counts.items():
                of_name[row[name]] = of_name.get(row[name], 0) + row["records"]
        for hot in self._hot.visible(viewer):
            record = hot.record
            for name, value in (("tier", record.tier), ("kind", record.kind), ("level", record.scope.level)):
                counts[name][value.value] = counts[name].get(value.value, 0) + 1
            totals["records"] += 1
        return {**totals, **{f"by_{name}": dict(sorted(of_name.items())) for name, of_name in counts.items()}}

    def process_statistics(self) -> dict[str, Any]:
        """Of this process: latencies per operation, the pool, the hot tier."""
        return {
            "latency": self._latencies.statistics(),
            "pool": self._database.pool_statistics(),
            "hot": self._hot.statistics(),
        }

    async def health(self) -> dict[str, Any]:
        """``status`` is ``ok`` or ``unavailable``; the rest says what was found. Never raises for a dead database."""
        start = perf_counter()
        report: dict[str, Any] = {"status": "ok", **self._facts, "pool": self._database.pool_statistics()}
        report["hot"] = self._hot.statistics()
        try:
            async with self._database.transaction(GLOBAL_SCOPE) as connection:
                report.update(dict(await connection.fetchrow(_SQL["health"])))
        except MemoryCoreError as error:
            return {**report, "status": "unavailable", "error": error.code, "message": str(error)}
        return {**report, "round_trip_ms": round(1000 * (perf_counter() - start), 3)}
