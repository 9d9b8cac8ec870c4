"""Recall: understand the question, collect candidates in two round trips, rank them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from memory_core.database.pool import Database, scope_arguments
from memory_core.database.queries import load_queries
from memory_core.database.rows import record_from_row
from memory_core.database.vectors import decode_array, pack_vector
from memory_core.hot.process import HotRecord, ProcessHotTier
from memory_core.inference.indexing import Indexing
from memory_core.inference.reranker import Reranker
from memory_core.model.hits import Explanation, Hit, Recall
from memory_core.model.record import Record
from memory_core.recall import lexical
from memory_core.recall.question import Question, understand
from memory_core.recall.ranking import Candidate, Ranked, collapse, rank, rerank
from memory_core.recall.request import MAX_QUERY_CHARACTERS, Request, may_be_key, near_keys
from memory_core.recall.time_expressions import TimeSpan, find_time_spans
from memory_core.recall.weights import WEIGHTS, Weights

_SQL = load_queries("memory_core.recall")


@dataclass(frozen=True, slots=True)
class _Found:
    """What the first round trip and the hot tier know."""

    counts: lexical.ScopeCounts
    actors: Sequence[str]
    postings: lexical.Postings
    allowed: NDArray[np.int64] | None
    hot: Sequence[HotRecord]
    keys: Mapping[str, float]


class RecallEngine:
    """Finds the records of a scope that bear on a question."""

    def __init__(
        self,
        database: Database,
        indexing: Indexing,
        hot: ProcessHotTier,
        reranker: Reranker | None = None,
        weights: Weights = WEIGHTS,
    ) -> None:
        self._database = database
        self._indexing = indexing
        self._hot = hot
        self._reranker = reranker
        self._weights = weights

    async def recall(self, request: Request) -> Recall:
        """The best records for the request, best first, at most ``limit`` of them."""
        if request.limit == 0 or not request.query.strip():
            return Recall(())
        query = request.query[:MAX_QUERY_CHARACTERS]
        words = self._indexing.analyzer.term_frequencies(query) if "lexical" in request.arms else {}
        found = await self._first(request, list(words))
        question = understand(query, found.actors) if request.signals else Question(query, frozenset(), False)
        spans = find_time_spans(query, request.now)[0] if request.signals else []
        wanted = self._indexing.analyzer.term_frequencies(question.text) if words else {}
        matches = lexical.gather(_only(found.postings, wanted), found.counts.records, self._weights)
        chosen, scores = lexical.preselect(matches, found.counts, self._weights, found.allowed)
        vector = await self._indexing.query_vector(question.text) if "vector" in request.arms else None
        durable = chosen < _durable(matches)
        rows = await self._second(
            request,
            question,
            spans,
            found.keys,
            vector,
            matches.pos[chosen[durable]].tolist(),
            scores[durable].tolist(),
        )
        candidates = self._candidates(request, rows, found, matches, chosen, vector)
        floor = (rows[0]["lowest_lexical"], rows[0]["lowest_cosine"]) if rows else None
        ranked = rank(
            candidates,
            question,
            spans,
            self._weights,
            signals=request.signals,
            floor=floor,
            recency=None if request.recency is None else (request.now, request.recency),
        )
        if self._reranker is not None and request.signals:
            texts = [item.candidate.content for item in ranked[: self._weights.rerank]]
            ranked = rerank(ranked, await self._reranker.score(query, texts), self._weights)
        kept, repeated = collapse(ranked, request.limit, whole=request.explain or request.with_pinned)
        best, rest = kept[: request.limit], kept[request.limit :]
        if request.with_pinned:
            best += [item for item in rest if item.candidate.pinned]
        hits = tuple(_hit(item, request.explain) for item in best)
        if not request.explain:
            return Recall(hits)
        cut = [_hit(item, True, "limit") for item in rest]
        cut += [_hit(item, True, f"repeats hit {place + 1}") for item, place in repeated]
        understood = {
            "text": question.text,
            "actors": sorted(question.actors),
            "about_user": question.about_user,
            "times": [span.text for span in spans],
        }
        return Recall(hits, tuple(cut), understood)

    async def _first(self, request: Request, terms: list[int]) -> _Found:
        condition = None if request.condition.is_empty else orjson.dumps(request.condition.as_json()).decode()
        row = (
            await self._database.call(
                _SQL["recall_words"],
                *scope_arguments(request.viewer),
                terms,
                condition,
                self._weights.common_from,
                "key" in request.arms and may_be_key(request.query),
            )
        )[0]
        hot = (
            [h for h in self._hot.visible(request.viewer) if self._fits(h.record, request)]
            if "hot" in request.arms
            else []
        )
        postings = lexical.Postings(
            decode_array(row["posting_term"], 8),
            decode_array(row["posting_pos"], 8),
            decode_array(row["posting_tf"], 2),
            decode_array(row["posting_terms"], 2),
        )
        counts = lexical.ScopeCounts(
            records=int(row["records"]), turns=int(row["turns"]), terms=int(row["terms"]), capped=int(row["capped"])
        )
        allowed = None if row["allowed"] is None else decode_array(row["allowed"], 8)
        actors = [*(row["actors"] or ()), *(h.record.actor for h in hot if h.record.actor)]
        keys = {}
        if "key" in request.arms:
            keys = near_keys(
                request.query.strip(), [*(row["keys"] or ()), *(h.record.key for h in hot if h.record.key)]
            )
        return _with_hot(_Found(counts, actors, postings, allowed, hot, keys), terms)

    async def _second(
        self,
        request: Request,
        question: Question,
        spans: Sequence[TimeSpan],
        keys: Mapping[str, float],
        vector: NDArray[np.float32] | None,
        positions: list[int],
        scores: list[float],
    ) -> Sequence[Any]:
        weights = self._weights
        pool = max(weights.pool, request.limit)
        windows = [span for span in spans if not span.yearly] if "time" in request.arms and vector is not None else []
        condition = None if request.condition.is_empty else orjson.dumps(request.condition.as_json()).decode()
        return await self._database.call(
            _SQL["recall_candidates"],
            *scope_arguments(request.viewer),
            self._indexing.model_id,
            self._indexing.dimensions,
            None if vector is None else pack_vector(vector),
            pool,
            weights.following if request.signals else 0,
            positions,
            scores,
            list(keys),
            list(question.actors),
            question.about_user,
            4 * pool if spans or request.limit > weights.keep // 2 else weights.keep,
            weights.lexical,
            weights.cosine,
            weights.subject,
            weights.statement if request.signals else 0.0,
            weights.statement_terms,
            [span.start for span in windows],
            [span.end for span in windows],
            request.with_pinned,
            condition,
            request.as_of,
        )

    def _candidates(
        self,
        request: Request,
        rows: Sequence[Any],
        found: _Found,
        matches: lexical.LexicalMatches,
        chosen: NDArray[np.int64],
        vector: NDArray[np.float32] | None,
    ) -> list[Candidate]:
        weights = self._weights
        lexical_rank = {int(matches.pos[index]): place for place, index in enumerate(chosen, 1)}
        hot_positions = [_hot_position(index) for index in range(len(found.hot))]
        positions = np.array([row["pos"] for row in rows] + hot_positions, dtype=np.int64)
        lengths = np.array(
            [_context_length(row, weights) for row in rows] + [hot.indexed.terms for hot in found.hot],
            dtype=np.float64,
        )
        bm25 = _scores_at(positions, lengths, matches, found.counts.average_length(weights), weights)
        candidates = []
        for row, score in zip(rows, bm25.tolist(), strict=False):
            arms = {"lexical": lexical_rank[row["pos"]]} if row["pos"] in lexical_rank else {}
            if row["vector_rank"] is not None:
                arms["vector"] = row["vector_rank"]
            if row["time_rank"] is not None:
                arms["time"] = row["time_rank"]
            if row["is_key"]:
                arms["key"] = 1
            likeness = found.keys.get(row["key"], 0.0)
            candidates.append(_candidate(row, row.__getitem__, row["terms"], score, row["cosine"], arms, likeness))
        for index, (hot, score) in enumerate(zip(found.hot, bm25.tolist()[len(rows) :], strict=True), 1):
            record, stored = hot.record, hot.indexed.vector
            cosine = None
            if stored is not None and vector is not None and stored.shape == vector.shape:  # vectors of one model
                cosine = float(stored @ vector)
            arms = {"hot": index} | ({"key": 1} if record.key in found.keys else {})
            likeness = found.keys.get(record.key or "", 0.0)
            get = record.__getattribute__
            candidates.append(_candidate(record, get, hot.indexed.terms, score, cosine, arms, likeness))
        return candidates

    @staticmethod
    def _fits(record: Record, request: Request) -> bool:
        moment = request.as_of or datetime.now(UTC)
        return (
            request.condition.matches(record)
            and (request.as_of is None or record.valid_from <= moment)
            and (record.valid_to is None or record.valid_to > moment)
        )


def _candidate(
    source: Any,
    get: Callable[[str], Any],
    terms: int,
    bm25: float,
    cosine: float | None,
    arms: Mapping[str, int],
    key_likeness: float,
) -> Candidate:
    """What ranking reads of a row or a hot record, whose fields have the same names."""
    return Candidate(
        source=source,
        content=get("content"),
        bm25=bm25,
        cosine=cosine,
        terms=terms,
        actor=get("actor"),
        role=get("role"),
        occurred_at=get("occurred_at"),
        importance=get("importance"),
        confidence=get("confidence"),
        boost=get("boost"),
        evidence_count=get("evidence_count"),
        access_count=get("access_count"),
        pinned=get("pinned"),
        arms=arms,
        key_likeness=key_likeness,
    )


def _hot_position(index: int) -> int:
    """Hot records stand behind all durable positions, each alone."""
    return ((1 << 38) + index) << 24 | lexical.ALONE


def _with_hot(found: _Found, terms: Sequence[int]) -> _Found:
    """Adds the hot records to the postings and counts, so that both kinds are scored alike."""
    if not found.hot:
        return found
    extra = [
        (term, _hot_position(index), hot.indexed.frequencies[term], hot.indexed.terms)
        for index, hot in enumerate(found.hot)
        for term in terms
        if term in hot.indexed.frequencies
    ]
    columns = np.array(extra, dtype=np.int64).reshape(-1, 4).T
    old, counts = found.postings, found.counts
    postings = lexical.Postings(
        np.concatenate((old.term, columns[0])),
        np.concatenate((old.pos, columns[1])),
        np.concatenate((old.tf, columns[2])),
        np.concatenate((old.terms, columns[3])),
    )
    grown = lexical.ScopeCounts(
        counts.records + len(found.hot),
        counts.turns,
        counts.terms + sum(hot.indexed.terms for hot in found.hot),
        counts.capped,
    )
    allowed = found.allowed
    if allowed is not None:
        allowed = np.concatenate((allowed, [_hot_position(index) for index in range(len(found.hot))]))
    return replace(found, counts=grown, postings=postings, allowed=allowed)


def _only(postings: lexical.Postings, terms: Collection[int]) -> lexical.Postings:
    """The postings of these terms."""
    keep = np.isin(postings.term, np.fromiter(terms, dtype=np.int64, count=len(terms)))
    return lexical.Postings(postings.term[keep], postings.pos[keep], postings.tf[keep], postings.terms[keep])


def _durable(matches: lexical.LexicalMatches) -> int:
    """How many of the ascending positions are durable."""
    return int(np.searchsorted(matches.pos, _hot_position(0)))


def _context_length(row: Any, weights: Weights) -> float:
    """Terms of a record, and of its neighbours with their weights."""
    return float(
        row["terms"]
        + weights.before1 * (row["before1"] or 0)
        + weights.after1 * (row["after1"] or 0)
        + weights.before2 * (row["before2"] or 0)
        + weights.after2 * (row["after2"] or 0)
    )


def _scores_at(
    positions: NDArray[np.int64],
    lengths: NDArray[np.float64],
    matches: lexical.LexicalMatches,
    average_length: float,
    weights: Weights,
) -> NDArray[np.float64]:
    """BM25 with true lengths at these positions; 0 where no word is near."""
    scores = np.zeros(len(positions))
    if len(matches.pos) == 0 or len(positions) == 0:
        return scores
    rows = np.minimum(np.searchsorted(matches.pos, positions), len(matches.pos) - 1)
    hit = matches.pos[rows] == positions
    scores[hit] = lexical.bm25(matches.frequencies[rows[hit]], matches.idf, lengths[hit], average_length, weights)
    return scores


def _hit(item: Ranked, explain: bool, cut: str | None = None) -> Hit:
    source = item.candidate.source
    record = source if isinstance(source, Record) else record_from_row(source)
    if not explain:
        return Hit(record, round(item.score, 6))
    raw = {"bm25": round(item.candidate.bm25, 4)}
    if item.candidate.cosine is not None:
        raw["cosine"] = round(item.candidate.cosine, 4)
    parts = {name: round(value, 4) for name, value in item.parts.items()}
    return Hit(record, round(item.score, 6), Explanation(dict(item.candidate.arms), raw, parts, cut))
