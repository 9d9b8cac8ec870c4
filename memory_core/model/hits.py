"""What recall returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from memory_core.model.record import Record


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a candidate stands where it stands.

    Attributes:
        arms: Which arms found it, with its rank there from 1: ``lexical``, ``vector``, ``key``, ``hot``.
        raw: The raw scores: ``bm25``, ``cosine``.
        parts: What each signal added to the score before scaling; their sum decides the order.
        cut: Why it was left out (``limit``, ``same text as candidate 1``), or None for a returned hit.
    """

    arms: Mapping[str, int]
    raw: Mapping[str, float]
    parts: Mapping[str, float]
    cut: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A recalled record.

    Attributes:
        record: The record.
        score: In [0, 1], larger is better; comparable within one answer only.
        explanation: Why it stands there; only in what ``explain`` returns.
    """

    record: Record
    score: float
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class Recall:
    """The answer to a question with its reasons. Iterate, index or take its length like a list of its hits.

    Attributes:
        hits: The hits, best first.
        cut: Candidates that were left out, with the reason; only in what ``explain`` returns.
        query: The question as it was understood (``text``, ``actors``, ``about_user``, ``times``); likewise.
    """

    hits: tuple[Hit, ...]
    cut: tuple[Hit, ...] = ()
    query: Mapping[str, object] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, place: int) -> Hit:
        return self.hits[place]


@dataclass(frozen=True, slots=True)
class Context:
    """Recalled records as a block of text for a prompt.

    Attributes:
        text: Fenced, dated, cited by record id; empty if nothing was found.
        tokens: Tokens of ``text``, counted by ``tokenizer``.
        tokenizer: Name of the token counter.
        hits: The hits in the block, best first (the block itself is in order of time).
        made_at: When it was made.
    """

    text: str
    tokens: int
    tokenizer: str
    hits: tuple[Hit, ...]
    made_at: datetime

    def __str__(self) -> str:
        return self.text
