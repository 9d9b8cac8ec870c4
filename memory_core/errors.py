"""The errors a caller can meet. Standard library only; every other room may import this file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class MemoryCoreError(Exception):
    """Base of all errors raised by memory-core.

    Attributes:
        code: A stable, machine-readable name such as ``"invalid_request"``.
        retryable: True if the same call may succeed when repeated unchanged.
        details: Facts for programs (field names, limits, versions, ids). Never memory content.
    """

    code: ClassVar[str] = "memory_core_error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, /, **details: Any) -> None:
        super().__init__(message)
        self.details: Mapping[str, Any] = details


class InvalidRequestError(MemoryCoreError, ValueError):
    """The request is malformed: nothing was written. Fix the named field and call again."""

    code = "invalid_request"


class NotFoundError(MemoryCoreError, LookupError):
    """No record with this id or key is visible in the scope."""

    code = "not_found"


class ConflictError(MemoryCoreError):
    """The record has changed since it was read, or its key or turn is taken. Read it again, then decide."""

    code = "conflict"


class AccessDeniedError(MemoryCoreError):
    """The database refused the operation for this scope or login."""

    code = "access_denied"


class UnavailableError(MemoryCoreError):
    """The database cannot be reached or is overloaded. The same call may be repeated later."""

    code = "unavailable"
    retryable = True


class DataError(MemoryCoreError):
    """The stored data does not fit this version or configuration (schema version, embedding model)."""

    code = "data"


class UsageError(MemoryCoreError):
    """The library is used in a way that cannot work (closed, forked, called from its own event loop)."""

    code = "usage"


class MissingDependencyError(MemoryCoreError, ImportError):
    """An optional package is not installed. The message names the extra that brings it."""

    code = "missing_dependency"
