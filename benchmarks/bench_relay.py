"""B5: messages of 640 bytes through three nodes that pass them on, and round trips through a worker.

Beside asyncio queues, pipecat and remotemedia-ffi: each message sent by itself, and ours in batches of 50 as well. A
round trip is beside an eventfd to a thread and back, which is the least that any worker costs; there our nodes never
run on the thread of the caller. That all do the same work: every message arrives, in order and with its length.
"""

from __future__ import annotations

from benchmarks.contest import FOLDER, Side, Times, compared, contestants, installed, keep, rounds, run, show
from tools.machine import Problem

OURS = Side("remotemedia", "ours_live")
BATCHED = Side("remotemedia in batches", "ours_live", task="relay_batched")
ASYNCIO = Side("asyncio", "plain_asyncio")
PEERS = [Side("pipecat", "pipecat", "pipecat"), Side("remotemedia-ffi", "remotemedia_ffi", "remotemedia-ffi")]
ROUNDS = 15


def measure(task: str, sides: list[Side]) -> dict[str, Times]:
    """The times of a task for one message. Raises `Problem` if a side loses some."""
    with contestants(sides, task, FOLDER) as ready:
        for each in ready:
            done = each.result()
            if done["messages"] <= 0:
                raise Problem(f"{each.side.name} has passed on nothing.")
            print(f"{task}: {each.side.name}: {done['messages']} messages, all in order", flush=True)
        return rounds(ready, number=ROUNDS)


def main() -> None:
    """Print that nothing is lost, then the table."""
    present, missing = installed(PEERS)
    relay = measure("relay", [OURS, BATCHED, ASYNCIO, *present])
    batched = {side.name: relay[side.name] for side in (BATCHED, ASYNCIO)}
    single = {name: times for name, times in relay.items() if name != BATCHED.name}
    ping_pong = measure("ping_pong", [OURS, ASYNCIO, *present])
    show(
        [
            *compared("a message, sent by itself", single, {ASYNCIO.name: 1.0}, OURS),
            *compared("a message, in batches of 50", batched, {ASYNCIO.name: 0.5}, BATCHED),
            *compared("a round trip through a worker", ping_pong, {ASYNCIO.name: 1.5}, OURS),
        ]
    )
    for line in missing:
        print(line)
    keep("relay", {"relay": relay, "ping_pong": ping_pong})


if __name__ == "__main__":
    run(main)
