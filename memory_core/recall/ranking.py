"""From candidates to an order. Pure functions; weights in ``weights.py``."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from memory_core.recall.question import holds_answer, in_own_voice
from memory_core.recall.time_expressions import TimeSpan, time_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memory_core.recall.question import Answer, Question
    from memory_core.recall.weights import Weights


_LEAST_COSINE = 0.2
"""Cosines of a pool differ by 0.3 to 0.6; where there are few candidates, smaller differences must not decide."""
_LEAST_SHARE = 0.25
"""The same for BM25, as a share of the best score."""
MIN_WORDS = 8
"""Shorter texts differ in meaning when they differ in a word."""
SAME_SHARE = 0.9
"""Jaccard index from which two texts count as one; the usual threshold of near-duplicate detection (Broder 1997)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What ranking reads of a record.

    Attributes:
        source: What the record is made from, should it become a hit.
        content: Its text.
        bm25: Lexical score, 0 if no word of the question is near.
        cosine: Similarity of meaning, None without a vector.
        terms: Number of its terms.
        actor: Who said it.
        role: In which role.
        occurred_at: When.
        importance: 0 to 1.
        confidence: 0 to 1.
        boost: Factor.
        evidence_count: Number of statements.
        arms: Arm to rank there.
        key_likeness: How much its key is like the question, in [0, 1].
        access_count: How often it was recalled or read.
        pinned: True if it belongs into every context.
    """

    source: Any
    content: str
    bm25: float
    cosine: float | None
    terms: int
    actor: str | None
    role: str | None
    occurred_at: datetime
    importance: float
    confidence: float
    boost: float
    evidence_count: int
    arms: Mapping[str, int] = field(default_factory=dict)
    key_likeness: float = 0.0
    access_count: int = 0
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score in [0, 1] and what each signal added before scaling."""

    candidate: Candidate
    score: float
    parts: Mapping[str, float]


def rank(
    candidates: Sequence[Candidate],
    question: Question,
    spans: Sequence[TimeSpan],
    weights: Weights,
    *,
    signals: bool = True,
    floor: tuple[float, float] | None = None,
    recency: tuple[datetime, timedelta] | None = None,
) -> list[Ranked]:
    """Orders candidates, best first; equal scores keep the newer one first.

    Lexical and vector scores are scaled to [0, 1] over the candidates and added with their weights: scores carry more
    than ranks do. With ``signals=False`` nothing else counts.

    Args:
        candidates: What was found.
        question: What is asked.
        spans: Times named in the question.
        weights: The weights.
        signals: False to rank by words and meaning alone.
        floor: The lowest lexical and cosine scores found, if ``candidates`` are only the best of more.
        recency: Now and a half-life, if newer records are to be preferred.
    """
    if not candidates:
        return []
    low_lexical, low_cosine = floor or (math.inf, math.inf)
    lexical = scale(
        np.array([c.bm25 for c in candidates]),
        low_lexical,
        least_spread=_LEAST_SHARE * max((c.bm25 for c in candidates), default=0.0),
    )
    known = [c.cosine for c in candidates if c.cosine is not None]
    lowest = min(known, default=0.0)
    cosine = scale(
        np.array([lowest if c.cosine is None else c.cosine for c in candidates]), low_cosine, least_spread=_LEAST_COSINE
    )
    ranked = []
    for candidate, words, meaning in zip(candidates, lexical.tolist(), cosine.tolist(), strict=True):
        parts = {"lexical": weights.lexical * words, "cosine": weights.cosine * meaning}
        if "key" in candidate.arms:
            parts["key"] = weights.key * candidate.key_likeness
        if recency is not None:
            parts["recency"] = weights.recency * recency_score(candidate.occurred_at, *recency)
        if signals:
            parts |= _signals(candidate, question, spans, weights)
        total = max(sum(parts.values()), 0.0) * (candidate.boost if signals else 1.0)
        ranked.append(Ranked(candidate, total, parts))
    return _ordered(ranked, best_possible(weights))


def rerank(ranked: Sequence[Ranked], scores: NDArray[np.float32], weights: Weights) -> list[Ranked]:
    """Orders again, after a reranker has scored the first ``len(scores)``; none of the others rises above them.

    Its scores, of any scale, are scaled to [0, 1] and added as one more signal: what the others know (who, when, how
    important) it has not read.
    """
    read = scale(np.array(scores, dtype=np.float64)).tolist() if len(scores) else []
    again = []
    for place, item in enumerate(ranked):
        parts = dict(item.parts)
        if place < len(read):
            parts["reranker"] = weights.reranker * read[place]
        total = max(sum(parts.values()), 0.0) * item.candidate.boost
        again.append(Ranked(item.candidate, total, parts))
    return _ordered(again, best_possible(weights) + weights.reranker)


