"""Taking turns, and what comes of it."""

from __future__ import annotations

import gc
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

Step = Callable[[int], Awaitable[float]]
"""Does the work with this number and returns the seconds it took; what it prepares is not counted."""

Times = Mapping[str, Sequence[Sequence[float]]]
"""Seconds by contestant, repeat and step."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table.

    Attributes:
        what: What was measured.
        ours: Our figure.
        unit: Its unit.
        reference: What it is compared with, None if the bar is absolute.
        theirs: The reference's figure.
        ratio: Ours / theirs, the median over repeats.
        spread: Lowest and highest ratio of a repeat.
        bar: What the ratio (or, without reference, our figure) may be at most; None if there is no bar.
    """

    what: str
    ours: float
    unit: str
    reference: str | None = None
    theirs: float | None = None
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    bar: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bar is met, None without one."""
        if self.bar is None:
            return None
        return (self.ours if self.ratio is None else self.ratio) <= self.bar


async def timed(work: Awaitable[object]) -> float:
    """Seconds the work takes."""
    start = perf_counter()
    await work
    return perf_counter() - start


async def race(contestants: Mapping[str, Step], *, steps: int, repeats: int, warm_up: int = 3) -> Times:
    """Lets the contestants take turns, step by step in their order; ours comes first, as others write the rows it made.

    Returns the times without those of the warm-up.
    """
    times: dict[str, list[list[float]]] = {name: [] for name in contestants}
    number = 0
    for repeat in range(repeats + 1):  # the first is the warm-up
        rounds = steps if repeat else warm_up
        for one in times.values():
            one.append([])
        gc.collect()
        for _ in range(rounds):
            for name, step in contestants.items():
                times[name][-1].append(await step(number))
            number += 1
    return {name: measured for name, (_, *measured) in times.items()}


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies."""
    return sorted(values)[min(math.ceil(share * len(values)) - 1, len(values) - 1)]


def compare(
    what: str, times: Times, reference: str, bar: float | None, *, share: float = 0.5, label: str | None = None
) -> Line:
    """The line that compares ours with a reference, in milliseconds, at a percentile."""
    ours = [percentile(repeat, share) for repeat in times["ours"]]
    theirs = [percentile(repeat, share) for repeat in times[reference]]
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return Line(
        what, median(ours) * 1000, "ms", label or reference, median(theirs) * 1000, median(ratios),
        (min(ratios), max(ratios)), bar,
    )  # fmt: skip
