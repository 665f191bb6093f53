"""What collections cost: a list of 10,000 ints and one of 1,000 nested dicts through three native nodes, list to list.

The floor is msgpack alone: pack and unpack of the same list. A list is one value here. Shown beside it is the same
list as that many inputs, each an item of its own that passes the three nodes, which is not held against the floor.
Times are processor time of all threads.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgpack
import remotemedia

from benchmarks.measure import interleaved, machine, row

MANIFEST = json.dumps(
    {
        "version": "v1",
        "metadata": {"name": "bench collections"},
        "nodes": [{"id": name, "node_type": "PassThrough"} for name in "abc"],
        "connections": [{"from": "a", "to": "b"}, {"from": "b", "to": "c"}],
    }
)
BAR = 2.0
CALLS, ROUNDS = 2, 60
COLLECTIONS: dict[str, list[Any]] = {
    "10,000 ints": list(range(10_000)),
    "1,000 nested dicts": [
        {"id": index, "name": f"item {index}", "meta": {"gain": index * 0.5, "tags": ["a", "b"], "on": True}}
        for index in range(1000)
    ],
}


def floor(values: list[Any]) -> Callable[[int], Awaitable[None]]:
    """Pack and unpack, in msgpack alone."""

    async def side(calls: int) -> None:
        pack, unpack = msgpack.Packer().pack, msgpack.unpackb
        for _ in range(calls):
            unpack(pack(values))

    return side


def nodes(inputs: list[Any]) -> Callable[[int], Awaitable[None]]:
    """Through three nodes."""

    async def side(calls: int) -> None:
        for _ in range(calls):
            await remotemedia.execute(MANIFEST, inputs)

    return side


async def main() -> None:
    """Print the sides, the ratios and the bar."""
    sides = {}
    for name, values in COLLECTIONS.items():
        assert await remotemedia.execute(MANIFEST, [values]) == [values]
        assert await remotemedia.execute(MANIFEST, values) == values
        sides[f"{name}: msgpack alone"] = floor(values)
        sides[f"{name}: one value"] = nodes([values])
        sides[f"{name}: as many inputs"] = nodes(values)
    timings = await interleaved(sides, calls=CALLS, rounds=ROUNDS, clock=time.process_time)
    print(f"collections: medians of {ROUNDS} rounds of {CALLS} calls, sides in turns; {machine()}")
    for name, timing in timings.items():
        print(row(name, timing))
    for name in COLLECTIONS:
        least = timings[f"{name}: msgpack alone"].median
        ratio = timings[f"{name}: one value"].median / least
        inputs = timings[f"{name}: as many inputs"].median / least
        verdict = "met" if ratio <= BAR else "NOT met"
        print(f"{name}: ratio {ratio:.2f}, bar {BAR:.1f}: {verdict}; as many inputs {inputs:.1f}")


if __name__ == "__main__":
    asyncio.run(main())
