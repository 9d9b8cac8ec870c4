"""Leases on the embedded server: whoever holds one keeps it running; the last to let go stops it."""

from __future__ import annotations

import errno
import os
import time
import weakref
from pathlib import Path
from urllib.parse import quote

from memory_core.database.embedded.cluster import Cluster
from memory_core.database.embedded.locks import become_sole_holder, close_lock, exclusive, open_lock
from memory_core.database.embedded.probe import Endpoint
from memory_core.errors import MemoryCoreError, UnavailableError, UsageError


class EmbeddedServer:
    """A lease on the running server of a data folder; get one with ``acquire_embedded``.

    Any number of processes may hold leases on one folder, and one process several. The server stops when the last
    lease is released: by ``release()``, when the lease is garbage-collected, or when its process exits in the
    ordinary way. The lease of a killed process lapses at once; if it was the last, the server runs on until the
    next process that opens the folder leaves it. A forked child holds no lease of its own.

    On Windows, where files have no shared locks, leases are not counted: the server runs on when all have left.

    Attributes:
        data_dir: The data folder, resolved.
    """

    def __init__(self, data_dir: Path, descriptor: int, cluster: Cluster, endpoint: Endpoint) -> None:
        self.data_dir = data_dir
        self._cluster = cluster
        self._endpoint = endpoint
        self._finalizer = weakref.finalize(self, _release, descriptor, cluster, os.getpid())

    def dsn(self, user: str = "postgres", database: str = "postgres") -> str:
        """A URL for asyncpg and psycopg, over the server's unix socket (on Windows: over loopback, with a password)."""
        password = self._cluster.password()
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
        host, port = quote(self._endpoint.host, safe="/"), self._endpoint.port
        return f"postgresql://{login}@/{quote(database, safe='')}?host={host}&port={port}"

    def ensure_running(self, *, timeout: float = 60.0) -> None:
        """Start the server again if it was killed meanwhile; returns at once if it runs.

        ``dsn()`` stays the same, except on Windows, where the server may get another port.

        Raises:
            UsageError: The lease is released, or belongs to the process this one was forked from.
            UnavailableError: The server was not ready within ``timeout`` seconds.
        """
        if self.released:
            raise UsageError("This lease on the embedded Postgres is released or was inherited by a fork: acquire one.")
        self._endpoint = _ensure_running(self._cluster, time.monotonic() + timeout)

    @property
    def released(self) -> bool:
        """True if this process does not hold the lease (any more)."""
        state = self._finalizer.peek()
        return state is None or state[2][2] != os.getpid()

    def release(self) -> None:
        """Give the lease up; the last one stops the server and waits until it is gone. More calls do nothing.

        In a forked child this does nothing: the lease is its parent's.
        """
        self._finalizer()


def acquire_embedded(data_dir: Path, *, start_timeout: float = 60.0) -> EmbeddedServer:
    """Open a data folder: create it if need be, start its Postgres unless it runs, and return a lease on it.

    Blocks while another process starts or stops the server, and while the server recovers from a crash. Attaching
    to a running server takes a few milliseconds.

    Args:
        data_dir: The data folder. The server's files go to its subfolder ``pg``.
        start_timeout: Seconds to wait for the server to accept connections. Preparing a new folder is not interrupted.

    Raises:
        UsageError: The folder cannot be created or written.
        UnavailableError: The server was not ready in time, failed to start, or the disk is full.
        DataError: The folder was written by another version of Postgres, or holds other files.
        MissingDependencyError: No Postgres for this platform is installed.
    """
    deadline = time.monotonic() + start_timeout
    try:
        data_dir = data_dir.expanduser().resolve()
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        cluster = Cluster(data_dir)
        descriptor = open_lock(data_dir / "clients.lock", deadline, shared=True)
        # From here on nobody stops the server, as that takes the lock exclusively.
        try:
            endpoint = _ensure_running(cluster, deadline)
            return EmbeddedServer(data_dir, descriptor, cluster, endpoint)
        except BaseException:
            close_lock(descriptor)  # without stopping the server: it may be recovering, which a stop would start over
            raise
    except OSError as error:
        raise _explained(error, data_dir) from error


def _ensure_running(cluster: Cluster, deadline: float) -> Endpoint:
    if endpoint := cluster.endpoint():
        return endpoint
    with exclusive(cluster.data_dir / "start.lock", deadline):
        return cluster.ensure_running(deadline)


def _release(descriptor: int, cluster: Cluster, owner: int) -> None:
    if os.getpid() != owner:  # a forked child; its copy of the descriptor is closed already (see locks)
        return
    try:
        if become_sole_holder(descriptor):
            cluster.stop()  # newcomers wait for the lock, then start the server anew
    finally:
        close_lock(descriptor)


def _explained(error: OSError, data_dir: Path) -> MemoryCoreError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return UnavailableError(
            f"The disk that holds the data folder {data_dir} is full. Free some space and try again, or set "
            "MEMORY_CORE_DATA_DIR to a folder on another disk.",
            data_dir=str(data_dir),
        )
    return UsageError(
        f"The data folder {data_dir} cannot be used ({error.strerror}). Set MEMORY_CORE_DATA_DIR to a folder that you "
        "can write to.",
        data_dir=str(data_dir),
    )
