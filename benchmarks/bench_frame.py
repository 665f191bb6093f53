"""What it costs that a value is big: a 2.76 MB picture through one native node and back, against a number.

Both take the same way; the picture has to come back as the same memory. The bar is what it may take longer.
"""

from __future__ import annotations

import asyncio
import json

import numpy
import remotemedia

from benchmarks.measure import interleaved, machine, row

MANIFEST = json.dumps(
    {
        "version": "v1",
        "metadata": {"name": "bench frame"},
        "nodes": [{"id": "pass", "node_type": "PassThrough"}],
        "connections": [],
    }
)
BAR = 10e-6
# Short rounds: one that takes longer than the scheduler's slice measures the other processes of a busy machine.
CALLS, ROUNDS = 50, 400
FRAME = numpy.zeros((720, 1280, 3), dtype="uint8")


async def scalar(calls: int) -> None:
    """A number there and back."""
    run = remotemedia.execute
    for _ in range(calls):
        await run(MANIFEST, [1])


async def frame(calls: int) -> None:
    """A picture of 1280 x 720 there and back."""
    run = remotemedia.execute
    for _ in range(calls):
        await run(MANIFEST, [FRAME])


async def main() -> None:
    """Print both sides, the difference and the bar."""
    (back,) = await remotemedia.execute(MANIFEST, [FRAME])
    # The same memory, which may not be written to by another name.
    assert back.__array_interface__ == {**FRAME.__array_interface__, "data": (FRAME.ctypes.data, True)}
    timings = await interleaved({"scalar": scalar, "frame": frame}, calls=CALLS, rounds=ROUNDS)
    more = timings["frame"].median - timings["scalar"].median
    print(f"frame: medians of {ROUNDS} rounds of {CALLS} calls, sides in turns; {machine()}")
    print(row("an int through PassThrough", timings["scalar"]))
    print(row("a 1280 x 720 x 3 picture, the same memory back", timings["frame"]))
    print(f"{more * 1e6:.1f} us more, bar {BAR * 1e6:.0f} us: {'met' if more <= BAR else 'NOT met'}")


if __name__ == "__main__":
    asyncio.run(main())
