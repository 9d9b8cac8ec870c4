"""The same store with await: several users at once on one pool of connections."""

import asyncio

from memory_core import AsyncMemory

LIKES = {"alice": "Alice drinks black coffee", "bob": "Bob drinks green tea", "carol": "Carol drinks cocoa"}


async def serve(memory: AsyncMemory, user: str) -> str:
    """What one request does: remember something about its user, and ask."""
    scope = memory.scope(tenant="examples", user=user)
    await scope.remember(LIKES[user], kind="preference")
    hits = await scope.recall("what should I offer to drink?", limit=1)
    return f"{user}: {hits[0].record.content}"


async def main() -> None:
    async with AsyncMemory.session() as memory:
        for line in await asyncio.gather(*(serve(memory, user) for user in LIKES)):
            print(line)


if __name__ == "__main__":
    asyncio.run(main())
