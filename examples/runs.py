"""An agent loop that learns from its own episodes: recall before the work, the outcome stored after it.

The "model" is a scripted policy, so that the example needs none: it does what the recalled context tells it. At first
it fails; the failed episode and the lesson it notes are recalled at the next attempt, which succeeds. Run the script
again, and it succeeds at once.
"""

from memory_core import Memory, ScopedMemory

TASK = "Deploy the billing service to production"
LESSON = "Deploying the billing service to production needs the VPN: connect first"


class NotConnectedError(Exception):
    """The world's answer to a deployment without the VPN."""


def policy(context: str) -> list[str]:
    """Stands for the model: from the prompt's context to the steps to take."""
    return ["connect", "deploy"] if "needs the VPN" in context else ["deploy"]


def act(steps: list[str]) -> str:
    """Stands for the world."""
    if "connect" not in steps:
        raise NotConnectedError("no route to production")
    return f"deployed after the steps {', '.join(steps)}"


def attempt(memory: ScopedMemory) -> bool:
    """One turn of the loop; True if the task is done."""
    try:
        with memory.run(TASK) as run:
            run.outcome = act(policy(run.context.text))
    except NotConnectedError:
        memory.remember(LESSON, kind="procedural")
        return False
    return True


def main() -> None:
    with Memory.open() as memory:
        agent = memory.scope(tenant="examples", agent="deployer")
        for number in (1, 2, 3):
            done = attempt(agent)
            print(f"attempt {number}: {'done' if done else 'failed'}")
            if done:
                break
        print("\nepisodes, newest first:")
        for episode in agent.list(kind="task_outcome", limit=3):
            print(" ", episode.content.replace("\n", " | "))


if __name__ == "__main__":
    main()
