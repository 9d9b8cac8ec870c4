"""Errors of the driver, said in the words of this library. Messages never carry row content."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from memory_core.errors import (
    AccessDeniedError,
    ConflictError,
    DataError,
    InvalidRequestError,
    MemoryCoreError,
    UnavailableError,
    UsageError,
)

_UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OutOfMemoryError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.QueryCanceledError,
    asyncpg.InternalClientError,  # the driver takes up a connection at the moment the server cuts it
    OSError,
    asyncio.TimeoutError,
)
_CONFLICT = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)


def translate(error: Exception) -> MemoryCoreError:
    """The library's error for one of the driver's."""
    if isinstance(error, MemoryCoreError):
        return error
    name = type(error).__name__
    if isinstance(error, asyncpg.DiskFullError):
        return UnavailableError("the disk of the database is full; free space, then repeat the call", cause=name)
    if isinstance(error, asyncpg.InvalidPasswordError | asyncpg.InvalidAuthorizationSpecificationError):
        return AccessDeniedError(
            "the database refused the login; check user and password in the database URL (MEMORY_CORE_DATABASE_URL)",
            cause=name,
        )
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return InvalidRequestError("the database named in the URL does not exist; create it first", cause=name)
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return AccessDeniedError(
            "the database does not allow this for the bound scope or the login", cause=name, sqlstate=error.sqlstate
        )
    if isinstance(error, _CONFLICT):
        return _retryable_conflict(name)
    if isinstance(error, asyncpg.UniqueViolationError):
        return ConflictError(
            "another record has this content, key or turn", cause=name, constraint=error.constraint_name
        )
    if isinstance(error, asyncpg.ProgramLimitExceededError):
        return InvalidRequestError("too large for one transaction; store fewer records in one call", cause=name)
    if isinstance(error, _UNAVAILABLE):
        return UnavailableError(
            "the database cannot be reached or did not answer in time; it may be starting, stopped or overloaded",
            cause=name,
        )
    if isinstance(error, asyncpg.UndefinedFunctionError | asyncpg.UndefinedTableError | asyncpg.InvalidSchemaNameError):
        return DataError("the schema is missing or of another version; run: memory-core migrate up", cause=name)
    if getattr(error, "sqlstate", None) == "MC001":
        return DataError(
            "the store has been re-embedded with another model meanwhile; open it again with that embedder", cause=name
        )
    if isinstance(error, asyncpg.PostgresError):
        return DataError(f"the database refused the statement ({error.sqlstate} {name})", sqlstate=error.sqlstate)
    if isinstance(error, asyncpg.InterfaceError):
        return UsageError("the database connection is closed, or was used wrongly", cause=name)
    raise error


def _retryable_conflict(cause: str) -> ConflictError:
    error = ConflictError("a concurrent transaction got in the way; repeat the call", cause=cause)
    error.retryable = True  # type: ignore[misc]
    return error


@contextmanager
def translated() -> Iterator[None]:
    """Turns the driver's errors inside the block into the library's."""
    try:
        yield
    except (TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        raise translate(error) from None
