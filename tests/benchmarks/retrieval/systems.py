"""What is compared: configurations of the product itself, through its public interface, over one index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from memory_core import AsyncScopedMemory
from tests.benchmarks.retrieval.datasets import Conversation, Question

LIMIT = 100
"""Turns asked for; enough chat turns for 2,000 tokens."""


@dataclass(frozen=True, slots=True)
class System:
    """A way to ask: which arms find candidates, and whether more than words and meaning ranks them."""

    arms: tuple[str, ...] | None
    signals: bool


SYSTEMS = {
    "full": System(None, signals=True),
    "bm25": System(("lexical",), signals=False),
    "vector": System(("vector",), signals=False),
    "full-vector": System(("lexical",), signals=True),
    "full-lexical": System(("vector",), signals=True),
    "full-signals": System(None, signals=False),
}
"""The engine, its two parts alone, and the engine without one of its parts."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The returned turns, best first, and how long it took."""

    ids: Sequence[str]
    texts: Sequence[str]
    seconds: float


async def index(scope: AsyncScopedMemory, conversation: Conversation) -> float:
    """Stores the turns of a conversation and returns the seconds it took.

    Raises:
        RuntimeError: A turn was refused, or not stored on its own; the figures would be wrong.
    """
    items = [
        {
            "content": turn.text,
            "thread": turn.session,
            "seq": turn.seq,
            "actor": turn.speaker,
            "role": turn.role,
            "occurred_at": turn.said_at,
            "metadata": {"id": turn.id},
        }
        for turn in conversation.turns
    ]
    started = perf_counter()
    results = await scope.remember_many(items)
    seconds = perf_counter() - started
    stored = {result.id for result in results if result.id is not None}
    if len(stored) != len(items):
        raise RuntimeError(f"{len(items) - len(stored)} of {len(items)} turns of {conversation.id} were not stored")
    return seconds


async def ask(scope: AsyncScopedMemory, question: Question, system: System, limit: int = LIMIT) -> Answer:
    """Recalls at most ``limit`` turns for a question."""
    started = perf_counter()
    hits = await scope.recall(
        question.text, limit=limit, now=question.asked_at, arms=system.arms, signals=system.signals
    )
    seconds = perf_counter() - started
    return Answer([hit.record.metadata["id"] for hit in hits], [hit.record.content for hit in hits], seconds)