def _ordered(totals: list[Ranked], top: float) -> list[Ranked]:
    """Best first, newer first among equals, with their totals divided by ``top``."""
    totals.sort(key=lambda r: (r.score, r.candidate.occurred_at), reverse=True)
    return [Ranked(r.candidate, min(r.score / top, 1.0), r.parts) for r in totals]


def _signals(candidate: Candidate, question: Question, spans: Sequence[TimeSpan], weights: Weights) -> dict[str, float]:
    parts = {"statement": weights.statement * math.log1p(min(candidate.terms, weights.statement_terms))}
    if candidate.terms <= weights.question_terms and candidate.content.rstrip().endswith("?"):
        parts["question"] = -weights.question
    if candidate.actor in question.actors or (question.about_user and candidate.role == "user"):
        parts["subject"] = weights.subject
        if in_own_voice(candidate.content):
            parts["own_voice"] = weights.own_voice
    if question.wants is not None and holds_answer(candidate.content, question.wants):
        parts[f"answer_{question.wants}"] = _answer_weight(question.wants, weights)
    if spans:
        parts["time"] = weights.time * time_score(candidate.occurred_at, spans)
    if candidate.importance != 0.5:
        parts["importance"] = weights.importance * (2 * candidate.importance - 1)
    if abs(candidate.confidence - 0.7) > 1e-6:  # the database keeps single precision
        parts["confidence"] = weights.confidence * (candidate.confidence - 0.7) / 0.7
    if candidate.evidence_count > 1:
        parts["evidence"] = weights.evidence * math.log(candidate.evidence_count)
    if candidate.access_count > 0:
        parts["access"] = weights.access * math.log1p(candidate.access_count)
    return parts


def _answer_weight(answer: Answer, weights: Weights) -> float:
    return {"time": weights.answer_time, "number": weights.answer_number, "name": weights.answer_name}[answer]


def scale(scores: NDArray[np.float64], floor: float = math.inf, *, least_spread: float = 0.0) -> NDArray[np.float64]:
    """Min-max to [0, 1], where a known lower ``floor`` counts as the minimum; all equal gives all 0.

    Scores that lie closer together than ``least_spread`` are not drawn further apart than it would draw them: two
    candidates of nearly the same score stay nearly the same.
    """
    low, high = min(scores.min(), floor), scores.max()
    spread = max(high - low, least_spread)
    return np.zeros_like(scores) if spread <= 0 else (scores - low) / spread


def recency_score(moment: datetime, now: datetime, half_life: timedelta) -> float:
    """1 for now and later, half of it after each half-life."""
    age = max((now - moment).total_seconds(), 0.0)
    return math.exp2(-age / half_life.total_seconds())


def best_possible(weights: Weights) -> float:
    """The score of a record that tops both arms, was said by the right person at the right time, and is long."""
    return (
        weights.lexical
        + weights.cosine
        + weights.subject
        + weights.time
        + weights.statement * math.log1p(weights.statement_terms)
    )


def collapse(
    ranked: Sequence[Ranked], limit: int, *, whole: bool = True
) -> tuple[list[Ranked], list[tuple[Ranked, int]]]:
    """Leaves out what repeats one of the best ``limit``: the same text, or nearly the same words.

    Args:
        ranked: Best first.
        limit: So many are compared with.
        whole: False to stop at the best ``limit``, if nobody asks for the rest.

    Returns:
        The records that are kept, in order, and the others, each with the place of the one it repeats.
    """
    kept: list[Ranked] = []
    repeated: list[tuple[Ranked, int]] = []
    words_of_kept: list[frozenset[str]] = []
    for item in ranked:
        if len(kept) == limit and not whole:
            break
        words = frozenset(unicodedata.normalize("NFKC", item.candidate.content).casefold().split())
        place = next((place for place, other in enumerate(words_of_kept) if nearly_same(words, other)), None)
        if place is not None:
            repeated.append((item, place))
            continue
        kept.append(item)
        if len(words_of_kept) < limit:
            words_of_kept.append(words)
    return kept, repeated


def nearly_same(words: frozenset[str], other: frozenset[str]) -> bool:
    """True for equal sets, and for sets of at least ``MIN_WORDS`` words that share ``SAME_SHARE`` of their union."""
    if words == other:
        return True
    small, large = sorted((len(words), len(other)))
    if small < MIN_WORDS or small < SAME_SHARE * large:
        return False
    shared = len(words & other)
    return shared >= SAME_SHARE * (small + large - shared)
