"""Counting reads without slowing them: counts are collected in memory and written now and then."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from memory_core.errors import MemoryCoreError
from memory_core.hot.process import ProcessHotTier
from memory_core.model.record import Record
from memory_core.model.scope import Scope
from memory_core.records.durable import DurableRecords

_LOGGER = logging.getLogger("memory_core.records")

MAX_PENDING = 10_000
"""Records with unwritten counts; beyond it, they are written at once."""


class AccessCounter:
    """Adds up accesses per scope and writes them every ``interval`` seconds, and when closed.

    Counts are statistics: those of the last interval are lost if the process is killed.
    """

    def __init__(self, durable: DurableRecords, hot: ProcessHotTier, interval: float) -> None:
        self._durable = durable
        self._hot = hot
        self._interval = interval
        self._pending: dict[Scope, Counter[UUID]] = {}
        self._task: asyncio.Task[None] | None = None

    def note(self, viewer: Scope, records: Iterable[Record]) -> None:
        """Counts one access of each record."""
        now = datetime.now(UTC)
        for record in records:
            if record.tier.is_hot:
                self._hot.touch(record.id, 1, now)
            elif record.scope.tenant == viewer.tenant:
                self._pending.setdefault(viewer, Counter())[record.id] += 1
        if self._pending and self._task is None:
            self._task = asyncio.create_task(self._write_later())

    async def flush(self) -> None:
        """Writes what was counted so far."""
        pending, self._pending = self._pending, {}
        now = datetime.now(UTC)
        for viewer, counts in pending.items():
            await self._durable.touch(viewer, counts, now)

    async def close(self) -> None:
        """Writes what is left; the database may be gone already."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(MemoryCoreError):
            await self.flush()

    async def _write_later(self) -> None:
        crowded = sum(len(counts) for counts in self._pending.values()) > MAX_PENDING
        await asyncio.sleep(0 if crowded else self._interval)
        self._task = None
        try:
            await self.flush()
        except MemoryCoreError as error:
            _LOGGER.warning("access counts were not written: %s", error.code)
