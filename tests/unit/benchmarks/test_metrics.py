"""The figures of the retrieval benchmark, on rankings small enough to count by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.retrieval.metrics import (
    measure,
    ndcg_at,
    percentile,
    recall_at,
    recall_within,
    reciprocal_rank,
    summarize,
    tokens_to_cover,
)

RANKED = ["a", "b", "c", "d"]
TOKENS = [10, 20, 30, 40]


def test_recall_is_the_share_of_gold_turns_among_the_first() -> None:
    assert recall_at(2, RANKED, {"b", "d"}) == 0.5
    assert recall_at(4, RANKED, {"b", "d"}) == 1.0
    assert recall_at(10, RANKED, {"b", "missing"}) == 0.5
    assert recall_at(10, [], {"b"}) == 0.0


def test_reciprocal_rank_is_that_of_the_first_gold_turn() -> None:
    assert reciprocal_rank(RANKED, {"b", "d"}) == 0.5
    assert reciprocal_rank(RANKED, {"missing"}) == 0.0


def test_ndcg_compares_with_the_ideal_order() -> None:
    assert ndcg_at(10, RANKED, {"a", "b"}) == 1.0
    assert ndcg_at(10, RANKED, {"b"}) == pytest.approx(1 / math.log2(3))
    assert ndcg_at(1, RANKED, {"a", "b", "c"}) == 1.0
    assert ndcg_at(1, RANKED, {"b"}) == 0.0


def test_a_turn_counts_within_a_budget_if_it_fits_whole() -> None:
    assert recall_within(29, RANKED, TOKENS, {"b"}) == 0.0
    assert recall_within(30, RANKED, TOKENS, {"b"}) == 1.0
    assert recall_within(9, RANKED, TOKENS, {"a"}) == 0.0


def test_tokens_to_cover_reach_up_to_the_last_gold_turn() -> None:
    assert tokens_to_cover(RANKED, TOKENS, {"a", "c"}) == 60
    assert tokens_to_cover(RANKED, TOKENS, {"a", "missing"}) == math.inf


def test_percentile_takes_a_value_that_occurred() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.0
    assert percentile(range(1, 101), 95) == 95
    assert percentile([7.0], 95) == 7.0


def test_summary_is_in_percent_and_counts_uncovered_questions() -> None:
    covered = measure(RANKED, TOKENS, {"a"})
    missed = measure(RANKED, TOKENS, {"missing"})
    summary = summarize([covered, covered, missed])
    assert summary["questions"] == 3
    assert summary["recall@10"] == summary["all@10"] == summary["mrr"] == 66.67
    assert summary["tokens_to_cover"] == 10
    assert summarize([covered, missed, missed])["tokens_to_cover"] is None
    assert summarize([]) == {"questions": 0}


@given(st.lists(st.integers(0, 30).map(str), unique=True), st.sets(st.integers(0, 30).map(str), min_size=1))
def test_figures_are_shares_and_grow_with_the_cut(ranked: list[str], gold: set[str]) -> None:
    figures = measure(ranked, [5] * len(ranked), gold)
    assert all(0 <= value <= 1 for name, value in figures.items() if name != "tokens_to_cover")
    assert figures["recall@5"] <= figures["recall@10"] <= figures["recall@20"] <= figures["recall@50"]
    assert figures["recall@500t"] <= figures["recall@1000t"] <= figures["recall@2000t"]
    assert (figures["all@10"] == 1) == (figures["recall@10"] == 1)
    assert (figures["mrr"] == 0) == (not gold & set(ranked))


@given(st.lists(st.integers(0, 30).map(str), unique=True, min_size=1), st.data())
def test_a_ranking_that_starts_with_the_gold_turns_is_perfect(ranked: list[str], data: st.DataObject) -> None:
    gold = set(ranked[: data.draw(st.integers(1, min(5, len(ranked))))])
    figures = measure(ranked, [5] * len(ranked), gold)
    assert figures["recall@5"] == figures["all@10"] == figures["mrr"] == 1.0
    assert figures["ndcg@10"] == pytest.approx(1.0)
    assert figures["tokens_to_cover"] == 5 * len(gold)
