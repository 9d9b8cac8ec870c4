"""What each part of recall is worth: every question is asked again with one of them switched off."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from memory_core import AsyncMemory
from memory_core.recall.engine import RecallEngine
from memory_core.recall.request import ARMS
from memory_core.recall.weights import WEIGHTS, Weights
from tests.benchmarks.retrieval.datasets import UNANSWERABLE, Conversation, Question, read_conversations
from tests.benchmarks.retrieval.metrics import recall_at, reciprocal_rank
from tests.benchmarks.retrieval.systems import System, ask, index

LIMIT = WEIGHTS.keep // 2
"""The most hits with which only the best candidates are ranked; with more, that could not be switched off."""

_Asked = list[tuple[Conversation, Question]]


@dataclass(frozen=True, slots=True)
class Variant:
    """Recall without one of its parts.

    Attributes:
        weights: The weights without it.
        without_arms: The arms switched off.
        signals: False to rank by words and meaning alone.
        irregular: False to index and ask without the list of irregular forms.
    """

    weights: Weights = WEIGHTS
    without_arms: tuple[str, ...] = ()
    signals: bool = True
    irregular: bool = True


VARIANTS = {
    "full": Variant(),
    "vector arm": Variant(without_arms=("vector",)),
    "lexical arm": Variant(without_arms=("lexical",)),
    "all signals": Variant(signals=False),
    "words of neighbours": Variant(replace(WEIGHTS, before1=0, after1=0, before2=0, after2=0)),
    "subject and own voice": Variant(replace(WEIGHTS, subject=0, own_voice=0)),
    "own voice": Variant(replace(WEIGHTS, own_voice=0)),
    "time expressions": Variant(replace(WEIGHTS, time=0), without_arms=("time",)),
    "kinds of answers": Variant(replace(WEIGHTS, answer_time=0, answer_number=0, answer_name=0)),
    "statement": Variant(replace(WEIGHTS, statement=0)),
    "question": Variant(replace(WEIGHTS, question=0)),
    "next turns": Variant(replace(WEIGHTS, following=0)),
    "ranking only the best": Variant(replace(WEIGHTS, keep=4 * WEIGHTS.pool)),
    "irregular forms": Variant(irregular=False),
}
"""By the name of the part that is missing; the first is the engine as it is."""


async def ablate(
    path: Path, limit_conversations: int | None, embedder: str | None, advance: Callable[[str, int, int], None]
) -> dict[str, Any]:
    """Asks everything of every variant; returns recall@10 and MRR of each in percent, over answerable questions."""
    conversations = list(read_conversations(path))[:limit_conversations]
    asked = [(c, question) for c in conversations for question in c.questions if question.category not in UNANSWERABLE]
    report: dict[str, Any] = {}
    for irregular in (True, False):
        variants = {name: variant for name, variant in VARIANTS.items() if variant.irregular == irregular}
        with tempfile.TemporaryDirectory(prefix="memory-core-bench-") as folder:
            async with AsyncMemory.session(data_dir=folder, embedder=embedder) as memory:
                if not irregular:
                    memory._indexing.analyzer._irregular = {}
                for conversation in conversations:
                    await index(memory.scope(user=conversation.id), conversation)
                for name, variant in variants.items():
                    report[name] = await _figures(memory, variant, asked, partial(advance, name))
    return {"questions": len(asked), "without": report}


async def _figures(
    memory: AsyncMemory, variant: Variant, asked: _Asked, advance: Callable[[int, int], None]
) -> dict[str, float]:
    memory._services.engine = RecallEngine(
        memory._opened.database, memory._indexing, memory._hot, weights=variant.weights
    )
    system = System(tuple(arm for arm in ARMS if arm not in variant.without_arms), variant.signals)
    found: list[float] = []
    first: list[float] = []
    for done, (conversation, question) in enumerate(asked, 1):
        answer = await ask(memory.scope(user=conversation.id), question, system, LIMIT)
        found.append(recall_at(10, answer.ids, question.evidence_ids))
        first.append(reciprocal_rank(answer.ids, question.evidence_ids))
        advance(done, len(asked))
    return {"recall@10": _percent(found), "mrr": _percent(first)}


def _percent(shares: Iterable[float]) -> float:
    return round(100 * fmean(shares), 2)
