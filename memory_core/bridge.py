"""The one place where threads and event loops meet."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from memory_core.errors import UsageError

T = TypeVar("T")


class Bridge:
    """An event loop in a thread of its own, on which synchronous callers run coroutines.

    Works from any thread and also inside a running loop (that loop waits meanwhile: use ``AsyncMemory`` there). The
    thread is a daemon: it never keeps a process alive.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._closing = False
        self._gate = threading.RLock()  # no work is handed to a loop that is being stopped
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="memory-core", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs ``work`` on the loop and returns its result.

        Raises:
            UsageError: The process was forked since, the bridge is closed, or the call comes from the loop itself,
                which would wait for itself for ever.
        """
        try:
            future = self._submit(work)
        except UsageError:
            work.close()
            raise
        try:
            return future.result()
        except CancelledError:
            raise UsageError("the memory was closed while the call was running") from None
        except BaseException:
            future.cancel()  # an interrupt (Ctrl-C) in the waiting thread also ends the work
            raise

    @property
    def is_open(self) -> bool:
        """True if work can be run from this process."""
        return os.getpid() == self._pid and not self._closing

    def close(self) -> None:
        """Stops the loop and its thread; calls still running in other threads end with a ``UsageError``.

        Calling it again, or in a forked process, does nothing.
        """
        if not self.is_open:
            return
        if threading.current_thread() is self._thread:
            raise UsageError("a memory cannot be closed from its own thread")
        with self._gate:
            if self._closing:
                return
            self._closing = True
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        if os.getpid() != self._pid:
            raise UsageError("this memory was opened before a fork; open it again in the new process")
        if threading.current_thread() is self._thread:
            raise UsageError("called from the memory's own thread; use AsyncMemory in asynchronous code")
        with self._gate:
            if self._closing:
                raise UsageError("this memory is closed; open it again")
            return asyncio.run_coroutine_threadsafe(work, self._loop)


async def _cancel_others() -> None:
    """Ends all other tasks of the running loop, and waits until they have cleaned up."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
