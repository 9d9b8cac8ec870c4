"""``AsyncMemory``: opens a store, wires its rooms, hands out scopes."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from memory_core.consolidation.maintenance import MaintenanceReport, maintain
from memory_core.database.models import reembed, use_model
from memory_core.database.opening import OpenDatabase, PoolOptions, open_database
from memory_core.errors import UsageError
from memory_core.events.log import EventLog
from memory_core.hot.process import ProcessHotTier
from memory_core.inference.embedder import load_embedder
from memory_core.inference.indexing import MAX_COVERED_DIMENSIONS, Indexing, embed_contents
from memory_core.inference.lexemes import Analyzer
from memory_core.inference.reranker import load_reranker
from memory_core.inference.token_count import load_token_counter
from memory_core.insight.latency import Latencies
from memory_core.insight.statistics import Insight
from memory_core.model.policies import Policy, merge_policies
from memory_core.model.scope import GLOBAL_SCOPE, make_scope
from memory_core.recall.engine import RecallEngine
from memory_core.records.access import AccessCounter
from memory_core.records.durable import DurableRecords
from memory_core.records.service import Records
from memory_core.scoped import AsyncScopedMemory, Services
from memory_core.settings import Settings, load_settings

if TYPE_CHECKING:
    from memory_core.inference.reranker import Reranker
    from memory_core.inference.token_count import TokenCounter


class AsyncMemory:
    """An open store. Belongs to the event loop and the process that opened it; any number of tasks may use it.

    Open it with ``await AsyncMemory.open()`` and close it with ``await memory.close()``, or use ``async with
    AsyncMemory.session() as memory``.
    """

    def __init__(
        self,
        settings: Settings,
        opened: OpenDatabase,
        indexing: Indexing,
        hot: ProcessHotTier,
        reranker: Reranker | None,
        services: Services,
    ) -> None:
        self._settings = settings
        self._opened = opened
        self._indexing = indexing
        self._hot = hot
        self._reranker = reranker
        self._services = services
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        database_url: str | None = None,
        *,
        redis: str | None = None,
        data_dir: str | Path | None = None,
        embedder: Any = None,
        reranker: Any = None,
        policies: Iterable[Policy] = (),
        settings: Settings | None = None,
        **options: Any,
    ) -> Self:
        """Opens a store; the first opening makes it.

        Args:
            database_url: A ``postgresql://`` URL (Postgres 15 or newer with pgvector 0.8 or newer). Without one, and
                without ``MEMORY_CORE_DATABASE_URL``, Postgres runs embedded in ``data_dir``.
            redis: A ``redis://`` URL for the shared hot tier. Not used yet: hot records stay in the process, and a
                warning says so.
            data_dir: Folder of the embedded Postgres; the user's data folder by default. Given here, it beats a URL in
                the environment.
            embedder: A name (see ``Settings.embedder``), a function from texts to vectors, or an embeddings object of
                LangChain or LlamaIndex.
            reranker: What reads the best hits once more with the question: a name (see ``Settings.reranker``), or a
                function from a question and a list of texts to a list of scores, larger is better. None by default.
            policies: Policies of your own, beside the built-in ones.
            settings: All settings at once, instead of the environment.
            **options: Single settings by name, see ``Settings``.

        Raises:
            InvalidRequestError: A setting or the URL does not fit.
            UnavailableError: The database cannot be reached or started.
            AccessDeniedError: The login is refused, or may not set up the schema.
            DataError: Postgres or pgvector is too old, the schema too new, or the store has another embedding model.
            MissingDependencyError: The embedder or the reranker needs a package.
        """
        chosen = settings or load_settings(database_url=database_url, redis_url=redis, data_dir=data_dir, **options)
        if data_dir is not None and database_url is None and settings is None:
            chosen = chosen.model_copy(update={"database_url": None})  # an argument beats the environment
        known = merge_policies(policies)
        if chosen.redis_url is not None:
            warnings.warn("redis is not used yet: hot records stay in this process", UserWarning, stacklevel=2)
        if chosen.tokenizer is not None:
            await asyncio.to_thread(load_token_counter, chosen.tokenizer)  # a wrong name fails here, not in context()
        analyzer = Analyzer(chosen.language)
        opened = await open_database(
            None if chosen.database_url is None else chosen.database_url.get_secret_value(),
            chosen.data_dir,
            PoolOptions(
                chosen.pool_min_size,
                chosen.pool_max_size,
                chosen.connect_timeout,
                chosen.command_timeout,
                chosen.connection_lifetime,
            ),
            apply_migrations=chosen.migrate,
            start_timeout=chosen.start_timeout,
        )
        try:
            loaded = await load_embedder(chosen.embedder if embedder is None else embedder, api_key=chosen.embedder_key)
            loaded_reranker = await load_reranker(chosen.reranker if reranker is None else reranker)
            model_id = await use_model(opened.database, loaded.name, loaded.dimensions)
        except BaseException:
            await opened.close()
            raise
        indexing = Indexing(loaded, analyzer, model_id)
        hot = ProcessHotTier(chosen.hot_max_bytes)
        services = _wire(chosen, opened, indexing, known, hot, loaded_reranker)
        return cls(chosen, opened, indexing, hot, loaded_reranker, services)

    @classmethod
    @asynccontextmanager
    async def session(cls, *args: Any, **kwargs: Any) -> AsyncIterator[Self]:
        """``open`` and ``close`` around a block: ``async with AsyncMemory.session() as memory:``."""
        memory = await cls.open(*args, **kwargs)
        try:
            yield memory
        finally:
            await memory.close()

    def scope(
        self,
        *,
        tenant: str | None = None,
        user: str | None = None,
        agent: str | None = None,
        session: str | None = None,
        team: str | None = None,
    ) -> AsyncScopedMemory:
        """The memory as seen from these labels; at least one is needed. The tenant is ``"default"`` if left out.

        Raises:
            InvalidRequestError: No label, or one that is empty or too long.
        """
        self._check_open()
        return AsyncScopedMemory(
            make_scope(tenant=tenant, user=user, agent=agent, session=session, team=team), self._services
        )

    def global_scope(self) -> AsyncScopedMemory:
        """The scope above all tenants: what is stored there, everybody reads."""
        self._check_open()
        return AsyncScopedMemory(GLOBAL_SCOPE, self._services)

    async def health(self) -> dict[str, Any]:
        """Whether the store answers, its versions, pool and hot tier. Does not raise if the database is gone."""
        self._check_open()
        return await self._services.insight.health()

    def process_statistics(self) -> dict[str, Any]:
        """Latencies, pool and hot tier of this process."""
        self._check_open()
        return self._services.insight.process_statistics()

    async def maintain(self) -> MaintenanceReport:
        """Removes expired records of all tenants and moves large scopes to the approximate index.

        Reads are right without it; ``memory-core worker`` calls it regularly.

        Raises:
            AccessDeniedError: The login may not act as administrator.
        """
        self._check_open()
        return await maintain(self._opened.database, self._settings.large_scope_records)

    async def reembed(self, embedder: Any, *, progress: Callable[[int, int], None] | None = None) -> int:
        """Changes the store's embedding model while it is in use; this object goes on with the new one.

        Old vectors serve reads until all new ones are there. Other processes then get a ``DataError`` that tells them
        to open the store again. Stopped at any point, it continues when called again.

        Args:
            embedder: As for ``open``.
            progress: Called with (done, total) after each batch.

        Returns:
            How many vectors were made.
        """
        self._check_open()
        loaded = await load_embedder(embedder, api_key=self._settings.embedder_key)
        made = await reembed(
            self._opened.database,
            loaded.name,
            loaded.dimensions,
            loaded.dimensions > MAX_COVERED_DIMENSIONS,
            lambda texts: embed_contents(loaded, texts),
            progress or _no_progress,
        )
        model_id = await use_model(self._opened.database, loaded.name, loaded.dimensions)
        old, indexing = self._indexing, Indexing(loaded, self._indexing.analyzer, model_id)
        await self._hot.reindex(indexing)
        known = self._services.records.policies
        services = _wire(self._settings, self._opened, indexing, known, self._hot, self._reranker)
        access = self._services.access
        self._indexing = indexing
        for field in fields(Services):  # in place: the scopes that have been handed out go on too
            setattr(self._services, field.name, getattr(services, field.name))
        await access.close()
        await _close_embedder(old)
        return made

    async def close(self) -> None:
        """Writes what is pending and closes all connections; the last process out stops an embedded server.

        Calling it again does nothing.
        """
        self._opened.database.check_owner()
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)  # whoever else closes waits for the same end

    async def _close(self) -> None:
        try:
            await self._services.access.close()
            await _close_embedder(self._indexing)
        finally:
            await self._opened.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _check_open(self) -> None:
        if self._closing is not None:
            raise UsageError("this memory is closed; open it again")


def _wire(
    settings: Settings,
    opened: OpenDatabase,
    indexing: Indexing,
    policies: Mapping[str, Policy],
    hot: ProcessHotTier,
    reranker: Reranker | None,
) -> Services:
    """Puts the rooms together."""
    database = opened.database
    durable = DurableRecords(database, indexing)
    latencies = Latencies()
    counters: list[TokenCounter] = []

    async def token_counter() -> TokenCounter:
        if not counters:
            counters.append(await asyncio.to_thread(load_token_counter, settings.tokenizer))
        return counters[0]

    facts = {
        "mode": "server" if opened.server is None else "embedded",
        "schema_version": opened.schema_version,
        "embedder": indexing.embedder.name,
        "dimensions": indexing.dimensions,
        "language": settings.language,
    }
    return Services(
        records=Records(durable, hot, indexing, policies),
        engine=RecallEngine(database, indexing, hot, reranker),
        access=AccessCounter(durable, hot, settings.access_flush_interval),
        events=EventLog(database),
        insight=Insight(database, hot, latencies, facts),
        latencies=latencies,
        token_counter=token_counter,
        opened=opened,
    )


async def _close_embedder(indexing: Indexing) -> None:
    close = getattr(indexing.embedder, "close", None)
    if close is not None:
        await close()


def _no_progress(done: int, total: int) -> None:
    """Nobody wants to know."""
