"""``worker``."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Annotated

import typer

from memory_core.cli.opening import open_memory
from memory_core.cli.options import Model
from memory_core.cli.output import print_json
from memory_core.errors import InvalidRequestError, MemoryCoreError


def worker(
    store: Model,
    interval: Annotated[float, typer.Option(help="Seconds between rounds.", metavar="SECONDS")] = 60.0,
    once: Annotated[bool, typer.Option("--once", help="One round, then end.")] = False,
) -> None:
    """Remove what has expired, move large scopes to their index.

    Reads are right without it. Runs until Ctrl-C or SIGTERM; any number may run. With --json, a line per round.
    """
    if not interval > 0:
        raise InvalidRequestError("--interval must be more than 0 seconds", field="--interval")
    with _ended_by_sigterm(), open_memory(store) as memory, suppress(KeyboardInterrupt):
        while True:
            start = time.perf_counter()
            try:
                report = memory.maintain()
            except MemoryCoreError as error:
                if once or not error.retryable:
                    raise
                _tell(store.json, {"error": error.code, "message": str(error)}, f"error: {error}")
            else:
                seconds = round(time.perf_counter() - start, 3)
                _tell(
                    store.json,
                    {"expired": report.expired, "vectors_moved": report.vectors_moved, "seconds": seconds},
                    f"{report.expired} expired, {report.vectors_moved} vectors moved, {seconds:.2f} s",
                )
            if once:
                return
            time.sleep(interval)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the block like Ctrl-C, also in the middle of a round."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell(as_json: bool, document: dict[str, object], line: str) -> None:
    now = datetime.now(UTC)
    if as_json:
        print_json({"at": now, **document}, indent=None)
    else:
        print(f"{now:%Y-%m-%d %H:%M:%S}  {line}", flush=True)
