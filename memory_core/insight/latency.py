"""How long calls take: the last thousand of each kind."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

KEPT = 1000


class Latencies:
    """Durations of the last ``KEPT`` calls of each operation, in this process."""

    def __init__(self) -> None:
        self._recent: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._errors: defaultdict[str, int] = defaultdict(int)

    @contextmanager
    def measure(self, operation: str) -> Iterator[None]:
        """Times the block; a block that raises is counted as an error."""
        start = perf_counter()
        try:
            yield
        except BaseException:
            self._errors[operation] += 1
            raise
        finally:
            self._counts[operation] += 1
            self._recent[operation].append(perf_counter() - start)

    def statistics(self) -> dict[str, dict[str, float]]:
        """Per operation: calls, errors, and the median and 95th percentile in milliseconds."""
        return {
            operation: {
                "calls": self._counts[operation],
                "errors": self._errors[operation],
                "p50_ms": _percentile(times, 0.50),
                "p95_ms": _percentile(times, 0.95),
            }
            for operation, times in sorted(self._recent.items())
        }


def _percentile(times: deque[float], share: float) -> float:
    ordered = sorted(times)
    return round(1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)], 3)
