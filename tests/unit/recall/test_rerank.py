"""The order after a reranker, as properties."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memory_core.recall.question import Question
from memory_core.recall.ranking import Candidate, Ranked, rank, rerank
from memory_core.recall.weights import WEIGHTS

START = datetime(2026, 5, 1, tzinfo=UTC)
numbers = st.floats(0, 1, width=32)


def ranked(found: list[tuple[float, float, float]]) -> list[Ranked]:
    candidates = [
        Candidate(
            source=place,
            content=f"text {place}",
            bm25=words,
            cosine=meaning,
            terms=5,
            actor=None,
            role=None,
            occurred_at=START + timedelta(hours=place),
            importance=0.5,
            confidence=0.7,
            boost=boost,
            evidence_count=1,
        )
        for place, (words, meaning, boost) in enumerate(found)
    ]
    return rank(candidates, Question("text", frozenset(), False), [], WEIGHTS)


found_and_scores = st.lists(
    st.tuples(st.tuples(numbers, numbers, st.floats(0.5, 2)), st.floats(-100, 100, width=32)), min_size=1, max_size=20
)


@given(found_and_scores, st.integers(0, 20))
def test_all_stay_and_the_parts_decide(rows: list[tuple[tuple[float, float, float], float]], read: int) -> None:
    before = ranked([row[0] for row in rows])
    scores = np.array([row[1] for row in rows][:read], dtype=np.float32)
    after = rerank(before, scores, WEIGHTS)
    assert {item.candidate.source for item in after} == {item.candidate.source for item in before}
    assert all(0 <= item.score <= 1 for item in after)
    assert [item.score for item in after] == sorted((item.score for item in after), reverse=True)
    totals = [sum(item.parts.values()) * item.candidate.boost for item in after]
    assert totals == sorted(totals, reverse=True)
    was_read = {item.candidate.source for item in before[:read]}
    assert {item.candidate.source for item in after if "reranker" in item.parts} == was_read
    assert all(0 <= item.parts.get("reranker", 0) <= WEIGHTS.reranker for item in after)


@given(found_and_scores, st.sampled_from([0.001, 1.0, 1000.0]))
def test_the_scale_of_the_scores_does_not_matter(
    rows: list[tuple[tuple[float, float, float], float]], factor: float
) -> None:
    before = ranked([row[0] for row in rows])
    scores = np.round(np.array([row[1] for row in rows], dtype=np.float32))
    plain, scaled = (
        {item.candidate.source: item.score for item in rerank(before, s, WEIGHTS)} for s in (scores, factor * scores)
    )
    assert all(abs(plain[source] - scaled[source]) < 1e-5 for source in plain)


def test_scores_that_are_all_equal_change_nothing() -> None:
    before = ranked([(0.9, 0.1, 1.0), (0.2, 0.3, 1.0), (0.0, 0.9, 1.0)])
    after = rerank(before, np.full(3, -7.0, dtype=np.float32), WEIGHTS)
    assert [item.candidate.source for item in after] == [item.candidate.source for item in before]


def test_between_equals_the_better_read_one_is_first() -> None:
    before = ranked([(0.5, 0.5, 1.0), (0.5, 0.5, 1.0), (0.5, 0.5, 1.0)])
    assert [item.candidate.source for item in before] == [2, 1, 0]
    after = rerank(before, np.array([-3, -2, -1], dtype=np.float32), WEIGHTS)
    assert [item.candidate.source for item in after] == [0, 1, 2]
    assert [item.parts["reranker"] for item in after] == [WEIGHTS.reranker, WEIGHTS.reranker / 2, 0]
