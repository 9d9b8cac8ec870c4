"""Memory never feeds on itself, and a repeat never loses what a caller asked for."""

from datetime import timedelta

import pytest

from memory_core import AsyncMemory, AsyncScopedMemory, InvalidRequestError


@pytest.mark.parametrize("policy", ["user", "ephemeral"])
async def test_recalled_text_is_not_stored_again(alice: AsyncScopedMemory, policy: str) -> None:
    await alice.remember("Alice prefers the dark theme")
    block = (await alice.context("which theme?")).text
    assert "dark theme" in block
    record = await alice.remember(f"{block}\nShe now has a new screen.", policy=policy)
    assert record.content == "She now has a new screen."
    cut_off = await alice.remember(f"Noted. {block[:-20]}", policy=policy)
    assert cut_off.content == "Noted."
    with pytest.raises(InvalidRequestError, match="recalled text"):
        await alice.remember(block, policy=policy)
    with pytest.raises(InvalidRequestError, match="recalled text"):
        await alice.update(record.id, content=block)


@pytest.mark.parametrize(
    ("first", "then"), [({"tier": "short_term"}, {"tier": "permanent"}), ({"policy": "ephemeral"}, {"policy": "agent"})]
)
async def test_a_repeat_lengthens_a_life_and_never_shortens_it(
    alice: AsyncScopedMemory, first: dict[str, str], then: dict[str, str]
) -> None:
    level = {"level": "agent"}
    short = await alice.remember("The wifi password is on the fridge", **first, **level)
    long = await alice.remember("The wifi password is on the fridge", **then, **level)
    assert long.id == short.id
    assert long.evidence_count == 2
    assert long.policy == then.get("policy", "user")
    assert short.expires_at is not None
    assert long.expires_at is None or long.expires_at > short.expires_at
    again = await alice.remember("The wifi password is on the fridge", **first, **level)
    assert (again.expires_at, again.tier) == (long.expires_at, long.tier)


async def test_pinned_records_are_in_every_context(alice: AsyncScopedMemory) -> None:
    pinned = await alice.remember("Never send mail without asking first", pinned=True)
    await alice.remember_many([f"Delivery number {n} arrived on time at the harbour" for n in range(200)])
    context = await alice.context("deliveries at the harbour", limit=20)
    assert pinned.id in [hit.record.id for hit in context.hits]
    assert pinned.id not in [hit.record.id for hit in await alice.recall("deliveries at the harbour", limit=20)]


async def test_newer_first_on_request(alice: AsyncScopedMemory) -> None:
    newer = await alice.remember("The office moved to Leipzig, says the landlord")
    older = await alice.remember(
        "The office moved to Leipzig, says the newsletter", occurred_at=newer.occurred_at - timedelta(days=900)
    )
    plain = [hit.score for hit in sorted(await alice.recall("where is the office?"), key=lambda hit: hit.record.id)]
    dated = await alice.recall("where is the office?", recency=timedelta(days=30))
    assert [hit.record.id for hit in dated] == [newer.id, older.id]
    assert dated[0].score > plain[0]
    with pytest.raises(InvalidRequestError, match="half-life"):
        await alice.recall("office", recency=timedelta(0))


async def test_a_key_is_found_by_nearly_its_name(alice: AsyncScopedMemory) -> None:
    await alice.remember_many([f"note {n}" for n in range(30)])
    record = await alice.remember("blue", key="favourite_colour")
    assert (await alice.recall("favourite_color", limit=1))[0].record.id == record.id
    hot = await alice.remember("teapot", key="current_errand", policy="ephemeral")
    assert (await alice.recall("curent_errand", limit=1))[0].record.id == hot.id


async def test_the_text_of_an_id_is_an_id_unless_it_is_a_key(alice: AsyncScopedMemory) -> None:
    record = await alice.remember("found by id")
    assert (await alice.get(str(record.id))).id == record.id
    keyed = await alice.remember("found by key", key=str(record.id))
    assert (await alice.get(str(record.id))).id == keyed.id


async def test_redis_and_tokenizer_settings_are_not_ignored_in_silence(database_url: str) -> None:
    with pytest.warns(UserWarning, match="redis is not used yet"):
        await (await AsyncMemory.open(database_url, redis="redis://localhost:1")).close()
    with pytest.raises(InvalidRequestError):
        await AsyncMemory.open(database_url, tokenizer="no such encoding")
