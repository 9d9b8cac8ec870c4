"""The lines a new user types."""

from memory_core import AsyncScopedMemory


async def test_remember_then_recall(alice: AsyncScopedMemory) -> None:
    record = await alice.remember("Alice prefers the dark theme", kind="preference")
    hits = await alice.recall("which theme does she like?")
    assert hits[0].record.id == record.id
    assert 0 < hits[0].score <= 1


async def test_a_run_recalls_first_and_stores_its_episode(alice: AsyncScopedMemory) -> None:
    await alice.remember("Dashboards are set up with the wizard")
    async with alice.run("Set up the dashboard") as run:
        assert "wizard" in run.context.text
        run.outcome = f"done as told: {run.context.text}"
    assert run.episode is not None
    assert "wizard" not in run.episode.content, "recalled text must not be stored again"
    assert (await alice.list(kind="task_outcome"))[0].metadata["success"] is True
