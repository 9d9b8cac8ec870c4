"""File locks the kernel gives back when a process dies. A lock belongs to an open file, not to a process."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from memory_core.errors import UnavailableError

_POLL_SECONDS = 0.005

# Descriptors of this process. A forked child closes its copies: it must not keep a lock its parent has given up.
_open_descriptors: set[int] = set()

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int, *, shared: bool) -> bool:
        if shared:  # no shared locks here: see EmbeddedServer
            return True
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        """Closing the file gives the lock back."""

else:
    import fcntl

    def _try_lock(descriptor: int, *, shared: bool) -> bool:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        # Said aloud, as closing would leave the lock to a child forked before its copy was closed.
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _close_in_child() -> None:
        for descriptor in tuple(_open_descriptors):
            with suppress(OSError):
                os.close(descriptor)
        _open_descriptors.clear()


@cache
def _watch_forks() -> None:
    if sys.platform != "win32":
        os.register_at_fork(after_in_child=_close_in_child)


def open_lock(path: Path, deadline: float, *, shared: bool) -> int:
    """Open and lock a file, waiting until ``deadline`` (an instant of ``time.monotonic()``).

    Returns:
        The descriptor that holds the lock; it is not inherited by programs this process starts.

    Raises:
        UnavailableError: Another process kept the lock all the time.
    """
    _watch_forks()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # Python makes it non-inheritable
    _open_descriptors.add(descriptor)
    try:
        while not _try_lock(descriptor, shared=shared):
            if time.monotonic() >= deadline:
                raise UnavailableError(
                    f"Another process is still starting or stopping the embedded Postgres in {path.parent}.",
                    data_dir=str(path.parent),
                )
            time.sleep(_POLL_SECONDS)
    except BaseException:
        close_lock(descriptor)
        raise
    return descriptor


def become_sole_holder(descriptor: int) -> bool:
    """Give up a shared lock; True if nobody else held one: then the lock is now held exclusively."""
    if os.name == "nt":
        return False
    _unlock(descriptor)  # then of several that leave at once, the last one succeeds below
    return _try_lock(descriptor, shared=False)


def close_lock(descriptor: int) -> None:
    """Give up the lock, if any, and close the file."""
    _open_descriptors.discard(descriptor)
    _unlock(descriptor)
    os.close(descriptor)


@contextmanager
def exclusive(path: Path, deadline: float) -> Iterator[None]:
    """Hold the exclusive lock of a file during a ``with`` block. Arguments and errors as for ``open_lock``."""
    descriptor = open_lock(path, deadline, shared=False)
    try:
        yield
    finally:
        close_lock(descriptor)
