"""``Memory`` and ``ScopedMemory``: the synchronous face, one line a method. The async core has the documentation."""

from __future__ import annotations

import atexit
import functools
import inspect
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from memory_core.bridge import Bridge
from memory_core.client import AsyncMemory
from memory_core.consolidation.maintenance import MaintenanceReport
from memory_core.errors import MemoryCoreError
from memory_core.model.events import Event
from memory_core.model.hits import Context, Hit, Recall
from memory_core.model.policies import Policy
from memory_core.model.record import Record, RememberResult
from memory_core.model.scope import Scope
from memory_core.records.changes import Unset
from memory_core.runs.episode import Run
from memory_core.scoped import CONTEXT_CANDIDATES, DEFAULT_BUDGET_TOKENS, AsyncScopedMemory
from memory_core.settings import Settings

if TYPE_CHECKING:
    from memory_core.importing.pipeline import ImportReport

_UNSET = Unset.UNSET


class Memory:
    """An open store for synchronous code: any thread, notebooks, web servers. See ``AsyncMemory``.

    Use it as a context manager or call ``close()``; what is still open when the process exits is closed then.
    """

    def __init__(self, bridge: Bridge, core: AsyncMemory) -> None:
        self._bridge = bridge
        self._core = core
        self._closing = threading.RLock()
        self._at_exit = functools.partial(_close_quietly, weakref.ref(self))
        atexit.register(self._at_exit)

    @classmethod
    def open(
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
        """Opens a store; the first opening makes it. See ``AsyncMemory.open``."""
        bridge = Bridge()
        try:
            opening = AsyncMemory.open(
                database_url,
                redis=redis,
                data_dir=data_dir,
                embedder=embedder,
                reranker=reranker,
                policies=policies,
                settings=settings,
                **options,
            )
            return cls(bridge, bridge.run(opening))
        except BaseException:
            bridge.close()
            raise

    def scope(
        self,
        *,
        tenant: str | None = None,
        user: str | None = None,
        agent: str | None = None,
        session: str | None = None,
        team: str | None = None,
    ) -> ScopedMemory:
        """The memory as seen from these labels. See ``AsyncMemory.scope``."""
        core = self._core.scope(tenant=tenant, user=user, agent=agent, session=session, team=team)
        return ScopedMemory(self, self._bridge, core)

    def global_scope(self) -> ScopedMemory:
        """The scope above all tenants. See ``AsyncMemory.global_scope``."""
        return ScopedMemory(self, self._bridge, self._core.global_scope())

    def health(self) -> dict[str, Any]:
        """See ``AsyncMemory.health``."""
        return self._bridge.run(self._core.health())

    def process_statistics(self) -> dict[str, Any]:
        """See ``AsyncMemory.process_statistics``."""
        return self._core.process_statistics()

    def maintain(self) -> MaintenanceReport:
        """See ``AsyncMemory.maintain``."""
        return self._bridge.run(self._core.maintain())

    def reembed(self, embedder: Any, *, progress: Callable[[int, int], None] | None = None) -> int:
        """See ``AsyncMemory.reembed``."""
        return self._bridge.run(self._core.reembed(embedder, progress=progress))

    def close(self) -> None:
        """See ``AsyncMemory.close``."""
        if not self._bridge.is_open:  # also in a forked process, where the lock may be held for ever
            return
        with self._closing:
            if self._bridge.is_open:
                try:
                    self._bridge.run(self._core.close())
                finally:
                    self._bridge.close()
        atexit.unregister(self._at_exit)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ScopedMemory:
    """A scope's view of the store for synchronous code. See ``AsyncScopedMemory`` for every method."""

    def __init__(self, memory: Memory, bridge: Bridge, core: AsyncScopedMemory) -> None:
        self._memory = memory  # kept open as long as this view of it is in use
        self._bridge = bridge
        self._core = core

    @property
    def scope(self) -> Scope:
        """The labels this view is bound to."""
        return self._core.scope

    def remember(
        self,
        content: str | None = None,
        *,
        value: Any = None,
        key: str | None = None,
        kind: str | None = None,
        policy: str | None = None,
        tier: str | None = None,
        time_to_live: timedelta | None = None,
        level: str | None = None,
        tags: Iterable[str] = (),
        source: str | None = None,
        importance: float = 0.5,
        confidence: float = 0.7,
        boost: float = 1.0,
        pinned: bool = False,
        metadata: Mapping[str, Any] | None = None,
        thread: str | None = None,
        seq: int | None = None,
        actor: str | None = None,
        role: str | None = None,
        occurred_at: datetime | None = None,
        valid_from: datetime | None = None,
        valid_to: datetime | None = None,
    ) -> Record:
        """See ``AsyncScopedMemory.remember``."""
        return self._bridge.run(self._core.remember(**_arguments(locals())))

    def remember_many(self, items: Iterable[str | Mapping[str, Any]], **shared: Any) -> list[RememberResult]:
        """See ``AsyncScopedMemory.remember_many``."""
        return self._bridge.run(self._core.remember_many(items, **shared))

    def add_turn(
        self,
        content: str,
        *,
        actor: str | None = None,
        role: str | None = None,
        thread: str | None = None,
        seq: int | None = None,
        occurred_at: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Record:
        """See ``AsyncScopedMemory.add_turn``."""
        return self._bridge.run(self._core.add_turn(**_arguments(locals())))

    def import_file(
        self,
        path: str | PathLike[str],
        *,
        format: str | None = None,
        strict: bool = False,
        session_prefix: str = "",
        tags: Iterable[str] = (),
        progress: Callable[[int, int | None], None] | None = None,
    ) -> ImportReport:
        """See ``AsyncScopedMemory.import_file``. ``progress`` is called from the memory's own thread."""
        return self._bridge.run(self._core.import_file(**_arguments(locals())))

    def recall(
        self,
        query: str,
        *,
        limit: int = 10,
        kind: str | Iterable[str] | None = None,
        tier: str | Iterable[str] | None = None,
        tags: str | Iterable[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        where: Mapping[str, Any] | None = None,
        thread: str | None = None,
        actor: str | None = None,
        as_of: datetime | None = None,
        now: datetime | None = None,
        recency: timedelta | None = None,
        arms: Collection[str] | None = None,
        signals: bool = True,
    ) -> list[Hit]:
        """See ``AsyncScopedMemory.recall``."""
        return self._bridge.run(self._core.recall(**_arguments(locals())))

    def explain(self, query: str, *, limit: int = 10, **conditions: Any) -> Recall:
        """See ``AsyncScopedMemory.explain``."""
        return self._bridge.run(self._core.explain(query, limit=limit, **conditions))

    def context(
        self,
        task: str,
        *,
        budget_tokens: int = DEFAULT_BUDGET_TOKENS,
        limit: int = CONTEXT_CANDIDATES,
        kind: str | Iterable[str] | None = None,
        tags: str | Iterable[str] | None = None,
        as_of: datetime | None = None,
        now: datetime | None = None,
    ) -> Context:
        """See ``AsyncScopedMemory.context``."""
        return self._bridge.run(self._core.context(**_arguments(locals())))

    @contextmanager
    def run(
        self, task: str, *, budget_tokens: int = DEFAULT_BUDGET_TOKENS, metadata: Mapping[str, Any] | None = None
    ) -> Iterator[Run]:
        """Retrieval before execute: ``with scope.run("…") as run:``. See ``AsyncScopedMemory.run``."""
        manager = self._core.run(task, budget_tokens=budget_tokens, metadata=metadata)
        run = self._bridge.run(manager.__aenter__())
        try:
            yield run
        except BaseException as error:
            self._bridge.run(manager.__aexit__(type(error), error, error.__traceback__))
            raise
        self._bridge.run(manager.__aexit__(None, None, None))

    def with_memory(
        self, function: Callable[..., Any] | None = None, *, budget_tokens: int = DEFAULT_BUDGET_TOKENS
    ) -> Any:
        """Decorates a function whose first parameter is the task. See ``AsyncScopedMemory.with_memory``.

        Async functions may be decorated too; each of their calls then hops to the memory's own loop and back.
        """

        def decorate(inner: Callable[..., Any]) -> Callable[..., Any]:
            wants_context = "context" in inspect.signature(inner).parameters

            def extras(run: Run, given: Mapping[str, Any]) -> dict[str, Any]:
                return {"context": run.context} if wants_context and "context" not in given else {}

            @functools.wraps(inner)
            def wrapper(task: str, *args: Any, **kwargs: Any) -> Any:
                with self.run(task, budget_tokens=budget_tokens) as run:
                    run.outcome = inner(run.task, *args, **kwargs, **extras(run, kwargs))
                return run.outcome

            @functools.wraps(inner)
            async def async_wrapper(task: str, *args: Any, **kwargs: Any) -> Any:
                with self.run(task, budget_tokens=budget_tokens) as run:
                    run.outcome = await inner(run.task, *args, **kwargs, **extras(run, kwargs))
                return run.outcome

            return async_wrapper if inspect.iscoroutinefunction(inner) else wrapper

        return decorate if function is None else decorate(function)

    def get(self, id_or_key: UUID | str) -> Record:
        """See ``AsyncScopedMemory.get``."""
        return self._bridge.run(self._core.get(id_or_key))

    def update(
        self,
        id_or_key: UUID | str,
        *,
        if_version: int | None = None,
        content: str | Unset = _UNSET,
        value: Any = _UNSET,
        kind: str | Unset = _UNSET,
        tier: str | Unset = _UNSET,
        tags: Iterable[str] | Unset = _UNSET,
        source: str | Unset | None = _UNSET,
        importance: float | Unset = _UNSET,
        confidence: float | Unset = _UNSET,
        boost: float | Unset = _UNSET,
        pinned: bool | Unset = _UNSET,
        metadata: Mapping[str, Any] | Unset = _UNSET,
        occurred_at: datetime | Unset = _UNSET,
        expires_at: datetime | Unset | None = _UNSET,
        time_to_live: timedelta | Unset | None = _UNSET,
        valid_from: datetime | Unset = _UNSET,
        valid_to: datetime | Unset | None = _UNSET,
    ) -> Record:
        """See ``AsyncScopedMemory.update``."""
        return self._bridge.run(self._core.update(**_arguments(locals())))

    def pin(self, id_or_key: UUID | str, pinned: bool = True) -> Record:
        """See ``AsyncScopedMemory.pin``."""
        return self._bridge.run(self._core.pin(id_or_key, pinned))

    def boost(self, id_or_key: UUID | str, factor: float) -> Record:
        """See ``AsyncScopedMemory.boost``."""
        return self._bridge.run(self._core.boost(id_or_key, factor))

    def forget(self, id_or_key: UUID | str) -> bool:
        """See ``AsyncScopedMemory.forget``."""
        return self._bridge.run(self._core.forget(id_or_key))

    def forget_many(self, ids: Iterable[UUID]) -> list[UUID]:
        """See ``AsyncScopedMemory.forget_many``."""
        return self._bridge.run(self._core.forget_many(ids))

    def events(self, *, after: int = 0, limit: int = 100) -> list[Event]:
        """See ``AsyncScopedMemory.events``."""
        return self._bridge.run(self._core.events(after=after, limit=limit))

    def statistics(self) -> dict[str, Any]:
        """See ``AsyncScopedMemory.statistics``."""
        return self._bridge.run(self._core.statistics())

    def __repr__(self) -> str:
        return f"<ScopedMemory {self.scope}>"

    # last in the class: from here on the name "list" means this method
    def list(
        self,
        *,
        kind: str | Iterable[str] | None = None,
        tier: str | Iterable[str] | None = None,
        tags: str | Iterable[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        where: Mapping[str, Any] | None = None,
        thread: str | None = None,
        actor: str | None = None,
        limit: int = 100,
        offset: int = 0,
        include_history: bool = False,
    ) -> list[Record]:
        """See ``AsyncScopedMemory.list``."""
        return self._bridge.run(self._core.list(**_arguments(locals())))


def _arguments(local: dict[str, Any]) -> dict[str, Any]:
    """A method's own arguments by name, to be passed on as they came."""
    return {name: value for name, value in local.items() if name != "self"}


def _close_quietly(reference: weakref.ref[Memory]) -> None:
    memory = reference()
    if memory is not None:
        with suppress(MemoryCoreError):
            memory.close()
