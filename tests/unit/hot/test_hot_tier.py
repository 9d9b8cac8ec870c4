"""The hot tier of a process keeps to its size and to its times, whatever it is given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_core import InvalidRequestError
from memory_core.hot import process
from memory_core.hot.process import JITTER, RECORD_OVERHEAD_BYTES, ProcessHotTier
from memory_core.inference.indexing import IndexedText, Indexing
from memory_core.model.policies import merge_policies
from memory_core.model.record import Draft
from memory_core.model.scope import make_scope
from memory_core.records.drafts import make_draft

ALICE = make_scope(tenant="t", user="alice", session="s")
BOB = make_scope(tenant="t", user="bob", session="s")
POLICIES = merge_policies(())


def draft(content: str, *, scope: Any = ALICE, **fields: Any) -> Draft:
    return make_draft(scope, POLICIES, content, tier="ephemeral", **fields)


def indexed(content: str, dimensions: int = 4) -> IndexedText:
    words = content.split()
    return IndexedText(np.ones(dimensions, dtype=np.float32), {hash(word): 1 for word in words}, len(words))


def put(tier: ProcessHotTier, content: str, **fields: Any) -> Any:
    result = tier.remember(draft(content, **fields), indexed(content))
    assert result.id is not None
    return result.id


def contents(tier: ProcessHotTier, viewer: Any = ALICE) -> list[str]:
    return [hot.record.content for hot in tier.visible(viewer)]


def room_for(records: int) -> ProcessHotTier:
    """A tier that holds so many one-word records."""
    return ProcessHotTier(records * (RECORD_OVERHEAD_BYTES + 150) + 100)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Lets time pass for the tier."""
    moment = [datetime.now(UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:  # noqa: ARG003
            return moment[0]

    monkeypatch.setattr(process, "datetime", Clock)

    def forward(by: timedelta) -> None:
        moment[0] += by

    return forward


def test_the_least_recently_used_leave_first() -> None:
    tier = room_for(3)
    ids = {name: put(tier, name) for name in ("a", "b", "c")}
    assert tier.get(ALICE, ids["a"]) is not None
    put(tier, "d")
    assert sorted(contents(tier)) == ["a", "c", "d"]
    tier.touch(ids["c"], 1, datetime.now(UTC))  # recalled
    put(tier, "a")  # said again
    put(tier, "e")
    assert sorted(contents(tier)) == ["a", "c", "e"]
    assert tier.statistics()["evicted"] == 2


def test_what_does_not_fit_at_all_is_refused_and_drives_nobody_out() -> None:
    tier = room_for(2)
    put(tier, "a", key="name")
    before = tier.statistics()
    for fields in ({}, {"key": "name"}):
        with pytest.raises(InvalidRequestError, match="MEMORY_CORE_HOT_MAX_BYTES"):
            put(tier, "x" * 10_000, **fields)
    assert tier.statistics() == before
    assert contents(tier) == ["a"]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("rkdu"), st.integers(0, 9), st.integers(0, 3_000)), max_size=60))
def test_the_size_is_never_exceeded_and_always_the_sum(steps: list[tuple[str, int, int]]) -> None:
    tier = ProcessHotTier(12_000)
    ids: list[Any] = []
    for what, number, length in steps:
        text = f"{number} " + "x" * length
        if what == "r":
            ids.append(put(tier, text))
        elif what == "k":
            ids.append(put(tier, text, key=f"key {number}"))
        elif what == "d" and ids:
            tier.forget(ALICE, ids[number % len(ids)])
        elif what == "u" and ids and (hot := tier.get(ALICE, ids[number % len(ids)])) is not None:
            tier.replace(hot.record.id, hot.record, hot.hash, indexed(text))
        statistics = tier.statistics()
        kept = list(tier.visible(ALICE))
        assert statistics["size_bytes"] == sum(hot.size_bytes for hot in kept) <= statistics["max_bytes"] == 12_000
        assert statistics["records"] == len(kept)
    for hot in list(tier.visible(ALICE)):
        assert tier.forget(ALICE, hot.record.id)
    assert tier.statistics()["size_bytes"] == tier.statistics()["records"] == 0


