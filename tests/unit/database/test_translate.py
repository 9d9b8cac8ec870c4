"""The driver's errors in the library's words, and the decision whether a server will do."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from memory_core import (
    AccessDeniedError,
    ConflictError,
    DataError,
    InvalidRequestError,
    MemoryCoreError,
    UnavailableError,
    UsageError,
)
from memory_core.database.migrate import refuse_unsuitable, revisions
from memory_core.database.translate import translate, translated

CANARY = "what the row says"

CASES: list[tuple[Exception, type[MemoryCoreError], bool, str]] = [
    (asyncpg.DiskFullError(CANARY), UnavailableError, True, "disk of the database is full; free space"),
    (asyncpg.InvalidPasswordError(CANARY), AccessDeniedError, False, "check user and password"),
    (asyncpg.InvalidAuthorizationSpecificationError(CANARY), AccessDeniedError, False, "check user and password"),
    (asyncpg.InvalidCatalogNameError(CANARY), InvalidRequestError, False, "create it first"),
    (asyncpg.InsufficientPrivilegeError(CANARY), AccessDeniedError, False, "does not allow"),
    (asyncpg.SerializationError(CANARY), ConflictError, True, "repeat the call"),
    (asyncpg.DeadlockDetectedError(CANARY), ConflictError, True, "repeat the call"),
    (asyncpg.UniqueViolationError(CANARY), ConflictError, False, "content, key or turn"),
    (asyncpg.ProgramLimitExceededError(CANARY), InvalidRequestError, False, "store fewer"),
    (asyncpg.TooManyConnectionsError(CANARY), UnavailableError, True, "cannot be reached"),
    (asyncpg.CannotConnectNowError(CANARY), UnavailableError, True, "cannot be reached"),
    (asyncpg.AdminShutdownError(CANARY), UnavailableError, True, "cannot be reached"),
    (asyncpg.CrashShutdownError(CANARY), UnavailableError, True, "cannot be reached"),
    (asyncpg.QueryCanceledError(CANARY), UnavailableError, True, "in time"),
    (asyncpg.OutOfMemoryError(CANARY), UnavailableError, True, "overloaded"),
    (asyncpg.ConnectionDoesNotExistError(CANARY), UnavailableError, True, "cannot be reached"),
    (asyncpg.InternalClientError(CANARY), UnavailableError, True, "cannot be reached"),
    (ConnectionRefusedError(CANARY), UnavailableError, True, "cannot be reached"),
    (TimeoutError(CANARY), UnavailableError, True, "in time"),
    (asyncpg.UndefinedTableError(CANARY), DataError, False, "memory-core migrate up"),
    (asyncpg.UndefinedFunctionError(CANARY), DataError, False, "memory-core migrate up"),
    (asyncpg.NotNullViolationError(CANARY), DataError, False, "23502"),
    (asyncpg.InterfaceError(CANARY), UsageError, False, "connection is closed"),
]


@pytest.mark.parametrize(("error", "kind", "retryable", "words"), CASES, ids=lambda case: type(case).__name__)
def test_translate(error: Exception, kind: type[MemoryCoreError], retryable: bool, words: str) -> None:
    with pytest.raises(kind, match=words) as caught, translated():
        raise error
    assert type(caught.value) is kind
    assert caught.value.retryable is retryable
    assert CANARY not in f"{caught.value} {caught.value.details}"
    assert caught.value.__suppress_context__


def test_own_errors_and_programming_errors_pass() -> None:
    own = ConflictError("as it is")
    assert translate(own) is own
    for other in (KeyError("x"), AssertionError("x"), asyncio.CancelledError()):
        with pytest.raises(type(other)), translated():
            raise other


def test_a_retryable_conflict_leaves_the_class_alone() -> None:
    assert translate(asyncpg.SerializationError("x")).retryable is True
    assert ConflictError.retryable is False


@pytest.mark.parametrize("available", ["0.8.0", "0.8.5", "0.10.1", "1.0", "0.8"])
def test_a_suitable_server(available: str) -> None:
    for version in (None, *revisions()):
        refuse_unsuitable(150000, available, version)


@pytest.mark.parametrize(
    ("facts", "remedy"),
    [
        ((140012, "0.8.0", None), "15 or newer is needed, found 14; upgrade"),
        ((160000, None, None), "no pgvector; install"),
        ((160000, "0.7.4", None), "found 0.7.4; .*ALTER EXTENSION vector UPDATE"),
        ((160000, "0.5", None), "found 0.5"),
        ((160000, "0.8.0", "9999_future"), "made by a newer release.*Upgrade memory-core"),
    ],
)
def test_an_unsuitable_server(facts: tuple[int, str | None, str | None], remedy: str) -> None:
    with pytest.raises(DataError, match=remedy):
        refuse_unsuitable(*facts)
