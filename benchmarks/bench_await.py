"""What a small await costs: three native nodes on [1, 2, 3], against the floor that any such binding has to pay.

The floor is the work that no binding of this kind gets around: pack the inputs, cross into C once, unpack the result,
await. Both sides run in turns in one event loop.
"""

from __future__ import annotations

import asyncio
import json

import msgpack
import remotemedia
from remotemedia._native import lib

from benchmarks.measure import interleaved, machine, row

MANIFEST = json.dumps(
    {
        "version": "v1",
        "metadata": {"name": "bench await"},
        "nodes": [
            {"id": "before", "node_type": "PassThrough", "params": {}},
            {"id": "add", "node_type": "Calculator", "params": {"operation": "add", "operand": 5}},
            {"id": "after", "node_type": "PassThrough", "params": {}},
        ],
        "connections": [{"from": "before", "to": "add"}, {"from": "add", "to": "after"}],
    }
)
BAR = 4.0
CALLS, ROUNDS = 500, 60


async def nothing() -> None:
    """A coroutine that returns at once."""


async def floor(calls: int) -> None:
    """Pack, cross, unpack, await."""
    pack, unpack, cross = msgpack.Packer().pack, msgpack.unpackb, lib.rm_abi_version
    for _ in range(calls):
        packed = pack([1, 2, 3])
        cross()
        unpack(packed)
        await nothing()


async def execute(calls: int) -> None:
    """The same inputs through three nodes."""
    run = remotemedia.execute
    for _ in range(calls):
        await run(MANIFEST, [1, 2, 3])


async def execute_dict(calls: int) -> None:
    """The same with the manifest as a dict, which is packed at each call to find its pipeline."""
    run, manifest = remotemedia.execute, json.loads(MANIFEST)
    for _ in range(calls):
        await run(manifest, [1, 2, 3])


async def run_pipeline(calls: int) -> None:
    """The same by a `Pipeline`, which is looked at for changes at each call."""
    pipeline = remotemedia.Pipeline.load(MANIFEST)
    for _ in range(calls):
        await pipeline.run([1, 2, 3])


async def main() -> None:
    """Print all sides, the ratio and the bar."""
    result = await remotemedia.execute(MANIFEST, [1, 2, 3])
    assert result == [6, 7, 8], result
    sides = {"floor": floor, "execute": execute, "dict": execute_dict, "pipeline": run_pipeline}
    timings = await interleaved(sides, calls=CALLS, rounds=ROUNDS)
    ratio = timings["execute"].median / timings["floor"].median
    print(f"await: medians of {ROUNDS} rounds of {CALLS} calls, sides in turns; {machine()}")
    print(row("floor: pack, one call into C, unpack, await", timings["floor"]))
    print(row("PassThrough -> Calculator -> PassThrough", timings["execute"]))
    print(row("the same, its manifest a dict", timings["dict"]))
    print(row("the same, by Pipeline.run", timings["pipeline"]))
    print(f"ratio {ratio:.2f}, bar {BAR:.1f}: {'met' if ratio <= BAR else 'NOT met'}")


if __name__ == "__main__":
    asyncio.run(main())
