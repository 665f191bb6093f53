"""What the marshaller takes for small values: a Python value to the bytes of a document and back to a Python value.

Measured is our own packer and unpacker with all that they do for every value (buffer table, ext types, timestamps), in
Python alone: no call into the runtime. Both directions together are one round trip. Beside them, msgpack alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgpack
from remotemedia._codec.call_buffers import acquire, unpackb

from benchmarks.measure import interleaved, machine, row

BARS = {"int": (42, 1e-6), "str": ("hello", 1e-6), "bool": (True, 1e-6), "list": ([1, 2, 3], 2e-6)}
CALLS, ROUNDS = 2000, 40


def ours(value: Any) -> Callable[[int], Awaitable[None]]:
    """Round trips of a value through the marshaller."""
    used = acquire()

    async def side(calls: int) -> None:
        pack, decode = used.packer.pack, used.decode
        for _ in range(calls):
            unpackb(pack(value), ext_hook=decode, timestamp=3)

    return side


def bare(value: Any) -> Callable[[int], Awaitable[None]]:
    """Round trips of a value through msgpack alone."""

    async def side(calls: int) -> None:
        pack, unpack = msgpack.Packer().pack, msgpack.unpackb
        for _ in range(calls):
            unpack(pack(value))

    return side


async def main() -> None:
    """Print a row for each value and side, and whether ours is below its bar."""
    sides = {}
    for name, (value, _) in BARS.items():
        sides[f"{name}: {value!r}"] = ours(value)
        sides[f"{name}: {value!r}, msgpack alone"] = bare(value)
    timings = await interleaved(sides, calls=CALLS, rounds=ROUNDS)
    print(f"marshal: medians of {ROUNDS} rounds of {CALLS} round trips, sides in turns; {machine()}")
    for name, timing in timings.items():
        print(row(name, timing))
    for name, (value, bar) in BARS.items():
        taken = timings[f"{name}: {value!r}"].median
        print(f"{name} {taken * 1e6:.2f} us, bar {bar * 1e6:.0f} us: {'met' if taken <= bar else 'NOT met'}")


if __name__ == "__main__":
    asyncio.run(main())