def test_records_leave_when_their_time_is_over(clock: Callable[[timedelta], None]) -> None:
    tier = room_for(10)
    name = put(tier, "short", time_to_live=timedelta(minutes=1), key="name")
    put(tier, "long", time_to_live=timedelta(hours=1))
    clock(timedelta(seconds=56))
    assert contents(tier) in (["long"], ["short", "long"])  # with the jitter it may have left
    clock(timedelta(seconds=5))
    assert contents(tier) == ["long"]
    assert tier.get(ALICE, name) is None
    assert tier.get_by_key(ALICE, "name") is None
    assert put(tier, "again", key="name") != name
    clock(timedelta(days=1))
    assert tier.statistics() == {**tier.statistics(), "records": 0, "size_bytes": 0, "evicted": 0}


def test_the_expired_leave_before_the_living(clock: Callable[[timedelta], None]) -> None:
    tier = room_for(3)
    put(tier, "oldest", time_to_live=timedelta(days=1))
    put(tier, "brief", time_to_live=timedelta(minutes=1))
    put(tier, "third", time_to_live=timedelta(days=1))
    clock(timedelta(minutes=2))
    put(tier, "fourth", time_to_live=timedelta(days=1))
    assert sorted(contents(tier)) == ["fourth", "oldest", "third"]
    assert tier.statistics()["evicted"] == 0


def test_what_comes_together_does_not_leave_together() -> None:
    tier = room_for(300)
    start = datetime.now(UTC)
    for number in range(200):
        put(tier, str(number), time_to_live=timedelta(hours=1))
    end = datetime.now(UTC)
    ends = [hot.record.expires_at for hot in tier.visible(ALICE)]
    latest = end + timedelta(hours=1)
    earliest = start + timedelta(hours=1) * (1 - JITTER)
    assert all(moment is not None and earliest <= moment <= latest for moment in ends)
    assert len(set(ends)) > 190
    assert max(ends) - min(ends) > timedelta(hours=1) * JITTER / 2  # type: ignore[type-var, operator]


def test_nobody_sees_gets_or_forgets_what_lies_beside() -> None:
    tier = room_for(10)
    record_id = put(tier, "hers", key="name")
    assert contents(tier, BOB) == []
    assert tier.get(BOB, record_id) is None
    assert tier.get_by_key(BOB, "name") is None
    assert not tier.forget(BOB, record_id)
    assert contents(tier) == ["hers"]


async def test_another_model_gives_all_records_new_vectors_and_keeps_the_order() -> None:
    class Wider:
        name = "wider"
        dimensions = 1_000

        async def embed(self, texts: Any, *, query: bool = False) -> Any:
            return np.ones((len(texts), self.dimensions), dtype=np.float32)

    class Splitting:
        def term_frequencies(self, text: str) -> dict[int, int]:
            return {hash(word): 1 for word in text.split()}

    tier = ProcessHotTier(3 * (RECORD_OVERHEAD_BYTES + 150))
    for name in ("a", "b", "c"):
        put(tier, name)
    found_before = next(tier.visible(ALICE))
    await tier.reindex(Indexing(Wider(), Splitting(), 2))  # type: ignore[arg-type]
    kept = list(tier.visible(ALICE))
    assert all(hot.indexed.vector is not None and len(hot.indexed.vector) == 1_000 for hot in kept)
    assert [hot.record.content for hot in kept] == ["c"]  # vectors take room, too
    assert tier.statistics()["size_bytes"] == sum(hot.size_bytes for hot in kept)
    assert found_before.indexed.vector is not None
    assert len(found_before.indexed.vector) == 4, "a request in flight works on with the vectors it found"
