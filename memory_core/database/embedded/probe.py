"""Is that a live server, and is that process one? Asked of the server and the system, as files may be stale."""

from __future__ import annotations

import os
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

SUPERUSER = "postgres"


@dataclass(frozen=True)
class Endpoint:
    """Where a running server listens: a socket folder, or (Windows) a loopback address."""

    host: str
    port: int


def accepts(endpoint: Endpoint) -> bool:
    """Open a session as far as the server's first answer: what it says beats any file and costs about 2 ms."""
    body = struct.pack(">i", 196608) + f"user\0{SUPERUSER}\0database\0{SUPERUSER}\0\0".encode()  # protocol 3.0
    try:
        with _connect(endpoint) as session:
            session.sendall(struct.pack(">i", len(body) + 4) + body)
            answer = session.recv(4096)
    except OSError:
        return False
    # 57P03 cannot_connect_now: starting up, recovering or shutting down. Any other refusal comes from a live server.
    return answer[:1] == b"R" or (answer[:1] == b"E" and b"C57P03\0" not in answer)


def _connect(endpoint: Endpoint) -> socket.socket:
    if sys.platform == "win32" or not endpoint.host.startswith("/"):
        return socket.create_connection((endpoint.host, endpoint.port), timeout=2.0)
    session = socket.socket(socket.AF_UNIX)
    try:
        session.settimeout(2.0)
        session.connect(f"{endpoint.host}/.s.PGSQL.{endpoint.port}")
    except OSError:
        session.close()
        raise
    return session


def command_line(pid: int) -> list[str]:
    """The arguments of a process; empty if it is gone, a zombie or hidden from us."""
    if sys.platform == "linux":  # importing psutil takes longer than starting Postgres
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return []
        return [os.fsdecode(part) for part in raw.split(b"\0")]
    import psutil

    try:
        return list(psutil.Process(pid).cmdline())
    except psutil.Error:
        return []
