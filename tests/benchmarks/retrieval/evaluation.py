"""Indexes a data set, asks its questions of every system, and keeps the figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from memory_core import AsyncMemory
from memory_core.inference.token_count import TokenCounter, load_token_counter
from tests.benchmarks.retrieval.datasets import UNANSWERABLE, Conversation, Question, read_conversations
from tests.benchmarks.retrieval.metrics import measure, percentile, summarize
from tests.benchmarks.retrieval.systems import SYSTEMS, ask, index

TENANT = "bench"


@dataclass(slots=True)
class Figures:
    """What one system achieved: per question its category and figures, and the seconds each question took."""

    rows: list[tuple[str, dict[str, float]]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        """Figures over all answerable questions, percentages, with those of each category inside."""
        report: dict[str, Any] = summarize(row for category, row in self.rows if category not in UNANSWERABLE)
        if self.seconds:
            report["query_ms_p50"] = round(1000 * percentile(self.seconds, 50), 2)
            report["query_ms_p95"] = round(1000 * percentile(self.seconds, 95), 2)
        categories = sorted({category for category, _ in self.rows})
        report["categories"] = {
            name: summarize(row for category, row in self.rows if category == name) for name in categories
        }
        return report


class Evaluation:
    """One run over one file.

    Attributes:
        index_seconds: Seconds spent storing turns so far.
        turns: Turns stored so far.
        figures: By name of the system.
    """

    def __init__(self, memory: AsyncMemory, names: list[str], *, unscoped: bool) -> None:
        self.index_seconds = 0.0
        self.turns = 0
        self.figures = {name: Figures() for name in names}
        self._memory = memory
        self._unscoped = unscoped
        self._counter: TokenCounter = load_token_counter()
        self._lengths: dict[str, int] = {}

    async def run(self, path: Path, limit_conversations: int | None, advance: Callable[[str, int, int], None]) -> None:
        """Stores and asks, one conversation after the other; unscoped, all are stored first.

        Args:
            path: The data set.
            limit_conversations: Only so many; None for all.
            advance: Called with the conversation's id, the questions answered and those known so far.
        """
        waiting: list[Conversation] = []
        known = answered = 0
        for conversation in islice(read_conversations(path), limit_conversations):
            known += len(conversation.questions)
            self.index_seconds += await index(self._scope(conversation), conversation)
            self.turns += len(conversation.turns)
            waiting.append(Conversation(conversation.id, (), conversation.questions))
            advance(conversation.id, answered, known)
            while waiting and not self._unscoped:
                answered = await self._ask_all(waiting.pop(), answered, known, advance)
        for conversation in waiting:
            answered = await self._ask_all(conversation, answered, known, advance)

    async def _ask_all(
        self, conversation: Conversation, answered: int, known: int, advance: Callable[[str, int, int], None]
    ) -> int:
        for question in conversation.questions:
            for name, figures in self.figures.items():
                await self._ask(conversation, question, name, figures)
            answered += 1
            advance(conversation.id, answered, known)
        return answered

    async def _ask(self, conversation: Conversation, question: Question, name: str, figures: Figures) -> None:
        answer = await ask(self._scope(conversation), question, SYSTEMS[name])
        tokens = [self._tokens(text) for text in answer.texts]
        figures.rows.append((question.category, measure(answer.ids, tokens, question.evidence_ids)))
        figures.seconds.append(answer.seconds)

    def _scope(self, conversation: Conversation) -> Any:
        return self._memory.scope(tenant=TENANT, user="everybody" if self._unscoped else conversation.id)

    def _tokens(self, text: str) -> int:
        if text not in self._lengths:
            self._lengths[text] = self._counter.count(text)
        return self._lengths[text]

    def report(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "turns": self.turns,
            "index_seconds": round(self.index_seconds, 3),
            "tokenizer": self._counter.name,
            "unscoped": self._unscoped,
            "systems": {name: figures.report() for name, figures in self.figures.items()},
        }
