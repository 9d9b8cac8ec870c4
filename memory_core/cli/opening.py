"""From options to an open store."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

from memory_core.cli.output import waiting
from memory_core.errors import InvalidRequestError, NotFoundError

if TYPE_CHECKING:
    from memory_core.cli.options import Model, Scope, Store
    from memory_core.database.opening import PoolOptions
    from memory_core.model.record import Record
    from memory_core.settings import Settings
    from memory_core.sync import Memory, ScopedMemory

_CITATION = re.compile(r"\[?([0-9a-f]{8})\]?")
_PAGE = 10_000


def settings_of(store: Store, **more: Any) -> Settings:
    """The settings: options beat the environment, and ``--data-dir`` also beats a database URL from there."""
    from memory_core.settings import load_settings

    settings = load_settings(database_url=store.database_url, data_dir=store.data_dir, **more)
    if store.data_dir is not None and store.database_url is None:
        settings = settings.model_copy(update={"database_url": None})
    if store.data_dir is not None and store.database_url is not None:
        raise InvalidRequestError("--data-dir and --database-url are two different stores; give one of them")
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("memory_core").setLevel(settings.log_level.upper())
    return settings


def url_of(settings: Settings) -> str | None:
    """The database URL, None for the embedded Postgres."""
    return None if settings.database_url is None else settings.database_url.get_secret_value()


def pool_options(settings: Settings) -> PoolOptions:
    """Pool sizes and time limits, for commands that work below ``Memory``."""
    from memory_core.database.opening import PoolOptions

    return PoolOptions(
        settings.pool_min_size,
        settings.pool_max_size,
        settings.connect_timeout,
        settings.command_timeout,
        settings.connection_lifetime,
    )


@contextmanager
def open_memory(options: Model) -> Iterator[Memory]:
    """The store, closed at the end."""
    from memory_core.sync import Memory

    settings = settings_of(options, embedder=options.embedder)
    with waiting(options.json, "Opening the store …"):
        memory = Memory.open(settings=settings)
    with memory:
        yield memory


@contextmanager
def open_scope(options: Scope) -> Iterator[ScopedMemory]:
    """The store as the scope given by the options sees it."""
    labels = options.labels()
    with open_memory(options) as memory:
        yield memory.scope(**labels)


async def schema_state(settings: Settings) -> tuple[str | None, str]:
    """The schema's revision (None: nothing there yet) and where it was looked for. Makes nothing."""
    from memory_core.database.migrate import inspect

    url = url_of(settings)
    if url is None and not (settings.data_dir / "pg").exists():
        return None, f"no store yet in {settings.data_dir}"
    with database_url(settings) as owner_url:
        try:
            found = await inspect(owner_url, timeout=settings.connect_timeout)
        except InvalidRequestError:
            if url is not None:
                raise
            return None, f"embedded in {settings.data_dir}"  # a server whose database was never made
    return found.version, f"embedded in {settings.data_dir}" if url is None else "the server of the database URL"


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The URL of the store's database, whose embedded server runs meanwhile."""
    from memory_core.database.embedded import acquire_embedded
    from memory_core.database.opening import EMBEDDED_DATABASE

    if (url := url_of(settings)) is not None:
        yield url
        return
    server = acquire_embedded(settings.data_dir, start_timeout=settings.start_timeout)
    try:
        yield server.dsn(database=EMBEDDED_DATABASE)
    finally:
        server.release()


def find(scope: ScopedMemory, name: str) -> Record:
    """The record a person means: by id, by key, or by the short form of its id that lists and contexts show.

    Raises:
        NotFoundError: None is visible in the scope.
        InvalidRequestError: The short form fits several.
    """
    try:
        return scope.get(UUID(name))
    except ValueError:
        pass
    short = _CITATION.fullmatch(name.lower())
    try:
        return scope.get(name)
    except NotFoundError:
        if short is None:
            raise _not_found(name) from None
    found = []
    for offset in count(0, _PAGE):
        page = scope.list(limit=_PAGE, offset=offset, include_history=True)
        found += [record for record in page if record.id.hex.endswith(short[1])]
        if len(page) < _PAGE:
            break
    if len(found) > 1:
        ids = ", ".join(str(record.id) for record in found)
        raise InvalidRequestError(f"{name} fits {len(found)} records; give one of the full ids: {ids}", field="id")
    if not found:
        raise _not_found(name)
    return found[0]


def _not_found(name: str) -> NotFoundError:
    return NotFoundError(
        f"no record with the id or key {name} is visible in this scope; see memory-core list", id_or_key=name
    )
