"""The memory as one scope sees it: remember, recall, context, run, and the rest."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from os import PathLike
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from memory_core.errors import InvalidRequestError
from memory_core.model.events import Event
from memory_core.model.fence import strip_injected
from memory_core.model.filters import Filter, make_filter
from memory_core.model.hits import Context, Hit, Recall
from memory_core.model.record import Record, RememberResult, check_instant
from memory_core.model.scope import Scope
from memory_core.model.text import content_hash
from memory_core.recall.context import pack, render_block
from memory_core.recall.engine import RecallEngine
from memory_core.recall.request import Request, check_arms, check_half_life
from memory_core.records.access import AccessCounter
from memory_core.records.changes import Unset
from memory_core.records.drafts import check_flag, check_metadata, check_tags
from memory_core.records.service import MAX_LIMIT, Records, check_count
from memory_core.runs.episode import Run, episode_metadata, episode_text

if TYPE_CHECKING:
    from memory_core.events.log import EventLog
    from memory_core.importing.pipeline import ImportReport
    from memory_core.inference.token_count import TokenCounter
    from memory_core.insight.latency import Latencies
    from memory_core.insight.statistics import Insight

T = TypeVar("T")
_UNSET = Unset.UNSET
_RECALL_OPTIONS = ("as_of", "now", "recency", "arms", "signals")

DEFAULT_BUDGET_TOKENS = 800
CONTEXT_CANDIDATES = 60
"""Hits considered for a context block; more than fit into any budget up to some 3,000 tokens of chat turns."""


@dataclass(slots=True)
class Services:
    """What all scopes of a client work with; wired by the client, anew when the embedding model changes.

    ``opened`` is there to be kept: an embedded server stops when nobody holds it any more.
    """

    records: Records
    engine: RecallEngine
    access: AccessCounter
    events: EventLog
    insight: Insight
    latencies: Latencies
    token_counter: Callable[[], Awaitable[TokenCounter]]
    opened: object


class AsyncScopedMemory:
    """A scope's view of the store. Cheap to make; holds no connection.

    Attributes:
        scope: The labels this view is bound to. Everything it reads is visible from there (the database enforces it).
    """

    def __init__(self, scope: Scope, services: Services) -> None:
        self.scope = scope
        self._services = services

    async def remember(
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
        """Stores one thing and returns it as it now is; when this returns, a durable record is committed.

        A block of recalled text inside the content (``Context.text``) is taken out: memory never feeds on itself.
        The same content again returns the existing record with its evidence count raised. A key that exists gets the
        new content as its next version. A repeated turn (``thread`` and ``seq``) changes nothing.

        Args:
            content: The text, at most 100,000 characters. May be left out if there is a ``value``.
            value: JSON to keep with it.
            key: A name, unique in its scope.
            kind: What it is about, see ``Kind``; ``semantic`` by default, ``conversation`` for turns.
            policy: A named use, see ``BUILT_IN_POLICIES``; ``user`` (kept for good) by default.
            tier: Overrides the policy's tier.
            time_to_live: Overrides how long it is kept.
            level: The scope above this one to store it in (``tenant``, ``user``, ``team``, ``agent``, ``session``).
                By default durable records go to this scope without its session, hot records to the session.
            tags: Labels to filter by, at most 64.
            source: Where it came from.
            importance: 0 to 1.
            confidence: 0 to 1.
            boost: Factor on its place in recall, 0.1 to 10.
            pinned: True to put it first into every context.
            metadata: Your own JSON object.
            thread: The conversation it is a turn of.
            seq: The turn's place in the thread, from 0; by default the next one.
            actor: Who said it.
            role: ``user``, ``assistant``, ``system``, ``tool`` or ``other``.
            occurred_at: When it was said or happened, with a time zone; now by default.
            valid_from: From when it is true; ``occurred_at`` by default.
            valid_to: Until when it is true.

        Raises:
            InvalidRequestError: Something does not fit; nothing was written.
            ConflictError: The turn is taken by other content.
            UnavailableError: The database cannot be reached. Repeating the call is safe.
        """
        with self._services.latencies.measure("remember"):
            return await self._services.records.remember(
                self.scope,
                content,
                value=value,
                key=key,
                kind=kind,
                policy=policy,
                tier=tier,
                time_to_live=time_to_live,
                level=level,
                tags=tags,
                source=source,
                importance=importance,
                confidence=confidence,
                boost=boost,
                pinned=pinned,
                metadata=metadata,
                thread=thread,
                seq=seq,
                actor=actor,
                role=role,
                occurred_at=occurred_at,
                valid_from=valid_from,
                valid_to=valid_to,
            )

    async def remember_many(self, items: Iterable[str | Mapping[str, Any]], **shared: Any) -> list[RememberResult]:
        """Stores many things, much faster than one by one.

        Args:
            items: Texts, or mappings with the arguments of ``remember`` (``content`` among them).
            **shared: Arguments of ``remember`` for all items; an item's own win.

        Returns:
            A result per item, in their order. A bad item is reported in its result, the others are stored. Parts of
            1,000 are one transaction each.

        Raises:
            UnavailableError: The database cannot be reached; parts before are stored. Repeating the call is safe:
                what is there counts as duplicate (and raises evidence counts).
        """
        with self._services.latencies.measure("remember_many"):
            return await self._services.records.remember_many(self.scope, items, **shared)

    async def add_turn(
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
        """Stores a turn of a conversation: ``remember`` with the scope's session as the thread.

        Raises:
            InvalidRequestError: There is neither a ``thread`` nor a session in the scope.
        """
        thread = thread or self.scope.session
        if thread is None:
            raise InvalidRequestError("a turn needs a thread, or a scope with a session", field="thread")
        return await self.remember(
            content, actor=actor, role=role, thread=thread, seq=seq, occurred_at=occurred_at, metadata=metadata
        )

    async def import_file(
        self,
        path: str | PathLike[str],
        *,
        format: str | None = None,
        strict: bool = False,
        session_prefix: str = "",
        tags: Iterable[str] = (),
        progress: Callable[[int, int | None], None] | None = None,
    ) -> ImportReport:
        """Stores the conversations of a file as turns, with their dates and speakers. A second import adds nothing.

        Memory is bounded by the longest conversation, not by the file. A turn without a date gets the file's own
        (its last change) and ``{"undated": true}`` in its metadata.

        Args:
            path: JSONL with speaker, text, timestamp and session; an export of ChatGPT or Claude (.json or .zip);
                LoCoMo's JSON. See ``memory_core.importing.read_turns``.
            format: ``jsonl``, ``chatgpt``, ``claude`` or ``locomo``; detected by default.
            strict: True to store nothing at all if any entry is bad. By default bad entries are skipped and reported.
            session_prefix: Put before each session's name, to tell files apart that use the same names.
            tags: Labels for all turns.
            progress: Called with the number of turns done, and of all turns (None if that is not known).

        Raises:
            InvalidRequestError: The file is missing or of no known format; or ``strict`` and an entry is bad
                (``details["entries"]`` names the first ones). Nothing was written.
            UnavailableError: The database cannot be reached. Repeating the call is safe.
        """
        from memory_core.importing.pipeline import import_conversations

        shared = {"tags": check_tags(tags)}
        return await import_conversations(
            path,
            lambda items: self.remember_many(items, **shared),
            self._turns_of,
            format=format,
            strict=strict,
            session_prefix=session_prefix,
            progress=progress,
        )

    async def _turns_of(self, thread: str) -> dict[int, str]:
        """Hashes of the contents of a thread stored in this very scope, by their place."""
        target, found = self.scope.durable(), dict[int, str]()
        for offset in itertools.count(0, MAX_LIMIT):
            records = await self.list(thread=thread, limit=MAX_LIMIT, offset=offset)
            found.update(
                (record.seq, content_hash(record.content, record.value))
                for record in records
                if record.seq is not None and record.scope == target
            )
            if len(records) < MAX_LIMIT:
                break
        return found

    async def recall(
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
        """The records that bear on a question, best first.

        Args:
            query: A question or a task in plain words; the first 4,000 characters count. An empty one finds nothing.
            limit: Most hits, 0 to 10,000.
            kind: Only these kinds.
            tier: Only these tiers.
            tags: Only records with all of these tags.
            since: Only what occurred at or after this instant.
            until: Only what occurred before this instant.
            where: Conditions on metadata, see ``Filter``.
            thread: Only turns of this thread.
            actor: Only what this actor said.
            as_of: What was valid at this instant, instead of now.
            now: What "yesterday" in the query counts from; ``as_of`` or the clock by default.
            recency: A half-life: prefer newer records, half as strongly after each such time. Off by default: it finds
                less.
            arms: Some of ``lexical``, ``vector``, ``time``, ``key``, ``hot``; all by default.
            signals: False to rank by words and meaning alone.

        Raises:
            InvalidRequestError: An argument does not fit.
            UnavailableError: The database cannot be reached. Repeating the call is safe.
        """
        with self._services.latencies.measure("recall"):
            condition = make_filter(
                kind=kind, tier=tier, tags=tags, since=since, until=until, where=where, thread=thread, actor=actor
            )
            found = await self._recall(
                query, limit, condition, as_of=as_of, now=now, recency=recency, arms=arms, signals=signals
            )
        return list(found.hits)

    async def explain(self, query: str, *, limit: int = 10, **conditions: Any) -> Recall:
        """Like ``recall`` with the same arguments, and says why: each hit carries its arms, raw scores and signals;
        ``cut`` holds the candidates that were left out, with the reason."""
        options = {name: conditions.pop(name) for name in _RECALL_OPTIONS if name in conditions}
        try:
            condition = make_filter(**conditions)
        except TypeError as error:
            raise InvalidRequestError(f"unknown argument: {error}".replace("make_filter() ", "")) from None
        return await self._recall(query, limit, condition, explain=True, **options)

    async def _recall(
        self,
        query: str,
        limit: int,
        condition: Filter,
        *,
        as_of: datetime | None = None,
        now: datetime | None = None,
        recency: timedelta | None = None,
        arms: Collection[str] | None = None,
        signals: bool = True,
        explain: bool = False,
        with_pinned: bool = False,
    ) -> Recall:
        _check_words(query, "query")
        at = None if as_of is None else check_instant(as_of, "as_of")
        request = Request(
            viewer=self.scope,
            query=query.replace("\x00", " ").encode("utf-8", "replace").decode(),
            limit=check_count(limit, "limit", least=0, most=MAX_LIMIT),
            condition=condition,
            as_of=at,
            now=check_instant(now, "now") if now is not None else at or datetime.now(UTC),
            arms=check_arms(arms),
            signals=check_flag(signals, "signals"),
            explain=explain,
            recency=None if recency is None else check_half_life(recency),
            with_pinned=with_pinned,
        )
        found = await self._services.engine.recall(request)
        self._services.access.note(self.scope, [hit.record for hit in found.hits])
        return found

    async def context(
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
        """What to put into a prompt for a task: recalled records, dated, cited by id, fenced as data.

        Args:
            task: What is about to be done, in plain words.
            budget_tokens: Most tokens of the block, fence included.
            limit: Most records considered.
            kind: Only these kinds.
            tags: Only records with all of these tags.
            as_of: What was valid at this instant.
            now: What "yesterday" counts from.
        """
        _check_words(task, "task")
        check_count(budget_tokens, "budget_tokens", least=1, most=10_000_000)
        with self._services.latencies.measure("context"):
            found = await self._recall(
                strip_injected(task),
                limit,
                make_filter(kind=kind, tags=tags),
                as_of=as_of,
                now=now,
                with_pinned=True,
            )
            counter = await self._services.token_counter()
            chosen, _ = pack(found.hits, budget_tokens, counter.count)
            text = render_block([hit.record for hit in chosen])
            return Context(text, counter.count(text), counter.name, tuple(chosen), datetime.now(UTC))

    @asynccontextmanager
    async def run(
        self, task: str, *, budget_tokens: int = DEFAULT_BUDGET_TOKENS, metadata: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Run]:
        """Retrieval before execute: recalls for the task on entry, stores the episode on exit.

        ``async with scope.run("…") as run: run.outcome = await agent(run.task, run.context.text)``

        An exception inside the block is stored as a failed episode (its type only) and goes on to the caller.
        Recalled text in the task or the outcome is taken out before storing: memory never feeds on itself.

        Args:
            task: What is to be done.
            budget_tokens: Most tokens of ``run.context.text``.
            metadata: JSON to keep with the episode.
        """
        clean = strip_injected(_check_words(task, "task"))
        own = dict(check_metadata(metadata))  # before the work, not after it
        run = Run(clean, await self.context(clean, budget_tokens=budget_tokens), metadata=own)
        start = perf_counter()
        try:
            yield run
        except BaseException as error:
            await self._end(run, type(error).__name__, perf_counter() - start)
            raise
        await self._end(run, None if run.success else "reported by the caller", perf_counter() - start)

    async def _end(self, run: Run, error: str | None, seconds: float) -> None:
        outcome = None if run.outcome is None else strip_injected(str(run.outcome))
        run.episode = await self.remember(
            episode_text(run.task, outcome, error),
            kind="task_outcome",
            tags=("episode",),
            metadata=episode_metadata(run, error, seconds),
        )

    def with_memory(
        self, function: Callable[..., Awaitable[T]] | None = None, *, budget_tokens: int = DEFAULT_BUDGET_TOKENS
    ) -> Any:
        """Decorates an async function whose first parameter is the task: each call becomes a ``run``.

        If the function has a parameter ``context``, it gets the recalled ``Context``. What it returns is the outcome.
        """

        def decorate(inner: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
            wants_context = "context" in inspect.signature(inner).parameters

            @functools.wraps(inner)
            async def wrapper(task: str, *args: Any, **kwargs: Any) -> T:
                async with self.run(task, budget_tokens=budget_tokens) as run:
                    extra = {"context": run.context} if wants_context and "context" not in kwargs else {}
                    result = await inner(run.task, *args, **kwargs, **extra)
                    run.outcome = result
                return result

            return wrapper

        return decorate if function is None else decorate(function)

    async def get(self, id_or_key: UUID | str) -> Record:
        """One record by its id (a ``UUID`` or its text) or its key, from the narrowest visible scope; keys go first.

        Raises:
            NotFoundError: Nothing of the kind is visible.
        """
        with self._services.latencies.measure("get"):
            record = await self._services.records.get(self.scope, id_or_key)
        self._services.access.note(self.scope, [record])
        return record

    async def update(
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
        """Changes the given fields of a record and raises its version by one.

        Args:
            id_or_key: Which record.
            if_version: Change it only if it has this version (compare and set).
            content: New text; words and meaning are indexed anew.
            value: New JSON value.
            kind: New kind.
            tier: New tier; brings that tier's time to live unless one is given. A hot record can become durable.
            tags: New tags.
            source: New source.
            importance: 0 to 1.
            confidence: 0 to 1.
            boost: 0.1 to 10.
            pinned: True or False.
            metadata: New metadata, in place of the old.
            occurred_at: When it was said or happened.
            expires_at: When it leaves every read; None for never.
            time_to_live: The same, counted from now.
            valid_from: From when it is true.
            valid_to: Until when it is true; None for no end.

        Raises:
            NotFoundError: No such record is visible.
            ConflictError: It has another version, or another record has this content.
            InvalidRequestError: A value does not fit, or nothing is to be changed.
        """
        with self._services.latencies.measure("update"):
            return await self._services.records.update(
                self.scope,
                id_or_key,
                if_version=if_version,
                content=content,
                value=value,
                kind=kind,
                tier=tier,
                tags=tags,
                source=source,
                importance=importance,
                confidence=confidence,
                boost=boost,
                pinned=pinned,
                metadata=metadata,
                occurred_at=occurred_at,
                expires_at=expires_at,
                time_to_live=time_to_live,
                valid_from=valid_from,
                valid_to=valid_to,
            )

    async def pin(self, id_or_key: UUID | str, pinned: bool = True) -> Record:
        """Pins a record: first in every context, never lost by decay. ``pinned=False`` takes that back."""
        return await self.update(id_or_key, pinned=pinned)

    async def boost(self, id_or_key: UUID | str, factor: float) -> Record:
        """Sets the factor on a record's place in recall, 0.1 to 10; 1 is neutral."""
        return await self.update(id_or_key, boost=factor)

    async def forget(self, id_or_key: UUID | str) -> bool:
        """Deletes a record for good, with its words and vectors. False if nothing of the kind was visible."""
        record = await self._services.records.find(self.scope, id_or_key)
        return record is not None and bool(await self._services.records.forget(self.scope, [record.id]))

    async def forget_many(self, ids: Iterable[UUID]) -> list[UUID]:
        """Deletes records by id; returns those that were there."""
        wanted = list(ids)
        if not all(isinstance(record_id, UUID) for record_id in wanted):
            raise InvalidRequestError("ids must be UUIDs; forget() also takes a key", field="ids")
        return await self._services.records.forget(self.scope, wanted)

    async def events(self, *, after: int = 0, limit: int = 100) -> list[Event]:
        """The audit trail of the visible durable records, oldest first, from the event after number ``after``."""
        check_count(after, "after", least=0, most=2**63 - 1)
        check_count(limit, "limit", least=0, most=MAX_LIMIT)
        return await self._services.events.read(self.scope, after=after, limit=limit)

    async def statistics(self) -> dict[str, Any]:
        """How many records the scope sees, by tier, kind and level, their size and time span."""
        return await self._services.insight.statistics(self.scope)

    def __repr__(self) -> str:
        return f"<AsyncScopedMemory {self.scope}>"

    # last in the class: from here on the name "list" means this method
    async def list(
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
        """Visible records, newest first by ``occurred_at``.

        Args:
            kind: Only these kinds.
            tier: Only these tiers.
            tags: Only records with all of these tags.
            since: Only what occurred at or after this instant.
            until: Only what occurred before this instant.
            where: Conditions on metadata, see ``Filter``.
            thread: Only turns of this thread.
            actor: Only what this actor said.
            limit: Most records, 0 to 10,000.
            offset: Records to pass over.
            include_history: True to include what is not valid any more.
        """
        condition = make_filter(
            kind=kind, tier=tier, tags=tags, since=since, until=until, where=where, thread=thread, actor=actor
        )
        with self._services.latencies.measure("list"):
            return await self._services.records.list(
                self.scope, condition, limit=limit, offset=offset, superseded=include_history
            )


def _check_words(text: str, field: str) -> str:
    """``text`` if it is one; anything else about a question or a task is fine."""
    if not isinstance(text, str):
        raise InvalidRequestError(f"{field} must be a string, not {type(text).__name__}", field=field)
    return text


__all__ = ["AsyncScopedMemory", "Services"]
