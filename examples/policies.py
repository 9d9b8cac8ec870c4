"""How long things are kept: built-in policies, one of your own, history, expiry."""

import time
from datetime import timedelta

from memory_core import Memory, NotFoundError, Policy, Tier

OWN = [
    Policy("flash", Tier.SHORT_TERM, timedelta(milliseconds=300)),
    Policy("setting", Tier.PERMANENT, history=True, indexed=False),
]


def main() -> None:
    with Memory.open(policies=OWN) as memory:
        home = memory.scope(tenant="examples", user="eve", agent="home", session="evening")

        for name in ("user", "workflow", "conversation", "ephemeral"):
            record = home.remember(f"Kept by the policy {name}", policy=name)
            kept = "for good" if record.expires_at is None else f"until {record.expires_at:%Y-%m-%d %H:%M:%S}"
            print(f"{name}: tier {record.tier}, {kept}")

        for value in ("19 degrees", "21 degrees"):
            home.remember(value, key="heating", policy="setting")
        history = [record.content for record in home.list(include_history=True) if record.policy == "setting"]
        print(f"heating: {home.get('heating').content}, before: {history[1]}")

        home.remember("The bell rang", key="bell", policy="flash")
        time.sleep(0.4)
        try:
            print("bell:", home.get("bell").content)
        except NotFoundError:
            print("bell: gone")


if __name__ == "__main__":
    main()
