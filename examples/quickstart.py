"""Remember, recall, make a context for a prompt.

Run it twice: what the first run stored is still there in the second, with its evidence count raised.
"""

from memory_core import Memory


def main() -> None:
    with Memory.open() as memory:
        alice = memory.scope(tenant="examples", user="alice", agent="support")
        theme = alice.remember("Alice prefers the dark theme", kind="preference")
        alice.remember("Alice's team meets on Tuesdays at ten", tags=["calendar"])
        alice.remember("Invoices go to billing@alice.example", key="billing address")
        print(f"said {theme.evidence_count} time(s) so far: {theme.content}")

        for hit in alice.recall("which theme does she like?", limit=2):
            print(f"{hit.score:.2f}  {hit.record.content}")
        print("by key:", alice.get("billing address").content)

        context = alice.context("Invite Alice to the next team meeting", budget_tokens=150)
        print(f"\n{context.text}\n({context.tokens} tokens, counted with {context.tokenizer})")


if __name__ == "__main__":
    main()
