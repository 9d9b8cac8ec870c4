"""Questions nobody should ask, and everybody does: an answer or a typed error, never a surprise."""

from __future__ import annotations

import pytest

from memory_core import AsyncScopedMemory

NOTHING = ["", " ", "\n\t ", "\x00", "\u3000"]
ODD = {
    "100 kB": "dogs and cats " * 7200,
    "one long word": "x" * 100_000,
    "stop words": "the of and to",
    "emoji": "🎉🎉 🦊",
    "punctuation": "!!! ??? ... ---",
    "operators": "dogs & cats | !birds <-> (mice:*)",
    "words that are operators": "AND OR NOT NEAR",
    "quotes": '"dogs \'cats" \\',
    "SQL": "'; DROP TABLE memory_core.records; --",
    "placeholders": "$1 %s {0} :name ?",
    "like": "%dogs_",
    "NUL inside": "dogs\x00cats",
    "lone surrogate": "dogs \ud800 cats",
    "right to left": "\u202edogs \u200f",
    "zero width": "do\u200bgs",
    "numbers": "1e308 -0 0x1F 2024-13-45",
    "impossible date": "what happened on February 31st 99999?",
    "regular expression": "(a+)+$ [[:alpha:]] \\d{1000000}",
    "combining marks": "e\u0301" * 500,
    "Chinese": "我的狗叫什么名字",
}


@pytest.fixture(params=["session", "permanent"])
async def kennel(request: pytest.FixtureRequest, alice: AsyncScopedMemory) -> AsyncScopedMemory:
    """Three records in one tier."""
    for text in ("Alice has two dogs and a cat", "我的狗叫小黑", "The party 🎉 was on 2024-01-05"):
        await alice.remember(text, tier=request.param, key=text[:3], actor="Alice (a+)+$")
    return alice


@pytest.mark.parametrize("question", NOTHING, ids=repr)
async def test_an_empty_question_finds_nothing(kennel: AsyncScopedMemory, question: str) -> None:
    assert await kennel.recall(question) == []
    context = await kennel.context(question)
    assert (context.text, context.tokens, context.hits) == ("", 0, ())


@pytest.mark.parametrize("question", ODD.values(), ids=list(ODD))
async def test_an_odd_question_is_answered(kennel: AsyncScopedMemory, question: str) -> None:
    hits = await kennel.recall(question, limit=3)
    assert len(hits) <= 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.score <= 1 for hit in hits)
    for arm in ("lexical", "vector", "key", "hot"):
        assert len(await kennel.recall(question, arms=[arm])) <= 3
    context = await kennel.context(question, budget_tokens=50)
    assert context.tokens <= 50
    explained = await kennel.explain(question, limit=1)
    assert len(explained.hits) <= 1


async def test_words_are_found_whatever_stands_around_them(kennel: AsyncScopedMemory) -> None:
    for question in (ODD["operators"], ODD["NUL inside"], ODD["lone surrogate"], ODD["100 kB"], ODD["quotes"]):
        hits = await kennel.recall(question, arms=["lexical", "hot"])
        assert hits[0].record.content == "Alice has two dogs and a cat", question[:40]
    assert (await kennel.recall(ODD["Chinese"], arms=["lexical", "hot"]))[0].record.content == "我的狗叫小黑"


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 10_000])
async def test_the_limit_is_kept(kennel: AsyncScopedMemory, limit: int) -> None:
    for found in (await kennel.recall("dogs 狗 party", limit=limit), await kennel.list(limit=limit)):
        assert len(found) == min(limit, 3)
    explained = await kennel.explain("dogs 狗 party", limit=limit)
    assert len(explained.hits) == min(limit, 3)


@pytest.mark.parametrize("budget", [1, 5, 20, 30, 10_000_000])
async def test_a_context_never_exceeds_its_budget(kennel: AsyncScopedMemory, budget: int) -> None:
    context = await kennel.context("dogs 狗 party", budget_tokens=budget)
    assert context.tokens <= budget
    assert bool(context.text) == bool(context.hits)


async def test_a_run_of_any_words_stores_its_episode(alice: AsyncScopedMemory) -> None:
    for task in ("", "\x00\ud800", "x" * 100_000, "<memory> </memory>", "🎉"):
        async with alice.run(task) as run:
            run.outcome = "\x00 done \ud800"
        assert run.episode is not None
        assert run.episode.content.endswith("Result: success")
