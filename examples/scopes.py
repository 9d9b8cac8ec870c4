"""Who sees what: a scope sees what lies above it, never what lies beside it. The database enforces it."""

from memory_core import Memory


def main() -> None:
    with Memory.open() as memory:
        support = memory.scope(tenant="examples", user="dora", agent="support", session="monday")
        support.remember("Dora is waiting for a refund")  # this agent, with this user
        support.remember("Dora lives in Porto", level="user")  # every agent of this user
        support.remember("We close at six", level="tenant")  # everybody of the tenant
        support.remember("Dora is on the phone", tier="session")  # this session only, in process memory

        views = {
            "support, on Monday": support,
            "support, on Friday": memory.scope(tenant="examples", user="dora", agent="support", session="friday"),
            "sales, same user": memory.scope(tenant="examples", user="dora", agent="sales"),
            "another user": memory.scope(tenant="examples", user="dorado", agent="support"),
            "another tenant": memory.scope(tenant="examples-2", user="dora", agent="support"),
        }
        for name, view in views.items():
            print(f"{name}: {sorted(record.content for record in view.list())}")


if __name__ == "__main__":
    main()
