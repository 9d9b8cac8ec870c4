"""A reranker that reads the best hits once more, through the public interface."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from memory_core import AsyncMemory, Memory
from memory_core.errors import DataError, InvalidRequestError, MissingDependencyError
from memory_core.recall.weights import WEIGHTS

TEXTS = [
    "The station cafe sells coffee and sandwiches until late in the evening",
    "Coffee beans are roasted in the harbour every morning",
    "My sister drinks coffee without sugar",
    "Decaf for me after lunch, please",
]
QUESTION = "Which coffee after lunch?"


def overlap(query: str, texts: Sequence[str]) -> list[float]:
    """The share of a text's words that are in the question: a small reranker that really reads both."""
    wanted = set(re.findall(r"\w+", query.lower()))
    found = [set(re.findall(r"\w+", text.lower())) for text in texts]
    return [len(words & wanted) / len(words) for words in found]


def prefers(text: str) -> Callable[[str, Sequence[str]], list[int]]:
    """A reranker that likes one text only."""
    return lambda _query, texts: [int(found == text) for found in texts]


async def explained(database_url: str, tenant: str, reranker: Any, **options: Any) -> list[Any]:
    async with AsyncMemory.session(database_url, reranker=reranker) as memory:
        scope = memory.scope(tenant=tenant, user="alice")
        if not await scope.list(limit=1):
            await scope.remember_many(TEXTS)
        hits = list(await scope.explain(QUESTION, limit=10, **options))
        plain = await scope.recall(QUESTION, limit=10, **options)
        assert [hit.record.id for hit in plain] == [hit.record.id for hit in hits]
        return hits


async def test_each_text_can_be_read_to_the_top_of_its_equals(database_url: str, tenant: str) -> None:
    without = await explained(database_url, tenant, None)
    assert all("reranker" not in hit.explanation.parts for hit in without)
    places = {hit.record.content: place for place, hit in enumerate(without)}
    totals = {hit.record.content: sum(hit.explanation.parts.values()) for hit in without}
    for text in TEXTS:
        hits = await explained(database_url, tenant, prefers(text))
        assert {hit.record.content for hit in hits} == set(TEXTS)
        parts = {hit.record.content: hit.explanation.parts["reranker"] for hit in hits}
        assert parts == {other: WEIGHTS.reranker if other == text else 0 for other in TEXTS}
        place = [hit.record.content for hit in hits].index(text)
        assert place <= places[text]
        assert place == sum(total > totals[text] + WEIGHTS.reranker for total in totals.values())
    assert any(places[text] > 0 for text in TEXTS)


async def test_order_changes_as_the_question_is_read(database_url: str, tenant: str) -> None:
    hits = await explained(database_url, tenant, overlap)
    shares = dict(zip(TEXTS, overlap(QUESTION, TEXTS), strict=True))
    low, high = min(shares.values()), max(shares.values())
    for hit in hits:
        expected = WEIGHTS.reranker * (shares[hit.record.content] - low) / (high - low)
        assert hit.explanation.parts["reranker"] == pytest.approx(expected, abs=1e-3)
        assert 0 <= hit.score <= 1
    assert hits[0].record.content == TEXTS[3]


async def test_words_and_meaning_alone_are_not_read_again(database_url: str, tenant: str) -> None:
    hits = await explained(database_url, tenant, prefers(TEXTS[0]), signals=False)
    assert all("reranker" not in hit.explanation.parts for hit in hits)


async def test_only_the_best_are_read(database_url: str, tenant: str) -> None:
    seen: list[int] = []

    async def count(_query: str, texts: Sequence[str]) -> list[float]:
        seen.append(len(texts))
        return [float(number) for number in range(len(texts))]

    async with AsyncMemory.session(database_url, reranker=count) as memory:
        scope = memory.scope(tenant=tenant, user="alice")
        await scope.remember_many([f"coffee number {number}" for number in range(WEIGHTS.rerank + 20)])
        hits = list(await scope.explain("coffee", limit=100))
        read = ["reranker" in hit.explanation.parts for hit in hits]
        assert seen == [WEIGHTS.rerank]
        assert len(hits) == WEIGHTS.rerank + 20
        assert sum(read) == WEIGHTS.rerank
        assert list(await scope.recall("")) == []
        assert list(await memory.scope(tenant=tenant, user="bob").recall("coffee")) == []
        assert len(seen) == 1  # there was nothing to read


async def test_a_change_of_models_keeps_the_reranker(empty_database_url: str) -> None:
    async with AsyncMemory.session(empty_database_url, reranker=prefers(TEXTS[2])) as memory:
        scope = memory.scope(user="alice")
        await scope.remember_many(TEXTS)
        await memory.reembed(lambda texts: [[float(len(text)), 1.0] for text in texts])
        assert all("reranker" in hit.explanation.parts for hit in await scope.explain(QUESTION))


@pytest.mark.parametrize(
    "scores",
    [[1.0], [], None, [1.0, 2.0, 3.0, float("nan")], [1.0, 2.0, 3.0, float("inf")], ["good"] * 4],
    ids=["too few", "none", "nothing", "not a number", "infinite", "words"],
)
async def test_what_the_reranker_returns_is_checked(database_url: str, tenant: str, scores: Any) -> None:
    async with AsyncMemory.session(database_url, reranker=lambda _query, _texts: scores) as memory:
        scope = memory.scope(tenant=tenant, user="alice")
        await scope.remember_many(TEXTS)
        with pytest.raises(DataError, match="the reranker") as failure:
            await scope.recall(QUESTION)
        assert not any(text in str(failure.value) for text in [*TEXTS, QUESTION])


async def test_a_reranker_that_cannot_be_had_is_told_at_opening(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingDependencyError, match=r"memory-core\[sentence-transformers\]"):
        await AsyncMemory.open(database_url, reranker="cross-encoder:some/model")
    monkeypatch.setenv("MEMORY_CORE_RERANKER", "cross-encoder:some/model")
    with pytest.raises(MissingDependencyError, match=r"memory-core\[sentence-transformers\]"):
        await AsyncMemory.open(database_url)
    with pytest.raises(InvalidRequestError, match="is no reranker; possible are"):
        await AsyncMemory.open(database_url, reranker="the best one")


def test_synchronous_code_takes_one_too(database_url: str, tenant: str) -> None:
    with Memory.open(database_url, reranker=overlap) as memory:
        scope = memory.scope(tenant=tenant, user="alice")
        scope.remember_many(TEXTS)
        assert scope.recall(QUESTION)[0].record.content == TEXTS[3]
